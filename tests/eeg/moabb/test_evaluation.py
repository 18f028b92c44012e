"""Evaluations through MOABB: both routes, three evaluations, resuming."""
# Imports follow the checks for optional packages.
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
from moabb.paradigms import LeftRightImagery

from skgeo.datasets import EmbeddedMotorImagery, from_arrays, load_embedded_eeg
from skgeo.datasets._eeg.register import register_in_moabb
from skgeo.eeg import evaluate, pipeline_folder, pipelines
from tests.eeg.moabb.helpers import Interrupting

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
    # MOABB shows its own keys of sessions, skgeo the names as given.
    names = getattr(dataset, "session_names", {})
    by_name = {str(subject): keys for subject, keys in names.items()}
    plain["session"] = [
        by_name.get(s, {}).get(session, session)
        for s, session in zip(plain["subject"], plain["session"], strict=True)
    ]
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
        callbacks=calls.append,
        **options,
    )
    assert calls


def test_an_interrupted_run_goes_on(fake_dataset, tmp_path):
    chosen = {**pipelines("Cov+MDM"), "interrupting": Interrupting()}
    options = {"pipelines": chosen, "output": tmp_path}
    # 3 subjects x 2 sessions x 5 folds: stop inside the second subject
    Interrupting.fits_left = 13
    seen = []
    with pytest.raises(KeyboardInterrupt):
        evaluate(fake_dataset, callbacks=seen.append, **options)
    finished = [r for r in seen if r.score is not None]
    assert len(finished) == 20 + 3 + 10
    Interrupting.fits_left = 1000
    again = []
    result = evaluate(fake_dataset, callbacks=again.append, **options)
    redone = {(r.subject, r.pipeline) for r in again if r.score is not None}
    assert redone == {("2", "interrupting"), ("3", "interrupting"), ("3", "Cov+MDM")}
    assert len(result.scores) == 12
    assert len(result.folds) == 60
    assert not result.folds.duplicated(["pipeline", "subject", "session", "fold"]).any()
    # a complete run computes nothing, and --overwrite everything
    third = []
    evaluate(fake_dataset, callbacks=third.append, **options)
    assert not third
    evaluate(fake_dataset, callbacks=third.append, overwrite=True, **options)
    assert sum(r.score is not None for r in third) == 60


def test_fold_scores_average_to_moabbs(tmp_path):
    result = evaluate(pipelines=NAMES, channels=CHANNELS, output=tmp_path)
    mean = result.folds.groupby(["task", "pipeline"])["score"].mean()
    scores = result.scores.set_index(["task", "pipeline"])["score"]
    np.testing.assert_allclose(
        mean.sort_index(), scores.sort_index(), rtol=1e-6
    )  # float32
    four = "left_hand / right_hand / hands / feet"
    assert result.scores["task"].unique().tolist() == [
        "left_hand / right_hand",
        "left_hand / right_hand, pairs of runs left out",
        four,
        f"{four}, pairs of runs left out",
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


def test_what_cannot_be_crossed(tmp_path):
    with pytest.raises(ValueError, match="at least two subjects"):
        evaluate(evaluation="cross-subject", output=tmp_path)
    one = EmbeddedMotorImagery(channels=CHANNELS)
    with pytest.raises(ValueError, match="at least two sessions"):
        evaluate(one, evaluation="cross-session", output=tmp_path)


def test_folds_are_numbered_from_one_in_each_session(fake_dataset, tmp_path):
    seen = []
    result = evaluate(
        fake_dataset,
        pipelines=["Cov+MDM"],
        subjects=[2],
        output=tmp_path,
        callbacks=seen.append,
    )
    for _, rows in result.folds.groupby(["subject", "session"]):
        assert rows["fold"].tolist() == [1, 2, 3, 4, 5]
    told = [(r.fold, r.n_folds) for r in seen if r.score is not None]
    assert told == [(i, 10) for i in range(1, 11)]  # two sessions of five
    assert [(r.done, r.total) for r in seen][-1] == (1, 1)
    cross = evaluate(
        fake_dataset,
        evaluation="cross-subject",
        pipelines=["Cov+MDM"],
        output=tmp_path,
    )
    assert (cross.folds["fold"] == 1).all()  # one subject is left out once
