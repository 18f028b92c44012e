"""Models from which the search for the highest evidence climbs.

Each function returns columns and their precisions relative to the noise precision, or
None where its construction does not apply.
"""

import numpy as np
from scipy.linalg import cho_solve, lapack, solve_triangular
from scipy.optimize import nnls

from skgeo.kernels.rvm import backward_path, data_fit, forward_path

__all__ = [
    "backward_start",
    "fixed_point_start",
    "forward_start",
    "nonnegative_start",
    "ridge_start",
]

_LOG_PRECISIONS = np.linspace(-9, 4, 27)  # of the ridge start, decimal

_HELD = 10  # fixed-point iterations before the noise variance is learned
_WEAK = 0.1  # part of a coefficient left to the data below which its term may go
_STRIDE = np.log(8.0)  # longest step of a log precision
_SWEEPS = 60  # fixed-point iterations before single moves take over


def _start(problem, act):
    """Precisions at which each coefficient is of the size that it has in the data."""
    if not len(act):
        return act, np.zeros(0)
    active = problem.design[act]
    w = np.linalg.lstsq(active.T, problem.target, rcond=None)[0]
    residual = problem.target - w @ active
    variance = problem.noise
    if variance <= 0:
        rss = problem.unexplained + residual @ residual
        variance = max(rss / problem.n, problem.floor)
    return act, np.clip(variance / np.maximum(w * w, 1e-300), 1e-30, 1e6)


def _best_size(problem, rss, sizes):
    """Index of the most promising size of a path of least-squares models."""
    n = problem.n
    if problem.noise > 0:
        fit = -0.5 * rss / problem.noise
    else:
        fit = -0.5 * n * np.log(np.maximum(rss / n, problem.floor))
    score = fit - sizes * (0.5 * np.log(n) + problem.cost)
    score[sizes > problem.max_terms] = -np.inf
    return int(np.argmax(score))


def backward_start(problem):
    """Best size of the path of least-squares models from all columns downwards."""
    if problem.least_squares is None:
        return None
    act, (w, gram_inverse, rss) = problem.alive, problem.least_squares
    order, rise = np.zeros(len(act), dtype=np.intp), np.zeros(len(act))
    backward_path(gram_inverse.copy(order="C"), w.copy(), order, rise)
    rss = rss + np.append(0.0, np.cumsum(rise))
    n_gone = _best_size(problem, rss, np.arange(len(act), -1.0, -1.0))
    return _start(problem, np.sort(act[order[n_gone:]]))


def forward_start(problem, n_steps):
    """Best size of the forward path, which goes on where no single column helps."""
    r = problem.design.shape[1]
    n_steps = min(n_steps, r, len(problem.alive))
    if not problem.noise > 0 and problem.max_terms < len(problem.design):
        n_steps = min(n_steps, problem.max_terms)
    order, left = np.zeros(n_steps, dtype=np.intp), np.zeros(n_steps)
    n_steps = forward_path(
        problem.design, problem.target.copy(), order, left, problem.positive
    )
    if not n_steps:
        return None
    rss = problem.unexplained + left[:n_steps]
    size = 1 + _best_size(problem, rss, np.arange(1.0, n_steps + 1))
    return _start(problem, np.sort(order[:size]))


def ridge_start(problem):
    """All columns at the precision, common to them, of the highest evidence."""
    act = problem.alive
    eigenvalues, along = problem.spectrum
    rest = problem.unexplained + max(problem.target @ problem.target - along.sum(), 0.0)
    best, precision = -np.inf, 1.0
    for a in 10.0**_LOG_PRECISIONS:
        gain = eigenvalues / a
        Y = rest + np.sum(along / (1.0 + gain))
        evidence = data_fit(Y, problem.n, problem.noise, problem.floor)
        evidence -= 0.5 * np.log1p(gain).sum()
        if evidence > best:
            best, precision = evidence, a
    return act, np.full(len(act), precision)


def nonnegative_start(problem):
    """Columns of the least-squares solution under non-negative coefficients."""
    act = problem.alive
    w, _ = nnls(problem.design[act].T, problem.target)
    return _start(problem, act[w > 0])


def fixed_point_start(problem, fixed_tol=1e-2):
    """All columns, their precisions moved at once until they settle.

    The fixed points are those of MacKay's alpha_j <- gamma_j / m_j**2 and noise <-
    |residual|**2 / (n - sum gamma), gamma_j = 1 - alpha_j cov_jj. From the full model
    on, each precision goes to where it would settle with all others held, at most
    a factor of eight at a time. A term leaves when that is infinity and less
    than a tenth of a degree of freedom is left to it.
    """
    design, target, unexplained = problem.design, problem.target, problem.unexplained
    n, noise, floor = problem.n, problem.noise, problem.floor
    act = problem.alive
    # A tenth of the target is taken for noise and the rest spread over the features,
    # for a few iterations: with more features than rows a noise variance learned from
    # the first, dense model would be zero.
    first_noise = noise if noise > 0 else 0.1 / n
    a = np.full(len(act), len(act) * first_noise)
    gram = problem.gram if len(design) <= 2 * design.shape[1] else None
    for sweep in range(1, _SWEEPS + 1):
        if not len(act):
            break
        active = design[act]
        moments = _moments(active, target, unexplained, a, act, gram)
        if moments is None:
            break  # precisions too far apart: single moves go on from here
        mean, var, rss = moments
        gamma = np.clip(1.0 - a * var, 1e-16, 1.0)
        scale = first_noise
        if noise <= 0 and sweep > _HELD:
            scale = max(rss / max(n - gamma.sum(), 1e-3 * n), floor)
        # The precision that each term would take if it were the only one to move.
        # MacKay's update goes the same way in steps that become ever shorter where
        # a term is weak, and never reaches the infinity that takes a term out.
        s, q2 = np.maximum(1.0 / var - a, 1e-300), (mean / var) ** 2
        with np.errstate(divide="ignore"):
            own = np.where(q2 > s * scale, s * s / (q2 / scale - s), np.inf)
        own = np.maximum(own, 1e-300)
        stay = (own < np.inf) | (gamma > _WEAK)
        change = np.log(own / a)
        change = np.clip(change[stay], -_STRIDE, _STRIDE)
        act, a = act[stay], np.clip(a[stay] * np.exp(change), 1e-30, 1e30)
        steady = stay.all() and np.abs(change).max(initial=0.0) < fixed_tol
        if steady and sweep > _HELD:
            break
    return act, a


def _moments(active, target, unexplained, a, act, gram):
    """Posterior mean, relative variances and squared residual; None if it fails."""
    k, r = active.shape
    if k <= r:
        H = active @ active.T if gram is None else gram[np.ix_(act, act)]
        H[np.diag_indices(k)] += a
        factor, info = lapack.dpotrf(H, lower=1)
        if info == 0:
            inverse = np.tril(lapack.dtrtri(factor, lower=1)[0])
            var = np.einsum("ij,ij->j", inverse, inverse)
            mean = cho_solve((factor, True), active @ target, check_finite=False)
            residual = target - mean @ active
            return mean, var, unexplained + residual @ residual
    # More terms than rows: the r x r form, which divides by a.
    half = active.T / a
    C = half @ active
    C[np.diag_indices(r)] += 1.0
    factor, info = lapack.dpotrf(C, lower=1)
    if info:
        return None
    mean = half.T @ cho_solve((factor, True), target, check_finite=False)
    solved = solve_triangular(factor, half, lower=True, check_finite=False)
    var = np.maximum(1.0 / a - np.einsum("ij,ij->j", solved, solved), 1e-300)
    residual = target - mean @ active
    return mean, var, unexplained + residual @ residual
