"""Online orthogonal dictionary learning."""

import copy
import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from skgeo.decomposition._online_learned import DTYPES, LearnedDictionary
from skgeo.decomposition._orthogonal.epochs import fit_epochs
from skgeo.decomposition._orthogonal.stream import Settings, Stream, polar_factor
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    check_params,
)

__all__ = ["OnlineOrthogonalDictionary"]


class OnlineOrthogonalDictionary(
    LearnedDictionary,
    CallbackMixin,
    BaseEstimator,
):
    """Complete orthogonal dictionary of a stream, by stochastic Frank-Wolfe.

    Rows are modeled as ``x = z D`` with an orthogonal matrix D, whose rows are the
    atoms, and sparse codes z. The dictionary maximizes the mean of
    ``sum_k |d_k . x|^p`` [1]_, [2]_: of all orthonormal bases, the one in which the
    codes are most sharply peaked. Memory is some n x n matrices and at most
    ``64 n + 2 batch_size`` rows, however long the stream.

    Parameters
    ----------
    p : {3, 4}, default=3
        Exponent of the objective. 3 is more robust to noise; 4 is the objective of
        the MSP algorithm [3]_.
    batch_size : "auto" or int, default="auto"
        Rows per step; "auto" is four times the number of features, or up to twelve
        times where that is below 256. The path depends little on it, and the cost per
        row falls with it. Rows wait until a batch is full, so chunks handed to
        :meth:`partial_fit` may have any size.
    max_iter : int, default=100
        Largest number of passes over X in :meth:`fit`.
    step : {"decay", "constant"}, default="decay"
        "decay" converges; "constant" keeps forgetting, and follows a dictionary that
        drifts.
    rho0, gamma0 : "auto" or float in (0, inf), default="auto"
        Constants of the weight of a new gradient and of the step length, for every
        ``2 n_features`` rows. "auto" is 4 and 1 for decaying steps, 0.1 and 0.1 for
        constant ones.
    shift : float in [0, 1], default=0.9
        Share of the curvature that all codes have in common to take off the
        objective. It changes no maximizer, and speeds up the way to it by an order
        of magnitude; 0 is the plain objective.
    n_replays : int, default=8
        While no dictionary has been found, the last ``64 n_features`` rows are kept,
        and this many batches of them are gone over again after each new one. Dense
        codes are then recovered from several times fewer rows. Once the gap is small
        and every pair of atoms is at a maximum, or after ``4000 n_features`` such
        repetitions, rows are seen once and none is kept. 0 sees every row once
        throughout, and so do constant steps.
    center : bool, default=False
        Whether to take the running mean off. Needed unless the mean is zero.
    whiten : bool, default=False
        Whether to whiten by the running covariance: for complete dictionaries that
        are not orthogonal.
    clip_norm : float or None, default=None
        Rows longer than this many times the median length in their batch are scaled
        back to that length while learning; 3 is a good value where there are outliers.
    transform_algorithm : {"threshold", "soft", "top_k", "identity"}, \
            default="threshold"
        What :meth:`transform` does to the codes: set those of modulus at most
        ``threshold`` to zero (for an orthogonal dictionary, the minimizer of
        ``||x - z D||^2 + threshold^2 ||z||_0``), shrink them by ``threshold`` (of
        ``||x - z D||^2 / 2 + threshold ||z||_1``), keep the ``n_nonzero_coefs``
        largest of each row, or nothing.
    threshold : float, default=0.0
        Threshold for "threshold" and "soft", in units of the codes.
    n_nonzero_coefs : int or None, default=None
        Codes kept per row by "top_k"; None is a tenth of the features, at least one.
    tol : float, default=3e-3
        :meth:`fit` stops after a pass when the Frank-Wolfe gap of the gradient averaged
        along the pass, divided by its nuclear norm, is not above it.
    dict_init : ndarray of shape (n_features, n_features) or None, default=None
        Dictionary to start from; its polar factor is taken. None draws an orthogonal
        matrix at random.
    shuffle : bool, default=True
        Whether :meth:`fit` takes the rows in a new random order in each pass.
    random_state : int, RandomState instance or None, default=None
        Source of the first dictionary and of the orders.

    Attributes
    ----------
    components_ : ndarray of shape (n_features, n_features)
        Atoms, in rows; orthonormal unless ``whiten``.
    unmixing_ : ndarray of shape (n_features, n_features)
        Codes are ``(X - mean_) @ unmixing_.T``; ``components_`` unless ``whiten``.
    mean_ : ndarray of shape (n_features,)
        Running mean; zero unless ``center``.
    gap_ : float
        Frank-Wolfe gap of the last step divided by the nuclear norm of the averaged
        gradient, in [0, 2].
    n_steps_ : int
        Frank-Wolfe steps done. Rows that wait for their batch count as one step, a
        short one: what is shown takes in every row.
    n_samples_seen_ : int
        Rows seen, repeated passes of :meth:`fit` included.
    n_replayed_ : int
        Steps on rows kept from before, in addition to ``n_steps_``.
    n_iter_ : int
        Passes done by :meth:`fit`.
    objective_ : ndarray of shape (n_iter_,)
        Sparsity of the codes, as in :meth:`score`, averaged along each pass of
        :meth:`fit`.
    converged_ : bool
        Whether :meth:`fit` stopped by ``tol``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when X has string names.

    Warns
    -----
    ConvergenceWarning
        When :meth:`fit` stops at ``max_iter``.
    UserWarning
        When :meth:`fit` whitens data that do not vary in every direction.

    See Also
    --------
    sklearn.decomposition.MiniBatchDictionaryLearning : Overcomplete dictionaries.
    sklearn.decomposition.FastICA : Independent components of data held in memory.

    References
    ----------
    .. [1] Y. Xue, V. Lau, "Online Orthogonal Dictionary Learning Based on Frank-Wolfe
       Method", arXiv:2103.01484, 2021.
    .. [2] Y. Shen, Y. Xue, J. Zhang, K. Letaief, V. Lau, "Complete Dictionary Learning
       via lp-norm Maximization", arXiv:2002.10043, 2020.
    .. [3] Y. Zhai, Z. Yang, Z. Liao, J. Wright, Y. Ma, "Complete Dictionary Learning
       via l4-Norm Maximization over the Orthogonal Group", arXiv:1906.02435, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.decomposition import OnlineOrthogonalDictionary
    >>> rng = np.random.default_rng(0)
    >>> atoms = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    >>> codes = rng.standard_normal((5000, 10)) * (rng.random((5000, 10)) < 0.2)
    >>> model = OnlineOrthogonalDictionary(random_state=0)
    >>> for chunk in np.array_split(codes @ atoms, 7):
    ...     model = model.partial_fit(chunk)
    >>> overlap = np.abs(model.components_ @ atoms.T)
    >>> bool(np.all(overlap.max(axis=1) > 0.99))
    True
    """

    _param_rules = {
        "p": Integer(3, 4),
        "batch_size": OneOf("auto") | Integer(1),
        "max_iter": Integer(1),
        "step": OneOf("decay", "constant"),
        "rho0": OneOf("auto") | Real(0.0, closed="neither"),
        "gamma0": OneOf("auto") | Real(0.0, closed="neither"),
        "shift": Real(0.0, 1.0),
        "n_replays": Integer(0),
        "center": Boolean(),
        "whiten": Boolean(),
        "clip_norm": Null() | Real(0.0, closed="neither"),
        "transform_algorithm": OneOf("threshold", "soft", "top_k", "identity"),
        "threshold": Real(0.0),
        "n_nonzero_coefs": Null() | Integer(1),
        "tol": Real(0.0),
        "dict_init": Null() | Instance((np.ndarray, list, tuple), "a square matrix"),
        "shuffle": Boolean(),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        p=3,
        *,
        batch_size="auto",
        max_iter=100,
        step="decay",
        rho0="auto",
        gamma0="auto",
        shift=0.9,
        n_replays=8,
        center=False,
        whiten=False,
        clip_norm=None,
        transform_algorithm="threshold",
        threshold=0.0,
        n_nonzero_coefs=None,
        tol=3e-3,
        dict_init=None,
        shuffle=True,
        random_state=None,
    ):
        self.p = p
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.step = step
        self.rho0 = rho0
        self.gamma0 = gamma0
        self.shift = shift
        self.n_replays = n_replays
        self.center = center
        self.whiten = whiten
        self.clip_norm = clip_norm
        self.transform_algorithm = transform_algorithm
        self.threshold = threshold
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.dict_init = dict_init
        self.shuffle = shuffle
        self.random_state = random_state

    @with_callbacks
    def fit(self, X, y=None):
        """Learn the dictionary from scratch, in up to ``max_iter`` passes over X.

        With ``shuffle=False`` the result is that of as many calls of
        :meth:`partial_fit` on X, bit for bit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to learn from; float32 is computed with as such.
        y : None
            Ignored.

        Returns
        -------
        self : OnlineOrthogonalDictionary
            The fitted estimator.
        """
        check_params(self)
        X = validate_data(self, X, dtype=DTYPES, order="C")
        random_state = check_random_state(self.random_state)
        stream = self._new_stream(X, random_state)
        with (
            single_blas_thread(),
            self._iterations(self.max_iter, X=X, y=y, attributes=_attributes) as tick,
        ):
            result = fit_epochs(
                stream,
                X,
                max_iter=self.max_iter,
                tol=self.tol,
                shuffle=self.shuffle,
                random_state=random_state,
                callback=tick,
            )
        self._stream, self._learned = stream, result.x
        self.n_iter_, self.objective_ = result.n_iter, result.objective
        self.converged_ = result.converged
        self._n_features_out = X.shape[1]
        if not result.converged and result.n_iter == self.max_iter:
            warnings.warn(
                f"The relative Frank-Wolfe gap is {result.stop:.3g}, above "
                f"tol={self.tol:g}, after {self.max_iter} passes over {len(X)} rows. "
                "Raise max_iter or tol, or give more rows.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if result.x.rank < X.shape[1]:
            warnings.warn(
                f"The data vary in {result.x.rank} of {X.shape[1]} directions: atoms "
                "and codes cover these alone. Drop constant and redundant features, or "
                "reduce them by PCA, to get as many atoms as there are directions.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X, y=None):
        """Go on learning from more rows of the stream.

        Rows are taken in their order, in batches that reach across calls: how the
        stream is cut into calls makes no difference to the result.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The next rows.
        y : None
            Ignored.

        Returns
        -------
        self : OnlineOrthogonalDictionary
            The estimator.
        """
        check_params(self)
        first = not self.__sklearn_is_fitted__()
        X = validate_data(self, X, dtype=DTYPES, order="C", reset=first)
        if first:
            self._stream = self._new_stream(X, check_random_state(self.random_state))
            self._n_features_out = X.shape[1]
        self._stream.settings = self._settings()
        self._learned = None
        with single_blas_thread():
            self._stream.feed(X)
        return self

    def _settings(self):
        decay = self.step == "decay"
        rho0, gamma0 = (4.0, 1.0) if decay else (0.1, 0.1)
        return Settings(
            p=int(self.p),
            rho0=rho0 if self.rho0 == "auto" else float(self.rho0),
            gamma0=gamma0 if self.gamma0 == "auto" else float(self.gamma0),
            decay=decay,
            shift=float(self.shift),
            center=bool(self.center),
            whiten=bool(self.whiten),
            clip_norm=self.clip_norm,
            replays=int(self.n_replays),
        )

    def _new_stream(self, X, random_state):
        n = X.shape[1]
        if self.dict_init is None:
            start = random_state.standard_normal((n, n))
        else:
            start = check_array(self.dict_init, dtype=np.float64)
            if start.shape != (n, n):
                raise ValueError(
                    f"dict_init must have shape ({n}, {n}), one atom per feature; got "
                    f"{start.shape}."
                )
            if np.linalg.matrix_rank(start) < n:
                raise ValueError(
                    f"dict_init must be of full rank, {n}; its rank is "
                    f"{np.linalg.matrix_rank(start)}."
                )
        size = self.batch_size
        size = max(4 * n, min(12 * n, 256)) if size == "auto" else int(size)
        with single_blas_thread():
            W = polar_factor(start)
        return Stream(W, np.empty((size, n), dtype=X.dtype), self._settings())

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_stream")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _attributes(state):
    """Fitted attributes of the stream as it is after a pass."""
    stream = copy.deepcopy(state["stream"])  # the fit goes on with the original
    n = len(stream.W)
    return {
        "_stream": stream,
        "_learned": None,
        "_n_features_out": n,
        "n_features_in_": n,
    }
