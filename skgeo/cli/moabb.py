"""``skgeo moabb``: cross-validate EEG pipelines and report."""

import os
import pathlib
import shlex
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skgeo.utils.files import atomic_write

__all__ = ["moabb"]

console = Console()
errors = Console(stderr=True)

EXAMPLES = """\
Examples:

skgeo moabb --pipelines CSP+LDA,Cov+TS+LR,"ACM(average)" --n-jobs 2

skgeo moabb --dataset BNCI2014_001 --evaluation cross-session --subjects 1-3

skgeo moabb --dataset recordings/ --interval 0 3 --event left_hand=769
--event right_hand=770 --folds runs --output mine
"""


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
    """Split a list given as one word, a,b,c; none stays none."""
    if value is None:
        return None
    return [word.strip() for word in value.split(",") if word.strip()]


def _band(value):
    if value is None:
        return "default"
    if value.lower() == "none":
        return None
    low, _, high = value.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise ValueError(
            f"--band takes LOW-HIGH in Hz, as in 8-32, or none; got {value!r}."
        ) from None


def _events(values):
    """Read CLASS=MARK; a class may have several."""
    events = {}
    for value in values or ():
        label, sign, mark = value.partition("=")
        if not (label and sign and mark):
            raise ValueError(
                "--event takes CLASS=MARK, the mark an annotation or a code; got "
                f"{value!r}."
            )
        events.setdefault(label, []).append(mark)
    return events or None


def _channels(value):
    if value is None or value in ("motor", "all"):
        return value
    return _words(value)


def _pipelines(value):
    sets = ("default", "baselines", "all", "p300")
    return value.lower() if value.lower() in sets else _words(value)


def moabb(
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="A MOABB data set by name; a file (.npz, .mat, .fif, .edf, .vhdr, "
            ".set, .xdf, ...), a folder of them or a BIDS root; repeatable. By default "
            "the recording that ships with skgeo."
        ),
    ] = None,
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
        typer.Option(
            help="default, baselines, p300, all, or names: Cov+MDM,ACM+TS+SVM."
        ),
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
            help="Trial in seconds after its event, for continuous recordings of your "
            "own."
        ),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="CLASS=MARK, for continuous recordings of your own: an annotation or "
            "a code; repeatable, also for one class."
        ),
    ] = None,
    resample: Annotated[
        float | None, typer.Option(help="Sampling frequency in Hz to bring trials to.")
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(
            help="Folds within each session: a number (5), runs, run-pairs, blocks or "
            "chronological (also blocks:8)."
        ),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(help="A scorer of scikit-learn, as in balanced_accuracy."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds.")] = 42,
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
    list_filter: Annotated[
        str | None,
        typer.Option(
            "--filter", help="With --list: words a data set must match, as in ssvep."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print a line for each fold.")
    ] = False,
):
    """Cross-validate EEG pipelines through MOABB and report.

    Without options: the recording that ships with skgeo, left against right hand and
    all four movements, each with MOABB's folds and leaving pairs of runs out.

    Results are kept as they come; an interrupted run goes on where it stopped.
    """
    start = time.perf_counter()
    given = _again(locals())
    if not console.is_terminal:
        console.width = max(console.width, 140)
    if provider is not None:
        os.environ["MOABB_DOWNLOAD_PROVIDER"] = str(provider)
    with _one_line_errors(output), _warnings_in_one_line():
        if list_datasets or list_filter is not None:
            _list(list_filter or "")
            return
        result = _run(
            dataset=_datasets(dataset),
            paradigm=paradigm,
            evaluation=str(evaluation),
            subjects=subjects,
            pipelines=_pipelines(pipelines),
            classes=_words(classes),
            channels=_channels(channels),
            band=_band(band),
            interval=interval,
            events=_events(event),
            resample=resample,
            cv=folds,
            scorer=scorer,
            random_state=seed,
            n_jobs=n_jobs,
            output=output,
            overwrite=overwrite,
            verbose=0 if quiet else 2 if verbose else 1,
        )
        page = _report(result, output, given)
        if not quiet:
            _print_tables(result)
            console.print(f"Page with all of it: {page}", markup=False, highlight=False)
            console.print(f"{time.perf_counter() - start:.0f} s", style="dim")


def _datasets(values):
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _again(given):
    """The command line that does the same again, without what changes no result."""
    words = ["skgeo", "moabb"]
    silent = ("list_datasets", "list_filter", "quiet", "verbose", "overwrite", "n_jobs")
    names = {"event": "event"}
    defaults = {"evaluation": "within-session", "pipelines": "default", "seed": 42}
    for name, value in given.items():
        if value in (None, False, ()) or name == "start" or name in silent:
            continue
        if str(value) == str(defaults.get(name)):
            continue
        option = "--" + names.get(name, name).replace("_", "-")
        if isinstance(value, list):
            for item in value:
                words += [option, str(item)]
        elif isinstance(value, tuple):
            words += [option, *(f"{item:g}" for item in value)]
        else:
            words += [option, str(value)]
    return shlex.join(words)


@contextmanager
def _warnings_in_one_line():
    """Print each warning once, in one line."""
    shown = set()

    def show(message, category, *args, **kwargs):
        words = " ".join(str(message).split())
        if words not in shown:
            shown.add(words)
            _say(f"Warning: {words}", "yellow")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
        # joblib says so when an error ends a run early; the error is said anyway.
        warnings.filterwarnings("ignore", message=".*tasks which were still being")
        warnings.showwarning = show
        yield


def _say(words, style):
    from skgeo.eeg._moabb.names import printable

    errors.print(Text(printable(words), style=style), soft_wrap=True, highlight=False)


@contextmanager
def _one_line_errors(output):
    """Turn what can go wrong into one line; what cannot be foreseen into a log too."""
    try:
        yield
    except KeyboardInterrupt:
        _say(
            f"Interrupted. What was finished is in {output}; the same command goes on "
            "from there.",
            "red",
        )
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except Exception as error:
        if os.environ.get("SKGEO_TRACEBACK"):
            raise
        words = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, OSError) and error.errno and error.filename is None:
            words += (
                f" (writing below {output}, or to temporary files in "
                f"{tempfile.gettempdir()})"
            )
        for note in getattr(error, "__notes__", ()):
            words += f" ({note})"
        if not isinstance(error, (ValueError, OSError, ImportError)) or hasattr(
            error, "__notes__"
        ):
            log = _log(error, output)
            words = f"{type(error).__name__}: {words}. All of it is in {log}"
        _say(words, "red")
        raise typer.Exit(2) from None


def _log(error, output):
    """Write a traceback to the output folder, or where there is room."""
    text = f"{shlex.join(sys.argv)}\n{''.join(traceback.format_exception(error))}"
    for folder in (output, pathlib.Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic_write(folder / "error.log", text)
        except OSError:
            continue
        return folder / "error.log"
    return "no file: none can be written"


def _list(words):
    from skgeo.eeg._moabb.lookup import dataset_table
    from skgeo.eeg._moabb.pipelines import pipelines

    rows = dataset_table(words)
    if not rows:
        raise ValueError(f"No data set matches --filter {words!r}.")
    shown = Table("data set", "paradigm", "people", "channels", "license")
    for row in rows:
        shown.add_row(*(Text(value) for value in row.values()))
    console.print(shown)
    console.print(
        "Pipelines: " + ", ".join(pipelines("all")), markup=False, highlight=False
    )


def _run(**options):
    from skgeo.eeg import evaluate

    return evaluate(**options)


def _report(result, output, command):
    from skgeo.eeg._moabb.report import write_report

    return write_report(result, output, command=command)["html"]


def _print_tables(result):
    from skgeo.eeg._moabb.names import printable
    from skgeo.eeg._moabb.report import caution
    from skgeo.eeg._moabb.tables import make_tables, number, p_value

    tables = make_tables(result.scores, result.folds)
    for table in tables:
        shown = Table(
            title=Text(printable(table.task.replace("_", " "))), title_justify="left"
        )
        shown.add_column("pipeline")
        against = printable(table.baseline)
        for name in (
            table.metric,
            "95 % interval",
            "fit (s)",
            f"d from {against}",
            "p (Holm)",
        ):
            shown.add_column(Text(printable(name)), justify="right")
        for row in table.rows:
            known = row.low == row.low
            shown.add_row(
                Text(printable(row.pipeline)),
                number(row.mean),
                f"{number(row.low)} to {number(row.high)}" if known else "-",
                f"{row.time:.3g}",
                number(row.smd, 2),
                p_value(row.p_holm),
                style="bold" if row.is_best else None,
            )
        console.print(shown)
        over = "people" if table.over == "person" else f"{table.over}s of one person"
        words = f"Interval over {table.n} {over}."
        if table.test:
            words += (
                f" p: MOABB's {table.test}, better than {against}, one-sided, "
                "corrected by Holm's method; d: standardized mean difference."
            )
        console.print(Text(words, style="dim"))
    console.print(Text(caution(tables), style="dim"))
