"""Instances of OnlineOrthogonalDictionary for scikit-learn's checks."""

from skgeo.decomposition import OnlineOrthogonalDictionary

ESTIMATORS = [
    OnlineOrthogonalDictionary(),
    OnlineOrthogonalDictionary(p=4, whiten=True, center=True, clip_norm=3.0),
    OnlineOrthogonalDictionary(step="constant", transform_algorithm="top_k"),
]
EXPECTED_FAILURES = {}
