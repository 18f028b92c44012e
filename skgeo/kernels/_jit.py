"""The one decorator of every kernel."""

from numba import njit

__all__ = ["KERNELS", "jit"]

# Every kernel that solvers call, so that a test can ask which of them warmup() misses.
# Private helpers are inlined: they stay uncompiled when their callers come from cache.
KERNELS: list = []


def jit(function=None, *, fastmath=False):
    """Compile a kernel lazily, cache it on disk and release the GIL in it.

    Signatures stay lazy because an explicit one refuses read-only arrays, which
    is what joblib hands to worker processes.  ``parallel=True`` is not offered:
    threads run over trials, outside the kernels.

    Parameters
    ----------
    function : callable, optional
        The function to compile; left out when the decorator takes arguments.
    fastmath : bool or set of str, default=False
        LLVM flags.  Only ``{"contract", "reassoc"}`` are safe here: the kernels
        rely on NaN and infinity being seen.

    Returns
    -------
    kernel : numba dispatcher
        The compiled function, or the plain one under ``NUMBA_DISABLE_JIT=1``.
    """
    if function is None:
        return lambda f: jit(f, fastmath=fastmath)
    kernel = njit(cache=True, nogil=True, error_model="numpy", fastmath=fastmath)(
        function
    )
    if not function.__name__.startswith("_"):
        KERNELS.append(kernel)
    return kernel
