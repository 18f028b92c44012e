"""
Decoding a continuous recording
===============================

A classifier of trials knows when to look. In daily use nobody says when a movement is
imagined: the decoder sees a stream, decides a few times a second, and most of the time
the right answer is "idle". This example trains on two runs of the embedded recording
and decodes a third one chunk by chunk, as it would arrive.
"""

# %%
# The signal
# ----------
# One volunteer imagined moving both hands or both feet, about 4 s at a time, with as
# much rest between. Nine electrodes over the motor cortex are enough here.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets._eeg.embedded_eeg import read_recording
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    StreamDecoder,
    information_transfer_rate,
    label_windows,
    normalized_mcc,
)

CHANNELS = ["FC3", "FCz", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"]
NAMES = {1: "hands", 2: "feet"}
recording = read_recording()
sfreq = recording["sfreq"]
picks = [recording["ch_names"].index(name) for name in CHANNELS]
gain, offset = recording["calibration"]


def run(number):
    """Signal in microvolts, and onsets, durations, labels of the tasks."""
    index = recording["runs"].tolist().index(number)
    signal = gain * recording["digital"][index][picks] + offset
    events = recording["events"]
    tasks = events[(events[:, 0] == number) & (events[:, 3] > 0)]
    labels = [NAMES[code] for code in tasks[:, 3].tolist()]
    return signal, tasks[:, 1] / sfreq, tasks[:, 2] / sfreq, labels


# %%
# Training windows
# ----------------
# The filter of a stream is causal and delays the signal, so windows for training go
# through the same filter. Windows over a border between task and rest are left out.

WINDOW, BAND = 2.0, (8.0, 32.0)
X, y = [], []
for number in (6, 10):
    signal, *tasks = run(number)
    filtered = StreamDecoder(None, sfreq, band=BAND).filter(signal)
    windows, labels, ambiguous, _ = label_windows(
        filtered, *tasks, sfreq=sfreq, window=WINDOW, step=0.5
    )
    X.append(windows[~ambiguous])
    y.append(labels[~ambiguous])
X, y = np.concatenate(X), np.concatenate(y)
print({str(name): int((y == name).sum()) for name in np.unique(y)})

models = {
    "covariances": AugmentedCovarianceClassifier(
        1, selection=None, class_weight="balanced"
    ),
    "average over seconds": AugmentedCovarianceClassifier(
        sfreq=sfreq, class_weight="balanced"
    ),
}

# %%
# The stream
# ----------
# The third run arrives in chunks of 50 ms. Every quarter of a second there is a
# decision; probabilities of the last four are averaged.

signal, *tasks = run(14)
chunk = round(0.05 * sfreq)
_, truth, ambiguous, ends = label_windows(
    signal, *tasks, sfreq=sfreq, window=WINDOW, step=0.25
)
results = {}
for name, model in models.items():
    decoder = StreamDecoder(
        model.fit(X, y), sfreq, window=WINDOW, step=0.25, band=BAND, smoothing=4
    )
    decisions = []
    for first in range(0, signal.shape[1], chunk):
        decisions += decoder.push(signal[:, first : first + chunk])
    predicted = np.array([d.label for d in decisions])
    clear = ~ambiguous
    accuracy = np.mean(predicted[clear] == truth[clear])
    results[name] = (
        decisions,
        normalized_mcc(truth[clear], predicted[clear]),
        information_transfer_rate(accuracy, 3, WINDOW),
    )
    latency = 1e3 * np.median([d.latency for d in decisions])
    print(
        f"{name}: nMCC {results[name][1]:.2f}, accuracy {accuracy:.2f}, "
        f"{results[name][2]:.1f} bits/min, median latency {latency:.1f} ms"
    )

# %%
# The normalized Matthews correlation is 0.5 at chance, whatever the share of rest. The
# information transfer rate counts one selection per window length, since windows that
# overlap are not independent.

order = ["idle", *NAMES.values()]
colors = dict(zip(order, ("0.6", "#0072b2", "#d55e00"), strict=True))
fig, axes = plt.subplots(
    len(models), 1, figsize=(9, 5.2), sharex=True, layout="constrained"
)
for axis, (name, (decisions, nmcc, rate)) in zip(axes, results.items(), strict=True):
    times = np.array([d.time for d in decisions])
    classes = models[name].classes_.tolist()
    for label in order:
        proba = [d.proba[classes.index(label)] for d in decisions]
        axis.plot(times, proba, color=colors[label], lw=1.4, label=label)
    for onset, duration, label in zip(*tasks, strict=True):
        axis.axvspan(onset, onset + duration, color=colors[label], alpha=0.18, lw=0)
    axis.set(ylim=(0, 1), ylabel="probability")
    axis.set_title(f"{name}: nMCC {nmcc:.2f}, {rate:.1f} bits/min", loc="left")
handles, names = axes[0].get_legend_handles_labels()
fig.legend(handles, names, loc="outside upper right", ncols=3)
axes[-1].set(xlabel="time in s (shaded: what was asked for)", xlim=(0, ends[-1]))
plt.show()
