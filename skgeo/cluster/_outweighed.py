"""Values that no clustering should follow: codes for missing ones, single far entries.

A column is measured as in the supervised dictionaries, by its deviations from the
median, those of zero left out. K-means sums squares: a few entries of hundreds of
typical deviations decide on it, and a value that stands for "missing" in several rows
takes a cluster of its own.
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
    """

    column: int
    rows: np.ndarray
    value: float
    shared: int
    median: float
    spread: float
    heavy: bool


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
            if not spread > 0 or gap[:, j].max() <= _CODE * spread:
                continue
            one = _judge(start + j, half[:, j], gap[:, j], median[j], spread)
            if one is not None:
                found.append(one)
    return found


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
    if not found:
        return
    codes = np.unique(labels, return_inverse=True)[1].ravel()
    sizes = np.bincount(codes)
    kept = []
    for one in found:
        inside = np.bincount(codes[one.rows], minlength=len(sizes))
        taken = int(((inside == sizes) & (inside > 0)).sum())
        if one.heavy or taken:
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


def _warn_far_rows(X, kept):
    """Name the samples that are far from most others."""
    counts = np.zeros(len(X), dtype=int)
    for one, _ in kept:
        counts[one.rows] += 1
    rows = np.flatnonzero(counts > 0.5 * X.shape[1])
    if len(rows) == 0:
        return
    shown = ", ".join(map(str, rows[:_NAMED])) + (", ..." if len(rows) > _NAMED else "")
    warn_user(
        f"Far from nearly all other samples: {len(rows)} (rows {shown}; "
        f"dissimilarities of {kept[0][0].value:.6g} beside a median of "
        f"{kept[0][0].median:.6g}). If these stand for missing values, leave the "
        "samples out: clusters follow them."
    )
