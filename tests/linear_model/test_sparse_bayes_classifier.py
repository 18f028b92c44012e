"""SparseBayesianClassifier against dense formulas, invariances and its peers."""

import itertools
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.datasets import load_breast_cancer, load_iris, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgeo.exceptions import UnusedParameterWarning
from skgeo.linear_model import SparseBayesianClassifier
from skgeo.linear_model._rvm import logistic
from skgeo.linear_model._sparse_bayes_classifier import _coupled


def two_classes(n=300, p=12, seed=0, units=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5
    w = np.zeros(p)
    w[[0, 1, 2] if p < 8 else [1, 4, 7]] = 1.5, -2.0, 1.0
    return X * units, (rng.random(n) < expit(X @ w - 0.5)).astype(int), w


def log_posterior(X, y, w, precision, weight):
    """Of coefficients and intercept (the last one), up to a constant."""
    signed = np.where(y > 0, 1, -1) * (X @ w[:-1] + w[-1])
    return weight @ log_expit(signed) - 0.5 * precision @ w[:-1] ** 2


def curvature(X, w, precision, weight):
    Z = np.column_stack([X, np.ones(len(X))])
    p = expit(Z @ w)
    return (Z * (weight * p * (1 - p))[:, None]).T @ Z + np.diag(
        np.append(precision, 0.0)
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_mode_and_evidence_are_those_of_the_dense_formula(weighted):
    X, y, _ = two_classes()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y)) if weighted else None
    model = SparseBayesianClassifier().fit(X, y, sample_weight=weight)
    weight = np.ones(len(y)) if weight is None else weight
    kept = model.support_[0]
    Z, precision = X[:, kept], model.lambda_[0, kept]
    w = np.append(model.coef_[0, kept], model.intercept_[0])
    found = minimize(
        lambda w: -log_posterior(Z, y, w, precision, weight), 0.5 * w, tol=1e-12
    ).x
    assert_allclose(w, found, atol=1e-4)
    H = curvature(Z, w, precision, weight)
    std = np.sqrt(np.diag(np.linalg.inv(H)))
    assert_allclose(model.coef_std_[0, kept], std[:-1], rtol=1e-6)
    expected = (
        log_posterior(Z, y, w, precision, weight)
        + 0.5 * np.log(precision).sum()
        - 0.5 * np.linalg.slogdet(H)[1]
        + 0.5 * np.log(2 * np.pi)
    )
    # The columns were centered: the same intercept prior, flat either way.
    assert_allclose(model.log_evidence_[0], expected, rtol=1e-8)
    assert_allclose(model.objective_[0][-1], expected - 1.0 * kept.sum(), rtol=1e-8)


def test_precisions_are_at_mackays_fixed_point():
    X, y, _ = two_classes(seed=3)
    model = SparseBayesianClassifier(tol=1e-8).fit(X, y)
    kept = model.support_[0]
    Z, precision = X[:, kept], model.lambda_[0, kept]
    w = np.append(model.coef_[0, kept], model.intercept_[0])
    cov = np.linalg.inv(curvature(Z, w, precision, np.ones(len(y))))
    gamma = 1 - precision * np.diag(cov)[:-1]
    assert_allclose(precision, gamma / w[:-1] ** 2, rtol=1e-4)


def test_probabilities_average_over_the_posterior():
    X, y, _ = two_classes(60, 5)
    model = SparseBayesianClassifier(min_gain=0.0).fit(X, y)
    kept = model.support_[0]
    Z = X[:, kept]
    w = np.append(model.coef_[0, kept], model.intercept_[0])
    cov = np.linalg.inv(curvature(Z, w, model.lambda_[0, kept], np.ones(len(y))))
    draws = np.random.default_rng(0).multivariate_normal(w, cov, 40_000)
    new = 3 * Z  # away from the data, where averaging matters
    logits = new @ draws[:, :-1].T + draws[:, -1]
    X_new = 3 * X
    assert_allclose(
        model.predict_proba(X_new)[:, 1], expit(logits).mean(axis=1), atol=0.02
    )
    plain = expit(X_new @ model.coef_[0] + model.intercept_[0])
    averaged = model.predict_proba(X_new)[:, 1]
    assert_allclose(expit(model.decision_function(X_new)), averaged)
    assert (np.abs(averaged - 0.5) <= np.abs(plain - 0.5) + 1e-12).all()


@pytest.mark.parametrize("solver", ["search", "thorough", "sequential", "fixed_point"])
def test_true_features_are_found(solver):
    found = []
    for seed in range(5):
        X, y, w = two_classes(600, 25, seed=seed)
        model = SparseBayesianClassifier(solver=solver, min_gain="selection")
        model.fit(X, y)
        assert model.converged_
        found.append(np.array_equal(model.support_[0], w != 0))
    assert sum(found) >= 4


def test_search_is_not_below_the_other_solvers():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        t = rng.uniform(0, 4, 300)
        X = np.column_stack([t, t**2, t**3])
        roots = rng.uniform(0.5, 3.5, 3)
        y = rng.random(300) < expit(6 * np.prod([t - r for r in roots], axis=0))
        score = {
            solver: SparseBayesianClassifier(solver=solver).fit(X, y).objective_[0][-1]
            for solver in ("search", "sequential", "fixed_point")
        }
        assert score["search"] >= max(score.values()) - 0.5


def test_units_do_not_matter():
    units = 10.0 ** np.arange(-6, 6)
    X, y, _ = two_classes()
    plain = SparseBayesianClassifier().fit(X, y)
    scaled = SparseBayesianClassifier().fit(X * units, y)
    assert_array_equal(plain.support_, scaled.support_)
    assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-4)
    assert_allclose(scaled.lambda_ / units**2, plain.lambda_, rtol=1e-3)
    assert_allclose(scaled.predict_proba(X * units), plain.predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "precomputed"])
def test_weights_are_repeats(kernel):
    X, y, _ = two_classes(80, 4)
    weight = np.random.default_rng(2).integers(0, 4, 80)
    rows = np.repeat(np.arange(80), weight)
    if kernel == "precomputed":
        A, B = rbf_kernel(X, X), rbf_kernel(X[rows], X[rows])
        at = rbf_kernel(X, X), rbf_kernel(X, X[rows])
    else:
        A, B, at = X, X[rows], (X, X)
    one = SparseBayesianClassifier(kernel=kernel).fit(A, y, sample_weight=weight)
    two = SparseBayesianClassifier(kernel=kernel).fit(B, y[rows])
    assert_allclose(one.predict_proba(at[0]), two.predict_proba(at[1]), rtol=1e-5)


def test_class_weights_multiply_sample_weights():
    X, y, _ = two_classes(200, 5)
    given = SparseBayesianClassifier(class_weight={0: 2.0, 1: 0.5}).fit(X, y)
    same = SparseBayesianClassifier().fit(X, y, sample_weight=np.where(y, 0.5, 2.0))
    assert_allclose(given.coef_, same.coef_)
    rare = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:25]]
    balanced = SparseBayesianClassifier(class_weight="balanced").fit(X[rare], y[rare])
    plain = SparseBayesianClassifier().fit(X[rare], y[rare])
    assert balanced.predict(X).mean() > plain.predict(X).mean() + 0.05
    # Sums of sample weights count, not rows.
    weight = np.where(y[rare], 2.0, 1.0)
    totals = np.array([np.sum(y[rare] == 0), 2.0 * np.sum(y[rare])])
    factor = totals.sum() / (2 * totals)
    model = SparseBayesianClassifier(class_weight="balanced")
    model.fit(X[rare], y[rare], sample_weight=weight)
    direct = SparseBayesianClassifier().fit(
        X[rare], y[rare], sample_weight=weight * factor[y[rare]]
    )
    assert_allclose(model.coef_, direct.coef_)


def test_pairs_of_classes():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = SparseBayesianClassifier().fit(X, names)
    assert_array_equal(model.pairs_, [[0, 1], [0, 2], [1, 2]])
    for i, (a, b) in enumerate(model.pairs_):
        rows = (y == a) | (y == b)
        pair = SparseBayesianClassifier().fit(X[rows], y[rows])
        assert_array_equal(pair.support_[0], model.support_[i])
        assert_allclose(pair.coef_[0], model.coef_[i], rtol=0.02)
        assert_allclose(pair.intercept_[0], model.intercept_[i], rtol=0.02)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0)
    assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert_array_equal(model.decision_function(X).argmax(axis=1), proba.argmax(axis=1))
    assert_allclose(np.exp(model.predict_log_proba(X)), proba)
    assert model.score(X, names) > 0.95


def test_coupling_minimizes_what_it_says():
    rng = np.random.default_rng(0)
    pairs = np.array([(i, j) for i in range(4) for j in range(i + 1, 4)])
    second = rng.random((6, 6))
    found = _coupled(second, pairs, 4)
    for row, p in zip(second, found, strict=True):
        r = np.zeros((4, 4))
        for (i, j), value in zip(pairs, row, strict=True):
            r[j, i], r[i, j] = value, 1 - value

        def loss(p, r=r):
            return np.sum((r.T * p[:, None] - r * p) ** 2)

        best = minimize(
            loss, np.full(4, 0.25), method="SLSQP", bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        assert loss(p) <= best.fun + 1e-8
    # Pairwise probabilities of a distribution give that distribution back.
    p = rng.dirichlet(np.ones(4), 5)
    consistent = p[:, pairs[:, 1]] / (p[:, pairs[:, 0]] + p[:, pairs[:, 1]])
    assert_allclose(_coupled(consistent, pairs, 4), p, atol=1e-9)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_sparse_features(kernel, container):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 12)) * (rng.random((150, 12)) < 0.3)
    y = rng.random(150) < expit(4 * X[:, 2] - 4 * X[:, 5])
    dense = SparseBayesianClassifier(kernel=kernel).fit(X, y)
    model = SparseBayesianClassifier(kernel=kernel).fit(container(X), y)
    expected = dense.predict_proba(X)
    assert_allclose(model.predict_proba(container(X)), expected, rtol=1e-6)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-6)


def test_kernels_agree_and_pickle():
    X, y = make_moons(120, noise=0.25, random_state=0)
    model = SparseBayesianClassifier(kernel="rbf", gamma=1.0).fit(X, y)
    K = rbf_kernel(X, X, gamma=1.0)
    given = SparseBayesianClassifier(kernel="precomputed").fit(K, y)
    assert_array_equal(given.relevance_, model.relevance_)
    assert_array_equal(model.relevance_vectors_, X[model.relevance_])
    assert_allclose(given.predict_proba(K), model.predict_proba(X))
    odds = K[:, model.relevance_] @ model.dual_coef_[0] + model.intercept_[0]
    assert_array_equal(model.predict(X), odds > 0)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert len(model.relevance_) < 0.2 * len(SVC(gamma=1.0).fit(X, y).support_)
    assert model.score(X, y) > 0.9


def test_single_precision_is_kept():
    X, y, _ = two_classes()
    model = SparseBayesianClassifier().fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert model.decision_function(X.astype(np.float32)).dtype == np.float32
    double = SparseBayesianClassifier().fit(X, y)
    assert_allclose(model.coef_, double.coef_, rtol=1e-3)


def test_classes_told_apart_perfectly():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 6))
    y = X[:, 2] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kernel in ("linear", "rbf"):
            model = SparseBayesianClassifier(kernel=kernel).fit(X, y)
            proba = model.predict_proba(X)
            assert np.isfinite(proba).all()
            assert model.score(X, y) > 0.95
    nothing = SparseBayesianClassifier().fit(rng.standard_normal((200, 3)), y.repeat(2))
    assert nothing.predict_proba(X[:, :3])[:, 1].std() < 0.1


@pytest.mark.parametrize("intercept", [False, True])
def test_constant_columns_and_intercepts(intercept):
    X, y, _ = two_classes(200, 5)
    X = np.column_stack([X, np.full(200, 7.0), np.zeros(200)])
    model = SparseBayesianClassifier(fit_intercept=intercept).fit(X, y)
    assert not model.support_[0, 6]
    assert model.support_[0, 5] <= (not intercept)
    assert (model.intercept_[0] != 0) == intercept
    assert model.score(X, y) > 0.7
    empty = SparseBayesianClassifier().fit(X[:, 5:], y)
    assert_allclose(expit(empty.intercept_), y.mean(), rtol=1e-6)
    assert_allclose(empty.predict_proba(X[:1, 5:])[0, 1], y.mean(), atol=1e-3)


def test_probabilities_are_calibrated():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), SparseBayesianClassifier())
    proba = cross_val_predict(model, X, y, method="predict_proba", cv=5)[:, 1]
    assert log_loss(y, proba) < 0.13
    order = np.argsort(proba)
    bins = np.array_split(order, 10)
    gap = [abs(proba[b].mean() - y[b].mean()) for b in bins]
    assert np.mean(gap) < 0.03
    # No worse than the logistic regression that knows the three true features.
    X, y, w = two_classes(400, 60, seed=1)
    new, labels, _ = two_classes(4000, 60, seed=2)
    found = SparseBayesianClassifier(min_gain="selection").fit(X, y)
    oracle = LogisticRegression(C=np.inf).fit(X[:, w != 0], y)
    loss = log_loss(labels, found.predict_proba(new))
    assert loss < log_loss(labels, oracle.predict_proba(new[:, w != 0])) + 0.01
    every = LogisticRegression().fit(X, y)
    assert loss < log_loss(labels, every.predict_proba(new)) - 0.02


def test_refusals():
    X, y, _ = two_classes(40, 3)
    with pytest.raises(ValueError, match="at least two classes"):
        SparseBayesianClassifier().fit(X, np.ones(40))
    with pytest.raises(ValueError, match="at least two classes"):
        SparseBayesianClassifier().fit(X, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(ValueError, match="exceed the range of float64"):
        SparseBayesianClassifier().fit(X * 1e-310, y)
    with pytest.raises(ValueError, match="class_weight"):
        SparseBayesianClassifier(class_weight="equal").fit(X, y)
    with pytest.warns(UnusedParameterWarning, match="gamma"):
        SparseBayesianClassifier(gamma=2.0).fit(X, y)


def test_newton_reaches_the_mode_from_far_away():
    X, y, _ = two_classes(100, 3)
    problem = logistic.LogisticProblem(
        X, y.astype(float), np.ones(100), np.zeros(3), np.ones(3), True, 1.0, 1e-3, 50
    )
    act, precision = np.arange(3), np.full(3, 1e-3)
    near = logistic.find_mode(problem, act, precision)
    far = logistic.find_mode(problem, act, precision, np.array([30.0, -20, 50, 10]))
    assert_allclose(far.coef, near.coef, rtol=1e-5)
    assert_allclose(far.log_evidence, near.log_evidence)
    half = replace(problem, weight=np.full(100, 0.5))
    assert logistic.find_mode(half, act, precision).log_evidence > near.log_evidence


# -- signs ---------------------------------------------------------------------------


def signed_classes(seed, n=400, p=6):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X[:, 1] += 0.7 * X[:, 0]
    w = np.array([1.5, -1.0, 0.8, 0.0, 0.0, -0.5])[:p]
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-X @ w - 0.3))
    return X, y.astype(int)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("solver", ["search", "thorough", "sequential", "fixed_point"])
def test_positive_coefficients_are_the_best_of_all_positive_models(seed, solver):
    X, y = signed_classes(seed)
    model = SparseBayesianClassifier(positive=True, solver=solver).fit(X, y)
    assert (model.coef_[model.support_] > 0).all()
    best = -np.inf
    for size in range(7):
        for kept in itertools.combinations(range(6), size):
            plain = SparseBayesianClassifier(min_gain=0.0)
            fit = plain.fit(np.column_stack([X[:, kept], np.zeros(len(y))]), y)
            if fit.support_.sum() == size and (fit.coef_[fit.support_] > 0).all():
                best = max(best, fit.log_evidence_[0] - size)
    score = model.log_evidence_[0] - model.support_.sum()
    assert score == pytest.approx(best, abs=1e-3)
    free = SparseBayesianClassifier().fit(X, y)
    assert (free.coef_ < 0).any()
    assert free.log_evidence_[0] > model.log_evidence_[0]


def test_positive_changes_nothing_where_signs_are_right():
    X, y = signed_classes(0)
    kept = X[:, [0, 2, 3]]
    free = SparseBayesianClassifier().fit(kept, y)
    assert (free.coef_[free.support_] > 0).all()
    positive = SparseBayesianClassifier(positive=True).fit(kept, y)
    np.testing.assert_allclose(positive.coef_, free.coef_, rtol=1e-6)


def test_positive_takes_two_classes_and_any_kernel():
    X, y = signed_classes(1)
    with pytest.raises(ValueError, match="positive=True needs two classes"):
        SparseBayesianClassifier(positive=True).fit(X, y + 2 * (X[:, 3] > 1))
    model = SparseBayesianClassifier(kernel="rbf", positive=True).fit(X, y)
    assert (model.dual_coef_ > 0).all()
    opposite = SparseBayesianClassifier(positive=True).fit(X, 1 - y)
    assert (opposite.coef_ >= 0).all()
    assert opposite.coef_[0, 5] > 0


def test_a_long_fit_is_announced_once(monkeypatch):
    X, y = signed_classes(2)
    y = y + 2 * (X[:, 3] > 0.5)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 1e-9)
    with pytest.warns(UserWarning, match="cube of the number") as caught:
        SparseBayesianClassifier(kernel="rbf").fit(X, y)
    assert sum("will take" in str(w.message) for w in caught) == 1
