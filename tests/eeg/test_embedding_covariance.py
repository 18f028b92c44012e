"""Embedding and augmented covariances against pyriemann, MOABB's rule and numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pyriemann.estimation import Covariances, TimeDelayCovariances

from skgeo.eeg import AugmentedCovariances, DelayEmbedding
from skgeo.eeg._solvers import lagged
from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    augmented_covariances,
    shared_scaling,
)
from skgeo.kernels.lagged import unroll_blocks
from skgeo.testing import make_trials

EDGES = ("valid", "moabb", "wrap")


def moabb_augmented(X, order, lag):
    """MOABB's AugmentedDataset.transform, restated from its slicing rule."""
    if order == 1:
        return X
    return np.concatenate(
        [X[:, :, p * lag : -(order - p) * lag] for p in range(order)], axis=1
    )


def relative_error(A, B):
    return np.abs(A - B).max() / np.abs(B).max()


@pytest.mark.parametrize(("order", "lag"), [(1, 1), (2, 1), (3, 4), (5, 2)])
def test_embedding_equals_peers(order, lag):
    X, _ = make_trials(n_trials=4, n_times=60)
    ours = DelayEmbedding(order, lag, edge="moabb").fit_transform(X)
    assert_array_equal(ours, moabb_augmented(X, order, lag))

    peer = TimeDelayCovariances(delays=[i * lag for i in range(1, order)])
    peer.fit_transform(X)
    wrapped = DelayEmbedding(order, lag, edge="wrap").fit_transform(X)
    assert_array_equal(wrapped, peer.Xtd_)

    valid = DelayEmbedding(order, lag).fit_transform(X)
    n_window = 60 - (order - 1) * lag
    for i in range(order):
        block = valid[:, i * 3 : (i + 1) * 3]
        assert_array_equal(block, X[:, :, i * lag : i * lag + n_window])


def test_embedding_equals_moabb_itself():
    features = pytest.importorskip("moabb.pipelines.features", reason="extra eeg")
    X, _ = make_trials(n_trials=3, n_times=50)
    for order, lag in ((1, 3), (2, 1), (4, 5)):
        theirs = features.AugmentedDataset(order=order, lag=lag).transform(X)
        ours = DelayEmbedding(order, lag, edge="moabb").fit_transform(X)
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("estimator", ["cov", "scm", "oas", "lwf", "sch", "corr"])
@pytest.mark.parametrize(("order", "lag"), [(1, 2), (2, 3), (4, 4), (6, 1)])
def test_covariances_equal_those_of_the_embedded_signal(edge, estimator, order, lag):
    X, _ = make_trials(n_trials=5, n_channels=4, n_times=90)
    X += 50.0  # a large offset must not cost accuracy
    Z = DelayEmbedding(order, lag, edge=edge).fit_transform(X)
    expected = Covariances(estimator=estimator).transform(Z)
    ours = AugmentedCovariances(
        order, lag, edge=edge, estimator=estimator, shrinkage=None
    )
    assert relative_error(ours.fit_transform(X), expected) < 1e-10


@pytest.mark.parametrize("estimator", ["scm", "oas"])
def test_wrap_equals_time_delay_covariances(estimator):
    X, _ = make_trials(n_trials=5, n_channels=4, n_times=90)
    theirs = TimeDelayCovariances(delays=[5, 10, 15], estimator=estimator)
    ours = AugmentedCovariances(4, 5, edge="wrap", estimator=estimator, shrinkage=None)
    assert relative_error(ours.fit_transform(X), theirs.fit_transform(X)) < 1e-10


def test_callable_estimator_goes_through_the_embedding():
    X, _ = make_trials(n_trials=3)

    def estimator(Z):
        return np.cov(Z) if Z.ndim == 2 else np.array([np.cov(z) for z in Z])

    ours = AugmentedCovariances(3, 2, estimator=estimator, shrinkage=None)
    direct = AugmentedCovariances(3, 2, estimator="cov", shrinkage=None)
    assert_allclose(ours.fit_transform(X), direct.fit_transform(X), rtol=1e-10)


def test_auto_shrinkage_is_oas():
    X, _ = make_trials(n_trials=4)
    auto = AugmentedCovariances(3, 2, shrinkage="auto").fit_transform(X)
    oas = AugmentedCovariances(3, 2, estimator="oas", shrinkage=None).fit_transform(X)
    assert_allclose(auto, oas, rtol=1e-12)


def test_float_shrinkage():
    X, _ = make_trials(n_trials=4)
    plain = AugmentedCovariances(2, 2, shrinkage=None).fit_transform(X)
    shrunk = AugmentedCovariances(2, 2, shrinkage=0.1).fit_transform(X)
    mu = np.trace(plain, axis1=1, axis2=2) / 6
    assert_allclose(shrunk, 0.9 * plain + 0.1 * mu[:, None, None] * np.eye(6))


@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1)
)
@settings(max_examples=60, deadline=None)
def test_block_toeplitz_is_positive_semidefinite(order, lag, n_channels, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2, n_channels, 32)).cumsum(-1)
    C = AugmentedCovariances(
        order, lag, block_toeplitz=True, shrinkage=None
    ).fit_transform(X)
    assert (np.linalg.eigvalsh(C) >= -1e-12 * np.trace(C[0])).all()
    c = n_channels
    blocks = C.reshape(2, order, c, order, c)
    for i in range(1, order):
        assert_allclose(blocks[:, i, :, i], blocks[:, 0, :, 0], rtol=1e-12)
    # Its corner is the plain covariance, its first column the biased lagged products.
    centered = X - X.mean(-1, keepdims=True)
    for k in range(order):
        left = centered[:, :, k * lag :]
        right = centered[:, :, : 32 - k * lag]
        expected = left @ right.swapaxes(1, 2) / 32
        assert_allclose(blocks[:, k, :, 0], expected, rtol=1e-9, atol=1e-9)


@given(
    st.integers(1, 4), st.integers(1, 5), st.sampled_from(EDGES), st.floats(-140, 140)
)
@settings(max_examples=40, deadline=None)
def test_covariance_scales_with_the_square_of_the_signal(order, lag, edge, exponent):
    X, _ = make_trials(n_trials=2, n_times=40)
    factor = 10.0**exponent
    model = AugmentedCovariances(order, lag, edge=edge)
    C = model.fit_transform(X)
    scaled = model.fit_transform(X * factor)
    assert np.isfinite(scaled).all()
    assert_allclose(scaled / factor / factor, C, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("edge", EDGES)
def test_default_is_positive_definite_on_singular_trials(order, edge):
    X, _ = make_trials(n_trials=4, n_channels=5, n_times=60)
    referenced = X - X.mean(1, keepdims=True)
    duplicated = np.concatenate([X, X[:, :2]], axis=1)
    flat = X.copy()
    flat[:, 2] = -1e3
    short = X[:, :, :13]
    for Z in (referenced, duplicated, flat, short):
        C = AugmentedCovariances(order, 2, edge=edge).fit_transform(Z)
        values = np.linalg.eigvalsh(C)
        assert (values[:, 0] > 1e-8 * values[:, -1]).all()


def test_short_trials_and_bad_embeddings_are_errors():
    X, _ = make_trials(n_times=20)
    for order, lag in ((2, 20), (21, 1), (3, 10)):
        for edge in EDGES:
            for cls in (DelayEmbedding, AugmentedCovariances):
                with pytest.raises(ValueError, match="order"):
                    cls(order, lag, edge=edge).fit(X)
    with pytest.raises(ValueError, match="'lag' must be an integer >= 1; got 0"):
        AugmentedCovariances(2, 0).fit(X)
    with pytest.raises(ValueError, match="block_toeplitz"):
        AugmentedCovariances(2, 1, block_toeplitz=True, estimator="sch").fit(X)
    with pytest.raises(ValueError, match="leaves 1 embedded"):
        AugmentedCovariances(2, 1).fit(X).transform(X[:, :, :2])
    X[2] = 5.0
    with pytest.raises(ValueError, match=r"1 trial.* no channel varies .*index 2"):
        AugmentedCovariances(2, 1).fit_transform(X)


def test_overflowing_amplitudes_are_refused():
    X, _ = make_trials(n_trials=2)
    with pytest.raises(ValueError, match="Rescale"):
        AugmentedCovariances().fit_transform(X * 1e160)


def test_nan_from_an_estimator_is_refused():
    X, _ = make_trials(n_trials=2)
    X[:, 1] = 0.0
    with pytest.raises(ValueError, match=r"corr.*NaN"):
        AugmentedCovariances(estimator="corr", shrinkage=None).fit_transform(X)


def test_center_and_scale_equals_its_twin():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4, 3, 50)) * 10.0 ** np.array([-200, 0, 3, 200]).reshape(
        4, 1, 1
    )
    X[1, 2] = 7.0
    X[2] += 1e9
    out, exponent = lagged.center_and_scale(X)
    twin = X - X.mean(-1, keepdims=True)
    twin[1, 2] = 0.0
    assert_allclose(np.ldexp(out, exponent[:, None, None]), twin, rtol=1e-4)
    largest = np.abs(out).max(axis=(1, 2))
    assert ((largest >= 0.5) & (largest < 1)).all()
    assert (out[1, 2] == 0).all()


def unroll_numpy(X, base, lag, n_window, out):
    """Plain-numpy twin of the kernel, by direct summation."""
    c = X.shape[1]
    order = base.shape[1]
    for i in range(order):
        for j in range(order):
            left = X[:, :, i * lag : i * lag + n_window]
            right = X[:, :, j * lag : j * lag + n_window]
            left = left - left.mean(-1, keepdims=True)
            block = left @ right.swapaxes(1, 2)
            out[:, i * c : (i + 1) * c, j * c : (j + 1) * c] = block


@pytest.mark.parametrize(
    ("order", "lag", "n_window"), [(2, 3, 20), (4, 2, 21), (3, 5, 7)]
)
def test_unroll_blocks_equals_its_twin(order, lag, n_window):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3, 4, 30))
    base = np.stack(
        [
            X[:, :, k * lag : k * lag + n_window] @ X[:, :, :n_window].swapaxes(1, 2)
            for k in range(order)
        ],
        axis=1,
    )
    ours = np.empty((3, order * 4, order * 4))
    twin = np.empty_like(ours)
    unroll_blocks(X, base, lag, n_window, ours)
    unroll_numpy(X, base, lag, n_window, twin)
    assert_allclose(ours, twin, rtol=1e-12, atol=1e-12)


def test_epochs_are_read():
    mne = pytest.importorskip("mne", reason="extra eeg")
    X, _ = make_trials(n_trials=4)
    epochs = mne.EpochsArray(X, mne.create_info(3, 100.0, "eeg"), verbose=False)
    assert_allclose(
        AugmentedCovariances(2, 2).fit_transform(epochs),
        AugmentedCovariances(2, 2).fit_transform(X),
    )


@pytest.mark.parametrize("edge", ["valid", "wrap"])
@pytest.mark.parametrize("estimator", ["scm", "oas", "lwf", "sch"])
def test_delays_that_are_not_uniform(edge, estimator):
    X = np.random.default_rng(0).standard_normal((5, 3, 90))
    ours = AugmentedCovariances(delays=(0, 2, 7), edge=edge, estimator=estimator)
    C = ours.set_params(shrinkage=None).fit_transform(X)
    shifted = [
        np.roll(X, d, axis=-1) if edge == "wrap" else X[:, :, d : d + 83]
        for d in (0, 2, 7)
    ]
    Z = np.concatenate(shifted, axis=1)
    plain = AugmentedCovariances(estimator=estimator, shrinkage=None)
    assert_allclose(C, plain.fit_transform(Z), rtol=1e-9, atol=1e-12)
    uniform = AugmentedCovariances(delays=(0, 4, 8), edge=edge, estimator=estimator)
    assert_allclose(
        uniform.fit_transform(X),
        AugmentedCovariances(3, 4, edge=edge, estimator=estimator).fit_transform(X),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"delays": (1, 2)}, "ascend from 0"),
        ({"delays": (0, 2, 2)}, "ascend from 0"),
        ({"delays": ()}, "delays"),
        ({"delays": (0, 89)}, "span 89 samples"),
        ({"delays": (0, 1), "edge": "moabb"}, "edge='valid'"),
        ({"delays": (0, 1), "block_toeplitz": True}, "block_toeplitz=False"),
    ],
)
def test_delays_that_cannot_be_used(params, message):
    X = np.random.default_rng(0).standard_normal((2, 3, 90))
    with pytest.raises(ValueError, match=message):
        AugmentedCovariances(**params).fit(X)


@pytest.mark.parametrize("estimator", ["scm", "lwf", "sch"])
def test_trials_scaled_once_for_several_embeddings(estimator):
    X = 1e-6 * np.random.default_rng(0).standard_normal((7, 3, 90))
    how = CovarianceSettings(estimator=estimator)
    scaled = shared_scaling(X, how)
    assert (scaled is None) == (estimator == "sch")  # it sees the signal itself
    for order, lag in ((1, 1), (3, 2)):
        assert_array_equal(
            augmented_covariances(X, order, lag, how, scaled=scaled, n_jobs=2),
            augmented_covariances(X, order, lag, how),
        )
