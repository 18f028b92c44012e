"""The label part of supervised dictionary learning: logistic loss and its solves.

Two classes have one logit, K > 2 classes have K symmetric ones, so the order of the
classes does not matter. All weights are relative to the total sample weight.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from skgeo.kernels.softmax import logistic_loss, softmax_loss

__all__ = ["CovariateModel", "LabelLoss", "ridge_logistic"]

_NEWTON_LIMIT = 160  # unknowns up to which the full Newton matrix is formed
# Values of the loss this close, relative to the larger of themselves and one, differ
# by rounding alone: a sum of weights that add up to one loses no more.
_ROUNDING = 1e-14


class LabelLoss:
    """Weighted logistic or softmax loss as a function of the logits.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class of each sample, 0 ... n_classes - 1.
    n_classes : int
        Number of classes.
    weight : ndarray of shape (n_samples,)
        Weights, sample times class weight, relative to the total sample weight.
    """

    def __init__(self, y, n_classes, weight):
        self.y = np.ascontiguousarray(y, dtype=np.intp)
        self.weight = np.ascontiguousarray(weight, dtype=np.float64)
        self.binary = n_classes == 2
        self.n_logits = 1 if self.binary else n_classes
        # Largest curvature of one sample's loss in its logits.
        self.curvature = 0.25 if self.binary else 0.5
        self._kernel = logistic_loss if self.binary else softmax_loss

    def __call__(self, logits, rows=slice(None)):
        """Return the loss and its gradient in the logits."""
        residual = np.empty_like(logits)
        value = self._kernel(logits, self.y[rows], self.weight[rows], residual)
        return value, residual

    def probability_mass(self, residual):
        """Return ``weight * probability`` from the gradient in the logits."""
        mass = residual.copy()
        if self.binary:
            mass[:, 0] += self.weight * (self.y == 1)
        else:
            mass[np.arange(len(self.y)), self.y] += self.weight
        return np.maximum(mass, 0.0)


class CovariateModel:
    """Coefficients of the covariates and the intercept, given the other logits.

    They are few and their subproblem is smooth and convex, so they are minimized out
    by Newton steps instead of being carried through the slower main iteration.

    Parameters
    ----------
    loss : LabelLoss
        The label loss.
    Z : ndarray of shape (n_samples, n_covariates)
        Standardized covariates; may have no column.
    intercept : bool
        Whether there is an intercept; it is not penalized.
    ridge : float
        Weight of the squared covariate coefficients.
    """

    def __init__(self, loss, Z, intercept, ridge):
        columns, penalty = Z, np.full(Z.shape[1], ridge)
        if intercept:
            columns = np.hstack([Z, np.ones((len(Z), 1))])
            penalty = np.append(penalty, 0.0)
        self._set(loss, columns, penalty)

    @classmethod
    def of_columns(cls, loss, columns, penalty):
        """Any columns as covariates, each with its own ridge weight."""
        model = cls.__new__(cls)
        model._set(loss, columns, penalty)
        return model

    def _set(self, loss, columns, penalty):
        self.N, self.loss = np.ascontiguousarray(columns), loss
        self.penalty, self.size = penalty, columns.shape[1]
        self.newton = self.size * loss.n_logits <= _NEWTON_LIMIT
        self._bound = None

    def zeros(self):
        """Return coefficients of zero."""
        return np.zeros((self.loss.n_logits, self.size))

    def ridge(self, coef):
        """Return the penalty of the coefficients."""
        return float(self.penalty @ (coef**2).sum(axis=0))

    def _newton_matrix(self, residual):
        N, k, m = self.N, self.loss.n_logits, self.size
        mass = self.loss.probability_mass(residual)
        weight = self.loss.weight
        share = mass / np.where(weight > 0, weight, 1.0)[:, None]
        H = np.empty((k, m, k, m))
        if m < k:  # loop over the shorter of classes and covariates columns
            for i in range(m):
                for j in range(i, m):
                    pair = (N[:, i] * N[:, j])[:, None] * mass
                    block = -(share.T @ pair)
                    block[np.diag_indices(k)] += pair.sum(axis=0)
                    H[:, i, :, j], H[:, j, :, i] = block, block.T
        else:
            for a in range(k):
                for b in range(a, k):
                    h = -mass[:, a] * share[:, b] + (mass[:, a] if a == b else 0.0)
                    block = N.T @ (h[:, None] * N)
                    H[a, :, b, :], H[b, :, a, :] = block, block.T
        H = H.reshape(k * m, k * m)
        H[np.diag_indices_from(H)] += np.tile(2 * self.penalty, k)
        return H

    def _direction(self, gradient, residual):
        if self.newton:
            H = self._newton_matrix(residual)
            # The softmax is blind to a common shift of the logits and separable
            # labels flatten it: a whisker of the trace keeps it definite.
            H[np.diag_indices_from(H)] += 1e-10 * (np.trace(H) / len(H) + 1e-300)
            try:
                return -cho_solve(cho_factor(H), gradient.ravel()).reshape(
                    gradient.shape
                )
            except LinAlgError:
                pass  # take the safe step below
        if self._bound is None:
            H = self.loss.curvature * (self.N.T @ (self.loss.weight[:, None] * self.N))
            H[np.diag_indices_from(H)] += 2 * self.penalty + 1e-12 * np.trace(H)
            self._bound = cho_factor(H)
        return -cho_solve(self._bound, gradient.T).T

    # Steps that leave all bounds are not taken.
    @np.errstate(over="ignore", invalid="ignore")
    def solve(self, logits, coef, max_iter, tol=1e-13):
        """Lower the loss over the coefficients.

        Parameters
        ----------
        logits : ndarray of shape (n_samples, n_logits)
            Logits without the covariates and the intercept.
        coef : ndarray of shape (n_logits, size)
            Start.
        max_iter : int
            Maximum number of Newton steps.
        tol : float
            Stop when no entry of the gradient is larger.

        Returns
        -------
        coef, value, residual : ndarray, float, ndarray
            Coefficients, loss plus their penalty, gradient in the logits there. The
            value is never above that of the start by more than rounding.
        """
        if self.size == 0:
            value, residual = self.loss(logits)
            return coef, value, residual
        value, residual = self.loss(logits + self.N @ coef.T)
        value += self.ridge(coef)
        gradient = residual.T @ self.N + 2 * coef * self.penalty
        for _ in range(max_iter):
            if np.abs(gradient).max() <= tol:
                break
            step = self._direction(gradient, residual)
            if not self.loss.binary:
                # A common shift of all logits changes nothing: never drift along it.
                step -= step.mean(axis=0)
            size = 1.0
            while size > 1e-4:
                trial = coef + size * step
                new, new_residual = self.loss(logits + self.N @ trial.T)
                new += self.ridge(trial)
                slope = new_residual.T @ self.N + 2 * trial * self.penalty
                # Close to the minimum the values differ by rounding, and would leave
                # the coefficients known to half the digits: the gradients decide.
                gain, floor = value - new, _ROUNDING * max(1.0, abs(value))
                if gain > floor or (
                    gain >= -floor
                    and np.linalg.norm(slope) < 0.9 * np.linalg.norm(gradient)
                ):
                    break
                size *= 0.25
            else:
                break
            coef, value, residual, gradient = trial, new, new_residual, slope
        return coef, value, residual


def ridge_logistic(
    features, loss, penalty, start, *, max_iter=100, tol=1e-10, polish=False
):
    """Logistic regression with one ridge weight per feature.

    L-BFGS in coordinates whitened by the curvature bound of the loss, which makes the
    scale and the correlation of the features harmless.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Features.
    loss : LabelLoss
        Labels and weights.
    penalty : ndarray of shape (n_features,)
        Weights of the squared coefficients; 0 leaves one free.
    start : ndarray of shape (n_logits, n_features)
        Start.
    max_iter : int, default=100
        Maximum number of L-BFGS steps.
    tol : float, default=1e-10
        Stop when no entry of the whitened gradient is larger.
    polish : bool, default=False
        Finish with Newton steps, where there are few coefficients: L-BFGS stops when
        the values differ by rounding, with half the digits of the coefficients.

    Returns
    -------
    coef : ndarray of shape (n_logits, n_features)
        Coefficients.
    value : float
        Loss plus penalty, never above that of the start by more than rounding.
    """
    k, m = start.shape

    def objective(coef):
        value, residual = loss(features @ coef.T)
        gradient = residual.T @ features + 2 * coef * penalty
        return value + float(penalty @ (coef**2).sum(axis=0)), gradient

    at_start = objective(start)[0]
    if m == 0 or max_iter == 0:
        return start, at_start
    bound = loss.curvature * (features.T @ (loss.weight[:, None] * features))
    bound[np.diag_indices(m)] += 2 * penalty
    floor = 1e-10 * np.trace(bound) / m
    bound[np.diag_indices(m)] += floor if floor > 0 else 1.0
    L = np.linalg.cholesky(bound)  # whitened coefficients are coef @ L

    def whitened(v):
        coef = solve_triangular(L, v.reshape(k, m).T, lower=True, trans="T").T
        value, gradient = objective(coef)
        return value, solve_triangular(L, gradient.T, lower=True).T.ravel()

    found = minimize(
        whitened,
        (start @ L).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "gtol": tol, "ftol": 0.0, "maxcor": 10},
    )
    coef = solve_triangular(L, found.x.reshape(k, m).T, lower=True, trans="T").T
    value = objective(coef)[0]
    if value > at_start:
        coef, value = start, at_start
    if polish and k * m <= _NEWTON_LIMIT:
        model = CovariateModel.of_columns(loss, features, penalty)
        coef, value, _ = model.solve(np.zeros((len(features), k)), coef, 20)
    return coef, value
