"""Supports that are no product set, and coupling learned from the evidence."""

import warnings
from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgeo.linear_model import KroneckerSBL
from skgeo.linear_model._kronecker.codes import (
    NestedVariances,
    code_columns,
    fit_codes,
)
from skgeo.linear_model._kronecker.exchange import _Exchange, exchange_codes
from skgeo.linear_model._kronecker.fitting import _couplings
from skgeo.linear_model._kronecker.nested_exchange import (
    _NestedSearch,
    exchange_blocks,
)

ROWS, COLUMNS = (6, 8, 7), (9, 10, 9)
SMALL_ROWS, SMALL_COLUMNS = (6, 6, 5), (8, 7, 6)


def problem(seed, kind, rows=ROWS, columns=COLUMNS, n_free=8):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal(s) for s in zip(rows, columns, strict=True)]
    codes = np.zeros(columns)

    def values(*shape):
        return rng.choice([-1, 1], shape) * rng.uniform(0.5, 1.5, shape)

    def some(n, k):
        return rng.choice(n, k, False)

    if kind == "kronecker":
        codes[np.ix_(*[some(n, 3) for n in columns])] = values(3, 3, 3)
    elif kind == "hierarchical":
        for j in some(columns[0], 3):
            inner = [some(n, 2) for n in columns[1:]]
            codes[np.ix_([j], *inner)] = values(1, 2, 2)
    elif kind == "free":
        # Three to a block, no two in one row: a product set would hold nine.
        for j in some(columns[0], 3):
            codes[j, some(columns[1], 3), some(columns[2], 3)] = values(3)
    else:
        codes.flat[some(codes.size, n_free)] = values(n_free)
    clean = reduce(np.kron, factors) @ codes.ravel()
    noise = 0.1 * np.std(clean)
    X = clean + noise * rng.standard_normal(clean.shape)
    return factors, codes, X[None], noise**2


def dense_posterior(factors, gammas, y, noise):
    A, g = reduce(np.kron, factors), gammas.ravel()
    C = (A * g) @ A.T + noise * np.eye(len(A))
    K = np.linalg.solve(C, A * g)
    evidence = -0.5 * (
        np.linalg.slogdet(C)[1] + y @ np.linalg.solve(C, y) + len(y) * np.log(2 * np.pi)
    )
    return K.T @ y, g - np.sum((A * g) * K, axis=0), evidence


@pytest.mark.parametrize("kind", ["kronecker", "hierarchical", "free"])
def test_structure_is_chosen_by_evidence(kind):
    for seed in (1,):
        factors, codes, X, _ = problem(seed, kind)
        model = KroneckerSBL(factors, support="auto").fit(X)
        assert model.support_kind_ == kind
        found = model.transform(X)[0]
        error = np.sum((found - codes.ravel()) ** 2) / np.sum(codes**2)
        # Beside least squares on the true support.
        on = np.flatnonzero(codes)
        known = np.linalg.lstsq(reduce(np.kron, factors)[:, on], X[0], rcond=None)[0]
        assert error < 2.0 * np.sum((known - codes.ravel()[on]) ** 2) / np.sum(codes**2)
        if kind == "kronecker":
            continue
        # Attributes are those of the posterior in the units of the user.
        mean, variance, evidence = dense_posterior(
            factors, model.gammas_[0], X[0], model.noise_variance_
        )
        assert_allclose(found, mean, rtol=1e-6, atol=1e-9)
        assert_allclose(model.posterior_variance(), variance, rtol=1e-5, atol=1e-12)
        assert_allclose(model.score(X), evidence, rtol=1e-8)
        assert_allclose(model.objective_[-1], evidence, rtol=1e-8)
        assert_array_equal(np.array(model.support_), np.nonzero(model.gammas_[0]))
        true = set(zip(*np.nonzero(codes), strict=True))
        kept = set(zip(*(s.tolist() for s in model.support_), strict=True))
        assert true <= kept
        plain = KroneckerSBL(factors).fit(X).transform(X)[0]
        other = np.sum((plain - codes.ravel()) ** 2) / np.sum(codes**2)
        assert error < 0.5 * other
        filled, std = model.reconstruct(X, return_std=True)
        A = reduce(np.kron, factors)
        assert_allclose(filled[0], A @ mean, atol=1e-8)
        on = np.flatnonzero(model.gammas_[0])
        B, g = A[:, on], model.gammas_[0].ravel()[on]
        cov = np.linalg.inv(B.T @ B / model.noise_variance_ + np.diag(1 / g))
        assert_allclose(std[0], np.sqrt(np.einsum("ij,jk,ik->i", B, cov, B)), rtol=1e-6)


def test_other_supports_with_gaps_and_rows():
    factors, codes, X, _ = problem(3, "scattered", SMALL_ROWS, SMALL_COLUMNS, 4)
    rng = np.random.default_rng(0)
    X = np.vstack([X, X])
    X[rng.random(X.shape) < 0.3] = np.nan
    for shared in (True, False):
        model = KroneckerSBL(
            factors, solver="mm", support="free", shared_support=shared, tol=1e-3
        ).fit(X)
        found = model.transform(X)
        error = np.sum((found - codes.ravel()) ** 2) / np.sum(2 * codes**2)
        assert error < 0.01
        assert np.isfinite(model.score(X))


def test_one_and_two_modes():
    rng = np.random.default_rng(0)
    H = rng.standard_normal((20, 30))
    x = np.zeros(30)
    x[[3, 9, 20]] = [1.0, -2.0, 1.5]
    X = (H @ x + 0.05 * rng.standard_normal(20))[None]
    for kind in ("hierarchical", "free", "auto"):
        model = KroneckerSBL([H], support=kind).fit(X)
        assert {3, 9, 20} <= set(model.support_[0])
        assert_allclose(model.transform(X)[0], x, atol=0.2)
    zero = KroneckerSBL([H], support="free").fit(np.zeros((1, 20)))
    assert not zero.transform(X).any()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("kind", ["hierarchical", "free"])
def test_columns_of_zeros(kind):
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((5, 7)), rng.standard_normal((6, 8))]
    factors[0][:, 3] = 0.0
    X = np.outer(factors[0][:, [1, 4]].sum(axis=1), factors[1][:, 2]).reshape(1, -1)
    model = KroneckerSBL(factors, support=kind).fit(X)
    assert_array_equal(model.support_[0], [1, 4])
    assert_array_equal(model.support_[1], [2, 2])


def test_too_large_for_single_codes(monkeypatch):
    factors, _, X, _ = problem(0, "kronecker")
    monkeypatch.setattr("skgeo.linear_model._kronecker.codes._MAX_COLUMNS", 10)
    with pytest.raises(ValueError, match="needs few codes"):
        KroneckerSBL(factors, support="free").fit(X)
    assert KroneckerSBL(factors, support="auto").fit(X).support_kind_ == "kronecker"


def block_problem(seed, blocks):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((8, 16)), rng.standard_normal((9, 18))]
    codes = np.zeros((1, 16, 18))
    first, second = (
        (np.arange(4, 8), np.arange(9, 14))
        if blocks
        else (rng.choice(16, 3, False), rng.choice(18, 3, False))
    )
    values = rng.standard_normal((1, len(first), len(second)))
    codes[np.ix_([0], first, second)] = values
    codes = codes.reshape(1, -1)
    X = codes @ np.kron(*factors).T
    return factors, codes, X + 0.3 * np.std(X) * rng.standard_normal(X.shape)


def test_coupling_is_learned_from_the_evidence():
    errors = {True: [], False: []}
    for blocks, ratios in errors.items():
        chosen = []
        for seed in range(2 if blocks else 3):
            factors, codes, X = block_problem(seed, blocks)
            pair = []
            for coupling in ("auto", None):
                model = KroneckerSBL(factors, coupling=coupling, tol=1e-2).fit(X)
                pair.append(np.sum((model.transform(X) - codes) ** 2))
                if coupling == "auto":
                    chosen.append(model.coupling_)
            ratios.append(pair[0] / pair[1])
        assert all(len(c) == 2 and min(c) >= 0 for c in chosen)
        if blocks:
            assert all(max(c) > 0 for c in chosen)
    assert np.median(errors[False]) < 1.1
    assert np.median(errors[True]) < 1.0


def scattered(seed, shape=(6, 7, 8), sizes=(8, 9, 9), n_codes=12):
    """Codes anywhere, 20 dB: the dictionary, the codes, the measurements."""
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((m, n)) for m, n in zip(shape, sizes, strict=True)]
    codes = np.zeros(int(np.prod(sizes)))
    codes[rng.choice(codes.size, n_codes, False)] = rng.standard_normal(n_codes)
    clean = reduce(np.kron, factors) @ codes
    noise = np.sqrt(np.mean(clean**2)) / 10
    return factors, codes, (clean + noise * rng.standard_normal(clean.size))[None]


def test_exchanges_leave_local_maxima():
    """A draw on which smooth updates alone ended at an error of .024."""
    factors, codes, X = scattered(2)
    model = KroneckerSBL(factors, support="auto").fit(X)
    assert model.support_kind_ == "free"
    found = model.transform(X)[0]
    assert np.sum((found - codes) ** 2) < 0.001 * np.sum(codes**2)
    assert set(np.flatnonzero(found)) <= set(np.flatnonzero(codes))


@pytest.mark.parametrize("is_complex", [False, True])
def test_gains_of_codes_are_differences_of_the_evidence(is_complex):
    rng = np.random.default_rng(0)
    H = rng.standard_normal((12, 20)) + 1j * is_complex * rng.standard_normal((12, 20))
    Y = rng.standard_normal((3, 12)) * (1 + 1j * is_complex)
    Y = Y + 3 * H[:, 5]
    members, gammas, noise = np.array([2, 7]), np.array([0.5, 2.0]), 0.3
    search = _Exchange(H, Y, noise, price=1.5)

    def evidence(members, gammas):
        C = (H[:, members] * gammas) @ H[:, members].conj().T + noise * np.eye(12)
        quadratic = np.vdot(Y.T, np.linalg.solve(C, Y.T)).real
        return -search.c * (3 * np.linalg.slogdet(C)[1] + quadratic)

    s, power, net = search._statistics(members, gammas)
    present = evidence(members, gammas)
    assert_allclose(net, present - 3.0)
    gains, levels = search._gains(s, power)
    for j in (0, 5, 11):
        grid = levels[j] * np.linspace(0.8, 1.2, 5) + (levels[j] == 0) * 1e-3
        values = [
            evidence(np.append(members, j), np.append(gammas, g)) - present
            for g in grid
        ]
        if levels[j] > 0:
            assert_allclose(gains[j], values[2], rtol=1e-8)
            assert np.argmax(values) == 2
        else:
            assert max(values) < 0
    found, best = exchange_codes(H, Y, members, gammas, noise, 1.5)
    assert 5 in found
    assert evidence(found, best) - 1.5 * len(found) > present - 3.0


@pytest.mark.parametrize("support", ["free", "hierarchical"])
def test_rows_of_which_nothing_is_left(support):
    # Rows beside one of a quadrillion are zero to working precision.
    rng = np.random.default_rng(0)
    factors = (rng.standard_normal((3, 4)), rng.standard_normal((3, 4)))
    X = rng.standard_normal((6, 9))
    X[2] *= 1e200
    model = KroneckerSBL(factors, support=support, shared_support=False, max_iter=30)
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        codes = model.fit(X).transform(X)
    assert codes.shape == (6, 16)
    assert np.isfinite(codes).all()


def test_columns_of_no_codes():
    factors = [np.ones((3, 4)), np.ones((2, 5))]
    assert code_columns(factors, np.empty((2, 0), dtype=int)).shape == (6, 0)


def test_couplings_are_tried_in_all_modes_and_in_all_but_one():
    tried = list(_couplings([True, False, True]))
    assert len(tried) == len({tuple(t) for t in tried})
    coupled = {tuple(b > 0 for b in t) for t in tried}
    assert coupled == {
        (True, False, True),
        (False, False, True),
        (True, False, False),
    }
    assert {tuple(b > 0 for b in t) for t in _couplings([False, True])} == {
        (False, True)
    }
    assert not list(_couplings([False]))


def nested_problem(seed, rows=(6, 7, 8), columns=(8, 9, 9)):
    """Three blocks of two by two codes, and variances of one on their nested sets."""
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal(s) for s in zip(rows, columns, strict=True)]
    codes = np.zeros(columns)
    for j in rng.choice(columns[0], 3, False):
        inner = [rng.choice(n, 2, False) for n in columns[1:]]
        codes[np.ix_([j], *inner)] = rng.choice([-1, 1], (1, 2, 2)) * rng.uniform(
            0.5, 1.5, (1, 2, 2)
        )
    clean = reduce(np.kron, factors) @ codes.ravel()
    noise = 0.1 * np.std(clean)
    X = (clean + noise * rng.standard_normal(clean.shape))[None]
    parts = [1.0 * codes.any(axis=2), 1.0 * codes.any(axis=1)]
    return factors, codes, X, noise**2, parts


@pytest.mark.parametrize("seed", [0, 2])
def test_nested_sets_reach_the_evidence_of_the_true_ones(seed):
    factors, codes, X, noise, parts = nested_problem(seed)
    model = KroneckerSBL(factors, support="hierarchical", noise_variance=noise).fit(X)
    prior = model._priors[0]
    true = fit_codes(
        prior.dictionary.factors, [(X / prior.unit, np.ones(336, dtype=bool))],
        "hierarchical", [np.arange(n) for n in codes.shape], parts,
        prior.fit.noise_variance, [np.log(n) for n in codes.shape], learn_noise=False,
        noise_floor=1e-10, max_iter=300, tol=1e-4,
    )  # fmt: skip
    assert prior.fit.net_evidence > true.net_evidence - 0.01
    error = np.sum((model.transform(X)[0] - codes.ravel()) ** 2) / np.sum(codes**2)
    assert error < 0.01


@pytest.mark.parametrize("wrong", ["index", "block", "missing block", "more"])
def test_one_change_of_nested_sets_is_found(wrong):
    factors, codes, X, noise, parts = nested_problem(1)
    A, costs = reduce(np.kron, factors), [np.log(n) for n in codes.shape]
    start = [p.copy() for p in parts]
    used = np.flatnonzero(parts[0].any(axis=1))
    unused = np.flatnonzero(~parts[0].any(axis=1))
    if wrong == "index":
        row = start[1][used[0]]
        row[np.flatnonzero(row)[0]], row[np.flatnonzero(row == 0)[0]] = 0.0, 1.0
    elif wrong == "more":
        start[0][used[1], np.flatnonzero(start[0][used[1]] == 0)[0]] = 1.0
    else:
        for p in start:
            if wrong == "block":
                p[unused[0]] = p[used[0]]
            p[used[0]] = 0.0
    found = exchange_blocks(A, X, start, noise, costs)
    for p, true in zip(found, parts, strict=True):
        assert_array_equal(p > 0, true > 0)


@pytest.mark.parametrize("is_complex", [False, True])
def test_gains_of_groups_are_differences_of_the_evidence(is_complex):
    rng = np.random.default_rng(0)
    H = rng.standard_normal((14, 24)) + 1j * is_complex * rng.standard_normal((14, 24))
    Y = rng.standard_normal((3, 14)) * (1 + 1j * is_complex) + 2 * H[:, 9]
    search = _NestedSearch(H, Y, 0.3, [1.0, 2.0, 3.0])
    parts = [np.zeros((2, 3)), np.zeros((2, 4))]
    parts[0][1, [0, 2]], parts[1][1, [1, 3]] = [0.5, 2.0], [1.5, 0.7]
    full, members, seen, q, net = search._net(parts)

    def evidence(members, gammas):
        C = (H[:, members] * gammas) @ H[:, members].conj().T + 0.3 * np.eye(14)
        quadratic = np.vdot(Y.T, np.linalg.solve(C, Y.T)).real
        return -search.evidence.c * (3 * np.linalg.slogdet(C)[1] + quadratic)

    assert_array_equal(members, [13, 15, 21, 23])
    present = evidence(members, full[members])
    assert_allclose(net, present - 1.0 - 2 * 2.0 - 2 * 3.0)
    groups = [np.array([5, 9]), np.array([2, 3])]
    levels = np.array([0.4, 1.1])
    gain, top = search._best(groups, levels, seen, q)
    values = [
        evidence(np.append(members, g), np.append(full[members], levels)) - present
        for g in groups
    ]
    assert top == np.argmax(values) == 0
    assert_allclose(gain, values[0], rtol=1e-8)


def removals(parts, gain, costs):
    """Every index and block that may be removed: evidence less cost, and what stays."""
    used = [p > 0 for p in parts]
    for j in range(len(gain)):
        if not all(u[j].any() for u in used):
            continue
        inner = [c * u[j].sum() for c, u in zip(costs[1:], used, strict=True)]
        rest = [u.copy() for u in used]
        for u in rest:
            u[j] = False
        if sum(all(u[k].any() for u in used) for k in range(len(gain))) > 1:
            yield gain[j].sum() - costs[0] - sum(inner), rest
        for i, u in enumerate(used):
            for k in np.flatnonzero(u[j]) if u[j].sum() > 1 else ():
                rest = [u.copy() for u in used]
                rest[i][j, k] = False
                yield np.take(gain[j], k, axis=i).sum() - costs[i + 1], rest


def test_trimming_removes_what_brings_least():
    rng = np.random.default_rng(0)
    costs, removed = [2.0, 1.0, 1.5], set()
    for _ in range(60):
        parts = [rng.random((3, n)) * (rng.random((3, n)) < 0.6) for n in (3, 4)]
        for p in parts:
            p[0, 0] = 1.0
        nested = NestedVariances(parts, costs)
        used = np.einsum("ja,jb->jab", parts[0] > 0, parts[1] > 0)
        gain = used * rng.exponential(rng.choice([0.3, 1.0, 3.0]), (3, 3, 4))
        options = sorted(removals(parts, gain, costs), key=lambda option: option[0])
        expected = bool(options) and options[0][0] < 0
        assert nested.trim(gain) == expected
        rest = options[0][1] if expected else [p > 0 for p in parts]
        for p, old, kept in zip(nested.parts, parts, rest, strict=True):
            assert_array_equal(p, np.where(kept, old, 0.0))
        before, after = (sum(np.count_nonzero(p) for p in q)
                         for q in (parts, nested.parts))  # fmt: skip
        removed.add(before - after)
    assert {0, 1} < removed  # nothing, an index, a block


def test_changes_of_nested_sets_and_their_estimates():
    factors, _, X, noise, parts = nested_problem(4)
    costs = [1.0, 2.0, 3.0]
    search = _NestedSearch(reduce(np.kron, factors), X, noise, costs)
    parts = [2.0 * parts[0], 0.7 * parts[1]]
    removals = list(search._removals(parts))
    # The sets themselves; for each of three blocks the block, and two indices twice.
    assert len(removals) == 1 + 3 * (1 + 4)
    moved = []
    for rest, origin in removals:
        _, _, seen, q, without = search._net(rest)
        options = search._additions(rest, origin, parts, seen, q, without)
        for estimate, trial in options:
            assert_allclose(estimate, search._net(trial)[4], rtol=1e-8)
        if origin is not None and origin[1] is None:
            sizes = [np.count_nonzero(p) for p in parts]
            moved += [
                trial for _, trial in options
                if [np.count_nonzero(p) for p in trial] == sizes
            ]  # fmt: skip
    # A block that is removed may come back with its sets, at another place.
    assert len(moved) == 3
    before = parts[0].any(axis=1)
    assert all((trial[0].any(axis=1) != before).sum() == 2 for trial in moved)
