"""The convex lift against the published iteration and its proven rate."""

import numpy as np
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
)
from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    LabelLoss,
)
from skgeo.decomposition._supervised.lpgd import lpgd
from tests.decomposition.supervised.problems import dense, nll, setting


def lpgd_plain(X, loss, *, rank, recon, ridge, step, A, B, max_iter, tol=0.0):
    """The published iteration on the unweighted lift, in full: the yardstick.

    Forms M = [A; B] densely, truncates its singular value decomposition, and returns
    every iterate M and the objective along the way.
    """
    k, M = len(A), np.vstack([A, B])
    path, history = [M], []
    for _ in range(max_iter):
        A, B = M[:k], M[k:]
        value, residual = loss(X @ A.T)
        history.append(value + ridge * np.sum(A * A) + recon * np.sum((B - X) ** 2))
        gradient = np.vstack([residual.T @ X + 2 * ridge * A, 2 * recon * (B - X)])
        U, sigma, Vt = np.linalg.svd(M - step * gradient, full_matrices=False)
        new = (U[:, :rank] * sigma[:rank]) @ Vt[:rank]
        moved = np.linalg.norm(new - M) / max(1.0, np.linalg.norm(M))
        M = new
        path.append(M)
        if moved <= tol:
            break
    return path, history


def test_contracts_at_the_proven_rate():
    """Exactly low-rank data, condition below 3: the theorem holds as it is."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 10))
    X /= np.linalg.norm(X, 2)
    y = (X @ rng.standard_normal(10) > 0).astype(int)
    loss = LabelLoss(y, 2, np.ones(80))
    ridge, recon = 0.25, 0.3
    L = max(2 * recon, 2 * ridge + 0.25)
    mu = min(2 * recon, 2 * ridge)
    assert L / mu < 3
    step = 2 / (L + mu)
    rho = 2 * (L - mu) / (L + mu)
    A = 20 * rng.standard_normal((1, 10))
    B = 20 * rng.standard_normal((80, 10))
    U, s, Vt = np.linalg.svd(np.vstack([A, B]), full_matrices=False)
    M = (U[:, :3] * s[:3]) @ Vt[:3]
    path, history = lpgd_plain(
        X,
        loss,
        rank=3,
        recon=recon,
        ridge=ridge,
        step=step,
        A=M[:1],
        B=M[1:],
        max_iter=300,
        tol=1e-15,
    )
    target = path[-1]
    # The target is the ridge solution beside the data themselves.
    found = minimize(
        lambda a: nll(X @ a[:, None], loss) + ridge * a @ a,
        np.zeros(10),
        options={"gtol": 1e-9},
    )
    assert_allclose(target[0], found.x, atol=1e-6)
    assert_allclose(target[1:], X, atol=1e-12)
    error = np.array([np.linalg.norm(M - target) for M in path])
    t = np.arange(len(error))
    above = error > 1e-11
    assert (error[above] <= rho ** t[above] * error[0] * (1 + 1e-9)).all()
    # The weighted form solves the same problem: same objective, whatever the metric.
    data = DataMatrix(X, np.full(80, 1 / 80), None, 1.0)
    mean_loss = LabelLoss(y, 2, np.full(80, 1 / 80))
    covariates = CovariateModel(mean_loss, np.empty((80, 0)), False, 0.0)
    scaled = lpgd(
        "filter",
        data,
        mean_loss,
        covariates,
        rank=3,
        recon=recon,
        ridge=ridge / 80,
        tol=1e-12,
        max_iter=1000,
    )
    assert_allclose(80 * scaled.objective[-1], history[-1], rtol=1e-10)
    assert scaled.lipschitz / scaled.strong_convexity < 3


def test_weighted_form_equals_the_published_iteration_when_misspecified():
    data, loss, _ = setting(q=0, noise=1.0)
    covariates = CovariateModel(loss, np.empty((120, 0)), False, 0.0)
    scaled = lpgd(
        "filter",
        data,
        loss,
        covariates,
        rank=2,
        recon=0.3,
        ridge=0.05,
        tol=1e-11,
        max_iter=3000,
    )
    root = np.sqrt(data.weight)[:, None]
    X = dense(data)
    L = max(0.6, 0.1 + 0.25 * np.linalg.norm(root * X, 2) ** 2)
    # Row weights of the reconstruction enter as row scales of the lift.
    weighted = root * X

    class Weighted:
        """The loss seen from rows scaled by the root of their weights."""

        def __call__(self, S):
            value, R = loss(S / root)
            return value, R / root

    _, history = lpgd_plain(
        weighted,
        Weighted(),
        rank=2,
        recon=0.3,
        ridge=0.05,
        step=1 / L,
        A=np.zeros((1, 14)),
        B=np.zeros_like(X),
        max_iter=4000,
        tol=1e-13,
    )
    assert_allclose(scaled.objective[-1], history[-1], rtol=1e-9)
