"""Filter banks of trials and of recordings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skgeo.eeg._groups import bank_bands
from skgeo.eeg._solvers.filters import bandpass
from skgeo.utils.params import Integer, Null, OneOf, Real, SequenceOf, check_params
from skgeo.utils.validation import check_trials, read_trials

__all__ = ["FILTER_RULES", "filter_bank"]

_PAIR = SequenceOf(Real(0.0, closed="neither"), 2)

# Shared with the classifier, whose parameters have the same names.
FILTER_RULES = {
    "band": Null() | _PAIR,
    "bands": OneOf("auto") | Null() | Integer(1, 100) | SequenceOf(_PAIR),
    "frequencies": Null() | SequenceOf(Real(0.0, closed="neither")),
}


def filter_bank(
    X: ArrayLike,
    sfreq: float,
    band: tuple[float, float],
    frequencies: Sequence[float] | None = None,
    bands: str | int | Sequence[tuple[float, float]] | None = "auto",
) -> np.ndarray:
    """Filter trials, or a recording before it is cut, into a stack of bands.

    The filters are Butterworth filters of order 4, run forwards and backwards. They
    ring at the ends of a trial: if you have the continuous recording, filter that and
    cut the result (the last two axes stay in place).

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times) or (n_channels, n_times)
        Trials (or ``mne.Epochs``), or a continuous recording.
    sfreq : float
        Sampling frequency in Hz.
    band : (float, float)
        Pass band in Hz, the first filter.
    frequencies : sequence of float or None, default=None
        Known frequencies in Hz, of flickering stimuli: the last filters, 0.5 Hz to
        both sides.
    bands : "auto", int, sequence of (float, float) or None, default="auto"
        Bands in Hz between those, or their number, geometrically spaced over the pass
        band. ``"auto"``: half an octave each, at least 3 and at most 8.

    Returns
    -------
    filtered : ndarray of shape (n_trials, n_channels, n_times, n_filters) or \
            (n_channels, n_times, n_filters)
        The pass band, the bands and the known frequencies, in this order.

    Raises
    ------
    ValueError
        If X is not an array of finite numbers of these shapes, or a band does not lie
        within ``(0, sfreq / 2)``.

    See Also
    --------
    AugmentedCovarianceClassifier : Takes the result, with the same parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import filter_bank
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 500))
    >>> filter_bank(X, 250.0, (7.0, 45.0), frequencies=(13.0, 17.0)).shape
    (10, 3, 500, 8)
    """
    params = check_params(
        "filter_bank",
        {"sfreq": Real(0.0, closed="neither"), **FILTER_RULES, "band": _PAIR},
        {"sfreq": sfreq, "band": band, "bands": bands, "frequencies": frequencies},
    )
    passing, middle, known = bank_bands(
        params.sfreq, params.band, params.bands, params.frequencies
    )
    X, _, rate = read_trials(X)
    if rate is not None and abs(rate - params.sfreq) > 1e-3 * rate:
        raise ValueError(f"The epochs have {rate:g} Hz and sfreq is {params.sfreq:g}.")
    continuous = np.ndim(X) == 2
    trials = check_trials(np.asarray(X)[None] if continuous else X)
    filtered = np.stack(
        [bandpass(trials, params.sfreq, edges) for edges in (passing, *middle, *known)],
        axis=-1,
    )
    return filtered[0] if continuous else filtered
