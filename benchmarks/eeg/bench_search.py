"""Search of order, lag, C and kernel against GridSearchCV over MOABB and pyriemann.

``python -m benchmarks.eeg.bench_search [--quick]``, SKGEO_TEST_DATA set. Nested: 5
outer and 3 inner folds, both shuffled with seed 42. The peer is timed on all orders and
a subset of the lags of one outer fold, and extrapolated over the lags; skgeo runs all
lags of that fold, and the scores of the subset are compared one by one. CPU seconds.
"""

import sys
import time

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from benchmarks.common import interleaved, save
from benchmarks.eeg.recordings import imagery, session
from skgeo.eeg import AugmentedCovarianceClassifierCV
from skgeo.kernels.smo import warmup as warm_smo

CS, KERNELS, N_OUTER, N_INNER = (0.5, 1.0, 1.5), ("linear", "rbf"), 5, 3


def pipeline(order=1, lag=1, **svc):
    """The published pipeline."""
    from moabb.pipelines.features import AugmentedDataset
    from pyriemann.estimation import Covariances
    from pyriemann.tangentspace import TangentSpace

    return Pipeline(
        [
            ("augmented", AugmentedDataset(order=order, lag=lag)),
            ("covariances", Covariances("oas")),
            ("tangent", TangentSpace(metric="riemann")),
            ("svc", SVC(**svc)),
        ]
    )


def ours(orders, lags, inner, **params):
    """The same search."""
    return AugmentedCovarianceClassifierCV(
        orders,
        lags,
        Cs=CS,
        kernels=KERNELS,
        cv=inner,
        edge="moabb",
        estimator="oas",
        shrinkage=None,
        probability=False,
        **params,
    )


def timed_fit(model, X, y):
    """Fit; CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(X, y)
    return time.process_time() - cpu, time.perf_counter() - wall


def floor(n_trials, dimensions, n_passes):
    """CPU seconds of nothing but the batched eigendecompositions."""
    rng = np.random.default_rng(0)
    total = 0.0
    for d in sorted(set(dimensions)):
        A = rng.standard_normal((8, d, 2 * d))
        A = A @ A.swapaxes(1, 2)
        start = time.process_time()
        np.linalg.eigh(A)
        once = (time.process_time() - start) / 8
        total += once * n_trials * n_passes * dimensions.count(d)
    return total


def nested(n_channels, orders, lags, peer_lags):
    """Standard nested search on imagery of n_channels channels."""
    X, y = imagery(n_channels)
    outer = StratifiedKFold(N_OUTER, shuffle=True, random_state=42)
    inner = StratifiedKFold(N_INNER, shuffle=True, random_state=42)
    train, _ = next(iter(outer.split(X, y)))
    grid = {
        "augmented__lag": list(peer_lags),
        "augmented__order": list(orders),
        "svc__C": list(CS),
        "svc__kernel": list(KERNELS),
    }
    theirs = GridSearchCV(pipeline(), grid, cv=inner, scoring="roc_auc", refit=False)
    peer_cpu, _ = timed_fit(theirs, X[train], y[train])
    results = theirs.cv_results_
    # All orders are in the subset; the time of a fit does not depend on the lag.
    peer = peer_cpu * len(lags) / len(peer_lags) * N_OUTER
    rows = []
    n_points = sum(len(lags) if p > 1 else 1 for p in orders)
    dimensions = [
        p * n_channels for p in orders for _ in range(len(lags) if p > 1 else 1)
    ]
    for precision in ("exact", "first-order", "shared"):
        search = ours(orders, lags, inner, precision=precision)
        cpu, _ = timed_fit(search, X[train], y[train])
        equal, total, gap = compare(search.cv_results_, results)
        subset = ours(orders, peer_lags, inner, precision=precision)
        subset.fit(X[train], y[train])
        best = results["params"][int(np.argmin(results["rank_test_score"]))]
        best = {k.split("__")[1]: v for k, v in best.items()}
        row = {
            "case": f"{n_channels} channels, nested 5 x 3, {n_points} points x 6",
            "precision": precision,
            "peer_measured_cpu": peer_cpu,
            "peer_lags": list(peer_lags),
            "peer_cpu": peer,
            "cpu": cpu * N_OUTER,
            "ratio": peer / (cpu * N_OUTER),
            "equal_fold_scores": f"{equal} of {total}",
            "largest_gap_of_means": gap,
            "same_params": subset.best_params_ == best,
        }
        if precision == "exact":
            row["floor"] = floor(len(train), dimensions, 1 + N_INNER) * N_OUTER
        rows.append(row)
        print(row, flush=True)
    return rows


def compare(mine, theirs):
    """Fold scores that agree to 1e-12, their number, largest gap of mean scores."""
    table = {}
    for i, p in enumerate(theirs["params"]):
        key = (
            p["augmented__order"],
            p["augmented__lag"],
            p["svc__C"],
            p["svc__kernel"],
        )
        table[key] = i
    equal = total = 0
    gap = 0.0
    for i, p in enumerate(mine["params"]):
        j = table.get((p["order"], p["lag"], p["C"], p["kernel"]))
        if j is None:
            continue
        for f in range(N_INNER):
            name = f"split{f}_test_score"
            equal += abs(mine[name][i] - theirs[name][j]) < 1e-12
            total += 1
        gap = max(gap, abs(mine["mean_test_score"][i] - theirs["mean_test_score"][j]))
    return int(equal), total, float(gap)


def threads(n_channels, orders, lags, repeat=3):
    """Wall seconds of one outer fold on one and on two threads, in turn, warm."""
    X, y = imagery(n_channels)
    outer = StratifiedKFold(N_OUTER, shuffle=True, random_state=42)
    inner = StratifiedKFold(N_INNER, shuffle=True, random_state=42)
    train, _ = next(iter(outer.split(X, y)))
    _, times = interleaved(
        {
            n: lambda n=n: ours(orders, lags, inner, n_jobs=n).fit(X[train], y[train])
            for n in (1, 2)
        },
        repeat=repeat,
    )
    return {
        "case": f"{n_channels} channels, two threads against one",
        "one_thread_wall_s": times[1]["wall"],
        "two_threads_wall_s": times[2]["wall"],
        "two_threads_first_wall_s": times[2]["first_wall"],
        "ratio": times[1]["wall"] / times[2]["wall"],
    }


def published(orders, lag=5):
    """The published 91-point grid on 144 trials x 22 channels x 1001 samples."""
    X, y = session()
    outer = StratifiedKFold(N_OUTER, shuffle=True, random_state=42)
    inner = StratifiedKFold(N_INNER, shuffle=True, random_state=42)
    train, _ = next(iter(outer.split(X, y)))
    X, y = X[train], y[train]
    first, second = next(iter(inner.split(X, y)))
    by_order = {}
    for p in orders:
        model = pipeline(p, lag, kernel="linear")
        start = time.process_time()
        model.fit(X[first], y[first]).decision_function(X[second])
        by_order[p] = time.process_time() - start
        print(p, by_order[p], flush=True)
    peer = sum(by_order.values()) * 10 * len(CS) * len(KERNELS) * N_INNER * N_OUTER
    rows = []
    for precision in ("exact", "shared"):
        cpu, _ = timed_fit(ours(orders, (lag,), inner, precision=precision), X, y)
        plain, _ = timed_fit(ours((1,), (lag,), inner, precision=precision), X, y)
        mine = ((cpu - plain) * 10 + plain) * N_OUTER
        row = {
            "case": "144 x 22 x 1001, nested 5 x 3, 91 points x 6",
            "precision": precision,
            "peer_cpu": peer,
            "cpu": mine,
            "ratio": peer / mine,
        }
        if precision == "exact":
            dimensions = [22 * p for p in orders for _ in range(10 if p > 1 else 1)]
            row["floor"] = floor(len(X), dimensions, 1 + N_INNER) * N_OUTER
        rows.append(row)
        print(row, flush=True)
    return rows, by_order


def main(quick):
    """Run and save."""
    warm_smo()
    if quick:
        rows = nested(9, (1, 2), (1, 2), (1,))
        save("eeg_search", rows, quick=True)
        save("eeg_search_threads", [threads(9, (1, 2), (1, 2), 1)], quick=True)
        return
    orders, lags = tuple(range(1, 7)), tuple(range(1, 9))
    ours((1, 2), (1,), 3).fit(*imagery(9))  # compile
    save("eeg_search_threads", [threads(c, orders, lags) for c in (9, 22)])
    rows = nested(9, orders, lags, (1, 4, 8))
    rows += nested(22, orders, lags, (4,))
    more, by_order = published(tuple(range(1, 11)))
    save("eeg_search", rows + more, peer_seconds_by_order=by_order)


if __name__ == "__main__":
    main("--quick" in sys.argv)
