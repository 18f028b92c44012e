"""Strong local search for K-means: single moves of points, then swaps of centers."""

import numpy as np
from sklearn.cluster import kmeans_plusplus

from skgeo.kernels import kmeans

__all__ = [
    "better_labels",
    "conflict_lists",
    "improved_labels",
    "search_labels",
    "swap_search",
]

_MAX_PASS = 200  # passes over the points; a handful is the rule
_SWAPS = 200  # swaps that end a fit, fewer where they would take this many operations
_SWAP_OPERATIONS = 2e9
_PER_SWAP = 30.0  # operations of one swap by points, clusters and features


def _ready(X, weight):
    """Centered contiguous points and weights for the kernels.

    Around the median: a mean that follows one far point rounds all others together.
    """
    X = np.ascontiguousarray(X - np.median(X, axis=0))
    weight = np.ones(len(X)) if weight is None else np.ascontiguousarray(weight)
    return X, weight.astype(float)


def search_labels(X, labels, n_clusters, weight, random_state, n_swaps=None):
    """Moves and swaps from given labels; what they cost is bounded."""
    if n_swaps is None:
        affordable = _SWAP_OPERATIONS / (_PER_SWAP * X.size * n_clusters)
        n_swaps = int(np.clip(affordable, 5, _SWAPS))
    return swap_search(
        X,
        n_clusters,
        weight=weight,
        labels=labels,
        n_init=0,
        n_swaps=n_swaps,
        random_state=random_state,
    )[0]


def better_labels(X, candidates, n_clusters, weight=None):
    """Candidate of the lowest inertia after single moves."""
    X, weight = _ready(X, weight)
    free = _no_conflicts(len(X))
    best, found = np.inf, candidates[0]
    for labels in candidates:
        if len(np.unique(labels)) < n_clusters:
            continue
        trial = labels.astype(np.int64)
        value = kmeans.hartigan(X, weight, trial, n_clusters, _MAX_PASS, *free)
        if value < best:
            best, found = value, trial
    return found.astype(np.intp)


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
    if (labels[flat] == np.repeat(labels, np.diff(starts))).any():
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


def _without_empty(X, labels, n_clusters):
    """Give empty clusters a point that differs from others of its cluster.

    Points whose differences were rounded away by the search may leave some empty.
    """
    counts = np.bincount(labels, minlength=n_clusters)
    for empty in np.flatnonzero(counts == 0):
        farthest, row = 0.0, -1
        for k in np.flatnonzero(counts > 1):
            mine = np.flatnonzero(labels == k)
            away = np.abs(X[mine] - X[mine[0]]).max(axis=1)
            if away.max() > farthest:
                farthest, row = away.max(), mine[np.argmax(away)]
        if row < 0:
            break
        counts[labels[row]] -= 1
        labels[row], counts[empty] = empty, 1
    return labels


def _no_conflicts(n):
    """Points that may all be together, in the form of the kernels."""
    return np.zeros(n + 1, dtype=np.int64), np.empty(0, dtype=np.int64)


def _start(X, weight, n_clusters, rng):
    seed = rng.randint(np.iinfo(np.int32).max)
    centers, _ = kmeans_plusplus(X, n_clusters, sample_weight=weight, random_state=seed)
    labels = np.empty(len(X), dtype=np.int64)
    kmeans.assign_nearest(X, centers, labels)
    return labels


def swap_search(
    X,
    n_clusters,
    *,
    weight=None,
    labels=None,
    n_init=30,
    n_swaps=200,
    conflicts=None,
    random_state,
):
    """Best labels of several starts, then of swaps of one center.

    A swap moves a random center to a point drawn with probability proportional to its
    squared distance from its own center, and lets single points move until nothing
    gains. It is kept if it is better.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    n_clusters : int
        K.
    weight : ndarray of shape (n,), optional
        Positive weights.
    labels : ndarray of shape (n,), optional
        Labels that are improved too.
    n_init, n_swaps : int
        Starts by k-means++, and swaps.
    conflicts : tuple of ndarray, optional
        Points that must not be together, as starts and a flat list for the kernels.
    random_state : RandomState
        Draws both.

    Returns
    -------
    labels : ndarray of shape (n,) or None
        Labels; None if no start keeps apart what has to be.
    inertia : float
        Theirs.
    """
    given = X
    X, weight = _ready(X, weight)
    conflicts = _no_conflicts(len(X)) if conflicts is None else conflicts
    most = np.argsort(-np.diff(conflicts[0]), kind="stable")
    best, best_labels = np.inf, None

    def offer(trial):
        nonlocal best, best_labels
        if len(conflicts[1]):
            centers = _centers(X, weight, trial, n_clusters)
            if not kmeans.assign_apart(X, centers, most, *conflicts, trial):
                return
        value = kmeans.hartigan(X, weight, trial, n_clusters, _MAX_PASS, *conflicts)
        if best_labels is None or value < best * (1 - 1e-12):
            best, best_labels = value, trial

    if labels is not None:
        offer(labels.astype(np.int64))
    for _ in range(n_init):
        offer(_start(X, weight, n_clusters, random_state))
    for _ in range(n_swaps):
        if best_labels is None or not best > 0:
            break
        centers = _centers(X, weight, best_labels, n_clusters)
        away = X - centers[best_labels]
        cost = np.cumsum(weight * np.einsum("ij,ij->i", away, away))
        k = random_state.randint(n_clusters)
        chosen = np.searchsorted(cost, random_state.uniform() * cost[-1])
        centers[k] = X[min(chosen, len(X) - 1)]
        trial = np.empty(len(X), dtype=np.int64)
        kmeans.assign_nearest(X, centers, trial)
        offer(trial)
    if best_labels is None:
        return None, np.inf
    if not len(conflicts[1]):
        best_labels = _without_empty(given, best_labels, n_clusters)
    return best_labels.astype(np.intp), float(best)


def _centers(X, weight, labels, n_clusters):
    """Weighted means; of an empty group the overall center."""
    sizes = np.bincount(labels, weights=weight, minlength=n_clusters)
    centers = np.empty((n_clusters, X.shape[1]))
    for j in range(X.shape[1]):
        sums = np.bincount(labels, weights=weight * X[:, j], minlength=n_clusters)
        centers[:, j] = sums / np.where(sizes > 0, sizes, 1.0)
    return centers
