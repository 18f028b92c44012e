"""Periodic partial differential equations, solved in Fourier space."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
from sklearn.utils import check_random_state

from skgeo.datasets._systems.base import System
from skgeo.datasets._systems.etd import cnab2_step, etdrk4_coefficients, etdrk4_steps
from skgeo.kernels.etdrk4 import flux

__all__ = [
    "Burgers",
    "KuramotoSivashinsky",
    "TwoStepFlow",
    "kuramoto_sivashinsky_cases",
]

# Rows are advanced in blocks whose stages fit in a level-2 cache of this size.
_CACHE_BYTES = 2**19


@lru_cache(maxsize=64)
def _coefficients(system, dt):
    return etdrk4_coefficients(system._symbol(), dt, system._gain())


class _Spectral(System):
    """Equations that are diagonal in Fourier space up to ``gain N``."""

    def _symbol(self):
        raise NotImplementedError  # diagonal of the linear operator

    def _gain(self):
        raise NotImplementedError  # factor of the nonlinear term

    def _to_modes(self, X):
        raise NotImplementedError  # states -> rows of modes

    def _to_states(self, V):
        raise NotImplementedError  # rows of modes -> states

    def _nonlinear(self, V):
        raise NotImplementedError  # N of rows of modes, without the gain

    def _advance(self, X, dt, n_substeps):
        if np.ndim(dt):
            out = np.empty_like(X)
            for value in np.unique(dt):
                rows = np.flatnonzero(dt == value)
                out[rows] = self._advance(X[rows], float(value), n_substeps)
            return out
        coefficients = _coefficients(self, dt / n_substeps)
        block = max(1, _CACHE_BYTES // (8 * 8 * self.n_features))
        out = np.empty_like(X)
        for start in range(0, len(X), block):
            V = self._to_modes(X[start : start + block])
            etdrk4_steps(V, self._nonlinear, coefficients, n_substeps)
            out[start : start + block] = self._to_states(V)
        return out

    def tendency(self, X):
        """Time derivative of a batch of states, shape (n, n_features)."""
        V = self._to_modes(self._check(X))
        return self._to_states(self._symbol() * V + self._gain() * self._nonlinear(V))


class _FluxForm(_Spectral):
    """``u_t = L u - d/dx flux(u)`` on a periodic line."""

    def __post_init__(self):
        if self.n_grid < 8:
            raise ValueError(f"n_grid must be at least 8; got {self.n_grid}.")
        if not self.length > 0:
            raise ValueError(f"length must be positive; got {self.length}.")

    @property
    def n_features(self):
        """Length of a state: ``n_grid``."""
        return self.n_grid

    @property
    def grid(self):
        """Positions of the grid points."""
        return np.arange(self.n_grid) * (self.length / self.n_grid)

    def _wavenumbers(self, odd=False):
        k = 2 * np.pi * np.fft.rfftfreq(self.n_grid, self.length / self.n_grid)
        if odd and self.n_grid % 2 == 0:
            k[-1] = 0.0  # the Nyquist mode has no odd derivative
        return k

    def _mask(self):
        n_modes = self.n_grid // 2 + 1
        if not self.dealias:
            return np.ones(n_modes)
        return (np.arange(n_modes) <= self.n_grid // 3).astype(np.float64)

    def _gain(self):
        return -1j * self._wavenumbers(odd=True) * self._mask()

    def _to_modes(self, X):
        V = scipy.fft.rfft(X, axis=-1)
        if self.dealias:
            V *= self._mask()
        return V

    def _to_states(self, V):
        return scipy.fft.irfft(V, n=self.n_grid, axis=-1)

    def _flux_coefficients(self):
        raise NotImplementedError  # of u^2 / 2 and u^3 / 3

    def _nonlinear(self, V):
        U = scipy.fft.irfft(V, n=self.n_grid, axis=-1)
        flux(U, *self._flux_coefficients(), U)
        return scipy.fft.rfft(U, axis=-1, overwrite_x=True)


@dataclass(frozen=True)
class KuramotoSivashinsky(_FluxForm):
    """Kuramoto-Sivashinsky equation with a coefficient for each term.

    ``u_t + advection u u_x + cubic u^2 u_x + diffusion u_xx + dispersion u_xxx
    + hyperdiffusion u_xxxx = 0`` on a periodic line, by ETDRK4 in Fourier space; or
    by the two-step Crank-Nicolson/Adams-Bashforth scheme (:meth:`two_step_flow`).

    Parameters
    ----------
    n_grid : int, default=1024
        Number of grid points.
    length : float, default=100.0
        Length of the domain.
    advection, diffusion, hyperdiffusion : float, default=1.0
        Coefficients of u u_x, u_xx and u_xxxx on the left side.
    dispersion, cubic : float, default=0.0
        Coefficients of u_xxx and u^2 u_x on the left side.
    dealias : bool, default=False
        Keep the lower two thirds of the modes only. Worth it for a model without
        hyperdiffusion, which amplifies rounding errors of the highest modes.

    See Also
    --------
    kuramoto_sivashinsky_cases : Published families of imperfect models.

    References
    ----------
    R. Mojgani, A. Chattopadhyay, P. Hassanzadeh, Chaos 32, 061105 (2022).
    A.-K. Kassam, L. N. Trefethen, SIAM J. Sci. Comput. 26, 1214 (2005).

    Examples
    --------
    >>> from skgeo.datasets import KuramotoSivashinsky
    >>> truth = KuramotoSivashinsky(n_grid=128, length=22.0)
    >>> X = truth.attractor_states(2, random_state=0, spin_up=10.0)
    >>> truth.flow(0.05)(X).shape
    (2, 128)
    """

    n_grid: int = 1024
    length: float = 100.0
    advection: float = 1.0
    diffusion: float = 1.0
    hyperdiffusion: float = 1.0
    dispersion: float = 0.0
    cubic: float = 0.0
    dealias: bool = False

    max_step = 0.02
    spin_up = 100.0

    def _symbol(self):
        k = self._wavenumbers()
        symbol = self.diffusion * k**2 - self.hyperdiffusion * k**4
        if self.dispersion:
            symbol = symbol + 1j * self.dispersion * self._wavenumbers(odd=True) ** 3
        return symbol

    def _flux_coefficients(self):
        return float(self.advection), float(self.cubic)

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` smooth states: a long wave plus random ones of unit amplitude."""
        rng = check_random_state(random_state)
        x = 2 * np.pi * self.grid / self.length
        n_waves = max(2, min(int(self.length / 4), self.n_grid // 4))
        waves = np.arange(1, n_waves + 1)[:, None]
        amplitude = rng.standard_normal((2, n, n_waves)) / np.sqrt(n_waves)
        X = amplitude[0] @ np.cos(waves * x) + amplitude[1] @ np.sin(waves * x)
        return X - np.cos(x) * (1 - np.sin(x))

    def two_step_flow(self, dt: float) -> Any:
        """Return the one-step model by Crank-Nicolson/Adams-Bashforth 2.

        Parameters
        ----------
        dt : float
            Step.

        Returns
        -------
        model : TwoStepFlow
            ``model(X, history=X_before)``, X_before the states one step earlier.
        """
        return TwoStepFlow(self, dt)


@dataclass(frozen=True)
class TwoStepFlow:
    """Crank-Nicolson/Adams-Bashforth 2 model: ``model(X, history=X_before)``.

    Without ``history`` the nonlinear term takes an Euler step.

    Parameters
    ----------
    system : KuramotoSivashinsky
        The equation.
    dt : float
        Step.
    """

    system: KuramotoSivashinsky
    dt: float

    def __call__(self, X, history=None):
        """Advance states of shape (n, n_grid) by one step."""
        system = self.system
        gain = system._gain()
        V = system._to_modes(system._check(X))
        N = gain * system._nonlinear(V)
        N_old = N
        if history is not None:
            V_old = system._to_modes(system._check(history))
            N_old = gain * system._nonlinear(V_old)
        with np.errstate(over="ignore", invalid="ignore"):
            return system._to_states(cnab2_step(V, N, N_old, system._symbol(), self.dt))


def kuramoto_sivashinsky_cases(
    n_grid: int = 1024, length: float = 100.0, *, dealias: bool = False
) -> Any:
    """Imperfect models of the published experiments.

    The numbers are those of the authors' code. The truth is
    ``KuramotoSivashinsky(n_grid, length)``. In the family ``"cubic"`` their flux is
    ``advection (u^2 + a u^3) / 2``, so that u^2 u_x has the coefficient
    ``1.5 a advection``; number 21 there is therefore number 1 of ``"standard"``.

    Parameters
    ----------
    n_grid : int, default=1024
        Number of grid points.
    length : float, default=100.0
        Length of the domain.
    dealias : bool, default=False
        See :class:`KuramotoSivashinsky`.

    Returns
    -------
    cases : dict of str to dict of int to KuramotoSivashinsky
        Families ``"standard"``, ``"dispersion"``, ``"cubic"``; number -> model.

    References
    ----------
    R. Mojgani, A. Chattopadhyay, P. Hassanzadeh, Chaos 32, 061105 (2022).

    Examples
    --------
    >>> from skgeo.datasets import kuramoto_sivashinsky_cases
    >>> cases = kuramoto_sivashinsky_cases()
    >>> cases["standard"][1].advection, cases["dispersion"][2].dispersion
    (0.0, 0.5)
    """
    standard = {
        1: (0, 1, 1),
        2: (1, 0, 1),
        3: (1, 1, 0),
        4: (1, 0, 0),
        5: (0, 1, 0),
        6: (0, 0, 1),
        7: (0.5, 1, 1),
        8: (1, 0.5, 1),
        9: (1, 1, 0.5),
        10: (2, 2, 2),
        11: (0, 0.5, 2),
        12: (0.5, 0, 1),
    }
    truth = (1, 1, 1)
    lacking = {21: standard[1], 22: standard[2], 23: standard[3]}
    dispersion = {1: (truth, 0.1), 2: (truth, 0.5), 3: (truth, 1.0)}
    dispersion |= {number: (lam, 0.5) for number, lam in lacking.items()}
    cubic = {1: (truth, 1.5), 2: (truth, 0.15), 3: (truth, 0.015)}
    cubic |= {number: (lam, 0.15) for number, lam in lacking.items()}

    def model(lam, **extra):
        return KuramotoSivashinsky(
            n_grid, length, *map(float, lam), dealias=dealias, **extra
        )

    return {
        "standard": {number: model(lam) for number, lam in standard.items()},
        "dispersion": {
            number: model(lam, dispersion=value)
            for number, (lam, value) in dispersion.items()
        },
        "cubic": {
            number: model(lam, cubic=1.5 * a * lam[0])
            for number, (lam, a) in cubic.items()
        },
    }


@dataclass(frozen=True)
class Burgers(_FluxForm):
    """Viscous Burgers equation ``u_t + advection u u_x = viscosity u_xx``, periodic.

    It decays: draw many trajectories rather than one long one.

    Parameters
    ----------
    n_grid : int, default=256
        Number of grid points.
    length : float, default=16.0
        Length of the domain.
    viscosity : float, default=0.1
        Coefficient of u_xx, length^2/time.
    advection : float, default=1.0
        Coefficient of u u_x.
    dealias : bool, default=False
        Keep the lower two thirds of the modes only.

    References
    ----------
    J. M. Burgers, Adv. Appl. Mech. 1, 171 (1948).

    Examples
    --------
    >>> from skgeo.datasets import Burgers
    >>> system = Burgers()
    >>> system.step(system.initial_state(3, random_state=0), 0.1).shape
    (3, 256)
    """

    n_grid: int = 256
    length: float = 16.0
    viscosity: float = 0.1
    advection: float = 1.0
    dealias: bool = False

    max_step = 0.005
    spin_up = 1.0

    def _symbol(self):
        return -self.viscosity * self._wavenumbers() ** 2

    def _flux_coefficients(self):
        return float(self.advection), 0.0

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` sums of the four longest waves with random phases."""
        rng = check_random_state(random_state)
        x = 2 * np.pi * self.grid / self.length
        k = np.arange(1, 5)[:, None]
        amplitude = rng.standard_normal((n, 4)) / np.arange(1, 5)
        phase = rng.uniform(0, 2 * np.pi, (n, 4, 1))
        return np.einsum("nk,nkx->nx", amplitude, np.cos(k * x + phase))
