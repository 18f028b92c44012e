"""Values that no clustering should follow are named."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from skgeo.cluster import (
    ExactKMeans,
    KMedoids,
    LikelihoodAdjustedSDP,
    SDPKMeans,
    certify_kmeans,
    certify_kmedoids,
)
from skgeo.cluster._outweighed import find_outweighing


def _groups(seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    places = np.repeat([[10.0, 0.0], [-10.0, 0.0], [0.0, 10.0]], 30, axis=0)
    return places + spread * rng.standard_normal((90, 2))


def _fit(name, X, n_clusters):
    if name == "certify_kmeans":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            labels = SDPKMeans(n_clusters, random_state=0).fit(X).labels_
        return certify_kmeans(X, labels, bound="closed", random_state=0)
    model = {
        "SDPKMeans": SDPKMeans,
        "ExactKMeans": ExactKMeans,
        "LikelihoodAdjustedSDP": LikelihoodAdjustedSDP,
        "KMedoids": KMedoids,
    }[name](n_clusters, random_state=0)
    if name == "ExactKMeans":
        model.set_params(max_time=0.5)
    return model.fit(X)


ALL = (
    "SDPKMeans",
    "ExactKMeans",
    "LikelihoodAdjustedSDP",
    "KMedoids",
    "certify_kmeans",
)


def _warned(name, X, n_clusters):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _fit(name, X, n_clusters)
    return " ".join(str(w.message) for w in caught)


@pytest.mark.parametrize("code", [-999, 9999, 99])
@pytest.mark.parametrize("name", ALL)
def test_repeated_codes_are_named(name, code):
    X = _groups()
    X[[3, 17, 40, 61, 88], 1] = code
    words = _warned(name, X, 3)
    assert "feature 1 has the value" in words
    assert f"{code} in 5 rows (row 3 first)" in words
    assert "holds nothing but such rows" in words


@pytest.mark.parametrize("code", [9999, -999, 32767])
def test_codes_within_the_range_of_the_data_are_named(code):
    rng = np.random.default_rng(0)
    X = rng.uniform(-40_000, 40_000, (90, 3))
    X[:, 2] = 0
    X[[3, 17, 40, 61], 2] = code
    X[[5, 8, 9], 1] = code
    first, second = find_outweighing(X)
    assert (first.column, first.value, first.shared) == (1, code, 3)
    assert (second.column, second.value, second.shared) == (2, code, 4)
    words = _warned("SDPKMeans", X, 3)
    assert f"feature 1 has the value {code} in 3 rows (row 5 first)" in words
    # A value like others is none: not by its size alone, nor by repeating alone.
    X[[3, 17, 40, 61], 2], X[[5, 8, 9], 1] = 998, 9998
    assert find_outweighing(X) == []
    X[:, 1] = rng.integers(997, 1001, 90)
    X[:, 2] = 0
    X[3, 2] = 9999
    assert find_outweighing(X) == []


@pytest.mark.parametrize("name", ALL)
def test_features_are_named_as_the_frame_does(name):
    pandas = pytest.importorskip("pandas")
    X = _groups()
    X[:5, 0] = -999
    words = _warned(name, pandas.DataFrame(X, columns=["height", "weight"]), 3)
    assert "feature 'height' has the value -999 in 5 rows" in words
    assert "valid feature names" not in words


@pytest.mark.parametrize("size", [1e3, 1e6, 1e100])
@pytest.mark.parametrize("name", ALL)
def test_one_far_row_is_named(name, size):
    X = _groups()
    X[7] = size
    words = _warned(name, X, 2)
    assert "row 7" in words or "(rows 7)" in words


@pytest.mark.parametrize("size", [1e6, 1e100, 1e140])
def test_a_far_row_leaves_the_mixture_its_clusters(size):
    X = _groups()
    X[7] = size
    with pytest.warns(UserWarning, match="1 isolated"):
        model = LikelihoodAdjustedSDP(3, random_state=0).fit(X)
    assert_array_equal(model.outliers_, [7])
    rest = np.delete(model.labels_, 7)
    assert sorted(np.bincount(rest)) == [29, 30, 30]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = LikelihoodAdjustedSDP(2, screen_outliers=False, random_state=0).fit(X)
    assert set(kept.labels_) <= {0, 1}
    assert kept.means_.shape == (2, 2)


def test_distinct_points_left_by_the_screen():
    X = np.r_[np.repeat([[0.0, 0.0], [1.0, 1.0]], 20, axis=0), [[1e9, 0.0]]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LikelihoodAdjustedSDP(2, random_state=0).fit(X)
    assert len(np.unique(model.labels_)) == 2
    assert_array_equal(np.unique(model.labels_[:20]), model.labels_[0])
    assert model.labels_[0] != model.labels_[20]


def _plain_data():
    rng = np.random.default_rng(1)
    simplex = np.repeat(10 * np.eye(5), 20, axis=0)
    return {
        "groups": _groups(),
        "tight simplex": simplex + 0.01 * rng.standard_normal((100, 5)),
        "far group": np.r_[rng.normal(0, 0.1, (80, 1)), rng.normal(1e3, 0.1, (15, 1))],
        "duplicates": simplex,
        "log-normal": rng.lognormal(0, 1.0, (200, 3)),
        "exponential": rng.exponential(size=(3000, 3)),
        "counts": rng.poisson(2, (200, 3)).astype(float),
        "rare indicators": (rng.random((200, 6)) < 0.05).astype(float),
        "constant": np.ones((30, 2)),
        "iris": load_iris().data,
        "wine": load_wine().data,
        "breast cancer": load_breast_cancer().data,
        "digits": load_digits().data,
    }


@pytest.mark.parametrize("name", _plain_data())
def test_ordinary_data_are_not_doubted(name):
    assert find_outweighing(_plain_data()[name]) == []


def test_what_is_found():
    X = _groups()
    X[[1, 5], 0], X[9, 1] = -999, 1e5
    first, second = find_outweighing(X)
    assert (first.column, first.value, first.shared) == (0, -999, 2)
    assert_array_equal(first.rows, [1, 5])
    assert (second.column, second.value, second.shared) == (1, 1e5, 1)
    assert_array_equal(second.rows, [9])
    assert first.heavy
    assert second.heavy


def test_scale_and_offset_do_not_matter():
    X = _groups()
    X[[1, 5, 9], 0] = -999
    for scale, offset in ((1e-200, 0.0), (1e200, 0.0), (2.0, 1e6)):
        (one,) = find_outweighing(scale * X + offset)
        assert_array_equal(one.rows, [1, 5, 9])


@pytest.mark.parametrize("model", [SDPKMeans, KMedoids])
def test_far_samples_of_a_matrix_are_named(model):
    X = _groups()
    D = cdist(X, X, "sqeuclidean")
    D[3] = D[:, 3] = 1e6
    D[3, 3] = 0
    with pytest.warns(UserWarning, match=r"Far from nearly all other samples: 1 \(r"):
        model(2, metric="precomputed", random_state=0).fit(D)


def test_far_duplicates_are_named_by_a_distance_to_others():
    X = _groups()
    X[:5] = 1e4
    with pytest.warns(UserWarning, match=r"4, \.\.\.; d|rows 0, 1, 2, 3, 4"):
        certify_kmedoids(cdist(X, X), [0, 30, 60])


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("n_rows", [2, 5, 20])
def test_codes_of_points_are_seen_in_their_distances(metric, n_rows):
    X = _groups()
    X[-n_rows:, 1] = -999
    D = cdist(X, X, metric)
    words = f"{n_rows} samples are far from all others .rows {90 - n_rows}"
    with pytest.warns(UserWarning, match=words):
        certify_kmedoids(D, [0, 30, 60], max_nodes=0)
    with pytest.warns(UserWarning, match=words):
        KMedoids(3, metric="precomputed", random_state=0).fit(D)
    # A far group with an extent is a group.
    X[-n_rows:, 1] += np.random.default_rng(2).standard_normal(n_rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        certify_kmedoids(cdist(X, X, metric), [0, 30, 60], max_nodes=0)
    assert not any("shared" in str(w.message) for w in caught)


@pytest.mark.parametrize("code", [1e6, 9999])
def test_codes_among_dissimilarities_are_named(code):
    D = cdist(_groups(), _groups())
    if code == 9999:
        D *= 1000  # within their range
    i, j = np.array([[1, 5, 7, 50], [30, 80, 2, 4]])
    D[i, j] = D[j, i] = code
    with pytest.warns(UserWarning, match="stands 8 times"):
        certify_kmedoids(D, [0, 30, 60], max_nodes=0)
    with pytest.warns(UserWarning, match="stands 8 times"):
        KMedoids(3, metric="precomputed", random_state=0).fit(D)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cityblock"])
def test_ordinary_dissimilarities_are_not_doubted(metric):
    rng = np.random.default_rng(0)
    rare = (rng.random((60, 8)) < 0.3).astype(float)
    apart = rng.standard_normal((90, 2))
    apart[-6:] = 0.3 * apart[-6:] + [12.0, 3.0]
    for X in (_groups(), _groups().round(), load_iris().data, rare, apart):
        D = cdist(X, X, metric)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            certify_kmedoids(D, [0, 30, 50], max_nodes=0, bound_iter=50)


def test_similarities_are_doubted():
    X = _groups()
    with pytest.warns(UserWarning, match="similarities"):
        KMedoids(3, metric="precomputed", random_state=0).fit(
            np.exp(-cdist(X, X, "sqeuclidean"))
        )


def test_medoids_beside_a_huge_row():
    """Distances of the others are their own, not rounded to nothing."""
    X = _groups()
    rest = KMedoids(3, random_state=0).fit(X[1:])
    X[0] = 1e300
    with pytest.warns(UserWarning, match="stand apart"):
        model = KMedoids(4, random_state=0).fit(X)
    assert_allclose(model.inertia_, rest.inertia_, rtol=1e-9)
    assert model.lower_bound_ <= rest.inertia_


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_medoids_do_not_depend_on_the_unit_of_weights(size):
    X = _groups()
    one = KMedoids(3, random_state=0).fit(X)
    two = KMedoids(3, random_state=0).fit(X, sample_weight=np.full(len(X), size))
    assert one.certified_
    assert two.certified_
    assert_allclose(two.inertia_ / size, one.inertia_, rtol=1e-12)
    assert_allclose(two.lower_bound_ / size, one.lower_bound_, rtol=1e-5)


def test_noise_labels_are_doubted():
    X = _groups()
    labels = np.repeat([-1, 0, 1], 30)
    with pytest.warns(UserWarning, match="-1 for 30 samples"):
        certify_kmeans(X, labels, bound="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certify_kmeans(X, np.where(labels < 0, -1, 1), bound="none")
