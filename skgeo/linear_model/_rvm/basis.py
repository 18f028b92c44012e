"""Columns of the model: the features themselves, or kernels with training rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from skgeo.linear_model._rvm.compress import power_of_two

__all__ = ["KERNELS", "Basis", "distinct_rows", "fit_basis"]

KERNELS = ("linear", "rbf", "polynomial", "precomputed")


@dataclass(frozen=True)
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
        Training samples that the columns belong to; None where they are features.
    unit : float
        Unit of gamma and centers: samples are divided by it first. A power of two.
    """

    kernel: str
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 1.0
    centers: Any = None
    columns: np.ndarray | None = None
    unit: float = 1.0

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
        if self.centers is not None:
            if self.unit != 1.0:
                X = X / self.unit
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                if self.kernel == "rbf":
                    values = rbf_kernel(X, self.centers, gamma=self.gamma)
                else:
                    values = polynomial_kernel(
                        X, self.centers, self.degree, gamma=self.gamma, coef0=self.coef0
                    )
            if not np.isfinite(values).all():
                raise ValueError(
                    f"Values of the {self.kernel} kernel exceed the range of floating-"
                    "point numbers. Rescale X, or lower gamma or degree."
                )
            return values
        return X[:, self.columns] if self.kernel == "precomputed" else X

    def restrict(self, columns):
        """Keep only some of the columns."""
        centers = None if self.centers is None else self.centers[columns]
        return replace(self, centers=centers, columns=self.columns[columns])


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
        The basis, one column per distinct training sample of positive weight unless the
        kernel is linear.
    """
    if params.kernel == "linear":
        return Basis("linear")
    used = np.arange(X.shape[0]) if weight is None else np.flatnonzero(weight > 0)
    if params.kernel == "precomputed":
        if X.shape[0] != X.shape[1]:
            raise ValueError(
                f"With kernel='precomputed', X must be the square kernel matrix of the "
                f"training samples, got shape {X.shape}."
            )
        return Basis("precomputed", columns=used[distinct_rows(X[:, used].T)])
    # Squares of extreme values would overflow or vanish.
    largest = float(abs(X).max())
    unit = 1.0 if 1e-50 < largest < 1e50 else float(power_of_two(largest))
    if unit != 1.0:
        X = X / unit
    gamma = params.gamma
    if gamma == "scale":
        gamma = 1.0 / (X.shape[1] * (_variance(X, weight) or 1.0))
    else:
        gamma = (1.0 / X.shape[1] if gamma == "auto" else gamma) * unit * unit
    used = used[distinct_rows(X[used])]
    return Basis(params.kernel, gamma, params.degree, params.coef0, X[used], used, unit)


def distinct_rows(X):
    """Indices of the first of each set of equal rows: a copy is no other column."""
    if issparse(X):
        X = X.tocsr()
        X.sort_indices()
        ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        keys = [(X.indices[i:j].tobytes(), X.data[i:j].tobytes()) for i, j in ends]
    else:
        keys = [row.tobytes() for row in np.ascontiguousarray(X)]
    first = {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    return np.array(list(first.values()), dtype=np.intp)


def _variance(X, weight):
    """Weighted variance of all entries of X."""
    total = X.shape[1] * (X.shape[0] if weight is None else weight.sum())
    weight = np.ones(X.shape[0]) if weight is None else weight
    X = X.astype(np.float64, copy=False)  # squares of float32 overflow at 1e19
    mean = float(np.sum(weight @ X)) / total
    if issparse(X):
        return float(np.sum(weight @ X.multiply(X))) / total - mean**2
    return float(weight @ np.sum((X - mean) ** 2, axis=1)) / total
