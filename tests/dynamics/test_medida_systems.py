"""MEDIDA on other systems whose missing terms are known."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgeo.datasets import (
    BetaPlane,
    Burgers,
    KuramotoSivashinsky,
    Lorenz63,
    Lorenz96,
    TwoScaleLorenz96,
    make_observation_pairs,
)
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    PDELibrary1D,
    PDELibrary2D,
    StencilLibrary,
)
from tests.dynamics.common import lorenz_pairs, support


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"rho": 26.0}, {1: {"x0": 2.0}}),
        ({"xz": 0.0}, {1: {"x0 x2": -1.0}}),
        ({"sigma": 9.0}, {0: {"x0": -1.0, "x1": 1.0}}),
    ],
)
def test_lorenz63(params, expected):
    pairs = lorenz_pairs()
    medida = MEDIDA(Lorenz63(**params).flow(0.01, 5), 0.01).fit(pairs.X, pairs.y)
    for k in range(3):
        found = {medida.feature_names_[j] for j in np.flatnonzero(medida.coef_[k])}
        assert found == set(expected.get(k, {}))
        for name, value in expected.get(k, {}).items():
            j = medida.feature_names_.index(name)
            np.testing.assert_allclose(medida.coef_[k, j], value, rtol=0.003)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"damping": 0.0}, {"x": -1.0}),
        ({"forcing": 7.0}, {"1": 1.0}),
        ({"advection": 0.0}, {"x[-2] x[-1]": -1.0, "x[-1] x[+1]": 1.0}),
    ],
)
def test_lorenz96(params, expected):
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    medida = MEDIDA(
        Lorenz96(**params).flow(0.02, 4), 0.02, library=StencilLibrary()
    ).fit(pairs.X, pairs.y)
    assert support(medida) == set(expected)
    for name, value in expected.items():
        found = medida.coef_[0, medida.feature_names_.index(name)]
        np.testing.assert_allclose(found, value, rtol=0.005)


def test_burgers():
    pairs = make_observation_pairs(
        Burgers(), 20, dt=0.02, n_trajectories=20, random_state=5
    )
    for params, name, value in (
        ({"viscosity": 0.05}, "u_xx", 0.05),
        ({"advection": 0.0}, "u u_x", -1.0),
    ):
        medida = MEDIDA(
            Burgers(**params).flow(0.02, 4), 0.02, library=PDELibrary1D(3, 3, length=16)
        ).fit(pairs.X, pairs.y)
        assert support(medida) == {name}
        np.testing.assert_allclose(medida.coef_.sum(), value, rtol=0.004)


def test_beta_plane():
    side = 2 * np.pi
    pairs = make_observation_pairs(
        BetaPlane(), 6, dt=0.01, n_trajectories=6, random_state=5
    )
    library = PDELibrary2D(
        1, 2, lengths=(side, side), laplacians=2, streamfunction=True, field="w"
    )
    for params, name, value in (
        ({"drag": 0.0}, "w", -0.1),
        ({"beta": 0.0}, "psi_x", -2.0),
        ({"viscosity": 1e-3}, "lap w", 1e-3),
    ):
        medida = MEDIDA(BetaPlane(**params).flow(0.01), 0.01, library=library)
        medida.fit(pairs.X, pairs.y)
        assert support(medida) == {name}
        np.testing.assert_allclose(medida.coef_.sum(), value, rtol=1e-4)


def test_closure_of_the_two_scale_system():
    two, dt = TwoScaleLorenz96(), 0.02
    train, test = (
        make_observation_pairs(
            two, 150, dt=dt, gap=0.5, n_trajectories=10, random_state=seed
        )
        for seed in (5, 6)
    )
    model = Lorenz96(8, forcing=20.0).flow(dt)
    medida = MEDIDA(model, dt, library=StencilLibrary((0,), 4))
    # A pipeline that cuts the slow variables out of whole states.
    pipeline = make_pipeline(FunctionTransformer(two.slow), medida)
    pipeline.fit(train.X, two.slow(train.y))
    medida = pipeline[-1]
    start, end = two.slow(test.X), two.slow(test.y)
    assert medida.skill_score(start, end) > 0.8
    assert np.mean((pipeline.predict(test.X) - end) ** 2) < 0.2 * np.mean(
        (model(start) - end) ** 2
    )
    truth = two.slow(two.step(test.X, 1.0))
    later = medida.corrected_model().simulate(start, 50)[-1]
    plain = start
    for _ in range(50):
        plain = model(plain)
    assert np.mean((later - truth) ** 2) < 0.2 * np.mean((plain - truth) ** 2)


def test_whole_right_hand_side_without_a_model():
    pairs = lorenz_pairs(0.005, 300)
    medida = MEDIDA(None, dt=0.005).fit(pairs.X, pairs.y)
    assert medida.n_terms_ == 7
    j = medida.feature_names_.index
    np.testing.assert_allclose(medida.coef_[0, j("x1")], 10.0, rtol=2e-3)
    np.testing.assert_allclose(medida.coef_[2, j("x0 x1")], 1.0, rtol=2e-3)
    assert medida.equations(1)[0].startswith("x0_t = - 10.0 x0 + 10.0 x1")


def test_irregular_steps():
    rng = np.random.default_rng(0)
    X = Lorenz63().attractor_states(150, 0)
    dt = rng.uniform(0.004, 0.015, 150)
    y = Lorenz63().step(X, dt, 10)
    model = Lorenz63(rho=26.0).flow(0.01, 5)
    medida = MEDIDA(model, 0.01).fit(X, y, dt=dt)
    assert support(medida, 1) == {"x0"}
    np.testing.assert_allclose(medida.coef_.sum(), 2.0, rtol=0.005)
    assert medida.skill_score(X, y, dt=dt) > 0.9999
    assert np.abs(medida.predict(X, dt=dt) - y).max() < 0.01
    assert np.abs(
        medida.corrected_model(0.004)(X) - Lorenz63().step(X, 0.004)
    ).max() < (1e-3)
    with pytest.raises(ValueError, match="one step per sample"):
        medida.fit(X, y, dt=dt[:5])


def test_irregular_steps_with_a_filter():
    rng = np.random.default_rng(0)
    pairs = make_observation_pairs(Lorenz96(20), 60, dt=0.05, random_state=1)
    dt = rng.uniform(0.03, 0.1, len(pairs.X))
    y = Lorenz96(20).step(pairs.X, dt, 10)
    X, y = (V + 0.05 * rng.standard_normal(V.shape) for V in (pairs.X, y))
    medida = MEDIDA(
        Lorenz96(20, forcing=7.0).flow(0.05, 5),
        library=StencilLibrary(),
        assimilation=EnsembleKalmanFilter(0.05, background="white"),
    ).fit(X, y, dt=dt)
    assert support(medida) == {"1"}
    np.testing.assert_allclose(medida.coef_.sum(), 1.0, rtol=0.05)


def test_several_coupled_fields():
    # u_t = v_xx, v_t = -u_xx + 0.5 u: rotation in Fourier space, with a known flow.
    n, length, dt = 32, 2 * np.pi, 0.01
    k = np.fft.rfftfreq(n, 1 / n)

    def advance(X, tau, extra):
        U, V = np.fft.rfft(X.reshape(-1, 2, n), axis=2).transpose(1, 0, 2)
        out = np.empty((2, *U.shape), dtype=complex)
        for i, q in enumerate(k):
            a, b = -(q**2), q**2 + extra
            root = np.sqrt(a * b + 0j) or 1e-30
            c, s = np.cosh(root * tau), np.sinh(root * tau) / root
            out[0, :, i] = c * U[:, i] + s * a * V[:, i]
            out[1, :, i] = c * V[:, i] + s * b * U[:, i]
        return np.fft.irfft(out.transpose(1, 0, 2), n=n, axis=2).reshape(len(X), -1)

    rng = np.random.default_rng(0)
    waves = np.exp(-np.arange(17.0)) * (rng.standard_normal((40, 2, 17)) + 0j)
    X = np.fft.irfft(waves * n, n=n, axis=2).reshape(40, -1)
    library = PDELibrary1D(2, 1, length=length, fields=("u", "v"))
    medida = MEDIDA(lambda Z: advance(Z, dt, 0.0), dt, library=library)
    medida.fit(X, advance(X, dt, 0.5))
    assert support(medida, 0) == set()
    assert support(medida, 1) == {"u"}
    np.testing.assert_allclose(medida.coef_.sum(), 0.5, rtol=1e-3)
    assert medida.equation_names_ == ["u_t", "v_t"]


def test_partial_observations_with_an_ensemble_background():
    system = KuramotoSivashinsky(128, 22.0)
    model = KuramotoSivashinsky(128, 22.0, diffusion=0.0)
    pairs = make_observation_pairs(
        system, 80, dt=0.05, n_trajectories=8, random_state=1
    )
    climate = make_observation_pairs(
        system, 300, dt=0.05, n_trajectories=30, random_state=2
    ).X
    seen = np.arange(0, 128, 4)
    rng = np.random.default_rng(0)
    X, y = (
        Z[:, seen] + 0.01 * rng.standard_normal((80, 32)) for Z in (pairs.X, pairs.y)
    )
    filter_ = EnsembleKalmanFilter(0.01, background=climate, obs_operator=seen)
    medida = MEDIDA(
        model.flow(0.05, 5),
        0.05,
        library=PDELibrary1D(length=22.0),
        assimilation=filter_,
    ).fit(X, y)
    assert support(medida) == {"u_xx"}
    np.testing.assert_allclose(medida.coef_.sum(), -1.0, rtol=0.05)
    assert medida.predict(X).shape == (80, 128)
    assert medida.skill_score(X, y) > 0.5
