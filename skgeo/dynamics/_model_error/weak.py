"""The regression problem in weak form: averages over windows of trajectories."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.polynomial import polynomial
from scipy.interpolate import make_interp_spline

__all__ = ["Segment", "WeakDesign", "segments", "weak_design"]

# Shortest automatic window: with fewer points the quadrature shows.
_MIN_WIDTH = 21
# Shortest trajectory, and coarsest grid, that a window fits into.
_MIN_SAMPLES = 11
# Width of a window in shortest waves that stand out of the noise.
_WAVES = 2.2
# Overlap of successive windows: an eighth of a window apart.
_STRIDES = 8


@dataclass
class Segment:
    """A stretch of successive samples.

    Attributes
    ----------
    first, last : int
        Range of the pairs, the last excluded.
    states : ndarray of shape (n_times, n_features)
        States, one more than pairs.
    times : ndarray of shape (n_times,)
        Their times.
    """

    first: int
    last: int
    states: np.ndarray
    times: np.ndarray


def segments(X, Y, steps):
    """Cut pairs into stretches in which each begins where the one before ends.

    Parameters
    ----------
    X, Y : ndarray of shape (n, n_features)
        States and next states; NaN equals NaN.
    steps : ndarray of shape (n, 1)
        Steps.

    Returns
    -------
    segments : list of Segment
        At least one.
    """
    same = (X[1:] == Y[:-1]) | (np.isnan(X[1:]) & np.isnan(Y[:-1]))
    cuts = [0, *(np.flatnonzero(~same.all(axis=1)) + 1), len(X)]
    out = []
    for a, b in pairwise(cuts):
        states = np.concatenate([X[a:b], Y[b - 1 : b]])
        times = np.concatenate([[0.0], np.cumsum(steps[a:b, 0])])
        out.append(Segment(a, b, states, times))
    return out


class WeakDesign:
    """Rows of the regression, one per window and grid point or window of space.

    Attributes
    ----------
    columns : ndarray of shape (n_terms, n_windows, n_rows)
        Averaged terms.
    target : ndarray of shape (n_equations, n_windows, n_rows)
        Averaged increments.
    effective_rows : float
        Number of windows that do not overlap.
    average : callable or None
        Turns tendencies, one row per pair, into the shape of the target.
    noise : tuple of ndarray
        Standard deviation that noise gives to the target, (n_equations,), and to the
        terms, (n_terms,).
    duration, width : int
        Samples and grid points of a window; the latter 1 for windows of time.
    units : float or ndarray of shape (n_equations, 1, 1)
        Spread of the field of each equation, see Design.
    """

    coupled = False
    projected = True  # rows are no states
    equation, divisor = None, 1.0

    def __init__(
        self, columns, target, average, noise, effective_rows, duration, width
    ):
        self.columns, self.target, self.noise = columns, target, noise
        self.average = average
        self.effective_rows = effective_rows
        self.duration, self.width = duration, width
        self.units = 1.0

    def misfit(self, residual, coef):
        """Mean square of what is left, over what the noise of the data explains.

        Of the equation where that is largest.
        """
        target_noise, term_noise = self.noise
        expected = target_noise**2 + coef**2 @ term_noise**2
        left = np.mean(residual**2, axis=(1, 2))
        # Below this the error of the quadrature counts, not the noise.
        floor = 1e-12 * np.mean(self.target**2, axis=(1, 2))
        return float(np.max(left / np.maximum(np.maximum(expected, floor), 1e-300)))

    def matrices(self):
        """Return the design (rows, columns) and the target (rows, targets)."""
        A, Y = self.columns, self.target
        return A.reshape(len(A), -1).T, Y.reshape(len(Y), -1).T


class _Windows:
    """Values of window functions and their derivatives at points.

    Parameters
    ----------
    points : ndarray of shape (n,)
        Positions, increasing.
    centers : ndarray of shape (n_windows,)
        Centers of the windows.
    half : float
        Half their width.
    power : int
        Exponent of ``1 - s^2``.
    weights : ndarray of shape (n,)
        Weights of a quadrature.
    period : float, optional
        Length of a periodic axis.
    """

    def __init__(self, points, centers, half, power, weights, period=None):
        s = points[None, :] - centers[:, None]
        if period is not None:
            s = (s + period / 2) % period - period / 2
        self.s, self.half, self.weights = s / half, half, weights
        self.inside = np.abs(self.s) < 1
        self.coefficients = polynomial.polypow([1.0, 0.0, -1.0], power)

    def __call__(self, order):
        """Derivative of the windows times the weights, (n_windows, n)."""
        c = polynomial.polyder(self.coefficients, order)
        values = polynomial.polyval(self.s, c) / self.half**order
        return np.where(self.inside, values, 0.0) * self.weights


def _noise(U):
    """Standard deviation of white noise per column, from third differences in time."""
    if len(U) < 8:
        return np.zeros(U.shape[1])
    d = U[3:] - 3 * U[2:-1] + 3 * U[1:-2] - U[:-3]
    return np.nanmedian(np.abs(d), axis=0) / 0.6745 / np.sqrt(20)


def _corner(V, sd, periodic=False):
    """Number of half waves up to which the spectrum stands out of the noise.

    Rows are signals. Those that are not periodic are reflected, oddly, after a
    straight line between their ends is taken out.
    """
    n = V.shape[-1]
    if not periodic:
        s = np.linspace(0, 1, n)
        V = V - V[:, :1] - (V[:, -1:] - V[:, :1]) * s
        V = np.concatenate([V, -V[:, ::-1]], axis=1)
    power = np.mean(np.abs(np.fft.rfft(V, axis=1)) ** 2, axis=0) / V.shape[1]
    lost = np.flatnonzero(power[2:] <= 3 * sd**2)
    first = int(lost[0]) + 2 if len(lost) else len(power)
    return max(first * (2 if periodic else 1), 1)


def _automatic(n, corner):
    width = int(np.clip(_WAVES * n / corner, _MIN_WIDTH, max(n // 2, _MIN_WIDTH)))
    return min(width | 1, n)


def _fill_gaps(segment, max_gap):
    """Interpolate short gaps in time, column by column; longer ones stay NaN."""
    U = segment.states
    missing = np.isnan(U)
    if not missing.any() or max_gap == 0:
        return U
    U = U.copy()
    for j in np.flatnonzero(missing.any(axis=0)):
        gone = missing[:, j]
        if (~gone).sum() < 4:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[0], gone, [0]])))
        spline = make_interp_spline(segment.times[~gone], U[~gone, j], k=3)
        for a, b in edges.reshape(-1, 2):
            if b - a <= max_gap and a > 0 and b < len(U):
                U[a:b, j] = spline(segment.times[a:b])
    return U


def _bridged(times, U):
    """Gaps closed by straight lines, for spectra only; columns of nothing are zero."""
    missing = np.isnan(U)
    if not missing.any():
        return U
    U = U.copy()
    for j in np.flatnonzero(missing.any(axis=0)):
        good = ~missing[:, j]
        U[:, j] = np.interp(times, times[good], U[good, j]) if good.any() else 0.0
    return U


def _trapezoid(t):
    w = np.zeros(len(t))
    gaps = np.diff(t)
    w[:-1] += gaps / 2
    w[1:] += gaps / 2
    return w


def weak_design(
    library, n_equations, parts, increments=None, progress=lambda stage: False
):
    """Average terms and increments over windows.

    Parameters
    ----------
    library : WeakLibrary
        Fitted library.
    n_equations : int
        Number of equations.
    parts : list of Segment
        Trajectories.
    increments : ndarray of shape (n, n_features), optional
        Errors of the model per unit of time, one row per pair; None discovers the
        whole tendency.
    progress : callable
        Told of every trajectory.

    Returns
    -------
    design : WeakDesign
        The regression problem.
    """
    states = [_fill_gaps(part, library.max_gap) for part in parts]
    sizes = _window_sizes(library, parts, states, n_equations)
    blocks = []
    for part, U in zip(parts, states, strict=True):
        if len(U) >= sizes[0]:
            mine = None if increments is None else increments[part.first : part.last]
            block = _Block(library, n_equations, part, U, mine, sizes)
            if block.columns.shape[1]:
                blocks.append(block)
            progress("trajectory")
    if not blocks:
        longest = max(len(U) for U in states)
        raise ValueError(
            f"No window of {sizes[0]} samples without long gaps fits into the "
            f"trajectories (the longest has {longest} samples): X and y must be "
            "consecutive states, fit(U[:-1], U[1:]). Lower duration, raise max_gap, or "
            "observe longer."
        )
    if any(block.picked is not None for block in blocks):
        for block in blocks:  # one row per window everywhere
            block.flatten()
    columns = np.concatenate([block.columns for block in blocks], axis=1)
    target = np.concatenate([block.target for block in blocks], axis=1)

    def average(V):
        return np.concatenate([block.average(V) for block in blocks], axis=1)

    (duration, width), rows = sizes, target[0].size
    effective = rows * 2 * _stride(duration) / (duration - 1)
    if library.is_spatial:
        effective *= 2 * _stride(width) / (width - 1)
    longest = int(np.argmax([len(U) for U in states]))
    noise = _noise_of_rows(
        library, n_equations, parts[longest].times, states[longest], sizes
    )
    return WeakDesign(
        columns, target, average, noise, max(effective, 2.0), duration, width
    )


def _noise_of_rows(library, n_equations, times, U, sizes):
    """Standard deviations that the noise of the data gives to target and terms."""
    duration, width = sizes
    sd = _noise(U).reshape(n_equations, -1) if len(U) else np.zeros((n_equations, 1))
    sd = np.sqrt(np.nanmean(sd**2, axis=1))
    step = (times[-1] - times[0]) / (len(times) - 1)
    t = step * np.arange(duration)
    half = step * (duration - 1) / 2
    along = _Windows(t, np.array([half]), half, library.power, np.full(duration, step))
    in_time = [np.sqrt(np.sum(along(order) ** 2)) for order in (0, 1)]
    if not library.is_spatial:
        return sd * in_time[1], np.zeros(len(library.term_names_))
    spacing = library.library_._spacing
    x = spacing * np.arange(width)
    half = spacing * (width - 1) / 2
    windows = _Windows(
        x, np.array([half]), half, library.power, np.full(width, spacing)
    )
    size = np.sqrt(np.nanmean(U.reshape(len(U), n_equations, -1) ** 2, axis=(0, 2)))
    terms = [
        weight
        * _product_noise(factors, size, sd)
        * in_time[0]
        * np.sqrt(np.sum(windows(order) ** 2))
        for factors, order, weight in library._weak
    ]
    across = np.sqrt(np.sum(windows(0) ** 2))
    return sd * in_time[1] * across, np.array(terms)


def _product_noise(factors, size, sd):
    """Noise of a product of fields: each field's, times the size of the others."""
    total = 0.0
    for k in set(factors):
        others = list(factors)
        others.remove(k)
        total += (factors.count(k) * sd[k] * np.prod(size[others])) ** 2
    return np.sqrt(total)


def _stride(size):
    return max(1, (size - 1) // _STRIDES)


def _window_sizes(library, parts, states, n_equations):
    """Samples and grid points of a window."""
    index = int(np.argmax([len(U) for U in states]))
    longest = _bridged(parts[index].times, states[index])
    if len(longest) < _MIN_SAMPLES:
        raise ValueError(
            f"A WeakLibrary needs trajectories: the longest run of consecutive states "
            f"in X and y has {len(longest)}, at least {_MIN_SAMPLES} are needed. Fit "
            "on consecutive states: fit(U[:-1], U[1:])."
        )
    n_points = library.n_points_
    fields = longest.reshape(len(longest), -1, n_points)
    if library.duration == "auto" or (library.is_spatial and library.width == "auto"):
        sd = _noise(longest)
    duration, width = library.duration, library.width
    if duration == "auto":
        # All points of a field have one spectrum; components of a state their own.
        blocks = [slice(None)]
        if not library.is_spatial:
            blocks = [[j] for j in range(longest.shape[1])]
        corners = [
            _corner(longest[:, b].T, np.sqrt(np.mean(sd[b] ** 2))) for b in blocks
        ]
        duration = _automatic(len(longest), max(corners))
    if not library.is_spatial:
        return int(duration), 1
    if width == "auto":
        corners = []
        for f in range(fields.shape[1]):
            noise = np.sqrt(np.mean(sd[f * n_points : (f + 1) * n_points] ** 2))
            corners.append(_corner(fields[:, f], noise, library.library_.periodic))
        width = _automatic(n_points, max(corners))
    if width > n_points or n_points < _MIN_SAMPLES:
        raise ValueError(
            f"A window of {width} points does not fit on a grid of {n_points}: lower "
            "width."
        )
    return int(duration), int(width)


class _Block:
    """Rows of one trajectory, those with missing values left out.

    Attributes
    ----------
    columns : ndarray of shape (n_terms, n_windows, n_rows)
        Averaged terms.
    target : ndarray of shape (n_equations, n_windows, n_rows)
        Averaged increments.
    picked : ndarray of int or None
        Rows kept, where some are left out; windows then have one row each.
    """

    def __init__(self, library, n_equations, part, U, increments, sizes):
        self.part, self.picked = part, None
        times, (duration, width) = part.times, sizes
        missing = np.isnan(U)
        U = np.where(missing, 0.0, U)
        step = (times[-1] - times[0]) / (len(times) - 1)
        half = step * (duration - 1) / 2
        stride = step * _stride(duration)
        count = int((times[-1] - times[0] - 2 * half) / stride + 1e-9) + 1
        centers = times[0] + half + stride * np.arange(count)
        self._shape = (count, n_equations, library.n_points_)
        self._across = {0: None}
        if library.is_spatial:
            self._across = _spatial_windows(library, width)
        along = _Windows(times, centers, half, library.power, _trapezoid(times))
        if increments is None:
            in_time = along(0)
            self.target = self._arrange(-along(1) @ U)
            gone = along.inside.astype(float) @ missing
        else:
            # Increments belong to the middle of their steps; terms are the mean of
            # both ends, through the same weights.
            middle, steps = (times[1:] + times[:-1]) / 2, np.diff(times)
            self._between = _Windows(middle, centers, half, library.power, steps)(0)
            in_time = np.zeros((count, len(times)))
            in_time[:, 1:] += self._between / 2
            in_time[:, :-1] += self._between / 2
            bad = np.isnan(increments)
            self.target = self._arrange(self._between @ np.where(bad, 0.0, increments))
            gone = (self._between != 0).astype(float) @ bad + (in_time != 0) @ missing
        self.columns = self._average_terms(library, U, in_time)
        gone = gone.reshape(self._shape).sum(axis=1)
        if library.is_spatial:
            gone = gone @ (self._across[0] != 0).astype(float)
        if (gone > 0.5).any():
            picked = np.flatnonzero(gone.ravel() < 0.5)
            self.flatten(picked)

    def flatten(self, picked=None):
        """Keep some rows, each in a window of its own."""
        if self.picked is not None:
            return
        rows = self.columns.shape[1] * self.columns.shape[2]
        self.picked = np.arange(rows) if picked is None else picked
        self.columns, self.target = (
            V.reshape(len(V), -1)[:, self.picked, None]
            for V in (self.columns, self.target)
        )

    def _arrange(self, V):
        V = V.reshape(self._shape).transpose(1, 0, 2)
        return V if self._across[0] is None else V @ self._across[0]

    def average(self, V):
        """Average tendencies of all pairs over the windows of this trajectory."""
        V = V[self.part.first : self.part.last]
        V = self._arrange(self._between @ np.where(np.isnan(V), 0.0, V))
        if self.picked is not None:
            V = V.reshape(len(V), -1)[:, self.picked, None]
        return V

    def _average_terms(self, library, U, in_time):
        if not library.is_spatial:
            terms = library._terms(U)
            if not np.isfinite(terms).all():
                raise ValueError(
                    "The library returned NaN or infinity: check its functions on your "
                    "range of values."
                )
            return np.einsum("wt,jtp->jwp", in_time, terms)
        averaged = {f: in_time @ P for f, P in library._products(U).items()}
        return np.stack(
            [w * (averaged[f] @ self._across[order]) for f, order, w in library._weak]
        )


def _spatial_windows(library, width):
    """Windows of space and their derivatives, by order: each (n_points, n_windows)."""
    base, n = library.library_, library.n_points_
    x = base._spacing * np.arange(n)
    half = base._spacing * (width - 1) / 2
    stride = base._spacing * _stride(width)
    if base.periodic:
        count = max(1, round(base._length / stride))
        centers = base._length / count * np.arange(count)
        weights, period = np.full(n, base._spacing), base._length
    else:
        count = int((x[-1] - 2 * half) / stride + 1e-9) + 1
        centers = half + stride * np.arange(count)
        weights, period = _trapezoid(x), None
    windows = _Windows(x, centers, half, library.power, weights, period)
    orders = {order for _, order, _ in library._weak} | {0}
    return {order: (-1) ** order * windows(order).T for order in orders}
