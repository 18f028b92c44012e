"""Branch and bound for K-means.

A node is a set of rows (merged points) and of pairs that have to be apart. Its bound
comes from a relaxation: the semidefinite program with cuts
(:mod:`skgeo.cluster._solvers.cuts`), or in few dimensions column generation
(:mod:`skgeo.cluster._solvers.column_generation`). Its children put one pair into the
same cluster (a merged row) or into different ones and start from its multipliers, so
that they need few rounds. The node of the least bound comes first: the bound of the
tree is then the least over open nodes and those closed.
"""

import heapq
import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from skgeo.cluster._solvers.cuts import (
    CutProblem,
    CutState,
    Rows,
    first_state,
    merged_state,
    solve_with_cuts,
)
from skgeo.cluster._solvers.groups import group_points
from skgeo.cluster._solvers.lloyd import group_rows
from skgeo.cluster._solvers.local_search import conflict_lists, improved_labels
from skgeo.utils.parallel import map_threads

__all__ = ["CutRelaxation", "Event", "SearchTree", "explore"]

_ROOT = {"sweeps": 100, "max_rounds": 30, "stall": 0.03}
_CHILD = {"sweeps": 50, "max_rounds": 12, "stall": 0.05}


@dataclass(frozen=True, slots=True)
class Event:
    """What is known at a time: seconds since the start, bound, incumbent, nodes."""

    seconds: float
    lower_bound: float
    inertia: float
    n_nodes: int


class CutRelaxation:
    """Bounds of nodes by the semidefinite program with cuts.

    Parameters
    ----------
    n_clusters : int
        K.
    total, doubt : float
        Total scatter of the points and the error of it.
    """

    def __init__(self, n_clusters, total, doubt):
        self.n_clusters, self.total, self.doubt = n_clusters, total, doubt
        self.root = None

    def first(self, rows):
        """State of the root."""
        self.root = rows
        return first_state(CutProblem(rows, self.n_clusters, 0.0, 0.0))

    def merged(self, state, rows, a, b):
        """State after rows a < b have become one."""
        return merged_state(state, rows, a, b)

    def separated(self, state, rows, a, b):
        """State after rows a and b have come apart."""
        state = _copied(state)
        state.Y[a, b] = state.Y[b, a] = 0.0
        return state

    def membership(self, rows, state):
        """Relaxed membership matrix, times the roots of the weights of both rows."""
        return state.Y

    def pair_values(self, rows, state, gap):
        """None: how a child changes the program is not known beforehand."""

    def solve(self, rows, state, *, target, upper, lower_bound, deadline, watch=None):
        """Bound, sweeps, and whether there is nothing left to do."""
        if len(rows.weight) == self.n_clusters:
            squares = np.einsum("ij,ij->i", rows.means, rows.means)
            value = self.total - float(rows.weight @ squares) - self.doubt
            return value, 0, True
        outcome = solve_with_cuts(
            CutProblem(rows, self.n_clusters, self.total, self.doubt),
            state,
            target=target,
            upper=upper,
            lower_bound=lower_bound,
            deadline=deadline,
            watch=watch,
            **(_ROOT if rows is self.root else _CHILD),
        )
        finished = outcome.why not in ("time", "watch")
        return outcome.lower_bound, outcome.n_sweeps, finished


@dataclass(slots=True)
class _Node:
    rows: Rows
    state: object
    bound: float
    solved: bool = False


@dataclass(slots=True)
class SearchTree:
    """A search that can be interrupted and continued.

    Attributes
    ----------
    root : Rows
        Rows of the root: points, merged where they have to be together.
    n_clusters : int
        K.
    total, doubt : float
        Total scatter of the points and the error of it.
    labels : ndarray of shape (m,)
        Best labels of the root's rows.
    inertia : float
        Theirs, of the points.
    points, weight, row_of : ndarray
        The points, their weights, and the root's row of each.
    open : list
        Heap of nodes.
    closed : float
        Least bound of the nodes that were closed.
    relaxation : CutRelaxation or ColumnRelaxation
        Where bounds come from; the former if left out.
    """

    root: Rows
    n_clusters: int
    total: float
    doubt: float
    labels: np.ndarray
    inertia: float
    points: np.ndarray
    weight: np.ndarray
    row_of: np.ndarray
    relaxation: object = None
    open: list = field(default_factory=list)
    closed: float = np.inf
    floor: float = 0.0
    n_nodes: int = 0
    n_sweeps: int = 0
    root_bound: float = 0.0
    seconds: float = 0.0
    history: list = field(default_factory=list)
    order: itertools.count = field(default_factory=itertools.count)

    def __post_init__(self):
        if self.relaxation is None:
            self.relaxation = CutRelaxation(self.n_clusters, self.total, self.doubt)

    @property
    def bound(self):
        """No labels have a smaller inertia."""
        if not self.open and not np.isfinite(self.closed):
            return self.floor  # nothing was solved yet
        least = min((entry[0] for entry in self.open), default=np.inf)
        return max(self.floor, min(least, self.closed, self.inertia))

    def evaluate(self, labels):
        """Inertia of the points for labels of the root's rows, and its error.

        Within groups, not as a difference of scatters: one far point would leave
        nothing of it but rounding.
        """
        codes = np.unique(labels[self.row_of], return_inverse=True)[1].ravel()
        groups = group_points(self.points, codes, codes.max() + 1, self.weight)
        return groups.inertia, groups.inertia_error

    def push(self, node):
        heapq.heappush(self.open, (node.bound, next(self.order), node))


def _choose_pair(rows, state, relaxation, gap):
    """The pair whose decision raises the bounds most, or None."""
    value = relaxation.pair_values(rows, state, gap)
    pair = None if value is None else _best_pair(rows, value)
    if pair is not None:
        return pair
    return _best_pair(rows, _open_values(rows, relaxation.membership(rows, state)))


def _best_pair(rows, value):
    """Pair of the highest positive value that does not have to be apart, or None."""
    for i, j in rows.apart:
        value[i, j] = value[j, i] = -1.0
    value[np.tril_indices(len(value))] = -1.0
    best = int(np.argmax(value))
    if value.flat[best] <= 0:
        return None
    return divmod(best, len(value))


def _open_values(rows, Y):
    """By how much pairs are undecided, times what their distance costs a cluster."""
    root = np.sqrt(rows.weight)
    Z = Y / np.outer(root, root)
    diagonal = np.sqrt(np.maximum(np.diag(Z), np.finfo(float).tiny))
    share = np.clip(Z / np.outer(diagonal, diagonal), 0.0, 1.0)
    away = ((rows.means[:, None] - rows.means[None]) ** 2).sum(axis=2)
    w = rows.weight
    cost = away * np.outer(w, w) / (w[:, None] + w[None])
    # A pair that looks decided may not be: it is taken where no other is left.
    return (np.minimum(share, 1 - share) + 1e-9) * cost


def _copied(state):
    return CutState(
        state.Y.copy(),
        state.N.copy(),
        state.penalty,
        state.cuts.copy(),
        state.lam.copy(),
        state.cliques.copy(),
        state.clique_lam.copy(),
    )


def _children(node, relaxation, inertia):
    """The two nodes that decide a pair; impossible ones are left out."""
    rows, state = node.rows, node.state
    pair = _choose_pair(rows, state, relaxation, max(inertia - node.bound, 0.0))
    if pair is None:
        return None
    a, b = map(int, pair)
    found = []
    together = rows.merged(a, b)
    if together is not None:
        new = relaxation.merged(state, rows, a, b)
        found.append(_Node(together, new, node.bound))
    new = relaxation.separated(state, rows, a, b)
    found.append(_Node(rows.separated(a, b), new, node.bound))
    return found


def _round(tree, rows, state, seed):
    """Labels of the root's rows from an iterate, improved; None without any."""
    K = tree.n_clusters
    if len(rows.weight) == K:
        labels = np.arange(K)
    else:
        Y = tree.relaxation.membership(rows, state)
        vectors = np.linalg.eigh(Y)[1][:, -K:] / np.sqrt(rows.weight)[:, None]
        labels = group_rows(vectors, K, np.random.RandomState(seed), n_init=1)
    of_point = {}
    for row, members in enumerate(rows.members):
        of_point.update(dict.fromkeys(members, labels[row]))
    start = np.array([of_point[members[0]] for members in tree.root.members])
    return improved_labels(tree.root, start, K, conflict_lists(tree.root))


def explore(
    tree,
    *,
    tol,
    max_seconds,
    max_nodes,
    n_jobs=None,
    random_state=0,
    watch=None,
):
    """Search until the gap is closed or a limit is met.

    Parameters
    ----------
    tree : SearchTree
        The search; changed in place.
    tol : float
        Relative gap at which to stop.
    max_seconds, max_nodes : float, int
        Limits of this call, and of all calls.
    n_jobs : int or None
        Threads over nodes.
    random_state : int
        Seed of the rounding.
    watch : callable, optional
        Called with every new :class:`Event`; true stops.

    Returns
    -------
    status : {"optimal", "time", "nodes", "interrupted", "precision"}
        Why it ended.
    """
    begin = time.perf_counter()
    deadline = begin + max_seconds
    before = tree.seconds
    interrupted = False

    def report(bound=None):
        nonlocal interrupted
        tree.seconds = before + time.perf_counter() - begin
        event = Event(
            tree.seconds,
            max(tree.bound, 0.0) if bound is None else bound,
            tree.inertia,
            tree.n_nodes,
        )
        tree.history.append(event)
        if watch is not None and watch(event):
            interrupted = True
        return interrupted

    def target():
        return tree.inertia * (1 - tol)

    def solve(node):
        """Bound one node; labels met on the way."""
        if len(node.rows.weight) < tree.n_clusters:
            return node, np.inf, 0, None, True
        bound, sweeps, finished = tree.relaxation.solve(
            node.rows,
            node.state,
            target=target(),
            upper=tree.inertia,
            lower_bound=node.bound,
            deadline=deadline,
            watch=report if node.rows is tree.root else None,
        )
        return node, bound, sweeps, node.state, finished

    if not tree.open and tree.n_nodes == 0:
        tree.push(_Node(tree.root, tree.relaxation.first(tree.root), tree.floor))
    report()
    width = 1 if n_jobs in (None, 1) else 2
    while True:
        if interrupted:
            return "interrupted"
        if tree.bound >= target():
            return "optimal"
        if not tree.open:
            return "precision"
        if time.perf_counter() > deadline:
            return "time"
        if tree.n_nodes >= max_nodes:
            return "nodes"
        tasks = []
        for _ in range(min(width, len(tree.open))):
            node = heapq.heappop(tree.open)[2]
            if node.bound >= target():
                tree.closed = min(tree.closed, node.bound, tree.inertia)
            elif not node.solved:
                tasks.append(node)
            else:
                children = _children(node, tree.relaxation, tree.inertia)
                if children is None:  # nothing left to decide: the bound stands
                    tree.closed = min(tree.closed, node.bound, tree.inertia)
                else:
                    tasks += children
        # While they are solved they are open.
        waiting = [(node.bound, next(tree.order), node) for node in tasks]
        for entry in waiting:
            heapq.heappush(tree.open, entry)
        results = map_threads(solve, tasks, n_jobs)
        mine = {id(node) for node in tasks}
        tree.open = [entry for entry in tree.open if id(entry[2]) not in mine]
        heapq.heapify(tree.open)
        for number, (node, bound, sweeps, state, finished) in enumerate(results):
            tree.n_sweeps += sweeps
            if finished:
                tree.n_nodes += 1
            if node.rows is tree.root:
                tree.root_bound = max(tree.root_bound, bound)
            node.bound = max(node.bound, bound)
            if state is not None and len(node.rows.weight) >= tree.n_clusters:
                found = _round(tree, node.rows, state, random_state + number)
                inertia = np.inf if found is None else tree.evaluate(found[0])[0]
                if inertia < tree.inertia * (1 - 1e-12):
                    tree.labels, tree.inertia = found[0], inertia
            node.state, node.solved = state, finished
            exhausted = finished and len(node.rows.weight) <= tree.n_clusters
            if node.bound >= target() or exhausted:
                tree.closed = min(tree.closed, node.bound, tree.inertia)
            else:
                tree.push(node)
        report()
