"""What an evaluation is told: rates, bands, folds, scorers, who watches."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import numpy as np
import pytest

moabb = pytest.importorskip("moabb")
pytest.importorskip("mne")
pytest.importorskip("typer")

import pandas as pd

from skgeo.datasets import from_arrays
from skgeo.eeg import evaluate, pipelines
from tests.eeg.moabb.helpers import Interrupting, load_trials, noise

CHANNELS = ["C3", "Cz", "C4"]


class Asks(Interrupting):
    """Has parameters that MOABB does not hand over, but skgeo does."""

    def __init__(self, sfreq=None, band=None, order=None):
        self.sfreq = sfreq
        self.band = band
        self.order = order

    def fit(self, X, y):
        TOLD.append((self.sfreq, self.band, self.order))
        self.classes_ = np.unique(y)
        return self


TOLD = []


def test_rate_and_band_reach_the_steps_that_ask(tmp_path):
    from sklearn.pipeline import make_pipeline

    options = {"classes": ["hands", "feet"], "cv": 2, "output": tmp_path}
    options["channels"] = CHANNELS
    chosen = {"asks": Asks(), "in a pipeline": make_pipeline(Asks(band=(1.0, 2.0)))}
    TOLD.clear()
    evaluate(pipelines=chosen, **options)
    assert set(TOLD) == {(160.0, (8.0, 32.0), None), (160.0, (1.0, 2.0), None)}
    assert chosen["asks"].sfreq is None  # the user's own is left as it was
    TOLD.clear()
    evaluate(pipelines={"asks": Asks()}, resample=80, band=(4, 30), **options)
    evaluate(pipelines={"asks": Asks()}, band=None, **options)
    assert TOLD == [(80.0, (4.0, 30.0), None)] * 2 + [(160.0, None, None)] * 2


def test_another_setting_is_another_result(tmp_path):
    # MOABB keys results by neither seed, folds, score nor the people trained on.
    X, y = load_trials()
    people = from_arrays(X, y, sfreq=160.0, subject=np.arange(len(y)) % 3)
    calls = []
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path, "callbacks": calls.append}
    variants = [
        {},
        {"random_state": 7},
        {"cv": 3},
        {"cv": "blocks:3"},
        {"scorer": "accuracy"},
        {"band": None},
        {"evaluation": "cross-subject"},
        {"evaluation": "cross-subject", "subjects": [0, 1]},
    ]
    results = []
    for change in variants:
        calls.clear()
        results.append(evaluate(people, **options, **change))
        assert calls
        assert results[-1].study.n_found == 0
    for change, first in zip(variants, results, strict=True):
        calls.clear()
        again = evaluate(people, **options, **change)
        assert not calls
        pd.testing.assert_frame_equal(again.scores, first.scores)
        pd.testing.assert_frame_equal(again.folds, first.folds)


def test_chronological_folds_train_on_the_past(tmp_path):
    seen = []

    class Looks(Interrupting):
        def fit(self, X, y):
            self.last = X[:, 0, 0].max()
            return super().fit(X, y)

        def decision_function(self, X):
            seen.append((self.last, X[:, 0, 0].min()))
            return super().decision_function(X)

    Interrupting.fits_left = 100
    X = np.random.RandomState(0).randn(24, 3, 128)
    X[:, 0, 0] = np.arange(24)
    data = from_arrays(X, ["a", "b"] * 12, sfreq=128.0)
    evaluate(
        data,
        pipelines={"looks": Looks()},
        cv="chronological",
        band=None,
        output=tmp_path,
    )
    assert len(seen) == 5
    assert all(last < first for last, first in seen)


def test_a_splitter_of_scikit_learn_has_runs_as_groups(tmp_path):
    from sklearn.model_selection import GroupKFold

    X, y = load_trials()
    run = np.repeat([0, 1, 2], 15)
    data = from_arrays(X, y, sfreq=160.0, run=run)
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    own = evaluate(data, cv=GroupKFold(3), **options)
    named = evaluate(data, cv="runs", **options)
    assert sorted(own.folds["score"]) == sorted(named.folds["score"])


def test_bars_and_lines_are_for_those_who_ask(tmp_path, capfd):
    evaluate(noise(["a", "b"]), pipelines=["Cov+MDM"], output=tmp_path)
    assert capfd.readouterr() == ("", "")
    evaluate(
        noise(["a", "b"]),
        pipelines=["Cov+MDM"],
        output=tmp_path,
        verbose=1,
        overwrite=True,
    )
    assert "1/1  a / b  Cov+MDM  subject 1  score" in capfd.readouterr().err


def test_an_error_says_where(tmp_path):
    class Fails(Interrupting):
        def fit(self, X, y):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        evaluate(noise(["a", "b"]), pipelines={"f": Fails()}, output=tmp_path)
    assert caught.value.__notes__ == ["in pipeline f, subject 1, fold 1"]


def test_event_related_potentials_have_pipelines_of_their_own(tmp_path):
    X = np.random.RandomState(0).randn(40, 4, 128)
    y = np.array(["Target", "NonTarget"] * 20)
    # what is locked to the stimulus is in the mean, not in the covariance
    X[y == "Target", :, 30:60] += 0.5
    data = from_arrays(X, y, sfreq=128.0, paradigm="p300")
    result = evaluate(data, band=None, output=tmp_path)
    mean = result.scores.set_index("pipeline")["score"]
    assert set(mean.index) == set(pipelines("p300"))
    assert mean["Xdawn+TS+LR"] > 0.9 > mean["Cov+TS+LR"] + 0.1
    assert set(result.study.pipelines) == set(mean.index)


def test_rate_and_band_go_where_they_have_an_effect():
    from skgeo.eeg import AugmentedCovarianceClassifier
    from skgeo.eeg._moabb.trials import tell_rate_and_band

    average = tell_rate_and_band(AugmentedCovarianceClassifier(), 160.0, (8.0, 32.0))
    assert (average.sfreq, average.band) == (160.0, (8.0, 32.0))
    single = AugmentedCovarianceClassifier(selection=None)
    assert tell_rate_and_band(single, 160.0, (8.0, 32.0)) is single
    chosen = pipelines("all")
    told = {
        name: tell_rate_and_band(p, 160.0, (8.0, 32.0)) is not p
        for name, p in chosen.items()
    }
    assert told["ACM(average)"]
    assert not told["ACM+TS+SVM"]
    assert not told["Cov+MDM"]
