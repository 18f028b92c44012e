"""Trials that are there twice, recordings in other units or with gaps: told."""

import warnings

import numpy as np
import pytest

mne = pytest.importorskip("mne")
pytest.importorskip("moabb")

from skgeo.datasets import from_arrays, from_epochs, from_raws  # noqa: E402
from skgeo.eeg import evaluate  # noqa: E402
from skgeo.eeg._moabb.trials import repeated_trials  # noqa: E402

WITHIN = {"pipelines": ["Cov+MDM"], "cv": 2}


def recording(seed=0, scale=1e-5, extra=()):
    rng = np.random.default_rng(seed)
    info = mne.create_info(["C3", "Cz", "C4"], 128.0, "eeg")
    raw = mne.io.RawArray(
        scale * rng.standard_normal((3, 128 * 54)), info, verbose="error"
    )
    labels = ["left_hand", "right_hand"] * 6
    raw.set_annotations(mne.Annotations(4.0 * np.arange(12) + 2, 0.0, labels))
    raw.annotations.append(0.5 + 3.0 * np.arange(len(extra)), 0.0, list(extra))
    return raw


def test_pairs_are_found_and_no_others():
    X = np.random.default_rng(0).standard_normal((200, 3, 60))
    assert repeated_trials(X).shape == (0, 2)
    X[150] = X[3]
    X[7] = -2e-6 * X[4] * (1 + 1e-12)  # another sign is another signal
    X[9] = 2e-6 * X[8] * (1 + 1e-12)
    X[20:22] = 0.0
    assert repeated_trials(X).tolist() == [[3, 150], [8, 9]]
    bank = np.stack([X, 2 * X], axis=-1)
    assert repeated_trials(bank).tolist() == [[3, 150], [8, 9]]


def test_a_recording_that_is_there_twice_is_told(tmp_path):
    raw = recording()
    people = from_raws({"a": raw, "b": raw.copy()}, interval=(0, 2))
    with pytest.warns(UserWarning, match=r"24 of 24 trials are copies .*subject a.*b"):
        evaluate(
            people,
            evaluation="cross-subject",
            pipelines=["Cov+MDM"],
            output=tmp_path / "1",
        )
    runs = from_raws({"a": {"s": {"1": raw, "2": raw.copy()}}}, interval=(0, 2))
    with pytest.warns(UserWarning, match="24 of 24 trials are copies"):
        evaluate(runs, output=tmp_path / "2", **WITHIN)
    X = 1e-5 * np.random.default_rng(0).standard_normal((12, 3, 128))
    twice = from_arrays(np.concatenate([X, X[:4]]), ["a", "b"] * 8, sfreq=128.0)
    with pytest.warns(UserWarning, match="8 of 16 trials are copies"):
        evaluate(twice, output=tmp_path / "3", **WITHIN)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        others = from_raws({"a": raw, "b": recording(1)}, interval=(0, 2))
        evaluate(others, output=tmp_path / "4", **WITHIN)


def test_recordings_in_other_units_are_named():
    raws = {str(seed): recording(seed) for seed in range(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        from_raws(raws, interval=(0, 2))
        from_raws({**raws, "30 times": recording(4, 3e-4)}, interval=(0, 2))
    two = {"volts": raws["0"], "millivolts": recording(5, 1e-2)}
    raws["microvolts"] = recording(5, 10.0)
    with pytest.warns(UserWarning, match=r"microvolts/0/0 \(1e\+01 V\) have other"):
        from_raws(raws, interval=(0, 2))
    with pytest.warns(UserWarning, match=r"volts/0/0 .*, millivolts/0/0"):
        from_raws(two, interval=(0, 2))
    X = 1e-5 * np.random.default_rng(0).standard_normal((8, 3, 128))
    X[4:] *= 1e6
    with pytest.warns(UserWarning, match="have other amplitudes"):
        from_arrays(X, ["a", "b"] * 4, sfreq=128.0, subject=[1] * 4 + [2] * 4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gaps_are_refused_before_filters_spread_them(value):
    raw = recording()
    raw._data[1, 1280] = value
    with pytest.raises(ValueError, match=r"NaN or infinity, first at 10\.000 s"):
        from_raws({"a": recording(1), "b": raw}, interval=(0, 2))


def test_epochs_that_start_at_other_times_do_not_mix():
    X = 1e-5 * np.random.default_rng(0).standard_normal((8, 3, 100))
    info = mne.create_info(["C3", "Cz", "C4"], 100.0, "eeg")
    events = np.column_stack([np.arange(8) * 200, np.zeros(8, int), [1, 2] * 4])
    early, late = (
        mne.EpochsArray(X, info, events, tmin, {"a": 1, "b": 2}, verbose="error")
        for tmin in (0.0, 0.5)
    )
    assert from_epochs({"p": early, "q": early.copy()}).subject_list == ["p", "q"]
    with pytest.raises(ValueError, match="same sampling frequency, length and start"):
        from_epochs({"p": early, "q": late})


@pytest.mark.parametrize(
    "mark",
    [
        "SyncStatus/Sync On",
        "Sync Status/Sync On",
        "New Segment/LostSamples: 12",
        "Recording ends",
        "RECORD START",
        "Recording starts",
        "EDGE boundary",
        "BAD_ACQ_SKIP",
        "Comment/coffee",
        "boundary",
    ],
)
def test_marks_of_software_are_no_classes(mark):
    data = from_raws({"a": recording(extra=[mark, mark])}, interval=(0, 2))
    assert set(data.event_id) == {"left_hand", "right_hand"}
