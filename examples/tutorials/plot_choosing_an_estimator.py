"""
Choosing an estimator
=====================

Start with the question, not with the method, and start with the simplest answer. This
tutorial takes one table through four questions. Each time it asks plain scikit-learn
first, and takes an estimator of skgeo only where that leaves something open.
"""

# %%
# One table
# ---------
#
# Chemical measurements of 178 wines from three growers: thirteen columns in thirteen
# different units, so everything below works on standardized columns.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgeo.cluster import ExactKMeans, LikelihoodAdjustedSDP, certify_kmeans
from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.linear_model import SparseBayesianClassifier

wine = load_wine(as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(wine.data)
y = wine.target.to_numpy()
print(X.shape)

# %%
# "Which group does each wine belong to?"
# ---------------------------------------
#
# Nothing to choose yet: K-means gives labels in a moment. The next question is whether
# other labels would be better, and K-means cannot answer that one.
# :func:`~skgeo.cluster.certify_kmeans` bounds how much better, and
# :class:`~skgeo.cluster.ExactKMeans` finds the best labels and proves it.

kmeans = KMeans(3, n_init=10, random_state=0).fit(X)
print(certify_kmeans(X.to_numpy(), kmeans.labels_))

exact = ExactKMeans(3, max_time=60, random_state=0).fit(X)
print(f"K-means {kmeans.inertia_:.2f}, optimum {exact.inertia_:.2f} ({exact.status_})")

# %%
# K-means had found the best labels; now we know it.

# %%
# "Are the groups of one shape?"
# ------------------------------
#
# K-means treats all clusters as equally large balls. If that is in doubt, compare it
# with a model whose clusters have shapes of their own. The adjusted Rand index compares
# labels with the growers: 1 is agreement, 0 chance. (In real life there is no such
# column to check against; the held-out likelihood in ``cv_results_`` is what chooses.)

shapes = LikelihoodAdjustedSDP(3, random_state=0).fit(X)
for name, labels in (("K-means", kmeans.labels_), ("own shapes", shapes.labels_)):
    print(f"{name}: {adjusted_rand_score(y, labels):.3f}")

# %%
# "Which measurements tell the growers apart?"
# --------------------------------------------
#
# Logistic regression is hard to beat in accuracy, and it uses all thirteen columns. If
# the question is *which* columns matter,
# :class:`~skgeo.linear_model.SparseBayesianClassifier` keeps those that the data pay
# for.

plain = LogisticRegression(max_iter=1000)
sparse = SparseBayesianClassifier()
for name, model in (("logistic regression", plain), ("sparse Bayesian", sparse)):
    score = cross_val_score(make_pipeline(StandardScaler(), model), wine.data, y, cv=5)
    print(f"{name}: accuracy {score.mean():.3f}")
sparse.fit(X, y)
kept = np.abs(sparse.coef_).max(axis=0) > 0
print(f"{kept.sum()} of {len(kept)} columns:", *X.columns[kept], sep="\n  ")

# %%
# Fewer columns cost accuracy here: if prediction is all that counts, stay with logistic
# regression.
#
# The larger a bar, the more one standard deviation of that column moves the decision
# for a grower.

figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
strength = np.abs(plain.fit(X, y).coef_).max(axis=0)
rows = np.arange(len(kept))
ax.barh(rows - 0.2, strength, height=0.36, color="0.75", label="logistic regression")
strength = np.abs(sparse.coef_).max(axis=0)
ax.barh(rows + 0.2, strength, height=0.36, color="#c4501b", label="sparse Bayesian")
ax.set_yticks(rows, X.columns, fontsize=8)
ax.invert_yaxis()
ax.set_xlabel("largest absolute coefficient (standardized columns)")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# "Which few patterns describe the table and the growers at once?"
# ----------------------------------------------------------------
#
# Two atoms, profiles over all columns, are enough to draw the wines in a plane, rebuild
# part of the table, and classify.

model = SupervisedDictionaryLearning(2)
score = cross_val_score(make_pipeline(StandardScaler(), model), wine.data, y, cv=5)
print(f"two atoms: accuracy {score.mean():.3f}")

codes = model.fit(X, y).transform(X)
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for grower in range(3):
    axes[0].plot(*codes[y == grower].T, "o", ms=4, label=wine.target_names[grower])
axes[0].set(xlabel="first atom", ylabel="second atom", title="Wines")
axes[0].legend(frameon=False)
rows = np.arange(X.shape[1])
for k, color in enumerate(("#3b5f85", "#c4501b")):
    axes[1].barh(rows + 0.4 * k - 0.2, model.components_[k], height=0.36, color=color)
axes[1].set_yticks(rows, X.columns, fontsize=8)
axes[1].invert_yaxis()
axes[1].set(title="Atoms: first blue, second red", xlabel="weight of a column")
plt.show()

# %%
# And if plain scikit-learn had been enough, you would have stopped at the first line of
# each section. That is the advice of :doc:`/which`: a chart from what you have to the
# estimator to try; every page of the :doc:`guide </guide/index>` says when *not* to use
# its method, and :doc:`/peers` names the library to take instead.
