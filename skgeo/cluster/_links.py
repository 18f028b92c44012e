"""Must-link and cannot-link pairs: rows they merge, rows they keep apart."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skgeo.cluster._nearest_centers import squared_distances
from skgeo.cluster._solvers.cuts import Rows
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.warn import warn_user

__all__ = ["check_pairs", "label_weightless", "linked_groups", "root_rows"]


def check_pairs(pairs, n, name):
    """Pairs as a tuple of sorted pairs of different sample numbers."""
    if pairs is None or len(pairs) == 0:
        return ()
    array = np.asarray(pairs)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise InvalidParameterError(
            f"{name} must be pairs of sample numbers, shape (n_pairs, 2); got shape "
            f"{array.shape} of {array.dtype}."
        )
    if array.min() < 0 or array.max() >= n:
        raise InvalidParameterError(
            f"{name} names sample {array.max() if array.max() >= n else array.min()}; "
            f"there are {n}."
        )
    if (array[:, 0] == array[:, 1]).any() and name == "cannot_link":
        raise InvalidParameterError("cannot_link names a sample and itself.")
    return tuple(sorted({tuple(sorted(map(int, pair))) for pair in array.tolist()}))


def linked_groups(n, together, apart):
    """Group of every sample by chains of must-link, and pairs of groups kept apart.

    All samples count, also those of weight zero: through them others are linked.
    """
    group = np.arange(n)
    if together:
        a, b = np.array(together).T
        graph = coo_array((np.ones(len(a)), (a, b)), shape=(n, n))
        group = connected_components(graph, directed=False)[1]
    pairs = set()
    for i, j in apart:
        a, b = sorted((int(group[i]), int(group[j])))
        if a == b:
            raise InvalidParameterError(
                f"must_link puts samples {i} and {j} together, cannot_link apart."
            )
        pairs.add((a, b))
    return group, pairs


def root_rows(points, weight, group, pairs, n_clusters):
    """Rows of the root, and the row of each point of positive weight.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Points of positive weight.
    weight : ndarray of shape (n,)
        Their weights.
    group : ndarray of shape (n,)
        Their groups, see :func:`linked_groups`.
    pairs : set of (int, int)
        Groups that share no cluster.
    n_clusters : int
        K.

    Returns
    -------
    rows : Rows
        Merged points.
    places : ndarray of shape (m, d)
        Their means around the median of the points.
    parts : ndarray of shape (n,)
        Row of each point.
    """
    n = len(points)
    parts = np.unique(group, return_inverse=True)[1].ravel()
    if not pairs:
        # Some optimum keeps identical points together, if enough others are left; not
        # those that others are linked to, which may draw them elsewhere.
        free = np.bincount(parts)[parts] == 1
        codes = np.unique(points[free], axis=0, return_inverse=True)[1].ravel()
        merged = parts.copy()
        merged[free] = n + codes
        if len(np.unique(merged)) >= n_clusters or free.all():
            parts = merged
    parts = np.unique(parts, return_inverse=True)[1].ravel()
    m = int(parts.max()) + 1
    mass = np.bincount(parts, weights=weight, minlength=m)
    # Around the median: a mean that follows one far point rounds all others together.
    places = np.zeros((m, points.shape[1]))
    centered = points - np.median(points, axis=0)
    np.add.at(places, parts, weight[:, None] * centered)
    places /= mass[:, None]
    means = places - np.average(places, axis=0, weights=mass)
    row = dict(zip(group.tolist(), parts.tolist(), strict=True))
    apart = {tuple(sorted((row[a], row[b]))) for a, b in pairs if a in row and b in row}
    members = tuple((i,) for i in range(m))
    return Rows(members, means, mass, frozenset(apart)), places, parts


def label_weightless(X, labels, left, group, pairs, centers):
    """Label samples of weight zero: with those they are linked to, or the nearest.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        All samples.
    labels : ndarray of shape (n,)
        Labels; those of ``left`` are written.
    left : ndarray of bool of shape (n,)
        Samples of weight zero.
    group, pairs
        As :func:`linked_groups` returns them.
    centers : ndarray of shape (K, d)
        Centers.
    """
    if not left.any():
        return
    known = dict(zip(group[~left].tolist(), labels[~left].tolist(), strict=True))
    enemies = {}
    for a, b in pairs:
        enemies.setdefault(a, []).append(b)
        enemies.setdefault(b, []).append(a)
    away, _ = squared_distances(X[left], centers)
    cost = np.zeros((int(group.max()) + 1, len(centers)))
    np.add.at(cost, group[left], away)
    open_groups = [g for g in np.unique(group[left]).tolist() if g not in known]
    # Those with the least choice first.
    open_groups.sort(key=lambda g: -len(enemies.get(g, ())))
    for g in open_groups:
        taken = {known[e] for e in enemies.get(g, ()) if e in known}
        order = np.argsort(cost[g], kind="stable").tolist()
        free = [k for k in order if k not in taken]
        if not free:
            sample = int(np.flatnonzero(left & (group == g))[0])
            warn_user(
                f"cannot_link keeps sample {sample}, of weight zero, out of every "
                "cluster of the labels found, which do not depend on it: its label "
                "breaks a pair. Give it a small weight if the pair matters."
            )
        known[g] = (free or order)[0]
    labels[left] = [known[g] for g in group[left].tolist()]
