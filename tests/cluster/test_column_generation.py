"""Column generation: pricing, linear program and bounds against enumeration."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog

from skgeo.cluster import ExactKMeans
from skgeo.cluster._solvers import column_generation as columns
from skgeo.cluster._solvers import judgment
from skgeo.cluster._solvers.covering import solve_covering
from skgeo.cluster._solvers.cuts import Rows
from skgeo.exceptions import InvalidParameterError
from skgeo.kernels import kmeans_pricing
from tests.cluster.enumeration import inertias

pytestmark = pytest.mark.filterwarnings("ignore:A few rows stand apart")


def scatter(X, weight, rows):
    away = X[rows] - X[rows[0]]
    away = away - np.average(away, axis=0, weights=weight[rows])
    return float(weight[rows] @ (away**2).sum(axis=1))


def subsets(n):
    for mask in range(1, 1 << n):
        yield np.flatnonzero([mask >> i & 1 for i in range(n)])


def free(n):
    return np.zeros(n + 1, dtype=np.int64), np.empty(0, dtype=np.int64)


def draw(seed):
    """Points of all kinds that boxes find hard, weights and prices."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 10)), int(rng.integers(1, 4))
    X = rng.standard_normal((n, d))
    if seed % 3 == 0:
        X = X.round()
    if seed % 5 == 0:
        X[rng.integers(n)] += 10.0 ** rng.uniform(1, 12)
    if seed % 7 == 0:
        X *= 10.0 ** rng.uniform(-60, 60)
    if seed % 4 == 0:
        X[-1] = X[0]
    unit = np.median((X - np.median(X, axis=0)) ** 2) + 1e-12 * np.abs(X).max() ** 2
    weight = rng.uniform(0.01, 3, n) if seed % 2 else np.ones(n)
    return X, weight, rng.uniform(-0.2, 2, n) * unit


@pytest.mark.parametrize("seed", range(60))
def test_least_reduced_cost_by_enumeration(seed):
    X, weight, price = draw(seed)
    n, d = X.shape
    want = min(0.0, *(scatter(X, weight, S) - price[S].sum() for S in subsets(n)))
    slack = 1e-4 * abs(want) + 1e-9 * np.abs(price).max()
    member, value = np.empty((n, n), dtype=bool), np.empty(n)
    kmeans_pricing.descend_to_clusters(
        X, weight, price, *free(n), X.copy(), member, value
    )
    best, bound, n_boxes = kmeans_pricing.least_reduced_cost(
        X, weight, price, min(value.min(), 0.0), slack, 10**6, np.zeros(d)
    )
    rounding = 1e-12 * np.abs(price).sum()
    assert bound <= want + rounding
    assert bound >= want - slack - rounding
    assert best >= want - rounding
    assert n_boxes < 10**6
    for rows, its_value in zip(member, value, strict=True):
        if rows.any():
            own = scatter(X, weight, np.flatnonzero(rows)) - price[rows].sum()
            assert_allclose(its_value, own, atol=rounding)


@pytest.mark.parametrize("seed", range(20))
def test_pricing_keeps_apart(seed):
    X, weight, price = draw(seed)
    n = len(X)
    pairs = list(itertools.combinations(range(n), 2))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(pairs))[:3]
    apart = frozenset(pairs[i] for i in chosen)
    want = 0.0
    for S in subsets(n):
        if not any(i in S and j in S for i, j in apart):
            want = min(want, scatter(X, weight, S) - price[S].sum())
    slack = 1e-4 * abs(want) + 1e-9 * np.abs(price).max()
    pricing = columns._Pricing(X, weight, apart)
    bound, clusters = pricing.find(price, 0.0, slack)
    rounding = 1e-12 * np.abs(price).sum()
    assert want - slack - rounding <= bound <= want + rounding
    for S in clusters:
        assert not any(i in S and j in S for i, j in apart)
    lowest = min(
        (scatter(X, weight, S) - price[S].sum() for S in clusters), default=0.0
    )
    assert_allclose(min(lowest, 0.0), want, atol=slack + rounding)
    late, clusters = pricing.find(price, 0.0, slack, deadline=0.0)
    assert -price.clip(0).sum() - slack - rounding <= late <= want + rounding
    for S in clusters:
        assert not any(i in S and j in S for i, j in apart)


def test_boxes_that_run_out_leave_a_valid_bound():
    rng = np.random.default_rng(0)
    X, ones = rng.standard_normal((40, 2)), np.ones(40)
    price = rng.uniform(0.2, 1, 40)
    center = np.zeros(2)
    found = [
        kmeans_pricing.least_reduced_cost(X, ones, price, 0.0, 1e-9, most, center)[1]
        for most in (1, 10, 100, 10**6)
    ]
    assert found[0] < found[-1]
    assert max(found) <= found[-1] + 1e-9


def test_the_linear_program_agrees_with_highs():
    rng = np.random.default_rng(0)
    for n, K in ((6, 2), (7, 3), (8, 4)):
        X, ones = rng.standard_normal((n, 2)), np.ones(n)
        clusters = [S.astype(np.int32) for S in subsets(n) if rng.random() < 0.5]
        clusters += [np.array([i], dtype=np.int32) for i in range(n)]
        clusters.append(np.arange(n, dtype=np.int32))
        costs = np.array([scatter(X, ones, S) for S in clusters])
        A = np.array([[float(i in S) for S in clusters] for i in range(n)])
        want = linprog(
            costs,
            A_ub=np.vstack([-A, np.ones(len(clusters))]),
            b_ub=np.append(-np.ones(n), K),
        ).fun
        found = solve_covering(clusters, costs, n, K, np.ones(n), 1.0, 1e-9)
        assert_allclose(found.value, want, rtol=1e-6)
        assert_allclose(found.price.sum() - K * found.fee, want, rtol=1e-6)
        assert (found.price >= 0).all()
        assert found.reduced.min() > -1e-6
        # From the solution with half of the clusters: a few steps, the same value.
        some = np.flatnonzero(found.use > 0.5 * found.use.max())
        use = np.zeros(len(clusters))
        use[some] = found.use[some]
        for gap in (1e-6, 0.1, 10.0):
            again = solve_covering(
                clusters, costs, n, K, found.price + 0.01, found.fee, 1e-9, use, gap
            )
            assert_allclose(again.value, want, rtol=1e-6)
            assert_allclose(again.price.sum() - K * again.fee, want, rtol=1e-6)


@pytest.mark.parametrize("seed", [7, 8, 11])
def test_values_of_pairs_are_what_children_cost(seed):
    """Changes of the reduced costs of the clusters that each child forbids."""
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((6, 2)), rng.uniform(0.5, 2, 6)
    rows = Rows(tuple((i,) for i in range(6)), X, w, frozenset())
    labels = np.array([0, 0, 0, 1, 1, 1])
    relaxation = columns.ColumnRelaxation(
        columns.flat_points(X, w), w, np.arange(6), 2, labels
    )
    state = relaxation.first(rows)
    sets = ([0, 1, 2], [0, 3], [1, 2, 3], [4], [3, 5], [2, 4], [0, 1, 4])
    state.clusters = [np.array(c, np.int32) for c in sets]
    state.use = np.array([0.5, 0.3, 0.4, 0.6, 1.0, 0.2, 0.2])
    state.price = rng.uniform(0.3, 1.5, 6)

    def reduced(S):
        return scatter(X, w, S) - state.price[S].sum()

    gap = 0.7
    value = relaxation.pair_values(rows, state, gap)
    assert (value > 0).sum() >= 4
    for i, j in itertools.combinations(range(6), 2):
        apart = joined = 0.0
        for S, z in zip(state.clusters, state.use, strict=True):
            if z == 1.0:
                continue
            ways = []
            for r in {i, j}:
                new = np.setxor1d(S, [r]).astype(np.int32)
                # A cluster of one row cannot lose it.
                ways.append(max(reduced(new) - reduced(S), 0.0) if len(new) else gap)
            if i in S and j in S:
                apart += z * min(ways)
            elif i in S or j in S:
                joined += z * min(ways)
        assert_allclose(value[i, j], min(apart, gap) * min(joined, gap), atol=1e-12)
    state.use = np.ones(7)
    assert relaxation.pair_values(rows, state, gap) is None


def test_the_normal_matrix_is_a_sum_of_products():
    rows = [np.array([0, 2], np.int32), np.array([1, 2, 3], np.int32)]
    weight = np.array([0.5, 2.0])
    M = kmeans_pricing.normal_matrix(
        np.array([0, 2, 5]), np.concatenate(rows), weight, 4
    )
    want = np.zeros((5, 5))
    for S, w in zip(rows, weight, strict=True):
        column = np.append(np.isin(np.arange(4), S), -1.0)
        want += w * np.outer(column, column)
    assert_allclose(np.tril(M), np.tril(want))


def dynamic_program(x, weight, n_clusters):
    """Optimal inertia of points of a line: clusters are intervals."""
    order = np.argsort(x)
    x, weight = x[order].astype(np.longdouble), weight[order].astype(np.longdouble)
    n = len(x)
    cost = np.zeros((n, n), dtype=np.longdouble)
    for i in range(n):
        w, s = np.cumsum(weight[i:]), np.cumsum(weight[i:] * (x[i:] - x[i]))
        q = np.cumsum(weight[i:] * (x[i:] - x[i]) ** 2)
        cost[i, i:] = q - s**2 / w
    best = cost[0].copy()
    for _ in range(n_clusters - 1):
        best = np.array(
            [
                min([best[j], *(best[i] + cost[i + 1, j] for i in range(j))])
                for j in range(n)
            ]
        )
    return float(best[-1])


@pytest.mark.parametrize("seed", range(6))
def test_on_a_line_against_dynamic_programming(seed, monkeypatch):
    monkeypatch.setattr(judgment, "_FEW", 0)
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, size=60) * 10.0 ** rng.uniform(-3, 6)
    weight = rng.uniform(0.1, 2, 60) if seed % 2 else np.ones(60)
    K = int(rng.integers(2, 8))
    want = dynamic_program(x, weight, K)
    model = ExactKMeans(K, tol=1e-7, n_init=2, n_swaps=0, random_state=0)
    model.fit(x[:, None], sample_weight=weight)
    assert model.status_ == "optimal"
    assert_allclose(model.inertia_, want, rtol=1e-6)
    assert model.lower_bound_ <= want * (1 + 1e-12)


def instance(seed):
    rng = np.random.default_rng(seed)
    n, K, d = int(rng.integers(5, 9)), int(rng.integers(2, 5)), int(rng.integers(1, 5))
    X = rng.standard_normal((n, d))
    kind = seed % 8
    if kind == 1:
        X = X.round()
    elif kind == 2:
        X[rng.integers(n)] = 10.0 ** rng.uniform(2, 20)
    elif kind == 3:
        X = 1e-6 * X + 10 * rng.integers(0, 2, (n, 1))
    elif kind == 4:
        X[1], X[2] = X[0], X[0] + 1e-12
    elif kind == 5:
        X += 10.0 ** rng.uniform(3, 9)
    elif kind == 6:
        X *= 10.0 ** rng.uniform(-80, 80)
    elif kind == 7:
        X = np.c_[X, X @ rng.standard_normal((d, 4)), np.full(n, 3.0)]
    weight = 10.0 ** rng.uniform(-2, 2, n) if rng.random() < 0.3 else np.ones(n)
    pairs = list(itertools.combinations(range(n), 2))
    order = rng.permutation(len(pairs))
    together = [pairs[order[0]]] if rng.random() < 0.3 else []
    apart = [pairs[i] for i in order[1:3]] if rng.random() < 0.3 else []
    return X, K, weight, together, apart


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_few_features_against_enumeration(monkeypatch):
    """Rounded, far, tight, duplicate, shifted points, and in flats of larger spaces."""
    monkeypatch.setattr(judgment, "_FEW", 0)
    nodes, certified, tried = 0, 0, 0
    solve = columns.ColumnRelaxation.solve

    def counted(self, *args, **options):
        nonlocal nodes
        nodes += 1
        return solve(self, *args, **options)

    monkeypatch.setattr(columns.ColumnRelaxation, "solve", counted)
    for seed in range(110):
        X, K, weight, together, apart = instance(seed)
        labels, values = inertias(X, K, weight)
        allowed = np.ones(len(labels), dtype=bool)
        for i, j in together:
            allowed &= labels[:, i] == labels[:, j]
        for i, j in apart:
            allowed &= labels[:, i] != labels[:, j]
        if not allowed.any():
            continue
        best = float(values[allowed].min())
        model = ExactKMeans(
            K,
            tol=1e-6,
            n_init=1,
            n_swaps=0,
            max_time=20.0,
            must_link=together,
            cannot_link=apart,
            random_state=0,
        )
        try:
            model.fit(X, sample_weight=weight)
        except InvalidParameterError:  # the search found no labels that keep apart
            continue
        tried += 1
        certified += model.certified_
        assert model.lower_bound_ <= best * (1 + 1e-12)
        assert model.inertia_ >= best * (1 - 1e-9)
        if model.certified_:
            assert model.inertia_ <= best * (1 + 1.1e-6) + 1e-300
    assert nodes > 25
    assert certified >= 0.98 * tried


def test_a_plane_in_a_larger_space_is_used():
    rng = np.random.default_rng(2)
    flat = rng.uniform(size=(60, 2))
    rotation = np.linalg.qr(rng.standard_normal((7, 7)))[0][:2]
    plain = ExactKMeans(5, random_state=0).fit(flat)
    inside = ExactKMeans(5, random_state=0).fit(flat @ rotation)
    assert isinstance(inside._tree.relaxation, columns.ColumnRelaxation)
    assert inside.status_ == plain.status_ == "optimal"
    assert_allclose(inside.inertia_, plain.inertia_, rtol=1e-9)
    noisy = flat @ rotation + 0.01 * rng.standard_normal((60, 7))
    model = ExactKMeans(5, max_nodes=1, max_time=0.0, random_state=0)
    with pytest.warns(Warning, match="stopped"):
        model.fit(noisy)
    assert not isinstance(model._tree.relaxation, columns.ColumnRelaxation)


@pytest.mark.parametrize(
    ("name", "n_clusters", "inertia"),
    [("pr299", 10, 73367009.59), ("fl417", 10, 5531844.203)],
)
def test_published_sets_are_proven_at_the_root(name, n_clusters, inertia, recordings):
    text = (recordings / f"clustering/{name}.txt").read_text().splitlines()
    X = np.array([line.split() for line in text[1:] if line.strip()], float)
    model = ExactKMeans(n_clusters, random_state=0).fit(X)
    assert model.certified_
    assert model.n_nodes_ == 1
    assert_allclose(model.inertia_, inertia, rtol=1e-8)
    assert (np.diff(model.history_[:, 1]) >= 0).all()


def test_warmup_compiles_every_kernel():
    kmeans_pricing.warmup()
    for name in kmeans_pricing.__all__:
        kernel = getattr(kmeans_pricing, name)
        assert not hasattr(kernel, "signatures") or kernel.signatures
