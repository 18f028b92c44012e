"""A stream is first class: chunks, checkpoints, memory, dask."""

import pickle
import subprocess
import sys
import textwrap
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skgeo.decomposition import OnlineOrthogonalDictionary

N = 6
# Batches small enough that rows are kept and gone over again in streams this short.
VARIANTS = [
    {},
    {"batch_size": 12},
    {"exponent": 4, "batch_size": 7},
    {"step": "constant", "batch_size": 1},
    {"center": True, "whiten": True, "clip_norm": 3.0, "batch_size": 12},
    {"center": True, "whiten": True, "step": "constant", "batch_size": 12},
    {"n_components": 3, "batch_size": 12},
    {"n_components": 3, "whiten": True, "center": True, "batch_size": 7},
]
FITTED = (
    "components_",
    "unmixing_",
    "mean_",
    "gap_",
    "n_steps_",
    "n_samples_seen_",
    "n_replayed_",
)


def stream(seed, n_samples):
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n_samples, N)) * (rng.random((n_samples, N)) < 0.3)
    return Z @ np.linalg.qr(rng.standard_normal((N, N)))[0]


def assert_same(a, b):
    for name in FITTED:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("params", VARIANTS)
@given(
    cuts=st.lists(st.integers(1, 399), max_size=12),
    look=st.booleans(),
    seed=st.integers(0, 100),
)
@settings(max_examples=12, deadline=None)
def test_chunks_make_no_difference(params, cuts, look, seed):
    X = stream(seed, 400)
    whole = OnlineOrthogonalDictionary(random_state=0, **params)
    cut = clone(whole)
    whole.partial_fit(X)
    for chunk in np.split(X, sorted(set(cuts))):
        cut.partial_fit(chunk)
        if look:  # asking in between must not disturb the stream
            assert np.isfinite(cut.components_).all()
    assert_same(whole, cut)


@pytest.mark.parametrize("params", VARIANTS)
def test_row_by_row(params):
    X = stream(1, 60)
    whole = OnlineOrthogonalDictionary(random_state=0, **params)
    single = clone(whole)
    for row in X:
        single.partial_fit(row[None])
    assert_same(whole.partial_fit(X), single)


@pytest.mark.parametrize("params", VARIANTS)
@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fit_is_partial_fit_over_and_over(params, passes):
    X = stream(2, 203)
    fitted = OnlineOrthogonalDictionary(
        random_state=0, shuffle=False, max_iter=passes, tol=0.0, **params
    )
    fed = clone(fitted)
    fitted.fit(X)
    for _ in range(passes):
        fed.partial_fit(X)
    assert_same(fitted, fed)


@pytest.mark.parametrize("params", VARIANTS)
def test_checkpoint_and_go_on(params):
    X = stream(3, 500)
    straight = OnlineOrthogonalDictionary(random_state=0, **params)
    saved = pickle.dumps(clone(straight).partial_fit(X[:237]))
    resumed = pickle.loads(saved).partial_fit(X[237:])
    assert_same(straight.partial_fit(X), resumed)


def test_every_waiting_row_counts():
    """What is shown changes with each row, before a batch is full."""
    X = stream(4, 30)
    model = OnlineOrthogonalDictionary(batch_size=100, random_state=0)
    shown = [model.partial_fit(row[None]).components_ for row in X if row.any()]
    assert all(np.abs(a - b).max() > 0 for a, b in pairwise(shown))
    assert model.n_steps_ == 1


def test_order_of_fit_is_reproducible():
    X = stream(5, 300)
    model = OnlineOrthogonalDictionary(random_state=7, max_iter=3, tol=1.0)
    assert_same(clone(model).fit(X), clone(model).fit(X))


def test_memory_does_not_grow_with_the_stream():
    n = 40
    rng = np.random.default_rng(0)
    chunk = rng.standard_normal((2000, n))
    model = OnlineOrthogonalDictionary(center=True, whiten=True, random_state=0)
    model.partial_fit(chunk).partial_fit(chunk)
    size = len(pickle.dumps(model))
    tracemalloc.start()
    peaks = []
    for _ in range(2):
        tracemalloc.reset_peak()
        for _ in range(3):
            model.partial_fit(chunk)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] + 20_000
    kept = 64 * n * n * 8  # Gaussian rows: no dictionary is ever found in them
    # Work space: 60 matrices, 65 with NumPy 2.0, whose temporaries are larger.
    assert peaks[1] < kept + 70 * n * n * 8
    assert len(pickle.dumps(model)) <= size + 200 + 8 * n  # atoms not determined
    judged_by = 32 * n * n * 4  # codes before a verdict, in single precision
    assert size < kept + judged_by + 14 * n * n * 8


def test_no_row_is_kept_once_a_dictionary_is_found():
    X = stream(20, 2400)
    model = OnlineOrthogonalDictionary(batch_size=12, random_state=0)
    model.partial_fit(X[:300])
    assert len(model._stream.kept) > 10
    assert model.n_replayed_ > 0
    model.partial_fit(X[300:2000])
    assert model._stream.kept == []
    replayed = model.n_replayed_
    model.partial_fit(X[2000:])
    assert model.n_replayed_ == replayed


OUT_OF_CORE = """
    import resource
    import dask
    import dask.array as da
    import numpy as np
    from skgeo.decomposition import OnlineOrthogonalDictionary

    n, chunk = 16, 10_000
    D = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]

    def draw(block_id, block_shape):
        rng = np.random.default_rng(block_id)
        Z = rng.standard_normal(block_shape) * (rng.random(block_shape) < 0.2)
        return Z @ D

    def block(block_info=None):
        info = block_info[None]
        return draw(info["chunk-location"], info["chunk-shape"])

    X = da.map_blocks(
        block, chunks=((chunk,) * 40, (n,)), dtype=float, meta=np.empty((0, 0))
    )
    model = OnlineOrthogonalDictionary(batch_size=256, random_state=0)
    model.partial_fit(draw(99, (256, n)))
    with dask.config.set(scheduler="synchronous"):
        {warm}
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + 24 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        assert X.nbytes > 2 * 24 * 2**20, X.nbytes
        try:
            X.compute()
        except MemoryError:
            print("too large to hold")
        {learn}
    print(model.n_samples_seen_, 1 - np.sum((model.components_ @ D.T) ** 4) / n)
"""


def run_out_of_core(warm, learn):
    code = textwrap.dedent(OUT_OF_CORE)
    for name, lines in (("{warm}", warm), ("{learn}", learn)):
        code = code.replace(name, "\n    ".join(lines))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said, last = done.stdout.strip().splitlines()
    assert said == "too large to hold"
    n_seen, error = last.split()
    assert int(n_seen) >= 40 * 10_000
    assert float(error) < 0.001


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by RLIMIT_AS")
def test_dask_array_larger_than_memory():
    """The chain of tasks that an incremental fit is, under a cap on memory."""
    pytest.importorskip("dask.array")
    run_out_of_core(
        ["X[:chunk].compute()"],
        [
            "step = dask.delayed(lambda m, block: m.partial_fit(block))",
            "task = dask.delayed(model)",
            "for part in X.to_delayed().ravel():",
            "    task = step(task, part)",
            "model = task.compute()",
        ],
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by RLIMIT_AS")
def test_dask_ml_incremental():
    pytest.importorskip("dask_ml.wrappers")
    run_out_of_core(
        ["from dask_ml.wrappers import Incremental", "X[:chunk].compute()"],
        ["model = Incremental(model, shuffle_blocks=False).partial_fit(X).estimator_"],
    )


def test_a_huge_limit_clips_nothing():
    X = np.random.default_rng(0).laplace(size=(40, 3)).astype(np.float32)
    fits = []
    for clip_norm in (1e30, 1e300):
        with np.errstate(over="raise"):
            fits.append(
                OnlineOrthogonalDictionary(clip_norm=clip_norm, random_state=0).fit(X)
            )
    np.testing.assert_array_equal(fits[0].components_, fits[1].components_)
