"""What an evaluation is given: data sets, paradigms, classes, bands, mistakes."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import numpy as np
import pytest

moabb = pytest.importorskip("moabb")
pytest.importorskip("mne")
pytest.importorskip("typer")

from moabb.paradigms import LeftRightImagery, MotorImagery

from skgeo.datasets import EmbeddedMotorImagery, from_arrays
from skgeo.datasets._eeg.register import register_in_moabb
from skgeo.eeg import evaluate
from skgeo.eeg._moabb.lookup import find_dataset, find_paradigm
from skgeo.exceptions import NoNetworkError
from tests.eeg.moabb.helpers import noise


def test_names():
    register_in_moabb()  # its name is then in both lists
    assert find_dataset("embeddedmotorimagery").code == "EmbeddedMotorImagery-motor"
    assert find_dataset("zhou2016").code == "Zhou2016"
    with pytest.raises(ValueError, match="Did you mean BNCI2014_001"):
        find_dataset("BNCI2014-001")
    with pytest.raises(ValueError, match=r"Did you mean .*PhysionetMI"):
        find_dataset("Physionet")
    with pytest.raises(ValueError, match="Unknown data set"):
        find_dataset("xyzzy")
    with pytest.raises(FileNotFoundError):
        find_dataset("missing.npz")


def test_paradigms():
    embedded = EmbeddedMotorImagery()
    assert type(find_paradigm(None, embedded)) is LeftRightImagery
    feet = find_paradigm(None, embedded, classes=["feet", "hands"], band=(4, 40))
    assert type(feet) is MotorImagery
    assert feet.scoring == "roc_auc"
    assert feet.filters == [[4, 40]]
    with pytest.raises(ValueError, match=r"Did you mean .*LeftRightImagery"):
        find_paradigm("LeftRight", embedded)
    with pytest.raises(ValueError, match="does not fit"):
        find_paradigm("P300", embedded)
    with pytest.raises(ValueError, match="channels must be a sequence"):
        find_paradigm(None, embedded, channels="motor")
    with pytest.raises(ValueError, match=r"has no channel C33.*Did you mean C3"):
        find_paradigm(None, embedded, channels=["C33"])
    with pytest.raises(ValueError, match="has no class"):
        find_paradigm(None, embedded, classes=["tongue", "feet"])
    with pytest.raises(ValueError, match="does not let one choose"):
        find_paradigm("LeftRightImagery", embedded, classes=["hands", "feet"])


def test_no_network(tmp_path, monkeypatch):
    import requests
    from moabb.datasets import Zhou2016

    def refuse(self, subject):
        try:
            raise requests.exceptions.ConnectionError("no route to host")
        except requests.exceptions.ConnectionError as error:
            raise RuntimeError("download failed") from error

    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", refuse)
    with pytest.raises(NoNetworkError, match="EmbeddedMotorImagery"):
        evaluate("Zhou2016", subjects=[1], pipelines=["Cov+MDM"], output=tmp_path)
    # an error of another kind is not taken for one of the network
    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", lambda self, s: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate("Zhou2016", subjects=[1], pipelines=["Cov+MDM"], output=tmp_path)


def test_rest_stays_where_it_is_needed_or_was_named(tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    scores = evaluate(noise(["rest", "right_hand"]), **options).scores
    assert scores[["task", "n_classes"]].values.tolist() == [["rest / right_hand", 2]]
    assert scores["score"].iloc[0] < 0.9
    three = noise(["left_hand", "rest", "right_hand"], 30)
    assert evaluate(three, **options).scores["n_classes"].tolist() == [3]
    both = {"classes": ["left_hand", "right_hand"], **options}
    assert evaluate(three, **both).scores["task"].tolist() == ["left_hand / right_hand"]
    # of a published data set rest is left out, as in MOABB
    embedded = find_paradigm("MotorImagery", EmbeddedMotorImagery())
    assert "rest" not in embedded.used_events(EmbeddedMotorImagery())


def test_one_class_is_never_evaluated(tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    with pytest.raises(ValueError, match="one class"):
        evaluate(noise(["rest"]), **options)
    # one of two people has one class only
    y = np.repeat(["left_hand", "right_hand"], [10, 30])
    lopsided = noise(y, 40, subject=np.repeat([1, 2], 20))
    with pytest.raises(ValueError, match="subject 2, session 0: there is only the cl"):
        evaluate(lopsided, **options)
    with pytest.raises(ValueError, match="a training set holds 1 class"):
        evaluate(lopsided, evaluation="cross-subject", subjects="1,2", **options)
    # the wrong folds: all trials of one class come first
    sorted_labels = noise(np.repeat(["left_hand", "right_hand"], 10))
    with pytest.raises(ValueError, match=r"holds 1 class.*cv= \(--folds\)"):
        evaluate(sorted_labels, cv="chronological:3", **options)
    with pytest.raises(ValueError, match="20 folds need 20 trials of each class"):
        evaluate(sorted_labels, cv=20, **options)
    with pytest.raises(ValueError, match="several runs in each session"):
        evaluate(sorted_labels, cv="runs", **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": (32, 8)}, "low < high"),
        ({"band": (8, 64)}, "half the sampling frequency, 64 Hz"),
        ({"resample": 50.0}, r"8 to 32 Hz .* half of resample=50 Hz"),
        ({"band": 8}, "'band' must be"),
        ({"interval": (5, 1)}, "start < stop"),
        ({"interval": (0, 1)}, r"interval= \(--interval\) is for files"),
        ({"events": {"a": 1, "b": 2}}, "is for files"),
        ({"subjects": []}, "'subjects' must be"),
        ({"subjects": "3-1"}, "runs backwards"),
        ({"subjects": range(10**6)}, "has no subject"),
        ({"classes": ["left_hand"]}, "at least two"),
        ({"classes": "left_hand"}, "'classes' must be"),
        ({"channels": ["Fz"]}, "has no channel Fz"),
        ({"param_grid": {"Cov+MDN": {}}}, r"Did you mean Cov\+MDM"),
        ({"pipelines": {}}, "no pipeline"),
        ({"pipelines": {"x": 3}}, "must map names to scikit-learn estimators"),
        ({"paradigm": 3}, "paradigm must be"),
        ({"scorer": "acuracy"}, "Did you mean accuracy"),
        ({"scorer": "r2"}, "is not for classes"),
        ({"scorer": "rand_score"}, "is not for classes"),
        ({"n_jobs": 0}, "'n_jobs' must be"),
        ({"random_state": None}, "'random_state' must be"),
        ({"overwrite": 1}, "'overwrite' must be"),
        ({"callbacks": 1}, "'callbacks' must be"),
        ({"cv": True}, "must be a number of folds"),
        ({"evaluation": "cross-subject", "cv": 3}, "is for within-session"),
    ],
)
def test_clear_errors(change, message, tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path / "out"} | change
    with pytest.raises(ValueError, match=message):
        evaluate(noise(["left_hand", "right_hand"]), **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"band": (8, 30)},
        {"channels": ["C3", "C4"]},
        {"classes": ["left_hand", "right_hand"]},
        {"scorer": "accuracy"},
        {"resample": 80},
    ],
)
def test_what_a_paradigm_made_already_would_ignore(change, tmp_path):
    with pytest.raises(ValueError, match="would have no effect beside a paradigm"):
        evaluate(
            EmbeddedMotorImagery(),
            paradigm=LeftRightImagery(),
            output=tmp_path,
            **change,
        )


def test_a_band_that_trials_do_not_resolve(tmp_path):
    noisy = noise(["left_hand", "right_hand"])
    with pytest.warns(UserWarning, match="0.008 to 0.032 Hz is narrower than trials"):
        evaluate(
            noisy, pipelines=["Cov+MDM"], band=(0.008, 0.032), output=tmp_path / "out"
        )


@pytest.mark.parametrize("thing", [3, (np.zeros((4, 3, 9)), [0, 1, 0, 1]), [None]])
def test_what_is_no_data_set(thing, tmp_path):
    with pytest.raises(ValueError, match=r"dataset must be .*from_arrays"):
        evaluate(thing, output=tmp_path)


@pytest.mark.parametrize("band", [(None, 30.0), (8.0, None), (0.0, 30.0)])
def test_a_band_may_be_open_at_one_end(band, tmp_path):
    X = np.random.RandomState(0).randn(20, 3, 128)
    dataset = from_arrays(X, ["left_hand", "right_hand"] * 10, sfreq=128.0)
    found = evaluate(dataset, pipelines=["Cov+MDM"], band=band, output=tmp_path)
    assert found.scores["score"].between(0, 1).all()
