"""From trials to what a head is fitted on: matrices of one embedding or of several."""

import numpy as np

from skgeo.eeg._grid import distinct_points
from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._tangent import symmetric_whitener, warn_if_not_converged
from skgeo.utils.parallel import single_blas_thread

__all__ = [
    "CovarianceSource",
    "RecenteredSource",
    "averaged_points",
    "order_shares",
]

_LAGS = (1, 2, 4, 6, 8)
_LARGEST_ORDER = 6
_LARGEST_DIMENSION = 100
_FEW_CHANNELS = 12


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


def order_shares(points, order_weights, n_channels):
    """Weights of embeddings: each order's share, split evenly over its lags.

    Parameters
    ----------
    points : list of (int, int)
        Orders and lags.
    order_weights : {"auto", "equal", "inverse"}
        Orders count alike, or order ``p`` counts ``1 / p``; ``"auto"`` is the first
        for up to 12 channels.
    n_channels : int
        Number of channels.

    Returns
    -------
    shares : ndarray of shape (n_points,)
        Weights, sum one.
    """
    orders = np.array([order for order, _ in points])
    lags_of = np.bincount(orders)[orders]
    shares = 1.0 / lags_of
    inverse = order_weights == "inverse" or (
        order_weights == "auto" and n_channels > _FEW_CHANNELS
    )
    if inverse:
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
            return self.one(0, X)
        return (self.one(i, X) for i in range(len(self.transformers)))

    def one(self, index, X):
        """Compute the matrices of one embedding."""
        return self._one(self.transformers[index], X)

    def _one(self, transformer, X):
        if self.metric == "block-toeplitz":
            return transformer._lag_blocks(X)
        return transformer._covariances(X)


class RecenteredSource:
    """Matrices of a source, each domain's mean moved to the identity.

    Parameters
    ----------
    source : CovarianceSource
        Where the matrices come from.
    X_target : ndarray of shape (n_target, n_channels, n_times) or None
        Trials of the domain that will be predicted.
    tol : float
        Tolerance of the means.
    """

    def __init__(self, source, X_target, tol):
        self.source, self.tol = source, tol
        self.single = source.single
        self._X_target = X_target

    def training(self, X, domains, weight):
        """Recenter training trials and learn how to recenter those to predict."""
        self.roots = [None] * len(self.source.transformers)
        domains = np.zeros(len(X), dtype=int) if domains is None else domains
        if self.single:
            return self._train(0, X, domains, weight)
        return (
            self._train(i, X, domains, weight)
            for i in range(len(self.source.transformers))
        )

    def __getstate__(self):
        """Leave the target trials behind: their means are learned."""
        return {**vars(self), "_X_target": None}

    def _train(self, index, X, domains, weight):
        C = self.source.one(index, X)
        out = np.empty_like(C)
        for domain in np.unique(domains):
            member = domains == domain
            root = self._root(C[member], weight[member])
            out[member] = _congruence(C[member], root)
        if self._X_target is None:
            self.roots[index] = self._root(C, weight)
        else:
            target = self.source.one(index, self._X_target)
            self.roots[index] = self._root(target, np.ones(len(target)))
        return out

    def _root(self, C, weight):
        with single_blas_thread():
            P = C if C.ndim == 3 else C[:, 0]
            result = riemann.riemann_mean(P, weight / weight.sum(), tol=self.tol)
            warn_if_not_converged(result, self.tol)
            # Domains must not be turned against each other: the symmetric root.
            return symmetric_whitener(result.x)[0]

    def __call__(self, X):
        """Compute recentered matrices of trials to predict."""
        if self.single:
            return _congruence(self.source(X), self.roots[0])
        return (
            _congruence(C, root)
            for C, root in zip(self.source(X), self.roots, strict=True)
        )


def _congruence(C, root):
    if C.ndim == 4:
        return block_toeplitz.whiten(C, root)
    out = root @ C @ root
    return (out + out.swapaxes(1, 2)) / 2
