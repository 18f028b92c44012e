"""Instances for scikit-learn's estimator checks."""

from skgeo.decomposition import SupervisedDictionaryLearning

ESTIMATORS = [
    SupervisedDictionaryLearning(),
    SupervisedDictionaryLearning(kind="feature", max_iter=100, tol=1e-3, alpha=0.1),
    SupervisedDictionaryLearning(positive_dict=True, positive_code=True),
    SupervisedDictionaryLearning(scale_features=False, robust=True),
    SupervisedDictionaryLearning(kind="feature", solver="bcd", max_iter=30, tol=1e-3),
]
EXPECTED_FAILURES = {}
