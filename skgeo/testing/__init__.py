"""Public checks for estimators, beyond those of scikit-learn."""

from skgeo.testing._discovery import all_estimators
from skgeo.testing._trials_data import make_trials
from skgeo.testing.trials import (
    check_trials_estimator,
    parametrize_with_trials_checks,
    yield_trials_checks,
)

__all__ = [
    "all_estimators",
    "check_trials_estimator",
    "make_trials",
    "parametrize_with_trials_checks",
    "yield_trials_checks",
]
