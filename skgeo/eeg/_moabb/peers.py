"""pyriemann's covariances, which say so when they are given a filter bank."""

from pyriemann import estimation

__all__ = ["Covariances", "ERPCovariances", "XdawnCovariances"]


def _check_ndim(X):
    ndim = getattr(X, "ndim", 3)
    if ndim != 3:
        shape = tuple(X.shape)
        raise ValueError(
            f"X of shape {shape} is {ndim}-D, and this pipeline takes 3-D trials, "
            "(n_trials, n_channels, n_times). Filter-bank paradigms give 4-D trials: "
            "take 'ACM(average)', which averages their filters, in "
            "skgeo.eeg.evaluate, or a paradigm with a single band."
        )


class Covariances(estimation.Covariances):
    """pyriemann's ``Covariances``, on 3-D trials only."""

    def fit(self, X, y=None):
        """Do nothing but check the number of dimensions."""
        _check_ndim(X)
        return super().fit(X, y)

    def transform(self, X):
        """Compute the covariances of trials."""
        _check_ndim(X)
        return super().transform(X)


class ERPCovariances(estimation.ERPCovariances):
    """pyriemann's ``ERPCovariances``, on 3-D trials only."""

    def fit(self, X, y):
        """Learn the mean responses."""
        _check_ndim(X)
        return super().fit(X, y)


class XdawnCovariances(estimation.XdawnCovariances):
    """pyriemann's ``XdawnCovariances``, on 3-D trials only."""

    def fit(self, X, y):
        """Learn filters and mean responses."""
        _check_ndim(X)
        return super().fit(X, y)
