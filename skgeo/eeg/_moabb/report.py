"""Tables, pictures and one HTML page of an evaluation."""

import base64
import io
import pathlib
import time

import numpy as np

from skgeo.eeg._moabb.pipelines import BASELINES
from skgeo.plotting import (
    METRIC_NAMES,
    best_baseline,
    plot_paired,
    plot_scores,
    plot_times,
    summary_table,
)
from skgeo.utils.files import atomic_write
from skgeo.utils.optional import import_optional

__all__ = ["statistics", "write_report"]


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
        higher), ``smd`` (standardized mean difference over subjects), ``test``. Several
        subjects: MOABB's permutation (below 20) or Wilcoxon test over subjects. One
        subject: MOABB's corrected resampled t-test over the folds of its sessions,
        which says nothing of other people.
    """
    import pandas as pd
    from moabb.analysis import meta_analysis

    out = []
    for task, rows in scores.groupby("task", sort=False):
        if rows["pipeline"].nunique() < 2:
            continue
        if rows["subject"].nunique() >= 2:
            frame = meta_analysis.compute_dataset_statistics(rows)
            n = rows["subject"].nunique()
            frame["test"] = "permutation test" if n < 20 else "Wilcoxon test"
            frame = frame[frame["pipe1"] != frame["pipe2"]]
        else:
            frame = _fold_statistics(rows, folds, meta_analysis)
            if frame is None:
                continue
        frame.insert(0, "task", task)
        out.append(frame[["task", "pipe1", "pipe2", "p", "smd", "test"]])
    columns = ["task", "pipe1", "pipe2", "p", "smd", "test"]
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame(columns=columns)


def _fold_statistics(rows, folds, meta_analysis):
    import pandas as pd

    if folds.empty:
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
    return pd.DataFrame(
        [
            {"pipe1": a, "pipe2": b, "p": p[i, j], "smd": np.nan}
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j
        ]
    ).assign(test="corrected t-test over folds")


def _png(figure, path):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, facecolor="white")
    atomic_write(path, buffer.getvalue())
    return base64.b64encode(buffer.getvalue()).decode()


def write_report(result, output, *, settings=None):
    """Write tables, pictures and one self-contained HTML page.

    Parameters
    ----------
    result : :class:`sklearn.utils.Bunch`
        What :func:`skgeo.eeg.evaluate` returns.
    output : path-like
        Folder; made if it is not there.
    settings : dict, optional
        What was run, to be shown on the page.

    Returns
    -------
    paths : dict of str to pathlib.Path
        ``csv``, ``statistics``, ``scores``, ``paired``, ``times``, ``html``. Nothing is
        written for a picture that cannot be drawn.

    Examples
    --------
    >>> import tempfile
    >>> from skgeo.eeg import evaluate, write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = evaluate(pipelines=["Cov+MDM"], channels=["C3"], output=folder)
    ...     paths = write_report(result, folder)
    ...     paths["html"].stat().st_size > 1000
    True
    """
    jinja2 = import_optional("jinja2", extra="eeg")
    import_optional("matplotlib", extra="eeg")
    scores, folds = result.scores, result.folds
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    paths = {"csv": output / "scores.csv", "statistics": output / "statistics.csv"}
    atomic_write(paths["csv"], scores.to_csv(index=False, lineterminator="\n"))
    tests = statistics(scores, folds)
    atomic_write(paths["statistics"], tests.to_csv(index=False, lineterminator="\n"))
    table = summary_table(scores, folds)

    figures = {
        "scores": plot_scores(scores, folds, BASELINES),
        "paired": plot_paired(scores, folds, BASELINES),
        "times": plot_times(scores, BASELINES),
    }
    images = {}
    for name, figure in figures.items():
        if figure is not None:
            paths[name] = output / f"{name}.png"
            images[name] = _png(figure, paths[name])

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        settings=settings or {},
        tasks=[
            {
                "name": task.replace("_", " "),
                "metric": METRIC_NAMES.get(rows["metric"].iloc[0], "score"),
                "baseline": best_baseline(rows, BASELINES),
                "over": rows["over"].iloc[0],
                "rows": rows.to_dict("records"),
                "tests": _against_baseline(tests, task, best_baseline(rows, BASELINES)),
            }
            for task, rows in table.groupby("task", sort=False)
        ],
        images=images,
        datasets=sorted(scores["dataset"].unique()),
        date=time.strftime("%Y-%m-%d %H:%M"),
        versions=_versions(),
    )
    paths["html"] = output / "report.html"
    atomic_write(paths["html"], page)
    return paths


def _against_baseline(tests, task, baseline):
    rows = tests[(tests["task"] == task) & (tests["pipe2"] == baseline)]
    return {row["pipe1"]: row for row in rows.to_dict("records")}


def _versions():
    from importlib import metadata

    import skgeo

    names = ("moabb", "mne", "pyriemann", "scikit-learn", "numpy", "scipy")
    found = {"skgeo": skgeo.__version__}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
