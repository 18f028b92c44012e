"""
How many terms? Skill against sparsity
======================================

A search over the degree of the library and the threshold of the regression, scored by
model-relative skill on trajectories that were left out.  The coefficient of
determination is nearly one for every candidate, even for the imperfect model; the skill
tells them apart, and the sparsest candidate that is as good as the best is chosen.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold

from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import (
    MEDIDA,
    ModelErrorWarning,
    PDELibrary1D,
    one_standard_error,
    skill_scorer,
)
from skgeo.linear_model import SparseBayesianRegressor

truth = KuramotoSivashinsky(256, 50.0)
imperfect = KuramotoSivashinsky(256, 50.0, diffusion=0.5, dispersion=0.2)
dt = 0.05
pairs = make_observation_pairs(truth, 48, dt=dt, n_trajectories=8, random_state=0)

# %%
# By default the estimator removes terms that the finite step explains; that is switched
# off here to show the whole path.

medida = MEDIDA(
    imperfect.flow(dt, 5),
    dt,
    library=PDELibrary1D(length=50.0),
    regressor=SparseBayesianRegressor(fit_intercept=False, min_gain=0.0),
    prune_step_error=False,
)
thresholds = np.logspace(-1, 7, 9)
search = GridSearchCV(
    medida,
    {
        "library__degree": [1, 2, 4],
        "regressor__threshold_lambda": list(thresholds),
    },
    scoring=skill_scorer,
    refit=one_standard_error,
    cv=GroupKFold(4),
)
with warnings.catch_warnings():
    # Settings that keep no term are part of the path; each of their fits says so.
    warnings.simplefilter("ignore", ModelErrorWarning)
    search.fit(pairs.X, pairs.y, groups=pairs.groups)
print(search.best_params_)
print(search.best_estimator_.equations(std=True)[0])

# %%
results = search.cv_results_
degrees = np.array([p["library__degree"] for p in results["params"]])
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for degree, marker in ((1, "o"), (2, "s"), (4, "^")):
    mine = degrees == degree
    terms = -results["mean_test_sparsity"][mine]
    unexplained = 1 - results["mean_test_skill"][mine]
    axes[0].semilogx(thresholds, terms, marker, ls="-", label=degree)
    axes[1].semilogy(terms, unexplained, marker, label=f"degree {degree}")
axes[0].set_yscale("symlog", linthresh=2, subs=[2, 3, 4, 5, 6, 7, 8, 9])
axes[0].set_yticks([0, 1, 2, 4, 10, 20], ["0", "1", "2", "4", "10", "20"])
axes[0].set(
    xlabel="threshold on the precision of a term",
    ylabel="terms kept (mean over folds)",
    title="Sparsity",
)
axes[0].legend(title="degree", frameon=False)
best = search.best_index_
axes[1].plot(
    -results["mean_test_sparsity"][best],
    1 - results["mean_test_skill"][best],
    "*",
    ms=18,
    mfc="none",
    mec="tab:red",
    mew=2,
    label="chosen",
)
axes[1].set(
    xlabel="terms kept (mean over folds)",
    ylabel="1 - skill on left-out trajectories",
    title="Error against sparsity",
)
axes[1].legend(frameon=False)
plt.show()
