"""
Where it works and where it fails: step against noise
=====================================================

Two errors pull in opposite directions.  The noise of an increment is divided by the
time between the two states of a pair, so that pairs close together are hopeless with
much noise; the error of the method itself grows with that time, so that pairs far apart
give rough coefficients.  This map shows both edges for a Kuramoto-Sivashinsky model
without its advection term, and where MEDIDA warns of them by itself.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    ModelErrorWarning,
    PDELibrary1D,
)

truth = KuramotoSivashinsky(512, 50.0)
imperfect = KuramotoSivashinsky(512, 50.0, advection=0.0)
steps = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
levels = (0.003, 0.01, 0.03, 0.1, 0.3)

# %%
# One fit for each step and level, with 60 noisy pairs.

error = np.empty((len(levels), len(steps)))
exact = np.empty(error.shape, dtype=bool)
told = np.empty(error.shape, dtype=bool)
for j, dt in enumerate(steps):
    clean = make_observation_pairs(truth, 60, dt=dt, gap=2.0, random_state=0)
    for i, level in enumerate(levels):
        std = level * clean.X.std()
        rng = np.random.default_rng(1)
        X = clean.X + std * rng.standard_normal(clean.X.shape)
        y = clean.y + std * rng.standard_normal(clean.y.shape)
        medida = MEDIDA(
            imperfect.flow(dt, 5),
            dt,
            library=PDELibrary1D(length=50.0),
            assimilation=EnsembleKalmanFilter(std),
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ModelErrorWarning)
            medida.fit(X, y)
        told[i, j] = any(w.category is ModelErrorWarning for w in caught)
        wanted = np.zeros(len(medida.feature_names_))
        wanted[medida.feature_names_.index("u u_x")] = -1.0
        found = medida.coef_[0]
        error[i, j] = 100 * np.linalg.norm(found - wanted)
        exact[i, j] = np.array_equal(found != 0, wanted != 0)
print(f"exact support in {exact.sum()} of {exact.size} cases")
print(f"wrong support in {(~exact).sum()}, of which {(told & ~exact).sum()} were told")

# %%
# Colors are errors of the coefficients, relative to the missing one, which is 100 %
# where nothing is found.

fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
image = ax.pcolormesh(
    error, norm=LogNorm(0.1, 100), cmap="viridis_r", edgecolors="white"
)
for (i, j), value in np.ndenumerate(error):
    color = "white" if value > 5 else "black"
    text = f"{value:.2g} %" if exact[i, j] else "wrong\nterms"
    if not exact[i, j] and value > 99.9:
        text = "nothing\nfound"
    ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=color, fontsize=8)
    if told[i, j]:
        ax.plot(j + 0.88, i + 0.82, "^", color="tab:red", ms=7, mec="white")
ax.plot([], [], "^", color="tab:red", ms=7, ls="", label="MEDIDA warns")
ax.set_xticks(np.arange(len(steps)) + 0.5, [f"{s:g}" for s in steps])
ax.set_yticks(np.arange(len(levels)) + 0.5, [f"{100 * v:g} %" for v in levels])
ax.set(
    xlabel="time between the states of a pair",
    ylabel="noise, part of the variability",
)
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
fig.colorbar(image, ax=ax, label="error of the coefficients [%]")
plt.show()
