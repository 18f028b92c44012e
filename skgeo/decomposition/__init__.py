"""Dictionary learning: supervised, and online orthogonal."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_online_orthogonal": ("OnlineOrthogonalDictionary",),
        "_supervised_dictionary": ("SupervisedDictionaryLearning",),
    },
)
