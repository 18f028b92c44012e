"""Masked arrays of NumPy where no number may be missing."""

import numpy as np

__all__ = ["refuse_masked"]


def _has_masked(values):
    """Whether an entry of an array, or of a list of arrays or numbers, is masked."""
    if isinstance(values, (list, tuple)):
        return any(_has_masked(part) for part in values)
    return bool(np.ma.is_masked(values))


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
    if _has_masked(values):
        raise ValueError(
            f"{name} has masked entries, whose values are not known: fill them in, or "
            "leave out what they belong to."
        )
