"""Peaked codes or flat ones: signs of the contrast."""

import math

import numpy as np

__all__ = ["SignMoments", "contrast_signs", "shared_signs"]

# Variance, times the number of rows, of E|c|^p / ((p-1) E|c|^(p-2) E c^2) - 1 for
# Gaussian codes, and the standard errors from which on such a value has a clear sign.
_EXCESS_VARIANCE = {3: 7.0 * math.pi / 8.0 - 2.0, 4: 8.0 / 3.0}
_CLEAR = 3.0


def contrast_signs(low, square, power, p):
    """1 for peaked codes and -1 for flat ones, by means of |c|^(p-2), c^2 and |c|^p."""
    return np.where(power < (p - 1) * low * square, -1.0, 1.0)


def shared_signs(low, square, power, p, inverse_rows):
    """Signs of the contrast, shared by atoms of which too little is known.

    Far from a dictionary every code is a mixture close to a Gaussian one, and what it
    seems to be is chance, of which half of the atoms would follow each sign. The mean
    over the atoms has a smaller standard error, and what it estimates changes little
    when the atoms turn.

    Parameters
    ----------
    low, square, power : ndarray of shape (r,)
        Means of |c|^(p-2), c^2 and |c|^p.
    p : {3, 4}
        Exponent of the contrast.
    inverse_rows : float
        One over the number of rows that these means amount to.

    Returns
    -------
    signs : ndarray of shape (r,)
        1 for peaked and -1 for flat codes: an atom's own where that is clear, otherwise
        that of the mean of all such atoms where that is, and else its own again.
    """
    signs = contrast_signs(low, square, power, p)
    level = (p - 1) * low * square
    excess = np.divide(power - level, level, out=np.zeros_like(level), where=level > 0)
    error = math.sqrt(_EXCESS_VARIANCE[p] * inverse_rows)
    unclear = np.flatnonzero(np.abs(excess) <= _CLEAR * error)
    if len(unclear):
        pooled = excess[unclear].mean()
        if abs(pooled) > _CLEAR * error / math.sqrt(len(unclear)):
            signs[unclear] = math.copysign(1.0, pooled)
    return signs


class SignMoments:
    """Running moments of the codes of rows as met, which decide about signs.

    Parameters
    ----------
    n : int
        Number of atoms.
    p : {3, 4}
        Exponent of the contrast.

    Attributes
    ----------
    low, square, power : ndarray of shape (n,)
        Means of |code|^(p-2), code^2 and |code|^p.
    inverse_rows : float
        One over the number of rows that these amount to.
    """

    def __init__(self, n, p):
        self.p, self.inverse_rows = p, 0.0
        self.low, self.square, self.power = np.zeros((3, n))

    def update(self, means, unit, weight, n_rows):
        """Mix in the means over new rows, of codes 2**unit times too small."""
        for own, new, k in zip(self._means(), means, self._powers(), strict=False):
            own += weight * (np.ldexp(new, k * unit) - own)
        self.inverse_rows = (1.0 - weight) ** 2 * self.inverse_rows + weight**2 / n_rows

    def reset(self, codes):
        """Take the means over other codes."""
        for own, k in zip(self._means(), self._powers(), strict=True):
            own[:] = (np.abs(codes) ** k).mean(axis=0)
        self.inverse_rows = 1.0 / len(codes)

    def rescale(self, shift):
        """Express codes in units 2**-shift times as large."""
        for own, k in zip(self._means(), self._powers(), strict=True):
            own[:] = np.ldexp(own, k * shift)

    def signs(self):
        """Signs of the contrast of all atoms."""
        return shared_signs(*self._means(), self.p, self.inverse_rows)

    def _means(self):
        return self.low, self.square, self.power

    def _powers(self):
        return self.p - 2, 2, self.p
