"""
Digits: a dictionary of pictures that speak for classes
=======================================================

Nine non-negative atoms rebuild the handwritten digits and tell them apart. Because
atoms are pictures and the classifier is linear in what they see, each atom can be
colored by the class it speaks for. Beside them are the nine atoms that non-negative
matrix factorization finds when it sees no label.
"""

# %%
# Two dictionaries of the same rank
# ---------------------------------
# In the supervised one atoms and codes are non-negative, so every atom adds ink. The
# strongest simple baseline sees all 64 pixels: atoms are for looking at, not for
# beating it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skgeo.decomposition import SupervisedDictionaryLearning

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, random_state=3, stratify=y)

model = SupervisedDictionaryLearning(
    9,
    positive_dict=True,
    positive_code=True,
    scale_features=False,  # pixels share a unit
    max_iter=100,
    tol=1e-4,
).fit(X, y)
nmf = NMF(9, init="nndsvda", max_iter=400, random_state=0).fit(X)
blind = LogisticRegression(max_iter=2000).fit(nmf.transform(X), y)
pixels = LogisticRegression(max_iter=5000).fit(X, y)  # no dictionary at all

scores = {
    "supervised": model.score(X_new, y_new),
    "NMF, then logistic": blind.score(nmf.transform(X_new), y_new),
    "logistic on all pixels": pixels.score(X_new, y_new),
}
print({name: round(value, 3) for name, value in scores.items()})

# %%
# Which class does an atom speak for?
# -----------------------------------
# The effect of an atom on the score of a class is its coefficient times its standard
# deviation over the data, relative to the mean over classes. The frame has the color of
# the class with the largest effect; it is thicker the larger the lead over the second.

colors = plt.get_cmap("tab10").colors


def voices(coef, features):
    voice = coef * features.std(axis=0)
    return (voice - voice.mean(axis=0)).T  # (atom, class)


def draw(axes, atoms, voice, title):
    order = np.argsort(voice.argmax(axis=1))
    margin = np.sort(voice, axis=1)
    margin = margin[:, -1] - margin[:, -2]
    for ax, k in zip(axes.flat, order, strict=True):
        best = voice[k].argmax()
        ax.imshow(atoms[k].reshape(8, 8), cmap="gray_r")
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"for {best}", color=colors[best], fontsize=10, pad=3)
        for side in ax.spines.values():
            side.set(color=colors[best], linewidth=1.5 + 4 * margin[k] / margin.max())
    axes[0, 1].text(0.5, 1.42, title, ha="center", transform=axes[0, 1].transAxes)


figure = plt.figure(figsize=(9.5, 5.2))
left, right = figure.subfigures(1, 2, wspace=0.02)
for part, atoms, voice, name in (
    (left, model.components_, voices(model.coef_, model.transform(X)), "supervised"),
    (
        right,
        nmf.components_,
        voices(blind.coef_, nmf.transform(X)),
        "NMF, then logistic",
    ),
):
    axes = part.subplots(
        3, 3, gridspec_kw={"hspace": 0.35, "top": 0.84, "bottom": 0.04}
    )
    title = f"{name}: accuracy {scores[name]:.3f}"
    draw(axes, atoms, voice, title)
plt.show()

# %%
# How well do nine atoms rebuild a digit?
# ---------------------------------------
# The price of using the labels is a somewhat coarser reconstruction.

some = [np.flatnonzero(y_new == c)[0] for c in range(10)]
rebuilt = model.inverse_transform(model.encode(X_new[some]))
rebuilt_nmf = nmf.inverse_transform(nmf.transform(X_new[some]))
figure, axes = plt.subplots(3, 10, figsize=(9.5, 3.2), layout="constrained")
for row, (name, pictures) in zip(
    axes,
    (("digit", X_new[some]), ("supervised", rebuilt), ("NMF", rebuilt_nmf)),
    strict=True,
):
    for ax, picture in zip(row, pictures, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plt.show()
