"""Tables of an evaluation: comparisons with corrected p values, people, LaTeX."""

from dataclasses import dataclass

import numpy as np

from skgeo.eeg._moabb.pipelines import REFERENCES
from skgeo.plotting import best_baseline, summary_table
from skgeo.plotting._evaluations import METRIC_NAMES

__all__ = ["Row", "Table", "holm", "latex", "make_tables", "statistics"]

COLUMNS = ["task", "pipe1", "pipe2", "p", "p_holm", "smd", "n", "test"]


@dataclass(frozen=True)
class Row:
    """A pipeline in a table.

    Attributes
    ----------
    pipeline : str
        Its name.
    is_baseline, is_best : bool
        Whether it is a baseline; whether it alone has the highest mean as shown.
    mean, low, high, sd, time : float
        Mean score, its 95 % confidence interval, the standard deviation, seconds of a
        fit.
    smd, p, p_holm : float or None
        Standardized mean difference from the best baseline, the one-sided p value of
        being better, and the same corrected by Holm's method. None for the baseline.
    """

    pipeline: str
    is_baseline: bool
    is_best: bool
    mean: float
    low: float
    high: float
    sd: float
    time: float
    smd: float | None = None
    p: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Table:
    """The table of one task.

    Attributes
    ----------
    task, metric, baseline : str
        Name of the task, of the score, and of the best baseline.
    over, n : str, int
        What the spread is over, and how many of it.
    test : str
        Name of MOABB's test; empty where none could be run.
    rows : tuple of Row
        The pipelines.
    """

    task: str
    metric: str
    baseline: str
    over: str
    n: int
    test: str
    rows: tuple[Row, ...]


def holm(p) -> np.ndarray:
    """Correct p values for their number by Holm's method.

    Parameters
    ----------
    p : array-like of shape (n,)
        The p values; NaN stays.

    Returns
    -------
    corrected : ndarray of shape (n,)
        The corrected ones, at most 1.
    """
    p = np.asarray(p, dtype=float)
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected


def statistics(scores, folds):
    """Compare each pipeline with each other by MOABB's own tests, task by task.

    Parameters
    ----------
    scores, folds : pandas.DataFrame
        The tables of :func:`skgeo.eeg.evaluate`.

    Returns
    -------
    table : pandas.DataFrame
        ``task``, ``pipe1``, ``pipe2``, ``p`` (one-sided: small when ``pipe1`` scores
        higher), ``p_holm`` (corrected for the number of pipelines compared with
        ``pipe2``), ``smd`` (standardized mean difference), ``n`` (people, or folds of
        one person), ``test``. Several subjects: MOABB's permutation (below 20) or
        Wilcoxon test over subjects. One subject: MOABB's corrected resampled t-test
        over the folds of its sessions, which says nothing of other people.
    """
    import pandas as pd

    out = []
    for task, rows in scores.groupby("task", sort=False):
        if rows["pipeline"].nunique() < 2:
            continue
        if rows["subject"].nunique() >= 2:
            frame = _over_people(rows)
        else:
            frame = _over_folds(rows, folds)
        if frame is None:
            continue
        frame.insert(0, "task", task)
        frame["p_holm"] = frame.groupby("pipe2")["p"].transform(
            lambda p: holm(p.to_numpy())
        )
        out.append(frame[COLUMNS])
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame(columns=COLUMNS)


def _over_people(rows):
    from moabb.analysis import meta_analysis

    # One name for all: MOABB makes a table per data set of what is one task here.
    frame = meta_analysis.compute_dataset_statistics(rows)
    n = rows["subject"].nunique()
    frame["n"] = n
    frame["test"] = "permutation test" if n < 20 else "Wilcoxon test"
    return frame[frame["pipe1"] != frame["pipe2"]].copy()


def _over_folds(rows, folds):
    import pandas as pd
    from moabb.analysis import meta_analysis

    if folds is None or folds.empty:
        return None
    mine = folds[
        (folds["task"] == rows["task"].iloc[0])
        & (folds["evaluation"] == rows["evaluation"].iloc[0])
    ]
    wide = mine.pivot_table(
        index=["session", "fold"], columns="pipeline", values="score", sort=False
    ).dropna()
    if len(wide) < 2 or wide.shape[1] < 2:
        return None
    names = wide.columns.tolist()
    p = meta_analysis.compute_pvals_corrected_ttest(
        wide, mine["n_train"].mean(), mine["n_test"].mean(), names
    )
    smd = meta_analysis.compute_effect(wide, names)
    return pd.DataFrame(
        [
            {"pipe1": a, "pipe2": b, "p": p[i, j], "smd": smd[i, j], "n": len(wide)}
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j
        ]
    ).assign(test="corrected t-test over folds")


def make_tables(scores, folds, tests=None) -> list[Table]:
    """Put the tables together, one per task.

    Parameters
    ----------
    scores, folds : pandas.DataFrame
        The tables of :func:`skgeo.eeg.evaluate`.
    tests : pandas.DataFrame, optional
        What :func:`statistics` makes of them.

    Returns
    -------
    tables : list of Table
        In the order of the tasks.
    """
    tests = statistics(scores, folds) if tests is None else tests
    tables = []
    for task, rows in summary_table(scores, folds).groupby("task", sort=False):
        base = best_baseline(rows, REFERENCES)
        mine = tests[(tests["task"] == task) & (tests["pipe2"] == base)]
        against = mine.set_index("pipe1")
        shown = rows["mean"].round(3)
        alone = (shown == shown.max()).sum() == 1
        entries = []
        for row in rows.itertuples():
            found = {}
            if row.pipeline in against.index:
                test = against.loc[row.pipeline]
                found = {key: float(test[key]) for key in ("smd", "p", "p_holm")}
            entries.append(
                Row(
                    pipeline=row.pipeline,
                    is_baseline=row.pipeline in REFERENCES,
                    is_best=alone and round(row.mean, 3) == shown.max(),
                    mean=row.mean,
                    low=row.low,
                    high=row.high,
                    sd=row.sd,
                    time=row.time,
                    **found,
                )
            )
        metric = rows["metric"].iloc[0]
        tables.append(
            Table(
                task=task,
                metric=METRIC_NAMES.get(metric, metric),
                baseline=base,
                over=rows["over"].iloc[0],
                n=int(rows["n"].iloc[0]),
                test=mine["test"].iloc[0] if len(mine) else "",
                rows=tuple(entries),
            )
        )
    return tables


def people_table(scores, task):
    """Scores of one task: a row per person and session, a column per pipeline.

    Parameters
    ----------
    scores : pandas.DataFrame
        The ``scores`` of :func:`skgeo.eeg.evaluate`.
    task : str
        The task.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by subject and session.
    """
    rows = scores[scores["task"] == task]
    return rows.pivot_table(
        index=["subject", "session"], columns="pipeline", values="score", sort=False
    )


def number(value, digits=3) -> str:
    """Show a number, or a dash where there is none.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int, default=3
        Decimals.

    Returns
    -------
    words : str
        The words.
    """
    if value is None or np.isnan(value):
        return "–"
    if np.isinf(value):
        return "+∞" if value > 0 else "-∞"
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no negative zero


def p_value(value) -> str:
    """Show a p value; none is nought.

    Parameters
    ----------
    value : float or None
        The p value.

    Returns
    -------
    words : str
        The words.
    """
    if value is None or np.isnan(value):
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}"


def latex(tables) -> str:
    """Write tables for a paper, with the rules of the package booktabs.

    Parameters
    ----------
    tables : sequence of Table
        The tables.

    Returns
    -------
    text : str
        A ``table`` environment per table.
    """
    return "\n\n".join(_latex_table(table) for table in tables) + "\n"


def _latex_table(table):
    lines = [
        "\\begin{table}",
        "\\centering",
        "\\begin{tabular}{lrrrrr}",
        "\\toprule",
        f"pipeline & {_escape(table.metric)} & 95\\,\\% interval & $d$ & "
        "$p_\\mathrm{Holm}$ & fit (s) \\\\",
        "\\midrule",
    ]
    for row in table.rows:
        interval = "--"
        if not np.isnan(row.low):
            interval = f"{row.low:.3f} to {row.high:.3f}"
        mean = f"{row.mean:.3f}"
        cells = [
            _escape(row.pipeline),
            f"\\textbf{{{mean}}}" if row.is_best else mean,
            interval,
            number(row.smd, 2).replace("–", "--").replace("∞", "$\\infty$"),
            p_value(row.p_holm).replace("–", "--").replace("<", "$<$"),
            f"{row.time:.3g}",
        ]
        lines.append(" & ".join(cells) + " \\\\")
    over = "people" if table.over == "person" else f"{table.over}s of one person"
    lines += [
        "\\bottomrule",
        "\\end{tabular}",
        f"\\caption{{{_escape(table.task)}: {_escape(table.metric)} over {table.n} "
        f"{over}; $d$ and $p$ against {_escape(table.baseline)}.}}",
        "\\end{table}",
    ]
    return "\n".join(lines)


def _escape(text):
    """Escape what LaTeX would obey."""
    signs = {
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    }
    return "".join(signs.get(sign, sign) for sign in str(text))
