"""Nonnegative low-rank factorization of the K-means relaxation, in O(n r) memory.

    max ||Y'U||_F^2   s.t.  U >= 0 (n x r),  U U' 1 = 1,  ||U||_F^2 = K,     Y = Xc / s

Augmented Lagrangian in the row sums; the set {U >= 0, ||U||^2 = K} has a closed-form
projection, so that the inner problems are solved by spectral projected gradients with
a nonmonotone line search.  The problem is not convex: what it finds is a stationary
point, not a bound, and its labels are for a certificate to judge.
"""

import numpy as np

from skgeo.utils.solver_result import SolverResult

__all__ = ["labels_of_factor", "solve_kmeans_lowrank"]

_MEMORY = 8  # objective values the nonmonotone line search looks back on
_MAX_INNER = 200


def _project(U, n_clusters):
    """Nearest nonnegative matrix of squared Frobenius norm K."""
    V = np.maximum(U, 0.0)
    size = np.linalg.norm(V)
    if size > 0:
        V *= np.sqrt(n_clusters) / size
        return V
    V[np.unravel_index(np.argmax(U), U.shape)] = np.sqrt(n_clusters)
    return V


def labels_of_factor(U, n_clusters):
    """Round a factor: its rows point near the axes of the clusters.

    Columns are grouped by the cosines of their overlap until K groups are left, then a
    point goes to the group with most of its row.
    """
    mass = U * U.sum(axis=0)  # row i: shares of point i over the columns
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
    rank : int, optional
        Columns of U; 2 K when left out.
    tol : float
        Stops when the root-mean-square error of the row sums is below it and the
        projected gradient, relative to the gradient of the objective, below 5 times it.
    max_iter : int
        Largest number of gradient steps.
    random_state : RandomState
        Draws the noise of the start.
    callback : callable, optional
        Called after each multiplier step.

    Returns
    -------
    result : SolverResult
        ``x`` is U; ``objective`` is in the units of Y; ``extra["infeasibility"]``.
    """
    n, K = len(Y), n_clusters
    r = 2 * K if rank is None else rank
    scale = np.linalg.norm(Y, 2)
    Y = Y / (scale if scale > 0 else 1.0)
    sizes = np.bincount(labels, minlength=r).astype(float)
    U = 0.1 / np.sqrt(n) * np.abs(random_state.standard_normal((n, r)))
    U[np.arange(n), labels] += 1.0 / np.sqrt(sizes[labels])
    U = _project(U, K)
    y = np.zeros(n)
    beta = 2.0 * K / n

    def evaluate(U):
        s = U.sum(axis=0)
        h = U @ s - 1.0
        YU = Y.T @ U
        price = y + beta * h
        value = -np.vdot(YU, YU) + y @ h + 0.5 * beta * (h @ h)
        gradient = -2.0 * (Y @ YU)
        gradient += np.multiply.outer(price, s)
        gradient += price @ U
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
            longest = 50.0 * np.sqrt(K) / max(np.linalg.norm(G), 1e-300)
            length = longest if step is None else min(step, longest)
            for _ in range(30):
                V = _project(U - length * G, K)
                D = V - U
                moved = np.vdot(D, D)
                new, H, h = evaluate(V)
                if new <= max(recent[-_MEMORY:]) - 1e-4 / length * moved + 1e-14:
                    break
                length *= 0.4
            curved = np.vdot(D, H - G)
            if curved > 0:
                change = H - G
                step = (
                    moved / curved if n_iter % 2 else curved / np.vdot(change, change)
                )
            else:
                step = 2 * length
            # Projected gradient, relative to the largest gradient of the objective.
            residual = 0.5 * np.sqrt(moved / K) / length
            U, G, value = V, H, new
            recent.append(value)
            if residual < max(0.3 * tol, target):
                inner_done = True
                break
            if n_iter >= max_iter:
                break
        infeasible = np.linalg.norm(h) / np.sqrt(n)
        YU = Y.T @ U
        objectives.append(scale**2 * np.vdot(YU, YU))
        y = y + beta * h
        converged = bool(infeasible < tol and residual < 5 * tol)
        stop = callback is not None and callback(
            {"n_iter": n_iter, "objective": objectives[-1], "infeasibility": infeasible}
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
        extra={"infeasibility": infeasible, "beta": beta},
    )
