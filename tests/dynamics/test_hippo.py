"""Window states: the matrices, the projector, the stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.legendre import legfit, legval
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from skgeo.dynamics import HiPPOProjector
from skgeo.dynamics._window_states import (
    discretize,
    history_matrices,
    window_matrices,
)
from skgeo.exceptions import InvalidParameterError, UnusedParameterWarning
from skgeo.testing import parametrize_with_trials_checks

CASES = [
    (HiPPOProjector(4), {}),
    (HiPPOProjector(4, window=(5.0, "1/2"), output="last"), {}),
    (HiPPOProjector(4, measure="legs", output="last"), {}),
    (HiPPOProjector(3, output="all"), {}),
]


@parametrize_with_trials_checks(CASES)
def test_trials_checks(check):
    check()


def five_sines(seed=0, n=2000, sfreq=500.0):
    rng = np.random.default_rng(seed)
    t = np.arange(n) / sfreq
    return sum(
        rng.standard_normal() * np.sin(2 * np.pi * f * t + rng.uniform(0, 6))
        for f in (1, 2, 3, 5, 7)
    )


def test_impulse_response_of_the_whole_history_is_a_warped_legendre():
    A, B = history_matrices(6)
    for t in np.linspace(0, 3, 7):
        w = np.exp(-t)
        exact = [
            np.sqrt(2 * n + 1) * w * legval(2 * w - 1, np.eye(6)[n]) for n in range(6)
        ]
        np.testing.assert_allclose(expm(A * t) @ B, exact, atol=1e-12)


def test_window_states_are_the_legendre_coefficients():
    # A polynomial of low degree is remembered exactly once the window is full.
    A, B = window_matrices(5, 2.0)

    def u(t):
        return 1.0 - 0.5 * t + 0.2 * t**3

    found = solve_ivp(
        lambda t, m: A @ m + B * u(t), (0, 60), np.zeros(5), rtol=1e-11, atol=1e-11
    ).y[:, -1]
    s = np.linspace(0, 2, 50)
    np.testing.assert_allclose(legval(s - 1, found), u(60 - s), rtol=1e-6)


def test_discretization_is_exact_for_steps():
    A, B = window_matrices(6, 1.5)
    Ad, Bd = discretize(A, B, 0.1)
    m = np.random.default_rng(0).standard_normal(6)
    exact = solve_ivp(
        lambda t, m: A @ m + 0.7 * B, (0, 0.1), m, rtol=1e-12, atol=1e-12
    ).y[:, -1]
    np.testing.assert_allclose(Ad @ m + 0.7 * Bd, exact, rtol=1e-8)
    Ad2, Bd2 = discretize(A, np.column_stack([B, 2 * B]), 0.1)
    np.testing.assert_allclose(Ad2, Ad)
    np.testing.assert_allclose(Bd2, np.column_stack([Bd, 2 * Bd]))


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_window_is_read_back(seed):
    u = five_sines(seed)
    memory = HiPPOProjector(32, window=1.0, output="last", sfreq=500.0)
    window = memory.inverse_transform(memory.fit_transform(u[None, None]))[0, 0]
    error = np.linalg.norm(window - u[-500:]) / np.linalg.norm(u[-500:])
    assert error < 2e-3


def test_a_history_is_read_back_as_well_as_by_the_best_polynomial():
    u = five_sines(1, n=4000)  # 56 periods of the fastest: more than 32 states hold
    memory = HiPPOProjector(32, measure="legs", output="last")
    fast = memory.fit_transform(u[None, None])
    found = memory.inverse_transform(fast)[0, 0]
    s = 2 * (np.arange(4000) + 0.5) / 4000 - 1
    best = legval(s, legfit(s, u, 31))
    misses = [np.linalg.norm(v - u) / np.linalg.norm(u) for v in (found, best)]
    assert misses[1] <= misses[0] < misses[1] + 2e-3
    # Stretching the signal changes the states by the step's error only.
    slow = HiPPOProjector(32, measure="legs", output="last")
    slow = slow.fit_transform(five_sines(1, n=16000, sfreq=2000.0)[None, None])
    assert np.linalg.norm(slow - fast) < 0.06 * np.linalg.norm(fast)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from(["pooled", "last", "all"]),
    st.sampled_from(["legt", "legs"]),
    st.integers(1, 3),
    st.lists(st.integers(1, 7), min_size=1, max_size=6),
)
def test_a_stream_equals_the_trial(seed, output, measure, channels, chunks):
    X = np.random.default_rng(seed).standard_normal((channels, sum(chunks) + 1))
    options = {} if measure == "legs" else {"window": ("1/2", 4.0)}
    memory = HiPPOProjector(5, measure=measure, output=output, **options)
    batch = memory.fit_transform(np.stack([X, -X]))[0]
    if output == "all":
        rows = [memory.update(X[:, 0])[None]]
    else:
        row = memory.update(X[:, 0])
    place = 1
    for length in chunks:
        row = memory.update(X[:, place : place + length])
        if output == "all":
            rows.append(row)
        place += length
    streamed = np.concatenate(rows) if output == "all" else row
    np.testing.assert_allclose(streamed, batch, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(memory.reset().states_, 0.0)


def test_linearity_and_names():
    X = np.random.default_rng(0).standard_normal((3, 2, 40))
    memory = HiPPOProjector(3).fit(X)
    np.testing.assert_allclose(
        memory.transform(1e150 * X), 1e150 * memory.transform(X), rtol=1e-12
    )
    names = memory.get_feature_names_out(["Fz", "Cz"])
    assert len(names) == 2 * 5 * 2 * 3
    Z = memory.transform(X)
    same = HiPPOProjector(3, output="last").fit(X)
    last = list(same.get_feature_names_out(["Fz", "Cz"]))
    column = list(names).index("w13_last_Cz_m1")
    np.testing.assert_allclose(
        Z[:, column], same.transform(X)[:, last.index("w13_Cz_m1")]
    )
    everything = HiPPOProjector(3, output="all").fit_transform(X)
    mean = list(names).index("w5_mean_Fz_m2")
    std = list(names).index("w5_std_Fz_m2")
    np.testing.assert_allclose(
        Z[:, mean], everything[:, :, last.index("w5_Fz_m2")].mean(1)
    )
    np.testing.assert_allclose(
        Z[:, std], everything[:, :, last.index("w5_Fz_m2")].std(1)
    )


def test_a_constant_moves_the_first_state_only():
    memory = HiPPOProjector(6, window=20.0, output="last")
    found = memory.fit_transform(np.full((1, 1, 2000), 3.0))[0]
    np.testing.assert_allclose(found, [3, 0, 0, 0, 0, 0], atol=1e-9)


def test_messages():
    X = np.random.default_rng(0).standard_normal((3, 2, 40))
    with pytest.warns(UserWarning, match="longer than the trials"):
        HiPPOProjector(window=50.0).fit(X)
    with pytest.warns(UnusedParameterWarning, match="window"):
        HiPPOProjector(measure="legs", window=5.0).fit(X)
    with pytest.raises(InvalidParameterError, match="at least 2"):
        HiPPOProjector(window=0.1).fit(X)
    with pytest.raises(InvalidParameterError, match="window"):
        HiPPOProjector(window="3/2").fit(X)
    memory = HiPPOProjector().fit(X)
    with pytest.raises(ValueError, match="Pooled states"):
        memory.inverse_transform(memory.transform(X))
    with pytest.raises(ValueError, match="NaN"):
        memory.update([np.nan, 1.0])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        memory.update(np.ones(3))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("output", ["pooled", "last", "all"])
@pytest.mark.parametrize("measure", ["legt", "legs"])
@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e170, 1e300])
def test_units_do_not_matter_to_trials_and_streams(output, measure, size):
    X = np.random.default_rng(0).standard_normal((2, 2, 60))
    memory = HiPPOProjector(output=output, measure=measure).fit(X)
    usual, moved = memory.transform(X), memory.transform(X * size)
    np.testing.assert_allclose(moved / size, usual, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        memory.update(X[0] * size) / size, usual[0], rtol=1e-9, atol=1e-12
    )


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_leaves_the_range_of_numbers_is_refused():
    X = np.random.default_rng(0).standard_normal((2, 1, 60))
    memory = HiPPOProjector(output="last").fit(X)
    before = memory.update(X[0])
    jumps = 1.7e308 * np.where(np.arange(60) // 7 % 2, 1.0, -1.0)[None]
    with pytest.raises(ValueError, match="States exceed"):
        memory.transform(jumps[None])
    with pytest.raises(ValueError, match="States exceed"):
        memory.update(jumps)
    # A stream that was refused goes on from where it was.
    np.testing.assert_array_equal(memory.states_.ravel(), before)
    with pytest.raises(ValueError, match="Signals exceed"):
        memory.inverse_transform(np.full((1, memory.states_.size), 1.7e308))
    constant = HiPPOProjector().fit(X).transform(np.full((1, 1, 60), 1.7e308))
    assert np.isfinite(constant).all()


@pytest.mark.parametrize("output", ["last", "all", "pooled"])
def test_features_are_no_window_into_the_memory(output):
    memory = HiPPOProjector(output=output).fit(np.ones((1, 2, 30)))
    first = memory.update(np.ones(2))
    states = memory.states_.copy()
    first[...] = 99.0
    np.testing.assert_array_equal(memory.states_, states)


@pytest.mark.parametrize("x", [[1 + 1j, 2.0], ["a", "b"], [None, 1.0], None])
def test_samples_that_are_no_real_numbers(x):
    memory = HiPPOProjector(output="last").fit(np.ones((1, 2, 30)))
    with pytest.raises(ValueError, match="real numbers"):
        memory.update(x)
    with pytest.raises(ValueError, match="real numbers"):
        memory.inverse_transform(x)
