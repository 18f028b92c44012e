"""
A dictionary that forms while the stream flows
==============================================

Rows arrive a few at a time, each a sparse combination of 16 unknown orthonormal atoms.
:class:`~skgeo.decomposition.OnlineOrthogonalDictionary` finds the atoms while the rows
pass, and keeps rows only as long as it has not.
"""

# %%
# The stream
# ----------
# Codes are zero with probability 0.8 and standard normal otherwise.

import matplotlib.pyplot as plt
import numpy as np

from skgeo.decomposition import OnlineOrthogonalDictionary

n = 16
rng = np.random.default_rng(0)
atoms = np.linalg.qr(rng.standard_normal((n, n)))[0]


def rows(n_rows, dictionary=atoms):
    codes = rng.standard_normal((n_rows, n)) * (rng.random((n_rows, n)) < 0.2)
    return codes @ dictionary


def err4(learned, true):
    return 1 - np.sum((learned @ true.T) ** 4) / n


# %%
# Learning
# --------
# Chunks may have any size: rows wait until a batch is full, and the result depends on
# the rows alone. Learned atoms, in rows, are put in the order of the true atoms they
# overlap most at the end; a bright diagonal means that they agree up to signs.

model = OnlineOrthogonalDictionary(batch_size=64, random_state=1)
frames, seen, error = {}, [], []
while not seen or seen[-1] < 16_000:
    model.partial_fit(rows(int(rng.integers(1, 60))))
    seen.append(model.n_samples_seen_)
    error.append(err4(model.components_, atoms))
    for mark in (100, 400, 600, 2000):
        if mark not in frames and seen[-1] >= mark:
            frames[mark] = np.abs(model.components_ @ atoms.T)

order = np.argmax(np.abs(model.components_ @ atoms.T), axis=1).argsort()
fig, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
for ax, (mark, overlap) in zip(axes, frames.items(), strict=True):
    image = ax.imshow(overlap[order], vmin=0, vmax=1, cmap="magma")
    ax.set(title=f"{mark} rows", xlabel="true atom", xticks=[], yticks=[])
axes[0].set_ylabel("learned atom")
fig.colorbar(image, ax=axes, label="|cosine|", shrink=0.85)
fig.suptitle("Overlap of learned and true atoms")
plt.show()

# %%
# Error against samples
# ---------------------
# The error err4 is one minus the mean fourth power of the overlaps: zero at the true
# dictionary, about :math:`1 - 3/n` for a random one.

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(seen, error)
for mark in frames:
    ax.axvline(mark, color="0.8", lw=1, zorder=0)
ax.set(
    xlabel="rows seen",
    ylabel="error of the atoms (err4)",
    title="One pass over the stream",
)
plt.show()

# %%
# When the dictionary changes
# ---------------------------
# Steps that decay converge, but when the gap rises far above what noise explains, the
# dictionary counts as lost and is looked for anew. ``step="constant"`` never stops
# forgetting: it also follows slow changes, which raise no alarm, and its error stays
# larger.

other = np.linalg.qr(rng.standard_normal((n, n)))[0]
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for step in ("decay", "constant"):
    model = OnlineOrthogonalDictionary(step=step, batch_size=64, random_state=1)
    seen, error = [], []
    for truth in (atoms, other):
        for _ in range(200):
            model.partial_fit(rows(40, truth))
            seen.append(model.n_samples_seen_)
            error.append(err4(model.components_, truth))
    ax.semilogy(seen, error, label=f'step="{step}"')
ax.axvline(8000, color="0.6", ls=":")
ax.annotate("dictionary replaced", (8000, 1.2), ha="center", va="bottom", color="0.3")
ax.set(xlabel="rows seen", ylabel="error of the atoms (err4)", ylim=(3e-4, 3))
ax.legend()
plt.show()
