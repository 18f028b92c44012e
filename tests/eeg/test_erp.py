"""Covariances for event-related potentials, against pyriemann and simulations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pyriemann.estimation import ERPCovariances
from pyriemann.spatialfilters import Xdawn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skgeo.eeg import AugmentedCovarianceClassifier, ERPAugmentedCovariances, TangentMap


def oddball(n=160, c=6, seed=0):
    """Trials of a quarter targets, whose response has a jitter of its own."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 4 == 0
    noise = rng.standard_normal((n, c, 130))
    X = np.cumsum(noise, axis=2)
    X -= X.mean(2, keepdims=True)
    X /= X.std()
    X = rng.standard_normal((c, c)) @ X
    shape = np.hanning(40)
    topography = rng.standard_normal(c)
    for i in np.flatnonzero(y):
        at = 45 + rng.integers(-4, 5)
        X[i, :, at : at + 40] += 1.5 * np.outer(topography, shape)
    return X, y.astype(int)


def pipeline(**params):
    return make_pipeline(
        ERPAugmentedCovariances(**params),
        TangentMap(),
        LogisticRegression(max_iter=9999, tol=1e-8),
    )


def test_prototypes_are_those_of_pyriemann():
    X, y = oddball()
    ours = ERPAugmentedCovariances(None, shrinkage=None).fit_transform(X, y)
    theirs = ERPCovariances(estimator="scm").fit(X, y).transform(X)
    Z = X - X.mean(2, keepdims=True)
    P = np.concatenate([Z[y == k].mean(0) for k in (0, 1)])
    for i in (0, 5):
        both = np.concatenate([P, Z[i]])
        assert_allclose(ours[i], both @ both.T / 130, rtol=1e-9, atol=1e-12)
    assert ours.shape == theirs.shape


def test_filters_are_those_of_xdawn():
    X, y = oddball()
    X = X - X.mean(2, keepdims=True)
    ours = ERPAugmentedCovariances(2).fit(X, y)
    theirs = Xdawn(nfilter=2, estimator="scm").fit(X, y)
    for mine, other in zip(ours.filters_, theirs.filters_, strict=True):
        cosine = mine @ other / np.linalg.norm(mine) / np.linalg.norm(other)
        assert abs(cosine) > 0.999
    S = ours.filters_ @ X
    assert_allclose(S.var(axis=(0, 2)), 1.0, rtol=0.05)
    # A pattern is what the channels show along the filtered signal.
    flat, row = X.transpose(1, 0, 2).reshape(6, -1), S[:, 0].ravel()
    assert_allclose(ours.patterns_[0], flat @ row / (row @ row), rtol=0.1, atol=0.02)


def test_responses_are_seen_where_covariances_are_blind():
    X, y = oddball(240)
    plain = AugmentedCovarianceClassifier(orders=(1, 2, 4), lags=(4,))
    ours, plain = (
        cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean()
        for model in (pipeline(), plain)
    )
    assert ours > 0.8
    assert ours > plain + 0.1


def test_delays_see_induced_oscillations():
    rng = np.random.default_rng(0)
    y = np.arange(160) % 2
    X = rng.standard_normal((160, 4, 128))
    t = np.arange(128) / 128.0
    phase = rng.uniform(0, 2 * np.pi, (160, 1))
    frequency = np.where(y == 1, 6.0, 11.0)[:, None]
    X[:, 0] += 1.2 * np.sin(2 * np.pi * frequency * t + phase)
    scores = [
        cross_val_score(pipeline(**p), X, y, cv=4, scoring="roc_auc").mean()
        for p in ({}, {"order": 2, "sfreq": 128.0})
    ]
    assert scores[1] > scores[0] + 0.1


@pytest.mark.parametrize("n_filters", [None, 3])
def test_units_of_channels_do_not_matter(n_filters):
    X, y = oddball()
    gains = np.array([1e-6, 1, 1, 30, 1e-6, 1])[:, None]
    params = {"n_filters": n_filters}
    if n_filters is None:
        params["shrinkage"] = "diagonal"
    plain = pipeline(**params).fit(X, y).decision_function(X)
    with pytest.warns(UserWarning, match="unlike units"):
        scaled = pipeline(**params).fit(gains * X, y).decision_function(gains * X)
    assert_allclose(scaled, plain, atol=1e-4)


def test_what_is_refused():
    X, y = oddball(20)
    model = ERPAugmentedCovariances(2).fit(X, y)
    with pytest.raises(ValueError, match="Cut all trials alike"):
        model.transform(X[:, :, :100])
    with pytest.raises(ValueError, match="Give sfreq"):
        ERPAugmentedCovariances(order=2).fit(X, y)
    with pytest.raises(ValueError, match="zero for every trial of a class"):
        ERPAugmentedCovariances().fit(X, y, sample_weight=1.0 - y)
    X[3] = 1.0
    with pytest.raises(ValueError, match="index 3"):
        ERPAugmentedCovariances().fit_transform(X, y)


def test_oddball_of_dry_electrodes(recordings):
    from skgeo.eeg import filter_bank

    with np.load(recordings / "muse_p300/p300.npz") as file:
        kept = file["subject"] == 1
        X = (file["X"] * file["uv_per_unit"])[kept]
        y = (file["y"][kept] == "Target").astype(int)
        runs = file["session"][kept] * 100 + file["run"][kept]
    cut = slice(51, 256)
    clean = np.abs(X - X.mean(2, keepdims=True))[:, :, cut].max((1, 2)) < 100
    X = filter_bank(X, 256.0, (1.0, 20.0), bands=None)[clean][:, :, cut, 0]
    y, runs = y[clean], runs[clean]
    scores = []
    for train, test in GroupKFold(5).split(X, y, runs):
        model = pipeline().fit(X[train], y[train])
        scores.append(roc_auc_score(y[test], model.decision_function(X[test])))
    assert np.mean(scores) > 0.69
