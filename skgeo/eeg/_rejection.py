"""Rejection of bad trials by their distance from the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import BaseEstimator, TrialsMixin
from skgeo.eeg._filter_bank import FILTER_RULES
from skgeo.eeg._solvers import riemann
from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    augmented_covariances,
    embedding_window,
)
from skgeo.eeg._solvers.filters import bandpass, check_band
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, Real, SequenceOf, Unused, check_params
from skgeo.utils.warn import warn_user

__all__ = ["TrialRejector"]

_MAX_ROUNDS = 20

# Score of a trial that has no covariance.
_FLAT_SCORE = 1e3
_SETTINGS = CovarianceSettings()


class TrialRejector(TransformerMixin, TrialsMixin, BaseEstimator):
    """Find trials with artifacts by the distance of their covariances from the mean.

    The method is the Riemannian potato, on augmented covariances: the logarithms of
    the distances of clean trials to their mean are about normal, so a trial far out in
    their distribution is not clean. The mean and the distribution are computed from the
    trials that are kept, and the trials chosen anew, in turns. With several bands each
    has its own potato, and their combined tail probability decides: an eye blink and a
    clenched jaw show in different bands.

    Parameters
    ----------
    threshold : float, default=3.0
        Robust standard deviations above the median at which a trial is rejected.
    order : int, default=1
        Number of delayed copies of each channel in the covariances.
    lag : int, default=4
        Delay between copies, in samples.
    sfreq : float or None, default=None
        Sampling frequency in Hz, for ``bands``.
    bands : sequence of (float, float) or None, default=None
        Bands in Hz, one potato each. None takes the trials as they are.

    Attributes
    ----------
    references_ : list of ndarray of shape (order * n_channels, order * n_channels)
        Mean of the kept trials, per band.
    centers_, spreads_ : ndarray of shape (n_bands,)
        Median and robust standard deviation of the logarithms of their distances.
    kept_ : ndarray of bool of shape (n_trials,)
        Training trials that were kept.
    n_channels_in_ : int
        Number of channels seen in fit.
    channel_names_in_ : ndarray of str
        Their names, if fit saw ``mne.Epochs``.
    n_times_in_ : int
        Number of times a trial had in fit.

    See Also
    --------
    StreamDecoder : Takes one, for its windows.

    Notes
    -----
    Means and standard deviations of the potato are replaced by medians and median
    absolute deviations, which a fifth of bad trials does not move much.

    References
    ----------
    Barachant, Andreev and Congedo, "The Riemannian potato", TOBI Workshop IV (2013),
    19-20. The field: Barthelemy, Mayaud, Ojeda and Congedo, IEEE Trans. Neural
    Systems and Rehabilitation Engineering 27 (2019), 244-255.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import TrialRejector
    >>> X = np.random.default_rng(0).standard_normal((40, 3, 200))
    >>> X[7, 1] *= 10.0
    >>> rejector = TrialRejector().fit(X)
    >>> np.flatnonzero(~rejector.predict(X)).tolist()
    [7]
    """

    _param_rules = {
        "threshold": Real(0.0, closed="neither"),
        "order": Integer(1),
        "lag": Integer(1),
        "sfreq": Null() | Real(0.0, closed="neither"),
        "bands": Null() | SequenceOf(FILTER_RULES["band"]),
    }
    _unused_params = (
        Unused("lag", lambda p: p.order == 1, "order is 1"),
        Unused("sfreq", lambda p: p.bands is None, "bands is None"),
    )

    def __init__(
        self,
        threshold: float = 3.0,
        *,
        order: int = 1,
        lag: int = 4,
        sfreq: float | None = None,
        bands: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        self.threshold = threshold
        self.order = order
        self.lag = lag
        self.sfreq = sfreq
        self.bands = bands

    def fit(self, X: ArrayLike, y: None = None) -> "TrialRejector":
        """Find the mean of clean trials and how far they lie from it.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, most of them clean.
        y : None
            Ignored.

        Returns
        -------
        self : TrialRejector
            The fitted rejector.

        Warns
        -----
        UserWarning
            If more than a third of the trials is rejected: then the mean cannot be
            trusted.
        """
        params = check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        self._threshold, self._embedding = params.threshold, (params.order, params.lag)
        self._bands = [None]
        if params.bands is not None:
            if params.sfreq is None:
                raise ValueError("bands are in Hz: give sfreq.")
            self._sfreq = params.sfreq
            self._bands = [check_band(b, params.sfreq, "bands") for b in params.bands]
        embedding_window(X.shape[2], params.order, params.lag, _SETTINGS)
        alive = self._varying(X)
        if alive.sum() < 2:
            raise ValueError(
                "X holds fewer than 2 trials in which a channel varies: there is "
                "nothing to compare trials with."
            )
        sets = list(self._covariances(X[alive]))
        kept = np.ones(alive.sum(), dtype=bool)
        with single_blas_thread():
            for _ in range(_MAX_ROUNDS):
                self._learn(sets, kept)
                found = self._combined(self._scores(sets)) <= params.threshold
                if found.sum() < 2 or (found == kept).all():
                    break
                kept = found
        self.kept_ = np.zeros(len(X), dtype=bool)
        self.kept_[alive] = kept
        if self.kept_.mean() < 2 / 3:
            warn_user(
                f"TrialRejector rejects {int((~self.kept_).sum())} of {len(X)} trials: "
                "with so few clean ones their mean cannot be trusted. Look at the "
                "recording, or raise threshold."
            )
        return self

    @staticmethod
    def _varying(X):
        return (np.ptp(X, axis=2) > 0).any(axis=1)

    def _covariances(self, X):
        for band in self._bands:
            signal = X if band is None else bandpass(X, self._sfreq, band)
            yield augmented_covariances(signal, *self._embedding, _SETTINGS)

    def _learn(self, sets, kept):
        self._whiteners, centers, spreads = [], [], []
        for matrices in sets:
            result = riemann.riemann_mean(matrices[kept], tol=1e-4)
            logs = _log_distances(matrices[kept], result.x)
            center = np.median(logs)
            # 1.4826: the median absolute deviation of a normal distribution.
            spread = 1.4826 * np.median(np.abs(logs - center))
            self._whiteners.append(result.x)
            centers.append(center)
            spreads.append(max(spread, 1e-3))
        self.centers_, self.spreads_ = np.array(centers), np.array(spreads)
        self.references_ = []
        for W in self._whiteners:
            root = np.linalg.inv(W)
            self.references_.append(root @ root.T)

    def _scores(self, sets):
        logs = [
            _log_distances(matrices, W)
            for matrices, W in zip(sets, self._whiteners, strict=True)
        ]
        return (np.column_stack(logs) - self.centers_) / self.spreads_

    @staticmethod
    def _combined(scores):
        """One score for the field, by Fisher's combination of tail probabilities."""
        if scores.shape[1] == 1:
            return scores[:, 0]
        statistic = -2.0 * norm.logsf(scores).sum(1)
        tail = chi2.sf(statistic, 2 * scores.shape[1])
        return np.minimum(-norm.ppf(tail), _FLAT_SCORE)  # the tail may be zero

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute how far trials lie out, band by band.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        scores : ndarray of shape (n_trials, n_bands)
            Robust standard deviations above the median; 1000 for trials in which no
            channel varies.
        """
        check_is_fitted(self)
        X = self._check_trials(X, reset=False)
        alive = self._varying(X)
        scores = np.full((len(X), len(self._bands)), _FLAT_SCORE)
        if alive.any():
            with single_blas_thread():
                scores[alive] = self._scores(self._covariances(X[alive]))
        return scores

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Compute what is left to the threshold.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        margin : ndarray of shape (n_trials,)
            Threshold minus combined score; negative for bad trials.
        """
        scores = self.transform(X)
        return self._threshold - self._combined(scores)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Tell clean trials.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        clean : ndarray of bool of shape (n_trials,)
            False for trials to reject.
        """
        return self.decision_function(X) >= 0

    def _check_window(self, n_times):
        """Refuse windows that could never be judged, before a stream begins."""
        check_is_fitted(self)
        embedding_window(n_times, *self._embedding, _SETTINGS)

    def sample_weight(self, X: ArrayLike) -> np.ndarray:
        """Weights for the ``fit`` of a classifier.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        weight : ndarray of shape (n_trials,)
            1 for clean trials and 0 for those to reject.
        """
        return self.predict(X).astype(float)

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the scores after their bands.

        Parameters
        ----------
        input_features : sequence of str, optional
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (n_bands,)
            ``score`` or ``score8-12`` for a band from 8 to 12 Hz.
        """
        check_is_fitted(self)
        names = [
            "score" if band is None else "score{:g}-{:g}".format(*band)
            for band in self._bands
        ]
        return np.asarray(names, dtype=object)


def _log_distances(matrices, W):
    distances = riemann.distances_to(matrices, W)
    return np.log(np.maximum(distances, 1e-12))
