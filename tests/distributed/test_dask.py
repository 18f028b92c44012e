"""The same results on a real local dask cluster as in this process."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV

from skgeo.testing import make_trials

distributed = pytest.importorskip("distributed", reason="extra dask")


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def same_search(make_search, X, y, client, **fit_params):
    local = make_search().fit(X, y, **fit_params)
    with joblib.parallel_config("dask"):
        remote = make_search().fit(X, y, **fit_params)
    assert remote.best_params_ == local.best_params_
    for key, value in local.cv_results_.items():
        if key.startswith(("split", "mean_test", "std_test", "rank")):
            assert_allclose(remote.cv_results_[key], value, rtol=1e-9, err_msg=key)
    return local, remote


def test_the_tasks_really_run_on_the_cluster(cluster):
    with joblib.parallel_config("dask"):
        pids = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(8))
    assert os.getpid() not in pids


def test_augmented_covariance_search(cluster):
    from skgeo.eeg import AugmentedCovarianceClassifierCV

    X, y = make_trials(n_trials=36, n_channels=3, n_times=80)
    X = X + np.random.default_rng(0).standard_normal(X.shape)

    def make():
        return AugmentedCovarianceClassifierCV(orders=(1, 2, 3), lags=(1, 3), n_jobs=2)

    local, remote = same_search(make, X, y, cluster)
    assert_allclose(remote.decision_function(X), local.decision_function(X), rtol=1e-9)


def family_searches():
    from sklearn.datasets import make_blobs, make_classification, make_regression

    from skgeo.cluster import LikelihoodAdjustedSDP, SDPKMeans
    from skgeo.decomposition import (
        OnlineOrthogonalDictionary,
        SupervisedDictionaryLearning,
    )
    from skgeo.dynamics import MEDIDA
    from skgeo.eeg import AugmentedCovarianceClassifier
    from skgeo.linear_model import KroneckerSBLRegressor, SparseBayesianRegressor

    trials = make_trials(n_trials=24)
    blobs = make_blobs(36, centers=3, random_state=0)
    table = make_classification(90, n_features=8, n_informative=4, random_state=0)
    line = make_regression(60, n_features=10, n_informative=3, random_state=0)
    return {
        "augmented covariance": (
            AugmentedCovarianceClassifier(selection=None),
            {"order": [1, 2]},
            trials,
        ),
        "SDP K-means": (SDPKMeans(random_state=0), {"n_clusters": [2, 3]}, blobs),
        "iLA-SDP": (
            LikelihoodAdjustedSDP(3, random_state=0),
            {"n_clusters": [2, 3]},
            blobs,
        ),
        "supervised dictionary": (
            SupervisedDictionaryLearning(3, random_state=0),
            {"n_components": [2, 3]},
            table,
        ),
        "orthogonal dictionary": (
            OnlineOrthogonalDictionary(random_state=0),
            {"step": ["decay", "constant"]},
            table,
        ),
        "sparse Bayes": (
            SparseBayesianRegressor(),
            {"fit_intercept": [True, False]},
            line,
        ),
        "Kronecker SBL": (KroneckerSBLRegressor(), {"solver": ["mm", "svd"]}, line),
        "MEDIDA": (
            MEDIDA(model=forgetful, dt=0.05),
            {"evaluate_at": ["tangent", "end"]},
            decays(),
        ),
    }


def forgetful(states):
    return states * np.exp(-0.05)


def decays():
    states = np.random.default_rng(0).uniform(0.5, 2.0, (200, 2))
    return states, states * np.exp(-0.05 * np.array([1.0, 1.4]))


FAMILIES = (
    "augmented covariance",
    "SDP K-means",
    "iLA-SDP",
    "supervised dictionary",
    "orthogonal dictionary",
    "sparse Bayes",
    "Kronecker SBL",
    "MEDIDA",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_search_over_each_family(cluster, family):
    model, grid, (X, y) = family_searches()[family]
    same_search(lambda: GridSearchCV(model, grid, cv=3), X, y, cluster)


def executed(client):
    counts = client.run(lambda dask_worker: dask_worker.state.executed_count)
    return sum(counts.values())


def test_moabb_evaluation(cluster, tmp_path):
    pytest.importorskip("moabb", reason="extra eeg")
    from skgeo.eeg import evaluate

    options = {"pipelines": ["Cov+MDM", "ACM+TS+SVM"], "channels": ["C3", "Cz", "C4"]}
    local = evaluate(output=tmp_path / "local", n_jobs=1, **options)
    before = executed(cluster)
    with joblib.parallel_config("dask"):
        remote = evaluate(output=tmp_path / "remote", n_jobs=2, **options)
    assert executed(cluster) > before  # the folds ran there
    keys = ["task", "subject", "session", "pipeline"]
    assert_array_equal(
        remote.scores.set_index(keys)["score"].sort_index(),
        local.scores.set_index(keys)["score"].sort_index(),
    )
    keys += ["fold"]
    assert_allclose(
        remote.folds.set_index(keys)["score"].sort_index(),
        local.folds.set_index(keys)["score"].sort_index(),
        rtol=1e-9,
    )


def test_stream_of_dask_arrays(cluster):
    array = pytest.importorskip("dask.array")
    from skgeo.decomposition import OnlineOrthogonalDictionary

    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    codes = rng.standard_normal((3000, 8)) * (rng.random((3000, 8)) < 0.2)
    X = codes @ basis
    blocks = array.from_array(X, chunks=(700, 8))
    local, remote = (OnlineOrthogonalDictionary(random_state=0) for _ in range(2))
    for start in range(0, len(X), 700):
        local.partial_fit(X[start : start + 700])
    for block in blocks.blocks:
        remote.partial_fit(block.compute())
    assert_array_equal(remote.components_, local.components_)
    # The model travels between processes and goes on.
    future = cluster.submit(OnlineOrthogonalDictionary(random_state=0).partial_fit, X)
    future = cluster.submit(OnlineOrthogonalDictionary.partial_fit, future, X[:801])
    travelled = future.result()
    expected = OnlineOrthogonalDictionary(random_state=0).partial_fit(X)
    expected.partial_fit(X[:801])
    for name in ("components_", "gap_", "n_steps_", "n_replayed_"):
        assert_array_equal(getattr(travelled, name), getattr(expected, name))
    # The codes stay distributed: the fitted model goes to the blocks.
    distributed_codes = blocks.map_blocks(remote.transform, dtype=float)
    assert_allclose(distributed_codes.compute(), local.transform(X), atol=1e-12)


class Slow(ClassifierMixin, BaseEstimator):
    """Takes its time, so that a worker can be killed while it works."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y):
        time.sleep(0.2)
        self.classes_ = np.unique(y)
        self.mean_ = X.mean()
        return self

    def predict(self, X):
        return (X.mean(axis=(1, 2)) > self.mean_ + self.shift).astype(int)


@pytest.mark.skipif(os.name == "nt", reason="kills by a POSIX signal")
def test_a_killed_worker_changes_nothing(cluster):
    X, y = make_trials(n_trials=30)
    grid = {"shift": np.linspace(-1, 1, 8).tolist()}
    victim = next(iter(cluster.run(os.getpid).values()))

    def kill():
        time.sleep(0.7)
        os.kill(victim, signal.SIGKILL)

    local = GridSearchCV(Slow(), grid, cv=3).fit(X, y)
    killer = threading.Thread(target=kill)
    killer.start()
    with joblib.parallel_config("dask"):
        remote = GridSearchCV(Slow(), grid, cv=3).fit(X, y)
    killer.join()
    assert victim not in cluster.run(os.getpid).values()
    for key in ("mean_test_score", "rank_test_score"):
        assert_array_equal(remote.cv_results_[key], local.cv_results_[key])
