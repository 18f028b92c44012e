"""Pickles between processes, racing numba caches, memory maps, interrupts."""

import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor

from skgeo.dynamics import HiPPOProjector, TwoLayerQGLibrary
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    ChannelSelector,
    CovarianceRecentering,
    DelayEmbedding,
    ERPAugmentedCovariances,
    RecenteredCovarianceClassifier,
    TangentMap,
    TrialRejector,
)
from skgeo.testing import all_estimators, make_trials
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
for path in sys.argv[1:]:
    model, X, expected, method = joblib.load(path)
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


def fitted_trials():
    """Every estimator that takes no plain table, fitted, and what it was fitted on."""
    X, y = make_trials()
    C = AugmentedCovariances(2, 2).fit_transform(X)
    yield DelayEmbedding(2, 2).fit(X), X
    yield HiPPOProjector(4).fit(X), X
    yield AugmentedCovariances(2, 2).fit(X), X
    yield TangentMap().fit(C), C
    yield CovarianceRecentering().fit(C), C
    yield CovarianceRecentering("bures-wasserstein").fit(C), C
    yield AugmentedCovarianceClassifier(2, 2, selection=None).fit(X, y), X
    yield AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(2,)).fit(X, y), X
    yield RecenteredCovarianceClassifier(2, 2).fit(X, y), X
    yield ERPAugmentedCovariances(2).fit(X, y), X
    yield TrialRejector().fit(X), X
    yield ChannelSelector(2).fit(X, y), X
    layers = np.random.default_rng(0).standard_normal((3, 32))
    yield TwoLayerQGLibrary(shape=(4, 4)).fit(layers), layers


def answer_of(model, X):
    method = "predict" if hasattr(model, "predict") else "transform"
    return method, np.asarray(getattr(model, method)(X))


def test_every_estimator_is_dumped():
    names = {type(e).__name__ for e in INSTANCES}
    names |= {type(model).__name__ for model, _ in fitted_trials()}
    assert names >= {name for name, _ in all_estimators()}


def all_fitted():
    yield from (fitted(estimator) for estimator in INSTANCES)
    yield from fitted_trials()


def test_dumps_answer_alike_in_another_process(tmp_path):
    for index, (model, X) in enumerate(all_fitted()):
        method, answer = answer_of(model, X)
        joblib.dump((model, X, answer, method), tmp_path / f"{index}.joblib")
    run(READ_BACK, *tmp_path.glob("*.joblib"))


READ_SKOPS = """
import sys, pathlib, numpy as np, skops.io
for path in map(pathlib.Path, sys.argv[1:]):
    types = skops.io.get_untrusted_types(file=path)
    # Nothing but skgeo's own classes has to be trusted.
    assert all(name.startswith("skgeo.") for name in types), (path, types)
    model = skops.io.load(path, trusted=types)
    stored = np.load(path.with_suffix(".npz"))
    found = np.asarray(getattr(model, str(stored["method"]))(stored["X"]))
    np.testing.assert_allclose(found, stored["answer"], rtol=1e-12, atol=0)
"""


def test_skops_files_answer_alike_in_another_process(tmp_path):
    skops = pytest.importorskip("skops.io", reason="skops")
    for index, (model, X) in enumerate(all_fitted()):
        method, answer = answer_of(model, X)
        skops.dump(model, tmp_path / f"{index}.skops")
        np.savez(tmp_path / f"{index}.npz", X=X, answer=answer, method=method)
    run(READ_SKOPS, *tmp_path.glob("*.skops"))


# Kernels that compile in a second or two: the race is for files, whatever they hold.
RACE = """
import numpy as np
from skgeo.decomposition import OnlineOrthogonalDictionary
X = np.random.default_rng(0).laplace(size=(200, 4))
model = OnlineOrthogonalDictionary(max_iter=3, tol=0.0, random_state=0).fit(X)
print(model.components_.tolist())
"""


def test_processes_racing_for_an_empty_numba_cache(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RACE],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    finished = [racer.communicate(timeout=600) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 3, finished
    assert len({out for out, _ in finished}) == 1
    assert list(tmp_path.rglob("*.nbc")), "nothing was compiled into the cache"


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
def test_read_only_memory_maps(estimator, tmp_path):
    model, X = fitted(estimator)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    method = "predict" if hasattr(model, "predict") else "transform"
    np.testing.assert_allclose(
        getattr(model, method)(mapped), getattr(model, method)(X), rtol=1e-12
    )
