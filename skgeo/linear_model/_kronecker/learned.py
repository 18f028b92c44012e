"""A learned prior in the units of the user, and the posterior of new rows under it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from skgeo.exceptions import InvalidParameterError
from skgeo.linear_model._kronecker.codes import (
    CodeFit,
    code_columns,
    code_posterior,
)
from skgeo.linear_model._kronecker.dense import from_gram
from skgeo.linear_model._kronecker.dictionary import Dictionary, apply_factors
from skgeo.linear_model._kronecker.fitting import learn
from skgeo.linear_model._kronecker.masked import (
    MaskedData,
    group_rows,
    masked_posterior,
    masked_spread,
)
from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    posterior,
    predictive_spread,
)
from skgeo.linear_model._kronecker.prior import KronFit
from skgeo.linear_model._kronecker.value_choice import product_rows
from skgeo.linear_model._kronecker.values import product_spread
from skgeo.utils.warn import warn_user

__all__ = [
    "LearnedPrior",
    "RowPosterior",
    "data_unit",
    "learn_prior",
]

# Power of ten of codes beyond which sums of them may overflow.
_MAX_EXPONENT = 298
# Magnitude, relative to the data of fit, of rows with product values.
_LARGEST_ROW = 1e60
# Data below this have lost digits to gradual underflow.
_SMALLEST = 1e-290


@dataclass(frozen=True, slots=True)
class RowPosterior:
    """Posterior of rows that share their gaps, over the codes that are kept.

    Parameters
    ----------
    rows : ndarray of int
        The rows.
    mean : ndarray of shape (n_rows, n_codes)
        Posterior means in the units of the user.
    std : ndarray of shape (n_codes,) or (n_rows, n_codes)
        Posterior standard deviations.
    error : float
        Relative standard error of the variances, zero where they are exact.
    log_evidence : float
        Log marginal likelihood of all these rows.
    signal : callable
        Returns their noise-free measurements, of shape (n_rows, n_features).
    signal_std : callable
        Returns posterior standard deviations of these, of shape (n_features,) or
        (n_rows, n_features).
    """

    rows: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    error: float
    log_evidence: float
    signal: Callable
    signal_std: Callable

    def __post_init__(self):
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all()):
            raise InvalidParameterError(
                "Codes of these rows exceed the range of floating-point numbers. Give "
                "the data or the factors in other units."
            )


@dataclass(frozen=True, slots=True)
class LearnedPrior:
    """Variances learned from scaled rows, and what leads back to the user's units.

    Parameters
    ----------
    dictionary : Dictionary
        The scaled dictionary.
    fit : KronFit
        Variances of scaled codes and measurements.
    unit : float
        What measurements were divided by.
    coupling : tuple of float or None
        Weights between neighboring variances.
    n_measured : float
        Mean number of measured entries of a row.
    values : {"free", "product", "auto"}, default="free"
        Whether the values of the codes of a row are products of one vector per mode;
        "auto" asks each row.
    """

    dictionary: Dictionary
    fit: KronFit | CodeFit
    unit: float
    coupling: tuple | None
    n_measured: float
    values: str = "free"

    @property
    def kind(self):
        """Structure of the support."""
        return self.fit.kind if isinstance(self.fit, CodeFit) else "kronecker"

    @property
    def noise_variance(self):
        """Noise variance, which leaves the range of floats where its units do."""
        with np.errstate(over="ignore", under="ignore"):
            return float(
                (np.sqrt(self.fit.noise_variance) * np.float64(self.unit)) ** 2
            )

    @property
    def gammas(self):
        """Variances of each mode, or of all codes, in the units of the user."""
        if isinstance(self.fit, CodeFit):
            full = np.zeros(self.dictionary.code_shape)
            with np.errstate(over="ignore", under="ignore"):
                roots = np.sqrt(self.fit.gammas) * self._scales()
                full[tuple(self.fit.codes)] = roots**2
            return [full]
        return self.dictionary.user_gammas(self.fit.gammas, self.unit)

    @property
    def support(self):
        """Indices kept in each mode, or those of each code that is kept."""
        if isinstance(self.fit, CodeFit):
            return list(self.fit.codes)
        return [np.flatnonzero(g) for g in self.fit.gammas]

    @property
    def objective(self):
        """Mean log evidence of a row before each iteration, with its constants."""
        return self.fit.objective - self._constant(self.n_measured)

    def _constant(self, n):
        if self.dictionary.is_complex:
            return n * (np.log(np.pi) + 2 * np.log(self.unit))
        return n * (0.5 * np.log(2 * np.pi) + np.log(self.unit))

    def _scales(self):
        """What codes of a list are multiplied by to be in the units of the user."""
        norms = [
            n[k] for n, k in zip(self.dictionary.norms, self.fit.codes, strict=True)
        ]
        scales = self.unit / norms[0]
        for norm in norms[1:]:
            scales = scales / norm
        return scales

    def _code_posteriors(self, X, mask):
        """Posteriors under variances of single codes."""
        fit, dictionary = self.fit, self.dictionary
        mask = np.ones(X.shape, dtype=bool) if mask is None else mask
        c, log_2pi = (1.0, np.log(np.pi)) if dictionary.is_complex else (
            0.5, np.log(2 * np.pi),
        )  # fmt: skip
        for rows in group_rows(mask):
            holes, n = mask[rows[0]], int(mask[rows[0]].sum())
            columns = code_columns(dictionary.factors, fit.codes, holes)
            Y = X[rows][:, holes] / self.unit
            post = code_posterior(columns, Y, fit.gammas, fit.noise_variance)
            std = np.sqrt(post.variance)
            mean = dictionary.scatter_codes(post.mean, fit.codes, self.unit)
            std = dictionary.scatter_codes(std, fit.codes, self.unit)
            deviance = len(rows) * (post.log_det + n * log_2pi) + post.quadratic
            evidence = -c * deviance - len(rows) * self._units(n)
            everywhere = code_columns(dictionary.factors, fit.codes)
            signal = partial(self._signal, [everywhere], post.mean)
            spread = partial(self.signal_std, holes)
            yield RowPosterior(rows, mean, std, 0.0, evidence, signal, spread)

    def posteriors(self, X, mask=None):
        """Yield the posterior of each group of rows that share their gaps.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows, zero where missing.
        mask : ndarray of bool of the same shape, optional
            True where measured; None where everything is.

        Yields
        ------
        posterior : RowPosterior
            The posterior of some rows.
        """
        if isinstance(self.fit, CodeFit):
            yield from self._code_posteriors(X, mask)
            return
        scatter, s2 = self.dictionary.scatter, self.fit.noise_variance
        factors, kept, support = self.dictionary.kept(self.fit.gammas)
        shape = self.dictionary.shape
        Y = (X / self.unit).reshape(-1, *shape)
        c, log_2pi = (1.0, np.log(np.pi)) if self.dictionary.is_complex else (
            0.5, np.log(2 * np.pi),
        )  # fmt: skip
        complete = mask is None
        for rows in [np.arange(len(X))] if complete else group_rows(mask):
            n, error = X.shape[1] if complete else int(mask[rows[0]].sum()), 0.0
            # What overflows here is found where it is used.
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                if complete:
                    post = posterior(factors, kept, Y, s2)
                else:
                    holes = mask[rows[0]].reshape(shape)
                    post, error = masked_posterior(factors, kept, Y[rows], holes, s2)
                deviance = len(rows) * (post.log_det + n * log_2pi) + post.quadratic
            free = RowPosterior(
                rows=rows,
                mean=scatter(post.mean, support, self.unit),
                std=scatter(np.sqrt(post.variance), support, self.unit),
                error=error,
                log_evidence=-c * deviance - len(rows) * self._units(n),
                signal=partial(self._signal, factors, post.mean),
                signal_std=partial(
                    self.signal_std, None if complete else mask[rows[0]]
                ),
            )
            if self.values == "free" or min(len(g) for g in kept) == 0:
                yield free
                continue
            holes = None if complete else mask[rows].reshape(-1, *shape)
            yield from self._products(free, post.mean, Y[rows], holes)

    def _products(self, free, codes, Y, mask):
        """Yield posteriors under product values, and of rows that contradict them."""
        factors, kept, support = self.dictionary.kept(self.fit.gammas)
        s2 = self.fit.noise_variance
        if np.abs(Y).max(initial=0.0) > _LARGEST_ROW:
            raise InvalidParameterError(
                f"Rows are more than {_LARGEST_ROW:g} times as large as those of fit, "
                "too large for product values: give them in the units of fit."
            )
        product, lead = product_rows(factors, kept, Y, s2, codes, mask)
        against = lead > 0
        if self.values == "product" and against.any():
            warn_user(
                f"Rows {free.rows[against].tolist()} contradict values that are "
                'products of one vector per mode: values="auto" leaves theirs free.'
            )
        # About a row of nothing but noise there is no direction to vary along.
        alone = against if self.values == "auto" else np.zeros(len(Y), dtype=bool)
        alone = alone | ~np.all([v.any(axis=1) for v in product.vectors], axis=0)
        if alone.any():
            yield replace(
                free, rows=free.rows[alone], mean=free.mean[alone],
                log_evidence=free.log_evidence * np.mean(alone),
                signal=lambda: free.signal()[alone],
            )  # fmt: skip
        if alone.all():
            return
        few = ~alone
        product, Y = product.take(few), Y[few]
        mask = None if mask is None else mask[few]
        spread = partial(product_spread, factors, kept, Y, s2, product, mask)
        codes = product.codes.reshape(len(Y), -1)
        std = np.sqrt(spread().reshape(codes.shape))
        yield replace(
            free,
            rows=free.rows[few],
            mean=self.dictionary.scatter(codes, support, self.unit),
            std=self.dictionary.scatter(std, support, self.unit),
            log_evidence=free.log_evidence * np.mean(few),
            signal=partial(self._signal, factors, codes),
            signal_std=lambda: np.sqrt(spread(factors)).reshape(len(Y), -1) * self.unit,
        )

    def _signal(self, factors, codes):
        """Measurements of scaled codes: those of the user may not even be floats."""
        return apply_factors(factors, codes) * self.unit

    def _units(self, n):
        """Log Jacobian of scaling n measurements."""
        return n * (2.0 if self.dictionary.is_complex else 1.0) * np.log(self.unit)

    def signal_std(self, mask=None):
        """Posterior standard deviation of the noise-free measurements of a row.

        Parameters
        ----------
        mask : ndarray of bool of shape (n_features,), optional
            True where measured.

        Returns
        -------
        std : ndarray of shape (n_features,)
            Standard deviations in the units of the user.
        """
        s2 = self.fit.noise_variance
        if isinstance(self.fit, CodeFit):
            columns = code_columns(self.dictionary.factors, self.fit.codes)
            seen = columns if mask is None else columns[mask]
            gram, nothing = seen.conj().T @ seen, np.zeros((len(self.fit.gammas), 1))
            root = from_gram(gram, nothing, 0.0, len(seen), self.fit.gammas, s2).root
            return np.linalg.norm(columns @ root, axis=1) * self.unit
        factors, kept, _ = self.dictionary.kept(self.fit.gammas)
        if mask is None:
            spread = predictive_spread(factors, kept, s2, factors)
        else:
            holes = mask.reshape(self.dictionary.shape)
            spread = masked_spread(factors, kept, holes, s2, factors)
        return np.sqrt(spread.ravel()) * self.unit


def data_unit(X, n_measured):
    """Scale data to unit power, without overflow.

    Parameters
    ----------
    X : ndarray
        Data, zero where missing.
    n_measured : int
        Number of entries that are not missing.

    Returns
    -------
    scaled : ndarray
        Data of unit power (or zero).
    unit : float
        What they were divided by.

    Warns
    -----
    UserWarning
        If the data are so small that floats lose their digits, and count as zero.
    """
    top = np.abs(X).max(initial=0.0)
    if top == 0:
        return X, 1.0
    if top < _SMALLEST:
        warn_user(
            f"The largest magnitude of the data is {top:.3g}, where floating-point "
            f"numbers lose digits (below {_SMALLEST:g}): they are taken for zero. Give "
            "the data in other units."
        )
        return np.zeros_like(X), 1.0
    unit = float(top * np.sqrt(np.sum(np.abs(X / top) ** 2) / n_measured))
    return X / unit, unit


def learn_prior(dictionary, X, mask, params, noise, tick=None):
    """Fit a prior to rows that share their variances.

    Parameters
    ----------
    dictionary : Dictionary
        The scaled dictionary.
    X : ndarray of shape (n_samples, n_features)
        Rows, zero where missing.
    mask : ndarray of bool of the same shape or None
        True where measured.
    params : namespace
        Parameters of the estimator.
    noise : float or None
        Noise variance in the units of the user; None learns it.
    tick : callable, optional
        Called after each iteration.

    Returns
    -------
    prior : LearnedPrior
        The prior.
    """
    n_measured = X.size if mask is None else int(mask.sum())
    Y, unit = data_unit(X, max(n_measured, 1))
    Y = Y.reshape(-1, *dictionary.shape)
    # Beyond 1e30 times the power of the data there is nothing to tell apart.
    scaled = None if noise is None else min(math.sqrt(noise) / unit, 1e15) ** 2
    if mask is None:
        data = CompleteData(Y)
    else:
        data = MaskedData(Y, mask.reshape(Y.shape), dictionary.n_codes)
    fit, coupling = learn(dictionary.factors, data, params, scaled, tick)
    largest = math.log10(unit) - sum(math.log10(n.min()) for n in dictionary.norms)
    if largest > _MAX_EXPONENT or math.log10(unit) > _MAX_EXPONENT:
        raise InvalidParameterError(
            f"Codes of data of magnitude {unit:.3g} exceed the range of floating-point "
            "numbers under these factors. Give the data or the factors in other units."
        )
    return LearnedPrior(dictionary, fit, unit, coupling, n_measured / len(X))
