"""Kernels of one stochastic Frank-Wolfe step over the spectral-norm ball.

Rows of ``W`` are atoms; a batch ``X`` has one sample per row, so codes are ``X @ W.T``.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = [
    "clip_rows",
    "code_moments",
    "contrast",
    "negentropy_sweep",
    "towards_vertex",
    "turned_pairs",
    "warmup",
]

# Weights of the two squares in the approximate negentropy, and the mean modulus of a
# standard Gaussian code.
SKEW_WEIGHT = 36.0 / (8.0 * np.sqrt(3.0) - 9.0)
PEAK_WEIGHT = 1.0 / (2.0 - 6.0 / np.pi)
GAUSSIAN_SIZE = np.sqrt(2.0 / np.pi)


@jit
def code_moments(C, p, magnitudes, squares, powers, energies):
    """Means of |c|^(p-2), c^2, |c|^p and |c|^(2p-2) over the columns of C, in place."""
    n, r = C.shape
    magnitudes[:] = 0.0
    squares[:] = 0.0
    powers[:] = 0.0
    energies[:] = 0.0
    for i in range(n):
        for k in range(r):
            c = C[i, k]
            square = c * c
            q = abs(c) if p == 3 else square
            magnitudes[k] += q
            squares[k] += square
            powers[k] += q * square
            energies[k] += q * q * square
    magnitudes /= n
    squares /= n
    powers /= n
    energies /= n


@jit
def contrast(C, p, signs, shifts):
    """Replace each code c of atom k by h(c) = s_k (p sign(c) |c|^(p-1) - shift_k c).

    Parameters
    ----------
    C : ndarray of shape (batch, r)
        Codes, replaced.
    p : {3, 4}
        Exponent.
    signs : ndarray of shape (r,)
        1 where |c|^p is to be large, -1 where it is to be small.
    shifts : ndarray of shape (r,)
        Curvature that is removed from each atom.

    Returns
    -------
    power, square, energy, signal : float
        Sums of |c|^p, c^2, h(c)^2 and h(c) c.
    """
    power, square, energy, signal = 0.0, 0.0, 0.0, 0.0
    for i in range(C.shape[0]):
        for k in range(C.shape[1]):
            c = C[i, k]
            q = abs(c) if p == 3 else c * c
            h = signs[k] * (p * q - shifts[k]) * c
            C[i, k] = h
            power += q * c * c
            square += c * c
            energy += h * h
            signal += h * c
    return power, square, energy, signal


@jit
def towards_vertex(W, S, G, gamma):
    """Move W to (1 - gamma) W + gamma S; return <G, S> and <G, W> before the move."""
    at_vertex = 0.0
    at_iterate = 0.0
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            at_vertex += G[i, j] * S[i, j]
            at_iterate += G[i, j] * W[i, j]
            W[i, j] += gamma * (S[i, j] - W[i, j])
    return at_vertex, at_iterate


@jit
def turned_pairs(C, pairs, signs, cosines, sines, p, gains, errors):
    """Gain in contrast when pairs of atoms are turned, and its standard error.

    Parameters
    ----------
    C : ndarray of shape (n, n_samples), float64
        Codes, one row per atom.
    pairs : ndarray of shape (n_pairs, 2), int
        Atoms k and m of each pair.
    signs : ndarray of shape (n,)
        Signs of the contrast.
    cosines, sines : ndarray of shape (n_angles,)
        Angles: k becomes ``cos k + sin m``, m becomes ``cos m - sin k``.
    p : {3, 4}
        Exponent.
    gains, errors : ndarray of shape (n_pairs, n_angles)
        Means over the rows of the change of ``s_k |c_k|^p + s_m |c_m|^p``, and their
        standard errors, on exit.
    """
    n = C.shape[1]
    for q in range(len(pairs)):
        k, m = pairs[q, 0], pairs[q, 1]
        for a in range(len(cosines)):
            c, s = cosines[a], sines[a]
            total, square = 0.0, 0.0
            for i in range(n):
                x, y = C[k, i], C[m, i]
                u, v = c * x + s * y, c * y - s * x
                if p == 3:
                    one = abs(u) * u * u - abs(x) * x * x
                    two = abs(v) * v * v - abs(y) * y * y
                else:
                    one = u * u * u * u - x * x * x * x
                    two = v * v * v * v - y * y * y * y
                change = signs[k] * one + signs[m] * two
                total += change
                square += change * change
            mean = total / n
            gains[q, a] = mean
            errors[q, a] = np.sqrt(max(square / n - mean * mean, 0.0) / n)


@jit
def _negentropy_of_pair(x, y, bells, c, s, means):
    """Negentropies of a pair of codes turned by an angle; fill in the four means.

    ``bells`` holds exp(-(x^2 + y^2) / 2), which no turn changes: one exponential per
    row gives those of both codes.
    """
    n = len(x)
    means[:] = 0.0
    for i in range(n):
        u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
        bell = np.exp(-0.5 * u * u)
        means[0] += u * bell
        means[1] += abs(u)
        # Far out the quotient would be of two numbers that have underflown.
        means[2] += v * (bells[i] / bell if bells[i] > 1e-290 else np.exp(-0.5 * v * v))
        means[3] += abs(v)
    means /= n
    means[1] -= GAUSSIAN_SIZE
    means[3] -= GAUSSIAN_SIZE
    return SKEW_WEIGHT * (means[0] ** 2 + means[2] ** 2) + PEAK_WEIGHT * (
        means[1] ** 2 + means[3] ** 2
    )


@jit
def negentropy_sweep(C, R, pairs, cosines, sines, stride, doubt):
    """Turn pairs of codes, one after the other, to where their negentropy is largest.

    The negentropy of a standardized code u is approximated by
    ``36 / (8 sqrt(3) - 9) (E u exp(-u^2/2))^2 + (E|u| - sqrt(2/pi))^2 / (2 - 6/pi)``.

    Parameters
    ----------
    C : ndarray of shape (r, n_samples)
        Codes of mean zero and variance one, one row per atom; turned.
    R : ndarray of shape (r, r)
        Turned alike.
    pairs : ndarray of shape (n_pairs, 2), int
        Pairs of rows.
    cosines, sines : ndarray of shape (n_angles,)
        Angles to try, the first of which is zero.
    stride : int
        The two next to zero and every ``stride``-th are tried first, and where one of
        these is better than zero, those less than ``stride`` from the best.
    doubt : float
        A pair is turned if that gains more than this many standard errors.

    Returns
    -------
    n_turned : int
        Number of pairs turned.
    """
    n, last, n_turned = C.shape[1], len(cosines) - 1, 0
    here, there, trial = np.empty(4), np.empty(4), np.empty(4)
    bell, bells = np.empty_like(C), np.empty(n)
    for k in range(len(C)):
        for i in range(n):
            bell[k, i] = np.exp(-0.5 * C[k, i] * C[k, i])
    for q in range(len(pairs)):
        k, m = pairs[q, 0], pairs[q, 1]
        x, y = C[k], C[m]
        here[:] = 0.0
        for i in range(n):
            here[0] += x[i] * bell[k, i]
            here[1] += abs(x[i])
            here[2] += y[i] * bell[m, i]
            here[3] += abs(y[i])
            bells[i] = bell[k, i] * bell[m, i]
        here /= n
        here[1] -= GAUSSIAN_SIZE
        here[3] -= GAUSSIAN_SIZE
        start = SKEW_WEIGHT * (here[0] ** 2 + here[2] ** 2)
        start += PEAK_WEIGHT * (here[1] ** 2 + here[3] ** 2)
        best, value = 0, start
        for a in range(1, last + 1):
            if a % stride and 1 < a < last:
                continue
            new = _negentropy_of_pair(x, y, bells, cosines[a], sines[a], trial)
            if new > value:
                best, value = a, new
                there[:] = trial
        if best == 0:
            continue
        middle = best
        for a in range(max(2, middle - stride + 1), min(middle + stride, last)):
            if a % stride == 0:
                continue
            new = _negentropy_of_pair(x, y, bells, cosines[a], sines[a], trial)
            if new > value:
                best, value = a, new
                there[:] = trial
        c, s = cosines[best], sines[best]
        total, square = 0.0, 0.0
        for i in range(n):
            u, v = c * x[i] + s * y[i], c * y[i] - s * x[i]
            change = 0.0
            for code, sign, j in ((u, 1, 0), (v, 1, 2), (x[i], -1, 0), (y[i], -1, 2)):
                means = there if sign > 0 else here
                slope = SKEW_WEIGHT * means[j] * code * np.exp(-0.5 * code * code)
                slope += PEAK_WEIGHT * means[j + 1] * abs(code)
                change += 2.0 * sign * slope
            total += change
            square += change * change
        mean = total / n
        if value - start > doubt * np.sqrt(max(square / n - mean * mean, 0.0) / n):
            n_turned += 1
            for M in (C, R):
                for j in range(M.shape[1]):
                    x_j, y_j = M[k, j], M[m, j]
                    M[k, j] = c * x_j + s * y_j
                    M[m, j] = c * y_j - s * x_j
            for i in range(n):
                bell[k, i] = np.exp(-0.5 * x[i] * x[i])
                bell[m, i] = np.exp(-0.5 * y[i] * y[i])
    return n_turned


@jit
def clip_rows(X, norms, limit):
    """Scale back, in place, the rows whose norm is above ``limit``; return how many."""
    n_clipped = 0
    for i in range(X.shape[0]):
        if norms[i] > limit:
            shrink = limit / norms[i]
            for j in range(X.shape[1]):
                X[i, j] *= shrink
            n_clipped += 1
    return n_clipped


def warmup():
    """Compile the kernels of this module on tiny data."""
    for dtype in (np.float64, np.float32):
        X = np.ones((3, 2), dtype=dtype)
        code_moments(X, 3, *np.empty((4, 2)))
        contrast(X, 3, np.ones(2), np.ones(2))
        clip_rows(X, np.ones(3), 2.0)
    out = np.empty((1, 1))
    angle, pairs = np.ones(1), np.array([[0, 1]])
    turned_pairs(np.ones((2, 3)), pairs, np.ones(2), angle, angle, 3, out, out.copy())
    angles = np.array([0.0, 0.5])
    negentropy_sweep(
        np.ones((2, 3)), np.eye(2), pairs, np.cos(angles), np.sin(angles), 1, 1.0
    )
    W = np.eye(2)
    towards_vertex(W, W.copy(), W.copy(), 0.5)
