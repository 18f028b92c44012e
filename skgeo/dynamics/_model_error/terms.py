"""One view of every library: terms as arrays (n_terms, n, n_points)."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgeo.dynamics._library.pointwise import PointwiseLibrary

__all__ = ["Terms"]


class Terms:
    """A fitted library, seen as equations over points.

    A pointwise library has one equation per field, whose coefficients all points
    share. Any other library has one equation per component of the state, and a single
    point.

    Parameters
    ----------
    library : object
        A fitted transformer.
    X : ndarray of shape (n, n_features)
        States to try it on.
    n_outputs : int
        Number of components that the equations are to give.
    state_names : list of str
        Names of the components of a state.
    """

    def __init__(self, library, X, n_outputs, state_names):
        self.library, self.state_names = library, state_names
        self.fast = isinstance(library, PointwiseLibrary)
        probe = self._evaluate(X[:1])
        self.pointwise = probe.ndim == 3
        if not np.isfinite(probe).all():
            raise ValueError(
                "The library returned NaN or infinity for the first state: check its "
                "functions on your range of values."
            )
        self.n_points = probe.shape[1] if self.pointwise else 1
        self.n_equations, rest = divmod(n_outputs, self.n_points)
        if rest or self.n_equations == 0:
            raise ValueError(
                f"The library gives terms at {self.n_points} points, which do not "
                f"divide the {n_outputs} components of the state."
            )
        self.names = self._names(probe.shape[-1])
        mask = getattr(library, "point_mask_", np.ones(self.n_points, dtype=bool))
        self.mask = np.tile(mask, self.n_equations)

    def _evaluate(self, X):
        if self.fast:
            return self.library._terms(X).transpose(1, 2, 0)
        evaluate = getattr(self.library, "evaluate", self.library.transform)
        values = evaluate(X)
        if hasattr(values, "toarray"):
            values = values.toarray()
        values = np.asarray(values, dtype=np.float64)
        if values.ndim not in (2, 3) or len(values) != len(X):
            raise ValueError(
                "A library must turn states (n, n_features) into an array (n, n_terms) "
                f"or (n, n_points, n_terms); got shape {values.shape}."
            )
        return values

    def _names(self, n_terms):
        candidates = [lambda: self.library.term_names_]
        if not self.pointwise:
            # In the user's names for the components, where the library takes them.
            states = np.asarray(self.state_names, dtype=object)
            candidates = [
                lambda: self.library.get_feature_names_out(states),
                lambda: self.library.get_feature_names_out(),
                *candidates,
            ]
        for names_of in candidates:
            try:
                names = list(names_of())
            except (AttributeError, TypeError, ValueError):
                continue
            if len(names) == n_terms:
                return [str(name) for name in names]
        return [f"phi{j}" for j in range(n_terms)]

    def equation_names(self):
        """Left-hand sides, such as ``u_t``."""
        if hasattr(self.library, "_equation_names") and self.pointwise:
            names = self.library._equation_names()
            if len(names) == self.n_equations:
                return names
        if not self.pointwise and len(self.state_names) == self.n_equations:
            return [f"{name}_t" for name in self.state_names]
        return [f"x{k}_t" for k in range(self.n_equations)]

    def terms(self, X, wanted=None):
        """Evaluate terms: (n_terms, n, n_points)."""
        check_is_fitted(self.library)
        if self.fast:
            return self.library._terms(X, wanted)
        values = self._evaluate(X)
        if values.ndim == 2:
            values = values[:, None, :]
        values = values.transpose(2, 0, 1)
        return values if wanted is None else values[wanted]

    def tendency(self, X, coef, intercept):
        """Sum of terms, coefficients (n_equations, n_terms): (n, n_outputs)."""
        wanted = np.flatnonzero(coef.any(axis=0))
        if len(wanted):
            T = self.terms(X, wanted)
            H = np.tensordot(coef[:, wanted], T, axes=(1, 0)).transpose(1, 0, 2)
        else:
            H = np.zeros((len(X), self.n_equations, self.n_points))
        return (H + intercept[:, None]).reshape(len(X), -1)
