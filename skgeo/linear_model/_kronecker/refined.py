"""Priors learned on a grid, refined: points off the grid, and product values."""

from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from skgeo.linear_model._kronecker.codes import CodeFit
from skgeo.linear_model._kronecker.dictionary import Dictionary
from skgeo.linear_model._kronecker.offgrid import (
    ParametricMode,
    grid_slots,
    kron_evidence,
    refine_points,
)
from skgeo.linear_model._kronecker.prior import KronFit
from skgeo.linear_model._kronecker.value_choice import choose_values

__all__ = ["learn_off_grid", "learn_values"]


def learn_off_grid(prior, parametric, factors, X, params, noise, tick=None):
    """Move the kept columns of parametric factors off their grid.

    Parameters
    ----------
    prior : LearnedPrior
        The prior on the grid.
    parametric : list of object or None
        Parametric factors; None where a factor is fixed.
    factors : list of ndarray of shape (m_i, n_i)
        Factors on the grid.
    X, params, noise, tick
        As in :func:`learn_prior`.

    Returns
    -------
    prior : LearnedPrior
        The prior off the grid; moved columns stand in place of grid columns nearby.
    factors : list of ndarray of shape (m_i, n_i)
        The factors with moved columns.
    points : list of ndarray of shape (n_i,) or None
        Points of the columns.
    """
    modes = [None if f is None else ParametricMode(f) for f in parametric]
    points = [None if m is None else m.grid for m in modes]
    fit, dictionary, unit = prior.fit, prior.dictionary, prior.unit
    if not all(g.any() for g in fit.gammas):
        return prior, factors, points
    support = prior.support
    costs = [
        np.log(H.shape[1] if m is None else len(m.scan))
        if params.min_gain == "auto"
        else params.min_gain
        for H, m in zip(factors, modes, strict=True)
    ]
    Y = (X / unit).reshape(-1, *dictionary.shape)

    def refine(columns, points, gammas, noise_variance, search_sets):
        return refine_points(
            modes, Y, columns, points, gammas, noise_variance, costs,
            learn_noise=noise is None, noise_floor=params.noise_floor, callback=tick,
            search_sets=search_sets,
        )  # fmt: skip

    state, trace, settled = refine(
        [H[:, s] for H, s in zip(dictionary.factors, support, strict=True)],
        [None if p is None else p[s] for p, s in zip(points, support, strict=True)],
        [g[s] for g, s in zip(fit.gammas, support, strict=True)],
        fit.noise_variance,
        params.values == "free",
    )
    kept = _kept(state, dictionary, support)
    product = choose_values(
        dictionary, kept, state.columns, state.gammas, Y, state.noise, params,
        modes=modes,
    )  # fmt: skip
    if product is not None:
        state.columns, state.gammas, kept = (
            product.columns, product.gammas, product.kept,
        )  # fmt: skip
        trace.append(
            kron_evidence(state.columns, state.gammas, Y, state.noise)[0] / len(Y)
        )
    elif params.values != "free":
        state, more, settled = refine(
            state.columns, state.points, state.gammas, state.noise, True
        )
        trace, kept = trace + more, _kept(state, dictionary, support)
    factors, gammas, scale = list(factors), [], 1.0
    for i, g in enumerate(state.gammas):
        slots = kept[i]
        if modes[i] is not None:
            slots = grid_slots(modes[i].grid, kept[i])
            points[i] = modes[i].grid.copy()
            points[i][slots] = kept[i]
            factors[i] = factors[i].copy()
            factors[i][:, slots] = parametric[i](kept[i])
        size = np.linalg.norm(g)
        scale *= size
        full = np.zeros(factors[i].shape[1])
        full[slots] = g / size
        gammas.append(full)
    gammas[-1] = gammas[-1] * scale
    moved = KronFit(
        gammas=gammas,
        noise_variance=state.noise,
        objective=np.concatenate([fit.objective, trace]),
        net_evidence=trace[-1] * len(X)
        - sum(c * len(g) for c, g in zip(costs, state.gammas, strict=True)),
        n_iter=len(fit.objective) + len(trace) - 1,
        converged=settled,
    )
    prior = replace(
        prior, dictionary=Dictionary(factors), fit=moved,
        values="free" if product is None else params.values,
    )  # fmt: skip
    return prior, factors, points


def _kept(state, dictionary, support):
    """Points of parametric modes, and indices of others."""
    kept = list(state.points)
    for i, points in enumerate(kept):
        if points is None:
            # Columns of a fixed factor can only have been removed.
            H = dictionary.factors[i][:, support[i]]
            matches = np.abs(state.columns[i].conj().T @ H)
            kept[i] = support[i][linear_sum_assignment(-matches)[1]]
    return kept


def learn_values(prior, X, mask, params):
    """Choose the values of the codes of a prior on the grid.

    Parameters
    ----------
    prior : LearnedPrior
        The prior under free values.
    X, mask, params
        As in :func:`learn_prior`; ``params.values`` names the values.

    Returns
    -------
    prior : LearnedPrior
        The prior, with other indices where product values are better off with them.
    """
    if params.values == "free" or isinstance(prior.fit, CodeFit):
        return prior
    support, shape = prior.support, prior.dictionary.shape
    Y = (X / prior.unit).reshape(-1, *shape)
    state = choose_values(
        prior.dictionary,
        support,
        [H[:, s] for H, s in zip(prior.dictionary.factors, support, strict=True)],
        [g[s] for g, s in zip(prior.fit.gammas, support, strict=True)],
        Y, prior.fit.noise_variance, params,
        mask=None if mask is None else mask.reshape(Y.shape),
    )  # fmt: skip
    if state is None:
        return prior
    gammas = [np.zeros(H.shape[1]) for H in prior.dictionary.factors]
    for full, kept, g in zip(gammas, state.kept, state.gammas, strict=True):
        full[kept] = g
    objective = prior.fit.objective
    if mask is None:
        at_end = kron_evidence(state.columns, state.gammas, Y, prior.fit.noise_variance)
        objective = np.append(objective, at_end[0] / len(Y))
    fit = replace(prior.fit, gammas=gammas, objective=objective,
                  n_iter=len(objective) - 1)  # fmt: skip
    return replace(prior, fit=fit, values=params.values)
