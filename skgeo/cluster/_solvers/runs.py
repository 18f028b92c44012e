"""How labels are found: runs of the solvers, with what they prove."""

from dataclasses import dataclass, replace

import numpy as np

from skgeo.cluster._solvers.certificate import CERTIFIED_GAP, ROUNDING
from skgeo.cluster._solvers.cuts import CutProblem, Rows, first_state, solve_with_cuts
from skgeo.cluster._solvers.groups import group_points
from skgeo.cluster._solvers.judgment import (
    Judgment,
    dense_cost,
    root_seconds,
    seconds,
)
from skgeo.cluster._solvers.lloyd import lift_centers
from skgeo.cluster._solvers.local_search import better_labels
from skgeo.cluster._solvers.lowrank import (
    labels_of_factor,
    lowrank_seconds,
    solve_kmeans_lowrank,
)
from skgeo.cluster._solvers.reference_cvxpy import cvxpy_seconds, solve_with_cvxpy
from skgeo.cluster._solvers.relaxation import (
    RelaxationResult,
    finish_labels,
    solve_kmeans_sdp,
)
from skgeo.cluster._solvers.sketch import sketch_kmeans_sdp
from skgeo.utils.durations import announce

__all__ = [
    "Run",
    "add_relaxation",
    "announce_run",
    "run_cuts",
    "run_gram",
    "run_lowrank",
    "run_sketch",
]

_SWEEPS = 100  # of the relaxation with cuts between two searches for cuts


@dataclass(frozen=True, slots=True)
class Run:
    """Labels and what the solver that gave them reports, in scaled units.

    ``relaxation`` is the dense result, ``judgment`` what is proven already.
    """

    labels: np.ndarray
    solver: str = "kmeans"
    n_iter: int = 0
    converged: bool = True
    objective: np.ndarray | None = None
    relaxation: RelaxationResult | None = None
    judgment: Judgment | None = None
    left_out: tuple = ()
    lower_bound: float = 0.0


def announce_run(n, d, params, precomputed):
    """Say beforehand that a fit will be long."""
    if params.solver == "cvxpy":
        announce(
            cvxpy_seconds(n, params.tol, params.max_iter),
            "The relaxation by cvxpy",
            "solver='dense' solves the same problem faster; a larger tol shortens it.",
        )
        return
    dense = params.solver == "dense" or precomputed
    thorough = params.solver == "auto" and params.effort == "thorough"
    if params.solver == "auto" and params.cuts:
        announce(
            root_seconds(n), "The relaxation with cuts", "cuts=False leaves it out."
        )
    elif dense or (thorough and n <= params.max_dense):
        announce(
            seconds(dense_cost(n)),
            "The relaxation",
            "A larger tol or a smaller max_iter shortens it"
            + (", effort='fast' leaves it out." if thorough else "."),
        )
    elif params.solver == "sketch":
        size = params.sketch_size or min(params.max_dense, 300)
        announce(
            seconds(dense_cost(min(size, n))),
            "The relaxation of the sample",
            "A smaller sketch_size shortens it.",
        )
    elif params.solver == "lowrank":
        rank = max(params.rank or 2 * params.n_clusters, params.n_clusters)
        announce(
            lowrank_seconds(n, d, rank, params.tol, params.max_iter),
            "The factorization",
            "A larger tol or a smaller max_iter shortens it.",
        )


def _watch(tick):
    """Hand a solver's progress to the callbacks."""

    def callback(progress):
        return tick({"n_iter": progress.n_iter, "objective": float(progress.objective)})

    return callback


def run_gram(gram, labels, params, rng, tick):
    """Dense solvers; the matrix is double-centered."""
    K, total = params.n_clusters, np.trace(gram.matrix)
    if params.solver == "cvxpy":
        Z, N, value, n_iter = solve_with_cvxpy(
            gram.matrix[None], [float(K)], tol=params.tol, max_iter=params.max_iter
        )
        result = finish_labels(gram.matrix, K, Z[0], N[0], rng)
        return Run(
            result.labels,
            "cvxpy",
            n_iter,
            True,
            total - np.array([value]),
            relaxation=result,
        )
    result = solve_kmeans_sdp(
        gram,
        K,
        labels=labels,
        tol=params.tol,
        max_iter=params.max_iter,
        random_state=rng,
        callback=_watch(tick),
    )
    return Run(
        result.labels,
        "dense",
        result.n_iter,
        result.converged,
        total - result.objective,
        relaxation=result,
    )


def run_sketch(X, labels, weight, params, rng, tick):
    K = params.n_clusters
    size = params.sketch_size or min(params.max_dense, 300)
    size = min(len(X), params.max_dense, max(size, 10 * K))
    centers, result = sketch_kmeans_sdp(
        X,
        K,
        labels,
        size=size,
        tol=max(params.tol, 1e-3),
        max_iter=params.max_iter,
        random_state=rng,
        weight=weight,
        callback=_watch(tick),
    )
    found = lift_centers(X, centers, weight)
    labels = better_labels(X, [labels, found], K, weight)
    return Run(labels, "sketch", result.n_iter, result.converged, result.objective)


def run_lowrank(X, labels, weight, params, rng, tick):
    K = params.n_clusters
    w = np.ones(len(X)) if weight is None else weight
    centered = X - np.average(X, axis=0, weights=w)
    result = solve_kmeans_lowrank(
        centered,
        K,
        labels,
        weight=weight,
        rank=None if params.rank is None else max(params.rank, K),
        tol=params.tol,
        max_iter=params.max_iter,
        random_state=rng,
        callback=_watch(tick),
    )
    found = labels_of_factor(result.x, K, np.sqrt(w))
    total = w @ np.einsum("ij,ij->i", centered, centered)
    return Run(
        better_labels(X, [labels, found], K, weight),
        "lowrank",
        result.n_iter,
        result.converged,
        total - result.objective,
    )


def run_cuts(X, labels, weight, params, tick):
    """The relaxation with cutting planes, for its bound."""
    K = params.n_clusters
    groups = group_points(X, np.zeros(len(X), dtype=np.intp), 1, weight)
    mass = np.ones(len(X)) if weight is None else weight
    distinct, parts = np.unique(X, axis=0, return_inverse=True)
    parts = parts.ravel()
    mass = np.bincount(parts, weights=mass)
    means = distinct - (mass @ distinct) / mass.sum()
    rows = Rows(tuple((i,) for i in range(len(means))), means, mass, frozenset())
    problem = CutProblem(rows, K, groups.total, 2 * groups.total_error)
    inertia = group_points(X, labels, K, weight).inertia
    bounds = []

    def watch(bound):
        bounds.append(bound)
        return tick({"n_iter": len(bounds), "objective": float(bound)})

    outcome = solve_with_cuts(
        problem,
        first_state(problem),
        target=inertia * (1 - params.tol),
        upper=inertia,
        max_rounds=max(params.max_iter // _SWEEPS, 1),
        sweeps=_SWEEPS,
        watch=watch,
    )
    return Run(
        labels,
        "cuts",
        outcome.n_sweeps,
        outcome.why in ("target", "stall", "solved"),
        np.array([*bounds, outcome.lower_bound]),
        lower_bound=max(outcome.lower_bound, 0.0),
    )


def add_relaxation(judgment, relaxation):
    """Add to a judgment what the dense relaxation proves."""
    if relaxation is None or judgment.verdict == "certified":
        return judgment
    lower = max(judgment.lower_bound, relaxation.lower_bound)
    lower = min(lower, judgment.inertia)
    method = "relaxation" if lower > judgment.lower_bound else judgment.method
    verdict, reason = judgment.verdict, judgment.reason
    if relaxation.verdict == "certified":
        # The relaxation's own margin grows with the total scatter, the inertia's not.
        if judgment.error <= CERTIFIED_GAP * judgment.inertia:
            lower, method = judgment.inertia - judgment.error, "certificate"
            verdict, reason = "certified", ""
        else:
            reason = ROUNDING
    elif relaxation.verdict == "not_tight":
        verdict = "not_tight"
    return replace(
        judgment, verdict=verdict, reason=reason, lower_bound=lower, method=method
    )
