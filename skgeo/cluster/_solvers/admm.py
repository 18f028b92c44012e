"""ADMM for the semidefinite relaxations of clustering, with rigorous bounds.

The problem, over symmetric n x n matrices Z_1..Z_B and for a unit vector q::

    max  sum_b <A_b, Z_b>
    s.t. Z_b psd,  Z_b >= 0 on its leading m x m corner,
         sum_b Z_b q = q,  trace Z_b = c_b.

K-means has B = 1, q = 1/sqrt(n), c = K; the likelihood-adjusted SDP has one block per
cluster with trace one; the aggregated K-means SDP over cells has m < n.  The dual is
solved by symmetric Gauss-Seidel ADMM: exact in the multipliers (y, t) of the equations,
whose normal matrix has a closed-form inverse, and in the multiplier N of the signs;
the psd multiplier costs one partial eigenproblem per block and sweep.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.cluster._solvers.spectral import NegativePart, largest_eigenvalues
from skgeo.kernels import sdp_passes
from skgeo.utils.solver_result import SolverResult

__all__ = [
    "AdmmProgress",
    "AdmmResult",
    "AdmmState",
    "block_bound",
    "fixed_vector_bound",
    "sdp_admm",
]

# Multiplier step: ADMM with the symmetric Gauss-Seidel order converges for every step
# below the golden ratio, and is the faster the longer the step is.
_STEP = 1.618
_BALANCE_EVERY = 20  # sweeps between updates of sigma: fewer make it oscillate


@dataclass(frozen=True, slots=True)
class AdmmState:
    """Where a solver of the same shape may go on.

    Attributes
    ----------
    Z, S, N : ndarray of shape (n_blocks, n, n)
        Primal, psd multiplier and multiplier of the signs, in units of the problem.
    sigma : float
        Penalty.
    """

    Z: np.ndarray
    S: np.ndarray
    N: np.ndarray
    sigma: float


@dataclass(frozen=True, slots=True)
class AdmmProgress:
    """What a callback of :func:`sdp_admm` sees at a check.

    Attributes
    ----------
    n_iter : int
        Sweeps done.
    objective, upper_bound : float
        Value of the present point and the best bound.
    multiplier : ndarray of shape (n_blocks, n, n)
        Multiplier N of the signs divided by ``scale``.
    scale : float
        Its unit.
    projections : list of NegativePart
        One per block; they hold the leading eigenvectors of the present point.
    """

    n_iter: int
    objective: float
    upper_bound: float
    multiplier: np.ndarray
    scale: float
    projections: list


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmmResult(SolverResult):
    """Outcome of :func:`sdp_admm`.

    Attributes
    ----------
    upper_bound : float
        Valid however early the solver stopped.
    primal_residual, dual_residual : float
        Relative violations.
    projections : list of NegativePart
        One per block.
    state : AdmmState
        For a warm start.
    """

    upper_bound: float
    primal_residual: float
    dual_residual: float
    projections: list
    state: AdmmState


def fixed_vector_bound(M, q, n_clusters, fixed_trace=False):
    """Bound ``max <M, Z>`` over psd Z with Z q = q, eigenvalues <= 1, trace <= K.

    Z = qq' + W with W q = 0, 0 <= W <= I and trace W <= K - 1, so that the K - 1
    largest eigenvalues of M on the complement of q bound <M, W>; negative ones are left
    out unless ``fixed_trace`` says that the trace is K.
    """
    Mq = M @ q
    level = q @ Mq
    inner = M - np.outer(Mq - level * q, q)
    inner -= np.outer(q, Mq)
    inner = 0.5 * (inner + inner.T)
    if not fixed_trace:
        top = largest_eigenvalues(inner, n_clusters - 1)
        return level + np.maximum(top, 0.0).sum()
    # q itself is an eigenvector to 0: move it below all others.
    inner -= np.linalg.norm(inner) * np.outer(q, q)
    return level + largest_eigenvalues(inner, n_clusters - 1).sum()


def block_bound(M, y, q, traces):
    """Bound ``max sum_b <M_b, Z_b>`` over psd Z_b, sum_b Z_b q = q, trace Z_b = c_b.

    Weak duality for the multiplier y; the best multiplier of the traces is known.
    """
    shift = 0.5 * (np.multiply.outer(y, q) + np.multiply.outer(q, y))
    total = -(y @ q)
    for block, c in zip(M, traces, strict=True):
        total += c * largest_eigenvalues(block + shift, 1)[0]
    return total


def _solve_normal(row, trace, q, n_blocks):
    """Solve ``A A* (y, t) = (row, trace)`` in closed form."""
    n = len(q)
    total = (trace.sum() - q @ row) / (n - 1)
    along = (q @ row - total) / n_blocks
    y = (2.0 / n_blocks) * (row - total * q) - along * q
    return y, (trace - along) / n


def _start(traces, q, n_blocks):
    """Strictly feasible point: a multiple of I plus a multiple of qq' per block."""
    n = len(q)
    Z = np.empty((n_blocks, n, n))
    share = traces / traces.sum()
    for b in range(n_blocks):
        a = (traces[b] - share[b]) / (n - 1)
        Z[b] = (share[b] - a) * np.outer(q, q)
        Z[b].flat[:: n + 1] += a
    return Z


def sdp_admm(
    A,
    traces,
    *,
    upper_bound,
    q=None,
    n_signed=None,
    tol=1e-5,
    max_iter=2000,
    check_every=10,
    lazy_bound=False,
    state=None,
    callback=None,
):
    """Solve the problem of this module.

    Parameters
    ----------
    A : ndarray of shape (n_blocks, n, n)
        Symmetric objective matrices; overwritten.
    traces : array-like of shape (n_blocks,)
        Traces of the blocks.
    upper_bound : callable
        ``upper_bound(M, y, q)`` with M of shape (n_blocks, n, n): a bound on
        ``max sum_b <M_b, Z_b>``.
    q : ndarray of shape (n,), optional
        Unit vector that sum_b Z_b fixes; ``1/sqrt(n)`` when left out.
    n_signed : int, optional
        Size m of the nonnegative corner; n when left out.
    tol : float
        Stops when the primal residual and the gap between the bound and the objective
        are below it, both relative.
    max_iter : int
        Maximum number of sweeps.
    check_every : int
        Sweeps between two bounds; a divisor of 20.
    lazy_bound : bool
        Leave out the bound where the last one was so far off that it cannot close the
        gap yet, taking it to halve at most twice between two checks.
    state : AdmmState, optional
        ``state`` of an earlier result on a problem of the same shape.
    callback : callable, optional
        Called at every check with an :class:`AdmmProgress`; a true answer stops.

    Returns
    -------
    result : AdmmResult
        ``x`` is Z of shape (n_blocks, n, n), feasible up to ``primal_residual``.
    """
    n_blocks, n = A.shape[:2]
    m = n if n_signed is None else n_signed
    q = np.full(n, n**-0.5) if q is None else q
    traces = np.asarray(traces, dtype=float)
    # Take out the part of A that is constant on the feasible set.
    y0, t0 = _solve_normal(
        np.einsum("bij,j->i", A, q), np.trace(A, axis1=1, axis2=2), q, n_blocks
    )
    C = A
    C -= 0.5 * (np.multiply.outer(y0, q) + np.multiply.outer(q, y0))
    for b in range(n_blocks):
        C[b].flat[:: n + 1] -= t0[b]
    shift = y0 @ q + traces @ t0
    scale = np.linalg.norm(C)
    if not scale > 1e-14 * max(abs(shift), np.finfo(float).tiny):
        scale = max(abs(shift), 1.0)  # every feasible point is optimal
    C /= -scale

    if state is None:
        sigma = 1.0
        Z = _start(traces, q, n_blocks)
        S, N = np.zeros_like(C), np.zeros_like(C)
    else:
        sigma = state.sigma
        Z = state.Z / sigma
        S, N = state.S / scale, state.N / scale
    P = np.empty_like(C)
    row, trace = np.empty(n), np.empty(n_blocks)
    projections = [NegativePart() for _ in range(n_blocks)]
    norm_rhs = 1.0 + np.sqrt(1.0 + traces @ traces)
    best, converged, objectives = np.inf, False, []
    primal = dual = gap = np.inf
    left_out = 0  # checks that go without a bound
    sdp_passes.residual_sums(C, S, N, Z, q, row, trace)
    n_iter = 0
    for n_iter in range(1, max_iter + 1):
        y, t = _solve_normal(row + q / sigma, trace + traces / sigma, q, n_blocks)
        sdp_passes.dual_nonnegative(C, S, Z, q, y, t, m, N, row, trace)
        y, t = _solve_normal(row + q / sigma, trace + traces / sigma, q, n_blocks)
        sdp_passes.shifted_slack(C, N, Z, q, y, t, S)
        for b in range(n_blocks):
            projections[b].project(S[b], P[b])
        dual = sdp_passes.primal_step(C, N, P, q, _STEP, S, Z, row, trace)
        if n_iter % check_every and n_iter != max_iter:
            continue
        dual = 0.5 * np.sqrt(dual)
        size = 1.0 + sigma * np.linalg.norm(Z)
        off = np.append(
            sigma * np.einsum("bij,j->i", Z, q) - q,
            sigma * np.trace(Z, axis1=1, axis2=2) - traces,
        )
        below = sigma * np.linalg.norm(np.minimum(Z[:, :m, :m], 0.0))
        primal = max(np.linalg.norm(off) / norm_rhs, below / size)
        objective = shift - scale * sigma * np.vdot(C, Z)
        objectives.append(objective)
        np.subtract(N, C, out=P)
        left_out -= 1
        if left_out < 0 or n_iter == max_iter:
            best = min(best, shift + scale * upper_bound(P, y, q))
        # Where the bound is zero the gap is measured in units of the problem.
        gap = abs(best - objective) / max(abs(best), 1e-3 * scale)
        converged = max(primal, gap) < tol
        if lazy_bound and left_out < 0 and gap > tol:
            left_out = int(np.log2(gap / tol) / 2)
        stop = callback is not None and callback(
            AdmmProgress(n_iter, objective, best, N, scale, projections)
        )
        if converged or stop:
            break
        if n_iter % _BALANCE_EVERY:
            continue
        ratio, old = primal / max(dual, 1e-16), sigma
        if ratio > 2:
            sigma /= min(np.sqrt(ratio), 2.0)
        elif ratio < 0.5:
            sigma *= min(1 / np.sqrt(ratio), 2.0) if ratio > 0 else 2.0
        if sigma != old:
            Z *= old / sigma
            sdp_passes.residual_sums(C, S, N, Z, q, row, trace)
    Z *= sigma
    S *= scale
    N *= scale
    return AdmmResult(
        x=Z,
        objective=np.array(objectives),
        stop=max(primal, gap),
        n_iter=n_iter,
        converged=converged,
        upper_bound=best,
        primal_residual=primal,
        dual_residual=dual,
        projections=projections,
        state=AdmmState(Z=Z, S=S, N=N, sigma=sigma),
    )
