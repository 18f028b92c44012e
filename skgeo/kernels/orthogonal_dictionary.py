"""Kernels of one stochastic Frank-Wolfe step over the spectral-norm ball.

Rows of ``W`` are atoms; a batch ``X`` has one sample a row, so codes are ``X @ W.T``.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "clip_rows",
    "contrast",
    "mean_magnitudes",
    "towards_vertex",
    "warmup",
]


@jit
def mean_magnitudes(C, p, out):
    """Mean of |c|^(p-2) over each column of C, p = 3 or 4, into ``out`` (n,)."""
    out[:] = 0.0
    for i in range(C.shape[0]):
        for k in range(C.shape[1]):
            c = C[i, k]
            out[k] += abs(c) if p == 3 else c * c
    out /= C.shape[0]


@jit
def contrast(C, p, shift):
    """Replace each code c by h(c) = p sign(c) |c|^(p-1) - shift c.

    Returns
    -------
    power, square, energy : float
        Sums of |c|^p, c^2 and h(c)^2.
    """
    power, square, energy = 0.0, 0.0, 0.0
    for i in range(C.shape[0]):
        for k in range(C.shape[1]):
            c = C[i, k]
            q = abs(c) if p == 3 else c * c
            h = (p * q - shift) * c
            C[i, k] = h
            power += q * c * c
            square += c * c
            energy += h * h
    return power, square, energy


@jit
def towards_vertex(W, S, G, gamma):
    """Move W to (1 - gamma) W + gamma S; return <G, S> and <G, W> before the move."""
    at_vertex = 0.0
    at_iterate = 0.0
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            at_vertex += G[i, j] * S[i, j]
            at_iterate += G[i, j] * W[i, j]
            W[i, j] += gamma * (S[i, j] - W[i, j])
    return at_vertex, at_iterate


@jit
def clip_rows(X, norms, limit):
    """Scale back, in place, the rows whose norm is above ``limit``; return how many."""
    n_clipped = 0
    for i in range(X.shape[0]):
        if norms[i] > limit:
            shrink = limit / norms[i]
            for j in range(X.shape[1]):
                X[i, j] *= shrink
            n_clipped += 1
    return n_clipped


def warmup():
    """Compile the kernels of this module on tiny data."""
    for dtype in (np.float64, np.float32):
        X = np.ones((3, 2), dtype=dtype)
        mean_magnitudes(X, 3, np.empty(2))
        contrast(X, 3, 0.5)
        clip_rows(X, np.ones(3), 2.0)
    W = np.eye(2)
    towards_vertex(W, W.copy(), W.copy(), 0.5)
