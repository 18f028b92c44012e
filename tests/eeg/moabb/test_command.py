"""The command ``skgeo moabb``."""
# ruff: noqa: E402

import re

import numpy as np
import pytest

pytest.importorskip("moabb")
pytest.importorskip("mne")
typer_testing = pytest.importorskip("typer.testing")
pytest.importorskip("jinja2")

import pandas as pd

import skgeo.cli
from skgeo.cli.app import app
from tests.datasets.test_recordings import trials

FEW = ["--pipelines", "Cov+MDM,ACM+MDM", "--channels", "C3,Cz,C4", "--n-jobs", "1"]


def run(*words, code=0):
    result = typer_testing.CliRunner().invoke(app, ["moabb", *map(str, words)])
    assert result.exit_code == code, (result.output, result.exception)
    return re.sub(r"\s+", " ", result.output)


def test_the_default_recording(tmp_path):
    text = run(*FEW, "--output", tmp_path)
    assert "left hand / right hand" in text
    assert "hands / feet" in text
    assert "corrected t-test over folds" in text
    assert re.search(r"ACM\+MDM subject 1 fold 5/5 score \d", text)
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert set(frame["pipeline"]) == {"Cov+MDM", "ACM+MDM"}
    assert {"task", "subject", "session", "score", "time"} <= set(frame.columns)
    assert frame["score"].between(0, 1).all()
    for picture in ("scores", "paired", "times"):
        content = (tmp_path / f"{picture}.png").read_bytes()
        assert content[:4] == b"\x89PNG"
        assert len(content) > 5000
    assert list(tmp_path.glob("results/*/*/*.hdf5"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r"(src|href)=.http", page)
    # the second run finds everything there
    again = run(*FEW, "--output", tmp_path)
    assert "fold 5/5" not in again
    assert pd.read_csv(tmp_path / "scores.csv").equals(frame)


@pytest.mark.parametrize(
    ("evaluation", "n_jobs"), [("cross-session", 1), ("cross-subject", 2)]
)
def test_several_subjects(evaluation, n_jobs, tmp_path):
    text = run(
        "--dataset", "fakedataset", "--evaluation", evaluation, "--n-jobs", n_jobs,
        "--pipelines", "Cov+MDM,ACM+MDM", "--output", tmp_path,
    )  # fmt: skip
    assert "permutation test" in text
    assert "row better than column" in text
    table = pd.read_csv(tmp_path / "statistics.csv")
    assert table["p"].between(0, 1).all()
    assert set(table["pipe1"]) == {"Cov+MDM", "ACM+MDM"}


def test_ones_own_file(tmp_path):
    X, y = trials(n=20)
    np.savez(tmp_path / "mine.npz", X=X, y=y, sfreq=128.0)
    run(
        "--dataset", tmp_path / "mine.npz", "--band", "none", "--pipelines", "Cov+MDM",
        "--n-jobs", 1, "--output", tmp_path / "out",
    )  # fmt: skip
    frame = pd.read_csv(tmp_path / "out/scores.csv")
    assert frame["dataset"].str.startswith("Recordings-mine-").all()
    assert not (tmp_path / "out/paired.png").exists()  # one pipeline: nothing to pair


def test_the_page_is_escaped(tmp_path):
    from skgeo.eeg import evaluate, pipelines, write_report

    chosen = {"<script>alert(1)</script>": pipelines("Cov+MDM")["Cov+MDM"]}
    result = evaluate(pipelines=chosen, channels=["C3", "C4"], output=tmp_path)
    write_report(result, tmp_path, settings={"<b>": "<i>"})
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "BNCI2014-001"], "Did you mean BNCI2014_001"),
        (["--paradigm", "LeftRight"], "Did you mean .*LeftRightImagery"),
        (["--pipelines", "Cov+MDN"], r"Did you mean .*Cov\+MDM"),
        (["--subjects", "1,7-8"], r"has no subject \[7, 8\]"),
        (["--band", "wide"], "--band takes LOW-HIGH"),
        (["--event", "T1"], "--event takes CLASS=ANNOTATION"),
        (["--channels", "C3,C99"], "distinct electrodes"),
        (["--evaluation", "cross-subject"], "at least two subjects"),
        (["--dataset", "gone.npz"], "No file or folder gone.npz"),
    ],
)
def test_clear_errors(words, message, tmp_path):
    assert re.search(message, run(*words, "--output", tmp_path, code=2))


def test_no_network(tmp_path, monkeypatch):
    import requests
    from moabb.datasets import Zhou2016

    def refuse(self, subject):
        raise requests.exceptions.ConnectionError("no route to host")

    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", refuse)
    text = run("--dataset", "Zhou2016", "--subjects", 1, "--output", tmp_path, code=2)
    assert "EmbeddedMotorImagery" in text
    assert "MOABB_DOWNLOAD_PROVIDER=upstream" in text


def test_lists():
    text = run("--list")
    assert "EmbeddedMotorImagery" in text
    assert "Zhou2016" in text
    assert "ACM+TS+SVM(grid)" in text


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(skgeo.cli, "NEEDED", ("json", "no_such_package"))
    with pytest.raises(SystemExit, match=r'no_such_package, which is.*"skgeo\[eeg\]"'):
        skgeo.cli.main()


def test_version():
    result = typer_testing.CliRunner().invoke(app, ["--version"])
    assert skgeo.__version__ in result.output
