"""Models called, stepped by half, and differentiated along directions."""

import inspect

import numpy as np

from skgeo.dynamics._model_error.norms import rms
from skgeo.utils.params import Integer, check_params

__all__ = [
    "FixedStepModel",
    "HalfStep",
    "TangentPropagator",
    "call_model",
    "check_start",
    "real_states",
    "takes_step",
]


def call_model(model, X, dt=None, history=None):
    """Call a model, None being persistence, and check what comes back.

    Returns
    -------
    F : ndarray of shape (n, n_features)
        Next states; rows that blew up hold NaN or infinity.
    """
    if model is None:
        return X.copy()
    arguments = {} if history is None else {"history": history}
    more = () if dt is None else (dt,)
    _check_call(model, more, arguments)
    try:
        F = model(X.copy(), *more, **arguments)
    except Exception as error:
        if dt is None and history is None and _takes_one_state(model, X):
            raise ValueError(
                f"model failed on {len(X)} states at once ({error}), but takes one "
                "state: models are batched. Wrap it: lambda X: np.array([model(x) for "
                "x in X])."
            ) from error
        raise
    F = real_states(F)
    if F.shape != X.shape:
        raise ValueError(
            f"model must turn states of shape {X.shape} into states of the same shape; "
            f"it returned shape {F.shape}."
        )
    return F


def check_start(X, n_steps, name):
    """Check the states that a simulation starts from, and its number of steps."""
    checked = check_params("simulate", {"n_steps": Integer(0)}, {"n_steps": n_steps})
    X = np.asarray(X, dtype=np.float64)
    if not np.isfinite(X).all():
        raise ValueError(
            f"{name} contains NaN or infinity: a simulation needs every component of "
            "its first states."
        )
    return X, checked.n_steps


def real_states(F):
    """States as a model returned them, as real numbers."""
    F = np.asarray(F)
    if F.dtype.kind == "c":
        if np.any(F.imag != 0):
            raise ValueError(
                "model returned complex states with imaginary parts up to "
                f"{np.abs(F.imag).max():.3g}: return real ones (of a transform, those "
                "of irfft or the real part)."
            )
        F = F.real
    return F.astype(np.float64)


def _check_call(model, more, arguments):
    """Say which extra argument a model does not take."""
    if not (more or arguments):
        return
    try:
        signature = inspect.signature(model)
    except (TypeError, ValueError):
        return  # a compiled function tells nothing
    try:
        signature.bind(None, *more, **arguments)
    except TypeError:
        wanted = ", ".join(["X", *(["dt"] if more else []), *arguments])
        remedy = " One step for all pairs goes to MEDIDA(model, dt=...)."
        raise ValueError(
            f"The model is called as model({wanted}), because fit or predict was given "
            f"{' and '.join((['dt'] if more else []) + list(arguments))}; it takes "
            f"{signature}.{remedy if more else ''}"
        ) from None


def _takes_one_state(model, X):
    try:
        return np.shape(model(X[0].copy())) == X[0].shape
    except Exception:  # any failure means no
        return False


def takes_step(model):
    """Whether a model takes the time of a step, as ``model(X, dt)``."""
    try:
        names = list(inspect.signature(model).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) > 1 and names[1] == "dt"


class FixedStepModel:
    """A model of one step called with another step."""

    def __init__(self, model, dt):
        self.model, self.dt = model, dt

    def __call__(self, X, dt=None, **history):
        dt = np.full(len(X), self.dt) if dt is None else dt
        return self.model(X, dt, **history)


class HalfStep:
    """The model over half a step: ``half(X)``.

    Parameters
    ----------
    model : callable
        A model that takes ``dt``.
    dt : ndarray of shape (n, 1)
        Whole steps.
    """

    def __init__(self, model, dt):
        self.model = model
        # A number where steps are equal: systems then share their coefficients.
        self.dt = float(dt[0, 0]) / 2 if np.ptp(dt) == 0 else dt[:, 0] / 2

    def __call__(self, X):
        return call_model(self.model, X, self.dt)


class TangentPropagator:
    """Carry a field at the start of the step to its end by the tangent of the model.

    Parameters
    ----------
    model : callable or None
        The model; None stands for persistence.
    X, F : ndarray of shape (n, n_features)
        States and the model's next states.
    step_size : float
        Size of the perturbations, relative to the variation of the states.
    units : ndarray of shape (n_features,)
        Variation of the states.
    dt, history
        What to hand to the model.
    """

    def __init__(self, model, X, F, step_size, units, dt=None, history=None):
        self.model, self.X, self.F, self.dt = model, X, F, dt
        self.history, self.step_size, self.units = history, step_size, units

    def length(self, V):
        """Factor that makes a perturbation of ``V``; None where it vanishes."""
        size = rms(V / self.units)
        return self.step_size / size if size > 0 else None

    def __call__(self, V):
        h = None if self.model is None else self.length(V)
        if h is None:
            return V
        moved = call_model(self.model, self.X + h * V, self.dt, self.history)
        if not np.isfinite(moved).all():
            raise ValueError(
                "The model blew up on a state moved along a candidate term: lower "
                "tangent_step, or use evaluate_at='end'."
            )
        return (moved - self.F) / h
