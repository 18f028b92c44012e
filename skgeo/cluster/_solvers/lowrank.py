"""Nonnegative low-rank factorization of the K-means relaxation, in O(n r) memory.

    max ||Y'U||_F^2   s.t.  U >= 0 (n x r),  U U' 1 = 1,  ||U||_F^2 = K,     Y = Xc / s

With weights w the rows of Y and U are multiplied by their roots, and 1 becomes sqrt(w).
Augmented Lagrangian in the row sums; the set {U >= 0, ||U||^2 = K} has a closed-form
projection, so that the inner problems are solved by spectral projected gradients with
a nonmonotone line search.  The problem is not convex: what it finds is a stationary
point, not a bound, and its labels are for a certificate to judge.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.utils.solver_result import SolverResult

__all__ = [
    "FactorProgress",
    "labels_of_factor",
    "lowrank_seconds",
    "solve_kmeans_lowrank",
]

_MEMORY = 8  # objective values the nonmonotone line search looks back on
_MAX_INNER = 200  # gradient steps before the multiplier moves
_MAX_BACKTRACKS = 30  # 0.4 ** 30: below roundoff of any sensible step
_SUFFICIENT = 1e-4  # usual share of the predicted decrease (Armijo)


@dataclass(frozen=True, slots=True)
class FactorProgress:
    """What a callback sees after a multiplier step.

    Attributes
    ----------
    n_iter : int
        Gradient steps done.
    objective, infeasibility : float
        Value, and root-mean-square error of the row sums.
    """

    n_iter: int
    objective: float
    infeasibility: float


def lowrank_seconds(n, d, rank, tol, max_iter):
    """About how long the factorization takes at most, as timed on 100 to 10,000 points.

    Real and simulated sets took 200 steps to a tolerance of 0.01, 700 to 3,800 to 1e-4.
    """
    steps = min(1000.0 * np.log10(10.0 / max(tol, 1e-15)), max_iter)
    return steps * (2e-5 + 1e-9 * n * rank * (6.0 + 0.08 * d))


def _project(U, n_clusters):
    """Nearest nonnegative matrix of squared Frobenius norm K."""
    V = np.maximum(U, 0.0)
    size = np.linalg.norm(V)
    if size > 0:
        V *= np.sqrt(n_clusters) / size
        return V
    V[np.unravel_index(np.argmax(U), U.shape)] = np.sqrt(n_clusters)
    return V


def labels_of_factor(U, n_clusters, root=1.0):
    """Round a factor: its rows point near the axes of the clusters.

    Columns are grouped by the cosines of their overlap until K groups are left, then a
    point goes to the group with most of its row.
    """
    # Row i: shares of point i over the columns.
    mass = U * (np.broadcast_to(root, len(U)) @ U)
    groups = [[j] for j in np.flatnonzero(mass.sum(axis=0) > 0)]
    columns = [mass[:, g[0]] for g in groups]
    while len(groups) > n_clusters:
        M = np.array(columns)
        norm = np.sqrt(np.einsum("ij,ij->i", M, M))
        cosine = (M @ M.T) / np.outer(norm, norm)
        np.fill_diagonal(cosine, -1.0)
        if cosine.max() > 1e-3:
            a, b = np.unravel_index(np.argmax(cosine), cosine.shape)
        else:  # nothing overlaps: the smallest column is the least of a cluster
            a = int(np.argmin(M.sum(axis=1)))
            b = int(np.argmax(cosine[a]))
        groups[a] += groups[b]
        columns[a] = columns[a] + columns[b]
        del groups[b], columns[b]
    return np.argmax(np.array(columns), axis=0)


def solve_kmeans_lowrank(
    Y,
    n_clusters,
    labels,
    *,
    weight=None,
    rank=None,
    tol=1e-4,
    max_iter=2000,
    random_state,
    callback=None,
):
    """Find a stationary point of the factorized relaxation.

    Parameters
    ----------
    Y : ndarray of shape (n, d)
        Centered points.
    n_clusters : int
        K.
    labels : ndarray of shape (n,)
        Labels whose membership matrix, with noise, is the start.
    weight : ndarray of shape (n,), optional
        Positive weights; Y is centered with them.
    rank : int, optional
        Columns of U; 2 K when left out.
    tol : float
        Stops when the root-mean-square error of the row sums is below it and the
        projected gradient, relative to the gradient of the objective, below 5 times it.
    max_iter : int
        Maximum number of gradient steps.
    random_state : RandomState
        Draws the noise of the start.
    callback : callable, optional
        Called after each multiplier step with a :class:`FactorProgress`.

    Returns
    -------
    result : SolverResult
        ``x`` is U; ``objective`` is in the units of Y.
    """
    n, K = len(Y), n_clusters
    r = 2 * K if rank is None else rank
    root = np.ones(n) if weight is None else np.sqrt(weight)
    length = np.linalg.norm(root)
    root = root * (np.sqrt(n) / length)
    Y = root[:, None] * Y
    scale = np.linalg.norm(Y, 2)
    Y = Y / (scale if scale > 0 else 1.0)
    sizes = np.bincount(labels, weights=root**2, minlength=r)
    U = 0.1 / np.sqrt(n) * np.abs(random_state.standard_normal((n, r)))
    U[np.arange(n), labels] += root / np.sqrt(sizes[labels])
    U = _project(U, K)
    y = np.zeros(n)
    beta = 2.0 * K / n

    def evaluate(U):
        s = root @ U
        h = U @ s - root
        YU = Y.T @ U
        price = y + beta * h
        value = -np.vdot(YU, YU) + y @ h + 0.5 * beta * (h @ h)
        gradient = -2.0 * (Y @ YU)
        gradient += np.multiply.outer(price, s)
        gradient += np.multiply.outer(root, price @ U)
        return value, gradient, h

    n_iter, previous, infeasible, converged = 0, np.inf, np.inf, False
    residual, step, objectives = np.inf, None, []
    while n_iter < max_iter:
        value, G, h = evaluate(U)
        recent = [value]
        target = 0.1 * np.linalg.norm(h) / np.sqrt(n)
        inner_done = False
        for _ in range(_MAX_INNER):
            n_iter += 1
            longest = 50.0 * np.sqrt(K) / max(np.linalg.norm(G), np.finfo(float).tiny)
            trial = longest if step is None else min(step, longest)
            for _ in range(_MAX_BACKTRACKS):
                V = _project(U - trial * G, K)
                D = V - U
                moved = np.vdot(D, D)
                new, H, h = evaluate(V)
                if new <= max(recent[-_MEMORY:]) - _SUFFICIENT / trial * moved + 1e-14:
                    break
                trial *= 0.4
            curved = np.vdot(D, H - G)
            if curved > 0:
                change = H - G
                step = (
                    moved / curved if n_iter % 2 else curved / np.vdot(change, change)
                )
            else:
                step = 2 * trial
            # Projected gradient, relative to the largest gradient of the objective.
            residual = 0.5 * np.sqrt(moved / K) / trial
            U, G, value = V, H, new
            recent.append(value)
            if residual < max(0.3 * tol, target):
                inner_done = True
                break
            if n_iter >= max_iter:
                break
        infeasible = np.linalg.norm(h) / np.sqrt(n)
        YU = Y.T @ U
        objectives.append((scale * length) ** 2 / n * np.vdot(YU, YU))
        y = y + beta * h
        converged = bool(infeasible < tol and residual < 5 * tol)
        stop = callback is not None and callback(
            FactorProgress(n_iter, objectives[-1], infeasible)
        )
        if converged or stop:
            break
        if inner_done and infeasible > 0.5 * previous:
            beta *= 1.5
        previous = infeasible
    return SolverResult(
        x=U,
        objective=np.array(objectives),
        stop=max(infeasible, residual),
        n_iter=n_iter,
        converged=converged,
    )
