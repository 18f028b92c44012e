"""Any table into any estimator: a finite answer or a ValueError that says why.

Shapes, dtypes, layouts, magnitudes, ties, constant and repeated data, NaN and infinity.
"""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import get_tags

from tests.test_common import INSTANCES

METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score_samples",
)

tables = st.fixed_dictionaries(
    {
        "content": st.sampled_from(
            ("normal", "ties", "constant", "repeated rows", "constant column", "zeros")
        ),
        "n": st.integers(1, 14),
        "d": st.integers(1, 5),
        "exponent": st.sampled_from((-150, -30, 0, 0, 0, 30, 150)),
        "dtype": st.sampled_from(("float64", "float64", "float32", "int64")),
        "layout": st.sampled_from(("C", "F", "strided", "read-only")),
        "seed": st.integers(0, 2**16),
    }
)


def make_table(content, n, d, exponent, dtype, layout, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    if content == "ties":
        X = np.round(X)
    elif content == "constant":
        X = np.full((n, d), X[0, 0])
    elif content == "repeated rows":
        X = np.repeat(X[:2], n, axis=0)[:n]
    elif content == "constant column":
        X[:, 0] = 3.0
    elif content == "zeros":
        X[:] = 0.0
    if dtype == "int64":
        X = np.round(4 * X).astype(np.int64)
    elif dtype == "float32":
        X = (X * 10.0 ** (exponent / 5)).astype(np.float32)
    else:
        X = X * 10.0**exponent
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "strided":
        wide = np.zeros((2 * n, 2 * d), dtype=X.dtype)
        wide[::2, ::2] = X
        X = wide[::2, ::2]
    elif layout == "read-only":
        X.setflags(write=False)
    return X, rng


def target(estimator, X, rng):
    if is_classifier(estimator):
        return rng.integers(0, 2, len(X))
    if is_regressor(estimator):
        return rng.standard_normal(len(X))
    return None


def answers(model, X):
    for method in METHODS:
        if hasattr(model, method):
            value = np.asarray(getattr(model, method)(X))
            if value.dtype.kind in "fc":
                yield method, value


def ask(estimator, X, y):
    """Fit and answer; a ValueError has to say something."""
    model = clone(estimator)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(X) if y is None else model.fit(X, y)
            return dict(answers(model, X))
        except ValueError as error:
            if len(str(error)) <= 20:
                raise AssertionError(f"{error!r} does not help") from error
            return None


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
@given(tables)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
def test_finite_or_told(estimator, table):
    X, rng = make_table(**table)
    found = ask(estimator, X, target(estimator, X, rng))
    for method, value in (found or {}).items():
        assert np.isfinite(value).all(), f"{method} is not finite"


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
def test_ordinary_data_are_accepted_in_any_layout(estimator):
    X, rng = make_table("normal", 40, 4, 0, "float64", "C", 0)
    y = target(estimator, X, rng)
    plain = ask(estimator, X, y)
    assert plain is not None
    for layout in ("F", "strided", "read-only"):
        Z, _ = make_table("normal", 40, 4, 0, "float64", layout, 0)
        other = ask(estimator, Z, y)
        for method, value in plain.items():
            np.testing.assert_allclose(
                other[method], value, rtol=1e-7, atol=1e-9, err_msg=f"{layout} {method}"
            )


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(estimator, bad):
    if np.isnan(bad) and get_tags(estimator).input_tags.allow_nan:
        pytest.skip("NaN marks what is missing")
    X, rng = make_table("normal", 30, 4, 0, "float64", "C", 1)
    y = target(estimator, X, rng)
    X[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity|inf"):
        clone(estimator).fit(X) if y is None else clone(estimator).fit(X, y)
