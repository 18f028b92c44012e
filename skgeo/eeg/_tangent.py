"""Tangent vectors of covariances at their Riemannian mean."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skgeo.base import BaseEstimator, MatricesMixin
from skgeo.eeg._solvers import riemann
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, OneOf, Real, check_params
from skgeo.utils.validation import check_sample_weight
from skgeo.utils.warn import warn_user

__all__ = ["TangentMap"]

# Mean logarithm of eigenvalues, of amplitudes 300 times those of fit.
_FAR = 2 * np.log(300.0)

METRICS = ("riemann", "logeuclid", "euclid", "logchol", "wasserstein")


class TangentMap(TransformerMixin, MatricesMixin, BaseEstimator):
    """Map covariances to the tangent space at their mean.

    With the affine-invariant metric and reference ``M`` the tangent vector of ``C``
    is the upper triangle of ``log(M^(-1/2) C M^(-1/2))``, off-diagonal entries times
    ``sqrt(2)``. The mean is found by Newton's method, three to five passes instead of
    the fixed point's eight to fifteen, and ``fit_transform`` reuses the logarithms of
    the last pass.

    Parameters
    ----------
    metric : {"riemann", "logeuclid", "euclid", "logchol", "wasserstein"}, \
            default="riemann"
        Metric of the mean and of the map. All but ``"riemann"`` are computed by
        pyriemann.
    tol : float, default=1e-8
        The mean is accepted when the norm of the mean tangent vector, divided by
        ``sqrt(n_channels)``, is at most this. Newton's method is quadratic, so a
        looser value saves one pass of four at most: with 1e-2 the relative error of
        the Gram matrix of the vectors was 2e-6 to 2e-4 on EEG of 22 to 132
        dimensions.
    max_iter : int, default=50
        Maximum number of passes over the matrices.

    Attributes
    ----------
    reference_ : ndarray of shape (n_channels, n_channels)
        The mean.
    n_iter_ : int
        Passes done (1 for metrics other than ``"riemann"``).
    n_channels_in_ : int
        Size of the matrices.

    See Also
    --------
    AugmentedCovariances : Covariances to map.

    References
    ----------
    Barachant, Bonnet, Congedo and Jutten, IEEE Trans. Biomedical Engineering 59
    (2012), 920-928. The Hessian used by Newton's method: Bhatia, "Positive definite
    matrices" (2007), chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovariances, TangentMap
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 200))
    >>> C = AugmentedCovariances(order=2, lag=3).fit_transform(X)
    >>> tangent = TangentMap()
    >>> T = tangent.fit_transform(C)
    >>> T.shape
    (10, 21)
    >>> bool(np.allclose(tangent.inverse_transform(T), C))
    True
    """

    _param_rules = {
        "metric": OneOf(*METRICS),
        "tol": Real(0.0, closed="neither"),
        "max_iter": Integer(1),
    }

    def __init__(
        self, metric: str = "riemann", *, tol: float = 1e-8, max_iter: int = 50
    ) -> None:
        self.metric = metric
        self.tol = tol
        self.max_iter = max_iter

    def fit(
        self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None
    ) -> "TangentMap":
        """Find the mean of the matrices.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            Symmetric positive-definite matrices.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_matrices,), optional
            Weights of the matrices in the mean.

        Returns
        -------
        self : TangentMap
            The fitted transformer.
        """
        self._fit(X, sample_weight)
        return self

    def fit_transform(
        self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None
    ) -> np.ndarray:
        """Find the mean and map, reusing the logarithms of the last pass.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            Symmetric positive-definite matrices.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_matrices,), optional
            Weights of the matrices in the mean.

        Returns
        -------
        T : ndarray of shape (n_matrices, n_channels * (n_channels + 1) / 2)
            Tangent vectors.
        """
        X, logs, rotation = self._fit(X, sample_weight)
        if logs is None:
            return np.asarray(self._delegate.transform(X))
        with single_blas_thread():
            return riemann.vectorize(logs.dense(rotation))

    def _fit(self, X, sample_weight):
        check_params(self)
        X = self._check_matrices(X, reset=True)
        weight = check_sample_weight(sample_weight, len(X))
        if self.metric != "riemann":
            from pyriemann.tangentspace import TangentSpace

            for index, matrix in enumerate(X):
                riemann.whitener_of(matrix, f"matrix {index}")
            self._delegate = TangentSpace(metric=self.metric)
            try:  # also what transform would refuse later on
                with np.errstate(all="ignore"):
                    self._delegate.fit(X, sample_weight=weight).transform(X)
            except (np.linalg.LinAlgError, ValueError) as error:
                raise ValueError(
                    f"The matrices are too near to singular, or too small, for metric="
                    f"{self.metric!r}: {error} Regularize them (shrinkage in "
                    "AugmentedCovariances, estimator='oas' in pyriemann) or choose "
                    "another unit."
                ) from error
            self.reference_ = np.asarray(self._delegate.reference_)
            self.n_iter_ = 1
            return X, None, None
        with single_blas_thread():
            result = riemann.riemann_mean(
                X, weight, tol=self.tol, max_iter=self.max_iter
            )
            riemann.warn_if_not_converged(result, self.tol)
            root, rotation, reference = riemann.symmetric_whitener(result.x)
        self.reference_ = reference
        self._whitener = root
        self.n_iter_ = result.n_iter
        return X, result.logs, rotation

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Map matrices to the tangent space at the mean.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            Symmetric positive-definite matrices.

        Returns
        -------
        T : ndarray of shape (n_matrices, n_channels * (n_channels + 1) / 2)
            Tangent vectors.
        """
        check_is_fitted(self)
        X = self._check_matrices(X, reset=False)
        if self.metric != "riemann":
            return np.asarray(self._delegate.transform(X))
        with single_blas_thread():
            logs = riemann.log_maps(X, self._whitener)
            far = float(np.median(np.abs(logs.values.mean(axis=1))))
            if far > _FAR:
                warn_user(
                    f"The matrices lie far from the mean of fit: their sizes differ by "
                    f"a factor of about 1e{far / np.log(10):.0f}, as those of volts "
                    "and microvolts do. What is learned at one mean means nothing "
                    "there: bring both to one unit."
                )
            return riemann.vectorize(logs.dense())

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Map tangent vectors back to matrices.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels * (n_channels + 1) / 2)
            Tangent vectors.

        Returns
        -------
        C : ndarray of shape (n_matrices, n_channels, n_channels)
            Symmetric positive-definite matrices.

        Raises
        ------
        ValueError
            If X has another shape, holds NaN or infinity, or a matrix would.
        """
        check_is_fitted(self)
        X = np.asarray(X, dtype=np.float64)
        d = self.n_channels_in_
        if X.ndim != 2 or X.shape[1] != d * (d + 1) // 2:
            raise ValueError(
                f"Expected X of shape (n_matrices, {d * (d + 1) // 2}), the tangent "
                f"vectors of {d} x {d} matrices; got shape {X.shape}."
            )
        if not np.isfinite(X).all():
            raise ValueError("Input X contains NaN or infinity.")
        with single_blas_thread(), np.errstate(all="ignore"):
            if self.metric != "riemann":
                C = np.asarray(self._delegate.inverse_transform(X))
            else:
                S = riemann.unvectorize(X, d)
                root = np.linalg.inv(self._whitener)
                half = root @ riemann.exp_symmetric(S, 0.5)
                C = half @ half.swapaxes(1, 2)
        bad = np.flatnonzero(~np.isfinite(C).all((1, 2)))
        if len(bad):
            raise ValueError(
                f"{len(bad)} of {len(X)} tangent vectors (first at index {bad[0]}) are "
                "so long that their matrices leave the range of floating-point numbers."
            )
        return C

    def get_feature_names_out(
        self, input_features: Sequence[str] | None = None
    ) -> np.ndarray:
        """Name the tangent vectors' entries after their pairs of channels.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the channels; ``"0"``, ``"1"``, ... by default.

        Returns
        -------
        names : ndarray of str
            ``ts{i}_{j}`` for the pair of channels ``i <= j``.
        """
        check_is_fitted(self)
        d = self.n_channels_in_
        channels = range(d) if input_features is None else list(input_features)
        if len(channels) != d:
            raise ValueError(
                f"input_features has {len(channels)} names for {d} channels."
            )
        rows, columns = np.triu_indices(d)
        names = [
            f"ts{channels[i]}_{channels[j]}" for i, j in zip(rows, columns, strict=True)
        ]
        return np.asarray(names, dtype=object)

    @property
    def _n_features_out(self):
        d = self.n_channels_in_
        return d * (d + 1) // 2
