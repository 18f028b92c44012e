"""The search against GridSearchCV over the equivalent pipeline, fold by fold."""

import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from sklearn.metrics import balanced_accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from skgeo.eeg import (
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    DelayEmbedding,
    TangentMap,
)
from skgeo.eeg._solvers.fold_grams import fold_grams
from skgeo.testing import make_trials

CV = StratifiedKFold(3, shuffle=True, random_state=42)
GRID = {"orders": (1, 2, 3), "lags": (1, 4), "Cs": (0.5, 1.5)}


def hard_trials(n_classes=2, n_trials=45, seed=0, spread=0.5):
    """Trials of overlapping classes, unlike spectra and very unequal amplitudes."""
    X, y = make_trials(n_trials, 4, 150, n_classes, random_state=seed)
    rng = np.random.default_rng(seed)
    X += 3.0 * rng.standard_normal(X.shape)
    X *= np.exp(spread * rng.standard_normal((n_trials, 4, 1)))
    walk = np.cumsum(rng.standard_normal(X.shape), axis=-1) * rng.random(
        (n_trials, 1, 1)
    )
    return X + 0.2 * walk, y


def peer(scoring, estimator="oas", cv=CV):
    pipeline = Pipeline(
        [
            ("embed", DelayEmbedding(edge="moabb")),
            ("covariances", Covariances(estimator)),
            ("tangent", TangentSpace()),
            ("svc", SVC()),
        ]
    )
    grid = {
        "embed__order": list(GRID["orders"]),
        "embed__lag": list(GRID["lags"]),
        "svc__C": list(GRID["Cs"]),
        "svc__kernel": ["linear", "rbf"],
    }
    return GridSearchCV(pipeline, grid, cv=cv, scoring=scoring)


def search(**params):
    params = {"cv": CV, **GRID, **params}
    return AugmentedCovarianceClassifierCV(
        edge="moabb", shrinkage=None, **{"estimator": "oas", **params}
    )


def fold_scores(results, params):
    n_splits = sum(key.startswith("split") for key in results)
    rows = np.column_stack([results[f"split{f}_test_score"] for f in range(n_splits)])
    return {
        (p["order"], p["lag"], p["C"], p["kernel"]): row
        for p, row in zip(params, rows, strict=True)
    }


@pytest.mark.parametrize(
    ("n_classes", "scoring", "seed", "spread"),
    [
        (2, "roc_auc", 0, 0.5),
        (2, "roc_auc", 1, 2.0),  # one Newton step is not enough here
        (3, "accuracy", 3, 1.0),
        (2, "f1", 5, 0.5),
    ],
)
def test_equals_grid_search_fold_by_fold(n_classes, scoring, seed, spread):
    X, y = hard_trials(n_classes, seed=seed, spread=spread)
    theirs = peer(scoring).fit(X[:36], y[:36])
    ours = search(scoring=scoring).fit(X[:36], y[:36])
    params = [
        {k.split("__")[1]: v for k, v in p.items()}
        for p in theirs.cv_results_["params"]
    ]
    expected = fold_scores(theirs.cv_results_, params)
    found = fold_scores(ours.cv_results_, ours.cv_results_["params"])
    assert len(found) == (1 + 2 * 2) * 4
    for key, row in found.items():
        assert_allclose(row, expected[key], atol=1e-12, err_msg=str(key))
    best = {k.split("__")[1]: v for k, v in theirs.best_params_.items()}
    assert ours.best_params_ == best
    assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-12)
    assert_array_equal(ours.predict(X[36:]), theirs.predict(X[36:]))
    assert_allclose(
        ours.decision_function(X[36:]),
        theirs.decision_function(X[36:]),
        atol=2e-3,  # libsvm stops at 1e-3
    )


def test_scorers():
    X, y = hard_trials(3)
    balanced = search(scoring="balanced_accuracy").fit(X, y)
    adapted = search(scoring=make_scorer(balanced_accuracy_score)).fit(X, y)
    assert_allclose(
        balanced.cv_results_["mean_test_score"], adapted.cv_results_["mean_test_score"]
    )
    with pytest.raises(ValueError, match="decision values or predictions"):
        search(scoring="roc_auc_ovr").fit(X, y)
    with pytest.raises(ValueError, match="scoring"):
        search(scoring="beauty").fit(X, y)


@pytest.mark.parametrize("spread", [0.5, 3.0])
def test_fold_grams_against_exact_means(spread):
    X, y = hard_trials(spread=spread)
    C = AugmentedCovariances(3, 2).fit_transform(X)
    splits = list(CV.split(X, y))
    trains = [train for train, _ in splits]
    errors = {}
    for precision in ("exact", "first-order", "shared"):
        grams = list(fold_grams(C, trains, precision))
        errors[precision] = 0.0
        for K, train in zip(grams, trains, strict=True):
            tangent = TangentMap().fit(C[train])
            T = tangent.transform(C)
            error = np.linalg.norm(K - T @ T.T) / np.linalg.norm(T @ T.T)
            errors[precision] = max(errors[precision], error)
    assert errors["exact"] < 1e-4
    assert errors["exact"] < errors["first-order"] < errors["shared"] < 0.3


@pytest.mark.parametrize("edge", ["valid", "moabb", "wrap"])
@pytest.mark.parametrize("estimator", ["scm", "cov", "oas", "lwf"])
def test_covariances_of_the_grid(edge, estimator):
    from skgeo.eeg._grid import CovarianceGrid, distinct_points
    from skgeo.eeg._solvers.covariances import CovarianceSettings

    X, _ = hard_trials()
    points = distinct_points((1, 2, 4), (1, 5))
    assert points == [(1, 1), (2, 1), (4, 1), (2, 5), (4, 5)]
    settings = CovarianceSettings(edge, estimator, "diagonal")
    grid = CovarianceGrid.build(X * 1e120, points, settings)
    for order, lag in points:
        transformer = AugmentedCovariances(order, lag, edge=edge, estimator=estimator)
        expected = transformer.fit_transform(X * 1e120)
        found = grid.covariances(order, lag)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * expected.max())


def test_one_standard_error_rule():
    X, y = hard_trials()
    best = search().fit(X, y)
    ours = search(refit_rule="one-se").fit(X, y)
    results = ours.cv_results_
    row = fold_scores(results, results["params"])[tuple(best.best_params_.values())]
    limit = best.best_score_ - row.std(ddof=1) / np.sqrt(3)
    orders = results["param_order"][results["mean_test_score"] >= limit]
    assert ours.best_params_["order"] == orders.min()
    assert ours.best_score_ >= limit


def test_same_answer_in_threads_processes_and_little_memory():
    X, y = hard_trials()
    one = search().fit(X, y)
    others = [search(n_jobs=2).fit(X, y), search(n_jobs=2, max_memory=0.5).fit(X, y)]
    with joblib.parallel_config(backend="loky", n_jobs=2):
        others.append(search().fit(X, y))
    for other in others:
        for key in ("mean_test_score", "split2_test_score"):
            assert_array_equal(other.cv_results_[key], one.cv_results_[key])
        assert other.best_params_ == one.best_params_
        copy = pickle.loads(pickle.dumps(other))
        assert_array_equal(copy.decision_function(X), one.decision_function(X))
    with pytest.raises(ValueError, match=r"order=3 .* more than max_memory=0\.01"):
        search(max_memory=0.01).fit(X, y)


def test_groups_reach_the_splitter():
    X, y = hard_trials()
    groups = np.arange(len(X)) // 9
    ours = search(cv=GroupKFold(5)).fit(X, y, groups=groups)
    assert ours.n_splits_ == 5
    with pytest.raises(ValueError, match="groups"):
        search(cv=GroupKFold(5)).fit(X, y)


def test_folds_that_cannot_work_are_told():
    X, y = hard_trials()
    with pytest.raises(ValueError, match="smallest class"):
        search(cv=30).fit(X, y)
    missing = [(np.flatnonzero(y == 0), np.flatnonzero(y == 1))]
    with pytest.raises(ValueError, match="without one of the classes"):
        search(cv=missing).fit(X, y)
    with pytest.raises(ValueError, match="NaN for every setting"):
        search(cv=[(np.arange(30), np.flatnonzero(y[:45] == 1)[:3])]).fit(X, y)
    with pytest.raises(ValueError, match="order=9 and lag=20"):
        search(orders=(1, 9), lags=(20,)).fit(X, y)


def test_callbacks_see_every_embedding_and_can_stop():
    callback = pytest.importorskip("sklearn.callback")
    assert callback is not None
    X, y = hard_trials()
    seen = []

    class Watch:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **kwargs):
            pass

        def on_fit_task_end(self, estimator, context, **kwargs):
            if context.task_name == "iteration":
                seen.append(context.task_id)
                return len(seen) == 3
            return False

    watched = search()
    watched.set_callbacks(Watch())
    watched.fit(X, y)
    assert len(seen) == 3
    assert set(watched.cv_results_["param_order"]) == {3, 2}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["spread", "repeated"])
def test_the_grid_on_data_far_from_their_mean(kind, seed):
    """Gains of trials over two orders of magnitude; a few trials, many times."""
    rng = np.random.default_rng(seed)
    y = np.arange(36) % 2
    X = rng.standard_normal((36, 3, 120))
    X[y == 1, 0] *= 1.3
    if kind == "spread":
        X *= np.exp(1.5 * rng.standard_normal((36, 3, 1)))
    else:
        X = X[2 * rng.integers(0, 3, 36) + y]
    cv = list(StratifiedKFold(3, shuffle=True, random_state=seed).split(y, y))
    ours = AugmentedCovarianceClassifierCV(
        (1, 2), (3,), Cs=(0.5, 1.5), cv=cv, probability=False
    ).fit(X, y)
    pipeline = make_pipeline(AugmentedCovariances(lag=3), TangentMap(), SVC())
    grid = {
        "augmentedcovariances__order": [1, 2],
        "svc__C": [0.5, 1.5],
        "svc__kernel": ["linear", "rbf"],
    }
    theirs = GridSearchCV(pipeline, grid, cv=cv, scoring="roc_auc", refit=False)
    theirs.fit(X, y)
    for fold in range(3):
        name = f"split{fold}_test_score"
        assert_allclose(ours.cv_results_[name], theirs.cv_results_[name])
