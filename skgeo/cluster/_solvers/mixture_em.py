"""EM of a Gaussian mixture with the covariance regularization of iLA-SDP."""

import numpy as np
from scipy import linalg
from scipy.special import logsumexp

from skgeo.utils.solver_result import SolverResult

__all__ = ["gaussian_log_density", "shrunk_em"]


def gaussian_log_density(X, means, covariances):
    """Log densities of points under Gaussians, shape (n, K)."""
    n, d = X.shape
    out = np.empty((n, len(means)))
    for k, (mean, S) in enumerate(zip(means, covariances, strict=True)):
        L = linalg.cholesky(S, lower=True)
        white = linalg.solve_triangular(L, (X - mean).T, lower=True)
        out[:, k] = -0.5 * np.einsum("ij,ij->j", white, white)
        out[:, k] -= np.log(np.diag(L)).sum() + 0.5 * d * np.log(2 * np.pi)
    return out


def shrunk_em(X, weights, means, covariances, *, strength, ridge, tol, max_iter):
    """Run EM from given parameters.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    weights, means, covariances : ndarray
        Start: shapes (K,), (K, d), (K, d, d).
    strength : float
        Points that the pooled covariance counts for in each component.
    ridge : float
        Added to the diagonals.
    tol : float
        Stops when the mean log density changes by less.
    max_iter : int
        Largest number of steps.

    Returns
    -------
    result : SolverResult
        ``x`` is ``(weights, means, covariances)``; ``objective`` is the log-likelihood
        per point. The regularization is not part of it, so it may fall a little.
    """
    n, d = X.shape
    K = len(weights)
    objectives, change, converged = [], np.inf, False
    for _ in range(max_iter):
        joint = gaussian_log_density(X, means, covariances) + np.log(weights)
        density = logsumexp(joint, axis=1)
        objectives.append(density.mean())
        if len(objectives) > 1:
            change = abs(objectives[-1] - objectives[-2])
            if change < tol:
                converged = True
                break
        share = np.exp(joint - density[:, None])
        sizes = share.sum(axis=0) + 10 * np.finfo(float).eps
        means = (share.T @ X) / sizes[:, None]
        scatters = np.empty((K, d, d))
        for k in range(K):
            centered = X - means[k]
            scatters[k] = (centered * share[:, k, None]).T @ centered
        pooled = scatters.sum(axis=0) / n
        covariances = (scatters + strength * pooled) / (sizes + strength)[:, None, None]
        covariances[:, range(d), range(d)] += ridge
        weights = sizes / sizes.sum()
    return SolverResult(
        x=(weights, means, covariances),
        objective=np.array(objectives),
        stop=change,
        n_iter=len(objectives),
        converged=converged,
    )
