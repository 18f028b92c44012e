"""Closures that remember: two-scale Lorenz-96, trajectories not seen in training.

python -m benchmarks.dynamics.bench_memory [--quick]
"""

import sys
import time
import warnings

import numpy as np

from benchmarks.common import save
from skgeo.datasets import Lorenz96, TwoScaleLorenz96
from skgeo.dynamics import MEDIDA, HiPPOProjector, MemoryLibrary, StencilLibrary

DT = 0.05
MEMORIES = {
    "none": 0,
    "1 past state": 1,
    "2 past states": 2,
    "4 past states": 4,
    "8 past states": 8,
    "6 window states over 0.4": HiPPOProjector(6, window=8.0),
}


def main(quick=False):
    two, rows = TwoScaleLorenz96(), []
    model = Lorenz96(8, forcing=20.0).flow(DT)

    def paths(n, duration, seed):
        X = two.attractor_states(n, seed)
        return two.slow(two.trajectory(X, round(duration / DT), DT))

    train, test = paths(16, 15, 7101), paths(10 if quick else 40, 6, 7202)
    for noise in (0.0,) if quick else (0.0, 0.01, 0.05):
        rng = np.random.default_rng(7303)
        seen, start = (
            U + noise * train.std() * rng.standard_normal(U.shape)
            for U in (train, test)
        )
        X, y, U, V = (
            np.concatenate(list(part.transpose(1, 0, 2)))
            for part in (seen[:-1], seen[1:], test[:-1], test[1:])
        )
        for name, memory in MEMORIES.items():
            library = MemoryLibrary(StencilLibrary((0,), 4), memory)
            tick = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                medida = MEDIDA(model, library=library).fit(X, y)
            tick = time.process_time() - tick
            corrected, errors = medida.corrected_model(), []
            for k in (20, 50, 80):
                past = start[k + 1 - corrected.n_history : k + 1]
                path = corrected.simulate(past, 20, on_blowup="truncate")
                errors.append(
                    [np.mean((path[j] - test[k + j]) ** 2) for j in (5, 10, 20)]
                )
            quarter, half, whole = np.sqrt(np.mean(errors, axis=0))
            free = corrected.simulate(train[: corrected.n_history], 500)
            rows.append(
                {
                    "noise": noise,
                    "memory": name,
                    "test_skill_one_step": medida.skill_score(U, V),
                    "rmse_0.25": quarter,
                    "rmse_0.5": half,
                    "rmse_1": whole,
                    "std_of_free_run": free[100:].std(),
                    "std_of_truth": train.std(),
                    "cpu_s": tick,
                }
            )
    save("dynamics_memory", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
