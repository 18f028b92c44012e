"""Amplitudes of channels, which tell one unit from another."""

import numpy as np

from skgeo.utils.warn import warn_user

__all__ = [
    "MAX_AMPLITUDE_RATIO",
    "channel_amplitudes",
    "other_amplitudes",
    "spreads",
    "warn_other_amplitudes",
    "warn_unlike_channels",
]

# Ratio of channel variances above which units are probably not the same.
_MAX_VARIANCE_RATIO = 1e6

# Ratio of a channel's amplitude to that of fit above which the unit is not the same:
# units differ by 1e3 at least, half an order of magnitude is left to the signal.
MAX_AMPLITUDE_RATIO = 300.0


def warn_unlike_channels(X, estimator, name="X"):
    """Warn, by name, of channels whose variance is out of all proportion.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    estimator : estimator
        Whose ``channel_names_in_`` are used, if there are any.
    name : str, default="X"
        Name used in the message.

    Warns
    -----
    UserWarning
        If variances differ by more than 1e6 between channels that vary.
    """
    part = X[:: max(1, len(X) // 100)]
    size = np.abs(part).max()
    if not size > 0:
        return
    variance = np.median(spreads(part, size) ** 2, axis=0)
    varies = variance > 0
    if not varies.any():
        return
    ratio = np.ones(len(variance))
    ratio[varies] = variance[varies] / np.median(variance[varies])
    if ratio.max() <= _MAX_VARIANCE_RATIO * ratio.min():
        return
    log = np.abs(np.log10(ratio))
    names = getattr(estimator, "channel_names_in_", range(len(variance)))
    odd = [
        f"{names[i]} ({np.sqrt(ratio[i]):.0e})" for i in np.argsort(-log) if log[i] > 3
    ]
    shown = ", ".join(odd[:5]) + (", ..." if len(odd) > 5 else "")
    warn_user(
        f"{name} has channels of unlike units or amplitudes; channel (amplitude, in "
        f"units of the median channel's): {shown}. A trigger, an accelerometer or a "
        "dead electrode among EEG channels looks like this: leave it out, or bring all "
        "channels to one unit."
    )


def spreads(X, size):
    """Compute standard deviations of channels, a few trials at a time, in cache.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    size : float
        Largest size of an entry.

    Returns
    -------
    spreads : ndarray of shape (n_trials, n_channels)
        Standard deviations over ``size``.
    """
    n, c, n_times = X.shape
    out = np.empty((n, c))
    step = max(1, 2**15 // (c * n_times))
    for start in range(0, n, step):
        part = X[start : start + step] / size
        part -= part.mean(axis=2, keepdims=True)
        np.einsum("nct,nct->nc", part, part, out=out[start : start + step])
    out /= n_times
    return np.sqrt(out, out=out)


def channel_amplitudes(X):
    """Typical standard deviation of each channel.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.

    Returns
    -------
    amplitudes : ndarray of shape (n_channels,)
        Medians over trials, those in which a channel is flat left out; 0 for channels
        that never vary.
    """
    part = X[:: max(1, len(X) // 100)]
    size = np.abs(part).max()
    if not size > 0:
        return np.zeros(X.shape[1])
    spread = spreads(part, size)
    spread[spread == 0] = np.nan
    amplitudes = np.zeros(X.shape[1])
    varies = ~np.isnan(spread).all(0)
    amplitudes[varies] = size * np.nanmedian(spread[:, varies], axis=0)
    return amplitudes


def other_amplitudes(now, fitted):
    """Which channels have an amplitude far from that of fit.

    Parameters
    ----------
    now, fitted : ndarray of shape (n_channels,)
        :func:`channel_amplitudes` of trials and of those of fit.

    Returns
    -------
    odd : ndarray of int of shape (n_channels,)
        1 where it is more than 300 times larger, -1 where it is smaller, otherwise 0.
    """
    known = (now > 0) & (fitted > 0)
    ratio = np.zeros(len(now))
    ratio[known] = np.log10(now[known]) - np.log10(fitted[known])
    high = np.log10(MAX_AMPLITUDE_RATIO)
    return (ratio > high).astype(int) - (ratio < -high)


def warn_other_amplitudes(now, fitted, names=None, name="X"):
    """Warn of channels whose amplitude is not that of fit: another unit, most likely.

    Parameters
    ----------
    now, fitted : ndarray of shape (n_channels,)
        :func:`channel_amplitudes` of trials and of those of fit.
    names : sequence of str, optional
        Names of the channels.
    name : str, default="X"
        Name used in the message.

    Warns
    -----
    UserWarning
        If an amplitude is more than 300 times larger or smaller.
    """
    ratio = other_amplitudes(now, fitted)
    odd = np.flatnonzero(ratio)
    if not len(odd):
        return
    names = range(len(now)) if names is None else names
    shown = ", ".join(
        f"{names[i]} ({'larger' if ratio[i] > 0 else 'smaller'})" for i in odd[:5]
    )
    shown += ", ..." if len(odd) > 5 else ""
    warn_user(  # without numbers, so that a stream of windows is told once
        f"{name} has channels whose amplitude is more than {MAX_AMPLITUDE_RATIO:.0f} "
        f"times that of fit, or less than its inverse: {shown}. Volts and microvolts, "
        "or a dead electrode, look like this, and the result means nothing then: bring "
        "both to one unit."
    )
