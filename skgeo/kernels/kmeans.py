"""Local search and enumeration for K-means.

Points are C-contiguous (n, d) and centered; weights are positive.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["assign_nearest", "best_partitions", "hartigan", "subset_costs"]


@jit
def assign_nearest(X, centers, labels):
    """Write the number of the nearest center of every point; return the inertia."""
    n, d = X.shape
    total = 0.0
    for i in range(n):
        best, found = np.inf, 0
        for k in range(len(centers)):
            s = 0.0
            for j in range(d):
                s += (X[i, j] - centers[k, j]) ** 2
            if s < best:
                best, found = s, k
        labels[i] = found
        total += best
    return total


@jit
def hartigan(X, weight, labels, n_clusters, max_pass):
    """Move single points while that lowers the inertia; return the final inertia.

    Other than Lloyd's iterations a move takes the change of both means into account,
    so that every result is a local optimum of Lloyd's too. Labels are overwritten; no
    group that holds a point is emptied, and an empty one is filled.
    """
    n, d = X.shape
    centers = np.empty((n_clusters, d))
    mass = np.empty(n_clusters)
    count = np.zeros(n_clusters, dtype=np.int64)
    for i in range(n):
        count[labels[i]] += 1
    for _ in range(max_pass):
        # Afresh in every pass: the updates below round.
        centers[:] = 0.0
        mass[:] = 0.0
        for i in range(n):
            a = labels[i]
            mass[a] += weight[i]
            for j in range(d):
                centers[a, j] += weight[i] * X[i, j]
        for k in range(n_clusters):
            if mass[k] > 0:
                for j in range(d):
                    centers[k, j] /= mass[k]
        moved = False
        for i in range(n):
            a, w = labels[i], weight[i]
            if count[a] <= 1:
                continue
            s = 0.0
            for j in range(d):
                s += (X[i, j] - centers[a, j]) ** 2
            best = s * w * mass[a] / (mass[a] - w) * (1.0 - 1e-12)
            target = -1
            for k in range(n_clusters):
                if k == a:
                    continue
                if count[k] == 0:
                    gain = 0.0
                else:
                    share = w * mass[k] / (mass[k] + w)
                    gain = 0.0
                    for j in range(d):
                        gain += share * (X[i, j] - centers[k, j]) ** 2
                        if gain >= best:
                            break
                if gain < best:
                    best, target = gain, k
            if target < 0:
                continue
            if count[target] == 0:
                mass[target] = 0.0
                centers[target] = 0.0
            for j in range(d):
                centers[a, j] -= w / (mass[a] - w) * (X[i, j] - centers[a, j])
                step = w / (mass[target] + w)
                centers[target, j] += step * (X[i, j] - centers[target, j])
            mass[a] -= w
            mass[target] += w
            count[a] -= 1
            count[target] += 1
            labels[i] = target
            moved = True
        if not moved:
            break
    centers[:] = 0.0
    mass[:] = 0.0
    for i in range(n):
        mass[labels[i]] += weight[i]
        for j in range(d):
            centers[labels[i], j] += weight[i] * X[i, j]
    for k in range(n_clusters):
        if mass[k] > 0:
            for j in range(d):
                centers[k, j] /= mass[k]
    total = 0.0
    for i in range(n):
        for j in range(d):
            total += weight[i] * (X[i, j] - centers[labels[i], j]) ** 2
    return total


@jit
def subset_costs(X, weight):
    """Scatter around the mean of each of the 2^n subsets of n points.

    Sums of weighted squared distances between pairs, all terms positive: the relative
    error is a few n^2 roundoffs whatever the points are.
    """
    n, d = X.shape
    square = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            s = 0.0
            for c in range(d):
                s += (X[i, c] - X[j, c]) ** 2
            square[i, j] = square[j, i] = s * weight[i] * weight[j]
    size = 1 << n
    pairs, mass = np.zeros(size), np.zeros(size)
    for S in range(1, size):
        top = 0
        while (S >> (top + 1)) > 0:
            top += 1
        rest = S ^ (1 << top)
        s = pairs[rest]
        for j in range(top):
            if (rest >> j) & 1:
                s += square[top, j]
        pairs[S] = s
        mass[S] = mass[rest] + weight[top]
    for S in range(1, size):
        pairs[S] /= mass[S]
    return pairs


@jit
def best_partitions(costs, n, max_clusters):
    """Least cost of all points in exactly 1, 2, ..., ``max_clusters`` subsets."""
    size = 1 << n
    found = np.empty(max_clusters)
    now, after = costs.copy(), np.empty(size)
    found[0] = now[size - 1]
    for k in range(1, max_clusters):
        after[:] = np.inf
        for S in range(1, size):
            low = S & -S
            rest = S ^ low
            best = np.inf
            # Every proper subset of S that holds its lowest point.
            part = rest
            while part > 0:
                part = (part - 1) & rest
                value = costs[part | low] + now[S ^ (part | low)]
                if value < best:
                    best = value
            after[S] = best
        now, after = after, now
        found[k] = now[size - 1]
    return found


def warmup():
    """Compile the kernels of this module on tiny data."""
    X, weight = np.arange(4.0)[:, None], np.ones(4)
    labels = np.array([0, 0, 1, 1])
    assign_nearest(X, X[:2].copy(), labels)
    hartigan(X, weight, labels, 2, 2)
    best_partitions(subset_costs(X, weight), 4, 2)
