"""Remedies for the spread that ensembles lose: relaxation and adaptive inflation."""

import numpy as np

__all__ = ["AdaptiveInflation", "relax"]


def relax(before, after, rtpp, rtps):
    """Relax anomalies of an analysis to those of the forecast.

    Parameters
    ----------
    before, after : ndarray of shape (n_members, n_features)
        Anomalies.
    rtpp : float
        Part of the perturbations kept from the forecast (Zhang, Snyder, Sun, Mon.
        Weather Rev. 132, 1238, 2004).
    rtps : float
        Part of the lost spread that is restored (Whitaker, Hamill, Mon. Weather Rev.
        140, 3078, 2012).

    Returns
    -------
    anomalies : ndarray of shape (n_members, n_features)
        The relaxed ones.
    """
    if rtpp:
        after = (1 - rtpp) * after + rtpp * before
    if rtps:
        wide, narrow = before.std(axis=0), after.std(axis=0)
        ratio = np.divide(wide, narrow, out=np.ones_like(wide), where=narrow > 0)
        after = after * (1 + rtps * (ratio - 1))
    return after


class AdaptiveInflation:
    """Factor of the forecast covariance, followed from innovations.

    Innovations vary by the error of the observations plus that of the forecast; what
    the ensemble lacks of this is an estimate of the factor, which a scalar Kalman
    filter smooths in time (Miyoshi, Mon. Weather Rev. 139, 1519, 2011, with one factor
    for the whole state).

    Parameters
    ----------
    drift : float, default=0.01
        Standard deviation of the change of the factor from one analysis to the next.
    spread : float, default=0.2
        Standard deviation of the factor about one, to begin with.
    """

    def __init__(self, drift=0.01, spread=0.2):
        self.factor, self.variance, self.drift = 1.0, spread**2, drift

    def update(self, HA, d):
        """Learn from whitened anomalies (n_members, n_obs) and innovations."""
        n_obs = len(d)
        spread = np.sum(HA**2) / ((len(HA) - 1) * n_obs)
        if not spread > 0 or not np.isfinite(spread):
            return self.factor
        observed = (np.mean(d**2) - 1) / spread
        error = 2 / n_obs * ((self.factor * spread + 1) / spread) ** 2
        if np.isfinite(observed) and np.isfinite(error):
            variance = self.variance + self.drift**2
            weight = variance / (variance + error)
            self.variance = (1 - weight) * variance
            self.factor += weight * (observed - self.factor)
        self.factor = float(np.clip(self.factor, 1.0, 10.0))
        return self.factor
