"""
The law of a pendulum, and what its swings do not tell
======================================================

Four free swings of a pendulum, angle and angular velocity every millisecond. Gravity
can be read from the acceleration. The friction is a hundred times smaller and drowns in
the errors of the sensors at the turning points, but it can be read from the decay of
the energy. A law is chosen on three swings and judged on the fourth.

The swings here are simulated with the law that this script finds in a recording of a
real pendulum (github.com/dynamicslab/MultiArm-Pendulum, single pendulum). Set
``SKGEO_PENDULUM`` to that file to use the recording itself.
"""

import os
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp
from sklearn.base import BaseEstimator, TransformerMixin

from skgeo.dynamics import MEDIDA, WeakLibrary

dt = 0.004


def law(gravity, coulomb=0.0, viscous=0.0, quadratic=0.0):
    """Tendency of angle (0 = hanging) and velocity."""

    def rate(_, state):
        a, w = state
        # A hundredth of a radian per second smooths the jump of dry friction.
        friction = coulomb * np.tanh(w / 0.01) + viscous * w + quadratic * w * abs(w)
        return [w, -gravity * np.sin(a) - friction]

    return rate


def swing(rate, start, n):
    times = dt * np.arange(n)
    return solve_ivp(rate, (0, times[-1]), start, "LSODA", times, rtol=1e-8).y.T


path = os.environ.get("SKGEO_PENDULUM")
if path:
    with np.load(path) as data:
        swings = [data[f"swing{i}"].T[:: round(dt / 0.001)] for i in range(4)]
    swings = [s - [np.pi, 0.0] for s in swings]
else:
    rng, state, swings = np.random.default_rng(0), np.array([-1.62, 2.99]), []
    for _ in range(4):
        clean = swing(law(64.05, 0.15, 0.0, 0.0044), state, 2292)
        state = clean[-1]
        swings.append(clean + rng.standard_normal(clean.shape) * [2e-5, 5e-4])

# %%
# Gravity, from the acceleration, in weak form over windows of 0.4 s: one swing after
# the other.


class Terms(TransformerMixin, BaseEstimator):
    """Named functions of angle, velocity and energy."""

    FUNCTIONS = {
        "sin a": lambda a, w, _: np.sin(a),
        "cos a": lambda a, w, _: np.cos(a),
        "w": lambda a, w, _: w,
        "|w|": lambda a, w, _: np.abs(w),
        "w^2": lambda a, w, _: w**2,
        "|w|^3": lambda a, w, _: np.abs(w) ** 3,
    }

    def __init__(self, names=("sin a",)):
        self.names = names

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        columns = X.T if X.shape[1] == 3 else (*X.T, None)
        return np.stack([self.FUNCTIONS[n](*columns) for n in self.names], axis=1)

    def get_feature_names_out(self, input_features=None):
        return np.array(self.names, dtype=object)


def fit(trajectories, names, duration):
    """Weak form; trajectories that do not follow one another are told apart."""
    X, y = (
        np.concatenate([U[a:b] for U in trajectories])
        for a, b in ((None, -1), (1, None))
    )
    library = WeakLibrary(Terms(names), duration=round(duration / dt) | 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MEDIDA(None, dt, library=library).fit(X, y)


gravity = []
for U in swings:
    medida = fit([U], ("sin a", "cos a", "w"), 0.4)
    gravity.append(-medida.coef_[1, 0])
    print(medida.equations(3, std=True)[1])
g = np.mean(gravity[:3])
print(f"gravity / length: {g:.2f} +- {np.std(gravity):.2f} 1/s^2 over swings", end="; ")
print(f"a length of {100 * 9.81 / g:.1f} cm")

# %%
# Friction, from the energy in windows of 4 s: Coulomb's takes ``|w|``, viscous ``w^2``,
# quadratic ``|w|^3``. Each combination, on each swing and on the first three together.

states = [np.column_stack([U, U[:, 1] ** 2 / 2 - g * np.cos(U[:, 0])]) for U in swings]
combinations = {
    "Coulomb": ("|w|",),
    "viscous": ("w^2",),
    "quadratic": ("|w|^3",),
    "Coulomb + viscous": ("|w|", "w^2"),
    "viscous + quadratic": ("w^2", "|w|^3"),
    "Coulomb + quadratic": ("|w|", "|w|^3"),
    "all three": ("|w|", "w^2", "|w|^3"),
}
place = {"|w|": "coulomb", "w^2": "viscous", "|w|^3": "quadratic"}


def friction(trajectories, names):
    # Least squares on the averages: which terms there are is what we compare.
    medida = fit(trajectories, names, 4.0)
    design, target = medida.weak_design_.matrices()
    return -np.linalg.lstsq(design, target[:, 2], rcond=None)[0]


errors, single = {}, {}
for name, terms in combinations.items():
    coef = friction(states[:3], terms)
    single[name] = np.array([friction([U], terms) for U in states])
    forecast = swing(
        law(g, **{place[n]: c for n, c in zip(terms, coef, strict=True)}),
        swings[3][0],
        len(swings[3]),
    )
    errors[name] = np.sqrt(np.mean((forecast[:, 0] - swings[3][:, 0]) ** 2))
    spread = ", ".join(
        f"{c:.4f} ({s.min():.4f} to {s.max():.4f})"
        for c, s in zip(coef, single[name].T, strict=True)
    )
    print(f"{name}: {spread}; forecast of the fourth swing off by {errors[name]:.3f}")

# %%
# Left: nine seconds of the fourth swing, forecast from its first sample. Right: what is
# determined, and what is not: the bars of the best laws hardly depend on the swing,
# those of all three together do.

best = min(errors, key=errors.get)
terms = combinations[best]
coef = friction(states[:3], terms)
shown = swing(
    law(g, **{place[n]: c for n, c in zip(terms, coef, strict=True)}),
    swings[3][0],
    len(swings[3]),
)
free = swing(law(g), swings[3][0], len(swings[3]))
time = dt * np.arange(len(shown))

fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
late = time > 7.5
axes[0].plot(time[late], free[late, 0], color="0.7", lw=1, label="no friction")
axes[0].plot(time[late], swings[3][late, 0], color="k", lw=3, label="measured")
axes[0].plot(time[late], shown[late, 0], color="tab:red", lw=1.5, label=best)
axes[0].set(xlabel="time (s)", ylabel="angle (rad)", title="The fourth swing, its end")
axes[0].set_ylim(-0.85, 1.3)
axes[0].legend(frameon=False, loc="upper left")
labels = list(errors)
axes[1].barh(
    labels,
    [errors[n] for n in labels],
    color=["tab:red" if n == best else "0.6" for n in labels],
)
for i, name in enumerate(labels):
    signs = np.sign(single[name])
    stable = (signs == signs[0]).all() and (signs > 0).all()
    text = "same signs in all swings" if stable else "changes sign between swings"
    axes[1].text(0.01 * max(errors.values()), i, text, va="center", fontsize=8)
axes[1].invert_yaxis()
axes[1].set(xlabel="error of the forecast (rad)", title="Friction laws")
plt.show()
