"""Where the search for the highest evidence starts, against dense formulas."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from skgeo.linear_model._rvm import starts
from skgeo.linear_model._rvm.posterior import Posterior, Problem


def problem_of(seed=0, n=40, p=9, noise=0.0, extra=0.01, n_rows=40, **options):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, p))
    X /= np.linalg.norm(X, axis=0)
    y = X[:, 0] - 0.7 * X[:, 3] + 0.4 * X[:, 5]
    y = y + 0.05 * rng.standard_normal(n_rows)
    y /= 1.1 * np.linalg.norm(y)
    problem = Problem(
        np.ascontiguousarray(X.T), y, extra, n, noise=noise, cost=np.log(p), **options
    )
    return X, y, problem


def rss_of(X, y, act):
    w = np.linalg.lstsq(X[:, act], y, rcond=None)[0]
    return np.sum((y - X[:, act] @ w) ** 2)


def score_of(problem, rss, size):
    n = problem.n
    fit = -rss / 2 / problem.noise if problem.noise else -n / 2 * np.log(rss / n)
    return fit - size * (np.log(n) / 2 + problem.cost)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_backward_path_drops_the_least_useful_column(noise):
    for seed in range(5):
        X, y, problem = problem_of(seed, noise=noise)
        act = list(range(9))
        paths = [(act, rss_of(X, y, act) + problem.unexplained)]
        while act:
            fewer = [[k for k in act if k != j] for j in act]
            act = min(fewer, key=lambda a: rss_of(X, y, a) if a else np.inf)
            rss = rss_of(X, y, act) if act else y @ y
            paths.append((act, rss + problem.unexplained))
        best = max(paths, key=lambda path: score_of(problem, path[1], len(path[0])))
        found, precisions = starts.backward_start(problem)
        assert_array_equal(found, best[0])
        w = np.linalg.lstsq(X[:, found], y, rcond=None)[0]
        variance = noise or best[1] / problem.n
        assert_allclose(precisions, variance / w**2, rtol=1e-8)


def test_forward_path_takes_the_most_useful_column():
    for seed in range(5):
        X, y, problem = problem_of(seed)
        act, paths = [], []
        for _ in range(6):
            rest = [j for j in range(9) if j not in act]
            act = [*act, min(rest, key=lambda j: rss_of(X, y, [*act, j]))]
            paths.append((act, rss_of(X, y, act) + problem.unexplained))
        best = max(paths, key=lambda path: score_of(problem, path[1], len(path[0])))
        found, _ = starts.forward_start(problem, 6)
        assert_array_equal(found, sorted(best[0]))


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_ridge_start_has_the_best_common_precision(noise):
    X, y, problem = problem_of(1, noise=noise)

    def evidence(log_precision):
        C = np.eye(40) + X @ X.T / 10.0**log_precision
        Y = problem.unexplained + y @ np.linalg.solve(C, y)
        fit = -Y / 2 / noise if noise else -problem.n / 2 * np.log(Y)
        return fit - np.linalg.slogdet(C)[1] / 2

    grid = starts._LOG_PRECISIONS
    act, precisions = starts.ridge_start(problem)
    assert_array_equal(act, np.arange(9))
    assert_allclose(precisions, 10.0 ** max(grid, key=evidence))


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize("n_rows", [40, 7])
def test_fixed_point_start_settles_where_the_evidence_is_flat(
    noise, n_rows, monkeypatch
):
    monkeypatch.setattr(starts, "_SWEEPS", 5000)
    X, y, problem = problem_of(2, noise=noise, n_rows=n_rows)
    act, a = starts.fixed_point_start(problem, fixed_tol=1e-9)

    def objective(log_precisions):
        P = X[:, act]
        C = np.eye(n_rows) + (P / np.exp(log_precisions)) @ P.T
        Y = problem.unexplained + y @ np.linalg.solve(C, y)
        fit = Y / 2 / noise if noise else problem.n / 2 * np.log(Y)
        return fit + np.linalg.slogdet(C)[1] / 2

    assert 0 < len(act) < 9
    best = minimize(
        objective, np.log(a), method="Nelder-Mead", options={"maxiter": 200}
    )
    assert objective(np.log(a)) - best.fun < 1e-4
    step = 1e-4 * np.eye(len(act))
    slopes = [
        (objective(np.log(a) + d) - objective(np.log(a) - d)) / 2e-4 for d in step
    ]
    assert_allclose(slopes, 0.0, atol=1e-5)


def test_nonnegative_start_is_the_best_of_all_index_sets():
    X, y, problem = problem_of(3, positive=True)
    best = (np.inf, ())
    for size in range(1, 10):
        for act in map(list, combinations(range(9), size)):
            w = np.linalg.lstsq(X[:, act], y, rcond=None)[0]
            if (w > 0).all():
                best = min(best, (rss_of(X, y, act), tuple(act)))
    assert_array_equal(starts.nonnegative_start(problem)[0], best[1])


def test_candidates_have_the_signs_asked_for_and_do_not_interpolate():
    _, _, given = problem_of(4, extra=0.0, n_rows=12, n=12)
    _, _, positive = problem_of(4, extra=0.0, n_rows=12, n=12, positive=True)
    ones = np.ones(2)
    right, wrong = np.array([0, 5]), np.array([0, 3])
    assert (Posterior(given, wrong, ones).mu < 0).any()
    assert (Posterior(given, right, ones).mu > 0).all()
    assert Posterior(given, wrong, ones).admissible
    assert Posterior(positive, right, ones).admissible
    assert not Posterior(positive, wrong, ones).admissible
    X = np.random.default_rng(0).standard_normal((6, 9))
    X /= np.linalg.norm(X, axis=0)
    y = X[:, 0] / 2
    exact = Problem(np.ascontiguousarray(X.T), y, 0.0, 6, n_distinct=6)
    every = Posterior(exact, np.arange(6), np.full(6, 1e-14))
    assert not every.admissible
