"""What can go wrong in the discovery of model error: numbers and warnings."""

import numpy as np
from scipy.spatial import cKDTree

from skgeo.dynamics._model_error.norms import relative_skill, rms
from skgeo.dynamics._model_error.rivals import closest_rivals
from skgeo.exceptions import ModelErrorWarning
from skgeo.utils.warn import warn_user

__all__ = [
    "cluster_std",
    "collinear_terms",
    "detectable_coef",
    "diagnose",
    "neighbor_correlation",
    "residual_std",
    "warn_model_error",
]


# Exchanges of one term for another that cost less log likelihood than this, a factor of
# twenty, are reported.
_RIVAL = 3.0
# Terms that together are so much smaller than each of them are reported; right results
# reach 3.
_CANCELLATION = 30.0
# Squared residuals in the modes of a filter over the noise that are reported; at most
# 1.35 where results are right and residuals not a matter of a long step.
_EXCESS = 1.5
# Rows per sample from which on its neighbors are those of a grid.
_GRID = 16
# Skill and correlation of neighbors from where on residuals are not taken for regular:
# on a grid, which has more of them, and for scattered states.
_REGULAR = {True: (0.999, 0.25), False: (0.99, 0.3)}


# Size of what is found, relative to the tendency of a model with the other sign, that
# suggests swapped states.
_REVERSED = (1.8, 2.2)


def warn_model_error(message):
    """Warn, at the user's line, that a result needs a second look."""
    warn_user(message, ModelErrorWarning)


def collinear_terms(A, limit=1e7):
    """Condition number of scaled columns, and the terms of a near-dependence.

    Parameters
    ----------
    A : ndarray of shape (n_rows, n_columns)
        Design.
    limit : float, default=1e7
        Condition number from which on terms are listed; a Gram matrix shows no
        larger ones reliably.

    Returns
    -------
    condition : float
        Condition number of the non-zero columns at unit norm.
    members : ndarray of int
        Columns of the weakest combination, empty below the limit.
    """
    peak = np.abs(A).max(axis=0)
    alive = np.flatnonzero(peak > 0)
    if len(alive) < 2:
        return 1.0, np.zeros(0, dtype=int)
    B = A[:, alive] / peak[alive]
    G = B.T @ B
    scale = np.sqrt(np.diag(G))
    values, vectors = np.linalg.eigh(G / scale / scale[:, None])
    condition = float(np.sqrt(values[-1] / max(values[0], 1e-32 * values[-1])))
    if condition < limit:
        return condition, np.zeros(0, dtype=int)
    return condition, alive[np.abs(vectors[:, 0]) > 0.1]


def cluster_std(A, residual, active):
    """Standard errors that allow for dependence within a sample.

    Parameters
    ----------
    A : ndarray of shape (n_columns, n, n_rows)
        Candidate terms.
    residual : ndarray of shape (n, n_rows)
        What the regression leaves.
    active : ndarray of int
        Columns of the support.

    Returns
    -------
    std : ndarray of shape (n_active,) or None
        None with fewer samples than twice the active terms.
    """
    n = A.shape[1]
    if len(active) == 0 or n < max(2 * len(active), 4):
        return None
    B = A[active]
    scale = np.abs(B).max(axis=(1, 2))
    if (scale == 0).any():
        return None
    B = B / scale[:, None, None]
    size = np.abs(residual).max() or 1.0
    gram = np.tensordot(B, B, axes=((1, 2), (1, 2)))
    scores = np.einsum("jnr,nr->nj", B, residual / size)
    try:
        bread = np.linalg.inv(gram)
    except np.linalg.LinAlgError:
        return None
    cov = bread @ (scores.T @ scores) @ bread * (n / (n - 1))
    return np.sqrt(np.maximum(np.diag(cov), 0.0)) * size / scale


def residual_std(columns, residual, active):
    """Standard errors of a least-squares fit on the support.

    Parameters
    ----------
    columns : ndarray of shape (n_columns, n, n_rows)
        Candidate terms.
    residual : ndarray of shape (n, n_rows)
        What the fit leaves.
    active : ndarray of int
        Columns of the support.

    Returns
    -------
    std : ndarray of shape (n_active,)
        Standard errors, for independent rows.
    """
    B = columns[active].reshape(len(active), -1)
    scale = np.abs(B).max(axis=1, initial=0.0)
    scale[scale == 0] = 1.0
    B = B / scale[:, None]
    size = np.abs(residual).max() or 1.0
    variance = np.sum((residual / size) ** 2) / max(residual.size - len(active), 1)
    inverse = np.linalg.pinv(B @ B.T, hermitian=True)
    return np.sqrt(np.maximum(np.diag(inverse), 0.0) * variance) * size / scale


def detectable_coef(design, found):
    """Coefficient that each term would need to be found.

    A term of ``t`` standard errors, given the support, brings a log evidence of
    ``(t^2 - 1 - log t^2) / 2``; it is found where this exceeds the gain asked for.

    Parameters
    ----------
    design : Design
        Candidate terms, divided by the noise of their equations; rows that overlap are
        worth ``design.effective_rows``.
    found : Discovery
        Coefficients, and what they leave.

    Returns
    -------
    detectable : ndarray of shape (n_targets, n_columns)
        Size of the coefficients; infinite where the support explains the term.
    """
    columns, residual = design.columns, found.residual / design.divisor
    coef = found.coef
    gain = getattr(found.regressors[0], "min_gain", 8.0)
    if not isinstance(gain, (int, float)):
        gain = np.log(max(len(columns), 2))
    rows = residual[0].size
    overlap = np.sqrt(rows / getattr(design, "effective_rows", rows))
    t = 1.5
    for _ in range(60):  # contracts, as the logarithm is flat
        t = np.sqrt(1 + 2 * gain + 2 * np.log(t))
    A = columns.reshape(len(columns), -1).T
    scale = np.abs(A).max(axis=0, initial=0.0)
    A = A / np.where(scale > 0, scale, 1.0)
    total = np.sum(A**2, axis=0)
    out = np.full(coef.shape, np.inf)
    for i, w in enumerate(coef):
        active = np.flatnonzero(w)
        own = np.linalg.qr(A[:, active])[0] if len(active) else A[:, :0]
        left = total - np.sum((own.T @ A) ** 2, axis=0)
        for j in active:
            others = np.linalg.qr(A[:, active[active != j]])[0]
            left[j] = total[j] - np.sum((others.T @ A[:, j]) ** 2)
        left[left <= 1e-12 * total] = 0.0
        size = np.abs(residual[i]).max()
        freedom = max(residual[i].size - len(active), 1)
        noise = np.sqrt(np.sum((residual[i] / (size or 1.0)) ** 2) / freedom) * size
        with np.errstate(over="ignore"):  # infinite: not to be seen at any size
            np.divide(
                overlap * t * noise,
                np.sqrt(left) * scale,
                out=out[i],
                where=(left > 0) & (scale > 0),
            )
    return out


def neighbor_correlation(X, residual):
    """Correlation of residuals of neighbors: regular residuals are not noise.

    Neighbors are points of the grid where a sample has at least 16 of them, otherwise
    the states nearest to each other. On a grid it is that of the next point or of the
    one after it, whichever is larger: where a grid is too coarse, residuals alternate.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        States.
    residual : ndarray of shape (n_targets, n, n_rows)
        What the discovery leaves.

    Returns
    -------
    correlation : float
        In [-1, 1]; zero where there is nothing to correlate.
    """
    _, n, n_rows = residual.shape
    size = np.abs(residual).max(initial=0.0)
    if size == 0 or not np.isfinite(size) or n < 3:
        return 0.0
    if n_rows >= _GRID:
        r = residual / size
        r = r - r.mean(axis=-1, keepdims=True)
        total = np.sum(r * r)
        if not total > 0:
            return 0.0
        lags = [np.sum(r[..., lag:] * r[..., :-lag]) / total for lag in (1, 2)]
        return float(max(lags, key=abs))
    std = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(std > 0, std, 1.0)
    if not np.isfinite(Z).all():
        return 0.0
    nearest = cKDTree(Z).query(Z, k=2)[1][:, 1]
    r = (residual / size).transpose(1, 0, 2).reshape(n, -1)
    return float(np.sum(r * r[nearest]) / np.sum(r * r))


def diagnose(
    design, discovery, names, *, plain, tendency, noise, far, X=None, states=True
):
    """Check a discovery and warn of what is doubtful.

    Parameters
    ----------
    design : Design
        Terms and increments.
    discovery : Discovery
        Coefficients and what they explain.
    names : list of str
        Names of the terms.
    plain : ndarray of shape (n_rows, n_terms)
        The terms themselves; tangent features of equal terms differ by the error of
        their finite difference.
    tendency : ndarray or None
        Tendency of the model, in the shape of the target.
    noise : float
        Root mean square of the noise of the increments, zero if unknown.
    far : bool
        Whether the model moves states far in one step.
    X : ndarray of shape (n, n_features) or None
        States at which the residuals are, for the correlation of neighbors.
    states : bool, default=True
        Whether X and y are states of one system.

    Returns
    -------
    diagnostics : dict
        Numbers behind the warnings.
    """
    A, _ = design.matrices()
    n_rows, n_columns = A.shape
    if n_rows < 10 * n_columns:
        warn_model_error(
            f"{n_rows} rows for {n_columns} candidate terms are few: observe more "
            "pairs or shrink the library."
        )
    condition, members = np.inf, ()
    if len(plain) >= len(names):
        condition, members = collinear_terms(plain)
    if len(members):
        listed = ", ".join(names[j] for j in members)
        warn_model_error(
            f"The library is collinear (condition number {condition:.1e}): {listed} "
            "cannot be told apart, and which of them is kept is arbitrary."
        )
    cosine, fitted = 0.0, discovery.fitted
    if tendency is not None and fitted.any() and tendency.any():
        a, b = fitted / np.abs(fitted).max(), tendency / np.abs(tendency).max()
        cosine = float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))
    # Near -1 is natural: where the true tendency is small, h is about -f.
    if cosine > 0.95:
        warn_model_error(
            f"The discovered terms repeat the model's own tendency (cosine "
            f"{cosine:.3f}): a wrong dt, a time lag, too strong a filter, or a model "
            "with all its coefficients off by one factor."
        )
    if cosine < -0.9 and _REVERSED[0] < rms(fitted) / rms(tendency) < _REVERSED[1]:
        warn_model_error(
            "The discovered terms are twice the model's own tendency with the other "
            "sign: y seems to hold the states before those of X, or the model runs "
            "backwards."
        )
    ratio = float(np.sqrt(np.mean(fitted**2)) / noise) if noise > 0 else np.inf
    if ratio < 0.2:
        warn_model_error(
            f"The step is short for the noise: discovered terms are {ratio:.2f} of the "
            "noise of the increments. Use pairs further apart in time."
        )
    _warn_of_step(discovery, names)
    canceled = 1.0
    if not len(members):
        _warn_of_rivals(discovery, names)
        canceled = _warn_of_cancellation(discovery, names)
    if far:
        warn_model_error(
            "The model moves states by more than ten times their size in one step: an "
            "unstable model amplifies rounding errors. Shorten dt, or truncate the "
            "model to the scales that the states contain."
        )
    correlation = 0.0
    if X is not None and not design.projected:
        correlation = neighbor_correlation(X, discovery.residual / design.units)
    excess = 1.0
    if design.projected and noise > 0:
        excess = _warn_of_excess(discovery, noise)
    if states:
        on_grid = discovery.residual.shape[-1] >= _GRID
        doubtful = _warn_of_misfit(discovery.skill, correlation, on_grid=on_grid)
        # With a model, an equation without error leaves noise alone, rightly.
        if not doubtful and tendency is None and X is not None:
            _warn_of_equations(discovery, X, design.projected)
    return {
        "condition_number": condition,
        "alias_cosine": cosine,
        "signal_to_noise": ratio,
        "step_effect": discovery.step_effect,
        "step_error": discovery.step_error,
        "step_status": discovery.status,
        "residual_correlation": correlation,
        "cancellation": canceled,
        "residual_over_noise": excess,
    }


def _warn_of_step(discovery, names):
    effect, status = discovery.step_effect, discovery.status
    if status == "long" or (effect > 0.75 and status != "corrected"):
        warn_model_error(
            f"The step is long: discovered terms change by {100 * effect:.0f} % along "
            "it, and their coefficients are rough. Use pairs closer in time."
        )
    elif status == "corrected" and discovery.step_error > 0.25:
        warn_model_error(
            f"The step is long: {100 * discovery.step_error:.0f} % of the increments "
            "are an error of the finite step, corrected by an estimate. Use pairs "
            "closer in time."
        )
    dropped = discovery.dropped
    if status == "corrected":
        dropped = [d for d in dropped if _is_large(discovery, *d)]
    if status != "off" and dropped:
        gone = sorted({names[j % len(names)] for _, j in dropped})
        listed = ", ".join(gone[:4]) + (
            f" and {len(gone) - 4} more" if len(gone) > 4 else ""
        )
        estimate = "is large" if status == "corrected" else "has no reliable estimate"
        remedy = "Give half_step, the model over half a step, or a model that takes dt"
        if status != "unknown":
            remedy = "Use pairs closer in time"
        warn_model_error(
            f"The terms {listed} were dropped because they are no larger than the "
            f"error of a finite step may be, which {estimate}; they may be real. "
            f"{remedy}, and they can be told apart."
        )


def _warn_of_rivals(discovery, names):
    """Warn where another term would do about as well as one that was found."""
    several = discovery.coef.size > len(names)
    for rival in closest_rivals(discovery.design, discovery, _RIVAL):
        k, j = divmod(rival.term, len(names))
        of = f" of equation {max(k, rival.target)}" if several else ""
        other = names[rival.other % len(names)]
        if rival.other // len(names) != k:
            other += f" of equation {rival.other // len(names)}"
        warn_model_error(
            f"The term {names[j]}{of} cannot be told from {other}, which would explain "
            f"the increments as well (log likelihood {-rival.cost:+.1f}): which of "
            "them is kept is arbitrary. Observe more pairs or other states, or shrink "
            "the library."
        )


def _warn_of_cancellation(discovery, names):
    """Warn where terms nearly cancel each other, and return how much they do.

    Then a small error of the terms, from noise in the states or from a finite step,
    is as large as their sum, and there may be no more to them.
    """
    columns = discovery.design.columns
    A = columns.reshape(len(columns), -1)
    largest, members = 1.0, ()
    for coef in discovery.coef:
        active = np.flatnonzero(coef)
        if len(active) < 2:
            continue
        terms = A[active] * coef[active][:, None]
        terms = terms / np.abs(terms).max()
        # All terms may cancel, or some of them beside others that matter.
        gram = terms @ terms.T
        size = np.sqrt(np.diag(gram))
        weak = np.linalg.eigh(gram / size / size[:, None])[1][:, 0]
        group = np.abs(weak) > 0.1
        left = np.sqrt(max(np.ones(group.sum()) @ gram[group][:, group].sum(1), 0.0))
        ratio = size[group].max() / max(left, 1e-8 * size[group].max())
        if ratio > largest:
            largest, members = float(ratio), active[group]
    if largest > _CANCELLATION:
        listed = ", ".join(names[j % len(names)] for j in members)
        warn_model_error(
            f"The terms {listed} cancel each other: together they are {largest:.0f} "
            "times smaller than the largest of them, so that small errors of the "
            "states or of the step may be all there is to them. Shrink the library, or "
            "use less noisy or more varied states."
        )
    return largest


def _is_large(discovery, i, j):
    """Whether a dropped term would explain what counts and exceeds the noise.

    Least squares with the term, after the step error of the others is subtracted; the
    limits are those of the default regression.
    """
    design = discovery.design
    A = design.columns.reshape(len(design.columns), -1)
    active = np.append(np.flatnonzero(discovery.coef[i]), j)
    residual = (discovery.residual[i] / design.divisor).ravel()
    B = A[active] / np.maximum(np.abs(A[active]).max(axis=1, keepdims=True), 1e-300)
    Q = np.linalg.qr(B.T)[0]
    along = Q[:, -1] @ residual
    left = np.sqrt(max(residual @ residual - along**2, 0.0) / len(residual))
    return bool(abs(along) > max(4.5 * left, 0.01 * np.linalg.norm(design.target[i])))


def _warn_of_excess(discovery, noise):
    """Warn where more is left than the noise explains, and return how much more.

    In the modes of a filter what is left is the noise of the observations.
    """
    residual = discovery.residual
    excess = (rms(residual) / noise) ** 2
    limit = max(_EXCESS, 1 + 5 * np.sqrt(2 / residual.size))
    if excess > limit and discovery.skill < _REGULAR[True][0]:
        warn_model_error(
            f"What the terms leave is {excess:.3g} times the noise of the observations "
            "(squared): terms are missing from the library, the grid is too coarse, or "
            "obs_noise is too small."
        )
    return excess


def _warn_of_equations(discovery, X, projected):
    """Look at single equations, which the sum over all of them may hide."""
    residual, fitted = discovery.residual, discovery.fitted
    if projected or residual.shape != (X.shape[1], len(X), 1) or X.shape[1] < 2:
        return
    for i in range(X.shape[1]):
        left = residual[i : i + 1]
        skill = relative_skill(left, left + fitted[i : i + 1])
        _warn_of_misfit(skill, neighbor_correlation(X, left), f" of equation {i}")


def _warn_of_misfit(skill, correlation, of="", on_grid=False):
    """Warn of what is not explained, and return whether there was reason to."""
    most, least = _REGULAR[on_grid]
    if skill < most and abs(correlation) > least:
        warn_model_error(
            f"{100 * (1 - skill):.3g} % of the squared increments{of} are unexplained "
            f"and regular (correlation of neighbors {correlation:.2f}): terms are "
            "missing from the library, or the grid is too coarse."
        )
    elif skill < 0.5:
        warn_model_error(
            f"The terms explain only {100 * max(skill, 0.0):.0f} % of the squared "
            f"increments{of}: they are mostly noise, or not a function of the state. "
            "Use pairs further apart in time, a filter, or memory terms."
        )
    else:
        return False
    return True
