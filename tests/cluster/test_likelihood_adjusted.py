"""LikelihoodAdjustedSDP: its default on real and simulated data, its program."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, multivariate_t
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from skgeo.cluster import LikelihoodAdjustedSDP, SDPKMeans
from skgeo.cluster._solvers import mixture_em
from skgeo.cluster._solvers.columns import SPIKE, Columns
from skgeo.cluster._solvers.likelihood import profile_blocks
from skgeo.cluster._solvers.mixture_em import (
    CovarianceModel,
    fit_mixture,
    gaussian_log_density,
    hard_shares,
)
from skgeo.cluster._solvers.mixture_search import find_isolated, search_seconds
from skgeo.datasets import make_gaussian_clusters
from skgeo.exceptions import UnusedParameterWarning


def clusters(n=120, K=3, d=4, separation=9.0, seed=0, **more):
    return make_gaussian_clusters(
        n, K, d, separation=separation, random_state=seed, **more
    )


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def quiet_fit(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.fit(X)


@pytest.mark.parametrize("seed", range(3))
def test_iris(seed):
    X, y = iris()
    model = quiet_fit(LikelihoodAdjustedSDP(3, random_state=seed), X)
    assert adjusted_rand_score(y, model.labels_) >= 0.88
    start = quiet_fit(LikelihoodAdjustedSDP(3, init="sdp", random_state=seed), X)
    assert adjusted_rand_score(y, start.labels_) >= 0.88


def test_one_wild_value_of_iris():
    X, y = iris()
    X[7, 1] = 1e4
    with pytest.warns(UserWarning, match=r"1 isolated points .*rows 7\)"):
        model = LikelihoodAdjustedSDP(3, random_state=0).fit(X)
    assert_array_equal(model.outliers_, [7])
    kept = np.arange(150) != 7
    assert adjusted_rand_score(y[kept], model.labels_[kept]) >= 0.88
    without = quiet_fit(
        LikelihoodAdjustedSDP(3, screen_outliers=False, random_state=0), X
    )
    assert len(without.outliers_) == 0


def test_a_far_point_takes_no_component():
    rng = np.random.default_rng(0)
    places = np.repeat([[0, 0], [10, 0], [0, 10.0]], 30, axis=0)
    X = places + rng.standard_normal((90, 2))
    X[0] = [9999, 0]
    model = quiet_fit(LikelihoodAdjustedSDP(4, random_state=0), X)
    assert np.bincount(model.labels_[1:], minlength=4).min() > 5
    assert_array_equal(model.outliers_, [0])
    # A far group is a group.
    X[:5] = np.array([9999, 0]) + rng.standard_normal((5, 2))
    assert not find_isolated(X, 4).any()


def test_digits_of_four_classes():
    X, y = load_digits(return_X_y=True)
    few = np.isin(y, range(4))
    Z = PCA(6, random_state=0).fit_transform(X[few] / 16)
    model = quiet_fit(LikelihoodAdjustedSDP(4, random_state=0), Z)
    assert adjusted_rand_score(y[few], model.labels_) >= 0.95


def test_the_easiest_data():
    X, y = [], np.repeat(range(4), 50)
    rng = np.random.default_rng(0)
    places = np.array([[0, 0], [10, 0], [0, 10], [10, 10.0]])
    X = places[y] + rng.standard_normal((200, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = LikelihoodAdjustedSDP(4, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1.0


def test_heavy_tails():
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y = clusters(n=200, d=4, separation=1e-4, heterogeneity=0.6, seed=seed)
        X = X / np.sqrt(rng.chisquare(3, size=(200, 1)) / 3)
        X = X + (6 / np.sqrt(2) * np.eye(3, 4))[y]
        model = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), X)
        table = np.zeros((3, 3))
        np.add.at(table, (y, model.labels_), 1)
        errors.append(1 - table.max(axis=1).sum() / 200)
    assert np.mean(errors) <= 0.07


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
def test_units_and_offsets_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    X, _ = clusters(n=60, d=3, separation=7.0, seed=seed, heterogeneity=0.5)
    order = rng.permutation(60)
    units = 10.0 ** rng.integers(-3, 4, size=3)
    moved = (X * units + 1000)[order]
    model = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), X)
    other = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), moved)
    assert adjusted_rand_score(other.labels_, model.labels_[order]) > 0.9
    if other.covariance_model_ == model.covariance_model_ and (
        adjusted_rand_score(other.labels_, model.labels_[order]) == 1
    ):
        change = 60 * np.log(units).sum()
        assert_allclose(other.objective_[-1] + change, model.objective_[-1], rtol=1e-3)


def test_profile_likelihood():
    X, y, _, S = clusters(n=30, d=3, heterogeneity=1.0, return_params=True)
    blocks = profile_blocks(X, S)
    value = 0.0
    for k in range(3):
        Z = np.outer(y == k, y == k) / (y == k).sum()
        value += np.sum(blocks[k] * Z)
    means = np.array([X[y == k].mean(axis=0) for k in range(3)])
    density = gaussian_log_density(X, means, S)[np.arange(30), y].sum()
    assert_allclose(value - 0.5 * X.size * np.log(2 * np.pi), density)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_known_covariances(scale):
    X, y, _, S = clusters(
        n=80, K=2, d=4, separation=5, heterogeneity=1.0, return_params=True
    )
    X, S = scale * X, scale**2 * S
    model = LikelihoodAdjustedSDP(2, covariances=S, random_state=0).fit(X)
    assert_allclose(model.covariances_, S, rtol=1e-12)
    means = np.array([X[model.labels_ == k].mean(axis=0) for k in range(2)])
    assert_allclose(model.means_, means)
    assert np.mean(model.labels_ == y) > 0.95  # groups keep the order of S
    integer = gaussian_log_density(X, means, S)[np.arange(80), model.labels_].sum()
    assert integer <= model.upper_bound_
    assert model.upper_bound_ - integer < 0.02 * abs(integer)
    # Equal covariances: blocks are alike, the sum still tells the groups apart.
    eye = [scale**2 * np.eye(4)] * 2
    equal = LikelihoodAdjustedSDP(2, covariances=eye, random_state=0).fit(X)
    assert adjusted_rand_score(y, equal.labels_) > 0.8
    with pytest.warns(UnusedParameterWarning, match="'tails'"):
        LikelihoodAdjustedSDP(2, covariances=S, tails="t").fit(X)


def test_bound_on_the_likelihood_of_all_labels():
    X, _ = clusters(n=60, K=2, d=3, separation=4, heterogeneity=1.0)
    model = quiet_fit(LikelihoodAdjustedSDP(2, bound=True, random_state=0), X)
    rng = np.random.default_rng(0)
    for labels in [model.labels_, *rng.integers(2, size=(20, 60))]:
        means = np.array([X[labels == k].mean(axis=0) for k in range(2)])
        density = gaussian_log_density(X, means, model.covariances_)
        assert density[np.arange(60), labels].sum() <= model.upper_bound_
    plain = quiet_fit(LikelihoodAdjustedSDP(2, random_state=0), X)
    assert np.isnan(plain.upper_bound_)


def test_large_data_through_a_sample():
    X, y, _, S = clusters(
        n=3000, d=4, separation=6.0, heterogeneity=0.8, return_params=True
    )
    model = LikelihoodAdjustedSDP(3, covariances=S, max_dense=90, random_state=0)
    model.fit(X)
    assert np.mean(model.labels_ == y) > 0.97
    assert adjusted_rand_score(y, model.labels_) > 0.97


@pytest.mark.parametrize("tails", ["gaussian", "t"])
def test_densities_probabilities_and_samples(tails):
    X, y = clusters(n=80, separation=6.0, heterogeneity=1.0)
    X = X * [1, 10, 100, 0.1] + 7
    model = quiet_fit(LikelihoodAdjustedSDP(3, tails=tails, random_state=0), X)
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert_array_equal(model.predict(X), model.labels_)
    density = np.zeros(80)
    for w, m, S in zip(model.weights_, model.means_, model.covariances_, strict=True):
        one = multivariate_normal(m, S)
        if tails == "t":
            one = multivariate_t(m, S, df=4)
        density += w * one.pdf(X)
    assert_allclose(model.score_samples(X), np.log(density), rtol=1e-6)
    assert_allclose(model.score(X), np.log(density).mean(), rtol=1e-6)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0)
    assert_array_equal(np.argmax(proba, axis=1), model.labels_)
    want = np.linalg.inv(model.covariances_)
    assert_allclose(model.precisions_, want)
    points, which = model.sample(4000, random_state=0)
    assert_allclose(np.bincount(which) / 4000, model.weights_, atol=0.03)
    for k in range(3):
        mine = points[which == k]
        spread = np.sqrt(np.diag(model.covariances_[k]))
        assert np.all(np.abs(np.median(mine, axis=0) - model.means_[k]) < 0.2 * spread)
    assert model.bic(X) > model.aic(X)


def test_plain_models_equal_sklearn():
    X, y = clusters(n=90, separation=4.0, heterogeneity=0.5)
    X = StandardScaler().fit_transform(X)
    for kind, strength in (("full", 0.0), ("full", np.inf), ("diag", 0.0)):
        ours = fit_mixture(
            X,
            hard_shares(y, 3),
            CovarianceModel(kind, strength),
            max_iter=2000,
            tol=1e-13,
        )
        name = "tied" if np.isinf(strength) else kind
        S = ours.mixture.covariances
        precisions = np.linalg.inv(S[0] if name == "tied" else S)
        if kind == "diag":
            precisions = np.einsum("kii->ki", precisions)
        peer = GaussianMixture(
            3,
            covariance_type=name,
            reg_covar=1e-9,
            weights_init=ours.mixture.weights,
            means_init=ours.mixture.means,
            precisions_init=precisions,
            tol=1e-12,
            max_iter=500,
        ).fit(X)
        assert_allclose(ours.mixture.means, peer.means_, atol=1e-3)
        assert_allclose(ours.objective[-1] / 90, peer.score(X), rtol=1e-6)


def test_the_penalized_likelihood_rises():
    X, y = clusters(n=60, d=5, separation=3.0, heterogeneity=1.0)
    X = StandardScaler().fit_transform(X)
    for model in (
        CovarianceModel("full", 4.0),
        CovarianceModel("full", 2.5, 1.0),
        CovarianceModel("diag", 8.0),
    ):
        values = [
            fit_mixture(X, hard_shares(y, 3), model, max_iter=i, tol=0.0).penalized
            for i in (2, 4, 8, 16)
        ]
        # The target moves with the fit: not an exact ascent, but nearly.
        assert np.all(np.diff(values) > -0.05 * abs(values[0]) / 100)
        assert values[-1] > values[0]


def test_a_number_of_clusters_is_not_chosen_silently():
    X, _ = clusters(n=90, K=3, separation=9.0)
    with pytest.warns(UserWarning, match="was chosen by the held-out likelihood"):
        model = LikelihoodAdjustedSDP((2, 3, 4), random_state=0).fit(X)
    assert_array_equal(model.curve_["n_clusters"], [2, 3, 4])
    assert len(model.means_) in (3, 4)
    assert model.curve_["bic"].argmin() == 1
    one = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), X)
    assert_allclose(one.curve_["bic"], one.bic(X))
    with pytest.raises(ValueError, match="init must be a name"):
        LikelihoodAdjustedSDP((2, 3), init=np.zeros(90)).fit(X)


def test_degenerate_columns_and_shapes():
    rng = np.random.default_rng(0)
    X, y = clusters(n=60, d=3, separation=9.0)
    for more in (np.full(60, 7.0), X[:, 0]):
        Z = np.column_stack([X, more])
        model = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), Z)
        assert adjusted_rand_score(y, model.labels_) == 1.0
        assert np.linalg.eigvalsh(model.covariances_).min() > 0
        assert np.isfinite(model.score_samples(Z)).all()
    wide = rng.standard_normal((20, 40))
    wide[:10, 0] += 25
    model = quiet_fit(LikelihoodAdjustedSDP(2, random_state=0), wide)
    assert set(model.labels_) == {0, 1}
    assert np.linalg.eigvalsh(model.covariances_).min() > 0
    twice = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), np.repeat(X, 2, axis=0))
    assert adjusted_rand_score(np.repeat(y, 2), twice.labels_) == 1.0


def test_doubtful_columns_are_named():
    rng = np.random.default_rng(0)
    X, _ = clusters(n=80, K=2, d=3)
    X[rng.random(80) < 0.5, 2] = 0.0
    with pytest.warns(UserWarning, match="feature 2 are equal"):
        LikelihoodAdjustedSDP(2, random_state=0).fit(X)


@pytest.mark.parametrize("init", ["auto", "sdp", "kmeans", "random", "labels"])
def test_every_start(init):
    X, y = clusters(n=60, separation=8.0, heterogeneity=0.5)
    init = ["abc"[k] for k in y] if init == "labels" else init
    model = quiet_fit(LikelihoodAdjustedSDP(3, init=init, random_state=0), X)
    assert adjusted_rand_score(y, model.labels_) == 1.0
    assert isinstance(model.start_, str)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_every_kind_of_covariance(kind):
    X, y = clusters(n=60, d=2, separation=9.0)
    model = quiet_fit(LikelihoodAdjustedSDP(3, covariance_type=kind, random_state=0), X)
    assert adjusted_rand_score(y, model.labels_) == 1.0
    S = model.covariances_
    if kind == "tied":
        assert_allclose(S[0], S[1])
    if kind in ("diag", "spherical"):
        assert_allclose(S, S * np.eye(2))
    fixed = quiet_fit(
        LikelihoodAdjustedSDP(
            3, prior_strength=2.0, reg_covar=0.05, tails="gaussian", random_state=0
        ),
        X,
    )
    found = fixed.covariance_model_
    assert found.ridge == 0.05
    assert np.isinf(found.dof)
    assert found.strength in (2.0, np.inf)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"init": [0, 1]}, "one label per sample"),
        ({"init": np.zeros(12)}, "1 different labels"),
        ({"covariances": np.eye(3)}, "must have shape"),
        ({"covariances": np.stack([np.eye(3), -np.eye(3)])}, "positive definite"),
        ({"covariances": np.triu(np.ones((2, 3, 3)))}, "symmetric"),
        ({"init": "best"}, "'init' must be"),
        ({"reg_covar": -1.0}, "'reg_covar' must be"),
    ],
)
def test_bad_parameters(options, words):
    X, _ = clusters(n=12, d=3)
    with pytest.raises(ValueError, match=words):
        LikelihoodAdjustedSDP(2, **options).fit(X)


@pytest.mark.parametrize("columns", [[1, 1e-200, 1], [1e160, 1, 1], [1e-200] * 3])
def test_unlike_scales_are_refused_in_words(columns):
    X, _ = clusters(n=30, d=3)
    with pytest.raises(ValueError, match="Multiply"):
        LikelihoodAdjustedSDP(3).fit(X * columns)


def test_not_worse_than_kmeans_on_spheres():
    X, y = clusters(n=90, K=3, d=6, separation=4.5, seed=3)
    ours = quiet_fit(LikelihoodAdjustedSDP(3, random_state=0), X)
    kmeans = KMeans(3, n_init=10, random_state=0).fit(X)
    difference = adjusted_rand_score(y, kmeans.labels_)
    assert adjusted_rand_score(y, ours.labels_) > difference - 0.1
    assert SDPKMeans(3, random_state=0).fit(X).inertia_ <= kmeans.inertia_ * (1 + 1e-9)


def test_tables_are_fitted_without_a_warning_about_names():
    pd = pytest.importorskip("pandas")
    X, _ = make_gaussian_clusters(60, 2, 3, separation=8, random_state=0)
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = LikelihoodAdjustedSDP(2, bound=True, random_state=0).fit(table)
    plain = LikelihoodAdjustedSDP(2, bound=True, random_state=0).fit(X)
    assert_array_equal(named.labels_, plain.labels_)
    assert named.curve_["bic"][0] == pytest.approx(plain.bic(X))
    assert named.curve_["aic"][0] == pytest.approx(plain.aic(X))


def _on_a_grid(kind, seed):
    """Values that are rounded, counted, or indicators, with their groups."""
    rng = np.random.default_rng(seed)
    X, y = make_gaussian_clusters(
        150, 3, 4, separation=5, heterogeneity=1.0, random_state=seed
    )
    if kind == "rounded":
        return 2 * np.round(X / 2), y
    if kind == "indicators":
        chance = np.array([0.1, 0.5, 0.8])[y][:, None]
        return np.c_[X, rng.random((150, 2)) < chance], y
    places = rng.uniform(1, 5, size=(3, 8))
    return np.clip(np.round(places[y] + rng.normal(0, 0.8, (150, 8))), 1, 5), y


@pytest.mark.filterwarnings(
    "ignore:More than 30 %", "ignore:Models as", "ignore:Starts"
)
@pytest.mark.parametrize(
    ("kind", "least"), [("rounded", 0.75), ("indicators", 0.9), ("ratings", 0.8)]
)
def test_components_do_not_collapse_on_single_values(kind, least):
    scores = []
    for seed in range(30, 33):
        X, y = _on_a_grid(kind, seed)
        labels = LikelihoodAdjustedSDP(3, random_state=0).fit(X).labels_
        scores.append(adjusted_rand_score(y, labels))
    assert np.mean(scores) >= least


def test_grain_of_columns():
    rng = np.random.default_rng(0)
    n = 400
    X = np.column_stack(
        [
            rng.standard_normal(n),
            3 * rng.integers(0, 50, n),
            np.where(rng.random(n) < 0.5, 0.0, rng.standard_normal(n)),
            rng.random(n) < 0.5,
            np.ones(n),
        ]
    )
    columns = Columns(X)
    grain = columns.grain(X)
    assert grain.shape == (4,)
    assert grain[0] == 0
    assert_allclose(grain[1], 9 / 12 / X[:, 1].var())
    assert_allclose(grain[2], SPIKE)
    assert_allclose(grain[3], 1 / 12 / X[:, 3].var())
    assert_allclose(Columns(1e6 + 7 * X).grain(1e6 + 7 * X), grain, rtol=1e-6)


def test_linear_mixing_of_the_features():
    """Shapes without a preferred axis follow any mixing; the default nearly does."""
    X, y = load_iris(return_X_y=True)
    X = X + 1e-6 * np.random.default_rng(1).standard_normal(X.shape)
    mixing = np.random.default_rng(0).standard_normal((4, 4))
    for Z in (X, X @ mixing + 5.0):
        labels = LikelihoodAdjustedSDP(3, random_state=0).fit(Z).labels_
        assert adjusted_rand_score(y, labels) > 0.88
    start = hard_shares(y, 3)
    model = CovarianceModel("full", 2.0)
    one, two = (
        fit_mixture(Columns(Z).standardize(Z), start, model, max_iter=100)
        for Z in (X, X @ mixing + 5.0)
    )
    assert_array_equal(one.labels, two.labels)
    assert_allclose(one.shares, two.shares, atol=1e-5)


@pytest.mark.parametrize("dof", [np.inf, 4.0])
@pytest.mark.parametrize(
    "model",
    [
        CovarianceModel("full", 2.0, 0.5),
        CovarianceModel("full", 1.0, 0.0, 0.1),
        CovarianceModel("full", np.inf, 1.0),
        CovarianceModel("diag", 8.0),
        CovarianceModel("diag", np.inf, 0.0, 0.3),
        CovarianceModel("spherical", 1.0),
    ],
)
def test_the_kernel_of_em_and_its_array_form(model, dof):
    X, y = make_gaussian_clusters(
        70, 3, 4, separation=4, heterogeneity=1.0, random_state=2
    )
    model = dataclasses.replace(model, dof=dof)
    for floor, tol in ((0.0, 0.0), (np.array([0.1, 0.0, 0.2, 0.3]), 0.3)):
        start = hard_shares(y, 3)
        found = [
            steps(X, start, model, floor, 40, tol)
            for steps in (mixture_em._array_steps, mixture_em._compiled_steps)
        ]
        for one, two in zip(*found, strict=True):
            assert_allclose(two, one, rtol=1e-8, atol=1e-10)
        assert found[0][-1] == (tol > 0)
    assert (start == hard_shares(y, 3)).all()


def test_a_singular_covariance_ends_em():
    X = np.zeros((20, 3))
    X[:, 0] = np.arange(20)
    X[3, 1] = np.nan
    start = hard_shares(np.arange(20) % 2, 2)
    for steps in (mixture_em._array_steps, mixture_em._compiled_steps):
        with np.errstate(all="ignore"):
            assert steps(X, start, CovarianceModel(), 0.0, 5, 0.0) is None


def test_a_long_fit_is_announced(monkeypatch):
    X, _ = make_gaussian_clusters(60, 2, 3, separation=6, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LikelihoodAdjustedSDP(2, random_state=0).fit(X)
    monkeypatch.setattr("skgeo.utils.durations.LONG", 0.01)
    with pytest.warns(UserWarning, match="will take up to"):
        LikelihoodAdjustedSDP(2, random_state=0).fit(X)
    assert search_seconds(100_000, 20, 10) > 30
