"""The polar factor: linear maximization over the spectral-norm ball."""

import math

import numpy as np
from scipy.linalg.lapack import dsyevd

__all__ = ["polar_factor"]


def polar_factor(G, towards=None):
    """Orthogonal polar factor, the maximizer of <G, S> over the spectral-norm ball.

    Parameters
    ----------
    G : ndarray of shape (n, n)
        Square matrix.
    towards : ndarray of shape (n, n), optional
        Where G is singular to working precision its polar factor is not unique: the
        one that agrees best with this matrix is taken.

    Returns
    -------
    S : ndarray of shape (n, n)
        Orthogonal matrix.
    """
    if not 1e-100 < np.vdot(G, G) < 1e100:
        G = np.ldexp(G, -math.frexp(np.abs(G).max())[1])
    # Not numpy's eigh, whose wrapper costs a fifth of the time for small matrices.
    values, V, info = dsyevd(G.T @ G)
    # The Gram matrix squares the condition number: beyond 100, pay for the SVD.
    if info == 0 and values[0] > 1e-4 * values[-1]:
        return G @ ((V / np.sqrt(values)) @ V.T)
    U, values, Vt = np.linalg.svd(G)
    if values[-1] < 1e-10 * values[0] and towards is not None:
        U, _, Vt = np.linalg.svd(G + (1e-8 * values[0]) * towards)
    return U @ Vt
