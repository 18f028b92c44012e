"""Augmented covariances from lagged cross-products."""

import math

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["center_and_scale", "center_rows", "unroll_blocks", "warmup"]

# Sums may be reordered into vector registers; NaN and infinity keep their meaning.
_REORDER = {"reassoc", "contract"}

# Relative extent of samples up to which they count as constant.
_TINY = 8 * 2.220446049250313e-16


@jit(fastmath=_REORDER)
def _mean(x):
    total = 0.0
    for t in range(x.shape[0]):
        total += x[t]
    return total / x.shape[0]


# Only for samples known to be finite: without NaN a minimum fits vector registers too.
@jit(fastmath=_REORDER | {"nnan", "nsz"})
def _extent_and_mean(x):
    lowest = highest = x[0]
    total = 0.0
    for t in range(x.shape[0]):
        lowest = min(lowest, x[t])
        highest = max(highest, x[t])
        total += x[t]
    return lowest, highest, total / x.shape[0]


@jit
def _shift_and_scale(x, shift, factor, out):
    for t in range(x.shape[0]):
        out[t] = (x[t] - shift) * factor


@jit
def center_and_scale(X, out, exponent):
    """Remove each channel's mean and scale each trial by a power of two.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials of finite samples.
    out : ndarray of shape (n_trials, n_channels, n_times)
        Filled with centered trials whose largest value lies in [0.5, 1), or zeros.
    exponent : ndarray of shape (n_trials,), int64
        Filled so that the centered trial is ``out * 2.0 ** exponent``.
    """
    n_trials, c, n_times = X.shape
    low, high, mean = np.empty(c), np.empty(c), np.empty(c)
    for i in range(n_trials):
        source = X[i]
        first = 0
        size = 0.0
        for a in range(c):
            low[a], high[a], mean[a] = _extent_and_mean(source[a])
            size = max(size, high[a], -low[a])
        if not 1e-250 < size < 1e250:
            # Sums may leave the range of floating point, so scale before they are
            # taken. Two factors, because 2 ** -first alone may overflow.
            first = math.frexp(size)[1]
            half = math.ldexp(1.0, -(first // 2))
            rest = math.ldexp(1.0, -(first - first // 2))
            for a in range(c):
                for t in range(n_times):
                    out[i, a, t] = X[i, a, t] * half * rest
                low[a], high[a], mean[a] = _extent_and_mean(out[i, a])
            source = out[i]
        largest = 0.0
        for a in range(c):
            left = max(high[a] - mean[a], mean[a] - low[a])
            if left <= _TINY * max(high[a], -low[a]):
                # A channel that never changes would be left with rounding errors.
                mean[a] = np.nan
            else:
                largest = max(largest, left)
        # A large offset leaves a small signal: its own scale keeps squares normal.
        second = math.frexp(largest)[1]
        factor = math.ldexp(1.0, -second)
        for a in range(c):
            if np.isnan(mean[a]):
                out[i, a] = 0.0
            else:
                _shift_and_scale(source[a], mean[a], factor, out[i, a])
        exponent[i] = first + second


@jit
def _center(x, out):
    """Remove the mean; of samples that do not change zeros remain, not roundings."""
    low, high, mean = _extent_and_mean(x)
    if high - low <= _TINY * max(high, -low):
        out[:] = 0.0
    else:
        _shift_and_scale(x, mean, 1.0, out)


@jit
def center_rows(Z):
    """Remove the mean of each row, in place; constant rows become zeros.

    Parameters
    ----------
    Z : ndarray of shape (n_trials, n_rows, n_window)
        Embedded trials of finite samples.
    """
    for i in range(Z.shape[0]):
        for row in range(Z.shape[1]):
            _center(Z[i, row], Z[i, row])


@jit
def _edges_dominate(x, reach, n_window):
    """Whether products of the edge samples would drown those of the common window.

    The windows of all blocks share the samples ``[reach, n_window)``.  What enters and
    leaves around them is added and taken away again, which leaves a rounding error of
    its own size: after a spike, larger than the rest of the signal.
    """
    c, n_times = x.shape
    n_common = n_window - reach
    for a in range(c):
        if n_common < 2:
            return True
        mean = _mean(x[a, reach:n_window])
        # A mean of the window away from zero costs as much as a spike outside.
        common, edge = 0.0, mean * mean * n_common
        for t in range(n_times):
            if reach <= t < n_window:
                common += (x[a, t] - mean) ** 2
            else:
                edge += x[a, t] ** 2
        if edge > 1e4 * common:
            return True
    return False


@jit
def _direct_blocks(x, order, lag, n_window, centered, out):
    """Fill one scatter matrix from its definition, window means removed first."""
    c = x.shape[0]
    for j in range(order):
        for a in range(c):
            row = j * c + a
            _center(x[a, j * lag : j * lag + n_window], centered[row])
    for row in range(order * c):
        for col in range(row + 1):
            total = 0.0
            for t in range(n_window):
                total += centered[row, t] * centered[col, t]
            out[row, col] = total
            out[col, row] = total


@jit
def unroll_blocks(X, base, lag, n_window, out):
    """Fill centered scatter matrices of delay-embedded trials from their first blocks.

    Block (j + k, j) sums ``x(t + k lag) x(t)^T`` over ``t`` in
    ``[j lag, j lag + n_window)``.  Its neighbor (j + 1 + k, j + 1) differs only by
    ``lag`` samples that enter and ``lag`` that leave, so ``base``, the blocks of
    ``j = 0``, determine all others at the price of the edges.  A trial whose edges
    dwarf the rest (a spike) is computed from the definition, without ``base``.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    base : ndarray of shape (n_trials, order, n_channels, n_channels)
        ``base[i, k]`` sums ``x(t + k lag) x(t)^T`` over ``t`` in ``[0, n_window)``.
    lag : int
        Lag in samples.
    n_window : int
        Number of embedded samples.
    out : ndarray of shape (n_trials, order * n_channels, order * n_channels)
        Filled with the scatter matrices, means of the embedded rows removed.
    """
    n_trials, c, n_times = X.shape
    order = base.shape[1]
    samples = np.empty((n_times, c))
    block = np.empty((c, c))
    sums = np.empty((order, c))
    for i in range(n_trials):
        if order > 1 and _edges_dominate(X[i], (order - 1) * lag, n_window):
            centered = np.empty((order * c, n_window))
            _direct_blocks(X[i], order, lag, n_window, centered, out[i])
            continue
        for a in range(c):
            for t in range(n_times):
                samples[t, a] = X[i, a, t]
            sums[0, a] = _mean(X[i, a, :n_window]) * n_window
        for j in range(order - 1):
            for a in range(c):
                sums[j + 1, a] = sums[j, a]
            for t in range(j * lag, (j + 1) * lag):
                for a in range(c):
                    sums[j + 1, a] += samples[t + n_window, a] - samples[t, a]
        for k in range(order):
            for a in range(c):
                for b in range(c):
                    block[a, b] = base[i, k, a, b]
            for j in range(order - k):
                row, col = (j + k) * c, j * c
                for a in range(c):
                    shift = sums[j + k, a] / n_window
                    for b in range(c):
                        value = block[a, b] - shift * sums[j, b]
                        out[i, row + a, col + b] = value
                        out[i, col + b, row + a] = value
                if j == order - k - 1:
                    break
                for t in range(j * lag, (j + 1) * lag):
                    for a in range(c):
                        leaving = samples[t + k * lag, a]
                        entering = samples[t + k * lag + n_window, a]
                        for b in range(c):
                            block[a, b] += (
                                entering * samples[t + n_window, b]
                                - leaving * samples[t, b]
                            )


def warmup():
    """Compile the kernels of this module on tiny data."""
    X = np.zeros((1, 1, 4))
    base = np.zeros((1, 2, 1, 1))
    for _ in range(2):
        unroll_blocks(X, base, 1, 3, np.empty((1, 2, 2)))
        center_and_scale(X, np.empty_like(X), np.empty(1, dtype=np.int64))
        center_rows(np.zeros((1, 1, 2)))
        X.setflags(write=False)  # what joblib hands to worker processes
