"""KroneckerSBL as an estimator: input, units, supports of rows, messages."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from skgeo.linear_model import KroneckerSBL, KroneckerSBLRegressor
from tests.linear_model.kron_problems import SOLVERS, extremes, nmse, problem


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


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", extremes())
@pytest.mark.parametrize("shared", [True, False])
def test_extremes_stay_finite(kind, shared):
    X = extremes()[kind]
    rng = np.random.default_rng(1)
    pair = [rng.standard_normal((3, 5)), np.ones((4, 3)) * 1e100]
    for factors in ("identity", pair) if shared else (pair,):
        model = KroneckerSBL(factors, max_iter=8, shared_support=shared).fit(X)
        values = [
            model.transform(X), model.posterior_variance(), model.score(X),
            model.reconstruct(X, return_std=True)[1], model.noise_variance_,
            *model.gammas_,
        ]  # fmt: skip
        assert all(np.isfinite(v).all() for v in values)
    for other in ("zeros", "denormal", "small", "constant") if shared else ():
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
