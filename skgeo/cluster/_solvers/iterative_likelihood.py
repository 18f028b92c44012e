"""Iterative likelihood-adjusted SDP: memberships and covariances in turn.

For fixed covariances the memberships solve the SDP of
:mod:`skgeo.cluster._solvers.likelihood`; for fixed memberships Z_k the best
covariance is

    S_k = X' (diag(Z_k 1) - Z_k) X / (1' Z_k 1),

without a centroid.  The likelihood is unbounded where a group spans too few
dimensions, so S_k is shrunk towards the pooled covariance and a ridge is added.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from skgeo.cluster._solvers.likelihood import laplacian_covariance, solve_la_sdp
from skgeo.cluster._solvers.lloyd import group_rows
from skgeo.utils.solver_result import SolverResult

__all__ = ["group_covariances", "match_groups", "solve_ila_sdp"]


def _regularized(scatters, sizes, strength, reg_covar, dimension, floor):
    """Shrink scatter matrices to the pooled covariance, add the ridge."""
    pooled = scatters.sum(axis=0) / sizes.sum()
    ridge = reg_covar * max(np.trace(pooled) / dimension, floor)
    weight = np.maximum(sizes + strength, 1e-300)[:, None, None]
    covariances = (scatters + strength * pooled) / weight
    covariances[:, range(len(pooled)), range(len(pooled))] += ridge
    return covariances, ridge


def group_covariances(X, labels, n_clusters, *, strength, reg_covar, dimension, floor):
    """Regularized covariances of labeled groups.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    labels : ndarray of shape (n,)
        Labels 0..K-1.
    n_clusters : int
        K.
    strength : float
        Points that the pooled covariance counts for in each group.
    reg_covar : float
        Ridge, as a share of the mean pooled variance.
    dimension : int
        Dimension of the space, where X holds coordinates in a subspace.
    floor : float
        Smallest mean variance that the ridge is a share of.

    Returns
    -------
    covariances : ndarray of shape (K, d, d)
        Positive definite if the ridge is positive.
    ridge : float
        What was added to the diagonal.
    """
    d = X.shape[1]
    scatters, sizes = np.zeros((n_clusters, d, d)), np.zeros(n_clusters)
    for k in range(n_clusters):
        mine = X[labels == k]
        sizes[k] = len(mine)
        if len(mine):
            mine = mine - mine.mean(axis=0)
            scatters[k] = mine.T @ mine
    return _regularized(scatters, sizes, strength, reg_covar, dimension, floor)


def match_groups(Z, labels, n_clusters):
    """Rename labels so that group k is where block k has most of its membership."""
    degree = Z.sum(axis=2)  # (K, n)
    overlap = np.zeros((n_clusters, n_clusters))
    for k in range(n_clusters):
        overlap[:, k] = degree[:, labels == k].sum(axis=1)
    blocks, found = linear_sum_assignment(-overlap)
    rename = np.empty(n_clusters, dtype=np.intp)
    rename[found] = blocks
    return rename[labels]


def solve_ila_sdp(
    X,
    n_clusters,
    labels,
    *,
    covariances=None,
    strength=1.0,
    reg_covar=1e-3,
    dimension=None,
    floor=0.0,
    tol=1e-4,
    max_iter=10,
    sdp_tol=1e-3,
    sdp_max_iter=2000,
    random_state=None,
    callback=None,
):
    """Maximize the profile likelihood over memberships and covariances in turn.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    n_clusters : int
        K, less than n.
    labels : ndarray of shape (n,) or None
        Labels to start from; None only with ``covariances``.
    covariances : ndarray of shape (K, d, d), optional
        Known covariances: one SDP is solved and nothing is updated.
    strength, reg_covar, dimension, floor
        Regularization, as in :func:`group_covariances`.
    tol : float
        Stops when the objective rises by less than this share, or when the labels stand
        still.
    max_iter : int
        Largest number of SDPs.
    sdp_tol, sdp_max_iter : float, int
        Passed to the SDP solver.
    random_state : RandomState
        Draws the starts of the rounding.
    callback : callable, optional
        Called after every SDP.

    Returns
    -------
    result : SolverResult
        ``x`` is ``(labels, covariances)``, ``objective`` one value per SDP (without
        ``-(n d / 2) log 2 pi``); ``extra`` holds ``upper_bound`` at the covariances
        of the last SDP (``sdp_covariances``), ``Z``, ``n_sweeps``.
    """
    dimension = X.shape[1] if dimension is None else dimension
    options = {
        "strength": strength,
        "reg_covar": reg_covar,
        "dimension": dimension,
        "floor": floor,
    }
    known = covariances is not None
    if not known:
        covariances, _ = group_covariances(X, labels, n_clusters, **options)
    state, objectives, n_sweeps, converged = None, [], 0, False
    inner_converged = True
    for n_iter in range(1, max_iter + 1):
        inner = solve_la_sdp(
            X, covariances, tol=sdp_tol, max_iter=sdp_max_iter, state=state
        )
        state, Z = inner.state, inner.x
        n_sweeps += inner.n_iter
        inner_converged = inner.converged
        objectives.append(inner.objective[-1])
        # With equal covariances the blocks are alike: their sum tells groups apart.
        vectors = np.linalg.eigh(Z.sum(axis=0))[1][:, -n_clusters:]
        found = group_rows(vectors, n_clusters, random_state, n_init=10)
        found = match_groups(Z, found, n_clusters)
        still = labels is not None and np.array_equal(found, labels)
        labels = found
        stop = callback is not None and callback(
            {"n_iter": n_iter, "objective": objectives[-1], "labels": labels}
        )
        last = covariances
        if known:
            converged = inner.converged
            break
        positive = np.maximum(Z, 0.0)
        scatters, sizes = zip(
            *(laplacian_covariance(X, z) for z in positive), strict=True
        )
        covariances, _ = _regularized(
            np.array(scatters), np.array(sizes), strength, reg_covar, dimension, floor
        )
        small = len(objectives) > 1 and objectives[-1] - objectives[-2] < tol * (
            1e-300 + abs(objectives[-1])
        )
        if still or small:
            converged = inner_converged
            break
        if stop:
            break
    return SolverResult(
        x=(labels, covariances),
        objective=np.array(objectives),
        stop=inner.stop,
        n_iter=n_iter,
        converged=converged,
        extra={
            "upper_bound": inner.upper_bound,
            "sdp_covariances": last,
            "Z": Z,
            "n_sweeps": n_sweeps,
        },
    )
