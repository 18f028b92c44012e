"""Sketch and lift: solve the relaxation on a weighted sample of the points."""

import numpy as np

from skgeo.cluster._solvers.relaxation import WeightedGram, solve_kmeans_sdp

__all__ = ["balanced_sample", "sketch_kmeans_sdp"]


def balanced_sample(labels, size, random_state):
    """Row numbers of a sample in which every group has about the same share."""
    sizes = np.bincount(labels)
    share = size / np.count_nonzero(sizes)
    rows = []
    for k in np.flatnonzero(sizes):
        mine = np.flatnonzero(labels == k)
        wanted = min(len(mine), max(1, round(share)))
        rows.append(random_state.choice(mine, wanted, replace=False))
    return np.sort(np.concatenate(rows))


def sketch_kmeans_sdp(
    X,
    n_clusters,
    labels,
    *,
    size,
    tol,
    max_iter,
    random_state,
    weight=None,
    callback=None,
):
    """Solve the relaxation on a balanced sample; its centers stand for all points.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    n_clusters : int
        K.
    labels : ndarray of shape (n,)
        First labels; the sample is drawn in equal shares from their groups, so that
        small clusters are seen.
    size : int
        About how many points to draw.
    tol, max_iter, callback
        Passed to :func:`skgeo.cluster._solvers.relaxation.solve_kmeans_sdp`.
    weight : ndarray of shape (n,), optional
        Weights of the points; the points of the sample keep theirs.
    random_state : RandomState
        Draws the sample.

    Returns
    -------
    centers : ndarray of shape (K', d)
        Means of the clusters found in the sample, K' <= K.
    result : RelaxationResult
        Of the sample.
    """
    rows = balanced_sample(labels, size, random_state)
    sample = X[rows]
    mine = np.ones(len(rows)) if weight is None else weight[rows]
    result = solve_kmeans_sdp(
        WeightedGram.of_points(sample, mine),
        n_clusters,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
        callback=callback,
    )
    found = result.labels
    centers = np.array(
        [
            np.average(sample[found == k], axis=0, weights=mine[found == k])
            for k in np.unique(found)
        ]
    )
    return centers, result
