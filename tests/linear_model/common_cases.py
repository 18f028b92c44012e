"""Estimators of this family for tests/test_common.py."""

from skgeo.linear_model import SparseBayesianRegressor

ESTIMATORS = [
    SparseBayesianRegressor(),
    SparseBayesianRegressor(solver="fixed_point", min_gain=0.0),
]
EXPECTED_FAILURES = {}
