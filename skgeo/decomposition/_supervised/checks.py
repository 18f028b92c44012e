"""Input of supervised dictionary learning: covariates, weights, units."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
    column_mean,
    mean_square,
)

__all__ = [
    "DTYPES",
    "Units",
    "check_covariates",
    "class_multipliers",
    "covariate_indices",
    "split_columns",
]

DTYPES = [np.float64, np.float32]


def covariate_indices(columns, n_features, names):
    """Turn ``covariate_columns`` into sorted indices.

    Parameters
    ----------
    columns : sequence of int or str
        Indices (negative ones count from the end) or column names.
    n_features : int
        Number of columns of X.
    names : ndarray of str or None
        Column names of X, if it has any.

    Returns
    -------
    indices : ndarray of int
        In the order given.

    Raises
    ------
    ValueError
        If a column does not exist or is named twice, or no feature would be left.
    """
    found = []
    for column in columns:
        if isinstance(column, str):
            if names is None:
                raise ValueError(
                    f"covariate_columns names {column!r}, but X has no column names: "
                    "pass a data frame, or give indices."
                )
            where = np.flatnonzero(names == column)
            if len(where) == 0:
                raise ValueError(
                    f"covariate_columns names {column!r}, which is not a column of X "
                    f"(columns: {', '.join(map(str, names[:8]))}, ...)."
                )
            found.append(int(where[0]))
        else:
            if not -n_features <= column < n_features:
                raise ValueError(
                    f"covariate_columns has index {column}, but X has {n_features} "
                    "columns."
                )
            found.append(int(column) % n_features)
    if len(set(found)) < len(found):
        raise ValueError(f"covariate_columns lists a column twice: {list(columns)!r}.")
    if len(found) == n_features:
        raise ValueError(
            f"covariate_columns takes all {n_features} columns of X: no feature is "
            "left to reconstruct."
        )
    return np.array(found, dtype=np.intp)


def split_columns(X, indices):
    """Split X into features and covariates (dense float64)."""
    rest = np.setdiff1d(np.arange(X.shape[1]), indices)
    Z = X[:, indices]
    Z = Z.toarray() if issparse(Z) else Z
    return X[:, rest], np.asarray(Z, dtype=np.float64)


def check_covariates(covariates, X):
    """Validate an array of covariates, one row per sample.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_covariates), float64
        Covariates.
    """
    if np.ndim(covariates) == 1 and not hasattr(covariates, "columns"):
        raise ValueError(
            "covariates must be 2-D, (n_samples, n_covariates); got a 1-D array of "
            f"length {np.shape(covariates)[0]}. Reshape your data: one covariate is "
            "covariates.reshape(-1, 1)."
        )
    Z = check_array(
        covariates, accept_sparse="csr", dtype=np.float64, input_name="covariates"
    )
    Z = Z.toarray() if issparse(Z) else Z
    if len(Z) != X.shape[0]:
        raise ValueError(
            f"covariates has {len(Z)} rows, but X has {X.shape[0]}: give one row per "
            "sample."
        )
    return Z


def class_multipliers(class_weight, classes, y, weight):
    """Multiplier of the label loss for each class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        As in scikit-learn; classes a dict leaves out count once.
    classes : ndarray of shape (n_classes,)
        Class labels.
    y : ndarray of shape (n_samples,)
        Index of each sample's class.
    weight : ndarray of shape (n_samples,)
        Relative sample weights.

    Returns
    -------
    multiplier : ndarray of shape (n_classes,)
        Positive numbers.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        return 1.0 / (len(classes) * np.bincount(y, weight, minlength=len(classes)))
    unknown = [label for label in class_weight if label not in set(classes.tolist())]
    if unknown:
        raise ValueError(
            f"class_weight has labels that are not in y: {unknown!r}; the classes are "
            f"{classes.tolist()}."
        )
    values = [float(class_weight.get(label, 1.0)) for label in classes.tolist()]
    if not (np.isfinite(values).all() and min(values) > 0):
        raise ValueError(
            f"class_weight must hold finite positive weights; got {class_weight!r}."
        )
    return np.array(values)


@dataclass
class Units:
    """The units a fit works in: features by one length, covariates each by its own.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Weighted mean of the features.
    scale : float
        Root mean squared distance of a sample from the mean.
    z_mean, z_scale : ndarray of shape (n_covariates,)
        Weighted means (zero without an intercept) and standard deviations.
    """

    mean: np.ndarray
    scale: float
    z_mean: np.ndarray
    z_scale: np.ndarray

    @classmethod
    def of(cls, X, Z, weight, fit_intercept):
        """Measure the units of a training set."""
        mean = column_mean(X, weight)
        unit, value = mean_square(X, weight, mean)
        if value <= 1e-28:  # constant rows: the distance from zero is left
            unit, value = mean_square(X, weight, np.zeros_like(mean))
        scale = unit * np.sqrt(value) if value > 0 else 1.0
        z_mean = weight @ Z if fit_intercept else np.zeros(Z.shape[1])
        top = np.abs(Z).max(axis=0, initial=0.0)
        top[top == 0] = 1.0
        z_scale = top * np.sqrt(weight @ ((Z - z_mean) / top) ** 2)
        z_scale[z_scale <= 1e-14 * top] = 1.0
        return cls(mean, float(scale), z_mean, z_scale)

    def data(self, X, weight, centered):
        """The features in these units."""
        return DataMatrix(X, weight, self.mean if centered else None, self.scale)

    def covariates(self, Z):
        """The covariates in these units."""
        return (Z - self.z_mean) / self.z_scale
