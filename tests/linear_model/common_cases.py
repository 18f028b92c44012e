"""Estimators of this family for tests/test_common.py."""

from skgeo.linear_model import (
    KroneckerSBL,
    KroneckerSBLRegressor,
    SparseBayesianRegressor,
)

ESTIMATORS = [
    KroneckerSBL("identity"),
    KroneckerSBL("identity", solver="mm", shared_support=False, tol=1e-2),
    KroneckerSBLRegressor(),
    SparseBayesianRegressor(),
    SparseBayesianRegressor(solver="fixed_point", min_gain=0.0),
]
EXPECTED_FAILURES = {}
