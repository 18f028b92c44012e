"""Static background statistics: spectral, or of an ensemble."""

import numpy as np
import scipy.fft
import scipy.linalg

from skgeo.dynamics._assimilation.updates import (
    localized_gain,
    mean_increment,
    normalized_innovation,
)

__all__ = ["EnsembleBackground", "SpectralBackground", "WhiteBackground"]


class SpectralBackground:
    """Homogeneous covariance on a grid: one variance per wavenumber shell.

    Modes are Fourier's on a periodic grid, otherwise cosines (fields go on beyond an
    edge as in a mirror). Everything is estimated from the observations themselves: the
    power in a shell is that of the signal plus the variance of white noise.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Observations.
    noise : float or None
        Standard deviation of their noise; None reads it off the upper quarter of the
        shells.
    grid_shape : tuple of int or None
        Shape of the grid; several fields may follow one another.
    mode_gain : float
        Gain from which on a mode counts as observed.
    periodic : bool, default=True
        Whether the grid is.
    """

    def __init__(self, X, noise, grid_shape, mode_gain, periodic=True):
        self.periodic = periodic
        self.shape = (X.shape[1],) if grid_shape is None else tuple(grid_shape)
        self.n_fields, rest = divmod(X.shape[1], int(np.prod(self.shape)))
        if rest:
            raise ValueError(
                f"States of width {X.shape[1]} do not hold fields on a grid of shape "
                f"{self.shape}: set grid_shape."
            )
        self.axes = tuple(range(2, 2 + len(self.shape)))
        fields = X.reshape(len(X), self.n_fields, -1)
        self.mean = fields.mean(axis=(0, 2))
        self.shell, self.weight = self._shells()
        # Units drop out: powers are those of X / scale.
        self.scale = np.abs(X).max() or 1.0
        power = np.abs(self._modes((X - self._mean_row()) / self.scale)) ** 2
        power = power.mean(axis=0)  # of white noise: its variance
        n_shells = self.shell.max() + 1
        count = np.bincount(self.shell, self.weight, n_shells)
        self.gains = np.empty((self.n_fields, n_shells))
        self.power = np.empty((self.n_fields, n_shells))
        self.cuts = np.empty(self.n_fields, dtype=int)
        variances = []
        for f in range(self.n_fields):
            shells = np.bincount(self.shell, self.weight * power[f], n_shells)
            if noise is None:
                upper = slice(min(3 * n_shells // 4, n_shells - 1), None)
                variance = float(np.median(shells[upper] / count[upper]))
            else:
                variance = (noise / self.scale) ** 2
            variances.append(variance)
            self._fit_gain(f, shells, count, variance, len(X), mode_gain)
        self.noise_std = float(np.sqrt(np.mean(variances))) * self.scale
        self._gain_modes = self.gains[:, self.shell].reshape(
            1, self.n_fields, *self._mode_shape
        )
        self.mode_gains = np.concatenate(
            [g[:c] for g, c in zip(self.gains, self.cuts, strict=True)]
        )
        signal = self.power @ np.diag(count) / count.sum()
        error = np.sum(self.gains * count, axis=1) / count.sum() * np.array(variances)
        self.analysis_std = float(np.sqrt(error.mean())) * self.scale
        self.background_std = float(np.sqrt(signal.sum(axis=1).mean())) * self.scale
        self._keep = np.stack([self.shell < c for c in self.cuts])
        self.n_modes = int(self._keep.sum())
        if periodic:  # real and imaginary parts, but the mean has none
            self.n_modes = 2 * self.n_modes - self.n_fields
        self.rank = int(X.shape[1])

    def _shells(self):
        if not self.periodic:
            self._mode_shape = self.shape
            index = [np.arange(n) / 2 for n in self.shape]  # half waves
            radius = np.sqrt(sum(g**2 for g in np.meshgrid(*index, indexing="ij")))
            return np.rint(radius).astype(int).ravel(), np.ones(radius.size)
        index = [np.fft.fftfreq(n, 1 / n) for n in self.shape[:-1]]
        index.append(np.arange(self.shape[-1] // 2 + 1.0))
        self._mode_shape = tuple(len(i) for i in index)
        radius = np.sqrt(sum(g**2 for g in np.meshgrid(*index, indexing="ij")))
        weight = np.full(self._mode_shape, 2.0)
        weight[..., 0] = 1.0
        if self.shape[-1] % 2 == 0:
            weight[..., -1] = 1.0
        return np.rint(radius).astype(int).ravel(), weight.ravel()

    def _fit_gain(self, f, shells, count, variance, n, mode_gain):
        """Wiener gain per shell, from spectra smoothed over five shells."""
        n_shells = len(shells)
        width = 5 if n_shells > 10 and len(self.shape) == 1 else 1
        window = np.ones(width)
        total = np.convolve(np.pad(shells, width // 2, mode="edge"), window, "valid")
        modes = np.convolve(np.pad(count, width // 2, mode="edge"), window, "valid")
        smooth = total / modes
        gain = np.ones(n_shells)
        if variance > 0:
            ratio = np.divide(
                variance, smooth, out=np.full(n_shells, np.inf), where=smooth > 0
            )
            gain = np.clip(1.0 - ratio, 0.0, 1.0)
            # Beyond the first shell that cannot be told from noise, nothing is kept.
            floor = 1.0 + 3.0 / np.sqrt(n * modes / 2)
            past = np.arange(n_shells) > np.argmax(smooth)
            lost = np.flatnonzero(past & (smooth < variance * floor))
            if len(lost):
                gain[lost[0] :] = 0.0
        gain[0] = 1.0
        past = np.arange(n_shells) > np.argmax(smooth)
        weak = np.flatnonzero(past & (gain < mode_gain))
        self.cuts[f] = max(weak[0], 1) if len(weak) else n_shells
        self.gains[f] = gain
        self.power[f] = np.maximum(smooth - variance, 0.0) * (gain > 0)

    def _mean_row(self):
        return np.repeat(self.mean, int(np.prod(self.shape)))

    def _forward(self, fields):
        if self.periodic:
            V = scipy.fft.rfftn(fields, axes=self.axes)
            return V / np.sqrt(np.prod(self.shape))
        return scipy.fft.dctn(fields, axes=self.axes, norm="ortho")

    def _backward(self, V):
        if self.periodic:
            V = V * np.sqrt(np.prod(self.shape))
            return scipy.fft.irfftn(V, s=self.shape, axes=self.axes)
        return scipy.fft.idctn(V, axes=self.axes, norm="ortho")

    def _modes(self, X):
        fields = X.reshape(len(X), self.n_fields, *self.shape)
        return self._forward(fields).reshape(len(X), self.n_fields, -1)

    def gain(self, V):
        fields = V.reshape(len(V), self.n_fields, *self.shape)
        W = self._forward(fields) * self._gain_modes
        return self._backward(W).reshape(len(V), -1)

    def analyze(self, Y):
        mean = self._mean_row()
        return mean + self.gain(Y - mean)

    def to_modes(self, V):
        W = self._modes(V) * np.sqrt(self.weight)
        columns = []
        for f in range(self.n_fields):
            kept = W[:, f, self._keep[f]]
            columns.append(kept.real)
            if self.periodic:
                columns.append(kept.imag[:, 1:])  # the mean has no imaginary part
        return np.concatenate(columns, axis=1)

    def mode_fields(self):
        """Field that each mode belongs to: (n_modes,)."""
        counts = self._keep.sum(axis=1)
        if self.periodic:
            counts = 2 * counts - 1
        return np.repeat(np.arange(self.n_fields), counts)

    def consistency(self, Y):
        modes = np.abs(self._modes((Y - self._mean_row()) / self.scale)) ** 2
        modes = modes.mean(axis=0)
        variance = self.power[:, self.shell] + (self.noise_std / self.scale) ** 2
        ratio = np.divide(modes, variance, out=np.ones_like(modes), where=variance > 0)
        return float(np.sum(ratio * self.weight) / (self.weight.sum() * self.n_fields))

    def sample(self, n, rng):
        """Draw Gaussian states with this mean and spectrum."""
        white = rng.standard_normal((n, self.n_fields * int(np.prod(self.shape))))
        fields = white.reshape(n, self.n_fields, *self.shape)
        root = np.sqrt(self.power)[:, self.shell].reshape(self._gain_modes.shape)
        V = self._forward(fields) * root * self.scale
        rows = self._backward(V).reshape(n, -1)
        return rows + self._mean_row()


class EnsembleBackground:
    """Covariance of an ensemble of states.

    Parameters
    ----------
    E : ndarray of shape (n_members, n_features)
        The ensemble.
    operator, whitener : Operator, Whitener
        What is observed, and its error.
    inflation : float
        Factor of the covariance.
    localization : Localization or None
        Which observations reach which components.
    mode_gain : float
        Gain from which on a principal component counts as observed.
    """

    def __init__(self, E, operator, whitener, inflation, localization, mode_gain):
        self.operator, self.whitener, self.ensemble = operator, whitener, E
        self.mean = E.mean(axis=0)
        self.A = (E - self.mean) * np.sqrt(inflation)
        images = operator(E)
        self.mean_obs = images.mean(axis=0)
        self.HA = whitener.whiten((images - self.mean_obs) * np.sqrt(inflation))
        self.K = None
        if localization is not None:
            self.K = localized_gain(self.A, self.HA, *localization.matrices())
        scale = np.abs(self.A).max() or 1.0
        if not (np.isfinite(self.A / scale).all() and np.isfinite(self.HA).all()):
            raise ValueError(
                "The members of the background, or their distance from the mean over "
                "obs_noise, leave the range of numbers. Choose other units."
            )
        _, s, Vt = scipy.linalg.svd(self.A / scale, full_matrices=False)
        keep = s > max(self.A.shape) * np.finfo(float).eps * max(s[0], 1e-300)
        self.rank = int(keep.sum())
        prior = (s[keep] * scale) ** 2 / (len(E) - 1)
        components = Vt[keep]
        # Variance of each principal component that the observations explain.
        images = self.HA.T @ ((self.A @ components.T) / (s[keep] * scale) ** 2)
        back = self._apply(images.T) @ components.T
        gains = np.clip(np.diag(back), 0.0, 1.0) if self.rank else np.zeros(0)
        self.components = components[gains >= mode_gain]
        self.mode_gains = gains
        self.n_modes = len(self.components)
        left = np.sum(prior * (1 - gains)) / E.shape[1]
        self.analysis_std = float(np.sqrt(max(left, 0.0)))
        self.background_std = float(np.sqrt(prior.sum() / E.shape[1]))

    def _apply(self, D):
        if self.K is not None:
            return D @ self.K.T
        return mean_increment(self.A, self.HA, D)

    def gain(self, V):
        return self._apply(self.whitener.whiten(V))

    def analyze(self, Y):
        return self.mean + self.gain(Y - self.mean_obs)

    def to_modes(self, V):
        return V @ self.components.T

    def consistency(self, Y):
        return normalized_innovation(self.HA, self.whitener.whiten(Y - self.mean_obs))

    def sample(self, n, rng):
        """Draw members, with replacement only if there are too few."""
        return self.ensemble[rng.choice(len(self.ensemble), n, n > len(self.ensemble))]


class WhiteBackground:
    """The same variance for every component, and no covariance.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Observations, of every component.
    noise : ndarray
        Standard deviation of their noise, a number or one per component.
    scale : float or None
        Standard deviation of the background; None means what the noise leaves of
        the variance of X.
    """

    def __init__(self, X, noise, scale):
        self.mean = X.mean(axis=0)
        unit = np.abs(X).max() or 1.0
        if scale is None:
            variance = np.mean(((X - self.mean) / unit) ** 2)
            left = variance - np.mean((noise / unit) ** 2)
            scale = float(np.sqrt(max(left, 0.0))) * unit
        self.background_std = scale
        # As a ratio of the larger to the smaller, which cannot overflow to NaN.
        with np.errstate(over="ignore", divide="ignore"):
            gain = 1.0 / (1.0 + np.divide(noise, scale) ** 2) if scale > 0 else 0.0
        self._gain = np.broadcast_to(gain, self.mean.shape)
        self.noise = noise
        self.mode_gains = self._gain
        self.n_modes = self.rank = len(self.mean)
        self.analysis_std = float(np.sqrt(np.mean(self._gain * (noise / unit) ** 2)))
        self.analysis_std *= unit

    def gain(self, V):
        return V * self._gain

    def analyze(self, Y):
        return self.mean + self.gain(Y - self.mean)

    def to_modes(self, V):
        return V  # no component is better observed than another

    def consistency(self, Y):
        total = np.hypot(self.background_std, self.noise)
        return float(np.mean(((Y - self.mean) / total) ** 2))

    def sample(self, n, rng):
        """Draw Gaussian states."""
        draws = rng.standard_normal((n, len(self.mean)))
        return self.mean + self.background_std * draws
