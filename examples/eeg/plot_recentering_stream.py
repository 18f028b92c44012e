"""
Recentering a stream of covariances
===================================

Between sessions, and within one, covariances of EEG drift: the headset moves, the
electrodes dry. A running mean follows, one matrix at a time, and recentering by it
keeps the stream around the identity, without labels.
"""

# %%
# A stream that drifts
# --------------------
# Covariances of four channels; after trial 200 the gains of two channels change, slowly
# at first.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.eeg import CovarianceRecentering

rng = np.random.default_rng(0)
n_trials, d = 600, 4
noise = rng.standard_normal((n_trials, d, 60))
mixing = np.eye(d) + 0.5 * rng.standard_normal((d, d))
gain = np.ones((n_trials, d))
gain[:, 0] += 2.0 / (1 + np.exp(-(np.arange(n_trials) - 300) / 25))
gain[:, 2] -= 0.5 / (1 + np.exp(-(np.arange(n_trials) - 300) / 25))
signals = gain[:, :, None] * (mixing @ noise)
C = signals @ signals.swapaxes(1, 2) / 60

# %%
# Follow it
# ---------
# With equal weights the mean is that of all trials so far, and lags behind; with
# ``forgetting`` it follows. Each trial is recentered before the mean has seen it.


def distance_to_identity(Z):
    """Affine-invariant distance of the mean of the last 40 matrices to the identity."""
    mean = CovarianceRecentering().fit(Z).mean_
    return np.sqrt((np.log(np.linalg.eigvalsh(mean)) ** 2).sum())


def follow(**options):
    model = CovarianceRecentering(**options).fit(C[:40])
    recentered = []
    for matrix in C[40:]:
        recentered.append(model.transform(matrix[np.newaxis])[0])
        model.partial_fit(matrix[np.newaxis])
    return np.array(recentered)


fixed = CovarianceRecentering().fit(C[:40]).transform(C[40:])
streams = {
    "mean of the first 40 trials": fixed,
    "running mean, equal weights": follow(),
    "running mean, forgetting 0.05": follow(forgetting=0.05),
    "Bures-Wasserstein, forgetting 0.05": follow(
        metric="bures-wasserstein", forgetting=0.05
    ),
}
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
ends = np.arange(40, n_trials - 40, 10)
for name, Z in streams.items():
    off = [distance_to_identity(Z[end - 40 : end]) for end in ends]
    axis.plot(ends + 40, off, label=name)
    print(f"{name:36s} at the end {off[-1]:.2f}")
axis.set(xlabel="trial", ylabel="distance of the mean to the identity", ylim=(0, None))
axis.legend()
plt.show()

# %%
# Exact centering
# ---------------
# The transport of the Bures-Wasserstein geometry puts the mean at the identity; to
# whiten by the Bures-Wasserstein mean does not.

model = CovarianceRecentering("bures-wasserstein", theta=1.0, base="identity").fit(C)
values, V = np.linalg.eigh(model.mean_)
white = (V / np.sqrt(values)) @ V.T
for name, Z in (("transport", model.transform(C)), ("whitening", white @ C @ white)):
    again = CovarianceRecentering("bures-wasserstein", theta=1.0, base="identity")
    print(
        f"{name}: {np.abs(again.fit(Z).mean_ - np.eye(d)).max():.1e} off the identity"
    )
