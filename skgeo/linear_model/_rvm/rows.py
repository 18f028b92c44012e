"""What rows are worth: checked sample weights."""

import numbers

import numpy as np

from skgeo.utils.validation import weight_numbers

__all__ = ["row_weights"]

_MOST_ROWS = 1e20  # beyond them differences of log evidence are all rounding errors


def row_weights(sample_weight, n_samples, effective_rows=None):
    """Check sample weights and scale them to a number of effective rows.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float or None
        Weights; None and 1.0 mean that every row counts once.
    n_samples : int
        Number of rows.
    effective_rows : float, optional
        Sum that the weights are scaled to.

    Returns
    -------
    weight : ndarray of shape (n_samples,) or None
        Non-negative weights, some of them positive; None means all one.
    """
    if sample_weight is None or isinstance(sample_weight, numbers.Real):
        value = 1.0 if sample_weight is None else float(sample_weight)
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"sample_weight must be positive, got {value}.")
        if value == 1.0 and effective_rows is None:
            return None
        weight = np.full(n_samples, value)
    else:
        weight = weight_numbers(sample_weight)
        if weight.ndim != 1:
            raise ValueError(
                f"Sample weights must be 1D array or scalar, got {weight.ndim}D."
            )
        if weight.shape != (n_samples,):
            raise ValueError(
                f"sample_weight must have shape ({n_samples},), got {weight.shape}."
            )
        if not np.isfinite(weight).all() or (weight < 0).any():
            raise ValueError("sample_weight must be finite and non-negative.")
        if not weight.any():
            raise ValueError("sample_weight is zero for every sample.")
    if effective_rows is not None:
        weight = weight / weight.max()
        weight = weight * (effective_rows / weight.sum())
    top = weight.max()
    if np.sum(weight / top) > _MOST_ROWS / top:
        raise ValueError(
            f"Rows are worth up to {top:g} each (sample_weight, or effective_rows), "
            f"while at most {_MOST_ROWS:g} in total is possible. Weights count repeats "
            "of a row; divide them by their mean where they are only relative."
        )
    return weight
