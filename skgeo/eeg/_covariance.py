"""Augmented covariances: covariances of delay-embedded trials."""

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import TrialsMixin
from skgeo.eeg._embedding import EDGES, check_window
from skgeo.eeg._solvers import lagged
from skgeo.utils.parallel import chunk_slices, map_threads
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    check_params,
)

__all__ = ["AugmentedCovariances"]

# Estimators that follow from lagged products; the others need the embedded signal.
_DIRECT = ("cov", "scm", "oas", "lwf")
_SELF_REGULARIZED = ("oas", "lwf", "sch", "mcd", "hub", "stu", "tyl")

# Squares of signals outside this range leave the range of floating point.
_LARGEST_EXPONENT = 500


def _refuse_flat(traces):
    flat = np.flatnonzero(traces == 0)
    if len(flat):
        raise ValueError(
            f"X holds {len(flat)} trial(s) in which no channel varies (first at "
            f"index {flat[0]}): they have no covariance. Drop them."
        )


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
        estimators that regularize themselves; with it the defaults are positive
        definite for average-referenced, duplicated or constant channels and for
        trials shorter than ``order * n_channels``. ``None`` gives exactly what the
        estimator gives.
    block_toeplitz : bool, default=False
        Estimate every lag once, biased (divided by the number of times), and arrange
        the estimates as a block-Toeplitz matrix. Positive semi-definite by
        construction; ``edge`` has no meaning then and ``estimator`` must be
        ``"scm"`` or ``"oas"``.
    delays : sequence of int or None, default=None
        Delays in samples, ascending from 0 and not necessarily uniform, as
        :func:`select_embedding` finds them. They replace ``order`` and ``lag``; only
        with ``edge="valid"`` or ``"wrap"`` and without ``block_toeplitz``.
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
        "delays": Null() | SequenceOf(Integer(0)),
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
        delays=None,
        n_jobs=None,
    ):
        self.order = order
        self.lag = lag
        self.edge = edge
        self.estimator = estimator
        self.shrinkage = shrinkage
        self.block_toeplitz = block_toeplitz
        self.delays = delays
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Check the trials; nothing is learned.

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
        self._check_fit(X)
        return self

    def _check_fit(self, X):
        """Validate the parameters and the trials, which are returned."""
        check_params(self)
        if self.block_toeplitz and self.estimator not in ("scm", "oas"):
            raise ValueError(
                "block_toeplitz=True is the biased lagged estimator and takes "
                f"estimator='scm' or 'oas'; got {self.estimator!r}."
            )
        if self.delays is not None:
            delays = self._delays()
            if delays[0] != 0 or not (np.diff(delays) > 0).all():
                raise ValueError(
                    f"delays must ascend from 0 without repetition; got {self.delays}."
                )
            if self.block_toeplitz or self.edge == "moabb":
                raise ValueError(
                    "delays takes edge='valid' or 'wrap' and block_toeplitz=False; got "
                    f"edge={self.edge!r}, block_toeplitz={self.block_toeplitz}."
                )
        X = self._check_trials(X, reset=True)
        self._window(X.shape[2])
        return X

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
        return self._covariances(self._check_fit(X))

    def _delays(self):
        if self.delays is not None:
            return [int(delay) for delay in self.delays]
        return [i * self.lag for i in range(self.order)]

    def _window(self, n_times):
        if self.delays is None:
            edge = "wrap" if self.block_toeplitz else self.edge
            return check_window(n_times, self.order, self.lag, edge)
        longest = self._delays()[-1]
        n_window = n_times if self.edge == "wrap" else n_times - longest
        if n_window < 2 or longest >= n_times:
            raise ValueError(
                f"delays={self.delays} span {longest} samples and leave fewer than 2 "
                f"of the {n_times} times a trial has. Drop the longest delays, or "
                "pass longer trials."
            )
        return n_window

    def _covariances(self, X):
        n_window = self._window(X.shape[2])
        direct = self.block_toeplitz or self.estimator in _DIRECT
        fill = self._fill_directly if direct else self._fill_by_embedding
        d = len(self._delays()) * X.shape[1]
        C = np.empty((len(X), d, d))
        # Chunks of a megabyte or two stay in cache from the centering to the products.
        per_chunk = max(1, 2**18 // (X.shape[1] * X.shape[2]))
        n_chunks = max(-(-len(X) // per_chunk), effective_n_jobs(self.n_jobs))
        map_threads(
            lambda part: fill(X[part], n_window, C[part]),
            chunk_slices(len(X), n_chunks),
            self.n_jobs,
            shared_memory=True,
        )
        _refuse_flat(np.trace(C, axis1=1, axis2=2))
        if not np.isfinite(C).all():
            raise ValueError(
                f"estimator={self.estimator!r} returned NaN or infinity for "
                f"{int((~np.isfinite(C)).any(axis=(1, 2)).sum())} trial(s), as it does "
                "for channels without variation. Drop those channels or use "
                "estimator='scm' with shrinkage='auto'."
            )
        return C

    @staticmethod
    def _scaled(X):
        scaled, exponent = lagged.center_and_scale(X)
        if np.abs(exponent).max() > _LARGEST_EXPONENT:
            raise ValueError(
                f"X has amplitudes around 2**{exponent[np.abs(exponent).argmax()]}: "
                "their squares leave the range of floating point. Rescale the trials."
            )
        return scaled, exponent

    def _fill_directly(self, X, n_window, C):
        X, exponent = self._scaled(X)
        if self.block_toeplitz:
            C[:] = lagged.block_toeplitz_scatter(X, self.order, self.lag)
        elif self.delays is not None:
            Z = self._embed(X, n_window)
            Z -= Z.mean(-1, keepdims=True)
            np.matmul(Z, Z.swapaxes(1, 2), out=C)
        elif self.edge == "wrap":
            C[:] = lagged.wrapped_scatter(X, self.order, self.lag)
        else:
            lagged.augmented_scatter(X, self.order, self.lag, n_window, out=C)
        self._finish(X, exponent, n_window, C)

    def _finish(self, X, exponent, n_window, C):
        """Turn scatter matrices into the estimator's covariances, in place."""
        divisor = n_window - 1 if self.estimator == "cov" else n_window
        factor = np.ldexp(1.0 / divisor, 2 * exponent)
        lagged.shrink(C, self._intensity(X, C, n_window), factor, out=C)
        self._shrink_further(C)

    def _intensity(self, X, scatter, n_window):
        """Shrinkage that belongs to the estimator."""
        if self.estimator == "lwf":
            order, lag = self.order, self.lag
            if self.edge == "wrap" or self.delays is not None:
                X, order, lag = self._embed(X, n_window), 1, 1
            return lagged.ledoit_wolf_shrinkage(
                X, scatter / n_window, order, lag, n_window
            )
        if self.estimator == "oas" or self.shrinkage == "auto":
            return lagged.oas_shrinkage(scatter, n_window)
        return 0.0

    def _lag_blocks(self, X):
        """Blocks (0, k) of what ``block_toeplitz=True`` gives, without the others."""
        n_times = self._window(X.shape[2])
        scaled, exponent = self._scaled(X)
        R = lagged.lag_blocks(scaled, self.order, self.lag) / n_times
        _refuse_flat(np.trace(R[:, 0], axis1=1, axis2=2))
        if self.estimator == "oas" or self.shrinkage == "auto":
            R = lagged.shrink_blocks(R, n_times)
        if self.shrinkage and not isinstance(self.shrinkage, str):
            R = lagged.shrink_blocks(R, float(self.shrinkage))
        return np.ldexp(R.swapaxes(2, 3), 2 * exponent[:, None, None, None])

    def _embed(self, X, n_window):
        return lagged.embed(X, self._delays(), n_window, wrap=self.edge == "wrap")

    def _fill_by_embedding(self, X, n_window, C):
        from pyriemann.estimation import Covariances

        Z = self._embed(X, n_window)
        with np.errstate(all="ignore"):  # the caller checks what comes out
            C[:] = Covariances(estimator=self.estimator).transform(Z)
        if self.shrinkage == "auto" and self.estimator not in _SELF_REGULARIZED:
            lagged.shrink(C, lagged.oas_shrinkage(C, n_window), out=C)
        self._shrink_further(C)

    def _shrink_further(self, C):
        if not isinstance(self.shrinkage, str) and self.shrinkage:
            lagged.shrink(C, self.shrinkage, out=C)
