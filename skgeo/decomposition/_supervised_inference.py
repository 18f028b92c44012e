"""What a fitted supervised dictionary says of new samples."""

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit, log_softmax
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.decomposition._supervised.bcd import codes_of
from skgeo.decomposition._supervised.checks import DTYPES
from skgeo.decomposition._supervised.data_matrix import DataMatrix
from skgeo.utils.validation import check_sample_weight

__all__ = ["SupervisedInference"]


class SupervisedInference(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Methods of :class:`SupervisedDictionaryLearning` that need a fitted one."""

    def _features(self, X):
        """Validate X for a method that takes no covariates."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=DTYPES, order="C", reset=False
        )
        return (
            X
            if self.covariate_columns is None
            else self._split(X, None, reset=False)[0]
        )

    def _project(self, X):
        return DataMatrix(X, None, self.mean_, 1.0).forward(self.components_)

    def _codes(self, X):
        return codes_of(self._project(X), self.components_, self.positive_code)

    def _seen(self, X):
        return self._project(X) if self.kind == "filter" else self._codes(X)

    def decision_function(self, X, covariates=None):
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates, if the estimator was fitted with them.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One logit of the second class for two classes.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=DTYPES, order="C", reset=False
        )
        X, Z = self._split(X, covariates, reset=False)
        scores = self._seen(X) @ self.coef_.T + self.intercept_
        scores += Z @ self.covariate_coef_.T
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X, covariates=None):
        """Return the probability of each class; parameters as decision_function.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Rows sum to one.
        """
        scores = self.decision_function(X, covariates)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        return np.exp(log_softmax(scores, axis=1))

    def predict_log_proba(self, X, covariates=None):
        """Return the logarithm of the probability of each class.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite even where the probability underflows.
        """
        scores = self.decision_function(X, covariates)
        if scores.ndim == 1:
            return -np.column_stack([np.logaddexp(0, scores), np.logaddexp(0, -scores)])
        return log_softmax(scores, axis=1)

    def predict(self, X, covariates=None):
        """Return the most probable class; parameters as decision_function.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Class labels.
        """
        scores = self.decision_function(X, covariates)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y, sample_weight=None, covariates=None):
        """Return the accuracy.

        Parameters
        ----------
        X, y, sample_weight, covariates
            As in ``fit``.

        Returns
        -------
        accuracy : float
            Share of samples classified rightly.
        """
        found = self.predict(X, covariates)
        return float(accuracy_score(y, found, sample_weight=sample_weight))

    def transform(self, X):
        """Return what the classifier sees of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        features : ndarray of shape (n_samples, n_components)
            ``(X - mean_) @ components_.T`` for the filter model, the codes for the
            feature model.
        """
        X = self._features(X)
        return self._seen(X).astype(X.dtype, copy=False)

    def encode(self, X):
        """Return the codes of X: what reconstructs it best, labels unseen.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Least-squares codes, non-negative with ``positive_code``.
        """
        X = self._features(X)
        return self._codes(X).astype(X.dtype, copy=False)

    def inverse_transform(self, X):
        """Return the data that codes stand for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as from ``encode``.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstruction, without the covariate columns.
        """
        check_is_fitted(self)
        C = check_array(X, dtype=DTYPES)
        if C.shape[1] != len(self.components_):
            raise ValueError(
                f"X has {C.shape[1]} columns, but codes over {len(self.components_)} "
                "components are expected."
            )
        return (C @ self.components_ + self.mean_).astype(C.dtype, copy=False)

    def reconstruction_error(self, X, sample_weight=None):
        """Return the relative squared reconstruction error.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        error : float
            Squared error over that of the training mean: 0 is perfect, 1 no better
            than the mean.
        """
        X = self._features(X)
        X = X.astype(np.float64, copy=False) if issparse(X) else X
        weight = check_sample_weight(sample_weight, X.shape[0])
        data = DataMatrix(X, weight, self.mean_, self.scale_)
        D = self.components_
        projections = data.forward(D)
        C = codes_of(projections, D, self.positive_code)
        gap = ((C @ (D @ D.T) - 2 * projections) * C).sum(axis=1)
        lost = max(data.energy() + float(weight @ gap), 0.0)
        total = data.with_center(self._center).energy()
        if total == 0:
            return 0.0 if lost <= 1e-20 else np.inf
        return lost / total
