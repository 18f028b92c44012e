"""From the regression problem of MEDIDA to coefficients and their errors."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from skgeo.dynamics._model_error.diagnostics import cluster_std

__all__ = ["Discovery", "discover", "rms"]


def rms(V):
    """Root mean square, whatever the units."""
    scale = np.abs(V).max()
    return float(scale * np.sqrt(np.mean((V / scale) ** 2))) if scale > 0 else 0.0


@dataclass
class Discovery:
    """Outcome of the regression.

    Attributes
    ----------
    regressors : list
        Fitted regressors, one per target.
    coef, std : ndarray of shape (n_targets, n_columns)
        Coefficients and standard deviations.
    constant : ndarray of shape (n_targets,)
        Intercepts.
    fitted : ndarray of the shape of the target
        What the terms explain.
    skill : float
        Part of the squared target that the terms explain.
    step_effect : float
        Change of the discovered terms along a step, relative to their size.
    """

    regressors: list
    coef: np.ndarray
    std: np.ndarray
    constant: np.ndarray
    fitted: np.ndarray
    skill: float
    step_effect: float


def discover(design, base, *, weight=None, end_of=None, prune=True):
    """Regress increments on terms, and drop what the finite step explains.

    Parameters
    ----------
    design : Design
        Terms and increments.
    base : regressor
        Prototype.
    weight : ndarray of shape (n, 1), optional
        Weight of the rows of each sample.
    end_of : callable or None
        Turns coefficients into the tendency at the end of the step, in the rows of
        the design; None without tangent features.
    prune : bool, default=True
        Whether to drop terms that explain no more than the error of the step.

    Returns
    -------
    discovery : Discovery
        Coefficients and what they explain.
    """
    A, targets = design.matrices(weight)
    regressors = [clone(base).fit(A, y) for y in targets.T]
    coef = np.array([np.ravel(r.coef_) for r in regressors], dtype=np.float64)
    if coef.shape[1] != A.shape[1]:
        raise ValueError(
            f"The regressor must set coef_ with one coefficient per column, "
            f"{A.shape[1]}; it has {coef.shape[1]}."
        )
    constant = np.array(
        [np.ravel(getattr(r, "intercept_", 0.0))[0] for r in regressors], dtype=float
    )
    if constant.any() and (design.coupled or design.projected):
        raise ValueError(
            "The regressor fits an intercept, which has no meaning in coupled "
            "equations or in modes: set its fit_intercept=False and put the constant "
            "into the library."
        )
    pruned = np.zeros(len(coef), dtype=bool)
    if end_of is not None and prune:
        for i, y in enumerate(targets.T):
            reduced = _prune(design, A, y - constant[i], coef, i, end_of)
            pruned[i] = np.any((reduced != 0) != (coef[i] != 0))
            coef[i] = reduced if pruned[i] else coef[i]

    fitted, std = [], []
    for i, r in enumerate(regressors):
        fitted.append(np.tensordot(coef[i], design.columns, axes=(0, 0)) + constant[i])
        active = np.flatnonzero(coef[i])
        value = np.zeros(coef.shape[1])
        residual = design.target[i] - fitted[-1]
        if pruned[i]:
            value[active] = _least_squares_std(design, residual, active)
        elif hasattr(r, "coef_std_"):
            value[active] = np.ravel(r.coef_std_)[active]
        robust = cluster_std(design.columns, residual, active)
        if robust is not None:
            value[active] = np.maximum(value[active], robust)
        std.append(value)
    fitted = np.array(fitted)
    size = np.abs(design.target).max() or 1.0
    left = np.sum(((design.target - fitted) / size) ** 2)
    skill = float(1 - left / max(np.sum((design.target / size) ** 2), 1e-300))
    effect = 0.0
    if end_of is not None and coef.any():
        effect = _step_effect(design, coef, end_of)
    return Discovery(regressors, coef, np.array(std), constant, fitted, skill, effect)


def _prune(design, A, y, coef, i, end_of):
    """Drop terms, weakest first, that explain no more than the error of the step.

    A tangent feature is the mean of a term at both ends of the step. Where the term
    changes by the fraction a along it, that mean was found to miss a part of the
    increments of root mean square 0.25 to 0.6 a^2 (Kuramoto-Sivashinsky models, steps
    from 0.005 to 0.2); a sparse regression with many rows would explain this
    small but regular part by further terms.
    """
    active = np.flatnonzero(coef[i])
    total = float(y @ y)
    if len(active) < 2 or not np.isfinite(total) or total == 0:
        return coef[i]
    best, B = coef[i], A[:, active]
    full = np.sum((y - B @ best[active]) ** 2)
    gram, right = B.T @ B, B.T @ y
    rest = list(range(len(active)))
    everything = coef.copy()
    while len(rest) > 1:
        inverse = np.linalg.pinv(gram[np.ix_(rest, rest)], hermitian=True)
        w = inverse @ right[rest]
        # What leaving out one term costs the least-squares fit of the others.
        cost = w**2 / np.maximum(np.diag(inverse), np.finfo(float).tiny)
        rest.pop(int(np.argmin(cost)))
        w = np.linalg.lstsq(B[:, rest], y, rcond=None)[0]
        everything[i] = 0.0
        everything[i, active[rest]] = w
        left = np.sum((y - B[:, rest] @ w) ** 2)
        effect = min(_step_effect(design, everything, end_of), 1.0)
        if left - full <= 0.25 * effect**4 * total:
            best = everything[i].copy()
    return best


def _step_effect(design, coef, end_of):
    """Change of the discovered terms along a step, relative to their size."""
    mean = np.array([np.tensordot(c, design.columns, axes=(0, 0)) for c in coef])
    if len(mean) > 1:  # one target per equation: side by side, as in a state
        mean = mean.transpose(1, 0, 2).reshape(mean.shape[1], -1)
    else:
        mean = mean[0]
    size = rms(mean)
    return 2 * rms(end_of(coef) - mean) / size if size > 0 else 0.0


def _least_squares_std(design, residual, active):
    """Standard errors of a least-squares fit on the support."""
    B = design.columns[active].reshape(len(active), -1)
    variance = np.sum(residual**2) / max(residual.size - len(active), 1)
    inverse = np.linalg.pinv(B @ B.T, hermitian=True)
    return np.sqrt(np.maximum(np.diag(inverse), 0.0) * variance)
