"""From validated arrays to fitted attributes of supervised dictionary learning."""

from dataclasses import dataclass

import numpy as np

from skgeo.decomposition._supervised.bcd import (
    bcd_feature,
    bcd_filter,
    least_squares_codes,
)
from skgeo.decomposition._supervised.initialization import initial_dictionary
from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    LabelLoss,
    ridge_logistic,
)
from skgeo.decomposition._supervised.lpgd import lpgd
from skgeo.utils.solver_result import SolverResult

__all__ = ["Problem", "Solution", "solve"]


@dataclass
class Problem:
    """One training problem in internal units.

    Attributes
    ----------
    data, label_data : DataMatrix
        The features as they are reconstructed, and as a filter classifier sees them.
    Z : ndarray of shape (n_samples, n_covariates)
        Standardized covariates.
    y : ndarray of shape (n_samples,)
        Class indices.
    n_classes : int
        Number of classes.
    label_weight : ndarray of shape (n_samples,)
        Relative sample weight times class weight.
    """

    data: object
    label_data: object
    Z: np.ndarray
    y: np.ndarray
    n_classes: int
    label_weight: np.ndarray


@dataclass
class Solution:
    """Factors in internal units: unit rows of D, logits from D's codes or filters."""

    D: np.ndarray
    coef: np.ndarray
    nu: np.ndarray
    result: SolverResult
    condition: float | None = None


def solve(params, problem, warm, random_state, callback):
    """Run the solver that the parameters ask for.

    Parameters
    ----------
    params : SimpleNamespace
        Checked parameters of the estimator, the solver resolved.
    problem : Problem
        Training problem.
    warm : tuple (D, coef, nu) or None
        An earlier solution in internal units.
    random_state : numpy.random.RandomState
        Source of randomness.
    callback : callable
        Called once per outer iteration.

    Returns
    -------
    solution : Solution
        Factors.
    """
    loss = LabelLoss(problem.y, problem.n_classes, problem.label_weight)
    covariates = CovariateModel(loss, problem.Z, params.fit_intercept, params.alpha)
    common = {
        "recon": params.reconstruction_weight,
        "ridge": params.alpha,
        "max_iter": params.max_iter,
        "tol": params.tol,
        "callback": callback,
    }
    if params.solver == "lpgd":
        solution = _lpgd(params, problem, loss, covariates, warm, random_state, common)
    else:
        solution = _bcd(params, problem, loss, covariates, warm, random_state, common)
    if params.kind == "feature" and params.refit_coef:
        D = solution.D
        C = least_squares_codes(problem.data.forward(D), D, params.positive_code)
        penalty = np.concatenate([np.full(len(D), params.alpha), covariates.penalty])
        start = np.zeros((loss.n_logits, len(penalty)))
        joint, _ = ridge_logistic(
            np.hstack([C, covariates.N]),
            loss,
            penalty,
            start,
            max_iter=1000,
            polish=True,
        )
        solution.coef, solution.nu = joint[:, : len(D)], joint[:, len(D) :]
    return solution


def _lpgd(params, problem, loss, covariates, warm, random_state, common):
    r, k = params.n_components, loss.n_logits
    data = problem.data
    p = data.shape[1]
    is_filter = params.kind == "filter"
    start = None
    if warm is not None:
        D, coef, nu = warm
        if is_filter:
            start = (coef @ D, D.T, nu)
        else:
            # Training codes are not kept, and the old coefficients need them.
            codes = least_squares_codes(data.forward(D), D, False)
            penalty = np.concatenate([np.full(r, params.alpha), covariates.penalty])
            joint, _ = ridge_logistic(
                np.hstack([codes, covariates.N]),
                loss,
                penalty,
                np.zeros((k, len(penalty))),
                max_iter=50,
                polish=True,
            )
            coef, nu = joint[:, :r], joint[:, r:]
            start = (codes @ coef.T, np.vstack([coef, D.T]), nu)
    elif not isinstance(params.init, str) or params.init == "random":
        if isinstance(params.init, str):
            basis = random_state.standard_normal((p, r))
            A = random_state.standard_normal((k, p))
        else:
            basis = (np.array(params.init, dtype=np.float64) / data.scale).T
            A = np.zeros((k, p))
        if is_filter:
            start = (A, basis, covariates.zeros())
        else:
            A = data.forward(A)
            start = (A, np.vstack([np.zeros((k, r)), basis]), covariates.zeros())
    result = lpgd(params.kind, data, loss, covariates, rank=r, start=start, **common)
    A, V, nu = result.x
    if is_filter:
        D, coef = V.T.copy(), A @ V
    else:
        D, coef = result.factors.dictionary, result.factors.coef
        norm = np.linalg.norm(D, axis=1)
        # A direction of the lift that holds labels only has no atom to show.
        empty = norm <= 1e-12 * max(norm.max(), 1e-300)
        norm[empty] = 1.0
        D, coef = D / norm[:, None], coef / norm
        D[empty], coef[:, empty] = 0.0, 0.0
    D, coef = _flip(D, coef)
    L, mu = result.lipschitz, result.strong_convexity
    return Solution(D, coef, nu, result, condition=L / mu if mu > 0 else np.inf)


def _bcd(params, problem, loss, covariates, warm, random_state, common):
    data = problem.data
    signs = {
        "positive_dict": params.positive_dict,
        "positive_code": params.positive_code,
    }
    r, k = params.n_components, loss.n_logits
    if warm is not None:
        start = warm
    else:
        if isinstance(params.init, str):
            kind = "random" if params.init == "random" else "svd"
            D = initial_dictionary(data, r, kind, random_state=random_state, **signs)
        else:
            D = np.array(params.init, dtype=np.float64) / data.scale
        start = (D, np.zeros((k, r)), covariates.zeros())
    if params.kind == "filter":
        if warm is None:
            D = start[0] / np.maximum(np.linalg.norm(start[0], axis=1), 1e-300)[:, None]
            start = (
                D,
                *_first_coefficients(problem, loss, covariates, D, params.alpha),
            )
        result = bcd_filter(
            data, problem.label_data, loss, covariates, start=start, **signs, **common
        )
    else:
        result = bcd_feature(data, loss, covariates, start=start, **signs, **common)
    D, coef, nu, _ = result.x
    norm = np.linalg.norm(D, axis=1)
    norm[norm == 0] = 1.0
    D, coef = D / norm[:, None], coef / norm
    if not (params.positive_dict or params.positive_code):
        D, coef = _flip(D, coef)
    return Solution(D, coef, nu, result)


def _first_coefficients(problem, loss, covariates, D, ridge):
    """Coefficients of the filtered features of a starting dictionary."""
    U = problem.label_data.forward(D)
    penalty = np.concatenate([np.full(len(D), ridge), covariates.penalty])
    start = np.zeros((loss.n_logits, len(penalty)))
    joint, _ = ridge_logistic(
        np.hstack([U, covariates.N]),
        loss,
        penalty,
        start,
        max_iter=20,
        polish=True,
    )
    return joint[:, : len(D)], joint[:, len(D) :]


def _flip(D, coef):
    """Make the entry of largest modulus of every atom positive."""
    top = D[np.arange(len(D)), np.abs(D).argmax(axis=1)]
    sign = np.where(top < 0, -1.0, 1.0)
    return D * sign[:, None], coef * sign
