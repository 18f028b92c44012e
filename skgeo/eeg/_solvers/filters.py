"""Banks of zero-phase band-pass filters."""

from itertools import pairwise

import numpy as np
from scipy.signal import butter, sosfiltfilt

from skgeo.utils.warn import warn_user

__all__ = ["band_edges", "bandpass", "check_band", "filter_spectra", "power_ranges"]

# Butterworth order; zero phase doubles it.
_ORDER = 4


def check_band(band, sfreq, name="band"):
    """Check a pass band and return it as two floats.

    Parameters
    ----------
    band : sequence of two floats
        Edges in Hz.
    sfreq : float
        Sampling frequency in Hz.
    name : str, default="band"
        Name used in the message.

    Returns
    -------
    low, high : float
        The edges.

    Raises
    ------
    ValueError
        Unless ``0 < low < high < sfreq / 2``.
    """
    try:
        edges = tuple(map(float, band))
    except TypeError:
        edges = ()
    if len(edges) != 2 or not 0 < edges[0] < edges[1] < sfreq / 2:
        raise ValueError(
            f"{name} must be (low, high) with 0 < low < high < {sfreq / 2:g} Hz, half "
            f"the sampling frequency; got {band!r}."
        )
    return edges


def band_edges(band, bands):
    """Cut a pass band into narrower bands.

    Parameters
    ----------
    band : (float, float)
        Pass band in Hz.
    bands : "auto" or int
        Number of bands, geometrically spaced. ``"auto"``: half an octave each, but at
        least 3 and at most 8.

    Returns
    -------
    bands : list of (float, float)
        Adjacent bands that fill the pass band.
    """
    low, high = band
    if bands == "auto":
        bands = int(np.clip(round(2 * np.log2(high / low)), 3, 8))
    edges = np.geomspace(low, high, bands + 1).tolist()
    return list(pairwise(edges))


# Width of a band times the length of a trial below which nothing is resolved. Half a
# second at a known frequency +- 0.5 Hz still worked (0.5).
_MIN_CYCLES = 0.49


def bandpass(X, sfreq, band):
    """Filter along the last axis, forwards and backwards.

    Parameters
    ----------
    X : ndarray of shape (..., n_times)
        Signals.
    sfreq : float
        Sampling frequency in Hz.
    band : (float, float)
        Pass band in Hz.

    Returns
    -------
    filtered : ndarray of shape (..., n_times)
        Filtered signals, C-contiguous.

    Warns
    -----
    UserWarning
        If the band is narrower than signals of this length resolve.
    """
    seconds = X.shape[-1] / sfreq
    if (band[1] - band[0]) * seconds < _MIN_CYCLES:
        warn_user(
            f"The band {band[0]:.4g} to {band[1]:.4g} Hz is narrower than trials of "
            f"{seconds:.3g} s resolve: what its filter gives is mostly its own "
            "ringing. Check the units of the band (Hz) and of sfreq, or filter the "
            "recording before it is cut (filter_bank)."
        )
    sos = butter(_ORDER, band, btype="bandpass", fs=sfreq, output="sos")
    # scipy's own padding where the signal is long enough for it.
    padding = min(3 * (2 * len(sos) + 1), X.shape[-1] - 1)
    return np.ascontiguousarray(sosfiltfilt(sos, X, axis=-1, padlen=padding))


def filter_spectra(X):
    """Power spectra of filtered trials, averaged over channels and some trials.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times, n_filters)
        Filtered trials.

    Returns
    -------
    frequencies : ndarray of shape (n_bins,)
        In units of the sampling frequency.
    power : ndarray of shape (n_filters, n_bins)
        Power; zero for filters without signal.
    """
    part = X[:: max(1, len(X) // 20)]
    size = np.abs(part).max()
    part = part / size if size > 0 else part
    n_times = X.shape[2]
    taper = np.hanning(n_times + 2)[1:-1, None]
    waves = np.fft.rfft((part - part.mean(2, keepdims=True)) * taper, axis=2)
    power = (np.abs(waves) ** 2).mean((0, 1)).T
    return np.fft.rfftfreq(n_times), power


def power_ranges(frequencies, power):
    """Frequencies between which nine tenths of each filter's power lie.

    Parameters
    ----------
    frequencies : ndarray of shape (n_bins,)
        Frequencies.
    power : ndarray of shape (n_filters, n_bins)
        Spectra, see :func:`filter_spectra`.

    Returns
    -------
    ranges : ndarray of shape (n_filters, 2)
        Lower and upper ends, half a bin beyond the outermost one.
    """
    half = (frequencies[1] - frequencies[0]) / 2
    ranges = np.empty((len(power), 2))
    for q, spectrum in enumerate(power):
        share = np.cumsum(spectrum) / max(spectrum.sum(), np.finfo(float).tiny)
        # Of a filter without signal the ends are beyond the last frequency.
        last = len(frequencies) - 1
        low, high = np.minimum(np.searchsorted(share, (0.05, 0.95)), last)
        ranges[q] = frequencies[low] - half, frequencies[high] + half
    return ranges
