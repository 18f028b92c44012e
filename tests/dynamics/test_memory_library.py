"""Terms that remember: closures of the two-scale Lorenz-96 system, delays."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, GroupKFold

from skgeo.datasets import Lorenz96, TwoScaleLorenz96
from skgeo.dynamics import (
    MEDIDA,
    HiPPOProjector,
    MemoryLibrary,
    ModelErrorWarning,
    StencilLibrary,
    forecast_scorer,
)

DT = 0.05
MODEL = Lorenz96(8, forcing=20.0).flow(DT)


def slow_paths(n, n_steps, seed):
    system = TwoScaleLorenz96()
    X = system.attractor_states(n, seed)
    return system.slow(system.trajectory(X, n_steps, DT))


def pairs(U):
    """Consecutive pairs of trajectories (n_times, n, d), and their groups."""
    n = U.shape[1]
    X, y = (np.concatenate([V[:, i] for i in range(n)]) for V in (U[:-1], U[1:]))
    return X, y, np.repeat(np.arange(n), len(U) - 1)


@pytest.fixture(scope="module")
def paths():
    return slow_paths(12, 250, 101), slow_paths(24, 80, 202)


def forecast_error(medida, paths, n_steps=10):
    model = medida.corrected_model()
    errors = []
    for k in (20, 40, 60):
        path = model.simulate(paths[k + 1 - model.n_history : k + 1], n_steps)
        errors.append(path[-1] - paths[k + n_steps])
    return np.sqrt(np.mean(np.square(errors)))


def fit(memory, paths):
    medida = MEDIDA(MODEL, library=MemoryLibrary(StencilLibrary((0,), 4), memory))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelErrorWarning)
        return medida.fit(*pairs(paths)[:2])


def test_closures_that_remember_forecast_twice_as_well(paths):
    train, test = paths
    plain, short, long = (
        fit(memory, train) for memory in (0, 4, HiPPOProjector(6, window=8.0))
    )
    assert 0.75 < plain.skill_score(*pairs(test)[:2]) < 0.82
    assert short.skill_score(*pairs(test)[:2]) > 0.9
    assert long.skill_score(*pairs(test)[:2]) > 0.895
    base = forecast_error(plain, test)
    assert forecast_error(short, test) < min(0.75, base / 1.9)
    assert forecast_error(long, test) < min(0.8, base / 1.8)
    model = pickle.loads(pickle.dumps(short.corrected_model()))
    free = model.simulate(train[: model.n_history], 400)
    np.testing.assert_allclose(free[100:].std(), train.std(), rtol=0.05)
    assert short.diagnostics_["free_run_steps"] == 400
    assert "x(t-4)" in short.feature_names_


def test_memory_is_chosen_by_forecasts(paths):
    X, y, groups = pairs(paths[0])
    search = GridSearchCV(
        MEDIDA(MODEL, library=MemoryLibrary(StencilLibrary((0,), 4))),
        {"library__memory": [0, 1, 4]},
        scoring=partial(forecast_scorer, n_steps=10),
        cv=GroupKFold(3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelErrorWarning)
        search.fit(X, y, groups=groups)
    assert search.best_params_ == {"library__memory": 4}
    assert (np.diff(search.cv_results_["mean_test_score"]) > 0).all()


def known_part(X):
    return X + 0.1 * np.sin(3 * X)


def test_a_known_delay_is_found():
    # x(t+1) = x(t) + 0.1 (sin 3 x(t) - 0.7 x(t-2)), of which the sine is known.
    rng = np.random.default_rng(0)
    U = list(rng.uniform(-2, 2, (3, 30, 2)))
    for _ in range(25):
        U.append(known_part(U[-1]) - 0.07 * U[-3])
    X, y, _ = pairs(np.array(U))
    medida = MEDIDA(known_part, 0.1, library=MemoryLibrary(StencilLibrary((0,), 2), 4))
    medida.fit(X, y)
    assert medida.equations(3) == ["x_t = model - 0.700 x(t-2)"]
    components = MEDIDA(known_part, 0.1, library=MemoryLibrary(memory=4)).fit(X, y)
    assert components.equations(3) == [
        "x0_t = model - 0.700 x0(t-2)",
        "x1_t = model - 0.700 x1(t-2)",
    ]


def test_memory_of_states_is_exact():
    rng = np.random.default_rng(0)
    U = rng.standard_normal((20, 3))
    lags = MemoryLibrary(StencilLibrary((0,), 1), 2).fit(U)
    memory = lags._remember(U)
    np.testing.assert_array_equal(memory[5], U[[4, 3]])
    joined = lags._join(U[5:6], memory[5:6])
    terms = lags._terms(joined)[:, 0]
    np.testing.assert_array_equal(terms[[1, 2, 3]], U[[5, 4, 3]])
    # Without a trajectory: as if the state had been there for ever.
    rest = lags.evaluate(U[:1])[0]
    np.testing.assert_array_equal(rest[:, 2], U[0])
    window = MemoryLibrary(None, HiPPOProjector(4, window=6.0)).fit(U)
    constant = window._remember(np.ones((400, 3)))[-1]
    np.testing.assert_allclose(constant[:, 0], [1, 0, 0, 0], atol=1e-6)
    assert window.n_warm_ == 6


def test_predictions_need_the_past(paths):
    medida = fit(2, paths[0])
    U = paths[1]
    X = U[10]
    history = U[6:10].transpose(1, 0, 2)
    expected = medida.corrected_model().simulate(U[6:11], 1)[1]
    np.testing.assert_allclose(medida.predict(X, history=history), expected)
    for bad in (None, history[:, :1], history[:3]):
        with pytest.raises(ValueError, match="history"):
            medida.predict(X, history=bad)
    with pytest.raises(ValueError, match="at least 3 successive"):
        medida.corrected_model().simulate(U[:2], 3)
    with pytest.raises(ValueError, match="counts steps"):
        medida.corrected_model(0.1)
    X, y, _ = pairs(U)
    assert 0.99 < medida.score(X, y) < 1


def test_free_runs_that_blow_up_are_reported():
    # The increment of a growing oscillation, remembered by its last two states.
    t = np.arange(200)
    x = (np.exp(0.01 * t) * np.cos(0.3 * t))[:, None]
    medida = MEDIDA(None, 1.0, library=MemoryLibrary(StencilLibrary((0,), 1), 1))
    with pytest.warns(ModelErrorWarning, match="free run"):
        medida.fit(x[:-1], x[1:])
    assert medida.skill_ > 0.999
    assert medida.diagnostics_["free_run_steps"] < 400


def test_pairs_without_a_past_are_refused():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 8))
    medida = MEDIDA(MODEL, library=MemoryLibrary(StencilLibrary((0,), 2)))
    with pytest.raises(ValueError, match="needs trajectories"):
        medida.fit(X, X + 1)
    with pytest.raises(ValueError, match="equal steps"):
        MEDIDA(lambda X, dt: X, library=MemoryLibrary()).fit(
            X[:-1], X[1:], dt=rng.uniform(0.1, 0.2, 49)
        )
    for memory in (HiPPOProjector(4), HiPPOProjector(4, measure="legs")):
        with pytest.raises(ValueError, match="windows that are numbers"):
            MemoryLibrary(None, memory).fit(X)


def test_forecasts_of_plain_models_are_scored(paths):
    X, y, _ = pairs(paths[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelErrorWarning)
        medida = MEDIDA(MODEL, library=StencilLibrary((0,), 4)).fit(X, y)
    assert -3 < forecast_scorer(medida, X, y) < -0.5
    with pytest.raises(ValueError, match="No trajectory"):
        forecast_scorer(medida, X[:12], y[:12])
