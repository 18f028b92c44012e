"""
A supervised dictionary on images
=================================

A few small pictures, "atoms", that rebuild images *and* tell two classes apart, with a
covariate beside the pixels. The method was published with chest X-rays; these cannot be
shipped with the package, so this tutorial takes the handwritten digits of scikit-learn
and asks a question of the same kind: is this a 3 or an 8?
"""

# %%
# Images and a covariate
# ----------------------
#
# 357 images of 8 by 8 pixels. The covariate, one more column known for each image (as
# age would be beside an X-ray), helps to predict the label but is no part of the image
# to rebuild. Here it is simulated: it agrees with the label 70 % of the time.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.plotting import plot_atoms, plot_codes

X, y = load_digits(return_X_y=True)
keep = np.isin(y, [3, 8])
X, y = X[keep], y[keep]
rng = np.random.default_rng(0)
covariate = np.where(rng.random(len(y)) < 0.7, y == 8, y != 8).astype(float)[:, None]
X, X_new, z, z_new, y, y_new = train_test_split(
    X, covariate, y, test_size=0.5, random_state=0, stratify=y
)
print(X.shape, z.shape)

# %%
# Fit
# ---
#
# ``positive_dict`` and ``positive_code`` make atoms that add ink and never erase it:
# parts that can be read. ``scale_features=False`` because pixels share a unit.

model = SupervisedDictionaryLearning(
    6,
    positive_dict=True,
    positive_code=True,
    scale_features=False,
    max_iter=200,
    tol=1e-4,
)
model.fit(X, y, covariates=z)
print(f"accuracy on new images: {model.score(X_new, y_new, covariates=z_new):.3f}")

everything = LogisticRegression(max_iter=5000).fit(np.hstack([X, z]), y)
baseline = everything.score(np.hstack([X_new, z_new]), y_new)
print(f"logistic regression on all pixels: {baseline:.3f}")

# %%
# The baseline that sees every pixel is there to be honest: a dictionary is for
# understanding, and its accuracy should be near the baseline, not above it.
#
# What the atoms show
# -------------------
#
# The title of each atom is what one standard deviation more of it does to the log-odds
# of "8". The left side of an 8, which a 3 does not have, speaks for 8.

effect = model.coef_[0] * model.transform(X).std(axis=0)
titles = [f"{value:+.1f}" for value in effect]
figure = plot_atoms(model, (8, 8), titles=titles, n_columns=6, each=True)

# %%
# The classifier in one picture: the effect of each pixel through all atoms.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, digit in zip(axes, (3, 8), strict=False):
    ax.imshow(X[y == digit].mean(axis=0).reshape(8, 8), cmap="gray_r")
    ax.set(title=f"mean {digit}", xticks=[], yticks=[])
weights = model.effective_coef_.reshape(8, 8)
limit = np.abs(weights).max()
shown = axes[2].imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
axes[2].set(title="ink here speaks for 8 (red) or 3", xticks=[], yticks=[])
figure.colorbar(shown, ax=axes[2], label="log-odds per unit of ink")
plt.show()

# %%
# Codes and reconstructions
# -------------------------
#
# ``transform`` is what the classifier sees, ``encode`` gives the codes that rebuild an
# image.

figure = plot_codes(model.encode(X_new), y_new)

# %%
# Six numbers per image give a blurred digit back:

some = [np.flatnonzero(y_new == digit)[i] for digit in (3, 8) for i in range(4)]
rebuilt = model.inverse_transform(model.encode(X_new[some]))
figure, axes = plt.subplots(2, 8, figsize=(10, 2.8), layout="constrained")
for row, (name, pictures) in zip(
    axes, (("image", X_new[some]), ("rebuilt", rebuilt)), strict=True
):
    for ax, picture in zip(row, pictures, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plt.show()

# %%
# What the covariate adds
# -----------------------

without = SupervisedDictionaryLearning(
    6,
    positive_dict=True,
    positive_code=True,
    scale_features=False,
    max_iter=200,
    tol=1e-4,
).fit(X, y)
print(f"accuracy without covariate: {without.score(X_new, y_new):.3f}")
print(
    f"effect of the covariate on the log-odds: {model.covariate_coef_.ravel()[0]:.2f}"
)

# %%
# These digits are told apart by their pixels alone: the covariate changes the answer
# for hardly any image. It matters where the label depends on what the image does not
# show, as in :doc:`/gallery/decomposition/plot_supervised_text_with_covariates`.
#
# How to choose the number of atoms and the weight of reconstruction:
# :doc:`/guide/supervised_dictionary`.
