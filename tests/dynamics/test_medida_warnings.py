"""What can go wrong in MEDIDA, and is said."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skgeo.datasets import (
    KuramotoSivashinsky,
    Lorenz63,
    Lorenz96,
    make_observation_pairs,
)
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    FunctionLibrary,
    ModelErrorWarning,
    PDELibrary1D,
    StencilLibrary,
)
from skgeo.dynamics._model_error.tangent import call_model
from skgeo.exceptions import InvalidParameterError
from tests.dynamics.common import lorenz_pairs, support


def test_blown_up_samples_are_told_or_dropped():
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01, 5)

    def fragile(X):
        out = flow(X)
        out[np.isin(X[:, 0], pairs.X[[3, 7], 0])] = np.nan
        return out

    with pytest.raises(ValueError, match=r"2 of 200 samples \(indices 3, 7\)"):
        MEDIDA(fragile, 0.01).fit(pairs.X, pairs.y)
    with pytest.warns(ModelErrorWarning, match="blew up on 2 samples"):
        medida = MEDIDA(fragile, 0.01, on_blowup="drop").fit(pairs.X, pairs.y)
    assert support(medida, 1) == {"x0"}
    with pytest.raises(ValueError, match="at least 2 must remain"):
        MEDIDA(lambda X: X * np.nan, 0.01, on_blowup="drop").fit(pairs.X, pairs.y)
    with pytest.raises(ValueError, match="same shape"):
        MEDIDA(lambda X: X[:, :2], 0.01).fit(pairs.X, pairs.y)


def test_perfect_model_is_told():
    pairs = lorenz_pairs()
    with pytest.warns(ModelErrorWarning, match="perfect"):
        medida = MEDIDA(Lorenz63().flow(0.01, 5), 0.01).fit(pairs.X, pairs.y)
    assert not medida.coef_.any()
    assert medida.equations() == ["x0_t = model", "x1_t = model", "x2_t = model"]
    np.testing.assert_allclose(medida.predict(pairs.X), pairs.y, rtol=1e-9)


def test_collinear_library_is_told():
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    library = FunctionLibrary((np.sin, np.negative, _identity))
    with pytest.warns(ModelErrorWarning, match="negative, identity cannot be told"):
        MEDIDA(Lorenz96(damping=0.0).flow(0.02), 0.02, library=library).fit(
            pairs.X, pairs.y
        )


def _identity(X):
    return X


_identity.__name__ = "identity"


def test_few_rows_are_told():
    pairs = lorenz_pairs(n=20)
    with pytest.warns(ModelErrorWarning, match="60 rows for 30 candidate terms"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), 0.01).fit(pairs.X, pairs.y)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        MEDIDA(None, 0.01).fit(pairs.X[:1], pairs.y[:1])


def test_long_step_is_told():
    pairs = lorenz_pairs(0.12)
    with pytest.warns(ModelErrorWarning, match="step is long"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.12), 0.12).fit(pairs.X, pairs.y)


def test_step_too_short_for_the_noise_is_told():
    system = KuramotoSivashinsky(256, 50.0)
    pairs = make_observation_pairs(
        system, 40, dt=0.002, noise=0.05, n_trajectories=4, random_state=0
    )
    model = KuramotoSivashinsky(256, 50.0, diffusion=0.0)
    with pytest.warns(ModelErrorWarning, match="short for the noise"):
        MEDIDA(
            model.flow(0.002),
            0.002,
            library=PDELibrary1D(length=50.0),
            assimilation=EnsembleKalmanFilter(pairs.noise_std),
        ).fit(pairs.X, pairs.y)


def test_wrong_dt_is_told():
    # The model is right but its step is a fifth too short: the error is its tendency.
    pairs = lorenz_pairs(0.01)
    with pytest.warns(ModelErrorWarning, match="repeat the model's own tendency"):
        MEDIDA(Lorenz63().flow(0.008), 0.01).fit(pairs.X, pairs.y)


def test_unstable_model_is_told():
    pairs = lorenz_pairs()
    flow = Lorenz63().flow(0.01)
    with pytest.warns(ModelErrorWarning, match="ten times their size"):
        MEDIDA(lambda X: 20 * flow(X), 0.01).fit(pairs.X, pairs.y)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"dt": 0.0}, "dt"),
        ({"evaluate_at": "middle"}, "evaluate_at"),
        ({"library": 3}, "library"),
        ({"regressor": LinearRegression()}, "intercept"),
        ({"library": FunctionLibrary((np.log,))}, "infinite or NaN"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_bad_parameters_are_told(params, match):
    pairs = lorenz_pairs(n=50)
    medida = MEDIDA(Lorenz63(rho=26.0).flow(0.01), 0.01).set_params(**params)
    with pytest.raises(ValueError, match=match):
        medida.fit(pairs.X, pairs.y)


def test_too_many_coupled_equations_are_told():
    X = np.random.default_rng(0).standard_normal((200, 60))
    with pytest.raises(ValueError, match="pointwise library"):
        MEDIDA(lambda Z: 0.9 * Z, 1.0).fit(X, X)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_units_drop_out(scale):
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    flow = Lorenz96(damping=0.0).flow(0.02)
    plain = MEDIDA(flow, 0.02, library=StencilLibrary((0, 1), 1))
    scaled = MEDIDA(
        lambda Z, dt=0.02: scale * flow(Z / scale, dt),
        0.02,
        library=StencilLibrary((0, 1), 1),
    )
    plain.fit(pairs.X, pairs.y)
    scaled.fit(scale * pairs.X, scale * pairs.y)
    assert support(plain) == support(scaled) == {"x"}
    np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-6)
    np.testing.assert_allclose(scaled.skill_, plain.skill_, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 5])
def test_a_model_of_one_state_is_recognized(n):
    def model(x):
        a, b = x  # fails on a batch of more or fewer than two states
        return np.array([float(b), float(a)])

    X = np.arange(2.0 * n).reshape(n, 2)
    with pytest.raises(ValueError, match="takes one state: models are batched"):
        call_model(model, X)


def test_states_that_do_not_move_or_run_backwards_are_reported():
    pairs = lorenz_pairs()
    model = Lorenz63(rho=26.0).flow(0.01)
    with pytest.warns(ModelErrorWarning, match="y equals X"):
        MEDIDA(model).fit(pairs.X, pairs.X)
    with pytest.warns(ModelErrorWarning, match="states before those of X"):
        MEDIDA(model).fit(pairs.y, pairs.X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MEDIDA(model).fit(pairs.X, pairs.y)


def test_complex_states_of_a_model_are_refused():
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01)
    with pytest.raises(ValueError, match="imaginary parts up to 1"):
        MEDIDA(lambda Z: flow(Z) + 1j, dt=0.01).fit(pairs.X, pairs.y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        real = MEDIDA(lambda Z: flow(Z) + 0j, dt=0.01).fit(pairs.X, pairs.y)
    plain = MEDIDA(lambda Z: flow(Z), dt=0.01).fit(pairs.X, pairs.y)
    np.testing.assert_array_equal(real.coef_, plain.coef_)


def test_simulations_check_what_they_start_from():
    pairs = lorenz_pairs()
    medida = MEDIDA(Lorenz63(rho=26.0).flow(0.01)).fit(pairs.X, pairs.y)
    corrected = medida.corrected_model()
    for n_steps in (-3, 2.5, True, None):
        with pytest.raises(InvalidParameterError, match="n_steps"):
            corrected.simulate(pairs.X[:1], n_steps)
    assert corrected.simulate(pairs.X[:1], np.int8(2)).shape == (3, 1, 3)
    with pytest.raises(ValueError, match="X contains NaN"):
        corrected.simulate(pairs.X[:1] * np.nan, 2)
    for dt in (-0.01, 0.0, np.nan, "long"):
        with pytest.raises(InvalidParameterError, match="'dt'"):
            medida.corrected_model(dt=dt)


def test_models_that_do_not_take_what_fit_was_given():
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01)
    with pytest.raises(ValueError, match=r"called as model\(X, dt\).*it takes \(Z\)"):
        MEDIDA(lambda Z: flow(Z)).fit(pairs.X, pairs.y, dt=0.01)
    with pytest.raises(ValueError, match=r"model\(X, history\)"):
        MEDIDA(lambda Z: flow(Z), 0.01).fit(pairs.X, pairs.y, history=pairs.X)
    given = MEDIDA(flow).fit(pairs.X, pairs.y, dt=0.01)
    assert given.dt_ == 0.01
