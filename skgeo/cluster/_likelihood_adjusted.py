"""Gaussian clusters of unequal covariances by semidefinite programming."""

import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.cluster._groups import definite_covariances, fit_without_program
from skgeo.cluster._inputs import (
    check_covariances,
    check_start_labels,
    random_labels,
    same_partition,
    unit_scale,
)
from skgeo.cluster._solvers.iterative_likelihood import solve_ila_sdp
from skgeo.cluster._solvers.mixture_em import gaussian_log_density, shrunk_em
from skgeo.cluster._solvers.relaxation import double_centered, solve_kmeans_sdp
from skgeo.cluster._solvers.sketch import balanced_sample
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    check_params,
)

__all__ = ["LikelihoodAdjustedSDP"]

_ARRAY = Instance((np.ndarray, list, tuple), "an array")


class LikelihoodAdjustedSDP(CallbackMixin, ClusterMixin, BaseEstimator):
    """Gaussian clusters by the (iterative) likelihood-adjusted SDP.

    The profile likelihood of hard labels, means maximized out, is linear in one
    membership matrix per cluster. Relaxed to a semidefinite program it is solved in
    turn with a covariance update that uses no centroid (iLA-SDP); with known
    ``covariances`` one program is solved (LA-SDP).

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters K.
    init : {"sdp", "kmeans", "random"} or array-like of shape (n_samples,), \
default="sdp"
        First labels: of the K-means relaxation, of K-means, drawn at random, or given.
        Not used with ``covariances``.
    covariances : array-like of shape (n_clusters, n_features, n_features) or None, \
default=None
        Known covariances; None estimates them.
    prior_strength : "auto" or float, default="auto"
        Number of points that the pooled covariance counts for in each cluster; "auto"
        is a quarter of the number of features.
    reg_covar : float, default=0.3
        Ridge on the covariances as a share of the mean pooled variance.
    polish : bool, default=True
        Finish with EM of the Gaussian mixture, regularized alike, from the labels of
        the relaxation. Without it the labels are those of the relaxation.
    max_iter : int, default=10
        Largest number of programs per start.
    tol : float, default=1e-4
        Stops when the objective rises by less than this share.
    sdp_tol : float, default=1e-3
        Relative accuracy of each program.
    sdp_max_iter : int, default=1000
        Largest number of sweeps of each program.
    n_init : int, default=2
        Starts; the fit of the highest likelihood is kept. Later starts of "sdp" are
        K-means, then single runs of K-means.
    max_dense : int, default=400
        Most points that enter a program (about ``40 K n^2`` bytes).
    sketch_size : int or None, default=None
        Points in the balanced sample that stands for larger data; None means
        ``min(max_dense, max(30, 5 n_features) * n_clusters)``.
    random_state : int, RandomState instance or None, default=None
        Draws starts and samples.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point.
    means_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters.
    covariances_ : ndarray of shape (n_clusters, n_features, n_features)
        Their covariances, regularized; the given ones with ``covariances``.
    weights_ : ndarray of shape (n_clusters,)
        Their shares.
    objective_ : ndarray of shape (n_iter_,)
        Profile log-likelihood of the relaxed memberships after each program. With
        regularization it need not rise. Of the sample where one stands for the data.
    upper_bound_ : float
        No labeling has a higher profile log-likelihood at the covariances of the
        last program. Rigorous; of the sample where one stands for the data.
    n_iter_ : int
        Programs solved from the start that was kept.
    converged_ : bool
        Whether they converged.
    n_features_in_ : int
        Number of features.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, ``init`` or ``covariances`` have the
        wrong shape or values, or a covariance is singular without regularization.

    See Also
    --------
    SDPKMeans : Equal spherical clusters, with a proof of optimality.
    sklearn.mixture.GaussianMixture : EM alone.

    Notes
    -----
    ``predict`` gives the component of the highest posterior probability. On the
    training data it equals ``labels_`` when ``polish`` is true.

    References
    ----------
    .. [1] Y. Zhuang, X. Chen, Y. Yang, "Likelihood adjusted semidefinite programs for
       clustering heterogeneous data", ICML 2023, arXiv:2209.15097: the idea of the
       method. Regularization, polish and the handling of large data are our own.

    Examples
    --------
    >>> from skgeo.cluster import LikelihoodAdjustedSDP
    >>> from skgeo.datasets import make_gaussian_clusters
    >>> X, y = make_gaussian_clusters(
    ...     60, 2, 4, separation=6, heterogeneity=1, random_state=0
    ... )
    >>> model = LikelihoodAdjustedSDP(2, random_state=0).fit(X)
    >>> model.means_.shape, model.covariances_.shape
    ((2, 4), (2, 4, 4))
    """

    _param_rules = {
        "n_clusters": Integer(1),
        "init": OneOf("sdp", "kmeans", "random") | _ARRAY,
        "covariances": Null() | _ARRAY,
        "prior_strength": OneOf("auto") | Real(0.0),
        "reg_covar": Real(0.0),
        "polish": Boolean(),
        "max_iter": Integer(1),
        "tol": Real(0.0),
        "sdp_tol": Real(0.0, closed="neither"),
        "sdp_max_iter": Integer(1),
        "n_init": Integer(1),
        "max_dense": Integer(2),
        "sketch_size": Null() | Integer(2),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        init="sdp",
        covariances=None,
        prior_strength="auto",
        reg_covar=0.3,
        polish=True,
        max_iter=10,
        tol=1e-4,
        sdp_tol=1e-3,
        sdp_max_iter=1000,
        n_init=2,
        max_dense=400,
        sketch_size=None,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.covariances = covariances
        self.prior_strength = prior_strength
        self.reg_covar = reg_covar
        self.polish = polish
        self.max_iter = max_iter
        self.tol = tol
        self.sdp_tol = sdp_tol
        self.sdp_max_iter = sdp_max_iter
        self.n_init = n_init
        self.max_dense = max_dense
        self.sketch_size = sketch_size
        self.random_state = random_state

    @with_callbacks
    def fit(self, X, y=None):
        """Cluster the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.
        y : None
            Ignored.

        Returns
        -------
        self : LikelihoodAdjustedSDP
            The fitted estimator.
        """
        check_params(self)
        X = validate_data(self, X, dtype=np.float64)
        n, d = X.shape
        if n < self.n_clusters:
            raise ValueError(
                f"n_samples={n} should be >= n_clusters={self.n_clusters}: lower "
                "n_clusters or add points."
            )
        given = check_start_labels(self.init, n, self.n_clusters)
        covariances = check_covariances(self.covariances, self.n_clusters, d)
        scaled, scale, offset = unit_scale(X)
        if covariances is not None:
            covariances = covariances / (scale or 1.0) ** 2
        rng = check_random_state(self.random_state)
        with single_blas_thread(), self._iterations(None, X=X, y=y) as tick:
            fit = self._fit_scaled(scaled, given, covariances, rng, tick)
        unit = scale or 1.0
        self.labels_ = fit["labels"].astype(np.int32)
        self.means_ = fit["means"] * unit + offset
        self.covariances_ = fit["covariances"] * unit**2
        self.weights_ = fit["weights"]
        constant = fit["n_points"] * d * (0.5 * np.log(2 * np.pi) + np.log(unit))
        self.objective_ = np.asarray(fit["objective"], dtype=float) - constant
        self.upper_bound_ = float(fit["upper_bound"] - constant)
        self.n_iter_ = int(fit["n_iter"])
        self.converged_ = bool(fit["converged"])
        if not self.converged_:
            warnings.warn(
                f"iLA-SDP did not converge in {self.n_iter_} programs; "
                "upper_bound_ is valid all the same. Increase max_iter or "
                "sdp_max_iter, or the tolerances.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _regularization(self, X):
        strength = self.prior_strength
        if strength == "auto":
            strength = 0.25 * X.shape[1]
        # Where all groups are points the ridge is a share of the total variance.
        return {
            "strength": float(strength),
            "reg_covar": float(self.reg_covar),
            "dimension": X.shape[1],
            "floor": max(1e-6 * X.var(axis=0).mean(), 1e-12),
        }

    def _fit_scaled(self, X, given, covariances, rng, tick):
        n, K = len(X), self.n_clusters
        options = self._regularization(X)
        distinct, codes = np.unique(X, axis=0, return_inverse=True)
        if K == 1 or len(distinct) <= K:
            return fit_without_program(X, codes.ravel(), K, covariances, options)
        starts = [None] if covariances is not None else self._starts(X, given, rng)
        fits = [
            self._fit_start(X, start, covariances, options, rng, tick)
            for start in starts
        ]
        best = max(fits, key=lambda fit: fit["score"])
        if len(np.unique(best["labels"])) < K:
            warnings.warn(
                f"Only {len(np.unique(best['labels']))} of n_clusters={K} clusters "
                "hold points.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return best | {"n_points": min(n, best["n_points"])}

    def _starts(self, X, given, rng):
        """First labels, in the order in which they are tried."""
        K = self.n_clusters
        if given is not None:
            return [given]
        if self.init == "random":
            return [random_labels(len(X), K, rng) for _ in range(self.n_init)]
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_init)
        kinds = ["sdp", "kmeans"] if self.init == "sdp" else ["kmeans"]
        starts = []
        for i, seed in enumerate(seeds):
            kind = kinds[i] if i < len(kinds) else "single"
            if kind == "sdp" and len(X) <= self.max_dense:
                centered = X - X.mean(axis=0)
                result = solve_kmeans_sdp(
                    double_centered(centered @ centered.T),
                    K,
                    tol=self.sdp_tol,
                    max_iter=self.sdp_max_iter,
                    random_state=rng,
                )
                labels = result.labels
            else:
                runs = 1 if kind == "single" else 10
                model = KMeans(K, n_init=runs, random_state=int(seed))
                labels = model.fit_predict(X).astype(np.intp)
            if len(np.unique(labels)) == K and not any(
                same_partition(labels, other) for other in starts
            ):
                starts.append(labels)
        return starts or [random_labels(len(X), K, rng)]

    def _fit_start(self, X, start, covariances, options, rng, tick):
        n, K = len(X), self.n_clusters
        rows, known = np.arange(n), covariances is not None
        if n > self.max_dense:
            size = self.sketch_size or max(30, 5 * X.shape[1]) * K
            size = min(n, max(min(size, self.max_dense), 2 * K))
            groups = start
            if groups is None:
                seed = rng.randint(np.iinfo(np.int32).max)
                groups = KMeans(K, n_init=3, random_state=seed).fit_predict(X)
            rows = balanced_sample(groups, size, rng)
        sample = X[rows]
        first = None if known else start[rows]
        if not known:
            definite_covariances(
                sample, first, K, options
            )  # refuse singular ones early
        result = solve_ila_sdp(
            sample,
            K,
            first,
            covariances=covariances,
            tol=self.tol,
            max_iter=self.max_iter,
            sdp_tol=self.sdp_tol,
            sdp_max_iter=self.sdp_max_iter,
            random_state=rng,
            callback=lambda state: tick(
                {"n_iter": state["n_iter"], "objective": float(state["objective"])}
            ),
            **options,
        )
        labels = result.x[0]
        sizes = np.bincount(labels, minlength=K)
        if (sizes == 0).any():  # a cluster was lost in rounding: keep the start's
            labels = first if first is not None else np.arange(len(rows)) % K
            sizes = np.bincount(labels, minlength=K)
        if known:
            found, ridge = covariances, 0.0
        else:
            found, ridge = definite_covariances(sample, labels, K, options)
        means = np.array([sample[labels == k].mean(axis=0) for k in range(K)])
        weights = sizes / sizes.sum()
        if len(rows) < n:
            labels, weights, means, found, ridge = self._lift(
                X, weights, means, found, known, options
            )
        if self.polish and not known:
            em = shrunk_em(
                X,
                weights,
                means,
                found,
                strength=options["strength"],
                ridge=ridge,
                tol=1e-5,
                max_iter=300,
            )
            weights, means, found = em.x
        joint = gaussian_log_density(X, means, found) + np.log(weights)
        if self.polish and not known:
            labels = np.argmax(joint, axis=1)
        return {
            "labels": labels,
            "means": means,
            "covariances": found,
            "weights": weights,
            "objective": result.objective,
            "upper_bound": result.extra["upper_bound"],
            "n_iter": result.n_iter,
            "converged": result.converged,
            "n_points": len(rows),
            "score": logsumexp(joint, axis=1).mean(),
        }

    def _lift(self, X, weights, means, covariances, known, options):
        """Label all points by the Gaussians of a sample and estimate these anew."""
        K, ridge = self.n_clusters, 0.0
        labels = np.argmax(gaussian_log_density(X, means, covariances), axis=1)
        for _ in range(20):
            sizes = np.bincount(labels, minlength=K)
            if (sizes == 0).any():
                break
            means = np.array([X[labels == k].mean(axis=0) for k in range(K)])
            weights = sizes / len(X)
            if not known:
                covariances, ridge = definite_covariances(X, labels, K, options)
            again = np.argmax(gaussian_log_density(X, means, covariances), axis=1)
            if np.array_equal(again, labels):
                break
            labels = again
        return labels, weights, means, covariances, ridge

    def _joint(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return gaussian_log_density(X, self.means_, self.covariances_) + np.log(
            self.weights_
        )

    def predict(self, X):
        """Assign points to the component of the highest posterior probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster numbers.
        """
        return np.argmax(self._joint(X), axis=1).astype(np.int32)

    def predict_proba(self, X):
        """Posterior probabilities of the components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters)
            Rows sum to one.
        """
        joint = self._joint(X)
        return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def score_samples(self, X):
        """Log density of the fitted mixture at each point.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Natural logarithms.
        """
        return logsumexp(self._joint(X), axis=1)

    def score(self, X, y=None):
        """Mean log density of the fitted mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean of :meth:`score_samples`.
        """
        return float(self.score_samples(X).mean())
