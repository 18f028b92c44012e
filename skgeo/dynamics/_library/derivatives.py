"""Derivatives of gridded fields: spectral, or by finite differences."""

from functools import lru_cache
from math import factorial

import numpy as np
import scipy.fft
import scipy.sparse

__all__ = ["difference_matrix", "full_symbol", "spectral_derivatives"]


def spectral_derivatives(X, length, orders):
    """Derivatives along the last, periodic axis.

    Parameters
    ----------
    X : ndarray of shape (..., n_grid)
        Fields.
    length : float
        Length of the domain.
    orders : sequence of int
        Orders of the derivatives, positive.

    Returns
    -------
    derivatives : list of ndarray of shape (..., n_grid)
        One per order. Odd ones drop the Nyquist mode.
    """
    n = X.shape[-1]
    V = scipy.fft.rfft(X, axis=-1)
    return [
        scipy.fft.irfft(V * symbol(n, length, order), n=n, axis=-1) for order in orders
    ]


def symbol(n, length, order):
    """Return ``(i k)^order`` of the real transform of n points."""
    k = 2 * np.pi * np.fft.rfftfreq(n, length / n)
    if order % 2 and n % 2 == 0:
        k[-1] = 0.0
    factor = (1j * k) ** order
    return factor if order % 2 else factor.real


def _weights(offsets, order):
    """Finite-difference weights at 0 for unit spacing, from the moment equations."""
    offsets = np.asarray(offsets, dtype=np.float64)
    scale = np.abs(offsets).max()
    moments = (offsets / scale) ** np.arange(len(offsets))[:, None]
    target = np.zeros(len(offsets))
    target[order] = factorial(order) / scale**order
    return np.linalg.solve(moments, target)


@lru_cache(maxsize=64)
def difference_matrix(n, spacing, order, accuracy, periodic):
    """Matrix of a finite-difference derivative.

    Parameters
    ----------
    n : int
        Number of grid points.
    spacing : float
        Distance between them.
    order : int
        Order of the derivative.
    accuracy : int
        Even order of accuracy; kept to the ends, where stencils are one-sided.
    periodic : bool
        Whether the domain is periodic.

    Returns
    -------
    D : scipy.sparse.csr_array of shape (n, n)
        ``D @ u`` is the derivative.

    Raises
    ------
    ValueError
        If the grid has fewer points than the stencil.
    """
    half = (order + 1) // 2 + accuracy // 2 - 1
    width = 2 * half + 1 if periodic else max(2 * half + 1, order + accuracy)
    if n < width:
        raise ValueError(
            f"A derivative of order {order} and accuracy {accuracy} needs at least "
            f"{width} grid points; got {n}. Lower derivative_order or refine the grid."
        )
    central = np.arange(-half, half + 1)
    rows, columns, values = [], [], []
    central_weights = _weights(central, order)
    for i in range(n):
        if periodic or half <= i < n - half:
            offsets, weights = central, central_weights
        else:
            start = 0 if i < half else n - (order + accuracy)
            offsets = np.arange(start, start + order + accuracy) - i
            weights = _weights(offsets, order)
        rows.append(np.full(len(offsets), i))
        columns.append((i + offsets) % n)
        values.append(weights / np.float64(spacing) ** order)
    return scipy.sparse.csr_array(
        (
            np.concatenate(values),
            (np.concatenate(rows), np.concatenate(columns)),
        ),
        shape=(n, n),
    )


def full_symbol(n, length, order):
    """``(i k)^order`` of the full transform of n points, as a column."""
    k = 2 * np.pi * np.fft.fftfreq(n, length / n)
    if order % 2 and n % 2 == 0:
        k[n // 2] = 0.0
    factor = (1j * k) ** order
    return (factor if order % 2 else factor.real)[:, None]
