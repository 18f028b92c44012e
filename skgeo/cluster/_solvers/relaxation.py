"""Dense solver of the Peng-Wei relaxation of K-means, with labels and their proof.

    max <A, Z>   s.t.  Z psd, Z >= 0, Z 1 = 1, trace Z = K,      A = Xc Xc'

Its value is at least ``trace A - inertia`` of every clustering.  Everything here is
written in terms of A, so that squared dissimilarities serve as well as points.
"""

from functools import partial

import numpy as np

from skgeo.cluster._solvers.admm import fixed_vector_bound, sdp_admm
from skgeo.cluster._solvers.spectral import largest_eigenvalues
from skgeo.utils.solver_result import SolverResult

__all__ = [
    "double_centered",
    "finish_labels",
    "gram_inertia",
    "gram_lloyd",
    "multiplier_certificate",
    "solve_kmeans_sdp",
]

_EPS = np.finfo(float).eps
_bound = partial(fixed_vector_bound, fixed_trace=True)


def double_centered(M):
    """``P M P`` with P the projector on the complement of the constant vector."""
    rows = M.mean(axis=1)
    centered = M - rows[:, None] - M.mean(axis=0)[None] + rows.mean()
    return 0.5 * (centered + centered.T)


def _distances(A, labels, n_clusters):
    """Squared distances to the means, means' Gram matrix and sizes, from A."""
    sizes = np.bincount(labels, minlength=n_clusters)
    H = np.zeros((len(A), n_clusters))
    H[np.arange(len(A)), labels] = 1.0
    H /= np.maximum(sizes, 1)
    G = A @ H
    gram = H.T @ G
    squared = np.diag(A)[:, None] - 2 * G + np.diag(gram)[None]
    squared[:, sizes == 0] = np.inf
    return squared, gram, sizes


def gram_inertia(A, labels, n_clusters):
    """Inertia of a labeling of points with Gram matrix A."""
    squared, _, _ = _distances(A, labels, n_clusters)
    return float(squared[np.arange(len(A)), labels].sum())


def gram_lloyd(A, labels, n_clusters, max_iter=100):
    """Lloyd iterations in terms of A; returns the best labels met and their inertia."""
    rows = np.arange(len(A))
    best = (np.inf, labels)
    for _ in range(max_iter):
        squared, _, _ = _distances(A, labels, n_clusters)
        inertia = float(squared[rows, labels].sum())
        if not inertia < best[0]:
            break
        best = (inertia, labels)
        labels = np.argmin(squared, axis=1)
    return best[1], best[0]


def _fit_sums(N, rows, columns, max_iter=500):
    """Scale a positive matrix to given row and column sums; the error that is left."""
    u, v = np.ones(len(rows)), np.ones(len(columns))
    for _ in range(max_iter):
        u = rows / (N @ v)
        v = columns / (u @ N)
        error = np.abs(u * (N @ v) - rows)
        if error.max() <= 1e-13 * rows.max():
            break
    scaled = u[:, None] * N * v[None]
    return scaled, np.abs(scaled.sum(1) - rows), np.abs(scaled.sum(0) - columns)


def multiplier_certificate(A, labels, n_clusters, N):
    """Prove labels optimal with a multiplier N of the sign constraint.

    N of a solver is nearly optimal; complementary slackness says what an optimal one
    looks like for these labels (zero inside groups, known row sums), so N is scaled to
    that and the one remaining condition, an eigenvalue below t, is checked.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Double-centered Gram matrix.
    labels : ndarray of shape (n,)
        Labels 0..K-1, each present.
    n_clusters : int
        K.
    N : ndarray of shape (n, n)
        Approximate multiplier, nonnegative, in units of A.

    Returns
    -------
    verdict : {"certified", "not_tight", "open"}
        "not_tight": no multiplier exists at all, the relaxation cannot prove them.
    """
    n, K = len(A), n_clusters
    squared, gram, sizes = _distances(A, labels, K)
    if (sizes == 0).any():
        return "open"
    rows = [np.flatnonzero(labels == a) for a in range(K)]
    margins = squared - squared[np.arange(n), labels][:, None]
    separation = np.diag(gram)[:, None] + np.diag(gram)[None] - 2 * gram
    unit = 1.0 / sizes[:, None] + 1.0 / sizes[None]
    rounding = 20 * n * _EPS * np.linalg.norm(A)
    t_max = min(
        margins[rows[a], b].min() / unit[a, b]
        for a in range(K)
        for b in range(K)
        if a != b
    )
    floor = max(
        largest_eigenvalues(double_centered(A[np.ix_(r, r)]), 1)[0] for r in rows
    )
    if t_max < floor - 2 * rounding:
        return "not_tight"
    if t_max <= floor + rounding:
        return "open"
    weights, guesses = [], []
    for a in range(K):
        for b in range(a + 1, K):
            mass = N[np.ix_(rows[a], rows[b])].mean()
            guesses.append((separation[a, b] - 2 * mass) / unit[a, b])
            weights.append(unit[a, b])
    guess = np.average(guesses, weights=weights)
    width = t_max - floor
    t = float(np.clip(guess, floor + 0.05 * width, t_max - 0.05 * width))
    full = A.copy()
    slip = 0.0
    for a in range(K):
        for b in range(a + 1, K):
            ra, rb = rows[a], rows[b]
            tau = t * unit[a, b]
            row_sums = 0.5 * sizes[b] * (margins[ra, b] - tau)
            column_sums = 0.5 * sizes[a] * (margins[rb, a] - tau)
            plain = np.outer(row_sums, column_sums / column_sums.sum())
            block = N[np.ix_(ra, rb)]
            start = block * (plain.sum() / max(block.sum(), 1e-300)) + 1e-2 * plain
            block, row_error, column_error = _fit_sums(start, row_sums, column_sums)
            # Spreading what is left evenly makes the sums exact: it must keep signs.
            change = row_error.max() / sizes[b] + column_error.max() / sizes[a]
            if not block.min() > 2 * change:
                return "open"
            slip += 2 * change * np.sqrt(sizes[a] * sizes[b])
            full[np.ix_(ra, rb)] += block
            full[np.ix_(rb, ra)] += block.T
    for r in rows:
        full[r] -= full[r].mean(axis=0)
    for r in rows:
        full[:, r] -= full[:, r].mean(axis=1)[:, None]
    top = largest_eigenvalues(0.5 * (full + full.T), 1)[0]
    return "certified" if top + slip + rounding < t else "open"


def finish_labels(A, n_clusters, Z, N, group_rows, random_state):
    """Labels, verdict and lower bound from a primal and a dual solution.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Double-centered Gram matrix.
    n_clusters : int
        K.
    Z, N : ndarray of shape (n, n)
        Approximate membership matrix and multiplier of its signs, N >= 0.
    group_rows : callable
        Groups eigenvectors' rows; see :func:`solve_kmeans_sdp`.
    random_state : RandomState
        Draws the starts of the rounding.

    Returns
    -------
    extra : dict
        ``labels``, ``inertia``, ``verdict``, ``lower_bound``, ``upper_bound``.
    """
    n = len(A)
    q = np.full(n, n**-0.5)
    total = np.trace(A)
    vectors = np.linalg.eigh(0.5 * (Z + Z.T))[1][:, -n_clusters:]
    labels = group_rows(vectors, n_clusters, random_state, n_init=10)
    labels, inertia = gram_lloyd(A, labels, n_clusters)
    # Whether a modeling layer counts off-diagonal entries once or twice, one of the
    # two multiples is the multiplier; both are valid.
    upper = _bound(A, q, n_clusters)
    for factor in (1.0, 2.0):
        upper = min(upper, _bound(A + factor * N, q, n_clusters))
    verdict = multiplier_certificate(A, labels, n_clusters, N)
    margin = 20 * n * _EPS * (np.linalg.norm(A) + total)
    lower = max(0.0, total - upper - margin)
    if verdict == "certified":
        lower = max(lower, inertia - margin)
    return {
        "labels": labels,
        "inertia": inertia,
        "verdict": verdict,
        "lower_bound": lower,
        "upper_bound": upper,
    }


def solve_kmeans_sdp(
    A,
    n_clusters,
    *,
    group_rows,
    labels=None,
    tol=1e-4,
    max_iter=2000,
    early_stop=True,
    random_state=None,
    callback=None,
):
    """Solve the relaxation, round it and try to prove the labels.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Double-centered Gram matrix, symmetric; 1 < K < n.
    n_clusters : int
        K.
    group_rows : callable
        ``group_rows(rows, n_groups, random_state, n_init=5)`` labels the rows of the
        leading eigenvectors: K-means or the like.
    labels : ndarray of shape (n,), optional
        Labels to start from; they are kept if nothing better is met.
    tol, max_iter : float, int
        Passed to :func:`sdp_admm`.
    early_stop : bool
        Stop as soon as the labels are certified.
    random_state : RandomState
        Draws the starts of the rounding.
    callback : callable, optional
        Called at every check of the solver with its state and ``inertia``.

    Returns
    -------
    result : SolverResult
        ``x`` is the membership matrix Z; ``extra`` has ``labels``, ``inertia``,
        ``verdict``, ``lower_bound`` (of the inertia of every clustering) and what
        :func:`sdp_admm` returns.
    """
    n = len(A)
    total = np.trace(A)
    # Without N the bound is that of PCA, the best one when points coincide.
    q = np.full(n, n**-0.5)
    plain = _bound(A, q, n_clusters)
    margin = 20 * n * _EPS * (np.linalg.norm(A) + total)
    best = {"inertia": np.inf, "labels": None, "verdict": "open", "tried": np.inf}

    def offer(candidate):
        candidate, inertia = gram_lloyd(A, candidate, n_clusters)
        if inertia < best["inertia"]:
            best.update(inertia=inertia, labels=candidate, verdict="open", tried=np.inf)

    def prove(N, bound):
        gap = (best["inertia"] - (total - bound)) / total
        if best["verdict"] == "open" and gap < 0.02 and gap < 0.7 * best["tried"]:
            best["tried"] = gap
            best["verdict"] = multiplier_certificate(A, best["labels"], n_clusters, N)

    def check(state):
        k = state["n_iter"]
        if k in (40, 80, 160, 320) or k % 640 == 0:
            vectors = state["parts"][0].leading(n_clusters)
            offer(group_rows(vectors, n_clusters, random_state))
        if early_stop and best["labels"] is not None:
            prove(state["N"][0] * state["scale"], min(state["upper_bound"], plain))
        stop = callback is not None and callback({**state, "inertia": best["inertia"]})
        return stop or (early_stop and best["verdict"] == "certified")

    if labels is not None:
        offer(labels)
    result = sdp_admm(
        A[None].copy(),
        [n_clusters],
        upper_bound=lambda M, y, q: _bound(M[0], q, n_clusters),
        tol=tol,
        max_iter=max_iter,
        check_every=10 if n < 300 else 20,
        callback=check,
    )
    upper = min(result.extra["upper_bound"], plain)
    if best["verdict"] != "certified":
        vectors = result.extra["parts"][0].leading(n_clusters)
        offer(group_rows(vectors, n_clusters, random_state, n_init=10))
        best["tried"] = np.inf
        prove(result.extra["N"][0], upper)
    certified = best["verdict"] == "certified"
    lower = max(0.0, total - upper - margin)
    if certified:
        lower = max(lower, best["inertia"] - margin)
    return SolverResult(
        x=result.x[0],
        objective=result.objective,
        stop=result.stop,
        n_iter=result.n_iter,
        converged=result.converged or certified,
        extra=result.extra
        | {
            "labels": best["labels"],
            "inertia": best["inertia"],
            "verdict": best["verdict"],
            "lower_bound": lower,
            "upper_bound": upper,
        },
    )
