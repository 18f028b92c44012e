"""Gaussians of labeled groups."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgeo.cluster._solvers.iterative_likelihood import group_covariances
from skgeo.cluster._solvers.mixture_em import gaussian_log_density

__all__ = ["definite_covariances", "fit_without_program"]


def definite_covariances(X, labels, K, options):
    """Group covariances and their ridge; refuse singular ones."""
    covariances, ridge = group_covariances(X, labels, K, **options)
    values = np.linalg.eigvalsh(covariances)
    if not np.all(values[:, 0] > 1e-14 * np.maximum(values[:, -1], 1e-300)):
        raise ValueError(
            "The covariance of a cluster is singular (it has too few points for "
            f"{X.shape[1]} features). Use reg_covar > 0."
        )
    return covariances, ridge


def fit_without_program(X, codes, K, covariances, options):
    """Fit one cluster, or no more distinct points than clusters."""
    if K == 1:
        labels = np.zeros(len(X), dtype=np.intp)
    else:
        labels = codes.astype(np.intp)
        if labels.max() + 1 < K:
            warnings.warn(
                f"Number of distinct clusters ({labels.max() + 1}) found smaller "
                f"than n_clusters ({K}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=5,
            )
            K = labels.max() + 1
    if covariances is None:
        covariances = definite_covariances(X, labels, K, options)[0]
    covariances = covariances[:K]
    means = np.array([X[labels == k].mean(axis=0) for k in range(K)])
    density = gaussian_log_density(X, means, covariances)
    value = density[np.arange(len(X)), labels].sum()
    value += 0.5 * X.size * np.log(2 * np.pi)
    return {
        "labels": labels,
        "means": means,
        "covariances": covariances,
        "weights": np.bincount(labels) / len(X),
        "objective": [value],
        "upper_bound": value,
        "n_iter": 0,
        "converged": True,
        "n_points": len(X),
    }
