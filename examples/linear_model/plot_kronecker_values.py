"""
===================================================
Values that are products
===================================================

:class:`~skgeo.linear_model.KroneckerSBL` looks for codes on a product of index sets,
and leaves their values free. Where a signal goes through one stage after another the
values are products, too, of one gain per path of each stage. ``values="auto"`` asks the
data whether that is so, and then has far fewer numbers to estimate.
"""

# %%
# A channel over a reflecting surface
# -----------------------------------
# Three paths reach the surface and three leave it for the base station: nine codes, but
# six gains.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, mode_product


def fit(data, values):
    model = KroneckerSBL(
        data.factors, noise_variance=data.noise_variance, values=values
    ).fit(data.X)
    return model, model.transform(data.X, return_std=True)


data = make_irs_mimo(snr=8, random_state=0)
kept = np.ix_(*data.support)
true = data.codes.reshape(18, 18, 18)[kept].ravel()
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
for ax, values in zip(axes, ("free", "auto"), strict=True):
    model, (codes, std) = fit(data, values)
    found, spread = (a.reshape(18, 18, 18)[kept].ravel() for a in (codes, std))
    at = np.arange(len(true))
    ax.bar(at, np.abs(true), color="lightgray", label="true")
    ax.errorbar(at, np.abs(found), spread, fmt="o", capsize=3, label="found")
    ax.set(title=f'values="{values}": {model.values_}', xlabel="code in the support")
axes[0].set_ylabel("absolute value of the code")
axes[0].legend()
plt.show()

# %%
# The error of the channel
# ------------------------
# Six draws at each signal-to-noise ratio; lines are medians.


def error(data, codes):
    found = mode_product(codes.reshape(18, 18, 18), data.channel_factors)
    gap = np.sum(np.abs(found - data.channels[0]) ** 2, axis=(1, 2))
    return np.mean(gap / np.sum(np.abs(data.channels[0]) ** 2, axis=(1, 2)))


snr = (4, 10, 16)
errors = {"free": [], "auto": []}
for level in snr:
    draws = [make_irs_mimo(snr=level, random_state=seed) for seed in range(6)]
    for values, rows in errors.items():
        rows.append([error(data, fit(data, values)[1][0]) for data in draws])

fig, ax = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
for color, (values, rows) in zip(("C1", "C0"), errors.items(), strict=True):
    ax.semilogy(snr, np.median(rows, axis=1), color=color, label=f'values="{values}"')
    ax.semilogy(snr, rows, "o", color=color, alpha=0.4)
ax.set(
    xlabel="signal-to-noise ratio (dB)",
    ylabel="relative squared error of the channel",
    title="One gain per path of each hop",
)
ax.grid(alpha=0.3, which="both")
ax.legend()
plt.show()
for values, rows in errors.items():
    print(values, "mean error", np.mean(rows, axis=1).round(4))
