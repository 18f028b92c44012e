"""Closed-form dual certificate that K-means labels are globally optimal.

For labels with groups of sizes n_a and means m_a, complementary slackness of the
Peng-Wei relaxation fixes its dual solution up to one number t and the split of the
multiplier N of the sign constraint inside each off-diagonal block, whose row sums are
``(n_b / 2)(g - t(1/n_a + 1/n_b))`` with the margins ``g = ||x-m_b||^2 - ||x-m_a||^2``.
Two numbers then bracket t: the smallest margin from above, the largest eigenvalue of a
group's scatter from below; an empty bracket proves that no dual solution exists.
Inside the bracket the family

    N_ij = (g_i - tau)(g_j - tau) / (2 h) - theta psi_i' (I - 2 d d'/h) psi_j

(d the difference of the means, h = ||d||^2 - tau, psi shrunk centered points) has the
right row sums.  If it is nonnegative and the largest eigenvalue of the centered
``X X' + N`` is below t, the labels are optimal.  That matrix has rank at most 2 K d:
thin QR factors of the groups reduce it, exactly, to a small dense one.

Weighted points: means, sizes and scatters are weighted, and row i of every factor is
multiplied by the square root of its weight. Nothing else changes, as replicating
points shows for integer weights.

Every inequality is checked with the error bounds of
:mod:`skgeo.cluster._solvers.groups`, none of which sees the total scatter.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.cluster._solvers.groups import ROUNDOFF, Groups, max_inner_product
from skgeo.cluster._solvers.spectral import largest_eigenvalues

__all__ = [
    "Certificate",
    "closed_form_certificate",
    "pca_bound",
    "rounding_margin",
    "shrunk_points",
]

_FRACTIONS = (0.95, 0.99, 0.87, 0.7)
_SHRINKAGES = (1.2, 1.0, 1.5, 0.7, 2.2)
MAX_REDUCED = 3000  # largest reduced matrix that is decomposed
PAIR_BUDGET = 4e9  # products a pair search may form before it falls back to norms
# A certificate whose inertia is not known better than this is not given.
CERTIFIED_GAP = 1e-9

NO_DUAL = "the bracket of the dual variable is empty: the relaxation is not tight"
ROUNDING = (
    "double precision does not decide: the margins of the points are below the "
    "rounding errors of their coordinates"
)
UNDECIDED = "the closed-form multiplier does not prove it"
FEWER_GROUPS = "the labels hold fewer groups than n_clusters"
TOO_LARGE = "the reduced eigenproblem is too large"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the closed form says about given labels.

    Attributes
    ----------
    verdict : {"certified", "not_tight", "open"}
        Outcome.
    reason : str
        Why it is not "certified"; empty if it is.
    t_max, floor : float
        Ends of the bracket of t.
    """

    verdict: str
    reason: str
    t_max: float
    floor: float


def rounding_margin(groups, size, squared_norm):
    """A-priori bound on the rounding error of the reduced matrix and its spectrum."""
    return 8 * ROUNDOFF * (10 * size + groups.n_points) * squared_norm


def pca_bound(groups, n_clusters):
    """Bound from above on ``total - inertia`` of any K-means clustering: top PCs."""
    n, d = groups.n_points, groups.n_features
    if n < d:
        rows = [
            groups.roots[a][:, None] * (groups.points[a] + groups.means[a])
            for a in range(groups.n_groups)
        ]
        F = np.vstack(rows)
        scatter = F @ F.T
    else:
        scaled = [groups.scaled(a) for a in range(groups.n_groups)]
        scatter = sum(F.T @ F for F in scaled)
        scatter = scatter + (groups.means.T * groups.sizes) @ groups.means
    top = largest_eigenvalues(scatter, n_clusters - 1)
    return top.sum() + 8 * ROUNDOFF * (n + d) * groups.total


def shrunk_points(groups, a, slack, curvature, kappa):
    """Points of group a shrunk towards the mean where a margin is small, centered.

    ``slack`` (n_a, K) are the margins minus tau and ``curvature`` (K,) the h of the
    pairs with a.
    """
    others = groups.others[a]
    reach = (slack[:, others] / np.sqrt(2 * curvature[others])).min(axis=1)
    norm = np.where(groups.norms[a] > 0, groups.norms[a], 1.0)
    shrink = np.minimum(1.0, kappa * np.maximum(reach, 0.0) / norm)
    mass = shrink * groups.roots[a] ** 2
    total = mass.sum()
    # Where every point is shrunk to nothing there is nothing to center.
    center = mass @ groups.points[a] / total if total > 0 else 0.0
    psi = shrink[:, None] * (groups.points[a] - center)
    # A second pass removes the rounding of the first; vanished rows stay zero.
    psi -= (shrink > 0)[:, None] * ((groups.roots[a] ** 2 @ psi) / groups.sizes[a])
    return psi


def pair_scale(groups, a, b, psi, slack, h, coefficient, gap_share):
    """Largest theta in [0, 1] that keeps the block of the pair nonnegative.

    ``gap_share`` is the relative error of h and of the slacks together.
    """
    rows_a = np.einsum("ij,ij->i", psi[a], psi[a]) > 0
    rows_b = np.einsum("ij,ij->i", psi[b], psi[b]) > 0
    if not rows_a.any() or not rows_b.any():
        return 1.0
    V = psi[a][rows_a] / slack[a][rows_a, b, None]
    W = psi[b][rows_b] / slack[b][rows_b, a, None]
    gap = groups.gaps[a, b]
    reflected = W - np.outer(W @ gap, (2.0 / h) * gap)
    norm_v = np.sqrt(np.einsum("ij,ij->i", V, V).max())
    norm_w = np.sqrt(np.einsum("ij,ij->i", W, W).max())
    reflection = 1 + 2 * groups.separation[a, b] / h
    # psi is centered up to a few roundoffs of its largest row.
    stray_v = _center_error(psi[a]) / slack[a][rows_a, b].min()
    stray_w = _center_error(psi[b]) / slack[b][rows_b, a].min()
    largest = max_inner_product(V, reflected, PAIR_BUDGET)
    largest += reflection * (
        gap_share * norm_v * norm_w
        + stray_v * norm_w
        + stray_w * norm_v
        + stray_v * stray_w
    )
    largest *= (1 + gap_share) / coefficient
    return 1.0 if largest <= 1.0 - 1e-9 else (1.0 - 1e-9) / largest


def _center_error(psi):
    """Roundoff left in the mean of centered rows."""
    return (len(psi) + 8) * ROUNDOFF * np.sqrt(np.einsum("ij,ij->i", psi, psi).max())


def _reduced(groups, t, kappa, factors):
    """Matrix with the nonzero spectrum of centered ``X X' + N``, and its error.

    ``factors`` are the R of thin QR factorizations of the weighted groups.
    """
    K, d = groups.n_groups, groups.n_features
    u = ROUNDOFF
    tau = groups.harmonic(t)
    h = groups.separation - tau
    distance = np.sqrt(groups.separation)
    h_error = groups.separation_error + 4 * u * (groups.separation + tau)
    stray = np.sqrt(groups.sizes) * groups.row_error  # of the factors, per group
    if kappa is None:
        psi, R = None, factors
    else:
        slack = [groups.margins[a] - tau[a] for a in range(K)]
        psi = [shrunk_points(groups, a, slack[a], h[a], kappa) for a in range(K)]
        R = [
            np.linalg.qr(
                np.hstack([groups.scaled(a), groups.roots[a][:, None] * psi[a]]),
                mode="r",
            )
            for a in range(K)
        ]
        stray = stray + np.sqrt(groups.sizes) * [_center_error(p) for p in psi]
        relative = [
            (groups.margin_error[a] + 4 * u * (np.abs(groups.margins[a]) + tau[a]))
            / np.where(groups.others[a], slack[a], 1.0)
            for a in range(K)
        ]
    size = np.array([np.linalg.norm(r) for r in R])
    edges = np.concatenate([[0], np.cumsum([len(r) for r in R])])
    M = np.zeros((edges[-1], edges[-1]))
    squared_error = 0.0
    for a in range(K):
        rows = slice(edges[a], edges[a + 1])
        Ra = R[a][:, :d]
        M[rows, rows] = Ra @ Ra.T
        squared_error += (2 * size[a] * stray[a] + stray[a] ** 2) ** 2
        for b in range(a + 1, K):
            columns = slice(edges[b], edges[b + 1])
            gap, c = groups.gaps[a, b], 2.0 / h[a, b]
            Rb = R[b][:, :d]
            block = Ra @ Rb.T - c * np.outer(Ra @ gap, Rb @ gap)
            if psi is not None:
                share = 2 * max(relative[a][:, b].max(), relative[b][:, a].max())
                share += 4 * h_error[a, b] / h[a, b]
                theta = pair_scale(
                    groups, a, b, psi, slack, h[a, b], 0.5 / h[a, b], share
                )
                Pa, Pb = R[a][:, d:], R[b][:, d:]
                block -= theta * (Pa @ Pb.T - c * np.outer(Pa @ gap, Pb @ gap))
            M[rows, columns] = block
            M[columns, rows] = block.T
            reflection = 1 + groups.separation[a, b] * c
            c_error = (groups.separation[a, b] * c) * (
                2 * groups.gap_error[a, b] / distance[a, b] + h_error[a, b] / h[a, b]
            )
            error = 2 * (
                reflection
                * (size[a] * stray[b] + size[b] * stray[a] + stray[a] * stray[b])
                + c_error * size[a] * size[b]
            )
            squared_error += 2 * error**2
    error = np.sqrt(squared_error)
    return M, error + rounding_margin(groups, len(M), size @ size)


def _usable(groups, t):
    """Whether all slacks and all h are positive beyond their errors."""
    tau = groups.harmonic(t)
    h = groups.separation - tau
    error = groups.separation_error + 4 * ROUNDOFF * (groups.separation + tau)
    others = groups.others
    if not np.all((h - error)[others] > 0):
        return False
    for a in range(groups.n_groups):
        slack = groups.margins[a] - tau[a]
        error = groups.margin_error[a] + 4 * ROUNDOFF * (
            np.abs(groups.margins[a]) + tau[a]
        )
        if not np.all((slack - error)[:, others[a]] > 0):
            return False
    return True


def closed_form_certificate(groups: Groups, n_clusters, budget=np.inf) -> Certificate:
    """Try to prove that the labels of ``groups`` are the global K-means optimum.

    Parameters
    ----------
    groups : Groups
        Labeled points.
    n_clusters : int
        Number of clusters the optimum may use; a proof needs as many groups.
    budget : float
        Floating-point operations (about) after which no further trial is made.

    Returns
    -------
    certificate : Certificate
        The outcome.
    """
    K, d, n = groups.n_groups, groups.n_features, groups.n_points
    if groups.pure:
        return Certificate("certified", "", np.inf, 0.0)
    floor = groups.floor
    if n_clusters != K:
        return Certificate("open", FEWER_GROUPS, np.inf, floor)
    if K == 1:
        return _certified_if_known(groups, np.inf)
    t_max, lowest, highest = (groups.largest_t(s) for s in (0.0, -1.0, 1.0))
    if highest < floor - groups.floor_error:
        return Certificate("not_tight", NO_DUAL, t_max, floor)
    floor_high = floor + groups.floor_error
    if not lowest > floor_high:
        return Certificate("open", ROUNDING, t_max, floor)
    if K * d > MAX_REDUCED:
        return Certificate("open", TOO_LARGE, t_max, floor)
    factors = [np.linalg.qr(groups.scaled(a), mode="r") for a in range(K)]
    trials = [(f, None) for f in _FRACTIONS]
    if 2 * K * d <= MAX_REDUCED:
        trials += [(f, kappa) for f in _FRACTIONS for kappa in _SHRINKAGES]
    spent, reason = 0.0, UNDECIDED
    for fraction, kappa in trials:
        t = fraction * lowest
        if t <= floor_high or not _usable(groups, t):
            continue
        width = K * d if kappa is None else 2 * K * d
        spent += 4 * width**3 + (0 if kappa is None else 16 * n * d * d)
        if spent > budget:
            break
        M, error = _reduced(groups, t, kappa, factors)
        top = largest_eigenvalues(M, 1)[0]
        if top + error < t:
            return _certified_if_known(groups, t_max)
        if top < t:
            reason = ROUNDING
    return Certificate("open", reason, t_max, floor)


def _certified_if_known(groups, t_max):
    """Certify, unless rounding leaves the inertia itself in doubt."""
    if groups.inertia_error > CERTIFIED_GAP * groups.inertia:
        return Certificate("open", ROUNDING, t_max, groups.floor)
    return Certificate("certified", "", t_max, groups.floor)
