"""What tangent features miss of the increments, because a step is not infinitesimal.

The increment is exactly the mean over the step of the missing tendency along the true
path, carried to the end of the step by the tangent of the model. Tangent features are
the trapezoid rule of that mean. Its error is estimated by Simpson's rule, for the sum
of the discovered terms: this needs the model over half a step, or two extrapolations
from whole steps that agree.
"""

import numpy as np

from skgeo.dynamics._model_error.diagnostics import warn_model_error
from skgeo.dynamics._model_error.norms import rms
from skgeo.dynamics._model_error.tangent import (
    HalfStep,
    TangentPropagator,
    call_model,
    takes_step,
)

__all__ = ["StepError", "step_error_of"]

# Weights of x, f(x), f(f(x)), ... that extrapolate to f over half a step, and of
# v, f'v, (f^2)'v, ... that extrapolate to the slope of the deviation.
_HALF = {2: (3 / 8, 3 / 4, -1 / 8), 3: (5 / 16, 15 / 16, -5 / 16, 1 / 16)}
_SLOPE = {2: (-1.0, 1.0), 3: (-1.5, 2.0, -0.5)}


class StepError:
    """Error of the trapezoid rule for a given missing tendency.

    Parameters
    ----------
    model : callable or None
        The model; None stands for persistence.
    half : callable or None
        The model over half a step; None extrapolates from whole steps.
    X, Y, F : ndarray of shape (n, n_features)
        States, next states and the model's next states.
    dt : ndarray of shape (n, 1)
        Steps.
    step_size : float
        Size of the perturbations of tangents, relative to the states.
    units : ndarray of shape (n_features,)
        Variation of the states.
    per_sample : ndarray of shape (n,) or None
        Steps to hand to the model.
    """

    def __init__(self, model, half, X, Y, F, dt, step_size, units, per_sample=None):
        self.X, self.Y, self.F, self.dt = X, Y, F, dt
        self.step_size, self.per_sample, self.model = step_size, per_sample, model
        self.units = units
        self.half = (lambda Z: Z) if model is None else half
        self.extrapolated = self.half is None
        self._start = TangentPropagator(model, X, F, step_size, units, per_sample)
        deviation = Y - F
        with np.errstate(all="ignore"):
            if self.extrapolated:
                self._chains = self._iterate(X, 3), self._iterate(Y, 2)
                return
            # Half a step of the deviation, less the deviation: its growth.
            growth = self.half(Y) - self.half(F) - deviation
            self._middle = {0: (self.half(X), 2 * growth / dt)}

    def _iterate(self, Z, n):
        chain = [Z]
        for _ in range(n):
            chain.append(call_model(self.model, chain[-1], self.per_sample))
        return chain

    def is_consistent(self, limit=0.1):
        """Whether two half steps make a whole one, next to the model's errors."""
        if self.extrapolated or self.model is None:
            return True
        with np.errstate(all="ignore"):
            twice = self.half(self._middle[0][0])
            error, deviation = twice - self.F, self.Y - self.F
            return rms(error / self.units) <= limit * rms(deviation / self.units)

    def _prepared(self, order):
        """States after half a step and the slope of the deviation, less the terms'."""
        if not self.extrapolated:
            return self._middle[0]
        from_x, from_y = self._chains
        half = sum(w * z for w, z in zip(_HALF[order], from_x, strict=False))
        deviations = [y - x for y, x in zip(from_y, from_x[1:], strict=True)]
        slope = sum(w * d for w, d in zip(_SLOPE[order], deviations, strict=False))
        return half, slope / self.dt

    def _middle_feature(self, middle, H, order):
        """Terms at the middle of the step, carried to its end."""
        h = H(middle)
        if not self.extrapolated:
            if self.model is None:
                return h
            base = self.half(middle)
            return TangentPropagator(
                lambda Z, *_: self.half(Z), middle, base, self.step_size, self.units
            )(h)
        q = self._start.length(h)
        if q is None:
            return h
        n = len(_HALF[order]) - 1
        moved, base = self._iterate(middle + q * h, n), self._iterate(middle, n)
        return sum(
            w * (a - b) / q for w, a, b in zip(_HALF[order], moved, base, strict=True)
        )

    def __call__(self, H, order=2):
        """Estimate the error for the tendency ``H(states)``.

        Parameters
        ----------
        H : callable
            Sum of the discovered terms, states -> tendency.
        order : {2, 3}, default=2
            Order of the extrapolation, where there is one.

        Returns
        -------
        error : ndarray of shape (n, n_features) or None
            Simpson's rule minus the trapezoid's; None where it is not finite.
        """
        with np.errstate(all="ignore"):
            half, slope = self._prepared(order)
            start, end = H(self.X), H(self.Y)
            # Cubic Hermite value of the deviation at the middle of the step.
            deviation = self.Y - self.F
            middle = half + deviation / 2 + self.dt / 8 * (start - end - slope)
            if not np.isfinite(middle).all():
                return None
            try:
                inner = self._middle_feature(middle, H, order)
                ends = self._start(start) + end
            except ValueError:  # the model blew up next to the path
                return None
            error = (ends + 4 * inner) / 6 - ends / 2
        return error if np.isfinite(error).all() else None

    def agree(self, H, limit=0.3):
        """Whether two orders of extrapolation give the same error."""
        if not self.extrapolated:
            return True
        second, third = self(H, 2), self(H, 3)
        if second is None or third is None:
            return False
        return rms((third - second) / self.units) <= limit * rms(second / self.units)


def step_error_of(model, half_step, X, Y, F, steps, step_size, units, per_sample):
    """Return a :class:`StepError` with what the model allows for half a step."""
    half = half_step
    if half is None and model is not None and takes_step(model):
        half = HalfStep(model, steps)
    with np.errstate(all="ignore"):
        step = StepError(model, half, X, Y, F, steps, step_size, units, per_sample)
        if step.is_consistent():
            return step
        warn_model_error(
            "Two half steps of the model do not make a whole one: half_step, or the "
            "step that model(X, dt) takes, is not what it should be. It is not used."
        )
        return StepError(model, None, X, Y, F, steps, step_size, units, per_sample)
