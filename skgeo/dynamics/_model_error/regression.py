"""From the regression problem of MEDIDA to coefficients and their errors."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skgeo.dynamics._model_error.diagnostics import cluster_std, residual_std
from skgeo.dynamics._model_error.norms import relative_skill, rms
from skgeo.dynamics._model_error.progress import Progress

__all__ = ["Discovery", "discover"]

# Corrections of the target stop when they change by less than this, relative.
_SETTLED = 0.05
_MAX_CORRECTIONS = 3
# Above this part of the increments a step error is too large to be trusted.
_LONG = 0.5
# A term goes if leaving it out costs no more than this part of what the step error of
# the reduced equation, in the direction of the term, predicts: a factor of two.
_EXPLAINED = 0.25
# Rounds in which the noise of each of several equations is found; they stop when none
# changes by more than this factor more than another.
_MAX_SCALINGS = 3
_SAME_NOISE = 2.0
# No equation is taken to be more precise, relative to the increments of its own and of
# all, in units of their states.
_PRECISION = 1e-6


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
    design : Design
        What was regressed: rows divided by the noise of their equations.
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
    dropped: list
    design: object


class _Corrections:
    """Step errors of trial equations, in the layout of the regression."""

    def __init__(self, design, terms, step):
        self.design, self.terms, self.step = design, terms, step
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
        return E.reshape(len(E), -1).T

    def agree(self, coef, constant):
        """Whether the estimates of the step error agree."""
        return self.step.agree(self.tendency(coef, constant))


def discover(design, base, terms, *, ends=None, step=None, prune=True, progress=None):
    """Regress increments on terms, take the step error out, drop what it explains.

    Where one regression fits several equations, each of them has a noise of its own:
    their rows are divided by it, as found by a few rounds of the whole.

    Parameters
    ----------
    design : Design
        Terms and increments.
    base : regressor
        Prototype.
    terms : Terms
        The library.
    ends : ndarray of shape (n, n_features) or None
        States at the end of the step; None without tangent features.
    step : StepError or None
        Estimates the step error of an equation; None where it cannot be estimated.
    prune : bool, default=True
        Whether to correct for the step error and to drop terms that it explains.
    progress : Progress, optional
        Told of every regression; may stop after the first round.

    Returns
    -------
    discovery : Discovery
        Coefficients and what they explain.
    """
    progress = Progress() if progress is None else progress
    if design.equation is None:
        return _discover(design, base, terms, ends, step, prune, progress)
    scale = _row_noise(design, design.target)
    scaled = design.scaled(scale)
    first = _fit(base, scaled, scaled.matrices()[1], progress)
    fitted = np.tensordot(first.coef, design.columns, axes=(1, 0))
    scale = _row_noise(design, design.target - fitted)
    for _ in range(_MAX_SCALINGS):
        scaled = design.scaled(scale)
        found = _discover(scaled, base, terms, ends, step, prune, progress)
        used, scale = scale, _row_noise(design, found.residual)
        ratio = scale / used  # a factor that all equations share changes nothing
        if ratio.max() < _SAME_NOISE * ratio.min() or progress.stopped:
            break
    return found


def _row_noise(design, residual):
    """Size of the residual of the equation of each row, and no less than rounding."""
    out = np.empty(len(design.equation))
    everything = rms(design.target / design.units)
    for k in np.unique(design.equation):
        rows = design.equation == k
        own = rms(design.target[0][:, rows])
        least = _PRECISION * max(own, everything * design.units[rows][0])
        out[rows] = max(rms(residual[0][:, rows]), least) or 1.0
    return out


def _discover(design, base, terms, ends, step, prune, progress):
    """Discover for rows that are as good as each other."""
    A, targets = design.matrices()
    fitted = _fit(base, design, targets, progress)
    if fitted.constant.any() and (design.coupled or design.projected):
        raise ValueError(
            "The regressor fits an intercept, which has no meaning in coupled "
            "equations or in modes: set its fit_intercept=False and put the constant "
            "into the library."
        )
    status, error = "off", np.zeros_like(targets)
    corrections = end_of = None
    if ends is not None:
        trial = _Corrections(design, terms, step)

        def end_of(coef):
            return design.arrange(trial.tendency(coef, 0.0)(ends))

        if prune:
            status = "unknown"
        if prune and step is not None:
            corrections = trial

            def small(coef):
                return _prune_small(design, A, targets, coef, fitted.constant, end_of)

            status, error, fitted = _correct(
                base, design, targets, fitted, corrections, small, progress
            )
    if status in ("unknown", "long") and design.equation is not None:
        # Equations without error of their own hold the error of the step alone.
        fitted = _fit(base, design, targets, progress, whole=True)
    regressors, coef, constant, kept = fitted
    full = coef.copy()
    if status == "corrected":
        coef, error = _prune_explained(A, targets, coef, constant, corrections, error)
    elif status != "off":
        coef = _prune_small(design, A, targets, coef, constant, end_of)
    dropped = list(zip(*np.nonzero((full != 0) & (coef == 0)), strict=True))

    target = design.target - error.T.reshape(design.target.shape)
    explained = np.tensordot(coef, design.columns, axes=(1, 0))
    explained += constant[:, None, None]
    residual = target - explained
    pruned = {i for i, _ in dropped}
    std = _standard_errors(design, regressors, kept, coef, residual, pruned)
    effect = 0.0
    if end_of is not None and coef.any():
        effect = _step_effect(design, coef, end_of)
    size = rms(design.target / design.units) or 1.0
    return Discovery(
        regressors,
        coef,
        std,
        constant,
        explained * design.divisor,
        residual * design.divisor,
        relative_skill(residual, design.target, design.units),
        effect,
        rms((design.target - target) / design.units) / size,
        status,
        dropped,
        design,
    )


class _Fit(NamedTuple):
    """Regressors, one per target, their coefficients and intercepts.

    The regressors know the columns ``kept``, those that no threshold removed.
    """

    regressors: list
    coef: np.ndarray
    constant: np.ndarray
    kept: np.ndarray


def _fit(base, design, targets, progress, whole=False):
    """Fit one regressor per target.

    A threshold on the part of the target that a term contributes is one for each
    equation: next to an equation of little noise, all of another would be below it.
    With ``whole`` the part is one of the increments of all equations, in units of
    their states.
    """
    A = design.matrices()[0]
    share = None
    if design.equation is not None:
        threshold = base.get_params().get("threshold_lambda")
        if threshold is not None and threshold < np.inf:
            share = _contributions(design, whole)
            base = clone(base).set_params(threshold_lambda=None)
    fitted = _fit_columns(base, A, targets, progress)
    if share is None:
        return fitted
    kept, coef = np.ones(len(share), dtype=bool), fitted.coef
    while True:
        weak = (coef[0] != 0) & (np.abs(coef[0]) * share < threshold**-0.5)
        if not weak.any():
            return fitted._replace(coef=coef)
        kept &= ~weak
        coef = np.zeros_like(coef)
        if kept.any():
            fitted = _fit_columns(base, A[:, kept], targets, progress, kept)
            coef[:, kept] = fitted.coef


def _contributions(design, whole):
    """Size of each column in its own equation, in parts of the increments."""
    n_equations = design.equation.max() + 1
    everything = np.sqrt(len(design.equation)) * rms(design.target / design.units)
    sizes = []
    for k, block in enumerate(np.split(design.columns, n_equations)):
        rows = design.equation == k
        unit = rms(design.target[0][:, rows])
        if whole and unit > 0:
            unit = everything * design.units[rows][0] / np.sqrt(np.count_nonzero(rows))
        sizes += [rms(c[:, rows]) / unit if unit > 0 else 0.0 for c in block]
    return np.array(sizes)


def _fit_columns(base, A, targets, progress, kept=None):
    """Fit one regressor per target to the columns of a matrix."""
    regressors = []
    for y in targets.T:
        regressors.append(clone(base).fit(A, y))
        progress("regression")
    coef = np.array([np.ravel(r.coef_) for r in regressors], dtype=np.float64)
    if coef.shape[1] != A.shape[1]:
        raise ValueError(
            f"The regressor must set coef_ with one coefficient per column, "
            f"{A.shape[1]}; it has {coef.shape[1]}."
        )
    constant = [np.ravel(getattr(r, "intercept_", 0.0))[0] for r in regressors]
    if kept is None:
        kept = np.ones(A.shape[1], dtype=bool)
    return _Fit(regressors, coef, np.array(constant, dtype=np.float64), kept)


def _correct(base, design, targets, fitted, corrections, small, progress):
    """Deferred correction: regress on the target minus the step error, and repeat."""
    error, first = np.zeros_like(targets), fitted
    units = np.broadcast_to(design.units, design.target.shape)
    units = units.reshape(len(units), -1).T
    total = rms(targets / units)

    def estimate(coef, constant):
        E = corrections(coef, constant)
        return None if E is None or rms(E / units) > _LONG * total else E

    for i in range(_MAX_CORRECTIONS):
        coef, constant = fitted.coef, fitted.constant
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
        change, error = rms((new - error) / units), new
        if change <= 1e-10 * total:
            break
        fitted = _fit(base, design, targets - error, progress)
        if progress.stopped:
            break
        if change < _SETTLED * rms(error / units):
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
            effect = min(_step_effect(design, trial, end_of, i), 1.0)
            if np.sum(left**2) - full <= 0.25 * effect**4 * total:
                out[i] = trial[i]
    return out


def _step_effect(design, coef, end_of, target=slice(None)):
    """Change of the discovered terms along a step, relative to their size."""
    mean = np.tensordot(coef, design.columns, axes=(1, 0)) / design.units
    end = (end_of(coef) / design.units)[target]
    size = rms(mean[target])
    return 2 * rms(end - mean[target]) / size if size > 0 else 0.0


def _standard_errors(design, regressors, kept, coef, residual, pruned):
    """Standard errors: the regressor's, and those that allow for dependence."""
    out = np.zeros_like(coef)
    for i, regressor in enumerate(regressors):
        active = np.flatnonzero(coef[i])
        if i in pruned:
            out[i, active] = residual_std(design.columns, residual[i], active)
        elif hasattr(regressor, "coef_std_"):
            out[i, kept] = np.ravel(regressor.coef_std_)
            out[i, coef[i] == 0] = 0.0
        robust = cluster_std(design.columns, residual[i], active)
        if robust is not None:
            out[i, active] = np.maximum(out[i, active], robust)
    return out
