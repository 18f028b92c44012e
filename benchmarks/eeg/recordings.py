"""Recordings the EEG benchmarks read, from the folder $SKGEO_TEST_DATA.

``physionet_s001``: PhysioNet EEG Motor Movement/Imagery, subject 1; imagery of the left
or right hand (runs 4, 8, 12), band-passed 8-32 Hz, 0-3 s after the cue. ``mamem2``:
MAMEM SSVEP dataset II, 500 one-second cuts of five flicker frequencies a subject.
``uea``: EyesOpenShut (14 x 128), FingerMovements (28 x 50), HandMovementDirection (MEG,
10 x 400). ``kalunga2016``: SSVEP with an exoskeleton, three flicker frequencies and
rest, seven people. ``muse_p300``: a visual oddball with four dry electrodes.
"""

import functools
import os
import pathlib

import numpy as np

CHANNELS_3 = ["C3", "Cz", "C4"]
TRIPLES = [
    CHANNELS_3,
    *(["FC3", "FCz", "FC4"], ["CP3", "CPz", "CP4"], ["C1", "Cz", "C2"]),
    *(["C5", "Cz", "C6"], ["FC1", "FCz", "FC2"], ["CP1", "CPz", "CP2"]),
    ["P3", "Pz", "P4"],
]
# Sets of few electrodes over the motor cortex, to confirm what the triples show.
FEW = {
    3: [
        *(["F3", "Fz", "F4"], ["FC5", "FCz", "FC6"], ["CP5", "CPz", "CP6"]),
        *(["C3", "FCz", "C4"], ["C3", "CPz", "C4"], ["FC3", "Cz", "FC4"]),
        *(["CP3", "Cz", "CP4"], ["C1", "FCz", "C2"]),
    ],
    4: [
        *(["C3", "C1", "C2", "C4"], ["FC3", "C3", "FC4", "C4"]),
        *(["C3", "CP3", "C4", "CP4"], ["C5", "C1", "C2", "C6"]),
    ],
    5: [
        *(["C5", "C3", "Cz", "C4", "C6"], ["C3", "C1", "Cz", "C2", "C4"]),
        *(["FC3", "FC1", "FCz", "FC2", "FC4"], ["CP3", "CP1", "CPz", "CP2", "CP4"]),
    ],
    6: [
        ["FC3", "C3", "CP3", "FC4", "C4", "CP4"],
        ["C5", "C3", "C1", "C2", "C4", "C6"],
        ["C3", "Cz", "C4", "CP3", "CPz", "CP4"],
        ["FC3", "FCz", "FC4", "C3", "Cz", "C4"],
    ],
    8: [
        ["FC3", "C3", "CP3", "C1", "C2", "FC4", "C4", "CP4"],
        ["C5", "C3", "C1", "Cz", "C2", "C4", "C6", "FCz"],
        ["FC3", "FC1", "FC2", "FC4", "CP3", "CP1", "CP2", "CP4"],
        ["P3", "P1", "P2", "P4", "CP3", "CP1", "CP2", "CP4"],
    ],
}
KALUNGA_CHANNELS = ["Oz", "O1", "O2", "PO3", "POz", "PO7", "PO8", "PO4"]
CHANNELS_9 = ["FC3", "FCz", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"]
CHANNELS_22 = [
    *["Fz", "FC3", "FC1", "FCz", "FC2", "FC4", "C5", "C3", "C1", "Cz", "C2", "C4"],
    *["C6", "CP3", "CP1", "CPz", "CP2", "CP4", "P1", "Pz", "P2", "POz"],
]
LEFT_RIGHT, HANDS_FEET = (4, 8, 12), (6, 10, 14)


def folder():
    """Return the folder of recordings, or say how to name it."""
    path = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", ""))
    if not (path / "physionet_s001").is_dir():
        raise SystemExit("SKGEO_TEST_DATA must be the folder of the recordings.")
    return path


@functools.cache
def _imagery(runs):
    import mne

    mne.set_log_level("ERROR")
    where = folder() / "physionet_s001/MNE-eegbci-data/files/eegmmidb/1.0.0/S001"
    X, y = [], []
    for run in runs:
        raw = mne.io.read_raw_edf(where / f"S001R{run:02d}.edf", preload=True)
        mne.datasets.eegbci.standardize(raw)
        raw.filter(8, 32, method="iir", iir_params={"order": 4, "ftype": "butter"})
        events, ids = mne.events_from_annotations(raw)
        cues = {name: code for name, code in ids.items() if name != "T0"}
        epochs = mne.Epochs(raw, events, cues, 0, 3, baseline=None, preload=True)
        X.append(epochs.get_data(copy=False) * 1e6)
        y.append((epochs.events[:, 2] != ids["T1"]).astype(int))
    return np.concatenate(X), np.concatenate(y), epochs.ch_names


def imagery(n_channels, runs=LEFT_RIGHT):
    """Return trials (45, n_channels, 481) and labels of PhysioNet subject 1.

    ``n_channels`` is 3, 9, 22 or 64, or a list of names.
    """
    X, y, names = _imagery(tuple(runs))
    known = {3: CHANNELS_3, 9: CHANNELS_9, 22: CHANNELS_22, 64: names}
    chosen = n_channels if isinstance(n_channels, list) else known[n_channels]
    return np.ascontiguousarray(X[:, [names.index(c) for c in chosen]]), y


def ssvep(subject):
    """Return trials (500, 8, 125) and labels of one MAMEM subject."""
    with np.load(folder() / f"mamem2/U{subject:03d}.npz") as file:
        return file["X"].astype(float), file["y"].astype(int)


def kalunga(person):
    """Return broadband cuts (64, 8, 1920) at 256 Hz, labels and runs of one person.

    A cut starts 2 s before the mark; values are in microvolts.
    """
    with np.load(folder() / f"kalunga2016/P{person:02d}.npz") as file:
        low = file["low"].astype(np.uint32)
        high = file["high"].astype(np.uint32)
        top = np.unpackbits(file["top"])[: low.size].reshape(low.shape)
        code = low | high << 8 | top.astype(np.uint32) << 16
        # Zig-zag codes of first differences.
        steps = (code >> 1).astype(np.int64) ^ -(code & 1).astype(np.int64)
        unit = file["microvolt_per_unit"][file["run"]]
        return steps.cumsum(axis=2) * unit[:, :, None], file["y"], file["run"]


def oddball():
    """Return cuts (n, 4, 307) at 256 Hz in microvolts, and a table of what they are.

    The first sample is 0.2 s before the stimulus. The table has the arrays ``y``
    ("Target", "NonTarget"), ``subject``, ``session`` and ``run``.
    """
    with np.load(folder() / "muse_p300/p300.npz") as file:
        X = file["X"] * file["uv_per_unit"]
        names = ("y", "subject", "session", "run")
        return X, {name: file[name] for name in names}


def uea(name):
    """Return trials and labels of a set of the UEA archive, both parts pooled."""
    with np.load(folder() / f"uea/{name}.npz") as file:
        X = np.concatenate([file["X_train"], file["X_test"]]).astype(float)
        y = np.concatenate([file["y_train"], file["y_test"]])
    return X, np.unique(y, return_inverse=True)[1]


def session(n_trials=144, n_times=1001):
    """Return left/right trials of 22 channels in the shape of a BNCI2014_001 session.

    Real trials of both tasks, resampled; some of them repeated with noise on top.
    """
    from scipy.signal import resample

    parts = [imagery(22, runs) for runs in (LEFT_RIGHT, HANDS_FEET)]
    X, y = (np.concatenate(p) for p in zip(*parts, strict=True))
    rng = np.random.default_rng(0)
    again = rng.permutation(len(X))[: n_trials - len(X)]
    noise = 0.3 * X.std() * rng.standard_normal(X[again].shape)
    X, y = np.concatenate([X, 1.05 * X[again] + noise]), np.r_[y, y[again]]
    return resample(X, n_times, axis=-1), y
