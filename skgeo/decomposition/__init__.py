"""Dictionary learning: supervised, and online orthogonal."""

from skgeo.decomposition._online_orthogonal import OnlineOrthogonalDictionary
from skgeo.decomposition._patch_codes import PooledPatchCodes
from skgeo.decomposition._supervised_dictionary import SupervisedDictionaryLearning

__all__ = [
    "OnlineOrthogonalDictionary",
    "PooledPatchCodes",
    "SupervisedDictionaryLearning",
]
