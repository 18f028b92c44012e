"""Which observations reach which components of a state."""

import numpy as np

from skgeo.dynamics._assimilation.updates import gaspari_cohn

__all__ = ["Localization"]

_MAX_BYTES = 2 * 2**30


class Localization:
    """Gaspari-Cohn tapers on a grid, in blocks: memory does not grow with its square.

    Distances are in grid points. Several fields may follow one another on one grid.

    Parameters
    ----------
    n_features : int
        Number of components of a state.
    positions : ndarray of shape (n_obs,)
        Component of the state at each observation, not necessarily an integer.
    radius : float
        Distance at which the taper vanishes.
    grid_shape : tuple of int or None
        Shape of the grid; None means a line of all components.
    periodic : bool
        Whether the grid is.
    """

    def __init__(self, n_features, positions, radius, grid_shape, periodic):
        shape = (n_features,) if grid_shape is None else tuple(grid_shape)
        self.shape = (1, *shape) if len(shape) == 1 else shape
        self.points = int(np.prod(self.shape))
        if n_features % self.points:
            raise ValueError(
                f"States of width {n_features} do not hold fields on a grid of shape "
                f"{shape}: set grid_shape."
            )
        self.n_features, self.radius = n_features, float(radius)
        self.periodic = bool(periodic)
        self.spots = self._coordinates(positions)
        # Observations in the order of the rows of the grid they lie on.
        self._order = np.argsort(self.spots[:, 0], kind="stable")
        self._rows = self.spots[self._order, 0]

    def _coordinates(self, position):
        position = np.asarray(position, dtype=np.float64) % self.points
        if self.shape[0] == 1:
            return np.stack([np.zeros_like(position), position], axis=1)
        row = np.floor(position / self.shape[1])
        return np.stack([row, position - row * self.shape[1]], axis=1)

    def _distance(self, a, b):
        total = 0.0
        for axis, n in enumerate(self.shape):
            gap = np.abs(a[:, None, axis] - b[None, :, axis])
            if self.periodic:
                gap = np.minimum(gap, n - gap)
            total = total + gap**2
        return np.sqrt(total)

    def subset(self, seen):
        """Return the localization of some of the observations."""
        out = object.__new__(Localization)
        out.__dict__.update(self.__dict__)
        out.spots = self.spots[seen]
        out._order = np.argsort(out.spots[:, 0], kind="stable")
        out._rows = out.spots[out._order, 0]
        return out

    def nearby(self, part):
        """Observations within reach of a slice of components, and the tapers."""
        components = np.arange(self.n_features)[part]
        spots = self._coordinates(components)
        which = np.flatnonzero(self._candidates(spots))
        taper = gaspari_cohn(2 * self._distance(spots, self.spots[which]) / self.radius)
        reached = taper.any(axis=0)
        return which[reached], taper[:, reached]

    def _candidates(self, spots):
        """Observations in the bounding box of some points, as a mask."""
        if self.radius == 0:
            return np.zeros(len(self.spots), dtype=bool)
        mask = np.zeros(len(self.spots), dtype=bool)
        low, high = spots[:, 0].min() - self.radius, spots[:, 0].max() + self.radius
        ny = self.shape[0]
        for shift in (-ny, 0, ny) if self.periodic else (0,):
            i, j = np.searchsorted(self._rows, [low + shift, high + shift + 1e-9])
            mask[self._order[i:j]] = True
        chosen = np.flatnonzero(mask)
        column = self.spots[chosen, 1]
        left, right = spots[:, 1].min() - self.radius, spots[:, 1].max() + self.radius
        inside = (column >= left) & (column <= right)
        if self.periodic:
            nx = self.shape[1]
            inside |= (column + nx <= right) | (column - nx >= left)
        mask[chosen[~inside]] = False
        return mask

    def matrices(self):
        """Whole tapers, (n_features, n_obs) and (n_obs, n_obs)."""
        n_obs = len(self.spots)
        size = 8 * n_obs * (self.n_features + n_obs)
        if size > _MAX_BYTES:
            raise ValueError(
                f"A localized gain for {self.n_features} components and {n_obs} "
                f"observations takes {size / 2**30:.0f} GiB. Use solver='serial', "
                "whose memory is that of the ensemble."
            )
        state = self._coordinates(np.arange(self.n_features))
        return (
            gaspari_cohn(2 * self._distance(state, self.spots) / self.radius),
            gaspari_cohn(2 * self._distance(self.spots, self.spots) / self.radius),
        )
