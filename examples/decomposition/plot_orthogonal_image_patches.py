"""
Image patches: a learned basis against DCT and PCA
=================================================

Three orthonormal bases of 8 x 8 pictures: the discrete cosine transform, which is
fixed; principal axes, which pack energy into few directions; and a basis learned so
that the codes are sparse. How much of a picture is left when only its k largest codes
are kept? On patches of photographs the cosines are hard to beat, and on one of the two
they are not beaten. On handwritten digits the learned basis loses about half as much.
"""

# %%
# Pictures
# --------
# Patches are learned from the upper half of a photograph, judged by the lower half;
# two thirds of the digits are learned from. The mean of each picture is taken off: it
# is sent apart, whatever the basis.

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dct
from sklearn.datasets import load_digits, load_sample_image
from sklearn.decomposition import PCA

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
# The stream is a random order of the pictures. They differ much in contrast, and the
# cube of the codes lets the strongest rule: rows are scaled to unit length first. The
# few digits are passed over twenty times, the many patches three times.

cosines = dct(np.eye(side), axis=0, norm="ortho")


def learned(rows, passes):
    length = np.linalg.norm(rows, axis=1)
    rows = rows[length > 0.02] / length[length > 0.02, None]
    model = OnlineOrthogonalDictionary(random_state=0)
    for _ in range(passes):
        for chunk in np.array_split(rng.permutation(rows), 40):
            model.partial_fit(chunk)
    return model.components_


bases = {
    name: {
        "learned": learned(learn, 20 if name == "digits" else 3),
        "DCT": np.kron(cosines, cosines),
        "PCA": PCA().fit(learn).components_,
    }
    for name, (learn, _) in sets.items()
}

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
        ax.imshow(sheet[:-1, :-1], cmap="gray", vmin=-1, vmax=1)
        ax.set(title=f"{kind}, {name}", xticks=[], yticks=[])
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
    ax.set(xlabel="codes kept of 64", title=name)
ticks = [0.5, 0.2, 0.1, 0.05, 0.02]
axes[0].set_yticks(ticks, [f"{t:g}" for t in ticks])
axes[0].set_yticks([], minor=True)
axes[0].set_ylabel("share of the energy lost")
axes[0].legend()
plt.show()
