"""Banks of zero-phase band-pass filters."""

from itertools import pairwise

import numpy as np
from scipy.signal import butter, sosfiltfilt

__all__ = ["band_edges", "bandpass", "check_band"]

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
    """
    sos = butter(_ORDER, band, btype="bandpass", fs=sfreq, output="sos")
    # scipy's own padding where the signal is long enough for it.
    padding = min(3 * (2 * len(sos) + 1), X.shape[-1] - 1)
    return np.ascontiguousarray(sosfiltfilt(sos, X, axis=-1, padlen=padding))
