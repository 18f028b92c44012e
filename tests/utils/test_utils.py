"""Parameter rules, validation, threads and callbacks."""

import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator

from skgeo.exceptions import UnusedParameterWarning
from skgeo.utils import params, validation
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import (
    _controller,
    chunk_slices,
    map_threads,
    single_blas_thread,
)
from skgeo.utils.solver_result import SolverResult


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (params.Real(0, 1), [0, 1, 0.5, np.float32(0.1)], [-0.1, 2, True, "a", np.nan]),
        (params.Real(0, closed="neither"), [1e-9], [0, np.inf]),
        (params.Real(0, 1, closed="left"), [0], [1]),
        (params.Integer(1), [1, np.int64(3)], [0, 1.0, True, None]),
        (params.OneOf("a", "b"), ["a"], ["c", None, 1]),
        (params.Boolean(), [True, np.bool_(False)], [0, "True"]),
        (params.Null() | params.Integer(2), [None, 2], [1, "x"]),
        (params.SequenceOf(params.Integer(1)), [(1, 2), np.arange(1, 3)], [(), "12"]),
        (params.RandomState(), [None, 0, np.random.RandomState(0)], [-1, 1.5, 2**32]),
        (params.Callable(), [len], [1]),
        (params.Instance(dict, "a dict"), [{}], [[]]),
    ],
)  # fmt: skip
def test_rules(rule, good, bad):
    assert all(rule.accepts(value) for value in good)
    assert not any(rule.accepts(value) for value in bad)
    assert str(rule)


def test_check_params_names_everything():
    class Estimator(BaseEstimator):
        _param_rules = {"tol": params.Real(0, 1) | params.OneOf("auto")}

        def __init__(self, tol="auto"):
            self.tol = tol

    params.check_params(Estimator())
    message = (
        "Estimator: parameter 'tol' must be a finite number >= 0 and <= 1 or 'auto'; "
        "got -3 of type int."
    )
    with pytest.raises(ValueError, match="tol") as caught:
        params.check_params(Estimator(-3))
    assert str(caught.value) == message
    with pytest.raises(TypeError):
        params.check_params(Estimator(None))


def test_check_params_takes_the_arguments_of_a_function():
    rules = {"n": params.Integer(1), "tol": params.Real(0.0)}
    checked = params.check_params("solve", rules, {"n": np.int8(100), "tol": 0})
    assert checked.n * checked.n == 10_000
    assert type(checked.n) is int
    with pytest.raises(ValueError, match="solve: argument 'n' must be an integer >= 1"):
        params.check_params("solve", rules, {"n": 0, "tol": 0})


@pytest.mark.parametrize("value", [5e-324, 1e-101, 1e101, 1e300])
def test_numbers_that_arithmetic_cannot_use_are_refused(value):
    with pytest.raises(ValueError, match="of magnitude 1e-100 to 1e"):
        params.check_params("solve", {"C": params.Real(0.0)}, {"C": value})


def test_parameters_without_effect_warn():
    class Estimator(BaseEstimator):
        _param_rules = {"kind": params.OneOf("a", "b"), "orders": params.OneOf("auto")}
        _param_rules["orders"] |= params.SequenceOf(params.Integer(1))
        _unused_params = (
            params.Unused("orders", lambda p: p.kind == "a", "kind is 'a'"),
        )

        def __init__(self, kind="a", orders="auto"):
            self.kind = kind
            self.orders = orders

        def fit(self):
            params.check_params(self)

    with pytest.warns(
        UnusedParameterWarning, match="'orders' has no effect because kind is 'a'"
    ) as caught:
        Estimator(orders=[1]).fit()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Estimator().fit()
        Estimator("b", orders=np.array([1, 2])).fit()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 4)), "one trial is X"),
        (np.zeros((3, 4, 5, 6)), "filter bank"),
        (np.zeros((0, 2, 5)), "0 trial"),
        (np.zeros((2, 0, 5)), "0 channel"),
        (np.zeros((2, 2, 1)), "1 time"),
        (np.zeros((2, 2, 5), dtype=complex), "Complex data not supported"),
        (np.full((2, 2, 5), "a"), "numeric"),
        ([[[1.0, 2.0]], [[1.0]]], "not a regular array"),
    ],
)
def test_bad_trials(X, message):
    with pytest.raises(ValueError, match=message):
        validation.check_trials(X)


def test_bad_values_are_located():
    X = np.zeros((9, 2, 5))
    X[[1, 3, 4, 5, 6, 7, 8], 0, 0] = np.nan
    with pytest.raises(
        ValueError, match=r"NaN in 7 of 9 trials \(indices 1, 3, 4, 5, 6, \.\.\.\)"
    ):
        validation.check_trials(X)
    X[:] = 1e308  # the sum overflows, the values are finite
    assert_array_equal(validation.check_trials(X), X)


def test_labels():
    X = np.zeros((4, 1, 2))
    classes, codes = validation.check_trials_y(["b", "a", "b", "a"], X)
    assert classes.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0, 1, 0]
    for y, message in (
        (None, "requires y"),
        ([0, 1], "inconsistent"),
        ([0.0, np.nan, 1, 1], "NaN"),
        ([1, 1, 1, 1], "1 class"),
        ([[0, 1]] * 4, "1d array"),
    ):
        with pytest.raises(ValueError, match=message):
            validation.check_trials_y(y, X)


def test_weights_and_groups():
    assert_allclose(validation.check_sample_weight(None, 4), 0.25)
    assert_allclose(validation.check_sample_weight([1, 3], 2), [0.25, 0.75])
    assert_allclose(validation.check_sample_weight([1e308, 1e308], 2), 0.5)
    for weight, message in (
        ([1], "shape"),
        ([1, -1], "non-negative"),
        ([0, 0], "zero"),
    ):
        with pytest.raises(ValueError, match=message):
            validation.check_sample_weight(weight, 2)
    values, codes = validation.check_group_labels(["s2", "s1"], np.zeros(2), "subjects")
    assert values.tolist() == ["s1", "s2"]
    assert codes.tolist() == [1, 0]
    with pytest.raises(ValueError, match="subjects"):
        validation.check_group_labels(["s2"], np.zeros(2), "subjects")


def blas_threads():
    return {m["num_threads"] for m in _controller().info() if m["user_api"] == "blas"}


@pytest.fixture
def two_blas_threads():
    with _controller().limit(limits=2, user_api="blas"):
        yield


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_is_capped_and_restored():
    before = blas_threads()
    assert before == {2}
    with single_blas_thread(), single_blas_thread():
        assert blas_threads() == {1}
    assert blas_threads() == before
    with pytest.raises(RuntimeError), single_blas_thread():
        raise RuntimeError
    assert blas_threads() == before


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_cap_from_several_threads():
    before = blas_threads()
    barrier = threading.Barrier(4)
    seen = []

    def work():
        for _ in range(20):
            with single_blas_thread():
                barrier.wait(timeout=300)
                seen.append(blas_threads())
                barrier.wait(timeout=300)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert set().union(*seen) == {1}
    assert blas_threads() == before


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_map_threads_keeps_order(n_jobs):
    assert map_threads(lambda i: i * i, range(20), n_jobs) == [i * i for i in range(20)]


def test_chunk_slices():
    for n, k in ((10, 3), (2, 5), (7, 1)):
        slices = chunk_slices(n, k)
        assert np.concatenate([np.arange(n)[s] for s in slices]).tolist() == list(
            range(n)
        )
        assert len(slices) == min(n, k)


def test_solver_result_is_frozen():
    result = SolverResult(1.0, np.zeros(1), 0.0, 1, True)
    with pytest.raises(AttributeError):
        result.x = 2.0


class Iterative(CallbackMixin, BaseEstimator):
    def __init__(self, max_iter=5):
        self.max_iter = max_iter

    @with_callbacks
    def fit(self, X, y=None):
        self.n_iter_ = 0
        with self._iterations(self.max_iter, X=X, attributes=dict) as tick:
            for i in range(self.max_iter):
                self.n_iter_ += 1
                if tick({"value_": i}):
                    break
        return self


def test_without_callbacks_fit_just_runs():
    assert Iterative().fit(np.zeros((2, 2))).n_iter_ == 5


def test_callbacks_see_iterations_and_stop():
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    seen = []

    class Recorder:
        def setup(self, estimator, context):
            seen.append("setup")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name != "iteration":
                return False
            seen.append(fitted_estimator.value_)
            return fitted_estimator.value_ == 2

        def teardown(self, estimator, context):
            seen.append("teardown")

    model = Iterative().set_callbacks(Recorder()).fit(np.zeros((2, 2)))
    assert model.n_iter_ == 3
    assert seen == ["setup", 0, 1, 2, "teardown"]
