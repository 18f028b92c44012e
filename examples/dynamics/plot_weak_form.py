"""
Equations of noisy fields: the weak form
========================================

A field with edges, observed with noise, cannot be differentiated. In weak form it need
not be: equations are averaged over smooth windows of space and time, and derivatives
act on the windows.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

from skgeo.dynamics import MEDIDA, PDELibrary1D, WeakLibrary

# %%
# Burgers' equation ``u_t = -u u_x + 0.05 u_xx`` on an interval with fixed ends.

x, t = np.linspace(-1, 1, 128), np.linspace(0, 1, 201)
dx, dt = x[1] - x[0], t[1]


def burgers(_, u):
    rate = np.zeros_like(u)
    rate[1:-1] = 0.05 * (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
    rate[1:-1] -= (u[2:] ** 2 - u[:-2] ** 2) / (4 * dx)
    return rate


start = -np.sin(np.pi * x) + 0.3 * np.cos(np.pi * x / 2) + 0.2
clean = solve_ivp(burgers, (0, 1), start, "BDF", t, rtol=1e-8, atol=1e-10).y.T
rng = np.random.default_rng(0)
space = PDELibrary1D(3, 3, length=2.0, periodic=False, derivative="fd4")

# %%
# The same fifteen candidates, as they are and in weak form.

levels = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)
errors = {"derivatives of the data": [], "weak form": []}
truth = {"u u_x": -1.0, "u_xx": 0.05}
for noise in levels:
    U = clean + noise * clean.std() * rng.standard_normal(clean.shape)
    for name, library in zip(errors, (space, WeakLibrary(space)), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            medida = MEDIDA(None, dt, library=library).fit(U[:-1], U[1:])
        wanted = np.array([truth.get(term, 0.0) for term in medida.feature_names_])
        found = (medida.coef_[0] != 0) == (wanted != 0)
        gap = np.linalg.norm(medida.coef_[0] - wanted) / np.linalg.norm(wanted)
        errors[name].append((gap, found.all()))
    print(f"{100 * noise:g} % noise: {medida.equations(3)[0]}")

# %%
# Filled markers: exactly the right terms.

noisy = clean + 0.03 * clean.std() * rng.standard_normal(clean.shape)
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for i, color in zip((0, 60, 120, 200), plt.cm.viridis([0, 0.3, 0.6, 0.9]), strict=True):
    axes[0].plot(x, noisy[i], ".", ms=3, color=color)
    axes[0].plot(x, clean[i], lw=1, color=color, label=f"t = {t[i]:.1f}")
axes[0].set(xlabel="x", ylabel="u", title="The field, 3 % noise")
axes[0].legend(frameon=False)
for (name, rows), color in zip(errors.items(), ("0.4", "tab:red"), strict=True):
    gaps, exact = np.array(rows).T
    shown = np.maximum(100 * np.array(levels), 0.05)
    axes[1].loglog(shown, 100 * gaps, "-", color=color, label=name)
    for value, gap, right in zip(shown, gaps, exact, strict=True):
        face = color if right else "white"
        axes[1].plot(value, 100 * gap, "o", color=color, mfc=face)
axes[1].set(
    xlabel="noise (% of the field; the first is none)",
    ylabel="error of the coefficients (%)",
    title="Discovered equations",
)
axes[1].legend(frameon=False)
plt.show()
