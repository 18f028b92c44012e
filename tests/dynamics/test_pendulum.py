"""The law of a real pendulum, chosen on three swings and judged on the fourth."""

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.base import BaseEstimator, TransformerMixin

from skgeo.dynamics import MEDIDA, WeakLibrary

DT = 0.004


class Terms(TransformerMixin, BaseEstimator):
    """Angle, velocity, energy -> named terms."""

    FUNCTIONS = {
        "sin a": lambda X: np.sin(X[:, 0]),
        "cos a": lambda X: np.cos(X[:, 0]),
        "w": lambda X: X[:, 1],
        "|w|": lambda X: np.abs(X[:, 1]),
        "w^2": lambda X: X[:, 1] ** 2,
        "|w|^3": lambda X: np.abs(X[:, 1]) ** 3,
    }

    def __init__(self, names=("sin a",)):
        self.names = names

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.stack([self.FUNCTIONS[n](X) for n in self.names], axis=1)

    def get_feature_names_out(self, input_features=None):
        return np.array(self.names, dtype=object)


@pytest.fixture(scope="module")
def swings(recordings):
    path = recordings / "pendulum" / "single_pendulum.npz"
    if not path.is_file():
        pytest.skip("the recording of the pendulum is not at hand")
    with np.load(path) as data:
        return [data[f"swing{i}"].T[::4] - [np.pi, 0.0] for i in range(4)]


def fit(trajectories, names, duration):
    X = np.concatenate([U[:-1] for U in trajectories])
    y = np.concatenate([U[1:] for U in trajectories])
    library = WeakLibrary(Terms(names), duration=round(duration / DT) | 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MEDIDA(None, DT, library=library).fit(X, y)


def gravity_of(swing):
    medida = fit([swing], ("sin a", "cos a", "w"), 0.4)
    assert set(np.flatnonzero(medida.coef_[1])) == {0}
    assert medida.coef_std_[1, 0] < 0.1
    return -medida.coef_[1, 0]


def test_gravity_is_the_same_in_every_swing(swings):
    values = np.array([gravity_of(U) for U in swings])
    np.testing.assert_allclose(values, 64.05, atol=0.03)


def test_friction_and_what_is_not_determined(swings):
    g = np.mean([gravity_of(U) for U in swings[:3]])
    states = [
        np.column_stack([U, U[:, 1] ** 2 / 2 - g * np.cos(U[:, 0])]) for U in swings
    ]

    def friction(trajectories, names):
        design, target = fit(trajectories, names, 4.0).weak_design_.matrices()
        return -np.linalg.lstsq(design, target[:, 2], rcond=None)[0]

    def forecast_error(coulomb=0.0, viscous=0.0, quadratic=0.0):
        def rate(_, state):
            a, w = state
            slow = coulomb * np.tanh(w / 0.01) + viscous * w + quadratic * w * abs(w)
            return [w, -g * np.sin(a) - slow]

        times = DT * np.arange(len(swings[3]))
        path = solve_ivp(rate, times[[0, -1]], swings[3][0], "LSODA", times, rtol=1e-8)
        return np.sqrt(np.mean((path.y[0] - swings[3][:, 0]) ** 2))

    dry, square = friction(states[:3], ("|w|", "|w|^3"))
    viscous = friction(states[:3], ("w^2",))[0]
    np.testing.assert_allclose(
        [dry, square, viscous], [0.148, 0.0044, 0.056], rtol=0.03
    )
    # Nine seconds, eleven swings, of half a radian.
    assert forecast_error(coulomb=dry, quadratic=square) < 0.003
    assert forecast_error(viscous=viscous) < 0.003
    assert forecast_error() > 0.05
    # The two laws do not differ in forecasts; dry and quadratic friction together is
    # stable over swings, all three terms are not determined.
    single = np.array([friction([U], ("|w|", "|w|^3")) for U in states])
    assert (single > 0).all()
    assert single[:, 0].std() < 0.15 * dry
    three = np.array([friction([U], ("|w|", "w^2", "|w|^3")) for U in states])
    assert (three.min(axis=0) < 0).all()
