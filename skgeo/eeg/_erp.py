"""Covariances of trials beside the responses they are expected to show."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import ArrayOutputMixin, BaseEstimator, TrialsMixin
from skgeo.eeg._solvers import lagged
from skgeo.eeg._solvers.erp import prototype_scatter, xdawn_filters
from skgeo.utils.amplitudes import (
    channel_amplitudes,
    warn_other_amplitudes,
    warn_unlike_channels,
)
from skgeo.utils.doubts import warn_doubtful_trials
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, OneOf, Real, Unused, check_params
from skgeo.utils.validation import (
    check_sample_weight,
    check_trials_y,
)

__all__ = ["ERPAugmentedCovariances"]

# Filters have the inverse unit of the signal, which must be a number too.
_MAX_EXPONENT = 1000


class ERPAugmentedCovariances(  # type: ignore[call-arg]
    ArrayOutputMixin,
    TransformerMixin,
    TrialsMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
    """Covariances of trials stacked under the mean responses of the classes.

    A response that is locked to a stimulus lies in the phase of a trial, to which
    covariances are blind. Stacked under the mean response of each class, a trial shows
    in its covariance how much of each response it holds. Xdawn filters choose few
    directions in which responses stand out; delayed copies of the filtered trial, but
    not of the responses, add information on the spectrum of the trial.

    Parameters
    ----------
    n_filters : int or None, default=4
        Xdawn filters per class, at most as many as there are channels. None uses the
        channels themselves.
    order : int, default=1
        Number of copies of the filtered trial. 2 helps where a class changes ongoing
        oscillations, and costs a little where it does not.
    lag : float, default=0.06
        Delay between copies: seconds with ``sfreq``, otherwise a whole number of
        samples.
    sfreq : float or None, default=None
        Sampling frequency in Hz.
    shrinkage : {"auto", "diagonal"}, None or float in [0, 1], default="auto"
        Shrinkage of the covariances, see :class:`AugmentedCovariances`. Filtered
        signals have no unit, so the scaled identity suits them; with
        ``n_filters=None`` take ``"diagonal"`` for channels of unlike units.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    filters_ : ndarray of shape (n_rows, n_channels)
        Filters, class by class.
    patterns_ : ndarray of shape (n_rows, n_channels)
        Their patterns: what one unit of a filtered signal looks like at the channels.
    prototypes_ : ndarray of shape (n_rows, n_times)
        Filtered mean responses, class by class.
    n_channels_in_ : int
        Number of channels seen in fit.
    channel_names_in_ : ndarray of str
        Their names, if fit saw ``mne.Epochs``.
    n_times_in_ : int
        Number of times a trial has.

    Raises
    ------
    ValueError
        If the input is not what is described or a trial does not vary.

    See Also
    --------
    TangentMap : Tangent vectors of the covariances, for a logistic regression.
    AugmentedCovarianceClassifier : For rhythms, which have no fixed phase.

    References
    ----------
    Barachant and Congedo, arXiv:1409.0107 (2014). Xdawn: Rivet, Souloumiac, Attina and
    Gibert, IEEE Trans. Biomedical Engineering 56 (2009), 2035-2043.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skgeo.eeg import ERPAugmentedCovariances, TangentMap
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(80) % 4 == 0
    >>> X = rng.standard_normal((80, 4, 100))
    >>> X[y, :2, 30:60] += 2 * np.hanning(30)
    >>> model = make_pipeline(
    ...     ERPAugmentedCovariances(n_filters=2), TangentMap(), LogisticRegression()
    ... )
    >>> bool(model.fit(X[:60], y[:60]).score(X[60:], y[60:]) > 0.9)
    True
    """

    _param_rules = {
        "n_filters": Null() | Integer(1),
        "order": Integer(1),
        "lag": Real(0.0, closed="neither"),
        "sfreq": Null() | Real(0.0, closed="neither"),
        "shrinkage": OneOf("auto", "diagonal") | Null() | Real(0.0, 1.0),
    }
    _unused_params = (Unused(("lag", "sfreq"), lambda p: p.order == 1, "order is 1"),)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def __init__(
        self,
        n_filters: int | None = 4,
        *,
        order: int = 1,
        lag: float = 0.06,
        sfreq: float | None = None,
        shrinkage: str | float | None = "auto",
    ) -> None:
        self.n_filters = n_filters
        self.order = order
        self.lag = lag
        self.sfreq = sfreq
        self.shrinkage = shrinkage

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "ERPAugmentedCovariances":
        """Learn filters and mean responses.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, band-passed to about 1-20 Hz, cut alike around the stimulus, or
            ``mne.Epochs``.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials.

        Returns
        -------
        self : ERPAugmentedCovariances
            The fitted transformer.
        """
        self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        params = check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        warn_unlike_channels(X, self)
        warn_doubtful_trials(X)
        self.classes_, codes = check_trials_y(y, X)
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        totals = np.bincount(codes, weights=weight)
        if not (totals > 0).all():
            raise ValueError("sample_weight is zero for every trial of a class.")
        self._amplitudes = channel_amplitudes(X)
        self._order, self._lag = params.order, self._samples(params)
        self._shrinkage = params.shrinkage
        # Shared by all channels, so that the filters are those of any unit.
        self._exponent = int(np.frexp(np.abs(X).max())[1])
        if abs(self._exponent) > _MAX_EXPONENT:
            raise ValueError(
                f"X has amplitudes around 2**{self._exponent}, at the end of floating "
                "point. Rescale the trials."
            )
        scaled = np.ldexp(X, -self._exponent)
        means = [
            np.tensordot(weight[codes == k] / totals[k], scaled[codes == k], axes=1)
            for k in range(len(self.classes_))
        ]
        c = X.shape[1]
        with single_blas_thread():
            if params.n_filters is None:
                self.filters_, self.patterns_ = np.eye(c), np.eye(c)
                self.prototypes_ = np.concatenate(means)
            else:
                n_filters = min(params.n_filters, c)
                found = xdawn_filters(scaled, means, weight, n_filters)
                self.filters_ = np.ldexp(found[0], -self._exponent)
                self.patterns_ = np.ldexp(found[1], self._exponent)
                self.prototypes_ = np.concatenate(
                    [
                        found[0][k * n_filters : (k + 1) * n_filters] @ mean
                        for k, mean in enumerate(means)
                    ]
                )
        return X

    def _samples(self, params):
        """Lag in samples."""
        if params.order == 1:
            return 1
        if params.sfreq is not None:
            return max(1, round(params.lag * params.sfreq))
        if not float(params.lag).is_integer():
            raise ValueError(
                f"lag={params.lag!r} is a number of samples, and whole, as long as "
                "sfreq is not given. Give sfreq for a lag in seconds."
            )
        return int(params.lag)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute the covariances of trials under the mean responses.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, as long as those of fit.

        Returns
        -------
        C : ndarray of shape (n_trials, n_rows, n_rows)
            Covariances: responses first, then the filtered trial and its copies.
        """
        check_is_fitted(self)
        X = self._check_trials(X, reset=False)
        names = getattr(self, "channel_names_in_", None)
        warn_other_amplitudes(channel_amplitudes(X), self._amplitudes, names)
        return self._covariances(X)

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> np.ndarray:
        """Fit and transform the same trials.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials.

        Returns
        -------
        C : ndarray of shape (n_trials, n_rows, n_rows)
            Covariances.
        """
        return self._covariances(self._fit(X, y, sample_weight))

    def _covariances(self, X):
        if X.shape[2] != self.n_times_in_:
            raise ValueError(
                f"X has {X.shape[2]} times a trial and the mean responses of fit "
                f"{self.n_times_in_}. Cut all trials alike around the stimulus."
            )
        n_window = lagged.check_window(X.shape[2], self._order, self._lag, "valid")
        flat = np.flatnonzero((np.ptp(X, axis=2) == 0).all(1))
        if len(flat):
            raise ValueError(
                f"X holds {len(flat)} trial(s) in which no channel varies (first at "
                f"index {flat[0]}): they have no covariance. Drop them."
            )
        filters, exponent = self.filters_, 0
        if self.n_filters is None:
            exponent = self._exponent
            X = np.ldexp(X, -exponent)
        with single_blas_thread():
            C = prototype_scatter(
                filters @ X, self.prototypes_, self._order, self._lag, n_window
            )
        C /= n_window
        if self._shrinkage == "auto":
            lagged.shrink(C, lagged.oas_shrinkage(C, n_window), out=C)
        elif self._shrinkage == "diagonal":
            lagged.shrink_to_diagonal(C, n_window, out=C)
        elif self._shrinkage:
            lagged.shrink(C, self._shrinkage, out=C)
        return np.ldexp(C, 2 * exponent)

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Number the rows of the covariances.

        Parameters
        ----------
        input_features : sequence of str, optional
            Ignored: rows are filters, not channels.

        Returns
        -------
        names : ndarray of str of shape (n_rows,)
            ``"0"``, ``"1"``, ...
        """
        check_is_fitted(self)
        n_rows = len(self.prototypes_) + self._order * len(self.filters_)
        return np.asarray([str(i) for i in range(n_rows)], dtype=object)
