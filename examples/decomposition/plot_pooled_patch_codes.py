"""
Pictures that are shifted: patch codes and a few atoms
======================================================

A linear classifier on pixels knows where a stroke was in training. When pictures are
shifted by a pixel or two, it looks in the wrong place.
:class:`~skgeo.decomposition.PooledPatchCodes` codes the patches of a picture over an
orthogonal dictionary and averages the codes over the cells of a grid, so that small
shifts change little; :class:`~skgeo.decomposition.SupervisedDictionaryLearning` keeps a
few atoms of these features. The guide takes chest X-rays the same way.
"""

# %%
# Digits on a larger canvas
# -------------------------
# Training pictures are in the middle, new ones are shifted by up to two pixels in both
# directions.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgeo.decomposition import PooledPatchCodes, SupervisedDictionaryLearning
from skgeo.plotting import plot_atoms

digits = load_digits()
canvas = np.pad(digits.images / 16, ((0, 0), (2, 2), (2, 2)))
images, new_images, y, y_new = train_test_split(
    canvas, digits.target, test_size=0.4, stratify=digits.target, random_state=0
)


def shifted(images, most, rng):
    moves = rng.integers(-most, most + 1, (len(images), 2))
    moved = [
        np.roll(image, move, axis=(0, 1))
        for image, move in zip(images, moves, strict=True)
    ]
    return np.array(moved).reshape(len(images), -1)


X = images.reshape(len(images), -1)

# %%
# Four classifiers
# ----------------
# The strongest simple baselines for pictures of this size are a support vector machine
# on the pixels, and training on shifted copies of the pictures as well.

codes = PooledPatchCodes(4, 4, dictionary="learned", random_state=0)
models = {
    "pixels, logistic": LogisticRegression(C=1.0, max_iter=2000),
    "pixels, SVM": SVC(C=10.0),
    "patch codes, logistic": make_pipeline(
        codes, StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)
    ),
    "patch codes, 10 atoms": make_pipeline(
        codes, SupervisedDictionaryLearning(10, tol=1e-3)
    ),
}
for model in models.values():
    model.fit(X, y)

rng = np.random.default_rng(1)
copies = np.vstack([X, *(shifted(images, 2, rng) for _ in range(4))])
models["pixels, SVM, shifted copies"] = SVC(C=10.0).fit(copies, np.tile(y, 5))

# %%
# Accuracy over the shift
# -----------------------

shifts = (0, 1, 2)
rng = np.random.default_rng(0)
new = [shifted(new_images, most, rng) for most in shifts]
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for name, model in models.items():
    accuracy = [model.score(X_new, y_new) for X_new in new]
    print(f"{name:28s}", "  ".join(f"{a:.3f}" for a in accuracy))
    style = "-" if name.startswith("patch") else "--"
    ax.plot(shifts, accuracy, style, marker="o", label=name)
ax.set(
    xticks=shifts,
    xlabel="largest shift of new pictures (pixels)",
    ylabel="accuracy",
    ylim=(0, 1.02),
)
ax.legend(loc="lower left", fontsize=9)
plt.show()

# %%
# Patch codes lose less than pixels when pictures move by one pixel of ten, and still
# lose much: cells are three pixels wide. Where the shifts are known beforehand, the
# simplest way is clearly the best: a support vector machine that has seen shifted
# copies of its training pictures.
#
# The dictionary of patches
# -------------------------
# Edges, corners and ends of strokes, learned from patches of the training pictures
# without labels.

figure_atoms = plot_atoms(models["patch codes, 10 atoms"][0], (4, 4), n_columns=5)
