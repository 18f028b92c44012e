"""What is observed of a state, and with what error."""

import numpy as np
import scipy.linalg
import scipy.sparse

from skgeo.utils.params import Instance

__all__ = ["DATA_UNITS", "ArrayRule", "Operator", "Whitener"]

# Magnitudes of numbers in the units of the state: their squares are finite.
DATA_UNITS = (1e-152, 1e150)


class ArrayRule(Instance):
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
    """Observation operator: identity, indices or mask, matrix or batched callable."""

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
            if array.ndim == 1 and array.dtype.kind == "b":
                if n_features is not None and len(array) != n_features:
                    raise ValueError(
                        f"obs_operator, as a mask, must have {n_features} entries, one "
                        f"per component of the state; it has {len(array)}."
                    )
                array = np.flatnonzero(array)
            if array.ndim == 1 and array.dtype.kind in "iu":
                self.kind, self.index = "index", array.astype(np.intp)
            elif array.ndim == 2 and array.dtype.kind in "fiub":
                self.kind, self.matrix = "matrix", array.astype(np.float64)
            else:
                raise ValueError(
                    "obs_operator must be None, a 1-D array of integer indices or a "
                    "boolean mask, a 2-D array or sparse matrix (n_obs, n_features), "
                    f"or a callable; got an array of shape {array.shape} and dtype "
                    f"{array.dtype}."
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
        self.noise, self.n_obs = noise, n_obs
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
            low, high = DATA_UNITS
            if not ((noise >= low) & (noise <= high)).all():
                raise ValueError(
                    f"obs_noise must be of magnitude {low:g} to {high:g}: choose other "
                    "units."
                )
            self.std = noise

    def subset(self, seen):
        """Return the error of some of the observations."""
        noise = self.noise
        if noise.ndim == 1:
            noise = noise[seen]
        elif noise.ndim == 2:
            noise = noise[np.ix_(seen, seen)]
        return Whitener(noise, int(np.count_nonzero(seen)))

    def whiten(self, V):
        """Divide rows by the square root of the covariance."""
        if self.factor is None:
            return V / self.std
        if V.size == 0:
            return V  # nothing was observed; older SciPy refuses empty systems
        return scipy.linalg.solve_triangular(self.factor, V.T, lower=True).T
