"""Rigorous upper bounds on ``total - inertia`` over all K-means clusterings.

Any symmetric N >= 0 gives, with Z = 11'/n + W and 0 <= W <= I, trace W <= K - 1,

    max <XX', Z>  <=  1'(XX' + N)1 / n + sum of the K - 1 largest eigenvalues of the
                      centered XX' + N  (negative ones left out).

:func:`clipped_bound` takes N from the family of the closed-form certificate with
negative margins cut to zero and t free.  :func:`cell_bound` adds a multiplier that is
constant on pairs of cells, found by a small semidefinite program.  Neither forms an
n x n matrix: everything is reduced exactly through thin QR factors.
"""

import numpy as np

from skgeo.cluster._solvers.admm import fixed_vector_bound, sdp_admm
from skgeo.cluster._solvers.certificate import (
    MAX_REDUCED,
    pair_scale,
    rounding_margin,
    shrunk_points,
)
from skgeo.cluster._solvers.lloyd import split_cells

__all__ = [
    "affordable_cells",
    "cell_bound",
    "cell_cost",
    "clipped_bound",
    "nested_cells",
    "subsample_bound",
]


def _clipped_features(groups, t, kappa):
    """Features and pair coefficients of the clipped multiplier, or None.

    Returns ``psi`` (list of arrays, or None without the second term), ``slack`` (list
    of (n_a, K) nonnegative margins), ``coefficient`` and ``theta`` (K, K) and h.
    """
    K = groups.n_groups
    h = groups.separation - groups.harmonic(t)
    pairs = groups.others
    if not np.all(h[pairs] > 0):
        return None
    tau = groups.harmonic(t)
    slack = [np.maximum(groups.margins[a] - tau[a], 0.0) for a in range(K)]
    # The multiplier is nonnegative whatever these numbers are: no error bound needed.
    mean = np.array(
        [(groups.roots[a] ** 2) @ slack[a] / groups.sizes[a] for a in range(K)]
    )
    product = np.sqrt(mean * mean.T)
    coefficient = np.zeros((K, K))
    usable = pairs & (product > 0)
    coefficient[usable] = 0.5 / product[usable]
    psi, theta = None, np.zeros((K, K))
    if kappa is not None:
        psi = [shrunk_points(groups, a, slack[a], h[a], kappa) for a in range(K)]
        divisors = [np.where(s > 0, s, 1.0) for s in slack]
        for a in range(K):
            for b in range(a + 1, K):
                if not usable[a, b]:
                    continue
                theta[a, b] = pair_scale(
                    groups, a, b, psi, divisors, h[a, b], coefficient[a, b], 0.0
                )
    return psi, slack, coefficient, theta, h


def _columns(groups, a, psi, slack):
    """Feature matrix of group a without the ones: points, psi, slacks to the others."""
    blocks = [groups.points[a] + groups.means[a]]
    if psi is not None:
        blocks.append(psi[a])
    blocks.append(np.delete(slack[a], a, axis=1))
    return groups.roots[a][:, None] * np.hstack(blocks)


def _multiplier_block(groups, a, b, Fa, Fb, family):
    """Block N_ab in the coordinates whose feature factors are Fa and Fb."""
    psi, _, coefficient, theta, h = family
    d = groups.n_features
    first = d if psi is None else 2 * d
    ua = Fa[:, first + b - (b > a)]
    ub = Fb[:, first + a - (a > b)]
    block = coefficient[a, b] * np.outer(ua, ub)
    if psi is not None:
        gap, c = groups.gaps[a, b], 2.0 / h[a, b]
        Pa, Pb = Fa[:, d : 2 * d], Fb[:, d : 2 * d]
        block -= theta[a, b] * (Pa @ Pb.T - c * np.outer(Pa @ gap, Pb @ gap))
    return block


def _clipped_value(groups, n_clusters, t, kappa):
    """Bound of one member of the clipped family."""
    family = _clipped_features(groups, t, kappa)
    if family is None:
        return np.inf
    K, d = groups.n_groups, groups.n_features
    factors = []
    for a in range(K):
        F = _columns(groups, a, family[0], family[1])
        R = np.linalg.qr(np.hstack([groups.roots[a][:, None], F]), mode="r")
        factors.append(R)
    edges = np.concatenate([[0], np.cumsum([len(R) for R in factors])])
    Y = np.vstack([R[:, 1 : 1 + d] for R in factors])
    q = np.concatenate([R[:, 0] for R in factors]) / np.sqrt(groups.sizes.sum())
    M = Y @ Y.T
    for a in range(K):
        for b in range(a + 1, K):
            block = _multiplier_block(
                groups, a, b, factors[a][:, 1:], factors[b][:, 1:], family
            )
            M[edges[a] : edges[a + 1], edges[b] : edges[b + 1]] += block
            M[edges[b] : edges[b + 1], edges[a] : edges[a + 1]] += block.T
    margin = rounding_margin(groups, len(M), np.trace(Y @ Y.T) + np.linalg.norm(M))
    return fixed_vector_bound(M, q, n_clusters) + margin


def _reduced_size(groups, width):
    """Size of a reduced matrix whose groups have so many columns."""
    return int(np.minimum(groups.counts, width + 1).sum())


def _clipped_cost(groups, kappa):
    """Floating-point operations (about) of :func:`_clipped_value`."""
    width = groups.n_features * (1 if kappa is None else 2) + groups.n_groups
    return _reduced_size(groups, width) ** 3 + 4.0 * groups.n_points * width**2


def cell_cost(groups, n_cells):
    """Floating-point operations (about, as timed) of :func:`cell_bound`."""
    width = 2 * groups.n_features + groups.n_groups
    return 45.0 * (n_cells + _reduced_size(groups, width)) ** 3


def affordable_cells(groups, n_cells, budget):
    """Cells, at most so many, that a budget of operations allows."""
    width = 2 * groups.n_features + groups.n_groups
    allowed = (min(budget, 1e15) / 45.0) ** (1 / 3) - _reduced_size(groups, width)
    return int(min(n_cells, max(allowed, 0)))


def clipped_bound(groups, n_clusters, n_grid=12, budget=np.inf):
    """Best bound of the clipped family over a search in t and the shrinkage.

    Parameters
    ----------
    groups : Groups
        Labeled points.
    n_clusters : int
        Number of clusters of the optimum.
    n_grid : int
        Values of t in the first, coarse search.
    budget : float
        Floating-point operations (about) to spend.

    Returns
    -------
    bound : float
        Upper bound on ``total - inertia``; infinite when the family has no member.
    t, kappa : float, float or None
        Where it was found.
    """
    K, d = groups.n_groups, groups.n_features
    if K < 2 or K * (d + K) > MAX_REDUCED:
        return np.inf, np.nan, None
    highest = (groups.separation / groups.harmonic(1.0))[groups.others].min()
    if not highest > 0:
        return np.inf, np.nan, None
    kappas = (1.0, 1.5, 0.6, None) if K * (2 * d + K) <= MAX_REDUCED else (None,)
    lowest = max(groups.largest_t(), 0.02 * highest)
    # Where the second term is dear (d large) the first alone is searched.
    if _clipped_cost(groups, 1.0) * (n_grid + 7) > budget:
        kappas = (None,)
    if _clipped_cost(groups, None) * 4 > budget:
        return np.inf, np.nan, None
    affordable = min(budget / _clipped_cost(groups, kappas[0]), 1e6)
    n_grid = min(n_grid, max(4, int(affordable) - 2))
    best, spent = (np.inf, np.nan, None), 0.0
    for kappa in kappas:
        if np.isinf(best[0]):
            grid = np.linspace(min(lowest, 0.9 * highest), 0.9 * highest, n_grid)
        else:
            grid = best[1] * np.array([0.8, 0.9, 1.0, 1.1, 1.25])
        spent += len(grid) * _clipped_cost(groups, kappa)
        if spent > budget and np.isfinite(best[0]):
            break
        for t in grid:
            value = _clipped_value(groups, n_clusters, t, kappa)
            if value < best[0]:
                best = (value, t, kappa)
    if np.isfinite(best[0]):
        center = best[1]
        for factor in (1.05, 0.95):
            value = _clipped_value(groups, n_clusters, factor * center, best[2])
            if value < best[0]:
                best = (value, factor * center, best[2])
    return best


def nested_cells(groups, n_cells, random_state):
    """Split every group into small cells; labels of the points in sorted order."""
    cells, offset = [], 0
    for points in groups.points:
        n = len(points)
        wanted = max(1, min(n, round(n_cells * n / groups.n_points)))
        if wanted == n:
            found = np.arange(n)
        elif wanted == 1:
            found = np.zeros(n, dtype=int)
        else:
            found = split_cells(points, wanted, random_state)
            # Fewer distinct points than cells leave cells empty: renumber.
            found = np.unique(found, return_inverse=True)[1]
        cells.append(found + offset)
        offset += found.max() + 1
    return np.concatenate(cells)


def _cell_problem(groups, cells, family):
    """XX' and N in an orthonormal basis of cell indicators and residual factors."""
    K, d = groups.n_groups, groups.n_features
    roots = np.concatenate(groups.roots)
    masses = np.bincount(cells, weights=roots**2)
    m = len(masses)
    edges = np.concatenate([[0], np.cumsum(groups.counts)])
    coarse, fine = [], []
    for a in range(K):
        F = _columns(groups, a, family[0], family[1])
        mine, root = cells[edges[a] : edges[a + 1]], groups.roots[a][:, None]
        sums = np.zeros((m, F.shape[1]))
        np.add.at(sums, mine, root * F)
        means = sums / masses[:, None]
        R = np.linalg.qr(F - root * means[mine], mode="r")
        coarse.append(np.sqrt(masses)[:, None] * means)
        fine.append(R)
    offsets = m + np.concatenate([[0], np.cumsum([len(R) for R in fine])])
    full = []
    for a in range(K):
        U = np.zeros((offsets[-1], coarse[a].shape[1]))
        U[:m] = coarse[a]
        U[offsets[a] : offsets[a + 1]] = fine[a]
        full.append(U)
    Y = sum(U[:, :d] for U in full)
    N = np.zeros((offsets[-1], offsets[-1]))
    for a in range(K):
        for b in range(a + 1, K):
            block = _multiplier_block(groups, a, b, full[a], full[b], family)
            N += block + block.T
    q = np.concatenate([np.sqrt(masses / masses.sum()), np.zeros(offsets[-1] - m)])
    return Y @ Y.T, N, q, m


def cell_bound(
    groups,
    n_clusters,
    t,
    kappa,
    *,
    n_cells=300,
    shares=(0.7, 1.0),
    tol=1e-3,
    max_iter=150,
    random_state=None,
    tick=None,
):
    """Tighten a clipped bound by a semidefinite program over cells of points.

    Parameters
    ----------
    groups : Groups
        Labeled points.
    n_clusters : int
        Number of clusters of the optimum.
    t, kappa : float, float or None
        Member of the clipped family, as :func:`clipped_bound` returns it.
    n_cells : int
        About how many cells.
    shares : tuple of float
        Shares of the clipped multiplier to try.
    tol, max_iter : float, int
        Passed to the solver; the bound is valid however early it stops.
    random_state : RandomState
        Draws the cells.
    tick : callable, optional
        Called with a dictionary at each check of the program; true stops it.

    Returns
    -------
    bound : float
        Upper bound on ``total - inertia``.
    """
    family = _clipped_features(groups, t, kappa) if np.isfinite(t) else None
    if family is None:
        K = groups.n_groups
        nothing = [np.zeros((count, K)) for count in groups.counts]
        family = (None, nothing, np.zeros((K, K)), np.zeros((K, K)), np.ones((K, K)))
        shares = (0.0,)
    cells = nested_cells(groups, n_cells, random_state)
    B, N, q, m = _cell_problem(groups, cells, family)
    if len(q) > MAX_REDUCED or n_clusters >= len(q):
        return np.inf
    best = np.inf
    margin = rounding_margin(groups, len(q), np.trace(B) + np.linalg.norm(N))

    def watch(progress):
        state = {"n_iter": progress.n_iter, "objective": float(progress.objective)}
        return tick is not None and tick(state)

    def upper_bound(M, y, q):
        return fixed_vector_bound(M[0], q, n_clusters)

    for share in shares:
        result = sdp_admm(
            (B + share * N)[None],
            [n_clusters],
            upper_bound=upper_bound,
            q=q,
            n_signed=m,
            tol=tol,
            max_iter=max_iter,
            callback=watch,
        )
        best = min(best, result.upper_bound + margin)
    return best


def subsample_bound(
    X, n_clusters, lower_bound, *, size, n_subsamples, confidence, random_state
):
    """Lower bound on the inertia of the full data that holds with a confidence.

    The optimum restricted to a uniform subset costs at least the optimum of the subset,
    so n/m times a lower bound Y of the latter is at most the inertia on average.
    Markov's inequality for the product of independent Y_l gives the bound: their
    geometric mean times ``(1 - confidence)^(1/L)``.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    n_clusters : int
        K.
    lower_bound : callable
        Rigorous lower bound on the inertia of a subset, ``lower_bound(X_subset)``.
    size, n_subsamples : int
        Points per subset, number of subsets.
    confidence : float
        Probability with which the bound holds.
    random_state : RandomState
        Draws the subsets.
    """
    n = len(X)
    logs = []
    for _ in range(n_subsamples):
        rows = random_state.choice(n, size, replace=False)
        value = lower_bound(X[rows])
        if not value > 0:
            return 0.0
        logs.append(np.log(value * (n / size)))
    return float(np.exp(np.mean(logs) + np.log1p(-confidence) / n_subsamples))
