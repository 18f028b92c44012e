"""Recordings in files."""
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


def test_other_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="No file"):
        from_files(tmp_path / "gone.npz")
    with pytest.raises(ValueError, match=r"expected an \.npz file"):
        from_files(tmp_path)
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"expected an \.npz file"):
        from_files(tmp_path / "x.txt")
