"""Low-rank projected gradient on the convex lift of supervised dictionary learning.

Lee, Lyu and Yao, "Exponentially convergent algorithms for supervised matrix
factorization" (NeurIPS 2023): the factored objective is convex in a lifted matrix M
that stacks the classifier and the reconstruction, up to ``rank(M) <= r``, so a
gradient step followed by a truncated SVD is a method for it.

Here the reconstruction part of M is weighted such that one step of length 1/L lands
it on the data exactly. It then needs no storage: the state is the classifier part and
an r-dimensional subspace. The weighting is a change of metric, under which the rank
constraint is the same; it takes the reconstruction weight out of the condition number.
The coefficients of the covariates and the intercept are minimized out, which leaves
the lifted objective as strongly convex and as smooth as without them.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.decomposition._supervised.data_matrix import largest_eigenvalue
from skgeo.decomposition._supervised.subspace import DataGram, Subspace
from skgeo.utils.solver_result import SolverResult

__all__ = ["FeatureFactors", "LpgdResult", "lpgd"]

_COVARIATE_STEPS = 3


@dataclass(frozen=True, slots=True)
class FeatureFactors:
    """Factors of the feature model: ``A = codes @ coef.T``, the rest ``codes @ D``.

    Attributes
    ----------
    codes : ndarray of shape (n_samples, r)
        Codes of the training samples, which have seen the labels.
    coef : ndarray of shape (n_logits, r)
        Coefficients.
    dictionary : ndarray of shape (r, n_features)
        Atoms; zero without a reconstruction.
    """

    codes: np.ndarray
    coef: np.ndarray
    dictionary: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class LpgdResult(SolverResult):
    """Outcome of :func:`lpgd`.

    Attributes
    ----------
    lipschitz, strong_convexity : float
        Constants of the weighted lift.
    residuals : ndarray of shape (n_iter,)
        Value of the stopping criterion after each step.
    restarts : int
        How often the momentum was dropped.
    factors : FeatureFactors or None
        For "feature" only.
    """

    lipschitz: float
    strong_convexity: float
    residuals: np.ndarray
    restarts: int
    factors: FeatureFactors | None


class _Filter:
    """Logits ``A x + ...``; M stacks A (n_logits, p) on the reconstruction."""

    def __init__(self, data, loss, ridge):
        self.data, self.loss, self.ridge = data, loss, ridge

    def zeros(self):
        return np.zeros((self.loss.n_logits, self.data.shape[1]))

    def curvature(self):
        data, weight = self.data, self.loss.weight

        def matvec(v):
            return data.backward(data.forward(v.reshape(1, -1)) * weight[:, None])[0]

        return self.loss.curvature * largest_eigenvalue(matvec, data.shape[1])

    def logits(self, A):
        return self.data.forward(A)

    def gradient(self, A, residual):
        return self.data.backward(residual) + 2 * self.ridge * A

    def penalty(self, A):
        return self.ridge * float(np.sum(A * A))

    def size(self):
        return self.data.shape[1]

    def project(self, A, subspace):
        subspace.update(lambda V: A.T @ (A @ V), lambda: A.T @ A)
        return (A @ subspace.V) @ subspace.V.T

    def factors(self, subspace):
        return None


class _Feature:
    """Logits ``A_i + ...``; M sets A (n, n_logits) beside the reconstruction."""

    def __init__(self, data, loss, ridge):
        self.data, self.loss, self.ridge = data, loss, ridge
        self.omega = data.weight[:, None]
        self.codes = None

    def zeros(self):
        return np.zeros((self.data.shape[0], self.loss.n_logits))

    def curvature(self):
        # A row's own curvature is its class weight; the coefficients of covariates
        # and intercept are minimized out, which can only lower it.
        return self.loss.curvature * float(np.max(self.loss.weight / self.data.weight))

    def logits(self, A):
        return A

    def gradient(self, A, residual):
        return residual / self.omega + 2 * self.ridge * A

    def penalty(self, A):
        return self.ridge * float(np.sum(self.omega * A * A))

    def size(self):
        return self.data.shape[1] + self.loss.n_logits

    def project(self, A, subspace):
        k, s = self.loss.n_logits, np.sqrt(subspace.weight)
        weighted = self.omega * A
        AA, AX = A.T @ weighted, s * self.data.backward(weighted)

        def extra(V):
            return np.vstack([AA @ V[:k] + AX @ V[k:], AX.T @ V[:k]])

        def matrix():
            H = np.zeros((self.size(), self.size()))
            H[:k, :k], H[:k, k:], H[k:, :k] = AA, AX, AX.T
            return H

        subspace.update(extra, matrix)
        V = subspace.V
        self.codes = A @ V[:k] + s * self.data.forward(V[k:].T)
        return self.codes @ V[:k].T

    def lost(self, subspace, energy):
        """Energy of the data that the reconstruction leaves."""
        k, s = self.loss.n_logits, np.sqrt(subspace.weight)
        if s == 0:
            return energy
        V = subspace.V
        T = self.codes
        fit = self.data.backward(self.omega * T)  # (r, p)
        cross = float(np.sum(fit * V[k:].T)) / s
        square = float(np.sum((T.T @ (self.omega * T)) * (V[k:].T @ V[k:]))) / s**2
        return max(energy - 2 * cross + square, 0.0)

    def factors(self, subspace):
        k, s = self.loss.n_logits, np.sqrt(subspace.weight)
        V = subspace.V
        D = V[k:].T / s if s > 0 else np.zeros_like(V[k:].T)
        return FeatureFactors(self.codes, V[:k].copy(), D)


def lpgd(
    kind,
    data,
    loss,
    covariates,
    *,
    rank,
    recon,
    ridge,
    start=None,
    max_iter=500,
    tol=1e-5,
    momentum=True,
    callback=None,
):
    """Scaled, guarded and accelerated low-rank projected gradient.

    "filter" minimizes ``loss(X' A.T + N nu.T) + ridge ||A||^2 + recon * mean||x' - B
    x'||^2`` with the rows of A and the range of B in one r-dimensional subspace V;
    "feature" minimizes ``loss(A + N nu.T) + ridge * mean||A_i||^2 + recon * mean||x' -
    B_i||^2`` with ``[A | B]`` of rank r.

    Parameters
    ----------
    kind : {"filter", "feature"}
        Model.
    data : DataMatrix
        Centered and scaled data with relative weights.
    loss : LabelLoss
        Labels.
    covariates : CovariateModel
        Covariates and intercept.
    rank : int
        Number of atoms r.
    recon, ridge : float
        Weight of the reconstruction error and of the squared effective coefficients.
    start : tuple (A, V, nu), optional
        Start; default zero coefficients and the principal subspace. A has shape
        (n_logits, n_features) and V n_features rows for "filter", (n_samples, n_logits)
        and n_logits + n_features for "feature".
    max_iter : int, default=500
        Maximum number of steps.
    tol : float, default=1e-5
        Stop when the relative step of A and the energy-weighted sine of the turn of V
        are both at most this.
    momentum : bool, default=True
        Extrapolate, with a restart whenever the objective would rise.
    callback : callable, optional
        Called with a dict after every step; true stops.

    Returns
    -------
    result : LpgdResult
        ``x = (A, V, nu)``, and what is particular to this solver.
    """
    is_filter = kind == "filter"
    model = (_Filter if is_filter else _Feature)(data, loss, ridge)
    gram = DataGram(data)
    if start is None:
        start = (model.zeros(), np.empty((model.size(), 0)), covariates.zeros())
    L = 2 * ridge + model.curvature()
    if L == 0:
        L = 1.0  # no label can move anything
    width = min(model.size(), rank + 5)
    A, basis, nu = start
    basis = _widen(basis, model.size(), width)
    subspace = Subspace(gram, 2 * recon / L, rank, basis, data.shape[1])

    def value_at(A, S, nu_start):
        nu, value, _ = covariates.solve(S, nu_start, _COVARIATE_STEPS)
        if recon == 0:
            lost = 0.0
        elif is_filter:
            lost = max(gram.energy - subspace.captured(), 0.0)
        else:
            lost = model.lost(subspace, gram.energy)
        return nu, value + model.penalty(A) + recon * lost

    if not loss.binary:
        # What all classes share changes no probability, only the penalty.
        nu = nu - nu.mean(axis=0)
        A = A - A.mean(axis=0 if is_filter else 1, keepdims=True)
    A = model.project(A, subspace)
    S = model.logits(A)
    nu, current = value_at(A, S, nu)
    history, steps = [current], []
    A_old, S_old, nu_old, t = A, S, nu, 1.0
    stop, converged, n_iter, restarts = np.inf, False, 0, 0
    while n_iter < max_iter:
        t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2 if momentum else 1.0
        theta = (t - 1) / t_next if momentum else 0.0
        saved = subspace.state()
        while True:
            Ay, Sy, nuy = A, S, nu
            if theta > 0:
                Ay = A + theta * (A - A_old)
                Sy = S + theta * (S - S_old)
                nuy = nu + theta * (nu - nu_old)
            _, residual = loss(Sy + covariates.N @ nuy.T)
            stepped = Ay - model.gradient(Ay, residual) / L
            A_new = model.project(stepped, subspace)
            S_new = model.logits(A_new)
            nu_new, value = value_at(A_new, S_new, nuy)
            if value <= current or theta == 0:
                break
            # Momentum overshot: take the plain step, which cannot rise.
            subspace.restore(saved)
            theta, t_next, restarts = 0.0, 1.0, restarts + 1
        n_iter += 1
        size = max(1.0, float(np.linalg.norm(A_new)))
        if not is_filter:
            size = max(1.0, float(np.sqrt(np.sum(model.omega * A_new**2))))
        move = A_new - Ay
        move = np.sqrt(np.sum(move**2 if is_filter else model.omega * move**2))
        stop = max(float(move) / size, subspace.change(saved[0]) if recon else 0.0)
        if value > current:
            # A plain step rises by rounding only: this is the floor.
            subspace.restore(saved)
            if not is_filter:
                model.project(A, subspace)
            converged = stop <= max(tol, 1e-6)
            steps.append(stop)
            history.append(current)
            break
        A_old, S_old, nu_old = A, S, nu
        A, S, nu, t, current = A_new, S_new, nu_new, t_next, value
        history.append(current)
        steps.append(stop)
        if callback is not None and callback({"A": A, "V": subspace.V, "nu": nu}):
            break
        if stop <= tol:
            converged = True
            break
    return LpgdResult(
        x=(A, subspace.V, nu),
        objective=np.array(history),
        stop=stop,
        n_iter=n_iter,
        converged=converged,
        lipschitz=L,
        strong_convexity=min(2 * ridge, L),
        residuals=np.array(steps),
        restarts=restarts,
        factors=model.factors(subspace),
    )


def _widen(basis, size, width):
    """Append fixed generic columns, so that the block can find what it misses."""
    have = min(basis.shape[1], width)
    more = np.cos(np.outer(np.arange(size) + 1.0, np.arange(width - have) + 0.618) ** 2)
    return np.hstack([basis[:, :have], more])
