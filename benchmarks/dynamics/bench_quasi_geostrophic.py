"""Two-layer quasi-geostrophic turbulence: physics that a model lacks, found.

    python -m benchmarks.dynamics.bench_quasi_geostrophic [--quick]

Both layers on 64 x 64 points; three states of the statistically steady flow, each with
the state one step later. A model that lacks a process, or has it wrong, is corrected
and forecasts ten steps of a state that it was not fitted on.
"""

import sys
import time
import warnings

import numpy as np

from benchmarks.common import save
from skgeo.datasets import TwoLayerQG
from skgeo.dynamics import MEDIDA, ModelErrorWarning, TwoLayerQGLibrary

CASES = {
    "no drag": ({"drag": 0.0}, {(1, "lap psi2"): -0.1}),
    "no beta": ({"beta": 0.0}, {(0, "psi1_x"): -1.0, (1, "psi2_x"): -1.0}),
    "half the hyperviscosity": (
        {"hyperviscosity": 5e-7},
        {(0, "lap^2 q1"): -5e-7, (1, "lap^2 q2"): -5e-7},
    ),
    "weak advection": (
        {"jacobian": 0.9},
        {(0, "J(psi1,q1)"): -0.1, (1, "J(psi2,q2)"): -0.1},
    ),
    "no drag, weak advection": (
        {"drag": 0.0, "jacobian": 0.9},
        {(0, "J(psi1,q1)"): -0.1, (1, "J(psi2,q2)"): -0.1, (1, "lap psi2"): -0.1},
    ),
}


def forecast(model, X, n_steps=10):
    for _ in range(n_steps):
        X = model(X)
    return X


def discover(name, truth, states, dt, noise):
    params, expected = CASES[name]
    train, test = states[:-1], states[-1:]
    rng = np.random.default_rng(834)
    X, y = train, truth.step(train, dt)
    X, y = (V + noise * V.std() * rng.standard_normal(V.shape) for V in (X, y))
    model = type(truth)(truth.n_grid, **params).flow(dt)
    medida = MEDIDA(model, library=TwoLayerQGLibrary())
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        medida.fit(X, y)
    cpu = time.process_time() - start
    found = {
        (k, medida.feature_names_[j]): medida.coef_[k, j]
        for k, j in zip(*np.nonzero(medida.coef_), strict=True)
    }
    exact = found.keys() == expected.keys()
    errors = [abs(found[t] / expected[t] - 1) for t in expected] if exact else [np.nan]
    later = forecast(truth.flow(dt), test)
    left, plain = (
        np.linalg.norm(forecast(m, test) - later)
        for m in (medida.corrected_model(), model)
    )
    return {
        "model": name,
        "dt": dt,
        "noise": noise,
        "exact": exact,
        "warnings": sum(issubclass(w.category, ModelErrorWarning) for w in caught),
        "error_percent": float(100 * max(errors)),
        "forecast_error_left": float(left / plain),
        "found": "; ".join(medida.equations(5))[:250],
        "cpu_s": cpu,
    }


def main(quick=False):
    truth = TwoLayerQG(32 if quick else 64)
    states = truth.attractor_states(4, 834, spin_up=40.0)
    plans = ((0.02, 0.0), (0.1, 0.0), (0.1, 1e-3))
    rows = [
        discover(name, truth, states, dt, noise)
        for dt, noise in plans[: 1 if quick else None]
        for name in CASES
    ]
    save("dynamics_quasi_geostrophic", rows, quick=quick, n_grid=truth.n_grid)


if __name__ == "__main__":
    main("--quick" in sys.argv)
