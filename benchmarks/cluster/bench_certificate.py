"""Certificates, bounds and SDPKMeans on large data; enumeration on small data.

Times are CPU seconds without the K-means run unless stated; ``peak_mb`` is the largest
resident size of the process so far, data and interpreter included.

    python -m benchmarks.cluster.bench_certificate [--quick]
"""

import argparse
import resource
import time

import numpy as np
from sklearn.cluster import KMeans

from benchmarks.cluster.misclustering import error
from benchmarks.common import save
from skgeo.cluster import SDPKMeans, certify_kmeans
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._solvers.bounds import clipped_bound
from skgeo.cluster._solvers.groups import group_points
from skgeo.datasets import make_gaussian_clusters
from tests.cluster.test_certificate import all_labellings


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def estimator_rows(sizes):
    rows = []
    for n, d, separation in sizes:
        X, y = make_gaussian_clusters(n, 4, d, separation=separation, random_state=77)
        start = time.process_time()
        model = SDPKMeans(4, random_state=0).fit(X)
        seconds = time.process_time() - start
        start = time.process_time()
        kmeans = KMeans(4, n_init=10, random_state=0).fit(X)
        rows.append(
            {
                "row": "estimator",
                "n": n,
                "d": d,
                "separation": separation,
                "error": error(y, model.labels_),
                "kmeans_error": error(y, kmeans.labels_),
                "inertia_ratio": model.inertia_ / kmeans.inertia_,
                "gap": model.gap_,
                "solver": model.solver_,
                "verdict": model.verdict_,
                "cpu": seconds,
                "kmeans_cpu": time.process_time() - start,
                "peak_mb": peak_mb(),
            }
        )
        print(rows[-1], flush=True)
    for solver in ("lowrank", "sketch"):
        n, d, separation = sizes[0]
        X, y = make_gaussian_clusters(n, 4, d, separation=separation, random_state=78)
        start = time.process_time()
        model = SDPKMeans(4, solver=solver, tol=1e-3, random_state=0).fit(X)
        rows.append(
            {
                "row": "estimator",
                "n": n,
                "d": d,
                "separation": separation,
                "error": error(y, model.labels_),
                "gap": model.gap_,
                "solver": solver,
                "verdict": model.verdict_,
                "n_iter": model.n_iter_,
                "converged": model.converged_,
                "cpu": time.process_time() - start,
                "peak_mb": peak_mb(),
            }
        )
        print(rows[-1], flush=True)
    return rows


def certificate_rows(cases):
    rows = []
    for n, K, d, separation in cases:
        X, _ = make_gaussian_clusters(n, K, d, separation=separation, random_state=21)
        labels = KMeans(K, n_init=3, random_state=0).fit(X).labels_
        start = time.process_time()
        result = certify_kmeans(X, labels, bound="none", random_state=0)
        rows.append(
            {
                "row": "certificate",
                "n": n,
                "n_clusters": K,
                "d": d,
                "separation": separation,
                "verdict": result.verdict_,
                "gap": result.gap_,
                "ratio_of_bracket": result.t_max_ / result.floor_,
                "cpu": time.process_time() - start,
                "peak_mb": peak_mb(),
            }
        )
        print(rows[-1], flush=True)
    return rows


def bound_rows(cases):
    rows = []
    for n, d, separation, spread in cases:
        X, _ = make_gaussian_clusters(
            n, 4, d, separation=separation, heterogeneity=spread, random_state=22
        )
        labels = KMeans(4, n_init=5, random_state=0).fit(X).labels_
        start = time.process_time()
        groups = group_points(X, labels, 4)
        bound, _, _ = clipped_bound(groups, 4)
        clipped = time.process_time() - start
        start = time.process_time()
        result = certify_kmeans(X, labels, effort="thorough", random_state=0)
        rows.append(
            {
                "row": "bound",
                "n": n,
                "d": d,
                "separation": separation,
                "heterogeneity": spread,
                "clipped_share": (groups.total - bound) / groups.inertia,
                "clipped_cpu": clipped,
                "share": result.lower_bound_ / result.inertia_,
                "method": result.bound_method_,
                "cpu": time.process_time() - start,
                "peak_mb": peak_mb(),
            }
        )
        print(rows[-1], flush=True)
    return rows


def enumeration_row(n_sets):
    """All partitions of 8 points: wrong certificates and bounds above the optimum."""
    rng = np.random.RandomState(4242)
    issued = wrong = above = n_checked = 0
    shares = []
    for _ in range(n_sets):
        K, d = rng.randint(2, 4), rng.randint(1, 4)
        centers = rng.choice([0.0, 2.0, 6.0]) * rng.standard_normal((K, d))
        X = centers[rng.randint(K, size=8)] + rng.standard_normal((8, d))
        labellings = list(all_labellings(8, K))
        inertias = np.array([inertia_of(X, labels) for labels in labellings])
        optimum = inertias.min()
        order = np.argsort(inertias)
        for i in [*order[:3], *rng.choice(order, 3)]:
            result = certify_kmeans(X, labellings[i], bound="closed", random_state=0)
            n_checked += 1
            issued += result.certified_
            wrong += result.certified_ and inertias[i] > optimum * (1 + 1e-9)
            above += result.lower_bound_ > optimum * (1 + 1e-12)
        model = SDPKMeans(K, solver="dense", max_iter=200, random_state=0).fit(X)
        issued += model.certified_
        wrong += model.certified_ and model.inertia_ > optimum * (1 + 1e-9)
        above += model.lower_bound_ > optimum * (1 + 1e-12)
        shares.append(model.lower_bound_ / optimum)
    row = {
        "row": "enumeration",
        "data_sets": n_sets,
        "labellings_checked": n_checked,
        "certificates": int(issued),
        "wrong_certificates": int(wrong),
        "bounds_above_optimum": int(above),
        "median_sdp_share": float(np.median(shares)),
        "largest_sdp_share": float(np.max(shares)),
    }
    print(row, flush=True)
    return [row]


def main():
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    if quick:
        rows = estimator_rows(((2000, 4, 5.0),))
        rows += certificate_rows(((2000, 4, 10, 9.5),))
        rows += bound_rows(((2000, 4, 3.0, 0.8),))
        rows += enumeration_row(3)
    else:
        rows = estimator_rows(((100_000, 10, 5.0), (100_000, 10, 11.0)))
        rows += bound_rows(
            (
                (100_000, 4, 3.0, 0.8),
                (100_000, 10, 4.0, 0.0),
                (100_000, 10, 5.0, 0.0),
                (100_000, 10, 6.0, 0.0),
                (100_000, 10, 7.0, 0.0),
            )
        )
        rows += certificate_rows(
            (
                (10_000, 4, 10, 9.5),
                (100_000, 4, 10, 11.0),
                (100_000, 10, 20, 12.0),
                (100_000, 4, 50, 12.0),
                (1_000_000, 4, 10, 12.5),
            )
        )
        rows += enumeration_row(300)
    save("cluster_certificate", rows, quick=quick)


if __name__ == "__main__":
    main()
