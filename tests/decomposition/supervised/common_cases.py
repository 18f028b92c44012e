"""Instances for scikit-learn's estimator checks."""

from skgeo.decomposition import SupervisedDictionaryLearning

ESTIMATORS = [
    SupervisedDictionaryLearning(),
    SupervisedDictionaryLearning(kind="feature", max_iter=100, tol=1e-3, alpha=0.1),
    # Weighted and repeated rows agree at the solution, to the seven digits that the
    # check asks for only where it is well-conditioned and reached.
    SupervisedDictionaryLearning(
        positive_dict=True, positive_code=True, alpha=0.3, tol=1e-15
    ),
    SupervisedDictionaryLearning(kind="feature", solver="bcd", tol=1e-3),
]
EXPECTED_FAILURES = {}
