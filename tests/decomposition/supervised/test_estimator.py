"""SupervisedDictionaryLearning as its users meet it."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skgeo.datasets import load_docstrings, make_conflicting_digits
from skgeo.decomposition import SupervisedDictionaryLearning

POSITIVE = {"positive_dict": True, "positive_code": True}
MODELS = {
    "filter lpgd": {},
    "feature lpgd": {"kind": "feature"},
    "filter bcd": {"solver": "bcd"},
    "filter positive": POSITIVE,
    "feature positive": {"kind": "feature", **POSITIVE},
    "feature semi": {"kind": "feature", "positive_code": True},
}


def data(n_classes=3, n=90, p=12, q=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, size=(n, 4)) @ rng.gamma(0.5, size=(4, p))
    X += 0.1 * rng.random((n, p))
    Z = rng.standard_normal((n, q)) * [1.0, 30.0][:q] + 5
    s = X[:, :n_classes] - X[:, :n_classes].mean(0)
    s[:, 0] += Z[:, 0] - 5
    y = (2 * s + rng.gumbel(size=s.shape)).argmax(1)
    return X, np.array(["c", "a", "b", "d"])[y], Z


def make(name="filter lpgd", **extra):
    options = {"n_components": 3, "tol": 1e-4, "max_iter": 300, "alpha": 0.01}
    return SupervisedDictionaryLearning(**{**options, **MODELS[name], **extra})


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_attributes_and_their_meaning(name, n_classes):
    X, y, Z = data(n_classes)
    model = make(name).fit(X, y, covariates=Z)
    k = 1 if n_classes == 2 else n_classes
    assert model.components_.shape == (3, 12)
    assert model.coef_.shape == (k, 3)
    assert model.covariate_coef_.shape == (k, 2)
    norm = np.linalg.norm(model.components_ / model.feature_scale_, axis=1)
    assert_allclose(norm[norm > 0], 1)
    if model.positive_dict:
        assert (model.components_ >= 0).all()
    if model.positive_code:
        assert (model.encode(X) >= 0).all()
    scores = model.decision_function(X, covariates=Z)
    fixed = model.intercept_ + Z @ model.covariate_coef_.T
    by_hand = model.transform(X) @ model.coef_.T + fixed
    assert_allclose(scores if k > 1 else scores[:, None], by_hand, atol=1e-9)
    if hasattr(model, "effective_coef_"):
        linear = (X - model.mean_) @ model.effective_coef_.T + fixed
        assert_allclose(linear, by_hand, atol=1e-7)
    else:
        assert name in ("feature positive", "feature semi")
    assert (np.diff(model.objective_) <= 1e-9).all()
    assert len(model.objective_) == model.n_iter_ + 1
    assert ("lpgd" in name) == hasattr(model, "condition_")
    P = model.predict_proba(X, covariates=Z)
    assert_allclose(P.sum(1), 1)
    assert_allclose(np.log(P), model.predict_log_proba(X, covariates=Z), atol=1e-9)
    assert_array_equal(model.classes_[P.argmax(1)], model.predict(X, covariates=Z))
    error = model.reconstruction_error(X)
    gap = (X - model.inverse_transform(model.encode(X))) / model.feature_scale_
    spread = (X - X.mean(0)) / model.feature_scale_
    assert_allclose(error, np.sum(gap**2) / np.sum(spread**2), rtol=1e-6)
    assert model.score(X, y, covariates=Z) > 0.6


def test_positive_codes_are_nonnegative_least_squares():
    X, y, _ = data()
    model = make("filter positive").fit(X, y)
    f = model.feature_scale_
    expected = [nnls((model.components_ / f).T, x / f)[0] for x in X]
    assert_allclose(model.encode(X), expected, atol=1e-5)


def test_full_rank_is_ridge_logistic_regression():
    X, y, _ = data()
    model = make(n_components=12, tol=1e-9, max_iter=20_000).fit(X, y)
    C = 1 / (2 * len(X) * model.alpha * model.scale_**2)
    f = model.feature_scale_
    assert_allclose(f, X.std(axis=0))
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X / f, y)
    assert_allclose(model.effective_coef_ * f, oracle.coef_, atol=1e-4)
    assert_allclose(model.predict_proba(X), oracle.predict_proba(X / f), atol=1e-5)
    assert model.reconstruction_error(X) < 1e-10


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("factor", [1e-150, 1e-3, 1e150])
def test_units_of_the_data_do_not_matter(name, factor):
    X, y, Z = data()
    a = make(name, max_iter=20).fit(X, y, covariates=Z)
    b = make(name, max_iter=20).fit(X * factor, y, covariates=Z * 1e-4)
    scores = [a.decision_function(X, Z), b.decision_function(X * factor, Z * 1e-4)]
    assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-4)
    assert_allclose(b.objective_, a.objective_, rtol=1e-5)
    assert_allclose(
        b.reconstruction_error(X * factor), a.reconstruction_error(X), rtol=1e-4
    )


@pytest.mark.parametrize("name", ["filter lpgd", "feature lpgd"])
def test_order_of_classes_does_not_matter(name):
    X, y, Z = data()
    renamed = np.array([{"a": 7, "b": -1, "c": 3}[label] for label in y])
    a, b = (make(name, tol=1e-7, max_iter=3000) for _ in range(2))
    a.fit(X, y, covariates=Z)
    b.fit(X, renamed, covariates=Z)
    order = [np.flatnonzero(b.classes_ == v)[0] for v in (7, -1, 3)]
    assert_allclose(b.predict_proba(X, Z)[:, order], a.predict_proba(X, Z), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_containers_agree(name):
    X, y, _ = data()
    X = X * (np.quantile(X, 0.4) < X)
    X = X.astype(np.float32).astype(float)
    reference = make(name, max_iter=15).fit(X, y)
    for other in (csr_matrix(X), csr_array(X), np.asfortranarray(X)):
        model = make(name, max_iter=15).fit(other, y)
        assert_allclose(model.objective_, reference.objective_, rtol=1e-6)
        assert_allclose(
            model.predict_proba(other), reference.predict_proba(X), atol=1e-3
        )
        assert_allclose(
            model.reconstruction_error(other),
            reference.reconstruction_error(X),
            rtol=1e-4,
        )
    narrow = X.astype(np.float32)
    model = make(name, max_iter=15).fit(narrow, y)
    assert_allclose(model.objective_, reference.objective_, rtol=1e-6)
    assert model.transform(narrow).dtype == np.float32
    assert model.encode(narrow).dtype == np.float32


@pytest.mark.parametrize("name", MODELS)
def test_integer_weights_repeat_rows(name):
    X, y, Z = data()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    options = {"max_iter": 12, "class_weight": "balanced", "alpha": 0.1}
    a = make(name, **options).fit(X, y, sample_weight=weight, covariates=Z)
    rows = np.repeat(np.arange(len(X)), weight)
    b = make(name, **options).fit(X[rows], y[rows], covariates=Z[rows])
    assert_allclose(a.objective_, b.objective_, rtol=1e-7)
    assert_allclose(
        a.predict_proba(X, covariates=Z), b.predict_proba(X, covariates=Z), atol=1e-4
    )


def test_class_weight_touches_the_labels_only():
    X, y, _ = data()
    even = make(alpha=0.1).fit(X, y)
    named = make(alpha=0.1, class_weight={"a": 1.0, "b": 1.0}).fit(X, y)
    assert_allclose(named.objective_, even.objective_)
    heavy = make(alpha=0.1, class_weight={"b": 50.0}).fit(X, y)
    assert (heavy.predict(X) == "b").mean() > (even.predict(X) == "b").mean()
    with pytest.raises(ValueError, match="not in y"):
        make(class_weight={"z": 1.0}).fit(X, y)


def test_two_ways_of_covariates_agree():
    pd = pytest.importorskip("pandas")
    X, y, Z = data()
    by_argument = make().fit(X, y, covariates=Z)
    both = np.hstack([Z[:, :1], X, Z[:, 1:]])
    by_index = make(covariate_columns=(0, -1)).fit(both, y)
    frame = pd.DataFrame(both, columns=[f"f{i}" for i in range(14)])
    by_name = make(covariate_columns=["f0", "f13"]).fit(frame, y)
    expected = by_argument.decision_function(X, covariates=Z)
    assert_allclose(by_index.decision_function(both), expected)
    assert_allclose(by_name.decision_function(frame), expected)
    assert_allclose(by_index.transform(both), by_argument.transform(X))
    assert by_name.n_features_in_ == 14
    assert by_name.components_.shape == (3, 12)
    assert cross_val_score(by_index, both, y, cv=3).min() > 0.5
    assert list(by_name.set_output(transform="pandas").transform(frame).columns) == [
        f"superviseddictionarylearning{i}" for i in range(3)
    ]


def test_covariates_are_checked():
    X, y, Z = data()
    plain, fitted = make().fit(X, y), make().fit(X, y, covariates=Z)
    with pytest.raises(ValueError, match="covariates is None"):
        fitted.predict(X)
    with pytest.raises(ValueError, match="fitted with 0"):
        plain.predict(X, covariates=Z)
    with pytest.raises(ValueError, match="1 columns"):
        fitted.predict(X, covariates=Z[:, :1])
    with pytest.raises(ValueError, match="must be 2-D"):
        make().fit(X, y, covariates=Z[:, 0])
    with pytest.raises(ValueError, match="one row per sample"):
        make().fit(X, y, covariates=Z[:-1])
    with pytest.raises(ValueError, match="NaN"):
        make().fit(X, y, covariates=np.where(Z > 5, np.nan, Z))
    with pytest.raises(ValueError, match="one of the two ways"):
        make(covariate_columns=[0]).fit(X, y, covariates=Z)
    for columns, words in (
        ([0, 0], "twice"),
        ([99], "has 12"),
        (["a"], "no column names"),
        (list(range(12)), "no feature is left"),
    ):
        with pytest.raises(ValueError, match=words):
            make(covariate_columns=columns).fit(X, y)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"solver": "lpgd", "positive_code": True}, "use solver='bcd'"),
        ({"kind": "feature", "reconstruction_weight": 0.0}, "undetermined"),
        ({"n_components": 13}, "exceeds n_features=12"),
        ({"init": np.ones((2, 12))}, "init must have shape"),
        ({"init": -np.ones((3, 12)), "positive_dict": True}, "negative"),
        ({"init": np.full((3, 12), np.nan)}, "NaN"),
        ({"alpha": -1.0}, "'alpha' must be"),
        ({"class_weight": {"a": 0.0}}, "positive weights"),
    ],
)
def test_bad_parameters(options, words):
    X, y, _ = data()
    with pytest.raises(ValueError, match=words):
        make(**options).fit(X, y)


def test_metadata_routing_through_pipeline_and_search():
    X, y, Z = data()
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    with sklearn.config_context(enable_metadata_routing=True):
        model = make(max_iter=50)
        model.set_fit_request(covariates=True, sample_weight=True)
        model.set_predict_request(covariates=True)
        model.set_score_request(covariates=True, sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = Pipeline([("scale", scaler), ("sdl", model)])
        pipe.fit(X, y, covariates=Z, sample_weight=weight)
        direct = clone(model).fit(
            scaler.fit_transform(X), y, covariates=Z, sample_weight=weight
        )
        assert_array_equal(
            pipe.predict(X, covariates=Z),
            direct.predict(scaler.transform(X), covariates=Z),
        )
        search = GridSearchCV(pipe, {"sdl__n_components": [1, 3]}, cv=3)
        if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8):
            return  # Pipeline.score does not route sample_weight inside a search
        search.fit(X, y, covariates=Z, sample_weight=weight)
        assert search.best_params_["sdl__n_components"] in (1, 3)
        assert search.best_estimator_["sdl"].n_covariates_ == 2
        assert search.best_score_ > 0.5


@pytest.mark.parametrize("name", MODELS)
def test_warm_start_goes_on(name):
    X, y, Z = data()
    as_trained = {} if "filter" in name else {"refit_coef": False}
    model = make(name, warm_start=True, max_iter=40, **as_trained)
    first = model.fit(X, y, covariates=Z).objective_
    again = model.fit(X, y, covariates=Z).objective_
    assert again[-1] < first[0]
    if model.kind == "filter":  # nothing of a filter model is lost between fits
        assert again[0] < first[0]
        assert again[-1] <= first[-1] + 1e-6
    model.set_params(n_components=2).fit(X, y, covariates=Z)  # starts afresh
    assert model.components_.shape == (2, 12)


def test_warns_at_max_iter():
    X, y, _ = data()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model = make(max_iter=2, tol=0.0).fit(X, y)
    assert not model.converged_


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_degenerate_data(name, fit_intercept):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 30)
    Z = np.column_stack([y + 0.5 * rng.standard_normal(30), np.ones(30)])
    cases = {
        "zero": np.zeros((30, 5)),
        "constant": np.full((30, 5), 3.0),
        "rank one": np.outer(rng.random(30), rng.random(5)),
        "duplicate rows": np.tile(rng.random(5), (30, 1))
        * (np.arange(30) < 15)[:, None],
    }
    for X in cases.values():
        model = make(name, fit_intercept=fit_intercept, max_iter=30)
        model.fit(X, y, covariates=Z)
        P = model.predict_proba(X, covariates=Z)
        assert np.isfinite(P).all()
        assert np.isfinite(model.components_).all()
        assert model.score(X, y, covariates=Z) > 0.6
        model.reconstruction_error(X)


def test_separable_labels_without_ridge_stay_finite():
    X = np.r_[np.zeros((10, 3)), np.ones((10, 3))] + np.eye(20, 3)
    y = np.repeat([0, 1], 10)
    for name in MODELS:
        model = make(name, alpha=0.0, n_components=2, max_iter=50).fit(X, y)
        assert np.isfinite(model.decision_function(X)).all()
        assert model.score(X, y) == 1.0


def test_random_starts_reproduce_and_agree():
    X, y, _ = data()
    options = {"init": "random", "tol": 1e-9, "max_iter": 5000}
    a = make(random_state=0, **options).fit(X, y)
    b = make(random_state=0, **options).fit(X, y)
    assert_array_equal(a.objective_, b.objective_)
    c = make(random_state=1, **options).fit(X, y)
    d = make(init=np.random.default_rng(0).random((3, 12)), tol=1e-9, max_iter=5000)
    for other in (c, d.fit(X, y)):
        assert_allclose(other.objective_[-1], a.objective_[-1], rtol=1e-9)


def test_more_atoms_than_features():
    X, y, _ = data(p=5)
    model = make("filter positive", n_components=8).fit(X, y)
    assert model.components_.shape == (8, 5)


def test_pickle_and_refit_on_other_shapes():
    X, y, Z = data()
    model = make("feature positive").fit(X, y, covariates=Z)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(X, Z), model.predict(X, Z))
    model.set_params(kind="filter", positive_code=False).fit(X[:, :7], y)
    assert model.effective_coef_.shape == (3, 7)
    assert model.n_covariates_ == 0


def test_digits_with_five_atoms():
    X, y = load_digits(return_X_y=True)
    model = SupervisedDictionaryLearning(5)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9
    assert cross_val_score(model, X, y == 8, cv=3).mean() > 0.94


def test_datasets():
    X, y = make_conflicting_digits(80, random_state=3)
    again, _ = make_conflicting_digits(80, random_state=3)
    assert_array_equal(X, again)
    assert X.shape == (80, 64)
    assert 0.2 < y.mean() < 0.8
    docs = load_docstrings()
    assert len(docs.data) == len(docs.target) == len(docs.covariates) > 500
    assert 0.01 < docs.target.mean() < 0.3
    assert not any("scipy" in text.lower() for text in docs.data)
    with pytest.raises(ValueError, match="target_module"):
        load_docstrings(target_module="os")
