"""Discovered terms that remember: training rows, the corrected model, its free runs."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skgeo.dynamics._model_error.diagnostics import warn_model_error
from skgeo.dynamics._model_error.tangent import call_model, check_start
from skgeo.dynamics._model_error.weak import segments

__all__ = ["CorrectedMemoryModel", "check_free_run", "memory_rows", "past_states"]

# A free run of so many steps, from so many states, must stay within so many times the
# range of the training data. An equation may fit each step and blow up when iterated.
_FREE_RUN = 400
_N_RUNS = 16
_RANGE = 3.0


def memory_rows(library, X, Y, steps):
    """States with their memories, for pairs whose past is known.

    Parameters
    ----------
    library : MemoryLibrary
        Fitted library.
    X, Y : ndarray of shape (n, n_features)
        Consecutive states and next states.
    steps : ndarray of shape (n, 1)
        Steps, all equal.

    Returns
    -------
    kept : ndarray of int
        Pairs kept.
    joined : ndarray of shape (n_kept, n_features * (1 + n_memory))
        Their first states with memory.
    """
    if np.ptp(steps) > 1e-9 * steps.max():
        raise ValueError(
            "A MemoryLibrary takes trajectories of equal steps; they range from "
            f"{steps.min():.6g} to {steps.max():.6g}."
        )
    kept, memories = [], []
    for part in segments(X, Y, steps):
        memory = library._remember(part.states[:-1])[library.n_warm_ :]
        kept.append(np.arange(part.first + library.n_warm_, part.last)[: len(memory)])
        memories.append(memory)
    kept = np.concatenate(kept).astype(int)
    if len(kept) < 2:
        raise ValueError(
            f"No {library.n_warm_ + 2} states follow one another in X and y: a memory "
            f"of {library.n_warm_} samples needs trajectories. Fit on consecutive "
            "states, fit(U[:-1], U[1:]), or shorten the memory."
        )
    return kept, library._join(X[kept], np.concatenate(memories))


class CorrectedMemoryModel:
    """Imperfect model plus discovered terms with memory, picklable.

    The terms act for the whole step as they are at its start, as in the regression.

    Parameters
    ----------
    model : callable or None
        The imperfect model; None stands for persistence.
    terms : Terms
        The library.
    coef : ndarray of shape (n_equations, n_terms)
        Coefficients.
    intercept : ndarray of shape (n_equations,)
        Constants.
    dt : float
        Time of one step.
    """

    def __init__(
        self, model: Any, terms: Any, coef: ArrayLike, intercept: Any, dt: float
    ):
        self.model, self.terms, self.dt = model, terms, dt
        self.coef, self.intercept = coef, intercept

    @property
    def n_history(self):
        """Number of successive states that a forecast starts from."""
        return self.terms.library.n_warm_ + 1

    def start(self, history: ArrayLike) -> Any:
        """Memory of some trajectories.

        Parameters
        ----------
        history : array-like of shape (n_times, n, n_features)
            Past states, the oldest first, without the present one.

        Returns
        -------
        memory : ndarray of shape (n, n_memory, n_features)
            The memory.
        """
        library = self.terms.library
        history = np.asarray(history, dtype=np.float64)
        memory = np.zeros((history.shape[1], len(library._input), history.shape[2]))
        for X in history:
            memory = library._advance(memory, X)
        return memory

    def __call__(self, X, memory):
        """Advance states and their memory by one step.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            States.
        memory : ndarray of shape (n, n_memory, n_features)
            From :meth:`start` or the step before.

        Returns
        -------
        X : ndarray of shape (n, n_features)
            Next states. Rows that blow up hold NaN or infinity.
        memory : ndarray of shape (n, n_memory, n_features)
            Their memory.
        """
        X = np.asarray(X, dtype=np.float64)
        library = self.terms.library
        with np.errstate(over="ignore", invalid="ignore"):
            H = self.terms.tendency(library._join(X, memory), self.coef, self.intercept)
            return call_model(self.model, X) + self.dt * H, library._advance(memory, X)

    def simulate(
        self, history: ArrayLike, n_steps: int, *, on_blowup: str = "raise"
    ) -> Any:
        """Iterate the corrected model.

        Parameters
        ----------
        history : array-like of shape (n_times, n, n_features) or (n_times, n_features)
            Successive observed states, ``n_history`` or more of them, the last one the
            state to start from.
        n_steps : int
            Number of steps.
        on_blowup : {"raise", "truncate"}, default="raise"
            What to do when a state leaves a million times the range of the history.

        Returns
        -------
        states : ndarray of shape (n_steps + 1, ..., n_features)
            The last observed states and those after each step; fewer if truncated.

        Raises
        ------
        ValueError
            If the history is too short, or a state blows up and ``on_blowup="raise"``.
        """
        history, n_steps = check_start(history, n_steps, "history")
        if history.ndim not in (2, 3) or len(history) < self.n_history:
            raise ValueError(
                f"history must hold at least {self.n_history} successive states, shape "
                f"(n_times, n, n_features) or (n_times, n_features); got shape "
                f"{history.shape}."
            )
        single = history.ndim == 2
        history = history[:, None] if single else history
        limit = 1e6 * max(np.abs(history).max(), np.finfo(float).tiny)
        X, memory = history[-1], self.start(history[:-1])
        states = [X]
        for step in range(1, n_steps + 1):
            X, memory = self(X, memory)
            with np.errstate(invalid="ignore"):
                inside = np.abs(X) <= limit
            if not inside.all():
                if on_blowup == "truncate":
                    break
                bad = np.flatnonzero(~inside.all(axis=1))
                raise ValueError(
                    f"The corrected model blew up at step {step} for states "
                    f"{bad[:5].tolist()}: its memory feeds back on itself. Remember "
                    "fewer states, or choose the memory by forecast_scorer."
                )
            states.append(X)
        states = np.array(states)
        return states[:, 0] if single else states


def past_states(model, X, history):
    """Check past states (n, n_times, n_features); return them by time."""
    n_past = model.n_history - 1
    if history is None and n_past == 0:
        history = np.empty((len(X), 0, X.shape[1]))
    if history is None or np.shape(history)[:1] + np.shape(history)[2:] != X.shape:
        raise ValueError(
            f"With a memory, pass history of shape (n_samples, n_times, "
            f"{X.shape[1]}): at least {n_past} states before each of X, the oldest "
            "first."
        )
    history = np.asarray(history, dtype=np.float64)
    if history.shape[1] < n_past:
        raise ValueError(
            f"history must hold at least {n_past} states per sample; got "
            f"{history.shape[1]}."
        )
    if not np.isfinite(history).all():
        raise ValueError("history contains NaN or infinity.")
    return history.transpose(1, 0, 2)


def check_free_run(model, X, Y, joined):
    """Iterate the corrected model from training states, and warn if it leaves them.

    Parameters
    ----------
    model : CorrectedMemoryModel
        The corrected model.
    X, Y : ndarray of shape (n, n_features)
        States and next states of the pairs kept.
    joined : ndarray
        The states with their memories.

    Returns
    -------
    n_steps : int
        Number of steps that stayed within three times the range of the data.
    """
    chosen = np.unique(np.linspace(0, len(X) - 1, _N_RUNS).astype(int))
    states, d = X[chosen], X.shape[1]
    memory = joined[chosen, d:].reshape(len(chosen), -1, d)
    center = Y.mean(axis=0)
    reach = np.abs(Y - center).max(axis=0)
    reach[reach == 0] = np.abs(center[reach == 0]) + 1e-300
    for step in range(_FREE_RUN):
        states, memory = model(states, memory)
        with np.errstate(invalid="ignore"):
            inside = np.abs(states - center) <= _RANGE * reach
        if not inside.all():
            warn_model_error(
                f"A free run of the corrected model leaves three times the range of "
                f"the data after {step + 1} steps, although single steps fit: its "
                "memory feeds back on itself. Use it for shorter forecasts only, or "
                "choose another memory by forecast_scorer."
            )
            return step
    return _FREE_RUN
