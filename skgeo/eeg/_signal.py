"""What trials to predict must share with those of fit: unit and filters."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from skgeo.eeg._solvers.filters import filter_spectra, power_ranges
from skgeo.utils.amplitudes import (
    channel_amplitudes,
    other_amplitudes,
    warn_other_amplitudes,
)
from skgeo.utils.warn import warn_user

__all__ = [
    "FilterRanges",
    "SignalMemory",
    "check_bank",
    "check_same_filters",
    "warn_empty_bands",
]

# Fractions of a filter's power in its band: below, it is doubtful that the band is
# meant; it cannot be meant.
_MOST, _NOTHING = 0.5, 0.02

# Power in a band, over that in the strongest one and leveled by the square of the
# frequency, below which a filter has removed it: signals fall less steeply.
_EMPTY = 1e-4


class FilterRanges(NamedTuple):
    """Frequencies of filters, in units of the sampling frequency.

    Parameters
    ----------
    found : ndarray of shape (n_filters, 2)
        Where the power of each filter lay in fit.
    allowed : ndarray of shape (n_filters, 2)
        Where it may lie: in its band, or to half an octave beyond where it lay if no
        band is known.
    """

    found: np.ndarray
    allowed: np.ndarray


@dataclass
class SignalMemory:
    """Amplitudes and frequencies of the trials that a classifier expects.

    Attributes
    ----------
    amplitudes : ndarray of shape (n_filters, n_channels)
        Typical standard deviations of the channels, of every filter of 4-D trials.
    ranges : FilterRanges or None
        Frequencies of the filters of 4-D trials.
    names : sequence of str or None
        Names of the channels, for messages.
    """

    amplitudes: np.ndarray
    ranges: FilterRanges | None
    names: object

    @classmethod
    def of(cls, X, X_target, sfreq, bands, names):
        """Remember training trials, or the amplitudes of the domain to predict.

        Parameters
        ----------
        X : ndarray of shape (n_trials, n_channels, n_times) or 4-D
            Training trials.
        X_target : ndarray or None
            Trials of the domain to predict.
        sfreq : float or None
            Sampling frequency in Hz.
        bands : list of (float, float) or None
            Band of each filter of 4-D trials in Hz, as far as it is known.
        names : sequence of str or None
            Names of the channels.
        """
        ranges = check_bank(X, sfreq, bands) if X.ndim == 4 else None
        memory = cls(_amplitudes(X if X_target is None else X_target), ranges, names)
        if X_target is not None:
            memory.check_filters(X_target)
        return memory

    def check_filters(self, X):
        """Refuse 4-D trials whose filters have changed places."""
        if X.ndim == 4 and self.ranges is not None:
            check_same_filters(X, self.ranges)

    def warn_amplitudes(self, X):
        """Warn of channels in another unit, in all filters or in some."""
        now = _amplitudes(X)
        known = self.amplitudes[: len(now)]
        odd = [other_amplitudes(*pair).any() for pair in zip(now, known, strict=False)]
        if all(odd) or len(now) == 1:
            warn_other_amplitudes(now[0], known[0], self.names)
        else:
            for q in np.flatnonzero(odd):
                warn_other_amplitudes(now[q], known[q], self.names, f"X[..., {q}]")

    def restart(self, X):
        """Expect the amplitudes of these trials."""
        self.amplitudes = _amplitudes(X)

    def follow(self, X, share):
        """Move the expected amplitudes towards these trials, by their share."""
        now = _amplitudes(X)
        for there, here in zip(self.amplitudes, now, strict=False):
            known = (here > 0) & (there > 0)
            step = np.log(here[known]) - np.log(there[known])
            there[known] *= np.exp(share * step)


def _amplitudes(X):
    filters = np.moveaxis(X, 3, 0) if X.ndim == 4 else [X]
    return np.array([channel_amplitudes(signal) for signal in filters])


def check_bank(X, sfreq, bands):
    """Check that 4-D trials were filtered as said, the whole pass band first.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times, n_filters)
        Filtered trials.
    sfreq : float or None
        Sampling frequency in Hz.
    bands : list of (float, float) or None
        Band of each filter in Hz, as far as it is known.

    Returns
    -------
    ranges : FilterRanges
        Where the power of each filter lies, and where it may lie.

    Raises
    ------
    ValueError
        If next to nothing of a filter's power lies in its band.

    Warns
    -----
    UserWarning
        If less than half of it does, or the first filter does not hold the
        frequencies of the others.
    """
    frequencies, power = filter_spectra(X)
    found = power_ranges(frequencies, power)
    allowed = found * (1 / np.sqrt(2), np.sqrt(2))
    total = np.maximum(power.sum(1), np.finfo(float).tiny)
    for q, band in enumerate(bands):
        if band is None or sfreq is None or not power[q].any():
            continue
        low, high = (edge / sfreq for edge in band)
        # Edges of filters are not sharp, and the taper leaks.
        around = (high - low) / 4 + 2.0 / X.shape[2]
        inside = (frequencies >= low - around) & (frequencies <= high + around)
        allowed[q] = low - around, high + around
        share = power[q, inside].sum() / total[q]
        if share < _MOST:
            said = "{:.3g} to {:.3g} Hz".format(*np.maximum(found[q] * sfreq, 0.0))
            message = (
                f"Filter {q} of X should be the band {band[0]:.3g} to {band[1]:.3g} Hz "
                f"(sfreq={sfreq:g}), but {100 * (1 - share):.0f} % of its power lies "
                f"outside; most lies at {said}. Make X by filter_bank with the same "
                "parameters: the pass band first, then bands, then frequencies."
            )
            if share < _NOTHING:
                raise ValueError(message)
            warn_user(message)
    held = np.minimum(power[0], power).sum(1) / total
    foreign = [q for q in range(1, len(power)) if held[q] < _MOST and power[q].any()]
    if foreign:
        warn_user(
            f"The first filter of X should be the whole pass band, but it does not "
            f"hold the frequencies of the filters {foreign}: delays would be taken of "
            "a narrow band only. Put the pass band in front, as filter_bank does; in "
            "MOABB filters=[[8, 32], [8, 12], ...]."
        )
    return FilterRanges(found, allowed)


def check_same_filters(X, fitted):
    """Check that the filters of 4-D trials are those of fit, in the same order.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times, n_filters)
        Filtered trials.
    fitted : FilterRanges
        What :func:`check_bank` returned in fit.

    Raises
    ------
    ValueError
        If the filters have changed places.

    Warns
    -----
    UserWarning
        If the power of a filter lies at other frequencies than in fit.
    """
    now = power_ranges(*filter_spectra(X))
    best = linear_sum_assignment(-_overlap(now[:, None], fitted.found))[1]
    moved = np.flatnonzero(best != np.arange(len(best)))
    gain = _overlap(now[moved], fitted.found[best[moved]])
    gain -= _overlap(now[moved], fitted.found[moved])
    foreign = np.flatnonzero(_overlap(now, fitted.allowed) == 0)
    if len(moved) and gain.mean() > 0.5:
        order = ", ".join(f"{q} looks like {best[q]}" for q in moved[:5])
        raise ValueError(
            f"The filters of X are in another order than in fit: filter {order}. Make "
            "both by filter_bank with the same parameters."
        )
    if len(foreign):
        warn_user(
            f"The power of the filters {foreign.tolist()} of X lies at other "
            "frequencies than in fit. Unless the signals are that different, make both "
            "by filter_bank with the same parameters."
        )


def warn_empty_bands(X, sfreq, bands):
    """Warn of 3-D trials that a filter has already left hardly anything of.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials, of the whole pass band as they should be.
    sfreq : float
        Sampling frequency in Hz.
    bands : list of (float, float)
        Bands in Hz that the pass band is divided into.

    Warns
    -----
    UserWarning
        If next to no power lies in some of them.
    """
    frequencies, (power,) = filter_spectra(X[..., None])
    frequencies = frequencies * sfreq
    leveled = power * frequencies**2
    sizes = np.zeros(len(bands))
    for k, (low, high) in enumerate(bands):
        inside = (frequencies >= low) & (frequencies <= high)
        sizes[k] = np.median(leveled[inside]) if inside.any() else np.nan
    largest = np.nanmax(sizes, initial=0.0)
    empty = [
        band for band, size in zip(bands, sizes, strict=True) if size < _EMPTY * largest
    ]
    if empty:
        words = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in empty)
        warn_user(
            f"X holds next to no power at {words} Hz, which are among the bands to "
            "average: it was filtered to a narrower band before. Give the pass band of "
            "the filter as band=, or trials of the whole pass band. (MOABB's own "
            "evaluations hand the filters of a filter bank over one by one; "
            "skgeo.eeg.evaluate hands over all of them.)"
        )


def _overlap(one, other):
    """Common part of two ranges over their union."""
    low = np.maximum(one[..., 0], other[..., 0])
    high = np.minimum(one[..., 1], other[..., 1])
    common = np.maximum(high - low, 0.0)
    return common / (np.ptp(one, axis=-1) + np.ptp(other, axis=-1) - common)
