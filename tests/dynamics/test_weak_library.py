"""Weak form: noisy fields without periodicity, gaps, uneven times, models."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.base import clone
from sklearn.preprocessing import PolynomialFeatures

from skgeo.datasets import KuramotoSivashinsky, Lorenz63
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    MemoryLibrary,
    ModelErrorWarning,
    PDELibrary1D,
    WeakLibrary,
)
from skgeo.dynamics._model_error.weak import _Windows, segments
from tests.dynamics.common import support


def solve(rate, start, duration, n_times):
    t = np.linspace(0, duration, n_times)
    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10, "t_eval": t}
    return t[1], solve_ivp(rate, (0, duration), start, **options).y.T


def laplacian(u, dx, mirror=False):
    out = np.zeros_like(u)
    out[1:-1] = (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
    if mirror:
        out[0], out[-1] = 2 * (u[1] - u[0]) / dx**2, 2 * (u[-2] - u[-1]) / dx**2
    return out


def heat():
    x = np.linspace(0, 1, 64)
    start = np.exp(-40 * (x - 0.4) ** 2) + 0.5 * np.sin(3 * x) + 0.3 * x
    dt, U = solve(lambda t, u: 0.1 * laplacian(u, x[1]), start, 1.0, 201)
    return dt, U, 1.0, {"u_xx": 0.1}


def burgers():
    x = np.linspace(-1, 1, 128)
    dx = x[1] - x[0]

    def rate(t, u):
        out = 0.05 * laplacian(u, dx)
        out[1:-1] -= (u[2:] ** 2 - u[:-2] ** 2) / (4 * dx)
        return out

    start = -np.sin(np.pi * x) + 0.3 * np.cos(np.pi * x / 2) + 0.2
    dt, U = solve(rate, start, 1.0, 201)
    return dt, U, 2.0, {"u u_x": -1.0, "u_xx": 0.05}


def fisher():
    x = np.linspace(0, 10, 101)

    def rate(t, u):
        return 0.1 * laplacian(u, x[1], mirror=True) + u - u**2

    start = 0.8 * np.exp(-((x - 3) ** 2)) + 0.3 * np.exp(-((x - 7.5) ** 2) / 2) + 0.05
    dt, U = solve(rate, start, 4.0, 161)
    return dt, U, 10.0, {"u": 1.0, "u^2": -1.0, "u_xx": 0.1}


FIELDS = {"heat": heat(), "Burgers": burgers(), "Fisher-KPP": fisher()}


def space(length):
    return PDELibrary1D(3, 3, length=length, periodic=False, derivative="fd4")


@pytest.mark.parametrize("noise", [0.0, 0.0015, 0.01, 0.03])
@pytest.mark.parametrize("name", FIELDS)
def test_noisy_fields_with_edges(name, noise):
    dt, clean, length, expected = FIELDS[name]
    for seed in range(4 if noise else 1):
        rng = np.random.default_rng([seed, 100])
        U = clean + noise * clean.std() * rng.standard_normal(clean.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            medida = MEDIDA(None, dt, library=WeakLibrary(space(length)))
            medida.fit(U[:-1], U[1:])
        assert support(medida) == set(expected)
        for term, value in expected.items():
            found = medida.coef_[0, medida.feature_names_.index(term)]
            np.testing.assert_allclose(found, value, rtol=0.015)


def test_names_are_of_the_conservative_form():
    library = WeakLibrary(PDELibrary1D(2, 2, fields=("u",))).fit(np.zeros((2, 32)))
    assert library.term_names_ == [
        "u", "u^2", "u_x", "u u_x", "u^2 u_x", "u_xx", "(u^2)_xx", "(u^3)_xx",
    ]  # fmt: skip
    two = WeakLibrary(PDELibrary1D(1, 1, fields=("u", "v"))).fit(np.zeros((2, 64)))
    assert two.term_names_ == [
        "u", "v", "u_x", "v_x", "u u_x", "(u v)_x", "v v_x",
    ]  # fmt: skip


def test_strong_values_are_those_of_the_names():
    x = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    u = np.sin(x)[None]
    library = WeakLibrary(PDELibrary1D(2, 2, length=2 * np.pi)).fit(u)
    terms = dict(zip(library.term_names_, library.evaluate(u)[0].T, strict=True))
    np.testing.assert_allclose(terms["u^2 u_x"], np.sin(x) ** 2 * np.cos(x), atol=1e-12)
    np.testing.assert_allclose(terms["(u^2)_xx"], 2 * np.cos(2 * x), atol=1e-12)


def test_windows_move_derivatives_by_parts():
    t = np.linspace(0, 1, 201)
    weights = np.full(201, t[1])
    windows = _Windows(t, np.array([0.5]), 0.3, 6, weights)
    for order, derivative in ((1, np.cos), (2, lambda s: -np.sin(s))):
        moved = (-1) ** order * windows(order) @ np.sin(t)
        # Sums are accurate to the power 7 - order of the spacing, and better.
        np.testing.assert_allclose(moved, windows(0) @ derivative(t), rtol=1e-5)


def test_missing_samples():
    dt, clean, length, expected = FIELDS["Burgers"]
    rng = np.random.default_rng(0)
    U = clean + 0.01 * clean.std() * rng.standard_normal(clean.shape)
    scattered, block = U.copy(), U.copy()
    scattered[rng.uniform(size=U.shape) < 0.05] = np.nan
    block[90:130, 20:40] = np.nan
    for V in (scattered, block):
        medida = MEDIDA(None, dt, library=WeakLibrary(space(length)))
        medida.fit(V[:-1], V[1:])
        assert support(medida) == set(expected)
    U[1:, ::3] = np.nan
    with pytest.raises(ValueError, match="without long gaps"):
        MEDIDA(None, dt, library=WeakLibrary(space(length))).fit(U[:-1], U[1:])


def test_times_need_not_be_even():
    dt, clean, length, expected = FIELDS["Burgers"]
    rng = np.random.default_rng(0)
    kept = np.sort(rng.choice(201, 150, replace=False))
    U = clean[kept] + 0.01 * clean.std() * rng.standard_normal((150, 128))
    medida = MEDIDA(None, library=WeakLibrary(space(length)))
    medida.fit(U[:-1], U[1:], dt=dt * np.diff(kept))
    assert support(medida) == set(expected)
    assert abs(medida.coef_.sum() + 0.95) < 0.03


def noisy_lorenz(noise, seed, n=3000, dt=0.005):
    system = Lorenz63()
    clean = system.trajectory(system.attractor_states(1, seed)[0], n, dt)
    rng = np.random.default_rng(seed)
    return clean + noise * clean.std() * rng.standard_normal(clean.shape)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_ordinary_equations(noise):
    U = noisy_lorenz(noise, 1)
    medida = MEDIDA(None, 0.005, library=WeakLibrary(PolynomialFeatures(2)))
    medida.fit(U[:-1], U[1:])
    expected = ({"x0", "x1"}, {"x0", "x1", "x0 x2"}, {"x2", "x0 x1"})
    for k in range(3):
        assert support(medida, k) == expected[k]
    j = medida.feature_names_.index
    np.testing.assert_allclose(medida.coef_[0, j("x1")], 10.0, rtol=0.02)
    np.testing.assert_allclose(medida.coef_[1, j("x0")], 28.0, rtol=0.03)
    assert medida.equation_names_ == ["x0_t", "x1_t", "x2_t"]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_weak_error_of_a_model(noise):
    U = noisy_lorenz(noise, 2, n=6000)
    model = Lorenz63(rho=24.0).flow(0.005)
    weak = MEDIDA(model, library=WeakLibrary(PolynomialFeatures(2)))
    weak.fit(U[:-1], U[1:])
    assert support(weak, 1) == {"x0"}
    assert weak.n_terms_ == 1
    np.testing.assert_allclose(weak.coef_.sum(), 4.0, rtol=0.05)
    assert weak.equations(1)[1].startswith("x1_t = model + ")


def noisy_waves(dt, noise=0.02):
    system = KuramotoSivashinsky(128, 25.0)
    clean = system.trajectory(system.attractor_states(1, 0)[0], round(30 / dt), dt)
    rng = np.random.default_rng(0)
    return clean + noise * clean.std() * rng.standard_normal(clean.shape)


def test_weak_error_of_a_model_of_fields():
    U = noisy_waves(0.02)
    model = KuramotoSivashinsky(128, 25.0, diffusion=0.5).flow(0.02)
    medida = MEDIDA(model, library=WeakLibrary(PDELibrary1D(3, 2, length=25.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        medida.fit(U[:-1], U[1:])
    assert support(medida) == {"u_xx"}
    np.testing.assert_allclose(medida.coef_.sum(), -0.5, rtol=0.01)


def test_steps_too_long_for_the_weak_error_of_a_model_are_reported():
    U = noisy_waves(0.05)
    model = KuramotoSivashinsky(128, 25.0, advection=0.0).flow(0.05)
    medida = MEDIDA(model, library=WeakLibrary(PDELibrary1D(3, 2, length=25.0)))
    with pytest.warns(ModelErrorWarning, match="step is long for the weak form"):
        medida.fit(U[:-1], U[1:])


def test_several_trajectories_are_told_apart():
    U, V = noisy_lorenz(0.0, 3, 400), noisy_lorenz(0.0, 4, 300)
    X, Y = np.concatenate([U[:-1], V[:-1]]), np.concatenate([U[1:], V[1:]])
    parts = segments(X, Y, np.full((700, 1), 0.005))
    assert [(p.first, p.last) for p in parts] == [(0, 400), (400, 700)]
    np.testing.assert_array_equal(parts[1].states, V)
    medida = MEDIDA(None, 0.005, library=WeakLibrary()).fit(X, Y)
    assert medida.n_terms_ == 7


def test_what_the_library_lacks_is_reported():
    dt, clean, length, _ = FIELDS["Fisher-KPP"]
    library = PDELibrary1D(2, 1, length=length, periodic=False, derivative="fd4")
    with pytest.warns(ModelErrorWarning, match="terms are missing"):
        MEDIDA(None, dt, library=WeakLibrary(library)).fit(clean[:-1], clean[1:])


def test_corrected_model_of_a_weak_fit():
    dt, clean, length, _ = FIELDS["heat"]
    medida = MEDIDA(None, dt, library=WeakLibrary(space(length)), n_substeps=20)
    medida.fit(clean[:-1], clean[1:])
    model = pickle.loads(pickle.dumps(medida.corrected_model()))
    later = model(clean[50:51])
    inside = slice(6, -6)
    step = np.abs(clean[51] - clean[50])[inside].max()
    assert np.abs(later[0] - clean[51])[inside].max() < 0.02 * step
    assert clone(medida).library.library.degree == 3


def test_pairs_that_do_not_follow_one_another_are_refused():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3))
    with pytest.raises(ValueError, match="consecutive states"):
        MEDIDA(None, 0.1, library=WeakLibrary()).fit(X, X + 1)
    with pytest.raises(ValueError, match="without a filter"):
        MEDIDA(
            None, 0.1, library=WeakLibrary(), assimilation=EnsembleKalmanFilter(1.0)
        ).fit(X[:-1], X[1:])
    with pytest.raises(ValueError, match="interactions='single'"):
        WeakLibrary(PDELibrary1D(2, 2, interactions="full")).fit(X)


@pytest.mark.parametrize("outer", [WeakLibrary, MemoryLibrary])
@pytest.mark.parametrize("inner", [WeakLibrary, MemoryLibrary])
def test_windows_and_memories_do_not_nest(outer, inner):
    U = np.random.default_rng(0).standard_normal((40, 16))
    with pytest.raises(ValueError, match=f"got a {inner.__name__}.*do not nest"):
        MEDIDA(None, 0.1, library=outer(inner(PDELibrary1D(1, 2)))).fit(U[:-1], U[1:])


@pytest.mark.parametrize(("n_points", "width"), [(3, 9), (10, 5), (12, 13)])
def test_a_window_that_does_not_fit_is_refused(n_points, width):
    X = np.random.default_rng(0).standard_normal((50, n_points))
    library = WeakLibrary(PDELibrary1D(1, 1), width=width)
    with pytest.raises(ValueError, match=f"{width} points does not fit on a grid"):
        MEDIDA(None, 0.1, library=library).fit(X[:-1], X[1:])


def test_eleven_states_are_enough():
    t = 0.1 * np.arange(11)
    U = np.exp(-t)[:, None]
    library = WeakLibrary(PolynomialFeatures(1), duration=5)
    assert MEDIDA(None, 0.1, library=library).fit(U[:-1], U[1:]).coef_.size
    with pytest.raises(ValueError, match="at least 11 are needed"):
        MEDIDA(None, 0.1, library=library).fit(U[:-2], U[1:-1])
