"""Kernels of one stochastic Frank-Wolfe step over the spectral-norm ball.

Rows of ``W`` are atoms; a batch ``X`` has one sample per row, so codes are ``X @ W.T``.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "clip_rows",
    "code_moments",
    "contrast",
    "towards_vertex",
    "warmup",
]


@jit
def code_moments(C, p, magnitudes, squares, powers):
    """Means of |c|^(p-2), c^2 and |c|^p over each column of C, p = 3 or 4, in place."""
    n, r = C.shape
    magnitudes[:] = 0.0
    squares[:] = 0.0
    powers[:] = 0.0
    for i in range(n):
        for k in range(r):
            c = C[i, k]
            square = c * c
            q = abs(c) if p == 3 else square
            magnitudes[k] += q
            squares[k] += square
            powers[k] += q * square
    magnitudes /= n
    squares /= n
    powers /= n


@jit
def contrast(C, p, signs, shifts):
    """Replace each code c of atom k by h(c) = s_k (p sign(c) |c|^(p-1) - shift_k c).

    Parameters
    ----------
    C : ndarray of shape (batch, r)
        Codes, replaced.
    p : {3, 4}
        Exponent.
    signs : ndarray of shape (r,)
        1 where |c|^p is to be large, -1 where it is to be small.
    shifts : ndarray of shape (r,)
        Curvature that is removed from each atom.

    Returns
    -------
    power, square, energy, signal : float
        Sums of |c|^p, c^2, h(c)^2 and h(c) c.
    """
    power, square, energy, signal = 0.0, 0.0, 0.0, 0.0
    for i in range(C.shape[0]):
        for k in range(C.shape[1]):
            c = C[i, k]
            q = abs(c) if p == 3 else c * c
            h = signs[k] * (p * q - shifts[k]) * c
            C[i, k] = h
            power += q * c * c
            square += c * c
            energy += h * h
            signal += h * c
    return power, square, energy, signal


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
        code_moments(X, 3, np.empty(2), np.empty(2), np.empty(2))
        contrast(X, 3, np.ones(2), np.ones(2))
        clip_rows(X, np.ones(3), 2.0)
    W = np.eye(2)
    towards_vertex(W, W.copy(), W.copy(), 0.5)
