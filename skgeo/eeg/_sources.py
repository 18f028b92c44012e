"""From trials to what a head is fitted on: matrices of one embedding or of several."""

import numpy as np

from skgeo.eeg._grid import distinct_points

__all__ = ["CovarianceSource", "averaged_points", "order_shares"]

_LAGS = (1, 2, 4, 6, 8)
_LARGEST_ORDER = 6
_LARGEST_DIMENSION = 100


def averaged_points(orders, lags, n_channels, n_times):
    """Resolve the orders and lags that are averaged.

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
        largest = min(_LARGEST_ORDER, max(2, _LARGEST_DIMENSION // n_channels))
        orders = range(1, largest + 1)
    points = distinct_points(orders, _LAGS if isinstance(lags, str) else lags)
    if any_auto:
        points = [q for q in points if q[0] == 1 or 2 * (q[0] - 1) * q[1] <= n_times]
    return points


def order_shares(points, order_weights):
    """Weights of embeddings: each order's share, split evenly over its lags.

    Parameters
    ----------
    points : list of (int, int)
        Orders and lags.
    order_weights : {"equal", "inverse"}
        Orders count alike, or order ``p`` counts ``1 / p``.

    Returns
    -------
    shares : ndarray of shape (n_points,)
        Weights, sum one.
    """
    orders = np.array([order for order, _ in points])
    lags_of = np.bincount(orders)[orders]
    shares = 1.0 / lags_of
    if order_weights == "inverse":
        shares = shares / orders
    return shares / shares.sum()


class CovarianceSource:
    """Matrices of one embedding, or an iterator over those of several.

    Parameters
    ----------
    transformers : list of AugmentedCovariances
        One an embedding, fitted.
    metric : {"riemann", "block-toeplitz"}
        Dense covariances, or the blocks of block-Toeplitz ones.
    single : bool
        Whether there is one embedding and its matrices are wanted bare.
    """

    def __init__(self, transformers, metric, single):
        self.transformers, self.metric, self.single = transformers, metric, single

    def __call__(self, X):
        """Compute the matrices of validated trials."""
        if self.single:
            return self._one(self.transformers[0], X)
        return (self._one(transformer, X) for transformer in self.transformers)

    def _one(self, transformer, X):
        if self.metric == "block-toeplitz":
            return transformer._lag_blocks(X)
        return transformer._covariances(X)
