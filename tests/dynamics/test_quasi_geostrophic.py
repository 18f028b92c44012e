"""Two-layer turbulence: invariants, instability, and missing physics found."""

import pickle

import numpy as np
import pytest
import scipy.fft
from sklearn.base import clone

from skgeo.datasets import TwoLayerQG
from skgeo.dynamics import MEDIDA, TwoLayerQGLibrary

N = 32


def spectral(system, X):
    n = system.n_grid
    return scipy.fft.rfft2(np.reshape(X, (-1, 2, n, n)), axes=(2, 3))


@pytest.fixture(scope="module")
def turbulence():
    return TwoLayerQG(N).attractor_states(3, 0, spin_up=30.0)


def test_streamfunctions_invert_potential_vorticity():
    system = TwoLayerQG(N)
    X = system.initial_state(3, 0)
    _, _, square = system._wavenumbers()
    P = spectral(system, system.streamfunctions(X))
    back = -square * P + system.deformation**2 / 2 * (P[:, ::-1] - P)
    np.testing.assert_allclose(system._to_states(back), X, atol=1e-12)


def test_tendency_is_the_derivative_of_the_flow(turbulence):
    system, h = TwoLayerQG(N), 1e-4
    change = (system.step(turbulence, 2 * h) - turbulence) / (2 * h)
    middle = system.tendency(system.step(turbulence, h))
    np.testing.assert_allclose(change, middle, atol=1e-5 * np.abs(middle).max())


def test_energy_is_conserved_without_forcing_and_drag(turbulence):
    system = TwoLayerQG(N, shear=0.0, drag=0.0, hyperviscosity=0.0)
    start = system._to_states(
        system._to_modes(turbulence) * np.tile(system._mask().ravel(), 2)
    )

    def energy(X):
        return -np.sum(X * system.streamfunctions(X), axis=1) / 2

    later = system.step(start, 1.0)
    np.testing.assert_allclose(energy(later), energy(start), rtol=1e-5)
    assert np.abs(later - start).max() > 0.5 * start.std()


def test_shear_is_unstable_and_drag_bounds_it(turbulence):
    system = TwoLayerQG(N)
    small = 1e-3 * system.initial_state(2, 0)
    grown = system.step(small, 20.0)
    assert np.abs(grown).max() > 3 * np.abs(small).max()
    calm = TwoLayerQG(N, shear=0.0)
    assert np.abs(calm.step(small, 20.0)).max() < 1.5 * np.abs(small).max()
    assert 1 < turbulence.std() < 30


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"drag": 0.0}, {(1, "lap psi2"): -0.1}),
        ({"beta": 0.0}, {(0, "psi1_x"): -1.0, (1, "psi2_x"): -1.0}),
        ({"hyperviscosity": 5e-7},
         {(0, "lap^2 q1"): -5e-7, (1, "lap^2 q2"): -5e-7}),
        ({"jacobian": 0.9}, {(0, "J(psi1,q1)"): -0.1, (1, "J(psi2,q2)"): -0.1}),
    ],
)  # fmt: skip
def test_missing_physics_is_found(params, expected, turbulence):
    truth, dt = TwoLayerQG(N), 0.02
    y = truth.step(turbulence, dt)
    model = TwoLayerQG(N, **params).flow(dt)
    medida = MEDIDA(model, library=TwoLayerQGLibrary()).fit(turbulence, y)
    found = {
        (k, medida.feature_names_[j]): medida.coef_[k, j]
        for k, j in zip(*np.nonzero(medida.coef_), strict=True)
    }
    assert found.keys() == expected.keys()
    for term, value in expected.items():
        np.testing.assert_allclose(found[term], value, rtol=0.01)
    assert medida.equation_names_ == ["q1_t", "q2_t"]
    path = medida.corrected_model().simulate(turbulence[:1], 5)
    later = truth.step(turbulence[:1], 5 * dt)
    plain = model(turbulence[:1])
    for _ in range(4):
        plain = model(plain)
    gain = np.linalg.norm(path[-1] - later) / np.linalg.norm(plain - later)
    assert gain < 0.1


@pytest.mark.parametrize("lengths", [(2 * np.pi, 2 * np.pi), (3.0, 5.0)])
def test_library_on_waves(lengths):
    # One wave in each layer: every term in closed form.
    ny, nx, kd = 16, 24, 2.0
    y = np.arange(ny)[:, None] * lengths[0] / ny
    x = np.arange(nx) * lengths[1] / nx
    l, k = 2 * np.pi * 2 / lengths[0], 2 * np.pi / lengths[1]
    psi = np.stack([np.cos(k * x) * np.sin(l * y), 0.3 * np.cos(k * x + 0 * y)])
    lap = np.stack([-(k**2 + l**2) * psi[0], -(k**2) * psi[1]])
    q = lap + kd**2 / 2 * (psi[::-1] - psi)
    library = TwoLayerQGLibrary(kd, lengths=lengths, shape=(ny, nx), dealias=False)
    library.fit(q.reshape(1, -1))
    values = library.evaluate(q.reshape(1, -1))[0].T
    terms = dict(zip(library.term_names_, values, strict=True))
    for j in range(2):
        for name, value in {
            f"q{j + 1}": q[j], f"psi{j + 1}": psi[j], f"lap psi{j + 1}": lap[j],
            f"q{j + 1}^2": q[j] ** 2,
        }.items():  # fmt: skip
            np.testing.assert_allclose(
                terms[name], value.ravel(), atol=1e-11 * np.abs(q).max() ** 2
            )
    psi_x = -0.3 * k * np.sin(k * x + 0 * y)
    np.testing.assert_allclose(terms["psi2_x"], psi_x.ravel(), atol=1e-11)
    # psi2 does not depend on y: J = psi2_x q2_y, of which only psi1 in q2 has any.
    q_y = kd**2 / 2 * l * np.cos(k * x) * np.cos(l * y)
    np.testing.assert_allclose(terms["J(psi2,q2)"], (psi_x * q_y).ravel(), atol=1e-11)


def test_library_holds_every_term_of_the_flow(turbulence):
    system = TwoLayerQG(N)
    library = TwoLayerQGLibrary().fit(turbulence)
    T = dict(
        zip(
            library.term_names_,
            library.evaluate(turbulence).transpose(2, 0, 1),
            strict=False,
        )
    )
    rates = [
        -T[f"J(psi{j},q{j})"] - sign * 0.1 * T[f"q{j}_x"]
        - (1.0 + sign * 36 * 0.1) * T[f"psi{j}_x"] - 1e-6 * T[f"lap^2 q{j}"]
        for j, sign in ((1, 1), (2, -1))
    ]  # fmt: skip
    rates[1] = rates[1] - 0.1 * T["lap psi2"]
    tendency = system.tendency(turbulence)
    np.testing.assert_allclose(
        np.concatenate(rates, axis=1), tendency, atol=2e-3 * np.abs(tendency).max()
    )


def test_library_as_an_estimator(turbulence):
    library = clone(TwoLayerQGLibrary(degree=1, laplacians=0)).fit(turbulence)
    again = pickle.loads(pickle.dumps(library))
    terms = library.transform(turbulence)
    np.testing.assert_array_equal(again.transform(turbulence), terms)
    assert terms.shape[1] == len(library.get_feature_names_out())
    with pytest.raises(ValueError, match="do not hold two layers"):
        TwoLayerQGLibrary().fit(turbulence[:, :-2])
    with pytest.raises(ValueError, match="do not hold two layers"):
        TwoLayerQGLibrary(shape=(4, 4)).fit(turbulence)
    with pytest.raises(ValueError, match="two numbers"):
        TwoLayerQGLibrary(lengths=(1.0, 2.0, 3.0)).fit(turbulence)
    with pytest.raises(ValueError, match="expecting 2048"):
        library.transform(turbulence[:, :-2])
