"""Runge-Kutta steps of the Lorenz systems, one row of states after the other."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "lorenz63_rk4",
    "lorenz63_tendency",
    "lorenz96_rk4",
    "lorenz96_tendency",
    "two_scale_rk4",
    "two_scale_tendency",
    "warmup",
]


@jit
def lorenz63_tendency(x, p, out):
    """Write the tendency of one state (3,); p = (sigma, rho, beta, xz, xy)."""
    out[0] = p[0] * (x[1] - x[0])
    out[1] = p[1] * x[0] - x[1] - p[3] * x[0] * x[2]
    out[2] = p[4] * x[0] * x[1] - p[2] * x[2]


@jit
def lorenz96_tendency(x, p, out):
    """Write the tendency of one state (d,); p = (forcing, damping, advection)."""
    d = x.shape[0]
    for k in range(d):
        below, below2, above = x[k - 1], x[k - 2], x[(k + 1) % d]
        out[k] = p[0] - p[1] * x[k] + p[2] * below * (above - below2)


@jit
def two_scale_tendency(x, p, out):
    """Write the tendency of one state; p = (forcing, h, c, b, n_slow, n_fast).

    The state holds the slow variables first, then the fast ones of each slow
    variable, which form one ring.
    """
    K, J = int(p[4]), int(p[5])
    c, b = p[2], p[3]
    coupling = p[1] * c / b
    n_fast = K * J
    for k in range(K):
        total = 0.0
        for j in range(J):
            total += x[K + k * J + j]
        below, below2, above = x[(k - 1) % K], x[(k - 2) % K], x[(k + 1) % K]
        out[k] = below * (above - below2) - x[k] + p[0] - coupling * total
    for i in range(n_fast):
        y = x[K + i]
        above = x[K + (i + 1) % n_fast]
        above2 = x[K + (i + 2) % n_fast]
        below = x[K + (i - 1) % n_fast]
        out[K + i] = c * b * above * (below - above2) - c * y + coupling * x[i // J]


@jit
def lorenz63_rk4(X, dt, n_steps, p):
    """Advance states (n, 3) in place by ``n_steps`` steps of length dt (n,)."""
    a, b, c, d, y = np.empty((5, 3))
    for i in range(X.shape[0]):
        x, h = X[i], dt[i]
        for _ in range(n_steps):
            lorenz63_tendency(x, p, a)
            for j in range(3):
                y[j] = x[j] + 0.5 * h * a[j]
            lorenz63_tendency(y, p, b)
            for j in range(3):
                y[j] = x[j] + 0.5 * h * b[j]
            lorenz63_tendency(y, p, c)
            for j in range(3):
                y[j] = x[j] + h * c[j]
            lorenz63_tendency(y, p, d)
            for j in range(3):
                x[j] += h / 6.0 * (a[j] + 2.0 * b[j] + 2.0 * c[j] + d[j])


@jit
def lorenz96_rk4(X, dt, n_steps, p):
    """Advance states (n, d) in place by ``n_steps`` steps of length dt (n,)."""
    m = X.shape[1]
    a, b, c, d, y = np.empty((5, m))
    for i in range(X.shape[0]):
        x, h = X[i], dt[i]
        for _ in range(n_steps):
            lorenz96_tendency(x, p, a)
            for j in range(m):
                y[j] = x[j] + 0.5 * h * a[j]
            lorenz96_tendency(y, p, b)
            for j in range(m):
                y[j] = x[j] + 0.5 * h * b[j]
            lorenz96_tendency(y, p, c)
            for j in range(m):
                y[j] = x[j] + h * c[j]
            lorenz96_tendency(y, p, d)
            for j in range(m):
                x[j] += h / 6.0 * (a[j] + 2.0 * b[j] + 2.0 * c[j] + d[j])


@jit
def two_scale_rk4(X, dt, n_steps, p):
    """Advance states (n, K + K J) in place by ``n_steps`` steps of length dt (n,)."""
    m = X.shape[1]
    a, b, c, d, y = np.empty((5, m))
    for i in range(X.shape[0]):
        x, h = X[i], dt[i]
        for _ in range(n_steps):
            two_scale_tendency(x, p, a)
            for j in range(m):
                y[j] = x[j] + 0.5 * h * a[j]
            two_scale_tendency(y, p, b)
            for j in range(m):
                y[j] = x[j] + 0.5 * h * b[j]
            two_scale_tendency(y, p, c)
            for j in range(m):
                y[j] = x[j] + h * c[j]
            two_scale_tendency(y, p, d)
            for j in range(m):
                x[j] += h / 6.0 * (a[j] + 2.0 * b[j] + 2.0 * c[j] + d[j])


def warmup():
    """Compile the kernels of this module on tiny data."""
    dt = np.full(1, 1e-3)
    lorenz63_rk4(np.ones((1, 3)), dt, 1, np.ones(5))
    lorenz96_rk4(np.ones((1, 5)), dt, 1, np.ones(3))
    p = np.array([1.0, 1.0, 1.0, 1.0, 3.0, 2.0])
    two_scale_rk4(np.ones((1, 9)), dt, 1, p)
    out = np.empty(9)
    lorenz63_tendency(np.ones(3), np.ones(5), out)
    lorenz96_tendency(np.ones(5), np.ones(3), out)
    two_scale_tendency(np.ones(9), p, out)
