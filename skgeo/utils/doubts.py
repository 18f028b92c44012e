"""Warnings of trials that are hardly as they are meant."""

import numpy as np

from skgeo.utils.amplitudes import MAX_AMPLITUDE_RATIO, spreads
from skgeo.utils.warn import warn_user

__all__ = ["warn_doubtful_trials"]


def warn_doubtful_trials(X, groups=None, name="X"):
    """Warn of swapped axes, and of trials in another unit than the others.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    groups : ndarray of int of shape (n_trials,), optional
        Groups that may differ in their units.
    name : str, default="X"
        Name used in the message.

    Warns
    -----
    UserWarning
        If there are more than twice as many channels as times, or the channels of a
        trial are more than 300 times larger or smaller than those of the others.
    """
    n, c, n_times = X.shape
    if c > 2 * n_times:
        warn_user(
            f"{name} has {c} channels of {n_times} times each (shape={X.shape}). The "
            "axes are (n_trials, n_channels, n_times): if times come before channels, "
            f"pass {name}.transpose(0, 2, 1)."
        )
    groups = np.zeros(n, dtype=int) if groups is None else groups
    odd = []
    for group in np.unique(groups):
        member = np.flatnonzero(groups == group)
        if len(member) > 2:
            odd += member[_of_another_size(X[member])].tolist()
    if odd:
        shown = ", ".join(map(str, sorted(odd)[:5])) + (", ..." if len(odd) > 5 else "")
        warn_user(
            f"{name} has {len(odd)} of {n} trials (indices {shown}) whose channels are "
            f"more than {MAX_AMPLITUDE_RATIO:.0f} times larger or smaller than those "
            "of the others. Volts among microvolts, or artifacts, look like this: "
            "bring all to one unit, or leave them out (skgeo.eeg.TrialRejector)."
        )


def _of_another_size(X):
    """Which trials have typical channels far larger or smaller than the others'."""
    low, high = np.log10(np.finfo(float).tiny), np.log10(MAX_AMPLITUDE_RATIO)
    levels = np.full(X.shape[:2], np.nan)
    for start in range(0, len(X), 1000):  # no second array of the size of X
        part = X[start : start + 1000]
        size = np.abs(part).max()
        if size > 0:
            spread = spreads(part, size)
            levels[start : start + 1000] = np.log10(
                spread, out=np.full(spread.shape, np.nan), where=spread > 0
            ) + max(np.log10(size), low)
    varies = ~np.isnan(levels).all(0)
    levels = levels[:, varies] - np.nanmedian(levels[:, varies], axis=0)
    odd = np.zeros(len(X), dtype=bool)
    some = ~np.isnan(levels).all(1)
    odd[some] = np.abs(np.nanmedian(levels[some], axis=1)) > high
    return odd
