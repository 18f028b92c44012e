"""
Brain-computer interfaces through MOABB
=======================================

A real recording of motor imagery ships with skgeo, so that nothing is downloaded here.
Its trials are classified with augmented covariances in three lines, then beside the
standard pipelines through MOABB. You need the extra ``eeg`` (``skgeo[eeg]``).
"""

# %%
# Three lines
# -----------
#
# One volunteer imagined closing the left or the right fist, 45 trials of three seconds.
# ``X`` has shape (trials, channels, times). An augmented covariance is the covariance
# of each channel together with delayed copies of itself, so it sees rhythms as well as
# power. Given the sampling frequency and the band, the classifier averages several
# orders and lags, and nothing has to be tuned.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skgeo.datasets import load_embedded_eeg
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovariances,
    TangentMap,
    evaluate,
)
from skgeo.plotting import plot_patterns, summary_table

recording = load_embedded_eeg("left_right", channels="motor")
print(recording.X.shape, f"{recording.sfreq:g} Hz")

classifier = AugmentedCovarianceClassifier(sfreq=recording.sfreq, band=(8, 32))
scores = cross_val_score(classifier, recording.X, recording.y, cv=5)
print(f"accuracy of five folds: {scores.mean():.3f} ({scores.round(2)})")

# %%
# A pipeline of your own
# ----------------------
#
# The parts are scikit-learn transformers that exchange plain arrays of covariances;
# pyriemann's estimators fit in between.

pipeline = make_pipeline(
    AugmentedCovariances(order=3, lag=8),
    TangentMap(),
    LogisticRegression(max_iter=1000),
)
scores = cross_val_score(pipeline, recording.X, recording.y, cv=5)
print(f"accuracy of five folds: {scores.mean():.3f}")

# %%
# Where is the difference?
# ------------------------
#
# Power from 8 to 32 Hz, left minus right, on the head. Imagining a movement lowers the
# power over the *opposite* side.

power = 10 * np.log10(recording.X.var(axis=2))
left = recording.y == "left_hand"
difference = power[left].mean(axis=0) - power[~left].mean(axis=0)
figure, ax = plt.subplots(figsize=(4.6, 3.8), layout="constrained")
plot_patterns(difference, recording.ch_names, title="left - right (dB)", ax=ax)
plt.show()

# %%
# Beside the standard pipelines
# -----------------------------
#
# :func:`skgeo.eeg.evaluate` runs MOABB's evaluation on the embedded tasks: left against
# right hand, and all four movements, each with MOABB's random folds and with folds that
# leave a pair of runs out. It also takes the name of any MOABB data set, or your files.

with tempfile.TemporaryDirectory() as folder:
    result = evaluate(
        pipelines=["Cov+MDM", "Cov+TS+LR", "ACM(average)"],
        channels=["FC3", "FC4", "C3", "Cz", "C4", "CP3", "CP4"],
        output=folder,
    )
table = summary_table(result.scores, result.folds)
table[["task", "pipeline", "mean", "low", "high"]].round(2)

# %%
# ``low`` and ``high`` are the ends of 95 % confidence intervals over folds. They
# overlap: ninety trials of one person cannot rank pipelines. (Where three folds happen
# to score the same, an interval even shrinks to a point; that is chance, not
# precision.) A ranking takes many people; see the :doc:`benchmarks
# </benchmarks/eeg_accuracy>`.

tasks = list(table["task"].unique())
names = list(table["pipeline"].unique())
figure, axes = plt.subplots(
    len(tasks),
    1,
    figsize=(8, 1.5 * len(tasks) + 0.6),
    sharex=True,
    layout="constrained",
)
for ax, task in zip(axes, tasks, strict=True):
    rows = table[table["task"] == task].set_index("pipeline")
    for place, name in enumerate(names):
        row, color = rows.loc[name], "#c4501b" if "ACM" in name else "#3b5f85"
        ax.plot([max(row["low"], 0), min(row["high"], 1)], [place, place], color=color)
        ax.plot(row["mean"], place, "o", color=color)
    two = task.count(" / ") == 1
    ax.axvline(0.5 if two else 0.25, color="gray", ls=":", lw=1)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_title(task.replace("_", " "), fontsize=9, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("mean and 95 % interval; dotted line: chance")
plt.show()

# %%
# The same from the command line, with tables, pictures and one HTML page::
#
#     skgeo moabb
#     skgeo moabb --dataset BNCI2014_001 --evaluation cross-session --subjects 1-3
#
# Which method for how many channels and trials: :doc:`/guide/choosing_acm`. Your own
# recordings: :doc:`plot_own_recordings`.
