"""Epochs, channels of several kinds and units, filter banks: nothing is misread."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    DelayEmbedding,
    RecenteredCovarianceClassifier,
    StreamDecoder,
    TangentMap,
    filter_bank,
    label_windows,
    select_embedding,
)
from skgeo.exceptions import UnusedParameterWarning
from skgeo.testing import make_trials

ESTIMATORS = [
    AugmentedCovarianceClassifier(),
    AugmentedCovarianceClassifierCV((1, 2), (1,), cv=2),
    AugmentedCovariances(2, 1),
    DelayEmbedding(2, 1),
]


@pytest.fixture(scope="module")
def mne():
    return pytest.importorskip("mne", reason="extra eeg")


def epochs_of(mne, X, types, *, y=None, sfreq=100.0, names=None, bads=()):
    names = names or [f"{kind}{i}" for i, kind in enumerate(types)]
    info = mne.create_info(names, sfreq, list(types))
    info["bads"] = list(bads)
    events = None
    if y is not None:
        events = np.column_stack([np.arange(len(y)), np.zeros_like(y), y + 1])
    return mne.EpochsArray(X, info, events=events, verbose="error")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_only_the_eeg_of_epochs_is_used(mne, estimator):
    X, y = make_trials(24, 5)
    X[:, 4] = y[:, None] + 1e-3 * np.sin(np.arange(X.shape[2]))  # the answers
    types = ["eeg", "eog", "eeg", "eeg", "stim"]
    epochs = epochs_of(mne, X, types, bads=["eeg3"])
    with pytest.warns(UserWarning, match=r"eog1 \(eog\), stim4 \(stim\), eeg3 \(bad\)"):
        fitted = estimator.fit(epochs, y)
    assert fitted.n_channels_in_ == 2
    assert_array_equal(fitted.channel_names_in_, ["eeg0", "eeg2"])
    answer = fitted.predict if hasattr(fitted, "predict") else fitted.transform
    found = answer(epochs)
    again = estimator.fit(X[:, [0, 2]], y)
    assert not hasattr(again, "channel_names_in_")
    answer = again.predict if hasattr(again, "predict") else again.transform
    assert_allclose(found, answer(X[:, [0, 2]]))


def test_channels_are_found_by_name_when_predicting(mne):
    X, y = make_trials(24, 3)
    names = ["C3", "Cz", "C4"]
    model = AugmentedCovarianceClassifier().fit(
        epochs_of(mne, X, ["eeg"] * 3, names=names), y
    )
    turned = epochs_of(mne, X[:, ::-1], ["eeg"] * 3, names=names[::-1])
    assert_array_equal(model.predict(turned), model.predict(X))
    with pytest.raises(ValueError, match=r"lacks the channels \['Cz', 'C4'\]"):
        model.predict(epochs_of(mne, X, ["eeg"] * 3, names=["C3", "P3", "P4"]))
    slow = epochs_of(mne, X, ["eeg"] * 3, names=names, sfreq=50.0)
    with pytest.raises(ValueError, match="50 Hz and the epochs of fit had 100 Hz"):
        model.predict(slow)
    with pytest.raises(ValueError, match="100 Hz and sfreq is 250 Hz"):
        AugmentedCovarianceClassifier(sfreq=250.0).fit(turned, y)


def test_epochs_in_cross_validation(mne):
    X, y = make_trials(30, 3)
    X += 2 * np.random.default_rng(0).standard_normal(X.shape)
    epochs = epochs_of(mne, X, ["eeg", "eeg", "eeg"], y=y)
    model = AugmentedCovarianceClassifier((2), 1, selection=None)
    expected = cross_val_score(model, X, y, cv=3)
    assert_allclose(cross_val_score(model, epochs, y, cv=3), expected)
    search = GridSearchCV(model, {"order": [1, 2]}, cv=3).fit(epochs, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert_array_equal(search.predict(epochs), search.predict(X))
    halves = [epochs[:15], epochs[15:]]
    assert_allclose(
        model.fit(halves, y).decision_function(halves), model.decision_function(X)
    )


def test_what_holds_no_trials_is_refused_with_a_way_out(mne):
    X, y = make_trials(4, 2)
    raw = mne.io.RawArray(X[0], mne.create_info(2, 100.0, "eeg"), verbose="error")
    for value in (raw, "recording.fif", {"X": X}):
        with pytest.raises(ValueError, match=r"mne\.Epochs"):
            AugmentedCovarianceClassifier().fit(value, y)
    for types in (["mag", "grad"], ["misc", "stim"]):
        with pytest.raises(ValueError, match=f"1 {types[0]}, 1 {types[1]}"):
            AugmentedCovarianceClassifier().fit(epochs_of(mne, X, types), y)
    one = epochs_of(mne, X, ["mag", "mag"])
    assert AugmentedCovariances().fit(one).n_channels_in_ == 2
    with pytest.raises(ValueError, match="marked bad"):
        AugmentedCovariances().fit(
            epochs_of(mne, X, ["eeg", "stim"], names=["Cz", "STI"], bads=["Cz"])
        )


def unlike_units(n=60):
    rng = np.random.RandomState(0)
    y = np.arange(n) % 2
    A = rng.randn(n, 4, 200)
    A[y == 1, 0] *= 2
    return np.concatenate([1e-5 * A, rng.randn(n, 1, 200)], axis=1), y


@pytest.mark.parametrize("selection", [None, "average"])
def test_channels_of_unlike_units(selection):
    X, y = unlike_units()
    model = AugmentedCovarianceClassifier(selection=selection)
    with pytest.warns(UserWarning, match=r"unlike units .*: 4 \(1e\+05\)"):
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cross_val_score(model, X, y, cv=5).mean() > 0.95
        scaled = X * np.array([1, 1e6, 1, 1e-6, 1])[:, None]
        other = AugmentedCovarianceClassifier(selection=selection).fit(scaled, y)
    assert_allclose(
        other.decision_function(scaled), model.decision_function(X), atol=1e-4
    )


def test_diagonal_shrinkage_is_its_formula():
    X, _ = make_trials(4, 3, 60)
    S = AugmentedCovariances(2, 3, shrinkage=None).fit_transform(X)
    found = AugmentedCovariances(2, 3).fit_transform(X)
    for C, shrunk in zip(S, found, strict=True):
        D = np.sqrt(np.diagonal(C))
        R = C / np.outer(D, D)
        a = np.mean(R**2)
        rho = min(1.0, (a + 1) / ((57 + 1) * (a - 1 / 6)))
        assert_allclose(shrunk, (1 - rho) * C + rho * np.diag(D**2), rtol=1e-10)
    blocks = AugmentedCovariances(2, 3, block_toeplitz=True)
    bare = AugmentedCovariances(2, 3, block_toeplitz=True, shrinkage=None)
    C, B = blocks.fit_transform(X)[0], bare.fit_transform(X)[0]
    off = ~np.eye(6, dtype=bool)
    assert_allclose(np.diagonal(C), np.diagonal(B))
    assert np.ptp(C[off] / B[off]) < 1e-12
    flat = X.copy()
    flat[:, 1] = 3.0
    assert np.linalg.eigvalsh(AugmentedCovariances().fit_transform(flat)).min() > 0


@pytest.mark.parametrize("edge", ["valid", "moabb"])
@pytest.mark.parametrize("where", [3, 150, 196])
def test_a_spike_spoils_the_windows_it_lies_in_only(edge, where):
    from skgeo.eeg._grid import CovarianceGrid
    from skgeo.eeg._solvers.covariances import CovarianceSettings

    X = np.random.default_rng(0).standard_normal((2, 3, 200))
    X[1, 1, where] = 1e8
    settings = CovarianceSettings(edge, "scm", None)
    ours = AugmentedCovariances(4, 5, edge=edge, shrinkage=None).fit_transform(X)
    grid = CovarianceGrid.build(X, [(4, 5)], settings).covariances(4, 5)
    for i in range(2):
        Z = DelayEmbedding(4, 5, edge=edge).fit_transform(X[i : i + 1])[0]
        exact = np.cov(Z.astype(np.longdouble).astype(float), bias=True)
        for C in (ours[i], grid[i]):
            scale = np.sqrt(np.outer(np.diagonal(exact), np.diagonal(exact)))
            assert np.abs((C - exact) / scale).max() < 1e-7


def test_names_through_a_pipeline():
    X, y = make_trials(20, 3)
    pipeline = make_pipeline(AugmentedCovariances(2, 4), TangentMap(), StandardScaler())
    frame = pipeline.set_output(transform="pandas").fit_transform(X, y)
    names = pipeline.get_feature_names_out()
    assert frame.shape == (20, len(names)) == (20, 21)
    assert list(names) == list(frame.columns)
    named = pipeline[:2].get_feature_names_out(["C3", "Cz", "C4"])
    assert list(named[:4]) == ["tsC3_C3", "tsC3_Cz", "tsC3_C4", "tsC3_C3+4"]
    steps = DelayEmbedding(2, 4).set_output(transform="pandas").fit(X)
    assert steps.transform(X).shape == (20, 6, 116)
    assert steps.get_feature_names_out(["a", "b", "c"])[3] == "a+4"


def test_numpy_integers():
    X, y = make_trials(20, 3, 400)
    for kind in (np.int8, np.uint64, np.int16):
        C = AugmentedCovariances(kind(3), kind(100)).fit_transform(X)
        assert_array_equal(C, AugmentedCovariances(3, 100).fit_transform(X))
        model = AugmentedCovarianceClassifier(kind(3), kind(100), selection=None)
        assert model.fit(X, y).embeddings_ == [(3, 100)]
        assert DelayEmbedding(kind(3), kind(100)).fit_transform(X).shape == (20, 9, 200)


def test_fit_refuses_what_transform_would():
    X, _ = make_trials(6, 3)
    with pytest.raises(ValueError, match="estimator='zzz'"):
        AugmentedCovariances(estimator="zzz").fit(X)
    X[4] = 1.0
    with pytest.raises(ValueError, match="index 4"):
        AugmentedCovariances().fit(X)


def test_one_trial_per_class_and_equal_trials():
    X, y = make_trials(2, 3)
    for data, labels in ((X, y), (np.repeat(X[:1], 6, axis=0), np.arange(6) % 2)):
        model = AugmentedCovarianceClassifier(2, 1, selection=None, method="fgmdm")
        with pytest.warns(UserWarning, match="do not vary within their classes"):
            model.fit(data, labels)
        assert np.isfinite(model.predict_proba(data)).all()
    assert_array_equal(model.fit(X, y).predict(X), y)


@pytest.mark.filterwarnings("ignore::skgeo.exceptions.UnusedParameterWarning")
@pytest.mark.parametrize("method", ["tangent-svm", "mdm", "fgmdm"])
def test_weights_that_mean_nothing(method):
    X, y = make_trials(20, 3)
    for value in (np.nan, -1.0, 0.0, "much"):
        model = AugmentedCovarianceClassifier(
            2, 1, selection=None, method=method, class_weight={1: value}
        )
        with pytest.raises(ValueError, match="class_weight must hold finite"):
            model.fit(X, y)
    for value in (np.nan, np.inf, -1.0, 0.0):
        with pytest.raises(ValueError, match="sample_weight must be"):
            AugmentedCovarianceClassifier().fit(X, y, sample_weight=value)


def test_labels_of_mixed_types_are_named():
    X, _ = make_trials(4, 2)
    with pytest.raises(ValueError, match=r"types \['int', 'str'\]"):
        AugmentedCovarianceClassifier().fit(X, np.array([1, "a", 1, "a"], dtype=object))


def test_lag_longer_than_the_trial():
    X, _ = make_trials(4, 2)
    for method in ("cao", "fnn", "ami"):
        with pytest.raises(ValueError, match="lag=1000000 is more than a quarter"):
            select_embedding(X, method, lag=10**6)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"orders": (2, 3), "selection": None}, "'orders'"),
        ({"order": 2}, "'order'"),
        ({"order": 2, "lag": 3}, "'order' and 'lag'"),
        ({"selection": "ami", "lag": 3}, "'lag'"),
        (
            {"selection": None, "method": "mdm", "C": 2.0, "gamma": 0.1},
            "'C' and 'gamma'",
        ),
        ({"method": "tangent-lr", "kernel": "rbf"}, "'kernel'"),
        ({"gamma": 0.3}, "'gamma'"),
        ({"band": (8.0, 30.0)}, "'band'"),
        ({"selection": None, "sfreq": 100.0}, "'sfreq'"),
        ({"selection": None, "weights": "alignment"}, "'weights'"),
        ({"metric": "block-toeplitz", "edge": "wrap"}, "'edge'"),
    ],
)
def test_parameters_without_effect_are_told(params, named):
    X, y = make_trials(20, 2)
    with pytest.warns(UnusedParameterWarning, match=f"{named} ha"):
        AugmentedCovarianceClassifier(**params).fit(X, y)


def test_four_dimensional_trials():
    X, y = make_trials(30, 3, 300)
    params = {"sfreq": 100.0, "band": (4.0, 40.0), "frequencies": (10.0, 20.0)}
    bank = filter_bank(X, **params)
    assert bank.shape == (30, 3, 300, 1 + 7 + 2)
    three = AugmentedCovarianceClassifier(**params).fit(X, y)
    four = AugmentedCovarianceClassifier(**params).fit(bank, y)
    expected = three.decision_function(X)
    assert_allclose(four.decision_function(bank), expected, atol=1e-10)
    assert_allclose(four.decision_function(X), expected, atol=1e-10)
    assert_allclose(filter_bank(X[0], **params), bank[0])
    with pytest.raises(ValueError, match="10 filters and the parameters name 8"):
        AugmentedCovarianceClassifier(sfreq=100.0, band=(4.0, 40.0)).fit(bank, y)
    with pytest.raises(ValueError, match="fitted with 10"):
        four.predict(bank[..., :9])
    # Bands that nobody named: the first is the signal, the others one group.
    blind = AugmentedCovarianceClassifier().fit(bank, y)
    assert [m.name for m in blind.groups_].count("bands") == 9
    assert_allclose(sum(m.share for m in blind.groups_), 1.0)
    with pytest.raises(ValueError, match="whose bands it does not know"):
        blind.predict(X)
    with pytest.raises(ValueError, match="selection=None"):
        AugmentedCovarianceClassifier(selection=None).fit(bank, y)
    with pytest.raises(ValueError, match="fitted with none"):
        AugmentedCovarianceClassifier().fit(X, y).predict(bank)


def test_time_group_is_in_seconds():
    X = np.random.default_rng(0).standard_normal((8, 8, 513))
    y = np.arange(8) % 2
    for sfreq, lags in ((256.0, (4, 8, 13)), (125.0, (2, 4, 6)), (160.0, (3, 5, 8))):
        model = AugmentedCovarianceClassifier(sfreq=sfreq).fit(X, y)
        expected = {(1, 1)} | {(p, lag) for p in (2, 4, 6, 8) for lag in lags}
        assert set(model.embeddings_) == expected
        assert_allclose(sum(m.share for m in model.groups_), 1.0)
    model = AugmentedCovarianceClassifier(sfreq=256.0, band=(7.0, 45.0)).fit(X, y)
    bands = [m for m in model.groups_ if m.name == "bands"]
    edges = [bands[0].band[0], *dict.fromkeys(m.band[1] for m in bands)]
    assert_allclose(edges, [7, 10.16, 14.74, 21.38, 31.02, 45], atol=0.01)
    lags = {m.band: m.lag for m in bands if m.order > 1}
    assert list(lags.values()) == [8, 5, 4, 2, 2]
    assert_allclose(sum(m.share for m in bands), 0.5)
    known = AugmentedCovarianceClassifier(
        sfreq=256.0, band=(7.0, 45.0), frequencies=(13.0, 17.0, 21.0)
    ).fit(X, y)
    shares = {}
    for m in known.groups_:
        shares[m.name] = shares.get(m.name, 0) + m.share
    assert_allclose(list(shares.values()), 1 / 3)
    wide = AugmentedCovarianceClassifier(sfreq=256.0, band=(7.0, 45.0))
    wide.fit(
        np.tile(X, (1, 2, 1)) + np.random.default_rng(1).standard_normal((8, 16, 513)),
        y,
    )
    assert_allclose(sum(m.share for m in wide.groups_ if m.name == "bands"), 0.25)
    # Below 31 Hz the shortest lag is one sample, and equal ones appear once.
    slow = AugmentedCovarianceClassifier(sfreq=20.0).fit(X, y)
    assert {lag for _, lag in slow.embeddings_} == {1}


def test_alignment_moves_shares_towards_the_labels():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.standard_normal((40, 2, 400))
    t = np.arange(400) / 100.0
    X[y == 1, 0] += np.sin(2 * np.pi * 12 * t + rng.uniform(0, 6, (20, 1)))
    params = {"sfreq": 100.0, "band": (4.0, 40.0), "bands": ((4.0, 8.0), (10.0, 14.0))}
    equal = AugmentedCovarianceClassifier(**params).fit(X, y)
    aligned = AugmentedCovarianceClassifier(**params, weights="alignment").fit(X, y)
    share = {
        b: sum(m.share for m in aligned.groups_ if m.band == b) for b in params["bands"]
    }
    assert share[10.0, 14.0] > 2 * share[4.0, 8.0]
    for model in (equal, aligned):
        for name in ("time", "bands"):
            total = sum(m.share for m in model.groups_ if m.name == name)
            assert_allclose(total, 0.5)


def test_filters_refuse_what_they_cannot_do():
    X, y = make_trials(10, 2)
    for params, match in (
        ({"sfreq": 100.0, "band": (40.0, 4.0)}, "band must be"),
        ({"sfreq": 100.0, "band": (4.0, 60.0)}, "50 Hz"),
        ({"sfreq": 100.0, "band": (4.0, 40.0), "frequencies": (49.9,)}, "frequencies"),
        ({"sfreq": 100.0, "band": (4.0, 40.0), "bands": ((3.0, 70.0),)}, "bands"),
    ):
        with pytest.raises(ValueError, match=match):
            filter_bank(X, **params)
        with pytest.raises(ValueError, match=match):
            AugmentedCovarianceClassifier(**params).fit(X, y)
    with pytest.raises(ValueError, match="whole numbers"):
        AugmentedCovarianceClassifier(lags=(0.016,)).fit(X, y)


def test_weights_in_the_search():
    X, y = make_trials(40, 2)
    X += np.random.default_rng(0).standard_normal(X.shape)
    weight = np.ones(40)
    weight[:4] = 0.0
    search = AugmentedCovarianceClassifierCV((1, 2), (1,), cv=2)
    weighted = search.fit(X, y, sample_weight=weight).decision_function(X)
    dropped = search.fit(X[4:], y[4:]).decision_function(X)
    assert_allclose(weighted, dropped)
    weight = np.linspace(0.1, 3.0, 40)
    assert not np.allclose(search.fit(X, y, weight).decision_function(X), dropped)


def test_masked_values_are_refused():
    X, y = make_trials(20, 3)
    masked = np.ma.masked_greater(X, 2.0)
    with pytest.raises(ValueError, match=r"X has masked entries \(\d+\)"):
        AugmentedCovarianceClassifier(1, 1, selection=None).fit(masked, y)
    with pytest.raises(ValueError, match=r"X has masked entries \(\d+\)"):
        filter_bank(masked, 100.0, (4.0, 40.0))
    AugmentedCovariances().fit(np.ma.asarray(X))  # none is masked


def test_lists_of_what_is_no_trial(mne):
    info = mne.create_info(2, 100.0, "eeg")
    raw = mne.io.RawArray(np.ones((2, 500)), info, verbose="error")
    with pytest.raises(ValueError, match=r"X\[0\] is of MNE's class RawArray"):
        AugmentedCovarianceClassifier().fit([raw, raw], [0, 1])


def test_channels_of_one_name_and_two_types(mne):
    parts = []
    for kind in ("eeg", "mag"):
        info = mne.create_info(["a", "b"], 100.0, kind)
        X = np.random.default_rng(0).standard_normal((8, 2, 100))
        parts.append(mne.EpochsArray(X, info, verbose="error"))
    y = np.tile([0, 1], 8)
    with pytest.raises(ValueError, match=r"other types: \['eeg', 'mag'\]"):
        AugmentedCovariances().fit(parts, y)
    AugmentedCovariances().fit([parts[1], parts[1]], y)


def test_filters_in_front_of_the_times():
    X, y = make_trials(12, 3)
    bank = filter_bank(X, 100.0, (4.0, 40.0))
    for axis in (1, 2):
        with pytest.raises(ValueError, match="more filters than times"):
            AugmentedCovarianceClassifier().fit(np.moveaxis(bank, 3, axis), y)


def test_frequencies_as_an_array_and_outside_the_band():
    X, y = make_trials(12, 3, 200)
    model = AugmentedCovarianceClassifier(sfreq=100.0, band=(4.0, 40.0))
    found = model.set_params(frequencies=np.array([10.0, 20.0])).fit(X, y)
    assert found.groups_[-1].band == (19.5, 20.5)
    with pytest.warns(UserWarning, match="frequencies 44 lie outside the pass band"):
        model.set_params(frequencies=(10.0, 44.0)).fit(X, y)
    with pytest.warns(UserWarning, match="frequencies 2, 41 lie outside"):
        filter_bank(X, 100.0, (4.0, 40.0), frequencies=(2.0, 41.0))


@pytest.mark.parametrize("sfreq", [0.01, 0.25])  # a period, kHz
def test_lags_below_one_sample_are_told(sfreq):
    X, y = make_trials(12, 3)
    with pytest.warns(UserWarning, match="Check that sfreq is in Hz"):
        AugmentedCovarianceClassifier(sfreq=sfreq).fit(X, y)


def test_streams_without_a_classifier_or_in_milliseconds():
    X, y = make_trials(12, 3, 200)
    with pytest.raises(ValueError, match="must have predict; got a AugmentedCovari"):
        StreamDecoder(AugmentedCovariances().fit(X), 100.0)
    model = AugmentedCovarianceClassifier(1, 1, selection=None).fit(X, y)
    with pytest.warns(UserWarning, match="window=2000 s is 200000 samples"):
        StreamDecoder(model, 100.0, window=2000)


def test_windows_of_tasks_at_once_and_of_one_length(mne):
    signal = np.random.default_rng(0).standard_normal((2, 1000))
    _, y, ambiguous, ends = label_windows(
        signal, [1.0, 3.0], 4.0, ["a", "b"], sfreq=100.0, window=1.0, step=0.5
    )
    for label, doubtful, end in zip(y, ambiguous, ends, strict=True):
        tasks = [t for t, on in (("a", 1), ("b", 3)) if on < end < on + 5]
        assert doubtful == (len(tasks) > 1 or end in (1.5, 7.5))
        if not doubtful:
            assert label == (tasks or ["idle"])[0]
    same = label_windows(
        signal, [1.0, 3.0], 4.0, ["a", "a"], sfreq=100.0, window=1.0, step=0.5
    )
    assert same[2].sum() < ambiguous.sum()
    raw = mne.io.RawArray(signal, mne.create_info(2, 100.0, "eeg"), verbose="error")
    with pytest.raises(ValueError, match="got a RawArray"):
        label_windows(raw, [1.0], 4.0, ["a"], sfreq=100.0)
    with pytest.raises(ValueError, match="one entry per task; got shapes"):
        label_windows(signal, [[1.0, 2.0]], 4.0, ["a"], sfreq=100.0)


def test_subjects_and_labels_of_targets():
    X, y = make_trials(20, 3)
    model = RecenteredCovarianceClassifier(1, 1, selection=None)
    for unknown in ([None] * 20, [np.nan] * 10 + [1.0] * 10):
        with pytest.raises(ValueError, match="subjects is None or NaN"):
            model.fit(X, y, subjects=unknown)
    target = {"X_target_labeled": X[:2], "y_target_labeled": ["0", "1"]}
    with pytest.raises(ValueError, match="labels of one type; got int64 and <U1"):
        model.fit(X, y, **target)
    target["y_target_labeled"] = [0.0, 1.0]
    assert_array_equal(model.fit(X, y, **target).classes_, [0, 1])
