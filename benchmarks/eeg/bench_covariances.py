"""Augmented covariances and tangent vectors: skgeo beside pyriemann and MOABB.

    python -m benchmarks.eeg.bench_covariances [--quick]

500 trials, 22 channels, 1001 samples, order 2, 4, 8, lag 4, one thread. skgeo and its
peers are timed in turn in one process; CPU seconds.
"""

import argparse

import numpy as np
from pyriemann.estimation import Covariances, TimeDelayCovariances
from pyriemann.tangentspace import TangentSpace

from benchmarks.common import interleaved, save
from skgeo.eeg import AugmentedCovariances, TangentMap
from skgeo.utils.parallel import single_blas_thread

LAG = 4


def signals(n_trials, n_channels, n_times, seed=0):
    """Mixed second-order autoregressive sources."""
    rng = np.random.default_rng(seed)
    e = rng.standard_normal((n_trials, n_channels, n_times + 100))
    for t in range(2, e.shape[-1]):
        e[:, :, t] += 1.6 * e[:, :, t - 1] - 0.8 * e[:, :, t - 2]
    mixing = rng.standard_normal((n_channels, n_channels))
    return np.ascontiguousarray(mixing @ e[:, :, 100:])


def moabb_route(order, estimator):
    """MOABB's AugmentedDataset and pyriemann's Covariances."""
    from moabb.pipelines.features import AugmentedDataset
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        AugmentedDataset(order=order, lag=LAG), Covariances(estimator=estimator)
    )


def relative(A, B):
    """Largest difference over the largest entry."""
    return float(np.abs(A - B).max() / np.abs(B).max())


def covariance_rows(X, orders, repeat):
    """Time covariances; the matrices of a peer must be ours."""
    rows = []
    for order in orders:
        delays = [LAG * i for i in range(1, order)]
        contests = {
            "TimeDelayCovariances": (
                "scm",
                "wrap",
                TimeDelayCovariances(delays, "scm"),
            ),
            "TimeDelayCovariances, OAS": (
                "oas",
                "wrap",
                TimeDelayCovariances(delays, "oas"),
            ),
            "AugmentedDataset + Covariances": (
                "scm",
                "moabb",
                moabb_route(order, "scm"),
            ),
        }
        for name, (estimator, edge, peer) in contests.items():
            ours = AugmentedCovariances(
                order, LAG, estimator=estimator, edge=edge, shrinkage=None
            )
            values, times = interleaved(
                {
                    "skgeo": lambda ours=ours: ours.fit_transform(X),
                    "peer": lambda peer=peer: peer.fit_transform(X, np.zeros(len(X))),
                },
                repeat=repeat,
            )
            rows.append(
                {
                    "what": "covariances",
                    "order": order,
                    "peer": name,
                    "skgeo_cpu_s": times["skgeo"]["cpu"],
                    "peer_cpu_s": times["peer"]["cpu"],
                    "ratio": times["peer"]["cpu"] / times["skgeo"]["cpu"],
                    "skgeo_first_cpu_s": times["skgeo"]["first_cpu"],
                    "relative_difference": relative(values["skgeo"], values["peer"]),
                }
            )
    return rows


def tangent_rows(X, orders, repeat):
    """Time fit_transform and transform of the tangent map."""
    rows = []
    for order in orders:
        C = AugmentedCovariances(order, LAG).fit_transform(X)
        values, times = interleaved(
            {
                "skgeo": lambda C=C: TangentMap().fit_transform(C),
                "peer": lambda C=C: TangentSpace().fit_transform(C),
            },
            repeat=repeat,
        )
        ours, theirs = TangentMap().fit(C), TangentSpace().fit(C)
        _, mapping = interleaved(
            {
                "skgeo": lambda C=C, ours=ours: ours.transform(C),
                "peer": lambda C=C, theirs=theirs: theirs.transform(C),
            },
            repeat=repeat,
        )
        rows.append(
            {
                "what": "tangent map",
                "order": order,
                "dimension": C.shape[1],
                "fit_transform_skgeo_cpu_s": times["skgeo"]["cpu"],
                "fit_transform_peer_cpu_s": times["peer"]["cpu"],
                "fit_transform_ratio": times["peer"]["cpu"] / times["skgeo"]["cpu"],
                "transform_ratio": mapping["peer"]["cpu"] / mapping["skgeo"]["cpu"],
                "passes": TangentMap().fit(C).n_iter_,
                "largest_difference": float(
                    np.abs(values["skgeo"] - values["peer"]).max()
                ),
            }
        )
    return rows


def main():
    """Run and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n_trials, orders = (20, (2,)) if quick else (500, (2, 4, 8))
    X = signals(n_trials, 22, 1001)
    with single_blas_thread():
        rows = covariance_rows(X, orders, 1 if quick else 5)
        rows += tangent_rows(X[: n_trials // 4], (1, *orders), 1 if quick else 3)
    save("eeg_covariances", rows, quick=quick, n_trials=n_trials, lag=LAG)


if __name__ == "__main__":
    main()
