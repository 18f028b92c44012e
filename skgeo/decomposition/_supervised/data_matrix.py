"""A data matrix in its own units: centered and scaled on the fly, never copied.

The solvers of supervised dictionary learning see ``X' = (X - center) / scale`` only
through the products of this module. A dense matrix is visited in row blocks that fit
in the cache (float32 blocks are widened there), a sparse one is never made dense.
"""

import numpy as np
from scipy.sparse import diags_array, issparse
from scipy.sparse.linalg import LinearOperator, eigsh

__all__ = [
    "DataMatrix",
    "column_mean",
    "column_squares",
    "column_tops",
    "largest_eigenvalue",
]

_BLOCK_BYTES = 1 << 20  # rows of about this size are worked on at a time


def _blocks(X):
    n, p = X.shape
    rows = max(32, _BLOCK_BYTES // (8 * p))
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        yield slice(start, stop), X[start:stop]


def column_mean(X, weight):
    """Weighted mean of the rows; ``weight`` sums to one.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Data.
    weight : ndarray of shape (n_samples,)
        Weights that sum to one.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        Float64.
    """
    if issparse(X):
        return np.asarray(X.T @ weight, dtype=np.float64).ravel()
    mean = np.zeros(X.shape[1])
    for rows, block in _blocks(X):
        mean += weight[rows] @ block.astype(np.float64, copy=False)
    return mean


def column_squares(X, weight, center, unit):
    """Weighted mean of ``((x - center) / unit)^2`` of every column.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Data.
    weight : ndarray of shape (n_samples,)
        Weights that sum to one.
    center : ndarray of shape (n_features,)
        Points that the deviations are taken from.
    unit : ndarray of shape (n_features,)
        What deviations are divided by, so that no square overflows or vanishes.

    Returns
    -------
    squares : ndarray of shape (n_features,)
        Means of the squares, in these units.
    """
    if issparse(X):
        # Stored entries against the center, and the zeros of each column.
        c = center / unit
        column = X.indices
        w = weight[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))]
        filled = np.bincount(column, w, minlength=X.shape[1])
        gap = X.data / unit[column] - c[column]
        stored = np.bincount(column, w * gap**2, minlength=X.shape[1])
        return stored + np.maximum(1.0 - filled, 0.0) * c**2
    total = np.zeros(X.shape[1])
    for rows, block in _blocks(X):
        gap = (block.astype(np.float64, copy=False) - center) / unit
        total += weight[rows] @ gap**2
    return total


def column_tops(X):
    """Largest magnitude in each column, shape (n_features,), float64."""
    if issparse(X):
        top = np.zeros(X.shape[1])
        np.maximum.at(top, X.indices, np.abs(X.data))
        return top
    return np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)


class DataMatrix:
    """Products with ``X' = (X - center) / scale``, each one pass over X.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Data, float32 or float64 (sparse: float64).
    weight : ndarray of shape (n_samples,)
        Weights of the rows, that sum to one.
    center : ndarray of shape (n_features,) or None
        What is subtracted from every row.
    scale : float or ndarray of shape (n_features,)
        What every row is divided by.
    """

    def __init__(self, X, weight, center, scale):
        self.X, self.weight = X, weight
        self.scale = np.broadcast_to(np.asarray(scale, dtype=np.float64), X.shape[1:])
        self.center = None
        if center is not None and center.any():
            self.center = center / self.scale
        self.sparse = issparse(X)
        self.shape = X.shape

    def with_center(self, center):
        """The same data about another center (in units of X)."""
        return DataMatrix(self.X, self.weight, center, self.scale)

    def forward(self, A):
        """Return ``X' @ A.T``, shape (n_samples, len(A))."""
        B = np.ascontiguousarray((A / self.scale).T)
        if self.sparse:
            out = self.X @ B
        else:
            out = np.empty((self.shape[0], B.shape[1]))
            for rows, block in _blocks(self.X):
                np.matmul(block.astype(np.float64, copy=False), B, out=out[rows])
        if self.center is not None:
            out -= A @ self.center
        return out

    def backward(self, R):
        """Return ``R.T @ X'``, shape (R.shape[1], n_features)."""
        if self.sparse:
            out = np.ascontiguousarray((self.X.T @ R).T)
        else:
            out = np.zeros((R.shape[1], self.shape[1]))
            for rows, block in _blocks(self.X):
                out += R[rows].T @ block.astype(np.float64, copy=False)
        out /= self.scale
        if self.center is not None:
            out -= np.outer(R.sum(axis=0), self.center)
        return out

    def fused_products(self, A, residual):
        """Return ``R.T @ X'`` where R = residual(rows, X'[rows] @ A.T).

        Goes block by block, so that X is read from memory once for both products.
        """
        if self.sparse:
            R = residual(slice(0, self.shape[0]), self.forward(A))
            return self.backward(R)
        B = np.ascontiguousarray((A / self.scale).T)
        shift = 0.0 if self.center is None else A @ self.center
        out, total = np.zeros((len(A), self.shape[1])), np.zeros(len(A))
        for rows, block in _blocks(self.X):
            block = block.astype(np.float64, copy=False)
            R = residual(rows, block @ B - shift)
            out += R.T @ block
            total += R.sum(axis=0)
        out /= self.scale
        if self.center is not None:
            out -= np.outer(total, self.center)
        return out

    def gram(self, weight=None):
        """Return ``X'.T @ diag(weight) @ X'``; the weights default to its own."""
        w = self.weight if weight is None else weight
        p = self.shape[1]
        c = np.zeros(p) if self.center is None else self.center
        if self.sparse:
            S = self.X @ diags_array(1.0 / self.scale)
            total = np.asarray((S.T @ S.multiply(w[:, None]).tocsr()).todense())
            first = np.asarray(S.T @ w).ravel()
            total -= np.outer(first, c) + np.outer(c, first) - w.sum() * np.outer(c, c)
            return total
        total = np.zeros((p, p))
        root = np.sqrt(w)
        for rows, block in _blocks(self.X):
            gap = block.astype(np.float64, copy=False) / self.scale
            gap -= c
            gap *= root[rows, None]
            total += gap.T @ gap
        return total

    def gram_times(self, V):
        """Return ``gram() @ V`` without forming the Gram matrix."""
        return self.backward(self.forward(V.T) * self.weight[:, None]).T

    def energy(self):
        """Return the weighted mean of ``||x'||^2``."""
        center = np.zeros(self.shape[1])
        if self.center is not None:
            center = self.center * self.scale
        return float(column_squares(self.X, self.weight, center, self.scale).sum())


def largest_eigenvalue(matvec, size):
    """Largest eigenvalue of a symmetric positive semidefinite operator.

    Parameters
    ----------
    matvec : callable
        Takes and returns a vector of length ``size``.
    size : int
        Its dimension.

    Returns
    -------
    value : float
        Largest eigenvalue, to about ten digits.
    """
    if size <= 2:
        columns = [np.asarray(matvec(e)).ravel() for e in np.eye(size)]
        return float(np.linalg.eigvalsh(np.array(columns))[-1])
    # A fixed start without symmetry, so that it is orthogonal to no eigenvector
    # that matters and the answer is the same on every call.
    v0 = np.cos(np.arange(size) ** 1.5) + 1.5
    if not np.asarray(matvec(v0)).any():
        return 0.0
    operator = LinearOperator((size, size), matvec=matvec, dtype=np.float64)
    value = eigsh(operator, k=1, v0=v0, tol=1e-10, return_eigenvectors=False)
    return float(value[0])
