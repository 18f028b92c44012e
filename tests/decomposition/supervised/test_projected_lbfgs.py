"""Projected L-BFGS beside dense BFGS, and the work that it does."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.decomposition._supervised.projected_lbfgs import ProjectedLBFGS


def quadratic(seed, n=6, condition=100.0):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    H = (Q * np.geomspace(1.0, condition, n)) @ Q.T
    b = rng.standard_normal(n)
    calls = []

    def objective(x):
        calls.append(x)
        return 0.5 * x @ H @ x - b @ x, H @ x - b

    return H, b, objective, calls


def dense_direction(g, pairs):
    """Minus the inverse Hessian of the BFGS updates by all pairs, times g."""
    s, y = pairs[-1][:2]
    B = np.eye(len(g)) * (s @ y) / (y @ y)
    for s, y, *_ in pairs:
        V = np.eye(len(g)) - np.outer(y, s) / (s @ y)
        B = V.T @ B @ V + np.outer(s, s) / (s @ y)
    return -B @ g


@pytest.mark.parametrize("memory", [2, 6])
def test_directions_are_those_of_dense_updates(memory):
    H, b, objective, _ = quadratic(0)
    solver = ProjectedLBFGS(0, memory)
    x, _ = solver.minimize(objective, np.zeros(6), 5)
    assert len(solver.pairs) == min(memory, 5)
    for s, y, _ in solver.pairs:
        assert_allclose(y, H @ s, rtol=1e-9, atol=1e-12)
    last = solver.pairs[-1][0]
    # Pairs are the latest: the last one leads to the point that is returned.
    again, _ = ProjectedLBFGS(0, memory).minimize(objective, np.zeros(6), 4)
    assert_allclose(last, x - again, atol=1e-12)
    g = H @ x - b
    found = solver._direction(g, np.zeros(6, dtype=bool))
    assert_allclose(found, dense_direction(g, solver.pairs), rtol=1e-9)


@pytest.mark.parametrize("n_bounded", [0, 3, 6])
def test_minimum_and_the_number_of_values(n_bounded):
    for seed in range(3):
        H, b, objective, calls = quadratic(seed)
        x, value = ProjectedLBFGS(n_bounded).minimize(objective, np.ones(6), 200)
        g = H @ x - b
        free = np.r_[x[:n_bounded] > 0, np.ones(6 - n_bounded, dtype=bool)]
        assert_allclose(g[free], 0.0, atol=1e-6)
        assert np.all(x[:n_bounded] >= 0)
        assert np.all(g[:n_bounded][~free[:n_bounded]] > 0)
        assert value == objective(x)[0]
        # Gradient descent at this condition takes hundreds.
        assert n_values(calls, objective, value) < 40


def n_values(calls, objective, least):
    """Number of values taken before one is the least but for 1e-8."""
    values = [objective(x)[0] for x in list(calls)]
    return next(k for k, v in enumerate(values) if v < least + 1e-8)


def test_pairs_of_the_call_before_save_steps():
    for seed in range(3):
        _, _, objective, _ = quadratic(seed)
        solver = ProjectedLBFGS(0)
        x, _ = solver.minimize(objective, np.zeros(6), 15)
        taken = []

        def moved(x, taken=taken, objective=objective):
            taken.append(x)
            value, g = objective(x)
            return value - 0.1 * x.sum(), g - 0.1

        _, least = solver.minimize(moved, x, 100)
        warm = n_values(taken, moved, least)
        taken.clear()
        ProjectedLBFGS(0).minimize(moved, x, 100)
        assert warm < n_values(taken, moved, least)
