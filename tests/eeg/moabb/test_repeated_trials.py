"""Trials that are there twice, and recordings in other units, are told."""

import warnings

import numpy as np
import pytest

mne = pytest.importorskip("mne")
pytest.importorskip("moabb")

from skgeo.datasets import from_arrays, from_raws  # noqa: E402
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
    raws["microvolts"] = recording(5, 10.0)
    with pytest.warns(UserWarning, match=r"microvolts/0/0 \(1e\+01 V\) have other"):
        from_raws(raws, interval=(0, 2))


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
