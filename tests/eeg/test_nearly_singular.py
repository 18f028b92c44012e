"""What fit accepts predict accepts: trials at the edge of positive definite."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    RecenteredCovarianceClassifier,
    TangentMap,
    TrialRejector,
)
from skgeo.eeg._solvers import lagged, riemann
from skgeo.eeg._solvers.tangents import OnePassSpace
from skgeo.exceptions import NotPositiveDefiniteError


def rank_one(seed, shape=(4, 5, 5)):
    """Trials whose channels are multiples of one short rhythm, rounded."""
    rng = np.random.default_rng(seed)
    gains = rng.normal(scale=15.0, size=(*shape[:2], 1))
    return np.round(gains * rng.normal(size=shape[2])).astype(np.int64)


@pytest.mark.parametrize(
    "model",
    [
        AugmentedCovarianceClassifier(),
        AugmentedCovarianceClassifier(shrinkage=None),
        AugmentedCovarianceClassifier(estimator="cov", shrinkage=1e-12),
        AugmentedCovarianceClassifier(2, 1, selection=None),
        AugmentedCovarianceClassifier(2, 1, selection=None, method="mdm"),
        AugmentedCovarianceClassifier(2, 1, selection=None, method="fgmdm"),
        AugmentedCovarianceClassifier(2, 1, selection=None, shrinkage=None),
        AugmentedCovarianceClassifier(metric="block-toeplitz"),
        AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(1,), cv=2),
        RecenteredCovarianceClassifier(),
        TrialRejector(),
    ],
    ids=lambda model: str(model)[:70],
)
@pytest.mark.filterwarnings("ignore")
def test_fit_refuses_what_predict_would(model):
    accepted = 0
    for seed in range(18):
        n_times = (5, 8, 12)[seed % 3]
        X, y = rank_one(seed, (6, 3, n_times)), np.arange(6) % 2
        subjects = {}
        if isinstance(model, RecenteredCovarianceClassifier):
            subjects = {"subjects": np.arange(6) // 3}
        try:
            model.fit(X, y, **subjects)
        except ValueError:
            continue
        accepted += 1
        labels = model.predict(X)
        assert len(labels) == 6
        if hasattr(model, "decision_function"):
            assert np.isfinite(model.decision_function(X)).all()
    assert accepted or getattr(model, "shrinkage", 0) is None


def test_short_integer_trials_whose_delayed_copies_stand_still():
    X = np.array(
        [
            [[20, -20, -15, -9, -10], [-7, 7, 5, 3, 3], [-4, 4, 3, 2, 2]],
            [[2, -2, -1, -1, -1], [16, -16, -12, -7, -8], [-7, 7, 5, 3, 3]],
            [[-14, 14, 10, 6, 6], [0, 0, 0, 0, 0], [-41, 41, 31, 19, 19]],
            [[-11, 11, 8, 5, 5], [24, -24, -18, -11, -11], [9, -9, -7, -4, -4]],
        ]
    )
    last = [
        [[-6, 6, 4, 3, 3], [17, -17, -13, -8, -8]],
        [[15, -15, -11, -7, -7], [1, -1, 0, 0, 0]],
        [[10, -10, -7, -4, -4], [14, -14, -10, -6, -6]],
        [[10, -10, -8, -5, -5], [4, -4, -3, -2, -2]],
    ]
    X = np.concatenate([X, last], axis=1)
    y = ["left", "right", "left", "left"]
    model = AugmentedCovarianceClassifier().fit(X, y)
    assert set(model.predict(X)) <= {"left", "right"}


def test_a_row_that_is_constant_within_its_window_has_no_variance():
    """One channel changes in its first sample only: its delayed copy is constant."""
    X = np.random.default_rng(0).standard_normal((3, 2, 60))
    X[:, 1] = 0.3 * np.pi
    X[:, 1, 0] = -7.0
    C = AugmentedCovariances(order=2, lag=2, shrinkage=None).fit_transform(X)
    assert (C[:, 3] == 0).all()  # not 1e-32
    assert (C[:, :, 3] == 0).all()
    Z = lagged.embed(X, (0, 2), 58)
    lagged.center_rows(Z)
    assert (Z[:, 3] == 0).all()
    assert_allclose(Z[:, 0], X[:, 0, :58] - X[:, 0, :58].mean(1, keepdims=True))
    C = AugmentedCovariances(delays=(0, 2), shrinkage=None).fit_transform(X)
    assert (C[:, 3] == 0).all()


def exact_spread(largest, d=6, n=5, seed=0):
    """Matrices whose logarithms at the identity are known, ``A^T exp(L) A``."""
    rng = np.random.default_rng(seed)
    L = np.linspace(-np.log(largest), 0, d) * np.ones((n, 1))
    return [np.diag(np.exp(row)) for row in rng.permuted(L, axis=1)], L


@pytest.mark.parametrize("largest", [1e6, 1e12, 1e18, 1e30])
def test_logarithms_of_matrices_far_from_the_reference(largest):
    """A graded matrix keeps its small eigenvalues, which ``eigh`` alone would lose."""
    C, L = exact_spread(largest)
    C = np.stack(C)
    rng = np.random.default_rng(1)
    W = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    logs = riemann.log_maps(C, W)
    assert_allclose(logs.values, L, rtol=1e-5, atol=1e-5)
    dense = W @ (np.log(np.diagonal(C, axis1=1, axis2=2))[:, :, None] * W.T[None])
    assert_allclose(logs.dense(), dense, atol=1e-4 * np.log(largest))
    distances = np.sqrt((L**2).sum(1))
    assert_allclose(riemann.distances_to(C, W), distances, rtol=1e-6)


def test_the_verdict_is_on_the_matrix_alone():
    good = np.diag([1.0, 1e-30, 1e20])
    bad = np.ones((3, 3)) + 1e-17 * np.eye(3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        W = rng.standard_normal((3, 3))
        riemann.log_maps(good[None], W)
        with pytest.raises(NotPositiveDefiniteError, match=r"Matrix 8 \(1 of 2"):
            riemann.log_maps(np.stack([good, bad]), W, first=7)
        with pytest.raises(NotPositiveDefiniteError, match="Matrix 1"):
            riemann.distances_to(np.stack([good, bad]), W)
    with pytest.raises(NotPositiveDefiniteError, match="Matrix 1"):
        TangentMap().fit(np.stack([np.eye(3), bad]))


@pytest.mark.parametrize(
    ("scale", "atol"), [(1.0, 1e-12), (1e4, 1e-10), (1e8, 1e-6), (1e12, 1e-3)]
)
def test_vectors_of_fit_are_those_of_predict(scale, atol):
    """A huge trial pulls the arithmetic mean away; the vectors stay the same."""
    rng = np.random.default_rng(3)
    C = rng.standard_normal((20, 4, 12))
    C = C @ C.swapaxes(1, 2)
    C[5] *= scale
    C[6, 1] *= scale
    C[6, :, 1] *= scale
    space = OnePassSpace()
    rows = space.learn(C.copy(), np.full(20, 1 / 20))
    assert_allclose(space.map(C), rows, atol=atol)
    assert np.linalg.norm(rows.mean(0)) < 0.1 * np.linalg.norm(rows, axis=1).mean()
