"""From the outputs of machines to labels, decisions and probabilities."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skgeo.base import BaseEstimator, TrialsMixin

__all__ = ["TrialClassifier"]


class TrialClassifier(ClassifierMixin, TrialsMixin, BaseEstimator):
    """Base of the classifiers of trials.

    A subclass computes ``_outputs(X)``, what its machines say of trials, once; the
    ``_head`` turns them into labels, decisions or probabilities.
    """

    def _gives_probabilities(self):
        return self.probability

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times) or 4-D
            Trials, as in :meth:`fit`.

        Returns
        -------
        y : ndarray of shape (n_trials,)
            Labels. With several classes a support vector machine decides by libsvm's
            one-against-one vote.
        """
        outputs = self._outputs(X)
        return self.classes_[self._head.predict(outputs)]

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Compute decision values.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times) or 4-D
            Trials, as in :meth:`fit`.

        Returns
        -------
        decision : ndarray of shape (n_trials,) or (n_trials, n_classes)
            For two classes one value, positive for ``classes_[1]``.
        """
        outputs = self._outputs(X)
        return self._head.decision(outputs)

    @available_if(lambda self: self._gives_probabilities())
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Compute probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times) or 4-D
            Trials, as in :meth:`fit`.

        Returns
        -------
        proba : ndarray of shape (n_trials, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        outputs = self._outputs(X)
        return self._head.proba(outputs)
