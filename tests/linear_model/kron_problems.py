"""Problems that tests of the Kronecker estimators share."""

from functools import cache, reduce

import numpy as np

from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, SteeringFactor

SOLVERS = ("best", "mm", "svd", "am")


def problem(
    seed=0, rows=(6, 7, 8), columns=(9, 10, 11), k=(2, 2, 3), *, noise=0.03,
    n_samples=1, is_complex=False,
):  # fmt: skip
    rng = np.random.default_rng(seed)

    def draw(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if is_complex else values

    factors = [draw(m, n) for m, n in zip(rows, columns, strict=True)]
    support = [
        np.sort(rng.choice(n, j, False)) for n, j in zip(columns, k, strict=True)
    ]
    codes = np.zeros((n_samples, *columns), dtype=complex if is_complex else float)
    # Amplitudes bounded away from zero, so that supports can be asked for exactly.
    values = draw(n_samples, *k)
    values *= (1 + np.abs(values)) / np.abs(values)
    codes[np.ix_(np.arange(n_samples), *support)] = values
    codes = codes.reshape(n_samples, -1)
    clean = codes @ reduce(np.kron, factors).T
    std = noise * np.sqrt(np.mean(np.abs(clean) ** 2))
    scale = std / np.sqrt(2) if is_complex else std
    return factors, codes, clean + scale * draw(*clean.shape), std**2, support


@cache
def channel_off_grid():
    """A small channel at angles off the grid, its factors, and a fit."""
    data = make_irs_mimo(
        snr=25.0, on_grid=False, n_receive=8, n_elements=64, spread=2, random_state=1
    )
    phase = np.exp(-1j * np.pi * np.arange(64)) / 8
    factors = [
        SteeringFactor(-np.arange(64), data.angles, data.patterns.T * phase),
        SteeringFactor(-np.arange(6), data.angles, data.pilots.T),
        SteeringFactor(range(8), data.angles),
    ]
    model = KroneckerSBL(factors, noise_variance=data.noise_variance).fit(data.X)
    return data, factors, model


def nmse(found, true):
    return np.sum(np.abs(found - true) ** 2) / np.sum(np.abs(true) ** 2)


def regression(seed=0, n=60, p=30, noise=0.5, patterns=None):
    rng = np.random.default_rng(seed)
    patterns = np.eye(8) if patterns is None else patterns
    X = rng.standard_normal((n, p)) * 10 ** rng.uniform(-2, 2, p)
    W = np.zeros((patterns.shape[1], p))
    rows, columns = rng.choice(len(W), 3, False), rng.choice(p, 4, False)
    W[np.ix_(rows, columns)] = rng.choice([-1, 1], (3, 4)) * rng.uniform(
        0.5, 1.5, (3, 4)
    )
    coef = patterns @ W / X.std(axis=0)
    Y = X @ coef.T + 5 + noise * rng.standard_normal((n, len(patterns)))
    return X, Y, coef, np.sort(columns), np.sort(rows)


def extremes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3, 12))
    return {
        "zeros": 0 * X, "denormal": X * 5e-323, "tiny": X * 1e-310, "small": X * 1e-160,
        "large": X * 1e150, "mixed": X * 10.0 ** rng.uniform(-200, 150, X.shape),
        "one": np.eye(3, 12) * 1e5, "constant": np.full(X.shape, 1e8),
    }  # fmt: skip
