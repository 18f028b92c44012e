"""The search for the highest evidence, on problems where single moves stall."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skgeo.dynamics import MEDIDA
from skgeo.exceptions import SaturatedModelWarning
from skgeo.linear_model import SparseBayesianRegressor
from skgeo.linear_model._rvm.compress import compress
from skgeo.linear_model._rvm.evidence import fit_evidence
from skgeo.linear_model._rvm.posterior import Posterior, Problem


def powers(t, degree):
    return np.column_stack([t**i for i in range(1, degree + 1)])


def _iid(rng, n=100, p=20, k=3):
    return rng.standard_normal((n, p)), k


def _autoregressive(rng, n=100, p=30, k=5):
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = 0.95 * X[:, j - 1] + np.sqrt(1 - 0.95**2) * X[:, j]
    return X, k


def _two_variables(rng):
    Z = rng.uniform(0, 3, (300, 2))
    return PolynomialFeatures(3, include_bias=False).fit_transform(Z), 4


def _wide(rng):
    return _iid(rng, 50, 200, 5)


def _wide_factors(rng):
    loadings = rng.standard_normal((8, 150))
    return rng.standard_normal((60, 8)) @ loadings + rng.standard_normal((60, 150)), 5


def _tall_offset(rng):
    return rng.standard_normal((5000, 40)) + rng.uniform(-3, 3, 40), 6


def _constant_column(rng):
    return PolynomialFeatures(3).fit_transform(rng.uniform(0.5, 3.5, (200, 2))), 4


def _dense(rng):
    mix = np.eye(15) + 0.4 * rng.standard_normal((15, 15))
    return rng.standard_normal((80, 15)) @ mix, 15


def _sines(rng):
    t = np.sort(rng.uniform(0, 2, 150))
    waves = [f(m * t) for m in range(1, 9) for f in (np.sin, np.cos)]
    return np.column_stack(waves), 3


KINDS = {
    "iid": _iid,
    "autoregressive": _autoregressive,
    "cubic": None,
    "two variables": _two_variables,
    "wide": _wide,
    "wide factors": _wide_factors,
    "tall offset": _tall_offset,
    "constant column": _constant_column,
    "dense": _dense,
    "sines": _sines,
}


def draw(kind, rng):
    """Design, target, true support, and whether to fit an intercept."""
    noise = 10.0 ** rng.uniform(-6, 0)
    if kind == "cubic":
        t = rng.uniform(0, 4, 200)
        X = powers(t, int(rng.integers(3, 7)))
        signal = np.prod([t - root for root in rng.uniform(0, 4, 3)], axis=0)
        truth = np.arange(X.shape[1]) < 3
    else:
        X, k = KINDS[kind](rng)
        truth = np.zeros(X.shape[1], dtype=bool)
        truth[rng.choice(X.shape[1], k, replace=False)] = True
        w = rng.choice([-1, 1], k) * rng.uniform(0.5, 1.5, k)
        if kind not in ("iid", "dense"):
            w /= np.maximum(X[:, truth].std(axis=0), 0.3)
        signal = X[:, truth] @ w
    signal = signal / (signal.std() or 1.0)
    y = signal + noise * rng.standard_normal(len(signal))
    return X, y, truth, kind != "constant column"


def reduced(X, y, intercept, **options):
    P = compress(X, y[:, None], None, intercept)
    given = (P.design, P.target[0], float(P.unexplained[0]), P.n)
    return Problem(*given, n_distinct=P.n, **options)


def rivals(problem, truth, rng, n_random=8):
    """Objectives of the other solvers, of random starts and of the true support."""
    for solver in ("sequential", "fixed_point"):
        yield fit_evidence(problem, solver).objective[-1]
    p = len(problem.design)
    starts = [np.flatnonzero(truth & problem.design.any(axis=1))]
    for _ in range(n_random):
        k = int(rng.integers(1, max(2, min(p, int(problem.n) // 2) + 1)))
        starts.append(rng.choice(problem.alive, min(k, len(problem.alive)), False))
    for act in starts:
        a = np.full(len(act), 10.0 ** rng.uniform(-6, 0))
        model = Posterior(problem, np.sort(act), a).climb()
        if model.admissible:
            yield model.score


def test_nothing_finds_a_much_higher_evidence():
    gaps, thorough_gaps, exact = [], [], 0
    for number, kind in enumerate(KINDS):
        for i in range(10):
            rng = np.random.default_rng([7, number, i])
            X, y, truth, intercept = draw(kind, rng)
            problem = reduced(X, y, intercept, cost=float(np.log(X.shape[1])))
            found = fit_evidence(problem, "search")
            thorough = fit_evidence(problem, "thorough").objective[-1]
            best = max(*rivals(problem, truth, rng), thorough)
            gaps.append(best - found.objective[-1])
            thorough_gaps.append(best - thorough)
            exact += np.array_equal(found.active, np.flatnonzero(truth))
    assert np.sum(np.array(gaps) > 0.5) <= 2
    assert np.sum(np.array(thorough_gaps) > 0.5) <= 2
    assert max(gaps) < 20
    assert exact >= 80  # nine of ten, standard deviation 3


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("min_gain", ["auto", "selection", 8.0])
def test_cubics_whose_roots_lie_in_range(min_gain, constant):
    # Each power alone is nearly orthogonal to such a cubic: single moves stall.
    rng = np.random.default_rng(0)
    for _ in range(25):
        t = rng.uniform(0, 4, 200)
        X = powers(t, 3)
        y = np.prod([t - root for root in rng.uniform(0, 4, 3)], axis=0)
        y = y / y.std() + 10.0 ** rng.uniform(-4, -2) * rng.standard_normal(200)
        if constant:
            X = np.column_stack([np.ones(200), X])
        model = SparseBayesianRegressor(fit_intercept=not constant, min_gain=min_gain)
        assert model.fit(X, y).score(X, y) > 0.99


def test_one_cubic_and_who_found_it():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 4, 200)
    y = (t - 0.6) * (t - 2) * (t - 3.8) + 1e-3 * rng.standard_normal(200)
    X = powers(t, 3)
    model = SparseBayesianRegressor().fit(X, y)
    assert model.score(X, y) > 0.999
    assert model.start_ == "backward path"
    assert model.n_starts_ == 2
    single = SparseBayesianRegressor(solver="sequential").fit(X, y)
    assert (single.start_, single.n_starts_) == ("empty", 1)
    assert model.log_evidence_ > single.log_evidence_ + 1000
    both = SparseBayesianRegressor().fit(X, np.column_stack([y, t]))
    assert both.start_[0] == "backward path"


def test_a_tendency_with_three_roots_is_discovered():
    rng = np.random.default_rng(0)
    for _ in range(10):
        roots = rng.uniform(0, 4, 3)
        X = rng.uniform(0, 4, (200, 1))
        tendency = np.prod(X - roots, axis=1, keepdims=True)
        Y = X + 0.01 * tendency + 1e-5 * rng.standard_normal(X.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the increments explain
            found = MEDIDA(None, dt=0.01, library=PolynomialFeatures(3)).fit(X, Y)
        assert found.skill_ > 0.99


def test_the_search_is_skipped_where_nothing_is_left_to_explain():
    rng = np.random.default_rng(3)
    skipped = 0
    for _ in range(40):
        X = rng.standard_normal((200, 12))
        y = X[:, 2] - X[:, 5] + 0.3 * rng.standard_normal(200)
        skipped += SparseBayesianRegressor().fit(X, y).n_starts_ == 1
    assert skipped >= 30  # the test has a level of a tenth
    y = X @ rng.uniform(0.05, 0.1, 12) + rng.standard_normal(200)
    model = SparseBayesianRegressor(min_gain=20.0).fit(X, y)
    assert model.n_starts_ > 1  # many effects, each too weak for the cost


def test_the_level_of_the_lack_of_fit_test():
    # Pure noise, an empty model: the statistic is chi-squared, the level a tenth.
    rng = np.random.default_rng(5)
    skipped = 0
    for _ in range(200):
        X, y = rng.standard_normal((400, 10)), rng.standard_normal(400)
        skipped += SparseBayesianRegressor(min_gain=20.0).fit(X, y).n_starts_ == 1
    assert 164 <= skipped <= 194  # 180 expected, standard deviation 4.2


def test_interpolations_are_not_sold_as_models():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 200))
    y = X[:, 0] + 0.5 * rng.standard_normal(50)
    with pytest.warns(SaturatedModelWarning, match="terms were kept for 50 rows"):
        SparseBayesianRegressor(min_gain=0.0, solver="sequential").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SparseBayesianRegressor().fit(X, y)
        assert_array_equal(np.flatnonzero(model.support_), [0])
        # All terms are true, and rows outnumber them: nothing to warn of.
        wide = SparseBayesianRegressor().fit(X[:, :6], X[:, :6] @ np.arange(1, 7.0))
    assert wide.support_.all()


def test_an_exact_law_is_no_interpolation():
    # Copies of columns leave the design without full rank, but rows outnumber it.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 4))
    X = np.column_stack([X, X])
    y = X[:, :4] @ np.array([1.0, -2.0, 3.0, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SparseBayesianRegressor().fit(X, y)
    assert model.support_.sum() == 4
    assert model.score(X, y) == pytest.approx(1.0)
    # Repeats are no further evidence: nine different rows, ten columns.
    rows = rng.integers(0, 9, 200)
    X, y = rng.standard_normal((9, 10)), rng.standard_normal(9)
    repeated = SparseBayesianRegressor(min_gain=0.0, solver="sequential")
    with pytest.warns(SaturatedModelWarning):
        repeated.fit(X[rows], y[rows])
    assert repeated.support_.sum() < 8


def r2(X, y, **parameters):
    model = make_pipeline(StandardScaler(), SparseBayesianRegressor(**parameters))
    folds = RepeatedKFold(n_splits=5, n_repeats=2, random_state=0)
    return cross_val_score(model, X, y, cv=folds).mean()


def test_the_default_predicts():
    X, y = load_diabetes(return_X_y=True)
    assert r2(X, y) > r2(X, y, min_gain="selection", solver="sequential") + 0.005
    squares = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    default = r2(squares, y)
    assert default >= 0.475
    assert default > r2(squares, y, min_gain="selection", solver="sequential") + 0.02


def test_the_default_selects_where_rows_are_few():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 150))
    y = X[:, :5] @ np.array([1, -1, 0.8, 1.2, -0.7]) + 0.3 * rng.standard_normal(60)
    auto = SparseBayesianRegressor().fit(X, y)
    selection = SparseBayesianRegressor(min_gain="selection").fit(X, y)
    assert_array_equal(auto.coef_, selection.coef_)
    assert auto.support_[:5].all()


def test_a_single_climb_that_ends_badly_says_so():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 4, 200)
    Z = np.column_stack([t, t**2, t**3])
    z = (t - 0.6) * (t - 2) * (t - 3.8) + 1e-3 * rng.standard_normal(200)
    with pytest.warns(ConvergenceWarning, match="solver='sequential' ended with"):
        SparseBayesianRegressor(solver="sequential").fit(Z, z)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SparseBayesianRegressor(solver="fixed_point").fit(Z, z).score(Z, z) > 0.9
        for seed in range(40):  # independent columns, some of use
            rng = np.random.default_rng(seed)
            X = rng.standard_normal((100, 10))
            y = X[:, :3].sum(axis=1) + rng.standard_normal(100)
            SparseBayesianRegressor(solver="sequential").fit(X, y)
