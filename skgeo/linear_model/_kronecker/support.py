"""Choice of the structure of a support: a product set, nested sets, or single codes."""

from dataclasses import replace

import numpy as np

from skgeo.exceptions import InvalidParameterError
from skgeo.linear_model._kronecker.codes import code_columns, fit_codes
from skgeo.linear_model._kronecker.exchange import exchange_codes
from skgeo.linear_model._kronecker.masked import group_rows
from skgeo.linear_model._kronecker.nested_exchange import exchange_blocks

__all__ = ["choose_support"]

# Entries of a dictionary with which all codes are tried, besides the product set found.
_MAX_FULL_START = 1_000_000
# Searches by exchange, each followed by a fit.
_N_EXCHANGES = 3


def choose_support(prior, X, mask, params, noise):
    """Fit the prior again under another structure of its support.

    Parameters
    ----------
    prior : LearnedPrior
        The fit of a Kronecker-structured prior.
    X, mask, params, noise
        As in :func:`learn_prior`; ``params.support`` names the structure.

    Returns
    -------
    prior : LearnedPrior
        The prior asked for, or under "auto" that of the largest evidence less costs.

    Raises
    ------
    InvalidParameterError
        If the problem is too large for the structure asked for.
    """
    fit, dictionary = prior.fit, prior.dictionary
    if params.support == "kronecker" or not all(g.any() for g in fit.gammas):
        return prior
    costs = [
        np.log(n) if params.min_gain == "auto" else params.min_gain
        for n in dictionary.code_shape
    ]
    mask = np.ones(X.shape, dtype=bool) if mask is None else mask
    groups = [(X[r][:, mask[r[0]]] / prior.unit, mask[r[0]]) for r in group_rows(mask)]
    sets = [np.flatnonzero(g) for g in fit.gammas]
    starts = [(sets, [g[s] for g, s in zip(fit.gammas, sets, strict=True)])]
    n_all = dictionary.n_codes
    if n_all * X.shape[1] <= _MAX_FULL_START:
        level = float(np.sum(mask)) / len(X) / n_all
        flat = [np.ones(n) for n in dictionary.code_shape]
        flat[-1] = flat[-1] * level * 10.0
        starts.append(([np.arange(n) for n in dictionary.code_shape], flat))
    found = {"kronecker": [fit], "hierarchical": [], "free": []}

    def run(kind, start_sets, gammas, level):
        return fit_codes(
            dictionary.factors, groups, kind, start_sets, gammas, level, costs,
            learn_noise=noise is None, noise_floor=params.noise_floor,
            max_iter=params.max_iter, tol=params.tol,
        )  # fmt: skip

    everything = _all_columns(dictionary, groups)
    # Single codes start from nested sets, too: free variances reach fewer optima.
    kinds = ("hierarchical",) if params.support == "hierarchical" else tuple(found)[1:]
    for kind in kinds:
        more = [_all_codes(one.codes, one.gammas) for one in found["hierarchical"]]
        for start_sets, gammas in starts + (more if kind == "free" else []):
            trial = run(kind, start_sets, gammas, fit.noise_variance)
            found[kind] += [] if trial is None else [trial]
        if found[kind] and everything is not None:
            best = max(found[kind], key=lambda one: one.net_evidence)
            found[kind].append(_exchange(best, dictionary, everything, costs, run))
    asked = found if params.support == "auto" else (params.support,)
    found = [one for kind in asked for one in found[kind]]
    if not found:
        raise InvalidParameterError(
            f'support="{params.support}" needs few codes or few measurements, and the '
            f"product set that holds the support has {[len(s) for s in sets]} indices. "
            'Use support="kronecker", or a larger min_gain.'
        )
    return replace(prior, fit=max(found, key=lambda one: one.net_evidence))


def _all_codes(codes, values):
    """Smallest product set around codes, and their variances in it."""
    sets = [np.unique(index) for index in codes]
    gammas = np.zeros([len(s) for s in sets])
    where = [np.searchsorted(s, k) for s, k in zip(sets, codes, strict=True)]
    gammas[tuple(where)] = values
    return sets, gammas


def _all_columns(dictionary, groups):
    """The dictionary over the measured entries, and these, of rows with equal gaps.

    None where it is too large, or rows differ in their gaps.
    """
    if len(groups) > 1:
        return None
    Y, mask = groups[0]
    if dictionary.n_codes * Y.shape[1] > _MAX_FULL_START:
        return None
    every = np.indices(dictionary.code_shape).reshape(len(dictionary.code_shape), -1)
    return code_columns(dictionary.factors, every, mask), Y


def _exchange(fit, dictionary, everything, costs, run):
    """Exchange codes, or indices of blocks, while that raises the evidence."""
    change = _other_blocks if fit.kind == "hierarchical" else _other_codes
    for _ in range(_N_EXCHANGES):
        start = change(fit, dictionary, everything, costs)
        if start is None:
            break
        trial = run(fit.kind, *start, fit.noise_variance)
        if trial is None or trial.net_evidence <= fit.net_evidence:
            break
        fit = trial
    return fit


def _other_codes(fit, dictionary, everything, costs):
    """Sets and variances after exchanges of single codes; None if there are none."""
    columns, Y = everything
    before = np.ravel_multi_index(tuple(fit.codes), dictionary.code_shape)
    members, gammas = exchange_codes(
        columns, Y, before, fit.gammas, fit.noise_variance, float(sum(costs))
    )
    if not len(members) or set(members) == set(before):
        return None
    codes = np.array(np.unravel_index(members, dictionary.code_shape))
    return _all_codes(codes, gammas)


def _other_blocks(fit, dictionary, everything, costs):
    """Sets and variances after exchanges in nested sets; None if there are none."""
    shape = dictionary.code_shape
    if len(shape) < 2:
        return None
    full = np.zeros(shape)
    full[tuple(fit.codes)] = fit.gammas
    parts = []
    for i in range(1, len(shape)):
        # Of a product the largest entry along the other modes is a multiple.
        axes = tuple(j for j in range(1, len(shape)) if j != i)
        parts.append(full.max(axis=axes))
    top = full.reshape(len(full), -1).max(axis=1)[:, None]
    safe = np.where(top > 0, top, 1.0)
    parts = [p / safe for p in parts[:-1]] + parts[-1:]
    found = exchange_blocks(*everything, parts, fit.noise_variance, costs)
    same = all(np.array_equal(p > 0, f > 0) for p, f in zip(parts, found, strict=True))
    return None if same else ([np.arange(n) for n in shape], found)
