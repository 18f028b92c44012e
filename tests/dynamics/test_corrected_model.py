"""The model with the discovered terms added to it."""

import pickle

import numpy as np
import pytest

from skgeo.datasets import (
    KuramotoSivashinsky,
    make_observation_pairs,
)
from skgeo.dynamics import (
    MEDIDA,
    FunctionLibrary,
    PDELibrary1D,
)
from tests.dynamics.common import (
    TRUTH,
    support,
)


@pytest.fixture(scope="module")
def sparse_pairs():
    return {
        dt: make_observation_pairs(TRUTH, 10, dt=dt, gap=5.0, random_state=11)
        for dt in (0.005, 0.05)
    }


def test_corrected_model_is_second_order_and_pickles(sparse_pairs):
    X = sparse_pairs[0.05].X[:3]
    errors = []
    for dt in (0.04, 0.02):
        model = KuramotoSivashinsky(diffusion=0.0)
        pairs = sparse_pairs[0.005]
        medida = MEDIDA(
            model.flow(0.005, 5), 0.005, library=PDELibrary1D(length=100.0)
        ).fit(pairs.X, pairs.y)
        medida.coef_ = np.round(medida.coef_, 2)  # exact: what is left is splitting
        corrected = pickle.loads(pickle.dumps(medida.corrected_model(dt)))
        errors.append(np.abs(corrected(X) - TRUTH.step(X, dt, 40)).max())
    assert errors[1] < errors[0] / 5  # local error of third order
    path = corrected.simulate(X, 4)
    np.testing.assert_allclose(path[1], corrected(X))
    assert corrected.simulate(X[0], 2).shape == (3, 1024)


def test_stiff_terms_are_integrated_exactly(sparse_pairs):
    pairs = sparse_pairs[0.05]
    model = KuramotoSivashinsky(hyperdiffusion=0.0, dealias=True)
    medida = MEDIDA(model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    assert medida.skill_score(pairs.X, pairs.y) > 0.99
    path = medida.corrected_model().simulate(pairs.X, 40)
    assert np.abs(path).max() < 5


def test_growing_waves_stay_bounded(sparse_pairs):
    # The discovered term alone makes the shortest waves grow by e^51 in a step.
    pairs = sparse_pairs[0.05]
    model = KuramotoSivashinsky(diffusion=0.0)
    medida = MEDIDA(model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    path = medida.corrected_model().simulate(pairs.X[:2], 200)
    assert 1 < np.abs(path[-1]).max() < 5
    assert medida.skill_score(pairs.X, pairs.y) > 0.999


def test_blow_up_is_told():
    growing = MEDIDA(None, dt=1.0, library=FunctionLibrary((np.square,)))
    X = np.linspace(0.1, 0.3, 20)[:, None]
    growing.fit(X, X / (1 - 0.1 * X))
    assert support(growing) == {"square"}
    model = growing.corrected_model()
    with pytest.raises(ValueError, match="blew up at step"):
        model.simulate(np.array([[3.0]]), 60)
    assert len(model.simulate(np.array([[3.0]]), 60, on_blowup="truncate")) < 60
    with pytest.raises(ValueError, match="raise n_substeps"):
        growing.predict(np.array([[1e200]]))
