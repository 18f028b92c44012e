"""Kernels against plain numpy."""

import numpy as np
import pytest

from skgeo.decomposition._orthogonal.codes import code_powers
from skgeo.kernels import orthogonal_dictionary as kernels


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("p", [3, 4])
def test_contrast_and_moments(p, dtype):
    rng = np.random.default_rng(0)
    C = rng.standard_normal((7, 4)).astype(dtype)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    out = np.empty((4, 4))
    kernels.code_moments(C, p, *out)
    for row, power in zip(out, code_powers(p), strict=True):
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
    C, out = np.ones((3, 2)), np.empty((4, 2))
    C.flags.writeable = False
    kernels.code_moments(C, 3, *out)
    S = np.eye(2)
    S.flags.writeable = False
    kernels.towards_vertex(np.eye(2), S, S, 0.5)
    np.testing.assert_array_equal(out, 1.0)


@pytest.mark.parametrize("p", [3, 4])
def test_turned_pairs(p):
    rng = np.random.default_rng(2)
    C, signs = rng.standard_normal((4, 30)), np.array([1.0, -1, 1, -1])
    pairs, angles = np.array([[0, 1], [1, 3]]), np.array([0.3, 2.0, 2.9])
    gains, errors = np.empty((2, 2, 3))
    kernels.turned_pairs(
        C, pairs, signs, np.cos(angles), np.sin(angles), p, gains, errors
    )
    for q, (k, m) in enumerate(pairs):
        for a, angle in enumerate(angles):
            u = np.cos(angle) * C[k] + np.sin(angle) * C[m]
            v = np.cos(angle) * C[m] - np.sin(angle) * C[k]
            change = signs[k] * (np.abs(u) ** p - np.abs(C[k]) ** p)
            change += signs[m] * (np.abs(v) ** p - np.abs(C[m]) ** p)
            np.testing.assert_allclose(gains[q, a], change.mean(), rtol=1e-12)
            np.testing.assert_allclose(errors[q, a], change.std() / np.sqrt(30))
