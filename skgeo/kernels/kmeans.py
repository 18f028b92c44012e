"""Local search and enumeration for K-means.

Points are C-contiguous (n, d) and centered; weights are positive.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "assign_apart",
    "assign_nearest",
    "best_partitions",
    "block_value",
    "exchange_for_values",
    "hartigan",
    "match_block_means",
    "subset_costs",
]


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
def assign_apart(X, centers, order, conflict_start, conflict_with, labels):
    """Assign points in the given order to the nearest center without a conflict.

    Point i must not share a center with ``conflict_with[conflict_start[i] :
    conflict_start[i + 1]]``. Returns whether every point found a place.
    """
    d = X.shape[1]
    labels[:] = -1
    for i in order:
        best, found = np.inf, -1
        for k in range(len(centers)):
            free = True
            for c in range(conflict_start[i], conflict_start[i + 1]):
                if labels[conflict_with[c]] == k:
                    free = False
            if not free:
                continue
            s = 0.0
            for j in range(d):
                s += (X[i, j] - centers[k, j]) ** 2
            if s < best:
                best, found = s, k
        if found < 0:
            return False
        labels[i] = found
    return True


@jit
def hartigan(X, weight, labels, n_clusters, max_pass, conflict_start, conflict_with):
    """Move single points while that lowers the inertia; return the final inertia.

    Other than Lloyd's iterations a move takes the change of both means into account,
    so that every result is a local optimum of Lloyd's too. Labels are overwritten; no
    group that holds a point is emptied, and an empty one is filled. Point i joins no
    group of one of ``conflict_with[conflict_start[i] : conflict_start[i + 1]]``.
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
                free = True
                for c in range(conflict_start[i], conflict_start[i + 1]):
                    if labels[conflict_with[c]] == k:
                        free = False
                if not free:
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


@jit
def match_block_means(away, labels, block, sums, sizes, first, second):
    """Exchange rows of one cluster between blocks while that moves block means closer.

    ``away`` are rows minus the mean of their cluster, ``sums`` (K, T, d) and ``sizes``
    (K, T) their sums and numbers per cluster and block, ``first`` and ``second`` the
    rows to try. All but the first two are overwritten. Returns the exchanges made.
    """
    d, made = away.shape[1], 0
    for trial in range(len(first)):
        i, j = first[trial], second[trial]
        b, c, k = block[i], block[j], labels[i]
        if b == c or labels[j] != k:
            continue
        change = 0.0
        for a in range(d):
            step = away[j, a] - away[i, a]
            change += step * (2 * sums[k, b, a] + step) / sizes[k, b]
            change += step * (step - 2 * sums[k, c, a]) / sizes[k, c]
        if change >= 0.0:
            continue
        for a in range(d):
            step = away[j, a] - away[i, a]
            sums[k, b, a] += step
            sums[k, c, a] -= step
        block[i], block[j] = c, b
        made += 1
    return made


@jit
def block_value(X, labels, pool):
    """Least inertia of a block from its labels and from each set of centers."""
    K = pool.shape[1]
    ones = np.ones(len(X))
    start = np.zeros(len(X) + 1, dtype=np.int64)
    other = np.empty(0, dtype=np.int64)
    trial = labels.copy()
    best = hartigan(X, ones, trial, K, 50, start, other)
    for p in range(len(pool)):
        assign_nearest(X, pool[p], trial)
        best = min(best, hartigan(X, ones, trial, K, 50, start, other))
    return best


@jit
def exchange_for_values(X, labels, rows, values, pool, pairs):
    """Exchange rows of one cluster between blocks while that raises their values.

    ``rows`` (T, size) are the rows of every block, -1 where a block is shorter;
    ``values`` (T,) as :func:`block_value` gives them; ``pairs`` (n, 4) hold two blocks
    and two places to try. Rows and values are overwritten.
    """
    made = 0
    for trial in range(len(pairs)):
        b, c, p, q = pairs[trial]
        i, j = rows[b, p], rows[c, q]
        if b == c or i < 0 or j < 0 or labels[i] != labels[j]:
            continue
        rows[b, p], rows[c, q] = j, i
        mine, theirs = rows[b][rows[b] >= 0], rows[c][rows[c] >= 0]
        new_b = block_value(X[mine], labels[mine], pool)
        new_c = block_value(X[theirs], labels[theirs], pool)
        if new_b + new_c > values[b] + values[c]:
            values[b], values[c] = new_b, new_c
            made += 1
        else:
            rows[b, p], rows[c, q] = i, j
    return made


def warmup():
    """Compile the kernels of this module on tiny data."""
    X, weight = np.arange(4.0)[:, None], np.ones(4)
    labels = np.array([0, 0, 1, 1])
    assign_nearest(X, X[:2].copy(), labels)
    start, other = np.array([0, 1, 1, 1, 2]), np.array([3, 0])
    assign_apart(X, X[:2].copy(), np.arange(4), start, other, labels)
    hartigan(X, weight, labels, 2, 2, start, other)
    best_partitions(subset_costs(X, weight), 4, 2)
    ones = np.ones((2, 2), dtype=np.int64)
    match_block_means(
        X, labels, np.array([0, 1, 0, 1]), np.zeros((2, 2, 1)), ones, ones[0], ones[1]
    )
    block_value(X, labels, X[None, :2].copy())
    rows = np.array([[0, 1], [2, 3]])
    pairs = np.array([[0, 1, 0, 0]])
    exchange_for_values(X, labels, rows, np.zeros(2), X[None, :2].copy(), pairs)
