"""Rejection of bad trials, against pyriemann's potato."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pyriemann.estimation import Covariances

try:
    from pyriemann.artifact_detection import Potato
except ImportError:  # pyriemann < 0.12
    from pyriemann.clustering import Potato

from skgeo.eeg import AugmentedCovarianceClassifier, StreamDecoder, TrialRejector


def with_artifacts(n=100, n_bad=15, seed=0):
    """Trials of which some have a blink, a jaw or a loose electrode."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = np.random.default_rng(9).standard_normal((4, 4)) @ (
        rng.standard_normal((n, 4, 250)) * np.exp(0.1 * rng.standard_normal((n, 4, 1)))
    )
    X[y == 1] = np.diag([1.3, 1.0, 1.0, 0.8]) @ X[y == 1]
    t = np.arange(250) / 125.0
    bad = rng.choice(n, n_bad, replace=False)
    for i, trial in enumerate(bad):
        if i % 3 == 0:
            X[trial, 0] += 12 * np.exp(-((t - 1.0) ** 2) / 0.02)
        elif i % 3 == 1:
            jaw = rng.standard_normal(250)
            X[trial, :2] += 4 * np.diff(jaw, prepend=0.0)
        else:
            X[trial, 3] += 8 * np.sin(2 * np.pi * 50 * t + i)
    clean = np.ones(n, dtype=bool)
    clean[bad] = False
    return X, y, clean


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("bands", [None, ((1.0, 8.0), (8.0, 30.0), (30.0, 60.0))])
def test_bad_trials_are_found(order, bands):
    X, _, clean = with_artifacts()
    params = {} if bands is None else {"bands": bands, "sfreq": 125.0}
    if order > 1:
        params.update(order=order, lag=3)
    rejector = TrialRejector(**params).fit(X)
    found = rejector.predict(X)
    assert (~found[~clean]).mean() > 0.9
    assert found[clean].mean() > 0.9
    assert_array_equal(rejector.kept_, found)
    assert_array_equal(rejector.sample_weight(X), found.astype(float))
    fresh, _, fresh_clean = with_artifacts(seed=1)
    assert (rejector.predict(fresh) == fresh_clean).mean() > 0.85


def test_a_fifth_of_bad_trials_is_where_the_potato_gives_way():
    X, _, clean = with_artifacts(100, 30)
    C = Covariances("oas").transform(X)
    theirs = Potato(threshold=3).fit(C).predict(C) == 1
    ours = TrialRejector().fit(X).predict(X)
    assert (ours == clean).mean() >= (theirs == clean).mean()
    assert (ours == clean).mean() > 0.9


def test_weights_help_a_classifier():
    X, y, clean = with_artifacts(80, 20)
    X_test, y_test, test_clean = with_artifacts(80, 5, seed=1)
    weight = TrialRejector().fit(X).sample_weight(X)
    model = AugmentedCovarianceClassifier(1, 1, selection=None, method="mdm")
    plain = model.fit(X, y).score(X_test[test_clean], y_test[test_clean])
    weighted = model.fit(X, y, weight).score(X_test[test_clean], y_test[test_clean])
    assert weighted >= plain
    assert weight[clean].mean() > 0.9


def test_flat_trials_are_bad_and_too_many_are_told():
    X, _, _ = with_artifacts(40, 0)
    X[3] = 1.0
    rejector = TrialRejector().fit(X)
    assert not rejector.predict(X)[3]
    assert rejector.transform(X)[3, 0] == 1000.0
    assert rejector.predict(X[4:]).mean() > 0.9
    X[:25] = 0.0
    with pytest.warns(UserWarning, match="25 of 40"):
        TrialRejector().fit(X)
    with pytest.raises(ValueError, match="fewer than 2"):
        TrialRejector().fit(np.zeros((3, 2, 50)))
    with pytest.raises(ValueError, match="give sfreq"):
        TrialRejector(bands=((1.0, 4.0),)).fit(X)


def test_in_a_stream():
    X, y, _ = with_artifacts(60, 0)
    model = AugmentedCovarianceClassifier().fit(X, y)
    rejector = TrialRejector().fit(X)
    signal = np.concatenate(list(X[:6]), axis=1)
    signal[2, 500:750] *= 20.0
    decoder = StreamDecoder(
        model, 125, window=2.0, step=2.0, band=None, rejector=rejector
    )
    decisions = decoder.push(signal)
    assert [d.reason for d in decisions] == ["", "", "rejected", "", "", ""]
    assert decisions[2].label is None
    assert "rejector=TrialRejector()" in repr(decoder)
