"""Values that pass the rules of parameters and fail in arithmetic."""

import numpy as np
import pytest

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    StreamDecoder,
    TangentMap,
    TrialRejector,
)


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


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (np.ones((2, 10)) * 1j, "complex"),
        (np.ma.masked_equal(np.arange(20.0).reshape(2, 10), 3.0), "NaN"),
    ],
)
def test_chunks_whose_numbers_would_be_lost(chunk, message):
    X = np.random.default_rng(0).standard_normal((20, 2, 100))
    model = AugmentedCovarianceClassifier(order=1, lag=1, selection=None)
    model.fit(X, np.arange(20) % 2)
    decoder = StreamDecoder(model, sfreq=100.0, window=1.0, step=0.5, band=None)
    with pytest.raises(ValueError, match=message):
        decoder.push(chunk)
