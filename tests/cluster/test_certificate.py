"""Certificates and bounds against enumeration, dense formulas and each other."""

import collections
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans

from skgeo.cluster import (
    KMeansCertificate,
    certify_kmeans,
)
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._solvers import bounds as kmeans_bounds
from skgeo.cluster._solvers import certificate as kmeans_certificate
from skgeo.cluster._solvers.groups import group_points, max_inner_product
from skgeo.cluster._solvers.relaxation import (
    WeightedGram,
    _distances,
    _level,
    double_centered,
    multiplier_certificate,
    solve_kmeans_sdp,
)
from skgeo.datasets import make_gaussian_clusters
from tests.cluster import enumeration


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
    edges = np.concatenate([[0], np.cumsum(groups.counts)])
    N = np.zeros((groups.n_points,) * 2)
    for a in range(groups.n_groups):
        for b in range(a + 1, groups.n_groups):
            gap = groups.gaps[a, b]
            block = coefficient[a, b] * np.outer(slack[a][:, b], slack[b][:, a])
            if psi is not None:
                Q = np.eye(len(gap)) - 2.0 / h[a, b] * np.outer(gap, gap)
                block -= theta[a, b] * psi[a] @ Q @ psi[b].T
            N[edges[a] : edges[a + 1], edges[b] : edges[b + 1]] = block
            N[edges[b] : edges[b + 1], edges[a] : edges[a + 1]] = block.T
    return N


@settings(max_examples=12, deadline=None)
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
        assert result.certified_ == (result.reason_ == "")
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
        early_stop=False,
        max_iter=60,
        random_state=np.random.RandomState(0),
    ).multiplier
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


def test_short_campaign_of_enumeration():
    found = enumeration.campaign(90, first=10**6)
    total = sum(found.values(), collections.Counter())
    assert total["checks"] > 230
    assert total["WRONG CERTIFICATES"] == 0
    assert total["BOUNDS ABOVE"] == 0
    assert total["GAP TOO LARGE"] == 0
    assert total["INERTIA OFF"] == 0
    # What is due is certified: all but ties and what closes no closed form.
    assert total["optimal, certified"] > 0.7 * total["optimal"]


def optimum_on_a_line(x, n_clusters):
    """Least inertia of points on a line, by dynamic programming in long double."""
    x = np.sort(x).astype(np.longdouble)
    # Around zero: running means of 1e6 lose digits of deviations of 1e-3 even so.
    x -= np.median(x)
    n = len(x)
    cost = np.zeros((n, n), dtype=np.longdouble)  # of x[i..j], means updated
    mean, total = x.copy(), np.zeros(n, dtype=np.longdouble)
    for j in range(1, n):
        away = x[j] - mean[:j]
        mean[:j] += away / (j + 1 - np.arange(j))
        total[:j] += away * (x[j] - mean[:j])
        cost[:j, j] = total[:j]
    best = cost[0].copy()
    for _ in range(n_clusters - 1):
        after = best.copy()
        for j in range(1, n):
            after[j] = min(best[j], (best[:j] + cost[1 : j + 1, j]).min())
        best = after
    return best[-1]


@pytest.mark.parametrize("seed", range(12))
def test_bounds_on_a_line_against_dynamic_programming(seed):
    rng = np.random.default_rng(seed)
    n, n_clusters = int(rng.integers(30, 181)), int(rng.integers(2, 6))
    n = 500 if seed == 3 else n
    x = rng.standard_normal(n) + rng.choice([0.0, 3.0, 12.0]) * rng.integers(
        n_clusters, size=n
    )
    if seed % 3 == 0:
        x[0] = 10.0 ** rng.uniform(4, 10)
    if seed % 4 == 1:
        x += 1e6
    best = optimum_on_a_line(x, n_clusters)
    labels = KMeans(n_clusters, n_init=5, random_state=0).fit(x[:, None]).labels_
    for trial, bound in ((labels, "auto"), (rng.permutation(labels), "closed")):
        result = certify_kmeans(x[:, None], trial, bound=bound, random_state=0)
        assert result.lower_bound_ <= best
        if result.certified_:
            assert result.inertia_ <= best * (1 + 1e-12)
            assert result.gap_ <= 1e-9


def far_and_near():
    return np.array([0, 1, 1.2, 1e7, 1e7 + 1, 1e7 + 1.05])[:, None]


def test_far_groups_do_not_certify_bad_labels():
    X = far_and_near()
    bad = certify_kmeans(X, [0, 0, 1, 2, 2, 2])
    assert not bad.certified_
    assert bad.gap_ > 0.3
    good = certify_kmeans(X, [0, 1, 1, 2, 2, 2])
    assert good.certified_
    assert good.gap_ <= 1e-9


def test_a_sentinel_does_not_certify_random_labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[0, 0] = -1e8
    labels = np.r_[0, rng.integers(1, 3, size=199)]
    result = certify_kmeans(X, labels)
    assert not result.certified_
    assert result.reason_
    # The rest is bounded on its own: without that the bound would be zero.
    rest = certify_kmeans(X[1:], labels[1:], bound="none")
    assert 0 < result.lower_bound_ <= KMeans(3, n_init=5).fit(X).inertia_
    assert result.gap_ <= rest.gap_ + 0.05


def test_the_true_labels_beside_a_sentinel_are_certified():
    X, y = make_gaussian_clusters(120, 3, 4, separation=9, random_state=0)
    far = np.vstack([X, [[1e9, 0, 0, 0]]])
    labels = np.append(y, 3)
    assert certify_kmeans(far, labels).certified_
    wrong = labels.copy()
    wrong[:5] = (wrong[:5] + 1) % 3
    assert not certify_kmeans(far, wrong).certified_


def test_tight_groups_in_many_features():
    rng = np.random.default_rng(1)
    places = rng.standard_normal((2, 1000))
    X = np.repeat(places, 20, axis=0) + 1e-5 * rng.standard_normal((40, 1000))
    true = np.repeat([0, 1], 20)
    assert certify_kmeans(X, true).certified_
    split = np.r_[rng.integers(1, 3, size=20), np.zeros(20, dtype=int)]
    assert not certify_kmeans(X, split, n_clusters=3).certified_


@pytest.mark.parametrize("power", [-40, 7, 60])
def test_verdict_and_bound_scale_exactly(power):
    for separation in (4.0, 9.0):
        X, y = make_gaussian_clusters(
            90, 3, 4, separation=separation, random_state=power % 7
        )
        plain = certify_kmeans(X, y, random_state=0)
        scaled = certify_kmeans(np.ldexp(X, power), y, random_state=0)
        assert scaled.verdict_ == plain.verdict_
        assert scaled.inertia_ == np.ldexp(plain.inertia_, 2 * power)
        assert scaled.lower_bound_ == np.ldexp(plain.lower_bound_, 2 * power)


def test_pure_groups_are_optimal_for_any_number_of_clusters():
    X = np.repeat([[0.0], [5.0], [9.0]], 3, axis=0)
    result = certify_kmeans(X, np.repeat([0, 1, 2], 3), n_clusters=4)
    assert result.certified_
    assert result.gap_ == 0


def test_a_certificate_reads_as_a_sentence():
    X, y = make_gaussian_clusters(300, 3, 5, separation=5, random_state=0)
    words = repr(certify_kmeans(X, y, random_state=0))
    assert "no labels have an inertia more than" in words
    assert "% below theirs" in words
    X, y = make_gaussian_clusters(60, 3, 5, separation=9, random_state=0)
    assert "no better clustering exists" in repr(certify_kmeans(X, y))


def test_what_is_left_out_is_said():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 40))
    labels = KMeans(10, n_init=1, random_state=0).fit(X).labels_
    fast = certify_kmeans(X, labels, random_state=0)
    assert "effort='thorough'" in fast.advice_
    assert " s." in fast.advice_
    few = certify_kmeans(X[:40], labels[:40] % 2, effort="thorough", random_state=0)
    assert few.advice_ == ""


def test_no_mutated_margin_survives():
    # Shrunk points: the reach is slack / sqrt(2 h), so that with kappa = 1 the product
    # of two rows cannot exceed what the pair allows. Multiplied instead of divided it
    # is 2 h times that.
    X, y = make_gaussian_clusters(60, 2, 3, separation=7, random_state=1)
    groups = group_points(X, y, 2)
    t = 0.9 * groups.largest_t()
    tau = groups.harmonic(t)
    h = groups.separation - tau
    slack = groups.margins[0] - tau[0]
    psi = kmeans_certificate.shrunk_points(groups, 0, slack, h[0], 1.0)
    reach = slack[:, 1] / np.sqrt(2 * h[0, 1])
    shrink = np.minimum(1, reach / groups.norms[0])
    center = shrink @ groups.points[0] / shrink.sum()
    want = shrink[:, None] * (groups.points[0] - center)
    assert shrink.min() < 1
    assert_allclose(psi, want, atol=1e-12)


def test_subsamples_are_drawn_without_replacement():
    X = np.arange(20.0)[:, None]

    def lower_bound(sample):
        assert len(np.unique(sample)) == len(sample) == 18
        return 1.0

    value = kmeans_bounds.subsample_bound(
        X,
        2,
        lower_bound,
        size=18,
        n_subsamples=6,
        confidence=0.9,
        random_state=np.random.RandomState(0),
    )
    assert_allclose(value, 20 / 18 * 0.1 ** (1 / 6))


def test_level_of_a_multiplier_with_exact_sums():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), [3, 4, 6])
    X = rng.standard_normal((13, 2)) + 8.0 * np.array([[0, 0], [1, 0], [0, 1]])[labels]
    gram = WeightedGram.of(double_centered(X @ X.T))
    squared, means, sizes = _distances(gram, labels, 3)
    margins = squared - squared[np.arange(13), labels][:, None]
    separation = np.diag(means)[:, None] + np.diag(means) - 2 * means
    unit = 1.0 / sizes[:, None] + 1.0 / sizes
    rows = [np.flatnonzero(labels == a) for a in range(3)]
    # Row and column sums that complementary slackness asks for at this level.
    level, masses = 1.7, np.zeros((13, 13))
    for a in range(3):
        for b in range(3):
            if a != b:
                tau = level * unit[a, b]
                row = 0.5 * sizes[b] * (margins[rows[a], b] - tau)
                column = 0.5 * sizes[a] * (margins[rows[b], a] - tau)
                assert_allclose(row.sum(), column.sum())
                masses[np.ix_(rows[a], rows[b])] = np.outer(row, column) / row.sum()
    assert_allclose(_level(masses, rows, sizes, separation, unit), level, rtol=1e-12)
    # Where the pairs disagree, each counts as its unit.
    masses[np.ix_(rows[0], rows[1])] += 0.1
    pairs = unit[[0, 0, 1], [1, 2, 2]]
    expected = level - 0.2 / pairs.sum()
    assert_allclose(_level(masses, rows, sizes, separation, unit), expected)
