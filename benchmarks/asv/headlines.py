"""One timing per headline, followed from commit to commit by airspeed velocity.

``asv run``, ``asv continuous main HEAD``. Comparisons with other libraries are in the
scripts beside this folder; here only skgeo's own times are watched.
"""

import numpy as np

from skgeo.cluster import LikelihoodAdjustedSDP, SDPKMeans, certify_kmeans
from skgeo.datasets import (
    Lorenz63,
    make_gaussian_clusters,
    make_irs_mimo,
    make_observation_pairs,
)
from skgeo.decomposition import OnlineOrthogonalDictionary, SupervisedDictionaryLearning
from skgeo.dynamics import MEDIDA
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
    AugmentedCovariances,
    TangentMap,
)
from skgeo.linear_model import KroneckerSBL, SparseBayesianRegressor
from skgeo.testing import make_trials


class EEG:
    """Augmented covariances and their classifiers."""

    timeout = 300

    def setup(self):
        self.X, self.y = make_trials(60, 16, 400)
        self.C = AugmentedCovariances(2, 2).fit_transform(self.X)
        self.time_covariances()

    def time_covariances(self):
        AugmentedCovariances(4, 4).fit_transform(self.X)

    def time_tangent(self):
        TangentMap().fit_transform(self.C)

    def time_classifier(self):
        AugmentedCovarianceClassifier().fit(self.X, self.y).predict(self.X)

    def time_search(self):
        AugmentedCovarianceClassifierCV(orders=(1, 2, 4), lags=(1, 2, 4), cv=3).fit(
            self.X, self.y
        )


class Cluster:
    """Certified clustering."""

    timeout = 300

    def setup(self):
        rng = np.random.default_rng(0)
        centers = 6 * rng.standard_normal((5, 3))
        self.labels = np.repeat(np.arange(5), 60)
        self.X = centers[self.labels] + rng.standard_normal((300, 3))
        self.Z, _ = make_gaussian_clusters(random_state=0)[:2]

    def time_certificate(self):
        certify_kmeans(self.X, self.labels)

    def time_sdp_kmeans(self):
        SDPKMeans(5, random_state=0).fit(self.X)

    def time_likelihood(self):
        LikelihoodAdjustedSDP(3, random_state=0).fit(self.Z)


class Sparse:
    """Dictionaries, sparse Bayesian learning, model errors."""

    timeout = 300

    def setup(self):
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((2000, 20)) * (rng.random((2000, 20)) < 0.2)
        self.D = rng.standard_normal((300, 60))
        self.y = self.D[:, :4] @ np.arange(1, 5) + 0.1 * rng.standard_normal(300)
        self.labels = (self.D[:, 0] > 0).astype(int)
        self.irs = make_irs_mimo(random_state=0)
        self.pairs = make_observation_pairs(Lorenz63(), 300, dt=0.01, random_state=0)
        self.model = Lorenz63(xz=0.0).flow(0.01, 5)

    def time_online_dictionary(self):
        OnlineOrthogonalDictionary(random_state=0).fit(self.X)

    def time_supervised_dictionary(self):
        SupervisedDictionaryLearning(4, random_state=0).fit(self.D, self.labels)

    def time_sparse_bayes(self):
        SparseBayesianRegressor().fit(self.D, self.y)

    def time_kronecker(self):
        KroneckerSBL(self.irs.factors).fit(self.irs.X)

    def time_medida(self):
        MEDIDA(self.model, dt=0.01).fit(self.pairs.X, self.pairs.y)
