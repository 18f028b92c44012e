"""The error of a finite step: subtracted, not mistaken for terms."""

import warnings

import numpy as np
import pytest
from sklearn.preprocessing import PolynomialFeatures

from skgeo.datasets import KuramotoSivashinsky, Lorenz63, make_observation_pairs
from skgeo.dynamics import MEDIDA, ModelErrorWarning, PDELibrary1D
from skgeo.dynamics._model_error.step_error import StepError
from tests.dynamics.common import relative_error, support


def runge_kutta(rate, X, dt, n_steps):
    h = dt / n_steps
    for _ in range(n_steps):
        a = rate(X)
        b = rate(X + h / 2 * a)
        c = rate(X + h / 2 * b)
        d = rate(X + h * c)
        X = X + h / 6 * (a + 2 * b + 2 * c + d)
    return X


def duffing(damping, linear=1.0, cubic=1.0):
    def rate(X):
        x, v = X.T
        return np.stack([v, -damping * v + linear * x - cubic * x**3], axis=1)

    return rate


def oscillator(X):
    return np.stack([X[:, 1], X[:, 0]], axis=1)


@pytest.mark.parametrize("damping", [0.05, 0.15, 0.3, 0.6])
@pytest.mark.parametrize("dt", [0.02, 0.05, 0.1, 0.2, 0.3])
def test_damping_survives(damping, dt):
    X = np.random.default_rng(7).uniform(-1.5, 1.5, (400, 2))
    Y = runge_kutta(duffing(damping), X, dt, 20)

    def black_box(Z):
        return runge_kutta(oscillator, Z, dt, 8)

    def with_step(Z, dt):
        return runge_kutta(oscillator, Z, dt, 8)

    given = MEDIDA(black_box, dt, half_step=lambda Z: with_step(Z, dt / 2))
    for medida, tolerance in (
        (MEDIDA(lambda Z, dt=dt: with_step(Z, dt), dt), 0.005),
        (given, 0.005),
        (MEDIDA(black_box, dt), 0.1),
    ):
        medida.set_params(library=PolynomialFeatures(3))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            medida.fit(X, Y)
        assert support(medida, 0) == set()
        assert support(medida, 1) == {"x1", "x0^3"}
        names = medida.feature_names_
        for name, value in (("x1", -damping), ("x0^3", -1.0)):
            found = medida.coef_[1, names.index(name)]
            np.testing.assert_allclose(found, value, rtol=tolerance)
        assert medida.diagnostics_["step_status"] == "corrected"


def test_estimate_is_the_error_of_the_trapezoid():
    # With the true terms, increments minus tangent features are the step error.
    dt, rate = 0.2, duffing(0.3)
    X = np.random.default_rng(0).uniform(-1.5, 1.5, (50, 2))
    Y = runge_kutta(rate, X, dt, 50)

    def model(Z):
        return runge_kutta(oscillator, Z, dt, 20)

    def half(Z):
        return runge_kutta(oscillator, Z, dt / 2, 10)

    def missing(Z):
        return rate(Z) - oscillator(Z)

    F, steps = model(X), np.full((50, 1), dt)
    eps = 1e-6
    carried = (model(X + eps * missing(X)) - F) / eps
    true = (Y - F) / dt - 0.5 * (carried + missing(Y))
    scale = np.abs(true).max()
    exact = StepError(model, half, X, Y, F, steps, 1e-5, X.std(axis=0))
    assert np.abs(exact(missing) - true).max() < 0.03 * scale
    assert exact.is_consistent()
    extrapolated = StepError(model, None, X, Y, F, steps, 1e-5, X.std(axis=0))
    assert np.abs(extrapolated(missing) - true).max() < 0.5 * scale
    assert np.abs(extrapolated(missing, 3) - true).max() < 0.3 * scale
    assert extrapolated.agree(missing)
    wrong = StepError(model, model, X, Y, F, steps, 1e-5, X.std(axis=0))
    assert not wrong.is_consistent()


@pytest.mark.parametrize(
    ("params", "bounds"),
    [
        ({"advection": 0.0}, (0.001, 0.2)),
        ({"diffusion": 0.0}, (0.001, 0.01)),
        ({"diffusion": 0.5}, (0.001, 0.01)),
        ({"dispersion": 0.5}, (0.001, 0.05)),
    ],
)
def test_kuramoto_sivashinsky_at_long_steps(params, bounds):
    truth = KuramotoSivashinsky(128, 25.0, dealias=True)
    model = KuramotoSivashinsky(128, 25.0, dealias=True, **params)
    for dt, bound in zip((0.005, 0.05), bounds, strict=True):
        pairs = make_observation_pairs(truth, 20, dt=dt, gap=2.0, random_state=1)
        medida = MEDIDA(model.flow(dt, 5), library=PDELibrary1D(length=25.0))
        medida.fit(pairs.X, pairs.y)
        assert relative_error(medida, model, truth) < bound


def test_a_wrong_half_step_is_reported():
    X = np.random.default_rng(0).uniform(-1.5, 1.5, (200, 2))
    Y = runge_kutta(duffing(0.3), X, 0.1, 20)

    def model(Z):
        return runge_kutta(oscillator, Z, 0.1, 8)

    medida = MEDIDA(model, 0.1, half_step=model, library=PolynomialFeatures(3))
    with pytest.warns(ModelErrorWarning, match="Two half steps"):
        medida.fit(X, Y)
    assert support(medida, 1) == {"x1", "x0^3"}


def test_terms_dropped_by_size_are_named():
    # Neither half a step nor extrapolations that agree: the old rule, with a warning.
    pairs = make_observation_pairs(Lorenz63(), 200, dt=0.05, gap=1.0, random_state=5)
    flow = Lorenz63(rho=26.0).flow(0.05)
    with pytest.warns(ModelErrorWarning, match="were dropped .* half_step"):
        medida = MEDIDA(lambda X: flow(X), 0.05).fit(pairs.X, pairs.y)
    assert medida.diagnostics_["step_status"] == "unknown"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        better = MEDIDA(flow).fit(pairs.X, pairs.y)
    assert support(better, 1) == {"x0"}
    np.testing.assert_allclose(better.coef_.sum(), 2.0, rtol=0.005)


def test_pruning_can_be_switched_off():
    X = np.random.default_rng(7).uniform(-1.5, 1.5, (400, 2))
    Y = runge_kutta(duffing(0.15), X, 0.3, 20)
    medida = MEDIDA(
        lambda Z: runge_kutta(oscillator, Z, 0.3, 8),
        0.3,
        library=PolynomialFeatures(3),
        prune_step_error=False,
    ).fit(X, Y)
    assert medida.n_terms_ > 2
    assert medida.diagnostics_["step_status"] == "off"
