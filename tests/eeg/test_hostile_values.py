"""Values that pass the rules of parameters and fail in arithmetic."""

import numpy as np
import pytest

from skgeo.eeg import TangentMap, TrialRejector


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_matrices_beyond_a_metric_are_refused_by_fit():
    pytest.importorskip("pyriemann")
    X = 5e-324 * np.array([[[3.0, 1.0], [1.0, 3.0]]] * 2)
    with pytest.raises(ValueError, match=r"singular|positive definite"):
        TangentMap("wasserstein").fit(X)


def test_a_band_that_is_none():
    X = np.random.default_rng(0).standard_normal((20, 2, 100))
    with pytest.raises(ValueError, match=r"low < high < 50 Hz"):
        TrialRejector(bands=[None], sfreq=100.0).fit(X)
