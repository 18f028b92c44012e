"""Estimators of this family for tests/test_common.py."""

from skgeo.linear_model import (
    KroneckerSBL,
    KroneckerSBLRegressor,
    RobustTraceRegressor,
    SparseBayesianClassifier,
    SparseBayesianRegressor,
)

ESTIMATORS = [
    KroneckerSBL("identity"),
    KroneckerSBL("identity", solver="mm", shared_support=False, max_iter=50, tol=1e-2),
    KroneckerSBLRegressor(),
    RobustTraceRegressor(max_iter=300),
    SparseBayesianRegressor(),
    SparseBayesianRegressor(solver="fixed_point", min_gain=0.0),
    SparseBayesianRegressor(solver="thorough", positive=True),
    SparseBayesianRegressor(kernel="rbf"),
    SparseBayesianClassifier(),
    SparseBayesianClassifier(kernel="rbf", solver="sequential"),
]
EXPECTED_FAILURES = {}
