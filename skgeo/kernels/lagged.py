"""Augmented covariances from lagged cross-products."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["unroll_blocks", "warmup"]


@jit
def unroll_blocks(X, base, lag, n_window, out):
    """Fill the scatter matrices of delay-embedded trials from their first block column.

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
        Filled with the (not centred) scatter matrices.
    """
    n_trials, c, n_times = X.shape
    order = base.shape[1]
    samples = np.empty((n_times, c))
    block = np.empty((c, c))
    for i in range(n_trials):
        for a in range(c):
            for t in range(n_times):
                samples[t, a] = X[i, a, t]
        for k in range(order):
            for a in range(c):
                for b in range(c):
                    block[a, b] = base[i, k, a, b]
            for j in range(order - k):
                row, col = (j + k) * c, j * c
                for a in range(c):
                    for b in range(c):
                        out[i, row + a, col + b] = block[a, b]
                        out[i, col + b, row + a] = block[a, b]
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
    unroll_blocks(X, base, 1, 3, np.empty((1, 2, 2)))
    X.setflags(write=False)
    unroll_blocks(X, base, 1, 3, np.empty((1, 2, 2)))
