"""RobustTraceRegressor on fresh draws, beside least squares, Huber, LAD, RANSAC, cvxpy.

Gaussian symmetric 20 x 20 matrices (210 free entries) unless stated, outliers of
standard deviation 10; covariances of 12 channels with one-sided outliers. Errors are
relative Frobenius norms; times CPU seconds.

    python -m benchmarks.linear_model.bench_robust_trace [--quick]
"""

import argparse
import itertools
import time
import warnings

import numpy as np
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    QuantileRegressor,
    RANSACRegressor,
    RidgeCV,
)
from sklearn.pipeline import make_pipeline

from benchmarks.common import save
from skgeo import warmup
from skgeo.eeg import TangentMap
from skgeo.linear_model import RobustTraceRegressor
from tests.linear_model.test_robust_trace import covariance_data, error, make

CASES = {
    "n 600, 20 %": (20, 20, 3, 600, 0.2, {}),
    "n 600, 40 %": (20, 20, 3, 600, 0.4, {}),
    "20 x 12, rank 2, 40 %": (20, 12, 2, 600, 0.4, {}),
    "indefinite, rank 4, 40 %": (20, 20, 4, 600, 0.4, {"indefinite": True}),
    "offset 5, 20 %": (20, 20, 3, 600, 0.2, {"offset": 5.0}),
    "n 300, 20 %": (20, 20, 3, 300, 0.2, {}),
    "rank 5, 40 %": (20, 20, 5, 600, 0.4, {}),
    "n 100, 10 %": (20, 20, 3, 100, 0.1, {}),
    "50 %": (20, 20, 3, 600, 0.5, {}),
    "noise 0.1, 10 %": (20, 20, 3, 600, 0.1, {"noise": 0.1}),
}


def fit(model, X, y):
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return model, time.process_time() - start


def recovery_rows(seeds):
    for case, (p, q, rank, n, spoiled, options) in CASES.items():
        errors, cpu, trusted, agreed, wrong, flags = [], [], 0, 0, 0, []
        for seed in seeds:
            X, y, M, out = make(p, q, rank, n, spoiled, seed, **options)
            model, seconds = fit(RobustTraceRegressor(), X, y)
            errors.append(error(model, M))
            cpu.append(seconds)
            agreed += model.converged_
            trust = model.converged_ and model.robust_score_ > 0.5
            trusted += trust
            right = errors[-1] < (0.1 if "noise" in case else 1e-6)
            wrong += trust and not right
            flags.append(np.mean(model.outliers_ == out))
        right = np.array(errors) < (0.1 if "noise" in case else 1e-6)
        yield {
            "table": "recovery",
            "case": case,
            "seeds": len(errors),
            "right": int(right.sum()),
            "converged": agreed,
            "trusted": trusted,
            "trusted_but_wrong": wrong,
            "error_median": float(np.median(errors)),
            "flags_right": float(np.median(flags)),
            "cpu": float(np.mean(cpu)),
        }


def half(X):
    rows, columns = np.triu_indices(X.shape[1])
    return X[:, rows, columns] * np.where(rows == columns, 1.0, 2.0)


def convex(X, y, weight):
    import cvxpy as cp

    p = X.shape[1]
    M, b = cp.Variable((p, p), symmetric=True), cp.Variable()
    flat = X.reshape(len(X), -1)
    residual = flat @ cp.vec(M, order="C") + b - y
    objective = cp.norm1(residual) / len(y) + weight * cp.normNuc(M)
    cp.Problem(cp.Minimize(objective)).solve(solver="SCS")
    return M.value


def peer_rows(seeds):
    for case in ("n 600, 20 %", "n 600, 40 %", "n 300, 20 %"):
        p, q, rank, n, spoiled, options = CASES[case]
        contestants = {
            "this": RobustTraceRegressor(),
            "least squares": LinearRegression(),
            "Huber": HuberRegressor(alpha=0.0, max_iter=2000),
            "Huber, epsilon 1.01": HuberRegressor(
                alpha=0.0, epsilon=1.01, max_iter=2000
            ),
            "LAD": QuantileRegressor(alpha=0.0),
            "RANSAC": RANSACRegressor(min_samples=211, max_trials=200, random_state=0),
            "convex, weight .01": 0.01,
            "convex, weight .1": 0.1,
        }
        for name, model in contestants.items():
            errors, cpu = [], []
            for seed in seeds:
                X, y, M, _ = make(p, q, rank, n, spoiled, seed, **options)
                if isinstance(model, float):
                    start = time.process_time()
                    found = convex(X, y, model)
                    cpu.append(time.process_time() - start)
                    errors.append(np.linalg.norm(found - M) / np.linalg.norm(M))
                    continue
                if name == "this":
                    fitted, seconds = fit(model, X, y)
                    errors.append(error(fitted, M))
                else:
                    fitted, seconds = fit(model, half(X), y)
                    coef = getattr(fitted, "estimator_", fitted).coef_
                    full = np.zeros((p, p))
                    full[np.triu_indices(p)] = coef
                    full += np.triu(full, 1).T
                    errors.append(np.linalg.norm(full - M) / np.linalg.norm(M))
                cpu.append(seconds)
            yield {
                "table": "peers",
                "case": case,
                "method": name,
                "seeds": len(errors),
                "error_min": float(min(errors)),
                "error_max": float(max(errors)),
                "cpu": float(np.mean(cpu)),
            }


def covariance_rows(seeds):
    for spoiled in (0.0, 0.1, 0.3):
        models = {
            "this, whiten": RobustTraceRegressor(whiten=True),
            "this": RobustTraceRegressor(),
            "Huber": HuberRegressor(alpha=0.0, max_iter=2000),
            "ridge": RidgeCV(np.logspace(-6, 3, 10)),
            "tangent ridge": make_pipeline(
                TangentMap(), RidgeCV(np.logspace(-6, 3, 10))
            ),
        }
        for name, model in models.items():
            scores, cpu = [], []
            for seed in seeds:
                C, y, clean = covariance_data(seed, spoiled)
                if name in ("Huber", "ridge"):
                    C = half(C)
                fitted, seconds = fit(model, C[:400], y[:400])
                scores.append(fitted.score(C[400:], clean[400:]))
                cpu.append(seconds)
            yield {
                "table": "covariances",
                "case": f"{100 * spoiled:.0f} %",
                "method": name,
                "seeds": len(scores),
                "r2_min": float(min(scores)),
                "r2_max": float(max(scores)),
                "cpu": float(np.mean(cpu)),
            }


def large_row(seed):
    X, y, M, _ = make(40, 40, 3, 1200, 0.3, seed)
    model, seconds = fit(RobustTraceRegressor(), X, y)
    return {
        "table": "40 x 40, n 1200, 30 %",
        "error": error(model, M),
        "rank": model.rank_,
        "cpu": seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warmup()
    rows = []
    for row in itertools.chain(
        peer_rows(range(910, 911 if quick else 913)),
        [large_row(930)],
        covariance_rows(range(920, 921 if quick else 923)),
        recovery_rows(range(1000, 1002 if quick else 1020)),
    ):
        rows.append(row)
        print(row, flush=True)
    save("linear_model_robust_trace", rows, quick=quick)


if __name__ == "__main__":
    main()
