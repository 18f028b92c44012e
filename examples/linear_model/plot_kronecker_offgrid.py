"""
===================================================
Angles between the points of a grid
===================================================

A dictionary on a grid can only answer with grid points: an angle between two of them
leaks into both, and the error stays, however good the data are. A factor that is a
function of angles, :class:`~skgeo.linear_model.SteeringFactor`, lets
:class:`~skgeo.linear_model.KroneckerSBL` move the points to where the evidence is
highest.
"""

# %%
# Two waves in each mode of a planar array
# ----------------------------------------
# One snapshot of 8 x 10 sensors; cosines of the angles are -0.43 and 0.31 in the first
# mode, -0.12 and 0.52 in the second, with four free complex gains. The grid has 12
# points in each mode, a sixth apart.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.linear_model import KroneckerSBL, SteeringFactor

grid = np.linspace(-1, 1, 12, endpoint=False)
factors = [SteeringFactor(range(8), grid), SteeringFactor(range(10), grid)]
cosines = [np.array([-0.43, 0.31]), np.array([-0.12, 0.52])]
columns = [f(u) for f, u in zip(factors, cosines, strict=True)]


def measure(snr, seed):
    rng = np.random.default_rng(seed)
    gains = np.exp(2j * np.pi * rng.random((2, 2)))
    clean = (columns[0] @ gains @ columns[1].T).ravel()
    noise = np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10)
    error = (rng.standard_normal(80) + 1j * rng.standard_normal(80)) / np.sqrt(2)
    return gains, (clean + np.sqrt(noise) * error)[np.newaxis], noise


gains, X, noise = measure(20, 0)
model = KroneckerSBL(factors, noise_variance=noise).fit(X)
for points, kept, true in zip(model.points_, model.support_, cosines, strict=True):
    print("true", true, " found", np.sort(points[kept]).round(4))

# %%
# Error beside the Cramer-Rao bound
# ---------------------------------
# No unbiased estimate of the cosines has a smaller variance than the bound, which knows
# the number of waves. Points are root mean squares over four draws.


def bound(gains, noise):
    slopes = [f.derivative(u) for f, u in zip(factors, cosines, strict=True)]
    parts = [np.outer(slopes[0][:, j], columns[1] @ gains[j]).ravel() for j in range(2)]
    parts += [
        np.outer(columns[0] @ gains[:, j], slopes[1][:, j]).ravel() for j in range(2)
    ]
    waves = [np.outer(a, b).ravel() for a in columns[0].T for b in columns[1].T]
    jacobian = np.array(parts + waves + [1j * w for w in waves]).T
    fisher = 2 / noise * (jacobian.conj().T @ jacobian).real
    return np.diag(np.linalg.inv(fisher))[:4]


def nearest(points, true):
    return np.array([np.abs(points - u).min() ** 2 for u in true])


snr = np.array([0, 10, 20, 30])
rows = {"off the grid": [], "on the grid": [], "Cramer-Rao bound": []}
for level in snr:
    sums = {name: [] for name in rows}
    for seed in range(4):
        gains, X, noise = measure(level, seed)
        moved = KroneckerSBL(factors, noise_variance=noise).fit(X)
        fixed = KroneckerSBL([f(grid) for f in factors], noise_variance=noise).fit(X)
        for name, points, fit in (
            ("off the grid", moved.points_, moved),
            ("on the grid", [grid, grid], fixed),
        ):
            kept = [p[s] for p, s in zip(points, fit.support_, strict=True)]
            sums[name].append(
                np.concatenate([nearest(*z) for z in zip(kept, cosines, strict=True)])
            )
        sums["Cramer-Rao bound"].append(bound(gains, noise))
    for name, values in sums.items():
        rows[name].append(np.sqrt(np.mean(values)))

fig, ax = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
for (name, values), style in zip(rows.items(), ("o-", "s--", "k:"), strict=True):
    ax.semilogy(snr, values, style, label=name)
ax.set(
    xlabel="signal-to-noise ratio (dB)",
    ylabel="root mean square error of the cosines",
    title="Two waves per mode, one snapshot of an 8 x 10 array",
)
ax.grid(alpha=0.3, which="both")
ax.legend()
plt.show()
