"""Dissimilarities of samples to samples."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import cosine_distances

__all__ = ["dissimilarities", "sine_distances", "subspace_distances", "subspaces_of"]

# Below this 1 - cos^2 has lost half its digits to cancellation.
_CANCELS = 1e-8
# Sines below this are the rounding of rows of unit length.
_ROUNDING = 16 * np.finfo(np.float64).eps
_CDIST = {"euclidean": "euclidean", "manhattan": "cityblock"}
_CHUNK = 2_000_000  # entries of a block of work, 16 MB


def dissimilarities(X, Y, metric):
    """Dissimilarities of the rows of X to the rows of Y.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Samples.
    Y : ndarray of shape (m, n_features)
        Samples.
    metric : str or callable
        "euclidean", "manhattan", "cosine", "sine", or a function of two samples.

    Returns
    -------
    D : ndarray of shape (n, m)
        Dissimilarities.
    """
    if metric in ("euclidean", "manhattan"):
        largest = max(np.abs(X).max(initial=0.0), np.abs(Y).max(initial=0.0))
        if 1e-100 < largest < 1e100 or largest == 0.0:
            return cdist(X, Y, _CDIST[metric])
        # Squares over- or underflow. Beside one row of 1e300 others keep their own.
        unit = 2.0 ** np.floor(np.log2(largest))
        scaled = unit * cdist(X / unit, Y / unit, _CDIST[metric])
        with np.errstate(over="ignore"):
            plain = cdist(X, Y, _CDIST[metric])
        usable = (plain > 1e-140) & (plain < 1e150)
        return np.where(usable, plain, scaled)
    if metric == "cosine":
        D = cosine_distances(_unit_rows(X)[0], _unit_rows(Y)[0])
        return np.maximum(D, 0.0)
    if metric == "sine":
        return sine_distances(X, Y)
    return pairwise_distances(X, Y, metric=metric)


def _unit_rows(X):
    """Rows of unit length, and which rows are zero; free of over- and underflow."""
    largest = np.abs(X).max(axis=1, initial=0.0)
    zero = largest == 0.0
    U = X / np.where(zero, 1.0, largest)[:, None]
    norms = np.sqrt(np.einsum("ij,ij->i", U, U))
    return U / np.where(zero, 1.0, norms)[:, None], zero


def sine_distances(X, Y):
    """Sines of the angles between lines: free of sign and scale.

    Where the angle is so small that ``1 - cos^2`` cancels, the sine is the length of
    the residual of projecting one unit vector on the other, and zero where that is
    rounding. A zero row has distance
    1 to every other row and 0 to another zero row.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Samples.
    Y : ndarray of shape (m, n_features)
        Samples.

    Returns
    -------
    D : ndarray of shape (n, m)
        Sines in [0, 1].
    """
    U, zero_x = _unit_rows(X)
    V, zero_y = _unit_rows(Y)
    D = np.empty((len(U), len(V)))
    rows = max(1, _CHUNK // max(1, len(V)))
    pairs = max(1, _CHUNK // max(1, U.shape[1]))
    for start in range(0, len(U), rows):
        block = slice(start, start + rows)
        cosine = U[block] @ V.T
        squared = 1.0 - cosine**2
        i, j = np.nonzero(squared < _CANCELS)
        for first in range(0, len(i), pairs):
            a, b = i[first : first + pairs], j[first : first + pairs]
            residual = U[block][a] - cosine[a, b][:, None] * V[b]
            squared[a, b] = np.einsum("ij,ij->i", residual, residual)
        squared[squared < _ROUNDING**2] = 0.0
        D[block] = np.sqrt(np.clip(squared, 0.0, 1.0))
    D[np.ix_(zero_x, zero_y)] = 0.0
    return D


def subspaces_of(X, m):
    """Orthonormal bases of the leading m-dimensional subspaces of samples.

    Parameters
    ----------
    X : ndarray of shape (n, n_features, n_snapshots)
        Samples, several snapshots each.
    m : int
        Dimension.

    Returns
    -------
    Q : ndarray of shape (n, n_features, m)
        Leading left singular vectors.

    Raises
    ------
    ValueError
        If a sample spans fewer than m dimensions.
    """
    largest = np.abs(X).max(axis=(1, 2), keepdims=True)
    U, s, _ = np.linalg.svd(
        X / np.where(largest > 0, largest, 1.0), full_matrices=False
    )
    short = ~(s[:, m - 1] > 1e-12 * s[:, 0])
    if short.any():
        first = int(np.argmax(short))
        raise ValueError(
            f"{int(short.sum())} of {len(X)} samples span fewer than n_subspace={m} "
            f"dimensions (first: sample {first}). Use a smaller n_subspace, or drop "
            "them."
        )
    return U[:, :, :m]


def subspace_distances(P, Q):
    """Root mean squared sine of the principal angles between subspaces.

    Parameters
    ----------
    P : ndarray of shape (n, n_features, m)
        Orthonormal bases.
    Q : ndarray of shape (k, n_features, m)
        Orthonormal bases.

    Returns
    -------
    D : ndarray of shape (n, k)
        Distances in [0, 1].
    """
    n, d, m = P.shape
    columns = Q.transpose(1, 0, 2).reshape(d, -1)
    D = np.empty((n, len(Q)))
    rows = max(1, _CHUNK // max(1, columns.shape[1] * m))
    for start in range(0, n, rows):
        block = P[start : start + rows]
        cross = block.transpose(0, 2, 1).reshape(-1, d) @ columns
        cross = cross.reshape(len(block), m, len(Q), m)
        squared = 1.0 - np.einsum("iajb,iajb->ij", cross, cross) / m
        for i, j in np.argwhere(squared < _CANCELS):
            residual = block[i] - Q[j] @ (Q[j].T @ block[i])
            squared[i, j] = np.vdot(residual, residual) / m
        D[start : start + rows] = np.sqrt(np.clip(squared, 0.0, 1.0))
    return D
