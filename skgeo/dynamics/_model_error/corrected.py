"""The imperfect model with the discovered terms added to it."""

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from skgeo.dynamics._model_error.tangent import call_model, check_start

__all__ = ["CorrectedModel"]


class CorrectedModel:
    """Imperfect model plus discovered terms, a batched and picklable callable.

    One step is half a step of the terms, a step of the model, half a step of the
    terms (Strang splitting, second order in the step). Linear terms
    with a Fourier symbol are integrated exactly, except for waves that they amplify by
    more than a factor e in half a step; all else is integrated by the classical
    Runge-Kutta scheme.

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
    n_substeps : int, default=1
        Number of steps of the terms in each half step.
    """

    def __init__(
        self,
        model: Any,
        terms: Any,
        coef: ArrayLike,
        intercept: Any,
        dt: float,
        n_substeps: int = 1,
    ):
        self.model, self.terms, self.dt = model, terms, dt
        self.coef, self.intercept = coef, intercept
        self.n_substeps = n_substeps
        self._nonlinear, self._symbol = coef, None
        symbol = getattr(terms.library, "linear_symbol", None)
        if symbol is not None and len(coef) == 1:
            value, linear = symbol(coef[0])
            if value is not None and (coef[0, linear] != 0).any():
                self._symbol = value
                self._nonlinear = np.where(linear, 0.0, coef)

    def __call__(self, X, dt=None, history=None):
        """Advance states.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            States.
        dt : float or ndarray of shape (n,), optional
            Time of the step; handed on to the model if given.
        history : array-like of shape (n, n_features), optional
            States one step before, for models of two steps.

        Returns
        -------
        X_next : ndarray of shape (n, n_features)
            Corrected next states. Rows that blow up hold NaN or infinity.
        """
        X = np.asarray(X, dtype=np.float64)
        tau = np.asarray(self.dt if dt is None else dt, dtype=np.float64)
        tau = tau[:, None] if tau.ndim else tau
        with np.errstate(over="ignore", invalid="ignore"):
            X = self._half_step(X, tau / 2)
            X = call_model(self.model, X, dt, history)
            return self._half_step(X, tau / 2)

    def _half_step(self, X, tau):
        if not self.coef.any() and not self.intercept.any():
            return X
        tau = tau / self.n_substeps
        explicit = self._nonlinear.any() or self.intercept.any()
        for _ in range(self.n_substeps):
            if self._symbol is None:
                X = self._runge_kutta(X, tau)
            elif explicit:
                X = self._exact(X, tau / 2)
                X = self._exact(self._runge_kutta(X, tau), tau / 2)
            else:
                X = self._exact(X, tau)
        return X

    def _exact(self, X, tau):
        # Terms that make short waves grow, as diffusion of the wrong sign does, are
        # held by others in the model. Between two steps of it they act alone, and
        # would amplify rounding errors without bound: growth is capped at a factor e.
        growth = tau * self._symbol
        growth = np.minimum(growth.real, 1.0) + 1j * growth.imag
        V = scipy.fft.rfft(X, axis=-1) * np.exp(growth)
        return scipy.fft.irfft(V, n=X.shape[1], axis=-1)

    def _runge_kutta(self, X, tau):
        def rate(Z):
            return self.terms.tendency(Z, self._nonlinear, self.intercept)

        a = rate(X)
        b = rate(X + tau / 2 * a)
        c = rate(X + tau / 2 * b)
        d = rate(X + tau * c)
        return X + tau / 6 * (a + 2 * b + 2 * c + d)

    def simulate(self, X: ArrayLike, n_steps: int, *, on_blowup: str = "raise") -> Any:
        """Iterate the corrected model.

        Parameters
        ----------
        X : array-like of shape (n, n_features) or (n_features,)
            Initial states.
        n_steps : int
            Number of steps.
        on_blowup : {"raise", "truncate"}, default="raise"
            What to do when a state leaves a million times the initial range.

        Returns
        -------
        states : ndarray of shape (n_steps + 1, ..., n_features)
            Initial states and those after each step; fewer if truncated.

        Raises
        ------
        ValueError
            If a state blows up and ``on_blowup="raise"``.
        """
        X, n_steps = check_start(X, n_steps, "X")
        single, X = X.ndim == 1, np.atleast_2d(X)
        limit = 1e6 * max(np.abs(X).max(), np.finfo(float).tiny)
        states = [X]
        for step in range(1, n_steps + 1):
            X = self(X)
            with np.errstate(invalid="ignore"):
                inside = np.abs(X) <= limit
            if not inside.all():
                if on_blowup == "truncate":
                    break
                bad = np.flatnonzero(~inside.all(axis=1))
                raise ValueError(
                    f"The corrected model blew up at step {step} for states "
                    f"{bad[:5].tolist()}. Raise n_substeps or shorten dt: stiff terms "
                    "are integrated explicitly."
                )
            states.append(X)
        states = np.array(states)
        return states[:, 0] if single else states
