"""Block-Toeplitz geometry: dense formulas, invariances, and the classifiers on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
)
from skgeo.eeg._solvers import block_toeplitz as bt
from skgeo.eeg._solvers import lagged, riemann
from skgeo.eeg._solvers.covariances import CovarianceSettings, toeplitz_blocks
from skgeo.testing import make_trials


def blocks(n, p, c, seed=0, n_times=60):
    """Biased lags (0, k) of autoregressive signals."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, c, n_times))
    X[:, :, 1:] += 0.7 * X[:, :, :-1]
    # Unlike mixings of bounded condition number, so that 1e-8 can be asked for.
    X = np.linalg.qr(rng.standard_normal((n, c, c)))[0] @ (
        rng.uniform(0.3, 2.0, (n, c, 1)) * X
    )
    return lagged.lag_blocks(X, p, 1).swapaxes(2, 3) / n_times


def dense(R):
    return lagged._toeplitz(R.swapaxes(2, 3))


def direct_coefficients(R):
    """The defining formula, with the dense leading matrices."""
    p, c, _ = R.shape
    big = dense(R[None])[0]
    out = []
    for order in range(p - 1):
        leading = big[: order * c, : order * c]
        f = R[1 : order + 1].swapaxes(0, 1).reshape(c, order * c)
        g = [R[k].T for k in range(order, 0, -1)]
        g = np.hstack(g) if g else np.empty((c, 0))
        solve = np.linalg.inv(leading) if order else leading
        L, K = R[0] - f @ solve @ f.T, R[0] - g @ solve @ g.T
        D = R[order + 1] - f @ solve @ g.T
        out.append(bt._power(L, -0.5) @ D @ bt._power(K, -0.5))
    return np.array(out)


shapes = st.tuples(
    st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000)
)  # p, c, seed
slow = settings(max_examples=25, deadline=None)


@slow
@given(shapes)
def test_coefficients_against_the_dense_formula(shape):
    p, c, seed = shape
    R = blocks(3, p, c, seed)
    P, Omega = bt.coefficients(R)
    assert_array_equal(P, R[:, 0])
    for k in range(3):
        if p > 1:
            assert_allclose(Omega[k], direct_coefficients(R[k]), atol=1e-8)
    assert (np.linalg.norm(Omega, 2, axis=(2, 3)) < 1).all()
    assert_allclose(bt.lags(P, Omega), R, atol=1e-9 * np.abs(R).max())


@slow
@given(shapes)
def test_log_determinant_identity(shape):
    p, c, seed = shape
    R = blocks(3, p, c, seed)
    P, Omega = bt.coefficients(R)
    expected = p * np.linalg.slogdet(P)[1]
    for k in range(p - 1):
        Z = Omega[:, k]
        expected += (p - 1 - k) * np.linalg.slogdet(np.eye(c) - Z @ Z.swapaxes(1, 2))[1]
    assert_allclose(np.linalg.slogdet(dense(R))[1], expected, atol=1e-8)


def squared(R, S):
    P, Omega = bt.coefficients(R[None])
    Q, Psi = bt.coefficients(S[None])
    W = riemann.whitener_of(Q[0])
    return bt.squared_distances(P, Omega, W, Psi[0])[0]


@slow
@given(shapes)
def test_distance_is_a_distance(shape):
    p, c, seed = shape
    A, B, C = blocks(3, p, c, seed)
    assert_allclose(squared(A, A), 0.0, atol=1e-7)
    assert_allclose(squared(A, B), squared(B, A), rtol=1e-6)
    AB, BC, AC = (np.sqrt(squared(*pair)) for pair in ((A, B), (B, C), (A, C)))
    assert AC <= AB + BC + 1e-9
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((c, c)))
    mixed = [orthogonal @ R @ orthogonal.T for R in (A, B)]
    assert_allclose(squared(*mixed), squared(A, B), rtol=1e-6)


@slow
@given(shapes)
def test_whitened_tangent_is_invariant_under_any_mixing(shape):
    p, c, seed = shape
    R = blocks(6, p, c, seed)
    rng = np.random.default_rng(seed)
    mixing = np.linalg.qr(rng.standard_normal((c, c)))[0] * rng.uniform(0.2, 5.0, c)
    grams = []
    for S in (R, mixing @ R @ mixing.T):
        T = bt.tangent(S, riemann.riemann_mean(S[:, 0]).x)
        grams.append(T @ T.T)
    assert_allclose(grams[0], grams[1], atol=1e-7 * np.abs(grams[0]).max())


def test_siegel_distance_against_its_definition():
    # Jeuris and Vandebril: d = |log((I + C^(1/2)) (I - C^(1/2))^-1)| / 2 with
    # C = (B - A)(I - A^T B)^-1 (B^T - A^T)(I - A B^T)^-1.
    _, Omega = bt.coefficients(blocks(2, 2, 3))
    A, B = Omega[:, 0]
    eye = np.eye(3)
    C = (B - A) @ np.linalg.inv(eye - A.T @ B) @ (B.T - A.T)
    C = C @ np.linalg.inv(eye - A @ B.T)
    root = np.sqrt(np.linalg.eigvals(C).real)
    expected = (0.25 * np.log((1 + root) / (1 - root)) ** 2).sum()
    found = np.linalg.norm(bt.log_origin(bt.mobius(A, B))) ** 2
    assert_allclose(found, expected, rtol=1e-9)


def test_siegel_maps_undo_each_other_and_keep_distances():
    _, Omega = bt.coefficients(blocks(4, 3, 3))
    Z, B = Omega[:2, 0], Omega[2, 1]
    assert_allclose(bt.exp_origin(bt.log_origin(Z)), Z, atol=1e-12)
    assert_allclose(bt.mobius(bt.mobius(Z, B), -B), Z, atol=1e-12)
    assert_allclose(bt.mobius(B, B), 0.0, atol=1e-12)
    before = np.linalg.norm(bt.log_origin(bt.mobius(Z[0], Z[1])))
    moved = bt.mobius(Z, B)
    after = np.linalg.norm(bt.log_origin(bt.mobius(moved[0], moved[1])))
    assert_allclose(after, before, rtol=1e-10)


def test_mean_is_the_minimum_of_the_squared_distances():
    R = blocks(7, 3, 2)
    P, Omega = bt.coefficients(R)
    weight = np.random.default_rng(0).dirichlet(np.ones(7))
    W, center, converged = bt.mean(P, Omega, weight)
    assert converged
    least = weight @ bt.squared_distances(P, Omega, W, center)
    rng = np.random.default_rng(1)
    for _ in range(10):
        step = 1e-3 * rng.standard_normal((2, 2))
        near = W @ (np.eye(2) + step)
        assert weight @ bt.squared_distances(P, Omega, near, center) > least
        other = center + 1e-3 * rng.standard_normal(center.shape)
        assert weight @ bt.squared_distances(P, Omega, W, other) > least


def test_scalar_case_has_closed_forms():
    # One channel: the coefficients are the partial autocorrelations.
    R = blocks(1, 3, 1)
    r = R[0, :, 0, 0] / R[0, 0, 0, 0]
    _, Omega = bt.coefficients(R)
    assert_allclose(Omega[0, 0, 0, 0], r[1])
    assert_allclose(Omega[0, 1, 0, 0], (r[2] - r[1] ** 2) / (1 - r[1] ** 2))


def test_singular_lags_are_told():
    R = np.ones((1, 3, 2, 2))
    with pytest.raises(ValueError, match="not positive definite"):
        bt.coefficients(R)


@pytest.mark.parametrize("estimator", ["scm", "oas"])
@pytest.mark.parametrize("shrinkage", ["auto", None, 0.1])
@pytest.mark.parametrize("order", [1, 4])
def test_lag_blocks_are_those_of_the_dense_matrices(estimator, shrinkage, order):
    X, _ = make_trials(6, 3, 80)
    transformer = AugmentedCovariances(
        order, 2, estimator=estimator, shrinkage=shrinkage, block_toeplitz=True
    ).fit(X)
    expected = transformer.transform(X)[:, :3].reshape(6, 3, order, 3).swapaxes(1, 2)
    settings = CovarianceSettings("valid", estimator, shrinkage, True)
    found = toeplitz_blocks(X, order, 2, settings)
    assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ["tangent-svm", "tangent-lr", "mdm"])
def test_classifiers(method):
    X, y = make_trials(60, 3, 100)
    X += 1.5 * np.random.default_rng(0).standard_normal(X.shape)
    model = AugmentedCovarianceClassifier(
        3, 2, metric="block-toeplitz", method=method, selection=None
    ).fit(X[:40], y[:40])
    assert roc_auc_score(y[40:], model.decision_function(X[40:])) > 0.8
    flat = AugmentedCovarianceClassifier(
        1, 1, metric="block-toeplitz", method=method, selection=None
    )
    plain = AugmentedCovarianceClassifier(1, 1, method=method, selection=None)
    # At order 1 there is nothing but the diagonal block.
    assert_allclose(
        flat.fit(X, y).decision_function(X),
        plain.fit(X, y).decision_function(X),
        atol=5e-3,
    )


def test_search_scores_what_the_classifier_does():
    X, y = make_trials(30, 3, 100)
    X += 3 * np.random.default_rng(0).standard_normal(X.shape)
    common = {"metric": "block-toeplitz", "probability": False}
    search = AugmentedCovarianceClassifierCV((1, 3), (2,), **common).fit(X, y)
    from sklearn.model_selection import GridSearchCV

    grid = {"order": [1, 3], "C": [0.5, 1.0, 1.5], "kernel": ["linear", "rbf"]}
    peer = GridSearchCV(
        AugmentedCovarianceClassifier(lag=2, **common, selection=None),
        grid,
        cv=3,
        scoring="roc_auc",
    ).fit(X, y)
    key = {
        tuple(sorted(p.items())): s
        for p, s in zip(
            peer.cv_results_["params"], peer.cv_results_["mean_test_score"], strict=True
        )
    }
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        params = {k: v for k, v in params.items() if k != "lag"}
        assert_allclose(score, key[tuple(sorted(params.items()))], atol=1e-12)
    shared = AugmentedCovarianceClassifierCV((1, 3), (2,), precision="shared", **common)
    assert np.isfinite(shared.fit(X, y).best_score_)


def test_fgmdm_is_refused():
    X, y = make_trials()
    with pytest.raises(ValueError, match="fgmdm"):
        AugmentedCovarianceClassifier(
            metric="block-toeplitz", method="fgmdm", selection=None
        ).fit(X, y)
