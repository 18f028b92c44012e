"""Choice between free values of the codes and products of one vector per mode."""

from types import SimpleNamespace

import numpy as np

from skgeo.linear_model._kronecker.fitting import learn
from skgeo.linear_model._kronecker.masked import group_rows, masked_posterior
from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    mode_products,
    posterior,
)
from skgeo.linear_model._kronecker.product_search import (
    ProductState,
    move_points,
    search_points,
    search_product,
)
from skgeo.linear_model._kronecker.values import (
    contradictions,
    fit_product_values,
    squared_norms,
)

__all__ = ["choose_values", "product_rows"]


def product_rows(factors, gammas, Y, noise, codes, mask=None):
    """Product values of rows, and what speaks against them.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, k_i)
        Columns kept.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    Y : ndarray of shape (n_rows, m_1, ..., m_I)
        Measurements, zero where missing.
    noise : float
        Noise variance.
    codes : ndarray of shape (n_rows, prod k_i)
        Posterior means under free values.
    mask : ndarray of bool of the shape of Y, optional
        True where measured.

    Returns
    -------
    product : ProductRows
        Product values.
    lead : ndarray of shape (n_rows,)
        Log likelihood by which free values lead, less their cost.
    """
    sizes = [len(g) for g in gammas]
    codes = codes.reshape(len(Y), *sizes)
    rest = Y - mode_products(codes, factors)
    n = np.full(len(Y), float(Y[0].size))
    if mask is not None:
        rest, n = rest * mask, mask.reshape(len(Y), -1).sum(axis=1)
    product = fit_product_values(factors, gammas, Y, noise, codes, mask)
    lead = contradictions(
        product.residual, squared_norms(rest), noise, sizes, n, np.iscomplexobj(Y)
    )
    return product, lead


def choose_values(dictionary, kept, columns, gammas, Y, noise, params, *, mask=None,
                  modes=None):  # fmt: skip
    """Product values for all rows, and indices and points that go with them.

    Parameters
    ----------
    dictionary : Dictionary
        The scaled dictionary on the grid.
    kept : list of ndarray
        Points in use of parametric modes, indices of others.
    columns : list of ndarray of shape (m_i, k_i)
        Their unit columns.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    Y : ndarray of shape (n_rows, m_1, ..., m_I)
        Measurements of unit power, zero where missing.
    noise : float
        Noise variance.
    params : namespace
        Parameters of the estimator.
    mask : ndarray of bool of the shape of Y, optional
        True where measured.
    modes : list of ParametricMode or None, optional
        Parametric modes; None where a factor is fixed.

    Returns
    -------
    state : ProductState or None
        Indices, points and codes; None where values are free: that is asked for, makes
        no difference, or "auto" finds that products do not explain the rows.
    """
    sizes = [len(g) for g in gammas]
    if params.values == "free" or min(sizes) == 0 or np.prod(sizes) == max(sizes):
        return None
    modes = [None] * len(sizes) if modes is None else modes
    product, lead = _all_rows(columns, gammas, Y, noise, mask)
    state = ProductState(list(kept), list(columns), list(gammas), product)
    if params.values == "auto" and not np.sum(lead) <= 0:
        return None
    if mask is not None:
        return state
    costs = [
        np.log(dictionary.factors[i].shape[1] if m is None else len(m.scan))
        if params.min_gain == "auto"
        else params.min_gain
        for i, m in enumerate(modes)
    ]
    on_grid = SimpleNamespace(**{**vars(params), "coupling": None})

    def search_mode(i, seen, points, columns, gammas):
        if modes[i] is not None:
            search = search_points(modes[i], costs[i], noise, params.noise_floor)
            return search(seen, points, columns, gammas)
        H = dictionary.factors[i]
        fit, _ = learn([H], CompleteData(seen), on_grid, noise, None)
        found = np.flatnonzero(fit.gammas[0])
        return found, H[:, found], fit.gammas[0][found]

    def settle(state):
        if any(m is not None for m in modes):
            return move_points(state, modes, Y, noise)
        return state

    steps = [0.5 if m is None else 0.1 * m.unit for m in modes]
    return search_product(settle(state), Y, noise, steps, search_mode, settle)


def _all_rows(columns, gammas, Y, noise, mask):
    """Product values of all rows, each under its own gaps."""
    if mask is None:
        codes = posterior(columns, gammas, Y, noise).mean
        return product_rows(columns, gammas, Y, noise, codes)
    codes = None
    for rows in group_rows(mask.reshape(len(Y), -1)):
        post, _ = masked_posterior(columns, gammas, Y[rows], mask[rows[0]], noise)
        if codes is None:
            codes = np.zeros((len(Y), post.mean.shape[1]), dtype=post.mean.dtype)
        codes[rows] = post.mean
    return product_rows(columns, gammas, Y, noise, codes, mask)
