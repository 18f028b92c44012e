"""What is predicted must be what was learned: unit, filters, rate, channels."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    ERPAugmentedCovariances,
    RecenteredCovarianceClassifier,
    StreamDecoder,
    TangentMap,
    TrialRejector,
    filter_bank,
)
from skgeo.eeg._solvers.filters import bandpass
from skgeo.testing import make_trials

FILTERS = {"sfreq": 100.0, "band": (4.0, 40.0)}


@pytest.mark.parametrize(
    "model",
    [
        AugmentedCovarianceClassifier(),
        AugmentedCovarianceClassifier(**FILTERS),
        AugmentedCovarianceClassifier(2, 1, selection=None, method="mdm"),
        AugmentedCovarianceClassifierCV((1, 2), (1,), cv=2),
        RecenteredCovarianceClassifier(2, 1, selection=None),
        make_pipeline(AugmentedCovariances(2, 1), TangentMap(), LogisticRegression()),
        make_pipeline(ERPAugmentedCovariances(2), TangentMap(), LogisticRegression()),
    ],
    ids=lambda m: type(getattr(m, "steps", [(0, m)])[0][1]).__name__,
)
@pytest.mark.parametrize("factor", [1e-6, 1e3, 1e6])
def test_another_unit_than_in_fit_is_told(model, factor):
    X, y = make_trials(40, 3)
    model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.predict(30.0 * X[:5])  # another person, another electrode
    assert len(expected) == 5
    with pytest.warns(UserWarning, match="bring both to one unit"):
        model.predict(factor * X)
    if isinstance(model, AugmentedCovarianceClassifier):
        one = X.copy()
        one[:, 1] *= factor
        with pytest.warns(
            UserWarning, match=r"times that of fit.*: 1 \((larger|smaller)\)"
        ):
            model.predict(one)


@pytest.mark.parametrize(("bands", "factor"), [(2, 1e-6), (None, 1e3)])
def test_another_unit_in_one_filter_of_a_bank_is_told(bands, factor):
    X, y = make_trials(24, 3, 200)
    bank = filter_bank(X, **FILTERS, bands=2)
    params = {"orders": (1, 2), "lags": (2,)}
    if bands is not None:
        params |= {**FILTERS, "bands": bands, "lags": (0.02,)}
    for Model in (AugmentedCovarianceClassifier, RecenteredCovarianceClassifier):
        model = Model(**params).fit(bank, y)
        for q in range(bank.shape[3]):
            one = bank[:8].copy()
            one[:, 2, :, q] *= factor
            size = "larger" if factor > 1 else "smaller"
            with pytest.warns(UserWarning, match=rf"X\[..., {q}\].*: 2 \({size}\)"):
                model.predict(one)
        with pytest.warns(UserWarning, match=r"^X has channels .*: 0 \(") as told:
            model.predict(factor * bank)  # all alike: one warning, not one a filter
        assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_target(factor * bank).predict(factor * bank)
        for _ in range(12):
            model.partial_fit(bank)
        model.predict(bank)


def test_a_recentered_target_may_have_any_unit():
    X, y = make_trials(60, 3)
    model = RecenteredCovarianceClassifier(2, 1, selection=None)
    model.fit(X[:40], y[:40], X_target_unlabeled=1e-6 * X[40:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.score(1e-6 * X[40:], y[40:]) == 1.0
        assert model.set_target(1e6 * X[40:]).score(1e6 * X[40:], y[40:]) == 1.0
    with pytest.warns(UserWarning, match="bring both to one unit"):
        model.predict(X)
    for _ in range(12):  # the mean follows the stream, and what is expected with it
        model.partial_fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_filters_in_another_order_are_refused():
    X, y = make_trials(30, 3, 200)
    bank = filter_bank(X, **FILTERS)
    n = bank.shape[3]
    swapped = np.arange(n)
    swapped[[0, 3]] = [3, 0]
    orders = [np.arange(n)[::-1], np.roll(np.arange(n), 1), swapped]
    for params in (FILTERS, {}):  # bands that are known, and bands that are not
        model = AugmentedCovarianceClassifier(**params).fit(bank, y)
        assert_array_equal(model.predict(bank[:1]), model.predict(bank)[:1])
        for order in orders:
            with pytest.raises(ValueError, match="another order than in fit"):
                model.predict(bank[..., order])
        other = filter_bank(X, 100.0, (20.0, 45.0), bands=n - 1)
        with pytest.warns(UserWarning, match="other frequencies than in fit"):
            model.predict(other)
    model = AugmentedCovarianceClassifier(**FILTERS)
    with pytest.raises(ValueError, match=r"Filter 1 of X should be the band"):
        model.fit(filter_bank(X, 100.0, (20.0, 45.0), bands=n - 1), y)
    with pytest.raises(ValueError, match=r"Filter \d of X should be the band"):
        model.fit(bank[..., ::-1], y)
    with pytest.warns(UserWarning, match="first filter of X should be the whole pass"):
        AugmentedCovarianceClassifier().fit(bank[..., 1:], y)
    target = RecenteredCovarianceClassifier(**FILTERS)
    with pytest.raises(ValueError, match="another order than in fit"):
        target.fit(bank, y, X_target_unlabeled=bank[..., ::-1])
    with pytest.raises(ValueError, match="filter alike"):
        target.fit(bank, y, X_target_unlabeled=bank[..., :3])
    target.fit(bank, y)
    for change in (target.set_target, target.partial_fit, target.predict_target):
        with pytest.raises(ValueError, match="another order than in fit"):
            change(bank[..., ::-1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_times", [50, 200, 1000])
def test_filters_of_other_spectra_are_taken_as_they_are(seed, n_times):
    rng = np.random.default_rng(seed)
    t = np.arange(n_times) / 100.0
    X = rng.standard_normal((12, 2, n_times))
    rhythm = np.sin(2 * np.pi * 11 * t + rng.uniform(0, 6, (12, 2, 1)))
    y = np.arange(12) % 2
    params = {**FILTERS, "frequencies": (10.0, 20.0)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bank = filter_bank(X.cumsum(2) + 20.0, **params)  # a drifting signal
        model = AugmentedCovarianceClassifier(**params).fit(bank, y)
        for other in (X, 5 * rhythm + 0.1 * X, X[:1]):
            model.predict(filter_bank(5 * other, **params))


def test_streams_of_another_rate_or_window_are_refused_at_once():
    X, y = make_trials(30, 3, 200)
    slow = AugmentedCovarianceClassifier(sfreq=100.0).fit(X, y)
    rejector = TrialRejector(sfreq=100.0, bands=((4.0, 20.0),)).fit(X)
    pipeline = make_pipeline(slow)
    for model in (slow, pipeline):
        with pytest.raises(ValueError, match="100 Hz and the stream has 250 Hz"):
            StreamDecoder(model, 250)
        assert StreamDecoder(model, 100.0).push(X[0])[0].label is not None
    with pytest.raises(ValueError, match="rejector has sfreq=100 Hz"):
        StreamDecoder(None, 250, rejector=rejector)
    long = AugmentedCovarianceClassifier(8, 8, selection=None).fit(X, y)
    with pytest.raises(ValueError, match="more than the 50 times"):
        StreamDecoder(long, 100, window=0.5)
    blind = AugmentedCovarianceClassifier().fit(filter_bank(X, **FILTERS), y)
    with pytest.raises(ValueError, match="whose bands it does not know"):
        StreamDecoder(blind, 100)
    two = TrialRejector().fit(X[:, :2])
    with pytest.raises(ValueError, match="3 channels and the rejector with 2"):
        StreamDecoder(slow, 100, rejector=two)


def test_numbers_beyond_any_amplifier_are_refused_and_the_stream_goes_on():
    X, y = make_trials(30, 3, 200)
    model = AugmentedCovarianceClassifier(2, 1, selection=None).fit(X, y)
    signal = np.concatenate(list(X[:6]), axis=1)
    options = {"window": 2.0, "step": 1.0, "band": (4.0, 30.0)}
    expected = StreamDecoder(model, 100, **options).push(signal)
    decoder = StreamDecoder(model, 100, **options)
    found = decoder.push(signal[:, :610])
    broken = signal[:, 610:].copy()
    for value in (1.7e308, -1e120, np.nan, np.inf):
        broken[1, 3] = value
        with pytest.raises(ValueError, match="nothing of it was taken"):
            decoder.push(broken)
    found += decoder.push(signal[:, 610:])
    assert [d.time for d in found] == [d.time for d in expected]
    assert [d.label for d in found] == [d.label for d in expected]


def test_one_warning_for_a_spell_of_windows_that_fail():
    X, y = make_trials(30, 3, 200)
    flat = LogisticRegression().fit(X[:, 0], y)  # takes tables only
    decoder = StreamDecoder(flat, 100, step=0.5, band=None)
    with pytest.warns(UserWarning, match="could not be decided") as said:
        decisions = decoder.push(np.concatenate(list(X[:4]), axis=1))
    assert len(said) == 1
    assert len(decisions) == 13
    assert all("dim 3" in d.reason for d in decisions)


def test_epochs_whose_channels_went_bad():
    mne = pytest.importorskip("mne", reason="extra eeg")
    X, y = make_trials(24, 3)
    info = mne.create_info(["C3", "Cz", "C4"], 100.0, "eeg")
    epochs = mne.EpochsArray(X, info, verbose="error")
    model = AugmentedCovarianceClassifier().fit(epochs, y)
    expected = model.predict(epochs)
    epochs.info["bads"] = ["Cz"]
    with pytest.warns(UserWarning, match="Cz are marked bad here, but fit used them"):
        assert_array_equal(model.predict(epochs), expected)
    with pytest.raises(ValueError, match=r"mixes mne\.Epochs with other objects"):
        model.predict([X[0], epochs])
    with pytest.raises(ValueError, match="EvokedArray, which holds no trials"):
        model.predict(epochs.average())


@pytest.mark.parametrize("narrow", [(8.0, 12.0), (8.0, 16.0), (20.0, 32.0)])
def test_trials_of_a_narrower_band_than_said(narrow):
    """One filter of a bank where the whole pass band is meant, as MOABB hands it."""
    rng = np.random.default_rng(0)
    X = bandpass(rng.standard_normal((20, 3, 800)), 160.0, narrow)[:, :, 200:600]
    model = AugmentedCovarianceClassifier(
        orders=(1,), sfreq=160.0, band=(8.0, 32.0), probability=False
    )
    with pytest.warns(UserWarning, match=r"next to no power at .* one by one"):
        model.fit(X, np.arange(20) % 2)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("band", [(8.0, 32.0), (1.0, 70.0)])
def test_noise_of_any_color_holds_power_in_its_bands(exponent, band):
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal((20, 3, 600)))
    f = np.fft.rfftfreq(600, 1 / 160.0)
    X = np.fft.irfft(spectrum / np.maximum(f, f[1]) ** (exponent / 2))
    X = X + 2.0 * X.std() * np.sin(2 * np.pi * 10 * np.arange(600) / 160.0)
    for trials in (X, bandpass(X, 160.0, band)[:, :, 100:500]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            AugmentedCovarianceClassifier(
                orders=(1,), sfreq=160.0, band=band, probability=False
            ).fit(trials, np.arange(20) % 2)
