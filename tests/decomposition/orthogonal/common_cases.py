"""Instances of OnlineOrthogonalDictionary for scikit-learn's checks."""

from skgeo.decomposition import OnlineOrthogonalDictionary

ESTIMATORS = [
    OnlineOrthogonalDictionary(),
    OnlineOrthogonalDictionary(4, whiten=True, center=True, clip_norm=3.0),
    OnlineOrthogonalDictionary(step="constant", transform_algorithm="top_k"),
    OnlineOrthogonalDictionary(n_components=1, init="dct"),
    OnlineOrthogonalDictionary(init="pca", whiten=True),
]
EXPECTED_FAILURES = {}
