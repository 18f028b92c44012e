"""Kernels against plain numpy and library oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import nnls
from scipy.special import log_softmax, softmax
from sklearn.linear_model import Lasso

from skgeo.kernels.coding import cd_codes
from skgeo.kernels.softmax import logistic_loss, softmax_loss


def slow_cd(C, gram, rhs, l1, nonneg, sweeps):
    """Plain-numpy twin: the same visits, one coordinate at a time."""
    C = C.copy()
    for c, b in zip(C, rhs, strict=True):
        for _ in range(sweeps):
            for k in range(len(gram)):
                if gram[k, k] <= 0:
                    continue
                t = b[k] - gram[k] @ c + gram[k, k] * c[k]
                c[k] = np.sign(t) * max(abs(t) - l1, 0) / gram[k, k]
                if nonneg:
                    c[k] = max(c[k], 0.0) if t > 0 else 0.0
    return C


def problem(seed, n=7, r=4, p=9):
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((r, p))
    X = rng.standard_normal((n, p))
    return D, X, D @ D.T, X @ D.T


@pytest.mark.parametrize("nonneg", [True, False])
@pytest.mark.parametrize("l1", [0.0, 0.7])
def test_cd_codes_equals_its_twin(nonneg, l1):
    _, _, gram, rhs = problem(0)
    C = np.abs(np.random.default_rng(1).standard_normal(rhs.shape))
    expected = slow_cd(C, gram, rhs, l1, nonneg, 3)
    cd_codes(C, gram, rhs, l1, nonneg, 3, 0.0)
    assert_allclose(C, expected, atol=1e-12)


@pytest.mark.parametrize("size", [1e-6, 0.3, 1e6])
def test_cd_codes_of_short_and_long_atoms(size):
    """Twice as long an atom, half its code: the length is no threshold."""
    _, _, gram, rhs = problem(5)
    reference, C = np.zeros_like(rhs), np.zeros_like(rhs)
    cd_codes(reference, gram, rhs, 0.0, True, 50, 0.0)
    cd_codes(C, size**2 * gram, size * rhs, 0.0, True, 50, 0.0)
    assert_allclose(size * C, reference, rtol=1e-9)
    assert (reference > 0).any()


def test_nonnegative_codes_equal_nnls():
    D, X, gram, rhs = problem(2)
    C = np.zeros_like(rhs)
    cd_codes(C, gram, rhs, 0.0, True, 10_000, 1e-14)
    assert_allclose(C, [nnls(D.T, x)[0] for x in X], atol=1e-9)


def test_sparse_codes_equal_lasso():
    D, X, gram, rhs = problem(3)
    C = np.zeros_like(rhs)
    cd_codes(C, gram, rhs, 0.9, False, 10_000, 1e-14)
    lasso = Lasso(alpha=0.9 / X.shape[1], fit_intercept=False, tol=1e-14)
    assert_allclose(C, [lasso.fit(D.T, x).coef_ for x in X], atol=1e-6)
    assert (C == 0).any()


def test_codes_of_an_unused_atom_stay():
    gram = np.diag([1.0, 0.0])
    C = np.array([[0.0, 3.0]])
    sweeps = cd_codes(C, gram, np.array([[2.0, 5.0]]), 0.0, True, 100, 0.0)
    assert_allclose(C, [[2.0, 3.0]])
    assert sweeps <= 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    nonneg=st.booleans(),
    l1=st.floats(0, 2),
    sweeps=st.integers(1, 4),
)
def test_cd_codes_never_raises_the_objective(seed, nonneg, l1, sweeps):
    _, _, gram, rhs = problem(seed, r=6, p=4)  # a singular Gram

    def value(C):
        quadratic = np.einsum("ij,jk,ik->i", C, gram, C) / 2
        return quadratic - (rhs * C).sum(1) + l1 * np.abs(C).sum(1)

    C = np.abs(np.random.default_rng(seed).standard_normal(rhs.shape))
    before = value(C)
    cd_codes(C, gram, rhs, l1, nonneg, sweeps, 0.0)
    assert (value(C) <= before + 1e-10 * (1 + np.abs(before))).all()
    assert not nonneg or (C >= 0).all()


@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("size", [1.0, 30.0, 800.0])
def test_losses_equal_scipy(n_classes, size):
    rng = np.random.default_rng(n_classes)
    n = 40
    y = rng.integers(0, n_classes, n)
    w = rng.random(n)
    if n_classes == 2:
        S = size * rng.standard_normal((n, 1))
        full = np.hstack([np.zeros((n, 1)), S])
        kernel, keep = logistic_loss, slice(1, 2)
    else:
        S = full = size * rng.standard_normal((n, n_classes))
        kernel, keep = softmax_loss, slice(None)
    R = np.empty_like(S)
    value = kernel(S, y, w, R)
    rows = np.arange(n)
    assert_allclose(value, -w @ log_softmax(full, axis=1)[rows, y], rtol=1e-12)
    P = softmax(full, axis=1)
    P[rows, y] -= 1
    assert_allclose(R, (w[:, None] * P)[:, keep], atol=1e-14)


def test_residual_of_a_sure_sample_keeps_its_digits():
    R = np.empty((1, 1))
    logistic_loss(np.array([[50.0]]), np.array([1]), np.ones(1), R)
    assert_allclose(R[0, 0], -np.exp(-50), rtol=1e-12)
