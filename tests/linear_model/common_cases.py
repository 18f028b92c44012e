"""Estimators of this family for tests/test_common.py."""

from skgeo.linear_model import (
    KroneckerSBL,
    KroneckerSBLRegressor,
    SparseBayesianClassifier,
    SparseBayesianRegressor,
)

ESTIMATORS = [
    KroneckerSBL("identity"),
    KroneckerSBL("identity", solver="mm", shared_support=False, tol=1e-2),
    KroneckerSBLRegressor(),
    SparseBayesianRegressor(),
    SparseBayesianRegressor(solver="fixed_point", min_gain=0.0),
    SparseBayesianRegressor(solver="thorough", positive=True),
    SparseBayesianRegressor(kernel="rbf"),
    SparseBayesianClassifier(),
    SparseBayesianClassifier(kernel="rbf", solver="sequential"),
]
EXPECTED_FAILURES = {}
