"""SDPKMeans and LikelihoodAdjustedSDP as a user meets them."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skgeo.cluster import LikelihoodAdjustedSDP, SDPKMeans, certify_kmeans
from skgeo.cluster._inputs import inertia_of
from skgeo.datasets import make_gaussian_clusters
from skgeo.exceptions import UnusedParameterWarning


def clusters(n=120, K=3, d=4, separation=9.0, seed=0, **more):
    return make_gaussian_clusters(
        n, K, d, separation=separation, random_state=seed, **more
    )


@pytest.mark.parametrize("solver", ["auto", "dense", "lowrank", "sketch"])
def test_solvers_agree_on_separated_clusters(solver):
    X, y = clusters()
    model = SDPKMeans(3, solver=solver, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1.0
    assert model.certified_
    assert model.gap_ < 1e-9
    assert_allclose(model.inertia_, inertia_of(X, y), rtol=1e-10)
    assert_array_equal(model.predict(X), model.labels_)
    assert_allclose(model.transform(X), cdist(X, model.cluster_centers_))
    assert_allclose(model.score(X), -model.inertia_)


def test_cvxpy_is_the_oracle():
    pytest.importorskip("cvxpy")
    X, _ = clusters(n=40, separation=4.0)
    oracle = SDPKMeans(3, solver="cvxpy", tol=1e-7, random_state=0).fit(X)
    ours = SDPKMeans(3, solver="dense", tol=1e-6, max_iter=9000, random_state=0).fit(X)
    assert_allclose(ours.inertia_, oracle.inertia_)
    assert_allclose(ours.lower_bound_, oracle.lower_bound_, rtol=1e-4)
    assert_allclose(ours.objective_[-1], oracle.objective_[-1], rtol=1e-4)


def test_auto_solves_the_relaxation_where_the_closed_form_is_open():
    X, _ = clusters(n=80, separation=4.0, seed=2)
    model = SDPKMeans(3, random_state=0).fit(X)
    assert model.solver_ == "dense"
    assert model.n_iter_ > 0
    assert model.lower_bound_ <= model.inertia_
    assert model.gap_ < 0.05
    assert len(model.objective_) > 1
    kmeans = KMeans(3, n_init=10, random_state=0).fit(X)
    assert model.inertia_ <= kmeans.inertia_ * (1 + 1e-12)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 1.0, 1e5]))
def test_invariances(seed, scale):
    rng = np.random.RandomState(seed)
    X, _ = clusters(n=60, d=3, separation=rng.choice([4.0, 9.0]), seed=seed)
    model = SDPKMeans(3, solver="dense", tol=1e-4, random_state=0).fit(X)
    order = rng.permutation(60)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    moved = scale * (X[order] @ rotation + 10 * rng.standard_normal(3))
    other = SDPKMeans(3, solver="dense", tol=1e-4, random_state=1).fit(moved)
    assert_allclose(other.lower_bound_, scale**2 * model.lower_bound_, rtol=5e-3)
    assert other.certified_ == model.certified_
    if model.certified_:
        assert adjusted_rand_score(other.labels_, model.labels_[order]) == 1.0
        assert_allclose(other.inertia_, scale**2 * model.inertia_, rtol=1e-6)


def test_precomputed_equals_euclidean():
    X, _ = clusters(n=60, separation=5.0)
    D = cdist(X, X, "sqeuclidean")
    points = SDPKMeans(3, solver="dense", random_state=0).fit(X)
    model = SDPKMeans(3, metric="precomputed", random_state=0).fit(D)
    assert adjusted_rand_score(points.labels_, model.labels_) == 1.0
    assert_allclose(model.inertia_, points.inertia_, rtol=1e-9)
    assert_allclose(model.lower_bound_, points.lower_bound_, rtol=1e-3)
    new = X[:7] + 0.1
    assert_allclose(
        np.sort(model.transform(cdist(new, X, "sqeuclidean")), axis=1),
        np.sort(points.transform(new), axis=1),
        rtol=1e-9,
    )
    one = SDPKMeans(1, metric="precomputed").fit(D)
    assert_allclose(one.inertia_, ((X - X.mean(0)) ** 2).sum())
    assert SDPKMeans(60, metric="precomputed").fit(D).inertia_ == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda D: D[:, :-1], "square"),
        (lambda D: -D, "nonnegative"),
        (lambda D: D + np.triu(D), "symmetric"),
        (lambda D: D + np.eye(len(D)), "zero diagonal"),
    ],
)
def test_bad_dissimilarities(change, words):
    X, _ = clusters(n=12)
    D = change(cdist(X, X, "sqeuclidean"))
    with pytest.raises(ValueError, match=words):
        SDPKMeans(2, metric="precomputed").fit(D)


@pytest.mark.parametrize("cls", [SDPKMeans, LikelihoodAdjustedSDP])
def test_degenerate_data(cls):
    X, _ = clusters(n=12, d=3)
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        cls(3).fit(X[:2])
    one = cls(1).fit(X)
    assert not one.labels_.any()
    assert one.converged_
    each = cls(12).fit(X)
    assert len(set(each.labels_)) == 12
    repeated = np.repeat(X[:3], 20, axis=0)
    three = cls(3).fit(repeated)
    assert adjusted_rand_score(np.repeat([0, 1, 2], 20), three.labels_) == 1.0
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(3\)"):
        five = cls(5).fit(repeated)
    assert len(set(five.labels_)) == 3
    with pytest.warns(ConvergenceWarning, match="distinct"):
        same = cls(2).fit(np.ones((6, 2)))
    assert not same.labels_.any()
    constant = np.column_stack([X, np.full(12, 7.0)])
    assert len(set(cls(2, random_state=0).fit(constant).labels_)) == 2


def test_duplicates_beyond_the_number_of_clusters():
    base, _ = clusters(n=5, d=2, separation=3.0)
    X = np.repeat(base, 8, axis=0)
    model = SDPKMeans(2, solver="dense", random_state=0).fit(X)
    assert 0 < model.lower_bound_ <= model.inertia_
    assert model.gap_ < 0.3


def test_too_large_for_the_dense_solver():
    X, _ = clusters(n=50)
    with pytest.raises(ValueError, match=r"about 120,000 bytes"):
        SDPKMeans(3, solver="dense", max_dense=40).fit(X)


def test_bound_is_valid_when_stopped_early():
    X, _ = clusters(n=60, separation=3.0)
    best = KMeans(3, n_init=20, random_state=0).fit(X).inertia_
    with pytest.warns(ConvergenceWarning, match="lower_bound_ is valid"):
        model = SDPKMeans(3, solver="dense", max_iter=5, random_state=0).fit(X)
    assert not model.converged_
    assert 0 < model.lower_bound_ <= best


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("cls", [SDPKMeans, LikelihoodAdjustedSDP])
def test_extreme_magnitudes(cls, scale):
    X, y = clusters(n=60, d=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model = cls(3, random_state=0).fit(X * scale)
        assert adjusted_rand_score(y, model.labels_) == 1.0
        assert_array_equal(model.predict(X * scale), model.labels_)


def test_sketch_and_lowrank_beyond_the_dense_size():
    X, y = clusters(n=1500, separation=6.0, weights=[1, 3, 8])
    reference = KMeans(3, n_init=10, random_state=0).fit(X).inertia_
    for solver in ("auto", "sketch", "lowrank"):
        model = SDPKMeans(3, solver=solver, random_state=0).fit(X)
        assert model.inertia_ <= reference * (1 + 1e-6)
        assert 0.95 * model.inertia_ < model.lower_bound_ <= model.inertia_
        assert adjusted_rand_score(y, model.labels_) > 0.97


@pytest.mark.parametrize("cls", [SDPKMeans, LikelihoodAdjustedSDP])
def test_deterministic_under_random_state(cls):
    X, _ = clusters(n=70, separation=4.0)
    a, b = (cls(3, random_state=7).fit(X) for _ in range(2))
    assert_array_equal(a.labels_, b.labels_)
    assert_array_equal(a.objective_, b.objective_)


def test_two_groups_and_their_mirror_images():
    X = np.array([[-2.3697, -0.2667, -1.36798, 0.36629]])
    X = np.vstack([X, [[-3.35879, -1.97828, -0.78834, 0.50225]]])
    X = np.vstack([X, -X])
    model = SDPKMeans(3, solver="dense", tol=1e-2, random_state=0).fit(X)
    assert set(model.labels_) == {0, 1, 2}


def test_a_sentinel_is_not_taken_for_structure():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[0, 0] = -1e8
    model = SDPKMeans(3, random_state=0).fit(X)
    assert not model.certified_
    assert model.gap_ > 0.01
    assert model.reason_


def test_sample_weight_of_the_relaxation():
    X, _ = clusters(n=40, separation=4.0)
    times = np.random.default_rng(0).integers(0, 4, size=40)
    for solver in ("auto", "dense", "lowrank", "sketch"):
        one = SDPKMeans(3, solver=solver, random_state=0)
        one.fit(X, sample_weight=times)
        many = SDPKMeans(3, solver=solver, random_state=0)
        many.fit(np.repeat(X, times, axis=0))
        assert_allclose(one.inertia_, many.inertia_, rtol=1e-10)
        assert_allclose(one.cluster_centers_, many.cluster_centers_, rtol=1e-8)
        assert_array_equal(np.repeat(one.labels_, times), many.labels_)
        assert_array_equal(one.labels_, one.predict(X))
        assert one.lower_bound_ <= one.inertia_
        best = KMeans(3, n_init=20, random_state=0).fit(X, sample_weight=times)
        assert one.inertia_ <= best.inertia_ * (1 + 1e-12)
    D = cdist(X, X, "sqeuclidean")
    w = times + 1.0
    points = SDPKMeans(3, solver="dense", random_state=0).fit(X, sample_weight=w)
    model = SDPKMeans(3, metric="precomputed", random_state=0)
    model.fit(D, sample_weight=w)
    assert_allclose(model.inertia_, points.inertia_, rtol=1e-9)
    with pytest.raises(ValueError, match="cvxpy"):
        SDPKMeans(3, solver="cvxpy").fit(X, sample_weight=w)


def test_float32_stays_float32():
    X, _ = clusters(n=60)
    single = X.astype(np.float32)
    model = SDPKMeans(3, random_state=0).fit(single)
    assert model.cluster_centers_.dtype == np.float32
    assert model.transform(single).dtype == np.float32
    double = SDPKMeans(3, random_state=0).fit(single.astype(float))
    assert_allclose(model.inertia_, double.inertia_, rtol=1e-12)
    assert model.certified_ == double.certified_


def test_as_many_centers_as_clusters():
    X = np.repeat([[0.0, 1.0], [5.0, 2.0], [9.0, 0.0]], 4, axis=0)
    with pytest.warns(ConvergenceWarning, match="distinct"):
        model = SDPKMeans(5).fit(X)
    assert model.cluster_centers_.shape == (5, 2)
    assert model.transform(X).shape == (12, 5)
    assert len(model.get_feature_names_out()) == 5
    assert_array_equal(model.predict(X), model.labels_)


def test_n_init_auto_and_unused_parameters():
    X, _ = clusters(n=60)
    model = SDPKMeans(3, n_init="auto", random_state=0).fit(X)
    assert_array_equal(model.labels_, SDPKMeans(3, random_state=0).fit(X).labels_)
    with pytest.warns(UnusedParameterWarning, match="'rank' has no effect"):
        SDPKMeans(3, rank=7).fit(X)


def test_tags_of_precomputed_input():
    tags = SDPKMeans(metric="precomputed").__sklearn_tags__()
    assert tags.input_tags.pairwise
    assert tags.input_tags.positive_only
    assert not SDPKMeans().__sklearn_tags__().input_tags.positive_only


@pytest.mark.parametrize("columns", [[1, 1e-200, 1e200, 1], [1e160] * 4, [1e-200] * 4])
def test_unlike_scales_are_refused_in_words(columns):
    X, _ = clusters(n=30)
    with pytest.raises(ValueError, match="Squared distances"):
        SDPKMeans(3).fit(X * columns)


def test_far_points_are_measured():
    X, _ = clusters(n=60)
    model = SDPKMeans(3, random_state=0).fit(X)
    far = np.full((1, 4), 1e200)
    assert_allclose(model.transform(far), 2e200)
    assert np.isfinite(model.transform(-far)).all()
    with pytest.raises(ValueError, match="overflows"):
        model.score(far)


def test_sparse_input_is_refused_with_advice():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = clusters(n=30)
    with pytest.raises(TypeError, match="dense data is required"):
        SDPKMeans(3).fit(sparse.csr_matrix(X))
    with pytest.raises(TypeError, match="dense data is required"):
        certify_kmeans(sparse.csr_matrix(X), y)


def test_what_a_fast_fit_leaves_out_is_said():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((900, 3))
    model = SDPKMeans(4, random_state=0).fit(X)
    assert model.solver_ == "kmeans"
    assert "effort='thorough'" in model.advice_
    assert 0 < model.lower_bound_ < model.inertia_
