"""Draw the pictures of the guide's EEG pages: ``python tools/make_eeg_pictures.py``.

The accuracies come from ``benchmarks/results``, the topographies from the embedded
recording.
"""

import json
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mne
import numpy as np

from skgeo.datasets import load_embedded_eeg
from skgeo.eeg import AugmentedCovarianceClassifier, plot_patterns

ROOT = pathlib.Path(__file__).parents[1]
TARGET = ROOT / "docs/_static"
METHODS = {
    "Cov+TS+LR": ("covariances, logistic regression", "0.55"),
    "average, lags in samples": ("average, samples", "#56b4e9"),
    "average, seconds and bands": ("average, seconds and bands", "#0072b2"),
    "average, seconds, bands, frequencies": ("... and known frequencies", "#d55e00"),
}


def draw_people():
    """Accuracy of each person and method on steady-state responses."""
    path = ROOT / "benchmarks/results/eeg_bands_kalunga.json"
    rows = json.loads(path.read_text())["rows"]
    fig, axis = plt.subplots(figsize=(7, 3), layout="constrained")
    for k, (method, (label, color)) in enumerate(METHODS.items()):
        (row,) = (
            r
            for r in rows
            if r["method"] == method and r["data"] == "Kalunga, five folds"
        )
        each = np.array(row["each"].split(), dtype=float)
        axis.bar(
            np.arange(len(each)) + 0.2 * (k - 1.5), each, 0.19, color=color, label=label
        )
    axis.axhline(25, color="0.3", lw=0.8, ls="--")
    axis.set_xticks(np.arange(len(each)), [f"{i + 1}" for i in range(len(each))])
    axis.set(xlabel="person (dashed: chance)", ylabel="accuracy (%)", ylim=(0, 100))
    fig.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    fig.savefig(TARGET / "acm_bands.png", dpi=110)


def draw_patterns():
    """Topographies of a left/right classifier."""
    recording = load_embedded_eeg("left_right")
    model = AugmentedCovarianceClassifier(sfreq=recording.sfreq, band=(8.0, 32.0))
    model.fit(recording.X, recording.y)
    info = mne.create_info(list(recording.ch_names), recording.sfreq, "eeg")
    known = mne.channels.get_builtin_montages()  # MNE 1.14 renames one
    info.set_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
    plot_patterns(model, info).savefig(TARGET / "acm_patterns.png", dpi=90)


if __name__ == "__main__":
    draw_people()
    draw_patterns()
