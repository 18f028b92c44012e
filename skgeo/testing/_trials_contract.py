"""Checks of the estimator contract: what clone, pipelines and searches rely on."""

import inspect
import pickle
import warnings

import numpy as np
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skgeo.testing._trials_data import make_trials

METHODS = ("predict", "decision_function", "predict_proba", "transform")


def outputs(estimator, X):
    """Answers of a fitted estimator, by method."""
    return {
        m: np.asarray(getattr(estimator, m)(X))
        for m in METHODS
        if hasattr(estimator, m)
    }


def assert_same(first, second, rtol=1e-9, atol=1e-9):
    """Raise unless two sets of outputs agree."""
    assert first.keys() == second.keys(), f"{first.keys()} != {second.keys()}"
    for method, value in first.items():
        if value.dtype.kind in "fc":
            assert_allclose(second[method], value, rtol=rtol, atol=atol, err_msg=method)
        else:
            assert_array_equal(second[method], value, err_msg=method)


def _takes_weights(estimator):
    return "sample_weight" in inspect.signature(estimator.fit).parameters


def check_constructor(estimator, kind):
    """The constructor stores named parameters and nothing else."""
    signature = inspect.signature(type(estimator).__init__)
    kinds = {p.kind for p in signature.parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds, "__init__ takes **kwargs"
    assert inspect.Parameter.VAR_POSITIONAL not in kinds, "__init__ takes *args"
    extra = set(vars(estimator)) - set(estimator.get_params(deep=False))
    assert not extra, f"__init__ sets attributes that are not parameters: {extra}"


def check_clone_and_params(estimator, kind):
    """Clone and get_params/set_params are exact."""
    copy = clone(estimator)
    assert repr(copy.get_params()) == repr(estimator.get_params())
    assert copy.set_params(**estimator.get_params(deep=False)) is copy
    assert repr(copy) == repr(estimator)


def check_tags(estimator, kind):
    """The tags say that the input is 3-D."""
    tags = get_tags(estimator)
    assert tags.input_tags.three_d_array, "tags.input_tags.three_d_array is not set"
    assert not tags.input_tags.two_d_array, "tags.input_tags.two_d_array is set"


def check_fit_contract(estimator, kind):
    """Fit returns self, keeps parameters, and leaves X and y alone."""
    X, y = make_trials(kind=kind)
    X_before, y_before = X.copy(), y.copy()
    before = repr(estimator.get_params())
    assert estimator.fit(X, y) is estimator
    outputs(estimator, X)
    assert repr(estimator.get_params()) == before, "fit changed a parameter"
    assert_array_equal(X, X_before, err_msg="X was overwritten")
    assert_array_equal(y, y_before, err_msg="y was overwritten")
    learned = [name for name in vars(estimator) if name.endswith("_")]
    assert learned, "fit sets no attribute that ends in '_'"
    assert not hasattr(estimator, "n_features_in_"), "n_features_in_ is for tables"


def check_not_fitted(estimator, kind):
    """Every answer before fit is a NotFittedError."""
    X, _ = make_trials(kind=kind)
    for method in METHODS:
        if not hasattr(estimator, method):
            continue
        try:
            getattr(estimator, method)(X)
        except NotFittedError:
            continue
        raise AssertionError(f"{method} before fit did not raise NotFittedError")


def check_fit_is_deterministic(estimator, kind):
    """Fitting twice gives the same estimator."""
    X, y = make_trials(kind=kind)
    first = outputs(clone(estimator).fit(X, y), X)
    estimator.fit(X, y)
    assert_same(first, outputs(estimator, X), rtol=0, atol=0)
    assert_same(first, outputs(estimator.fit(X, y), X), rtol=0, atol=0)


def check_refit_forgets(estimator, kind):
    """Fitting on another number of channels forgets the first fit."""
    X, y = make_trials(n_channels=4, kind=kind, random_state=1)
    fresh = clone(estimator).fit(X, y)
    other, y_other = make_trials(n_channels=2, kind=kind)
    estimator.fit(other, y_other)
    assert_same(outputs(fresh, X), outputs(estimator.fit(X, y), X), rtol=0, atol=0)


def check_pickle(estimator, kind):
    """Pickles, before and after fit, answer alike."""
    X, y = make_trials(kind=kind)
    pickle.loads(pickle.dumps(estimator)).fit(X, y)
    fitted = estimator.fit(X, y)
    assert_same(
        outputs(fitted, X), outputs(pickle.loads(pickle.dumps(fitted)), X), 0, 0
    )


def check_order_of_trials(estimator, kind):
    """Answers belong to trials: permuting or dropping trials does the same to them."""
    X, y = make_trials(kind=kind)
    answers = outputs(estimator.fit(X, y), X)
    order = np.random.default_rng(0).permutation(len(X))
    permuted = outputs(estimator, X[order])
    subset = outputs(estimator, X[::5])
    single = outputs(estimator, X[:1])
    assert_same({m: a[order] for m, a in answers.items()}, permuted)
    assert_same({m: a[::5] for m, a in answers.items()}, subset)
    assert_same({m: a[:1] for m, a in answers.items()}, single)


def check_training_order(estimator, kind):
    """The order of the training trials does not matter."""
    X, y = make_trials(kind=kind)
    first = outputs(clone(estimator).fit(X, y), X)
    order = np.random.default_rng(0).permutation(len(X))
    second = outputs(estimator.fit(X[order], y[order]), X)
    # Probabilities may be calibrated on folds, which are cut by position.
    first.pop("predict_proba", None)
    second.pop("predict_proba", None)
    # Iterative heads stop within a tolerance that rounding can cross.
    assert_same(first, second, rtol=5e-3, atol=5e-3)


def check_n_jobs(estimator, kind):
    """Two jobs give what one gives."""
    if "n_jobs" not in estimator.get_params():
        return
    X, y = make_trials(kind=kind)
    one = outputs(clone(estimator).set_params(n_jobs=1).fit(X, y), X)
    two = outputs(estimator.set_params(n_jobs=2).fit(X, y), X)
    assert_same(one, two, rtol=1e-12, atol=1e-12)


def check_pipeline_and_search(estimator, kind):
    """Works in Pipeline, cross_val_score(n_jobs=2) and GridSearchCV."""
    X, y = make_trials(kind=kind)
    pipeline = Pipeline([("same", FunctionTransformer()), ("estimator", estimator)])
    assert_same(
        outputs(clone(estimator).fit(X, y), X), outputs(pipeline.fit(X, y), X), 0, 0
    )

    scoring = None if is_classifier(estimator) else _constant_score
    scores = cross_val_score(pipeline, X, y, cv=3, n_jobs=2, scoring=scoring)
    assert np.isfinite(scores).all()
    name = (
        sorted(estimator.get_params(deep=False))[0] if estimator.get_params() else None
    )
    grid = (
        {} if name is None else {f"estimator__{name}": [estimator.get_params()[name]]}
    )
    search = GridSearchCV(pipeline, grid, cv=3, scoring=scoring).fit(X, y)
    assert_allclose(search.best_score_, scores.mean())


def _constant_score(estimator, X, y=None):
    return float(np.isfinite(estimator.transform(X)).all())


def check_metadata_routing(estimator, kind):
    """Fits alike with metadata routing switched on, weights included."""
    X, y = make_trials(kind=kind)
    plain = outputs(clone(estimator).fit(X, y), X)
    with sklearn.config_context(enable_metadata_routing=True):
        assert_same(plain, outputs(clone(estimator).fit(X, y), X), rtol=0, atol=0)
        if _takes_weights(estimator):
            routed = clone(estimator).set_fit_request(sample_weight=True)
            pipeline = Pipeline(
                [("same", FunctionTransformer()), ("estimator", routed)]
            )
            pipeline.fit(X, y, sample_weight=np.ones(len(X)))
            assert_same(plain, outputs(pipeline, X), rtol=1e-6, atol=1e-6)


def check_sample_weight(estimator, kind):
    """Weight 0 is a dropped trial, weight 2 a repeated one."""
    if not _takes_weights(estimator):
        return
    X, y = make_trials(kind=kind)
    ones = outputs(clone(estimator).fit(X, y, sample_weight=np.ones(len(X))), X)
    assert_same(outputs(clone(estimator).fit(X, y), X), ones, rtol=1e-6, atol=1e-6)

    weight = np.ones(len(X))
    weight[:4] = 0
    weight[4:8] = 2
    repeated = np.r_[4:8, 4 : len(X)]
    weighted = outputs(clone(estimator).fit(X, y, sample_weight=weight), X)
    explicit = outputs(clone(estimator).fit(X[repeated], y[repeated]), X)
    for answers in (weighted, explicit):
        answers.pop("predict_proba", None)  # calibrated on folds cut by position
    assert_same(explicit, weighted, rtol=5e-3, atol=5e-3)


def check_classes_and_shapes(estimator, kind):
    """Shapes, order and consistency of the answers, for two and three classes."""
    for n_classes in (2, 3):
        X, y = make_trials(n_trials=30, n_classes=n_classes, kind=kind)
        estimator.fit(X, y)
        assert_array_equal(estimator.classes_, np.arange(n_classes))
        predicted = estimator.predict(X)
        assert predicted.shape == y.shape
        assert (predicted == y).mean() > 1.5 / n_classes, "does not learn easy classes"
        if hasattr(estimator, "predict_proba"):
            proba = estimator.predict_proba(X)
            assert proba.shape == (len(X), n_classes)
            assert (proba >= 0).all()
            assert_allclose(proba.sum(1), 1.0, rtol=1e-9)
            assert (proba.argmax(1) == predicted).mean() > 0.9
        assert hasattr(estimator, "decision_function") or hasattr(
            estimator, "predict_proba"
        ), "nothing to compute a ROC curve from"
        if hasattr(estimator, "decision_function"):
            decision = estimator.decision_function(X)
            if n_classes == 2:
                assert decision.shape == (len(X),)
                assert_array_equal((decision > 0).astype(int), predicted)
            else:
                assert decision.shape == (len(X), n_classes)
                assert (decision.argmax(1) == predicted).mean() > 0.9


def check_label_types(estimator, kind):
    """Strings, booleans and scattered integers are labels like any other."""
    X, y = make_trials(kind=kind)
    codes = clone(estimator).fit(X, y).predict(X)
    for labels in (
        np.array(["left", "right"]),
        np.array([False, True]),
        np.array([-3, 70]),
    ):
        estimator.fit(X, labels[y])
        assert_array_equal(estimator.classes_, labels)
        assert_array_equal(estimator.predict(X), labels[codes])
        assert_array_equal(
            clone(estimator).fit(X, list(labels[y])).predict(X), labels[codes]
        )


def check_channel_mixing(estimator, kind, mixing):
    """Mixing the channels leaves decisions alike: the field's own invariance."""
    X, y = make_trials(n_trials=40, kind=kind)
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    if mixing == "gains":
        A = np.diag([3e-5, 1.0, 700.0])
    if mixing == "invertible":
        A = A @ np.diag([0.2, 1.0, 5.0]) @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    mixed = A @ X if kind == "trials" else A @ X @ A.T
    plain = clone(estimator).fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has channels of unlike units")
        other = estimator.fit(mixed, y)
    assert_array_equal(other.predict(mixed), plain.predict(X))
    if hasattr(plain, "decision_function"):
        assert_allclose(
            other.decision_function(mixed),
            plain.decision_function(X),
            rtol=2e-3,
            atol=2e-3,
        )


def check_transform_contract(estimator, kind):
    """fit_transform is fit and transform; names and pandas output where 2-D."""
    X, y = make_trials(kind=kind)
    fused = clone(estimator).fit_transform(X, y)
    Z = estimator.fit(X, y).transform(X)
    assert len(Z) == len(X)
    assert np.isfinite(Z).all()
    assert_allclose(fused, Z, rtol=1e-7, atol=1e-9)
    if Z.ndim == 2:
        names = estimator.get_feature_names_out()
        assert len(names) == Z.shape[1]
        assert len(set(names)) == len(names)
        frame = estimator.set_output(transform="pandas").transform(X)
        assert list(frame.columns) == list(names)


CHECKS = [
    check_constructor,
    check_clone_and_params,
    check_tags,
    check_fit_contract,
    check_not_fitted,
    check_fit_is_deterministic,
    check_refit_forgets,
    check_pickle,
    check_order_of_trials,
    check_training_order,
    check_n_jobs,
    check_pipeline_and_search,
    check_metadata_routing,
    check_sample_weight,
]
CLASSIFIER_CHECKS = [check_classes_and_shapes, check_label_types]
TRANSFORMER_CHECKS = [check_transform_contract]
