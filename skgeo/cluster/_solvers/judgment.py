"""Everything that is said about given labels: proof, bound, and why not more.

Where one group is far from another the total scatter says nothing about the inertia,
and neither does a bound made of it. There the data fall into *components* that no
optimal cluster can join: two points of one cluster cost at least ``d^2 w_i w_j / (w_i +
w_j)``, so nothing farther apart than the present labels' inertia allows shares a
cluster. The optimum is then a sum over components, minimized over the numbers of
clusters they get, and each component is judged alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from skgeo.cluster._solvers.bounds import (
    affordable_cells,
    cell_bound,
    cell_cost,
    clipped_bound,
)
from skgeo.cluster._solvers.certificate import (
    CERTIFIED_GAP,
    FEWER_GROUPS,
    closed_form_certificate,
    pca_bound,
)
from skgeo.cluster._solvers.groups import ROUNDOFF, group_points, power_of_two_scale
from skgeo.cluster._solvers.local_search import swap_search
from skgeo.kernels import kmeans

__all__ = [
    "Judgment",
    "advice",
    "certify_labels",
    "dense_cost",
    "fast_budget",
    "root_seconds",
    "seconds",
]

_CLOSE = 1e-4  # a gap below this is not worth a semidefinite program
_FEW = 12  # points of which every partition is looked at
_ALL_PAIRS = 2000  # points up to which components are found from all distances
_SEARCHED = 5000  # points of a component for which labels are looked for
_FEWEST_CELLS = 5  # per cluster: fewer say little
_SECOND = 2e9  # floating-point operations of about one second
_OTHER_ALLOCATIONS = "another allocation of clusters to far components is not excluded"


@dataclass(frozen=True, slots=True)
class Judgment:
    """What is proven about labels, in the units of the points as given.

    Attributes
    ----------
    verdict : {"certified", "not_tight", "open"}
        Outcome.
    reason : str
        Why it is not certified.
    inertia, lower_bound : float
        Of the labels, and of every clustering.
    error : float
        Bound on the rounding error of ``inertia``.
    method : {"certificate", "enumeration", "components", "pca", "clipped", "cells"}
        What gave ``lower_bound``.
    t_max, floor : float
        Bracket of the dual variable.
    total : float
        Sum of squared distances to the overall mean.
    left_out : tuple of (str, float)
        Bounds that were too dear, and about how many seconds they would take.
    """

    verdict: str
    reason: str
    inertia: float
    lower_bound: float
    error: float
    method: str
    t_max: float
    floor: float
    total: float
    left_out: tuple = ()

    @property
    def gap(self):
        """Share of the inertia that an optimal clustering could save at most."""
        if self.inertia > 0:
            return max(1.0 - float(self.lower_bound / self.inertia), 0.0)
        return 0.0 if self.verdict == "certified" else 1.0


def fast_budget(n, n_clusters, d):
    """Operations of about ten fits of K-means (ten starts), at least two seconds'."""
    return max(2.0 * _SECOND, 10 * 10 * 15 * 3.0 * n * n_clusters * d)


def seconds(operations):
    """About how long so many operations take."""
    return operations / _SECOND


def dense_cost(n):
    """Floating-point operations (about, as timed) of the dense relaxation."""
    return 60.0 * n**3 + 1e9


def root_seconds(n):
    """About how long the relaxation with cuts takes: 10 s at 417 points, as timed."""
    return 10.0 * (n / 417.0) ** 3


_STAGES = {
    "cells": ("effort='thorough' adds a semidefinite program over cells of points"),
    "dense": ("effort='thorough' solves the semidefinite relaxation"),
}


def advice(left_out):
    """Words for what was left out: what it is, what it may bring, what it costs."""
    if not left_out:
        return ""
    stage, cost = left_out[-1]
    return (
        f"{_STAGES[stage]}: it may tighten the bound and takes about "
        f"{max(1.0, cost):.0f} s."
    )


def certify_labels(
    X,
    labels,
    n_clusters,
    *,
    weight=None,
    bound="auto",
    budget=np.inf,
    n_cells=300,
    random_state=None,
    notice=None,
    tick=None,
):
    """Judge labels of points.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points, scaled to entries of about one by a power of two.
    labels : ndarray of shape (n,)
        Labels 0..K'-1, each present.
    n_clusters : int
        Number of clusters of the optimum, at least K'.
    weight : ndarray of shape (n,), optional
        Positive weights.
    bound : {"none", "closed", "auto"}
        How far to go for a lower bound.
    budget : float
        Floating-point operations for each stage of it.
    n_cells : int
        Cells of the bound by cells.
    random_state : RandomState
        Draws cells.
    notice : callable, optional
        Called with the seconds that the program over cells will take about.
    tick : callable, optional
        Called with a dictionary at each check of that program; true stops it.

    Returns
    -------
    judgment : Judgment
        The outcome.
    """
    groups = group_points(X, labels, labels.max() + 1, weight)
    judgment = _judge_alone(
        groups,
        X,
        labels,
        n_clusters,
        weight,
        bound=bound,
        budget=budget,
        n_cells=n_cells,
        random_state=random_state,
        notice=notice,
        tick=tick,
    )
    if judgment.verdict == "certified" or n_clusters < 2:
        return judgment
    parts = _components(X, groups, weight)
    if parts is None:
        return judgment
    options = {"bound": bound, "budget": budget, "random_state": random_state}
    return _judge_components(X, labels, n_clusters, weight, parts, judgment, options)


def _judge_alone(
    groups,
    X,
    labels,
    n_clusters,
    weight,
    *,
    bound,
    budget,
    n_cells=300,
    random_state=None,
    notice=None,
    tick=None,
):
    """Judge labels without looking for components."""
    found = closed_form_certificate(groups, n_clusters, budget)
    inertia, error = groups.inertia, groups.inertia_error
    judgment = Judgment(
        verdict=found.verdict,
        reason=found.reason,
        inertia=inertia,
        lower_bound=0.0,
        error=error,
        method="pca",
        t_max=found.t_max,
        floor=found.floor,
        total=groups.total,
    )
    if groups.pure:
        return replace(
            judgment, inertia=0.0, error=0.0, verdict="certified", method="certificate"
        )
    if found.verdict == "certified":
        return replace(judgment, lower_bound=inertia - error, method="certificate")
    if n_clusters >= groups.n_points:
        # As many clusters as points: the optimum is zero.
        return judgment
    if groups.n_points <= _FEW:
        return _enumerate(X, labels, n_clusters, weight, judgment)
    doubt = 2 * groups.total_error
    lower, method = groups.total - pca_bound(groups, n_clusters), "pca"
    left_out = []
    if bound != "none":
        value, t, kappa = clipped_bound(groups, n_clusters, budget=budget)
        if groups.total - value > lower:
            lower, method = groups.total - value, "clipped"
        if bound == "auto" and lower < (1 - _CLOSE) * inertia:
            n_cells = min(n_cells, groups.n_points)
            cost = cell_cost(groups, n_cells)
            n_cells = affordable_cells(groups, n_cells, budget)
            if cost > budget:
                left_out.append(("cells", cost / _SECOND))
            if n_cells >= _FEWEST_CELLS * n_clusters or cost <= budget:
                if notice is not None:
                    notice(seconds(min(cost, budget)))
                value = cell_bound(
                    groups,
                    n_clusters,
                    t,
                    kappa,
                    n_cells=n_cells,
                    random_state=random_state,
                    tick=tick,
                )
                if groups.total - value > lower:
                    lower, method = groups.total - value, "cells"
    return replace(
        judgment,
        lower_bound=min(max(0.0, lower - doubt), inertia),
        method=method,
        left_out=tuple(left_out),
    )


def _few_costs(X, weight):
    """Costs of all subsets of a few points, and their relative error."""
    n, d = X.shape
    weight = np.ones(n) if weight is None else weight
    costs = kmeans.subset_costs(np.ascontiguousarray(X), weight)
    return costs, 8 * (n * n + d + 16) * ROUNDOFF


def _enumerate(X, labels, n_clusters, weight, judgment):
    """Look at every partition of a few points."""
    n = len(X)
    costs, relative = _few_costs(X, weight)
    optimum = float(kmeans.best_partitions(costs, n, n_clusters)[-1])
    lower = min(optimum * (1 - relative), judgment.inertia)
    judgment = replace(judgment, lower_bound=max(lower, 0.0), method="enumeration")
    if labels.max() + 1 < n_clusters:
        return judgment
    masks = [int(np.sum(1 << np.flatnonzero(labels == k))) for k in range(n_clusters)]
    own = float(sum(costs[mask] for mask in masks))
    if not own * (1 + relative) * (1 - CERTIFIED_GAP) <= optimum:
        return judgment
    # Every other partition lacks one of these groups: forbid them in turn.
    second = np.inf
    for mask in masks:
        kept, costs[mask] = costs[mask], np.inf
        second = min(second, kmeans.best_partitions(costs, n, n_clusters)[-1])
        costs[mask] = kept
    if own * (1 + relative) < second * (1 - relative):
        return replace(judgment, verdict="certified", reason="")
    return replace(
        judgment,
        verdict="open",
        reason="another clustering is as good up to rounding",
    )


def _components(X, groups, weight):
    """Component of each point, or None if the data do not fall apart."""
    lightest = 1.0 if weight is None else weight.min()
    radius = 2.0 * (groups.inertia + groups.inertia_error) / lightest
    radius *= 1 + (X.shape[1] + 64) * 4 * ROUNDOFF
    if not (groups.separation > radius).any():
        return None
    n = len(X)
    if n <= _ALL_PAIRS:
        near = cdist(X, X, "sqeuclidean") <= radius
        count, parts = connected_components(near, directed=False)
    else:
        parts = _split_by_axes(X, np.sqrt(radius))
        count = parts.max() + 1
    return parts if 2 <= count <= groups.n_groups else None


def _split_by_axes(X, gap):
    """Cut along coordinates wherever two neighbors are farther apart than ``gap``."""
    parts = np.zeros(len(X), dtype=int)
    while True:
        before = parts.max()
        for column in X.T:
            order = np.lexsort((column, parts))
            jump = np.diff(column[order]) > gap
            new = jump | (np.diff(parts[order]) != 0)
            parts[order] = np.concatenate([[0], np.cumsum(new)])
        if parts.max() == before:
            return parts


def _allocate(tables, n_clusters, own):
    """Least sums of tables over allocations of clusters: of all, of all but ``own``."""
    reach = n_clusters - len(tables) + 2
    same, other = np.full((2, n_clusters + 1), np.inf)
    same[0] = 0.0
    for table, mine in zip(tables, own, strict=True):
        next_same, next_other = np.full((2, n_clusters + 1), np.inf)
        for used in range(n_clusters + 1):
            for k in range(1, min(reach, n_clusters - used + 1)):
                value = other[used] + table[k]
                next_other[used + k] = min(next_other[used + k], value)
                value = same[used] + table[k]
                if k == mine:
                    next_same[used + k] = min(next_same[used + k], value)
                else:
                    next_other[used + k] = min(next_other[used + k], value)
        same, other = next_same, next_other
    return min(same[-1], other[-1]), other[-1]


def _bounds_by_size(X, weight, k_max, options):
    """Lower bounds on the inertia of some points in 1, ..., ``k_max`` clusters."""
    n = len(X)
    table = np.zeros(k_max + 1)
    table[0] = np.inf
    if n <= _FEW:
        costs, relative = _few_costs(X, weight)
        top = min(k_max, n)
        best = kmeans.best_partitions(costs, n, top)
        table[1 : top + 1] = np.maximum(best, 0.0) * (1 - relative)
    else:
        groups = group_points(X, np.zeros(n, dtype=np.intp), 1, weight)
        table[1] = groups.inertia - groups.inertia_error
        for k in range(2, min(k_max, n - 1) + 1):
            table[k] = groups.total - pca_bound(groups, k) - 2 * groups.total_error
        table = np.maximum(table, 0.0)
        distinct = 0 if n > _SEARCHED else len(np.unique(X, axis=0))
        for k in range(2, min(k_max, distinct - 1) + 1):
            labels, _ = swap_search(
                X,
                k,
                weight=weight,
                n_init=3,
                n_swaps=10,
                random_state=options["random_state"] or np.random.RandomState(0),
            )
            labels = np.unique(labels, return_inverse=True)[1]
            groups = group_points(X, labels, labels.max() + 1, weight)
            found = _judge_alone(
                groups,
                X,
                labels,
                k,
                weight,
                bound="none" if options["bound"] == "none" else "closed",
                budget=options["budget"],
            )
            table[k] = max(table[k], found.lower_bound)
    # More clusters never cost more: a bound for k + 1 serves k.
    for k in range(k_max - 1, 0, -1):
        table[k] = max(table[k], table[k + 1])
    return table


def _judge_components(X, labels, n_clusters, weight, parts, whole, options):
    """Judge labels component by component."""
    count = int(parts.max()) + 1
    own, tables, proven = [], [], True
    for part in range(count):
        rows = np.flatnonzero(parts == part)
        # Scaled by a power of two, so that nothing is rounded or vanishes.
        shifted = X[rows]
        mine = None if weight is None else weight[rows]
        codes = np.unique(labels[rows], return_inverse=True)[1]
        k = int(codes.max()) + 1
        unit = power_of_two_scale(shifted)
        groups = group_points(shifted / unit, codes, k, mine)
        judgment = _judge_alone(
            groups, shifted / unit, codes, k, mine, n_cells=300, **options
        )
        table = _bounds_by_size(shifted / unit, mine, n_clusters - count + 1, options)
        if k < len(table):
            table[k] = max(table[k], judgment.lower_bound)
        proven = proven and judgment.verdict == "certified"
        own.append(k)
        tables.append(table * unit**2)
    least, other = _allocate(tables, n_clusters, own)
    least *= 1 - 4 * count * ROUNDOFF
    lower = min(max(whole.lower_bound, least), whole.inertia)
    method = "components" if least > whole.lower_bound else whole.method
    result = replace(whole, lower_bound=lower, method=method)
    if sum(own) != n_clusters:
        return replace(result, reason=FEWER_GROUPS)
    if not proven:
        return result
    if not other * (1 - 4 * count * ROUNDOFF) > whole.inertia + whole.error:
        return replace(result, verdict="open", reason=_OTHER_ALLOCATIONS)
    if whole.error > CERTIFIED_GAP * whole.inertia:
        return result
    # Each component was certified with its own, smaller error.
    lower = max(whole.inertia - whole.error, lower)
    return replace(
        result, verdict="certified", reason="", lower_bound=lower, method="components"
    )
