"""Cutting planes of the K-means relaxation: passes, adjoint, separation.

A pair or triangle cut of row i, ``Z_ij + Z_ik <= Z_ii + Z_jk`` or ``Z_ij <= Z_ii``, is
kept times w_i in terms of ``Y = sqrt(w_i w_j) Z``. ``place`` (c, 4) holds the flat
positions of ij, ik, jk (upper triangle; -1 where a pair has none) and ii, ``factor``
(c, 3) the coefficients of the first three; that of ii is -1. Only the upper triangle of
Y is read and written by the passes over cuts; the pass over signs mirrors it.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "add_clique_adjoint",
    "cut_adjoint",
    "cut_pass",
    "find_cliques",
    "find_triangles",
]

_BINS = 64  # classes of violation: those of a row are cut off between two of them


@jit
def cut_pass(Y, N, fixed, place, factor, norm, lam, cliques, root, rhs, clique_lam):
    """Hildreth's pass over cuts, cliques and signs: project Y a little, keep duals.

    Y, N, ``lam`` and ``clique_lam`` are overwritten. ``fixed`` marks entries that are
    zero, whose multiplier has no sign.
    """
    m = len(Y)
    flat = Y.reshape(m * m)
    for c in range(len(lam)):
        p, q, r, t = place[c]
        s = factor[c, 0] * flat[p] - flat[t]
        if q >= 0:
            s += factor[c, 1] * flat[q] + factor[c, 2] * flat[r]
        step = s / norm[c]
        if step < -lam[c]:
            step = -lam[c]
        if step == 0.0:
            continue
        lam[c] += step
        # Off-diagonal entries count twice in the inner product.
        flat[p] -= 0.5 * step * factor[c, 0]
        if q >= 0:
            flat[q] -= 0.5 * step * factor[c, 1]
            flat[r] -= 0.5 * step * factor[c, 2]
        flat[t] += step
    size = cliques.shape[1]
    for c in range(len(clique_lam)):
        s, square = rhs, 0.0
        for a in range(size):
            for b in range(a):
                i, j = cliques[c, b], cliques[c, a]
                weight = 1.0 / (root[i] * root[j])
                s -= weight * Y[i, j]
                square += 0.5 * weight * weight
        step = s / square
        if step < -clique_lam[c]:
            step = -clique_lam[c]
        if step == 0.0:
            continue
        clique_lam[c] += step
        for a in range(size):
            for b in range(a):
                i, j = cliques[c, b], cliques[c, a]
                Y[i, j] += 0.5 * step / (root[i] * root[j])
    for i in range(m):
        for j in range(i + 1, m):
            y = Y[i, j] - N[i, j]
            if fixed[i, j] or y < 0.0:
                N[i, j] = -y
                y = 0.0
            else:
                N[i, j] = 0.0
            Y[i, j] = y
            Y[j, i] = y
            N[j, i] = N[i, j]


@jit
def cut_adjoint(m, place, factor, lam):
    """Symmetric matrix of the cuts weighted by their multipliers."""
    H = np.zeros((m, m))
    flat = H.reshape(m * m)
    for c in range(len(lam)):
        if lam[c] == 0.0:
            continue
        p, q, r, t = place[c]
        flat[p] += 0.5 * lam[c] * factor[c, 0]
        if q >= 0:
            flat[q] += 0.5 * lam[c] * factor[c, 1]
            flat[r] += 0.5 * lam[c] * factor[c, 2]
        flat[t] -= lam[c]
    for i in range(m):
        for j in range(i + 1, m):
            H[j, i] = H[i, j]
    return H


@jit
def add_clique_adjoint(H, cliques, root, lam):
    """Add the cliques weighted by their multipliers."""
    size = cliques.shape[1]
    for c in range(len(lam)):
        for a in range(size):
            for b in range(a):
                i, j = cliques[c, b], cliques[c, a]
                value = 0.5 * lam[c] / (root[i] * root[j])
                H[i, j] -= value
                H[j, i] -= value


@jit
def find_triangles(Z, eps, most, out, violation):
    """Write the most violated triangles of every row, about ``most`` per row.

    Violations are relative to Z_ii and above ``eps``. Returns how many were written.
    """
    m, count = len(Z), 0
    near = np.empty(m, dtype=np.int64)
    histogram = np.empty(_BINS, dtype=np.int64)
    for i in range(m):
        z = Z[i, i]
        if not z > 0.0:
            continue
        n_near = 0
        for j in range(m):
            if j != i and Z[i, j] > eps * z:
                near[n_near] = j
                n_near += 1
        histogram[:] = 0
        limit = eps
        for sweep in range(2):
            for a in range(n_near):
                j = near[a]
                for b in range(a):
                    k = near[b]
                    v = (Z[i, j] + Z[i, k] - Z[j, k]) / z - 1.0
                    if v <= limit:
                        continue
                    if sweep == 0:
                        histogram[min(int(v * _BINS), _BINS - 1)] += 1
                    elif count < len(out):
                        out[count, 0], out[count, 1], out[count, 2] = i, k, j
                        violation[count] = v
                        count += 1
            if sweep == 0:
                total, bin_ = 0, _BINS
                while bin_ > 0 and total + histogram[bin_ - 1] <= most:
                    bin_ -= 1
                    total += histogram[bin_]
                if total == 0 and bin_ > 0:
                    bin_ -= 1  # at least the most violated class
                limit = max(eps, bin_ / _BINS)
    return count


@jit
def find_cliques(Z, size, rhs, eps, out, violation):
    """Grow a clique of small entries from every row; write the violated ones."""
    m, count = len(Z), 0
    used = np.zeros(m, dtype=np.bool_)
    members = np.empty(size, dtype=np.int64)
    for start in range(m):
        used[:] = False
        total, cost = 0.0, Z[start].copy()
        members[0] = start
        used[start] = True
        for a in range(1, size):
            best, found = np.inf, -1
            for j in range(m):
                if not used[j] and cost[j] < best:
                    best, found = cost[j], j
            total += best
            members[a] = found
            used[found] = True
            for j in range(m):
                cost[j] += Z[found, j]
        if total < rhs * (1.0 - eps):
            out[count] = np.sort(members)
            violation[count] = 1.0 - total / rhs
            count += 1
    return count


def warmup():
    """Compile the kernels of this module on tiny data."""
    m = 3
    Y, N, fixed = np.eye(m), np.zeros((m, m)), np.zeros((m, m), dtype=np.bool_)
    place = np.array([[1, 2, 5, 0]], dtype=np.int32)
    factor, norm = np.ones((1, 3)), np.ones(1)
    cliques = np.array([[0, 1, 2]], dtype=np.int32)
    lam, root, clique_lam = np.zeros(1), np.ones(m), np.zeros(1)
    cut_pass(Y, N, fixed, place, factor, norm, lam, cliques, root, 0.1, clique_lam)
    H = cut_adjoint(m, place, factor, lam)
    add_clique_adjoint(H, cliques, root, clique_lam)
    out, violation = np.empty((4, 3), dtype=np.int32), np.empty(4)
    find_triangles(Y, 0.1, 2, out, violation)
    find_cliques(Y, 3, 0.1, 0.1, out, violation)
