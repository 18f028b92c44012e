"""
K-means to the optimum: where bound and labels meet
===================================================

Iris in eight clusters: few K-means starts find the best clustering, and none can tell
that it did. :class:`skgeo.cluster.ExactKMeans` finds it and proves it, by relaxations
and branch and bound: column generation for up to four features, as here, a semidefinite
program with cutting planes for more.
"""

# %%
# One hundred K-means++ runs of one start each, and the proven optimum.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

from skgeo.cluster import ExactKMeans

X = load_iris().data
starts = [KMeans(8, n_init=1, random_state=i).fit(X) for i in range(100)]
inertia = np.array([start.inertia_ for start in starts])
model = ExactKMeans(8, random_state=0).fit(X)
hits = np.mean(inertia <= model.inertia_ * (1 + 1e-6))
print(f"inertia {model.inertia_:.4f}, proven to {100 * model.gap_:.3f} %")
print(f"nodes {model.n_nodes_}, starts that reach it: {hits:.0%}")

# %%
# Left, where single starts end. Right, the optimal clusters on the first two principal
# axes; crosses are the means of the worst run.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
left.hist(inertia, bins=25, color="tab:blue", alpha=0.8)
left.axvline(model.inertia_, color="black")
left.axvline(model.lower_bound_, color="tab:red", linestyle="--")
left.set(
    xlabel="inertia of one K-means start",
    ylabel="starts",
    title="Optimum (black) and proven bound (red)",
)
axes = PCA(2).fit(X)
right.scatter(*axes.transform(X).T, c=model.labels_, cmap="tab10", s=18)
worst = starts[int(np.argmax(inertia))]
right.scatter(*axes.transform(worst.cluster_centers_).T, marker="x", color="black")
excess = inertia.max() / model.inertia_ - 1
right.set(
    xlabel="first principal axis",
    ylabel="second",
    title=f"Optimal clusters; worst start {excess:.0%} worse",
)
figure.tight_layout()
plt.show()

# %%
# How the proof is found: the bound rises with every round, and branch and bound closes
# the gap that is left, if there is one. (Points without any clusters are the hardest
# case.) The search may be stopped at any moment: inertia and bound are valid then, too.

rng = np.random.default_rng(5)
scattered = rng.uniform(size=(110, 2))
hard = ExactKMeans(5, random_state=0, max_time=120.0).fit(scattered)
seconds, bound, incumbent = hard.history_.T
print(f"{hard.status_}: gap {100 * hard.gap_:.4f} %, {hard.n_nodes_} nodes")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
left.step(seconds, incumbent, where="post", color="black", label="best labels")
left.step(seconds, bound, where="post", color="tab:red", label="proven bound")
left.set(xlabel="seconds", ylabel="inertia", title="Bound and incumbent")
left.set_ylim(0.8 * incumbent[-1], 1.02 * incumbent[0])
left.legend(loc="lower right")
gap = 1 - bound / incumbent
right.step(seconds, np.maximum(100 * gap, 1e-3), where="post", color="tab:red")
right.axhline(100 * hard.tol, color="gray", linestyle=":")
right.set(
    xlabel="seconds", ylabel="gap (%)", title="The gap; dotted: tol", yscale="log"
)
figure.tight_layout()
plt.show()
