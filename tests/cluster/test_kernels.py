"""The fused sweeps against plain numpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.kernels import sdp_passes


def blocks(seed, n_blocks=2, n=7):
    rng = np.random.default_rng(seed)
    C, S, N, Z, P = rng.standard_normal((5, n_blocks, n, n))
    q = rng.standard_normal(n)
    return C, S, N, Z, P, q / np.linalg.norm(q)


def adjoint(y, t, q):
    n = len(q)
    A = 0.5 * (np.outer(y, q) + np.outer(q, y))
    return A[None] + t[:, None, None] * np.eye(n)


def sums(R, q):
    return np.einsum("bij,j->i", R, q), np.trace(R, axis1=1, axis2=2)


def test_residual_sums():
    C, S, N, Z, _, q = blocks(0)
    row, trace = np.empty(7), np.empty(2)
    sdp_passes.residual_sums(C, S, N, Z, q, row, trace)
    want_row, want_trace = sums(C - S - N - Z, q)
    assert_allclose(row, want_row, atol=1e-13)
    assert_allclose(trace, want_trace, atol=1e-13)


@pytest.mark.parametrize("m", [0, 4, 7])
def test_dual_nonnegative(m):
    C, S, N, Z, _, q = blocks(1)
    N[:] = 0.0
    y, t = np.linspace(-1, 1, 7), np.array([0.3, -0.2])
    row, trace = np.empty(7), np.empty(2)
    sdp_passes.dual_nonnegative(C, S, Z, q, y, t, m, N, row, trace)
    want = np.maximum(C - S - Z - adjoint(y, t, q), 0.0)
    want[:, m:] = want[:, :, m:] = 0.0
    assert_allclose(N, want, atol=1e-14)
    want_row, want_trace = sums(C - S - Z - want, q)
    assert_allclose(row, want_row, atol=1e-13)
    assert_allclose(trace, want_trace, atol=1e-13)


def test_shifted_slack():
    C, S, N, Z, _, q = blocks(2)
    y, t = np.linspace(-1, 1, 7), np.array([0.3, -0.2])
    sdp_passes.shifted_slack(C, N, Z, q, y, t, S)
    assert_allclose(S, C - N - Z - adjoint(y, t, q), atol=1e-14)


def test_primal_step():
    C, S, N, Z, P, q = blocks(3)
    M, Z0, tau = S.copy(), Z.copy(), 1.6
    row, trace = np.empty(7), np.empty(2)
    total = sdp_passes.primal_step(C, N, P, q, tau, S, Z, row, trace)
    assert_allclose(total, np.sum((P - Z0) ** 2))
    assert_allclose(S, M + P)
    assert_allclose(Z, (1 - tau) * Z0 + tau * P, atol=1e-14)
    want_row, want_trace = sums(C - S - N - Z, q)
    assert_allclose(row, want_row, atol=1e-13)
    assert_allclose(trace, want_trace, atol=1e-13)


def test_warmup_compiles_every_kernel():
    sdp_passes.warmup()
    for name in sdp_passes.__all__:
        kernel = getattr(sdp_passes, name)
        assert not hasattr(kernel, "signatures") or kernel.signatures
