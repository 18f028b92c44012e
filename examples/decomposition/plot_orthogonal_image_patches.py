"""
Image patches: a learned basis against DCT and PCA
==================================================

Three orthonormal bases of 8 x 8 pictures: the discrete cosine transform, which is
fixed; principal axes, which pack energy into few directions; and a basis learned from
the data, starting from the cosines. How much of a picture is lost when only its k
largest codes are kept? All bases code the same rows, with the same mean removed. A fit
that starts from the cosines returns the cosines themselves unless a learned basis is
clearly better; on these photographs it returns the cosines. On handwritten digits the
learned basis is far ahead of the cosines, and a little ahead of principal axes.
"""

# %%
# Pictures
# --------
# Patches are learned from the upper half of a photograph, judged by the lower half; two
# thirds of the digits are learned from. The mean of each picture is removed first and
# stored separately, whatever the basis.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dct
from sklearn.datasets import load_digits, load_sample_image

from skgeo.decomposition import OnlineOrthogonalDictionary

side = 8
rng = np.random.default_rng(0)


def centered(rows):
    return rows - rows.mean(axis=1, keepdims=True)


def photograph(name):
    gray = load_sample_image(name).mean(axis=2) / 255.0
    windows = np.lib.stride_tricks.sliding_window_view(gray, (side, side))
    half = len(windows) // 2
    learn = windows[:half][::2, ::2].reshape(-1, side**2)
    judge = windows[half:][::5, ::5].reshape(-1, side**2)
    return centered(learn), centered(judge)


def handwriting():
    rows = centered(rng.permutation(load_digits().data / 16.0))
    return rows[:1200], rows[1200:]


cosines = np.kron(*2 * [dct(np.eye(side), axis=0, norm="ortho")])
sets = {
    "china.jpg": photograph("china.jpg"),
    "flower.jpg": photograph("flower.jpg"),
    "digits": handwriting(),
}
for name, (learn, judge) in sets.items():
    print(f"{name}: {len(learn)} pictures to learn from, {len(judge)} to judge by")

# %%
# Three bases
# -----------
# Principal axes are those of the rows as they are coded, about zero. (Axes about the
# mean row would be worse here: they are not made for these rows.) ``start_kept_`` says
# whether the learned basis is the cosine transform itself.

models, bases = {}, {}
for name, (learn, _) in sets.items():
    model = OnlineOrthogonalDictionary(
        init="dct", random_state=0, max_iter=30, tol=0.01
    )
    with warnings.catch_warnings():
        # The mean picture of digits has energy: here it is coded like the rest.
        warnings.simplefilter("ignore")
        models[name] = model.fit(learn)
    bases[name] = {
        "learned": models[name].components_,
        "DCT": cosines,
        "PCA": np.linalg.eigh(learn.T @ learn)[1].T[::-1],
    }
    print(f"{name}: start kept: {models[name].start_kept_}")

# %%
# The atoms
# ---------
# Ordered by the energy of their codes. Learned atoms of patches are gratings and edges,
# some of them confined to a part of the patch; those of digits are ways of writing one.

fig, axes = plt.subplots(2, 3, figsize=(9.5, 6.6), layout="constrained")
for row, name in zip(axes, ("china.jpg", "digits"), strict=True):
    for ax, (kind, basis) in zip(row, bases[name].items(), strict=True):
        order = np.argsort(-np.mean((sets[name][0] @ basis.T) ** 2, axis=0))
        atoms = basis[order] / np.abs(basis[order]).max(axis=1, keepdims=True)
        framed = np.ones((side, side, side + 1, side + 1))
        framed[:, :, :side, :side] = atoms.reshape(side, side, side, side)
        sheet = framed.transpose(0, 2, 1, 3).reshape(side * (side + 1), -1)
        image = ax.imshow(sheet[:-1, :-1], cmap="gray", vmin=-1, vmax=1)
        ax.set(title=f"{kind}, {name}", xticks=[], yticks=[])
fig.colorbar(image, ax=axes, label="pixel, over the largest of its atom", shrink=0.6)
plt.show()

# %%
# Compression curves
# ------------------
# For an orthonormal basis the k largest codes are the best k, and what is lost is the
# energy of the others, here of all held-out pictures together.


def lost(basis, rows):
    energy = np.sort((rows @ basis.T) ** 2, axis=1)[:, ::-1].sum(axis=0)
    return 1.0 - np.cumsum(energy) / energy.sum()


kept = np.arange(1, 25)
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.6), layout="constrained", sharey=True)
for ax, (name, (_, judge)) in zip(axes, sets.items(), strict=True):
    for kind, basis in bases[name].items():
        curve = lost(basis, judge)
        ax.semilogy(kept, curve[:24], label=kind)
        print(
            f"{name:>10}, {kind:>6}: lost with 4, 8, 16 codes",
            curve[[3, 7, 15]].round(3),
        )
    ax.set(xlabel="codes kept (of 64)", title=name)
ticks = [0.5, 0.2, 0.1, 0.05, 0.02]
axes[0].set_yticks(ticks, [f"{t:g}" for t in ticks])
axes[0].set_yticks([], minor=True)
axes[0].set_ylabel("fraction of the energy lost")
axes[0].legend()
plt.show()
