"""What a bug report needs to say about the machine."""

import importlib.metadata
import os
import platform
import sys

from skgeo._version import __version__

__all__ = ["show_versions"]

PACKAGES = (
    "skgeo",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "joblib",
    "threadpoolctl",
    "pyriemann",
    "mne",
    "moabb",
    "cvxpy",
    "matplotlib",
    "pandas",
)


def show_versions() -> None:
    """Print the versions of Python, skgeo and what it depends on.

    Paste the output into a bug report.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

    Examples
    --------
    >>> import skgeo
    >>> skgeo.show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    System:
        python: 3...
    """
    print("\nSystem:")
    print(f"    python: {platform.python_version()}")
    print(f"executable: {sys.executable}")
    print(f"   machine: {platform.platform()}")
    print(f"     cores: {os.cpu_count()}")
    print("\nPackages:")
    for name in PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = __version__ if name == "skgeo" else "not installed"
        print(f"{name:>13}: {version}")
    print("\nThreads:")
    from threadpoolctl import threadpool_info

    for pool in threadpool_info():
        print(
            f"{pool.get('internal_api', '?'):>13}: {pool.get('version')}, "
            f"{pool.get('num_threads')} threads, {pool.get('prefix')}"
        )
