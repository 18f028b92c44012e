"""What a filter makes of a trajectory."""

from dataclasses import dataclass

import numpy as np

__all__ = ["FilteredTrajectory"]


@dataclass(frozen=True, slots=True)
class FilteredTrajectory:
    """Analyses of a trajectory, from ``EnsembleKalmanFilter.filter_trajectory``.

    Attributes
    ----------
    mean, std : ndarray of shape (n_times, n_features)
        Mean and standard deviation of the members after each analysis.
    forecast_mean, forecast_std : ndarray of shape (n_times, n_features)
        The same before each analysis.
    ensemble : ndarray of shape (n_members, n_features)
        Members after the last analysis.
    innovation_variance_ratio : ndarray of shape (n_times,)
        Squared innovations over what spread and noise explain, about one on average;
        NaN where nothing was observed.
    inflation : ndarray of shape (n_times,)
        Factor used in each analysis.
    """

    mean: np.ndarray
    std: np.ndarray
    forecast_mean: np.ndarray
    forecast_std: np.ndarray
    ensemble: np.ndarray
    innovation_variance_ratio: np.ndarray
    inflation: np.ndarray
