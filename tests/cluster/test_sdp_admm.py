"""The ADMM solver against cvxpy, and its bounds against everything feasible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skgeo.cluster._solvers import likelihood
from skgeo.cluster._solvers.admm import _solve_normal, _start, block_bound
from skgeo.cluster._solvers.likelihood import profile_blocks, solve_la_sdp
from skgeo.cluster._solvers.lowrank import solve_kmeans_lowrank
from skgeo.cluster._solvers.reference_cvxpy import solve_with_cvxpy
from skgeo.cluster._solvers.relaxation import (
    WeightedGram,
    double_centered,
    gram_inertia,
    gram_lloyd,
    solve_kmeans_sdp,
)
from skgeo.cluster._solvers.spectral import NegativePart, largest_eigenvalues
from skgeo.datasets import make_gaussian_clusters


def hard_instance(n, seed=5):
    """Overlapping clusters: the relaxation is not tight."""
    return make_gaussian_clusters(
        n,
        4,
        4,
        separation=3.0,
        heterogeneity=0.8,
        random_state=seed,
        return_params=True,
    )


def gram(X):
    X = X - X.mean(axis=0)
    return double_centered(X @ X.T)


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_normal_equations_and_start(n_blocks):
    rng = np.random.default_rng(0)
    n = 6
    q = rng.random(n) + 0.5
    q /= np.linalg.norm(q)
    row, trace = rng.standard_normal(n), rng.standard_normal(n_blocks)
    y, t = _solve_normal(row, trace, q, n_blocks)
    adjoint = 0.5 * (np.outer(y, q) + np.outer(q, y))
    blocks = adjoint[None] + t[:, None, None] * np.eye(n)
    assert_allclose(np.einsum("bij,j->i", blocks, q), row, atol=1e-12)
    assert_allclose(np.trace(blocks, axis1=1, axis2=2), trace, atol=1e-12)
    traces = 1.0 + rng.random(n_blocks)
    Z = _start(traces, q, n_blocks)
    assert_allclose(Z.sum(axis=0) @ q, q, atol=1e-13)
    assert_allclose(np.trace(Z, axis1=1, axis2=2), traces)
    assert np.linalg.eigvalsh(Z).min() > 0
    assert Z.min() > 0


def test_negative_part_of_a_drifting_matrix():
    rng = np.random.default_rng(1)
    n = 60
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    w = np.concatenate([-np.arange(1.0, 6.0), np.linspace(0.5, 3, n - 5)])
    drift = rng.standard_normal((n, n)) * 1e-3
    part, out = NegativePart(), np.empty((n, n))
    M = (V * w) @ V.T
    for _ in range(12):
        M = M + drift + drift.T
        part.project(M, out)
    values, vectors = np.linalg.eigh(M)
    want = (vectors * np.maximum(-values, 0.0)) @ vectors.T
    assert_allclose(out, want, atol=1e-3 * np.linalg.norm(want))
    assert part.rank == 5


def test_largest_eigenvalues_are_bounds_from_above():
    rng = np.random.default_rng(2)
    M = rng.standard_normal((30, 30))
    M = M + M.T
    want = np.linalg.eigvalsh(M)[::-1][:4]
    got = largest_eigenvalues(M, 4)
    assert np.all(got >= want - 1e-13)
    assert_allclose(got, want, rtol=1e-9)
    assert len(largest_eigenvalues(M, 0)) == 0


@pytest.mark.parametrize(("n", "solver"), [(40, "CLARABEL"), (50, "SCS")])
def test_kmeans_sdp_agrees_with_cvxpy(n, solver):
    pytest.importorskip("cvxpy")
    A = gram(hard_instance(n)[0])
    ours = solve_kmeans_sdp(
        A,
        4,
        tol=1e-6,
        max_iter=8000,
        random_state=np.random.RandomState(0),
    )
    assert ours.converged
    _, N, value, _ = solve_with_cvxpy(A[None], [4.0], solver=solver)
    assert abs(ours.objective[-1] - value) < 1e-5 * abs(value)
    assert abs(ours.upper_bound - value) < 1e-5 * abs(value)
    assert N.shape == (1, n, n)
    assert N.min() >= 0


@pytest.mark.parametrize(("n", "solver"), [(24, "CLARABEL"), (50, "SCS")])
def test_la_sdp_agrees_with_cvxpy(n, solver):
    pytest.importorskip("cvxpy")
    X, _, _, covariances = hard_instance(n)
    ours = solve_la_sdp(X, covariances, tol=1e-6, max_iter=8000)
    assert ours.converged
    blocks = profile_blocks(X, covariances)
    _, _, value, _ = solve_with_cvxpy(blocks, np.ones(4), solver=solver)
    assert abs(ours.objective[-1] - value) < 1e-5 * abs(value)
    assert abs(ours.upper_bound - value) < 1e-5 * abs(value)


def test_solution_is_feasible():
    A = gram(hard_instance(80)[0])
    result = solve_kmeans_sdp(A, 4, tol=1e-5, random_state=np.random.RandomState(0))
    Z = result.x
    assert_allclose(Z.sum(axis=1), 1.0, atol=1e-3)
    assert_allclose(np.trace(Z), 4.0, atol=1e-3)
    assert Z.min() > -1e-4
    assert np.linalg.eigvalsh(Z)[0] > -1e-3


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(4, 16),
    d=st.integers(1, 4),
    n_clusters=st.integers(2, 3),
    max_iter=st.sampled_from([1, 10, 40, 200]),
)
def test_lower_bound_is_never_above_a_clustering(seed, n, d, n_clusters, max_iter):
    # However early the solver stops, and whatever the data.
    rng = np.random.RandomState(seed % 2**32)
    X = rng.standard_normal((n, d)) * rng.choice([1e-3, 1.0, 50.0])
    if rng.rand() < 0.3:
        X = X.round()  # ties and repeated points
    A = gram(X)
    if not np.trace(A) > 0:
        return
    result = solve_kmeans_sdp(A, n_clusters, max_iter=max_iter, random_state=rng)
    lower = result.lower_bound
    assert lower <= result.inertia
    for _ in range(20):
        labels = rng.randint(n_clusters, size=n)
        assert lower <= gram_inertia(A, labels, n_clusters) * (1 + 1e-12)


def test_stops_early_on_separated_clusters():
    X, y = make_gaussian_clusters(120, 3, 5, separation=9, random_state=3)
    result = solve_kmeans_sdp(gram(X), 3, random_state=np.random.RandomState(0))
    assert result.verdict == "certified"
    assert result.n_iter <= 60
    assert len(np.unique(np.column_stack([y, result.labels]), axis=0)) == 3


def test_the_penalty_is_balanced():
    # Without balancing, or with its direction inverted, thousands of sweeps are needed.
    gram = WeightedGram.of_points(hard_instance(60)[0])
    result = solve_kmeans_sdp(
        gram,
        4,
        tol=1e-5,
        max_iter=1500,
        early_stop=False,
        random_state=np.random.RandomState(0),
    )
    assert result.converged


def test_lazy_bounds_are_left_out_while_they_cannot_decide(monkeypatch):
    calls = []

    def counted(M, y, q, traces):
        calls.append(1)
        return block_bound(M, y, q, traces)

    monkeypatch.setattr(likelihood, "block_bound", counted)
    X, _, _, covariances = hard_instance(40)
    result = solve_la_sdp(X, covariances, tol=1e-5, max_iter=3000)
    assert result.converged
    assert len(calls) < 0.6 * len(result.objective)


def test_the_line_search_descends():
    X, _ = make_gaussian_clusters(60, 4, 4, separation=3.0, random_state=5)
    X = X - X.mean(axis=0)
    dense = solve_kmeans_sdp(
        WeightedGram.of_points(X), 4, random_state=np.random.RandomState(0)
    )
    best = 0.0
    for seed in range(3):
        rng = np.random.RandomState(seed)
        result = solve_kmeans_lowrank(X, 4, rng.randint(4, size=60), random_state=rng)
        assert result.converged
        assert result.objective[-1] <= dense.upper_bound * (1 + 1e-3)
        best = max(best, result.objective[-1])
    assert best > 0.97 * dense.upper_bound


def test_weighted_factor_equals_repeated_points():
    X, y = make_gaussian_clusters(30, 3, 3, separation=4.0, random_state=1)
    times = np.random.default_rng(0).integers(1, 4, size=30)
    X = X - np.average(X, axis=0, weights=times)
    one = solve_kmeans_lowrank(
        X, 3, y, weight=times, tol=1e-5, random_state=np.random.RandomState(0)
    )
    many = solve_kmeans_lowrank(
        np.repeat(X, times, axis=0),
        3,
        np.repeat(y, times),
        tol=1e-5,
        random_state=np.random.RandomState(0),
    )
    assert_allclose(one.objective[-1], many.objective[-1], rtol=1e-3)


def test_weighted_relaxation_equals_repeated_points():
    X, _ = make_gaussian_clusters(24, 3, 3, separation=4.0, random_state=1)
    times = np.random.default_rng(0).integers(1, 4, size=24)
    options = {"tol": 1e-5, "random_state": np.random.RandomState(0)}
    one = solve_kmeans_sdp(WeightedGram.of_points(X, times), 3, **options)
    many = solve_kmeans_sdp(
        WeightedGram.of_points(np.repeat(X, times, axis=0)), 3, **options
    )
    assert_allclose(one.inertia, many.inertia, rtol=1e-10)
    assert_allclose(one.lower_bound, many.lower_bound, rtol=1e-3)
    assert one.verdict == many.verdict


def test_no_group_is_left_empty_by_rounding():
    rows = [[-2.3696953896631614, -0.2667, -1.36798, 0.36629]]
    rows += [[-3.35879, -1.97828, -0.78834, 0.50225]]
    A = gram(np.vstack([rows, np.negative(rows)]))
    labels, inertia = gram_lloyd(A, np.array([0, 0, 1, 1]), 3)
    assert set(labels) == {0, 1, 2}
    assert inertia <= gram_inertia(A, np.array([0, 0, 1, 1]), 2)
