"""What the estimators of this package share."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.linear_model._kronecker.prior import fit_kron_prior
from skgeo.linear_model._kronecker.search import search_modes
from skgeo.utils.params import Integer, Null, OneOf, Real, Rule, SequenceOf

__all__ = ["KRON_RULES", "LinearPredictor", "MatrixList", "learn", "warn_unsettled"]

# "am" only crawls towards zero and needs the high threshold of its authors.
_PRUNE_TOL = {"mm": 1e-4, "svd": 1e-6, "am": 1e-2}
# Searches of the index sets after which "best" stops.
_ROUNDS = 3


class MatrixList(Rule):
    """A list of arrays, checked in ``fit``, where its errors can name the array."""

    def accepts(self, value):
        return isinstance(value, (list, tuple, np.ndarray))

    def __str__(self):
        return "a list of 2-D arrays"


# Rules of the parameters that decide how Kronecker-structured variances are learned.
KRON_RULES = {
    "method": OneOf("best", "mm", "svd", "am"),
    "noise_variance": Null() | Real(0.0),
    "coupling": Null() | SequenceOf(Real(0.0)),
    "prune_tol": OneOf("auto") | Real(0.0, 1.0, closed="left"),
    "min_gain": OneOf("auto") | Real(0.0),
    "max_iter": Integer(1),
    "tol": Real(0.0),
    "max_inner": Integer(1),
    "noise_floor": Real(0.0, 1.0, closed="neither"),
}


def n_steps(estimator):
    """Largest number of iterations of one call of :func:`learn`."""
    runs = 2 + _ROUNDS if estimator.method == "best" else 1
    return runs * (estimator.max_iter + 1)


def learn(dictionary, Y, estimator, noise, tick, **options):
    """Fit the prior of scaled measurements by the method(s) of an estimator."""
    factors = dictionary.factors

    def run(method, start=None):
        prune_tol = estimator.prune_tol
        return fit_kron_prior(
            factors,
            Y,
            method=method,
            noise=noise,
            coupling=estimator.coupling,
            prune_tol=_PRUNE_TOL[method] if prune_tol == "auto" else prune_tol,
            min_gain=estimator.min_gain,
            max_iter=estimator.max_iter,
            tol=estimator.tol,
            max_inner=estimator.max_inner,
            noise_floor=estimator.noise_floor,
            start=start,
            callback=tick,
            **options,
        )

    if estimator.method != "best":
        return run(estimator.method)
    best = max((run("svd"), run("mm")), key=_net_evidence)
    if estimator.coupling is not None and any(estimator.coupling):
        return best  # the search knows nothing of neighbors
    gain = estimator.min_gain
    costs = [np.log(H.shape[1]) if gain == "auto" else gain for H in factors]
    for _ in range(_ROUNDS):
        s2 = best.extra["noise_variance"]
        start = search_modes(factors, Y, best.x, s2, costs)
        if start is None:
            break
        again = run("mm", (start, s2))
        if _net_evidence(again) <= _net_evidence(best):
            break
        best = again
    return best


def _net_evidence(result):
    return result.extra["net_evidence"]


def check_coupling(coupling, n_modes):
    """Check that there is one coupling weight per mode."""
    if coupling is not None and len(coupling) != n_modes:
        raise ValueError(
            f"coupling must hold one weight per mode: expected {n_modes}, got "
            f"{len(coupling)}."
        )


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
