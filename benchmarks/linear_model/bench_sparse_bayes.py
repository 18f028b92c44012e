"""SparseBayesianRegressor against scikit-learn's ARDRegression.

Columns have unit variance, which is where ARDRegression's absolute thresholds are at
home; the last rows change the units.
"""

import argparse
from functools import partial

import numpy as np
from sklearn.linear_model import ARDRegression

import skgeo
from benchmarks.common import interleaved, save
from skgeo.linear_model import SparseBayesianRegressor

SOLVERS = ("search", "sequential", "fixed_point")
MODELS = {
    **{
        solver + label: partial(
            SparseBayesianRegressor, solver=solver, min_gain=min_gain
        )
        for min_gain, label in (
            ("auto", ""), ("selection", ", min_gain selection"), (0.0, ", min_gain 0")
        )
        for solver in SOLVERS
    },
    "ARDRegression": partial(ARDRegression, max_iter=300),
}  # fmt: skip


def design(n, p, k, correlation, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] *= np.sqrt(1 - correlation**2)
        X[:, j] += correlation * X[:, j - 1]
    w = np.zeros(p)
    w[rng.choice(p, k, replace=False)] = rng.choice([-1, 1], k) * rng.uniform(0.3, 2, k)
    return X, X @ w + rng.standard_normal(n), w


def fit(make, X, y):
    return make().fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    skgeo.warmup()
    # Rows, features, true terms, correlation of neighboring features.
    cases = [
        (2000, 20, 5, 0.0),
        (2000, 20, 5, 0.9),
        (2000, 100, 10, 0.95),
        (2000, 300, 300, 0.9),
        (400, 300, 20, 0.95),
        (2000, 500, 20, 0.0),
        (100_000, 100, 10, 0.0),
        (2000, 500, 20, 0.7),
        (10_000, 300, 10, 0.95),
        (200, 400, 8, 0.0),
    ]
    if quick:
        cases = [(500, 50, 5, 0.0), (100, 120, 5, 0.3)]
    rows = []
    for n, p, k, correlation in cases:
        results = {name: [] for name in MODELS}
        for seed in range(1 if quick else 3):
            X, y, w = design(n, p, k, correlation, 900 + seed)
            fits, times = interleaved(
                {name: partial(fit, make, X, y) for name, make in MODELS.items()},
                repeat=1 if quick else 2,
            )  # fmt: skip
            for name, model in fits.items():
                kept = model.coef_ != 0
                error = np.linalg.norm(model.coef_ - w) / np.linalg.norm(w)
                results[name].append((
                    times[name]["cpu"], error, np.sum(kept & (w == 0)),
                    np.sum(~kept & (w != 0)), getattr(model, "log_evidence_", np.nan),
                ))  # fmt: skip
        base = np.median([r[0] for r in results["ARDRegression"]])
        for name, values in results.items():
            cpu, error, false, missed, evidence = np.array(values, dtype=float).T
            rows.append({
                "n": n, "p": p, "true": k, "correlation": correlation, "method": name,
                "seconds": float(np.median(cpu)), "ratio": float(base / np.median(cpu)),
                "coef_error": float(error.mean()), "false_terms": float(false.mean()),
                "missed_terms": float(missed.mean()),
                "log_evidence": float(evidence.mean()),
            })  # fmt: skip
            print(rows[-1], flush=True)
    X, y, w = design(1000, 25, 3, 0.0, 5)
    for x_unit, y_unit in ((1, 1), (1e-4, 1), (1e4, 1), (1, 1e-4), (1, 1e4)):
        for name in ("search, min_gain selection", "ARDRegression"):
            kept = MODELS[name]().fit(X * x_unit, y * y_unit).coef_ != 0
            rows.append({
                "x_unit": x_unit, "y_unit": y_unit, "method": name,
                "kept": int(kept.sum()), "right": bool(np.array_equal(kept, w != 0)),
            })  # fmt: skip
    save("sparse_bayes", rows, quick=quick)


if __name__ == "__main__":
    main()
