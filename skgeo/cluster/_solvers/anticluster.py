"""Bounds for many points: the data cut into blocks that look like the whole.

Splitting every cluster by block and giving each part its own mean only lowers the sum
of squares, so that the inertia of any clustering is at least the sum of the blocks' own
optima.  Each of these is bounded by column generation or, with more features, by the
relaxation with cuts.  The loss is small when the blocks are *anticlusters*: their
clusters have the means of the whole (an exchange of rows within clusters), and none has
an optimum of its own much better than the common labels (an exchange that raises the
blocks' optima as a local search sees them).
"""

import time
from dataclasses import dataclass

import numpy as np

from skgeo.cluster._solvers.column_generation import ColumnRelaxation, flat_points
from skgeo.cluster._solvers.cuts import CutProblem, Rows, first_state, solve_with_cuts
from skgeo.cluster._solvers.groups import group_points
from skgeo.cluster._solvers.lloyd import group_means
from skgeo.cluster._solvers.local_search import swap_search
from skgeo.kernels import kmeans
from skgeo.utils.parallel import map_threads

__all__ = ["BlockBound", "anticluster_bound", "deal_blocks"]

_MATCHES = 400  # exchanges tried per row for the means: each costs O(d)
_ROUNDS = 60  # of exchanges for the values, with fresh centers for the pool
_PATIENCE = 12  # rounds without a better sum of values after which they end
_TRIALS = 4  # exchanges tried per row and round for the values
# Sets of centers that a block is tested with. With few of them the exchange fools
# itself: u1060 in four blocks loses 1.0 % with 3, 0.6 with 8, 0.3 with 16.
_POOL = 16
_TOLERANCE = 0.002  # gap at which a block is good enough
_EXCHANGE_SHARE = 0.3  # of the time for the exchange of values


@dataclass(frozen=True, slots=True)
class BlockBound:
    """A bound for all points, and where it lost.

    Attributes
    ----------
    lower_bound : float
        Sum of the blocks' bounds.
    block_values : float
        Sum of the blocks' best known inertias: what perfect block bounds would give.
    n_blocks : int
        Number of blocks.
    """

    lower_bound: float
    block_values: float
    n_blocks: int


def _principal_order(X):
    """Rows ordered by halving along principal axes, so that neighbors are alike."""
    if len(X) <= 2:
        return np.arange(len(X))
    away = X - X.mean(axis=0)
    axis = np.linalg.eigh(away.T @ away)[1][:, -1]
    order = np.argsort(away @ axis, kind="stable")
    half = len(X) // 2
    left, right = order[:half], order[half:]
    return np.concatenate(
        [left[_principal_order(X[left])], right[_principal_order(X[right])]]
    )


def deal_blocks(X, labels, n_blocks, rng):
    """Deal the rows of each cluster to blocks and match the means.

    Returns
    -------
    block : ndarray of shape (n,)
        Block of each row; blocks have the same numbers of each cluster up to one.
    """
    n, d = X.shape
    K = int(labels.max()) + 1
    block = np.empty(n, dtype=np.int64)
    away = np.empty_like(X)
    offset = 0
    for k in range(K):
        mine = np.flatnonzero(labels == k)
        away[mine] = X[mine] - X[mine].mean(axis=0)
        mine = mine[_principal_order(X[mine])]
        for start in range(0, len(mine), n_blocks):
            part = mine[start : start + n_blocks]
            # Clusters begin with different blocks, so that sizes stay equal.
            blocks = rng.permutation(n_blocks)
            if len(part) < n_blocks:
                blocks = (offset + np.arange(n_blocks)) % n_blocks
                offset += len(part)
            block[part] = blocks[: len(part)]
    sums, sizes = np.zeros((K, n_blocks, d)), np.zeros((K, n_blocks), dtype=np.int64)
    np.add.at(sums, (labels, block), away)
    np.add.at(sizes, (labels, block), 1)
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(K + 1))
    first = rng.randint(n, size=_MATCHES * n)
    k = labels[first]
    second = order[
        edges[k]
        + (rng.uniform(size=len(first)) * (edges[k + 1] - edges[k])).astype(np.int64)
    ]
    kmeans.match_block_means(
        np.ascontiguousarray(away),
        labels.astype(np.int64),
        block,
        sums,
        sizes,
        first,
        second,
    )
    return block


def _raise_values(X, labels, block, n_blocks, n_clusters, deadline, rng):
    """Exchange rows so that no block has a much better optimum of its own."""
    lists = [np.flatnonzero(block == b) for b in range(n_blocks)]
    width = max(map(len, lists))
    rows = np.full((n_blocks, width), -1, dtype=np.int64)
    for b, mine in enumerate(lists):
        rows[b, : len(mine)] = mine
    labels = labels.astype(np.int64)
    pool = [group_means(X, labels, n_clusters)]
    best = (-np.inf, rows.copy())

    def strong():
        """Values by a stronger search; centers that beat what was known."""
        values = np.empty(n_blocks)
        for b in range(n_blocks):
            mine = rows[b][rows[b] >= 0]
            known = kmeans.block_value(X[mine], labels[mine], np.array(pool[-_POOL:]))
            found, value = swap_search(
                X[mine], n_clusters, n_init=2, n_swaps=20, random_state=rng
            )
            values[b] = min(known, value)
            if value < known * (1 - 1e-6) and len(np.unique(found)) == n_clusters:
                pool.append(group_means(X[mine], found, n_clusters))
        return values

    last = 0
    for number in range(_ROUNDS):
        values = strong()
        if values.sum() > best[0]:
            best, last = (values.sum(), rows.copy()), number
        if number - last >= _PATIENCE or time.perf_counter() > deadline:
            break
        some = np.array(pool[-_POOL:])
        values = np.array(
            [kmeans.block_value(X[r[r >= 0]], labels[r[r >= 0]], some) for r in rows]
        )
        size = len(X)
        for _ in range(_TRIALS):
            pairs = np.column_stack(
                [
                    rng.randint(n_blocks, size=size),
                    rng.randint(n_blocks, size=size),
                    rng.randint(width, size=size),
                    rng.randint(width, size=size),
                ]
            )
            kmeans.exchange_for_values(X, labels, rows, values, some, pairs)
            if time.perf_counter() > deadline:
                break
    return [r[r >= 0] for r in best[1]]


def _bound_block(X, n_clusters, seed, deadline):
    """Lower bound and best inertia of one block."""
    distinct, counts = np.unique(X, axis=0, return_counts=True)
    if len(distinct) <= n_clusters:
        return 0.0, 0.0
    groups = group_points(X, np.zeros(len(X), dtype=np.intp), 1)
    weight = counts.astype(float)
    means = distinct - (weight @ distinct) / weight.sum()
    rng = np.random.RandomState(seed)
    labels, value = swap_search(
        means, n_clusters, weight=weight, n_init=10, n_swaps=100, random_state=rng
    )
    members = tuple((i,) for i in range(len(distinct)))
    rows = Rows(members, means, weight, frozenset())
    flat = flat_points(distinct, weight)
    if flat.stretch == 1.0:  # few features: nearly tight, and quicker
        relaxation = ColumnRelaxation(
            flat, weight, np.arange(len(distinct)), n_clusters, labels
        )
        lower, _, _ = relaxation.solve(
            rows,
            relaxation.first(rows),
            target=value * (1 - _TOLERANCE),
            upper=value,
            lower_bound=0.0,
            deadline=deadline,
        )
        return min(lower, value), value
    problem = CutProblem(rows, n_clusters, groups.total, 2 * groups.total_error)
    outcome = solve_with_cuts(
        problem,
        first_state(problem),
        target=value * (1 - _TOLERANCE),
        upper=value,
        deadline=deadline,
    )
    return max(outcome.lower_bound, 0.0), value


def anticluster_bound(
    X, labels, n_clusters, *, block_size, max_seconds, n_jobs, random_state, tick=None
):
    """Lower bound on the inertia of every clustering of many points.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    labels : ndarray of shape (n,)
        Good labels 0..K-1, each present.
    n_clusters : int
        K.
    block_size : int
        About how many points per block.
    max_seconds : float
        Time to spend, kept roughly.
    n_jobs : int or None
        Threads over blocks.
    random_state : RandomState
        Draws blocks and exchanges.
    tick : callable, optional
        Called after each block.

    Returns
    -------
    bound : BlockBound
        The bound, valid whatever the time was.
    """
    begin = time.perf_counter()
    X = np.ascontiguousarray(X - X.mean(axis=0))
    n_blocks = max(1, round(len(X) / block_size))
    if n_blocks == 1:
        blocks = [np.arange(len(X))]
    else:
        block = deal_blocks(X, labels, n_blocks, random_state)
        blocks = _raise_values(
            X,
            labels,
            block,
            n_blocks,
            n_clusters,
            begin + _EXCHANGE_SHARE * max_seconds,
            random_state,
        )
    seeds = random_state.randint(np.iinfo(np.int32).max, size=len(blocks))
    end = begin + max_seconds
    left = [len(blocks)]
    workers = 1 if n_jobs in (None, 1) else 2

    def solve(task):
        rows, seed = task
        now = time.perf_counter()
        share = workers * max(end - now, 0.0) / max(left[0], 1)
        left[0] -= 1
        found = _bound_block(X[rows], n_clusters, seed, now + share)
        if tick is not None:
            tick(
                {
                    "n_iter": len(blocks) - left[0],
                    "n_blocks": len(blocks),
                    "objective": found[0],
                }
            )
        return found

    tasks = list(zip(blocks, seeds, strict=True))
    found = map_threads(solve, tasks, n_jobs, shared_memory=True)
    lower = sum(bound for bound, _ in found)
    return BlockBound(
        lower * (1 - 4 * len(blocks) * np.finfo(float).eps),
        sum(value for _, value in found),
        len(blocks),
    )
