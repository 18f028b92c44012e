"""The base of every estimator, and mixins for input that is not a 2-D table."""

from typing import Self

import numpy as np
import sklearn.base

from skgeo.utils.validation import check_matrices, check_trials, read_trials

__all__ = ["ArrayOutputMixin", "BaseEstimator", "MatricesMixin", "TrialsMixin"]


class BaseEstimator(sklearn.base.BaseEstimator):
    """scikit-learn's base, with links from the HTML representation to our pages."""

    _doc_link_module = "skgeo"
    _doc_link_template = (
        "https://skgeo.readthedocs.io/en/latest/api/generated/"
        "{estimator_module}.{estimator_name}.html"
    )


class ArrayOutputMixin:
    """For transformers of 3-D output, which stays an array; goes before others."""

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the output is 3-D and stays an array.

        Parameters
        ----------
        transform : str or None, default=None
            Ignored; here so that pipelines with 2-D steps can set it.

        Returns
        -------
        self : object
            The transformer.
        """
        return self


class _ThreeDimensional:
    """Tags of an estimator of 3-D input."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class TrialsMixin(_ThreeDimensional):
    """For estimators of trials, shape (n_trials, n_channels, n_times)."""

    def _check_trials(self, X, *, reset, min_trials=1, filters=False):
        """Validate trials; with ``reset`` remember their numbers of channels, times.

        The number of times may differ from the fitted one, because covariances of
        longer or shorter windows of the same channels are comparable. Channels of
        ``mne.Epochs`` are found by their names, whatever their order.
        """
        wanted = None if reset else getattr(self, "channel_names_in_", None)
        X, names, sfreq = read_trials(X, wanted=wanted)
        self._check_rate(sfreq, reset)
        X = check_trials(
            X,
            n_channels=None if reset else self.n_channels_in_,
            min_trials=min_trials,
            filters=filters,
        )
        if reset:
            self.n_channels_in_, self.n_times_in_ = X.shape[1:3]
            if names is not None:
                self.channel_names_in_ = np.asarray(names, dtype=object)
            elif hasattr(self, "channel_names_in_"):
                del self.channel_names_in_
        return X

    def _check_rate(self, sfreq, reset):
        """Refuse epochs of another sampling frequency than parameters or fit had."""
        if reset:
            self._epochs_sfreq = sfreq
        for said, source in (
            (getattr(self, "sfreq", None), "sfreq is"),
            (self._epochs_sfreq, "the epochs of fit had"),
        ):
            known = sfreq is not None and said is not None
            if known and abs(float(said) - sfreq) > 1e-3 * sfreq:
                raise ValueError(
                    f"The epochs of X have {sfreq:g} Hz and {source} {said:g} Hz: "
                    "delays and filters would mean something else. Resample them."
                )


class MatricesMixin(_ThreeDimensional):
    """For estimators of SPD matrices, shape (n_matrices, n_channels, n_channels)."""

    def _check_matrices(self, X, *, reset, min_matrices=1):
        """Validate matrices; with ``reset`` remember their size."""
        n_channels = None if reset else self.n_channels_in_
        X = check_matrices(X, n_channels=n_channels, min_matrices=min_matrices)
        if reset:
            self.n_channels_in_ = X.shape[1]
        return X
