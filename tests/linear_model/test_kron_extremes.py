"""Magnitudes at the ends of floating-point numbers, and input that makes no sense."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import solve

from skgeo.linear_model import (
    KroneckerSBL,
    KroneckerSBLRegressor,
    SteeringFactor,
    kron_posterior,
    mode_product,
)
from skgeo.linear_model._kronecker.products import user_products

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
RNG = np.random.default_rng(0)
FACTORS = [RNG.standard_normal((5, 8)), RNG.standard_normal((6, 9))]
CODES = np.zeros((8, 9))
CODES[np.ix_([1, 4], [2, 6])] = [[3.0, -2.0], [1.5, 4.0]]
Y = (np.kron(*FACTORS) @ CODES.ravel() + 0.02 * RNG.standard_normal(30))[None]
GRID = np.linspace(-1, 1, 12, endpoint=False)
# Magnitudes of three factors of a product whose own magnitude is ordinary.
TRIPLES = [
    (1e150, 1e150, 1e-300), (1e-150, 1e150, 1e150), (1e200, 1e100, 1e-280),
    (1e-200, 1e-100, 1e300), (1e-310, 1e200, 1e110), (1e300, 1e-308, 1.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def ordinary():
    """A fit at ordinary magnitudes."""
    return KroneckerSBL(FACTORS).fit(Y)


class TestProducts:
    @pytest.mark.parametrize("sizes", TRIPLES)
    def test_products_on_the_way_may_leave_the_range(self, sizes):
        X = np.random.default_rng(1).standard_normal((8, 9))
        x, a, b = (A * size for A, size in zip((X, *FACTORS), sizes, strict=True))
        wide = [np.asarray(A, dtype=np.longdouble) for A in (x, a, b)]
        if np.finfo(np.longdouble).maxexp < 5000:
            pytest.skip("long double is no wider than double here")
        expected = wide[1] @ wide[0] @ wide[2].T
        assert_allclose(
            mode_product(x, [a, b]), expected.astype(float), rtol=1e-12,
            atol=1e-12 * float(np.abs(expected).max()),
        )  # fmt: skip

    def test_entries_of_one_matrix_may_differ_as_much(self):
        H = np.array([[1e200, 1e-200], [1e-100, 1e150]])
        X = np.array([[1e-200], [1e200]])
        expected = np.array([[2.0], [1e350]])
        with pytest.raises(ValueError, match="exceeds the range"):
            mode_product(X, H, mode=0)
        X[1] = 1e150
        expected = np.array([[1.0 + 1e-50], [1e300]])
        assert_allclose(mode_product(X, H, mode=0), expected, rtol=1e-14)

    def test_both_ways_agree_at_ordinary_magnitudes(self):
        rng = np.random.default_rng(2)
        X = rng.standard_normal((3, 8, 9)) + 1j * rng.standard_normal((3, 8, 9))
        X[0] = 0.0
        usual = mode_product(X, FACTORS)
        forced = user_products(X, [FACTORS[0] * 2.0**600, FACTORS[1] * 2.0**-600])
        assert_allclose(forced, usual, rtol=1e-13, atol=1e-13)

    def test_no_samples(self):
        assert mode_product(np.ones((0, 8, 9)), FACTORS).shape == (0, 5, 6)

    @pytest.mark.parametrize(
        "tensor", [np.full((8, 9), np.nan), "a", None, 3.0, [[1, 2], [3]],
                   np.ones((8, 9), dtype=object)],
    )  # fmt: skip
    def test_what_is_no_tensor_is_named(self, tensor):
        with pytest.raises(ValueError, match="tensor"):
            mode_product(tensor, FACTORS)


class TestPosterior:
    @pytest.mark.parametrize("size", [1e-140, 1e-90, 1e90, 1e140])
    @pytest.mark.parametrize("gaps", [False, True])
    def test_units_do_not_matter(self, size, gaps):
        """Factors and measurements in other units, the prior of codes the same."""
        y = np.where(np.arange(30) % 4 == 1, np.nan, Y) if gaps else Y
        gammas = [np.r_[0.0, np.ones(7)], np.linspace(0.1, 2.0, 9)]
        usual = kron_posterior(FACTORS, gammas, y, 0.1)
        half = size**0.5
        moved = kron_posterior(
            [FACTORS[0] * half, FACTORS[1] * half],
            [gammas[0] / size, gammas[1] / size], y, 0.1,
        )  # fmt: skip
        assert_allclose(moved.mean * size, usual.mean, rtol=1e-9, atol=1e-12)
        assert_allclose(moved.variance * size**2, usual.variance, rtol=1e-9, atol=1e-14)
        for name in ("residual", "dof", "log_evidence"):
            assert_allclose(getattr(moved, name), getattr(usual, name), rtol=1e-9)

    def test_a_vanishing_prior_is_itself_the_posterior(self):
        gammas = [np.full(8, 1e-200), np.ones(9)]
        found = kron_posterior(FACTORS, gammas, Y, 0.1)
        assert_allclose(found.variance, 1e-200, rtol=1e-12)
        first_order = np.kron(*FACTORS).T @ Y[0] * 1e-200 / 0.1
        assert_allclose(found.mean[0], first_order, rtol=1e-9)
        noise = -0.5 * (30 * np.log(2 * np.pi * 0.1) + np.sum(Y**2) / 0.1)
        assert_allclose(found.log_evidence, noise, rtol=1e-12)

    def test_dense_at_ordinary_magnitudes(self):
        gammas = [np.linspace(0.5, 1, 8), np.linspace(0.2, 3, 9)]
        A, G = np.kron(*FACTORS), np.kron(*gammas)
        C = (A * G) @ A.T + 0.1 * np.eye(30)
        found = kron_posterior(FACTORS, gammas, Y, 0.1)
        gain = G[:, None] * A.T
        assert_allclose(found.mean[0], gain @ solve(C, Y[0]), rtol=1e-9, atol=1e-11)
        variance = G - np.sum(gain * solve(C, gain.T).T, axis=1)
        assert_allclose(found.variance, variance, rtol=1e-8)
        evidence = -0.5 * (np.linalg.slogdet(2 * np.pi * C)[1] + Y[0] @ solve(C, Y[0]))
        assert_allclose(found.log_evidence, evidence, rtol=1e-10)

    @pytest.mark.parametrize(
        ("gammas", "message"),
        [([np.ones(8) * 1j, np.ones(9)], "real"), (None, "gammas"), ("ab", "gammas"),
         ([np.ones(8), np.full(9, 1e300)], "prior standard deviation")],
    )  # fmt: skip
    def test_gammas_that_make_no_sense(self, gammas, message):
        with pytest.raises(ValueError, match=message):
            kron_posterior(FACTORS, gammas, Y, 0.1)

    def test_results_beyond_floats_are_refused(self):
        with pytest.raises(ValueError, match="residual exceeds"):
            kron_posterior(FACTORS, [np.ones(8), np.ones(9)], Y * 1e300, 0.1)


class TestKroneckerSBL:
    @pytest.mark.parametrize("size", [1e-200, 1e200])
    @pytest.mark.parametrize("support", ["kronecker", "free"])
    def test_reconstruction_where_codes_are_no_floats(self, ordinary, size, support):
        """The codes would be of magnitude 1e-360."""
        model = KroneckerSBL([H * 1e180 for H in FACTORS], support=support)
        if size > 1:
            model.fit(Y * size)
            codes = model.transform(Y * size)
            assert_allclose(codes.max(), CODES.max() * 1e-160, rtol=0.02)
        else:
            model.fit(Y * size)
            with pytest.warns(UserWarning, match="too small"):
                model.transform(Y * size)
            with pytest.warns(UserWarning, match="too small"):
                filled = model.reconstruct(Y * size)
            assert_allclose(filled / size, ordinary.reconstruct(Y), atol=0.05)

    def test_codes_that_overflow_on_the_way_back(self, ordinary):
        with pytest.raises(ValueError, match="exceeds the range"):
            ordinary.inverse_transform(np.full((1, 72), 1e308))
        codes = ordinary.transform(Y)
        model = KroneckerSBL([FACTORS[0] * 1e250, FACTORS[1] * 1e-200]).fit(Y)
        assert_allclose(
            model.inverse_transform(model.transform(Y)),
            ordinary.inverse_transform(codes), rtol=1e-9,
        )  # fmt: skip

    def test_complex_codes_of_real_factors(self, ordinary):
        with pytest.raises(ValueError, match="complex"):
            ordinary.inverse_transform(np.ones((1, 72)) * 1j)

    def test_score_of_rows_from_elsewhere(self, ordinary):
        codes, std = ordinary.transform(Y * 1e200, return_std=True)
        assert_allclose(codes, ordinary.transform(Y) * 1e200, rtol=1e-9)
        assert np.isfinite(std).all()
        with pytest.raises(ValueError, match="evidence"):
            ordinary.score(Y * 1e200)

    @pytest.mark.parametrize("shared", [True, False])
    def test_a_row_without_any_measurement(self, shared):
        X = np.vstack([Y, np.full_like(Y, np.nan), 0.7 * Y])
        model = KroneckerSBL(FACTORS, shared_support=shared)
        if not shared:
            with pytest.raises(ValueError, match=r"Rows \[1\]"):
                model.fit(X)
            with pytest.raises(ValueError, match=r"Rows \[0\]"):
                model.fit(X[::2]).transform(X[1:])
            return
        codes, std = model.fit(X).transform(X, return_std=True)
        assert_array_equal(codes[1], 0.0)
        prior = np.sqrt(np.multiply.outer(*model.gammas_)).ravel()
        assert_allclose(std[1], prior, rtol=1e-9)
        assert np.all(std[0] <= std[1])


class TestParametric:
    def factors(self, first):
        return [first, SteeringFactor(range(5), GRID)]

    def wave(self):
        a, b = (SteeringFactor(range(m), GRID) for m in (4, 5))
        return np.outer(a([0.31])[:, 0], b([-0.12])[:, 0]).ravel()[None]

    def test_points_given_twice(self):
        """Of equal points one is kept, said to be no better than the others."""
        factor = SteeringFactor(range(4), [0.3, 0.3, 0.3])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = KroneckerSBL(self.factors(factor)).fit(self.wave())
        at = [p[s] for p, s in zip(model.points_, model.support_, strict=True)]
        assert_allclose(at[0], [0.31], atol=1e-4)
        assert_allclose(at[1], [-0.12], atol=1e-4)

    @pytest.mark.parametrize("size", [1e-150, 1e150])
    def test_units_of_a_transform(self, size):
        factor = SteeringFactor(range(4), GRID, np.eye(4) * size)
        model = KroneckerSBL(self.factors(factor)).fit(self.wave())
        assert_allclose(model.points_[0][model.support_[0]], [0.31], atol=1e-4)

    @pytest.mark.parametrize("where", ["columns", "derivatives", "on the grid"])
    def test_a_factor_that_fails_off_its_grid(self, where):
        class Failing(SteeringFactor):
            def __call__(self, points):
                off = where == "columns" and not np.isin(points, GRID).all()
                return super().__call__(points) * (np.nan if off else 1.0)

            def derivative(self, points):
                bad = where == "on the grid" or (
                    where == "derivatives" and not np.isin(points, GRID).all()
                )
                return super().derivative(points) * (np.nan if bad else 1.0)

        message = "off their grid" if where != "on the grid" else "derivative"
        with pytest.raises(ValueError, match=message):
            KroneckerSBL(self.factors(Failing(range(4), GRID))).fit(self.wave())

    @pytest.mark.parametrize(
        ("positions", "angles"), [([0, 1e300], GRID), (range(4), GRID * 1e300)]
    )
    def test_phases_without_digits(self, positions, angles):
        with pytest.raises(ValueError, match="radians"):
            SteeringFactor(positions, angles)

    def test_arrays_wider_than_the_scan(self):
        with pytest.warns(UserWarning, match="some may be missed"):
            SteeringFactor([0, 1e5], GRID)

    @pytest.mark.parametrize("points", [[np.nan], [0.3 + 1j], [[0.1, 0.2]], ["a"]])
    def test_points_that_are_none(self, points):
        with pytest.raises(ValueError, match="points"):
            SteeringFactor(range(4), GRID)(points)


class TestRegressor:
    X = RNG.standard_normal((40, 12))
    W = np.zeros((4, 12))
    W[np.ix_([0, 2], [3, 7])] = [[2.0, 3.0], [-1.0, 2.5]]
    T = X @ W.T + 0.1 * RNG.standard_normal((40, 4))

    @pytest.fixture
    def usual(self):
        return KroneckerSBLRegressor().fit(self.X, self.T)

    @pytest.mark.parametrize("a", [1e-150, 1e150, 1e280])
    @pytest.mark.parametrize("c", [1e-150, 1e150])
    def test_units_do_not_matter_or_are_refused(self, usual, a, c):
        model = KroneckerSBLRegressor()
        if a / c > 1e307:
            with pytest.raises(ValueError, match="units"):
                model.fit(self.X * a, self.T * c)
            return
        mean, std = model.fit(self.X * a, self.T * c).predict(self.X * a, True)
        mean0, std0 = usual.predict(self.X, True)
        assert_allclose(mean / c, mean0, rtol=1e-6, atol=1e-9)
        assert_allclose(std / c, std0, rtol=1e-6)
        assert_allclose(
            model.score(self.X * a, self.T * c), usual.score(self.X, self.T)
        )

    def test_predictions_far_away(self, usual):
        mean, std = usual.predict(self.X * 1e290, return_std=True)
        near, wide = usual.predict(self.X * 1e8, return_std=True)
        assert_allclose(mean / 1e290, near / 1e8, rtol=1e-6, atol=1e-8)
        assert_allclose(std / 1e290, wide / 1e8, rtol=1e-6, atol=1e-8)
        with pytest.raises(ValueError, match="Predictions exceed"):
            usual.predict(np.full((1, 12), 1.7e308))

    def test_outputs_of_unlike_units(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = KroneckerSBLRegressor().fit(self.X, self.T * [1, 1, 1e200, 1])
        assert np.isfinite(model.score(self.X, self.T * [1, 1, 1e200, 1]))

    @pytest.mark.parametrize(
        ("weights", "message"),
        [(np.r_[1.0, np.zeros(39)], "at least 2"), (np.full(40, 1e300), "repetitions"),
         (np.full(40, 1.7e308), "repetitions"), (np.ones(40) + 0j, "real"),
         (np.zeros(40), "zero")],
    )  # fmt: skip
    def test_weights_that_are_no_counts(self, weights, message):
        with pytest.raises(ValueError, match=message):
            KroneckerSBLRegressor().fit(self.X, self.T, sample_weight=weights)


def test_masked_arrays_are_missing_entries():
    factors, X = gapped()
    mask = np.random.default_rng(3).random(X.shape) < 0.3
    holes = np.where(mask, np.nan, X)
    hidden = np.ma.array(np.where(mask, 1e3, X), mask=mask)
    plain = KroneckerSBL(factors).fit(holes)
    masked = KroneckerSBL(factors).fit(hidden)
    assert_allclose(masked.transform(hidden), plain.transform(holes))
    tensors = np.ma.array(hidden.data.reshape(3, 5, 6), mask=mask.reshape(3, 5, 6))
    assert_allclose(masked.reconstruct(tensors), plain.reconstruct(holes))
    assert masked.score(hidden) == plain.score(holes)
    gammas = [np.ones(7), np.ones(8)]
    by = [kron_posterior(factors, gammas, Y, 0.1).mean for Y in (holes, tensors)]
    assert_allclose(by[0], by[1])
    with pytest.raises(ValueError, match="masked"):
        mode_product(np.ma.array(np.ones((7, 8)), mask=np.eye(7, 8)), factors)


def gapped():
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((5, 7)), rng.standard_normal((6, 8))]
    codes = np.zeros((7, 8))
    codes[np.ix_([1, 4], [2, 6])] = 1.0
    X = np.kron(*factors) @ codes.ravel() + 0.05 * rng.standard_normal((3, 30))
    return factors, X


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_small_floats_are_taken_without_warnings(dtype):
    factors, X = gapped()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KroneckerSBL([H.astype(dtype) for H in factors]).fit(X.astype(dtype))
    assert [s.tolist() for s in model.support_] == [[1, 4], [2, 6]]


def test_columns_that_differ_only_where_nothing_is_measured():
    factors, X = gapped()
    twin = factors[0][:, 1].copy()
    twin[2] += 5.0
    factors[0] = np.column_stack([factors[0], twin])
    plain = KroneckerSBL(factors).fit(X)
    assert not len(plain.indistinguishable_[0])
    tensors = X.reshape(3, 5, 6).copy()
    tensors[:, 2] = np.nan
    with pytest.warns(UserWarning, match="not identifiable"):
        model = KroneckerSBL(factors).fit(tensors)
    (pair,) = model.indistinguishable_[0]
    assert set(pair) == {1, 7}
    # One row that measured them tells them apart.
    tensors[0] = X[0].reshape(5, 6)
    assert not len(KroneckerSBL(factors).fit(tensors).indistinguishable_[0])


def test_targets_of_another_order_of_axes_are_refused():
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((4, 5)), rng.standard_normal((3, 4))]
    X, Y = rng.standard_normal((20, 6)), rng.standard_normal((20, 4, 3))
    model = KroneckerSBLRegressor(factors).fit(X, Y)
    flat = KroneckerSBLRegressor(factors).fit(X, Y.reshape(20, -1))
    assert_allclose(model.predict(X), flat.predict(X))
    assert model.score(X, Y) == flat.score(X, Y.reshape(20, -1))
    for call in (KroneckerSBLRegressor(factors).fit, model.score):
        for wrong in (Y.transpose(0, 2, 1), Y.reshape(20, 2, 6)):
            with pytest.raises(ValueError, match="output_factors have"):
                call(X, wrong)
    with pytest.raises(ValueError, match="factors have"):
        kron_posterior(factors, [np.ones(5), np.ones(4)], Y.transpose(0, 2, 1), 0.1)
