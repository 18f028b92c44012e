"""KMedoids: gaps on fresh draws, bounds against enumeration and HiGHS, memory, peers.

The package ``kmedoids`` (extra ``bench``) gives the labels to compare with: its
FasterPAM from five random starts. Times are CPU seconds.

    python -m benchmarks.cluster.bench_kmedoids [--quick]
"""

import argparse
import itertools
import math
import resource
import time

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from benchmarks.common import save
from skgeo import warmup
from skgeo.cluster import KMedoids, certify_kmedoids
from skgeo.cluster._medoids.dissimilarity import dissimilarities
from tests.cluster.test_kmedoids import (
    KINDS,
    bumps,
    random_dissimilarities,
    shocks,
    solve_lp,
    solve_mip,
)


def lines(n, seed):
    """Points of four 3-dimensional subspaces of R^50, of any sign."""
    rng = np.random.default_rng(seed)
    bases = [np.linalg.qr(rng.standard_normal((50, 3)))[0] for _ in range(4)]
    return np.array([bases[i % 4] @ rng.standard_normal(3) for i in range(n)])


def gaussians(n, seed):
    rng = np.random.default_rng(seed)
    centers = 3 * rng.standard_normal((8, 10))
    return centers[rng.integers(0, 8, n)] + rng.standard_normal((n, 10))


def uniform(n, seed):
    return np.random.default_rng(seed).uniform(size=(n, 2))


DATA = {
    "bumps": (bumps, "sine"),
    "shocks": (shocks, "sine"),
    "four subspaces": (lines, "sine"),
    "eight Gaussians": (gaussians, "euclidean"),
    "uniform square": (uniform, "euclidean"),
}


def peer_cost(D, k, seed):
    try:
        import kmedoids
    except ImportError:
        return None, None
    start = time.process_time()
    best = min(kmedoids.fasterpam(D, k, random_state=seed + i).loss for i in range(5))
    return float(best), time.process_time() - start


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def gap_row(name, X, metric, k, seed, **options):
    D = dissimilarities(X, X, metric)
    np.fill_diagonal(D, 0.0)
    peer, peer_cpu = peer_cost(D, k, seed)
    del D
    start = time.process_time()
    labels = KMedoids(k, metric=metric, certify=False, random_state=seed).fit(X)
    labels_cpu = time.process_time() - start
    start = time.process_time()
    relaxed = {**options, "max_nodes": 0}
    root = KMedoids(k, metric=metric, random_state=seed, **relaxed).fit(X)
    root_cpu = time.process_time() - start
    start = time.process_time()
    model = KMedoids(k, metric=metric, random_state=seed, **options).fit(X)
    return {
        "table": "gaps",
        "data": name,
        "n": len(X),
        "K": k,
        "seed": seed,
        "root_gap_percent": 100 * root.gap_,
        "gap_percent": 100 * model.gap_,
        "certified": model.certified_,
        "nodes": model.n_nodes_,
        "labels_improved_percent": 100 * (1 - model.inertia_ / labels.inertia_),
        "peer_above_percent": None
        if peer is None
        else 100 * (peer / model.inertia_ - 1),
        "labels_cpu": labels_cpu,
        "root_cpu": root_cpu,
        "cpu": time.process_time() - start,
        "peer_cpu": peer_cpu,
    }


def gap_rows(quick):
    sizes = [(300, 4), (300, 20), (1000, 4), (1000, 20), (1000, 50)]
    for seed in (5001,):
        for name, (make, metric) in DATA.items():
            for n, k in sizes[:2] if quick else sizes:
                yield gap_row(name, make(n, seed), metric, k, seed)


def real_rows():
    for name, X, k in (
        ("iris", load_iris().data, 3),
        ("iris", load_iris().data, 5),
        ("wine", load_wine().data, 3),
        ("digits", load_digits().data, 10),
    ):
        X = StandardScaler().fit_transform(X) if name != "digits" else X
        yield gap_row(name, X, "euclidean", k, 5001)


def long_rows(quick):
    """Branching with a minute's worth of nodes, where 200 nodes leave a gap."""
    for name, k in (("four subspaces", 20), ("eight Gaussians", 20)):
        make, metric = DATA[name]
        row = gap_row(
            name, make(1000, 5001), metric, k, 5001, max_nodes=10 if quick else 1000
        )
        row["table"] = "1000 nodes"
        yield row


def exhaustive_rows(n_instances):
    """Count bounds above the optimum, and certificates of what is not optimal."""
    rng = np.random.default_rng(987)
    wrong = certified = false = 0
    start = time.process_time()
    for i in range(n_instances):
        kind, n = KINDS[i % len(KINDS)], int(rng.integers(4, 10))
        D = random_dissimilarities(rng, n, kind)
        k = int(rng.integers(1, n))
        weight = rng.uniform(0.1, 3, n) if i % 2 else np.ones(n)
        best = min(
            math.fsum(weight * D[:, c].min(axis=1))
            for c in itertools.combinations(range(n), k)
        )
        found = certify_kmedoids(
            D, rng.permutation(n)[:k], sample_weight=weight, bound_iter=300,
            max_nodes=50 * (i % 3),
        )  # fmt: skip
        wrong += found.lower_bound_ > best
        certified += found.certified_
        false += found.certified_ and found.inertia_ > best * (1 + 1.01e-6)
    return [
        {
            "table": "enumeration",
            "instances": n_instances,
            "bounds_above_optimum": wrong,
            "certified": certified,
            "false_certificates": false,
            "cpu": time.process_time() - start,
        }
    ]


def program_rows(n_instances):
    """Against HiGHS: the relaxation and the integer program."""
    above = above_integer = closed = 0
    below, rel = [], []
    for seed in range(n_instances):
        rng = np.random.default_rng(7000 + seed)
        X = rng.standard_normal((30, 5))
        metric = ("euclidean", "sine", "manhattan")[seed % 3]
        D = dissimilarities(X, X, metric)
        np.fill_diagonal(D, 0.0)
        linear, integer = solve_lp(D, 5), solve_mip(D, 5)
        relaxed = KMedoids(5, metric="precomputed", max_nodes=0, random_state=0).fit(D)
        model = KMedoids(5, metric="precomputed", random_state=0).fit(D)
        above += relaxed.lower_bound_ > linear * (1 + 1e-9)
        above_integer += model.lower_bound_ > integer * (1 + 1e-9)
        below.append(1 - relaxed.lower_bound_ / linear)
        closed += model.certified_
        rel.append(abs(model.inertia_ / integer - 1))
    return [
        {
            "table": "HiGHS, n = 30, K = 5",
            "instances": n_instances,
            "bounds_above_linear": above,
            "bounds_above_integer": above_integer,
            "largest_distance_to_linear": max(below),
            "certified": closed,
            "largest_difference_to_integer": max(rel),
        }
    ]


def large_row(quick):
    n, k = (1500, 10) if quick else (5000, 10)
    before = peak_mb()
    start = time.process_time()
    model = KMedoids(k, random_state=0, bound_iter=600).fit(uniform(n, 5003))
    return {
        "table": "large",
        "data": "uniform square",
        "n": n,
        "K": k,
        "gap_percent": 100 * model.gap_,
        "cpu": time.process_time() - start,
        "peak_mb": peak_mb(),
        "peak_mb_before": before,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warmup()
    rows = []
    for row in itertools.chain(
        [large_row(quick)],  # first: the peak is that of the process
        exhaustive_rows(200 if quick else 10_000),
        program_rows(3 if quick else 30),
        gap_rows(quick),
        real_rows(),
        long_rows(quick),
    ):
        rows.append(row)
        print(row, flush=True)
    save("cluster_kmedoids", rows, quick=quick)


if __name__ == "__main__":
    main()
