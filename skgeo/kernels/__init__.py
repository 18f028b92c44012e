"""Short numba kernels: arrays in, arrays out, no validation, no randomness.

Every module of this package holds kernels decorated with
:func:`skgeo.kernels._jit.jit` and one ``warmup`` function that calls each of
them once on tiny data.  Nothing here imports a solver or an estimator.
"""

import pkgutil
from importlib import import_module

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


def warmup_all():
    """Run the ``warmup`` function of every kernel module.

    Returns
    -------
    n_kernels : int
        Number of registered kernels.
    """
    from skgeo.kernels._jit import KERNELS

    for module in kernel_modules():
        module.warmup()
    return len(KERNELS)
