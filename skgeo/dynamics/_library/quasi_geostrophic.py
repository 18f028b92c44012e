"""Library of terms of two-layer quasi-geostrophic flow."""

import math
from typing import Any

import numpy as np
import scipy.fft

from skgeo.dynamics._library.derivatives import full_symbol, symbol
from skgeo.dynamics._library.pointwise import PointwiseLibrary
from skgeo.utils.params import Boolean, Integer, Null, Real, SequenceOf

__all__ = ["TwoLayerQGLibrary"]


class TwoLayerQGLibrary(PointwiseLibrary):
    """Terms of two-layer quasi-geostrophic flow on a doubly periodic plane.

    States hold the potential vorticity of the upper layer on a uniform grid, rows (y)
    one after the other, then that of the lower layer, as those of
    :class:`~skgeo.datasets.TwoLayerQG`. The streamfunctions follow from
    ``q_j = lap psi_j + deformation^2 / 2 (psi_k - psi_j)``, k the other layer.

    The terms are, for both layers, potential vorticity and streamfunction with their
    first derivatives, their Laplacians, the advection ``J(psi, q) = psi_x q_y - psi_y
    q_x``, and powers of the potential vorticity.

    Parameters
    ----------
    deformation : float, default=6.0
        Deformation wavenumber, 1/length.
    lengths : tuple of float, default=(2 pi, 2 pi)
        Lengths (y, x) of the domain.
    shape : tuple of int or None, default=None
        Numbers of grid points (n_y, n_x) of a layer; None means a square.
    laplacians : int, default=2
        Number of powers of the Laplacian, "lap q1", "lap^2 q1", ...
    degree : int, default=2
        Largest power of the potential vorticity.
    dealias : bool, default=True
        Drop the upper third of the modes of the advection in each direction, as models
        do whose products alias there.

    Attributes
    ----------
    term_names_ : list of str
        Names such as ``"J(psi1,q1)"``, those of the upper layer first.
    n_points_ : int
        Number of grid points of a layer.
    point_mask_ : ndarray of bool of shape (n_points,)
        Points that a regression should use, here all.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    PDELibrary2D : One field, with its streamfunction if it is a vorticity.
    skgeo.datasets.TwoLayerQG : The flow.

    Notes
    -----
    Potential vorticities, streamfunctions and their Laplacians are linearly dependent:
    :class:`MEDIDA` warns of it, and of terms that cancel each other.

    Examples
    --------
    >>> from skgeo.datasets import TwoLayerQG
    >>> from skgeo.dynamics import TwoLayerQGLibrary
    >>> X = TwoLayerQG(n_grid=16).initial_state(2, random_state=0)
    >>> library = TwoLayerQGLibrary(degree=1, laplacians=1).fit(X)
    >>> library.term_names_[:5]
    ['q1', 'q1_x', 'q1_y', 'lap q1', 'psi1']
    >>> library.evaluate(X).shape
    (2, 256, 18)
    """

    _n_fields = 2
    _param_rules = {
        "deformation": Real(0.0, closed="neither"),
        "lengths": SequenceOf(Real(0.0, closed="neither"), 2),
        "shape": Null() | SequenceOf(Integer(1), 2),
        "laplacians": Integer(0, 4),
        "degree": Integer(1, 6),
        "dealias": Boolean(),
    }

    def __init__(
        self,
        deformation: float = 6.0,
        *,
        lengths: Any = (2 * math.pi, 2 * math.pi),
        shape: Any = None,
        laplacians: int = 2,
        degree: int = 2,
        dealias: bool = True,
    ):
        self.deformation = deformation
        self.lengths = lengths
        self.shape = shape
        self.laplacians = laplacians
        self.degree = degree
        self.dealias = dealias

    def _prepare(self, n_features):
        if self.shape is None:
            side = math.isqrt(n_features // 2)
            shape = (side, side)
        else:
            shape = tuple(int(n) for n in self.shape)
        if len(shape) != 2 or 2 * shape[0] * shape[1] != n_features:
            raise ValueError(
                f"States of width {n_features} do not hold two layers on a grid of "
                f"shape {self.shape or 'n x n'}: pass shape=(n_y, n_x), the grid of a "
                "layer."
            )
        if len(self.lengths) != 2:
            raise ValueError(f"lengths must hold two numbers; got {self.lengths}.")
        self._shape, self._lengths = shape, tuple(map(float, self.lengths))
        laplacians = [
            f"lap{'' if power == 1 else f'^{power}'} q#"
            for power in range(1, self.laplacians + 1)
        ]
        names = [
            "q#", "q#_x", "q#_y", *laplacians, "psi#", "psi#_x", "psi#_y", "lap psi#",
            "J(psi#,q#)", *(f"q#^{power}" for power in range(2, self.degree + 1)),
        ]  # fmt: skip
        self._n_layer = len(names)
        return [name.replace("#", layer) for layer in "12" for name in names]

    def _fill(self, X, out, wanted):
        ny, nx = self._shape
        Q = scipy.fft.rfft2(X.reshape(-1, 2, ny, nx), axes=(2, 3))
        laplacian = symbol(nx, self._lengths[1], 2) + full_symbol(
            ny, self._lengths[0], 2
        )
        P = self._streamfunctions(Q, laplacian)
        wanted = list(wanted)
        for layer in range(2):
            mine = [
                (row, j % self._n_layer)
                for row, j in enumerate(wanted)
                if j // self._n_layer == layer
            ]
            if not mine:
                continue
            terms = self._layer(Q[:, layer], P[:, layer], laplacian)
            for row, j in mine:
                out[row] = terms[j].reshape(len(X), -1)

    def _streamfunctions(self, Q, laplacian):
        """Invert potential vorticity, up to a constant that is zero."""
        mean, half = (Q[:, 0] + Q[:, 1]) / 2, (Q[:, 0] - Q[:, 1]) / 2
        safe = np.where(laplacian < 0, laplacian, 1.0)
        mean = np.where(laplacian < 0, mean / safe, 0.0)
        half = half / (laplacian - self.deformation**2)
        half[:, 0, 0] = 0.0
        return np.stack([mean + half, mean - half], axis=1)

    def _layer(self, Q, P, laplacian):
        """All terms of one layer, each of shape (n, n_y, n_x)."""
        ny, nx = self._shape
        along_x = symbol(nx, self._lengths[1], 1)
        along_y = full_symbol(ny, self._lengths[0], 1)

        def grid(W):
            return scipy.fft.irfft2(W, s=(ny, nx), axes=(1, 2))

        q, q_x, q_y = grid(Q), grid(Q * along_x), grid(Q * along_y)
        psi_x, psi_y = grid(P * along_x), grid(P * along_y)
        advection = psi_x * q_y - psi_y * q_x
        if self.dealias:
            V = scipy.fft.rfft2(advection, axes=(1, 2))
            V[:, np.abs(np.fft.fftfreq(ny, 1 / ny)) > ny // 3] = 0.0
            V[:, :, np.arange(nx // 2 + 1) > nx // 3] = 0.0
            advection = grid(V)
        return [
            q, q_x, q_y,
            *(grid(Q * laplacian**power) for power in range(1, self.laplacians + 1)),
            grid(P), psi_x, psi_y, grid(P * laplacian), advection,
            *(q**power for power in range(2, self.degree + 1)),
        ]  # fmt: skip

    def _equation_names(self):
        return ["q1_t", "q2_t"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Two layers of a grid, not a table of any width.
        tags.input_tags.two_d_array = False
        return tags
