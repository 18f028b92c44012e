"""Any trials into any estimator of trials: a finite answer or a helpful ValueError."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags

from skgeo.dynamics import HiPPOProjector
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    CovarianceRecentering,
    DelayEmbedding,
    ERPAugmentedCovariances,
    RecenteredCovarianceClassifier,
    TangentMap,
    TrialRejector,
)
from tests.integration.test_any_table import answers

ESTIMATORS = [
    DelayEmbedding(2, 2),
    ERPAugmentedCovariances(2),
    AugmentedCovariances(2, 2),
    AugmentedCovariances(2, 2, block_toeplitz=True),
    TangentMap(),
    TrialRejector(),
    CovarianceRecentering(),
    CovarianceRecentering("bures-wasserstein"),
    HiPPOProjector(4),
    HiPPOProjector(4, measure="legs", output="last"),
    AugmentedCovarianceClassifier(2, 2, selection=None),
    AugmentedCovarianceClassifier(2, 2, method="mdm", selection=None),
    AugmentedCovarianceClassifier(2, 2, metric="block-toeplitz", selection=None),
    AugmentedCovarianceClassifier(selection="average", orders=(1, 2), lags=(1, 2)),
    AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(1,), cv=2),
    RecenteredCovarianceClassifier(2, 2, selection=None),
    AugmentedCovarianceClassifier(sfreq=100.0, band=(5.0, 40.0)),
]

trials = st.fixed_dictionaries(
    {
        "content": st.sampled_from(
            ("normal", "ties", "constant", "repeated", "flat channel", "zeros", "twins")
        ),
        "n": st.integers(1, 12),
        "channels": st.integers(1, 4),
        "times": st.integers(1, 40),
        "exponent": st.sampled_from((-150, -30, -6, 0, 0, 30, 150)),
        "dtype": st.sampled_from(("float64", "float64", "float32", "int64")),
        "layout": st.sampled_from(("C", "F", "strided", "read-only")),
        "seed": st.integers(0, 2**16),
    }
)


def make(content, n, channels, times, exponent, dtype, layout, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, channels, times))
    if content == "ties":
        X = np.round(X)
    elif content == "constant":
        X = np.full_like(X, X[0, 0, 0])
    elif content == "repeated":
        X[:] = X[0]
    elif content == "flat channel":
        X[:, 0] = 1.0
    elif content == "zeros":
        X[:] = 0.0
    elif content == "twins":
        X[:, -1] = X[:, 0]
    if dtype == "int64":
        X = np.round(4 * X).astype(np.int64)
    elif dtype == "float32":
        X = (X * 10.0 ** (exponent / 5)).astype(np.float32)
    else:
        X = X * 10.0**exponent
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "strided":
        wide = np.zeros((2 * n, channels, 2 * times), dtype=X.dtype)
        wide[::2, :, ::2] = X
        X = wide[::2, :, ::2]
    elif layout == "read-only":
        X.setflags(write=False)
    return X, rng


def as_input(estimator, X):
    """Make matrices of the trials, without any estimator of ours, where asked for."""
    if not isinstance(estimator, (CovarianceRecentering, TangentMap)):
        return X
    with np.errstate(all="ignore"):
        return X @ np.swapaxes(X, 1, 2) / X.shape[-1]


def ask(estimator, X, y):
    model = clone(estimator)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            needs_y = is_classifier(model) or get_tags(model).target_tags.required
            model.fit(X, y) if needs_y else model.fit(X)
            return dict(answers(model, X))
        except ValueError as error:
            if len(str(error)) <= 20:
                raise AssertionError(f"{error!r} does not help") from error
            return None


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@given(trials)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
def test_finite_or_told(estimator, drawn):
    X, rng = make(**drawn)
    y = rng.integers(0, 2, len(X))
    for method, value in (ask(estimator, as_input(estimator, X), y) or {}).items():
        assert np.isfinite(value).all(), f"{method} is not finite"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("exponent", [-100, 0, 100])
def test_units_of_the_signal_are_accepted(estimator, exponent):
    X, _ = make("normal", 24, 3, 60, exponent, "float64", "C", 0)
    if isinstance(estimator, (CovarianceRecentering, TangentMap)):
        X = X * 10.0 ** (-exponent / 2)
    y = np.arange(24) % 2
    assert ask(estimator, as_input(estimator, X), y) is not None
