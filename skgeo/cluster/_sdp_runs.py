"""How SDPKMeans runs its solvers."""

import numpy as np
from sklearn.cluster import KMeans

from skgeo.cluster._certificate import judge
from skgeo.cluster._inputs import inertia_of
from skgeo.cluster._kmeans import group_rows, lift_centers
from skgeo.cluster._solvers.lowrank import labels_of_factor, solve_kmeans_lowrank
from skgeo.cluster._solvers.reference_cvxpy import solve_with_cvxpy
from skgeo.cluster._solvers.relaxation import (
    double_centered,
    finish_labels,
    solve_kmeans_sdp,
)
from skgeo.cluster._solvers.sketch import sketch_kmeans_sdp

__all__ = ["RelaxationRuns"]


class RelaxationRuns:
    """Mixin: each method returns labels and a dictionary about the run."""

    def _solve_points(self, X, rng, tick):
        """Labels of scaled points, and a dict about the run."""
        n, K = len(X), self.n_clusters
        if self.solver in ("dense", "cvxpy"):
            X = X - X.mean(axis=0)
            return self._solve_gram(double_centered(X @ X.T), None, rng, tick)
        seed = rng.randint(np.iinfo(np.int32).max)
        kmeans = KMeans(K, n_init=self.n_init, tol=0.0, random_state=seed).fit(X)
        labels = kmeans.labels_.astype(np.intp)
        if self.solver == "lowrank":
            return self._solve_lowrank(X, labels, rng, tick)
        if self.solver == "auto":
            small = n <= self.max_dense
            outcome = judge(
                X,
                labels,
                K,
                bound="none" if small else "auto",
                n_cells=self.n_cells,
                random_state=rng,
            )
            if outcome["verdict"] == "certified":
                return labels, {"outcome": outcome}
            if small:
                X = X - X.mean(axis=0)
                return self._solve_gram(double_centered(X @ X.T), labels, rng, tick)
        else:
            outcome = None
        size = self.sketch_size or min(self.max_dense, 300)
        size = min(n, self.max_dense, max(size, 10 * K))
        centers, result = sketch_kmeans_sdp(
            X,
            K,
            labels,
            size=size,
            group_rows=group_rows,
            tol=max(self.tol, 1e-3),
            max_iter=self.max_iter,
            random_state=rng,
            callback=self._watch(tick),
        )
        found = lift_centers(X, centers)
        run = {
            "solver": "sketch",
            "n_iter": result.n_iter,
            "converged": result.converged,
            "objective": result.objective,
        }
        if len(np.unique(found)) < K:
            found = labels  # the sample lost a cluster
        if outcome is not None:
            # Bounds hold for every labeling: judge again only better labels.
            inertia = inertia_of(X, found)
            if inertia >= outcome["inertia"] * (1 - 1e-12):
                run["outcome"] = outcome
                return labels, run
        return found, run

    def _solve_lowrank(self, X, labels, rng, tick):
        centered = X - X.mean(axis=0)
        result = solve_kmeans_lowrank(
            centered,
            self.n_clusters,
            labels,
            rank=None if self.rank is None else max(self.rank, self.n_clusters),
            tol=self.tol,
            max_iter=self.max_iter,
            random_state=rng,
            callback=self._watch(tick),
        )
        run = {
            "solver": "lowrank",
            "n_iter": result.n_iter,
            "converged": result.converged,
            "objective": np.vdot(centered, centered) - result.objective,
        }
        found = labels_of_factor(result.x, self.n_clusters)
        if len(np.unique(found)) == self.n_clusters:
            centers = [X[found == k].mean(axis=0) for k in range(self.n_clusters)]
            found = lift_centers(X, np.array(centers))
            if inertia_of(X, found) < inertia_of(X, labels):
                labels = found
        return labels, run

    def _solve_gram(self, A, labels, rng, tick):
        """Dense solvers; A is the double-centered Gram matrix."""
        K, total = self.n_clusters, np.trace(A)
        if self.solver == "cvxpy":
            Z, N, value, n_iter = solve_with_cvxpy(
                A[None], [float(K)], tol=self.tol, max_iter=self.max_iter
            )
            extra = finish_labels(A, K, Z[0], N[0], group_rows, rng)
            run = {"n_iter": n_iter, "converged": True, "objective": np.array([value])}
        else:
            result = solve_kmeans_sdp(
                A,
                K,
                group_rows=group_rows,
                labels=labels,
                tol=self.tol,
                max_iter=self.max_iter,
                random_state=rng,
                callback=self._watch(tick),
            )
            extra = result.extra
            run = {
                "n_iter": result.n_iter,
                "converged": result.converged,
                "objective": result.objective,
            }
        run |= {
            "dense": True,
            "solver": "cvxpy" if self.solver == "cvxpy" else "dense",
            "objective": total - run["objective"],
            "lower_bound": extra["lower_bound"],
            "verdict": extra["verdict"],
        }
        return extra["labels"], run

    def _watch(self, tick):
        def callback(state):
            return tick(
                {"n_iter": state["n_iter"], "objective": float(state["objective"])}
            )

        return callback
