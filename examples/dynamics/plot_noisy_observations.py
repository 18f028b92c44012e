"""
Noisy observations, with and without the filter
===============================================

All states are observed with noise of 5 % of their variability.  Derivatives of
order four amplify it, and without a filter the equation comes out wrong.  An ensemble
Kalman filter with a homogeneous background removes most of the noise; what it leaves
does no harm, because increments and terms are compared in the modes it sees well.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import MEDIDA, EnsembleKalmanFilter, PDELibrary1D

truth = KuramotoSivashinsky()
imperfect = KuramotoSivashinsky(advection=0.0)
dt = 0.05
pairs = make_observation_pairs(truth, 60, dt=dt, noise=0.05, random_state=1)

# %%
# The filter needs no tuning: the spectrum of the observations says which part of them
# is signal.  If ``obs_noise`` is left out, it is estimated from the flat end of the
# spectrum.

filter_ = EnsembleKalmanFilter().fit(np.concatenate([pairs.X, pairs.y]))
print(f"noise: true {pairs.noise_std:.4f}, estimated {filter_.obs_noise_std_:.4f}")
analysis = filter_.transform(pairs.X)

# %%
# With and without it.

library = PDELibrary1D(length=100.0)
model = imperfect.flow(dt, 5)
fits = {}
for name, used in (("no filter", None), ("with filter", EnsembleKalmanFilter())):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits[name] = MEDIDA(model, dt, library=library, assimilation=used)
        fits[name].fit(pairs.X, pairs.y)
    print(f"{name}: number of terms {fits[name].n_terms_}")
print(fits["with filter"].equations(std=True)[0])

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
x = truth.grid
part = slice(0, 300)
axes[0].plot(x[part], pairs.X[0, part], ".", color="0.6", ms=4, label="observed")
axes[0].plot(x[part], pairs.X_clean[0, part], "k", lw=2.5, label="true")
axes[0].plot(x[part], analysis[0, part], color="tab:red", label="analysis")
axes[0].set(xlabel="position x", ylabel="u", title="One state")
axes[0].legend(frameon=False)

k = 2 * np.pi * np.fft.rfftfreq(1024, 100 / 1024)
for states, color, label in (
    (pairs.X, "0.6", "observed"),
    (pairs.X_clean, "k", "true"),
    (analysis, "tab:red", "analysis"),
):
    power = np.mean(np.abs(np.fft.rfft(states)) ** 2, axis=0) / 1024
    axes[1].semilogy(k[1:], power[1:], color=color, label=label)
axes[1].set(
    xlim=(0, 5),
    ylim=(1e-8, 1e3),
    xlabel="wavenumber",
    ylabel="power",
    title="Spectrum",
)
axes[1].legend(frameon=False)

# %%
# All 24 coefficients. The true one is -1 for ``u u_x`` and zero elsewhere.

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
names = fits["with filter"].feature_names_
rows = np.arange(len(names))
for ax, (name, fit) in zip(axes, fits.items(), strict=True):
    ax.barh(rows, fit.coef_[0], color="tab:blue", height=0.6)
    j = names.index("u u_x")
    ax.plot(-1.0, j, "k|", ms=16, mew=2, label="true")
    ax.axvline(0, color="0.5", lw=0.8)
    ax.set(title=f"{name}, terms: {fit.n_terms_}", xlabel="coefficient")
    ax.set_xscale("symlog", linthresh=0.1)
axes[0].set_yticks(rows, names, fontsize=8)
axes[0].invert_yaxis()
axes[1].legend(frameon=False, loc="lower right")
plt.show()
