"""Checks of the input: layouts that must work, faults that must be named."""

import os
import tempfile

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skgeo.testing._trials_contract import assert_same, outputs
from skgeo.testing._trials_data import make_trials


def check_layouts(estimator, kind):
    """F-ordered, strided, list and integer-typed input mean the same."""
    X, y = make_trials(kind=kind)
    plain = outputs(estimator.fit(X, y), X)
    wide = np.zeros((len(X) * 2, *X.shape[1:]))
    wide[::2] = X
    for other in (np.asfortranarray(X), wide[::2], X.tolist()):
        assert_same(plain, outputs(clone(estimator).fit(other, y), other), 1e-7, 1e-7)


def check_float32(estimator, kind):
    """float32 input gives what its values give in float64, within float32."""
    X, y = make_trials(kind=kind)
    X = X.astype(np.float32)
    if kind == "matrices":
        X = (X + X.swapaxes(1, 2)) / 2
    wide = X.astype(np.float64)
    assert_same(
        outputs(clone(estimator).fit(wide, y), wide),
        outputs(estimator.fit(X, y), X),
        1e-3,
        1e-3,
    )


def check_read_only(estimator, kind):
    """Read-only memory-mapped input, which joblib hands to its workers, works."""
    X, y = make_trials(kind=kind)
    plain = outputs(clone(estimator).fit(X, y), X)
    handle, path = tempfile.mkstemp(suffix=".npy")
    os.close(handle)
    mapped = None
    try:
        np.save(path, X)
        mapped = np.load(path, mmap_mode="r")
        frozen = y.copy()
        frozen.setflags(write=False)
        assert_same(plain, outputs(estimator.fit(mapped, frozen), mapped), 1e-9, 1e-9)
    finally:
        del mapped
        os.unlink(path)


def check_units(estimator, kind):
    """Volts or microvolts: predictions stay the same."""
    X, y = make_trials(kind=kind)
    factor = 1e6 if kind == "trials" else 1e12
    plain = outputs(clone(estimator).fit(X, y), X)
    for scaled in (X * factor, X / factor):
        answers = outputs(estimator.fit(scaled, y), scaled)
        for method, value in answers.items():
            assert np.isfinite(value).all(), f"{method} is not finite at another scale"
        if "predict" in plain:
            assert_array_equal(answers["predict"], plain["predict"])


def _finite_or_told(estimator, X, y, what):
    """Either finite answers or a ValueError that says something."""
    try:
        answers = outputs(clone(estimator).fit(X, y), X)
    except ValueError as error:
        assert len(str(error)) > 20, f"{what}: the message {str(error)!r} does not help"
        return
    for method, value in answers.items():
        if value.dtype.kind == "f":
            assert np.isfinite(value).all(), f"{method} is not finite for {what}"


def check_rank_deficient(estimator, kind):
    """Average-referenced, duplicated and flat channels: finite or told."""
    X, y = make_trials(n_channels=4, kind="trials")
    referenced = X - X.mean(1, keepdims=True)
    duplicated = np.concatenate([X, X[:, :1]], axis=1)
    flat = X.copy()
    flat[:, 1] = 3.7
    for what, Z in (
        ("average reference", referenced),
        ("a duplicated channel", duplicated),
        ("a constant channel", flat),
    ):
        Z = Z if kind == "trials" else np.cov(Z[0]) * np.ones((len(Z), 1, 1))
        _finite_or_told(estimator, Z, y, what)


def check_short_trials(estimator, kind):
    """Trials of few samples, and a dead trial: finite or told."""
    if kind == "matrices":
        return
    for n_times in (2, 3, 5, 8, 12):
        X, y = make_trials(n_channels=3, n_times=n_times, kind="trials")
        _finite_or_told(estimator, X, y, f"{n_times} times a trial")
    X, y = make_trials(kind="trials")
    X[3] = 0.0
    _finite_or_told(estimator, X, y, "a trial of zeros")


def _assert_refused(call, what):
    try:
        call()
    except ValueError as error:
        assert len(str(error)) > 10, f"{what}: message {str(error)!r} does not help"
        return
    except Exception as error:
        raise AssertionError(
            f"{what} raises {type(error).__name__}, not ValueError: {error}"
        ) from error
    raise AssertionError(f"{what} is accepted silently")


def check_bad_values(estimator, kind):
    """NaN, infinity, complex and text are refused, in fit and afterwards."""
    X, y = make_trials(kind=kind)
    fitted = clone(estimator).fit(X, y)
    for what, value in (("NaN", np.nan), ("infinity", np.inf)):
        bad = X.copy()
        bad[2, 1, 1] = value
        _assert_refused(lambda bad=bad: clone(estimator).fit(bad, y), f"{what} in fit")
        _assert_refused(lambda bad=bad: outputs(fitted, bad), f"{what} after fit")
    _assert_refused(lambda: clone(estimator).fit(X * (1 + 1j), y), "complex input")
    text = np.full(X.shape, "a", dtype=object)
    _assert_refused(lambda: clone(estimator).fit(text, y), "text input")


def check_bad_shapes(estimator, kind):
    """Wrong numbers of dimensions, no trials, other channels: refused."""
    X, y = make_trials(kind=kind)
    fitted = clone(estimator).fit(X, y)
    _assert_refused(lambda: clone(estimator).fit(X[:, 0, 0], y), "1-D input")
    _assert_refused(lambda: clone(estimator).fit(X[:, 0], y), "2-D input")
    _assert_refused(lambda: clone(estimator).fit(X[..., None], y), "4-D input")
    _assert_refused(lambda: clone(estimator).fit(X[:0], y[:0]), "input without trials")
    _assert_refused(lambda: outputs(fitted, X[:0]), "an empty array after fit")
    _assert_refused(lambda: outputs(fitted, X[0]), "a single 2-D trial after fit")
    other, _ = make_trials(n_channels=4, kind=kind)
    _assert_refused(lambda: outputs(fitted, other), "another number of channels")
    ragged = [x if i else x[:, :-1] for i, x in enumerate(X)]
    _assert_refused(lambda: clone(estimator).fit(ragged, y), "trials of unequal length")


def check_bad_labels(estimator, kind):
    """No labels, too few, one class, continuous or NaN labels: refused."""
    X, y = make_trials(kind=kind)
    for what, labels in (
        ("y=None", None),
        ("y of another length", y[:-1]),
        ("a single class", np.zeros_like(y)),
        ("continuous y", y + 0.5 + np.linspace(0, 0.1, len(y))),
        ("y with NaN", np.where(y == 0, np.nan, 1.0)),
        ("2-D y", np.column_stack([y, y])),
    ):
        _assert_refused(lambda labels=labels: clone(estimator).fit(X, labels), what)


def check_bad_parameters(estimator, kind):
    """A parameter of an impossible type is refused in fit, and named."""
    X, y = make_trials(kind=kind)
    for name in estimator.get_params(deep=False):
        broken = clone(estimator).set_params(**{name: _Nonsense()})
        try:
            broken.fit(X, y)
        except (ValueError, TypeError) as error:
            assert name in str(error), (
                f"the message for {name} does not name it: {error}"
            )
        else:
            raise AssertionError(f"parameter {name} takes anything")


class _Nonsense:
    """A value that no parameter can mean."""

    def __repr__(self):
        return "<nonsense>"


CHECKS = [
    check_layouts,
    check_float32,
    check_read_only,
    check_units,
    check_rank_deficient,
    check_short_trials,
    check_bad_values,
    check_bad_shapes,
    check_bad_parameters,
]
CLASSIFIER_CHECKS = [check_bad_labels]
