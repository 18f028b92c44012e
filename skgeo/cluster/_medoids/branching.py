"""Branch and bound on the medoids, where the relaxation leaves a gap."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from skgeo.cluster._medoids.bound import Ascent, near_lists
from skgeo.cluster._medoids.search import cost_of, improve

__all__ = ["branch"]

_STEPS = 120  # of ascent at each node, from its parent's multipliers
_FIRST_STEP = 0.3  # factor of the step there: the multipliers are nearly right
_IMPROVE_EVERY = 8  # nodes between two tries at better medoids


@dataclass(order=True)
class _Node:
    """A set of undecided choices: any medoids that agree with ``status``."""

    bound: float
    serial: int
    status: np.ndarray = field(compare=False)
    lam: np.ndarray = field(compare=False)
    visits: np.ndarray = field(compare=False)


def _decide(status, rho, chosen, bound, margin, goal):
    """Decide candidates whose other choice costs at least ``goal``; in place.

    Forcing a free column in drops the last of the chosen free ones, forcing a chosen
    one out admits the next best: the bound changes by the difference of their gains.
    """
    free_in = chosen[status[chosen] == 0]
    out = status == 0
    out[chosen] = False
    if len(free_in):
        last = rho[free_in].max()
        following = rho[out].min(initial=np.inf)
        into = bound - margin + (following - rho[free_in])
        status[free_in[into >= goal]] = 1
        status[out & (bound - margin + (rho - last) >= goal)] = -1
    else:
        status[out] = -1


def _only_choice(status, k):
    """The one set of k columns that ``status`` allows; None if there are several.

    Fewer than k columns are returned where it allows none.
    """
    into, allowed = np.flatnonzero(status == 1), np.flatnonzero(status >= 0)
    if len(into) == k:
        return into
    return allowed if len(allowed) <= k else None


def branch(D, weight, ascent, upper, medoids, *, max_nodes, tol, callback):
    """Split the problem until the gap is closed or ``max_nodes`` were bounded.

    Parameters
    ----------
    D : ndarray of shape (n, n)
        Dissimilarities.
    weight : ndarray of shape (n,)
        Weights.
    ascent : Ascent
        The ascent of the whole problem.
    upper : float
        Cost of the best medoids known.
    medoids : ndarray of int of shape (k,)
        The best medoids known.
    max_nodes : int
        Maximum number of nodes.
    tol : float
        Relative gap to stop at.
    callback : callable
        Called after each node; true stops.

    Returns
    -------
    bound : float
        Lower bound of the cost of any k medoids.
    upper : float
        Cost of the best medoids.
    medoids : ndarray of int of shape (k,)
        The best medoids.
    n_nodes : int
        Nodes bounded.
    """
    k = len(medoids)
    goal = upper * (1.0 - 0.5 * tol)
    rho, bound = ascent.evaluate()
    status = ascent.status.copy()
    margin = max(ascent.bound - bound, 0.0)
    _decide(status, rho, ascent.chosen, bound, margin, goal)
    keep = np.flatnonzero(status >= 0)
    neighbors = near_lists(np.ascontiguousarray(D[:, keep]), k)
    root = _Node(
        bound, 0, status[keep], ascent.best_lam.copy(), ascent.visits[keep].copy()
    )
    heap, n_nodes, tried = [root], 0, set()

    def decided(status):
        """Whether at most one choice is left; then it is tried."""
        nonlocal upper, medoids
        leaf = _only_choice(status, k)
        if leaf is None:
            return False
        if len(leaf) == k:
            cost = cost_of(D, weight, keep[leaf])
            if cost < upper:
                upper, medoids = cost, keep[leaf]
        return True

    if decided(root.status):
        heap, goal = [], upper * (1.0 - 0.5 * tol)
    while heap and heap[0].bound < goal and n_nodes < max_nodes:
        node = heapq.heappop(heap)
        undecided = np.flatnonzero(node.status == 0)
        j = undecided[np.argmin(np.abs(node.visits[undecided] - 0.5))]
        children = []
        for choice in (1, -1):
            status = node.status.copy()
            status[j] = choice
            n_nodes += 1
            child = Ascent(neighbors, weight, k, status, node.lam, _FIRST_STEP)
            child.visits[:] = node.visits
            if decided(status):
                continue
            child.run(upper, goal, _STEPS)
            rho, bound = child.evaluate()
            if n_nodes % _IMPROVE_EVERY == 0:
                key = tuple(np.sort(child.chosen))
                if key not in tried:
                    tried.add(key)
                    cost, better, _ = improve(D, weight, keep[child.chosen], 20)
                    if cost < upper:
                        upper, medoids = cost, better
            if bound >= goal:
                continue
            margin = max(child.bound - bound, 0.0)
            _decide(status, rho, child.chosen, bound, margin, goal)
            if decided(status):  # all other choices cost at least the goal
                continue
            children.append(
                _Node(
                    max(bound, node.bound), n_nodes, status, child.best_lam.copy(),
                    child.visits.copy(),
                )
            )  # fmt: skip
        goal = upper * (1.0 - 0.5 * tol)
        for child in children:
            if child.bound < goal:
                heapq.heappush(heap, child)
        if callback({"medoids": medoids, "bound": heap[0].bound if heap else goal}):
            break
    bound = min([goal, *(node.bound for node in heap)])
    return bound, upper, medoids, n_nodes
