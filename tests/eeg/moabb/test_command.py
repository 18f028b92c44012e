"""The command ``skgeo moabb``."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import re
import sys

import numpy as np
import pytest

pytest.importorskip("moabb")
pytest.importorskip("mne")
typer_testing = pytest.importorskip("typer.testing")
pytest.importorskip("jinja2")

import pandas as pd

import skgeo.cli
from skgeo.cli.app import app
from tests.datasets.test_recordings import continuous, trials

FEW = ["--pipelines", "Cov+MDM,ACM+MDM", "--channels", "C3,Cz,C4", "--n-jobs", "1"]
SMALL = ["--band", "none", "--pipelines", "Cov+MDM", "--n-jobs", "1"]


def run(*words, code=0):
    result = typer_testing.CliRunner().invoke(app, ["moabb", *map(str, words)])
    assert result.exit_code == code, (result.output, result.exception)
    return re.sub(r"\s+", " ", result.output)


@pytest.fixture
def small(tmp_path, without_pictures):
    """Options for a file of one's own with twenty trials."""
    X, y = trials(n=20)
    np.savez(tmp_path / "mine.npz", X=X, y=y, sfreq=128.0)
    return ["--dataset", tmp_path / "mine.npz", *SMALL, "--output", tmp_path / "out"]


def test_the_default_recording(tmp_path, monkeypatch):
    text = run(*FEW, "--output", tmp_path)
    assert "left hand / right hand / hands / feet, pairs of runs left out" in text
    assert "corrected t-test over folds" in text
    assert "The table of one person" in text
    assert "benchmarks/eeg_use.html" in text
    assert re.search(r"8/8 \S.* ACM\+MDM subject 1 score \d", text)
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert set(frame["pipeline"]) == {"Cov+MDM", "ACM+MDM"}
    assert {"task", "subject", "session", "score", "time"} <= set(frame.columns)
    assert frame["score"].between(0, 1).all()
    assert not frame["task"].str.fullmatch("hands / feet").any()  # solved by all
    for picture in ("scores", "paired", "times"):
        content = (tmp_path / f"{picture}.png").read_bytes()
        assert content[:4] == b"\x89PNG"
        assert len(content) > 5000
        assert (tmp_path / f"{picture}.svg").read_bytes()[:5] == b"<?xml"
    assert len(list((tmp_path / "units").glob("*.json"))) == 8
    folds = pd.read_csv(tmp_path / "folds.csv")
    assert len(folds) == 2 * 2 * (5 + 3)
    # the second run finds everything there
    monkeypatch.setattr("skgeo.eeg._moabb.report._save", lambda figure, path: "")
    again = run(*FEW, "--output", tmp_path)
    assert "8/8" not in again
    assert pd.read_csv(tmp_path / "scores.csv").equals(frame)


def test_hands_against_feet_on_request(tmp_path, without_pictures):
    run(*FEW, "--classes", "hands,feet", "--output", tmp_path, "--quiet")
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert frame["task"].unique().tolist() == ["hands / feet"]


@pytest.mark.parametrize("evaluation", ["cross-session", "cross-subject"])
def test_several_subjects(evaluation, tmp_path, without_pictures):
    text = run(
        "--dataset", "fakedataset", "--evaluation", evaluation, "--n-jobs", 1,
        "--pipelines", "Cov+MDM,ACM+MDM", "--output", tmp_path,
    )  # fmt: skip
    assert "permutation test" in text
    assert "Interval over 3 people" in text
    table = pd.read_csv(tmp_path / "statistics.csv")
    assert table["p"].between(0, 1).all()
    assert set(table["pipe1"]) == {"Cov+MDM", "ACM+MDM"}


def test_ones_own_file(small, tmp_path):
    run(*small)
    frame = pd.read_csv(tmp_path / "out/scores.csv")
    assert frame["dataset"].str.startswith("Recordings-mine-").all()
    assert not (tmp_path / "out/paired.png").exists()  # one pipeline: nothing to pair
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "the recordings “mine”" in page
    assert "--pipelines Cov+MDM --band none --output" in page


@pytest.mark.parametrize(
    ("folds", "n_folds"),
    [("3", 3), ("runs", 4), ("run-pairs", 2), ("blocks:4", 4), ("chronological", 5)],
)
def test_folds_of_ones_own(folds, n_folds, tmp_path, without_pictures):
    X, y = trials(n=40)
    run_of = np.repeat(np.arange(4), 10)
    np.savez(tmp_path / "mine.npz", X=X, y=y, sfreq=128.0, run=run_of)
    options = ["--dataset", tmp_path / "mine.npz", *SMALL, "--folds", folds]
    run(*options, "--scorer", "balanced_accuracy", "--output", tmp_path)
    frame = pd.read_csv(tmp_path / "folds.csv")
    assert frame["fold"].tolist() == list(range(1, n_folds + 1))
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert scores["metric"].tolist() == ["balanced_accuracy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "BNCI2014-001"], "Did you mean BNCI2014_001"),
        (["--paradigm", "LeftRight"], "Did you mean .*LeftRightImagery"),
        (["--pipelines", "Cov+MDN"], r"Did you mean .*Cov\+MDM"),
        (["--pipelines", ","], "No pipeline given"),
        (["--subjects", "1,7-8"], r"has no subject 7-8.*it has 1\."),
        (["--subjects", "5-1"], r"'5-1' runs backwards.*1-5"),
        (["--subjects", "1-99999999999"], "has no subject 1-99999999999"),
        (["--subjects", "a-b"], "has no subject a-b"),
        (["--subjects", ","], "asked for none"),
        (["--band", "wide"], "--band takes LOW-HIGH"),
        (["--band", "32-8"], r"--band.*low < high; got \(32.0, 8.0\)"),
        (["--band", "8-8"], "--band.*low < high"),
        (["--band", "8-80"], "half the sampling frequency, 80 Hz"),
        (["--band", "nan-30"], "'band' must be"),
        (["--event", "T1"], "--event takes CLASS=MARK"),
        (["--event", "a=1"], r"--event\) is for files"),
        (["--interval", 0, 3], r"--interval\) is for files"),
        (["--interval", 5, 1], "--interval.*start < stop"),
        (["--channels", "C3,C99"], "distinct electrodes"),
        (["--classes", "left_hand"], "at least two; got .*nothing to tell apart"),
        (["--classes", "left_hand,left_hand"], "at least two"),
        (["--classes", "left_hand,tongue"], r"has no class \['tongue'\].*it has"),
        (["--paradigm", "LeftRightImagery", "--classes", "hands,feet"], "--classes"),
        (["--evaluation", "cross-subject"], "at least two subjects"),
        (["--evaluation", "cross-session", "--folds", "3"], "is for within-session"),
        (["--folds", "1"], "at least 2 folds"),
        (["--folds", "sometimes"], "must be a number of folds"),
        (["--folds", "40"], r"40 trials of each class; there are 23 of 'left_hand'"),
        (["--scorer", "acuracy"], "Did you mean accuracy"),
        (["--scorer", "f1"], "is for two classes, here are 4: try 'f1_macro'"),
        (["--resample", 0], "'resample' must be"),
        (["--n-jobs", 0], "'n_jobs' must be"),
        (["--seed", -1], "'random_state' must be"),
        (["--dataset", "gone.npz"], "No file or folder gone.npz"),
        (["--filter", "no such data set"], "No data set matches"),
    ],
)
def test_clear_errors(words, message, tmp_path):
    out = tmp_path / "out"
    assert re.search(message, run(*words, "--output", out, code=2))
    assert not out.exists()  # nothing is left


def test_options_without_meaning_for_a_file(small):
    for option, words in (
        (["--interval", 0, 1], "--interval"),
        (["--event", "a=1", "--event", "b=2"], "--event"),
    ):
        text = run(*small, *option, code=2)
        assert f"({words}) would have no effect" in text


def test_marks_of_ones_own(tmp_path, without_pictures):
    raw = continuous()
    cues = raw.annotations.description != "BAD_blink"
    raw.annotations.description[cues] = ["769", "770", "771", "770", "769"] * 2
    raw.save(tmp_path / "mine_raw.fif", verbose="error")
    options = ["--dataset", tmp_path / "mine_raw.fif", *SMALL, "--interval", 0, 2]
    options += ["--output", tmp_path / "out", "--folds", 2]
    text = run(*options, "--event", "left_hand=1", "--event", "feet=770", code=2)
    assert "No mark of 'left_hand'" in text
    assert "annotations '769' (4), '770' (4), '771' (2)" in text
    marks = ["--event", "rest=769", "--event", "rest=771", "--event", "feet=770"]
    text = run(*options, *marks)
    assert "Warning" in text  # one trial lies in a segment marked BAD
    assert "1 of 10 marks of subject 1, session 0, gave no trial" in text
    frame = pd.read_csv(tmp_path / "out/scores.csv")
    assert frame["task"].tolist() == ["rest / feet"]
    assert frame["samples"].tolist() == [9]


def test_a_folder_of_different_rates(tmp_path, without_pictures):
    folder = tmp_path / "mine"
    folder.mkdir()
    for subject, sfreq in (("a", 128.0), ("b", 100.0)):
        for session in (2, 10):
            raw = continuous(session, sfreq=sfreq)
            name = f"sub-{subject}_ses-{session}_raw.fif"
            raw.save(folder / name, verbose="error")
    options = ["--dataset", folder, *SMALL, "--interval", 0, 2, "--output", tmp_path]
    options += ["--event", "left_hand=T1", "--event", "right_hand=T2"]
    options += ["--evaluation", "cross-session"]
    assert "--resample 100" in run(*options, code=2)
    run(*options, "--resample", 100)
    frame = pd.read_csv(tmp_path / "scores.csv", dtype=str)
    rows = frame[["subject", "session"]].values.tolist()
    assert rows == [["a", "2"], ["a", "10"], ["b", "2"], ["b", "10"]]
    assert "100 Hz" in (tmp_path / "report.html").read_text("utf-8")


def test_rest_and_one_other_class(tmp_path, without_pictures):
    X, _ = trials(n=20)
    y = ["rest", "right_hand"] * 10
    np.savez(tmp_path / "x.npz", X=X, y=y, sfreq=128.0)
    run("--dataset", tmp_path / "x.npz", *SMALL, "--output", tmp_path)
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert frame["n_classes"].tolist() == [2]
    np.savez(tmp_path / "x.npz", X=X, y=["rest"] * 20, sfreq=128.0)
    text = run("--dataset", tmp_path / "x.npz", *SMALL, "--output", tmp_path, code=2)
    assert "one class" in text


def test_subjects_as_named(tmp_path, without_pictures):
    X, y = trials(n=60)
    subject = np.repeat(["01", "02", "10"], 20)
    np.savez(tmp_path / "x.npz", X=X, y=y, sfreq=128.0, subject=subject)
    options = ["--dataset", tmp_path / "x.npz", *SMALL, "--output", tmp_path]
    for words, names in (("01-02", "01 02"), ("1,10", "01 10"), ("2", "02")):
        run(*options, "--subjects", words)
        frame = pd.read_csv(tmp_path / "scores.csv", dtype=str)
        assert frame["subject"].tolist() == names.split()
    assert "has no subject 1-10" in run(*options, "--subjects", "1-10", code=2)
    # all of it in one table, whatever was run when
    run(*options)
    assert len(pd.read_csv(tmp_path / "folds.csv")) == 15


def test_the_output_is_a_file(small, tmp_path):
    (tmp_path / "out").write_text("mine")
    text = run(*small, code=2)
    assert re.search(r"out is a file\. Give another .*--output", text)
    assert (tmp_path / "out").read_text() == "mine"


def test_what_cannot_be_foreseen_goes_to_a_log(small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "pyriemann.classification.MDM.fit",
        lambda self, X, y, sample_weight=None: 1 / 0,
    )
    text = run(*small, code=2)
    assert re.search(
        r"ZeroDivisionError: division by zero \(in pipeline Cov\+MDM", text
    )
    assert "Traceback" not in text
    log = (tmp_path / "out/error.log").read_text("utf-8")
    assert "Traceback" in log
    assert "1 / 0" in log


def test_progress_and_how_much_is_said(small, tmp_path):
    text = run(*small, "--verbose")
    assert re.search(r"Cov\+MDM subject 1 fold 5/5 score \d", text)
    assert run(*small, "--overwrite", "--quiet").strip() == ""
    lines = run(*small, "--overwrite")
    assert lines.count("subject 1") == 1


def test_a_bar_on_a_terminal_of_sixty_columns():
    import io

    from rich.console import Console

    from skgeo.eeg._moabb.progress import progress
    from skgeo.eeg._moabb.resumable import FoldReport

    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=60)
    with progress(4, 1, console) as tell:
        for done in range(1, 4):
            tell(
                FoldReport(
                    task="left_hand / right_hand",
                    pipeline="ACM+TS+SVM",
                    dataset="x",
                    subject="12",
                    session="0",
                    fold=5,
                    n_folds=5,
                    done=done,
                    total=4,
                    score=0.5,
                    time=1.0,
                )
            )
    shown = text.getvalue()
    assert "ACM+TS+SVM" in shown
    assert "3/4" in shown
    assert re.search(r"left .*\d:\d\d", shown)


def test_no_network(tmp_path, monkeypatch):
    import requests
    from moabb.datasets import Zhou2016

    def refuse(self, subject):
        raise requests.exceptions.ConnectionError("no route to host")

    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", refuse)
    text = run("--dataset", "Zhou2016", "--subjects", 1, "--output", tmp_path, code=2)
    assert "EmbeddedMotorImagery" in text
    assert "MOABB_DOWNLOAD_PROVIDER=upstream" in text


def test_no_network_leaves_nothing(tmp_path, monkeypatch):
    import requests
    from moabb.datasets import Zhou2016

    def refuse(self, subject):
        raise requests.exceptions.ConnectionError("no route to host")

    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", refuse)
    out = tmp_path / "out"
    run("--dataset", "Zhou2016", "--subjects", 1, "--output", out, code=2)
    assert not out.exists()


def test_lists():
    text = run("--list")
    assert re.search(r"EmbeddedMotorImagery . imagery . 1 . 64 . ODC-By", text)
    assert re.search(r"BNCI2014_001 . imagery . 9 . 22 . CC-BY-ND-4.0", text)
    assert "ACM+TS+SVM(grid)" in text
    assert "Fake" not in text
    text = run("--filter", "ssvep")
    assert "Nakanishi2015" in text
    assert "BNCI2014_001" not in text


def test_help_has_examples():
    text = run("--help")
    assert text.count("skgeo moabb --") == 3


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "moabb", None)
    with pytest.raises(SystemExit, match=r'moabb, which is.*"skgeo\[eeg\]"'):
        skgeo.cli.main()


def test_version():
    result = typer_testing.CliRunner().invoke(app, ["--version"])
    assert skgeo.__version__ in result.output
