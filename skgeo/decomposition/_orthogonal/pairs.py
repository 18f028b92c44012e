"""Pairs of atoms that are better off turned far: maxima of the wrong basin.

Mixtures of two atoms can be a maximum of the contrast too, with a gap of zero and a
negative curvature (codes of 0 and +-1 of which a third is not zero, at 45 degrees).
Only the contrast at angles far from it tells.
"""

import numpy as np

from skgeo.kernels import orthogonal_dictionary as kernels

__all__ = ["better_turns", "turn_rows"]

_ANGLES = np.pi * np.arange(1, 16) / 16.0
_RIGHT = 7  # of them
# Standard errors that a gain has to exceed.
_DOUBT = 1.0
# Pairs are looked at whose moduli or squares are correlated by more than this many
# standard errors of independent ones. Mixtures of independent codes are.
_DEPENDENT = 4.0
_MAX_ROWS = 4096
_TIE = 1e-9  # of a gain


def better_turns(codes, signs, p, doubt=_DOUBT):
    """Disjoint pairs of atoms whose contrast a turn raises beyond doubt.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n)
        Codes.
    signs : ndarray of shape (n,)
        1 for atoms of peaked codes, -1 for flat ones.
    p : {3, 4}
        Exponent.
    doubt : float, default=1.0
        Standard errors that a gain has to exceed: it is the best of many.

    Returns
    -------
    turns : list of (k, m, angle)
        The best first.
    """
    some = np.linspace(0, len(codes) - 1, min(len(codes), _MAX_ROWS)).astype(int)
    C = np.ascontiguousarray(codes[some].T, dtype=np.float64)
    C /= float(np.abs(C).max(initial=0.0)) or 1.0
    related = np.zeros((len(C), len(C)))
    for size in (np.abs(C), C * C):
        size = size - size.mean(axis=1, keepdims=True)
        norm = np.sqrt(np.einsum("ij,ij->i", size, size))
        size /= np.where(norm > 0, norm, 1.0)[:, None]
        related = np.maximum(related, np.abs(size @ size.T))
    pairs = np.argwhere(np.triu(related, 1) > _DEPENDENT / np.sqrt(len(some)))
    if len(pairs) == 0:
        return []
    gain, error = np.empty((2, len(pairs), len(_ANGLES)))
    kernels.turned_pairs(
        C, pairs, signs, np.cos(_ANGLES), np.sin(_ANGLES), p, gain, error
    )
    # A right angle exchanges the two atoms and gains nothing if both are of one kind;
    # then any other angle gains as much as the one a right angle beyond it. Rounding,
    # which another unit of the data changes, must not decide.
    alike = signs[pairs[:, 0]] == signs[pairs[:, 1]]
    gain[alike, _RIGHT] = 0.0
    top = gain.max(axis=1, keepdims=True)
    best = (gain >= top - _TIE * np.abs(top)).argmax(axis=1)
    rows = np.arange(len(pairs))
    gain, error = gain[rows, best], error[rows, best]
    turns, taken = [], set()
    for i in np.argsort(-gain, kind="stable"):
        k, m = map(int, pairs[i])
        if gain[i] > doubt * error[i] and not taken & {k, m}:
            turns.append((k, m, float(_ANGLES[best[i]])))
            taken |= {k, m}
    return turns


def turn_rows(matrix, turns):
    """Turn pairs of rows of a matrix, in place."""
    for k, m, angle in turns:
        c, s = np.cos(angle), np.sin(angle)
        matrix[k], matrix[m] = (
            c * matrix[k] + s * matrix[m],
            c * matrix[m] - s * matrix[k],
        )
