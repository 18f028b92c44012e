"""Delay embedding of trials."""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import TrialsMixin
from skgeo.eeg._solvers.lagged import embed, window_length
from skgeo.utils.params import Integer, OneOf, check_params

__all__ = ["DelayEmbedding", "check_window"]

EDGES = OneOf("valid", "moabb", "wrap")


def check_window(n_times, order, lag, edge):
    """Return the number of embedded samples, or say why there are too few.

    Parameters
    ----------
    n_times : int
        Samples in a trial.
    order, lag : int
        Embedding.
    edge : {"valid", "moabb", "wrap"}
        Edge rule.

    Returns
    -------
    n_window : int
        Number of embedded samples, at least 2.

    Raises
    ------
    ValueError
        If fewer than two samples are left, or a circular shift is a full turn.
    """
    n_window = window_length(n_times, order, lag, edge)
    if n_window < 2:
        raise ValueError(
            f"order={order} and lag={lag} need more than the {n_times} times a trial "
            f"has: edge={edge!r} leaves {max(n_window, 0)} embedded samples and at "
            "least 2 are required. Lower order or lag, or pass longer trials."
        )
    if edge == "wrap" and (order - 1) * lag >= n_times:
        raise ValueError(
            f"order={order} and lag={lag} span {(order - 1) * lag} samples, which "
            f"wraps around a trial of {n_times} times more than once. Lower order "
            "or lag."
        )
    return n_window


class DelayEmbedding(TransformerMixin, TrialsMixin, BaseEstimator):
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

    def __init__(self, order=1, lag=1, *, edge="valid"):
        self.order = order
        self.lag = lag
        self.edge = edge

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
        self : DelayEmbedding
            The fitted transformer.
        """
        check_params(self)
        X = self._check_trials(X, reset=True)
        check_window(X.shape[2], self.order, self.lag, self.edge)
        return self

    def transform(self, X):
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
        n_window = check_window(X.shape[2], self.order, self.lag, self.edge)
        delays = [i * self.lag for i in range(self.order)]
        return embed(X, delays, n_window, wrap=self.edge == "wrap")
