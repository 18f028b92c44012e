"""Validation of trials, matrices and labels: errors that say how to mend the input."""

import numbers
import sys

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_consistent_length

from skgeo.utils.masked import refuse_masked
from skgeo.utils.warn import warn_user

__all__ = [
    "check_group_labels",
    "check_labels",
    "check_matrices",
    "check_one_type",
    "check_sample_weight",
    "check_trials",
    "check_trials_y",
    "read_trials",
    "weight_numbers",
]

# Channel types of MNE that measure a brain, EEG first.
_BRAIN_TYPES = ("eeg", "seeg", "ecog", "dbs", "csd", "mag", "grad", "ref_meg")
_BRAIN_TYPES += ("hbo", "hbr", "fnirs_cw_amplitude", "fnirs_od")


def _as_float_array(X, name):
    """Return X as an array of float64, refusing what has no honest conversion."""
    refuse_masked(X, name)
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


def _is_epochs(X):
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.BaseEpochs)


def _refuse_other_containers(X, name):
    """Refuse what holds a recording but no trials, with a way out."""
    module = type(X).__module__.partition(".")[0]
    if module == "mne":
        raise ValueError(
            f"{name} is of MNE's class {type(X).__name__}, which holds no trials of a "
            "signal: cut recordings with mne.Epochs and pass those, or hand them to "
            "skgeo.datasets.from_raws."
        )
    if isinstance(X, (str, bytes, dict)):
        raise ValueError(
            f"{name} must be an array of shape (n_trials, n_channels, n_times) or "
            f"mne.Epochs; got a {type(X).__name__}."
        )


def _picked_channels(epochs, name):
    """Names of the channels to use: one type that measures a brain, without bads."""
    types = dict(zip(epochs.ch_names, epochs.get_channel_types(), strict=True))
    bads = set(epochs.info["bads"])
    present = list(dict.fromkeys(t for t in types.values() if t in _BRAIN_TYPES))
    if "eeg" in present:
        kind = "eeg"
    elif len(present) == 1:
        kind = present[0]
    else:
        counts = ", ".join(
            f"{list(types.values()).count(t)} {t}"
            for t in dict.fromkeys(types.values())
        )
        wanted = "one type of data channels" if present else "data channels"
        raise ValueError(
            f"{name} needs EEG, or {wanted}; the epochs hold {counts}. Pick one type, "
            "as in epochs.pick('mag'), or pass the array of the channels you mean."
        )
    kept = [c for c, t in types.items() if t == kind and c not in bads]
    if not kept:
        raise ValueError(
            f"All {kind} channels of {name} are marked bad: {sorted(bads)}. Unmark "
            "those that are to be used."
        )
    others = [f"{c} ({t})" for c, t in types.items() if t != kind]
    others += [f"{c} (bad)" for c, t in types.items() if t == kind and c in bads]
    if others:
        shown = ", ".join(others[:8]) + (", ..." if len(others) > 8 else "")
        warn_user(
            f"{name}: {len(kept)} {kind} channels are used and {len(others)} others "
            f"left out: {shown}."
        )
    return kept


def _warn_bads(parts, wanted, name):
    """Warn of channels that fit used and that are marked bad now."""
    bads = sorted({c for e in parts for c in e.info["bads"]} & set(wanted))
    if bads:
        warn_user(
            f"{name}: {', '.join(bads)} are marked bad here, but fit used them: what "
            "is computed from them cannot be trusted. Interpolate them "
            "(epochs.interpolate_bads()), or fit without them."
        )


def _one_rate(parts, name):
    rates = {float(e.info["sfreq"]) for e in parts}
    if len(rates) > 1:
        raise ValueError(
            f"{name} holds epochs of several sampling frequencies: {sorted(rates)} Hz. "
            "Resample them to a common one."
        )
    return rates.pop()


def read_trials(X, *, name="X", wanted=None):
    """Read trials out of ``mne.Epochs``, or a list of them; arrays pass through.

    Parameters
    ----------
    X : array-like, ``mne.Epochs`` or list of ``mne.Epochs``
        Trials. scikit-learn's cross-validation turns Epochs into a list of them.
    name : str, default="X"
        Name used in messages.
    wanted : sequence of str, optional
        Names of the channels to read, in their order; by default the EEG channels, or
        the one type of data channels there is, without those marked bad.

    Returns
    -------
    X : object
        An array for Epochs, otherwise X itself.
    names : list of str or None
        Names of the channels, for Epochs.
    sfreq : float or None
        Sampling frequency in Hz, for Epochs.

    Raises
    ------
    ValueError
        If X is another object of MNE, has several types of data channels and no EEG,
        lacks a wanted channel, or mixes sampling frequencies.

    Warns
    -----
    UserWarning
        If channels are left out.
    """
    if isinstance(X, (list, tuple)) and any(map(_is_epochs, X)):
        parts = list(X)
        if not all(map(_is_epochs, parts)):
            raise ValueError(f"{name} mixes mne.Epochs with other objects.")
    elif _is_epochs(X):
        parts = [X]
    else:
        _refuse_other_containers(X, name)
        if isinstance(X, (list, tuple)):
            for part in X[:1]:
                _refuse_other_containers(part, f"{name}[0]")
        return X, None, None
    if wanted is None:
        bads = {c for e in parts for c in e.info["bads"]}
        first = parts[0]
        if bads != set(first.info["bads"]):
            first = first.copy()
            first.info["bads"] = sorted(bads & set(first.ch_names))
        wanted = _picked_channels(first, name)
    else:
        _warn_bads(parts, wanted, name)
    wanted = list(wanted)
    blocks = []
    for epochs in parts:
        missing = [c for c in wanted if c not in epochs.ch_names]
        if missing:
            raise ValueError(
                f"{name} lacks the channels {missing}, which the other epochs or "
                f"those of fit have; it has {epochs.ch_names}."
            )
        index = {c: i for i, c in enumerate(epochs.ch_names)}
        blocks.append(epochs.get_data(copy=False)[:, [index[c] for c in wanted]])
    kinds = [set(epochs.get_channel_types(picks=wanted)) for epochs in parts]
    if len(set.union(*kinds)) > max(map(len, kinds)):
        raise ValueError(
            f"{name} holds epochs whose channels of the same names have other types: "
            f"{sorted(set.union(*kinds))}. Correct them (epochs.set_channel_types), "
            "or leave those epochs out."
        )
    lengths = {block.shape[2] for block in blocks}
    if len(lengths) > 1:
        raise ValueError(
            f"{name} holds epochs of several lengths: {sorted(lengths)} samples."
        )
    return np.concatenate(blocks), wanted, _one_rate(parts, name)


def _check_finite(X, name, unit):
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(X)
    if np.isfinite(total):
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


def check_trials(
    X, *, name="X", n_channels=None, min_trials=1, copy=False, filters=False
):
    """Check an array of trials.

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times)
        Trials, ``mne.Epochs`` or a list of them, see :func:`read_trials`.
    name : str, default="X"
        Name used in messages.
    n_channels : int, optional
        Number of channels that X must have.
    min_trials : int, default=1
        Smallest number of trials.
    copy : bool, default=False
        Return a copy even if none is needed.
    filters : bool, default=False
        Accept 4-D trials too, (n_trials, n_channels, n_times, n_filters) with at
        least two filters.

    Returns
    -------
    X : ndarray of shape (n_trials, n_channels, n_times) or 4-D
        C-contiguous float64.

    Raises
    ------
    ValueError
        If X is not a 3-D array of finite real numbers with at least ``min_trials``
        trials, one channel and two times, or has the wrong number of channels.
    """
    X, _, _ = read_trials(X, name=name)
    X = _as_float_array(X, name)
    if filters and X.ndim == 4 and X.shape[3] == 1:
        raise ValueError(
            f"{name} of shape {X.shape} holds a single filter: Reshape your data, "
            f"{name}[..., 0] are the trials. (MOABB's evaluations hand over the "
            "filters of a filter-bank paradigm one by one, skgeo.eeg.evaluate all of "
            "them.)"
        )
    if filters and X.ndim == 4 and X.shape[3] > X.shape[2]:
        raise ValueError(
            f"{name} of shape {X.shape} has more filters than times: the axes are "
            "(n_trials, n_channels, n_times, n_filters), filters last. Move them there "
            f"by numpy.moveaxis({name}, 1, 3), or whichever axis they are now."
        )
    if X.ndim != 3 and not (filters and X.ndim == 4):
        hint = {
            1: "Reshape your data: trials are 3-D.",
            2: f"Reshape your data: one trial is {name}[np.newaxis].",
            4: "A filter bank gives 4-D data: AugmentedCovarianceClassifier takes it, "
            "for others fit one estimator per band.",
        }.get(X.ndim, "")
        raise ValueError(
            f"Expected {name} of shape (n_trials, n_channels, n_times), got a "
            f"{X.ndim}-D array of shape {X.shape}. {hint}".rstrip()
        )
    n, c, t = X.shape[:3]
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


def check_one_type(labels, name="y"):
    """Refuse labels whose types cannot be sorted together.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels.
    name : str, default="y"
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        If types are mixed.
    """
    try:
        np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(value).__name__ for value in labels})
        raise ValueError(
            f"{name} mixes labels of types {kinds}, which cannot be sorted. "
            "Use one type."
        ) from error


def check_labels(y):
    """Check that labels are those of a classification, and of one type.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.

    Raises
    ------
    ValueError
        If types are mixed, or the labels look like the target of a regression.
    """
    check_one_type(y)
    check_classification_targets(y)


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
    check_labels(y)
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
    unknown = np.flatnonzero([g is None or g != g for g in groups.tolist()])
    if len(unknown):
        raise ValueError(
            f"{name} is None or NaN for {len(unknown)} trials (first at index "
            f"{unknown[0]}): every trial needs one."
        )
    return np.unique(groups, return_inverse=True)


def weight_numbers(sample_weight):
    """Weights as an array of float64, whatever its shape.

    Parameters
    ----------
    sample_weight : array-like
        Weights.

    Returns
    -------
    weight : ndarray of float64
        The numbers.

    Raises
    ------
    ValueError
        If they are no real numbers, or masked.
    """
    remedy = "give one number per sample"
    if isinstance(sample_weight, str):
        raise ValueError(
            f"sample_weight must be real numbers, got {sample_weight!r}: {remedy} "
            "(weights by class: sklearn.utils.class_weight.compute_sample_weight("
            '"balanced", y)).'
        )
    refuse_masked(sample_weight, "sample_weight")
    if isinstance(sample_weight, (dict, set)):
        raise ValueError(
            "sample_weight must be real numbers, got a "
            f"{type(sample_weight).__name__}: {remedy}."
        )
    try:
        weight = np.asarray(sample_weight)
        if weight.dtype.kind in "fiubO":
            return weight.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"sample_weight must be real numbers: {remedy}. NumPy says: {error}"
        ) from error
    found = "complex ones" if weight.dtype.kind == "c" else f"dtype {weight.dtype}"
    raise ValueError(f"sample_weight must be real numbers, got {found}: {remedy}.")


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
    if isinstance(sample_weight, numbers.Real) and not (
        np.isfinite(sample_weight) and sample_weight > 0
    ):
        raise ValueError(
            f"sample_weight must be finite and positive; got {sample_weight!r}."
        )
    if sample_weight is None or isinstance(sample_weight, numbers.Real):
        return np.full(n_samples, 1.0 / n_samples if normalize else 1.0)
    weight = weight_numbers(sample_weight)
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
