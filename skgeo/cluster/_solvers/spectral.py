"""Spectral projections of a slowly changing symmetric matrix."""

import numpy as np
from scipy import linalg

_PART = 8

__all__ = [
    "CappedProjection",
    "NegativePart",
    "eigh_lowest",
    "largest_eigenvalues",
]


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


def _capped_shift(values, total):
    """Shift t with ``sum clip(values - t, 0, 1) = total``; values descending.

    The sum is piecewise linear and decreasing in t, with corners at the values and one
    below them.
    """
    corners = np.sort(np.concatenate([values, values - 1.0]))
    cumulated = np.concatenate([[0.0], np.cumsum(values)])
    above = np.searchsorted(-values, -corners, side="left")  # values > t
    full = np.searchsorted(-values, -corners - 1.0, side="left")  # values > t + 1
    sums = full + cumulated[above] - cumulated[full] - (above - full) * corners
    # The last corner at which the sum is still at least the total.
    i = int(np.searchsorted(-sums, -total, side="right")) - 1
    if i < 0:
        return corners[0] - (total - sums[0])  # not attainable: all are cut at one
    if i + 1 == len(corners):
        return corners[-1]
    slope = (sums[i] - sums[i + 1]) / max(corners[i + 1] - corners[i], 1e-300)
    return corners[i] + ((sums[i] - total) / slope if slope > 0 else 0.0)


class CappedProjection:
    """Project on ``{qq' + V : V q = 0, 0 <= V <= I, trace V = K - 1}``.

    The leading subspace of a slowly changing matrix is followed as in
    :class:`NegativePart`; the projection is then inexact.
    """

    full_every, degree = 40, 4

    def __init__(self, q, n_clusters):
        self.q, self.total = q, n_clusters - 1.0
        self.basis, self.age, self.rank, self.low, self.bottom = None, 0, 0, 0.0, 0.0
        # Far from the solution digits do not matter: single precision is faster.
        self.single = True

    def __call__(self, M):
        """The nearest member; M is overwritten."""
        q = self.q
        Mq = M @ q
        M -= np.outer(Mq - (q @ Mq) * q, q)
        M -= np.outer(q, Mq)
        values, vectors = self._leading(M)
        shift = _capped_shift(values, self.total)
        kept = np.clip(values - shift, 0.0, 1.0)
        rank = int((kept > 0).sum())
        if rank == len(values) and len(values) < len(M) - 1:
            self.age = self.full_every  # one above the shift may have been missed
        guard = min(len(values), rank + max(5, rank // 4))
        self.basis, self.low, self.rank = vectors[:, :guard], values[guard - 1], rank
        scaled = vectors[:, :rank] * np.sqrt(kept[:rank])
        X = scaled @ scaled.T
        X += np.outer(q, q)
        return X

    def _leading(self, M):
        tracked = self.basis is not None and self.rank <= len(M) // 4
        if tracked and self.age < self.full_every:
            found = self._filtered(M)
            if found is not None:
                return found
        return self._full(M)

    def _full(self, M):
        self.age = 0
        m = len(M)
        norm = np.linalg.norm(M)
        # q, an eigenvector to zero, goes below all others.
        lowered = M - 2 * norm * np.outer(self.q, self.q)
        count = m if self.basis is None else self.basis.shape[1] + 5
        # Some eigenvectors cost more than all of them, from a few on.
        while count < m // _PART:
            try:
                w, V = linalg.eigh(
                    lowered,
                    driver="evr",
                    subset_by_index=(m - count, m - 1),
                    check_finite=False,
                )
            except linalg.LinAlgError:
                break
            w, V = w[::-1], V[:, ::-1]
            if w[-1] < _capped_shift(w, self.total):
                self.bottom = -np.sqrt(max(norm**2 - w @ w, 0.0))
                return w, V
            count *= 2
        if self.single:
            lowered = lowered.astype(np.float32)
        w, V = linalg.eigh(lowered, driver="evd", check_finite=False)
        w, V = w.astype(np.float64, copy=False), V.astype(np.float64, copy=False)
        w, V = w[::-1][: m - 1], V[:, ::-1][:, : m - 1]
        self.bottom = w[-1]
        return w, V

    def _filtered(self, M):
        """One step of a Chebyshev-filtered subspace iteration."""
        self.age += 1
        V, high = self.basis, self.low
        low = self.bottom - 0.1 * abs(self.bottom)
        center, half = 0.5 * (high + low), 0.5 * (high - low)
        if not half > 0:
            return None
        before, W = V, (M @ V - center * V) / half
        for _ in range(self.degree - 1):
            before, W = W, (2.0 / half) * (M @ W - center * W) - before
        W -= np.outer(self.q, self.q @ W)
        norms = np.sqrt(np.einsum("ij,ij->j", W, W))
        if not (np.isfinite(norms).all() and np.all(norms > 0)):
            return None
        W /= norms
        try:
            L = np.linalg.cholesky(W.T @ W)
        except np.linalg.LinAlgError:
            return None
        Q = linalg.solve_triangular(L, W.T, lower=True, check_finite=False).T
        w, U = np.linalg.eigh(Q.T @ (M @ Q))
        return w[::-1], Q @ U[:, ::-1]
