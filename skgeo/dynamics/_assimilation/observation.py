"""What is observed of a state, with what error, and how it updates an ensemble."""

import numpy as np
import scipy.linalg
import scipy.sparse

from skgeo.dynamics._assimilation.updates import (
    gaspari_cohn,
    local_update,
    localized_gain,
    mean_increment,
    normalized_innovation,
    stochastic_update,
    transform_update,
)
from skgeo.utils.params import Instance

__all__ = ["ArrayLike", "Operator", "Update", "Whitener", "tapers"]


class ArrayLike(Instance):
    """Anything numpy or scipy.sparse reads as an array."""

    def __init__(self):
        super().__init__((list, tuple), "an array")

    def accepts(self, value):
        return (
            hasattr(value, "__array__")
            or hasattr(value, "tocsr")
            or super().accepts(value)
        )


class Operator:
    """Observation operator: identity, indices, matrix or batched callable."""

    def __init__(self, operator, n_features=None):
        self.kind, self.matrix, self.index, self.function = "identity", None, None, None
        if operator is None:
            pass
        elif callable(operator):
            self.kind, self.function = "callable", operator
        elif scipy.sparse.issparse(operator):
            self.kind, self.matrix = "matrix", operator.tocsr()
        else:
            array = np.asarray(operator)
            if array.ndim == 1 and array.dtype.kind in "iu":
                self.kind, self.index = "index", array.astype(np.intp)
            elif array.ndim == 2 and array.dtype.kind in "fiub":
                self.kind, self.matrix = "matrix", array.astype(np.float64)
            else:
                raise ValueError(
                    "obs_operator must be None, a 1-D array of integer indices, a "
                    "2-D array or sparse matrix (n_obs, n_features), or a callable; "
                    f"got an array of shape {array.shape} and dtype {array.dtype}."
                )
        if n_features is not None:
            self._check(n_features)

    def _check(self, n_features):
        if self.kind == "matrix" and self.matrix.shape[1] != n_features:
            raise ValueError(
                f"obs_operator has {self.matrix.shape[1]} columns, but states have "
                f"{n_features} components."
            )
        if self.kind == "index":
            bad = (self.index < 0) | (self.index >= n_features)
            if bad.any() or len(np.unique(self.index)) < len(self.index):
                raise ValueError(
                    "obs_operator must hold different indices from 0 to "
                    f"{n_features - 1}; got {self.index[:10].tolist()}..."
                )

    def __call__(self, X):
        """Observe states (n, n_features)."""
        if self.kind == "identity":
            return X
        if self.kind == "index":
            return X[:, self.index]
        if self.kind == "matrix":
            return (self.matrix @ X.T).T
        Y = np.asarray(self.function(X), dtype=np.float64)
        if Y.ndim != 2 or len(Y) != len(X) or not np.isfinite(Y).all():
            raise ValueError(
                f"obs_operator must turn states of shape {X.shape} into finite "
                f"observations of shape ({len(X)}, n_obs); got shape {Y.shape}."
            )
        return Y

    def positions(self, n_features, given):
        """Index of the state component at each observation, for localization."""
        if given is not None:
            return np.asarray(given, dtype=np.float64)
        if self.kind == "identity":
            return np.arange(n_features, dtype=np.float64)
        if self.kind == "index":
            return self.index.astype(np.float64)
        if self.kind == "matrix":
            dense = np.abs(
                self.matrix.toarray()
                if scipy.sparse.issparse(self.matrix)
                else self.matrix
            )
            return dense.argmax(axis=1).astype(np.float64)
        raise ValueError(
            "localization with a callable obs_operator needs obs_positions, the index "
            "of the state component nearest to each observation."
        )


class Whitener:
    """Observation error: standard deviation, vector of them, or covariance."""

    def __init__(self, noise, n_obs):
        noise = np.asarray(noise, dtype=np.float64)
        if noise.ndim > 2 or noise.shape not in ((), (n_obs,), (n_obs, n_obs)):
            raise ValueError(
                f"obs_noise must be a standard deviation, {n_obs} of them, or a "
                f"covariance of shape ({n_obs}, {n_obs}); got shape {noise.shape}."
            )
        if not np.isfinite(noise).all():
            raise ValueError("obs_noise must be finite.")
        self.factor, self.std = None, None
        if noise.ndim == 2:
            try:
                self.factor = scipy.linalg.cholesky(noise, lower=True)
            except np.linalg.LinAlgError as error:
                raise ValueError(
                    "obs_noise, as a covariance, must be positive definite. Remove "
                    "exact observations from it or give them a small variance."
                ) from error
        else:
            if not (noise > 0).all():
                raise ValueError(
                    "obs_noise must be positive. Without observation noise no filter "
                    "is needed."
                )
            self.std = noise

    def whiten(self, V):
        """Divide rows by the square root of the covariance."""
        if self.factor is None:
            return V / self.std
        return scipy.linalg.solve_triangular(self.factor, V.T, lower=True).T


def tapers(n_features, positions, radius, grid_shape):
    """Gaspari-Cohn tapers between state components, observations, and these.

    Distances are in grid points, periodic; ``radius`` is where the taper vanishes.
    """
    shape = (n_features,) if grid_shape is None else tuple(grid_shape)
    points = int(np.prod(shape))

    def coordinates(position):
        position = np.asarray(position, dtype=np.float64) % points
        if len(shape) == 1:
            return position[:, None]
        return np.stack([position // shape[1], position % shape[1]], axis=1)

    def distance(a, b):
        total = 0.0
        for axis, n in enumerate(shape):
            gap = np.abs(a[:, None, axis] - b[None, :, axis])
            total = total + np.minimum(gap, n - gap) ** 2
        return np.sqrt(total)

    state, obs = coordinates(np.arange(n_features)), coordinates(positions)
    return (
        gaspari_cohn(2 * distance(state, obs) / radius),
        gaspari_cohn(2 * distance(obs, obs) / radius),
    )


class Update:
    """Analysis of one observation: ``update(ensemble, y, rng)``.

    Parameters
    ----------
    operator, whitener : Operator, Whitener
        What is observed, and its error.
    taper : tuple of ndarray or None
        Localization.
    method : {"etkf", "stochastic"}
        Update of the members.
    inflation : float
        Factor of the forecast covariance.
    """

    def __init__(self, operator, whitener, taper, method, inflation):
        self.operator, self.whitener, self.taper = operator, whitener, taper
        self.method, self.root = method, np.sqrt(inflation)

    def _anomalies(self, E, y):
        mean, images = E.mean(axis=0), self.operator(E)
        mean_obs = images.mean(axis=0)
        HA = self.whitener.whiten(self.root * (images - mean_obs))
        d = self.whitener.whiten((y - mean_obs)[None])[0]
        return mean, self.root * (E - mean), HA, d

    def __call__(self, E, y, rng):
        """Return the analysis ensemble and the consistency of the innovation."""
        mean, A, HA, d = self._anomalies(E, y)
        ratio = normalized_innovation(HA, d[None])
        if self.method == "stochastic":
            gain = None if self.taper is None else localized_gain(A, HA, *self.taper)
            draws = rng.standard_normal(HA.shape)
            return stochastic_update(mean + A, HA, d, draws, gain), ratio
        if self.taper is None:
            mean, A = transform_update(mean, A, HA, d)
        else:
            mean, A = local_update(mean, A, HA, d, self.taper[0])
        return mean + A, ratio

    def mean(self, E, y):
        """Return the analysis mean only."""
        std = self.whitener.std
        simple = self.taper is None and self.operator.kind == "identity"
        if simple and std is not None and np.ndim(std) == 0:
            scale = float(std) / self.root
            if 1e-100 < scale < 1e100:  # its square is a normal number
                mean = E.mean(axis=0)
                A = E - mean
                return mean + mean_increment(A, A, (y - mean)[None], scale**2)[0]
        mean, A, HA, d = self._anomalies(E, y)
        if self.taper is None:
            return mean + mean_increment(A, HA, d[None])[0]
        if self.method == "etkf":
            return local_update(mean, A, HA, d, self.taper[0])[0]
        return mean + localized_gain(A, HA, *self.taper) @ d
