"""
From a hundred points to a hundred thousand
===========================================

:class:`skgeo.cluster.SDPKMeans` solves the semidefinite relaxation where it must and
avoids it where it can. How time grows with n, and what the bound is worth.
"""

# %%
# Two regimes: clusters far apart, which the closed-form certificate proves, and
# overlapping ones, where up to ``max_dense`` points the relaxation is solved and above
# it a sample stands for the data while the bound is computed on all points.

import time

import matplotlib.pyplot as plt
import numpy as np

from skgeo.cluster import SDPKMeans
from skgeo.datasets import make_gaussian_clusters

SDPKMeans(2, random_state=0).fit(
    np.random.default_rng(0).normal(size=(40, 2))
)  # compile
sizes = np.array([100, 200, 400, 1000, 3000, 10_000, 30_000, 100_000])
curves = {}
for separation, name in ((11.0, "far apart (11 sd)"), (4.0, "overlapping (4 sd)")):
    for n in sizes:
        X, _ = make_gaussian_clusters(
            n, 4, 10, separation=separation, random_state=int(n)
        )
        start = time.process_time()
        model = SDPKMeans(4, n_init=3, max_dense=400, n_cells=150, random_state=0)
        model.fit(X)
        seconds = time.process_time() - start
        curves.setdefault(name, []).append((seconds, model.gap_, model.solver_))
        print(
            f"{name:20s} n={n:7d} {seconds:6.2f} s  gap {model.gap_:.1e} "
            f"{model.solver_:7s} {model.verdict_}"
        )

# %%
# The step in the time of the overlapping clusters is the change from the dense solver
# to sample and bound; the gap widens there because the bound is no longer that of the
# relaxation.

markers = {"kmeans": "o", "dense": "s", "sketch": "^"}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, points in curves.items():
    seconds, gaps, solvers = zip(*points, strict=True)
    gaps = np.maximum(gaps, 1e-12)
    (line,) = left.loglog(sizes, seconds, label=name)
    right.loglog(sizes, gaps, color=line.get_color(), label=name)
    for axis, values in ((left, seconds), (right, gaps)):
        for n, value, solver in zip(sizes, values, solvers, strict=True):
            axis.plot(n, value, markers[solver], color=line.get_color())
for solver, marker in markers.items():
    words = {"kmeans": "certificate alone", "dense": "relaxation", "sketch": "sample"}
    right.plot([], [], marker, color="gray", label=words[solver])
left.set(xlabel="points", ylabel="CPU time [s]", title="time of fit")
right.set(xlabel="points", ylabel="1 - bound / inertia", title="proven gap")
left.legend()
right.legend(loc="center right")
plt.show()
