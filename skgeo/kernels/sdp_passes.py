"""Fused sweeps over the n x n blocks of the clustering SDPs.

All blocks are C-contiguous (n_blocks, n, n). ``Z`` is the primal divided by the penalty
sigma, ``q`` the unit vector that the primal fixes, and only the leading m x m corner of
a block has to be nonnegative.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["dual_nonnegative", "primal_step", "residual_sums", "shifted_slack"]


@jit(fastmath={"contract", "reassoc"})
def residual_sums(C, S, N, Z, q, row, trace):
    """Write ``sum_b (C - S - N - Z)_b q`` and the traces of the blocks."""
    n_blocks, n = C.shape[0], C.shape[1]
    row[:] = 0.0
    for b in range(n_blocks):
        tr = 0.0
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += (C[b, i, j] - S[b, i, j] - N[b, i, j] - Z[b, i, j]) * q[j]
            row[i] += s
            tr += C[b, i, i] - S[b, i, i] - N[b, i, i] - Z[b, i, i]
        trace[b] = tr


@jit(fastmath={"contract", "reassoc"})
def dual_nonnegative(C, S, Z, q, y, t, m, N, row, trace):
    """Update the multiplier N of the sign constraint; write the new residual sums."""
    n_blocks, n = C.shape[0], C.shape[1]
    row[:] = 0.0
    for b in range(n_blocks):
        tr = 0.0
        for i in range(n):
            s = 0.0
            half_y, half_q = 0.5 * y[i], 0.5 * q[i]
            if i < m:
                for j in range(m):
                    a = C[b, i, j] - S[b, i, j] - Z[b, i, j]
                    v = a - half_y * q[j] - half_q * y[j]
                    if i == j:
                        v -= t[b]
                    v = max(v, 0.0)
                    N[b, i, j] = v
                    s += (a - v) * q[j]
                for j in range(m, n):
                    s += (C[b, i, j] - S[b, i, j] - Z[b, i, j]) * q[j]
            else:
                for j in range(n):
                    s += (C[b, i, j] - S[b, i, j] - Z[b, i, j]) * q[j]
            row[i] += s
            tr += C[b, i, i] - S[b, i, i] - N[b, i, i] - Z[b, i, i]
        trace[b] = tr


@jit
def shifted_slack(C, N, Z, q, y, t, M):
    """Write ``M = C - N - Z - (y q' + q y')/2 - t I``, whose positive part is S."""
    n_blocks, n = C.shape[0], C.shape[1]
    for b in range(n_blocks):
        for i in range(n):
            half_y, half_q = 0.5 * y[i], 0.5 * q[i]
            for j in range(n):
                M[b, i, j] = (
                    C[b, i, j] - N[b, i, j] - Z[b, i, j] - half_y * q[j] - half_q * y[j]
                )
            M[b, i, i] -= t[b]


@jit(fastmath={"contract", "reassoc"})
def primal_step(C, N, P, q, tau, S, Z, row, trace):
    """Turn M (in S) into S = M + P, step Z; return the squared dual residual.

    Also writes the residual sums that the next iteration starts from.
    """
    n_blocks, n = C.shape[0], C.shape[1]
    row[:] = 0.0
    total = 0.0
    for b in range(n_blocks):
        tr = 0.0
        for i in range(n):
            s = 0.0
            for j in range(n):
                p = P[b, i, j]
                r = p - Z[b, i, j]
                total += r * r
                slack = S[b, i, j] + p
                z = Z[b, i, j] + tau * r
                S[b, i, j] = slack
                Z[b, i, j] = z
                s += (C[b, i, j] - slack - N[b, i, j] - z) * q[j]
            row[i] += s
            tr += C[b, i, i] - S[b, i, i] - N[b, i, i] - Z[b, i, i]
        trace[b] = tr
    return total


def warmup():
    """Compile the kernels of this module on tiny data."""
    blocks = [np.zeros((1, 2, 2)) for _ in range(5)]
    C, S, N, Z, M = blocks
    q, y, t = np.full(2, 0.5**0.5), np.zeros(2), np.zeros(1)
    row, trace = np.empty(2), np.empty(1)
    residual_sums(C, S, N, Z, q, row, trace)
    dual_nonnegative(C, S, Z, q, y, t, 2, N, row, trace)
    shifted_slack(C, N, Z, q, y, t, M)
    primal_step(C, N, M, q, 1.0, S, Z, row, trace)
