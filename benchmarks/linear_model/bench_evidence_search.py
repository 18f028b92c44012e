"""Which evidence each solver ends at, and what it costs beside ARDRegression.

600 problems of ten kinds, 300 cubics, and fits of 2 to 300 features in CPU time.

A solver is short on a problem if another one, or one of nine further starts (eight
random ones and the true support), ends more than half a nat higher. The number of terms
is charged with log(n_features) each.
"""

import argparse
import time
from functools import partial

import numpy as np
from sklearn.linear_model import ARDRegression

import skgeo
from benchmarks.common import interleaved, save
from skgeo.linear_model import SparseBayesianRegressor
from skgeo.linear_model._rvm.evidence import SOLVERS, fit_evidence
from tests.linear_model.test_sparse_bayes_search import (
    KINDS,
    draw,
    powers,
    reduced,
    rivals,
)

SEED = 20261127


def campaign(kind, n_problems):
    """Scores, exact supports and CPU seconds of every solver on one kind."""
    gaps = {name: [] for name in SOLVERS}
    exact = dict.fromkeys((*SOLVERS, "ARDRegression"), 0)
    seconds = dict.fromkeys((*SOLVERS, "ARDRegression"), 0.0)
    for i in range(n_problems):
        rng = np.random.default_rng([SEED, list(KINDS).index(kind), i])
        X, y, truth, intercept = draw(kind, rng)
        cost = float(np.log(X.shape[1]))
        score = {}
        for name in SOLVERS:
            problem = reduced(X, y, intercept, cost=cost)
            start = time.process_time()
            fit = fit_evidence(problem, name)
            seconds[name] += time.process_time() - start
            score[name] = fit.objective[-1]
            exact[name] += np.array_equal(fit.active, np.flatnonzero(truth))
        problem = reduced(X, y, intercept, cost=cost)
        best = max(*score.values(), *rivals(problem, truth, rng))
        for name in SOLVERS:
            gaps[name].append(best - score[name])
        start = time.process_time()
        ard = ARDRegression(fit_intercept=intercept).fit(X, y)
        seconds["ARDRegression"] += time.process_time() - start
        exact["ARDRegression"] += np.array_equal(ard.coef_ != 0, truth)
    for name, count in exact.items():
        known = name in gaps
        yield {
            "task": "evidence", "kind": kind, "solver": name, "problems": n_problems,
            "short": int(np.sum(np.array(gaps[name]) > 0.5)) if known else None,
            "worst_nats": float(np.max(gaps[name])) if known else None,
            "exact": int(count), "cpu": float(seconds[name]),
        }  # fmt: skip


def cubics(n_problems):
    """Cubics whose three roots lie in the range of the data."""
    for constant in (False, True):
        for min_gain in ("auto", "selection", 8.0):
            failures = dict.fromkeys(SOLVERS, 0)
            for i in range(n_problems):
                rng = np.random.default_rng([SEED, 99, i])
                t = rng.uniform(0, 4, 200)
                y = np.prod([t - root for root in rng.uniform(0, 4, 3)], axis=0)
                y = y / y.std() + 10.0 ** rng.uniform(-5, -2) * rng.standard_normal(200)
                X = powers(t, 3)
                if constant:
                    X = np.column_stack([np.ones(200), X])
                for name in SOLVERS:
                    model = SparseBayesianRegressor(
                        solver=name, min_gain=min_gain, fit_intercept=not constant
                    )
                    failures[name] += model.fit(X, y).score(X, y) < 0.99
            for name, count in failures.items():
                yield {
                    "task": "cubics", "constant_column": constant,
                    "min_gain": str(min_gain), "solver": name,
                    "problems": n_problems, "r2_below_0.99": int(count),
                }  # fmt: skip


def costs(n_seeds):
    """CPU time of whole fits beside ARDRegression, columns of unit variance."""
    for p in (2, 5, 8, 10, 20, 50, 100, 300):
        n = 200 if p <= 100 else 2000
        for truth in ("noise", "three terms", "all terms"):
            for correlation in (0.0, 0.6):
                times = []
                for seed in range(n_seeds):
                    rng = np.random.default_rng([SEED, p, len(truth), seed])
                    X = rng.standard_normal((n, p))
                    for j in range(1, p):
                        X[:, j] *= np.sqrt(1 - correlation**2)
                        X[:, j] += correlation * X[:, j - 1]
                    w = rng.standard_normal(p)
                    w[{"noise": 0, "three terms": 3, "all terms": p}[truth] :] = 0.0
                    y = X @ w + 10.0 ** rng.uniform(-2, 1) * rng.standard_normal(n)
                    _, cpu = interleaved(
                        {
                            "search": partial(SparseBayesianRegressor().fit, X, y),
                            "ARDRegression": partial(ARDRegression().fit, X, y),
                        },
                        repeat=5 if p <= 20 else 2,
                    )
                    times.append([cpu[name]["cpu"] for name in cpu])
                ours, theirs = np.array(times).T
                yield {
                    "task": "cost", "rows": n, "features": p, "truth": truth,
                    "correlation": correlation, "problems": n_seeds,
                    "search_ms": 1e3 * float(ours.mean()),
                    "ard_ms": 1e3 * float(theirs.mean()),
                    "ratio": float(ours.sum() / theirs.sum()),
                    "dearer": int(np.sum(ours > theirs)),
                }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    skgeo.warmup()
    rows = []
    for kind in KINDS:
        rows += campaign(kind, 3 if quick else 60)
    names = (*SOLVERS, "ARDRegression")
    for name in names:
        mine = [row for row in rows if row["solver"] == name]
        known = name != "ARDRegression"
        rows.append({
            "task": "evidence", "kind": "all", "solver": name,
            "problems": sum(row["problems"] for row in mine),
            "short": sum(row["short"] for row in mine) if known else None,
            "worst_nats": max(row["worst_nats"] for row in mine) if known else None,
            "exact": sum(row["exact"] for row in mine),
            "cpu": sum(row["cpu"] for row in mine),
        })  # fmt: skip
    rows += cubics(5 if quick else 300)
    rows += costs(2 if quick else 10)
    save("evidence_search", rows, quick=quick)


if __name__ == "__main__":
    main()
