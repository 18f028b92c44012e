"""Rules of the parameters of MEDIDA."""

from skgeo.dynamics._model_error.checks import HasMethods
from skgeo.utils.params import Boolean, Callable, Integer, Null, OneOf, Real, Unused

__all__ = ["PARAM_RULES", "UNUSED_PARAMS"]

PARAM_RULES = {
    "model": Null() | Callable(),
    "dt": Null() | Real(0.0, closed="neither"),
    "library": Null() | HasMethods("fit", "transform"),
    "regressor": Null() | HasMethods("fit", "predict"),
    "assimilation": Null() | HasMethods("fit", "transform"),
    "evaluate_at": OneOf("tangent", "end", "start", "midpoint"),
    "gain_matched": Boolean(),
    "prune_step_error": Boolean(),
    "half_step": Null() | Callable(),
    "tangent_step": Real(0.0, 0.1, closed="right"),
    "min_relative_error": Real(0.0),
    "n_substeps": Integer(1),
    "on_blowup": OneOf("raise", "drop"),
}
UNUSED_PARAMS = (
    Unused(
        ("prune_step_error", "half_step", "tangent_step"),
        lambda p: p.evaluate_at != "tangent",
        "evaluate_at is not 'tangent'",
    ),
    Unused(
        ("half_step", "on_blowup", "tangent_step"),
        lambda p: p.model is None,
        "model is None",
    ),
    Unused(
        "half_step",
        lambda p: not p.prune_step_error,
        "prune_step_error is False",
    ),
    Unused("gain_matched", lambda p: p.assimilation is None, "there is no filter"),
)
