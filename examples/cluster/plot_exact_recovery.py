r"""
Exact recovery: the phase diagram
=================================

For :math:`K` equal spherical Gaussian clusters in dimension :math:`d` the smallest
distance of centers at which the labels can be recovered exactly is known [1]_:

.. math::

    \Delta^* = \sigma \sqrt{4 \log n \,
    \bigl(1 + \sqrt{1 + K d / (n \log n)}\bigr)}.

The semidefinite relaxation of K-means reaches it as n grows. At a given n, how often is
it tight, and how often does a closed form already prove it?

.. [1] X. Chen, Y. Yang, "Cutoff for exact recovery of Gaussian mixture models",
   IEEE Trans. Inf. Theory 67 (2021), arXiv:2001.01194.
"""

# %%
# For each dimension and distance, five data sets of 150 points in three clusters:
# K-means labels are handed to the certificate, and where it stays open the relaxation
# is solved. "Not tight" is a proof that the relaxation cannot certify these labels.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skgeo.cluster import SDPKMeans, certify_kmeans
from skgeo.datasets import make_gaussian_clusters

n, K, repeats = 150, 3, 5
dimensions = np.array([3, 6, 12, 25, 50, 100])
ratios = np.linspace(0.6, 2.0, 15)


def threshold(d):
    return np.sqrt(4 * np.log(n) * (1 + np.sqrt(1 + K * d / (n * np.log(n)))))


closed = np.zeros((len(ratios), len(dimensions)))
tight = np.zeros_like(closed)
exact = np.zeros_like(closed)
for j, d in enumerate(dimensions):
    for i, ratio in enumerate(ratios):
        for seed in range(repeats):
            X, y = make_gaussian_clusters(
                n, K, d, separation=ratio * threshold(d), random_state=1000 + seed
            )
            labels = KMeans(K, n_init=5, random_state=seed).fit(X).labels_
            verdict = certify_kmeans(X, labels, bound="none").verdict_
            closed[i, j] += verdict == "certified"
            if verdict == "open":
                verdict = SDPKMeans(K, tol=1e-3, random_state=seed).fit(X).verdict_
            tight[i, j] += verdict == "certified"
            exact[i, j] += adjusted_rand_score(y, labels) == 1.0

# %%
# Shares of the five data sets. The dashed line is the threshold for exact recovery.

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained", sharey=True)
panels = {
    "labels exactly recovered": exact,
    "relaxation tight": tight,
    "proven in closed form": closed,
}
for axis, (title, counts) in zip(axes, panels.items(), strict=True):
    image = axis.pcolormesh(
        np.arange(len(dimensions)), ratios, counts / repeats, vmin=0, vmax=1
    )
    axis.axhline(1.0, color="white", linestyle="--")
    axis.set_xticks(np.arange(len(dimensions)), dimensions)
    axis.set(title=title, xlabel="dimension $d$")
axes[0].set_ylabel(r"distance of centers $/\,\Delta^*$")
figure.colorbar(image, ax=axes, label="share of data sets")
plt.show()

# %%
# With 150 points the transition is wide: it spreads to both sides of the threshold,
# which is a statement about large n. Where the relaxation is tight the labels are the
# optimum of K-means, which need not be the labels that generated the data: a point that
# fell nearer to the center of another cluster is assigned to that cluster by both. The
# closed form needs a little more distance than the relaxation, the more so in high
# dimension.

print("ratio at which all data sets are certified, per dimension:")
for j, d in enumerate(dimensions):
    full = np.flatnonzero(tight[:, j] == repeats)
    print(d, f"{ratios[full[0]]:.2f}" if len(full) else "above 2")
