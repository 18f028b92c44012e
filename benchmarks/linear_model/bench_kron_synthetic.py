"""Recovery of synthetic Kronecker-sparse codes: error, failures and time per method."""

import argparse
import time
import warnings
from functools import reduce

import numpy as np
from sklearn.linear_model import ARDRegression, MultiTaskLassoCV

from benchmarks.common import save
from benchmarks.linear_model import peers
from skgeo.linear_model import KroneckerSBL

CUBE = {"rows": (8, 12, 15), "columns": (15, 15, 15)}
SMALL = {"rows": (5, 6, 7), "columns": (8, 8, 8), "k": 2}
PLANE = {"rows": (12, 12), "columns": (20, 20), "k": 3}
CROWDED = {"rows": (12, 12), "columns": (20, 20), "k": 5, "snr": 20}


def kronecker(solver, learned=False):
    def solve(factors, Y, noise, support):
        model = KroneckerSBL(
            factors, solver=solver, noise_variance=None if learned else noise
        )
        return model.fit(Y).transform(Y)

    return solve


def dense(function):
    def solve(factors, Y, noise, support):
        return function(reduce(np.kron, factors), Y, noise)

    return solve


OURS = {name: kronecker(name) for name in ("best", "mm", "svd", "am")}
PURSUIT = {
    "K-OMP": lambda H, Y, s2, S: np.array([peers.kronecker_omp(H, y, s2) for y in Y]),
    "oracle LS": lambda H, Y, s2, S: peers.oracle(H, Y, S),
}
DENSE = {
    "OMP": dense(lambda A, Y, s2: np.array([peers.omp(A, y, s2) for y in Y])),
    "classical SBL": dense(peers.classical_sbl),
    "ARDRegression": dense(
        lambda A, Y, s2: np.array(
            [ARDRegression(fit_intercept=False).fit(A, y).coef_ for y in Y]
        )
    ),
}
SPARSE = {name: DENSE[name] for name in ("OMP", "classical SBL")}
LASSO = {
    "MultiTaskLassoCV": dense(
        lambda A, Y, s2: (
            MultiTaskLassoCV(fit_intercept=False, cv=3, alphas=20).fit(A, Y.T).coef_
        )
    )
}
LEARNED = {f"{name}, noise learned": kronecker(name, True) for name in ("best", "mm")}


def cases(quick):
    n = 2 if quick else 24
    for snr in (5, 10, 20, 30):
        yield f"SNR {snr}", {**CUBE, "snr": snr}, {**OURS, **PURSUIT}, n
    for m in (6, 14):
        yield f"M1 {m}", {**CUBE, "rows": (m, 12, 15)}, {**OURS, **PURSUIT}, n
    for k in (2, 5):
        yield f"K {k}", {**CUBE, "k": k}, {**OURS, **PURSUIT}, n
    yield "noise learned, SNR 20", {**CUBE, "snr": 20}, LEARNED, n
    free = {**CUBE, "snr": 20, "kronecker_values": False}
    yield "free values, SNR 20", free, {**OURS, **PURSUIT}, n
    four = {"rows": (4, 5, 5, 6), "columns": (7, 7, 7, 7), "k": 2, "snr": 20}
    yield "four modes, SNR 20", four, {**OURS, **PURSUIT}, n
    everyone = {**OURS, **PURSUIT, **DENSE}
    for snr in (10, 30):
        yield f"small, SNR {snr}", {**SMALL, "snr": snr}, everyone, min(n, 20)
    for free, name in ((False, "Kronecker"), (True, "free")):
        plane = {**PLANE, "snr": 20, "kronecker_values": not free}
        title = f"two modes, one snapshot, {name} values"
        yield title, plane, {**everyone, **LEARNED}, n
        yield f"two modes, 4 snapshots, {name} values", {
            **plane, "n_samples": 4,
        }, {**OURS, **PURSUIT, **LASSO, **LEARNED}, n  # fmt: skip
    yield "two modes, one snapshot, K 5", CROWDED, {**OURS, **PURSUIT, **SPARSE}, n


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick, rows = parser.parse_args().quick, []
    for title, parameters, methods, n_trials in cases(quick):
        found = {name: [] for name in methods}
        for trial in range(n_trials):
            H, codes, Y, noise, support = peers.synthetic(4000 + trial, **parameters)
            for name, solve in methods.items():
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    x = solve(H, Y, noise, support)
                cpu = time.process_time() - start
                error, overlap = peers.nmse(x, codes), peers.support_overlap(x, codes)
                found[name].append((error, overlap, cpu))
        for name, values in found.items():
            error, overlap, cpu = np.array(values).T
            rows.append({
                "case": title, "method": name, "nmse_mean": float(error.mean()),
                "nmse_median": float(np.median(error)),
                "failures": float(np.mean(error > 0.1)),
                "support": float(overlap.mean()), "seconds": float(np.median(cpu)),
                "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
    save("kron_synthetic", rows, quick=quick)


if __name__ == "__main__":
    main()
