"""States that remember a window of a signal: Legendre memories and their steps.

A linear system ``m' = A m + B u`` whose state holds the coefficients of the recent
past on Legendre polynomials. The same matrices serve a projector of signals and the
memory terms of a dynamical model.
"""

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.linalg import expm, solve_triangular

__all__ = [
    "discretize",
    "history_matrices",
    "history_steps",
    "reconstruction",
    "window_matrices",
]


def window_matrices(n_states, window):
    """Matrices of the sliding window (LegT): the last ``window`` units of time.

    With ``m' = A m + B u`` the past is ``u(t - s) ~ sum_n P_n(2 s / window - 1) m_n``
    for ``0 <= s <= window``.

    Parameters
    ----------
    n_states : int
        Number of Legendre polynomials.
    window : float
        Length of the window.

    Returns
    -------
    A : ndarray of shape (n_states, n_states)
        System matrix.
    B : ndarray of shape (n_states,)
        Input vector.
    """
    n = np.arange(n_states)
    row, column = n[:, None], n[None, :]
    signs = np.where(row < column, -1.0, (-1.0) ** (row - column + 1))
    weight = (2.0 * n + 1.0) / window
    return weight[:, None] * signs, weight * (-1.0) ** n


def history_matrices(n_states):
    """Matrices of the whole history (LegS), time measured from the start.

    With ``m' = (A m + B u) / t`` the past is
    ``u(s t) ~ sum_n sqrt(2 n + 1) P_n(2 s - 1) m_n`` for ``0 <= s <= 1``.

    Parameters
    ----------
    n_states : int
        Number of Legendre polynomials.

    Returns
    -------
    A : ndarray of shape (n_states, n_states)
        Lower-triangular system matrix.
    B : ndarray of shape (n_states,)
        Input vector.
    """
    n = np.arange(n_states)
    root = np.sqrt(2.0 * n + 1.0)
    return -np.tril(np.outer(root, root), -1) - np.diag(n + 1.0), root


def discretize(A, B, step):
    """Exact steps of ``m' = A m + B u`` for an input that is constant within a step.

    Parameters
    ----------
    A : ndarray of shape (n_states, n_states)
        System matrix.
    B : ndarray of shape (n_states,) or (n_states, n_inputs)
        Input matrix.
    step : float
        Length of a step.

    Returns
    -------
    Ad : ndarray of shape (n_states, n_states)
        State transition.
    Bd : ndarray of the shape of B
        Input of a step: ``m <- Ad m + Bd u``.
    """
    B = np.asarray(B, dtype=np.float64)
    columns = B.reshape(len(A), -1)
    n, k = columns.shape
    block = np.zeros((n + k, n + k))
    block[:n, :n], block[:n, n:] = A, columns
    both = expm(block * step)
    return both[:n, :n], both[:n, n:].reshape(B.shape)


def history_steps(n_states, first, last):
    """Steps ``first`` to ``last`` (counted from 1) of the whole history's states.

    The bilinear rule, which depends on the number of the step and not on its length:
    the states of a signal and of its stretched copy agree. Step 1 sets the state to
    the constant.

    Parameters
    ----------
    n_states : int
        Number of states.
    first, last : int
        Numbers of the steps, both included.

    Yields
    ------
    Ad : ndarray of shape (n_states, n_states)
        State transition.
    Bd : ndarray of shape (n_states,)
        Input of the step.
    """
    A, B = history_matrices(n_states)
    eye = np.eye(n_states)
    for k in range(first, last + 1):
        if k == 1:
            yield np.zeros_like(A), eye[0]
            continue
        right = np.column_stack([eye + A / (2 * k), B / k])
        both = solve_triangular(eye - A / (2 * k), right, lower=True)
        yield both[:, :-1], both[:, -1]


def reconstruction(n_states, n_samples, measure):
    """Matrix from states to the samples they remember, oldest first.

    Parameters
    ----------
    n_states : int
        Number of states.
    n_samples : int
        Samples in the window (or in the history).
    measure : {"legt", "legs"}
        Sliding window or whole history.

    Returns
    -------
    R : ndarray of shape (n_samples, n_states)
        ``R @ m`` are the samples. A sample stands in the middle of its step: with
        the ends instead, the error of a smooth signal is a hundred times larger.
    """
    place = (np.arange(n_samples) + 0.5) / n_samples
    basis = legvander(2.0 * place - 1.0, n_states - 1)
    if measure == "legt":
        return basis[::-1]  # time runs backwards from the present
    return basis * np.sqrt(2.0 * np.arange(n_states) + 1.0)
