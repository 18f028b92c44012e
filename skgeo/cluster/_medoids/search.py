"""Good medoids by swaps from sampled starts."""

import math

import numpy as np

from skgeo.kernels.medoids import nearest_two, swap_medoids

__all__ = ["assign", "cost_of", "improve", "sample_start", "search_medoids"]


def assign(D, medoids):
    """Nearest medoid of every sample, and the two smallest dissimilarities.

    Parameters
    ----------
    D : ndarray of shape (n, n_candidates)
        Dissimilarities.
    medoids : ndarray of int of shape (k,)
        Columns of the medoids.

    Returns
    -------
    labels : ndarray of int of shape (n,)
        Position of the nearest medoid.
    d1, d2 : ndarray of shape (n,)
        Smallest and second smallest dissimilarity.
    """
    n = len(D)
    labels, d1, d2 = np.empty(n, np.int64), np.empty(n), np.empty(n)
    nearest_two(D, medoids, labels, d1, d2)
    return labels, d1, d2


def cost_of(D, weight, medoids):
    """Weighted sum of distances to the nearest medoids, correctly rounded."""
    return math.fsum(weight * assign(D, medoids)[1])


def sample_start(D, weight, k, rng):
    """Sample medoids, each with probability proportional to weight and distance."""
    n = len(D)
    medoids = [int(rng.choice(n, p=weight / weight.sum()))]
    distance = D[:, medoids[0]].copy()
    free = np.ones(n, dtype=bool)
    while len(medoids) < k:
        free[medoids[-1]] = False
        p = np.where(free, weight * distance, 0.0)
        if not p.sum() > 0:  # nothing but copies is left
            p = free.astype(float)
        medoids.append(int(rng.choice(n, p=p / p.sum())))
        np.minimum(distance, D[:, medoids[-1]], out=distance)
    return np.array(medoids, dtype=np.int64)


def improve(D, weight, medoids, max_iter):
    """Swap until no swap lowers the cost.

    Returns
    -------
    cost : float
        Cost of the improved medoids.
    medoids : ndarray of int of shape (k,)
        Improved medoids.
    optimal : bool
        Whether no swap is left.
    """
    medoids = np.array(medoids, dtype=np.int64)
    if len(medoids) == 1:
        sums = weight @ D
        medoids[0] = int(np.argmin(sums))
        return cost_of(D, weight, medoids), medoids, True
    _, optimal = swap_medoids(D, weight, medoids, max_iter)
    return cost_of(D, weight, medoids), medoids, bool(optimal)


def search_medoids(D, weight, k, *, starts, max_iter, callback):
    """Take the best medoids over several starts.

    Parameters
    ----------
    D : ndarray of shape (n, n)
        Dissimilarities.
    weight : ndarray of shape (n,)
        Weights.
    k : int
        Number of medoids.
    starts : iterable of ndarray
        First medoids.
    max_iter : int
        Maximum number of passes over the candidates, of each start.
    callback : callable
        Called after each start; true stops.

    Returns
    -------
    cost : float
        Cost of the best.
    medoids : ndarray of int of shape (k,)
        The best medoids.
    optimal : bool
        Whether no swap improves them.
    """
    best = (np.inf, None, False)
    for start in starts:
        found = improve(D, weight, start, max_iter)
        if found[0] < best[0]:
            best = found
        if callback({"medoids": best[1]}) or k == 1:
            break
    return best
