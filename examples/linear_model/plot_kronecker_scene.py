"""
===================================================
A spectral scene with half of its entries missing
===================================================

A hyperspectral scene is an image for each of many bands. Its maps are smooth, and it
holds few materials of a known library. So it is sparse in a Kronecker dictionary:
cosines over rows and columns, times the spectra of the library.
:class:`~skgeo.linear_model.KroneckerSBL` looks at all pixels and bands at once, with
gaps wherever they are; the usual unmixing goes pixel by pixel.
"""

# %%
# A synthetic scene
# -----------------
# Four of 24 materials, 16 x 16 pixels and 30 bands; half of the entries are missing at
# random, and the noise is a tenth of the signal.

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import idct
from scipy.optimize import nnls
from sklearn.linear_model import Lasso, OrthogonalMatchingPursuit

from skgeo.linear_model import KroneckerSBL

rng = np.random.default_rng(3)
n_pixels, n_bands, n_library = 16, 30, 24
band = np.linspace(0, 1, n_bands)
centers, widths = rng.random((n_library, 4)), rng.uniform(0.03, 0.15, (n_library, 4))
heights = rng.uniform(0.2, 1.0, (n_library, 4))
bumps = np.exp(-0.5 * ((band[:, None, None] - centers) / widths) ** 2)
library = (bumps * heights).sum(axis=2)  # (n_bands, n_library)

materials = [2, 7, 11, 19]
row, column = np.mgrid[0:1:16j, 0:1:16j]
maps = np.zeros((n_pixels, n_pixels, n_library))
for material, (a, b) in zip(
    materials, [(0.2, 0.3), (0.7, 0.2), (0.4, 0.8), (0.9, 0.9)], strict=True
):
    maps[..., material] = np.exp(-((row - a) ** 2 + (column - b) ** 2) / 0.12)
clean = maps @ library.T
noise = 0.1 * np.sqrt(np.mean(clean**2))
scene = clean + noise * rng.standard_normal(clean.shape)
missing = rng.random(scene.shape) < 0.5
scene[missing] = np.nan

# %%
# All at once
# -----------
# The tensor of measurements is one row; which materials and which cosines are in use,
# and the noise, are learned.

cosines = idct(np.eye(n_pixels), axis=0, norm="ortho")
model = KroneckerSBL([cosines, cosines, library], solver="mm", tol=1e-3)
filled, std = model.fit(scene[np.newaxis]).reconstruct(
    scene[np.newaxis], return_std=True
)
pictures = {"KroneckerSBL": filled.reshape(scene.shape)}
print("materials kept:", model.support_[2].tolist(), " in the scene:", materials)

# %%
# Pixel by pixel
# --------------
# Non-negative least squares, orthogonal matching pursuit with the right number of
# materials and the lasso, each on the bands that a pixel has. The weight of the lasso
# is the best of six on the clean scene, which is not available in practice.


def by_pixel(solve):
    out = np.empty_like(scene)
    for i in range(n_pixels):
        for j in range(n_pixels):
            here = ~missing[i, j]
            out[i, j] = library @ solve(library[here], scene[i, j, here])
    return out


def pursuit(A, y):
    model = OrthogonalMatchingPursuit(n_nonzero_coefs=4, fit_intercept=False)
    return model.fit(A, y).coef_


def lasso(alpha):
    model = Lasso(alpha=alpha, fit_intercept=False, positive=True, max_iter=5000)
    return lambda A, y: model.fit(A, y).coef_


def error(picture):
    return np.sum((picture - clean)[missing] ** 2) / np.sum(clean[missing] ** 2)


pictures["least squares, non-negative"] = by_pixel(lambda A, y: nnls(A, y)[0])
pictures["matching pursuit"] = by_pixel(pursuit)
pictures["lasso, best weight"] = min(
    (by_pixel(lasso(alpha)) for alpha in 10.0 ** np.arange(-5, 1)), key=error
)

errors = {name: error(picture) for name, picture in pictures.items()}
for name, value in errors.items():
    print(f"{name:28s} error of the missing entries {value:.4f}")

# %%
# The posterior standard deviation says how far off a filled entry may be.

fig, axes = plt.subplots(1, 4, figsize=(13, 3.2), layout="constrained")
limits = {"vmin": 0, "vmax": clean[..., 10].max(), "cmap": "viridis"}
for ax, (title, image) in zip(
    axes,
    {
        "band 10, measured": scene[..., 10],
        "filled by KroneckerSBL": pictures["KroneckerSBL"][..., 10],
        "without noise or gaps": clean[..., 10],
    }.items(),
    strict=False,
):
    shown = ax.imshow(image, **limits)
    ax.set(title=title, xticks=[], yticks=[])
fig.colorbar(shown, ax=axes[:3], shrink=0.8, label="signal")
axes[3].barh(list(errors), list(errors.values()), color="tab:blue")
axes[3].set(xscale="log", xlabel="error of the missing entries", title="all bands")
axes[3].invert_yaxis()
plt.show()

ratio = (pictures["KroneckerSBL"] - clean) / std.reshape(scene.shape)
print("errors over their stated size, root mean square:", np.sqrt(np.mean(ratio**2)))
