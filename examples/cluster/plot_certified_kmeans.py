"""
When K-means goes wrong, and how to notice
==========================================

Lloyd's algorithm stops at a local optimum and does not say so. A lower bound on the
inertia of *every* clustering does: :func:`skgeo.cluster.certify_kmeans` computes one
for given labels, and :class:`skgeo.cluster.SDPKMeans` finds labels with a proof.
"""

# %%
# Twenty-five groups of twelve points on a grid. A start that puts two centers into one
# group and one center between two others is a trap: no single step of Lloyd's algorithm
# leads out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from skgeo.cluster import SDPKMeans, certify_kmeans

rng = np.random.default_rng(0)
grid = 9.0 * np.arange(5)
centers = np.array([(a, b) for a in grid for b in grid])
X = np.repeat(centers, 12, axis=0) + rng.standard_normal((300, 2))

# %%
# Six K-means++ runs with one start each, EM from one K-means++ start, and the certified
# solution. Each is judged by the certificate: its bound holds for every labeling, so
# the best bound that any of them gives may be used for all.

runs = {
    f"K-means++, seed {seed}": KMeans(25, n_init=1, random_state=seed).fit(X).labels_
    for seed in range(6)
}
runs["EM"] = GaussianMixture(
    25, init_params="k-means++", reg_covar=1e-2, random_state=1
).fit_predict(X)
model = SDPKMeans(25, random_state=0).fit(X)
runs["SDPKMeans"] = model.labels_

print(f"proven lower bound: {model.lower_bound_:.2f}")
for name, labels in runs.items():
    result = certify_kmeans(X, labels, bound="none", random_state=0)
    excess = result.inertia_ / model.lower_bound_ - 1
    print(f"{name:20s} {result.verdict_:10s} at most {excess:8.1%} above the optimum")

# %%
# The picture: wrong runs have converged just as the right one has; only the bound tells
# them apart. Crosses are means. Both wrong runs have a mean between two groups and a
# group with two means.

worst = max(
    (name for name in runs if name.startswith("K-means")),
    key=lambda name: certify_kmeans(X, runs[name], bound="none").inertia_,
)
shown = {worst: runs[worst], "EM": runs["EM"], "SDPKMeans": runs["SDPKMeans"]}
figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), sharey=True)
figure.subplots_adjust(left=0.05, right=0.99, top=0.87, bottom=0.11, wspace=0.06)
for axis, (name, labels) in zip(axes, shown.items(), strict=True):
    result = certify_kmeans(X, labels, bound="none")
    means = np.array([X[labels == k].mean(axis=0) for k in np.unique(labels)])
    axis.scatter(*X.T, c=labels, cmap="tab20", s=10, alpha=0.7)
    axis.scatter(*means.T, marker="x", color="black", s=45)
    excess = result.inertia_ / model.lower_bound_ - 1
    proof = "proven optimal" if result.certified_ else f"{excess:.0%} above the bound"
    axis.set(title=f"{name}\ninertia {result.inertia_:.0f}: {proof}", xlabel="$x_1$")
    axis.set_aspect("equal")
axes[0].set_ylabel("$x_2$")
plt.show()
