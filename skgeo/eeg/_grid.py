"""Covariances of a whole grid of orders and lags from one bank of lagged products."""

from dataclasses import dataclass

import numpy as np

from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    LaggedProducts,
    augmented_covariances,
    check_settings,
    embedding_window,
    toeplitz_blocks,
)

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
    settings : CovarianceSettings
        How covariances are estimated.
    products : LaggedProducts or None
        Lagged products of the trials.
    metric : {"riemann", "block-toeplitz"}
        Dense covariances, or the blocks of block-Toeplitz ones.
    """

    X: np.ndarray
    settings: CovarianceSettings
    products: LaggedProducts | None
    metric: str

    @classmethod
    def build(cls, X, points, settings, metric="riemann"):
        """Compute the products that a list of points needs."""
        check_settings(settings)
        for order, lag in points:  # before any work
            embedding_window(X.shape[2], order, lag, settings)
        products = None
        if metric == "riemann" and LaggedProducts.serve(settings):
            products = LaggedProducts.build(X, points, settings)
        return cls(X, settings, products, metric)

    def covariances(self, order, lag):
        """Return the matrices of one embedding."""
        if self.metric == "block-toeplitz":
            return toeplitz_blocks(self.X, order, lag, self.settings)
        if self.products is not None:
            return self.products.covariances(order, lag)
        return augmented_covariances(self.X, order, lag, self.settings)
