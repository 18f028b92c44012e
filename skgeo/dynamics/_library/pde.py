"""Libraries of terms with spatial derivatives."""

import math
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from skgeo.dynamics._library.derivatives import (
    difference_matrix,
    full_symbol,
    spectral_derivatives,
    symbol,
)
from skgeo.dynamics._library.pointwise import (
    PointwiseLibrary,
    _fill_products,
    monomials,
)
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
)
from skgeo.utils.warn import warn_user

__all__ = ["PDELibrary1D", "PDELibrary2D"]

_ACCURACY = {"fd2": 2, "fd4": 4}


def _check_grid(n, length, spacing, order, derivative, periodic):
    """Refuse grids on which the highest derivative cannot be computed."""
    if order == 0:
        return
    if derivative == "spectral":
        with np.errstate(all="ignore"):
            weights = symbol(n, length, order)
    else:
        with np.errstate(all="ignore"):
            weights = difference_matrix(
                n, spacing, order, _ACCURACY[derivative], bool(periodic)
            ).data
    if not np.isfinite(weights).all() or not np.isfinite(np.abs(weights).sum()):
        raise ValueError(
            f"A derivative of order {order} overflows on a grid of spacing "
            f"{spacing:.3g}: choose the unit of length so that this is closer to one."
        )


def _check_periodic(derivative, periodic):
    if derivative == "spectral" and not periodic:
        raise ValueError(
            "derivative='spectral' needs a periodic domain: pass periodic=True if it "
            "is one, or derivative='fd2' or 'fd4'."
        )


class PDELibrary1D(PointwiseLibrary):
    """Powers of fields times spatial derivatives, on a line.

    States are fields on a uniform grid, one field after the other. The terms are
    ``u^p D^d u`` for p up to ``degree`` and d up to ``derivative_order``, derivatives
    outside, powers inside: ``u, u^2, ..., u_x, u u_x, u^2 u_x, ...``.

    Parameters
    ----------
    derivative_order : int, default=4
        Largest order of the derivatives.
    degree : int, default=4
        Largest power of the fields (total degree if there are several).
    length : float or None, default=None
        Length of the domain: the period, or the distance from the first to the last
        point. None means unit spacing.
    derivative : {"spectral", "fd2", "fd4"}, default="spectral"
        Fourier derivatives, or finite differences of second or fourth order.
    periodic : bool, default=True
        Whether the domain is periodic. If not, finite differences are one-sided at
        the ends.
    interactions : {"single", "full"}, default="single"
        One derivative per term, or all monomials of fields and derivatives up to
        ``degree``.
    fields : tuple of str, default=("u",)
        Names of the fields.
    include_bias : bool, default=False
        Include the constant term.
    boundary_trim : int, default=0
        Number of points at each end that regressions leave out.

    Attributes
    ----------
    term_names_ : list of str
        Names such as ``"u u_x"``.
    n_points_ : int
        Number of grid points.
    point_mask_ : ndarray of bool of shape (n_points,)
        Points that a regression should use.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    PDELibrary2D : The same on a plane.
    StencilLibrary : For lattices without derivatives.

    References
    ----------
    R. Mojgani, A. Chattopadhyay, P. Hassanzadeh, Chaos 32, 061105 (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import PDELibrary1D
    >>> x = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    >>> library = PDELibrary1D(2, 1, length=2 * np.pi).fit(np.sin(x)[None])
    >>> library.term_names_
    ['u', 'u_x', 'u u_x', 'u_xx', 'u u_xx']
    >>> np.allclose(library.evaluate(np.sin(x)[None])[0, :, 1], np.cos(x))
    True
    """

    _param_rules = {
        "derivative_order": Integer(0, 8),
        "degree": Integer(0, 8),
        "length": Null() | Real(0.0, closed="neither"),
        "derivative": OneOf("spectral", "fd2", "fd4"),
        "periodic": Boolean(),
        "interactions": OneOf("single", "full"),
        "fields": SequenceOf(Instance(str, "a string")),
        "include_bias": Boolean(),
        "boundary_trim": Integer(0),
    }

    def __init__(
        self,
        derivative_order: int = 4,
        degree: int = 4,
        *,
        length: float | None = None,
        derivative: str = "spectral",
        periodic: bool = True,
        interactions: str = "single",
        fields: Any = ("u",),
        include_bias: bool = False,
        boundary_trim: int = 0,
    ):
        self.derivative_order = derivative_order
        self.degree = degree
        self.length = length
        self.derivative = derivative
        self.periodic = periodic
        self.interactions = interactions
        self.fields = fields
        self.include_bias = include_bias
        self.boundary_trim = boundary_trim

    def _prepare(self, n_features):
        _check_periodic(self.derivative, self.periodic)
        fields = list(self.fields)
        self._n_fields = len(fields)
        n, rest = divmod(n_features, len(fields))
        if rest or n == 0:
            raise ValueError(
                f"States of width {n_features} cannot hold {len(fields)} fields "
                f"({fields}) of equal length: set fields to the names of yours."
            )
        trim = self.boundary_trim
        if 2 * trim >= n:
            raise ValueError(
                f"boundary_trim={trim} leaves none of the {n} grid points."
            )
        self.point_mask_ = np.ones(n, dtype=bool)
        self.point_mask_[:trim] = self.point_mask_[n - trim :] = False
        n_gaps = n if self.periodic else max(n - 1, 1)
        self._length = float(n_gaps if self.length is None else self.length)
        self._spacing = self._length / n_gaps

        _check_grid(
            n,
            self._length,
            self._spacing,
            int(self.derivative_order),
            self.derivative,
            self.periodic,
        )

        # A term is (indices of plain fields, (field, order) of its derivative or None).
        orders = range(1, self.derivative_order + 1)
        slots = [(f, d) for d in orders for f in range(len(fields))]
        slot_names = [f"{fields[f]}_{'x' * d}" for f, d in slots]
        if self.interactions == "full":
            self._slots = [(f, 0) for f in range(len(fields))] + slots
            terms = monomials(fields + slot_names, max(self.degree, 1))
            self._products = [factors for _, factors in terms]
            names = [name for name, _ in terms]
        else:
            self._slots = [(f, 0) for f in range(len(fields))] + slots
            powers = monomials(fields, self.degree)
            names, self._products = [], []
            for j in (None, *range(len(slots))):
                for power, factors in powers:
                    if j is None:
                        names.append(power)
                        self._products.append(factors)
                    else:
                        name = slot_names[j]
                        names.append(name if power == "1" else f"{power} {name}")
                        self._products.append((*factors, len(fields) + j))
        if not self.include_bias:
            names, self._products = names[1:], self._products[1:]
        if not names:
            raise ValueError(
                "The library is empty: raise degree or derivative_order, or include "
                "the bias."
            )
        return names

    def _derivatives(self, U, orders):
        if self.derivative == "spectral":
            return spectral_derivatives(U, self._length, orders)
        n, accuracy = U.shape[-1], _ACCURACY[self.derivative]
        return [
            (
                difference_matrix(n, self._spacing, d, accuracy, bool(self.periodic))
                @ U.T
            ).T
            for d in orders
        ]

    def _fill(self, X, out, wanted):
        n = self.n_points_
        products = [self._products[j] for j in wanted]
        used = {i for factors in products for i in factors}
        slots = [None] * len(self._slots)
        for f in range(self._n_fields):
            U = X[:, f * n : (f + 1) * n]
            slots[f] = U
            mine = [i for i in used if self._slots[i][0] == f and self._slots[i][1]]
            if mine:
                orders = [self._slots[i][1] for i in mine]
                for i, D in zip(mine, self._derivatives(U, orders), strict=True):
                    slots[i] = D
        _fill_products(slots, products, out)

    def _equation_names(self):
        return [f"{field}_t" for field in self.fields]

    def linear_symbol(self, coef: ArrayLike) -> Any:
        """Fourier symbol of the linear terms, where there is one.

        Parameters
        ----------
        coef : ndarray of shape (n_terms,)
            Coefficients.

        Returns
        -------
        symbol : ndarray of shape (n_points // 2 + 1,) or None
            Of the linear terms with their coefficients; None for several fields, and
            for finite differences.
        linear : ndarray of bool of shape (n_terms,)
            Which terms it stands for.
        """
        linear = np.array([len(f) == 1 for f in self._products])
        if self.derivative != "spectral" or self._n_fields > 1:
            return None, linear
        total = np.zeros(self.n_points_ // 2 + 1, dtype=np.complex128)
        for j in np.flatnonzero(linear & (coef != 0)):
            order = self._slots[self._products[j][0]][1]
            total += coef[j] * symbol(self.n_points_, self._length, order)
        return total, linear


class PDELibrary2D(PointwiseLibrary):
    """Powers of a field times spatial derivatives, on a rectangle.

    States are one scalar field on a uniform grid, rows (y) one after the other.

    Parameters
    ----------
    derivative_order : int, default=2
        Largest total order of the derivatives ``u_x, u_y, u_xx, u_xy, ...``.
    degree : int, default=2
        Largest total degree: powers of u alone go up to it, powers in front of a
        derivative up to one less.
    shape : tuple of int or None, default=None
        Numbers of grid points (n_y, n_x); None means a square, or, with a warning, a
        single row where the width is not a square number.
    lengths : tuple of float or None, default=None
        Lengths (y, x) of the domain; None means unit spacing.
    derivative : {"spectral", "fd2", "fd4"}, default="spectral"
        Fourier derivatives, or finite differences of second or fourth order.
    periodic : bool, default=True
        Whether the domain is periodic in both directions.
    laplacians : int, default=0
        Number of powers of the Laplacian to add, "lap u", "lap^2 u", ... Where they
        are, derivatives of order two and more are left out.
    streamfunction : bool, default=False
        Take u for a vorticity: add "psi", its first derivatives and "J(psi,u)",
        with ``lap psi = u`` and ``J(a, b) = a_x b_y - a_y b_x``. Spectral only.
    field : str, default="u"
        Name of the field.
    include_bias : bool, default=False
        Include the constant term.
    boundary_trim : int, default=0
        Number of points at each edge that regressions leave out.

    Attributes
    ----------
    term_names_ : list of str
        Names such as ``"u u_xy"``.
    n_points_ : int
        Number of grid points.
    point_mask_ : ndarray of bool of shape (n_points,)
        Points that a regression should use.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    PDELibrary1D : The same on a line.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import PDELibrary2D
    >>> library = PDELibrary2D(1, 2).fit(np.zeros((1, 64)))
    >>> library.term_names_
    ['u', 'u^2', 'u_x', 'u u_x', 'u_y', 'u u_y']
    """

    _param_rules = {
        "derivative_order": Integer(0, 6),
        "degree": Integer(1, 6),
        "shape": Null() | SequenceOf(Integer(1), 2),
        "lengths": Null() | SequenceOf(Real(0.0, closed="neither"), 2),
        "derivative": OneOf("spectral", "fd2", "fd4"),
        "periodic": Boolean(),
        "laplacians": Integer(0, 4),
        "streamfunction": Boolean(),
        "field": Instance(str, "a string"),
        "include_bias": Boolean(),
        "boundary_trim": Integer(0),
    }

    def __init__(
        self,
        derivative_order: int = 2,
        degree: int = 2,
        *,
        shape: Any = None,
        lengths: Any = None,
        derivative: str = "spectral",
        periodic: bool = True,
        laplacians: int = 0,
        streamfunction: bool = False,
        field: str = "u",
        include_bias: bool = False,
        boundary_trim: int = 0,
    ):
        self.derivative_order = derivative_order
        self.degree = degree
        self.shape = shape
        self.lengths = lengths
        self.derivative = derivative
        self.periodic = periodic
        self.laplacians = laplacians
        self.streamfunction = streamfunction
        self.field = field
        self.include_bias = include_bias
        self.boundary_trim = boundary_trim

    def _prepare(self, n_features):
        _check_periodic(self.derivative, self.periodic)
        if self.streamfunction and self.derivative != "spectral":
            raise ValueError(
                "streamfunction=True inverts the Laplacian and needs "
                "derivative='spectral' on a periodic domain."
            )
        if self.shape is None:
            side = math.isqrt(n_features)
            shape = (side, side)
            if side**2 != n_features:
                shape = (1, n_features)
                warn_user(
                    f"{n_features} is not a square number: the states are taken for "
                    "grids of a single row. Pass shape=(n_y, n_x)."
                )
        else:
            shape = tuple(int(n) for n in self.shape)
        if len(shape) != 2 or shape[0] * shape[1] != n_features:
            raise ValueError(
                f"shape must hold two numbers (n_y, n_x) whose product is the width "
                f"of the states, {n_features}; got {self.shape}."
            )
        self._shape = shape
        gaps = [n if self.periodic else max(n - 1, 1) for n in shape]
        self._lengths = tuple(
            map(float, gaps if self.lengths is None else self.lengths)
        )
        if len(self._lengths) != 2:
            raise ValueError(f"lengths must hold two numbers; got {self.lengths}.")
        self._spacings = [a / n for a, n in zip(self._lengths, gaps, strict=True)]
        order = max(
            int(self.derivative_order) if not self.laplacians else 1,
            2 * min(int(self.laplacians), 1),
        )
        for n, length, spacing in zip(
            shape, self._lengths, self._spacings, strict=True
        ):
            _check_grid(n, length, spacing, order, self.derivative, self.periodic)
        trim = self.boundary_trim
        if 2 * trim >= min(shape):
            raise ValueError(f"boundary_trim={trim} leaves no point of grid {shape}.")
        inside = np.zeros(shape, dtype=bool)
        inside[trim : shape[0] - trim, trim : shape[1] - trim] = True
        self.point_mask_ = inside.ravel()

        u = self.field
        top = (
            min(self.derivative_order, 1) if self.laplacians else self.derivative_order
        )
        self._orders = [(d - b, b) for d in range(1, top + 1) for b in range(d + 1)]
        linear = [f"{u}_{'x' * a}{'y' * b}" for a, b in self._orders]
        for power in range(1, self.laplacians + 1):
            linear.append(f"lap {u}" if power == 1 else f"lap^{power} {u}")
        if self.streamfunction:
            linear += ["psi", "psi_x", "psi_y"]
        power_names = [name for name, _ in monomials([u], self.degree)]
        names = power_names[0 if self.include_bias else 1 :]
        for name in linear:
            names += [name] + [f"{p} {name}" for p in power_names[1 : self.degree]]
        if self.streamfunction:
            names.append(f"J(psi,{u})")
        return names

    def _derivative(self, U, a, b):
        """d^a/dx^a d^b/dy^b of fields (n, n_y, n_x)."""
        periodic, accuracy = bool(self.periodic), _ACCURACY[self.derivative]
        if a:
            D = difference_matrix(U.shape[2], self._spacings[1], a, accuracy, periodic)
            U = (D @ U.reshape(-1, U.shape[2]).T).T.reshape(U.shape)
        if b:
            D = difference_matrix(U.shape[1], self._spacings[0], b, accuracy, periodic)
            V = U.transpose(1, 0, 2).reshape(U.shape[1], -1)
            U = (D @ V).reshape(U.shape[1], U.shape[0], -1).transpose(1, 0, 2)
        return U

    def _linear_fields(self, U):
        """Yield the linear terms in order, and return what J(psi, u) needs."""
        if self.derivative != "spectral":
            fields = [self._derivative(U, a, b) for a, b in self._orders]
            if self.laplacians:
                value = U
                for _ in range(self.laplacians):
                    value = self._derivative(value, 2, 0) + self._derivative(
                        value, 0, 2
                    )
                    fields.append(value)
            return fields, None
        ny, nx = self._shape
        V = scipy.fft.rfft2(U, axes=(1, 2))

        def back(W):
            return scipy.fft.irfft2(W, s=(ny, nx), axes=(1, 2))

        def factor(a, b):
            return symbol(nx, self._lengths[1], a) * full_symbol(
                ny, self._lengths[0], b
            )

        fields = [back(V * factor(a, b)) for a, b in self._orders]
        laplacian = factor(2, 0) + factor(0, 2)
        fields += [back(V * laplacian**p) for p in range(1, self.laplacians + 1)]
        jacobian = None
        if self.streamfunction:
            inverse = np.divide(
                1.0, laplacian, out=np.zeros_like(laplacian), where=laplacian != 0
            )
            P = V * inverse
            psi_x, psi_y = back(P * factor(1, 0)), back(P * factor(0, 1))
            fields += [back(P), psi_x, psi_y]
            u_x, u_y = back(V * factor(1, 0)), back(V * factor(0, 1))
            jacobian = psi_x * u_y - psi_y * u_x
        return fields, jacobian

    def _fill(self, X, out, wanted):
        U = X.reshape(-1, *self._shape)
        fields, jacobian = self._linear_fields(U)
        powers = [np.ones_like(U)]
        for _ in range(self.degree):
            powers.append(powers[-1] * U)
        plain = powers[0 if self.include_bias else 1 :]
        for row, j in zip(out.reshape(len(out), *U.shape), wanted, strict=True):
            if j < len(plain):
                row[:] = plain[j]
            elif jacobian is not None and j == len(self.term_names_) - 1:
                row[:] = jacobian
            else:
                field, power = divmod(j - len(plain), self.degree)
                np.multiply(powers[power], fields[field], out=row)

    def _equation_names(self):
        return [f"{self.field}_t"]
