"""What codes are worth, and what is done to them."""

import math

import numpy as np
from scipy.special import ndtri

from skgeo.decomposition._orthogonal.signs import contrast_signs
from skgeo.kernels import orthogonal_dictionary as kernels

__all__ = [
    "code_powers",
    "code_quality",
    "contrast_gain",
    "correlated_atoms",
    "energy_kept",
    "shrink_codes",
    "undetermined_atoms",
    "unseen_atoms",
]

# Share of independent codes mixed into a correlation, lest it be singular.
_BLUR = 1e-3
# Share of the variance of a code that others do not explain, below which it is not one
# of its own. Codes of pictures, and recovered ones, have more than .8, those of skewed
# dictionaries, which whitening helps, more than .2.
_UNEXPLAINED = 0.1
_FEWEST_ROWS, _MAX_ROWS = 40, 4096
# Eigenvalues of a correlation matrix that are rounding.
_NULL = 1e-8
# Predicted squared error of an atom above which it is not determined. Atoms fitted to
# Gaussian rows, 100 to 20,000 of 3 to 40 features, have predictions of .07 or more but
# for the best of one fit in twelve; those of codes recovered to 0.2 have less than .05.
_UNDETERMINED = 0.06


def code_quality(codes):
    """How far codes are from Gaussian and correlated ones, as in ``score``.

    The sum of the entropies of the codes is the smaller the better independent codes
    are taken apart, whatever their distribution and however they were found.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, r)
        Codes; neither their mean nor their size matters.

    Returns
    -------
    quality : float
        ``1 - exp(-2 h)``, or the same of -h with a minus where h is negative, with h
        the mean negentropy per atom less the mutual information per atom of Gaussian
        codes correlated alike. ``exp(-2 h)`` is an entropy power, one for Gaussian
        codes of the same covariance.
    """
    C = codes.astype(np.float64)
    size = np.abs(C).max(axis=0, initial=0.0)
    alive = size > 0
    C = C[:, alive] / size[alive]
    C -= C.mean(axis=0)
    root = C.std(axis=0)
    alive = root > 1e-12
    n_rows, r = len(C), int(alive.sum())
    if r == 0:
        return 0.0
    C = C[:, alive] / root[alive]
    # Directions in which the rows do not vary say nothing, and those in which they
    # hardly do would count without limit.
    values = np.linalg.eigvalsh(C.T @ C / n_rows)
    values = values[values > _NULL]
    shared = -0.5 * np.log((1 - _BLUR) * values + _BLUR).sum() / r
    gaussian = ndtri((np.arange(n_rows) + 0.5) / n_rows)[:, None]
    negentropy = _entropies(gaussian / gaussian.std()) - _entropies(C).mean()
    h = negentropy[0] - shared
    return float(-np.sign(h) * np.expm1(-2.0 * abs(h)))


def _entropies(C):
    """Entropies of the columns from spacings (Vasicek 1976), with the same bias each.

    Spacings below a millionth count as such: values that repeat would have an entropy
    of minus infinity.
    """
    n_rows = len(C)
    m = max(1, round(math.sqrt(n_rows) / 2))
    low = np.maximum(np.arange(n_rows) - m, 0)
    high = np.minimum(np.arange(n_rows) + m, n_rows - 1)
    C = np.sort(C, axis=0)
    spacing = np.maximum(C[high] - C[low], 1e-6)
    return np.log(spacing * (n_rows / (high - low))[:, None]).mean(axis=0)


def correlated_atoms(codes):
    """Atoms whose codes the others all but determine.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, r)
        Codes.

    Returns
    -------
    atoms : ndarray of int
        Those whose codes a linear combination of the others explains but for a tenth of
        their variance; none where there are too few rows to tell.
    """
    n_rows, r = codes.shape
    if r < 2 or n_rows < max(_FEWEST_ROWS, 4 * r):
        return np.empty(0, dtype=int)
    some = np.linspace(0, n_rows - 1, min(n_rows, _MAX_ROWS)).astype(int)
    C = codes[some].astype(np.float64)
    C /= float(np.abs(C).max()) or 1.0
    C -= C.mean(axis=0)
    size = np.sqrt(np.einsum("ij,ij->j", C, C))
    alive = np.flatnonzero(size > 1e-9 * size.max())
    C = C[:, alive] / size[alive]
    unexplained = 1.0 / np.diag(np.linalg.inv(C.T @ C + 1e-9 * np.eye(len(alive))))
    return alive[unexplained < _UNEXPLAINED]


def energy_kept(X, components, unmixing):
    """Fractions of the energy of each row that its largest codes keep.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, without the mean where it is removed.
    components, unmixing : ndarray of shape (r, n_features)
        Atoms, and what takes rows to codes.

    Returns
    -------
    kept : ndarray of shape (n_samples, 3)
        Energies kept by a twentieth, a tenth and a fifth of the codes, relative to
        the mean energy of the rows.
    """
    X = X / (float(np.abs(X).max(initial=0.0)) or 1.0)
    energy = (X**2).sum(axis=1)
    total = float(energy.mean()) or 1.0
    codes, kept = X @ unmixing.T, []
    for parts in (5, 10, 20):
        codes = shrink_codes(codes, "top_k", 0.0, max(1, len(components) // parts))
        kept.append(energy - ((X - codes @ components) ** 2).sum(axis=1))
    return np.column_stack(kept[::-1]) / total


def shrink_codes(codes, rule, threshold, n_kept):
    """Apply one of the rules of ``transform_algorithm``, in place where possible."""
    threshold = min(threshold, float(np.finfo(codes.dtype).max))
    if rule == "threshold" and threshold > 0.0:
        codes[np.abs(codes) <= threshold] = 0.0
    elif rule == "soft":
        codes = np.sign(codes) * np.maximum(np.abs(codes) - threshold, 0.0)
    elif rule == "top_k":
        n = codes.shape[1]
        small = np.argpartition(np.abs(codes), n - n_kept, axis=1)[:, : n - n_kept]
        np.put_along_axis(codes, small, 0.0, axis=1)
    return codes


def contrast_gain(codes, others, p):
    """How much larger the signed mean of |c|^p is for other codes of the same rows.

    Parameters
    ----------
    codes, others : ndarray of shape (n_samples, r)
        Codes of two dictionaries of one subspace.
    p : {3, 4}
        Exponent of the contrast.

    Returns
    -------
    gain, error : float
        Change of ``sum_k s_k (E|c_k|^p - g)``, where g is the value for Gaussian codes
        of the mean power, s_k the sign of the contrast of atom k for either codes, and
        its standard error.
    """
    unit = float(np.abs(codes).max(initial=0.0)) or 1.0
    gaussian = 2.0 * math.sqrt(2.0 / math.pi) if p == 3 else 3.0
    gaussian *= np.mean((codes / unit) ** 2) ** (p / 2)
    values = []
    for C in (codes, others):
        size = np.abs(C / unit)
        low, square, power = size ** (p - 2), size**2, size**p
        means = (moment.mean(axis=0) for moment in (low, square, power))
        values.append((power - gaussian) @ contrast_signs(*means, p))
    change = values[1] - values[0]
    return float(change.mean()), float(change.std()) / math.sqrt(len(codes))


def unseen_atoms(codes, p):
    """Atoms that independent codes like these leave undetermined.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, r)
        Codes.
    p : {3, 4}
        Exponent of the contrast.

    Returns
    -------
    unseen : ndarray of int
        Atoms whose squared sine to the truth is expected to be large.
    """
    C = codes.astype(np.float64)
    size = np.abs(C).max(axis=0, initial=0.0)
    C /= np.where(size > 0, size, 1.0)
    tally = np.zeros((4, C.shape[1]))
    if len(C):
        kernels.code_moments(C, p, *tally)
        tally *= len(C)
    return undetermined_atoms(tally, len(C), p)


def code_powers(p):
    """Powers of the moduli of codes whose sums :func:`undetermined_atoms` takes."""
    return p - 2, 2, p, 2 * p - 2


def undetermined_atoms(tally, n_rows, p):
    """Atoms that independent codes of these moments leave undetermined.

    With h(c) = p |c|^(p-1) sign(c) - p (p-1) E|c|^(p-2) c, which Gaussian codes are
    blind to, the atoms of N rows err by rotations whose variance is, for a pair,
    (E h_k^2 E c_m^2 + E h_m^2 E c_k^2) / (N (|E h_k c_k| + |E h_m c_m|)^2).

    Parameters
    ----------
    tally : ndarray of shape (4, r)
        Sums over the rows of |c|^(p-2), c^2, |c|^p and |c|^(2p-2).
    n_rows : int
        Number of rows N behind them.
    p : {3, 4}
        Exponent of the contrast.

    Returns
    -------
    unseen : ndarray of int
        Atoms whose squared sine to the truth is expected to be large.
    """
    moments = tally / max(n_rows, 1)
    # Atoms whose codes are nothing beside others, or beside rows of long ago, are left.
    alive = np.flatnonzero(moments[1] > max(1e-40 * moments[1].max(), 1e-80))
    if len(alive) < 2:
        return alive[:0]
    # In units in which every code has variance one.
    root = np.sqrt(moments[1, alive])
    low, _, power, high = (
        row / root**k for row, k in zip(moments[:, alive], code_powers(p), strict=True)
    )
    shift = p * (p - 1) * low
    signal = np.abs(p * power - shift)
    noise = np.maximum(p**2 * high - 2 * p * shift * power + shift**2 - signal**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = (noise[:, None] + noise) / (signal[:, None] + signal) ** 2 / n_rows
    pairs[np.isnan(pairs)] = 1.0  # neither signal nor noise: nothing is seen
    np.fill_diagonal(pairs, 0.0)
    return alive[np.minimum(pairs, 1.0).sum(axis=1) > _UNDETERMINED]
