"""Weak form: terms averaged over windows, derivatives moved by parts."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.preprocessing import PolynomialFeatures

from skgeo.dynamics._library.pde import PDELibrary1D
from skgeo.dynamics._library.pointwise import PointwiseLibrary, monomials
from skgeo.utils.params import Integer, Null, OneOf, Rule, check_params

__all__ = ["TransformerRule", "WeakLibrary"]


class TransformerRule(Rule):
    """A library of terms."""

    def accepts(self, value):
        return hasattr(value, "fit") and hasattr(value, "transform")

    def __str__(self):
        return "a library with fit and transform"


class WeakLibrary(PointwiseLibrary):
    r"""Candidate terms in weak form, for noisy fields and trajectories.

    Equations are multiplied by smooth functions that vanish at the ends of windows of
    space and time, and integrated: :math:`-\langle \varphi_t, u \rangle = \sum_j c_j
    \langle \varphi, \theta_j(u) \rangle`. Derivatives go over to the window by parts,
    so that noisy data are never differentiated. Handed to
    :class:`~skgeo.dynamics.MEDIDA`, it takes consecutive pairs of states:
    ``fit(U[:-1], U[1:])``.

    Of a :class:`~skgeo.dynamics.PDELibrary1D` the terms are taken in conservative form:
    ``u^p`` and derivatives of powers, ``u u_x`` (half of ``(u^2)_x``) but ``(u^2)_xx``.
    Terms of any other library are averaged over windows of time as they are.

    Parameters
    ----------
    library : transformer or None, default=None
        The terms. None means polynomials of degree 2 of the components.
    width : "auto" or int, default="auto"
        Number of grid points of a window, for a :class:`PDELibrary1D`. "auto" takes
        2.2 of the shortest waves that stand out of the noise, at least 21 points.
    duration : "auto" or int, default="auto"
        Number of samples of a window in time; "auto" as for ``width``.
    power : int, default=6
        Windows are ``(1 - s^2) ** power`` for s from -1 to 1.
    max_gap : int, default=2
        Number of successive missing samples (NaN) of a component that are interpolated
        in time. Windows with longer gaps are left out.

    Attributes
    ----------
    term_names_ : list of str
        Names such as ``"u u_x"`` or ``"(u^2)_xx"``.
    library_ : transformer
        The fitted library.
    n_points_ : int
        Number of grid points, or 1 for equations of single components.
    point_mask_ : ndarray of bool of shape (n_points,)
        All true.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    MEDIDA : Takes this library.
    EnsembleKalmanFilter : The other remedy for noise.

    References
    ----------
    D. A. Messenger, D. M. Bortz, J. Comput. Phys. 443, 110525 (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import MEDIDA, PDELibrary1D, WeakLibrary
    >>> x, t = np.linspace(0, 1, 64), np.linspace(0, 2, 101)[:, None]
    >>> U = np.exp(-t) * np.sin(np.pi * x)
    >>> U += 0.5 * np.exp(-4 * t) * np.sin(2 * np.pi * x)
    >>> U += 0.01 * np.random.default_rng(0).standard_normal(U.shape)
    >>> space = PDELibrary1D(2, 1, length=1.0, periodic=False, derivative="fd4")
    >>> medida = MEDIDA(None, dt=0.02, library=WeakLibrary(space))
    >>> medida.fit(U[:-1], U[1:]).equations(2)
    ['u_t = 0.10 u_xx']
    """

    _wraps_others = True
    _param_rules = {
        "library": Null() | TransformerRule(),
        "width": OneOf("auto") | Integer(5),
        "duration": OneOf("auto") | Integer(5),
        "power": Integer(2, 20),
        "max_gap": Integer(0),
    }

    def __init__(
        self,
        library: object = None,
        *,
        width: str | int = "auto",
        duration: str | int = "auto",
        power: int = 6,
        max_gap: int = 2,
    ):
        self.library = library
        self.width = width
        self.duration = duration
        self.power = power
        self.max_gap = max_gap

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the grid from the width of the states.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States; their width matters, and that the terms are finite for them.
        y : Ignored
            Not used.

        Returns
        -------
        self : object
            Fitted library.
        """
        check_params(self)
        self._check_wrapped(self.library)
        base = PolynomialFeatures(2) if self.library is None else clone(self.library)
        self.library_ = base.fit(X)
        return super().fit(X)

    @property
    def is_spatial(self):
        """Whether windows extend in space."""
        return isinstance(self.library_, PDELibrary1D)

    def _prepare(self, n_features):
        base = self.library_
        if not self.is_spatial:
            self._n_fields = n_features
            if isinstance(base, PointwiseLibrary):
                self._n_fields = base._n_fields
                return base.term_names_
            states = np.array([f"x{i}" for i in range(n_features)], dtype=object)
            states = getattr(self, "feature_names_in_", states)
            return list(base.get_feature_names_out(states))
        if base.interactions == "full":
            raise ValueError(
                "WeakLibrary moves derivatives of powers by parts; products of "
                "derivatives have no such form. Use interactions='single'."
            )
        self._n_fields = base._n_fields
        fields = list(base.fields)
        # A term is (factors of the product, order of its derivative, weight).
        plain = monomials(fields, base.degree)
        names = [name for name, _ in plain]
        self._weak = [(factors, 0, 1.0) for _, factors in plain]
        if not base.include_bias:
            names, self._weak = names[1:], self._weak[1:]
        inner = monomials(fields, base.degree + 1)[1:]
        for order in range(1, base.derivative_order + 1):
            for name, factors in inner:
                power, single = len(factors), len(set(factors)) == 1
                mark = "_" + "x" * order
                weight = 1.0
                if power == 1:
                    names.append(name + mark)
                elif single and order == 1:
                    field = fields[factors[0]]
                    head = field if power == 2 else f"{field}^{power - 1}"
                    names.append(f"{head} {field}{mark}")
                    weight = 1 / power
                else:
                    names.append(f"({name}){mark}")
                self._weak.append((factors, order, weight))
        return names

    def _products(self, X):
        """Products of fields, by their factors: each (n, n_points)."""
        n = self.n_points_
        out = {}
        for factors, _, _ in self._weak:
            if factors in out:
                continue
            value = np.ones((len(X), n))
            for f in factors:
                value = value * X[:, f * n : (f + 1) * n]
            out[factors] = value
        return out

    def _fill(self, X, out, wanted):
        """Terms at points, for stepping a corrected model."""
        base = self.library_
        if not self.is_spatial:
            if isinstance(base, PointwiseLibrary):
                base._fill(X, out, wanted)
                return
            values = base.transform(X)
            values = values.toarray() if hasattr(values, "toarray") else values
            out[:] = np.asarray(values).T[list(wanted)][:, :, None]
            return
        products = self._products(X)
        for row, j in zip(out, wanted, strict=True):
            factors, order, weight = self._weak[j]
            value = products[factors]
            row[:] = base._derivatives(value, [order])[0] * weight if order else value

    def _equation_names(self):
        if hasattr(self.library_, "_equation_names"):
            return self.library_._equation_names()
        states = [f"x{i}" for i in range(self.n_features_in_)]
        return [f"{name}_t" for name in getattr(self, "feature_names_in_", states)]
