"""Gaussian clusters with unequal covariances."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skgeo.utils.params import Integer, Real, check_params

__all__ = ["make_gaussian_clusters"]

RULES = {
    "n_samples": Integer(1),
    "n_clusters": Integer(1),
    "n_features": Integer(1),
    "separation": Real(0.0),
    "heterogeneity": Real(0.0, 20.0),
}


def make_gaussian_clusters(
    n_samples: int = 300,
    n_clusters: int = 3,
    n_features: int = 4,
    *,
    separation: float = 6.0,
    heterogeneity: float = 0.0,
    weights: ArrayLike | None = None,
    random_state: Any = None,
    return_params: bool = False,
) -> Any:
    """Draw Gaussian clusters whose centers are at equal distances.

    Parameters
    ----------
    n_samples : int, default=300
        Number of points.
    n_clusters : int, default=3
        Number of clusters.
    n_features : int, default=4
        Dimension, at least half the number of clusters (twice as many clusters as
        features fit when centers of opposite sign are used).
    separation : float, default=6.0
        Distance of the centers, in units of the noise standard deviation.
    heterogeneity : float, default=0.0
        Spread of the logarithms of the covariance eigenvalues within and between
        clusters; 0 gives spheres. Every covariance has trace ``n_features``.
    weights : array-like of shape (n_clusters,), optional
        Shares of the points; equal when left out.
    random_state : int, RandomState instance or None, default=None
        Draws the covariances, the points and their order.
    return_params : bool, default=False
        Also return the means and covariances.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Points, in random order.
    y : ndarray of shape (n_samples,)
        Cluster numbers.
    means : ndarray of shape (n_clusters, n_features)
        Only with ``return_params``.
    covariances : ndarray of shape (n_clusters, n_features, n_features)
        Only with ``return_params``.

    Raises
    ------
    ValueError
        If the clusters do not fit, or there are fewer points than clusters.

    Examples
    --------
    >>> from skgeo.datasets import make_gaussian_clusters
    >>> X, y = make_gaussian_clusters(100, 2, 5, separation=8, random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((100, 5), [0, 1])
    """
    checked = check_params(
        "make_gaussian_clusters",
        RULES,
        {
            "n_samples": n_samples,
            "n_clusters": n_clusters,
            "n_features": n_features,
            "separation": separation,
            "heterogeneity": heterogeneity,
        },
    )
    n_samples, n_clusters = checked.n_samples, checked.n_clusters
    n_features = checked.n_features
    if n_samples < n_clusters:
        raise ValueError(
            f"n_samples={n_samples} must be at least n_clusters={n_clusters}."
        )
    if n_clusters > 2 * n_features:
        raise ValueError(
            f"n_clusters={n_clusters} centers need at least {(n_clusters + 1) // 2} "
            f"features; got n_features={n_features}."
        )
    rng = check_random_state(random_state)
    if weights is None:
        weights = np.ones(n_clusters)
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (n_clusters,) or not np.all(weights > 0):
        raise ValueError(
            f"weights must hold {n_clusters} positive numbers, one per cluster."
        )
    edges = np.round(n_samples * np.cumsum(weights) / weights.sum()).astype(int)
    sizes = np.diff(edges, prepend=0)
    means = np.zeros((n_clusters, n_features))
    for k in range(n_clusters):
        means[k, k % n_features] = (1 if k < n_features else -1) * separation * 0.5**0.5
    X, covariances = [], []
    for k in range(n_clusters):
        spread = np.exp(heterogeneity * rng.standard_normal(n_features))
        spread *= n_features / spread.sum()
        axes = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
        noise = rng.standard_normal((sizes[k], n_features)) * np.sqrt(spread)
        X.append(means[k] + noise @ axes.T)
        covariances.append((axes * spread) @ axes.T)
    order = rng.permutation(n_samples)
    X = np.vstack(X)[order]
    y = np.repeat(np.arange(n_clusters), sizes)[order]
    if return_params:
        return X, y, means, np.array(covariances)
    return X, y
