"""The Lorenz systems."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skgeo.datasets._systems.base import System
from skgeo.kernels import lorenz

__all__ = ["Lorenz63", "Lorenz96", "TwoScaleLorenz96"]


class _RungeKutta(System):
    """Systems advanced by a kernel of the classical Runge-Kutta scheme."""

    _rk4: Any = None
    _rate: Any = None

    def _parameters(self):
        raise NotImplementedError  # each system orders its own

    def _advance(self, X, dt, n_substeps):
        X = X.copy()
        step = np.ascontiguousarray(np.broadcast_to(dt, len(X)) / n_substeps)
        type(self)._rk4(X, step, n_substeps, self._parameters())
        return X

    def tendency(self, X):
        """Time derivative of a batch of states, shape (n, n_features)."""
        X = self._check(X)
        out = np.empty_like(X)
        for x, row in zip(X, out, strict=True):
            type(self)._rate(x, self._parameters(), row)
        return out


@dataclass(frozen=True)
class Lorenz63(_RungeKutta):
    """Lorenz's three-variable convection model.

    ``x' = sigma (y - x)``, ``y' = rho x - y - xz x z``, ``z' = xy x y - beta z``.

    Parameters
    ----------
    sigma, rho, beta : float
        Prandtl number, scaled Rayleigh number, geometric factor.
    xz, xy : float, default=1.0
        Factors of the two products; other values make imperfect models.

    References
    ----------
    E. N. Lorenz, J. Atmos. Sci. 20, 130 (1963).

    Examples
    --------
    >>> from skgeo.datasets import Lorenz63
    >>> Lorenz63().tendency([[1.0, 1.0, 1.0]]).round(3)
    array([[ 0.   , 26.   , -1.667]])
    """

    sigma: float = 10.0
    rho: float = 28.0
    beta: float = 8.0 / 3.0
    xz: float = 1.0
    xy: float = 1.0

    max_step = 0.005
    spin_up = 20.0
    _rk4 = staticmethod(lorenz.lorenz63_rk4)
    _rate = staticmethod(lorenz.lorenz63_tendency)

    @property
    def n_features(self):
        """Length of a state: 3."""
        return 3

    def _parameters(self):
        return np.array([self.sigma, self.rho, self.beta, self.xz, self.xy])

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` states near (1, 1, 20)."""
        rng = check_random_state(random_state)
        return np.array([1.0, 1.0, 20.0]) + rng.standard_normal((n, 3))


@dataclass(frozen=True)
class Lorenz96(_RungeKutta):
    """Lorenz's model of a latitude circle, one scale.

    ``x_k' = advection x_{k-1} (x_{k+1} - x_{k-2}) - damping x_k + forcing``, periodic.

    Parameters
    ----------
    n_variables : int, default=40
        Number of sites, at least 4.
    forcing, damping, advection : float
        Coefficients; the true system has 8, 1, 1.

    References
    ----------
    E. N. Lorenz, Predictability: a problem partly solved, ECMWF seminar (1996).

    Examples
    --------
    >>> from skgeo.datasets import Lorenz96
    >>> model = Lorenz96(forcing=7.0).flow(0.05)
    >>> model(Lorenz96().attractor_states(3, random_state=0)).shape
    (3, 40)
    """

    n_variables: int = 40
    forcing: float = 8.0
    damping: float = 1.0
    advection: float = 1.0

    max_step = 0.01
    spin_up = 20.0
    _rk4 = staticmethod(lorenz.lorenz96_rk4)
    _rate = staticmethod(lorenz.lorenz96_tendency)

    def __post_init__(self):
        if self.n_variables < 4:
            raise ValueError(
                f"n_variables must be at least 4, the reach of the advection; got "
                f"{self.n_variables}."
            )

    @property
    def n_features(self):
        """Length of a state: ``n_variables``."""
        return self.n_variables

    def _parameters(self):
        return np.array([self.forcing, self.damping, self.advection], dtype=np.float64)

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` states around the (unstable) uniform one."""
        rng = check_random_state(random_state)
        return self.forcing + rng.standard_normal((n, self.n_variables))


@dataclass(frozen=True)
class TwoScaleLorenz96(_RungeKutta):
    """Lorenz's two-scale model: slow sites, each coupled to a ring of fast ones.

    ``x_k' = x_{k-1} (x_{k+1} - x_{k-2}) - x_k + F - (h c / b) sum_j y_{j,k}``,
    ``y_j' = c b y_{j+1} (y_{j-1} - y_{j+2}) - c y_j + (h c / b) x_{k(j)}``.

    A state holds the slow variables first. :meth:`slow` cuts them out; what the
    fast ones do to them is the closure that a one-scale model lacks.

    Parameters
    ----------
    n_slow, n_fast : int
        Number of slow sites, and of fast ones for each.
    forcing : float, default=20.0
        F.
    coupling, time_scale, space_scale : float
        h, c and b.

    References
    ----------
    E. N. Lorenz, Predictability: a problem partly solved, ECMWF seminar (1996).

    Examples
    --------
    >>> from skgeo.datasets import TwoScaleLorenz96
    >>> system = TwoScaleLorenz96(n_slow=8, n_fast=4)
    >>> system.slow(system.attractor_states(2, random_state=0, spin_up=1.0)).shape
    (2, 8)
    """

    n_slow: int = 8
    n_fast: int = 32
    forcing: float = 20.0
    coupling: float = 1.0
    time_scale: float = 10.0
    space_scale: float = 10.0

    max_step = 0.002
    spin_up = 10.0
    _rk4 = staticmethod(lorenz.two_scale_rk4)
    _rate = staticmethod(lorenz.two_scale_tendency)

    def __post_init__(self):
        if self.n_slow < 4 or self.n_fast < 1 or self.n_slow * self.n_fast < 4:
            raise ValueError(
                "n_slow and n_slow * n_fast must be at least 4 and n_fast at least 1; "
                f"got n_slow={self.n_slow}, n_fast={self.n_fast}."
            )

    @property
    def n_features(self):
        """Length of a state: slow and fast variables."""
        return self.n_slow * (1 + self.n_fast)

    def _parameters(self):
        return np.array(
            [
                self.forcing,
                self.coupling,
                self.time_scale,
                self.space_scale,
                self.n_slow,
                self.n_fast,
            ],
            dtype=np.float64,
        )

    def slow(self, X: ArrayLike) -> Any:
        """Return the slow variables of states."""
        return np.asarray(X)[..., : self.n_slow]

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` states, the fast variables small."""
        rng = check_random_state(random_state)
        slow = self.forcing / 2 + rng.standard_normal((n, self.n_slow))
        fast = 0.1 * rng.standard_normal((n, self.n_slow * self.n_fast))
        return np.hstack([slow, fast])
