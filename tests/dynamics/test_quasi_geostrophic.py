"""Two-layer turbulence: invariants, instability, and missing physics found."""

import numpy as np
import pytest
import scipy.fft
from sklearn.base import BaseEstimator

from skgeo.datasets import TwoLayerQG
from skgeo.dynamics import MEDIDA

N = 32


def spectral(system, X):
    n = system.n_grid
    return scipy.fft.rfft2(np.reshape(X, (-1, 2, n, n)), axes=(2, 3))


class Layers(BaseEstimator):
    """Terms of both layers, shared by all grid points."""

    def __init__(self, deformation=6.0):
        self.deformation = deformation

    def fit(self, X, y=None):
        self.n_grid = int(np.sqrt(X.shape[1] / 2))
        self.system = TwoLayerQG(self.n_grid, deformation=self.deformation)
        self.term_names_ = [
            name.replace("#", str(j))
            for j in (1, 2)
            for name in (
                "q#", "q#_x", "q#_y", "psi#", "psi#_x", "psi#_y", "lap psi#",
                "lap q#", "lap^2 q#", "J(psi#,q#)", "q#^2",
            )
        ]  # fmt: skip
        return self

    def _equation_names(self):
        return ["q1_t", "q2_t"]

    def transform(self, X):
        return self.evaluate(X)

    def evaluate(self, X):
        system, n = self.system, self.n_grid
        kx, ky, square = system._wavenumbers()
        Q = spectral(system, X)
        P = spectral(system, system.streamfunctions(X))

        def grid(W):
            return scipy.fft.irfft2(W, s=(n, n), axes=(2, 3))

        product = grid(1j * kx * P) * grid(1j * ky * Q)
        product -= grid(1j * ky * P) * grid(1j * kx * Q)
        smooth = scipy.fft.rfft2(product, axes=(2, 3)) * system._mask()
        terms = [
            Q, 1j * kx * Q, 1j * ky * Q, P, 1j * kx * P, 1j * ky * P, -square * P,
            -square * Q, square**2 * Q, smooth,
        ]  # fmt: skip
        fields = [grid(W) for W in terms]
        fields.append(fields[0] ** 2)
        # (terms, n, layers, y, x) -> (n, points, layers * terms)
        T = np.stack(fields).transpose(1, 3, 4, 2, 0)
        return T.reshape(len(X), n * n, -1)


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
    medida = MEDIDA(model, library=Layers()).fit(turbulence, y)
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
