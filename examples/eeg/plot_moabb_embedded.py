"""
Real EEG through MOABB, without a download
==========================================

skgeo ships one recording of motor imagery. Here its trials are looked at, and then
augmented-covariance classifiers are cross-validated on it beside the standard
Riemannian pipelines, by MOABB's own rules. The command ``skgeo moabb`` does the same
with more pipelines and writes a report.
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
# ``evaluate`` takes the name of a MOABB data set, a file, or a data set made of one's
# own recordings; without one it takes the embedded recording, with both its tasks.
# Results are kept in the output folder, and a second call computes nothing anew.

with tempfile.TemporaryDirectory() as folder:
    result = evaluate(
        pipelines=["Cov+MDM", "Cov+TS+SVM", "ACM+MDM", "ACM+TS+SVM"],
        channels=["FC3", "FCz", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"],
        output=folder,
    )
result.scores[["task", "pipeline", "score", "time"]]

# %%
# Each dot is one of five folds of nine test trials. Hands against feet is easy for
# everybody; with left against right the folds differ by more than the pipelines do, and
# nothing can be ranked on one person.

tasks = result.scores["task"].unique()
names = result.scores["pipeline"].unique()
fig, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for ax, task in zip(axes, tasks, strict=True):
    for row, name in enumerate(names):
        mask = (result.folds["task"] == task) & (result.folds["pipeline"] == name)
        score = result.folds.loc[mask, "score"].to_numpy()
        color = "#c4501b" if name.startswith("ACM") else "#3b5f85"
        ax.plot(
            score,
            row + np.linspace(-0.15, 0.15, len(score)),
            "o",
            color=color,
            alpha=0.4,
        )
        ax.plot(score.mean(), row, "|", color=color, ms=20, mew=2.5)
    ax.axvline(0.5, color="gray", ls=":", lw=1)
    ax.set(title=task.replace("_", " "), xlabel="ROC-AUC", xlim=(0.45, 1.03))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_yticks(range(len(names)), names)
fig.suptitle("bar = mean, dots = folds, dotted = chance", fontsize=9)
plt.show()
