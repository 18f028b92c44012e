"""MEDIDA says when it explains little, and what it could not have seen."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import PolynomialFeatures

from skgeo.datasets import Burgers, Lorenz63, Lorenz96, make_observation_pairs
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    FunctionLibrary,
    ModelErrorWarning,
    PDELibrary1D,
    StencilLibrary,
    one_standard_error,
    skill_scorer,
)
from skgeo.dynamics._model_error.design import build_design
from skgeo.dynamics._model_error.diagnostics import neighbor_correlation
from skgeo.dynamics._model_error.regression import discover
from skgeo.dynamics._model_error.rivals import closest_rivals
from skgeo.exceptions import UnusedParameterWarning
from skgeo.linear_model import SparseBayesianRegressor
from tests.dynamics.common import lorenz_pairs, support
from tests.dynamics.test_step_error import oscillator, runge_kutta


def lotka_volterra(X):
    x, y = X.T
    return np.stack([x - 0.5 * x * y, -0.5 * y + 0.3 * x * y], axis=1)


def test_noise_that_hides_everything_is_reported():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3, (400, 2))
    Y = runge_kutta(lotka_volterra, X, 0.001, 4)

    def model(Z, dt=0.001):
        return runge_kutta(lambda U: U * [1.0, -0.5], Z, dt, 4)

    scale = 0.01 * X.std()
    with pytest.warns(ModelErrorWarning, match="mostly noise"):
        MEDIDA(model, 0.001).fit(
            X + scale * rng.standard_normal(X.shape),
            Y + scale * rng.standard_normal(Y.shape),
        )


@pytest.mark.parametrize("degree", [1, 2])
def test_terms_missing_from_the_library_are_reported(degree):
    X = np.random.default_rng(0).uniform(-1.5, 1.5, (400, 2))

    def truth(Z):
        return np.stack([Z[:, 1], Z[:, 0] - 0.4 * np.sin(2 * Z[:, 0])], axis=1)

    Y = runge_kutta(truth, X, 0.05, 10)
    medida = MEDIDA(
        lambda Z, dt=0.05: runge_kutta(oscillator, Z, dt, 5),
        0.05,
        library=PolynomialFeatures(degree),
    )
    with pytest.warns(ModelErrorWarning, match="terms are missing from the library"):
        medida.fit(X, Y)
    assert medida.diagnostics_["residual_correlation"] > 0.3


def test_right_equations_raise_no_alarm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = lorenz_pairs()
        for params in ({"rho": 26.0}, {"xz": 0.0}, {"sigma": 9.0}):
            MEDIDA(Lorenz63(**params).flow(0.01, 5)).fit(pairs.X, pairs.y)
        pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
        MEDIDA(Lorenz96(damping=0.0).flow(0.02), library=StencilLibrary()).fit(
            pairs.X, pairs.y
        )


def test_detectable_sizes_separate_found_from_missed():
    # A term well above its detectable size is found, one well below is not.
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (500, 1))
    noise = 1e-3 * rng.standard_normal(X.shape)

    def fit(weak):
        tendency = X - weak * X**2
        Y = X + 0.01 * (tendency + noise * 100)
        return MEDIDA(None, 0.01, library=PolynomialFeatures(3)).fit(X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        medida = fit(0.0)
        j = medida.feature_names_.index("x0^2")
        size = medida.detectable_[0, j]
        assert 0 < size < 0.5
        assert fit(2 * size).coef_[0, j] != 0
        assert fit(0.3 * size).coef_[0, j] == 0
    # In units of the coefficients: a tenth of the step, ten times the noise of rates.
    assert medida.detectable_.shape == medida.coef_.shape


# -- names and arguments --------------------------------------------------------------


@pytest.mark.parametrize(
    "columns", [["x1", "x2", "x3"], ["x2", "x0", "x1"], ["a b", "b", "c^2"]]
)
def test_equations_speak_in_the_names_of_the_columns(columns):
    pairs = make_observation_pairs(Lorenz63(), 300, dt=0.01, random_state=0)
    X, y = (pd.DataFrame(v, columns=columns) for v in (pairs.X, pairs.y))
    medida = MEDIDA(Lorenz63(xz=0.0).flow(0.01, 5)).fit(X, y)
    a, b, c = columns
    assert medida.equations(2)[1] == f"{b}_t = model - 1.00 {a} {c}"
    assert f"{a} {c}" in medida.feature_names_


def test_the_step_is_known_or_asked_for():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (100, 2))
    Y = runge_kutta(lambda Z: -1.5 * Z, X, 0.01, 4)

    def model(Z):
        return Z

    with pytest.raises(ValueError, match="dt, the time between the two states"):
        MEDIDA(model).fit(X, Y)
    for medida in (
        MEDIDA(model, 0.01).fit(X, Y),
        MEDIDA(lambda Z, dt: Z).fit(X, Y, dt=0.01),
        MEDIDA(lambda Z, dt: Z).fit(X, Y, dt=np.full(100, 0.01)),
    ):
        np.testing.assert_allclose(np.diag(medida.coef_[:, 1:3]), -1.5, rtol=1e-3)
        assert medida.dt_ == 0.01
    pairs = lorenz_pairs(0.01)
    assert MEDIDA(Lorenz63(rho=26.0).flow(0.01)).fit(pairs.X, pairs.y).dt_ == 0.01
    with pytest.warns(ModelErrorWarning, match="differs from the step of the model"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), 0.02).fit(pairs.X, pairs.y)
    for bad in (0.0, -1.0, np.nan, [0.1], np.full(100, -0.1)):
        with pytest.raises(ValueError, match="dt"):
            MEDIDA(model, 0.01).fit(X, Y, dt=bad)


def test_a_missing_model_has_to_be_said():
    with pytest.raises(ValueError, match="model is missing"):
        MEDIDA().fit(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="model"):
        MEDIDA("nothing", 0.1).fit(np.eye(3), np.eye(3))


def test_models_of_one_state_are_explained():
    from scipy.integrate import solve_ivp

    def single(x):
        return solve_ivp(lambda t, u: [-u[0]], (0, 0.1), x).y[:, -1]

    X = np.random.default_rng(0).uniform(-1, 1, (20, 1))
    with pytest.raises(ValueError, match="models are batched"):
        MEDIDA(single, 0.1).fit(X, X)
    with pytest.raises(ZeroDivisionError):  # an error of its own stays what it is
        MEDIDA(lambda Z: 1 // 0, 0.1).fit(X, X)


def test_models_may_write_into_their_argument():
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01)

    def careless(X):
        X[:] = flow(X)
        return X

    medida = MEDIDA(careless, 0.01).fit(pairs.X, pairs.y)
    assert support(medida, 1) == {"x0"}


@pytest.mark.parametrize(
    "key", ["library__degree", "regressor__min_gain", "assimilation__obs_noise"]
)
def test_parts_left_at_their_defaults_cannot_be_tuned(key):
    pairs = lorenz_pairs()
    medida = MEDIDA(Lorenz63(rho=26.0).flow(0.01))
    with pytest.raises(ValueError, match=f"{key.partition('__')[0]} is None"):
        GridSearchCV(medida, {key: [1, 2]}).fit(pairs.X, pairs.y)
    both = medida.set_params(library=PolynomialFeatures(), library__degree=3)
    assert both.library.degree == 3


def test_idle_parameters_are_reported():
    pairs = lorenz_pairs()
    with pytest.warns(UnusedParameterWarning, match="tangent_step"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), evaluate_at="end", tangent_step=1e-4).fit(
            pairs.X, pairs.y
        )
    with pytest.warns(UnusedParameterWarning, match="gain_matched"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), gain_matched=False).fit(pairs.X, pairs.y)


def test_ties_go_to_the_smaller_library():
    pairs = lorenz_pairs()
    search = GridSearchCV(
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), library=PolynomialFeatures()),
        {"library__degree": [3, 2, 1]},
        scoring=skill_scorer,
        refit=one_standard_error,
        cv=3,
    ).fit(pairs.X, pairs.y)
    assert search.best_params_ == {"library__degree": 1}
    results = {
        "mean_test_skill": np.array([0.9, 0.9, 0.9]),
        "mean_test_sparsity": np.array([-2.0, -2.0, -2.0]),
        "mean_test_compactness": np.array([-30.0, -10.0, -20.0]),
        "split0_test_skill": np.array([0.9, 0.9, 0.9]),
    }
    assert one_standard_error(results) == 1


@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e160])
def test_score_is_finite_on_ordinary_data_in_any_units(scale):
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01)

    def model(Z):
        return scale * flow(Z / scale)

    medida = MEDIDA(model, 0.01, library=PolynomialFeatures(1))
    medida.fit(scale * pairs.X, scale * pairs.y)
    np.testing.assert_allclose(
        medida.score(scale * pairs.X, scale * pairs.y), 1.0, atol=1e-4
    )
    constant = MEDIDA(None, 1.0).fit(np.eye(3), np.full((3, 3), 1e8))
    assert np.isfinite(constant.score(np.eye(3), np.full((3, 3), 1e8)))


def test_columns_of_next_states_in_another_order_are_refused():
    pd = pytest.importorskip("pandas")
    pairs = make_observation_pairs(Lorenz63(), 60, dt=0.01, random_state=0)
    names = ["x1", "x2", "x3"]
    X, Y = (pd.DataFrame(v, columns=names) for v in (pairs.X, pairs.y))
    model = MEDIDA(Lorenz63(xz=0.0).flow(0.01, 5), dt=0.01)
    for turned in (Y[["x3", "x2", "x1"]], Y[["x2", "x1", "x3"]]):
        with pytest.raises(ValueError, match=r"order of those of X.*Pass y\[X.columns"):
            model.fit(X, turned)
    # Names of their own are matched by position.
    model.fit(X, Y.add_suffix("_next"))
    assert model.equations(2)[1] == "x2_t = model - 1.00 x1 x3"
    for method in (model.score, model.skill_score):
        with pytest.raises(ValueError, match="order of those of X"):
            method(X, Y[["x3", "x2", "x1"]])
    with pytest.raises(ValueError, match="of history are not in the order"):
        model.predict(X, history=X[["x3", "x2", "x1"]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.skill_score(X, Y) > 0.99
        assert model.score(X, Y) > 0.99


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_a_small_equation_that_is_not_explained_is_reported(scale):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (400, 2)) * [1.0, scale]
    missing = np.sin(3 * X[:, 0])  # no polynomial of degree two
    f = np.stack([X[:, 0] - 0.5 * X[:, 0] ** 2, 0.1 * scale * missing], axis=1)
    model = MEDIDA(None, dt=0.01, library=PolynomialFeatures(2))
    with pytest.warns(ModelErrorWarning, match="increments of equation 1"):
        model.fit(X, X + 0.01 * f)
    assert model.skill_ > 0.5
    noise = np.stack([np.zeros(400), 0.02 * scale * rng.standard_normal(400)], axis=1)
    with pytest.warns(ModelErrorWarning, match=r"0 % of the .*of equation 1: they are"):
        model.fit(X, X + 0.01 * f * [1.0, 0.0] + noise * 0.01)


@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-5, 1e4])
def test_an_equation_in_small_units_is_found(scale):
    rng = np.random.default_rng(0)
    X = rng.uniform(0.2, 2, (400, 2))

    def rate(X):
        return np.stack([X[:, 0] - X[:, 0] ** 2, 0.1 * X[:, 0] ** 2], axis=1)

    units = np.array([1.0, scale])
    Y = runge_kutta(rate, X, 0.01, 4) * units
    model = MEDIDA(None, dt=0.01, library=PolynomialFeatures(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelErrorWarning)
        model.fit(X * units, Y)
    # The constant, x0, x1, x0^2, ...: two terms and one.
    assert [set(np.flatnonzero(c)) for c in model.coef_] == [{1, 3}, {3}]


def fitzhugh_nagumo(X, rate=0.08, cubic=1 / 3):
    x, y = X.T
    return np.stack([x - cubic * x**3 - y + 0.5, rate * (x + 0.7 - 0.8 * y)], axis=1)


@pytest.mark.parametrize("with_model", [False, True])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_what_is_found_does_not_depend_on_units(with_model, noise):
    """One regression over all equations once gave them one noise, in raw units."""
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (300, 2)) * [2.0, 1.0]
    Y = runge_kutta(fitzhugh_nagumo, X, 0.1, 8)
    X, Y = (V + noise * X.std(axis=0) * rng.standard_normal(V.shape) for V in (X, Y))

    def wrong(X):
        return fitzhugh_nagumo(X, rate=0.06, cubic=0.0)

    fits = []
    for units in (np.ones(2), np.array([1e3, 1e-3]), np.array([1e-4, 1e5])):

        def model(X, units=units):
            return runge_kutta(wrong, X / units, 0.1, 8) * units

        medida = MEDIDA(
            model if with_model else None, dt=0.1, library=PolynomialFeatures(3)
        ).fit(X * units, Y * units)
        # Coefficients in the units of the first fit.
        powers = medida.library_.powers_
        raw = medida.coef_ * np.prod(units**powers, axis=1) / units[:, None]
        fits.append((raw, medida.skill_, medida.skill_score(X * units, Y * units)))
    true = {"x0^3": -1 / 3} if with_model else {"1", "x0", "x1", "x0^3"}
    assert support(medida, 0) == set(true)
    assert support(medida, 1) == {"1", "x0", "x1"}
    for raw, skill, score in fits[1:]:
        np.testing.assert_allclose(raw, fits[0][0], rtol=1e-4, atol=1e-6)
        assert skill == pytest.approx(fits[0][1], abs=1e-6)
        assert score == pytest.approx(fits[0][2], abs=1e-6)


def waves(rng, n, n_points):
    angle = 2 * np.pi * np.arange(n_points) / n_points
    k = np.arange(1, 4)[:, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 3, 1))
    weight = rng.standard_normal((n, 3)) / np.arange(1, 4)
    return np.einsum("nk,nkx->nx", weight, np.cos(k * angle + phase))


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e3, 1e-2), (1e-2, 1e3)])
def test_filtered_fields_of_different_units(units):
    """The modes of a filter belong to fields, each with a noise of its own."""
    rng, n, dt = np.random.default_rng(0), 32, 0.1
    X = np.hstack([waves(rng, 40, n), waves(rng, 40, n)])

    def rate(Z, cubic=0.4):
        u, v = Z[:, :n], Z[:, n:]
        return np.hstack([u - cubic * u**3 - v, 0.5 * (u - 0.8 * v)])

    def wrong(Z):
        return rate(Z, cubic=0.0)

    scale = np.repeat(units, n)
    Y = runge_kutta(rate, X, dt, 8)
    X, Y = (V + 1e-3 * V.std() * rng.standard_normal(V.shape) for V in (X, Y))
    medida = MEDIDA(
        lambda Z: runge_kutta(wrong, Z / scale, dt, 4) * scale,
        dt,
        library=PDELibrary1D(1, 3, length=1.0, fields=("u", "v")),
        assimilation=EnsembleKalmanFilter(grid_shape=(n,)),
    ).fit(X * scale, Y * scale)
    assert [support(medida, k) for k in range(2)] == [{"u^3"}, set()]
    found = medida.coef_[0, medida.feature_names_.index("u^3")]
    np.testing.assert_allclose(found * units[0] ** 2, -0.4, rtol=0.02)


def test_a_constant_component_has_no_equation():
    """Rounding errors were made into terms where other components vary."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.uniform(-1, 1, (300, 2)), rng.uniform(1, 2, 300)])

    def rate(X):
        return np.stack([X[:, 1], -X[:, 0] * X[:, 2], 0.0 * X[:, 0]], axis=1)

    Y = runge_kutta(rate, X, 0.05, 4)
    rounding = 1 + 2e-16 * rng.integers(-2, 3, (300, 3)) * [0, 0, 1]
    medida = MEDIDA(None, dt=0.05).fit(X, Y * rounding)
    assert [support(medida, k) for k in range(3)] == [{"x1"}, {"x0 x2"}, set()]


def test_a_term_that_another_could_replace_is_reported():
    rng = np.random.default_rng(3)
    narrow = rng.uniform(0.9, 1.1, (400, 1))  # x and its powers are alike here
    wide = rng.uniform(0.0, 2.0, (400, 1))

    def pairs(X):
        Y = runge_kutta(lambda X: 1 - 0.5 * X**2, X, 0.1, 4)
        return X, Y + 1e-3 * rng.standard_normal(X.shape)

    medida = MEDIDA(None, dt=0.1, library=PolynomialFeatures(3))
    with pytest.warns(ModelErrorWarning, match="cannot be told from"):
        medida.fit(*pairs(narrow))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelErrorWarning)
        medida.fit(*pairs(wide))
    assert support(medida) == {"1", "x0^2"}


def test_exchanges_cost_what_least_squares_says():
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, (60, 2)) + 1.0
    y = X + 0.1 * (X - 0.3 * X**2) + 1e-3 * rng.standard_normal(X.shape)
    found = MEDIDA(None, dt=0.1, library=PolynomialFeatures(3)).fit(X, y)
    design = build_design(
        found._terms, None, X, y, X, np.full((60, 1), 0.1), evaluate_at="tangent",
        project=None, step_size=1e-5, units=X.std(axis=0), per_sample=None,
        history=None,
    )  # fmt: skip
    regressor = SparseBayesianRegressor(fit_intercept=False, min_gain=8.0)
    discovery = discover(design, regressor, found._terms)
    rivals = {r.target: r for r in closest_rivals(design, discovery, np.inf)}
    A, targets = design.matrices()
    for i, w in enumerate(discovery.coef):
        active = set(np.flatnonzero(w))

        def rss(columns, y=targets[:, i]):
            columns = sorted(columns)
            w = np.linalg.lstsq(A[:, columns], y, rcond=None)[0]
            return np.sum((y - A[:, columns] @ w) ** 2)

        costs = {
            (j, k): 30 * np.log(rss(active - {j} | {k}) / rss(active))
            for j in active
            for k in set(range(A.shape[1])) - active
        }
        best = min(costs, key=costs.get)
        assert (rivals[i].term, rivals[i].other) == best
        assert rivals[i].cost == pytest.approx(costs[best])


def test_correlation_of_neighbors_on_a_grid():
    rng = np.random.default_rng(0)
    residual = rng.standard_normal((2, 5, 20)).cumsum(axis=2) + 3.0
    above, below = 0.0, 0.0
    for series in residual.reshape(-1, 20):
        r = series - series.mean()
        above += sum(r[i] * r[i + 1] for i in range(19))
        below += sum(r * r)
    found = neighbor_correlation(np.zeros((5, 20)), residual)
    assert found == pytest.approx(above / below)
    assert neighbor_correlation(np.zeros((2, 20)), residual[:, :2]) == 0.0


def test_correlation_of_neighboring_states():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 2)) * [1.0, 1e3] + [5.0, 0.0]
    residual = np.sin(X[:, 0])[None, :, None] + 0.1 * rng.standard_normal((3, 40, 1))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    square = ((Z[:, None] - Z) ** 2).sum(axis=2) + 1e9 * np.eye(40)
    nearest = square.argmin(axis=1)
    expected = np.sum(residual * residual[:, nearest]) / np.sum(residual**2)
    assert neighbor_correlation(X, residual) == pytest.approx(expected)


def test_terms_that_cancel_are_reported():
    X = np.random.default_rng(0).uniform(-0.2, 0.2, (400, 1))
    library = FunctionLibrary((lambda x: x, np.sin), ("x", "sin x"))

    def fit(rate):
        medida = MEDIDA(None, 1e-3, library=library)
        medida.fit(X, X + 1e-3 * rate(X))
        return medida.diagnostics_["cancellation"]

    with pytest.warns(ModelErrorWarning, match="x, sin x cancel"):
        ratio = fit(lambda x: x - np.sin(x))
    parts = np.linalg.norm(X) / np.linalg.norm(X - np.sin(X))
    assert ratio == pytest.approx(parts, rel=0.05)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*cancel")
        assert fit(np.sin) == 1.0


def test_residuals_that_alternate_are_regular():
    rng = np.random.default_rng(0)
    bump = np.exp(-(np.linspace(-6, 6, 64) ** 2))
    alternating = bump * (-1.0) ** np.arange(64)
    # Every other point: unlike its neighbors, like those after them.
    every_other = bump * np.cos(np.pi * np.arange(64) / 2)
    for wave, low, high in ((alternating, -1.0, -0.8), (every_other, -1.0, -0.8)):
        residual = wave * rng.standard_normal((1, 40, 1))
        assert low < neighbor_correlation(np.zeros((40, 64)), residual) < high
    white = rng.standard_normal((1, 40, 64))
    assert abs(neighbor_correlation(np.zeros((40, 64)), white)) < 0.1


def test_a_coarse_grid_is_reported():
    # Fronts of two points: what aliases into the truth is no term of the library.
    truth = Burgers(n_grid=32, viscosity=0.02)
    X = truth.step(truth.initial_state(30, 0), 1.0)
    y = truth.step(X, 0.05)
    model = Burgers(n_grid=32, viscosity=0.02, advection=0.0)
    with pytest.warns(ModelErrorWarning, match="grid is too coarse"):
        MEDIDA(model.flow(0.05), library=PDELibrary1D(2, 2, length=truth.length)).fit(
            X, y
        )


def test_more_left_than_the_noise_explains_is_reported():
    def fit(n_grid, viscosity, noise=0.003):
        truth = Burgers(n_grid=n_grid, viscosity=viscosity)
        X = truth.step(truth.initial_state(30, 0), 1.0)
        y = truth.step(X, 0.05)
        sd, rng = noise * X.std(), np.random.default_rng(0)
        X, y = (Z + sd * rng.standard_normal(Z.shape) for Z in (X, y))
        medida = MEDIDA(
            Burgers(n_grid=n_grid, viscosity=viscosity, advection=0.0).flow(0.05),
            library=PDELibrary1D(2, 2, length=truth.length),
            assimilation=EnsembleKalmanFilter(sd),
        )
        return medida.fit(X, y)

    with pytest.warns(ModelErrorWarning, match="times the noise of the observations"):
        coarse = fit(32, 0.02)
    assert coarse.diagnostics_["residual_over_noise"] > 1.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = fit(64, 0.3)
    assert set(support(fine)) == {"u u_x"}
    assert 0.5 < fine.diagnostics_["residual_over_noise"] < 1.2
