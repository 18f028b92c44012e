"""Root mean squares that neither overflow nor vanish."""

import numpy as np

__all__ = ["relative_skill", "rms", "rms_of_fields", "state_units"]


def rms(V: np.ndarray) -> float:
    """Root mean square, whatever the units."""
    scale = np.abs(V).max(initial=0.0)
    if not np.isfinite(scale):
        return float(scale)
    return float(scale * np.sqrt(np.mean((V / scale) ** 2))) if scale > 0 else 0.0


def rms_of_fields(X: np.ndarray, n_fields: int) -> np.ndarray:
    """Root mean square of each field of states (n, n_features): (n_fields,)."""
    fields = X.reshape(len(X), n_fields, -1)
    return np.array([rms(fields[:, k]) for k in range(n_fields)])


def state_units(X: np.ndarray, n_fields: int) -> np.ndarray:
    """Spread of each field of a state, its natural unit.

    Sums over several fields are taken in these units: what is found must not depend
    on whether a length is given in meters or in millimeters.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        States, fields one after the other; NaN where they are missing.
    n_fields : int
        Number of fields, of n_features / n_fields points each.

    Returns
    -------
    units : ndarray of shape (n_features,)
        Standard deviation of the field that each component belongs to; its size where
        it does not vary.
    """
    fields = X.reshape(len(X), n_fields, -1)
    units = np.ones(n_fields)
    for k in range(n_fields):
        values = np.ma.masked_invalid(fields[:, k])
        deviations = (values - values.mean(axis=0)).compressed()
        units[k] = rms(deviations) or rms(values.compressed()) or 1.0
    return np.repeat(units, fields.shape[2])


def relative_skill(corrected: np.ndarray, plain: np.ndarray, units=1.0) -> float:
    """One minus the squared errors over those of the plain model; 0 without errors."""
    corrected, plain = corrected / units, plain / units
    size = np.abs(plain).max()
    if not np.isfinite(size):
        raise ValueError("The model blew up: its error, and the skill, are undefined.")
    if size == 0:
        return 0.0
    return float(1 - np.sum((corrected / size) ** 2) / np.sum((plain / size) ** 2))
