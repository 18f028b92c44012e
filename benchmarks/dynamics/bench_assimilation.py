"""Filters: the usual Lorenz-96 table, a million components, one point in eight seen.

The published figures are those of DAPPER's ``mods/Lorenz96/sakov2008.py`` (root mean
square analysis errors; their inflation is of the spread, ours of the covariance).

python -m benchmarks.dynamics.bench_assimilation [--quick]
"""

import resource
import sys
import time
import warnings

import numpy as np

from benchmarks.common import save
from skgeo.datasets import KuramotoSivashinsky, Lorenz96, make_observation_pairs
from skgeo.dynamics import MEDIDA, EnsembleKalmanFilter, PDELibrary1D
from skgeo.exceptions import FilterDivergenceWarning

# Name, members, parameters, published error.
TABLE = [
    (
        "perturbed observations", 40,
        {"solver": "stochastic", "inflation": 1.06**2}, 0.22,
    ),
    (
        "perturbed observations", 28,
        {"solver": "stochastic", "inflation": 1.08**2}, 0.24,
    ),
    ("square root", 40, {"inflation": 1.01**2}, None),
    ("square root", 28, {"inflation": 1.02**2}, 0.18),
    ("square root", 24, {"inflation": 1.02**2}, 0.18),
    ("square root, adaptive", 24, {"inflation": "adaptive"}, 0.21),
    ("square root, rtps .3", 28, {"rtps": 0.3}, None),
    ("serial", 28, {"solver": "serial", "inflation": 1.02**2}, 0.18),
    ("local transform", 7, {"localization": 14.6, "inflation": 1.04**2}, 0.22),
    (
        "local serial", 7,
        {"solver": "serial", "localization": 21.8, "inflation": 1.07**2}, 0.23,
    ),
    ("local transform, adaptive", 7,
     {"localization": 14.6, "inflation": "adaptive"}, None),
]  # fmt: skip


def lorenz96(n_times, seeds):
    system = Lorenz96()
    model = system.flow(0.05, 1)
    for name, n_members, params, published in TABLE:
        errors, spreads, diverged, cpu = [], [], 0, 0.0
        for seed in seeds:
            rng = np.random.default_rng(seed)
            start = system.attractor_states(1, seed)[0]
            truth = system.trajectory(start, n_times, 0.05, 1)[1:]
            Y = truth + rng.standard_normal(truth.shape)
            initial = start + rng.standard_normal((n_members, 40))
            filter_ = EnsembleKalmanFilter(1.0, random_state=seed, **params)
            tick = time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = filter_.filter_trajectory(Y, model, initial=initial)
            cpu += time.process_time() - tick
            diverged += any(
                issubclass(w.category, FilterDivergenceWarning) for w in caught
            )
            late = slice(n_times // 4, None)
            # As published: the mean over time of the error at each time.
            gap = np.sqrt(np.mean((result.mean - truth)[late] ** 2, axis=1))
            errors.append(gap.mean())
            spreads.append(result.std[late].mean())
        yield {
            "case": "Lorenz-96, 40 sites, unit noise, every 0.05",
            "filter": name,
            "members": n_members,
            "rmse": float(np.median(errors)),
            "worst": float(np.max(errors)),
            "spread": float(np.median(spreads)),
            "published": published,
            "divergence_warnings": f"{diverged} of {len(seeds)}",
            "ms_per_cycle": 1e3 * cpu / (len(seeds) * n_times),
        }


def million(side, n_members=50):
    rng = np.random.default_rng(0)
    # Smooth members: sums of plane waves.
    y, x = np.mgrid[:side, :side] * (2 * np.pi / side)
    E = np.zeros((n_members, side * side))
    for row in E:
        for _ in range(6):
            k = rng.integers(1, side // 20, 2)
            row += np.cos(k[0] * x + k[1] * y + rng.uniform(0, 6.3)).ravel()
    truth, E = E[0].copy(), E[1:]
    seen = np.arange(0, side * side, 4)
    obs = truth[seen] + 0.5 * rng.standard_normal(len(seen))
    filter_ = EnsembleKalmanFilter(
        0.5,
        solver="serial",
        obs_operator=seen,
        localization=5.0,
        grid_shape=(side, side),
    )
    EnsembleKalmanFilter(1.0, solver="serial", localization=2.0).analysis(
        E[:, :30], obs[:30]
    )  # compile
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tick = time.process_time()
    mean, _ = filter_.analysis(E, obs)
    yield {
        "case": f"state of {side * side}, {len(seen)} observations, local",
        "filter": "local serial",
        "members": n_members - 1,
        "rmse": float(np.sqrt(np.mean((mean - truth) ** 2))),
        "rmse_before": float(np.sqrt(np.mean((E.mean(axis=0) - truth) ** 2))),
        "cpu_s": time.process_time() - tick,
        "ensemble_gib": E.nbytes / 2**30,
        "more_memory_gib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        / 2**20,
    }


def sparse_observations(seeds):
    """One grid point in eight, with 1 % noise; the background interpolates."""
    system = KuramotoSivashinsky(128, 22.0)
    climate = make_observation_pairs(
        system, 400, dt=0.05, n_trajectories=40, random_state=2
    ).X
    for params, name, value in (
        ({"diffusion": 0.0}, "u_xx", -1.0),
        ({"advection": 0.5}, "u u_x", -0.5),
        ({"diffusion": 0.5}, "u_xx", -0.5),
    ):
        errors, exact = [], 0
        for seed in seeds:
            pairs = make_observation_pairs(
                system, 120, dt=0.05, n_trajectories=12, random_state=10 + seed
            )
            seen = np.arange(0, 128, 8)
            rng = np.random.default_rng(seed)
            sd = 0.01 * pairs.X.std()
            X, y = (
                Z[:, seen] + sd * rng.standard_normal((len(Z), len(seen)))
                for Z in (pairs.X, pairs.y)
            )
            model = KuramotoSivashinsky(128, 22.0, **params).flow(0.05, 5)
            filter_ = EnsembleKalmanFilter(sd, background=climate, obs_operator=seen)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                medida = MEDIDA(
                    model, library=PDELibrary1D(length=22.0), assimilation=filter_
                ).fit(X, y)
            found = dict(zip(medida.feature_names_, medida.coef_[0], strict=True))
            exact += {k for k, c in found.items() if c} == {name}
            gap = [c - (value if k == name else 0.0) for k, c in found.items()]
            errors.append(100 * np.linalg.norm(gap) / np.sqrt(3))
        yield {
            "case": "Kuramoto-Sivashinsky, 1 point in 8 observed, 1 % noise",
            "filter": str(params),
            "members": len(climate),
            "exact": f"{exact} of {len(seeds)}",
            "error_percent": float(np.median(errors)),
            "worst_error_percent": float(np.max(errors)),
        }


def main(quick=False):
    rows = list(lorenz96(400 if quick else 1500, range(1 if quick else 4)))
    rows += sparse_observations(range(1 if quick else 3))
    rows += million(200 if quick else 1000)
    save("dynamics_assimilation", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
