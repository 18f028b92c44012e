"""Long fits of MEDIDA are announced, watched and stopped."""

import warnings

import numpy as np
import pytest
from sklearn.preprocessing import PolynomialFeatures

from skgeo.datasets import Lorenz63
from skgeo.dynamics import MEDIDA, MemoryLibrary, ModelErrorWarning, WeakLibrary
from skgeo.exceptions import LongFitWarning
from tests.dynamics.common import lorenz_pairs, support


class Recorder:
    """Callback that counts what it is shown, and stops after some of it."""

    def __init__(self, n_max=None):
        self.n_max, self.n_seen = n_max, 0

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name != "iteration":
            return False
        self.n_seen += 1
        return self.n_max is not None and self.n_seen >= self.n_max

    def teardown(self, estimator, context):
        pass


def discovery(library=None):
    return MEDIDA(Lorenz63(rho=26.0).flow(0.01, 5), dt=0.01, library=library)


def test_every_column_and_regression_is_reported_and_a_stop_is_said():
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    pairs, watching, stopping = lorenz_pairs(), Recorder(), Recorder(5)
    medida = discovery().set_callbacks(watching).fit(pairs.X, pairs.y)
    plain = discovery().fit(pairs.X, pairs.y)
    np.testing.assert_array_equal(medida.coef_, plain.coef_)
    assert watching.n_seen > 30 + 3  # columns, and regressions
    stopped = discovery().set_callbacks(stopping)
    with pytest.warns(ModelErrorWarning, match="A callback stopped the fit"):
        stopped.fit(pairs.X, pairs.y)
    assert 30 < stopping.n_seen < watching.n_seen
    # What is needed for an equation is done in any case.
    assert "x0" in support(stopped, 1)
    np.testing.assert_allclose(stopped.coef_, plain.coef_, atol=0.05)


@pytest.mark.parametrize("library", [WeakLibrary(), MemoryLibrary(memory=1)])
def test_trajectories_are_watched_too(library):
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    states, flow, seen = (
        [np.array([[1.0, 1.0, 20.0]])],
        Lorenz63().flow(0.01),
        Recorder(),
    )
    for _ in range(400):
        states.append(flow(states[-1]))
    U = np.concatenate(states)
    discovery(library).set_callbacks(seen).fit(U[:-1], U[1:])
    assert seen.n_seen >= 3


def test_long_fits_are_announced_and_short_ones_are_not(monkeypatch):
    pairs = lorenz_pairs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        discovery().fit(pairs.X, pairs.y)
        MEDIDA(None, dt=0.01).fit(pairs.X, pairs.y)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 1e-9)
    for medida, match in (
        (discovery(), "30 columns of 600 rows will take"),
        (
            MEDIDA(None, dt=0.01, library=PolynomialFeatures(3)),
            "20 columns of 200 rows",
        ),
    ):
        with pytest.warns(LongFitWarning, match=match):
            medida.fit(pairs.X, pairs.y)
