"""Negative spectral part of a slowly changing symmetric matrix."""

import numpy as np
from scipy import linalg

__all__ = ["NegativePart", "eigh_lowest", "largest_eigenvalues"]


def eigh_lowest(M, count):
    """Lowest ``count`` eigenpairs of a dense symmetric matrix, ascending."""
    n = len(M)
    if count < n // 2:
        try:
            return linalg.eigh(
                M, driver="evr", subset_by_index=(0, count - 1), check_finite=False
            )
        except linalg.LinAlgError:
            pass  # evr has rare internal failures, evd below has none
    w, V = linalg.eigh(M, driver="evd", check_finite=False)
    return w[:count], V[:, :count]


def largest_eigenvalues(M, count):
    """Bounds from above on the ``count`` largest eigenvalues of a symmetric matrix.

    The whole matrix is reduced to tridiagonal form, so that none can be missed; the
    backward error of that reduction and of the eigenvalues is added.
    """
    n = len(M)
    count = min(count, n)
    if count == 0:
        return np.empty(0)
    try:
        w = linalg.eigh(
            M,
            eigvals_only=True,
            driver="evr",
            subset_by_index=(n - count, n - 1),
            check_finite=False,
        )
    except linalg.LinAlgError:
        w = linalg.eigvalsh(M, check_finite=False)[n - count :]
    return w[::-1] + 10 * n * np.finfo(float).eps * np.linalg.norm(M)


class NegativePart:
    """Track ``P = sum over negative eigenvalues of -w v v'`` of successive matrices.

    Between full eigendecompositions the basis of the previous matrix is moved by one
    Chebyshev-filtered subspace step.  The result is then inexact, which an ADMM step
    tolerates; bounds must never be read from it.

    Parameters
    ----------
    full_every : int, default=60
        A full eigendecomposition is made at least this often.
    degree : int, default=4
        Degree of the filter: matrix products per step. With 2 a step is cheaper, but
        its error keeps some likelihood-adjusted problems from an accuracy of 1e-5.
    """

    def __init__(self, full_every=60, degree=4):
        self.full_every = full_every
        self.degree = degree
        self.age = full_every
        self.basis = None
        self.values = None
        self.top = 0.0  # upper end of the spectrum, or above it
        self.rank = 0

    def project(self, M, out):
        """Write P into ``out``."""
        n = len(M)
        if self.basis is None or self.age >= self.full_every or self.rank >= n // 4:
            w, V = self._full(M)
        else:
            w, V = self._filtered(M)
        self.rank = negative = int(np.searchsorted(w, 0.0))
        guard = negative + max(4, negative // 4)  # spare directions
        if len(w) < min(guard, n) and w[-1] < 0:
            self.age = self.full_every  # a negative one may have been missed
        self.basis, self.values = V[:, :guard], w[:guard]
        scaled = V[:, :negative] * np.sqrt(-w[:negative])
        np.matmul(scaled, scaled.T, out=out)

    def leading(self, count):
        """Eigenvectors of P to its ``count`` largest eigenvalues, (n, count)."""
        return self.basis[:, :count]

    def _full(self, M):
        self.age = 0
        n = len(M)
        count = n if self.basis is None else self.basis.shape[1] + 2
        while True:
            w, V = eigh_lowest(M, min(n, count))
            if len(w) == n or w[-1] > 0:
                break
            count *= 2
        # The Frobenius norm of what is left bounds the upper end.
        self.top = w[-1] if len(w) == n else np.sqrt(max(np.vdot(M, M) - w @ w, 0.0))
        return w, V

    def _filtered(self, M):
        self.age += 1
        V = self.basis
        low = max(self.values[-1], 1e-3 * self.top)
        center, half = 0.5 * (self.top + low), 0.5 * (self.top - low)
        if not half > 0:
            return self._full(M)
        # Chebyshev polynomial of M: damps [low, top], lets what lies below grow.
        previous, Y = V, (M @ V - center * V) / half
        for _ in range(self.degree - 1):
            previous, Y = Y, (2.0 / half) * (M @ Y - center * Y) - previous
        norms = np.sqrt(np.einsum("ij,ij->j", Y, Y))
        if not np.all(norms > 0) or not np.all(np.isfinite(norms)):
            return self._full(M)
        Y /= norms
        try:
            L = np.linalg.cholesky(Y.T @ Y)
        except np.linalg.LinAlgError:
            return self._full(M)
        Q = linalg.solve_triangular(L, Y.T, lower=True, check_finite=False).T
        w, U = np.linalg.eigh(Q.T @ (M @ Q))
        return w, Q @ U
