"""
What does this model lack? From an imperfect model to an equation
=================================================================

A Kuramoto-Sivashinsky model without its diffusion term :math:`u_{xx}` is compared with
ten pairs of states of the true system.  MEDIDA finds the term that is missing, with its
coefficient, and the corrected model forecasts what the imperfect one cannot.
"""

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import MEDIDA, PDELibrary1D

truth = KuramotoSivashinsky()
imperfect = KuramotoSivashinsky(diffusion=0.0)

# %%
# Ten pairs of states, 0.05 time units apart, ten time units between pairs.

dt = 0.05
pairs = make_observation_pairs(truth, 10, dt=dt, gap=10.0, random_state=0)
print(pairs.X.shape)

# %%
# The library holds 24 terms, powers of u times derivatives up to the fourth order.  No
# threshold is tuned.

medida = MEDIDA(imperfect.flow(dt, 5), dt, library=PDELibrary1D(length=100.0))
medida.fit(pairs.X, pairs.y)
print(medida.equations(std=True)[0])
print(f"explains {100 * medida.skill_:.2f} % of the model error")

# %%
# Forecasts from a state that was not used: the system is chaotic, so that every
# model loses the truth in the end, but the imperfect model has no instability at all.

start = pairs.y[-1:]
start = truth.step(start, 25.0)
n_steps = 1200
corrected = medida.corrected_model()
flows = {
    "truth": truth.flow(dt),
    "imperfect model": imperfect.flow(dt),
    "corrected model": corrected,
}
paths = {}
for name, flow in flows.items():
    states = [start]
    for _ in range(n_steps):
        states.append(flow(states[-1]))
    paths[name] = np.concatenate(states)[::4, ::4]

fig, axes = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    image = ax.imshow(
        path,
        origin="lower",
        aspect="auto",
        extent=(0, 100, 0, n_steps * dt),
        cmap="RdBu_r",
        vmin=-3,
        vmax=3,
    )
    ax.set(title=name, xlabel="position x")
axes[0].set_ylabel("time")
fig.colorbar(image, ax=axes, label="u", shrink=0.9)

# %%
# How far the forecasts are from the truth, relative to its variability.

time = np.arange(len(paths["truth"])) * 4 * dt
scale = paths["truth"].std() * np.sqrt(2)
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, color in (("imperfect model", "tab:red"), ("corrected model", "tab:blue")):
    error = np.sqrt(np.mean((paths[name] - paths["truth"]) ** 2, axis=1)) / scale
    ax.semilogy(time[1:], error[1:], color=color, label=name)
ax.axhline(1.0, color="0.5", linestyle=":", label="two unrelated states")
ax.set(xlabel="time", ylabel="relative error", title="Forecast error")
ax.legend(frameon=False)
plt.show()
