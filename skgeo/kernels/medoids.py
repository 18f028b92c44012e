"""K-medoids: swaps of medoids, and steps of the Lagrangian bound."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["bound_steps", "nearest_two", "swap_medoids", "warmup"]


@jit
def nearest_two(D, medoids, near, d1, d2):
    """Nearest medoid of every sample, and its two smallest distances.

    Parameters
    ----------
    D : ndarray of shape (n, n_candidates)
        Dissimilarities of samples (rows) to candidates (columns).
    medoids : ndarray of int of shape (k,)
        Columns of the medoids.
    near : ndarray of int of shape (n,)
        Position in ``medoids`` of the nearest, written; the first of equals.
    d1, d2 : ndarray of shape (n,)
        Smallest and second smallest dissimilarity, written; infinite for k = 1.
    """
    for i in range(D.shape[0]):
        first, second, place = np.inf, np.inf, 0
        for m in range(len(medoids)):
            v = D[i, medoids[m]]
            if v < first:
                second = first
                first = v
                place = m
            elif v < second:
                second = v
        near[i], d1[i], d2[i] = place, first, second


@jit
def swap_medoids(D, weight, medoids, max_sweeps):
    """Eager swaps of medoids (FasterPAM) until none lowers the cost; in place.

    The price of removing each medoid is kept, so a candidate costs one pass over its
    column for all medoids together.

    Parameters
    ----------
    D : ndarray of shape (n, n)
        Dissimilarities, nonnegative.
    weight : ndarray of shape (n,)
        Weights of the samples.
    medoids : ndarray of int of shape (k,)
        Start on entry, with k >= 2; improved on exit.
    max_sweeps : int
        Maximum number of passes over all candidates.

    Returns
    -------
    n_swaps : int
        Number of swaps done.
    optimal : bool
        Whether no swap is left.
    """
    n, k = D.shape[0], len(medoids)
    near = np.empty(n, np.int64)
    d1, d2 = np.empty(n), np.empty(n)
    taken = np.zeros(n, np.bool_)
    for m in medoids:
        taken[m] = True
    nearest_two(D, medoids, near, d1, d2)
    removal, change = np.zeros(k), np.empty(k)
    total = 0.0
    for i in range(n):
        removal[near[i]] += weight[i] * (d2[i] - d1[i])
        total += weight[i] * d1[i]
    n_swaps, unchanged = 0, 0
    for _ in range(max_sweeps):
        for c in range(n):
            if unchanged >= n:
                return n_swaps, True
            unchanged += 1
            if taken[c]:
                continue
            shared = 0.0
            change[:] = removal
            for i in range(n):
                v = D[i, c]
                if v < d1[i]:
                    shared += weight[i] * (v - d1[i])
                    change[near[i]] += weight[i] * (d1[i] - d2[i])
                elif v < d2[i]:
                    change[near[i]] += weight[i] * (v - d2[i])
            m = np.argmin(change)
            # Less than rounding can tell is no gain, and could go round in circles.
            if change[m] + shared < -1e-13 * (total + abs(change[m])):
                taken[medoids[m]] = False
                medoids[m] = c
                taken[c] = True
                n_swaps += 1
                unchanged = 0
                nearest_two(D, medoids, near, d1, d2)
                removal[:] = 0.0
                total = 0.0
                for i in range(n):
                    removal[near[i]] += weight[i] * (d2[i] - d1[i])
                    total += weight[i] * d1[i]
    return n_swaps, unchanged >= n


@jit
def _fill_gains(D, values, order, weight, lam, rho):
    """rho_j = sum_i weight_i min(0, d_ij - lam_i), from lists of near candidates."""
    n, width = values.shape
    rho[:] = 0.0
    for i in range(n):
        level, w = lam[i], weight[i]
        if width < D.shape[1] and values[i, width - 1] < level:
            for j in range(D.shape[1]):  # the list is too short for this level
                v = D[i, j] - level
                if v < 0.0:
                    rho[j] += w * v
        else:
            for t in range(width):
                v = values[i, t] - level
                if v >= 0.0:
                    break
                rho[order[i, t]] += w * v


@jit
def _choose(rho, status, k, chosen):
    """Columns that are fixed in, then the smallest rho of the free ones.

    Returns the (k - n_in)-th smallest free rho, and the next one (infinite if none).
    """
    free = np.empty(len(rho))
    n_free = place = 0
    for j in range(len(rho)):
        if status[j] == 1:
            chosen[place] = j
            place += 1
        elif status[j] == 0:
            free[n_free] = rho[j]
            n_free += 1
    wanted = k - place
    if wanted == 0:
        smallest = np.inf
        for t in range(n_free):
            smallest = min(smallest, free[t])
        return -np.inf, smallest
    ordered = np.partition(free[:n_free], wanted - 1)
    last = ordered[wanted - 1]
    after = np.inf
    for t in range(wanted, n_free):
        after = min(after, ordered[t])
    ties = wanted
    for t in range(wanted):
        if ordered[t] < last:
            ties -= 1  # how many at the threshold itself are wanted
    for j in range(len(rho)):
        if status[j] != 0:
            continue
        if rho[j] < last:
            chosen[place] = j
            place += 1
        elif rho[j] == last and ties > 0:
            chosen[place] = j
            place += 1
            ties -= 1
    return last, after


@jit
def bound_steps(
    D, values, order, weight, status, k, upper, goal,
    lam, direction, best_lam, control, rho, chosen, visits, n_steps,
):  # fmt: skip
    """Steps of sub-gradient ascent with momentum on the Lagrangian bound.

    Any ``lam`` gives a bound ``sum_i w_i lam_i + sum of the k smallest rho_j``; the
    best is kept in ``best_lam`` and ``control[0]``.

    Parameters
    ----------
    D : ndarray of shape (n, n_candidates)
        Dissimilarities.
    values : ndarray of shape (n, width)
        The smallest entries of each row, ascending.
    order : ndarray of int of shape (n, width)
        Their columns.
    weight : ndarray of shape (n,)
        Weights of the samples.
    status : ndarray of int8 of shape (n_candidates,)
        1 for medoids by decree, -1 for columns that are none, 0 for free ones.
    k : int
        Number of medoids.
    upper : float
        Cost of the best medoids known.
    goal : float
        Stop when the bound reaches it.
    lam, direction, best_lam : ndarray of shape (n,)
        Multipliers, last direction, best multipliers; updated.
    control : ndarray of shape (3,)
        Best bound, step factor, steps since the last gain; updated.
    rho : ndarray of shape (n_candidates,)
        Work space; gains at the last multipliers tried.
    chosen : ndarray of int of shape (k,)
        Columns chosen at the last multipliers tried.
    visits : ndarray of shape (n_candidates,)
        Running share of steps at which a column was chosen; updated.
    n_steps : int
        Number of steps.

    Returns
    -------
    done : int
        Steps done.
    """
    n = D.shape[0]
    for step in range(n_steps):
        _fill_gains(D, values, order, weight, lam, rho)
        _choose(rho, status, k, chosen)
        bound = 0.0
        for i in range(n):
            bound += weight[i] * lam[i]
        visits *= 0.98
        for j in chosen:
            bound += rho[j]
            visits[j] += 0.02
        if bound > control[0] + 1e-9 * abs(upper):
            control[0], control[2] = bound, 0.0
            best_lam[:] = lam
            if bound >= goal:
                return step + 1
        else:
            if bound > control[0]:
                control[0] = bound
                best_lam[:] = lam
            control[2] += 1.0
            if control[2] >= 30.0:
                control[1] *= 0.7
                control[2] = 0.0
                if control[1] < 1e-4:
                    return step + 1
                lam[:] = best_lam
                direction[:] = 0.0
                continue
        norm = 0.0
        for i in range(n):
            count = 0
            for j in chosen:
                if D[i, j] < lam[i]:
                    count += 1
            direction[i] = weight[i] * (1 - count) + 0.9 * direction[i]
            norm += direction[i] ** 2
        if norm == 0.0:
            return step + 1
        length = control[1] * max(upper - bound, 1e-9 * abs(upper)) / norm
        for i in range(n):
            lam[i] += length * direction[i]
    return n_steps


def warmup():
    """Compile the kernels of this module on tiny data."""
    D = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    medoids, weight = np.array([0, 1]), np.ones(4)
    swap_medoids(D, weight, medoids, 2)
    nearest_two(D, medoids, np.zeros(4, np.int64), np.zeros(4), np.zeros(4))
    order = np.argsort(D, axis=1).astype(np.int32)
    values = np.take_along_axis(D, order, axis=1)
    status, lam = np.zeros(4, np.int8), np.ones(4)
    bound_steps(
        D, values, order, weight, status, 2, 2.0, 3.0, lam, np.zeros(4), lam.copy(),
        np.array([-np.inf, 1.0, 0.0]), np.zeros(4), medoids, np.zeros(4), 2,
    )  # fmt: skip
