"""What a stream says of rows and entries that outweigh the rest, and when not."""

import warnings

import numpy as np

from skgeo.decomposition._orthogonal.outliers import Watch


def said(watch, clipped=False):
    """The warning of a watch, or nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watch.warn(clipped)
    return str(caught[0].message) if caught else ""


def stream(n_rows=4000, n=8, seed=0):
    return np.random.default_rng(seed).laplace(size=(n_rows, n))


def fed(X, chunk=100, center=False):
    watch = Watch(X.shape[1], 3, center)
    for start in range(0, len(X), chunk):
        watch.add(X[start : start + chunk])
    return watch


def test_few_long_rows_are_told_and_many_are_not():
    X = stream()
    assert not said(fed(X))
    few = X.copy()
    few[::400] *= 300.0  # ten of 4000
    assert "10 of 4000 rows" in said(fed(few))
    assert "rows" not in said(fed(few), clipped=True)
    # as heavy, but a sixteenth of the rows: they are part of the data
    many = X.copy()
    many[::16] *= 300.0
    assert "rows" not in said(fed(many))


def test_few_far_entries_are_told_and_many_are_not():
    X = stream(seed=1)
    few = X.copy()
    few[::400, 2] = 200.0
    assert "1 of 8 features, feature 2 first" in said(fed(few), clipped=True)
    # a third of the entries: a second group of values
    many = X.copy()
    many[::3, 2] = 200.0
    assert not said(fed(many), clipped=True)


def test_sums_follow_the_units_of_the_stream():
    """What was far in small units is nothing beside later rows in large ones."""
    X = stream(6000, seed=2)
    X[:300:60, 4] = 500.0
    larger, smaller = X.copy(), X.copy()
    larger[300:] *= 1e3
    smaller[300:] *= 1e-1
    assert "feature 4 first" in said(fed(X), clipped=True)
    assert not said(fed(larger), clipped=True)
    assert "feature 4 first" in said(fed(smaller), clipped=True)
