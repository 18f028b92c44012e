"""
Real EEG through MOABB, without a download
==========================================

skgeo ships one recording of motor imagery. Here we look at its trials, and then
cross-validate augmented-covariance classifiers beside the standard Riemannian
pipelines, by MOABB's rules. The command ``skgeo moabb`` does the same with more
pipelines and writes a report.
"""

# %%
# The recording
# -------------
#
# One volunteer imagined closing the left or the right fist. Over C4, on the right of
# the head, the power from 7 to 14 Hz is about 1 dB lower when the left hand is
# imagined; over C3 the spectra of this volunteer hardly differ.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import welch

from skgeo.datasets import load_embedded_eeg
from skgeo.eeg import evaluate
from skgeo.plotting import summary_table

data = load_embedded_eeg("left_right", channels=["C3", "C4"], band=None, tmin=0.5)
freq, power = welch(data.X, fs=data.sfreq, nperseg=160)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for channel, ax in enumerate(axes):
    for label, color in (("left_hand", "#3b5f85"), ("right_hand", "#c4501b")):
        level = 10 * np.log10(power[data.y == label, channel])
        mean = level.mean(axis=0)
        error = level.std(axis=0, ddof=1) / np.sqrt(len(level))
        ax.plot(freq, mean, color=color, label=label.replace("_", " "))
        ax.fill_between(freq, mean - error, mean + error, color=color, alpha=0.2, lw=0)
    ax.set(title=data.ch_names[channel], xlabel="frequency (Hz)", xlim=(4, 35))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("power (dB re 1 µV²/Hz)")
axes[0].set_ylim(0, 22)
axes[1].legend(frameon=False, title="imagined, mean ± s.e.")
plt.show()

# %%
# The evaluation
# --------------
#
# ``evaluate`` takes the name of a MOABB data set, a file, or a data set made of your
# own recordings; without one it takes the embedded recording: left against right hand
# and all four movements, each with MOABB's five random folds and with folds that leave
# a pair of runs out. Results are kept in the output folder, and a second call computes
# nothing again.

with tempfile.TemporaryDirectory() as folder:
    result = evaluate(
        pipelines=["Cov+MDM", "Cov+TS+SVM", "ACM+MDM", "ACM+TS+SVM"],
        channels=["FC3", "FCz", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"],
        output=folder,
    )
summary_table(result.scores, result.folds)[
    ["task", "pipeline", "mean", "low", "high", "time"]
].round(3)

# %%
# Each dot is a test fold. With random folds the trials of a test fold were recorded in
# the same runs as those it was trained on; leaving a pair of runs out is nearer to use
# on another day. With these nine channels the two agree; with the 21 channels of the
# command ``skgeo moabb`` random folds show .65 to .7 for the four movements and a pair
# of runs left out .45 to .5. Between pipelines the folds differ by more than the means
# do: nothing can be ranked on one person.

tasks = result.scores["task"].unique()
names = result.scores["pipeline"].unique()
fig, axes = plt.subplots(2, 2, figsize=(9, 5.6), sharey=True, layout="constrained")
for ax, task in zip(axes.ravel(), tasks, strict=True):
    rows = result.folds[result.folds["task"] == task]
    for row, name in enumerate(names):
        score = rows.loc[rows["pipeline"] == name, "score"].to_numpy()
        color = "#c4501b" if name.startswith("ACM") else "#3b5f85"
        offset = np.linspace(-0.15, 0.15, len(score))
        ax.plot(score, row + offset, "o", color=color, alpha=0.4)
        ax.plot(score.mean(), row, "|", color=color, ms=20, mew=2.5)
    two = task.count(" / ") == 1
    ax.axvline(0.5 if two else 0.25, color="gray", ls=":", lw=1)
    ax.set(xlabel="ROC-AUC" if two else "accuracy", xlim=(0.15, 1.03))
    ax.set_title(task.replace("_", " ").replace(", ", "\n"), fontsize=10)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_yticks(range(len(names)), names)
fig.suptitle("bar = mean, dots = folds, dotted = chance", fontsize=9)
plt.show()
