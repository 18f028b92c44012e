"""What the estimators of this package share."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.utils.masked import refuse_masked
from skgeo.utils.validation import check_sample_weight

__all__ = [
    "LinearPredictor",
    "check_predictions",
    "check_target_type",
    "scaled_r2",
    "warn_unsettled",
]


def warn_unsettled(estimator, what):
    """Warn, from ``fit``, of a stop at ``max_iter``."""
    if not estimator.converged_:
        warnings.warn(
            f"{what} after max_iter={estimator.max_iter} iterations. Increase "
            "max_iter or tol.",
            ConvergenceWarning,
            stacklevel=4,
        )


def check_target_type(y):
    """Refuse targets of a regression that scikit-learn's checks would let pass."""
    refuse_masked(y, "y")
    if issparse(y):
        raise TypeError("y is sparse, but dense targets are required: use y.toarray().")
    kind = getattr(getattr(y, "dtype", None), "kind", None)
    if kind in ("M", "m"):
        raise ValueError(
            f"y holds dates or durations ({y.dtype}): turn them into numbers first, in "
            "the unit that you want."
        )


def check_predictions(mean):
    """Refuse predictions that exceed the range of floating-point numbers."""
    if not np.isfinite(mean).all():
        raise ValueError(
            "Predictions exceed the range of floating-point numbers: X is too far from "
            "the data of the fit. Give X or y in other units."
        )
    return mean


def scaled_r2(y, predicted, sample_weight):
    """Coefficient of determination of targets of any magnitude, mean over outputs.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    predicted : ndarray of the same shape
        Predictions.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.

    Returns
    -------
    score : float
        Coefficient of determination.
    """
    refuse_masked(y, "y")
    y = np.asarray(y)
    if sample_weight is not None:
        sample_weight = check_sample_weight(
            sample_weight, len(predicted), normalize=False
        )
    if y.dtype.kind not in "fiub" or y.shape != predicted.shape or not y.size:
        return r2_score(y, predicted, sample_weight=sample_weight)
    y = y.astype(np.float64)
    size = np.maximum(np.abs(y).max(axis=0), np.abs(predicted).max(axis=0))
    # Powers of two, which round nothing; squares of extreme units would.
    power = -np.frexp(np.where(np.isfinite(size), size, 1.0))[1]
    y, predicted = np.ldexp(y, power), np.ldexp(predicted, power)
    # Deviations at the level of rounding are those of a constant.
    flat = np.ptp(y, axis=0) <= 4 * np.finfo(float).eps
    y = np.where(flat, y[:1], y)
    predicted = np.where(flat & (np.abs(predicted - y) <= 1e-12), y, predicted)
    return float(r2_score(y, predicted, sample_weight=sample_weight))


class LinearPredictor:
    """Prediction of a linear model that knows the spread of its predictions."""

    def predict(self, X, return_std=False):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        return_std : bool, default=False
            Also return the standard deviation of the predictive distribution: noise,
            coefficients and intercept.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictive mean.
        y_std : ndarray of the shape of y
            Predictive standard deviation; only if ``return_std``.
        """
        check_is_fitted(self)
        refuse_masked(X, "X")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = check_predictions(X @ self.coef_.T + self.intercept_)
        if not return_std:
            return mean
        std = self._predictive_std(X)  # (n_samples, n_targets)
        return mean, std if mean.ndim == 2 else std[:, 0]
