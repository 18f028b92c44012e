"""An interruption leaves no half-written results."""

import json
import os

import pytest

from skgeo.utils.files import atomic_write


class Interrupted:
    """A file that the user interrupts in the middle of a write."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise KeyboardInterrupt


@pytest.fixture
def interrupted(monkeypatch):
    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *a, **k: Interrupted(opened(*a, **k)))


def test_whole_or_not_at_all(tmp_path):
    path = tmp_path / "results.csv"
    atomic_write(path, "one")
    atomic_write(path, b"\xc3\xa9 two")
    assert path.read_text("utf-8") == "é two"
    assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


def test_an_interruption_keeps_the_old_file(tmp_path, interrupted):
    path = tmp_path / "results.csv"
    path.write_text("old results")
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, "new results, longer than the old ones")
    assert path.read_text() == "old results"
    assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


def test_an_interruption_leaves_no_new_file(tmp_path, interrupted):
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "new.csv", "half of this")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_others_may_read_results(tmp_path):
    (tmp_path / "plain").write_text("")
    atomic_write(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_results_of_a_benchmark(tmp_path, monkeypatch, interrupted, capsys):
    common = pytest.importorskip("benchmarks.common", reason="run from a checkout")
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    (tmp_path / "one.json").write_text(json.dumps({"rows": [1]}))
    with pytest.raises(KeyboardInterrupt):
        common.save("one", [{"ratio": 2.0}])
    assert json.loads((tmp_path / "one.json").read_text()) == {"rows": [1]}


def test_an_interrupted_report_keeps_the_old_one(tmp_path, request):
    pytest.importorskip("moabb")
    pytest.importorskip("jinja2")
    from skgeo.eeg import evaluate, write_report

    result = evaluate(
        pipelines=["Cov+MDM"], channels=["C3", "Cz"], output=tmp_path / "run"
    )
    paths = write_report(result, tmp_path / "report")
    assert {"csv", "statistics", "html"} <= set(paths)

    def content():
        files = [path for path in (tmp_path / "report").rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files}

    old = content()
    request.getfixturevalue("interrupted")
    with pytest.raises(KeyboardInterrupt):
        write_report(result, tmp_path / "report")
    assert old == content()
