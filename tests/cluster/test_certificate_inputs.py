"""What a certificate is given: weights, missing labels, extremes, mistakes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans

from skgeo.cluster import (
    ExactKMeans,
    KMeansCertificate,
    KMedoids,
    LikelihoodAdjustedSDP,
    SDPKMeans,
    certify_kmeans,
    certify_kmedoids,
)
from skgeo.datasets import make_gaussian_clusters

_NANOSECONDS = 1_700_000_000_000_000_000 + np.array(
    [0, 100, 120, 200, 1000, 1010, 1020, 1030]
)


def test_degenerate_input():
    X = np.repeat(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 20, axis=0)
    y = np.repeat([5, 7, 9], 20)
    assert certify_kmeans(X, y).certified_
    assert certify_kmeans(np.ones((5, 2)), np.zeros(5)).certified_
    assert certify_kmeans(X[::20], ["a", "b", "c"]).certified_
    single = certify_kmeans(X + np.arange(60)[:, None], np.r_[0, np.ones(59)])
    assert single.lower_bound_ <= single.inertia_


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": np.zeros(3)}, "inconsistent numbers of samples"),
        ({"labels": np.zeros((6, 1))}, "labels must be 1-D"),
        ({"n_clusters": 1}, "more than"),
        ({"n_clusters": 7}, "more than the 6 samples"),
        ({"bound": "best"}, "'bound' must be"),
        ({"confidence": 1.0}, "'confidence' must be"),
        ({"bound": "subsample", "subsample_size": 2}, "subsample_size"),
    ],
)
def test_bad_arguments(arguments, words):
    X = np.arange(12.0).reshape(6, 2)
    call = {"labels": np.array([0, 0, 0, 1, 1, 1])} | arguments
    with pytest.raises(ValueError, match=words):
        certify_kmeans(X, **call)


def test_weights_equal_repeated_points():
    X, y = make_gaussian_clusters(60, 3, 3, separation=5, random_state=3)
    times = np.random.default_rng(0).integers(1, 4, size=60)
    for bound in ("none", "closed", "auto"):
        options = {"bound": bound, "effort": "thorough", "random_state": 0}
        weighted = certify_kmeans(X, y, sample_weight=times, **options)
        repeated = certify_kmeans(
            np.repeat(X, times, axis=0), np.repeat(y, times), **options
        )
        assert weighted.verdict_ == repeated.verdict_
        assert_allclose(weighted.inertia_, repeated.inertia_, rtol=1e-12)
        assert_allclose(weighted.t_max_, repeated.t_max_, rtol=1e-10)
        # Cells are drawn; the bounds of the closed forms are the same number.
        rtol = 0.05 if bound == "auto" else 1e-8
        assert_allclose(weighted.lower_bound_, repeated.lower_bound_, rtol=rtol)
    far, y = make_gaussian_clusters(60, 3, 3, separation=9, random_state=3)
    assert certify_kmeans(far, y, sample_weight=times).certified_


def test_samples_of_weight_zero_are_left_out():
    X, y = make_gaussian_clusters(60, 3, 3, separation=9, random_state=3)
    weight = np.ones(60)
    weight[:4] = 0
    got = certify_kmeans(X, y, sample_weight=weight)
    want = certify_kmeans(X[4:], y[4:])
    assert got.inertia_ == want.inertia_
    assert got.verdict_ == want.verdict_


def test_a_weighted_clusterer_is_not_judged_as_if_unweighted():
    rng = np.random.default_rng(0)
    places = [(0, 20), (8, 20), (9.5, 20)]
    X = np.concatenate([rng.normal(c, 0.3, (n, 1)) for c, n in places])
    weight = np.r_[np.full(20, 1e-4), np.ones(40)]
    kmeans = KMeans(2, n_init=20, random_state=0).fit(X, sample_weight=weight)
    with pytest.raises(ValueError, match="sample_weight"):
        KMeansCertificate.from_estimator(kmeans, X)
    found = KMeansCertificate.from_estimator(kmeans, X, sample_weight=weight)
    assert found.certified_
    assert_allclose(found.inertia_, kmeans.inertia_)


@pytest.mark.parametrize(
    "labels", [[0, 0, np.nan, 1, 1, 1], ["a", "a", None, "b", "b", "b"]]
)
def test_missing_labels_get_no_verdict(labels):
    labels = np.array(labels, dtype=object if None in labels else float)
    with pytest.raises(ValueError, match="missing values"):
        certify_kmeans(np.arange(12.0).reshape(6, 2), labels)


@pytest.mark.parametrize("scale", [1e160, 1e200, 1e-200])
def test_squares_that_are_no_numbers_are_refused(scale):
    X, y = make_gaussian_clusters(30, 2, 3, separation=9, random_state=0)
    with pytest.raises(ValueError, match="Squared distances"):
        certify_kmeans(X * scale, y)


@pytest.mark.parametrize(
    "values",
    [
        _NANOSECONDS,
        _NANOSECONDS.astype(np.uint64),
        _NANOSECONDS.astype(object) + 10**25,
        _NANOSECONDS.tolist(),
    ],
    ids=["int64", "uint64", "object", "list"],
)
def test_integers_that_float64_rounds_get_no_verdict(values):
    X = np.asarray(values)[:, None]
    X = X.tolist() if isinstance(values, list) else X
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    D = np.abs(np.asarray(X, dtype=object) - np.asarray(X, dtype=object).T) * 10**17 + 1
    with pytest.raises(ValueError, match="more digits than float64"):
        certify_kmeans(X, labels)
    for model in (SDPKMeans(2), ExactKMeans(2), KMedoids(2), LikelihoodAdjustedSDP(2)):
        with pytest.raises(ValueError, match="more digits than float64"):
            model.fit(X)
    with pytest.raises(ValueError, match=r"D holds .* more digits than float64"):
        certify_kmedoids(D, [0, 4])
    offset = np.asarray(X, dtype=object) - X[0][0]
    assert certify_kmeans(offset.astype(float), labels).certified_


def test_exact_large_integers_are_taken():
    X = (np.array([0, 1, 2, 50, 51, 52]) * 2**50)[:, None]
    assert certify_kmeans(X, [0, 0, 0, 1, 1, 1]).certified_


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["2020-01-01", "NaT", "2020-01-02", "2020-01-02"], dtype="M8[D]"),
        np.ma.masked_array([0, 0, 1, 1], mask=[False, True, False, False]),
    ],
    ids=["NaT", "masked"],
)
def test_other_missing_labels_get_no_verdict(labels):
    with pytest.raises(ValueError, match="the first for sample 1"):
        certify_kmeans(np.arange(4.0)[:, None], labels)
