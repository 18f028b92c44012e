"""Likelihood-adjusted SDP: Gaussian clusters with known, unequal covariances.

The profile log-likelihood of hard labels, with the means maximized out and up to
``-(n d / 2) log 2 pi``, is linear in the group membership matrices Z_k::

    max  sum_k <A_k, Z_k>,   A_k = -(1/2) log det(S_k) 11' - (1/4) D_k
    s.t. Z_k psd, Z_k >= 0, (sum_k Z_k) 1 = 1, trace Z_k = 1

with D_k the squared Mahalanobis distances between the points in the metric of S_k.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from skgeo.cluster._solvers.admm import block_bound, sdp_admm
from skgeo.cluster._solvers.lloyd import group_rows
from skgeo.cluster._solvers.mixture_em import gaussian_log_density
from skgeo.cluster._solvers.sketch import balanced_sample

__all__ = ["ProgramLabels", "label_by_program", "profile_blocks", "solve_la_sdp"]


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


@dataclass(frozen=True, slots=True)
class ProgramLabels:
    """Labels by a program, their Gaussians, and the bound of the program.

    ``n_points`` of the points were in the program; ``objective`` and ``upper_bound``
    are log-likelihoods of those.
    """

    labels: np.ndarray
    means: np.ndarray
    weights: np.ndarray
    objective: np.ndarray
    upper_bound: float
    n_points: int
    n_iter: int
    converged: bool


def label_by_program(X, covariances, *, max_dense, random_state, **options):
    """Solve the program and round its memberships to labels.

    Group k is the one of covariance k. With equal covariances the blocks are alike:
    their sum tells the groups apart. A balanced sample stands for more than
    ``max_dense`` points.

    Returns
    -------
    found : ProgramLabels
        Labels, a group of which may be empty, and what :func:`solve_la_sdp`, which
        takes ``options``, reports.
    """
    n, K = len(X), len(covariances)
    rows, result = np.arange(n), None
    labels = np.arange(n) if n == K else np.zeros(n, dtype=np.intp)
    if 1 < K < n:
        if n > max_dense:
            groups = KMeans(K, n_init=5, random_state=random_state).fit_predict(X)
            rows = balanced_sample(groups, max_dense, random_state)
        result = solve_la_sdp(X[rows], covariances, **options)
        vectors = np.linalg.eigh(result.x.sum(axis=0))[1][:, -K:]
        mine = group_rows(vectors, K, random_state, n_init=10)
        labels[rows] = mine = _match_groups(result.x, mine, K)
        if len(rows) < n:
            labels = _spread_labels(X, rows, mine, covariances)
    sizes = np.bincount(labels, minlength=K)
    groups = [X[labels == k] if sizes[k] else X for k in range(K)]
    means = np.array([group.mean(axis=0) for group in groups])
    weights = np.maximum(sizes, 1) / np.maximum(sizes, 1).sum()
    constant = 0.5 * len(rows) * X.shape[1] * np.log(2 * np.pi)
    if result is None:
        density = gaussian_log_density(X, means, covariances)
        value = density[np.arange(n), labels].sum()
        objective, upper, n_iter, converged = np.array([value]), value, 0, True
    else:
        objective = result.objective - constant
        upper, n_iter = result.upper_bound - constant, result.n_iter
        converged = bool(result.converged)
    return ProgramLabels(
        labels, means, weights, objective, upper, len(rows), n_iter, converged
    )


def _spread_labels(Z, rows, found, covariances):
    """Label all points by the Gaussians of a labeled sample, moving the means."""
    K = len(covariances)
    mine, labels = Z[rows], found
    means = Z[rows[:K]].copy()
    for _ in range(20):
        for k in range(K):
            if (labels == k).any():
                means[k] = mine[labels == k].mean(axis=0)
        again = np.argmax(gaussian_log_density(Z, means, covariances), axis=1)
        if np.array_equal(again, labels):
            break
        mine, labels = Z, again
    return labels
