"""Kernels of the sequential solver against plain numpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from skgeo.kernels import rvm as kernels
from skgeo.linear_model._rvm.evidence import _Posterior


def state_of(seed=0, n=30, p=8, noise=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X /= np.linalg.norm(X, axis=0)
    y = X[:, 0] - 0.5 * X[:, 3] + 0.1 * rng.standard_normal(n)
    y /= np.linalg.norm(y)
    return X, y, _Posterior(np.ascontiguousarray(X.T), y, 0.0, n, noise, 1e-24)


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
    a, mu, act = np.zeros(p), np.zeros(p), np.zeros(p, dtype=np.intp)
    cov, gram, S, Q = np.zeros((p, p)), np.zeros((p, p)), state.S, state.Q
    design, pos, k, Y = state.design, state.pos, 0, state.Y

    def check(k, Y):
        dense = dense_statistics(X, y, act[:k], a[:k])
        assert_allclose(S, dense["S"], rtol=1e-10, atol=1e-13)
        assert_allclose(Q, dense["Q"], atol=1e-12)
        assert_allclose(Y, dense["Y"], rtol=1e-10)
        assert_allclose(cov[:k, :k], dense["cov"], atol=1e-12)
        assert_allclose(mu[:k], dense["mu"], atol=1e-12)
        assert all(pos[act[t]] == t for t in range(k))
        assert np.count_nonzero(pos >= 0) == k

    for j, value in ((3, 0.1), (0, 2.0), (6, 0.01), (5, 30.0)):
        k, Y = kernels.add_term(
            j, value, design, act, pos, k, a, mu, cov, gram, S, Q, Y
        )
        check(k, Y)
    for t, value in ((1, 0.5), (3, 1e-6), (0, 1e6)):
        Y = kernels.change_term(t, value, k, a, mu, cov, gram, S, Q, Y)
        check(k, Y)
    for t in (1, 2, 0, 0):
        k, Y = kernels.drop_term(t, act, pos, k, a, mu, cov, gram, S, Q, Y)
        check(k, Y)
    assert k == 0


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_best_move_is_the_best_of_all_moves(noise):
    X, y, state = state_of(seed=1, noise=noise)
    n, p = X.shape
    cost = 0.7
    state.act, state.a = np.array([3, 5]), np.array([0.4, 0.9])
    state.refresh()
    gain, column, value = kernels.best_move(
        state.act, state.pos, 2, state.a, state.mu, state.cov, state.S, state.Q,
        state.Y, n, noise, 1e-24, cost, np.zeros(p, dtype=bool),
    )  # fmt: skip
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


def test_banned_columns_and_copies_stay_out():
    X, y, state = state_of()
    banned = np.zeros(8, dtype=bool)
    banned[0] = True
    state.move(0.0, 1e-8, banned, 100)
    assert 0 not in state.act
    twin = np.ascontiguousarray(np.vstack([X.T, X.T[0]]))
    state = _Posterior(twin, y, 0.0, 30, 0.0, 1e-24)
    state.move(0.1, 1e-8, np.zeros(9, dtype=bool), 100)
    assert len({0, 8} & set(state.act.tolist())) == 1


def test_room_for_terms_grows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 150))
    X /= np.linalg.norm(X, axis=0)
    y = X @ rng.uniform(1, 2, 150)
    y += 1e-3 * rng.standard_normal(400)
    y /= np.linalg.norm(y)
    state = _Posterior(np.ascontiguousarray(X.T), y, 0.0, 400, 0.0, 1e-24)
    for _ in range(20):
        gains, _ = state.move(0.0, 1e-8, np.zeros(150, dtype=bool), 500)
        state.refresh()
        if not len(gains):
            break
    assert len(state.act) == 150


def test_data_fit_is_smooth_at_the_floor():
    n, floor = 20, 1e-3
    below, at, above = (
        kernels.data_fit(n * floor * (1 + h), n, 0.0, floor) for h in (-1e-6, 0, 1e-6)
    )
    assert_allclose(above - at, at - below, rtol=1e-4)
