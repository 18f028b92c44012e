"""A memory of fixed size for signals: states of sliding windows."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import BaseEstimator, TrialsMixin
from skgeo.dynamics._window_states import (
    discretize,
    history_steps,
    reconstruction,
    window_matrices,
)
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.params import (
    Integer,
    OneOf,
    Real,
    Rule,
    SequenceOf,
    Unused,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["HiPPOProjector"]

STATISTICS = ("mean", "std", "max", "min", "last")


class _ShareOfTrial(Rule):
    """A string such as "1/8": a fraction of the length of the trials."""

    def accepts(self, value):
        try:
            return isinstance(value, str) and 0 < Fraction(value) <= 1
        except (ValueError, ZeroDivisionError):
            return False

    def __str__(self):
        return "a string such as '1/8', at most '1'"


_WINDOW = Real(0.0, closed="neither") | _ShareOfTrial()


def _real(values, name):
    """An array of real numbers; complex ones would lose their imaginary parts."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} must hold real numbers; got an array of dtype {values.dtype}."
        )
    return values.astype(np.float64)


def _check_range(values, what):
    if not np.isfinite(values).all():
        raise ValueError(
            f"{what} exceed the range of floating-point numbers. Give the signals in "
            "other units."
        )
    return values


def _in_units(values, unit):
    """States in the units of the signals."""
    with np.errstate(over="ignore"):
        return _check_range(values * unit, "States")


class _Pool:
    """Running mean, standard deviation, extremes and last value of states."""

    def __init__(self):
        self.count, self.values = 0, None

    def add(self, state):
        self.count += 1
        if self.values is None:
            zero = np.zeros_like(state)
            self.values = [state.copy(), zero, state.copy(), state.copy()]
            self.last = state
            return
        mean, spread, high, low = self.values
        # Half of the way at a time, and roots of squares: what is squared overflows.
        away = state / 2 - mean / 2
        mean += away / self.count * 2
        kept = np.sqrt(1.0 - 1.0 / self.count)
        new = np.abs(away) * (2.0 * kept / np.sqrt(self.count))
        np.hypot(kept * spread, new, out=spread)
        np.maximum(high, state, out=high)
        np.minimum(low, state, out=low)
        self.last = state

    def statistics(self):
        mean, spread, high, low = self.values
        return np.stack([mean, spread, high, low, self.last])


class HiPPOProjector(TransformerMixin, TrialsMixin, BaseEstimator):
    r"""Project the recent past of signals onto Legendre polynomials, as a stream.

    Each channel drives a linear system :math:`m' = A m + B u` whose ``n_states``
    states are the Legendre coefficients of a sliding window, or of the whole history:
    a memory of fixed size, updated with every sample, from which the window can be
    read back. Pooled over time, the states are features that do not depend on where
    in the trial something happens.

    Parameters
    ----------
    n_states : int, default=16
        States per channel and window. A window holds about ``n_states / 3`` periods
        of an oscillation.
    window : float, str or tuple of them, default=("1/8", "1/3")
        Lengths of the sliding windows: numbers are in seconds, strings such as
        ``"1/8"`` fractions of the fitted trials.
    measure : {"legt", "legs"}, default="legt"
        ``"legt"`` remembers sliding windows; ``"legs"`` the history since the start
        of the trial at falling resolution, whatever the sampling frequency.
    output : {"pooled", "last", "all"}, default="pooled"
        ``"pooled"``: mean, standard deviation, maximum, minimum and last value of
        each state over the trial. ``"last"``: states at the end of the trial.
        ``"all"``: states at every time.
    sfreq : float, default=1.0
        Sampling frequency in Hz.

    Attributes
    ----------
    windows_ : tuple of int
        Lengths of the windows in samples; the trial's for ``"legs"``.
    states_ : ndarray of shape (n_windows, n_channels, n_states)
        States of the stream that ``update`` follows, zero after ``fit``.
    n_channels_in_, n_times_in_ : int
        Shape of a fitted trial.

    See Also
    --------
    MEDIDA : Discovery of model errors; the same states can serve as its memory.
    DelayEmbedding : The recent past as delayed copies.

    Notes
    -----
    A trial starts from an empty memory: samples before its start count as zero.

    With ``output="last"`` a linear classifier does about what it does on the raw
    samples. Pooled states with ridge regression were clearly ahead of raw samples
    where patterns shift in time, and behind where their position or amplitude
    matters; random convolution kernels (MiniRocket) were ahead of both on most sets.
    What this estimator adds is the fixed memory and the stream.

    References
    ----------
    .. [1] A. Gu, T. Dao, S. Ermon, A. Rudra, C. Re, "HiPPO: recurrent memory with
       optimal polynomial projections", NeurIPS 2020, arXiv:2008.07669.
    .. [2] A. Voelker, I. Kajic, C. Eliasmith, "Legendre memory units: continuous-time
       representation in recurrent neural networks", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import HiPPOProjector
    >>> t = np.arange(400) / 100
    >>> X = np.sin(2 * np.pi * t * np.array([1.0, 1.5])[:, None, None])
    >>> memory = HiPPOProjector(24, window=1.0, output="last", sfreq=100.0)
    >>> states = memory.fit_transform(X)
    >>> states.shape
    (2, 24)
    >>> window = memory.inverse_transform(states)  # the last second
    >>> bool(np.abs(window - X[:, :, -100:]).max() < 0.01)
    True

    The same, sample by sample:

    >>> for sample in X[0].T:
    ...     row = memory.update(sample)
    >>> bool(np.allclose(row, states[0]))
    True
    """

    _param_rules = {
        "n_states": Integer(1, 512),
        "window": _WINDOW | SequenceOf(_WINDOW),
        "measure": OneOf("legt", "legs"),
        "output": OneOf("pooled", "last", "all"),
        "sfreq": Real(0.0, closed="neither"),
    }
    _unused_params = (
        Unused(("window", "sfreq"), lambda p: p.measure == "legs", "measure is 'legs'"),
    )

    def __init__(
        self,
        n_states: int = 16,
        *,
        window: float | str | Sequence[float | str] = ("1/8", "1/3"),
        measure: str = "legt",
        output: str = "pooled",
        sfreq: float = 1.0,
    ):
        self.n_states = n_states
        self.window = window
        self.measure = measure
        self.output = output
        self.sfreq = sfreq

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Set up the memory for signals of the given shape.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Signals; only their shape is used.
        y : None
            Ignored.

        Returns
        -------
        self : HiPPOProjector
            The fitted transformer.

        Raises
        ------
        InvalidParameterError
            If a window is shorter than two samples.

        Warns
        -----
        UserWarning
            If a window is longer than the trials.
        """
        p = check_params(self)
        self._check_trials(X, reset=True)
        n_times = self.n_times_in_
        if p.measure == "legs":
            self.windows_, self._steps = (n_times,), None
        else:
            wanted = p.window if isinstance(p.window, (tuple, list)) else (p.window,)
            self.windows_ = tuple(_samples(w, n_times, p.sfreq) for w in wanted)
            self._steps = [
                discretize(*window_matrices(p.n_states, float(w)), 1.0)  # type: ignore[call-arg]
                for w in self.windows_
            ]
        if max(self.windows_) > n_times:
            warn_user(
                f"A window of {max(self.windows_)} samples is longer than the trials "
                f"of {n_times}: what came before their start counts as zero. Use a "
                "shorter window or measure='legs'."
            )
        self._output, self._n_states = p.output, p.n_states
        self.reset()
        return self

    def reset(self) -> Self:
        """Forget the stream that ``update`` follows.

        Returns
        -------
        self : HiPPOProjector
            The transformer with an empty memory.
        """
        check_is_fitted(self, "windows_")
        self._time, self._pools = 0, _Pool()
        self.states_ = np.zeros(
            (len(self.windows_), self.n_channels_in_, self._n_states)
        )
        return self

    def _run(self, signals, states, first):
        """Yield the states after each sample.

        ``signals`` (n_channels_total, n_times), ``states`` (n_windows,
        n_channels_total, n_states); ``first`` is the number of the first sample.
        """
        n_times = signals.shape[1]
        if self._steps is None:
            steps = history_steps(self._n_states, first, first + n_times - 1)
            for u, (Ad, Bd) in zip(signals.T, steps, strict=True):
                states = states @ Ad.T + u[:, None] * Bd
                yield states
            return
        Ad = np.stack([A.T for A, _ in self._steps])
        Bd = np.stack([B for _, B in self._steps])[:, None, :]
        for u in signals.T:
            states = states @ Ad + u[:, None] * Bd
            yield states

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Project trials, each from an empty memory.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        Z : ndarray of shape (n_trials, n_features) or \
                (n_trials, n_times, n_features)
            Pooled states, last states, or all states, in the order of
            ``get_feature_names_out``.
        """
        check_is_fitted(self, "windows_")
        X = self._check_trials(X, reset=False)
        n, c, n_times = X.shape
        # Everything is linear in the unit of a trial.
        unit = np.abs(X).max(axis=(1, 2))
        unit = np.where(unit > 0, unit, 1.0)[:, None, None]
        signals = (X / unit).reshape(n * c, n_times)
        states = np.zeros((len(self.windows_), n * c, self._n_states))
        shape = (len(self.windows_), n, c, self._n_states)
        if self._output == "all":
            width = len(self.windows_) * c * self._n_states
            Z = np.empty((n, n_times, width))
            for t, now in enumerate(self._run(signals, states, 1)):
                Z[:, t] = now.reshape(shape).swapaxes(0, 1).reshape(n, width)
            return _in_units(Z, unit)
        if self._output == "last":
            for now in self._run(signals, states, 1):
                states = now
            last = states.reshape(shape).swapaxes(0, 1).reshape(n, -1)
            return _in_units(last, unit[:, 0])
        pool = _Pool()
        for now in self._run(signals, states, 1):
            pool.add(now)
        statistics = pool.statistics().reshape(len(STATISTICS), *shape)
        rows = statistics.transpose(2, 1, 0, 3, 4).reshape(n, -1)
        return _in_units(rows, unit[:, 0])

    def update(self, x: ArrayLike) -> np.ndarray:
        """Take the next samples of a stream.

        Parameters
        ----------
        x : array-like of shape (n_channels,) or (n_channels, n_samples)
            The next sample, or several.

        Returns
        -------
        z : ndarray of shape (n_features,) or (n_samples, n_features)
            What ``transform`` would return for the stream since ``fit`` or
            ``reset``, taken as one trial; with ``output="all"`` the rows of the new
            samples.

        Raises
        ------
        ValueError
            If x has another number of channels, or contains NaN or infinity.
        """
        check_is_fitted(self, "windows_")
        x = _real(x, "x")
        single = x.ndim == 1
        x = x[:, None] if single else x
        if x.ndim != 2 or x.shape[0] != self.n_channels_in_ or not x.shape[1]:
            raise ValueError(
                f"x must have shape ({self.n_channels_in_},) or "
                f"({self.n_channels_in_}, n_samples); got {np.shape(x)}."
            )
        if not np.isfinite(x).all():
            raise ValueError(
                "x contains NaN or infinity. Repair it, or reset() after the gap."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            states = list(self._run(x, self.states_, self._time + 1))
        _check_range(np.array(states), "States")
        self.states_ = states[-1]
        self._time += x.shape[1]
        if self._output == "all":
            rows = np.array([now.ravel() for now in states])
            return rows[0] if single else rows
        if self._output == "last":
            return self.states_.flatten()
        for now in states:
            self._pools.add(now)
        return self._pools.statistics().swapaxes(0, 1).flatten()

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Read back the longest window from states.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_features) or \
                (n_trials, n_times, n_features)
            What ``transform`` returned, ``output="last"`` or ``"all"``; of all
            states the last are read.

        Returns
        -------
        signals : ndarray of shape (n_trials, n_channels, n_samples)
            The samples of the longest window (with ``"legs"`` of a history as long
            as a fitted trial), oldest first.
        """
        check_is_fitted(self, "windows_")
        if self._output == "pooled":
            raise ValueError(
                "Pooled states cannot be read back: use output='last' or 'all'."
            )
        X = _real(X, "X")
        if self._output == "all" and X.ndim == 3:
            X = X[:, -1]
        width = self.states_.size
        if X.ndim != 2 or X.shape[1] != width or not np.isfinite(X).all():
            raise ValueError(
                f"Expected finite states with {width} features a row; got shape "
                f"{X.shape}."
            )
        longest = int(np.argmax(self.windows_))
        states = X.reshape(len(X), *self.states_.shape)[:, longest]
        R = reconstruction(self._n_states, self.windows_[longest], self.measure)
        with np.errstate(over="ignore", invalid="ignore"):
            return _check_range(states @ R.T, "Signals")

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the features after window, statistic, channel and state.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the channels; ``"0"``, ``"1"``, ... by default.

        Returns
        -------
        names : ndarray of str
            For example ``w15_std_0_m3``: standard deviation of state 3 of channel
            0 in the window of 15 samples.
        """
        check_is_fitted(self, "windows_")
        channels = range(self.n_channels_in_)
        if input_features is not None:
            channels = list(input_features)
        if len(channels) != self.n_channels_in_:
            raise ValueError(
                f"input_features has {len(channels)} names for "
                f"{self.n_channels_in_} channels."
            )
        pooled = self._output == "pooled"
        statistics = [f"{s}_" for s in STATISTICS] if pooled else [""]
        return np.array(
            [
                f"w{i}_{w}_{s}{c}_m{m}" if self.windows_.count(w) > 1
                else f"w{w}_{s}{c}_m{m}"
                for i, w in enumerate(self.windows_)
                for s in statistics
                for c in channels
                for m in range(self._n_states)
            ],
            dtype=object,
        )  # fmt: skip


def _samples(window, n_times, sfreq):
    """Length of a window in samples."""
    if isinstance(window, str):
        return max(2, round(float(Fraction(window)) * n_times))
    samples = round(window * sfreq)
    if samples < 2:
        raise InvalidParameterError(
            f"HiPPOProjector: parameter 'window' of {window:g} seconds is {samples} "
            f"samples at sfreq={sfreq:g} Hz; at least 2 are needed."
        )
    return samples
