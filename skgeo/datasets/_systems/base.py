"""Dynamical systems as batched, picklable one-step models."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_random_state

from skgeo.utils.params import Integer, Real, check_params

__all__ = ["Flow", "System", "make_observation_pairs"]

RULES = {
    "n_pairs": Integer(1),
    "dt": Real(0.0, closed="neither"),
    "gap": Real(0.0, closed="neither"),
    "noise": Real(0.0),
    "n_trajectories": Integer(1),
}


class System:
    """Base of the simulated systems.

    A system knows its tendency and how to advance a batch of states.  Subclasses are
    frozen dataclasses, so that they hash, compare, print and pickle.  They set
    ``max_step`` (longest internal step used by default, time) and ``spin_up`` (time
    to reach the attractor from :meth:`initial_state`).
    """

    max_step = 0.01
    spin_up = 20.0

    @property
    def n_features(self):
        """Length of a state."""
        raise NotImplementedError  # every system states its own

    def tendency(self, X: ArrayLike) -> Any:
        """Time derivative of a batch of states, shape (n, n_features)."""
        raise NotImplementedError  # every system states its own

    def initial_state(self, n: int = 1, random_state: Any = None) -> Any:
        """Draw ``n`` rough states from which a spin-up can start."""
        raise NotImplementedError  # every system states its own

    def _advance(self, X, dt, n_substeps):
        """Advance validated states by dt, a float or an array (n,)."""
        raise NotImplementedError  # every system states its own

    def step(self, X: ArrayLike, dt: float, n_substeps: int | None = None) -> Any:
        """Advance a batch of states.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            States.
        dt : float or array-like of shape (n,)
            Time to advance each state by.
        n_substeps : int, optional
            Number of internal steps; by default as many as ``max_step`` asks for.

        Returns
        -------
        X_next : ndarray of shape (n, n_features)
            The states after ``dt``.  A state that blows up comes back as it is, with
            infinite values or NaN.
        """
        X = self._check(X)
        dt = np.asarray(dt, dtype=np.float64)
        if dt.ndim and dt.shape != (len(X),):
            raise ValueError(
                f"dt must be a number or hold one number per state, shape "
                f"({len(X)},); got shape {dt.shape}."
            )
        if not (np.isfinite(dt).all() and (dt > 0).all()):
            raise ValueError("dt must be positive and finite.")
        if n_substeps is None:
            n_substeps = max(1, int(np.ceil(dt.max() / self.max_step - 1e-9)))
        with np.errstate(over="ignore", invalid="ignore"):
            return self._advance(X, dt if dt.ndim else float(dt), int(n_substeps))

    def _check(self, X):
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(
                f"{type(self).__name__} takes states of shape (n, {self.n_features}); "
                f"got shape {X.shape}."
            )
        return np.ascontiguousarray(X)

    def flow(self, dt: float, n_substeps: int | None = None) -> Any:
        """Return the one-step model of this system, a picklable callable.

        Parameters
        ----------
        dt : float
            Time of one step.
        n_substeps : int, optional
            Number of internal steps in it.

        Returns
        -------
        model : Flow
            ``model(X)`` advances by ``dt``; ``model(X, dt)`` by another time.
        """
        return Flow(self, dt, n_substeps)

    def trajectory(
        self, x0: ArrayLike, n_steps: int, dt: float, n_substeps: int | None = None
    ) -> Any:
        """Simulate from one or several states.

        Parameters
        ----------
        x0 : array-like of shape (n_features,) or (n, n_features)
            Initial states.
        n_steps : int
            Number of steps to keep.
        dt : float
            Time between kept states.
        n_substeps : int, optional
            Number of internal steps between kept states.

        Returns
        -------
        states : ndarray of shape (n_steps + 1, ..., n_features)
            The initial states and those after each step.
        """
        x0 = np.asarray(x0, dtype=np.float64)
        X = self._check(np.atleast_2d(x0))
        out = np.empty((n_steps + 1, *X.shape))
        out[0] = X
        for i in range(n_steps):
            X = self.step(X, dt, n_substeps)
            out[i + 1] = X
        return out[:, 0] if x0.ndim == 1 else out

    def attractor_states(
        self, n: int = 1, random_state: Any = None, spin_up: float | None = None
    ) -> Any:
        """Return ``n`` states after a spin-up from random initial states."""
        X = self.initial_state(n, random_state)
        time = self.spin_up if spin_up is None else spin_up
        return self.step(X, time) if time > 0 else X


@dataclass(frozen=True)
class Flow:
    """One-step model of a system: ``model(X)`` or ``model(X, dt)``.

    Parameters
    ----------
    system : System
        The system.
    dt : float
        Default time of one step.
    n_substeps : int, optional
        Number of internal steps in it.
    """

    system: System
    dt: float
    n_substeps: int | None = None

    def __call__(self, X, dt=None):
        """Advance states of shape (n, n_features) by one step."""
        return self.system.step(X, self.dt if dt is None else dt, self.n_substeps)


def make_observation_pairs(
    system: Any,
    n_pairs: int = 100,
    *,
    dt: float = 0.05,
    gap: float = 1.0,
    noise: float = 0.0,
    n_trajectories: int = 1,
    spin_up: float | None = None,
    n_substeps: int | None = None,
    random_state: Any = None,
) -> Any:
    """Observe a system in sporadic pairs of states.

    Parameters
    ----------
    system : System
        The true system.
    n_pairs : int, default=100
        Number of pairs.
    dt : float, default=0.05
        Time between the two states of a pair.
    gap : float, default=1.0
        Time between the first states of successive pairs of one trajectory, at least
        ``dt``.
    noise : float, default=0.0
        Standard deviation of the observation noise, as a fraction of the standard
        deviation of the states. Both states of a pair are noisy.
    n_trajectories : int, default=1
        Number of independent trajectories the pairs come from, in turn.
    spin_up : float, optional
        Time before the first pair; by default what the system asks for.
    n_substeps : int, optional
        Internal steps between the two states of a pair; at least five by default.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial states and of the noise.

    Returns
    -------
    pairs : Bunch
        ``X``, ``y``: observed states of shape (n_pairs, n_features) at t and t + dt;
        ``X_clean``, ``y_clean``: the states themselves; ``noise_std``: standard
        deviation of the noise, in units of the state; ``time``: of X; ``groups``:
        index of the trajectory of each pair.

    Raises
    ------
    ValueError
        If ``gap < dt`` or the simulation blows up.

    See Also
    --------
    skgeo.dynamics.MEDIDA : Find what a model lacks from such pairs.

    Examples
    --------
    >>> from skgeo.datasets import Lorenz63, make_observation_pairs
    >>> pairs = make_observation_pairs(Lorenz63(), 20, dt=0.01, random_state=0)
    >>> pairs.X.shape, pairs.noise_std
    ((20, 3), 0.0)
    """
    checked = check_params(
        "make_observation_pairs",
        RULES,
        {
            "n_pairs": n_pairs,
            "dt": dt,
            "gap": gap,
            "noise": noise,
            "n_trajectories": n_trajectories,
        },
    )
    n_pairs, n_trajectories = checked.n_pairs, checked.n_trajectories
    if gap < dt:
        raise ValueError(
            f"gap ({gap}) must be at least dt ({dt}): pairs do not overlap."
        )
    rng = check_random_state(random_state)
    if n_substeps is None:
        n_substeps = max(5, int(np.ceil(dt / system.max_step)))
    X = system.attractor_states(n_trajectories, rng, spin_up)
    n_rounds = -(-n_pairs // n_trajectories)
    first = np.empty((n_rounds, n_trajectories, system.n_features))
    second = np.empty_like(first)
    for i in range(n_rounds):
        first[i] = X
        second[i] = X = system.step(X, dt, n_substeps)
        if i + 1 < n_rounds and gap - dt > 1e-12 * gap:
            X = system.step(X, gap - dt)
    first = first.reshape(-1, system.n_features)[:n_pairs]
    second = second.reshape(-1, system.n_features)[:n_pairs]
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError(
            f"The simulation of {system!r} blew up: shorten its steps (n_substeps) or "
            "check its parameters."
        )
    scale = noise * first.std()
    noisy = [a + scale * rng.standard_normal(a.shape) for a in (first, second)]
    index = np.arange(n_pairs)
    return Bunch(
        X=noisy[0],
        y=noisy[1],
        X_clean=first,
        y_clean=second,
        noise_std=float(scale),
        time=gap * (index // n_trajectories),
        groups=index % n_trajectories,
    )
