"""Dense solver of the Peng-Wei relaxation of K-means, with labels and their proof.

    max <A, Z>   s.t.  Z psd, Z >= 0, Z 1 = 1, trace Z = K,      A = Xc Xc'

Its value is at least ``trace A - inertia`` of every clustering.  Everything here is
written in terms of A, so that squared dissimilarities serve as well as points. With
weights w, A and Z are multiplied by ``sqrt(w_i w_j)`` and the vector of ones becomes
``sqrt(w)``.

Rounding: A is known up to a few eps times its largest entry, so what is said here is in
doubt by a multiple of the *total* scatter, and every comparison allows for that.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from skgeo.cluster._solvers.admm import AdmmResult, fixed_vector_bound, sdp_admm
from skgeo.cluster._solvers.lloyd import group_rows
from skgeo.cluster._solvers.spectral import largest_eigenvalues
from skgeo.utils.solver_result import SolverResult

__all__ = [
    "RelaxationResult",
    "WeightedGram",
    "double_centered",
    "finish_labels",
    "gram_inertia",
    "gram_lloyd",
    "multiplier_certificate",
    "solve_kmeans_sdp",
]

_EPS = np.finfo(float).eps
# Sweeps at which the leading eigenvectors are rounded to labels: later they move little
_ROUND_AT = (40, 80, 160, 320)
_ROUND_EVERY = 640
# The multiplier proves nothing while the bound is farther than this share of the total
# from the labels, and is tried again only when that distance has fallen by this factor.
_TRY_BELOW, _TRY_AGAIN = 0.02, 0.7
_bound = partial(fixed_vector_bound, fixed_trace=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationResult(SolverResult):
    """Outcome of the relaxation: ``x`` is the membership matrix.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        Best labels met.
    inertia : float
        Theirs.
    verdict : {"certified", "not_tight", "open"}
        What the multiplier says about them.
    lower_bound : float
        Of the inertia of every clustering.
    upper_bound : float
        The same for ``total - inertia``.
    multiplier : ndarray of shape (n, n)
        Multiplier N of the signs.
    """

    labels: np.ndarray
    inertia: float
    verdict: str
    lower_bound: float
    upper_bound: float
    multiplier: np.ndarray


@dataclass(frozen=True, slots=True)
class WeightedGram:
    """Double-centered Gram matrix of points times the roots of their weights.

    Attributes
    ----------
    matrix : ndarray of shape (n, n)
        ``A = P R Xc Xc' R P`` with R = diag(root), P the projector on the complement
        of ``root``.
    root : ndarray of shape (n,)
        Square roots of the weights.
    """

    matrix: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, A):
        """From a plain Gram matrix, weights one."""
        return cls(A, np.ones(len(A)))

    @classmethod
    def of_points(cls, X, weight=None):
        """From points."""
        root = np.ones(len(X)) if weight is None else np.sqrt(weight)
        centered = X - (root**2 @ X) / (root @ root)
        rows = root[:, None] * centered
        return cls(_within(rows @ rows.T, root), root)

    @classmethod
    def of_dissimilarities(cls, D, weight=None):
        """From squared dissimilarities."""
        root = np.ones(len(D)) if weight is None else np.sqrt(weight)
        return cls(_within(-0.5 * D * np.outer(root, root), root), root)

    @property
    def q(self):
        """Unit vector that every membership matrix fixes."""
        return self.root / np.linalg.norm(self.root)


def double_centered(M):
    """``P M P`` with P the projector on the complement of the constant vector."""
    rows = M.mean(axis=1)
    centered = M - rows[:, None] - M.mean(axis=0)[None] + rows.mean()
    return 0.5 * (centered + centered.T)


def _distances(gram, labels, n_clusters):
    """Squared distances to the means, means' Gram matrix and sizes."""
    A, root = gram.matrix, gram.root
    sizes = np.bincount(labels, weights=root**2, minlength=n_clusters)
    H = np.zeros((len(A), n_clusters))
    H[np.arange(len(A)), labels] = root
    H /= np.where(sizes > 0, sizes, 1.0)
    G = (A @ H) / root[:, None]
    means = H.T @ A @ H
    squared = (np.diag(A) / root**2)[:, None] - 2 * G + np.diag(means)[None]
    squared[:, sizes == 0] = np.inf
    return squared, means, sizes


def _inertia(gram, squared, labels):
    return float(gram.root**2 @ squared[np.arange(len(labels)), labels])


def gram_inertia(A, labels, n_clusters):
    """Inertia of a labeling of points with Gram matrix A (a matrix or weighted)."""
    gram = A if isinstance(A, WeightedGram) else WeightedGram.of(A)
    return _inertia(gram, _distances(gram, labels, n_clusters)[0], labels)


def _fill_empty(gram, squared, labels, n_clusters):
    """Give every empty group the point farthest from its mean; nothing gets worse."""
    sizes = np.bincount(labels, minlength=n_clusters)
    if (sizes > 0).all():
        return labels
    labels = labels.copy()
    cost = gram.root**2 * squared[np.arange(len(labels)), labels]
    for k in np.flatnonzero(sizes == 0):
        movable = sizes[labels] > 1
        i = int(np.argmax(np.where(movable, cost, -np.inf)))
        sizes[labels[i]] -= 1
        labels[i], sizes[k], cost[i] = k, 1, 0.0
    return labels


def gram_lloyd(A, labels, n_clusters, max_iter=100):
    """Lloyd iterations in terms of A; best labels met, none empty, and inertia."""
    gram = A if isinstance(A, WeightedGram) else WeightedGram.of(A)
    best = (np.inf, labels)
    for _ in range(max_iter):
        squared, _, sizes = _distances(gram, labels, n_clusters)
        if (sizes == 0).any():
            labels = _fill_empty(gram, squared, labels, n_clusters)
            squared, _, _ = _distances(gram, labels, n_clusters)
        inertia = _inertia(gram, squared, labels)
        if not inertia < best[0]:
            break
        best = (inertia, labels)
        labels = np.argmin(squared, axis=1)
    return best[1], best[0]


def _fit_sums(N, rows, columns, max_iter=500):
    """Scale a positive matrix to given row and column sums; the error that is left."""
    u, v = np.ones(len(rows)), np.ones(len(columns))
    for _ in range(max_iter):
        u = rows / (N @ v)
        v = columns / (u @ N)
        error = np.abs(u * (N @ v) - rows)
        if error.max() <= 1e-13 * rows.max():
            break
    scaled = u[:, None] * N * v[None]
    return scaled, np.abs(scaled.sum(1) - rows), np.abs(scaled.sum(0) - columns)


def multiplier_certificate(A, labels, n_clusters, N):
    """Prove labels optimal with a multiplier N of the sign constraint.

    N of a solver is nearly optimal; complementary slackness says what an optimal one
    looks like for these labels (zero inside groups, known row sums), so N is scaled to
    that and the one remaining condition, an eigenvalue below t, is checked.

    Parameters
    ----------
    A : ndarray of shape (n, n) or WeightedGram
        Double-centered Gram matrix.
    labels : ndarray of shape (n,)
        Labels 0..K-1, each present.
    n_clusters : int
        K.
    N : ndarray of shape (n, n)
        Approximate multiplier, nonnegative, in units of A.

    Returns
    -------
    verdict : {"certified", "not_tight", "open"}
        "not_tight": no multiplier exists at all, the relaxation cannot prove them.
    """
    gram = A if isinstance(A, WeightedGram) else WeightedGram.of(A)
    A, weight = gram.matrix, gram.root**2
    n, K = len(A), n_clusters
    squared, means, sizes = _distances(gram, labels, K)
    if (sizes == 0).any():
        return "open"
    rows = [np.flatnonzero(labels == a) for a in range(K)]
    margins = squared - squared[np.arange(n), labels][:, None]
    separation = np.diag(means)[:, None] + np.diag(means)[None] - 2 * means
    unit = 1.0 / sizes[:, None] + 1.0 / sizes[None]
    others = ~np.eye(K, dtype=bool)
    rounding = 20 * n * _EPS * np.linalg.norm(A)
    # A sum of up to n entries of A over the weight of one point; see the note of
    # the module on what the entries themselves are known to.
    distance_error = (4 * n + 64) * _EPS * np.max(np.diag(A) / weight)
    t_error = distance_error / unit[others].min()
    t_max = min(
        margins[rows[a], b].min() / unit[a, b]
        for a in range(K)
        for b in range(K)
        if a != b
    )
    tops = []
    for r in rows:
        tops.append(largest_eigenvalues(_within(A[np.ix_(r, r)], gram.root[r]), 1)[0])
    floor = max(tops)
    if t_max + t_error < floor - 2 * rounding:
        return "not_tight"
    t_max -= t_error
    if t_max <= floor + rounding:
        return "open"
    masses = N * np.outer(gram.root, gram.root)
    guess = _level(masses, rows, sizes, separation, unit)
    width = t_max - floor
    t = float(np.clip(guess, floor + 0.05 * width, t_max - 0.05 * width))
    full = A.copy()
    slip = 0.0
    for a in range(K):
        for b in range(a + 1, K):
            ra, rb = rows[a], rows[b]
            tau = t * unit[a, b]
            row_sums = 0.5 * sizes[b] * weight[ra] * (margins[ra, b] - tau)
            column_sums = 0.5 * sizes[a] * weight[rb] * (margins[rb, a] - tau)
            if not min(row_sums.min(), column_sums.min()) > 0:
                return "open"
            plain = np.outer(row_sums, column_sums / column_sums.sum())
            block = masses[np.ix_(ra, rb)]
            mass = block.sum()
            start = 1e-2 * plain
            if mass > 0:
                start = start + block * (plain.sum() / mass)
            block, row_error, column_error = _fit_sums(start, row_sums, column_sums)
            # Spreading what is left evenly makes the sums exact: it must keep signs.
            # The sums themselves are known up to the error of the margins.
            block /= np.outer(gram.root[ra], gram.root[rb])
            change = (row_error / weight[ra]).max() / sizes[b]
            change += (column_error / weight[rb]).max() / sizes[a]
            change += distance_error
            allowed = 2 * change * np.outer(gram.root[ra], gram.root[rb])
            if not np.all(block > allowed):
                return "open"
            slip += 2 * change * np.sqrt(sizes[a] * sizes[b])
            full[np.ix_(ra, rb)] += block
            full[np.ix_(rb, ra)] += block.T
    for r in rows:
        unit_root = gram.root[r] / np.linalg.norm(gram.root[r])
        full[r] -= np.outer(unit_root, unit_root @ full[r])
        full[:, r] -= np.outer(full[:, r] @ unit_root, unit_root)
    top = largest_eigenvalues(0.5 * (full + full.T), 1)[0]
    return "certified" if top + slip + rounding < t else "open"


def _level(masses, rows, sizes, separation, unit):
    """Level t that the masses of a multiplier's blocks point to.

    For an optimal one the sum over a pair of groups a, b is
    n_a n_b (separation_ab - t unit_ab) / 2, so that each pair gives t.
    """
    guesses, weights = [], []
    for a in range(len(rows)):
        for b in range(a + 1, len(rows)):
            mass = masses[np.ix_(rows[a], rows[b])].sum() / (sizes[a] * sizes[b])
            guesses.append((separation[a, b] - 2 * mass) / unit[a, b])
            weights.append(unit[a, b])
    return np.average(guesses, weights=weights)


def _within(block, root):
    """Block of A around the mean of its own rows."""
    q = root / np.linalg.norm(root)
    Bq = block @ q
    centered = block - np.outer(Bq - (q @ Bq) * q, q) - np.outer(q, Bq)
    return 0.5 * (centered + centered.T)


def finish_labels(A, n_clusters, Z, N, random_state):
    """Labels, verdict and lower bound from a primal and a dual solution.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Double-centered Gram matrix.
    n_clusters : int
        K.
    Z, N : ndarray of shape (n, n)
        Approximate membership matrix and multiplier of its signs, N >= 0.
    random_state : RandomState
        Draws the starts of the rounding.

    Returns
    -------
    result : RelaxationResult
        Without a trace of the objective.
    """
    n = len(A)
    q = np.full(n, n**-0.5)
    total = np.trace(A)
    vectors = np.linalg.eigh(0.5 * (Z + Z.T))[1][:, -n_clusters:]
    labels = group_rows(vectors, n_clusters, random_state, n_init=10)
    labels, inertia = gram_lloyd(A, labels, n_clusters)
    # Whether a modeling layer counts off-diagonal entries once or twice, one of the
    # two multiples is the multiplier; both are valid.
    upper = _bound(A, q, n_clusters)
    for factor in (1.0, 2.0):
        upper = min(upper, _bound(A + factor * N, q, n_clusters))
    verdict = multiplier_certificate(A, labels, n_clusters, N)
    margin = 20 * n * _EPS * (np.linalg.norm(A) + total)
    lower = max(0.0, total - upper - margin)
    if verdict == "certified":
        lower = max(lower, inertia - margin)
    return RelaxationResult(
        x=Z,
        objective=np.empty(0),
        stop=np.nan,
        n_iter=0,
        converged=True,
        labels=labels,
        inertia=inertia,
        verdict=verdict,
        lower_bound=lower,
        upper_bound=upper,
        multiplier=N,
    )


class _Rounding:
    """Best labels met on the way, and what is proven about them."""

    def __init__(self, gram, n_clusters, total):
        self.gram, self.n_clusters, self.total = gram, n_clusters, total
        self.inertia, self.labels = np.inf, None
        self.verdict, self.tried = "open", np.inf

    def keep_if_better(self, labels):
        """Improve labels by Lloyd's iterations and keep them if they are the best."""
        labels, inertia = gram_lloyd(self.gram, labels, self.n_clusters)
        if inertia < self.inertia:
            self.inertia, self.labels = inertia, labels
            self.verdict, self.tried = "open", np.inf

    def try_certify(self, multiplier, upper_bound):
        """Try the multiplier where the bound is near enough for it to succeed."""
        if self.labels is None or self.verdict != "open":
            return
        gap = (self.inertia - (self.total - upper_bound)) / self.total
        if gap < _TRY_BELOW and gap < _TRY_AGAIN * self.tried:
            self.tried = gap
            self.verdict = multiplier_certificate(
                self.gram, self.labels, self.n_clusters, multiplier
            )


def solve_kmeans_sdp(
    A,
    n_clusters,
    *,
    labels=None,
    tol=1e-4,
    max_iter=2000,
    early_stop=True,
    random_state=None,
    callback=None,
):
    """Solve the relaxation, round it and try to prove the labels.

    Parameters
    ----------
    A : ndarray of shape (n, n) or WeightedGram
        Double-centered Gram matrix, symmetric; 1 < K < n.
    n_clusters : int
        K.
    labels : ndarray of shape (n,), optional
        Labels to start from; they are kept if nothing better is met.
    tol, max_iter : float, int
        Passed to :func:`sdp_admm`.
    early_stop : bool
        Stop as soon as the labels are certified.
    random_state : RandomState
        Draws the starts of the rounding.
    callback : callable, optional
        Called at every check of the solver with its :class:`AdmmProgress`.

    Returns
    -------
    result : RelaxationResult
        Membership matrix, labels and what is proven about them.
    """
    gram = A if isinstance(A, WeightedGram) else WeightedGram.of(A)
    A, q = gram.matrix, gram.q
    n = len(A)
    total = np.trace(A)
    # Without N the bound is that of PCA, the best one when points coincide.
    plain = _bound(A, q, n_clusters)
    margin = 20 * n * _EPS * (np.linalg.norm(A) + total)
    best = _Rounding(gram, n_clusters, total)

    def membership_rows(projection):
        return projection.leading(n_clusters) / gram.root[:, None]

    def check(progress):
        k = progress.n_iter
        if k in _ROUND_AT or k % _ROUND_EVERY == 0:
            rows = membership_rows(progress.projections[0])
            best.keep_if_better(group_rows(rows, n_clusters, random_state))
        if early_stop:
            multiplier = progress.multiplier[0] * progress.scale
            best.try_certify(multiplier, min(progress.upper_bound, plain))
        stop = callback is not None and callback(progress)
        return stop or (early_stop and best.verdict == "certified")

    if labels is not None:
        best.keep_if_better(labels)
    result: AdmmResult = sdp_admm(
        A[None].copy(),
        [n_clusters],
        upper_bound=lambda M, y, q: _bound(M[0], q, n_clusters),
        q=q,
        tol=tol,
        max_iter=max_iter,
        check_every=10 if n < 300 else 20,
        callback=check,
    )
    upper = min(result.upper_bound, plain)
    multiplier = result.state.N[0]
    if best.verdict != "certified":
        rows = membership_rows(result.projections[0])
        best.keep_if_better(group_rows(rows, n_clusters, random_state, n_init=10))
        best.tried = np.inf
        best.try_certify(multiplier, upper)
    certified = best.verdict == "certified"
    lower = max(0.0, total - upper - margin)
    if certified:
        lower = max(lower, best.inertia - margin)
    return RelaxationResult(
        x=result.x[0],
        objective=result.objective,
        stop=result.stop,
        n_iter=result.n_iter,
        converged=result.converged or certified,
        labels=best.labels,
        inertia=best.inertia,
        verdict=best.verdict,
        lower_bound=lower,
        upper_bound=upper,
        multiplier=multiplier,
    )
