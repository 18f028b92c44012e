"""What clusterers with centers share: labels, distances and score of new points."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.cluster._solvers.groups import power_of_two_scale
from skgeo.utils.validation import check_sample_weight

__all__ = ["NearestCenters", "squared_distances"]


def squared_distances(X, centers):
    """Squared distances divided by the square of the second value."""
    unit = max(power_of_two_scale(X), power_of_two_scale(centers))
    return cdist(X / unit, centers / unit, "sqeuclidean"), unit


class NearestCenters(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Mixin of clusterers that keep their centers in float64 as ``_centers``."""

    def _squared_distances(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return squared_distances(np.asarray(X, dtype=np.float64), self._centers)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Assign points to the nearest cluster mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or, with ``metric="precomputed"``, their squared dissimilarities to
            the fitted ones.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster numbers.
        """
        return np.argmin(self._squared_distances(X)[0], axis=1).astype(np.int32)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute distances to the cluster means.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or, with ``metric="precomputed"``, their squared dissimilarities to
            the fitted ones.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Euclidean distances, in the units of the data.
        """
        squared, unit = self._squared_distances(X)
        distances = np.sqrt(squared) * unit
        return (
            distances.astype(getattr(X, "dtype", None) or np.float64)
            if (getattr(X, "dtype", None) == np.float32)
            else distances
        )

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Negative sum of squared distances to the nearest cluster mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_fitted)
            Points, or, with ``metric="precomputed"``, their squared dissimilarities to
            the fitted ones.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        score : float
            Minus the inertia of X.

        Raises
        ------
        ValueError
            If it is no floating-point number.
        """
        squared, unit = self._squared_distances(X)
        weight = check_sample_weight(sample_weight, len(squared), normalize=False)
        with np.errstate(over="ignore"):
            score = -float(np.float64(weight @ squared.min(axis=1)) * unit * unit)
        if not np.isfinite(score):
            raise ValueError(
                "The inertia of X overflows: its points are too far from the cluster "
                "means. Multiply the data by a constant, also in fit."
            )
        return score

    @property
    def _n_features_out(self):
        return self.n_clusters
