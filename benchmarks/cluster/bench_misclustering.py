"""Mis-clustering: K-means, SDP, Gaussian mixtures and LikelihoodAdjustedSDP.

Simulated settings over fresh seeds, and real sets with classes. The rule of
LikelihoodAdjustedSDP was made on other seeds of the simulated settings and on the two
real sets of the first half; of the second half only digits 4-7 was unseen before (the
others had been run while the code was checked; no constant changed after). The rows of
values on a grid were made after its rule for them, on seeds it had not seen. Everything
that was run is reported.

    python -m benchmarks.cluster.bench_misclustering [--quick] [--part PART ...]

``--part`` replaces the rows of these parts in the file of results and keeps the others.
"""

import argparse
import json
import time
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.preprocessing import StandardScaler

from benchmarks.cluster.misclustering import GRIDS, SETTINGS, draw, draw_grid, error
from benchmarks.common import RESULTS, save
from skgeo.cluster import LikelihoodAdjustedSDP, SDPKMeans
from skgeo.cluster._solvers.mixture_em import gaussian_log_density

FIRST_SEED = 91_000
N_SEEDS = 10
PARTS = ("real", "grid", "simulated")


def real_sets():
    """Name -> half, points, classes; the list was written down before any was run."""

    def standard(load):
        X, y = load(return_X_y=True)
        return StandardScaler().fit_transform(X), y

    def digits(classes, n_components):
        X, y = load_digits(return_X_y=True)
        kept = np.isin(y, classes)
        Z = PCA(n_components, random_state=0).fit_transform(X[kept] / 16)
        return Z, np.unique(y[kept], return_inverse=True)[1]

    return {
        "iris": ("first", *standard(load_iris)),
        "digits 0-3": ("first", *digits(range(4), 6)),
        "wine": ("second", *standard(load_wine)),
        "breast cancer": ("second", *standard(load_breast_cancer)),
        "digits 4-7": ("second", *digits(range(4, 8), 6)),
        "digits": ("second", *digits(range(10), 20)),
    }


def methods(X, K, seed):
    """Name -> function that gives labels."""

    def mixture(reg_covar):
        model = GaussianMixture(K, n_init=10, reg_covar=reg_covar, random_state=seed)
        return lambda: model.fit_predict(X)

    bayes = BayesianGaussianMixture(n_components=K, n_init=10, random_state=seed)
    ours = LikelihoodAdjustedSDP(K, random_state=seed)
    return {
        "kmeans": lambda: KMeans(K, n_init=10, random_state=seed).fit(X).labels_,
        "sdp": lambda: SDPKMeans(K, random_state=seed).fit(X).labels_,
        "gaussian mixture, 1e-6": mixture(1e-6),
        "gaussian mixture, 0.01": mixture(0.01),
        "gaussian mixture, 0.1": mixture(0.1),
        "bayesian gaussian mixture": lambda: bayes.fit_predict(X),
        "likelihood-adjusted": lambda: ours.fit(X).labels_,
    }


def real_rows(names=None):
    rows = []
    for name, (half, X, y) in real_sets().items():
        if names is not None and name not in names:
            continue
        K = len(np.unique(y))
        for method, function in methods(X, K, 0).items():
            start = time.process_time()
            labels = function()
            rows.append(
                {
                    "row": "real",
                    "setting": name,
                    "half": half,
                    "method": method,
                    "rand_index": float(adjusted_rand_score(y, labels)),
                    "error": float(error(y, labels)),
                    "cpu": time.process_time() - start,
                }
            )
            print(name, method, f"{rows[-1]['rand_index']:.3f}", flush=True)
    return rows


def grid_rows(kinds, seeds):
    """Values on a grid: mean adjusted Rand index over seeds."""
    rows = []
    for kind in kinds:
        scores, seconds = {}, {}
        for seed in seeds:
            X, y = draw_grid(kind, seed)
            Z = StandardScaler().fit_transform(X)
            for method, function in methods(Z, 3, 0).items():
                start = time.process_time()
                scores.setdefault(method, []).append(adjusted_rand_score(y, function()))
                seconds.setdefault(method, []).append(time.process_time() - start)
        for method, values in scores.items():
            rows.append(
                {
                    "row": "grid",
                    "setting": kind,
                    "method": method,
                    "rand_index": float(np.mean(values)),
                    "least": float(np.min(values)),
                    "cpu": float(np.mean(seconds[method])),
                }
            )
            print(kind, method, f"{rows[-1]['rand_index']:.3f}", flush=True)
    return rows


def simulated_rows(names, seeds):
    """Errors over seeds, beside those of the Bayes rule."""
    rows = []
    for name in names:
        errors, seconds = {}, {}
        for seed in seeds:
            X, y, means, covariances = draw(name, seed)
            found = methods(X, SETTINGS[name][1], seed)
            found["bayes rule"] = lambda X=X, m=means, S=covariances: np.argmax(
                gaussian_log_density(X, m, S), axis=1
            )
            for method, function in found.items():
                start = time.process_time()
                labels = function()
                seconds.setdefault(method, []).append(time.process_time() - start)
                errors.setdefault(method, []).append(error(y, labels))
        ours = np.array(errors["likelihood-adjusted"])
        for method, values in errors.items():
            difference = ours - np.array(values)
            rows.append(
                {
                    "row": "simulated",
                    "setting": name,
                    "method": method,
                    "error": float(np.mean(values)),
                    "sd": float(np.std(values)),
                    "default_minus_it": float(difference.mean()),
                    "standard_error": float(
                        difference.std(ddof=1) / np.sqrt(len(values))
                    ),
                    "wins": int((difference < 0).sum()),
                    "losses": int((difference > 0).sum()),
                    "cpu": float(np.mean(seconds[method])),
                }
            )
            print(name, method, f"{rows[-1]['error']:.4f}", flush=True)
    return rows


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", nargs="*", choices=PARTS)
    arguments = parser.parse_args()
    quick, wanted = arguments.quick, arguments.part or PARTS
    X = np.random.default_rng(0).standard_normal((30, 2))
    LikelihoodAdjustedSDP(2, random_state=0).fit(X)  # compile
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if quick else N_SEEDS))
    few = 1 if quick else None
    file, rows = RESULTS / "cluster_misclustering.json", []
    if file.exists() and arguments.part:
        rows = json.loads(file.read_text())["rows"]
        rows = [row for row in rows if row["row"] not in wanted]
    if "real" in wanted:
        rows += real_rows({"iris"} if quick else None)
    if "grid" in wanted:
        rows += grid_rows(GRIDS[:few], seeds)
    if "simulated" in wanted:
        rows += simulated_rows(list(SETTINGS)[:few], seeds)
    rows.sort(key=lambda row: PARTS.index(row["row"]))
    save(
        "cluster_misclustering",
        rows,
        quick=quick,
        settings={k: dict(zip("nKdsh", v, strict=True)) for k, v in SETTINGS.items()},
        seeds=[FIRST_SEED, FIRST_SEED + N_SEEDS - 1],
    )


if __name__ == "__main__":
    main()
