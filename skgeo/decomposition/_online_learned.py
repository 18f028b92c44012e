"""What an online dictionary shows of its stream, and does to rows."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.decomposition._orthogonal.epochs import snapshot, sparsity
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import check_params

__all__ = ["DTYPES", "LearnedDictionary"]

DTYPES = [np.float64, np.float32]


class LearnedDictionary(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Codes and attributes of :class:`OnlineOrthogonalDictionary`.

    Attributes are worked out from the stream when they are first asked for.
    """

    def transform(self, X):
        """Codes of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        C : ndarray of shape (n_samples, n_features)
            Codes, in the dtype of X when that is float32 or float64.
        """
        check_params(self)
        codes = self._codes(X)
        if self.transform_algorithm == "threshold":
            if self.threshold > 0.0:
                codes[np.abs(codes) <= self.threshold] = 0.0
        elif self.transform_algorithm == "soft":
            codes = np.sign(codes) * np.maximum(np.abs(codes) - self.threshold, 0.0)
        elif self.transform_algorithm == "top_k":
            n = codes.shape[1]
            kept = self.n_nonzero_coefs or max(1, n // 10)
            if kept > n:
                raise InvalidParameterError(
                    f"{type(self).__name__}: n_nonzero_coefs={kept} is above the "
                    f"number of features, {n}."
                )
            small = np.argpartition(np.abs(codes), n - kept, axis=1)[:, : n - kept]
            np.put_along_axis(codes, small, 0.0, axis=1)
        return codes

    def inverse_transform(self, X):
        """Rows that codes stand for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            ``X @ components_ + mean_``; the rows themselves for codes of
            ``transform_algorithm="identity"``.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=DTYPES)
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {X.shape[1]} codes a row, but the dictionary has "
                f"{self._n_features_out} atoms."
            )
        learned = self._now()
        with single_blas_thread():
            return X @ learned.components.astype(X.dtype) + learned.mean.astype(X.dtype)

    def score(self, X, y=None):
        """Sparsity of the codes of rows, in no unit: higher is sparser.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            ``mean |c|^p / (mean c^2)^(p/2)`` over all codes, before any threshold,
            divided by its value for Gaussian codes: 1 for Gaussian codes, and
            ``theta^(1 - p/2)`` for Gaussian codes of which a share theta is not zero.
            0 for rows that are all zero.
        """
        codes = self._codes(X)
        largest = float(np.abs(codes).max())
        if largest == 0.0:
            return 0.0
        magnitude = np.abs(codes).astype(np.float64) / largest
        square = magnitude**2
        power = square * (magnitude if self.p == 3 else square)
        return sparsity(power.sum(), square.sum(), *codes.shape, self.p)

    def _codes(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=DTYPES, reset=False)
        learned = self._now()
        with single_blas_thread():
            if self._stream.settings.center:
                X = X - learned.mean.astype(X.dtype)
            return X @ learned.unmixing.T.astype(X.dtype)

    def _now(self):
        """What has been learned, worked out when it is first asked for."""
        if self._learned is None:
            with single_blas_thread():
                self._learned = snapshot(self._stream)
        return self._learned

    def _seen(self, name):
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} has no {name} yet: call fit or "
                "partial_fit first."
            )
        return self._stream

    @property
    def components_(self):
        """Atoms, in rows."""
        return self._seen("components_") and self._now().components

    @property
    def unmixing_(self):
        """Matrix that takes rows to codes."""
        return self._seen("unmixing_") and self._now().unmixing

    @property
    def mean_(self):
        """Running mean of the rows."""
        return self._seen("mean_") and self._now().mean

    @property
    def gap_(self):
        """Relative Frank-Wolfe gap of the last step."""
        return self._seen("gap_") and self._now().gap

    @property
    def n_steps_(self):
        """Frank-Wolfe steps done, a short one for waiting rows included."""
        stream = self._seen("n_steps_")
        return stream.n_steps + (stream.n_pending > 0)

    @property
    def n_samples_seen_(self):
        """Rows seen."""
        return self._seen("n_samples_seen_").n_samples

    @property
    def n_replayed_(self):
        """Steps on rows kept from before."""
        return self._seen("n_replayed_").n_replayed
