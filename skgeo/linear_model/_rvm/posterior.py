"""One target of a compressed problem, and the posterior of a sparse model of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from skgeo.kernels.rvm import (
    Objective,
    best_swap,
    data_fit,
    empty_terms,
    kick_term,
    sequential_moves,
)

__all__ = ["Posterior", "Problem", "SparseFit", "economic_qr"]

_REFRESH = 200  # moves between two exact recomputations of the statistics
_MIN_ROOM = 64  # terms for which there is room from the start
_MAX_FRACTION = 0.7  # terms per row beyond which the noise is anyone's guess
_MAX_RANK_LOSS = 1e-13  # smallest pivot, relative, that least squares works with
_RANK_TOL = 1e-13  # squared singular values below this, relative, are rounding errors


def economic_qr(columns):
    """Q and R of a tall matrix; NumPy's takes several times longer on small ones."""
    k = columns.shape[1]
    packed, tau = lapack.dgeqrf(columns, lwork=32 * k)[:2]
    return lapack.dorgqr(packed, tau, lwork=32 * k)[0], np.triu(packed[:k])


@dataclass(frozen=True)
class Problem:
    """A target of a compressed problem, and what is asked of its model.

    The model is y = sum_j phi_j w_j + e with w_j ~ N(0, 1 / alpha_j) and
    e ~ N(0, noise). The objective is the log evidence less ``cost`` per term.

    Attributes
    ----------
    design : ndarray of shape (n_features, n_rows)
        Columns phi_j, one per row, of unit norm (zero rows stay out of the model).
    target : ndarray of shape (n_rows,)
        Target, its squared norm at most one.
    unexplained : float
        Squared norm of the part of the target that no column reaches.
    n : float
        Number of rows that the noise is estimated from.
    n_distinct : float
        Number of different rows, less one where an intercept is fitted; only needed if
        the columns may reach the target exactly.
    noise : float
        Noise variance; zero maximizes it out, above ``floor``.
    floor : float
        Smallest noise variance.
    cost : float
        Log evidence that a term has to bring.
    positive : bool
        Whether every coefficient has to be positive.
    tol : float
        Smallest gain worth a move.
    max_iter : int
        Maximum number of moves of one climb.
    callback : callable, optional
        Called every few moves with a dict; a true answer stops.
    announced : bool
        Whether a long search has been announced already.
    """

    design: np.ndarray
    target: np.ndarray
    unexplained: float
    n: float
    n_distinct: float = np.inf
    noise: float = 0.0
    floor: float = 1e-24
    cost: float = 0.0
    positive: bool = False
    tol: float = 1e-8
    max_iter: int = 10_000
    callback: Callable | None = None
    announced: bool = False

    @cached_property
    def alive(self) -> np.ndarray:
        """Columns that are not zero; none if the target is zero."""
        return np.flatnonzero(self.design.any(axis=1) & self.target.any())

    @cached_property
    def gram(self) -> np.ndarray:
        """Gram matrix of all columns."""
        return self.design @ self.design.T

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Squared singular values of the design and the squared target along each.

        Directions of small singular values are mixed up with each other.
        """
        values, vectors = np.linalg.eigh(self.design.T @ self.design)
        return np.maximum(values, 0.0), (vectors.T @ self.target) ** 2

    @cached_property
    def least_squares(self) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Coefficients of all living columns, their inverse Gram matrix, the residual.

        None where columns are nearly dependent.
        """
        columns = self.design[self.alive].T
        if not columns.size or columns.shape[0] < columns.shape[1]:
            return None
        q, triangle = economic_qr(columns)
        pivots = np.abs(np.diag(triangle))
        if pivots.min() < _MAX_RANK_LOSS * pivots.max():
            return None
        inverse = lapack.dtrtri(triangle)[0]
        w = inverse @ (q.T @ self.target)
        residual = self.target - columns @ w
        return w, inverse @ inverse.T, self.unexplained + float(residual @ residual)

    @cached_property
    def best_without(self) -> np.ndarray:
        """Objective that no model without a column exceeds; infinite if unknown.

        That of least squares on all others, if they were free of charge.
        """
        limits = np.full(len(self.design), np.inf)
        if self.least_squares is not None:
            w, gram_inverse, rss = self.least_squares
            rss = rss + w**2 / np.diag(gram_inverse)
            for j, Y in zip(self.alive, rss, strict=True):
                limits[j] = data_fit(Y, self.n, self.noise, self.floor)
        return limits

    @cached_property
    def max_terms(self) -> int:
        """Number of terms beyond which the evidence says nothing.

        With the noise learned and no fewer columns than (different) rows, the evidence
        rises without end as the fit becomes exact.
        """
        p, n_alive = len(self.design), len(self.alive)
        if self.noise > 0 or self.unexplained > self.n * self.floor or not n_alive:
            return p
        values, along = self.spectrum
        reached = values > _RANK_TOL * values.max()
        rank = np.count_nonzero(reached)
        if np.sum(along[~reached]) > max(self.n * self.floor, _RANK_TOL):
            return p  # no set of columns fits exactly
        if rank < min(self.n, self.n_distinct):
            return p  # an exact fit is no accident
        return max(1, int(_MAX_FRACTION * min(self.n, self.n_distinct)))

    @property
    def objective(self) -> Objective:
        """Numbers that the kernels judge moves by."""
        return Objective(
            float(self.n),
            float(self.noise),
            float(self.floor),
            float(self.cost),
            bool(self.positive),
        )


@dataclass(frozen=True, slots=True)
class SparseFit:
    """A fitted sparse model of one target, in scaled units.

    Attributes
    ----------
    active : ndarray of shape (n_terms,)
        Columns in the model, in increasing order.
    coef : ndarray of shape (n_terms,)
        Their posterior mean.
    precision : ndarray of shape (n_terms,)
        Their prior precisions.
    cov : ndarray of shape (n_terms, n_terms)
        Their posterior covariance.
    noise_variance : float
        Noise variance.
    log_evidence : float
        Log evidence without the constant -(n log(2 pi) + log(total weight)) / 2.
    objective : ndarray of shape (n_iter + 1,)
        Log evidence less the cost of the terms, after each move of the run kept.
    n_iter : int
        Moves of the run kept.
    n_starts : int
        Models that were climbed from.
    start : str
        Where the run kept came from.
    converged : bool
        Whether that run stopped because no move was left.
    saturated : bool
        Whether there are too many terms for the rows to tell the noise.
    """

    active: np.ndarray
    coef: np.ndarray
    precision: np.ndarray
    cov: np.ndarray
    noise_variance: float
    log_evidence: float
    objective: np.ndarray
    n_iter: int
    n_starts: int
    start: str
    converged: bool
    saturated: bool


class Posterior:
    """A model that is being climbed: its terms and the statistics of every column.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    act : array-like of int
        Columns in the model.
    a : array-like of float
        Their precisions relative to the noise precision.
    name : str
        Where the model comes from.
    """

    def __init__(self, problem, act=(), a=(), name="empty"):
        self.problem, self.name = problem, name
        self.pos = np.full(len(problem.design), -1, dtype=np.intp)
        self.banned = np.zeros(len(problem.design), dtype=bool)
        self.converged = True
        self.set_terms(act, a)
        self.trace = [self.score]

    def set_terms(self, act, a):
        """Put exactly these terms into the model."""
        self.act = np.array(act, dtype=np.intp)
        self.a = np.array(a, dtype=np.float64)
        self.refresh()

    def refresh(self):
        """Recompute every statistic from act and a, by QR: no error accumulates."""
        design, target = self.problem.design, self.problem.target
        k, r = len(self.act), design.shape[1]
        if k == 0:  # every fit begins here
            self.mu, self.cov = np.zeros(0), np.zeros((0, 0))
            self.Y = self.problem.unexplained + target @ target
            self.S, self.Q = np.einsum("ij,ij->i", design, design), design @ target
            self.log_det = 0.0
            self.pos[:] = -1
            return
        active = design[self.act]
        top = np.zeros((r + k, k), order="F")
        top[:r] = active.T
        np.einsum("ii->i", top[r:])[:] = np.sqrt(self.a)
        basis, tri = economic_qr(top)
        inverse = lapack.dtrtri(tri)[0] if k else tri
        upper, lower = basis[:r], basis[r:]
        projected = upper.T @ target
        self.mu = inverse @ projected
        self.cov = inverse @ inverse.T
        residual = target - upper @ projected
        self.Y = (
            self.problem.unexplained
            + residual @ residual
            + np.sum((lower @ projected) ** 2)
        )
        shared = design @ upper  # (p, k)
        rest = design - shared @ upper.T
        spare = shared @ lower.T
        self.S = np.einsum("ij,ij->i", rest, rest) + np.einsum("ij,ij->i", spare, spare)
        self.Q = rest @ target
        self.log_det = 2 * np.sum(np.log(np.abs(np.diag(tri)))) - np.sum(np.log(self.a))
        self.pos[:] = -1
        self.pos[self.act] = np.arange(k)

    @property
    def support(self) -> frozenset:
        """Columns in the model."""
        return frozenset(self.act.tolist())

    @property
    def noise_variance(self) -> float:
        """Noise variance, given or at its maximum."""
        problem = self.problem
        if problem.noise > 0:
            return problem.noise
        return max(self.Y / problem.n, problem.floor)

    @property
    def evidence(self) -> float:
        """Log evidence without its constants (see SparseFit)."""
        problem = self.problem
        fit = data_fit(self.Y, problem.n, problem.noise, problem.floor)
        return fit - 0.5 * self.log_det

    @property
    def score(self) -> float:
        """Log evidence less the cost of the terms."""
        return self.evidence - self.problem.cost * len(self.act)

    @property
    def saturated(self) -> bool:
        """Whether too many terms are in the model for the noise to be known."""
        problem = self.problem
        many = len(self.act) > _MAX_FRACTION * problem.n
        return self._interpolates or (problem.noise <= 0 and many)

    @property
    def admissible(self) -> bool:
        """Whether the model is a candidate: not an interpolation, signs as asked."""
        wrong_sign = self.problem.positive and (self.mu < 0).any()
        return not (self._interpolates or wrong_sign)

    @property
    def _interpolates(self) -> bool:
        """Whether the model has grown to where the evidence says nothing."""
        limit = self.problem.max_terms
        return limit < len(self.problem.design) and len(self.act) >= limit

    def _terms(self, room):
        """State of the kernels; statistics are shared with this object."""
        problem, k = self.problem, len(self.act)
        known = "gram" in problem.__dict__  # computed already
        products = problem.gram if known else np.zeros((0, 0))
        terms = empty_terms(problem.design, products, room)._replace(
            pos=self.pos, S=self.S, Q=self.Q, banned=self.banned
        )
        terms.act[:k], terms.a[:k], terms.mu[:k] = self.act, self.a, self.mu
        terms.cov[:k, :k] = self.cov
        if known:
            terms.gram[:k] = products[self.act]
        else:
            terms.gram[:k] = problem.design[self.act] @ problem.design.T
        return terms

    def move(self, max_moves):
        """Make single moves; returns what each gains."""
        problem, k = self.problem, len(self.act)
        room = min(problem.max_terms, max(_MIN_ROOM, 2 * k))
        terms = self._terms(max(room, k))
        gains = np.zeros(max_moves)
        k, self.Y, n_moves, _ = sequential_moves(
            terms, k, self.Y, problem.objective, problem.tol, gains
        )
        if n_moves:
            self.act, self.a = terms.act[:k].copy(), terms.a[:k].copy()
            self.refresh()
        return gains[:n_moves]

    def climb(self):
        """Make single moves until none is left or a callback asks to stop."""
        problem = self.problem
        sign_bans = []
        self.converged = False
        while True:
            budget = min(_REFRESH, problem.max_iter - len(self.trace) + 1)
            if budget <= 0:
                break
            gains = self.move(budget)
            if not len(gains):
                # What moves are left need a term of the wrong sign out of the way.
                if problem.positive and (self.mu < 0).any():
                    worst = int(np.argmin(self.mu / np.sqrt(np.diag(self.cov))))
                    sign_bans.append(self.act[worst])
                    self.banned[self.act[worst]] = True
                    self.remove(worst)
                    continue
                self.converged = True
                break
            self.trace.extend(self.trace[-1] + np.cumsum(gains))
            self.trace[-1] = self.score  # exact, where the others are sums
            if self._interpolates:
                self.converged = True  # what follows would mean nothing
                break
            info = {"n_iter": len(self.trace) - 1, "score": self.trace[-1]}
            if problem.callback is not None and problem.callback(info):
                break
        self.banned[sign_bans] = False
        return self

    def remove(self, place):
        """Remove the term at a place."""
        keep = np.arange(len(self.act)) != place
        self.set_terms(self.act[keep], self.a[keep])
        self.trace.append(self.score)

    def swap(self):
        """Exchange one term for one column outside and climb, if that gains.

        Returns
        -------
        gained : bool
            Whether the objective rose; if not, the model is as it was.
        """
        problem, k = self.problem, len(self.act)
        if k == 0 or k == len(problem.design):
            return False
        terms = self._terms(k)
        gain, place, column, value = best_swap(terms, k, self.Y, problem.objective)
        if gain <= max(problem.tol, 1e-6):
            return False
        before = self.act, self.a, list(self.trace), self.converged, self.score
        act, a = self.act.copy(), self.a.copy()
        act[place], a[place] = column, value
        self.set_terms(act, a)
        self.trace.append(self.score)
        self.climb()
        if self.admissible and self.score > before[-1]:
            return True
        self.trace, self.converged = before[2], before[3]
        self.set_terms(before[0], before[1])
        return False

    def kick(self, place, least):
        """Bar a term for a while and climb from where that leads.

        Returns
        -------
        model : Posterior or None
            The new model if it gains at least ``least``.
        """
        problem, k = self.problem, len(self.act)
        room = max(k, min(problem.max_terms, max(_MIN_ROOM, 2 * k)))
        terms = self._terms(room)
        terms = terms._replace(
            pos=self.pos.copy(), S=self.S.copy(), Q=self.Q.copy(),
            banned=self.banned.copy(),
        )  # fmt: skip
        k, _, net = kick_term(
            place, terms, k, self.Y, problem.objective, problem.tol, np.zeros(_REFRESH)
        )
        if not net > least:
            return None
        model = Posterior(problem, terms.act[:k], terms.a[:k], name="kick").climb()
        gained = model.admissible and model.score > self.score + least
        return model if gained else None

    def fit(self, n_starts=1) -> SparseFit:
        """Collect the result."""
        order = np.argsort(self.act)
        variance = self.noise_variance
        return SparseFit(
            active=self.act[order],
            coef=self.mu[order],
            precision=self.a[order] / variance,
            cov=self.cov[np.ix_(order, order)] * variance,
            noise_variance=variance,
            log_evidence=self.evidence,
            objective=np.asarray(self.trace),
            n_iter=max(1, len(self.trace) - 1),
            n_starts=n_starts,
            start=self.name,
            converged=self.converged,
            saturated=self.saturated,
        )
