"""Equations that are right, wrong with a warning, or wrong in silence.

python -m benchmarks.dynamics.bench_counts [--quick] [seed]
"""

import sys
import time
import warnings
from collections import Counter

import numpy as np
from sklearn.preprocessing import PolynomialFeatures

from benchmarks.common import save
from benchmarks.dynamics.systems import LENGTH, ODES, PDES, ode_case, pde_case
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    ModelErrorWarning,
    PDELibrary1D,
)


def judge(medida, X, y, terms):
    """Fit; return the outcome, the largest relative error and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        medida.fit(X, y)
    warned = [w for w in caught if issubclass(w.category, ModelErrorWarning)]
    found = {
        (k, medida.feature_names_[j]): medida.coef_[k, j]
        for k, j in zip(*np.nonzero(medida.coef_), strict=True)
    }
    right = found.keys() == terms.keys()
    worst = np.nan
    if right:
        worst = max(abs(found[t] / terms[t] - 1) for t in terms)
    outcome = "exact" if right else "warned" if warned else "silent"
    return outcome, worst, len(warned)


class BlackBox:
    """A model that keeps its step to itself."""

    def __init__(self, model):
        self.model = model

    def __call__(self, X):
        return self.model(X)


def odes(noise, steps, seed, black_box):
    for i, name in enumerate(ODES):
        for j, dt in enumerate(steps):
            rng = np.random.default_rng([seed, i, j])
            X, y, model, dt, terms, degree = ode_case(name, dt, noise, rng)
            medida = MEDIDA(
                BlackBox(model) if black_box else model,
                dt,
                library=PolynomialFeatures(degree),
            )
            yield f"{name}, dt {dt:g}", *judge(medida, X, y, terms)


def pdes(noise, steps, seed, black_box):
    for i, name in enumerate(PDES):
        for j, dt in enumerate(steps):
            rng = np.random.default_rng([seed, i, j])
            X, y, model, sd, terms, fields = pde_case(name, dt, noise, rng)
            medida = MEDIDA(
                BlackBox(model) if black_box else model,
                dt,
                library=PDELibrary1D(
                    2, 3, length=LENGTH, fields=fields, include_bias=True
                ),
                assimilation=EnsembleKalmanFilter(sd) if noise else None,
            )
            yield f"{name}, dt {dt:g}", *judge(medida, X, y, terms)


def main(quick=False, seed=2026):
    rows = []
    ode_steps = (0.02, 0.3) if quick else (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
    pde_steps = (0.1,) if quick else (0.01, 0.1, 0.3)
    plans = [
        ("14 ODE models", odes, ode_steps, noise, black)
        for black in (False, True)
        for noise in (0.0, 1e-4, 1e-2)
    ] + [
        ("11 PDE models", pdes, pde_steps, noise, black)
        for black in (False, True)
        for noise in (0.0, 1e-3, 1e-2)
    ]
    for set_name, run, steps, noise, black_box in plans:
        start = time.process_time()
        outcomes = list(run(noise, steps, seed, black_box))
        counts = Counter(outcome for _, outcome, _, _ in outcomes)
        exact = [o for o in outcomes if o[1] == "exact"]
        rows.append(
            {
                "set": set_name,
                "model": "fixed step" if black_box else "takes dt",
                "noise": noise,
                "exact": counts["exact"],
                "warned": counts["warned"],
                "silent": counts["silent"],
                "exact_with_warning": sum(o[3] > 0 for o in exact),
                "median_error_percent": float(
                    100 * np.median([o[2] for o in exact] or [np.nan])
                ),
                "silent_ones": "; ".join(o[0] for o in outcomes if o[1] == "silent"),
                "cpu_s": time.process_time() - start,
            }
        )
        print(rows[-1], flush=True)
    save("dynamics_counts", rows, seed=seed, states="400 (ODE), 40 (PDE)")


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    main("--quick" in sys.argv, *numbers)
