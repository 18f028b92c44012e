"""Short numba kernels: arrays in, arrays out, no validation, no randomness.

Every module of this package holds kernels decorated with
:func:`skgeo.kernels._jit.jit` and one ``warmup`` function that calls each of
them once on tiny data.  Nothing here imports a solver or an estimator.
"""

import pathlib
import pkgutil
from importlib import import_module

from joblib import Parallel, delayed, effective_n_jobs

__all__ = ["kernel_modules", "warmup_all"]


def kernel_modules():
    """Import and return every kernel module of the package.

    Returns
    -------
    modules : list of module
        The modules, sorted by name.
    """
    names = sorted(
        info.name
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    )
    return [import_module(f"{__name__}.{name}") for name in names]


def _warmup(name):
    import_module(f"{__name__}.{name}").warmup()


def warmup_all(n_jobs=None):
    """Run the ``warmup`` function of every kernel module.

    Parameters
    ----------
    n_jobs : int, optional
        Number of processes that compile at a time, into numba's cache on disk; this
        process loads the kernels from there afterwards.

    Returns
    -------
    n_kernels : int
        Number of registered kernels.
    """
    from skgeo.kernels._jit import KERNELS

    modules = kernel_modules()
    if effective_n_jobs(n_jobs) > 1:
        # The longest sources first, so that no process is left with one at the end.
        longest = sorted(
            modules, key=lambda m: -pathlib.Path(m.__file__).stat().st_size
        )
        names = [module.__name__.rpartition(".")[2] for module in longest]
        Parallel(n_jobs, batch_size=1)(delayed(_warmup)(name) for name in names)
    for module in modules:
        module.warmup()
    return len(KERNELS)
