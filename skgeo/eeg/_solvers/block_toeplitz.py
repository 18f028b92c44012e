"""Geometry of block-Toeplitz covariances: SPD matrices times Siegel disks.

A positive-definite block-Toeplitz matrix of ``p`` blocks of size ``c`` is the same as
its diagonal block ``P`` and ``p - 1`` reflection coefficients ``Omega_l`` of spectral
norm below one, found by the multichannel Levinson recursion of Whittle.  In these
coordinates everything costs ``p`` problems of size ``c``, not one of size ``p c``.

The metric is the product ``d^2 = p d_AIRM(P, P')^2 + sum_l (p - l) d_Siegel^2`` whose
weights are those of the potential ``-log det``.
"""

import numpy as np

from skgeo.eeg._solvers import riemann

__all__ = [
    "coefficients",
    "exp_origin",
    "lags",
    "log_origin",
    "mean",
    "mobius",
    "siegel_mean",
    "squared_distances",
    "tangent",
    "whiten",
]

# Singular values of a coefficient that rounding pushed to one.
_RIM = 1.0 - 1e-15


def _power(A, exponent):
    values, V = np.linalg.eigh(A)
    if not (values[..., 0] > 0).all():
        raise riemann.NotPositiveDefiniteError(
            "A block-Toeplitz covariance is not positive definite to working "
            "precision. Regularize it (shrinkage='diagonal'), or lower order."
        )
    return (V * values[..., None, :] ** exponent) @ V.swapaxes(-1, -2)


def _t(A):
    return A.swapaxes(-1, -2)


def _advance(A, B, a, b):
    """Append the coefficients a, b of one more order to both predictors."""
    count = len(A)
    forward = [A[k] - a @ B[count - 1 - k] for k in range(count)]
    backward = [B[k] - b @ A[count - 1 - k] for k in range(count)]
    return [*forward, a], [*backward, b]


def coefficients(R):
    """Diagonal block and reflection coefficients, by the recursion of Whittle.

    Parameters
    ----------
    R : ndarray of shape (n_matrices, p, c, c)
        Blocks (0, k) of the matrices, ``k = 0 .. p - 1``.

    Returns
    -------
    P : ndarray of shape (n_matrices, c, c)
        Diagonal blocks.
    Omega : ndarray of shape (n_matrices, p - 1, c, c)
        Reflection coefficients.

    Raises
    ------
    NotPositiveDefiniteError
        If a matrix is not positive definite.
    """
    n, p, c, _ = R.shape
    L, K = R[:, 0], R[:, 0]
    A, B = [], []
    Omega = np.empty((n, p - 1, c, c))
    for order in range(p - 1):
        D = R[:, order + 1].copy()
        for k in range(order):
            D -= A[k] @ R[:, order - k]
        Omega[:, order] = _power(L, -0.5) @ D @ _power(K, -0.5)
        a = _t(np.linalg.solve(K, _t(D)))
        b = _t(np.linalg.solve(L, D))
        A, B = _advance(A, B, a, b)
        L, K = L - a @ _t(D), K - b @ D
        L, K = (L + _t(L)) / 2, (K + _t(K)) / 2
    _power(L, 0.5)  # raises if the last step left the cone
    return R[:, 0], Omega


def lags(P, Omega):
    """Undo :func:`coefficients`.

    Parameters
    ----------
    P : ndarray of shape (n_matrices, c, c)
        Diagonal blocks.
    Omega : ndarray of shape (n_matrices, p - 1, c, c)
        Reflection coefficients.

    Returns
    -------
    R : ndarray of shape (n_matrices, p, c, c)
        Blocks (0, k).
    """
    n, q, c, _ = Omega.shape
    R = np.empty((n, q + 1, c, c))
    R[:, 0] = P
    L, K = P, P
    A, B = [], []
    for order in range(q):
        D = _power(L, 0.5) @ Omega[:, order] @ _power(K, 0.5)
        R[:, order + 1] = D
        for k in range(order):
            R[:, order + 1] += A[k] @ R[:, order - k]
        a = _t(np.linalg.solve(K, _t(D)))
        b = _t(np.linalg.solve(L, D))
        A, B = _advance(A, B, a, b)
        L, K = L - a @ _t(D), K - b @ D
        L, K = (L + _t(L)) / 2, (K + _t(K)) / 2
    return R


def whiten(R, W):
    """Mix the channels of every lag: ``W R_k W^T``.

    The product metric is invariant under orthogonal mixing only. Seen from the frame
    in which the mean of the diagonal blocks is the identity it is invariant under
    every invertible mixing, which is why all functions here expect whitened lags.

    Parameters
    ----------
    R : ndarray of shape (n_matrices, p, c, c)
        Blocks (0, k).
    W : ndarray of shape (c, c)
        Whitener.

    Returns
    -------
    R : ndarray of shape (n_matrices, p, c, c)
        Whitened blocks.
    """
    R = W @ R @ W.T
    R[:, 0] = (R[:, 0] + _t(R[:, 0])) / 2
    return R


def _radially(Z, function, limit):
    """Apply an odd function to the singular values of square matrices.

    ``Z V diag(f(s) / s) V^T`` with ``Z^T Z = V diag(s^2) V^T``: one symmetric
    eigendecomposition, no singular value decomposition.
    """
    values, V = np.linalg.eigh(_t(Z) @ Z)
    s = np.sqrt(np.clip(values, 0.0, limit))
    ratio = np.ones_like(s)
    np.divide(function(s), s, out=ratio, where=s > 1e-8)
    return Z @ ((V * ratio[..., None, :]) @ _t(V))


def log_origin(Z):
    """Logarithm at the origin of the Siegel disk.

    Parameters
    ----------
    Z : ndarray of shape (..., c, c)
        Matrices of spectral norm below one.

    Returns
    -------
    T : ndarray of shape (..., c, c)
        Tangent vectors; their Frobenius norms are the distances to the origin.
    """
    return _radially(Z, np.arctanh, _RIM)


def exp_origin(T):
    """Exponential at the origin of the Siegel disk.

    Parameters
    ----------
    T : ndarray of shape (..., c, c)
        Tangent vectors.

    Returns
    -------
    Z : ndarray of shape (..., c, c)
        Matrices of spectral norm below one.
    """
    return _radially(T, np.tanh, np.inf)


def mobius(Z, B):
    """Isometry of the Siegel disk that sends ``B`` to the origin.

    Parameters
    ----------
    Z : ndarray of shape (..., c, c)
        Points.
    B : ndarray of shape (..., c, c)
        The point to send to the origin. ``mobius(., -B)`` is the inverse.

    Returns
    -------
    moved : ndarray of shape (..., c, c)
        Moved points.
    """
    eye = np.eye(B.shape[-1])
    left = _power(eye - B @ _t(B), -0.5)
    right = _power(eye - _t(B) @ B, 0.5)
    return left @ (Z - B) @ np.linalg.solve(eye - _t(B) @ Z, right)


def siegel_mean(Z, weight, *, tol=1e-8, max_iter=100):
    """Karcher mean on the Siegel disk, by its fixed-point iteration.

    Parameters
    ----------
    Z : ndarray of shape (n_matrices, c, c)
        Points.
    weight : ndarray of shape (n_matrices,)
        Weights, sum one.
    tol : float, default=1e-8
        Stop when the mean tangent vector's norm is at most ``tol * sqrt(c)``.
    max_iter : int, default=100
        Maximum number of iterations.

    Returns
    -------
    B : ndarray of shape (c, c)
        The mean.
    converged : bool
        Whether the tolerance was met.
    """
    B = np.tensordot(weight, Z, axes=1)
    for _ in range(max_iter):
        J = np.tensordot(weight, log_origin(mobius(Z, B)), axes=1)
        if np.linalg.norm(J) <= tol * np.sqrt(len(J)):
            return B, True
        B = mobius(exp_origin(J), -B)
    return B, False


def tangent(R, W):
    """Tangent vectors at the mean diagonal block and the origins of the disks.

    Parameters
    ----------
    R : ndarray of shape (n_matrices, p, c, c)
        Blocks (0, k), not whitened.
    W : ndarray of shape (c, c)
        Whitener of the mean diagonal block.

    Returns
    -------
    T : ndarray of shape (n_matrices, p c^2)
        Vectors whose inner product is the product metric.
    """
    n, p, c, _ = R.shape
    P, Omega = coefficients(whiten(R, W))
    T = np.empty((n, p, c, c))
    T[:, 0] = np.sqrt(p) * riemann.log_maps(P, np.eye(c)).dense()
    T[:, 1:] = np.sqrt(p - np.arange(1.0, p))[:, None, None] * log_origin(Omega)
    return T.reshape(n, p * c * c)


def mean(P, Omega, weight, *, tol=1e-8):
    """Karcher mean of the product metric.

    Parameters
    ----------
    P : ndarray of shape (n_matrices, c, c)
        Diagonal blocks.
    Omega : ndarray of shape (n_matrices, p - 1, c, c)
        Reflection coefficients.
    weight : ndarray of shape (n_matrices,)
        Weights, sum one.
    tol : float, default=1e-8
        Tolerance of each factor.

    Returns
    -------
    W : ndarray of shape (c, c)
        Whitener of the mean diagonal block.
    center : ndarray of shape (p - 1, c, c)
        Means of the coefficients.
    converged : bool
        Whether all factors met the tolerance.
    """
    result = riemann.riemann_mean(P, weight, tol=tol)
    center = np.empty(Omega.shape[1:])
    converged = result.converged
    for k in range(len(center)):
        center[k], met = siegel_mean(Omega[:, k], weight, tol=tol)
        converged = converged and met
    return result.x, center, converged


def squared_distances(P, Omega, W, center):
    """Squared distances to one point of the product.

    Parameters
    ----------
    P : ndarray of shape (n_matrices, c, c)
        Diagonal blocks.
    Omega : ndarray of shape (n_matrices, p - 1, c, c)
        Reflection coefficients.
    W : ndarray of shape (c, c)
        Whitener of the point's diagonal block.
    center : ndarray of shape (p - 1, c, c)
        Coefficients of the point.

    Returns
    -------
    d2 : ndarray of shape (n_matrices,)
        Squared distances.
    """
    p = len(center) + 1
    d2 = p * riemann.distances_to(P, W) ** 2
    for k in range(p - 1):
        T = log_origin(mobius(Omega[:, k], center[k]))
        d2 += (p - 1 - k) * np.einsum("nij,nij->n", T, T)
    return d2
