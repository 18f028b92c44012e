"""Robust low-rank regression on matrices."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils.validation import (
    _check_y,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skgeo.base import BaseEstimator
from skgeo.exceptions import InvalidParameterError
from skgeo.linear_model._shared import check_predictions, scaled_r2
from skgeo.linear_model._trace.measurements import (
    MAD_OF_NORMAL,
    degrees_of_freedom,
    is_symmetric,
    prepare,
)
from skgeo.linear_model._trace.rank_search import allowed_ranks, search_rank
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import announce
from skgeo.utils.masked import refuse_masked
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["RobustTraceRegressor"]

_TRUSTED_SCORE = 0.5


class RobustTraceRegressor(RegressorMixin, CallbackMixin, BaseEstimator):
    r"""Robust regression on matrices with a low-rank coefficient matrix.

    The model is :math:`y_i = \langle X_i, M \rangle + b` for most samples, M of unknown
    low rank, and anything for the others. With covariance matrices and
    :math:`M = \sum_k \pm w_k w_k^T` it regresses on the power of a few spatial
    sources. The mean absolute residual is lowered by sub-gradient steps over factors
    of M, from a small start, which keeps surplus columns small; the rank is cut at the
    gap of the singular values and the fit polished. Several allowed ranks are tried
    until two agree.

    Parameters
    ----------
    max_rank : int or None, default=None
        Maximum rank; None tries 1, 2, 3, 4, 6, 8, 12, ... up to the size of
        the matrices, as far as the number of samples permits.
    shape : (int, int) or None, default=None
        Shape of the matrices when X is 2-D, rows being flattened matrices. None takes
        rows as vectors: least absolute deviations without a rank.
    symmetric : "auto" or bool, default="auto"
        Whether M is symmetric (definite or not). "auto" is whether all X are; only the
        symmetric part of M matters then.
    whiten : bool, default=False
        Divide matrices by the root of their mean on both sides, for covariances, whose
        entries have unequal variances.
    fit_intercept : bool, default=True
        Fit the offset b.
    init_scale : float, default=1e-3
        Size of the start.
    step_size : float, default=0.2
        First step, in standardized units.
    decay : float, default=0.99
        Factor of the step from iteration to iteration.
    max_iter : int, default=1000
        Number of steps of the descent, and of the polish after it.
    gap : float, default=10.0
        Ratio of neighboring singular values at which the rank is cut.

    Attributes
    ----------
    coef_ : ndarray of shape (p, q) or (n_features,)
        Coefficient matrix; a vector if rows are vectors.
    intercept_ : float
        Offset.
    rank_ : int
        Rank of ``coef_``.
    factors_ : tuple of ndarray of shape (p, rank_) and (q, rank_)
        ``coef_ = factors_[0] @ factors_[1].T``.
    scale_ : float
        Median absolute residual divided by 0.6745: the standard deviation of normal
        noise, whatever the outliers.
    outliers_ : ndarray of bool of shape (n_samples,)
        Training samples whose residual exceeds five times ``scale_``.
    converged_ : bool
        Whether two allowed ranks found the same model. The result is to be trusted if
        this holds and ``robust_score_`` exceeds .5.
    robust_score_ : float
        One minus the ratio of a quantile of the absolute residuals (a little above
        the median, by the number of parameters) to their median around a constant.
    path_ : ndarray of shape (n_tried, 3)
        Rank allowed, rank found and that quantile, in units of y, for each rank
        tried; the constant comes first.
    n_iter_ : int
        Number of steps of all stages.
    n_features_in_ : int
        Number of features of a row, or of entries of a matrix.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    sklearn.linear_model.HuberRegressor : As good, and ten times faster, with at least
        three samples per entry of the matrix and at most 20 % outliers.
    sklearn.linear_model.QuantileRegressor : Least absolute deviations, exact, of
        vectors.

    Notes
    -----
    The fit does not depend on the units of X and y. With half of the targets spoiled
    it may fail; the two signs of trust above did not hold for any wrong fit seen. They
    are strict: with 40 % outliers, right fits of higher rank are sometimes doubted.

    Predictions on data like the training data are what to rely on: where the matrices
    hardly vary in some direction, ``coef_`` and ``rank_`` are uncertain even if the
    predictions are not.

    References
    ----------
    .. [1] J. Ma, S. Fattahi, "Global convergence of sub-gradient method for robust
       matrix recovery: small initialization, noisy measurements, and
       over-parameterization", arXiv:2202.08788.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import RobustTraceRegressor
    >>> rng = np.random.default_rng(0)
    >>> w = rng.standard_normal(8)
    >>> X = rng.standard_normal((200, 8, 8))
    >>> X = X + X.swapaxes(1, 2)
    >>> y = np.einsum("nij,i,j->n", X, w, w) + 2.0
    >>> y[:60] += 100 * rng.standard_normal(60)
    >>> model = RobustTraceRegressor().fit(X, y)
    >>> model.rank_, bool(model.converged_)
    (1, True)
    >>> bool(np.allclose(model.coef_, np.outer(w, w)))
    True
    """

    _param_rules = {
        "max_rank": Null() | Integer(1),
        "shape": Null() | SequenceOf(Integer(1), 2),
        "symmetric": OneOf("auto") | Boolean(),
        "whiten": Boolean(),
        "fit_intercept": Boolean(),
        "init_scale": Real(0.0, closed="neither"),
        "step_size": Real(0.0, closed="neither"),
        "decay": Real(0.0, 1.0, closed="neither"),
        "max_iter": Integer(1),
        "gap": Real(1.0, closed="neither"),
    }

    def __init__(
        self,
        max_rank: int | None = None,
        *,
        shape: tuple[int, int] | None = None,
        symmetric: str | bool = "auto",
        whiten: bool = False,
        fit_intercept: bool = True,
        init_scale: float = 1e-3,
        step_size: float = 0.2,
        decay: float = 0.99,
        max_iter: int = 1000,
        gap: float = 10.0,
    ):
        self.max_rank = max_rank
        self.shape = shape
        self.symmetric = symmetric
        self.whiten = whiten
        self.fit_intercept = fit_intercept
        self.init_scale = init_scale
        self.step_size = step_size
        self.decay = decay
        self.max_iter = max_iter
        self.gap = gap

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, p, q) or (n_samples, n_features)
            Matrices, or flattened matrices with ``shape``, or vectors.
        y : array-like of shape (n_samples,)
            Targets.

        Returns
        -------
        self : RobustTraceRegressor
            The fitted estimator.

        Raises
        ------
        NotPositiveDefiniteError
            If ``whiten`` and the mean of the matrices is singular.

        Warns
        -----
        ConvergenceWarning
            If the signs that the fit can be trusted are missing.
        """
        p = check_params(self)
        refuse_masked(y, "y")
        X = self._matrices(X, y, reset=True)
        y = _check_y(y, y_numeric=True).astype(np.float64, copy=False)
        check_consistent_length(X, y)
        symmetric = self._is_symmetric(X, p)
        # Powers of two: squares of extreme units would over- or underflow.
        x_unit, y_unit = _unit(X), _unit(y)
        Z, t = X / x_unit, y / y_unit
        with (
            single_blas_thread(),
            self._iterations(None, X=X, y=y) as tick,
            np.errstate(all="ignore"),  # results are checked for their range below
        ):
            problem = prepare(
                Z, t, symmetric=symmetric, whiten=p.whiten,
                fit_intercept=p.fit_intercept,
            )  # fmt: skip
            if problem is None:
                self._store_constant(X, y, symmetric, p.fit_intercept)
                return self
            self._check_number_of_samples(problem, p)
            search = search_rank(
                problem, max_rank=p.max_rank, init_scale=p.init_scale,
                step_size=p.step_size, decay=p.decay, max_iter=p.max_iter, gap=p.gap,
                callback=tick,
            )  # fmt: skip
        self._store(problem, search, Z, t, x_unit, y_unit)
        self._warn_if_doubtful()
        return self

    def _matrices(self, X, y=None, *, reset):
        """Return X as (n, p, q); a vector is a column."""
        refuse_masked(X, "X")
        ndim = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        if ndim == 3:
            if self.shape is not None:
                raise InvalidParameterError(
                    "RobustTraceRegressor: parameter 'shape' is for 2-D X; got X of "
                    f"three dimensions and shape={self.shape!r}."
                )
            X = check_array(
                X,
                dtype=np.float64,
                allow_nd=True,
                input_name="X",
                ensure_min_samples=2 if reset else 1,
            )
            if 0 in X.shape:
                raise ValueError(f"X holds empty matrices: its shape is {X.shape}.")
            if reset:
                self._shape, self._vectors = X.shape[1:], False
                self.n_features_in_ = X.shape[1] * X.shape[2]
        else:
            if reset:
                X, _ = validate_data(
                    self, X, y, dtype=np.float64, y_numeric=True, multi_output=False,
                    ensure_min_samples=2,
                )  # fmt: skip
                self._vectors = self.shape is None
                self._shape = (
                    (X.shape[1], 1) if self._vectors else tuple(map(int, self.shape))
                )
                if np.prod(self._shape) != X.shape[1]:
                    raise InvalidParameterError(
                        f"RobustTraceRegressor: parameter 'shape'={self.shape!r} does "
                        f"not make {X.shape[1]} features."
                    )
            else:
                X = validate_data(self, X, dtype=np.float64, reset=False)
            X = X.reshape(len(X), *self._shape)
        if X.shape[1:] != self._shape:
            raise ValueError(
                f"X has matrices of shape {X.shape[1:]}, but RobustTraceRegressor was "
                f"fitted with {self._shape}."
            )
        return X

    def _is_symmetric(self, X, p):
        square = X.shape[1] == X.shape[2] and X.shape[1] > 1
        if p.whiten and not (square and is_symmetric(X)):
            raise InvalidParameterError(
                "RobustTraceRegressor: parameter 'whiten' needs symmetric "
                f"positive-definite matrices; got matrices of shape {X.shape[1:]}"
                + (" that are not symmetric." if square else ".")
            )
        if p.symmetric == "auto":
            return square and is_symmetric(X)
        if p.symmetric and not square:
            raise InvalidParameterError(
                "RobustTraceRegressor: parameter 'symmetric' is True, but matrices of "
                f"shape {X.shape[1:]} are not square."
            )
        if p.symmetric and not is_symmetric(X):
            warn_user(
                "symmetric=True uses the symmetric parts of the matrices only, and "
                "some of them are not symmetric. Use symmetric=False if the rest "
                "matters."
            )
        elif not p.symmetric and square and is_symmetric(X):
            warn_user(
                "The matrices are symmetric, so only the symmetric part of the "
                "coefficient matrix matters: symmetric=True is used."
            )
            return True
        return bool(p.symmetric)

    def _check_number_of_samples(self, problem, p):
        n, freedom = len(problem.t), degrees_of_freedom(1, problem.layout)
        if n < 2 * freedom:
            warn_user(
                f"{n} samples are few for {freedom} parameters of rank one: half of "
                "them can be fitted whatever they are. Collect more, or take fewer "
                "channels.",
                ConvergenceWarning,
            )
        # Two stages; each reads the measurements twice a step, at some 2 GB/s.
        ranks = allowed_ranks(problem, p.max_rank)
        seconds = p.max_iter * (1 + len(ranks) / 3) * problem.A.nbytes * 1.5e-9
        announce(
            seconds,
            f"The fit to {n} matrices of {problem.layout.p} x {problem.layout.q}",
            "A smaller max_rank shortens it.",
        )

    def _store(self, problem, search, Z, t, x_unit, y_unit):
        best = search.best
        rows, columns = self._shape
        if best.rank == 0:
            left, right = np.zeros((rows, 0)), np.zeros((columns, 0))
            intercept = problem.offset * problem.y_scale
        else:
            pair = best.factors.pair()
            left, right, intercept = problem.in_user_units(*pair, best.factors.offset)
        residual = np.abs(t - np.einsum("nij,ij->n", Z, left @ right.T) - intercept)
        scale = float(np.median(residual)) / MAD_OF_NORMAL
        # An exact fit leaves rounding, and five times nothing flags everything.
        self.outliers_ = residual > max(5.0 * scale, 1e-6 * problem.y_scale)
        self.scale_ = scale * y_unit
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            # In two steps, as the ratio of extreme units may itself overflow.
            left = left * np.sqrt(y_unit) / np.sqrt(x_unit)
            right = right * np.sqrt(y_unit) / np.sqrt(x_unit)
            coef = left @ right.T
        vanished = best.rank and np.abs(coef).max(initial=0.0) < np.finfo(float).tiny
        finite = np.isfinite(coef).all() and np.isfinite(intercept * y_unit)
        if vanished or not finite:
            raise ValueError(
                "The coefficients exceed the range of float64: matrices are of size "
                f"{x_unit:.3g}, targets {y_unit:.3g}. Rescale X or y."
            )
        self.factors_ = (left, right)
        self.coef_ = coef[:, 0] if self._vectors else coef
        self.intercept_ = float(intercept * y_unit)
        self.rank_ = best.rank
        self.converged_ = bool(search.agreed)
        self.robust_score_ = float(search.score)
        self.path_ = np.array(
            [
                [trial.allowed, trial.rank, trial.quantile * problem.y_scale * y_unit]
                for trial in search.trials
            ]
        )
        self.n_iter_ = search.n_steps

    def _store_constant(self, X, y, symmetric, fit_intercept):
        """More than half of the targets are equal, or all matrices: a constant."""
        rows, columns = self._shape
        self.intercept_ = float(np.median(y)) if fit_intercept else 0.0
        self.coef_ = np.zeros(rows if self._vectors else self._shape)
        self.factors_ = (np.zeros((rows, 0)), np.zeros((columns, 0)))
        self.rank_, self.n_iter_ = 0, 0
        residual = np.abs(y - self.intercept_)
        self.scale_ = float(np.median(residual)) / MAD_OF_NORMAL
        self.outliers_ = residual > 5.0 * self.scale_
        self.converged_, self.robust_score_ = self.scale_ == 0.0, 0.0
        self.path_ = np.array([[0, 0, float(np.median(residual))]])
        if residual.any():
            warn_user(
                "More than half of the targets are equal, or the matrices do not "
                "vary: a constant fits most of them exactly, and is the result.",
                ConvergenceWarning,
            )

    def _warn_if_doubtful(self):
        if self.converged_ and self.robust_score_ > _TRUSTED_SCORE:
            return
        reasons = []
        if not self.converged_:
            reasons.append("no two allowed ranks found the same model")
        if self.robust_score_ <= _TRUSTED_SCORE:
            reasons.append(
                f"half of the targets are explained poorly (robust_score_ = "
                f"{self.robust_score_:.2f})"
            )
        warn_user(
            f"The fit may be wrong: {' and '.join(reasons)}. There may be too few "
            "samples, too many outliers, much noise or no low rank; hold out samples "
            "to see what it predicts.",
            ConvergenceWarning,
        )

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, p, q) or (n_samples, n_features)
            Matrices or rows as in ``fit``.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Predictions.
        """
        check_is_fitted(self)
        X = self._matrices(X, reset=False)
        flat = X.reshape(len(X), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            return check_predictions(flat @ self.coef_.ravel() + self.intercept_)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Coefficient of determination of the predictions.

        It counts every target, outliers included.

        Parameters
        ----------
        X : array-like of shape (n_samples, p, q) or (n_samples, n_features)
            Matrices or rows as in ``fit``.
        y : array-like of shape (n_samples,)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weights.

        Returns
        -------
        score : float
            Coefficient of determination.
        """
        return scaled_r2(y, self.predict(X), sample_weight)


def _unit(a):
    """Power of two near the largest entry."""
    largest = float(np.abs(a).max(initial=0.0))
    return float(2.0 ** np.floor(np.log2(largest))) if largest > 0 else 1.0
