"""The filter against the Kalman filter, dense formulas and Lorenz-96."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skgeo.datasets import KuramotoSivashinsky, Lorenz96, make_observation_pairs
from skgeo.dynamics import EnsembleKalmanFilter
from skgeo.dynamics._assimilation.updates import (
    gaspari_cohn,
    local_update,
    localized_gain,
    mean_increment,
    normalized_innovation,
    transform_update,
)


def exact_ensemble(mean, cov, n, rng):
    """An ensemble with exactly this mean and covariance."""
    A = rng.standard_normal((n, len(mean)))
    A -= A.mean(axis=0)
    A = np.linalg.solve(np.linalg.cholesky(A.T @ A / (n - 1)), A.T).T
    return mean + A @ np.linalg.cholesky(cov).T


def random_cov(d, rng):
    B = rng.standard_normal((d, d))
    return B @ B.T / d + 0.1 * np.eye(d)


def kalman_filter(Y, M, Q, H, R, mean, cov):
    means, covs = [], []
    for y in Y:
        mean, cov = M @ mean, M @ cov @ M.T + Q
        K = cov @ H.T @ np.linalg.inv(H @ cov @ H.T + R)
        mean = mean + K @ (y - H @ mean)
        cov = cov - K @ H @ cov
        means.append(mean)
        covs.append(cov)
    return np.array(means), np.array(covs)


@given(
    n=st.integers(2, 12),
    d=st.integers(1, 9),
    m=st.integers(1, 9),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=60)
def test_mean_increment_is_the_dense_formula(n, d, m, scale, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) * scale
    HA = rng.standard_normal((n, m))
    A, HA = A - A.mean(axis=0), HA - HA.mean(axis=0)
    D = rng.standard_normal((3, m))
    S = HA.T @ HA / (n - 1) + np.eye(m)
    expected = D @ np.linalg.solve(S, HA.T @ A / (n - 1))
    np.testing.assert_allclose(
        mean_increment(A, HA, D), expected, rtol=1e-9, atol=1e-11 * scale
    )
    ratio = np.mean(np.sum(D * np.linalg.solve(S, D.T).T, axis=1)) / m
    np.testing.assert_allclose(normalized_innovation(HA, D), ratio, rtol=1e-9)


@given(n=st.integers(3, 12), d=st.integers(1, 8), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_transform_gives_the_posterior_covariance(n, d, seed):
    rng = np.random.default_rng(seed)
    E = rng.standard_normal((n, d))
    mean, A = E.mean(axis=0), E - E.mean(axis=0)
    d_obs = rng.standard_normal(d)
    new_mean, new_A = transform_update(mean, A, A, d_obs)
    B = A.T @ A / (n - 1)
    K = B @ np.linalg.inv(B + np.eye(d))
    np.testing.assert_allclose(new_mean, mean + K @ d_obs, atol=1e-10)
    np.testing.assert_allclose(new_A.T @ new_A / (n - 1), B - K @ B, atol=1e-10)
    np.testing.assert_allclose(new_A.sum(axis=0), 0.0, atol=1e-10)


@pytest.mark.parametrize("operator", ["identity", "index", "matrix", "sparse", "call"])
@pytest.mark.parametrize("noise", ["scalar", "vector", "covariance"])
def test_deterministic_filter_is_the_kalman_filter(operator, noise):
    rng = np.random.default_rng(0)
    d, n_times = 5, 12
    M = 0.95 * np.linalg.qr(rng.standard_normal((d, d)))[0]
    H = {
        "identity": np.eye(d),
        "index": np.eye(d)[[3, 0]],
    }.get(operator, rng.standard_normal((3, d)))
    handed = {
        "identity": None,
        "index": [3, 0],
        "matrix": H,
        "sparse": scipy.sparse.csr_array(H),
        "call": lambda X: X @ H.T,
    }[operator]
    m = len(H)
    R, given_noise = {
        "scalar": (0.25 * np.eye(m), 0.5),
        "vector": (np.diag(np.arange(1, m + 1.0) ** 2), np.arange(1, m + 1.0)),
        "covariance": (C := random_cov(m, rng), C),
    }[noise]
    Y = rng.standard_normal((n_times, m))
    mean, cov = rng.standard_normal(d), random_cov(d, rng)
    expected, covs = kalman_filter(Y, M, np.zeros((d, d)), H, R, mean, cov)
    result = EnsembleKalmanFilter(given_noise, obs_operator=handed).filter_trajectory(
        Y, lambda E: E @ M.T, initial=exact_ensemble(mean, cov, 9, rng)
    )
    np.testing.assert_allclose(result.mean, expected, atol=1e-10)
    variances = np.diagonal(covs, axis1=1, axis2=2)
    np.testing.assert_allclose(result.std**2, variances, atol=1e-10)


def test_stochastic_filter_with_process_noise_tends_to_the_kalman_filter():
    rng = np.random.default_rng(1)
    d = 3
    M = 0.9 * np.linalg.qr(rng.standard_normal((d, d)))[0]
    Y = rng.standard_normal((10, d))
    expected, covs = kalman_filter(
        Y, M, 0.3**2 * np.eye(d), np.eye(d), np.eye(d), np.zeros(d), np.eye(d)
    )
    initial = exact_ensemble(np.zeros(d), np.eye(d), 20_000, rng)
    for solver in ("stochastic", "etkf"):
        result = EnsembleKalmanFilter(1.0, solver=solver, random_state=0)
        result = result.filter_trajectory(
            Y, lambda E: E @ M.T, initial=initial, process_noise=0.3
        )
        # Monte-Carlo error of 20 000 members: below one percent.
        np.testing.assert_allclose(result.mean, expected, atol=0.03)
        variances = np.diagonal(covs, axis1=1, axis2=2)
        np.testing.assert_allclose(result.std**2, variances, rtol=0.05)


def test_inflation_multiplies_the_background_covariance():
    rng = np.random.default_rng(2)
    E, y = rng.standard_normal((30, 4)), rng.standard_normal(4)
    B = 1.44 * np.cov(E.T)
    K = B @ np.linalg.inv(B + 0.25 * np.eye(4))
    expected = E.mean(axis=0) + K @ (y - E.mean(axis=0))
    for solver in ("etkf", "stochastic"):
        filter_ = EnsembleKalmanFilter(
            0.5, inflation=1.44, solver=solver, random_state=0
        )
        mean, ensemble = filter_.analysis(E, y)
        np.testing.assert_allclose(mean, expected, atol=1e-12)
        np.testing.assert_allclose(ensemble.mean(axis=0), expected, atol=1e-12)
        np.testing.assert_allclose(filter_.analysis_mean(E, y), expected, atol=1e-12)


def test_taper_is_a_correlation_function_of_compact_support():
    np.testing.assert_allclose(gaspari_cohn([0.0, 1.0, 2.0, 5.0]), [1, 5 / 24, 0, 0])
    r = np.linspace(0, 2.5, 500)
    assert (np.diff(gaspari_cohn(r)) <= 1e-15).all()
    gap = np.abs(np.subtract.outer(np.arange(60), np.arange(60)))
    gap = np.minimum(gap, 60 - gap)
    assert np.linalg.eigvalsh(gaspari_cohn(gap / 6.0)).min() > -1e-10


def test_localized_updates_match_their_definitions():
    rng = np.random.default_rng(3)
    n, d = 6, 10
    E, d_obs = rng.standard_normal((n, d)), rng.standard_normal(d)
    mean, A = E.mean(axis=0), E - E.mean(axis=0)
    gap = np.abs(np.subtract.outer(np.arange(d), np.arange(d)))
    taper = gaspari_cohn(np.minimum(gap, d - gap) / 2.0)
    B = A.T @ A / (n - 1)
    K = (taper * B) @ np.linalg.inv(taper * B + np.eye(d))
    np.testing.assert_allclose(localized_gain(A, A, taper, taper), K, atol=1e-12)

    def tapered(part):
        return np.arange(d), taper[part]

    local_mean, local_A = local_update(mean, A, A, d_obs, tapered, block=3)
    for i in range(d):
        root = np.sqrt(taper[i])
        m_i, A_i = transform_update(mean, A, A * root, d_obs * root)
        np.testing.assert_allclose(local_mean[i], m_i[i], atol=1e-11)
        np.testing.assert_allclose(local_A[:, i], A_i[:, i], atol=1e-11)
    whole = local_update(
        mean, A, A, d_obs, lambda part: (np.arange(d), np.ones((d, d))[part])
    )
    np.testing.assert_allclose(whole[0], transform_update(mean, A, A, d_obs)[0])


@pytest.mark.parametrize(
    ("params", "n_members", "bound"),
    [
        ({"inflation": 1.04}, 40, 0.22),
        ({"solver": "stochastic", "inflation": 1.15}, 60, 0.27),
        ({"localization": 14.0, "inflation": 1.08}, 10, 0.25),
    ],
)
def test_lorenz96_analysis_error(params, n_members, bound):
    # 40 variables, all observed every 0.05 with unit noise: errors reported for
    # well-tuned filters are near 0.2.
    rng = np.random.default_rng(4)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 0)[0], 500, 0.05)[1:]
    Y = truth + rng.standard_normal(truth.shape)
    initial = truth[0] + rng.standard_normal((n_members, 40))
    result = EnsembleKalmanFilter(1.0, random_state=0, **params).filter_trajectory(
        Y, system.flow(0.05), initial=initial
    )
    error = np.sqrt(np.mean((result.mean - truth)[150:] ** 2))
    assert error < bound
    assert 0.8 < result.innovation_variance_ratio[150:].mean() < 1.2


def test_partial_observations_reach_the_unobserved_sites():
    rng = np.random.default_rng(5)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 0)[0], 400, 0.05)[1:]
    seen = np.arange(0, 40, 2)
    Y = truth[:, seen] + rng.standard_normal((400, 20))
    result = EnsembleKalmanFilter(
        1.0, obs_operator=seen, inflation=1.06, random_state=0
    ).filter_trajectory(Y, system.flow(0.05), initial=system.attractor_states(60, 1))
    error = np.sqrt(np.mean((result.mean - truth)[200:] ** 2))
    assert error < 0.6  # half of the sites, less than the noise of one observation


@pytest.fixture(scope="module")
def noisy_ks():
    system = KuramotoSivashinsky(256, 50.0)
    return make_observation_pairs(
        system, 60, dt=0.05, gap=2.0, noise=0.05, random_state=0
    )


def test_homogeneous_background_is_the_wiener_filter(noisy_ks):
    noise = noisy_ks.noise_std
    filter_ = EnsembleKalmanFilter(noise).fit(noisy_ks.X)
    analysis = filter_.transform(noisy_ks.X)
    error = np.sqrt(np.mean((analysis - noisy_ks.X_clean) ** 2))
    assert error < 0.45 * noise
    np.testing.assert_allclose(filter_.analysis_std_, error, rtol=0.15)
    assert 0.9 < filter_.innovation_variance_ratio_ < 1.1
    auto = EnsembleKalmanFilter().fit(noisy_ks.X)
    np.testing.assert_allclose(auto.obs_noise_std_, noise, rtol=0.05)
    # Translation of the observations translates the analyses.
    shifted = filter_.transform(np.roll(noisy_ks.X, 17, axis=1))
    np.testing.assert_allclose(shifted, np.roll(analysis, 17, axis=1), atol=1e-12)
    # Modes are orthonormal coordinates of the kept wavenumbers.
    k = np.arange(256)
    wave = np.sqrt(2 / 256) * np.cos(2 * np.pi * 3 * k / 256)[None]
    modes = filter_.to_modes(wave)
    assert modes.shape == (1, filter_.n_modes_)
    np.testing.assert_allclose(np.linalg.norm(modes), 1.0)


def test_snapshot_ensemble_comes_close_to_the_wiener_filter(noisy_ks):
    errors = {}
    for n_members in (20, 400):
        filter_ = EnsembleKalmanFilter(
            noisy_ks.noise_std,
            background="snapshots",
            n_members=n_members,
            random_state=0,
        )
        if n_members == 20:
            with pytest.warns(UserWarning, match="cannot span"):
                filter_.fit(noisy_ks.X)
        else:
            filter_.fit(noisy_ks.X)
        error = filter_.transform(noisy_ks.y) - noisy_ks.y_clean
        errors[n_members] = np.sqrt(np.mean(error**2)) / noisy_ks.noise_std
    assert errors[400] < 0.5 < errors[20]


def test_static_gain_is_the_dense_formula_and_localizes():
    rng = np.random.default_rng(6)
    E = rng.standard_normal((8, 12))
    seen = np.array([0, 3, 6, 9])
    Y = rng.standard_normal((20, 4))
    filter_ = EnsembleKalmanFilter(0.5, background=E, obs_operator=seen).fit(Y)
    B = np.cov(E.T)
    K = B[:, seen] @ np.linalg.inv(B[np.ix_(seen, seen)] + 0.25 * np.eye(4))
    np.testing.assert_allclose(filter_.gain(Y), Y @ K.T, atol=1e-12)
    expected = E.mean(axis=0) + (Y - E.mean(axis=0)[seen]) @ K.T
    np.testing.assert_allclose(filter_.transform(Y), expected, atol=1e-12)
    assert filter_.n_features_out_ == 12
    local = clone(filter_).set_params(localization=3.0).fit(Y)
    reach = np.abs(local.gain(np.eye(4)[:1]))[0]
    assert reach[0] > 0
    assert (reach[3:10] == 0).all()


def test_plane_and_several_fields():
    rng = np.random.default_rng(7)
    y, x = np.meshgrid(np.arange(16), np.arange(16), indexing="ij")
    phase = rng.uniform(0, 2 * np.pi, (40, 1, 1))
    plane = np.cos(2 * np.pi * (x + 2 * y) / 16 + phase).reshape(40, -1)
    two = np.hstack([plane, 5 + 0.1 * plane])
    noisy = two + 0.05 * rng.standard_normal(two.shape)
    filter_ = EnsembleKalmanFilter(0.05, grid_shape=(16, 16)).fit(noisy)
    error = np.sqrt(np.mean((filter_.transform(noisy) - two) ** 2))
    assert error < 0.025
    sample = filter_._background.sample(200, np.random.RandomState(0))
    np.testing.assert_allclose(sample[:, :256].std(), plane.std(), rtol=0.1)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"obs_noise": 0.0}, "obs_noise"),
        ({"obs_noise": [1.0, -1.0, 1.0, 1.0], "background": "white"}, "positive"),
        ({"obs_noise": np.ones(3), "background": np.ones((2, 4))}, "obs_noise must be"),
        ({"obs_noise": 1.0, "obs_operator": [0, 1]}, "ensemble of states"),
        ({"background": "white"}, "standard deviation"),
        ({"obs_noise": np.ones(4)}, "single standard deviation"),
        ({"obs_noise": 1.0, "grid_shape": (3,)}, "grid_shape"),
        ({"obs_noise": 1.0, "background": np.ones((3, 5))}, "columns"),
        (
            {"obs_noise": 1.0, "background": np.ones((3, 5)), "obs_operator": [0, 9]},
            "different indices",
        ),
        ({"obs_noise": -np.eye(4), "background": np.eye(4)}, "positive definite"),
    ],
)
def test_bad_parameters_are_told(params, match):
    X = np.random.default_rng(0).standard_normal((6, 4))
    with pytest.raises(ValueError, match=match):
        EnsembleKalmanFilter(**params).fit(X)


def test_bad_models_and_ensembles_are_told():
    Y = np.zeros((3, 4))
    filter_ = EnsembleKalmanFilter(1.0)
    E = np.random.default_rng(0).standard_normal((5, 4))
    with pytest.raises(ValueError, match="blew up in 5 of 5 members"):
        filter_.filter_trajectory(Y, lambda E: E * np.nan, initial=E)
    with pytest.raises(ValueError, match="keep the shape"):
        filter_.filter_trajectory(Y, lambda E: E[:, :2], initial=E)
    with pytest.raises(ValueError, match="observed components"):
        filter_.analysis(E, np.zeros(3))
    far = EnsembleKalmanFilter(0.01, background=E)
    with pytest.warns(UserWarning, match="does not span"):
        far.fit(100 + Y)


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e140])
def test_units_drop_out(scale, noisy_ks):
    X = noisy_ks.X[:20]
    plain = EnsembleKalmanFilter(noisy_ks.noise_std).fit_transform(X)
    scaled = EnsembleKalmanFilter(noisy_ks.noise_std * scale).fit_transform(X * scale)
    np.testing.assert_allclose(scaled / scale, plain, rtol=1e-9, atol=1e-12)


def refusal(function, X):
    """Message of the error that a function raises, None if it raises none."""
    try:
        function(X)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("background", ["homogeneous", "snapshots", "white", "members"])
@pytest.mark.parametrize("noise", [1e-150, 1e-20, 1.0, 1e140])
@pytest.mark.parametrize("unit", [5e-324, 1e-310, 1e-200, 1e-100, 1e100, 1e160, 1e300])
def test_static_analyses_are_finite_or_refused(background, noise, unit):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 16)) * unit
    if background == "members":
        background = X[::-1] / 2
    model = EnsembleKalmanFilter(noise, background=background, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        reason = refusal(model.fit, X)
    if reason is not None:
        assert "units" in reason or "obs_noise" in reason
        return
    learned = (model.obs_noise_std_, model.analysis_std_, model.mode_gains_)
    assert all(np.isfinite(value).all() for value in learned)
    assert np.isfinite(model.innovation_variance_ratio_)
    for method in (model.transform, model.gain, model.to_modes):
        for V in (X, np.zeros_like(X), np.full_like(X, 1e308)):
            reason = refusal(method, V)
            if reason is None:
                assert np.isfinite(method(V)).all()
            else:
                assert "Choose other units" in reason
