"""Prediction on real data beside scikit-learn's regressions and classifiers.

Every model sees the same folds and standardized features. Regressions are judged by R2,
by the log density they give to held-out targets, and by how many of them lie in their
90 % intervals; classifiers by accuracy, log-loss and calibration error (mean gap of
predicted and observed frequency of a class over ten bins of equal size). Longley's data
and the cars come with statsmodels and vega_datasets and are left out without them.
"""

import argparse
import time
import warnings

import numpy as np
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

import skgeo
from benchmarks.common import save
from skgeo.linear_model import SparseBayesianClassifier, SparseBayesianRegressor

Z90 = norm.ppf(0.95)


class LassoWithResidualStd(RegressorMixin, BaseEstimator):
    """LassoCV with the spread of its training residuals, as people use it."""

    def fit(self, X, y):
        self.model_ = LassoCV(cv=5, max_iter=5000).fit(X, y)
        self.coef_ = self.model_.coef_
        freedom = max(len(y) - 1 - np.count_nonzero(self.coef_), 1)
        self.std_ = np.sqrt(np.sum((y - self.model_.predict(X)) ** 2) / freedom)
        return self

    def predict(self, X, return_std=False):
        mean = self.model_.predict(X)
        return (mean, np.full(len(mean), self.std_)) if return_std else mean


REGRESSORS = {
    "SparseBayesianRegressor": SparseBayesianRegressor,
    "same, min_gain 'selection'": lambda: SparseBayesianRegressor(min_gain="selection"),
    "same, min_gain 0": lambda: SparseBayesianRegressor(min_gain=0.0),
    "same, rbf kernel": lambda: SparseBayesianRegressor(kernel="rbf"),
    "ARDRegression": ARDRegression,
    "BayesianRidge": BayesianRidge,
    "LassoCV": LassoWithResidualStd,
}
CLASSIFIERS = {
    "SparseBayesianClassifier": SparseBayesianClassifier,
    "same, rbf kernel": lambda: SparseBayesianClassifier(kernel="rbf"),
    "LogisticRegression": lambda: LogisticRegression(max_iter=5000),
    "LogisticRegressionCV": lambda: LogisticRegressionCV(
        max_iter=5000, scoring="neg_log_loss", cv=5
    ),
    "LogisticRegressionCV, l1": lambda: LogisticRegressionCV(
        max_iter=5000, scoring="neg_log_loss", cv=5, l1_ratios=(1,),
        solver="saga", tol=1e-3,
    ),
    "SVC": lambda: SVC(probability=True, random_state=0),
}  # fmt: skip


def extra_sets():
    """Fuel consumption of cars, employment (Longley), where packages bring them."""
    try:
        from vega_datasets import data
    except ImportError:
        print("No cars without vega_datasets.")
    else:
        cars = data.cars().dropna()
        X = np.column_stack([
            cars[["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs",
                  "Acceleration"]].to_numpy(dtype=float),
            cars["Year"].dt.year, cars["Origin"] == "Japan", cars["Origin"] == "Europe",
        ])  # fmt: skip
        y = cars["Miles_per_Gallon"].to_numpy()
        yield "cars", X, y
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        yield (
            "cars, cubes",
            PolynomialFeatures(3, include_bias=False).fit_transform(X),
            y,
        )
    try:
        from statsmodels.datasets import longley
    except ImportError:
        print("No Longley data without statsmodels.")
    else:
        table = longley.load_pandas()
        yield "Longley", table.exog.to_numpy(dtype=float), table.endog.to_numpy()


def regression_sets():
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes", X, y
    yield (
        "diabetes, squares",
        PolynomialFeatures(2, include_bias=False).fit_transform(X),
        y,
    )
    yield from extra_sets()
    X, Y = load_linnerud(return_X_y=True)
    yield "linnerud, pulse", np.column_stack([X, Y[:, :2]]), Y[:, 2]
    X = load_iris().data
    yield "iris, petal width", X[:, :3], X[:, 3]
    X = load_wine().data
    yield "wine, color", np.delete(X, 9, axis=1), X[:, 9]
    X = load_wine().data
    squares = PolynomialFeatures(2, include_bias=False)
    yield (
        "wine, color, squares",
        squares.fit_transform(np.delete(X, 9, axis=1)),
        X[:, 9],
    )
    X = load_breast_cancer().data
    yield "cancer, smoothness", np.delete(X, 4, axis=1), X[:, 4]
    X = load_digits().data
    alive = X.std(axis=0) > 0
    yield "digits, one pixel", X[::4][:, alive & (np.arange(64) != 36)], X[::4, 36]


def classification_sets():
    for name, load in (
        ("breast cancer", load_breast_cancer), ("wine", load_wine), ("iris", load_iris)
    ):  # fmt: skip
        yield (name, *load(return_X_y=True))
    X, y = load_digits(return_X_y=True)
    for a, b in ((3, 8), (1, 7), (4, 9)):
        rows = (y == a) | (y == b)
        yield f"digits {a}, {b}", X[rows], y[rows]
    yield "digits 0-9, a third", X[::3], y[::3]
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes above median", X, y > np.median(y)


def n_vectors(model):
    """Features or samples that a fitted model needs."""
    if hasattr(model, "relevance_"):
        return len(model.relevance_)
    if hasattr(model, "support_vectors_"):
        return len(model.support_vectors_)
    return int(np.any(np.atleast_2d(model.coef_) != 0, axis=0).sum())


def regression(name, X, y, repeats):
    folds = list(RepeatedKFold(n_splits=5, n_repeats=repeats, random_state=0).split(X))
    for method, make in REGRESSORS.items():
        error, density, inside, size, cpu = [], [], [], [], 0.0
        for train, test in folds:
            model = make_pipeline(StandardScaler(), make())
            start = time.process_time()
            model.fit(X[train], y[train])
            cpu += time.process_time() - start
            mean, std = model.predict(X[test], return_std=True)
            error += list((y[test] - mean) ** 2)
            density += list(norm.logpdf(y[test], mean, std))
            inside += list(np.abs(y[test] - mean) <= Z90 * std)
            size.append(n_vectors(model[-1]))
        yield {
            "task": "regression", "data": name, "n": len(y), "p": X.shape[1],
            "method": method, "r2": float(1 - np.mean(error) / y.var()),
            "log_density": float(np.mean(density)),
            "inside_90": float(np.mean(inside)), "size": float(np.mean(size)),
            "cpu": cpu / len(folds), "folds": len(folds),
        }  # fmt: skip


def calibration_error(proba, truth):
    order = np.argsort(proba)
    bins = np.array_split(order, 10)
    return np.mean([abs(proba[b].mean() - truth[b].mean()) for b in bins])


def classification(name, X, y, repeats):
    folds = list(
        RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0).split(
            X, y
        )
    )
    for method, make in CLASSIFIERS.items():
        right, loss, size, cpu, all_proba, all_truth = [], [], [], 0.0, [], []
        for train, test in folds:
            model = make_pipeline(StandardScaler(), make())
            start = time.process_time()
            model.fit(X[train], y[train])
            cpu += time.process_time() - start
            proba = model.predict_proba(X[test])
            right.append(np.mean(model.predict(X[test]) == y[test]))
            loss.append(log_loss(y[test], proba, labels=model.classes_))
            size.append(n_vectors(model[-1]))
            all_proba.append(proba)
            all_truth.append(y[test][:, None] == model.classes_)
        yield {
            "task": "classification", "data": name, "n": len(y), "p": X.shape[1],
            "classes": len(np.unique(y)), "method": method,
            "accuracy": float(np.mean(right)), "log_loss": float(np.mean(loss)),
            "calibration_error": float(calibration_error(
                np.concatenate(all_proba).ravel(), np.concatenate(all_truth).ravel()
            )),
            "size": float(np.mean(size)), "cpu": cpu / len(folds), "folds": len(folds),
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warnings.filterwarnings("ignore")  # of the peers' iterations
    skgeo.warmup()
    rows = []
    for name, X, y in regression_sets():
        rows += regression(name, X, y, 1 if quick else 4)
        print(*rows[-len(REGRESSORS) :], sep="\n", flush=True)
    for name, X, y in classification_sets():
        if quick and len(y) > 200:
            continue
        rows += classification(name, X, y, 1 if quick or len(y) > 550 else 2)
        print(*rows[-len(CLASSIFIERS) :], sep="\n", flush=True)
    save("sparse_prediction", rows, quick=quick)


if __name__ == "__main__":
    main()
