"""Relevance vector machine for linear features."""

import numbers

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from skgeo.linear_model._rvm.compress import compress
from skgeo.linear_model._rvm.evidence import fit_fixed_point, fit_sequential
from skgeo.linear_model._shared import LinearPredictor, warn_unsettled
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Integer, Null, OneOf, Real, check_params

__all__ = ["SparseBayesianRegressor"]


class SparseBayesianRegressor(
    MultiOutputMixin, LinearPredictor, RegressorMixin, CallbackMixin, BaseEstimator
):
    r"""Sparse Bayesian linear regression (relevance vector machine, ARD).

    The target is :math:`y = \Phi w + b + e` with noise
    :math:`e \sim N(0, \sigma^2)`, a flat prior on the intercept and one precision per
    coefficient, :math:`w_j \sim N(0, 1/\alpha_j)`. Precisions and noise variance
    maximize the evidence; most precisions become infinite, which takes their features
    out.

    The rows are read once, by a QR factorization that every target shares; the
    iterations that follow cost nothing in the number of rows. Columns and target are
    scaled to unit root mean square inside, so that neither the features kept nor the
    predictions depend on the units of X or y.

    Parameters
    ----------
    solver : {"sequential", "fixed_point"}, default="sequential"
        "sequential" starts from the empty model and adds, removes or re-estimates one
        term at a time (Tipping and Faul), the noise variance being maximized out at
        every move. "fixed_point" starts from the full model and updates every
        precision at once (MacKay's fixed point), then ends with single-term moves;
        it takes longer. Both stop at a model that no single-term move improves. The
        evidence has several maxima, and with ``min_gain=0`` and strongly correlated
        features the two may find different ones, "fixed_point" more often the higher.
    min_gain : "auto" or float, default="auto"
        Log evidence that a feature has to bring to be kept: minus the log prior odds
        of a feature being in the model. "auto" is log(n_features), one expected
        feature a priori. With 0 the evidence alone decides, and about a third
        of the pure noise features stay, with small coefficients.
    threshold_alpha : float or None, default=None
        Take out features whose precision, columns and target scaled to unit root mean
        square, exceeds this: 1e4 takes out those that contribute less than about 1 %
        of the target's root mean square. None takes out none.
    min_coef : float or None, default=None
        Take out features whose coefficient, in the units of the data, is smaller than
        this in absolute value. Not free of units, by intent.
    noise_variance : float or None, default=None
        Noise variance in squared units of y; None learns it.
    effective_rows : float or None, default=None
        Number of independent rows that the data are worth, when rows are correlated:
        sample weights are rescaled to this sum. None takes the sum of the weights.
    fit_intercept : bool, default=True
        Fit an intercept.
    max_iter : int, default=10000
        Largest number of moves (or of fixed-point iterations).
    tol : float, default=1e-8
        Smallest gain of log evidence worth a move.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Posterior mean; exactly zero where a feature was taken out.
    coef_std_ : ndarray of the shape of coef_
        Posterior standard deviation; zero where a feature was taken out.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    support_ : ndarray of bool, of the shape of coef_
        Features kept.
    sigma_ : ndarray of shape (n_kept, n_kept), or list of them
        Posterior covariance of the kept coefficients, in the order of the features;
        one per target if y is 2-D.
    alpha_ : ndarray of the shape of coef_
        Prior precisions, in the units of the data; infinite where taken out.
    noise_variance_ : float or ndarray of shape (n_targets,)
        Noise variance, in squared units of y.
    log_evidence_ : float or ndarray of shape (n_targets,)
        Log marginal likelihood of the fitted hyperparameters (intercept integrated
        out).
    scores_ : ndarray, or list of ndarray
        Log evidence after each iteration; one array per target if y is 2-D.
    n_iter_ : int
        Number of iterations; the largest over targets.
    converged_ : bool
        Whether every target stopped because no move was left.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
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
    >>> model = SparseBayesianRegressor().fit(X, y)
    >>> np.flatnonzero(model.support_)
    array([4, 7])
    >>> mean, std = model.predict(X[:1], return_std=True)
    >>> mean.shape, std.shape
    ((1,), (1,))
    """

    _param_rules = {
        "solver": OneOf("sequential", "fixed_point"),
        "min_gain": OneOf("auto") | Real(0.0),
        "threshold_alpha": Null() | Real(0.0, closed="neither"),
        "min_coef": Null() | Real(0.0),
        "noise_variance": Null() | Real(0.0, closed="neither"),
        "effective_rows": Null() | Real(0.0, closed="neither"),
        "fit_intercept": Boolean(),
        "max_iter": Integer(1),
        "tol": Real(0.0),
    }

    def __init__(
        self,
        *,
        solver="sequential",
        min_gain="auto",
        threshold_alpha=None,
        min_coef=None,
        noise_variance=None,
        effective_rows=None,
        fit_intercept=True,
        max_iter=10_000,
        tol=1e-8,
    ):
        self.solver = solver
        self.min_gain = min_gain
        self.threshold_alpha = threshold_alpha
        self.min_coef = min_coef
        self.noise_variance = noise_variance
        self.effective_rows = effective_rows
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
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
            If the weights are worth no more rows than the intercept takes.
        """
        check_params(self)
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True,
            ensure_min_samples=2,
        )  # fmt: skip
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        weight = self._row_weights(sample_weight, len(X))
        if weight is not None and not weight.all():
            X, Y, weight = X[weight > 0], Y[weight > 0], weight[weight > 0]
        with (
            single_blas_thread(),
            self._iterations(self.max_iter * Y.shape[1], X=X, y=y) as tick,
        ):
            problem = compress(X, Y, weight, self.fit_intercept)
            if not problem.n > 0:
                raise ValueError(
                    f"The rows are worth {problem.total_weight:g} in total "
                    "(sum of sample_weight, or effective_rows), while more than "
                    f"{int(self.fit_intercept)} is needed. Weights count repeats of a "
                    "row; give effective_rows=len(y) where they are only relative."
                )
            results = [self._fit_target(problem, t, tick) for t in range(Y.shape[1])]
        self._store(problem, results, np.ndim(y) == 1)
        warn_unsettled(self, "The evidence was still rising")
        return self

    def _row_weights(self, sample_weight, n_samples):
        """Check sample weights and scale them to effective_rows; None means all one."""
        if sample_weight is None or isinstance(sample_weight, numbers.Real):
            value = 1.0 if sample_weight is None else float(sample_weight)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"sample_weight must be positive, got {value}.")
            if value == 1.0 and self.effective_rows is None:
                return None
            weight = np.full(n_samples, value)
        else:
            weight = np.asarray(sample_weight, dtype=np.float64)
            if weight.ndim != 1:
                raise ValueError(
                    f"Sample weights must be 1D array or scalar, got {weight.ndim}D."
                )
            if weight.shape != (n_samples,):
                raise ValueError(
                    f"sample_weight must have shape ({n_samples},), got {weight.shape}."
                )
            if not np.isfinite(weight).all() or (weight < 0).any():
                raise ValueError("sample_weight must be finite and non-negative.")
            if not weight.any():
                raise ValueError("sample_weight is zero for every sample.")
        if self.effective_rows is None:
            return weight
        weight = weight / weight.max()
        return weight * (self.effective_rows / weight.sum())

    def _fit_target(self, problem, t, tick):
        """Maximize the evidence of one target, in scaled units."""
        solve = {"sequential": fit_sequential, "fixed_point": fit_fixed_point}
        n_features = len(problem.design)
        # Targets of the reduced problem have unit norm, those of the user total_weight
        # times the squared scale.
        unit = np.sqrt(problem.total_weight) * problem.y_scale[t]
        min_coef = None
        if self.min_coef is not None:
            with np.errstate(over="ignore", under="ignore"):
                min_coef = self.min_coef * (problem.x_scale / problem.y_scale[t])
        noise = 0.0
        if self.noise_variance is not None:
            noise = max((np.sqrt(self.noise_variance) / unit) ** 2, 1e-30)
        return solve[self.solver](
            problem.design,
            problem.target[t],
            problem.outside[t],
            problem.n,
            noise=noise,
            cost=np.log(n_features) if self.min_gain == "auto" else self.min_gain,
            max_alpha=np.inf if self.threshold_alpha is None else self.threshold_alpha,
            min_coef=min_coef,
            tol=self.tol,
            max_iter=self.max_iter,
            callback=tick,
        )

    def _store(self, problem, results, single):
        """Turn the results of the targets into fitted attributes."""
        shape = (len(results), len(problem.design))
        self.coef_, self.coef_std_ = np.zeros(shape), np.zeros(shape)
        self.alpha_, self.support_ = np.full(shape, np.inf), np.zeros(shape, dtype=bool)
        self.sigma_, self.scores_, self._scaled_cov = [], [], []
        self.noise_variance_ = np.zeros(len(results))
        constant = problem.n * np.log(2 * np.pi) + self.fit_intercept * np.log(
            problem.total_weight
        )
        self._x_mean, self._x_scale = problem.x_mean, problem.x_scale
        self._y_scale, self._total_weight = problem.y_scale, problem.total_weight
        for t, result in enumerate(results):
            active = result.extra["active"]
            # In two divisions, as squares of extreme units overflow.
            ratio = problem.y_scale[t] / problem.x_scale[active]
            self.support_[t, active] = True
            self.coef_[t, active] = result.x * ratio
            self.coef_std_[t, active] = np.sqrt(np.diag(result.extra["cov"])) * ratio
            with np.errstate(over="ignore", under="ignore"):
                self.alpha_[t, active] = result.extra["alpha"] / ratio / ratio
                self.sigma_.append(result.extra["cov"] * ratio * ratio[:, None])
            self._scaled_cov.append(result.extra["cov"])
            unit = np.sqrt(problem.total_weight) * problem.y_scale[t]
            with np.errstate(over="ignore", under="ignore"):
                std = np.sqrt(result.extra["noise_variance"]) * unit
                self.noise_variance_[t] = std**2
            self.scores_.append(
                result.objective - 0.5 * constant - problem.n * np.log(unit)
            )
        self.log_evidence_ = np.array([s[-1] for s in self.scores_])
        self.intercept_ = (
            problem.y_mean - self.coef_ @ problem.x_mean
            if self.fit_intercept
            else np.zeros(len(results))
        )
        self.n_iter_ = max(result.n_iter for result in results)
        self.converged_ = all(result.converged for result in results)
        if single:
            for name in ("coef_", "coef_std_", "alpha_", "support_", "sigma_"):
                setattr(self, name, getattr(self, name)[0])
            for name in ("intercept_", "noise_variance_", "log_evidence_"):
                setattr(self, name, float(getattr(self, name)[0]))
            self.scores_ = self.scores_[0]

    def _predictive_std(self, X):
        support = np.atleast_2d(self.support_)
        noise = np.atleast_1d(self.noise_variance_)
        std = np.empty((len(X), len(support)))
        for t, (kept, cov) in enumerate(zip(support, self._scaled_cov, strict=True)):
            Z = (X[:, kept] - self._x_mean[kept]) / self._x_scale[kept]
            spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", Z, cov, Z), 0.0))
            level = 1.0 + self.fit_intercept / self._total_weight
            std[:, t] = np.hypot(np.sqrt(level * noise[t]), spread * self._y_scale[t])
        return std
