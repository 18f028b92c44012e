"""Parametric factors: slopes of the evidence, points off the grid, Cramer-Rao bound."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad
from sklearn.base import clone

from skgeo.linear_model import (
    KroneckerSBL,
    SteeringFactor,
    kron_posterior,
    mode_product,
)
from skgeo.linear_model._kronecker.dictionary import on_grid
from skgeo.linear_model._kronecker.offgrid import OffGridProblem, ParametricMode
from tests.linear_model.kron_problems import channel_off_grid

GRID = np.linspace(-1, 1, 12, endpoint=False)


class Bumps:
    """Gaussian bumps: a real parametric factor with no base class."""

    def __init__(self, places, centers, width=0.25):
        self.places, self.points, self.width = places, centers, width

    def __call__(self, points):
        return np.exp(-0.5 * ((self.places[:, None] - points) / self.width) ** 2)

    def derivative(self, points):
        return self(points) * (self.places[:, None] - points) / self.width**2


def plane(seed, snr, cosines=((-0.43, 0.31), (-0.12, 0.52)), shape=(8, 10)):
    """Waves at two angles in each of two modes, free complex gains."""
    rng = np.random.default_rng(seed)
    factors = [SteeringFactor(range(m), GRID) for m in shape]
    columns = [f(u) for f, u in zip(factors, cosines, strict=True)]
    gains = np.exp(2j * np.pi * rng.random((2, 2)))
    clean = (columns[0] @ gains @ columns[1].T).ravel()
    noise = np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10)
    e = rng.standard_normal((2, len(clean))).T @ [1, 1j] * np.sqrt(noise / 2)
    return factors, gains, (clean + e)[None], noise


def cramer_rao(factors, cosines, gains, noise):
    """Bound on the variances of the cosines, gains unknown."""
    columns = [f(u) for f, u in zip(factors, cosines, strict=True)]
    slopes = [f.derivative(u) for f, u in zip(factors, cosines, strict=True)]
    parts = []
    for j in range(2):
        parts.append(np.outer(slopes[0][:, j], columns[1] @ gains[j]).ravel())
    for j in range(2):
        parts.append(np.outer(columns[0] @ gains[:, j], slopes[1][:, j]).ravel())
    for a in range(2):
        for b in range(2):
            wave = np.outer(columns[0][:, a], columns[1][:, b]).ravel()
            parts += [wave, 1j * wave]
    J = np.array(parts).T
    return np.diag(np.linalg.inv((J.conj().T @ J).real * 2 / noise))[:4]


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("learn_noise", [False, True])
def test_slopes_of_the_evidence(is_complex, learn_noise, monkeypatch):
    rng = np.random.default_rng(0)
    places = np.linspace(0, 1, 6)
    factors = [Bumps(places, np.linspace(0, 1, 5)), None]
    if is_complex:
        factors = [SteeringFactor(range(6), GRID), SteeringFactor(range(4), GRID)]
    modes = [None if f is None else ParametricMode(f) for f in factors]
    Y = rng.standard_normal((2, 6, 4)) + 1j * is_complex * rng.standard_normal(
        (2, 6, 4)
    )
    Y = Y if is_complex else Y.real
    fixed = rng.standard_normal((4, 3))
    points = [np.array([0.2, 0.55]), None if factors[1] is None else np.array([0.1])]
    columns = [
        fixed if m is None else m.columns(p) for m, p in zip(modes, points, strict=True)
    ]
    gammas = [rng.uniform(0.5, 2, H.shape[1]) for H in columns]
    problem = OffGridProblem(modes, Y, learn_noise, 1e-10)
    # The value is that of the public posterior, but for the constant.
    value, _, _ = problem.evidence(columns, gammas, 0.3)
    post = kron_posterior(columns, gammas, Y.reshape(2, -1), 0.3)
    constant = 48 * (np.log(np.pi) if is_complex else 0.5 * np.log(2 * np.pi))
    assert_allclose(value - constant, post.log_evidence, rtol=1e-10)
    # The gradient that the optimizer sees is that of the value.
    seen = {}

    def spy(loss, start, **options):
        seen.update(loss=loss, start=start)
        loss(start)

    monkeypatch.setattr("skgeo.linear_model._kronecker.offgrid.minimize", spy)
    from skgeo.linear_model._kronecker.offgrid import _State

    problem.optimize(_State(points, columns, gammas, 0.3))
    x = seen["start"] + 0.1 * rng.standard_normal(len(seen["start"]))
    error = check_grad(lambda z: seen["loss"](z)[0], lambda z: seen["loss"](z)[1], x)
    assert error < 1e-4 * np.linalg.norm(seen["loss"](x)[1])


def test_derivative_of_a_steering_factor():
    rng = np.random.default_rng(0)
    T = rng.standard_normal((3, 5)) + 1j * rng.standard_normal((3, 5))
    factor = SteeringFactor([0, 1, 2.5, 4, -1], GRID, T)
    h = 1e-6
    central = (factor(GRID + h) - factor(GRID - h)) / (2 * h)
    assert_allclose(factor.derivative(GRID), central, atol=1e-6)
    assert_allclose(factor(GRID), T @ SteeringFactor([0, 1, 2.5, 4, -1], GRID)(GRID))
    assert repr(factor) == "SteeringFactor(5 positions, 12 angles, 3 outputs)"


def test_angles_between_grid_points_reach_the_bound():
    cosines = (np.array([-0.43, 0.31]), np.array([-0.12, 0.52]))
    ratios, better = [], []
    for seed in range(2):
        factors, gains, X, noise = plane(seed, 20.0)
        model = KroneckerSBL(factors, noise_variance=noise).fit(X)
        assert [len(s) for s in model.support_] == [2, 2]
        found = [np.sort(p[s]) for p, s in zip(model.points_, model.support_,
                 strict=True)]  # fmt: skip
        error = np.concatenate(found) - np.concatenate(cosines)
        bound = cramer_rao(factors, cosines, gains, noise)
        ratios.append(error**2 / bound)
        # Measurements without noise, beside the same grid without moves.
        clean = model.inverse_transform(model.transform(X))
        true = (factors[0](cosines[0]) @ gains @ factors[1](cosines[1]).T).ravel()
        fixed = KroneckerSBL([f(GRID) for f in factors], noise_variance=noise).fit(X)
        on_grid = fixed.reconstruct(X)
        better.append(np.sum(np.abs(on_grid - true) ** 2) / np.sum(
            np.abs(clean - true) ** 2))  # fmt: skip
    assert np.mean(ratios) < 2.0  # efficient: one, but for 8 draws
    assert np.median(better) > 2.0


def test_channels_off_the_grid():
    data, factors, off_grid = channel_off_grid()
    for factor, H in zip(factors, data.factors, strict=True):
        assert_allclose(factor(data.angles), H, atol=1e-12)
    errors = []
    noise = data.noise_variance
    for model in (
        KroneckerSBL(data.factors, noise_variance=noise).fit(data.X),
        KroneckerSBL(factors, noise_variance=noise, values="auto").fit(data.X),
        off_grid,
    ):
        codes = model.transform(data.X).reshape(18, 18, 18)
        station = data.channel_factors[1]
        if model.points_ is not None:
            station = SteeringFactor(-np.arange(6), GRID)(model.points_[1])
        by = [model.factors_[0], station, model.factors_[2]]
        gap = np.abs(mode_product(codes, by) - data.channels[0]) ** 2
        errors.append(gap.sum() / np.sum(np.abs(data.channels[0]) ** 2))
        assert model.values_ == ("product" if model.values == "auto" else "free")
        assert len(model.objective_) == model.n_iter_ + 1
        assert_allclose(model.objective_[-1], model.score(data.X), rtol=1e-9)
    assert len(model.support_[1]) == 1
    assert_allclose(model.points_[1][model.support_[1]], data.cosines[1], atol=0.01)
    # Grid points that are not in use stay where they were.
    rest = np.setdiff1d(np.arange(18), model.support_[1])
    assert_array_equal(model.points_[1][rest], data.angles[rest])
    assert errors[0] > 10 * errors[2]
    assert errors[2] > 0.95 * errors[1]


def test_any_callable_with_a_derivative_and_fixed_factors_beside_it():
    rng = np.random.default_rng(2)
    bumps = Bumps(np.linspace(0, 1, 20), np.linspace(0, 1, 9), 0.12)
    other = rng.standard_normal((7, 12))
    clean = np.outer(
        bumps(np.array([0.305, 0.71])) @ [1.0, -1.3], other[:, [2, 8]] @ [1.0, 0.7]
    ).ravel()
    X = (clean + 0.01 * rng.standard_normal(140))[None]
    model = clone(KroneckerSBL([bumps, other])).fit(X)
    places = model.points_[0][model.support_[0]]
    assert_allclose(np.sort(places), [0.305, 0.71], atol=0.01)
    assert_array_equal(model.support_[1], [2, 8])
    assert model.points_[1] is None
    assert_allclose(model.reconstruct(X)[0], clean, atol=0.05)


def test_zeros_and_units():
    factors, _, X, _ = plane(0, 30.0)
    zero = KroneckerSBL(factors).fit(np.zeros_like(X))
    assert not zero.transform(X).any()
    plain = KroneckerSBL(factors).fit(X)
    scaled = KroneckerSBL(factors).fit(X * 1e-120)
    assert_allclose(scaled.points_[0], plain.points_[0], rtol=1e-6)
    assert_allclose(
        scaled.transform(X * 1e-120) * 1e120, plain.transform(X), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: KroneckerSBL(f, shared_support=False), "shared_support=True"),
        (lambda f: KroneckerSBL(f, coupling="auto"), "coupling=None"),
        (lambda f: KroneckerSBL(f, support="free"), "support="),
        (lambda f: KroneckerSBL([f[0], np.ones((3, 2))]), "whose product is"),
    ],
)
def test_bad_combinations(make, message):
    factors, _, X, _ = plane(0, 20.0)
    with pytest.raises(ValueError, match=message):
        make(factors).fit(X)
    X[0, 3] = np.nan
    with pytest.raises(ValueError, match="missing entries"):
        KroneckerSBL(factors).fit(X)


def test_bad_factors():
    class NoSlopes:
        points = GRID

        def __call__(self, points):
            return np.ones((4, len(points)))

    class WrongShape(NoSlopes):
        def derivative(self, points):
            return np.ones((3, len(points)))

    class NoPoints(WrongShape):
        points = np.ones((2, 2))

    for factor, message in [
        (NoSlopes(), "derivative"), (WrongShape(), "both must be"),
        (NoPoints(), "1-D array"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            KroneckerSBL([factor]).fit(np.ones((1, 4)))
    for bad, message in [
        ({"positions": "ab"}, "positions"),
        ({"positions": [[1]]}, "1-D"),
        ({"angles": []}, "non-empty"),
        ({"angles": [np.nan]}, "NaN"),
        ({"angles": [1j]}, "real"),
        ({"transform": np.ones((2, 3))}, "one per position"),
    ]:
        with pytest.raises(ValueError, match=message):
            SteeringFactor(**{"positions": range(4), "angles": GRID, **bad})


@pytest.mark.parametrize("error", [0.0, -1.0, 2.0, 180 / np.pi])
def test_wrong_derivatives(error):
    class Wrong(Bumps):
        def derivative(self, points):
            return error * super().derivative(points)

    bumps = Wrong(np.linspace(0, 1, 20), np.linspace(0, 1, 9), 0.12)
    with pytest.raises(ValueError, match=r"factors\[0\].derivative is not the deriv"):
        KroneckerSBL([bumps]).fit(bumps(np.array([0.3])).T)


@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
@pytest.mark.parametrize("error", [1.0, 1.2])
@pytest.mark.parametrize(
    ("rate", "points"),
    [(1.0, np.linspace(0, 1, 400)), (1e7, [3e-7]), (1e7, [0.0]), (1e-9, [2.4e9])],
    ids=["fine", "short", "zero", "long"],
)
def test_derivatives_of_columns_in_any_precision_and_unit(single, error, rate, points):
    class Delays(Bumps):
        def __call__(self, points):
            waves = np.exp(1j * rate * self.places[:, None] * points)
            return waves.astype(np.complex64 if single else complex)

        def derivative(self, points):
            return error * 1j * rate * self.places[:, None] * self(points)

    delays = Delays(np.arange(4.0), np.asarray(points))
    if error == 1.0:
        on_grid(delays, 0)
    else:
        with pytest.raises(ValueError, match="not the deriv"):
            on_grid(delays, 0)


def test_columns_with_kinks_have_derivatives():
    class Tents(Bumps):
        def __call__(self, points):
            far = np.abs(self.places[:, None] - points) / self.width
            return np.maximum(1.0 - far, 0.0)

        def derivative(self, points):
            side = np.sign(self.places[:, None] - points)
            return np.where(self(points) > 0, side / self.width, 0.0)

    tents = Tents(np.linspace(0, 1, 20), np.linspace(0, 1, 9), 0.2)
    assert KroneckerSBL([tents]).fit(tents(np.array([0.3])).T).points_ is not None


def test_angles_that_are_no_cosines():
    for angles in (np.arange(-90, 91, 10), np.linspace(-np.pi / 2, np.pi / 2, 9)):
        with pytest.warns(UserWarning, match="cosines"):
            SteeringFactor(range(8), angles)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SteeringFactor(range(8), np.linspace(-1, 1, 9))


def test_maps_of_any_magnitude():
    _, _, X, noise = plane(0, 20.0)
    at = []
    for scale in (1.0, 1e-200, 1e200):
        factors = [
            SteeringFactor(range(8), GRID, scale * np.eye(8)),
            SteeringFactor(range(10), GRID),
        ]
        model = KroneckerSBL(factors, noise_variance=noise)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.filterwarnings("ignore", "A variance in gammas_")
            model.fit(X)
        at.append(np.sort(model.points_[0][model.support_[0]]))
    assert_allclose(at[1:], at[:1] * 2, atol=1e-6)
