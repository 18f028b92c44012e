"""Column generation for K-means: clusters of least reduced cost, and their program.

The reduced cost of a cluster S at prices p is its scatter minus the sum of its prices;
its least value over all clusters is that of

    f(y) = sum_i min(0, w_i ||x_i - y||^2 - p_i)

over all centers y, since a cluster's best center is its mean.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["descend_to_clusters", "least_reduced_cost", "normal_matrix"]

_UNIT = 2.220446049250313e-16
_LEVELS = 64  # halvings of each side that a box may need, plus a fixed number
_MAX_MOVES = 100


@jit
def least_reduced_cost(X, weight, price, best, slack, max_boxes, center):
    """Bound the least reduced cost of a cluster from below, by boxes of centers.

    A box is split until its bound is within ``slack`` of the least value found. Its
    bound takes rows whose term is negative all over the box as they are, and the terms
    ``min(0, t)`` of others as chords of t between its least and largest value there,
    which is a quadratic of y that is minimized over the box.

    Parameters
    ----------
    X : ndarray of shape (m, d)
        Rows.
    weight, price : ndarray of shape (m,)
        Positive weights, and prices; rows of no positive price are in no cluster.
    best : float
        Least value known, at most zero.
    slack : float
        Accuracy.
    max_boxes : int
        Boxes after which to stop with what is known.
    center : ndarray of shape (d,)
        Overwritten with the best center found, if there is a better one.

    Returns
    -------
    best, bound : float
        Least value found, and one that no cluster goes below (up to rounding).
    n_boxes : int
        Boxes looked at.
    """
    m, d = X.shape
    depth = _LEVELS * d + 200
    middle, half = np.empty((depth + 2, d)), np.empty((depth + 2, d))
    # Of the rows that are inside: mass, value and first moment around the middle.
    mass, inner = np.zeros(depth + 2), np.zeros(depth + 2)
    moment = np.zeros((depth + 2, d))
    bounds = np.empty(depth + 2)
    # Shrunk since it was looked at, perhaps to a point.
    fresh = np.ones(depth + 2, np.bool_)
    first, last = np.zeros(depth + 2, np.int64), np.zeros(depth + 2, np.int64)
    rows = np.empty(m * (depth + 3), np.int32)
    mine = np.empty(m, np.int32)
    count = 0
    total = 0.0
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for i in range(m):
        if price[i] <= 0:
            continue
        total += price[i]
        for k in range(d):
            low[k] = min(low[k], X[i, k])
            high[k] = max(high[k], X[i, k])
        rows[count] = i
        count += 1
    if total == 0.0:
        return best, min(best - slack, 0.0), 0
    for k in range(d):
        middle[0, k] = 0.5 * (low[k] + high[k])
        half[0, k] = 0.5 * (high[k] - low[k]) * (1 + 8 * _UNIT)
        half[0, k] += 2 * _UNIT * abs(middle[0, k])
    last[0] = count
    bounds[0] = -total
    top, n_boxes, floor = 1, 0, np.inf
    c, h, first_moment, chord_moment = (
        np.empty(d),
        np.empty(d),
        np.empty(d),
        np.empty(d),
    )
    parent_middle, parent_half = np.empty(d), np.empty(d)
    parent_moment = np.empty(d)
    while top > 0:
        top -= 1
        if bounds[top] >= best - slack:
            continue
        axis, fine = 0, True
        for k in range(d):
            if half[top, k] > half[top, axis]:
                axis = k
            fine = fine and half[top, k] <= 4 * _UNIT * abs(middle[top, k])
        if (fine and not fresh[top]) or n_boxes >= max_boxes or top >= depth:
            floor = min(floor, bounds[top])
            continue
        count = last[top] - first[top]
        write = first[top]
        for p in range(count):
            mine[p] = rows[write + p]
        for k in range(d):
            parent_middle[k], parent_half[k] = middle[top, k], half[top, k]
            parent_moment[k] = moment[top, k]
        parent_mass, parent_inner = mass[top], inner[top]
        for side in range(2):
            n_boxes += 1
            for k in range(d):
                c[k], h[k] = parent_middle[k], parent_half[k]
                first_moment[k], chord_moment[k] = parent_moment[k], 0.0
            c[axis] += (side - 0.5) * parent_half[axis]
            h[axis] = 0.5 * parent_half[axis] * (1 + 4 * _UNIT)
            h[axis] += 2 * _UNIT * abs(parent_middle[axis])
            step = c[axis] - parent_middle[axis]
            W = parent_mass
            inside = parent_inner - step * (2 * parent_moment[axis] - W * step)
            first_moment[axis] -= W * step
            chord_mass, chord, outside = 0.0, 0.0, 0.0
            for k in range(d):
                low[k], high[k] = np.inf, -np.inf
            begin = write
            for p in range(count):
                i = mine[p]
                least, most, here = 0.0, 0.0, 0.0
                for k in range(d):
                    away = abs(X[i, k] - c[k])
                    here += away * away
                    most += (away + h[k]) ** 2
                    if away > h[k]:
                        least += (away - h[k]) ** 2
                least = weight[i] * least - price[i]
                if least >= 0:
                    continue
                most = weight[i] * most - price[i]
                here = weight[i] * here - price[i]
                for k in range(d):
                    low[k] = min(low[k], X[i, k])
                    high[k] = max(high[k], X[i, k])
                if most <= 0:
                    inside += here
                    W += weight[i]
                    for k in range(d):
                        first_moment[k] += weight[i] * (X[i, k] - c[k])
                    continue
                share = -least / (most - least)
                chord += share * (here - most)
                chord_mass += share * weight[i]
                for k in range(d):
                    chord_moment[k] += share * weight[i] * (X[i, k] - c[k])
                outside += min(here, 0.0)
                rows[write] = i
                write += 1
            bound, value = inside + chord, inside + outside
            if value < best:
                best = value
                center[:] = c
            if W + chord_mass > 0:
                for k in range(d):
                    slope = first_moment[k] + chord_moment[k]
                    move = min(max(slope / (W + chord_mass), -h[k]), h[k])
                    bound -= move * (2 * slope - (W + chord_mass) * move)
            if bound >= best - slack:
                write = begin
                continue
            if write == begin:
                # No row is undecided: this is the value of a cluster.
                if bound < best:
                    best = bound
                    for k in range(d):
                        center[k] = c[k] + min(max(first_moment[k] / W, -h[k]), h[k])
                continue
            fresh[top] = False
            if parent_mass == 0 and W == 0:
                # The mean of a cluster is between its rows: shrink to those.
                for k in range(d):
                    fresh[top] = fresh[top] or h[k] > 4 * _UNIT * abs(c[k])
                    left, right = max(c[k] - h[k], low[k]), min(c[k] + h[k], high[k])
                    if left > right:
                        left = right = 0.5 * (left + right)
                    c[k] = 0.5 * (left + right)
                    h[k] = 0.5 * (right - left) * (1 + 8 * _UNIT)
                    h[k] += 2 * _UNIT * abs(c[k])
            for k in range(d):
                middle[top, k], half[top, k] = c[k], h[k]
                moment[top, k] = first_moment[k]
            mass[top], inner[top], bounds[top] = W, inside, bound
            first[top], last[top] = begin, write
            top += 1
    return best, min(best - slack, floor), n_boxes


@jit
def descend_to_clusters(X, weight, price, starts, enemies, centers, member, value):
    """From every center alternate between the rows that pay off and their mean.

    Row i shares no cluster with ``enemies[starts[i] : starts[i + 1]]``: of two that
    would, the one that pays off less is left out. ``member`` (n_centers, m) and
    ``value`` (n_centers,) are overwritten with the clusters where that ends, and their
    reduced costs; ``centers`` with their means.
    """
    m, d = X.shape
    term, shift = np.empty(m), np.empty(d)
    for a in range(len(centers)):
        before = np.inf
        for _ in range(_MAX_MOVES):
            for i in range(m):
                away = 0.0
                for k in range(d):
                    away += (X[i, k] - centers[a, k]) ** 2
                term[i] = weight[i] * away - price[i]
                member[a, i] = term[i] < 0
            for i in range(m):
                for e in range(starts[i], starts[i + 1]):
                    if member[a, i] and member[a, enemies[e]]:
                        out = i if term[i] >= term[enemies[e]] else enemies[e]
                        member[a, out] = False
            mass, cost = 0.0, 0.0
            shift[:] = 0.0
            for i in range(m):
                if member[a, i]:
                    mass += weight[i]
                    cost += term[i]
                    for k in range(d):
                        shift[k] += weight[i] * (X[i, k] - centers[a, k])
            if mass == 0:
                value[a] = 0.0
                break
            for k in range(d):
                shift[k] /= mass
                centers[a, k] += shift[k]
                cost -= mass * shift[k] ** 2
            value[a] = cost
            if not cost < before - 1e-13 * abs(before):
                break
            before = cost


@jit
def normal_matrix(indptr, indices, weight, m):
    """Lower triangle of ``sum_c weight_c (1_c, -1)(1_c, -1)'`` over clusters c.

    Cluster c has the (increasing) rows ``indices[indptr[c] : indptr[c + 1]]``.
    """
    M = np.zeros((m + 1, m + 1))
    for c in range(len(weight)):
        for p in range(indptr[c], indptr[c + 1]):
            i = indices[p]
            for r in range(indptr[c], p + 1):
                M[i, indices[r]] += weight[c]
            M[m, i] -= weight[c]
        M[m, m] += weight[c]
    return M


def warmup():
    """Compile the kernels of this module on tiny data."""
    X, ones = np.arange(4.0)[:, None], np.ones(4)
    least_reduced_cost(X, ones, ones, 0.0, 1e-3, 100, np.zeros(1))
    member = np.empty((4, 4), dtype=np.bool_)
    starts, enemies = np.array([0, 1, 2, 2, 2]), np.array([1, 0])
    descend_to_clusters(X, ones, ones, starts, enemies, X.copy(), member, ones.copy())
    rows = np.array([0, 1, 2], dtype=np.int32)
    normal_matrix(np.array([0, 2, 3]), rows, ones[:2], 4)
