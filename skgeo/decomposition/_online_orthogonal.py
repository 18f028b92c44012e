"""Online orthogonal dictionary learning."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.decomposition._orthogonal.best import BestSoFar
from skgeo.decomposition._orthogonal.codes import (
    code_quality,
    correlated_atoms,
    shrink_codes,
    unseen_atoms,
)
from skgeo.decomposition._orthogonal.doubts import (
    warn_correlated,
    warn_mean,
    warn_mixed,
    warn_unseen,
)
from skgeo.decomposition._orthogonal.epochs import fit_epochs, snapshot
from skgeo.decomposition._orthogonal.negentropy import mixed_atoms
from skgeo.decomposition._orthogonal.outliers import Watch, warn_outweighed
from skgeo.decomposition._orthogonal.settings import Settings, usual_batch
from skgeo.decomposition._orthogonal.starts import initial_atoms
from skgeo.decomposition._orthogonal.stream import Stream
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import EARLIER
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    Unused,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["OnlineOrthogonalDictionary"]

DTYPES = [np.float64, np.float32]
# Codes this much smaller than the largest are rounding.
_NOTHING = {"float64": 1e-10, "float32": 1e-5}
_SMALLEST, _LARGEST = 1e-200, 1e200
# What cannot change along a stream.
_STRUCTURE = ("exponent", "n_components", "batch_size", "center", "whiten")
# Dictionaries after different passes are compared on every fifth row.
_HELD_OUT = 5


class OnlineOrthogonalDictionary(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackMixin,
    BaseEstimator,
):
    """Orthogonal dictionary of a stream, by stochastic Frank-Wolfe.

    Rows are modeled as ``x = z D`` with orthonormal rows of D, the atoms, and
    independent codes z. The dictionary maximizes the mean of
    ``sum_k s_k |d_k . x|^p`` [1]_, [2]_: of all orthonormal bases, the one in which the
    codes are farthest from Gaussian. The signs s_k are estimated along the way, 1 for
    codes more peaked than Gaussian ones (sparse codes), -1 for flat ones. Memory is
    some n x n matrices, at most ``64 n + 2 batch_size`` rows and, at times, as much as
    16 n rows (512, if more) for codes to judge by, however long the stream.

    Parameters
    ----------
    exponent : {3, 4}, default=3
        Exponent of the objective. 3 is more robust to noise; 4 is the objective of
        the MSP algorithm [3]_.
    n_components : int or None, default=None
        Number of atoms; None is one per feature. With fewer, the atoms are a basis of
        the subspace of the leading principal axes, which is followed along the stream.
    init : {"random", "pca", "dct"} or array of shape (n_components, n_features), \
            default="random"
        Start: a random rotation, the principal axes of the first rows, the discrete
        cosine transform (of square patches where n_features is a square number,
        otherwise of sequences), or a dictionary, whose polar factor is taken. Except
        from "random", :meth:`fit` does not learn from every fifth row and returns the
        best dictionary after any pass, judged by the energy of these rows that the
        largest twentieth, tenth and fifth of the codes keep: the start itself where
        none beat it beyond doubt. If most codes are flat, which no dictionary
        concentrates, the last dictionary is returned.
    batch_size : "auto" or int, default="auto"
        Rows per step; "auto" is four times the number of features, or up to twelve
        times where that is below 256. The path depends little on it, and the cost per
        row falls with it. Rows wait until a batch is full, so chunks handed to
        :meth:`partial_fit` may have any size.
    max_iter : int, default=100
        Maximum number of passes over X in :meth:`fit`.
    step : {"decay", "constant"}, default="decay"
        "decay" converges; "constant" keeps forgetting, and follows a dictionary that
        drifts.
    gradient_weight, step_size : "auto" or float in (0, inf), default="auto"
        Constants of the weight of a new gradient and of the step length, for every
        ``2 n_components`` rows. "auto" is 4 and 1 for decaying steps, 0.1 and 0.1 for
        constant ones.
    curvature_shift : float in [0, 1], default=0.9
        Fraction of the curvature that all codes have in common to remove from the
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
        Whether to subtract the running mean. Needed unless the mean is near zero; a
        warning says where it is not.
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
        Codes kept per row by "top_k"; None is a tenth of the atoms, at least one.
    tol : float, default=3e-3
        :meth:`fit` stops after a pass when the Frank-Wolfe gap of the gradient averaged
        along the pass, divided by its nuclear norm, is not above it.
    shuffle : bool, default=True
        Whether :meth:`fit` puts the rows in a new random order for each pass.
    random_state : int, RandomState instance or None, default=None
        Source of the first dictionary and of the orders.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Atoms, in rows; orthonormal unless ``whiten``.
    contrast_signs_ : ndarray of shape (n_components,)
        1 for atoms whose codes are more peaked than Gaussian ones, -1 for flat ones.
    unmixing_ : ndarray of shape (n_components, n_features)
        Codes are ``(X - mean_) @ unmixing_.T``; ``components_`` unless ``whiten``.
    mean_ : ndarray of shape (n_features,)
        Running mean; zero unless ``center``.
    gap_ : float
        Frank-Wolfe gap of the last step divided by the nuclear norm of the averaged
        gradient, in [0, 2].
    n_steps_ : int
        Frank-Wolfe steps done. Rows that wait for their batch count as one step, a
        short one: attributes include every row.
    n_samples_seen_ : int
        Rows seen, repeated passes of :meth:`fit` included.
    n_replayed_ : int
        Steps on rows kept from before, in addition to ``n_steps_``.
    n_iter_ : int
        Passes done by :meth:`fit`.
    objective_ : ndarray of shape (n_iter_,)
        Mean of ``|c|^exponent`` along each pass of :meth:`fit`, divided by its value
        for Gaussian codes of the same power: above one for peaked codes.
    converged_ : bool
        Whether :meth:`fit` stopped by ``tol``.
    start_kept_ : bool
        Whether :meth:`fit` returned its start because no pass improved on it.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when X has string names.

    Warns
    -----
    ConvergenceWarning
        When :meth:`fit` stops at ``max_iter``.
    UserWarning
        When the mean carries energy and ``center=False``; when :meth:`fit` whitens
        data that do not vary in every direction, a few rows or entries outweigh all
        others, codes are so near to Gaussian that the rows cannot tell the atoms, a
        rotation of atoms would take their codes farther from Gaussian, or two atoms
        have nearly the same codes.

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
    .. [4] O. Vasicek, "A Test for Normality Based on Sample Entropy", Journal of the
       Royal Statistical Society B 38, 1976.

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
        "exponent": Integer(3, 4),
        "n_components": Null() | Integer(1),
        "init": OneOf("random", "pca", "dct")
        | Instance((np.ndarray, list, tuple), "an array of atoms"),
        "batch_size": OneOf("auto") | Integer(1),
        "max_iter": Integer(1),
        "step": OneOf("decay", "constant"),
        "gradient_weight": OneOf("auto") | Real(0.0, closed="neither"),
        "step_size": OneOf("auto") | Real(0.0, closed="neither"),
        "curvature_shift": Real(0.0, 1.0),
        "n_replays": Integer(0),
        "center": Boolean(),
        "whiten": Boolean(),
        "clip_norm": Null() | Real(0.0, closed="neither", magnitudes=(1e-10, np.inf)),
        "transform_algorithm": OneOf("threshold", "soft", "top_k", "identity"),
        "threshold": Real(0.0, magnitudes=(5e-324, np.inf)),
        "n_nonzero_coefs": Null() | Integer(1),
        "tol": Real(0.0),
        "shuffle": Boolean(),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused(
            "threshold",
            lambda p: p.transform_algorithm not in ("threshold", "soft"),
            "transform_algorithm is neither 'threshold' nor 'soft'",
        ),
        Unused(
            "n_nonzero_coefs",
            lambda p: p.transform_algorithm != "top_k",
            "transform_algorithm is not 'top_k'",
        ),
    )

    def __init__(
        self,
        exponent: Literal[3, 4] = 3,
        *,
        n_components: int | None = None,
        init: Literal["random", "pca", "dct"] | ArrayLike = "random",
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 100,
        step: Literal["decay", "constant"] = "decay",
        gradient_weight: float | Literal["auto"] = "auto",
        step_size: float | Literal["auto"] = "auto",
        curvature_shift: float = 0.9,
        n_replays: int = 8,
        center: bool = False,
        whiten: bool = False,
        clip_norm: float | None = None,
        transform_algorithm: Literal[
            "threshold", "soft", "top_k", "identity"
        ] = "threshold",
        threshold: float = 0.0,
        n_nonzero_coefs: int | None = None,
        tol: float = 3e-3,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.exponent = exponent
        self.n_components = n_components
        self.init = init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.step = step
        self.gradient_weight = gradient_weight
        self.step_size = step_size
        self.curvature_shift = curvature_shift
        self.n_replays = n_replays
        self.center = center
        self.whiten = whiten
        self.clip_norm = clip_norm
        self.transform_algorithm = transform_algorithm
        self.threshold = threshold
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.shuffle = shuffle
        self.random_state = random_state

    @with_callbacks
    def fit(self, X: ArrayLike, y: None = None) -> OnlineOrthogonalDictionary:
        """Learn the dictionary from scratch, in up to ``max_iter`` passes over X.

        With ``shuffle=False`` and ``init="random"`` the result is that of as many calls
        of :meth:`partial_fit` on X, bit for bit, but for the last step: a fit that
        converges in so few passes that its average amounts to fewer rows than X has
        ends with a step on all of them.

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
        params = check_params(self)
        X = validate_data(self, X, dtype=DTYPES, order="C")
        _check_range(X, first=True)
        random_state = check_random_state(params.random_state)
        stream = self._new_stream(params, X, random_state)
        best, rows = None, X
        if not isinstance(params.init, str) or params.init != "random":
            judged = np.zeros(len(X), dtype=bool)
            judged[::_HELD_OUT] = len(X) > 1
            judges = X[judged] if judged.any() else X  # a single row is its own judge
            best, rows = BestSoFar(stream, judges, X), X[~judged]
        with (
            single_blas_thread(),
            self._iterations(
                params.max_iter, X=X, y=y, attributes=_attributes, remedy=EARLIER
            ) as tick,
        ):

            def after_pass(state):
                if best is not None:
                    best.offer(state["stream"])
                return tick(state)

            result = fit_epochs(
                stream,
                rows,
                max_iter=params.max_iter,
                tol=params.tol,
                shuffle=params.shuffle,
                random_state=random_state,
                callback=after_pass,
            )
        learned, self.start_kept_ = result.x, False
        if best is not None:
            learned, self.start_kept_ = best.take(stream, learned)
        self._stream, self._learned, self._watch = stream, learned, None
        self.n_iter_, self.objective_ = result.n_iter, result.objective
        self.converged_ = result.converged
        self._n_features_out = len(learned.components)
        if not result.converged and result.n_iter == params.max_iter:
            found = f"The relative Frank-Wolfe gap is {result.stop:.3g}, above "
            found += f"tol={params.tol:g},"
            if result.stop <= params.tol:
                found = "Atoms were still turned to where the contrast is larger"
            warn_user(
                f"{found} after {params.max_iter} passes over {len(rows)} rows. Raise "
                "max_iter or tol, or give more rows.",
                ConvergenceWarning,
            )
        with single_blas_thread():
            codes = self._coded(X)
            unseen, mixed = unseen_atoms(codes, params.exponent), ()
            if best is None:  # otherwise a dictionary is chosen by another measure
                mixed = mixed_atoms(codes)
        rank = learned.rank
        if params.n_components is not None and not params.whiten:
            size = np.abs(codes).max(axis=0)
            rank = int(
                (size > _NOTHING[codes.dtype.name] * size.max(initial=0.0)).sum()
            )
        if rank < len(learned.components):
            warn_user(
                f"The data vary in {rank} of {X.shape[1]} directions: atoms "
                "and codes cover these alone. Drop constant and redundant features, or "
                "set n_components, to get as many atoms as there are directions."
            )
        warn_mean(stream)
        warn_unseen(stream, unseen)
        warn_mixed(stream, mixed)
        outweighed = warn_outweighed(X, params, learned.mean)
        # Atoms on their way share directions that rows do not vary in, as removed means
        # of patches.
        if not outweighed and rank == len(codes.T) and result.stop <= params.tol:
            warn_correlated(stream, correlated_atoms(codes))
        return self

    def partial_fit(self, X: ArrayLike, y: None = None) -> OnlineOrthogonalDictionary:
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

        Warns
        -----
        UserWarning
            Once per stream each: when the mean carries energy and ``center=False``,
            when a few rows or entries outweigh the others, when the later half of
            ``200 n_components`` rows or more do not determine the atoms, prefer a
            rotation of them, or have nearly the same codes for two.
        """
        params = check_params(self)
        first = not self.__sklearn_is_fitted__()
        X = validate_data(self, X, dtype=DTYPES, order="C", reset=first)
        _check_range(X, first=first or self._stream.exponent is None)
        if not first:
            _check_unchanged(params, self._began_with)
        if first:
            random_state = check_random_state(params.random_state)
            self._stream = self._new_stream(params, X, random_state)
            self._n_features_out = len(self._stream.W)
        if first or self._watch is None:
            self._watch = Watch(X.shape[1], params.exponent, params.center)
        self._stream.settings = _settings(params, X.shape[1])
        self._learned = None
        with single_blas_thread():
            self._stream.partial_update(X)
        self._watch.add(X)
        self._watch.warn(params.clip_norm is not None)
        warn_mean(self._stream)
        warn_unseen(self._stream, self._stream.undetermined)
        warn_mixed(self._stream, self._stream.mixed)
        if not self._watch.warned:
            warn_correlated(self._stream, self._stream.correlated)
        return self

    def _new_stream(self, params, X, random_state):
        settings = _settings(params, X.shape[1])
        with single_blas_thread():
            W, basis = initial_atoms(
                params.init, X, settings.n_components, params.center, random_state
            )
        size, n = params.batch_size, X.shape[1]
        size = usual_batch(n) if size == "auto" else size
        self._began_with = {name: getattr(params, name) for name in _STRUCTURE}
        try:
            pending = np.empty((size, n), dtype=X.dtype)
        except MemoryError as error:
            raise InvalidParameterError(
                f"OnlineOrthogonalDictionary: batch_size={size} rows of {n} features "
                "do not fit in memory."
            ) from error
        return Stream(W, pending, settings, basis=basis)

    def transform(self, X: ArrayLike) -> NDArray:
        """Codes of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        C : ndarray of shape (n_samples, n_components)
            Codes, in the dtype of X when that is float32 or float64.

        Raises
        ------
        ValueError
            If the codes overflow.
        """
        params = check_params(self)
        codes = self._codes(X)
        _check_kept(params, self.n_features_in_)
        n = codes.shape[1]  # fewer than asked for, where rows vary in few directions
        kept = min(params.n_nonzero_coefs or max(1, n // 10), n)
        return shrink_codes(codes, params.transform_algorithm, params.threshold, kept)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Rows that codes represent.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
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
                f"X has {X.shape[1]} codes per row, but the dictionary has "
                f"{self._n_features_out} atoms."
            )
        learned = self._now()
        with single_blas_thread():
            return X @ learned.components.astype(X.dtype) + learned.mean.astype(X.dtype)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """How far the codes of rows are from Gaussian; higher is better.

        Scores of all settings on the same rows can be compared, whatever ``center``,
        ``exponent`` and ``whiten`` are, for the same number of atoms: neither the mean
        nor the size of the codes matters. Atoms of independent codes have the highest.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, other ones than those of ``fit`` if scores are to be compared.
        y : None
            Ignored.

        Returns
        -------
        score : float
            ``1 - exp(-2 h)``, where h is the mean over the atoms of the negentropy of
            their codes (estimated by spacings), less what they share because they
            are correlated: 0 for Gaussian codes, 1 for the best code of the same
            energy (two values, or all energy in one row). ``exp(2 h) - 1``, down to
            -1, where h is negative: codes correlated and otherwise Gaussian, or that
            determine each other. Atoms without energy are left out; 0 if there is no
            other.
        """
        return code_quality(self._codes(X))

    def _codes(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=DTYPES, reset=False)
        with single_blas_thread():
            return self._coded(X)

    def _coded(self, X):
        learned = self._now()
        if self._stream.settings.center:
            X = X - learned.mean.astype(X.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            codes = X @ learned.unmixing.T.astype(X.dtype)
        if not np.isfinite(codes).all():
            raise ValueError(
                f"The codes overflow {X.dtype}: X has entries far larger, or the rows "
                "learned from were far smaller, than can be computed with. Choose "
                "another unit."
            )
        return codes

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
    def contrast_signs_(self):
        """Sign of the contrast of every atom."""
        return self._seen("contrast_signs_") and self._now().signs

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

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_stream")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_range(X, first):
    """Refuse magnitudes whose powers and inverses double precision cannot hold."""
    top = float(max(X.max(), -X.min()))
    if top > _LARGEST or (first and 0.0 < top < _SMALLEST):
        raise ValueError(
            f"X has entries up to {top:.3g} in magnitude, outside the range of "
            f"{_SMALLEST:g} to {_LARGEST:g} that can be computed with: choose another "
            "unit."
        )


def _check_unchanged(params, began_with):
    """Refuse to go on with a stream as something it did not begin as."""
    for name, value in began_with.items():
        if getattr(params, name) != value:
            raise InvalidParameterError(
                f"OnlineOrthogonalDictionary: {name} is {getattr(params, name)!r}, but "
                f"the stream began with {value!r}, which its averages depend on. Set "
                "it back, or begin with a clone."
            )


def _check_kept(params, n_features):
    n, kept = params.n_components or n_features, params.n_nonzero_coefs
    if params.transform_algorithm == "top_k" and kept is not None and kept > n:
        raise InvalidParameterError(
            f"OnlineOrthogonalDictionary: n_nonzero_coefs={kept} is above the number "
            f"of atoms, {n}."
        )


def _settings(params, n_features):
    decay = params.step == "decay"
    weight, size = (4.0, 1.0) if decay else (0.1, 0.1)
    r = params.n_components
    if r is not None and r > n_features:
        raise InvalidParameterError(
            f"OnlineOrthogonalDictionary: n_components={r} exceeds the number of "
            f"features, {n_features}: no more directions are orthogonal."
        )
    _check_kept(params, n_features)
    return Settings(
        p=params.exponent,
        gradient_weight=weight
        if params.gradient_weight == "auto"
        else params.gradient_weight,
        step_size=size if params.step_size == "auto" else params.step_size,
        decay=decay,
        curvature_shift=params.curvature_shift,
        center=params.center,
        whiten=params.whiten,
        clip_norm=params.clip_norm,
        replays=params.n_replays,
        n_components=None if r == n_features else r,
    )


def _attributes(state):
    """Fitted attributes of the stream as it is after a pass."""
    stream = copy.deepcopy(state["stream"])  # the fit goes on with the original
    return {
        "_stream": stream,
        "_learned": None,
        "_n_features_out": len(stream.W),
        "n_features_in_": stream.pending.shape[1],
    }
