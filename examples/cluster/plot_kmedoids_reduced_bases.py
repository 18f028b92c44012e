"""
Local reduced bases from sine medoids
=====================================

Snapshots of a transport problem, a bump that stands somewhere, need many modes in one
global basis. Grouped by the place of the bump, few modes per group are enough. The
groups have to disregard height and sign: the sine of the angle between snapshots does.
"""

# %%
# Snapshots
# ---------
# Bumps at random places, of heights over two decades and of either sign. Half of the
# snapshots are for training, half for testing.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans

from skgeo.cluster import KMedoids

N_CLUSTERS, N_MODES = 6, 3
rng = np.random.default_rng(0)
x = np.linspace(0, 1, 200)
center = rng.uniform(0.1, 0.9, 600)
height = 10 ** rng.uniform(-1, 1, 600) * rng.choice([-1, 1], 600)
X = height[:, None] * np.exp(-(((x - center[:, None]) / 0.05) ** 2))
train, test = X[:300], X[300:]

# %%
# Groups, with a proof
# --------------------
# The medoids are proven optimal: no six snapshots represent the others better.

model = KMedoids(N_CLUSTERS, metric="sine", random_state=0).fit(train)
print(f"inertia {model.inertia_:.4f}, proven gap {model.gap_:.1e}, {model.certified_}")

unit = train / np.linalg.norm(train, axis=1, keepdims=True)
raw = KMeans(N_CLUSTERS, n_init=10, random_state=0).fit(train)
rows = KMeans(N_CLUSTERS, n_init=10, random_state=0).fit(unit)

# %%
# Errors
# ------
# Each group gets the leading singular vectors of its snapshots, scaled to one length.
# A test snapshot is projected on the basis that suits it best.


def basis(snapshots, n_modes):
    scaled = snapshots / np.linalg.norm(snapshots, axis=1, keepdims=True)
    return np.linalg.svd(scaled, full_matrices=False)[2][:n_modes]


def error(bases):
    """Mean relative error of the best projection."""
    left = [
        np.linalg.norm(test - test @ B.T @ B, axis=1) / np.linalg.norm(test, axis=1)
        for B in bases
    ]
    return np.mean(np.min(left, axis=0))


def local(labels):
    return [basis(train[labels == k], N_MODES) for k in range(N_CLUSTERS)]


errors = {
    f"one basis, {N_MODES} modes": error([basis(train, N_MODES)]),
    "K-means": error(local(raw.labels_)),
    "K-means, unit length": error(local(rows.labels_)),
    "sine medoids": error(local(model.labels_)),
    f"one basis, {N_MODES * N_CLUSTERS} modes": error(
        [basis(train, N_MODES * N_CLUSTERS)]
    ),
}
for name, value in errors.items():
    print(f"{name:24s} {value:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for k in range(N_CLUSTERS):
    group = unit[model.labels_ == k][:12]
    left.plot(x, group.T, color=f"C{k}", linewidth=0.6, alpha=0.7)
left.set(xlabel="x", ylabel="snapshots of unit length", title="Groups of sine medoids")
right.barh(
    list(errors), list(errors.values()), color=["0.7", "0.7", "0.7", "C0", "0.7"]
)
right.set(xlabel="mean relative error of projection")
right.invert_yaxis()
plt.show()

# %%
# What it is worth
# ----------------
# Where the signs are fixed, K-means on rows of unit length groups as well. And one
# basis with as many modes as all local ones together is more accurate still: local
# bases pay in the size of the system that is solved online, three unknowns instead of
# eighteen, not in accuracy.
