"""Threads outside, one BLAS thread inside.

BLAS libraries start their own threads for every call.  On a batch of small
matrices that is many times slower than one thread, so each batch runs under
:func:`single_blas_thread`, and parallelism, where asked for, comes from threads
over trials or grid points (:func:`map_threads`).
"""

import threading
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import pairwise

from joblib import Parallel, delayed, effective_n_jobs

__all__ = [
    "chunk_slices",
    "map_threads",
    "single_blas_thread",
    "single_openmp_thread",
]

_lock = threading.Lock()
_depth = 0
_limiter = None


@lru_cache(maxsize=1)
def _controller():
    # Scanning the loaded libraries costs milliseconds: do it once, after both
    # numpy's and scipy's BLAS have been loaded.
    import numpy.linalg  # noqa: F401  (loads numpy's BLAS)
    import scipy.linalg  # noqa: F401  (loads scipy's BLAS)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@lru_cache(maxsize=1)
def _limits_are_per_thread():
    """Whether some BLAS takes a limit for the calling thread only (MKL, OpenMP)."""
    return any(
        info["user_api"] == "blas" and info.get("threading_layer") != "pthreads"
        for info in _controller().info()
    )


def _take_control():
    # threadpoolctl >= 3.8 lets only the thread that set OpenBLAS's limit change it. The
    # counter below decides instead: the last to leave need not be the first to enter.
    for library in _controller().lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


@contextmanager
def single_blas_thread():
    """Cap BLAS at one thread; re-entrant and safe to enter from several threads.

    Where the cap is process-wide it is counted: the first to enter sets it, the last
    to leave lifts it.
    """
    global _depth, _limiter
    if _limits_are_per_thread():
        with _controller().limit(limits=1, user_api="blas"):
            yield
        return
    with _lock:
        if _depth == 0:
            _take_control()
            _limiter = _controller().limit(limits=1, user_api="blas")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _take_control()
                _limiter.restore_original_limits()
                _take_control()
                _limiter = None


@contextmanager
def single_openmp_thread(applies=True):
    """Cap OpenMP at one thread for calls of the calling thread.

    On a few hundred samples scikit-learn's own threads cost more than they bring: they
    spin while they wait for each other.

    Parameters
    ----------
    applies : bool, default=True
        False to change nothing.
    """
    if not applies:
        yield
        return
    with _controller().limit(limits=1, user_api="openmp"):
        yield


class _Failure:
    """An error of a task, carried back to the caller."""

    def __init__(self, error):
        self.error = error


def _capped(function, task):
    with single_blas_thread():
        try:
            return function(task)
        except Exception as error:
            # Raised by the caller: joblib would wrap it in the traceback of a worker,
            # and hide from the user which argument is to blame.
            return _Failure(error)


def map_threads(function, tasks, n_jobs=None, *, shared_memory=False):
    """Apply a function to each task, in threads, BLAS capped at one thread.

    Goes through joblib with a soft preference for threads, so that
    ``joblib.parallel_config(backend=...)`` can send the tasks elsewhere.

    Parameters
    ----------
    function : callable
        Called with one task; picklable if another backend is to be used.
    tasks : iterable
        The tasks.
    n_jobs : int or None, default=None
        Number of threads as in joblib; None means one, unless a
        ``joblib.parallel_config`` says otherwise.
    shared_memory : bool, default=False
        The function writes into arrays it shares: threads only.

    Returns
    -------
    results : list
        One result per task, in order.
    """
    tasks = list(tasks)
    with single_blas_thread():
        if len(tasks) < 2 or effective_n_jobs(n_jobs) == 1:
            return [function(task) for task in tasks]
        # Workers cap for themselves: the limit may be per thread, or they may be
        # other processes.
        function = partial(_capped, function)
        where = {"require": "sharedmem"} if shared_memory else {"prefer": "threads"}
        results = Parallel(n_jobs=n_jobs, **where)(
            delayed(function)(task) for task in tasks
        )
        for result in results:
            if isinstance(result, _Failure):
                raise result.error
        return results


def chunk_slices(n_items, n_chunks):
    """Cut ``range(n_items)`` into at most ``n_chunks`` slices of nearly equal length.

    Parameters
    ----------
    n_items : int
        Number of items.
    n_chunks : int
        Wanted number of chunks.

    Returns
    -------
    slices : list of slice
        Consecutive, non-empty slices.
    """
    n_chunks = max(1, min(n_chunks, n_items))
    edges = [n_items * i // n_chunks for i in range(n_chunks + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
