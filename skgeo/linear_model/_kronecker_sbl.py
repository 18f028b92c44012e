"""Sparse Bayesian learning with a Kronecker-structured dictionary and prior."""

import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    apply_factors,
    check_factors,
    check_measurements,
    finite,
    flat_rows,
    is_parametric,
    n_dims,
    on_grid,
    warn_of_twins,
)
from skgeo.linear_model._kronecker.fitting import (
    KRON_RULES,
    KRON_UNUSED,
    MatrixList,
    check_coupling,
    n_steps,
)
from skgeo.linear_model._kronecker.learned import learn_prior
from skgeo.linear_model._kronecker.refined import learn_off_grid, learn_values
from skgeo.linear_model._kronecker.support import choose_support
from skgeo.linear_model._shared import warn_unsettled
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import EARLIER
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Null, OneOf, check_params

__all__ = ["KroneckerSBL"]


class KroneckerSBL(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackMixin, BaseEstimator
):
    r"""Sparse codes of measurements under a Kronecker-structured dictionary.

    Each row of X is one measurement vector :math:`y = (H_1 \otimes \cdots \otimes
    H_I) x + e` of a code with prior :math:`x \sim N(0, \mathrm{diag}(g_1 \otimes
    \cdots \otimes g_I))`. The variances :math:`g_i` of each mode, which end up
    sparse, and the noise variance maximize the evidence; the support of the code
    is then a product of one set per mode, its values are free (or, with ``values``,
    products, too).

    Parameters
    ----------
    factors : list of array-like of shape (m_i, n_i) or "identity"
        Factors of the dictionary, real or complex; n_features must be the product of
        the m_i, the last mode running fastest. "identity" stands for one identity
        matrix (sparse denoising). Required. A factor may be parametric instead of an
        array, :class:`SteeringFactor` or any object with ``points``, a grid of shape
        (n_i,), that returns columns (m_i, k) when called with k points, and their
        derivatives from ``derivative``: points in use are then moved off the grid,
        merged, added and removed by the evidence.
    solver : {"best", "mm", "svd", "am"}, default="best"
        "mm": minorize-maximize, every iteration raises the evidence. "svd": variances
        from the nearest outer product of the second moments, fast, not monotone.
        "am": expectation maximization with alternating minimization, slow. "best":
        "svd" and "mm", and the fit with the larger evidence less its costs
        (``min_gain``); where it keeps at least half as many indices in a mode as
        there are measurements, other sets of that mode are searched for a still
        larger one.
    noise_variance : float or None, default=None
        Noise variance (of a complex number where data are complex); None learns it.
    shared_support : bool, default=True
        Whether all rows share the variances. False gives each row its own, and
        ``transform`` then learns those of its rows.
    support : {"kronecker", "hierarchical", "free", "auto"}, default="kronecker"
        Structure of the set of codes in use: a product of one set per mode; for each
        index of the first mode a product of sets of its own over the other modes; or
        any set. "auto" takes the one of the largest evidence less its costs. All but
        the first need few codes or few measurements: the codes are looked for in the
        product set found first and, where the dictionary has at most 1,000,000 entries,
        among all; single codes, indices and blocks are exchanged at the end.
    values : {"free", "product", "auto"}, default="free"
        Values of the codes of a row: any numbers, or products of one vector per mode,
        as of a signal that goes through one stage after another. "auto" asks the data
        whether products explain them as well (by the Bayesian information criterion),
        in ``fit`` for all rows together and in ``transform`` for each row; noise as
        strong as the signal hides the difference, and products are taken then. They
        are far fewer numbers, and their indices and points are searched for once
        more; variances and evidence remain those of the Gaussian prior. Needs
        ``support="kronecker"``.
    coupling : sequence of float, "auto" or None, default=None
        Block sparsity: one weight per mode, from 0 for none to 1, by which the variance
        of each code borrows from its two neighbors in that mode. "auto" tries .25, .5
        and 1 in all modes, and in all but one, and keeps the largest evidence less
        its costs; a block then costs what one index costs without coupling.
    prune_tol : "auto" or float, default="auto"
        Indices whose variance is smaller than this times the largest of their mode are
        candidates to be removed; they are if the evidence is better without them
        ("am" removes them at once). "auto" is 1e-4 for "mm", 1e-6 for "svd" and 1e-2
        for "am". Irreversible, so early losses are lasting.
    min_gain : "auto" or float, default="auto"
        Log evidence that an index of a mode has to bring; those that bring less are
        removed once the variances have settled. "auto" is log(n_i), prior odds of
        one index in n_i. With 0 the evidence alone decides, and indices that fit
        noise stay at tiny variances.
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
    gammas_ : list of ndarray of shape (n_i,)
        Variances of each mode, of unit norm except the last, zero where removed;
        of shape (n_samples, n_i) if the support is not shared. If the support is no
        product set, one array (n_1, ..., n_I) of the variances of all codes.
    support_ : list of ndarray of int
        Indices kept in each mode; a list of those per row if not shared. If the
        support is no product set, the indices of each kept code, one array per mode.
    support_kind_ : str
        Structure of the support: "kronecker", "hierarchical" or "free"; a list, one per
        row, if the support is not shared.
    values_ : str
        Values of the codes: "free" or "product"; a list, one per row, if the support is
        not shared.
    noise_variance_ : float
        Noise variance (mean over rows if the support is not shared).
    objective_ : ndarray of shape (n_iter_ + 1,)
        Mean log evidence of a row before each iteration and at the end; a list of
        them, one per row, if the support is not shared. With "mm" it never falls but
        where an index is removed for bringing less than ``min_gain``, and at the end,
        where indices and points are those of product values.
    points_ : list of ndarray of shape (n_i,), or None
        Points of the columns of each parametric factor, moved where in use; None for
        a factor that is an array, and if none is parametric.
    coupling_ : tuple of float or None
        Weights between neighboring variances, one per mode; a list of those per row
        if the support is not shared.
    indistinguishable_ : list of ndarray of int of shape (n_pairs_i, 2)
        In each mode, pairs of a kept index and another one whose columns, where
        anything was measured, differ by a scale only: the data cannot tell which of
        the two is in use.
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
        "factors": Null() | OneOf("identity") | MatrixList(),
        "shared_support": Boolean(),
        "support": OneOf("kronecker", "hierarchical", "free", "auto"),
        "values": OneOf("free", "product", "auto"),
    }
    _unused_params = KRON_UNUSED

    def __init__(
        self,
        factors: "Sequence[ArrayLike] | str | None" = None,
        *,
        solver: str = "best",
        noise_variance: "float | None" = None,
        shared_support: bool = True,
        support: str = "kronecker",
        values: str = "free",
        coupling: "Sequence[float] | str | None" = None,
        prune_tol: "float | str" = "auto",
        min_gain: "float | str" = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        max_inner: int = 5,
        noise_floor: float = 1e-10,
    ):
        self.factors = factors
        self.solver = solver
        self.noise_variance = noise_variance
        self.shared_support = shared_support
        self.support = support
        self.values = values
        self.coupling = coupling
        self.prune_tol = prune_tol
        self.min_gain = min_gain
        self.max_iter = max_iter
        self.tol = tol
        self.max_inner = max_inner
        self.noise_floor = noise_floor

    @with_callbacks
    def fit(self, X: ArrayLike, y: None = None) -> "KroneckerSBL":
        """Learn the variances of each mode and of the noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, m_1, ..., m_I)
            One vector or tensor of measurements per row, NaN (or masked, in a masked
            array of NumPy) where an entry is missing; complex only if a factor is.
        y : None
            Ignored.

        Returns
        -------
        self : KroneckerSBL
            The fitted estimator.

        Raises
        ------
        ValueError
            If factors are missing or malformed, do not have n_features rows in
            product, or if nothing was measured.

        Warns
        -----
        UserWarning
            If a kept column has an indistinguishable twin, or variances leave the range
            of floating-point numbers.
        """
        params = check_params(self)
        parametric = self._parametric(params)
        factors = self._check_factors(X, parametric)
        X, mask = self._validate(X, factors, reset=True)
        self.factors_, self._dictionary = factors, Dictionary(factors)
        check_coupling(params.coupling, len(factors))
        if params.values != "free" and params.support != "kronecker":
            raise ValueError(
                f'values={params.values!r} needs support="kronecker", a product of '
                f"one set per mode; got support={params.support!r}."
            )
        if mask is not None and any(parametric):
            raise ValueError(
                "X has missing entries, which parametric factors cannot have: give "
                "the factors as matrices, on a grid."
            )
        if mask is not None and not mask.any():
            raise ValueError("X holds no measurement: every entry is NaN.")
        self._shared_support = params.shared_support
        self._check_measured(mask)
        n_fits = 1 if params.shared_support else len(X)
        steps = n_fits * n_steps(params, len(factors))
        self._has_points = any(parametric)
        self._fitted_params = vars(params)  # plain values, which skops can read
        ticks = self._iterations(steps, X=X, y=y, remedy=EARLIER)
        with single_blas_thread(), ticks as tick:
            self._priors = self._learn(X, mask, params.noise_variance, tick)
            self.points_ = None
            if any(parametric):
                self._move_points(parametric, X, tick)
        self._store(mask)
        warn_unsettled(self, "The variances were still changing")
        return self

    @property
    def _params(self):
        """Parameters as checked by fit."""
        return SimpleNamespace(**self._fitted_params)

    def _parametric(self, params):
        """The parametric factors, None for each that is a matrix."""
        if not isinstance(self.factors, (list, tuple)):
            return []
        found = [f if is_parametric(f) else None for f in self.factors]
        if any(found) and not params.shared_support:
            raise ValueError(
                "Parametric factors need shared_support=True: their points are those "
                "of all rows."
            )
        if any(found) and params.support != "kronecker":
            raise ValueError(
                f'Parametric factors need support="kronecker"; got {params.support!r}.'
            )
        if any(found) and params.coupling is not None:
            raise ValueError(
                "Parametric factors need coupling=None: points that move have no "
                "neighbors."
            )
        return found

    def _move_points(self, parametric, X, tick):
        """Move the points of parametric factors off their grid."""
        prior, factors, self.points_ = learn_off_grid(
            self._priors[0], parametric, self.factors_, X, self._params,
            self._params.noise_variance, tick,
        )  # fmt: skip
        self._priors = [prior]
        self._dictionary, self.factors_ = prior.dictionary, factors

    def _check_factors(self, X, parametric):
        """Factors as a list of matrices, parametric ones on their grid."""
        if self.factors is None:
            raise ValueError(
                "KroneckerSBL needs factors: a list of 2-D arrays, one per mode, whose "
                "Kronecker product is the dictionary of the rows of X. "
                'factors="identity" stands for the identity matrix (sparse denoising).'
            )
        if isinstance(self.factors, str):
            X = check_array(X, ensure_all_finite="allow-nan")
            return [np.eye(X.shape[1])]
        if not any(parametric):
            return check_factors(self.factors)
        return check_factors(
            [H if f is None else on_grid(f, i) for i, (H, f) in
             enumerate(zip(self.factors, parametric, strict=True))]
        )  # fmt: skip

    def _validate(self, X, factors, *, reset):
        """Check rows; returns them, zero where missing, and where they are not."""
        shape = tuple(len(H) for H in factors)
        X = flat_rows(X, shape, "X")
        if factors[0].dtype.kind != "c":
            X = validate_data(
                self, X, dtype=np.float64, reset=reset, ensure_all_finite="allow-nan"
            )
        else:
            checked = check_measurements(X, factors, allow_nan=True)
            validate_data(self, X, reset=reset, skip_check_array=True)
            X = checked
        if X.shape[1] != math.prod(shape):
            raise ValueError(
                f"X has {X.shape[1]} features, but factors have {shape} rows, whose "
                f"product is {math.prod(shape)}: each row of X is one vectorized "
                "measurement tensor."
            )
        missing = np.isnan(X)
        if not missing.any():
            return X, None
        return np.where(missing, 0.0, X), ~missing

    def _check_measured(self, mask):
        """Refuse rows without a measurement where each has to teach its own prior."""
        if self._shared_support or mask is None or mask.any(axis=1).all():
            return
        raise ValueError(
            f"Rows {np.flatnonzero(~mask.any(axis=1)).tolist()} of X hold no "
            "measurement, of which variances of their own could be learned. Leave "
            "them out, or share the support of all rows (shared_support=True)."
        )

    def _learn(self, X, mask, noise, tick=None):
        """Fit one prior to all rows, or one to each."""
        groups = [slice(None)] if self._shared_support else [
            slice(i, i + 1) for i in range(len(X))
        ]  # fmt: skip
        priors = []
        for rows in groups:
            holes = None if mask is None or mask[rows].all() else mask[rows]
            prior = learn_prior(
                self._dictionary, X[rows], holes, self._params, noise, tick
            )
            prior = choose_support(prior, X[rows], holes, self._params, noise)
            if not self._has_points:
                prior = learn_values(prior, X[rows], holes, self._params)
            priors.append(prior)
        return priors

    def _store(self, mask):
        """Turn priors learned from rows with gaps into fitted attributes."""
        priors = self._priors
        gammas = [
            [finite(g, "A variance in gammas_") for g in prior.gammas]
            for prior in priors
        ]
        supports = [prior.support for prior in priors]
        if self._shared_support:
            self.gammas_, self.support_ = gammas[0], supports[0]
            self.objective_ = priors[0].objective
        else:
            alike = len({prior.kind for prior in priors}) == 1
            stacked = zip(*gammas, strict=True) if alike else None
            self.gammas_ = [np.array(g) for g in stacked] if alike else gammas
            self.support_ = supports
            self.objective_ = [prior.objective for prior in priors]
        noises = np.array([prior.noise_variance for prior in priors])
        noises = finite(noises, "noise_variance_")
        largest = np.finfo(np.float64).max
        self.noise_variance_ = float(min(np.sum(noises / len(noises)), largest))
        kinds = [prior.kind for prior in priors]
        self.support_kind_ = kinds[0] if self._shared_support else kinds
        values = ["free" if p.values == "free" else "product" for p in priors]
        self.values_ = values[0] if self._shared_support else values
        couplings = [prior.coupling for prior in priors]
        self.coupling_ = couplings[0] if self._shared_support else couplings
        self.n_iter_ = max(prior.fit.n_iter for prior in priors)
        self.converged_ = all(prior.fit.converged for prior in priors)
        self._n_features_out = self._dictionary.n_codes
        kept = [np.unique(np.concatenate(s)) for s in zip(*supports, strict=True)]
        seen = None if mask is None else mask.any(axis=0)
        self.indistinguishable_ = warn_of_twins(
            self._dictionary.factors, kept,
            None if seen is None else seen.reshape(self._dictionary.shape),
        )  # fmt: skip

    def _posteriors(self, X, mask, *, gaussian=False):
        """Yield the prior and the posterior of groups of rows.

        The Gaussian one has the evidence that product values have, too.
        """
        if self._shared_support:
            prior = self._priors[0]
            if gaussian:
                prior = replace(prior, values="free")
            yield from ((prior, post) for post in prior.posteriors(X, mask))
            return
        for i, prior in enumerate(self._learn(X, mask, self.noise_variance_)):
            holes = None if mask is None else mask[i : i + 1]
            for post in prior.posteriors(X[i : i + 1], holes):
                yield prior, replace(post, rows=np.array([i]))

    def _check(self, X):
        check_is_fitted(self)
        X, mask = self._validate(X, self.factors_, reset=False)
        self._check_measured(mask)
        return X, mask

    def transform(self, X: ArrayLike, return_std: bool = False) -> np.ndarray:
        """Posterior mean of the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, m_1, ..., m_I)
            Measurements, NaN where missing.
        return_std : bool, default=False
            Also return the posterior standard deviations.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes)
            Codes, the last mode running fastest; n_codes is the product of the n_i.
        std : ndarray of shape (n_samples, n_codes)
            Posterior standard deviations; only if ``return_std``.
        """
        X, mask = self._check(X)
        codes = np.empty((len(X), self._n_features_out), dtype=self.factors_[0].dtype)
        std = np.empty(codes.shape) if return_std else None
        with single_blas_thread():
            for _, post in self._posteriors(X, mask):
                codes[post.rows] = post.mean
                if return_std:
                    std[post.rows] = post.std
        return (codes, std) if return_std else codes

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
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
            If X does not have n_codes columns, or not finite numbers.
        """
        check_is_fitted(self)
        codes = check_measurements(X, self.factors_) if n_dims(X) == 2 else None
        if codes is None or codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X must have shape (n_samples, {self._n_features_out}), one code per "
                f"row; got {np.shape(X)}."
            )
        with single_blas_thread():
            return apply_factors(self.factors_, codes, "A measurement of these codes")

    def reconstruct(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Noise-free measurements given the noisy ones, gaps filled.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, m_1, ..., m_I)
            Measurements, NaN where missing.
        return_std : bool, default=False
            Also return the posterior standard deviations.

        Returns
        -------
        measurements : ndarray of shape (n_samples, n_features)
            Posterior means of the noise-free measurements.
        std : ndarray of shape (n_samples, n_features)
            Their posterior standard deviations, without that of the noise; only if
            ``return_std``.
        """
        X, mask = self._check(X)
        filled = np.empty(X.shape, dtype=X.dtype)
        std = np.empty(X.shape) if return_std else None
        with single_blas_thread():
            for _, post in self._posteriors(X, mask):
                filled[post.rows] = post.signal()
                if return_std:
                    std[post.rows] = post.signal_std()
        return (filled, std) if return_std else filled

    def posterior_variance(self, X: "ArrayLike | None" = None) -> np.ndarray:
        """Posterior variance of each code.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), optional
            Measurements; variances depend on them only through their gaps and, if
            the support is not shared, through the variances of the prior. None stands
            for a row without gaps, or for the rows of ``fit`` if the support is not
            shared. Those of product values depend on the measurements: X is required.

        Returns
        -------
        variance : ndarray of shape (n_codes,) or (n_samples, n_codes)
            Posterior variances; one row per row of X if X is given or the support
            is not shared.

        Raises
        ------
        ValueError
            If X is None and the values of the codes are products.

        Warns
        -----
        UserWarning
            If a variance leaves the range of floating-point numbers, which
            ``transform(X, return_std=True)`` does not.
        """
        check_is_fitted(self)
        if X is not None:
            _, std = self.transform(X, return_std=True)
        elif "product" in self.values_:
            raise ValueError(
                "Variances of codes whose values are products depend on the "
                "measurements: give X."
            )
        else:
            blank = np.zeros((1, self.n_features_in_), dtype=self.factors_[0].dtype)
            with single_blas_thread():
                std = np.array([next(p.posteriors(blank)).std for p in self._priors])
            if self._shared_support:
                std = std[0]
        with np.errstate(over="ignore", under="ignore"):
            return finite(std**2, "A posterior variance")

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Mean log evidence of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, m_1, ..., m_I)
            Measurements, NaN where missing.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean log marginal likelihood of a row, under the fitted variances (its
            own ones if the support is not shared).
        """
        X, mask = self._check(X)
        with single_blas_thread():
            posteriors = self._posteriors(X, mask, gaussian=True)
            total = sum(post.log_evidence for _, post in posteriors)
        if not np.isfinite(total):
            raise ValueError(
                "The evidence of these rows exceeds the range of floating-point "
                "numbers: they are too far from the data of the fit. Give data in "
                "the same units as in fit."
            )
        return float(total / len(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
