"""Public checks for estimators, beyond those of scikit-learn."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_discovery": ("all_estimators",),
        "_trials_data": ("make_trials",),
        "trials": (
            "check_trials_estimator",
            "parametrize_with_trials_checks",
            "yield_trials_checks",
        ),
    },
)
