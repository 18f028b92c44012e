"""Local search and enumeration kernels against plain numpy."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._solvers.local_search import swap_search
from skgeo.kernels import kmeans


def points(seed, n=40, d=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), 10.0 ** rng.uniform(-1, 1, size=n), rng


def test_nearest_centers():
    X, _, rng = points(0)
    centers = rng.standard_normal((5, 3))
    labels = np.empty(40, dtype=np.int64)
    total = kmeans.assign_nearest(X, centers, labels)
    square = cdist(X, centers, "sqeuclidean")
    assert_array_equal(labels, square.argmin(axis=1))
    assert_allclose(total, square.min(axis=1).sum())


@pytest.mark.parametrize("seed", range(5))
def test_no_single_move_is_left(seed):
    X, weight, rng = points(seed)
    labels = rng.integers(4, size=40)
    start = inertia_of(X, labels, weight)
    value = kmeans.hartigan(X, weight, labels, 4, 200)
    assert_allclose(value, inertia_of(X, labels, weight), rtol=1e-10)
    assert value <= start
    for i, k in itertools.product(range(40), range(4)):
        other = labels.copy()
        other[i] = k
        if len(np.unique(other)) == 4:
            assert inertia_of(X, other, weight) >= value * (1 - 1e-10)


def test_an_empty_group_is_filled():
    X, weight, _ = points(1)
    labels = np.zeros(40, dtype=np.int64)
    kmeans.hartigan(X, weight, labels, 3, 200)
    assert set(labels) == {0, 1, 2}


def test_subsets_and_partitions():
    X, weight, _ = points(2, n=7)
    costs = kmeans.subset_costs(X, weight)
    for S in range(1, 128):
        rows = [i for i in range(7) if S >> i & 1]
        want = inertia_of(X[rows], np.zeros(len(rows), dtype=int), weight[rows])
        assert_allclose(costs[S], want, atol=1e-12)
    best = kmeans.best_partitions(costs, 7, 7)
    for K in range(1, 8):
        want = (
            min(
                inertia_of(X, np.unique(labels, return_inverse=True)[1], weight)
                for labels in itertools.product(range(K), repeat=7)
                if len(set(labels)) == K
            )
            if K < 5
            else best[K - 1]
        )
        assert_allclose(best[K - 1], want, atol=1e-12)
    assert np.all(np.diff(best) <= 1e-15)


def test_swaps_are_no_worse_than_many_starts():
    rng = np.random.default_rng(0)
    X = (
        rng.standard_normal((300, 2))
        + 6 * rng.standard_normal((15, 2))[rng.integers(15, size=300)]
    )
    best = KMeans(12, n_init=30, random_state=0).fit(X).inertia_
    labels, value = swap_search(X, 12, n_init=5, random_state=np.random.RandomState(0))
    assert_allclose(value, inertia_of(X, labels))
    assert value <= best * (1 + 1e-9)


def test_warmup_compiles_every_kernel():
    kmeans.warmup()
    for name in kmeans.__all__:
        kernel = getattr(kmeans, name)
        assert not hasattr(kernel, "signatures") or kernel.signatures
