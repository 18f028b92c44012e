"""Multi-output regression with Kronecker-structured sparsity."""

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    apply_factors,
    check_factors,
)
from skgeo.linear_model._kronecker.posterior import posterior, predictive_spread
from skgeo.linear_model._shared import (
    KRON_RULES,
    LinearPredictor,
    MatrixList,
    check_coupling,
    learn,
    n_steps,
    warn_unsettled,
)
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Null, check_params

__all__ = ["KroneckerSBLRegressor"]


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
    method : {"best", "mm", "svd", "am"}, default="best"
        How the variances are learned; see :class:`KroneckerSBL`.
    noise_variance : float or None, default=None
        Noise variance, in squared units of y; None learns it.
    coupling : sequence of float or None, default=None
        Weights by which neighboring variances share: one for the features, then one
        per output factor.
    prune_tol : "auto" or float, default="auto"
        See :class:`KroneckerSBL`.
    min_gain : "auto" or float, default="auto"
        Log evidence that a feature or a pattern has to bring.
    fit_intercept : bool, default=True
        Fit one intercept per output.
    max_iter : int, default=300
        Largest number of iterations.
    tol : float, default=1e-4
        Relative change of the variances at which to stop.
    max_inner : int, default=5
        Sweeps over the modes in each iteration of "am".
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
        norm except the last, zero where taken out.
    support_ : list of ndarray of int
        Features, and patterns of each output factor, that were kept.
    noise_variance_ : float
        Noise variance.
    scores_ : ndarray of shape (n_iter_ + 1,)
        Log evidence before each iteration and at the end.
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

    def __init__(
        self,
        output_factors=None,
        *,
        method="best",
        noise_variance=None,
        coupling=None,
        prune_tol="auto",
        min_gain="auto",
        fit_intercept=True,
        max_iter=300,
        tol=1e-4,
        max_inner=5,
        noise_floor=1e-10,
    ):
        self.output_factors = output_factors
        self.method = method
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
    def fit(self, X, y):
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        Returns
        -------
        self : KroneckerSBLRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If output factors are malformed or do not have n_outputs rows in product.
        """
        check_params(self)
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True,
            ensure_min_samples=2,
        )  # fmt: skip
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        if self.output_factors is None:
            outputs = [np.eye(Y.shape[1])]
        else:
            outputs = check_factors(self.output_factors, "output_factors")
        if any(np.iscomplexobj(H) for H in outputs):
            raise ValueError("output_factors must be real.")
        sizes = tuple(len(H) for H in outputs)
        if np.prod(sizes) != Y.shape[1]:
            raise ValueError(
                f"y has {Y.shape[1]} outputs, but output_factors have {sizes} rows, "
                f"whose product is {np.prod(sizes)}."
            )
        check_coupling(self.coupling, 1 + len(outputs))
        with single_blas_thread(), self._iterations(n_steps(self), X=X, y=y) as tick:
            self._fit(X, Y, outputs, tick)
        if np.ndim(y) == 1:
            self.coef_, self.intercept_ = self.coef_[0], float(self.intercept_[0])
        warn_unsettled(self, "The variances were still changing")
        return self

    def _fit(self, X, Y, outputs, tick):
        self._x_mean, x_scale, X = _standardize(X, self.fit_intercept, rms=True)
        y_mean, unit, Y = _standardize(Y, self.fit_intercept, rms=False)
        if self.fit_intercept:
            # Rotate the constant away: as many rows as there are degrees of freedom.
            X, Y = _drop_constant(X), _drop_constant(Y)
        self._n_rows = len(X) + self.fit_intercept
        lost, n_lost = 0.0, 0
        if len(X) > X.shape[1]:
            q, r = np.linalg.qr(X)
            Z = q.T @ Y
            left = Y - q @ Z
            lost, n_lost = np.vdot(left, left), (len(X) - len(r)) * Y.shape[1]
            X, Y = r, Z
        dictionary = Dictionary([X, *outputs])
        noise = self.noise_variance
        noise = None if noise is None else (np.sqrt(noise) / unit) ** 2
        target = Y.reshape(1, *dictionary.shape)
        result = learn(
            dictionary, target, self, noise, tick, outside=lost, n_outside=n_lost
        )
        s2 = result.extra["noise_variance"]
        factors, kept, support = dictionary.kept(result.x)
        mean = posterior(factors, kept, target, s2).mean
        codes = dictionary.scatter(mean, support, 1.0)[0]
        scaled = codes.reshape(dictionary.code_shape[0], -1)
        self.sparse_coef_ = (scaled / x_scale[:, None] * unit).T
        self.coef_ = apply_factors(outputs, self.sparse_coef_.T).T
        self.intercept_ = y_mean - self.coef_ @ self._x_mean
        # The first mode of the dictionary is X over x_scale.
        dictionary.norms[0] = dictionary.norms[0] * x_scale
        self.gammas_ = dictionary.user_gammas(result.x, unit)
        self.support_ = [np.flatnonzero(g) for g in result.x]
        self._state = factors, kept, support, s2
        self._norms, self._outputs, self._unit = dictionary.norms, outputs, unit
        self.noise_variance_ = float((np.sqrt(s2) * unit) ** 2)
        n = len(Y) * Y.shape[1] + n_lost
        self.scores_ = result.objective - n * (0.5 * np.log(2 * np.pi) + np.log(unit))
        self.n_iter_, self.converged_ = result.n_iter, result.converged

    def _predictive_std(self, X):
        factors, gammas, support, s2 = self._state
        rows = [(X - self._x_mean)[:, support[0]] / self._norms[0][support[0]]]
        rows += [
            H[:, s] / norm[s]
            for H, s, norm in zip(
                self._outputs, support[1:], self._norms[1:], strict=True
            )
        ]
        with single_blas_thread():
            spread = predictive_spread(factors, gammas, s2, rows)
        level = s2 * (1.0 + self.fit_intercept / self._n_rows)
        return np.sqrt(spread.reshape(len(X), -1) + level) * self._unit


def _standardize(A, center, *, rms):
    """Mean, scale and scaled columns; one scale for all columns unless ``rms``.

    A column that is constant but for rounding becomes zero, of scale one.
    """
    top = np.abs(A).max(axis=0)
    top = np.where(top > 0, top, 1.0)
    unit = top if rms else np.full(A.shape[1], top.max())
    scaled = A / unit
    mean = scaled.mean(axis=0) if center else np.zeros(A.shape[1])
    scaled = scaled - mean
    size = np.sqrt(np.mean(scaled**2, axis=0))
    constant = size <= 8 * np.finfo(float).eps * top / unit if center else size == 0
    scaled[:, constant] = 0.0
    if rms:
        scale = np.where(constant, 1.0, size)
        return mean * unit, unit * scale, scaled / scale
    power = np.sqrt(np.mean(scaled**2))
    power = power if power > 0 else 1.0
    return mean * unit, unit[0] * power, scaled / power


def _drop_constant(A):
    """Reflect the constant to the first row and drop it: an orthonormal contrast."""
    n = len(A)
    v = np.full(n, 1.0 / np.sqrt(n))
    v[0] += 1.0
    v /= np.linalg.norm(v)
    return (A - 2.0 * np.outer(v, v @ A))[1:]
