"""The solvers of Kronecker-structured priors, against plain formulas."""

import warnings
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from skgeo.linear_model import KroneckerSBL, kron_posterior
from skgeo.linear_model._kronecker.nested_exchange import _NestedSearch
from skgeo.linear_model._kronecker.posterior import CompleteData, moments
from skgeo.linear_model._kronecker.prior import _Fit, fit_kron_prior, update_mm
from tests.linear_model.kron_problems import (
    SOLVERS,
    nmse,
    problem,
)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_recovers_codes_and_support(solver, known, is_complex):
    factors, codes, X, s2, support = problem(is_complex=is_complex)
    model = KroneckerSBL(
        factors,
        solver=solver,
        noise_variance=s2 if known else None,
        min_gain=8.0,  # an index of noise brings more than log(n_i) now and then
        max_iter=1000,
        tol=1e-2 if solver == "am" else 1e-4,
    ).fit(X)
    assert model.converged_
    assert nmse(model.transform(X), codes) < 2e-3
    for found, true in zip(model.support_, support, strict=True):
        assert_array_equal(found, true)
    assert_allclose(model.noise_variance_, s2, rtol=1e-12 if known else 0.4)
    # Fitted attributes are those of the posterior in the units of the user.
    post = kron_posterior(factors, model.gammas_, X, model.noise_variance_)
    assert_allclose(model.transform(X), post.mean, rtol=1e-7, atol=1e-9)
    assert_allclose(model.posterior_variance(), post.variance, rtol=1e-7, atol=1e-12)
    assert_allclose(model.score(X), post.log_evidence, rtol=1e-9)
    assert_allclose(model.objective_[-1], post.log_evidence, rtol=1e-9)
    assert len(model.objective_) == model.n_iter_ + 1
    assert_allclose(
        model.inverse_transform(codes), codes @ reduce(np.kron, factors).T, atol=1e-10
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sizes=st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4
    ),
    n_samples=st.integers(1, 4),
    is_complex=st.booleans(),
    known=st.booleans(),
    beta=st.sampled_from([None, 0.0, 0.5, 0.8]),
    prune_tol=st.sampled_from([0.0, 1e-4, 1e-2]),
)
def test_mm_never_lowers_the_evidence(
    seed, sizes, n_samples, is_complex, known, beta, prune_tol
):
    rng = np.random.default_rng(seed)
    rows, columns = zip(*sizes, strict=True)
    k = [int(rng.integers(1, n + 1)) for n in columns]
    factors, _, X, s2, _ = problem(
        seed, rows, columns, k, noise=10 ** rng.uniform(-3, 0.5), n_samples=n_samples,
        is_complex=is_complex,
    )  # fmt: skip
    coupling = None if beta is None else (beta,) * len(sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KroneckerSBL(
            factors, solver="mm", noise_variance=s2 if known else None,
            coupling=coupling, prune_tol=prune_tol, min_gain=0.0, max_iter=80, tol=1e-8,
        ).fit(X)  # fmt: skip
    steps = np.diff(model.objective_)
    assert (steps >= -1e-9 * np.abs(model.objective_[1:]).max()).all()


def test_trimming_costs_no_more_than_it_may():
    factors, _, X, _, support = problem(noise=0.3)
    free = KroneckerSBL(factors, solver="mm", min_gain=0.0).fit(X)
    trimmed = KroneckerSBL(factors, solver="mm", min_gain=6.0).fit(X)
    sizes = [len(s) for s in trimmed.support_]
    assert sum(sizes) <= sum(len(s) for s in free.support_)
    assert sizes == [len(s) for s in support]
    n_steps = np.count_nonzero(np.diff(trimmed.objective_) < 0)
    assert n_steps <= 5
    # What is left brings what it costs, each index on its own.
    for i in range(3):
        for j in trimmed.support_[i]:
            gammas = [g.copy() for g in trimmed.gammas_]
            gammas[i][j] = 0.0
            without = kron_posterior(factors, gammas, X, trimmed.noise_variance_)
            assert trimmed.score(X) - without.log_evidence >= 6.0 - 1e-6


def test_mm_update_is_the_minimum_of_its_surrogate():
    factors, _, X, s2, _ = problem(rows=(3, 4), columns=(4, 5), k=(2, 2), n_samples=2)
    fit = _Fit(factors, CompleteData(X.reshape(2, 3, 4)), None)
    fit.noise = s2
    m = fit.moments("slopes")

    def surrogate(gammas):
        outer = np.multiply.outer(*gammas)
        return np.sum(m.power / outer + m.slopes * outer)

    start = [g.copy() for g in fit.gammas]
    # C = s2 I + H G H', its derivative in gamma_k is h_k' C^-1 h_k.
    A = np.kron(*factors)
    C = s2 * np.eye(12) + (A * np.kron(*start)) @ A.T
    assert_allclose(m.slopes.ravel(), np.sum(A * np.linalg.solve(C, A), 0), rtol=1e-9)
    assert_allclose(m.inverse_trace, np.trace(np.linalg.inv(C)), rtol=1e-9)
    update_mm(fit, m, 1)
    best = surrogate([fit.gammas[0], fit.gammas[1]])
    assert best < surrogate(start)
    for j in range(5):
        for factor in (0.9, 1.1):
            other = fit.gammas[1].copy()
            other[j] *= factor
            assert surrogate([fit.gammas[0], other]) > best


def test_am_is_expectation_maximization():
    # One mode: gamma <- variance + |mean|**2, noise <- its expectation.
    factors, _, X, _, _ = problem(rows=(12,), columns=(8,), k=(3,), n_samples=3)
    H = factors[0] / np.linalg.norm(factors[0], axis=0)
    Y = X / np.sqrt(np.mean(X**2))
    result = fit_kron_prior(
        [H], CompleteData(Y), solver="am", prune_tol=0.0, max_iter=25, tol=0
    )
    power = np.vdot(Y, Y) / len(Y)
    gamma, s2 = np.full(8, power / 8), 0.1 * power / 12
    for _ in range(25):
        cov = np.linalg.inv(H.T @ H / s2 + np.diag(1 / gamma))
        mean = Y @ H @ cov / s2
        rss = np.sum((Y - mean @ H.T) ** 2) / len(Y)
        s2 = (rss + s2 * np.sum(1 - np.diag(cov) / gamma)) / 12
        gamma = np.diag(cov) + np.mean(mean**2, axis=0)
    assert_allclose(result.gammas[0], gamma, rtol=1e-8)
    assert_allclose(result.noise_variance, s2, rtol=1e-8)


def test_coupled_am_is_a_non_negative_least_squares_fit():
    # One mode, one step: gamma = C u nearest to the uncoupled update.
    factors, _, X, _, _ = problem(rows=(12,), columns=(8,), k=(3,), n_samples=3)
    H = factors[0] / np.linalg.norm(factors[0], axis=0)
    Y = X / np.sqrt(np.mean(X**2))
    C = np.eye(8) + 0.8 * (np.eye(8, k=1) + np.eye(8, k=-1))
    start = C @ np.full(8, np.vdot(Y, Y) / len(Y) / 8)
    cov = np.linalg.inv(H.T @ H / 0.1 + np.diag(1 / start))
    target = np.diag(cov) + np.mean((Y @ H @ cov / 0.1) ** 2, axis=0)
    result = fit_kron_prior(
        [H],
        CompleteData(Y),
        solver="am",
        noise=0.1,
        coupling=(0.8,),
        prune_tol=0.0,
        max_iter=1,
        tol=0,
    )
    fitted = C @ nnls(C, target)[0]
    assert (fitted < 1e-3 * target.max()).any()  # the constraint is active
    assert_allclose(
        result.gammas[0], np.maximum(fitted, 1e-5 * target.max()), rtol=1e-8
    )


def test_svd_of_two_modes_is_the_best_rank_one_matrix():
    factors, _, X, _, _ = problem(rows=(5, 6), columns=(7, 8), k=(2, 2))
    factors = [H / np.linalg.norm(H, axis=0) for H in factors]
    Y = (X / np.sqrt(np.mean(X**2))).reshape(1, 5, 6)
    result = fit_kron_prior(
        factors,
        CompleteData(Y),
        solver="svd",
        noise=0.1,
        prune_tol=0.0,
        max_iter=1,
        tol=0,
    )
    power = np.vdot(Y, Y)
    first = [np.full(7, 7**-0.5), np.full(8, 10 * power / 56 * 7**0.5)]
    m = moments(factors, first, Y, 0.1, need="variance")
    u, s, vt = np.linalg.svd(m.variance + m.power)
    assert_allclose(
        np.multiply.outer(*result.gammas), s[0] * np.outer(u[:, 0], vt[0]), rtol=1e-9
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_coupling_finds_blocks(solver):
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal((8, 16)), rng.standard_normal((9, 18))]
    codes = np.zeros((4, 16, 18))
    codes[:, 4:7, 9:13] = rng.choice([-1, 1], (4, 3, 4)) * rng.uniform(
        0.5, 1.5, (4, 3, 4)
    )
    codes = codes.reshape(4, -1)
    X = codes @ np.kron(*factors).T
    X = X + 0.1 * np.std(X) * rng.standard_normal(X.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # projections may cycle
        model = KroneckerSBL(factors, solver=solver, coupling=(0.5, 0.5)).fit(X)
    assert nmse(model.transform(X), codes) < 0.01
    X, tol = X[:1], 1e-2
    none = KroneckerSBL(
        factors, solver=solver, coupling=(0.0, 0.0), max_iter=1000, tol=tol
    )
    plain = KroneckerSBL(factors, solver=solver, max_iter=1000, tol=tol)
    assert_allclose(none.fit(X).transform(X), plain.fit(X).transform(X))


def test_a_mode_without_variances_is_no_signal():
    factors, _, X, *_ = problem(rows=(3, 4), columns=(4, 5), k=(2, 2), n_samples=2)
    fit = _Fit(factors, CompleteData(X.reshape(2, 3, 4)), None)
    fit.gammas[0][:] = 0.0
    fit.normalize()
    assert not fit.has_signal
    assert np.isfinite(fit.gammas[1]).all()


def test_a_block_is_not_added_to_nothing():
    search = _NestedSearch(np.eye(6), np.ones((1, 6)), 0.1, (1.0, 1.0, 1.0))
    rest = [np.zeros((1, 2)), np.zeros((1, 3))]
    assert search._new_block(rest, np.arange(1), (1, 2, 3), None, None, 0.0) == []
