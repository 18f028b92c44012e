"""Multi-output regression with Kronecker-structured sparsity."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from skgeo.base import BaseEstimator
from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    apply_factors,
    check_factors,
    finite,
    flat_rows,
    n_dims,
    warn_of_twins,
)
from skgeo.linear_model._kronecker.fitting import (
    KRON_RULES,
    KRON_UNUSED,
    MatrixList,
    check_coupling,
    learn,
    n_steps,
)
from skgeo.linear_model._kronecker.learned import LearnedPrior, data_unit
from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    posterior,
    predictive_spread,
)
from skgeo.linear_model._shared import LinearPredictor, scaled_r2, warn_unsettled
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import EARLIER
from skgeo.utils.masked import refuse_masked
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Null, check_params
from skgeo.utils.validation import check_sample_weight
from skgeo.utils.warn import warn_user

__all__ = ["KroneckerSBLRegressor"]

# Standard deviation of the noise in units of y from where on squares overflow.
_MAX_NOISE = 1e60

# Features below this have lost digits to gradual underflow.
_SMALLEST = 1e-290
# Below this, floating-point numbers have less than half of their digits.
_HALF_DIGITS = np.finfo(np.float64).tiny * 1e-8
# Coefficients this small, relative to the largest, do not count.
_NEGLIGIBLE = 1e-12
# Repetitions beyond this are no count.
_MOST_ROWS = 1e15
# Targets beyond this may overflow in predictions.
_LARGEST = 1e298


class KroneckerSBLRegressor(
    MultiOutputMixin, LinearPredictor, RegressorMixin, CallbackMixin, BaseEstimator
):
    r"""Multi-output regression that selects features and output patterns together.

    The targets of a sample are :math:`y = (O_1 \otimes \cdots \otimes O_I) W^\top x +
    b + e`, where the prior variance of W is a Kronecker product of one factor over
    features and one over the columns of each output factor: a feature is in or out for
    every output, and an output pattern for every feature. The variances and that
    of the noise maximize the evidence.

    Parameters
    ----------
    output_factors : list of array-like of shape (q_i, o_i) or None, default=None
        Real factors of the output patterns; n_outputs is the product of the q_i, the
        last factor running fastest. None stands for one identity: every output is
        its own pattern.
    solver : {"best", "mm", "svd", "am"}, default="best"
        How the variances are learned; see :class:`KroneckerSBL`.
    noise_variance : float or None, default=None
        Noise variance, in squared units of y; None learns it.
    coupling : sequence of float, "auto" or None, default=None
        Weights by which neighboring variances share, from 0 for not at all to 1: one
        for the features, then one per output factor. "auto" chooses them by the
        evidence.
    prune_tol : "auto" or float, default="auto"
        See :class:`KroneckerSBL`.
    min_gain : "auto" or float, default="auto"
        Log evidence that a feature or a pattern has to bring.
    fit_intercept : bool, default=True
        Fit one intercept per output.
    max_iter : int, default=300
        Maximum number of iterations.
    tol : float, default=1e-4
        Relative change of the variances at which to stop.
    max_inner : int, default=5
        Sweeps over the modes in each iteration of "am"; no effect otherwise.
    noise_floor : float, default=1e-10
        Smallest noise variance, relative to the mean power of the data.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients of the outputs.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept.
    sparse_coef_ : ndarray of shape (n_patterns, n_features)
        Coefficients of the output patterns; their product with the output factors is
        ``coef_``.
    gammas_ : list of ndarray
        Variances of the features and of the patterns of each output factor, of unit
        norm except the last, zero where removed.
    support_ : list of ndarray of int
        Features, and patterns of each output factor, that were kept.
    noise_variance_ : float
        Noise variance.
    objective_ : ndarray of shape (n_iter_ + 1,)
        Log evidence before each iteration and at the end.
    coupling_ : tuple of float or None
        Weights between neighboring variances.
    indistinguishable_ : list of ndarray of int of shape (n_pairs_i, 2)
        For the features, and the columns of each output factor: pairs of a kept index
        and another one that differ by a scale only.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the variances settled.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    SparseBayesianRegressor : One prior variance per feature and output.
    KroneckerSBL : Codes of measurements under a known dictionary.

    Notes
    -----
    Features are scaled to unit root mean square inside, outputs are not: the noise
    has one variance. Scale outputs of different units first.

    ``sample_weight`` counts repetitions: a sample of weight two is a sample seen twice.

    References
    ----------
    .. [1] Y. He, G. Joseph, "Bayesian algorithms for Kronecker-structured sparse vector
       recovery with application to IRS-MIMO channel estimation", IEEE Transactions
       on Signal Processing, 2024. arXiv:2307.14719 (the prior).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import KroneckerSBLRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 40))
    >>> W = np.zeros((10, 40))
    >>> W[np.ix_([1, 4, 5], [3, 20])] = rng.standard_normal((3, 2))
    >>> Y = X @ W.T + 0.1 * rng.standard_normal((60, 10))
    >>> model = KroneckerSBLRegressor().fit(X, Y)
    >>> [support.tolist() for support in model.support_]
    [[3, 20], [1, 4, 5]]
    >>> mean, std = model.predict(X[:2], return_std=True)
    >>> mean.shape, std.shape
    ((2, 10), (2, 10))
    """

    _param_rules = {
        **KRON_RULES,
        "output_factors": Null() | MatrixList(),
        "fit_intercept": Boolean(),
    }
    _unused_params = KRON_UNUSED

    def __init__(
        self,
        output_factors: "Sequence[ArrayLike] | None" = None,
        *,
        solver: str = "best",
        noise_variance: "float | None" = None,
        coupling: "Sequence[float] | str | None" = None,
        prune_tol: "float | str" = "auto",
        min_gain: "float | str" = "auto",
        fit_intercept: bool = True,
        max_iter: int = 300,
        tol: float = 1e-4,
        max_inner: int = 5,
        noise_floor: float = 1e-10,
    ):
        self.output_factors = output_factors
        self.solver = solver
        self.noise_variance = noise_variance
        self.coupling = coupling
        self.prune_tol = prune_tol
        self.min_gain = min_gain
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.max_inner = max_inner
        self.noise_floor = noise_floor

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: "ArrayLike | None" = None
    ) -> "KroneckerSBLRegressor":
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,), (n_samples, n_outputs) or \
                (n_samples, q_1, ..., q_J)
            Targets; tensors are flattened, the last mode running fastest.
        sample_weight : array-like of shape (n_samples,), optional
            Number of times that each sample counts.

        Returns
        -------
        self : KroneckerSBLRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If output factors are malformed or do not have n_outputs rows in product,
            or if coefficients leave the range of floating-point numbers.

        Warns
        -----
        UserWarning
            If weights sum to less than the number of samples, and are scaled to mean
            one; if a kept feature or pattern has an indistinguishable twin.
        """
        params = check_params(self)
        outputs = self.output_factors
        if outputs is not None:
            outputs = check_factors(outputs, "output_factors")
        refuse_masked(X, "X")
        y = _flat(y, outputs)
        self._outputs = outputs
        X, y = validate_data(
            self, flat_rows(X, (1,), "X"), y, dtype=np.float64, multi_output=True,
            y_numeric=True, ensure_min_samples=2,
        )  # fmt: skip
        weights = _count_weights(sample_weight, len(X))
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        if outputs is None:
            outputs = [np.eye(Y.shape[1])]
        if any(np.iscomplexobj(H) for H in outputs):
            raise ValueError("output_factors must be real.")
        sizes = tuple(len(H) for H in outputs)
        if math.prod(sizes) != Y.shape[1]:
            raise ValueError(
                f"y has {Y.shape[1]} outputs, but output_factors have {sizes} rows, "
                f"whose product is {math.prod(sizes)}."
            )
        check_coupling(params.coupling, 1 + len(outputs))
        steps = n_steps(params, 1 + len(outputs))
        ticks = self._iterations(steps, X=X, y=y, remedy=EARLIER)
        with single_blas_thread(), ticks as tick:
            self._fit(X, Y, weights, outputs, params, tick)
        if np.ndim(y) == 1:
            self.coef_, self.intercept_ = self.coef_[0], float(self.intercept_[0])
        warn_unsettled(self, "The variances were still changing")
        return self

    def _fit(self, X, Y, weights, outputs, params, tick):
        used = weights > 0
        X, Y, weights = X[used], Y[used], weights[used]
        center = params.fit_intercept
        self._x_mean, x_scale, X = _standardize(X, weights, center)
        y_mean, unit, Y = _center(Y, weights, center)
        X, Y = (A * np.sqrt(weights)[:, None] for A in (X, Y))
        if center:
            # Rotate the constant away: as many rows as there are degrees of freedom.
            X, Y = _drop_constant(X, weights), _drop_constant(Y, weights)
        self._n_rows = weights.sum()
        X, Y, lost = _row_space(X, Y)
        n_lost = max(self._n_rows - center - len(X), 0.0) * Y.shape[1]
        dictionary = Dictionary([X, *outputs])
        noise = params.noise_variance
        noise = None if noise is None else math.sqrt(noise) / unit
        if noise is not None and noise > _MAX_NOISE:
            raise ValueError(
                f"noise_variance={params.noise_variance:g} is more than "
                f"{_MAX_NOISE**2:g} times the mean square of y, which therefore says "
                "nothing: give it in the squared unit of y, or None to estimate it."
            )
        noise = None if noise is None else noise**2
        target = Y.reshape(1, *dictionary.shape)
        data = CompleteData(target, lost, n_lost)
        fit, coupling = learn(dictionary.factors, data, params, noise, tick)
        n = Y.size + n_lost
        prior = LearnedPrior(dictionary, fit, unit, coupling, n)
        factors, kept, support = dictionary.kept(fit.gammas)
        mean = posterior(factors, kept, target, fit.noise_variance).mean
        codes = dictionary.scatter(mean, support, 1.0)[0]
        scaled = codes.reshape(dictionary.code_shape[0], -1)
        with np.errstate(over="ignore", invalid="ignore"):
            self.sparse_coef_ = (scaled / x_scale[:, None] * unit).T
            self.coef_ = apply_factors(outputs, self.sparse_coef_.T).T
            self.intercept_ = y_mean - self.coef_ @ self._x_mean
        largest = np.abs(y_mean).max() + unit
        used = np.abs(scaled.T) > _NEGLIGIBLE * np.abs(scaled).max(initial=0.0)
        lost = np.abs(self.sparse_coef_[used]) < _HALF_DIGITS
        if lost.any() and unit < _SMALLEST:
            warn_user(
                f"The targets vary by {unit:.3g}, where floating-point numbers lose "
                "digits or have none: coefficients and predictions do so, too. Give y "
                "in other units."
            )
            lost = np.zeros(1, dtype=bool)
        if not (np.isfinite(self.coef_).all() and largest < _LARGEST) or lost.any():
            raise ValueError(
                "Coefficients or predictions exceed the range of floating-point "
                f"numbers: y is of magnitude {unit:.3g}, features of "
                f"{x_scale.min():.3g} to {x_scale.max():.3g}. Give X or y in other "
                "units."
            )
        self.indistinguishable_ = warn_of_twins(dictionary.factors, prior.support)
        # The first mode of the dictionary is X over x_scale.
        dictionary.norms[0] = dictionary.norms[0] * x_scale
        self._prior, self._outputs = prior, outputs
        self.gammas_ = [finite(g, "A variance in gammas_") for g in prior.gammas]
        self.support_, self.coupling_ = prior.support, coupling
        noise_variance = finite(np.array(prior.noise_variance), "noise_variance_")
        self.noise_variance_ = float(noise_variance)
        self.objective_ = prior.objective
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged

    def _predictive_std(self, X):
        dictionary, fit = self._prior.dictionary, self._prior.fit
        factors, gammas, support = dictionary.kept(fit.gammas)
        inputs = (X - self._x_mean)[:, support[0]] / dictionary.norms[0][support[0]]
        size = np.maximum(np.abs(inputs).max(axis=1, initial=0.0), 1.0)[:, None]
        rows = [inputs / size]
        rows += [
            H[:, s] / norm[s]
            for H, s, norm in zip(
                self._outputs, support[1:], dictionary.norms[1:], strict=True
            )
        ]
        with single_blas_thread():
            spread = predictive_spread(factors, gammas, fit.noise_variance, rows)
        level = fit.noise_variance * (1.0 + self.fit_intercept / self._n_rows)
        std = np.hypot(np.sqrt(spread.reshape(len(X), -1)) * size, np.sqrt(level))
        return std * self._prior.unit

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: "ArrayLike | None" = None
    ) -> float:
        """Coefficient of determination, averaged over outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,), (n_samples, n_outputs) or \
                (n_samples, q_1, ..., q_J)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weights.

        Returns
        -------
        score : float
            Coefficient of determination.
        """
        return scaled_r2(_flat(y, self._outputs), self.predict(X), sample_weight)


def _flat(y, outputs):
    """Targets with tensors flattened, whose shape is checked."""
    refuse_masked(y, "y")
    shape = (1,) if outputs is None else tuple(len(H) for H in outputs)
    y = flat_rows(y, shape, "y", "output_factors")
    if n_dims(y) <= 2:
        return y
    y = np.asarray(y)
    return y.reshape(len(y), -1)


def _count_weights(sample_weight, n_samples):
    """Weights that count samples, at least as many as have one."""
    weights = check_sample_weight(sample_weight, n_samples, normalize=False)
    n_used = np.count_nonzero(weights)
    if n_used < 2:
        raise ValueError(
            f"{n_used} sample has a positive sample_weight; at least 2 are needed."
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total > _MOST_ROWS:
        raise ValueError(
            f"sample_weight counts repetitions, but sums to {total:.3g}. Divide the "
            f"weights, to a sum of at most {_MOST_ROWS:g}."
        )
    if total < n_used * (1.0 - 1e-12):
        warn_user(
            f"sample_weight counts repetitions, but sums to {total:.3g} for {n_used} "
            "samples of positive weight: weights are scaled to mean one."
        )
        weights = weights / weights.max()
        weights = weights * (n_used / weights.sum())
    return weights


def _standardize(A, weights, center):
    """Weighted mean and scale of each column, and scaled columns.

    A column that is constant but for rounding becomes zero, of scale one.
    """
    tiny = np.abs(A).max(axis=0) < _SMALLEST
    if tiny.any() and np.any(A[:, tiny]):
        warn_user(
            f"Features {np.flatnonzero(tiny & A.any(axis=0)).tolist()} are below "
            f"{_SMALLEST:g}, where floating-point numbers lose digits: they are taken "
            "for zero. Give them in other units."
        )
        A = np.where(tiny, 0.0, A)
    top = np.abs(A).max(axis=0)
    top = np.where(top > 0, top, 1.0)
    scaled = A / top
    n_columns = A.shape[1]
    mean = np.average(scaled, 0, weights) if center else np.zeros(n_columns)
    scaled = scaled - mean
    size = np.sqrt(np.average(scaled**2, 0, weights))
    constant = size <= 8 * np.finfo(float).eps if center else size == 0
    scaled[:, constant] = 0.0
    scale = np.where(constant, 1.0, size)
    # A constant feature is its mean: it must not shift predictions by rounding.
    return mean * top, np.where(constant, 1.0, top * scale), scaled / scale


def _center(A, weights, center):
    """Weighted mean of each target, one scale for all, and scaled targets."""
    top = np.abs(A).max(axis=0)
    top = np.where(top > 0, top, 1.0)
    mean = np.average(A / top, 0, weights) if center else np.zeros(A.shape[1])
    largest = top.max()
    scaled = (A / top - mean) * (top / largest)
    constant = np.abs(scaled).max(axis=0) <= 8 * np.finfo(float).eps * top / largest
    if center:
        scaled[:, constant] = 0.0
    scaled, unit = data_unit(
        scaled * np.sqrt(weights)[:, None], weights.sum() * len(top)
    )
    return mean * top, largest * unit, scaled / np.sqrt(weights)[:, None]


def _row_space(X, Y):
    """Rotate to as many rows as X has rank; squared norm of the part of Y left out.

    Rows that repeat others, or weights in their place, then make the same problem.
    """
    u, s, vt = np.linalg.svd(X, full_matrices=False)
    rank = max(1, np.count_nonzero(s > s[0] * max(X.shape) * np.finfo(float).eps))
    u = u[:, :rank]
    Z = u.T @ Y
    left = Y - u @ Z
    return s[:rank, None] * vt[:rank], Z, np.vdot(left, left)


def _drop_constant(A, weights):
    """Reflect the constant to the first row and drop it: an orthonormal contrast."""
    v = np.sqrt(weights / weights.sum())
    v[0] += 1.0
    v /= np.linalg.norm(v)
    return (A - 2.0 * np.outer(v, v @ A))[1:]
