"""Analysis of the ensemble Kalman filter: ensemble space against dense matrices.

    python -m benchmarks.dynamics.bench_filter [--quick]

The dense form builds the covariance, inverts its sum with that of the observations
and multiplies, for the mean (one solve) or for all members.
"""

import sys

import numpy as np
import scipy.linalg

from benchmarks.common import interleaved, save
from skgeo.datasets import Lorenz96
from skgeo.dynamics import EnsembleKalmanFilter


def dense_mean(E, y, std):
    """Mean by covariance and one Cholesky solve."""
    mean = E.mean(axis=0)
    A = E - mean
    B = A.T @ A / (len(E) - 1)
    S = B.copy()
    S[np.diag_indices_from(S)] += std**2
    factor = scipy.linalg.cho_factor(S, lower=True, overwrite_a=True)
    return mean + B @ scipy.linalg.cho_solve(factor, y - mean)


def dense_members(E, y, std, rng):
    """All members by the explicit gain, as published codes do."""
    A = E - E.mean(axis=0)
    B = A.T @ A / (len(E) - 1)
    K = B @ np.linalg.inv(B + std**2 * np.eye(len(B)))
    E = E + (y + std * rng.standard_normal(E.shape) - E) @ K.T
    return E.mean(axis=0)


def speed(M, N, repeat):
    rng = np.random.default_rng(0)
    waves = rng.standard_normal((N, 60)) / np.arange(1, 61)
    x = np.linspace(0, 2 * np.pi, M, endpoint=False)
    E = waves @ np.cos(np.outer(np.arange(1, 61), x)) + 0.1 * rng.standard_normal(
        (N, M)
    )
    y = E[0] + 0.05 * rng.standard_normal(M)
    filter_ = EnsembleKalmanFilter(0.05)
    values, times = interleaved(
        {
            "ensemble": lambda: filter_.analysis_mean(E, y),
            "ensemble_members": lambda: filter_.analysis(E, y)[0],
            "dense_mean": lambda: dense_mean(E, y, 0.05),
            "dense_members": lambda: dense_members(E, y, 0.05, rng),
        },
        repeat=repeat,
    )
    row = {"table": "speed", "M": M, "N": N}
    row |= {f"{key}_ms": 1e3 * t["cpu"] for key, t in times.items()}
    row["ratio_mean"] = times["dense_mean"]["cpu"] / times["ensemble"]["cpu"]
    row["ratio_dense"] = times["dense_members"]["cpu"] / times["ensemble"]["cpu"]
    difference = values["ensemble"] - values["dense_mean"]
    row["difference"] = float(np.abs(difference).max())
    return row


def lorenz96(n_times):
    """Analysis errors where well-tuned filters are known to reach about 0.2."""
    rng = np.random.default_rng(7)
    system = Lorenz96()
    truth = system.trajectory(system.attractor_states(1, 7)[0], n_times, 0.05)[1:]
    Y = truth + rng.standard_normal(truth.shape)
    for name, n_members, params in (
        ("etkf", 40, {"inflation": 1.04}),
        ("stochastic", 60, {"solver": "stochastic", "inflation": 1.15}),
        ("local etkf", 10, {"localization": 14.0, "inflation": 1.08}),
        (
            "local stochastic",
            20,
            {"solver": "stochastic", "localization": 14.0, "inflation": 1.15},
        ),
    ):
        initial = truth[0] + rng.standard_normal((n_members, 40))
        filter_ = EnsembleKalmanFilter(1.0, random_state=0, **params)
        result = filter_.filter_trajectory(Y, system.flow(0.05), initial=initial)
        half = n_times // 4
        error = np.sqrt(np.mean((result.mean - truth)[half:] ** 2))
        yield {
            "table": "Lorenz-96",
            "filter": name,
            "members": n_members,
            "rmse": float(error),
            "spread": float(np.sqrt(np.mean(result.std[half:] ** 2))),
            "innovation_ratio": float(result.innovation_variance_ratio[half:].mean()),
        }


def main(quick=False):
    sizes = ((256, 32),) if quick else ((1024, 32), (1024, 128), (1024, 512))
    rows = [speed(M, N, 2 if quick else 7) for M, N in sizes]
    rows += lorenz96(200 if quick else 2000)
    save("dynamics_filter", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
