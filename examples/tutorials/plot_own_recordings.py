"""
Your own recordings
===================

From trials in arrays, or from files, to scores with confidence intervals and a report.
To keep the tutorial self-contained the recordings are made here: two people, two
sessions each, four channels at 128 Hz. You need the extra ``eeg`` (``skgeo[eeg]``).
"""

# %%
# Trials
# ------
#
# Band-limited noise in which a 10 Hz rhythm is weaker over C4 when the left hand is
# imagined, and weaker over C3 for the right hand. In the second session the contact of
# the electrodes is different, and with it the size of each channel, as happens in
# reality.

import pathlib
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import from_arrays, from_files
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    RecenteredCovarianceClassifier,
    evaluate,
)
from skgeo.plotting import summary_table

rng = np.random.default_rng(0)
sfreq, ch_names = 128.0, ["C3", "Cz", "C4", "Pz"]
time = np.arange(384) / sfreq


def make_trial(label, contact):
    strength = np.array([1.0, 0.6, 1.0, 0.6])
    strength[2 if label == "left_hand" else 0] = 0.6  # the opposite side calms down
    phase = rng.uniform(0, 2 * np.pi, (4, 1))
    wander = np.cumsum(rng.standard_normal((4, time.size)), axis=1) / sfreq**0.5
    rhythm = strength[:, None] * np.sin(2 * np.pi * 10.0 * time + phase + wander)
    noise = 6.0 * rng.standard_normal((4, time.size))
    return np.array(contact)[:, None] * (3.0 * rhythm + noise)


X, y, subject, session = [], [], [], []
for who in ("ann", "bob"):
    for when, contact in (("monday", [1, 1, 1, 1]), ("friday", [1.3, 1, 0.8, 1.1])):
        for i in range(40):
            label = ("left_hand", "right_hand")[i % 2]
            X.append(make_trial(label, contact))
            y.append(label)
            subject.append(who)
            session.append(when)
X, y, subject, session = map(np.array, (X, y, subject, session))
print(X.shape)

# %%
# Look at the data first: a step or a dead channel shows here, but not in a score.

figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
offsets = 60.0 * np.arange(4)
axes[0].plot(time, X[0].T + offsets, color="#3b5f85", lw=0.8)
axes[0].set_yticks(offsets, ch_names)
axes[0].set(xlabel="time (s)", title="First trial")
for label, color in (("left_hand", "#3b5f85"), ("right_hand", "#c4501b")):
    chosen = (y == label) & (session == "monday")
    power = np.abs(np.fft.rfft(X[chosen][:, [0, 2]], axis=2)) ** 2 / time.size
    frequency = np.fft.rfftfreq(time.size, 1 / sfreq)
    ratio = 10 * np.log10(power.mean(axis=0)[1] / power.mean(axis=0)[0])
    axes[1].plot(frequency, ratio, color=color, label=label.replace("_", " "))
axes[1].set(
    xlim=(4, 30), xlabel="frequency (Hz)", ylabel="dB", title="Power over C4 / C3"
)
axes[1].legend(frameon=False)
plt.show()

# %%
# Arrays and scikit-learn are enough
# ----------------------------------
#
# Training on one session and testing on another is the honest test: it says how the
# decoder does on another day.
# :class:`~skgeo.eeg.RecenteredCovarianceClassifier` moves the covariances of each
# session to a common center before it classifies. It needs trials of the new session
# for that, but not their labels.

for name in ("ann", "bob"):
    monday = (subject == name) & (session == "monday")
    friday = (subject == name) & (session == "friday")
    plain = AugmentedCovarianceClassifier(sfreq=sfreq, band=(8, 32))
    plain.fit(X[monday], y[monday])
    moved = RecenteredCovarianceClassifier(sfreq=sfreq, band=(8, 32))
    moved.fit(
        X[monday], y[monday], subjects=session[monday], X_target_unlabeled=X[friday]
    )
    for label, model in (("plain", plain), ("recentered", moved)):
        score = model.score(X[friday], y[friday])
        print(f"{name}, trained on Monday, {label}: accuracy on Friday {score:.2f}")

# %%
# The change of contact looks like a class to the plain classifier; after recentering it
# is gone.

# %%
# Through MOABB, by its rules
# ---------------------------
#
# ``from_arrays`` turns the trials into a MOABB data set; subjects and sessions keep
# their names.

dataset = from_arrays(
    X, y, sfreq=sfreq, ch_names=ch_names, subject=subject, session=session, name="mine"
)
with tempfile.TemporaryDirectory() as folder:
    result = evaluate(
        dataset,
        evaluation="cross-session",
        pipelines=["Cov+MDM", "Cov+TS+LR", "ACM(average)"],
        output=folder,
    )
summary_table(result.scores, result.folds)[["pipeline", "mean", "low", "high"]].round(2)

# %%
# For two classes the score is the area under the ROC curve, which asks only whether
# trials are in the right *order*. It is far above chance although plain accuracy was
# not: the change of contact had moved the decision, not the order.
#
# Every score, one row per subject and session:

result.scores[["subject", "session", "pipeline", "score"]].round(2)

# %%
# Files
# -----
#
# A file of trials is what ``numpy.savez`` writes. ``from_files`` reads it, or a folder
# of continuous recordings (FIF, EDF, BrainVision, EEGLAB, ... or a BIDS data set).

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "mine.npz"
    np.savez(
        path,
        X=X,
        y=y,
        sfreq=sfreq,
        ch_names=ch_names,
        subject=subject,
        session=session,
    )
    again = from_files(path)
    print(again.subject_list)

# %%
# The same from the command line; it also writes tables, pictures and one HTML page::
#
#     skgeo moabb --dataset mine.npz --evaluation cross-session
#
# Continuous files need the events::
#
#     skgeo moabb --dataset recordings/ --interval 0 3 \
#         --event left_hand=769 --event right_hand=770
#
# More: :doc:`/guide/moabb`; decoding while the recording runs:
# :doc:`/gallery/eeg/plot_pseudo_online`.
