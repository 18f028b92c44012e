"""
Atoms of an EEG recording
=========================

Scalp potentials are a linear mixture of sources, most of them quiet most of the time: a
complete dictionary with sparse codes, which is not orthogonal. With ``whiten=True`` the
data are whitened by their running covariance, an orthogonal dictionary of the whitened
data is learned, and its atoms are transformed back to the scalp.
"""

# %%
# The recording
# -------------
# Ninety trials of motor imagery, 64 electrodes, 160 Hz, shipped with the package. One
# instant is one row; each trial arrives as a chunk of the stream.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.stats import kurtosis

from skgeo.datasets import load_embedded_eeg
from skgeo.decomposition import OnlineOrthogonalDictionary

eeg = load_embedded_eeg("all", band=(1.0, 40.0), tmin=0.0, tmax=4.0)
print(f"{len(eeg.X)} chunks of {eeg.X.shape[2]} instants, {len(eeg.ch_names)} channels")

# %%
# Three passes, trial by trial
# ----------------------------
# Blinks are rare and large: ``clip_norm`` keeps single instants from dominating a
# batch. To see the dictionary form, its filters (rows of ``unmixing_``) after each
# trial are compared with those at the end. The relative gap stays near a tenth:
# successive instants are alike, so that a batch says less than as many independent rows
# would. Most codes of EEG are close to Gaussian: the estimator warns of it once, and
# only the peaked atoms can be taken for sources.

model = OnlineOrthogonalDictionary(
    center=True, whiten=True, clip_norm=3.0, random_state=0
)
filters = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        for trial in eeg.X:
            model.partial_fit(np.ascontiguousarray(trial.T))
            rows = model.unmixing_
            filters.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
print("said once:", *(str(entry.message).split(":")[0] for entry in caught))
agreement = np.array([np.abs(np.sum(rows * filters[-1], axis=1)) for rows in filters])
print(f"relative Frank-Wolfe gap at the end: {model.gap_:.2f}")

codes = model.transform(np.hstack(list(eeg.X)).T)
peaked = kurtosis(codes, axis=0)
order = np.argsort(-peaked)
print("excess kurtosis of the codes:", np.round(peaked[order][[0, 7, 31, 63]], 1))

seen = np.arange(1, len(filters) + 1) * eeg.X.shape[2] / 1000
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(seen, np.median(agreement, axis=1), label="median of 64 atoms")
low, high = np.quantile(agreement, [0.1, 0.9], axis=1)
ax.fill_between(seen, low, high, alpha=0.2, label="middle 80 %")
for k in (1, 2):
    ax.axvline(k * seen[-1] / 3, color="0.7", lw=1, zorder=0)
ax.set(
    xlabel="instants seen (thousands)",
    ylabel="|cosine| with the atom at the end",
    title="64 atoms of a stream, three passes",
    ylim=(0, 1.02),
)
ax.legend(loc="lower right")
plt.show()

# %%
# The atoms on the scalp
# ----------------------
# A row of ``components_`` is the potential at the electrodes when its code is one. Here
# are the eight atoms with the most peaked codes, nose up, each on its own scale. The
# broad frontal one is what blinks look like; one at a single electrode is what muscle
# or a loose contact looks like.


def flat(positions):
    """Azimuthal equidistant projection of the head; its equator has radius one."""
    unit = positions - np.array([0.0, 0.01, 0.04])
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    angle = np.arccos(unit[:, 2]) / (np.pi / 2)
    direction = unit[:, :2] / np.linalg.norm(unit[:, :2], axis=1, keepdims=True)
    return angle[:, None] * direction


where = flat(eeg.positions)
radius = 1.05 * np.linalg.norm(where, axis=1).max()
side = np.linspace(-radius, radius, 80)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
inside = np.linalg.norm(grid, axis=1) <= radius


def topography(ax, atom):
    atom = atom * np.sign(atom[np.argmax(np.abs(atom))])
    picture = np.full(len(grid), np.nan)
    picture[inside] = RBFInterpolator(where, atom, smoothing=1e-3)(grid[inside])
    limit = np.abs(atom).max()
    shown = ax.imshow(
        picture.reshape(80, 80) / limit,
        origin="lower",
        extent=(-radius, radius) * 2,
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
    )
    ax.plot(*where.T, ".", color="0.2", markersize=1.5)
    ax.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.2"))
    ax.plot([-0.12, 0, 0.12], radius * np.array([1.0, 1.12, 1.0]), color="0.2")
    ax.set(aspect="equal", xlim=(-1.1 * radius, 1.1 * radius))
    ax.set(ylim=(-1.1 * radius, 1.2 * radius))
    ax.axis("off")
    return shown


fig, axes = plt.subplots(2, 4, figsize=(9.5, 5.2), layout="constrained")
for rank, (ax, k) in enumerate(zip(axes.flat, order, strict=False), start=1):
    shown = topography(ax, model.components_[k])
    ax.set_title(f"atom {rank}: kurtosis {peaked[k]:.0f}", fontsize=10)
fig.colorbar(shown, ax=axes, label="weight / largest weight of the atom", shrink=0.7)
plt.show()

# %%
# What the codes of one trial look like
# -------------------------------------
# Most of the time a code is near zero, and now and then it is not.

times = np.arange(eeg.X.shape[2]) / eeg.sfreq
top = order[:5]
peaks = np.abs(codes[:, top]).reshape(len(eeg.X), -1, 5).max(axis=1)
trial = int(np.argmax(np.minimum(peaks, 10.0).sum(axis=1)))
shown = model.transform(eeg.X[trial].T)[:, top]
spacing = 0.8 * np.abs(shown).max()
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for rank, code in enumerate(shown.T):
    ax.plot(times, code - rank * spacing, lw=0.9)
ax.set_yticks(-spacing * np.arange(5), [f"atom {i}" for i in range(1, 6)])
ax.set(xlabel="time after the cue (s)", title=f"codes in trial {trial}")
plt.show()
