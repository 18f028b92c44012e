"""Products with scaled data, dense and sparse, against plain numpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array, csr_matrix

from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
    column_mean,
    column_squares,
    column_tops,
    largest_eigenvalue,
)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["dense", "float32", "csr_matrix", "csr_array"])
@pytest.mark.parametrize("centered", [True, False])
def test_data_matrix_products(order, kind, centered, monkeypatch):
    monkeypatch.setattr("skgeo.decomposition._supervised.data_matrix._BLOCK_BYTES", 1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((70, 6)) * (rng.random((70, 6)) < 0.4)
    X = np.asarray(X.astype(np.float32).astype(float), order=order)
    given = {
        "dense": X,
        "float32": X.astype(np.float32),
        "csr_matrix": csr_matrix(X),
        "csr_array": csr_array(X),
    }[kind]
    w = rng.random(70)
    w /= w.sum()
    mean = w @ X
    assert_allclose(column_mean(given, w), mean, atol=1e-15)
    unit = np.linspace(0.1, 7.0, 6)
    squares = column_squares(given, w, mean, unit)
    assert_allclose(squares, w @ ((X - mean) / unit) ** 2)
    assert_allclose(column_tops(given), np.abs(X).max(axis=0))
    scale = np.linspace(1.5, 3.0, 6)
    data = DataMatrix(given, w, mean if centered else None, scale)
    Xs = (X - (mean if centered else 0)) / scale
    A, R = rng.standard_normal((2, 6)), rng.standard_normal((70, 2))
    assert_allclose(data.forward(A), Xs @ A.T, atol=1e-14)
    assert_allclose(data.backward(R), R.T @ Xs, atol=1e-13)
    assert_allclose(data.gram(), Xs.T @ (w[:, None] * Xs), atol=1e-14)
    assert_allclose(data.gram_times(A.T), data.gram() @ A.T, atol=1e-13)
    assert_allclose(data.energy(), np.trace(data.gram()))
    fused = data.fused_products(A, lambda rows, S: np.tanh(S) * R[rows])
    assert_allclose(fused, (np.tanh(Xs @ A.T) * R).T @ Xs, atol=1e-13)


def test_largest_eigenvalue():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 40):
        B = rng.standard_normal((size, size))
        B = B @ B.T
        assert_allclose(
            largest_eigenvalue(lambda v, B=B: B @ v, size), np.linalg.eigvalsh(B)[-1]
        )
    assert largest_eigenvalue(lambda v: 0 * v, 5) == 0
