"""Gram matrices of tangent vectors for many folds of the same covariances.

The Riemannian mean of the training part of a fold differs little from that of another
fold.  One eigen-pass at a shared reference gives the gradient and the exact Hessian
for every fold, so one Newton step finds the mean of each; a second eigen-pass there
gives its tangent vectors.  ``1 + n_folds`` passes replace the eight to fifteen passes
*per fold* of the fixed-point iteration.
"""

import numpy as np

from skgeo.eeg._solvers import block_toeplitz, riemann

__all__ = ["PRECISIONS", "centered", "fold_grams", "siegel_fold_grams"]

PRECISIONS = ("exact", "first-order", "shared")

# Norm of the mean logarithm, over sqrt(n), that a fold's reference must reach in the
# exact mode. The error of the centered Gram matrix is of second order in it.
_EXACT = 1e-4


def fold_grams(covariances, trains, precision="exact", sample_weight=None):
    """Yield the Gram matrix of the tangent vectors for each fold.

    Parameters
    ----------
    covariances : ndarray of shape (n_matrices, n, n)
        Symmetric positive-definite matrices.
    trains : list of ndarray of int
        Training part of each fold.
    precision : {"exact", "first-order", "shared"}
        ``"exact"``: tangent space at the mean of each training part.
        ``"first-order"``: tangent space at a shared reference, corrected to first
        order for the fold. ``"shared"``: tangent space at the shared reference, one
        step of the mean iteration of all matrices.
    sample_weight : ndarray of shape (n_matrices,), optional
        Positive weights in the means.

    Yields
    ------
    K : ndarray of shape (n_matrices, n_matrices)
        Gram matrix of all tangent vectors, centered on the training part.

    Raises
    ------
    NotPositiveDefiniteError
        If a matrix is not positive definite.
    """
    n = len(covariances)
    sample_weight = np.ones(n) if sample_weight is None else sample_weight
    share = sample_weight / sample_weight.sum()
    average = np.tensordot(share, covariances, axes=1)
    W = riemann.whitener_of(average, "the arithmetic mean of the matrices")
    logs = riemann.log_maps(covariances, W)
    if precision == "exact":
        yield from _exact(covariances, trains, W, logs, sample_weight)
        return
    J = logs.mean(share)
    logs = riemann.log_maps(covariances, riemann.exp_symmetric(J, -0.5) @ W)
    S = logs.dense()
    if precision == "shared":
        K = _gram(S)
        for train in trains:
            yield centered(K, train, sample_weight)
        return
    phi = riemann.hessian_weights(logs.values)
    scale = phi.mean()
    V, Vt = logs.vectors, logs.vectors.swapaxes(1, 2)
    for train in trains:
        weight = sample_weight[train] / sample_weight[train].sum()
        m = np.tensordot(weight, S[train], axes=1) / scale
        moved = V @ (phi * (Vt @ m @ V)) @ Vt
        yield centered(_gram(S - moved), train, sample_weight)


def _gram(S):
    flat = S.reshape(len(S), -1)
    return flat @ flat.T


def _exact(covariances, trains, W, logs, sample_weight):
    phi = riemann.hessian_weights(logs.values)
    d = covariances.shape[1]
    for train in trains:
        weight = sample_weight[train] / sample_weight[train].sum()
        part = logs[train]
        J = part.mean(weight)
        m = riemann.newton_direction(J, part, weight, phi=phi[train])
        W_fold = riemann.exp_symmetric(m, -0.5) @ W
        moved = riemann.log_maps(covariances, W_fold)
        J = moved[train].mean(weight)
        if np.linalg.norm(J) > _EXACT * np.sqrt(d):
            # Matrices far apart: one step is not enough, so find the mean.
            start = W_fold if np.linalg.norm(J) < np.sqrt(d) else None
            result = riemann.riemann_mean(covariances[train], weight, whitener=start)
            moved = riemann.log_maps(covariances, result.x)
        yield centered(_gram(moved.dense()), train, sample_weight)


def centered(K, train, sample_weight=None):
    """Center a Gram matrix on some of its vectors.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Gram matrix.
    train : ndarray of int
        The vectors whose mean becomes the origin.
    sample_weight : ndarray of shape (n,), optional
        Weights of the vectors in that mean.

    Returns
    -------
    K : ndarray of shape (n, n)
        Gram matrix of the vectors minus that mean.
    """
    weight = np.ones(len(K)) if sample_weight is None else sample_weight
    weight = weight[train] / weight[train].sum()
    row = weight @ K[train]
    return K - row - row[:, None] + weight @ row[train]


def siegel_fold_grams(blocks, trains, precision="exact", sample_weight=None):
    """Yield Gram matrices in the product geometry of block-Toeplitz covariances.

    Parameters
    ----------
    blocks : ndarray of shape (n_matrices, p, c, c)
        Blocks (0, k) of the covariances.
    trains : list of ndarray of int
        Training part of each fold.
    precision : {"exact", "first-order", "shared"}
        ``"exact"``: the mean of the diagonal blocks is that of each training part;
        otherwise that of all.
    sample_weight : ndarray of shape (n_matrices,), optional
        Positive weights in the means.

    Yields
    ------
    K : ndarray of shape (n_matrices, n_matrices)
        Gram matrix of all tangent vectors, centered on the training part.
    """
    n = len(blocks)
    sample_weight = np.ones(n) if sample_weight is None else sample_weight
    shared = None
    for train in trains:
        if precision == "exact":
            K = _siegel_gram(blocks, train, sample_weight)
        else:
            if shared is None:
                shared = _siegel_gram(blocks, np.arange(n), sample_weight)
            K = shared
        yield centered(K, train, sample_weight)


def _siegel_gram(blocks, part, sample_weight):
    weight = sample_weight[part] / sample_weight[part].sum()
    W = riemann.riemann_mean(blocks[part, 0], weight).x
    return _gram(block_toeplitz.tangent(blocks, W))
