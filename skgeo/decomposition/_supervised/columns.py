"""Columns as they come: spread of each, rows that dominate one, units.

A column is measured by its deviations from the weighted median, those of zero left out:
half of the pixels of an image, and nearly all words of a text, are at their median.
"""

import hashlib
import itertools

import numpy as np
from scipy.sparse import csr_matrix, issparse

__all__ = ["ColumnSpread", "merge_rows"]

# Deviations of this many typical ones are doubted: for normal columns 20 standard
# deviations, and more than the largest of thousands of exponential or counted values.
_DOUBTED = 30.0
# Those within are drawn in to this many: five standard deviations of a normal column.
_KEPT = 7.5
# Doubted rows dominate a column if they are few and hold most of its energy.
_FEW, _MOST = 0.25, 0.9
_BLOCK_BYTES = 1 << 24


class ColumnSpread:
    """Weighted median and typical deviation of every column.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Data.
    weight : ndarray of shape (n_samples,)
        Weights that sum to one.

    Attributes
    ----------
    median : ndarray of shape (n_features,)
        Weighted medians.
    spread : ndarray of shape (n_features,)
        Weighted medians of the absolute deviations that are not zero; zero for a
        constant column.
    dominated : ndarray of int
        Columns that a few rows dominate.
    """

    def __init__(self, X, weight):
        p = X.shape[1]
        self.median, self.spread = np.zeros(p), np.zeros(p)
        dominated = np.zeros(p, dtype=bool)
        even = bool((weight == weight[0]).all())
        for j, values, w, rest in _columns(X, weight):
            center = _weighted_median(values, None if even else w, rest, weight[0])
            with np.errstate(over="ignore"):  # such columns are refused later
                gap = np.minimum(np.abs(values - center), np.finfo(float).max)
            off = gap > 0
            gap, w = gap[off], w[off]
            self.median[j] = center
            if rest > 0 and center != 0:  # the zeros that a sparse matrix leaves out
                gap, w = np.append(gap, abs(center)), np.append(w, rest)
            if len(gap) == 0:
                continue
            spread = _weighted_median(gap, None if even and rest == 0 else w)
            self.spread[j] = spread
            far = gap > _DOUBTED * spread
            if far.any() and w[far].sum() <= _FEW:
                energy = w * (gap / gap.max()) ** 2
                dominated[j] = energy[far].sum() >= _MOST * energy.sum()
        self.dominated = np.flatnonzero(dominated)

    def tame(self, X):
        """Copy of X with doubted entries at the median, and other far ones drawn in.

        A sparse matrix stays sparse: its zeros are left alone.
        """
        if issparse(X):
            X = X.copy()
            X.data = _tame(X.data, self.median[X.indices], self.spread[X.indices])
            return X
        return _tame(X, self.median, self.spread).astype(X.dtype, copy=False)


def _tame(values, median, spread):
    gap = values - median
    far = np.abs(gap)
    gap = np.clip(gap, -_KEPT * spread, _KEPT * spread)
    gap[(far > _DOUBTED * spread) & (spread > 0)] = 0.0
    return np.where(far > _KEPT * spread, median + gap, values)


def _columns(X, weight):
    """Yield index, values, their weights, and the weight of entries not stored."""
    if issparse(X):
        X = X.tocsc()
        for j in range(X.shape[1]):
            rows = slice(X.indptr[j], X.indptr[j + 1])
            w = weight[X.indices[rows]]
            rest = 0.0 if len(w) == X.shape[0] else max(1.0 - w.sum(), 0.0)
            yield j, X.data[rows], w, rest
        return
    n, p = X.shape
    width = max(1, _BLOCK_BYTES // (8 * n))
    for start in range(0, p, width):
        block = np.ascontiguousarray(X[:, start : start + width].T, dtype=np.float64)
        for j, values in enumerate(block, start):
            yield j, values, weight, 0.0


def _weighted_median(values, weight, rest=0.0, each=0.0):
    """Lower weighted median; ``rest`` is the weight of further zeros.

    With ``weight=None`` all values count the same (``each``, where zeros are left out).
    """
    if weight is None and rest == 0.0:
        middle = (len(values) - 1) // 2
        return float(np.partition(values, middle)[middle])
    w = np.full(len(values), each) if weight is None else weight
    if rest > 0.0:
        values, w = np.append(values, 0.0), np.append(w, rest)
    order = np.argsort(values)
    below = np.cumsum(w[order])
    return float(values[order[np.searchsorted(below, 0.5 * below[-1] * (1 - 1e-12))]])


def merge_rows(X, Z, y, weight):
    """Merge equal samples and put them in an order that depends on them alone.

    Block descent over thousands of steps turns the last digit of a sum into the third
    of a coefficient where the ridge is weak. Weighted, repeated and shuffled rows lead
    to the same digits when they are the same rows in the same order.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Data.
    Z : ndarray of shape (n_samples, n_covariates)
        Covariates.
    y : ndarray of shape (n_samples,), int
        Classes.
    weight : ndarray of shape (n_samples,)
        Weights, before they are normalized.

    Returns
    -------
    X, Z, y, weight
        One row for each different sample, with the sum of the weights.
    """
    if issparse(X):
        X = csr_matrix(X, copy=True)
        X.sum_duplicates()
        X.eliminate_zeros()
        ends = X.indptr
        parts = (
            _key(X.indices[start:stop], X.data[start:stop])
            for start, stop in itertools.pairwise(ends)
        )
    else:
        parts = (_key(places := np.flatnonzero(x), x[places]) for x in X)
    labels = np.column_stack([Z + 0.0, y])
    keys = [
        hashlib.blake2b(part + label.tobytes(), digest_size=16).hexdigest()
        for part, label in zip(parts, labels, strict=True)
    ]
    _, first, inverse = np.unique(
        np.array(keys), return_index=True, return_inverse=True
    )
    total = np.bincount(inverse.ravel(), weight)
    return X[first], Z[first], y[first], total


def _key(places, values):
    """Bytes of a row, the same for dense and sparse, single and double precision."""
    return places.astype(np.int64).tobytes() + values.astype(np.float64).tobytes()
