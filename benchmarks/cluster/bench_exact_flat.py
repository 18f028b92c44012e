"""ExactKMeans with one to four features on data that nothing was set on.

Columns of real tables that come with scikit-learn and MNE, and random mixtures. The
tolerances of column generation were set on the plane sets of ``bench_exact``; here is
what they do elsewhere: how many problems are proven at the root, with branching, and
not within the time limit.

    python -m benchmarks.cluster.bench_exact_flat [--quick] [--part PART ...]

``--part`` replaces the rows of these parts in the file of results and keeps the others.
"""

import argparse
import functools
import itertools
import json
import time
import warnings

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from benchmarks.common import RESULTS, save
from skgeo.cluster import ExactKMeans

NAME = "cluster_exact_flat"
MAX_TIME = 60.0


def iris():
    X = load_iris().data
    for columns in itertools.combinations(range(4), 2):
        for K in (3, 6):
            yield f"iris {columns}", X[:, columns], K


def tables():
    """Standardized columns of wine, breast cancer, diabetes and linnerud."""
    wine = StandardScaler().fit_transform(load_wine().data)
    for columns in ((0, 9), (6, 11), (0, 6, 12)):
        for K in (3, 7):
            yield f"wine {columns}", wine[:, columns], K
    body = StandardScaler().fit_transform(load_diabetes().data)
    for columns in ((0,), (2, 3), (2, 8), (0, 2, 3)):
        yield f"diabetes {columns}", body[:, columns], 5
    cells = StandardScaler().fit_transform(load_breast_cancer().data)
    for columns in ((0, 1), (4, 8), (1, 4, 8)):
        yield f"breast cancer {columns}", cells[:, columns], 5
    yield "linnerud", StandardScaler().fit_transform(load_linnerud().data), 4


def places():
    """Positions of sensors around the head, in meters; principal axes of digits."""
    import mne

    caps = mne.channels.get_builtin_montages()
    for name in ("standard_1005", "GSN-HydroCel-129", "biosemi256"):
        if name in caps:
            cap = mne.channels.make_standard_montage(name).get_positions()["ch_pos"]
            for K in (4, 9):
                yield name, np.array(list(cap.values())), K
    data = load_digits()
    for d, n in ((2, 400), (3, 300), (4, 200)):
        Z = PCA(d, random_state=0).fit_transform(data.data)[:n]
        for K in (5, 9):
            yield f"digits, {d} axes", Z, K


def mixtures(d):
    """Normal clusters of unequal sizes and spreads, near to far from each other."""
    rng = np.random.default_rng([20_261, d])
    for number in range(10):
        groups, K = int(rng.integers(2, 9)), int(rng.integers(2, 9))
        n = int(rng.integers(100, 501 if d < 4 else 251))
        centers = rng.uniform(0.5, 4) * rng.standard_normal((groups, d))
        label = rng.choice(groups, n, p=rng.dirichlet(np.full(groups, 3.0)))
        spread = rng.uniform(0.3, 1.5, size=(groups, d))
        yield (
            f"mixture {d}-{number}",
            centers[label] + spread[label] * rng.standard_normal((n, d)),
            K,
        )


PARTS = {"iris": iris, "tables": tables, "places": places} | {
    f"mixtures-{d}": functools.partial(mixtures, d) for d in range(1, 5)
}


def row_of(part, name, X, K, max_time):
    start, wall = time.process_time(), time.perf_counter()
    model = ExactKMeans(K, max_time=max_time, random_state=0).fit(X)
    found = {
        "row": "problem",
        "part": part,
        "set": name,
        "n": len(X),
        "distinct": len(np.unique(X, axis=0)),
        "d": X.shape[1],
        "K": K,
        "status": model.status_,
        "root_gap": model.root_gap_,
        "gap": model.gap_,
        "nodes": model.n_nodes_,
        "cpu": time.process_time() - start,
        "wall": time.perf_counter() - wall,
    }
    print({k: found[k] for k in ("set", "n", "d", "K", "status", "root_gap", "gap",
           "nodes", "cpu")}, flush=True)  # fmt: skip
    return found


def summary(rows):
    """Counts and times by number of features."""
    found = []
    for part, d in sorted({(r["part"], r["d"]) for r in rows}):
        mine = [r for r in rows if (r["part"], r["d"]) == (part, d)]
        proven = [r for r in mine if r["status"] == "optimal"]
        seconds = [r["cpu"] for r in mine]
        found.append(
            {
                "row": "summary",
                "part": part,
                "d": d,
                "problems": len(mine),
                "at_the_root": sum(r["nodes"] <= 1 for r in proven),
                "by_branching": sum(r["nodes"] > 1 for r in proven),
                "open": len(mine) - len(proven),
                "largest_gap_left": max(r["gap"] for r in mine),
                "median_cpu": float(np.median(seconds)),
                "largest_cpu": max(seconds),
            }
        )
    return found


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", nargs="*", choices=PARTS)
    arguments = parser.parse_args()
    for d in (1, 3):  # compile
        points = np.random.default_rng(0).standard_normal((30, d))
        ExactKMeans(3, tol=1e-9, random_state=0).fit(points)
    parts = ["iris"] if arguments.quick else arguments.part or list(PARTS)
    file, kept = RESULTS / f"{NAME}.json", []
    if file.exists() and not arguments.quick:
        kept = json.loads(file.read_text())["rows"]
        kept = [r for r in kept if r["row"] == "problem" and r["part"] not in parts]
    rows = []
    for part in parts:
        problems = itertools.islice(PARTS[part](), 2 if arguments.quick else None)
        rows += [row_of(part, *problem, MAX_TIME) for problem in problems]
        everything = sorted(kept + rows, key=lambda r: list(PARTS).index(r["part"]))
        save(
            NAME,
            everything + summary(everything),
            quick=arguments.quick,
            max_time=MAX_TIME,
        )


if __name__ == "__main__":
    main()
