"""The shipped recording as a MOABB data set."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import pickle

import numpy as np
import pytest

moabb = pytest.importorskip("moabb")
mne = pytest.importorskip("mne")

from moabb.datasets import PhysionetMI
from moabb.paradigms import LeftRightImagery, MotorImagery

from skgeo.datasets import EmbeddedMotorImagery, load_embedded_eeg
from tests.datasets.test_embedded_eeg import edf_folder


def test_equals_moabbs_own_data_set(monkeypatch):
    folder = edf_folder()
    root = folder.parents[4]  # .../physionet_s001
    monkeypatch.setenv("MNE_DATASETS_EEGBCI_PATH", str(root))
    monkeypatch.setenv("MOABB_DOWNLOAD_PROVIDER", "upstream")
    theirs = PhysionetMI(subjects=[1])
    for paradigm in (
        LeftRightImagery(),
        MotorImagery(
            events=["hands", "feet"], n_classes=2, channels=["C3", "Cz", "C4"]
        ),
    ):
        X, y, meta = paradigm.get_data(EmbeddedMotorImagery())
        X0, y0, _ = paradigm.get_data(theirs)
        np.testing.assert_allclose(X, X0, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(y, y0)
        assert X.shape == (45, 64 if paradigm.channels is None else 3, 481)
        assert meta["session"].unique().tolist() == ["0"]
        assert len(meta["run"].unique()) == 3
    raw = EmbeddedMotorImagery()._raw(0)
    raw0 = theirs._load_one_run(1, 4)
    assert raw.ch_names == raw0.ch_names
    at, at0 = (r.get_montage().get_positions() for r in (raw, raw0))
    for name in raw.ch_names:
        np.testing.assert_allclose(
            at["ch_pos"][name], at0["ch_pos"][name], rtol=0, atol=1e-6
        )


def test_same_trials_as_the_plain_loader():
    paradigm = LeftRightImagery(fmin=None, fmax=None)
    X, y, _ = paradigm.get_data(EmbeddedMotorImagery(channels="motor"))
    plain = load_embedded_eeg(channels="motor", band=None)
    np.testing.assert_allclose(X, plain.X, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(y, plain.y)


def test_blocks_are_sessions():
    dataset = EmbeddedMotorImagery(channels=["C3", "Cz", "C4"], sessions="blocks")
    X, _, meta = LeftRightImagery().get_data(dataset)
    assert X.shape == (45, 3, 481)
    assert meta["session"].value_counts().to_dict() == {"0": 15, "1": 15, "2": 15}


def test_codes_differ_and_small_pickles():
    kinds = [
        EmbeddedMotorImagery(),
        EmbeddedMotorImagery(channels="motor"),
        EmbeddedMotorImagery(sessions="blocks"),
    ]
    assert len({kind.code for kind in kinds}) == 3
    assert all(len(pickle.dumps(kind)) < 2000 for kind in kinds)


def test_clear_errors():
    with pytest.raises(ValueError, match="sessions must be"):
        EmbeddedMotorImagery(sessions="many")
    with pytest.raises(ValueError, match="only subject is 1"):
        EmbeddedMotorImagery().data_path(2)
