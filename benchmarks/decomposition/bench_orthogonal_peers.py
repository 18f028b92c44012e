"""One pass over a stream against scikit-learn's online learner and batch methods.

``python -m benchmarks.decomposition.bench_orthogonal_peers [--quick]``

scikit-learn's MiniBatchDictionaryLearning minimizes another objective (least squares
with an l1 penalty, dictionaries of any number of atoms); it is tuned over its penalty
and its number of passes by the error itself, which a user could not do. All start
from random orthogonal dictionaries. CPU seconds, BLAS with one thread.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.decomposition import FastICA, MiniBatchDictionaryLearning

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import codes, err4, orthogonal
from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.utils.parallel import single_blas_thread


def cpu(function):
    start = time.process_time()
    value = function()
    return value, time.process_time() - start


def start_of(seed, n):
    return orthogonal(np.random.default_rng(20_000 + seed), n)


def ours(X, seed, passes=None):
    model = OnlineOrthogonalDictionary(
        random_state=20_000 + seed,  # not the seed of the data
        max_iter=passes or 1,
        tol=0.0,
    )
    if passes is None:
        return model.partial_fit(X).components_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X).components_


def sklearn_passes(X, D, seed, alpha, passes):
    """Error and time so far after each pass."""
    n = X.shape[1]
    rng = np.random.default_rng(seed)
    model = MiniBatchDictionaryLearning(
        n,
        alpha=alpha,
        batch_size=100,
        fit_algorithm="cd",
        dict_init=start_of(seed, n),
        random_state=seed,
    )
    used, trace = 0.0, []
    for _ in range(passes):
        order = rng.permutation(len(X))
        start = time.process_time()
        for i in range(0, len(X), 100):
            model.partial_fit(X[order[i : i + 100]])
        used += time.process_time() - start
        W = model.components_
        W = W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-12)
        trace.append((err4(W, D), used))
    return trace


def batch_power(X, D, seed, p, max_iter, target):
    """Generalized power method on all data: l4 is MSP, l3 its p = 3 sibling.

    Returns the final error, the time to convergence and the time to the target.
    """
    W, used, reached = start_of(seed, X.shape[1]), 0.0, None
    for _ in range(max_iter):
        start = time.process_time()
        C = X @ W.T
        C *= np.abs(C) if p == 3 else C * C
        U, _, Vt = np.linalg.svd(C.T @ X)
        moved, W = np.abs(U @ Vt - W).max(), U @ Vt
        used += time.process_time() - start
        error = err4(W, D)
        if reached is None and error <= target:
            reached = used
        if moved < 1e-6:
            break
    return error, used, reached


def against_sklearn(n, theta, n_samples, alphas, passes, seeds):
    table = np.zeros((len(seeds), len(alphas), passes, 2))
    one, many, reach = [], [], []
    for s, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        D = orthogonal(rng, n)
        X = codes(rng, n_samples, n, theta) @ D
        for a, alpha in enumerate(alphas):
            table[s, a] = sklearn_passes(X, D, seed, alpha, passes)
        W, used = cpu(lambda X=X, seed=seed: ours(X, seed))
        one.append((err4(W, D), used))
        W, used = cpu(lambda X=X, seed=seed: ours(X, seed, passes))
        many.append((err4(W, D), used))
        target = table[s, ..., 0].min()
        for k in range(1, 20):
            W, used = cpu(lambda X=X, seed=seed, k=k: ours(X, seed, k))
            if err4(W, D) <= target:
                break
        a, k_peer = np.unravel_index(np.argmin(table[s, ..., 0]), table.shape[1:3])
        reach.append((used, table[s, a, k_peer, 1], k, err4(W, D), target))
    median = np.median(table, axis=0)
    for a, alpha in enumerate(alphas):
        for k in sorted({min(k, passes) for k in (1, 2, 4, passes)}):
            yield {
                "method": "MiniBatchDictionaryLearning",
                "n": n,
                "alpha": alpha,
                "passes": k,
                "err4": float(median[a, k - 1, 0]),
                "cpu": float(median[a, k - 1, 1]),
            }
    for k, values in ((1, one), (passes, many)):
        error, used = np.median(values, axis=0)
        yield {
            "method": "OnlineOrthogonalDictionary",
            "n": n,
            "passes": k,
            "err4": float(error),
            "cpu": float(used),
        }
    reach = np.array(reach)
    yield {
        "method": "time to the lowest error of tuned scikit-learn",
        "n": n,
        "ours_cpu": float(np.median(reach[:, 0])),
        "peer_cpu": float(np.median(reach[:, 1])),
        "ours_passes": float(np.median(reach[:, 2])),
        "ours_err4": float(np.median(reach[:, 3])),
        "peer_err4": float(np.median(reach[:, 4])),
        "ratio": float(np.median(reach[:, 1] / reach[:, 0])),
    }


def against_batch(n, theta, n_samples, seeds, max_iter):
    rows = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        D = orthogonal(rng, n)
        X = codes(rng, n_samples, n, theta) @ D
        W, used = cpu(lambda X=X, seed=seed: ours(X, seed))
        error = err4(W, D)
        rows.setdefault("OnlineOrthogonalDictionary, one pass", []).append(
            (error, used, used)
        )
        for p in (3, 4):
            final, total, reached = batch_power(X, D, seed, p, max_iter, error)
            rows.setdefault(f"batch l{p}", []).append((final, total, reached or np.nan))
        ica = FastICA(
            whiten="unit-variance",
            fun="logcosh",
            w_init=start_of(seed, n),
            random_state=seed,
        )
        _, used = cpu(lambda X=X, ica=ica: ica.fit(X))
        W = ica.components_ / np.linalg.norm(ica.components_, axis=1, keepdims=True)
        rows.setdefault("FastICA", []).append((err4(W, D), used, np.nan))
    base = np.median(rows["OnlineOrthogonalDictionary, one pass"], axis=0)
    for method, values in rows.items():
        error, used, reached = np.median(values, axis=0)
        yield {
            "method": method,
            "n": n,
            "theta": theta,
            "n_samples": n_samples,
            "err4": float(error),
            "cpu": float(used),
            "cpu_over_ours": float(used / base[1]),
            "cpu_to_our_error_over_ours": float(reached / base[1]),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    ours(codes(np.random.default_rng(0), 100, 5, 0.3), 0)  # compile
    warnings.simplefilter("ignore")
    with single_blas_thread():
        if quick:
            rows = [
                *against_sklearn(10, 0.2, 1000, (0.5,), 2, range(700, 701)),
                *against_batch(10, 0.2, 5000, range(700, 701), 20),
            ]
        else:
            rows = [
                *against_sklearn(
                    20, 0.2, 5000, (0.1, 0.3, 0.5, 0.7, 1.0), 6, range(700, 703)
                ),
                *against_batch(20, 0.2, 20_000, range(700, 709), 100),
                *against_batch(50, 0.2, 50_000, range(700, 703), 100),
                *against_batch(100, 0.1, 50_000, range(700, 702), 60),
            ]
    save("online_dictionary_peers", rows, quick=quick)
