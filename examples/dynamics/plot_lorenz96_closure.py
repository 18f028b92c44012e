"""
A closure with memory for the two-scale Lorenz-96 system
========================================================

The slow variables of the two-scale system are coupled to fast ones that a coarse model
does not resolve. MEDIDA finds, from trajectories of the slow variables, the polynomial
that stands in for them. The fast variables also depend on where the slow ones came
from: with four past states among the terms, forecasts are twice as good.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import Lorenz96, TwoScaleLorenz96
from skgeo.dynamics import MEDIDA, MemoryLibrary, ModelErrorWarning, StencilLibrary

two, dt = TwoScaleLorenz96(n_slow=8, n_fast=32), 0.05
coarse = Lorenz96(8, forcing=two.forcing).flow(dt)


def paths(n, n_steps, seed):
    return two.trajectory(two.attractor_states(n, seed), n_steps, dt)


train, test = paths(12, 250, 0), paths(30, 100, 1)

# %%
# Only the slow variables are seen, in consecutive pairs. Candidates are powers of the
# variable itself, and four past states of it.

slow = two.slow(train)
X, y = (np.concatenate(list(V.transpose(1, 0, 2))) for V in (slow[:-1], slow[1:]))
closures = {}
for name, memory in (("closure", 0), ("closure with memory", 4)):
    library = MemoryLibrary(StencilLibrary((0,), degree=4), memory)
    with warnings.catch_warnings():
        # What the fast variables do is never a function of the slow ones alone.
        warnings.simplefilter("ignore", ModelErrorWarning)
        closures[name] = MEDIDA(coarse, library=library).fit(X, y)
    print(name, closures[name].equations(2)[0])
    print(f"   explains {closures[name].skill_:.3f} of the increments")

# %%
# Left: what the fast variables really do, state by state, beside the closure without
# memory. Right: errors of forecasts of new trajectories. A forecast with memory starts
# from its last five observed states.

fast = test[..., two.n_slow :].reshape(-1, two.n_slow, two.n_fast).sum(axis=2)
forcing = -two.coupling * two.time_scale / two.space_scale * fast
seen = two.slow(test)
plain = closures["closure"]
x = np.linspace(seen.min(), seen.max(), 200)
powers = plain.library_.evaluate(np.repeat(x[:, None], 8, axis=1))[:, 0]

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(
    seen.ravel()[::10], forcing.ravel()[::10], ".", ms=2, color="0.75", label="true"
)
axes[0].plot(x, powers @ plain.coef_[0], color="tab:blue", lw=2, label="closure")
axes[0].set(
    xlabel="slow variable", ylabel="effect of the fast ones", title="The closure"
)
axes[0].legend(frameon=False)

start, n_steps = 10, 60
forecasts = {"coarse model": [seen[start]]}
for _ in range(n_steps):
    forecasts["coarse model"].append(coarse(forecasts["coarse model"][-1]))
for name, medida in closures.items():
    forecasts[name] = medida.corrected_model().simulate(seen[: start + 1], n_steps)
time = dt * np.arange(n_steps + 1)
colors = ("0.4", "tab:blue", "tab:red")
for (name, states), color in zip(forecasts.items(), colors, strict=True):
    gap = np.array(states) - seen[start : start + n_steps + 1]
    error = np.sqrt(np.mean(gap**2, axis=(1, 2)))
    print(f"{name}: error after half a time unit {error[10]:.2f}")
    axes[1].plot(time, error, color=color, lw=2, label=name)
axes[1].axhline(seen.std() * np.sqrt(2), color="0.5", ls=":", label="unrelated states")
axes[1].set(xlabel="time", ylabel="root mean square error", title="Forecasts")
axes[1].legend(frameon=False)
plt.show()
