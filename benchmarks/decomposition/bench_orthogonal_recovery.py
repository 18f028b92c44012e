"""Recovery of an orthogonal dictionary: error against samples, sparsity and size.

``python -m benchmarks.decomposition.bench_orthogonal_recovery [--quick]``

Bernoulli-Gaussian codes of density theta; defaults throughout; the first dictionary
is drawn independently of the true one. ``one_pass_*``: err4 after 100 n, 300 n and
1000 n rows of a stream, none of them kept once the dictionary has been found;
``replayed`` is the number of steps on kept rows over that on new ones. ``fit``: after
fitting the 1000 n rows.
"""

import argparse
import time
import warnings

import numpy as np

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import codes, err4, orthogonal
from skgeo.decomposition import OnlineOrthogonalDictionary


def run(n, theta, seed, fit):
    rng = np.random.default_rng(seed)
    D = orthogonal(rng, n)
    X = codes(rng, 1000 * n, n, theta) @ D
    model = OnlineOrthogonalDictionary(random_state=30_000 + seed)
    row, used = [], 0.0
    for chunk in np.split(X, [100 * n, 300 * n]):
        start = time.process_time()
        model.partial_fit(chunk)
        used += time.process_time() - start
        row.append(err4(model.components_, D))
    row += [used, model.n_replayed_ / model.n_steps_]
    if fit:
        start = time.process_time()
        model.fit(X)
        used = time.process_time() - start
        row += [err4(model.components_, D), model.n_iter_, used]
    return row


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    rows = []
    for n in (10,) if quick else (10, 20, 50, 100):
        for theta in (0.05, 0.1, 0.3, 0.5, 0.7):
            runs = [run(n, theta, seed, fit=True) for seed in range(800, 805)]
            median, worst = np.median(runs, axis=0), np.max(runs, axis=0)
            rows.append(
                {
                    "n": n,
                    "theta": theta,
                    "one_pass_100n": median[0],
                    "one_pass_300n": median[1],
                    "one_pass_1000n": median[2],
                    "one_pass_1000n_worst": worst[2],
                    "one_pass_cpu": median[3],
                    "replayed": median[4],
                    "fit_median": median[5],
                    "fit_worst": worst[5],
                    "fit_passes": median[6],
                    "fit_cpu": median[7],
                }
            )
    rows = [{k: float(v) for k, v in row.items()} for row in rows]
    save("online_dictionary_recovery", rows, quick=quick)
