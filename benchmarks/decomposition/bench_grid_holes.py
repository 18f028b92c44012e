"""Holes in gridded fields: low rank, kriging, and kriging of what low rank leaves.

``python -m benchmarks.decomposition.bench_grid_holes [--quick]``

Every field of a series loses one rectangle, which other fields show. Settings (rank,
kernel, length, noise) are those with the least error on further rectangles that are
taken out of what is left. Peers are thin plates (``RBFInterpolator``) and a Gaussian
process per field, which is kriging with its own settings. Sea-surface temperatures and
heights of pressure are those that the package ``eofs`` ships as examples; without it
only simulated fields are measured.
"""

import argparse
import importlib.util
import pathlib
import warnings

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.io import netcdf_file
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from benchmarks.common import save

RANKS = (1, 2, 3, 4, 6, 8)
KERNELS = [
    (smooth, length, noise)
    for smooth in (False, True)
    for length in (1.5, 3.0, 6.0)
    for noise in (1e-3, 0.05)
]


def shipped(name, variable, step=1):
    """Fields in rows, of unit variance; land is left out."""
    where = pathlib.Path(importlib.util.find_spec("eofs").origin).parent
    path = where / "examples" / "example_data" / f"{name}.nc"
    with netcdf_file(path, mmap=False) as data:
        fields = np.squeeze(np.array(data.variables[variable].data, dtype=float))
    fields = fields[:, ::step, ::step]
    shape, flat = fields.shape[1:], fields.reshape(len(fields), -1)
    sea = (np.abs(flat) < 1e19).all(axis=0)
    places = np.argwhere(sea.reshape(shape)).astype(float)
    fields = flat[:, sea] - flat[:, sea].mean(axis=0)
    return fields / fields.std(), places, shape


def simulated(seed, shape=(15, 20), n_fields=50):
    """Four large patterns, and what is local to a field."""
    rng = np.random.default_rng(seed)
    places = np.argwhere(np.ones(shape)).astype(float)
    d = np.linalg.norm(places[:, None] - places, axis=2)

    def draw(kernel, n):
        root = np.linalg.cholesky(kernel + 1e-8 * np.eye(len(places)))
        return rng.standard_normal((n, len(places))) @ root.T

    large = rng.standard_normal((n_fields, 4)) * [3.0, 2.0, 1.5, 1.0]
    fields = large @ draw(np.exp(-(d**2) / 50), 4)
    fields += 0.7 * draw(np.exp(-d / 2.5), n_fields)
    return fields / fields.std(), places, shape


def holes(places, shape, n_fields, rng, size=(6, 8)):
    """One rectangle for each field, true where it is hidden."""
    size = [min(s, n // 2) for s, n in zip(size, shape, strict=True)]
    hidden = np.zeros((n_fields, len(places)), dtype=bool)
    for row in hidden:
        while not row.any() or row.all():
            corner = [
                rng.integers(0, n - s + 1) for s, n in zip(size, shape, strict=True)
            ]
            row[:] = ((places >= corner) & (places < np.add(corner, size))).all(axis=1)
    return hidden


def low_rank(X, seen, rank, n_iter=40):
    """Rows by expectation-maximization of a truncated decomposition."""
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, X, 0.0).sum(axis=0) / count
    filled = np.where(seen, X - mean, 0.0)
    for _ in range(n_iter):
        U, s, Vt = np.linalg.svd(filled, full_matrices=False)
        fitted = (U[:, :rank] * s[:rank]) @ Vt[:rank]
        filled = np.where(seen, X - mean, fitted)
    return fitted + mean


def kriging(X, seen, d, smooth, length, noise):
    """Each row on its own, about its mean."""
    K = np.exp(-(d**2) / (2 * length**2)) if smooth else np.exp(-d / length)
    out = np.empty_like(X)
    for x, m, row in zip(X, seen, out, strict=True):
        center = x[m].mean()
        A = K[np.ix_(m, m)] + noise * np.eye(m.sum())
        row[:] = center + K[:, m] @ np.linalg.solve(A, x[m] - center)
    return out


def both(X, seen, d, rank, kernel):
    fitted = low_rank(X, seen, rank)
    return fitted + kriging(X - fitted, seen, d, *kernel)


def gaussian_process(X, seen, places, n_fitted=3):
    """Length, level and noise by evidence on some fields, the medians for all."""
    kernel = ConstantKernel(1.0) * RBF(3.0, (0.5, 50)) + WhiteKernel(0.05, (1e-5, 1))
    found = [
        GaussianProcessRegressor(kernel).fit(places[m], x[m] - x[m].mean()).kernel_
        for x, m in zip(X[:n_fitted], seen[:n_fitted], strict=True)
    ]
    kernel = kernel.clone_with_theta(np.median([k.theta for k in found], axis=0))
    out = np.empty_like(X)
    for x, m, row in zip(X, seen, out, strict=True):
        model = GaussianProcessRegressor(kernel, optimizer=None)
        center = x[m].mean()
        row[:] = center + model.fit(places[m], x[m] - center).predict(places)
    return out


def thin_plate(X, seen, places):
    return np.array(
        [
            RBFInterpolator(places[m], x[m], smoothing=1e-3)(places)
            for x, m in zip(X, seen, strict=True)
        ]
    )


def rms(found, X, hidden):
    return float(np.sqrt(np.mean((found - X)[hidden] ** 2)))


def one_draw(X, places, shape, seed):
    rng = np.random.default_rng(seed)
    d = np.linalg.norm(places[:, None] - places, axis=2)
    hidden = holes(places, shape, len(X), rng)
    seen = ~hidden
    inner = holes(places, shape, len(X), rng) & seen
    left = seen & ~inner

    def choose(fill, settings):
        errors = [rms(fill(X, left, *setting), X, inner) for setting in settings]
        return settings[int(np.argmin(errors))]

    rank = choose(low_rank, [(r,) for r in RANKS])
    kernel = choose(lambda X, m, *k: kriging(X, m, d, *k), KERNELS)
    pair = choose(
        lambda X, m, r, k: both(X, m, d, r, k),
        [(r, k) for r in (1, 2, 4, 6) for k in KERNELS[::2]],
    )
    found = {
        "low rank": low_rank(X, seen, *rank),
        "kriging": kriging(X, seen, d, *kernel),
        "kriging of what low rank leaves": both(X, seen, d, *pair),
        "thin plate": thin_plate(X, seen, places),
        "Gaussian process per field": gaussian_process(X, seen, places),
    }
    return {name: rms(values, X, hidden) for name, values in found.items()}


def measure(seeds):
    draws = {"simulated, four patterns": simulated}
    if importlib.util.find_spec("eofs"):
        sst = shipped("sst_ndjfm_anom", "sst")
        heights = shipped("hgt_djf", "z", step=2)
        draws |= {
            "sea-surface temperature": lambda _: sst,
            "heights": lambda _: heights,
        }
    for name, draw in draws.items():
        errors = {}
        for seed in seeds:
            for key, value in one_draw(*draw(seed), seed).items():
                errors.setdefault(key, []).append(value)
        peers = np.min([v for k, v in errors.items() if "leaves" not in k], axis=0)
        for key, values in errors.items():
            yield {
                "fields": name,
                "method": key,
                "error": float(np.mean(values)),
                "worst": float(np.max(values)),
                "below the best other": float(np.mean(1 - np.array(values) / peers)),
                "draws": len(values),
            }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = list(measure(range(900, 901) if quick else range(900, 910)))
    save("online_dictionary_grid_holes", rows, quick=quick)
