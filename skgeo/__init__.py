"""scikit-learn-compatible estimators for structured signals and dynamics.

Importing ``skgeo`` is cheap: every subpackage is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from skgeo._version import __version__

if TYPE_CHECKING:
    from skgeo import (
        cluster,
        datasets,
        decomposition,
        dynamics,
        eeg,
        exceptions,
        linear_model,
        plotting,
        testing,
    )
    from skgeo._show_versions import show_versions

__all__ = [
    "__version__",
    "cluster",
    "datasets",
    "decomposition",
    "dynamics",
    "eeg",
    "exceptions",
    "linear_model",
    "plotting",
    "show_versions",
    "testing",
    "warmup",
]

_SUBPACKAGES = frozenset(__all__) - {"__version__", "show_versions", "warmup"}


# Hidden from type checkers, which would take any name for an attribute.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name == "show_versions":
            return import_module("skgeo._show_versions").show_versions
        if name in _SUBPACKAGES:
            return import_module(f"skgeo.{name}")
        raise AttributeError(f"module 'skgeo' has no attribute {name!r}")


def __dir__():
    return __all__


def warmup(n_jobs: int | None = None) -> int:
    """Compile every numba kernel of skgeo, or load it from numba's disk cache.

    Call it before timing anything, and once when a container image is built:
    the first call of a kernel costs one to two seconds when it is compiled and
    some tenths of a second when it comes from the cache.

    Parameters
    ----------
    n_jobs : int, default=None
        Number of processes that compile at a time; -1 for one per core.

    Returns
    -------
    n_kernels : int
        Number of kernels that are now compiled.

    Examples
    --------
    >>> import skgeo
    >>> skgeo.warmup() > 0
    True
    """
    from skgeo.kernels import warmup_all

    return warmup_all(n_jobs)
