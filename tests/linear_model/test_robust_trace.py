"""Robust trace regression: recovery, trust, invariances, degenerate input."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor, QuantileRegressor
from sklearn.metrics import r2_score

from skgeo.exceptions import InvalidParameterError, NotPositiveDefiniteError
from skgeo.linear_model import RobustTraceRegressor
from skgeo.linear_model._trace.descent import spectral_start, truncate
from skgeo.linear_model._trace.measurements import (
    Layout,
    degrees_of_freedom,
    prepare,
)


def make(p, q, rank, n, spoiled, seed, *, indefinite=False, offset=0.0, noise=0.0):
    """Gaussian matrices, low-rank targets, a share of gross outliers."""
    rng = np.random.default_rng(seed)
    symmetric = p == q
    left = np.linalg.qr(rng.standard_normal((p, rank)))[0] * np.linspace(1, 0.6, rank)
    if symmetric:
        side = np.where(np.arange(rank) % 2, -1, 1) if indefinite else 1
        M = (left * side) @ (left / np.linspace(1, 0.6, rank)).T
    else:
        M = left @ np.linalg.qr(rng.standard_normal((q, rank)))[0].T
    X = rng.standard_normal((n, p, q))
    if symmetric:
        X = (X + X.swapaxes(1, 2)) / 2
    y = np.einsum("nij,ij->n", X, M) + offset + noise * rng.standard_normal(n)
    out = rng.random(n) < spoiled
    y[out] += 10 * rng.standard_normal(out.sum())
    return X, y, M, out


def error(model, M):
    return np.linalg.norm(model.coef_ - M) / np.linalg.norm(M)


@pytest.mark.parametrize(
    ("shape", "rank", "n", "spoiled", "options"),
    [
        ((20, 20), 3, 600, 0.4, {"offset": 5.0}),
        ((20, 12), 2, 600, 0.4, {}),
        ((14, 14), 3, 400, 0.4, {"indefinite": True}),
        ((20, 20), 3, 300, 0.2, {}),
        ((12, 12), 1, 200, 0.3, {"offset": -2.0}),
    ],
)
def test_exact_recovery(shape, rank, n, spoiled, options):
    X, y, M, out = make(*shape, rank, n, spoiled, 40, **options)
    model = RobustTraceRegressor().fit(X, y)
    assert error(model, M) < 1e-6
    assert model.rank_ == rank
    assert model.intercept_ == pytest.approx(options.get("offset", 0.0), abs=1e-6)
    wrong = model.outliers_ != out
    # A spoiled target can by chance be spoiled by next to nothing.
    assert not wrong[~out].any()
    assert wrong.sum() <= 1
    assert model.robust_score_ > 0.5
    left, right = model.factors_
    np.testing.assert_allclose(left @ right.T, model.coef_, atol=1e-12)


def test_surplus_directions_above_any_gap_are_cut():
    """With 40 % outliers every allowed rank kept a surplus direction on this draw."""
    X, y, M, _ = make(20, 20, 5, 600, 0.4, 206)
    model = RobustTraceRegressor().fit(X, y)
    assert error(model, M) < 1e-6
    assert model.rank_ == 5
    assert model.converged_
    first = model.path_[:, 1][np.cumsum(model.path_[:, 1] == 5) == 0]
    assert 20 in model.path_[: len(first), 0]  # no allowed rank found it by itself


def test_huber_fails_where_this_is_exact():
    X, y, M, _ = make(20, 20, 3, 600, 0.4, 42)
    rows, columns = np.triu_indices(20)
    half = X[:, rows, columns] * np.where(rows == columns, 1, 2)
    huber = HuberRegressor(alpha=0.0, max_iter=1000).fit(half, y)
    assert np.linalg.norm(huber.coef_ - M[rows, columns]) > 0.5 * np.linalg.norm(M)
    assert error(RobustTraceRegressor().fit(X, y), M) < 1e-6


def test_too_few_samples_are_not_trusted():
    for seed in (40, 41):
        X, y, _, _ = make(20, 20, 3, 100, 0.1, seed)
        with pytest.warns(ConvergenceWarning, match="may be wrong"):
            model = RobustTraceRegressor().fit(X, y)
        assert not model.converged_


def test_half_of_the_targets_spoiled_is_right_or_told():
    for seed in (50, 51):
        X, y, M, _ = make(20, 20, 3, 600, 0.5, seed)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = RobustTraceRegressor().fit(X, y)
        assert told or error(model, M) < 1e-6


def test_dense_noise():
    X, y, M, _ = make(20, 20, 3, 600, 0.1, 43, noise=0.1)
    model = RobustTraceRegressor().fit(X, y)
    assert error(model, M) < 0.06
    assert model.rank_ == 3
    assert model.scale_ == pytest.approx(0.1, rel=0.25)


def covariance_data(seed, spoiled, n=600):
    """Windows of 12 channels; the target is the power of one source minus another's."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((12, 12))
    power = np.exp(rng.standard_normal((n, 12)))
    S = rng.standard_normal((n, 12, 100)) * np.sqrt(power)[:, :, None]
    X = mixing @ S
    C = X @ X.swapaxes(1, 2) / 100
    w = np.linalg.inv(mixing)[:2]
    y = np.einsum("nij,ki,kj,k->n", C, w, w, [1.0, -0.5])
    clean = y.copy()
    out = rng.random(n) < spoiled
    y[out] += 10 * np.abs(rng.standard_normal(out.sum()))
    return C, y, clean


def test_covariances():
    for seed in (60,):
        C, y, clean = covariance_data(seed, 0.3)
        train, test = slice(0, 400), slice(400, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = RobustTraceRegressor(whiten=True).fit(C[train], y[train])
        assert model.score(C[test], clean[test]) > 0.98


@settings(max_examples=5, deadline=None)
@given(st.integers(-120, 120), st.integers(-120, 120), st.integers(0, 100))
def test_units_do_not_matter(a, b, seed):
    X, y, _, _ = make(6, 6, 1, 120, 0.2, seed, offset=1.0)
    options = {"max_iter": 300}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = RobustTraceRegressor(**options).fit(X, y)
        other = RobustTraceRegressor(**options).fit(X * 10.0**a, y * 10.0**b)
    np.testing.assert_allclose(
        other.predict(X * 10.0**a) / 10.0**b, plain.predict(X), rtol=1e-4, atol=1e-4
    )
    assert other.rank_ == plain.rank_
    np.testing.assert_array_equal(other.outliers_, plain.outliers_)


def test_flat_rows_are_matrices_with_a_shape():
    X, y, _, _ = make(8, 5, 1, 200, 0.2, 44)
    cube = RobustTraceRegressor().fit(X, y)
    flat = RobustTraceRegressor(shape=(8, 5)).fit(X.reshape(200, -1), y)
    np.testing.assert_allclose(flat.coef_, cube.coef_)
    np.testing.assert_allclose(flat.predict(X.reshape(200, -1)), cube.predict(X))


def test_vectors_are_least_absolute_deviations():
    rng = np.random.default_rng(45)
    X = rng.standard_normal((300, 6))
    y = X @ rng.standard_normal(6) + 0.3 * rng.standard_normal(300) + 1.0
    y[:60] += 50
    model = RobustTraceRegressor().fit(X, y)
    exact = QuantileRegressor(alpha=0.0).fit(X, y)
    assert model.coef_.shape == (6,)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=0.02)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=0.02)


def test_constant_and_mostly_constant_targets():
    X = np.random.default_rng(46).standard_normal((40, 4, 4))
    model = RobustTraceRegressor().fit(X, np.full(40, 3.0))
    assert model.rank_ == 0
    np.testing.assert_array_equal(model.predict(X), 3.0)
    assert not model.outliers_.any()
    y = np.full(40, 3.0)
    y[:10] = np.arange(10)
    with pytest.warns(ConvergenceWarning, match="half of the targets are equal"):
        model = RobustTraceRegressor().fit(X, y)
    np.testing.assert_array_equal(model.predict(X), 3.0)
    assert model.outliers_.sum() == 9


def test_no_relation_is_told():
    rng = np.random.default_rng(47)
    X, y = rng.standard_normal((300, 6, 6)), rng.standard_normal(300)
    with pytest.warns(ConvergenceWarning, match="explained poorly"):
        model = RobustTraceRegressor().fit(X, y)
    assert model.robust_score_ < 0.5


def test_symmetry():
    X, y, _, _ = make(8, 8, 1, 200, 0.2, 48)
    with pytest.warns(UserWarning, match="symmetric=True is used"):
        model = RobustTraceRegressor(symmetric=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, model.coef_.T)
    tilted = X + np.triu(np.ones((8, 8)), 1)
    with pytest.warns(UserWarning, match="symmetric parts"):
        RobustTraceRegressor(symmetric=True).fit(tilted, y)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 7, 7))  # square, not symmetric
    M = np.outer(rng.standard_normal(7), rng.standard_normal(7))
    model = RobustTraceRegressor().fit(X, np.einsum("nij,ij->n", X, M))
    assert error(model, M) < 1e-6


def test_messages():
    rng = np.random.default_rng(49)
    X, y = rng.standard_normal((30, 4, 3)), rng.standard_normal(30)
    with pytest.raises(InvalidParameterError, match="whiten"):
        RobustTraceRegressor(whiten=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match="not square"):
        RobustTraceRegressor(symmetric=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match="does not make 12 features"):
        RobustTraceRegressor(shape=(5, 3)).fit(X.reshape(30, 12), y)
    with pytest.raises(InvalidParameterError, match="2-D X"):
        RobustTraceRegressor(shape=(4, 3)).fit(X, y)
    singular = np.ones((30, 3, 3))
    with pytest.raises(NotPositiveDefiniteError, match="whiten"):
        RobustTraceRegressor(whiten=True).fit(singular, y)
    with pytest.warns(ConvergenceWarning, match="few for"):
        model = RobustTraceRegressor(max_iter=50).fit(X[:8], y[:8])
    with pytest.raises(ValueError, match="fitted with"):
        model.predict(np.zeros((2, 3, 4)))


def test_packing_is_an_isometry():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((2, 5, 5))
    A, B = A + A.T, B + B.T
    layout = Layout(5, 5, True)
    np.testing.assert_allclose(layout.pack(A) @ layout.pack(B), np.vdot(A, B))
    np.testing.assert_allclose(layout.unpack(layout.pack(A)), A)
    # Dimension of the manifold: rank of the tangent space at a random point.
    for rank in (1, 2, 3):
        F = rng.standard_normal((5, rank))
        tangents = [
            layout.pack(E @ F.T + F @ E.T)
            for E in np.eye(5 * rank).reshape(-1, 5, rank)
        ]
        assert np.linalg.matrix_rank(tangents) == degrees_of_freedom(rank, layout)


def test_step_is_the_gradient():
    X, y, _, _ = make(6, 4, 2, 80, 0.2, 3)
    problem = prepare(X, y, symmetric=False, whiten=False, fit_intercept=True)
    run = spectral_start(problem, 3, 1.0)

    def objective(left, right):
        fitted = problem.A @ (left @ right.T).ravel() + run.offset
        return np.abs(fitted - problem.t).mean()

    residual = problem.A @ run.matrix().ravel() + run.offset - problem.t
    gradient = (problem.A.T @ np.sign(residual)).reshape(6, 4) / len(residual)
    before = [run.left.copy(), run.right.copy()]
    run.step(gradient, 1e-7)
    moved = (before[0] - run.left) / 1e-7
    numeric = np.zeros_like(moved)
    for i in np.ndindex(*moved.shape):
        shift = np.zeros_like(moved)
        shift[i] = 1e-7
        up = objective(before[0] + shift, before[1])
        down = objective(before[0] - shift, before[1])
        numeric[i] = (up - down) / 2e-7
    np.testing.assert_allclose(moved, numeric, atol=1e-6)
    cut = truncate(problem, run, 1e9)
    np.testing.assert_allclose(cut.matrix(), run.matrix(), atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 0, 20), (4, 3, 0)])
def test_empty_matrices_are_refused(shape):
    with pytest.raises(ValueError, match="empty matrices"):
        RobustTraceRegressor().fit(np.zeros(shape), np.arange(4.0))


def test_one_sample_is_refused():
    for X in (np.ones((1, 2, 3)), np.ones((1, 3))):
        with pytest.raises(ValueError, match="minimum of 2"):
            RobustTraceRegressor().fit(X, [1.0])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_leaves_the_range_of_numbers_is_refused():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3, 2)), rng.standard_normal(8)
    with pytest.raises(ValueError, match="lower step_size or init_scale"):
        RobustTraceRegressor(step_size=1e90).fit(X, y)
    with pytest.raises(ValueError, match="exceed the range of float64"):
        RobustTraceRegressor().fit(X * 1e-310, y)
    with pytest.raises(ValueError, match="exceed the range of float64"):
        RobustTraceRegressor().fit(X * 1e300, y * 1e-150)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = RobustTraceRegressor().fit(X, X[:, 0, 0] * 2)
    with pytest.raises(ValueError, match="Predictions exceed"):
        model.predict(np.full((1, 3, 2), 1.7e308))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("size", [1e-300, 1e150, 1e300])
def test_score_is_free_of_units(size):
    X, y, *_ = make(6, 6, 1, 120, 0.1, 0)
    usual = RobustTraceRegressor(max_rank=2).fit(X, y)
    moved = RobustTraceRegressor(max_rank=2).fit(X, y * size)
    weight = np.linspace(0, 1, len(y))
    expected = r2_score(y, usual.predict(X), sample_weight=weight)
    np.testing.assert_allclose(usual.score(X, y, weight), expected, rtol=1e-12)
    np.testing.assert_allclose(moved.score(X, y * size, weight), expected, rtol=1e-6)
