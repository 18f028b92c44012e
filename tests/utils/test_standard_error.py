"""The rule of one standard error."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skgeo.utils.standard_error import simplest_within_one_error


def test_classical_rule_by_hand():
    folds = [[0.7, 0.7, 0.7], [0.8, 0.9, 1.0], [0.85, 0.85, 0.85]]
    # The best is the second, .9, with a standard error of .0577.
    assert simplest_within_one_error(folds, [0, 2, 1]) == 2
    assert simplest_within_one_error(folds, [0, 1, 2]) == 1
    assert simplest_within_one_error(folds, [0, 1, 2], tolerance=0.25) == 0


def test_paired_folds_that_contradict_each_other_allow_more():
    folds = [[0.9, 0.7, 0.8, 0.75], [0.85, 0.9, 0.85, 0.9]]
    gap = np.subtract(*folds[::-1])
    assert gap.mean() > np.std(folds[1], ddof=1) / 2
    expected = int(gap.mean() > np.std(gap, ddof=1) / 2)
    assert simplest_within_one_error(folds, [0, 1]) == 1
    assert simplest_within_one_error(folds, [0, 1], paired=True) == expected


def test_ties_keys_and_failures():
    same = np.full((3, 4), 0.5)
    assert simplest_within_one_error(same, [[1, 1, 1], [3, 1, 2]]) == 1
    assert simplest_within_one_error(same, [1, 1, 1]) == 0
    same[0, 1] = np.nan
    assert simplest_within_one_error(same, [0, 1, 1]) == 1
    same[2, 1] = -np.inf
    assert simplest_within_one_error(same, [0, 2, 1], paired=True) == 1
    assert simplest_within_one_error(np.full((2, 3), np.nan), [0, 1]) is None
    assert simplest_within_one_error([[0.4], [0.5]], [0, 1]) == 1  # a single fold


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_choice_is_simplest_among_those_within(seed, paired):
    rng = np.random.default_rng(seed)
    folds, order = rng.random((6, 4)), rng.integers(0, 3, 6)
    chosen = simplest_within_one_error(folds, order, paired=paired)
    mean = folds.mean(axis=1)
    best = mean.argmax()
    assert order[chosen] <= order[best]
    limit = mean[best] - folds[best].std(ddof=1) / 2
    if not paired:
        assert mean[chosen] >= limit
        assert order[chosen] == order[mean >= limit].min()
