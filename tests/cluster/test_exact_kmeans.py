"""ExactKMeans and its relaxation with cuts against enumeration and published optima."""

import gzip
import itertools
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning

from skgeo.cluster import ExactKMeans, SDPKMeans, certify_kmeans
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._solvers import branch_and_bound, cuts, judgment
from skgeo.cluster._solvers.admm import fixed_vector_bound
from skgeo.cluster._solvers.lowrank import lowrank_seconds
from skgeo.cluster._solvers.reference_cvxpy import cvxpy_seconds
from skgeo.cluster._solvers.spectral import _capped_shift
from skgeo.datasets import make_gaussian_clusters
from skgeo.exceptions import LongFitWarning
from skgeo.kernels import kmeans_cuts
from tests.cluster import enumeration
from tests.cluster.enumeration import inertias

# What these tests make of far points is in test_outweighed.
pytestmark = pytest.mark.filterwarnings("ignore:A few rows stand apart")


def draw(seed):
    rng = np.random.default_rng(seed)
    n, n_clusters, d = rng.integers(6, 9), rng.integers(2, 5), rng.integers(1, 4)
    X = rng.standard_normal((n, d))
    if seed % 3 == 0:
        X = X.round(1)
    if seed % 4 == 0:
        X[1] = X[0]
    return X, int(n_clusters), rng


def solve(X, n_clusters, **options):
    options = {"tol": 1e-9, "random_state": 0, "max_time": 60.0} | options
    return ExactKMeans(n_clusters, **options)


@pytest.fixture
def without_shortcuts(monkeypatch):
    """Neither enumeration nor a good local search: the tree has to do the work."""
    monkeypatch.setattr(judgment, "_FEW", 0)


@pytest.mark.parametrize("seed", range(25))
def test_small_instances_against_enumeration(seed, without_shortcuts):
    X, n_clusters, rng = draw(seed)
    weight = rng.uniform(0.2, 3.0, size=len(X)) if seed % 5 == 0 else np.ones(len(X))
    _, values = inertias(X, n_clusters, weight)
    best = float(values.min())
    model = solve(X, n_clusters, tol=1e-6, n_init=1, n_swaps=0)
    model.fit(X, sample_weight=weight)
    assert model.status_ == "optimal"
    assert_allclose(model.inertia_, best, rtol=1e-6)
    assert model.lower_bound_ <= best
    assert_allclose(model.inertia_, inertia_of(X, model.labels_, weight), rtol=1e-9)
    bounds = model.history_[:, 1]
    assert np.all(np.diff(bounds) >= -1e-9 * best)


@pytest.mark.parametrize("seed", range(40))
def test_the_tree_finds_the_optimum_from_bad_labels(seed):
    X, n_clusters, rng = draw(seed + 1000)
    _, values = inertias(X, n_clusters, np.ones(len(X)))
    best = float(values.min())
    X = X - X.mean(axis=0)
    rows = cuts.Rows(
        tuple((i,) for i in range(len(X))), X, np.ones(len(X)), frozenset()
    )
    labels = np.r_[np.arange(n_clusters), rng.integers(n_clusters, size=len(X))]
    labels = labels[: len(X)]
    tree = branch_and_bound.SearchTree(
        rows,
        n_clusters,
        float(np.vdot(X, X)),
        1e-12,
        labels,
        inertia_of(X, labels),
        X,
        np.ones(len(X)),
        np.arange(len(X)),
    )
    status = branch_and_bound.explore(tree, tol=1e-6, max_seconds=60, max_nodes=200)
    assert status == "optimal"
    assert tree.bound <= best * (1 + 1e-12)
    assert_allclose(tree.inertia, best, rtol=1e-6)


def test_interrupted_at_any_moment_the_bound_is_valid(without_shortcuts):
    X, _ = make_gaussian_clusters(60, 4, 2, separation=2.5, random_state=1)
    best = solve(X, 4, tol=1e-4).fit(X)
    assert best.status_ == "optimal"
    for seconds in (0.0, 0.02, 0.2):
        with pytest.warns(ConvergenceWarning, match="valid"):
            model = solve(X, 4, tol=0.0, max_time=seconds, max_nodes=3).fit(X)
        assert model.status_ in ("time", "nodes")
        assert 0 <= model.lower_bound_ <= best.inertia_ * (1 + 1e-9)
        assert model.gap_ > 0 or model.lower_bound_ == model.inertia_


def hard():
    rng = np.random.default_rng(3)
    return rng.uniform(size=(45, 2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_is_continued():
    X = hard()
    whole = solve(X, 4, tol=1e-4).fit(X)
    model = solve(X, 4, tol=1e-4, max_nodes=1, warm_start=True).fit(X)
    first = model.lower_bound_
    if model.status_ != "optimal":
        assert model.n_nodes_ == 1
        model.set_params(max_nodes=1000).fit(X)
        assert model.n_nodes_ > 1
    assert model.status_ == "optimal"
    assert model.lower_bound_ >= first
    assert_allclose(model.inertia_, whole.inertia_, rtol=2e-4)
    other = model.fit(X[:40])
    assert len(other.labels_) == 40


def test_threads_agree():
    X = hard()
    one = solve(X, 5, tol=1e-4).fit(X)
    two = solve(X, 5, tol=1e-4, n_jobs=2).fit(X)
    assert two.status_ == one.status_ == "optimal"
    assert_allclose(two.inertia_, one.inertia_, rtol=1e-12)
    assert_array_equal(one.labels_, two.labels_)


@pytest.mark.parametrize("seed", range(18))
def test_constraints_against_enumeration(seed):
    rng = np.random.default_rng(seed)
    n, K = 7, 3
    # The last ones have duplicates, which a linked one may leave.
    X = rng.standard_normal((n, 2)) if seed < 12 else rng.integers(0, 2, (n, 2)) * 1.0
    X[-1] += 3
    pairs = list(itertools.combinations(range(n), 2))
    chosen = rng.permutation(len(pairs))[:3]
    together = [pairs[chosen[0]]]
    apart = [pairs[i] for i in chosen[1:]] if seed % 3 else []
    labels, values = inertias(X, K, np.ones(n))
    allowed = np.ones(len(labels), dtype=bool)
    for i, j in together:
        allowed &= labels[:, i] == labels[:, j]
    for i, j in apart:
        allowed &= labels[:, i] != labels[:, j]
    best = float(values[allowed].min())
    model = solve(X, K, tol=1e-6, must_link=together, cannot_link=apart).fit(X)
    for i, j in together:
        assert model.labels_[i] == model.labels_[j]
    for i, j in apart:
        assert model.labels_[i] != model.labels_[j]
    assert model.status_ == "optimal"
    assert_allclose(model.inertia_, best, rtol=1e-6)
    assert model.lower_bound_ <= best * (1 + 1e-12)


def test_duplicates_of_linked_points_are_free():
    X = np.array([0, 0, 0, 0, 10, 1.0])[:, None]
    model = solve(X, 2, must_link=[(0, 4)]).fit(X)
    assert_allclose(model.inertia_, 50.75)
    assert_array_equal(model.labels_, [1, 0, 0, 0, 1, 0])


def test_pairs_with_samples_of_weight_zero():
    rng = np.random.default_rng(0)
    X = np.r_[rng.standard_normal((12, 2)), [[9.0, 9.0], [9.0, 8.0]]]
    weight = np.r_[np.ones(12), 0.0, 0.0]
    free = solve(X, 3).fit(X, sample_weight=weight)
    other = int(np.flatnonzero(free.labels_[:12] != free.labels_[12])[0])
    # A chain through a weightless sample links those with weight.
    chain = solve(X, 3, must_link=[(other, 12), (12, 5)]).fit(X, sample_weight=weight)
    assert chain.labels_[other] == chain.labels_[12] == chain.labels_[5]
    direct = solve(X, 3, must_link=[(other, 5)]).fit(X, sample_weight=weight)
    assert_allclose(chain.inertia_, direct.inertia_)
    # Apart from its nearest cluster, and from another weightless sample.
    near = int(np.flatnonzero(free.labels_[:12] == free.labels_[12])[0])
    apart = solve(X, 3, cannot_link=[(12, near), (12, 13)]).fit(X, sample_weight=weight)
    assert apart.labels_[12] not in (apart.labels_[near], apart.labels_[13])
    assert_allclose(apart.inertia_, free.inertia_)
    with pytest.warns(UserWarning, match="sample 12, of weight zero"):
        solve(X, 3, cannot_link=[(12, i) for i in range(12)]).fit(
            X, sample_weight=weight
        )
    with pytest.raises(ValueError, match="together"):
        solve(X, 3, must_link=[(0, 12), (12, 1)], cannot_link=[(0, 1)]).fit(
            X, sample_weight=weight
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"must_link": [(0, 1), (1, 2)], "cannot_link": [(0, 2)]}, "together"),
        ({"cannot_link": list(itertools.combinations(range(4), 2))}, "cannot_link"),
        ({"must_link": [(i, i + 1) for i in range(18)]}, "fewer than"),
        ({"must_link": [(0, 99)]}, "names sample 99"),
        ({"must_link": [0, 1]}, "pairs of sample numbers"),
        ({"cannot_link": [(2, 2)]}, "itself"),
        ({"max_points": 10}, "max_points"),
    ],
)
def test_what_cannot_be_solved_is_refused(options, words):
    X = np.random.default_rng(0).standard_normal((20, 2))
    with pytest.raises(ValueError, match=words):
        solve(X, 3, **options).fit(X)


@pytest.mark.parametrize(
    ("name", "n_clusters", "inertia"),
    [("iris", 3, 78.85144143), ("wine", 3, 2370689.687), ("seeds", 3, 587.3186116)],
)
def test_classic_sets_are_proven(name, n_clusters, inertia, recordings):
    if name == "seeds":
        text = (recordings / "clustering/seeds.txt").read_text().splitlines()
        X = np.array([line.split() for line in text[1:] if line.strip()], float)
    else:
        X = {"iris": load_iris, "wine": load_wine}[name]().data
    model = solve(X, n_clusters, tol=1e-4).fit(X)
    assert model.certified_
    assert_allclose(model.inertia_, inertia, rtol=1e-8)
    assert model.gap_ <= 1e-4
    assert model.n_nodes_ <= 5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_set_that_most_starts_miss(recordings):
    with gzip.open(recordings / "clustering/glass.data.gz", "rt") as lines:
        X = np.array([line.split() for line in lines if line.strip()], float)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    runs = [KMeans(6, n_init=1, random_state=i).fit(X).inertia_ for i in range(10)]
    model = solve(X, 6, tol=1e-2, max_nodes=1, max_time=100.0).fit(X)
    assert model.certified_
    assert model.inertia_ <= min(runs) * (1 + 1e-9)
    assert np.median(runs) > model.inertia_ * (1 + 1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_degenerate_data():
    X = np.repeat([[0.0], [5.0], [9.0]], 3, axis=0)
    with pytest.warns(ConvergenceWarning, match="distinct"):
        model = ExactKMeans(5).fit(X)
    assert model.cluster_centers_.shape == (5, 1)
    assert model.inertia_ == 0
    assert model.certified_
    exact = ExactKMeans(3).fit(X)
    assert exact.inertia_ == 0
    one = ExactKMeans(1).fit(X)
    assert_allclose(one.inertia_, 9 * X.var())
    assert one.certified_
    each = ExactKMeans(4, random_state=0).fit(X[[0, 3, 6]].repeat([1, 1, 2], axis=0))
    assert each.inertia_ == 0
    far = np.r_[np.random.default_rng(0).standard_normal((30, 2)), [[1e9, 0]]]
    found = ExactKMeans(3, random_state=0, max_time=5.0, max_nodes=3)
    found.fit(far)
    two = solve(far[:30], 2, tol=1e-6).fit(far[:30])
    assert found.lower_bound_ <= two.inertia_ * (1 + 1e-9)
    assert_allclose(found.inertia_, two.inertia_, rtol=1e-6)


def test_every_cut_is_valid_for_every_clustering():
    X = hard()[:12]
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 2, size=12)
    root = np.sqrt(weight)
    rows = cuts.Rows(tuple((i,) for i in range(12)), X, weight, frozenset())
    problem = cuts.CutProblem(rows, 3, 1.0, 0.0)
    some = [(i, j, -1) for i, j in itertools.permutations(range(12), 2)]
    some += [
        (i, j, k)
        for i in range(12)
        for j, k in itertools.combinations([x for x in range(12) if x != i], 2)
    ]
    place, factor, norm = cuts._cut_arrays(np.array(some, dtype=np.int32), root)
    for _ in range(50):
        labels = np.r_[0, 1, 2, rng.integers(3, size=9)]
        same = np.equal.outer(labels, labels)
        mass = np.array([weight[labels == k].sum() for k in range(3)])[labels]
        Z = same / mass
        flat = (Z * np.outer(root, root)).ravel()
        value = factor[:, 0] * flat[place[:, 0]] - flat[place[:, 3]]
        value += factor[:, 1] * flat[place[:, 1]] + factor[:, 2] * flat[place[:, 2]]
        assert value.max() < 1e-12
        for clique in itertools.combinations(range(12), 4):
            total = sum(Z[i, j] for i, j in itertools.combinations(clique, 2))
            assert total >= problem.clique_side - 1e-12
    dense = np.zeros((12, 12))
    lam = rng.random(len(some))
    for (i, j, k), f, value in zip(some, factor, lam, strict=True):
        dense[i, i] -= value
        for a, b, c in ((i, j, f[0]), (i, k, f[1]), (j, k, f[2])):
            if k >= 0 or (a, b) == (i, j):
                dense[a, b] += 0.5 * value * c
                dense[b, a] += 0.5 * value * c
    assert_allclose(kmeans_cuts.cut_adjoint(12, place, factor, lam), dense, atol=1e-12)
    square = [(g[0] ** 2 + g[1] ** 2 + g[2] ** 2) / 2 + 1 for g in factor]
    assert_allclose(norm, square)


def test_triangles_are_found_by_brute_force():
    rng = np.random.default_rng(1)
    Z = rng.random((9, 9)) * 0.3
    Z = 0.5 * (Z + Z.T) + 0.2 * np.eye(9)
    out, violation = np.empty((5000, 3), dtype=np.int32), np.empty(5000)
    count = kmeans_cuts.find_triangles(Z, 0.02, 5000, out, violation)
    want = {
        (i, j, k)
        for i in range(9)
        for j, k in itertools.combinations([x for x in range(9) if x != i], 2)
        if min(Z[i, j], Z[i, k]) > 0.02 * Z[i, i]
        and (Z[i, j] + Z[i, k] - Z[j, k]) / Z[i, i] - 1 > 0.02
    }
    found = {(i, *sorted((j, k))) for i, j, k in out[:count].tolist()}
    assert found == want
    few = kmeans_cuts.find_triangles(Z, 0.02, 3, out, violation)
    assert 0 < few < count


def test_any_multiplier_gives_a_bound():
    rng = np.random.default_rng(0)
    X, n_clusters, _ = draw(5)
    X = X - X.mean(axis=0)
    n = len(X)
    _, values = inertias(X, n_clusters, np.ones(n))
    q = np.full(n, n**-0.5)
    for _ in range(20):
        some = [tuple(rng.permutation(n)[:3]) for _ in range(6)]
        some = np.array([(i, *sorted((j, k))) for i, j, k in some], dtype=np.int32)
        place, factor, _ = cuts._cut_arrays(some, np.ones(n))
        lam = rng.random(6)
        N = rng.random((n, n))
        N = N + N.T
        np.fill_diagonal(N, 0)
        H = kmeans_cuts.cut_adjoint(n, place, factor, lam) - 0.3 * N
        value = fixed_vector_bound(X @ X.T - H, q, n_clusters, fixed_trace=True)
        assert np.vdot(X, X) - value <= float(values.min()) + 1e-12


def test_merging_keeps_objective_and_constraints():
    X = hard()[:10]
    X = X - X.mean(axis=0)
    rows = cuts.Rows(
        tuple((i,) for i in range(10)), X, np.ones(10), frozenset({(0, 9), (3, 5)})
    )
    assert rows.merged(3, 5) is None
    merged = rows.merged(2, 5)
    assert merged.members[2] == (2, 5)
    assert merged.apart == frozenset({(0, 8), (2, 3)})
    assert_allclose(merged.weight @ merged.means, 0, atol=1e-12)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 1])
    before = inertia_of(X, labels)
    after = inertia_of(merged.means, np.delete(labels, 5), merged.weight)
    within = np.vdot(X, X) - merged.weight @ (merged.means**2).sum(axis=1)
    assert_allclose(before, after + within)


def test_certificate_of_its_labels_agrees():
    X, _ = make_gaussian_clusters(90, 3, 3, separation=4.0, random_state=0)
    model = ExactKMeans(3, random_state=0).fit(X)
    found = certify_kmeans(X, model.labels_, random_state=0)
    assert_allclose(found.inertia_, model.inertia_, rtol=1e-9)
    assert found.lower_bound_ <= model.inertia_
    assert model.lower_bound_ <= model.inertia_
    assert_array_equal(model.predict(X), model.labels_)
    assert model.transform(X).shape == (90, 3)


def test_warmup_compiles_every_kernel():
    kmeans_cuts.warmup()
    for name in kmeans_cuts.__all__:
        kernel = getattr(kmeans_cuts, name)
        assert not hasattr(kernel, "signatures") or kernel.signatures


def far_point(seed):
    """A few points and one so far that the others vanish beside it."""
    rng = np.random.default_rng(seed)
    n, n_clusters, d = rng.integers(4, 9), rng.integers(2, 5), rng.integers(1, 4)
    X = rng.standard_normal((n, d))
    X[rng.integers(n)] = rng.choice([-1, 1]) * 10.0 ** rng.uniform(10, 100)
    weight = 10.0 ** rng.uniform(-3, 3, n) if rng.random() < 0.3 else np.ones(n)
    return X, min(int(n_clusters), int(n) - 1), weight


@pytest.mark.parametrize("estimator", [ExactKMeans, SDPKMeans])
@pytest.mark.parametrize("shortcut", [True, False])
def test_a_point_beyond_all_digits_gives_no_false_certificate(
    estimator, shortcut, monkeypatch
):
    if not shortcut:
        monkeypatch.setattr(judgment, "_FEW", 0)
    certified, n_seeds = 0, 60 if shortcut else 15
    for seed in range(n_seeds):
        X, n_clusters, weight = far_point(seed)
        model = estimator(n_clusters, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, sample_weight=weight)
        labels, values = enumeration.inertias(X, n_clusters, weight)
        best = values.min()
        assert 0 <= model.lower_bound_ <= best
        own = enumeration.canonical(model.labels_)
        value = values[(labels == own).all(axis=1)]
        assert_allclose(model.inertia_, float(value[0]), rtol=1e-9)
        if model.certified_:
            assert float(value[0]) <= best * (1 + 1.01e-4)
        certified += model.certified_
    # With every partition looked at nearly all are proven.
    assert certified >= (0.85 if shortcut else 0.5) * n_seeds


def test_what_rounding_leaves_open_is_said(without_shortcuts):
    x = np.array([0.0, 1.0, 2.5, 3.0, 4.5, 6.0, 1e40])[:, None]
    # With few features the far point costs nothing.
    assert ExactKMeans(3, random_state=0).fit(x).certified_
    X = np.c_[x, 0.1 * np.random.default_rng(0).standard_normal((7, 5))]
    with pytest.warns(ConvergenceWarning, match=r"stopped \(precision\).*far from all"):
        model = ExactKMeans(3, random_state=0).fit(X)
    assert model.status_ == "precision"
    assert not model.certified_


def test_violated_cuts_find_room(monkeypatch):
    """Held to its limit, the search for cuts drops slack ones and goes on."""
    X, _ = make_gaussian_clusters(90, 3, 2, separation=2.5, random_state=1)
    free = SDPKMeans(4, cuts=True, random_state=0).fit(X)
    monkeypatch.setattr(cuts, "_MAX_CUTS", 500)
    held = SDPKMeans(4, cuts=True, random_state=0).fit(X)
    assert held.lower_bound_ <= free.inertia_
    assert held.gap_ < 2 * free.gap_


def test_the_shift_of_the_projection():
    rng = np.random.default_rng(0)
    for _ in range(300):
        size = int(rng.integers(1, 40))
        values = np.sort(rng.normal(scale=rng.choice([0.1, 1, 5]), size=size))[::-1]
        if rng.random() < 0.3:
            values = values.round(1)
        total = float(rng.integers(1, size + 1))
        shift = _capped_shift(values, total)
        assert_allclose(np.clip(values - shift, 0, 1).sum(), total, rtol=1e-10)


def test_estimates_of_time_grow_as_the_work_does():
    assert lowrank_seconds(20_000, 10, 40, 1e-4, 5000) > 10
    assert lowrank_seconds(2000, 10, 10, 1e-4, 5000) < 3
    assert lowrank_seconds(2000, 10, 10, 1e-4, 50) < 0.01
    assert 2 < cvxpy_seconds(300, 1e-4, 5000) < 10
    assert cvxpy_seconds(800, 1e-4, 5000) > 30
    assert cvxpy_seconds(100, 1e-6, 5000) > 1 > cvxpy_seconds(100, 1e-3, 5000)


def test_a_long_fit_by_cvxpy_is_announced(monkeypatch):
    pytest.importorskip("cvxpy")
    X, _ = make_gaussian_clusters(20, 2, 2, separation=6, random_state=1)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 1e-3)
    with pytest.warns(LongFitWarning, match="The relaxation by cvxpy will take"):
        SDPKMeans(2, solver="cvxpy", random_state=0).fit(X)


def test_a_long_search_is_announced(monkeypatch):
    X, _ = make_gaussian_clusters(60, 3, 2, separation=2.5, random_state=1)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 1e-3)
    with pytest.warns(UserWarning, match="Before any branching"):
        ExactKMeans(4, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="The relaxation with cuts will take up to"):
        SDPKMeans(4, cuts=True, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="The relaxation of the sample will take"):
        SDPKMeans(4, solver="sketch", random_state=0).fit(X)
    with pytest.warns(UserWarning, match="The factorization will take up to"):
        SDPKMeans(4, solver="lowrank", random_state=0).fit(X)
    seen = []
    labels = KMeans(4, n_init=1, random_state=0).fit(X).labels_
    with pytest.warns(UserWarning, match="The program over cells will take up to"):
        certify_kmeans(X, labels, callback=seen.append, random_state=0)
    assert seen
    assert {"n_iter", "objective"} <= set(seen[0])
