"""Tables, pictures and one HTML page of an evaluation."""

import base64
import io
import os
import pathlib
import platform
import re
import time
from collections.abc import Sequence

from skgeo.eeg._moabb.citations import cite
from skgeo.eeg._moabb.pipelines import REFERENCES
from skgeo.eeg._moabb.progress import clock
from skgeo.eeg._moabb.study import EvaluationResult, Study, releases
from skgeo.eeg._moabb.tables import (
    Table,
    latex,
    make_tables,
    number,
    p_value,
    people_table,
    statistics,
)
from skgeo.plotting import (
    plot_meta_analysis,
    plot_paired,
    plot_pairs,
    plot_ranks,
    plot_scores,
    plot_times,
)
from skgeo.utils.files import atomic_write
from skgeo.utils.optional import import_optional

__all__ = ["caution", "write_report"]

PACKAGES = (
    "moabb",
    "mne",
    "pyriemann",
    "scikit-learn",
    "numpy",
    "scipy",
    "numba",
    "pandas",
)
KINDS = {
    "LeftRightImagery": "Motor imagery",
    "MotorImagery": "Motor imagery",
    "P300": "P300",
    "SSVEP": "Steady-state visual potentials",
    "CVEP": "Code-modulated visual potentials",
}
SSVEP_PAGE = "https://skgeo.readthedocs.io/page/benchmarks/eeg_use.html"
# Rows of people shown before the table is folded away.
FOLDED_FROM = 12
TITLES = {
    "scores": "Scores",
    "paired": "Against the best baseline, on the same trials",
    "ranks": "Mean ranks",
    "pairs": "All pairs",
    "times": "Score against fit time",
}


def caution(tables: Sequence[Table]) -> str:
    """Say in a sentence what tables can show.

    Parameters
    ----------
    tables : sequence of Table
        The tables.

    Returns
    -------
    words : str
        The sentence, of the tables with least people.
    """
    if any(table.over != "person" for table in tables):
        return (
            "The table of one person says how the pipelines do on this recording, not "
            "which is better for people; where the gain of augmentation is large, in "
            f"steady-state potentials of few channels, is shown on {SSVEP_PAGE}."
        )
    return (
        "Differences smaller than the intervals rank nothing; intervals are over "
        "people, each the mean of their sessions."
    )


def write_report(
    result: EvaluationResult,
    output: str | os.PathLike,
    *,
    command: str | None = None,
) -> dict[str, pathlib.Path]:
    """Write tables, pictures and one self-contained HTML page.

    Parameters
    ----------
    result : EvaluationResult
        What :func:`skgeo.eeg.evaluate` returns.
    output : path-like
        Folder; made if it is not there.
    command : str, optional
        Command line that does the same again, to be shown on the page.

    Returns
    -------
    paths : dict of str to pathlib.Path
        ``csv`` (scores), ``statistics``, ``latex``, ``html``, and the pictures:
        ``scores``, ``paired``, ``times`` and, for several data sets,
        ``meta_analysis``, each as PNG and, beside it, SVG; those of single tasks are in
        the folder ``pictures``. Nothing is written for a picture that cannot be drawn.

    Examples
    --------
    >>> import tempfile
    >>> from skgeo.eeg import evaluate, write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = evaluate(
    ...         pipelines=["Cov+MDM"],
    ...         channels=["C3"],
    ...         classes=["hands", "feet"],
    ...         output=folder,
    ...     )
    ...     paths = write_report(result, folder)
    ...     paths["html"].stat().st_size > 1000
    True
    """
    import_optional("jinja2", extra="eeg")
    import_optional("matplotlib", extra="eeg")
    scores, folds = result.scores, result.folds
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    tests = statistics(scores, folds)
    tables = make_tables(scores, folds, tests)
    paths = {
        "csv": output / "scores.csv",
        "statistics": output / "statistics.csv",
        "latex": output / "tables.tex",
    }
    atomic_write(paths["csv"], scores.to_csv(index=False, lineterminator="\n"))
    atomic_write(paths["statistics"], tests.to_csv(index=False, lineterminator="\n"))
    atomic_write(paths["latex"], latex(tables))

    together = {
        "scores": plot_scores(scores, folds, REFERENCES),
        "paired": plot_paired(scores, folds, REFERENCES),
        "times": plot_times(scores, REFERENCES),
        "meta_analysis": _meta_analysis(scores, tests, tables),
    }
    images = {}
    for name, figure in together.items():
        if figure is not None:
            images[name] = _save(figure, output / name)
            paths[name] = output / f"{name}.png"
    shown = [
        _shown(table, i, result, tests, output / "pictures")
        for i, table in enumerate(tables, start=1)
    ]
    study = result.study or Study()
    page = _page(
        title=_title(result),
        tables=shown,
        ssvep=SSVEP_PAGE,
        meta=images.get("meta_analysis"),
        study=study,
        command=command,
        python=_python(study),
        cited=cite(study) if result.study else [],
        facts=_facts(study),
        date=time.strftime("%Y-%m-%d %H:%M"),
    )
    paths["html"] = output / "report.html"
    atomic_write(paths["html"], page)
    return paths


def _page(**content):
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p_value": p_value, "words": _words}
    environment.filters["band"] = _band
    return environment.get_template("report.html").render(**content)


def _words(text):
    return str(text).replace("_", " ")


def _band(band):
    low, high = band
    if low is None:
        return f"up to {high:g} Hz"
    return f"from {low:g} Hz" if high is None else f"{low:g} to {high:g} Hz"


def _save(figure, path):
    """Write a picture as PNG and SVG; return the SVG for the page."""
    import matplotlib

    drawn = {}
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once for both
    # The same picture, the same file: no random ids, no date.
    with matplotlib.rc_context({"svg.hashsalt": path.name}):
        for kind, options in (
            ("png", {"dpi": 130}),
            ("svg", {"metadata": {"Date": None}}),
        ):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, facecolor="white", **options)
            drawn[kind] = buffer.getvalue()
    for kind, content in drawn.items():
        atomic_write(path.with_name(f"{path.name}.{kind}"), content)
    return base64.b64encode(drawn["svg"]).decode()


def _shown(table, position, result, tests, folder):
    """A table with its pictures, the people in it, and what was evaluated."""
    scores, folds = result.scores, result.folds
    mine = scores[scores["task"] == table.task]
    of_mine = folds[folds["task"] == table.task] if not folds.empty else folds
    figures = {
        "scores": plot_scores(mine, of_mine, REFERENCES),
        "paired": plot_paired(mine, of_mine, REFERENCES),
        "ranks": plot_ranks(mine, of_mine, table.task, REFERENCES),
        "pairs": plot_pairs(tests, table.task),
        "times": plot_times(mine, REFERENCES),
    }
    folder.mkdir(parents=True, exist_ok=True)
    # Numbered: a task may be called what no file may be.
    name = re.sub("[^a-z0-9]+", "-", table.task.lower()).strip("-")[:40]
    images = [
        (TITLES[kind], _save(figure, folder / f"{position:02d}-{name}-{kind}"))
        for kind, figure in figures.items()
        if figure is not None
    ]
    people = people_table(scores, table.task)
    records = [] if result.study is None else result.study.tasks
    return {
        "table": table,
        "images": images,
        "people": people,
        "caution": caution([table]),
        "folded": len(people) > FOLDED_FROM,
        "record": next((r for r in records if r.task == table.task), None),
        "over": "people" if table.over == "person" else f"{table.over}s of one person",
    }


def _meta_analysis(scores, tests, tables):
    """MOABB's meta-analysis, where several data sets were evaluated.

    Of two pipelines that every task has: the baseline that is the best on average, and
    of the others the best one.
    """
    if scores["dataset"].nunique() < 2:
        return None
    wide = scores.pivot_table(index="task", columns="pipeline", values="score").dropna(
        axis=1
    )
    # Tasks differ in difficulty and metric: rank within each.
    ranks = wide.rank(axis=1, ascending=False).mean().sort_values(kind="stable")
    baselines = [name for name in ranks.index if name in REFERENCES]
    others = [name for name in ranks.index if name not in REFERENCES]
    if baselines and others:
        return plot_meta_analysis(tests, others[0], baselines[0])
    if len(ranks) > 1:
        return plot_meta_analysis(tests, ranks.index[0], ranks.index[1])
    return None


def _title(result):
    """A title a person would write."""
    scores = result.scores
    n = scores["pipeline"].nunique()
    what = {KINDS.get(name, name) for name in scores.get("paradigm", ["EEG"])}
    people = scores.groupby("dataset")["subject"].nunique().sum()
    sets = list(dict.fromkeys(scores["dataset"]))
    where = _dataset_words(sets[0]) if len(sets) == 1 else f"{len(sets)} data sets"
    return (
        f"{' and '.join(sorted(what))}: {n} pipeline{'s' if n > 1 else ''} on {where}, "
        f"{people} {'person' if people == 1 else 'people'}"
    )


def _dataset_words(code):
    if code.startswith("EmbeddedMotorImagery"):
        return "the recording that ships with skgeo"
    own = re.fullmatch(r"Recordings-(.+)-[0-9a-f]+", code)
    return f"the recordings “{own.group(1)}”" if own else code


def _facts(study):
    """Versions, machine and times."""
    facts = releases(PACKAGES)
    return {
        "software": ", ".join(f"{name} {found}" for name, found in facts.items()),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "time": f"{clock(study.wall_time)} for this run, of which it computed "
        f"{study.n_computed} and found {study.n_found} (subject, pipeline) done; "
        f"{clock(study.cpu_time)} of CPU time for all fits and scores",
    }


def _processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found.group(1).strip() if found else platform.machine()


def _python(study):
    """Python code that does the same again."""
    given = {k: v for k, v in study.arguments.items() if k != "output"}
    output = study.arguments.get("output", "results")
    lines = ["from skgeo.eeg import evaluate, write_report", ""]
    lines.append("result = evaluate(")
    for name, value in given.items():
        lines.append(f"    {name}={_literal(value)},")
    lines.append(f"    output={os.fspath(output)!r},")
    lines += [")", f"write_report(result, {os.fspath(output)!r})"]
    return "\n".join(lines)


def _literal(value):
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    text = re.sub(r"\s+", " ", repr(value))
    return text
