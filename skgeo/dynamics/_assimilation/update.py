"""How one observation updates an ensemble."""

import numpy as np

from skgeo.dynamics._assimilation.inflation import AdaptiveInflation, relax
from skgeo.dynamics._assimilation.updates import (
    local_update,
    localized_gain,
    mean_increment,
    normalized_innovation,
    stochastic_update,
    transform_update,
)
from skgeo.kernels.serial_filter import serial_update

__all__ = ["Update"]


class Update:
    """Analysis of one observation: ``update(ensemble, y, rng)``.

    Missing observations are NaN.

    Parameters
    ----------
    operator, whitener : Operator, Whitener
        What is observed, and its error.
    localization : Localization or None
        Which observations reach which components.
    solver : {"etkf", "stochastic", "serial"}
        Update of the members.
    inflation : float or AdaptiveInflation
        Factor of the forecast covariance.
    rtpp, rtps : float
        Relaxation to the perturbations and to the spread of the forecast.
    """

    def __init__(
        self, operator, whitener, localization, solver, inflation, rtpp=0.0, rtps=0.0
    ):
        self.operator, self.whitener = operator, whitener
        self.localization, self.solver = localization, solver
        self.inflation, self.rtpp, self.rtps = inflation, rtpp, rtps

    def _observe(self, E, y):
        """Whitened anomalies and innovation of what is not missing."""
        images = self.operator(E)
        mean_obs = images.mean(axis=0)
        HA, d = images - mean_obs, y - mean_obs
        whitener, localization = self.whitener, self.localization
        seen = ~np.isnan(y)
        if not seen.all():
            HA, d, whitener = HA[:, seen], d[seen], whitener.subset(seen)
            if localization is not None:
                localization = localization.subset(seen)
        return whitener.whiten(HA), whitener.whiten(d[None])[0], localization, seen

    def factor(self):
        """Inflation in force."""
        if isinstance(self.inflation, AdaptiveInflation):
            return self.inflation.factor
        return self.inflation

    def __call__(self, E, y, rng):
        """Return the analysis ensemble and the consistency of the innovation."""
        HA, d, localization, seen = self._observe(E, y)
        if len(d) == 0:
            return E, np.nan
        if isinstance(self.inflation, AdaptiveInflation):
            self.inflation.update(HA, d)
        root = np.sqrt(self.factor())
        mean = E.mean(axis=0)
        before = E - mean
        HA = root * HA
        ratio = self._ratio(HA, d)
        if self.solver == "stochastic":
            A = root * before
            gain = None
            if localization is not None:
                gain = localized_gain(A, HA, *localization.matrices())
            draws = rng.standard_normal(HA.shape)
            E = stochastic_update(mean + A, HA, d, draws, gain)
            if self.rtpp or self.rtps:
                mean = E.mean(axis=0)
                E = mean + relax(before, E - mean, self.rtpp, self.rtps)
            return E, ratio
        if self.solver == "serial":
            mean, A = self._serial(mean, root * before, HA, d, localization, seen)
        elif localization is None:
            mean, A = transform_update(mean, root * before, HA, d)
        else:
            mean, A = local_update(mean, root * before, HA, d, localization.nearby)
        return mean + relax(before, A, self.rtpp, self.rtps), ratio

    def _ratio(self, HA, d):
        if self.localization is None:
            return normalized_innovation(HA, d[None])
        # Per observation: the ensemble knows no covariance of distant ones.
        variance = np.sum(HA**2, axis=0) / (len(HA) - 1) + 1
        return float(np.mean(d**2 / variance))

    def _serial(self, mean, A, HA, d, localization, seen):
        """One observation after the other, where errors are independent."""
        whitener, operator = self.whitener, self.operator
        if whitener.std is None:
            raise ValueError(
                "solver='serial' takes observations one by one and needs independent "
                "errors: pass standard deviations as obs_noise, or use solver='etkf'."
            )
        n_features, n_obs = A.shape[1], len(d)
        index = None
        if operator.kind == "identity":
            index = np.flatnonzero(seen)
        elif operator.kind == "index":
            index = operator.index[seen]
        if index is None:
            rows = n_features + np.arange(n_obs)
            scales = np.ones(n_obs)
            anomalies = np.ascontiguousarray(np.concatenate([A.T, HA.T]))
            means = np.concatenate([mean, np.zeros(n_obs)])
        else:
            rows = index
            scales = np.broadcast_to(whitener.std, len(seen))[seen].copy()
            anomalies, means = np.ascontiguousarray(A.T), mean.copy()
        radius, shape, periodic, spots = np.inf, (1, n_features), True, None
        if localization is not None:
            radius, shape = localization.radius, localization.shape
            periodic, spots = localization.periodic, localization.spots
        points = shape[0] * shape[1]
        if spots is None:
            spots = np.zeros((n_obs, 2))
        # Grid point of every row: components, then further observed quantities.
        place = np.arange(n_features) % points
        if index is None:
            near = np.rint(spots).astype(np.intp)
            near = near[:, 0] % shape[0] * shape[1] + near[:, 1] % shape[1]
            place = np.concatenate([place, near])
        members = np.argsort(place, kind="stable")
        starts = np.searchsorted(place[members], np.arange(points + 1))
        serial_update(
            anomalies,
            means,
            np.ascontiguousarray(rows, dtype=np.int64),
            scales,
            means[rows] + d * scales,
            np.ascontiguousarray(spots),
            radius,
            np.array(shape, dtype=np.int64),
            periodic,
            starts.astype(np.int64),
            members.astype(np.int64),
        )
        return means[:n_features], anomalies[:n_features].T

    def mean(self, E, y):
        """Return the analysis mean only."""
        std = self.whitener.std
        simple = self.localization is None and self.operator.kind == "identity"
        root = np.sqrt(self.factor())
        if simple and std is not None and np.ndim(std) == 0 and not np.isnan(y).any():
            scale = float(std) / root
            if 1e-100 < scale < 1e100:  # its square is a normal number
                mean = E.mean(axis=0)
                A = E - mean
                return mean + mean_increment(A, A, (y - mean)[None], scale**2)[0]
        HA, d, localization, seen = self._observe(E, y)
        mean = E.mean(axis=0)
        if len(d) == 0:
            return mean
        A, HA = root * (E - mean), root * HA
        if self.solver == "serial":
            return self._serial(mean, A, HA, d, localization, seen)[0]
        if localization is None:
            return mean + mean_increment(A, HA, d[None])[0]
        if self.solver == "etkf":
            return local_update(mean, A, HA, d, localization.nearby)[0]
        return mean + localized_gain(A, HA, *localization.matrices()) @ d
