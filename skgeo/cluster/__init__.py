"""Clustering by semidefinite programming, and proofs of K-means optimality."""

from skgeo.cluster._certificate import KMeansCertificate, certify_kmeans
from skgeo.cluster._exact_kmeans import ExactKMeans
from skgeo.cluster._likelihood_adjusted import LikelihoodAdjustedSDP
from skgeo.cluster._sdp_kmeans import SDPKMeans

__all__ = [
    "ExactKMeans",
    "KMeansCertificate",
    "LikelihoodAdjustedSDP",
    "SDPKMeans",
    "certify_kmeans",
]
