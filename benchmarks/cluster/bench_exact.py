"""ExactKMeans on classic sets, beside published figures of two exact solvers.

Root gap, nodes and CPU seconds of this machine. Those of SOS-SDP (branch and bound on a
semidefinite relaxation with cuts) and of a column generation with dynamic constraint
aggregation were printed by the authors of the latter (Sudoso, Aloise, INFORMS J.
Computing, 2024.0938) for their machine (up to 16 threads), so that only roots and nodes
compare. Sets that do not come with scikit-learn are read from ``SKGEO_TEST_DATA`` where
that is set. The large rows are bounds for given labels; ``max_time`` is wall time, of
which a busy machine gives CPU seconds only in part.

    python -m benchmarks.cluster.bench_exact [--quick] [--only NAME ...] [--list]

``--only`` replaces the rows of these names in the file of results and keeps the others.
"""

import argparse
import gzip
import json
import os
import pathlib
import time
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA

from benchmarks.common import RESULTS, save
from skgeo.cluster import ExactKMeans, SDPKMeans, certify_kmeans
from skgeo.cluster._solvers.local_search import search_labels

FOLDER = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", "")) / "clustering"


def plane(name):
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()[1:]
    return np.array([line.split() for line in lines if line.strip()], dtype=float)


def packed(name):
    with gzip.open(FOLDER / f"{name}.data.gz", "rt") as lines:
        return np.array([line.split() for line in lines if line.strip()], dtype=float)


def glass():
    X = packed("glass")
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


def digits():
    data = load_digits()
    return data.data[np.isin(data.target, range(4))]


_MAX_PLAIN = 500  # points up to which the plain program is solved too
NONE = (None, None, None)
# name: points, K, then root gap (%), nodes, seconds of SOS-SDP and of the column
# generation (None: not published)
CASES = {
    "iris": (lambda: load_iris().data, 3, NONE, NONE),
    "wine": (lambda: load_wine().data, 3, NONE, NONE),
    "seeds": (lambda: plane("seeds"), 3, NONE, NONE),
    "glass": (glass, 6, (None, None, 199), NONE),
    "pr299, K=2": (lambda: plane("pr299"), 2, (0.15, 5, 69), (0.01, 1, 61)),
    "pr299, K=4": (lambda: plane("pr299"), 4, (1.19, 73, 907), (0.0, 1, 89)),
    "wine, K=5": (lambda: load_wine().data, 5, NONE, NONE),
    "fl417, K=10": (lambda: plane("fl417"), 10, (0.0, 1, 217), (0.0, 1, 10)),
    "fl417, K=4": (lambda: plane("fl417"), 4, (6.04, 57, 1432), (0.0, 1, 8)),
    "pr299, K=10": (lambda: plane("pr299"), 10, (0.84, 21, 338), (0.0, 1, 21)),
    "pr299, K=6": (lambda: plane("pr299"), 6, (1.31, 97, 1255), (0.01, 1, 29)),
    "pr299, K=8": (lambda: plane("pr299"), 8, (0.55, 35, 430), (0.73, 5, 128)),
    "digits 0-3": (digits, 4, NONE, NONE),
    "gr666, K=10": (lambda: plane("gr666"), 10, (7.11, 257, 14553), (0.01, 1, 963)),
    "u1060 exact, K=30": (lambda: plane("u1060"), 30, (5.1, None, None), NONE),
    "u1060 exact, K=10": (lambda: plane("u1060"), 10, (6.08, None, 23400), NONE),
}


def x_rays():
    """Images of the chest, their leading components; 5,232 of them."""
    data = np.load(FOLDER.parent / "pneumonia_mnist" / "pneumonia_mnist.npz")
    names = ("train_images", "val_images")
    images = np.concatenate([data[name] for name in names])
    X = images.reshape(len(images), -1) / 255.0
    return PCA(8, random_state=0).fit_transform(X)


def patches():
    """Squares of five by five pixels cut from images of digits, three components."""
    images = load_digits().images
    found = np.lib.stride_tricks.sliding_window_view(images, (5, 5), axis=(1, 2))
    return PCA(3, random_state=0).fit_transform(found.reshape(-1, 25)[:20_000])


# name: points, K, seconds
LARGE = {
    "u1060, K=10": (lambda: plane("u1060"), 10, 60),
    "digits, K=10": (lambda: load_digits().data, 10, 120),
    "statlog, K=7": (lambda: packed("statlog"), 7, 240),
    "x-rays, K=6": (x_rays, 6, 420),
    "s4, K=15": (lambda: packed("s4"), 15, 240),
    "unbalance, K=8": (lambda: packed("unbalance"), 8, 240),
    "digit patches, K=8": (patches, 8, 420),
}


def beside_published(rows):
    """One row for each set and solver: ours, and what others published of it."""
    found = []
    for row in rows:
        if row["row"] != "exact":
            continue
        _, _, *figures = CASES[row["set"]]
        ours = (100 * row["root_gap"], row["nodes"], row["cpu"])
        for solver, figure in zip(
            ("skgeo", "SOS-SDP", "column generation"), (ours, *figures), strict=True
        ):
            if figure == NONE:
                continue
            root, nodes, seconds = figure
            found.append(
                {
                    "row": "beside published figures",
                    "set": row["set"],
                    "solver": solver,
                    "root_gap": None if root is None else root / 100,
                    "nodes": nodes,
                    "seconds": seconds,
                    "gap_left": row["gap"] if solver == "skgeo" else None,
                }
            )
    return found


def exact_row(name, max_time):
    load, K, *_ = CASES[name]
    X = load()
    start, wall = time.process_time(), time.perf_counter()
    model = ExactKMeans(
        K, max_time=max_time, max_points=max(len(X), 2), random_state=0
    ).fit(X)
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    # The plain program has no part in the exact search: its bound is not run again.
    known = [r for r in kept_rows([]) if r["set"] == name and "plain_gap" in r]
    if known:
        plain = known[0]["plain_gap"]
    elif len(X) <= _MAX_PLAIN:
        fit = SDPKMeans(K, solver="dense", random_state=0).fit(X)
        plain = 1 - fit.lower_bound_ / model.inertia_
    else:
        plain = None
    kmeans = KMeans(K, n_init=50, random_state=0).fit(X)
    return {
        "row": "exact",
        "set": name,
        "n": len(X),
        "d": X.shape[1],
        "K": K,
        "inertia": model.inertia_,
        "kmeans_50_starts_above": kmeans.inertia_ / model.inertia_ - 1,
        "plain_gap": plain,
        "root_gap": model.root_gap_,
        "gap": model.gap_,
        "status": model.status_,
        "nodes": model.n_nodes_,
        "sweeps": model.n_iter_,
        "cpu": cpu,
        "wall": wall,
    }


def large_row(name, max_time):
    load, K, seconds = LARGE[name]
    X = load()
    labels = SDPKMeans(K, random_state=0).fit(X).labels_
    labels = search_labels(X, labels, K, None, np.random.RandomState(0), n_swaps=200)
    row = {"row": "large", "set": name, "n": len(X), "d": X.shape[1], "K": K}
    start = time.process_time()
    found = certify_kmeans(X, labels, random_state=0)
    row["fast_gap"], row["fast_cpu"] = found.gap_, time.process_time() - start
    start, wall = time.process_time(), time.perf_counter()
    found = certify_kmeans(X, labels, bound="closed", random_state=0)
    row["closed_gap"], row["closed_cpu"] = found.gap_, time.process_time() - start
    # As much time as the closed bound took, and what it needs.
    short = max(time.perf_counter() - wall, 0.1)
    found = certify_kmeans(
        X, labels, bound="anticluster", max_time=short, random_state=0
    )
    row["equal_time_gap"] = found.gap_
    start, wall = time.process_time(), time.perf_counter()
    row["max_time"] = min(seconds, max_time)
    found = certify_kmeans(
        X, labels, bound="anticluster", max_time=row["max_time"], random_state=0
    )
    row["anticluster_gap"] = found.gap_
    row["anticluster_cpu"] = time.process_time() - start
    row["anticluster_wall"] = time.perf_counter() - wall
    return row


def kept_rows(names):
    """Rows of other names that are in the file of results."""
    file = RESULTS / "cluster_exact.json"
    if not file.exists():
        return []
    rows = json.loads(file.read_text())["rows"]
    return [r for r in rows if r["set"] not in names and r["row"] in ("exact", "large")]


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--max-time", type=float, default=600.0)
    arguments = parser.parse_args()
    everything = [*CASES, *LARGE]
    if arguments.list:
        print("\n".join(everything))
        return
    for d in (1, 3):  # compile
        points = np.random.default_rng(0).standard_normal((30, d))
        ExactKMeans(3, tol=1e-9, random_state=0).fit(points)
    names = ["iris", "wine"] if arguments.quick else everything
    names = arguments.only or names
    rows = []
    for name in names:
        row = large_row if name in LARGE else exact_row
        rows.append(row(name, arguments.max_time))
        both = rows + ([] if arguments.quick else kept_rows(names))
        both.sort(key=lambda r: everything.index(r["set"]))
        both += beside_published(both)
        save("cluster_exact", both, quick=arguments.quick, tol=1e-4)


if __name__ == "__main__":
    main()
