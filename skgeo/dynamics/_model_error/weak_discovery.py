"""Discovery in weak form, from trajectories to coefficients and warnings."""

from dataclasses import dataclass

import numpy as np

from skgeo.dynamics._model_error.diagnostics import diagnose, warn_model_error
from skgeo.dynamics._model_error.norms import relative_skill, rms, state_units
from skgeo.dynamics._model_error.regression import discover
from skgeo.dynamics._model_error.tangent import TangentPropagator, call_model
from skgeo.dynamics._model_error.terms import Terms
from skgeo.dynamics._model_error.weak import WeakDesign, segments, weak_design

__all__ = ["WeakProblem", "diagnose_weak", "discover_weak", "weak_problem"]


@dataclass
class WeakProblem:
    """What is to be regressed.

    Attributes
    ----------
    terms : Terms
        The library.
    design : WeakDesign
        Averages over windows.
    whole : ndarray of bool of shape (n,)
        First states without missing values.
    carry : TangentPropagator or None
        Tangent of the model at these; None without a model.
    """

    terms: Terms
    design: WeakDesign
    whole: np.ndarray
    carry: TangentPropagator | None


def weak_problem(
    library, model, X, Y, steps, per_sample, tangent_step, names, progress
):
    """Average increments and terms of trajectories.

    Parameters
    ----------
    library : WeakLibrary
        Unfitted library.
    model : callable or None
        The imperfect model.
    X, Y : ndarray of shape (n, n_features)
        Consecutive states, NaN where missing.
    steps : ndarray of shape (n, 1)
        Steps.
    per_sample : ndarray of shape (n,) or None
        Steps to hand to the model.
    tangent_step : float
        Size of the perturbations of tangents.
    names : list of str
        Names of the components.
    progress : Progress
        Told of every trajectory.

    Returns
    -------
    problem : WeakProblem
        The regression problem.
    """
    whole = ~np.isnan(X).any(axis=1)
    if model is not None and not whole.any():
        raise ValueError(
            "The model has no state to start from: every row of X has missing values."
        )
    known = np.where(np.isnan(X), 0.0, X)
    count = np.maximum(np.sum(~np.isnan(X), axis=0), 1)
    filled = np.where(np.isnan(X), known.sum(axis=0) / count, X)
    terms = Terms(library.fit(filled), filled, Y.shape[1], names)
    increments = carry = None
    units = state_units(X, terms.n_equations)
    if model is not None:
        F = np.full_like(X, np.nan)
        rows = None if per_sample is None else per_sample[whole]
        F[whole] = call_model(model, X[whole], rows)
        increments = (Y - F) / steps
        carry = TangentPropagator(model, X[whole], F[whole], tangent_step, units, rows)
    parts = segments(X, Y, steps)
    design = weak_design(library, terms.n_equations, parts, increments, progress)
    design.units = units.reshape(terms.n_equations, -1)[:, :1, None]
    return WeakProblem(terms, design, whole, carry)


def discover_weak(problem, regressor, X, progress):
    """Regress averaged increments on averaged terms.

    With a model, increments hold the terms carried to the end of each step by its
    tangent, of which the averages know nothing: the difference is computed from the
    discovered terms and subtracted, a few times.

    Parameters
    ----------
    problem : WeakProblem
        What is to be regressed; its target is corrected.
    regressor : regressor
        Prototype.
    X : ndarray of shape (n, n_features)
        First states of the pairs.
    progress : Progress
        Told of every regression; may stop after the first round.

    Returns
    -------
    discovery : Discovery
        Coefficients and what they explain.
    """
    design, terms, whole = problem.design, problem.terms, problem.whole
    carry = problem.carry
    found = discover(design, regressor, terms, prune=False, progress=progress)
    plain, units = design.target, design.units
    for _ in range(4 if carry is not None else 0):
        if not found.coef.any() or progress.stopped:
            break
        h = terms.tendency(X[whole], found.coef, found.constant)
        error = np.full_like(X, np.nan)
        with np.errstate(all="ignore"):
            try:
                error[whole] = (carry(h) - h) / 2
            except ValueError:  # the model blew up next to the path
                break
        rows = design.average(error)
        if not np.isfinite(rows).all() or rms(rows / units) > 0.5 * rms(plain / units):
            found.status = "long"
            break
        change = rms((plain - rows - design.target) / units)
        design.target = plain - rows
        found = discover(design, regressor, terms, prune=False, progress=progress)
        found.step_error = rms(rows / units) / (rms(plain / units) or 1.0)
        found.status = "corrected"
        if change <= 1e-3 * rms(rows / units):
            break
    if found.status == "corrected":
        _drop_negligible(design, found, rms(plain / units))
    return found


def _drop_negligible(design, found, size):
    """Drop terms below a hundredth of all increments, and refit the others.

    What the correction misses is regular, and an equation without missing terms has
    nothing else to explain. In strong form one regression of all equations has this
    threshold.
    """
    scale = np.array([rms(column) for column in design.columns]) / design.units[..., 0]
    small = (np.abs(found.coef) * scale < 0.01 * size) & (found.coef != 0)
    A = design.matrices()[0]
    for i in np.flatnonzero(small.any(axis=1)):
        found.coef[i, small[i]] = found.std[i, small[i]] = 0.0
        kept = np.flatnonzero(found.coef[i])
        y = design.target[i].ravel() - found.constant[i]
        if len(kept):
            found.coef[i, kept] = np.linalg.lstsq(A[:, kept], y, rcond=None)[0]
    found.fitted = np.tensordot(found.coef, design.columns, axes=(1, 0))
    found.fitted += found.constant[:, None, None]
    found.residual = design.target - found.fitted
    found.skill = relative_skill(found.residual, design.target, design.units)


def diagnose_weak(design, found, names):
    """Check a discovery in weak form and warn of what is doubtful.

    Parameters
    ----------
    design : WeakDesign
        The regression problem.
    found : Discovery
        Coefficients and what they explain.
    names : list of str
        Names of the terms.

    Returns
    -------
    diagnostics : dict
        Numbers behind the warnings.
    """
    out = diagnose(
        design,
        found,
        names,
        plain=design.matrices()[0],
        tendency=None,
        noise=0.0,
        far=False,
    )
    if found.status == "long" or found.step_error > 0.05:
        warn_model_error(
            f"The step is long for the weak form of a model: {found.step_error:.2g} of "
            "the increments are an error of the step, whose estimate is too rough for "
            "small terms. Use samples closer in time, or pairs without a WeakLibrary, "
            "with a filter."
        )
    misfit = design.misfit(found.residual, found.coef)
    if found.skill < 0.99 and misfit > 4:
        warn_model_error(
            f"{100 * (1 - found.skill):.3g} % of the squared increments are "
            f"unexplained, {misfit:.3g} times what the noise of the data gives: terms "
            "are missing from the library, the windows are too coarse, or the "
            "regressor stopped early."
        )
    return out | {
        "window": (design.duration, design.width),
        "effective_rows": design.effective_rows,
        "residual_over_noise": misfit,
    }
