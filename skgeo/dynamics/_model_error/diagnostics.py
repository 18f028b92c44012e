"""What can go wrong in the discovery of model error, detected and told."""

import sys
import warnings

import numpy as np

from skgeo.exceptions import ModelErrorWarning

__all__ = [
    "cluster_std",
    "collinear_terms",
    "tell",
    "tell_about",
]


def tell(message):
    """Warn, at the caller of the package, that a result needs a second look."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ModelErrorWarning, stacklevel=level)


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


def tell_about(design, discovery, names, *, plain, pace, noise, far):
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
    pace : ndarray or None
        Tendency of the model, in the shape of the target.
    noise : float
        Root mean square of the noise of the increments, zero if unknown.
    far : bool
        Whether the model moves states far in one step.

    Returns
    -------
    diagnostics : dict
        Numbers behind the warnings.
    """
    A, _ = design.matrices()
    n_rows, n_columns = A.shape
    if n_rows < 10 * n_columns:
        tell(
            f"{n_rows} rows for {n_columns} candidate terms are few: observe more "
            "pairs or shrink the library."
        )
    condition, members = np.inf, ()
    if len(plain) >= len(names):
        condition, members = collinear_terms(plain)
    if len(members):
        listed = ", ".join(names[j] for j in members)
        tell(
            f"The library is collinear (condition number {condition:.1e}): {listed} "
            "cannot be told apart, and which of them is kept is arbitrary."
        )
    cosine, fitted = 0.0, discovery.fitted
    if pace is not None and fitted.any() and pace.any():
        a, b = fitted / np.abs(fitted).max(), pace / np.abs(pace).max()
        cosine = float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))
    # Near -1 is natural: where the true tendency is small, h is about -f.
    if cosine > 0.95:
        tell(
            f"The discovered terms repeat the model's own tendency (cosine "
            f"{cosine:.3f}): a wrong dt, a time lag, too strong a filter, or a model "
            "with all its coefficients off by one factor."
        )
    ratio = float(np.sqrt(np.mean(fitted**2)) / noise) if noise > 0 else np.inf
    if ratio < 0.2:
        tell(
            f"The step is short for the noise: discovered terms are {ratio:.2f} of the "
            "noise of the increments. Use pairs further apart in time."
        )
    effect = discovery.step_effect
    if effect > 0.75:
        tell(
            f"The step is long: discovered terms change by {100 * effect:.0f} % along "
            "it, and their coefficients are rough. Use pairs closer in time."
        )
    if far:
        tell(
            "The model moves states by more than ten times their size in one step: an "
            "unstable model amplifies rounding errors. Shorten dt, or truncate the "
            "model to the scales that the states contain."
        )
    return {
        "condition_number": condition,
        "alias_cosine": cosine,
        "signal_to_noise": ratio,
        "step_effect": effect,
    }
