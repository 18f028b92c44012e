"""Estimators of trials: they run skgeo's own suite, see test_trials_suite.py."""

ESTIMATORS = []
EXPECTED_FAILURES = {}
THREE_D_NAMES = (
    "AugmentedCovarianceClassifier",
    "AugmentedCovarianceClassifierCV",
    "AugmentedCovariances",
    "ChannelSelector",
    "CovarianceRecentering",
    "DelayEmbedding",
    "ERPAugmentedCovariances",
    "RecenteredCovarianceClassifier",
    "TangentMap",
    "TrialRejector",
)
