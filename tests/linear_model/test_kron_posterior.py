"""The posterior by mode products against the dense formula."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skgeo.linear_model import kron_posterior, mode_product
from skgeo.linear_model._kronecker.posterior import predictive_spread


def random_problem(rng, rows, columns, *, is_complex, n_samples=2, exponents=None):
    def draw(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if is_complex else values

    factors = []
    for m, n in zip(rows, columns, strict=True):
        # Singular values from 1/2 to 2: an ill-conditioned factor makes the posterior
        # itself, not a way to compute it, sensitive to the last digit of its entries.
        u, s, vh = np.linalg.svd(draw(m, n), full_matrices=False)
        factors.append((u * rng.uniform(0.5, 2.0, len(s))) @ vh)
    low, high = exponents or (0.0, 0.0)
    gammas = [10 ** rng.uniform(low, high, n) for n in columns]
    return factors, gammas, draw(n_samples, int(np.prod(rows)))


def dense_posterior(factors, gammas, Y, noise):
    """Textbook formulas in extended precision, so that the oracle is the better one."""
    wide = np.clongdouble if np.iscomplexobj(Y) else np.longdouble
    A = reduce(np.kron, [H.astype(wide) for H in factors])
    g = reduce(np.kron, [gamma.astype(np.longdouble) for gamma in gammas])
    Y = Y.astype(wide)
    # C = L L' by QR of its square root: Cholesky would square the condition number.
    root = np.vstack(
        [np.sqrt(g)[:, None] * A.conj().T, np.sqrt(wide(noise)) * np.eye(len(A))]
    )
    L = triangle(root).conj().T
    whitened = forward(L, A * g)  # L^-1 A G
    data = forward(L, Y.T)
    mean = (whitened.conj().T @ data).T
    variance = g - np.sum(np.abs(whitened) ** 2, axis=0)
    log_det = 2 * np.sum(np.log(np.diag(L).real))
    c, constant = (1.0, np.log(np.pi)) if wide is np.clongdouble else (
        0.5, np.log(2 * np.pi),
    )  # fmt: skip
    return {
        "mean": mean,
        "variance": variance,
        "residual": np.sum(np.abs(Y - mean @ A.T) ** 2),
        "dof": np.sum((g - variance)[g > 0] / g[g > 0]),
        "log_evidence": -c
        * (len(Y) * (log_det + len(A) * constant) + np.sum(np.abs(data) ** 2)),
        "prior": g,
    }


def triangle(B):
    """R of a QR factorization by Householder reflections, diagonal positive."""
    B, n = B.copy(), B.shape[1]
    for j in range(n):
        x = B[j:, j]
        v = x.copy()
        phase = x[0] / abs(x[0]) if x[0] != 0 else 1.0
        v[0] += phase * np.sqrt(np.sum(np.abs(x) ** 2))
        v /= np.sqrt(np.sum(np.abs(v) ** 2))
        B[j:, j:] -= 2 * np.outer(v, v.conj() @ B[j:, j:])
    R = np.triu(B[:n])
    return R * (np.abs(np.diag(R)) / np.diag(R))[:, None]


def forward(L, B):
    X = np.zeros_like(B)
    for i in range(len(L)):
        X[i] = (B[i] - L[i, :i] @ X[:i]) / L[i, i]
    return X


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sizes=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=4
    ),
    is_complex=st.booleans(),
    log_noise=st.floats(-8, 4),
)
def test_equals_the_dense_formula(seed, sizes, is_complex, log_noise):
    rng = np.random.default_rng(seed)
    rows, columns = zip(*sizes, strict=True)
    factors, gammas, Y = random_problem(
        rng, rows, columns, is_complex=is_complex, exponents=(-8, 4)
    )
    # The product of all modes spans 1e-8 to 1e4, as does the noise.
    gammas = [g ** (1 / len(gammas)) for g in gammas]
    noise = 10.0**log_noise
    fast = kron_posterior(factors, gammas, Y, noise)
    dense = dense_posterior(factors, gammas, Y, noise)
    # Solving with C costs the oracle, too, digits where noise is small: it forms
    # y / noise and relies on cancellation to be rid of what the codes cannot reach.
    lost = np.linalg.norm(Y) / noise * np.finfo(np.longdouble).eps
    tol = 1e-10 * (np.abs(dense["mean"]).max() + np.sqrt(dense["prior"].max()))
    tol = float(tol + 10 * lost * dense["prior"].max())
    assert_allclose(fast.mean, dense["mean"].astype(Y.dtype), rtol=1e-10, atol=tol)
    for name in ("residual", "dof", "log_evidence"):
        assert_allclose(getattr(fast, name), float(dense[name]), rtol=1e-10, atol=1e-10)
    error = np.abs(fast.variance - dense["variance"].astype(float))
    assert (error <= 1e-10 * dense["prior"].astype(float)).all()
    assert (fast.variance >= 0).all()


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ((5, 6), (9, 8)),
        ((9, 8), (5, 6)),
        ((3, 8, 2), (6, 4, 5)),
        ((2, 3, 2, 4), (3,) * 4),
    ],
)
def test_wide_and_tall(rows, columns, is_complex):
    rng = np.random.default_rng(1)
    factors, gammas, Y = random_problem(rng, rows, columns, is_complex=is_complex)
    gammas[0][0] = 0.0  # a code that is out
    fast = kron_posterior(factors, gammas, Y, 0.3)
    dense = dense_posterior(factors, gammas, Y, 0.3)
    assert_allclose(fast.mean, dense["mean"].astype(Y.dtype), atol=1e-12)
    assert_allclose(fast.variance, dense["variance"].astype(float), atol=1e-12)
    assert_allclose(fast.log_evidence, float(dense["log_evidence"]), rtol=1e-12)
    assert (fast.mean.reshape(2, columns[0], -1)[:, 0] == 0).all()


def test_predictive_spread_is_that_of_the_dense_covariance():
    rng = np.random.default_rng(2)
    factors, gammas, _ = random_problem(rng, (4, 3), (6, 5), is_complex=False)
    rows = [rng.standard_normal((7, 6)), rng.standard_normal((2, 5))]
    A, g = np.kron(*factors), np.kron(*gammas)
    cov = np.linalg.inv(A.T @ A / 0.2 + np.diag(1 / g))
    R = np.kron(*rows)
    spread = predictive_spread(factors, gammas, 0.2, rows)
    assert_allclose(spread.ravel(), np.einsum("ij,jk,ik->i", R, cov, R), rtol=1e-10)


def test_memory_and_sizes():
    # 10^3 codes a mode would need 8 TB densely.
    import tracemalloc

    rng = np.random.default_rng(0)
    n, m = (40, 40, 40), (24, 24, 24)
    factors, gammas, Y = random_problem(rng, m, n, is_complex=False, n_samples=1)
    kron_posterior(factors, gammas, Y, 0.1)
    tracemalloc.start()
    kron_posterior(factors, gammas, Y, 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 8 * 40**3


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rows=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    lead=st.lists(st.integers(1, 3), max_size=2),
)
def test_mode_product_is_a_kronecker_product(seed, rows, lead):
    rng = np.random.default_rng(seed)
    columns = rng.integers(1, 5, len(rows))
    matrices = [rng.standard_normal((m, n)) for m, n in zip(rows, columns, strict=True)]
    X = rng.standard_normal((*lead, *columns))
    product = mode_product(X, matrices)
    assert product.shape == (*lead, *rows)
    flat = X.reshape(-1, int(np.prod(columns))) @ reduce(np.kron, matrices).T
    assert_allclose(product.reshape(flat.shape), flat, atol=1e-12)
    one_by_one = X
    for i, H in enumerate(matrices):
        one_by_one = mode_product(one_by_one, H, mode=len(lead) + i)
    assert_allclose(one_by_one, product, atol=1e-12)


def test_bad_input():
    X, H = np.ones((2, 3)), np.ones((4, 3))
    with pytest.raises(ValueError, match="last 1 modes"):
        mode_product(X, [np.ones((4, 2))])
    with pytest.raises(ValueError, match="'mode' must be"):
        mode_product(X, H, mode=2)
    with pytest.raises(ValueError, match="list of 2-D arrays"):
        mode_product(X, H)
    good = {"factors": [H], "gammas": [np.ones(3)], "Y": np.ones((1, 4)),
            "noise_variance": 1.0}  # fmt: skip
    kron_posterior(**good)
    for name, value, message in [
        ("gammas", [np.ones(2)], "shapes"),
        ("gammas", [-np.ones(3)], "non-negative"),
        ("Y", np.ones((1, 5)), "columns"),
        ("Y", np.full((1, 4), np.inf), "infinity"),
        ("Y", np.ones(4), "2-D"),
        ("noise_variance", 0.0, "> 0"),
        ("noise_variance", 5e-324, "magnitude"),
        ("factors", [], "empty"),
        ("factors", [np.full((4, 3), np.inf)], r"factors\[0\]"),
        ("factors", 3, "list"),
    ]:
        with pytest.raises(ValueError, match=message):
            kron_posterior(**{**good, name: value})


def test_complex_data_with_real_factors_are_complex():
    H, y = [np.eye(3)], np.array([[1j, 0, 1]])
    post = kron_posterior(H, [np.ones(3)], y, 1.0)
    assert_allclose(post.mean, y / 2)
    assert_allclose(post.log_evidence, -3 * np.log(2 * np.pi) - 1.0)
