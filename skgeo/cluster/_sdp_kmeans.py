"""K-means through its semidefinite relaxation, with a proof of the result."""

import warnings

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.cluster._certificate import judge
from skgeo.cluster._inputs import check_dissimilarities, unit_scale
from skgeo.cluster._sdp_runs import RelaxationRuns
from skgeo.cluster._solvers.relaxation import double_centered, gram_inertia
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, OneOf, RandomState, Real, check_params

__all__ = ["SDPKMeans"]


class SDPKMeans(
    RelaxationRuns,
    CallbackMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
):
    """K-means with a certificate: the Peng-Wei semidefinite relaxation.

    Finds labels, a rigorous lower bound on the inertia of *every* clustering of the
    data, and so how far from optimal the labels can be at most.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters K.
    solver : {"auto", "dense", "lowrank", "sketch", "cvxpy"}, default="auto"
        "auto" runs K-means and tries to prove its labels optimal in closed form; only
        where that does not succeed it solves the relaxation, by "dense" up to
        ``max_dense`` points and by "sketch" above. "dense" is the ADMM on n x n
        matrices. "lowrank" factorizes the matrix (O(n r) memory). "sketch" solves a
        balanced sample and lifts its centers to all points. "cvxpy" is slow and
        independent, for comparison; it needs the package cvxpy.
    tol : float, default=1e-4
        Relative accuracy of the relaxation: its value and its constraints.
    max_iter : int, default=5000
        Largest number of iterations of the relaxation's solver.
    metric : {"euclidean", "precomputed"}, default="euclidean"
        With "precomputed", X holds *squared* dissimilarities, shape (n, n); the
        solvers are then "dense" or "cvxpy".
    n_init : int, default=10
        K-means starts of "auto", "lowrank" and "sketch".
    max_dense : int, default=1000
        Most points for which n x n matrices are formed (about ``48 n^2`` bytes).
    sketch_size : int or None, default=None
        Points in the sample of "sketch"; None means ``min(max_dense, 300)``, and at
        least ten per cluster.
    rank : int or None, default=None
        Columns of the factor of "lowrank"; None means ``2 * n_clusters``.
    n_cells : int, default=300
        Cells of the bound for more than ``max_dense`` points.
    random_state : int, RandomState instance or None, default=None
        Draws the K-means starts, the starts of the rounding, samples and cells.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point.
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters; not with ``metric="precomputed"``.
    inertia_ : float
        Sum of squared distances to the cluster means.
    lower_bound_ : float
        No clustering into ``n_clusters`` has a smaller inertia. Valid also when the
        solver stopped early; see :func:`certify_kmeans` on rounding.
    gap_ : float
        ``1 - lower_bound_ / inertia_``, zero when the inertia is zero.
    certified_ : bool
        The labels are a global optimum of K-means.
    verdict_ : {"certified", "not_tight", "open"}
        "not_tight": the relaxation provably cannot certify these labels.
    objective_ : ndarray of shape (n_checks,)
        Inertia of the relaxed solution each time the solver looked; the final inertia
        alone where no relaxation was solved. Of the sample with "sketch".
    solver_ : str
        What gave the labels: "kmeans" if no relaxation had to be solved.
    n_iter_ : int
        Iterations of the relaxation's solver; 0 if it did not run.
    converged_ : bool
        Whether it reached ``tol``, or the labels were certified.
    n_features_in_ : int
        Number of features.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, or too many samples for the solver.

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
        "tol": Real(0.0, closed="neither"),
        "max_iter": Integer(1),
        "metric": OneOf("euclidean", "precomputed"),
        "n_init": Integer(1),
        "max_dense": Integer(2),
        "sketch_size": Null() | Integer(2),
        "rank": Null() | Integer(1),
        "n_cells": Integer(2),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        solver="auto",
        tol=1e-4,
        max_iter=5000,
        metric="euclidean",
        n_init=10,
        max_dense=1000,
        sketch_size=None,
        rank=None,
        n_cells=300,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.metric = metric
        self.n_init = n_init
        self.max_dense = max_dense
        self.sketch_size = sketch_size
        self.rank = rank
        self.n_cells = n_cells
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags

    @with_callbacks
    def fit(self, X, y=None):
        """Cluster the data and bound the inertia from below.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Points, or squared dissimilarities with ``metric="precomputed"``.
        y : None
            Ignored.

        Returns
        -------
        self : SDPKMeans
            The fitted estimator.
        """
        check_params(self)
        X = validate_data(self, X, dtype=np.float64)
        n = len(X)
        if n < self.n_clusters:
            raise ValueError(
                f"n_samples={n} should be >= n_clusters={self.n_clusters}: lower "
                "n_clusters or add points."
            )
        if self.metric == "precomputed":
            X = check_dissimilarities(X)
        if self.solver in ("dense", "cvxpy") or self.metric == "precomputed":
            self._check_size(n)
        rng = check_random_state(self.random_state)
        with (
            single_blas_thread(),
            self._iterations(None, X=X, y=y) as tick,
        ):
            if self.metric == "precomputed":
                self._fit_dissimilarities(X, rng, tick)
            else:
                self._fit_points(X, rng, tick)
        if not self.converged_:
            warnings.warn(
                f"The relaxation stopped after {self.n_iter_} iterations before "
                f"reaching tol={self.tol:g}; lower_bound_ is valid all the same. "
                "Increase max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
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

    def _fit_points(self, X, rng, tick):
        n, K = len(X), self.n_clusters
        scaled, scale, _ = unit_scale(X)
        distinct, codes = np.unique(scaled, axis=0, return_inverse=True)
        if len(distinct) <= K:
            self._few_distinct(X, codes.ravel(), len(distinct))
            return
        if K == 1:
            labels, run = np.zeros(n, dtype=np.intp), None
        else:
            labels, run = self._solve_points(scaled, rng, tick)
        outcome = (run or {}).get("outcome")
        if outcome is None:
            outcome = judge(
                scaled,
                labels,
                K,
                bound="none" if (run or {}).get("dense") else "auto",
                n_cells=self.n_cells,
                random_state=rng,
            )
        run = {"solver": "kmeans", "n_iter": 0, "converged": True} | (run or {})
        lower = max(outcome["lower_bound"], run.get("lower_bound", 0.0))
        verdict = run.get("verdict", outcome["verdict"])
        if outcome["verdict"] == "certified":
            verdict = "certified"
        self._store(labels, outcome["inertia"], lower, verdict, run, scale**2)
        self.cluster_centers_ = np.array([X[labels == k].mean(0) for k in range(K)])

    def _few_distinct(self, X, codes, n_distinct):
        """Inertia zero: each distinct point is a cluster."""
        if n_distinct < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({n_distinct}) found smaller than "
                f"n_clusters ({self.n_clusters}). Possibly due to duplicate points "
                "in X.",
                ConvergenceWarning,
                stacklevel=4,
            )
        run = {"solver": "kmeans", "n_iter": 0, "converged": True}
        self._store(codes.astype(np.intp), 0.0, 0.0, "certified", run, 1.0)
        first = np.unique(codes, return_index=True)[1]
        self.cluster_centers_ = X[first].copy()

    def _fit_dissimilarities(self, D, rng, tick):
        n, K = len(D), self.n_clusters
        scale = float(D.max())
        distinct, codes = np.unique(D, axis=0, return_inverse=True)
        if scale == 0 or len(distinct) <= K:
            codes = codes.ravel()
            same = all(D[np.ix_(codes == c, codes == c)].max() == 0 for c in set(codes))
            if same:
                run = {"solver": "kmeans", "n_iter": 0, "converged": True}
                self._store(codes.astype(np.intp), 0.0, 0.0, "certified", run, 1.0)
                self._remember_within(D)
                return
        A = double_centered(-0.5 * D / scale)
        if K == 1 or n == K:
            labels = np.arange(n) if n == K else np.zeros(n, dtype=np.intp)
            inertia = gram_inertia(A, labels, K)
            margin = 20 * n * np.finfo(float).eps * np.linalg.norm(A)
            run = {"solver": "kmeans", "n_iter": 0, "converged": True}
            run["lower_bound"], run["verdict"] = max(0.0, inertia - margin), "certified"
        else:
            labels, run = self._solve_gram(A, None, rng, tick)
            inertia = gram_inertia(A, labels, K)
        self._store(labels, inertia, run["lower_bound"], run["verdict"], run, scale)
        self._remember_within(D)

    def _remember_within(self, D):
        """Half the mean squared dissimilarity inside each cluster, for predict."""
        groups = range(int(self.labels_.max()) + 1)
        members = [self.labels_ == k for k in groups]
        self._within = np.array([0.5 * D[np.ix_(m, m)].mean() for m in members])

    def _store(self, labels, inertia, lower, verdict, run, unit):
        inertia = max(float(inertia), 0.0)
        lower = min(float(lower), inertia)
        self.labels_ = labels.astype(np.int32)
        self.inertia_ = inertia * unit
        self.lower_bound_ = lower * unit
        self.gap_ = 1.0 - lower / inertia if inertia > 0 else 0.0
        self.verdict_ = verdict
        self.certified_ = verdict == "certified"
        self.objective_ = np.asarray(run.get("objective", [inertia])) * unit
        self.solver_ = run["solver"]
        self.n_iter_ = int(run["n_iter"])
        self.converged_ = bool(run["converged"])

    def _squared_distances(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if self.metric == "euclidean":
            return cdist(X, self.cluster_centers_, "sqeuclidean")
        groups = range(len(self._within))
        mean = [X[:, self.labels_ == k].mean(axis=1) for k in groups]
        return np.maximum(np.column_stack(mean) - self._within, 0.0)

    def predict(self, X):
        """Assign points to the nearest cluster mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or their squared dissimilarities to the fitted ones.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster numbers.
        """
        return np.argmin(self._squared_distances(X), axis=1).astype(np.int32)

    def transform(self, X):
        """Compute distances to the cluster means.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or their squared dissimilarities to the fitted ones.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Euclidean distances, in the units of the data.
        """
        return np.sqrt(self._squared_distances(X))

    def score(self, X, y=None):
        """Negative sum of squared distances to the nearest cluster mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or their squared dissimilarities to the fitted ones.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Minus the inertia of X.
        """
        return -float(self._squared_distances(X).min(axis=1).sum())

    @property
    def _n_features_out(self):
        return (
            len(self._within)
            if self.metric == "precomputed"
            else len(self.cluster_centers_)
        )
