"""Draw pictures of the guide into docs/_static/guide.

``PYTHONPATH=. python tools/make_guide_pictures.py [name ...]``, without names all of
them: medoids, robust, sessions, bound, cluster, tasks (which needs the extra dask).
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

OUT = Path(__file__).parents[1] / "docs/_static/guide"
BLUE, ORANGE, GRAY, PALE = "#0072b2", "#d55e00", "0.55", "#e6eff6"


def finish(figure, name):
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(OUT / f"{name}.png", dpi=110)


def medoids():
    """Medoids of points of the plane, and the bound that proves them."""
    from skgeo.cluster import KMedoids

    X = np.random.default_rng(3).uniform(size=(300, 2))
    model = KMedoids(12, random_state=0).fit(X)
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.3])
    centers = X[model.medoid_indices_]
    for k, center in enumerate(centers):
        for point in X[model.labels_ == k]:
            left.plot(*np.array([point, center]).T, color=f"C{k % 10}", lw=0.7)
    left.scatter(*centers.T, color="k", s=22, zorder=3)
    left.set(xticks=[], yticks=[], aspect="equal", title="twelve medoids of 300 points")
    rng = np.random.default_rng(0)
    clouds = 3 * rng.standard_normal((8, 10))
    clouds = clouds[rng.integers(0, 8, 300)] + rng.standard_normal((300, 10))
    for name, data, K, color in (
        ("the points on the left", X, 12, BLUE),
        ("eight clouds in ten dimensions, K = 20", clouds, 20, ORANGE),
    ):
        other = KMedoids(K, random_state=0).fit(data)
        gaps = 100 * (1 - other.bound_path_ / other.inertia_)
        right.plot(np.maximum(gaps, 1e-5), ".-", color=color, label=name)
    right.set(
        yscale="log",
        xlabel="steps of the ascent, in units of 50",
        ylabel="gap (%)",
    )
    right.legend(frameon=False)
    finish(figure, "kmedoids_bound")


def robust():
    """Error of the matrix against the share of wrong targets."""
    from sklearn.linear_model import HuberRegressor, LinearRegression

    from skgeo.linear_model import RobustTraceRegressor

    shares = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
    errors = {"least squares": [], "Huber": [], "RobustTraceRegressor": []}
    rows, columns = np.triu_indices(12)
    count = np.where(rows == columns, 1.0, 2.0)
    for share in shares:
        draws = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            X = rng.standard_normal((300, 12, 12))
            X = (X + X.transpose(0, 2, 1)) / 2
            W = rng.standard_normal((2, 12))
            M = W.T @ W
            y = np.einsum("nij,ij->n", X, M)
            y += 0.1 * rng.standard_normal(300)
            wrong = rng.permutation(300)[: int(share * 300)]
            y[wrong] += 50 * np.abs(rng.standard_normal(len(wrong)))
            flat = X[:, rows, columns]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                coefs = [
                    LinearRegression().fit(flat, y).coef_ / count,
                    HuberRegressor(alpha=0, max_iter=10000).fit(flat, y).coef_ / count,
                ]
                trace = RobustTraceRegressor().fit(X, y).coef_
            coefs.append(trace.reshape(12, 12)[rows, columns])
            target = M[rows, columns]
            size = np.sqrt(np.sum(count * target**2))
            draws.append(
                [np.sqrt(np.sum(count * (c - target) ** 2)) / size for c in coefs]
            )
        for name, value in zip(errors, np.median(draws, axis=0), strict=True):
            errors[name].append(value)
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    ax = figure.subplots()
    for (name, values), color in zip(errors.items(), (GRAY, ORANGE, BLUE), strict=True):
        ax.plot(100 * np.array(shares), values, "o-", color=color, label=name)
    ax.set(
        yscale="log",
        xlabel="wrong targets (%)",
        ylabel="relative error of the matrix",
    )
    ax.legend(frameon=False)
    finish(figure, "robust_share_of_wrong_targets")


def sessions():
    """Two sessions before and after recentering, in the plane that shows them best."""
    from skgeo.eeg import CovarianceRecentering, TangentMap

    rng = np.random.default_rng(0)
    mixing = np.eye(4) + 0.4 * rng.standard_normal((4, 4))
    moved = (np.eye(4) + 0.35 * rng.standard_normal((4, 4))) @ mixing
    labels = np.tile([0, 1], 60)
    gains = np.ones((120, 4, 1))
    gains[labels == 1, 1] = 1.9
    trials = [A @ (gains * rng.standard_normal((120, 4, 90))) for A in (mixing, moved)]
    C = [T @ T.transpose(0, 2, 1) / 90 for T in trials]
    after = [CovarianceRecentering().fit_transform(c) for c in C]
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    for ax, pair, title in zip(
        figure.subplots(1, 2),
        (C, after),
        ("before: sessions apart", "after: classes apart"),
        strict=True,
    ):
        vectors = TangentMap().fit_transform(np.concatenate(pair))
        vectors = vectors - vectors.mean(axis=0)
        plane = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:2].T
        for k, (marker, name) in enumerate((("o", "session 1"), ("^", "session 2"))):
            for label, color in ((0, BLUE), (1, ORANGE)):
                points = plane[120 * k : 120 * (k + 1)][labels == label]
                ax.scatter(
                    *points.T,
                    s=18,
                    marker=marker,
                    color=color,
                    alpha=0.65,
                    label=f"{name}, class {label + 1}",
                )
        ax.set(title=title, xlabel="first principal direction")
    figure.axes[0].set_ylabel("second principal direction")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    finish(figure, "recentering_sessions")


class Recorder:
    """A callback that notes when each iteration ended, and may stop the fit."""

    def __init__(self, max_iter=None):
        self.max_iter = max_iter

    def setup(self, estimator, context):
        self.start, self.ends = time.perf_counter(), []

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.ends.append(time.perf_counter() - self.start)
        return self.max_iter is not None and len(self.ends) >= self.max_iter

    def teardown(self, estimator, context):
        pass


def bound():
    """A bound that closes, and the events that callbacks see."""
    from sklearn.datasets import load_iris

    from skgeo.cluster import ExactKMeans

    X = load_iris().data
    seen = Recorder()
    model = ExactKMeans(8, random_state=0).set_callbacks(seen).fit(X)
    seconds, lower, upper = model.history_.T
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    ax = figure.subplots()
    ax.step(seconds, upper, where="post", color=ORANGE, label="best labels so far")
    ax.step(seconds, lower, where="post", color=BLUE, label="lower bound")
    ax.fill_between(seconds, lower, upper, step="post", color=GRAY, alpha=0.15)
    ax.plot(seconds, lower, "|", color="k", ms=9, label="a callback is called")
    span = upper[-1] - lower[1:].min()
    ax.set(
        xlabel="time (s)",
        ylabel="inertia",
        ylim=(lower[1:].min() - 0.1 * span, upper[-1] + 0.25 * span),
    )
    close = np.flatnonzero(1 - lower / upper < 0.01)[0]
    ax.annotate(
        "within 1 %: a callback\ncould stop here",
        (seconds[close], lower[close]),
        xytext=(0.35, 0.35),
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "->", "color": "0.3"},
    )
    ax.legend(frameon=False, loc="lower right")
    finish(figure, "progress_bound")


def objective():
    """The objective of a fit that is stopped early beside one that is not."""
    from sklearn.datasets import load_digits

    from skgeo.decomposition import SupervisedDictionaryLearning

    X, y = load_digits(return_X_y=True)
    figure = Figure(figsize=(8, 3), layout="constrained")
    ax = figure.subplots()
    for stop, color, label in (
        (None, BLUE, "to the end"),
        (25, ORANGE, "a callback stops after 25 iterations"),
    ):
        model = SupervisedDictionaryLearning(10, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_callbacks(Recorder(stop)).fit(X, y)
        trace = np.asarray(model.objective_)
        label = f"{label}: accuracy on the training data {model.score(X, y):.3f}"
        ax.plot(trace, color=color, label=label, lw=3 if stop else 1.5)
    ax.set(xlabel="iteration", ylabel="objective_", yscale="log")
    ax.legend(frameon=False)
    finish(figure, "progress_objective")


def cluster():
    """Sketch: one search, its tasks on the workers of a cluster."""
    figure = Figure(figsize=(8.5, 3))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 10.4), ylim=(0, 3.6))
    ax.axis("off")

    def box(x, y, width, height, text, color):
        ax.add_patch(
            FancyBboxPatch(
                (x, y),
                width,
                height,
                boxstyle="round,pad=0.05",
                facecolor=color,
                edgecolor="0.4",
            )
        )
        ax.text(x + width / 2, y + height / 2, text, ha="center", va="center")

    def arrow(start, end):
        ax.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=12, color="0.4"
            )
        )

    box(0.2, 1.2, 2.1, 1.2, "your script\nGridSearchCV,\nevaluate", PALE)
    box(3.3, 1.2, 1.9, 1.2, "joblib\ndask, ray or\nprocesses", PALE)
    for k in range(3):
        y = 2.65 - 1.1 * k
        box(6.3, y - 0.25, 1.9, 0.7, f"worker {k + 1}\none thread", "#fbeee4")
        arrow((5.25, 1.8), (6.25, y + 0.1))
        arrow((8.25, y + 0.1), (8.95, 1.8 + 0.15 * (1 - k)))
    arrow((2.35, 1.8), (3.25, 1.8))
    ax.text(
        2.8, 0.75, "seeds are drawn here,\nbefore anything is sent", ha="center",
        fontsize=9, color="0.3",
    )  # fmt: skip
    ax.text(4.4, 2.85, "one task:\none fold, one setting", fontsize=9, color="0.3")
    ax.text(9.0, 1.8, "the same\nscores as\non one\nmachine", va="center")
    figure.savefig(OUT / "cluster_sketch.png", dpi=110)


def _timed_fit(X, y, order, lag):
    """Cross-validate one setting and say when and where."""
    import os

    from sklearn.model_selection import cross_val_score

    from skgeo.eeg import AugmentedCovarianceClassifier

    start = time.time()
    model = AugmentedCovarianceClassifier(order=order, lag=lag, selection=None)
    cross_val_score(model, X, y, cv=5, n_jobs=1)
    return (order, lag), os.getpid(), start, time.time()


def tasks():
    """What two workers of a local dask cluster did, and when."""
    import joblib
    from distributed import Client, LocalCluster

    from skgeo.datasets import load_embedded_eeg

    recording = load_embedded_eeg("left_right", channels="motor")
    settings = [(order, lag) for order in (1, 2, 3, 4) for lag in (2, 4, 8)]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as own,
        Client(own) as client,
        joblib.parallel_config("dask"),
    ):
        client.run(__import__("skgeo").warmup)
        notes = joblib.Parallel()(
            joblib.delayed(_timed_fit)(recording.X, recording.y, *setting)
            for setting in settings
        )

    def by_start(note):
        return note[2]

    workers = sorted({note[1] for note in notes})
    begin = min(note[2] for note in notes)
    figure = Figure(figsize=(8, 3), layout="constrained")
    ax = figure.subplots()
    for row, (setting, worker, start, end) in enumerate(sorted(notes, key=by_start)):
        ax.barh(
            row,
            end - start,
            left=start - begin,
            color=(BLUE, ORANGE)[workers.index(worker)],
            label=f"worker {workers.index(worker) + 1}",
        )
        ax.text(end - begin, row, f"  order {setting[0]}, lag {setting[1]}",
                va="center", fontsize=8)  # fmt: skip
    named = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(named.values(), named, frameon=False, loc="lower left")
    ax.margins(x=0.12)
    ax.set(xlabel="time (s)", ylabel="twelve settings", yticks=[])
    ax.invert_yaxis()
    finish(figure, "cluster_tasks")


PICTURES = {
    "medoids": medoids,
    "robust": robust,
    "sessions": sessions,
    "bound": bound,
    "objective": objective,
    "cluster": cluster,
    "tasks": tasks,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
