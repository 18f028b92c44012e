"""The regression problem of MEDIDA: increments against candidate terms."""

from copy import copy

import numpy as np

from skgeo.dynamics._model_error.norms import rms_of_fields
from skgeo.dynamics._model_error.tangent import TangentPropagator

__all__ = ["Design", "build_design", "finite_terms"]

_MAX_BYTES = 4 * 2**30


class Design:
    """Rows of the regression.

    Attributes
    ----------
    columns : ndarray of shape (n_columns, n, n_rows)
        Candidate terms, one block of rows per sample.
    target : ndarray of shape (n_targets, n, n_rows)
        Increments.
    coupled : bool
        Whether columns run over (equation, term) pairs and there is one target.
    projected : bool
        Whether rows are modes of a filter.
    arrange : callable
        Turns tendencies (n, n_features) into the shape of the target.
    units : float or ndarray, broadcastable to the shape of the target
        Spread of what each row is a tendency of: sums over equations are taken in
        these units.
    equation : ndarray of int of shape (n_rows,) or None
        Equation that each row of a sample belongs to, where one regression fits all.
    divisor : float or ndarray, broadcastable to (n, n_rows)
        What columns and target have been divided by.
    """

    def __init__(
        self, columns, arrange, increments, *, coupled, projected, units=1.0,
        equation=None,
    ):  # fmt: skip
        self.columns, self.arrange = columns, arrange
        self.target = arrange(increments)
        self.coupled, self.projected = coupled, projected
        self.units, self.equation, self.divisor = units, equation, 1.0

    def scaled(self, divisor):
        """Divide every row by a number, broadcastable to (n, n_rows)."""
        out = copy(self)
        out.columns, out.target = self.columns / divisor, self.target / divisor
        out.arrange = lambda V: self.arrange(V) / divisor
        out.divisor = self.divisor * divisor
        out.units = self.units / divisor
        return out

    def matrices(self):
        """Return the design (rows, columns) and the target (rows, targets)."""
        A, Y = self.columns, self.target
        return A.reshape(len(A), -1).T, Y.reshape(len(Y), -1).T


def build_design(
    terms, model, X, Y, F, dt, *, evaluate_at, project, step_size, units, per_sample,
    history, mode_fields=None, progress=lambda stage: False,
):  # fmt: skip
    """Assemble the regression of increments on terms.

    Parameters
    ----------
    terms : Terms
        The library.
    model : callable or None
        The imperfect model.
    X, Y, F : ndarray of shape (n, n_features)
        States, next states, and the model's next states.
    dt : ndarray of shape (n, 1)
        Steps.
    evaluate_at : {"tangent", "end", "start", "midpoint"}
        Where terms are evaluated.
    project : callable or None
        Turns rows of states into rows of modes.
    step_size : float
        Size of the perturbations of tangent features, relative to the states.
    units : ndarray of shape (n_features,)
        Spread of the components of a state.
    per_sample : ndarray of shape (n,) or None
        Steps to hand to the model.
    history : ndarray or None
        States before X.
    mode_fields : ndarray of int of shape (n_modes,), optional
        Field, and so equation, that each mode belongs to.
    progress : callable
        Told of every column.

    Returns
    -------
    design : Design
        The regression problem.
    """
    n = len(F)
    n_equations, n_points = terms.n_equations, terms.n_points
    n_terms = len(terms.names)
    mask = terms.mask
    # The tangent of persistence leaves every equation to itself.
    moved = evaluate_at == "tangent" and model is not None
    coupled = n_equations > 1 and (moved or project is not None)

    def rows(V):
        return V[:, mask] if project is None else project(V)

    increments = (Y - F) / dt
    if n_equations > 1:  # what is at the level of rounding is none
        moved_by = rms_of_fields(Y - F, n_equations)
        rounding = moved_by <= 1e-14 * rms_of_fields(Y, n_equations)
        increments = np.where(np.repeat(rounding, n_points), 0.0, increments)
    if not coupled:
        T = _evaluated(terms, X, Y, evaluate_at)
        if evaluate_at == "tangent":
            pushed = TangentPropagator(
                model, X, F, step_size, units, per_sample, history
            )
            averages = []
            for end, start in zip(*T, strict=True):
                averages.append(0.5 * (end + pushed(start)))
                progress("column")
            T = np.stack(averages)
        if project is not None:
            columns = np.stack([project(t) for t in T])
            return Design(
                columns,
                lambda V: project(V)[None],
                increments,
                coupled=False,
                projected=True,
            )
        point_mask = mask[:n_points]
        if not point_mask.all():
            T = T[:, :, point_mask]

        def per_equation(V):
            V = V.reshape(n, n_equations, n_points)[:, :, point_mask]
            return V.transpose(1, 0, 2)

        return Design(
            T,
            per_equation,
            increments,
            coupled=False,
            projected=False,
            units=units.reshape(n_equations, -1)[:, :1, None],
        )

    equation = mode_fields
    if project is None:
        equation = np.repeat(np.arange(n_equations), n_points)[mask]
    shape = rows(increments).shape
    size = 8 * n_equations * n_terms * int(np.prod(shape))
    if size > _MAX_BYTES:
        raise ValueError(
            f"{n_equations} coupled equations with {n_terms} terms each need a matrix "
            f"of {size / 2**30:.0f} GiB. Share coefficients between points with a "
            "pointwise library (StencilLibrary, PDELibrary1D), use fewer terms, or "
            "evaluate_at='end' without gain matching."
        )
    columns = np.empty((n_equations * n_terms, *shape))
    tangent = evaluate_at == "tangent"
    T = _evaluated(terms, X, Y, evaluate_at)
    pushed = (
        TangentPropagator(model, X, F, step_size, units, per_sample, history)
        if tangent
        else None
    )
    shape = (n, n_equations, n_points)
    for k in range(n_equations):
        for j in range(n_terms):
            V = np.zeros(shape)
            V[:, k] = T[0][j] if tangent else T[j]
            V = V.reshape(n, -1)
            if tangent:
                start = np.zeros(shape)
                start[:, k] = T[1][j]
                V = 0.5 * (V + pushed(start.reshape(n, -1)))
            columns[k * n_terms + j] = rows(V)
            progress("column")
    return Design(
        columns,
        lambda V: rows(V)[None],
        increments,
        coupled=True,
        projected=project is not None,
        units=1.0 if equation is None else units[::n_points][equation],
        equation=equation,
    )


def _evaluated(terms, X, Y, evaluate_at):
    if evaluate_at == "end":
        return finite_terms(terms, Y)
    if evaluate_at == "start":
        return finite_terms(terms, X)
    if evaluate_at == "midpoint":
        return 0.5 * (finite_terms(terms, X) + finite_terms(terms, Y))
    return finite_terms(terms, Y), finite_terms(terms, X)


def finite_terms(terms, X):
    """Evaluate terms, and refuse those that are not finite."""
    with np.errstate(all="ignore"):
        T = terms.terms(X)
    if not np.isfinite(T).all():
        bad = [
            name
            for name, t in zip(terms.names, T, strict=True)
            if not np.isfinite(t).all()
        ]
        raise ValueError(
            f"The library returned NaN or infinity for the terms {', '.join(bad[:5])}: "
            "check its functions on your range of values, or rescale the states."
        )
    return T
