"""Columns as they come: units, codes for missing values, rows in any order."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgeo.datasets import load_docstrings
from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.decomposition._supervised.columns import ColumnSpread, merge_rows

LOADERS = {"wine": load_wine, "cancer": load_breast_cancer, "iris": load_iris}
POSITIVE = {"positive_dict": True, "positive_code": True}


@pytest.mark.parametrize("name", LOADERS)
def test_raw_and_standardized_columns_agree(name):
    X, y = LOADERS[name](return_X_y=True)
    model = SupervisedDictionaryLearning()
    raw = cross_val_score(model, X, y, cv=3).mean()
    scaled = cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=3).mean()
    assert abs(raw - scaled) < 0.01
    assert raw > 0.94


@pytest.mark.parametrize("kind", ["filter", "feature"])
@pytest.mark.parametrize("positive", [{}, POSITIVE])
def test_units_of_a_column_do_not_matter(kind, positive):
    X, y = load_wine(return_X_y=True)
    unit = 10.0 ** np.random.default_rng(0).integers(-40, 40, X.shape[1])
    options = {"kind": kind, "max_iter": 20, "alpha": 0.01, **positive}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = SupervisedDictionaryLearning(**options).fit(X, y)
        b = SupervisedDictionaryLearning(**options).fit(X * unit, y)
    assert_allclose(b.objective_, a.objective_, rtol=1e-5)
    assert_allclose(b.predict_proba(X * unit), a.predict_proba(X), atol=1e-3)
    f = a.feature_scale_
    assert_allclose(b.components_ / unit / f, a.components_ / f, atol=1e-3)
    assert_allclose(b.feature_scale_ / unit, a.feature_scale_)
    assert_allclose(
        b.inverse_transform(b.encode(X * unit)) / unit,
        a.inverse_transform(a.encode(X)),
        rtol=1e-2,
    )


def test_scaling_can_be_left_out():
    X, y = load_wine(return_X_y=True)
    model = SupervisedDictionaryLearning(scale_features=False).fit(X, y)
    assert_array_equal(model.feature_scale_, 1.0)
    assert_allclose(np.linalg.norm(model.components_, axis=1), 1.0)
    # One column in large units is then all there is to reconstruct.
    assert model.reconstruction_error(X) < 0.1
    assert SupervisedDictionaryLearning().fit(X, y).reconstruction_error(X) > 0.4


def test_positive_fits_scale_by_the_distance_from_zero():
    X, y = load_digits(return_X_y=True)
    model = SupervisedDictionaryLearning(5, max_iter=3, **POSITIVE)
    with pytest.warns(UserWarning, match="max_iter=3"):
        model.fit(X, y)
    seen = X.any(axis=0)
    expected = np.sqrt((X[:, seen] ** 2).mean(axis=0))
    assert_allclose(model.feature_scale_[seen], expected)
    assert (model.components_ >= 0).all()


CODES = [9999, -1e8]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("fraction", [0.005, 0.1])
def test_codes_for_missing_values(code, fraction):
    pd = pytest.importorskip("pandas")
    X, y = load_wine(return_X_y=True, as_frame=True)
    rng = np.random.default_rng(3)
    spoilt = X.astype(float).copy()
    rows = rng.permutation(len(X))[: max(1, int(fraction * len(X)))]
    spoilt.loc[rows, "ash"] = code
    assert isinstance(spoilt, pd.DataFrame)
    with pytest.warns(UserWarning, match="dominate feature 'ash'") as caught:
        plain = SupervisedDictionaryLearning().fit(spoilt, y)
    assert caught[0].filename == __file__
    assert plain.dominated_features_.tolist() == [X.columns.get_loc("ash")]
    clean = cross_val_score(SupervisedDictionaryLearning(), X, y, cv=3).mean()
    robust = SupervisedDictionaryLearning(robust=True)
    assert cross_val_score(robust, spoilt, y, cv=3).mean() > clean - 0.012
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        robust.fit(spoilt, y)
    filled = spoilt.copy()
    filled.loc[rows, "ash"] = np.sort(spoilt["ash"])[(len(X) - 1) // 2]
    assert_allclose(robust.transform(spoilt), robust.transform(filled))


def test_the_outlier_of_iris():
    X, y = load_iris(return_X_y=True)
    X[0, 0] = 1e4
    with pytest.warns(UserWarning, match="dominate feature 0: 0 has an entry 10000"):
        model = SupervisedDictionaryLearning(2).fit(X, y)
    assert model.score(X, y) > 0.94
    assert SupervisedDictionaryLearning(2, robust=True).fit(X, y).score(X, y) > 0.96


def test_codes_among_covariates_and_sparse_columns():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = rng.standard_normal((200, 6)) * (rng.random((200, 6)) < 0.3) + np.eye(6)[0]
    X[:, 1] += y
    Z = rng.standard_normal((200, 2)) + y[:, None]
    Z[5, 1] = 1e9
    with pytest.warns(UserWarning, match="dominate covariate 1"):
        SupervisedDictionaryLearning().fit(X, y, covariates=Z)
    X[7, 3] = -1e8
    robust = SupervisedDictionaryLearning(robust=True)
    for given in (X, csr_array(X)):
        with pytest.warns(UserWarning, match="dominate feature 3"):
            SupervisedDictionaryLearning().fit(given, y)
        robust.fit(given, y, covariates=Z)
        assert robust.score(given, y, covariates=Z) > 0.75


@pytest.mark.filterwarnings("error")
def test_no_alarm_without_fire():
    rng = np.random.default_rng(0)
    tables = [
        load_wine().data,
        load_breast_cancer().data,
        load_iris().data,
        load_digits().data,
        rng.exponential(size=(5000, 20)),
        rng.poisson(0.02, size=(3000, 20)),
        rng.standard_t(4, size=(2000, 20)),
        np.eye(300)[rng.integers(0, 300, 1000)],
    ]
    for X in tables:
        w = np.full(len(X), 1 / len(X))
        for given in (X, csr_array(X)):
            assert len(ColumnSpread(given, w).dominated) == 0
    from sklearn.feature_extraction.text import CountVectorizer

    docs = load_docstrings()
    counts = CountVectorizer(max_features=800).fit_transform(docs.data).astype(float)
    X, w = counts, np.full(counts.shape[0], 1 / counts.shape[0])
    assert len(ColumnSpread(X, w).dominated) == 0


def test_spreads_by_hand():
    X = np.array([[0.0, 5, 1], [0, 5, 2], [0, 5, 3], [4, 5, 4], [6, 5, 1000]])
    w = np.full(5, 0.2)
    for given in (X, csr_array(X)):
        spread = ColumnSpread(given, w)
        assert_allclose(spread.median, [0, 5, 3])
        assert_allclose(spread.spread, [4, 0, 1])
        assert spread.dominated.tolist() == [2]
        tame = spread.tame(given)
        tame = tame if isinstance(tame, np.ndarray) else tame.toarray()
        expected = X.copy()
        expected[4, 2] = 3
        assert_allclose(tame, expected)
    near = ColumnSpread(X, w).tame(np.array([[0.0, 5, 3 + 12], [0, 5, 3 - 12]]))
    assert_allclose(near[:, 2], [10.5, -4.5])


def test_weights_of_spreads_are_repeated_rows():
    rng = np.random.default_rng(1)
    X = rng.exponential(size=(40, 5)) * (rng.random((40, 5)) < 0.6)
    weight = rng.integers(1, 5, 40)
    rows = np.repeat(np.arange(40), weight)
    for form in (np.asarray, csr_array):
        a = ColumnSpread(form(X), weight / weight.sum())
        b = ColumnSpread(form(X[rows]), np.full(len(rows), 1 / len(rows)))
        assert_allclose(a.median, b.median)
        assert_allclose(a.spread, b.spread)


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_merged_rows(form):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (50, 3)) * 0.5
    Z, y = rng.integers(0, 2, (50, 1)) * 1.0, rng.integers(0, 2, 50)
    w = rng.integers(1, 4, 50) * 1.0
    order = rng.permutation(50)
    one = merge_rows(form(X), Z, y, w)
    two = merge_rows(form(X[order] * -0.0 + X[order]), Z[order], y[order], w[order])
    for a, b in zip(one, two, strict=True):
        a, b = (v if isinstance(v, np.ndarray) else v.toarray() for v in (a, b))
        assert_array_equal(a, b)
    rows = np.column_stack([X, Z, y])
    assert len(one[2]) == len(np.unique(rows, axis=0))
    assert one[3].sum() == w.sum()


@pytest.mark.parametrize("kind", ["filter", "feature"])
def test_block_descent_does_not_know_the_order_of_the_rows(kind):
    X, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    model = SupervisedDictionaryLearning(
        kind=kind, max_iter=30, tol=1e-3, alpha=1e-6, **POSITIVE
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = model.fit(X, y).decision_function(X)
        b = model.fit(X[order], y[order]).decision_function(X)
    assert_array_equal(a, b)


def test_signs_against_the_data():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    with pytest.warns(UserWarning, match="free axes hold"):
        model = SupervisedDictionaryLearning(**POSITIVE).fit(-np.abs(X), y)
    assert model.components_.min() >= 0
    with pytest.warns(UserWarning, match="positive_dict=True and positive_code=True"):
        SupervisedDictionaryLearning(5, **POSITIVE).fit(X, y)


def test_a_classifier_that_explains_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 5)), np.arange(200) % 2
    X[:, 0] += y
    with pytest.warns(UserWarning, match="explains nothing"):
        SupervisedDictionaryLearning(1, alpha=1e6).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SupervisedDictionaryLearning(1).fit(X, y)


@pytest.mark.parametrize("kind", ["filter", "feature"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_drawn_by_chance_are_not_explained(kind, n_classes):
    """The training loss falls all the same; about one in twenty is believed."""
    said, told = 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.laplace(size=(400, 5)), rng.integers(0, n_classes, 400)
        for labels in (y, (X[:, 0] + X[:, 1] > 0).astype(int)):
            model = SupervisedDictionaryLearning(2, kind=kind, alpha=1e-3)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(X, labels)
            found = any("more than chance" in str(w.message) for w in caught)
            if labels is y:
                said += found
            else:
                told += found
    assert said >= 15
    assert told == 0


@pytest.mark.parametrize("factor", [1e-320, 1e-250, 1e-60, 1e60, 1e250, 1.7e307])
@pytest.mark.parametrize("scale_features", [True, False])
@pytest.mark.parametrize("positive", [{}, POSITIVE])
def test_extremes_give_a_result_or_an_error(factor, scale_features, positive):
    X, y = load_iris(return_X_y=True)
    model = SupervisedDictionaryLearning(
        alpha=0.01, tol=1e-3, scale_features=scale_features, **positive
    )
    if 1e-200 < factor < 1e200:
        model.fit(X * factor, y)
        assert np.isfinite(model.predict_proba(X * factor)).all()
        assert model.score(X * factor, y) > 0.8
    else:
        with pytest.raises(ValueError, match="in magnitude"):
            model.fit(X * factor, y)


def test_numpy_integers_as_parameters():
    X, y = load_iris(return_X_y=True)
    for kind in (np.int8, np.uint64):
        options = {"max_iter": kind(100), "tol": np.float32(1e-3), **POSITIVE}
        model = SupervisedDictionaryLearning(kind(2), **options).fit(X, y)
        assert model.components_.shape == (2, 4)


@pytest.mark.parametrize("factor", [1e-310, 1e-250, 1e-60, 1e60, 1e250, 1e307])
def test_extremes_of_covariates_give_a_result_or_an_error(factor):
    X, y = load_iris(return_X_y=True)
    Z = np.random.default_rng(0).standard_normal((150, 2))
    model = SupervisedDictionaryLearning()
    if 1e-200 < factor < 1e200:
        plain = model.fit(X, y, covariates=Z).predict_proba(X, covariates=Z)
        model.fit(X, y, covariates=factor * Z)
        again = model.predict_proba(X, covariates=factor * Z)
        assert_allclose(again, plain, atol=1e-6)
    else:
        with pytest.raises(ValueError, match="Covariate 0 has entries up to"):
            model.fit(X, y, covariates=factor * Z)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_rows_too_large_for_an_error_of_reconstruction():
    X, y = load_iris(return_X_y=True)
    model = SupervisedDictionaryLearning().fit(X, y)
    assert 0 < model.reconstruction_error(1e100 * X) <= 1
    with pytest.raises(ValueError, match="squares of X overflow"):
        model.reconstruction_error(1e300 * X)


@pytest.mark.parametrize("kind", ["filter", "feature"])
def test_a_fit_that_rounding_stops_says_so(kind):
    X, y = load_iris(return_X_y=True)
    model = SupervisedDictionaryLearning(kind=kind, reconstruction_weight=1e10)
    with pytest.warns(ConvergenceWarning, match="rounding hides any progress"):
        assert not model.fit(X, y).converged_
