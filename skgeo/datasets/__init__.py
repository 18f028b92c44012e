"""Data sets: an embedded EEG recording, generators, simulated systems."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_gaussian_clusters": ("make_gaussian_clusters",),
    },
)
