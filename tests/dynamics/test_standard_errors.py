"""Standard errors of coefficients, against dense formulas."""

import numpy as np
from numpy.testing import assert_allclose

from skgeo.dynamics._model_error.diagnostics import cluster_std, residual_std


def problem(seed=0, n=30, n_rows=5):
    rng = np.random.default_rng(seed)
    A = (
        rng.standard_normal((4, n, n_rows))
        * np.array([1.0, 20.0, 0.01, 1.0])[:, None, None]
    )
    residual = rng.standard_normal((n, n_rows)) + rng.standard_normal((n, 1))
    return A, residual


def test_clustered_errors_are_those_of_the_sandwich():
    A, residual = problem()
    active = np.array([0, 1, 2])
    X = A[active].reshape(3, -1).T
    bread = np.linalg.inv(X.T @ X)
    n = A.shape[1]
    samples = X.reshape(n, -1, 3)
    scores = np.array([samples[i].T @ residual[i] for i in range(n)])
    cov = bread @ (scores.T @ scores) @ bread * n / (n - 1)
    assert_allclose(cluster_std(A, residual, active), np.sqrt(np.diag(cov)), rtol=1e-10)


def test_clustered_errors_follow_the_units():
    A, residual = problem(1)
    active = np.array([1, 3])
    A[3] /= np.abs(A[3]).max()  # one column of largest entry 1
    plain = cluster_std(A, residual, active)
    factors = np.array([1.0, 1e-3, 1.0, 1e5])
    scaled = cluster_std(A * factors[:, None, None], 7.0 * residual, active)
    assert_allclose(scaled, 7.0 * plain / factors[active], rtol=1e-10)
    assert (cluster_std(A, 0.0 * residual, active) == 0.0).all()


def test_there_are_no_clustered_errors_without_information():
    A, residual = problem(2)
    assert cluster_std(A, residual, np.array([], dtype=int)) is None
    # as many samples as are needed, and one fewer
    assert cluster_std(A[:, :6], residual[:6], np.arange(3)) is not None
    assert cluster_std(A[:, :5], residual[:5], np.arange(3)) is None
    assert cluster_std(A[:, :4], residual[:4], np.arange(1)) is not None
    assert cluster_std(A[:, :3], residual[:3], np.arange(1)) is None
    A[1] = 0.0
    assert cluster_std(A, residual, np.array([0, 1])) is None
    A[1] = A[0]
    assert cluster_std(A, residual, np.array([0, 2])) is not None


def test_errors_of_independent_rows_are_those_of_least_squares():
    A, residual = problem(3)
    active = np.array([0, 2, 3])
    X = A[active].reshape(3, -1).T
    free = residual.size - len(active)
    noise = np.sum(residual**2) / free
    expected = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * noise)
    assert_allclose(residual_std(A, residual, active), expected, rtol=1e-10)
