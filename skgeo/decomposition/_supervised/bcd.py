"""Monotone block coordinate descent for supervised dictionary learning.

Handles what the convex lift cannot: non-negative dictionaries and codes. The blocks
follow Lee, Lyu and Yao, "Supervised matrix factorization: local landscape analysis and
applications" (ICML 2024), but every block is lowered by a method that cannot raise the
objective (exact coordinate minimization, a majoriser, a line search), so no radius has
to shrink for the iteration to settle.
"""

import numpy as np

from skgeo.decomposition._supervised.loss import ridge_logistic
from skgeo.decomposition._supervised.projected_lbfgs import ProjectedLBFGS
from skgeo.kernels.coding import cd_codes
from skgeo.utils.solver_result import SolverResult

__all__ = [
    "bcd_feature",
    "bcd_filter",
    "energy_held",
    "least_squares_codes",
    "least_squares_dictionary",
]

_CODE_SWEEPS = 2


def least_squares_codes(projections, D, nonneg, start=None, max_sweeps=1000, tol=1e-8):
    """Codes of samples by least squares over a dictionary.

    Parameters
    ----------
    projections : ndarray of shape (n_samples, r)
        Inner products of the samples with the atoms.
    D : ndarray of shape (r, n_features)
        Dictionary.
    nonneg : bool
        Non-negative codes, by coordinate descent; otherwise the minimum-norm solution.
    start : ndarray of shape (n_samples, r), optional
        Warm start of the coordinate descent, overwritten.
    max_sweeps, tol : int, float
        Limits of the coordinate descent.

    Returns
    -------
    codes : ndarray of shape (n_samples, r)
        Codes.
    """
    gram = D @ D.T
    if not nonneg:
        return projections @ np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    C = np.zeros_like(projections) if start is None else start
    cd_codes(C, gram, np.ascontiguousarray(projections), 0.0, True, max_sweeps, tol)
    return C


def energy_held(data, D, nonneg):
    """Weighted mean energy that least-squares codes over a dictionary hold.

    Parameters
    ----------
    data : DataMatrix
        Samples, with weights.
    D : ndarray of shape (r, n_features)
        Dictionary.
    nonneg : bool
        Non-negative codes.

    Returns
    -------
    energy : float
        What reconstructions take off ``data.energy()``.
    """
    projections = data.forward(D)
    C = least_squares_codes(projections, D, nonneg)
    held = ((2 * projections - C @ (D @ D.T)) * C).sum(axis=1)
    return float(data.weight @ held)


def least_squares_dictionary(D, CC, CX, nonneg, ball):
    """One pass over the atoms, each set to its exact minimizer, in place.

    Minimizes ``tr(D.T CC D) / 2 - tr(CX.T D)``; with ``ball`` no atom is longer than
    one, which is exact because the objective is isotropic in each atom.
    """
    for k in range(len(D)):
        if CC[k, k] <= 0:
            continue  # an unused atom stays as it is
        atom = D[k] + (CX[k] - CC[k] @ D) / CC[k, k]
        if nonneg:
            np.maximum(atom, 0.0, out=atom)
        if ball:
            norm = np.linalg.norm(atom)
            if norm > 1.0:
                atom /= norm
        D[k] = atom
    return D


class _Reconstruction:
    """Mean squared error of ``C @ D`` from second moments."""

    def __init__(self, data):
        self.data, self.energy = data, data.energy()

    def moments(self, C):
        weighted = self.data.weight[:, None] * C
        return C.T @ weighted, self.data.backward(weighted)

    def error(self, D, CC, CX):
        value = self.energy - 2 * np.sum(CX * D) + np.sum((CC @ D) * D)
        return max(float(value), 0.0)


def _unit_rows(D):
    norm = np.linalg.norm(D, axis=1)
    norm[norm == 0] = 1.0
    return D / norm[:, None], norm


def bcd_filter(
    data,
    label_data,
    loss,
    covariates,
    *,
    recon,
    ridge,
    positive_dict,
    positive_code,
    start,
    max_iter=200,
    tol=1e-5,
    inner_iter=8,
    callback=None,
):
    """Block coordinate descent for the filter model, logits ``x D.T coef.T``.

    Minimizes ``loss + ridge ||coef D||^2 + recon * mean||x' - c D||^2``. The codes are
    one block (shared Gram, no label in it); dictionary, coefficients, covariates and
    intercept are the other, lowered together by a few L-BFGS steps, because the
    labels tie them to each other.

    Parameters
    ----------
    data, label_data : DataMatrix
        The data as they are reconstructed, and as the classifier sees them (centered).
    loss : LabelLoss
        Labels.
    covariates : CovariateModel
        Covariates and intercept.
    recon, ridge : float
        Weight of the reconstruction error and of the squared effective coefficients.
    positive_dict, positive_code : bool
        Signs.
    start : tuple (D, coef, nu)
        Start, D feasible.
    max_iter : int, default=200
        Maximum number of outer iterations.
    tol : float, default=1e-5
        Stop when an outer iteration lowers the objective by at most this share.
    inner_iter : int, default=8
        L-BFGS steps per outer iteration.
    callback : callable, optional
        Called with a dict after every outer iteration; true stops.

    Returns
    -------
    result : SolverResult
        ``x = (D, coef, nu, C)`` with unit rows of D.
    """
    D, norm = _unit_rows(start[0])
    coef, nu = start[1] * norm, start[2]
    r, p = D.shape
    k, m = loss.n_logits, covariates.size
    part = _Reconstruction(data)
    N = covariates.N

    def labels(A, nu):
        value = 0.0
        residuals = np.empty((len(N), k))

        def residual(rows, S):
            nonlocal value
            one, R = loss(S + N[rows] @ nu.T, rows)
            value += one
            residuals[rows] = R
            return R

        gradient = label_data.fused_products(A, residual) + 2 * ridge * A
        value += ridge * float(np.sum(A * A)) + covariates.ridge(nu)
        return value, gradient, residuals.T @ N + 2 * nu * covariates.penalty

    C = least_squares_codes(data.forward(D), D, positive_code, max_sweeps=50, tol=1e-4)
    history = [labels(coef @ D, nu)[0] + recon * part.error(D, *part.moments(C))]
    stop, converged, n_iter = np.inf, False, 0
    cuts = np.cumsum([r * p, k * r])
    lbfgs = ProjectedLBFGS(r * p if positive_dict else 0)
    while n_iter < max_iter:
        n_iter += 1
        if n_iter > 1:
            projections = data.forward(D)
            if positive_code:
                C = least_squares_codes(projections, D, True, C, _CODE_SWEEPS, 0.0)
            else:
                C = least_squares_codes(projections, D, False)
        CC, CX = part.moments(C)

        def block(v, CC=CC, CX=CX):
            D, coef, nu = np.split(v, cuts)
            D, coef, nu = D.reshape(r, p), coef.reshape(k, r), nu.reshape(k, m)
            value, gA, gnu = labels(coef @ D, nu)
            CD = CC @ D
            value += recon * (part.energy - 2 * np.sum(CX * D) + np.sum(CD * D))
            gD = 2 * recon * (CD - CX) + coef.T @ gA
            return value, np.concatenate([g.ravel() for g in (gD, gA @ D.T, gnu)])

        v0 = np.concatenate([D.ravel(), coef.ravel(), nu.ravel()])
        v, value = lbfgs.minimize(block, v0, inner_iter)
        if value <= history[-1]:
            D, coef, nu = np.split(v, cuts)
            D, coef, nu = D.reshape(r, p), coef.reshape(k, r), nu.reshape(k, m)
        else:
            value = history[-1]
        stop = (history[-1] - value) / max(abs(value), np.finfo(float).tiny)
        history.append(value)
        if callback is not None and callback({"D": D, "coef": coef, "nu": nu}):
            break
        if stop <= tol:
            converged = True
            break
    # The scale of an atom is free: report unit atoms.
    D, norm = _unit_rows(D)
    coef, C = coef * norm, C * norm
    return SolverResult(
        x=(D, coef, nu, C),
        objective=np.array(history),
        stop=float(stop),
        n_iter=n_iter,
        converged=converged,
    )


def bcd_feature(
    data,
    loss,
    covariates,
    *,
    recon,
    ridge,
    positive_dict,
    positive_code,
    start,
    max_iter=200,
    tol=1e-5,
    inner_iter=5,
    callback=None,
):
    """Block coordinate descent for the feature model, logits ``c coef.T``.

    Minimizes ``loss + ridge ||coef||^2 + recon * mean||x' - c D||^2`` over atoms of
    length at most one. Parameters are those of :func:`bcd_filter`; the codes are
    lowered through a quadratic majoriser of the loss that all samples of one class
    weight share.

    Returns
    -------
    result : SolverResult
        ``x = (D, coef, nu, C)``.
    """
    D, norm = _unit_rows(start[0])
    coef, nu = start[1] * norm, start[2]
    r = len(D)
    N, part = covariates.N, _Reconstruction(data)
    penalty = np.concatenate([np.full(r, ridge), covariates.penalty])
    relative = loss.weight / data.weight
    levels = np.unique(relative)
    groups = [(level, np.flatnonzero(relative == level)) for level in levels]

    def lower_codes(C, projections):
        if len(groups) > 32:  # as good as continuous: one bound for all
            shared = [(levels[-1], slice(None))]
        elif len(groups) == 1:
            shared = [(levels[0], slice(None))]
        else:
            shared = groups
        BB, DD = coef.T @ coef, D @ D.T
        for _ in range(2):
            _, R = loss(C @ coef.T + N @ nu.T)
            push = 2 * recon * projections - (R / data.weight[:, None]) @ coef
            for level, rows in shared:
                bound = level * loss.curvature * BB
                part_C = np.ascontiguousarray(C[rows])
                rhs = np.ascontiguousarray(push[rows]) + part_C @ bound
                gram = 2 * recon * DD + bound
                cd_codes(part_C, gram, rhs, 0.0, positive_code, 1, 0.0)
                C[rows] = part_C
        return C

    C = least_squares_codes(data.forward(D), D, positive_code, max_sweeps=50, tol=1e-4)
    history = []
    stop, converged, n_iter = np.inf, False, 0
    while True:
        joint, value = ridge_logistic(
            np.hstack([C, N]),
            loss,
            penalty,
            np.hstack([coef, nu]),
            max_iter=inner_iter,
        )
        coef, nu = joint[:, :r].copy(), joint[:, r:].copy()
        CC, CX = part.moments(C)
        value += recon * part.error(D, CC, CX)
        if history:
            stop = (history[-1] - value) / max(abs(value), np.finfo(float).tiny)
        history.append(value)
        if n_iter and callback is not None:
            state = {"D": D, "coef": coef, "nu": nu}
            if callback(state):
                break
        if stop <= tol:
            converged = True
            break
        if n_iter == max_iter:
            break
        n_iter += 1
        D = least_squares_dictionary(D.copy(), CC, CX, positive_dict, ball=True)
        C = lower_codes(C, data.forward(D))
    return SolverResult(
        x=(D, coef, nu, C),
        objective=np.array(history),
        stop=float(stop),
        n_iter=n_iter,
        converged=converged,
    )
