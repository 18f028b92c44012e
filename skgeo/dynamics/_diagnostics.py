"""What can go wrong in the discovery of model error, detected and told."""

import sys
import warnings

import numpy as np

__all__ = ["ModelErrorWarning", "cluster_std", "collinear_terms", "tell"]


class ModelErrorWarning(UserWarning):
    """A discovered model error may not be what it seems."""


def tell(message):
    """Warn, at the caller of the package, that a result needs a second look."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ModelErrorWarning, stacklevel=level)


def collinear_terms(A, limit=1e7):
    """Condition number of scaled columns, and the terms of a near-dependence.

    Parameters
    ----------
    A : ndarray of shape (n_rows, n_columns)
        Design.
    limit : float, default=1e7
        Condition number from which on terms are listed; a Gram matrix shows no
        larger ones reliably.

    Returns
    -------
    condition : float
        Condition number of the non-zero columns at unit norm.
    members : ndarray of int
        Columns of the weakest combination, empty below the limit.
    """
    peak = np.abs(A).max(axis=0)
    alive = np.flatnonzero(peak > 0)
    if len(alive) < 2:
        return 1.0, np.zeros(0, dtype=int)
    B = A[:, alive] / peak[alive]
    G = B.T @ B
    scale = np.sqrt(np.diag(G))
    values, vectors = np.linalg.eigh(G / scale / scale[:, None])
    condition = float(np.sqrt(values[-1] / max(values[0], 1e-32 * values[-1])))
    if condition < limit:
        return condition, np.zeros(0, dtype=int)
    return condition, alive[np.abs(vectors[:, 0]) > 0.1]


def cluster_std(A, residual, active):
    """Standard errors that allow for dependence within a sample.

    Parameters
    ----------
    A : ndarray of shape (n_columns, n, n_rows)
        Candidate terms.
    residual : ndarray of shape (n, n_rows)
        What the regression leaves.
    active : ndarray of int
        Columns of the support.

    Returns
    -------
    std : ndarray of shape (n_active,) or None
        None with fewer samples than twice the active terms.
    """
    n = A.shape[1]
    if len(active) == 0 or n < max(2 * len(active), 4):
        return None
    B = A[active]
    scale = np.abs(B).max(axis=(1, 2))
    if (scale == 0).any():
        return None
    B = B / scale[:, None, None]
    size = np.abs(residual).max() or 1.0
    gram = np.tensordot(B, B, axes=((1, 2), (1, 2)))
    scores = np.einsum("jnr,nr->nj", B, residual / size)
    try:
        bread = np.linalg.inv(gram)
    except np.linalg.LinAlgError:
        return None
    cov = bread @ (scores.T @ scores) @ bread * (n / (n - 1))
    return np.sqrt(np.maximum(np.diag(cov), 0.0)) * size / scale
