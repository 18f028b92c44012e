"""
Clustering with a certificate
=============================

K-means returns labels but does not say how good they are. This tutorial judges the
labels of a plain K-means run, improves them, and finally replaces them by labels that
are proven to be the best.
"""

# %%
# Labels you already have
# -----------------------
#
# Six groups of points, and K-means with a single random start, as it is often run.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs

from skgeo.cluster import (
    ExactKMeans,
    LikelihoodAdjustedSDP,
    SDPKMeans,
    certify_kmeans,
)
from skgeo.plotting import plot_certificate

X, _ = make_blobs(500, centers=6, cluster_std=0.5, random_state=0)
labels = KMeans(6, n_init=1, init="random", random_state=2).fit_predict(X)
verdict = certify_kmeans(X, labels)
print(verdict)

# %%
# The certificate holds two numbers: the inertia of these labels (the sum of squared
# distances to the cluster means), and a lower bound that *no* labels of six clusters
# can go below. The difference is the most that other labels could gain.

print(f"inertia {verdict.inertia_:.1f}, lower bound {verdict.lower_bound_:.1f}")
print(verdict.reason_)

# %%
# Labels with a proof
# -------------------
#
# :class:`~skgeo.cluster.SDPKMeans` searches for labels and solves a convex relaxation
# of the problem. Where its bound meets the inertia, the labels are proven optimal.

model = SDPKMeans(n_clusters=6, random_state=0).fit(X)
print(f"inertia {model.inertia_:.1f}, bound {model.lower_bound_:.1f}")
print("proven optimal:", model.certified_, f"(gap {model.gap_:.1e})")

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for ax, y, title in ((axes[0], labels, "one start"), (axes[1], model.labels_, "SDP")):
    ax.scatter(*X.T, c=y, cmap="tab10", s=8)
    means = np.array([X[y == k].mean(axis=0) for k in range(6)])
    ax.scatter(*means.T, marker="x", color="black", s=60)
    inertia = sum(((X[y == k] - means[k]) ** 2).sum() for k in range(6))
    ax.set(title=f"{title}: inertia {inertia:.0f}", xlabel="$x_1$", ylabel="$x_2$")
plot_certificate(verdict, ax=axes[2])
plt.show()

# %%
# Crosses are cluster means: the single start has put two of them into one group. On
# the right, its certificate says how far that leaves it from the optimum at most.
#
# The optimum of real data
# ------------------------
#
# Real groups overlap, and then the relaxation alone seldom ends in a proof. Up to a few
# hundred points :class:`~skgeo.cluster.ExactKMeans` goes on: cutting planes tighten
# the relaxation, branch and bound closes what is left.

iris = load_iris().data
plain = KMeans(5, n_init=10, random_state=0).fit(iris)
print(certify_kmeans(iris, plain.labels_))

exact = ExactKMeans(n_clusters=5, max_time=60, random_state=0).fit(iris)
print(f"{exact.status_}: inertia {exact.inertia_:.4f}, gap {exact.gap_:.1e}")
print(f"K-means with ten starts: {plain.inertia_:.4f}")

# %%
# The search may stop at any time (``max_time``): labels and bound are valid whenever it
# does, and ``warm_start=True`` continues it.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
plot_certificate(exact, ax=axes[0])
axes[1].scatter(iris[:, 0], iris[:, 2], c=exact.labels_, cmap="tab10", s=16)
axes[1].set(
    title="The best five clusters of iris",
    xlabel="sepal length (cm)",
    ylabel="petal length (cm)",
)
plt.show()

# %%
# Clusters of different shapes
# ----------------------------
#
# The best K-means labels are not the right ones if clusters differ in shape.
# :class:`~skgeo.cluster.LikelihoodAdjustedSDP` fits a covariance for each cluster, and
# the likelihood of left-out points decides which kind of covariance the data support.

rng = np.random.default_rng(0)
long = rng.standard_normal((150, 2)) * [4.0, 0.3]
small = rng.standard_normal((150, 2)) * 0.5 + [0.0, 2.0]
bars = np.concatenate([long, small])
shapes = LikelihoodAdjustedSDP(n_clusters=2, random_state=0).fit(bars)
print("kept model:", shapes.covariance_model_)

figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharey=True, layout="constrained")
best = SDPKMeans(2, random_state=0).fit(bars)
for ax, y, title in (
    (axes[0], best.labels_, "K-means: cuts the long cluster"),
    (axes[1], shapes.labels_, "own covariances"),
):
    ax.scatter(*bars.T, c=y, cmap="coolwarm", s=10)
    ax.set(title=title, xlabel="$x_1$", aspect="equal")
axes[0].set_ylabel("$x_2$")
plt.show()

# %%
# How the bounds are computed, for how many points, and what they cost:
# :doc:`/guide/clustering`.
