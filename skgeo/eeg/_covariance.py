"""Augmented covariances: covariances of delay-embedded trials."""

from collections.abc import Callable as CallableType
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import ArrayOutputMixin, BaseEstimator, TrialsMixin
from skgeo.eeg._embedding import EDGES, delayed_names
from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    augmented_covariances,
    check_settings,
    uniform_delays,
)
from skgeo.utils.amplitudes import warn_unlike_channels
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    Unused,
    check_params,
)

__all__ = ["AugmentedCovariances"]


class AugmentedCovariances(  # type: ignore[call-arg]
    ArrayOutputMixin,
    TransformerMixin,
    TrialsMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
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
    shrinkage : {"diagonal", "auto"}, None or float in [0, 1], default="diagonal"
        Shrinkage on top of the estimator. ``"diagonal"`` shrinks to the diagonal, by
        the OAS intensity of the correlation matrix: the unit of a channel does not
        matter. ``"auto"`` shrinks to the scaled identity by the OAS intensity, as
        pyriemann's ``"oas"`` does: channels must have a common unit. Both leave
        estimators that regularize themselves alone, and are positive definite for
        average-referenced, duplicated or constant channels and for trials shorter
        than ``order * n_channels``. A number shrinks to the scaled identity;
        ``None`` gives exactly what the estimator gives.
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
    channel_names_in_ : ndarray of str
        Their names, if fit saw ``mne.Epochs``.
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
        "shrinkage": OneOf("diagonal", "auto") | Null() | Real(0.0, 1.0),
        "block_toeplitz": Boolean(),
        "delays": Null() | SequenceOf(Integer(0)),
        "n_jobs": Null() | Integer(),
    }
    _unused_params = (
        Unused(("order", "lag"), lambda p: p.delays is not None, "delays is given"),
        Unused("edge", lambda p: p.block_toeplitz, "block_toeplitz is True"),
    )

    def __init__(
        self,
        order: int = 1,
        lag: int = 1,
        *,
        edge: str = "valid",
        estimator: str | CallableType[..., Any] = "scm",
        shrinkage: str | float | None = "diagonal",
        block_toeplitz: bool = False,
        delays: Sequence[int] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.order = order
        self.lag = lag
        self.edge = edge
        self.estimator = estimator
        self.shrinkage = shrinkage
        self.block_toeplitz = block_toeplitz
        self.delays = delays
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: None = None) -> "AugmentedCovariances":
        """Check the parameters and the trials; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, or ``mne.Epochs``.
        y : None
            Ignored.

        Returns
        -------
        self : AugmentedCovariances
            The fitted transformer.

        Raises
        ------
        ValueError
            If :meth:`transform` could not be applied to these trials.
        """
        self._fit(X)
        return self

    def _fit(self, X):
        """Fit and return the covariances: what transform would refuse, fit refuses."""
        params = check_params(self)
        self._settings = CovarianceSettings(
            params.edge, params.estimator, params.shrinkage, params.block_toeplitz
        )
        delays = None if params.delays is None else tuple(map(int, params.delays))
        check_settings(self._settings, delays)
        X = self._check_trials(X, reset=True)
        if params.shrinkage != "diagonal":
            warn_unlike_channels(X, self)
        self._order, self._lag, self._delays = params.order, params.lag, delays
        return self._covariances(X)

    def _covariances(self, X):
        return augmented_covariances(
            X,
            self._order,
            self._lag,
            self._settings,
            delays=self._delays,
            n_jobs=self.n_jobs,
        )

    def transform(self, X: ArrayLike) -> np.ndarray:
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

    def fit_transform(self, X: ArrayLike, y: None = None) -> np.ndarray:
        """Fit and transform in one pass over X.

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
        return self._fit(X)

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the rows of the covariances after channels and delays.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the channels.

        Returns
        -------
        names : ndarray of str of shape (order * n_channels,)
            ``channel`` for delay 0, then ``channel+delay``; without names of the
            channels the positions of the rows.
        """
        check_is_fitted(self)
        delays = self._delays
        if delays is None:
            delays = uniform_delays(self._order, self._lag)
        return delayed_names(self, delays, input_features)
