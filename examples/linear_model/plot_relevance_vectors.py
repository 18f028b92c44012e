"""
==================================================
Relevance vectors: a few samples carry the model
==================================================

With ``kernel="rbf"`` every training sample offers one column, and the evidence decides
which samples are needed. They are far fewer than the support vectors of an SVM, no
penalty has to be tuned, and predictions come with error bars or with probabilities.
"""

# %%
# A curve
# -------
# The band is the predictive mean plus and minus two standard deviations. Far from the
# data, where all kernels vanish, it is too narrow: a known limit of relevance vector
# machines.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.svm import SVC

from skgeo.linear_model import SparseBayesianClassifier, SparseBayesianRegressor

rng = np.random.default_rng(0)
X = np.sort(rng.uniform(-8, 8, 150))[:, None]
y = np.sinc(X[:, 0] / np.pi * 1.5) + 0.1 * rng.standard_normal(150)
model = SparseBayesianRegressor(kernel="rbf", gamma=0.3).fit(X, y)

grid = np.linspace(-10, 10, 500)[:, None]
mean, std = model.predict(grid, return_std=True)
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.fill_between(grid[:, 0], mean - 2 * std, mean + 2 * std, color="C0", alpha=0.2)
ax.plot(grid, np.sinc(grid / np.pi * 1.5), "k:", lw=1, label="truth")
ax.plot(grid, mean, "C0", label="predictive mean, 2 std")
ax.plot(X, y, ".", color="0.5", ms=4)
chosen = model.relevance_
ax.plot(
    X[chosen], y[chosen], "o", mfc="none", mec="C3", ms=9,
    label=f"{len(chosen)} relevance vectors of {len(X)} samples",
)  # fmt: skip
ax.set(xlabel="x", ylabel="y")
ax.legend(fontsize=8)

# %%
# Two classes
# -----------
# Both machines with the same kernel.

X, y = make_moons(200, noise=0.25, random_state=1)
machines = {
    "SparseBayesianClassifier": SparseBayesianClassifier(kernel="rbf", gamma=1.0),
    "SVC": SVC(gamma=1.0),
}
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, (name, machine) in zip(axes, machines.items(), strict=True):
    machine.fit(X, y)
    method = "predict_proba" if name != "SVC" else "decision_function"
    DecisionBoundaryDisplay.from_estimator(
        machine, X, response_method=method, ax=ax, cmap="RdBu", alpha=0.6,
        plot_method="contourf", levels=9,
    )  # fmt: skip
    ax.scatter(*X.T, c=y, cmap="RdBu", edgecolor="k", s=18, lw=0.4)
    vectors = machine.relevance_vectors_ if name != "SVC" else machine.support_vectors_
    ax.scatter(*vectors.T, s=110, facecolor="none", edgecolor="k", lw=1.3)
    ax.set(title=f"{name}: {len(vectors)} vectors", xticks=[], yticks=[])
plt.show()
