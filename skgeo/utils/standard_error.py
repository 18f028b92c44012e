"""The one-standard-error rule: the simplest candidate that is as good as the best."""

import numpy as np

__all__ = ["simplest_within_one_error"]


def simplest_within_one_error(folds, complexity, *, tolerance=0.0, paired=False):
    """Pick the simplest candidate within one standard error of the best.

    Parameters
    ----------
    folds : ndarray of shape (n_candidates, n_folds)
        Scores, larger is better. A candidate with a NaN or infinite mean is out.
    complexity : ndarray of shape (n_candidates,) or (n_keys, n_candidates)
        What simple means, smaller is simpler; of several keys the first decides.
    tolerance : float, default=0.0
        Differences of mean scores that never justify complexity, however certain.
    paired : bool, default=False
        Also allow the standard error of each candidate's difference to the best,
        which is the larger one where folds contradict each other.

    Returns
    -------
    index : int or None
        Among equally simple candidates the best, then the first. None if no candidate
        has a finite mean.
    """
    folds = np.asarray(folds, dtype=np.float64)
    mean = folds.mean(axis=1)
    usable = np.isfinite(mean)
    if not usable.any():
        return None
    mean = np.where(usable, mean, -np.inf)
    best = int(np.argmax(mean))
    allowed = np.full(len(mean), float(tolerance))
    if folds.shape[1] > 1:
        differences = [folds[best][None]]
        if paired:
            with np.errstate(invalid="ignore"):  # infinite less infinite
                differences.append(folds[best] - folds)
        for values in differences:
            with np.errstate(invalid="ignore"):
                error = values.std(axis=1, ddof=1) / np.sqrt(folds.shape[1])
            allowed = np.maximum(allowed, np.nan_to_num(error, posinf=0.0))
    inside = usable & (mean >= mean[best] - allowed)
    keys = np.atleast_2d(complexity)
    order = np.lexsort((-mean, *keys[::-1]))
    return int(order[inside[order]][0])
