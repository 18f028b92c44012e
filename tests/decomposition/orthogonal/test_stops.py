"""When a fit may stop: gaps over all rows, and pairs of atoms in the wrong basin."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.settings import Settings
from skgeo.decomposition._orthogonal.stream import Stream
from skgeo.decomposition._orthogonal.workspace import Workspace


def signs_and_zeros(seed, n_rows=2500, n=10):
    rng = np.random.default_rng(seed)
    D = np.linalg.qr(rng.standard_normal((n, n)))[0]
    codes = rng.choice([-1.0, 1.0], (n_rows, n)) * (rng.random((n_rows, n)) < 1 / 3)
    return codes @ D, D


@pytest.mark.parametrize("p", [3, 4])
def test_gap_over_all_rows_is_that_of_the_iterate(p):
    X, _ = signs_and_zeros(0, 300, 6)
    W = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]
    stream = Stream(W, np.empty((32, 6)), Settings(p=p))
    stream.partial_update(X)
    removed = stream._removed_curvature()  # of codes in the unit of the averages
    unit = 2.0 ** np.frexp(np.abs(X[:32]).max())[1]
    codes = (X / unit) @ stream.W.T
    h = stream.signs * (p * np.abs(codes) ** (p - 2) - removed) * codes
    total = h.T @ (X / unit)
    U, values, Vt = np.linalg.svd(total)
    expected = 1.0 - np.vdot(total, stream.W) / values.sum()
    assert expected > 1e-4
    gap, vertex = stream.gap_over(X)
    assert_allclose(gap, expected, rtol=1e-6)
    assert_allclose(vertex, U @ Vt, atol=1e-9)
    assert stream.gap_over(0 * X) == (0.0, None)


@pytest.mark.parametrize("center", [False, True])
def test_a_fit_that_converges_ends_with_a_step_on_all_rows(center, monkeypatch):
    """Far nearer to the optimum of the rows, waiting ones too, than a stream comes."""
    rng = np.random.default_rng(4)
    codes = rng.standard_normal((2345, 6)) * (rng.random((2345, 6)) < 0.3)
    X = codes @ np.linalg.qr(rng.standard_normal((6, 6)))[0] + 4.0 * center
    Y, distance = X - center * X.mean(axis=0), []
    gap_over = Stream.gap_over
    for exact in (True, False):
        if not exact:
            monkeypatch.setattr(
                Stream, "gap_over", lambda self, X: (gap_over(self, X)[0], None)
            )
        model = OnlineOrthogonalDictionary(random_state=0, center=center).fit(X)
        assert model.converged_
        best = model.components_
        for _ in range(200):  # the power method, to its end
            C = Y @ best.T
            U, _, Vt = np.linalg.svd((np.abs(C) * C).T @ Y)
            best = U @ Vt
        distance.append(np.linalg.norm(model.components_ - best))
    assert distance[0] < 0.25 * distance[1]
    assert_allclose(model.mean_, center * X.mean(axis=0), rtol=1e-10)


def test_a_fit_goes_on_while_the_gap_over_all_rows_is_large(monkeypatch):
    X, _ = signs_and_zeros(1, 1500, 6)
    params = {"max_iter": 30, "tol": 1e-2, "random_state": 0, "center": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert OnlineOrthogonalDictionary(**params).fit(X).converged_
        monkeypatch.setattr(Stream, "gap_over", lambda self, X: (0.5, None))
        model = OnlineOrthogonalDictionary(**params).fit(X)
    assert not model.converged_
    assert model.n_iter_ == 30


def test_a_stream_turns_pairs_that_settled_between_two_atoms(monkeypatch):
    # the mixture of these codes is a maximum, if a flat one
    monkeypatch.setattr("skgeo.decomposition._orthogonal.stream._SHARE", 1e-3)
    X, D = signs_and_zeros(2, 3000)
    W = D.copy()
    plus, minus = W[3] + W[7], W[3] - W[7]
    W[3], W[7] = plus / np.sqrt(2), minus / np.sqrt(2)
    stream = Stream(W, np.empty((100, 10)), Settings())
    stream.partial_update(X[:100])
    stream.W[:], stream.signs[:] = W, 1.0
    stream.kept = [X[i : i + 100].copy() for i in range(0, 3000, 100)]
    assert not stream._is_maximum(Workspace(stream.pending, 10, stream.settings.p))
    overlap = np.abs(stream.W @ D.T)
    assert (overlap.max(axis=1) > 0.98).all()
    # and leaves alone what is right
    stream.W[:] = D
    assert stream._is_maximum(Workspace(stream.pending, 10, stream.settings.p))
    assert_allclose(stream.W, D)
