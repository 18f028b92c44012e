"""Summaries and pictures of an evaluation of classifiers.

The tables are those of ``skgeo.eeg.evaluate``, which ``skgeo moabb`` also writes as
CSV files: whatever has their columns can be drawn. matplotlib (extra ``plot``) is
imported when a picture is drawn.
"""

import numpy as np

__all__ = [
    "best_baseline",
    "plot_paired",
    "plot_scores",
    "plot_times",
    "summary_table",
]

OURS, THEIRS, FAINT = "#c4501b", "#3b5f85", "#8a8a8a"
METRIC_NAMES = {"roc_auc": "ROC-AUC", "accuracy": "accuracy"}


def summary_table(scores, folds=None):
    """Average scores over subjects and sessions.

    Parameters
    ----------
    scores : pandas.DataFrame
        The ``scores`` of ``skgeo.eeg.evaluate``.
    folds : pandas.DataFrame, optional
        Its ``folds``, for the spread where one session of one subject was tested.

    Returns
    -------
    table : pandas.DataFrame
        One row per task and pipeline: ``mean``; ``sd`` over ``n`` sessions or folds
        (``over`` says which); ``time`` of a fit in seconds; ``metric``.
    """
    table = (
        scores.groupby(["task", "pipeline"], sort=False)
        .agg(
            mean=("score", "mean"),
            sd=("score", "std"),
            n=("score", "size"),
            time=("time", "mean"),
            metric=("metric", "first"),
        )
        .reset_index()
    )
    table["over"] = "session"
    if folds is None or folds.empty:
        return table
    for i, row in table[table["n"] == 1].iterrows():
        mine = folds[
            (folds["task"] == row["task"]) & (folds["pipeline"] == row["pipeline"])
        ]
        if len(mine) > 1:
            table.loc[i, ["sd", "n", "over"]] = (
                mine["score"].std(),
                len(mine),
                "fold",
            )
    return table


def best_baseline(table, baselines):
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


def _panels(tasks, height, width=5.2):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * len(tasks) + 1.4, height), layout="constrained")
    axes = figure.subplots(1, len(tasks), squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _rows_axis(ax, names, show, baselines):
    ax.set_yticks(range(len(names)), names if show else [""] * len(names))
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        label.set_color(_color(name, baselines))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    ax.set_axisbelow(True)


def plot_scores(scores, folds, baselines=()):
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
        chance = 0.5 if metric == "roc_auc" else 1 / rows["n_classes"].max()
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
            spread = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [0]
            ax.plot(
                values,
                i + np.asarray(spread),
                "o",
                color=_color(name, baselines),
                alpha=0.3,
                ms=4,
            )
            mean = rows.loc[rows["pipeline"] == name, "score"].mean()
            ax.plot(mean, i, "|", color=_color(name, baselines), ms=17, mew=2.4)
            ax.annotate(
                f"{mean:.3f}",
                (1.01, i),
                xycoords=("axes fraction", "data"),
                color=_color(name, baselines),
                fontsize=8.5,
                va="center",
            )
        _rows_axis(ax, names, ax is axes[0], baselines)
        low = min(chance, points["score"].min())
        ax.set_xlim(low - 0.04, max(1.0, points["score"].max()) + 0.02)
        ax.set_xlabel(METRIC_NAMES.get(metric, metric))
        ax.set_title(task.replace("_", " "), fontsize=11)
    figure.suptitle(
        f"Scores: bar = mean, dots = {unit}s", x=0.01, ha="left", fontsize=10
    )
    return figure


def plot_paired(scores, folds, baselines=()):
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
            spread = np.linspace(-0.16, 0.16, len(gap)) if len(gap) > 1 else [0]
            ax.plot(
                gap,
                i + np.asarray(spread),
                "o",
                color=_color(name, baselines),
                alpha=0.3,
                ms=4,
            )
            ax.plot(gap.mean(), i, "|", color=_color(name, baselines), ms=17, mew=2.4)
            ax.annotate(
                f"{gap.mean():+.3f}",
                (1.01, i),
                xycoords=("axes fraction", "data"),
                color=_color(name, baselines),
                fontsize=8.5,
                va="center",
            )
        # The baseline differs from task to task, and so do the names.
        _rows_axis(ax, names, True, baselines)
        far = max(0.05, np.abs(ax.get_xlim()).max())
        ax.set_xlim(-far, far)
        ax.set_xlabel(f"difference from {base}")
        ax.set_title(task.replace("_", " "), fontsize=11)
    figure.suptitle(
        f"Paired with the best baseline: bar = mean, dots = {unit}s; right is better",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return figure


def plot_times(scores, baselines=()):
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
                row["pipeline"],
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
        ax.set_title(task.replace("_", " "), fontsize=11)
    return figure
