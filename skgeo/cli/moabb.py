"""``skgeo moabb``: cross-validate EEG pipelines and report."""

import logging
import os
import pathlib
import time
import warnings
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

__all__ = ["moabb"]

console = Console()


class Evaluation(StrEnum):
    """What the folds leave out."""

    within_session = "within-session"
    cross_session = "cross-session"
    cross_subject = "cross-subject"


class Provider(StrEnum):
    """Where MOABB downloads from."""

    upstream = "upstream"
    nemar = "nemar"
    auto = "auto"


def _words(value):
    """Split a list given as one word, a,b,c."""
    return [word.strip() for word in value.split(",") if word.strip()]


def _band(value):
    if value is None:
        return "default"
    if value.lower() == "none":
        return None
    try:
        low, high = map(float, value.split("-"))
    except ValueError:
        raise ValueError(
            f"--band takes LOW-HIGH in Hz, or none; got {value!r}."
        ) from None
    return low, high


def _events(values):
    events = {}
    for value in values or ():
        label, sign, mark = value.partition("=")
        if not (label and sign and mark):
            raise ValueError(f"--event takes CLASS=ANNOTATION or CODE; got {value!r}.")
        events[label] = int(mark) if mark.isdigit() else mark
    return events or None


def _subjects(value):
    """Read 1,2,5-8 as subjects."""
    subjects = []
    for word in _words(value):
        first, dash, last = word.partition("-")
        if dash and first.isdigit() and last.isdigit():
            subjects += range(int(first), int(last) + 1)
        else:
            subjects.append(word)
    return subjects


@contextmanager
def _quiet():
    """Keep MNE, MOABB and their dependencies from talking over the progress bar."""
    import mne
    import moabb

    moabb.set_log_level("error")
    mne.set_log_level("error")
    logging.getLogger("moabb").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for module in ("moabb", "mne", "h5py"):
            warnings.filterwarnings("ignore", module=rf"{module}(\..*)?")
        yield


class _Bar:
    """The live line: pipeline, subject, fold, last score, and how many are done."""

    def __init__(self, progress):
        self.progress = progress
        self.bars = {}

    def __call__(self, report):
        words = f"{report.task}  {report.pipeline}  subject {report.subject}"
        words += f"  fold {report.fold}/{report.n_folds}"
        if report.score is not None:
            words += f"  score {report.score:.3f}  fit {report.time:.2g} s"
        if not console.is_terminal and report.score is not None:
            console.print(f"{report.done}/{report.total}  {words}", highlight=False)
        if self.bars.get("total") != report.total or report.done < self.bars["done"]:
            if "task" in self.bars:
                self.progress.remove_task(self.bars["task"])
            self.bars["task"] = self.progress.add_task("", total=report.total)
        self.bars |= {"total": report.total, "done": report.done}
        self.progress.update(
            self.bars["task"], completed=report.done, description=escape(words)
        )


def _progress():
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print_tables(result):
    from skgeo.eeg._moabb.pipelines import BASELINES
    from skgeo.eeg._moabb.report import statistics
    from skgeo.plotting import METRIC_NAMES, best_baseline, summary_table

    table = summary_table(result.scores, result.folds)
    tests = statistics(result.scores, result.folds)
    for task, rows in table.groupby("task", sort=False):
        metric = METRIC_NAMES.get(rows["metric"].iloc[0], "score")
        base = best_baseline(rows, BASELINES)
        here = tests[(tests["task"] == task) & (tests["pipe2"] == base)]
        p_of = dict(zip(here["pipe1"], here["p"], strict=True))
        shown = Table(title=escape(task.replace("_", " ")), title_justify="left")
        shown.add_column("pipeline")
        over = f"sd over {rows['over'].iloc[0]}s"
        for name in (metric, over, "fit (s)", f"p, better than {base}"):
            shown.add_column(name, justify="right")
        best = rows["mean"].max()
        for row in rows.itertuples():
            shown.add_row(
                escape(row.pipeline),
                f"{row.mean:.3f}",
                f"{row.sd:.3f}" if row.n > 1 else "-",
                f"{row.time:.3g}",
                f"{p_of[row.pipeline]:.3f}" if row.pipeline in p_of else "-",
                style="bold" if row.mean == best else None,
            )
        console.print(shown)
        if len(here):
            console.print(
                f"p: MOABB's {here['test'].iloc[0]}, one-sided, uncorrected for "
                "the number of comparisons.",
                style="dim",
            )
    _print_all_pairs(result)


def _print_all_pairs(result):
    """Print MOABB's p-values of all pairs, where there are several subjects."""
    from moabb.analysis.meta_analysis import (
        compute_dataset_statistics,
        find_significant_differences,
    )

    for task, rows in result.scores.groupby("task", sort=False):
        if rows["subject"].nunique() < 2 or rows["pipeline"].nunique() < 2:
            continue
        p, smd = find_significant_differences(compute_dataset_statistics(rows))
        shown = Table(
            title=escape(
                f"{task}: row better than column, p (standardized difference)"
            ),
            title_justify="left",
        )
        shown.add_column("")
        for name in p.columns:
            shown.add_column(escape(name), justify="right")
        for name in p.index:
            cells = [
                "-"
                if name == other
                else f"{p.loc[name, other]:.3f} ({smd.loc[name, other]:+.2f})"
                for other in p.columns
            ]
            shown.add_row(escape(name), *cells)
        console.print(shown)


def moabb(
    dataset: Annotated[
        str,
        typer.Option(
            help="A MOABB data set by name; a file (.npz, .fif, .edf, ...) or folder "
            "of one's own; the default ships with skgeo."
        ),
    ] = "EmbeddedMotorImagery",
    paradigm: Annotated[
        str | None,
        typer.Option(help="A class of moabb.paradigms; by default the one that fits."),
    ] = None,
    evaluation: Annotated[
        Evaluation, typer.Option(help="What the folds leave out.")
    ] = Evaluation.within_session,
    subjects: Annotated[
        str | None, typer.Option(help="Subjects, as in 1,2,5-8; all by default.")
    ] = None,
    pipelines: Annotated[
        str,
        typer.Option(help="default, baselines, all, or names: Cov+MDM,ACM+TS+SVM."),
    ] = "default",
    classes: Annotated[
        str | None, typer.Option(help="Classes to tell apart: left_hand,feet.")
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(
            help="Channels to keep: C3,Cz,C4. For the embedded recording also motor "
            "(the default there) and all."
        ),
    ] = None,
    band: Annotated[
        str | None,
        typer.Option(help="Band-pass filter in Hz, as in 8-32, or none."),
    ] = None,
    interval: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Trial in seconds after its event, for one's own recordings."
        ),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="CLASS=ANNOTATION (or code), for one's own recordings; repeatable."
        ),
    ] = None,
    n_jobs: Annotated[
        int, typer.Option(help="Processes over folds; -1 for all cores.")
    ] = -1,
    output: Annotated[
        pathlib.Path, typer.Option(help="Folder for results, tables and pictures.")
    ] = pathlib.Path("results"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Compute again what is there.")
    ] = False,
    provider: Annotated[
        Provider | None,
        typer.Option(
            help="Where MOABB downloads from: upstream (the hosts of the data sets; "
            "the default unless MOABB_DOWNLOAD_PROVIDER or MNE's configuration says "
            "otherwise), nemar, or auto (nemar first: a minute of retries without a "
            "network)."
        ),
    ] = None,
    list_datasets: Annotated[
        bool, typer.Option("--list", help="List data sets and pipelines, and stop.")
    ] = False,
):
    """Cross-validate EEG pipelines through MOABB and report.

    Without options: the recording that ships with skgeo, both its tasks.

    Results are kept as they come; an interrupted run goes on where it stopped.
    """
    start = time.perf_counter()
    _set_provider(provider)
    try:
        with _quiet():
            if list_datasets:
                _list()
                return
            _run(
                dataset=dataset,
                paradigm=paradigm,
                evaluation=str(evaluation),
                subjects=_subjects(subjects) if subjects else None,
                pipelines=pipelines
                if pipelines in ("default", "baselines", "all")
                else _words(pipelines),
                classes=_words(classes) if classes else None,
                channels=_channels(channels),
                band=_band(band),
                interval=interval,
                events=_events(event),
                n_jobs=n_jobs,
                output=output,
                overwrite=overwrite,
            )
    except KeyboardInterrupt:
        console.print(
            f"Interrupted. What was finished is in {output}; the same command goes on "
            "from there."
        )
        raise typer.Exit(130) from None
    except (ValueError, OSError, ImportError) as error:
        if os.environ.get("SKGEO_TRACEBACK"):
            raise
        # Wrapped by hand: rich would take [..] in a message for markup.
        console.print(escape(str(error)), style="red", highlight=False)
        raise typer.Exit(2) from None
    console.print(f"{time.perf_counter() - start:.0f} s", style="dim")


def _channels(value):
    if value is None:
        return None
    return value if value in ("motor", "all") else _words(value)


def _set_provider(provider):
    import mne

    if provider is not None:
        os.environ["MOABB_DOWNLOAD_PROVIDER"] = str(provider)
    elif mne.get_config("MOABB_DOWNLOAD_PROVIDER") is None:
        os.environ["MOABB_DOWNLOAD_PROVIDER"] = "upstream"


def _list():
    from skgeo.eeg._moabb.lookup import dataset_names
    from skgeo.eeg._moabb.pipelines import pipelines

    console.print("Pipelines: " + escape(", ".join(pipelines("all"))), highlight=False)
    console.print("Data sets: " + ", ".join(dataset_names()), highlight=False)


def _run(*, output, **options):
    from skgeo.eeg import evaluate
    from skgeo.eeg._moabb.report import write_report

    with _progress() as progress:
        result = evaluate(output=output, report=_Bar(progress), **options)
    settings = {
        name: _shown(value) for name, value in options.items() if value is not None
    }
    paths = write_report(result, output, settings=settings)
    _print_tables(result)
    console.print(f"Page with all of it: {paths['html']}", highlight=False)


def _shown(value):
    return (
        ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    )
