"""Clustering SDPs: the same optimum as cvxpy, and how long it takes.

Accuracy rows compare the value at tol=1e-6 with SCS (1e-6) and CLARABEL. Speed rows
stop ours where its rigorous bound is within 1e-4 of a reference of ours at 1e-6, SCS at
tolerance 1e-4, and report the error of SCS's bound from its own multipliers. Times are
CPU seconds of one process, in turn; cvxpy's include its compilation.

    python -m benchmarks.cluster.bench_sdp [--quick]
"""

import argparse
import time

import numpy as np

from benchmarks.common import save
from skgeo.cluster._solvers.admm import fixed_vector_bound
from skgeo.cluster._solvers.likelihood import profile_blocks, solve_la_sdp
from skgeo.cluster._solvers.reference_cvxpy import solve_with_cvxpy
from skgeo.cluster._solvers.relaxation import double_centered, solve_kmeans_sdp
from skgeo.datasets import make_gaussian_clusters
from skgeo.utils.parallel import single_blas_thread

SEED = 20261


def instance(n, seed):
    X, _, _, S = make_gaussian_clusters(
        n,
        4,
        4,
        separation=3.0,
        heterogeneity=0.8,
        random_state=seed,
        return_params=True,
    )
    return X - X.mean(axis=0), S


def ours(problem, X, S, tol):
    if problem == "kmeans":
        return solve_kmeans_sdp(
            double_centered(X @ X.T),
            4,
            tol=tol,
            max_iter=20000,
            random_state=np.random.RandomState(0),
        )
    return solve_la_sdp(X, S, tol=tol, max_iter=20000)


def peer(problem, X, S, tol, solver="SCS"):
    if problem == "kmeans":
        return solve_with_cvxpy(
            double_centered(X @ X.T)[None], [4.0], tol=tol, solver=solver
        )
    return solve_with_cvxpy(profile_blocks(X, S), np.ones(4), tol=tol, solver=solver)


def peer_bound(X, N):
    """K-means bound from the peer's multipliers of Z >= 0, the better of two scales."""
    n = len(X)
    A, q = double_centered(X @ X.T), np.full(n, n**-0.5)
    return min(fixed_vector_bound(A + f * N[0], q, 4, fixed_trace=True) for f in (1, 2))


def cpu(function):
    start = time.process_time()
    value = function()
    return value, time.process_time() - start


def accuracy_rows(sizes, seed):
    rows = []
    for problem in ("kmeans", "la"):
        for n in sizes:
            X, S = instance(n, seed)
            result, seconds = cpu(lambda X=X, S=S, p=problem: ours(p, X, S, 1e-6))
            for solver in ("SCS", "CLARABEL") if n == 50 else ("SCS",):
                (_, _, value, _), slow = cpu(
                    lambda X=X, S=S, p=problem, s=solver: peer(p, X, S, 1e-6, s)
                )
                rows.append(
                    {
                        "row": "accuracy",
                        "problem": problem,
                        "n": n,
                        "peer": solver,
                        "peer_value": value,
                        "value": result.objective[-1],
                        "upper_bound": result.upper_bound,
                        "relative_difference": abs(result.objective[-1] / value - 1),
                        "bound_difference": result.upper_bound / value - 1,
                        "converged": result.converged,
                        "sweeps": result.n_iter,
                        "cpu": seconds,
                        "peer_cpu": slow,
                    }
                )
                print(rows[-1], flush=True)
    return rows


def speed_rows(cases, seed, rounds):
    rows = []
    for problem, n, peer_tol in cases:
        X, S = instance(n, seed)
        reference = ours(problem, X, S, 1e-6 if n <= 200 else 3e-6).upper_bound
        for tol in (1e-4, 7e-5, 5e-5, 3e-5, 2e-5, 1e-5):  # ours: first that is accurate
            bound = ours(problem, X, S, tol).upper_bound
            if abs(bound / reference - 1) < 1e-4:
                break
        mine, theirs = [], []
        for _ in range(rounds):
            result, seconds = cpu(lambda X=X, S=S, p=problem, t=tol: ours(p, X, S, t))
            mine.append(seconds)
            (_, N, value, n_iter), seconds = cpu(
                lambda X=X, S=S, p=problem, t=peer_tol: peer(p, X, S, t)
            )
            theirs.append(seconds)
            result, seconds = cpu(lambda X=X, S=S, p=problem, t=tol: ours(p, X, S, t))
            mine.append(seconds)
        row = {
            "row": "speed",
            "problem": problem,
            "n": n,
            "tol": tol,
            "bound_error": abs(result.upper_bound / reference - 1),
            "sweeps": result.n_iter,
            "cpu": float(np.median(mine)),
            "peer_tol": peer_tol,
            "peer_value_error": abs(value / reference - 1),
            "peer_iterations": n_iter,
            "peer_cpu": float(np.median(theirs)),
            "ratio": float(np.median(theirs) / np.median(mine)),
        }
        if problem == "kmeans":
            row["peer_bound_error"] = peer_bound(X, N) / reference - 1
        rows.append(row)
        print(row, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with single_blas_thread():
        ours("kmeans", *instance(20, 0), 1e-2)  # compile
        peer("kmeans", *instance(20, 0), 1e-2)
        if quick:
            rows = accuracy_rows((30,), SEED)
            rows += speed_rows((("kmeans", 40, 1e-4),), SEED, 1)
            save("cluster_sdp", rows, quick=True)
            return
        # The slow peers come last; what was measured is written after every step.
        steps = (
            lambda: speed_rows((("kmeans", 100, 1e-4),), SEED, 1),
            lambda: speed_rows((("kmeans", 200, 1e-4),), SEED, 1),
            lambda: accuracy_rows((50, 100), SEED),
            lambda: speed_rows((("la", 100, 1e-4),), SEED, 1),
            lambda: speed_rows((("la", 200, 1e-4),), SEED, 1),
            lambda: speed_rows((("kmeans", 400, 1e-4),), SEED, 1),
            lambda: accuracy_rows((200,), SEED),
        )
        rows = []
        for done, step in enumerate(steps, 1):
            rows += step()
            save("cluster_sdp", rows, steps_done=done, steps=len(steps), seed=SEED)


if __name__ == "__main__":
    main()
