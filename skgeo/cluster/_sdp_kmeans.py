"""K-means through its semidefinite relaxation, with a proof of the result."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.random import RandomState as NumpyRandomState
from numpy.typing import ArrayLike
from sklearn.base import (
    ClusterMixin,
)
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.cluster._inputs import check_points, unit_of
from skgeo.cluster._nearest_centers import NearestCenters, squared_distances
from skgeo.cluster._outweighed import warn_outweighed
from skgeo.cluster._solvers.certificate import CERTIFIED_GAP, ROUNDING, UNDECIDED
from skgeo.cluster._solvers.groups import power_of_two_scale
from skgeo.cluster._solvers.judgment import (
    Judgment,
    advice,
    certify_labels,
    dense_cost,
    fast_budget,
    seconds,
)
from skgeo.cluster._solvers.local_search import search_labels
from skgeo.cluster._solvers.relaxation import (
    WeightedGram,
    gram_inertia,
)
from skgeo.cluster._solvers.runs import (
    Run,
    add_relaxation,
    announce_run,
    run_cuts,
    run_gram,
    run_lowrank,
    run_sketch,
)
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    Unused,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["SDPKMeans"]

_TYPICAL_SWEEPS = 300  # sweeps that the estimated cost of the relaxation stands for


class SDPKMeans(CallbackMixin, NearestCenters, ClusterMixin, BaseEstimator):
    """K-means with a certificate: the Peng-Wei semidefinite relaxation.

    Finds labels, a rigorous lower bound on the inertia of *every* clustering of the
    data, and so by how much other labels can be better at most.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters K.
    solver : {"auto", "dense", "lowrank", "sketch", "cvxpy"}, default="auto"
        "auto" runs K-means and tries to prove its labels optimal in closed form; only
        where that does not succeed, and as far as ``effort`` allows, it solves the
        relaxation: by "dense" up to ``max_dense`` points, by "sketch" above. "dense" is
        the ADMM on n x n matrices. "lowrank" factorizes the matrix (O(n r) memory).
        "sketch" solves a balanced sample and lifts its centers to all points. "cvxpy"
        is slow and independent, for comparison; it needs the package cvxpy.
    effort : {"fast", "thorough"}, default="fast"
        "fast" lets "auto" leave out what costs more than about ten fits of K-means
        with ten starts (a second or two on small data); ``advice_`` says what that was
        and how long it would take. "thorough" leaves nothing out.
    tol : float, default=1e-4
        Relative accuracy of the relaxation: its value and its constraints.
    max_iter : int, default=5000
        Maximum number of iterations of the relaxation's solver.
    metric : {"euclidean", "precomputed"}, default="euclidean"
        With "precomputed", X holds *squared* dissimilarities, shape (n, n); the
        solvers are then "dense" or "cvxpy".
    n_init : int or "auto", default=10
        K-means starts; "auto" means 10. Moves of single points and swaps of centers
        improve the best of them.
    max_dense : int, default=1000
        Maximum number of points for which n x n matrices are formed (about ``48 n^2``
        bytes).
    sketch_size : int or None, default=None
        Points in the sample of "sketch"; None means ``min(max_dense, 300)``, and at
        least ten per cluster.
    rank : int or None, default=None
        Columns of the factor of "lowrank"; None means ``2 * n_clusters``.
    n_cells : int, default=300
        Cells of the bound for more than ``max_dense`` points.
    cuts : bool, default=False
        Solve the relaxation with pair, triangle and clique inequalities, up to
        ``max_dense`` points: the bound of the root of :class:`ExactKMeans`, several
        times nearer, in seconds to minutes. Only with ``solver="auto"``.
    random_state : int, RandomState instance or None, default=None
        Draws the K-means starts, the starts of the rounding, samples and cells.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point.
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters, in increasing order of their first feature; not with
        ``metric="precomputed"``. With fewer distinct points than clusters the last rows
        repeat the first.
    inertia_ : float
        Sum of squared distances to the cluster means.
    lower_bound_ : float
        No clustering into ``n_clusters`` has a smaller inertia. Valid also when the
        solver stopped early; see :func:`certify_kmeans` on rounding.
    gap_ : float
        ``1 - lower_bound_ / inertia_``: no labels can have an inertia more than this
        share below ``inertia_``. At most 1e-9 if the labels are certified.
    certified_ : bool
        The labels are a global optimum of K-means.
    verdict_ : {"certified", "not_tight", "open"}
        "not_tight": the relaxation provably cannot certify these labels.
    reason_ : str
        Why the labels are not certified; empty if they are.
    advice_ : str
        What more effort may bring and about how long it takes; empty if nothing was
        left out.
    objective_ : ndarray of shape (n_checks,)
        Inertia of the relaxed solution each time the solver looked; the final inertia
        alone where no relaxation was solved. Of the sample with "sketch".
    solver_ : str
        What gave the labels: "kmeans" if no relaxation had to be solved.
    n_iter_ : int
        Iterations of the relaxation's solver; 0 if it did not run.
    converged_ : bool
        Whether it reached ``tol``, the labels were certified, or ``effort`` ended it.
    n_features_in_ : int
        Number of features.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, too many samples for the solver, or
        the squares of the data are no floating-point numbers.

    See Also
    --------
    certify_kmeans : The same statements for given labels.
    LikelihoodAdjustedSDP : Clusters of unequal covariances.

    Notes
    -----
    K-means, and so this class, depends on the scales of the features: standardize
    where they are not comparable.

    References
    ----------
    .. [1] J. Peng, Y. Wei, "Approximating K-means-type clustering via semidefinite
       programming", SIAM J. Optim. 18 (2007): the relaxation.
    .. [2] X. Chen, Y. Yang, "Cutoff for exact recovery of Gaussian mixture models",
       IEEE Trans. Inf. Theory 67 (2021), arXiv:2001.01194: it recovers equal spherical
       clusters down to the information-theoretic threshold.
    .. [3] Y. Zhuang, X. Chen, Y. Yang, "Sketch-and-lift: scalable subsampled
       semidefinite program for K-means clustering", AISTATS 2022.
    .. [4] Y. Zhuang, X. Chen, Y. Yang, R. Zhang, "Statistically optimal K-means
       clustering via nonnegative low-rank semidefinite programming", ICLR 2024.

    Examples
    --------
    >>> from skgeo.cluster import SDPKMeans
    >>> from skgeo.datasets import make_gaussian_clusters
    >>> X, y = make_gaussian_clusters(150, 3, 5, separation=8, random_state=0)
    >>> model = SDPKMeans(3, random_state=0).fit(X)
    >>> model.certified_
    True
    >>> bool(model.gap_ < 1e-9)
    True
    """

    _param_rules = {
        "n_clusters": Integer(1),
        "solver": OneOf("auto", "dense", "lowrank", "sketch", "cvxpy"),
        "effort": OneOf("fast", "thorough"),
        "tol": Real(0.0, closed="neither"),
        "max_iter": Integer(1),
        "metric": OneOf("euclidean", "precomputed"),
        "n_init": OneOf("auto") | Integer(1),
        "max_dense": Integer(2),
        "sketch_size": Null() | Integer(2),
        "rank": Null() | Integer(1),
        "n_cells": Integer(2),
        "cuts": Boolean(),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused("rank", lambda p: p.solver != "lowrank", "solver is not 'lowrank'"),
        Unused(
            "sketch_size",
            lambda p: p.solver not in ("auto", "sketch"),
            "solver is neither 'auto' nor 'sketch'",
        ),
        Unused("cuts", lambda p: p.solver != "auto", "solver is not 'auto'"),
        Unused("effort", lambda p: p.solver != "auto", "solver is not 'auto'"),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        solver: Literal["auto", "dense", "lowrank", "sketch", "cvxpy"] = "auto",
        effort: Literal["fast", "thorough"] = "fast",
        tol: float = 1e-4,
        max_iter: int = 5000,
        metric: Literal["euclidean", "precomputed"] = "euclidean",
        n_init: int | Literal["auto"] = 10,
        max_dense: int = 1000,
        sketch_size: int | None = None,
        rank: int | None = None,
        n_cells: int = 300,
        cuts: bool = False,
        random_state: int | NumpyRandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.solver = solver
        self.effort = effort
        self.tol = tol
        self.max_iter = max_iter
        self.metric = metric
        self.n_init = n_init
        self.max_dense = max_dense
        self.sketch_size = sketch_size
        self.rank = rank
        self.n_cells = n_cells
        self.cuts = cuts
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.positive_only = self.metric == "precomputed"
        return tags

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> "SDPKMeans":
        """Cluster the data and bound the inertia from below.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Points, or squared dissimilarities with ``metric="precomputed"``.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights: inertia and bound are then weighted. Samples of weight zero are
            labeled, nothing else. Not for ``solver="cvxpy"``.

        Returns
        -------
        self : SDPKMeans
            The fitted estimator.
        """
        params = check_params(self)
        precomputed = params.metric == "precomputed"
        points = check_points(
            self, X, sample_weight, params.n_clusters, dissimilarities=precomputed
        )
        X, weight, n = points.X, points.weight, len(points.X)
        if weight is not None and params.solver == "cvxpy":
            raise InvalidParameterError(
                "solver='cvxpy' does not take sample_weight; use solver='dense'."
            )
        if params.solver in ("dense", "cvxpy") or precomputed or params.cuts:
            self._check_size(n)
        rng = check_random_state(params.random_state)
        announce_run(n, X.shape[1], params, precomputed)
        with (
            single_blas_thread(),
            self._iterations(None, X=X, y=y) as tick,
        ):
            if precomputed:
                self._fit_dissimilarities(X, weight, params, rng, tick)
            else:
                self._fit_weighted(X, weight, params, rng, tick)
                self.cluster_centers_ = self._centers.astype(points.dtype)
        warn_outweighed(
            X if weight is None else X[weight > 0],
            self.labels_ if weight is None else self.labels_[weight > 0],
            getattr(self, "feature_names_in_", None),
            rows_of="dissimilarities" if precomputed else "samples",
        )
        if not self.converged_:
            warn_user(
                f"The relaxation stopped after {self.n_iter_} iterations before "
                f"reaching tol={params.tol:g}; lower_bound_ is valid all the same. "
                "Increase max_iter or tol.",
                ConvergenceWarning,
            )
        return self

    def _check_size(self, n):
        if n > self.max_dense:
            advice = "pass points instead of dissimilarities"
            if self.metric == "euclidean":
                advice = "use solver='auto', 'sketch' or 'lowrank'"
            raise ValueError(
                f"n_samples={n} is above max_dense={self.max_dense}: the n x n "
                f"matrices would take about {48 * n * n:,} bytes. "
                f"Raise max_dense, or {advice}."
            )

    def _fit_weighted(self, X, weight, params, rng, tick):
        """Fit the samples of positive weight and label the others."""
        if weight is None or (weight > 0).all():
            self._fit_points(X, weight, params, rng, tick)
            return
        kept = weight > 0
        self._fit_points(X[kept], weight[kept], params, rng, tick)
        labels = np.empty(len(X), dtype=np.int32)
        labels[kept] = self.labels_
        away, _ = squared_distances(X[~kept], self._centers)
        labels[~kept] = np.argmin(away, axis=1)
        self.labels_ = labels

    def _fit_points(self, X, weight, params, rng, tick):
        n, K = len(X), params.n_clusters
        unit = power_of_two_scale(X)
        scaled = X / unit
        distinct, codes = np.unique(scaled, axis=0, return_inverse=True)
        if len(distinct) <= K:
            self._few_distinct(X, codes.ravel(), len(distinct), weight, K)
            return
        if K == 1:
            run = Run(np.zeros(n, dtype=np.intp))
        else:
            run = self._solve_points(scaled, weight, params, rng, tick)
            labels = run.labels
            if params.solver in ("dense", "cvxpy"):  # the others began with a search
                labels = search_labels(scaled, labels, K, weight, rng)
            if not np.array_equal(labels, run.labels):
                # Bounds stay, what was proven was about other labels.
                run = replace(run, labels=labels, judgment=None)
                if run.relaxation is not None:
                    run = replace(
                        run, relaxation=replace(run.relaxation, verdict="open")
                    )
        judgment = run.judgment
        if judgment is None:
            judgment = certify_labels(
                scaled,
                run.labels,
                K,
                weight=weight,
                bound="none" if run.solver in ("dense", "cvxpy", "cuts") else "auto",
                budget=_budget(params, scaled),
                n_cells=params.n_cells,
                random_state=rng,
                tick=tick,
            )
        judgment = add_relaxation(judgment, run.relaxation)
        if run.lower_bound > judgment.lower_bound:
            lower = min(run.lower_bound, judgment.inertia)
            judgment = replace(judgment, lower_bound=lower, method="cuts")
        w = np.ones(n) if weight is None else weight
        groups = [run.labels == k for k in range(K)]
        centers = np.array([np.average(X[m], axis=0, weights=w[m]) for m in groups])
        # Names that do not depend on the draw: in the order of the centers.
        order = np.lexsort(centers.T[::-1])
        self._centers = centers[order]
        self._store(replace(run, labels=np.argsort(order)[run.labels]), judgment, unit)

    def _few_distinct(self, X, codes, n_distinct, weight, K):
        """Inertia zero: each distinct point is a cluster."""
        if n_distinct < K:
            warn_user(
                f"Number of distinct clusters ({n_distinct}) found smaller than "
                f"n_clusters ({K}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
            )
        self._store(Run(codes.astype(np.intp)), _ZERO, 1.0)
        first = np.unique(codes, return_index=True)[1]
        # As many rows as clusters, like KMeans: the last repeat the first.
        self._centers = X[np.resize(first, K)].copy()

    def _solve_points(self, X, weight, params, rng, tick):
        """Labels of scaled points by the solver asked for."""
        n, K = len(X), params.n_clusters
        params.cuts = params.cuts and params.solver == "auto"
        if params.solver in ("dense", "cvxpy"):
            gram = WeightedGram.of_points(X, weight)
            return run_gram(gram, None, params, rng, tick)
        n_init = 10 if params.n_init == "auto" else params.n_init
        seed = rng.randint(np.iinfo(np.int32).max)
        kmeans = KMeans(K, n_init=n_init, tol=0.0, random_state=seed)
        labels = kmeans.fit(X, sample_weight=weight).labels_.astype(np.intp)
        labels = search_labels(X, labels, K, weight, rng)
        if params.cuts:
            return run_cuts(X, labels, weight, params, tick)
        if params.solver == "lowrank":
            return run_lowrank(X, labels, weight, params, rng, tick)
        if params.solver == "sketch":
            return run_sketch(X, labels, weight, params, rng, tick)
        small = n <= params.max_dense
        budget = _budget(params, X)
        affordable = dense_cost(n) <= budget
        judgment = certify_labels(
            X,
            labels,
            K,
            weight=weight,
            bound="none" if small and affordable else "auto",
            budget=budget,
            n_cells=params.n_cells,
            random_state=rng,
            tick=tick,
        )
        if judgment.verdict == "certified":
            return Run(labels, judgment=judgment)
        if judgment.inertia < 10 * params.tol * judgment.total:
            # Far groups: the relaxation sees nothing but their distance.
            return Run(labels, judgment=judgment)
        if small and affordable:
            gram = WeightedGram.of_points(X, weight)
            if params.effort == "thorough":
                return run_gram(gram, labels, params, rng, tick)
            allowed = max(int(_TYPICAL_SWEEPS * budget / dense_cost(n)), 1)
            params.max_iter = min(params.max_iter, allowed)
            run = run_gram(gram, labels, params, rng, tick)
            if run.converged or run.n_iter < allowed:
                return run
            # Stopped by the effort, not by the user's limit: no warning, but advice.
            left_out = (("dense", seconds(3 * dense_cost(n))),)
            return replace(run, converged=True, left_out=left_out)
        if params.effort == "fast":
            left_out = (("dense", seconds(dense_cost(n))),) if small else ()
            return Run(labels, judgment=judgment, left_out=left_out)
        run = run_sketch(X, labels, weight, params, rng, tick)
        if np.array_equal(run.labels, labels):
            return replace(run, judgment=judgment)
        return run

    def _fit_dissimilarities(self, D, weight, params, rng, tick):
        n, K = len(D), params.n_clusters
        # Dissimilarities are squares: an even power of two.
        unit = power_of_two_scale(np.sqrt(D))
        distinct, codes = np.unique(D, axis=0, return_inverse=True)
        codes = codes.ravel()
        if len(distinct) <= K and all(
            D[np.ix_(codes == c, codes == c)].max() == 0 for c in range(len(distinct))
        ):
            self._store(Run(codes.astype(np.intp)), _ZERO, 1.0)
            self._remember_within(D, weight, K)
            return
        gram = WeightedGram.of_dissimilarities(D / unit**2, weight)
        margin = 20 * n * np.finfo(float).eps * np.linalg.norm(gram.matrix)
        if K == 1 or n == K:
            run = Run(np.arange(n) if n == K else np.zeros(n, dtype=np.intp))
            inertia = max(gram_inertia(gram, run.labels, K), 0.0)
            lower, verdict = max(0.0, inertia - margin), "certified"
        else:
            run = run_gram(gram, None, params, rng, tick)
            inertia = max(gram_inertia(gram, run.labels, K), 0.0)
            lower, verdict = run.relaxation.lower_bound, run.relaxation.verdict
        judgment = Judgment(
            verdict=verdict,
            reason="" if verdict == "certified" else UNDECIDED,
            inertia=inertia,
            lower_bound=min(lower, inertia),
            error=margin,
            method="certificate" if verdict == "certified" else "relaxation",
            t_max=np.nan,
            floor=np.nan,
            total=float(np.trace(gram.matrix)),
        )
        if verdict == "certified" and judgment.gap > CERTIFIED_GAP:
            judgment = replace(judgment, verdict="open", reason=ROUNDING)
        self._store(run, judgment, unit)
        self._remember_within(D, weight, K)

    def _remember_within(self, D, weight, K):
        """Half the mean squared dissimilarity inside each cluster, for predict."""
        w = np.ones(len(D)) if weight is None else weight
        found = int(self.labels_.max()) + 1
        columns = np.zeros((len(D), found))
        columns[np.arange(len(D)), self.labels_] = w
        columns /= columns.sum(axis=0)
        within = 0.5 * np.einsum("ik,ij,jk->k", columns, D, columns, optimize=True)
        repeated = np.resize(np.arange(found), K)
        self._shares, self._within = columns[:, repeated], within[repeated]

    def _store(self, run, judgment, unit):
        self.labels_ = run.labels.astype(np.int32)
        self.inertia_ = unit_of(judgment.inertia, unit)
        self.lower_bound_ = unit_of(judgment.lower_bound, unit)
        self.gap_ = judgment.gap
        self.verdict_ = judgment.verdict
        self.certified_ = judgment.verdict == "certified"
        self.reason_ = judgment.reason
        self.advice_ = advice(judgment.left_out + run.left_out)
        trace = [judgment.inertia] if run.objective is None else run.objective
        self.objective_ = np.asarray(trace) * unit * unit
        self.solver_ = run.solver
        self.n_iter_ = int(run.n_iter)
        self.converged_ = bool(run.converged)

    def _squared_distances(self, X):
        if self.metric == "euclidean":
            return super()._squared_distances(X)
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.maximum(X @ self._shares - self._within, 0.0), 1.0


# Nothing is left to improve, and nothing was rounded.
_ZERO = Judgment(
    verdict="certified",
    reason="",
    inertia=0.0,
    lower_bound=0.0,
    error=0.0,
    method="certificate",
    t_max=np.inf,
    floor=0.0,
    total=0.0,
)


def _budget(params, X):
    """Floating-point operations that a stage may take."""
    if params.effort == "thorough":
        return np.inf
    return fast_budget(*X.shape, params.n_clusters)
