"""Windows of space: how they cover the grid, and what they do to derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.dynamics import PDELibrary1D, WeakLibrary
from skgeo.dynamics._model_error.weak import (
    _corner,
    _noise,
    _spatial_windows,
    _stride,
)


def windows_of(periodic, width, n=96, length=3.0):
    derivative = "spectral" if periodic else "fd4"
    space = PDELibrary1D(2, 3, length=length, periodic=periodic, derivative=derivative)
    library = WeakLibrary(space).fit(np.zeros((2, n)))
    return library.library_._spacing * np.arange(n), _spatial_windows(library, width)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("width", [9, 21, 31])
def test_windows_follow_each_other_at_the_stride(periodic, width):
    _, windows = windows_of(periodic, width)
    W = windows[0]
    assert W.shape[0] == 96
    span = 96 if periodic else 96 - (width - 1)
    expected = span / _stride(width) if periodic else (span - 1) // _stride(width) + 1
    assert abs(W.shape[1] - expected) <= 1
    # no point is left out but at edges
    inside = slice(None) if periodic else slice(_stride(width), -2 * _stride(width))
    assert (np.abs(W).sum(axis=1)[inside] > 0).all()
    # each is as wide as it says
    assert ((W != 0).sum(axis=0) <= width).all()
    assert ((W != 0).sum(axis=0) >= width - 3).all()


@pytest.mark.parametrize("periodic", [True, False])
def test_windows_move_derivatives_to_themselves(periodic):
    x, windows = windows_of(periodic, 41)
    k = 2 * np.pi / 3.0
    derivatives = {1: k * np.cos(k * x), 2: -(k**2) * np.sin(k * x)}
    for order, expected in derivatives.items():
        scale = np.abs(expected @ windows[0]).max()
        assert_allclose(
            np.sin(k * x) @ windows[order], expected @ windows[0], atol=2e-5 * scale
        )


def test_no_gap_at_all_may_be_asked_for():
    t = np.linspace(0, 4, 161)[:, None]
    X = np.hstack([np.exp(-t), np.exp(-0.5 * t)])
    library = WeakLibrary(max_gap=0)
    assert library.fit(X).n_features_in_ == 2


def test_noise_is_read_column_by_column_from_eight_samples_on():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 4000)[:, None]
    U = t**2 + rng.standard_normal((4000, 3)) * [0.1, 1.0, 10.0]
    assert_allclose(_noise(U), [0.1, 1.0, 10.0], rtol=0.06)
    assert_allclose(_noise(U[:7]), 0.0)
    third = np.diff(U[:8], n=3, axis=0)
    expected = np.median(np.abs(third), axis=0) / 0.6745 / np.sqrt(20)
    assert_allclose(_noise(U[:8]), expected)


@pytest.mark.parametrize("n_waves", [1, 2, 5])
def test_the_spectrum_ends_where_the_noise_begins(n_waves):
    x = np.arange(64) / 64
    # Each wave has four times the power of the noise.
    waves = sum(0.05 * np.cos(2 * np.pi * k * x + k) for k in range(1, n_waves + 1))
    noise = 0.1 * np.random.default_rng(0).standard_normal((50, 64))
    # In half waves, the first that is lost.
    assert _corner(waves + noise, 0.1, periodic=True) == 2 * (n_waves + 1)
