"""Orders and delays of an embedding from the dynamics of the signal.

All functions take one trial: series in rows, standardized, (n_series, n_times).
"""

import numpy as np
from scipy.spatial import cKDTree

__all__ = [
    "average_mutual_information",
    "cao_ratios",
    "false_neighbors",
    "first_minimum",
    "maximize_derivatives",
    "mean_period",
    "nearest",
]

_BINS = 8


def nearest(Y, theiler):
    """Nearest neighbor of each point, other than its neighbors in time.

    Parameters
    ----------
    Y : ndarray of shape (n_points, n_dimensions)
        Points in the order of time.
    theiler : int
        Points at most this far apart in time are no neighbors.

    Returns
    -------
    index : ndarray of shape (n_points,)
        Nearest neighbors.
    distance : ndarray of shape (n_points,)
        Euclidean distances to them.
    """
    n = len(Y)
    tree = cKDTree(Y)
    index, distance = np.full(n, -1), np.full(n, np.inf)
    open_, k = np.arange(n), 4
    # Of the 2 theiler + 2 nearest points one is always admissible.
    while len(open_):
        k = min(k, n)
        d, j = tree.query(Y[open_], k=k)
        usable = (np.abs(j - open_[:, None]) > theiler) & (j < n)
        found = usable.any(1)
        first = usable.argmax(1)
        rows = np.flatnonzero(found)
        index[open_[rows]] = j[rows, first[rows]]
        distance[open_[rows]] = d[rows, first[rows]]
        open_ = open_[~found]
        if k == n:
            break
        k *= 4
    return index, distance


def average_mutual_information(X, max_lag):
    """Mutual information of each series and itself later, in nats.

    Histogram estimate with 8 bins of equal width.

    Parameters
    ----------
    X : ndarray of shape (n_series, n_times)
        Series.
    max_lag : int
        Largest lag.

    Returns
    -------
    information : ndarray of shape (n_series, max_lag + 1)
        Information at lags 0, 1, ..., max_lag.
    """
    n_times, bins = X.shape[1], _BINS
    low, high = X.min(1, keepdims=True), X.max(1, keepdims=True)
    width = np.where(high > low, high - low, 1.0)
    codes = np.minimum(((X - low) / width * bins).astype(int), bins - 1)
    out = np.empty((len(X), max_lag + 1))
    for s, code in enumerate(codes):
        for lag in range(max_lag + 1):
            first, second = code[: n_times - lag], code[lag:]
            joint = np.bincount(first * bins + second, minlength=bins**2)
            joint = joint.reshape(bins, bins) / len(first)
            product = joint.sum(1)[:, None] * joint.sum(0)
            some = joint > 0
            out[s, lag] = (joint[some] * np.log(joint[some] / product[some])).sum()
    return out


def first_minimum(curve):
    """Position of the first local minimum of a curve over lags, at least 1.

    Parameters
    ----------
    curve : ndarray of shape (n_lags,)
        Values at lags 0, 1, ...

    Returns
    -------
    lag : int
        The first lag whose value is below both neighbors, after smoothing over five
        lags; without one, the first below ``1 / e`` of the start, or the last lag.
    """
    smooth = np.asarray(curve, dtype=float)
    for _ in range(2):
        smooth = np.r_[
            smooth[:1], (smooth[:-2] + smooth[1:-1] + smooth[2:]) / 3, smooth[-1:]
        ]
    inner = smooth[1:-1]
    minima = np.flatnonzero((inner < smooth[:-2]) & (inner <= smooth[2:])) + 1
    low = np.flatnonzero(curve <= curve[0] / np.e)
    # Information that is gone at once (noise, maps) has no minimum to wait for.
    if len(low) and low[0] <= 1:
        return 1
    if len(minima):
        return int(minima[0])
    return int(low[0]) if len(low) else len(curve) - 1


def mean_period(X):
    """Mean time between upward crossings of the mean.

    Parameters
    ----------
    X : ndarray of shape (n_series, n_times)
        Series.

    Returns
    -------
    period : float
        Samples; the length of the series if none crosses twice.
    """
    Z = X - X.mean(1, keepdims=True)
    up = (Z[:, :-1] < 0) & (Z[:, 1:] >= 0)
    periods = [
        np.diff(np.flatnonzero(row)).mean() for row in up if np.count_nonzero(row) > 1
    ]
    return float(np.mean(periods)) if periods else float(X.shape[1])


def _embed(series, dimension, lag, n_points):
    return np.column_stack(
        [series[i * lag : i * lag + n_points] for i in range(dimension)]
    )


def cao_ratios(series, lag, max_order, theiler=0):
    """Cao's E1: how much the nearest neighbors drift apart with one more dimension.

    Parameters
    ----------
    series : ndarray of shape (n_times,)
        Series.
    lag : int
        Delay.
    max_order : int
        Largest order.
    theiler : int, default=0
        Neighbors in time to leave out.

    Returns
    -------
    ratios : ndarray of shape (max_order,)
        E1(1), ..., E1(max_order); it approaches one where the order is sufficient.

    References
    ----------
    Cao, Physica D 110 (1997), equations (1) to (3).
    """
    # One set of points for all orders, so that ratios compare like with like.
    n_points = len(series) - (max_order + 1) * lag
    growth = np.empty(max_order + 1)
    for order in range(1, max_order + 2):
        Y = _embed(series, order, lag, n_points)
        index, _ = nearest(Y, theiler)
        old = np.abs(Y - Y[index]).max(1)
        later = series[order * lag : order * lag + n_points]
        new = np.maximum(old, np.abs(later - later[index]))
        usable = old > 0
        if not usable.any():
            return np.ones(max_order)
        growth[order - 1] = (new[usable] / old[usable]).mean()
    return growth[1:] / growth[:-1]


def false_neighbors(series, lag, max_order, theiler=0, ratio=15.0, size=2.0):
    """Fractions of false nearest neighbors.

    Parameters
    ----------
    series : ndarray of shape (n_times,)
        Standardized series.
    lag : int
        Delay.
    max_order : int
        Largest order.
    theiler : int, default=0
        Neighbors in time to leave out.
    ratio, size : float
        Thresholds of the two criteria: growth relative to the distance, and distance
        relative to the attractor.

    Returns
    -------
    fractions : ndarray of shape (max_order,)
        Of orders 1, ..., max_order.

    References
    ----------
    Kennel, Brown and Abarbanel, Physical Review A 45 (1992), equations (4) and (5).
    """
    n_points = len(series) - max_order * lag
    spread = series.std()
    fractions = np.empty(max_order)
    for order in range(1, max_order + 1):
        Y = _embed(series, order, lag, n_points)
        index, distance = nearest(Y, theiler)
        later = series[order * lag : order * lag + n_points]
        growth = np.abs(later - later[index])
        far = np.hypot(distance, growth) > size * spread
        fractions[order - 1] = ((growth > ratio * distance) | far).mean()
    return fractions


def _betas(trials, embedded, theilers, max_lag):
    """Mean over trials of beta(series, delay), given the embedding so far.

    Trials without neighbors at a positive distance (few values, over and over) have
    none and do not count.
    """
    total, n_used = 0.0, 0
    for X, Y, theiler in zip(trials, embedded, theilers, strict=True):
        n_points = min(len(Y), X.shape[1] - max_lag)
        index, distance = nearest(Y[:n_points], theiler)
        usable = (index >= 0) & (distance > 0)
        if not usable.any():
            continue
        n_used += 1
        i, j = np.flatnonzero(usable), index[usable]
        shifts = np.arange(max_lag + 1)
        gap = np.abs(X[:, i[:, None] + shifts] - X[:, j[:, None] + shifts])
        tiny = np.finfo(float).tiny
        log = np.log10(np.maximum(gap, tiny)) - np.log10(distance[usable])[:, None]
        total = total + log.mean(1)
    if not n_used:
        return np.full((len(trials[0]), max_lag + 1), -np.inf)
    return total / n_used


def _false_fraction(old, new, theilers, ratio=2.0):
    """Mean over trials of the fraction of neighbors that the new coordinate parts."""
    fractions = []
    for Y_old, Y_new, theiler in zip(old, new, theilers, strict=True):
        n_points = min(len(Y_old), len(Y_new))
        _, before = nearest(Y_old[:n_points], theiler)
        _, after = nearest(Y_new[:n_points], theiler)
        close = (before < 1.0 / ratio) & (before > 0)
        parted = (after[close] > ratio * before[close]).sum()
        # No close pair parted says nothing yet: counted as one, and as the fraction
        # has then risen, the search ends.
        fractions.append(parted / close.sum() if parted else 1.0)
    return float(np.mean(fractions))


def maximize_derivatives(trials, theilers, max_lag, max_order, threshold=0.05):
    """Delays by maximizing derivatives on projected manifolds (MDOP).

    Parameters
    ----------
    trials : list of ndarray of shape (n_series, n_times)
        Standardized trials that share one embedding.
    theilers : list of int
        Neighbors in time to leave out, one number a trial.
    max_lag : int
        Largest delay.
    max_order : int
        Most delays.
    threshold : float, default=0.05
        Fraction of false neighbors to stop at.

    Returns
    -------
    delays : list of int
        Delays, the first is 0; none if no trial has neighbors at a positive distance.
    series : list of int
        The series each one belongs to.

    References
    ----------
    Nichkawde, Physical Review E 87, 022905 (2013).
    """
    n_series = len(trials[0])
    best = (-np.inf, 0, 0, 0)
    for a in range(n_series):
        beta = _betas(trials, [X[a][:, None] for X in trials], theilers, max_lag)
        b, delay = np.unravel_index(np.argmax(beta), beta.shape)
        best = max(best, (float(beta[b, delay]), a, int(b), int(delay)))
    if best[0] == -np.inf:
        return [], []
    _, first, b, delay = best
    delays, series, previous = [0], [first], np.inf
    embedded = [X[first][:, None] for X in trials]
    while len(delays) < max_order:
        bigger = []
        for X, Y in zip(trials, embedded, strict=True):
            later = X[b, delay:]
            n_points = min(len(Y), len(later))
            bigger.append(np.column_stack([Y[:n_points], later[:n_points]]))
        fraction = _false_fraction(embedded, bigger, theilers)
        if fraction <= threshold or (len(delays) > 1 and fraction > previous):
            break
        delays.append(delay)
        series.append(b)
        embedded, previous = bigger, fraction
        beta = _betas(trials, embedded, theilers, max_lag)
        if beta.max() == -np.inf:
            break
        b, delay = map(int, np.unravel_index(np.argmax(beta), beta.shape))
    return delays, series
