"""The law of a real pendulum: chosen on three swings, scored by forecast on the fourth.

    SKGEO_TEST_DATA=folder python -m benchmarks.dynamics.bench_pendulum [--quick]

Angle and angular velocity of four free swings, pendulum/single_pendulum.npz in the
folder. Gravity over length from the acceleration; friction laws from the energy, by
least squares on averages over windows of four seconds.
"""

import os
import pathlib
import sys

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.common import save
from tests.dynamics.test_pendulum import DT, fit

LAWS = {
    "no friction": (),
    "Coulomb": ("|w|",),
    "viscous": ("w^2",),
    "quadratic": ("|w|^3",),
    "Coulomb + viscous": ("|w|", "w^2"),
    "viscous + quadratic": ("w^2", "|w|^3"),
    "Coulomb + quadratic": ("|w|", "|w|^3"),
    "all three": ("|w|", "w^2", "|w|^3"),
}
PLACES = ("|w|", "w^2", "|w|^3")


def load(step):
    folder = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", ""))
    path = folder / "pendulum" / "single_pendulum.npz"
    if not path.is_file():
        raise SystemExit("SKGEO_TEST_DATA must be the folder of the recordings.")
    with np.load(path) as data:
        return [data[f"swing{i}"].T[::step] - [np.pi, 0.0] for i in range(4)]


def friction(states, names):
    """Coefficients of a law, and the part of the energy losses it does not explain."""
    if not names:
        return np.zeros(0), 1.0
    design, target = fit(states, names, 4.0).weak_design_.matrices()
    y = target[:, 2]
    w = np.linalg.lstsq(design, y, rcond=None)[0]
    return -w, float(np.sum((y - design @ w) ** 2) / np.sum(y**2))


def forecast_error(gravity, names, coef, swing):
    coulomb, viscous, quadratic = (
        dict(zip(names, coef, strict=True)).get(n, 0.0) for n in PLACES
    )

    def rate(_, state):
        a, w = state
        slow = coulomb * np.tanh(w / 0.01) + viscous * w + quadratic * w * abs(w)
        return [w, -gravity * np.sin(a) - slow]

    times = DT * np.arange(len(swing))
    path = solve_ivp(rate, times[[0, -1]], swing[0], "LSODA", times, rtol=1e-8)
    return float(np.sqrt(np.mean((path.y[0] - swing[:, 0]) ** 2)))


def main(quick=False):
    swings = load(round(DT / 0.001))
    fits = [fit([U], ("sin a", "cos a", "w"), 0.4) for U in swings]
    g = float(np.mean([-m.coef_[1, 0] for m in fits[:3]]))
    rows = [
        {
            "table": "gravity",
            "swing": i,
            "equation": medida.equations(3, std=True)[1],
            "gravity_over_length": float(-medida.coef_[1, 0]),
            "std": float(medida.coef_std_[1, 0]),
        }
        for i, medida in enumerate(fits)
    ]
    states = [
        np.column_stack([U, U[:, 1] ** 2 / 2 - g * np.cos(U[:, 0])]) for U in swings
    ]
    for law, names in LAWS.items():
        coef, unexplained = friction(states[:3], names)
        single = np.array([friction([U], names)[0] for U in states])
        rows.append(
            {
                "table": "friction",
                "law": law,
                "coefficients": dict(zip(names, coef.tolist(), strict=True)),
                "least_of_one_swing": single.min(axis=0).tolist(),
                "largest_of_one_swing": single.max(axis=0).tolist(),
                "same_signs": bool((single[:3] > 0).all()),
                "energy_losses_unexplained": unexplained,
                "forecast_error": forecast_error(g, names, coef, swings[3]),
            }
        )
    # What the three swings say: laws that each of them confirms, by what they explain.
    stable = [row for row in rows[4:] if row["same_signs"]]
    best = min(stable, key=lambda row: row["energy_losses_unexplained"])
    save("dynamics_pendulum", rows, quick=quick, chosen=best["law"], seconds=9)


if __name__ == "__main__":
    main("--quick" in sys.argv)
