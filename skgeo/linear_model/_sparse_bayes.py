"""Relevance vector machine for regression."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skgeo.base import BaseEstimator
from skgeo.exceptions import SaturatedModelWarning
from skgeo.linear_model._rvm.basis import distinct_rows, fit_basis
from skgeo.linear_model._rvm.compress import compress, dense_rows
from skgeo.linear_model._rvm.evidence import fit_evidence
from skgeo.linear_model._rvm.parameters import SHARED_RULES, UNUSED_KERNEL_PARAMS
from skgeo.linear_model._rvm.posterior import Problem
from skgeo.linear_model._rvm.rows import row_weights
from skgeo.linear_model._shared import check_target_type, scaled_r2, warn_unsettled
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.masked import refuse_masked
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Null, Real, check_params
from skgeo.utils.warn import warn_user

__all__ = ["SparseBayesianRegressor"]

# Columns or targets that spread less than this have too few digits left.
_MIN_SPREAD = 1e-290
# Unexplained fraction of a target below which its columns reach it exactly.
_EXACT = 1e-20


class SparseBayesianRegressor(
    MultiOutputMixin, RegressorMixin, CallbackMixin, BaseEstimator
):
    r"""Sparse Bayesian linear regression (relevance vector machine, ARD).

    The target is :math:`y = \Phi w + b + e` with noise
    :math:`e \sim N(0, \sigma^2)`, a flat prior on the intercept and one precision per
    coefficient, :math:`w_j \sim N(0, 1/\lambda_j)`. Precisions and noise variance
    maximize the evidence; most precisions become infinite, which removes their columns.
    The columns of :math:`\Phi` are the features, or kernels with the training samples.

    The rows are read once, by a QR factorization that every target shares; the
    iterations that follow cost nothing in the number of rows. Columns and target are
    scaled to unit root mean square inside, so that neither the features kept nor the
    predictions depend on the units of X or y.

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
        The evidence has many maxima, and every solver ends at one that no single
        addition, removal or change of a precision improves. "sequential" adds, removes
        or re-estimates one term at a time from the empty model on (Tipping and Faul),
        the noise variance being maximized out at every move; where several columns
        explain together what none of them explains alone it can end far from the best.
        "search" starts there, tests whether all columns together explain more, and if
        so climbs from several other models and exchanges terms. "thorough" also removes
        each term in turn and climbs again. "fixed_point" starts from the full model and
        updates every precision at once (MacKay's fixed point), then makes single moves.
    min_gain : "auto", "selection" or float, default="auto"
        Log evidence that a term has to bring to be kept: minus the log prior odds
        of a column being in the model. "selection" is log(n_columns), one expected
        column a priori, for finding out which features matter. "auto" is for
        prediction: 1 if there are more than two rows per feature, or if the columns
        are kernels, else log(n_columns).
        With 1 a term stays if it is about 2.1 standard errors from zero, and about 3 %
        of the pure noise features stay; with 0 the evidence alone decides, and about a
        third do.
    threshold_lambda : float or None, default=None
        Remove terms whose prior precision, columns and target scaled to unit root mean
        square, exceeds this: 1e4 removes those that contribute less than about 1 %
        of the target's root mean square. None removes none.
    min_coef : float or None, default=None
        Remove terms whose coefficient, in the units of the data, is smaller than
        this in absolute value. Not free of units, by intent.
    positive : bool, default=False
        Force the coefficients to be positive: only models whose posterior mean is
        positive in every term are considered.
    noise_variance : float or None, default=None
        Noise variance in squared units of y; None learns it.
    effective_rows : float or None, default=None
        Number of independent rows that the data are worth, when rows are correlated:
        sample weights are rescaled to this sum. None takes the sum of the weights.
    fit_intercept : bool, default=True
        Fit an intercept.
    max_iter : int, default=10000
        Maximum number of moves from each model that is climbed from.
    tol : float, default=1e-8
        Smallest gain of log evidence worth a move.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Posterior mean; exactly zero where a feature was removed. Only with
        ``kernel="linear"``.
    coef_std_ : ndarray of the shape of coef_
        Posterior standard deviation; zero where a feature was removed. Only with
        ``kernel="linear"``.
    support_ : ndarray of bool, of the shape of coef_
        Features kept. Only with ``kernel="linear"``.
    relevance_ : ndarray of int of shape (n_relevance,)
        Indices of the relevance vectors (of any target) among the training samples.
        Only with another kernel, as the next two.
    relevance_vectors_ : ndarray or sparse matrix of shape (n_relevance, n_features)
        The relevance vectors; not with ``kernel="precomputed"``.
    dual_coef_ : ndarray of shape (n_targets, n_relevance)
        Coefficients of the relevance vectors.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    alpha_ : float or ndarray of shape (n_targets,)
        Precision of the noise, 1 / ``noise_variance_``.
    noise_variance_ : float or ndarray of shape (n_targets,)
        Noise variance, in squared units of y.
    lambda_ : ndarray of shape (n_columns,) or (n_targets, n_columns)
        Prior precisions of the coefficients, in the units of the data; infinite where
        removed. One per feature, or per relevance vector.
    sigma_ : ndarray of shape (n_kept, n_kept), or list of them
        Posterior covariance of the kept coefficients, in the order of the columns;
        one per target if y is 2-D.
    log_evidence_ : float or ndarray of shape (n_targets,)
        Log marginal likelihood of the fitted hyperparameters (intercept integrated
        out).
    objective_ : ndarray of shape (n_moves + 1,), or list of them
        Log evidence less ``min_gain`` per term, after each move of the run that ended
        best; one array per target if y is 2-D.
    n_starts_ : int
        Number of models that were climbed from; the largest over targets.
    start_ : str, or list of str
        The one that led to the result: "empty", "backward path", "ridge", "forward
        path", "fixed point", "non-negative least squares", "union" or "kick".
    n_iter_ : int
        Number of moves of the run that ended best; the largest over targets.
    converged_ : bool
        Whether every target stopped because no move was left.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    SparseBayesianClassifier : The same for classes.
    KroneckerSBL : Sparse Bayesian learning with a Kronecker-structured dictionary.
    sklearn.linear_model.ARDRegression : The same model, thresholds tied to units.

    Notes
    -----
    A ``sample_weight`` of two counts like a row seen twice; the sum of the weights is
    the number of rows the noise is estimated from. Give ``effective_rows`` where
    weights are only relative.

    References
    ----------
    .. [1] M. E. Tipping, "Sparse Bayesian learning and the relevance vector machine",
       Journal of Machine Learning Research 1, 211-244, 2001.
    .. [2] M. E. Tipping, A. C. Faul, "Fast marginal likelihood maximization for
       sparse Bayesian models", AISTATS 2003.
    .. [3] D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4, 415-447,
       1992.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import SparseBayesianRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 30))
    >>> y = 3 * X[:, 4] - 2 * X[:, 7] + 0.5 * rng.standard_normal(200)
    >>> model = SparseBayesianRegressor(min_gain="selection").fit(X, y)
    >>> np.flatnonzero(model.support_)
    array([4, 7])
    >>> mean, std = model.predict(X[:1], return_std=True)
    >>> mean.shape, std.shape
    ((1,), (1,))

    Relevance vectors of a smooth curve:

    >>> t = np.linspace(-5, 5, 100)[:, None]
    >>> y = np.sinc(t[:, 0]) + 0.05 * rng.standard_normal(100)
    >>> model = SparseBayesianRegressor(kernel="rbf", gamma=1.0).fit(t, y)
    >>> len(model.relevance_) < 15
    True
    """

    _param_rules = SHARED_RULES | {
        "threshold_lambda": Null() | Real(0.0, closed="neither"),
        "min_coef": Null() | Real(0.0),
        "noise_variance": Null() | Real(0.0, closed="neither"),
        "effective_rows": Null() | Real(0.0, closed="neither"),
        "tol": Real(0.0),
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
        threshold_lambda: float | None = None,
        min_coef: float | None = None,
        positive: bool = False,
        noise_variance: float | None = None,
        effective_rows: float | None = None,
        fit_intercept: bool = True,
        max_iter: int = 10_000,
        tol: float = 1e-8,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.solver = solver
        self.min_gain = min_gain
        self.threshold_lambda = threshold_lambda
        self.min_coef = min_coef
        self.positive = positive
        self.noise_variance = noise_variance
        self.effective_rows = effective_rows
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | float | None = None,
    ) -> "SparseBayesianRegressor":
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel matrix of the samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets; each has its own precisions and noise variance.
        sample_weight : array-like of shape (n_samples,), float or None
            Non-negative weights; two counts like a repeated row, zero like a missing
            one.

        Returns
        -------
        self : SparseBayesianRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the weights are worth no more rows than the intercept takes, or if X, y
            or the coefficients leave the range of double precision.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` moves were not enough.
        SaturatedModelWarning
            If there are so many terms that the noise cannot be told from them.
        """
        params = check_params(self)
        refuse_masked(X, "X")
        check_target_type(y)
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], accept_sparse="csr",
            multi_output=True, y_numeric=True, ensure_min_samples=2,
        )  # fmt: skip
        n_samples = X.shape[0]
        Y = np.asarray(y, dtype=np.float64).reshape(n_samples, -1)
        weight = row_weights(sample_weight, n_samples, params.effective_rows)
        basis, rows = fit_basis(params, X, weight), np.arange(n_samples)
        if weight is not None and not weight.all():
            rows = np.flatnonzero(weight > 0)
        columns, Y = basis(X[rows]), Y[rows]
        if weight is not None:
            weight = weight[rows]
        with (
            single_blas_thread(),
            self._iterations(params.max_iter * Y.shape[1], X=X, y=y) as tick,
            np.errstate(all="ignore"),  # results are checked for their range below
        ):
            problem = compress(columns, Y, weight, params.fit_intercept)
            if not problem.n > 0:
                raise ValueError(
                    f"The rows are worth {problem.total_weight:g} in total "
                    "(sum of sample_weight, or effective_rows), while more than "
                    f"{int(params.fit_intercept)} is needed. Weights count repeats of "
                    "a row; give effective_rows=len(y) where they are only relative."
                )
            _check_spread(problem)
            n_distinct = np.inf
            if (problem.unexplained <= _EXACT).any():
                n_distinct = len(distinct_rows(columns)) - params.fit_intercept
            fits = [
                self._fit_target(params, problem, n_distinct, t, tick)
                for t in range(Y.shape[1])
            ]
            self._store(params, problem, fits, X.dtype)
            self._check_range(problem, fits)
            self._name_columns(params, basis, np.ndim(y) == 1)
        warn_unsettled(self, "The evidence was still rising")
        if any(fit.saturated for fit in fits):
            warn_user(
                f"{max(len(fit.active) for fit in fits)} terms were kept for "
                f"{problem.total_weight:g} rows: so few rows are left to estimate the "
                "noise from that the model may be an interpolation. Increase min_gain "
                "or give noise_variance.",
                SaturatedModelWarning,
            )
        return self

    def _fit_target(self, params, problem, n_distinct, t, tick):
        """Maximize the evidence of one target, in scaled units."""
        n_columns = len(problem.design)
        # Targets of the reduced problem have unit norm, those of the user total_weight
        # times the squared scale.
        unit = np.sqrt(problem.total_weight) * problem.y_scale[t]
        min_coef = None
        if params.min_coef is not None:
            min_coef = params.min_coef * (problem.x_scale / problem.y_scale[t])
        noise = 0.0
        if params.noise_variance is not None:
            noise = max((np.sqrt(params.noise_variance) / unit) ** 2, 1e-30)
        cost = params.min_gain
        if cost == "auto" and (
            params.kernel != "linear" or n_columns < problem.total_weight / 2
        ):
            cost = 1.0
        elif cost in ("auto", "selection"):
            cost = np.log(n_columns)
        return fit_evidence(
            Problem(
                problem.design, problem.target[t], float(problem.unexplained[t]),
                problem.n, n_distinct=n_distinct, noise=noise, cost=cost,
                positive=params.positive, tol=float(params.tol),
                max_iter=params.max_iter, callback=tick,
            ),
            params.solver,
            max_precision=(
                np.inf if params.threshold_lambda is None else params.threshold_lambda
            ),
            min_coef=min_coef,
        )  # fmt: skip

    def _store(self, params, problem, fits, dtype):
        """Turn the results of the targets into fitted attributes, one row each."""
        shape = (len(fits), len(problem.design))
        self.coef_, self.coef_std_ = np.zeros(shape, dtype), np.zeros(shape, dtype)
        self.lambda_, self.support_ = np.full(shape, np.inf), np.zeros(shape, bool)
        self.sigma_, self.objective_, self._scaled_cov = [], [], []
        self.noise_variance_, self.log_evidence_ = np.zeros((2, len(fits)))
        constant = problem.n * np.log(2 * np.pi) + params.fit_intercept * np.log(
            problem.total_weight
        )
        for t, fit in enumerate(fits):
            # In two divisions, as squares of extreme units overflow.
            ratio = problem.y_scale[t] / problem.x_scale[fit.active]
            self.support_[t, fit.active] = True
            self.coef_[t, fit.active] = fit.coef * ratio
            self.coef_std_[t, fit.active] = np.sqrt(np.diag(fit.cov)) * ratio
            self.lambda_[t, fit.active] = fit.precision / ratio / ratio
            self.sigma_.append((fit.cov * ratio * ratio[:, None]).astype(dtype))
            self._scaled_cov.append(fit.cov)
            unit = np.sqrt(problem.total_weight) * problem.y_scale[t]
            self.noise_variance_[t] = (np.sqrt(fit.noise_variance) * unit) ** 2
            level = -0.5 * constant - problem.n * np.log(unit)
            self.log_evidence_[t] = fit.log_evidence + level
            self.objective_.append(fit.objective + level)
        self.alpha_ = 1.0 / self.noise_variance_
        self.intercept_ = np.zeros(len(fits))
        if params.fit_intercept:
            # Of the coefficients as they are stored, be it in single precision.
            self.intercept_ = problem.y_mean - self.coef_ @ problem.x_mean
        self._x_mean, self._x_scale = problem.x_mean, problem.x_scale
        self._y_scale, self._noise_std = (
            problem.y_scale,
            np.sqrt([fit.noise_variance * problem.total_weight for fit in fits]),
        )
        self._level = np.sqrt(1.0 + params.fit_intercept / problem.total_weight)
        self.n_iter_ = max(fit.n_iter for fit in fits)
        self.n_starts_ = max(fit.n_starts for fit in fits)
        self.start_ = [fit.start for fit in fits]
        self.converged_ = all(fit.converged for fit in fits)

    def _check_range(self, problem, fits):
        """Refuse results that overflow or vanish; warn of second moments that do."""
        dtype = self.coef_.dtype
        least = 1e4 * np.finfo(dtype).tiny
        first = (self.coef_, self.coef_std_, self.intercept_)
        if not all(np.isfinite(value).all() for value in first) or any(
            (problem.y_scale[t] / problem.x_scale[fit.active] < least).any()
            for t, fit in enumerate(fits)
        ):
            raise ValueError(
                f"The coefficients exceed the range of {dtype}: columns "
                f"spread by {self._x_scale[self._x_scale > 0].min(initial=np.inf):.3g} "
                f"to {self._x_scale.max():.3g}, y by {self._y_scale.max():.3g}. "
                "Rescale X or y."
            )
        second = [self.noise_variance_, self.alpha_, *self.sigma_]
        second.append(self.lambda_[self.support_])
        if not all(np.isfinite(value).all() for value in second):
            warn_user(
                "noise_variance_, alpha_, lambda_ or sigma_ exceed the range of "
                "double precision in the units of X and y; predictions and their "
                "standard deviations do not. Rescale X or y."
            )

    def _name_columns(self, params, basis, single):
        """Name the attributes by what the columns are, and drop the axis of targets."""
        if params.kernel == "linear":
            self._basis = basis
        else:
            kept = np.flatnonzero(self.support_.any(axis=0))
            self._basis = basis.restrict(kept)
            self.relevance_ = self._basis.columns
            self.dual_coef_ = self.coef_[:, kept]
            self.lambda_ = self.lambda_[:, kept]
            self._x_mean, self._x_scale = self._x_mean[kept], self._x_scale[kept]
            self._kept = self.support_[:, kept]
            if params.kernel != "precomputed":
                self.relevance_vectors_ = self._basis.centers * self._basis.unit
            del self.coef_, self.coef_std_, self.support_
        if single:
            names = ["lambda_", "sigma_", "objective_", "start_"]
            if params.kernel == "linear":
                names += ["coef_", "coef_std_", "support_"]
            for name in names:
                setattr(self, name, getattr(self, name)[0])
            for name in ("intercept_", "noise_variance_", "alpha_", "log_evidence_"):
                setattr(self, name, float(getattr(self, name)[0]))

    def predict(
        self, X: ArrayLike, return_std: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.
        return_std : bool, default=False
            Also return the standard deviation of the predictive distribution: noise,
            coefficients and intercept.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictive mean.
        y_std : ndarray of the shape of y
            Predictive standard deviation; only if ``return_std``.
        """
        check_is_fitted(self)
        refuse_masked(X, "X")
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], accept_sparse="csr", reset=False
        )
        columns = self._basis(X)
        linear = self._basis.kernel == "linear"
        coef = np.asarray(self.coef_ if linear else self.dual_coef_, dtype=np.float64)
        single = np.ndim(self.intercept_) == 0
        mean = columns @ coef.T + self.intercept_
        if mean.ndim == 2 and single:
            mean = mean[:, 0]
        if not return_std:
            return _in_precision(mean, X.dtype)
        std = np.empty((X.shape[0], len(np.atleast_2d(coef))))
        kept_of = np.atleast_2d(self.support_) if linear else self._kept
        for t, (kept, cov) in enumerate(zip(kept_of, self._scaled_cov, strict=True)):
            Z = dense_rows(columns[:, np.flatnonzero(kept)], slice(None))
            Z = (Z - self._x_mean[kept]) / self._x_scale[kept]
            spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", Z, cov, Z), 0.0))
            std[:, t] = self._y_scale[t] * np.hypot(
                self._level * self._noise_std[t], spread
            )
        std = std[:, 0] if single else std
        return _in_precision(mean, X.dtype), _in_precision(std, X.dtype)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Coefficient of determination, averaged over targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, or the kernel of the samples with the training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weights.

        Returns
        -------
        score : float
            One minus the ratio of squared errors to squared deviations, as
            scikit-learn defines it, in units that cannot overflow.
        """
        predicted = self.predict(X)
        refuse_masked(y, "y")
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        check_consistent_length(y, predicted)
        return scaled_r2(y, predicted, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.kernel != "precomputed"
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags


def _in_precision(values, dtype):
    """Values in a precision, unless they exceed its range."""
    if np.abs(values).max(initial=0.0) > np.finfo(dtype).max:
        return values
    return values.astype(dtype)


def _check_spread(problem):
    """Refuse columns and targets of too few digits."""
    for name, scale, rows in (
        ("X", problem.x_scale, problem.design),
        ("y", problem.y_scale, problem.target),
    ):
        small = np.flatnonzero(rows.any(axis=1) & (scale < _MIN_SPREAD))
        if len(small):
            raise ValueError(
                f"Column {small[0]} of {name} spreads by {scale[small[0]]:.3g}, where "
                "double precision has few digits left. Rescale it."
            )
