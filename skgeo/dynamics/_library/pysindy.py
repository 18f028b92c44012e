"""Libraries and optimizers of pysindy as estimators that clone and validate."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.dynamics._library.pointwise import PointwiseLibrary
from skgeo.utils.params import Callable, Null, check_params

__all__ = ["from_pysindy"]


def from_pysindy(factory: Any, *, pointwise: str = "auto") -> Any:
    """Wrap a pysindy library or optimizer for use in MEDIDA.

    Parameters
    ----------
    factory : callable
        Returns a new, unfitted pysindy object each time; for instance
        ``functools.partial(pysindy.STLSQ, threshold=0.1)``. A factory, because some
        of pysindy's objects cannot be cloned.
    pointwise : bool or "auto", default="auto"
        For libraries: whether states are one field on a grid, as PDE libraries take
        them, rather than unrelated components. "auto" tells by the class.

    Returns
    -------
    wrapped : transformer or regressor
        A library with one equation per component (or, pointwise, for the field), or
        a regressor with ``coef_``.

    Raises
    ------
    ImportError
        If pysindy is not installed (``pip install skgeo[pysindy]``).
    ValueError
        If the factory returns neither.

    See Also
    --------
    MEDIDA : Takes both.

    Examples
    --------
    >>> from functools import partial
    >>> from skgeo.dynamics import from_pysindy
    >>> import pysindy  # doctest: +SKIP
    >>> from_pysindy(partial(pysindy.STLSQ, threshold=0.1))  # doctest: +SKIP
    """
    try:
        from pysindy.feature_library.base import BaseFeatureLibrary
        from pysindy.optimizers.base import BaseOptimizer
    except ImportError as error:
        raise ImportError(
            "from_pysindy needs pysindy: pip install 'skgeo[pysindy]'."
        ) from error
    if isinstance(factory, (BaseFeatureLibrary, BaseOptimizer)):
        name = type(factory).__name__
        raise ValueError(
            f"from_pysindy takes a factory, not an object: pass pysindy.{name}, or "
            f"functools.partial(pysindy.{name}, ...) with its arguments."
        )
    if not callable(factory):
        raise ValueError(
            f"factory must be a callable that returns a pysindy object; got {factory!r}"
            "."
        )
    instance = factory()
    if isinstance(instance, BaseFeatureLibrary):
        if pointwise == "auto":
            pointwise = "PDE" in type(instance).__name__
        return _PointwisePySINDy(factory) if pointwise else _PySINDyLibrary(factory)
    if isinstance(instance, BaseOptimizer):
        return _PySINDyRegressor(factory)
    raise ValueError(
        "factory must return a pysindy library or optimizer, and a new one each time; "
        f"it returned {type(instance).__name__}."
    )


def _new(factory, default):
    if factory is not None:
        return factory()
    import pysindy

    return getattr(pysindy, default)()


class _PySINDyLibrary(TransformerMixin, BaseEstimator):
    """A pysindy library of the components of a state."""

    _param_rules = {"factory": Null() | Callable()}

    def __init__(self, factory=None):
        self.factory = factory

    def fit(self, X, y=None):
        """Fit a new library."""
        check_params(self)
        X = validate_data(self, X, dtype=np.float64)
        self._library = _new(self.factory, "PolynomialLibrary").fit(X)
        names = getattr(self, "feature_names_in_", None)
        names = [f"x{i}" for i in range(X.shape[1])] if names is None else list(names)
        self.term_names_ = list(self._library.get_feature_names(names))
        self._n_features_out = len(self.term_names_)
        return self

    def transform(self, X):
        """Evaluate the terms, (n_samples, n_terms)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.array(self._library.transform(X), dtype=np.float64)

    def get_feature_names_out(self, input_features=None):
        """Names of the terms, in the given names of the components."""
        check_is_fitted(self)
        names = self.term_names_
        if input_features is not None:
            names = self._library.get_feature_names(list(input_features))
        return np.asarray(names, dtype=object)


class _PointwisePySINDy(PointwiseLibrary):
    """A pysindy library of one field on a grid."""

    _param_rules = {"factory": Null() | Callable()}

    def __init__(self, factory=None):
        self.factory = factory

    def _prepare(self, n_features):
        # pysindy wants (n_grid, n_samples, n_fields).
        library = _new(self.factory, "PolynomialLibrary")
        self._library = library.fit(np.zeros((n_features, 2, 1)))
        return self._library.get_feature_names(["u"])

    def _fill(self, X, out, wanted):
        values = np.asarray(self._library.transform(X.T[:, :, None]))
        values = values.reshape(X.shape[1], len(X), -1)
        out[:] = values[:, :, list(wanted)].transpose(2, 1, 0)

    def _equation_names(self):
        return ["u_t"]


class _PySINDyRegressor(RegressorMixin, BaseEstimator):
    """A pysindy optimizer as a regressor of one target."""

    _param_rules = {"factory": Null() | Callable()}

    def __init__(self, factory=None):
        self.factory = factory

    def fit(self, X, y):
        """Fit a new optimizer."""
        check_params(self)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.optimizer_ = _new(self.factory, "STLSQ")
        self.optimizer_.fit(X, np.asarray(y, dtype=np.float64)[:, None])
        self.coef_ = np.array(self.optimizer_.coef_, dtype=np.float64).ravel()
        self.intercept_ = float(
            np.ravel(getattr(self.optimizer_, "intercept_", 0.0))[0]
        )
        return self

    def predict(self, X):
        """Predict the target."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_
