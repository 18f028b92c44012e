"""Codes with product values: posterior modes, variances, choice, points."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone

from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, mode_product
from skgeo.linear_model._kronecker.offgrid import ParametricMode
from skgeo.linear_model._kronecker.posterior import kron_outer
from skgeo.linear_model._kronecker.product_search import ProductState, move_points
from skgeo.linear_model._kronecker.values import (
    contradictions,
    fit_product_values,
    product_spread,
)
from tests.linear_model.kron_problems import nmse
from tests.linear_model.test_kron_offgrid import Bumps


def rows(seed, is_complex, *, shape=(5, 4, 6), sizes=(3, 1, 2), n=3, noise=0.01,
         missing=0.0):  # fmt: skip
    """Rows whose codes are products, and their factors, variances and gaps."""
    rng = np.random.default_rng(seed)

    def draw(*size):
        real = rng.standard_normal(size)
        return real + 1j * rng.standard_normal(size) if is_complex else real

    factors = [draw(m, k) for m, k in zip(shape, sizes, strict=True)]
    gammas = [rng.uniform(0.5, 2.0, k) for k in sizes]
    vectors = [draw(n, k) for k in sizes]
    codes = np.array([kron_outer(v) for v in zip(*vectors, strict=True)])
    Y = mode_product(codes, factors)
    Y = Y + np.sqrt(noise / (1 + is_complex)) * draw(*Y.shape)
    mask = rng.random(Y.shape) >= missing if missing else None
    return factors, gammas, Y if mask is None else Y * mask, noise, codes, mask


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_posterior_mode_and_variances(is_complex, missing):
    factors, gammas, Y, noise, codes, mask = rows(0, is_complex, n=2, missing=missing)
    found = fit_product_values(factors, gammas, Y, noise, codes, mask)
    seen = np.ones(Y.shape, dtype=bool) if mask is None else mask
    sizes = [len(g) for g in gammas]
    ends = np.cumsum(sizes)[:-1]

    for row in range(len(Y)):
        # Dense oracle: the same function by a general optimizer, from far away.
        def vectors(z):
            z = z[: len(z) // 2] + 1j * z[len(z) // 2 :] if is_complex else z
            return np.split(z, ends)

        def loss(z, row=row, vectors=vectors):
            v = vectors(z)
            rest = (Y[row] - mode_product(kron_outer(v), factors)) * seen[row]
            form = sum(np.sum(np.abs(a) ** 2 / g) for a, g in zip(v, gammas,
                       strict=True))  # fmt: skip
            return np.sum(np.abs(rest) ** 2) + noise * form

        own = np.concatenate([v[row] for v in found.vectors])
        own = np.r_[own.real, own.imag] if is_complex else own
        assert loss(own) == pytest.approx(found.objective[row], rel=1e-10)
        away = own + 0.05 * np.random.default_rng(row).standard_normal(len(own))
        best = minimize(loss, away, method="BFGS")
        assert best.fun >= found.objective[row] * (1 - 1e-9)
        assert_allclose(kron_outer(vectors(best.x)), found.codes[row], atol=0.01)

    variance = product_spread(factors, gammas, Y, noise, found, mask)
    signal = product_spread(factors, gammas, Y, noise, found, mask, factors)
    # First order: the Jacobian of codes in all vectors, by differences.
    for row in range(len(Y)):
        flat = np.concatenate([v[row] for v in found.vectors])

        def product(z):
            return kron_outer(np.split(z, ends)).ravel()

        h = 1e-6
        J = np.array([
            (product(flat + h * e) - product(flat - h * e)) / (2 * h)
            for e in np.eye(len(flat))
        ]).T  # fmt: skip
        A = (np.kron(np.kron(*factors[:2]), factors[2]) @ J)[seen[row].ravel()]
        info = A.conj().T @ A / noise + np.diag(1 / np.concatenate(gammas))
        # Without the directions that do not change the product.
        null = np.linalg.svd(J)[2][np.linalg.matrix_rank(J, 1e-6) :]
        keep = np.linalg.svd(null)[2][len(null) :].conj().T
        inner = keep.conj().T @ info @ keep
        C = J @ keep @ np.linalg.inv(inner) @ (J @ keep).conj().T
        assert_allclose(variance[row].ravel(), np.diag(C).real, rtol=1e-4)
        D = np.kron(np.kron(*factors[:2]), factors[2])
        assert_allclose(
            signal[row].ravel(), np.diag(D @ C @ D.conj().T).real, rtol=1e-4, atol=1e-12
        )


@pytest.mark.parametrize("is_complex", [False, True])
def test_errors_are_as_large_as_they_are_said_to_be(is_complex):
    factors, gammas, Y, noise, codes, _ = rows(1, is_complex, n=400, noise=1e-4)
    found = fit_product_values(factors, gammas, Y, noise, codes)
    std = np.sqrt(product_spread(factors, gammas, Y, noise, found))
    ratio = np.abs(found.codes - codes) / std
    assert np.mean(np.clip(ratio, 0, 10) ** 2) == pytest.approx(1.0, abs=0.1)


def test_what_contradicts_products():
    factors, gammas, Y, noise, codes, _ = rows(2, True, n=200)
    rng = np.random.default_rng(0)
    free = codes + 0.5 * rng.standard_normal(codes.shape)
    both = np.concatenate([Y, mode_product(free - codes, factors) + Y])
    start = np.concatenate([codes, free])
    product = fit_product_values(factors, gammas, both, noise, start)
    design = np.kron(np.kron(*factors[:2]), factors[2])
    flat = both.reshape(len(both), -1).T
    rest = flat - design @ np.linalg.lstsq(design, flat, rcond=None)[0]
    lead = contradictions(
        product.residual, np.sum(np.abs(rest) ** 2, axis=0), noise, [3, 1, 2],
        np.full(len(both), 120.0), True,
    )  # fmt: skip
    assert np.mean(lead[:200] > 0) == 0.0
    assert np.mean(lead[200:] > 0) > 0.9


def test_points_move_to_where_products_leave_least():
    bumps = Bumps(np.linspace(0, 1, 20), np.linspace(0, 1, 9), 0.15)
    mode, rng = ParametricMode(bumps), np.random.default_rng(0)
    true, other = np.array([0.305, 0.71]), rng.standard_normal((6, 2))
    vectors = [rng.standard_normal((4, 2)) + 1, rng.standard_normal((4, 2)) + 1]
    Y = np.einsum("na,ia,nb,jb->nij", vectors[0], mode.columns(true), vectors[1], other)
    Y = Y + 1e-3 * rng.standard_normal(Y.shape)
    at = true + np.array([0.03, -0.02])
    columns, gammas = [mode.columns(at), other], [np.ones(2), np.ones(2)]
    product = fit_product_values(columns, gammas, Y, 1e-6, vectors)
    state = ProductState([at, np.arange(2)], columns, gammas, product)
    moved = move_points(state, [mode, None], Y, 1e-6)
    assert_allclose(moved.kept[0], true, atol=2e-3)
    assert_array_equal(moved.kept[1], [0, 1])
    assert moved.product.objective.sum() < 0.01 * product.objective.sum()
    for step in (-1e-3, 1e-3):
        near = [mode.columns(moved.kept[0] + np.array([step, 0])), other]
        worse = fit_product_values(near, gammas, Y, 1e-6, moved.product.vectors)
        assert worse.objective.sum() > moved.product.objective.sum()


@pytest.fixture(scope="module")
def channel():
    return small_channel(0)


def small_channel(seed):
    return make_irs_mimo(
        snr=8.0, n_receive=10, n_elements=64, n_angles=12, random_state=seed
    )


def fitted(data, values, X=None, **options):
    options = {"noise_variance": data.noise_variance, **options}
    model = KroneckerSBL(data.factors, values=values, **options)
    return model.fit(data.X if X is None else X)


def test_channels_on_the_grid(channel):
    free, auto, product = (fitted(channel, v) for v in ("free", "auto", "product"))
    assert (free.values_, auto.values_, product.values_) == (
        "free", "product", "product",
    )  # fmt: skip
    more = small_channel(1)
    errors = [
        nmse(m.transform(channel.X), channel.codes)
        + nmse(fitted(more, m.values).transform(more.X), more.codes)
        for m in (free, auto)
    ]
    assert errors[1] < 0.6 * errors[0]
    codes, std = auto.transform(channel.X, return_std=True)
    assert_allclose(product.transform(channel.X), codes)
    shape = [len(s) for s in auto.support_]
    kept = codes.reshape(12, 12, 12)[np.ix_(*auto.support_)]
    assert np.linalg.matrix_rank(kept.reshape(shape[0], -1), tol=1e-8) == 1
    assert_allclose(
        auto.inverse_transform(codes), auto.reconstruct(channel.X), rtol=1e-10
    )
    assert_allclose(auto.posterior_variance(channel.X), std**2)
    with pytest.raises(ValueError, match="give X"):
        auto.posterior_variance()
    assert auto.objective_[-1] == pytest.approx(auto.score(channel.X), rel=1e-9)
    signal, spread = auto.reconstruct(channel.X, return_std=True)
    assert signal.shape == spread.shape == channel.X.shape
    assert np.all(spread[std.any()] > 0)


def test_rows_decide_for_themselves(channel):
    model = fitted(channel, "auto")
    rng = np.random.default_rng(0)
    other = np.zeros((12, 12, 12), dtype=complex)
    at = np.ix_(*model.support_)
    other[at] = np.abs(channel.codes).max() * rng.standard_normal(other[at].shape)
    X = np.concatenate([
        channel.X, model.inverse_transform(other.reshape(1, -1)), 0 * channel.X,
    ])  # fmt: skip
    codes, std = model.transform(X, return_std=True)
    assert_allclose(codes[:1], model.transform(channel.X))
    assert nmse(codes[1].reshape(other.shape), other) < 0.01
    assert not codes[2].any()
    assert std[2].any()
    _, spread = model.reconstruct(X, return_std=True)
    assert np.isfinite(spread).all()
    assert np.isfinite(model.score(X))
    forced = fitted(channel, "product")
    with pytest.warns(UserWarning, match=r"Rows \[1\] contradict"):
        forced.transform(X)


def test_free_values_stay_free(channel):
    rng = np.random.default_rng(1)
    gains = channel.codes.copy()
    used = np.flatnonzero(gains)
    gains[0, used] = np.abs(gains).max() * rng.standard_normal(len(used))
    clean = mode_product(gains.reshape(1, 12, 12, 12), channel.factors).reshape(1, -1)
    scale = np.sqrt(channel.noise_variance / 2)
    X = clean + scale * (rng.standard_normal((2, *clean.shape)).T @ [1, 1j]).T
    free, auto = (fitted(channel, v, X) for v in ("free", "auto"))
    assert auto.values_ == "free"
    assert_array_equal(auto.transform(X), free.transform(X))


def test_gaps_units_and_rows_of_their_own():
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((7, 12)), rng.standard_normal((8, 15))]
    x = np.zeros((2, 12, 15))
    for row in x:
        row[np.ix_([2, 5, 6], [1, 8, 9])] = np.outer(
            rng.uniform(1, 2, 3), rng.uniform(1, 2, 3)
        )
    X = mode_product(x, factors).reshape(2, -1)
    X = X + 0.3 * rng.standard_normal(X.shape)
    holes = np.where(rng.random(X.shape) < 0.3, np.nan, X)
    errors = {}
    for values in ("free", "auto"):
        model = KroneckerSBL(factors, values=values).fit(holes)
        codes, std = model.transform(holes, return_std=True)
        errors[values] = nmse(codes.reshape(x.shape), x)
        assert np.isfinite(std).all()
    assert model.values_ == "product"
    assert errors["auto"] < 0.7 * errors["free"]
    filled, spread = model.reconstruct(holes, return_std=True)
    missing = np.isnan(holes)
    clean = mode_product(x, factors).reshape(2, -1)
    ratio = (filled - clean)[missing] / spread[missing]
    assert 0.3 < np.sqrt(np.mean(ratio**2)) < 3.0
    plain = KroneckerSBL(factors, values="auto").fit(X)
    tiny = clone(plain).fit(X * 1e-120)
    assert_allclose(tiny.transform(X * 1e-120) * 1e120, plain.transform(X), rtol=1e-5)
    own = KroneckerSBL(factors, values="auto", shared_support=False).fit(X)
    assert own.values_ == ["product", "product"]
    assert nmse(own.transform(X).reshape(x.shape), x) < 0.01


@pytest.mark.parametrize("values", ["auto", "product"])
def test_noiseless_one_mode_and_zeros(values):
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((7, 12)), rng.standard_normal((8, 15))]
    x = np.zeros((12, 15))
    x[np.ix_([2, 5], [1, 8])] = np.outer([1, 2], [1, -1])
    y = mode_product(x, factors).reshape(1, -1)
    model = KroneckerSBL(factors, values=values).fit(y)
    assert model.values_ == "product"
    assert_allclose(model.transform(y)[0], x.ravel(), atol=1e-4)
    zero = KroneckerSBL(factors, values=values).fit(0 * y)
    assert not zero.transform(0 * y).any()
    single = KroneckerSBL(factors[:1], values=values).fit(factors[0][:, :1].T)
    assert single.values_ == "free"


def test_rows_far_larger_than_those_of_fit(channel):
    model = fitted(channel, "auto")
    codes = model.transform(channel.X)
    clean = model.inverse_transform(codes) * 1e20
    assert nmse(model.transform(clean) * 1e-20, codes) < 1e-6
    with pytest.raises(ValueError, match="too large for product values"):
        model.transform(channel.X * 1e100)


def test_other_supports_need_free_values(channel):
    with pytest.raises(ValueError, match='needs support="kronecker"'):
        fitted(channel, "auto", support="free")
