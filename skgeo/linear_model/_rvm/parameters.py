"""Rules of the parameters that sparse Bayesian regression and classification share."""

from skgeo.linear_model._rvm.basis import KERNELS
from skgeo.linear_model._rvm.evidence import SOLVERS
from skgeo.utils.params import Boolean, Integer, OneOf, Real, Unused

__all__ = ["SHARED_RULES", "UNUSED_KERNEL_PARAMS"]

SHARED_RULES = {
    "kernel": OneOf(*KERNELS),
    "gamma": OneOf("scale", "auto") | Real(0.0, closed="neither"),
    "degree": Integer(1),
    "coef0": Real(0.0),
    "solver": OneOf(*SOLVERS),
    "min_gain": OneOf("auto", "selection") | Real(0.0),
    "positive": Boolean(),
    "fit_intercept": Boolean(),
    "max_iter": Integer(1),
}
UNUSED_KERNEL_PARAMS = (
    Unused(
        "gamma",
        lambda p: p.kernel in ("linear", "precomputed"),
        "the kernel is neither 'rbf' nor 'polynomial'",
    ),
    Unused(
        ("degree", "coef0"),
        lambda p: p.kernel != "polynomial",
        "the kernel is not 'polynomial'",
    ),
)
