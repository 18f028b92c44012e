"""Kernels of the sequential solver against plain numpy."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from skgeo.kernels import rvm as kernels
from skgeo.linear_model._rvm.posterior import Posterior, Problem
from skgeo.linear_model._rvm.starts import _moments


def state_of(seed=0, n=30, p=8, noise=0.0, cost=0.0, act=(), a=()):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X /= np.linalg.norm(X, axis=0)
    y = X[:, 0] - 0.5 * X[:, 3] + 0.1 * rng.standard_normal(n)
    y /= np.linalg.norm(y)
    given = Problem(np.ascontiguousarray(X.T), y, 0.0, n, noise=noise, cost=cost)
    return X, y, Posterior(given, act, a)


def dense_statistics(X, y, act, a):
    C = np.eye(len(y)) + (X[:, act] / a) @ X[:, act].T
    solved = np.linalg.solve(C, np.column_stack([X, y]))
    S, Q = np.sum(X * solved[:, :-1], axis=0), X.T @ solved[:, -1]
    cov = np.linalg.inv(X[:, act].T @ X[:, act] + np.diag(a))
    return {
        "S": S,
        "Q": Q,
        "Y": y @ solved[:, -1],
        "cov": cov,
        "mu": cov @ X[:, act].T @ y,
        "log_det": np.linalg.slogdet(C)[1],
    }


def dense_objective(X, y, act, a, n, noise):
    stats = dense_statistics(X, y, act, a)
    Y = stats["Y"]
    fit = (
        -0.5 * n * np.log(noise) - Y / 2 / noise
        if noise
        else (-0.5 * n * np.log(Y / n) - n / 2)
    )
    return fit - 0.5 * stats["log_det"]


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_incremental_statistics_are_the_dense_ones(noise):
    X, y, state = state_of(noise=noise)
    p = X.shape[1]
    terms, k, Y = state._terms(p), 0, state.Y

    def check(k, Y):
        act, a = terms.act[:k], terms.a[:k]
        dense = dense_statistics(X, y, act, a)
        assert_allclose(terms.S, dense["S"], rtol=1e-10, atol=1e-13)
        assert_allclose(terms.Q, dense["Q"], atol=1e-12)
        assert_allclose(Y, dense["Y"], rtol=1e-10)
        assert_allclose(terms.cov[:k, :k], dense["cov"], atol=1e-12)
        assert_allclose(terms.mu[:k], dense["mu"], atol=1e-12)
        assert_allclose(terms.gram[:k], X[:, act].T @ X, atol=1e-12)
        assert all(terms.pos[act[t]] == t for t in range(k))
        assert np.count_nonzero(terms.pos >= 0) == k

    for j, value in ((3, 0.1), (0, 2.0), (6, 0.01), (5, 30.0)):
        k, Y = kernels.add_term(j, value, terms, k, Y)
        check(k, Y)
    for t, value in ((1, 0.5), (3, 1e-6), (0, 1e6)):
        Y = kernels.change_term(t, value, terms, k, Y)
        check(k, Y)
    for t in (1, 2, 0, 0):
        k, Y = kernels.drop_term(t, terms, k, Y)
        check(k, Y)
    assert k == 0


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_best_move_is_the_best_of_all_moves(noise):
    cost = 0.7
    X, y, state = state_of(seed=1, noise=noise, cost=cost, act=[3, 5], a=[0.4, 0.9])
    n, p = X.shape
    objective = state.problem.objective
    gain, column, value = kernels.best_move(state._terms(2), 2, state.Y, objective)
    base = dense_objective(X, y, state.act, state.a, n, noise)
    assert_allclose(state.evidence, base, rtol=1e-12)
    best = {}
    for j in range(p):
        others = [i for i in range(2) if state.act[i] != j]
        act, a = state.act[others], state.a[others]
        inside = len(others) < 2

        def objective(log_a, act=act, a=a, j=j):
            return -dense_objective(
                X, y, np.append(act, j), np.append(a, np.exp(log_a)), n, noise
            )

        found = minimize_scalar(objective, bounds=(-25, 25), method="bounded",
                                options={"xatol": 1e-10})  # fmt: skip
        best[j] = (-found.fun - base - (0 if inside else cost), np.exp(found.x))
        if inside:
            out = dense_objective(X, y, act, a, n, noise) - base + cost
            best[j] = max(best[j], (out, np.inf))
    expected = max(best, key=lambda j: best[j][0])
    assert column == expected
    assert_allclose(gain, best[expected][0], rtol=1e-8)
    assert_allclose(value, best[expected][1], rtol=1e-4)


def optimum_over_one_precision(X, y, act, a, j, noise):
    """Highest objective over the precision of column j, the others held."""

    def objective(log_a):
        every = np.append(act, j), np.append(a, np.exp(log_a))
        return -dense_objective(X, y, *every, len(y), noise)

    found = minimize_scalar(objective, bounds=(-25, 25), method="bounded",
                            options={"xatol": 1e-10})  # fmt: skip
    return -found.fun, np.exp(found.x)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_best_swap_is_the_best_of_all_swaps(noise, positive):
    act, a = np.array([3, 5, 7]), np.array([0.4, 0.9, 1e-2])
    X, y, state = state_of(seed=2, noise=noise, act=act, a=a)
    objective = state.problem.objective._replace(positive=positive)
    found = kernels.best_swap(state._terms(3), 3, state.Y, objective)
    base = dense_objective(X, y, act, a, len(y), noise)
    best = (0.0, -1, -1, np.inf)
    for t in range(3):
        others = np.arange(3) != t
        for j in set(range(8)) - set(act.tolist()):
            value, precision = optimum_over_one_precision(
                X, y, act[others], a[others], j, noise
            )
            every = np.append(act[others], j), np.append(a[others], precision)
            mean = dense_statistics(X, y, *every)["mu"][-1]
            if value - base > best[0] and not (positive and mean < 0):
                best = (value - base, t, j, precision)
    assert best[1] >= 0
    assert found[1:3] == best[1:3]
    assert_allclose(found[0], best[0], rtol=1e-8)
    assert_allclose(found[3], best[3], rtol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_kick_adds_up(noise):
    act, a = np.array([1, 3, 5]), np.array([0.4, 0.9, 1e-2])
    for place in range(3):
        X, y, state = state_of(seed=3, noise=noise, cost=0.5, act=act, a=a)
        terms = state._terms(8)
        k, Y, net = kernels.kick_term(
            place, terms, 3, state.Y, state.problem.objective, 1e-9, np.zeros(100)
        )
        assert not terms.banned.any()
        ended, precision = terms.act[:k], terms.a[:k]
        before = dense_objective(X, y, act, a, len(y), noise) - 0.5 * 3
        after = dense_objective(X, y, ended, precision, len(y), noise) - 0.5 * k
        assert_allclose(net, after - before, rtol=1e-8, atol=1e-9)
        assert_allclose(Y, dense_statistics(X, y, ended, precision)["Y"], rtol=1e-9)


def test_backward_path_removes_what_costs_least():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 9)) @ (np.eye(9) + 0.5 * rng.standard_normal((9, 9)))
    y = X @ rng.standard_normal(9) + rng.standard_normal(40)

    def rss(columns):
        columns = list(columns)
        w = np.linalg.lstsq(X[:, columns], y, rcond=None)[0]
        return np.sum((y - X[:, columns] @ w) ** 2)

    order, rise = np.zeros(9, dtype=np.intp), np.zeros(9)
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    kernels.backward_path(np.linalg.inv(X.T @ X), w, order, rise)
    left = set(range(9))
    for j, increase in zip(order.tolist(), rise, strict=True):
        losses = {i: rss(left - {i}) - rss(left) for i in left}
        assert j == min(losses, key=losses.get)
        assert_allclose(increase, losses[j], rtol=1e-8)
        left -= {j}


@pytest.mark.parametrize("positive", [False, True])
def test_forward_path_adds_what_explains_most(positive):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((25, 12))
    X[:, 4] = 0  # a dead column is never taken
    y = X @ rng.standard_normal(12) + rng.standard_normal(25)
    order, left = np.zeros(12, dtype=np.intp), np.zeros(12)
    n_steps = kernels.forward_path(
        np.ascontiguousarray(X.T), y.copy(), order, left, positive
    )
    assert positive or n_steps == 11
    chosen = []
    for j, rss in zip(order[:n_steps].tolist(), left, strict=False):
        best = {}
        for i in set(range(12)) - {4, *chosen}:
            columns = [*chosen, i]
            w = np.linalg.lstsq(X[:, columns], y, rcond=None)[0]
            if not positive or w[-1] > 0:
                best[i] = np.sum((y - X[:, columns] @ w) ** 2)
        assert j == min(best, key=best.get)
        assert_allclose(rss, best[j], rtol=1e-8)
        chosen.append(j)


def test_banned_columns_and_copies_stay_out():
    X, y, state = state_of()
    state.banned[0] = True
    state.move(100)
    assert 0 not in state.act
    twin = np.ascontiguousarray(np.vstack([X.T, X.T[0]]))
    state = Posterior(Problem(twin, y, 0.0, 30, cost=0.1))
    state.move(100)
    assert len({0, 8} & set(state.act.tolist())) == 1


def test_room_for_terms_grows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 150))
    X /= np.linalg.norm(X, axis=0)
    y = X @ rng.uniform(1, 2, 150)
    y += 1e-3 * rng.standard_normal(400)
    y /= np.linalg.norm(y)
    state = Posterior(Problem(np.ascontiguousarray(X.T), y, 0.0, 400)).climb()
    assert state.converged
    assert len(state.act) == 150


@pytest.mark.parametrize("k", [0, 1, 5, 8])
@pytest.mark.parametrize("n", [4, 8, 30])
def test_statistics_in_either_shape(n, k):
    # More terms than rows, as many, and fewer.
    a = np.geomspace(1e-2, 10, k)
    X, y, state = state_of(n=n, act=np.arange(k), a=a)
    dense = dense_statistics(X, y, np.arange(k), a)
    for name, value in dense.items():
        assert_allclose(getattr(state, name), value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 7, 8, 9, 20])
def test_moments_in_both_forms(k):
    # k terms and 8 rows: the form of size k up to 8, that of size 8 beyond.
    rng = np.random.default_rng(k)
    active, target = rng.standard_normal((k, 8)), rng.standard_normal(8)
    a = rng.uniform(0.1, 2, k)
    cov = np.linalg.inv(active @ active.T + np.diag(a))
    expected = cov @ active @ target
    for gram in (None, active @ active.T):
        mean, var, rss = _moments(active, target, 0.3, a, np.arange(k), gram)
        assert_allclose(mean, expected, rtol=1e-9)
        assert_allclose(var, np.diag(cov), rtol=1e-9)
        assert_allclose(rss, 0.3 + np.sum((target - expected @ active) ** 2))


@pytest.mark.parametrize("k", [1, 3, 9, 20])
def test_each_form_is_used_where_it_is_accurate(k):
    # At tiny precisions the other form loses half the digits.
    rng = np.random.default_rng(k)
    active, target = rng.standard_normal((k, 8)), rng.standard_normal(8)
    mean, var, rss = _moments(active, target, 0.0, np.full(k, 1e-12), None, None)
    expected = np.linalg.pinv(active.T) @ target
    assert_allclose(mean, expected, rtol=1e-8)
    assert_allclose(rss, np.sum((target - expected @ active) ** 2), atol=1e-12)
    if k < 8:
        assert_allclose(var, np.diag(np.linalg.inv(active @ active.T)), rtol=1e-6)


def test_data_fit_is_smooth_at_the_floor():
    n, floor = 20, 1e-3
    below, at, above = (
        kernels.data_fit(n * floor * (1 + h), n, 0.0, floor) for h in (-1e-6, 0, 1e-6)
    )
    assert_allclose(above - at, at - below, rtol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_no_model_without_a_column_exceeds_its_limit(noise):
    X, y, state = state_of(seed=4, p=6, noise=noise, cost=0.3)
    limits = state.problem.best_without
    for j in range(6):
        others = np.delete(X, j, axis=1)
        residual = y - others @ np.linalg.lstsq(others, y)[0]
        expected = kernels.data_fit(residual @ residual, 30.0, noise, 1e-24)
        assert_allclose(limits[j], expected, rtol=1e-9)
    for size in range(1, 6):
        for act in itertools.combinations(range(6), size):
            model = Posterior(state.problem, act, np.full(size, 1e-2))
            absent = np.setdiff1d(np.arange(6), act)
            assert (limits[absent] >= model.score).all()
            model.climb()
            absent = np.setdiff1d(np.arange(6), model.act)
            assert (limits[absent] >= model.score).all()


def test_limits_are_unknown_where_columns_depend_on_each_other():
    X, y, _ = state_of(seed=5, p=6)
    design = np.ascontiguousarray(np.column_stack([X, X[:, :1]]).T)
    assert np.isinf(Problem(design, y, 0.0, 30).best_without).all()
    wide = np.random.default_rng(0).standard_normal((40, 30))
    assert np.isinf(Problem(wide, y, 0.0, 30).best_without).all()
    assert np.isinf(Problem(np.zeros((3, 30)), y, 0.0, 30).best_without).all()


def test_a_kick_that_leads_back_gains_nothing():
    n_terms = len(state_of(seed=6)[2].climb().act)
    assert n_terms >= 2
    for place in range(n_terms):
        state = state_of(seed=6)[2].climb()  # its statistics are those of the kernel
        before = set(state.act.tolist())
        terms = state._terms(8)
        k, _, net = kernels.kick_term(
            place, terms, n_terms, state.Y, state.problem.objective, 1e-9, np.zeros(100)
        )
        if set(terms.act[:k].tolist()) in (before, before - {int(state.act[place])}):
            assert net == 0.0
        else:
            assert net <= 1e-9
