"""Own recordings: what goes in comes out of MOABB's paradigms."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import warnings

import numpy as np
import pytest

pytest.importorskip("moabb")
mne = pytest.importorskip("mne")

from moabb.paradigms import P300, SSVEP, LeftRightImagery, MotorImagery

from skgeo.datasets import from_arrays, from_epochs, from_raws

LABELS = ["left_hand", "right_hand"]


def trials(n=12, channels=3, times=129, seed=0):
    rng = np.random.RandomState(seed)
    return rng.randn(n, channels, times), np.array(LABELS * (n // 2))


def unfiltered(**kwargs):
    return LeftRightImagery(fmin=None, fmax=None, **kwargs)


def test_arrays_come_back():
    X, y = trials()
    subject = np.repeat(["anna", "bert"], 6)
    session = np.tile([0, 0, 0, 7, 7, 7], 2)
    dataset = from_arrays(X, y, sfreq=128, subject=subject, session=session)
    X1, y1, meta = unfiltered().get_data(dataset)
    np.testing.assert_allclose(X1, X, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(y1, y)
    np.testing.assert_array_equal(meta["subject"], subject)
    assert meta["session"].tolist() == np.tile(["0"] * 3 + ["1"] * 3, 2).tolist()
    assert dataset.n_sessions == 2


def test_units():
    X, y = trials()
    for unit, factor in {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}.items():
        dataset = from_arrays(X, y, sfreq=128, unit=unit)
        X1 = unfiltered().get_data(dataset)[0]
        np.testing.assert_allclose(X1, factor * X, rtol=1e-12, atol=1e-12)


def test_interleaved_subjects_keep_their_trials():
    X, y = trials()
    subject = np.tile([3, 1], 6)
    y = np.repeat(LABELS, 6)
    dataset = from_arrays(X, y, sfreq=128, subject=subject)
    assert dataset.subject_list == [3, 1]
    X1, y1, _ = unfiltered().get_data(dataset, subjects=[1])
    np.testing.assert_allclose(X1, X[subject == 1], atol=1e-12)
    np.testing.assert_array_equal(y1, y[subject == 1])


def test_filter_sees_no_jump_between_trials():
    # Sines far apart in level: a filter over a plain concatenation rings at the jumps.
    rng = np.random.RandomState(1)
    t = np.arange(257) / 128
    level = rng.uniform(-500, 500, size=(10, 1, 1))
    X = level + np.sin(2 * np.pi * 12 * t + rng.uniform(0, 6, size=(10, 2, 1)))
    dataset = from_arrays(X, LABELS * 5, sfreq=128)
    X1 = LeftRightImagery().get_data(dataset)[0]
    middle = slice(64, -64)
    np.testing.assert_allclose(X1[..., middle], (X - level)[..., middle], atol=0.15)


def test_frequencies_are_ssvep_classes():
    X, _ = trials(times=125)
    y = np.array(["12.0", "10.0", "8.57"] * 4)
    dataset = from_arrays(X, y, sfreq=125, paradigm="ssvep", name="mine")
    X1, y1, _ = SSVEP(fmin=None, fmax=None, n_classes=3).get_data(dataset)
    assert X1.shape == X.shape
    np.testing.assert_array_equal(y1, y)
    assert dataset.code.startswith("Recordings-mine-")


def test_p300_classes():
    X, _ = trials()
    dataset = from_arrays(X, ["Target", "NonTarget"] * 6, sfreq=128, paradigm="p300")
    X1, y1, _ = P300(fmin=1, fmax=24).get_data(dataset)
    assert X1.shape == X.shape
    assert sorted(set(y1)) == ["NonTarget", "Target"]


def test_code_follows_the_content():
    X, y = trials()
    codes = {from_arrays(X, y, sfreq=rate).code for rate in (128, 128.0, 256)}
    assert len(codes) == 2
    other = X.copy()
    other[-1, -1, -1] += 1
    assert from_arrays(other, y, sfreq=128).code not in codes


def test_positions_are_kept():
    X, y = trials()
    positions = np.eye(3) * 0.09
    dataset = from_arrays(X, y, sfreq=128, positions=positions)
    raw = dataset.get_data()[1]["0"]["0"]
    at = raw.get_montage().get_positions()["ch_pos"]
    np.testing.assert_allclose(list(at.values()), positions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((4, 3))}, "n_trials, n_channels, n_times"),
        ({"X": np.full((12, 3, 9), np.nan)}, "NaN"),
        ({"y": LABELS}, "one label per trial"),
        ({"y": np.linspace(0, 1, 12)}, "strings or integers"),
        ({"y": ["a", None] * 6}, "y must hold strings or integers; got None"),
        ({"y": np.array([LABELS[0], 1] * 6, object)}, "strings and numbers"),
        ({"y": ["BADminton", "b"] * 6}, "cannot be called"),
        ({"sfreq": 0}, "'sfreq' must be"),
        ({"sfreq": np.nan}, "'sfreq' must be"),
        ({"sfreq": 1e-9}, "'sfreq' must be"),
        ({"sfreq": [128.0]}, "'sfreq' must be"),
        ({"ch_names": ["a", "b"]}, "ch_names must be 3 distinct"),
        ({"ch_names": ["a", "a", "b"]}, "ch_names must be 3 distinct"),
        ({"positions": np.zeros((2, 3))}, "positions must be"),
        ({"subject": [1, 2]}, "subject must hold one label per trial"),
        ({"session": np.linspace(0, 1, 12)}, "session must hold strings or integers"),
        ({"unit": "volt"}, "'unit' must be"),
        ({"paradigm": "sleep"}, "paradigm must be"),
        ({"name": "../"}, "letters or digits"),
    ],
)
def test_arrays_clear_errors(change, message):
    X, y = trials()
    arguments = {"X": X, "y": y, "sfreq": 128, **change}
    with pytest.raises(ValueError, match=message):
        from_arrays(arguments.pop("X"), arguments.pop("y"), **arguments)


def continuous(seed=0, first_samp=0, sfreq=128.0, channels=("C3", "Cz", "C4")):
    rng = np.random.RandomState(seed)
    info = mne.create_info([*channels, "EOG"], sfreq, [*["eeg"] * len(channels), "eog"])
    signal = 1e-6 * rng.randn(len(channels) + 1, int(60 * sfreq))
    raw = mne.io.RawArray(signal, info, first_samp=first_samp, verbose="error")
    raw.set_annotations(
        mne.Annotations(
            [*np.arange(5, 55, 5.0), 21.0],
            [3.0] * 10 + [0.5],
            ["T1", "T2"] * 5 + ["BAD_blink"],
        )
    )
    return raw


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("first_samp", [0, 640])
def test_raws_come_back(first_samp, dated):
    raw = continuous(first_samp=first_samp)
    if dated:
        raw.set_meas_date(1_000_000)
    classes = dict(zip(LABELS, ["T1", "T2"], strict=True))
    dataset = from_raws({"eva": {"mon": raw}}, interval=(0.5, 2.5), events=classes)
    X, y, meta = unfiltered(reject_by_annotation=False).get_data(dataset)
    assert X.shape == (10, 3, 257)
    np.testing.assert_array_equal(y, LABELS * 5)
    assert meta["session"].unique().tolist() == ["0mon"]
    signal = raw.get_data(picks="eeg") * 1e6
    start = round(5.5 * 128)
    np.testing.assert_allclose(X[0], signal[:, start : start + 257], atol=1e-9)
    # the trial with the blink goes when the paradigm drops marked segments
    X, _, _ = unfiltered().get_data(dataset)
    assert len(X) == 9


def test_stim_channel_and_resampling():
    raw = continuous()
    stim = np.zeros((1, raw.n_times))
    stim[0, [640, 1280, 1920, 2560]] = [7, 9, 7, 9]
    info = mne.create_info(["STI"], 128.0, "stim")
    raw.add_channels([mne.io.RawArray(stim, info, verbose="error")], True)
    classes = dict(zip(LABELS, [7, 9], strict=True))
    dataset = from_raws([raw], interval=(0, 2), events=classes, resample=64)
    X, y, _ = unfiltered(reject_by_annotation=False).get_data(dataset)
    assert X.shape == (4, 3, 129)
    np.testing.assert_array_equal(y, LABELS * 2)


def test_a_run_may_lack_a_class():
    first, second = continuous(0), continuous(1)
    for raw, gone in ((first, "T1"), (second, "T2")):
        notes = raw.annotations
        raw.set_annotations(notes[notes.description != gone])
    dataset = from_raws([first, second], interval=(0, 2), paradigm="imagery")
    X, y, meta = MotorImagery(
        events=["T1", "T2"], n_classes=2, reject_by_annotation=False
    ).get_data(dataset)
    assert len(X) == 10
    assert meta["run"].tolist() == ["0"] * 5 + ["1"] * 5
    assert y.tolist() == ["T2"] * 5 + ["T1"] * 5


def test_raws_clear_errors():
    raw = continuous()
    for interval in ((2, 0), (1, 1), (0, 1, 2)):
        with pytest.raises(ValueError, match="interval must be"):
            from_raws(raw, interval=interval)
    with pytest.raises(ValueError, match=r"No mark of 'feet'.*'T1' \(5\), 'T2'"):
        from_raws(raw, interval=(0, 2), events={"hands": "T1", "feet": "T9"})
    with pytest.raises(ValueError, match=r"at least two classes.*'T2' \(5\)"):
        from_raws(raw, interval=(0, 2), events={"hands": "T1"})
    with pytest.raises(ValueError, match="stands for two classes"):
        from_raws(raw, interval=(0, 2), events={"hands": "T1", "feet": ["T2", "T1"]})
    other = continuous(channels=("C3", "Cz", "Pz"))
    with pytest.raises(ValueError, match="same EEG channels"):
        from_raws({1: raw, 2: other}, interval=(0, 2))
    with pytest.raises(ValueError, match="give resample=100"):
        from_raws([raw, continuous(sfreq=100.0)], interval=(0, 2))
    with pytest.raises(ValueError, match="raws must be"):
        from_raws("file.fif", interval=(0, 2))
    with pytest.raises(ValueError, match="no EEG channel"):
        from_raws(raw.copy().pick("eog"), interval=(0, 2))


def test_epochs_come_back():
    raw = continuous()
    events, codes = mne.events_from_annotations(raw, verbose="error")
    codes.pop("BAD_blink", None)
    options = {"tmin": 0, "tmax": 2, "baseline": None, "preload": True}
    epochs = mne.Epochs(
        raw, events, codes, reject_by_annotation=False, verbose="error", **options
    )
    dataset = from_epochs({1: {"a": epochs, "b": epochs}, 2: epochs})
    X, _, meta = MotorImagery(
        events=["T1", "T2"], n_classes=2, fmin=None, fmax=None
    ).get_data(dataset)
    assert X.shape == (30, 3, 257)
    assert meta.groupby(["subject", "session"]).ngroups == 3
    np.testing.assert_allclose(
        X[:10], epochs.get_data(picks="eeg", copy=False) * 1e6, atol=1e-9
    )
    with pytest.raises(ValueError, match="same sampling frequency, length and start"):
        from_epochs([epochs, epochs.copy().crop(0, 1)])


def test_several_marks_for_one_class():
    raw = continuous()
    raw.annotations.description[:4] = ["S1", "S2", "S3", "S2"]
    # S1 and T1 are the left hand, S2, S3 and T2 the right one
    classes = {"left_hand": ["S1", "T1"], "right_hand": ("S2", "S3", "T2")}
    dataset = from_raws(raw, interval=(0, 2), events=classes)
    X, y, _ = unfiltered(reject_by_annotation=False).get_data(dataset)
    assert len(X) == 10
    assert y.tolist().count("left_hand") == 4
    assert dataset.count_marks(1, "0") == {"left_hand": 4, "right_hand": 6}


@pytest.mark.parametrize("marks", [(769, 770), ("769", "770")])
def test_numeric_annotations(marks):
    raw = continuous()
    cues = raw.annotations.description != "BAD_blink"
    raw.annotations.description[cues] = ["769", "770.0"] * 5
    classes = dict(zip(LABELS, marks, strict=True))
    dataset = from_raws(raw, interval=(0, 2), events=classes)
    _, y, _ = unfiltered(reject_by_annotation=False).get_data(dataset)
    np.testing.assert_array_equal(y, LABELS * 5)


def test_a_stim_channel_is_listed():
    raw = continuous()
    stim = np.zeros((1, raw.n_times))
    stim[0, [640, 1280, 1920, 2560]] = [7, 9, 7, 9]
    info = mne.create_info(["Status"], 128.0, "stim")
    raw.add_channels([mne.io.RawArray(stim, info, verbose="error")], True)
    raw.set_annotations(None)
    with pytest.raises(ValueError, match=r"stim channel 7 \(2\), 9 \(2\)"):
        from_raws(raw, interval=(0, 2))
    with pytest.raises(ValueError, match=r"No mark of 'right_hand'.* 9 \(2\)"):
        from_raws(raw, interval=(0, 2), events={"left_hand": 7, "right_hand": 8})


def test_marks_of_software_are_no_classes_and_boundaries_reject():
    raw = continuous()
    raw.set_annotations(
        raw.annotations[raw.annotations.description != "BAD_blink"]
        + mne.Annotations(
            [0.0, 0.1, 11.0, 26.0],
            0.0,
            ["New Segment/", "RECORD START", "boundary", "Comment/hello"],
        )
    )
    dataset = from_raws(raw, interval=(0, 2))
    assert list(dataset.event_id) == ["T1", "T2"]
    assert not dataset.classes_given
    paradigm = MotorImagery(events=["T1", "T2"], n_classes=2)
    X, _, _ = paradigm.get_data(dataset)
    assert len(X) == 9  # the trial from 10 s runs across the boundary


def test_names_are_kept_beside_moabbs_keys():
    runs = {"2024-03-01": {"first": continuous(0)}, "2024-03-12": [continuous(1)]}
    dataset = from_raws({"eva": runs}, interval=(0, 2))
    assert dataset.session_names == {"eva": {"0": "2024-03-01", "1": "2024-03-12"}}
    assert dataset.run_names["eva"] == {"0": {"0first": "first"}, "1": {"0": "0"}}
    assert dataset.sfreq == 128.0


def bad(seed, *names):
    raw = continuous(seed)
    raw.info["bads"] = list(names)
    return raw


def test_bad_channels_go_everywhere_and_it_is_said():
    with pytest.warns(UserWarning, match=r"left out of all: C3 \(bo/0/0\)"):
        dataset = from_raws({"al": bad(0), "bo": bad(1, "C3")}, interval=(0, 2))
    paradigm = MotorImagery(events=["T1", "T2"], n_classes=2)
    assert paradigm.get_data(dataset)[0].shape[1] == 2
    raws = [bad(0), bad(1, "Cz")]
    rows = [mne.events_from_annotations(raw, verbose="error") for raw in raws]
    epochs = {
        f"s{i}": mne.Epochs(r, e, c, 0, 2, baseline=None, preload=True, verbose="error")
        for i, (r, (e, c)) in enumerate(zip(raws, rows, strict=True))
    }
    with pytest.warns(UserWarning, match="left out of all: Cz"):
        dataset = from_epochs(epochs)
    assert dataset.get_data(["s0"])["s0"]["0"]["0"].ch_names == ["C3", "C4"]
    with (
        pytest.raises(ValueError, match="No channel is good in all"),
    ):
        from_raws([bad(0, "C3", "Cz"), bad(1, "C4")], interval=(0, 2))


def test_labels_as_people_have_them():
    pd = pytest.importorskip("pandas")
    X, y = trials()
    plain = from_arrays(X, y, sfreq=128, subject=np.repeat([1, 2], 6)).code
    frame = pd.DataFrame({"label": y, "who": np.repeat([1, 2], 6)})
    for labels in (
        frame["label"],
        frame["label"].astype(object),
        frame["label"].astype("category"),
        y[:, None],
        y.tolist(),
    ):
        assert from_arrays(X, labels, sfreq=128, subject=frame["who"]).code == plain
    floats = frame["who"].to_numpy(float)[None]  # MATLAB: a row of whole floats
    assert from_arrays(X, y, sfreq=128, subject=floats).subject_list == [1, 2]


def test_metadata_of_moabb_comes_back():
    X, y = trials()
    dataset = from_arrays(X, y, sfreq=128, subject=np.repeat(["a", "b"], 6))
    X1, y1, meta = unfiltered().get_data(dataset)
    columns = {key: meta[key] for key in ("subject", "session", "run")}
    again = from_arrays(X1, y1, sfreq=128, **columns)
    assert again.subject_list == ["a", "b"]


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ([1, "1"], "both written '1'"),
        (["a\x00b"], "cannot be stored"),
        (["caf\udce9"], "cannot be stored"),
        ([True], "integers or strings"),
    ],
)
def test_subjects_that_results_cannot_be_kept_by(subjects, message):
    raw, marks = labelled_raw(), {"left_hand": "T1", "right_hand": "T2"}
    with pytest.raises(ValueError, match=message):
        from_raws(dict.fromkeys(subjects, raw), interval=(0, 1), events=marks)


def test_sessions_written_alike_are_refused():
    sessions = {2: labelled_raw(), "2": labelled_raw()}
    with pytest.raises(ValueError, match="sessions of subject 1 are both written '2'"):
        from_raws({1: sessions}, interval=(0, 1))


def test_subjects_are_plain_integers():
    dataset = from_raws({np.int64(3): labelled_raw()}, interval=(0, 1))
    assert [type(s) for s in dataset.subject_list] == [int]


@pytest.mark.parametrize("mark", [769.0, None, True, b"T1", [2.5], {}])
def test_marks_that_are_none(mark):
    events = {"left_hand": mark, "right_hand": "T2"}
    with pytest.raises(ValueError, match="each a str or an int; got 'left_hand'"):
        from_raws(labelled_raw(), interval=(0, 1), events=events)


def test_an_interval_too_short_for_a_trial():
    with pytest.raises(ValueError, match="shorter than two samples at 128 Hz"):
        from_raws(labelled_raw(), interval=(0, 0.005))


def labelled_raw():
    info = mne.create_info(3, 128.0, "eeg")
    signal = 1e-6 * np.random.RandomState(0).randn(3, 128 * 14)
    raw = mne.io.RawArray(signal, info, verbose="error")
    return raw.set_annotations(mne.Annotations(range(2, 12), 0.0, ["T1", "T2"] * 5))


def marked_raw(onsets, seconds=60.0):
    info = mne.create_info(["C3", "Cz", "C4"], 128.0, "eeg")
    signal = 1e-5 * np.random.default_rng(0).standard_normal((3, int(128 * seconds)))
    raw = mne.io.RawArray(signal, info, verbose="error")
    words = ["a", "b"] * (len(onsets) // 2)
    return raw.set_annotations(mne.Annotations(onsets, 0.0, words))


def test_overlapping_trials_are_warned_of():
    close = marked_raw(np.arange(10) * 0.5 + 2)
    with pytest.warns(
        UserWarning, match=r"9 of 10 trials overlap .* 2 s .* 0.5 s apart"
    ):
        from_raws({1: close}, interval=(0, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_raws({1: close}, interval=(0, 2), paradigm="p300")
        from_raws({1: close}, interval=(0, 0.5))
        from_raws({1: marked_raw(np.arange(10) * 5.0 + 2)}, interval=(0, 5))


def test_an_interval_in_milliseconds():
    raw = marked_raw(np.arange(10) * 5.0 + 2)
    with pytest.raises(ValueError, match=r"2000 s is longer than .* \(60 s\)"):
        from_raws({1: raw}, interval=(0, 2000))


def test_arrays_of_doubtful_trials():
    X = 1e-5 * np.random.default_rng(0).standard_normal((20, 3, 128))
    y = ["a", "b"] * 10
    with pytest.warns(UserWarning, match="transpose"):
        from_arrays(X.transpose(0, 2, 1), y, sfreq=128.0)
    X[4] *= 1e6
    with pytest.warns(UserWarning, match=r"1 of 20 trials \(indices 4\)"):
        from_arrays(X, y, sfreq=128.0)


@pytest.mark.parametrize("thing", [np.zeros((3, 200)), 3, "a_raw.fif", None])
def test_recordings_that_are_none(thing):
    for given in ({"a": thing}, {"a": {"s": thing}}, {"a": [thing]}):
        with pytest.raises(ValueError, match=r"one BaseRaw; .* from_arrays"):
            from_raws(given, interval=(0, 1))
