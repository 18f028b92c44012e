"""K-medoids: medoids, distances, and bounds held against enumeration and HiGHS."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skgeo.cluster import KMedoids, certify_kmedoids
from skgeo.cluster._medoids.dissimilarity import dissimilarities, sine_distances
from skgeo.cluster._medoids.search import cost_of, improve
from skgeo.exceptions import InvalidParameterError, UnusedParameterWarning
from skgeo.kernels import medoids as kernels


def bumps(n, seed, d=200):
    rng = np.random.default_rng(seed)
    x, center = np.linspace(0, 1, d), rng.uniform(0.1, 0.9, n)
    height = 10 ** rng.uniform(-1, 1, n)
    return height[:, None] * np.exp(-(((x - center[:, None]) / 0.05) ** 2))


def shocks(n, seed, d=200):
    rng = np.random.default_rng(seed)
    x, center = np.linspace(0, 1, d), rng.uniform(0.1, 0.9, n)
    height = 10 ** rng.uniform(-1, 1, n)
    return height[:, None] * (1 + np.tanh((x - center[:, None]) / 0.02)) / 2


def families(n, noise, seed):
    """Samples of six snapshots from four 3-dimensional subspaces of R^50."""
    rng = np.random.default_rng(seed)
    bases = [np.linalg.qr(rng.standard_normal((50, 3)))[0] for _ in range(4)]
    y = np.arange(n) % 4
    X = np.stack([bases[k] @ rng.standard_normal((3, 6)) for k in y])
    return X + noise * rng.standard_normal(X.shape) * X.std(), y


def enumerate_best(D, k, weight=None):
    """Optimal cost by trying all sets of columns, correctly rounded."""
    weight = np.ones(len(D)) if weight is None else weight
    best = np.inf
    for columns in itertools.combinations(range(D.shape[1]), k):
        best = min(best, math.fsum(weight * D[:, columns].min(axis=1)))
    return best


def program(D, k):
    """The p-median program: objective, equalities and inequalities in (y, x)."""
    n = len(D)
    cost = np.concatenate([np.zeros(n), D.ravel()])
    i, j = np.divmod(np.arange(n * n), n)
    x = n + np.arange(n * n)
    rows = np.concatenate([np.zeros(n, int), 1 + i])
    equal = coo_matrix(
        (np.ones(n + n * n), (rows, np.concatenate([np.arange(n), x])))
    ).tocsr()
    below = coo_matrix(
        (
            np.concatenate([np.ones(n * n), -np.ones(n * n)]),
            (np.tile(np.arange(n * n), 2), np.concatenate([x, j])),
        ),
        shape=(n * n, n + n * n),
    ).tocsr()
    return cost, equal, np.concatenate([[k], np.ones(n)]), below


def solve_lp(D, k):
    cost, equal, right, below = program(D, k)
    found = linprog(
        cost, A_ub=below, b_ub=np.zeros(below.shape[0]), A_eq=equal, b_eq=right,
        bounds=(0, 1), method="highs",
    )  # fmt: skip
    return found.fun


def solve_mip(D, k):
    cost, equal, right, below = program(D, k)
    n = len(D)
    integral = np.zeros(n + n * n)
    integral[:n] = 1
    found = milp(
        cost,
        constraints=[
            LinearConstraint(equal, right, right),
            LinearConstraint(below, -np.inf, 0.0),
        ],
        bounds=Bounds(0, 1),
        integrality=integral,
        options={"mip_rel_gap": 1e-9},
    )
    return found.fun


def random_dissimilarities(rng, n, kind):
    if kind == "points":
        X = rng.standard_normal((n, 3))
        return dissimilarities(X, X, "euclidean")
    if kind == "lines":
        X = rng.standard_normal((n, 3))
        return sine_distances(X, X)
    if kind == "any":
        D = rng.uniform(size=(n, n)) ** 3  # neither symmetric nor metric
        np.fill_diagonal(D, 0.0)
        return D
    if kind == "integers":
        D = rng.integers(0, 4, size=(n, n)).astype(float)
        np.fill_diagonal(D, 0.0)
        return D
    X = np.repeat(rng.standard_normal((n, 2)), 3, axis=0)[:n]  # copies
    X[n // 2 :] *= 10.0 ** rng.uniform(-9, 9)
    return dissimilarities(X, X, "manhattan")


KINDS = ("points", "lines", "any", "integers", "copies")


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(KINDS),
    st.integers(3, 9),
    st.booleans(),
    st.sampled_from([0, 50]),
)
def test_bounds_against_enumeration(seed, kind, n, weighted, max_nodes):
    rng = np.random.default_rng(seed)
    D = random_dissimilarities(rng, n, kind)
    k = int(rng.integers(1, n))
    weight = rng.uniform(0.1, 3, n) if weighted else np.ones(n)
    best = enumerate_best(D, k, weight)
    given_medoids = rng.permutation(n)[:k]
    found = certify_kmedoids(
        D, given_medoids, sample_weight=weight, bound_iter=300, max_nodes=max_nodes
    )
    assert found.lower_bound_ <= best
    assert found.lower_bound_ <= found.inertia_
    if found.certified_:
        assert found.inertia_ <= best * (1 + 2e-6)
    if found.better_medoid_indices_ is not None:
        better = cost_of(D, weight, found.better_medoid_indices_)
        assert best <= better * (1 + 1e-14)
        assert better < found.inertia_
    model = KMedoids(k, metric="precomputed", random_state=0, max_nodes=max_nodes)
    model.fit(D, sample_weight=weight)
    assert model.lower_bound_ <= best <= model.inertia_ * (1 + 1e-14)
    if model.certified_:
        assert model.inertia_ <= best * (1 + 2e-6)


@pytest.mark.parametrize("seed", range(3))
def test_bound_is_the_linear_programs_and_branching_the_integers(seed):
    rng = np.random.default_rng(300 + seed)
    X = rng.standard_normal((40, 6))
    D = dissimilarities(X, X, "euclidean")
    linear, integer = solve_lp(D, 6), solve_mip(D, 6)
    relaxed = KMedoids(6, metric="precomputed", max_nodes=0, random_state=0).fit(D)
    assert linear * (1 - 5e-5) <= relaxed.lower_bound_ <= linear * (1 + 1e-9)
    closed = KMedoids(6, metric="precomputed", random_state=0).fit(D)
    assert closed.certified_
    np.testing.assert_allclose(closed.inertia_, integer, rtol=2e-6)


@pytest.mark.parametrize("make", [bumps, shocks])
@pytest.mark.parametrize("seed", [1, 21])
def test_snapshots_are_proven_optimal(make, seed):
    model = KMedoids(20, metric="sine", random_state=0).fit(make(1000, seed))
    assert model.certified_
    assert np.all(np.diff(model.bound_path_) >= 0)


def test_lagrangian_is_a_bound_for_any_multipliers():
    # The kernel's value equals the formula, for multipliers of any kind.
    rng = np.random.default_rng(5)
    D = random_dissimilarities(rng, 30, "any")
    weight = rng.uniform(0.5, 2, 30)
    for spread in (0.01, 0.3, 2.0):
        lam = spread * rng.standard_normal(30)
        rho = (weight[:, None] * np.minimum(0, D - lam[:, None])).sum(0)
        value = weight @ lam + np.sort(rho)[:4].sum()
        order = np.argsort(D, axis=1)[:, :7].astype(np.int32)
        control = np.array([-np.inf, 1.0, 0.0])
        kernels.bound_steps(
            D, np.take_along_axis(D, order, 1), order, weight, np.zeros(30, np.int8),
            4, 1.0, -np.inf, lam, np.zeros(30), lam.copy(), control, np.zeros(30),
            np.zeros(4, np.int64), np.zeros(30), 1,
        )  # fmt: skip
        np.testing.assert_allclose(control[0], value, rtol=1e-12)


def test_decided_columns_are_respected():
    rng = np.random.default_rng(6)
    D = random_dissimilarities(rng, 9, "any")
    for _ in range(20):
        status = rng.integers(-1, 2, 9).astype(np.int8)
        k = 3
        if (status == 1).sum() > k or (status >= 0).sum() < k:
            continue
        allowed = [
            math.fsum(D[:, c].min(axis=1))
            for c in itertools.combinations(range(9), k)
            if set(np.flatnonzero(status == 1)) <= set(c)
            and not set(np.flatnonzero(status == -1)) & set(c)
        ]
        order = np.argsort(D, axis=1).astype(np.int32)
        lam, control = D.mean(1), np.array([-np.inf, 1.0, 0.0])
        chosen = np.zeros(k, np.int64)
        kernels.bound_steps(
            D, np.take_along_axis(D, order, 1), order, np.ones(9), status, k,
            min(allowed), np.inf, lam, np.zeros(9), lam.copy(), control, np.zeros(9),
            chosen, np.zeros(9), 200,
        )  # fmt: skip
        assert control[0] <= min(allowed) + 1e-9
        assert set(np.flatnonzero(status == 1)) <= set(chosen)
        assert not set(np.flatnonzero(status == -1)) & set(chosen)


def test_swaps_end_where_no_swap_helps():
    rng = np.random.default_rng(7)
    D = random_dissimilarities(rng, 25, "points")
    weight = rng.uniform(0.5, 2, 25)
    cost, medoids, optimal = improve(D, weight, np.arange(4), 100)
    assert optimal
    np.testing.assert_allclose(cost, weight @ D[:, medoids].min(1))
    for position, other in itertools.product(range(4), range(25)):
        swapped = medoids.copy()
        swapped[position] = other
        assert weight @ D[:, swapped].min(1) >= cost * (1 - 1e-12)


def test_sine():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((20, 7))
    D = sine_distances(X, X)
    cosine = (X @ X.T) / np.linalg.norm(X, axis=1) / np.linalg.norm(X, axis=1)[:, None]
    np.testing.assert_allclose(D, np.sqrt(np.clip(1 - cosine**2, 0, 1)), atol=1e-7)
    scale = rng.uniform(-5, 5, 20) * 10.0 ** rng.integers(-150, 150, 20)
    np.testing.assert_allclose(sine_distances(X * scale[:, None], X), D, atol=1e-12)
    # Nearly parallel: exact where 1 - cos^2 has no digit left.
    for angle in (1e-3, 1e-6, 1e-9, 1e-13):
        pair = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
        np.testing.assert_allclose(
            sine_distances(pair, pair)[0, 1], np.sin(angle), rtol=1e-3
        )
    zero = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    exact = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    np.testing.assert_allclose(sine_distances(zero, zero), exact, atol=1e-15)


def test_sine_groups_are_free_of_sign_and_scale():
    rng = np.random.default_rng(9)
    bases = [np.linalg.qr(rng.standard_normal((30, 1)))[0] for _ in range(3)]
    y = np.arange(60) % 3
    X = np.stack([bases[k][:, 0] for k in y]) + 0.05 * rng.standard_normal((60, 30))
    plain = KMedoids(3, metric="sine", random_state=0).fit(X)
    factor = rng.choice([-1, 1], 60) * 10.0 ** rng.uniform(-3, 3, 60)
    scaled = KMedoids(3, metric="sine", random_state=0).fit(X * factor[:, None])
    assert adjusted_rand_score(y, plain.labels_) == 1
    assert adjusted_rand_score(plain.labels_, scaled.labels_) == 1
    np.testing.assert_allclose(plain.inertia_, scaled.inertia_, rtol=1e-9)


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_subspaces(noise):
    X, y = families(120, noise, 3)
    model = KMedoids(4, metric="sine", n_subspace=3, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.certified_
    # Any basis of the same snapshots is the same sample.
    mixed = X @ np.random.default_rng(0).standard_normal((6, 6))
    if noise == 0.05:
        labels = model.predict(mixed)
        assert adjusted_rand_score(y, labels) == 1
    assert model.transform(X).shape == (120, 4)
    np.testing.assert_allclose(
        model.transform(X)[model.medoid_indices_, np.arange(4)], 0.0, atol=1e-12
    )


def test_few_and_many_clusters():
    X = np.random.default_rng(1).standard_normal((12, 3))
    D = dissimilarities(X, X, "euclidean")
    one = KMedoids(1).fit(X)
    assert one.medoid_indices_[0] == D.sum(0).argmin()
    assert one.certified_
    every = KMedoids(12).fit(X)
    assert every.inertia_ == every.gap_ == 0.0
    assert every.certified_
    with pytest.raises(ValueError, match=r"n_samples=12 .* n_clusters=13"):
        KMedoids(13).fit(X)


def test_copies():
    X = np.repeat([[0.0, 0.0], [1.0, 0.0]], 5, axis=0)
    with pytest.warns(ConvergenceWarning, match="distinct"):
        model = KMedoids(3, random_state=0).fit(X)
    assert len(set(model.medoid_indices_)) == 3
    assert model.inertia_ == 0.0
    assert model.certified_


def test_units_do_not_matter():
    X = np.random.default_rng(2).standard_normal((60, 3))
    plain = KMedoids(4, random_state=0).fit(X)
    for unit in (1e-160, 1e160):
        scaled = KMedoids(4, random_state=0).fit(unit * X)
        np.testing.assert_array_equal(scaled.labels_, plain.labels_)
        np.testing.assert_allclose(scaled.inertia_ / unit, plain.inertia_)
        assert scaled.certified_ == plain.certified_


def test_metrics_and_callables():
    X = np.random.default_rng(3).standard_normal((40, 3)) + 2.0
    for metric in ("euclidean", "manhattan", "cosine", "sine"):
        D = dissimilarities(X, X, metric)
        np.fill_diagonal(D, 0.0)
        direct = KMedoids(4, metric=metric, random_state=0).fit(X)
        given_D = KMedoids(4, metric="precomputed", random_state=0).fit(D)
        assert set(direct.medoid_indices_) == set(given_D.medoid_indices_)
        np.testing.assert_allclose(direct.inertia_, given_D.inertia_)
        assert given_D.cluster_centers_ is None
        np.testing.assert_array_equal(given_D.predict(D), given_D.labels_)
    called = KMedoids(4, metric=lambda a, b: np.abs(a - b).max(), random_state=0).fit(X)
    from sklearn.metrics import pairwise_distances

    D = pairwise_distances(X, metric="chebyshev")
    np.testing.assert_allclose(
        called.inertia_, D[:, called.medoid_indices_].min(1).sum()
    )


def test_weights_count_like_repeats_and_zero_is_no_medoid():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((30, 2))
    weight = rng.integers(0, 4, 30)
    weighted = KMedoids(3, random_state=0).fit(X, sample_weight=weight)
    repeated = KMedoids(3, random_state=0).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.inertia_, repeated.inertia_)
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_)
    assert (weight[weighted.medoid_indices_] > 0).all()


def test_order_of_samples_does_not_matter():
    X = np.random.default_rng(5).standard_normal((80, 2))
    order = np.random.default_rng(6).permutation(80)
    plain = KMedoids(4, random_state=0).fit(X)
    other = KMedoids(4, random_state=0).fit(X[order])
    assert plain.certified_
    assert other.certified_
    np.testing.assert_allclose(plain.cluster_centers_, other.cluster_centers_)
    np.testing.assert_array_equal(plain.labels_[order], other.labels_)


def test_certificate_names_better_medoids():
    rng = np.random.default_rng(7)
    X = np.repeat([[0, 0], [9, 0], [0, 9.0]], 20, 0) + rng.standard_normal((60, 2))
    D = dissimilarities(X, X, "euclidean")
    bad = certify_kmedoids(D, [0, 1, 2])
    assert not bad.certified_
    good = certify_kmedoids(D, bad.better_medoid_indices_)
    assert good.certified_
    assert good.better_medoid_indices_ is None
    assert bad.lower_bound_ == pytest.approx(good.lower_bound_, rel=1e-5)


@pytest.mark.parametrize("medoids", [[0, 0], [0, 99], [-1, 2], [0.5, 1], [[0, 1]], []])
def test_bad_medoids_are_refused(medoids):
    with pytest.raises(ValueError, match="distinct integers"):
        certify_kmedoids(np.ones((4, 4)), medoids)


def test_messages():
    X = np.random.default_rng(8).standard_normal((20, 3))
    with pytest.raises(InvalidParameterError, match="n_subspace"):
        KMedoids(3, n_subspace=2).fit(X)
    with pytest.raises(InvalidParameterError, match="exceeds"):
        KMedoids(3, metric="sine", n_subspace=9).fit(np.ones((20, 4, 5)))
    flat = np.repeat(X[:, :, None], 4, axis=2)  # copies of one snapshot span a line
    with pytest.raises(ValueError, match="span fewer"):
        KMedoids(3, metric="sine", n_subspace=2).fit(flat)
    with pytest.raises(ValueError, match="max_samples=10"):
        KMedoids(3, max_samples=10).fit(X)
    with pytest.raises(ValueError, match="square"):
        KMedoids(3, metric="precomputed").fit(np.abs(X))
    with pytest.raises(ValueError, match="Negative values"):
        KMedoids(3, metric="precomputed").fit(-np.ones((4, 4)))
    with pytest.raises(ValueError, match="distinct indices"):
        KMedoids(3, init=(0, 1)).fit(X)
    with pytest.warns(UnusedParameterWarning, match="bound_iter"):
        plain = KMedoids(3, certify=False, bound_iter=9).fit(X)
    assert plain.lower_bound_ == 0.0
    assert not plain.certified_
    with pytest.raises(ValueError, match="not finite"):
        KMedoids(3, metric=lambda a, b: np.inf).fit(X)


def test_given_start_and_names():
    X = np.random.default_rng(9).standard_normal((30, 3))
    model = KMedoids(3, init=(4, 7, 9)).fit(X)
    assert model.n_iter_ == 1
    assert list(model.get_feature_names_out()) == [f"kmedoids{i}" for i in range(3)]
    np.testing.assert_allclose(
        model.transform(X), dissimilarities(X, X[model.medoid_indices_], "euclidean")
    )


def test_plain_numpy_twin_of_nearest_two():
    D = np.random.default_rng(10).uniform(size=(15, 8))
    near, d1, d2 = np.empty(15, np.int64), np.empty(15), np.empty(15)
    medoids = np.array([5, 1, 2])
    kernels.nearest_two(D, medoids, near, d1, d2)
    ordered = np.sort(D[:, medoids], axis=1)
    np.testing.assert_array_equal(near, D[:, medoids].argmin(1))
    np.testing.assert_array_equal([d1, d2], ordered[:, :2].T)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_inertias_that_are_no_floats_are_refused():
    D = np.abs(np.subtract.outer(np.arange(9.0), np.arange(9.0))) * 1e305
    with pytest.raises(ValueError, match="inertia exceeds"):
        certify_kmedoids(D, [0], sample_weight=np.full(9, 1e5))
    with pytest.raises(ValueError, match="inertia exceeds"):
        KMedoids(1, metric="precomputed").fit(D, sample_weight=np.full(9, 1e5))


@pytest.mark.parametrize("n_features", [2, 4, 50])
def test_copies_of_lines_are_at_sine_zero(n_features):
    """Rows of unit length have rounding, and so would the sine of a line and itself."""
    rng = np.random.default_rng(0)
    lines = np.repeat(rng.standard_normal((3, n_features)), 10, axis=0)
    model = KMedoids(3, metric="sine", random_state=0).fit(
        lines * rng.uniform(-5, 5, 30)[:, None]
    )
    assert model.inertia_ == 0.0
    assert model.certified_


def test_a_certificate_names_samples_far_from_all_others():
    X = np.random.default_rng(0).standard_normal((60, 2))
    X[7] = 9999.0
    D = np.linalg.norm(X[:, None] - X, axis=2)
    with pytest.warns(
        UserWarning, match="Far from nearly all other samples: 1 .rows 7"
    ):
        certify_kmedoids(D, [0, 7])
    weight = np.ones(60)
    weight[7] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certify_kmedoids(D, [0, 1], sample_weight=weight)
