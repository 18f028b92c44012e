"""
Reconstruction against discrimination
=====================================

In this simulation the pictures that make up the data are not the ones that decide the
label, so two atoms cannot serve both. The reconstruction weight chooses. Every fit is a
convex problem up to the rank, so different starts end at the same objective.
"""

# %%
# Sweep the weight
# ----------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skgeo.datasets import make_conflicting_digits
from skgeo.decomposition import SupervisedDictionaryLearning

weights = np.logspace(-2, 3, 9)
accuracy, error, ceiling = [], [], []
for seed in range(20, 25):
    X, y = make_conflicting_digits(600, random_state=seed)
    X, X_new, y, y_new = train_test_split(X, y, random_state=seed, stratify=y)
    models = [
        SupervisedDictionaryLearning(
            2, reconstruction_weight=w, alpha=1e-3, tol=1e-4
        ).fit(X, y)
        for w in weights
    ]
    accuracy.append([m.score(X_new, y_new) for m in models])
    error.append([m.reconstruction_error(X_new) for m in models])
    ceiling.append(LogisticRegression(max_iter=2000).fit(X, y).score(X_new, y_new))

# %%
# Six starts, one objective
# -------------------------

traces = []
for start in range(6):
    start_at = "svd" if start == 0 else "random"
    model = SupervisedDictionaryLearning(
        2, alpha=1e-3, init=start_at, random_state=start, tol=1e-8, max_iter=2000
    ).fit(X, y)
    traces.append(model.objective_)
best = min(trace[-1] for trace in traces)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
ax = axes[0]
ax.semilogx(weights, np.mean(accuracy, axis=0), "o-", color="C0", label="accuracy")
ax.axhline(np.mean(ceiling), color="C0", ls=":", label="logistic, all 64 pixels")
ax.set(xlabel="reconstruction weight", ylabel="accuracy on new samples")
ax.yaxis.label.set_color("C0")
twin = ax.twinx()
twin.semilogx(weights, np.mean(error, axis=0), "s-", color="C3", label="error")
twin.set_ylabel("relative squared reconstruction error", color="C3")
lines = ax.get_lines() + twin.get_lines()
ax.legend(
    lines,
    [line.get_label() for line in lines],
    loc="upper center",
    bbox_to_anchor=(0.5, -0.17),
    ncols=3,
    fontsize=8,
    frameon=False,
)
ax.set_title("two atoms, five draws")
for k, trace in enumerate(traces):
    label = "principal axes" if k == 0 else ("random" if k == 1 else None)
    axes[1].semilogy(
        np.maximum(trace / best - 1, 1e-14),
        color="C1" if k == 0 else "0.6",
        label=label,
    )
axes[1].set(
    xlabel="iteration", ylabel="objective over the best, minus 1", title="six starts"
)
axes[1].legend()
plt.show()
