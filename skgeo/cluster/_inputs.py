"""Small helpers of the clustering estimators."""

import numbers
from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import validate_data

from skgeo.exceptions import InvalidParameterError
from skgeo.utils.validation import check_sample_weight

__all__ = [
    "Points",
    "check_covariances",
    "check_dissimilarities",
    "check_exact",
    "check_magnitude",
    "check_points",
    "check_positive_weights",
    "check_start_labels",
    "inertia_of",
    "unit_of",
    "unit_scale",
]

# Squares of larger entries, summed, overflow; squares of smaller ones vanish.
_LARGEST, _SMALLEST = 1e153, 1e-153


def check_exact(given, X, name="X"):
    """Refuse numbers that conversion to ``X``, an array of floats, has rounded.

    Integers above 2^53, times in nanoseconds among them, lose the digits in which they
    differ, and numbers wider than float64 those beyond its own: what is proven would
    not be about the data that were given.
    """
    kind = getattr(getattr(given, "dtype", None), "kind", None)
    if kind == "f" and given.dtype.itemsize <= 8:
        return
    given = np.asarray(given)
    if given.shape != X.shape:
        return
    if given.dtype.kind == "f" and given.dtype.itemsize > 8:
        rounded = given != X
    elif given.dtype.kind in "iuO" and np.abs(X).max(initial=0.0) >= 2.0**53:
        # Python compares an integer with a float exactly, numpy does not.
        rounded = np.array(
            [
                isinstance(a, numbers.Integral) and int(a) != float(b)
                for a, b in zip(given.ravel(), X.ravel(), strict=True)
            ],
            dtype=bool,
        ).reshape(X.shape)
    else:
        return
    if rounded.any():
        row, column = np.argwhere(rounded)[0]
        raise ValueError(
            f"{name} holds {int(rounded.sum())} numbers with more digits than float64 "
            f"has (the first: {given[row, column]!s} in row {row}, column {column}): "
            "rounded they may coincide. Subtract a common offset from each column, or "
            f"convert {name} to float64 if the rounding does not matter."
        )


def check_magnitude(X):
    """Refuse data whose squared distances are no floating-point numbers."""
    largest = float(np.abs(X).max(initial=0.0))
    upper = _LARGEST / np.sqrt(max(X.size, 1))
    if largest == 0.0 or _SMALLEST <= largest <= upper:
        return
    word = "overflow" if largest > 1 else "vanish"
    raise ValueError(
        f"Squared distances {word}: the largest entry of X is {largest:.3g}, allowed "
        f"are {_SMALLEST:.3g} to {upper:.3g}. Multiply X by a constant; labels do not "
        "change."
    )


def unit_of(value, unit):
    """A squared quantity in scaled units, in the units of the data."""
    if value is None:
        return None
    return float(value * unit * unit)


def check_positive_weights(sample_weight, n, *, keep_zero=False):
    """Weights as float64, scaled by a power of two; None where all are equal to one."""
    if sample_weight is None:
        return None
    weight = check_sample_weight(sample_weight, n, normalize=False)
    if not keep_zero and (weight == 0).any():
        raise ValueError(
            f"sample_weight is zero for {int((weight == 0).sum())} samples (the first: "
            f"{int(np.argmin(weight))}): leave them out."
        )
    if (weight == 1).all():
        return None
    if not 1e-100 <= weight.max() <= 1e100:
        raise ValueError(
            f"sample_weight is as large as {weight.max():.3g}: multiply it by a "
            "constant; labels do not change."
        )
    return weight


def unit_scale(X):
    """Center X and divide by its largest entry; return it, that entry, the center."""
    center = 0.5 * X.max(axis=0) + 0.5 * X.min(axis=0)
    X = X - center
    scale = float(np.abs(X).max())
    if scale > 0:
        X /= scale
    return X, scale, center


@dataclass(frozen=True, slots=True)
class Points:
    """Checked points.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Points, or squared dissimilarities, in float64.
    dtype : dtype
        Precision in which they were given, and in which centers are returned.
    weight : ndarray of shape (n,) or None
        Their weights; None where all are one.
    """

    X: np.ndarray
    dtype: np.dtype
    weight: np.ndarray | None


def check_points(estimator, X, sample_weight, n_clusters, *, dissimilarities=False):
    """Points and weights of a fit of K-means, refused where they cannot be used."""
    given = X
    X = validate_data(estimator, X, dtype=[np.float64, np.float32])
    check_exact(given, X)
    dtype = X.dtype
    X = np.asarray(X, dtype=np.float64)
    weight = check_positive_weights(
        sample_weight, len(X), keep_zero=not dissimilarities
    )
    if dissimilarities:
        X = check_dissimilarities(X)
    check_magnitude(np.sqrt(X) if dissimilarities else X)
    usable = len(X) if weight is None else int((weight > 0).sum())
    if usable < n_clusters:
        words = "" if usable == len(X) else " (of positive weight)"
        raise ValueError(
            f"n_samples={usable}{words} should be >= n_clusters={n_clusters}: lower "
            "n_clusters or add points."
        )
    return Points(X, dtype, weight)


def inertia_of(X, labels, weight=None):
    """Weighted sum of squared distances to the group means."""
    weight = np.ones(len(X)) if weight is None else weight
    total = 0.0
    for k in range(labels.max() + 1):
        mine, w = X[labels == k], weight[labels == k]
        away = mine - np.average(mine, axis=0, weights=w)
        total += float(w @ np.einsum("ij,ij->i", away, away))
    return total


def check_dissimilarities(D):
    """Refuse what is not a matrix of squared dissimilarities; return a clean copy."""
    n = len(D)
    if D.shape[1] != n:
        raise ValueError(
            "With metric='precomputed' X must be a square matrix of squared "
            f"dissimilarities; got shape {D.shape}."
        )
    largest = np.abs(D).max()
    if D.min() < 0:
        raise ValueError(
            "Negative values in data passed to SDPKMeans with metric='precomputed': "
            "squared dissimilarities are nonnegative."
        )
    if np.abs(D - D.T).max() > 1e-8 * largest:
        raise ValueError(
            "Precomputed dissimilarities must be symmetric; largest asymmetry "
            f"{np.abs(D - D.T).max():.3g}. Use (X + X.T) / 2 if that is meant."
        )
    if np.abs(np.diag(D)).max() > 1e-8 * largest:
        raise ValueError(
            "Precomputed dissimilarities must have a zero diagonal; found "
            f"{np.abs(np.diag(D)).max():.3g}."
        )
    D = 0.5 * (D + D.T)
    np.fill_diagonal(D, 0.0)
    return D


def check_start_labels(init, n, n_clusters):
    """Return given first labels as codes, None for the name of a method."""
    if isinstance(init, str):
        return None
    labels = np.asarray(init)
    if labels.shape != (n,):
        raise InvalidParameterError(
            f"init must hold one label per sample, shape ({n},); got shape "
            f"{labels.shape}."
        )
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) != n_clusters:
        raise InvalidParameterError(
            f"init holds {len(names)} different labels, but n_clusters={n_clusters}."
        )
    return codes.astype(np.intp)


def check_covariances(covariances, n_clusters, d):
    """Return given covariances as an array, refusing what is not definite."""
    if covariances is None:
        return None
    S = np.asarray(covariances, dtype=np.float64)
    wanted = (n_clusters, d, d)
    if S.shape != wanted:
        raise InvalidParameterError(
            f"covariances must have shape {wanted}; got {S.shape}."
        )
    if not np.isfinite(S).all() or np.abs(S - S.transpose(0, 2, 1)).max() > (
        1e-8 * np.abs(S).max()
    ):
        raise InvalidParameterError("covariances must be finite and symmetric.")
    lowest = np.linalg.eigvalsh(S)[:, 0]
    if not np.all(lowest > 0):
        raise InvalidParameterError(
            f"covariances[{int(np.argmin(lowest))}] is not positive definite: its "
            f"smallest eigenvalue is {lowest.min():.3g}. Add a small multiple of "
            "the identity."
        )
    return S
