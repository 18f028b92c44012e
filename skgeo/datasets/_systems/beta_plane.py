"""Two-dimensional flow on a beta plane."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from sklearn.utils import check_random_state

from skgeo.datasets._systems.pde import _Spectral

__all__ = ["BetaPlane"]


@dataclass(frozen=True)
class BetaPlane(_Spectral):
    """Barotropic vorticity equation on a doubly periodic beta plane.

    ``w_t + jacobian J(psi, w) + beta psi_x = viscosity lap w - drag w`` with
    ``lap psi = w`` and ``J(a, b) = a_x b_y - a_y b_x``.  States are w on the grid,
    rows (y) one after the other; the mean of w is held at zero by ``lap psi = w``.

    Parameters
    ----------
    n_grid : int, default=64
        Grid points in each direction.
    length : float, default=2 pi
        Side of the domain.
    viscosity : float, default=2e-3
        Coefficient of lap w.
    drag : float, default=0.1
        Coefficient of w.
    beta : float, default=2.0
        Gradient of the planetary vorticity.
    jacobian : float, default=1.0
        Factor of the advection.

    References
    ----------
    G. K. Vallis, Atmospheric and Oceanic Fluid Dynamics, ch. 9 (2017).

    Examples
    --------
    >>> from skgeo.datasets import BetaPlane
    >>> system = BetaPlane(n_grid=16)
    >>> system.flow(0.01)(system.initial_state(2, random_state=0)).shape
    (2, 256)
    """

    n_grid: int = 64
    length: float = 2 * np.pi
    viscosity: float = 2e-3
    drag: float = 0.1
    beta: float = 2.0
    jacobian: float = 1.0

    max_step = 0.01
    spin_up = 2.0

    def __post_init__(self):
        if self.n_grid < 8 or self.n_grid % 2:
            raise ValueError(f"n_grid must be even and at least 8; got {self.n_grid}.")
        if not self.length > 0:
            raise ValueError(f"length must be positive; got {self.length}.")

    @property
    def n_features(self):
        """Length of a state: ``n_grid ** 2``."""
        return self.n_grid**2

    def _wavenumbers(self):
        """Return kx, ky (Nyquist modes zeroed) and k^2, flat."""
        spacing = self.length / self.n_grid
        kx = 2 * np.pi * np.fft.rfftfreq(self.n_grid, spacing)
        ky = 2 * np.pi * np.fft.fftfreq(self.n_grid, spacing)
        square = (ky[:, None] ** 2 + kx**2).ravel()
        kx[-1] = ky[self.n_grid // 2] = 0.0
        kx, ky = np.broadcast_arrays(kx, ky[:, None])
        return kx.ravel(), ky.ravel(), square

    def _mask(self):
        index = np.abs(np.fft.fftfreq(self.n_grid, 1 / self.n_grid))
        keep = index <= self.n_grid // 3
        return (keep[:, None] & keep[: self.n_grid // 2 + 1]).ravel().astype(np.float64)

    def _symbol(self):
        kx, _, square = self._wavenumbers()
        inverse = np.divide(1.0, square, out=np.zeros_like(square), where=square > 0)
        return -self.drag - self.viscosity * square + 1j * self.beta * kx * inverse

    def _gain(self):
        return -self.jacobian * self._mask()

    def _to_modes(self, X):
        n = self.n_grid
        V = scipy.fft.rfft2(X.reshape(-1, n, n), axes=(1, 2)).reshape(len(X), -1)
        V[:, 0] = 0.0
        return V

    def _to_grid(self, V):
        n = self.n_grid
        return scipy.fft.irfft2(V.reshape(-1, n, n // 2 + 1), s=(n, n), axes=(1, 2))

    def _to_states(self, V):
        return self._to_grid(V).reshape(len(V), -1)

    def _nonlinear(self, V):
        kx, ky, square = self._wavenumbers()
        psi = -np.divide(V, square, out=np.zeros_like(V), where=square > 0)
        u, v = self._to_grid(-1j * ky * psi), self._to_grid(1j * kx * psi)
        # The gain drops the upper third of the modes, where the products alias.
        advection = u * self._to_grid(1j * kx * V) + v * self._to_grid(1j * ky * V)
        return scipy.fft.rfft2(advection, axes=(1, 2)).reshape(V.shape)

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` random vorticity fields of unit rms around wavenumber 3."""
        rng = check_random_state(random_state)
        noise = rng.standard_normal((n, self.n_features))
        _, _, square = self._wavenumbers()
        k = np.sqrt(square) * self.length / (2 * np.pi)
        V = self._to_modes(noise) * np.exp(-(((k - 3.0) / 1.5) ** 2)) * self._mask()
        X = self._to_states(V)
        return X / X.std(axis=1, keepdims=True)
