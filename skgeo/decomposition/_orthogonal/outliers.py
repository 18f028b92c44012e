"""A few rows or entries that outweigh all others."""

import math

import numpy as np

from skgeo.utils.warn import warn_user

__all__ = [
    "PixelScale",
    "Watch",
    "dominated_features",
    "dominating_rows",
    "warn_outweighed",
]

# Rows this many times as long as the median one are doubted where they are few and hold
# most of what the objective sums.
_LONG, _FEW_ROWS, _HALF = 10.0, 0.01, 0.5
# Likewise entries, in typical deviations from the median of their feature: beyond what
# exponential values reach in thousands of rows.
_FAR, _FEW_ENTRIES, _MOST = 30.0, 0.25, 0.9
# A stream is judged from so many rows on, beside a sample of its rows that is renewed
# whenever they have doubled; a typical value takes so many values beside the median.
_FIRST, _FEWEST = 20, 20
_SAMPLE, _LARGEST_SAMPLE = 64, 512
# Quarters of octaves between outlying pixels and all others: a factor of three.
_APART = 7
# Pixels that a typical value is taken from, at most, and pixels looked at at a time.
_PIXELS, _BLOCK = 1 << 20, 1 << 22
# In between, more is asked for: a stream that is judged often is doubted by chance.
_PLAINLY_ROWS, _PLAINLY_ENTRIES = 0.9, 0.97


def dominating_rows(X, exponent) -> np.ndarray:
    """Indices of a few rows that hold most of the sum of norms to the exponent."""
    scale = np.abs(X).max(initial=0.0)
    if scale == 0:
        return np.empty(0, dtype=int)
    norms = np.linalg.norm(X / scale, axis=1).astype(np.float64)
    long = norms > _LONG * np.median(norms[norms > 0])
    power = (norms / norms.max()) ** exponent
    few = 0 < long.sum() <= max(1, _FEW_ROWS * len(norms))
    if few and power[long].sum() >= _HALF * power.sum():
        return np.flatnonzero(long)
    return np.empty(0, dtype=int)


def dominated_features(X) -> np.ndarray:
    """Indices of features of which a few far entries hold most of the energy."""
    found = []
    for j in range(X.shape[1]):
        column = X[:, j].astype(np.float64)
        gap = np.abs(column - np.median(column))
        gap = gap[gap > 0]  # sparse rows are at their median most of the time
        if len(gap) == 0:
            continue
        far = gap > _FAR * np.median(gap)
        energy = (gap / gap.max()) ** 2
        few = 0 < far.sum() <= _FEW_ENTRIES * len(gap)
        if few and energy[far].sum() >= _MOST * energy.sum():
            found.append(j)
    return np.array(found, dtype=int)


class PixelScale:
    """Usual value of the pixels of images, all taken together, and deviation from it.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_pixels)
        Images.
    """

    def __init__(self, X):
        count = min(len(X), max(1, _PIXELS // X.shape[1]))
        values = X[np.linspace(0, len(X) - 1, count).astype(int)].astype(np.float64)
        self.median = float(np.median(values))
        gap = np.abs(values - self.median)
        gap = gap[gap > 0]  # half of the pixels may be background
        self.spread = float(np.median(gap)) if len(gap) else 0.0

    def dominated_images(self, X) -> np.ndarray:
        """Indices of images with pixels that are few, far, and hold most energy.

        And apart: ink on paper and lights at night are few and far from what is typical
        of the background, but edges have all values in between.
        """
        unit = max(float(X.max()) - self.median, self.median - float(X.min()))
        if not unit > _FAR * self.spread > 0.0:
            return np.empty(0, dtype=int)
        # Counts and energies of deviations by their size, quarters of octaves.
        n_bins = 2 + int(4 * (np.log2(unit) - np.log2(self.spread)))
        counts, energies, largest = np.zeros(n_bins), np.zeros(n_bins), []
        step = max(1, _BLOCK // X.shape[1])
        for start in range(0, len(X), step):
            gap = np.abs(X[start : start + step].astype(np.float64) - self.median)
            size = np.log2(np.maximum(gap, self.spread)) - np.log2(self.spread)
            size = np.minimum((4 * size).astype(int), n_bins - 1)
            power, off = (gap / unit) ** 2, gap > 0
            counts += np.bincount(size[off], minlength=n_bins)
            energies += np.bincount(size.ravel(), power.ravel(), minlength=n_bins)
            largest.append(size.max(axis=1))
        n_far, held = np.cumsum(counts[::-1])[::-1], np.cumsum(energies[::-1])[::-1]
        few = n_far <= max(1, _FEW_ENTRIES * n_far[0])
        below = np.r_[0, np.cumsum(counts)]
        for k in range(math.ceil(4 * math.log2(_FAR)), n_bins):
            apart = below[k] == below[k - _APART]
            if apart and few[k] and held[k] >= _MOST * held[0]:
                return np.flatnonzero(np.concatenate(largest) >= k)
        return np.empty(0, dtype=int)

    def warn(self, X):
        """Say that a few pixels outweigh all others."""
        images = self.dominated_images(X)
        if len(images) > 0:
            warn_user(_PIXELS_OUTWEIGH.format(len(images), len(X), images[0]))


class Watch:
    """Rows and entries of a stream that outweigh all others.

    What is usual is taken from a sample of rows; those far beyond it are counted as
    they come, and what they hold is summed.

    Parameters
    ----------
    n_features : int
        Number of features.
    exponent : {3, 4}
        Exponent that row norms are summed with.
    center : bool
        Whether rows are measured from their median, not from zero.
    """

    def __init__(self, n_features, exponent, center):
        self.exponent, self.center = exponent, center
        self.size = max(_SAMPLE, min(n_features, _LARGEST_SAMPLE))
        self.sample = np.empty((0, n_features))
        self.n_rows, self.n_judged, self.next_renewal = 0, 0, _FIRST
        self.median = np.zeros(n_features)
        self.spread = np.zeros(n_features)
        self.near = np.zeros(n_features)  # mean square, in spreads
        self.off = np.zeros(n_features)  # fraction that is not at the median
        self.far, self.energy = np.zeros(n_features), np.zeros(n_features)
        self.norm, self.usual = 0.0, 0.0  # median norm, mean power beside it
        self.n_long, self.power = 0, 0.0
        self.renewed = self.warned = False

    def add(self, X):
        """Look at the next rows."""
        self.n_rows += len(X)
        recent = X[-self.size :].astype(np.float64)
        self.sample = np.vstack([self.sample, recent])[-self.size :]
        if self.n_rows < _FIRST:
            return
        self.renewed = self.n_rows >= self.next_renewal
        if self.renewed:
            self._renew(X)
            self.next_renewal = 2 * self.n_rows
        fresh = self.n_rows - self.n_judged
        rows = X if fresh <= len(X) else self.sample[-fresh:]
        for start in range(0, len(rows), _LARGEST_SAMPLE):
            self._judge(rows[start : start + _LARGEST_SAMPLE])
        self.n_judged = self.n_rows

    def _renew(self, X):
        """Say anew what is usual, from rows spread over these and from the last."""
        some = np.linspace(0, len(X) - 1, min(len(X), self.size)).astype(int)
        rows = np.vstack([self.sample, X[some].astype(np.float64)])
        self.median = np.median(rows, axis=0)
        gaps = np.abs(rows - self.median)
        old, self.spread = self.spread, np.zeros_like(self.spread)
        for j, gap in enumerate(gaps.T):
            off = gap[gap > 0]
            self.off[j] = len(off) / len(gap)
            if len(off) >= _FEWEST:
                self.spread[j] = np.median(off)
                near = gap[gap <= _FAR * self.spread[j]] / self.spread[j]
                self.near[j] = np.mean(near**2)
        known = (old > 0) & (self.spread > 0)
        ratio = np.divide(old, self.spread, out=np.ones_like(old), where=known)
        self.energy *= np.minimum(ratio, 1e150) ** 2
        norms = _norms(rows - self.median if self.center else rows)
        old, self.norm = self.norm, 0.0
        if (norms > 0).sum() >= _FEWEST:
            self.norm = float(np.median(norms[norms > 0]))
        if self.norm > 0:
            near = norms[norms <= _LONG * self.norm] / self.norm
            self.usual = float(np.mean(near**self.exponent))
            if old > 0:
                self.power *= min(old / self.norm, 1e70) ** self.exponent

    def _judge(self, X):
        """Sum what far entries and long rows hold."""
        limit = _FAR * self.spread
        low, high = self.median - limit, self.median + limit
        reached = (self.spread > 0) & ((X.max(axis=0) > high) | (X.min(axis=0) < low))
        for j in np.flatnonzero(reached):
            gap = np.abs(X[:, j].astype(np.float64) - self.median[j])
            gap = gap[gap > limit[j]] / max(self.spread[j], 1e-100)
            gap = np.minimum(gap, 1e150)
            self.far[j] += len(gap)
            self.energy[j] += np.sum(gap**2)
        if self.norm > 0:
            norms = _norms(X - self.median if self.center else X) / self.norm
            norms = np.minimum(norms[norms > _LONG], 1e70)
            self.n_long += len(norms)
            self.power += float(np.sum(norms**self.exponent))

    def warn(self, clipped):
        """Say once that a few rows or entries outweigh the others."""
        if self.warned or self.n_judged == 0:
            return
        few = 0 < self.n_long <= max(1, _FEW_ROWS * self.n_rows)
        total = self.power + self.n_rows * self.usual
        share = _HALF if self.renewed else _PLAINLY_ROWS
        if few and not clipped and self.power >= share * total:
            self.warned = True
            warn_user(_ROWS.format(self.n_long, self.n_rows, "outweigh the rest"))
            return
        off = self.off * self.n_rows
        few = (self.far > 0) & (self.far <= np.maximum(1, _FEW_ENTRIES * off))
        share = _MOST if self.renewed else _PLAINLY_ENTRIES
        held = self.energy >= share * (self.energy + self.near * self.n_rows)
        features = np.flatnonzero(few & held)
        if len(features) > 0:
            self.warned = True
            warn_user(_ENTRIES.format(len(features), len(self.far), features[0]))


def _norms(X):
    size = float(np.abs(X).max(initial=0.0)) or 1.0
    return np.linalg.norm(X / size, axis=1).astype(np.float64) * size


_ROWS = (
    "{} of {} rows {}: atoms follow them. If they are errors, or hold codes for "
    "missing values, drop them or set clip_norm=3."
)
_ENTRIES = (
    "A few entries outweigh the rest of {} of {} features, feature {} first: atoms "
    "follow them. If these are errors, or codes for missing values, replace them."
)
_PIXELS_OUTWEIGH = (
    "A few pixels of {} of {} images, image {} first, outweigh all others: the "
    "contrast of patches follows them. If these are errors, or codes for missing "
    "values, replace them."
)


def warn_outweighed(X, params, mean) -> bool:
    """Say that a few rows, or entries, outweigh all others; return whether they do."""
    if params.center:
        X = X - mean.astype(X.dtype)
    rows = dominating_rows(X, params.exponent) if params.clip_norm is None else []
    if len(rows) > 0:
        found = f"outweigh the rest, row {rows[0]} first"
        warn_user(_ROWS.format(len(rows), len(X), found))
        return True
    features = dominated_features(X)
    if len(features) > 0:
        warn_user(_ENTRIES.format(len(features), X.shape[1], features[0]))
    return len(features) > 0
