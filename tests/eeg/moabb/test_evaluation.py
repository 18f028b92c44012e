"""Evaluations through MOABB: both routes, three evaluations, resuming, errors."""
# ruff: noqa: E402

import pathlib

import numpy as np
import pytest

moabb = pytest.importorskip("moabb")
pytest.importorskip("mne")
pytest.importorskip("typer")

import pandas as pd
from moabb.evaluations import (
    CrossSessionEvaluation,
    CrossSubjectEvaluation,
    WithinSessionEvaluation,
)
from moabb.paradigms import LeftRightImagery, MotorImagery
from sklearn.base import BaseEstimator, ClassifierMixin

from skgeo.datasets import EmbeddedMotorImagery, from_arrays, load_embedded_eeg
from skgeo.datasets._eeg.register import register_in_moabb
from skgeo.eeg import evaluate, pipeline_folder, pipelines
from skgeo.eeg._moabb.lookup import find_dataset, find_paradigm
from skgeo.exceptions import NoNetworkError

NAMES = ["Cov+MDM", "ACM+TS+SVM", "ACM+MDM"]
PLAIN = {
    "within-session": WithinSessionEvaluation,
    "cross-session": CrossSessionEvaluation,
    "cross-subject": CrossSubjectEvaluation,
}
CHANNELS = ["C3", "Cz", "C4"]


def two_people():
    """The embedded recording's two tasks as two subjects: real data to cross."""
    data = load_embedded_eeg("all", channels=CHANNELS, band=None)
    y = np.where(np.isin(data.y, ["left_hand", "hands"]), "left_hand", "right_hand")
    subject = np.where(np.isin(data.run, [4, 8, 12]), 1, 2)
    return from_arrays(data.X, y, sfreq=data.sfreq, subject=subject, session=data.run)


def real_dataset(evaluation):
    if evaluation == "cross-subject":
        return two_people()
    sessions = "one" if evaluation == "within-session" else "blocks"
    return EmbeddedMotorImagery(channels=CHANNELS, sessions=sessions)


@pytest.mark.parametrize("evaluation", list(PLAIN))
@pytest.mark.parametrize("real", [False, True], ids=["fake", "real"])
def test_equals_plain_moabb(evaluation, real, fake_dataset, tmp_path):
    # The dict route with MOABB's own class, and ours that streams: the same scores.
    # MOABB fits with metadata routing switched on.
    dataset = real_dataset(evaluation) if real else fake_dataset
    mine = evaluate(
        dataset,
        paradigm="LeftRightImagery",
        evaluation=evaluation,
        pipelines=NAMES,
        output=tmp_path / "mine",
    ).scores
    plain = PLAIN[evaluation](
        paradigm=LeftRightImagery(),
        datasets=[dataset],
        random_state=42,
        hdf5_path=str(tmp_path / "plain"),
    ).process(pipelines(NAMES))
    key = ["subject", "session", "pipeline"]
    pd.testing.assert_series_equal(
        mine.set_index(key)["score"].sort_index(),
        plain.set_index(key)["score"].sort_index().astype(float),
        atol=1e-7,
    )
    assert mine["score"].between(0, 1).all()
    assert len(mine) == len(NAMES) * mine.groupby(["subject", "session"]).ngroups


@pytest.mark.parametrize(
    "evaluation", ["WithinSession", "CrossSession", "CrossSubject"]
)
@pytest.mark.parametrize("real", [False, True], ids=["fake", "real"])
def test_yaml_route(evaluation, real, fake_dataset, tmp_path, capsys):
    if real:
        dataset = real_dataset(
            {"WithinSession": "within-session", "CrossSession": "cross-session"}.get(
                evaluation, "cross-subject"
            )
        )
        register_in_moabb(dataset)
    else:
        dataset = fake_dataset
    folder = tmp_path / "pipelines"
    folder.mkdir()
    for name in ("cov_mdm", "acm_ts_svm", "acm_mdm"):
        content = (pathlib.Path(pipeline_folder()) / f"{name}.yml").read_text()
        (folder / f"{name}.yml").write_text(content)
    frame = moabb.benchmark(
        pipelines=str(folder),
        evaluations=[evaluation],
        paradigms=["LeftRightImagery"],
        include_datasets=[dataset],
        results=str(tmp_path / "results"),
        output=str(tmp_path / "out"),
        n_jobs=1,
    )
    assert set(frame["pipeline"]) == set(NAMES)
    assert frame["score"].between(0, 1).all()


def test_nested_search_through_both_routes(tmp_path):
    dataset = EmbeddedMotorImagery(channels=CHANNELS)
    name = "ACM+TS+SVM(grid)"
    grid = {
        name: {
            "augmentedcovarianceclassifier__order": [1, 3],
            "augmentedcovarianceclassifier__lag": [2, 8],
        }
    }
    options = {"paradigm": "LeftRightImagery", "output": tmp_path}
    mine = evaluate(dataset, pipelines=pipelines(name), param_grid=grid, **options)
    plain = WithinSessionEvaluation(
        paradigm=LeftRightImagery(),
        datasets=[dataset],
        random_state=42,
        hdf5_path=str(tmp_path / "plain"),
    ).process(pipelines(name), param_grid=grid)
    np.testing.assert_allclose(mine.scores["score"], plain["score"], atol=1e-7)
    # Another grid is another result, though MOABB does not key results by the grid.
    grid[name]["augmentedcovarianceclassifier__order"] = [2]
    calls = []
    evaluate(
        dataset,
        pipelines=pipelines(name),
        param_grid=grid,
        report=calls.append,
        **options,
    )
    assert calls


class Interrupting(ClassifierMixin, BaseEstimator):
    """Ends the run at its n-th fit, as Ctrl-C would."""

    fits_left = 0

    def fit(self, X, y):
        type(self).fits_left -= 1
        if type(self).fits_left < 0:
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0].std(axis=1)

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 1).astype(int)]


def test_an_interrupted_run_goes_on(fake_dataset, tmp_path):
    chosen = {**pipelines("Cov+MDM"), "interrupting": Interrupting()}
    options = {"pipelines": chosen, "output": tmp_path}
    # 3 subjects x 2 sessions x 5 folds: stop inside the second subject
    Interrupting.fits_left = 13
    seen = []
    with pytest.raises(KeyboardInterrupt):
        evaluate(fake_dataset, report=seen.append, **options)
    finished = [r for r in seen if r.score is not None]
    assert len(finished) == 20 + 3 + 10
    Interrupting.fits_left = 1000
    again = []
    result = evaluate(fake_dataset, report=again.append, **options)
    redone = {(r.subject, r.pipeline) for r in again if r.score is not None}
    assert redone == {("2", "interrupting"), ("3", "interrupting"), ("3", "Cov+MDM")}
    assert len(result.scores) == 12
    assert len(result.folds) == 60
    assert not result.folds.duplicated(["pipeline", "subject", "session", "fold"]).any()
    # a complete run computes nothing, and --overwrite everything
    third = []
    evaluate(fake_dataset, report=third.append, **options)
    assert not third
    evaluate(fake_dataset, report=third.append, overwrite=True, **options)
    assert sum(r.score is not None for r in third) == 60


def test_fold_scores_average_to_moabbs(tmp_path):
    result = evaluate(pipelines=NAMES, channels=CHANNELS, output=tmp_path)
    mean = result.folds.groupby(["task", "pipeline"])["score"].mean()
    scores = result.scores.set_index(["task", "pipeline"])["score"]
    np.testing.assert_allclose(
        mean.sort_index(), scores.sort_index(), rtol=1e-6
    )  # float32
    assert result.scores["task"].unique().tolist() == [
        "left_hand / right_hand",
        "hands / feet",
    ]


def test_two_processes_give_the_same(tmp_path):
    options = {"pipelines": NAMES[:2], "channels": CHANNELS}
    one = evaluate(output=tmp_path / "1", n_jobs=1, **options)
    two = evaluate(output=tmp_path / "2", n_jobs=2, **options)
    assert one.scores["score"].tolist() == two.scores["score"].tolist()
    assert len(one.folds) == len(two.folds)


def test_subjects(fake_dataset, tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    frame = evaluate(fake_dataset, subjects=["2"], **options).scores
    assert frame["subject"].astype(str).unique().tolist() == ["2"]
    assert fake_dataset.subject_list == [1, 2, 3]
    with pytest.raises(ValueError, match="has no subject"):
        evaluate(fake_dataset, subjects=[9], **options)


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
    with pytest.raises(ValueError, match="has no class"):
        find_paradigm(None, embedded, classes=["tongue", "feet"])
    with pytest.raises(ValueError, match="does not let one choose"):
        find_paradigm("LeftRightImagery", embedded, classes=["hands", "feet"])


def test_what_cannot_be_crossed(tmp_path):
    with pytest.raises(ValueError, match="at least two subjects"):
        evaluate(evaluation="cross-subject", output=tmp_path)
    one = EmbeddedMotorImagery(channels=CHANNELS)
    with pytest.raises(ValueError, match="at least two sessions"):
        evaluate(one, evaluation="cross-session", output=tmp_path)


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
