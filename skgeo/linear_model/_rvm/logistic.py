"""Sparse Bayesian logistic regression by Laplace's method.

Around the mode, the log likelihood of a logistic model is that of a weighted linear
regression with noise of unit variance. The search of
:mod:`skgeo.linear_model._rvm.evidence` works on that regression, the mode is found
again, and so on until neither changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from skgeo.linear_model._rvm.compress import compress, dense_rows
from skgeo.linear_model._rvm.evidence import fit_evidence
from skgeo.linear_model._rvm.posterior import Problem

__all__ = ["LogisticFit", "LogisticProblem", "fit_logistic"]

_MAX_LOGIT = 30.0  # beyond, a probability is zero or one and its weight vanishes
_NEWTON_TOL = 1e-10  # decrement at which Newton's method stops
_MAX_NEWTON = 100
_MAX_ROUNDS = 5  # searches around a mode, each of which has to find a better model


@dataclass(frozen=True)
class LogisticProblem:
    """Two classes, the columns that may tell them apart, and what is asked.

    Attributes
    ----------
    columns : ndarray or sparse matrix of shape (n_samples, n_columns)
        Columns of the model.
    target : ndarray of shape (n_samples,)
        Zeros and ones.
    weight : ndarray of shape (n_samples,)
        Positive sample weights.
    mean, scale : ndarray of shape (n_columns,)
        What columns are centered and divided by; a scale of zero: a constant column.
    intercept : bool
        Whether there is an intercept.
    cost : float
        Log evidence that a term has to bring.
    tol : float
        Largest change of a log precision at which the iteration stops.
    max_iter : int
        Maximum number of iterations around one model.
    positive : bool
        Whether every coefficient but the intercept has to be positive.
    callback : callable, optional
        Called after each of them with a dict; a true answer stops.
    """

    columns: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    intercept: bool
    cost: float
    tol: float
    max_iter: int
    positive: bool = False
    callback: Callable | None = None

    def scaled(self, act):
        """Columns of the model, centered and scaled, and one of ones if asked for."""
        Z = dense_rows(self.columns[:, act], slice(None)) - self.mean[act]
        Z /= self.scale[act]
        return np.column_stack([Z, np.ones(len(Z))]) if self.intercept else Z


@dataclass(frozen=True)
class LogisticFit:
    """A mode and the Gaussian around it, in scaled units.

    Attributes
    ----------
    active : ndarray of shape (n_terms,)
        Columns in the model, in increasing order.
    precision : ndarray of shape (n_terms,)
        Their prior precisions.
    coef : ndarray of shape (n_terms + intercept,)
        Mode; the intercept comes last.
    cov : ndarray of shape (n_terms + intercept, n_terms + intercept)
        Posterior covariance.
    logit : ndarray of shape (n_samples,)
        Log odds of the training samples at the mode.
    log_evidence : float
        Laplace's approximation of the log evidence.
    score : float
        The same less the cost of the terms.
    objective : ndarray
        Scores after each iteration around the model kept.
    n_iter : int
        Iterations over all models.
    converged : bool
        Whether the iteration around the model settled.
    """

    active: np.ndarray
    precision: np.ndarray
    coef: np.ndarray
    cov: np.ndarray
    logit: np.ndarray
    log_evidence: float
    score: float
    objective: np.ndarray = field(default_factory=lambda: np.zeros(0))
    n_iter: int = 0
    converged: bool = False


def _log_likelihood(problem, logit):
    signed = np.where(problem.target > 0, logit, -logit)
    return -problem.weight @ np.logaddexp(0.0, -signed)


def find_mode(problem, act, precision, coef=None):
    """Maximize the posterior of the coefficients by Newton's method.

    Parameters
    ----------
    problem : LogisticProblem
        What is fitted.
    act : ndarray of int
        Columns in the model.
    precision : ndarray of float
        Their prior precisions, for columns of unit scale.
    coef : ndarray, optional
        Where to start.

    Returns
    -------
    fit : LogisticFit
        Mode, covariance and evidence.
    """
    Z = problem.scaled(act)
    prior = np.append(precision, 0.0) if problem.intercept else precision
    w = np.zeros(Z.shape[1]) if coef is None else coef
    max_steps = _MAX_NEWTON if len(w) else 0  # older SciPy refuses empty systems

    def objective(w, logit):
        return _log_likelihood(problem, logit) - 0.5 * prior @ w**2

    logit = Z @ w
    value = objective(w, logit)
    for _ in range(max_steps):
        p = expit(logit)
        gradient = Z.T @ (problem.weight * (problem.target - p)) - prior * w
        factor = _curvature(problem, Z, p, prior)
        step = cho_solve(factor, gradient)
        decrement = gradient @ step
        if decrement <= _NEWTON_TOL:
            break
        length = 1.0
        while True:  # concave, so that a short enough step always gains
            new = w + length * step
            new_logit = Z @ new
            new_value = objective(new, new_logit)
            if new_value >= value + 0.1 * length * decrement or length < 1e-8:
                break
            length *= 0.5
        if new_value <= value:
            break
        w, logit, value = new, new_logit, new_value
    factor = _curvature(problem, Z, expit(logit), prior)
    cov = cho_solve(factor, np.eye(len(w))) if len(w) else np.zeros((0, 0))
    log_det = 2 * np.sum(np.log(np.diag(factor[0])))
    evidence = value + 0.5 * (np.sum(np.log(precision)) - log_det)
    if problem.intercept:
        evidence += 0.5 * np.log(2 * np.pi)
    score = evidence - problem.cost * len(act)
    return LogisticFit(act, precision, w, cov, logit, evidence, score)


def find_admissible_mode(problem, act, precision, coef=None):
    """Find the mode, without the terms whose coefficients have the wrong sign."""
    fit = find_mode(problem, act, precision, coef)
    while problem.positive and (fit.coef[: len(fit.active)] < 0).any():
        k = len(fit.active)
        keep = np.arange(k) != np.argmin(fit.coef[:k] / np.sqrt(np.diag(fit.cov)[:k]))
        fit = find_mode(problem, fit.active[keep], fit.precision[keep])
    return fit


def _curvature(problem, Z, p, prior):
    """Cholesky factor of minus the Hessian of the log posterior."""
    H = (Z * (problem.weight * p * (1 - p))[:, None]).T @ Z
    H[np.diag_indices(len(H))] += prior
    # The intercept of classes told apart perfectly has no curvature of its own.
    H[np.diag_indices(len(H))] += 1e-12 * max(1.0, np.trace(H))
    return cho_factor(H, lower=True)


def _regression(problem, fit):
    """Weighted regression that the likelihood looks like around a mode.

    Returns
    -------
    regression : Problem
        The regression, compressed.
    unit : ndarray of shape (n_columns,)
        Relative precision of each column for a precision of one of a scaled column.
    """
    logit = np.clip(fit.logit, -_MAX_LOGIT, _MAX_LOGIT)
    p = expit(logit)
    curvature = p * (1 - p)
    response = logit + (problem.target - p) / curvature
    P = compress(
        problem.columns, response[:, None], problem.weight * curvature,
        problem.intercept,
    )  # fmt: skip
    unit = np.sqrt(P.total_weight) * P.y_scale[0]
    regression = Problem(
        P.design, P.target[0], float(P.unexplained[0]),
        # The number of rows only matters to the order of starts: the noise is known.
        max(problem.weight.sum() - problem.intercept, 1.0),
        noise=max(float(unit**-2), 1e-30), cost=problem.cost,
        positive=problem.positive, announced=True,
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (problem.scale / P.x_scale) ** 2 / P.total_weight
    return regression, np.where(P.x_scale > 0, scale, 1.0)


def _step(problem, fit, solver=None):
    """Columns and precisions of the best model of the regression around a mode."""
    regression, unit = _regression(problem, fit)
    if solver is None:
        a = np.clip(fit.precision * unit[fit.active], 1e-30, 1e30)
        # Columns that are constant under these weights cannot be kept.
        alive = regression.design[fit.active].any(axis=1)
        start = (fit.active[alive], a[alive])
        found = fit_evidence(regression, "sequential", start=start)
    else:
        found = fit_evidence(regression, solver)
    a = found.precision * found.noise_variance
    return found.active, np.clip(a / unit[found.active], 1e-12, 1e12)


def _settle(problem, fit):
    """Alternate moves and modes until neither changes.

    Where supports come back in a cycle, the one of the highest score is kept.
    """
    seen, trace = {}, [fit.score]
    best = fit
    for n_iter in range(1, problem.max_iter + 1):
        act, precision = _step(problem, fit)
        same = np.array_equal(act, fit.active)
        change = 0.0
        if same and len(act):
            change = np.abs(np.log(precision / fit.precision)).max()
        coef = fit.coef if same else None
        fit = find_admissible_mode(problem, act, precision, coef)
        trace.append(fit.score)
        key = tuple(act.tolist())
        if not same and key in seen and seen[key] >= fit.score - problem.tol:
            return _with_trace(best, trace, n_iter, True)  # a cycle
        seen[key] = max(fit.score, seen.get(key, -np.inf))
        if same or fit.score > best.score:
            best = fit
        if same and change <= problem.tol:
            return _with_trace(fit, trace, n_iter, True)
        info = {"n_iter": n_iter, "score": fit.score}
        if problem.callback is not None and problem.callback(info):
            break
    return _with_trace(best, trace, len(trace) - 1, False)


def _with_trace(fit, trace, n_iter, converged):
    return LogisticFit(
        fit.active, fit.precision, fit.coef, fit.cov, fit.logit, fit.log_evidence,
        fit.score, np.array(trace), n_iter, converged,
    )  # fmt: skip


def fit_logistic(problem: LogisticProblem, solver: str = "search") -> LogisticFit:
    """Maximize Laplace's evidence, less the cost per term, of a logistic model.

    Parameters
    ----------
    problem : LogisticProblem
        What is fitted.
    solver : {"search", "thorough", "sequential", "fixed_point"}, default="search"
        How the regression around the mode of the empty model is solved, and, for the
        first two, that around each mode which single moves settle at.

    Returns
    -------
    fit : LogisticFit
        The model.
    """
    none = np.zeros(0, dtype=np.intp)
    empty = find_mode(problem, none, np.zeros(0))
    start = find_admissible_mode(problem, *_step(problem, empty, solver))
    best = _settle(problem, start)
    n_iter = best.n_iter
    for _ in range(_MAX_ROUNDS if solver in ("search", "thorough") else 0):
        act, precision = _step(problem, best, solver)
        if np.array_equal(act, best.active):
            break
        other = _settle(problem, find_admissible_mode(problem, act, precision))
        n_iter += other.n_iter
        if not other.score > best.score + problem.tol:
            break
        best = other
    if empty.score > best.score:
        best = _with_trace(empty, [empty.score], 1, True)
    return LogisticFit(
        best.active, best.precision, best.coef, best.cov, best.logit,
        best.log_evidence, best.score, best.objective, max(1, n_iter), best.converged,
    )  # fmt: skip
