"""Negentropy as a second opinion: wrong basins left, mixtures named, no false alarm."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linear_sum_assignment

from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.codes import contrast_gain
from skgeo.decomposition._orthogonal.negentropy import (
    mixed_atoms,
    negentropies,
    second_opinion,
)
from skgeo.kernels import orthogonal_dictionary as kernels


def two_valued(rng, shape, q):
    return (rng.random(shape) < q) - q


def thinned_signs(rng, shape, density):
    return rng.choice([-1.0, 1.0], shape) * (rng.random(shape) < density)


def active_together(rng, shape):
    often = np.where(rng.random((shape[0], 1)) < 0.5, 0.5, 0.1)
    return rng.standard_normal(shape) * (rng.random(shape) < often)


INDEPENDENT = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "thinned signs": lambda rng, shape: thinned_signs(rng, shape, 0.45),
    "two values": lambda rng, shape: two_valued(rng, shape, 0.2),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "active together": active_together,
}


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def rms_error(W, D):
    overlap = np.abs(W @ D.T)
    i, j = linear_sum_assignment(-overlap)
    return np.sqrt(np.mean(2 - 2 * np.minimum(overlap[i, j], 1)))


def negentropy(u):
    """The approximation as published, of one code."""
    skew = 36 / (8 * np.sqrt(3) - 9) * np.mean(u * np.exp(-(u**2) / 2)) ** 2
    peak = (np.mean(np.abs(u)) - np.sqrt(2 / np.pi)) ** 2 / (2 - 6 / np.pi)
    return skew + peak


def test_negentropies_by_formula():
    rng = np.random.default_rng(0)
    C = np.stack([rng.standard_normal(500), rng.exponential(size=500) - 1])
    values, influence = negentropies(C)
    assert_allclose(values, [negentropy(u) for u in C])
    # More weight on one row, by differences.
    row, h = 7, 1e-5
    weights = np.full(500, 1 / 500)
    weights[row] += h
    moved = sum(
        36 / (8 * np.sqrt(3) - 9) * (weights @ (u * np.exp(-(u**2) / 2))) ** 2
        + (weights @ np.abs(u) - np.sqrt(2 / np.pi)) ** 2 / (2 - 6 / np.pi)
        for u in C
    )
    assert (moved - values.sum()) / h == pytest.approx(influence[row], rel=1e-3)


@pytest.mark.parametrize("stride", [1, 4])
def test_sweep_equals_its_twin(stride):
    rng = np.random.default_rng(1)
    C = rotation(rng, 4) @ rng.laplace(size=(4, 600)) / np.sqrt(2)
    C[:, 0] = [45.0, -3.0, 50.0, 1.0]  # exp(-c^2 / 2) underflows
    pairs = np.array([[0, 2], [1, 3], [2, 3]])
    angles = np.pi / 2 * np.arange(16) / 16
    expected, turned = C.copy(), np.eye(4)
    n_turned = 0
    for k, m in pairs:
        plane = [
            np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in angles
        ]
        gains = [sum(map(negentropy, P @ expected[[k, m]])) for P in plane]
        first = [0, 1, *range(stride, 15, stride), 15]
        best = max(first, key=lambda a: gains[a])
        if best:
            near = range(max(1, best - stride + 1), min(best + stride, 16))
            best = max([*near, *first], key=lambda a: gains[a])
        before = negentropies(expected[[k, m]])[1]
        after = negentropies(plane[best] @ expected[[k, m]])[1]
        error = np.std(after - before) / np.sqrt(600)
        if best and gains[best] - gains[0] > error:
            n_turned += 1
            for M in (expected, turned):
                M[[k, m]] = plane[best] @ M[[k, m]]
    R, found = np.eye(4), C.copy()
    count = kernels.negentropy_sweep(
        found, R, pairs, np.cos(angles), np.sin(angles), stride, 1.0
    )
    assert count == n_turned > 0
    assert_allclose(found, expected, atol=1e-12)
    assert_allclose(R, turned, atol=1e-12)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_codes_are_left_alone(name):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        codes = INDEPENDENT[name](rng, (2000, 7)) * rng.uniform(0.3, 3, 7)
        assert len(mixed_atoms(codes)) == 0


@pytest.mark.parametrize("name", [k for k in INDEPENDENT if k != "gaussian"])
def test_mixtures_of_two_are_told_and_taken_apart(name):
    rng = np.random.default_rng(3)
    Z = INDEPENDENT[name](rng, (3000, 6))
    W = np.eye(6)
    W[1], W[4] = (W[1] + W[4]) / np.sqrt(2), (W[1] - W[4]) / np.sqrt(2)
    opinion = second_opinion(Z @ W.T)
    assert_allclose(opinion.mixed, [1, 4])
    assert_allclose(opinion.turn @ opinion.turn.T, np.eye(6), atol=1e-10)
    if name != "thinned signs":  # told by their kurtosis
        assert rms_error(opinion.turn @ W, np.eye(6)) < 0.1


def test_where_there_is_no_opinion():
    rng = np.random.default_rng(4)
    codes = rng.laplace(size=(500, 5))
    for nothing in (codes[:, :1], codes[:15], 0 * codes, codes * [1, 1, 1, 1, 0]):
        assert second_opinion(nothing) is None
        assert len(mixed_atoms(nothing)) == 0
    codes[:, 4] = codes[:, 0] + codes[:, 1]  # determined by the others
    assert second_opinion(codes) is None


@pytest.mark.parametrize("p", [3, 4])
@pytest.mark.parametrize("name", ["laplace", "uniform"])
def test_contrast_gain_by_hand(p, name):
    rng = np.random.default_rng(5)
    Z = INDEPENDENT[name](rng, (4000, 3))
    Q = rotation(rng, 3)
    sign = 1 if name == "laplace" else -1
    gain, error = contrast_gain(Z @ Q.T, Z, p)
    unit = np.abs(Z @ Q.T).max() ** p
    change = sign * (np.abs(Z) ** p - np.abs(Z @ Q.T) ** p).sum(axis=1)
    assert gain * unit == pytest.approx(change.mean())
    assert error * unit == pytest.approx(change.std() / np.sqrt(4000))
    assert gain > 3 * error
    back, _ = contrast_gain(Z, Z @ Q.T, p)
    assert back < 0
    assert contrast_gain(1e100 * Z @ Q.T, 1e100 * Z, p)[0] == pytest.approx(gain)


def test_contrast_gain_of_both_signs():
    """Flat and peaked codes side by side: either counts by how far it is."""
    rng = np.random.default_rng(6)
    Z = np.stack([rng.laplace(size=9000) / np.sqrt(2), rng.choice([-1.0, 1.0], 9000)])
    mixed = np.array([Z[0] + Z[1], Z[0] - Z[1]]).T / np.sqrt(2)
    gain, error = contrast_gain(mixed, Z.T, 4)
    unit = np.abs(mixed).max() ** 4
    # Kurtoses 3 and -2, mixed to a quarter of their sum each.
    assert gain * unit == pytest.approx(5 - 0.5, abs=4 * error * unit)
    assert error * unit < 0.2


def caught_in(learn):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = learn()
    return model, [str(w.message) for w in caught], caught


@pytest.mark.parametrize(("q", "n"), [(0.28, 6)])
def test_a_fit_leaves_the_wrong_basin(q, n, monkeypatch):
    """Two values: some fits end where all atoms are mixtures, a maximum as well."""
    errors = {}
    for second in (True, False):
        if not second:
            monkeypatch.setattr(
                "skgeo.decomposition._orthogonal.stream.second_opinion",
                lambda codes: None,
            )
        for seed in range(6):
            rng = np.random.default_rng([seed, n])
            D = rotation(rng, n)
            X = two_valued(rng, (2500, n), q) @ D
            model = OnlineOrthogonalDictionary(center=True, random_state=seed)
            model, _, _ = caught_in(lambda X=X, m=model: m.fit(X))
            errors.setdefault(second, []).append(rms_error(model.components_, D))
    assert max(errors[True]) < 0.1
    assert max(errors[False]) > 0.3


@pytest.mark.parametrize("how", ["fit", "stream"])
@pytest.mark.parametrize("q", [0.2, 0.211])
def test_mixtures_at_the_border_are_named(how, q):
    n = 10
    for seed in range(2):
        rng = np.random.default_rng([seed, 5])
        D = rotation(rng, n)
        X = two_valued(rng, (4000, n), q) @ D
        model = OnlineOrthogonalDictionary(center=True, random_state=seed)

        def learn(model=model, X=X):
            if how == "fit":
                return model.fit(X)
            for start in range(0, len(X), 37):
                model.partial_fit(X[start : start + 37])
            return model

        model, said, caught = caught_in(learn)
        assert rms_error(model.components_, D) > 0.3
        told = [k for k, text in enumerate(said) if "A rotation of" in text]
        if how == "stream" and not told:  # the verdict may come before it has settled
            told = [k for k, text in enumerate(said) if "near to Gaussian" in text]
        assert len(told) == 1
        assert caught[told[0]].filename == __file__


@pytest.mark.parametrize("name", ["laplace", "uniform", "t3", "active together"])
@pytest.mark.parametrize("exponent", [3, 4])
def test_recovered_streams_are_not_called_mixtures(name, exponent):
    rng = np.random.default_rng(6)
    D = rotation(rng, 8)
    X = INDEPENDENT[name](rng, (7000, 8)) @ D
    model = OnlineOrthogonalDictionary(exponent, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="A rotation of")
        warnings.filterwarnings("ignore", message="A few|.*outweigh")
        for chunk in np.array_split(X, 60):
            model.partial_fit(chunk)
    assert rms_error(model.components_, D) < 0.2
    assert sum(len(C) for C in model._stream.sample) <= 1024 + 96
