"""
Physics that an ocean model lacks: two-layer turbulence
=======================================================

Two layers of water on a rotating, doubly periodic plane: a sheared mean flow is
unstable and feeds eddies, friction at the bottom stops them. A model without bottom
friction and with the wrong gradient of planetary rotation is compared with the flow,
one short step at a time. The terms that explain the differences are what it lacks.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import TwoLayerQG
from skgeo.dynamics import MEDIDA, TwoLayerQGLibrary

# %%
# Four states of the steady turbulence; the last one is kept for the forecast.

truth = TwoLayerQG(n_grid=48)
states = truth.attractor_states(4, random_state=0, spin_up=40.0)
train, test = states[:3], states[3:]
dt = 0.02
model = TwoLayerQG(n_grid=48, drag=0.0, beta=0.7).flow(dt)

# %%
# Potential vorticities, streamfunctions and their Laplacians are linearly dependent,
# and MEDIDA says so: it may take one of them for another. That it did not is seen from
# the truth: ``-0.1 lap psi2`` and ``-0.3 psi_x`` in both layers.

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    medida = MEDIDA(model, library=TwoLayerQGLibrary(truth.deformation))
    medida.fit(train, truth.step(train, dt))
for warning in said:
    print("MEDIDA says:", str(warning.message).split(",")[0], "...")
print(*medida.equations(4), sep="\n")

# %%
# Forecasts of the state that was kept.

n_steps = 250
corrected = medida.corrected_model()
flow = truth.flow(dt)
paths = {"truth": [test], "model": [test], "corrected": [test]}
steps = {"truth": flow, "model": model, "corrected": corrected}
for name, step in steps.items():
    for _ in range(n_steps):
        paths[name].append(step(paths[name][-1]))
paths = {name: np.concatenate(path) for name, path in paths.items()}

fig, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
for j, ax in enumerate(axes[:2]):
    field = test[0].reshape(2, 48, 48)[j]
    top = np.abs(field).max()
    ax.imshow(field, origin="lower", cmap="RdBu_r", vmin=-top, vmax=top)
    ax.set(title=f"Potential vorticity, layer {j + 1}", xticks=[], yticks=[])
t = dt * np.arange(n_steps + 1)
size = np.linalg.norm(paths["truth"], axis=1)
for name, color in (("model", "0.4"), ("corrected", "tab:red")):
    error = np.linalg.norm(paths[name] - paths["truth"], axis=1) / size
    axes[2].semilogy(t[1:], 100 * error[1:], color=color, label=name)
axes[2].set(xlabel="time", ylabel="error of the forecast (%)", title="Forecasts")
axes[2].legend(frameon=False)
plt.show()
