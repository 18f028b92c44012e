"""Past states as candidate terms."""

import numbers
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag
from sklearn.base import clone
from sklearn.preprocessing import PolynomialFeatures

from skgeo.dynamics._hippo import HiPPOProjector
from skgeo.dynamics._library.pointwise import PointwiseLibrary
from skgeo.dynamics._library.weak import TransformerRule
from skgeo.dynamics._window_states import discretize, window_matrices
from skgeo.utils.params import Instance, Integer, Null, check_params

__all__ = ["MemoryLibrary"]


class MemoryLibrary(PointwiseLibrary):
    """Candidate terms and, linearly, the past of each component.

    What a model does not resolve depends on where the resolved state came from, not
    only on where it is. Handed to :class:`~skgeo.dynamics.MEDIDA`, the library takes
    consecutive pairs of states, ``fit(U[:-1], U[1:])``, of one or several
    trajectories; the first pairs of each, whose past is not known, are left out. Terms
    are evaluated at the start of the step, and the corrected model carries its memory
    along.

    Parameters
    ----------
    library : transformer or None, default=None
        The terms in the present state. None means polynomials of degree 2.
    memory : int or HiPPOProjector, default=4
        Number of past states of each component; or a
        :class:`~skgeo.dynamics.HiPPOProjector` whose window, a number, says how far
        the memory reaches (in seconds; in samples with its ``sfreq=1.0``), and
        ``n_states`` in how many numbers: for memories of very many samples.

    Attributes
    ----------
    term_names_ : list of str
        Names; past states are ``"x(t-1)"``, window states ``"x~0"``.
    library_ : transformer
        The fitted library.
    n_warm_ : int
        Number of past samples that the memory needs.
    n_points_ : int
        Number of grid points, or 1 for equations of single components.
    point_mask_ : ndarray of bool of shape (n_points,)
        Points that a regression should use.
    n_features_in_ : int
        Width of the states seen in fit.

    See Also
    --------
    MEDIDA : Takes this library.
    forecast_scorer : For the choice of the memory.

    Notes
    -----
    By itself, ``transform`` knows no past, and takes each state to have been there
    for ever.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import MemoryLibrary, StencilLibrary
    >>> library = MemoryLibrary(StencilLibrary((0,), 2), 2).fit(np.zeros((1, 8)))
    >>> library.term_names_
    ['1', 'x', 'x^2', 'x(t-1)', 'x(t-2)']
    """

    _wraps_others = True
    _param_rules = {
        "library": Null() | TransformerRule(),
        "memory": Integer(0, 1000) | Instance(HiPPOProjector, "a HiPPOProjector"),
    }

    def __init__(self, library: object = None, memory: int | HiPPOProjector = 4):
        self.library = library
        self.memory = memory

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

    def _prepare(self, n_features):
        base, states = self.library_, self._state_names(n_features)
        self._transition, self._input, self.n_warm_ = _memory_matrices(self.memory)
        marks = [f"(t-{k + 1})" for k in range(len(self._input))]
        if not isinstance(self.memory, numbers.Integral):
            marks = [f"~{k}" for k in range(len(self._input))]
        self._width = n_features
        if isinstance(base, PointwiseLibrary):
            self._n_fields = base._n_fields
            self.point_mask_ = base.point_mask_
            states = [name.removesuffix("_t") for name in base._equation_names()]
            names = list(base.term_names_)
        else:
            self._n_fields = n_features
            try:
                names = list(base.get_feature_names_out(np.array(states, dtype=object)))
            except (AttributeError, ValueError):
                names = list(base.get_feature_names_out())
        self._n_base = len(names)
        return names + [name + mark for mark in marks for name in states]

    def _state_names(self, n_features):
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(n_features)] if names is None else list(names)

    def _advance(self, memory, X):
        """Let states enter the memory: (n, n_memory, n_features) after them."""
        old = np.einsum("ij,njd->nid", self._transition, memory)
        return old + self._input[None, :, None] * X[:, None, :]

    def _remember(self, states):
        """Memories before each state of a trajectory, (n, n_memory, n_features).

        The first ``n_warm_`` of them are not complete.
        """
        out = np.empty((len(states), len(self._input), states.shape[1]))
        memory = np.zeros((1, *out.shape[1:]))
        for i, x in enumerate(states):
            out[i] = memory[0]
            memory = self._advance(memory, x[None])
        return out

    def _join(self, X, memory):
        """States with their memory, as the terms take them."""
        return np.concatenate([X, memory.reshape(len(X), -1)], axis=1)

    def _fill(self, X, out, wanted):
        d = self._width
        if X.shape[1] == d:  # states that have been there for ever
            rest = np.linalg.solve(
                np.eye(len(self._input)) - self._transition, self._input
            )
            X = self._join(X, rest[None, :, None] * X[:, None, :])
        wanted = np.asarray(list(wanted), dtype=int)
        first = wanted[wanted < self._n_base]
        if len(first):
            out[: len(first)] = self._base_terms(X[:, :d], first)
        n, n_fields = self.n_points_, self._n_fields
        for row, j in zip(out[len(first) :], wanted[len(first) :], strict=True):
            state, field = divmod(j - self._n_base, n_fields)
            start = d * (1 + state) + field * n
            row[:] = X[:, start : start + n]

    def _base_terms(self, X, wanted):
        base = self.library_
        if isinstance(base, PointwiseLibrary):
            return base._terms(X, wanted)
        values = base.transform(X)
        values = values.toarray() if hasattr(values, "toarray") else values
        return np.asarray(values, dtype=np.float64).T[wanted][:, :, None]

    def _equation_names(self):
        if isinstance(self.library_, PointwiseLibrary):
            return self.library_._equation_names()
        return [f"{name}_t" for name in self._state_names(self._width)]


def _memory_matrices(memory):
    """Transition and input of the memory of one component, and its reach."""
    if isinstance(memory, numbers.Integral):
        q = int(memory)
        return np.eye(q, k=-1), np.eye(q, 1)[:, 0], q
    check_params(memory)
    windows = memory.window
    windows = windows if isinstance(windows, (tuple, list)) else (windows,)
    if memory.measure != "legt" or any(isinstance(w, str) for w in windows):
        raise ValueError(
            "memory, as a HiPPOProjector, needs measure='legt' and windows that are "
            f"numbers (trajectories have no set length); got {memory!r}."
        )
    samples = [float(w) * memory.sfreq for w in windows]
    parts = [discretize(*window_matrices(memory.n_states, w), 1.0) for w in samples]
    transition = block_diag(*[A for A, _ in parts])
    inputs = np.concatenate([B for _, B in parts])
    return transition, inputs, int(np.ceil(max(samples)))
