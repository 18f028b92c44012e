"""
What a classifier responds to
=============================

A classifier that separates left from right hand should look at the motor cortex, not at
the eyes or the jaw. Its weights do not show what it looks at, because they also
subtract noise. Its patterns do.
"""

# %%
# One volunteer imagined moving the left or the right hand. The classifier averages
# covariances of several delays in the whole pass band and in bands of half an octave.

import matplotlib.pyplot as plt
import mne
import numpy as np

from skgeo.datasets import load_embedded_eeg
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    ChannelSelector,
    TrialRejector,
    plot_patterns,
)

recording = load_embedded_eeg("left_right")
X, y, sfreq = recording.X, recording.y, recording.sfreq
model = AugmentedCovarianceClassifier(sfreq=sfreq, band=(8.0, 32.0)).fit(X, y)

# %%
# Patterns
# --------
# How the power of each channel changes with the score of the second class, the right
# hand, band by band. Between 11 and 16 Hz it rises over the right motor cortex (FC4,
# C4), as it should: the rhythm there falls during imagery of the left hand. But the
# rhythm of the visual cortex changes too, in this one person: with all electrodes the
# classifier also listens to it.

info = mne.create_info(list(recording.ch_names), sfreq, "eeg")
# MNE 1.14 renames the positions of the 10-05 system.
known = mne.channels.get_builtin_montages()
info.set_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
plot_patterns(model, info)
plt.show()

# %%
# The channels in the order of their importance:

names = np.array(recording.ch_names)
order = np.argsort(-model.channel_importance_)
print(", ".join(names[order[:8]]))

# %%
# Fewer channels
# --------------
# Which electrodes would do? The selector leaves out one after another, each time that
# without which the mean covariances of the two classes stay farthest apart. The
# distance falls slowly at first: neighbors say the same.

selector = ChannelSelector(n_channels=4).fit(X, y)
print("kept:", ", ".join(names[selector.selected_]))
fig, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
axis.plot(len(names) - np.arange(len(selector.distances_)), selector.distances_)
axis.set(xlabel="electrodes left", ylabel="distance of the means")
axis.invert_xaxis()
plt.show()

# %%
# Bad trials
# ----------
# Three trials get a blink and a clenched jaw. The rejector compares the covariance of
# each trial with those of all; its weights go into ``fit``.

rng = np.random.default_rng(0)
bad, spoiled = [4, 17, 30], X.copy()
scale = X.std()
time = np.arange(X.shape[2]) / sfreq
front = [i for i, name in enumerate(names) if name.startswith(("F", "AF"))]
for trial in bad:
    blink = 20 * scale * np.exp(-((time - 1.5) ** 2) / 0.02)
    spoiled[np.ix_([trial], front)] += blink + 5 * scale * rng.standard_normal(
        len(time)
    )
rejector = TrialRejector().fit(spoiled)
print("rejected:", np.flatnonzero(~rejector.predict(spoiled)).tolist())
weighted = AugmentedCovarianceClassifier(sfreq=sfreq, band=(8.0, 32.0))
weighted.fit(spoiled, y, sample_weight=rejector.sample_weight(spoiled))

scores = rejector.transform(spoiled)[:, 0]
fig, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
colors = np.where(np.isin(np.arange(len(X)), bad), "#d55e00", "#0072b2")
axis.scatter(np.arange(len(X)), scores, c=colors, s=18)
axis.axhline(rejector.threshold, color="0.4", lw=0.8, ls="--")
axis.set(xlabel="trial (orange: spoiled)", ylabel="robust deviations")
plt.show()
