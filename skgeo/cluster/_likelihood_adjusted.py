"""Gaussian clusters of unequal covariances, with a semidefinite bound."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.random import RandomState as NumpyRandomState
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.cluster._inputs import (
    check_covariances,
    check_exact,
    check_magnitude,
    check_start_labels,
)
from skgeo.cluster._outweighed import warn_outweighed
from skgeo.cluster._solvers.columns import Columns
from skgeo.cluster._solvers.likelihood import label_by_program, solve_la_sdp
from skgeo.cluster._solvers.lloyd import group_means
from skgeo.cluster._solvers.mixture_em import (
    CovarianceModel,
    Mixture,
)
from skgeo.cluster._solvers.mixture_search import (
    doubts,
    find_isolated,
    model_space,
    search_mixture,
    search_seconds,
)
from skgeo.cluster._solvers.mixture_starts import first_labels
from skgeo.cluster._solvers.sketch import balanced_sample
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    SequenceOf,
    Unused,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["LikelihoodAdjustedSDP"]

_ARRAY = Instance((np.ndarray, list, tuple), "an array")


class LikelihoodAdjustedSDP(CallbackMixin, ClusterMixin, BaseEstimator):
    """Clusters of unequal covariances: a Gaussian mixture that is safe on real data.

    Several models of the covariances (full, tied, diagonal, spherical; shrunk towards
    the pooled one, with and without a ridge; Gaussian or heavy tails) are fitted from
    several starts, and the model with the highest likelihood of points left out is
    kept. Isolated points are screened first, so that no component is spent on them.
    On request the likelihood-adjusted semidefinite program gives further starts, and an
    upper bound on the likelihood of all labels; if the covariances are known, it gives
    the labels themselves.

    Parameters
    ----------
    n_clusters : int or sequence of int, default=8
        Number of clusters K. Of a sequence all are fitted; ``curve_`` compares them,
        and the one of the highest held-out likelihood is kept, with a warning that says
        which: no criterion finds the number of classes reliably.
    init : {"auto", "kmeans", "random", "sdp"} or array-like of shape (n_samples,), \
default="auto"
        First labels. "auto": K-means and Ward's method, on the standardized features
        and on the points in the metric of their total covariance, and ``n_init`` random
        seeds. "sdp" adds the K-means relaxation, given labels add themselves, to those
        of "auto". Not used with ``covariances``.
    covariances : array-like of shape (n_clusters, n_features, n_features) or None, \
default=None
        Known covariances: then one semidefinite program gives the labels and nothing
        else is done.
    covariance_type : {"auto", "full", "tied", "diag", "spherical"}, default="auto"
        Shapes of covariances that are tried.
    prior_strength : "auto" or float, default="auto"
        Number of points that the pooled covariance counts for in each cluster.
    reg_covar : "auto" or float, default="auto"
        Ridge on every variance as a share of the pooled variance *of its feature*.
    tails : {"auto", "gaussian", "t"}, default="auto"
        Gaussian components, t distributions of 4 degrees of freedom, or whichever is
        likelier on points left out.
    screen_outliers : bool, default=True
        Fit without isolated points (farther from their neighbors than 20 times what is
        usual, at most a tenth of all); they are labeled by the fitted mixture.
    n_init : int, default=3
        Random seeds among the starts of "auto" and "random".
    cv : int, default=4
        Folds of the held-out likelihood; 3 where a fit is dear.
    bound : bool, default=False
        Solve one likelihood-adjusted program at the fitted covariances for
        ``upper_bound_``.
    sdp_tol : float, default=1e-3
        Relative accuracy of a program.
    sdp_max_iter : int, default=1000
        Maximum number of sweeps of a program.
    max_dense : int, default=400
        Maximum number of points in a program (about ``40 K n^2`` bytes); a balanced
        sample stands for more.
    random_state : int, RandomState instance or None, default=None
        Draws starts, folds and samples.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point.
    means_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters.
    covariances_ : ndarray of shape (n_clusters, n_features, n_features)
        Their covariances, or scale matrices with t tails; the given ones with
        ``covariances``.
    precisions_ : ndarray of shape (n_clusters, n_features, n_features)
        Inverses of ``covariances_``.
    weights_ : ndarray of shape (n_clusters,)
        Their shares.
    outliers_ : ndarray of shape (n_outliers,)
        Rows that were left out of the fit as isolated.
    covariance_model_ : CovarianceModel
        Model that was kept: ``kind``, ``strength``, ``diagonal``, ``ridge``, ``dof``.
    cv_results_ : dict of str to ndarray
        Every model tried, best first: "model", "mean_test_score" (held-out
        log-likelihood per point of the standardized features), "std_error", "start",
        "labels".
    curve_ : dict of str to ndarray
        Per number of clusters "n_clusters", "mean_test_score", "std_error", "bic" and
        "aic".
    start_ : str
        Start that led to the fit.
    start_agreement_ : float
        Mean share of labels that other starts of the kept model agree on.
    objective_ : ndarray of shape (n_iter_,)
        Log-likelihood of the points that were fitted after each step of EM; of the
        program with ``covariances``.
    upper_bound_ : float
        No labels have a higher profile log-likelihood at ``covariances_`` (means
        maximized out). Rigorous; of the sample where one stands for the data. NaN
        unless ``bound`` or ``covariances``.
    n_iter_ : int
        Steps of EM, or sweeps of the program.
    converged_ : bool
        Whether they converged.
    n_features_in_ : int
        Number of features.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, ``init`` or ``covariances`` have the
        wrong shape or values, or no start gives every cluster a point.

    Warns
    -----
    UserWarning
        If points were screened, starts or equally likely models disagree, a feature
        has many equal values, or ``n_clusters`` was chosen.

    See Also
    --------
    SDPKMeans : Equal spherical clusters, with a proof of optimality.
    sklearn.mixture.GaussianMixture : EM of one model.

    Notes
    -----
    Likelihood is not the classes: on some data EM from the true labels leaves them. A
    few percent of scattered points that are not isolated may also take a component;
    ``tails="t"`` helps against some.

    References
    ----------
    .. [1] Y. Zhuang, X. Chen, Y. Yang, "Likelihood adjusted semidefinite programs for
       clustering heterogeneous data", ICML 2023, arXiv:2209.15097: the program.
    .. [2] C. Fraley, A. E. Raftery, "Bayesian regularization for normal mixture
       estimation and model-based clustering", J. Classification 24 (2007): the prior.

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
        "n_clusters": Integer(1) | SequenceOf(Integer(1)),
        "init": OneOf("auto", "sdp", "kmeans", "random") | _ARRAY,
        "covariances": Null() | _ARRAY,
        "covariance_type": OneOf("auto", "full", "tied", "diag", "spherical"),
        "prior_strength": OneOf("auto") | Real(0.0),
        "reg_covar": OneOf("auto") | Real(0.0),
        "tails": OneOf("auto", "gaussian", "t"),
        "screen_outliers": Boolean(),
        "n_init": Integer(1),
        "cv": Integer(2),
        "bound": Boolean(),
        "sdp_tol": Real(0.0, closed="neither"),
        "sdp_max_iter": Integer(1),
        "max_dense": Integer(2),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused(
            (
                "init",
                "covariance_type",
                "prior_strength",
                "reg_covar",
                "tails",
                "screen_outliers",
                "n_init",
                "cv",
                "bound",
            ),
            lambda p: p.covariances is not None,
            "covariances are given",
        ),
    )

    def __init__(
        self,
        n_clusters: int | Sequence[int] = 8,
        *,
        init: Literal["auto", "kmeans", "random", "sdp"] | ArrayLike = "auto",
        covariances: ArrayLike | None = None,
        covariance_type: Literal["auto", "full", "tied", "diag", "spherical"] = "auto",
        prior_strength: float | Literal["auto"] = "auto",
        reg_covar: float | Literal["auto"] = "auto",
        tails: Literal["auto", "gaussian", "t"] = "auto",
        screen_outliers: bool = True,
        n_init: int = 3,
        cv: int = 4,
        bound: bool = False,
        sdp_tol: float = 1e-3,
        sdp_max_iter: int = 1000,
        max_dense: int = 400,
        random_state: int | NumpyRandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.covariances = covariances
        self.covariance_type = covariance_type
        self.prior_strength = prior_strength
        self.reg_covar = reg_covar
        self.tails = tails
        self.screen_outliers = screen_outliers
        self.n_init = n_init
        self.cv = cv
        self.bound = bound
        self.sdp_tol = sdp_tol
        self.sdp_max_iter = sdp_max_iter
        self.max_dense = max_dense
        self.random_state = random_state

    @with_callbacks
    def fit(self, X: ArrayLike, y: Any = None) -> "LikelihoodAdjustedSDP":
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
        params = check_params(self)
        given = X
        X = validate_data(self, X, dtype=np.float64)
        check_exact(given, X)
        check_magnitude(X)
        several = not isinstance(params.n_clusters, int)
        numbers = sorted(set(params.n_clusters)) if several else [params.n_clusters]
        n, d = X.shape
        if n < max(numbers):
            raise ValueError(
                f"n_samples={n} should be >= n_clusters={max(numbers)}: lower "
                "n_clusters or add points."
            )
        given = check_start_labels(self.init, n, numbers[0]) if not several else None
        if several and (given is not None or not isinstance(self.init, str)):
            raise ValueError("With several n_clusters init must be a name, not labels.")
        if several and self.covariances is not None:
            raise ValueError("With known covariances n_clusters must be one number.")
        known = check_covariances(self.covariances, numbers[0], d)
        rng = check_random_state(params.random_state)
        columns = Columns(X)
        if known is None:
            announce(
                sum(search_seconds(n, d, K) for K in numbers),
                "The comparison of starts and models",
                "A fixed covariance_type, prior_strength, reg_covar and tails shorten "
                "it.",
            )
        with single_blas_thread(), self._iterations(None, X=X, y=y) as tick:
            if known is not None:
                self._fit_known(X, known, params, rng, tick)
                self._set_curve([self._curve_point(numbers[0], np.nan, np.nan, X)])
                return self
            points, found = [], []
            for K in numbers:
                self._fit_number(X, K, columns, given, params, rng, tick)
                value, error = self._held_out
                points.append(self._curve_point(K, value, error, X))
                found.append(dict(vars(self)))
            best = int(np.argmax([point[1] for point in points]))
            vars(self).update(found[best])
            self._set_curve(points)
        if several:
            warn_user(
                f"n_clusters={numbers[best]} was chosen by the held-out likelihood "
                f"(BIC would take {numbers[int(np.argmin([p[3] for p in points]))]}); "
                "neither is reliable. See curve_."
            )
        inside = np.delete(np.arange(n), self.outliers_)
        warn_outweighed(
            X[inside], self.labels_[inside], getattr(self, "feature_names_in_", None)
        )
        for words in doubts(
            self.outliers_,
            self.start_agreement_,
            self.cv_results_,
            columns.repeated(X) if len(self.weights_) > 1 else [],
        ):
            warn_user(words)
        return self

    def _curve_point(self, K, value, error, X):
        density = logsumexp(self._log_joint(X), axis=1)
        return K, value, error, self._bic(density), self._aic(density)

    def _set_curve(self, points):
        names = ("n_clusters", "mean_test_score", "std_error", "bic", "aic")
        columns = map(np.array, zip(*points, strict=True))
        self.curve_ = dict(zip(names, columns, strict=True))

    def _fit_number(self, X, K, columns, given, params, rng, tick):
        """Fit one number of clusters."""
        isolated = np.zeros(len(X), dtype=bool)
        if params.screen_outliers and K > 1:
            # Before anything is standardized: beside 1e100 all else is the same.
            isolated = find_isolated(X[:, columns.varies], K)
            if isolated.any():
                columns = Columns(X[~isolated])
        Z = columns.standardize(X)
        inside = Z[~isolated]
        distinct, codes = np.unique(inside, axis=0, return_inverse=True)
        if len(distinct) <= K:
            self._fit_trivial(X, K, columns, codes.ravel(), isolated)
            return
        starts = first_labels(
            inside,
            K,
            params.init,
            None if given is None else given[~isolated],
            params.n_init,
            rng,
        )
        d = Z.shape[1]
        space = model_space(
            d,
            covariance_type=params.covariance_type,
            prior_strength=params.prior_strength,
            reg_covar=params.reg_covar,
            tails=params.tails,
        )
        result = search_mixture(
            inside,
            K,
            starts,
            space,
            floor=columns.grain(X[~isolated]),
            n_folds=params.cv,
            rng=rng,
            tick=tick,
        )
        if result is None:
            raise ValueError(
                f"No start gives each of n_clusters={K} clusters a point under "
                "nonsingular covariances: lower n_clusters, or use reg_covar > 0 or "
                "prior_strength > 0."
            )
        fit = result.fit
        self.outliers_ = np.flatnonzero(isolated)
        self._store(fit.mixture, fit.model, columns)
        self.labels_ = self._label(X)
        self.start_, self.start_agreement_ = fit.start, result.agreement
        change = len(inside) * columns.log_volume
        self.objective_ = fit.objective - change
        self.n_iter_, self.converged_ = len(fit.objective), fit.converged
        best = result.candidates[0]
        self._held_out = best.value, best.error
        self.cv_results_ = {
            "model": np.array([str(c.model) for c in result.candidates]),
            "mean_test_score": np.array([c.value for c in result.candidates]),
            "std_error": np.array([c.error for c in result.candidates]),
            "start": np.array([c.fit.start for c in result.candidates]),
            "labels": np.array([c.fit.labels for c in result.candidates]),
        }
        self.upper_bound_ = np.nan
        if params.bound and K > 1:
            self.upper_bound_ = self._bound(X[~isolated], params, rng)
        if not self.converged_:
            warn_user(
                f"EM did not converge in {self.n_iter_} steps; the labels are those of "
                "the last.",
                ConvergenceWarning,
            )

    def _fit_trivial(self, X, K, columns, codes, isolated):
        """No more distinct points than clusters: one for each."""
        found = int(codes.max()) + 1
        if found < K:
            warn_user(
                f"Number of distinct clusters ({found}) found smaller than n_clusters "
                f"({K}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
            )
        Z = columns.standardize(X[~isolated])
        means = group_means(Z, codes, found)
        # A share of the spread, so that the densities are numbers.
        ridge = 1e-6 * np.eye(Z.shape[1])
        covariances = np.repeat(ridge[None], found, axis=0)
        weights = np.bincount(codes) / len(codes)
        mixture = Mixture(weights, means, covariances)
        self._store(mixture, CovarianceModel("spherical", np.inf), columns)
        self.labels_ = np.empty(len(X), dtype=np.int32)
        self.labels_[~isolated] = codes
        if isolated.any():
            self.labels_[isolated] = self._label(X[isolated])
        self.outliers_ = np.flatnonzero(isolated)
        value = logsumexp(mixture.joint(Z), axis=1) - columns.log_volume
        self.objective_ = np.array([value.sum()])
        self.start_, self.start_agreement_ = "distinct points", 1.0
        self.n_iter_, self.converged_ = 1, True
        self.upper_bound_ = np.nan
        self._held_out = float(value.mean()), 0.0
        self.cv_results_ = {}

    def _fit_known(self, X, covariances, params, rng, tick):
        """Labels by one program at known covariances."""
        columns = Columns(X, standardize=False)
        unit = columns.unit
        scaled = covariances / unit[:, None] / unit[None]
        found = label_by_program(
            columns.standardize(X),
            scaled,
            max_dense=params.max_dense,
            random_state=rng,
            tol=params.sdp_tol,
            max_iter=params.sdp_max_iter,
            callback=lambda p: tick(
                {"n_iter": p.n_iter, "objective": float(p.objective)}
            ),
        )
        mixture = Mixture(found.weights, found.means, scaled)
        self._store(mixture, CovarianceModel(), columns)
        self.covariances_ = covariances
        self.labels_ = found.labels.astype(np.int32)
        self.outliers_ = np.empty(0, dtype=int)
        change = found.n_points * columns.log_volume
        self.objective_ = found.objective - change
        self.upper_bound_ = float(found.upper_bound - change)
        self.start_, self.start_agreement_ = "program", 1.0
        self.n_iter_, self.converged_ = max(found.n_iter, 1), found.converged
        self.cv_results_ = {}
        if not found.converged:
            warn_user(
                f"The program did not converge in {found.n_iter} sweeps; upper_bound_ "
                "is valid all the same. Increase sdp_max_iter or sdp_tol.",
                ConvergenceWarning,
            )

    def _bound(self, X, params, rng):
        """Upper bound on the profile log-likelihood at the fitted covariances."""
        rows = np.arange(len(X))
        K = len(self.weights_)
        if len(X) <= K:
            return np.nan
        if len(X) > params.max_dense:
            rows = balanced_sample(self._label(X), params.max_dense, rng)
        Z = self._columns.standardize(X[rows])
        result = solve_la_sdp(
            Z,
            self._mixture.covariances,
            tol=params.sdp_tol,
            max_iter=params.sdp_max_iter,
        )
        constant = Z.size * 0.5 * np.log(2 * np.pi)
        constant += len(Z) * self._columns.log_volume
        return float(result.upper_bound - constant)

    def _store(self, mixture, model, columns):
        self._mixture, self._columns = mixture, columns
        self.covariance_model_ = model
        self.weights_ = mixture.weights
        self.means_ = columns.restore_means(mixture.means)
        self.covariances_ = columns.restore_covariances(mixture.covariances)

    def _joint(self, X):
        check_is_fitted(self)
        return self._log_joint(validate_data(self, X, dtype=np.float64, reset=False))

    def _log_joint(self, X):
        """Log density of point and component, for points that are checked."""
        with np.errstate(over="ignore"):
            Z = self._columns.standardize(X)
            joint = self._mixture.joint(np.clip(Z, -1e100, 1e100))
        return joint - self._columns.log_volume

    def _label(self, X):
        Z = self._columns.standardize(X)
        joint = self._mixture.joint(np.clip(Z, -1e100, 1e100))
        return np.argmax(joint, axis=1).astype(np.int32)

    @property
    def precisions_(self):
        check_is_fitted(self, "covariances_")
        return np.linalg.inv(self.covariances_)

    def predict(self, X: ArrayLike) -> np.ndarray:
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

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
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

    def score_samples(self, X: ArrayLike) -> np.ndarray:
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

    def score(self, X: ArrayLike, y: Any = None) -> float:
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

    def _parameters(self):
        K, d = self.means_.shape
        count = K - 1 + K * d
        if self.covariances is None:
            sizes = self.weights_ * len(self.labels_)
            count += self.covariance_model_.n_parameters(sizes, d)
        return count

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion; the lower the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        bic : float
            With an effective number of parameters: a covariance that is shrunk towards
            the pooled one counts in part. It compares numbers of clusters, not models.
        """
        return self._bic(self.score_samples(X))

    def _bic(self, density):
        count = self._parameters()
        return float(-2 * density.sum() + count * np.log(len(density)))

    def aic(self, X: ArrayLike) -> float:
        """Akaike's information criterion; the lower the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        aic : float
            With an effective number of parameters, as in :meth:`bic`.
        """
        return self._aic(self.score_samples(X))

    def _aic(self, density):
        return float(-2 * density.sum() + 2 * self._parameters())

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: int | NumpyRandomState | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw points from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Number of points.
        random_state : int, RandomState instance or None, default=None
            Draws them.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Points, in random order.
        y : ndarray of shape (n_samples,)
            Their components.
        """
        check_is_fitted(self)
        checked = check_params(
            "sample",
            {"n_samples": Integer(1), "random_state": RandomState()},
            {"n_samples": n_samples, "random_state": random_state},
        )
        rng = check_random_state(checked.random_state)
        Z, y = self._mixture.sample(checked.n_samples, rng)
        return self._columns.restore_means(Z), y.astype(np.int32)
