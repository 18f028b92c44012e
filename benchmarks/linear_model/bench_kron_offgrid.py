"""Channels at angles between the points of the grid: errors, and the Cramer-Rao bound.

Every method has the same grid of 18 points a mode. The bound is that of the angles of
the mobile and the base station for the measurements at hand, gains and noise-free
surface responses unknown.
"""

import argparse
import time
import warnings

import numpy as np

from benchmarks.common import save
from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, SteeringFactor, mode_product

SNR = (0, 10, 20, 30)
OURS = {
    "on the grid, best": {},
    "on the grid, mm": {"solver": "mm"},
    "on the grid, mm, coupling .5": {"solver": "mm", "coupling": (0.5, 0.0, 0.5)},
    "off the grid": {},
}


def parametric(data):
    """The factors of the set-up as functions of angles."""
    phase = np.exp(-1j * np.pi * np.arange(256)) / 16
    return [
        SteeringFactor(-np.arange(256), data.angles, data.patterns.T * phase),
        SteeringFactor(-np.arange(6), data.angles, data.pilots.T),
        SteeringFactor(range(16), data.angles),
    ]


def bound(data, factors):
    """Root mean Cramer-Rao bound of the angles at the base station and the station.

    Unknown: the angles, and for each base angle one free response over the surface's
    patterns (more than the generator has, so that the bound is one of these data for
    any surface).
    """
    base, station = data.cosines[2], data.cosines[1]
    A, dA = factors[2](base), factors[2].derivative(base)
    b, db = factors[1](station)[:, 0], factors[1].derivative(station)[:, 0]
    response = np.linalg.lstsq(
        np.kron(b[:, None], A), clean(data, factors).reshape(6, -1).T, rcond=None
    )[0]  # (n_base, n_patterns)
    parts = []
    for j in range(len(base)):
        parts.append(np.einsum("p,i,k->pik", response[j], b, dA[:, j]).ravel())
    parts.append(np.einsum("jp,i,kj->pik", response, db, A).ravel())
    for j in range(len(base)):
        for p in range(6):
            unit = np.eye(6)[p]
            wave = np.einsum("p,i,k->pik", unit, b, A[:, j]).ravel()
            parts += [wave, 1j * wave]
    J = np.array(parts).T
    fisher = (J.conj().T @ J).real * 2 / data.noise_variance
    variances = np.diag(np.linalg.pinv(fisher, hermitian=True))
    return variances[: len(base)], variances[len(base)]


def clean(data, factors):
    """Noise-free measurements, from the channels."""
    return np.einsum("pj,nijk->nipk", data.pilots.T, data.channels).reshape(1, -1)


def channel_error(channels, true):
    gap = np.sum(np.abs(channels - true) ** 2, axis=(1, 2))
    return float(np.mean(gap / np.sum(np.abs(true) ** 2, axis=(1, 2))))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=12)
    args = parser.parse_args()
    n_trials, rows = 2 if args.quick else args.trials, []
    steering = SteeringFactor(-np.arange(6), [0.0])
    for snr in SNR[2:3] if args.quick else SNR:
        found = {name: [] for name in OURS}
        angles, bounds = [], []
        for trial in range(n_trials):
            data = make_irs_mimo(snr=snr, on_grid=False, random_state=9000 + trial)
            factors = parametric(data)
            for name, options in OURS.items():
                given = factors if name == "off the grid" else data.factors
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = KroneckerSBL(
                        given, noise_variance=data.noise_variance, **options
                    ).fit(data.X)
                codes = model.transform(data.X).reshape(18, 18, 18)
                cpu = time.process_time() - start
                station = data.channel_factors[1]
                if model.points_ is not None:
                    station = steering(model.points_[1])
                by = [model.factors_[0], station, model.factors_[2]]
                error = channel_error(mode_product(codes, by), data.channels[0])
                found[name].append((error, cpu))
            at = [p[s] for p, s in zip(model.points_, model.support_, strict=True)]
            base = [np.abs(at[2] - u).min() ** 2 for u in data.cosines[2]]
            station = np.abs(at[1] - data.cosines[1]).min() ** 2
            angles.append([*base, station])
            bounds.append(np.append(*bound(data, factors)))
        for name, values in found.items():
            error, cpu = np.array(values).T
            rows.append({
                "snr": snr, "method": name, "nmse_mean": float(error.mean()),
                "nmse_median": float(np.median(error)),
                "seconds": float(np.median(cpu)), "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
        ratio = np.sqrt(np.array(angles) / np.array(bounds))
        for name, part in (("base station", slice(0, 3)), ("station", slice(3, 4))):
            rows.append({
                "snr": snr, "method": f"angle error, {name}",
                "rms_median": float(np.sqrt(np.median(np.array(angles)[:, part]))),
                "bound_median": float(np.sqrt(np.median(np.array(bounds)[:, part]))),
                "ratio_median": float(np.median(ratio[:, part])),
                "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
    save("kron_offgrid", rows, quick=args.quick)


if __name__ == "__main__":
    main()
