"""Augmented-covariance classification of EEG, at home in MOABB."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "classification": ("AugmentedCovarianceClassifier",),
        "covariance": ("AugmentedCovariances",),
        "embedding": ("DelayEmbedding",),
        "tangent": ("TangentMap",),
    },
)
