"""Time of block-Toeplitz coordinates and of dense geometry, by order.

``python -m benchmarks.eeg.bench_block_toeplitz [--quick]``, SKGEO_TEST_DATA set. From
the trials to the Gram matrix of the tangent vectors, 22 channels, CPU milliseconds a
trial. Accuracy of both is in ``eeg_accuracy_imagery`` and ``eeg_accuracy_ssvep``.
"""

import sys

import numpy as np

from benchmarks.common import interleaved, save
from benchmarks.eeg.recordings import session
from skgeo.eeg import AugmentedCovariances
from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._solvers.covariances import CovarianceSettings, toeplitz_blocks
from skgeo.utils.parallel import single_blas_thread


def dense(X, order, lag):
    """Gram matrix from dense covariances."""
    C = AugmentedCovariances(order, lag).fit_transform(X)
    S = riemann.riemann_mean(C).logs.dense().reshape(len(X), -1)
    return S @ S.T


def toeplitz(X, order, lag):
    """Gram matrix from reflection coefficients."""
    R = toeplitz_blocks(X, order, lag, CovarianceSettings(block_toeplitz=True))
    T = block_toeplitz.tangent(R, riemann.riemann_mean(R[:, 0]).x)
    return T @ T.T


def main(quick):
    """Run and save."""
    X, _ = session()
    X = X[:10] if quick else X[:40]
    rows = []
    for order in (2, 4) if quick else (2, 4, 8, 10):
        with single_blas_thread():
            grams, times = interleaved(
                {
                    "dense": lambda p=order: dense(X, p, 4),
                    "toeplitz": lambda p=order: toeplitz(X, p, 4),
                },
                repeat=1 if quick else 3,
            )
        ms = {name: 1e3 * t["cpu"] / len(X) for name, t in times.items()}
        upper = np.triu_indices(len(X), 1)
        pair = [
            (np.diagonal(G)[:, None] + np.diagonal(G) - 2 * G)[upper]
            for G in grams.values()
        ]
        rows.append(
            {
                "order": order,
                "dense_ms": ms["dense"],
                "block_toeplitz_ms": ms["toeplitz"],
                "ratio": ms["dense"] / ms["toeplitz"],
                "correlation_of_squared_distances": np.corrcoef(*pair)[0, 1],
            }
        )
    save("eeg_block_toeplitz", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
