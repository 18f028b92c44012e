"""Coupling of neighboring variances, fixed or learned, with blocks and without."""

import argparse
import time
import warnings

import numpy as np

from benchmarks.common import save
from benchmarks.linear_model import peers
from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, mode_product

COUPLINGS = {
    "none": None, ".25": 0.25, ".5": 0.5, "1": 1.0, "auto": "auto",
}  # fmt: skip


def channel(trial):
    """Blocks of three adjacent angles in two of three modes."""
    data = make_irs_mimo(snr=12, random_state=8200 + trial)

    def error(codes):
        found = mode_product(codes.reshape(18, 18, 18), data.channel_factors)
        gap = np.sum(np.abs(found - data.channels[0]) ** 2, axis=(1, 2))
        return np.mean(gap / np.sum(np.abs(data.channels[0]) ** 2, axis=(1, 2)))

    return data.factors, data.X, data.noise_variance, error


def scattered(trial):
    """Indices anywhere."""
    factors, codes, Y, noise, _ = peers.synthetic(8200 + trial, k=3, snr=15.0)
    return factors, Y, noise, lambda found: peers.nmse(found, codes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=10)
    args = parser.parse_args()
    n_trials, rows = 2 if args.quick else args.trials, []
    for case, make in (("blocks (channels)", channel), ("scattered", scattered)):
        found = {name: [] for name in COUPLINGS}
        for trial in range(n_trials):
            factors, X, noise, error = make(trial)
            for name, beta in COUPLINGS.items():
                fixed = isinstance(beta, float)
                blocks = (beta, 0.0, beta) if case.startswith("blocks") else (beta,) * 3
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = KroneckerSBL(
                        factors, noise_variance=noise,
                        coupling=blocks if fixed else beta,
                    ).fit(X)  # fmt: skip
                cpu = time.process_time() - start
                found[name].append((error(model.transform(X)), cpu))
        for name, values in found.items():
            errors, cpu = np.array(values).T
            rows.append({
                "case": case, "coupling": name, "nmse_mean": float(errors.mean()),
                "nmse_median": float(np.median(errors)),
                "failures": float(np.mean(errors > 0.1)),
                "seconds": float(np.median(cpu)), "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
    save("kron_coupling", rows, quick=args.quick)


if __name__ == "__main__":
    main()
