"""Two-layer quasi-geostrophic turbulence."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skgeo.datasets._systems.pde import _Spectral

__all__ = ["TwoLayerQG"]


@dataclass(frozen=True)
class TwoLayerQG(_Spectral):
    """Two-layer quasi-geostrophic flow on a doubly periodic beta plane.

    Anomalies of potential vorticity of two equal layers about a vertical shear,

    ``q1_t + jacobian J(psi1, q1) + shear q1_x + (beta + kd^2 shear) psi1_x = -D q1``,
    ``q2_t + jacobian J(psi2, q2) - shear q2_x + (beta - kd^2 shear) psi2_x =
    -drag lap psi2 - D q2``,

    with ``q_j = lap psi_j + kd^2 / 2 (psi_k - psi_j)``, k the other layer, and
    ``D = hyperviscosity lap^2``. Baroclinic instability feeds the turbulence, drag in
    the lower layer stops it. States hold q1 on the grid, rows (y) one after the other,
    then q2.

    Parameters
    ----------
    n_grid : int, default=64
        Grid points in each direction.
    length : float, default=2 pi
        Side of the domain.
    shear : float, default=0.1
        Half the difference of the mean zonal flows, length/time.
    deformation : float, default=6.0
        Deformation wavenumber kd, 1/length.
    beta : float, default=1.0
        Gradient of the planetary vorticity.
    drag : float, default=0.1
        Coefficient of lap psi2, 1/time.
    hyperviscosity : float, default=1e-6
        Coefficient of lap^2 q, length^4/time.
    jacobian : float, default=1.0
        Factor of the advection of anomalies by themselves.

    References
    ----------
    N. A. Phillips, Tellus 6, 273 (1954).
    G. K. Vallis, Atmospheric and Oceanic Fluid Dynamics, ch. 5 and 9 (2017).

    Examples
    --------
    >>> from skgeo.datasets import TwoLayerQG
    >>> system = TwoLayerQG(n_grid=16)
    >>> system.flow(0.01)(system.initial_state(2, random_state=0)).shape
    (2, 512)
    """

    n_grid: int = 64
    length: float = 2 * np.pi
    shear: float = 0.1
    deformation: float = 6.0
    beta: float = 1.0
    drag: float = 0.1
    hyperviscosity: float = 1e-6
    jacobian: float = 1.0

    max_step = 0.02
    spin_up = 60.0

    def __post_init__(self):
        if self.n_grid < 8 or self.n_grid % 2:
            raise ValueError(f"n_grid must be even and at least 8; got {self.n_grid}.")
        if not (self.length > 0 and self.deformation > 0):
            raise ValueError(
                "length and deformation must be positive; got "
                f"{self.length} and {self.deformation}."
            )

    @property
    def n_features(self):
        """Length of a state: ``2 n_grid ** 2``."""
        return 2 * self.n_grid**2

    def _wavenumbers(self):
        """Return kx, ky (Nyquist modes zeroed) and k^2, (n_grid, n_grid // 2 + 1)."""
        spacing = self.length / self.n_grid
        kx = 2 * np.pi * np.fft.rfftfreq(self.n_grid, spacing)
        ky = 2 * np.pi * np.fft.fftfreq(self.n_grid, spacing)
        square = ky[:, None] ** 2 + kx**2
        kx[-1] = ky[self.n_grid // 2] = 0.0
        return (*np.broadcast_arrays(kx, ky[:, None]), square)

    def _mask(self):
        index = np.abs(np.fft.fftfreq(self.n_grid, 1 / self.n_grid))
        keep = index <= self.n_grid // 3
        return (keep[:, None] & keep[: self.n_grid // 2 + 1]).astype(np.float64)

    def _symbol(self):
        _, _, square = self._wavenumbers()
        return np.tile(-self.hyperviscosity * square.ravel() ** 2, 2)

    def _gain(self):
        return np.tile(self._mask().ravel(), 2)

    def _to_modes(self, X):
        n = self.n_grid
        V = scipy.fft.rfft2(X.reshape(-1, 2, n, n), axes=(2, 3))
        V[:, :, 0, 0] = 0.0
        return V.reshape(len(X), -1)

    def _to_states(self, V):
        n = self.n_grid
        V = V.reshape(-1, 2, n, n // 2 + 1)
        return scipy.fft.irfft2(V, s=(n, n), axes=(2, 3)).reshape(len(V), -1)

    def _streamfunctions(self, Q):
        """Invert potential vorticity, (n, 2, n_grid, n_grid // 2 + 1)."""
        _, _, square = self._wavenumbers()
        mean, half = (Q[:, 0] + Q[:, 1]) / 2, (Q[:, 0] - Q[:, 1]) / 2
        safe = np.where(square > 0, square, 1.0)
        mean = np.where(square > 0, -mean / safe, 0.0)
        half = -half / (square + self.deformation**2)
        return np.stack([mean + half, mean - half], axis=1)

    def streamfunctions(self, X: ArrayLike) -> Any:
        """Streamfunctions of states.

        Parameters
        ----------
        X : array-like of shape (n, 2 * n_grid ** 2)
            States.

        Returns
        -------
        psi : ndarray of shape (n, 2 * n_grid ** 2)
            Streamfunctions of both layers, without their means.
        """
        n = self.n_grid
        V = self._to_modes(self._check(X)).reshape(-1, 2, n, n // 2 + 1)
        return self._to_states(self._streamfunctions(V).reshape(len(V), -1))

    def _nonlinear(self, V):
        n = self.n_grid
        kx, ky, square = self._wavenumbers()
        Q = V.reshape(-1, 2, n, n // 2 + 1)
        P = self._streamfunctions(Q)

        def grid(W):
            return scipy.fft.irfft2(W, s=(n, n), axes=(2, 3))

        # The gain drops the upper third of the modes, where the products alias.
        product = grid(1j * kx * P) * grid(1j * ky * Q)
        product -= grid(1j * ky * P) * grid(1j * kx * Q)
        out = -self.jacobian * scipy.fft.rfft2(product, axes=(2, 3))
        side = np.array([1.0, -1.0])[:, None, None]
        gradient = self.beta + side * self.deformation**2 * self.shear
        out -= 1j * kx * (side * self.shear * Q + gradient * P)
        out[:, 1] += self.drag * square * P[:, 1]
        return out.reshape(V.shape)

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` random fields of small rms around the deformation scale."""
        rng = check_random_state(random_state)
        V = self._to_modes(rng.standard_normal((n, self.n_features)))
        _, _, square = self._wavenumbers()
        window = np.exp(-(((np.sqrt(square) / self.deformation) - 0.7) ** 2) / 0.1)
        X = self._to_states(V * np.tile((window * self._mask()).ravel(), 2))
        return 0.5 * X / X.std(axis=1, keepdims=True)
