"""The solver against dense formulas and what the theory says of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skgeo.decomposition._orthogonal.epochs import (
    EpochTotals,
    fit_epochs,
    snapshot,
    sparsity,
)
from skgeo.decomposition._orthogonal.moments import Moments, whitening_pair
from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.decomposition._orthogonal.settings import Settings
from skgeo.decomposition._orthogonal.signs import (
    _EXCESS_VARIANCE,
    contrast_signs,
    shared_signs,
)
from skgeo.decomposition._orthogonal.stream import Stream
from skgeo.decomposition._orthogonal.workspace import Workspace


def new_stream(W, batch_size, **params):
    pending = np.empty((batch_size, len(W)))
    return Stream(W.copy(), pending, Settings(**params))


@given(seed=st.integers(0, 10_000), n=st.integers(1, 12), decades=st.integers(0, 14))
@settings(max_examples=60, deadline=None)
def test_polar_factor_is_the_linear_maximizer(seed, n, decades):
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in "UV")
    values = np.geomspace(1.0, 10.0**-decades, n)
    G = (U * values) @ V
    S = polar_factor(G)
    np.testing.assert_allclose(S @ S.T, np.eye(n), atol=1e-11)
    assert np.sum(G * S) == pytest.approx(values.sum(), rel=1e-11)
    if decades <= 6:
        np.testing.assert_allclose(S, U @ V, atol=1e-9)


def test_polar_factor_of_a_singular_matrix_stays_where_it_was(sparse):
    W = sparse.orthogonal(0, 5)
    G = W.copy()
    G[:2] = 0.0  # any rotation of the first two rows maximizes as well
    np.testing.assert_allclose(polar_factor(G, towards=W), W, atol=1e-7)


@pytest.mark.parametrize("p", [3, 4])
def test_steps_follow_the_formulas(sparse, p):
    n, B = 4, 6
    X, _ = sparse.draw(3, 5 * B, n, 0.5)
    W = sparse.orthogonal(4, n)
    stream = new_stream(W, B, p=p)
    stream.partial_update(X)

    unit = 2.0 ** np.frexp(np.abs(X[:B]).max())[1]
    G, m, clock, noise = np.zeros((n, n)), np.zeros(n), 0.0, 0.0
    slow, signs, inverse = np.zeros((3, n)), np.ones(n), 0.0
    flipped = 0
    for t in range(5):
        x = X[t * B : (t + 1) * B] / unit
        u = B / (2 * n)
        rho = 1 - (1 - min(0.3, 4 / (clock + 1) ** 0.5)) ** u
        gamma = 1 - (1 - min(0.4, 1 / (clock + 2) ** 0.75)) ** u
        rho = 1.0 if t == 0 else rho
        C = x @ W.T
        means = [np.mean(np.abs(C) ** power, axis=0) for power in (p - 2, 2, p)]
        m = (1 - rho) * m + rho * means[0]
        late = rho if t == 0 else rho / 4
        units = np.linalg.norm(W, axis=1) ** np.array([p - 2, 2, p])[:, None]
        slow = (1 - late) * slow + late * np.array(means) / units
        inverse = (1 - late) ** 2 * inverse + late**2 / B
        new = shared_signs(*slow, p, inverse)
        for k in np.flatnonzero(new != signs):
            G[k] = np.linalg.norm(G[k]) * W[k] / np.linalg.norm(W[k])
            flipped += 1
        signs = new
        beta = np.where(signs > 0, 0.9 * m[signs > 0].min(), 1.1 * m) * p * (p - 1)
        H = signs * (p * np.abs(C) ** (p - 2) * C - beta * C)
        A = H.T @ x / B
        ratio = np.mean(H**2) * np.mean(C**2) / np.mean(H * C) ** 2 - 1
        noise = (1 - rho) * noise + rho * ratio
        G = (1 - rho) * G + rho * A
        U, s, Vt = np.linalg.svd(G)
        gap = 1 - np.sum(G * W) / s.sum()
        W = (1 - gamma) * W + gamma * U @ Vt
        level = min(0.05, 2.5 * (n - 1) * noise * rho / B / 8)
        clock += u * (1 if gap < level else 1 / 32)
    assert flipped > 0
    np.testing.assert_array_equal(stream.signs, signs)
    np.testing.assert_allclose(stream.W, W, atol=1e-10)
    np.testing.assert_allclose(stream.G, G, atol=1e-10)
    assert stream.gap == pytest.approx(gap, abs=1e-10)
    assert stream.clock == pytest.approx(clock)


def test_one_full_step_is_the_power_method(sparse):
    """rho = gamma = 1, no shift, all data: the step of MSP."""
    X, _ = sparse.draw(5, 200, 6, 0.3)
    W = sparse.orthogonal(6, 6)
    stream = new_stream(
        W, 12, p=4, gradient_weight=1.0, step_size=1.0, decay=False, curvature_shift=0.0
    )
    stream.pending = np.empty((200, 6))
    stream.partial_update(X)
    U, _, Vt = np.linalg.svd(((X @ W.T) ** 3).T @ X)
    np.testing.assert_allclose(snapshot(stream).components, U @ Vt, atol=1e-9)


@pytest.mark.parametrize("p", [3, 4])
def test_shift_moves_no_maximizer(sparse, p):
    """The batch iteration ends at the same place with and without the shift."""
    X, D = sparse.draw(7, 3000, 5, 0.3)
    ends = []
    for shift in (0.0, 0.9):
        stream = new_stream(
            D,
            len(X),
            p=p,
            gradient_weight=1.0,
            step_size=1.0,
            decay=False,
            curvature_shift=shift,
        )
        for _ in range(60):
            stream.partial_update(X)
        ends.append(snapshot(stream).components)
    np.testing.assert_allclose(*ends, atol=1e-8)


def test_iterate_stays_in_the_ball(sparse):
    X, _ = sparse.draw(8, 2000, 6, 0.7)
    stream = new_stream(sparse.orthogonal(9, 6), 6)
    for chunk in np.array_split(X, 50):
        stream.partial_update(chunk)
        assert np.linalg.norm(stream.W, 2) <= 1 + 1e-10
        assert 0.0 <= stream.gap <= 2.0


def test_true_gap_falls_faster_than_the_guarantee(sparse):
    n, theta = 8, 0.2
    D = sparse.orthogonal(10, n)
    held_out = sparse.codes(11, 40_000, n, theta) @ D
    stream = new_stream(sparse.orthogonal(12, n), 2 * n)
    X = sparse.codes(13, 2 * n * 6400, n, theta) @ D
    steps, gaps = np.array([400, 800, 1600, 3200, 6400]), []
    for start, stop in zip([0, *steps], steps, strict=False):
        stream.partial_update(X[2 * n * start : 2 * n * stop])
        C = held_out @ stream.W.T
        G = (3 * np.abs(C) * C).T @ held_out / len(C)
        gaps.append(np.linalg.norm(G, "nuc") - np.sum(G * stream.W))
    slope = np.polyfit(np.log(steps), np.log(gaps), 1)[0]
    assert slope < -0.25


def test_gap_of_a_pass(sparse):
    X, _ = sparse.draw(14, 100, 4, 0.4)
    W = sparse.orthogonal(15, 4)
    totals = EpochTotals(4)
    A = (np.abs(X @ W.T) * (X @ W.T)).T @ X
    totals.add(1.0, X, A, 0, 3)
    expected = 1 - np.sum(A * W) / np.linalg.norm(A, "nuc")
    assert totals.gap(W) == pytest.approx(expected, rel=1e-10)


def test_fit_epochs_stops_when_told(sparse):
    X, _ = sparse.draw(16, 100, 4, 0.4)
    seen = []
    result = fit_epochs(
        new_stream(sparse.orthogonal(17, 4), 8),
        X,
        max_iter=9,
        tol=0.0,
        shuffle=False,
        random_state=None,
        callback=lambda state: seen.append(state["gap"]) or len(seen) == 3,
    )
    assert result.n_iter == len(seen) == len(result.objective) == 3
    assert not result.converged


@pytest.mark.parametrize("p", [3, 4])
def test_sparsity_of_gaussian_and_sparse_codes(sparse, p):
    for theta in (1.0, 0.25):
        C = sparse.codes(18, 400_000, 2, theta)
        value = sparsity((np.abs(C) ** p).sum(), (C**2).sum(), len(C), 2, p)
        assert value == pytest.approx(theta ** (1 - p / 2), rel=0.02)


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 199), max_size=6))
@settings(max_examples=30, deadline=None)
def test_moments_are_those_of_all_rows(seed, cuts):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 3)) + 5.0
    moments = Moments(3, center=True, whiten=True)
    for chunk in np.split(X, sorted(set(cuts))):
        moments.update(chunk - moments.reference(chunk), 0.0)
    np.testing.assert_allclose(moments.mean, X.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(
        moments.covariance, np.cov(X.T, bias=True), rtol=1e-8, atol=1e-10
    )
    assert moments.weight == pytest.approx(200)


def test_whitening_pair():
    rng = np.random.default_rng(19)
    A = rng.standard_normal((5, 4))
    whitening, root, rank = whitening_pair(A @ A.T)
    assert rank == 4
    np.testing.assert_allclose(root @ root, A @ A.T, atol=1e-10)
    projector = whitening @ (A @ A.T) @ whitening
    np.testing.assert_allclose(projector, A @ np.linalg.pinv(A), atol=1e-8)


@pytest.mark.parametrize("p", [3, 4])
def test_pairs_at_a_saddle_are_told_and_turned(p):
    rng = np.random.default_rng(30)
    n = 12
    D = np.linalg.qr(rng.standard_normal((n, n)))[0]
    X = (rng.standard_normal((100, 2 * n, n)) * (rng.random((100, 2 * n, n)) < 0.4)) @ D
    mixed, half = D.copy(), np.sqrt(0.5)
    for k, m in ((0, 1), (5, 9)):
        mixed[k], mixed[m] = half * (D[k] + D[m]), half * (D[k] - D[m])
    for start, is_maximum in ((D, True), (mixed, False)):
        stream = Stream(start.copy(), np.empty((2 * n, n)), Settings(p=p))
        stream.partial_update(X[0])  # sets the unit
        stream.W[:] = start
        stream.kept = list(X)
        assert (
            stream._is_maximum(Workspace(stream.pending, n, stream.settings.p))
            is is_maximum
        )
        overlap = np.abs(stream.W @ D.T)
        np.testing.assert_allclose(overlap.max(axis=1), 1.0, atol=1e-12)
        assert (
            stream._is_maximum(Workspace(stream.pending, n, stream.settings.p)) is True
        )


@pytest.mark.parametrize("p", [3, 4])
def test_signs_that_atoms_share(p):
    """Own where clear, that of the mean where this is clear, and else own again."""
    rng = np.random.default_rng(31)

    def moments(C):
        return [(np.abs(C) ** k).mean(axis=0) for k in (p - 2, 2, p)]

    # Excesses of Gaussian codes have the standard error that decides.
    low, square, power = moments(rng.standard_normal((400, 4000)))
    excess = power / ((p - 1) * low * square) - 1.0
    assert excess.std() * np.sqrt(400) == pytest.approx(
        np.sqrt(_EXCESS_VARIANCE[p]), rel=0.15
    )
    # Each too close to Gaussian, all alike: many together are clear.
    for draw, sign in ((rng.laplace, 1.0), (lambda size: rng.uniform(-1, 1, size), -1)):
        mixed = draw(size=(1500, 40)) @ np.linalg.qr(rng.standard_normal((40, 40)))[0]
        found = moments(mixed)
        assert 0 < np.sum(contrast_signs(*found, p) != sign) < 40
        np.testing.assert_array_equal(shared_signs(*found, p, 1 / 1500), sign)
    # A clear one keeps its own, and says nothing of the others.
    found = np.array(moments(rng.standard_normal((400, 8))))
    own = contrast_signs(*found, p)
    np.testing.assert_array_equal(shared_signs(*found, p, 1 / 400), own)
    one = np.array(moments(np.repeat([1.0, -1.0], 200)[:, None]))
    both = np.hstack([found, one])
    np.testing.assert_array_equal(shared_signs(*both, p, 1 / 400), [*own, -1.0])
    zero = np.zeros((3, 2))
    np.testing.assert_array_equal(shared_signs(*zero, p, 0.1), [1.0, 1.0])


def test_dense_codes_start_with_one_sign(sparse):
    """At random half of the atoms would look for flat codes, where there are none."""
    n = 60
    X, _ = sparse.draw(32, 40 * n, n, 0.7)
    stream = new_stream(sparse.orthogonal(33, n), 4 * n, replays=8)
    stream.partial_update(X)
    found = stream.sign_moments
    assert (contrast_signs(found.low, found.square, found.power, 3) < 0).any()
    np.testing.assert_array_equal(stream.signs, 1.0)


@pytest.mark.parametrize("p", [3, 4])
def test_codes_of_rows_that_shrink_and_grow_are_not_peaked(p):
    rng = np.random.default_rng(34)
    D = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    stream = new_stream(D, 50, p=p, decay=False, step_size=1e-300, gradient_weight=0.01)
    unit = 2.0 ** np.frexp(1.5)[1]
    for t in range(400):
        stream.W = D * [[0.05 if t % 2 else 1.0], [1.0]]
        C = rng.uniform(-1, 1, (50, 2))
        C[0] = [1.0, 0.5]  # all batches in one unit
        stream.partial_update(C @ D)
    np.testing.assert_array_equal(stream.signs, -1.0)
    moments = stream.sign_moments
    unit = 2.0**stream.exponent
    expected = [1 / (p - 1), 1 / 3, 1 / (p + 1)]  # of uniform codes of length one
    for found, value, k in zip(
        (moments.low, moments.square, moments.power),
        expected,
        (p - 2, 2, p),
        strict=True,
    ):
        np.testing.assert_allclose(found * unit**k, value, rtol=0.1)
    means = stream.tally / stream.n_tallied * unit ** np.array([[p - 2], [2], [p], [0]])
    np.testing.assert_allclose(means[:3].T, [expected, expected], rtol=0.1)
    moments.rescale(-4)
    assert moments.square[1] * (16 * unit) ** 2 == pytest.approx(1 / 3, rel=0.1)
    moments.reset(np.ones((7, 2)))
    assert moments.inverse_rows == 1 / 7
    np.testing.assert_array_equal(moments.power, 1.0)


def test_an_atom_between_two_signs_finds_its_own(sparse):
    """Two values: a row that looked peaked by chance shrank, grew, and stayed so."""
    rng = np.random.default_rng([4000, 6, 4])
    D = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    X = ((rng.random((3000, 6)) < 0.28) - 0.28) @ D
    start = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    stream = new_stream(start, 72, p=4, center=True, replays=8)
    for chunk in np.split(X, 30):
        stream.partial_update(chunk)
    np.testing.assert_array_equal(stream.signs, -1.0)
    assert sparse.err4(snapshot(stream).components, D) < 0.01
