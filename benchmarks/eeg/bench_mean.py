"""Riemannian mean by Newton's method against pyriemann's fixed point, by size.

``python -m benchmarks.eeg.bench_mean [--quick]``, SKGEO_TEST_DATA set. Augmented
covariances of real imagery trials; CPU milliseconds to a tolerance of 1e-8.
"""

import sys

import numpy as np
from pyriemann.geometry.mean import mean_riemann

from benchmarks.common import interleaved, save
from benchmarks.eeg.recordings import imagery
from skgeo.eeg import AugmentedCovariances
from skgeo.eeg._solvers.riemann import riemann_mean
from skgeo.utils.parallel import single_blas_thread


def main(quick):
    """Run and save."""
    rows = []
    sizes = [(9, 1, 1), (9, 2, 4), (22, 1, 1), (22, 2, 4), (22, 4, 4), (22, 6, 8)]
    for n_channels, order, lag in sizes[:3] if quick else sizes:
        X, _ = imagery(n_channels)
        for n_trials in (12, 45):
            C = AugmentedCovariances(order, lag).fit_transform(X[:n_trials])
            weight = np.random.default_rng(0).dirichlet(np.ones(n_trials))
            with single_blas_thread():
                _, times = interleaved(
                    {
                        "skgeo": lambda C=C: riemann_mean(C),
                        "pyriemann": lambda C=C: mean_riemann(C, tol=1e-8),
                    },
                    repeat=1 if quick else 5,
                )
                result = riemann_mean(C, weight)
                peer = mean_riemann(C, tol=1e-10, sample_weight=weight)
            M = np.linalg.inv(result.x.T @ result.x)
            cpu = {name: 1e3 * t["cpu"] for name, t in times.items()}
            rows.append(
                {
                    "dimension": n_channels * order,
                    "trials": n_trials,
                    "passes": result.n_iter,
                    "skgeo_ms": cpu["skgeo"],
                    "pyriemann_ms": cpu["pyriemann"],
                    "ratio": cpu["pyriemann"] / cpu["skgeo"],
                    "weighted_error": np.linalg.norm(M - peer) / np.linalg.norm(peer),
                }
            )
    save("eeg_mean", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
