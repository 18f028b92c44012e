"""Kuramoto-Sivashinsky: the published cases without noise, and with it.

    python -m benchmarks.dynamics.bench_ks [--quick]

Errors are those of all coefficients over the norm of the true ones, per cent, for
seeds that nothing was tuned on.
"""

import sys
import warnings

import numpy as np

from benchmarks.common import save, timed
from benchmarks.dynamics.common import CASES, TRUTH, row
from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import MEDIDA, EnsembleKalmanFilter, PDELibrary1D
from skgeo.linear_model import SparseBayesianRegressor


def published(seed, cases):
    """End evaluation, two-step model, ten pairs, coefficients below 0.1 cut."""
    before = make_observation_pairs(TRUTH, 10, dt=0.005, gap=10.0, random_state=seed).X
    X = TRUTH.step(before, 0.005, 5)
    y = TRUTH.step(X, 0.005, 5)
    for name in cases:
        model = KuramotoSivashinsky(**CASES[name])
        medida = MEDIDA(
            model.two_step_flow(0.005),
            0.005,
            library=PDELibrary1D(length=100.0, derivative="fd2"),
            regressor=SparseBayesianRegressor(
                fit_intercept=False, min_gain="selection", min_coef=0.1
            ),
            evaluate_at="end",
        ).fit(X, y, history=before)
        yield {"table": "published", "dt": 0.005, "seed": seed, "model": name} | row(
            medida, model
        )


def tangent(seed, cases, steps):
    """Default settings of the estimator."""
    for dt in steps:
        pairs = make_observation_pairs(TRUTH, 10, dt=dt, gap=10.0, random_state=seed)
        for name in cases:
            params = CASES[name]
            model = KuramotoSivashinsky(
                **params, dealias=params.get("hyperdiffusion") == 0.0
            )
            medida = MEDIDA(model.flow(dt, 5), dt, library=PDELibrary1D(length=100.0))
            head = {"table": "tangent", "dt": dt, "seed": seed, "model": name}
            try:
                medida.fit(pairs.X, pairs.y)
            except ValueError as problem:
                yield head | {"told": str(problem)[:90]}
                continue
            yield head | row(medida, model)


def noisy(seeds, steps, levels, cases, table, n_pairs=100):
    """All observations noisy; filter with a homogeneous background."""
    for dt in steps:
        clean = make_observation_pairs(TRUTH, n_pairs, dt=dt, gap=1.0, random_state=910)
        for noise in levels:
            std = noise * clean.X.std()
            for name in cases:
                model = KuramotoSivashinsky(**CASES[name])
                for seed in seeds:
                    rng = np.random.default_rng(seed)
                    X, y = (
                        Z + std * rng.standard_normal(Z.shape)
                        for Z in (clean.X, clean.y)
                    )
                    medida = MEDIDA(
                        model.flow(dt, 5),
                        dt,
                        library=PDELibrary1D(length=100.0),
                        assimilation=EnsembleKalmanFilter(std),
                    ).fit(X, y)
                    j = int(np.argmax(np.abs(medida.coef_[0])))
                    yield {
                        "table": table,
                        "dt": dt,
                        "noise": noise,
                        "seed": seed,
                        "model": name,
                        "std": float(medida.coef_std_[0, j]),
                        "snr": medida.diagnostics_["signal_to_noise"],
                    } | row(medida, model)


def end_to_end(noise=0.05):
    """Time of the whole fit, n = 100, step 0.05."""
    pairs = make_observation_pairs(
        TRUTH, 100, dt=0.05, gap=1.0, noise=noise, random_state=901
    )
    model = KuramotoSivashinsky(advection=0.0)
    medida = MEDIDA(
        model.flow(0.05, 5),
        0.05,
        library=PDELibrary1D(length=100.0),
        assimilation=EnsembleKalmanFilter(pairs.noise_std),
    )
    _, times = timed(lambda: medida.fit(pairs.X, pairs.y), repeat=2)
    return {"table": "end to end", "noise": noise} | times | row(medida, model)


def main(quick=False):
    warnings.simplefilter("ignore")
    cases = list(CASES)[:2] if quick else list(CASES)
    rows = [*published(800, cases)]
    rows += tangent(801, cases, (0.005, 0.05) if quick else (0.005, 0.05, 0.1, 0.2))
    three = ["no u u_x", "no u_xx", "+ .5 u_xxx"]
    if quick:
        rows += noisy((0,), (0.05,), (0.05,), three[:1], "noisy", n_pairs=20)
    else:
        rows += noisy(range(1000, 1010), (0.05,), (0.01, 0.05, 0.1), three, "noisy")
        rows += noisy(
            (1000,),
            (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
            (0.003, 0.01, 0.03, 0.1, 0.3),
            three[:2],
            "map",
        )
    rows.append(end_to_end())
    save("dynamics_ks", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
