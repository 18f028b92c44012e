"""Checks of what MEDIDA is given, and of what its model returns."""

import numbers

import numpy as np
from sklearn.utils.validation import check_array

from skgeo.dynamics._model_error.diagnostics import warn_model_error
from skgeo.dynamics._model_error.norms import rms
from skgeo.utils.params import Instance, check_params

__all__ = [
    "HasMethods",
    "check_column_order",
    "check_columns",
    "check_extras",
    "check_nested",
    "check_new_step",
    "check_step",
    "check_width",
    "drop_blown_up",
    "relative_error",
    "state_names",
    "validation_options",
]


class HasMethods(Instance):
    """An object with some methods."""

    def __init__(self, *methods):
        super().__init__(object, "an estimator with " + " and ".join(methods))
        self.methods = methods

    def accepts(self, value):
        return all(callable(getattr(value, m, None)) for m in self.methods)


def check_column_order(names, other, label):
    """Refuse a table whose columns are those of X in another order.

    Columns are matched by position; other names altogether are the user's matter.
    """
    columns = getattr(other, "columns", None)
    if names is None or columns is None:
        return
    columns = list(columns)
    for position, name in enumerate(names):
        if name in columns and columns.index(name) != position:
            raise ValueError(
                f"The columns of {label} are not in the order of those of X: column "
                f"{name!r} is number {position} of X and number "
                f"{columns.index(name)} of {label}. Pass {label}[X.columns]."
            )


def check_width(X, Y, model, assimilation):
    """Whether X and y are states of one system."""
    if assimilation is not None or X.shape[1] == Y.shape[1]:
        if X.shape[1] != Y.shape[1]:
            raise ValueError(
                f"X and y must be states of the same width; got {X.shape[1]} and "
                f"{Y.shape[1]}."
            )
        if np.array_equal(X, Y):
            warn_model_error(
                "y equals X: no state changes. Pass the states one step later as y; "
                "what is found now only cancels the model."
            )
        return True
    if model is not None:
        raise ValueError(
            f"X has width {X.shape[1]}, y {Y.shape[1]}: with a model both must be "
            "states of the same system."
        )
    return False


def check_step(dt, model, steps):
    """Time between the states of a pair, from wherever it is given."""
    own = getattr(model, "dt", None)
    if not isinstance(own, numbers.Real):
        own = None
    if dt is None:
        if steps is not None:
            return float(np.median(steps))
        if own is None:
            raise ValueError(
                "dt, the time between the two states of a pair, is not known: pass it "
                "to MEDIDA (coefficients are per unit of time), or to fit."
            )
        return float(own)
    if own is not None and steps is None and abs(own - dt) > 1e-6 * dt:
        warn_model_error(
            f"dt={dt:g} differs from the step of the model, model.dt={own:g}: its "
            "forecasts are not those of the second states."
        )
    return float(dt)


def check_new_step(dt, rule):
    """Check the step of a corrected model."""
    return check_params("corrected_model", {"dt": rule}, {"dt": dt}).dt


def check_extras(X, dt, history):
    """Validate steps and states before, where given."""
    if dt is not None:
        if np.ndim(dt) == 0:
            dt = np.full(len(X), dt, dtype=np.float64)
        dt = check_array(dt, dtype=np.float64, ensure_2d=False, input_name="dt")
        if dt.shape != (len(X),) or not (dt > 0).all():
            raise ValueError(
                "dt must be positive, a number or one step per sample, of shape "
                f"({len(X)},); got shape {dt.shape}."
            )
    if history is not None:
        history = check_array(history, dtype=np.float64, input_name="history")
        if history.shape != X.shape:
            raise ValueError(
                f"history must have the shape of X, {X.shape}; got {history.shape}."
            )
    return dt, history


def drop_blown_up(X, Y, F, dt, history, on_blowup):
    """Refuse, or leave out, samples on which the model returned no number."""
    good = np.isfinite(F).all(axis=1)
    if good.all():
        return X, Y, F, dt, history
    bad = np.flatnonzero(~good)
    shown = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    if on_blowup == "raise" or good.sum() < 2:
        raise ValueError(
            f"The model returned NaN or infinity for {len(bad)} of {len(X)} "
            f"samples (indices {shown}). Shorten its internal steps, or leave "
            "these samples out with on_blowup='drop'; at least 2 must remain."
        )
    warn_model_error(
        f"The model blew up on {len(bad)} samples (indices {shown}): left out."
    )
    dt = None if dt is None else dt[good]
    history = None if history is None else history[good]
    return X[good], Y[good], F[good], dt, history


def check_nested(estimator, params):
    """Refuse to set parameters of parts that are left at their defaults."""
    defaults = {
        "library": "PolynomialFeatures(2)",
        "regressor": "SparseBayesianRegressor(fit_intercept=False, "
        "threshold_lambda=1e4, min_gain=8)",
        "assimilation": "EnsembleKalmanFilter()",
    }
    for key in params:
        name, nested, _ = key.partition("__")
        if not nested or name not in defaults:
            continue
        if params.get(name, getattr(estimator, name)) is None:
            raise ValueError(
                f"{key!r} cannot be set while {name} is None: pass an object, such "
                f"as {name}={defaults[name]}."
            )


def relative_error(model, X, Y, F, steps, units):
    """Increments over the tendency of the model; zero at the level of rounding."""
    Y, F = Y / units, F / units
    error = rms((Y - F) / steps)
    if error <= 1e-14 * rms(Y / steps):
        return 0.0
    tendency = 0.0 if model is None else rms((F - X / units) / steps)
    return error / tendency if tendency > 0 else np.inf


def check_columns(estimator, **tables):
    """Refuse tables whose columns are named in another order than those of fit."""
    names = getattr(estimator, "feature_names_in_", None)
    for label, table in tables.items():
        check_column_order(names, table, label)


def state_names(estimator, width):
    """Name the state's columns as fit saw them, or x0, x1, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and len(names) == width:
        return [str(name) for name in names]
    return [f"x{i}" for i in range(width)]


def validation_options(missing):
    """Options of the validation of X and y, of states that may be missing or not."""
    if missing:
        check = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
        return {"validate_separately": (check, check | {"ensure_2d": False})}
    return {
        "dtype": np.float64,
        "multi_output": True,
        "y_numeric": True,
        "ensure_min_samples": 2,
    }
