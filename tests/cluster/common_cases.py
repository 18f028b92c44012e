"""Instances for scikit-learn's estimator checks."""

from skgeo.cluster import ExactKMeans, KMedoids, LikelihoodAdjustedSDP, SDPKMeans

ESTIMATORS = [
    KMedoids(n_clusters=3, random_state=0),
    KMedoids(n_clusters=3, metric="sine", random_state=0),
    SDPKMeans(n_clusters=3, random_state=0),
    SDPKMeans(n_clusters=3, solver="dense", tol=1e-3),
    SDPKMeans(n_clusters=3, solver="lowrank", tol=1e-3),
    ExactKMeans(n_clusters=3, n_init=2, n_swaps=5, max_nodes=2, random_state=0),
    LikelihoodAdjustedSDP(n_clusters=3, random_state=0),
]
EXPECTED_FAILURES = {}
