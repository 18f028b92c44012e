"""Riemannian mean, tangent map and discriminant directions against their oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pyriemann.tangentspace import TangentSpace
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning

from skgeo.eeg import TangentMap
from skgeo.eeg._solvers import riemann
from skgeo.eeg._solvers.lda import shrunk_lda_directions

try:
    from pyriemann.geometry.distance import distance_riemann
    from pyriemann.geometry.mean import mean_riemann
except ImportError:  # pyriemann < 0.12
    from pyriemann.utils.distance import distance_riemann
    from pyriemann.utils.mean import mean_riemann


def spd(n, d, seed=0, spread=1.0, condition=1.0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d, 2 * d))
    C = A @ A.swapaxes(1, 2) / (2 * d) * np.exp(spread * rng.standard_normal((n, 1, 1)))
    scale = np.exp(np.linspace(0, np.log(condition) / 2, d))
    return scale[:, None] * C * scale[None, :]


def mean_of(W):
    inverse = np.linalg.inv(W)
    return inverse @ inverse.T


@pytest.mark.parametrize("d", [1, 2, 5, 20, 44])
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_equals_pyriemann(d, weighted):
    C = spd(30, d, seed=d)
    weight = np.random.default_rng(1).random(30) if weighted else np.ones(30)
    weight /= weight.sum()
    result = riemann.riemann_mean(C, weight)
    theirs = mean_riemann(C, tol=1e-12, maxiter=200, sample_weight=weight)
    assert result.converged
    assert result.n_iter <= 6
    assert np.abs(mean_of(result.x) - theirs).max() < 1e-8 * np.abs(theirs).max()


@given(st.integers(2, 6), st.integers(0, 10**6), st.floats(0, 8))
@settings(max_examples=60, deadline=None)
def test_mean_is_equivariant_and_stationary(d, seed, spread):
    C = spd(8, d, seed, spread=spread)
    rng = np.random.default_rng(seed + 1)
    A = rng.standard_normal((d, d)) + 2 * np.eye(d)
    if np.linalg.cond(A) > 1e3:
        return
    mixed = A @ C @ A.T
    mixed = (mixed + mixed.swapaxes(1, 2)) / 2
    M, mixed_mean = (riemann.riemann_mean(Z) for Z in (C, mixed))
    assert M.converged
    assert mixed_mean.converged
    expected = A @ mean_of(M.x) @ A.T
    assert_allclose(
        mean_of(mixed_mean.x), expected, rtol=1e-5, atol=1e-7 * expected.max()
    )
    # Inverting every matrix inverts the mean.
    inverse = riemann.riemann_mean(np.linalg.inv(C))
    assert_allclose(mean_of(inverse.x) @ mean_of(M.x), np.eye(d), atol=1e-5)


@pytest.mark.parametrize("spread", [3.0, 10.0, 30.0])
def test_mean_of_matrices_very_far_apart(spread):
    C = spd(12, 4, seed=3, spread=spread)
    result = riemann.riemann_mean(C)
    assert result.converged
    assert np.linalg.norm(riemann.log_maps(C, result.x).dense().mean(0)) < 1e-7


@pytest.mark.parametrize("scale", [1e-280, 1e-150, 1.0, 1e150, 1e280])
def test_mean_at_any_magnitude(scale):
    C = spd(6, 3)
    expected = mean_of(riemann.riemann_mean(C).x)
    assert_allclose(
        mean_of(riemann.riemann_mean(C * scale).x) / scale, expected, rtol=1e-9
    )


def test_mean_of_one_matrix_is_the_matrix():
    C = spd(1, 5, condition=1e8)
    result = riemann.riemann_mean(C)
    assert_allclose(mean_of(result.x), C[0], rtol=1e-6)


def test_badly_conditioned_mean_is_found_or_told():
    C = spd(20, 6, condition=1e10)
    result = riemann.riemann_mean(C)
    assert result.converged


def test_distances_equal_pyriemann():
    C = spd(10, 7)
    M = spd(1, 7, seed=9)[0]
    ours = riemann.distances_to(C, riemann.whitener_of(M))
    assert_allclose(ours, distance_riemann(C, np.broadcast_to(M, C.shape)), rtol=1e-10)


def test_hessian_equals_finite_differences():
    C = spd(5, 4)
    W = riemann.whitener_of(C.mean(0))
    weight = np.full(5, 0.2)
    logs = riemann.log_maps(C, W)
    J = logs.mean(weight)
    m = riemann.newton_direction(J, logs, weight, max_steps=60, tol=1e-13)
    # Moving the reference along t m changes the mean logarithm by -t H m = -t J.
    t = 1e-6
    moved = riemann.log_maps(C, riemann.exp_symmetric(m, -t / 2) @ W).mean(weight)
    assert_allclose((J - moved) / t, J, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("d", [1, 3, 12])
def test_tangent_map_equals_pyriemann(d):
    C, D = spd(25, d), spd(10, d, seed=5)
    ours = TangentMap(tol=1e-11)
    T = ours.fit_transform(C)
    theirs = TangentSpace().fit(C)
    theirs.reference_ = mean_riemann(C, tol=1e-12, maxiter=200)
    assert_allclose(ours.reference_, theirs.reference_, rtol=1e-8, atol=1e-9)
    assert np.abs(T - theirs.transform(C)).max() < 1e-8
    assert np.abs(ours.transform(D) - theirs.transform(D)).max() < 1e-8
    assert_allclose(ours.inverse_transform(ours.transform(D)), D, rtol=1e-8, atol=1e-10)
    reference = np.broadcast_to(ours.reference_, C.shape)
    assert_allclose(np.linalg.norm(T, axis=1), distance_riemann(C, reference))


@pytest.mark.parametrize("metric", ["logeuclid", "euclid", "logchol", "wasserstein"])
def test_other_metrics_are_pyriemann(metric):
    C = spd(15, 4)
    weight = np.random.default_rng(0).random(15)
    ours = TangentMap(metric=metric).fit_transform(C, sample_weight=weight)
    theirs = TangentSpace(metric=metric).fit_transform(C, sample_weight=weight)
    assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_tangent_map_names_and_errors():
    C = spd(15, 3)
    ours = TangentMap().fit(C)
    assert list(ours.get_feature_names_out(["C3", "Cz", "C4"]))[:2] == [
        "tsC3_C3",
        "tsC3_Cz",
    ]
    with pytest.raises(ValueError, match="2 names for 3"):
        ours.get_feature_names_out(["a", "b"])
    with pytest.raises(ValueError, match="tangent vectors of 3 x 3"):
        ours.inverse_transform(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="symmetric"):
        TangentMap().fit(C + np.triu(np.ones((3, 3)), 1))
    singular = C.copy()
    singular[4] = np.ones((3, 3)) - 1e-3 * np.eye(3)
    with pytest.raises(ValueError, match=r"Matrix 4 .*not positive definite"):
        TangentMap().fit(singular)
    with pytest.raises(ValueError, match="not positive definite"):
        TangentMap().fit(np.ones((5, 3, 3)))
    with pytest.warns(ConvergenceWarning, match="tol"):
        TangentMap(max_iter=1).fit(C)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_lda_directions_equal_sklearn(n_classes):
    rng = np.random.default_rng(0)
    codes = np.arange(45) % n_classes
    X = rng.standard_normal((45, 80)) * np.exp(rng.standard_normal(80)) + codes[:, None]
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X, codes)
    ours = shrunk_lda_directions(X, codes, n_classes)
    assert_allclose(ours, lda.coef_, rtol=1e-8, atol=1e-10)


def test_lda_weights_are_repetitions():
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((20, 30)), np.arange(20) % 2
    weight = rng.integers(1, 4, 20)
    again = np.repeat(np.arange(20), weight)
    assert_allclose(
        shrunk_lda_directions(X, codes, 2, weight.astype(float)),
        shrunk_lda_directions(X[again], codes[again], 2),
        rtol=1e-9,
    )


@given(st.integers(0, 2**32 - 1), st.floats(-18, 0), st.integers(-200, 200))
@settings(max_examples=60, deadline=None)
def test_the_verdict_on_a_matrix_does_not_depend_on_the_reference(seed, left, scale):
    """A row whose own share is 10 ** left, beside regular ones, at any scale."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((5, 6, 6)) * 10.0 ** rng.uniform(-3, 3, 6)[:, None]
    factors += 3.0 * np.eye(6) * np.abs(factors).max()
    factors[2, 4] = factors[2, 1] + 10.0 ** (left / 2) * factors[2, 4]
    C = 2.0**scale * factors @ factors.swapaxes(1, 2)
    C = (C + C.swapaxes(1, 2)) / 2
    M = C.mean(0)
    W = riemann.whitener_of(M)
    share = riemann.unexplained_share(M, W)
    L = np.linalg.cholesky(M / np.sqrt(np.outer(np.diag(M), np.diag(M))))
    assert_allclose(share, (np.diag(L) ** 2).min(), rtol=1e-6)

    def verdict(function, *args, **options):
        try:
            function(*args, **options)
        except riemann.NotPositiveDefiniteError as error:
            return str(error)
        return None

    refused = verdict(riemann.check_definite, C)
    assert verdict(riemann.log_maps, C, W, unexplained=share) == refused
    if refused is None:
        logs = riemann.log_maps(C, W, unexplained=share)
        np.testing.assert_array_equal(logs.values, riemann.log_maps(C, W).values)
