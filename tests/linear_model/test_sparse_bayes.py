"""SparseBayesianRegressor against dense formulas and invariances."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import null_space
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ARDRegression
from sklearn.model_selection import GridSearchCV

from skgeo.linear_model import SparseBayesianRegressor
from skgeo.linear_model._rvm import compress as compressed_rows
from skgeo.linear_model._rvm.evidence import SOLVERS, fit_evidence
from skgeo.linear_model._rvm.posterior import Problem


def problem(n=120, p=15, n_active=4, noise=0.5, seed=0, correlation=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    w = np.zeros(p)
    w[rng.choice(p, n_active, replace=False)] = rng.choice([-1, 1], n_active) * (
        rng.uniform(0.5, 2, n_active)
    )
    return X, X @ w + 3.0 + noise * rng.standard_normal(n), w


def dense_log_evidence(X, y, alpha, noise, intercept):
    """Log density of y, the flat intercept taken out by an orthonormal contrast."""
    cov = noise * np.eye(len(y)) + (X / alpha) @ X.T
    if not intercept:
        return multivariate_normal.logpdf(y, cov=cov)
    K = null_space(np.ones((1, len(y))))
    reduced = multivariate_normal.logpdf(K.T @ y, cov=K.T @ cov @ K)
    # The density per unit of intercept, not per unit length along the ones.
    return reduced - 0.5 * np.log(len(y))


def dense_posterior(X, y, alpha, noise):
    cov = np.linalg.inv(X.T @ X / noise + np.diag(alpha))
    return cov @ X.T @ y / noise, cov


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(60, 10), (25, 40)])
def test_evidence_and_posterior_are_those_of_the_dense_formula(
    shape, solver, intercept
):
    X, y, _ = problem(*shape, seed=3)
    y = y - 3.0 * (not intercept)
    model = SparseBayesianRegressor(solver=solver, fit_intercept=intercept).fit(X, y)
    kept = model.support_
    assert kept.any()
    alpha, noise = model.lambda_[kept], model.noise_variance_
    assert_allclose(model.alpha_, 1 / noise)
    expected = dense_log_evidence(X[:, kept], y, alpha, noise, intercept)
    assert_allclose(model.log_evidence_, expected, rtol=1e-10)
    cost = 1.0 if shape[1] < shape[0] / 2 else np.log(shape[1])
    assert_allclose(model.objective_[-1], expected - cost * np.sum(kept), rtol=1e-10)
    center = X[:, kept].mean(axis=0) * intercept
    mean, cov = dense_posterior(
        X[:, kept] - center, y - y.mean() * intercept, alpha, noise
    )
    assert_allclose(model.coef_[kept], mean, rtol=1e-9)
    assert_allclose(model.sigma_, cov, rtol=1e-8, atol=1e-12 * cov.max())
    assert_allclose(model.coef_std_[kept], np.sqrt(np.diag(cov)), rtol=1e-8)
    new = np.random.default_rng(1).standard_normal((5, shape[1]))
    y_mean, y_std = model.predict(new, return_std=True)
    assert_allclose(y_mean, new[:, kept] @ mean + model.intercept_, rtol=1e-9)
    Z = new[:, kept] - center
    variance = noise * (1 + intercept / len(y)) + np.einsum("ij,jk,ik->i", Z, cov, Z)
    assert_allclose(y_std, np.sqrt(variance), rtol=1e-9)


def plain_fixed_point(X, y, n_iter=20_000):
    """MacKay's iteration, dense, nothing pruned until alpha is 1e12."""
    n = len(y)
    alpha, noise = np.ones(X.shape[1]), 0.1 * np.var(y)
    kept = np.arange(X.shape[1])
    for _ in range(n_iter):
        mean, cov = dense_posterior(X[:, kept], y, alpha, noise)
        gamma = np.clip(1 - alpha * np.diag(cov), 1e-15, 1)
        new = gamma / mean**2
        noise = np.sum((y - X[:, kept] @ mean) ** 2) / (n - gamma.sum())
        stay = new < 1e12
        done = stay.all() and np.abs(np.log(new / alpha)).max(initial=0) < 1e-9
        kept, alpha = kept[stay], new[stay]
        if done:
            break
    return dense_log_evidence(X[:, kept], y, alpha, noise, False)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(4))
def test_evidence_is_that_of_a_plain_fixed_point(seed, solver):
    X, y, _ = problem(200, 12, seed=seed, correlation=0.3)
    y = y - 3.0
    model = SparseBayesianRegressor(
        solver=solver, min_gain=0.0, fit_intercept=False, tol=1e-10
    ).fit(X, y)
    assert_allclose(model.log_evidence_, plain_fixed_point(X, y), rtol=1e-6)


@pytest.mark.parametrize("shape", [(200, 30), (60, 15)])
def test_solvers_that_differ_are_at_two_maxima(shape):
    # Strongly correlated columns: what differs is the maximum, not the objective. Each
    # solver stays where the other stopped.
    differ = 0
    for seed in range(8):
        X, y, _ = problem(*shape, seed=seed, correlation=0.95)
        reduced = compressed_rows.compress(X, y[:, None])
        given = Problem(
            reduced.design, reduced.target[0], reduced.unexplained[0], reduced.n
        )
        fits = {name: fit_evidence(given, name) for name in SOLVERS}
        one, two = fits["sequential"], fits["fixed_point"]
        gap = abs(one.objective[-1] - two.objective[-1])
        same = np.array_equal(one.active, two.active)
        assert (gap < 1e-6) == same
        differ += not same
        for other in fits.values():
            a = other.precision * other.noise_variance
            again = fit_evidence(given, "sequential", start=(other.active, a))
            assert_allclose(again.objective[-1], other.objective[-1], atol=1e-6)
            assert_array_equal(again.active, other.active)
            assert fits["search"].objective[-1] >= other.objective[-1] - 0.5
    assert differ <= 4


@pytest.mark.parametrize("noise", [None, 0.3])
@pytest.mark.parametrize("solver", SOLVERS)
def test_no_change_of_one_hyperparameter_raises_the_evidence(solver, noise):
    X, y, _ = problem(40, 12, seed=5, correlation=0.5)
    y = y - 3.0
    model = SparseBayesianRegressor(
        solver=solver, min_gain=0, fit_intercept=False, noise_variance=noise, tol=1e-12
    ).fit(X, y)
    if noise is not None:
        assert_allclose(model.noise_variance_, noise, rtol=1e-12)
    variance = np.where(model.support_, 1 / model.lambda_, 0.0)

    def evidence(variance, s2):
        cov = s2 * np.eye(len(y)) + (X * variance) @ X.T
        return multivariate_normal.logpdf(y, cov=cov)

    best = evidence(variance, model.noise_variance_)
    for j in range(X.shape[1]):
        for factor in (0.0, 0.5, 0.99, 1.01, 2.0):
            other = variance.copy()
            other[j] = factor * variance[j] if variance[j] else 1e-3 * factor
            assert evidence(other, model.noise_variance_) <= best + 1e-8
    if noise is None:
        for factor in (0.9, 0.99, 1.01, 1.1):
            assert evidence(variance, factor * model.noise_variance_) <= best + 1e-8


@pytest.mark.parametrize("min_gain", [0.0, "auto", "selection", 6.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_trace_rises_and_every_term_is_worth_its_cost(min_gain, solver):
    X, y, _ = problem(100, 40, seed=2)
    model = SparseBayesianRegressor(min_gain=min_gain, solver=solver).fit(X, y)
    assert max(1, len(model.objective_) - 1) == model.n_iter_
    assert (np.diff(model.objective_) > -1e-9).all()
    gains = []
    for j in np.flatnonzero(model.support_):
        kept = model.support_.copy()
        kept[j] = False
        alpha = model.lambda_[kept]
        without = dense_log_evidence(X[:, kept], y, alpha, model.noise_variance_, True)
        gains.append(model.log_evidence_ - without)
    cost = {"auto": 1.0, "selection": np.log(40)}.get(min_gain, min_gain)
    assert min(gains) >= cost - 1e-8
    expected = model.log_evidence_ - cost * len(gains)
    assert_allclose(model.objective_[-1], expected, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    exponents=st.lists(st.integers(-150, 150), min_size=8, max_size=8),
    y_exponent=st.integers(-150, 150),
    intercept=st.booleans(),
    solver=st.sampled_from(SOLVERS),
)
def test_units_do_not_matter(seed, exponents, y_exponent, intercept, solver):
    X, y, _ = problem(50, 8, seed=seed)
    units, y_unit = 1.7 * 10.0 ** np.array(exponents), 0.3 * 10.0**y_exponent
    model = SparseBayesianRegressor(solver=solver, fit_intercept=intercept)
    plain = clone(model).fit(X, y)
    scaled = clone(model).fit(X * units, y * y_unit)
    assert_array_equal(scaled.support_, plain.support_)
    assert_allclose(scaled.coef_ / y_unit * units, plain.coef_, rtol=1e-5, atol=1e-9)
    mean, std = plain.predict(X, return_std=True)
    scaled_mean, scaled_std = scaled.predict(X * units, return_std=True)
    assert_allclose(scaled_mean / y_unit, mean, rtol=1e-5, atol=1e-7)
    assert_allclose(scaled_std / y_unit, std, rtol=1e-5)


def test_ard_regression_depends_on_units_where_this_does_not():
    X, y, _ = problem(500, 20, seed=0)
    counts = {SparseBayesianRegressor: set(), ARDRegression: set()}
    for unit in (1e-4, 1.0, 1e4):
        for model in counts:
            counts[model].add(np.count_nonzero(model().fit(X * unit, y).coef_))
    assert len(counts[SparseBayesianRegressor]) == 1
    assert len(counts[ARDRegression]) > 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_weight_two_is_a_repeated_row_and_zero_none(solver):
    X, y, _ = problem(60, 9, seed=8)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    model = SparseBayesianRegressor(solver=solver)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    for name in ("coef_", "coef_std_", "noise_variance_", "intercept_"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-6)


def test_effective_rows_make_weights_relative():
    X, y, _ = problem(80, 6)
    one = SparseBayesianRegressor(effective_rows=80).fit(X, y, np.full(80, 1e-3))
    two = SparseBayesianRegressor().fit(X, y)
    assert_allclose(one.coef_, two.coef_)
    fewer = SparseBayesianRegressor(effective_rows=20).fit(X, y)
    kept = fewer.support_ & two.support_
    assert_allclose(fewer.coef_std_[kept], 2 * two.coef_std_[kept], rtol=0.15)
    with pytest.raises(ValueError, match="effective_rows"):
        SparseBayesianRegressor().fit(X, y, np.full(80, 1e-3))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(3), "shape"),
        (np.ones((80, 1)), "1D"),
        (-np.ones(80), "non-negative"),
        (np.zeros(80), "zero for every"),
        (np.full(80, np.nan), "finite"),
        (-1.0, "positive"),
    ],
)
def test_bad_weights(weight, message):
    X, y, _ = problem(80, 6)
    with pytest.raises(ValueError, match=message):
        SparseBayesianRegressor().fit(X, y, sample_weight=weight)


def test_targets_share_nothing_but_the_factorization():
    X, y, _ = problem(90, 11)
    Y = np.column_stack([y, -2 * y, np.roll(y, 7)])
    joint = SparseBayesianRegressor().fit(X, Y)
    mean, std = joint.predict(X, return_std=True)
    for t in range(3):
        single = SparseBayesianRegressor().fit(X, Y[:, t])
        for name in ("coef_", "coef_std_", "lambda_", "intercept_", "log_evidence_"):
            assert_allclose(getattr(joint, name)[t], getattr(single, name), rtol=1e-6)
        assert_allclose(joint.objective_[t], single.objective_, rtol=1e-9)
        one_mean, one_std = single.predict(X, return_std=True)
        assert_allclose(mean[:, t], one_mean, rtol=1e-6, atol=1e-9)
        assert_allclose(std[:, t], one_std, rtol=1e-6)


def test_fewer_false_terms_than_ard():
    false = {SparseBayesianRegressor: 0, ARDRegression: 0}
    for seed in range(5):
        X, y, w = problem(300, 60, seed=seed, noise=1.0)
        for model in false:
            parameters = (
                {"min_gain": "selection"} if model is SparseBayesianRegressor else {}
            )
            found = model(**parameters).fit(X, y).coef_ != 0
            assert found[w != 0].all()
            false[model] += np.count_nonzero(found[w == 0])
    assert false[SparseBayesianRegressor] <= 1
    assert false[ARDRegression] > 20


def test_thresholds():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 6)) * np.array([1, 1, 100, 1, 1, 1])
    y = X @ np.array([2.0, 0.005, 0.01, 0, 0, 0]) + 1e-3 * rng.standard_normal(5000)

    def kept(**parameters):
        model = SparseBayesianRegressor(min_gain="selection", **parameters).fit(X, y)
        return np.flatnonzero(model.support_).tolist()

    assert kept() == [0, 1, 2]
    assert kept(threshold_lambda=1e4) == [0, 2]  # contributes 0.2 % of the target
    assert kept(min_coef=0.1) == [0]
    assert kept(min_coef=0.1, solver="fixed_point") == [0]


def test_small_residuals_are_seen():
    # A Gram matrix would lose a residual of 1e-9 of the target.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 10))
    noise = rng.standard_normal(400)
    y = 5 * X[:, 1] - X[:, 6] + 1e-9 * noise
    model = SparseBayesianRegressor(fit_intercept=False).fit(X, y)
    assert_array_equal(np.flatnonzero(model.support_), [1, 6])
    assert_allclose(np.sqrt(model.noise_variance_), 1e-9, rtol=0.1)
    assert_allclose(model.coef_[[1, 6]], [5, -1], atol=1e-9)


def test_gram_and_householder_give_the_same_triangle(monkeypatch):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((3000, 7)) + 5, rng.standard_normal((3000, 2))
    weight = rng.uniform(0.1, 2, 3000)
    fast = compressed_rows.compress(X, Y, weight)
    monkeypatch.setattr(compressed_rows, "_MAX_COND", 0.0)
    slow = compressed_rows.compress(X, Y, weight)
    for one in (fast, slow):
        assert_allclose(np.sum(one.design**2, axis=1), 1.0)
        assert_allclose(one.unexplained + np.sum(one.target**2, axis=1), 1.0)
    assert_allclose(
        fast.design @ fast.design.T, slow.design @ slow.design.T, atol=1e-12
    )
    assert_allclose(
        fast.design @ fast.target.T, slow.design @ slow.target.T, atol=1e-12
    )
    Z = X - np.average(X, axis=0, weights=weight)
    correlation = (Z * weight[:, None]).T @ Z
    scale = np.sqrt(np.diag(correlation))
    assert_allclose(
        slow.design @ slow.design.T, correlation / scale / scale[:, None], atol=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 60), log_cond=st.floats(0, 6))
def test_condition_is_estimated_well_enough(seed, n, log_cond):
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    R = np.linalg.qr(U * np.geomspace(1, 10.0**-log_cond, n) @ V)[1]
    true, found = np.linalg.cond(R), compressed_rows._condition(R)
    assert true / 2 < found < true * (1 + 1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("kind", ["plain", "sorted", "offset", "units", "jump"])
def test_one_pass_equals_the_careful_one(monkeypatch, kind, intercept, weighted):
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((3000, 6)), rng.standard_normal((3000, 2))
    Y += X[:, :2]
    # Cases that the single pass may do, and cases that it has to hand on.
    if kind == "sorted":
        X.sort(axis=0)
        X += 0.1 * rng.standard_normal(X.shape)
    elif kind == "offset":
        X += 1e9
    elif kind == "units":
        X *= 10.0 ** np.array([-160, 0, 160, 3, -3, 0])
    elif kind == "jump":
        X[1500:] += 1e3  # the spread is one of means
    weight = rng.uniform(0.1, 2, 3000) if weighted else None
    fast = compressed_rows.compress(X, Y, weight, intercept)
    monkeypatch.setattr(compressed_rows, "_MAX_RMS", 1e-300)
    slow = compressed_rows.compress(X, Y, weight, intercept)
    for name in ("x_mean", "x_scale", "y_mean", "y_scale", "unexplained"):
        assert_allclose(getattr(fast, name), getattr(slow, name), rtol=1e-8, atol=1e-15)
    for left, right in ((fast.design, fast.design), (fast.design, fast.target)):
        other = slow.target if right is fast.target else slow.design
        assert_allclose(left @ right.T, slow.design @ other.T, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_degenerate_columns_and_targets(solver):
    X, y, _ = problem(100, 5, n_active=2)
    X = np.column_stack([X, np.full(100, 1e8), X[:, 1], np.zeros(100)])
    model = SparseBayesianRegressor(solver=solver).fit(X, y)
    assert model.coef_[5] == 0
    assert model.coef_[7] == 0
    assert np.count_nonzero(model.support_[[1, 6]]) <= 1  # copies are not both kept
    for constant in (0.0, -7.3, 1e150):
        flat = SparseBayesianRegressor(solver=solver).fit(X, np.full(100, constant))
        assert not flat.support_.any()
        assert_allclose(flat.predict(X), constant)
        assert np.isfinite(flat.log_evidence_)
        assert np.isfinite(flat.predict(X, return_std=True)[1]).all()
    empty = SparseBayesianRegressor(solver=solver).fit(X[:, 5:6], y)
    assert_allclose(empty.predict(X[:, 5:6]), y.mean())


def test_noise_is_seldom_kept():
    rng = np.random.default_rng(1)
    kept = 0
    for _ in range(60):
        X, y = rng.standard_normal((100, 20)), rng.standard_normal(100)
        model = SparseBayesianRegressor(min_gain="selection").fit(X, y)
        kept += model.support_.any()
    assert kept <= 9  # about one fit in twenty


def test_exact_data_stop_at_the_floor():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 6))
    model = SparseBayesianRegressor(min_gain="selection").fit(X, X[:, 2] * 4)
    assert_array_equal(np.flatnonzero(model.support_), [2])
    assert_allclose(model.coef_[2], 4)
    assert 0 < model.noise_variance_ < 1e-20


def test_max_iter_warns_and_grid_search_runs():
    X, y, _ = problem(60, 20)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model = SparseBayesianRegressor(max_iter=2).fit(X, y)
    assert model.n_iter_ == 2
    assert not model.converged_
    grid = {"min_gain": [0.0, "selection", 50.0], "solver": list(SOLVERS)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(SparseBayesianRegressor(), grid, cv=3).fit(X, y)
    assert search.best_params_["min_gain"] == "selection"


@pytest.mark.parametrize(
    "bad", [{"solver": "em"}, {"min_gain": -1}, {"noise_variance": 0.0}, {"tol": "x"}]
)
def test_bad_parameters(bad):
    X, y, _ = problem(20, 5)
    with pytest.raises(ValueError, match=next(iter(bad))):
        SparseBayesianRegressor(**bad).fit(X, y)
