"""How far it is from fit to the arithmetic: every frame is one more thing to read."""

import sys

import numpy as np
import pytest

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    RecenteredCovarianceClassifier,
    TangentMap,
)
from skgeo.testing import make_trials

CASES = [
    AugmentedCovariances(2, 1),
    AugmentedCovarianceClassifier(),
    AugmentedCovarianceClassifier(sfreq=100.0, band=(4.0, 40.0)),
    AugmentedCovarianceClassifier(2, 1, selection=None, method="mdm"),
    RecenteredCovarianceClassifier(),
    AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(1,)),
]


def frames_to_products(estimator, *args):
    """Frames of skgeo and its helpers between fit and the first lagged product."""
    depths = []

    def stop(frame, event, argument):
        name = frame.f_code.co_filename.replace("\\", "/")
        numerics = name.endswith(("_solvers/lagged.py", "_solvers/covariances.py"))
        names = {"augmented_scatter", "lag_blocks", "build"}
        if event == "call" and numerics and frame.f_code.co_name in names:
            count, inner = 1, frame
            while inner.f_back is not None and inner.f_back.f_code is not here:
                inner = inner.f_back
                # scikit-learn wraps fit where there are callbacks.
                count += "sklearn/callback" not in inner.f_code.co_filename
            depths.append(count)

    def call():
        estimator.fit(*args)

    here = call.__code__
    sys.setprofile(stop)
    try:
        call()
    finally:
        sys.setprofile(None)
    return min(depths)


@pytest.mark.parametrize("estimator", CASES, ids=lambda e: type(e).__name__)
def test_arithmetic_is_at_most_nine_frames_below_fit(estimator):
    X, y = make_trials(20, 3, 120)
    assert frames_to_products(estimator, X, y) <= 9


def test_tangent_map_is_near_its_arithmetic():
    C = AugmentedCovariances(2, 1).fit_transform(make_trials()[0])
    depths = []

    def watch(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "log_maps":
            count, inner = 1, frame
            while inner.f_back is not None and inner.f_code.co_name != "fit":
                inner, count = inner.f_back, count + 1
            depths.append(count)

    sys.setprofile(watch)
    try:
        TangentMap().fit(np.asarray(C))
    finally:
        sys.setprofile(None)
    assert depths[0] <= 5
