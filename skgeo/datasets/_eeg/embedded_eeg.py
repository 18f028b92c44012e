"""The EEG recording that ships with skgeo, read with numpy alone."""

import hashlib
import io
import pathlib
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.signal import butter, sosfiltfilt
from sklearn.utils import Bunch

__all__ = ["load_embedded_eeg"]

DATA_FILE = pathlib.Path(__file__).parents[1] / "data" / "eegmmi_s001.npz"
SHA256 = "d4ac537c4781d2638567e32f083e7f02e04f80837fcfdda7e8a2d0d124b2d2d7"
# What the codes T1 and T2 stand for in each run; T0 is rest.
RUNS = {
    4: ("left_hand", "right_hand"),
    6: ("hands", "feet"),
    8: ("left_hand", "right_hand"),
    10: ("hands", "feet"),
    12: ("left_hand", "right_hand"),
    14: ("hands", "feet"),
}
TASKS = {
    "left_right": ("left_hand", "right_hand"),
    "hands_feet": ("hands", "feet"),
}
MOTOR_CHANNELS = tuple(
    f"{row}{column}" for row in ("FC", "C", "CP") for column in "531z246"
)
DESCRIPTION = """\
One volunteer imagined opening and closing the left or the right fist (runs 4, 8, 12),
or both fists or both feet (runs 6, 10, 14), as long as a target was on the screen,
about 4 s. 64 electrodes, 160 Hz, 15 trials per run.

Subject 1 of the EEG Motor Movement/Imagery Dataset v1.0.0 (PhysioNet,
doi:10.13026/C28G6P), under the Open Data Commons Attribution License v1.0.
Please cite Schalk et al., IEEE Trans. Biomed. Eng. 51(6):1034-1043, 2004, and
Goldberger et al., Circulation 101(23):e215-e220, 2000.
Electrode positions are those of the standard 10-05 template, not measured.
"""


def _unfold(codes):
    """Map the codes 0, 1, 2, 3, 4, ... back onto 0, -1, 1, -2, 2, ..."""
    codes = codes.astype(np.int32)
    return (codes >> 1) ^ -(codes & 1)


@lru_cache(maxsize=1)
def read_recording():
    """Read the shipped file: recorded integers, calibration, events, positions.

    Returns
    -------
    recording : dict
        ``digital`` (n_runs, n_channels, n_times) int16, ``runs`` (n_runs,),
        ``ch_names``, ``sfreq`` in Hz, ``calibration`` (gain, offset) to microvolts,
        ``events`` with rows (run, first sample, number of samples, code),
        ``positions`` (n_channels, 3) and ``fiducials`` (nasion, left, right) in meters.

    Raises
    ------
    OSError
        If the file is not the one that was released.
    """
    content = DATA_FILE.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise OSError(
            f"{DATA_FILE} is damaged: its sha256 is {found}, expected {SHA256}. "
            "Reinstall skgeo."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        codes = stored["low"] | stored["high"].astype(np.uint16) << 8
        recording = {key: stored[key] for key in stored.files}
    del recording["low"], recording["high"]
    digital = (
        _unfold(codes).cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)
    )
    recording["digital"] = digital.astype(np.int16)
    recording["sfreq"] = float(recording["sfreq"])
    recording["ch_names"] = recording["ch_names"].tolist()
    for value in recording.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # the one copy is shared by all callers
    return recording


def _chosen_channels(channels, names):
    if isinstance(channels, str) and channels == "all":
        return list(range(len(names)))
    if isinstance(channels, str) and channels == "motor":
        channels = MOTOR_CHANNELS
    if isinstance(channels, str):
        raise ValueError(
            "channels must be 'all', 'motor' or a sequence of channel names; "
            f"got {channels!r}."
        )
    channels = list(channels)
    unknown = [name for name in channels if name not in names]
    if unknown or not channels or len(set(channels)) < len(channels):
        raise ValueError(
            f"channels must name distinct electrodes out of {', '.join(names)}; got "
            f"{channels}."
        )
    return [names.index(name) for name in channels]


def load_embedded_eeg(
    task: str = "left_right",
    *,
    channels: str = "all",
    band: Any = (8.0, 32.0),
    tmin: float = 0.0,
    tmax: float = 3.0,
) -> Any:
    """Load trials of the EEG recording that ships with skgeo.

    Needs neither network nor MNE nor MOABB. For MOABB see
    :class:`~skgeo.datasets.EmbeddedMotorImagery`.

    Parameters
    ----------
    task : {"left_right", "hands_feet", "all"}, default="left_right"
        Imagined movement of the left or right fist (45 trials), of both fists or both
        feet (45 trials), or all four (90 trials).
    channels : {"all", "motor"} or sequence of str, default="all"
        All 64 electrodes, the 21 over the sensorimotor cortex (FC5-FC6, C5-C6,
        CP5-CP6), or names.
    band : (float, float) or None, default=(8.0, 32.0)
        Edges in Hz of a zero-phase Butterworth band-pass filter (design order 4), which
        runs over the whole recording before it is cut; None leaves it as recorded.
    tmin, tmax : float, default=0.0, 3.0
        First and last time of a trial in seconds after the cue, both included.

    Returns
    -------
    data : :class:`sklearn.utils.Bunch`
        ``X``, ndarray of shape (n_trials, n_channels, n_times), float64, in
        microvolts, in the order of recording; ``y``, ndarray of str; ``target_names``;
        ``run``, ndarray of int, the run of each trial; ``ch_names``, list of str;
        ``positions``, ndarray of shape (n_channels, 3), template positions in meters;
        ``sfreq``, float, in Hz; ``DESCR``, str, with the license and what to cite.

    Raises
    ------
    ValueError
        If a parameter is none of those above, or a trial would leave the recording.

    References
    ----------
    .. [1] G. Schalk et al. (2004). BCI2000: a general-purpose brain-computer
       interface (BCI) system. IEEE Trans. Biomed. Eng. 51(6):1034-1043.
    .. [2] A. L. Goldberger et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet.
       Circulation 101(23):e215-e220.

    Examples
    --------
    >>> from skgeo.datasets import load_embedded_eeg
    >>> data = load_embedded_eeg("hands_feet", channels="motor")
    >>> data.X.shape, data.sfreq
    ((45, 21, 481), 160.0)
    >>> sorted(set(data.y.tolist()))
    ['feet', 'hands']
    """
    if task not in (*TASKS, "all"):
        raise ValueError(
            f"task must be 'left_right', 'hands_feet' or 'all'; got {task!r}."
        )
    recording = read_recording()
    names, sfreq = recording["ch_names"], recording["sfreq"]
    picks = _chosen_channels(channels, names)
    first, last = round(tmin * sfreq), round(tmax * sfreq)
    if last <= first:
        raise ValueError(f"tmax must exceed tmin; got tmin={tmin}, tmax={tmax}.")
    sos = None
    if band is not None:
        low, high = band
        if not 0 < low < high < sfreq / 2:
            raise ValueError(
                f"band must be (low, high) with 0 < low < high < {sfreq / 2:g} Hz; "
                f"got {band!r}."
            )
        sos = butter(4, (low, high), btype="bandpass", fs=sfreq, output="sos")

    gain, offset = recording["calibration"]
    wanted = TASKS.get(task, sum(TASKS.values(), ()))
    X, y, run_of_trial = [], [], []
    for run, digital in zip(
        recording["runs"].tolist(), recording["digital"], strict=True
    ):
        if not set(RUNS[run]) & set(wanted):
            continue
        signal = gain * digital[picks] + offset
        if sos is not None:
            signal = sosfiltfilt(sos, signal, axis=1)
        for _, start, _, code in recording["events"][recording["events"][:, 0] == run]:
            if code == 0:
                continue  # rest
            if start + first < 0 or start + last >= signal.shape[1]:
                raise ValueError(
                    f"A trial of run {run} from tmin={tmin} s to tmax={tmax} s after "
                    f"its cue at {start / sfreq:g} s leaves the recording of "
                    f"{signal.shape[1] / sfreq:g} s."
                )
            X.append(signal[:, start + first : start + last + 1])
            y.append(RUNS[run][code - 1])
            run_of_trial.append(run)
    return Bunch(
        X=np.stack(X),
        y=np.array(y),
        target_names=list(wanted),
        run=np.array(run_of_trial),
        ch_names=[names[i] for i in picks],
        positions=recording["positions"][picks],
        sfreq=sfreq,
        DESCR=DESCRIPTION,
    )
