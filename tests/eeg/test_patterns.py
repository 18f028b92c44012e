"""Patterns of a classifier on sources whose patterns are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skgeo.eeg import AugmentedCovarianceClassifier, plot_patterns

SFREQ = 128.0


def sources(n=200, c=6, frequency=11.0, seed=0):
    """Trials of mixed noise with a rhythm whose power tells the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    t = np.arange(384) / SFREQ
    topography = np.array([1.0, 0.5, 0.0, 0.0, -0.5, 0.0])[:c]
    rhythm = np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.3, (n, 1)))
    rhythm *= (1.0 + y + 0.3 * rng.standard_normal(n))[:, None]
    mixing = np.eye(c) + 0.3 * rng.standard_normal((c, c))
    noise = mixing @ rng.standard_normal((n, c, 384))
    return noise + topography[:, None] * rhythm[:, None], y, topography


@pytest.mark.parametrize("method", ["tangent-svm", "tangent-lr"])
@pytest.mark.parametrize("order", [1, 3])
def test_patterns_are_those_of_the_sources(method, order):
    X, y, topography = sources()
    model = AugmentedCovarianceClassifier(
        order, 3, selection=None, method=method, C=0.1
    ).fit(X, y)
    (pattern,) = model.patterns_
    assert pattern.covariance.shape == (2, order, 6, 6)
    # A sine keeps its topography, and turns by its phase between the delays.
    turn = np.cos(2 * np.pi * 11 * 3 * np.arange(order) / SFREQ)
    expected = turn[:, None, None] * np.outer(topography, topography)
    found = pattern.covariance[1]
    cosine = (found * expected).sum()
    assert cosine > 0.9 * np.linalg.norm(found) * np.linalg.norm(expected)
    assert_allclose(pattern.covariance[0], -found, rtol=1e-6, atol=1e-12)
    importance = model.channel_importance_
    assert_allclose(importance.sum(), 1.0)
    assert importance.argmax() == 0
    assert importance[[0, 1, 4]].sum() > 0.75


def test_weights_are_no_patterns():
    # Noise in channel 2 is shared with channel 0: the machine subtracts it.
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    signal = rng.standard_normal((300, 1, 200)) * (1 + 0.4 * y)[:, None, None]
    noise = 2.0 * rng.standard_normal((300, 1, 200))
    noise *= np.exp(0.4 * rng.standard_normal((300, 1, 1)))
    X = np.concatenate(
        [signal + noise, noise + 0.1 * rng.standard_normal((300, 1, 200))], 1
    )
    model = AugmentedCovarianceClassifier(1, 1, selection=None, C=0.01).fit(X, y)
    power = model.patterns_[0].power[1]
    assert power[0] > 4 * abs(power[1])


def test_the_band_of_the_rhythm_is_found():
    X, y, _ = sources()
    model = AugmentedCovarianceClassifier(sfreq=SFREQ, band=(4.0, 40.0), C=0.1)
    model.fit(X, y)
    powers = {}
    for p in model.patterns_:
        if p.name == "bands" and p.order == 1:
            powers[p.band] = p.power[1, 0]
    best = max(powers, key=powers.get)
    assert best[0] < 11.0 < best[1]
    assert model.channel_importance_.argmax() == 0


def test_three_classes_have_a_pattern_each():
    X, y, _ = sources(150)
    y = np.arange(150) % 3
    X = np.random.default_rng(0).standard_normal((150, 3, 200))
    X[np.arange(150), y] *= 1.7
    model = AugmentedCovarianceClassifier(C=0.1).fit(X, y)
    power = sum(p.share * p.power for p in model.patterns_)
    assert (power.argmax(1) == [0, 1, 2]).all()


def test_who_has_no_patterns():
    X, y, _ = sources(40)
    for params in (
        {"kernel": "rbf"},
        {"selection": None, "method": "mdm"},
        {"metric": "block-toeplitz"},
    ):
        model = AugmentedCovarianceClassifier(**params).fit(X, y)
        assert not hasattr(model, "patterns_")
    with pytest.raises(Exception, match="not fitted"):
        _ = clone(model).patterns_


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y, _ = sources(60)
    model = AugmentedCovarianceClassifier(sfreq=SFREQ, band=(4.0, 40.0)).fit(X, y)
    bars = plot_patterns(model, channel_names=list("abcdef"), max_bands=3)
    assert [t.get_text() for t in bars.axes[0].get_yticklabels()] == list("abcdef")
    assert len(bars.axes) == 3
    angles = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    positions = 0.08 * np.column_stack([np.cos(angles), np.sin(angles)])
    positions[3] = 0.0  # MNE refuses electrodes on one circle
    pytest.importorskip("mne", reason="extra eeg")
    topographies = plot_patterns(model, positions, max_bands=2)
    assert len(topographies.axes) == 3
    assert topographies.axes[-1].get_ylabel() == "relative change of power"
    with pytest.raises(ValueError, match=r"\(6, 2\)"):
        plot_patterns(model, positions[:3])
    with pytest.raises(ValueError, match="2 names for 6"):
        plot_patterns(model, channel_names=["a", "b"])
    matplotlib.pyplot.close("all")
