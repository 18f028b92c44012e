"""KroneckerSBLRegressor."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import MultiTaskLassoCV

from skgeo.linear_model import KroneckerSBLRegressor
from tests.linear_model.kron_problems import SOLVERS, nmse, regression


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(60, 30), (25, 40)])
def test_regressor_selects_features_and_outputs(shape, solver):
    X, Y, coef, features, outputs = regression(0, *shape)
    model = KroneckerSBLRegressor(
        solver=solver,
        min_gain=8.0,
        max_iter=1000,
        tol=1e-2 if solver == "am" else 1e-4,
    ).fit(X, Y)
    assert_array_equal(model.support_[0], features)
    assert_array_equal(model.support_[1], outputs)
    scale = X.std(axis=0)
    assert nmse(model.coef_ * scale, coef * scale) < 0.05
    assert_allclose(model.noise_variance_, 0.25, rtol=0.25)
    # Dense formulas with the fitted variances, intercept integrated out.
    g, q = np.kron(model.gammas_[1], model.gammas_[0]), Y.shape[1]
    s2, kept = (
        model.noise_variance_,
        np.flatnonzero(np.kron(model.gammas_[1], model.gammas_[0])),
    )
    A = np.kron(np.eye(q), X - X.mean(axis=0))[:, kept]
    cov = np.linalg.inv(A.T @ A / s2 + np.diag(1 / g[kept]))
    w = np.zeros(len(g))
    w[kept] = cov @ A.T @ (Y - Y.mean(axis=0)).T.ravel() / s2
    assert_allclose(model.coef_.ravel(), w, rtol=1e-6, atol=1e-9 * np.abs(w).max())
    new = X[:3] * 1.5
    mean, std = model.predict(new, return_std=True)
    R = np.kron(np.eye(q), new - X.mean(axis=0))[:, kept]
    variance = np.einsum("ij,jk,ik->i", R, cov, R).reshape(q, 3).T
    assert_allclose(std, np.sqrt(variance + s2 * (1 + 1 / len(X))), rtol=1e-6)
    assert_allclose(mean, new @ model.coef_.T + model.intercept_)


def test_regressor_with_output_patterns():
    rng = np.random.default_rng(4)
    factors = [rng.standard_normal((3, 4)), rng.standard_normal((4, 5))]
    X, Y, coef, features, _ = regression(1, 80, 20, 0.2, np.kron(*factors)[:, :12])
    model = KroneckerSBLRegressor(factors).fit(X, Y)
    assert_array_equal(model.support_[0], features)
    assert model.sparse_coef_.shape == (20, 20)
    assert_allclose(model.coef_, np.kron(*factors) @ model.sparse_coef_, atol=1e-12)
    assert model.score(X, Y) > 0.9
    assert nmse(model.coef_ * X.std(axis=0), coef * X.std(axis=0)) < 0.05
    with pytest.raises(ValueError, match="whose product is 12"):
        KroneckerSBLRegressor(factors).fit(X, Y[:, :5])
    with pytest.raises(ValueError, match="real"):
        KroneckerSBLRegressor([1j * np.eye(12)]).fit(X, Y)


def test_regressor_beats_multi_task_lasso():
    errors = {"kron": [], "lasso": []}
    for seed in range(3):
        X, Y, coef, _, _ = regression(seed, noise=1.0)
        X, coef = X / X.std(axis=0), coef * X.std(axis=0)
        errors["kron"].append(nmse(KroneckerSBLRegressor().fit(X, Y).coef_, coef))
        errors["lasso"].append(nmse(MultiTaskLassoCV(cv=5).fit(X, Y).coef_, coef))
    assert np.mean(errors["kron"]) < 0.5 * np.mean(errors["lasso"])


def test_regressor_units_and_one_output():
    X, Y, _, _, _ = regression()
    plain = KroneckerSBLRegressor().fit(X, Y[:, :3])
    units = 10.0 ** np.random.default_rng(0).integers(-120, 120, X.shape[1])
    scaled = KroneckerSBLRegressor().fit(X * units, 1e100 * Y[:, :3])
    assert_allclose(
        scaled.predict(X * units) / 1e100, plain.predict(X), rtol=1e-6, atol=1e-6
    )
    single = KroneckerSBLRegressor().fit(X, Y[:, 1])
    column = KroneckerSBLRegressor().fit(X, Y[:, 1:2])
    assert single.coef_.shape == (X.shape[1],)
    assert_allclose(single.coef_, column.coef_[0])
    mean, std = single.predict(X, return_std=True)
    assert mean.shape == std.shape == (len(X),)
    constant = clone(single).fit(X, np.full(len(X), 3.0))
    assert_allclose(constant.predict(X), 3.0)
    assert np.isfinite(constant.predict(X, return_std=True)[1]).all()


def test_weights_count_repetitions():
    X, Y, _, _, _ = regression(n=40, p=6)
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    one = KroneckerSBLRegressor().fit(X, Y, sample_weight=weights)
    other = KroneckerSBLRegressor().fit(X[repeated], Y[repeated])
    assert_allclose(one.coef_, other.coef_, rtol=1e-6, atol=1e-9)
    assert_allclose(one.noise_variance_, other.noise_variance_, rtol=1e-6)
    for a, b in zip(one.predict(X, return_std=True), other.predict(X, return_std=True),
                    strict=True):  # fmt: skip
        assert_allclose(a, b, rtol=1e-6)
    with pytest.warns(UserWarning, match="mean one"):
        small = KroneckerSBLRegressor().fit(X, Y, sample_weight=np.full(40, 1e-3))
    plain = KroneckerSBLRegressor().fit(X, Y)
    assert_allclose(small.coef_, plain.coef_, rtol=1e-6)
