"""Your own recordings as MOABB data sets: trials in arrays."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skgeo.utils.doubts import warn_doubtful_trials
from skgeo.utils.optional import import_optional
from skgeo.utils.params import OneOf, Real, check_params
from skgeo.utils.validation import check_trials
from skgeo.utils.warn import warn_user

mne = import_optional("mne", extra="eeg")
moabb_base = import_optional("moabb.datasets.base", extra="eeg")

__all__ = ["Recordings", "from_arrays", "warn_other_units"]

PARADIGMS = ("imagery", "p300", "ssvep", "cvep")
# Below one sample per second there is no EEG, above a megahertz no amplifier.
SFREQ = Real(1.0, 1e6)
UNITS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}
# Ratio of amplitudes above which recordings are not in the same unit.
_MAX_RATIO = 300.0
RULES = {"sfreq": SFREQ, "unit": OneOf(*UNITS)}


class Recordings(moabb_base.BaseDataset):  # type: ignore[name-defined]
    """A MOABB data set of recordings that you already have.

    Made by :func:`from_arrays`, :func:`from_raws`, :func:`from_epochs` and
    :func:`from_files`.

    Parameters
    ----------
    runs : dict
        ``{subject: {session: {run: mne.io.Raw}}}``, with annotations that mark the
        trials; subjects, sessions and runs are int or str, in their order.
    events : dict of str to int
        Class name -> code, the descriptions of the annotations.
    interval : (float, float)
        First and last time of a trial in seconds after its event.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}
        What MOABB calls the kind of experiment.
    name : str
        Name; letters and digits of it become part of the code.
    fingerprint : str
        Digest of the content. It becomes part of ``code``, under which results are
        kept, so that results of other data are never taken for those of these.
    classes_given : bool, default=True
        Whether the classes were named by the user, rather than all annotations taken;
        then none of them, ``rest`` included, is left out by default.

    Attributes
    ----------
    session_names, run_names : dict
        ``{subject: {key: name}}`` and ``{subject: {session: {key: name}}}``: the names
        as given, by the keys MOABB allows (an index, then letters and digits).
    sfreq : float
        Sampling frequency in Hz.
    ch_names : list of str
        Names of the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.datasets import from_arrays
    >>> rng = np.random.RandomState(0)
    >>> X, y = rng.randn(8, 3, 256), ["left_hand", "right_hand"] * 4
    >>> dataset = from_arrays(X, y, sfreq=128.0, name="demo")
    >>> dataset.subject_list, sorted(dataset.event_id)
    ([1], ['left_hand', 'right_hand'])
    """

    def __init__(
        self,
        runs: dict,
        events: dict[str, int],
        interval: tuple[float, float],
        paradigm: str,
        name: str,
        fingerprint: str,
        classes_given: bool = True,
    ):
        if paradigm not in PARADIGMS:
            raise ValueError(f"paradigm must be one of {PARADIGMS}; got {paradigm!r}.")
        plain = re.sub("[^A-Za-z0-9]", "", str(name)).lower()
        if not plain:
            raise ValueError(f"name must have letters or digits; got {name!r}.")
        _check_class_names(events)
        _check_written_names(runs, "subjects")
        names = (s.item() if isinstance(s, np.generic) else s for s in runs)
        runs = dict(zip(names, runs.values(), strict=True))
        self.classes_given = classes_given
        self.session_names, self.run_names, self._runs = {}, {}, {}
        for subject, sessions in runs.items():
            _check_written_names(sessions, f"sessions of subject {subject}")
            keys = _moabb_keys(sessions)
            self.session_names[subject] = {keys[s]: str(s) for s in sessions}
            self.run_names[subject] = of_runs = {}
            self._runs[subject] = kept = {}
            for session, recorded in sessions.items():
                run_keys = _moabb_keys(recorded)
                of_runs[keys[session]] = {run_keys[r]: str(r) for r in recorded}
                kept[keys[session]] = {run_keys[r]: raw for r, raw in recorded.items()}
        self.sfreq = float(next(self._raws()).info["sfreq"])
        self.ch_names = list(next(self._raws()).ch_names)
        super().__init__(
            subjects=list(runs),
            sessions_per_subject=min(len(sessions) for sessions in runs.values()),
            events=events,
            code=f"Recordings-{plain[:60]}-{fingerprint[:16]}",
            interval=list(interval),
            paradigm=paradigm,
        )

    def _raws(self):
        for sessions in self._runs.values():
            for runs in sessions.values():
                yield from runs.values()

    def count_marks(self, subject: int, session: str) -> dict[str, int]:
        """Count the marks of each class in a session.

        Parameters
        ----------
        subject : int or str
            Subject.
        session : str
            Session, by MOABB's key.

        Returns
        -------
        counts : dict of str to int
            Class -> number of marks, whether or not a trial can be cut there.
        """
        found = Counter()
        for raw in self._runs[subject][session].values():
            found.update(raw.annotations.description.tolist())
        return {label: found[label] for label in self.event_id}

    def _get_single_subject_data(self, subject):
        # Copies: the steps of a paradigm filter and annotate in place.
        return {
            session: {run: raw.copy().load_data() for run, raw in runs.items()}
            for session, runs in self._runs[subject].items()
        }

    def data_path(
        self,
        subject: int,
        path: Any = None,
        force_update: bool = False,
        update_path: Any = None,
        verbose: Any = None,
    ) -> Any:
        """Return the files of a subject, if it has any: nothing is downloaded.

        Parameters
        ----------
        subject : int or str
            Subject.
        path, force_update, update_path, verbose : object
            Not used; MOABB hands them over.

        Returns
        -------
        paths : list of str
            Paths of the files.
        """
        return [
            str(name)
            for runs in self._runs[subject].values()
            for raw in runs.values()
            for name in raw.filenames
            if name is not None
        ]


def _check_class_names(names):
    bad = [label for label in names if not label.strip() or is_reserved(label)]
    if bad:
        raise ValueError(
            f"Classes cannot be called {bad}: MNE takes marks that start with BAD or "
            "EDGE for segments to reject. Rename them."
        )


def _check_written_names(names, what):
    """Refuse names that are written alike, or that cannot be written to a file."""
    seen = {}
    for name in names:
        text = str(name)
        if text in seen:
            raise ValueError(
                f"Two {what} are both written {text!r}: {seen[text]!r} and {name!r}. "
                "Results are kept by that name: rename one."
            )
        seen[text] = name
        # Control characters are shown as escapes; these two kinds fit in no text file.
        if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValueError(
                f"The name {name!a} among the {what} has characters that cannot be "
                "stored: rename it, or its file."
            )


def is_reserved(description: str) -> bool:
    """Whether MNE takes an annotation for a segment to reject."""
    return description.upper().startswith(("BAD", "EDGE"))


def _moabb_keys(names):
    """Map names of sessions or runs to those MOABB takes: index, letters and digits."""
    keys = {}
    for index, name in enumerate(names):
        word = re.sub("[^A-Za-z0-9]", "", str(name))
        keys[name] = f"{index}{word}" if word[:1].isalpha() else str(index)
    return keys


def natural_key(text) -> list:
    """Sort key that puts ses-2 before ses-10."""
    parts = re.split(r"([0-9]+)", str(text))
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def plain_labels(values, n_trials: int, name: str) -> np.ndarray:
    """Bring labels, one per trial, to an array of int or str.

    Takes arrays, lists, pandas columns (object, string or categorical) and MATLAB's
    whole numbers stored as floats, also as a column or row vector.
    """
    values = np.asarray(values)
    if values.ndim == 2 and 1 in values.shape:
        values = values.ravel()  # MATLAB has no vectors
    if values.shape != (n_trials,):
        raise ValueError(
            f"{name} must hold one label per trial: expected shape ({n_trials},), got "
            f"{values.shape}."
        )
    if values.dtype.kind in "iub":
        return values
    if values.dtype.kind in "UT":
        return values.astype(str)
    items = values.tolist()
    strings = sum(isinstance(item, str) for item in items)
    if strings == len(items):
        return np.array(items, dtype=str)
    if strings == 0 and all(map(_is_whole, items)):
        return np.array([int(item) for item in items])
    odd = [i for i in items if not isinstance(i, str) and not _is_whole(i)]
    shown = repr(odd[0]) if odd else "strings and numbers"
    raise ValueError(f"{name} must hold strings or integers; got {shown}.")


def _is_whole(item):
    """Whether an item is an integer, or a float that stands for one."""
    try:
        return float(item) == int(item)
    except (TypeError, ValueError, OverflowError):
        return False


def _per_trial(value, n_trials, name):
    """Broadcast one label to all trials, or check that there is one per trial."""
    if value is None:
        value = 1 if name == "subject" else "0"
    if isinstance(value, (str, int, np.integer)):
        return np.full(n_trials, value)
    return plain_labels(value, n_trials, name)


def _in_order(values):
    """Distinct values in order of appearance."""
    return list(dict.fromkeys(values.tolist()))


def _pad(trials, width):
    """Continue each trial at both ends by its odd reflection."""
    left = 2 * trials[..., :1] - trials[..., width:0:-1]
    right = 2 * trials[..., -1:] - trials[..., -2 : -2 - width : -1]
    return np.concatenate([left, trials, right], axis=-1)


def _info(n_channels, sfreq, ch_names, positions):
    if ch_names is None:
        ch_names = [f"EEG{i + 1:03d}" for i in range(n_channels)]
    ch_names = [str(name) for name in ch_names]
    if len(ch_names) != n_channels or len(set(ch_names)) < n_channels:
        raise ValueError(
            f"ch_names must be {n_channels} distinct names, one per channel of X; got "
            f"{ch_names}."
        )
    info = mne.create_info(ch_names, float(sfreq), "eeg")
    if positions is not None:
        positions = np.asarray(positions, dtype=float)
        if positions.shape != (n_channels, 3) or not np.isfinite(positions).all():
            raise ValueError(
                f"positions must be finite, of shape ({n_channels}, 3), in meters; got "
                f"shape {positions.shape}."
            )
        at = dict(zip(ch_names, positions, strict=True))
        info.set_montage(mne.channels.make_dig_montage(at, coord_frame="head"))
    return info


def from_arrays(
    X: ArrayLike,
    y: ArrayLike,
    *,
    sfreq: float,
    ch_names: Sequence[str] | None = None,
    positions: ArrayLike | None = None,
    subject: int | str | ArrayLike | None = None,
    session: int | str | ArrayLike | None = None,
    run: int | str | ArrayLike | None = None,
    unit: str = "uV",
    paradigm: str = "imagery",
    name: str = "arrays",
) -> Recordings:
    """Make a MOABB data set of trials that are already cut.

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times)
        Trials.
    y : array-like of shape (n_trials,)
        Class of each trial: strings or integers, also as a pandas column or as whole
        floats (MATLAB). MOABB's paradigms look for certain
        names (``left_hand``, ``right_hand``, ``hands``, ``feet``; ``Target``,
        ``NonTarget``).
    sfreq : float
        Sampling frequency in Hz, from 1 to 1e6.
    ch_names : sequence of str, optional
        Names of the channels; by default EEG001, EEG002, ...
    positions : array-like of shape (n_channels, 3), optional
        Positions of the electrodes in meters (right, front, up).
    subject, session, run : int, str or array-like of shape (n_trials,), optional
        Whose each trial is and when it was recorded: one label, or one per trial.
        Names are kept; sessions and runs are put in the order in which they first
        appear.
    unit : {"V", "mV", "uV", "µV", "nV"}, default="uV"
        Unit of X.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="arrays"
        Name of the data set; its letters and digits become part of its code.

    Returns
    -------
    dataset : Recordings
        The data set. Without a filter (``fmin=None, fmax=None``) a MOABB paradigm gives
        back X in microvolts.

    Raises
    ------
    ValueError
        If X is not an array of trials, or a label, name or unit does not fit it.

    Notes
    -----
    MOABB filters the continuous signal and then cuts it. Here the cut comes first, so
    each trial is continued at both ends by its odd reflection (for at most one second)
    before the trials are joined; a filter then sees no jump at the ends of a trial, but
    it also sees nothing of what was recorded beyond them. Filtering the continuous
    recording is better where there is one: see :func:`from_raws`.

    Examples
    --------
    >>> import numpy as np
    >>> from moabb.paradigms import MotorImagery
    >>> from skgeo.datasets import from_arrays
    >>> rng = np.random.RandomState(0)
    >>> X, y = rng.randn(8, 3, 256), ["left_hand", "right_hand"] * 4
    >>> dataset = from_arrays(X, y, sfreq=128.0, subject=[1] * 4 + [2] * 4)
    >>> paradigm = MotorImagery(events=y[:2], n_classes=2, fmin=None, fmax=None)
    >>> X_again, _, metadata = paradigm.get_data(dataset)
    >>> bool(np.allclose(X, X_again)), metadata["subject"].tolist()
    (True, [1, 1, 1, 1, 2, 2, 2, 2])
    """
    sfreq = check_params("from_arrays", RULES, {"sfreq": sfreq, "unit": unit}).sfreq
    X = check_trials(X)
    warn_doubtful_trials(X)
    n_trials, n_channels, n_times = X.shape
    y = plain_labels(y, n_trials, "y")
    subjects = _per_trial(subject, n_trials, "subject")
    sessions = _per_trial(session, n_trials, "session")
    runs = _per_trial(run, n_trials, "run")
    info = _info(n_channels, sfreq, ch_names, positions)
    sfreq = info["sfreq"]
    labels = y.astype(str)
    events = {label: code + 1 for code, label in enumerate(np.unique(labels).tolist())}

    digest = hashlib.sha256(X.tobytes())
    for part in (labels, subjects.astype(str), sessions.astype(str), runs.astype(str)):
        digest.update("\0".join(part.tolist()).encode())
    digest.update(repr((sfreq, info["ch_names"], unit)).encode())

    width = min(n_times - 1, int(np.ceil(sfreq)))
    step = n_times + 2 * width
    found, amplitudes = {}, {}
    for subject in _in_order(subjects):
        of_subject = subjects == subject
        found[subject] = {}
        for session in _in_order(sessions[of_subject]):
            of_session = of_subject & (sessions == session)
            found[subject][session] = {}
            for run in _in_order(runs[of_session]):
                mask = of_session & (runs == run)
                padded = _pad(X[mask] * UNITS[unit], width)
                signal = padded.transpose(1, 0, 2).reshape(n_channels, -1)
                raw = mne.io.RawArray(signal, info.copy(), verbose="error")
                spread = np.median(X[mask].std(axis=2)) * UNITS[unit]
                amplitudes[subject, session, run] = float(spread)
                starts = (np.arange(mask.sum()) * step + width) / sfreq
                raw.set_annotations(
                    mne.Annotations(starts, n_times / sfreq, labels[mask])
                )
                found[subject][session][run] = raw
    warn_other_units(amplitudes)
    interval = (0.0, (n_times - 1) / sfreq)
    return Recordings(found, events, interval, paradigm, name, digest.hexdigest())


def warn_other_units(amplitudes):
    """Warn of recordings whose amplitude is out of all proportion to the others'.

    Parameters
    ----------
    amplitudes : dict of (subject, session, run) to float
        Typical standard deviations of their channels, in volts.

    Warns
    -----
    UserWarning
        If the largest is more than 300 times the smallest.
    """
    known = {where: size for where, size in amplitudes.items() if size > 0}
    if not known or max(known.values()) <= _MAX_RATIO * min(known.values()):
        return
    usual = float(np.exp(np.median(np.log(list(known.values())))))
    odd = [
        f"{'/'.join(map(str, where))} ({size:.0e} V)"
        for where, size in known.items()
        if abs(np.log(size / usual)) > np.log(_MAX_RATIO) / 2
    ]
    if odd:
        shown = ", ".join(odd[:5]) + (", ..." if len(odd) > 5 else "")
        warn_user(
            f"The recordings (subject/session/run) {shown} have other amplitudes than "
            f"the others, about {usual:.0e} V: microvolts that were read as volts look "
            "like this. Across recordings the scores would mean nothing: bring all to "
            "volts (raw.apply_function(lambda x: 1e-6 * x))."
        )
