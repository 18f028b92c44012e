"""A few rows or entries that outweigh all others."""

import numpy as np

from skgeo.utils.warn import warn_user

__all__ = ["dominated_features", "dominating_rows", "warn_outweighed"]

# Rows this many times as long as the median one are doubted where they are few and hold
# most of what the objective sums.
_LONG, _FEW_ROWS, _HALF = 10.0, 0.01, 0.5
# Likewise entries, in typical deviations from the median of their feature: beyond what
# exponential values reach in thousands of rows.
_FAR, _FEW_ENTRIES, _MOST = 30.0, 0.25, 0.9


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
        gap = np.abs(X[:, j].astype(np.float64) - np.median(X[:, j]))
        gap = gap[gap > 0]  # sparse rows are at their median most of the time
        if len(gap) == 0:
            continue
        far = gap > _FAR * np.median(gap)
        energy = (gap / gap.max()) ** 2
        few = 0 < far.sum() <= _FEW_ENTRIES * len(gap)
        if few and energy[far].sum() >= _MOST * energy.sum():
            found.append(j)
    return np.array(found, dtype=int)


def warn_outweighed(X, params, mean):
    """Say that a few rows, or entries, outweigh all others."""
    if params.center:
        X = X - mean.astype(X.dtype)
    rows = dominating_rows(X, params.exponent) if params.clip_norm is None else []
    if len(rows) > 0:
        warn_user(
            f"{len(rows)} of {len(X)} rows outweigh the rest, row {rows[0]} first: "
            "atoms follow them. If they are errors, or hold codes for missing values, "
            "drop them or set clip_norm=3."
        )
        return
    features = dominated_features(X)
    if len(features) > 0:
        warn_user(
            f"A few entries outweigh the rest of {len(features)} of {X.shape[1]} "
            f"features, feature {features[0]} first: atoms follow them. If these are "
            "errors, or codes for missing values, replace them."
        )
