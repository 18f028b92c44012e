"""Simulated systems against independent integrators and conservation laws."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from skgeo.datasets import (
    BetaPlane,
    Burgers,
    KuramotoSivashinsky,
    Lorenz63,
    Lorenz96,
    TwoScaleLorenz96,
    kuramoto_sivashinsky_cases,
    make_observation_pairs,
)
from skgeo.kernels import etdrk4, lorenz

SYSTEMS = [
    Lorenz63(),
    Lorenz96(8),
    TwoScaleLorenz96(5, 4),
    KuramotoSivashinsky(32, 15.0, dispersion=0.3, cubic=0.2),
    KuramotoSivashinsky(64, 22.0, dealias=True),
    Burgers(64),
    BetaPlane(16, viscosity=0.02),
]


def states(system, n=3):
    return system.step(system.initial_state(n, random_state=0), 0.5)


@pytest.mark.parametrize("system", SYSTEMS, ids=repr)
def test_steps_integrate_the_tendency(system):
    X = states(system, 1)
    exact = solve_ivp(
        lambda t, x: system.tendency(x[None])[0],
        (0, 0.05),
        X[0],
        method="DOP853",
        rtol=1e-10,
        atol=1e-11,
    ).y[:, -1]
    found = system.step(X, 0.05, 400)[0]  # the fast scale needs short steps
    np.testing.assert_allclose(found, exact, atol=2e-7 * np.abs(exact).max())


@pytest.mark.parametrize("system", SYSTEMS, ids=repr)
def test_steps_are_of_fourth_order(system):
    X = states(system, 2)
    exact = system.step(X, 0.08, 320)
    coarse = np.abs(system.step(X, 0.08, 8) - exact).max()
    fine = np.abs(system.step(X, 0.08, 16) - exact).max()
    assert fine < coarse / 10 or fine < 1e-11


@pytest.mark.parametrize("system", SYSTEMS, ids=repr)
def test_batches_irregular_steps_and_pickles(system):
    X = states(system, 5)
    model = pickle.loads(pickle.dumps(system.flow(0.02, 2)))
    assert model == system.flow(0.02, 2)
    Y = model(X)
    single = np.vstack([model(x[None]) for x in X])
    np.testing.assert_allclose(Y, single, rtol=1e-12, atol=1e-13)
    dt = np.array([0.01, 0.02, 0.02, 0.03, 0.01])
    mixed = model(X, dt)
    each = np.vstack([system.step(x[None], t, 2) for x, t in zip(X, dt, strict=True)])
    np.testing.assert_allclose(mixed, each, rtol=1e-12, atol=1e-13)
    path = system.trajectory(X[0], 3, 0.02, 2)
    np.testing.assert_allclose(path[3], model(model(model(X[:1])))[0], rtol=1e-12)
    with pytest.raises(ValueError, match="shape"):
        system.step(X[:, :2], 0.1)
    for bad in (0.0, -1.0, np.nan, np.ones(3)):
        with pytest.raises(ValueError, match="dt must"):
            system.step(X, bad)


def test_lorenz_kernels_match_numpy():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 9))
    system = Lorenz96(9, 7.0, 0.9, 1.1)
    expected = (
        1.1 * np.roll(x, 1, 1) * (np.roll(x, -1, 1) - np.roll(x, 2, 1)) - 0.9 * x + 7.0
    )
    np.testing.assert_allclose(system.tendency(x), expected, atol=1e-13)

    K, J, F, h, c, b = 5, 3, 10.0, 0.7, 8.0, 9.0
    two = TwoScaleLorenz96(K, J, F, h, c, b)
    z = rng.standard_normal((2, K + K * J))
    X, Y = z[:, :K], z[:, K:]
    dX = np.roll(X, 1, 1) * (np.roll(X, -1, 1) - np.roll(X, 2, 1)) - X + F
    dX -= h * c / b * Y.reshape(2, K, J).sum(axis=2)
    dY = c * b * np.roll(Y, -1, 1) * (np.roll(Y, 1, 1) - np.roll(Y, -2, 1)) - c * Y
    dY += h * c / b * np.repeat(X, J, axis=1)
    np.testing.assert_allclose(two.tendency(z), np.hstack([dX, dY]), atol=1e-12)
    np.testing.assert_array_equal(two.slow(z), X)

    s, r, be, xz, xy = 9.0, 27.0, 2.0, 0.8, 1.2
    u, v, w = rng.standard_normal((3, 4))
    found = Lorenz63(s, r, be, xz, xy).tendency(np.stack([u, v, w], 1))
    expected = [s * (v - u), r * u - v - xz * u * w, xy * u * v - be * w]
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-13)
    lorenz.warmup()


def test_stage_kernels_match_numpy():
    rng = np.random.default_rng(1)
    V, N, A, B, C = rng.standard_normal((5, 2, 4)) + 1j * rng.standard_normal((5, 2, 4))
    q, f1, f2, f3 = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    for e in (rng.standard_normal(4), rng.standard_normal(4) + 1j):
        out = np.empty_like(V)
        etdrk4.half_stage(V, N, e, q, out)
        np.testing.assert_allclose(out, e * V + q * N)
        etdrk4.last_stage(A, B, N, e, q, out)
        np.testing.assert_allclose(out, e * A + q * (2 * B - N))
        W = V.copy()
        etdrk4.finish(W, N, A, B, C, e, f1, f2, f3)
        np.testing.assert_allclose(W, e * V + f1 * N + 2 * f2 * (A + B) + f3 * C)
    U = rng.standard_normal((2, 5))
    out = np.empty_like(U)
    etdrk4.flux(U, 1.5, 0.6, out)
    np.testing.assert_allclose(out, 0.75 * U**2 + 0.2 * U**3)


@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=15)
def test_conservation(seed):
    # Flux form keeps the mean; advection alone keeps the energy of Lorenz-96 and,
    # without viscosity, the enstrophy of the flow.
    ks = KuramotoSivashinsky(64, 22.0)
    X = ks.initial_state(2, seed)
    np.testing.assert_allclose(ks.step(X, 1.0).mean(1), X.mean(1), atol=1e-12)
    free = Lorenz96(10, 0.0, 0.0)
    x = np.random.default_rng(seed).standard_normal((2, 10))
    y = free.step(x, 0.5, 200)
    np.testing.assert_allclose((y**2).sum(1), (x**2).sum(1), rtol=1e-7)
    flow = BetaPlane(32, viscosity=0.0, drag=0.0)
    w = flow.initial_state(1, seed)
    rate = flow.tendency(w)
    assert abs((w * rate).mean()) < 1e-3 * np.sqrt((w**2).mean() * (rate**2).mean())


def test_waves_move_as_theory_says():
    # A single Rossby wave: w = cos(kx), frequency -beta / k.
    plane = BetaPlane(16, viscosity=0.0, drag=0.0, beta=3.0)
    x = np.arange(16) * 2 * np.pi / 16
    start = np.tile(np.cos(2 * x), 16)[None]
    end = plane.step(start, 0.7, 20)
    np.testing.assert_allclose(
        end[0], np.tile(np.cos(2 * x + 3.0 / 2 * 0.7), 16), atol=1e-9
    )
    # Linear growth of a small wave of the Kuramoto-Sivashinsky equation.
    ks = KuramotoSivashinsky(64, 4 * np.pi)
    k = 2 * np.pi / (4 * np.pi)
    wave = 1e-8 * np.cos(k * ks.grid)[None]
    grown = ks.step(wave, 2.0)
    np.testing.assert_allclose(grown, wave * np.exp(2.0 * (k**2 - k**4)), atol=1e-14)


def test_two_step_scheme_is_of_second_order():
    ks = KuramotoSivashinsky(64, 22.0)
    X = states(ks, 1)
    errors = []
    for n in (40, 80):
        dt = 0.4 / n
        old, new = X, ks.step(X, dt, 20)
        model = ks.two_step_flow(dt)
        for _ in range(n - 1):
            old, new = new, model(new, history=old)
        errors.append(np.abs(new - ks.step(X, 0.4, 400)).max())
    assert 3.3 < errors[0] / errors[1] < 4.7
    assert model(X).shape == X.shape  # starts itself


def test_published_cases():
    cases = kuramoto_sivashinsky_cases(64, 22.0)
    assert [len(family) for family in cases.values()] == [12, 6, 6]
    model = cases["dispersion"][23]
    assert (model.hyperdiffusion, model.dispersion) == (0.0, 0.5)
    assert cases["cubic"][2].cubic == pytest.approx(0.225)
    assert cases["cubic"][21] == cases["standard"][1]


def test_pairs():
    system = Lorenz63()
    pairs = make_observation_pairs(
        system, 7, dt=0.05, gap=0.4, noise=0.1, n_trajectories=2, random_state=0
    )
    assert pairs.X.shape == pairs.y.shape == (7, 3)
    np.testing.assert_array_equal(pairs.groups, [0, 1, 0, 1, 0, 1, 0])
    np.testing.assert_allclose(pairs.time, [0, 0, 0.4, 0.4, 0.8, 0.8, 1.2])
    np.testing.assert_allclose(
        system.step(pairs.X_clean, 0.05, 10), pairs.y_clean, rtol=1e-6
    )
    assert pairs.noise_std == pytest.approx(0.1 * pairs.X_clean.std())
    again = make_observation_pairs(
        system, 7, dt=0.05, gap=0.4, noise=0.1, n_trajectories=2, random_state=0
    )
    np.testing.assert_array_equal(again.X, pairs.X)
    with pytest.raises(ValueError, match="gap"):
        make_observation_pairs(system, dt=0.5, gap=0.1)
    with pytest.raises(ValueError, match="blew up"):
        make_observation_pairs(
            KuramotoSivashinsky(64, 22.0, hyperdiffusion=0.0), 3, random_state=0
        )


@pytest.mark.parametrize(
    "build",
    [
        lambda: Lorenz96(3),
        lambda: TwoScaleLorenz96(2),
        lambda: KuramotoSivashinsky(4),
        lambda: Burgers(length=-1.0),
        lambda: BetaPlane(15),
        lambda: BetaPlane(length=0.0),
    ],
)
def test_bad_systems_are_refused(build):
    with pytest.raises(ValueError, match="must be"):
        build()
