"""Errors and warnings of skgeo, in one place."""

__all__ = [
    "FilterDivergenceWarning",
    "InvalidParameterError",
    "LongFitWarning",
    "ModelErrorWarning",
    "NoNetworkError",
    "NotPositiveDefiniteError",
    "SaturatedModelWarning",
    "UnusedParameterWarning",
]


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value that its estimator or function cannot use."""


class NotPositiveDefiniteError(ValueError):
    """A matrix that has to be positive definite is not."""


class NoNetworkError(OSError):
    """A data set is not on this machine, and the network cannot be reached."""


class LongFitWarning(UserWarning):
    """A computation will take long; the message says how long and what shortens it."""


class ModelErrorWarning(UserWarning):
    """Something in the data or the result makes a discovered model error doubtful."""


class FilterDivergenceWarning(UserWarning):
    """An ensemble filter has lost the truth: its spread no longer covers its errors."""


class SaturatedModelWarning(UserWarning):
    """A sparse model has so many terms that its data cannot tell it from noise."""


class UnusedParameterWarning(UserWarning):
    """A parameter that was set has no effect with the other parameters as given."""
