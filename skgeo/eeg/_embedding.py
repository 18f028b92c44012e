"""Delay embedding of trials."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import ArrayOutputMixin, BaseEstimator, TrialsMixin
from skgeo.eeg._solvers.lagged import check_window, embed
from skgeo.utils.params import Integer, OneOf, check_params

__all__ = ["DelayEmbedding", "delayed_names"]

EDGES = OneOf("valid", "moabb", "wrap")


def delayed_names(estimator, delays, input_features):
    """Name delayed copies of channels.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator of trials.
    delays : sequence of int
        Delays in samples.
    input_features : sequence of str or None
        Names of the channels.

    Returns
    -------
    names : ndarray of str of shape (n_delays * n_channels,)
        Names, delay by delay.

    Raises
    ------
    ValueError
        If there is not one name for each channel.
    """
    c = estimator.n_channels_in_
    if input_features is None:
        # What the next step would call them: a pipeline's names then agree.
        return np.asarray([str(i) for i in range(len(delays) * c)], dtype=object)
    channels = list(map(str, input_features))
    if len(channels) != c:
        raise ValueError(f"input_features has {len(channels)} names for {c} channels.")
    return np.asarray(
        [f"{name}+{delay}" if delay else name for delay in delays for name in channels],
        dtype=object,
    )


class DelayEmbedding(  # type: ignore[call-arg]
    ArrayOutputMixin,
    TransformerMixin,
    TrialsMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
    """Stack delayed copies of the channels of each trial.

    Block row ``i`` of an embedded trial holds the channels advanced by ``i * lag``
    samples, ``z(t) = [x(t); x(t + lag); ...; x(t + (order - 1) lag)]``.

    Parameters
    ----------
    order : int, default=1
        Number of copies, the embedding dimension per channel.
    lag : int, default=1
        Delay between copies, in samples. Ignored at order 1.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        What happens at the ends of a trial. ``"valid"`` keeps every complete delay
        vector, ``n_times - (order - 1) * lag`` samples. ``"moabb"`` is the slice of
        MOABB's ``AugmentedDataset``, ``lag`` samples shorter. ``"wrap"`` is the
        circular shift of pyriemann's ``TimeDelayCovariances``: all samples are kept
        and block row ``i`` is *delayed* by ``i * lag``.

    Attributes
    ----------
    n_channels_in_ : int
        Number of channels seen in fit.
    n_times_in_ : int
        Number of times a trial had in fit.

    See Also
    --------
    AugmentedCovariances : Covariances of the embedded trials, without embedding them.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import DelayEmbedding
    >>> X = np.arange(12.0).reshape(1, 2, 6)
    >>> DelayEmbedding(order=2, lag=2).fit_transform(X)[0]
    array([[ 0.,  1.,  2.,  3.],
           [ 6.,  7.,  8.,  9.],
           [ 2.,  3.,  4.,  5.],
           [ 8.,  9., 10., 11.]])
    """

    _param_rules = {"order": Integer(1), "lag": Integer(1), "edge": EDGES}

    def __init__(self, order: int = 1, lag: int = 1, *, edge: str = "valid") -> None:
        self.order = order
        self.lag = lag
        self.edge = edge

    def fit(self, X: ArrayLike, y: None = None) -> "DelayEmbedding":
        """Check the trials; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, or ``mne.Epochs``.
        y : None
            Ignored.

        Returns
        -------
        self : DelayEmbedding
            The fitted transformer.
        """
        params = check_params(self)
        X = self._check_trials(X, reset=True)
        check_window(X.shape[2], params.order, params.lag, params.edge)
        self._delays = tuple(i * params.lag for i in range(params.order))
        self._edge = params.edge
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Embed trials.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        Z : ndarray of shape (n_trials, order * n_channels, n_embedded_times)
            Embedded trials.
        """
        check_is_fitted(self)
        X = self._check_trials(X, reset=False)
        order, lag = len(self._delays), self._delays[1] if len(self._delays) > 1 else 1
        n_window = check_window(X.shape[2], order, lag, self._edge)
        return embed(X, self._delays, n_window, wrap=self._edge == "wrap")

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the rows of the embedded trials after channels and delays.

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
        return delayed_names(self, self._delays, input_features)
