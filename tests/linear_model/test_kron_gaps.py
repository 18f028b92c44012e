"""Missing entries: every route against dense formulas, and fits of data with gaps."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skgeo.linear_model import KroneckerSBL, kron_posterior
from skgeo.linear_model._kronecker import masked
from skgeo.linear_model._kronecker.posterior import kron_outer


def draw(rng, is_complex, *shape):
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def problem(seed, is_complex, share=0.4, n_samples=3):
    rng = np.random.default_rng(seed)
    rows, columns = (5, 6, 4), (7, 5, 6)
    factors = [draw(rng, is_complex, m, n) for m, n in zip(rows, columns, strict=True)]
    gammas = [rng.uniform(0.1, 2.0, n) for n in columns]
    gammas[0][2] = 0.0
    Y = draw(rng, is_complex, n_samples, 120)
    mask = rng.random(Y.shape) > share
    mask[-1] = mask[0]  # two rows share their gaps
    return factors, gammas, np.where(mask, Y, np.nan), mask


def dense(factors, gammas, y, noise):
    """Textbook formulas for one row: mean, variance, log evidence, covariance."""
    here = ~np.isnan(y)
    A, g = reduce(np.kron, factors)[here], kron_outer(gammas).ravel()
    C = (A * g) @ A.conj().T + noise * np.eye(len(A))
    K = np.linalg.solve(C, A * g)
    cov = np.diag(g) - (A * g).conj().T @ K
    quadratic = np.vdot(y[here], np.linalg.solve(C, y[here])).real
    c, log_2pi = (1.0, np.log(np.pi)) if np.iscomplexobj(y) else (
        0.5, np.log(2 * np.pi),
    )  # fmt: skip
    evidence = -c * (np.linalg.slogdet(C)[1] + quadratic + len(A) * log_2pi)
    return K.conj().T @ y[here], np.diag(cov).real, evidence, cov


@pytest.fixture(params=["codes", "measurements", "gradients"])
def route(request, monkeypatch):
    """Make small problems take each of the three ways."""
    limits = {"codes": 600, "measurements": 100, "gradients": 10}
    monkeypatch.setattr(masked, "_MAX_DENSE", limits[request.param])
    return request.param


@pytest.mark.parametrize("is_complex", [False, True])
def test_posterior_is_that_of_the_measured_entries(route, is_complex):
    factors, gammas, Y, _ = problem(0, is_complex)
    post = kron_posterior(factors, gammas, Y, 0.3)
    rows = [dense(factors, gammas, y, 0.3) for y in Y]
    means, variances, evidences, _ = zip(*rows, strict=True)
    assert_allclose(post.mean, means, atol=1e-8 * np.abs(means).max())
    if route != "gradients":
        assert post.variance_error == 0.0
        assert_allclose(post.variance, variances, atol=1e-10)
        assert_allclose(post.log_evidence, sum(evidences), rtol=1e-10)
        return
    # Means over 32 draws, with the standard error of a chi-square distribution.
    stated = np.sqrt((1 if is_complex else 2) / 32)
    assert_allclose(post.variance_error, stated)
    there = np.array(variances) > 0
    ratio = post.variance[there] / np.array(variances)[there]
    assert abs(np.sqrt(np.mean((ratio - 1) ** 2)) / stated - 1) < 0.3
    assert_allclose(post.log_evidence, sum(evidences), rtol=0.02)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), is_complex=st.booleans(), share=st.floats(0.05, 0.95))
def test_gaps_of_every_size(seed, is_complex, share):
    factors, gammas, Y, mask = problem(seed, is_complex, share)
    post = kron_posterior(factors, gammas, Y, 0.1)
    for i, y in enumerate(Y):
        mean, variance, _, _ = dense(factors, gammas, y, 0.1)
        assert_allclose(post.mean[i], mean, atol=1e-8)
        assert_allclose(post.variance[i], variance, atol=1e-8)
    # A gap more never makes a code better known.
    Y[0, np.flatnonzero(mask[0])[:1]] = np.nan
    fewer = kron_posterior(factors, gammas, Y[:1], 0.1)
    assert (fewer.variance[0] >= post.variance[0] - 1e-9).all()


def test_gram_with_gaps_is_that_of_the_columns():
    rng = np.random.default_rng(3)
    factors = [draw(rng, True, m, n) for m, n in ((6, 2), (3, 5), (4, 4))]
    mask = rng.random((6, 3, 4)) > 0.3
    A = reduce(np.kron, factors)[mask.ravel()]
    assert_allclose(masked.masked_gram(factors, mask), A.conj().T @ A, atol=1e-12)


def test_nothing_measured_leaves_the_prior():
    factors, gammas, Y, _ = problem(1, False)
    Y[1] = np.nan
    post = kron_posterior(factors, gammas, Y, 0.3)
    assert not post.mean[1].any()
    assert_allclose(post.variance[1], kron_outer(gammas).ravel())


def sparse_problem(seed, missing, rows=(9, 10), columns=(14, 15), n_samples=2):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((m, n)) for m, n in zip(rows, columns, strict=True)]
    support = [np.sort(rng.choice(n, 3, False)) for n in columns]
    codes = np.zeros((n_samples, *columns))
    values = rng.choice([-1, 1], (n_samples, *(3,) * len(rows)))
    codes[np.ix_(np.arange(n_samples), *support)] = values * rng.uniform(
        0.7, 1.5, values.shape
    )
    codes = codes.reshape(n_samples, -1)
    clean = codes @ reduce(np.kron, factors).T
    X = clean + 0.03 * np.std(clean) * rng.standard_normal(clean.shape)
    X[rng.random(X.shape) < missing] = np.nan
    return factors, codes, clean, X, support


@pytest.mark.parametrize("missing", [0.1, 0.4])
@pytest.mark.parametrize("solver", ["best", "mm", "svd", "am"])
def test_fit_with_gaps_finds_the_codes(solver, missing):
    factors, codes, clean, X, support = sparse_problem(0, missing)
    model = KroneckerSBL(
        factors, solver=solver, max_iter=1000, tol=1e-3, min_gain=8.0
    ).fit(X)
    for found, true in zip(model.support_, support, strict=True):
        assert_array_equal(found, true)
    found, std = model.transform(X, return_std=True)
    assert np.sum((found - codes) ** 2) < 3e-3 * np.sum(codes**2)
    # Attributes are those of the posterior in the units of the user.
    post = kron_posterior(factors, model.gammas_, X, model.noise_variance_)
    assert_allclose(found, post.mean, rtol=1e-6, atol=1e-8)
    assert_allclose(std**2, post.variance, rtol=1e-6, atol=1e-12)
    assert_allclose(model.score(X), post.log_evidence / len(X), rtol=1e-9)
    assert_allclose(model.objective_[-1], model.score(X), rtol=1e-9)
    # Gaps are filled, with errors as large as stated.
    filled, error = model.reconstruct(X, return_std=True)
    assert np.sum((filled - clean) ** 2) < 3e-3 * np.sum(clean**2)
    kept = np.ix_(*model.support_)
    index = np.arange(codes.shape[1]).reshape(14, 15)[kept].ravel()
    _, _, _, cov = dense(factors, model.gammas_, X[0], model.noise_variance_)
    A = reduce(np.kron, factors)
    expected = np.einsum("ij,jk,ik->i", A[:, index], cov[np.ix_(index, index)],
                         A[:, index])  # fmt: skip
    assert_allclose(error[0], np.sqrt(expected), rtol=1e-6)


def test_mm_with_gaps_never_lowers_the_evidence():
    for seed in range(4):
        factors, _, _, X, _ = sparse_problem(seed, 0.5)
        model = KroneckerSBL(factors, solver="mm", min_gain=0.0, max_iter=60).fit(X)
        assert (
            np.diff(model.objective_) > -1e-8 * np.abs(model.objective_).max()
        ).all()


def test_no_gap_is_the_same_as_a_mask_of_ones():
    factors, _, _, X, _ = sparse_problem(0, 0.0)
    plain = KroneckerSBL(factors, solver="mm").fit(X)
    rest = masked.MaskedData(
        X.reshape(2, 9, 10), np.ones((2, 9, 10), dtype=bool), 14 * 15
    )
    factors = plain._dictionary.factors
    whole = [np.ones(14), np.ones(15)]
    one = rest.moments(factors, whole, 0.2, "slopes")
    from skgeo.linear_model._kronecker.posterior import CompleteData

    other = CompleteData(X.reshape(2, 9, 10)).moments(factors, whole, 0.2, "slopes")
    for name in ("power", "slopes", "residual", "inverse_trace", "log_evidence", "dof"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-8)


def test_large_problem_starts_from_filled_gaps(monkeypatch):
    factors, codes, _, X, support = sparse_problem(
        2, 0.5, (8, 9, 10), (13, 12, 14), n_samples=1
    )
    monkeypatch.setattr(masked, "_MAX_DENSE", 200)
    model = KroneckerSBL(factors, max_iter=1000, tol=1e-3).fit(X)
    for found, true in zip(model.support_, support, strict=True):
        assert_array_equal(found, true)
    assert np.sum((model.transform(X) - codes) ** 2) < 0.01 * np.sum(codes**2)


def test_index_left_out_at_the_start_comes_back():
    from skgeo.linear_model._kronecker.dictionary import Dictionary
    from skgeo.linear_model._kronecker.prior import fit_kron_prior

    factors, _, _, X, support = sparse_problem(5, 0.3)
    mask = ~np.isnan(X)
    Y = np.where(mask, X, 0.0) / np.sqrt(np.mean(X[mask] ** 2))
    data = masked.MaskedData(Y.reshape(2, 9, 10), mask.reshape(2, 9, 10), 210)
    start = [np.zeros(14), np.zeros(15)]
    for g, s in zip(start, support, strict=True):
        g[s[:2]] = 1.0  # the third is missed in both modes
    fit = fit_kron_prior(
        Dictionary(factors).factors, data, min_gain="auto", start=(start, 0.1),
        max_iter=500, tol=1e-3,
    )  # fmt: skip
    for g, true in zip(fit.gammas, support, strict=True):
        assert set(true) <= set(np.flatnonzero(g))


def test_rows_with_gaps_and_their_own_support():
    factors, codes, _, X, _ = sparse_problem(1, 0.3)
    model = KroneckerSBL(factors, shared_support=False, tol=1e-3, max_iter=600).fit(X)
    assert np.sum((model.transform(X) - codes) ** 2) < 0.02 * np.sum(codes**2)
    filled, std = model.reconstruct(X, return_std=True)
    assert filled.shape == std.shape == X.shape
    assert_allclose(
        model.score(X), np.mean([s[-1] for s in model.objective_]), rtol=1e-3
    )


def test_reconstruction_error_by_every_route(monkeypatch):
    factors, gammas, Y, mask = problem(0, True)
    _, _, _, cov = dense(factors, gammas, Y[0], 0.3)
    A = reduce(np.kron, factors)
    expected = np.einsum("ij,jk,ik->i", A, cov, A.conj()).real
    holes = mask[0].reshape(5, 6, 4)
    for limit, rtol in ((600, 1e-8), (100, 1e-8), (10, 0.9)):
        monkeypatch.setattr(masked, "_MAX_DENSE", limit)
        spread = masked.masked_spread(factors, gammas, holes, 0.3, factors).ravel()
        assert_allclose(spread, expected, rtol=rtol)
        if limit == 10:
            error = np.sqrt(np.mean((spread / expected - 1) ** 2))
            assert 0.5 < error / np.sqrt(1 / 32) < 1.5


def test_bad_gaps():
    factors, _, _, X, _ = sparse_problem(0, 0.2)
    with pytest.raises(ValueError, match="no measurement"):
        KroneckerSBL(factors).fit(np.full_like(X, np.nan))
    with pytest.raises(ValueError, match="infinity"):
        KroneckerSBL(factors).fit(np.where(np.isnan(X), np.inf, X))
