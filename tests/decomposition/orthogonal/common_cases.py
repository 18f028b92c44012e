"""Instances of online dictionaries and patch codes for scikit-learn's checks."""

from skgeo.decomposition import OnlineOrthogonalDictionary, PooledPatchCodes

ESTIMATORS = [
    OnlineOrthogonalDictionary(),
    OnlineOrthogonalDictionary(4, whiten=True, center=True, clip_norm=3.0),
    OnlineOrthogonalDictionary(step="constant", transform_algorithm="top_k"),
    OnlineOrthogonalDictionary(n_components=1, init="dct"),
    OnlineOrthogonalDictionary(init="pca", whiten=True),
    PooledPatchCodes(),
    PooledPatchCodes(2, 1, dictionary="dct"),
]
EXPECTED_FAILURES = {}
