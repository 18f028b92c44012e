"""Search over the index sets of one mode against the evidence of the whole model."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skgeo.linear_model import KroneckerSBL, kron_posterior
from skgeo.linear_model._kronecker.search import _ModeProblem, search_modes


def draw(rng, is_complex, *shape):
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if is_complex else values


def problem(seed, is_complex=False, n_samples=2):
    rng = np.random.default_rng(seed)
    factors = [draw(rng, is_complex, m, n) for m, n in ((4, 7), (5, 6), (3, 4))]
    gammas = [rng.uniform(0.2, 2.0, n) * (rng.random(n) < 0.6) for n in (7, 6, 4)]
    for g in gammas:
        g[:2] = 1.0
    return factors, gammas, draw(rng, is_complex, n_samples, 60)


def embedded(members, variances, n):
    full = np.zeros(n)
    full[members] = variances
    return full


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), is_complex=st.booleans(), n_samples=st.integers(1, 3)
)
def test_differences_are_those_of_the_evidence(seed, is_complex, n_samples):
    factors, gammas, Y = problem(seed, is_complex, n_samples)
    rng = np.random.default_rng(seed)
    tensor = Y.reshape(-1, 4, 5, 3)
    for mode in range(3):
        cost, n = 1.3, len(gammas[mode])
        part = _ModeProblem(factors, gammas, tensor, 0.3, mode, cost)

        def net(members, variances, mode=mode, n=n, cost=cost):
            full = [g.copy() for g in gammas]
            full[mode] = embedded(members, variances, n)
            post = kron_posterior(factors, full, Y, 0.3)
            return post.log_evidence - cost * len(members)

        sets = [rng.permutation(n)[:3], rng.permutation(n)[:3], np.array([n - 1])]
        levels = [rng.uniform(0.1, 3.0, len(s)) for s in sets]
        values = [part.objective(s, v) for s, v in zip(sets, levels, strict=True)]
        expected = [net(s, v) for s, v in zip(sets, levels, strict=True)]
        assert_allclose(np.diff(values), np.diff(expected), rtol=1e-8, atol=1e-8)
        assert_allclose(
            part.objectives(np.array(sets[:2]), np.array(levels[:2])), values[:2]
        )
        # Every sweep raises the evidence, and so does a climb.
        now, members = levels[0], sets[0]
        for _ in range(4):
            then = part.refine_variances(members, now, 1)
            assert net(members, then) >= net(members, now) - 1e-9 * abs(expected[0])
            now = then
        best, members, variances = part.local_search(members, now)
        assert_allclose(best - values[0], net(members, variances) - expected[0],
                        rtol=1e-7, atol=1e-7)  # fmt: skip
        assert best >= part.objective(sets[0], now) - 1e-9 * abs(best)
        assert len(set(members.tolist())) == len(members) <= part.most


def hard_problem(seed, m=8, k=5):
    """Five of fifteen indices from eight measurements, values an outer product."""
    rng = np.random.default_rng(seed)
    shapes = ((m, 15), (9, 10), (10, 10))
    factors = [rng.standard_normal(shape) for shape in shapes]
    support = [np.sort(rng.choice(n, s, False)) for (_, n), s in zip(shapes, (k, 3, 3),
               strict=True)]  # fmt: skip
    codes = np.zeros((1, 15, 10, 10))
    values = [rng.choice([-1, 1], len(s)) * rng.uniform(0.5, 1.5, len(s))
              for s in support]  # fmt: skip
    codes[0][np.ix_(*support)] = reduce(np.multiply.outer, values)
    codes = codes.reshape(1, -1)
    clean = codes @ reduce(np.kron, factors).T
    s2 = np.mean(clean**2) * 1e-3
    return factors, codes, clean + np.sqrt(s2) * rng.standard_normal(clean.shape), s2


@pytest.mark.parametrize("known", [True, False])
def test_best_leaves_local_maxima(known):
    solved = {"best": 0, "mm": 0, "svd": 0}
    for seed in range(6):
        factors, codes, X, s2 = hard_problem(seed)
        scores = {}
        for solver in solved:
            model = KroneckerSBL(
                factors, solver=solver, noise_variance=s2 if known else None, tol=1e-3
            ).fit(X)
            error = np.sum((model.transform(X) - codes) ** 2) / np.sum(codes**2)
            solved[solver] += error < 0.01
            kept = [len(s) for s in model.support_]
            costs = np.log([15, 10, 10])
            scores[solver] = model.score(X) - costs @ kept
        assert scores["best"] >= max(scores["mm"], scores["svd"]) - 1e-9
    assert solved["best"] == 6
    assert max(solved["mm"], solved["svd"]) < 6


def test_nothing_is_searched_where_nothing_can_be_better():
    factors, _, X, s2 = hard_problem(0, k=3)
    model = KroneckerSBL(factors, noise_variance=s2).fit(X)
    Y = X.reshape(1, 8, 9, 10)
    costs = [np.log(15), np.log(10), np.log(10)]
    # Three of eight: unique.
    assert search_modes(factors, Y, model.gammas_, s2, costs) is None
    # The best set of a mode is found again and is no news.
    factors, _, X, s2 = hard_problem(1)
    model = KroneckerSBL(factors, noise_variance=s2).fit(X)
    Y = X.reshape(1, 8, 9, 10)
    assert len(model.support_[0]) == 5
    assert search_modes(factors, Y, model.gammas_, s2, costs) is None
    # A wrong one is replaced, by the same one at every call.
    wrong = [g.copy() for g in model.gammas_]
    wrong[0] = np.zeros(15)
    wrong[0][[0, 1, 2, 3, 4, 5]] = model.gammas_[0].max()
    found = [search_modes(factors, Y, wrong, s2, costs) for _ in range(2)]
    for one, two in zip(*found, strict=True):
        assert_array_equal(one, two)
        assert (one > 0).all()
    assert_array_equal(np.sort(np.argsort(found[0][0])[-5:]), model.support_[0])
