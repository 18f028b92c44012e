"""What an M-step reads from data with gaps, against dense formulas."""

from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.linear_model._kronecker.masked import MaskedData
from skgeo.linear_model._kronecker.posterior import CompleteData, kron_outer

NOISE = 0.3


def draw(rng, is_complex, *shape):
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def problem(is_complex, share):
    rng = np.random.default_rng(5)
    rows, columns = (4, 5), (5, 6)
    factors = [draw(rng, is_complex, m, n) for m, n in zip(rows, columns, strict=True)]
    gammas = [rng.uniform(0.1, 2.0, n) for n in columns]
    Y = draw(rng, is_complex, 3, *rows)
    mask = rng.random(Y.shape) >= share
    mask[2] = mask[0]
    return factors, gammas, np.where(mask, Y, 0.0), mask


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("need", ["variance", "slopes"])
def test_moments_are_means_over_the_rows(is_complex, share, need):
    factors, gammas, Y, mask = problem(is_complex, share)
    H, g = reduce(np.kron, factors), kron_outer(gammas).ravel()
    expected = dict.fromkeys(("power", "variance", "slopes", "shares"), 0.0)
    scalars = dict.fromkeys(("residual", "dof", "inverse_trace", "deviance"), 0.0)
    for y, here in zip(Y.reshape(3, -1), mask.reshape(3, -1), strict=True):
        A, y = H[here], y[here]
        inverse = np.linalg.inv((A * g) @ A.conj().T + NOISE * np.eye(len(A)))
        mean = g * (A.conj().T @ inverse @ y)
        slopes = np.einsum("mi,mk,ki->i", A.conj(), inverse, A).real
        expected["power"] += np.abs(mean) ** 2 / 3
        expected["slopes"] += slopes / 3
        expected["shares"] += g * slopes / 3
        expected["variance"] += g * (1.0 - g * slopes) / 3
        scalars["residual"] += np.sum(np.abs(y - A @ mean) ** 2) / 3
        scalars["dof"] += np.sum(g * slopes) / 3
        scalars["inverse_trace"] += np.trace(inverse).real / 3
        scalars["deviance"] += (
            -np.linalg.slogdet(inverse)[1] + np.vdot(y, inverse @ y).real
        ) / 3
    every = [MaskedData(Y, mask, len(g))]
    if share == 0.0:
        every.append(CompleteData(Y))
    for data in every:
        m = data.moments(factors, gammas, NOISE, need)
        assert m.exact
        for name in ("power", "variance", "slopes", "shares"):
            if name == "power" or (name == "slopes") == (need == "slopes"):
                found = np.ravel(getattr(m, name))
                assert_allclose(found, expected[name], rtol=1e-8, atol=1e-10)
            else:
                assert getattr(m, name) is None
        for name in ("residual", "dof", "inverse_trace"):
            assert_allclose(getattr(m, name), scalars[name], rtol=1e-8)
        c = 1.0 if is_complex else 0.5
        assert_allclose(m.log_evidence, -c * scalars["deviance"], rtol=1e-8)
