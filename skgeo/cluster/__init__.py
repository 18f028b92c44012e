"""Clustering by semidefinite programming, and proofs of K-means optimality."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_certificate": ("KMeansCertificate", "certify_kmeans"),
        "_likelihood_adjusted": ("LikelihoodAdjustedSDP",),
        "_sdp_kmeans": ("SDPKMeans",),
    },
)
