"""Selection of channels by the distance between the classes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import ArrayOutputMixin, BaseEstimator, TrialsMixin
from skgeo.eeg._solvers import riemann
from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    augmented_covariances,
    embedding_window,
)
from skgeo.utils.amplitudes import warn_unlike_channels
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.doubts import warn_doubtful_trials
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, OneOf, Real, Unused, check_params
from skgeo.utils.validation import (
    check_sample_weight,
    check_trials_y,
)

__all__ = ["ChannelSelector"]


class ChannelSelector(  # type: ignore[call-arg]
    CallbackMixin,
    ArrayOutputMixin,
    TransformerMixin,
    TrialsMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
    """Keep the channels that hold the classes' augmented covariances apart.

    Backward elimination: of the channels that are left, the one goes without which the
    Riemannian distances between the means of the classes stay largest, summed over
    pairs of classes. A channel goes with all of its delayed copies.

    Parameters
    ----------
    n_channels : int, default=16
        Number of channels to keep.
    order : int, default=1
        Number of delayed copies of each channel in the covariances.
    lag : int, default=4
        Delay between copies, in samples.
    shrinkage : {"diagonal", "auto"}, None or float in [0, 1], default="diagonal"
        Shrinkage of the covariances, see :class:`AugmentedCovariances`. With
        ``"diagonal"`` the unit of a channel does not matter.

    Attributes
    ----------
    selected_ : ndarray of shape (n_kept,)
        Indices of the channels that are kept, ascending.
    eliminated_ : ndarray of shape (n_channels_in_ - n_kept,)
        Indices of the others, the first to go first.
    distances_ : ndarray of shape (n_channels_in_ - n_kept + 1,)
        Sum of the distances between the class means with all channels, and after each
        elimination. A steep fall says that a channel was needed.
    n_channels_in_ : int
        Number of channels seen in fit.
    channel_names_in_ : ndarray of str
        Their names, if fit saw ``mne.Epochs``.
    n_times_in_ : int
        Number of times a trial had in fit.

    See Also
    --------
    AugmentedCovarianceClassifier : Its ``channel_importance_`` tells what a fitted
        classifier responds to.

    Notes
    -----
    With ``order=1`` and ``shrinkage=None`` the channels are those of pyriemann's
    ``ElectrodeSelection``. Select inside of cross-validation, as a step of a pipeline:
    channels chosen with the labels of the test trials make scores too good.

    References
    ----------
    Barachant and Bonnet, "Channel selection procedure using Riemannian distance for
    BCI applications", IEEE EMBS Conference on Neural Engineering (2011), 348-351.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import ChannelSelector
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 2
    >>> X = rng.standard_normal((60, 6, 200))
    >>> X[y == 1, 2] *= 2.0
    >>> X[y == 1, 4] *= 0.5
    >>> ChannelSelector(n_channels=2).fit(X, y).selected_.tolist()
    [2, 4]
    """

    _param_rules = {
        "n_channels": Integer(1),
        "order": Integer(1),
        "lag": Integer(1),
        "shrinkage": OneOf("auto", "diagonal") | Null() | Real(0.0, 1.0),
    }
    _unused_params = (Unused("lag", lambda p: p.order == 1, "order is 1"),)

    def __init__(
        self,
        n_channels: int = 16,
        *,
        order: int = 1,
        lag: int = 4,
        shrinkage: str | float | None = "diagonal",
    ) -> None:
        self.n_channels = n_channels
        self.order = order
        self.lag = lag
        self.shrinkage = shrinkage

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "ChannelSelector":
        """Choose the channels.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, band-passed, or ``mne.Epochs``.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials in the means.

        Returns
        -------
        self : ChannelSelector
            The fitted transformer.

        Raises
        ------
        ValueError
            If X has fewer channels than are to be kept, or covariances are singular.
        """
        params = check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        warn_unlike_channels(X, self)
        warn_doubtful_trials(X)
        classes, codes = check_trials_y(y, X)
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        totals = np.bincount(codes, weights=weight, minlength=len(classes))
        if not (totals > 0).all():
            raise ValueError("sample_weight is zero for every trial of a class.")
        if params.n_channels > X.shape[1]:
            raise ValueError(
                f"n_channels={params.n_channels} are to be kept, but X has "
                f"{X.shape[1]} channels."
            )
        settings = CovarianceSettings(shrinkage=params.shrinkage)
        embedding_window(X.shape[2], params.order, params.lag, settings)
        with single_blas_thread():
            C = augmented_covariances(X, params.order, params.lag, settings)
            means = [
                self._mean(C[codes == k], weight[codes == k])
                for k in range(len(classes))
            ]
            n_steps = X.shape[1] - params.n_channels
            with self._iterations(
                n_steps, X=X, y=y, remedy="A smaller order shortens it."
            ) as tick:
                self._eliminate(means, params, tick)
        return self

    @staticmethod
    def _mean(C, weight):
        result = riemann.riemann_mean(C, weight / weight.sum(), tol=1e-6)
        riemann.warn_if_not_converged(result, 1e-6)
        half = np.linalg.inv(result.x)
        return half @ half.T

    def _eliminate(self, means, params, tick):
        """Eliminate channels until few enough are left, or a callback stops it."""
        c = len(means[0]) // params.order
        left, gone = list(range(c)), []
        distances = [_separation(means, left, c, params.order)]
        while len(left) > params.n_channels:
            rest = [[k for k in left if k != channel] for channel in left]
            found = [_separation(means, kept, c, params.order) for kept in rest]
            best = int(np.argmax(found))
            distances.append(found[best])
            gone.append(left[best])
            left = rest[best]
            if tick({"channels": left}):
                break
        self.selected_ = np.array(left)
        self.eliminated_ = np.array(gone, dtype=int)
        self.distances_ = np.array(distances)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Keep the selected channels.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        X : ndarray of shape (n_trials, n_kept, n_times)
            Trials of the selected channels.
        """
        check_is_fitted(self)
        return self._check_trials(X, reset=False)[:, self.selected_]

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the channels that are kept.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of all channels; those of fit, or ``"0"``, ``"1"``, ... by default.

        Returns
        -------
        names : ndarray of str of shape (n_kept,)
            Names.
        """
        check_is_fitted(self)
        if input_features is None:
            input_features = getattr(self, "channel_names_in_", None)
        if input_features is None:
            input_features = [str(i) for i in range(self.n_channels_in_)]
        if len(input_features) != self.n_channels_in_:
            raise ValueError(
                f"input_features has {len(input_features)} names for "
                f"{self.n_channels_in_} channels."
            )
        return np.asarray(input_features, dtype=object)[self.selected_]


def _separation(means, channels, n_channels, order):
    """Sum of the distances between means, on some channels and their copies."""
    rows = np.concatenate([np.array(channels) + k * n_channels for k in range(order)])
    parts = [mean[np.ix_(rows, rows)] for mean in means]
    return sum(
        np.linalg.norm(np.log(eigh(one, other, eigvals_only=True)))
        for one, other in combinations(parts, 2)
    )
