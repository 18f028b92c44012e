"""Mixins for estimators whose input is not a 2-D table."""

from skgeo.utils.validation import check_matrices, check_trials

__all__ = ["MatricesMixin", "TrialsMixin"]


class _ThreeDimensional:
    """Tags of an estimator of 3-D input."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class TrialsMixin(_ThreeDimensional):
    """For estimators of trials, shape (n_trials, n_channels, n_times)."""

    def _check_trials(self, X, *, reset, min_trials=1):
        """Validate trials; with ``reset`` remember their numbers of channels, times.

        The number of times may differ from the fitted one, because covariances of
        longer or shorter windows of the same channels are comparable.
        """
        n_channels = None if reset else self.n_channels_in_
        X = check_trials(X, n_channels=n_channels, min_trials=min_trials)
        if reset:
            self.n_channels_in_, self.n_times_in_ = X.shape[1:]
        return X


class MatricesMixin(_ThreeDimensional):
    """For estimators of SPD matrices, shape (n_matrices, n_channels, n_channels)."""

    def _check_matrices(self, X, *, reset, min_matrices=1):
        """Validate matrices; with ``reset`` remember their size."""
        n_channels = None if reset else self.n_channels_in_
        X = check_matrices(X, n_channels=n_channels, min_matrices=min_matrices)
        if reset:
            self.n_channels_in_ = X.shape[1]
        return X
