"""Pickles between processes, racing numba caches, memory maps, interrupts."""

import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor

from skgeo.eeg import AugmentedCovarianceClassifier
from skgeo.testing import make_trials
from tests.test_common import INSTANCES


def run(code, *arguments, env=None):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(env or {})},
        timeout=600,
    )


READ_BACK = """
import sys, joblib, numpy as np
model, X, expected, method = joblib.load(sys.argv[1])
found = np.asarray(getattr(model, method)(X))
np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
"""


def fitted(estimator):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4))
    y = None
    if is_classifier(estimator):
        y = rng.integers(0, 2, 30)
    elif is_regressor(estimator):
        y = X @ rng.standard_normal(4)
    model = clone(estimator)
    return (model.fit(X) if y is None else model.fit(X, y)), X


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
def test_pickles_answer_alike(estimator, protocol):
    model, X = fitted(estimator)
    again = pickle.loads(pickle.dumps(model, protocol=protocol))
    for method in ("predict", "transform"):
        if hasattr(model, method):
            np.testing.assert_array_equal(
                getattr(again, method)(X), getattr(model, method)(X)
            )


def test_dumps_answer_alike_in_another_process(tmp_path):
    files = []
    for index, estimator in enumerate(INSTANCES):
        model, X = fitted(estimator)
        method = "predict" if hasattr(model, "predict") else "transform"
        files.append(tmp_path / f"{index}.joblib")
        joblib.dump(
            (model, X, np.asarray(getattr(model, method)(X)), method), files[-1]
        )
    X, y = make_trials()
    model = AugmentedCovarianceClassifier(2, 2).fit(X, y)
    files.append(tmp_path / "trials.joblib")
    joblib.dump((model, X, model.decision_function(X), "decision_function"), files[-1])
    loop = "import sys\nfor path in sys.argv[1:]:\n    sys.argv[1] = path\n"
    loop += "".join(f"    {line}\n" for line in READ_BACK.strip().splitlines())
    run(loop, *files)


RACE = """
import numpy as np
from skgeo.eeg import AugmentedCovarianceClassifier
from skgeo.testing import make_trials
X, y = make_trials()
print(AugmentedCovarianceClassifier(2, 2).fit(X, y).decision_function(X).sum())
"""


def test_processes_racing_for_an_empty_numba_cache(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    finished = [racer.communicate(timeout=600) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 8, finished
    assert len({out for out, _ in finished}) == 1


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
def test_read_only_memory_maps(estimator, tmp_path):
    model, X = fitted(estimator)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    method = "predict" if hasattr(model, "predict") else "transform"
    np.testing.assert_allclose(
        getattr(model, method)(mapped), getattr(model, method)(X), rtol=1e-12
    )
