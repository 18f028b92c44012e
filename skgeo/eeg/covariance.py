"""Augmented covariances: covariances of delay-embedded trials."""

from functools import partial

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import TrialsMixin
from skgeo.eeg.embedding import EDGES, check_window
from skgeo.solvers import lagged
from skgeo.utils.parallel import chunk_slices, map_threads
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    check_params,
)

__all__ = ["AugmentedCovariances"]

# Estimators that follow from lagged products; the others need the embedded signal.
_DIRECT = ("cov", "scm", "oas", "lwf")
_SELF_REGULARISED = ("oas", "lwf", "sch", "mcd", "hub", "stu", "tyl")

# Squares of signals outside this range leave the range of floating point.
_LARGEST_EXPONENT = 500


class AugmentedCovariances(TransformerMixin, TrialsMixin, BaseEstimator):
    """Covariances of delay-embedded trials, from lagged cross-products.

    The embedded signal is never stored: block (i, j) of an augmented covariance is a
    lagged cross-product of the channels, so ``order`` products per trial give all
    ``order ** 2`` blocks. The result equals the covariance of the embedded trial.

    Parameters
    ----------
    order : int, default=1
        Number of delayed copies. At 1 these are plain covariances.
    lag : int, default=1
        Delay between copies, in samples. Ignored at order 1.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        What happens at the ends of a trial, see :class:`DelayEmbedding`.
    estimator : str or callable, default="scm"
        Covariance estimator, with pyriemann's meaning: ``"scm"`` divides by the
        number of samples, ``"cov"`` by one less; ``"oas"`` and ``"lwf"`` shrink.
        These four are computed directly. Any other name or callable that
        ``pyriemann.estimation.Covariances`` takes (``"sch"``, ``"mcd"``, ``"hub"``,
        ``"stu"``, ``"tyl"``, ``"corr"``, ...) goes through the embedded signal, one
        chunk of trials at a time.
    shrinkage : "auto", None or float in [0, 1], default="auto"
        Shrinkage towards the scaled identity, on top of the estimator. ``"auto"``
        applies the OAS intensity to ``"scm"`` and ``"cov"`` and nothing to the
        estimators that regularise themselves; with it the defaults are positive
        definite for average-referenced, duplicated or constant channels and for
        trials shorter than ``order * n_channels``. ``None`` gives exactly what the
        estimator gives.
    block_toeplitz : bool, default=False
        Estimate every lag once, biased (divided by the number of times), and arrange
        the estimates as a block-Toeplitz matrix. Positive semi-definite by
        construction; ``edge`` has no meaning then and ``estimator`` must be
        ``"scm"`` or ``"oas"``.
    n_jobs : int or None, default=None
        Threads over trials, as in joblib.

    Attributes
    ----------
    n_channels_in_ : int
        Number of channels seen in fit.
    n_times_in_ : int
        Number of times a trial had in fit.

    Raises
    ------
    ValueError
        If the trials are too short for the embedding, hold a trial without any
        variation, or have amplitudes whose squares leave floating point.

    See Also
    --------
    DelayEmbedding : The embedding itself.
    TangentMap : Tangent vectors of the covariances.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovariances
    >>> X = np.random.default_rng(0).standard_normal((5, 3, 200))
    >>> AugmentedCovariances(order=4, lag=2).fit_transform(X).shape
    (5, 12, 12)
    """

    _param_rules = {
        "order": Integer(1),
        "lag": Integer(1),
        "edge": EDGES,
        "estimator": Instance(str, "the name of an estimator") | Callable(),
        "shrinkage": OneOf("auto") | Null() | Real(0.0, 1.0),
        "block_toeplitz": Boolean(),
        "n_jobs": Null() | Integer(),
    }

    def __init__(
        self,
        order=1,
        lag=1,
        *,
        edge="valid",
        estimator="scm",
        shrinkage="auto",
        block_toeplitz=False,
        n_jobs=None,
    ):
        self.order = order
        self.lag = lag
        self.edge = edge
        self.estimator = estimator
        self.shrinkage = shrinkage
        self.block_toeplitz = block_toeplitz
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Check the trials; nothing is learnt.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.
        y : None
            Ignored.

        Returns
        -------
        self : AugmentedCovariances
            The fitted transformer.
        """
        check_params(self)
        if self.block_toeplitz and self.estimator not in ("scm", "oas"):
            raise ValueError(
                "block_toeplitz=True is the biased lagged estimator and takes "
                f"estimator='scm' or 'oas'; got {self.estimator!r}."
            )
        X = self._check_trials(X, reset=True)
        self._window(X.shape[2])
        return self

    def transform(self, X):
        """Compute the augmented covariance of each trial.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, in any unit.

        Returns
        -------
        C : ndarray of shape (n_trials, order * n_channels, order * n_channels)
            Covariances, in that unit squared.
        """
        check_is_fitted(self)
        return self._covariances(self._check_trials(X, reset=False))

    def fit_transform(self, X, y=None):
        """Fit and transform in one validation of X.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.
        y : None
            Ignored.

        Returns
        -------
        C : ndarray of shape (n_trials, order * n_channels, order * n_channels)
            Covariances.
        """
        self.fit(X)
        return self._covariances(self._check_trials(X, reset=False))

    def _window(self, n_times):
        edge = "wrap" if self.block_toeplitz else self.edge
        return check_window(n_times, self.order, self.lag, edge)

    def _covariances(self, X):
        n_window = self._window(X.shape[2])
        flat = np.flatnonzero((X[:, :, :1] == X).all(axis=(1, 2)))
        if len(flat):
            raise ValueError(
                f"X holds {len(flat)} trial(s) in which no channel varies (first at "
                f"index {flat[0]}): they have no covariance. Drop them."
            )
        direct = self.block_toeplitz or self.estimator in _DIRECT
        one = partial(self._chunk if direct else self._embedded_chunk, n_window)
        n_threads = effective_n_jobs(self.n_jobs)
        # A bounded chunk keeps temporaries in cache and memory flat.
        per_chunk = max(1, min(len(X), 2**22 // (X.shape[1] * X.shape[2])))
        n_chunks = max(-(-len(X) // per_chunk), n_threads)
        parts = map_threads(
            one, [X[s] for s in chunk_slices(len(X), n_chunks)], self.n_jobs
        )
        C = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if not np.isfinite(C).all():
            raise ValueError(
                f"estimator={self.estimator!r} returned NaN or infinity for "
                f"{int((~np.isfinite(C)).any(axis=(1, 2)).sum())} trial(s), as it does "
                "for channels without variation. Drop those channels or use "
                "estimator='scm' with shrinkage='auto'."
            )
        return C

    def _chunk(self, n_window, X):
        scaled, exponent = lagged.centre_and_scale(X)
        if np.abs(exponent).max() > _LARGEST_EXPONENT:
            raise ValueError(
                f"X has amplitudes around {np.abs(X).max():.1e}: their squares leave "
                "the range of floating point. Rescale the trials."
            )
        divisor = n_window
        if self.block_toeplitz:
            S = lagged.block_toeplitz_scatter(scaled, self.order, self.lag)
        elif self.edge == "wrap":
            S = lagged.wrapped_scatter(scaled, self.order, self.lag)
        else:
            S = lagged.augmented_scatter(scaled, self.order, self.lag, n_window)
        S /= divisor
        if self.estimator == "lwf":
            Z, lag = (scaled, self.lag)
            order, window = self.order, n_window
            if self.edge == "wrap":
                delays = [i * self.lag for i in range(self.order)]
                Z, order, lag = lagged.embed(scaled, delays, n_window, wrap=True), 1, 1
            rho = lagged.ledoit_wolf_shrinkage(Z, S, order, lag, window)
            S = lagged.shrink(S, rho)
        elif self.estimator == "oas" or self.shrinkage == "auto":
            rho = lagged.oas_shrinkage(S, n_window)
            if self.estimator == "cov":
                S *= n_window / (n_window - 1)
            S = lagged.shrink(S, rho)
        elif self.estimator == "cov":
            S *= n_window / (n_window - 1)
        return np.ldexp(self._extra(S), 2 * exponent[:, None, None])

    def _embedded_chunk(self, n_window, X):
        from pyriemann.estimation import Covariances

        delays = [i * self.lag for i in range(self.order)]
        Z = lagged.embed(X, delays, n_window, wrap=self.edge == "wrap")
        with np.errstate(all="ignore"):  # the caller checks what comes out
            C = np.asarray(Covariances(estimator=self.estimator).transform(Z))
        if self.shrinkage == "auto" and self.estimator not in _SELF_REGULARISED:
            C = lagged.shrink(C, lagged.oas_shrinkage(C, n_window))
        return self._extra(C)

    def _extra(self, S):
        if isinstance(self.shrinkage, str) or not self.shrinkage:
            return S
        return lagged.shrink(S, self.shrinkage)
