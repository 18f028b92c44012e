"""From medoids to a proven lower bound, and better medoids on the way."""

from dataclasses import dataclass

import numpy as np

from skgeo.cluster._medoids.bound import ascend, near_lists
from skgeo.cluster._medoids.branching import branch
from skgeo.cluster._medoids.search import cost_of

__all__ = ["BoundResult", "bound_medoids", "nodes_for", "relative_gap"]

# Up to this size splitting is nearly free where it succeeds (.01 to .3 s), and
# a failure costs some seconds.
_BRANCH_SAMPLES = 1000
_BRANCH_NODES = 200


@dataclass(frozen=True, slots=True)
class BoundResult:
    """Outcome of :func:`bound_medoids`.

    Attributes
    ----------
    lower_bound : float
        No k medoids cost less.
    cost : float
        Cost of the best medoids known.
    medoids : ndarray of int of shape (k,)
        The best medoids known.
    path : ndarray of shape (n_blocks,)
        Bound after each 50 steps of the ascent.
    n_nodes : int
        Nodes of the branching.
    """

    lower_bound: float
    cost: float
    medoids: np.ndarray
    path: np.ndarray
    n_nodes: int


def relative_gap(cost, bound):
    """Part of the cost that is not proven; zero where the cost is zero."""
    return 0.0 if cost == 0.0 else max(0.0, 1.0 - bound / cost)


def nodes_for(max_nodes, n):
    """Resolve "auto"."""
    if max_nodes == "auto":
        return _BRANCH_NODES if n <= _BRANCH_SAMPLES else 0
    return max_nodes


def bound_medoids(D, weight, medoids, *, bound_iter, max_nodes, tol, callback):
    """Bound the cost of any k medoids from below.

    Parameters
    ----------
    D : ndarray of shape (n, n)
        Nonnegative dissimilarities, rows to candidates.
    weight : ndarray of shape (n,)
        Positive weights.
    medoids : ndarray of int of shape (k,)
        Medoids known.
    bound_iter : int
        Maximum number of steps of the ascent.
    max_nodes : int
        Maximum number of nodes of the branching.
    tol : float
        Relative gap to stop at.
    callback : callable
        Called now and then; true stops.

    Returns
    -------
    result : BoundResult
        The bound and the best medoids.
    """
    n, k = len(D), len(medoids)
    cost = cost_of(D, weight, medoids)
    none = np.empty(0)
    # Products are rounded before they are summed.
    rounding = (n + 4) * np.finfo(float).eps
    if cost == 0.0 or k == n:
        bound = cost * (1.0 - rounding)
        return BoundResult(bound, cost, medoids, none, 0)
    if k == 1:
        sums = weight @ D
        best = int(np.argmin(sums))
        if sums[best] < cost:
            medoids = np.array([best])
            cost = cost_of(D, weight, medoids)
        bound = float(sums.min()) * (1.0 - 2.0 * rounding)
        return BoundResult(bound, cost, medoids, none, 0)
    ascent, cost, medoids, path = ascend(
        near_lists(D, k), weight, medoids, cost,
        n_steps=bound_iter, tol=tol, callback=callback,
    )  # fmt: skip
    bound, n_nodes = ascent.evaluate()[1], 0
    if max_nodes and relative_gap(cost, bound) > tol:
        bound, cost, medoids, n_nodes = branch(
            D, weight, ascent, cost, medoids,
            max_nodes=max_nodes, tol=tol, callback=callback,
        )  # fmt: skip
    return BoundResult(
        max(0.0, float(bound)), float(cost), medoids, np.array(path), n_nodes
    )
