"""Kernels against plain numpy."""

import numpy as np
import pytest

from skgeo.kernels import orthogonal_dictionary as kernels


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("p", [3, 4])
def test_contrast_and_moments(p, dtype):
    rng = np.random.default_rng(0)
    C = rng.standard_normal((7, 4)).astype(dtype)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    out = np.empty((3, 4))
    kernels.code_moments(C, p, *out)
    for row, power in zip(out, (p - 2, 2, p), strict=True):
        np.testing.assert_allclose(row, (np.abs(C) ** power).mean(axis=0), rtol=rtol)
    signs, shifts = np.array([1.0, -1, 1, -1]), np.array([0.7, 2.0, 0.0, 0.1])
    h = signs * (p * np.sign(C) * np.abs(C) ** (p - 1) - shifts * C)
    sums = [(np.abs(C) ** p).sum(), (C**2).sum(), (h**2).sum(), (h * C).sum()]
    found = kernels.contrast(C, p, signs, shifts)
    np.testing.assert_allclose(found, sums, rtol=10 * rtol)
    assert C.dtype == dtype
    np.testing.assert_allclose(C, h, rtol=10 * rtol, atol=rtol)


def test_towards_vertex():
    rng = np.random.default_rng(1)
    W, S, G = rng.standard_normal((3, 4, 4))
    moved = 0.7 * W + 0.3 * S
    found = kernels.towards_vertex(V := W.copy(), S, G, 0.3)
    np.testing.assert_allclose(found, (np.sum(G * S), np.sum(G * W)), rtol=1e-12)
    np.testing.assert_allclose(V, moved, rtol=1e-12)


def test_clip_rows():
    X = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [6.0, 8.0]])
    norms = np.linalg.norm(X, axis=1)
    assert kernels.clip_rows(X, norms, 5.0) == 1
    np.testing.assert_allclose(X, [[3, 4], [0.3, 0.4], [0, 0], [3, 4]], rtol=1e-15)


def test_read_only_input():
    C, out = np.ones((3, 2)), np.empty((3, 2))
    C.flags.writeable = False
    kernels.code_moments(C, 3, *out)
    S = np.eye(2)
    S.flags.writeable = False
    kernels.towards_vertex(np.eye(2), S, S, 0.5)
    np.testing.assert_array_equal(out, 1.0)
