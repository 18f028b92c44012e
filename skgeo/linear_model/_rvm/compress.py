"""Reduce a weighted regression problem to triangular form by one pass over the rows."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack
from scipy.sparse import issparse

__all__ = ["Compressed", "compress", "dense_rows", "power_of_two"]

_EPS = np.finfo(np.float64).eps
_BLOCK = 1024  # rows at a time
_MAX_COND = 300.0  # condition up to which the Gram matrix is accurate enough
_SMALL = 20  # triangles whose singular values cost less than power iterations
_N_POWER = 8  # iterations that estimate it
_MAX_RMS = 1e100  # root mean squares from 1/this to this need no units
_MAX_MEAN_TO_STD = 1e6  # up to this ratio the spread is no rounding error


@dataclass(frozen=True, slots=True)
class Compressed:
    """A regression problem reduced to triangular form, free of units.

    Attributes
    ----------
    design : ndarray of shape (n_features, n_rows)
        Columns of the reduced design, one per row, each of unit norm (or zero, where
        the column is constant), n_rows <= min(n_samples, n_features).
    target : ndarray of shape (n_targets, n_rows)
        Reduced targets.
    unexplained : ndarray of shape (n_targets,)
        Squared norm of the part of each target that no column reaches;
        ``unexplained + sum(target**2)`` is one (zero for a constant target).
    n : float
        Effective number of rows, less one where an intercept is fitted.
    total_weight : float
        Sum of the sample weights.
    x_mean, x_scale : ndarray of shape (n_features,)
        Weighted mean and weighted root mean square about it.
    y_mean, y_scale : ndarray of shape (n_targets,)
        The same of the targets.
    """

    design: np.ndarray
    target: np.ndarray
    unexplained: np.ndarray
    n: float
    total_weight: float
    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray
    y_scale: np.ndarray


def power_of_two(values):
    """Return the power of two just above each value (one for zero)."""
    exponent = np.frexp(values)[1]
    # 2**1024 overflows, and dividing by a subnormal would.
    return np.ldexp(1.0, np.where(values > 0, np.clip(exponent, -1020, 1022), 0))


def dense_rows(X, rows):
    """Rows of a matrix, which may be sparse, as a dense array."""
    return X[rows].toarray() if issparse(X) else X[rows]


def compress(X, Y, weight=None, fit_intercept=True):
    """Reduce weighted least squares to triangular form by one blocked QR pass.

    Parameters
    ----------
    X : ndarray or sparse matrix in CSR format of shape (n_samples, n_features)
        Design. Sparse rows are made dense a block at a time.
    Y : ndarray of shape (n_samples, n_targets)
        Targets.
    weight : ndarray of shape (n_samples,), optional
        Positive weights; a weight of two counts like a repeated row.
    fit_intercept : bool, default=True
        Subtract the weighted means first.

    Returns
    -------
    problem : Compressed
        The reduced problem.
    """
    n_samples, n_features = X.shape
    total = float(n_samples) if weight is None else float(weight.sum())
    if weight is not None:
        weight = weight / total  # sums to one from here on
    R, mean = _one_pass(X, Y, weight, fit_intercept)
    unit, top, try_gram = np.ones(n_features + Y.shape[1]), None, mean is None
    if R is None:
        if weight is None:
            weight = np.full(n_samples, 1.0 / n_samples)
        unit, top, mean = _scales(X, Y, weight, fit_intercept)
        root, center = np.sqrt(weight), mean / unit

        def block(rows, out):
            # Scaled first, so that no difference of large values overflows.
            np.divide(dense_rows(X, rows), unit[:n_features], out=out[:, :n_features])
            np.divide(Y[rows], unit[n_features:], out=out[:, n_features:])
            out -= center
            out *= root[rows, None]

        R = _triangle(block, n_samples, len(unit), try_gram)
    rms = y_rms = np.linalg.norm(R, axis=0)
    constant = np.zeros(len(rms), dtype=bool)
    if top is not None:
        # What is left of a constant column after its mean is taken out is rounding.
        floor = 8 * _EPS * top
        constant = rms <= floor if fit_intercept else rms == 0
        rms[constant] = 1.0
        R[:, constant] = 0.0
        # A constant target has no scale: the rounding of its values gives one.
        y_rms = np.where(constant, np.maximum(floor, _EPS), rms)
    R = R / rms
    y_rms = y_rms[n_features:]
    n_rows = min(len(R), n_features)
    return Compressed(
        design=np.ascontiguousarray(R[:n_rows, :n_features].T),
        target=np.ascontiguousarray(R[:n_rows, n_features:].T),
        unexplained=np.sum(R[n_rows:, n_features:] ** 2, axis=0),
        n=total - float(fit_intercept),
        total_weight=total,
        x_mean=mean[:n_features],
        x_scale=np.where(constant, 0.0, rms * unit)[:n_features],
        y_mean=mean[n_features:],
        y_scale=y_rms * unit[n_features:],
    )


def _one_pass(X, Y, weight, fit_intercept):
    """R of the centered rows by one read of them, and their means.

    R is None if columns are nearly dependent, the means too if they are unreliable.

    Rows are shifted by the mean of a sample of them, their Gram matrix and their sums
    accumulated together, and what is left of the mean is taken out at the end, which
    is accurate as long as it does not exceed the spread. Columns of no spread or
    of extreme units are left to :func:`_scales`.
    """
    n_samples, n_features = X.shape
    width = n_features + Y.shape[1]
    if n_samples <= width:
        return None, None
    shift = np.zeros(width)
    if fit_intercept:
        # A sample from everywhere: rows may be sorted.
        some = slice(None, None, max(1, n_samples // _BLOCK))
        shift[:n_features] = dense_rows(X, some).mean(axis=0)
        shift[n_features:] = Y[some].mean(axis=0)
    gram = np.zeros((width + 1, width + 1))
    buffer = np.empty((_BLOCK, width + 1))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for start in range(0, n_samples, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n_samples))
            part = buffer[: rows.stop - start]
            np.subtract(
                dense_rows(X, rows), shift[:n_features], out=part[:, :n_features]
            )
            np.subtract(Y[rows], shift[n_features:], out=part[:, n_features:-1])
            part[:, -1] = 1.0
            if weight is not None:
                part *= np.sqrt(weight[rows, None])
            gram += part.T @ part
        if weight is None:
            gram /= n_samples
        left, square = gram[:-1, -1], np.diag(gram)[:-1]
        gram = gram[:-1, :-1]
        if fit_intercept:
            if not (2 * left**2 <= square).all():
                return None, None
            gram, shift = gram - np.outer(left, left), shift + left
        spread = np.sqrt(np.diag(gram))
        plain = (spread >= 1 / _MAX_RMS) & (spread <= _MAX_RMS)
        if not (plain & (np.abs(shift) <= _MAX_MEAN_TO_STD * spread)).all():
            return None, None
    return _cholesky(gram), shift


def _cholesky(gram):
    """R from a Gram matrix; None where it is too ill-conditioned for that."""
    norm = np.sqrt(np.diag(gram))
    if norm.all():
        factor, info = lapack.dpotrf(gram / norm / norm[:, None])
        if info == 0 and _condition(factor) < _MAX_COND:
            return np.triu(factor) * norm
    return None


def _condition(R):
    """Condition number of an upper triangle, from below, by power iterations.

    In the 2-norm, which is the one that matters; estimates in the 1-norm are cheap as
    well but too large by up to the number of columns.
    """
    if len(R) <= _SMALL:
        values = np.linalg.svd(np.triu(R), compute_uv=False)
        return values[0] / values[-1] if values[-1] > 0 else np.inf
    R = np.asfortranarray(R)
    first = 1.0 + np.cos(np.arange(len(R)) ** 2)  # no special direction
    largest = smallest = first / np.linalg.norm(first)
    for _ in range(_N_POWER):
        largest = largest / np.linalg.norm(largest)
        largest = blas.dtrmv(R, blas.dtrmv(R, largest), trans=1)
        smallest = smallest / np.linalg.norm(smallest)
        smallest = blas.dtrsv(R, blas.dtrsv(R, smallest, trans=1))
        if not np.isfinite(smallest).all():
            return np.inf
    return np.sqrt(np.linalg.norm(largest) * np.linalg.norm(smallest))


def _scales(X, Y, weight, fit_intercept):
    """Powers of two above the columns of (X, Y), largest values in them, and means."""
    n_features = X.shape[1]
    width = n_features + Y.shape[1]

    def blocks():
        for start in range(0, X.shape[0], _BLOCK):
            rows = slice(start, start + _BLOCK)
            yield weight[rows], dense_rows(X, rows), slice(n_features)
            yield weight[rows], Y[rows], slice(n_features, None)

    top = np.zeros(width)
    for _, block, columns in blocks():
        np.maximum(top[columns], block.max(axis=0), out=top[columns])
        np.maximum(top[columns], -block.min(axis=0), out=top[columns])
    unit = power_of_two(top)
    mean = np.zeros(width)
    if fit_intercept:
        # About the first row, so that the mean of a constant column is exact; in units
        # of the largest value, so that no difference overflows.
        first = np.concatenate([dense_rows(X, slice(1))[0], Y[0]]) / unit
        for part, block, columns in blocks():
            mean[columns] += part @ (block / unit[columns] - first[columns])
        mean = (mean + first) * unit
    return unit, top / unit, mean


def _triangle(block, n_samples, width, try_gram):
    """Return R of the QR factorization of a matrix whose rows ``block`` writes.

    The Cholesky factor of the Gram matrix is R, to relative accuracy cond**2 eps, and
    three times cheaper. A Householder pass is only worth it where the columns are
    ill-conditioned, which includes a target that the features explain almost wholly.
    """
    if try_gram and n_samples > width:
        gram = np.zeros((width, width))
        buffer = np.empty((_BLOCK, width))
        for start in range(0, n_samples, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n_samples))
            part = buffer[: rows.stop - start]
            block(rows, part)
            gram += part.T @ part
        R = _cholesky(gram)
        if R is not None:
            return R
    step = max(4 * width, 2048)
    R = np.empty((0, width))
    for start in range(0, n_samples, step):
        rows = slice(start, min(start + step, n_samples))
        stacked = np.empty((len(R) + rows.stop - start, width), order="F")
        stacked[: len(R)] = R
        block(rows, stacked[len(R) :])
        factor = lapack.dgeqrf(stacked, lwork=64 * width, overwrite_a=1)[0]
        R = np.triu(factor[: min(stacked.shape)])
    return R
