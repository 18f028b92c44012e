"""The posterior by mode products against dense formulas; memory; a million codes."""

import argparse
import time
import tracemalloc
from functools import partial

import numpy as np

from benchmarks.common import interleaved, save, timed
from benchmarks.linear_model.peers import dense_posterior, nmse, synthetic
from skgeo.linear_model import KroneckerSBL, kron_posterior


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rng, rows = np.random.default_rng(11), []
    sizes = ((4, 3), (8, 6), (10, 8)) if quick else ((4, 3), (8, 6), (12, 9), (15, 11))
    for n, m in sizes:
        factors = [rng.standard_normal((m, n)) for _ in range(3)]
        gammas = [rng.uniform(0.1, 2.0, n) for _ in range(3)]
        y = rng.standard_normal((1, m**3))
        given = (factors, gammas, y, 0.1)
        _, fast = timed(partial(kron_posterior, *given), repeat=9)
        values, times = interleaved(
            {
                "fast": partial(kron_posterior, *given),
                "dense": partial(dense_posterior, *given),
            },
            repeat=2,
        )
        mean, variance = values["dense"]
        rows.append({
            "task": "posterior", "codes": n**3, "measurements": m**3,
            "seconds": fast["cpu"], "seconds_dense": times["dense"]["cpu"],
            "ratio": times["dense"]["cpu"] / fast["cpu"],
            "error_mean": float(np.abs(values["fast"].mean - mean).max()),
            "error_variance": float(np.abs(values["fast"].variance - variance).max()),
        })  # fmt: skip
        print(rows[-1], flush=True)
    for n, m in ((20, 12),) if quick else ((60, 36),):
        factors, codes, Y, _, _ = synthetic(
            1, rows=(m,) * 3, columns=(n,) * 3, snr=20.0, kronecker_values=False
        )
        for task in ("posterior", "fit"):
            tracemalloc.start()
            if task == "posterior":
                kron_posterior(factors, [np.ones(n)] * 3, Y, 0.1)
            else:
                KroneckerSBL(factors, solver="mm").fit(Y).transform(Y)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            rows.append({
                "task": f"memory of {task}", "codes": n**3, "measurements": m**3,
                "floats_per_code": peak / 8 / n**3,
            })  # fmt: skip
    for n, m in ((30, 20),) if quick else ((30, 20), (60, 36), (100, 60)):
        factors, codes, Y, noise, _ = synthetic(
            3, rows=(m,) * 3, columns=(n,) * 3, snr=20.0, kronecker_values=False
        )
        for solver in ("mm", "svd", "best"):
            start, wall = time.process_time(), time.perf_counter()
            model = KroneckerSBL(factors, solver=solver).fit(Y)
            found = model.transform(Y)
            rows.append({
                "task": f"fit {solver}", "codes": n**3, "measurements": m**3,
                "seconds": time.process_time() - start,
                "wall": time.perf_counter() - wall,
                "nmse": nmse(found, codes), "n_iter": model.n_iter_,
                "noise_ratio": model.noise_variance_ / noise,
            })  # fmt: skip
            print(rows[-1], flush=True)
    save("kron_posterior", rows, quick=quick)


if __name__ == "__main__":
    main()
