"""Parametric factors of Kronecker dictionaries."""

import numpy as np
from numpy.typing import ArrayLike

from skgeo.utils.masked import refuse_masked
from skgeo.utils.params import Instance, Null, check_params
from skgeo.utils.warn import warn_user

__all__ = ["SteeringFactor"]

_ARRAY = Instance((list, tuple, range, np.ndarray), "a 1-D array of numbers")
_RULES = {
    "positions": _ARRAY,
    "angles": _ARRAY,
    "transform": Null() | Instance((list, tuple, np.ndarray), "a 2-D array"),
}
# Places of the scan, and phases whose digits after the point are right.
_MAX_SCAN, _MAX_PHASE = 20_000, 1e9


class SteeringFactor:
    r"""Steering vectors of an array of sensors, at angles that may leave their grid.

    Column j is :math:`T\,a(u_j)`, :math:`a(u)_k = \exp(i \pi p_k u) / \sqrt{n}`, for
    sensors at positions :math:`p_k` (in half wavelengths) and the cosine :math:`u_j`
    of an angle. As a factor of :class:`KroneckerSBL` its grid is a start only: cosines
    are moved, merged, added and removed by the evidence.

    Parameters
    ----------
    positions : array-like of shape (n_positions,)
        Positions of the sensors, in half wavelengths; negative ones conjugate.
    angles : array-like of shape (n_angles,)
        Cosines of the grid of angles, without unit.
    transform : array-like of shape (m, n_positions), optional
        Linear map that follows (pilots, beams, weights of a surface), real or complex.

    Attributes
    ----------
    points : ndarray of shape (n_angles,)
        The grid.
    scan_points : ndarray
        Finer grid over the span of ``points`` (and a step beyond) on which places for
        further angles are looked for: four per resolution of the array.

    Raises
    ------
    ValueError
        If arrays have the wrong shape or are not finite.

    Warns
    -----
    UserWarning
        If angles are no cosines, or the array resolves more of them than are scanned.

    See Also
    --------
    KroneckerSBL : Takes any object with ``points``, ``__call__`` and ``derivative``.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import SteeringFactor
    >>> factor = SteeringFactor(range(8), np.linspace(-1, 1, 16, endpoint=False))
    >>> factor(factor.points).shape
    (8, 16)
    >>> bool(np.allclose(np.linalg.norm(factor([0.3]), axis=0), 1))
    True
    """

    def __init__(
        self,
        positions: ArrayLike,
        angles: ArrayLike,
        transform: "ArrayLike | None" = None,
    ):
        given = {"positions": positions, "angles": angles, "transform": transform}
        check_params("SteeringFactor", _RULES, given)
        self.positions = _numbers(positions, "positions", 1, float)
        self.points = _numbers(angles, "angles", 1, float)
        self.transform = None
        if transform is not None:
            self.transform = _numbers(transform, "transform", 2, complex)
            if self.transform.shape[1] != len(self.positions):
                raise ValueError(
                    f"transform has {self.transform.shape[1]} columns for "
                    f"{len(self.positions)} positions; it needs one per position."
                )
        phase = np.pi * np.abs(self.positions).max() * np.abs(self.points).max()
        if phase > _MAX_PHASE:
            raise ValueError(
                f"Phases reach {phase:.3g} radians, of which floating-point numbers "
                "keep no digit after the point. positions are in half wavelengths, "
                "angles are cosines: give them in these units."
            )
        if np.abs(self.points).max() > 1.0 + 1e-9:
            warn_user(
                f"angles lie between {self.points.min():.6g} and "
                f"{self.points.max():.6g}, but they are cosines, from -1 to 1: give "
                "np.cos of angles in radians."
            )
        low, high = self.points.min(), self.points.max()
        step = (high - low) / max(len(self.points) - 1, 1)
        aperture = max(np.ptp(self.positions), 1.0)
        n_scan = int(np.ceil((high - low + step) * aperture / 2.0 * 4.0))
        n_scan = max(n_scan, 2 * len(self.points))
        if n_scan > _MAX_SCAN:
            warn_user(
                f"An array {aperture:.3g} half wavelengths wide resolves more angles "
                f"between {low:.3g} and {high:.3g} than the {_MAX_SCAN} at which "
                "further ones are looked for: some may be missed. Give a narrower "
                "span of angles."
            )
            n_scan = _MAX_SCAN
        self.scan_points = np.linspace(low - step / 2, high + step / 2, n_scan)

    def __call__(self, points: ArrayLike) -> np.ndarray:
        """Columns at points.

        Parameters
        ----------
        points : array-like of shape (n_points,)
            Cosines.

        Returns
        -------
        columns : complex ndarray of shape (m, n_points)
            Columns.
        """
        return self._map(self._waves(points))

    def derivative(self, points: ArrayLike) -> np.ndarray:
        """Derivatives of columns in their points.

        Parameters
        ----------
        points : array-like of shape (n_points,)
            Cosines.

        Returns
        -------
        derivatives : complex ndarray of shape (m, n_points)
            Derivatives.
        """
        return self._map(1j * np.pi * self.positions[:, None] * self._waves(points))

    def _waves(self, points):
        refuse_masked(points, "points")
        points = np.asarray(points)
        if points.ndim > 1 or points.dtype.kind not in "fiub":
            raise ValueError(
                "points must be a 1-D array of real numbers; got shape "
                f"{points.shape} and dtype {points.dtype}."
            )
        if not np.isfinite(points).all():
            raise ValueError("points contain NaN or infinity.")
        phase = np.pi * np.outer(self.positions, points.astype(np.float64))
        return np.exp(1j * phase) / np.sqrt(len(self.positions))

    def _map(self, waves):
        return waves if self.transform is None else self.transform @ waves

    def __repr__(self) -> str:
        mapped = "" if self.transform is None else f", {len(self.transform)} outputs"
        return (
            f"SteeringFactor({len(self.positions)} positions, "
            f"{len(self.points)} angles{mapped})"
        )


def _numbers(values, name, n_dims, dtype):
    refuse_masked(values, name)
    array = np.asarray(values)
    if array.ndim != n_dims or array.size == 0 or array.dtype.kind not in "fiubc":
        raise ValueError(
            f"{name} must be a non-empty {n_dims}-D array of numbers; got shape "
            f"{array.shape} and dtype {array.dtype}."
        )
    if array.dtype.kind == "c" and dtype is float:
        raise ValueError(f"{name} must be real.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return array.astype(dtype)
