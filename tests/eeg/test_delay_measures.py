"""Measures of delay, against scikit-learn and plain loops."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.metrics import mutual_info_score

from skgeo.eeg._solvers.delays import (
    average_mutual_information,
    maximize_derivatives,
)


def test_mutual_information_is_that_of_the_histogram():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.standard_normal((3, 400)), axis=1)
    X[1] = np.sin(np.arange(400) / 9)
    found = average_mutual_information(X, 12)
    for series, values in zip(X, found, strict=True):
        edges = np.linspace(series.min(), series.max(), 9)[1:-1]
        codes = np.digitize(series, edges)
        expected = [mutual_info_score(codes[: 400 - k], codes[k:]) for k in range(13)]
        assert_allclose(values, expected, rtol=1e-10)


def test_a_constant_series_says_nothing_of_itself():
    assert_allclose(average_mutual_information(np.ones((1, 50)), 3), 0.0)


def test_trials_in_which_every_point_has_a_twin():
    rng = np.random.default_rng(0)
    twins = np.repeat([[1.0, -1.0]], 30, axis=0).reshape(1, -1)
    with np.errstate(all="raise"):
        assert maximize_derivatives([twins, -twins], [1, 1], 4, 3) == ([], [])
        noisy = np.cumsum(rng.standard_normal((1, 60)), axis=1)
        alone = maximize_derivatives([noisy], [1], 4, 3)
        assert maximize_derivatives([noisy], [1], 4, 1) == ([0], alone[1][:1])
        delays, series = maximize_derivatives([noisy, twins], [1, 1], 4, 3)
    assert len(delays) == len(series) <= 3
