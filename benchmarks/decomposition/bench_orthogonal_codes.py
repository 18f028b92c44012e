"""Codes of nine distributions: ours beside FastICA; and pictures coded by few codes.

``python -m benchmarks.decomposition.bench_orthogonal_codes [--quick]``

n = 10, 2500 rows. FastICA whitens; ours is given too with whitening. The error is the
root mean square distance of matched unit atoms, up to signs. Pictures: energy lost by
the largest codes of rows held out, with the same mean removed for all bases.
"""

import argparse
import time
import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits, load_sample_image
from sklearn.decomposition import FastICA
from sklearn.feature_extraction.image import extract_patches_2d

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import orthogonal
from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.starts import cosine_atoms


def active_together(rng, shape):
    often = np.where(rng.random((shape[0], 1)) < 0.5, 0.5, 0.1)
    return rng.standard_normal(shape) * (rng.random(shape) < often)


DRAWS = {
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "+-1": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "Bernoulli-Gauss .1": lambda rng, shape: (
        rng.standard_normal(shape) * (rng.random(shape) < 0.1)
    ),
    "Bernoulli-Gauss .5": lambda rng, shape: (
        rng.standard_normal(shape) * (rng.random(shape) < 0.5)
    ),
    "sparse +-1, half zero": lambda rng, shape: (
        rng.choice([-1.0, 1.0], shape) * (rng.random(shape) < 0.5)
    ),
    "non-negative": lambda rng, shape: (
        rng.exponential(size=shape) * (rng.random(shape) < 0.2)
    ),
    "active together": active_together,
}


def learners(seed):
    ica = {"whiten": "unit-variance", "max_iter": 1000, "random_state": 10_000 + seed}
    ours = {"center": True, "random_state": 10_000 + seed}
    return {
        "ours": lambda X: OnlineOrthogonalDictionary(**ours).fit(X).components_,
        "ours, exponent 4": lambda X: (
            OnlineOrthogonalDictionary(4, **ours).fit(X).components_
        ),
        "ours, whitened": lambda X: (
            OnlineOrthogonalDictionary(whiten=True, **ours).fit(X).components_
        ),
        "FastICA logcosh": lambda X: FastICA(fun="logcosh", **ica).fit(X).mixing_.T,
        "FastICA cube": lambda X: FastICA(fun="cube", **ica).fit(X).mixing_.T,
    }


def rms(W, D):
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    overlap = np.abs(W @ D.T)
    i, j = linear_sum_assignment(-overlap)
    return float(np.sqrt(np.mean(2 - 2 * np.minimum(overlap[i, j], 1))))


def recovery(seeds):
    for name, draw in DRAWS.items():
        errors, times = {}, {}
        for seed in seeds:
            rng = np.random.default_rng(seed)
            D = orthogonal(rng, 10)
            X = draw(rng, (2500, 10)) @ D
            for key, learn in learners(seed).items():
                start = time.process_time()
                W = learn(X)
                times.setdefault(key, []).append(time.process_time() - start)
                errors.setdefault(key, []).append(rms(W, D))
        for key, values in errors.items():
            yield {
                "table": "recovery",
                "codes": name,
                "learner": key,
                "median": float(np.median(values)),
                "worst": float(np.max(values)),
                "cpu": float(np.median(times[key])),
            }


def pictures(seed):
    rng = np.random.default_rng(seed)
    for name in ("china.jpg", "flower.jpg"):
        gray = load_sample_image(name).mean(axis=2) / 255.0
        found = extract_patches_2d(gray, (8, 8), max_patches=18_000, random_state=seed)
        yield name, rng.permutation(found.reshape(-1, 64))
    yield "digits", rng.permutation(load_digits().data / 16.0)


def lost(X, atoms, k):
    energy = np.sort((X @ atoms.T) ** 2, axis=1)[:, :-k].sum()
    return float(energy / np.sum(X**2))


def coding(seeds):
    rows = {}
    for seed in seeds:
        for name, X in pictures(seed):
            cut = 2 * len(X) // 3
            for handling in ("none", "of the training rows", "of each row"):
                mean = 0.0
                if handling == "of the training rows":
                    mean = X[:cut].mean(axis=0)
                elif handling == "of each row":
                    mean = X.mean(axis=1, keepdims=True)
                Y = X - mean
                learn, judge = Y[:cut], Y[cut:]
                bases = {
                    "DCT": cosine_atoms(64),
                    "PCA": np.linalg.eigh(learn.T @ learn)[1].T,
                }
                for init in ("random", "dct", "pca"):
                    model = OnlineOrthogonalDictionary(
                        init=init, random_state=seed, max_iter=30
                    )
                    bases[f"ours from {init}"] = model.fit(learn).components_
                for key, atoms in bases.items():
                    for k in (3, 6, 12):
                        cell = (name, handling, key, k)
                        rows.setdefault(cell, []).append(lost(judge, atoms, k))
    for (name, handling, key, k), values in rows.items():
        yield {
            "table": "coding",
            "rows": name,
            "mean removed": handling,
            "basis": key,
            "codes kept of 64": k,
            "lost": float(np.mean(values)),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [
            *recovery(range(700, 702) if quick else range(700, 710)),
            *coding(range(700, 701)),
        ]
    save("online_dictionary_codes", rows, quick=quick)
