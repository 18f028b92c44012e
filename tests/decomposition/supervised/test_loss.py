"""Logistic losses and covariates against scikit-learn and each other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    LabelLoss,
    ridge_logistic,
)
from tests.decomposition.supervised.problems import dense, nll, setting


@pytest.mark.parametrize("n_classes", [2, 4])
def test_ridge_logistic_equals_scikit_learn(n_classes):
    data, loss, _ = setting(n_classes=n_classes)
    X = dense(data)
    F = np.hstack([X, np.ones((len(X), 1))])
    penalty = np.r_[np.full(X.shape[1], 0.003), 0.0]
    start = np.zeros((loss.n_logits, len(penalty)))
    coef, _ = ridge_logistic(F, loss, penalty, start, max_iter=2000)
    oracle = LogisticRegression(C=1 / 0.006, tol=1e-10, max_iter=10_000)
    oracle.fit(X, loss.y, sample_weight=loss.weight)
    assert_allclose(coef[:, :-1], oracle.coef_, atol=2e-4)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_covariates_are_minimized_out(n_classes):
    data, loss, covariates = setting(n_classes=n_classes, q=3)
    S = data.forward(np.random.default_rng(0).standard_normal((loss.n_logits, 14)))
    coef, value, residual = covariates.solve(S, covariates.zeros(), 50)
    gradient = residual.T @ covariates.N + 2 * coef * covariates.penalty
    assert np.abs(gradient).max() < 1e-10
    assert_allclose(
        value, nll(S + covariates.N @ coef.T, loss) + covariates.ridge(coef)
    )
    covariates.newton = False  # the majorising steps agree with Newton's
    slow, _, _ = covariates.solve(S, covariates.zeros(), 3000)
    assert_allclose(slow, coef, atol=1e-6)


def test_newton_finds_all_digits():
    """Two ways to one minimum agree far beyond the root of the rounding error."""
    data, loss, covariates = setting(n_classes=3)
    S = data.forward(np.random.default_rng(0).standard_normal((3, 14)))
    one, _, _ = covariates.solve(S, covariates.zeros(), 50)
    rows = np.random.default_rng(1).permutation(len(S))
    shuffled = LabelLoss(loss.y[rows], 3, loss.weight[rows])
    other = CovariateModel.of_columns(
        shuffled, covariates.N[rows], covariates.penalty
    ).solve(S[rows], 0.5 + covariates.zeros(), 50)[0]
    other -= other.mean(axis=0)
    assert_allclose(other, one - one.mean(axis=0), atol=1e-12)
