"""Pseudo-online decoding: chunking, windows, scores."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    StreamDecoder,
    information_transfer_rate,
    label_windows,
    normalized_mcc,
)
from skgeo.testing import make_trials


@pytest.fixture(scope="module")
def fitted():
    X, y = make_trials(40, 3, 200)
    return AugmentedCovarianceClassifier(2, 1, selection=None).fit(X, y)


@pytest.mark.parametrize("band", [None, (4.0, 30.0)])
@pytest.mark.parametrize("smoothing", [1, 3])
def test_decisions_do_not_depend_on_the_chunks(fitted, band, smoothing):
    signal = np.random.default_rng(0).standard_normal((3, 900))
    options = {"window": 2.0, "step": 0.3, "band": band, "smoothing": smoothing}
    whole = StreamDecoder(fitted, 100, **options)
    expected = whole.push(signal)
    assert [d.time for d in expected] == pytest.approx(np.arange(2.0, 9.01, 0.3))
    for sizes in ([1] * 900, [450, 0, 450], [7, 333, 60, 500]):
        decoder = StreamDecoder(fitted, 100, **options)
        edges = np.cumsum([0, *sizes])
        found = []
        for a, b in pairwise(edges):
            found += decoder.push(signal[:, a:b])
        assert [d.time for d in found] == [d.time for d in expected]
        assert [d.label for d in found] == [d.label for d in expected]
        probas = np.array([d.proba for d in found])
        assert_allclose(probas, [d.proba for d in expected], atol=1e-7)
        assert all(d.latency > 0 for d in found)
    filtered = whole.filter(signal)
    first = fitted.predict(filtered[None, :, :200])
    assert expected[0].label == first[0]
    if smoothing == 3:
        each = fitted.predict_proba(
            np.stack([filtered[:, 30 * i : 30 * i + 200] for i in (2, 3, 4)])
        )
        assert_allclose(expected[4].proba, each.mean(0), atol=1e-7)
    whole.reset()
    again = whole.push(signal)
    assert [d.time for d in again] == [d.time for d in expected]


def test_steps_longer_than_windows(fitted):
    signal = np.random.default_rng(0).standard_normal((3, 1000))
    expected = StreamDecoder(fitted, 100, window=1.0, step=2.5, band=None).push(signal)
    decoder = StreamDecoder(fitted, 100, window=1.0, step=2.5, band=None)
    found = [d for a in range(0, 1000, 50) for d in decoder.push(signal[:, a : a + 50])]
    assert [d.time for d in found] == [1.0, 3.5, 6.0, 8.5]
    assert [d.label for d in found] == [d.label for d in expected]


def test_decoder_refuses(fitted):
    bare = AugmentedCovarianceClassifier(2, 1, probability=False, selection=None)
    with pytest.raises(ValueError, match="not fitted"):
        StreamDecoder(bare, 100)
    bare.fit(*make_trials())
    with pytest.raises(ValueError, match="smoothing averages"):
        StreamDecoder(bare, 100, smoothing=3)
    decision = StreamDecoder(bare, 100, window=1.0, band=None).push(np.eye(3, 100) + 1)
    assert decision[0].proba is None
    for name, value in (("window", 0.0), ("step", -1.0), ("sfreq", np.nan)):
        with pytest.raises(ValueError, match=name):
            StreamDecoder(fitted, **{"sfreq": 100, name: value})
    with pytest.raises(ValueError, match="band"):
        StreamDecoder(fitted, 100, band=(8, 60))
    with pytest.raises(ValueError, match="smoothing"):
        StreamDecoder(fitted, 100, smoothing=0)
    with pytest.raises(ValueError, match=r"\(3, n_times\)"):
        StreamDecoder(fitted, 100).push(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="NaN"):
        StreamDecoder(fitted, 100).push(np.full((3, 5), np.nan))


def test_label_windows():
    signal = np.arange(100.0)[None]
    X, y, ambiguous, ends = label_windows(
        signal,
        [2.0, 6.0],
        [3.0, 2.0],
        ["left", "right"],
        sfreq=10,
        window=1.0,
        step=0.5,
    )
    assert_array_equal(ends, np.arange(1.0, 10.01, 0.5))
    assert_array_equal(X[:, 0, -1], np.arange(9.0, 100.0, 5))
    expected = ["idle"] * 19
    for i, end in enumerate(ends):
        if 2.5 <= end <= 5.5:
            expected[i] = "left"
        if 6.5 <= end <= 8.5:
            expected[i] = "right"
    assert y.tolist() == expected
    assert ends[ambiguous].tolist() == [2.5, 5.5, 6.5, 8.5]
    assert X.shape == (19, 1, 10)
    nothing = label_windows(signal, [], [], [], sfreq=10)
    assert set(nothing[1]) == {"idle"}
    with pytest.raises(ValueError, match="one entry per task"):
        label_windows(signal, [1.0], [1.0, 2.0], ["left"], sfreq=10)
    with pytest.raises(ValueError, match="do not allow"):
        label_windows(signal, [1.0], [1.0], ["left"], sfreq=10, window=11)


def test_scores():
    y = np.array([0, 0, 1, 1, 2, 2])
    assert normalized_mcc(y, y) == 1.0
    assert normalized_mcc(y, np.zeros(6)) == 0.5
    assert information_transfer_rate(1.0, 4, 2.0) == pytest.approx(60.0)
    assert information_transfer_rate(0.25, 4, 2.0) == 0.0
    # Wolpaw 1998: 90 % of four classes are 1.37 bits.
    assert information_transfer_rate(0.9, 4, 60.0) == pytest.approx(1.372, abs=1e-3)
    for bad in ((1.2, 2, 1.0), (0.5, 1, 1.0), (0.5, 2, 0.0)):
        with pytest.raises(ValueError, match=r"accuracy|n_classes|seconds"):
            information_transfer_rate(*bad)


def stream_with_drop_out():
    X, y = make_trials(60, 3, 200)
    model = AugmentedCovarianceClassifier().fit(X, y)
    return model, np.concatenate(list(X[:8]), axis=1)


@pytest.mark.parametrize("value", [0.0, 17.3])
@pytest.mark.parametrize("size", [50, 200, 1600])
def test_drop_outs_do_not_end_the_session(value, size):
    model, signal = stream_with_drop_out()
    signal[:, 600:900] = value
    options = {"window": 2.0, "step": 1.0, "band": None}
    decoder = StreamDecoder(model, 100, **options)
    found = [
        d for a in range(0, 1600, size) for d in decoder.push(signal[:, a : a + size])
    ]
    assert [d.time for d in found] == list(np.arange(2.0, 16.5))
    assert [d.time for d in found if d.label is None] == [8.0, 9.0]
    assert {d.reason for d in found if d.label is None} == {"no signal"}
    for d in found:
        if d.label is not None:
            window = signal[None, :, int(d.time * 100) - 200 : int(d.time * 100)]
            assert d.label == model.predict(window)[0]


def test_long_silence_with_a_filter():
    model, signal = stream_with_drop_out()
    decoder = StreamDecoder(model, 100, window=2.0, step=1.0, band=(8.0, 30.0))
    decoder.push(signal)
    silent = [d for _ in range(60) for d in decoder.push(np.zeros((3, 100)))]
    assert [d.label for d in silent[2:]] == [None] * 58
    back = decoder.push(signal)
    fresh = StreamDecoder(model, 100, window=2.0, step=1.0, band=(8.0, 30.0))
    expected = fresh.push(signal)
    assert [d.label for d in back[3:]] == [d.label for d in expected[2:]]


def test_a_window_that_fails_is_said_and_the_rest_goes_on():
    model, signal = stream_with_drop_out()

    class Moody(BaseEstimator):
        classes_ = model.classes_
        n_channels_in_ = 3
        calls = 0

        def predict(self, X):
            self.calls += 1
            if self.calls == 3:
                raise ValueError("not in the mood")
            return model.predict(X)

        def fit(self, X, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

    moody = Moody()
    decoder = StreamDecoder(moody, 100, window=2.0, step=1.0, band=None)
    with pytest.warns(UserWarning, match=r"ends at 4\.000 s .* not in the mood"):
        decisions = decoder.push(signal)
    assert moody.calls == len(decisions) == 15
    assert decisions[2].label is None
    assert decisions[2].reason == "not in the mood"
    assert decisions[3].label == model.predict(signal[None, :, 300:500])[0]


def test_a_refused_chunk_changes_nothing():
    model, signal = stream_with_drop_out()
    decoder = StreamDecoder(model, 100, window=2.0, step=0.5)
    expected = StreamDecoder(model, 100, window=2.0, step=0.5).push(signal)
    found = decoder.push(signal[:, :730])
    bad = signal[:, 730:].copy()
    bad[1, 5] = np.nan
    with pytest.raises(ValueError, match="nothing of it was taken"):
        decoder.push(bad)
    found += decoder.push(signal[:, 730:])
    assert [d.time for d in found] == [d.time for d in expected]
    assert_allclose([d.proba for d in found], [d.proba for d in expected])


def test_steps_that_are_no_whole_number_of_samples():
    model, _ = stream_with_drop_out()
    signal = np.random.default_rng(0).standard_normal((3, 128 * 30))
    decoder = StreamDecoder(model, 128, window=2.0, step=0.3, band=None)
    times = np.array([d.time for d in decoder.push(signal)])
    assert_allclose(times, 2.0 + 0.3 * np.arange(len(times)), atol=0.5 / 128)
    _, _, _, ends = label_windows(signal, [], [], [], sfreq=128, step=0.3)
    assert_array_equal(ends, times)


def test_filtering_needs_no_classifier():
    model, signal = stream_with_drop_out()
    bare = StreamDecoder(None, 100)
    assert_array_equal(bare.filter(signal), StreamDecoder(model, 100).filter(signal))
    with pytest.raises(ValueError, match="only filters"):
        bare.push(signal)
    assert (
        repr(bare)
        == "StreamDecoder(None, sfreq=100, window=2, step=0.25, band=(8, 32))"
    )


def test_the_classifier_is_asked_once_per_window():
    model, signal = stream_with_drop_out()
    calls = []

    class Counting(AugmentedCovarianceClassifier):
        def _outputs(self, X):
            calls.append(len(X))
            return super()._outputs(X)

    counting = Counting()
    vars(counting).update(vars(model))
    decisions = StreamDecoder(counting, 100, step=1.0, band=None).push(signal)
    assert len(calls) == len(decisions)
    assert [d.label for d in decisions] == [
        model.classes_[d.proba.argmax()] for d in decisions
    ]


@pytest.mark.parametrize(
    "labels", [[1, 2], ["left", "right"], [1.0, 2.5], [True, False]]
)
def test_labels_keep_their_types(labels):
    signal = np.arange(100.0)[None]
    y = label_windows(
        signal, [2.0, 6.0], [3.0, 2.0], labels, sfreq=10, window=1.0, step=0.5
    )[1]
    kinds = {type(np.asarray(v).item()) for v in y}
    assert kinds == {type(labels[0]), str}
    assert set(y.tolist()) == {*labels, "idle"}
    if isinstance(labels[0], int) and not isinstance(labels[0], bool):
        numbers = label_windows(signal, [2.0], [3.0], [1], sfreq=10, idle=-1)[1]
        assert numbers.dtype.kind == "i"
