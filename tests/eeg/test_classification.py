"""The classifiers against pyriemann and scikit-learn pipelines."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyriemann.classification import MDM, FgMDM
from pyriemann.tangentspace import TangentSpace
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skgeo.eeg import AugmentedCovarianceClassifier, AugmentedCovariances
from skgeo.testing import make_trials


@pytest.fixture(params=[2, 3])
def split(request):
    X, y = make_trials(n_trials=90, n_channels=4, n_classes=request.param)
    rng = np.random.default_rng(0)
    X += (
        1.5 * rng.standard_normal(X.shape) * np.exp(rng.standard_normal((90, 1, 1)) / 2)
    )
    return X[:60], y[:60], X[60:], y[60:]


def references(split, order, lag):
    X, y, X_test, _ = split
    covariances = AugmentedCovariances(order, lag)
    return covariances.fit_transform(X), y, covariances.transform(X_test)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("gamma", ["scale", "auto", 0.03])
def test_tangent_svm_equals_the_pipeline(split, kernel, gamma):
    C, y, C_test = references(split, 2, 3)
    peer = make_pipeline(
        TangentSpace(), SVC(C=0.7, kernel=kernel, gamma=gamma, tol=1e-6)
    ).fit(C, y)
    ours = AugmentedCovarianceClassifier(
        2, 3, C=0.7, kernel=kernel, gamma=gamma, selection=None
    )
    ours.fit(*split[:2])
    decision = peer.decision_function(C_test)
    assert_allclose(ours.decision_function(split[2]), decision, rtol=1e-5, atol=1e-5)
    assert_array_equal(ours.predict(split[2]), peer.predict(C_test))


def test_tangent_lr_equals_the_pipeline(split):
    C, y, C_test = references(split, 3, 2)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000)
    peer = make_pipeline(TangentSpace(), model).fit(C, y)
    ours = AugmentedCovarianceClassifier(
        3, 2, method="tangent-lr", C=0.5, selection=None
    ).fit(*split[:2])
    assert_allclose(ours.predict_proba(split[2]), peer.predict_proba(C_test), atol=1e-6)


def test_mdm_equals_pyriemann(split):
    C, y, C_test = references(split, 2, 3)
    peer = MDM().fit(C, y)
    ours = AugmentedCovarianceClassifier(2, 3, method="mdm", selection=None).fit(
        *split[:2]
    )
    assert_array_equal(ours.predict(split[2]), peer.predict(C_test))
    assert_allclose(ours.predict_proba(split[2]), peer.predict_proba(C_test), atol=1e-6)


def test_fgmdm_equals_pyriemann(split):
    C, y, C_test = references(split, 2, 3)
    ours = AugmentedCovarianceClassifier(2, 3, method="fgmdm", selection=None).fit(
        *split[:2]
    )
    if len(ours.classes_) == 2:
        peer = FgMDM().fit(C, y)
        assert_allclose(
            ours.predict_proba(split[2]), peer.predict_proba(C_test), atol=1e-6
        )
    # With more classes pyriemann also keeps the direction of the total mean, which at
    # the Riemannian mean is rounding noise: the projection has n_classes - 1 of them.
    assert len(ours._head.basis) == len(ours.classes_) - 1


def test_probabilities_are_calibrated_and_consistent(split):
    X, y, X_test, y_test = split
    ours = AugmentedCovarianceClassifier(2, 3, selection=None).fit(X, y)
    proba = ours.predict_proba(X_test)
    decision = ours.decision_function(X_test)
    if proba.shape[1] == 2:
        assert_array_equal(np.argsort(proba[:, 1]), np.argsort(decision))
        assert_array_equal(proba.argmax(1), ours.predict(X_test))
    uniform = np.full_like(proba, 1 / proba.shape[1])
    assert log_loss(y_test, proba) < log_loss(y_test, uniform)
    bare = AugmentedCovarianceClassifier(2, 3, probability=False, selection=None).fit(
        X, y
    )
    assert not hasattr(bare, "predict_proba")
    assert_array_equal(bare.decision_function(X_test), decision)


def test_order_one_is_plain_covariances(split):
    ours = AugmentedCovarianceClassifier(order=1, lag=7, selection=None).fit(*split[:2])
    other = AugmentedCovarianceClassifier(order=1, lag=1, selection=None).fit(
        *split[:2]
    )
    assert_array_equal(
        ours.decision_function(split[2]), other.decision_function(split[2])
    )


def test_class_weight_by_label():
    X, codes = make_trials(n_trials=30)
    y = np.array(["feet", "hands"])[codes]
    by_label = AugmentedCovarianceClassifier(
        class_weight={"hands": 3.0}, selection=None
    ).fit(X, y)
    explicit = make_pipeline(
        TangentSpace(),
        SVC(kernel="linear", class_weight={1: 3.0}, tol=1e-6),
    ).fit(AugmentedCovariances(4, 4).fit_transform(X), codes)
    C = AugmentedCovariances(4, 4).fit_transform(X)
    assert_allclose(
        by_label.decision_function(X),
        explicit.decision_function(C),
        rtol=1e-5,
        atol=1e-5,
    )
    with pytest.raises(ValueError, match=r"class_weight names .*arms"):
        AugmentedCovarianceClassifier(class_weight={"arms": 2.0}, selection=None).fit(
            X, y
        )


def test_longer_trials_can_be_predicted():
    X, y = make_trials(n_trials=30, n_times=100)
    longer, _ = make_trials(n_trials=30, n_times=300)
    ours = AugmentedCovarianceClassifier(2, 2, selection=None).fit(X, y)
    assert ours.n_times_in_ == 100
    assert (ours.predict(longer) == y).mean() > 0.8
    with pytest.raises(ValueError, match="leaves"):
        ours.predict(X[:, :, :3])


def test_singular_covariances_without_shrinkage_are_told():
    X, y = make_trials(n_channels=4)
    X -= X.mean(1, keepdims=True)
    with pytest.raises(ValueError, match="shrinkage='diagonal'"):
        AugmentedCovarianceClassifier(2, 2, shrinkage=None, selection=None).fit(X, y)


@pytest.mark.parametrize(
    ("n_classes", "n_channels", "params", "expected"),
    [
        (2, 3, {}, "tangent-lr"),
        (2, 8, {}, "tangent-lr"),
        (2, 9, {}, "tangent-svm"),
        (3, 3, {}, "tangent-svm"),
        (2, 3, {"kernel": "rbf"}, "tangent-svm"),
        (2, 3, {"selection": None}, "tangent-svm"),
        (2, 3, {"method": "tangent-svm"}, "tangent-svm"),
        (3, 9, {"method": "tangent-lr"}, "tangent-lr"),
    ],
)
def test_the_method_of_few_channels(n_classes, n_channels, params, expected):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((24, n_channels, 60)), np.arange(24) % n_classes
    X[y == 1, 0] *= 3.0
    small = {"orders": (1, 2), "lags": (2,)} if "selection" not in params else {}
    model = AugmentedCovarianceClassifier(**small, **params).fit(X, y)
    assert model.method_ == expected
    named = AugmentedCovarianceClassifier(**small, **{**params, "method": expected})
    assert_allclose(
        model.decision_function(X), named.fit(X, y).decision_function(X), atol=1e-10
    )
    assert_allclose(model.predict_proba(X).sum(1), 1.0)
    silent = model.__class__(**small, **{**params, "probability": False})
    assert hasattr(silent.fit(X, y), "predict_proba") == (silent.method == "tangent-lr")
