"""skgeo's check suite on skgeo's estimators of trials, and on pyriemann's."""

import pytest
from pyriemann.classification import MDM
from pyriemann.estimation import TimeDelayCovariances
from pyriemann.tangentspace import TangentSpace

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    ChannelSelector,
    CovarianceRecentering,
    DelayEmbedding,
    ERPAugmentedCovariances,
    RecenteredCovarianceClassifier,
    TangentMap,
    TrialRejector,
)
from skgeo.testing import (
    all_estimators,
    check_trials_estimator,
    parametrize_with_trials_checks,
)
from tests.eeg.common_cases import THREE_D_NAMES

CASES = [
    (DelayEmbedding(order=2, lag=2), {}),
    (DelayEmbedding(order=2, lag=2, edge="wrap"), {}),
    (AugmentedCovariances(), {}),
    (AugmentedCovariances(order=3, lag=2, block_toeplitz=True), {}),
    (AugmentedCovariances(order=2, lag=2, estimator="sch", edge="moabb"), {}),
    (ERPAugmentedCovariances(2), {}),
    (ERPAugmentedCovariances(None, order=2, lag=3), {}),
    (ChannelSelector(2), {}),
    (ChannelSelector(1, order=2, lag=3, shrinkage="auto"), {}),
    (TrialRejector(), {}),
    (TrialRejector(sfreq=100.0, bands=((4.0, 10.0), (10.0, 30.0))), {}),
    (TangentMap(), {"kind": "matrices"}),
    (TangentMap(metric="logeuclid"), {"kind": "matrices"}),
    (CovarianceRecentering(), {"kind": "matrices"}),
    (CovarianceRecentering("bures-wasserstein"), {"kind": "matrices"}),
    (
        CovarianceRecentering("bures-wasserstein", theta=1.0, output="tangent"),
        {"kind": "matrices"},
    ),
    # Few embeddings: every check fits several times.
    (
        AugmentedCovarianceClassifier(orders=(1, 2, 4), lags=(2,), shrinkage="auto"),
        {"mixing": "orthogonal"},
    ),
    (
        AugmentedCovarianceClassifier(
            orders=(1, 2), lags=(0.03,), sfreq=100.0, band=(4.0, 40.0), bands=2
        ),
        {"mixing": "gains"},
    ),
    (
        AugmentedCovarianceClassifier(
            order=2, lag=3, kernel="rbf", shrinkage=None, selection=None
        ),
        {"mixing": "invertible"},
    ),
    (
        AugmentedCovarianceClassifier(
            order=2, method="tangent-lr", selection=None, shrinkage="auto"
        ),
        {"mixing": "orthogonal"},
    ),
    (
        AugmentedCovarianceClassifier(
            order=2, method="mdm", shrinkage=None, selection=None
        ),
        {"mixing": "invertible"},
    ),
    (AugmentedCovarianceClassifier(order=2, method="fgmdm", selection=None), {}),
    (
        AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(2,), shrinkage="auto"),
        {"mixing": "orthogonal"},
    ),
    (
        AugmentedCovarianceClassifier(
            selection="average", orders=(1, 3), lags=(1, 2), shrinkage=None
        ),
        {"mixing": "invertible"},
    ),
    (
        AugmentedCovarianceClassifier(
            3, 2, metric="block-toeplitz", shrinkage=None, selection=None
        ),
        {"mixing": "invertible"},
    ),
    (RecenteredCovarianceClassifier(2, 2, selection=None), {}),
    (
        RecenteredCovarianceClassifier(
            2, 2, selection=None, metric="bures-wasserstein"
        ),
        {},
    ),
]


@parametrize_with_trials_checks(CASES)
def test_trials_checks(check):
    check()


def test_every_trials_estimator_is_here():
    assert {type(e).__name__ for e, _ in CASES} == set(THREE_D_NAMES)
    assert set(THREE_D_NAMES) <= {name for name, _ in all_estimators()}


@pytest.mark.parametrize(
    ("estimator", "kind", "bitten"),
    [
        (MDM(), "matrices", {"check_tags", "check_bad_values", "check_bad_shapes"}),
        (TangentSpace(), "matrices", {"check_tags", "check_not_fitted"}),
        (TimeDelayCovariances(), "trials", {"check_constructor", "check_bad_values"}),
    ],
)
def test_the_suite_bites(estimator, kind, bitten):
    outcomes = check_trials_estimator(estimator, kind=kind, on_fail="collect")
    failed = {o["check"] for o in outcomes if o["status"] == "failed"}
    passed = {o["check"] for o in outcomes if o["status"] == "passed"}
    assert bitten <= failed
    # It bites where there is something to bite, and nowhere else.
    assert {"check_fit_is_deterministic", "check_order_of_trials"} <= passed


def test_expected_failures_are_strict():
    passing = {"check_tags": "no reason: it passes"}
    with pytest.raises(AssertionError, match="expected to fail and passed"):
        check_trials_estimator(DelayEmbedding(), expected_failures=passing)
    failing = {"check_tags": "pyriemann sets no tags"}
    outcomes = check_trials_estimator(
        TangentSpace(), kind="matrices", expected_failures=failing, on_fail="collect"
    )
    status = {o["check"]: o["status"] for o in outcomes}
    assert status["check_tags"] == "xfail"
