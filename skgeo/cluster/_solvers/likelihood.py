"""Likelihood-adjusted SDP: Gaussian clusters with known, unequal covariances.

The profile log-likelihood of hard labels, with the means maximized out and up to
``-(n d / 2) log 2 pi``, is linear in the group membership matrices Z_k::

    max  sum_k <A_k, Z_k>,   A_k = -(1/2) log det(S_k) 11' - (1/4) D_k
    s.t. Z_k psd, Z_k >= 0, (sum_k Z_k) 1 = 1, trace Z_k = 1

with D_k the squared Mahalanobis distances between the points in the metric of S_k.
"""

import numpy as np
from scipy import linalg
from scipy.optimize import linear_sum_assignment

from skgeo.cluster._solvers.admm import block_bound, sdp_admm
from skgeo.cluster._solvers.lloyd import group_rows

__all__ = ["label_by_program", "profile_blocks", "solve_la_sdp"]


def profile_blocks(X, covariances):
    """Objective matrices A_k of shape (K, n, n)."""
    n, K = len(X), len(covariances)
    blocks = np.empty((K, n, n))
    for k, S in enumerate(covariances):
        L = linalg.cholesky(S, lower=True)
        Y = linalg.solve_triangular(L, X.T, lower=True).T
        Y = Y - Y.mean(axis=0)
        squared = np.einsum("ij,ij->i", Y, Y)
        D = squared[:, None] + squared[None] - 2 * (Y @ Y.T)
        np.maximum(D, 0.0, out=D)
        np.fill_diagonal(D, 0.0)
        blocks[k] = -0.25 * (0.5 * (D + D.T)) - np.log(np.diag(L)).sum()
    return blocks


def solve_la_sdp(X, covariances, *, tol=1e-4, max_iter=2000, state=None, callback=None):
    """Solve the likelihood-adjusted SDP for given covariances.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    covariances : ndarray of shape (K, d, d)
        Positive-definite covariances.
    tol, max_iter, state, callback
        Passed to :func:`skgeo.cluster._solvers.admm.sdp_admm`.

    Returns
    -------
    result : AdmmResult
        ``x`` has shape (K, n, n); ``upper_bound`` bounds the profile
        log-likelihood of every labeling, without its ``-(n d / 2) log 2 pi``.
    """
    traces = np.ones(len(covariances))
    return sdp_admm(
        profile_blocks(X, covariances),
        traces,
        upper_bound=lambda M, y, q: block_bound(M, y, q, traces),
        tol=tol,
        max_iter=max_iter,
        check_every=20,
        lazy_bound=True,
        state=state,
        callback=callback,
    )


def _match_groups(Z, labels, n_clusters):
    """Rename labels so that group k is where block k has most of its membership."""
    degree = Z.sum(axis=2)  # (K, n)
    overlap = np.zeros((n_clusters, n_clusters))
    for k in range(n_clusters):
        overlap[:, k] = degree[:, labels == k].sum(axis=1)
    blocks, found = linear_sum_assignment(-overlap)
    rename = np.empty(n_clusters, dtype=np.intp)
    rename[found] = blocks
    return rename[labels]


def label_by_program(X, covariances, *, random_state, **options):
    """Solve the program and round its memberships to labels.

    Group k is the one of covariance k. With equal covariances the blocks are alike:
    their sum tells the groups apart.

    Returns
    -------
    labels : ndarray of shape (n,)
        Labels; a group may be empty.
    result : AdmmResult
        Of :func:`solve_la_sdp`, which takes ``options``.
    """
    result = solve_la_sdp(X, covariances, **options)
    K = len(covariances)
    vectors = np.linalg.eigh(result.x.sum(axis=0))[1][:, -K:]
    labels = group_rows(vectors, K, random_state, n_init=10)
    return _match_groups(result.x, labels, K), result
