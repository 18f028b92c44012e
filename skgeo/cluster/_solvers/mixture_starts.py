"""First labels of mixtures: K-means, Ward's method, seeds, the relaxation."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import AgglomerativeClustering, KMeans

from skgeo.cluster._solvers.lloyd import group_means
from skgeo.cluster._solvers.relaxation import WeightedGram, solve_kmeans_sdp
from skgeo.cluster._solvers.sketch import balanced_sample

__all__ = ["first_labels", "share_of_equal_labels", "starting_labels"]

_WARD = 1500  # points that Ward's method links
_SDP = 250  # points of the K-means relaxation that gives a start


def share_of_equal_labels(a, b):
    """Largest share of equal labels over all renamings."""
    K = max(a.max(), b.max()) + 1
    table = np.zeros((K, K))
    np.add.at(table, (a, b), 1.0)
    rows, columns = linear_sum_assignment(-table)
    return table[rows, columns].sum() / len(a)


def _sphered(X):
    """Points in the metric of their total covariance."""
    U, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    rank = max(int((s > 1e-8 * s[0]).sum()), 1)
    return U[:, :rank] * np.sqrt(len(X))


def _nearest(X, centers):
    square = ((X[:, None] - centers[None]) ** 2).sum(axis=2)
    return np.argmin(square, axis=1)


def _ward(X, n_clusters, rng):
    if len(X) <= _WARD:
        return AgglomerativeClustering(n_clusters).fit_predict(X)
    rows = rng.choice(len(X), _WARD, replace=False)
    found = AgglomerativeClustering(n_clusters).fit_predict(X[rows])
    return _nearest(X, group_means(X[rows], found, n_clusters))


def starting_labels(X, n_clusters, kind, n_random, rng):
    """Named first labels of standardized points, without repetitions.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Standardized points.
    n_clusters : int
        K.
    kind : {"auto", "kmeans", "random"}
        Which starts.
    n_random : int
        Random seeds among them.
    rng : RandomState
        Draws them.

    Returns
    -------
    starts : list of (str, ndarray)
        Names and labels.
    """
    sphered = _sphered(X)
    found = []

    def add(name, labels):
        labels = np.unique(labels, return_inverse=True)[1].ravel()
        if labels.max() + 1 < n_clusters:
            return
        if all(share_of_equal_labels(labels, other) < 1 for _, other in found):
            found.append((name, labels))

    def kmeans(points, n_init):
        seed = rng.randint(np.iinfo(np.int32).max)
        return KMeans(n_clusters, n_init=n_init, random_state=seed).fit_predict(points)

    if kind in ("auto", "kmeans"):
        add("kmeans", kmeans(X, 5))
    if kind == "auto":
        add("ward", _ward(X, n_clusters, rng))
        add("kmeans, sphered", kmeans(sphered, 3))
        add("ward, sphered", _ward(sphered, n_clusters, rng))
    if kind in ("auto", "random"):
        for i in range(n_random):
            points = sphered if i % 2 else X
            seeds = rng.choice(len(X), n_clusters, replace=False)
            add("random", _nearest(points, points[seeds]))
    return found


def first_labels(X, n_clusters, init, given, n_random, rng):
    """Named first labels, those asked for among them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Standardized points.
    n_clusters : int
        K.
    init : str or array-like
        Name of the starts; anything else means ``given``.
    given : ndarray of shape (n,) or None
        Labels to start from.
    n_random : int
        Random seeds.
    rng : RandomState
        Draws them.

    Returns
    -------
    starts : list of (str, ndarray)
        Names and labels.
    """
    if n_clusters == 1:
        return [("one cluster", np.zeros(len(X), dtype=np.intp))]
    kind = init if isinstance(init, str) else "auto"
    base = "auto" if kind == "sdp" else kind
    starts = starting_labels(X, n_clusters, base, n_random, rng)
    if given is not None:
        labels = np.unique(given, return_inverse=True)[1].ravel()
        if labels.max() + 1 == n_clusters:
            starts.insert(0, ("given", labels))
    if kind == "sdp":
        rows = np.arange(len(X))
        if len(X) > _SDP:
            rows = balanced_sample(starts[0][1], _SDP, rng)
        result = solve_kmeans_sdp(
            WeightedGram.of_points(X[rows]), n_clusters, tol=1e-2, random_state=rng
        )
        labels = _nearest(X, group_means(X[rows], result.labels, n_clusters))
        labels[rows] = result.labels
        starts.insert(0, ("sdp", labels))
    return starts
