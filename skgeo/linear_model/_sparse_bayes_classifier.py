"""Relevance vector machine for classification."""

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.linear_model._rvm.basis import fit_basis
from skgeo.linear_model._rvm.compress import compress, dense_rows
from skgeo.linear_model._rvm.logistic import LogisticProblem, fit_logistic
from skgeo.linear_model._rvm.parameters import SHARED_RULES, UNUSED_KERNEL_PARAMS
from skgeo.linear_model._rvm.rows import row_weights
from skgeo.linear_model._shared import warn_unsettled
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import announce
from skgeo.utils.masked import refuse_masked
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Instance, Null, OneOf, Real, check_params
from skgeo.utils.validation import check_labels, check_sample_weight

__all__ = ["SparseBayesianClassifier"]

_EPS = np.finfo(np.float64).eps
_SECONDS_PER_PRODUCT = 3e-9  # measured with 300 to 600 kernel columns, one thread


class SparseBayesianClassifier(ClassifierMixin, CallbackMixin, BaseEstimator):
    r"""Sparse Bayesian logistic regression (relevance vector machine for classes).

    The log odds of a class are :math:`\Phi w + b` with a flat prior on the intercept
    and one precision per coefficient, :math:`w_j \sim N(0, 1/\lambda_j)`. Precisions
    maximize the evidence in Laplace's approximation; most become infinite, which
    removes their columns. The columns of :math:`\Phi` are the features, or kernels with
    the training samples. There is no penalty to tune, and probabilities average over
    the posterior of the coefficients. With more than two classes there is one model for
    each pair of them, as in :class:`sklearn.svm.SVC`, and the probabilities are those
    that agree best with the pairwise ones.

    Parameters
    ----------
    kernel : {"linear", "rbf", "polynomial", "precomputed"}, default="linear"
        "linear" uses the features as columns and selects features. The others use one
        column per training sample, and select samples, the relevance vectors:
        ``exp(-gamma |x - x'|^2)``, ``(gamma x'x' + coef0)^degree``, or X itself as the
        kernel matrix. It need not be positive definite.
    gamma : "scale", "auto" or float, default="scale"
        Coefficient of the kernel: "scale" is 1 / (n_features * variance of X), "auto"
        is 1 / n_features.
    degree : int, default=3
        Degree of the polynomial kernel.
    coef0 : float, default=1.0
        Constant of the polynomial kernel.
    solver : {"search", "thorough", "sequential", "fixed_point"}, default="search"
        How the highest evidence is looked for in the weighted regression that the
        likelihood looks like around a mode, see :class:`SparseBayesianRegressor`.
    min_gain : "auto", "selection" or float, default="auto"
        Log evidence that a term has to bring to be kept. "selection" is log(n_columns),
        one expected column a priori, for finding out which features matter. "auto" is
        for prediction: 1 if there are more than two rows per feature, or if the columns
        are kernels, else log(n_columns).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which multiply those of the samples: a weight of two
        counts like every sample of that class seen twice. "balanced" gives all classes
        the same total. Probabilities are then those of a population so weighted.
    positive : bool, default=False
        Force the coefficients to be positive: only models whose posterior mode is
        positive in every term are considered. The log odds are those of the second of
        two classes; more classes are refused, as the sign of a coefficient would
        depend on the order of the classes of a pair.
    fit_intercept : bool, default=True
        Fit an intercept.
    max_iter : int, default=100
        Maximum number of modes found around one model.
    tol : float, default=1e-3
        Largest change of a log precision at which the iteration stops.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    pairs_ : ndarray of int of shape (n_pairs, 2)
        Indices of the two classes of each model, n_pairs = n_classes * (n_classes - 1)
        / 2, in the order of :class:`sklearn.svm.SVC`. The log odds are those of the
        second class.
    coef_ : ndarray of shape (n_pairs, n_features)
        Posterior mode; exactly zero where a feature was removed. Only with
        ``kernel="linear"``.
    coef_std_ : ndarray of the shape of coef_
        Posterior standard deviation; zero where a feature was removed. Only with
        ``kernel="linear"``.
    support_ : ndarray of bool, of the shape of coef_
        Features kept. Only with ``kernel="linear"``.
    relevance_ : ndarray of int of shape (n_relevance,)
        Indices of the relevance vectors (of any pair) among the training samples.
        Only with another kernel, as the next two.
    relevance_vectors_ : ndarray or sparse matrix of shape (n_relevance, n_features)
        The relevance vectors; not with ``kernel="precomputed"``.
    dual_coef_ : ndarray of shape (n_pairs, n_relevance)
        Coefficients of the relevance vectors.
    intercept_ : ndarray of shape (n_pairs,)
        Intercept.
    lambda_ : ndarray of shape (n_pairs, n_columns)
        Prior precisions of the coefficients, in the units of the data; infinite where
        removed. One per feature, or per relevance vector.
    log_evidence_ : ndarray of shape (n_pairs,)
        Laplace's approximation of the log marginal likelihood.
    objective_ : list of ndarray
        Log evidence less ``min_gain`` per term, after each iteration around the model
        kept, for each pair.
    n_iter_ : int
        Number of iterations; the largest over pairs.
    converged_ : bool
        Whether precisions and modes settled for every pair.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    SparseBayesianRegressor : The same for real-valued targets.
    sklearn.svm.SVC : Support vectors, many more than relevance vectors.
    sklearn.linear_model.LogisticRegression : One penalty, to be tuned, for all.

    Notes
    -----
    Laplace's approximation is good where every coefficient is determined by many
    samples; for a handful of samples per class it is rough.

    References
    ----------
    .. [1] M. E. Tipping, "Sparse Bayesian learning and the relevance vector machine",
       Journal of Machine Learning Research 1, 211-244, 2001.
    .. [2] M. E. Tipping, A. C. Faul, "Fast marginal likelihood maximization for
       sparse Bayesian models", AISTATS 2003.
    .. [3] D. J. C. MacKay, "The evidence framework applied to classification
       networks", Neural Computation 4, 720-736, 1992 (averaged probabilities).
    .. [4] T.-F. Wu, C.-J. Lin, R. C. Weng, "Probability estimates for multi-class
       classification by pairwise coupling", JMLR 5, 975-1005, 2004 (second method).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skgeo.linear_model import SparseBayesianClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SparseBayesianClassifier()).fit(X, y)
    >>> int(model[-1].support_.sum()) < 15
    True
    >>> bool(model.score(X, y) > 0.97)
    True
    """

    _param_rules = SHARED_RULES | {
        "class_weight": Null() | OneOf("balanced") | Instance(dict, "a dictionary"),
        "tol": Real(0.0, closed="neither"),
    }
    _unused_params = UNUSED_KERNEL_PARAMS

    def __init__(
        self,
        *,
        kernel: str = "linear",
        gamma: str | float = "scale",
        degree: int = 3,
        coef0: float = 1.0,
        solver: str = "search",
        min_gain: str | float = "auto",
        class_weight: dict | str | None = None,
        positive: bool = False,
        fit_intercept: bool = True,
        max_iter: int = 100,
        tol: float = 1e-3,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.solver = solver
        self.min_gain = min_gain
        self.class_weight = class_weight
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | float | None = None,
    ) -> "SparseBayesianClassifier":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel matrix of the samples.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), float or None
            Non-negative weights; two counts like a repeated row, zero like a missing
            one.

        Returns
        -------
        self : SparseBayesianClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are fewer than two classes, or more with ``positive``, or if X or
            the coefficients leave the range of floating-point numbers.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` iterations were not enough.
        """
        params = check_params(self)
        refuse_masked(X, "X")
        refuse_masked(y, "y")
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], accept_sparse="csr"
        )
        check_labels(y)
        weight = row_weights(sample_weight, X.shape[0])
        weight = np.ones(X.shape[0]) if weight is None else weight
        rows = np.flatnonzero(weight > 0)
        self.classes_ = np.unique(y[rows])
        if len(self.classes_) < 2:
            raise ValueError(
                "SparseBayesianClassifier needs at least two classes; the samples of "
                f"positive weight have only one class, {self.classes_.tolist()[0]!r}."
            )
        if params.positive and len(self.classes_) > 2:
            raise ValueError(
                "positive=True needs two classes: coefficients belong to pairs of "
                "classes, and which sign is positive would depend on their order. "
                f"There are {len(self.classes_)} classes; use OneVsRestClassifier."
            )
        codes = np.searchsorted(self.classes_, y[rows])
        basis = fit_basis(params, X, weight)
        columns, weight = basis(X[rows]), weight[rows]
        weight = weight * self._class_weights(params, codes, weight)[codes]
        self.pairs_ = np.array(list(combinations(range(len(self.classes_)), 2)))
        # A kernel column belongs to a sample, and serves the pairs of its class.
        owners = None
        if params.kernel != "linear":
            owners = np.searchsorted(self.classes_, y[basis.columns])
        with (
            single_blas_thread(),
            self._iterations(params.max_iter * len(self.pairs_), X=X, y=y) as tick,
            np.errstate(all="ignore"),  # results are checked for their range below
        ):
            self._announce(params, codes, columns.shape[1])
            self._set_scales(params, columns, weight)
            fits = [
                self._fit_pair(params, columns, codes, owners, weight, pair, tick)
                for pair in self.pairs_
            ]
            self._store(params, columns.shape[1], fits, basis, X.dtype)
        warn_unsettled(self, "The posterior mode was still changing")
        return self

    def _announce(self, params, codes, n_columns):
        """Say so if the fit will be long."""
        sizes = np.bincount(codes)
        rows = np.array([sizes[a] + sizes[b] for a, b in self.pairs_], dtype=float)
        columns = rows if params.kernel != "linear" else float(n_columns)
        products = np.sum(rows * columns * np.minimum(rows, columns))
        announce(
            _SECONDS_PER_PRODUCT * products,
            f"The fit of the models of {len(rows)} pairs of classes",
            "It grows with the cube of the number of samples: fit on fewer of them, or "
            "watch it with set_callbacks.",
        )

    def _class_weights(self, params, codes, weight):
        """Weight of each class."""
        if params.class_weight != "balanced":
            weights = compute_class_weight(
                params.class_weight, classes=self.classes_, y=self.classes_[codes]
            )
            if not (np.isfinite(weights).all() and (weights > 0).all()):
                raise ValueError(
                    f"class_weight must hold positive numbers; got {weights} for "
                    f"classes {self.classes_}. Leave the samples of a class out "
                    "instead of weighting it by zero."
                )
            return weights
        totals = np.bincount(codes, weight)
        return totals.sum() / (len(totals) * totals)

    def _set_scales(self, params, columns, weight):
        """Centers and scales of the columns, the same for all pairs."""
        constant = np.zeros((columns.shape[0], 1))
        reduced = compress(columns, constant, weight, fit_intercept=True)
        self._mean = reduced.x_mean if params.fit_intercept else 0.0 * reduced.x_mean
        self._scale = np.hypot(reduced.x_scale, reduced.x_mean - self._mean)

    def _fit_pair(self, params, columns, codes, owners, weight, pair, tick):
        """Fit the model of two classes, in scaled units."""
        rows = np.flatnonzero(np.isin(codes, pair))
        used = np.arange(columns.shape[1])
        if owners is not None:
            used = np.flatnonzero(np.isin(owners, pair))
            columns = columns[:, used]
        cost = params.min_gain
        if cost == "auto" and (
            params.kernel != "linear" or len(used) < weight[rows].sum() / 2
        ):
            cost = 1.0
        elif cost in ("auto", "selection"):
            cost = np.log(len(used))
        fit = fit_logistic(
            LogisticProblem(
                columns[rows], (codes[rows] == pair[1]).astype(np.float64),
                weight[rows], self._mean[used], self._scale[used],
                params.fit_intercept, float(cost), params.tol, params.max_iter,
                params.positive, tick,
            ),
            params.solver,
        )  # fmt: skip
        return replace(fit, active=used[fit.active])

    def _store(self, params, n_columns, fits, basis, dtype):
        """Turn the results of the targets into fitted attributes, one row each."""
        shape = (len(fits), n_columns)
        coef, std = np.zeros(shape, dtype), np.zeros(shape, dtype)
        precision, kept = np.full(shape, np.inf), np.zeros(shape, dtype=bool)
        self._cov, self.intercept_ = [], np.zeros(len(fits))
        for i, fit in enumerate(fits):
            scale, k = self._scale[fit.active], len(fit.active)
            kept[i, fit.active] = True
            coef[i, fit.active] = fit.coef[:k] / scale
            std[i, fit.active] = np.sqrt(np.diag(fit.cov)[:k]) / scale
            precision[i, fit.active] = fit.precision * scale * scale
            self._cov.append(fit.cov)
            if params.fit_intercept:
                # Of the coefficients as they are stored, be it in single precision.
                self.intercept_[i] = fit.coef[k] - coef[i] @ self._mean
        if not all(np.isfinite(a).all() for a in (coef, std, self.intercept_)):
            raise ValueError(
                f"The coefficients exceed the range of {np.dtype(dtype)}: columns "
                f"spread by {self._scale[self._scale > 0].min():.3g} to "
                f"{self._scale.max():.3g}. Rescale X."
            )
        self.log_evidence_ = np.array([fit.log_evidence for fit in fits])
        self.objective_ = [fit.objective for fit in fits]
        self.n_iter_ = max(fit.n_iter for fit in fits)
        self.converged_ = all(fit.converged for fit in fits)
        self._basis, self._kept = basis, kept
        if params.kernel == "linear":
            self.coef_, self.coef_std_, self.support_ = coef, std, kept
            self.lambda_ = precision
            return
        every = np.flatnonzero(kept.any(axis=0))
        self._basis, self._kept = basis.restrict(every), kept[:, every]
        self._mean, self._scale = self._mean[every], self._scale[every]
        self.relevance_ = self._basis.columns
        self.dual_coef_, self.lambda_ = coef[:, every], precision[:, every]
        if params.kernel != "precomputed":
            self.relevance_vectors_ = self._basis.centers * self._basis.unit

    def _columns(self, X):
        """Columns of the model at some samples."""
        check_is_fitted(self)
        refuse_masked(X, "X")
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], accept_sparse="csr", reset=False
        )
        return self._basis(X), X.dtype

    def _averaged_log_odds(self, columns):
        """Log odds of the second class of each pair, by its averaged probability."""
        linear = self._basis.kernel == "linear"
        coef = np.asarray(self.coef_ if linear else self.dual_coef_, dtype=np.float64)
        log_odds = columns @ coef.T + self.intercept_
        for i, (kept, cov) in enumerate(zip(self._kept, self._cov, strict=True)):
            Z = dense_rows(columns[:, np.flatnonzero(kept)], slice(None))
            Z = (Z - self._mean[kept]) / self._scale[kept]
            if self.fit_intercept:
                Z = np.column_stack([Z, np.ones(len(Z))])
            variance = np.maximum(np.einsum("ij,jk,ik->i", Z, cov, Z), 0.0)
            # A probit in place of the logistic function makes the integral elementary.
            log_odds[:, i] /= np.sqrt(1.0 + np.pi * variance / 8.0)
        return log_odds

    def _proba(self, columns):
        """Probabilities of the classes in double precision."""
        log_odds = self._averaged_log_odds(columns)
        if len(self.classes_) == 2:
            return expit(log_odds * [-1.0, 1.0])
        return _coupled(expit(log_odds), self.pairs_, len(self.classes_))

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Log odds of the classes, by their probabilities averaged over the posterior.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log odds of the second of two classes, or of each class against the rest.
        """
        columns, dtype = self._columns(X)
        if len(self.classes_) == 2:
            return self._averaged_log_odds(columns)[:, 0].astype(dtype)
        tiny = np.finfo(dtype).tiny
        return logit(np.clip(self._proba(columns), tiny, 1 - _EPS)).astype(dtype)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of the classes, averaged over the posterior.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probability of each class, in the order of ``classes_``.
        """
        columns, dtype = self._columns(X)
        return self._proba(columns).astype(dtype)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Log probability of each class, in the order of ``classes_``.
        """
        proba = self.predict_proba(X)
        return np.log(np.maximum(proba, np.finfo(proba.dtype).tiny))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels.
        """
        best = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[best]

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Fraction of correctly classified samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weights.

        Returns
        -------
        score : float
            Accuracy.
        """
        predicted = self.predict(X)
        refuse_masked(y, "y")
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, len(predicted), normalize=False
            )
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.kernel != "precomputed"
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags


def _coupled(second, pairs, n_classes):
    """Probabilities of all classes from those of pairs.

    They minimize sum_ij (r_ji p_i - r_ij p_j)^2 under a sum of one, r_ij being the
    probability of class i in the pair of i and j.
    """
    second = np.clip(second, 1e-12, 1 - 1e-12)
    r = np.zeros((len(second), n_classes, n_classes))
    first, other = pairs.T
    r[:, other, first], r[:, first, other] = second, 1.0 - second
    system = -r * r.transpose(0, 2, 1)
    diagonal = np.arange(n_classes)
    system[:, diagonal, diagonal] = np.sum(r**2, axis=1)
    # The sum of one is met by scaling: the minimizer solves system @ p = constant.
    system += 1.0
    p = np.linalg.solve(system, np.ones((len(second), n_classes, 1)))[..., 0]
    p = np.maximum(p, 0.0)
    return p / p.sum(axis=1, keepdims=True)
