"""Channels at angles between the points of the grid: errors, and the Cramer-Rao bound.

Every method has the same grid of 18 points a mode. The bound is that of the angles of
the mobile and the base station for the measurements at hand, gains and noise-free
surface responses unknown. The bound on the channels' error is that of estimators which
know the number of angles in each mode, all angles and gains unknown; "oracle" is
maximum likelihood for angles and gains, the number of angles known, from a start
at the true ones; "true angles" are least squares for the gains alone. The channels of
this set-up are products of one gain per arrival at the surface and one per arrival at
the base; "product values" are told so ("auto" finds it), and so is a second oracle.

``--snr`` runs some levels only, and keeps the rows of the others.
"""

import argparse
import time
import warnings

import numpy as np
from scipy.optimize import least_squares

from benchmarks.common import other_rows, save
from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, SteeringFactor, mode_product

SNR = (0, 10, 20, 30)
OURS = {
    "on the grid, best": {},
    "on the grid, mm": {"solver": "mm"},
    "on the grid, svd": {"solver": "svd"},
    "on the grid, mm, no trimming": {"solver": "mm", "min_gain": 0.0},
    "on the grid, mm, coupling .5": {"solver": "mm", "coupling": (0.5, 0.0, 0.5)},
    "on the grid, best, product values": {"values": "auto"},
    "off the grid": {},
    "off the grid, product values": {"values": "auto"},
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


def channel_bound(data, factors, steering):
    """Bound on the error of the channels, the number of angles in each mode known."""
    measured = [f(u) for f, u in zip(factors, data.cosines, strict=True)]
    slopes = [f.derivative(u) for f, u in zip(factors, data.cosines, strict=True)]
    there = [measured[0], steering(data.cosines[1]), measured[2]]
    there_slopes = [slopes[0], steering.derivative(data.cosines[1]), slopes[2]]
    waves = np.kron(np.kron(*there[:2]), there[2])
    gains = np.linalg.lstsq(waves, data.channels[0].ravel(), rcond=None)[0]
    gains = gains.reshape([len(u) for u in data.cosines])

    def jacobian(columns, slopes):
        parts = []
        for mode, D in enumerate(slopes):
            for j in range(D.shape[1]):
                moved = list(columns)
                moved[mode] = np.zeros_like(D)
                moved[mode][:, j] = D[:, j]
                parts.append(mode_product(gains, moved).ravel())
        for index in np.ndindex(gains.shape):
            wave = [H[:, [k]] for H, k in zip(columns, index, strict=True)]
            wave = mode_product(np.ones((1, 1, 1)), wave).ravel()
            parts += [wave, 1j * wave]
        return np.array(parts).T

    J = jacobian(measured, slopes)
    fisher = (J.conj().T @ J).real * 2 / data.noise_variance
    # Gains are large and angles small: invert in units of their own.
    size = np.sqrt(np.diag(fisher))
    covariance = np.linalg.pinv(fisher / np.outer(size, size), hermitian=True)
    to_channels = jacobian(there, there_slopes) / size
    spread = np.einsum(
        "ij,jk,ik->i", to_channels, covariance, to_channels.conj()
    ).real.reshape(data.channels[0].shape)
    power = np.sum(np.abs(data.channels[0]) ** 2, axis=(1, 2))
    return float(np.mean(spread.sum(axis=(1, 2)) / power))


def true_angles(data, factors, steering):
    """Error of the channels with the angles known, the gains by least squares."""
    measured = [f(u) for f, u in zip(factors, data.cosines, strict=True)]
    waves = np.kron(np.kron(*measured[:2]), measured[2])
    gains = np.linalg.lstsq(waves, data.X[0], rcond=None)[0]
    gains = gains.reshape([len(u) for u in data.cosines])
    there = [measured[0], steering(data.cosines[1]), measured[2]]
    return channel_error(mode_product(gains, there), data.channels[0])


def oracle(data, factors, steering):
    """Error of the channels of the maximum of the likelihood next to the truth."""
    sizes = [len(u) for u in data.cosines]
    true = np.concatenate(data.cosines)
    # Steps in units of what each array resolves.
    unit = np.repeat([1 / 128, 1 / 3, 1 / 8], sizes)

    def fitted(z):
        points = np.split(true + z * unit, np.cumsum(sizes)[:-1])
        H = [f(u) for f, u in zip(factors, points, strict=True)]
        waves = np.kron(np.kron(*H[:2]), H[2])
        gains = np.linalg.lstsq(waves, data.X[0], rcond=None)[0]
        return points, H, gains, data.X[0] - waves @ gains

    def residual(z):
        r = fitted(z)[-1]
        return np.r_[r.real, r.imag] / np.sqrt(data.noise_variance)

    z = least_squares(residual, np.zeros(len(true)), method="lm", xtol=1e-12).x
    points, H, gains, _ = fitted(z)
    there = [H[0], steering(points[1]), H[2]]
    return channel_error(mode_product(gains.reshape(sizes), there), data.channels[0])


def product_oracle(data, factors, steering):
    """Error of the maximum of the likelihood of product gains next to the truth."""
    sizes = [len(u) for u in data.cosines]
    true, n = np.concatenate(data.cosines), sum(sizes)
    unit = np.repeat([1 / 128, 1 / 3, 1 / 8], sizes)
    H = [f(u) for f, u in zip(factors, data.cosines, strict=True)]
    gains = np.linalg.lstsq(np.kron(np.kron(*H[:2]), H[2]), data.X[0], rcond=None)[0]
    u, s, v = np.linalg.svd(gains.reshape(sizes[0], sizes[2]))
    vectors = np.concatenate([u[:, 0], v[0]]) * np.sqrt(s[0])
    size = np.abs(vectors).max()

    def parts(z):
        points = np.split(true + z[:n] * unit, np.cumsum(sizes)[:-1])
        H = [f(u) for f, u in zip(factors, points, strict=True)]
        real, imag = np.split(z[n:] * size, 2)
        first, last = np.split(real + 1j * imag, [sizes[0]])
        return points, H[0] @ first, H[1][:, 0], H[2] @ last

    def residual(z):
        _, *waves = parts(z)
        r = data.X[0] - np.einsum("i,j,k->ijk", *waves).ravel()
        return np.r_[r.real, r.imag] / np.sqrt(data.noise_variance)

    start = np.r_[np.zeros(n), vectors.real / size, vectors.imag / size]
    z = least_squares(residual, start, method="lm", xtol=1e-12).x
    points, first, _, last = parts(z)
    channels = np.einsum("i,j,k->ijk", first, steering(points[1])[:, 0], last)
    return channel_error(channels, data.channels[0])


def clean(data, factors):
    """Noise-free measurements, from the channels."""
    return np.einsum("pj,nijk->nipk", data.pilots.T, data.channels).reshape(1, -1)


def channel_error(channels, true):
    gap = np.sum(np.abs(channels - true) ** 2, axis=(1, 2))
    return float(np.mean(gap / np.sum(np.abs(true) ** 2, axis=(1, 2))))


def angle_rows(snr, method, angles, bounds):
    """Squared errors of angles (n_trials, 4) beside their bounds."""
    ratio, rows = np.sqrt(angles / bounds), []
    for name, part in (("base station", slice(0, 3)), ("station", slice(3, 4))):
        rows.append({
            "snr": snr, "method": f"angle error, {name}, {method}",
            "rms_median": float(np.sqrt(np.median(angles[:, part]))),
            "bound_median": float(np.sqrt(np.median(bounds[:, part]))),
            "ratio_median": float(np.median(ratio[:, part])),
            "n_trials": len(angles),
        })  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--snr", type=int, nargs="*", default=SNR)
    args = parser.parse_args()
    n_trials, rows = 2 if args.quick else args.trials, []
    steering = SteeringFactor(-np.arange(6), [0.0])
    levels = SNR[2:3] if args.quick else args.snr
    known = ("bound", "oracle", "oracle, product values", "true angles")
    for snr in levels:
        found = {name: [] for name in (*OURS, *known)}
        angles = {name: [] for name in OURS if name.startswith("off")}
        bounds = []
        for trial in range(n_trials):
            data = make_irs_mimo(snr=snr, on_grid=False, random_state=9600 + trial)
            factors = parametric(data)
            found["bound"].append((channel_bound(data, factors, steering), 0.0))
            found["oracle"].append((oracle(data, factors, steering), 0.0))
            found["oracle, product values"].append(
                (product_oracle(data, factors, steering), 0.0)
            )
            found["true angles"].append((true_angles(data, factors, steering), 0.0))
            for name, options in OURS.items():
                given = factors if name.startswith("off") else data.factors
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
                if model.points_ is None:
                    continue
                at = [p[s] for p, s in zip(model.points_, model.support_, strict=True)]
                base = [np.abs(at[2] - u).min() ** 2 for u in data.cosines[2]]
                station = np.abs(at[1] - data.cosines[1]).min() ** 2
                angles[name].append([*base, station])
            bounds.append(np.append(*bound(data, factors)))
        reached = np.array(found["oracle"])[:, 0]
        for name, values in found.items():
            error, cpu = np.array(values).T
            rows.append({
                "snr": snr, "method": name, "nmse_mean": float(error.mean()),
                "nmse_median": float(np.median(error)),
                "within_tenth_of_oracle": float(np.mean(error <= 1.1 * reached)),
                "within_twice_oracle": float(np.mean(error <= 2.0 * reached)),
                "seconds": float(np.median(cpu)), "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
        for method, values in angles.items():
            rows += angle_rows(snr, method, np.array(values), np.array(bounds))
            print(*rows[-2:], sep="\n", flush=True)
    rows += other_rows("kron_offgrid", "snr", levels)
    rows.sort(key=lambda row: row["snr"])
    save("kron_offgrid", rows, quick=args.quick)


if __name__ == "__main__":
    main()
