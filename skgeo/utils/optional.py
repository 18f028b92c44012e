"""Optional packages: a clear message where one is missing."""

from importlib import import_module

__all__ = ["import_optional"]


def import_optional(module, *, extra):
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        The extra of skgeo that installs it.

    Returns
    -------
    module : module
        The module.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, something it needs is not
        raise ModuleNotFoundError(
            f"This part of skgeo needs {package!r}, which is not installed: "
            f'pip install "skgeo[{extra}]"',
            name=package,
        ) from error
