"""KroneckerSBL and KroneckerSBLRegressor."""

import warnings
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskLassoCV
from sklearn.model_selection import GridSearchCV

from skgeo.linear_model import KroneckerSBL, KroneckerSBLRegressor, kron_posterior
from skgeo.linear_model._kronecker.posterior import CompleteData, moments
from skgeo.linear_model._kronecker.prior import _Fit, fit_kron_prior, update_mm

SOLVERS = ("best", "mm", "svd", "am")


def problem(
    seed=0, rows=(6, 7, 8), columns=(9, 10, 11), k=(2, 2, 3), *, noise=0.03,
    n_samples=1, is_complex=False,
):  # fmt: skip
    rng = np.random.default_rng(seed)

    def draw(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if is_complex else values

    factors = [draw(m, n) for m, n in zip(rows, columns, strict=True)]
    support = [
        np.sort(rng.choice(n, j, False)) for n, j in zip(columns, k, strict=True)
    ]
    codes = np.zeros((n_samples, *columns), dtype=complex if is_complex else float)
    # Amplitudes bounded away from zero, so that supports can be asked for exactly.
    values = draw(n_samples, *k)
    values *= (1 + np.abs(values)) / np.abs(values)
    codes[np.ix_(np.arange(n_samples), *support)] = values
    codes = codes.reshape(n_samples, -1)
    clean = codes @ reduce(np.kron, factors).T
    std = noise * np.sqrt(np.mean(np.abs(clean) ** 2))
    scale = std / np.sqrt(2) if is_complex else std
    return factors, codes, clean + scale * draw(*clean.shape), std**2, support


def nmse(found, true):
    return np.sum(np.abs(found - true) ** 2) / np.sum(np.abs(true) ** 2)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_recovers_codes_and_support(solver, known, is_complex):
    factors, codes, X, s2, support = problem(is_complex=is_complex)
    model = KroneckerSBL(
        factors,
        solver=solver,
        noise_variance=s2 if known else None,
        min_gain=8.0,  # an index of noise brings more than log(n_i) now and then
        max_iter=1000,
        tol=1e-2 if solver == "am" else 1e-4,
    ).fit(X)
    assert model.converged_
    assert nmse(model.transform(X), codes) < 2e-3
    for found, true in zip(model.support_, support, strict=True):
        assert_array_equal(found, true)
    assert_allclose(model.noise_variance_, s2, rtol=1e-12 if known else 0.4)
    # Fitted attributes are those of the posterior in the units of the user.
    post = kron_posterior(factors, model.gammas_, X, model.noise_variance_)
    assert_allclose(model.transform(X), post.mean, rtol=1e-7, atol=1e-9)
    assert_allclose(model.posterior_variance(), post.variance, rtol=1e-7, atol=1e-12)
    assert_allclose(model.score(X), post.log_evidence, rtol=1e-9)
    assert_allclose(model.objective_[-1], post.log_evidence, rtol=1e-9)
    assert len(model.objective_) == model.n_iter_ + 1
    assert_allclose(
        model.inverse_transform(codes), codes @ reduce(np.kron, factors).T, atol=1e-10
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sizes=st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4
    ),
    n_samples=st.integers(1, 4),
    is_complex=st.booleans(),
    known=st.booleans(),
    beta=st.sampled_from([None, 0.0, 0.5, 0.8]),
    prune_tol=st.sampled_from([0.0, 1e-4, 1e-2]),
)
def test_mm_never_lowers_the_evidence(
    seed, sizes, n_samples, is_complex, known, beta, prune_tol
):
    rng = np.random.default_rng(seed)
    rows, columns = zip(*sizes, strict=True)
    k = [int(rng.integers(1, n + 1)) for n in columns]
    factors, _, X, s2, _ = problem(
        seed, rows, columns, k, noise=10 ** rng.uniform(-3, 0.5), n_samples=n_samples,
        is_complex=is_complex,
    )  # fmt: skip
    coupling = None if beta is None else (beta,) * len(sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KroneckerSBL(
            factors, solver="mm", noise_variance=s2 if known else None,
            coupling=coupling, prune_tol=prune_tol, min_gain=0.0, max_iter=80, tol=1e-8,
        ).fit(X)  # fmt: skip
    steps = np.diff(model.objective_)
    assert (steps >= -1e-9 * np.abs(model.objective_[1:]).max()).all()


def test_trimming_costs_no_more_than_it_may():
    factors, _, X, _, support = problem(noise=0.3)
    free = KroneckerSBL(factors, solver="mm", min_gain=0.0).fit(X)
    trimmed = KroneckerSBL(factors, solver="mm", min_gain=6.0).fit(X)
    sizes = [len(s) for s in trimmed.support_]
    assert sum(sizes) <= sum(len(s) for s in free.support_)
    assert sizes == [len(s) for s in support]
    n_steps = np.count_nonzero(np.diff(trimmed.objective_) < 0)
    assert n_steps <= 5
    # What is left brings what it costs, each index on its own.
    for i in range(3):
        for j in trimmed.support_[i]:
            gammas = [g.copy() for g in trimmed.gammas_]
            gammas[i][j] = 0.0
            without = kron_posterior(factors, gammas, X, trimmed.noise_variance_)
            assert trimmed.score(X) - without.log_evidence >= 6.0 - 1e-6


def test_mm_update_is_the_minimum_of_its_surrogate():
    factors, _, X, s2, _ = problem(rows=(3, 4), columns=(4, 5), k=(2, 2), n_samples=2)
    fit = _Fit(factors, CompleteData(X.reshape(2, 3, 4)), None)
    fit.noise = s2
    m = fit.moments("slopes")

    def surrogate(gammas):
        outer = np.multiply.outer(*gammas)
        return np.sum(m.power / outer + m.slopes * outer)

    start = [g.copy() for g in fit.gammas]
    # C = s2 I + H G H', its derivative in gamma_k is h_k' C^-1 h_k.
    A = np.kron(*factors)
    C = s2 * np.eye(12) + (A * np.kron(*start)) @ A.T
    assert_allclose(m.slopes.ravel(), np.sum(A * np.linalg.solve(C, A), 0), rtol=1e-9)
    assert_allclose(m.inverse_trace, np.trace(np.linalg.inv(C)), rtol=1e-9)
    update_mm(fit, m, 1)
    best = surrogate([fit.gammas[0], fit.gammas[1]])
    assert best < surrogate(start)
    for j in range(5):
        for factor in (0.9, 1.1):
            other = fit.gammas[1].copy()
            other[j] *= factor
            assert surrogate([fit.gammas[0], other]) > best


def test_am_is_expectation_maximization():
    # One mode: gamma <- variance + |mean|**2, noise <- its expectation.
    factors, _, X, _, _ = problem(rows=(12,), columns=(8,), k=(3,), n_samples=3)
    H = factors[0] / np.linalg.norm(factors[0], axis=0)
    Y = X / np.sqrt(np.mean(X**2))
    result = fit_kron_prior(
        [H], CompleteData(Y), solver="am", prune_tol=0.0, max_iter=25, tol=0
    )
    power = np.vdot(Y, Y) / len(Y)
    gamma, s2 = np.full(8, power / 8), 0.1 * power / 12
    for _ in range(25):
        cov = np.linalg.inv(H.T @ H / s2 + np.diag(1 / gamma))
        mean = Y @ H @ cov / s2
        rss = np.sum((Y - mean @ H.T) ** 2) / len(Y)
        s2 = (rss + s2 * np.sum(1 - np.diag(cov) / gamma)) / 12
        gamma = np.diag(cov) + np.mean(mean**2, axis=0)
    assert_allclose(result.gammas[0], gamma, rtol=1e-8)
    assert_allclose(result.noise_variance, s2, rtol=1e-8)


def test_coupled_am_is_a_non_negative_least_squares_fit():
    # One mode, one step: gamma = C u nearest to the uncoupled update.
    factors, _, X, _, _ = problem(rows=(12,), columns=(8,), k=(3,), n_samples=3)
    H = factors[0] / np.linalg.norm(factors[0], axis=0)
    Y = X / np.sqrt(np.mean(X**2))
    C = np.eye(8) + 0.8 * (np.eye(8, k=1) + np.eye(8, k=-1))
    start = C @ np.full(8, np.vdot(Y, Y) / len(Y) / 8)
    cov = np.linalg.inv(H.T @ H / 0.1 + np.diag(1 / start))
    target = np.diag(cov) + np.mean((Y @ H @ cov / 0.1) ** 2, axis=0)
    result = fit_kron_prior(
        [H],
        CompleteData(Y),
        solver="am",
        noise=0.1,
        coupling=(0.8,),
        prune_tol=0.0,
        max_iter=1,
        tol=0,
    )
    fitted = C @ nnls(C, target)[0]
    assert (fitted < 1e-3 * target.max()).any()  # the constraint is active
    assert_allclose(
        result.gammas[0], np.maximum(fitted, 1e-5 * target.max()), rtol=1e-8
    )


def test_svd_of_two_modes_is_the_bestupdate_svd():
    factors, _, X, _, _ = problem(rows=(5, 6), columns=(7, 8), k=(2, 2))
    factors = [H / np.linalg.norm(H, axis=0) for H in factors]
    Y = (X / np.sqrt(np.mean(X**2))).reshape(1, 5, 6)
    result = fit_kron_prior(
        factors,
        CompleteData(Y),
        solver="svd",
        noise=0.1,
        prune_tol=0.0,
        max_iter=1,
        tol=0,
    )
    power = np.vdot(Y, Y)
    first = [np.full(7, 7**-0.5), np.full(8, 10 * power / 56 * 7**0.5)]
    m = moments(factors, first, Y, 0.1, need="variance")
    u, s, vt = np.linalg.svd(m.variance + m.power)
    assert_allclose(
        np.multiply.outer(*result.gammas), s[0] * np.outer(u[:, 0], vt[0]), rtol=1e-9
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_coupling_finds_blocks(solver):
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal((8, 16)), rng.standard_normal((9, 18))]
    codes = np.zeros((4, 16, 18))
    codes[:, 4:7, 9:13] = rng.choice([-1, 1], (4, 3, 4)) * rng.uniform(
        0.5, 1.5, (4, 3, 4)
    )
    codes = codes.reshape(4, -1)
    X = codes @ np.kron(*factors).T
    X = X + 0.1 * np.std(X) * rng.standard_normal(X.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # projections may cycle
        model = KroneckerSBL(factors, solver=solver, coupling=(0.5, 0.5)).fit(X)
    assert nmse(model.transform(X), codes) < 0.01
    X, tol = X[:1], 1e-2
    none = KroneckerSBL(
        factors, solver=solver, coupling=(0.0, 0.0), max_iter=1000, tol=tol
    )
    plain = KroneckerSBL(factors, solver=solver, max_iter=1000, tol=tol)
    assert_allclose(none.fit(X).transform(X), plain.fit(X).transform(X))


@settings(max_examples=15, deadline=None)
@given(
    exponents=st.lists(st.integers(-150, 150), min_size=3, max_size=3),
    seed=st.integers(0, 100),
)
def test_units_do_not_matter(exponents, seed):
    factors, _, X, _, _ = problem(seed, (5, 6), (7, 8), (2, 2), n_samples=2)
    a, b, unit = 3.0 * 10.0 ** np.array(exponents)
    # Codes change by unit / a / b: keep to what a float can hold.
    if abs(exponents[2] - exponents[0] - exponents[1]) > 280:
        return
    plain = KroneckerSBL(factors).fit(X)
    scaled = KroneckerSBL([factors[0] * a, factors[1] * b]).fit(X * unit)
    for one, other in zip(plain.support_, scaled.support_, strict=True):
        assert_array_equal(one, other)
    assert_allclose(
        scaled.transform(X * unit) / unit * a * b, plain.transform(X), rtol=1e-6,
        atol=1e-9,
    )  # fmt: skip
    # The density of X has units.
    offset = X.shape[1] * np.log(unit)
    assert_allclose(scaled.score(X * unit) + offset, plain.score(X), rtol=1e-6)


def test_column_scale_does_not_matter():
    factors, _, X, _, _ = problem()
    d = np.random.default_rng(0).uniform(0.01, 100, 10)
    plain = KroneckerSBL(factors).fit(X)
    scaled = KroneckerSBL([factors[0], factors[1] * d, factors[2]]).fit(X)
    codes = scaled.transform(X).reshape(9, 10, 11) * d[:, None]
    assert_allclose(codes.ravel(), plain.transform(X)[0], rtol=1e-6, atol=1e-9)


def test_rows_with_their_own_support():
    factors, codes, X, s2, _ = problem(0)
    rng = np.random.default_rng(5)
    other = np.zeros((9, 10, 11))
    other[np.ix_([1, 7], [0, 3], [5])] = rng.choice([-1.5, 1.5], (2, 2, 1))
    second = reduce(np.kron, factors) @ other.ravel()
    X = np.vstack([X, second + np.sqrt(s2) * rng.standard_normal(len(second))])
    model = KroneckerSBL(factors, shared_support=False, noise_variance=s2).fit(X)
    assert [s.tolist() for s in model.support_[1]] == [[1, 7], [0, 3], [5]]
    assert [g.shape for g in model.gammas_] == [(2, 9), (2, 10), (2, 11)]
    both = np.vstack([codes[0], other.ravel()])
    found = model.transform(X)
    assert nmse(found[0], both[0]) < 5e-3
    assert nmse(found[1], both[1]) < 5e-3
    single = KroneckerSBL(factors, noise_variance=s2).fit(X[1:])
    assert_allclose(single.transform(X[1:]), found[1:], rtol=1e-9, atol=1e-12)
    assert_allclose(
        model.score(X), np.mean([s[-1] for s in model.objective_]), rtol=1e-9
    )
    variance = model.posterior_variance(X)
    assert variance.shape == found.shape
    assert_allclose(variance[1], single.posterior_variance(), rtol=1e-9, atol=1e-15)
    # Without rows: those of the fit.
    assert_allclose(model.posterior_variance(), variance, rtol=1e-6, atol=1e-15)


def test_degenerate_input():
    factors, _, X, _, _ = problem(rows=(4, 5), columns=(6, 7), k=(2, 2))
    zero = KroneckerSBL(factors).fit(np.zeros((2, 20)))
    assert not zero.transform(X).any()
    assert np.isfinite(zero.score(np.zeros((2, 20))))
    assert np.isfinite(zero.posterior_variance()).all()
    # A dictionary column of zeros is never used, one of all zeros gives zero codes.
    holed = [factors[0].copy(), factors[1]]
    holed[0][:, 3] = 0.0
    model = KroneckerSBL(holed, solver="mm").fit(X)
    assert 3 not in model.support_[0]
    assert np.isfinite(model.transform(X)).all()
    empty = KroneckerSBL([np.zeros((4, 6)), factors[1]]).fit(X)
    assert not empty.transform(X).any()
    # Single rows and columns; exact data.
    for rows, columns in [((1, 20), (3, 7)), ((20, 1), (6, 1)), ((20,), (30,))]:
        some = KroneckerSBL(
            [np.random.default_rng(0).standard_normal((m, n))
             for m, n in zip(rows, columns, strict=True)], tol=1e-2,
        ).fit(X)  # fmt: skip
        assert np.isfinite(some.transform(X)).all()
    exact, codes, X, _, support = problem(noise=0.0)
    model = KroneckerSBL(exact, solver="mm", max_iter=1000).fit(X)
    assert nmse(model.transform(X), codes) < 1e-6
    for found, true in zip(model.support_, support, strict=True):
        assert_array_equal(found, true)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"factors": [np.ones((3, 4))]}, "whose product is 3"),
        ({"factors": []}, "empty"),
        ({"factors": [np.ones(20)]}, r"factors\[0\]"),
        ({"factors": [np.array([["a"]])]}, r"factors\[0\]"),
        ({"factors": np.ones((20, 4))}, "Put it into a list"),
        ({"factors": "a"}, "factors"),
        ({"factors": [np.full((20, 2), np.nan)]}, "NaN"),
        ({"solver": "em"}, "solver"),
        ({"noise_variance": -1.0}, "noise_variance"),
        ({"prune_tol": -1.0}, "prune_tol"),
        ({"coupling": (0.5, 0.5)}, "one weight per mode"),
        ({"coupling": (-0.5,)}, "coupling"),
        ({"coupling": (1.5,)}, "coupling"),
        ({"coupling": "chain"}, "coupling"),
        ({"noise_variance": 5e-324}, "noise_variance"),
        ({"factors": None}, "needs factors"),
        ({"factors": [np.full((20, 2), 1e-300)]}, "Scale its columns"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KroneckerSBL(**{"factors": "identity", **parameters}).fit(np.ones((2, 20)))


def test_bad_data():
    factors, _, X, _, _ = problem(
        rows=(4, 5), columns=(6, 7), k=(2, 2), is_complex=True
    )
    with pytest.raises(ValueError, match="Complex data not supported"):
        KroneckerSBL([H.real for H in factors]).fit(X)
    model = KroneckerSBL(factors).fit(X)
    model.transform(X.real)  # real data under complex factors are complex data
    for bad, message in [
        (X[:, :-1], "features"),
        (X[0], "2-D"),
        (np.full_like(X, np.inf), "infinity"),
        (X[:0], "0 sample"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.transform(bad)
    with pytest.raises(ValueError, match="n_samples, 42"):
        model.inverse_transform(X)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        KroneckerSBL(factors, max_iter=2).fit(X)


def test_search_over_method_and_pruning_by_evidence():
    factors, codes, X, s2, support = problem(
        rows=(6, 7), columns=(9, 10), k=(2, 3), n_samples=24, noise=0.1
    )
    search = GridSearchCV(
        KroneckerSBL(factors, max_iter=1000, tol=1e-2, min_gain=8.0),
        {"solver": list(SOLVERS), "prune_tol": [1e-6, 1e-4, 1e-2]},
        cv=3,
    ).fit(X)
    best = search.best_estimator_
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert nmse(best.transform(X), codes) < 0.02
    assert [s.tolist() for s in best.support_] == [s.tolist() for s in support]
    assert_allclose(best.noise_variance_, s2, rtol=0.2)
    # Evidence also tells the right dictionary from a wrong one.
    wrong = [np.random.default_rng(1).standard_normal(H.shape) for H in factors]
    search = GridSearchCV(
        KroneckerSBL("identity"), {"factors": [wrong, factors]}, cv=3
    ).fit(X)
    assert search.best_index_ == 1


def regression(seed=0, n=60, p=30, noise=0.5, patterns=None):
    rng = np.random.default_rng(seed)
    patterns = np.eye(8) if patterns is None else patterns
    X = rng.standard_normal((n, p)) * 10 ** rng.uniform(-2, 2, p)
    W = np.zeros((patterns.shape[1], p))
    rows, columns = rng.choice(len(W), 3, False), rng.choice(p, 4, False)
    W[np.ix_(rows, columns)] = rng.choice([-1, 1], (3, 4)) * rng.uniform(
        0.5, 1.5, (3, 4)
    )
    coef = patterns @ W / X.std(axis=0)
    Y = X @ coef.T + 5 + noise * rng.standard_normal((n, len(patterns)))
    return X, Y, coef, np.sort(columns), np.sort(rows)


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


def test_tensor_rows_are_vectors_in_c_order():
    factors, _, X, _, _ = problem(n_samples=2)
    flat = KroneckerSBL(factors, solver="mm").fit(X)
    tensors = X.reshape(2, 6, 7, 8)
    shaped = KroneckerSBL(factors, solver="mm").fit(tensors)
    assert_array_equal(shaped.transform(tensors), flat.transform(X))
    assert_array_equal(shaped.transform(tensors.tolist()), flat.transform(X))
    assert shaped.score(tensors) == flat.score(X)
    assert shaped.n_features_in_ == 336
    with pytest.raises(ValueError, match="tensors of shape"):
        shaped.transform(tensors.swapaxes(1, 2))
    weights = np.random.default_rng(0).standard_normal((40, 5))
    target = (weights[:, :1] * np.ones(6)).reshape(40, 2, 3)
    target = target + 0.1 * np.random.default_rng(1).standard_normal(target.shape)
    model = KroneckerSBLRegressor([np.eye(2), np.eye(3)])
    one = model.fit(weights, target).score(weights, target)
    other = model.fit(weights, target.reshape(40, 6)).score(
        weights, target.reshape(40, 6)
    )
    assert one == other > 0.9


def test_std_is_the_root_of_the_variance():
    factors, codes, X, _, _ = problem(n_samples=2)
    model = KroneckerSBL(factors, solver="mm").fit(X)
    mean, std = model.transform(X, return_std=True)
    assert_allclose(mean, model.transform(X))
    assert_allclose(std**2, np.tile(model.posterior_variance(), (2, 1)))
    filled, error = model.reconstruct(X, return_std=True)
    assert_allclose(filled, model.inverse_transform(mean), atol=1e-10)
    clean = codes @ reduce(np.kron, factors).T
    assert 0.5 < np.sqrt(np.mean((filled - clean) ** 2 / error**2)) < 2


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


def test_indistinguishable_columns_are_named():
    factors, _, X, _, support = problem()
    twin = factors[1].copy()
    used, free = support[1][0], np.setdiff1d(np.arange(10), support[1])[0]
    twin[:, free] = -2.0 * twin[:, used]
    with pytest.warns(UserWarning, match="not identifiable"):
        model = KroneckerSBL([factors[0], twin, factors[2]]).fit(X)
    pairs = {frozenset(p) for p in model.indistinguishable_[1].tolist()}
    assert frozenset((used, free)) in pairs
    assert not len(model.indistinguishable_[0])
    # What can be told is still right.
    plain = KroneckerSBL(factors).fit(X)
    assert_allclose(model.reconstruct(X), plain.reconstruct(X), rtol=0.05, atol=0.5)
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((40, 4))
    Z = np.column_stack([Z, Z[:, 0]])
    with pytest.warns(UserWarning, match="not identifiable"):
        pair = KroneckerSBLRegressor().fit(
            Z, Z[:, :1] + 0.1 * rng.standard_normal((40, 2))
        )
    assert len(pair.indistinguishable_[0])


def extremes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3, 12))
    return {
        "zeros": 0 * X, "denormal": X * 5e-323, "tiny": X * 1e-310, "small": X * 1e-160,
        "large": X * 1e150, "mixed": X * 10.0 ** rng.uniform(-200, 150, X.shape),
        "one": np.eye(3, 12) * 1e5, "constant": np.full(X.shape, 1e8),
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", extremes())
@pytest.mark.parametrize("shared", [True, False])
def test_extremes_stay_finite(kind, shared):
    X = extremes()[kind]
    rng = np.random.default_rng(1)
    for factors in ("identity", [rng.standard_normal((3, 5)), np.ones((4, 3)) * 1e100]):
        model = KroneckerSBL(factors, max_iter=8, shared_support=shared).fit(X)
        values = [
            model.transform(X), model.posterior_variance(), model.score(X),
            model.reconstruct(X, return_std=True)[1], model.noise_variance_,
            *model.gammas_,
        ]  # fmt: skip
        assert all(np.isfinite(v).all() for v in values)
    for other in ("zeros", "denormal", "small", "constant"):
        model = KroneckerSBLRegressor(max_iter=8).fit(X, extremes()[other][:, :2])
        values = [*model.predict(X, return_std=True), model.coef_, *model.gammas_]
        assert all(np.isfinite(v).all() for v in values)


def test_beyond_the_range_of_floats_is_said():
    factors, _, X, _, _ = problem(rows=(4, 5), columns=(6, 7), k=(2, 2))
    with pytest.raises(ValueError, match="other units"):
        KroneckerSBL([factors[0] * 1e-200, factors[1]]).fit(X * 1e150)
    with pytest.warns(UserWarning, match="range of floating-point"):
        model = KroneckerSBL(factors).fit(X * 1e170)
    assert np.isfinite(model.noise_variance_)
    with pytest.warns(UserWarning, match="taken for zero"):
        assert not KroneckerSBL(factors).fit(X * 1e-305).transform(X).any()
    with pytest.raises(ValueError, match="other units"):
        KroneckerSBLRegressor().fit(X.T * 1e-160, X.T * 1e200)


def test_zeros_cost_nothing():
    import time

    start = time.process_time()
    KroneckerSBL([np.eye(1500)], max_iter=1).fit(np.zeros((2, 1500)))
    assert time.process_time() - start < 2.0


def test_parameters_without_effect_are_named():
    from skgeo.exceptions import UnusedParameterWarning

    factors, _, X, _, _ = problem()
    with pytest.warns(UnusedParameterWarning, match="max_inner"):
        KroneckerSBL(factors, solver="mm", max_inner=7).fit(X)
