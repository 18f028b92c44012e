"""Pseudo-online decoding: a decision per window of a continuous signal."""

import copy
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import butter, sosfilt
from sklearn.exceptions import NotFittedError
from sklearn.metrics import matthews_corrcoef
from sklearn.utils.validation import check_is_fitted

from skgeo.eeg._solvers.filters import check_band
from skgeo.utils.params import (
    Boolean,
    Integer,
    Null,
    Real,
    SequenceOf,
    check_params,
)
from skgeo.utils.validation import check_one_type
from skgeo.utils.warn import warn_user

__all__ = [
    "Decision",
    "StreamDecoder",
    "information_transfer_rate",
    "label_windows",
    "normalized_mcc",
]

_POSITIVE = Real(0.0, closed="neither")

# Filter states below this no longer matter, and their squares leave floating point.
_QUIET = 1e-100

# Windows this many times longer than the trials of fit are hardly meant.
_LONG = 10

# Samples above this are no measurement, and their squares overflow.
_LARGEST = 1e100


class Decision(NamedTuple):
    """What :class:`StreamDecoder` says at the end of a window.

    Parameters
    ----------
    time : float
        End of the window in seconds since the start of the stream.
    label : object
        The decision, one of the classifier's classes; None if the window cannot be
        decided.
    proba : ndarray of shape (n_classes,) or None
        Probabilities, averaged over the last windows.
    latency : float
        Seconds the computation took.
    reason : str
        Why there is no label: ``"no signal"``, ``"rejected"``, or what the classifier
        said. Empty otherwise.
    """

    time: float
    label: object
    proba: np.ndarray | None
    latency: float
    reason: str = ""


class StreamDecoder:
    """Decode a stream chunk by chunk, with a fitted classifier of trials.

    Chunks of any length are filtered causally, the filter's state kept between them,
    and every ``step`` seconds the classifier sees the last ``window`` seconds. The
    result does not depend on how the stream is cut into chunks. Drop-outs do not end
    a session: a window that holds no signal gets a decision without a label.

    Parameters
    ----------
    classifier : estimator or None
        Fitted classifier of trials (n_trials, n_channels, n_times). Train it on
        windows that :func:`label_windows` cut from a signal that went through
        :meth:`filter`, so that it learns what it will see. None for a decoder that
        only filters.
    sfreq : float
        Sampling frequency in Hz.
    window : float, default=2.0
        Length of a window in seconds.
    step : float, default=0.25
        Time between decisions in seconds. Where it is not a whole number of samples,
        each decision falls on the nearest sample.
    band : (float, float) or None, default=(8.0, 32.0)
        Edges in Hz of a causal Butterworth band-pass filter of order 4; None for a
        signal that is filtered already.
    smoothing : int, default=1
        Average the probabilities of this many windows; above 1 the classifier must
        give probabilities.
    rejector : TrialRejector or None, default=None
        Fitted on clean windows: those it rejects get no label.
    adapt : bool, default=False
        Update the target mean of a :class:`RecenteredCovarianceClassifier` by every
        window that is decided. The decoder works on a copy of the classifier.

    See Also
    --------
    AugmentedCovarianceClassifier : A classifier to put in.
    RecenteredCovarianceClassifier : One that can adapt.

    Notes
    -----
    If the classifier gives probabilities, the decision is the most probable class. A
    window holds no signal if no channel changes in more than half of its samples.

    References
    ----------
    The setting, with an idle class: Carrara and Papadopoulo, "Pseudo-online framework
    for BCI evaluation", arXiv:2308.11656 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovarianceClassifier, StreamDecoder
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(40, 3, 200)
    >>> model = AugmentedCovarianceClassifier().fit(X, y)
    >>> decoder = StreamDecoder(model, sfreq=100, window=2.0, step=1.0, band=None)
    >>> decisions = decoder.push(np.concatenate([X[0], X[1]], axis=1))
    >>> [(d.time, int(d.label)) for d in decisions if d.time in (2.0, 4.0)]
    [(2.0, 0), (4.0, 1)]
    """

    _rules = {
        "sfreq": _POSITIVE,
        "window": _POSITIVE,
        "step": _POSITIVE,
        "band": Null() | SequenceOf(Real(), 2),
        "smoothing": Integer(1),
        "adapt": Boolean(),
    }

    def __init__(
        self,
        classifier: Any,
        sfreq: float,
        *,
        window: float = 2.0,
        step: float = 0.25,
        band: tuple[float, float] | None = (8.0, 32.0),
        smoothing: int = 1,
        rejector: Any = None,
        adapt: bool = False,
    ) -> None:
        params = check_params(
            "StreamDecoder",
            self._rules,
            {
                "sfreq": sfreq,
                "window": window,
                "step": step,
                "band": band,
                "smoothing": smoothing,
                "adapt": adapt,
            },
        )
        for fitted in (classifier, rejector):
            if fitted is not None:
                check_is_fitted(fitted)
        if not (classifier is None or hasattr(classifier, "predict")):
            raise ValueError(
                f"classifier must have predict; got a {type(classifier).__name__}. Put "
                "a classifier behind it in a pipeline, or pass None to filter only."
            )
        if params.smoothing > 1 and not (
            classifier is None or hasattr(classifier, "predict_proba")
        ):
            raise ValueError(
                "smoothing averages probabilities and the classifier gives none: use "
                "smoothing=1 or a classifier with predict_proba."
            )
        if params.adapt and not hasattr(classifier, "predict_target"):
            raise ValueError(
                "adapt=True needs a RecenteredCovarianceClassifier; got "
                f"{type(classifier).__name__}."
            )
        self.classifier = copy.deepcopy(classifier) if params.adapt else classifier
        self.rejector, self.adapt = rejector, params.adapt
        self.sfreq = float(params.sfreq)
        self.window, self.step = float(params.window), float(params.step)
        self.n_window = round(self.window * self.sfreq)
        if self.n_window < 2 or self.step * self.sfreq < 1:
            raise ValueError(
                f"window={window} and step={step} seconds are {self.n_window} and "
                f"{self.step * self.sfreq:.3g} samples at {sfreq} Hz: at least 2 and 1 "
                "are required."
            )
        for role, fitted in (("classifier", classifier), ("rejector", rejector)):
            if fitted is not None:
                _check_rate(fitted, self.sfreq, role)
                check_window = getattr(fitted, "_check_window", None)
                if check_window is not None:  # now rather than at every window
                    check_window(self.n_window)
                n_times = getattr(fitted, "n_times_in_", self.n_window)
                if self.n_window > _LONG * n_times:
                    warn_user(
                        f"window={window} s is {self.n_window} samples, and the trials "
                        f"that the {role} was fitted on have {n_times}: no decision "
                        "comes before a window is full. window is in seconds."
                    )
        sizes = {_channels_of(e) for e in (classifier, rejector)} - {None}
        if len(sizes) > 1:
            raise ValueError(
                f"The classifier was fitted with {_channels_of(classifier)} channels "
                f"and the rejector with {_channels_of(rejector)}: a stream has one "
                "number of them."
            )
        self.smoothing = params.smoothing
        self.band, self.sos = None, None
        if params.band is not None:
            self.band = check_band(params.band, self.sfreq)
            self.sos = butter(
                4, self.band, btype="bandpass", fs=self.sfreq, output="sos"
            )
        self.reset()

    def __repr__(self) -> str:
        """Show the classifier and the settings that differ from none at all."""
        parts = [
            repr(self.classifier),
            f"sfreq={self.sfreq:g}",
            f"window={self.window:g}",
            f"step={self.step:g}",
            "band=None"
            if self.band is None
            else "band=({:g}, {:g})".format(*self.band),
        ]
        if self.smoothing > 1:
            parts.append(f"smoothing={self.smoothing}")
        if self.rejector is not None:
            parts.append(f"rejector={self.rejector!r}")
        if self.adapt:
            parts.append("adapt=True")
        return f"StreamDecoder({', '.join(parts)})"

    def reset(self) -> None:
        """Forget the stream, keep the classifier."""
        self._state = self._buffer = self._last = None
        self._seen, self._decided, self._probas, self._failure = 0, 0, [], ""

    def filter(self, signal: ArrayLike) -> np.ndarray:
        """Filter a whole signal as the stream is filtered, from rest.

        Parameters
        ----------
        signal : array-like of shape (n_channels, n_times)
            Continuous signal.

        Returns
        -------
        filtered : ndarray of shape (n_channels, n_times)
            Filtered signal; the stream's own state is not touched.
        """
        signal = self._checked(signal)
        if self.sos is None:
            return signal.copy()
        start = np.zeros((len(self.sos), len(signal), 2))
        return sosfilt(self.sos, signal, axis=1, zi=start)[0]

    def _checked(self, chunk):
        if hasattr(chunk, "get_data"):  # of MNE
            raise ValueError(
                f"A chunk is an array (n_channels, n_times); got {type(chunk).__name__}"
                ". Pass its get_data()."
            )
        try:
            if np.iscomplexobj(chunk):
                raise ValueError("complex data not supported.")
            if np.ma.is_masked(chunk):  # what is masked would be taken for signal
                chunk = np.ma.filled(np.ma.asarray(chunk, dtype=float), np.nan)
            chunk = np.asarray(chunk, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "A chunk must be an array of real numbers of shape (n_channels, "
                f"n_times): {error}"
            ) from error
        n_channels = _channels_of(self.classifier)
        if n_channels is None and self._buffer is not None:
            n_channels = len(self._buffer)
        wrong = chunk.ndim != 2 or (
            n_channels is not None and chunk.shape[0] != n_channels
        )
        if wrong:
            wanted = "n_channels" if n_channels is None else n_channels
            raise ValueError(
                f"A chunk must have shape ({wanted}, n_times); got {chunk.shape}."
            )
        if not (np.abs(chunk) <= _LARGEST).all():  # nor NaN
            raise ValueError(
                f"The chunk after {self._seen / self.sfreq:.3f} s contains NaN, "
                f"infinity or numbers beyond {_LARGEST:g}: nothing of it was taken. "
                "Repair it and push it again, or reset() after the gap."
            )
        return chunk

    def push(self, chunk: ArrayLike) -> list[Decision]:
        """Take the next samples and return the decisions that fell due.

        Parameters
        ----------
        chunk : array-like of shape (n_channels, n_samples)
            The next samples, any number of them.

        Returns
        -------
        decisions : list of Decision
            One for each window that ended in this chunk, those without a label
            included.

        Raises
        ------
        ValueError
            If the chunk has another number of channels or is not finite; the decoder
            stays as it was.
        """
        if self.classifier is None:
            raise NotFittedError(
                "This StreamDecoder has no classifier and only filters. Make one with "
                "a fitted classifier."
            )
        windows = self._take(self._checked(chunk))
        return [self._decide(*window) for window in windows]

    def _due(self, index):
        """Sample at which a window ends."""
        return self.n_window + round(index * self.step * self.sfreq)

    def _take(self, chunk):
        """Move the stream on by a chunk, and cut the windows that end in it."""
        if self._buffer is None:
            self._buffer = np.empty((len(chunk), 0))
            self._changes = np.empty(0, dtype=bool)
            if self.sos is not None:
                self._state = np.zeros((len(self.sos), len(chunk), 2))
        changes = np.zeros(chunk.shape[1], dtype=bool)
        if chunk.shape[1]:
            changes[1:] = (chunk[:, 1:] != chunk[:, :-1]).any(0)
            first = self._last is None or (chunk[:, 0] != self._last).any()
            changes[0] = first
            self._last = chunk[:, -1].copy()
            if self.sos is not None:
                chunk, state = sosfilt(self.sos, chunk, axis=1, zi=self._state)
                state[np.abs(state) < _QUIET] = 0.0
                self._state = state
        signal = np.concatenate([self._buffer, chunk], axis=1)
        changes = np.concatenate([self._changes, changes])
        start = self._seen - self._buffer.shape[1]
        self._seen += chunk.shape[1]
        windows = []
        while self._due(self._decided) <= self._seen:
            end = self._due(self._decided)
            part = slice(end - start - self.n_window, end - start)
            windows.append((signal[:, part], changes[part].mean(), end))
            self._decided += 1
        # All is up to date before the classifier is asked.
        self._buffer = signal[:, -self.n_window :].copy()
        self._changes = changes[-self.n_window :].copy()
        return windows

    def _decide(self, window, changing, end):
        start = time.perf_counter()
        label, proba, reason = None, None, ""
        if changing < 0.5:
            reason = "no signal"
        else:
            try:
                if (
                    self.rejector is not None
                    and not self.rejector.predict(window[None])[0]
                ):
                    reason = "rejected"
                else:
                    label, proba = self._classify(window[None])
            except (ValueError, np.linalg.LinAlgError) as error:
                reason = str(error)
                if reason != self._failure:  # once per spell of the same failure
                    warn_user(
                        f"The window that ends at {end / self.sfreq:.3f} s could not "
                        f"be decided: {error}"
                    )
        self._failure = reason
        latency = time.perf_counter() - start
        return Decision(end / self.sfreq, label, proba, latency, reason)

    def _classify(self, window):
        """Label and probabilities of a window; the classifier is asked once."""
        if not hasattr(self.classifier, "predict_proba"):
            label, proba = self.classifier.predict(window)[0], None
        else:
            now = self.classifier.predict_proba(window)[0]
            self._probas = [*self._probas, now][-self.smoothing :]
            proba = np.mean(self._probas, axis=0)
            label = self.classifier.classes_[proba.argmax()]
        if self.adapt:
            self.classifier.partial_fit(window)
        return label, proba


def _channels_of(estimator):
    """Number of channels of the trials an estimator was fitted on, if it says so."""
    steps = getattr(estimator, "steps", None)
    if steps:  # of a pipeline
        estimator = steps[0][1]
    return getattr(estimator, "n_channels_in_", None)


def _check_rate(estimator, sfreq, role):
    """Refuse what was fitted for another sampling frequency than the stream has."""
    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    for step in steps:
        for said, source in (
            (getattr(step, "sfreq", None), "has sfreq="),
            (getattr(step, "_epochs_sfreq", None), "was fitted on epochs of "),
        ):
            if said is not None and abs(float(said) - sfreq) > 1e-3 * sfreq:
                raise ValueError(
                    f"The {role} {source}{said:g} Hz and the stream has {sfreq:g} Hz: "
                    "delays and filters would mean something else. Resample the "
                    "stream, or fit on trials of its rate."
                )


def label_windows(
    signal: ArrayLike,
    onsets: ArrayLike,
    durations: ArrayLike,
    labels: Sequence,
    *,
    sfreq: float,
    window: float = 2.0,
    step: float = 0.25,
    idle: Any = "idle",
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut a continuous signal into overlapping windows and label them.

    A window that lies wholly in a task has the task's label, one that touches no task
    is idle, and one that straddles a border is of neither: it is marked ambiguous.

    Parameters
    ----------
    signal : ndarray of shape (n_channels, n_times)
        Continuous signal, filtered.
    onsets : array-like of shape (n_tasks,)
        Starts of the tasks in seconds.
    durations : float or array-like of shape (n_tasks,)
        Their lengths in seconds.
    labels : array-like of shape (n_tasks,)
        Labels of the tasks.
    sfreq : float
        Sampling frequency in Hz.
    window, step : float
        Length of windows and time between them, in seconds; ends fall on the nearest
        samples, as in :class:`StreamDecoder`.
    idle : object, default="idle"
        Label of the idle class. Labels keep their types: beside numbers pass a
        number, such as -1, if a classifier is to learn them.

    Returns
    -------
    X : ndarray of shape (n_windows, n_channels, n_window)
        Windows, in the order of time.
    y : ndarray of shape (n_windows,)
        Labels; an array of objects where their types differ.
    ambiguous : ndarray of bool of shape (n_windows,)
        Windows over a border, or in two tasks of different labels at once. Their
        label is that of the task that covers most of them; leave them out of training,
        and of scores if transitions do not count.
    ends : ndarray of shape (n_windows,)
        Ends of the windows in seconds.

    Raises
    ------
    ValueError
        If the arrays do not fit together, contain NaN, a duration is not positive, or
        the signal is shorter than a window.

    Warns
    -----
    UserWarning
        If tasks lie outside the signal.
    """
    params = check_params(
        "label_windows",
        {"sfreq": _POSITIVE, "window": _POSITIVE, "step": _POSITIVE},
        {"sfreq": sfreq, "window": window, "step": step},
    )
    sfreq, window, step = params.sfreq, params.window, params.step
    if not isinstance(signal, np.ndarray) and hasattr(signal, "get_data"):
        raise ValueError(
            f"signal is an array (n_channels, n_times); got a {type(signal).__name__}. "
            "Pass its get_data(picks='eeg')."
        )
    signal = np.asarray(signal, dtype=float)
    onsets = np.atleast_1d(np.asarray(onsets, float))
    durations = np.asarray(durations, float)
    if durations.ndim == 0:
        durations = np.full(len(onsets), float(durations))
    if onsets.ndim != 1 or durations.ndim != 1:
        raise ValueError(
            "onsets and durations must have one entry per task; got shapes "
            f"{onsets.shape} and {durations.shape}."
        )
    if signal.ndim != 2 or not len(onsets) == len(durations) == len(labels):
        raise ValueError(
            "signal must have shape (n_channels, n_times), and onsets, durations and "
            f"labels one entry per task; got {signal.shape}, {len(onsets)}, "
            f"{len(durations)} and {len(labels)}."
        )
    for name, values in (("onsets", onsets), ("durations", durations)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} contains NaN or infinity.")
    if not np.isfinite(signal).all():
        raise ValueError("signal contains NaN or infinity. Repair it first.")
    if len(durations) and not (durations > 0).all():
        raise ValueError(
            f"durations are seconds > 0; got {durations.min():g}. Give marks without "
            "a length the time that their task lasts."
        )
    end = signal.shape[1] / sfreq
    outside = int(((onsets >= end) | (onsets + durations <= 0)).sum())
    if outside:
        warn_user(
            f"{outside} of {len(onsets)} tasks lie outside the {end:g} s of signal. "
            "onsets and durations are seconds from its first sample, not samples."
        )
    n_window = round(window * sfreq)
    if n_window < 2 or step * sfreq < 1 or n_window > signal.shape[1]:
        raise ValueError(
            f"window={window} and step={step} seconds are {n_window} and "
            f"{step * sfreq:.3g} samples, which {signal.shape[1]} samples do not allow."
        )
    count = int((signal.shape[1] - n_window) / (step * sfreq)) + 2
    ends = n_window + np.array([round(k * step * sfreq) for k in range(count)])
    ends = ends[ends <= signal.shape[1]]
    X = np.stack([signal[:, end - n_window : end] for end in ends])
    ends = ends / sfreq
    choices = _one_array([*np.asarray(labels).tolist(), idle])
    covered = np.minimum(ends[:, None], onsets + durations) - np.maximum(
        ends[:, None] - window, onsets
    )
    covered = np.clip(covered, 0.0, None) / window
    inside = covered.max(1, initial=0.0)
    task = covered.argmax(1) if len(onsets) else np.zeros(len(ends), int)
    y = choices[np.where(inside >= 0.5, task, len(choices) - 1)]
    whole = 0.5 / n_window
    ambiguous = (inside > whole) & (inside < 1.0 - whole)
    if len(onsets) > 1:
        names = choices[:-1]
        other = np.where(names == names[task][:, None], 0.0, covered)
        ambiguous |= other.max(1) > whole
    return X, y, ambiguous, ends


def _one_array(values):
    """An array of labels; of objects where numpy would turn numbers into text."""
    kinds = {str if isinstance(v, str) else type(v) for v in values}
    numbers = all(issubclass(kind, (bool, int, float, np.number)) for kind in kinds)
    if len(kinds) == 1 or (numbers and bool not in kinds):
        return np.array(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def normalized_mcc(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Normalize the Matthews correlation coefficient to [0, 1].

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_windows,)
        Labels and decisions, any number of classes.

    Returns
    -------
    nmcc : float
        ``(MCC + 1) / 2``; 0.5 is chance whatever the balance of the classes.

    Raises
    ------
    ValueError
        If labels of types that cannot be sorted are mixed.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    check_one_type(np.concatenate([y_true.astype(object), y_pred.astype(object)]))
    return float((matthews_corrcoef(y_true, y_pred) + 1.0) / 2.0)


def information_transfer_rate(accuracy: float, n_classes: int, seconds: float) -> float:
    """Compute the information transfer rate of Wolpaw.

    Parameters
    ----------
    accuracy : float
        Fraction of correct decisions. Below chance no information is credited.
    n_classes : int
        Number of classes.
    seconds : float
        Time between decisions that count as separate selections, in seconds. Windows
        that overlap are not independent: their length, not their step, belongs here.

    Returns
    -------
    rate : float
        Bits per minute.

    References
    ----------
    Wolpaw, Ramoser, McFarland and Pfurtscheller, IEEE Trans. Rehabilitation
    Engineering 6 (1998), 326-333.
    """
    params = check_params(
        "information_transfer_rate",
        {"accuracy": Real(0.0, 1.0), "n_classes": Integer(2), "seconds": _POSITIVE},
        {"accuracy": accuracy, "n_classes": n_classes, "seconds": seconds},
    )
    accuracy, n_classes, seconds = params.accuracy, params.n_classes, params.seconds
    if accuracy <= 1.0 / n_classes:
        return 0.0
    bits = np.log2(n_classes) + accuracy * np.log2(accuracy)
    if accuracy < 1.0:
        bits += (1.0 - accuracy) * np.log2((1.0 - accuracy) / (n_classes - 1))
    return float(60.0 * bits / seconds)
