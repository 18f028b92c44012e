"""Dictionaries to start from."""

import math

import numpy as np
from scipy.fft import dct

from skgeo.decomposition._orthogonal.polar import polar_factor

__all__ = ["cosine_atoms", "initial_atoms"]


def cosine_atoms(n):
    """Orthonormal cosine transform of n features, low frequencies first.

    Parameters
    ----------
    n : int
        Number of features; a square number stands for square patches, row by row.

    Returns
    -------
    atoms : ndarray of shape (n, n)
        Atoms in rows.
    """
    side = math.isqrt(n)
    if side * side != n or n == 1:
        return dct(np.eye(n), axis=0, norm="ortho")
    one = dct(np.eye(side), axis=0, norm="ortho")
    atoms = np.kron(one, one)
    frequency = np.add.outer(np.arange(side), np.arange(side)).ravel()
    return atoms[np.argsort(frequency, kind="stable")]


def initial_atoms(init, X, n_components, center, random_state):
    """Iterate and basis that a stream starts from.

    Parameters
    ----------
    init : {"random", "pca", "dct"} or array-like of shape (r, n_features)
        What to start from.
    X : ndarray of shape (n_samples, n_features)
        Rows at hand, for "pca".
    n_components : int or None
        Number of atoms if they are fewer than the features.
    center : bool
        Whether principal axes are those about the mean.
    random_state : numpy.random.RandomState
        For "random".

    Returns
    -------
    W : ndarray of shape (r, r)
        Orthogonal.
    basis : ndarray of shape (n_features, r) or None
        Orthonormal columns: atoms are ``W @ basis.T``. None for all features.
    """
    n = X.shape[1]
    r = n if n_components is None else n_components
    if not isinstance(init, str):
        atoms = np.array(init, dtype=np.float64)
        if atoms.shape != (r, n):
            raise ValueError(
                f"init must have shape (n_components, n_features) = ({r}, {n}); got "
                f"{atoms.shape}."
            )
        if not np.isfinite(atoms).all():
            raise ValueError("init contains NaN or infinity.")
        rank = np.linalg.matrix_rank(atoms)
        if rank < r:
            raise ValueError(f"init must be of full rank, {r}; its rank is {rank}.")
        U, _, Vt = np.linalg.svd(atoms, full_matrices=False)
        atoms = U @ Vt
    elif init == "random":
        if n_components is None:
            return polar_factor(random_state.standard_normal((n, n))), None
        atoms = np.linalg.qr(random_state.standard_normal((n, r)))[0].T
    elif init == "dct":
        atoms = cosine_atoms(n)[:r]
    else:
        size = float(np.abs(X).max()) or 1.0
        Y = X.astype(np.float64) / size
        if center:
            Y = Y - Y.mean(axis=0)
        atoms = np.linalg.eigh(Y.T @ Y)[1][:, ::-1][:, :r].T
    if n_components is None:
        return np.ascontiguousarray(atoms), None
    return np.eye(r), np.ascontiguousarray(atoms.T)
