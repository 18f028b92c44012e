"""Recentering of covariances by a mean that can follow a stream."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skgeo.base import BaseEstimator, MatricesMixin
from skgeo.eeg._solvers import riemann
from skgeo.eeg._solvers.running_mean import RunningBuresMean, RunningRiemannMean
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, OneOf, Real, Unused, check_params
from skgeo.utils.validation import check_sample_weight
from skgeo.utils.warn import warn_user

__all__ = ["CovarianceRecentering"]

_CLIPPED = 0.01  # fraction of eigenvalues beyond the geodesic that is worth a warning
_MAX_SIZE = 300.0**2  # ratio of traces that is another unit, not another signal
_OUTSIDE = 1e-6  # fraction of a trace in unseen directions that is worth a warning


class CovarianceRecentering(TransformerMixin, MatricesMixin, BaseEstimator):
    r"""Move the mean of a set, or of a stream, of covariances to the identity.

    Covariances of a session or a person lie around their own mean. Recentered by it,
    those of several domains become comparable; no labels are needed. The mean can be
    that of a set (``fit``) or follow a stream (``partial_fit``), at the price of one
    eigendecomposition per matrix and without keeping matrices.

    With ``metric="riemann"`` matrices become :math:`M^{-1/2} C M^{-1/2}`, M the
    affine-invariant mean. With ``metric="bures-wasserstein"`` they are moved by the
    parallel transport of the Bures-Wasserstein geometry of
    :math:`B^{-1/2} C^\theta B^{-1/2}`; whitening by the Bures-Wasserstein mean would
    leave the mean off the identity. This needs no inverse of any single matrix, so it
    takes singular ones (fewer samples than channels) without regularization.

    Parameters
    ----------
    metric : {"riemann", "bures-wasserstein"}, default="riemann"
        Geometry of the mean and of the transport.
    theta : float, default=0.5
        Power in the Bures-Wasserstein geometry, in (0, 4]; 1 is the plain one. With
        1 a stream of singular matrices is followed more closely.
    base : {"mean", "identity"}, default="mean"
        Base B of the Bures-Wasserstein geometry: the theta-power of the arithmetic
        mean M, or of the multiple of the identity with its trace. Either makes the
        result independent of the unit of the signal.
    output : {"matrices", "tangent"}, default="matrices"
        Recentered matrices, or their tangent vectors at the identity: upper
        triangles, off-diagonal entries times sqrt(2).
    forgetting : float or None, default=None
        Weight of one new matrix of a stream, in (0, 1). None gives all matrices the
        same weight, so that the running mean approaches the mean of all; a number
        follows drift, and leaves noise of about ``sqrt(forgetting / 2)`` of the
        spread of single matrices in the mean.
    tol : float, default=1e-10
        The mean of ``fit`` is accepted when the norm of the mean tangent vector,
        divided by ``sqrt(n_channels)``, is at most this.
    max_iter : int, default=200
        Maximum number of passes over the matrices in ``fit``.

    Attributes
    ----------
    mean_ : ndarray of shape (n_channels, n_channels)
        The mean.
    n_samples_seen_ : int
        Number of matrices the mean was made of.
    n_iter_ : int
        Passes that the mean of the first batch took.
    n_channels_in_ : int
        Size of the matrices.

    See Also
    --------
    TangentMap : Tangent vectors at the affine-invariant mean of a set.
    RecenteredCovarianceClassifier : Classification across domains.

    Notes
    -----
    On full-rank matrices a running mean with equal weights ends near the mean of the
    set, whatever the order and the size of the batches: within a twentieth of a
    standard error on Wishart matrices, within a third (affine-invariant) or a
    twentieth (Bures-Wasserstein) on two sessions of EEG, one after the other.

    A stream of singular matrices is followed less closely, up to two standard errors
    with ``theta=0.5``: a warning says so; use large batches or ``theta=1``. The first
    matrices of such a stream are held back until twice as many as channels have come,
    and averaged exactly.

    If no matrix varies in some direction (average-referenced channels), the
    Bures-Wasserstein geometry works on the directions that do vary, and the recentered
    matrices are the identity in the others.

    Neither geometry was more accurate than the
    other on full-rank EEG covariances; the affine-invariant one is the default because
    it is cheaper.

    References
    ----------
    .. [1] P. Zanini et al., "Transfer learning: a Riemannian geometry framework with
       applications to brain-computer interfaces", IEEE Trans. Biomedical Engineering
       65, 1107-1116, 2018.
    .. [2] R. Wang et al., "Learning to normalize on the SPD manifold under
       Bures-Wasserstein geometry", CVPR 2025, arXiv:2504.00660.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import CovarianceRecentering
    >>> from skgeo.testing import make_trials
    >>> C, _ = make_trials(40, 3, kind="matrices")
    >>> recentering = CovarianceRecentering("bures-wasserstein")
    >>> Z = recentering.fit_transform(C)
    >>> again = CovarianceRecentering("bures-wasserstein", base="identity").fit(Z)
    >>> bool(np.allclose(again.mean_, np.eye(3), atol=1e-8))
    True

    A stream, trial by trial:

    >>> stream = CovarianceRecentering("riemann")
    >>> for matrix in C:
    ...     stream = stream.partial_fit(matrix[np.newaxis])
    >>> stream.n_samples_seen_
    40
    """

    _param_rules = {
        "metric": OneOf("riemann", "bures-wasserstein"),
        "theta": Real(0.0, 4.0, closed="right", magnitudes=(1e-2, 4.0)),
        "base": OneOf("mean", "identity"),
        "output": OneOf("matrices", "tangent"),
        "forgetting": Null() | Real(0.0, 1.0, closed="neither"),
        "tol": Real(0.0, closed="neither"),
        "max_iter": Integer(1),
    }
    _unused_params = (
        Unused(
            ("theta", "base"),
            lambda p: p.metric == "riemann",
            "metric is 'riemann'",
        ),
    )

    def __init__(
        self,
        metric: str = "riemann",
        *,
        theta: float = 0.5,
        base: str = "mean",
        output: str = "matrices",
        forgetting: float | None = None,
        tol: float = 1e-10,
        max_iter: int = 200,
    ):
        self.metric = metric
        self.theta = theta
        self.base = base
        self.output = output
        self.forgetting = forgetting
        self.tol = tol
        self.max_iter = max_iter

    def _new_mean(self):
        p = check_params(self)
        options = {"forgetting": p.forgetting, "tol": p.tol, "max_iter": p.max_iter}
        if p.metric == "riemann":
            return RunningRiemannMean(**options)
        return RunningBuresMean(p.theta, p.base, **options)

    def _checked(self, X, sample_weight, *, reset):
        """Return matrices of positive weight, and their weights."""
        X = self._check_matrices(X, reset=reset)
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        return X[weight > 0], weight[weight > 0]

    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the mean of a set of matrices.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            Symmetric matrices: positive definite, or positive semidefinite with
            ``metric="bures-wasserstein"``.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_matrices,), optional
            Weights of the matrices in the mean.

        Returns
        -------
        self : CovarianceRecentering
            The fitted transformer.

        Raises
        ------
        NotPositiveDefiniteError
            If a matrix is not positive definite (not semidefinite).

        Warns
        -----
        ConvergenceWarning
            If the mean has not converged in ``max_iter`` passes.
        """
        mean = self._new_mean()
        X, weight = self._checked(X, sample_weight, reset=True)
        with single_blas_thread():
            self._mean = mean.start(X, weight)
        self.n_samples_seen_, self._warned = len(X), False
        self._tell_of_start()
        return self

    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Let the mean follow the next matrices of a stream.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            The next matrices, one or many.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_matrices,), optional
            Weights of the matrices, in units of one matrix.

        Returns
        -------
        self : CovarianceRecentering
            The transformer.

        Raises
        ------
        NotPositiveDefiniteError
            If a matrix is not positive definite (not semidefinite).

        Warns
        -----
        UserWarning
            Once, if batches do not span the space, or leave the directions seen.
        """
        first = not hasattr(self, "_mean")
        mean = self._new_mean() if first else self._mean
        X, weight = self._checked(X, sample_weight, reset=first)
        with single_blas_thread():
            mean.update(X, weight)
        if first:
            self._mean, self.n_samples_seen_, self._warned = mean, 0, False
        self.n_samples_seen_ += len(X)
        if mean.singular_batch and not self._warned:
            self._warned = True
            warn_user(
                f"A batch of {len(X)} matrices has directions without variance. The "
                "running Bures-Wasserstein mean of such batches can end up to two "
                "standard errors from the mean of all of them: pass larger batches, "
                "use theta=1, or fit on all matrices at once."
            )
        return self

    def _tell_of_start(self):
        if not self._mean.converged:
            warn_user(
                f"The mean has not converged to tol={self.tol:g} in max_iter="
                f"{self.max_iter} passes. The matrices are singular or badly "
                "conditioned: increase max_iter or tol.",
                ConvergenceWarning,
            )
        if self._mean.rank_deficient:
            warn_user(
                "No matrix varies in some directions (average-referenced, duplicated "
                "or constant channels): recentering works on the other directions."
            )

    @property
    def mean_(self) -> np.ndarray:
        """The mean, shape (n_channels, n_channels)."""
        return self._fitted_mean().mean

    @property
    def n_iter_(self) -> int:
        """Passes that the mean of the first batch took."""
        return self._fitted_mean().n_iter

    def _fitted_mean(self):
        if "_mean" not in vars(self):
            raise AttributeError("This CovarianceRecentering is not fitted yet.")
        return self._mean

    def __sklearn_is_fitted__(self):
        return "_mean" in vars(self)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Recenter matrices.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels)
            Symmetric matrices.

        Returns
        -------
        Z : ndarray of shape (n_matrices, n_channels, n_channels) or \
                (n_matrices, n_channels * (n_channels + 1) / 2)
            Recentered matrices, or tangent vectors with ``output="tangent"``.

        Warns
        -----
        UserWarning
            If matrices lie beyond the end of a geodesic, or vary in directions that
            the mean has not seen.
        """
        check_is_fitted(self)
        X = self._check_matrices(X, reset=False)
        mean = self._mean
        size = np.median(np.trace(X, axis1=1, axis2=2)) / np.trace(self.mean_)
        if size > 0 and not 1 / _MAX_SIZE < size < _MAX_SIZE:
            warn_user(
                f"The matrices are {size:.0e} times as large as the mean: those of "
                "volts and microvolts differ like this. Recentered by it they lie far "
                "from the identity: bring both to one unit, or fit on theirs."
            )
        if self.metric == "bures-wasserstein":
            outside = mean.outside(X)
            if outside > _OUTSIDE:
                warn_user(
                    f"Up to {outside:.2g} of a matrix's variance lies in directions "
                    "that the mean has not seen, and is ignored. Fit on matrices of "
                    "the same channels and the same reference."
                )
        with single_blas_thread():
            if self.output == "tangent":
                return riemann.vectorize(mean.tangent(X))
            Z = mean.recenter(X)
        if mean.clipped > _CLIPPED:
            warn_user(
                f"{100 * mean.clipped:.2g} % of the eigenvalues lie beyond the end of "
                "their geodesics and were clipped: the mean of the result is not "
                "exactly the identity. Use a smaller theta or output='tangent'."
            )
        return Z

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Move recentered matrices, or tangent vectors, back.

        Parameters
        ----------
        X : array-like of shape (n_matrices, n_channels, n_channels) or \
                (n_matrices, n_channels * (n_channels + 1) / 2)
            What ``transform`` returned.

        Returns
        -------
        C : ndarray of shape (n_matrices, n_channels, n_channels)
            Matrices around the mean.
        """
        check_is_fitted(self)
        if self.output == "matrices":
            X = self._check_matrices(X, reset=False)
            with single_blas_thread():
                return self._mean.restore(X)
        X = np.asarray(X, dtype=np.float64)
        d = self.n_channels_in_
        if X.ndim != 2 or X.shape[1] != d * (d + 1) // 2 or not np.isfinite(X).all():
            raise ValueError(
                f"Expected finite tangent vectors, shape (n_matrices, "
                f"{d * (d + 1) // 2}); got an array of shape {X.shape}."
            )
        with single_blas_thread():
            return self._mean.from_tangent(riemann.unvectorize(X, d))

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
        if self.output != "tangent":
            raise ValueError(
                "Recentered matrices are no table: output='tangent' has named columns."
            )
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
