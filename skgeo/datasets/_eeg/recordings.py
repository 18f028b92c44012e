"""One's own recordings as MOABB data sets: trials in arrays."""

import hashlib
import re

import numpy as np

from skgeo.utils.optional import import_optional
from skgeo.utils.validation import check_trials

mne = import_optional("mne", extra="eeg")
moabb_base = import_optional("moabb.datasets.base", extra="eeg")

__all__ = ["Recordings", "from_arrays"]

PARADIGMS = ("imagery", "p300", "ssvep", "cvep")
UNITS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}


class Recordings(moabb_base.BaseDataset):  # type: ignore[name-defined]
    """A MOABB data set over recordings that are already at hand.

    Made by :func:`from_arrays`, :func:`from_raws` and :func:`from_epochs`.

    Parameters
    ----------
    runs : dict
        ``{subject: {session: {run: mne.io.Raw}}}``, with annotations that mark the
        trials; subjects are int or str, sessions and runs are str that start with a
        distinct integer.
    events : dict of str to int
        Class name -> code, the descriptions of the annotations.
    interval : (float, float)
        First and last time of a trial in seconds after its event.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}
        What MOABB calls the kind of experiment.
    name : str
        Name, of letters and digits.
    fingerprint : str
        Digest of the content. It becomes part of ``code``, under which MOABB keeps
        results, so that results of other data are never taken for those of these.

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

    def __init__(self, runs, events, interval, paradigm, name, fingerprint):
        if not re.fullmatch("[A-Za-z0-9]+", name):
            raise ValueError(f"name must be letters and digits only; got {name!r}.")
        if paradigm not in PARADIGMS:
            raise ValueError(f"paradigm must be one of {PARADIGMS}; got {paradigm!r}.")
        self._runs = runs
        super().__init__(
            subjects=list(runs),
            sessions_per_subject=min(len(sessions) for sessions in runs.values()),
            events=events,
            code=f"Recordings-{name.lower()}-{fingerprint[:8]}",
            interval=list(interval),
            paradigm=paradigm,
        )

    def _get_single_subject_data(self, subject):
        # Copies: the steps of a paradigm filter and annotate in place.
        return {
            session: {run: raw.copy().load_data() for run, raw in runs.items()}
            for session, runs in self._runs[subject].items()
        }

    def data_path(
        self, subject, path=None, force_update=False, update_path=None, verbose=None
    ):
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


def _per_trial(value, n_trials, name):
    """Broadcast one label to all trials, or check that there is one a trial."""
    if value is None:
        value = 1 if name == "subject" else "0"
    if isinstance(value, (str, int, np.integer)):
        return np.full(n_trials, value)
    value = np.asarray(value)
    if value.shape != (n_trials,):
        raise ValueError(
            f"{name} must be one label or one a trial: expected shape ({n_trials},), "
            f"got {value.shape}."
        )
    if value.dtype.kind not in "iuU":
        raise ValueError(f"{name} must hold integers or strings; got {value.dtype}.")
    return value


def _in_order(values):
    """Distinct values in order of appearance."""
    return list(dict.fromkeys(values.tolist()))


def session_key(index, label):
    """Name of a session or run as MOABB wants it: an index, then letters and digits."""
    word = re.sub("[^A-Za-z0-9]", "", str(label))
    return f"{index}{word}" if word[:1].isalpha() else str(index)


def _pad(trials, width):
    """Continue each trial at both ends by its odd reflection."""
    left = 2 * trials[..., :1] - trials[..., width:0:-1]
    right = 2 * trials[..., -1:] - trials[..., -2 : -2 - width : -1]
    return np.concatenate([left, trials, right], axis=-1)


def _info(n_channels, sfreq, ch_names, positions):
    if isinstance(sfreq, bool) or not (np.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"sfreq must be a positive number of Hz; got {sfreq!r}.")
    if ch_names is None:
        ch_names = [f"EEG{i + 1:03d}" for i in range(n_channels)]
    ch_names = [str(name) for name in ch_names]
    if len(ch_names) != n_channels or len(set(ch_names)) < n_channels:
        raise ValueError(
            f"ch_names must be {n_channels} distinct names, one a channel of X; got "
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
    X,
    y,
    *,
    sfreq,
    ch_names=None,
    positions=None,
    subject=None,
    session=None,
    run=None,
    unit="uV",
    paradigm="imagery",
    name="arrays",
):
    """Make a MOABB data set of trials that are already cut.

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times)
        Trials.
    y : array-like of shape (n_trials,)
        Class of each trial: strings or integers. MOABB's paradigms look for certain
        names (``left_hand``, ``right_hand``, ``hands``, ``feet``; ``Target``,
        ``NonTarget``).
    sfreq : float
        Samples a second.
    ch_names : sequence of str, optional
        Names of the channels; by default EEG001, EEG002, ...
    positions : array-like of shape (n_channels, 3), optional
        Positions of the electrodes in meters (right, front, up).
    subject, session, run : int, str or array-like of shape (n_trials,), optional
        Whose each trial is and when it was recorded: one label, or one a trial.
        Sessions and runs are put in the order in which they first appear.
    unit : {"V", "mV", "uV", "µV", "nV"}, default="uV"
        Unit of X.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="arrays"
        Name of the data set, letters and digits; it becomes part of its code.

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
    X = check_trials(X)
    n_trials, n_channels, n_times = X.shape
    y = np.asarray(y)
    if y.shape != (n_trials,) or y.dtype.kind not in "iuUb":
        raise ValueError(
            f"y must hold one class a trial, strings or integers: expected shape "
            f"({n_trials},), got shape {y.shape} of dtype {y.dtype}."
        )
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}; got {unit!r}.")
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
    found = {}
    for who in _in_order(subjects):
        of_subject = subjects == who
        found[who] = {}
        for i, when in enumerate(_in_order(sessions[of_subject])):
            of_session = of_subject & (sessions == when)
            found[who][session_key(i, when)] = {}
            for j, which in enumerate(_in_order(runs[of_session])):
                mask = of_session & (runs == which)
                padded = _pad(X[mask] * UNITS[unit], width)
                signal = padded.transpose(1, 0, 2).reshape(n_channels, -1)
                raw = mne.io.RawArray(signal, info.copy(), verbose="error")
                starts = (np.arange(mask.sum()) * step + width) / sfreq
                raw.set_annotations(
                    mne.Annotations(starts, n_times / sfreq, labels[mask])
                )
                found[who][session_key(i, when)][session_key(j, which)] = raw
    interval = (0.0, (n_times - 1) / sfreq)
    return Recordings(found, events, interval, paradigm, name, digest.hexdigest())
