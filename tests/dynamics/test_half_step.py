"""Half steps of a model."""

import numpy as np
from numpy.testing import assert_allclose

from skgeo.dynamics._model_error.tangent import HalfStep


def decay(X, dt):
    return X * np.exp(-np.reshape(np.broadcast_to(dt, len(X)), (-1, 1)))


def test_two_half_steps_are_a_step():
    X = np.random.default_rng(0).standard_normal((5, 2))
    for dt in (np.full((5, 1), 0.3), np.linspace(0.1, 0.5, 5)[:, None]):
        half = HalfStep(decay, dt)
        assert_allclose(half(half(X)), decay(X, dt[:, 0]), rtol=1e-14)
    assert isinstance(HalfStep(decay, np.full((3, 1), 0.2)).dt, float)
