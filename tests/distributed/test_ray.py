"""The same results on a local ray cluster as in this process."""

import os

import joblib
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_blobs
from sklearn.model_selection import GridSearchCV

from skgeo.cluster import SDPKMeans
from skgeo.eeg import AugmentedCovarianceClassifier, AugmentedCovarianceClassifierCV
from skgeo.testing import make_trials


@pytest.fixture(scope="module")
def cluster():
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    ray = pytest.importorskip("ray", reason="extra ray")
    from ray.util.joblib import register_ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200 * 2**20,
    )
    register_ray()
    yield ray
    ray.shutdown()


def searches():
    X, y = make_trials(n_trials=36, n_channels=3, n_times=80)
    blobs, _ = make_blobs(60, centers=3, random_state=0)
    fixed = AugmentedCovarianceClassifier(selection=None)
    return {
        "all embeddings": lambda: AugmentedCovarianceClassifierCV(
            orders=(1, 2, 3), lags=(1, 3), n_jobs=2
        ).fit(X, y),
        "augmented covariance": lambda: GridSearchCV(
            fixed, {"order": [1, 2]}, cv=3, n_jobs=2
        ).fit(X, y),
        "SDP K-means": lambda: GridSearchCV(
            SDPKMeans(random_state=0), {"n_clusters": [2, 3]}, cv=3, n_jobs=2
        ).fit(blobs),
    }


@pytest.mark.parametrize("name", list(searches()))
def test_search(cluster, name):
    search = searches()[name]
    local = search()
    with joblib.parallel_config("ray"):
        pids = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4))
        remote = search()
    assert os.getpid() not in pids
    assert remote.best_params_ == local.best_params_
    assert_allclose(
        remote.cv_results_["mean_test_score"],
        local.cv_results_["mean_test_score"],
        rtol=1e-9,
    )
