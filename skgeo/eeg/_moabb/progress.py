"""Progress of a study: a bar on a terminal, lines elsewhere."""

import sys
import time
from contextlib import contextmanager

from skgeo.eeg._moabb.names import printable
from skgeo.utils.optional import import_optional

__all__ = ["clock", "progress"]


def clock(seconds: float) -> str:
    """Say a time as people do: 45 s, 3 min, 1 h 20 min.

    Parameters
    ----------
    seconds : float
        The time.

    Returns
    -------
    words : str
        The words.
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress(total: int, verbose: int, console=None):
    """Show how far a study is.

    Parameters
    ----------
    total : int
        Units of work to do.
    verbose : int
        0 shows nothing, 1 a bar on a terminal or a line per unit elsewhere, 2 a line
        per fold.
    console : rich.console.Console, optional
        Where to show it; standard error by default.

    Yields
    ------
    callback : callable or None
        To be called with each ``FoldReport``.
    """
    if not verbose or not total:
        yield None
        return
    rich = import_optional("rich.console", extra="eeg")
    console = console or rich.Console(file=sys.stderr)
    lines = _Lines(console, each_fold=int(verbose) > 1)
    if not console.is_terminal or int(verbose) > 1:
        yield lines
        return
    with _bar(console) as bar:
        yield _Bar(bar, total)


def _bar(console):
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        TextColumn("{task.description}", table_column=words, markup=False),
        BarColumn(bar_width=max(6, min(24, console.width // 6))),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        expand=True,
    )


class _Bar:
    """One bar over the whole study."""

    def __init__(self, bar, total):
        self.bar = bar
        self.task = bar.add_task("loading", total=total)

    def __call__(self, report):
        # The pipeline first: a narrow terminal cuts the end.
        words = f"{report.pipeline}  subject {report.subject}  {report.task}"
        share = 0.0 if report.score is None else report.fold / report.n_folds
        self.bar.update(
            self.task,
            completed=report.done + (share if share < 1 else 0),
            description=printable(words),
        )


class _Lines:
    """A line per subject and pipeline, or per fold."""

    def __init__(self, console, each_fold):
        self.console, self.each_fold = console, each_fold
        self.start = time.perf_counter()
        self.scores = {}

    def __call__(self, report):
        if report.score is None:
            return
        unit = report.task, report.subject, report.pipeline
        scores = self.scores.setdefault(unit, [])
        scores.append(report.score)
        words = f"{report.task}  {report.pipeline}  subject {report.subject}"
        if self.each_fold:
            self._say(
                f"{words}  fold {report.fold}/{report.n_folds}  "
                f"score {report.score:.3f}  fit {report.time:.2g} s"
            )
        if len(scores) == report.n_folds:
            del self.scores[unit]
            spent = time.perf_counter() - self.start
            left = spent / max(report.done, 1) * (report.total - report.done)
            mean = sum(scores) / len(scores)
            self._say(
                f"{report.done}/{report.total}  {words}  score {mean:.3f}  "
                f"about {clock(left)} left"
            )

    def _say(self, words):
        self.console.print(
            printable(words), markup=False, highlight=False, soft_wrap=True
        )
