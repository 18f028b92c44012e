"""Instances for scikit-learn's estimator checks."""

from skgeo.decomposition import SupervisedDictionaryLearning

ESTIMATORS = [
    SupervisedDictionaryLearning(),
    SupervisedDictionaryLearning(kind="feature", max_iter=100, tol=1e-3),
    SupervisedDictionaryLearning(positive_dict=True, positive_code=True, tol=1e-3),
    SupervisedDictionaryLearning(kind="feature", solver="bcd", tol=1e-3),
]
EXPECTED_FAILURES = {}
