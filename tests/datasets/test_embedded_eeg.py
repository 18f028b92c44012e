"""The shipped recording against the EDF files it was made from, and its loader."""

import os
import pathlib

import numpy as np
import pytest

from skgeo.datasets import load_embedded_eeg
from skgeo.datasets._eeg import embedded_eeg
from skgeo.datasets._eeg.embedded_eeg import DATA_FILE, read_recording

EDF = "physionet_s001/MNE-eegbci-data/files/eegmmidb/1.0.0/S001"


def edf_folder():
    folder = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", "")) / EDF
    if not folder.is_dir():
        pytest.skip("the EDF files are not here: set SKGEO_TEST_DATA")
    return folder


def read_edf(path):
    """Read integers, physical and digital ranges, annotations: written from the
    EDF specification, so that no reader is shared with the tool that packs them."""
    content = path.read_bytes()
    n_signals, n_records = int(content[252:256]), int(content[236:244])
    widths = [16, 80, 8, 8, 8, 8, 8, 80, 8, 32]
    fields, at = [], 256
    for width in widths:
        ends = range(at, at + n_signals * width, width)
        fields.append([content[i : i + width].decode().strip() for i in ends])
        at += n_signals * width
    counts = np.array(fields[8], dtype=int)
    records = np.frombuffer(content[at:], "<i2").reshape(n_records, counts.sum())
    n = counts[0]
    assert (counts[:64] == n).all()
    digital = records[:, : 64 * n].reshape(n_records, 64, n).transpose(1, 0, 2)
    notes = records[:, 64 * n :].tobytes().decode()
    events = []
    for note in notes.replace("\x00", "").split("\x14"):
        if "\x15" in note:
            onset, _, duration = note.rpartition("+")[2].partition("\x15")
            events.append([float(onset), float(duration)])
        elif note.startswith("T"):
            events[-1].append(int(note[1]))
    ranges = [tuple(map(float, values)) for values in zip(*fields[3:7], strict=True)]
    return digital.reshape(64, -1), fields[0][:64], ranges[0], events


@pytest.mark.parametrize("position", range(6))
def test_equals_the_edf_files(position):
    recording = read_recording()
    run = int(recording["runs"][position])
    digital, labels, ranges, events = read_edf(edf_folder() / f"S001R{run:02d}.edf")
    np.testing.assert_array_equal(recording["digital"][position], digital)
    assert [s.strip(".").upper() for s in labels] == [
        s.upper() for s in recording["ch_names"]
    ]
    low, high, digital_low, digital_high = ranges
    gain, offset = recording["calibration"]
    assert gain * digital_low + offset == low
    assert gain * digital_high + offset == high
    mine = recording["events"][recording["events"][:, 0] == run, 1:]
    theirs = [(o * 160, d * 160, code) for o, d, code in events]
    np.testing.assert_allclose(mine, theirs, atol=1e-9)
    assert len(mine) == 30


def test_small_and_complete():
    assert DATA_FILE.stat().st_size < 12e6
    recording = read_recording()
    assert recording["digital"].shape == (6, 64, 20000)
    assert recording["digital"].dtype == np.int16
    license = DATA_FILE.with_name("ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "Open Data Commons Attribution License" in license


def test_positions_make_sense():
    recording = read_recording()
    at = dict(zip(recording["ch_names"], recording["positions"], strict=True))
    assert at["C3"][0] < at["Cz"][0] < at["C4"][0]  # x: to the right
    assert at["Oz"][1] < at["Cz"][1] < at["Fpz"][1]  # y: to the front
    assert at["Cz"][2] == max(p[2] for p in at.values())  # z: up
    assert (np.linalg.norm(recording["positions"], axis=1) < 0.2).all()


def test_damaged_file_is_refused(tmp_path, monkeypatch):
    damaged = bytearray(DATA_FILE.read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "x.npz").write_bytes(damaged)
    monkeypatch.setattr(embedded_eeg, "DATA_FILE", tmp_path / "x.npz")
    with pytest.raises(OSError, match="sha256"):
        read_recording.__wrapped__()


def test_trials():
    data = load_embedded_eeg("all", band=None)
    assert data.X.shape == (90, 64, 481)
    assert data.X.dtype == np.float64
    names, counts = np.unique(data.y, return_counts=True)
    assert names.tolist() == ["feet", "hands", "left_hand", "right_hand"]
    assert counts.sum() == 90
    assert np.array_equal(np.unique(data.run), [4, 6, 8, 10, 12, 14])
    recording = read_recording()
    first = recording["digital"][0][:, 672 : 672 + 481]  # first cue: 4.2 s
    np.testing.assert_array_equal(data.X[0], first)


def test_tasks_are_parts_of_all():
    both = load_embedded_eeg("all", channels="motor")
    for task in ("left_right", "hands_feet"):
        part = load_embedded_eeg(task, channels="motor")
        mask = np.isin(both.y, part.target_names)
        np.testing.assert_array_equal(both.X[mask], part.X)
        np.testing.assert_array_equal(both.y[mask], part.y)


def test_the_band_is_kept():
    data = load_embedded_eeg(channels=["C3", "Cz"], band=(8, 13))
    power = np.abs(np.fft.rfft(data.X - data.X.mean(-1, keepdims=True))) ** 2
    freq = np.fft.rfftfreq(data.X.shape[-1], 1 / data.sfreq)
    inside = power[..., (freq > 7) & (freq < 14)].sum()
    assert inside > 0.97 * power.sum()


def test_recording_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        read_recording()["digital"][0, 0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "feet"}, "task must be"),
        ({"channels": "C3"}, "channels must be"),
        ({"channels": ["C3", "C99"]}, "distinct electrodes"),
        ({"channels": ["C3", "C3"]}, "distinct electrodes"),
        ({"channels": []}, "distinct electrodes"),
        ({"band": (30, 8)}, "band must be"),
        ({"band": (8, 80)}, "band must be"),
        ({"tmin": 3.0}, "tmax must exceed tmin"),
        ({"tmax": 30.0}, "leaves the recording"),
    ],
)
def test_clear_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_embedded_eeg(**arguments)
