"""
Image patches: a learnt basis against DCT and PCA
=================================================

Three orthonormal bases of 8 x 8 patches: the discrete cosine transform, which is fixed;
principal axes, which pack energy into few directions; and a basis learnt so that the
codes are sparse. How much of a patch is left when only its k largest codes are kept?
"""

# %%
# Patches
# -------
# Every basis is learnt from the upper half of a photograph, and judged by the lower
# half. The mean of each patch is taken off: it is sent apart, whatever the basis.

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dct
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA

from skgeo.decomposition import OnlineOrthogonalDictionary

side = 8
image = load_sample_image("china.jpg").mean(axis=2) / 255.0


def patches(picture, stride):
    windows = np.lib.stride_tricks.sliding_window_view(picture, (side, side))
    rows = windows[::stride, ::stride].reshape(-1, side * side)
    return rows - rows.mean(axis=1, keepdims=True)


half = image.shape[0] // 2
learn, judge = patches(image[:half], 2), patches(image[half:], 5)
print(f"{len(learn)} patches to learn from, {len(judge)} to judge by")

# %%
# Three bases
# -----------
# The stream is a random order of the patches. They differ much in contrast, and the
# cube of the codes lets the strongest rule: rows are scaled to unit length first.

length = np.linalg.norm(learn, axis=1)
stream = learn[length > 0.02] / length[length > 0.02, None]
stream = stream[np.random.default_rng(0).permutation(len(stream))]
model = OnlineOrthogonalDictionary(random_state=0)
for _ in range(3):
    for chunk in np.array_split(stream, 40):
        model.partial_fit(chunk)

cosines = dct(np.eye(side), axis=0, norm="ortho")
bases = {
    "learnt": model.components_,
    "DCT": np.kron(cosines, cosines),
    "PCA": PCA().fit(learn).components_,
}
for name, basis in bases.items():
    assert np.allclose(basis @ basis.T, np.eye(side * side), atol=1e-10), name

# %%
# The atoms
# ---------
# Ordered by the energy of their codes.

fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.6), layout="constrained")
for ax, (name, basis) in zip(axes, bases.items(), strict=True):
    order = np.argsort(-np.mean((learn @ basis.T) ** 2, axis=0))
    atoms = basis[order] / np.abs(basis[order]).max(axis=1, keepdims=True)
    framed = np.ones((side, side, side + 1, side + 1))
    framed[:, :, :side, :side] = atoms.reshape(side, side, side, side)
    sheet = framed.transpose(0, 2, 1, 3).reshape(side * (side + 1), -1)
    ax.imshow(sheet[:-1, :-1], cmap="gray", vmin=-1, vmax=1)
    ax.set(title=name, xticks=[], yticks=[])
plt.show()

# %%
# Compression curves
# ------------------
# For an orthonormal basis the k largest codes are the best k, and what is lost is the
# energy of the others.


def lost(basis, rows):
    energy = np.sort((rows @ basis.T) ** 2, axis=1)[:, ::-1]
    left = 1.0 - np.cumsum(energy, axis=1) / energy.sum(axis=1, keepdims=True)
    total = energy.sum(axis=0)
    return 1.0 - np.cumsum(total) / total.sum(), left.mean(axis=0)


judge = judge[np.linalg.norm(judge, axis=1) > 0.02]
kept = np.arange(1, 25)
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained", sharex=True)
for name, basis in bases.items():
    by_energy, by_patch = lost(basis, judge)
    axes[0].semilogy(kept, by_energy[:24], label=name)
    axes[1].semilogy(kept, by_patch[:24], label=name)
    print(f"{name:>6}: lost with 4, 8, 16 codes {by_energy[[3, 7, 15]].round(4)}")
axes[0].set(ylabel="share of the energy lost", title="all patches together")
axes[1].set(ylabel="mean share lost per patch", title="each patch counts the same")
for ax in axes:
    ax.set(xlabel="codes kept of 64")
axes[0].legend()
plt.show()
