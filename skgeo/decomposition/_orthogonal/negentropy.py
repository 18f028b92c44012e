"""A second opinion: is there a rotation that takes the codes farther from Gaussian?

Near the border between peaked and flat codes the mean of |c|^p tells little, and its
maximum can be at a mixture of atoms.  Negentropy is zero for Gaussian codes alone, and
independent codes have more of it in all than any rotation of them.  It is approximated
by two bounded moments (Hyvarinen, "New approximations of differential entropy for
independent component analysis and projection pursuit", NIPS 1997).
"""

import math
from dataclasses import dataclass

import numpy as np

from skgeo.decomposition._orthogonal.pairs import better_turns
from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.kernels import orthogonal_dictionary as kernels

__all__ = ["SecondOpinion", "mixed_atoms", "negentropies", "second_opinion"]

# The negentropy of a pair has one period in a right angle: quarters of it first, and
# the smallest angles, then those about the best.
_ANGLES, _STRIDE = np.pi / 2 * np.arange(16) / 16.0, 4
# A turn of a pair is taken from this many standard errors of its gain on. All of them
# together must then gain, on rows they were not chosen by, the second number of
# standard errors and the third share of what there was.
_DOUBT, _BEYOND_DOUBT, _SHARE = 1.0, 4.0, 0.05
# Squared sine above which an atom is somewhere else: that of undetermined atoms.
_FAR = 0.06
# Sweeps over the pairs, pairs in a sweep, and rows looked at, at most.
_SWEEPS, _MAX_PAIRS, _MAX_ROWS = 6, 300, 4096
# Pairs are turned when bounded functions of their codes are correlated by more than
# this many standard errors.
_DEPENDENT = 2.0
_FEWEST_ROWS = 40


@dataclass(frozen=True)
class SecondOpinion:
    """A rotation of atoms, and whether rows not used to find it prefer it.

    Attributes
    ----------
    turn : ndarray of shape (r, r)
        Orthogonal; the other atoms are ``turn @ W``.
    displaced : ndarray of shape (r,)
        Squared sine of each atom to the nearest of the others.
    mixed : ndarray of int
        Atoms that the negentropy of rows held out, or the kurtosis, clearly wants
        somewhere else.
    """

    turn: np.ndarray
    displaced: np.ndarray
    mixed: np.ndarray


def negentropies(C):
    """Approximate negentropy of each code, and what every row contributes.

    Parameters
    ----------
    C : ndarray of shape (r, n_samples)
        Codes of mean zero and variance one, one row per atom.

    Returns
    -------
    values : ndarray of shape (r,)
        Zero for Gaussian codes.
    influence : ndarray of shape (n_samples,)
        Derivative of their sum with respect to the weight of a row, up to a constant.
    """
    skewed, size = C * np.exp(-C * C / 2.0), np.abs(C)
    skew, peak = skewed.mean(axis=1), size.mean(axis=1) - kernels.GAUSSIAN_SIZE
    values = kernels.SKEW_WEIGHT * skew**2 + kernels.PEAK_WEIGHT * peak**2
    return values, 2.0 * (
        kernels.SKEW_WEIGHT * skew @ skewed + kernels.PEAK_WEIGHT * peak @ size
    )


def second_opinion(codes):
    """Look for a rotation with more negentropy, starting from the codes as they are.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, r)
        Codes.

    Returns
    -------
    opinion : SecondOpinion or None
        None where there is nothing to turn: too few rows, or codes without variance or
        that determine each other.
    """
    n_rows, r = codes.shape
    if r < 2 or n_rows < max(_FEWEST_ROWS, 4 * r):
        return None
    some = np.linspace(0, n_rows - 1, min(n_rows, _MAX_ROWS)).astype(int)
    C = codes[some].astype(np.float64)
    C /= float(np.abs(C).max()) or 1.0
    C -= C.mean(axis=0)
    root = C.std(axis=0)
    if not root.min() > 1e-9:
        return None
    C /= root
    values, V = np.linalg.eigh(C.T @ C / len(C))
    if not values[0] > 1e-6:
        return None
    whitening = (V / np.sqrt(values)) @ V.T
    C = np.ascontiguousarray((C @ whitening).T)
    learn, judge = np.ascontiguousarray(C[:, ::2]), C[:, 1::2]
    R = np.eye(r)
    for _ in range(_SWEEPS):
        pairs = _dependent_pairs(learn)
        cosines, sines = np.cos(_ANGLES), np.sin(_ANGLES)
        if not kernels.negentropy_sweep(
            learn, R, pairs, cosines, sines, _STRIDE, _DOUBT
        ):
            break
    before, influence_before = negentropies(judge)
    after, influence_after = negentropies(R @ judge)
    gain = after.sum() - before.sum()
    error = (influence_after - influence_before).std() / math.sqrt(judge.shape[1])
    clear = gain > max(_BEYOND_DOUBT * error, _SHARE * before.sum())
    # Back from standardized codes to directions, which are orthogonal up to noise.
    unmixing = (R @ whitening) / root
    turn = polar_factor(unmixing / np.linalg.norm(unmixing, axis=1, keepdims=True))
    displaced = 1.0 - (turn**2).max(axis=0)
    mixed = clear & (displaced > _FAR)
    # The kurtosis of independent codes is extreme at the true atoms, where it is
    # not zero, and sees some codes that the two moments tell little about.
    for k, m, angle in better_turns(C.T, _kurtosis_signs(C), 4, _BEYOND_DOUBT):
        mixed[[k, m]] |= math.sin(2.0 * angle) ** 2 > 4.0 * _FAR * (1.0 - _FAR)
    return SecondOpinion(turn, displaced, np.flatnonzero(mixed))


def mixed_atoms(codes):
    """Atoms that are mixtures by a :func:`second_opinion`; none where it has none."""
    opinion = second_opinion(codes)
    return np.empty(0, dtype=int) if opinion is None else opinion.mixed


def _kurtosis_signs(C):
    square = C * C
    fourth = np.einsum("ij,ij->i", square, square) / C.shape[1]
    return np.where(fourth < 3.0 * square.mean(axis=1) ** 2, -1.0, 1.0)


def _dependent_pairs(C):
    """Pairs whose codes are not independent, the most dependent first."""
    n = C.shape[1]
    bell = np.exp(-C * C / 2.0)
    features = np.stack([np.abs(C), C * bell, bell])
    features -= features.mean(axis=2, keepdims=True)
    norm = np.sqrt(np.einsum("fij,fij->fi", features, features))
    features /= np.where(norm > 0, norm, 1.0)[:, :, None]
    related = np.zeros((len(C), len(C)))
    for one in features:
        for two in features:
            related = np.maximum(related, np.abs(one @ two.T))
    related = np.triu(np.maximum(related, related.T), 1)
    pairs = np.argwhere(related > _DEPENDENT / math.sqrt(n))
    order = np.argsort(-related[pairs[:, 0], pairs[:, 1]], kind="stable")
    return pairs[order[:_MAX_PAIRS]]
