"""The linear program of column generation, by an interior-point method.

    min c'z   s.t.   every row is in clusters of total use >= 1,  sum z <= K,  z >= 0

over the clusters known so far. Its dual has a price for every row and one, the fee, for
every cluster. The program is very degenerate: its dual optima fill a large set, and a
vertex of it makes column generation oscillate. Central points of that set, where an
interior-point method ends, do not; so the steps are kept well inside, and the tolerance
is no finer than the caller asks for. More than K clusters are allowed at a price far
above the fee: without that nothing may be strictly feasible, and the fee has no limit.

From the second program on the solution of the one before is the start: kept so far from
the boundary as the gap that its prices left, it needs a third of the steps.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csc_array

from skgeo.kernels import kmeans_pricing

__all__ = ["SURCHARGE", "CoveringSolution", "solve_covering"]

_MAX_ITER = 80
_CENTERING = 0.1  # least share of the complementarity that a step keeps
_STEP = 0.95
_FEASIBLE = 1e-7
SURCHARGE = 100.0  # fee of a cluster beyond K, in terms of the fee at the start
_RIDGES = (1e-12, 1e-9, 1e-6)
_DEPTH = 0.1  # least reduced cost at the start, in terms of the fee


@dataclass(frozen=True, slots=True)
class CoveringSolution:
    """Prices (m,), fee, use (N,) and reduced cost (N,) of the clusters, value."""

    price: np.ndarray
    fee: float
    use: np.ndarray
    reduced: np.ndarray
    value: float


@dataclass(frozen=True, slots=True)
class _Point:
    """Use z, surplus u, prices and fee y, reduced costs s; or a step of them."""

    z: np.ndarray
    u: np.ndarray
    y: np.ndarray
    s: np.ndarray

    def gap(self):
        return float(self.z @ self.s + self.u @ self.y)

    def moved(self, step, primal, dual):
        return _Point(
            self.z + primal * step.z,
            self.u + primal * step.u,
            self.y + dual * step.y,
            self.s + dual * step.s,
        )

    def reach(self, step):
        """Largest steps, at most 1, that keep primal and dual values nonnegative."""
        return (
            _largest_step((self.z, step.z), (self.u, step.u)),
            _largest_step((self.s, step.s), (self.y, step.y)),
        )


def _largest_step(*pairs):
    step = 1.0
    for value, change in pairs:
        falls = change < 0
        step = min(step, (-value[falls] / change[falls]).min(initial=np.inf))
    return step


class _Program:
    """Clusters as columns; the last row counts them."""

    def __init__(self, clusters, m, n_clusters):
        self.indptr = np.concatenate([[0], np.cumsum([len(c) for c in clusters])])
        self.indices = np.concatenate(clusters)
        self.m = m
        ones = np.ones(len(self.indices))
        A = csc_array((ones, self.indices, self.indptr), shape=(m, len(clusters)))
        self._transposed, self._matrix = A.T.tocsr(), A.tocsr()
        self.need = np.append(np.ones(m), -float(n_clusters))

    def cover(self, z):
        return np.append(self._matrix @ z[:-1], z[-1] - z[:-1].sum())

    def charge(self, y):
        fee = y[self.m]
        return np.append(self._transposed @ y[: self.m] - fee, fee)

    def factor(self, at):
        """Cholesky factor of the normal equations, or None."""
        ratio = at.z / at.s
        M = kmeans_pricing.normal_matrix(self.indptr, self.indices, ratio[:-1], self.m)
        M[self.m, self.m] += ratio[-1]
        diagonal = np.arange(len(M))
        plain = M[diagonal, diagonal] + at.u / at.y
        for ridge in _RIDGES:
            M[diagonal, diagonal] = plain * (1 + ridge)
            try:
                return cho_factor(M, lower=True, check_finite=False)
            except LinAlgError:
                continue
        return None

    def direction(self, at, factor, primal, dual, goal_z, goal_y):
        """Newton's step to complementarity products ``goal_z`` and ``goal_y``."""
        zs, uy = goal_z - at.z * at.s, goal_y - at.u * at.y
        ratio = at.z / at.s
        right = primal - self.cover(zs / at.s - ratio * dual) + uy / at.y
        y = cho_solve(factor, right, check_finite=False)
        s = dual - self.charge(y)
        return _Point((zs - at.z * s) / at.s, (uy - at.u * y) / at.y, y, s)


def _first_point(program, costs, y, use, depth, gap):
    """Positive values whose products are about equal; near the use if it is known."""
    reduced = costs - program.charge(y)
    product = gap / (len(costs) + len(y) - 1)
    s = np.maximum(reduced, depth)
    if use is None:
        return _Point(product / s, product / y, y, s)
    z = np.maximum(np.append(use, 0.0), product / s)
    u = np.maximum(program.cover(z) - program.need, product / y)
    return _Point(z, u, y, np.maximum(reduced, product / z))


def solve_covering(
    clusters, costs, m, n_clusters, price, fee, tol, use=None, gap=np.inf
):
    """Solve the program from given prices.

    Parameters
    ----------
    clusters : list of ndarray
        Increasing row numbers of each cluster; together they hold every row.
    costs : ndarray of shape (N,)
        Their scatters, in units in which the prices are about one.
    m, n_clusters : int
        Number of rows, K.
    price : ndarray of shape (m,)
        Prices to start from.
    fee : float
        Fee to start from, positive.
    tol : float
        Relative accuracy of the value.
    use : ndarray of shape (N,), optional
        Use of the clusters to start from, zero for those that are new.
    gap : float
        Relative gap of these prices, with ``use``.

    Returns
    -------
    solution : CoveringSolution
        Near-optimal prices, nonnegative; rough ones if the program is too ill-posed.
    """
    N = len(clusters)
    program = _Program(clusters, m, n_clusters)
    costs = np.append(costs, SURCHARGE * fee)
    # z: use, s: reduced cost; y: prices and fee, u: what is covered beyond need.
    y = np.maximum(np.append(price, fee), 1e-3 * fee)
    start = 0.1 * n_clusters * fee
    if use is not None:
        start = max(gap, tol) * abs(float(program.need @ y))
    at = _first_point(program, costs, y, use, _DEPTH * fee, start)
    for _ in range(_MAX_ITER):
        primal = program.need - program.cover(at.z) + at.u
        dual = costs - program.charge(at.y) - at.s
        gap = at.gap()
        if (
            np.abs(primal).max() < _FEASIBLE
            and np.abs(dual).max() < _FEASIBLE * 0.1 * fee
            and gap < tol * abs(program.need @ at.y)
        ):
            break
        factor = program.factor(at)
        if factor is None:
            break
        step = program.direction(at, factor, primal, dual, 0.0, 0.0)
        left = at.moved(step, *at.reach(step)).gap()
        goal = max((left / gap) ** 3, _CENTERING) * gap / (N + m + 1)
        second_z, second_y = goal - step.z * step.s, goal - step.u * step.y
        step = program.direction(at, factor, primal, dual, second_z, second_y)
        if not (np.isfinite(step.z).all() and np.isfinite(step.y).all()):
            break
        reach = [1.0 if r == 1.0 else _STEP * r for r in at.reach(step)]
        at = at.moved(step, *reach)
    reduced = (costs - program.charge(at.y))[:-1]
    value = float(costs @ at.z)
    return CoveringSolution(at.y[:m], float(at.y[m]), at.z[:-1], reduced, value)
