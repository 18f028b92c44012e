"""Values that no clustering should follow: codes for missing ones, single far entries.

A column is measured as in the supervised dictionaries, by its deviations from the
median, those of zero left out. K-means sums squares: a few entries of hundreds of
typical deviations decide on it, and a value that stands for "missing" in several rows
takes a cluster of its own. Values that files use for "missing" by convention (-99, 999,
-9999, ends of integers) are also found among others, where they repeat and others do
not, and in columns that are constant but for them.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.utils.warn import warn_user

__all__ = ["Outweighing", "find_outweighing", "warn_outweighed"]

# Entries this many typical deviations from the median are far, where they are at most
# this share of the rows: for a normal column 20 standard deviations.
_FAR, _FEW = 30.0, 0.25
# They outweigh the others where they hold this share of the energy of the column.
_MOST = 0.9
# A value that several rows share exactly is a code from fewer deviations on, if nothing
# lies in the outer half of the way to it, and it forms clusters of its own.
_CODE, _ALONE = 8.0, 0.5
# A far group whose own values differ, by as much as others do, is a group.
_GROUP = 3
_ROWS = 10_000  # that median and typical deviation are read from
_NAMED = 5
_BLOCK = 64  # columns looked at together
_ENTRIES = 4_000_000  # of a matrix that are looked at
_ANCHORS = 60  # rows of a matrix that far groups are seen from
# A conventional code is doubted from this many rows on, where no other value but the
# median repeats more than a third as often.
_SHARED, _ONLY = 3, 3
_ENDS = (*(2.0**k - 1 for k in (15, 16, 31, 32)), -(2.0**15), -(2.0**31))


@dataclass(frozen=True, slots=True)
class Outweighing:
    """A column with values far from all others.

    Attributes
    ----------
    column : int
        Which.
    rows : ndarray of int
        Rows of the far values.
    value : float
        The farthest, or the one that most of them share.
    shared : int
        In how many rows.
    median, spread : float
        Median of the column, and median of its deviations that are not zero.
    heavy : bool
        Whether they hold most of what the squares of the column sum to.
    conventional : bool
        Whether it is a value that stands for missing ones by convention.
    """

    column: int
    rows: np.ndarray
    value: float
    shared: int
    median: float
    spread: float
    heavy: bool
    conventional: bool = False


def find_outweighing(X):
    """Columns of which a few far values, or a shared one, stand apart.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Data.

    Returns
    -------
    found : list of Outweighing
        Empty, mostly.
    """
    n, found = len(X), []
    if n < 4:
        return found
    some = X[:: -(-n // _ROWS)]
    for start in range(0, X.shape[1], _BLOCK):
        columns = slice(start, start + _BLOCK)
        # Halves, so that no difference overflows.
        half = 0.5 * np.asarray(X[:, columns], dtype=np.float64)
        median = np.median(0.5 * np.asarray(some[:, columns], np.float64), axis=0)
        gap = np.abs(half - median)
        for j in range(gap.shape[1]):
            spread = _typical(gap[:, j], n)
            if not spread > 0:
                continue
            one = None
            if gap[:, j].max() > _CODE * spread:
                one = _judge(start + j, half[:, j], gap[:, j], median[j], spread)
            if one is None:
                one = _conventional(start + j, half[:, j], median[j], spread)
            if one is not None:
                found.append(one)
    return found


def _conventional(column, half, median, spread):
    """A code by convention that repeats as nothing else but the median does."""
    codes = _is_code(2 * half) & (half != median)
    if not codes.any():
        return None
    values, counts = np.unique(half[codes], return_counts=True)
    most = int(np.argmax(counts))
    value, shared = values[most], int(counts[most])
    if not (_SHARED <= shared <= _FEW * len(half)):
        return None
    rest = half[(half != value) & (half != median)]
    if len(rest):
        most = np.unique(rest, return_counts=True)[1].max()
        if shared < _ONLY * most:
            return None
    return Outweighing(
        column,
        np.flatnonzero(half == value),
        float(2 * value),
        shared,
        float(2 * median),
        float(2 * spread),
        heavy=False,
        conventional=True,
    )


def _is_code(x):
    """Whether numbers are 999, 9999, ..., such below zero, -99, or ends of integers."""
    size = np.abs(x)
    digits = np.floor(np.log10(np.where(size >= 1, size, 1.0))) + 1
    nines = (size == 10.0 ** np.minimum(digits, 15) - 1) & (size >= 99)
    return (nines & (x != 99)) | np.isin(x, _ENDS)


def _typical(gap, n):
    """Median of the deviations that are not zero."""
    part = gap[:: -(-n // _ROWS)]
    part = part[part > 0]
    if len(part) == 0:
        part = gap[gap > 0]
    return float(np.median(part)) if len(part) else 0.0


def _judge(column, half, gap, median, spread):
    n = len(gap)
    few = max(_FEW * n, 1)
    far = np.flatnonzero(gap > _FAR * spread)
    rows = np.flatnonzero(gap > _CODE * spread)
    values, counts = np.unique(half[rows], return_counts=True)
    inner = gap <= _CODE * spread
    reach = gap[inner].max() if inner.any() else 0.0
    code = (counts > 1) & (reach <= _ALONE * np.abs(values - median))
    coded = rows[np.isin(half[rows], values[code])] if code.any() else rows[:0]
    heavy = False
    if 0 < len(far) <= few:
        energy = (gap / gap.max()) ** 2
        heavy = energy[far].sum() >= _MOST * energy.sum()
        heavy = heavy and not _is_group(half[far], median, spread)
    coded = coded if len(coded) <= few else coded[:0]
    rows = np.union1d(far, coded) if heavy else coded
    if len(rows) == 0:
        return None
    values, counts = np.unique(half[rows], return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] == 1:
        most = int(np.argmax(np.abs(values - median)))
    return Outweighing(
        column,
        rows,
        float(2 * values[most]),
        int(counts[most]),
        float(2 * median),
        float(2 * spread),
        bool(heavy),
    )


def _is_group(values, median, spread):
    """Whether far values lie together as others do, without being the same."""
    for side in (values[values > median], values[values < median]):
        if len(side) == 0:
            continue
        if len(side) < _GROUP or len(np.unique(side)) <= len(side) / 2:
            return False
        inside = np.median(np.abs(side - np.median(side)))
        if inside > _FAR * spread:
            return False
    return True


def warn_outweighed(X, labels, names=None, *, rows_of="samples"):
    """Say which columns hold values that outweigh all others, or take a cluster.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Data.
    labels : ndarray of shape (n,)
        Clusters found or given.
    names : sequence of str, optional
        Names of the features.
    rows_of : {"samples", "dissimilarities"}
        What X is. With dissimilarities the rows are named: every column of a sample
        far from all others has such entries.
    """
    found = find_outweighing(X)
    if rows_of == "dissimilarities":
        _warn_shared_entry(X, found)
        if _warn_coded_rows(X):
            return
    if not found:
        return
    codes = np.unique(labels, return_inverse=True)[1].ravel()
    sizes = np.bincount(codes)
    kept = []
    for one in found:
        inside = np.bincount(codes[one.rows], minlength=len(sizes))
        taken = int(((inside == sizes) & (inside > 0)).sum())
        if one.heavy or one.conventional or taken:
            kept.append((one, taken))
    if not kept:
        return
    if rows_of == "dissimilarities":
        _warn_far_rows(X, kept)
        return
    words = [
        repr(str(names[one.column])) if names is not None else str(one.column)
        for one, _ in kept[:_NAMED]
    ]
    more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
    one, taken = kept[0]
    held = (
        f"the value {one.value:.6g} in {one.shared} rows (row {one.rows[0]} first)"
        if one.shared > 1
        else f"{one.value:.6g} in row {_row_of(X, one)}"
    )
    harm = (
        f"; {taken} of the {len(sizes)} clusters {'hold' if taken > 1 else 'holds'} "
        "nothing but such rows"
        if taken
        else ""
    )
    warn_user(
        f"A few rows stand apart in feature{'s' if len(kept) > 1 else ''} "
        f"{', '.join(words)}{more}: feature {words[0]} has {held}, beside a median of "
        f"{one.median:.6g} and typical deviations of {one.spread:.2g}{harm}. If these "
        "are errors, or codes for missing values, replace or drop them: clusters "
        "follow them."
    )


def _row_of(X, one):
    return int(one.rows[np.argmax(np.abs(X[one.rows, one.column] - one.median))])


def _far_rows(X, found):
    """Samples that are far from most others."""
    counts = np.zeros(len(X), dtype=int)
    for one in found:
        counts[one.rows] += 1
    return np.flatnonzero(counts > 0.5 * X.shape[1])


def _warn_shared_entry(D, found):
    """Name a value that stands for missing dissimilarities of pairs."""
    rows = np.setdiff1d(np.arange(len(D)), _far_rows(D, found))
    if len(rows) < 4:
        return
    some = rows[:: -(-len(rows) * len(D) // _ENTRIES)]
    entries = D[np.ix_(some, rows)][some[:, None] != rows]
    half = 0.5 * entries
    median = np.median(half)
    gap = np.abs(half - median)
    spread = _typical(gap, len(gap))
    one = None
    if gap.max() > _CODE * spread > 0:
        one = _judge(0, half, gap, median, spread)
    # One value for all pairs: rows of far duplicates have one each.
    if one is None or 2 * one.shared < len(one.rows):
        one = _conventional(0, half, median, spread)
    if one is None or one.shared < 2 * _SHARED:
        return
    warn_user(
        f"The value {one.value:.6g} stands {one.shared} times in the dissimilarities, "
        f"whose median is {one.median:.6g}. If it is a code for missing ones, replace "
        "it: it counts as a distance."
    )


def _warn_far_rows(X, kept):
    """Name the samples that are far from most others."""
    rows = _far_rows(X, [one for one, _ in kept])
    if len(rows) == 0:
        return
    seen = [one for one, _ in kept if one.column not in rows] or [kept[0][0]]
    warn_user(
        f"Far from nearly all other samples: {len(rows)} (rows {_listed(rows)}; "
        f"dissimilarities of {seen[0].value:.6g} beside a median of "
        f"{seen[0].median:.6g}). If these stand for missing values, leave the "
        "samples out: clusters follow them."
    )


def _warn_coded_rows(D):
    """Name far samples that share the value of one feature, as codes do; whether any.

    Their squared distances to a point differ by what the other features contribute,
    which is no more than between other samples; those to a far group that extends in
    the direction of the point by much more.
    """
    n = len(D)
    if n < 4:
        return False
    some = np.unique(np.linspace(0, n - 1, min(n, _ANCHORS)).astype(int))
    part = D[some]
    spread = np.median(part)
    far = part > _FAR * spread
    votes = far.sum(axis=0)
    rows = np.flatnonzero(2 * votes > len(some))
    if not 2 <= len(rows) <= _FEW * n or not spread > 0:
        return False
    outside = ~np.isin(some, rows)
    near = np.delete(part[outside], rows, axis=1) / spread
    between = D[np.ix_(some[outside], some[outside])] / spread
    through = (between[:, :, None] + between[None]).min(axis=1)
    if (between <= through * (1 + 1e-9)).all():
        squares, inner = (part[outside][:, rows] / spread) ** 2, near.max() ** 2
    else:  # no metric: squares already
        squares, inner = part[outside][:, rows] / spread, near.max()
        if np.median(squares) <= _FAR**2:  # a small group, as far as groups may be
            return False
    if not np.isfinite(squares).all():
        return False
    if np.median(np.ptp(squares, axis=1)) > inner or np.ptp(squares) == 0:
        return False
    warn_user(
        f"{len(rows)} samples are far from all others (rows {_listed(rows)}), as if "
        "they shared one value of a feature. If that is a code for missing values, "
        "leave them out: clusters follow them."
    )
    return True


def _listed(rows):
    return ", ".join(map(str, rows[:_NAMED])) + (", ..." if len(rows) > _NAMED else "")
