"""Pseudo-online decoding: a decision per window of a continuous signal."""

import time
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfilt
from sklearn.metrics import matthews_corrcoef
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "Decision",
    "StreamDecoder",
    "information_transfer_rate",
    "label_windows",
    "normalized_mcc",
]


class Decision(NamedTuple):
    """What :class:`StreamDecoder` says at the end of a window.

    Parameters
    ----------
    time : float
        End of the window in seconds since the start of the stream.
    label : object
        The decision.
    proba : ndarray of shape (n_classes,) or None
        Probabilities, averaged over the last windows.
    latency : float
        Seconds the computation took.
    """

    time: float
    label: object
    proba: np.ndarray | None
    latency: float


def _positive(value, name):
    if not (np.isscalar(value) and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a finite number > 0; got {value!r}.")
    return float(value)


class StreamDecoder:
    """Decode a stream chunk by chunk, with a fitted classifier of trials.

    Chunks of any length are filtered causally, the filter's state kept between them,
    and every ``step`` seconds the classifier sees the last ``window`` seconds. The
    result does not depend on how the stream is cut into chunks.

    Parameters
    ----------
    classifier : estimator
        Fitted classifier of trials (n_trials, n_channels, n_times). Train it on
        windows that :func:`label_windows` cut from a signal that went through
        :meth:`filter`, so that it learns what it will see.
    sfreq : float
        Samples a second.
    window : float, default=2.0
        Length of a window in seconds.
    step : float, default=0.25
        Time between decisions in seconds.
    band : (float, float) or None, default=(8.0, 32.0)
        Edges in Hz of a causal Butterworth band-pass filter of order 4; None for a
        signal that is filtered already.
    smoothing : int, default=1
        Average the probabilities of so many windows; above 1 the classifier must
        give probabilities.

    See Also
    --------
    AugmentedCovarianceClassifier : A classifier to put in.

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

    def __init__(
        self, classifier, sfreq, *, window=2.0, step=0.25, band=(8.0, 32.0), smoothing=1
    ):
        check_is_fitted(classifier)
        self.classifier = classifier
        self.sfreq = _positive(sfreq, "sfreq")
        self.n_window = round(_positive(window, "window") * self.sfreq)
        self.n_step = round(_positive(step, "step") * self.sfreq)
        if self.n_window < 2 or self.n_step < 1:
            raise ValueError(
                f"window={window} and step={step} seconds are {self.n_window} and "
                f"{self.n_step} samples at {sfreq} Hz: at least 2 and 1 are required."
            )
        if isinstance(smoothing, bool) or int(smoothing) != smoothing or smoothing < 1:
            raise ValueError(f"smoothing must be an integer >= 1; got {smoothing!r}.")
        if smoothing > 1 and not hasattr(classifier, "predict_proba"):
            raise ValueError(
                "smoothing averages probabilities and the classifier gives none: use "
                "smoothing=1 or a classifier with predict_proba."
            )
        self.smoothing = int(smoothing)
        self.sos = None
        if band is not None:
            low, high = band
            if not 0 < low < high < self.sfreq / 2:
                raise ValueError(
                    f"band must be (low, high) with 0 < low < high < "
                    f"{self.sfreq / 2:g} Hz; got {band!r}."
                )
            self.sos = butter(4, band, btype="bandpass", fs=self.sfreq, output="sos")
        self.reset()

    def reset(self):
        """Forget the stream, keep the classifier."""
        self._state = self._buffer = None
        self._seen, self._probas = 0, []

    def filter(self, signal):
        """Filter a whole signal as the stream is filtered, from rest.

        Parameters
        ----------
        signal : ndarray of shape (n_channels, n_times)
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
        chunk = np.asarray(chunk, dtype=float)
        n_channels = getattr(self.classifier, "n_channels_in_", None)
        wrong = chunk.ndim != 2 or (
            n_channels is not None and chunk.shape[0] != n_channels
        )
        if wrong:
            wanted = "n_channels" if n_channels is None else n_channels
            raise ValueError(
                f"A chunk must have shape ({wanted}, n_times); got {chunk.shape}."
            )
        if not np.isfinite(chunk).all():
            raise ValueError(
                f"The chunk after {self._seen / self.sfreq:.3f} s contains NaN or "
                "infinity. Repair it, or reset() after the gap."
            )
        return chunk

    def push(self, chunk):
        """Take the next samples and return the decisions that fell due.

        Parameters
        ----------
        chunk : array-like of shape (n_channels, n_samples)
            The next samples, any number of them.

        Returns
        -------
        decisions : list of Decision
            One for each window that ended in this chunk.
        """
        chunk = self._checked(chunk)
        if self._buffer is None:
            self._buffer = np.empty((len(chunk), 0))
            if self.sos is not None:
                self._state = np.zeros((len(self.sos), len(chunk), 2))
        if self.sos is not None and chunk.shape[1]:
            chunk, self._state = sosfilt(self.sos, chunk, axis=1, zi=self._state)
        signal = np.concatenate([self._buffer, chunk], axis=1)
        start = self._seen - self._buffer.shape[1]
        self._seen += chunk.shape[1]
        decisions = []
        past = max(0, self._seen - chunk.shape[1] - self.n_window)
        due = self.n_window + past // self.n_step * self.n_step
        while due <= self._seen:
            if due > self._seen - chunk.shape[1]:
                end = due - start
                decisions.append(
                    self._decide(signal[:, end - self.n_window : end], due)
                )
            due += self.n_step
        self._buffer = signal[:, -self.n_window :].copy()
        return decisions

    def _decide(self, window, end):
        start = time.perf_counter()
        proba = None
        if hasattr(self.classifier, "predict_proba"):
            self._probas = self._probas[-self.smoothing + 1 :] * (self.smoothing > 1)
            self._probas.append(self.classifier.predict_proba(window[None])[0])
            proba = np.mean(self._probas, axis=0)
        if self.smoothing > 1:
            label = self.classifier.classes_[proba.argmax()]
        else:
            label = self.classifier.predict(window[None])[0]
        return Decision(end / self.sfreq, label, proba, time.perf_counter() - start)


def label_windows(
    signal, onsets, durations, labels, *, sfreq, window=2.0, step=0.25, idle="idle"
):
    """Cut a continuous signal into overlapping windows and label them.

    A window that lies wholly in a task has the task's label, one that touches no task
    is idle, and one that straddles a border is of neither: it is marked ambiguous.

    Parameters
    ----------
    signal : ndarray of shape (n_channels, n_times)
        Continuous signal, filtered.
    onsets, durations : array-like of shape (n_tasks,)
        Starts and lengths of the tasks in seconds.
    labels : array-like of shape (n_tasks,)
        Labels of the tasks.
    sfreq : float
        Samples a second.
    window, step : float
        Length of windows and time between them, in seconds.
    idle : object, default="idle"
        Label of the idle class.

    Returns
    -------
    X : ndarray of shape (n_windows, n_channels, n_window)
        Windows, in the order of time.
    y : ndarray of shape (n_windows,)
        Labels.
    ambiguous : ndarray of bool of shape (n_windows,)
        Windows over a border. Their label is that of the task that covers most of
        them; leave them out of training, and of scores if transitions do not count.
    ends : ndarray of shape (n_windows,)
        Ends of the windows in seconds.
    """
    signal = np.asarray(signal, dtype=float)
    onsets, durations = np.asarray(onsets, float), np.asarray(durations, float)
    if signal.ndim != 2 or not len(onsets) == len(durations) == len(labels):
        raise ValueError(
            "signal must have shape (n_channels, n_times), and onsets, durations and "
            f"labels one entry a task; got {signal.shape}, {len(onsets)}, "
            f"{len(durations)} and {len(labels)}."
        )
    n_window, n_step = round(window * sfreq), round(step * sfreq)
    if n_window < 2 or n_step < 1 or n_window > signal.shape[1]:
        raise ValueError(
            f"window={window} and step={step} seconds are {n_window} and {n_step} "
            f"samples, which {signal.shape[1]} samples do not allow."
        )
    ends = np.arange(n_window, signal.shape[1] + 1, n_step)
    X = np.stack([signal[:, end - n_window : end] for end in ends])
    ends = ends / sfreq
    choices = np.array([*labels, idle])
    covered = np.minimum(ends[:, None], onsets + durations) - np.maximum(
        ends[:, None] - window, onsets
    )
    covered = np.clip(covered, 0.0, None) / window
    inside = covered.max(1, initial=0.0)
    task = covered.argmax(1) if len(onsets) else np.zeros(len(ends), int)
    mostly = inside >= 0.5
    y = np.where(mostly, choices[task], choices[-1])
    whole = 0.5 / n_window
    ambiguous = (inside > whole) & (inside < 1.0 - whole)
    return X, y, ambiguous, ends


def normalized_mcc(y_true, y_pred):
    """Normalize the Matthews correlation coefficient to [0, 1].

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_windows,)
        Labels and decisions, any number of classes.

    Returns
    -------
    nmcc : float
        ``(MCC + 1) / 2``; 0.5 is chance whatever the balance of the classes.
    """
    return float((matthews_corrcoef(y_true, y_pred) + 1.0) / 2.0)


def information_transfer_rate(accuracy, n_classes, seconds):
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
    if not 0.0 <= accuracy <= 1.0:
        raise ValueError(f"accuracy must lie in [0, 1]; got {accuracy!r}.")
    if int(n_classes) != n_classes or n_classes < 2:
        raise ValueError(f"n_classes must be an integer >= 2; got {n_classes!r}.")
    seconds = _positive(seconds, "seconds")
    if accuracy <= 1.0 / n_classes:
        return 0.0
    bits = np.log2(n_classes) + accuracy * np.log2(accuracy)
    if accuracy < 1.0:
        bits += (1.0 - accuracy) * np.log2((1.0 - accuracy) / (n_classes - 1))
    return float(60.0 * bits / seconds)
