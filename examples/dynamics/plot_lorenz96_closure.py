"""
A closure for the two-scale Lorenz-96 system
============================================

The slow variables of the two-scale system are coupled to fast ones that a coarse model
does not resolve.  MEDIDA finds, from pairs of slow states, the polynomial that stands
in for them, and the corrected coarse model forecasts better.
"""

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import Lorenz96, TwoScaleLorenz96, make_observation_pairs
from skgeo.dynamics import MEDIDA, StencilLibrary

two = TwoScaleLorenz96(n_slow=8, n_fast=32)
coarse = Lorenz96(8, forcing=two.forcing)
dt = 0.02
train = make_observation_pairs(
    two, 300, dt=dt, gap=0.5, n_trajectories=10, random_state=0
)
test = make_observation_pairs(
    two, 100, dt=dt, gap=1.0, n_trajectories=10, random_state=1
)

# %%
# Only the slow variables are seen.  Candidates are powers of the variable itself.

medida = MEDIDA(coarse.flow(dt), dt, library=StencilLibrary((0,), degree=4))
medida.fit(two.slow(train.X), two.slow(train.y))
print(medida.equations(std=True)[0])
skill = medida.skill_score(two.slow(test.X), two.slow(test.y))
print(f"one-step skill on new data: {skill:.3f}")

# %%
# What the fast variables really do, state by state, beside the discovered closure.

fast = test.X[:, two.n_slow :].reshape(len(test.X), two.n_slow, -1).sum(axis=2)
forcing = -two.coupling * two.time_scale / two.space_scale * fast
x = np.linspace(two.slow(test.X).min(), two.slow(test.X).max(), 200)
powers = medida.library_.evaluate(np.repeat(x[:, None], 8, axis=1))[:, 0]

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(
    two.slow(test.X).ravel(), forcing.ravel(), ".", ms=3, color="0.7", label="true"
)
axes[0].plot(x, powers @ medida.coef_[0], color="tab:red", lw=2, label="discovered")
axes[0].set(
    xlabel="slow variable", ylabel="effect of the fast ones", title="The closure"
)
axes[0].legend(frameon=False)

# %%
# Forecast errors over three time units.

n_steps = 150
start = two.slow(test.X)
path = two.trajectory(test.X, n_steps, dt)
forecasts = {
    "coarse model": coarse.trajectory(start, n_steps, dt),
    "corrected model": medida.corrected_model().simulate(start, n_steps),
}
time = dt * np.arange(n_steps + 1)
for (name, states), color in zip(forecasts.items(), ("0.4", "tab:red"), strict=True):
    error = np.sqrt(np.mean((states - two.slow(path)) ** 2, axis=(1, 2)))
    axes[1].plot(time, error, color=color, lw=2, label=name)
axes[1].axhline(
    two.slow(path).std() * np.sqrt(2), color="0.5", ls=":", label="unrelated states"
)
axes[1].set(
    xlabel="time", ylabel="root mean square error", title="Forecasts of new states"
)
axes[1].legend(frameon=False)
plt.show()
