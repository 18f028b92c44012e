"""Recentering of domains."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.metadata_routing import get_routing_for_object

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovariances,
    CovarianceRecentering,
    RecenteredCovarianceClassifier,
    TangentMap,
)
from skgeo.eeg._solvers.running_mean import RunningBuresMean
from skgeo.eeg._sources import MeanSettings, RecenteredTraining, Transport
from skgeo.testing import make_trials

PLAIN = {"metric": "riemann"}


@pytest.fixture(scope="module")
def domains():
    """Three people whose channels have other gains, and labels."""
    X, y = make_trials(120, 3, 150)
    X += 0.8 * np.random.default_rng(1).standard_normal(X.shape)
    subjects = np.repeat(["ann", "bob", "eve"], 40)
    gains = {"ann": (1.0, 3.0, 0.3), "bob": (0.2, 1.0, 2.0), "eve": (5.0, 0.2, 1.0)}
    for name, gain in gains.items():
        X[subjects == name] = np.diag(gain) @ X[subjects == name]
    return X, y, subjects


@pytest.mark.parametrize(
    "params",
    [
        {"selection": None},
        {"metric": "block-toeplitz", "selection": None},
        {"selection": "average", "orders": (1, 2), "lags": (1, 2)},
        {"method": "mdm", "selection": None},
        {"metric": "bures-wasserstein", "selection": None},
        {"metric": "bures-wasserstein", "selection": "average", "orders": (1, 2)},
        {"metric": "bures-wasserstein", "method": "fgmdm", "selection": None},
    ],
)
@pytest.mark.filterwarnings("ignore:.*Bures-Wasserstein geometry has no place")
def test_recentering_transfers(domains, params):
    X, y, subjects = domains
    source, target = subjects != "eve", subjects == "eve"
    same = params if params.get("metric") != "bures-wasserstein" else params | PLAIN
    plain = AugmentedCovarianceClassifier(2, 1, **same).fit(X[source], y[source])
    ours = RecenteredCovarianceClassifier(2, 1, **params).fit(
        X[source],
        y[source],
        subjects=subjects[source],
        X_target_unlabeled=X[target][:20],
    )
    assert_array_equal(ours.domains_, ["ann", "bob"])
    accuracy = ours.score(X[target][20:], y[target][20:])
    assert accuracy >= 0.8
    assert accuracy > plain.score(X[target][20:], y[target][20:]) + 0.1
    copy = pickle.loads(pickle.dumps(ours))
    assert_array_equal(copy.predict(X), ours.predict(X))


def test_without_metadata_it_is_the_plain_classifier(domains):
    X, y, subjects = domains
    one = subjects == "ann"
    plain = AugmentedCovarianceClassifier(2, 1, selection=None).fit(X[one], y[one])
    expected = plain.decision_function(X[one])
    for extra in ({}, {"subjects": subjects[one]}):
        ours = RecenteredCovarianceClassifier(2, 1, selection=None).fit(
            X[one], y[one], **extra
        )
        found = ours.decision_function(X[one])
        assert_allclose(found, expected, rtol=1e-3, atol=2e-3)


def test_each_domain_is_centered(domains):
    X, y, subjects = domains
    model = RecenteredCovarianceClassifier(2, 1, selection=None).fit(
        X, y, subjects=subjects
    )
    codes = np.unique(subjects, return_inverse=True)[1]
    training = RecenteredTraining(
        model._source.source,
        X,
        codes,
        np.ones(len(X)),
        None,
        MeanSettings("riemann", 1e-8),
    )
    (C,) = training.training()
    raw = AugmentedCovariances(2, 1).fit_transform(X)
    for k in range(3):
        mean = TangentMap().fit(C[codes == k]).reference_
        assert_allclose(mean, np.eye(6), atol=1e-6)
        # Distances inside a domain stay as they were.
        ours = TangentMap().fit_transform(C[codes == k])
        theirs = TangentMap().fit_transform(raw[codes == k])
        assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-6)


def test_weights_and_metadata(domains):
    X, y, subjects = domains
    weight = np.ones(len(X))
    weight[:10] = 0.0
    ours = RecenteredCovarianceClassifier(2, 1, selection=None).fit(
        X, y, weight, subjects=subjects
    )
    dropped = RecenteredCovarianceClassifier(2, 1, selection=None)
    dropped.fit(X[10:], y[10:], subjects=subjects[10:])
    assert_allclose(ours.decision_function(X), dropped.decision_function(X), atol=2e-3)
    with sklearn.config_context(enable_metadata_routing=True):
        routing = get_routing_for_object(RecenteredCovarianceClassifier())
        offered = {"subjects", "X_target_unlabeled", "X_target_labeled"}
        assert routing.consumes("fit", offered) == offered
    with pytest.raises(ValueError, match="subjects must hold one label per trial"):
        RecenteredCovarianceClassifier().fit(X, y, subjects=subjects[:-1])
    with pytest.raises(ValueError, match="X_target_unlabeled has 2 channels"):
        RecenteredCovarianceClassifier().fit(X, y, X_target_unlabeled=X[:, :2])


@pytest.fixture(
    scope="module",
    params=[
        (None, "riemann"),
        ("average", "riemann"),
        (None, "block-toeplitz"),
        (None, "bures-wasserstein"),
        ("average", "bures-wasserstein"),
    ],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def fitted(request, domains):
    X, y, subjects = domains
    source = subjects != "eve"
    params = dict(zip(("selection", "metric"), request.param, strict=True))
    if params["selection"] is None:
        params.update(order=2, lag=1)
    else:
        params.update(orders=(1, 2), lags=(1, 2))
    model = RecenteredCovarianceClassifier(**params)
    return model.fit(X[source], y[source], subjects=subjects[source])


def test_another_target_needs_no_fit(domains, fitted):
    X, y, subjects = domains
    eve = X[subjects == "eve"]
    source = subjects != "eve"
    anew = RecenteredCovarianceClassifier(**fitted.get_params()).fit(
        X[source], y[source], subjects=subjects[source], X_target_unlabeled=eve[:20]
    )
    model = pickle.loads(pickle.dumps(fitted)).set_target(eve[:20])
    assert_allclose(
        model.decision_function(eve), anew.decision_function(eve), atol=1e-9
    )
    labels = model.predict_target(eve)
    assert_array_equal(labels, model.set_target(eve).predict(eve))
    assert (labels == y[subjects == "eve"]).mean() > 0.8


def test_trial_by_trial(domains, fitted):
    X, y, subjects = domains
    eve, expected = X[subjects == "eve"], y[subjects == "eve"]
    model = pickle.loads(pickle.dumps(fitted))
    labels = model.predict_target(eve, mode="trialwise")
    assert (labels[20:] == expected[20:]).mean() > 0.8
    # The past does not depend on the future.
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict_target(eve[:13], mode="trialwise"), labels[:13])
    # A stream of all trials ends near their mean.
    batch = pickle.loads(pickle.dumps(fitted)).set_target(eve[:20])
    for trial in eve[20:]:
        batch.partial_fit(trial[None])
    whole = pickle.loads(pickle.dumps(fitted)).set_target(eve)
    gap = batch.decision_function(eve) - whole.decision_function(eve)
    assert np.abs(gap).max() < 0.15 * np.abs(whole.decision_function(eve)).max()


def test_few_labeled_trials_of_the_target(domains):
    X, y, subjects = domains
    source, target = subjects != "eve", np.flatnonzero(subjects == "eve")
    # Eve does the opposite: without labels nobody can know.
    flipped = 1 - y[target]
    known = target[:10]
    model = RecenteredCovarianceClassifier(2, 1, selection=None)
    params = {"subjects": subjects[source], "X_target_unlabeled": X[target]}
    without = model.fit(X[source], y[source], **params).score(
        X[target[10:]], flipped[10:]
    )
    params.update(X_target_labeled=X[known], y_target_labeled=flipped[:10])
    few = model.fit(
        X[source][:30],
        y[source][:30],
        subjects=subjects[source][:30],
        X_target_labeled=X[known],
        y_target_labeled=flipped[:10],
    )
    assert few.score(X[known], flipped[:10]) > few.score(X[known], y[known])
    assert without < 0.3
    with pytest.raises(ValueError, match="go together"):
        model.fit(X, y, X_target_labeled=X[:5])


def test_streams_adapt(domains, fitted):
    from skgeo.eeg import StreamDecoder

    X, _, subjects = domains
    signal = np.concatenate(list(X[subjects == "eve"]), axis=1)
    options = {"window": 1.5, "step": 1.5, "band": None}
    adapting = StreamDecoder(fitted, 100, **options, adapt=True)
    assert "adapt=True" in repr(adapting)
    before = fitted.decision_function(X[:5])
    labels = [d.label for d in adapting.push(signal)]
    expected = []
    model = pickle.loads(pickle.dumps(fitted))
    for trial in X[subjects == "eve"]:
        expected.append(model.predict(trial[None])[0])
        model.partial_fit(trial[None])
    assert labels == expected
    assert_array_equal(fitted.decision_function(X[:5]), before)
    with pytest.raises(ValueError, match="adapt=True needs"):
        StreamDecoder(
            AugmentedCovarianceClassifier().fit(X[:40], np.arange(40) % 2),
            100,
            adapt=True,
        )


def test_bures_wasserstein_moves_domains_as_the_transformer_does(domains):
    X, y, subjects = domains
    model = RecenteredCovarianceClassifier(
        2, 1, selection=None, metric="bures-wasserstein"
    )
    eve = X[subjects == "eve"]
    model.fit(X, y, subjects=subjects, X_target_unlabeled=eve)
    C = AugmentedCovariances(2, 1)
    transformer = CovarianceRecentering("bures-wasserstein", tol=1e-8)
    expected = transformer.fit(C.fit_transform(eve)).transform(C.transform(X[:5]))
    (found,) = model._source.each(X[:5])
    assert_allclose(found, expected, atol=1e-7)
    # A stream, too.
    model.partial_fit(X[:7])
    transformer.partial_fit(C.transform(X[:7]))
    (found,) = model._source.each(X[:5])
    assert_allclose(found, transformer.transform(C.transform(X[:5])), atol=1e-7)
    with pytest.raises(ValueError, match="metric"):
        AugmentedCovarianceClassifier(metric="bures-wasserstein").fit(X, y)


def test_trials_beyond_the_bures_wasserstein_geometry_are_told():
    mean = RunningBuresMean(2.0, "identity")
    C = np.array([np.diag([1.0, 4.0]), np.diag([1.0, 9.0]), np.diag([1.0, 1e-9])])
    mean.start(C[:2], np.ones(2))
    with pytest.warns(UserWarning, match="geometry has no place for them"):
        Transport(mean)(C)
