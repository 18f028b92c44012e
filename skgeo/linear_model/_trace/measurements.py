"""Matrices and targets in the units the descent works in."""

from dataclasses import dataclass

import numpy as np

from skgeo.exceptions import NotPositiveDefiniteError

__all__ = ["Layout", "Problem", "degrees_of_freedom", "is_symmetric", "prepare"]

MAD_OF_NORMAL = 0.6745  # median of the absolute value of a standard normal variable


@dataclass(frozen=True, slots=True)
class Layout:
    """How a matrix becomes a row: half of it if it is symmetric.

    Attributes
    ----------
    p, q : int
        Shape of the matrices.
    symmetric : bool
        Keep the upper triangle only, off-diagonal entries times sqrt(2): products of
        rows are traces of products.
    """

    p: int
    q: int
    symmetric: bool

    @property
    def triangle(self):
        """Flat indices of the upper triangle, and the weights of its entries."""
        rows, columns = np.triu_indices(self.p)
        return rows * self.p + columns, np.where(rows == columns, 1.0, np.sqrt(2.0))

    def pack(self, M):
        """Turn matrices (..., p, q) into rows (..., width)."""
        flat = M.reshape(*M.shape[:-2], self.p * self.q)
        if not self.symmetric:
            return flat
        index, weight = self.triangle
        return flat[..., index] * weight

    def unpack(self, v):
        """Undo :meth:`pack` for one row."""
        if not self.symmetric:
            return v.reshape(self.p, self.q)
        index, weight = self.triangle
        M = np.zeros(self.p * self.p, dtype=v.dtype)
        M[index] = v / weight
        M = M.reshape(self.p, self.p)
        return M + np.triu(M, 1).T


@dataclass(frozen=True, slots=True)
class Problem:
    """Standardized measurements: ``t_i ~ <a_i, m> + offset``.

    Attributes
    ----------
    A : ndarray of shape (n, width)
        Centered, scaled, packed matrices.
    t : ndarray of shape (n,)
        Scaled targets.
    offset : float
        First offset, the median of t.
    layout : Layout
        How matrices are packed.
    center : ndarray of shape (p, q)
        Mean of the matrices, in the units of X after whitening.
    x_scale, y_scale : float
        Units of A and t.
    whitener : ndarray of shape (p, p) or None
        Whitener of the matrices.
    fit_intercept : bool
        Whether the offset is free.
    """

    A: np.ndarray
    t: np.ndarray
    offset: float
    layout: Layout
    center: np.ndarray
    x_scale: float
    y_scale: float
    whitener: np.ndarray | None
    fit_intercept: bool

    def in_user_units(self, left, right, offset):
        """Factors and intercept of the model of the user's X and y."""
        ratio = self.y_scale / self.x_scale
        intercept = offset * self.y_scale - ratio * np.vdot(left @ right.T, self.center)
        if self.whitener is not None:
            left, right = self.whitener @ left, self.whitener @ right
        root = np.sqrt(ratio)
        return root * left, root * right, float(intercept)


def degrees_of_freedom(rank, layout):
    """Number of free parameters of a matrix of a rank."""
    if layout.symmetric:
        return rank * (2 * layout.p - rank + 1) // 2
    return rank * (layout.p + layout.q - rank)


def is_symmetric(X):
    """Whether all matrices are symmetric up to rounding."""
    if X.shape[1] != X.shape[2]:
        return False
    gap = np.abs(X - X.swapaxes(1, 2)).max(initial=0.0)
    return bool(gap <= 1e-12 * np.abs(X).max(initial=0.0))


def _whitener(X):
    """Inverse square root of the mean matrix."""
    values, V = np.linalg.eigh(X.mean(axis=0))
    if not values[0] > 1e-13 * values[-1]:
        raise NotPositiveDefiniteError(
            "whiten=True divides by the mean of the matrices, which is not positive "
            f"definite (eigenvalues {values[0]:.3g} to {values[-1]:.3g}). Covariances "
            "of short, average-referenced or duplicated channels are singular: add a "
            "small multiple of the identity, or use whiten=False."
        )
    return (V / np.sqrt(values)) @ V.T


def prepare(X, y, *, symmetric, whiten, fit_intercept):
    """Standardize.

    Parameters
    ----------
    X : ndarray of shape (n, p, q)
        Matrices, of ordinary magnitude.
    y : ndarray of shape (n,)
        Targets, of ordinary magnitude.
    symmetric : bool
        Model and matrices are symmetric.
    whiten : bool
        Divide by the root of the mean matrix on both sides.
    fit_intercept : bool
        Center matrices and targets.

    Returns
    -------
    problem : Problem or None
        None where more than half of the targets are equal, or all matrices are.
    """
    n, p, q = X.shape
    if symmetric:
        X = (X + X.swapaxes(1, 2)) / 2
    whitener = _whitener(X) if whiten else None
    if whiten:
        X = whitener @ X @ whitener
    center = X.mean(axis=0) if fit_intercept else np.zeros((p, q))
    layout = Layout(p, q, symmetric)
    A = layout.pack(X - center)
    x_scale = float(np.sqrt(np.vdot(A, A) / (n * p * q)))
    offset = float(np.median(y)) if fit_intercept else 0.0
    y_scale = float(np.median(np.abs(y - offset))) / MAD_OF_NORMAL
    noise = 1e-14 * max(np.abs(X).max(initial=0.0), np.finfo(float).tiny)
    if x_scale <= noise or y_scale == 0.0:
        return None
    return Problem(
        A=np.ascontiguousarray(A / x_scale),
        t=y / y_scale,
        offset=offset / y_scale,
        layout=layout,
        center=center,
        x_scale=x_scale,
        y_scale=y_scale,
        whitener=whitener,
        fit_intercept=fit_intercept,
    )
