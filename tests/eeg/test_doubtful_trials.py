"""Trials that can be classified, but hardly as they are meant: fit warns."""

import contextlib
import warnings

import numpy as np
import pytest

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    ChannelSelector,
    ERPAugmentedCovariances,
    RecenteredCovarianceClassifier,
    StreamDecoder,
    TrialRejector,
    filter_bank,
    label_windows,
)
from skgeo.testing import make_trials

MODELS = [
    AugmentedCovarianceClassifier(orders=(1, 2), lags=(2,)),
    AugmentedCovarianceClassifier(2, 1, selection=None, method="mdm"),
    AugmentedCovarianceClassifierCV((1, 2), (2,), cv=2),
    RecenteredCovarianceClassifier(orders=(1,), lags=(1,)),
    ERPAugmentedCovariances(),
    ChannelSelector(2),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


def trials():
    X, y = make_trials(40, 3, 120)
    return 1e-5 * X, np.random.default_rng(0).permutation(y)


@each_model
@pytest.mark.parametrize("share", [1, 14])
@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_trials_in_another_unit_than_the_others(model, share, factor):
    """One artifact, or the trials of a recording in microvolts."""
    X, y = trials()
    X[3 : 3 + share] *= factor
    shown = "3" if share == 1 else "3, 4, 5, 6, 7, ..."
    with pytest.warns(UserWarning, match=rf"{share} of 40 trials \(indices {shown}\)"):
        model.fit(X, y)


@each_model
def test_axes_that_look_swapped(model):
    X, y = trials()
    with (
        pytest.warns(UserWarning, match=r"12 channels of 3 times each .*transpose"),
        contextlib.suppress(ValueError),  # too short for the embedding
    ):
        model.fit(X[:, :, :12].transpose(0, 2, 1), y)


@each_model
def test_plain_trials_are_not_warned_of(model):
    X, y = trials()
    X[5, 1] = 0.0  # a dead channel in one trial
    X[7] *= 30.0  # movement
    X[:, 2] *= 10.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


def test_domains_may_differ_in_their_units():
    X, y = trials()
    subjects = np.arange(40) // 10
    X[subjects == 3] *= 1e6
    model = RecenteredCovarianceClassifier(orders=(1,), lags=(1,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y, subjects=subjects)
    X[5] *= 1e6
    with pytest.warns(UserWarning, match=r"1 of 40 trials \(indices 5\)"):
        model.fit(X, y, subjects=subjects)


def test_domains_of_one_class():
    """Recentering takes away the classes where each domain holds one."""
    X, y = make_trials(40, 3, 120)
    model = RecenteredCovarianceClassifier(orders=(1,), lags=(1,))
    names = np.where(y == y[0], "first", "second")
    with pytest.warns(UserWarning, match=r"2 of 2 domains .*one class only \(first"):
        model.fit(X, y, subjects=names)
    mixed = np.where(np.arange(40) < 10, names, "both")
    with pytest.warns(UserWarning, match=r"2 of 3 domains .*\(first, second\)"):
        model.fit(X, y, subjects=mixed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y, subjects=np.arange(40) // 20)


@pytest.mark.parametrize(
    "params",
    [
        {"sfreq": 100.0, "lags": (4,)},  # samples
        {"sfreq": 100.0, "lags": (16, 32, 50)},  # milliseconds
        {"sfreq": 1e5},  # a rate in another unit
        {"lags": (100,)},
    ],
)
def test_delays_longer_than_the_trials(params):
    X, y = trials()
    model = AugmentedCovarianceClassifier(**params)
    with pytest.warns(UserWarning, match="Plain covariances are all that is left"):
        model.fit(X, y)
    assert [order for order, _ in model.embeddings_] == [1]
    model.set_params(orders=(1000,), lags="auto")
    with pytest.raises(ValueError, match="No embedding is left: every delay"):
        model.fit(X, y)


def test_bands_that_trials_cannot_resolve():
    X, y = trials()
    cycles = {"sfreq": 100.0, "band": (0.08, 0.3)}  # per sample, not in Hz
    for call in (
        lambda: AugmentedCovarianceClassifier(**cycles, orders=(1,)).fit(X, y),
        lambda: filter_bank(X, **cycles),
        lambda: TrialRejector(bands=[cycles["band"]], sfreq=100.0).fit(X),
    ):
        with pytest.warns(UserWarning, match=r"narrower than trials of 1.2 s resolve"):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filter_bank(X[:, :, :50], 100.0, (8.0, 32.0), frequencies=(12.0,))


@pytest.mark.parametrize("chunk", ["abc", [[1.0], [1.0, 2.0], [3.0]], [None] * 3])
def test_chunks_that_are_no_arrays(chunk):
    X, y = trials()
    model = AugmentedCovarianceClassifier(1, 1, selection=None).fit(X, y)
    decoder = StreamDecoder(model, sfreq=100.0, window=1.0, step=0.5, band=None)
    with pytest.raises(ValueError, match=r"A chunk must"):
        decoder.push(chunk)
    assert decoder.push(X[0][:, :100])


def test_tasks_without_a_length_or_outside_the_signal():
    signal = np.random.default_rng(0).standard_normal((2, 1000))
    common = {"sfreq": 100.0, "window": 1.0, "step": 0.5}
    with pytest.raises(ValueError, match="durations are seconds > 0; got 0"):
        label_windows(signal, [1.0, 5.0], [2.0, 0.0], ["a", "b"], **common)
    with pytest.warns(UserWarning, match="1 of 2 tasks lie outside the 10 s"):
        label_windows(signal, [1.0, 500.0], [2.0, 2.0], ["a", "b"], **common)
    signal[1, 3] = np.nan
    with pytest.raises(ValueError, match="signal contains NaN"):
        label_windows(signal, [1.0], [2.0], ["a"], **common)
