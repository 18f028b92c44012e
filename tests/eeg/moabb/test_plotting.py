"""Summaries and pictures of evaluations, on tables written by hand."""

import pytest

pd = pytest.importorskip("pandas", reason="pandas comes with the extra eeg")
pytest.importorskip("matplotlib", reason="matplotlib comes with the extra plot")

from skgeo.plotting import (  # noqa: E402  (after the checks for optional packages)
    best_baseline,
    plot_paired,
    plot_scores,
    plot_times,
    summary_table,
)


@pytest.fixture
def scores():
    rows = [
        {"pipeline": name, "subject": str(s), "session": "0", "score": score + 0.01 * s}
        for name, score in (("plain", 0.7), ("better", 0.8), ("ours", 0.75))
        for s in (1, 2, 3)
    ]
    table = pd.DataFrame(rows)
    return table.assign(
        task="left_right", time=0.1, metric="roc_auc", evaluation="within-session"
    )


def test_summary_and_best_baseline(scores):
    table = summary_table(scores).set_index("pipeline")
    assert table.loc["plain", "mean"] == pytest.approx(0.72)
    assert table.loc["plain", "sd"] == pytest.approx(0.01)
    assert (table["n"] == 3).all()
    table = table.reset_index()
    assert best_baseline(table, ["plain", "ours"]) == "ours"
    assert best_baseline(table, ["plain"]) == "plain"
    assert best_baseline(table, []) == "better"


def test_pictures_name_every_pipeline(scores):
    folds = pd.DataFrame()
    for figure in (
        plot_scores(scores, folds, ["plain"]),
        plot_paired(scores, folds, ["plain"]),
        plot_times(scores, ["plain"]),
    ):
        figure.canvas.draw()
        texts = " ".join(t.get_text() for t in figure.findobj(match=_is_text))
        assert "ours" in texts
        assert "better" in texts
    paired = plot_paired(scores, folds, ["plain"])
    texts = [t.get_text() for t in paired.findobj(match=_is_text)]
    assert "+0.050" in texts
    assert "+0.100" in texts
    assert "difference from plain" in texts


def test_nothing_to_pair(scores):
    alone = scores[scores["pipeline"] == "ours"]
    assert plot_paired(alone, pd.DataFrame()) is None


def _is_text(artist):
    return hasattr(artist, "get_text")
