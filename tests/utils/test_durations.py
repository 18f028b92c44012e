"""Long computations are said beforehand, by one rule."""

import warnings

import numpy as np
import pytest

from skgeo.decomposition import OnlineOrthogonalDictionary, SupervisedDictionaryLearning
from skgeo.exceptions import LongFitWarning
from skgeo.linear_model import KroneckerSBL
from skgeo.utils import durations
from skgeo.utils.durations import Pace, announce


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(11, "11 seconds"), (119, "119 seconds"), (600, "10 minutes"), (1e4, "3 hours")],
)
def test_more_than_ten_seconds_are_announced(seconds, words):
    with pytest.warns(LongFitWarning, match=f"sum will take up to {words}. Wait."):
        announce(seconds, "The sum", "Wait.")


@pytest.mark.parametrize("seconds", [0.0, 10.0, np.nan])
def test_shorter_ones_are_not(seconds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        announce(seconds, "The sum", "Wait.")


def warnings_of_loop(monkeypatch, seconds_per_step, n_steps, n_done):
    clock = iter(np.arange(n_done + 1) * seconds_per_step)
    monkeypatch.setattr(durations.time, "thread_time", lambda: next(clock))
    pace = Pace(n_steps, "Take fewer.")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(n_done):
            pace.step()
    return [str(w.message) for w in caught]


def test_a_slow_loop_is_announced_once(monkeypatch):
    # The first step is not timed: five seconds are over after six steps.
    (message,) = warnings_of_loop(monkeypatch, 1.0, 100, 20)
    assert message.startswith(
        "6 iterations took 5 seconds; the 94 that may follow will take up to 94 seconds"
    )
    assert "Take fewer." in message


def test_a_loop_that_is_nearly_over_is_not_announced(monkeypatch):
    assert not warnings_of_loop(monkeypatch, 1.0, 16, 16)  # 10 of 16 seconds left
    assert warnings_of_loop(monkeypatch, 1.0, 17, 17)


def test_a_quick_loop_is_not_announced(monkeypatch):
    assert not warnings_of_loop(monkeypatch, 0.001, 10**6, 4000)


@pytest.mark.parametrize(
    "model",
    [
        OnlineOrthogonalDictionary(max_iter=400, tol=0.0, random_state=0),
        SupervisedDictionaryLearning(2, max_iter=400, tol=1e-12, random_state=0),
        KroneckerSBL((np.eye(3), np.eye(2)), max_iter=400, tol=1e-12),
    ],
)
def test_fits_without_a_formula_are_timed(model, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 6)), np.arange(30) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", LongFitWarning)
        model.fit(X, y)
    monkeypatch.setattr(durations, "LONG", 1e-6)
    monkeypatch.setattr(Pace, "_LOOK", 1e-9)
    with pytest.warns(LongFitWarning, match="iterations took 0 seconds"):
        model.fit(X, y)
