"""Clustering with proofs: K-means by semidefinite programming, k-medoids."""

from skgeo.cluster._certificate import KMeansCertificate, certify_kmeans
from skgeo.cluster._exact_kmeans import ExactKMeans
from skgeo.cluster._kmedoids import (
    KMedoids,
    KMedoidsCertificate,
    certify_kmedoids,
)
from skgeo.cluster._likelihood_adjusted import LikelihoodAdjustedSDP
from skgeo.cluster._sdp_kmeans import SDPKMeans

__all__ = [
    "ExactKMeans",
    "KMeansCertificate",
    "KMedoids",
    "KMedoidsCertificate",
    "LikelihoodAdjustedSDP",
    "SDPKMeans",
    "certify_kmeans",
    "certify_kmedoids",
]
