"""Many trials: machines on coordinates, memory in proportion, accuracy."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.svm import LinearSVC

from skgeo.eeg import AugmentedCovarianceClassifier
from skgeo.eeg import _heads as heads
from skgeo.eeg._solvers.squared_hinge import squared_hinge_machine
from skgeo.testing import make_trials


@pytest.mark.parametrize("C", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("separable", [False, True])
def test_squared_hinge_against_liblinear(C, separable):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((300, 12))
    positive = Z[:, 0] + (0 if separable else 1) * rng.standard_normal(300) > 0.4
    weight = rng.uniform(0.2, 2.0, 300)
    weight[:20] = 0.0
    w, b = squared_hinge_machine(Z, positive, weight, C)
    # A large scale of the constant feature leaves liblinear's intercept free.
    theirs = LinearSVC(C=C, dual=False, tol=1e-10, intercept_scaling=1e3, max_iter=5000)
    theirs.fit(Z, positive, sample_weight=weight)
    assert_allclose(w, theirs.coef_[0], rtol=1e-3, atol=1e-4 * np.abs(w).max())
    assert_allclose(b, theirs.intercept_[0], rtol=1e-3, atol=1e-4)
    # The optimality condition itself.
    sign = np.where(positive, 1.0, -1.0)
    pull = 2 * C * weight * np.maximum(1 - sign * (Z @ w + b), 0) * sign
    assert_allclose(w, Z.T @ pull, atol=1e-4 * C * weight.sum())
    assert abs(pull.sum()) < 1e-5 * C * weight.sum()


@pytest.mark.parametrize("method", ["tangent-svm", "tangent-lr"])
def test_landmarks_beside_all_inner_products(method, monkeypatch):
    """Above 3,000 trials: how far the machine in the span of 500 is from the whole."""
    X, y = make_trials(900, 4, 120)
    X += 2.5 * np.random.default_rng(0).standard_normal(X.shape)
    train, test = slice(0, 600), slice(600, 900)
    model = AugmentedCovarianceClassifier(orders=(1, 2), lags=(1, 2), method=method)
    whole = model.fit(X[train], y[train])
    exact, score = whole.predict_proba(X[test]), whole.score(X[test], y[test])
    monkeypatch.setattr(heads, "MANY_TRIALS", 500)
    monkeypatch.setattr(heads, "N_LANDMARKS", 300)
    part = model.fit(X[train], y[train])
    agree = (part.predict(X[test]) == exact.argmax(1)).mean()
    assert agree > 0.9
    assert abs(part.score(X[test], y[test]) - score) < 0.05


def test_the_machine_makes_no_copy_of_its_coordinates():
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((20_000, 100))  # 16 MB
    positive = Z[:, 0] + rng.standard_normal(20_000) > 0
    tracemalloc.start()
    squared_hinge_machine(Z, positive, np.ones(20_000), 1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6
