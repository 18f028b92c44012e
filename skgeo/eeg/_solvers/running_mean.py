"""Means of streams of covariances, and the recentering they give.

Two geometries, one interface: :class:`RunningRiemannMean` (affine-invariant) and
:class:`RunningBuresMean` (Bures-Wasserstein, which accepts singular matrices). A batch
moves the mean along the geodesic towards the batch by the batch's share of all
weight, one eigendecomposition per matrix; nothing of the batch is kept.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skgeo.eeg._solvers import riemann
from skgeo.exceptions import NotPositiveDefiniteError

__all__ = [
    "BuresState",
    "RunningBuresMean",
    "RunningRiemannMean",
    "bures_mean",
    "bures_step",
    "share_of_batch",
]

# Eigenvalues below this fraction of the largest belong to no direction of the data:
# round-off of a covariance of rank below its size lies at 1e-17 to 1e-14.
_RANK_TOL = 1e-12
# Negative eigenvalues up to this fraction of the largest are round-off.
_INDEFINITE_TOL = 1e-8
_GEODESIC_END = 1e-6  # least eigenvalue of I + V / 2 that still has a logarithm


class Batch(NamedTuple):
    """Matrices and their weights."""

    matrices: np.ndarray
    weight: np.ndarray


def share_of_batch(batch_weight, seen_weight, forgetting=None):
    """Share of a batch in the new mean.

    Parameters
    ----------
    batch_weight, seen_weight : float
        Weight of the batch, and of all that came before.
    forgetting : float or None
        Weight of one new matrix of unit weight once the start is forgotten; None
        weighs all alike.

    Returns
    -------
    share : float
        In (0, 1]. Two halves of a batch, one after the other, forget as much of the
        past as the whole batch.
    """
    equal = batch_weight / (seen_weight + batch_weight)
    if forgetting is None:
        return equal
    return max(equal, -np.expm1(batch_weight * np.log1p(-forgetting)))


# ------------------------------------------------------------- affine-invariant


class RunningRiemannMean:
    """Affine-invariant mean of a stream of positive-definite matrices.

    The step is divided by the running mean curvature of half the squared distance (1
    in flat space, 1.04 to 1.14 on EEG): that takes the distance from the mean of all
    matrices to between an eighth and three quarters of what plain steps leave.

    Parameters
    ----------
    forgetting : float or None
        See :func:`share_of_batch`.
    tol, max_iter : float, int
        Of the mean of the first batch.
    """

    def __init__(self, forgetting=None, *, tol=1e-8, max_iter=50):
        self.forgetting, self.tol, self.max_iter = forgetting, tol, max_iter
        self.whitener, self._curvature = None, 1.0
        self.total_weight, self.n_iter, self.converged = 0.0, 0, True
        self.singular_batch, self.rank_deficient = False, False
        self.clipped = 0.0

    def start(self, C, weight):
        """Set the mean to the mean of a batch."""
        total = weight.sum()
        result = riemann.riemann_mean(
            C, weight / total, tol=self.tol, max_iter=self.max_iter
        )
        self.whitener, self.total_weight = result.x, total
        self._curvature = _mean_curvature(result.logs, weight / total)
        self.n_iter, self.converged = result.n_iter, result.converged
        return self

    def update(self, C, weight):
        """Move the mean towards a batch by the batch's share."""
        if self.whitener is None:
            return self.start(C, weight)
        total = weight.sum()
        share = share_of_batch(total, self.total_weight, self.forgetting)
        self.total_weight += total
        weight = weight / total
        if share > 0.5:  # a step of this length misses: go to the batch's own mean
            result = riemann.riemann_mean(
                C, weight, tol=self.tol, max_iter=self.max_iter
            )
            half = np.linalg.inv(result.x)
            logs = riemann.log_maps((half @ half.T)[None], self.whitener)
            return self._step(share, logs.mean(np.ones(1)))
        logs = riemann.log_maps(C, self.whitener)
        curvature = _mean_curvature(logs, weight)
        self._curvature += share * (curvature - self._curvature)
        return self._step(share / self._curvature, logs.mean(weight))

    def _step(self, length, direction):
        self.whitener = riemann.exp_symmetric(direction, -length / 2) @ self.whitener
        return self

    @property
    def mean(self):
        """The mean, shape (d, d)."""
        return self._roots()[1]

    def _roots(self):
        # The symmetric root, whatever rotation the updates left in the whitener.
        _, s, Vt = np.linalg.svd(self.whitener)
        half = Vt.T / s
        root = (Vt.T * s) @ Vt
        return (root + root.T) / 2, half @ half.T, half @ Vt

    def recenter(self, C):
        """Move matrices so that the mean comes to lie at the identity."""
        root = self._roots()[0]
        Z = root @ C @ root
        return (Z + Z.swapaxes(1, 2)) / 2

    def restore(self, Z):
        """Undo :meth:`recenter`."""
        half = self._roots()[2]
        C = half @ Z @ half
        return (C + C.swapaxes(1, 2)) / 2

    def tangent(self, C):
        """Tangent vectors at the identity after recentering, as symmetric matrices."""
        return riemann.log_maps(C, self._roots()[0]).dense()

    def from_tangent(self, S):
        """Undo :meth:`tangent`."""
        return self.restore(riemann.exp_symmetric(S))


def _mean_curvature(logs, weight):
    """Mean eigenvalue of the Hessian of half the squared distances."""
    return weight @ riemann.hessian_weights(logs.values).mean((1, 2))


# ----------------------------------------------------------- Bures-Wasserstein


def _symmetric(A):
    return (A + A.swapaxes(-1, -2)) / 2


def _check_semidefinite(values):
    """Raise where an eigenvalue is negative beyond round-off; values ascend."""
    bad = values[..., 0] < -_INDEFINITE_TOL * np.abs(values).max(-1)
    if np.any(bad):
        first = int(np.flatnonzero(np.atleast_1d(bad))[0])
        raise NotPositiveDefiniteError(
            f"Matrix {first} ({int(np.sum(bad))} of {np.atleast_1d(bad).size} in all) "
            "has a negative eigenvalue: it is no covariance. Look at how it was made."
        )


def _power(X, p):
    """Power of positive-semidefinite matrices."""
    if p == 1.0:
        return X
    values, V = np.linalg.eigh(X)
    _check_semidefinite(values)
    return (V * (np.maximum(values, 0.0) ** p)[..., None, :]) @ V.swapaxes(-1, -2)


def _roots_of(B):
    """Square root of a positive-definite matrix, and its inverse."""
    values, V = np.linalg.eigh(B)
    root = np.sqrt(np.maximum(values, values[-1] * 1e-15))
    return (V * root) @ V.T, (V / root) @ V.T


def _eigen(G):
    """Eigenvalues, floored so that they can be divided by, and eigenvectors."""
    g, U = np.linalg.eigh(G)
    return np.maximum(g, g[-1] * 1e-15), U


def _maps(g, U, Y):
    """Transport maps T of G = U diag(g) U' to Y (T G T = Y), in the basis U."""
    root = np.sqrt(g)
    outer = root[:, None] * root
    inner = _symmetric((U.T @ Y @ U) * outer)
    values, Q = np.linalg.eigh(inner)
    _check_semidefinite(values)
    S = (Q * np.sqrt(np.maximum(values, 0.0))[..., None, :]) @ Q.swapaxes(-1, -2)
    return S / outer


def bures_step(G, Y, weight, share):
    """Move a mean along the geodesic towards a batch.

    Parameters
    ----------
    G : ndarray of shape (d, d)
        The mean so far, positive definite.
    Y : ndarray of shape (n_matrices, d, d)
        Positive-semidefinite matrices.
    weight : ndarray of shape (n_matrices,)
        Weights, sum one.
    share : float
        Length of the step in [0, 1]; 1 is one fixed-point iteration of the mean of Y.

    Returns
    -------
    G : ndarray of shape (d, d)
        The new mean.
    gradient : float
        Root mean square, per dimension, of the mean tangent vector at the old mean,
        transported to the identity; 0 where G is the mean of Y.
    """
    g, U = _eigen(G)
    T = np.tensordot(weight, _maps(g, U, Y), axes=1)
    away = T - np.eye(len(g))
    pull = np.sqrt(2.0 * (g[:, None] + g)) * away
    K = np.eye(len(g)) + share * away
    return _symmetric(U @ (K * g) @ K @ U.T), np.linalg.norm(pull) / np.sqrt(len(g))


def bures_mean(Y, weight, *, tol=1e-10, max_iter=100, start=None):
    """Bures-Wasserstein mean by its fixed point.

    Parameters
    ----------
    Y : ndarray of shape (n_matrices, d, d)
        Positive-semidefinite matrices whose sum is positive definite.
    weight : ndarray of shape (n_matrices,)
        Weights, sum one.
    tol : float, default=1e-10
        Stop when the gradient of :func:`bures_step` is at most this.
    max_iter : int, default=100
        Maximum number of steps.
    start : ndarray of shape (d, d), optional
        Where to start; by default the arithmetic mean.

    Returns
    -------
    G : ndarray of shape (d, d)
        The mean.
    n_iter : int
        Steps done.
    converged : bool
        Whether the gradient fell below ``tol``.
    """
    G = np.tensordot(weight, Y, axes=1) if start is None else start
    for step in range(1, max_iter + 1):
        moved, gradient = bures_step(G, Y, weight, 1.0)
        if gradient <= tol:
            return G, step, True
        G = moved
    return G, max_iter, False


@dataclass(frozen=True, slots=True)
class BuresState:
    """A Bures-Wasserstein mean with the frame it is expressed in.

    Attributes
    ----------
    scale : float
        Unit of the matrices: they are divided by it.
    basis : ndarray of shape (d, r)
        Orthonormal basis of the directions in which the data vary.
    arithmetic : ndarray of shape (r, r)
        Arithmetic mean, scaled, in that basis.
    base : ndarray of shape (r, r)
        Root of the base of the geometry.
    base_inverse : ndarray of shape (r, r)
        Its inverse.
    G : ndarray of shape (r, r)
        Mean of the deformed matrices.
    n_iter : int
        Fixed-point steps of the start.
    converged : bool
        Whether they converged.
    """

    scale: float
    basis: np.ndarray
    arithmetic: np.ndarray
    base: np.ndarray
    base_inverse: np.ndarray
    G: np.ndarray
    n_iter: int
    converged: bool


class RunningBuresMean:
    """Generalized Bures-Wasserstein mean of a stream of covariances.

    The geometry of ``B^(-1/2) C^theta B^(-1/2)``, with B the theta-power of the
    arithmetic mean or of its mean eigenvalue, either running along. Singular matrices
    are accepted; a stream that starts with some is held back until ``2 d`` of them
    have come, because the step divides by the eigenvalues of the mean so far.

    Parameters
    ----------
    theta : float
        Power.
    base : {"mean", "identity"}
        The base B.
    forgetting : float or None
        See :func:`share_of_batch`.
    tol, max_iter : float, int
        Of the mean of the first batch.
    """

    def __init__(
        self, theta=0.5, base="mean", forgetting=None, *, tol=1e-10, max_iter=100
    ):
        self.theta, self.base, self.forgetting = theta, base, forgetting
        self.tol, self.max_iter = tol, max_iter
        self.total_weight = 0.0
        self.singular_batch = False  # the last batch did not span the space
        self.clipped = 0.0  # fraction of eigenvalues clipped by the last recenter
        self._state, self._held = None, []

    @property
    def state(self):
        """The :class:`BuresState`; of what is held back, before the start."""
        if self._state is None and self._held:
            self._state = self._started(*self._all_held())
        return self._state

    n_iter = property(lambda self: self.state.n_iter)
    converged = property(lambda self: self.state.converged)

    @property
    def rank_deficient(self):
        """Whether no matrix so far varied in some direction."""
        d, rank = self.state.basis.shape
        return rank < d

    def start(self, C, weight):
        """Set the mean to the mean of a batch."""
        self._held = []
        self._state, self.total_weight = self._started(C, weight), weight.sum()
        return self

    def update(self, C, weight):
        """Move the mean towards a batch by the batch's share."""
        total = weight.sum()
        self.singular_batch = _is_singular(np.tensordot(weight / total, C, axes=1))
        if self._held or self._state is None:
            self._hold(C, weight)
        else:
            share = share_of_batch(total, self.total_weight, self.forgetting)
            self._state = self._advanced(C, weight / total, share)
        self.total_weight += total
        return self

    def _hold(self, C, weight):
        """Keep the first matrices until the mean can be started."""
        self._held.append(Batch(C.copy(), weight))
        self._state = None
        held = sum(len(batch.weight) for batch in self._held)
        regular = not any(_is_singular(b.matrices).any() for b in self._held)
        if regular or held >= 2 * C.shape[1]:
            self._state = self._started(*self._all_held())
            self._held = []

    def _all_held(self):
        return Batch(
            np.concatenate([batch.matrices for batch in self._held]),
            np.concatenate([batch.weight for batch in self._held]),
        )

    def _started(self, C, weight):
        weight = weight / weight.sum()
        largest = np.abs(C).max()
        if largest == 0.0:
            raise NotPositiveDefiniteError(
                "All matrices are zero: there is nothing to recenter."
            )
        arithmetic = np.tensordot(weight, C / largest, axes=1)
        values, V = np.linalg.eigh(arithmetic)
        basis = V[:, values > _RANK_TOL * values[-1]]
        if basis.shape[1] == len(V):
            basis = np.eye(len(V))
        else:  # a negative eigenvalue must not pass for a direction without variance
            _check_semidefinite(np.linalg.eigvalsh(C))
        inside = basis.T @ arithmetic @ basis
        # A power of two, and the data around one: no square under- or overflows.
        unit = 2.0 ** np.round(np.log2(np.trace(inside) / len(inside)))
        state = BuresState(
            scale=largest * unit,
            basis=basis,
            arithmetic=_symmetric(inside / unit),
            **self._frame(inside / unit),
            G=None,
            n_iter=0,
            converged=False,
        )
        Y = self._deformed(state, C)
        G, n_iter, converged = bures_mean(
            Y, weight, tol=self.tol, max_iter=self.max_iter
        )
        return replace(state, G=G, n_iter=n_iter, converged=converged)

    def _frame(self, arithmetic):
        if self.base == "identity":
            # In units of the mean variance: volts or microvolts make no difference.
            r = len(arithmetic)
            root = (np.trace(arithmetic) / r) ** (self.theta / 2)
            return {"base": root * np.eye(r), "base_inverse": np.eye(r) / root}
        root, inverse = _roots_of(_power(_symmetric(arithmetic), self.theta))
        return {"base": root, "base_inverse": inverse}

    def _deformed(self, state, C):
        P, R = state.basis, state.base_inverse
        inside = _symmetric(P.T @ (C / state.scale) @ P)
        return _symmetric(R @ _power(inside, self.theta) @ R)

    def _advanced(self, C, weight, share):
        old = self._state
        P = old.basis
        batch = _symmetric(P.T @ np.tensordot(weight, C / old.scale, axes=1) @ P)
        arithmetic = (1.0 - share) * old.arithmetic + share * batch
        frame = self._frame(arithmetic)
        # The mean keeps its place while the base moves under it.
        change = frame["base_inverse"] @ old.base
        state = replace(old, arithmetic=arithmetic, **frame)
        G = _symmetric(change @ old.G @ change.T)
        Y = self._deformed(state, C)
        if share > 0.5:  # one step of this length misses: go to the batch's own mean
            Y = bures_mean(Y, weight, tol=1e-6, max_iter=self.max_iter)[0][None]
            weight = np.ones(1)
        return replace(state, G=bures_step(G, Y, weight, share)[0])

    @property
    def mean(self):
        """The mean, shape (d, d)."""
        s = self.state
        M = _power(_symmetric(s.base @ s.G @ s.base), 1.0 / self.theta)
        return s.scale * _symmetric(s.basis @ M @ s.basis.T)

    def outside(self, C):
        """Largest fraction of a matrix's trace in directions the mean has not seen."""
        P = self.state.basis
        if P.shape[0] == P.shape[1]:
            return 0.0
        C = C / self.state.scale
        total = np.trace(C, axis1=1, axis2=2)
        inside = np.trace(P.T @ C @ P, axis1=1, axis2=2)
        return float(np.max((total - inside) / np.where(total > 0, total, 1.0)))

    def _centered(self, C):
        """Tangent vectors at the mean, transported to the identity."""
        g, U = _eigen(self.state.G)
        T = _maps(g, U, self._deformed(self.state, C))
        V = np.sqrt(2.0 * (g[:, None] + g)) * (T - np.eye(len(g)))
        return _symmetric(U @ V @ U.T)

    def recenter(self, C):
        """Move matrices so that the mean comes to lie at the identity."""
        P = self.state.basis
        values, Q = np.linalg.eigh(self._centered(C))
        length = 1.0 + values / 2.0
        self.clipped = float(np.mean(length < _GEODESIC_END))
        length = np.maximum(length, _GEODESIC_END)
        Z = (Q * (length ** (2.0 / self.theta))[:, None, :]) @ Q.swapaxes(1, 2)
        if P.shape[0] == P.shape[1]:
            return _symmetric(Z)
        # Unseen directions are the identity's, so that the result is definite.
        return _symmetric(P @ Z @ P.T) + np.eye(len(P)) - P @ P.T

    def restore(self, Z):
        """Undo :meth:`recenter`, where nothing was clipped."""
        P = self.state.basis
        V = 2.0 * (
            _power(_symmetric(P.T @ Z @ P), self.theta / 2.0) - np.eye(P.shape[1])
        )
        return self._from_centered(V)

    def tangent(self, C):
        """Tangent vectors at the identity after recentering, as symmetric matrices."""
        P = self.state.basis
        return P @ (self._centered(C) / self.theta) @ P.T

    def from_tangent(self, S):
        """Undo :meth:`tangent`."""
        P = self.state.basis
        return self._from_centered(self.theta * (P.T @ S @ P))

    def _from_centered(self, V):
        s = self.state
        g, U = _eigen(s.G)
        T = (U.T @ V @ U) / np.sqrt(2.0 * (g[:, None] + g)) + np.eye(len(g))
        Y = U @ ((T * g) @ T) @ U.T
        X = _power(_symmetric(s.base @ Y @ s.base), 1.0 / self.theta)
        return s.scale * _symmetric(s.basis @ X @ s.basis.T)


def _is_singular(C):
    """Whether each matrix has a direction without variance."""
    values = np.linalg.eigvalsh(C)
    return values[..., 0] <= _RANK_TOL * np.abs(values).max(-1)
