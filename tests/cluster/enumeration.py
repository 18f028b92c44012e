"""Certificates and bounds against all partitions of a few points.

``python -m tests.cluster.enumeration 100000`` runs the whole campaign and prints its
counts; the suite runs a short one.
"""

import collections
import sys
import warnings
from functools import cache

import numpy as np

from skgeo.cluster import SDPKMeans, certify_kmeans
from skgeo.cluster._solvers import judgment

ORDINARY = ("plain", "separated", "offset", "duplicates", "ties", "near ties", "mixed")
_CHUNK = 3000  # instances between two lines of the whole campaign
HARD = (
    "sentinel",
    "two sentinels",
    "tight groups",
    "fewer places",
    "far groups",
    "many features",
    "float32",
    "column scales",
)


@cache
def partitions(n, n_clusters):
    """All partitions of n points into K groups, one row each."""
    found = []

    def extend(labels, used):
        if len(labels) == n:
            if used == n_clusters:
                found.append(labels)
            return
        for k in range(min(used + 1, n_clusters)):
            extend((*labels, k), max(used, k + 1))

    extend((), 0)
    return np.array(found)


def inertias(X, n_clusters, weight):
    """Inertia of every partition, in extended precision from pairwise differences."""
    labels = partitions(len(X), n_clusters)
    Y = X.astype(np.longdouble)
    w = weight.astype(np.longdouble)
    square = ((Y[:, None] - Y[None]) ** 2).sum(axis=2) * w[:, None] * w[None]
    value = np.zeros(len(labels), dtype=np.longdouble)
    for k in range(n_clusters):
        mine = (labels == k).astype(np.longdouble)
        value += 0.5 * np.einsum("pi,ij,pj->p", mine, square, mine) / (mine @ w)
    return labels, value


def draw(kind, rng):
    """One instance: points and number of clusters."""
    n, n_clusters, d = rng.integers(5, 9), rng.integers(2, 4), rng.integers(1, 5)
    X = rng.standard_normal((n, d))
    code = rng.integers(n_clusters, size=n)
    if kind == "separated":
        X = 0.3 * X + 3.0 * code[:, None]
    elif kind == "offset":
        X = 0.2 * X + 2.0 * code[:, None] + 10.0 ** rng.uniform(5, 9)
    elif kind == "duplicates":
        X = X.round()
    elif kind == "ties":
        X = rng.integers(0, 3, size=(n, d)).astype(float)
    elif kind == "near ties":
        X = rng.integers(0, 3, size=(n, d)) + 10.0 ** rng.uniform(-15, -7) * X
    elif kind == "mixed":
        X = X * 10.0 ** rng.uniform(-3, 3, size=d)
    elif kind == "sentinel":
        X[rng.integers(n), rng.integers(d)] = rng.choice([-1, 1]) * 10.0 ** (
            rng.uniform(6, 10)
        )
    elif kind == "two sentinels":
        X[:2] *= 10.0 ** rng.uniform(6, 10)
    elif kind == "tight groups":
        places = rng.standard_normal((n_clusters, d))
        X = places[code] + 10.0 ** rng.uniform(-9, -4) * X
    elif kind == "fewer places":
        places = rng.standard_normal((n_clusters - 1, d))
        code = rng.integers(n_clusters - 1, size=n)
        X = places[code] + 10.0 ** rng.uniform(-8, -5) * X
    elif kind == "far groups":
        places = 10.0 ** rng.uniform(5, 8) * rng.standard_normal((2, d))
        X = places[rng.integers(2, size=n)] + X
    elif kind == "many features":
        places = rng.standard_normal((n_clusters, 1000))
        X = places[code] + 10.0 ** rng.uniform(-6, -1) * rng.standard_normal((n, 1000))
    elif kind == "float32":
        places = 10.0 ** rng.uniform(0, 4) * rng.standard_normal((n_clusters, d))
        X = (places[code] + X).astype(np.float32)
    elif kind == "column scales":
        X = X * 10.0 ** rng.uniform(-8, 8, size=d)
    return X, int(n_clusters)


def check(kind, seed, counts):
    """Check one instance; add to the counts of its kind."""
    rng = np.random.default_rng([seed, *kind.encode()])
    X, n_clusters = draw(kind, rng)
    if len(np.unique(X, axis=0)) <= n_clusters:
        return
    weighted = rng.random() < 0.2
    weight = 10.0 ** rng.uniform(-2, 2, size=len(X)) if weighted else np.ones(len(X))
    labels, value = inertias(X, n_clusters, weight)
    order = np.argsort(value)
    best = value[order[0]]
    near = [order[0], order[min(1, len(order) - 1)], order[rng.integers(len(order))]]
    for i, row in enumerate(near):
        # Half of the checks do without a look at every partition.
        few = judgment._FEW
        judgment._FEW = few if rng.random() < 0.5 else 0
        try:
            result = certify_kmeans(
                X,
                labels[row],
                sample_weight=weight if weighted else None,
                bound=rng.choice(["none", "closed", "auto"], p=[0.7, 0.28, 0.02]),
                random_state=0,
            )
        finally:
            judgment._FEW = few
        counts["checks"] += 1
        counts["certified"] += result.certified_
        counts["optimal"] += i == 0
        counts["optimal, certified"] += i == 0 and result.certified_
        # Strict: also a clustering that is worse in the last digits is worse.
        if result.certified_ and value[row] > best * (1 + np.longdouble(1e-17)):
            counts["WRONG CERTIFICATES"] += 1
        counts["BOUNDS ABOVE"] += int(result.lower_bound_ > best)
        counts["GAP TOO LARGE"] += int(result.certified_ and result.gap_ > 1e-9)
        error = abs(np.longdouble(result.inertia_) - value[row])
        allowed = result.rounding_margin_ + 1e-18 * value[row]
        counts["INERTIA OFF"] += int(error > allowed)
    if seed % 40 == 0 and kind != "many features":
        model = SDPKMeans(n_clusters, n_init=1, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, sample_weight=weight if weighted else None)
        row = np.flatnonzero((labels == canonical(model.labels_)).all(axis=1))
        counts["fits"] += 1
        counts["fits, certified"] += model.certified_
        if model.certified_ and value[row[0]] > best * (1 + np.longdouble(1e-17)):
            counts["WRONG CERTIFICATES"] += 1
        counts["BOUNDS ABOVE"] += int(model.lower_bound_ > best)


def canonical(labels):
    """Labels renamed in the order of their first appearance."""
    first = np.unique(labels, return_index=True)[1]
    return np.argsort(np.argsort(first))[np.unique(labels, return_inverse=True)[1]]


def campaign(n_instances, first=0):
    """Counts per kind; two thirds ordinary, one third of the hard kinds."""
    found = {kind: collections.Counter() for kind in ORDINARY + HARD}
    for seed in range(first, first + n_instances):
        kinds = HARD if seed % 3 == 2 else ORDINARY
        kind = kinds[(seed // 3) % len(kinds)]
        check(kind, seed, found[kind])
    return found


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    total = {kind: collections.Counter() for kind in ORDINARY + HARD}
    for first in range(start, start + size, _CHUNK):
        count = min(_CHUNK, start + size - first)
        for kind, counts in campaign(count, first).items():
            total[kind].update(counts)
        everything = sum(total.values(), collections.Counter())
        print(first + count - start, "instances:", dict(everything), flush=True)
    for kind, counts in total.items():
        print(kind, dict(counts))
