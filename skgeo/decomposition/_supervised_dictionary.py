"""Supervised dictionary learning with covariates, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.special import log_softmax
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.decomposition._supervised.bcd import energy_held, least_squares_codes
from skgeo.decomposition._supervised.checks import (
    DTYPES,
    Units,
    check_covariates,
    check_start,
    class_multipliers,
    covariate_indices,
    resolve_solver,
    split_columns,
)
from skgeo.decomposition._supervised.columns import ColumnSpread, merge_rows
from skgeo.decomposition._supervised.data_matrix import DataMatrix
from skgeo.decomposition._supervised.doubts import (
    warn_dominated,
    warn_signs,
    warn_unexplained,
)
from skgeo.decomposition._supervised.fit import Problem, solve
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import EARLIER
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
from skgeo.utils.validation import check_labels, check_sample_weight
from skgeo.utils.warn import warn_user

__all__ = ["SupervisedDictionaryLearning"]


class SupervisedDictionaryLearning(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClassifierMixin,
    CallbackMixin,
    BaseEstimator,
):
    r"""Dictionary that reconstructs the data and separates the classes at once.

    Learns ``n_components`` atoms (rows of D), together with a softmax classifier on
    what the atoms see, by minimizing

    .. math:: \frac1W \sum_i w_i\,\ell(y_i, s_i)
              + \xi\,\frac{\sum_i w_i \|x_i - \mu - D^\top c_i\|^2}
                          {\sum_i w_i \|x_i - \bar x\|^2}
              + \alpha\,\Omega,

    with logits :math:`s_i = \beta u_i + \Gamma z_i + b`. The classifier looks at
    filtered data :math:`u_i = D (x_i - \mu)` (``kind="filter"``) or at the codes
    :math:`u_i = c_i` (``kind="feature"``). Covariates z help to classify and are
    never reconstructed. Every feature is first divided by its own scale, and lengths
    are measured in units of the root mean squared distance of a sample from the mean:
    no parameter depends on the units of X, nor on those of one of its columns.

    Parameters
    ----------
    n_components : int, default=2
        Number of atoms r.
    kind : {"filter", "feature"}, default="filter"
        What the classifier looks at. The filter model needs no coding of new samples
        and is the more accurate of the two on all data measured in the guide.
    solver : {"auto", "lpgd", "bcd"}, default="auto"
        Low-rank projected gradient on the convex lift, which needs free signs, or
        block coordinate descent. "auto" takes "bcd" if a sign is constrained.
    reconstruction_weight : float, default=0.1
        :math:`\xi \ge 0`: price of the relative squared reconstruction error against
        the mean negative log-likelihood. Small discriminates, large reconstructs.
    alpha : float, default=1e-4
        Ridge :math:`\alpha \ge 0` on the effective coefficients
        :math:`\|\beta D\|^2` (filter), on the training logits :math:`C\beta^\top`
        (feature, "lpgd") or on :math:`\|\beta\|^2` with atoms of length at most one
        (feature, "bcd"), and on the coefficients of the standardized covariates. The
        intercept is free.
    positive_dict, positive_code : bool, default=False
        Non-negative atoms, non-negative codes (solver "bcd"). With either, the data
        are reconstructed as they are, without subtracting a mean.
    scale_features : bool, default=True
        Divide every feature by its root mean square: of the distances from the mean,
        or from zero where reconstructions have no mean. Nothing is subtracted: sparse
        data stay sparse, and non-negative data stay so. False takes the features as
        they are, which suits those that share a unit or were weighted on purpose:
        pixels, tf-idf.
    robust : bool, default=False
        Put entries that lie more than 30 typical deviations from the median of their
        feature or covariate (codes for missing values, slips) at that median, and draw
        in those beyond 7.5 to there, five standard deviations of a normal feature.
        New samples are treated alike. Where few rows dominate a feature without it, a
        warning names the feature.
    fit_intercept : bool, default=True
        Fit an intercept, and center free reconstructions. False takes the data as
        centered.
    init : {"auto", "svd", "random"} or ndarray, default="auto"
        Start: principal axes ("auto", "svd"; their stronger non-negative halves under
        sign constraints), random, or a dictionary of shape
        (n_components, n_features).
    max_iter : int, default=500
        Maximum number of outer iterations.
    tol : float, default=1e-5
        "lpgd" stops when the relative step is at most this, "bcd" when an iteration
        lowers the objective by at most this fraction.
    refit_coef : bool, default=True
        Feature model only: after training, fit the coefficients again on codes that
        have not seen the labels, which is what new samples have.
    class_weight : None, "balanced" or dict, default=None
        Multiplies the label loss of each class; the reconstruction is not touched.
    warm_start : bool, default=False
        Start from the previous fit, if it had the same shapes and classes. A feature
        model starts from its dictionary only, because training codes are not kept.
    covariate_columns : sequence of int or str, default=None
        Columns of X that are covariates. Needs no metadata routing. The other way is
        to pass ``covariates`` to the methods.
    random_state : int, RandomState or None, default=None
        Used by ``init="random"`` and for atoms beyond the number of features.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Atoms, in the units of X: codes times ``components_`` plus ``mean_``
        reconstruct. Divided by ``feature_scale_`` they have unit length, and those of
        the filter with "lpgd" are orthonormal; "lpgd" orders them by the energy that
        they hold of data and classifier together.
    coef_ : ndarray of shape (1, n_components) or (n_classes, n_components)
        Coefficients of ``transform(X)``; one row for two classes.
    covariate_coef_ : ndarray of shape (1 or n_classes, n_covariates)
        Coefficients of the covariates, in their own units.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    effective_coef_ : ndarray of shape (1 or n_classes, n_features)
        Coefficients of X itself. Absent for non-negative codes of the feature model,
        which are not linear in X.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    mean_ : ndarray of shape (n_features,)
        What reconstructions are centered at; zero under sign constraints.
    feature_scale_ : ndarray of shape (n_features,)
        What each feature is divided by; ones without ``scale_features``.
    scale_ : float
        Root mean squared distance of a scaled training sample from the mean.
    dominated_features_ : ndarray of int
        Features that a few rows dominate; empty, mostly.
    objective_ : ndarray of shape (n_iter_ + 1,)
        Objective at the start and after each iteration; it never rises.
    condition_ : float
        Condition number of the lifted problem ("lpgd" only). Below 3 the theory
        promises geometric convergence to the global minimum when the rank constraint
        fits the data.
    n_iter_ : int
        Outer iterations done.
    converged_ : bool
        Whether ``tol`` was reached.
    n_covariates_ : int
        Number of covariates.
    n_features_in_ : int
        Number of columns of X, covariate columns included.
    feature_names_in_ : ndarray of str
        Column names, where X has them.

    See Also
    --------
    sklearn.decomposition.NMF : Non-negative factors, blind to labels.
    sklearn.cross_decomposition.PLSRegression : Supervised axes under squared loss.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Axes that only separate.

    References
    ----------
    .. [1] J. Lee, H. Lyu and W. Yao, "Exponentially convergent algorithms for
       supervised matrix factorization", NeurIPS 2023.
    .. [2] J. Lee, H. Lyu and W. Yao, "Supervised matrix factorization: local landscape
       analysis and applications", ICML 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skgeo.decomposition import SupervisedDictionaryLearning
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_new, y, y_new = train_test_split(X, y, random_state=0, stratify=y)
    >>> model = SupervisedDictionaryLearning(n_components=5).fit(X, y)
    >>> model.transform(X_new).shape
    (450, 5)
    >>> model.score(X_new, y_new) > 0.9
    True
    """

    _param_rules = {
        "n_components": Integer(1),
        "kind": OneOf("filter", "feature"),
        "solver": OneOf("auto", "lpgd", "bcd"),
        "reconstruction_weight": Real(0.0),
        "alpha": Real(0.0),
        "positive_dict": Boolean(),
        "positive_code": Boolean(),
        "scale_features": Boolean(),
        "robust": Boolean(),
        "fit_intercept": Boolean(),
        "init": OneOf("auto", "svd", "random")
        | Instance(np.ndarray, "an array of shape (n_components, n_features)"),
        "max_iter": Integer(1),
        "tol": Real(0.0),
        "refit_coef": Boolean(),
        "class_weight": Null() | OneOf("balanced") | Instance(dict, "a dict"),
        "warm_start": Boolean(),
        "covariate_columns": Null()
        | SequenceOf(Integer() | Instance(str, "a column name")),
        "random_state": RandomState(),
    }

    _unused_params = (
        Unused("refit_coef", lambda p: p.kind == "filter", "kind is 'filter'"),
    )

    def __init__(
        self,
        n_components: int = 2,
        *,
        kind: Literal["filter", "feature"] = "filter",
        solver: Literal["auto", "lpgd", "bcd"] = "auto",
        reconstruction_weight: float = 0.1,
        alpha: float = 1e-4,
        positive_dict: bool = False,
        positive_code: bool = False,
        scale_features: bool = True,
        robust: bool = False,
        fit_intercept: bool = True,
        init: Literal["auto", "svd", "random"] | NDArray = "auto",
        max_iter: int = 500,
        tol: float = 1e-5,
        refit_coef: bool = True,
        class_weight: Literal["balanced"] | dict | None = None,
        warm_start: bool = False,
        covariate_columns: Sequence[int | str] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_components = n_components
        self.kind = kind
        self.solver = solver
        self.reconstruction_weight = reconstruction_weight
        self.alpha = alpha
        self.positive_dict = positive_dict
        self.positive_code = positive_code
        self.scale_features = scale_features
        self.robust = robust
        self.fit_intercept = fit_intercept
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.refit_coef = refit_coef
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.covariate_columns = covariate_columns
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return len(self.components_)

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        covariates: ArrayLike | None = None,
    ) -> SupervisedDictionaryLearning:
        """Learn the dictionary and the classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; CSR is never made dense.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of two is a repeated row, of zero a dropped one.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters contradict each other or the data, y has one class, or a
            feature is too large or too small in magnitude to be computed with.

        Warns
        -----
        UserWarning
            If a few rows dominate a feature, if sign constraints keep the dictionary
            from reconstructing, or if the classifier explains nothing.
        ConvergenceWarning
            If ``max_iter`` is reached, or rounding hides any progress before.
        """
        params = check_params(self)
        params.solver = resolve_solver(params)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=DTYPES, order="C")
        check_labels(y)
        X, Z = self._split(X, covariates, reset=True)
        weight = check_sample_weight(sample_weight, X.shape[0], normalize=False)
        if (weight == 0).any():
            keep = weight > 0
            X, Z, y, weight = X[keep], Z[keep], y[keep], weight[keep]
        if issparse(X):
            X = X.astype(np.float64, copy=False)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y holds {len(classes)} class ({classes.tolist()}): a classifier "
                "needs at least 2."
            )
        check_start(params, X.shape[1])
        if params.solver == "bcd":
            X, Z, codes, weight = merge_rows(X, Z, codes, weight)
        weight = check_sample_weight(weight, X.shape[0])
        X, Z = self._tame(X, Z, weight)
        free = not (params.positive_dict or params.positive_code)
        centered = free and params.fit_intercept
        units = Units.of(
            X,
            Z,
            weight,
            fit_intercept=params.fit_intercept,
            scaled=params.scale_features,
            centered=centered,
        )
        multiplier = class_multipliers(params.class_weight, classes, codes, weight)
        problem = Problem(
            data=units.data(X, weight, centered=centered),
            label_data=units.data(X, weight, centered=params.fit_intercept),
            Z=units.covariates(Z),
            y=codes,
            n_classes=len(classes),
            label_weight=weight * multiplier[codes],
        )
        warm = self._warm(units, classes, problem) if params.warm_start else None
        with (
            single_blas_thread(),
            self._iterations(params.max_iter, X=X, y=y, remedy=EARLIER) as tick,
        ):
            random_state = check_random_state(params.random_state)
            told_to_stop = []

            def after_iteration(state):
                told_to_stop.append(bool(tick(state)))
                return told_to_stop[-1]

            solution = solve(params, problem, warm, random_state, after_iteration)
            self._set(solution, units, classes, centered)
            warn_signs(params, problem, solution)
            warn_unexplained(params, self._scores(X, Z), problem)
        if not self.converged_ and self.n_iter_ >= params.max_iter:
            warn_user(
                f"{params.solver} stopped at max_iter={params.max_iter} with its "
                f"criterion at {solution.result.stop:.2e}, above tol={params.tol:g}. "
                "Raise max_iter, tol or alpha.",
                ConvergenceWarning,
            )
        elif not self.converged_ and not any(told_to_stop):
            warn_user(
                f"{params.solver} stopped after {self.n_iter_} iterations, where "
                f"rounding hides any progress, with its criterion at "
                f"{solution.result.stop:.2e}, above tol={params.tol:g}. Take a smaller "
                "reconstruction_weight or class_weight, or a larger alpha.",
                ConvergenceWarning,
            )
        return self

    def _split(self, X, covariates, *, reset):
        """Return features and covariates of validated input."""
        if self.covariate_columns is not None:
            if covariates is not None:
                raise ValueError(
                    "covariates were passed although covariate_columns is set: use one "
                    "of the two ways."
                )
            if reset:
                names = getattr(self, "feature_names_in_", None)
                self._covariate_indices = covariate_indices(
                    self.covariate_columns, X.shape[1], names
                )
                self.n_covariates_ = len(self._covariate_indices)
            return split_columns(X, self._covariate_indices)
        if covariates is None:
            if reset:
                self.n_covariates_ = 0
            elif self.n_covariates_:
                raise ValueError(
                    f"covariates is None, but the estimator was fitted with "
                    f"{self.n_covariates_}: pass them to this method too."
                )
            return X, np.empty((X.shape[0], 0))
        Z = check_covariates(covariates, X)
        if reset:
            self.n_covariates_ = Z.shape[1]
        elif Z.shape[1] != self.n_covariates_:
            raise ValueError(
                f"covariates has {Z.shape[1]} columns, but the estimator was fitted "
                f"with {self.n_covariates_}."
            )
        return X, Z

    def _tame(self, X, Z, weight):
        """Look for rows that dominate a column; draw them in where that is asked."""
        spreads = ColumnSpread(X, weight), ColumnSpread(Z, weight)
        self.dominated_features_ = spreads[0].dominated
        self._spreads = spreads if self.robust else None
        if self.robust:
            return spreads[0].tame(X), spreads[1].tame(Z)
        names = getattr(self, "feature_names_in_", None)
        if names is not None and self.covariate_columns is not None:
            names = np.delete(names, self._covariate_indices)
        warn_dominated(X, spreads[0], "feature", names)
        warn_dominated(Z, spreads[1], "covariate", None)
        return X, Z

    def _set(self, solution, units, classes, centered):
        """Turn a solution in internal units into attributes in those of X."""
        n_covariates = len(units.z_mean)
        f = units.feature_scale
        self.classes_ = classes
        self.components_ = solution.D * f
        self.coef_ = solution.coef / units.length
        self.mean_ = units.mean.copy() if centered else np.zeros_like(units.mean)
        self.feature_scale_, self.scale_ = f, units.length
        self.covariate_coef_ = solution.nu[:, :n_covariates] / units.z_scale
        intercept = np.zeros(len(self.coef_))
        if self.fit_intercept:
            intercept = solution.nu[:, -1] - self.covariate_coef_ @ units.z_mean
            if self.kind == "filter":
                offset = (units.mean - self.mean_) / f
                intercept -= self.coef_ @ (solution.D @ offset)
        self.intercept_ = intercept
        self._center = units.mean
        if hasattr(self, "effective_coef_"):
            del self.effective_coef_
        if self.kind == "filter":
            self.effective_coef_ = self.coef_ @ solution.D / f
        elif not self.positive_code:
            self.effective_coef_ = self.coef_ @ np.linalg.pinv(solution.D).T / f
        if hasattr(self, "condition_"):
            del self.condition_
        if solution.condition is not None:
            self.condition_ = solution.condition
        self.objective_ = solution.result.objective
        self.n_iter_ = solution.result.n_iter
        self.converged_ = solution.result.converged

    def _warm(self, units, classes, problem):
        """Return the previous solution in the units of a new problem, or None."""
        if not hasattr(self, "components_"):
            return None
        shape = (self.n_components, problem.data.shape[1])
        if (
            self.components_.shape != shape
            or not np.array_equal(self.classes_, classes)
            or self.covariate_coef_.shape[1] != problem.Z.shape[1]
        ):
            return None
        D = self._atoms()
        if self.positive_dict and (D < 0).any():
            return None
        # A filter has to see the same, an atom to mean the same, in the new units.
        ratio = units.feature_scale / self.feature_scale_
        D = D * ratio if self.kind == "filter" else D / ratio
        nu = self.covariate_coef_ * units.z_scale
        if self.fit_intercept:
            b = self.intercept_ + self.covariate_coef_ @ units.z_mean
            if self.kind == "filter":
                offset = (units.mean - self.mean_) / units.feature_scale
                b = b + self.coef_ @ (D @ offset)
            nu = np.column_stack([nu, b])
        return D, self.coef_ * units.length, nu

    def _atoms(self):
        """Atoms of unit length, over scaled features."""
        return self.components_ / self.feature_scale_

    def _inputs(self, X, covariates=None, *, labels):
        """Validated features and covariates for a method of a fitted estimator."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=DTYPES, order="C", reset=False
        )
        Z = None
        if labels or self.covariate_columns is not None:
            X, Z = self._split(X, covariates, reset=False)
        if self._spreads is not None:
            X = self._spreads[0].tame(X)
            Z = self._spreads[1].tame(Z) if labels else None
        return X, Z

    def _project(self, X):
        data = DataMatrix(X, None, self.mean_, self.feature_scale_)
        return data.forward(self._atoms())

    def _codes(self, X):
        return least_squares_codes(
            self._project(X), self._atoms(), bool(self.positive_code)
        )

    def _seen(self, X):
        return self._project(X) if self.kind == "filter" else self._codes(X)

    def _scores(self, X, Z):
        scores = self._seen(X) @ self.coef_.T + self.intercept_
        return scores + Z @ self.covariate_coef_.T

    def decision_function(
        self, X: ArrayLike, covariates: ArrayLike | None = None
    ) -> NDArray:
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One logit of the second class for two classes.
        """
        scores = self._scores(*self._inputs(X, covariates, labels=True))
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(
        self, X: ArrayLike, covariates: ArrayLike | None = None
    ) -> NDArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Rows sum to one.
        """
        return np.exp(self.predict_log_proba(X, covariates))

    def predict_log_proba(
        self, X: ArrayLike, covariates: ArrayLike | None = None
    ) -> NDArray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite even where the probability underflows.
        """
        scores = self.decision_function(X, covariates)
        if scores.ndim == 1:
            return -np.column_stack([np.logaddexp(0, scores), np.logaddexp(0, -scores)])
        return log_softmax(scores, axis=1)

    def predict(self, X: ArrayLike, covariates: ArrayLike | None = None) -> NDArray:
        """Return the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Class labels.
        """
        scores = self.decision_function(X, covariates)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        covariates: ArrayLike | None = None,
    ) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        accuracy : float
            Fraction of correctly classified samples.
        """
        found = self.predict(X, covariates)
        return float(accuracy_score(y, found, sample_weight=sample_weight))

    def transform(self, X: ArrayLike) -> NDArray:
        """Return what the classifier sees of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        features : ndarray of shape (n_samples, n_components)
            For the filter model the products of the atoms with the samples, both
            over scaled features,
            ``((X - mean_) / feature_scale_) @ (components_ / feature_scale_).T``; for
            the feature model the codes.
        """
        X, _ = self._inputs(X, labels=False)
        return self._seen(X).astype(X.dtype, copy=False)

    def encode(self, X: ArrayLike) -> NDArray:
        """Return the codes of X: what reconstructs it best, labels unseen.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Least-squares codes, non-negative with ``positive_code``.
        """
        X, _ = self._inputs(X, labels=False)
        return self._codes(X).astype(X.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Return the data that codes represent.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as from ``encode``.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstruction, without the covariate columns.
        """
        check_is_fitted(self)
        C = check_array(X, dtype=DTYPES)
        if C.shape[1] != len(self.components_):
            raise ValueError(
                f"X has {C.shape[1]} columns, but codes over {len(self.components_)} "
                "components are expected."
            )
        return (C @ self.components_ + self.mean_).astype(C.dtype, copy=False)

    def reconstruction_error(
        self, X: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the relative squared reconstruction error.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        error : float
            Squared error over that of the training mean, of features in units of
            ``feature_scale_``: 0 is perfect, 1 no better than the mean.
        """
        X, _ = self._inputs(X, labels=False)
        X = X.astype(np.float64, copy=False) if issparse(X) else X
        weight = check_sample_weight(sample_weight, X.shape[0])
        data = DataMatrix(X, weight, self.mean_, self.feature_scale_ * self.scale_)
        with np.errstate(over="ignore", invalid="ignore"):
            held = energy_held(data, self._atoms(), bool(self.positive_code))
            lost = data.energy() - held
            total = data.with_center(self._center).energy()
        if not np.isfinite([lost, total]).all():
            raise ValueError(
                "The squares of X overflow: its entries are far larger than those that "
                "the estimator was fitted to. Choose another unit."
            )
        if total == 0:
            return 0.0 if lost <= 1e-20 else np.inf
        return max(lost, 0.0) / total
