"""Strong local search for K-means: single moves of points, then swaps of centers."""

import numpy as np
from sklearn.cluster import kmeans_plusplus

from skgeo.kernels import kmeans

__all__ = ["better_labels", "search_labels", "swap_search"]

_MAX_PASS = 200  # passes over the points; a handful is the rule
_SWAPS = 200  # swaps that end a fit, fewer where they would take this many operations
_SWAP_OPERATIONS = 2e9
_PER_SWAP = 30.0  # operations of one swap by points, clusters and features


def _ready(X, weight):
    """Centered contiguous points and weights for the kernels."""
    X = np.ascontiguousarray(X - X.mean(axis=0))
    weight = np.ones(len(X)) if weight is None else np.ascontiguousarray(weight)
    return X, weight


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
    best, found = np.inf, candidates[0]
    for labels in candidates:
        if len(np.unique(labels)) < n_clusters:
            continue
        trial = labels.astype(np.int64)
        value = kmeans.hartigan(X, weight, trial, n_clusters, _MAX_PASS)
        if value < best:
            best, found = value, trial
    return found.astype(np.intp)


def _start(X, weight, n_clusters, rng):
    seed = rng.randint(np.iinfo(np.int32).max)
    centers, _ = kmeans_plusplus(X, n_clusters, sample_weight=weight, random_state=seed)
    labels = np.empty(len(X), dtype=np.int64)
    kmeans.assign_nearest(X, centers, labels)
    return labels


def swap_search(
    X, n_clusters, *, weight=None, labels=None, n_init=30, n_swaps=200, random_state
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
    random_state : RandomState
        Draws both.

    Returns
    -------
    labels : ndarray of shape (n,)
        Labels.
    inertia : float
        Theirs.
    """
    X, weight = _ready(X, weight)
    best, best_labels = np.inf, None
    starts = [] if labels is None else [labels.astype(np.int64)]
    for i in range(n_init + len(starts)):
        trial = (
            starts[i]
            if i < len(starts)
            else _start(X, weight, n_clusters, random_state)
        )
        value = kmeans.hartigan(X, weight, trial, n_clusters, _MAX_PASS)
        if best_labels is None or value < best * (1 - 1e-12):
            best, best_labels = value, trial
    for _ in range(n_swaps):
        sizes = np.bincount(best_labels, weights=weight, minlength=n_clusters)
        if not best > 0 or (sizes == 0).any():
            break
        centers = np.empty((n_clusters, X.shape[1]))
        for j in range(X.shape[1]):
            sums = np.bincount(best_labels, weights=weight * X[:, j])
            centers[:, j] = sums / sizes
        away = X - centers[best_labels]
        cost = np.cumsum(weight * np.einsum("ij,ij->i", away, away))
        k = random_state.randint(n_clusters)
        chosen = np.searchsorted(cost, random_state.uniform() * cost[-1])
        centers[k] = X[min(chosen, len(X) - 1)]
        trial = np.empty(len(X), dtype=np.int64)
        kmeans.assign_nearest(X, centers, trial)
        value = kmeans.hartigan(X, weight, trial, n_clusters, _MAX_PASS)
        if value < best * (1 - 1e-12):
            best, best_labels = value, trial
    return best_labels.astype(np.intp), float(best)
