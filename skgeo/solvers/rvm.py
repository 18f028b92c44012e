"""Sparse Bayesian regression: one pass over the rows, then iterations free of them.

:func:`compress` turns (X, y) into a triangular problem with the same posterior and
the same evidence; :func:`fit_sequential` and :func:`fit_fixed_point` maximise the
evidence of one target of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack, solve_triangular

from skgeo.kernels.rvm import data_fit, sequential_moves
from skgeo.solvers._result import SolverResult

__all__ = ["Compressed", "compress", "fit_fixed_point", "fit_sequential"]

_EPS = np.finfo(np.float64).eps
_BLOCK = 1024  # rows at a time
_MAX_COND = 300.0  # condition up to which the Gram matrix is accurate enough


@dataclass(frozen=True, slots=True)
class Compressed:
    """A regression problem reduced to triangular form, free of units.

    Attributes
    ----------
    design : ndarray of shape (n_features, n_rows)
        Columns of the reduced design, one a row, each of unit norm (or zero, where
        the column is constant), n_rows <= min(n_samples, n_features).
    target : ndarray of shape (n_targets, n_rows)
        Reduced targets.
    outside : ndarray of shape (n_targets,)
        Squared norm of the part of each target that no column reaches;
        ``outside + sum(target**2)`` is one (zero for a constant target).
    n : float
        Effective number of rows, less one where an intercept is fitted.
    total_weight : float
        Sum of the sample weights.
    x_mean, x_scale : ndarray of shape (n_features,)
        Weighted mean and weighted root mean square about it.
    y_mean, y_scale : ndarray of shape (n_targets,)
        The same of the targets.
    """

    design: np.ndarray
    target: np.ndarray
    outside: np.ndarray
    n: float
    total_weight: float
    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray
    y_scale: np.ndarray


def _power_of_two(values):
    """Return the power of two just above each value (one for zero)."""
    exponent = np.frexp(values)[1]
    # 2**1024 overflows, and dividing by a subnormal would.
    return np.ldexp(1.0, np.where(values > 0, np.clip(exponent, -1020, 1022), 0))


def compress(X, Y, weight=None, fit_intercept=True):
    """Reduce weighted least squares to triangular form by one blocked QR pass.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Design.
    Y : ndarray of shape (n_samples, n_targets)
        Targets.
    weight : ndarray of shape (n_samples,), optional
        Positive weights; a weight of two counts like a repeated row.
    fit_intercept : bool, default=True
        Take the weighted means out first.

    Returns
    -------
    problem : Compressed
        The reduced problem.
    """
    n_samples, n_features = X.shape
    total = float(n_samples) if weight is None else float(weight.sum())
    share = np.full(n_samples, 1.0 / n_samples) if weight is None else weight / total
    unit, top, mean = _scales(X, Y, share, fit_intercept)
    root = np.sqrt(share)

    def block(rows, out):
        np.subtract(X[rows], mean[:n_features], out=out[:, :n_features])
        np.subtract(Y[rows], mean[n_features:], out=out[:, n_features:])
        out *= root[rows, None]
        out /= unit

    R = _triangle(block, n_samples, len(unit))
    rms = np.linalg.norm(R, axis=0)
    # What is left of a constant column after its mean is taken out is rounding.
    floor = 8 * _EPS * top
    constant = rms <= floor if fit_intercept else rms == 0
    rms[constant] = 1.0
    R = R / rms
    R[:, constant] = 0.0
    # A constant target has no scale: the rounding of its values gives a finite one.
    y_rms = np.where(
        constant[n_features:], np.maximum(floor[n_features:], _EPS), rms[n_features:]
    )
    n_rows = min(len(R), n_features)
    return Compressed(
        design=np.ascontiguousarray(R[:n_rows, :n_features].T),
        target=np.ascontiguousarray(R[:n_rows, n_features:].T),
        outside=np.einsum("ij,ij->j", R[n_rows:, n_features:], R[n_rows:, n_features:]),
        n=total - float(fit_intercept),
        total_weight=total,
        x_mean=mean[:n_features],
        x_scale=np.where(constant, 0.0, rms * unit)[:n_features],
        y_mean=mean[n_features:],
        y_scale=y_rms * unit[n_features:],
    )


def _scales(X, Y, share, fit_intercept):
    """Powers of two above the columns of (X, Y), largest values in them, and means."""
    width = X.shape[1] + Y.shape[1]
    top, mean = np.zeros(width), np.zeros(width)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for A, columns in ((X, slice(X.shape[1])), (Y, slice(X.shape[1], None))):
            block = A[rows]
            np.maximum(top[columns], block.max(axis=0), out=top[columns])
            np.maximum(top[columns], -block.min(axis=0), out=top[columns])
            if fit_intercept:
                # No overflow: the shares sum to one.
                mean[columns] += share[rows] @ block
    unit = _power_of_two(top)
    return unit, top / unit, mean


def _triangle(block, n_samples, width):
    """Return R of the QR factorisation of a matrix that ``block`` writes rows of.

    The Cholesky factor of the Gram matrix is R, to relative accuracy cond**2 eps, and
    three times cheaper; only where the columns are ill-conditioned, which includes a
    target that the features explain almost wholly, is it worth a Householder pass.
    """
    if n_samples > width:
        gram = np.zeros((width, width))
        buffer = np.empty((_BLOCK, width))
        for start in range(0, n_samples, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n_samples))
            part = buffer[: rows.stop - start]
            block(rows, part)
            gram += part.T @ part
        norm = np.sqrt(np.diag(gram))
        if norm.all():
            factor, info = lapack.dpotrf(gram / norm / norm[:, None])
            # A triangle is its own LU factorisation (dtrcon came with SciPy 1.14).
            longest = np.abs(factor).sum(axis=0).max()
            if info == 0 and lapack.dgecon(factor, longest)[0] * _MAX_COND > 1:
                return np.triu(factor) * norm
    step = max(4 * width, 2048)
    R = np.empty((0, width))
    for start in range(0, n_samples, step):
        rows = slice(start, min(start + step, n_samples))
        stacked = np.empty((len(R) + rows.stop - start, width), order="F")
        stacked[: len(R)] = R
        block(rows, stacked[len(R) :])
        factor = lapack.dgeqrf(stacked, lwork=64 * width, overwrite_a=1)[0]
        R = np.triu(factor[: min(stacked.shape)])
    return R


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
    """Maximise the evidence of a sparse linear model by single-term moves.

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
        Noise variance; zero maximises it out, above ``floor``.
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
    design, target, outside, n, *, noise=0.0, floor=1e-24, fixed_tol=1e-4,
    max_iter=10_000, callback=None, **options,
):  # fmt: skip
    """Maximise the evidence by MacKay's fixed point, all precisions at once.

    Starts from the full model and iterates alpha_j <- gamma_j / m_j**2 and noise <-
    |residual|**2 / (n - sum gamma), gamma_j = 1 - alpha_j cov_jj. A term leaves when
    its precision is on the way to infinity: less than one hundredth of a degree of
    freedom is left to it, and the evidence of that term alone is largest without it.
    Single-term moves end the fit, so that it stops where no single change helps.

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
        new = gamma * scale / np.maximum(mean * mean, 1e-300)
        s, q, Y0 = 1.0 / var - a, mean / var, Y + mean * mean / var
        limit = s * noise if noise > 0 else s * np.maximum(Y0 / n, floor)
        leaving = (gamma < 1e-2) & (q * q <= limit)
        stay = ~leaving
        change = np.abs(np.log(new[stay] / a[stay]))
        act, a = act[stay], np.clip(new[stay], 1e-30, 1e30)
        info = {"n_iter": len(scores), "score": scores[-1], "noise_variance": v}
        if callback is not None and callback(info):
            break
        settled = stay.all() and change.max(initial=0.0) < fixed_tol
        if settled and len(scores) > _HELD:
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
