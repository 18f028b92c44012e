"""Channels chosen by the distance between the classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyriemann.channelselection import ElectrodeSelection
from pyriemann.estimation import Covariances
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovariances,
    ChannelSelector,
)
from skgeo.testing import make_trials


def three_classes(seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    mixing = rng.standard_normal((7, 7))
    X = rng.standard_normal((60, 7, 150)) * rng.uniform(0.5, 2.0, 7)[:, None]
    X[y == 1, 2] *= 1.8
    X[y == 2, 5] *= 0.6
    return np.einsum("ij,njt->nit", np.eye(7) + 0.3 * mixing, X), y


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_kept", [1, 3, 7])
def test_the_same_channels_as_pyriemann(seed, n_kept):
    X, y = three_classes(seed)
    ours = ChannelSelector(n_kept, shrinkage=None).fit(X, y)
    theirs = ElectrodeSelection(n_kept).fit(Covariances("scm").fit_transform(X), y)
    assert_array_equal(ours.selected_, np.sort(theirs.subelec_))
    # Their list starts at the first elimination too.
    assert_allclose(ours.distances_[1:], theirs.dist_, rtol=1e-4)


def test_channels_that_differ_in_their_delays_only():
    # AR(1) signals of the same power; the sign of the memory tells the classes apart.
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.standard_normal((40, 5, 400))
    for i, label in enumerate(y):
        memory = 0.7 if label else -0.7
        for t in range(1, 400):
            X[i, 3, t] += memory * X[i, 3, t - 1]
    X[:, 3] *= np.sqrt(1 - 0.7**2)
    assert ChannelSelector(1, order=2, lag=1).fit(X, y).selected_.tolist() == [3]
    found = ChannelSelector(1, order=2, lag=1).fit(X, y)
    assert found.distances_[-1] > 0.9 * found.distances_[0]
    plain = ChannelSelector(1, order=1).fit(X, y)
    assert plain.distances_[0] < 0.5 * found.distances_[0]


def test_elimination_is_greedy_and_recorded():
    X, y = three_classes()
    full = ChannelSelector(1, order=2, lag=3).fit(X, y)
    assert sorted([*full.selected_, *full.eliminated_]) == list(range(7))
    assert len(full.distances_) == 7
    assert (np.diff(full.distances_) < 1e-12).all()
    for n_kept in (2, 5):
        part = ChannelSelector(n_kept, order=2, lag=3).fit(X, y)
        assert_array_equal(part.eliminated_, full.eliminated_[: 7 - n_kept])
        assert_allclose(part.distances_, full.distances_[: 8 - n_kept])
    # The criterion, computed plainly, of the first elimination.
    C = AugmentedCovariances(2, 3).fit_transform(X)
    worst = full.eliminated_[0]
    kept = [k for k in range(14) if k % 7 != worst]
    from pyriemann.utils.distance import distance_riemann
    from pyriemann.utils.mean import mean_riemann

    means = [mean_riemann(C[y == k])[np.ix_(kept, kept)] for k in range(3)]
    expected = sum(
        distance_riemann(means[a], means[b]) for a, b in ((0, 1), (0, 2), (1, 2))
    )
    assert_allclose(full.distances_[1], expected, rtol=1e-4)


def test_in_a_pipeline_and_with_epochs():
    X, y = make_trials(40, 3)
    noise = np.random.default_rng(0).standard_normal((40, 4, X.shape[2]))
    wide = np.concatenate([noise[:, :2], X, noise[:, 2:]], axis=1)
    model = make_pipeline(
        ChannelSelector(3, order=2, lag=1),
        AugmentedCovarianceClassifier(2, 1, selection=None),
    )
    assert cross_val_score(model, wide, y, cv=4).mean() > 0.9
    mne = pytest.importorskip("mne", reason="extra eeg")
    info = mne.create_info(list("abcdefg"), 100.0, "eeg")
    epochs = mne.EpochsArray(wide, info, verbose="error")
    selector = ChannelSelector(2).fit(epochs, y)
    names = selector.get_feature_names_out()
    assert list(names) == [list("abcdefg")[k] for k in selector.selected_]
    assert_array_equal(selector.transform(epochs), wide[:, selector.selected_])


def test_refusals_and_stops():
    X, y = three_classes()
    with pytest.raises(ValueError, match="n_channels=8 are to be kept"):
        ChannelSelector(8).fit(X, y)
    with pytest.raises(ValueError, match="sample_weight is zero"):
        ChannelSelector(2).fit(X, y, sample_weight=(y > 0).astype(float))
    pytest.importorskip("sklearn.callback")
    from tests.eeg.test_progress import Watch

    stopped = ChannelSelector(1)
    stopped.set_callbacks(Watch(stop=2))
    assert len(stopped.fit(X, y).selected_) == 5
