"""Warnings that point at the user's line."""

import sys
import warnings

__all__ = ["warn_user"]

# What stands between the user's call and ours: decorators of fit, pipelines, searches.
_PASSED_OVER = ("skgeo", "sklearn", "joblib", "contextlib")


def warn_user(message, category=UserWarning):
    """Warn at the nearest caller outside skgeo and scikit-learn.

    Parameters
    ----------
    message : str
        What was found, why it matters, what to do.
    category : type, default=UserWarning
        Class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _PASSED_OVER:
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
