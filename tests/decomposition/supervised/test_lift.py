"""The convex lift against independent optimizers and cvxpy."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skgeo.decomposition._supervised import subspace as sdl_subspace
from skgeo.decomposition._supervised.initialization import (
    principal_axes,
)
from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    ridge_logistic,
)
from skgeo.decomposition._supervised.lpgd import lpgd
from tests.decomposition.supervised.problems import dense, full_logits, nll, setting


def starts(model_size, rank, loss, covariates, n_rows=None):
    """Six starts of scale 0 to 100."""
    rng = np.random.default_rng(7)
    for scale in (0, 1, 1, 5, 20, 100):
        shape = (loss.n_logits, model_size) if n_rows is None else (n_rows, 1)
        A = scale * rng.standard_normal(shape)
        yield A, rng.standard_normal((model_size, rank)), scale * covariates.zeros()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_filter_reaches_one_objective_from_six_starts(n_classes):
    data, loss, covariates = setting(n_classes=n_classes)
    found = [
        lpgd(
            "filter",
            data,
            loss,
            covariates,
            rank=3,
            recon=0.5,
            ridge=0.01,
            start=start,
            max_iter=5000,
            tol=1e-9,
        ).objective
        for start in starts(14, 3, loss, covariates)
    ]
    last = [trace[-1] for trace in found]
    assert np.ptp(last) < 1e-9 * min(last)
    for trace in found:
        assert (np.diff(trace) <= 1e-12 * trace[0]).all()


def test_feature_reaches_one_objective_from_six_starts():
    data, loss, covariates = setting()
    last = [
        lpgd(
            "feature",
            data,
            loss,
            covariates,
            rank=3,
            recon=0.5,
            ridge=0.05,
            start=start,
            max_iter=5000,
            tol=1e-10,
        ).objective[-1]
        for start in starts(15, 3, loss, covariates, n_rows=120)
    ]
    assert np.ptp(last) < 1e-9 * min(last)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_filter_equals_lbfgs_of_the_projected_problem(n_classes):
    """The codes eliminated, D, coefficients and covariates by L-BFGS."""
    data, loss, covariates = setting(n_classes=n_classes)
    r, recon, ridge = 3, 0.5, 0.01
    result = lpgd(
        "filter",
        data,
        loss,
        covariates,
        rank=r,
        recon=recon,
        ridge=ridge,
        tol=1e-10,
        max_iter=5000,
    )
    X, N, k = dense(data), covariates.N, loss.n_logits
    G = X.T @ (data.weight[:, None] * X)
    cuts = np.cumsum([r * 14, k * r])

    def objective(v):
        D, B, nu = np.split(v, cuts)
        D, B, nu = D.reshape(r, 14), B.reshape(k, r), nu.reshape(k, -1)
        Q = np.linalg.qr(D.T)[0]
        P = Q @ Q.T
        A = B @ D
        S = X @ A.T + N @ nu.T
        value = nll(S, loss) + ridge * np.sum(A**2) + covariates.ridge(nu)
        value += recon * np.trace(G @ (np.eye(14) - P))
        E = np.exp(full_logits(S) - full_logits(S).max(1, keepdims=True))
        R = E / E.sum(1, keepdims=True)
        R[np.arange(len(R)), loss.y] -= 1
        R = loss.weight[:, None] * R[:, -k:]
        gA = R.T @ X + 2 * ridge * A
        gD = B.T @ gA - 2 * recon * np.linalg.pinv(D).T @ G @ (np.eye(14) - P)
        gnu = R.T @ N + 2 * nu * covariates.penalty
        return value, np.concatenate([g.ravel() for g in (gD, gA @ D.T, gnu)])

    best = np.inf
    for seed in range(3):
        v0 = np.random.default_rng(seed).standard_normal(cuts[-1] + k * N.shape[1])
        options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-9}
        found = minimize(objective, v0, jac=True, method="L-BFGS-B", options=options)
        best = min(best, found.fun)
    assert_allclose(result.objective[-1], best, rtol=1e-8)


def test_full_rank_filter_equals_cvxpy():
    cp = pytest.importorskip("cvxpy")
    data, loss, covariates = setting(n=60, p=5)
    result = lpgd(
        "filter",
        data,
        loss,
        covariates,
        rank=5,
        recon=0.7,
        ridge=0.02,
        tol=1e-10,
        max_iter=5000,
    )
    X, sign = dense(data), 2.0 * loss.y - 1
    a, g = cp.Variable(5), cp.Variable(covariates.size)
    margin = cp.multiply(sign, X @ a + covariates.N @ g)
    value = loss.weight @ cp.logistic(-margin) + 0.02 * cp.sum_squares(a)
    value += cp.sum(cp.multiply(covariates.penalty, cp.square(g)))
    problem = cp.Problem(cp.Minimize(value))
    problem.solve(solver="CLARABEL")
    assert_allclose(result.objective[-1], problem.value, rtol=1e-7)
    assert_allclose(result.x[0][0], a.value, atol=1e-4)


def test_lifted_feature_equals_cvxpy_at_full_rank():
    cp = pytest.importorskip("cvxpy")
    data, loss, covariates = setting(n=25, p=3, q=1)
    result = lpgd(
        "feature",
        data,
        loss,
        covariates,
        rank=4,
        recon=0.7,
        ridge=0.05,
        tol=1e-10,
        max_iter=5000,
    )
    sign = 2.0 * loss.y - 1
    a, g = cp.Variable(25), cp.Variable(covariates.size)
    value = loss.weight @ cp.logistic(-cp.multiply(sign, a + covariates.N @ g))
    value += 0.05 * cp.sum(cp.multiply(data.weight, cp.square(a)))
    value += cp.sum(cp.multiply(covariates.penalty, cp.square(g)))
    problem = cp.Problem(cp.Minimize(value))
    problem.solve(solver="CLARABEL")
    # With p + 1 columns the rank is no constraint: the data are reproduced.
    assert_allclose(result.objective[-1], problem.value, rtol=1e-6)


@pytest.mark.parametrize("momentum", [True, False])
def test_warm_subspace_equals_exact(momentum, monkeypatch):
    data, loss, covariates = setting(p=30, n_classes=3)
    options = {"rank": 3, "recon": 0.5, "ridge": 0.01, "tol": 1e-9, "max_iter": 4000}
    last = []
    for exact, gram in ((1000, 1000), (0, 1000), (0, 0)):
        monkeypatch.setattr(sdl_subspace, "EXACT_LIMIT", exact)
        monkeypatch.setattr(sdl_subspace, "GRAM_LIMIT", gram)
        for kind in ("filter", "feature"):
            result = lpgd(kind, data, loss, covariates, momentum=momentum, **options)
            assert (np.diff(result.objective) <= 1e-12).all()
            last.append(result.objective[-1])
    assert_allclose(last[0::2], last[0], rtol=1e-7)
    assert_allclose(last[1::2], last[1], rtol=1e-6)


@pytest.mark.parametrize("kind", ["filter", "feature"])
def test_stop_is_the_relative_step(kind):
    """Rows of unequal weight, no momentum: each step by hand from the iterates."""
    data, loss, covariates = setting()
    seen = []
    result = lpgd(
        kind,
        data,
        loss,
        covariates,
        rank=2,
        recon=0.0,
        ridge=0.05,
        max_iter=6,
        tol=0.0,
        momentum=False,
        callback=lambda state: seen.append(state["A"]),
    )
    omega = data.weight[:, None] if kind == "feature" else 1.0
    steps = [
        np.sqrt(np.sum(omega * (b - a) ** 2)) / max(1.0, np.sqrt(np.sum(omega * b**2)))
        for a, b in itertools.pairwise(seen)
    ]
    assert_allclose(result.residuals[1:], steps, rtol=1e-9)
    assert result.stop == result.residuals[-1]


def test_large_and_zero_reconstruction_weight():
    data, loss, covariates = setting()
    common = {"rank": 3, "ridge": 0.01, "max_iter": 3000, "tol": 1e-9}
    heavy = lpgd("filter", data, loss, covariates, recon=1e6, **common)
    axes = principal_axes(data, 3)
    gap = heavy.x[1] - axes.T @ (axes @ heavy.x[1])
    assert np.abs(gap).max() < 1e-4
    none = lpgd("filter", data, loss, covariates, recon=0.0, **common)
    X = np.hstack([dense(data), covariates.N])
    penalty = np.r_[np.full(14, 0.01), covariates.penalty]
    _, value = ridge_logistic(X, loss, penalty, np.zeros((1, 17)), max_iter=5000)
    assert_allclose(none.objective[-1], value, rtol=1e-8)  # binary: rank one suffices


def plain_lpgd(data, loss, rank, recon, ridge, max_iter):
    """Objective of the filter model without covariates: formulas, and no state kept."""
    X = dense(data)
    G = X.T @ (data.weight[:, None] * X)
    H = X.T @ (loss.weight[:, None] * X)
    L = 2 * ridge + (0.25 if loss.binary else 0.5) * np.linalg.eigvalsh(H)[-1]

    def project(A):
        V = np.linalg.eigh(2 * recon / L * G + A.T @ A)[1][:, -rank:]
        return A @ V @ V.T, V

    def objective(A, V):
        value = nll(X @ A.T, loss) + ridge * np.sum(A**2)
        return value + recon * (np.trace(G) - np.trace(V.T @ G @ V))

    def gradient(A):
        E = np.exp(full_logits(X @ A.T))
        R = E / E.sum(1, keepdims=True)
        R[np.arange(len(R)), loss.y] -= 1
        R = loss.weight[:, None] * R[:, -loss.n_logits :]
        return R.T @ X + 2 * ridge * A

    A, V = project(np.zeros((loss.n_logits, X.shape[1])))
    before, t, trace, restarts = A, 1.0, [objective(A, V)], 0
    while len(trace) <= max_iter:
        t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
        Y = A + (t - 1) / t_next * (A - before)
        new, V = project(Y - gradient(Y) / L)
        if objective(new, V) > trace[-1]:
            new, V = project(A - gradient(A) / L)
            t_next, restarts = 1.0, restarts + 1
        before, A, t = A, new, t_next
        trace.append(objective(A, V))
    return np.array(trace), restarts


@pytest.mark.parametrize("n_classes", [2, 3])
def test_steps_of_the_filter_follow_the_formulas(n_classes):
    """Momentum, step length and restarts: they decide about the time alone."""
    data, loss, _ = setting(n_classes=n_classes, q=0)
    covariates = CovariateModel.of_columns(loss, np.empty((120, 0)), np.empty(0))
    options = {"rank": 2, "recon": 0.5, "ridge": 1e-3, "max_iter": 25}
    expected, restarts = plain_lpgd(data, loss, **options)
    assert restarts > 0
    found = lpgd("filter", data, loss, covariates, tol=0.0, **options)
    assert found.restarts == restarts
    assert_allclose(found.objective, expected, rtol=1e-8)
