"""Covariances of a whole grid of orders and lags from one bank of lagged products."""

from dataclasses import dataclass

import numpy as np

from skgeo.eeg._covariance import AugmentedCovariances
from skgeo.eeg._solvers import lagged

__all__ = ["CovarianceGrid", "distinct_points"]


def distinct_points(orders, lags):
    """List the embeddings of a grid, lag by lag, order 1 once.

    Parameters
    ----------
    orders, lags : sequence of int
        The grid.

    Returns
    -------
    points : list of (int, int)
        Pairs (order, lag). At order 1 the lag has no meaning and only the first one
        appears.
    """
    points, plain = [], False
    for lag in dict.fromkeys(map(int, lags)):
        for order in dict.fromkeys(map(int, orders)):
            if order == 1:
                if plain:
                    continue
                plain = True
            points.append((order, lag))
    return points


@dataclass(frozen=True, slots=True)
class CovarianceGrid:
    """Trials, and their lagged products where the estimator can use them.

    Attributes
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    settings : dict
        Parameters of :class:`AugmentedCovariances` other than order and lag.
    bank : dict of int to ndarray of shape (n_trials, n_channels, n_channels), or None
        Shift -> lagged products of the centered trials over all samples.
    scaled, exponent : ndarray or None
        The centered, scaled trials.
    metric : {"riemann", "block-toeplitz"}
        Dense covariances, or the blocks of block-Toeplitz ones.
    """

    X: np.ndarray
    settings: dict
    bank: dict | None
    scaled: np.ndarray | None
    exponent: np.ndarray | None
    metric: str

    @classmethod
    def build(cls, X, points, settings, metric="riemann"):
        """Compute the products that a list of points needs."""
        if metric == "block-toeplitz":
            settings = {**settings, "block_toeplitz": True}
        for order, lag in points:  # checks parameters and lengths, before any work
            AugmentedCovariances(order, lag, **settings).fit(X[:1])
        direct = settings["estimator"] in ("scm", "cov", "oas")
        if not direct or settings["edge"] == "wrap" or settings["block_toeplitz"]:
            return cls(X, settings, None, None, None, metric)
        plain = AugmentedCovariances(1, 1, **settings).fit(X[:1])
        plain._covariances(X)  # refuses flat trials and extreme amplitudes
        scaled, exponent = plain._scaled(X)
        shifts = sorted({k * lag for order, lag in points for k in range(order)})
        n_times = X.shape[2]
        bank = {
            k: scaled[:, :, k:] @ scaled[:, :, : n_times - k].swapaxes(1, 2)
            for k in shifts
        }
        return cls(X, settings, bank, scaled, exponent, metric)

    def covariances(self, order, lag):
        """Return the matrices of one embedding."""
        transformer = AugmentedCovariances(order, lag, **self.settings)
        if self.metric == "block-toeplitz":
            return transformer._lag_blocks(self.X)
        if self.bank is None:
            return transformer._covariances(self.X)
        n_window = transformer._window(self.X.shape[2])
        n_times = self.X.shape[2]
        base = np.stack([self.bank[k * lag] for k in range(order)], axis=1)
        for k in range(order):
            # Take away the samples behind the window.
            first = self.scaled[:, :, k * lag + n_window :]
            second = self.scaled[:, :, n_window : n_times - k * lag]
            if second.shape[2]:
                base[:, k] -= first @ second.swapaxes(1, 2)
        C = lagged.augmented_scatter(self.scaled, order, lag, n_window, base)
        transformer._finish(self.scaled, self.exponent, n_window, C)
        return C
