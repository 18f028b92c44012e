"""Validation of trials, matrices and labels: errors that say how to mend the input."""

import numbers

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_consistent_length

__all__ = [
    "check_group_labels",
    "check_matrices",
    "check_sample_weight",
    "check_trials",
    "check_trials_y",
]


def _as_float_array(X, name):
    """Return X as an array of float64, refusing what has no honest conversion."""
    if hasattr(X, "get_data") and not isinstance(X, np.ndarray):
        X = X.get_data(copy=False)  # mne.Epochs
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"{name} is not a regular array: trials must all have the same numbers "
            f"of channels and times. numpy says: {error}"
        ) from error
    if X.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {X.dtype}. "
            "Pass its real part, or real and imaginary parts as separate channels."
        )
    if X.dtype.kind not in "fiub":
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} must be numeric; got dtype {X.dtype}. numpy says: {error}"
            ) from error
    return X


def _check_finite(X, name, unit):
    if np.isfinite(np.sum(X)):
        return  # a finite sum means finite values, and costs one pass
    bad = ~np.isfinite(X)
    if not bad.any():
        return  # the sum overflowed, the values are finite
    kind = "NaN" if np.isnan(X).any() else "infinity"
    where = np.unique(np.nonzero(bad)[0])
    shown = ", ".join(map(str, where[:5])) + (", ..." if len(where) > 5 else "")
    raise ValueError(
        f"Input {name} contains {kind} in {len(where)} of {len(X)} {unit} "
        f"(indices {shown}). Drop or repair them: skgeo drops nothing silently."
    )


def check_trials(X, *, name="X", n_channels=None, min_trials=1, copy=False):
    """Check an array of trials.

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times)
        Trials. An ``mne.Epochs`` object is read by its ``get_data``.
    name : str, default="X"
        Name used in messages.
    n_channels : int, optional
        Number of channels that X must have.
    min_trials : int, default=1
        Smallest number of trials.
    copy : bool, default=False
        Return a copy even if none is needed.

    Returns
    -------
    X : ndarray of shape (n_trials, n_channels, n_times)
        C-contiguous float64.

    Raises
    ------
    ValueError
        If X is not a 3-D array of finite real numbers with at least ``min_trials``
        trials, one channel and two times, or has the wrong number of channels.
    """
    X = _as_float_array(X, name)
    if X.ndim != 3:
        hint = {
            1: "Reshape your data: trials are 3-D.",
            2: f"Reshape your data: one trial is {name}[np.newaxis].",
            4: "A filter bank gives 4-D data: fit one estimator per band.",
        }.get(X.ndim, "")
        raise ValueError(
            f"Expected {name} of shape (n_trials, n_channels, n_times), got a "
            f"{X.ndim}-D array of shape {X.shape}. {hint}".rstrip()
        )
    n, c, t = X.shape
    if n < min_trials:
        raise ValueError(
            f"Found array {name} with {n} trial(s) (shape={X.shape}) while a minimum "
            f"of {min_trials} is required."
        )
    if c < 1 or t < 2:
        raise ValueError(
            f"{name} has {c} channel(s) and {t} time(s) a trial (shape={X.shape}) "
            "while at least 1 channel and 2 times are required."
        )
    if n_channels is not None and c != n_channels:
        raise ValueError(
            f"{name} has {c} channels, but the estimator was fitted with "
            f"{n_channels}. Select the same channels in the same order."
        )
    _check_finite(X, name, "trials")
    return np.array(X, dtype=np.float64, order="C", copy=copy or None)


def check_matrices(X, *, name="X", n_channels=None, min_matrices=1):
    """Check an array of symmetric positive-definite matrices.

    Positive definiteness itself is left to the factorization that needs it.

    Parameters
    ----------
    X : array-like of shape (n_matrices, n_channels, n_channels)
        Symmetric matrices.
    name : str, default="X"
        Name used in messages.
    n_channels : int, optional
        Size that the matrices must have.
    min_matrices : int, default=1
        Smallest number of matrices.

    Returns
    -------
    X : ndarray of shape (n_matrices, n_channels, n_channels)
        C-contiguous float64.

    Raises
    ------
    ValueError
        If X is not a batch of square, symmetric, finite real matrices.
    """
    X = _as_float_array(X, name)
    if X.ndim != 3 or X.shape[1] != X.shape[2]:
        hint = f" Reshape your data: one matrix is {name}[np.newaxis]."
        raise ValueError(
            f"Expected {name} of shape (n_matrices, n_channels, n_channels), got "
            f"shape {X.shape}.{hint if X.ndim == 2 else ''}"
        )
    if len(X) < min_matrices:
        raise ValueError(
            f"Found array {name} with {len(X)} matrices (shape={X.shape}) while a "
            f"minimum of {min_matrices} is required."
        )
    if X.shape[1] < 1:
        raise ValueError(f"{name} has 0 channels (shape={X.shape}), needs at least 1.")
    if n_channels is not None and X.shape[1] != n_channels:
        raise ValueError(
            f"{name} has matrices of {X.shape[1]} channels, but the estimator was "
            f"fitted with {n_channels}."
        )
    _check_finite(X, name, "matrices")
    X = np.array(X, dtype=np.float64, order="C", copy=None)
    if np.array_equal(X, X.swapaxes(1, 2)):
        return X  # the usual case, at a fraction of the price of measuring
    gap = np.abs(X - X.swapaxes(1, 2)).max(axis=(1, 2))
    uneven = gap > 1e-8 * np.abs(X).max(axis=(1, 2))
    if uneven.any():
        worst = int(np.argmax(uneven))
        raise ValueError(
            f"{name} must hold symmetric matrices: {int(uneven.sum())} of {len(X)} are "
            f"not (first at index {worst}, largest asymmetry {gap[worst]:.3g}). "
            f"Symmetrize with ({name} + {name}.swapaxes(1, 2)) / 2 if that is meant."
        )
    return X


def check_trials_y(y, X, *, min_classes=2):
    """Check labels and encode them.

    Parameters
    ----------
    y : array-like of shape (n_trials,)
        Labels: strings, booleans or integers in any range.
    X : sequence
        The trials, for their number.
    min_classes : int, default=2
        Smallest number of classes.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted class labels.
    codes : ndarray of shape (n_trials,)
        Index of each label in ``classes``.

    Raises
    ------
    ValueError
        If y is missing, not 1-D, of another length, continuous, or has too few
        classes.
    """
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None."
        )
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {y.shape}.")
    check_consistent_length(X, y)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("Input y contains NaN or infinity.")
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < min_classes:
        raise ValueError(
            f"y holds {len(classes)} class ({classes.tolist()}), while a classifier "
            f"needs at least {min_classes}."
        )
    return classes, codes


def check_group_labels(groups, X, name):
    """Check one group label (domain, subject, session) per trial.

    Parameters
    ----------
    groups : array-like of shape (n_trials,)
        Labels.
    X : sequence
        The trials, for their number.
    name : str
        Name used in messages.

    Returns
    -------
    values : ndarray of shape (n_groups,)
        Sorted group labels.
    codes : ndarray of shape (n_trials,)
        Index of each label in ``values``.

    Raises
    ------
    ValueError
        If there is not one label per trial.
    """
    groups = np.asarray(groups)
    if groups.shape != (_num_samples(X),):
        raise ValueError(
            f"{name} must hold one label per trial: expected shape "
            f"({_num_samples(X)},), got {groups.shape}."
        )
    return np.unique(groups, return_inverse=True)


def check_sample_weight(sample_weight, n_samples, *, normalize=True):
    """Check weights and normalize them to sum one.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float or None
        Non-negative weights; None means equal ones.
    n_samples : int
        Number of samples.
    normalize : bool, default=True
        Divide by the sum; otherwise weights are returned as they are, and ones for
        None.

    Returns
    -------
    weight : ndarray of shape (n_samples,)
        Weights.

    Raises
    ------
    ValueError
        If there is not one finite, non-negative weight per sample, or all are zero.
    """
    if sample_weight is None or isinstance(sample_weight, numbers.Real):
        return np.full(n_samples, 1.0 / n_samples if normalize else 1.0)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), got {weight.shape}."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must be finite and non-negative.")
    largest = weight.max()
    if largest == 0:
        raise ValueError("sample_weight is zero for every sample.")
    if not normalize:
        return weight
    weight = weight / largest  # so that the sum cannot overflow
    return weight / weight.sum()
