"""Bounds by blocks against what they must not exceed, and their kernels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans

from skgeo.cluster import SDPKMeans, certify_kmeans
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._solvers.anticluster import anticluster_bound, deal_blocks
from skgeo.cluster._solvers.lloyd import group_means
from skgeo.kernels import kmeans


def codes(labels):
    return np.unique(labels, return_inverse=True)[1]


def scattered(n=240, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)) + 3.0 * rng.integers(3, size=(n, 1))


@pytest.mark.parametrize("block_size", [40, 60, 500])
def test_the_bound_is_below_the_optimum_and_near_it(block_size):
    X = scattered(120)
    best = KMeans(4, n_init=30, random_state=0).fit(X)
    found = anticluster_bound(
        X,
        best.labels_.astype(np.intp),
        4,
        block_size=block_size,
        max_seconds=20.0,
        n_jobs=None,
        random_state=np.random.RandomState(0),
    )
    assert found.lower_bound <= found.block_values * (1 + 1e-9)
    assert found.block_values <= best.inertia_ * (1 + 1e-9)
    assert found.lower_bound > 0.85 * best.inertia_


def test_blocks_look_like_the_whole():
    X = scattered()
    labels = KMeans(4, n_init=5, random_state=0).fit(X).labels_.astype(np.intp)
    block = deal_blocks(X, labels, 6, np.random.RandomState(0))
    assert np.ptp(np.bincount(block)) <= 4
    for k in range(4):
        counts = np.bincount(block[labels == k], minlength=6)
        assert np.ptp(counts) <= 1
    within = sum(inertia_of(X[block == b], labels[block == b]) for b in range(6))
    random = np.random.default_rng(0).permutation(block)
    other = sum(
        inertia_of(
            X[random == b], np.unique(labels[random == b], return_inverse=True)[1]
        )
        for b in range(6)
    )
    whole = inertia_of(X, labels)
    assert whole - within < 0.2 * (whole - other)


def test_matching_lowers_what_it_says():
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((60, 3)), np.repeat([0, 1], 30)
    block = np.tile(np.arange(3), 20)
    away = X - np.array([X[labels == k].mean(axis=0) for k in range(2)])[labels]

    def spread():
        return sum(
            len(m) * (m.mean(axis=0) ** 2).sum()
            for k in range(2)
            for b in range(3)
            for m in [away[(labels == k) & (block == b)]]
        )

    sums, sizes = np.zeros((2, 3, 3)), np.zeros((2, 3), dtype=np.int64)
    np.add.at(sums, (labels, block), away)
    np.add.at(sizes, (labels, block), 1)
    before = spread()
    first, second = rng.integers(60, size=(2, 3000))
    made = kmeans.match_block_means(away, labels, block, sums, sizes, first, second)
    assert made > 0
    assert spread() < 0.1 * before
    want = np.zeros((2, 3, 3))
    np.add.at(want, (labels, block), away)
    assert_allclose(sums, want, atol=1e-12)


def test_exchanges_raise_the_values():
    X = scattered(60)
    labels = KMeans(3, n_init=5, random_state=0).fit(X).labels_.astype(np.int64)
    pool = np.array([[X[labels == k].mean(axis=0) for k in range(3)]])
    rows = np.random.default_rng(0).permutation(60).reshape(3, 20)
    values = np.array([kmeans.block_value(X[r], labels[r], pool) for r in rows])
    before = values.sum()
    rng = np.random.default_rng(1)
    pairs = np.column_stack(
        [rng.integers(3, size=(400, 2)), rng.integers(20, size=(400, 2))]
    )
    kmeans.exchange_for_values(X, labels, rows, values, pool, pairs)
    assert values.sum() > before
    assert sorted(rows.ravel()) == list(range(60))
    again = [kmeans.block_value(X[r], labels[r], pool) for r in rows]
    assert_allclose(values, again)


def test_certificate_with_blocks():
    X = scattered(120)
    labels = KMeans(4, n_init=10, random_state=0).fit(X).labels_
    closed = certify_kmeans(X, labels, bound="closed", random_state=0)
    seen = []
    blocks = certify_kmeans(
        X,
        labels,
        bound="anticluster",
        max_time=10.0,
        block_size=40,
        callback=seen.append,
        random_state=0,
    )
    assert [state["n_iter"] for state in seen] == [1, 2, 3]
    assert blocks.bound_method_ == "anticluster"
    assert blocks.gap_ < closed.gap_
    assert blocks.lower_bound_ <= blocks.inertia_
    with pytest.raises(ValueError, match="sample_weight"):
        certify_kmeans(X, labels, bound="anticluster", sample_weight=np.arange(120) + 1)


def test_no_time_is_no_wrong_bound():
    X = scattered()
    best = KMeans(4, n_init=30, random_state=0).fit(X)
    found = certify_kmeans(
        X, best.labels_, bound="anticluster", max_time=0.0, random_state=0
    )
    assert 0 <= found.lower_bound_ <= best.inertia_


def test_cuts_tighten_the_relaxation():
    X = scattered(90, seed=2)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=90)
    for w in (None, weight):
        plain = SDPKMeans(4, random_state=0).fit(X, sample_weight=w)
        cut = SDPKMeans(4, cuts=True, random_state=0).fit(X, sample_weight=w)
        assert cut.solver_ == "cuts"
        assert_allclose(cut.inertia_, plain.inertia_, rtol=1e-9)
        assert cut.lower_bound_ <= cut.inertia_
        assert cut.gap_ < 0.3 * plain.gap_


def test_means_of_groups():
    X, labels = scattered(30), np.arange(30) % 3
    expected = [[np.mean([x[j] for x in X[k::3]]) for j in range(2)] for k in range(3)]
    assert_allclose(group_means(X, labels, 3), expected)
