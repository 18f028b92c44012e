"""ExactKMeans on classic sets, beside published figures of SOS-SDP.

Root gap, nodes and CPU seconds of this machine; those of SOS-SDP were printed by its
authors for their machine (up to 16 threads), so that only roots and nodes compare. Sets
that do not come with scikit-learn are read from ``SKGEO_TEST_DATA`` where that is set.

    python -m benchmarks.cluster.bench_exact [--quick] [--only NAME ...]
"""

import argparse
import gzip
import os
import pathlib
import time
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, load_wine

from benchmarks.common import save
from skgeo.cluster import ExactKMeans, SDPKMeans, certify_kmeans

FOLDER = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", "")) / "clustering"


def plane(name):
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()[1:]
    return np.array([line.split() for line in lines if line.strip()], dtype=float)


def glass():
    with gzip.open(FOLDER / "glass.data.gz", "rt") as lines:
        X = np.array([line.split() for line in lines if line.strip()], dtype=float)
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


def digits():
    data = load_digits()
    return data.data[np.isin(data.target, range(4))]


# name: points, K, and of SOS-SDP root gap (%), nodes, seconds (None: not published)
CASES = {
    "iris": (lambda: load_iris().data, 3, (None, None, None)),
    "wine": (lambda: load_wine().data, 3, (None, None, None)),
    "seeds": (lambda: plane("seeds"), 3, (None, None, None)),
    "glass": (glass, 6, (None, None, 199)),
    "pr299, K=2": (lambda: plane("pr299"), 2, (0.15, 5, 69)),
    "pr299, K=4": (lambda: plane("pr299"), 4, (1.19, 73, 907)),
    "wine, K=5": (lambda: load_wine().data, 5, (None, None, None)),
    "fl417, K=10": (lambda: plane("fl417"), 10, (0.0, 1, 217)),
    "fl417, K=4": (lambda: plane("fl417"), 4, (6.04, 57, 1432)),
    "pr299, K=10": (lambda: plane("pr299"), 10, (0.84, 21, 338)),
    "pr299, K=6": (lambda: plane("pr299"), 6, (1.31, 97, 1255)),
    "pr299, K=8": (lambda: plane("pr299"), 8, (0.55, 35, 430)),
    "digits 0-3": (digits, 4, (None, None, None)),
    "gr666, K=10": (lambda: plane("gr666"), 10, (7.11, 257, 14553)),
}


def exact_row(name, max_time):
    load, K, (root, nodes, seconds) = CASES[name]
    X = load()
    start = time.process_time()
    model = ExactKMeans(K, max_time=max_time, max_points=800, random_state=0).fit(X)
    cpu = time.process_time() - start
    plain = SDPKMeans(K, solver="dense", random_state=0).fit(X)
    kmeans = KMeans(K, n_init=50, random_state=0).fit(X)
    return {
        "row": "exact",
        "set": name,
        "n": len(X),
        "d": X.shape[1],
        "K": K,
        "inertia": model.inertia_,
        "kmeans_50_starts_above": kmeans.inertia_ / model.inertia_ - 1,
        "plain_gap": 1 - plain.lower_bound_ / model.inertia_,
        "root_gap": model.root_gap_,
        "gap": model.gap_,
        "status": model.status_,
        "nodes": model.n_nodes_,
        "sweeps": model.n_iter_,
        "cpu": cpu,
        "sos_sdp_root_gap": None if root is None else root / 100,
        "sos_sdp_nodes": nodes,
        "sos_sdp_seconds": seconds,
    }


def large_row(name, K, max_time):
    X = plane(name)
    labels = SDPKMeans(K, random_state=0).fit(X).labels_
    row = {"row": "large", "set": name, "n": len(X), "K": K, "max_time": max_time}
    for bound, effort in (("auto", "fast"), ("auto", "thorough")):
        start = time.process_time()
        found = certify_kmeans(X, labels, bound=bound, effort=effort, random_state=0)
        row[f"{effort}_gap"] = found.gap_
        row[f"{effort}_cpu"] = time.process_time() - start
    start = time.process_time()
    found = certify_kmeans(
        X, labels, bound="anticluster", max_time=max_time, random_state=0
    )
    row["anticluster_gap"] = found.gap_
    row["anticluster_cpu"] = time.process_time() - start
    return row


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--max-time", type=float, default=600.0)
    arguments = parser.parse_args()
    ExactKMeans(2, random_state=0).fit(np.arange(30.0)[:, None] ** 2)  # compile
    names = ["iris", "wine"] if arguments.quick else list(CASES)
    names = arguments.only if arguments.only else names
    rows = []
    for name in names:
        if name == "large":
            rows.append(large_row("u1060", 10, arguments.max_time))
        else:
            rows.append(exact_row(name, arguments.max_time))
        print(rows[-1], flush=True)
        save(
            "cluster_exact",
            rows,
            quick=arguments.quick,
            max_time=arguments.max_time,
            tol=1e-4,
        )


if __name__ == "__main__":
    main()
