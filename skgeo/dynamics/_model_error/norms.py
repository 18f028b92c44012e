"""Root mean squares that neither overflow nor vanish."""

import numpy as np
from sklearn.metrics import r2_score

__all__ = ["r2", "relative_skill", "rms"]


def rms(V: np.ndarray) -> float:
    """Root mean square, whatever the units."""
    scale = np.abs(V).max(initial=0.0)
    if not np.isfinite(scale):
        return float(scale)
    return float(scale * np.sqrt(np.mean((V / scale) ** 2))) if scale > 0 else 0.0


def r2(y: np.ndarray, predicted: np.ndarray, sample_weight=None) -> float:
    """Coefficient of determination, each component in units of its own size."""
    y, predicted = (
        np.asarray(v, np.float64).reshape(len(v), -1) for v in (y, predicted)
    )
    size = np.maximum(np.abs(y).max(axis=0), np.abs(predicted).max(axis=0))
    size[size == 0] = 1.0
    with np.errstate(under="ignore"):
        y, predicted = y / size, predicted / size
    # Deviations at the level of rounding are those of a constant.
    flat = np.ptp(y, axis=0) <= 4 * np.finfo(float).eps
    y = np.where(flat, y[:1], y)
    predicted = np.where(flat & (np.abs(predicted - y) <= 1e-12), y, predicted)
    return float(r2_score(y, predicted, sample_weight=sample_weight))


def relative_skill(corrected: np.ndarray, plain: np.ndarray) -> float:
    """One minus the squared errors over those of the plain model; 0 without errors."""
    size = np.abs(plain).max()
    if not np.isfinite(size):
        raise ValueError("The model blew up: its error, and the skill, are undefined.")
    if size == 0:
        return 0.0
    return float(1 - np.sum((corrected / size) ** 2) / np.sum((plain / size) ** 2))
