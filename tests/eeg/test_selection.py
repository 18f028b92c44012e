"""Embeddings of systems whose embeddings are known; selection in the classifier."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovariances,
    TangentMap,
    select_embedding,
)
from skgeo.eeg._groups import averaged_points, order_shares
from skgeo.eeg._solvers import delays as solver
from skgeo.testing import make_trials


def lorenz(seed, n_times=1200, step=0.02):
    """x, y, z of Lorenz-63 on its attractor."""

    def flow(t, u):
        x, y, z = u
        return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

    start = np.random.default_rng(seed).normal([1.0, 1.0, 20.0])
    times = 20 + step * np.arange(n_times)
    return solve_ivp(flow, (0, times[-1]), start, t_eval=times, rtol=1e-8, atol=1e-8).y


def henon(seed, n_times=800):
    """x of the Henon map."""
    x, y = np.random.default_rng(seed).uniform(-0.1, 0.1, 2)
    values = []
    for _ in range(n_times + 100):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        values.append(x)
    return np.array(values[100:])


@pytest.fixture(scope="module")
def systems():
    t = np.arange(600)
    rng = np.random.default_rng(0)

    def wave(period):
        return np.sin(2 * np.pi * t / period + rng.uniform(0, 6, (4, 1, 1)))

    noise = 1e-3 * rng.standard_normal((4, 1, 600))
    one = wave(40.3) + noise
    two = one + 0.8 * wave(17.7)
    flows = np.stack([lorenz(s) for s in range(3)])
    maps = np.stack([henon(s) for s in range(3)])[:, None]
    return {"one": one, "two": two, "lorenz": flows, "henon": maps}


def test_lorenz(systems):
    X = systems["lorenz"]
    x = X[:, :1]
    assert select_embedding(x, "fnn").order == 3  # Kennel et al. 1992
    assert select_embedding(x, "cao").order in (3, 4)  # Cao 1997 reads off 3
    # First minimum of the mutual information of x: 0.16 to 0.18 time units in the
    # literature, sampled here every 0.02.
    found = select_embedding(x, "ami")
    assert 7 <= found.lag <= 11
    assert 2 <= select_embedding(X, "mdop", max_lag=15).order <= 4
    joint = select_embedding(x, "mdop", max_lag=15)
    assert joint.order in (2, 3)
    assert joint.delays[0] == 0
    # Nichkawde's first delay of x lies near the same 0.17 time units.
    assert 6 <= joint.delays[1] <= 11


def test_henon(systems):
    for method in ("fnn", "cao"):
        assert select_embedding(systems["henon"], method, lag=1).order == 2
    assert select_embedding(systems["henon"], "mdop", max_lag=1)[:2] == (2, 1)


def test_sinusoids(systems):
    for method in ("fnn", "cao"):
        one = select_embedding(systems["one"], method)
        assert one.order == 2
        assert 8 <= one.lag <= 12  # a quarter of the period
        assert select_embedding(systems["two"], method).order == 4
    found = select_embedding(systems["one"], "ami")
    assert 35 <= (found.order - 1) * found.lag <= 45  # one period
    assert 2 <= select_embedding(systems["one"], "mdop", max_lag=20).order <= 3


def test_nearest_against_brute_force():
    rng = np.random.default_rng(0)
    Y = np.cumsum(rng.standard_normal((150, 2)), axis=0)
    for theiler in (0, 3, 40):
        index, distance = solver.nearest(Y, theiler)
        apart = np.linalg.norm(Y[:, None] - Y[None], axis=2)
        time = np.abs(np.subtract.outer(np.arange(150), np.arange(150)))
        apart[time <= theiler] = np.inf
        assert_allclose(distance, apart.min(1))
        assert_array_equal(index, apart.argmin(1))
    index, distance = solver.nearest(Y[:5], 10)
    assert (index == -1).all()
    assert np.isinf(distance).all()


def test_guards():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4, 20, 60))
    for method in ("mdop", "cao", "fnn", "ami"):
        found = select_embedding(X, method)
        assert found.lag >= 1
        assert found.order * 20 < 60 - (found.order - 1) * found.lag
        assert select_embedding(1e120 * X, method) == found
    X[:, 3] = 7.0  # a dead channel is left out
    assert select_embedding(X, "cao").order >= 1
    with pytest.raises(ValueError, match="at least 16"):
        select_embedding(X[:, :, :10])
    with pytest.raises(ValueError, match="no trial in which"):
        select_embedding(np.ones((2, 2, 50)))
    for argument in (
        {"method": "best"},
        {"max_lag": 0},
        {"max_order": True},
        {"max_trials": 1.5},
        {"lag": 3, "method": "mdop"},
    ):
        with pytest.raises(ValueError, match=next(iter(argument))):
            select_embedding(X, **argument)


def test_subsets_are_seeded():
    X, _ = make_trials(40, 12, 150)
    one = select_embedding(X, "cao", max_trials=5, max_channels=3, random_state=1)
    assert one == select_embedding(
        X, "cao", max_trials=5, max_channels=3, random_state=1
    )
    every = select_embedding(X[:3, :2], "cao", max_trials=None, max_channels=None)
    assert every == select_embedding(X[:3, :2], "cao")


def test_classifier_uses_what_is_selected():
    X, y = make_trials(8, 2, 120)
    for method in ("mdop", "cao", "fnn", "ami"):
        found = select_embedding(X, method)
        ours = AugmentedCovarianceClassifier(selection=method).fit(X, y)
        fixed = AugmentedCovarianceClassifier(
            found.order, found.lag, selection=None
        ).fit(X, y)
        assert ours.embeddings_ == [(found.order, found.lag)]
        assert_array_equal(ours.decision_function(X), fixed.decision_function(X))


def test_average_is_the_average_of_normalized_grams():
    X, y = make_trials(40, 3, 150)
    X += 2 * np.random.default_rng(0).standard_normal(X.shape)
    model = AugmentedCovarianceClassifier(
        selection="average", orders=(1, 2, 4), lags=(1, 3), order_weights="inverse"
    ).fit(X, y)
    assert model.embeddings_ == [(1, 1), (2, 1), (4, 1), (2, 3), (4, 3)]
    weights = np.array([1, 1 / 4, 1 / 8, 1 / 4, 1 / 8]) / 1.75
    expected = 0.0
    for (order, lag), weight in zip(model.embeddings_, weights, strict=True):
        T = TangentMap().fit_transform(
            AugmentedCovariances(order, lag).fit_transform(X)
        )
        K = (T - T.mean(0)) @ (T - T.mean(0)).T
        expected = expected + weight * K / np.trace(K) * len(X)
    features = model._head.features
    landmarks = list(features.vectors(model._source.each(X)))
    K, norms = features.gram(model._source.each(X), landmarks)
    assert_allclose(K, 10 * expected, atol=2e-2)
    assert_allclose(norms.mean(), 10.0)


def test_grid_and_shares_of_the_average():
    assert max(averaged_points("auto", "auto", 9, 481)) == (6, 8)
    assert max(averaged_points("auto", "auto", 22, 481)) == (4, 8)
    assert max(averaged_points("auto", "auto", 128, 481)) == (2, 8)
    assert averaged_points("auto", "auto", 3, 12) == [
        *[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)],
        *[(2, 2), (3, 2), (4, 2), (2, 4), (2, 6)],
    ]
    points = averaged_points((1, 3), (1, 2), 3, 50)
    assert_allclose(order_shares(points, "equal", 30), [1 / 2, 1 / 4, 1 / 4])
    assert_allclose(order_shares(points, "inverse", 3), [3 / 4, 1 / 8, 1 / 8])
    for n_channels, rule in ((12, "equal"), (13, "inverse")):
        expected = order_shares(points, rule, n_channels)
        assert_allclose(order_shares(points, "auto", n_channels), expected)


def test_average_refuses_what_it_cannot_average():
    X, y = make_trials()
    with pytest.raises(ValueError, match="selection='average'"):
        AugmentedCovarianceClassifier(selection="average", method="mdm").fit(X, y)
    with pytest.raises(ValueError, match="order=9 and lag=20"):
        AugmentedCovarianceClassifier(
            selection="average", orders=(1, 9), lags=(20,)
        ).fit(X, y)
