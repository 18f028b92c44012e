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

__all__ = ["DISTANCES", "PARAM_RULES", "UNUSED_PARAMS", "chosen_method"]

# Methods by the distance to a mean, which have one embedding and no machine.
DISTANCES = ("mdm", "fgmdm")

# Channels up to which two classes of an average are left to logistic regression. A
# hard margin on the few features of few channels follows the noise: left or right hand,
# 3 to 8 channels, it lost 0.8 to 3.6 AUC points to order 1, logistic regression at most
# 0.1. Chosen on one half of the electrode sets, people and tasks, confirmed on the
# other; nine channels are level.
_FEW_FEATURES = 8


def chosen_method(params, n_classes, n_channels):
    """Resolve ``method="auto"``.

    Parameters
    ----------
    params : SimpleNamespace
        Parameters of the classifier.
    n_classes, n_channels : int
        What is classified.

    Returns
    -------
    method : str
        A method other than ``"auto"``.
    """
    if params.method != "auto":
        return params.method
    few = n_classes == 2 and n_channels <= _FEW_FEATURES
    soft = few and params.selection == "average" and params.kernel == "linear"
    return "tangent-lr" if soft else "tangent-svm"


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
    "method": OneOf("auto", "tangent-svm", "tangent-lr", "mdm", "fgmdm"),
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
        lambda p: p.method in ("auto", "tangent-svm") and p.kernel == "linear",
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
