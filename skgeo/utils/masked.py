"""Masked arrays of NumPy where no number may be missing."""

import numpy as np

__all__ = ["refuse_masked"]


def _n_masked(values):
    """Number of masked entries of an array, or of a list of arrays or numbers."""
    if isinstance(values, (list, tuple)):
        return sum(_n_masked(part) for part in values)
    return int(np.ma.count_masked(values)) if np.ma.is_masked(values) else 0


def refuse_masked(values, name):
    """Refuse masked entries, under whose mask there may be any number.

    Parameters
    ----------
    values : object
        Array-like, perhaps a masked array of NumPy or a list of them.
    name : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        If an entry is masked.
    """
    if count := _n_masked(values):
        raise ValueError(
            f"{name} has masked entries ({count}), whose values are not known: fill "
            "them in (filled), or leave out what they belong to."
        )
