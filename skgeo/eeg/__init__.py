"""Augmented-covariance classification of EEG, at home in MOABB."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "classification": ("AugmentedCovarianceClassifier",),
        "covariance": ("AugmentedCovariances",),
        "embedding": ("DelayEmbedding",),
        "online": (
            "StreamDecoder",
            "information_transfer_rate",
            "label_windows",
            "normalised_mcc",
        ),
        "search": ("AugmentedCovarianceClassifierCV",),
        "selection": ("Embedding", "select_embedding"),
        "evaluation": ("evaluate",),
        "moabb": ("param_grids", "pipeline_folder", "pipelines"),
        "report": ("write_report",),
        "tangent": ("TangentMap",),
        "transfer": ("RecentredCovarianceClassifier",),
    },
)
