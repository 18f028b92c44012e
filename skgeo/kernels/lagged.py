"""Augmented covariances from lagged cross-products."""

import math

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["centre_and_scale", "unroll_blocks", "warmup"]

# Sums may be reordered into vector registers; NaN and infinity keep their meaning.
_REORDER = {"reassoc", "contract"}


@jit(fastmath=_REORDER)
def _mean(x):
    total = 0.0
    for t in range(x.shape[0]):
        total += x[t]
    return total / x.shape[0]


@jit
def _largest(x):
    largest = 0.0
    for t in range(x.shape[0]):
        largest = max(largest, abs(x[t]))
    return largest


@jit
def centre_and_scale(X, out, exponent):
    """Remove each channel's mean and scale each trial by a power of two.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    out : ndarray of shape (n_trials, n_channels, n_times)
        Filled with centred trials whose largest value lies in [0.5, 1), or zeros.
    exponent : ndarray of shape (n_trials,), int64
        Filled so that the centred trial is ``out * 2.0 ** exponent``.
    """
    n_trials, c, n_times = X.shape
    tiny = 8 * 2.220446049250313e-16
    for i in range(n_trials):
        largest = 0.0
        for a in range(c):
            largest = max(largest, _largest(X[i, a]))
        first = math.frexp(largest)[1]
        # Two factors, because 2 ** -first alone may overflow.
        half = math.ldexp(1.0, -(first // 2))
        rest = math.ldexp(1.0, -(first - first // 2))
        largest = 0.0
        for a in range(c):
            for t in range(n_times):
                out[i, a, t] = X[i, a, t] * half * rest
            size = _largest(out[i, a])
            mean = _mean(out[i, a])
            for t in range(n_times):
                out[i, a, t] -= mean
            left = _largest(out[i, a])
            if left <= tiny * size:
                # A channel that never changes is left with rounding errors.
                for t in range(n_times):
                    out[i, a, t] = 0.0
                left = 0.0
            largest = max(largest, left)
        # A large offset leaves a small signal: scale again, so that squares stay
        # normal numbers.
        second = math.frexp(largest)[1]
        if second != 0:
            factor = math.ldexp(1.0, -second)
            for a in range(c):
                for t in range(n_times):
                    out[i, a, t] *= factor
        exponent[i] = first + second


@jit
def unroll_blocks(X, base, lag, n_window, out):
    """Fill centred scatter matrices of delay-embedded trials from their first blocks.

    Block (j + k, j) sums ``x(t + k lag) x(t)^T`` over ``t`` in
    ``[j lag, j lag + n_window)``.  Its neighbour (j + 1 + k, j + 1) differs only by
    ``lag`` samples that enter and ``lag`` that leave, so ``base``, the blocks of
    ``j = 0``, determine all others at the price of the edges.

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
        centre_and_scale(X, np.empty_like(X), np.empty(1, dtype=np.int64))
        X.setflags(write=False)  # what joblib hands to worker processes
