"""Certificates and bounds against enumeration, dense formulas and each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans

from skgeo.cluster import KMeansCertificate, certify_kmeans
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._kmeans import group_rows
from skgeo.cluster._solvers import bounds as kmeans_bounds
from skgeo.cluster._solvers import certificate as kmeans_certificate
from skgeo.cluster._solvers.groups import group_points, max_inner_product
from skgeo.cluster._solvers.relaxation import (
    double_centered,
    multiplier_certificate,
    solve_kmeans_sdp,
)
from skgeo.datasets import make_gaussian_clusters


def all_labellings(n, n_clusters):
    """Every partition of n points into exactly K groups, first point in group 0."""
    for rest in itertools.product(range(n_clusters), repeat=n - 1):
        labels = np.array((0, *rest))
        first = np.unique(labels, return_index=True)[1]
        if len(first) == n_clusters and np.all(np.diff(first) > 0):
            yield labels


def dense_multiplier(groups, t, kappa):
    """The clipped N as an n x n matrix, in sorted order."""
    psi, slack, coefficient, theta, h = kmeans_bounds._clipped_features(
        groups, t, kappa
    )
    edges = np.concatenate([[0], np.cumsum(groups.sizes)])
    N = np.zeros((groups.n_points,) * 2)
    for a in range(groups.n_groups):
        for b in range(a + 1, groups.n_groups):
            gap = groups.means[b] - groups.means[a]
            block = coefficient[a, b] * np.outer(slack[a][:, b], slack[b][:, a])
            if psi is not None:
                Q = np.eye(len(gap)) - 2.0 / h[a, b] * np.outer(gap, gap)
                block -= theta[a, b] * psi[a] @ Q @ psi[b].T
            N[edges[a] : edges[a + 1], edges[b] : edges[b + 1]] = block
            N[edges[b] : edges[b + 1], edges[a] : edges[a + 1]] = block.T
    return N


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_wrong_certificate_and_no_bound_above_the_optimum(seed):
    rng = np.random.RandomState(seed % 2**32)
    K, d = rng.randint(2, 4), rng.randint(1, 4)
    centers = rng.choice([0.0, 2.0, 6.0]) * rng.standard_normal((K, d))
    X = centers[rng.randint(K, size=8)] + rng.standard_normal((8, d))
    if rng.rand() < 0.2:
        X = X.round()
    labellings = list(all_labellings(8, K))
    inertias = np.array([inertia_of(X, labels) for labels in labellings])
    optimum = inertias.min()
    near = np.argsort(inertias)[:2]
    for i in [*near, rng.randint(len(labellings))]:
        result = certify_kmeans(X, labellings[i], random_state=0)
        assert_allclose(result.inertia_, inertias[i], rtol=1e-10, atol=1e-12)
        assert result.lower_bound_ <= optimum * (1 + 1e-12)
        if result.certified_:
            assert inertias[i] <= optimum * (1 + 1e-9)


def test_reduced_bound_equals_the_dense_one():
    X, _ = make_gaussian_clusters(90, 3, 4, separation=4.5, random_state=1)
    labels = KMeans(3, n_init=5, random_state=0).fit(X).labels_
    groups = group_points(X, labels, 3)
    gram = double_centered(X @ X.T)[np.ix_(groups.order, groups.order)]
    t = groups.largest_t() * 0.5 + 10.0
    for kappa in (None, 0.7, 1.5):
        N = dense_multiplier(groups, t, kappa)
        assert N.min() >= -1e-14 * N.max()
        assert_allclose(N, N.T)
        M = gram + N
        want = M.sum() / 90 + np.linalg.eigvalsh(double_centered(M))[-2:].sum()
        got = kmeans_bounds._clipped_value(groups, 3, t, kappa)
        assert_allclose(got, want, rtol=1e-9)
        assert got >= want * (1 - 1e-12)


def test_reduced_certificate_has_the_dense_spectrum():
    X, _ = make_gaussian_clusters(90, 3, 4, separation=9, random_state=2)
    labels = KMeans(3, n_init=5, random_state=0).fit(X).labels_
    groups = group_points(X, labels, 3)
    t = 0.9 * groups.largest_t()
    for kappa in (None, 1.0):
        factors = [np.linalg.qr(D, mode="r") for D in groups.points]
        M, _ = kmeans_certificate._reduced(groups, t, kappa, factors)
        N = dense_multiplier(groups, t, kappa)
        gram = double_centered(X @ X.T)[np.ix_(groups.order, groups.order)]
        same = np.equal.outer(labels, labels)[np.ix_(groups.order, groups.order)]
        Pi = np.eye(90) - same / same.sum(axis=0)
        want = np.linalg.eigvalsh(Pi @ (gram + N) @ Pi)[-5:]
        assert_allclose(np.linalg.eigvalsh(M)[-5:], want, rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), shift=st.sampled_from([-3.0, 0.0, 3.0]))
def test_pair_search_finds_the_largest_product(seed, shift):
    rng = np.random.default_rng(seed)
    V = rng.standard_normal((rng.integers(1, 80), 3)) + shift
    W = rng.standard_normal((rng.integers(1, 80), 3)) - abs(shift)
    want = (V @ W.T).max()
    got = max_inner_product(V, W)
    assert want <= got + 1e-14
    assert got <= want + 1e-10 * (1 + abs(want))
    assert max_inner_product(V, W, budget=1) >= want - 1e-14


def test_verdicts_follow_the_separation():
    for separation, verdict in ((9.0, "certified"), (4.0, "not_tight")):
        X, _ = make_gaussian_clusters(200, 3, 5, separation=separation, random_state=0)
        labels = KMeans(3, n_init=10, random_state=0).fit(X).labels_
        result = certify_kmeans(X, labels, random_state=0)
        assert result.verdict_ == verdict
        assert result.certified_ == (verdict == "certified")
        assert 0 < result.lower_bound_ <= result.inertia_
    assert result.floor_ > result.t_max_


def test_bounds_tighten_in_order():
    X, _ = make_gaussian_clusters(400, 4, 4, separation=3.0, random_state=1)
    labels = KMeans(4, n_init=10, random_state=0).fit(X).labels_
    found = [
        certify_kmeans(X, labels, bound=bound, random_state=0).lower_bound_
        for bound in ("none", "closed", "auto")
    ]
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.9 * inertia_of(X, labels)


def test_multiplier_of_the_solver_certifies():
    X, y = make_gaussian_clusters(60, 2, 3, separation=8, random_state=4)
    A = double_centered(X @ X.T)
    N = solve_kmeans_sdp(
        A,
        2,
        group_rows=group_rows,
        early_stop=False,
        max_iter=60,
        random_state=np.random.RandomState(0),
    ).extra["N"][0]
    assert multiplier_certificate(A, y, 2, N) == "certified"
    wrong = y.copy()
    wrong[0] = 1 - wrong[0]
    assert multiplier_certificate(A, wrong, 2, N) == "not_tight"


def test_subsample_bound_is_reported_with_its_confidence():
    X, _ = make_gaussian_clusters(2000, 3, 4, separation=4, random_state=0)
    labels = KMeans(3, n_init=5, random_state=0).fit(X).labels_
    result = certify_kmeans(
        X,
        labels,
        bound="subsample",
        n_subsamples=8,
        subsample_size=50,
        confidence=0.95,
        random_state=0,
    )
    assert result.confidence_ == 0.95
    assert 0.5 * result.inertia_ < result.probable_lower_bound_ < result.inertia_


def test_from_estimator_and_more_clusters_than_labels():
    X, y = make_gaussian_clusters(150, 3, 4, separation=9, random_state=0)
    kmeans = KMeans(3, n_init=5, random_state=0).fit(X)
    certificate = KMeansCertificate.from_estimator(kmeans, X)
    assert certificate.certified_
    assert_allclose(certificate.inertia_, kmeans.inertia_, rtol=1e-9)
    four = certify_kmeans(X, y, n_clusters=4, random_state=0)
    better = KMeans(4, n_init=10, random_state=0).fit(X).inertia_
    assert four.verdict_ == "open"
    assert four.lower_bound_ <= better


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_any_magnitude_and_offset(scale):
    X, y = make_gaussian_clusters(100, 2, 3, separation=9, random_state=0)
    small = certify_kmeans(X, y)
    result = certify_kmeans(X * scale, y)
    assert result.certified_
    assert result.gap_ < 1e-9
    assert_allclose(result.lower_bound_, small.lower_bound_ * scale**2, rtol=1e-9)
    assert certify_kmeans(X + 1e8, y).certified_


def test_degenerate_input():
    X = np.repeat(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 20, axis=0)
    y = np.repeat([5, 7, 9], 20)
    assert certify_kmeans(X, y).certified_
    assert certify_kmeans(np.ones((5, 2)), np.zeros(5)).certified_
    assert certify_kmeans(X[::20], ["a", "b", "c"]).certified_
    single = certify_kmeans(X + np.arange(60)[:, None], np.r_[0, np.ones(59)])
    assert single.lower_bound_ <= single.inertia_


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": np.zeros(3)}, "inconsistent numbers of samples"),
        ({"labels": np.zeros((6, 1))}, "labels must be 1-D"),
        ({"n_clusters": 1}, "more than"),
        ({"n_clusters": 7}, "more than the 6 samples"),
        ({"bound": "best"}, "bound must be"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"bound": "subsample", "subsample_size": 2}, "subsample_size"),
    ],
)
def test_bad_arguments(arguments, words):
    X = np.arange(12.0).reshape(6, 2)
    call = {"labels": np.array([0, 0, 0, 1, 1, 1])} | arguments
    with pytest.raises(ValueError, match=words):
        certify_kmeans(X, **call)
