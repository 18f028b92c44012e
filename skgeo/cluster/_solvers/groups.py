"""Sufficient statistics of labeled points, shared by certificates and bounds."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Groups", "group_points", "max_inner_product"]

_BLOCK = 2048


@dataclass(slots=True)
class Groups:
    """Points sorted by label, around the mean of their group.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Row numbers in the given data, sorted by label.
    sizes : ndarray of shape (K,)
        Sizes of the groups, all at least one.
    means : ndarray of shape (K, d)
        Group means minus the overall mean.
    points : list of ndarray of shape (n_a, d)
        Rows of each group minus the group mean.
    margins : list of ndarray of shape (n_a, K)
        ``||x - m_b||^2 - ||x - m_a||^2`` of the points x of group a.
    inertia, total : float
        Sum of squared distances to the group mean and to the overall mean.
    scatter_top : float
        Largest eigenvalue of a group's scatter matrix.
    norms : list of ndarray of shape (n_a,)
        Norms of the rows of ``points``.
    """

    order: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    points: list
    margins: list
    inertia: float
    total: float
    scatter_top: float
    norms: list = field(repr=False)

    @property
    def n_points(self):
        return len(self.order)

    @property
    def n_groups(self):
        return len(self.sizes)

    @property
    def n_features(self):
        return self.means.shape[1]

    def harmonic(self, t):
        """``t (1/n_a + 1/n_b)`` for all pairs, shape (K, K)."""
        inverse = 1.0 / self.sizes
        return t * (inverse[:, None] + inverse[None])

    def squared_separation(self):
        """Squared distances of the means, shape (K, K)."""
        gaps = self.means[:, None] - self.means[None]
        return np.einsum("abj,abj->ab", gaps, gaps)

    def largest_t(self):
        """Largest t for which the row sums of the multiplier are nonnegative."""
        unit = self.harmonic(1.0)
        worst = np.inf
        for a, margin in enumerate(self.margins):
            others = np.arange(self.n_groups) != a
            ratio = margin[:, others].min(axis=0) / unit[a, others]
            worst = min(worst, ratio.min())
        return worst


def group_points(X, labels, n_groups):
    """Sort points by label and compute what the certificates need.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points, float64.
    labels : ndarray of shape (n,)
        Labels 0..K-1, each present.
    n_groups : int
        K.
    """
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=n_groups)
    edges = np.concatenate([[0], np.cumsum(sizes)])
    offset = X.mean(axis=0)
    means = np.empty((n_groups, X.shape[1]))
    points, norms = [], []
    inertia, scatter_top = 0.0, 0.0
    for a in range(n_groups):
        D = X[order[edges[a] : edges[a + 1]]] - offset
        mean = D.mean(axis=0)
        D -= mean
        correction = D.mean(axis=0)  # a second pass takes out the rounding of the first
        D -= correction
        means[a] = mean + correction
        scatter = D.T @ D
        inertia += np.trace(scatter)
        scatter_top = max(scatter_top, np.linalg.eigvalsh(scatter)[-1])
        points.append(D)
        norms.append(np.sqrt(np.einsum("ij,ij->i", D, D)))
    means -= (sizes / sizes.sum()) @ means
    margins = []
    for a in range(n_groups):
        gaps = means - means[a]
        margin = points[a] @ (-2.0 * gaps.T)
        margin += np.einsum("bj,bj->b", gaps, gaps)
        margins.append(margin)
    total = inertia + sizes @ np.einsum("aj,aj->a", means, means)
    return Groups(
        order=order,
        sizes=sizes,
        means=means,
        points=points,
        margins=margins,
        inertia=inertia,
        total=total,
        scatter_top=scatter_top,
        norms=norms,
    )


def max_inner_product(V, W, budget=np.inf):
    """Largest inner product of a row of V with a row of W, or a bound above it.

    Rows are visited by decreasing norm and the search stops once no remaining pair of
    norms can beat the largest product seen, so the answer is exact.  When more than
    ``budget`` products would be needed the product of the largest unvisited norms is
    returned instead, which is larger but as valid.
    """
    norm_v = np.sqrt(np.einsum("ij,ij->i", V, V))
    norm_w = np.sqrt(np.einsum("ij,ij->i", W, W))
    order_v, order_w = np.argsort(-norm_v), np.argsort(-norm_w)
    norm_v, norm_w = norm_v[order_v], norm_w[order_w]
    V, W = V[order_v], W[order_w]
    best, done, start, step = -np.inf, 0, 0, 16
    while start < len(norm_v):
        top = norm_v[start]
        if best >= 0 and top * norm_w[0] <= best:
            break
        stop = min(start + step, len(norm_v))
        end = len(norm_w)
        if best >= 0 and top > 0:
            end = int(np.searchsorted(-norm_w, -best / top, side="left"))
        if done + (stop - start) * end > budget:
            return max(best, top * norm_w[0])
        position = 0
        while position < end:
            after = min(position + _BLOCK, end)
            best = max(best, (V[start:stop] @ W[position:after].T).max())
            done += (stop - start) * (after - position)
            position = after
            if best >= 0 and top > 0:
                limit = int(np.searchsorted(-norm_w, -best / top, side="left"))
                end = min(end, limit)
        start = stop
        step = min(2 * step, 512)
    # Products are rounded: keep the bound above the exact maximum.
    slack = 4 * V.shape[1] * np.finfo(float).eps
    return best + slack * norm_v[0] * norm_w[0]
