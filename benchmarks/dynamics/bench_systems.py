"""Other systems: missing terms found, and the closure of the two-scale Lorenz-96.

python -m benchmarks.dynamics.bench_systems [--quick]
"""

import sys
import time
import warnings

import numpy as np

from benchmarks.common import save
from skgeo.datasets import (
    BetaPlane,
    Burgers,
    Lorenz63,
    Lorenz96,
    TwoScaleLorenz96,
    make_observation_pairs,
)
from skgeo.dynamics import MEDIDA, PDELibrary1D, PDELibrary2D, StencilLibrary


def discover(system, cases, dt, library, seed, **kwargs):
    pairs = make_observation_pairs(system, dt=dt, random_state=seed, **kwargs)
    for params in cases:
        model = type(system)(**params)
        for evaluate_at in ("tangent", "end"):
            start = time.process_time()
            medida = MEDIDA(
                model.flow(dt, 5), dt, library=library, evaluate_at=evaluate_at
            ).fit(pairs.X, pairs.y)
            found = [e for e in medida.equations(5) if not e.endswith("= model")]
            yield {
                "system": type(system).__name__,
                "model": str(params),
                "dt": dt,
                "evaluate_at": evaluate_at,
                "terms": int(medida.n_terms_),
                "found": "; ".join(found)[:200],
                "skill": medida.skill_,
                "cpu_s": time.process_time() - start,
            }


def closure(n_pairs, seed):
    two, dt = TwoScaleLorenz96(), 0.02
    train, test = (
        make_observation_pairs(
            two, n_pairs, dt=dt, gap=0.5, n_trajectories=10, random_state=s
        )
        for s in (seed, seed + 1)
    )
    model = Lorenz96(two.n_slow, forcing=two.forcing).flow(dt)
    start, end = two.slow(test.X), two.slow(test.y)
    truth = two.slow(two.step(test.X, 1.0))
    plain = start
    for _ in range(50):
        plain = model(plain)
    for offsets, degree in (((0,), 1), ((0,), 4), ((-2, -1, 0, 1, 2), 2)):
        medida = MEDIDA(model, dt, library=StencilLibrary(offsets, degree))
        medida.fit(two.slow(train.X), two.slow(train.y))
        later = medida.corrected_model().simulate(start, 50)[-1]
        yield {
            "system": "two-scale Lorenz-96",
            "offsets": str(offsets),
            "degree": degree,
            "found": medida.equations(4)[0][:200],
            "test_skill_one_step": medida.skill_score(start, end),
            "rmse_model_1tu": float(np.sqrt(np.mean((plain - truth) ** 2))),
            "rmse_corrected_1tu": float(np.sqrt(np.mean((later - truth) ** 2))),
        }


def main(quick=False):
    warnings.simplefilter("ignore")
    rows, side = [], 2 * np.pi
    cases = ({"rho": 26.0}, {"xz": 0.0}, {"sigma": 9.0})
    rows += discover(Lorenz63(), cases, 0.01, None, 830, n_pairs=200)
    cases = ({"damping": 0.0}, {"forcing": 7.0}, {"advection": 0.0})
    rows += discover(Lorenz96(), cases, 0.02, StencilLibrary(), 831, n_pairs=20)
    if not quick:
        cases = ({"viscosity": 0.05}, {"advection": 0.0})
        library = PDELibrary1D(3, 3, length=16.0)
        rows += discover(
            Burgers(), cases, 0.02, library, 832, n_pairs=20, n_trajectories=20
        )
        cases = ({"drag": 0.0}, {"beta": 0.0}, {"viscosity": 1e-3}, {"jacobian": 0.5})
        library = PDELibrary2D(
            1, 2, lengths=(side, side), laplacians=2, streamfunction=True, field="w"
        )
        rows += discover(
            BetaPlane(), cases, 0.01, library, 833, n_pairs=8, n_trajectories=8
        )
    rows += closure(40 if quick else 300, 834)
    save("dynamics_systems", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
