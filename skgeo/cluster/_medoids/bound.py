"""Lower bounds of the cost of any k medoids, by Lagrangian relaxation.

The weak dual of the p-median program: for any multipliers ``lam``

    L(lam) = sum_i w_i lam_i + sum of the k smallest rho_j,
    rho_j = sum_i w_i min(0, d_ij - lam_i)

is at most the cost of any k medoids, for any dissimilarities.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.cluster._medoids.search import assign, improve
from skgeo.kernels.medoids import bound_steps

__all__ = ["Ascent", "Neighbors", "ascend", "first_multipliers", "near_lists", "safe"]

_BLOCK = 50  # steps between two tries at better medoids


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Dissimilarities with the nearest candidates of every sample in order.

    Attributes
    ----------
    D : ndarray of shape (n, n_candidates)
        Dissimilarities.
    values : ndarray of shape (n, width)
        The smallest entries of each row, ascending.
    order : ndarray of int32 of shape (n, width)
        Their columns.
    """

    D: np.ndarray
    values: np.ndarray
    order: np.ndarray


def near_lists(D, k):
    """Sort the entries of each row that a multiplier will reach.

    A multiplier lies near the second nearest medoid, beyond about n / k candidates;
    four times as many are listed, and whole rows are read for the rest.

    Parameters
    ----------
    D : ndarray of shape (n, n_candidates)
        Dissimilarities.
    k : int
        Number of medoids.

    Returns
    -------
    neighbors : Neighbors
        With lists of at most ``n_candidates``.
    """
    n, c = D.shape
    width = min(c, max(32, 4 * c // k))
    values, order = np.empty((n, width)), np.empty((n, width), dtype=np.int32)
    rows = max(1, 2_000_000 // c)
    for start in range(0, n, rows):
        block = D[start : start + rows]
        if width < c:
            nearest = np.argpartition(block, width - 1, axis=1)[:, :width]
            near = np.take_along_axis(block, nearest, axis=1)
            inner = np.argsort(near, axis=1)
            nearest = np.take_along_axis(nearest, inner, axis=1)
        else:
            nearest = np.argsort(block, axis=1)
        order[start : start + rows] = nearest
        values[start : start + rows] = np.take_along_axis(block, nearest, axis=1)
    return Neighbors(D, values, order)


def first_multipliers(D, medoids):
    """Start a quarter of the way from the nearest to the second nearest medoid."""
    _, d1, d2 = assign(D, medoids)
    return d1 + 0.25 * (d2 - d1)


def safe(bound, weight, lam, rho, k):
    """Subtract from a bound what rounding may have added to it.

    Sums of n terms of one sign err by at most n eps times the sum; k sums of that
    kind, and one of the multipliers, are added. Twice that is subtracted.
    """
    n = len(lam)
    size = np.abs(weight * lam).sum() + k * np.abs(rho).max(initial=0.0)
    return bound - 2.0 * (n + k + 8) * np.finfo(float).eps * size


class Ascent:
    """Sub-gradient ascent on the bound, with some candidates decided.

    Parameters
    ----------
    neighbors : Neighbors
        Dissimilarities of samples to candidates.
    weight : ndarray of shape (n,)
        Weights.
    k : int
        Number of medoids.
    status : ndarray of int8 of shape (n_candidates,)
        1 in, -1 out, 0 free.
    lam : ndarray of shape (n,)
        First multipliers.
    step : float, default=1.0
        First factor of the step.
    """

    def __init__(self, neighbors, weight, k, status, lam, step=1.0):
        n, c = neighbors.D.shape
        self.neighbors, self.weight, self.k, self.status = neighbors, weight, k, status
        self.lam, self.best_lam = lam.copy(), lam.copy()
        self.direction, self.rho = np.zeros(n), np.zeros(c)
        self.chosen, self.visits = np.zeros(k, np.int64), np.zeros(c)
        self.control = np.array([-np.inf, step, 0.0])
        self.n_steps, self.stalled = 0, False

    @property
    def bound(self):
        """The best bound so far, before rounding is taken off."""
        return float(self.control[0])

    def run(self, upper, goal, n_steps):
        """Take steps; ``stalled`` tells that more would not help."""
        self._steps(self.lam, upper, goal, n_steps)
        self.n_steps += n_steps
        self.stalled = self.control[1] < 1e-4

    def _steps(self, lam, upper, goal, n_steps):
        N = self.neighbors
        return bound_steps(
            N.D, N.values, N.order, self.weight, self.status, self.k, upper, goal,
            lam, self.direction, self.best_lam, self.control, self.rho, self.chosen,
            self.visits, n_steps,
        )  # fmt: skip

    def improve(self, upper, medoids, tried):
        """Swap from the columns chosen last, and from those chosen most often.

        The second found the better medoids about as often as the first; either beats
        fresh starts. ``tried`` is the set of starts that were used already.
        """
        often = np.argpartition(-self.visits, self.k - 1)[: self.k]
        for start in (self.chosen, often):
            key = tuple(np.sort(start))
            if key in tried:
                continue
            tried.add(key)
            cost, better, _ = improve(self.neighbors.D, self.weight, start, 20)
            if cost < upper:
                upper, medoids = cost, better
        return upper, medoids

    def evaluate(self):
        """Gains at the best multipliers, and the bound that rounding cannot spoil."""
        lam = self.best_lam.copy()
        keep = self.control.copy()
        self.control[0] = -np.inf
        self._steps(lam, 1.0, -np.inf, 1)
        value = self.control[0]
        self.control[:] = keep
        return self.rho, safe(value, self.weight, self.best_lam, self.rho, self.k)


def ascend(neighbors, weight, medoids, upper, *, n_steps, tol, callback):
    """Raise the bound of a whole problem, and improve its medoids on the way.

    Parameters
    ----------
    neighbors : Neighbors
        Dissimilarities, square.
    weight : ndarray of shape (n,)
        Weights.
    medoids : ndarray of int of shape (k,)
        Best medoids known, k >= 2.
    upper : float
        Their cost.
    n_steps : int
        Maximum number of steps.
    tol : float
        Stop at this relative gap.
    callback : callable
        Called after each block of steps; true stops.

    Returns
    -------
    ascent : Ascent
        The ascent where it stopped.
    upper : float
        Cost of the best medoids.
    medoids : ndarray of int of shape (k,)
        The best medoids.
    path : list of float
        Bound after each block of steps.
    """
    D = neighbors.D
    k, n = len(medoids), len(D)
    lam = first_multipliers(D, medoids)
    ascent = Ascent(neighbors, weight, k, np.zeros(n, np.int8), lam)
    path, tried = [], set()
    while ascent.n_steps < n_steps:
        goal = upper * (1.0 - 0.5 * tol)
        ascent.run(upper, goal, min(_BLOCK, n_steps - ascent.n_steps))
        path.append(ascent.bound)
        if ascent.bound >= goal:
            break
        upper, medoids = ascent.improve(upper, medoids, tried)
        if ascent.stalled or callback({"medoids": medoids, "bound": ascent.bound}):
            break
    return ascent, upper, medoids, path
