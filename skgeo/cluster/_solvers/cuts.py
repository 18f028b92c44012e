"""The K-means relaxation with cutting planes, and a bound that holds at every moment.

Rows are points or merged groups of points with weights w (sum W); X in the coordinates
``Y = sqrt(w_i w_j) Z``, q = sqrt(w / W)::

    max <A, Y>   s.t.  Y in S = {qq' + V : V q = 0, 0 <= V <= I, trace V = K - 1},
                       Y >= 0,  cuts <a_c, Y> <= b_c,  Y_ij = 0 for cannot-link pairs.

Two-block ADMM: a projection on S (eigenvectors), then Hildreth passes over cuts and
signs that keep the multiplier matrix ``H = sum_c lambda_c a_c - N``.  For ANY lambda >=
0 and N >= 0

    <A, Y>  <=  q'(A - H)q + (the K - 1 largest eigenvalues of P(A - H)P) + lambda'b

so that nothing above has to be accurate.
"""

import time
from dataclasses import dataclass

import numpy as np

from skgeo.cluster._solvers.admm import fixed_vector_bound
from skgeo.cluster._solvers.spectral import CappedProjection
from skgeo.kernels import kmeans_cuts

__all__ = [
    "CutOutcome",
    "CutProblem",
    "CutState",
    "Rows",
    "first_state",
    "merged_state",
    "solve_with_cuts",
]

_EPS = np.finfo(float).eps
_RELAX = 1.6  # over-relaxation, the usual choice between 1 and 2
_FIRST_PENALTY = 0.02  # A has norm one and Y about sqrt(K)
_BALANCE_EVERY, _BALANCE_FROM, _BALANCE_BY = 10, 3.0, 2.0
_BOUND_EVERY = 25  # sweeps between two bounds: one costs as much as four sweeps
_PASSES = 2  # Hildreth passes per sweep
_VIOLATED, _LEAST_VIOLATED = 0.02, 2e-3  # relative to Z_ii
_MAX_CUTS = 60_000
_STALL_ROUNDS, _PATIENCE = 3, 8  # rounds without gain, settled and not
_SETTLED = 1e-4  # residuals from which on the bound follows the iterate
_NEARLY = 1e-3  # residuals at which smaller violations are looked for
_ACCURATE = 1e-5  # residuals below which more sweeps add nothing


@dataclass(frozen=True, slots=True)
class Rows:
    """Points and merged groups of points.

    Attributes
    ----------
    members : tuple of tuple of int
        Point numbers of each row.
    means : ndarray of shape (m, d)
        Means around the overall mean.
    weight : ndarray of shape (m,)
        Sums of weights.
    apart : frozenset of (int, int)
        Rows i < j that share no cluster.
    """

    members: tuple
    means: np.ndarray
    weight: np.ndarray
    apart: frozenset

    def merged(self, a, b):
        """The same with rows a < b as one, a; None if they have to be apart."""
        if (a, b) in self.apart:
            return None
        keep = np.delete(np.arange(len(self.weight)), b)
        weight, means = self.weight.copy(), self.means.copy()
        weight[a] += self.weight[b]
        means[a] = (self.weight[a] * self.means[a] + self.weight[b] * self.means[b]) / (
            weight[a]
        )
        members = list(self.members)
        members[a] = members[a] + members[b]
        del members[b]
        rename = renaming(len(self.weight), a, b)
        apart = frozenset(
            tuple(sorted((int(rename[i]), int(rename[j])))) for i, j in self.apart
        )
        if any(i == j for i, j in apart):
            return None
        return Rows(tuple(members), means[keep], weight[keep], apart)

    def separated(self, a, b):
        """The same with rows a < b in different clusters."""
        return Rows(self.members, self.means, self.weight, self.apart | {(a, b)})


def renaming(m, a, b):
    """New numbers of m rows after b was merged into a < b."""
    new = np.arange(m)
    new[b] = a
    new[b + 1 :] -= 1
    return new


@dataclass(slots=True)
class CutState:
    """Iterate, multipliers and cuts; the cuts name rows."""

    Y: np.ndarray
    N: np.ndarray
    penalty: float
    cuts: np.ndarray
    lam: np.ndarray
    cliques: np.ndarray
    clique_lam: np.ndarray


@dataclass(slots=True)
class CutProblem:
    """One relaxation: rows, number of clusters, total scatter and its error."""

    rows: Rows
    n_clusters: int
    total: float
    doubt: float

    @property
    def root(self):
        return np.sqrt(self.rows.weight)

    @property
    def clique_side(self):
        """Two rows of one cluster have Z at least this: it leaves K - 1 others."""
        weight = np.sort(self.rows.weight)
        return 1.0 / (weight.sum() - weight[: self.n_clusters - 1].sum())


def first_state(problem):
    """A strictly feasible start without cuts."""
    m, K = len(problem.rows.weight), problem.n_clusters
    q = problem.root / np.linalg.norm(problem.root)
    share = (K - 1) / (m - 1)
    Y = (1 - share) * np.outer(q, q)
    Y.flat[:: m + 1] += share
    return CutState(
        Y=Y,
        N=np.zeros((m, m)),
        penalty=_FIRST_PENALTY,
        cuts=np.empty((0, 3), dtype=np.int32),
        lam=np.empty(0),
        cliques=np.empty((0, K + 1), dtype=np.int32),
        clique_lam=np.empty(0),
    )


def merged_state(state, rows, a, b):
    """State of a problem in which rows a < b of ``rows`` are merged."""
    m = len(rows.weight)
    new = renaming(m, a, b)
    wa, wb = rows.weight[a], rows.weight[b]
    V = np.zeros((m, m - 1))
    V[np.arange(m), new] = 1.0
    V[a, a], V[b, a] = np.sqrt(wa / (wa + wb)), np.sqrt(wb / (wa + wb))
    Y, N = V.T @ state.Y @ V, V.T @ state.N @ V
    np.fill_diagonal(N, 0.0)
    cuts, lam = _renamed_cuts(state.cuts, state.lam, new, rows.weight, a, wa + wb)
    cliques = new[state.cliques] if len(state.cliques) else state.cliques
    cliques = np.sort(cliques, axis=1).astype(np.int32)
    whole = np.all(np.diff(cliques, axis=1) > 0, axis=1)
    return CutState(
        Y, N, state.penalty, cuts, lam, cliques[whole], state.clique_lam[whole]
    )


def _renamed_cuts(cuts, lam, new, weight, a, merged_weight):
    """Cuts in new row numbers; equal ones add their multipliers."""
    if not len(cuts):
        return cuts, lam
    leading = weight[cuts[:, 0]]
    renamed = np.where(cuts >= 0, new[cuts], -1).astype(np.int32)
    after = np.where(renamed[:, 0] == a, merged_weight, leading)
    lam = lam * leading / after
    i, j, k = renamed.T
    whole = (i != j) & (i != k) & (j != k)
    renamed, lam = renamed[whole], lam[whole]
    pair = renamed[:, 2] < 0
    rest = np.where(pair[:, None], renamed[:, 1:], np.sort(renamed[:, 1:], axis=1))
    renamed = np.column_stack([renamed[:, 0], rest]).astype(np.int32)
    unique, where = np.unique(renamed, axis=0, return_inverse=True)
    total = np.bincount(where.ravel(), weights=lam, minlength=len(unique))
    return unique, total.astype(float)  # of nothing at all numpy makes integers


def _cut_arrays(cuts, root):
    """Positions, coefficients and squared norms of cuts in the coordinates of Y."""
    m = len(root)
    i, j, k = cuts.astype(np.int64).T
    triangle = k >= 0
    k = np.where(triangle, k, j)
    place = np.full((len(cuts), 4), -1, dtype=np.int32)
    place[:, 0] = np.minimum(i, j) * m + np.maximum(i, j)
    place[:, 3] = i * m + i
    place[triangle, 1] = (np.minimum(i, k) * m + np.maximum(i, k))[triangle]
    place[triangle, 2] = (np.minimum(j, k) * m + np.maximum(j, k))[triangle]
    factor = np.zeros((len(cuts), 3))
    factor[:, 0] = root[i] / root[j]
    factor[:, 1] = triangle * root[i] / root[k]
    factor[:, 2] = -(triangle * root[i] ** 2 / (root[j] * root[k]))
    norm = 1.0 + 0.5 * (factor**2).sum(axis=1)
    return place, factor, norm


@dataclass(frozen=True, slots=True)
class CutOutcome:
    """Bound, state and the iterate's Z after solving a problem."""

    lower_bound: float
    state: CutState
    n_sweeps: int
    why: str


def solve_with_cuts(
    problem,
    state,
    *,
    target,
    upper=np.inf,
    lower_bound=0.0,
    sweeps=100,
    max_rounds=30,
    stall=0.03,
    deadline=np.inf,
    with_cuts=True,
    watch=None,
):
    """Sweeps and separation in turn, until the bound reaches ``target``.

    Parameters
    ----------
    problem : CutProblem
        The relaxation; more rows than clusters, at least two clusters.
    state : CutState
        Start; overwritten.
    target : float
        Bound at which to stop.
    upper : float
        Inertia of the best labels known, for the rule of stalling.
    lower_bound : float
        Bound known already.
    sweeps, max_rounds : int
        Sweeps per round of separation, maximum number of rounds.
    stall : float
        Stop when three rounds close less than this share of what is left.
    deadline : float
        Time by :func:`time.perf_counter` at which to stop.
    with_cuts : bool
        False solves the plain relaxation.
    watch : callable, optional
        Called with the bound after each round; true stops.

    Returns
    -------
    outcome : CutOutcome
        ``why`` is "target", "time", "stall", "solved", "rounds" or "watch".
    """
    rows, K, root = problem.rows, problem.n_clusters, problem.root
    m = len(root)
    q = root / np.linalg.norm(root)
    F = root[:, None] * rows.means
    A = F @ F.T
    scale = np.linalg.norm(A)
    if not scale > 0:
        return CutOutcome(max(lower_bound, 0.0), state, 0, "solved")
    A /= scale
    fixed = np.zeros((m, m), dtype=np.bool_)
    for i, j in rows.apart:
        fixed[i, j] = fixed[j, i] = True
    project = CappedProjection(q, K)
    side = problem.clique_side
    eps, best, trail, n_sweeps, why = _VIOLATED, lower_bound, [lower_bound], 0, "rounds"
    place, factor, norm = _cut_arrays(state.cuts, root)
    H = _multiplier(state, place, factor, root)
    Y, N = state.Y, state.N

    def bound():
        unit = scale * state.penalty
        value = (
            fixed_vector_bound(scale * A - unit * H, q, K, fixed_trace=True)
            - unit * side * state.clique_lam.sum()
        )
        return problem.total - value - problem.doubt

    for _ in range(max_rounds):
        primal = dual = np.inf
        for sweep in range(1, sweeps + 1):
            X = project(Y - H + A / state.penalty)
            start = _RELAX * X + (1 - _RELAX) * Y
            before, Y = Y, start.copy()
            for _ in range(_PASSES):
                kmeans_cuts.cut_pass(
                    Y,
                    N,
                    fixed,
                    place,
                    factor,
                    norm,
                    state.lam,
                    state.cliques,
                    root,
                    side,
                    state.clique_lam,
                )
            H += start
            H -= Y
            n_sweeps += 1
            if sweep % _BALANCE_EVERY == 0:
                primal = np.linalg.norm(X - Y) / np.sqrt(K)
                dual = state.penalty * np.linalg.norm(Y - before)
                project.single = max(primal, dual) > _SETTLED
                change = _balance(primal, dual)
                if change != 1.0:
                    state.penalty *= change
                    H /= change
                    N /= change
                    state.lam /= change
                    state.clique_lam /= change
            if sweep % _BOUND_EVERY == 0 or sweep == sweeps:
                state.Y, state.N = Y, N
                H = _multiplier(state, place, factor, root)
                best = max(best, bound())
                if best >= target or time.perf_counter() > deadline:
                    break
                if max(primal, dual) < _ACCURATE:
                    break
        state.Y, state.N = Y, N
        trail.append(best)
        if best >= target:
            why = "target"
            break
        if watch is not None and watch(best):
            why = "watch"
            break
        if time.perf_counter() > deadline:
            why = "time"
            break
        # While the residuals are large the bound may stand still and then jump.
        patience = _STALL_ROUNDS if max(primal, dual) < _SETTLED else _PATIENCE
        if len(trail) > patience + 1:
            left = upper - trail[-1 - patience]
            if trail[-1] - trail[-1 - patience] < stall * left:
                why = "stall"
                break
        if not with_cuts:
            if max(primal, dual) < _ACCURATE:
                why = "solved"
                break
            continue
        found = _separate(problem, state, place, factor, norm, eps)
        place, factor, norm = _cut_arrays(state.cuts, root)
        H = _multiplier(state, place, factor, root)
        if found == 0 and max(primal, dual) < _NEARLY:
            if eps <= _LEAST_VIOLATED:
                why = "solved"
                break
            eps = max(eps / 4, _LEAST_VIOLATED)
    return CutOutcome(best, state, n_sweeps, why)


def _balance(primal, dual):
    """Factor of the penalty."""
    ratio = primal / max(dual, np.finfo(float).tiny)
    if ratio > _BALANCE_FROM:
        return min(np.sqrt(ratio), _BALANCE_BY)
    if ratio < 1 / _BALANCE_FROM:
        return max(np.sqrt(ratio), 1 / _BALANCE_BY)
    return 1.0


def _multiplier(state, place, factor, root):
    """H afresh from the multipliers."""
    H = kmeans_cuts.cut_adjoint(len(root), place, factor, state.lam)
    kmeans_cuts.add_clique_adjoint(H, state.cliques, root, state.clique_lam)
    H -= state.N
    return H


def _separate(problem, state, place, factor, norm, eps):
    """Drop slack cuts, add violated ones; return how many were added."""
    m, K = len(problem.root), problem.n_clusters
    Y, root = state.Y, problem.root
    wanted = max(2000, 20 * m)
    if len(state.lam):
        flat = Y.ravel()
        value = factor[:, 0] * flat[place[:, 0]] - flat[place[:, 3]]
        value += factor[:, 1] * flat[place[:, 1]] + factor[:, 2] * flat[place[:, 2]]
        slack = 1e-3 * np.sqrt(norm) if len(value) > _MAX_CUTS // 3 else 1e-2
        kept = (state.lam > 0) | (value > -slack)
        idle = np.flatnonzero(kept & (state.lam == 0))
        over = int(kept.sum()) + wanted - _MAX_CUTS
        if over > 0:  # the slackest make room: without it no violated one comes in
            kept[idle[np.argsort(value[idle] / np.sqrt(norm[idle]))[:over]]] = False
        state.cuts, state.lam = state.cuts[kept], state.lam[kept]
    Z = Y / np.outer(root, root)
    diagonal = np.maximum(np.diag(Z), np.finfo(float).tiny)
    quota = min(wanted, max(_MAX_CUTS - len(state.cuts), wanted // 10))
    excess = Z / diagonal[:, None] - 1.0
    np.fill_diagonal(excess, -1.0)
    i, j = np.nonzero(excess > eps)
    first = np.argsort(-excess[i, j], kind="stable")[: quota // 4]
    pairs = np.column_stack([i[first], j[first], np.full(len(first), -1)])
    most = max(20, 4 * quota // m)
    out = np.empty((m * (most + 200), 3), dtype=np.int32)
    violation = np.empty(len(out))
    count = kmeans_cuts.find_triangles(Z, eps, most, out, violation)
    order = np.argsort(-violation[:count], kind="stable")[:quota]
    new = np.vstack([pairs, out[:count][order]]).astype(np.int32)
    added = _add_new(state, new, m)
    cliques = np.empty((m, K + 1), dtype=np.int32)
    if m > K + 1:
        count = kmeans_cuts.find_cliques(
            Z, K + 1, problem.clique_side, eps, cliques, np.empty(m)
        )
        known = {tuple(c) for c in state.cliques.tolist()}
        fresh = [
            c
            for c in dict.fromkeys(map(tuple, cliques[:count].tolist()))
            if c not in known
        ]
        if fresh:
            state.cliques = np.vstack([state.cliques, np.array(fresh, dtype=np.int32)])
            state.clique_lam = np.append(state.clique_lam, np.zeros(len(fresh)))
            added += len(fresh)
    return added


def _add_new(state, new, m):
    """Add cuts that are not there yet, with multiplier zero."""
    base = m + 1
    code = ((new[:, 0] + 1) * base + new[:, 1] + 1).astype(np.int64) * base + (
        new[:, 2] + 1
    )
    old = state.cuts.astype(np.int64)
    known = ((old[:, 0] + 1) * base + old[:, 1] + 1) * base + old[:, 2] + 1
    fresh = new[~np.isin(code, known)]
    state.cuts = np.vstack([state.cuts, fresh]).astype(np.int32)
    state.lam = np.append(state.lam, np.zeros(len(fresh)))
    return len(fresh)
