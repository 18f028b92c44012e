"""Choice of order and lag from the dynamics of the trials, without labels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skgeo.eeg._solvers import delays as solver
from skgeo.utils.params import Integer, Null, OneOf, RandomState, check_params
from skgeo.utils.validation import check_trials

__all__ = ["Embedding", "select_embedding"]

METHODS = ("mdop", "cao", "fnn", "ami")

_RULES = {
    "method": OneOf(*METHODS),
    "lag": Null() | Integer(1),
    "max_order": Integer(1),
    "max_lag": Integer(1),
    "max_trials": Null() | Integer(1),
    "max_channels": Null() | Integer(1),
    "random_state": RandomState(),
}


class Embedding(NamedTuple):
    """An embedding that :func:`select_embedding` found.

    Parameters
    ----------
    order : int
        Number of delayed copies.
    lag : int
        Uniform delay between them, in samples.
    delays : tuple of int
        Delays in samples, the first is 0: multiples of ``lag``, or with
        ``method="mdop"`` the distinct delays found for all trials together.
    """

    order: int
    lag: int
    delays: tuple


def select_embedding(
    X: ArrayLike,
    method: str = "mdop",
    *,
    lag: int | None = None,
    max_order: int = 10,
    max_lag: int = 30,
    max_trials: int | None = 20,
    max_channels: int | None = 8,
    random_state: int | np.random.RandomState | None = 0,
) -> Embedding:
    """Choose order and lag of an embedding from the dynamics of trials.

    Parameters
    ----------
    X : array-like of shape (n_trials, n_channels, n_times)
        Trials. Labels play no part.
    method : {"mdop", "cao", "fnn", "ami"}, default="mdop"
        ``"mdop"``: maximizing derivatives on projected manifolds, over all channels
        and delays at once; order and lag are the rounded means over trials of the
        number of delays and of the mean delay. The others take the lag at the first
        minimum of the average mutual information and the order from Cao's ratio
        (``"cao"``), from false nearest neighbors (``"fnn"``), or such that the
        delays span one mean period of the signal (``"ami"``).
    lag : int or None, default=None
        Keep this lag and choose the order only (not with ``"mdop"``). For maps, whose
        time is not a sampled continuous one, take 1.
    max_order : int, default=10
        Maximum order.
    max_lag : int, default=30
        Maximum delay, in samples.
    max_trials, max_channels : int or None
        Use at most so many trials, channels, drawn at random; None uses all.
    random_state : int, RandomState or None, default=0
        Seed of that draw.

    Returns
    -------
    embedding : Embedding
        ``order``, ``lag`` and ``delays``. The lag is at least 1, and the order so
        small that augmented covariances have fewer rows than samples.

    Raises
    ------
    ValueError
        If an argument is not one of those described or the trials are too short.

    References
    ----------
    Nichkawde, Physical Review E 87, 022905 (2013). Cao, Physica D 110 (1997), 43-50.
    Kennel, Brown and Abarbanel, Physical Review A 45 (1992), 3403-3411. Fraser and
    Swinney, Physical Review A 33 (1986), 1134-1140. The span of one mean period:
    Kugiumtzis, Physica D 95 (1996), 13-28.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import select_embedding
    >>> t = np.arange(400)
    >>> phases = np.random.default_rng(0).uniform(0, 6.28, (5, 2, 1))
    >>> X = np.sin(2 * np.pi * t / 40.3 + phases)
    >>> select_embedding(X, "ami")  # a quarter of the period of 40 samples
    Embedding(order=5, lag=10, delays=(0, 10, 20, 30, 40))
    """
    params = check_params(
        "select_embedding",
        _RULES,
        {
            "method": method,
            "lag": lag,
            "max_order": max_order,
            "max_lag": max_lag,
            "max_trials": max_trials,
            "max_channels": max_channels,
            "random_state": random_state,
        },
    )
    method, lag, max_order = params.method, params.lag, params.max_order
    if lag is not None and method == "mdop":
        raise ValueError(f"lag is found by method='mdop': pass None; got {lag!r}.")
    X = check_trials(X)
    n_channels, n_times = X.shape[1:]
    # Every method compares points that have max_lag samples behind them.
    max_lag = min(params.max_lag, n_times // 4)
    if max_lag < 1 or n_times < 16:
        raise ValueError(
            f"X has {n_times} times a trial: at least 16 are required to find "
            "neighbors. Pass longer trials."
        )
    if lag is not None and lag > n_times // 4:
        raise ValueError(
            f"lag={lag} is more than a quarter of the {n_times} times a trial has: no "
            "neighbors are left to compare. Lower lag, or pass longer trials."
        )
    rng = check_random_state(params.random_state)
    trials = _standardized_subset(X, params.max_trials, params.max_channels, rng)
    curves = [solver.average_mutual_information(Z, max_lag) for Z in trials]
    if method == "mdop":
        order, lag, delays = _mdop(trials, curves, max_lag, max_order)
    else:
        if lag is None:
            lag = solver.first_minimum(np.mean([c.mean(0) for c in curves], axis=0))
        order = _order(trials, method, lag, min(max_order, _room(n_times, lag)))
        delays = None
    order, lag = _guarded(order, lag, n_channels, n_times)
    if delays is None:
        delays = tuple(i * lag for i in range(order))
    longest = (n_times - 1) // n_channels
    return Embedding(order, lag, delays[: max(1, longest)])


def _room(n_times, lag):
    """Largest order that leaves a quarter of the samples and ten points."""
    return max(1, (n_times - max(10, n_times // 4)) // lag - 1)


def _standardized_subset(X, max_trials, max_channels, rng):
    n, c, _ = X.shape
    if max_trials is not None and n > max_trials:
        X = X[np.sort(rng.choice(n, max_trials, replace=False))]
    if max_channels is not None and c > max_channels:
        X = X[:, np.sort(rng.choice(c, max_channels, replace=False))]
    X = X / np.maximum(np.abs(X).max(axis=2, keepdims=True), np.finfo(float).tiny)
    X = X - X.mean(2, keepdims=True)
    spread = X.std(2)
    trials = []
    for Z, s in zip(X, spread, strict=True):
        alive = s > 1e-12
        if alive.any():
            trials.append(Z[alive] / s[alive, None])
    if not trials:
        raise ValueError("X has no trial in which a channel varies.")
    return trials


def _mdop(trials, curves, max_lag, max_order):
    # The largest first minimum among the channels keeps neighbors in time out.
    theilers = [max(solver.first_minimum(c) for c in curve) for curve in curves]
    orders, lags = [], []
    for trial, theiler in zip(trials, theilers, strict=True):
        found, _ = solver.maximize_derivatives([trial], [theiler], max_lag, max_order)
        if found:
            orders.append(len(found))
            lags.append(np.mean(found))
    if not orders:
        raise ValueError(
            "'mdop' compares neighboring states, and in X all neighbors are equal: the "
            "trials repeat a few values. Pass signals that are not rounded, or choose "
            "another method."
        )
    fewest = min(map(len, trials))
    together = [trial[:fewest] for trial in trials]
    common, _ = solver.maximize_derivatives(together, theilers, max_lag, max_order)
    return round(np.mean(orders)), round(np.mean(lags)), tuple(sorted(set(common)))


def _order(trials, method, lag, max_order):
    series = [row for trial in trials for row in trial]
    if method == "ami":
        period = np.median([solver.mean_period(trial) for trial in trials])
        return min(max_order, 1 + max(1, round(period / lag)))
    if method == "fnn":
        curve = np.mean(
            [solver.false_neighbors(s, lag, max_order, lag) for s in series], axis=0
        )
        small = np.flatnonzero(curve < max(0.02, 1.2 * curve.min()))
        return int(small[0]) + 1
    ratios = np.mean(
        [solver.cao_ratios(s, lag, max_order, lag) for s in series], axis=0
    )
    # Sufficient where the ratio has all but reached its plateau of one.
    enough = np.flatnonzero(ratios >= 0.85 * min(1.0, ratios.max()))
    return int(enough[0]) + 1


def _guarded(order, lag, n_channels, n_times):
    lag = max(1, lag)
    order = max(1, order)
    while order > 1 and (
        order * n_channels >= n_times - (order - 1) * lag
    ):  # more rows than samples
        order -= 1
    return order, lag
