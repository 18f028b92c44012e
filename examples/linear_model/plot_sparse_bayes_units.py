"""
====================================================================
Sparse regression that does not depend on the units of the features
====================================================================

:class:`sklearn.linear_model.ARDRegression` prunes by thresholds on absolute precisions:
with a feature in millimeters instead of meters it keeps another set of features.
:class:`~skgeo.linear_model.SparseBayesianRegressor` fits the same model in scaled units
and always keeps the same features.
"""

# %%
# Three features of twenty-five matter
# ------------------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import ARDRegression

from skgeo.linear_model import SparseBayesianRegressor

rng = np.random.default_rng(5)
X = rng.standard_normal((400, 25))
w = np.zeros(25)
w[[3, 11, 20]] = [1.2, -0.8, 0.5]
y = X @ w + rng.standard_normal(400)

units = 10.0 ** np.arange(-5, 6)
models = {
    "ARDRegression": ARDRegression(),
    "SparseBayesianRegressor": SparseBayesianRegressor(min_gain="selection"),
}
n_kept = {
    name: [np.count_nonzero(model.fit(X * unit, y).coef_) for unit in units]
    for name, model in models.items()
}

# %%
# The second panel shows the coefficients with two posterior standard deviations, in the
# original units.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for (name, counts), style in zip(n_kept.items(), ("C1s--", "k*-"), strict=True):
    left.semilogx(units, counts, style, label=name)
left.axhline(3, color="C0", lw=1, ls=":", label="true number")
left.set(
    xlabel="factor on the features",
    ylabel="features kept",
    title="Features kept, by the unit of X",
)
left.legend(fontsize=8)

model = SparseBayesianRegressor(min_gain="selection").fit(X, y)
index = np.arange(25)
right.errorbar(
    index, model.coef_, 2 * model.coef_std_, fmt="k*", capsize=3,
    label="posterior mean, 2 std",
)  # fmt: skip
right.plot(index, w, "o", mfc="none", mec="C0", ms=9, label="true")
right.set(xlabel="feature", ylabel="coefficient", title="Coefficients")
right.legend(fontsize=8)
plt.show()
