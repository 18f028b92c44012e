"""A learned prior in the units of the user, and the posterior of new rows under it."""

import math
from dataclasses import dataclass

import numpy as np

from skgeo.linear_model._kronecker.dictionary import Dictionary
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
from skgeo.utils.warn import warn_user

__all__ = ["LearnedPrior", "RowPosterior", "data_unit", "learn_prior"]

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
    std : ndarray of shape (n_codes,)
        Posterior standard deviations.
    error : float
        Relative standard error of the variances, zero where they are exact.
    log_evidence : float
        Log marginal likelihood of all these rows.
    """

    rows: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    error: float
    log_evidence: float


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
    """

    dictionary: Dictionary
    fit: KronFit
    unit: float
    coupling: tuple | None
    n_measured: float

    @property
    def noise_variance(self):
        """Noise variance, which leaves the range of floats where its units do."""
        with np.errstate(over="ignore", under="ignore"):
            return float(
                (np.sqrt(self.fit.noise_variance) * np.float64(self.unit)) ** 2
            )

    @property
    def gammas(self):
        """Variances of each mode in the units of the user."""
        return self.dictionary.user_gammas(self.fit.gammas, self.unit)

    @property
    def support(self):
        """Indices kept in each mode."""
        return [np.flatnonzero(g) for g in self.fit.gammas]

    @property
    def objective(self):
        """Mean log evidence of a row before each iteration, with its constants."""
        return self.fit.objective - self._constant(self.n_measured)

    def _constant(self, n):
        if self.dictionary.is_complex:
            return n * (np.log(np.pi) + 2 * np.log(self.unit))
        return n * (0.5 * np.log(2 * np.pi) + np.log(self.unit))

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
        scatter, s2 = self.dictionary.scatter, self.fit.noise_variance
        factors, kept, support = self.dictionary.kept(self.fit.gammas)
        shape = self.dictionary.shape
        Y = (X / self.unit).reshape(-1, *shape)
        if mask is None:
            post = posterior(factors, kept, Y, s2)
            yield RowPosterior(
                rows=np.arange(len(X)),
                mean=scatter(post.mean, support, self.unit),
                std=scatter(np.sqrt(post.variance), support, self.unit),
                error=0.0,
                log_evidence=post.log_evidence - len(X) * self._units(X.shape[1]),
            )
            return
        c, log_2pi = (1.0, np.log(np.pi)) if self.dictionary.is_complex else (
            0.5, np.log(2 * np.pi),
        )  # fmt: skip
        for rows in group_rows(mask):
            holes = mask[rows[0]]
            n = int(holes.sum())
            post, error = masked_posterior(
                factors, kept, Y[rows], holes.reshape(shape), s2
            )
            deviance = len(rows) * (post.log_det + n * log_2pi) + post.quadratic
            yield RowPosterior(
                rows=rows,
                mean=scatter(post.mean, support, self.unit),
                std=scatter(np.sqrt(post.variance), support, self.unit),
                error=error,
                log_evidence=-c * deviance - len(rows) * self._units(n),
            )

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
        factors, kept, _ = self.dictionary.kept(self.fit.gammas)
        s2 = self.fit.noise_variance
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
    scaled = None if noise is None else (math.sqrt(noise) / unit) ** 2
    if mask is None:
        data = CompleteData(Y)
    else:
        data = MaskedData(Y, mask.reshape(Y.shape), dictionary.n_codes)
    fit, coupling = learn(dictionary.factors, data, params, scaled, tick)
    return LearnedPrior(dictionary, fit, unit, coupling, n_measured / len(X))
