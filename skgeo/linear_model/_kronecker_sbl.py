"""Sparse Bayesian learning with a Kronecker-structured dictionary and prior."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    apply_factors,
    check_factors,
    check_measurements,
)
from skgeo.linear_model._kronecker.posterior import posterior
from skgeo.linear_model._shared import (
    KRON_RULES,
    MatrixList,
    check_coupling,
    learn,
    n_steps,
    warn_unsettled,
)
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Null, check_params

__all__ = ["KroneckerSBL"]


class KroneckerSBL(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackMixin, BaseEstimator
):
    r"""Sparse codes of measurements under a Kronecker-structured dictionary.

    Each row of X is one measurement vector :math:`y = (H_1 \otimes \cdots \otimes
    H_I) x + e` of a code with prior :math:`x \sim N(0, \mathrm{diag}(g_1 \otimes
    \cdots \otimes g_I))`. The variances :math:`g_i` of each mode, which end up
    sparse, and the noise variance maximize the evidence; the support of the code
    is then a product of one set per mode, its values are free.

    Parameters
    ----------
    factors : list of array-like of shape (m_i, n_i) or None, default=None
        Factors of the dictionary, real or complex; n_features must be the product of
        the m_i, the last mode running fastest. None stands for one identity factor.
    method : {"best", "mm", "svd", "am"}, default="best"
        "mm": minorize-maximize, every iteration raises the evidence. "svd": variances
        from the nearest outer product of the second moments, fast, not monotone.
        "am": expectation maximization with alternating minimization, slow. "best":
        "svd" and "mm", and the fit with the larger evidence less its costs
        (``min_gain``); where it keeps more than half as many indices in a mode as
        there are measurements, other sets of that mode are searched for a still
        larger one.
    noise_variance : float or None, default=None
        Noise variance (of a complex number where data are complex); None learns it.
    shared_support : bool, default=True
        Whether all rows share the variances. False gives each row its own, and
        ``transform`` then learns those of its rows.
    coupling : sequence of float or None, default=None
        Block sparsity: one weight per mode, 0 for none, by which the variance of each
        code borrows from its two neighbors in that mode.
    prune_tol : "auto" or float, default="auto"
        Indices whose variance is smaller than this times the largest of their mode are
        candidates to be taken out; they are if the evidence is better without them
        ("am" takes them out at once). "auto" is 1e-4 for "mm", 1e-6 for "svd" and 1e-2
        for "am". Irreversible, so early losses are lasting.
    min_gain : "auto" or float, default="auto"
        Log evidence that an index of a mode has to bring; those that bring less are
        taken out once the variances have settled. "auto" is log(n_i), prior odds of
        one index in n_i. With 0 the evidence alone decides, and indices that fit
        noise stay at tiny variances.
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
    gammas_ : list of ndarray of shape (n_i,)
        Variances of each mode, of unit norm except the last, zero where taken out;
        of shape (n_samples, n_i) if the support is not shared.
    support_ : list of ndarray of int
        Indices kept in each mode; a list of those per row if not shared.
    noise_variance_ : float
        Noise variance (mean over rows if the support is not shared).
    scores_ : ndarray of shape (n_iter_ + 1,)
        Mean log evidence of a row before each iteration and at the end; a list of
        them, one per row, if the support is not shared. With "mm" it never falls but
        where an index is taken out for bringing less than ``min_gain``.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the variances settled.
    factors_ : list of ndarray
        Factors of the dictionary.
    n_features_in_ : int
        Number of measurements in a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    KroneckerSBLRegressor : Multi-output regression under the same prior.
    kron_posterior : The posterior for given variances.

    Notes
    -----
    Only thin SVDs of the factors and products of tensors with small matrices are
    computed: nothing of the size of the dictionary or of a covariance is formed.
    Columns of the factors and power of the data are scaled to one inside, so that units
    do not matter.

    References
    ----------
    .. [1] Y. He, G. Joseph, "Bayesian algorithms for Kronecker-structured sparse vector
       recovery with application to IRS-MIMO channel estimation", IEEE Transactions
       on Signal Processing, 2024. arXiv:2307.14719 ("am", "svd", coupling).
    .. [2] D. Wipf, S. Nagarajan, "Iterative reweighted l1 and l2 methods for finding
       sparse solutions", IEEE JSTSP 4(2), 317-329, 2010 (the bounds behind "mm").

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import KroneckerSBL
    >>> rng = np.random.default_rng(0)
    >>> factors = [rng.standard_normal((7, 12)), rng.standard_normal((8, 15))]
    >>> x = np.zeros((12, 15))
    >>> x[np.ix_([2, 5], [1, 8, 9])] = rng.standard_normal((2, 3))
    >>> y = np.kron(*factors) @ x.ravel() + 0.01 * rng.standard_normal(56)
    >>> model = KroneckerSBL(factors).fit(y[np.newaxis])
    >>> [support.tolist() for support in model.support_]
    [[2, 5], [1, 8, 9]]
    >>> codes = model.transform(y[np.newaxis])
    >>> bool(np.abs(codes[0] - x.ravel()).max() < 0.02)
    True
    """

    _param_rules = {
        **KRON_RULES,
        "factors": Null() | MatrixList(),
        "shared_support": Boolean(),
    }

    def __init__(
        self,
        factors=None,
        *,
        method="best",
        noise_variance=None,
        shared_support=True,
        coupling=None,
        prune_tol="auto",
        min_gain="auto",
        max_iter=300,
        tol=1e-4,
        max_inner=5,
        noise_floor=1e-10,
    ):
        self.factors = factors
        self.method = method
        self.noise_variance = noise_variance
        self.shared_support = shared_support
        self.coupling = coupling
        self.prune_tol = prune_tol
        self.min_gain = min_gain
        self.max_iter = max_iter
        self.tol = tol
        self.max_inner = max_inner
        self.noise_floor = noise_floor

    @with_callbacks
    def fit(self, X, y=None):
        """Learn the variances of each mode and of the noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            One measurement vector a row; complex only if a factor is.
        y : None
            Ignored.

        Returns
        -------
        self : KroneckerSBL
            The fitted estimator.

        Raises
        ------
        ValueError
            If factors are malformed or do not have n_features rows in product.
        """
        check_params(self)
        factors = None if self.factors is None else check_factors(self.factors)
        X = self._validate(X, factors, reset=True)
        if factors is None:
            factors = [np.eye(X.shape[1])]
        dictionary = Dictionary(factors)
        if dictionary.n_measurements != X.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, but factors have {dictionary.shape} "
                f"rows, whose product is {dictionary.n_measurements}: each row of X is "
                "one vectorized measurement tensor."
            )
        check_coupling(self.coupling, len(factors))
        self.factors_, self._dictionary = factors, dictionary
        n_fits = 1 if self.shared_support else len(X)
        steps = n_fits * n_steps(self)
        with single_blas_thread(), self._iterations(steps, X=X, y=y) as tick:
            rows = [X] if self.shared_support else [row[None] for row in X]
            fits = [self._learn(row, self.noise_variance, tick) for row in rows]
        self._store(fits)
        warn_unsettled(self, "The variances were still changing")
        return self

    def _validate(self, X, factors, *, reset):
        """Check X; complex data pass if a factor is complex."""
        if factors is None or factors[0].dtype.kind != "c":
            return validate_data(self, X, dtype=np.float64, reset=reset)
        checked = check_measurements(X, factors)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return checked

    def _learn(self, X, noise, tick=None):
        """Fit rows that share their variances; returns (result, unit of the data)."""
        top = np.abs(X).max()
        unit = top * np.sqrt(np.mean(np.abs(X / top) ** 2)) if top > 0 else 1.0
        Y = (X / unit).reshape(-1, *self._dictionary.shape)
        scaled = None if noise is None else (np.sqrt(noise) / unit) ** 2
        return learn(self._dictionary, Y, self, scaled, tick), unit

    def _store(self, fits):
        """Turn results into fitted attributes."""
        self._fits = [
            (result.x, result.extra["noise_variance"], unit) for result, unit in fits
        ]
        gammas = [
            self._dictionary.user_gammas(gamma, unit) for gamma, _, unit in self._fits
        ]
        supports = [[np.flatnonzero(g) for g in gamma] for gamma, _, _ in self._fits]
        scores = [self._in_units(r.objective, unit) for r, unit in fits]
        with np.errstate(over="ignore", under="ignore"):
            noises = [(np.sqrt(s2) * unit) ** 2 for _, s2, unit in self._fits]
        if self.shared_support:
            self.gammas_, self.support_, self.scores_ = (
                gammas[0],
                supports[0],
                scores[0],
            )
        else:
            self.gammas_ = [np.array(g) for g in zip(*gammas, strict=True)]
            self.support_, self.scores_ = supports, scores
        self.noise_variance_ = float(np.mean(noises))
        self.n_iter_ = max(result.n_iter for result, _ in fits)
        self.converged_ = all(result.converged for result, _ in fits)
        self._n_features_out = self._dictionary.n_codes

    def _in_units(self, evidence, unit):
        """Log evidence of a row with its constants, per unit of the data."""
        M = self._dictionary.n_measurements
        if self.factors_[0].dtype.kind == "c":
            return evidence - M * (np.log(np.pi) + 2 * np.log(unit))
        return evidence - M * (0.5 * np.log(2 * np.pi) + np.log(unit))

    def _posteriors(self, X):
        """Yield, per group of rows that share variances, posterior, support, unit."""
        shape = self._dictionary.shape
        if self.shared_support:
            groups = [(X, *self._fits[0])]
        else:
            groups = []
            for row in X:
                result, unit = self._learn(row[None], self.noise_variance_)
                s2 = result.extra["noise_variance"]
                groups.append((row[None], result.x, s2, unit))
        for rows, gammas, s2, unit in groups:
            factors, kept, support = self._dictionary.kept(gammas)
            Y = (rows / unit).reshape(-1, *shape)
            yield posterior(factors, kept, Y, s2), support, unit

    def _check(self, X):
        check_is_fitted(self)
        return self._validate(X, self.factors_, reset=False)

    def transform(self, X):
        """Posterior mean of the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Measurement vectors.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes)
            Codes, the last mode running fastest; n_codes is the product of the n_i.
        """
        X = self._check(X)
        with single_blas_thread():
            return np.concatenate(
                [
                    self._dictionary.scatter(post.mean, support, unit)
                    for post, support, unit in self._posteriors(X)
                ]
            )

    def inverse_transform(self, X):
        """Compute the measurements of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_codes)
            Codes.

        Returns
        -------
        measurements : ndarray of shape (n_samples, n_features)
            Noise-free measurements.

        Raises
        ------
        ValueError
            If X does not have n_codes columns.
        """
        check_is_fitted(self)
        codes = np.asarray(X)
        if codes.ndim != 2 or codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X must have shape (n_samples, {self._n_features_out}), one code a "
                f"row; got {codes.shape}."
            )
        with single_blas_thread():
            return apply_factors(self.factors_, codes)

    def posterior_variance(self, X=None):
        """Posterior variance of each code.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), optional
            Measurement vectors; needed only if the support is not shared: the
            variance depends on them only through the variances of the prior.

        Returns
        -------
        variance : ndarray of shape (n_codes,) or (n_samples, n_codes)
            Posterior variances; one row per row of X if X is given.

        Raises
        ------
        ValueError
            If X is missing and the support is not shared.
        """
        check_is_fitted(self)
        if X is None:
            if not self.shared_support:
                raise ValueError(
                    "posterior_variance needs X where shared_support=False: each row "
                    "has its own variances."
                )
            rows = np.zeros((1, self.n_features_in_), dtype=self.factors_[0].dtype)
        else:
            rows = self._check(X)
        with single_blas_thread():
            variances = [
                self._dictionary.scatter(post.variance, support, unit, power=2)
                for post, support, unit in self._posteriors(rows)
            ]
        if X is None:
            return variances[0]
        return np.broadcast_to(np.array(variances), (len(rows), self._n_features_out))

    def score(self, X, y=None):
        """Mean log evidence of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Measurement vectors.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean log marginal likelihood of a row, under the fitted variances (its
            own ones if the support is not shared).
        """
        X = self._check(X)
        real = 1 if self.factors_[0].dtype.kind == "c" else 0.5
        n = self._dictionary.n_measurements
        total = 0.0
        with single_blas_thread():
            for post, _, unit in self._posteriors(X):
                n_rows = len(post.mean)
                total += post.log_evidence - n_rows * 2 * real * n * np.log(unit)
        return float(total / len(X))
