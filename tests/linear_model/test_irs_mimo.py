"""Simulated channels over a reflecting surface."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, mode_product


def test_measurements_are_those_of_the_physical_channel():
    data = make_irs_mimo(2, snr=300.0, random_state=3)
    n = len(data.angles)
    codes = data.codes.reshape(2, n, n, n)
    # Through the dictionary.
    assert_allclose(mode_product(codes, data.factors).reshape(2, -1), data.X, atol=1e-9)
    assert_allclose(mode_product(codes, data.channel_factors), data.channels, atol=1e-9)
    # Pilots through the channels: the second factor is pilots' times the station's.
    pilots = data.factors[1] @ np.linalg.pinv(data.channel_factors[1])
    received = np.einsum("pj,nijk->nipk", pilots, data.channels)
    assert_allclose(received.reshape(2, -1), data.X, atol=1e-9)
    for mode, support in enumerate(data.support):
        others = tuple(i for i in range(4) if i != mode + 1)
        assert_array_equal(np.flatnonzero(np.abs(codes).sum(axis=others)), support)


def test_cascade_of_two_hops():
    # One path a hop, written out: base x surface x pattern x surface x station.
    data = make_irs_mimo(
        snr=300.0, n_elements=8, n_angles=5, spread=1, n_transmit=2, n_receive=3,
        n_patterns=4, random_state=1,
    )  # fmt: skip
    (l,), (d,), (b,) = data.support
    gain = data.codes.reshape(5, 5, 5)[l, d, b]
    phase = np.pi * np.arange(8)[:, None]
    # angles of leaving minus arrival = l steps of the grid
    leave = np.exp(1j * phase * data.angles[l])[:, 0] / np.sqrt(8)
    arrive = np.exp(1j * phase * data.angles[0])[:, 0] / np.sqrt(8)
    reflection = data.factors[0] @ np.eye(5)[:, l]
    patterns = np.linalg.lstsq(
        (np.exp(1j * phase * (data.angles[0] - data.angles)) / 8).T, data.factors[0].T,
        rcond=None,
    )[0]  # fmt: skip
    assert_allclose(patterns.T @ (leave.conj() * arrive), reflection, atol=1e-9)
    station = np.exp(1j * np.pi * np.arange(2) * data.angles[d]) / np.sqrt(2)
    base = np.exp(1j * np.pi * np.arange(3) * data.angles[b]) / np.sqrt(3)
    assert_allclose(
        data.channels[0],
        gain * np.einsum("i,j,k->ijk", reflection, station.conj(), base),
    )


def test_noise_and_seed():
    data = make_irs_mimo(200, snr=7.0, random_state=0)
    clean = mode_product(data.codes.reshape(200, 18, 18, 18), data.factors)
    noise = data.X - clean.reshape(200, -1)
    assert_allclose(np.mean(np.abs(noise) ** 2), data.noise_variance, rtol=0.02)
    assert_allclose(
        10 * np.log10(np.mean(np.abs(clean) ** 2) / data.noise_variance), 7.0
    )
    assert_array_equal(make_irs_mimo(random_state=5).X, make_irs_mimo(random_state=5).X)


def test_channels_are_recovered():
    errors = []
    for seed in range(4):
        data = make_irs_mimo(snr=16.0, random_state=seed)
        model = KroneckerSBL(data.factors, noise_variance=data.noise_variance)
        codes = model.fit(data.X).transform(data.X).reshape(18, 18, 18)
        found = mode_product(codes, data.channel_factors)
        errors.append(
            np.sum(np.abs(found - data.channels[0]) ** 2)
            / np.sum(np.abs(data.channels) ** 2)
        )
    assert np.mean(errors) < 0.02


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"spread": 19}, "spread=19"),
        ({"n_pilots": 1.5}, "n_pilots"),
        ({"snr": np.inf}, "snr"),
    ],
)
def test_bad_parameters(bad, message):
    with pytest.raises(ValueError, match=message):
        make_irs_mimo(**bad)
