"""Callbacks of the averaged classifiers, and what is said of long fits."""

import time
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    RecenteredCovarianceClassifier,
)
from skgeo.eeg import _durations as durations
from skgeo.testing import make_trials


class Watch:
    """Counts the steps of a fit and stops it after some."""

    def __init__(self, stop=None):
        self.stop, self.steps = stop, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        pass

    def on_fit_task_end(self, estimator, context, **kwargs):
        if context.task_name == "iteration":
            self.steps += 1
        return self.steps == self.stop


@pytest.mark.parametrize(
    "model",
    [
        AugmentedCovarianceClassifier(orders=(1, 2, 3), lags=(1, 2)),
        AugmentedCovarianceClassifier(
            orders=(1, 2, 3), lags=(1, 2), method="tangent-lr", weights="alignment"
        ),
        AugmentedCovarianceClassifier(orders=(1, 2, 3), lags=(1, 2), kernel="rbf"),
        RecenteredCovarianceClassifier(orders=(1, 2, 3), lags=(1, 2)),
    ],
    ids=["svm", "logistic", "rbf", "recentered"],
)
def test_a_callback_sees_every_embedding_and_can_stop(model):
    pytest.importorskip("sklearn.callback")
    X, y = make_trials(30, 3)
    expected = model.fit(X, y).decision_function(X)
    assert len(model.groups_) == 5
    watch = Watch()
    watched = clone(model)
    watched.set_callbacks(watch)
    assert_array_equal(watched.fit(X, y).decision_function(X), expected)
    assert watch.steps == 5
    stopped = clone(model)
    stopped.set_callbacks(Watch(stop=3))
    stopped.fit(X, y)
    assert stopped.embeddings_ == model.embeddings_[:3]
    assert_allclose(sum(m.share for m in stopped.groups_), 1.0)
    # The same as an average of these embeddings alone: their shares are 3 : 3 / 2 : ...
    shares = np.array([m.share for m in model.groups_[:3]])
    if model.weights == "equal":
        assert_allclose([m.share for m in stopped.groups_], shares / shares.sum())
    assert stopped.score(X, y) > 0.9
    if model.kernel == "linear":
        assert len(stopped.patterns_) == 3


def test_stopped_above_three_thousand_trials(monkeypatch):
    pytest.importorskip("sklearn.callback")
    from skgeo.eeg import _heads as heads

    monkeypatch.setattr(heads, "MANY_TRIALS", 50)
    monkeypatch.setattr(heads, "N_LANDMARKS", 40)
    X, y = make_trials(80, 3)
    model = AugmentedCovarianceClassifier(orders=(1, 2, 3), lags=(1,))
    model.set_callbacks(Watch(stop=2))
    model.fit(X, y)
    assert model.embeddings_ == [(1, 1), (2, 1)]
    assert model.score(X, y) > 0.9
    alone = AugmentedCovarianceClassifier(orders=(1, 2), lags=(1,)).fit(X, y)
    assert_allclose(model.decision_function(X), alone.decision_function(X))


@pytest.mark.parametrize(
    "model",
    [
        AugmentedCovarianceClassifier(),
        RecenteredCovarianceClassifier(),
        AugmentedCovarianceClassifierCV((1, 2), (1,), cv=2),
    ],
)
def test_long_fits_are_announced(model, monkeypatch):
    X, y = make_trials(30, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 1e-4)
    with pytest.warns(UserWarning, match="trials with up to .* rows will take up to"):
        model.fit(X, y)


def test_the_estimate_is_about_right():
    X, y = make_trials(200, 8, 400)
    model = AugmentedCovarianceClassifier(orders=(8,), lags=(2,)).fit(X, y)
    start = time.process_time()
    model.fit(X, y)
    taken = time.process_time() - start
    assert taken / 10 < durations.seconds_of_logs(200, 64) < 10 * taken
