"""Sufficient statistics of labeled points, with bounds on their rounding errors.

Every quantity is made of *differences* to a row of the same group, or between such
rows. The error bounds therefore see the spread of a group and the separation of two,
never the size of the coordinates: an offset, or one entry of 1e9, does not hide the
structure of the rest. Bounds are first order in the unit roundoff u.
"""

from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "ROUNDOFF",
    "Groups",
    "group_points",
    "max_inner_product",
    "power_of_two_scale",
]

ROUNDOFF = 0.5 * np.finfo(float).eps
_BLOCK = 2048  # rows whose inner products are formed at once
_CHUNK = 256  # rows that are added one after another; chunks are then added up
# Squares below the smallest normal number vanish: an absolute error per square.
_TINY = np.finfo(float).tiny


@dataclass(slots=True)
class Groups:
    """Points sorted by label, around the mean of their group.

    All means, sums and sizes are weighted; with weights one they are the usual ones.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Row numbers in the given data, sorted by label.
    sizes : ndarray of shape (K,)
        Sums of the weights of the groups, all positive.
    counts : ndarray of shape (K,)
        Numbers of rows of the groups, all at least one.
    roots : list of ndarray of shape (n_a,)
        Square roots of the weights of each group.
    means : ndarray of shape (K, d)
        Group means minus the overall mean.
    gaps : ndarray of shape (K, K, d)
        ``gaps[a, b]`` is the mean of b minus the mean of a.
    points : list of ndarray of shape (n_a, d)
        Rows of each group minus the group mean.
    margins : list of ndarray of shape (n_a, K)
        ``||x - m_b||^2 - ||x - m_a||^2`` of the points x of group a.
    separation : ndarray of shape (K, K)
        Squared distances of the means.
    inertia, total : float
        Weighted sum of squared distances to the group mean and to the overall mean.
    floor : float
        Largest eigenvalue of a group's scatter matrix.
    norms : list of ndarray of shape (n_a,)
        Norms of the rows of ``points``.
    pure : bool
        Whether every group consists of identical rows: the inertia is exactly zero.
    row_error, gap_error, separation_error, margin_error, inertia_error, total_error, \
floor_error
        Bounds on the absolute errors of rows (2-norm, per group), gaps (2-norm),
        ``separation``, ``margins``, ``inertia``, ``total`` (and of the product of the
        Gram matrix with any membership matrix) and ``floor``.
    """

    order: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    roots: list
    means: np.ndarray
    gaps: np.ndarray
    points: list
    margins: list
    separation: np.ndarray
    inertia: float
    total: float
    floor: float
    pure: bool
    norms: list = field(repr=False)
    row_error: np.ndarray
    gap_error: np.ndarray
    separation_error: np.ndarray
    margin_error: list = field(repr=False)
    inertia_error: float
    total_error: float
    floor_error: float

    @property
    def n_points(self):
        return len(self.order)

    @property
    def n_groups(self):
        return len(self.sizes)

    @property
    def n_features(self):
        return self.means.shape[1]

    @property
    def others(self):
        """Boolean (K, K), false on the diagonal."""
        return ~np.eye(self.n_groups, dtype=bool)

    def harmonic(self, t):
        """``t (1/n_a + 1/n_b)`` for all pairs, shape (K, K)."""
        inverse = 1.0 / self.sizes
        return t * (inverse[:, None] + inverse[None])

    def largest_t(self, sign=0.0):
        """Largest t for which the row sums of the multiplier are nonnegative.

        ``sign`` -1 and 1 give bounds from below and above on the exact number.
        """
        unit, others = self.harmonic(1.0), self.others
        worst = np.inf
        for a, margin in enumerate(self.margins):
            shifted = margin + sign * self.margin_error[a]
            worst = min(worst, (shifted / unit[a])[:, others[a]].min())
        return worst * (1 + 8 * sign * np.sign(worst) * ROUNDOFF)

    def scaled(self, a):
        """Rows of group a times the square roots of their weights."""
        return self.roots[a][:, None] * self.points[a]


def power_of_two_scale(X):
    """Power of two within a factor two of the largest entry: division is exact."""
    largest = float(np.abs(X).max(initial=0.0))
    if largest == 0.0:
        return 1.0
    return float(np.ldexp(1.0, min(int(np.frexp(largest)[1]), 1023)))


def _chunked_sum(rows):
    """Sum over the rows in chunks; the error is ``_depth`` roundoffs, not n."""
    if len(rows) <= _CHUNK:
        return rows.sum(axis=0)
    starts = np.arange(0, len(rows), _CHUNK)
    return np.add.reduceat(rows, starts, axis=0).sum(axis=0)


def _depth(n):
    """Roundoffs of a mean of n rows by :func:`_chunked_sum`, with products."""
    return min(n, _CHUNK) + n / _CHUNK + 8


def _center(rows, weight, total):
    """Subtract the weighted mean twice; return rows, mean and the error of a row."""
    unit = weight is None
    product = rows if unit else weight[:, None] * rows
    mean = _chunked_sum(product) / total
    centered = rows - mean
    product = centered if unit else weight[:, None] * centered
    correction = _chunked_sum(product) / total
    centered -= correction
    spread = np.linalg.norm(np.abs(rows).max(axis=0))
    depth = _depth(len(rows)) + (0 if unit else _depth(len(rows)))
    return centered, mean + correction, depth * ROUNDOFF * spread


def _reference(rows, weight, total):
    """Row nearest to the (roughly computed) mean."""
    rough = rows[0] + (
        (rows - rows[0]).mean(axis=0)
        if weight is None
        else (weight @ (rows - rows[0])) / total
    )
    away = rows - rough
    return rows[np.argmin(np.einsum("ij,ij->i", away, away))]


def group_points(X, labels, n_groups, weight=None):
    """Sort points by label and compute what the certificates need.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points, float64, scaled to entries of about one by a power of two.
    labels : ndarray of shape (n,)
        Labels 0..K-1, each present.
    n_groups : int
        K.
    weight : ndarray of shape (n,), optional
        Positive weights; ones when left out.

    Returns
    -------
    groups : Groups
        The statistics.
    """
    n, d = X.shape
    u = ROUNDOFF
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=n_groups)
    edges = np.concatenate([[0], np.cumsum(counts)])
    rows = [order[edges[a] : edges[a + 1]] for a in range(n_groups)]
    weights = [None if weight is None else weight[r] for r in rows]
    sizes = np.array(
        [len(r) if w is None else w.sum() for r, w in zip(rows, weights, strict=True)],
        dtype=float,
    )
    roots = [
        np.ones(len(r)) if w is None else np.sqrt(w)
        for r, w in zip(rows, weights, strict=True)
    ]
    references, offsets = np.empty((n_groups, d)), np.empty((n_groups, d))
    points, norms, row_error, pure = [], [], np.empty(n_groups), True
    inertia, inertia_error, floor, floor_error = 0.0, 0.0, 0.0, 0.0
    for a in range(n_groups):
        mine = X[rows[a]]
        references[a] = _reference(mine, weights[a], sizes[a])
        away = mine - references[a]
        pure = pure and not away.any()
        centered, offsets[a], e = _center(away, weights[a], sizes[a])
        row_error[a] = e
        scaled = centered if weight is None else roots[a][:, None] * centered
        squares = float(np.sum(scaled * scaled))
        inertia += squares
        size = sizes[a]
        inertia_error += 2 * np.sqrt(size * squares) * e + size * e**2
        # The smaller of the two matrices with the same nonzero spectrum.
        wide = counts[a] < d
        scatter = scaled @ scaled.T if wide else scaled.T @ scaled
        top = float(np.linalg.eigvalsh(scatter)[-1]) if scatter.any() else 0.0
        floor = max(floor, top)
        floor_error = max(
            floor_error,
            2 * np.sqrt(top * size) * e
            + size * e**2
            + (counts[a] + d + 20 * len(scatter)) * 2 * u * squares,
        )
        points.append(centered)
        norms.append(np.sqrt(np.einsum("ij,ij->i", centered, centered)))
    # numpy adds pairwise: log2 of the number of terms, and 16 unrolled ones.
    inertia_error += (np.log2(n * d + 2) + 24) * 4 * u * inertia + n * d * _TINY
    between = references[None] - references[:, None]
    gaps = between + (offsets[None] - offsets[:, None])
    shift = np.linalg.norm(offsets, axis=1)
    gap_error = 4 * u * (
        np.linalg.norm(between, axis=2) + shift[:, None] + shift[None]
    ) + (row_error[:, None] + row_error[None])
    separation = np.einsum("abj,abj->ab", gaps, gaps)
    distance = np.sqrt(separation)
    separation_error = (
        2 * distance * gap_error
        + gap_error**2
        + 2 * (d + 4) * u * separation
        + d * _TINY
    )
    margins, margin_error = [], []
    for a in range(n_groups):
        margins.append(separation[a] - 2.0 * (points[a] @ gaps[a].T))
        norm = norms[a][:, None]
        product_error = (
            norm * gap_error[a]
            + row_error[a] * (distance[a] + gap_error[a])
            + 2 * (d + 4) * u * norm * distance[a]
        )
        margin_error.append(separation_error[a] + 2 * product_error)
    # Means around the overall mean, seen from the first group.
    share = sizes / sizes.sum()
    means = gaps[0] - share @ gaps[0]
    spread = means if n_groups > 1 else np.zeros((1, d))
    total = inertia + float(sizes @ np.einsum("aj,aj->a", spread, spread))
    mean_error = 2 * gap_error[0].max() + (n_groups + 8) * u * distance[0].max()
    error = mean_error + row_error.max()
    mass = sizes.sum()
    total_error = (
        2 * np.sqrt(mass * total) * error
        + mass * error**2
        + (np.log2(n * d + 2) + n_groups + 24) * 4 * u * total
        + n * d * _TINY
    )
    return Groups(
        order=order,
        sizes=sizes,
        counts=counts,
        roots=roots,
        means=means,
        gaps=gaps,
        points=points,
        margins=margins,
        separation=separation,
        inertia=inertia,
        total=total,
        floor=floor,
        pure=pure,
        norms=norms,
        row_error=row_error,
        gap_error=gap_error,
        separation_error=separation_error,
        margin_error=margin_error,
        inertia_error=inertia_error,
        total_error=total_error,
        floor_error=floor_error,
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
