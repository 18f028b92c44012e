"""Libraries of candidate terms, as transformers of states."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    SequenceOf,
    check_params,
)

__all__ = ["FunctionLibrary", "PointwiseLibrary", "StencilLibrary", "monomials"]


def monomials(names, degree):
    """List the monomials of some variables, constant first.

    Parameters
    ----------
    names : sequence of str
        Names of the variables.
    degree : int
        Largest total degree.

    Returns
    -------
    terms : list of (str, tuple of int)
        Name, and indices of the factors.
    """
    terms = []
    for total in range(degree + 1):
        for factors in combinations_with_replacement(range(len(names)), total):
            parts = []
            for i in sorted(set(factors), key=factors.index):
                power = factors.count(i)
                parts.append(names[i] if power == 1 else f"{names[i]}^{power}")
            terms.append((" ".join(parts) or "1", factors))
    return terms


def _fill_products(slots, products, out):
    """Write products of slots, each one factor away from an earlier one if it can."""
    done = {(): 1.0}
    for row, factors in zip(out, products, strict=True):
        head = factors[:-1]
        if head not in done:
            value = slots[head[0]]
            for i in head[1:]:
                value = value * slots[i]
            done[head] = value
        row[:] = done[head] * slots[factors[-1]] if factors else 1.0
        done[factors] = row


class PointwiseLibrary(TransformerMixin, BaseEstimator):
    """Base of libraries whose terms are fields: one value per grid point.

    A subclass checks its parameters in ``_prepare(n_features)``, which returns the
    names of its terms, and fills an array (n_wanted, n, n_points) with the wanted
    terms in ``_fill``.

    ``evaluate`` gives the terms as an array of shape (n, n_points, n_terms), which
    is what a regression with coefficients shared by all points wants; ``transform``
    gives the same numbers as one row per state.
    """

    _n_fields = 1
    _wraps_others = False  # windows and memories do not nest

    def _prepare(self, n_features):
        raise NotImplementedError  # each library names its terms

    def _fill(self, X, out, wanted):
        raise NotImplementedError  # each library computes its terms

    def fit(self, X, y=None):
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
        X = validate_data(self, X, dtype=np.float64)
        self._fit_width(X.shape[1])
        # What transform would refuse is refused here: shapes, and values out of range.
        largest = int(np.argmax(np.abs(X).max(axis=1)))
        self._finite_terms(X[[*range(min(len(X), 100)), largest]])
        return self

    def _fit_width(self, n_features):
        self.term_names_ = list(self._prepare(n_features))
        self.n_points_ = n_features // self._n_fields
        if not hasattr(self, "point_mask_") or len(self.point_mask_) != self.n_points_:
            self.point_mask_ = np.ones(self.n_points_, dtype=bool)

    def _terms(self, X, wanted=None):
        """Terms of validated states, (n_wanted, n, n_points); None wants all."""
        wanted = range(len(self.term_names_)) if wanted is None else wanted
        out = np.empty((len(wanted), len(X), self.n_points_))
        self._fill(X, out, wanted)
        return out

    def _finite_terms(self, X):
        """Terms of validated states; refuse what is not finite, by name."""
        with np.errstate(all="ignore"):
            terms = self._terms(X)
        good = np.isfinite(terms).all(axis=(1, 2))
        if not good.all():
            bad = [self.term_names_[j] for j in np.flatnonzero(~good)]
            listed = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
            raise ValueError(
                f"The terms {listed} are infinite or NaN for states of size up to "
                f"{np.abs(X).max():.3g}: rescale the states, lower the degree, or "
                "check the functions on your range of values."
            )
        return terms

    def _check_wrapped(self, library):
        """Refuse to wrap a library that wraps another one itself."""
        if getattr(library, "_wraps_others", False):
            raise ValueError(
                f"{type(self).__name__} takes a library of terms in the state alone; "
                f"got a {type(library).__name__}: windows and memories do not nest."
            )

    def _equation_names(self):
        return [f"x{i}_t" for i in range(self._n_fields)]

    def evaluate(self, X):
        """Evaluate the terms at every grid point.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States.

        Returns
        -------
        terms : ndarray of shape (n_samples, n_points, n_terms)
            Each term of each state at each point.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._finite_terms(X).transpose(1, 2, 0)

    def transform(self, X):
        """Evaluate the terms, one row per state.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States.

        Returns
        -------
        terms : ndarray of shape (n_samples, n_points * n_terms)
            The numbers of :meth:`evaluate`, the terms of a point side by side.
        """
        terms = self.evaluate(X)
        return terms.reshape(len(terms), -1)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of :meth:`transform`: term, then point.

        Parameters
        ----------
        input_features : array-like of str, optional
            Checked against the names seen in fit, otherwise not used.

        Returns
        -------
        names : ndarray of str
            For instance ``"u u_x @ 3"``.
        """
        check_is_fitted(self)
        if input_features is not None:
            input_features = np.asarray(input_features, dtype=object)
            seen = getattr(self, "feature_names_in_", None)
            if seen is not None and not np.array_equal(seen, input_features):
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(input_features)}"
                )
        return np.array(
            [f"{t} @ {i}" for i in range(self.n_points_) for t in self.term_names_],
            dtype=object,
        )


class StencilLibrary(PointwiseLibrary):
    """Monomials of neighboring sites of a lattice, with shared coefficients.

    Parameters
    ----------
    offsets : tuple of int, default=(-2, -1, 0, 1, 2)
        Neighbors, relative to the site itself.
    degree : int, default=2
        Largest total degree.
    periodic : bool, default=True
        Whether the lattice is a ring. Otherwise sites whose neighbors lie outside
        are left out of regressions (``point_mask_``); the missing neighbors read as
        the outermost site.
    include_bias : bool, default=True
        Include the constant term.

    Attributes
    ----------
    term_names_ : list of str
        Names such as ``"x[-1] x[+1]"``.
    n_points_ : int
        Number of sites.
    point_mask_ : ndarray of bool of shape (n_points,)
        Sites that a regression should use.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    PDELibrary1D : Terms with derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import StencilLibrary
    >>> library = StencilLibrary(offsets=(-1, 0), degree=1).fit(np.zeros((1, 5)))
    >>> library.term_names_
    ['1', 'x[-1]', 'x']
    >>> library.evaluate(np.arange(5.0)[None])[0, 2]
    array([1., 1., 2.])
    """

    _param_rules = {
        "offsets": SequenceOf(Integer()),
        "degree": Integer(1, 8),
        "periodic": Boolean(),
        "include_bias": Boolean(),
    }

    def __init__(
        self,
        offsets: Any = (-2, -1, 0, 1, 2),
        degree: int = 2,
        *,
        periodic: bool = True,
        include_bias: bool = True,
    ):
        self.offsets = offsets
        self.degree = degree
        self.periodic = periodic
        self.include_bias = include_bias

    def _prepare(self, n_features):
        offsets = [int(o) for o in self.offsets]
        if len(set(offsets)) < len(offsets):
            raise ValueError(f"offsets must differ from each other; got {offsets}.")
        site = np.arange(n_features)[:, None] + np.asarray(offsets)
        inside = ((site >= 0) & (site < n_features)).all(axis=1)
        self.point_mask_ = inside | bool(self.periodic)
        if self.periodic:
            self._sites = site % n_features
        else:
            self._sites = np.clip(site, 0, n_features - 1)
        names = ["x" if o == 0 else f"x[{o:+d}]" for o in offsets]
        terms = monomials(names, self.degree)[0 if self.include_bias else 1 :]
        self._factors = [factors for _, factors in terms]
        return [name for name, _ in terms]

    def _fill(self, X, out, wanted):
        sites = [X[:, self._sites[:, i]] for i in range(self._sites.shape[1])]
        _fill_products(sites, [self._factors[j] for j in wanted], out)

    def _equation_names(self):
        return ["x_t"]


class FunctionLibrary(PointwiseLibrary):
    """Functions of the state, by name.

    Parameters
    ----------
    functions : sequence of callable or None, default=None
        Each takes states of shape (n, n_features) and returns one value per
        component, an array of the same shape. Functions defined at module level keep
        the library picklable. None means the identity and the square.
    names : sequence of str or None, default=None
        Names of the terms; by default those of the functions.
    include_bias : bool, default=False
        Put the constant first.

    Attributes
    ----------
    term_names_ : list of str
        Names of the terms.
    n_points_ : int
        Number of components.
    point_mask_ : ndarray of bool of shape (n_points,)
        All true.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    sklearn.preprocessing.FunctionTransformer : One function, columns of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import FunctionLibrary
    >>> library = FunctionLibrary((np.sin, np.cos)).fit(np.zeros((1, 2)))
    >>> library.term_names_
    ['sin', 'cos']
    >>> library.evaluate(np.zeros((1, 2)))[0]
    array([[0., 1.],
           [0., 1.]])
    """

    _param_rules = {
        "functions": Null() | SequenceOf(Callable()),
        "names": Null() | SequenceOf(Instance(str, "a string")),
        "include_bias": Boolean(),
    }

    def __init__(
        self, functions: Any = None, names: Any = None, *, include_bias: bool = False
    ):
        self.functions = functions
        self.names = names
        self.include_bias = include_bias

    def _prepare(self, n_features):
        functions = (_identity, np.square) if self.functions is None else self.functions
        functions = list(functions)
        if self.names is None:
            names = [getattr(f, "__name__", repr(f)) for f in functions]
        else:
            names = list(self.names)
        if len(names) != len(functions):
            raise ValueError(
                f"names must hold one name per function: {len(functions)} functions, "
                f"{len(names)} names."
            )
        self._functions = functions
        return ["1"] * bool(self.include_bias) + names

    def _fill(self, X, out, wanted):
        first = int(self.include_bias)
        for row, j in zip(out, wanted, strict=True):
            if j < first:
                row[:] = 1.0
                continue
            value = np.asarray(self._functions[j - first](X))
            if value.shape != X.shape:
                raise ValueError(
                    f"Function {self.term_names_[j]!r} must return an array of shape "
                    f"{X.shape}, one value per component; got {value.shape}."
                )
            row[:] = value


def _identity(X):
    return X
