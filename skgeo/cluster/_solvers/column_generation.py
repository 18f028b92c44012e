"""Bounds for K-means in few dimensions: set covering by column generation.

A clustering covers all rows by K clusters. The relaxation that may use clusters in part
has one column per *set* of rows, and is (nearly) tight. For any prices p >= 0

    inertia >= sum_i p_i + K min(0, least reduced cost of a cluster),

so that every round of column generation ends with a bound. Clusters are also looked for
at prices halfway to those of the best bound, which are often better than either. The
least reduced cost is a problem in as many variables as the rows have features, which
boxes solve (see :mod:`skgeo.kernels.kmeans_pricing`).
"""

import time
from dataclasses import dataclass, field

import numpy as np

from skgeo.cluster._solvers.covering import SURCHARGE, solve_covering
from skgeo.cluster._solvers.cuts import Rows, renaming
from skgeo.cluster._solvers.groups import ROUNDOFF
from skgeo.cluster._solvers.local_search import conflict_lists, improved_labels
from skgeo.kernels import kmeans_pricing

__all__ = [
    "ColumnRelaxation",
    "ColumnState",
    "FlatPoints",
    "covering_seconds",
    "flat_points",
    "row_statistics",
]

_MAX_ROUNDS = 1000
_MAX_BOXES = 2_000_000
# Boxes that a slow machine looks at in a second, so that the end is not overrun.
_BOXES_PER_SECOND = 100_000.0
_MAX_PRICINGS = 200  # per round: a conflict splits one into two
_SLACK = 0.05  # accuracy of prices, as a share of the gap
_LP_ACCURACY = 0.1  # accuracy of the linear program, as a share of the gap
_ROUGHEST, _FINEST = 1e-3, 1e-9
_WARM = 0.3  # of the gap that prices left, where the next program starts
_DECIDED = 0.05  # left between bound and linear program, as a share of the gap
_DEAR = 100.0  # for the cluster that stands for a missing cover, in terms of others
# Clusters per row that are kept when there are half as many more, and by how much this
# grows every time: what was dropped may be needed again.
_KEEP, _MORE, _GROWS = 2.0, 1.5, 1.3
_USED = 1e-6
_MAX_FEATURES = 4  # boxes of more sides are too many


@dataclass(frozen=True, slots=True)
class FlatPoints:
    """Points of few features that stand for given points.

    Attributes
    ----------
    points : ndarray of shape (n, 1 to 4)
        Their coordinates.
    stretch : float
        Squares of distances are at most this times those between the given points,
    shift : float
        but for errors whose weighted squares sum up to the square of this.
    left_out : float
        Weighted sum of squared distances of the given points to the flat.
    """

    points: np.ndarray
    stretch: float
    shift: float
    left_out: float


def flat_points(X, weight):
    """Coordinates of points in the flat of few dimensions nearest to them.

    A projection shortens distances: bounds for the projected points hold for the given
    ones, however near the flat these are.
    """
    X = X[:, np.ptp(X, axis=0) > 0] if np.ptp(X, axis=0).any() else X[:, :1]
    if X.shape[1] <= _MAX_FEATURES:
        return FlatPoints(np.ascontiguousarray(X), 1.0, 0.0, 0.0)
    d = X.shape[1]
    # Around a point: the median of the features may be outside the flat.
    away = X - np.median(X, axis=0)
    away = X - X[np.argmin(np.einsum("ij,ij->i", away, away))]
    axes = np.linalg.svd(np.sqrt(weight)[:, None] * away, full_matrices=False)[2]
    axes = axes[:_MAX_FEATURES]
    stretch = 1 + np.linalg.norm(axes @ axes.T - np.eye(len(axes))) + 8 * d * ROUNDOFF
    places = away @ axes.T
    rest = away - places @ axes
    error = (d + 8) * ROUNDOFF * (np.abs(X) + np.abs(away)).max(axis=1) * d
    return FlatPoints(
        np.ascontiguousarray(places),
        float(stretch),
        float(np.sqrt(weight @ error**2)),
        float(weight @ np.einsum("ij,ij->i", rest, rest)),
    )


def covering_seconds(m):
    """About how long the root takes: 16 s at 666 points in ten clusters, as timed."""
    return 16.0 * (m / 666.0) ** 3


@dataclass(slots=True)
class ColumnState:
    """Clusters found so far and the prices of the rows; units of the inertia."""

    clusters: list
    costs: list
    price: np.ndarray
    fee: float
    use: np.ndarray | None = None
    seen: set = field(default_factory=set)

    def add(self, members, cost):
        """Add a cluster, unless it is there; whether it was new."""
        key = members.tobytes()
        if key in self.seen:
            return False
        self.seen.add(key)
        self.clusters.append(members)
        self.costs.append(cost)
        return True

    def keep(self, which):
        """Only the clusters of these numbers."""
        self.clusters = [self.clusters[c] for c in which]
        self.costs = [self.costs[c] for c in which]
        self.use = None
        self.seen = {members.tobytes() for members in self.clusters}


def row_statistics(points, weight, index, m):
    """Means of merged points, from differences within each.

    Returns
    -------
    means : ndarray of shape (m, d)
        Weighted means; exact where all points of a row coincide.
    mass : ndarray of shape (m,)
        Sums of weights.
    within, within_error : float
        Scatter of the points around their row's mean, and bound of its error.
    mean_error : float
        Root of the weighted sum of the squared errors of the means.
    """
    n, d = points.shape
    first = np.full(m, n)
    np.minimum.at(first, index, np.arange(n))
    away = points - points[first[index]]
    mass = np.bincount(index, weights=weight, minlength=m)
    shift = np.column_stack(
        [np.bincount(index, weights=weight * x, minlength=m) for x in away.T]
    )
    shift /= mass[:, None]
    means = points[first] + shift
    around = away - shift[index]
    within = float(weight @ np.einsum("ij,ij->i", around, around))
    # A sum of c numbers errs by c roundoffs of the largest, the sum of it and the
    # first point by one of that.
    count = np.bincount(index, minlength=m)
    spread = np.zeros(m)
    np.maximum.at(spread, index, np.linalg.norm(away, axis=1))
    error = 2 * (count + 4) * ROUNDOFF * spread
    moved = shift.any(axis=1)
    rounded = np.where(moved, error + ROUNDOFF * np.linalg.norm(means, axis=1), 0.0)
    doubt = np.sqrt(weight @ error[index] ** 2)
    within_error = 2 * np.sqrt(within) * doubt + doubt**2
    within_error += 4 * (n + d) * ROUNDOFF * within
    return means, mass, within, float(within_error), float(np.sqrt(mass @ rounded**2))


class ColumnRelaxation:
    """Bounds of the nodes of a search tree by column generation.

    Parameters
    ----------
    flat : FlatPoints
        The points.
    weight : ndarray of shape (n,)
        Positive weights.
    row_of : ndarray of shape (n,)
        Row of the root of each point.
    n_clusters : int
        K.
    labels : ndarray of shape (m,)
        Good labels of the root's rows.
    """

    def __init__(self, flat, weight, row_of, n_clusters, labels):
        self.flat, self.weight, self.row_of = flat, weight, row_of
        self.n_clusters, self.labels = n_clusters, labels

    def first(self, rows):
        """State of the root: prices from good labels, halfway to the next cluster.

        A row's price lies between what it costs its own cluster and what it would cost
        the next one; the fee between what splitting a cluster saves and what merging
        two of them costs.
        """
        labels, K = np.unique(self.labels, return_inverse=True)[1], self.n_clusters
        X, w, *_ = self._statistics(rows)
        count = int(labels.max()) + 1
        mass = np.bincount(labels, weights=w)
        centers = np.zeros((count, X.shape[1]))
        np.add.at(centers, labels, w[:, None] * X)
        centers /= mass[:, None]
        away = ((X[:, None] - centers[None]) ** 2).sum(axis=2)
        here = np.arange(len(X))
        own = w * away[here, labels]
        joined = away * w[:, None] * mass / (mass + w[:, None])
        joined[here, labels] = np.inf
        room = np.maximum(joined.min(axis=1, initial=np.inf) - own, 0.0)
        room[~np.isfinite(room)] = 0.0
        between = ((centers[:, None] - centers[None]) ** 2).sum(axis=2)
        between *= np.outer(mass, mass) / (mass[:, None] + mass[None])
        between[np.diag_indices(count)] = np.inf
        smallest = 0.5 * between.min(initial=np.inf)
        whole = float(own.sum())
        fee = smallest if 0 < smallest <= whole else max(whole / K, 1e-300)
        whole = np.bincount(labels, weights=room)[labels]
        share = np.divide(room, whole, out=np.zeros_like(room), where=whole > 0)
        state = ColumnState([], [], own + fee * share, float(fee))
        for k in range(count):
            members = np.flatnonzero(labels == k).astype(np.int32)
            state.add(members, _scatter(X, w, members))
        return state

    def merged(self, state, rows, a, b):
        """State after rows a < b have become one: clusters with one of them go.

        Costs are left to :meth:`solve`.
        """
        rename = renaming(len(rows.weight), a, b)
        price = np.delete(state.price, b)
        price[a] += state.price[b]
        found = ColumnState([], [], price, state.fee)
        for members in state.clusters:
            if _holds(members, a) == _holds(members, b):
                found.add(np.unique(rename[members]).astype(np.int32), 0.0)
        return found

    def separated(self, state, rows, a, b):
        """State after rows a and b have come apart: clusters with both go."""
        found = ColumnState([], [], state.price.copy(), state.fee)
        for members in state.clusters:
            if not (_holds(members, a) and _holds(members, b)):
                found.add(members, 0.0)
        return found

    def membership(self, rows, state):
        """Relaxed membership matrix, times the roots of the weights of both rows."""
        m = len(rows.weight)
        Y = np.zeros((m, m))
        use = np.zeros(len(state.clusters)) if state.use is None else state.use
        root = np.sqrt(rows.weight)
        for c in np.flatnonzero(use > _USED):
            members = state.clusters[c]
            part = root[members]
            Y[np.ix_(members, members)] += use[c] * np.outer(part, part) / (part @ part)
        return Y

    def pair_values(self, rows, state, gap):
        """What deciding a pair is worth, (m, m), or None if none is.

        A child changes every cluster in use that it forbids by one of the two rows: it
        leaves, or the other one joins. The change of the reduced cost times the use is
        what the value of the program rises by, to first order. It is the product over
        both children, none of which needs more than the gap: a pair that one of them
        gets around at no cost leads to a long chain of such children.
        """
        if state.use is None:
            return None
        X, w, *_ = self._statistics(rows)
        m = len(w)
        apart, joined = np.zeros((m, m)), np.zeros((m, m))
        for c in np.flatnonzero((state.use > _USED) & (state.use < 1 - _USED)):
            members = state.clusters[c]
            others = np.setdiff1d(np.arange(m), members, assume_unique=True)
            mass = w[members].sum()
            away = ((X - w[members] @ X[members] / mass) ** 2).sum(axis=1) * w * mass
            leaves = np.full(len(members), gap)
            if len(members) > 1:
                leaves = state.price[members] - away[members] / (mass - w[members])
            joins = away[others] / (mass + w[others]) - state.price[others]
            leaves = state.use[c] * np.clip(leaves, 0.0, None)
            joins = state.use[c] * np.clip(joins, 0.0, None)
            apart[np.ix_(members, members)] += np.minimum(leaves[:, None], leaves)
            both = np.minimum(leaves[:, None], joins)
            joined[np.ix_(members, others)] += both
            joined[np.ix_(others, members)] += both.T
        value = np.minimum(apart, gap) * np.minimum(joined, gap)
        return value if (value > 0).any() else None

    def _statistics(self, rows):
        """Means, mass, scatter within, its error, error of the means; of a node."""
        index = np.empty(len(self.labels), dtype=np.intp)
        for row, members in enumerate(rows.members):
            index[list(members)] = row
        return row_statistics(
            self.flat.points, self.weight, index[self.row_of], len(rows.members)
        )

    def _cover(self, rows, X, w):
        """K clusters that hold every row, of labels that keep apart what has to be."""
        labels = np.array([self.labels[members[0]] for members in rows.members])
        node = Rows(rows.members, X, w, rows.apart)
        found = improved_labels(node, labels, self.n_clusters, conflict_lists(rows))
        if found is None:
            return []
        return [
            np.flatnonzero(found[0] == k).astype(np.int32) for k in np.unique(found[0])
        ]

    def solve(self, rows, state, *, target, upper, lower_bound, deadline, watch=None):
        """Bound a node; ``state`` is overwritten.

        Parameters
        ----------
        rows : Rows
            The node.
        state : ColumnState
            Clusters and prices to start from.
        target, upper : float
            Bound at which to stop, inertia of the best labels known.
        lower_bound : float
            Bound known already.
        deadline : float
            Time by :func:`time.perf_counter` at which to stop.
        watch : callable, optional
            Called with the bound after each round; true stops.

        Returns
        -------
        lower_bound : float
            No labels of the node have a smaller inertia.
        n_rounds : int
            Rounds of column generation.
        finished : bool
            Whether there is nothing left to do: not at a time limit or by ``watch``.
        """
        X, w, within, doubt, moved = self._statistics(rows)
        m, K = len(w), self.n_clusters
        moved += self.flat.shift
        inside = (
            max(
                np.sqrt(max(within - doubt, 0.0) / self.flat.stretch) - self.flat.shift,
                0.0,
            )
            ** 2
        )

        def rigorous(value):
            """From the rows' scatter as computed to the inertia of the points."""
            root = np.sqrt(max(value, 0.0) / self.flat.stretch) - moved
            return inside + max(root, 0.0) ** 2

        if m == K:
            return max(lower_bound, rigorous(0.0)), 0, True
        state.costs = [_scatter(X, w, members) for members in state.clusters]
        pricing = _Pricing(X, w, rows.apart)
        unit = max((upper - within) / m, np.finfo(float).tiny)
        best, accuracy = lower_bound, _ROUGHEST
        found = self._cover(rows, X, w)
        for members in found:
            state.add(members, _scatter(X, w, members))
        spare = [] if found else [np.arange(m, dtype=np.int32)]
        spare_cost = [_DEAR * (upper + K * state.fee)] * len(spare)
        value, n_rounds, capped, central = np.inf, 0, False, None
        kept = _KEEP

        def priced(price, below, slack):
            """Bound of the rows' scatter at given prices, and clusters."""
            least, clusters = pricing.find(price, below, slack, deadline)
            total = float(price.sum())
            # Sums of prices and of squares of distances that are at most prices.
            margin = 16 * (m + 16 * (64 * X.shape[1] + 200)) * ROUNDOFF * total
            return total + K * (min(least, 0.0) - margin) - margin, clusters

        for n_rounds in range(1, _MAX_ROUNDS + 1):
            gap = max(upper - best, 0.0)
            slack = max(_SLACK * gap, 0.01 * (upper - target), 1e-10 * upper) / K
            # At first all local minima, so that the program has room.
            below = 0.0 if state.use is None else -state.fee * (1 + 1e-9)
            plain, clusters = priced(state.price, below, slack)
            bound = rigorous(plain)
            if central is not None and bound < best < target:
                halfway = 0.5 * (central + state.price)
                other, more = priced(halfway, below, slack)
                clusters = clusters + more
                if rigorous(other) > best:
                    central, best = halfway, rigorous(other)
            if central is None or bound >= best:
                central, best = state.price, max(best, bound)
            if best >= target:
                break
            if time.perf_counter() > deadline or (watch is not None and watch(best)):
                return best, n_rounds, False
            if state.use is not None and np.isfinite(value):
                left = rigorous(value) - best
                if left <= _DECIDED * max(upper - best - left, 0.0):
                    break
            added = 0
            for members in clusters:
                added += state.add(members, _scatter(X, w, members))
            if added == 0 and state.use is not None and not capped:
                if accuracy <= _FINEST:
                    break
                accuracy = max(0.1 * accuracy, _FINEST)
            else:
                relative = gap / max(upper, np.finfo(float).tiny)
                accuracy = min(max(_LP_ACCURACY * relative, _FINEST), _ROUGHEST)
            # A fee between what a split saves, less than the inertia, and what merging
            # two clusters costs is optimal: a large one only costs digits.
            fee = min(max(state.fee / unit, 1e-9), float(m))
            solution = solve_covering(
                [*state.clusters, *spare],
                np.array([*state.costs, *spare_cost]) / unit,
                m,
                K,
                state.price / unit,
                fee,
                accuracy,
                *self._warm_start(state, len(spare), value - plain, value),
            )
            state.price, state.fee = solution.price * unit, solution.fee * unit
            state.use = solution.use[: len(state.clusters)]
            value = solution.value * unit
            capped = solution.fee > 0.5 * SURCHARGE * fee and fee < m
            if len(state.clusters) > _MORE * kept * m:
                order = np.argsort(
                    solution.reduced[: len(state.clusters)], kind="stable"
                )[: int(kept * m)]
                kept *= _GROWS
                use = state.use[order]
                state.keep(order.tolist())
                state.use = use
        return best, n_rounds, True

    @staticmethod
    def _warm_start(state, n_spare, gap, value):
        """Use and gap of the program before, where there was one."""
        if state.use is None or not np.isfinite(value):
            return ()
        n_new = len(state.clusters) - len(state.use) + n_spare
        gap = _WARM * max(gap, 0.0) / max(value, np.finfo(float).tiny)
        return np.append(state.use, np.zeros(n_new)), gap


def _holds(members, row):
    place = int(np.searchsorted(members, row))
    return place < len(members) and members[place] == row


def _scatter(X, w, members):
    """Scatter of some rows around their mean."""
    away = X[members] - X[members[0]]
    mine = w[members]
    away = away - mine @ away / mine.sum()
    return float(mine @ np.einsum("ij,ij->i", away, away))


class _Pricing:
    """Clusters of least reduced cost among rows, some of which have to be apart."""

    def __init__(self, X, weight, apart):
        self.X, self.weight, self.apart = np.ascontiguousarray(X), weight, apart
        lists = [[] for _ in weight]
        for i, j in apart:
            lists[i].append(j)
            lists[j].append(i)
        self.starts = np.concatenate([[0], np.cumsum([len(x) for x in lists])])
        self.starts = self.starts.astype(np.int64)
        self.enemies = np.array([j for x in lists for j in x], dtype=np.int64)

    def _descend(self, price, centers):
        member = np.empty((len(centers), len(self.weight)), dtype=np.bool_)
        value = np.empty(len(centers))
        kmeans_pricing.descend_to_clusters(
            self.X,
            self.weight,
            price,
            self.starts,
            self.enemies,
            centers,
            member,
            value,
        )
        return member, value

    def find(self, price, limit, slack, deadline=np.inf):
        """Least reduced cost from below, and clusters below a limit.

        Towards the deadline fewer boxes are looked at: the bound is valid but far.

        Returns
        -------
        bound : float
            No cluster has a smaller reduced cost, up to rounding.
        clusters : list of ndarray
            Local minima below the limit, the lowest first; the lowest of all in
            any case.
        """
        member, value = self._descend(price, self.X.copy())
        best, bound = min(float(value.min()), 0.0), np.inf
        # Conflicts are left out, until the cluster found has one: then without either.
        waiting, n_pricings = [price], 0
        while waiting:
            mine = waiting.pop()
            n_pricings += 1
            center = np.full(self.X.shape[1], np.nan)
            boxes = _BOXES_PER_SECOND * (deadline - time.perf_counter())
            boxes = int(np.clip(boxes, 0, _MAX_BOXES))
            reached, below, _ = kmeans_pricing.least_reduced_cost(
                self.X, self.weight, mine, best, slack, boxes, center
            )
            if np.isnan(center[0]):
                bound = min(bound, below)
                continue
            away = ((self.X - center) ** 2).sum(axis=1)
            inside = self.weight * away < mine
            clash = [(i, j) for i, j in self.apart if inside[i] and inside[j]]
            if clash and n_pricings < _MAX_PRICINGS:
                for row in clash[0]:
                    without = mine.copy()
                    without[row] = 0.0
                    waiting.append(without)
                continue
            bound = min(bound, below)
            more, its_value = self._descend(mine, center[None].copy())
            member, value = np.vstack([member, more]), np.append(value, its_value)
            if not clash:
                best = min(best, reached)
        order = np.argsort(value, kind="stable")
        packed = np.packbits(member[order], axis=1)
        _, first = np.unique(packed, axis=0, return_index=True)
        most = max(200, len(self.weight))
        found = [
            np.flatnonzero(member[order[p]]).astype(np.int32)
            for p in np.sort(first)[:most]
            if value[order[p]] < limit or p == 0
        ]
        return bound, [members for members in found if len(members)]
