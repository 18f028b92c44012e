"""Measurements with missing entries: errors beside dense EM, and a million codes.

Completion by CP decomposition needs tensorly, which the extra ``bench`` installs.
"""

import argparse
import time
import tracemalloc
import warnings
from functools import reduce

import numpy as np

from benchmarks.common import save
from benchmarks.linear_model import peers
from skgeo.linear_model import KroneckerSBL

SHARES = (0.1, 0.3, 0.5, 0.7)


try:
    import tensorly
    from tensorly.decomposition import parafac
except ImportError:
    tensorly = None


def complete(X, rank):
    """Completion by tensorly's CP decomposition: the true rank, no dictionary."""
    mask = ~np.isnan(X)
    tensor = np.where(mask, X, 0.0)
    done = parafac(tensor, rank, mask=mask, n_iter_max=1000, random_state=0)
    return tensorly.cp_to_tensor(done)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=10)
    args = parser.parse_args()
    n_trials, rows = 2 if args.quick else args.trials, []
    if tensorly is None:
        print(
            "Without tensorly there are no rows of CP completion: "
            "pip install 'skgeo[bench]'"
        )
    for share in SHARES[1:3] if args.quick else SHARES:
        found = {"KroneckerSBL": [], "dense SBL": [], "OMP": [], "CP (tensorly)": []}
        for trial in range(n_trials):
            H, codes, Y, noise, _ = peers.synthetic(
                6000 + trial, rows=(6, 7, 8), columns=(8, 9, 9), k=2, snr=20.0
            )
            clean = codes @ reduce(np.kron, H).T
            rng = np.random.default_rng(trial)
            X = np.where(rng.random(Y.shape) < share, np.nan, Y)
            here = ~np.isnan(X[0])
            A = reduce(np.kron, H)

            def sbl(A=A, X=X, here=here, noise=noise):
                return peers.classical_sbl(A[here], X[:, here], noise)

            def pursuit(A=A, X=X, here=here, noise=noise):
                return peers.omp(A[here], X[0, here], noise)[None]

            def ours(H=H, X=X, noise=noise):
                model = KroneckerSBL(H, noise_variance=noise).fit(X)
                return model.transform(X)

            for name, solve in (
                ("KroneckerSBL", ours), ("dense SBL", sbl), ("OMP", pursuit),
            ):  # fmt: skip
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    x = solve()
                cpu = time.process_time() - start
                gap = np.sum((x @ A.T - clean)[0, ~here] ** 2) / np.sum(
                    clean[0, ~here] ** 2
                )
                found[name].append((peers.nmse(x, codes), gap, cpu))
            if tensorly is not None:
                start = time.process_time()
                done = complete(X.reshape(6, 7, 8), 1).ravel()
                cpu = time.process_time() - start
                gap = np.sum((done - clean[0])[~here] ** 2) / np.sum(
                    clean[0, ~here] ** 2
                )
                found["CP (tensorly)"].append((np.nan, gap, cpu))
        for name, values in found.items():
            if not values:
                continue
            error, gap, cpu = np.array(values).T
            rows.append({
                "missing": share, "method": name,
                "nmse_mean": float(error.mean()),
                "nmse_median": float(np.median(error)),
                "gaps_median": float(np.median(gap)), "gaps_mean": float(gap.mean()),
                "seconds": float(np.median(cpu)), "n_trials": n_trials,
            })  # fmt: skip
            print(rows[-1], flush=True)
    for n, m in ((30, 20),) if args.quick else ((60, 36), (100, 60)):
        H, codes, Y, noise, _ = peers.synthetic(
            3, rows=(m,) * 3, columns=(n,) * 3, snr=20.0, kronecker_values=False
        )
        rng = np.random.default_rng(0)
        Y[rng.random(Y.shape) < 0.5] = np.nan
        for task in ("time", "memory"):
            if task == "memory":
                tracemalloc.start()
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = KroneckerSBL(H).fit(Y)
                found = model.transform(Y)
            if task == "time":
                seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append({
            "missing": 0.5, "method": f"KroneckerSBL, {n**3} codes",
            "nmse_mean": peers.nmse(found, codes), "seconds": seconds,
            "bytes_per_code": peak / n**3, "n_iter": model.n_iter_,
            "noise_ratio": model.noise_variance_ / noise, "n_trials": 1,
        })  # fmt: skip
        print(rows[-1], flush=True)
    save("kron_gaps", rows, quick=args.quick)


if __name__ == "__main__":
    main()
