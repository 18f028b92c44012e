"""Starting dictionaries that depend on the data through weighted moments only.

So a row of weight two starts like two rows, sparse data like dense data.
"""

import numpy as np

from skgeo.decomposition._supervised.bcd import (
    least_squares_codes,
    least_squares_dictionary,
)
from skgeo.decomposition._supervised.subspace import DataGram, Subspace

__all__ = ["initial_dictionary", "principal_axes"]


def principal_axes(data, rank, n_power=8):
    """Leading right singular vectors of the data, rows of the answer.

    Parameters
    ----------
    data : DataMatrix
        Data.
    rank : int
        How many; at most the number of features.
    n_power : int, default=8
        Block power steps where a full eigendecomposition would cost too much.

    Returns
    -------
    axes : ndarray of shape (rank, n_features)
        Orthonormal rows, the entry of largest modulus of each positive.
    """
    p = data.shape[1]
    width = min(p, rank + 5)
    start = np.cos(np.outer(np.arange(p) + 1.0, np.arange(width) + 0.618) ** 2)
    subspace = Subspace(DataGram(data), 1.0, rank, start, p, n_power=n_power)
    subspace.update(np.zeros_like, lambda: np.zeros((p, p)))
    axes = subspace.V.T.copy()
    top = axes[np.arange(rank), np.abs(axes).argmax(axis=1)]
    return axes * np.where(top < 0, -1.0, 1.0)[:, None]


def initial_dictionary(
    data, rank, kind, *, positive_dict, positive_code, random_state, polish=10
):
    """Dictionary to start block coordinate descent from.

    Parameters
    ----------
    data : DataMatrix
        Data as they are reconstructed.
    rank : int
        Number of atoms.
    kind : {"svd", "random"}
        Principal axes (where signs are constrained, the stronger half of each), or
        random rows.
    positive_dict, positive_code : bool
        Signs.
    random_state : numpy.random.RandomState
        Source of randomness.
    polish : int, default=10
        Alternating least-squares passes afterwards, without labels.

    Returns
    -------
    D : ndarray of shape (rank, n_features)
        Unit rows.
    """
    p = data.shape[1]
    if kind == "random":
        D = random_state.standard_normal((rank, p))
        if positive_dict:
            D = np.abs(D)
    else:
        D = principal_axes(data, min(rank, p))
        if positive_code or positive_dict:
            D = _stronger_halves(data, D, positive_dict)
        if rank > p:
            more = random_state.standard_normal((rank - p, p))
            D = np.vstack([D, np.abs(more) if positive_dict else more])
    D = D / np.maximum(np.linalg.norm(D, axis=1), 1e-300)[:, None]
    if not (positive_dict or positive_code):
        return D
    C = None
    for _ in range(polish):
        C = least_squares_codes(
            data.forward(D), D, positive_code, C, max_sweeps=5, tol=1e-3
        )
        weighted = data.weight[:, None] * C
        D = least_squares_dictionary(
            D.copy(), C.T @ weighted, data.backward(weighted), positive_dict, False
        )
        norm = np.linalg.norm(D, axis=1)
        norm[norm == 0] = 1.0
        D, C = D / norm[:, None], C * norm
    return D


def _stronger_halves(data, D, positive_dict):
    """Keep of each singular pair the sign pattern that holds more energy."""
    U = data.forward(D)
    plus = np.sqrt(data.weight @ np.maximum(U, 0) ** 2)
    minus = np.sqrt(data.weight @ np.minimum(U, 0) ** 2)
    out = D.copy()
    small = np.sqrt(np.finfo(float).eps)
    for k in range(len(D)):
        up, down = np.maximum(D[k], 0), np.maximum(-D[k], 0)
        if positive_dict:
            keep_up = plus[k] * np.linalg.norm(up) >= minus[k] * np.linalg.norm(down)
            out[k] = up if keep_up else down
            # Zeros would be stuck there for methods that multiply; a little of
            # everything also keeps two atoms from being orthogonal for ever.
            out[k] += small + 0.01 * np.abs(D).mean()
        else:
            out[k] = D[k] if plus[k] >= minus[k] else -D[k]
    return out
