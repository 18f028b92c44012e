"""Scores and results of the search, in scikit-learn's terms."""

import numpy as np
from scipy.stats import rankdata
from sklearn.base import ClassifierMixin

from skgeo.base import BaseEstimator

__all__ = ["FAST_SCORES", "ScorerAdapter", "results_table"]

FAST_SCORES = ("accuracy", "balanced_accuracy", "roc_auc")


class _Answers(ClassifierMixin, BaseEstimator):
    """Answers of one fold, dressed as a fitted classifier for a scorer."""

    def __init__(self, classes, decision, predicted):
        self.classes_ = classes
        self._decision, self._predicted = decision, predicted

    def predict(self, X):
        return self._predicted

    def decision_function(self, X):
        return self._decision


class ScorerAdapter:
    """Lets any scikit-learn scorer score a fold; picklable."""

    def __init__(self, scorer, classes, y):
        self.scorer, self.classes, self.y = scorer, classes, y

    def __call__(self, decision, codes, test):
        answers = _Answers(self.classes, decision, self.classes[codes])
        try:
            return float(self.scorer(answers, np.zeros((len(test), 1)), self.y[test]))
        except AttributeError as error:
            raise ValueError(
                "scoring must work from decision values or predictions: the inner "
                f"folds calibrate no probabilities. The scorer says: {error}"
            ) from error


def results_table(scores, folds):
    """Build ``cv_results_``.

    Parameters
    ----------
    scores : dict of (int, int) to ndarray of shape (n_folds, n_C, n_kernels)
        Scores of each embedding.
    folds : Folds
        Folds and settings.

    Returns
    -------
    results : dict
        ``cv_results_`` without times.
    table : ndarray of shape (n_settings, n_folds)
        Scores.

    Raises
    ------
    ValueError
        If every mean score is NaN.
    """
    params = [
        {"order": order, "lag": lag, "C": C, "kernel": kernel}
        for order, lag in scores
        for C in folds.Cs
        for kernel in folds.kernels
    ]
    table = np.stack([s.reshape(len(s), -1) for s in scores.values()], axis=1)
    table = np.ascontiguousarray(table.reshape(len(table), -1).T)
    mean = np.average(table, axis=1)
    if np.isnan(mean).all():
        raise ValueError(
            "scoring gave NaN for every setting: a test fold holds a single class. "
            "Use stratified folds, fewer folds, or scoring='accuracy'."
        )
    results = {
        f"param_{name}": np.ma.array([p[name] for p in params]) for name in params[0]
    }
    results["params"] = params
    for f, column in enumerate(table.T):
        results[f"split{f}_test_score"] = column.copy()
    results["mean_test_score"] = mean
    results["std_test_score"] = table.std(axis=1)
    filled = np.where(np.isnan(mean), np.nanmin(mean) - 1, mean)
    results["rank_test_score"] = rankdata(-filled, method="min").astype(np.int32)
    return results, table
