"""
Power of a source from covariances, a third of the targets spoiled
==================================================================

A target that is linear in the power of a few sources is a trace,
:math:`y = \\langle C, M \\rangle`, with C the covariance of a window and M of low rank.
Ratings are sometimes grossly wrong: here 30 % of the training targets are too high.
"""

# %%
# Windows
# -------
# Twelve channels mix twelve sources whose powers vary; the target is the power of the
# first source minus half of that of the second.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import HuberRegressor, RidgeCV
from sklearn.pipeline import make_pipeline

from skgeo.eeg import TangentMap
from skgeo.linear_model import RobustTraceRegressor

rng = np.random.default_rng(7)
mixing = rng.standard_normal((12, 12))
power = np.exp(rng.standard_normal((600, 12)))
signals = mixing @ (rng.standard_normal((600, 12, 100)) * np.sqrt(power)[:, :, None])
C = signals @ signals.swapaxes(1, 2) / 100
filters = np.linalg.inv(mixing)[:2]
clean = np.einsum("nij,ki,kj,k->n", C, filters, filters, [1.0, -0.5])

y = clean[:400].copy()
spoiled = rng.random(400) < 0.3
y[spoiled] += 10 * np.abs(rng.standard_normal(spoiled.sum()))

# %%
# Four regressions
# ----------------
# Ridge regression on tangent vectors is the usual choice for covariances. Huber's
# loss bounds the pull of outliers, but has 78 entries to estimate.

alphas = np.logspace(-6, 3, 10)
rows, columns = np.triu_indices(12)
half = C[:, rows, columns]

robust = RobustTraceRegressor(whiten=True).fit(C[:400], y)
huber = HuberRegressor(alpha=0.0, max_iter=10_000).fit(half[:400], y)
ridge = RidgeCV(alphas).fit(half[:400], y)
tangent = make_pipeline(TangentMap(), RidgeCV(alphas)).fit(C[:400], y)
predictions = {
    "robust trace": robust.predict(C[400:]),
    "Huber": huber.predict(half[400:]),
    "ridge": ridge.predict(half[400:]),
    "tangent space, ridge": tangent.predict(C[400:]),
}
truth = clean[400:]


def r2(prediction):
    return 1 - np.sum((truth - prediction) ** 2) / np.sum((truth - truth.mean()) ** 2)


print(f"rank {robust.rank_}, converged {robust.converged_}, "
      f"score {robust.robust_score_:.2f}")  # fmt: skip
print(f"spoiled targets flagged: {robust.outliers_[spoiled].mean():.0%}, "
      f"others: {robust.outliers_[~spoiled].mean():.0%}")  # fmt: skip

figure, axes = plt.subplots(
    1, 4, figsize=(11, 3), sharex=True, sharey=True, layout="constrained"
)
for axis, (name, prediction) in zip(axes, predictions.items(), strict=True):
    axis.plot(truth, prediction, ".", markersize=4)
    axis.plot([-4, 8], [-4, 8], color="0.6", linewidth=0.8)
    axis.set(title=f"{name}\nR² = {r2(prediction):.2f}", xlabel="true target")
axes[0].set(ylabel="prediction", xlim=(-4, 8), ylim=(-4, 14))
plt.show()

# %%
# Two signs say whether to trust the fit: two allowed ranks found the same model
# (``converged_``), and half of the targets are explained well (``robust_score_``
# above .5). Without them the fit warns.
