"""Running means of covariances and the recentering they give."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyriemann.utils.distance import distance_wasserstein
from pyriemann.utils.mean import mean_riemann, mean_wasserstein

from skgeo.eeg import CovarianceRecentering
from skgeo.eeg._solvers.running_mean import (
    RunningBuresMean,
    RunningRiemannMean,
    share_of_batch,
)
from skgeo.exceptions import NotPositiveDefiniteError, UnusedParameterWarning
from skgeo.testing import make_trials


def wishart(n, d, dof=40, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d, dof))
    M = np.eye(d) + rng.standard_normal((d, d)) / np.sqrt(d)
    return M @ (A @ A.swapaxes(1, 2) / dof) @ M.T


def power(X, p):
    w, V = np.linalg.eigh(X)
    return (V * np.maximum(w, 0)[..., None, :] ** p) @ np.swapaxes(V, -1, -2)


@pytest.mark.parametrize("seed", [10, 11])
def test_bures_mean_is_pyriemanns(seed):
    X = wishart(60, 6, seed=seed)
    model = CovarianceRecentering("bures-wasserstein", theta=1.0, base="identity")
    np.testing.assert_allclose(model.fit(X).mean_, mean_wasserstein(X), atol=1e-8)


def test_affine_mean_is_pyriemanns():
    X = wishart(60, 6)
    np.testing.assert_allclose(
        CovarianceRecentering().fit(X).mean_, mean_riemann(X, tol=1e-10), atol=1e-8
    )


@pytest.mark.parametrize("theta", [1.0, 0.5, 0.25])
@pytest.mark.parametrize("base", ["mean", "identity"])
def test_bures_recentering_is_exact_where_whitening_misses(theta, base):
    X = wishart(200, 8)
    model = CovarianceRecentering("bures-wasserstein", theta=theta, base=base)
    Z = model.fit_transform(X)
    eye = np.eye(8)
    np.testing.assert_allclose(mean_wasserstein(power(Z, theta)), eye, atol=1e-8)
    white = power(mean_wasserstein(X), -0.5)
    missed = np.abs(mean_wasserstein(white @ X @ white) - eye).max()
    assert missed > 1e-2
    # Distances to the mean are kept by the transport.
    if base == "identity":
        variance = np.trace(X.mean(0)) / 8
        center = power(model.mean_ / variance, theta)
        before = [distance_wasserstein(C, center) for C in power(X / variance, theta)]
        after = [distance_wasserstein(C, eye) for C in power(Z, theta)]
        np.testing.assert_allclose(after, before, rtol=1e-6)


def test_riemann_recentering():
    X = wishart(50, 5)
    Z = CovarianceRecentering().fit_transform(X)
    np.testing.assert_allclose(mean_riemann(Z, tol=1e-12), np.eye(5), atol=1e-8)
    T = CovarianceRecentering(output="tangent").fit_transform(X)
    np.testing.assert_allclose(T.mean(0), 0.0, atol=1e-9)


@pytest.mark.parametrize("metric", ["riemann", "bures-wasserstein"])
@pytest.mark.parametrize("output", ["matrices", "tangent"])
def test_inverse(metric, output):
    X = wishart(30, 5)
    model = CovarianceRecentering(metric, output=output).fit(X)
    back = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(back, X, rtol=1e-9, atol=1e-10)


def test_tangent_vectors_are_the_logarithms_for_small_powers():
    # As theta goes to zero the geometry becomes the log-Euclidean one.
    X = wishart(30, 4, dof=200)
    model = CovarianceRecentering(
        "bures-wasserstein", theta=0.01, base="identity", output="tangent"
    )
    T = model.fit_transform(X)
    w, V = np.linalg.eigh(X)
    logs = (V * np.log(w)[:, None, :]) @ V.swapaxes(1, 2)
    logs -= logs.mean(0)
    norms = np.sqrt((logs**2).sum((1, 2)))
    np.testing.assert_allclose(np.linalg.norm(T, axis=1), norms, rtol=2e-2)


def standard_errors(metric, theta, X, running, whole):
    """Distance of a running mean from the mean of all, in standard errors."""
    if metric == "riemann":
        w = power(whole, -0.5)

        def distance(A):
            values = np.linalg.eigvalsh(w @ A @ w)
            return np.sqrt((np.log(values) ** 2).sum(-1))
    else:
        root = power(whole, theta / 2)

        def distance(A):  # pyriemann's has no root of rounded zeros
            A = power(A, theta)
            traces = np.trace(A, axis1=-2, axis2=-1) + np.trace(root @ root)
            cross = np.trace(power(root @ A @ root, 0.5), axis1=-2, axis2=-1)
            return np.sqrt(np.maximum(traces - 2 * cross, 0.0))

    return distance(running[None])[0] / np.sqrt((distance(X) ** 2).mean() / len(X))


def follow(model, X, batch):
    for start in range(0, len(X), batch):
        model.partial_fit(X[start : start + batch])
    return model


CASES = [("riemann", 0.5, 0.05), ("bures-wasserstein", 0.5, 0.02)]


@pytest.mark.parametrize(("metric", "theta", "allowed"), CASES)
@pytest.mark.parametrize("batch", [1, 20])
def test_running_mean_ends_at_the_mean(metric, theta, allowed, batch):
    for seed in range(3):
        X = wishart(600, 8, seed=100 + seed)
        options = {} if metric == "riemann" else {"theta": theta}
        whole = CovarianceRecentering(metric, **options).fit(X).mean_
        running = follow(CovarianceRecentering(metric, **options), X, batch)
        assert running.n_samples_seen_ == 600
        assert standard_errors(metric, theta, X, running.mean_, whole) < allowed
        order = np.random.default_rng(seed).permutation(600)
        other = follow(CovarianceRecentering(metric, **options), X[order], batch)
        assert standard_errors(metric, theta, X, other.mean_, running.mean_) < 0.1


def test_forgetting_follows_a_jump():
    X, Y = wishart(300, 4, seed=1), 9.0 * wishart(300, 4, seed=2)
    stay = follow(CovarianceRecentering(), np.concatenate([X, Y]), 1)
    forget = CovarianceRecentering(forgetting=0.05)
    follow(forget, np.concatenate([X, Y]), 1)
    target = CovarianceRecentering().fit(Y).mean_
    errors = [np.linalg.norm(m.mean_ - target) for m in (stay, forget)]
    assert errors[1] < 0.2 * errors[0]
    # The price on data that stand still: more noise than equal weights leave.
    still = CovarianceRecentering().fit(X).mean_
    noisy = follow(CovarianceRecentering(forgetting=0.1), X, 1).mean_
    assert standard_errors("riemann", 1, X, noisy, still) > 0.2


@given(
    st.integers(1, 50), st.integers(1, 50), st.floats(0.0, 1e3), st.floats(0.01, 0.9)
)
def test_halves_of_a_batch_forget_like_the_whole(a, b, seen, rate):
    seen += 1e6  # so long ago that only forgetting matters
    whole = 1 - share_of_batch(a + b, seen, rate)
    halves = (1 - share_of_batch(a, seen, rate)) * (
        1 - share_of_batch(b, seen + a, rate)
    )
    assert np.isclose(whole, halves)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(-40, 40))
def test_units_and_rotations(seed, exponent):
    X = wishart(12, 3, seed=seed)
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    for metric in ("riemann", "bures-wasserstein"):
        plain = CovarianceRecentering(metric).fit(X)
        scaled = CovarianceRecentering(metric).fit(10.0**exponent * (Q @ X @ Q.T))
        np.testing.assert_allclose(
            scaled.mean_, 10.0**exponent * Q @ plain.mean_ @ Q.T, rtol=1e-6,
            atol=1e-8 * 10.0**exponent,
        )  # fmt: skip
        Z = scaled.transform(10.0**exponent * (Q @ X @ Q.T))
        np.testing.assert_allclose(Z, Q @ plain.transform(X) @ Q.T, atol=1e-6)


def singular(n, d, rank, seed=0):
    A = np.random.default_rng(seed).standard_normal((n, d, rank))
    return A @ A.swapaxes(1, 2) / rank


def test_singular_matrices_need_no_regularization():
    X = singular(50, 8, 5)
    model = CovarianceRecentering("bures-wasserstein", theta=1.0, max_iter=500)
    Z = model.fit_transform(X)
    assert np.isfinite(Z).all()
    np.testing.assert_allclose(
        RunningBuresMean(1.0, "identity", max_iter=500).start(Z, np.ones(50)).mean,
        np.eye(8),
        atol=1e-6,
    )
    with pytest.raises(NotPositiveDefiniteError):
        CovarianceRecentering().fit(X)


@pytest.mark.parametrize("theta", [0.5, 1.0])
def test_a_stream_of_singular_matrices_starts_guarded_and_warns(theta):
    X = singular(300, 12, 9, seed=3)
    model = CovarianceRecentering("bures-wasserstein", theta=theta)
    with pytest.warns(UserWarning, match="directions without variance"):
        model.partial_fit(X[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for matrix in X[1:]:
            model.partial_fit(matrix[None])  # one warning is enough
    assert model.n_samples_seen_ == 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = CovarianceRecentering("bures-wasserstein", theta=theta).fit(X).mean_
    assert standard_errors("bures", theta, X, model.mean_, whole) < 1.0
    assert np.isfinite(model.transform(X[:5])).all()


def test_what_is_held_back_is_averaged_exactly():
    X = singular(10, 6, 4)
    model = CovarianceRecentering("bures-wasserstein")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for matrix in X:
            model.partial_fit(matrix[None])
        whole = CovarianceRecentering("bures-wasserstein").fit(X)
    np.testing.assert_allclose(model.mean_, whole.mean_, rtol=1e-8, atol=1e-10)


def test_average_reference():
    X = wishart(40, 5)
    P = np.eye(5) - 0.2
    with pytest.warns(UserWarning, match="No matrix varies"):
        model = CovarianceRecentering("bures-wasserstein").fit(P @ X @ P)
    Z = model.transform(P @ X @ P)
    np.testing.assert_allclose(Z @ np.ones(5), 1.0)  # the identity there
    np.testing.assert_allclose(model.mean_ @ np.ones(5), 0.0, atol=1e-10)
    with pytest.warns(UserWarning, match="has not seen"):
        model.transform(X)


def test_one_matrix_zeros_and_no_covariance():
    X = wishart(1, 4)
    for metric in ("riemann", "bures-wasserstein"):
        model = CovarianceRecentering(metric).fit(X)
        np.testing.assert_allclose(model.mean_, X[0])
        np.testing.assert_allclose(model.transform(X)[0], np.eye(4), atol=1e-12)
        with pytest.raises(NotPositiveDefiniteError):
            CovarianceRecentering(metric).fit(np.zeros((3, 4, 4)))
        with pytest.raises(NotPositiveDefiniteError, match=r"not positive|negative"):
            CovarianceRecentering(metric).fit(np.diag([1.0, 1.0, -0.5])[None])
    # A zero matrix among others is the end of a geodesic, not an error.
    Y = np.concatenate([wishart(9, 4), np.zeros((1, 4, 4))])
    Z = CovarianceRecentering("bures-wasserstein").fit_transform(Y)
    assert np.isfinite(Z).all()


def test_messages():
    X = wishart(10, 3)
    with pytest.warns(UnusedParameterWarning, match="theta"):
        CovarianceRecentering(theta=1.0).fit(X)
    with pytest.raises(AttributeError, match="not fitted"):
        _ = CovarianceRecentering().mean_
    with pytest.raises(ValueError, match="no table"):
        CovarianceRecentering().fit(X).get_feature_names_out()
    with pytest.warns(UserWarning, match="not converged"):
        CovarianceRecentering("bures-wasserstein", max_iter=1).fit(X)


@pytest.mark.parametrize("metric", ["riemann", "bures-wasserstein"])
def test_a_large_batch_after_a_small_one(metric):
    X = wishart(300, 6)
    running = CovarianceRecentering(metric).partial_fit(X[:12]).partial_fit(X[12:])
    whole = CovarianceRecentering(metric).fit(X).mean_
    assert standard_errors(metric, 0.5, X, running.mean_, whole) < 0.02


def test_weights_count_like_repeats():
    X = wishart(30, 4)
    weight = np.random.default_rng(0).integers(0, 3, 30)
    for metric in ("riemann", "bures-wasserstein"):
        weighted = CovarianceRecentering(metric).fit(X, sample_weight=weight)
        repeated = CovarianceRecentering(metric).fit(np.repeat(X, weight, axis=0))
        np.testing.assert_allclose(weighted.mean_, repeated.mean_, rtol=1e-8)


def test_recorded_covariances(recordings):
    X = np.load(recordings / "bci4_2a_A09_cov/A09_cov.npz")
    name = next(k for k in X.files if X[k].ndim == 3)
    X = X[name].astype(float)
    X = (X + X.swapaxes(1, 2)) / 2
    for metric, allowed in (("riemann", 0.4), ("bures-wasserstein", 0.1)):
        whole = CovarianceRecentering(metric).fit(X)
        running = follow(CovarianceRecentering(metric), X, 1)
        assert standard_errors(metric, 0.5, X, running.mean_, whole.mean_) < allowed
        Z = whole.transform(X)
        again = CovarianceRecentering(metric).fit(Z)
        if metric == "riemann":
            np.testing.assert_allclose(again.mean_, np.eye(22), atol=1e-8)


def test_running_mean_of_the_solver_layer():
    X, w = wishart(20, 4), np.ones(20)
    for mean in (RunningRiemannMean(), RunningBuresMean()):
        mean.update(X, w)
        np.testing.assert_allclose(mean.restore(mean.recenter(X)), X, rtol=1e-9)
        assert mean.total_weight == 20


@pytest.mark.parametrize("metric", ["riemann", "bures-wasserstein"])
@pytest.mark.parametrize("output", ["matrices", "tangent"])
def test_matrices_in_another_unit_are_told(metric, output):
    C, _ = make_trials(20, 3, kind="matrices")
    recentering = CovarianceRecentering(metric, output=output).fit(C)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recentering.transform(900 * C)
    for factor in (1e-12, 1e6):
        with pytest.warns(UserWarning, match="volts and microvolts"):
            recentering.transform(factor * C)
