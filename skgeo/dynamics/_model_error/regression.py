"""From the regression problem of MEDIDA to coefficients and their errors."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone

from skgeo.dynamics._model_error.diagnostics import cluster_std, residual_std
from skgeo.dynamics._model_error.norms import rms

__all__ = ["Discovery", "discover"]

# Corrections of the target stop when they change by less than this, relative.
_SETTLED = 0.05
_MAX_CORRECTIONS = 3
# Above this part of the increments a step error is too large to be trusted.
_LONG = 0.5
# A term goes if leaving it out costs no more than this part of what the step error of
# the reduced equation, in the direction of the term, predicts: a factor of two.
_EXPLAINED = 0.25


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
    fitted, residual : ndarray of the shape of the target
        What the terms explain, and what neither they nor the step error do.
    skill : float
        Part of the squared target that is explained.
    step_effect : float
        Change of the discovered terms along a step, relative to their size.
    step_error : float
        Root mean square of the step error, relative to the target.
    status : {"off", "corrected", "unknown", "long"}
        What became of the step error: not asked for; subtracted; without a reliable
        estimate; too large.
    dropped : list of (int, int)
        Target and column of the terms that pruning removed.
    """

    regressors: list
    coef: np.ndarray
    std: np.ndarray
    constant: np.ndarray
    fitted: np.ndarray
    residual: np.ndarray
    skill: float
    step_effect: float
    step_error: float
    status: str
    dropped: list = field(default_factory=list)


class _Corrections:
    """Step errors of trial equations, in the layout of the regression."""

    def __init__(self, design, terms, step, weight):
        self.design, self.terms, self.step, self.weight = design, terms, step, weight
        self.shape = (terms.n_equations, len(terms.names))

    def tendency(self, coef, constant):
        """Return the sum of the terms as a function of states."""
        matrix = coef.reshape(self.shape)
        intercept = np.broadcast_to(constant, self.shape[0])
        return lambda Z: self.terms.tendency(Z, matrix, intercept)

    def __call__(self, coef, constant, order=2):
        """Step error of an equation, (rows, targets); None where unknown."""
        error = self.step(self.tendency(coef, constant), order)
        if error is None:
            return None
        E = self.design.arrange(error)
        if self.weight is not None:
            E = E * self.weight
        return E.reshape(len(E), -1).T

    def agree(self, coef, constant):
        """Whether the estimates of the step error agree."""
        return self.step.agree(self.tendency(coef, constant))


def discover(design, base, terms, *, weight=None, end_of=None, step=None, prune=True):
    """Regress increments on terms, take the step error out, drop what it explains.

    Parameters
    ----------
    design : Design
        Terms and increments.
    base : regressor
        Prototype.
    terms : Terms
        The library.
    weight : ndarray of shape (n, 1), optional
        Weight of the rows of each sample.
    end_of : callable or None
        Turns coefficients into the tendency at the end of the step, in the rows of
        the design; None without tangent features.
    step : StepError or None
        Estimates the step error of an equation; None where it cannot be estimated.
    prune : bool, default=True
        Whether to correct for the step error and to drop terms that it explains.

    Returns
    -------
    discovery : Discovery
        Coefficients and what they explain.
    """
    A, targets = design.matrices(weight)
    regressors, coef, constant = _fit(base, A, targets)
    if constant.any() and (design.coupled or design.projected):
        raise ValueError(
            "The regressor fits an intercept, which has no meaning in coupled "
            "equations or in modes: set its fit_intercept=False and put the constant "
            "into the library."
        )
    status, error = "off", np.zeros_like(targets)
    corrections = None
    if end_of is not None and prune:
        status = "unknown"
        if step is not None:
            corrections = _Corrections(design, terms, step, weight)

            def small(coef):
                return _prune_small(design, A, targets, coef, constant, end_of)

            fitted = (regressors, coef, constant)
            status, error, fitted = _correct(
                base, A, targets, fitted, corrections, small
            )
            regressors, coef, constant = fitted
    full = coef.copy()
    if status == "corrected":
        coef, error = _prune_explained(A, targets, coef, constant, corrections, error)
    elif status != "off":
        coef = _prune_small(design, A, targets, coef, constant, end_of)
    dropped = list(zip(*np.nonzero((full != 0) & (coef == 0)), strict=True))

    shape = design.target.shape
    unweighted = error
    if weight is not None:
        rows = np.broadcast_to(weight, shape[1:]).ravel()
        unweighted = error / rows[:, None]
    target = design.target - unweighted.T.reshape(shape)
    fitted = np.tensordot(coef, design.columns, axes=(1, 0))
    fitted += constant[:, None, None]
    residual = target - fitted
    std = _standard_errors(design, regressors, coef, residual, {i for i, _ in dropped})
    size = np.abs(design.target).max() or 1.0
    total = max(np.sum((design.target / size) ** 2), 1e-300)
    skill = float(1 - np.sum((residual / size) ** 2) / total)
    effect = 0.0
    if end_of is not None and coef.any():
        effect = _step_effect(design, coef, end_of)
    relative = rms(unweighted) / (rms(design.target) or 1.0)
    return Discovery(
        regressors,
        coef,
        std,
        constant,
        fitted,
        residual,
        skill,
        effect,
        relative,
        status,
        dropped,
    )


def _fit(base, A, targets):
    """Fit one regressor per target; return them, coefficients and intercepts."""
    regressors = [clone(base).fit(A, y) for y in targets.T]
    coef = np.array([np.ravel(r.coef_) for r in regressors], dtype=np.float64)
    if coef.shape[1] != A.shape[1]:
        raise ValueError(
            f"The regressor must set coef_ with one coefficient per column, "
            f"{A.shape[1]}; it has {coef.shape[1]}."
        )
    constant = [np.ravel(getattr(r, "intercept_", 0.0))[0] for r in regressors]
    return regressors, coef, np.array(constant, dtype=np.float64)


def _correct(base, A, targets, fitted, corrections, small):
    """Deferred correction: regress on the target minus the step error, and repeat."""
    error, first = np.zeros_like(targets), fitted
    total = rms(targets)

    def estimate(coef, constant):
        E = corrections(coef, constant)
        return None if E is None or rms(E) > _LONG * total else E

    for i in range(_MAX_CORRECTIONS):
        _, coef, constant = fitted
        if not coef.any():
            break
        new = estimate(coef, constant)
        if new is None and i == 0:
            # Terms that stand for the step error may spoil its first estimate.
            coef = small(coef)
            new = estimate(coef, constant)
        if new is None:
            return "long", np.zeros_like(targets), first
        if i == 0 and not corrections.agree(coef, constant):
            return "unknown", np.zeros_like(targets), first
        change, error = rms(new - error), new
        if change <= 1e-10 * total:
            break
        fitted = _fit(base, A, targets - error)
        if change < _SETTLED * rms(error):
            break
    return "corrected", error, fitted


class _Scaled:
    """One regression problem in units of its own: squares stay in range."""

    def __init__(self, A, y, active):
        self.B = A[:, active]
        self.scale = np.abs(self.B).max(axis=0, initial=0.0)
        self.scale[self.scale == 0] = 1.0
        self.B = self.B / self.scale
        self.unit = np.abs(y).max() or 1.0
        self.y = y / self.unit

    def weakest(self, rest):
        """Position in ``rest`` of the column that costs least to leave out."""
        S = self.B[:, rest]
        inverse = np.linalg.pinv(S.T @ S, hermitian=True)
        w = inverse @ (S.T @ self.y)
        return int(np.argmin(w**2 / np.maximum(np.diag(inverse), 1e-300)))

    def solve(self, rest, e=0.0):
        """Least squares of y - e on some columns: coefficients, and what is left."""
        S = self.B[:, rest]
        w = np.linalg.lstsq(S, self.y - e, rcond=None)[0]
        left = self.y - e - S @ w
        return w * (self.unit / self.scale[rest]), left


def _prune_explained(A, targets, coef, constant, corrections, error):
    """Drop terms, weakest first, that the step error of the others accounts for.

    The equation without the term has a step error of its own. If that error, in the
    direction of the term, is as large as what leaving it out costs, then the term
    only stands for it.
    """
    out = coef.copy()
    for i, y in enumerate(targets.T):
        active = np.flatnonzero(out[i])
        if len(active) < 2:
            continue
        problem = _Scaled(A, y - constant[i], active)
        Q = np.linalg.qr(problem.B)[0]
        rest, trial = list(range(len(active))), out.copy()
        best = None
        while len(rest) > 1:
            rest.pop(problem.weakest(rest))
            S = problem.B[:, rest]
            trial[i] = 0.0
            trial[i, active[rest]] = problem.solve(rest)[0]
            E = corrections(trial, constant)
            if E is None:
                break
            e = E[:, i] / problem.unit
            trial[i, active[rest]], left = problem.solve(rest, e)
            predicted = _EXPLAINED * _outside(Q, S, e)
            if corrections.step.extrapolated:
                other = corrections(trial, constant, 3)
                if other is None:
                    break
                predicted += 4 * _outside(Q, S, other[:, i] / problem.unit - e)
            if np.sum((Q.T @ left) ** 2) <= predicted:
                best = trial[i].copy()
        if best is None:
            continue
        out[i], kept = best, np.flatnonzero(best[active])
        for _ in range(2):  # settle the coefficients with the step error that is left
            E = corrections(out, constant)
            if E is None:
                break
            error = E
            out[i, active[kept]] = problem.solve(kept, E[:, i] / problem.unit)[0]
    return out, error


def _outside(Q, S, e):
    """Squared norm, in the span of Q, of what S does not explain of e."""
    left = e - S @ np.linalg.lstsq(S, e, rcond=None)[0]
    return np.sum((Q.T @ left) ** 2)


def _prune_small(design, A, targets, coef, constant, end_of):
    """Drop terms, weakest first, by size, where the step error has no estimate.

    A tangent feature is the mean of a term at both ends of the step. Where the term
    changes by the fraction a along it, that mean was found to miss a part of the
    increments of root mean square 0.25 to 0.6 a^2 (Kuramoto-Sivashinsky models, steps
    from 0.005 to 0.2); a sparse regression with many rows would explain this
    small but regular part by further terms. A true term of that size goes with them,
    so that the caller has to warn.
    """
    out = coef.copy()
    for i, y in enumerate(targets.T):
        active = np.flatnonzero(coef[i])
        if len(active) < 2 or not y.any():
            continue
        problem = _Scaled(A, y - constant[i], active)
        total = np.sum(problem.y**2)
        mine = problem.B @ (coef[i, active] * problem.scale / problem.unit)
        full = np.sum((problem.y - mine) ** 2)
        rest, trial = list(range(len(active))), out.copy()
        while len(rest) > 1:
            rest.pop(problem.weakest(rest))
            trial[i] = 0.0
            trial[i, active[rest]], left = problem.solve(rest)
            effect = min(_step_effect(design, trial, end_of), 1.0)
            if np.sum(left**2) - full <= 0.25 * effect**4 * total:
                out[i] = trial[i]
    return out


def _step_effect(design, coef, end_of):
    """Change of the discovered terms along a step, relative to their size."""
    mean = np.tensordot(coef, design.columns, axes=(1, 0))
    if len(mean) > 1:  # one target per equation: side by side, as in a state
        mean = mean.transpose(1, 0, 2).reshape(mean.shape[1], -1)
    else:
        mean = mean[0]
    size = rms(mean)
    return 2 * rms(end_of(coef) - mean) / size if size > 0 else 0.0


def _standard_errors(design, regressors, coef, residual, pruned):
    """Standard errors: the regressor's, and those that allow for dependence."""
    out = np.zeros_like(coef)
    for i, regressor in enumerate(regressors):
        active = np.flatnonzero(coef[i])
        if i in pruned:
            out[i, active] = residual_std(design.columns, residual[i], active)
        elif hasattr(regressor, "coef_std_"):
            out[i, active] = np.ravel(regressor.coef_std_)[active]
        robust = cluster_std(design.columns, residual[i], active)
        if robust is not None:
            out[i, active] = np.maximum(out[i, active], robust)
    return out
