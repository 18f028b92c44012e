"""Filters on real data: gaps, varying operators, lost spread, divergence, size."""

import dataclasses
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from skgeo.datasets import Lorenz96
from skgeo.dynamics import EnsembleKalmanFilter, FilteredTrajectory
from skgeo.dynamics._assimilation.inflation import AdaptiveInflation, relax
from skgeo.dynamics._assimilation.updates import gaspari_cohn
from skgeo.exceptions import FilterDivergenceWarning
from skgeo.kernels.serial_filter import serial_update, taper_weight
from tests.dynamics.test_ensemble_kalman import exact_ensemble, random_cov

SOLVERS = ("etkf", "stochastic", "serial")


@pytest.mark.parametrize("solver", SOLVERS)
def test_analyses_one_by_one_contract(solver):
    A = np.random.default_rng(0).standard_normal((2000, 1))
    y = np.random.default_rng(1).standard_normal((50, 1))
    filter_ = EnsembleKalmanFilter(1.0, solver=solver, random_state=0)
    for v in y:
        _, A = filter_.analysis(A, v)
    # Fifty observations of unit noise and a prior of unit variance.
    np.testing.assert_allclose(A.std(ddof=1), 1 / np.sqrt(51), rtol=0.08)


def test_one_generator_per_fitted_filter():
    rng = np.random.default_rng(0)
    E, y = rng.standard_normal((30, 4)), np.zeros(4)
    X = rng.standard_normal((20, 4))
    filter_ = EnsembleKalmanFilter(1.0, solver="stochastic", random_state=3).fit(X)
    first, second = (filter_.analysis(E, y)[1] for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    filter_.fit(X)  # starts the generator anew
    np.testing.assert_array_equal(filter_.analysis(E, y)[1], first)
    again = pickle.loads(pickle.dumps(filter_))  # with the state of the generator
    np.testing.assert_array_equal(again.analysis(E, y)[1], second)
    filter_.set_params(random_state=4)
    assert np.abs(filter_.analysis(E, y)[1] - first).max() > 1e-3


def test_stepwise_and_whole_filters_are_equally_good_on_lorenz96():
    rng = np.random.default_rng(4)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 0)[0], 400, 0.05)[1:]
    Y = truth + rng.standard_normal(truth.shape)
    E = truth[0] + rng.standard_normal((40, 40))
    filter_ = EnsembleKalmanFilter(
        1.0, solver="stochastic", inflation=1.15, random_state=0
    )
    whole = filter_.filter_trajectory(Y, system.flow(0.05), initial=E)
    means = []
    for y in Y:
        mean, E = filter_.analysis(system.flow(0.05)(E), y)
        means.append(mean)
    errors = [
        np.sqrt(np.mean((np.asarray(m) - truth)[150:] ** 2))
        for m in (whole.mean, means)
    ]
    assert max(errors) < 0.35


def kalman_with_gaps(Y, M, R, mean, cov):
    means = []
    for y in Y:
        mean, cov = M @ mean, M @ cov @ M.T
        seen = ~np.isnan(y)
        if seen.any():
            H = np.eye(len(mean))[seen]
            K = cov @ H.T @ np.linalg.inv(H @ cov @ H.T + R[np.ix_(seen, seen)])
            mean = mean + K @ (y[seen] - H @ mean)
            cov = cov - K @ H @ cov
        means.append(mean)
    return np.array(means)


@pytest.mark.parametrize("noise", ["scalar", "vector", "covariance"])
@pytest.mark.parametrize("solver", ["etkf", "serial"])
@pytest.mark.filterwarnings("ignore::skgeo.exceptions.FilterDivergenceWarning")
def test_missing_observations_are_left_out(noise, solver):
    if noise == "covariance" and solver == "serial":
        pytest.skip("serial updates need independent errors")
    rng = np.random.default_rng(0)
    d = 5
    M = 0.95 * np.linalg.qr(rng.standard_normal((d, d)))[0]
    given, R = {
        "scalar": (0.5, 0.25 * np.eye(d)),
        "vector": (np.arange(1, d + 1.0), np.diag(np.arange(1, d + 1.0) ** 2)),
        "covariance": (C := random_cov(d, rng), C),
    }[noise]
    Y = rng.standard_normal((12, d))
    Y[rng.uniform(size=Y.shape) < 0.4] = np.nan
    Y[3] = np.nan
    mean, cov = rng.standard_normal(d), random_cov(d, rng)
    E = exact_ensemble(mean, cov, 9, rng)
    expected = kalman_with_gaps(Y, M, R, mean, cov)
    filter_ = EnsembleKalmanFilter(given, solver=solver)
    result = filter_.filter_trajectory(Y, lambda E: E @ M.T, initial=E)
    np.testing.assert_allclose(result.mean, expected, atol=1e-9)
    assert np.isnan(result.innovation_variance_ratio[3])
    # The same, stated by an operator at each time: indices, masks, or all.
    operators = [
        ~np.isnan(y) if i % 2 else np.flatnonzero(~np.isnan(y)) for i, y in enumerate(Y)
    ]
    rows = [y[~np.isnan(y)] for y in Y]
    if noise == "scalar":
        keep = [i for i, r in enumerate(rows) if len(r)]
        varying = filter_.filter_trajectory(
            [rows[i] for i in keep],
            lambda E: E,
            initial=E,
            obs_operators=[operators[i] for i in keep],
        )
        still = filter_.filter_trajectory(Y[keep], lambda E: E, initial=E)
        np.testing.assert_allclose(varying.mean, still.mean, atol=1e-9)


def test_nothing_observed_leaves_the_forecast():
    E = np.random.default_rng(0).standard_normal((6, 3))
    for solver in SOLVERS:
        mean, A = EnsembleKalmanFilter(1.0, solver=solver, inflation=2.0).analysis(
            E, np.full(3, np.nan)
        )
        np.testing.assert_array_equal(A, E)
        np.testing.assert_allclose(mean, E.mean(axis=0))


def test_boolean_masks_are_operators():
    E = np.random.default_rng(0).standard_normal((6, 3))
    mask = np.array([True, False, True])
    a = EnsembleKalmanFilter(1.0, obs_operator=mask).analysis(E, [1.0, 2.0])[0]
    b = EnsembleKalmanFilter(1.0, obs_operator=[0, 2]).analysis(E, [1.0, 2.0])[0]
    np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="3 entries, one per component"):
        EnsembleKalmanFilter(1.0, obs_operator=mask[:2]).analysis(E, [1.0])


@pytest.mark.parametrize("y", [[[1.0, 2.0, 3.0]], 1.0, [1.0, 2.0]])
def test_observations_of_another_shape_are_refused(y):
    E = np.random.default_rng(0).standard_normal((6, 3))
    for call in ("analysis", "analysis_mean"):
        with pytest.raises(ValueError, match=r"1-D array|observed components|scalar"):
            getattr(EnsembleKalmanFilter(1.0), call)(E, y)


# -- spread ---------------------------------------------------------------------------


def test_relaxation_to_perturbations_and_spread():
    rng = np.random.default_rng(0)
    before = rng.standard_normal((20, 3))
    before -= before.mean(axis=0)
    after = 0.3 * before[:, ::-1]
    np.testing.assert_allclose(relax(before, after, 1.0, 0.0), before)
    np.testing.assert_allclose(
        relax(before, after, 0.0, 1.0).std(axis=0), before.std(axis=0)
    )
    half = relax(before, after, 0.0, 0.5).std(axis=0)
    np.testing.assert_allclose(half, (before.std(axis=0) + after.std(axis=0)) / 2)
    E, y = 3 + before, np.zeros(3)
    for solver in SOLVERS:
        plain = EnsembleKalmanFilter(1.0, solver=solver, random_state=0)
        mean, A = clone(plain).set_params(rtps=1.0).analysis(E, y)
        np.testing.assert_allclose(mean, plain.analysis(E, y)[0], atol=1e-12)
        np.testing.assert_allclose(A.std(axis=0), E.std(axis=0))


def test_adaptive_inflation_finds_the_factor():
    rng = np.random.default_rng(0)
    adaptive = AdaptiveInflation()
    for _ in range(300):  # the ensemble has a third of the variance of the truth
        HA = rng.standard_normal((40, 30))
        HA = 2 * (HA - HA.mean(axis=0))
        adaptive.update(HA, np.sqrt(12 + 1) * rng.standard_normal(30))
    np.testing.assert_allclose(adaptive.factor, 3.0, rtol=0.1)


@pytest.mark.parametrize(
    "params",
    [
        {"inflation": "adaptive"},
        {"rtps": 0.4},
        {"rtpp": 0.3},
        {"solver": "serial", "inflation": 1.06},
        {"solver": "serial", "localization": 14.0, "inflation": 1.06},
    ],
)
def test_remedies_on_lorenz96(params):
    n_members = 10 if "localization" in params else 24
    rng = np.random.default_rng(4)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 0)[0], 500, 0.05)[1:]
    Y = truth + rng.standard_normal(truth.shape)
    initial = truth[0] + rng.standard_normal((n_members, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("error", FilterDivergenceWarning)
        result = EnsembleKalmanFilter(1.0, random_state=0, **params).filter_trajectory(
            Y, system.flow(0.05), initial=initial
        )
    assert np.sqrt(np.mean((result.mean - truth)[200:] ** 2)) < 0.3


def test_divergence_is_reported():
    rng = np.random.default_rng(4)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 0)[0], 200, 0.05)[1:]
    Y = truth + rng.standard_normal(truth.shape)
    initial = truth[0] + rng.standard_normal((12, 40))
    with pytest.warns(FilterDivergenceWarning, match="has diverged") as caught:
        EnsembleKalmanFilter(1.0).filter_trajectory(
            Y, system.flow(0.05), initial=initial
        )
    assert caught[0].filename == __file__


# -- size and grids -------------------------------------------------------------------


def plain_serial(A, mean, rows, scales, values, taper):
    A, mean = A.copy(), mean.copy()
    n = A.shape[1] - 1
    for j, row in enumerate(rows):
        seen = A[row] / scales[j]
        s = seen @ seen / n + 1
        K = taper[:, j] * (A @ seen) / n / s
        mean += K * (values[j] - mean[row]) / scales[j]
        A -= np.outer(K, seen) / (1 + np.sqrt(1 / s))
    return A, mean


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", [(1, 13), (6, 7)])
def test_serial_kernel_is_its_plain_twin(shape, periodic):
    rng = np.random.default_rng(0)
    d = shape[0] * shape[1]
    A, mean = rng.standard_normal((d, 5)), rng.standard_normal(d)
    rows = rng.choice(d, 6, replace=False)
    spots = np.stack([rows // shape[1], rows % shape[1]], axis=1).astype(float)
    scales, values = rng.uniform(0.5, 2, 6), rng.standard_normal(6)
    where = np.stack([np.arange(d) // shape[1], np.arange(d) % shape[1]], axis=1)
    gap = np.abs(where[:, None] - spots[None])
    if periodic:
        gap = np.minimum(gap, np.array(shape) - gap)
    taper = gaspari_cohn(2 * np.sqrt((gap**2).sum(axis=2)) / 4.5)
    expected = plain_serial(A, mean, rows, scales, values, taper)
    out = A.copy(), mean.copy()
    serial_update(
        *out, rows, scales, values, spots, 4.5, np.array(shape), periodic,
        np.arange(d + 1), np.arange(d),
    )  # fmt: skip
    np.testing.assert_allclose(out[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(out[1], expected[1], atol=1e-12)
    r = np.linspace(0, 3, 50)
    np.testing.assert_allclose(
        [taper_weight(v) for v in r], gaspari_cohn(r), atol=1e-14
    )


@pytest.mark.parametrize("operator", ["identity", "index", "matrix"])
def test_local_serial_and_local_transform_agree_for_distant_observations(operator):
    # Observations out of each other's reach: both are the same local analysis.
    rng = np.random.default_rng(1)
    E = rng.standard_normal((8, 40))
    H = {"identity": None, "index": [4, 24], "matrix": np.eye(40)[[4, 24]]}[operator]
    y = np.array([1.0, -1.0])
    if operator == "identity":
        y = np.full(40, np.nan)
        y[[4, 24]] = 1.0, -1.0
    a, b = (
        EnsembleKalmanFilter(
            0.7, solver=s, obs_operator=H, localization=6.0, obs_positions=p
        )
        for s, p in (("etkf", None), ("serial", None))
    )
    # They taper differently: R-localization against B-localization, so compare at the
    # observed points, where the taper is one.
    x, z = a.analysis(E, y)[0], b.analysis(E, y)[0]
    np.testing.assert_allclose(x[[4, 24]], z[[4, 24]], atol=1e-10)
    gap = np.abs(np.arange(40)[:, None] - [4, 24])
    far = np.minimum(gap, 40 - gap).min(axis=1) >= 6
    np.testing.assert_allclose(x[far], E.mean(axis=0)[far], atol=1e-12)
    np.testing.assert_allclose(z[far], E.mean(axis=0)[far], atol=1e-12)


def test_local_analyses_take_bounded_memory():
    rng = np.random.default_rng(0)
    side, n_members = 150, 10
    E = rng.standard_normal((n_members, side**2))
    y = rng.standard_normal(side**2)
    sizes = {}
    for solver in ("etkf", "serial"):
        filter_ = EnsembleKalmanFilter(
            1.0, solver=solver, localization=4.0, grid_shape=(side, side)
        )
        small = EnsembleKalmanFilter(1.0, solver=solver, localization=2.0)
        small.analysis(E[:, :30], y[:30])  # compile
        tracemalloc.start()
        mean, _ = filter_.analysis(E, y)
        sizes[solver] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # Whole tapers would take 8 * 22500^2 bytes = 4 GB.
        assert sizes[solver] < 60 * E.nbytes
        assert np.isfinite(mean).all()


def test_fields_with_edges():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 128)
    clean = np.exp(-20 * (x - rng.uniform(0.3, 0.7, (60, 1))) ** 2) + 2 * x
    noisy = clean + 0.1 * rng.standard_normal(clean.shape)
    with pytest.warns(UserWarning, match="do not look periodic"):
        wrong = EnsembleKalmanFilter(0.1).fit(noisy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = EnsembleKalmanFilter(0.1, periodic=False).fit(noisy)
    error = [
        np.sqrt(np.mean((f.transform(noisy) - clean) ** 2)) for f in (right, wrong)
    ]
    assert error[0] < 0.04 < error[1]
    np.testing.assert_allclose(right.analysis_std_, error[0], rtol=0.3)
    np.testing.assert_allclose(
        EnsembleKalmanFilter(periodic=False).fit(noisy).obs_noise_std_, 0.1, rtol=0.05
    )
    modes = right.to_modes(np.eye(128))
    assert modes.shape == (128, right.n_modes_)
    np.testing.assert_allclose(modes.T @ modes, np.eye(right.n_modes_), atol=1e-12)
    with pytest.raises(ValueError, match="periodic grid"):
        EnsembleKalmanFilter(0.1, background="snapshots", periodic=False).fit(noisy)


@pytest.mark.parametrize("noise", [1e-170, 1e-160, 1e-152, 1e-100, 1e100])
def test_extreme_noise_is_used_or_refused(noise):
    X = np.random.default_rng(0).standard_normal((10, 4))
    for background in ("white", "homogeneous", "snapshots", X):
        filter_ = EnsembleKalmanFilter(noise, background=background, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                out = filter_.fit_transform(X)
            except ValueError:
                continue
        assert np.isfinite(out).all()
        if noise < 1e-90 and isinstance(background, str) and background != "snapshots":
            np.testing.assert_allclose(out, X)


@pytest.mark.parametrize("inflation", [1e7, 1e300, 0.5, "auto"])
def test_senseless_inflation_is_refused(inflation):
    X = np.random.default_rng(0).standard_normal((10, 4))
    with pytest.raises(ValueError, match="inflation"):
        EnsembleKalmanFilter(1.0, background="snapshots", inflation=inflation).fit(X)


def test_progress_of_a_trajectory():
    seen = []
    E = np.random.default_rng(0).standard_normal((5, 2))
    EnsembleKalmanFilter(1.0).filter_trajectory(
        np.zeros((4, 2)), lambda E: E, initial=E, progress=lambda *a: seen.append(a)
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_progress_stops_a_trajectory():
    E = np.random.default_rng(0).standard_normal((5, 2))
    result = EnsembleKalmanFilter(1.0).filter_trajectory(
        np.zeros((9, 2)), lambda E: E, initial=E, progress=lambda i, n: i == 4
    )
    whole = EnsembleKalmanFilter(1.0).filter_trajectory(
        np.zeros((4, 2)), lambda E: E, initial=E
    )
    for field in dataclasses.fields(FilteredTrajectory):
        np.testing.assert_array_equal(
            getattr(result, field.name), getattr(whole, field.name)
        )


def test_a_long_trajectory_is_announced(monkeypatch):
    E = np.random.default_rng(0).standard_normal((5, 2))
    model = EnsembleKalmanFilter(1.0)
    clock = iter(range(0, 1000, 2))  # two seconds for three analyses
    monkeypatch.setattr("skgeo.dynamics._enkf.time.perf_counter", lambda: next(clock))
    with pytest.warns(UserWarning, match="the 17 times .* take up to 11 seconds"):
        model.filter_trajectory(np.zeros((20, 2)), lambda E: E, initial=E)


@pytest.mark.parametrize("noise", [-1.0, np.nan, np.inf, np.ones(3), -np.ones(2)])
def test_process_noise_is_checked(noise):
    E = np.random.default_rng(0).standard_normal((5, 2))
    with pytest.raises(ValueError, match="process_noise must be"):
        EnsembleKalmanFilter(1.0).filter_trajectory(
            np.zeros((4, 2)), lambda E: E, initial=E, process_noise=noise
        )


def test_a_trajectory_without_observations_is_reported():
    E = np.random.default_rng(0).standard_normal((5, 2))
    with pytest.warns(UserWarning, match="No observation is known"):
        result = EnsembleKalmanFilter(1.0).filter_trajectory(
            np.full((4, 2), np.nan), lambda E: 0.5 * E, initial=E
        )
    np.testing.assert_allclose(result.mean[-1], 0.5**4 * E.mean(axis=0))
    with pytest.raises(ValueError, match="imaginary"):
        EnsembleKalmanFilter(1.0).filter_trajectory(
            np.zeros((4, 2)), lambda E: E + 1j, initial=E
        )
