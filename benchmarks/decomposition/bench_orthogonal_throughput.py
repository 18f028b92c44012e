"""Rows a second, and where the time of a step goes, against the gemm floor.

``python -m benchmarks.decomposition.bench_orthogonal_throughput [--quick]``

The floor is the two products of the batch with an n x n matrix that every gradient
costs, timed alone. No row is gone over again. One BLAS thread, CPU seconds.
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import codes, orthogonal
from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.utils.parallel import single_blas_thread


def cpu(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def measure(n, per_batch, dtype, n_steps, rounds=5):
    rng = np.random.default_rng(n)
    B = per_batch * n
    X = (codes(rng, B * n_steps, n, 0.2) @ orthogonal(rng, n)).astype(dtype)
    model = OnlineOrthogonalDictionary(batch_size=B, n_replays=0, random_state=0)
    model.partial_fit(X)
    W, G = model._stream.W.astype(dtype), model._stream.G
    C, A = np.empty((B, n), dtype=dtype), np.empty((n, n), dtype=dtype)

    def products():
        for t in range(n_steps):
            batch = X[t * B : (t + 1) * B]
            np.matmul(batch, W.T, out=C)
            np.matmul(C.T, batch, out=A)

    def polars():
        for _ in range(n_steps):
            polar_factor(G)

    times = {"step": [], "products": [], "polar": []}
    for _ in range(rounds):  # in turn, so that a drift of the machine hits all alike
        times["step"].append(cpu(lambda: model.partial_fit(X)))
        times["products"].append(cpu(products))
        times["polar"].append(cpu(polars))
    step, floor, polar = (
        statistics.median(times[k]) / n_steps for k in ("step", "products", "polar")
    )
    return {
        "n": n,
        "batch_size": B,
        "dtype": np.dtype(dtype).name,
        "rows_per_s": B / step,
        "ms_per_step": 1e3 * step,
        "gemm_floor_ms": 1e3 * floor,
        "polar_ms": 1e3 * polar,
        "polar_share": polar / step,
        "floor_share": floor / step,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows = []
    with single_blas_thread():
        for n in (64,) if quick else (64, 128, 256, 512):
            for per_batch in (4, 16):
                for dtype in (np.float64, np.float32):
                    n_steps = max(4, 2048 // n // per_batch)
                    rows.append(measure(n, per_batch, dtype, n_steps))
    save("online_dictionary_throughput", rows, quick=quick)
