"""Input of supervised dictionary learning: covariates, weights, units."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
    column_mean,
    column_squares,
    column_tops,
)

__all__ = [
    "DTYPES",
    "Units",
    "check_covariates",
    "check_start",
    "class_multipliers",
    "covariate_indices",
    "resolve_solver",
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
                some = [*map(str, names[:8]), *["..."] * (len(names) > 8)]
                raise ValueError(
                    f"covariate_columns names {column!r}, which is not a column of X "
                    f"(columns: {', '.join(some)})."
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


def resolve_solver(params):
    """Return the solver that the model needs; refuse one that cannot serve it."""
    constrained = params.positive_dict or params.positive_code
    if params.solver == "lpgd" and constrained:
        raise ValueError(
            "solver='lpgd' works on the product of the factors and cannot keep "
            "positive_dict or positive_code; use solver='bcd' or 'auto'."
        )
    if params.kind == "feature" and params.reconstruction_weight == 0:
        raise ValueError(
            "reconstruction_weight=0 leaves the dictionary of kind='feature' "
            "undetermined; use a positive weight, or kind='filter'."
        )
    if params.solver == "auto":
        return "bcd" if constrained else "lpgd"
    return params.solver


def check_start(params, n_features):
    """Check ``n_components`` and an array ``init`` against the number of features."""
    r, init = params.n_components, params.init
    free = not (params.positive_dict or params.positive_code)
    if free and r > n_features:
        raise ValueError(
            f"n_components={r} exceeds n_features={n_features}: without sign "
            "constraints no more atoms than features can matter."
        )
    if isinstance(init, str):
        return
    if init.shape != (r, n_features):
        raise ValueError(
            f"init must have shape (n_components, n_features) = "
            f"({r}, {n_features}); got {init.shape}."
        )
    if not np.isfinite(init).all():
        raise ValueError("init contains NaN or infinity.")
    if params.positive_dict and (init < 0).any():
        raise ValueError(
            "init has negative entries, but positive_dict=True: clip them."
        )


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


# Beyond these, coefficients of a feature (its inverse) and products over- or underflow.
_SMALLEST, _LARGEST = 1e-200, 1e200


@dataclass(frozen=True)
class Units:
    """The units a fit works in: every feature and every covariate has its own.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Weighted mean of the features.
    feature_scale : ndarray of shape (n_features,)
        What each feature is divided by; ones without scaling.
    length : float
        Root mean squared distance of a sample from the mean, of scaled features.
    z_mean, z_scale : ndarray of shape (n_covariates,)
        Weighted means (zero without an intercept) and standard deviations.
    """

    mean: np.ndarray
    feature_scale: np.ndarray
    length: float
    z_mean: np.ndarray
    z_scale: np.ndarray

    @classmethod
    def of(cls, X, Z, weight, *, fit_intercept, scaled, centered):
        """Measure the units of a training set.

        Parameters
        ----------
        X, Z, weight : arrays
            Features, covariates, weights that sum to one.
        fit_intercept : bool
            Whether covariates are centered.
        scaled : bool
            Whether every feature gets its own scale.
        centered : bool
            Whether reconstructions are centered: the scale of a feature is then the
            root mean square of its distances from the mean, otherwise from zero.
        """
        top = column_tops(X)
        _check_range(top, scaled)
        _check_range(np.abs(Z).max(axis=0, initial=0.0), True, "Covariate {}")
        mean = column_mean(X, weight)
        unit = np.where(top > 0, top, 1.0)
        spread = column_squares(X, weight, mean, unit)
        spread[spread <= 1e-28] = 0.0  # constant but for rounding
        scale = np.ones_like(unit)
        if scaled:
            zero = np.zeros_like(mean)
            own = spread if centered else column_squares(X, weight, zero, unit)
            scale = unit * np.where(own > 0, np.sqrt(own), 1.0)
        if not spread.any():  # constant rows: the distance from zero is left
            spread = column_squares(X, weight, np.zeros_like(mean), unit)
        lengths = unit / scale
        largest = lengths.max()
        total = largest**2 * float(spread @ (lengths / largest) ** 2)
        z_mean = weight @ Z if fit_intercept else np.zeros(Z.shape[1])
        top = np.abs(Z).max(axis=0, initial=0.0)
        top[top == 0] = 1.0
        z_scale = top * np.sqrt(weight @ ((Z - z_mean) / top) ** 2)
        z_scale[z_scale <= 1e-14 * top] = 1.0
        return cls(mean, scale, float(np.sqrt(total)) or 1.0, z_mean, z_scale)

    @property
    def scale(self):
        """What every feature is divided by, all in all."""
        return self.feature_scale * self.length

    def data(self, X, weight, centered):
        """Return the features in these units."""
        return DataMatrix(X, weight, self.mean if centered else None, self.scale)

    def covariates(self, Z):
        """Return the covariates in these units."""
        return (Z - self.z_mean) / self.z_scale


def _check_range(top, scaled, noun="Feature {} of X"):
    """Refuse magnitudes whose inverses and products double precision cannot hold."""
    found = top if scaled else top.max(keepdims=True)
    bad = np.flatnonzero((found > _LARGEST) | ((found > 0) & (found < _SMALLEST)))
    if len(bad):
        where = noun.format(bad[0]) if scaled else "X"
        raise ValueError(
            f"{where} has entries up to {found[bad[0]]:.3g} in magnitude, outside the "
            f"range of {_SMALLEST:g} to {_LARGEST:g} that can be computed with: "
            "choose another unit."
        )
