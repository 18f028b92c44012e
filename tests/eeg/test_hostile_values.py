"""Values that pass the rules of parameters and fail in arithmetic."""

import numpy as np
import pytest

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    StreamDecoder,
    TangentMap,
    TrialRejector,
    filter_bank,
    select_embedding,
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


def test_delays_of_trials_that_repeat_a_few_values():
    """Neighbors at distance zero only: a mean of nothing was NaN."""
    rng = np.random.default_rng(0)
    X = np.tile(np.array([0.0, 1.0, 5.0]) + rng.integers(0, 2, (8, 1, 1)), (1, 1, 20))
    with pytest.raises(ValueError, match="repeat a few values"):
        select_embedding(X, "mdop")
    good = rng.standard_normal((8, 1, 60))
    found = select_embedding(np.concatenate([X, good]), "mdop")
    assert found[:2] == select_embedding(good, "mdop")[:2]
    both = np.concatenate([X, good], axis=1)  # one channel of two
    assert select_embedding(both, "mdop")[0] >= 1


@pytest.mark.parametrize("metric", ["riemann", "logeuclid"])
def test_tangent_vectors_too_long_for_a_matrix(metric):
    A = np.random.default_rng(0).standard_normal((6, 3, 10))
    tangent = TangentMap(metric).fit(A @ A.swapaxes(1, 2))
    T = np.zeros((3, 6))
    T[1, 0] = 1e4
    with pytest.raises(ValueError, match=r"1 of 3 .*first at index 1"):
        tangent.inverse_transform(T)
    assert np.isfinite(tangent.inverse_transform(T[[0, 2]])).all()


@pytest.mark.parametrize("empty", [0, 2])
def test_a_filter_without_signal_is_refused(empty):
    rng = np.random.default_rng(0)
    settings = {"sfreq": 100.0, "band": (4.0, 40.0)}
    bank = filter_bank(rng.standard_normal((20, 2, 200)), **settings)
    model = AugmentedCovarianceClassifier(**settings).fit(bank, np.arange(20) % 2)
    zero = bank.copy()
    zero[..., empty] = 0.0
    with pytest.raises(ValueError, match="no channel varies"):
        model.predict(zero)
    with pytest.raises(ValueError, match="no channel varies"):
        model.fit(zero, np.arange(20) % 2)
