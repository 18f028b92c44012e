"""
===================================================
Channel estimation over a reflecting surface
===================================================

A mobile station reaches a base station by way of an intelligent reflecting surface.
Few angles matter on each hop, so that the received pilots are a Kronecker-structured
dictionary times a code that is zero outside a product of three small sets of angles.
:class:`~skgeo.linear_model.KroneckerSBL` finds the sets, and the gains in them,
by maximising the evidence.
"""

# %%
# One channel, and the angles it uses
# -----------------------------------
# The published set-up has 288 measurements and 18 x 18 x 18 = 5832 unknowns.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, mode_product

data = make_irs_mimo(snr=8.0, random_state=4)
model = KroneckerSBL(data.factors, noise_variance=data.noise_variance).fit(data.X)
codes = model.transform(data.X)

for name, found, true in zip(
    ("surface", "station", "base"), model.support_, data.support, strict=True
):
    print(f"{name:8s} true {true.tolist()}  found {found.tolist()}")

# %%
# Angles at the surface against angles at the base station, at the station's angle of
# departure: the true gains, matched filtering (what the dictionary's adjoint sees)
# and the posterior mean.

departure = data.support[1][0]
adjoint = [H.conj().T for H in data.factors]
matched = mode_product(data.X.reshape(6, 3, 16), adjoint)
pictures = {
    "true gains": data.codes.reshape(18, 18, 18),
    "matched filter": matched,
    "KroneckerSBL": codes.reshape(18, 18, 18),
}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
for ax, (title, tensor) in zip(axes, pictures.items(), strict=True):
    size = np.abs(tensor[:, departure, :])
    image = ax.imshow(size / size.max(), cmap="magma_r", origin="lower", vmin=0, vmax=1)
    ax.set(title=title, xlabel="angle index at the base station")
axes[0].set_ylabel("angle index at the surface")
fig.colorbar(image, ax=axes, label="|gain| / largest", shrink=0.9)
fig.suptitle("Angular support at 8 dB")

# %%
# Error against signal-to-noise ratio
# -----------------------------------
# Mean error of the channel over a few trials (the benchmark ``bench_irs_mimo`` runs
# fifty), beside the published means over fifty other draws of the same set-up. PC is
# the published block-sparse variant, which is told that angles come in blocks;
# KroneckerSBL is not.

snr = np.array([4, 8, 12, 16, 20])
published = {
    "SVD-KroSBL": [0.609, 0.305, 0.194, 0.123, 0.105],
    "AM-KroSBL": [0.714, 0.321, 0.197, 0.139, 0.070],
    "PC-KroSBL": [0.312, 0.132, 0.049, 0.0089, 0.0029],
    "classical SBL": [0.953, 0.724, 0.463, 0.228, 0.144],
}


def channel_error(snr, seed):
    data = make_irs_mimo(snr=snr, random_state=100 + seed)
    model = KroneckerSBL(data.factors, noise_variance=data.noise_variance)
    codes = model.fit(data.X).transform(data.X).reshape(18, 18, 18)
    gap = np.abs(mode_product(codes, data.channel_factors) - data.channels[0]) ** 2
    return np.sum(gap) / np.sum(np.abs(data.channels[0]) ** 2)


errors = np.array([[channel_error(level, seed) for seed in range(6)] for level in snr])

fig, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
for (name, values), style in zip(published.items(), ("s", "D", "^", "o"), strict=True):
    ax.semilogy(snr, values, style, ls="--", lw=1, ms=5, label=f"{name} (published)")
ax.semilogy(
    snr, errors.mean(axis=1), "k", marker="*", ms=10, lw=2, label="KroneckerSBL"
)
ax.semilogy(
    np.repeat(snr, errors.shape[1]), errors.ravel(), "k.", ms=3, alpha=0.5,
    label="its single trials",
)  # fmt: skip
ax.set(
    xlabel="signal-to-noise ratio (dB)",
    ylabel="normalised error of the channel",
    title="Channel estimation, 288 measurements of 5832 unknowns",
    xticks=snr,
)
ax.grid(alpha=0.3, which="both")
ax.legend(fontsize=8)
plt.show()
