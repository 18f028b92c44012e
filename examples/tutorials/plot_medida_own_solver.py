"""
What does your solver get wrong? MEDIDA from noisy data
=======================================================

You have a solver, any function that takes states to the states one step later, and
noisy observations of the real system. :class:`~skgeo.dynamics.MEDIDA` finds the terms
that the solver lacks, as an equation with error bars.
"""

# %%
# A solver that forgot a term
# ---------------------------
#
# The "real" system is the Lorenz-63 system with an additional damping term. The solver
# is written in plain numpy, as yours may be, and does not know the term: its parameter
# ``missing`` is zero.

import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np

from skgeo.dynamics import MEDIDA
from skgeo.plotting import plot_equations, plot_forecast

dt = 0.02


def tendency(u, missing):
    x, y, z = u.T
    return np.stack(
        [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z - missing * x],
        axis=1,
    )


def step(u, dt=dt, missing=0.0, n_substeps=10):
    """Advance all states by dt with the classical Runge-Kutta scheme."""
    h = dt / n_substeps
    for _ in range(n_substeps):
        k1 = tendency(u, missing)
        k2 = tendency(u + h / 2 * k1, missing)
        k3 = tendency(u + h / 2 * k2, missing)
        k4 = tendency(u + h * k3, missing)
        u = u + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return u


# %%
# Observations
# ------------
#
# Pairs of states, ``dt`` apart, along a trajectory of the real system. Both states of
# a pair are measured with noise of 0.2 % of their spread.

rng = np.random.default_rng(0)
state = np.array([0.0, 0.0, 25.0]) + rng.normal(scale=8.0, size=(40, 3))
for _ in range(100):  # onto the attractor
    state = step(state, missing=1.5)
trajectory = [state]
for _ in range(100):
    trajectory.append(step(trajectory[-1], missing=1.5))
trajectory = np.stack(trajectory)  # (times, runs, variables)

noise = 0.002 * trajectory.std(axis=(0, 1))
seen = trajectory + noise * rng.standard_normal(trajectory.shape)
X = seen[:-1].reshape(-1, 3)
y = seen[1:].reshape(-1, 3)
print(f"{len(X)} pairs, noise {noise.round(3)}")

# %%
# The equation
# ------------
#
# ``fit`` starts the solver at every first state, compares its forecast with the second
# state, and explains the difference by as few terms as the data call for.

found = MEDIDA(model=step, dt=dt).fit(X, y)
for line in found.equations(std=True):
    print(line)

# %%
# The first two equations of the solver are left as they are; the third lacks
# about -1.5 times the first variable. Terms that are not needed have a coefficient of
# zero. Bars are two standard deviations; ``detectable_`` says how large a term would
# have to be to be seen through this noise.

index = found.feature_names_.index("x0")
print(f"x0 in the third equation: {found.coef_[2, index]:.3f}", end=" ")
print(f"± {found.coef_std_[2, index]:.3f}")
print(f"smallest visible coefficient: {found.detectable_[2, index]:.3f}")

figure, ax = plt.subplots(figsize=(8, 1.9), layout="constrained")
plot_equations(found, ax=ax)
plt.show()

# %%
# The corrected solver
# --------------------
#
# ``corrected_model()`` is your solver with the discovered terms. It forecasts states it
# has never seen much longer than the original does.

corrected = found.corrected_model()
truth, plain, better = [trajectory[-1]], [trajectory[-1]], [trajectory[-1]]
for _ in range(150):
    truth.append(step(truth[-1], missing=1.5))
    plain.append(step(plain[-1]))
    better.append(corrected(better[-1]))
truth, plain, better = (np.stack(run, axis=1) for run in (truth, plain, better))

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
# sphinx_gallery_thumbnail_number = 2
times = dt * np.arange(truth.shape[1])
axes[0].plot(times, truth[0, :, 0], "k", lw=2.5, label="truth")
axes[0].plot(times, plain[0, :, 0], color="#3b5f85", label="solver")
axes[0].plot(times, better[0, :, 0], "--", color="#c4501b", label="corrected")
axes[0].set(xlabel="time", ylabel="first variable", title="One forecast")
axes[0].legend(frameon=False)
forecasts = {"solver": plain, "corrected": better}
plot_forecast(truth, forecasts, dt=dt, ax=axes[1])
axes[1].set_title("Error over 40 forecasts")
plt.show()

# %%
# More noise
# ----------
#
# Errors of the two observations of a pair are divided by ``dt``, so that noise is
# amplified. With ten times as much of it the term is still found, but its error bar is
# ten times as wide, and MEDIDA says that most of what it explains is noise. The message
# is caught here and printed.

noisy = trajectory + 10 * noise * rng.standard_normal(trajectory.shape)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    doubtful = MEDIDA(model=step, dt=dt).fit(
        noisy[:-1].reshape(-1, 3), noisy[1:].reshape(-1, 3)
    )
for line in doubtful.equations(std=True):
    print(line)
for message in dict.fromkeys(str(w.message) for w in caught):
    print("MEDIDA says:", *textwrap.wrap(message, 72), sep="\n  ")

# %%
# What helps then: longer steps, more pairs, or a filter
# (:class:`~skgeo.dynamics.EnsembleKalmanFilter`) where states are fields. See
# :doc:`/guide/medida` and :doc:`/gallery/dynamics/plot_noisy_observations`.
