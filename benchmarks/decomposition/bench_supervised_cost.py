"""Cost of one outer iteration, its growth, and memory.

    python -m benchmarks.decomposition.bench_supervised_cost [--quick]

The yardstick is scikit-learn's NMF by coordinate descent on the same matrix. The cost
of an iteration is the slope between a short and a long run, so set-up drops out.
"""

import sys
import tracemalloc
import warnings

import numpy as np
from scipy.sparse import random as sparse_random
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from benchmarks.common import interleaved, save
from skgeo import warmup
from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.utils.parallel import single_blas_thread

SHORT, LONG = 3, 33


def low_rank(n, p, r, seed):
    rng = np.random.default_rng(seed)
    C, D = rng.gamma(1.0, size=(n, r)), rng.gamma(0.5, size=(r, p))
    X = np.maximum(C @ D + 0.3 * rng.standard_normal((n, p)), 0)
    y = (C[:, 0] - C[:, 1] + 0.3 * rng.standard_normal(n) > 0).astype(int)
    return X, y


def slope(run, repeat):
    """Median CPU seconds per iteration of each contestant, in turn."""
    tasks = {
        f"{name}@{length}": (lambda f=f, length=length: f(length))
        for name, f in run.items()
        for length in (SHORT, LONG)
    }
    _, times = interleaved(tasks, repeat=repeat)
    return {
        name: (times[f"{name}@{LONG}"]["cpu"] - times[f"{name}@{SHORT}"]["cpu"])
        / (LONG - SHORT)
        for name in run
    }


def contestants(X, y, r):
    def nmf(length):
        return NMF(r, init="nndsvda", tol=0, max_iter=length, random_state=0).fit(X)

    def ours(length, **options):
        return SupervisedDictionaryLearning(r, max_iter=length, tol=0.0, **options).fit(
            X, y
        )

    positive = {"positive_dict": True, "positive_code": True}
    return {
        "NMF": nmf,
        "bcd feature": lambda k: ours(k, kind="feature", refit_coef=False, **positive),
        "bcd filter": lambda k: ours(k, **positive),
        "lpgd filter": lambda k: ours(k),
        "lpgd feature": lambda k: ours(k, kind="feature", refit_coef=False),
    }


def growth(quick):
    """A step of the projected gradient against one pass over X: X @ v and X.T @ u.

    Sizes are such that X does not fit in the cache, in which both would be cheaper.
    """
    rows = []
    p, sizes = (50, (1000, 2000)) if quick else (500, (8000, 16_000, 32_000, 64_000))
    for n in sizes:
        X, y = low_rank(n, p, 10, seed=n)
        v, u = np.ones(p), np.ones(n)
        tasks = {
            "step": contestants(X, y, 10)["lpgd filter"],
            "pass": lambda k, X=X, v=v, u=u: [(X @ v, X.T @ u) for _ in range(k)],
        }
        cost = slope(tasks, repeat=1 if quick else 3)
        rows.append(
            {
                "what": "growth",
                "solver": "lpgd filter",
                "n": n,
                "p": p,
                "r": 10,
                "step_ms": 1e3 * cost["step"],
                "pass_ms": 1e3 * cost["pass"],
                "step_over_pass": cost["step"] / cost["pass"],
            }
        )
    return rows


def memory(quick):
    """Peak of a fit on sparse data beyond the data and the factors."""
    n, p, r = (4000, 1000, 20) if quick else (20_000, 5000, 20)
    rng = np.random.default_rng(1)
    X = sparse_random(n, p, density=0.005, format="csr", random_state=rng)
    y = (np.asarray(X[:, : p // 5].sum(axis=1)).ravel() > 2.5).astype(int)
    rows = []
    factors = 8 * r * (n + p) / 2**20
    positive = {"positive_dict": True, "positive_code": True}
    for name, options in {
        "lpgd filter": {},
        "lpgd feature": {"kind": "feature"},
        "bcd filter": positive,
        "bcd feature": {"kind": "feature", **positive},
    }.items():
        tracemalloc.start()
        SupervisedDictionaryLearning(r, max_iter=5, tol=0.0, **options).fit(X, y)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        rows.append(
            {
                "what": "memory",
                "solver": name,
                "n": n,
                "p": p,
                "r": r,
                "positives": float(y.mean()),
                "peak_MiB": peak,
                "beyond_factors_MiB": peak - factors,
            }
        )
    return rows


def main(quick=False):
    warnings.simplefilter("ignore", ConvergenceWarning)
    warmup()
    rows = []
    sizes = (
        [(1000, 100, 5)]
        if quick
        else [
            (4000, 400, 10),
            (1000, 100, 10),
            (16_000, 100, 10),
            (4000, 400, 40),
        ]
    )
    with single_blas_thread():
        for n, p, r in sizes:
            X, y = low_rank(n, p, r, seed=n + p + r)
            cost = slope(contestants(X, y, r), repeat=1 if quick else 5)
            for name, seconds in cost.items():
                rows.append(
                    {
                        "what": "iteration",
                        "solver": name,
                        "n": n,
                        "p": p,
                        "r": r,
                        "cpu_ms": 1e3 * seconds,
                        "over_NMF": seconds / cost["NMF"],
                    }
                )
        rows += growth(quick)
        rows += memory(quick)
    save("supervised_dictionary_cost", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
