"""Small pieces of the searches over codes and points, against plain formulas."""

import math
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgeo.linear_model import SteeringFactor
from skgeo.linear_model._kronecker.masked import largest_product
from skgeo.linear_model._kronecker.offgrid import (
    OffGridProblem,
    ParametricMode,
    _merged,
    _State,
)


@pytest.mark.parametrize("limit", [1, 7, 24, 60, 1000])
def test_the_largest_product_is_full_and_holds_the_largest_variances(limit):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        gammas = [rng.exponential(size=n) for n in (4, 6, 5)]
        kept, share = largest_product(gammas, limit)
        sizes = [len(k) for k in kept]
        assert math.prod(sizes) <= limit
        for g, k in zip(gammas, kept, strict=True):
            assert_array_equal(k, np.sort(np.argsort(-g)[: len(k)]))
            # no mode can grow by one index
            grown = math.prod(sizes) // len(k) * (len(k) + 1)
            assert len(k) == len(g) or grown > limit
        whole = np.einsum("i,j,k->ijk", *gammas)
        assert_allclose(share, whole[np.ix_(*kept)].sum() / whole.sum())
    assert largest_product(gammas, 120)[1] == pytest.approx(1.0)


@pytest.mark.parametrize("n_points", [2, 3, 4])
def test_two_points_merge_at_their_weighted_mean(n_points):
    rng = np.random.default_rng(0)
    factor = SteeringFactor(np.arange(6.0), np.linspace(-0.9, 0.9, 9))
    mode = ParametricMode(factor)
    points = np.sort(rng.uniform(mode.grid.min(), mode.grid.max(), n_points))
    gammas = rng.uniform(0.5, 2.0, n_points)
    problem = OffGridProblem(
        [mode], np.ones((1, 6), dtype=complex), learn_noise=False, noise_floor=0.1
    )
    state = _State([points], [mode.columns(points)], [gammas], 0.1)
    for a, b in product(range(n_points), repeat=2):
        if a == b:
            continue
        out = _merged(problem, state, 0, a, b)
        rest = [j for j in range(n_points) if j not in (a, b)]
        total = gammas[a] + gammas[b]
        place = (gammas[a] * points[a] + gammas[b] * points[b]) / total
        expected = sorted([(place, total), *((points[j], gammas[j]) for j in rest)])
        found = sorted(zip(out.points[0], out.gammas[0], strict=True))
        assert_allclose(found, expected)
        assert_allclose(out.columns[0], mode.columns(out.points[0]))
    assert_array_equal(state.gammas[0], gammas)  # the old state is untouched
