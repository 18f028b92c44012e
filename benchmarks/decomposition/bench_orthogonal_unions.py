"""Unions of two orthonormal bases beside MiniBatchDictionaryLearning at equal atoms.

``python -m benchmarks.decomposition.bench_orthogonal_unions [--quick]``

Two orthonormal bases (rows coded by orthogonal matching pursuit, each basis set to the
polar factor of what the other leaves) were tried for codes with more atoms than
features, and are not in the package: see the table. The error is the energy of held-out
rows that orthogonal matching pursuit leaves with k atoms, the same for all.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits, load_sample_image
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.linear_model import orthogonal_mp_gram

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import orthogonal
from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.decomposition._orthogonal.starts import cosine_atoms


def pursuit(X, D, k):
    return orthogonal_mp_gram(D @ D.T, D @ X.T, n_nonzero_coefs=k).T


def lost(X, D, k):
    D = D / np.maximum(np.linalg.norm(D, axis=1, keepdims=True), 1e-12)
    return float(np.sum((X - pursuit(X, D, k) @ D) ** 2) / np.sum(X**2))


def starts(n, rng):
    return [cosine_atoms(n) if n == 64 else orthogonal(rng, n), orthogonal(rng, n)]


def union(X, k, rng, n_iter=15):
    bases, n = starts(X.shape[1], rng), X.shape[1]
    for _ in range(n_iter):
        Z = pursuit(X, np.vstack(bases), k)
        for j, basis in enumerate(bases):
            own = Z[:, j * n : (j + 1) * n]
            rest = X - Z @ np.vstack(bases) + own @ basis
            bases[j] = polar_factor(own.T @ rest, towards=basis)
    return np.vstack(bases)


def one_basis_each(X, k, rng, n_iter=40):
    """Every row belongs to the basis that keeps most of it in k codes."""
    bases = starts(X.shape[1], rng)
    for _ in range(n_iter):
        codes = []
        for basis in bases:
            C = X @ basis.T
            small = np.argpartition(np.abs(C), -k, axis=1)[:, :-k]
            np.put_along_axis(C, small, 0.0, axis=1)
            codes.append(C)
        owner = np.argmax([(C**2).sum(axis=1) for C in codes], axis=0)
        for j, C in enumerate(codes):
            mine = owner == j
            if mine.sum() > X.shape[1]:
                bases[j] = polar_factor(C[mine].T @ X[mine], towards=bases[j])
    return np.vstack(bases)


def minibatch(alpha):
    def learn(X, k, rng):
        size = np.sqrt(np.mean(X**2))
        model = MiniBatchDictionaryLearning(
            2 * X.shape[1],
            alpha=alpha,
            batch_size=256,
            max_iter=20,
            dict_init=np.vstack(starts(X.shape[1], rng)),
            fit_algorithm="cd",
            random_state=int(rng.integers(2**31)),
        )
        return model.fit(X / size).components_

    return learn


LEARNERS = {
    "union of two bases": union,
    "one of two bases per row": one_basis_each,
    **{f"MiniBatchDictionaryLearning {a:g}": minibatch(a) for a in (0.5, 1.0, 2.0)},
    "first basis alone": lambda X, k, rng: starts(X.shape[1], rng)[0],
}


def codes_of(rng, D, n_rows, k):
    Z = np.zeros((n_rows, len(D)))
    places = np.argsort(rng.random(Z.shape), axis=1)[:, :k]
    np.put_along_axis(Z, places, rng.standard_normal((n_rows, k)), axis=1)
    return Z @ D


def tables(seed, n_rows):
    rng = np.random.default_rng(seed)
    for name in ("china.jpg", "flower.jpg"):
        gray = load_sample_image(name).mean(axis=2) / 255.0
        X = extract_patches_2d(gray, (8, 8), max_patches=n_rows, random_state=seed)
        X = rng.permutation(X.reshape(n_rows, 64))
        yield name, X - X.mean(axis=1, keepdims=True), 6
    digits = rng.permutation(load_digits().data / 16.0)
    yield "digits", digits - digits.mean(axis=0), 6
    D = np.vstack([orthogonal(rng, 20), orthogonal(rng, 20)])
    yield "codes over two bases of 20", codes_of(rng, D, n_rows, 3), 3
    D = rng.standard_normal((40, 20))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    yield "codes over 40 atoms of 20", codes_of(rng, D, n_rows, 3), 3


def measure(seeds, n_rows):
    found = {}
    for seed in seeds:
        for name, X, k in tables(seed, n_rows):
            half = 2 * len(X) // 3
            for key, learn in LEARNERS.items():
                start = time.process_time()
                D = learn(X[:half], k, np.random.default_rng(10_000 + seed))
                cpu = time.process_time() - start
                found.setdefault((name, key, k), []).append((lost(X[half:], D, k), cpu))
    for (name, key, k), values in found.items():
        error, cpu = np.array(values).T
        yield {
            "rows": name,
            "learner": key,
            "atoms per row": k,
            "lost": float(error.mean()),
            "worst": float(error.max()),
            "cpu": float(np.median(cpu)),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = list(measure(range(910, 911 if quick else 913), 2000 if quick else 6000))
    save("online_dictionary_unions", rows, quick=quick)
