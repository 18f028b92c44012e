"""Exponential time differencing for stiff equations that are diagonal in Fourier space.

``v' = L v + g N(v)`` with a diagonal L and g: the fourth-order scheme of Cox and
Matthews (J. Comput. Phys. 176, 430, 2002), its coefficients by the contour means of
Kassam and Trefethen (SIAM J. Sci. Comput. 26, 1214, 2005), and the two-step
Crank-Nicolson/Adams-Bashforth scheme.
"""

import numpy as np

from skgeo.kernels.etdrk4 import finish, half_stage, last_stage

__all__ = ["cnab2_step", "etdrk4_coefficients", "etdrk4_steps"]


def etdrk4_coefficients(symbol, dt, gain=1.0, n_contour=32):
    """Coefficients of one step of ETDRK4.

    Parameters
    ----------
    symbol : ndarray of shape (n_modes,)
        Diagonal of the linear operator, 1/time.
    dt : float
        Step, time.
    gain : ndarray of shape (n_modes,) or float
        Factor of the nonlinear term, folded into its weights.
    n_contour : int, default=32
        Points of the contour around each ``dt * symbol``.

    Returns
    -------
    coefficients : tuple of ndarray
        ``decay, half_decay, q, f1, f2, f3``.
    """
    L = np.asarray(symbol, dtype=np.complex128)
    points = np.exp(2j * np.pi * (np.arange(1, n_contour + 1) - 0.5) / n_contour)
    z = dt * L[:, None] + points
    e = np.exp(z)
    q = dt * np.mean((np.exp(z / 2) - 1) / z, axis=1)
    f1 = dt * np.mean((-4 - z + e * (4 - 3 * z + z**2)) / z**3, axis=1)
    f2 = dt * np.mean((2 + z + e * (z - 2)) / z**3, axis=1)
    f3 = dt * np.mean((-4 - 3 * z - z**2 + e * (4 - z)) / z**3, axis=1)
    weights = [np.ascontiguousarray(w * gain + 0j) for w in (q, f1, f2, f3)]
    decays = [np.exp(dt * L), np.exp(dt * L / 2)]
    if not np.iscomplexobj(symbol):
        # A real operator has real weights: drop the rounding of the contour means.
        weights = [np.ascontiguousarray(w.real * gain + 0j) for w in (q, f1, f2, f3)]
        decays = [d.real.copy() for d in decays]
    return (*decays, *weights)


def etdrk4_steps(V, nonlinear, coefficients, n_steps):
    """Advance spectral states in place.

    Parameters
    ----------
    V : ndarray of shape (n, n_modes), complex
        Spectral states; overwritten.
    nonlinear : callable
        ``nonlinear(V)`` returns a new array, N of each row, without the factor that
        :func:`etdrk4_coefficients` folded in.
    coefficients : tuple of ndarray
        From :func:`etdrk4_coefficients`.
    n_steps : int
        Number of steps.

    Returns
    -------
    V : ndarray of shape (n, n_modes)
        The array handed in.
    """
    decay, half, q, f1, f2, f3 = coefficients
    A, B = np.empty_like(V), np.empty_like(V)
    for _ in range(n_steps):
        Nv = nonlinear(V)
        half_stage(V, Nv, half, q, A)
        Na = nonlinear(A)
        half_stage(V, Na, half, q, B)
        Nb = nonlinear(B)
        last_stage(A, Nb, Nv, half, q, B)
        Nc = nonlinear(B)
        finish(V, Nv, Na, Nb, Nc, decay, f1, f2, f3)
    return V


def cnab2_step(V, N, N_old, symbol, dt):
    """Take one Crank-Nicolson (linear), Adams-Bashforth 2 (nonlinear) step.

    Parameters
    ----------
    V, N, N_old : ndarray of shape (n, n_modes), complex
        Spectral state, nonlinear term now and one step ago.
    symbol : ndarray of shape (n_modes,)
        Diagonal of the linear operator.
    dt : float
        Step.

    Returns
    -------
    V : ndarray of shape (n, n_modes)
        The next spectral state.
    """
    explicit = (1 + 0.5 * dt * symbol) * V + dt * (1.5 * N - 0.5 * N_old)
    return explicit / (1 - 0.5 * dt * symbol)
