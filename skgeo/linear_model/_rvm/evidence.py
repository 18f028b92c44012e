"""Maximize the evidence of a sparse linear model (relevance vector machine).

Both solvers work on one target of a problem that
:func:`skgeo.linear_model._rvm.compress.compress` has made free of rows and units.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack, solve_triangular

from skgeo.kernels.rvm import data_fit, sequential_moves
from skgeo.utils.solver_result import SolverResult

__all__ = ["fit_fixed_point", "fit_sequential"]


class _Posterior:
    """State of a fit: terms, precisions and the statistics of every column."""

    def __init__(self, design, target, outside, n, noise, floor):
        self.design, self.target, self.outside = design, target, outside
        self.n, self.noise, self.floor = n, noise, floor
        p = len(design)
        self.act = np.zeros(0, dtype=np.intp)
        self.a = np.zeros(0)
        self.pos = np.full(p, -1)
        self.refresh()

    def refresh(self):
        """Recompute every statistic from act and a, by QR: no error accumulates."""
        k, r = len(self.act), self.design.shape[1]
        active = self.design[self.act]
        top = np.zeros((r + k, k), order="F")
        top[:r] = active.T
        top[r:][np.diag_indices(k)] = np.sqrt(self.a)
        basis, tri = np.linalg.qr(top)
        inverse = lapack.dtrtri(tri)[0] if k else tri
        upper, lower = basis[:r], basis[r:]
        projected = upper.T @ self.target
        self.mu = inverse @ projected
        self.cov = inverse @ inverse.T
        residual = self.target - upper @ projected
        self.Y = self.outside + residual @ residual + np.sum((lower @ projected) ** 2)
        shared = self.design @ upper  # (p, k)
        rest = self.design - shared @ upper.T
        spare = shared @ lower.T
        self.S = np.einsum("ij,ij->i", rest, rest) + np.einsum("ij,ij->i", spare, spare)
        self.Q = rest @ self.target
        self.log_det = 2 * np.sum(np.log(np.abs(np.diag(tri)))) - np.sum(np.log(self.a))
        self.pos[:] = -1
        self.pos[self.act] = np.arange(k)

    def keep(self, places):
        """Keep only the terms at some places."""
        self.act, self.a = self.act[places], self.a[places]
        self.refresh()

    @property
    def noise_variance(self):
        return self.noise if self.noise > 0 else max(self.Y / self.n, self.floor)

    @property
    def evidence(self):
        """Log evidence without its constants (see fit_sequential)."""
        fit = data_fit(self.Y, self.n, self.noise, self.floor)
        return fit - 0.5 * self.log_det

    def move(self, cost, tol, banned, max_moves):
        """Make single moves; returns their gains and the best gain left."""
        k, p = len(self.act), len(self.design)
        room = min(p, max(64, 2 * k))
        a, mu, act = np.zeros(room), np.zeros(room), np.zeros(room, dtype=np.intp)
        cov, gram = np.zeros((room, room)), np.zeros((room, p))
        a[:k], mu[:k], act[:k], cov[:k, :k] = self.a, self.mu, self.act, self.cov
        gram[:k] = self.design[self.act] @ self.design.T
        gains = np.zeros(max_moves)
        k, self.Y, n_moves, gain = sequential_moves(
            self.design, act, self.pos, k, a, mu, cov, gram, self.S, self.Q, self.Y,
            self.n, self.noise, self.floor, cost, tol, banned, gains,
        )  # fmt: skip
        self.act, self.a = act[:k].copy(), a[:k].copy()
        return gains[:n_moves], gain


_REFRESH = 200  # moves between two exact recomputations of the statistics
_HELD = 10  # fixed-point iterations before the noise variance is learned
_WEAK = 0.1  # share of a coefficient left to the data below which its term may go
_STRIDE = np.log(8.0)  # longest step of a log precision
_SWEEPS = 60  # fixed-point iterations before single moves take over


def _climb(state, scores, *, cost, tol, max_iter, banned, callback):
    """Make single moves until none is left; returns whether that was reached."""
    while True:
        budget = min(_REFRESH, max_iter - len(scores))
        if budget <= 0:
            return False
        before = state.evidence
        gains, _ = state.move(cost, tol, banned, budget)
        state.refresh()
        if not len(gains):
            return True
        scores.extend(before + np.cumsum(gains))
        scores[-1] = state.evidence  # exact, where the others are sums
        info = {"n_iter": len(scores), "score": state.evidence}
        if callback is not None and callback(info):
            return False


def _prune(state, scores, *, max_alpha, min_coef, banned, **options):
    """Take out, weakest first, the terms that a threshold refuses, and climb again."""
    converged = True
    while converged and len(state.act):
        alpha = state.a / state.noise_variance
        # How far below the thresholds: above one means out.
        weak = alpha / max_alpha
        if min_coef is not None:
            size = np.maximum(np.abs(state.mu), 1e-300)
            weak = np.maximum(weak, min_coef[state.act] / size)
        worst = int(np.argmax(weak))
        if weak[worst] <= 1.0:
            break
        banned[state.act[worst]] = True
        state.keep(np.delete(np.arange(len(state.act)), worst))
        scores.append(state.evidence)
        converged = _climb(state, scores, banned=banned, **options)
    return converged


def _result(state, scores, n_iter, converged):
    order = np.argsort(state.act)
    return SolverResult(
        x=state.mu[order],
        objective=np.asarray(scores),
        stop=0.0 if converged else np.inf,
        n_iter=n_iter,
        converged=converged,
        extra={
            "active": state.act[order],
            "alpha": state.a[order] / state.noise_variance,
            "cov": state.cov[np.ix_(order, order)] * state.noise_variance,
            "noise_variance": state.noise_variance,
        },
    )


def fit_sequential(
    design,
    target,
    outside,
    n,
    *,
    noise=0.0,
    floor=1e-24,
    cost=0.0,
    max_alpha=np.inf,
    min_coef=None,
    tol=1e-8,
    max_iter=10_000,
    callback=None,
    start=None,
):
    """Maximize the evidence of a sparse linear model by single-term moves.

    The model is y = sum_j phi_j w_j + e with w_j ~ N(0, 1 / alpha_j) and
    e ~ N(0, noise). The evidence, less ``cost`` per term, is raised by the best
    addition, removal or change of one precision until none gains more than ``tol``.

    Parameters
    ----------
    design : ndarray of shape (n_features, n_rows)
        Columns phi_j, one a row, of unit norm (zero rows are left out of the model).
    target : ndarray of shape (n_rows,)
        Target, its squared norm at most one.
    outside : float
        Squared norm of the target outside the rows kept.
    n : float
        Number of rows that the noise is estimated from.
    noise : float, default=0.0
        Noise variance; zero maximizes it out, above ``floor``.
    floor : float, default=1e-24
        Smallest noise variance.
    cost : float, default=0.0
        Evidence that a term has to bring.
    max_alpha : float, default=inf
        Terms of a larger precision are taken out at the end, weakest first.
    min_coef : ndarray of shape (n_features,), optional
        Terms with a smaller absolute coefficient are taken out likewise.
    tol : float, default=1e-8
        Smallest gain worth a move.
    max_iter : int, default=10000
        Largest number of moves.
    callback : callable, optional
        Called every few moves with a dict; a true answer stops.
    start : (ndarray, ndarray), optional
        Columns and relative precisions to start from; None starts empty.

    Returns
    -------
    result : SolverResult
        ``x``: coefficients of the active columns; ``objective``: log evidence after
        each move, without the terms that no parameter changes,
        -(n log(2 pi) + log(total weight)) / 2; ``extra``: ``active``, ``alpha``,
        ``cov``, ``noise_variance``.
    """
    state = _Posterior(design, target, outside, n, noise, floor)
    scores = []
    if start is not None:
        state.act, state.a = start
        state.refresh()
        scores.append(state.evidence)
    n_start = len(scores)
    options = {"cost": cost, "tol": tol, "max_iter": max_iter, "callback": callback}
    banned = np.zeros(len(design), dtype=bool)
    converged = _climb(state, scores, banned=banned, **options)
    if converged:
        converged = _prune(
            state, scores, max_alpha=max_alpha, min_coef=min_coef, banned=banned,
            **options,
        )  # fmt: skip
    if not scores:
        scores.append(state.evidence)  # the empty model is the best one
    return _result(state, scores, max(1, len(scores) - n_start), converged)


def fit_fixed_point(
    design, target, outside, n, *, noise=0.0, floor=1e-24, fixed_tol=1e-2,
    max_iter=10_000, callback=None, **options,
):  # fmt: skip
    """Maximize the evidence by a fixed-point iteration on all precisions at once.

    The fixed points are those of MacKay's alpha_j <- gamma_j / m_j**2 and noise <-
    |residual|**2 / (n - sum gamma), gamma_j = 1 - alpha_j cov_jj. From the full model
    on, each precision goes to where it would settle with all others held, at most
    a factor of eight at a time. A term leaves when that is infinity and less
    than a tenth of a degree of freedom is left to it. Single-term moves end the fit, so
    that it stops where no single change helps and a term that left too early returns.

    Parameters are those of :func:`fit_sequential`; ``fixed_tol`` is the largest
    change of a log precision at which the fixed point stops.

    Returns
    -------
    result : SolverResult
        As from :func:`fit_sequential`.
    """
    act = np.flatnonzero(design.any(axis=1) & target.any())
    # A tenth of the target is taken for noise and the rest spread over the features,
    # for a few iterations: with more features than rows a noise variance learned from
    # the first, dense model would be zero.
    first_noise = noise if noise > 0 else 0.1 / n
    a = np.full(len(act), len(act) * first_noise)
    scores, converged = [], False
    gram = design @ design.T if len(design) <= 2 * design.shape[1] else None
    while len(act) and len(scores) < max_iter:
        active = design[act]
        mean, var, log_det, Y, rss = _posterior(active, target, outside, a, act, gram)
        v = noise if noise > 0 else max(Y / n, floor)
        scores.append(data_fit(Y, n, noise, floor) - 0.5 * log_det)
        gamma = np.clip(1.0 - a * var, 1e-16, 1.0)
        scale = first_noise
        if noise <= 0 and len(scores) > _HELD:
            scale = max(rss / max(n - gamma.sum(), 1e-3 * n), floor)
        # The precision that each term would take if it were the only one to move.
        # MacKay's update goes the same way in steps that become ever shorter where
        # a term is weak, and never reaches the infinity that takes a term out.
        s, q2 = np.maximum(1.0 / var - a, 1e-300), (mean / var) ** 2
        with np.errstate(divide="ignore"):
            own = np.where(q2 > s * scale, s * s / (q2 / scale - s), np.inf)
        stay = (own < np.inf) | (gamma > _WEAK)
        change = np.log(own / a)
        change = np.clip(change[stay], -_STRIDE, _STRIDE)
        act, a = act[stay], np.clip(a[stay] * np.exp(change), 1e-30, 1e30)
        info = {"n_iter": len(scores), "score": scores[-1], "noise_variance": v}
        if callback is not None and callback(info):
            break
        settled = stay.all() and np.abs(change).max(initial=0.0) < fixed_tol
        if (settled and len(scores) > _HELD) or len(scores) >= _SWEEPS:
            converged = True
            break
    converged = converged or not len(act)
    n_fixed = len(scores)
    result = fit_sequential(
        design, target, outside, n, noise=noise, floor=floor, start=(act, a),
        max_iter=max_iter, callback=callback, **options,
    )  # fmt: skip
    return SolverResult(
        x=result.x,
        objective=np.concatenate([scores, result.objective]),
        stop=result.stop,
        n_iter=max(1, n_fixed + result.n_iter),
        converged=converged and result.converged,
        extra=result.extra,
    )


def _posterior(active, target, outside, a, act, gram):
    """Mean, relative variances, log det C, y' C^-1 y and squared residual."""
    k, r = active.shape
    if k <= r:
        H = active @ active.T if gram is None else gram[np.ix_(act, act)]
        H[np.diag_indices(k)] += a
        factor, info = lapack.dpotrf(H, lower=1)
        if info == 0:
            inverse = lapack.dtrtri(factor, lower=1)[0]
            inverse = np.tril(inverse)
            var = np.einsum("ij,ij->j", inverse, inverse)
            mean = cho_solve((factor, True), active @ target, check_finite=False)
            log_det = 2 * np.log(np.diag(factor)).sum() - np.log(a).sum()
            return _fits(active, target, outside, a, mean, var, log_det)
    # More terms than rows: the r x r form, which divides by a.
    half = active.T / a
    C = half @ active
    C[np.diag_indices(r)] += 1.0
    factor = cho_factor(C, lower=True, check_finite=False)
    mean = half.T @ cho_solve(factor, target, check_finite=False)
    solved = solve_triangular(factor[0], half, lower=True, check_finite=False)
    var = np.maximum(1.0 / a - np.einsum("ij,ij->j", solved, solved), 1e-300)
    log_det = 2 * np.log(np.diag(factor[0])).sum()
    return _fits(active, target, outside, a, mean, var, log_det)


def _fits(active, target, outside, a, mean, var, log_det):
    residual = target - mean @ active
    rss = outside + residual @ residual
    return mean, var, log_det, rss + np.sum(a * mean * mean), rss
