"""Recordings in files."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import numpy as np
import pytest

pytest.importorskip("moabb")
mne = pytest.importorskip("mne")

from moabb.paradigms import LeftRightImagery

from skgeo.datasets import from_arrays, from_files
from tests.datasets.test_recordings import LABELS, continuous, trials

CLASSES = dict(zip(LABELS, ["T1", "T2"], strict=True))


def shape_and_meta(dataset):
    paradigm = LeftRightImagery(fmin=None, fmax=None, reject_by_annotation=False)
    X, _, meta = paradigm.get_data(dataset)
    return X, meta


def test_npz(tmp_path):
    X, y = trials()
    subject = np.repeat(["a", "b"], 6)
    options = {"sfreq": 128.0, "subject": subject, "ch_names": ["C3", "Cz", "C4"]}
    np.savez(tmp_path / "mine.npz", X=X, y=y, unit="V", paradigm="imagery", **options)
    dataset = from_files(tmp_path / "mine.npz")
    direct = from_arrays(X, y, unit="V", name="mine", **options)
    assert dataset.code == direct.code
    np.testing.assert_allclose(shape_and_meta(dataset)[0], X * 1e6, rtol=1e-12)


def test_npz_errors(tmp_path):
    X, y = trials()
    file = tmp_path / "x.npz"
    np.savez(file, X=X, y=y)
    with pytest.raises(ValueError, match=r"missing: \['sfreq'\]"):
        from_files(file)
    np.savez(file, X=X, y=y, sfreq=128, rate=3)
    with pytest.raises(ValueError, match=r"not known: \['rate'\]"):
        from_files(file)
    np.savez(file, X=X, y=y.astype(object), sfreq=128)
    with pytest.raises(ValueError, match="could run code"):
        from_files(file)


def test_raw_and_epochs_files(tmp_path):
    raw = continuous()
    raw.save(tmp_path / "one_raw.fif", verbose="error")
    dataset = from_files(tmp_path / "one_raw.fif", interval=(0, 2), events=CLASSES)
    X, _ = shape_and_meta(dataset)
    assert X.shape == (10, 3, 257)
    with pytest.raises(ValueError, match="--interval"):
        from_files(tmp_path / "one_raw.fif")
    codes = {"left_hand": 1, "right_hand": 2}
    cues, _ = mne.events_from_annotations(raw, {"T1": 1, "T2": 2}, verbose="error")
    epochs = mne.Epochs(
        raw, cues, codes, 0, 2, baseline=None, reject_by_annotation=False, verbose=40
    )
    epochs.save(tmp_path / "two-epo.fif", verbose="error")
    again, _ = shape_and_meta(from_files(tmp_path / "two-epo.fif"))
    np.testing.assert_allclose(again, X, atol=1e-5)  # .fif keeps float32


def test_a_folder_with_bids_names(tmp_path):
    for i, name in enumerate(("sub-anna_ses-1", "sub-anna_ses-2", "sub-bo_ses-1")):
        continuous(i).save(tmp_path / f"{name}_raw.fif", verbose="error")
    dataset = from_files(tmp_path, interval=(0, 2), events=CLASSES)
    assert dataset.subject_list == ["anna", "bo"]
    X, meta = shape_and_meta(dataset)
    assert X.shape == (30, 3, 257)
    assert meta.groupby(["subject", "session"]).ngroups == 3
    assert dataset.session_names["anna"] == {"0": "1", "1": "2"}


def test_other_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="No file"):
        from_files(tmp_path / "gone.npz")
    with pytest.raises(ValueError, match=r"expected a file of trials \(\.npz"):
        from_files(tmp_path)
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"expected a file of trials \(\.npz"):
        from_files(tmp_path / "x.txt")


def test_natural_order(tmp_path):
    for name in ("sub-2_ses-10", "sub-2_ses-2", "sub-10_ses-1", "sub-2_ses-1"):
        continuous().save(tmp_path / f"{name}_raw.fif", verbose="error")
    dataset = from_files(tmp_path, interval=(0, 2), events=CLASSES)
    assert dataset.subject_list == ["2", "10"]
    assert list(dataset.session_names["2"].values()) == ["1", "2", "10"]


def test_a_split_recording_is_read_once(tmp_path):
    rng = np.random.RandomState(5)
    n = 120
    info = mne.create_info([f"E{i}" for i in range(16)], 250.0, "eeg")
    signal = 1e-5 * rng.randn(16, 250 * (4 * n + 4))
    raw = mne.io.RawArray(signal, info, verbose="error")
    marks = rng.choice(["T1", "T2"], n)
    raw.set_annotations(mne.Annotations(np.arange(n) * 4.0 + 2, 0.0, marks))
    for naming, name in (("neuromag", "x_raw.fif"), ("bids", "sub-1_eeg.fif")):
        folder = tmp_path / naming
        folder.mkdir()
        raw.save(folder / name, split_size="3MB", split_naming=naming, verbose="error")
        assert len(list(folder.iterdir())) > 2
        dataset = from_files(folder, interval=(0, 2), events=CLASSES)
        assert len(dataset.subject_list) == 1
        (subject,) = dataset.subject_list
        assert sum(dataset.count_marks(subject, "0").values()) == n
        next(folder.glob("*raw.fif" if naming == "neuromag" else "*split-01*")).unlink()
        with pytest.raises(ValueError, match="part of a recording"):
            from_files(folder, interval=(0, 2), events=CLASSES)


def test_split_epochs_are_read_once(tmp_path):
    X = 1e-6 * np.random.RandomState(0).randn(90, 16, 500)
    cues = np.column_stack([np.arange(90) * 600, np.zeros(90, int), [1, 2] * 45])
    info = mne.create_info([f"E{i}" for i in range(16)], 250.0, "eeg")
    epochs = mne.EpochsArray(X, info, cues, event_id={"a": 1, "b": 2}, verbose=40)
    epochs.save(tmp_path / "x-epo.fif", split_size="2MB", verbose="error")
    assert len(list(tmp_path.iterdir())) > 1
    dataset = from_files(tmp_path)
    assert sum(dataset.count_marks(1, "0").values()) == 90


def test_suffixes_of_any_case_and_what_is_not_read(tmp_path):
    continuous(0).save(tmp_path / "sub-a_raw.fif", verbose="error")
    continuous(1).save(tmp_path / "sub-b_raw.fif.gz", verbose="error")
    continuous(2).save(tmp_path / "c_raw.fif", verbose="error")
    (tmp_path / "c_raw.fif").rename(tmp_path / "sub-c_raw.FIF")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "more").mkdir()
    with pytest.warns(UserWarning, match="not read.*more/, notes.txt"):
        dataset = from_files(tmp_path, interval=(0, 2), events=CLASSES)
    assert dataset.subject_list == ["a", "b", "c"]


@pytest.mark.parametrize(("suffix", "fmt"), [("EDF", "edf"), ("Bdf", "bdf")])
def test_edf_in_upper_case(tmp_path, suffix, fmt):
    pytest.importorskip("edfio")
    raw = continuous().pick("eeg")
    try:
        mne.export.export_raw(tmp_path / f"x.{fmt}", raw, fmt=fmt, verbose="error")
    except (ValueError, RuntimeError):
        pytest.skip(f"this MNE does not write .{fmt}")
    (tmp_path / f"x.{fmt}").rename(tmp_path / f"X.{suffix}")
    dataset = from_files(tmp_path / f"X.{suffix}", interval=(0, 2), events=CLASSES)
    assert dataset.count_marks(1, "0") == {"left_hand": 5, "right_hand": 5}


def test_one_file_under_two_names(tmp_path):
    continuous().save(tmp_path / "a_raw.fif", verbose="error")
    (tmp_path / "b_raw.fif").symlink_to(tmp_path / "a_raw.fif")
    with pytest.raises(ValueError, match="are the same file"):
        from_files(tmp_path, interval=(0, 2), events=CLASSES)
    (tmp_path / "b_raw.fif").unlink()
    (tmp_path / "c_raw.fif").symlink_to(tmp_path / "gone_raw.fif")
    with pytest.raises(ValueError, match="leads nowhere"):
        from_files(tmp_path, interval=(0, 2), events=CLASSES)


def test_options_without_meaning_are_refused(tmp_path):
    X, y = trials()
    file = tmp_path / "x.npz"
    np.savez(file, X=X, y=y, sfreq=128.0)
    for option in (
        {"interval": (0, 1)},
        {"events": {"a": 1, "b": 2}},
        {"resample": 64.0},
    ):
        with pytest.raises(ValueError, match="would have no effect"):
            from_files(file, **option)
    with pytest.raises(ValueError, match="interval must be"):
        from_files(file, interval=(5, 1))


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_mat(tmp_path, version):
    X, _ = trials()
    direct = from_arrays(X, [2, 1] * 6, sfreq=128.0, subject=1, name="x")
    file = tmp_path / "x.mat"
    if version == "5":
        from scipy.io import savemat

        held = {"X": X, "y": np.array([[2.0, 1.0] * 6]).T, "sfreq": 128.0}
        held["ch_names"] = np.array(["EEG001", "EEG002", "EEG003"], object)
        savemat(file, held)
    else:
        h5py = pytest.importorskip("h5py")
        pytest.importorskip("pymatreader")
        with h5py.File(file, "w", userblock_size=512) as stored:
            # MATLAB keeps arrays in the other order
            for key, value in {
                "X": X.T,
                "y": [[2.0, 1.0] * 6],
                "sfreq": [[128.0]],
            }.items():
                stored[key] = np.asarray(value)
                stored[key].attrs["MATLAB_class"] = np.bytes_("double")
        with open(file, "r+b") as raw:
            head = b"MATLAB 7.3 MAT-file".ljust(116) + b"\0" * 8 + b"\x00\x02IM"
            raw.write(head)
    assert from_files(file).code == direct.code
    if version == "5":
        savemat(file, held | {"X": X.transpose(1, 2, 0)})
        with pytest.raises(ValueError, match="permute"):
            from_files(file)
        file.write_bytes(b"no mat file at all")
        with pytest.raises(ValueError, match=r"damaged or no \.mat"):
            from_files(file)


def test_epoched_set(tmp_path):
    from scipy.io import savemat

    X = np.random.RandomState(0).randn(3, 256, 10)  # channels, times, trials: EEGLAB
    names = np.array([("C3",), ("Cz",), ("C4",)], dtype=[("labels", "O")])
    words = ["left_hand", "right_hand"] * 5
    events = np.array(
        [(word, 256.0 * i + 1, i + 1.0) for i, word in enumerate(words)],
        dtype=[("type", "O"), ("latency", "O"), ("epoch", "O")],
    )
    epochs = np.array(
        [(i + 1.0, 0.0, word) for i, word in enumerate(words)],
        dtype=[("event", "O"), ("eventlatency", "O"), ("eventtype", "O")],
    )
    held = {"setname": "x", "nbchan": 3.0, "trials": 10.0, "pnts": 256.0}
    held |= {"srate": 128.0, "xmin": 0.0, "xmax": 255 / 128, "data": X}
    held |= {
        "chanlocs": names,
        "event": events,
        "epoch": epochs,
        "chaninfo": {"plotrad": 0.5},
    }
    savemat(tmp_path / "x.set", {"EEG": held}, appendmat=False)
    dataset = from_files(tmp_path / "x.set")
    assert dataset.count_marks(1, "0") == {"left_hand": 5, "right_hand": 5}
    got, _ = shape_and_meta(dataset)
    np.testing.assert_allclose(got, X.transpose(2, 0, 1), rtol=1e-6)


def test_what_mne_cannot_read_is_named(tmp_path):
    for name in (
        "x.set",
        "x.cnt",
        "x.edf",
        "x_raw.fif",
        "x-epo.fif",
        "x.vhdr",
        "x.xdf",
    ):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 40)
        with pytest.raises((ValueError, ModuleNotFoundError)) as caught:
            from_files(tmp_path / name, interval=(0, 2))
        assert "\n" not in str(caught.value)
        if isinstance(caught.value, ValueError):
            assert name in str(caught.value)


def test_xdf(tmp_path):
    pyxdf = pytest.importorskip("pyxdf", reason="pyxdf comes with the extra xdf")
    raw = continuous().pick("eeg")
    file = tmp_path / "x.xdf"
    write_xdf(file, raw)
    assert pyxdf.load_xdf(str(file))[0]
    dataset = from_files(file, interval=(0, 2), events=CLASSES)
    assert dataset.count_marks(1, "0") == {"left_hand": 5, "right_hand": 5}
    got = next(dataset._raws())
    assert got.ch_names == ["C3", "Cz", "C4"]
    np.testing.assert_allclose(got.get_data(), raw.get_data(), atol=1e-12)


def write_xdf(path, raw):
    """Write an XDF file after its specification: a signal and its markers."""
    import struct

    def chunk(tag, content):
        body = struct.pack("<H", tag) + content
        return b"\x04" + struct.pack("<I", len(body)) + body

    def header(number, name, kind, count, rate, form, extra=""):
        text = (
            f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type>"
            f"<channel_count>{count}</channel_count><nominal_srate>{rate}"
            f"</nominal_srate><channel_format>{form}</channel_format>"
            f"<created_at>1</created_at><desc>{extra}</desc></info>"
        )
        return chunk(2, struct.pack("<I", number) + text.encode())

    labels = "".join(
        f"<channel><label>{name}</label><unit>volts</unit></channel>"
        for name in raw.ch_names
    )
    out = b"XDF:" + chunk(
        1, b"<?xml version='1.0'?><info><version>1.0</version></info>"
    )
    out += header(
        1,
        "amp",
        "EEG",
        len(raw.ch_names),
        128,
        "double64",
        f"<channels>{labels}</channels>",
    )
    out += header(2, "marks", "Markers", 1, 0, "string")
    signal = raw.get_data()
    body = struct.pack("<I", 1) + b"\x04" + struct.pack("<I", signal.shape[1])
    for i in range(signal.shape[1]):
        body += (
            b"\x08"
            + struct.pack("<d", 10 + i / 128)
            + signal[:, i].astype("<f8").tobytes()
        )
    out += chunk(3, body)
    notes = [a for a in raw.annotations if a["description"].startswith("T")]
    body = struct.pack("<I", 2) + b"\x04" + struct.pack("<I", len(notes))
    for note in notes:
        word = note["description"].encode()
        body += b"\x08" + struct.pack("<d", 10 + note["onset"])
        body += b"\x01" + bytes([len(word)]) + word
    out += chunk(3, body)
    for number, count in ((1, signal.shape[1]), (2, len(notes))):
        text = f"<?xml version='1.0'?><info><sample_count>{count}</sample_count></info>"
        out += chunk(6, struct.pack("<I", number) + text.encode())
    path.write_bytes(out)


def test_bids(tmp_path):
    mne_bids = pytest.importorskip("mne_bids")
    pytest.importorskip("pybv")
    for subject in ("2", "10"):
        for session in ("a", "b"):
            raw = continuous().pick("eeg")
            mne_bids.write_raw_bids(
                raw,
                mne_bids.BIDSPath(
                    subject=subject, session=session, task="mi", root=tmp_path
                ),
                allow_preload=True,
                format="BrainVision",
                verbose="error",
            )
    dataset = from_files(tmp_path, interval=(0, 2), events=CLASSES)
    assert dataset.subject_list == ["2", "10"]
    assert list(dataset.session_names["10"].values()) == ["a", "b"]
    assert dataset.count_marks("2", "0a") == {"left_hand": 5, "right_hand": 5}


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "flipped":
        content[len(content) // 2] ^= 0x55
    else:
        content = bytearray(b"no archive at all")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("how", ["truncated", "flipped", "text"])
def test_damaged_archives(tmp_path, save, how):
    X, y = trials()
    file = tmp_path / "x.npz"
    save(file, X=X, y=y, sfreq=128.0)
    damaged(file, how)
    with pytest.raises(ValueError, match=r"x\.npz.*damaged"):
        from_files(file)


def test_every_flipped_byte_of_an_archive_is_found_or_harmless(tmp_path):
    X, y = trials(n=4, channels=2, times=40)
    file = tmp_path / "x.npz"
    np.savez(file, X=X, y=y, sfreq=128.0)
    good, code = file.read_bytes(), from_files(file).code
    refused = 0
    for at in range(0, len(good), 7):
        content = bytearray(good)
        content[at] ^= 0x80
        file.write_bytes(bytes(content))
        try:
            assert from_files(file).code == code
        except ValueError:
            refused += 1
    assert refused > 50


def test_an_archive_made_to_fill_the_memory(tmp_path):
    import zipfile

    file = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("X.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(20):
            member.write(bytes(2**24))
    with pytest.raises(ValueError, match="fill the memory"):
        from_files(file)
    # a header that claims more than there is
    np.savez(file, X=trials()[0], y=trials()[1], sfreq=128.0)
    with zipfile.ZipFile(file, "a") as archive:
        head = (
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 9, 9)}"
        )
        archive.writestr(
            "ch_names.npy", b"\x93NUMPY\x01\x00" + bytes([128, 0]) + head.ljust(128)
        )
    with pytest.raises(ValueError, match="damaged"):
        from_files(file)


@pytest.mark.parametrize("sfreq", [[128.0, 64.0], 1e-9, np.nan, "fast"])
def test_a_sampling_frequency_that_is_none(tmp_path, sfreq):
    X, y = trials()
    np.savez(tmp_path / "x.npz", X=X, y=y, sfreq=sfreq)
    with pytest.raises(ValueError, match=r"x\.npz.*sfreq"):
        from_files(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("name", "message"), [("a_raw.fif", "is empty"), ("a_raw.FIF.GZ", "lower case")]
)
def test_a_file_that_mne_would_misread(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"" if "empty" in message else b"\x1f\x8b")
    with pytest.raises(ValueError, match=message):
        from_files(tmp_path / name, interval=(0, 1))


def test_a_recording_cut_short_is_named(tmp_path):
    info = mne.create_info(3, 128.0, "eeg")
    signal = 1e-6 * np.random.RandomState(0).randn(3, 128 * 60)
    raw = mne.io.RawArray(signal, info, verbose="error")
    raw.set_annotations(mne.Annotations(range(2, 52, 5), 0.0, ["T1", "T2"] * 5))
    raw.save(tmp_path / "a_raw.fif", buffer_size_sec=1, verbose="error")
    whole = (tmp_path / "a_raw.fif").read_bytes()
    for fraction in (0.2, 0.5, 0.9, 0.99):
        (tmp_path / "a_raw.fif").write_bytes(whole[: int(fraction * len(whole))])
        with pytest.raises(ValueError, match=r"a_raw\.fif"):
            from_files(tmp_path / "a_raw.fif", interval=(0, 1))
