"""OnlineOrthogonalDictionary: what it finds, and what it does with odd input."""

import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgeo.decomposition import OnlineOrthogonalDictionary

FULL = {"center": True, "whiten": True, "clip_norm": 3.0}


@pytest.mark.parametrize("theta", [0.05, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("n", [10, 20])
def test_one_pass_recovers_the_dictionary(sparse, n, theta):
    X, D = sparse.draw(100 + n, 1000 * n, n, theta)
    model = OnlineOrthogonalDictionary(random_state=0).partial_fit(X)
    assert sparse.err4(model.components_, D) < 0.006
    W = model.components_
    np.testing.assert_allclose(W @ W.T, np.eye(n), atol=1e-12)
    assert model.n_samples_seen_ == 1000 * n
    assert model.n_steps_ == -(-1000 // 12)


@pytest.mark.parametrize(("p", "theta"), [(3, 0.7), (4, 0.3)])
def test_fit_recovers_the_dictionary(sparse, p, theta):
    X, D = sparse.draw(130, 20_000, 20, theta)
    model = OnlineOrthogonalDictionary(p, random_state=0, tol=5e-3).fit(X)
    assert model.converged_
    assert sparse.err4(model.components_, D) < 0.006
    assert len(model.objective_) == model.n_iter_


def test_fit_reaches_the_optimum_of_the_batch_objective(sparse):
    """Oracle: the power method run to the end from the true dictionary."""
    X, D = sparse.draw(140, 5000, 10, 0.3)
    W = D
    for _ in range(200):
        C = X @ W.T
        U, _, Vt = np.linalg.svd((np.abs(C) * C).T @ X)
        W = U @ Vt
    best = (np.abs(X @ W.T) ** 3).sum()
    model = OnlineOrthogonalDictionary(random_state=1, tol=5e-4, max_iter=300).fit(X)
    found = (np.abs(X @ model.components_.T) ** 3).sum()
    assert found <= best * (1 + 1e-9)
    assert found > best * (1 - 1e-3)
    assert sparse.err4(model.components_, W) < 1e-3


def test_whitening_finds_a_skewed_complete_dictionary(sparse):
    n = 12
    A = sparse.orthogonal(1, n) * np.geomspace(1, 0.1, n) @ sparse.orthogonal(2, n)
    X = sparse.codes(3, 12_000, n, 0.2) @ A + 3.0
    model = OnlineOrthogonalDictionary(whiten=True, center=True, random_state=0)
    model.partial_fit(X)
    unit = [
        M / np.linalg.norm(M, axis=1, keepdims=True) for M in (model.components_, A)
    ]
    cosine = np.abs(unit[0] @ unit[1].T)
    assert (cosine.max(axis=1) > 0.99).all()
    assert len(set(cosine.argmax(axis=1))) == n
    np.testing.assert_allclose(
        model.unmixing_ @ model.components_.T, np.eye(n), atol=1e-10
    )
    np.testing.assert_allclose(
        model.inverse_transform(model.transform(X)), X, atol=1e-9
    )
    np.testing.assert_allclose(model.mean_, X.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(
        np.cov(model.transform(X).T, bias=True), np.eye(n), atol=1e-8
    )


def test_centering_and_clipping(sparse):
    X, D = sparse.draw(150, 15_000, 15, 0.2)
    rng = np.random.default_rng(4)
    far = rng.random(len(X)) < 0.01
    X[far] = 30 * rng.standard_normal((far.sum(), 15))
    X += 2.0
    plain = OnlineOrthogonalDictionary(random_state=0).partial_fit(X)
    careful = OnlineOrthogonalDictionary(center=True, clip_norm=3.0, random_state=0)
    careful.partial_fit(X)
    assert sparse.err4(plain.components_, D) > 0.1
    assert sparse.err4(careful.components_, D) < 0.004


def test_streams_follow_a_new_dictionary(sparse):
    """Constant steps at any time; decaying ones because they look for it again."""
    n = 15
    errors = {}
    for step in ("decay", "constant"):
        model = OnlineOrthogonalDictionary(step=step, random_state=0)
        model.partial_fit(sparse.draw(160, 600 * n, n, 0.2)[0])
        X, D = sparse.draw(170, 400 * n, n, 0.2)
        errors[step] = sparse.err4(model.partial_fit(X).components_, D)
    blind = OnlineOrthogonalDictionary(n_replays=0, random_state=0)
    blind.partial_fit(sparse.draw(160, 600 * n, n, 0.2)[0]).partial_fit(X)
    assert errors["constant"] < 0.01
    assert errors["decay"] < 0.02 < sparse.err4(blind.components_, D)


def test_constant_steps_follow_mean_and_covariance_too(sparse):
    n = 8
    model = OnlineOrthogonalDictionary(
        step="constant", center=True, whiten=True, random_state=0
    )
    for seed, offset in ((180, 5.0), (190, -5.0)):
        A = (
            sparse.orthogonal(seed, n)
            * np.geomspace(1, 0.2, n)
            @ sparse.orthogonal(9, n)
        )
        X = sparse.codes(seed, 1500 * n, n, 0.2) @ A + offset
        model.partial_fit(X)
    np.testing.assert_allclose(model.mean_, -5.0, atol=0.2)
    unit = [
        M / np.linalg.norm(M, axis=1, keepdims=True) for M in (model.components_, A)
    ]
    assert (np.abs(unit[0] @ unit[1].T).max(axis=1) > 0.98).all()


@pytest.mark.parametrize("factor", [1e-150, 1e-6, 1 / 3, 1e6, 1e150])
@pytest.mark.parametrize("params", [{}, {"exponent": 4}, FULL])
def test_scale_of_the_data_does_not_matter(sparse, factor, params):
    X, _ = sparse.draw(200, 1500, 6, 0.3)
    model = OnlineOrthogonalDictionary(random_state=0, **params)
    a = clone(model).partial_fit(X)
    b = clone(model).partial_fit(factor * X)
    size = factor if "whiten" in params else 1.0
    np.testing.assert_allclose(b.components_ / size, a.components_, atol=1e-10)
    assert b.gap_ == pytest.approx(a.gap_, rel=1e-6)
    assert b.score(factor * X) == pytest.approx(a.score(X), rel=1e-9)


@pytest.mark.parametrize("params", [{}, {"exponent": 4}, FULL, {"clip_norm": 3.0}])
def test_a_stream_that_grows_or_shrinks_out_of_all_proportion(sparse, params):
    X, _ = sparse.draw(210, 600, 5, 0.3)
    for first, then in ((1e-150, 1e150), (1e150, 1e-150), (1.0, 1e100)):
        model = OnlineOrthogonalDictionary(random_state=0, **params)
        model.partial_fit(first * X).partial_fit(then * X)
        assert np.isfinite(model.components_).all()
        assert np.isfinite(model.gap_)
    W = OnlineOrthogonalDictionary(random_state=0).partial_fit(1e-150 * X)
    W = W.partial_fit(1e150 * np.tile(X, (10, 1))).components_
    np.testing.assert_allclose(W @ W.T, np.eye(5), atol=1e-12)


def test_single_precision(sparse):
    X, D = sparse.draw(220, 10_000, 10, 0.2)
    model = OnlineOrthogonalDictionary(random_state=0).partial_fit(X.astype(np.float32))
    W = model.components_
    assert W.dtype == np.float64
    np.testing.assert_allclose(W @ W.T, np.eye(10), atol=1e-12)
    assert sparse.err4(W, D) < 0.004
    codes = model.transform(X.astype(np.float32))
    assert codes.dtype == np.float32
    assert model.inverse_transform(codes).dtype == np.float32
    np.testing.assert_allclose(codes, model.transform(X), atol=1e-4)


def test_codes_by_hand():
    X = np.array([[3.0, -1.0, 0.5], [0.0, 2.0, -2.5]])
    model = OnlineOrthogonalDictionary(init=np.eye(3), random_state=0)
    model.partial_fit(np.eye(3)[[0, 1, 2] * 4])  # stays where it starts
    np.testing.assert_allclose(model.components_, np.eye(3), atol=1e-12)
    expected = {
        ("identity", 0.0, None): X,
        ("threshold", 0.0, None): X,
        ("threshold", 1.0, None): [[3, 0, 0], [0, 2, -2.5]],
        ("soft", 1.0, None): [[2, 0, 0], [0, 1, -1.5]],
        ("top_k", 0.0, 2): [[3, -1, 0], [0, 2, -2.5]],
        ("top_k", 0.0, None): [[3, 0, 0], [0, 0, -2.5]],
        ("top_k", 0.0, 3): X,
    }
    for (algorithm, threshold, kept), codes in expected.items():
        model.set_params(
            transform_algorithm=algorithm, threshold=threshold, n_nonzero_coefs=kept
        )
        np.testing.assert_allclose(model.transform(X), codes, atol=1e-12)


def test_hard_threshold_minimizes_the_l0_objective(sparse):
    """Oracle: all supports of four codes, one by one."""
    X, _ = sparse.draw(230, 200, 4, 0.5)
    model = OnlineOrthogonalDictionary(threshold=0.6, random_state=0).fit(X)
    W = model.components_
    supports = (np.arange(16)[:, None] >> np.arange(4)) & 1
    for x, z in zip(X[:20], model.transform(X[:20]), strict=True):
        costs = [
            np.sum((x - (x @ W.T * s) @ W) ** 2) + 0.36 * s.sum() for s in supports
        ]
        cost = np.sum((x - z @ W) ** 2) + 0.36 * np.count_nonzero(z)
        assert cost == pytest.approx(min(costs), abs=1e-12)


def test_zero_rows_and_zero_streams():
    model = OnlineOrthogonalDictionary(random_state=0).fit(np.zeros((30, 4)))
    np.testing.assert_allclose(
        model.components_ @ model.components_.T, np.eye(4), atol=1e-12
    )
    assert model.gap_ == 0.0
    assert model.converged_
    assert model.score(np.zeros((3, 4))) == 0.0
    assert (model.objective_ == 0.0).all()


def test_zeros_before_the_data_change_nothing(sparse):
    X, _ = sparse.draw(240, 500, 8, 0.2)
    model = OnlineOrthogonalDictionary(random_state=0)
    late = clone(model).partial_fit(np.zeros((96, 8))).partial_fit(X)
    np.testing.assert_array_equal(late.components_, model.partial_fit(X).components_)
    assert late.n_samples_seen_ == model.n_samples_seen_ + 96


def test_one_feature_and_fewer_rows_than_features(sparse):
    model = OnlineOrthogonalDictionary(random_state=0).fit(np.ones((5, 1)))
    assert abs(model.components_[0, 0]) == pytest.approx(1.0)
    X, _ = sparse.draw(250, 3, 9, 0.5)
    W = OnlineOrthogonalDictionary(random_state=0).fit(X).components_
    np.testing.assert_allclose(W @ W.T, np.eye(9), atol=1e-12)


def test_directions_without_variance_stay_put(sparse):
    """Average-referenced channels: one direction is never seen."""
    X, _ = sparse.draw(260, 4000, 6, 0.3)
    X -= X.mean(axis=1, keepdims=True)
    models = [OnlineOrthogonalDictionary(random_state=0).partial_fit(X)]
    models.append(clone(models[0]).partial_fit(X[:3999]))
    for model in models:
        W = model.components_
        np.testing.assert_allclose(W @ W.T, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(models[0].components_, models[1].components_, atol=0.02)
    model = OnlineOrthogonalDictionary(whiten=True, random_state=0, max_iter=5, tol=1.0)
    with pytest.warns(UserWarning, match="vary in 5 of 6 directions"):
        model.fit(X)
    restored = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(restored, X, atol=1e-8)


def test_objective_is_the_mean_power_of_the_codes(sparse):
    X, _ = sparse.draw(270, 20_000, 10, 0.25)
    model = OnlineOrthogonalDictionary(random_state=0).fit(X)
    C = X @ model.components_.T
    expected = np.mean(np.abs(C) ** 3) / np.mean(C**2) ** 1.5 / np.sqrt(8 / np.pi)
    assert expected == pytest.approx(2.0, rel=0.05)  # theta^(-1/2)
    assert model.objective_[-1] == pytest.approx(expected, rel=0.02)


def test_grid_search_and_pipeline(sparse):
    X, _ = sparse.draw(280, 900, 5, 0.3)
    search = GridSearchCV(
        OnlineOrthogonalDictionary(random_state=0, tol=1.0),
        {"center": [False, True], "curvature_shift": [0.0, 0.9]},
        cv=3,
    ).fit(X + 1.0)
    assert search.best_params_["center"]
    pipe = make_pipeline(
        StandardScaler(), OnlineOrthogonalDictionary(random_state=0, tol=1)
    )
    names = pipe.fit(X).get_feature_names_out()
    assert list(names[:2]) == [
        "onlineorthogonaldictionary0",
        "onlineorthogonaldictionary1",
    ]


def test_what_it_says_of_bad_input(sparse):
    X, _ = sparse.draw(290, 50, 4, 0.5)
    model = OnlineOrthogonalDictionary(random_state=0)
    with pytest.raises(NotFittedError):
        model.transform(X)
    with pytest.raises(AttributeError, match="no components_ yet"):
        _ = model.components_
    assert not hasattr(model, "gap_")
    for params, words in (
        ({"exponent": 5}, "'exponent' must be an integer >= 3 and <= 4"),
        ({"step": "adaptive"}, "'step' must be one of"),
        ({"clip_norm": 0.0}, "'clip_norm' must be"),
        ({"curvature_shift": 1.5}, "'curvature_shift' must be"),
        ({"n_components": 5}, "exceeds the number of features"),
        ({"transform_algorithm": "top_k", "n_nonzero_coefs": 5}, "n_nonzero_coefs=5"),
        ({"init": np.eye(3)}, r"init must have shape .* = \(4, 4\)"),
        ({"init": np.ones((4, 4))}, "init must be of full rank"),
    ):
        with pytest.raises(ValueError, match=words):
            OnlineOrthogonalDictionary(**params).fit(X)
    model.partial_fit(X)
    with pytest.raises(ValueError, match="4 features"):
        model.partial_fit(X[:, :3])
    with pytest.raises(ValueError, match="has 3 codes per row"):
        model.inverse_transform(X[:, :3])
    with pytest.raises(ValueError, match="n_nonzero_coefs=9"):
        model.set_params(transform_algorithm="top_k", n_nonzero_coefs=9).transform(X)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((2, 4), np.nan))


def test_stopping_at_max_iter_is_said(sparse):
    X, _ = sparse.draw(300, 100, 5, 0.5)
    with pytest.warns(ConvergenceWarning, match="above tol=0, after 2 passes"):
        model = OnlineOrthogonalDictionary(max_iter=2, tol=0.0, random_state=0).fit(X)
    assert not model.converged_
    assert model.n_iter_ == 2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_steps_of_no_size_leave_the_start():
    X = np.random.default_rng(0).standard_normal((40, 3))
    model = OnlineOrthogonalDictionary(step_size=1e-90, tol=1.0, init=np.eye(3)).fit(X)
    assert np.abs(np.abs(model.components_) - np.eye(3)).max() < 1e-12


def test_callbacks_see_a_model_after_each_pass(sparse):
    callback = pytest.importorskip("sklearn.callback")
    X, _ = sparse.draw(310, 200, 5, 0.3)
    seen = []

    class Record:
        def setup(self, *args, **kwargs):
            """Nothing to prepare."""

        def teardown(self, *args, **kwargs):
            """Nothing to tidy."""

        def on_fit_task_begin(self, estimator, context):
            """Nothing to note."""

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if fitted_estimator is not None:
                seen.append(fitted_estimator.score(X))
            return len(seen) == 3

    assert callback is not None
    model = OnlineOrthogonalDictionary(random_state=0, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.set_callbacks(Record()).fit(X)
    assert model.n_iter_ == len(seen) == 3
    assert seen[-1] == pytest.approx(model.score(X))


def laplace_rows(n_rows=2000, n=8, seed=0):
    rng = np.random.default_rng(seed)
    D = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return rng.laplace(size=(n_rows, n)) @ D


@pytest.mark.parametrize("value", [-999.0, 1e8, 1e100])
def test_a_row_that_outweighs_all_others_is_named(value):
    X = laplace_rows()
    X[7, 2] = value
    with pytest.warns(UserWarning, match="1 of 2000 rows outweigh the rest, row 7"):
        OnlineOrthogonalDictionary(random_state=0).fit(X)


def test_codes_for_missing_values_are_named():
    X = laplace_rows()
    X[np.random.default_rng(1).random(X.shape) < 0.05] = -999.0
    with pytest.warns(UserWarning, match="outweigh the rest of 8 of 8 features"):
        OnlineOrthogonalDictionary(center=True, random_state=0).fit(X)


@pytest.mark.parametrize(("chunk", "row"), [(1, 30), (3, 0), (50, 1999), (2000, 30)])
@pytest.mark.parametrize("value", [-999.0, 1e8, 1e100])
def test_a_row_of_a_stream_that_outweighs_all_others_is_named(value, row, chunk):
    X = laplace_rows(2000 if chunk > 1 else 300)
    X[row, 2] = value
    assert len(said_of(X, chunk, "1 of .* rows outweigh the rest")) == 1


@pytest.mark.parametrize("chunk", [1, 40, 2000])
@pytest.mark.parametrize("value", [9999.0, -1e8])
@pytest.mark.parametrize("center", [False, True])
def test_codes_for_missing_values_in_a_stream_are_named(value, center, chunk):
    X = laplace_rows(2000 if chunk > 1 else 300)
    X[np.random.default_rng(1).random(X.shape) < 0.05] = value
    params = {"center": center, "clip_norm": 3.0}
    said = said_of(X, chunk, "outweigh the rest of", **params)
    assert len(said) == 1
    assert said[0].filename == __file__
    float32 = said_of(X.astype(np.float32), chunk, "outweigh the rest of", **params)
    assert len(float32) == 1


def said_of(X, chunk, words, **params):
    """Warnings of a stream with these words in them."""
    model = OnlineOrthogonalDictionary(random_state=0, **params)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(0, len(X), chunk):
            model.partial_fit(X[start : start + chunk])
    return [w for w in caught if re.search(words, str(w.message))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chunk", [7, 500])
def test_ordinary_rows_of_a_stream_outweigh_nothing(seed, chunk):
    rng = np.random.default_rng(seed)
    uneven = rng.standard_normal((2000, 8)) * rng.lognormal(0.0, 0.6, (2000, 1))
    rare = rng.standard_normal((2000, 8)) * (rng.random((2000, 8)) < 0.05)
    growing = laplace_rows(seed=seed) * np.geomspace(1, 30, 2000)[:, None]
    for X in (laplace_rows(seed=seed), uneven, rare, growing, rare > 0.0):
        assert said_of(X, chunk, "outweigh") == []


@pytest.mark.parametrize("draw", ["laplace", "t3", "sparse", "patches"])
def test_ordinary_rows_outweigh_nothing(draw):
    rng = np.random.default_rng(3)
    X = laplace_rows()
    if draw == "t3":
        X = rng.standard_t(3, size=(2000, 8))
    elif draw == "sparse":
        X = rng.standard_normal((2000, 8)) * (rng.random((2000, 8)) < 0.02)
    elif draw == "patches":  # flat ones beside edges
        X = rng.standard_normal((2000, 8)) * rng.lognormal(0.0, 1.0, (2000, 1))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*outweigh")
        OnlineOrthogonalDictionary(random_state=0).fit(X)


@pytest.mark.parametrize("rule", ["threshold", "soft"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_threshold_beyond_float32_leaves_nothing(rule):
    X = laplace_rows().astype(np.float32)
    model = OnlineOrthogonalDictionary(
        transform_algorithm=rule, threshold=1e300, random_state=0
    )
    assert not model.fit_transform(X).any()


def test_a_clip_norm_that_leaves_nothing_of_a_row_is_refused():
    with pytest.raises(ValueError, match="clip_norm"):
        OnlineOrthogonalDictionary(clip_norm=1e-90).fit(laplace_rows())
    X, small = laplace_rows(), OnlineOrthogonalDictionary(clip_norm=1e-10)
    assert np.isfinite(small.set_params(random_state=0).fit(X).components_).all()


EXTREMES = [5e-324, 1e-310, 1e-150, 1e-60, 1e60, 1e154, 1e199, 1e201, 1.7e308]


@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize("params", [{}, {"center": True}, {"whiten": True}, FULL])
@pytest.mark.parametrize("chunk", [1500, 50])
def test_extremes_give_a_result_or_an_error(value, params, chunk):
    """All rows of this size, or one entry of it; no NaN, no warning of numpy's."""
    one = laplace_rows(1500)
    one[7, 2] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        # scikit-learn looks for NaN in the sum.
        warnings.filterwarnings("ignore", message="invalid value encountered in reduce")
        for X in (value * np.clip(laplace_rows(1500), -1, 1), one):
            model = OnlineOrthogonalDictionary(random_state=0, max_iter=3, **params)
            top = np.abs(X).max()
            if 1e-200 < top < 1e200:
                for start in range(0, len(X), chunk):
                    model.partial_fit(X[start : start + chunk])
                fitted = clone(model).fit(X)
                for one_model in (model, fitted):
                    assert np.isfinite(one_model.components_).all()
                    assert np.isfinite(one_model.transform(X)).all()
                    assert 0 <= one_model.score(X) <= 1
                    assert 0 <= one_model.gap_ <= 2
            else:
                for learn in (model.fit, model.partial_fit):
                    with pytest.raises(ValueError, match="in magnitude"):
                        learn(X)


@pytest.mark.parametrize(
    "change",
    [
        {"exponent": 4},
        {"center": True},
        {"whiten": True},
        {"n_components": 3},
        {"batch_size": 5},
    ],
)
def test_a_stream_goes_on_as_it_began(change):
    X = laplace_rows(400)
    model = OnlineOrthogonalDictionary(random_state=0).partial_fit(X)
    ((name, value),) = change.items()
    with pytest.raises(ValueError, match=f"{name} is {value}, but the stream began"):
        clone(model).partial_fit(X).set_params(**change).partial_fit(X)
    before = model.components_.copy()
    model.set_params(tol=0.1, step="constant", clip_norm=3.0).partial_fit(X)
    assert np.abs(model.components_ - before).max() > 0
    model.set_params(**change, clip_norm=None, max_iter=2, tol=2.0).fit(X)
    model.partial_fit(X)  # the stream that fit began


def test_more_atoms_than_directions_are_named():
    X = laplace_rows(600, 3) @ np.random.default_rng(0).standard_normal((3, 8))
    for whiten in (False, True):
        model = OnlineOrthogonalDictionary(
            n_components=5, whiten=whiten, tol=2.0, random_state=0
        )
        with pytest.warns(UserWarning, match="vary in 3 of 8 directions"):
            model.fit(X)
        assert np.isfinite(model.transform(X)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*near to Gaussian")
        model.set_params(n_components=3).fit(X)


def test_a_batch_beyond_memory_is_refused():
    with pytest.raises(ValueError, match="do not fit in memory"):
        OnlineOrthogonalDictionary(batch_size=10**15).fit(laplace_rows(50))
