"""Data and classifiers that several tests of evaluations share."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skgeo.datasets import from_arrays, load_embedded_eeg

CHANNELS = ["C3", "Cz", "C4"]


class Interrupting(ClassifierMixin, BaseEstimator):
    """Ends the run at its n-th fit, as Ctrl-C would."""

    fits_left = 0

    def fit(self, X, y):
        type(self).fits_left -= 1
        if type(self).fits_left < 0:
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0].std(axis=1)

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 1).astype(int)]


def noise(labels, n=20, **options):
    X = np.random.RandomState(0).randn(n, 3, 128)
    y = np.resize(labels, n)
    return from_arrays(X, y, sfreq=128.0, **options)


def load_trials():
    data = load_embedded_eeg("left_right", channels=CHANNELS, band=None)
    return data.X, data.y
