"""Branch and bound for K-means on the relaxation with cuts.

A node is a set of rows (merged points) and of pairs that have to be apart. Its bound
comes from :mod:`skgeo.cluster._solvers.cuts`; its children put one pair into the same
cluster (a merged row) or into different ones (an entry fixed at zero) and start from
its multipliers, so that they need few rounds. The node of the least bound comes first:
the bound of the tree is then the least over open nodes and those closed.
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
from skgeo.kernels import kmeans
from skgeo.utils.parallel import map_threads

__all__ = ["Event", "SearchTree", "explore", "improved_labels"]

_ROOT = {"sweeps": 100, "max_rounds": 30, "stall": 0.03}
_CHILD = {"sweeps": 50, "max_rounds": 12, "stall": 0.05}
_MAX_PASS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """What is known at a time: seconds since the start, bound, incumbent, nodes."""

    seconds: float
    lower_bound: float
    inertia: float
    n_nodes: int


@dataclass(slots=True)
class _Node:
    rows: Rows
    state: CutState
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
    open: list = field(default_factory=list)
    closed: float = np.inf
    floor: float = 0.0
    n_nodes: int = 0
    n_sweeps: int = 0
    root_bound: float = 0.0
    seconds: float = 0.0
    history: list = field(default_factory=list)
    order: itertools.count = field(default_factory=itertools.count)

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


def conflict_lists(rows):
    """Rows that each row has to be apart from, as starts and a flat list."""
    m = len(rows.weight)
    lists = [[] for _ in range(m)]
    for i, j in rows.apart:
        lists[i].append(j)
        lists[j].append(i)
    starts = np.concatenate([[0], np.cumsum([len(x) for x in lists])]).astype(np.int64)
    flat = np.array([j for x in lists for j in x], dtype=np.int64)
    return starts, flat


def improved_labels(rows, labels, n_clusters, conflicts):
    """Single moves that keep apart what has to be; None if the start cannot.

    Returns labels and the inertia of the rows around their means' clusters.
    """
    labels = labels.astype(np.int64)
    X = np.ascontiguousarray(rows.means)
    starts, flat = conflicts
    if len(flat):
        sizes = np.bincount(labels, weights=rows.weight, minlength=n_clusters)
        centers = np.empty((n_clusters, X.shape[1]))
        for j in range(X.shape[1]):
            sums = np.bincount(labels, rows.weight * X[:, j], minlength=n_clusters)
            centers[:, j] = sums / np.where(sizes > 0, sizes, 1.0)
        most = np.argsort(-np.diff(starts), kind="stable")
        if not kmeans.assign_apart(X, centers, most, starts, flat, labels):
            return None
    value = kmeans.hartigan(X, rows.weight, labels, n_clusters, _MAX_PASS, starts, flat)
    return labels.astype(np.intp), float(value)


def _choose_pair(rows, state):
    """The undecided pair whose decision costs most, or None."""
    root = np.sqrt(rows.weight)
    Z = state.Y / np.outer(root, root)
    diagonal = np.sqrt(np.maximum(np.diag(Z), np.finfo(float).tiny))
    share = np.clip(Z / np.outer(diagonal, diagonal), 0.0, 1.0)
    away = ((rows.means[:, None] - rows.means[None]) ** 2).sum(axis=2)
    w = rows.weight
    cost = away * np.outer(w, w) / (w[:, None] + w[None])
    # A pair that looks decided may not be: it is taken where no other is left.
    value = (np.minimum(share, 1 - share) + 1e-9) * cost
    for i, j in rows.apart:
        value[i, j] = value[j, i] = -1.0
    value[np.tril_indices(len(w))] = -1.0
    best = int(np.argmax(value))
    if value.flat[best] <= 0:
        return None
    return divmod(best, len(w))


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


def _children(node):
    """The two nodes that decide a pair; impossible ones are left out."""
    pair = _choose_pair(node.rows, node.state)
    if pair is None:
        return None
    a, b = map(int, pair)
    found = []
    together = node.rows.merged(a, b)
    if together is not None:
        state = merged_state(node.state, node.rows, a, b)
        found.append(_Node(together, state, node.bound))
    apart = node.rows.separated(a, b)
    state = _copied(node.state)
    state.Y[a, b] = state.Y[b, a] = 0.0
    found.append(_Node(apart, state, node.bound))
    return found


def _round(tree, rows, state, seed):
    """Labels of the root's rows from an iterate, improved; None without any."""
    K = tree.n_clusters
    root = np.sqrt(rows.weight)
    vectors = np.linalg.eigh(state.Y)[1][:, -K:] / root[:, None]
    rng = np.random.RandomState(seed)
    labels = group_rows(vectors, K, rng, n_init=1)
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
        m, K = len(node.rows.weight), tree.n_clusters
        if m < K:
            return node, np.inf, 0, None, True
        if m == K:
            exact = tree.total - float(
                node.rows.weight
                @ np.einsum("ij,ij->i", node.rows.means, node.rows.means)
            )
            return node, exact - tree.doubt, 0, node.state, True
        is_root = node.rows is tree.root
        problem = CutProblem(node.rows, K, tree.total, tree.doubt)
        outcome = solve_with_cuts(
            problem,
            node.state,
            target=target(),
            upper=tree.inertia,
            lower_bound=node.bound,
            deadline=deadline,
            watch=report if is_root else None,
            **(_ROOT if is_root else _CHILD),
        )
        finished = outcome.why not in ("time", "watch")
        return node, outcome.lower_bound, outcome.n_sweeps, outcome.state, finished

    if not tree.open and tree.n_nodes == 0:
        state = first_state(CutProblem(tree.root, tree.n_clusters, 0.0, 0.0))
        tree.push(_Node(tree.root, state, tree.floor))
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
                children = _children(node)
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
