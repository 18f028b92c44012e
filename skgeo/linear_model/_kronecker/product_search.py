"""Search for indices and points under codes with product values.

With the vectors of all other modes held, each row is one vector of measurements of a
mode: a small sparse problem, which is much sharper than under free values, where each
index of another mode brings a vector of its own.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from skgeo.linear_model._kronecker.offgrid import refine_points
from skgeo.linear_model._kronecker.values import (
    contract,
    fit_product_values,
    outer_rows,
)

__all__ = ["ProductState", "move_points", "search_points", "search_product"]

# Quasi-Newton steps over points.
_STEPS = 200
# Searches of all modes, one after the other.
_ROUNDS = 4
# Signal of a row, in units of the data, that shrank to nothing: none to divide by.
_VANISHED = 1e-100
# Variance, relative to the largest of its mode, of an index before a search.
_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class ProductState:
    """Indices in use, and codes with product values.

    Parameters
    ----------
    kept : list of ndarray
        Points of the columns of a parametric mode, indices of a fixed one.
    columns : list of ndarray of shape (m_i, k_i)
        Columns kept, of unit norm.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    product : ProductRows
        The codes.
    """

    kept: list
    columns: list
    gammas: list
    product: object


def search_product(state, Y, noise, steps, search_mode, settle):
    """Search each mode for other indices or points while the others are held.

    Parameters
    ----------
    state : ProductState
        Where to start.
    Y : ndarray of shape (n_rows, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.
    steps : list of float
        Changes of points, or of indices, that count as none.
    search_mode : callable
        Called with a mode, its measurements (n_rows, m_i), and its points or indices,
        columns and variances; returns new ones of the three.
    settle : callable
        Called with a state after each round; returns the state to go on with.

    Returns
    -------
    state : ProductState
        The state found.
    """
    for _ in range(_ROUNDS):
        before = [np.sort(k) for k in state.kept]
        for i in range(len(state.kept)):
            state = _one_mode(state, Y, noise, i, search_mode)
        state = settle(state)
        if all(
            len(a) == len(b) and np.abs(np.sort(a) - b).max() <= step
            for a, b, step in zip(state.kept, before, steps, strict=True)
        ):
            break
    return state


def _one_mode(state, Y, noise, i, search_mode):
    """Search mode i; the values of all modes follow."""
    vectors = list(state.product.vectors)
    waves = [v @ H.T for H, v in zip(state.columns, vectors, strict=True)]
    sizes = [np.linalg.norm(w, axis=1) for w in waves]
    size = np.prod([s for j, s in enumerate(sizes) if j != i], axis=0)
    if not (size > _VANISHED).all():
        return state
    units = [w.conj() / s[:, None] for w, s in zip(waves, sizes, strict=True)]
    seen = contract(Y, units, [i])
    power = np.mean(np.abs(vectors[i] * size[:, None]) ** 2, axis=0)
    kept, columns, gammas = search_mode(
        i, seen, state.kept[i], state.columns[i],
        np.maximum(power, _LEAST * power.max()),
    )  # fmt: skip
    if not len(kept):
        return state
    new = replace(
        state,
        kept=_with(state.kept, i, kept),
        columns=_with(state.columns, i, columns),
        gammas=_with(state.gammas, i, gammas * state.gammas[i].sum() / gammas.sum()),
    )
    start = np.linalg.lstsq(columns, seen.T, rcond=None)[0].T / size[:, None]
    product = fit_product_values(
        new.columns, new.gammas, Y, noise, _with(vectors, i, start)
    )
    return replace(new, product=product)


def _with(values, i, value):
    """The list with another value at i."""
    return [value if j == i else v for j, v in enumerate(values)]


def search_points(mode, cost, noise, noise_floor):
    """Search of a parametric mode alone, for :func:`search_product`.

    Parameters
    ----------
    mode : ParametricMode or None
        The mode; None leaves out indices only.
    cost : float
        Log evidence that a point has to bring.
    noise, noise_floor : float
        Noise variance, and its smallest value.

    Returns
    -------
    search : callable
        Returns new points, columns and variances.
    """

    def search(seen, points, columns, gammas):
        state, _, _ = refine_points(
            [mode], seen, [columns], [points], [gammas], noise, [cost],
            learn_noise=False, noise_floor=noise_floor,
        )  # fmt: skip
        return state.points[0], state.columns[0], state.gammas[0]

    return search


def move_points(state, modes, Y, noise):
    """Move points of parametric modes to where product values leave least.

    Parameters
    ----------
    state : ProductState
        Where to start.
    modes : list of ParametricMode or None
        Parametric modes; None where the factor is fixed.
    Y : ndarray of shape (n_rows, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.

    Returns
    -------
    state : ProductState
        The state with points, columns and values moved.
    """
    moving = [i for i, mode in enumerate(modes) if mode is not None]
    ends = np.cumsum([len(state.kept[i]) for i in moving])[:-1]
    best, least = [state], [np.inf]
    # In units of the noise its log likelihood has curvatures of ordinary size.
    unit = noise if noise > 0 else 1.0

    def loss(z):
        kept, columns, slopes = list(state.kept), list(state.columns), {}
        for i, part in zip(moving, np.split(z, ends), strict=True):
            kept[i] = part * modes[i].unit
            columns[i], slopes[i] = modes[i].slopes(kept[i])
        product = fit_product_values(
            columns, state.gammas, Y, noise, best[0].product.vectors
        )
        value = product.objective.sum()
        if value < least[0]:
            least[0] = value
            best[0] = ProductState(kept, columns, state.gammas, product)
        waves = [v @ H.T for H, v in zip(columns, product.vectors, strict=True)]
        rest, gradient = Y - outer_rows(waves), []
        for i in moving:
            seen = contract(rest, [w.conj() for w in waves], [i])
            change = np.sum((seen.conj() @ slopes[i]) * product.vectors[i], axis=0)
            gradient.append(-2.0 * change.real * modes[i].unit)
        return value / unit, np.concatenate(gradient) / unit

    start = np.concatenate([state.kept[i] / modes[i].unit for i in moving])
    minimize(
        loss, start, jac=True, method="L-BFGS-B",
        options={"maxiter": _STEPS, "ftol": 1e-12},
    )  # fmt: skip
    return best[0]
