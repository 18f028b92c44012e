"""Rules for the parameters of the classifiers on augmented covariances."""

from skgeo.eeg._covariance import AugmentedCovariances
from skgeo.eeg._filter_bank import FILTER_RULES
from skgeo.eeg._selection import METHODS
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    Unused,
)

__all__ = ["DISTANCES", "PARAM_RULES", "UNUSED_PARAMS"]

# Methods by the distance to a mean, which have one embedding and no machine.
DISTANCES = ("mdm", "fgmdm")

PARAM_RULES = {
    **{
        name: AugmentedCovariances._param_rules[name]
        for name in ("order", "lag", "edge", "estimator", "shrinkage", "n_jobs")
    },
    "selection": Null() | OneOf("average", *METHODS),
    "orders": OneOf("auto") | SequenceOf(Integer(1)),
    "lags": OneOf("auto") | SequenceOf(Real(0.0, closed="neither")),
    "order_weights": OneOf("auto", "equal", "inverse", "proportional"),
    "sfreq": Null() | Real(0.0, closed="neither"),
    **FILTER_RULES,
    "weights": OneOf("equal", "alignment"),
    "metric": OneOf("riemann", "block-toeplitz"),
    "block_toeplitz": Boolean(),
    "method": OneOf("tangent-svm", "tangent-lr", "mdm", "fgmdm"),
    "C": Real(0.0, closed="neither", magnitudes=(1e-20, 1e20)),
    "kernel": OneOf("linear", "rbf"),
    "gamma": OneOf("scale", "auto") | Real(0.0, closed="neither"),
    "class_weight": OneOf("balanced")
    | Instance(dict, "a dict of label: weight")
    | Null(),
    "probability": Boolean(),
    "tol": Real(0.0, closed="neither"),
}

UNUSED_PARAMS = (
    Unused(
        ("order", "lag"),
        lambda p: p.selection is not None,
        "selection is not None",
    ),
    Unused(
        ("orders", "lags", "order_weights", "weights"),
        lambda p: p.selection != "average",
        "selection is not 'average'",
    ),
    Unused(
        ("sfreq", "band", "bands", "frequencies"),
        lambda p: p.selection != "average",
        "selection is not 'average'",
    ),
    Unused(
        ("band", "bands", "frequencies"),
        lambda p: p.selection == "average" and p.sfreq is None,
        "sfreq is not given",
    ),
    Unused(
        "bands",
        lambda p: p.sfreq is not None and p.band is None and isinstance(p.bands, int),
        "band is not given",
    ),
    Unused(
        ("C", "kernel", "gamma", "class_weight", "probability"),
        lambda p: p.method in DISTANCES,
        "method is a distance method",
    ),
    Unused(
        ("kernel", "gamma", "probability"),
        lambda p: p.method == "tangent-lr",
        "method is 'tangent-lr'",
    ),
    Unused(
        "gamma",
        lambda p: p.method == "tangent-svm" and p.kernel == "linear",
        "kernel is 'linear'",
    ),
    Unused(
        ("edge", "block_toeplitz"),
        lambda p: p.metric == "block-toeplitz",
        "metric is 'block-toeplitz'",
    ),
    Unused(
        "edge",
        lambda p: p.block_toeplitz and p.metric != "block-toeplitz",
        "block_toeplitz is True",
    ),
    Unused(
        "tol",
        lambda p: p.selection == "average" and p.metric != "block-toeplitz",
        "an average does not iterate",
    ),
)
