"""Which embeddings are averaged, in which bands, with which shares."""

from typing import NamedTuple

import numpy as np

from skgeo.eeg._grid import distinct_points
from skgeo.eeg._solvers.filters import band_edges, check_band
from skgeo.utils.warn import warn_user

__all__ = [
    "GroupMember",
    "averaged_points",
    "bank_bands",
    "order_shares",
    "resolve_groups",
]

# In samples, where the sampling frequency is not known.
_SAMPLE_LAGS = (1, 2, 4, 6, 8)
_MAX_SAMPLE_ORDER = 6

# In seconds: the span of an embedding is what tells neighboring frequencies apart.
_ORDERS = (1, 2, 4, 6, 8)
_LAGS = (0.016, 0.032, 0.050)
_MAX_ROWS = 100

_BAND_ORDERS = (1, 2, 4)
_MAX_BAND_ROWS = 140

# Up to here long spans pay; above, dimensions cost more than they bring.
FEW_CHANNELS = 12

# Half width in Hz around a known flicker frequency.
_HALF_WIDTH = 0.5


class GroupMember(NamedTuple):
    """One embedding of the average.

    Parameters
    ----------
    name : {"time", "bands", "frequencies"}
        Its group.
    band : (float, float) or None
        Band in Hz; None for the signal as it is.
    order : int
        Number of delayed copies.
    lag : int
        Delay between them, in samples.
    share : float
        Weight of its normalized Gram matrix; all shares sum to one.
    """

    name: str
    band: tuple | None
    order: int
    lag: int
    share: float


def averaged_points(orders, lags, n_channels, n_times):
    """Resolve the orders and lags that are averaged, in samples.

    Parameters
    ----------
    orders : "auto" or sequence of int
        ``"auto"``: from 1 to the largest order whose covariances have at most 100
        rows, but to 2 at least and 6 at most.
    lags : "auto" or sequence of int
        ``"auto"``: 1, 2, 4, 6 and 8 samples. If either is ``"auto"``, embeddings
        that span more than half a trial are not part of the average.
    n_channels, n_times : int
        Shape of a trial.

    Returns
    -------
    points : list of (int, int)
        Orders and lags; order 1 once.
    """
    any_auto = isinstance(orders, str) or isinstance(lags, str)
    if isinstance(orders, str):
        largest = min(_MAX_SAMPLE_ORDER, max(2, _MAX_ROWS // n_channels))
        orders = range(1, largest + 1)
    points = distinct_points(orders, _SAMPLE_LAGS if isinstance(lags, str) else lags)
    return _delays_that_fit(points, n_times, lags) if any_auto else points


def points_in_seconds(orders, lags, sfreq, n_channels, n_times):
    """Resolve the orders and lags that are averaged, lags in seconds.

    Parameters
    ----------
    orders : "auto" or sequence of int
        ``"auto"``: 1, 2, 4, 6 and 8, those whose covariances have at most 100 rows,
        and 2 in any case.
    lags : "auto" or sequence of float
        ``"auto"``: 0.016, 0.032 and 0.05 s. If either is ``"auto"``, embeddings that
        span more than half a trial are not part of the average.
    sfreq : float
        Sampling frequency in Hz.
    n_channels, n_times : int
        Shape of a trial.

    Returns
    -------
    points : list of (int, int)
        Orders and lags in samples; order 1 once, equal lags once.
    """
    any_auto = isinstance(orders, str) or isinstance(lags, str)
    if isinstance(orders, str):
        orders = [p for p in _ORDERS if p <= 2 or p * n_channels <= _MAX_ROWS]
    seconds = _LAGS if isinstance(lags, str) else lags
    samples = [max(1, round(lag * sfreq)) for lag in seconds]
    if max(seconds) * sfreq < 0.5:
        warn_user(
            f"lags={lags!r} are at most {max(seconds) * sfreq:.2g} samples at "
            f"sfreq={sfreq:g} Hz; one sample is taken. Check that sfreq is in Hz, or "
            "give longer lags, in seconds."
        )
    points = [(p, lag if p > 1 else 1) for p, lag in distinct_points(orders, samples)]
    return _delays_that_fit(points, n_times, lags) if any_auto else points


def _that_fit(points, n_times):
    return [q for q in points if q[0] == 1 or 2 * (q[0] - 1) * q[1] <= n_times]


def _delays_that_fit(points, n_times, lags):
    """Leave out long embeddings, and say so where no delay is left."""
    kept = _that_fit(points, n_times)
    if len(kept) < len(points) and not any(order > 1 for order, _ in kept):
        wanted = sorted({lag for order, lag in points if order > 1})
        message = (
            f"every delay of the average (lags={lags!r}: {min(wanted)} to "
            f"{max(wanted)} samples) spans more than half of a trial of {n_times} "
            "times. Lags are seconds where sfreq is given and samples otherwise"
        )
        if not kept:
            raise ValueError(
                f"No embedding is left: {message}. Lower orders or lags, or pass "
                "longer trials."
            )
        warn_user(
            f"Plain covariances are all that is left: {message}. Check both, or pass "
            "longer trials."
        )
    return kept


def order_shares(points, order_weights, n_channels, *, in_seconds=False):
    """Weights of embeddings: each order's share, split evenly over its lags.

    Parameters
    ----------
    points : list of (int, int)
        Orders and lags.
    order_weights : {"auto", "equal", "inverse", "proportional"}
        Orders count alike, order ``p`` counts ``1 / p``, or ``p``. ``"auto"`` is
        ``"inverse"`` above 12 channels; up to 12 ``"proportional"`` with lags in
        seconds and ``"equal"`` with lags in samples.
    n_channels : int
        Number of channels.
    in_seconds : bool, default=False
        Whether lags were given in seconds.

    Returns
    -------
    shares : ndarray of shape (n_points,)
        Weights, sum one.
    """
    if order_weights == "auto":
        few = "proportional" if in_seconds else "equal"
        order_weights = few if n_channels <= FEW_CHANNELS else "inverse"
    orders = np.array([order for order, _ in points])
    power = {"equal": 0.0, "inverse": -1.0, "proportional": 1.0}[order_weights]
    shares = orders**power / np.bincount(orders)[orders]
    return shares / shares.sum()


def bank_bands(sfreq, band, bands, frequencies):
    """List the bands of a filter bank behind the pass band.

    Parameters
    ----------
    sfreq : float
        Sampling frequency in Hz.
    band : (float, float) or None
        Pass band in Hz.
    bands : "auto", int, sequence of (float, float) or None
        Bands, see :func:`~skgeo.eeg.filter_bank`.
    frequencies : sequence of float or None
        Known frequencies in Hz.

    Returns
    -------
    passing : (float, float) or None
        The checked pass band.
    bands : list of (float, float)
        Bands of the second group.
    known : list of (float, float)
        Bands of the third group.

    Raises
    ------
    ValueError
        If a band is not inside ``(0, sfreq / 2)``.
    """
    passing = None if band is None else check_band(band, sfreq)
    if bands is None:
        bands = []
    elif isinstance(bands, (str, int)):
        bands = [] if passing is None else band_edges(passing, bands)
    else:
        bands = [check_band(edges, sfreq, "bands") for edges in bands]
    known = [
        check_band(
            (f - _HALF_WIDTH, f + _HALF_WIDTH), sfreq, f"frequencies +- {_HALF_WIDTH}"
        )
        for f in (() if frequencies is None else frequencies)
    ]
    outside = [
        f"{sum(edges) / 2:g}"
        for edges in known
        if passing is not None and not passing[0] <= sum(edges) / 2 <= passing[1]
    ]
    if outside:
        warn_user(
            f"The frequencies {', '.join(outside)} lie outside the pass band {passing}"
            " Hz: of trials that were filtered to it nothing is left there. Widen "
            "band, or leave them out."
        )
    return passing, bands, known


def resolve_groups(params, n_channels, n_times, n_filters=None):
    """List the embeddings of an average and the filters they read.

    Parameters
    ----------
    params : SimpleNamespace
        ``orders``, ``lags``, ``order_weights``, ``sfreq``, ``band``, ``bands`` and
        ``frequencies`` of the classifier.
    n_channels, n_times : int
        Shape of a trial.
    n_filters : int, optional
        Number of filters of 4-D trials. Where no bands are known they are one group,
        each with its plain covariances.

    Returns
    -------
    members : list of GroupMember
        Embeddings; those of one band follow each other.
    indices : list of int
        Filter of each embedding, 0 for the whole pass band.

    Raises
    ------
    ValueError
        If 4-D trials have another number of filters than the parameters name.
    """
    passing, bands, known = None, [], []
    if params.sfreq is None:
        points = averaged_points(params.orders, params.lags, n_channels, n_times)
    else:
        passing, bands, known = bank_bands(
            params.sfreq, params.band, params.bands, params.frequencies
        )
        points = points_in_seconds(
            params.orders, params.lags, params.sfreq, n_channels, n_times
        )
    shares = order_shares(
        points, params.order_weights, n_channels, in_seconds=params.sfreq is not None
    )
    groups = {
        "time": [
            (0, passing, *point, w) for point, w in zip(points, shares, strict=True)
        ],
        "bands": _band_members(bands, params.sfreq, n_channels, n_times),
        "frequencies": [
            (1 + len(bands) + i, edges, 1, 1, 1 / len(known))
            for i, edges in enumerate(known)
        ],
    }
    if n_filters is not None:
        named = 1 + len(bands) + len(known)
        if named == 1:
            groups["bands"] = [
                (i, None, 1, 1, 1 / (n_filters - 1)) for i in range(1, n_filters)
            ]
        elif named != n_filters:
            raise ValueError(
                f"X has {n_filters} filters and the parameters name {named}: the pass "
                f"band, then {len(bands)} bands and {len(known)} frequencies, as "
                "filter_bank gives them. Pass bands= and frequencies= as X was made."
            )
    total = _group_shares({name for name, g in groups.items() if g}, n_channels)
    members, indices = [], []
    for name, entries in groups.items():
        for index, band, order, lag, share in entries:
            members.append(
                GroupMember(name, band, order, lag, float(total[name] * share))
            )
            indices.append(index)
    return members, indices


def _band_members(bands, sfreq, n_channels, n_times):
    orders = [p for p in _BAND_ORDERS if p == 1 or p * n_channels <= _MAX_BAND_ROWS]
    if n_channels > FEW_CHANNELS:
        orders = [p for p in orders if p <= 2]  # the dear ones
    points = []
    for index, (low, high) in enumerate(bands, 1):
        quarter = max(1, round(sfreq / (4.0 * np.sqrt(low * high))))
        fit = _that_fit([(p, quarter if p > 1 else 1) for p in orders], n_times)
        points += [(index, (low, high), *point) for point in fit]
    return [(*point, 1.0 / len(points)) for point in points]


def _group_shares(present, n_channels):
    if len(present) == 3:
        return dict.fromkeys(present, 1.0 / 3.0)
    if len(present) == 1:
        return dict.fromkeys(present, 1.0)
    other = (present - {"time"}).pop()
    first = 0.75 if other == "bands" and n_channels > FEW_CHANNELS else 0.5
    return {"time": first, other: 1.0 - first}
