"""Element-wise stages of exponential time differencing, fused."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["finish", "flux", "half_stage", "last_stage", "warmup"]


@jit
def flux(U, quadratic, cubic, out):
    """Write ``quadratic / 2 u^2 + cubic / 3 u^3``.

    Parameters
    ----------
    U : ndarray of shape (n, n_grid)
        Fields.
    quadratic, cubic : float
        Coefficients.
    out : ndarray of shape (n, n_grid)
        Overwritten.
    """
    a, b = 0.5 * quadratic, cubic / 3.0
    for i in range(U.shape[0]):
        for j in range(U.shape[1]):
            u = U[i, j]
            out[i, j] = u * u * (a + b * u)


@jit
def half_stage(V, N, decay, weight, out):
    """Write ``decay V + weight N``, coefficients per mode (last axis)."""
    for i in range(V.shape[0]):
        for j in range(V.shape[1]):
            out[i, j] = decay[j] * V[i, j] + weight[j] * N[i, j]


@jit
def last_stage(A, Nb, Nv, decay, weight, out):
    """Write ``decay A + weight (2 Nb - Nv)``."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[i, j] = decay[j] * A[i, j] + weight[j] * (2.0 * Nb[i, j] - Nv[i, j])


@jit
def finish(V, Nv, Na, Nb, Nc, decay, f1, f2, f3):
    """Advance V in place by the weighted sum of the four stages."""
    for i in range(V.shape[0]):
        for j in range(V.shape[1]):
            V[i, j] = (
                decay[j] * V[i, j]
                + f1[j] * Nv[i, j]
                + 2.0 * f2[j] * (Na[i, j] + Nb[i, j])
                + f3[j] * Nc[i, j]
            )


def warmup():
    """Compile the kernels of this module on tiny data."""
    U = np.ones((1, 4))
    flux(U, 1.0, 1.0, np.empty_like(U))
    V = np.ones((1, 3), dtype=np.complex128)
    c = np.ones(3, dtype=np.complex128)
    # Decay factors are real for even operators and complex for odd ones.
    for decay in (c, np.ones(3)):
        half_stage(V, V, decay, c, np.empty_like(V))
        last_stage(V, V, V, decay, c, np.empty_like(V))
        finish(V.copy(), V, V, V, V, decay, c, c, c)
