"""Synthetic problems and plain implementations of the methods compared with."""

from functools import reduce

import numpy as np


def synthetic(seed, *, rows=(8, 12, 15), columns=(15, 15, 15), k=3, snr=25.0,
              n_samples=1, kronecker_values=True):  # fmt: skip
    """Gaussian factors, k indices per mode, noise at an SNR in dB.

    Returns factors, codes, measurements, noise variance, support.
    """
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((m, n)) for m, n in zip(rows, columns, strict=True)]
    support = [np.sort(rng.choice(n, k, replace=False)) for n in columns]
    codes = np.zeros((n_samples, *columns))
    for row in codes:
        if kronecker_values:
            vectors = [rng.standard_normal(k) for _ in columns]
            row[np.ix_(*support)] = reduce(np.multiply.outer, vectors)
        else:
            row[np.ix_(*support)] = rng.standard_normal((k,) * len(columns))
    clean = multiply(codes, factors).reshape(n_samples, -1)
    noise = np.mean(clean**2) / 10 ** (snr / 10)
    Y = clean + np.sqrt(noise) * rng.standard_normal(clean.shape)
    return factors, codes.reshape(n_samples, -1), Y, noise, support


def multiply(tensor, matrices):
    for i, H in enumerate(matrices):
        tensor = np.moveaxis(np.tensordot(tensor, H, axes=(i + 1, 1)), -1, i + 1)
    return tensor


def nmse(found, true):
    return float(np.sum(np.abs(found - true) ** 2) / np.sum(np.abs(true) ** 2))


def support_overlap(found, true, level=1e-3):
    a, b = np.abs(found) > level * np.abs(found).max(), np.abs(true) > 0
    return float((a & b).sum() / (a | b).sum())


def oracle(factors, Y, support):
    """Least squares on the true support."""
    tensor = Y.reshape(len(Y), *(len(H) for H in factors))
    pinvs = [np.linalg.pinv(H[:, s]) for H, s in zip(factors, support, strict=True)]
    codes = np.zeros((len(Y), *(H.shape[1] for H in factors)))
    codes[np.ix_(np.arange(len(Y)), *support)] = multiply(tensor, pinvs)
    return codes.reshape(len(Y), -1)


def omp(A, y, noise):
    """Orthogonal matching pursuit, stopped by the discrepancy principle."""
    norms, picked, rest = np.linalg.norm(A, axis=0), [], y.copy()
    coef = np.zeros(0)
    while rest @ rest > noise * len(y) and len(picked) < len(y) // 2:
        score = np.abs(A.T @ rest) / norms
        score[picked] = 0.0
        picked.append(int(score.argmax()))
        coef = np.linalg.lstsq(A[:, picked], y, rcond=None)[0]
        rest = y - A[:, picked] @ coef
    x = np.zeros(A.shape[1])
    x[picked] = coef
    return x


def kronecker_omp(factors, y, noise, max_atoms=10):
    """Kronecker OMP: one index a mode is added at a time, discrepancy principle."""
    shape = tuple(len(H) for H in factors)
    Y = y.reshape(1, *shape)
    picked, rest = [[] for _ in factors], Y
    units = [H / np.linalg.norm(H, axis=0) for H in factors]
    codes = None
    while np.sum(rest**2) > noise * y.size:
        score = np.abs(multiply(rest, [H.T for H in units]))[0]
        index, grown = np.unravel_index(score.argmax(), score.shape), False
        for chosen, j in zip(picked, index, strict=True):
            if j not in chosen and len(chosen) < max_atoms:
                chosen.append(int(j))
                grown = True
        if not grown:
            break
        small = [H[:, c] for H, c in zip(factors, picked, strict=True)]
        codes = multiply(Y, [np.linalg.pinv(H) for H in small])
        rest = Y - multiply(codes, small)
    x = np.zeros([H.shape[1] for H in factors])
    if codes is not None:
        x[np.ix_(*picked)] = codes[0]
    return x.ravel()


def classical_sbl(A, Y, noise, *, max_iter=150, tol=1e-4, prune=1e-3):
    """SBL with one free variance per coefficient: dense expectation maximization."""
    n = A.shape[1]
    gamma, kept = np.ones(n) * np.mean(Y**2) / np.mean(A**2) / n, np.arange(n)
    full = gamma
    for _ in range(max_iter):
        old = full
        stay = gamma > prune * gamma.max()
        gamma, kept = gamma[stay], kept[stay]
        B = A[:, kept]
        if len(kept) < len(A):
            cov = np.linalg.inv(B.T @ B / noise + np.diag(1 / gamma))
            mean, variance = Y @ B @ cov / noise, np.diag(cov)
        else:
            C = noise * np.eye(len(A)) + (B * gamma) @ B.T
            K = np.linalg.solve(C, B * gamma)
            mean = Y @ K
            variance = gamma - np.einsum("ij,ij->j", B * gamma, K)
        gamma = variance + np.mean(mean**2, axis=0)
        full = np.zeros(n)
        full[kept] = gamma
        if np.linalg.norm(full - old) <= tol * np.linalg.norm(old):
            break
    x = np.zeros((len(Y), n))
    x[:, kept] = mean
    return x


def dense_posterior(factors, gammas, y, noise):
    """Mean and variances by the textbook formulas, everything formed."""
    A, g = reduce(np.kron, factors), reduce(np.kron, gammas)
    B = A * g
    C = B @ A.T
    C[np.diag_indices(len(C))] += noise
    K = np.linalg.solve(C, B)
    return y @ K, g - np.einsum("ij,ij->j", B, K)
