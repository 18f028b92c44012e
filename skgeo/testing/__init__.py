"""Public checks for estimators, beyond those of scikit-learn."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_discovery": ("all_estimators",),
    },
)
