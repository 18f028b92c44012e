"""Columns of the model: the features themselves, or kernels with training rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

__all__ = ["KERNELS", "Basis", "fit_basis"]

KERNELS = ("linear", "rbf", "polynomial", "precomputed")


@dataclass(frozen=True, slots=True)
class Basis:
    """Turns samples into columns of the model.

    Attributes
    ----------
    kernel : {"linear", "rbf", "polynomial", "precomputed"}
        "linear" and "precomputed" take the columns of X as they are.
    gamma, degree, coef0 : float
        Parameters of the kernel.
    centers : ndarray or sparse matrix of shape (n_columns, n_features), or None
        Rows that the kernel compares samples with.
    columns : ndarray of int, or None
        Columns of a precomputed kernel that are used; None means all.
    """

    kernel: str
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 1.0
    centers: Any = None
    columns: np.ndarray | None = None

    def __call__(self, X):
        """Columns of the model at some samples.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        columns : ndarray or sparse matrix of shape (n_samples, n_columns)
            Columns.
        """
        if self.centers is not None and not self.centers.shape[0]:
            return np.zeros((X.shape[0], 0))
        if self.kernel == "rbf":
            return rbf_kernel(X, self.centers, gamma=self.gamma)
        if self.kernel == "polynomial":
            return polynomial_kernel(
                X, self.centers, self.degree, gamma=self.gamma, coef0=self.coef0
            )
        return X if self.columns is None else X[:, self.columns]

    def restrict(self, columns):
        """Keep only some of the columns."""
        if self.centers is not None:
            return replace(self, centers=self.centers[columns])
        every = columns if self.columns is None else self.columns[columns]
        return replace(self, columns=every)


def fit_basis(params, X, weight):
    """Basis of training samples.

    Parameters
    ----------
    params : namespace
        Holds ``kernel``, ``gamma``, ``degree`` and ``coef0``.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Training samples (or their kernel matrix).
    weight : ndarray of shape (n_samples,) or None
        Sample weights.

    Returns
    -------
    basis : Basis
        The basis, one column per training sample of positive weight unless the kernel
        is linear.
    """
    if params.kernel == "linear":
        return Basis("linear")
    used = None if weight is None else np.flatnonzero(weight > 0)
    if params.kernel == "precomputed":
        if X.shape[0] != X.shape[1]:
            raise ValueError(
                f"With kernel='precomputed', X must be the square kernel matrix of the "
                f"training samples, got shape {X.shape}."
            )
        return Basis("precomputed", columns=used)
    gamma = params.gamma
    if gamma == "scale":
        gamma = 1.0 / (X.shape[1] * (_variance(X, weight) or 1.0))
    elif gamma == "auto":
        gamma = 1.0 / X.shape[1]
    centers = X if used is None else X[used]
    return Basis(params.kernel, gamma, params.degree, params.coef0, centers)


def _variance(X, weight):
    """Weighted variance of all entries of X."""
    total = X.shape[1] * (X.shape[0] if weight is None else weight.sum())
    weight = np.ones(X.shape[0]) if weight is None else weight
    mean = float(np.sum(weight @ X)) / total
    if issparse(X):
        return float(np.sum(weight @ X.multiply(X))) / total - mean**2
    return float(weight @ np.sum((X - mean) ** 2, axis=1)) / total
