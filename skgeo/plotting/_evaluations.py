"""Summaries and pictures of an evaluation of classifiers.

The tables are those of ``skgeo.eeg.evaluate``, which ``skgeo moabb`` also writes as
CSV files: whatever has their columns can be drawn. matplotlib (extra ``plot``) is
imported when a picture is drawn.
"""

from typing import Any

import numpy as np

__all__ = [
    "best_baseline",
    "plot_meta_analysis",
    "plot_paired",
    "plot_pairs",
    "plot_ranks",
    "plot_scores",
    "plot_times",
    "summary_table",
]

OURS, THEIRS, FAINT = "#c4501b", "#3b5f85", "#8a8a8a"
# Scores between 0 and 1, as people call them.
METRIC_NAMES = {
    "roc_auc": "ROC-AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
}


def summary_table(scores: Any, folds: Any = None) -> Any:
    """Average scores over people, or over the folds of one person.

    Parameters
    ----------
    scores : pandas.DataFrame
        The ``scores`` of ``skgeo.eeg.evaluate``.
    folds : pandas.DataFrame, optional
        Its ``folds``, for the spread where one person was tested.

    Returns
    -------
    table : pandas.DataFrame
        One row per task and pipeline: ``mean``, over the sessions of a person and then
        over people; ``sd`` over ``n`` people, sessions or folds (``over`` says which);
        ``low`` and ``high``, the 95 % confidence interval of the mean; ``time`` of a
        fit in seconds; ``metric``.

    Notes
    -----
    The interval over people is that of Student's t. The folds of one person share
    training trials, so their variance is multiplied by 1/k + n_test/n_train in place
    of 1/k [1]_; the interval says nothing of other people.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio (2003). Inference for the generalization error.
       Machine Learning 52:239-281.
    """
    import pandas as pd

    rows = []
    for (task, name), mine in scores.groupby(["task", "pipeline"], sort=False):
        people = mine.groupby("subject", sort=False)["score"].mean()
        values, over, share = people, "person", 1 / len(people)
        if len(people) == 1:
            values, over, share = _of_one_person(task, name, mine, folds)
        rows.append(
            {
                "task": task,
                "pipeline": name,
                "mean": people.mean(),
                "sd": values.std(),
                "n": len(values),
                "over": over,
                **_interval(people.mean(), values, share, mine["metric"].iloc[0]),
                "time": mine["time"].mean(),
                "metric": mine["metric"].iloc[0],
            }
        )
    return pd.DataFrame(rows)


def _of_one_person(task, name, mine, folds):
    """Values behind the mean of one person, and the share of their variance in it."""
    if folds is not None and not folds.empty:
        chosen = (folds["task"] == task) & (folds["pipeline"] == name)
        found = folds[chosen & (folds["evaluation"] == mine["evaluation"].iloc[0])]
        if len(found) > 1:
            overlap = 0.0
            if "n_train" in found:
                overlap = found["n_test"].mean() / found["n_train"].mean()
            return found["score"], "fold", 1 / len(found) + overlap
    return mine["score"], "session", 1 / len(mine)


def _interval(mean, values, share, metric):
    """Confidence interval of a mean from the spread of values behind it."""
    from scipy.stats import t

    if len(values) < 2:
        return {"low": np.nan, "high": np.nan}
    half = t.ppf(0.975, len(values) - 1) * values.std() * np.sqrt(share)
    if metric in METRIC_NAMES:  # shares of something
        return {"low": max(0.0, mean - half), "high": min(1.0, mean + half)}
    return {"low": mean - half, "high": mean + half}


def best_baseline(table: Any, baselines: Any) -> Any:
    """Find the baseline with the highest mean score of one task.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of :func:`summary_table` of one task.
    baselines : collection of str
        Names of the pipelines that others are compared with.

    Returns
    -------
    name : str
        Name of the pipeline; the best of all if none is a baseline.
    """
    rows = table[table["pipeline"].isin(list(baselines))]
    rows = rows if len(rows) else table
    return rows.loc[rows["mean"].idxmax(), "pipeline"]


def _color(name, baselines):
    return THEIRS if name in baselines else OURS


def _points(scores, folds, task):
    """Scores to draw: of folds where one subject was tested, else of sessions."""
    rows = scores[scores["task"] == task]
    if rows["subject"].nunique() == 1 and not folds.empty:
        mine = folds[
            (folds["task"] == task)
            & (folds["evaluation"] == rows["evaluation"].iloc[0])
        ]
        if set(mine["pipeline"]) == set(rows["pipeline"]):
            return mine.assign(unit=mine["session"] + "/" + mine["fold"].astype(str)), (
                "fold"
            )
    unit = rows["subject"].astype(str) + "/" + rows["session"].astype(str)
    return rows.assign(unit=unit), "session"


def _chance(metric, rows):
    """Score of guessing, None where it is not known."""
    if metric.startswith("roc_auc"):
        return 0.5
    if metric in ("accuracy", "balanced_accuracy"):
        return 1 / rows["n_classes"].max()
    return None


def _panels(tasks, height, width=5.2):
    from matplotlib.figure import Figure

    # One alone is drawn narrower, to be read on a phone.
    width = width if len(tasks) > 1 else 0.82 * width
    figure = Figure(figsize=(width * len(tasks) + 1.4, height), layout="constrained")
    axes = figure.subplots(1, len(tasks), squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _rows_axis(ax, names, show, baselines):
    ax.set_yticks(range(len(names)), map(_plain, names) if show else [""] * len(names))
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        label.set_color(_color(name, baselines))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    ax.set_axisbelow(True)


def _at_the_margin(ax, row, words, color="black"):
    """Words to the right of a row."""
    ax.annotate(
        words,
        (1.01, row),
        xycoords=("axes fraction", "data"),
        color=color,
        fontsize=8.5,
        va="center",
    )


def _dots_and_bar(ax, row, values, mean, form, color):
    """Values of a row as dots beside each other, their mean as a bar and in digits."""
    spread = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [0]
    ax.plot(values, row + np.asarray(spread), "o", color=color, alpha=0.3, ms=4)
    ax.plot(mean, row, "|", color=color, ms=17, mew=2.4)
    _at_the_margin(ax, row, form.format(mean), color)


def plot_scores(scores: Any, folds: Any, baselines: Any = ()) -> Any:
    """Draw the scores of each pipeline.

    Parameters
    ----------
    scores, folds : pandas.DataFrame
        The tables of ``skgeo.eeg.evaluate``.
    baselines : collection of str, default=()
        Names of the pipelines that others are compared with.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The picture.
    """
    tasks = scores["task"].unique()
    n_names = scores["pipeline"].nunique()
    figure, axes = _panels(tasks, 1.5 + 0.36 * n_names)
    for ax, task in zip(axes, tasks, strict=True):
        rows = scores[scores["task"] == task]
        names = list(dict.fromkeys(rows["pipeline"]))
        points, unit = _points(scores, folds, task)
        metric = rows["metric"].iloc[0]
        chance = _chance(metric, rows)
        if chance is not None:
            ax.axvline(chance, color=FAINT, linestyle=":", linewidth=1)
            ax.annotate(
                "chance",
                (chance, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -2),
                textcoords="offset points",
                color=FAINT,
                fontsize=8,
                va="top",
            )
        for i, name in enumerate(names):
            values = points.loc[points["pipeline"] == name, "score"].to_numpy()
            mean = rows.loc[rows["pipeline"] == name, "score"].mean()
            _dots_and_bar(ax, i, values, mean, "{:.3f}", _color(name, baselines))
        _rows_axis(ax, names, ax is axes[0], baselines)
        if chance is not None:
            low = min(chance, points["score"].min())
            ax.set_xlim(low - 0.04, max(1.0, points["score"].max()) + 0.02)
        ax.set_xlabel(METRIC_NAMES.get(metric, metric))
        ax.set_title(_shortened(task, 44), fontsize=11)
    figure.suptitle(
        f"Scores: bar = mean, dots = {unit}s", x=0.01, ha="left", fontsize=10
    )
    return figure


def plot_paired(scores: Any, folds: Any, baselines: Any = ()) -> Any:
    """Draw differences from the best baseline, on the same test trials.

    Parameters
    ----------
    scores, folds : pandas.DataFrame
        The tables of ``skgeo.eeg.evaluate``.
    baselines : collection of str, default=()
        Names of the pipelines that others are compared with.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        The picture; None if there is one pipeline only.
    """
    tasks = scores["task"].unique()
    n_names = scores["pipeline"].nunique()
    if n_names < 2:
        return None
    figure, axes = _panels(tasks, 1.5 + 0.36 * (n_names - 1))
    for ax, task in zip(axes, tasks, strict=True):
        points, unit = _points(scores, folds, task)
        base = best_baseline(summary_table(scores[scores["task"] == task]), baselines)
        wide = points.pivot_table(
            index="unit", columns="pipeline", values="score", sort=False
        )
        names = [
            name
            for name in dict.fromkeys(scores.loc[scores["task"] == task, "pipeline"])
            if name != base
        ]
        ax.axvline(0, color=THEIRS, linewidth=1)
        for i, name in enumerate(names):
            gap = (wide[name] - wide[base]).dropna().to_numpy()
            color = _color(name, baselines)
            _dots_and_bar(ax, i, gap, gap.mean(), "{:+.3f}", color)
        # The baseline differs from task to task, and so do the names.
        _rows_axis(ax, names, True, baselines)
        far = max(0.05, np.abs(ax.get_xlim()).max())
        ax.set_xlim(-far, far)
        ax.set_xlabel(f"difference from {_plain(base)}")
        ax.set_title(_shortened(task, 44), fontsize=11)
    figure.suptitle(
        f"Paired with the best baseline: bar = mean, dots = {unit}s; right is better",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return figure


def plot_times(scores: Any, baselines: Any = ()) -> Any:
    """Draw the score of each pipeline against the time of a fit.

    Parameters
    ----------
    scores : pandas.DataFrame
        The ``scores`` of ``skgeo.eeg.evaluate``.
    baselines : collection of str, default=()
        Names of the pipelines that others are compared with.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The picture.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    table = summary_table(scores)
    tasks = table["task"].unique()
    figure, axes = _panels(tasks, 4.4)
    for ax, task in zip(axes, tasks, strict=True):
        rows = table[table["task"] == task].sort_values(["mean", "time"])
        colors = [_color(name, baselines) for name in rows["pipeline"]]
        ax.scatter(rows["time"], rows["mean"], c=colors, s=28, zorder=3)
        ax.set_xscale("log")
        # Plain numbers, few enough not to run into each other.
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0.12, y=0.12)
        # Names in a column at the right, spread so that none covers another.
        low, high = rows["mean"].min() - 0.02, rows["mean"].max() + 0.02
        low, high = min(low, high - 0.12), min(high, 1.02)
        ax.set_ylim(low, high)
        step = (high - low) / max(len(rows), 12)
        ranks = step * np.arange(len(rows))
        at = np.maximum.accumulate(rows["mean"].to_numpy() - ranks) + ranks
        # Pushed up past the top: close up from there.
        at = np.minimum(at, high - ranks[::-1])
        right = ax.get_xlim()[1]
        for y, (_, row) in zip(at, rows.iterrows(), strict=True):
            ax.annotate(
                _plain(row["pipeline"]),
                (row["time"], row["mean"]),
                xytext=(1.03, y),
                textcoords=ax.get_yaxis_transform(),
                color=_color(row["pipeline"], baselines),
                fontsize=8.5,
                va="center",
                arrowprops={
                    "arrowstyle": "-",
                    "color": "#cccccc",
                    "linewidth": 0.7,
                    "relpos": (0, 0.5),
                    "shrinkA": 0,
                },
            )
        ax.set_xlim(right=right)
        ax.grid(color="#eeeeee")
        ax.set_xlabel("time of a fit (s)")
        metric = rows["metric"].iloc[0]
        ax.set_ylabel(f"mean {METRIC_NAMES.get(metric, metric)}")
        ax.set_title(_shortened(task, 44), fontsize=11)
    return figure


def plot_pairs(tests: Any, task: Any) -> Any:
    """Draw how each pipeline compares with every other.

    Parameters
    ----------
    tests : pandas.DataFrame
        The ``statistics.csv`` of ``skgeo moabb``: ``task``, ``pipe1``, ``pipe2``,
        ``smd``, ``p_holm``.
    task : str
        The task.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        A heat map of standardized mean differences, row minus column, with a dot where
        the row is better at 5 %, corrected by Holm's method; None without pairs.
    """
    rows = tests[tests["task"] == task]
    if rows.empty:
        return None
    names = list(dict.fromkeys([*rows["pipe1"], *rows["pipe2"]]))
    smd, p = (
        rows.pivot_table(
            index="pipe1", columns="pipe2", values=value, sort=False
        ).reindex(index=names, columns=names)
        for value in ("smd", "p_holm")
    )
    from matplotlib.figure import Figure

    size = 2.4 + 0.34 * len(names)
    figure = Figure(figsize=(size + 1.0, size), layout="constrained")
    ax = figure.subplots()
    # Beyond two standard deviations all is far; infinities are drawn there too.
    values = np.clip(smd.to_numpy(dtype=float), -2, 2)
    image = ax.imshow(values, cmap="RdBu_r", vmin=-2, vmax=2)
    for i in range(len(names)):
        for j in range(len(names)):
            if p.iloc[i, j] < 0.05:
                ax.plot(j, i, "o", color="black", ms=3.5)
    ax.set_xticks(range(len(names)), map(_plain, names), rotation=90, fontsize=8.5)
    ax.set_yticks(range(len(names)), map(_plain, names), fontsize=8.5)
    ax.set_title("row better than column (dot: p < .05)", fontsize=9.5)
    bar = figure.colorbar(image, ax=ax, shrink=0.7, extend="both")
    bar.set_label("standardized difference, row - column", fontsize=8.5)
    return figure


def plot_ranks(scores: Any, folds: Any, task: Any, baselines: Any = ()) -> Any:
    """Draw the mean rank of each pipeline over people, or over folds of one person.

    Parameters
    ----------
    scores, folds : pandas.DataFrame
        The tables of ``skgeo.eeg.evaluate``.
    task : str
        The task.
    baselines : collection of str, default=()
        Names of the pipelines that others are compared with.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        The picture; None for fewer than three pipelines or two units. From five people
        on it shows Nemenyi's critical difference [1]_: pipelines nearer than this are
        not told apart. Folds of one person are not independent and have none.

    References
    ----------
    .. [1] J. Demsar (2006). Statistical comparisons of classifiers over multiple data
       sets. JMLR 7:1-30.
    """
    from matplotlib.figure import Figure
    from scipy.stats import studentized_range

    points, unit = _points(scores, folds, task)
    by = "unit"
    if points["subject"].nunique() > 1:
        by, unit = "subject", "person"
    wide = points.pivot_table(
        index=by, columns="pipeline", values="score", sort=False
    ).dropna()
    n, k = wide.shape
    if k < 3 or n < 2:
        return None
    ranks = wide.rank(axis=1, ascending=False).mean().sort_values(kind="stable")
    figure = Figure(figsize=(5.4, 1.3 + 0.3 * k), layout="constrained")
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    for i, (name, rank) in enumerate(ranks.items()):
        color = _color(name, baselines)
        ax.plot([1, rank], [i, i], color=color, lw=1.2, alpha=0.4)
        ax.plot(rank, i, "o", color=color, ms=6)
    plural = "people" if unit == "person" else f"{unit}s of one person"
    title = f"Mean rank over {n} {plural} (1 is best)"
    if by == "subject" and n >= 5:
        q = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
        width = q * np.sqrt(k * (k + 1) / (6 * n))
        ax.axvspan(ranks.iloc[0], ranks.iloc[0] + width, color=FAINT, alpha=0.15, lw=0)
        title += "\nshaded: not told apart from the best (Nemenyi, 5 %)"
    _rows_axis(ax, list(ranks.index), True, baselines)
    ax.set_xlim(0.8, k + 0.2)
    ax.set_xlabel("mean rank")
    ax.set_title(title, fontsize=9.5, loc="left")
    return figure


def plot_meta_analysis(tests: Any, pipe1: Any, pipe2: Any) -> Any:
    """Draw how much better one pipeline is than another on each data set, and on all.

    Parameters
    ----------
    tests : pandas.DataFrame
        The ``statistics.csv`` of ``skgeo moabb``: ``task``, ``pipe1``, ``pipe2``,
        ``smd``, ``p``, ``n`` and ``test``.
    pipe1, pipe2 : str
        The two pipelines; a difference above zero says that the first is better.

    Returns
    -------
    figure : matplotlib.figure.Figure or None
        A forest plot; None for fewer than two tasks with both.

    Notes
    -----
    Data sets are combined as in MOABB: effects weighted by the square root of the
    number of people, p values by Stouffer's method with the same weights. Data sets of
    one person (hollow) enter through their folds, with the weight of one person.
    """
    from matplotlib.figure import Figure
    from scipy.stats import combine_pvalues

    rows = tests[(tests["pipe1"] == pipe1) & (tests["pipe2"] == pipe2)]
    rows = rows[np.isfinite(rows["smd"].astype(float)) & rows["p"].notna()]
    if len(rows) < 2:
        return None
    one_person = rows["test"].str.contains("folds").to_numpy()
    people = np.where(one_person, 1, rows["n"].to_numpy(dtype=float))
    smd = rows["smd"].to_numpy(dtype=float)
    # Large-sample standard error of a paired standardized difference.
    n = rows["n"].to_numpy(dtype=float)
    error = np.sqrt(1 / n + smd**2 / (2 * n))
    weights = np.sqrt(people) / np.sqrt(people).sum()
    effect = float(weights @ smd)
    spread = float(np.sqrt(np.sum((weights * error) ** 2)))
    p = np.clip(rows["p"].to_numpy(dtype=float), 1e-15, 1 - 1e-15)
    together = combine_pvalues(p, method="stouffer", weights=np.sqrt(people)).pvalue

    figure = Figure(figsize=(6.4, 1.6 + 0.42 * (len(rows) + 1)), layout="constrained")
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.axvline(0, color=FAINT, lw=1)
    for i in range(len(rows)):
        face = "white" if one_person[i] else OURS
        ax.plot(
            [smd[i] - 1.96 * error[i], smd[i] + 1.96 * error[i]], [i, i], color=OURS
        )
        ax.plot(smd[i], i, "s", color=OURS, mfc=face, ms=4 + 2 * np.sqrt(people[i]))
    last = len(rows)
    ax.fill(
        [effect - 1.96 * spread, effect, effect + 1.96 * spread, effect],
        [last, last - 0.22, last, last + 0.22],
        color=THEIRS,
    )
    labels = [_shortened(task) for task in rows["task"]]
    ax.set_yticks(range(last + 1), [*labels, "all"], fontsize=8.5)
    for i, value in enumerate([*p, together]):
        words = "p < .001" if value < 0.001 else f"p = {value:.3f}"
        _at_the_margin(ax, i, words)
    ax.set_ylim(last + 0.6, -0.6)
    ax.set_xlabel(f"standardized difference, {_plain(pipe1)} - {_plain(pipe2)}")
    title = "Meta-analysis: 95 % intervals, one-sided p"
    if one_person.any():
        title += "\nhollow: over the folds of one person"
    ax.set_title(title, fontsize=9.5, loc="left")
    return figure


def _plain(text):
    """A text in which matplotlib sees no mathematics, and no sign it cannot draw."""
    shown = (letter if letter.isprintable() else "?" for letter in str(text))
    return "".join(shown).replace("$", r"\$")


def _shortened(text, width=34):
    """A text over two lines, cut where it is still too long."""
    import textwrap

    lines = textwrap.wrap(_plain(text).replace("_", " "), width)[:2]
    return "\n".join(lines)
