"""What a user writes, with mistakes that a type checker has to find.

Each line with a mistake ends in ``# error``; all others must pass.
"""

import numpy as np

import skgeo
from skgeo.cluster import (
    KMeansCertificate,
    SDPKMeans,
    certify_kmeans,
)
from skgeo.datasets import (
    from_arrays,
    make_observation_pairs,
)
from skgeo.decomposition import OnlineOrthogonalDictionary, SupervisedDictionaryLearning
from skgeo.dynamics import MEDIDA, EnsembleKalmanFilter, PDELibrary1D
from skgeo.eeg import AugmentedCovarianceClassifier, AugmentedCovariances, TangentMap
from skgeo.exceptions import ModelErrorWarning
from skgeo.linear_model import KroneckerSBL, SparseBayesianRegressor

from skgeo.cluster import SDPKMean  # error
from skgeo.datasets import form_arrays  # error

X = np.zeros((10, 3))
y = [0, 1] * 5

SDPKMeans(3, random_state=0).fit(X).predict(X)
SDPKMeans(n_cluster=3)  # error
SDPKMeans("three")  # error
SDPKMeans(3, 1e-4)  # error
certificate: KMeansCertificate = certify_kmeans(X, y)
number: int = certify_kmeans(X, y)  # error
certify_kmeans(X)  # error

AugmentedCovarianceClassifier(4, 4).fit(np.zeros((4, 3, 100)), [0, 1, 0, 1])
AugmentedCovarianceClassifier(order=[4])  # error
AugmentedCovarianceClassifier(4, 4, "scm")  # error
AugmentedCovariances(2, 2).fit_transform(np.zeros((4, 3, 100)))
AugmentedCovariances(delay=2)  # error
TangentMap().fit(X, y, 3, 4)  # error

SupervisedDictionaryLearning(n_components=4).fit(X, y).transform(X)
SupervisedDictionaryLearning(n_components="all")  # error
OnlineOrthogonalDictionary(center=True).partial_fit(X)
OnlineOrthogonalDictionary(centering=True)  # error

SparseBayesianRegressor(tol=1e-4).fit(X, y)
SparseBayesianRegressor(max_iter="many")  # error
KroneckerSBL([np.eye(3)]).fit(X)
KroneckerSBL(factor=[np.eye(3)])  # error

MEDIDA(None, dt=0.1).fit(X, X)
MEDIDA(None, timestep=0.1)  # error
EnsembleKalmanFilter(0.1, n_members=10)
EnsembleKalmanFilter(0.1, members=10)  # error
PDELibrary1D(length=1.0, periodic="no")  # error

skgeo.warmup()
skgeo.warm_up()  # error
text: str = skgeo.warmup()  # error
raise ModelErrorWarning(from_arrays, make_observation_pairs)
