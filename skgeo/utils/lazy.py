"""Public names that are imported on first use (PEP 562)."""

from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(package, where):
    """Build ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Name of the package.
    where : dict of str to tuple of str
        Submodule name -> the public names it holds.

    Returns
    -------
    getattr_, dir_ : callable
        Functions for the package's ``__getattr__`` and ``__dir__``.
    all_ : list of str
        Sorted public names.
    """
    home = {name: module for module, names in where.items() for name in names}

    def getattr_(name):
        if name in home:
            return getattr(import_module(f"{package}.{home[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    all_ = sorted(home)
    return getattr_, lambda: all_, all_
