"""The pages of the documentation that are written from benchmark results."""

import json
import pathlib
import re

import pytest

summary = pytest.importorskip("benchmarks.summary", reason="run from a checkout")
pytest.importorskip("matplotlib", reason="extra plot")

SETUP = {"cpu": "one", "cores": 2, "load": 0.5, "python": "3.12", "threads": "1"}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(summary, "PAGES", tmp_path / "pages")
    summary.RESULTS.mkdir()
    return summary.RESULTS, summary.PAGES


def test_every_committed_result_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "PAGES", tmp_path)
    summary.main()
    text = "".join(p.read_text("utf-8") for p in tmp_path.glob("*.md"))
    results = sorted(pathlib.Path(summary.RESULTS).glob("*.json"))
    assert results
    for path in results:
        result = json.loads(path.read_text())
        assert f"## {summary.title(result['benchmark'])}\n" in text, path.name
        assert result["setup"]["cpu"] in text
    for picture in re.findall(r"\]\((\S+\.svg)\)", text):
        assert (tmp_path / picture).stat().st_size > 2000
    # Every line of a table has as many cells as its head.
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_every_claim_belongs_to_a_benchmark():
    from benchmarks._claims import CLAIMS

    names = set(summary.sources())
    views = set(summary.VIEWS)
    assert set(CLAIMS) <= names | views


def test_wide_tables_are_laid_on_their_side():
    from benchmarks import _tables

    rows = [{"m": m, "d": d, "v": m + 10.0 * d} for m in range(2) for d in range(9)]
    lines = list(_tables.pivot(rows, ("m",), ("d",), "v"))
    assert lines[0] == "| d | 0 | 1 |"
    assert lines[2] == "| d 0 | 0 | 1 |"
    assert len(lines) == 2 + 9 + 1


def test_unknown_odd_and_broken_results(folders, capsys):
    results, pages = folders
    rows = [
        {"method": "a|b", "ratio": 2.0, "list": [1, 2], "nothing": None},
        {"method": "c", "ratio": float("nan"), "extra": {"k": 1.23456}},
        {"method": "d"},
    ]
    content = {"benchmark": "brand_new", "setup": SETUP, "rows": rows, "note": "x"}
    (results / "brand_new.json").write_text(json.dumps(content))
    (results / "half.json").write_text('{"benchmark": "half", "rows": [')
    summary.main()
    assert "half.json is left out" in capsys.readouterr().err
    page = (pages / "other.md").read_text("utf-8")
    assert "## Brand new" in page
    assert "a\\|b" in page
    assert "- note: x" in page
    assert "other" in (pages / "index.md").read_text("utf-8")


def test_views_name_what_they_draw(folders):
    # A benchmark whose columns have changed is shown without condensed tables.
    results, pages = folders
    content = {"benchmark": "irs_mimo", "setup": SETUP, "rows": [{"other": 1.0}]}
    (results / "irs_mimo.json").write_text(json.dumps(content))
    summary.main()
    text = (pages / "kronecker.md").read_text("utf-8")
    assert "| other |" in text
    assert not list(pages.glob("*.svg"))
