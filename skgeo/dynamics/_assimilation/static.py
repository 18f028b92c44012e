"""Static backgrounds of the ensemble Kalman filter, built from its parameters."""

import warnings

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from skgeo.dynamics._assimilation.backgrounds import (
    EnsembleBackground,
    SpectralBackground,
    WhiteBackground,
)
from skgeo.dynamics._assimilation.observation import Operator, Whitener, tapers

__all__ = ["StaticBackgroundMixin"]


class StaticBackgroundMixin:
    """What ``fit`` of the filter learns: one method for each kind of background.

    Every method returns a background and sets ``obs_noise_std_``.
    """

    def _scalar_noise(self, kind):
        if self.obs_noise is None:
            return None
        if np.ndim(self.obs_noise) == 0:
            return float(self.obs_noise)
        raise ValueError(
            f"background={kind!r} takes a single standard deviation as obs_noise; got "
            f"an array of shape {np.shape(self.obs_noise)}."
        )

    def _need_noise(self):
        if self.obs_noise is None:
            raise ValueError(
                "obs_noise=None reads the noise off a spectrum and works with the "
                "backgrounds 'homogeneous' and 'snapshots' only: pass the standard "
                "deviation of the observation noise."
            )
        return self.obs_noise

    def _fit_homogeneous(self, X):
        noise = self._scalar_noise("homogeneous")
        background = SpectralBackground(X, noise, self.grid_shape, self.mode_gain)
        self.obs_noise_std_ = background.noise_std
        return background

    def _fit_snapshots(self, X):
        spectral = self._fit_homogeneous(X)
        if spectral.noise_std == 0:
            return spectral
        rng = check_random_state(self.random_state)
        n = 200 if self.n_members is None else self.n_members
        if n <= spectral.n_modes:
            warnings.warn(
                f"{n} members cannot span the {spectral.n_modes} modes that the "
                "observations show: raise n_members to about twice their number.",
                UserWarning,
                stacklevel=3,
            )
        clean = spectral.analyze(X)[rng.randint(len(X), size=n)]
        fields = clean.reshape(n, spectral.n_fields, *spectral.shape)
        shifts = np.stack([rng.randint(s, size=n) for s in spectral.shape], axis=1)
        axes = tuple(range(1, 1 + len(spectral.shape)))
        for i, shift in enumerate(shifts):
            fields[i] = np.roll(fields[i], tuple(shift), axes)
        return self._ensemble_background(fields.reshape(n, -1), spectral.noise_std)

    def _fit_ensemble(self, X):
        E = check_array(
            self.background,
            dtype=np.float64,
            ensure_min_samples=2,
            input_name="background",
        )
        if self.n_members is not None and self.n_members < len(E):
            rng = check_random_state(self.random_state)
            E = E[rng.choice(len(E), self.n_members, replace=False)]
        background = self._ensemble_background(E, self._need_noise())
        if background.HA.shape[1] != X.shape[1]:
            raise ValueError(
                f"The background has {E.shape[1]} components, of which the operator "
                f"observes {background.HA.shape[1]}, but X has {X.shape[1]} columns."
            )
        self.obs_noise_std_ = self._noise_rms()
        return background

    def _fit_white(self, X):
        noise = np.asarray(self._need_noise(), dtype=np.float64)
        Whitener(noise, X.shape[1])
        if noise.ndim == 2:
            raise ValueError(
                "background='white' takes standard deviations as obs_noise, not a "
                "covariance matrix."
            )
        self.obs_noise_std_ = self._noise_rms()
        return WhiteBackground(X, noise, self.background_scale)

    def _noise_rms(self):
        noise = np.asarray(self.obs_noise, dtype=np.float64)
        variance = np.diag(noise) if noise.ndim == 2 else noise**2
        return float(np.sqrt(np.mean(variance)))

    def _ensemble_background(self, E, noise):
        operator = Operator(self.obs_operator, E.shape[1])
        n_obs = operator(E[:1]).shape[1]
        return EnsembleBackground(
            E,
            operator,
            Whitener(noise, n_obs),
            self.inflation,
            self._tapers(operator, E.shape[1]),
            self.mode_gain,
        )

    def _tapers(self, operator, n_features):
        if self.localization is None:
            return None
        positions = operator.positions(n_features, self.obs_positions)
        return tapers(n_features, positions, self.localization, self.grid_shape)
