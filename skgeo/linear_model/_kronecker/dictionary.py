"""Checks and scaling of Kronecker dictionaries and their measurements."""

import math

import numpy as np

from skgeo.linear_model._kronecker.posterior import kron_outer
from skgeo.linear_model._kronecker.products import shift, user_products
from skgeo.utils.masked import refuse_masked
from skgeo.utils.warn import warn_user

__all__ = [
    "Dictionary",
    "apply_factors",
    "check_factors",
    "check_measurements",
    "finite",
    "flat_rows",
    "indistinguishable",
    "is_parametric",
    "n_dims",
    "on_grid",
    "warn_of_twins",
]


# Columns whose normalized inner product is this near to one are told apart by nothing.
_TWINS = 1e-6
# Codes this small, relative to the largest, do not count.
_NEGLIGIBLE = 1e-12
# Magnitudes of columns whose squares, scaled, neither vanish nor overflow.
_RANGE = (1e-290, 1e290)


# Error of derivatives, relative to their size, beyond which they are called wrong.
_MAX_SLOPE_ERROR = 0.05


def check_factors(factors, name="factors", *, any_magnitude=False):
    """Check the factors of a Kronecker dictionary.

    Parameters
    ----------
    factors : sequence of array-like of shape (m_i, n_i)
        Factors, real or complex.
    name : str, default="factors"
        Name used in messages.
    any_magnitude : bool, default=False
        Take columns that cannot be scaled to unit norm.

    Returns
    -------
    factors : list of ndarray of shape (m_i, n_i)
        float64, or complex128 if one of them is complex.
    """
    if isinstance(factors, np.ndarray) and factors.ndim == 2:
        raise ValueError(
            f"{name} must be a list of 2-D arrays, one per mode; got one 2-D array. "
            f"Put it into a list: [{name}]."
        )
    refuse_masked(list(factors) if hasattr(factors, "__iter__") else factors, name)
    try:
        arrays = [np.asarray(H) for H in factors]
    except TypeError as error:
        raise ValueError(
            f"{name} must be a list of 2-D arrays, one per mode; got {factors!r}."
        ) from error
    if not arrays:
        raise ValueError(f"{name} is empty: give one 2-D array per mode.")
    dtype = np.float64
    for i, H in enumerate(arrays):
        if H.ndim != 2 or H.size == 0 or H.dtype.kind not in "fiubc":
            raise ValueError(
                f"{name}[{i}] must be a non-empty 2-D array of numbers; got shape "
                f"{H.shape} and dtype {H.dtype}."
            )
        if not np.isfinite(H).all():
            raise ValueError(f"{name}[{i}] contains NaN or infinity.")
        # float64: the ends of the range are no numbers of smaller floats.
        sizes = np.abs(H).max(axis=0).astype(np.float64)
        sizes = sizes[sizes > 0]
        ordinary = not len(sizes) or (
            sizes.min() >= _RANGE[0] and sizes.max() <= _RANGE[1]
        )
        if not (ordinary or any_magnitude):
            raise ValueError(
                f"{name}[{i}] has columns of magnitude {sizes.min():.3g} to "
                f"{sizes.max():.3g}, where floating-point numbers lose digits or "
                f"overflow. Scale its columns to within {_RANGE[0]:g} and "
                f"{_RANGE[1]:g}."
            )
        if H.dtype.kind == "c":
            dtype = np.complex128
    arrays = [np.ascontiguousarray(H, dtype=dtype) for H in arrays]
    if not all(np.isfinite(H).all() for H in arrays):
        raise ValueError(f"{name} exceeds the range of float64.")
    return arrays


def is_parametric(factor):
    """Whether a factor returns columns for points, and their derivatives."""
    return callable(factor) and hasattr(factor, "points")


def on_grid(factor, i):
    """Columns of a parametric factor on its grid, checked with their derivatives.

    Parameters
    ----------
    factor : object
        Parametric factor.
    i : int
        Its mode, for messages.

    Returns
    -------
    columns : ndarray of shape (m, n)
        Columns at the points of the grid.
    """
    points = np.asarray(factor.points)
    if points.ndim != 1 or points.size == 0 or points.dtype.kind not in "fiu":
        raise ValueError(
            f"factors[{i}].points must be a non-empty 1-D array of real numbers; got "
            f"shape {points.shape} and dtype {points.dtype}."
        )
    columns = factor(points)
    refuse_masked([factor.points, columns], f"factors[{i}]")
    columns = np.asarray(columns)
    if not callable(getattr(factor, "derivative", None)):
        raise ValueError(
            f"factors[{i}] has points but no method derivative(points), which tells "
            "how its columns change with them."
        )
    slopes = np.asarray(factor.derivative(points))
    if columns.shape != slopes.shape or columns.shape[1:] != points.shape:
        raise ValueError(
            f"factors[{i}] returns columns of shape {columns.shape} and derivatives of "
            f"shape {slopes.shape} for {len(points)} points; both must be (m, "
            f"{len(points)})."
        )
    if slopes.dtype.kind not in "fiubc" or not np.isfinite(slopes).all():
        raise ValueError(
            f"factors[{i}].derivative returns NaN, infinity or no numbers on the grid."
        )
    _check_slopes(factor, i)
    return columns


def _check_slopes(factor, i):
    """Compare derivatives of a parametric factor with differences of its columns.

    Points under wrong ones would stay where they are, or move to wrong places.
    """
    grid = np.unique(np.asarray(factor.points, dtype=np.float64))
    # Off the grid, where kinks and peaks are likely to be.
    at = grid[:-1] + 0.3 * np.diff(grid) if len(grid) > 1 else grid
    slopes = np.asarray(factor.derivative(at))
    if len(grid) > 1:
        local = np.diff(grid)
        gap = np.median(local)
    else:  # where the columns have changed by their size
        steepest = np.abs(slopes).max(initial=0.0)
        gap = np.abs(np.asarray(factor(at))).max(initial=0.0) / max(steepest, 1e-300)
        local = gap = gap if 0.0 < gap < _RANGE[1] and steepest > 0 else 1.0
    # Steps of which columns in single precision are differences, too.
    h = np.maximum(1e-3 * local, max(1e-5 * gap, 1e-9 * np.abs(grid).max()))
    ahead, behind = np.asarray(factor(at + h)), np.asarray(factor(at - h))
    if not all(np.isfinite(A).all() for A in (slopes, ahead, behind)):
        return  # where points may move will tell
    unit = max(np.abs(ahead).max(), np.abs(behind).max(), 1e-300)
    change = (ahead / unit - behind / unit) / (2.0 * h)
    size = np.maximum(np.abs(change).max(axis=0), 1e-4 / gap)
    gap_of = np.abs(slopes / unit - change).max(axis=0) / size
    wrong = gap_of > _MAX_SLOPE_ERROR
    if np.mean(wrong) > 0.5:
        k = int(np.argmax(gap_of))
        raise ValueError(
            f"factors[{i}].derivative is not the derivative of its columns: at the "
            f"point {at[k]:.6g} it differs from differences of columns by "
            f"{gap_of[k]:.3g} times their size. It is asked for the derivative with "
            "respect to the points that the factor is called with, in their unit."
        )


def check_measurements(X, factors, name="X", *, allow_nan=False):
    """Check complex measurements, which scikit-learn's validation refuses."""
    refuse_masked(X, name)
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "fiubc":
        raise ValueError(
            f"{name} must be a 2-D array of numbers, one measurement vector per row; "
            f"got shape {X.shape} and dtype {X.dtype}. Reshape your data."
        )
    if len(X) == 0:
        raise ValueError(f"Found {name} with 0 sample(s) while 1 is required.")
    if X.dtype.kind == "c" and factors[0].dtype.kind != "c":
        raise ValueError(
            f"Complex data not supported: {name} is complex and the factors are real. "
            "Make one of the factors complex, or take the real part."
        )
    if np.isinf(X).any() if allow_nan else not np.isfinite(X).all():
        raise ValueError(
            f"Input {name} contains {'' if allow_nan else 'NaN or '}infinity."
        )
    return np.ascontiguousarray(X, dtype=factors[0].dtype)


def _divided(values, mantissa, power, unit):
    """Values times a unit over norms ``mantissa * 2**power``.

    With powers of two apart, extreme units cancel before anything overflows.
    """
    part, unit_power = math.frexp(unit)
    with np.errstate(over="ignore", under="ignore"):
        out = shift(values * (part / mantissa), unit_power - power)
    size = np.abs(values)
    used = size > _NEGLIGIBLE * size.max(initial=0.0)
    if np.any(np.abs(out[used]) < np.finfo(np.float64).tiny):
        warn_user(
            "Codes are too small for floating-point numbers in the units of the data "
            "and factors, and lose digits or vanish (reconstructions do not). Give the "
            "data or the factors in other units."
        )
    return out


class Dictionary:
    """A Kronecker dictionary with unit columns, and the way back.

    Attributes
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors, columns of unit norm (or zero).
    norms : list of ndarray of shape (n_i,)
        Norms that were divided out (one for a zero column).
    shape, code_shape : tuple of int
        (m_1, ..., m_I) and (n_1, ..., n_I).
    """

    def __init__(self, factors):
        self.factors, self.norms = [], []
        for H in factors:
            # Squares of extreme values overflow: take the largest out first.
            top = np.abs(H).max(axis=0)
            top = np.where(top > 0, top, 1.0)
            scaled = H / top
            norm = np.linalg.norm(scaled, axis=0)
            norm = np.where(norm > 0, norm, 1.0)
            self.factors.append(scaled / norm)
            self.norms.append(top * norm)
        self.shape = tuple(len(H) for H in factors)
        self.code_shape = tuple(H.shape[1] for H in factors)

    @property
    def is_complex(self):
        return self.factors[0].dtype.kind == "c"

    @property
    def n_measurements(self):
        return math.prod(self.shape)

    @property
    def n_codes(self):
        return math.prod(self.code_shape)

    def kept(self, gammas):
        """Factors and variances of the codes whose variance is not zero.

        Where none is left, one stands in, at variance zero: no mode is ever empty.
        """
        support = [np.flatnonzero(g) if g.any() else np.arange(1) for g in gammas]
        return (
            [H[:, s] for H, s in zip(self.factors, support, strict=True)],
            [g[s] for g, s in zip(gammas, support, strict=True)],
            support,
        )

    def scatter(self, values, support, unit):
        """Put values of kept codes in place, in the units of the user.

        ``values`` has shape (..., n_kept); ``unit`` is that of the measurements.
        """
        lead = values.shape[:-1]
        tensor = values.reshape(*lead, *(len(s) for s in support))
        mantissas, powers = zip(
            *(np.frexp(n[s]) for n, s in zip(self.norms, support, strict=True)),
            strict=True,
        )
        power = np.int64(0)
        for p in powers:
            power = np.add.outer(power, p)
        full = np.zeros(lead + self.code_shape, dtype=values.dtype)
        where = tuple(np.arange(n) for n in lead) + tuple(support)
        full[np.ix_(*where)] = _divided(tensor, kron_outer(mantissas), power, unit)
        return full.reshape(*lead, self.n_codes)

    def scatter_codes(self, values, codes, unit):
        """Put values of a list of codes in place, in the units of the user.

        ``values`` has shape (..., k), ``codes`` (n_modes, k).
        """
        mantissas, powers = zip(
            *(np.frexp(n[k]) for n, k in zip(self.norms, codes, strict=True)),
            strict=True,
        )
        full = np.zeros((*values.shape[:-1], self.n_codes), dtype=values.dtype)
        where = np.ravel_multi_index(tuple(codes), self.code_shape)
        full[..., where] = _divided(
            values, math.prod(mantissas), np.sum(powers, axis=0), unit
        )
        return full

    def user_gammas(self, gammas, unit):
        """Variances in the units of the user; the last mode carries the scale."""
        out, mantissa, exponent = [], 1.0, 0
        with np.errstate(over="ignore", under="ignore"):
            for g, norm in zip(gammas, self.norms, strict=True):
                low = norm.min()
                scaled = g / (norm / low) / (norm / low)
                size = np.linalg.norm(scaled) if len(out) < len(gammas) - 1 else 1.0
                if size > 0:
                    scaled = scaled / size
                # Powers of two apart, so that extreme units can cancel.
                for factor in (1.0 / low, 1.0 / low, size if size > 0 else 1.0):
                    part, power = math.frexp(factor)
                    mantissa, exponent = mantissa * part, exponent + power
                out.append(scaled)
            part, power = math.frexp(unit)
            out[-1] = np.ldexp(out[-1] * (mantissa * part**2), exponent + 2 * power)
        return out


def n_dims(X):
    """Number of dimensions of an array-like; zero if it is ragged."""
    if hasattr(X, "shape"):
        return len(X.shape)
    try:
        return np.asarray(X).ndim
    except ValueError:
        return 0


def flat_rows(A, shape, name, factors="factors"):
    """Rows that are tensors as vectors, and masked entries as NaN.

    Parameters
    ----------
    A : array-like
        Rows, vectors or tensors.
    shape : tuple of int
        Rows of the factors, which tensors must have. Nothing is a tensor where there
        is one factor.
    name, factors : str
        Names of the rows and of the factors, for messages.

    Returns
    -------
    rows : array-like
        ``A`` itself where it has nothing of both.
    """
    if isinstance(A, (list, tuple)) and any(np.ma.is_masked(row) for row in A):
        A = np.ma.array(A)
    if isinstance(A, np.ma.MaskedArray):
        kind = np.complex128 if A.dtype.kind == "c" else np.float64
        A = A.astype(kind).filled(np.nan)
    if n_dims(A) <= 2 or len(shape) == 1:
        return A
    A = np.asarray(A)
    if A.shape[1:] != shape:
        raise ValueError(
            f"{name} has tensors of shape {A.shape[1:]}, but {factors} have {shape} "
            "rows."
        )
    return A.reshape(len(A), -1)


def finite(values, name):
    """Replace what overflowed by the largest number, with a warning.

    Parameters
    ----------
    values : ndarray
        Values in the units of the user, without NaN.
    name : str
        What they are.

    Returns
    -------
    values : ndarray
        Finite values.
    """
    if np.isfinite(values).all():
        return values
    warn_user(
        f"{name} exceeds the range of floating-point numbers in the units of the data "
        "and is cut off there. Give the data or the factors in other units."
    )
    largest = np.finfo(np.float64).max
    return np.clip(values, -largest, largest)


def indistinguishable(factor, kept):
    """Pairs of columns of a factor, the first one kept, that differ by a scale only.

    Parameters
    ----------
    factor : ndarray of shape (m, n)
        Factor with columns of unit norm (or zero).
    kept : ndarray of int
        Indices kept.

    Returns
    -------
    pairs : ndarray of int of shape (n_pairs, 2)
        Index kept, and the other one.
    """
    coherence = np.abs(factor[:, kept].conj().T @ factor)
    coherence[np.arange(len(kept)), kept] = 0.0
    first, second = np.nonzero(coherence > 1.0 - _TWINS)
    return np.column_stack([kept[first], second])


def warn_of_twins(factors, kept, measured=None):
    """Find, and warn of, kept columns that others equal but for a scale.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors with columns of unit norm (or zero).
    kept : list of ndarray of int
        Indices kept in each mode.
    measured : ndarray of bool of shape (m_1, ..., m_I), optional
        Entries that were measured in any row: columns may differ elsewhere only.

    Returns
    -------
    pairs : list of ndarray of int of shape (n_pairs_i, 2)
        In each mode, index kept and indistinguishable other index.
    """
    if measured is not None:
        factors = [_seen_rows(H, measured, i) for i, H in enumerate(factors)]
    pairs = [indistinguishable(H, k) for H, k in zip(factors, kept, strict=True)]
    if any(len(p) for p in pairs):
        mode = next(i for i, p in enumerate(pairs) if len(p))
        one, other = pairs[mode][0]
        warn_user(
            f"Codes are not identifiable: in mode {mode} the kept column {one} and "
            f"column {other} differ by a scale only, so that the data cannot tell "
            f"which of them is in use ({sum(map(len, pairs))} such pairs, see "
            "indistinguishable_). The reconstructed measurements are not affected."
        )
    return pairs


def _seen_rows(H, measured, i):
    """Rows of factor i of which anything was measured, its columns of norm one."""
    axes = tuple(j for j in range(measured.ndim) if j != i)
    H = H[measured.any(axis=axes)]
    norms = np.linalg.norm(H, axis=0)
    return H / np.where(norms > 0, norms, 1.0)


def apply_factors(factors, codes, name="A measurement"):
    """Measurements (n_samples, prod m_i) of codes (n_samples, prod n_i)."""
    sizes = [H.shape[1] for H in factors]
    product = user_products(codes.reshape(-1, *sizes), factors, name)
    return product.reshape(len(codes), -1)
