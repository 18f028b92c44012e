"""Find the public estimators."""

import inspect
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["all_estimators"]

_PACKAGES = ("cluster", "decomposition", "dynamics", "eeg", "linear_model")


def all_estimators() -> Any:
    """List every public estimator of skgeo.

    Returns
    -------
    estimators : list of (str, type)
        Name and class, sorted by name.
    """
    found = {}
    for package in _PACKAGES:
        try:
            module = import_module(f"skgeo.{package}")
        except ModuleNotFoundError as error:
            if error.name != f"skgeo.{package}":
                raise
            continue
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, BaseEstimator):
                found[name] = value
    return sorted(found.items())
