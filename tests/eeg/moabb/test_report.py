"""The page: what it says, how it looks, and names that mean harm."""
# Imports follow the checks for optional packages.
# ruff: noqa: E402

import re
import shutil
import subprocess

import numpy as np
import pytest

pytest.importorskip("moabb")
pytest.importorskip("jinja2")
mne = pytest.importorskip("mne")
typer_testing = pytest.importorskip("typer.testing")

import pandas as pd
from scipy.stats import t as student

from skgeo.cli.app import app
from skgeo.datasets import EmbeddedMotorImagery, from_arrays
from skgeo.eeg import evaluate, pipelines, write_report
from skgeo.eeg._moabb.pipelines import _read
from skgeo.eeg._moabb.tables import holm, latex, make_tables, statistics
from skgeo.plotting import plot_meta_analysis, plot_pairs, plot_ranks, summary_table

HOSTILE = [
    "<script>alert(1)</script>",
    "[/red][bold]x[link=http://a]",
    "../../../etc/passwd",
    "a\x1b[31mred\x07",
    "$\\frac{1}{",
    "x\u202egpj.exe",
    'q"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "50% & more_#",
]


def people(n_people=3, labels=("left", "right"), names=None, n=24):
    rng = np.random.RandomState(0)
    X = rng.randn(n_people * n, 3, 128)
    y = np.resize(labels, n_people * n)
    X[y == labels[0], 0] *= 1.12
    who = np.repeat(np.arange(n_people), n)
    subject = who if names is None else np.array(names)[who]
    return from_arrays(X, y, sfreq=128.0, subject=subject)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    result = evaluate(
        people(),
        pipelines=["Cov+MDM", "Cov+TS+LR", "ACM+MDM"],
        band=None,
        output=folder,
    )
    paths = write_report(result, folder, command="skgeo moabb --dataset mine.npz")
    return result, paths, paths["html"].read_text("utf-8")


def test_what_the_page_says(study):
    _, paths, page = study
    assert "<title>EEG: 3" not in page
    title = re.search("<title>(.*)</title>", page).group(1)
    assert title == "Motor imagery: 3 pipelines on the recordings “arrays”, 3 people"
    text = re.sub(r"\s+", " ", page)
    for words in (
        "3 people, 3 sessions; 36 trials of left, 36 trials of right; 3 channels",
        "no filter",
        "5 random stratified folds, seed 42",
        "3: EEG001, EEG002, EEG003",
        "128 Hz",
        "of CPU time",
        "moabb ",
        "skgeo moabb --dataset mine.npz",
        "result = evaluate(",
        "band=None,",
        "Barachant",
        "Carrara and Papadopoulo",
        "doi:10.5281/zenodo.10034223",
        "permutation test, one-sided",
        "corrected by Holm's method",
        "Each person and session",
    ):
        assert words in text, words
    assert not re.search(r"(src|href)=.http", page.replace("readthedocs", ""))
    assert page.count("data:image/svg+xml;base64,") == 5
    for kind in ("scores", "paired", "pairs", "ranks", "times"):
        (png,) = paths["html"].parent.glob(f"pictures/*-{kind}.png")
        assert png.stat().st_size > 4000
        assert png.with_suffix(".svg").read_bytes()[:5] == b"<?xml"


def test_the_licence_of_the_embedded_recording_is_there(tmp_path, without_pictures):
    result = evaluate(
        pipelines=["Cov+MDM"],
        channels=["C3"],
        classes=["hands", "feet"],
        output=tmp_path,
    )
    page = write_report(result, tmp_path)["html"].read_text("utf-8")
    assert "ODC-By-1.0" in page
    assert "BCI2000" in page
    assert "8 to 32 Hz" in page
    assert "the page of the benchmarks" in page  # one person


def test_intervals_and_effects(study):
    result, _, _ = study
    table = summary_table(result.scores, result.folds).set_index("pipeline")
    mine = result.scores[result.scores["pipeline"] == "ACM+MDM"]["score"]
    row = table.loc["ACM+MDM"]
    assert (row["over"], row["n"]) == ("person", 3)
    half = student.ppf(0.975, 2) * mine.std() / np.sqrt(3)
    assert row["low"] == pytest.approx(max(0, mine.mean() - half))
    assert row["high"] == pytest.approx(min(1, mine.mean() + half))
    tests = statistics(result.scores, result.folds)
    wide = result.scores.pivot_table(
        index="subject", columns="pipeline", values="score"
    )
    gap = wide["ACM+MDM"] - wide["Cov+MDM"]
    assert gap.std() > 0
    (found,) = tests[
        (tests["pipe1"] == "ACM+MDM") & (tests["pipe2"] == "Cov+MDM")
    ].to_dict("records")
    assert found["smd"] == pytest.approx(gap.mean() / gap.std())
    assert found["n"] == 3
    assert found["p_holm"] >= found["p"]


def test_the_interval_over_folds_of_one_person(tmp_path):
    result = evaluate(people(1), pipelines=["Cov+MDM"], band=None, output=tmp_path)
    (row,) = summary_table(result.scores, result.folds).to_dict("records")
    assert (row["over"], row["n"]) == ("fold", 5)
    folds = result.folds
    share = 1 / 5 + folds["n_test"].mean() / folds["n_train"].mean()  # Nadeau, Bengio
    half = student.ppf(0.975, 4) * folds["score"].std() * np.sqrt(share)
    assert row["high"] - row["mean"] == pytest.approx(min(half, 1 - row["mean"]))


def test_sessions_of_a_person_are_averaged_first():
    rows = [("a", "1", 0.2), ("a", "2", 0.4), ("b", "1", 0.9)]
    frame = pd.DataFrame(rows, columns=["subject", "session", "score"]).assign(
        task="t", pipeline="p", time=1.0, metric="accuracy", evaluation="e"
    )
    (row,) = summary_table(frame).to_dict("records")
    assert row["mean"] == pytest.approx(0.6)
    assert row["sd"] == pytest.approx(np.std([0.3, 0.9], ddof=1))


def test_holm():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, np.nan, 0.9]), [1.0, np.nan, 1.0])


def table_of(means):
    rows = [
        {"pipeline": name, "subject": str(s), "session": "0", "score": mean + 0.01 * s}
        for name, mean in means.items()
        for s in (1, 2, 3)
    ]
    return pd.DataFrame(rows).assign(
        task="t",
        time=0.1,
        metric="roc_auc",
        evaluation="e",
        n_classes=2,
        dataset="d",
    )


def test_ties_are_not_all_bold():
    folds = pd.DataFrame()
    (table,) = make_tables(table_of({"a": 0.7, "b": 0.7, "c": 0.6}), folds)
    assert not any(row.is_best for row in table.rows)
    (table,) = make_tables(table_of({"a": 0.7, "b": 0.71, "c": 0.6}), folds)
    assert [row.is_best for row in table.rows] == [False, True, False]


def test_latex():
    text = latex(
        make_tables(table_of({"50% & more_#": 0.7, "b": 0.75}), pd.DataFrame())
    )
    assert "50\\% \\& more\\_\\#" in text
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 1
    assert "\\textbf{0.770}" in text
    if shutil.which("pdflatex"):
        document = (
            "\\documentclass{article}\\usepackage{booktabs}\\begin{document}"
            + text
            + "\\end{document}"
        )
        done = subprocess.run(
            ["pdflatex", "-draftmode", "-halt-on-error"],
            input=document,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def texts(figure):
    figure.canvas.draw()
    return " ".join(
        artist.get_text() for artist in figure.findobj(lambda a: hasattr(a, "get_text"))
    )


def test_ranks_and_pairs():
    scores = table_of({"a": 0.7, "b": 0.8, "c": 0.6})
    tests = statistics(scores, pd.DataFrame())
    assert "Mean rank over 3 people" in texts(plot_ranks(scores, pd.DataFrame(), "t"))
    assert plot_ranks(table_of({"a": 1, "b": 2}), pd.DataFrame(), "t") is None
    assert "row better than column" in texts(plot_pairs(tests, "t"))
    assert plot_pairs(tests, "another") is None


def test_critical_difference():
    rng = np.random.RandomState(0)
    rows = [
        {"pipeline": name, "subject": str(s), "session": "0", "score": rng.rand()}
        for name in "abcd"
        for s in range(10)
    ]
    scores = pd.DataFrame(rows).assign(
        task="t", time=0.1, metric="accuracy", evaluation="e", n_classes=2
    )
    figure = plot_ranks(scores, pd.DataFrame(), "t")
    assert "Nemenyi" in texts(figure)
    (patch,) = [p for p in figure.axes[0].patches if p.get_width() > 0]
    # Demsar (2006), table 5: q = 2.569 for four classifiers
    assert patch.get_width() == pytest.approx(2.569 * np.sqrt(4 * 5 / 60), abs=2e-3)


def test_three_data_sets_and_their_meta_analysis(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    rng = np.random.RandomState(0)
    names = ["C3", "Cz", "C4"]
    for person in range(1, 6):
        signal = 1e-5 * rng.randn(3, 128 * 85)
        for i in range(20):
            at = 128 * (4 * i + 3)
            wave = np.sin(2 * np.pi * 11 * np.arange(256) / 128)
            signal[2 * (i % 2), at : at + 256] += 6e-6 * wave
        info = mne.create_info(names, 128.0, "eeg")
        raw = mne.io.RawArray(signal, info, verbose="error")
        cues = mne.Annotations(np.arange(20) * 4.0 + 3, 2.0, ["769", "770"] * 10)
        raw.set_annotations(cues)
        raw.save(folder / f"sub-{person:02d}_raw.fif", verbose="error")
    result = evaluate(
        [EmbeddedMotorImagery(channels=names), folder],
        interval=(0, 2),
        events={"left_hand": 769, "right_hand": "770"},
        pipelines=["Cov+MDM", "ACM+MDM"],
        cv=5,
        output=tmp_path / "out",
    )
    tasks = result.scores["task"].unique().tolist()
    assert len(tasks) == 3
    assert tasks[-1] == "mine: left_hand / right_hand"
    paths = write_report(result, tmp_path / "out")
    assert paths["meta_analysis"].stat().st_size > 4000
    page = paths["html"].read_text("utf-8")
    assert "Meta-analysis" in page
    assert "2 pipelines on 2 data sets, 6 people" in page
    tests = statistics(result.scores, result.folds)
    figure = plot_meta_analysis(tests, "ACM+MDM", "Cov+MDM")
    shown = texts(figure)
    assert "standardized difference, ACM+MDM - Cov+MDM" in shown
    assert "hollow: over the folds of one person" in shown
    # combined as MOABB does, where all data sets are of several people
    from moabb.analysis.meta_analysis import combine_effects, combine_pvalues

    several = tests.assign(n=[4, 9, 5][0], test="permutation test")
    several = several[(several["pipe1"] == "ACM+MDM") & (several["pipe2"] == "Cov+MDM")]
    several["n"] = [4.0, 9.0, 5.0]
    figure = plot_meta_analysis(several, "ACM+MDM", "Cov+MDM")
    together = combine_pvalues(several["p"], several["n"].to_numpy())
    assert f"p = {together:.3f}" in texts(figure)
    diamond = figure.axes[0].patches[0].get_xy()
    effect = combine_effects(several["smd"].to_numpy(), several["n"].to_numpy())
    assert diamond[1, 0] == pytest.approx(effect)
    assert plot_meta_analysis(several.iloc[:1], "ACM+MDM", "Cov+MDM") is None


def test_names_that_mean_harm(tmp_path, capfd):
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    n = len(HOSTILE)
    X = np.random.RandomState(0).randn(n * n * 4, 2, 128)
    y = np.tile(HOSTILE, n * 4)
    subject = np.repeat(HOSTILE, n * 4)
    data = from_arrays(X, y, sfreq=128.0, subject=subject, session=HOSTILE[2])
    flat = FunctionTransformer(_flat)
    chosen = {
        name: make_pipeline(flat, DummyClassifier(strategy="uniform", random_state=i))
        for i, name in enumerate(HOSTILE)
    }
    out = tmp_path / "out"
    options = {"pipelines": chosen, "band": None, "cv": 2, "output": out}
    result = evaluate(data, verbose=2, **options)
    told = capfd.readouterr().err
    assert "\x1b[31m" not in told
    assert "a\\x1b[31mred" in told
    assert set(result.scores["subject"]) == set(HOSTILE)
    paths = write_report(result, out, command=" ".join(HOSTILE))
    page = paths["html"].read_text("utf-8")
    body = page[page.index("<body>") : page.index("<script>\ndocument")]
    assert "<script" not in body
    assert "<img src=x" not in body
    assert "&lt;script&gt;" in body
    assert "{{ 7 * 7 }}" in body
    assert page.count("data:image/svg+xml") == 5  # the pictures are there
    # nothing was written elsewhere
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert all(p.resolve().is_relative_to(out.resolve()) for p in out.rglob("*"))
    frame = pd.read_csv(paths["csv"], dtype=str, keep_default_na=False)
    assert set(frame["subject"]) == set(frame["pipeline"]) == set(HOSTILE)
    assert set(frame["session"]) == {HOSTILE[2]}


def _flat(X):
    return X[:, 0]


@pytest.mark.parametrize("name", HOSTILE[:4])
def test_names_that_mean_harm_on_the_terminal(name, tmp_path, without_pictures):
    X = np.random.RandomState(0).randn(20, 3, 128)
    y = np.array([name, "b"] * 10)
    np.savez(tmp_path / "x.npz", X=X, y=y, sfreq=128.0, subject=[name] * 20)
    words = ["moabb", "--dataset", str(tmp_path / "x.npz"), "--band", "none"]
    words += [
        "--pipelines",
        "Cov+MDM",
        "--n-jobs",
        "1",
        "--output",
        str(tmp_path / "o"),
    ]
    done = typer_testing.CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "\x07" not in done.output
    plain = name.replace("\x1b", "\\x1b").replace("\x07", "\\x07")
    assert plain in done.output
    done = typer_testing.CliRunner().invoke(app, [*words, "--subjects", name + "!"])
    assert done.exit_code == 2
    assert "has no subject" in done.output


@pytest.mark.parametrize(
    "text",
    [
        "name: x\npipeline: !!python/object/apply:os.system ['touch /tmp/harm']\n",
        "!!python/object:os.system {}\n",
        "just words\n",
        "name: x\n",
        "a: [\n",
        "\x00\x01",
    ],
)
def test_pipeline_files_with_tags_are_refused(text, tmp_path):
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(ValueError, match=r"x\.yml is no pipeline file"):
        _read(tmp_path / "x.yml")


def test_a_page_that_is_a_link_leaves_its_target_alone(study, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").symlink_to(victim)
    write_report(study[0], out)
    assert victim.read_text() == "precious"
    assert not (out / "report.html").is_symlink()


def test_tables_written_by_hand_have_a_page_too(tmp_path):
    from skgeo.eeg._moabb.study import EvaluationResult

    scores = table_of({"a": 0.7, "b": 0.8}).assign(dataset="d", paradigm="SSVEP")
    write_report(EvaluationResult(scores, pd.DataFrame()), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Steady-state visual potentials: 2 pipelines on d, 3 people" in page


def test_every_paper_of_a_pipeline_is_known():
    from skgeo.eeg._moabb.citations import PAPERS
    from skgeo.eeg._moabb.pipelines import citations

    assert set(citations(pipelines("all"))) <= set(PAPERS)
