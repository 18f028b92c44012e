"""Filters and covariances for responses locked to a stimulus."""

import numpy as np
from scipy.linalg import eigh

from skgeo.eeg._solvers import lagged

__all__ = ["prototype_scatter", "xdawn_filters"]


def xdawn_filters(X, means, weight, n_filters):
    """Directions in which the mean response of a class stands out most.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    means : list of ndarray of shape (n_channels, n_times)
        Mean response of each class.
    weight : ndarray of shape (n_trials,)
        Weights of the trials in the covariance of the signal.
    n_filters : int
        Filters per class.

    Returns
    -------
    filters : ndarray of shape (n_classes * n_filters, n_channels)
        Filters; the filtered signal of one has unit variance.
    patterns : ndarray of shape (n_classes * n_filters, n_channels)
        Patterns of the filters.
    """
    n_times = X.shape[2]
    centered = X - X.mean(2, keepdims=True)
    scatter = np.einsum("n,nct,ndt->cd", weight, centered, centered, optimize=True)
    covariance = scatter / (weight.sum() * n_times)
    covariance = lagged.shrink_to_diagonal(
        covariance[None], max(1, round(weight.sum() * n_times))
    )[0]
    # In units of each channel: the eigenproblem does not see scales then.
    scale = np.sqrt(np.diagonal(covariance))
    scale = np.where(scale > 0, scale, 1.0)
    correlation = covariance / scale[:, None] / scale
    if not np.diagonal(correlation).all():
        correlation = np.eye(len(scale))  # nothing varies
    filters, patterns = [], []
    for mean in means:
        evoked = (mean - mean.mean(1, keepdims=True)) / scale[:, None]
        _, V = eigh(evoked @ evoked.T / n_times, correlation)
        V = V[:, ::-1][:, :n_filters]
        # A sign of its own would turn with rounding.
        V = V * np.where(V[np.abs(V).argmax(0), np.arange(V.shape[1])] < 0, -1.0, 1.0)
        filters.append((V / scale[:, None]).T)
        patterns.append((scale[:, None] * (correlation @ V)).T)
    return np.concatenate(filters), np.concatenate(patterns)


def prototype_scatter(S, prototypes, order, lag, n_window):
    """Scatter matrices of trials and their delayed copies under fixed responses.

    Parameters
    ----------
    S : ndarray of shape (n_trials, n_rows, n_times)
        Filtered trials.
    prototypes : ndarray of shape (n_prototypes, n_times)
        Responses; they are not delayed.
    order, lag : int
        Embedding of the trials.
    n_window : int
        Number of embedded samples.

    Returns
    -------
    scatter : ndarray of shape (n_trials, n, n)
        Window means removed, ``n = n_prototypes + order * n_rows``.
    """
    Z = lagged.embed(S, [i * lag for i in range(order)], n_window)
    Z = Z - Z.mean(-1, keepdims=True)
    P = prototypes[:, :n_window]
    P = P - P.mean(-1, keepdims=True)
    k, d = len(P), len(P) + Z.shape[1]
    scatter = np.empty((len(S), d, d))
    scatter[:, :k, :k] = P @ P.T
    np.matmul(Z, Z.swapaxes(1, 2), out=scatter[:, k:, k:])
    scatter[:, k:, :k] = Z @ P.T
    scatter[:, :k, k:] = scatter[:, k:, :k].swapaxes(1, 2)
    return scatter
