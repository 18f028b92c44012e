"""Solvers against independent optimisers, the theory, and each other."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.sparse import csr_array, csr_matrix
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from skgeo.decomposition._supervised import subspace as sdl_subspace
from skgeo.decomposition._supervised.bcd import bcd_feature, bcd_filter
from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
    column_mean,
    column_squares,
    column_tops,
    largest_eigenvalue,
)
from skgeo.decomposition._supervised.initialization import (
    initial_dictionary,
    principal_axes,
)
from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    LabelLoss,
    ridge_logistic,
)
from skgeo.decomposition._supervised.lpgd import lpgd


def setting(n=120, p=14, r=3, q=2, n_classes=2, seed=0, noise=0.3, ridge=0.01):
    """Noisy low-rank data with labels and covariates, in internal units."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, r)) @ rng.standard_normal((r, p))
    X += noise * rng.standard_normal((n, p)) + 1.0
    Z = rng.standard_normal((n, q))
    logits = 2 * X @ rng.standard_normal((p, n_classes)) / np.sqrt(p)
    logits[:, :q] += Z[:, :n_classes]
    y = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    w = rng.random(n) + 0.5
    w /= w.sum()
    mean = column_mean(X, w)
    squares = column_squares(X, w, mean, np.ones(p))
    data = DataMatrix(X, w, mean, np.sqrt(squares.sum()))
    loss = LabelLoss(y, n_classes, w)
    return data, loss, CovariateModel(loss, Z - w @ Z, True, ridge)


def dense(data):
    return data.forward(np.eye(data.shape[1]))


def full_logits(S):
    return np.hstack([np.zeros_like(S), S]) if S.shape[1] == 1 else S


def nll(S, loss):
    rows = np.arange(len(S))
    return -loss.weight @ log_softmax(full_logits(S), axis=1)[rows, loss.y]


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


@pytest.mark.parametrize("n_classes", [2, 4])
def test_ridge_logistic_equals_scikit_learn(n_classes):
    data, loss, _ = setting(n_classes=n_classes)
    X = dense(data)
    F = np.hstack([X, np.ones((len(X), 1))])
    penalty = np.r_[np.full(X.shape[1], 0.003), 0.0]
    start = np.zeros((loss.n_logits, len(penalty)))
    coef, _ = ridge_logistic(F, loss, penalty, start, max_iter=2000)
    oracle = LogisticRegression(C=1 / 0.006, tol=1e-10, max_iter=10_000)
    oracle.fit(X, loss.y, sample_weight=loss.weight)
    assert_allclose(coef[:, :-1], oracle.coef_, atol=2e-4)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_covariates_are_minimized_out(n_classes):
    data, loss, covariates = setting(n_classes=n_classes, q=3)
    S = data.forward(np.random.default_rng(0).standard_normal((loss.n_logits, 14)))
    coef, value, residual = covariates.solve(S, covariates.zeros(), 50)
    gradient = residual.T @ covariates.N + 2 * coef * covariates.penalty
    assert np.abs(gradient).max() < 1e-10
    assert_allclose(
        value, nll(S + covariates.N @ coef.T, loss) + covariates.ridge(coef)
    )
    covariates.newton = False  # the majorising steps agree with Newton's
    slow, _, _ = covariates.solve(S, covariates.zeros(), 3000)
    assert_allclose(slow, coef, atol=1e-6)


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


def test_newton_finds_all_digits():
    """Two ways to one minimum agree far beyond the root of the rounding error."""
    data, loss, covariates = setting(n_classes=3)
    S = data.forward(np.random.default_rng(0).standard_normal((3, 14)))
    one, _, _ = covariates.solve(S, covariates.zeros(), 50)
    rows = np.random.default_rng(1).permutation(len(S))
    shuffled = LabelLoss(loss.y[rows], 3, loss.weight[rows])
    other = CovariateModel.of_columns(
        shuffled, covariates.N[rows], covariates.penalty
    ).solve(S[rows], 0.5 + covariates.zeros(), 50)[0]
    other -= other.mean(axis=0)
    assert_allclose(other, one - one.mean(axis=0), atol=1e-12)


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


@pytest.mark.parametrize("solver", [bcd_filter, bcd_feature])
@pytest.mark.parametrize("positive_dict", [True, False])
@pytest.mark.parametrize("positive_code", [True, False])
@pytest.mark.parametrize("recon", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_bcd_never_rises(solver, positive_dict, positive_code, recon, n_classes):
    data, loss, covariates = setting(n_classes=n_classes, seed=4)
    # Uneven class weights: the label loss no longer shares the sample weights.
    loss = LabelLoss(loss.y, n_classes, loss.weight * np.where(loss.y == 0, 7.0, 0.4))
    covariates.loss = loss
    rng = np.random.RandomState(0)
    signs = {"positive_dict": positive_dict, "positive_code": positive_code}
    label_data = data
    if positive_dict or positive_code:
        data = data.with_center(None)
    for kind in ("svd", "random"):
        D = initial_dictionary(data, 3, kind, random_state=rng, **signs)
        extra = {"label_data": label_data} if solver is bcd_filter else {}
        result = solver(
            data,
            loss=loss,
            covariates=covariates,
            recon=recon,
            ridge=1e-3,
            start=(D, np.zeros((loss.n_logits, 3)), covariates.zeros()),
            max_iter=40,
            tol=0.0,
            **signs,
            **extra,
        )
        trace = result.objective
        assert (np.diff(trace) <= 1e-9 * np.abs(trace[:-1])).all()
        assert trace[-1] < trace[0]
        D, coef, nu, C = result.x
        assert not positive_dict or (D >= 0).all()
        assert not positive_code or (C >= 0).all()
        # The trace is the objective of the factors it comes with.
        X = dense(data)
        if solver is bcd_filter:
            S, ridge = dense(label_data) @ (coef @ D).T, np.sum((coef @ D) ** 2)
        else:
            S, ridge = C @ coef.T, np.sum(coef**2)
        value = nll(S + covariates.N @ nu.T, loss) + 1e-3 * ridge
        value += covariates.ridge(nu)
        value += recon * data.weight @ ((X - C @ D) ** 2).sum(1)
        assert_allclose(trace[-1], value, rtol=1e-7)


def test_free_block_descent_reaches_the_lifted_optimum():
    data, loss, covariates = setting()
    common = {"recon": 0.5, "ridge": 0.01}
    lifted = lpgd(
        "filter", data, loss, covariates, rank=3, tol=1e-10, max_iter=5000, **common
    )
    result = bcd_filter(
        data,
        data,
        loss,
        covariates,
        positive_dict=False,
        positive_code=False,
        start=(principal_axes(data, 3), np.zeros((1, 3)), covariates.zeros()),
        max_iter=3000,
        tol=1e-12,
        **common,
    )
    assert_allclose(result.objective[-1], lifted.objective[-1], rtol=1e-6)
