"""Running means beside the means of all matrices, in standard errors; peers; centering.

SKGEO_TEST_DATA=folder python -m benchmarks.eeg.bench_running_mean [--quick]
"""

import argparse
import os
import pathlib
import time
import warnings

import numpy as np
from pyriemann.geometry.mean import mean_riemann, mean_wasserstein

from benchmarks.common import save
from skgeo import warmup
from skgeo.eeg import CovarianceRecentering
from tests.eeg.test_recentering import power, singular, standard_errors, wishart

MODELS = {
    "riemann": {},
    "bures-wasserstein, theta .5": {"metric": "bures-wasserstein"},
    "bures-wasserstein, theta 1": {
        "metric": "bures-wasserstein", "theta": 1.0, "base": "identity",
    },
}  # fmt: skip


def data(quick):
    yield "Wishart, d 8", wishart(600, 8, seed=8101)
    if quick:
        return
    yield "Wishart, d 32", wishart(600, 32, dof=80, seed=8102)
    folder = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", ""))
    path = folder / "bci4_2a_A09_cov/A09_cov.npz"
    if path.exists():
        file = np.load(path)
        X = next(file[k] for k in file.files if file[k].ndim == 3).astype(float)
        yield "BCI IV 2a, person 9, two sessions, d 22", (X + X.swapaxes(1, 2)) / 2
    yield "singular, rank 9 of 12", singular(300, 12, 9, seed=8103)


def seconds(function):
    start = time.process_time()
    value = function()
    return value, time.process_time() - start


def follow(X, batch, **options):
    model = CovarianceRecentering(**options)
    for start in range(0, len(X), batch):
        model.partial_fit(X[start : start + batch])
    return model


def rows_of(name, X):
    for label, options in MODELS.items():
        metric, theta = options.get("metric", "riemann"), options.get("theta", 0.5)
        if metric == "riemann" and "singular" in name:
            continue
        whole, cpu = seconds(lambda o=options: CovarianceRecentering(**o).fit(X))
        Z = whole.transform(X)
        peer_mean = mean_riemann if metric == "riemann" else mean_wasserstein
        off = np.nan
        if "singular" not in name:
            off = np.abs(
                peer_mean(Z if metric == "riemann" else power(Z, theta))
                - np.eye(X.shape[1])
            ).max()
        peer_cpu = (
            seconds(lambda m=peer_mean: m(X))[1] if "singular" not in name else None
        )
        for batch in (1, 20):
            running, running_cpu = seconds(lambda o=options, b=batch: follow(X, b, **o))
            faded = follow(X, batch, forgetting=0.1, **options)
            yield {
                "data": name,
                "mean": label,
                "batch": batch,
                "standard_errors": standard_errors(
                    metric, theta, X, running.mean_, whole.mean_
                ),
                "standard_errors_forgetting_0.1": standard_errors(
                    metric, theta, X, faded.mean_, whole.mean_
                ),
                "off_identity": float(off),
                "passes": whole.n_iter_,
                "cpu_all": cpu,
                "cpu_running": running_cpu,
                "cpu_pyriemann": peer_cpu,
            }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warmup()
    warnings.simplefilter("ignore")
    rows = [row for name, X in data(quick) for row in rows_of(name, X)]
    save("eeg_running_mean", rows, quick=quick)


if __name__ == "__main__":
    main()
