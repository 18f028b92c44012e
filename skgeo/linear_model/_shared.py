"""What the estimators of this package share."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["LinearPredictor", "warn_unsettled"]


def warn_unsettled(estimator, what):
    """Warn, from ``fit``, of a stop at ``max_iter``."""
    if not estimator.converged_:
        warnings.warn(
            f"{what} after max_iter={estimator.max_iter} iterations. Increase "
            "max_iter or tol.",
            ConvergenceWarning,
            stacklevel=4,
        )


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
        X = validate_data(self, X, dtype=np.float64, reset=False)
        mean = X @ self.coef_.T + self.intercept_
        if not return_std:
            return mean
        std = self._predictive_std(X)  # (n_samples, n_targets)
        return mean, std if mean.ndim == 2 else std[:, 0]
