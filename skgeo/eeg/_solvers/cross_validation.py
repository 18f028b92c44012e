"""Inner cross-validation of tangent-space support vector machines on many folds."""

from dataclasses import dataclass

import numpy as np

from skgeo.eeg._solvers.fold_grams import fold_grams, siegel_fold_grams
from skgeo.eeg._solvers.gram_svm import one_versus_one, ovr_decision, vote

__all__ = ["Folds", "gamma_scale", "radial", "roc_auc", "score_settings"]


@dataclass(frozen=True, slots=True)
class Folds:
    """What every point of a grid is scored on.

    Attributes
    ----------
    codes : ndarray of shape (n_trials,)
        Class of each trial.
    n_classes : int
        Number of classes.
    splits : list of (ndarray of int, ndarray of int)
        Training and test trials of each fold.
    Cs : tuple of float
        Inverse regularizations.
    kernels : tuple of {"linear", "rbf"}
        Kernels.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"} or callable
        A callable takes (decision, predicted codes, test trials).
    precision : str
        Precision of the references, see :func:`fold_grams`.
    weight : ndarray of shape (n_trials,)
        Positive weights of the trials in means and machines; scores have none.
    """

    codes: np.ndarray
    n_classes: int
    splits: list
    Cs: tuple
    kernels: tuple
    scoring: object
    precision: str
    weight: np.ndarray


def gamma_scale(K, train, weight=None):
    """Width of the rbf kernel that scikit-learn's ``gamma="scale"`` means.

    It is one over the summed variance of the features, and the training vectors are
    centered, so it follows from the Gram matrix.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Gram matrix, centered on ``train``.
    train : ndarray of int
        Training vectors.
    weight : ndarray of shape (n,), optional
        Weights of all vectors.

    Returns
    -------
    gamma : float
        ``n_train / trace``, or 1 if there is no variation.
    """
    total = np.average(
        K[train, train], weights=None if weight is None else weight[train]
    )
    return 1.0 / total if total > 0 else 1.0


def radial(K, gamma):
    """Turn a Gram matrix into the rbf kernel of the same vectors.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Gram matrix.
    gamma : float
        Width.

    Returns
    -------
    kernel : ndarray of shape (n, n)
        ``exp(-gamma |x_i - x_j|^2)``.
    """
    norms = np.diagonal(K)
    squared = norms[:, None] + norms[None, :] - 2.0 * K
    return np.exp(-gamma * np.maximum(squared, 0.0))


def roc_auc(decision, positive):
    """Area under the ROC curve, summed as scikit-learn sums it.

    Parameters
    ----------
    decision : ndarray of shape (n,)
        Decision values.
    positive : ndarray of bool of shape (n,)
        Which samples are positive.

    Returns
    -------
    auc : float
        The area; NaN if one class is missing.
    """
    n_positive = int(positive.sum())
    if n_positive in (0, len(positive)):
        return np.nan
    order = np.argsort(decision, kind="stable")[::-1]
    decision, positive = decision[order], positive[order]
    ends = np.ones(len(decision), dtype=bool)
    np.not_equal(decision[1:], decision[:-1], out=ends[:-1])
    last = np.flatnonzero(ends)
    # From (0, 0); corners only, the sum is the same but for rounding.
    tps, fps = np.zeros(len(last) + 1), np.zeros(len(last) + 1)
    tps[1:] = np.cumsum(positive)[last]
    fps[1:] = 1.0 + last - tps[1:]
    if len(last) > 2:
        up, right = np.diff(tps[1:]), np.diff(fps[1:])
        corner = np.ones(len(last) + 1, dtype=bool)
        corner[2:-1] = (up[1:] != up[:-1]) | (right[1:] != right[:-1])
        tps, fps = tps[corner], fps[corner]
    return float(np.trapezoid(tps / tps[-1], fps / fps[-1]))


def _score(scoring, decision, codes, n_classes, test):
    if scoring == "roc_auc":
        return roc_auc(-decision[:, 0], codes[test] == 1)
    predicted = vote(decision, n_classes)
    if scoring == "accuracy":
        return float(np.average(predicted == codes[test]))
    if scoring == "balanced_accuracy":
        hits = predicted == codes[test]
        present = np.unique(codes[test])
        return float(np.mean([hits[codes[test] == k].mean() for k in present]))
    return scoring(ovr_decision(decision, n_classes), predicted, test)


def score_settings(covariances, folds):
    """Score every C and kernel on every fold of one set of covariances.

    Parameters
    ----------
    covariances : ndarray of shape (n_trials, n, n) or (n_trials, p, c, c)
        Covariances, or blocks (0, k) of block-Toeplitz ones.
    folds : Folds
        Folds and settings.

    Returns
    -------
    scores : ndarray of shape (n_folds, n_C, n_kernels)
        Scores.
    """
    scores = np.empty((len(folds.splits), len(folds.Cs), len(folds.kernels)))
    trains = [train for train, _ in folds.splits]
    # Dense covariances are 3-D, the blocks of block-Toeplitz ones 4-D.
    geometry = fold_grams if covariances.ndim == 3 else siegel_fold_grams
    grams = geometry(covariances, trains, folds.precision, folds.weight)
    for f, (K, (train, test)) in enumerate(zip(grams, folds.splits, strict=True)):
        for k, kernel in enumerate(folds.kernels):
            if kernel == "rbf":
                K_used = radial(K, gamma_scale(K, train, folds.weight))
            else:
                K_used = K
            decision = one_versus_one(
                K_used[np.ix_(train, train)],
                folds.codes[train],
                folds.n_classes,
                K_used[np.ix_(test, train)],
                folds.Cs,
                weight=folds.weight[train],
            )
            for c in range(len(folds.Cs)):
                # Machines that no bound holds are the same for every larger C.
                if c > 0 and np.array_equal(decision[c], decision[c - 1]):
                    scores[f, c, k] = scores[f, c - 1, k]
                    continue
                scores[f, c, k] = _score(
                    folds.scoring, decision[c], folds.codes, folds.n_classes, test
                )
    return scores
