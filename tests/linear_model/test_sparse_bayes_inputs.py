"""Kernels, signs, sparse matrices, precision and extreme values of the regressor."""

import itertools
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import r2_score
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.model_selection import cross_val_score

from skgeo.exceptions import UnusedParameterWarning
from skgeo.linear_model import SparseBayesianClassifier, SparseBayesianRegressor
from skgeo.linear_model._rvm.compress import compress
from skgeo.linear_model._rvm.evidence import SOLVERS, fit_evidence
from skgeo.linear_model._rvm.posterior import Posterior, Problem


def waves(n=120, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n, 2))
    y = np.sin(X[:, 0]) + 0.5 * np.cos(2 * X[:, 1]) + 2
    return X, y + noise * rng.standard_normal(n), y


# -- kernels -------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["rbf", "polynomial"])
def test_kernels_are_columns_of_kernel_values(kernel):
    X, y, _ = waves()
    options = {"gamma": 0.4} | ({"degree": 4} if kernel == "polynomial" else {})
    function = {"rbf": rbf_kernel, "polynomial": polynomial_kernel}[kernel]
    K = function(X, X, **options)
    model = SparseBayesianRegressor(kernel=kernel, **options).fit(X, y)
    plain = SparseBayesianRegressor(min_gain=1.0).fit(K, y)
    given = SparseBayesianRegressor(kernel="precomputed").fit(K, y)
    kept = np.flatnonzero(plain.support_)
    assert 2 < len(kept) < 60
    new = np.random.default_rng(1).uniform(-3, 3, (20, 2))
    K_new = function(new, X, **options)
    expected, expected_std = plain.predict(K_new, return_std=True)
    for other, at in ((model, new), (given, K_new)):
        assert_array_equal(other.relevance_, kept)
        assert_allclose(other.dual_coef_, plain.coef_[None, kept])
        assert_allclose(other.lambda_, plain.lambda_[kept])
        assert_allclose(other.log_evidence_, plain.log_evidence_)
        mean, std = other.predict(at, return_std=True)
        assert_allclose(mean, expected, rtol=1e-9)
        assert_allclose(std, expected_std, rtol=1e-9)
        assert not hasattr(other, "coef_")
    assert_array_equal(model.relevance_vectors_, X[kept])
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(new), model.predict(new))


def test_rbf_kernel_learns_a_curve_from_few_vectors():
    X, y, truth = waves(300)
    model = SparseBayesianRegressor(kernel="rbf").fit(X, y)
    assert len(model.relevance_) <= 40
    assert np.sqrt(np.mean((model.predict(X) - truth) ** 2)) < 0.06
    assert SparseBayesianRegressor(kernel="rbf", min_gain=1.0).fit(
        X, y
    ).log_evidence_ == pytest.approx(model.log_evidence_)
    assert_allclose(np.sqrt(model.noise_variance_), 0.1, rtol=0.2)
    assert cross_val_score(SparseBayesianRegressor(kernel="rbf"), X, y).mean() > 0.95


def test_targets_share_the_list_of_relevance_vectors():
    X, y, _ = waves()
    Y = np.column_stack([y, X[:, 0] ** 2])
    joint = SparseBayesianRegressor(kernel="rbf", gamma=0.3).fit(X, Y)
    mean, std = joint.predict(X, return_std=True)
    assert joint.dual_coef_.shape == (2, len(joint.relevance_))
    for t in range(2):
        single = SparseBayesianRegressor(kernel="rbf", gamma=0.3).fit(X, Y[:, t])
        assert set(single.relevance_) <= set(joint.relevance_)
        one_mean, one_std = single.predict(X, return_std=True)
        assert_allclose(mean[:, t], one_mean, rtol=1e-7, atol=1e-9)
        assert_allclose(std[:, t], one_std, rtol=1e-7)


def test_no_relevance_vectors():
    X, _, _ = waves(40)
    model = SparseBayesianRegressor(kernel="rbf").fit(X, np.full(40, 3.0))
    assert model.relevance_.shape == (0,)
    assert_array_equal(model.predict(X), np.full(40, 3.0))


@pytest.mark.parametrize("kernel", ["rbf", "polynomial", "precomputed"])
def test_weights_in_kernel_space(kernel):
    X, y, _ = waves(60)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), weight)
    if kernel == "precomputed":
        A, B = rbf_kernel(X, X), rbf_kernel(X[rows], X[rows])
        new = (rbf_kernel(X, X), rbf_kernel(X, X[rows]))
    else:
        A, B, new = X, X[rows], (X, X)
    one = SparseBayesianRegressor(kernel=kernel).fit(A, y, sample_weight=weight)
    two = SparseBayesianRegressor(kernel=kernel).fit(B, y[rows])
    assert_array_equal(one.relevance_, rows[two.relevance_])
    assert_allclose(one.predict(new[0]), two.predict(new[1]), rtol=1e-6)


def test_kernel_parameters():
    X, y, _ = waves(40)
    scale = SparseBayesianRegressor(kernel="rbf").fit(X, y)
    same = SparseBayesianRegressor(kernel="rbf", gamma=1 / (2 * X.var())).fit(X, y)
    assert_allclose(scale.dual_coef_, same.dual_coef_)
    auto = SparseBayesianRegressor(kernel="rbf", gamma="auto").fit(X, y)
    half = SparseBayesianRegressor(kernel="rbf", gamma=0.5).fit(X, y)
    assert_allclose(auto.dual_coef_, half.dual_coef_)
    with pytest.warns(UnusedParameterWarning, match="gamma"):
        SparseBayesianRegressor(gamma=0.5).fit(X, y)
    with pytest.warns(UnusedParameterWarning, match="degree"):
        SparseBayesianRegressor(kernel="rbf", degree=2).fit(X, y)
    with pytest.raises(ValueError, match="square kernel matrix"):
        SparseBayesianRegressor(kernel="precomputed").fit(X, y)
    with pytest.raises(ValueError, match="kernel"):
        SparseBayesianRegressor(kernel="sigmoid").fit(X, y)


# -- signs ---------------------------------------------------------------------------


def collinear(seed, n=60, p=8):
    """Correlated columns, some of whose coefficients are negative."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ (np.eye(p) + 0.5 * rng.standard_normal((p, p)))
    return X, X[:, :5] @ [1, 2, 0.5, -1, -2] + 1 + rng.standard_normal(n)


@pytest.mark.parametrize("solver", SOLVERS)
def test_positive_coefficients(solver):
    for seed in range(10):
        X, y = collinear(seed)
        assert (SparseBayesianRegressor().fit(X, y).coef_ < 0).any()
        model = SparseBayesianRegressor(positive=True, solver=solver).fit(X, y)
        assert (model.coef_ >= 0).all()
        assert_array_equal(model.coef_ > 0, model.support_)


def test_positive_models_are_the_best_of_all_subsets():
    found, best = [], []
    for seed in range(6):
        X, y = collinear(seed)
        P = compress(X, y[:, None])
        given = (P.target[0], float(P.unexplained[0]), P.n)
        scores = [-np.inf]
        for bits in itertools.product([False, True], repeat=X.shape[1]):
            act = np.flatnonzero(bits)
            if not len(act):
                scores.append(Posterior(Problem(P.design, *given, cost=1.0)).score)
                continue
            # The evidence of exactly these columns: climb with no others to add.
            model = Posterior(
                Problem(P.design[act], *given, cost=1.0),
                np.arange(len(act)),
                np.full(len(act), 1e-3),
            ).climb()
            if (model.mu > 0).all():
                scores.append(model.score)
        problem = Problem(P.design, *given, cost=1.0, positive=True)
        found.append(fit_evidence(problem).objective[-1])
        best.append(max(scores))
    gaps = np.array(best) - np.array(found)
    assert (gaps > -1e-6).all()
    assert np.sum(gaps > 0.5) <= 1
    assert gaps.max() < 5


def test_positive_changes_nothing_where_all_are_positive():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 10))
    y = X @ np.array([1, 2, 0, 0, 0.5, 0, 0, 0, 3, 1.0]) + rng.standard_normal(200)
    free = SparseBayesianRegressor(min_gain="selection").fit(X, y)
    kept = SparseBayesianRegressor(min_gain="selection", positive=True).fit(X, y)
    assert_allclose(kept.coef_, free.coef_, rtol=1e-4)
    assert kept.log_evidence_ == pytest.approx(free.log_evidence_)
    none = SparseBayesianRegressor(positive=True).fit(X, -y)
    assert not (none.coef_ < 0).any()


# -- sparse matrices and precision -----------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_features(container, kernel, weighted):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((150, 20)) * (rng.random((150, 20)) < 0.2)
    y = X[:, 3] - 2 * X[:, 8] + 5 + 0.2 * rng.standard_normal(150)
    weight = rng.integers(0, 3, 150) if weighted else None
    model = SparseBayesianRegressor(kernel=kernel)
    dense = model.fit(X, y, sample_weight=weight).predict(X, return_std=True)
    again = SparseBayesianRegressor(kernel=kernel)
    again.fit(container(X), y, sample_weight=weight)
    other = again.predict(container(X), return_std=True)
    for one, two in zip(dense, other, strict=True):
        assert_allclose(one, two, rtol=1e-8, atol=1e-10)
    assert_allclose(again.predict(X), dense[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_single_precision_is_kept(kernel):
    rng = np.random.default_rng(3)
    X = (rng.standard_normal((200, 6)) + 1000).astype(np.float32)
    y = (X[:, 1] - X[:, 2] + 0.1 * rng.standard_normal(200)).astype(np.float32)
    single = SparseBayesianRegressor(kernel=kernel).fit(X, y)
    double = SparseBayesianRegressor(kernel=kernel).fit(X.astype(float), y)
    mean, std = single.predict(X, return_std=True)
    assert mean.dtype == std.dtype == np.float32
    coef = single.coef_ if kernel == "linear" else single.dual_coef_
    assert coef.dtype == np.float32
    expected, expected_std = double.predict(X.astype(float), return_std=True)
    assert expected.dtype == np.float64
    if kernel == "linear":
        assert_allclose(mean, expected, atol=1e-4)
        assert_allclose(std, expected_std, rtol=1e-3)


# -- extremes ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1e8, 0.1, -1e-300, 1e300, 3e-310])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_target_is_met_exactly(value, weighted):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4))
    weight = rng.uniform(0.1, 2, 30) if weighted else None
    y = np.full(30, value)
    model = SparseBayesianRegressor().fit(X, y, sample_weight=weight)
    assert model.intercept_ == value
    assert_array_equal(model.predict(X), y)
    assert model.score(X, y) == 1.0


def test_what_leaves_the_range_is_refused():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 4))
    y = X[:, 1] + 0.1 * rng.standard_normal(50)
    with pytest.raises(ValueError, match="exceed the range of float64"):
        SparseBayesianRegressor().fit(X * 1e-160, y * 1e200)
    with pytest.raises(ValueError, match="Column 0 of X spreads by"):
        SparseBayesianRegressor().fit(X * 1e-310, y)
    with pytest.raises(ValueError, match="Column 0 of y spreads by"):
        SparseBayesianRegressor().fit(X, y * 1e-310)
    with pytest.warns(UserWarning, match="noise_variance_.* exceed the range"):
        model = SparseBayesianRegressor().fit(X, y * 1e200)
    assert np.isfinite(model.predict(X, return_std=True)).all()
    with pytest.raises(ValueError, match="exceed the range of float32"):
        SparseBayesianRegressor().fit((X * 1e-30).astype(np.float32), y * 1e20)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    exponents=st.lists(st.integers(-320, 300), min_size=5, max_size=5),
    y_exponent=st.integers(-320, 300),
    mixed=st.booleans(),
    kernel=st.sampled_from(["linear", "rbf"]),
)
def test_right_or_refused(seed, exponents, y_exponent, mixed, kernel):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 5)) * (rng.random((40, 5)) < 0.8)
    y = X[:, 0] - X[:, 3] + 0.3 * rng.standard_normal(40)
    if mixed:  # rows of different magnitude
        X[::3] *= 1e-5
    units = 10.0 ** np.array(exponents)
    model, refusal = SparseBayesianRegressor(kernel=kernel), None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            model.fit(X * units, y * 10.0**y_exponent)
        except ValueError as error:
            refusal = str(error)
        else:
            mean, std = model.predict(X * units, return_std=True)
    if refusal is not None:
        assert "escale" in refusal
        return
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert np.isfinite(model.log_evidence_)
    error = mean / 10.0**y_exponent - y
    assert np.sqrt(np.mean(error**2)) < 1.05 * y.std()


@pytest.mark.parametrize("unit", [1e-280, 1e-160, 1.0, 1e150, 1e300])
def test_score_is_the_same_in_any_units(unit):
    X, y, _ = waves()
    Y = np.column_stack([y, y[::-1]])
    plain, scaled = SparseBayesianRegressor(), SparseBayesianRegressor()
    weight = np.arange(len(y)) % 3 + 0.5
    for target in (y, Y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of second moments
            plain.fit(X, target), scaled.fit(X, target * unit)
        expected = r2_score(target, plain.predict(X), sample_weight=weight)
        assert_allclose(plain.score(X, target, weight), expected)
        assert_allclose(scaled.score(X, target * unit, weight), expected)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        plain.score(X, Y[1:])


def test_score_of_a_constant_is_one():
    X = np.random.default_rng(0).standard_normal((30, 3))
    for value in (1e8, 0.1, 0.0, -1e300):
        y = np.full(30, value)
        assert SparseBayesianRegressor().fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize("scale", [1.0, 1e150])
def test_constant_columns_beside_more_columns_than_rows(scale):
    """The columns that vary are fewer than the rows, and lie anywhere among them."""
    rng = np.random.default_rng(0)
    X = np.ones((12, 25))
    varying = [1, 4, 9, 16, 24]
    X[:, varying] = rng.standard_normal((12, 5))
    y = scale * (X[:, 16] + 0.01 * rng.standard_normal(12))
    model = SparseBayesianRegressor().fit(X, y)
    assert_allclose(model.coef_[16] / scale, 1.0, atol=0.05)
    assert (np.delete(model.coef_, varying) == 0).all()


@pytest.mark.parametrize(
    "estimator", [SparseBayesianRegressor, SparseBayesianClassifier]
)
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.full(40, 1e300), "at most 1e"),
        (np.full(40, 1e308), "at most 1e"),
        (np.ones(40) + 1j, "real numbers"),
        (np.arange(40).astype("M8[D]"), "real numbers"),
    ],
)
def test_weights_that_are_no_counts_are_refused(estimator, weight, message):
    X = np.random.default_rng(0).standard_normal((40, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message):
            estimator().fit(X, np.arange(40) % 2, sample_weight=weight)


def test_weights_far_apart_up_to_the_limit():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    y = X[:, 0] + 0.1 * rng.standard_normal(40)
    many = SparseBayesianRegressor().fit(X, y, sample_weight=np.full(40, 1e18))
    np.testing.assert_allclose(
        many.coef_, np.linalg.lstsq(X - X.mean(0), y - y.mean())[0], rtol=1e-6
    )
    with pytest.raises(ValueError, match="effective_rows"):
        SparseBayesianRegressor(effective_rows=1e30).fit(X, y)


def test_dates_and_sparse_targets_are_refused():
    X = np.random.default_rng(0).standard_normal((40, 3))
    for y in (np.arange(40).astype("M8[D]"), np.arange(40).astype("m8[s]")):
        with pytest.raises(ValueError, match="dates or durations"):
            SparseBayesianRegressor().fit(X, y)
    with pytest.raises(TypeError, match="toarray"):
        SparseBayesianRegressor().fit(X, sparse.csr_matrix(X[:, :1]))


@pytest.mark.parametrize("weights", [{0: 0.0}, {0: -1.0}, {1: np.nan}, {1: np.inf}])
def test_class_weights_must_be_positive(weights):
    X = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.raises(ValueError, match="class_weight must hold positive"):
        SparseBayesianClassifier(class_weight=weights).fit(X, np.arange(40) % 2)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_a_tolerance_of_zero_is_a_number_like_others(kernel):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((25, 6))
    y = X[:, 0] - X[:, 2] + 0.1 * rng.standard_normal(25)
    fits = [SparseBayesianRegressor(kernel=kernel, tol=t).fit(X, y) for t in (0, 0.0)]
    np.testing.assert_array_equal(fits[0].predict(X), fits[1].predict(X))
