"""Classifiers of trials by their augmented covariances."""

from collections.abc import Callable as CallableType
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skgeo.eeg._classifier_rules import (
    DISTANCES,
    PARAM_RULES,
    UNUSED_PARAMS,
    chosen_method,
)
from skgeo.eeg._decisions import TrialClassifier
from skgeo.eeg._durations import seconds_of_logs
from skgeo.eeg._groups import GroupMember, resolve_groups
from skgeo.eeg._heads import make_head
from skgeo.eeg._patterns import Pattern, covariance_patterns
from skgeo.eeg._selection import select_embedding
from skgeo.eeg._signal import SignalMemory, warn_empty_bands
from skgeo.eeg._solvers.covariances import (
    CovarianceSettings,
    check_settings,
    embedding_window,
)
from skgeo.eeg._solvers.tangents import (
    OnePassSpace,
    RiemannSpace,
    SiegelSpace,
    TangentFeatures,
)
from skgeo.eeg._sources import (
    CovarianceSource,
    MeanSettings,
    RecenteredSource,
    RecenteredTraining,
    SourceMember,
    Training,
)
from skgeo.utils.amplitudes import warn_unlike_channels
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.doubts import warn_doubtful_trials
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Real, check_params
from skgeo.utils.validation import (
    check_sample_weight,
    check_trials_y,
)

__all__ = ["AugmentedCovarianceClassifier"]


class AugmentedCovarianceClassifier(CallbackMixin, TrialClassifier):
    """Classify trials by the Riemannian geometry of their augmented covariances.

    Each trial is embedded by delays, its covariance taken, and the covariances are
    classified as points of a curved space: in the tangent space at their mean, or by
    their distance to the mean of each class. By default several embeddings are averaged
    and none is chosen. Given the sampling frequency, their delays suit the rhythms of
    the brain; given the pass band too, narrower bands join them.

    Parameters
    ----------
    order : int, default=4
        Number of delayed copies of each channel, with ``selection=None``. 1 is the
        classifier on plain covariances.
    lag : int, default=4
        Delay between copies, in samples, with ``selection=None``. Very small lags at
        high orders make nearly singular covariances of band-passed signals.
    selection : {"average", "mdop", "cao", "fnn", "ami"} or None, default="average"
        ``"average"`` averages the normalized Gram matrices of several embeddings and
        chooses nothing: as good as a search where a search helps, and safer with many
        channels or few trials. None takes ``order`` and ``lag``. The other names find
        one order and lag by :func:`select_embedding`, without the labels.
    orders : "auto" or sequence of int, default="auto"
        Orders of the average. ``"auto"``: 1, 2, 4, 6 and 8 where lags are in seconds,
        otherwise from 1 to 6; those whose covariances have at most 100 rows, and 2 in
        any case.
    lags : "auto" or sequence of float, default="auto"
        Lags of the average: in seconds with ``sfreq``, in samples without. ``"auto"``:
        0.016, 0.032 and 0.05 s, or 1, 2, 4, 6 and 8 samples. Where orders or lags are
        ``"auto"``, embeddings that span more than half a trial are left out.
    order_weights : {"auto", "equal", "inverse", "proportional"}, default="auto"
        Share of an order in its group, split evenly over its lags: the same for all,
        ``1 / order`` or ``order``. ``"auto"`` is ``"inverse"`` above 12 channels,
        where high orders cost more than they bring; up to 12 channels
        ``"proportional"`` with ``sfreq`` and ``"equal"`` without.
    sfreq : float or None, default=None
        Sampling frequency in Hz. With it lags are seconds.
    band : (float, float) or None, default=None
        Pass band in Hz, with ``sfreq``. The trials are filtered to it, and to the
        narrower ``bands``; give trials that have been filtered before they were cut
        as 4-D input of :func:`filter_bank`.
    bands : "auto", int, sequence of (float, float) or None, default="auto"
        Bands in Hz whose embeddings, of orders 1, 2 and 4 (above 12 channels 1 and 2)
        at a quarter of the band's period, are the second group of the average; an int
        is their number, and ``"auto"`` half an octave each, at least 3 and at most 8.
    frequencies : sequence of float or None, default=None
        Known frequencies in Hz, of flickering stimuli. Plain covariances within 0.5
        Hz of each are the third group of the average.
    weights : {"equal", "alignment"}, default="equal"
        Shares within a group: by the rule alone, or multiplied by the alignment of
        each Gram matrix with the labels of the training trials. Alignment gained up to
        3 points with very few trials and lost up to 1 elsewhere.
    metric : {"riemann", "block-toeplitz"}, default="riemann"
        Geometry. ``"block-toeplitz"`` estimates every lag once and works with the
        reflection coefficients of the block-Toeplitz matrix, matrices of the size of
        the channels, which is faster at high orders.
    method : {"auto", "tangent-svm", "tangent-lr", "mdm", "fgmdm"}, default="auto"
        ``"tangent-svm"`` and ``"tangent-lr"``: support vector machine or
        L2-regularized logistic regression on tangent vectors. ``"mdm"``: minimum
        distance to the class means. ``"fgmdm"``: the same after geodesic filtering.
        The last two take one embedding, ``selection`` other than ``"average"``.
        ``"auto"`` is ``"tangent-lr"`` for an average of up to eight channels and two
        classes, with a linear kernel, and ``"tangent-svm"`` otherwise.
    C : float, default=1.0
        Inverse regularization of the tangent methods.
    kernel : {"linear", "rbf"}, default="linear"
        Kernel of the support vector machine.
    gamma : "scale", "auto" or float, default="scale"
        Width of the rbf kernel, with scikit-learn's meaning.
    class_weight : "balanced", dict or None, default=None
        Weights of the classes in the tangent methods; a dict is keyed by label.
    probability : bool, default=True
        Whether ``"tangent-svm"`` and ``"auto"`` give probabilities. Those of a support
        vector machine are the softmax of its decision values, tempered on held-out
        decisions of five folds.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        What happens at the ends of a trial, see :class:`DelayEmbedding`.
    estimator : str or callable, default="scm"
        Covariance estimator, see :class:`AugmentedCovariances`.
    shrinkage : {"diagonal", "auto"}, None or float in [0, 1], default="diagonal"
        Shrinkage of the covariances, see :class:`AugmentedCovariances`. With
        ``"diagonal"`` the unit of a channel does not matter.
    block_toeplitz : bool, default=False
        Estimate every lag once, biased.
    tol : float, default=1e-8
        Tolerance of the Riemannian means of a single embedding. References of an
        average are corrected to first order instead.
    n_jobs : int or None, default=None
        Threads over trials in the covariances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    embeddings_ : list of (int, int)
        The orders and lags in use, in samples.
    groups_ : list of GroupMember
        For each embedding ``name`` ("time", "bands" or "frequencies"), ``band`` in
        Hz, ``order``, ``lag`` in samples, and ``share``.
    method_ : str
        The method in use.
    patterns_ : list of Pattern
        For each embedding what the classifier responds to: see
        :class:`~skgeo.eeg.Pattern`. Only with a linear tangent method and
        ``metric="riemann"``.
    channel_importance_ : ndarray of shape (n_channels,)
        Size of the patterns of the channels' powers, averaged by shares; sums to one.
        Same condition.
    n_channels_in_ : int
        Number of channels seen in fit.
    channel_names_in_ : ndarray of str
        Their names, if fit saw ``mne.Epochs``.
    n_times_in_ : int
        Number of times a trial had in fit. Trials of another length may be
        predicted.

    See Also
    --------
    AugmentedCovarianceClassifierCV : Chooses order, lag, C and kernel by inner
        cross-validation.
    filter_bank : Filters recordings before they are cut.
    ERPAugmentedCovariances : For event-related potentials, which covariances of
        single trials hardly show.

    Notes
    -----
    Predictions do not change when all amplitudes are multiplied by a constant, with
    ``shrinkage="diagonal"`` or None when any channel is, and with ``shrinkage=None``
    when the channels are mixed by an invertible matrix.

    scikit-learn's callbacks see every embedding of an average; one that stops the fit
    leaves the average of the embeddings so far. Fits of more than a minute are
    announced.

    Time and memory grow linearly with the number of trials. Above 3,000 trials the
    tangent methods solve a machine with squared hinge loss (or the same logistic
    regression) in the span of 500 trials, and the references are those of these.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023). Block-Toeplitz covariances: Carrara
    and Papadopoulo, arXiv:2406.16909 (2024); Jeuris and Vandebril, SIAM J. Matrix
    Analysis and Applications 37 (2016), 1151-1175. Tangent space: Barachant, Bonnet,
    Congedo and Jutten, IEEE Trans. Biomedical Engineering 59 (2012), 920-928.
    Alignment: Cortes, Mohri and Rostamizadeh, J. Machine Learning Research 13 (2012),
    795-828.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovarianceClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["left", "right"], 20)
    >>> X = rng.standard_normal((40, 3, 500))
    >>> X[20:, 0] *= 2.0
    >>> model = AugmentedCovarianceClassifier(sfreq=250.0, band=(8.0, 32.0)).fit(X, y)
    >>> model.score(X, y), model.groups_[-1].name
    (1.0, 'bands')
    >>> one = AugmentedCovarianceClassifier(2, 2, selection=None).fit(X, y)
    >>> one.embeddings_
    [(2, 2)]
    """

    _param_rules = PARAM_RULES
    _unused_params = UNUSED_PARAMS

    def __init__(
        self,
        order: int = 4,
        lag: int = 4,
        *,
        selection: str | None = "average",
        orders: str | Sequence[int] = "auto",
        lags: str | Sequence[float] = "auto",
        order_weights: str = "auto",
        sfreq: float | None = None,
        band: tuple[float, float] | None = None,
        bands: str | int | Sequence[tuple[float, float]] | None = "auto",
        frequencies: Sequence[float] | None = None,
        weights: str = "equal",
        metric: str = "riemann",
        method: str = "auto",
        C: float = 1.0,
        kernel: str = "linear",
        gamma: str | float = "scale",
        class_weight: str | dict | None = None,
        probability: bool = True,
        edge: str = "valid",
        estimator: str | CallableType[..., Any] = "scm",
        shrinkage: str | float | None = "diagonal",
        block_toeplitz: bool = False,
        tol: float = 1e-8,
        n_jobs: int | None = None,
    ) -> None:
        self.order = order
        self.lag = lag
        self.selection = selection
        self.orders = orders
        self.lags = lags
        self.order_weights = order_weights
        self.sfreq = sfreq
        self.band = band
        self.bands = bands
        self.frequencies = frequencies
        self.weights = weights
        self.metric = metric
        self.method = method
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.class_weight = class_weight
        self.probability = probability
        self.edge = edge
        self.estimator = estimator
        self.shrinkage = shrinkage
        self.block_toeplitz = block_toeplitz
        self.tol = tol
        self.n_jobs = n_jobs

    def _gives_probabilities(self):
        return self.method not in ("auto", "tangent-svm") or self.probability

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "AugmentedCovarianceClassifier":
        """Fit the classifier.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times) or \
                (n_trials, n_channels, n_times, n_filters)
            Trials, band-passed, in any unit, or ``mne.Epochs``; 4-D trials as
            :func:`filter_bank` makes them, the whole pass band first.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials, in the means and in the tangent methods.

        Returns
        -------
        self : AugmentedCovarianceClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If the input is not what is described, the trials are too short for
            ``order`` and ``lag``, or covariances are singular (``shrinkage=None``).

        Warns
        -----
        UnusedParameterWarning
            If a parameter was set that has no effect with the others as given.
        UserWarning
            If channels have units or amplitudes out of all proportion, or channels of
            Epochs are left out.
        """
        return self._fit(X, y, sample_weight)

    def _fit(self, X, y, sample_weight, domains=None, X_target=None):
        """Fit; with domains or target trials, on recentered covariances."""
        params = self._checked_params()
        X = self._check_trials(X, reset=True, min_trials=2, filters=True)
        signal = X[..., 0] if X.ndim == 4 else X
        warn_unlike_channels(signal, self)
        warn_doubtful_trials(signal, domains)
        self.classes_, codes = check_trials_y(y, X)
        params.class_weight = self._encoded_class_weight()
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        kept = weight > 0
        if not kept.all():  # a weight of zero is a trial left out
            X, codes, weight = X[kept], codes[kept], weight[kept]
            domains = domains if domains is None else domains[kept]
            if len(np.unique(codes)) < len(self.classes_):
                raise ValueError("sample_weight is zero for every trial of a class.")
        params.method = self.method_ = chosen_method(
            params, len(self.classes_), X.shape[1]
        )
        source = self._make_source(X, params)
        self._memory = self._remember_signal(X, X_target)
        training = self._training(source, X, domains, weight, X_target, params)
        self._head = make_head(params, self._make_features(params))
        self._announce(X)
        ticks = self._iterations(len(self.groups_), X=X, y=y)
        with single_blas_thread(), ticks as tick:
            self._head.fit(training, codes, len(self.classes_), weight, tick)
        self._source = source = training.source  # shorter if a callback stopped it
        if isinstance(training, RecenteredTraining):
            self._source = RecenteredSource(
                source, training.target_means[: len(source.members)], training.means
            )
        features = getattr(self._head, "features", None)
        if params.selection == "average":
            self.groups_ = self.groups_[: len(source.members)]
            self.embeddings_ = self.embeddings_[: len(source.members)]
            self.groups_ = [
                member._replace(share=float(share))
                for member, share in zip(
                    self.groups_, features.final_shares, strict=True
                )
            ]
        return self

    def _remember_signal(self, X, X_target):
        """Keep what trials to predict must share with those of fit."""
        bands = None
        if X.ndim == 3 and self.sfreq is not None:
            found = {m.band for m in self.groups_ if m.name == "bands"}
            if len(found) > 1:
                warn_empty_bands(X, self.sfreq, sorted(found))
        if X.ndim == 4:
            bands = [None] * X.shape[3]
            for index, member in zip(self._filter_indices, self.groups_, strict=True):
                bands[index] = member.band
        names = getattr(self, "channel_names_in_", None)
        return SignalMemory.of(X, X_target, self.sfreq, bands, names)

    def _check_signal(self, X):
        """Validate trials to predict, which must be signals as those of fit were."""
        check_is_fitted(self)
        X = self._check_trials(X, reset=False, filters=True)
        if X.ndim == 4 and X.shape[3] != self._n_filters:
            raise ValueError(
                f"X has {X.shape[3]} filters, but the classifier was fitted with "
                f"{self._n_filters or 'none'}."
            )
        if X.ndim == 3 and not self._can_filter:
            raise ValueError(
                f"The classifier was fitted on 4-D trials of {self._n_filters} filters "
                "whose bands it does not know; got 3-D trials. Filter them alike."
            )
        self._memory.check_filters(X)
        return X

    def _check_window(self, n_times):
        """Refuse windows that could never be classified, before a stream begins."""
        check_is_fitted(self)
        if not self._can_filter:
            raise ValueError(
                f"The classifier was fitted on 4-D trials of {self._n_filters} filters "
                "whose bands it does not know, and a stream has none. Fit it on 3-D "
                "trials, or with sfreq and band."
            )
        for order, lag in self.embeddings_:
            embedding_window(n_times, order, lag, self._settings)

    def _announce(self, X):
        """Say beforehand that a fit will be long."""
        seconds = sum(
            seconds_of_logs(len(X), order * X.shape[1]) for order, _ in self.embeddings_
        )
        announce(
            seconds,
            f"{len(self.embeddings_)} embeddings of {len(X)} trials with up to "
            f"{max(p for p, _ in self.embeddings_) * X.shape[1]} rows",
            "orders=(1, 2), metric='block-toeplitz' or fewer channels shorten it; "
            "callbacks (set_callbacks) show its progress.",
        )

    def _training(self, source, X, domains, weight, X_target, params):
        if domains is None:
            return Training(source, X)
        if X_target is not None and X_target.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_target_unlabeled has {X_target.shape[1]} channels and X has "
                f"{X.shape[1]}. Select the same channels in the same order."
            )
        # Errors of single references hardly show in an average.
        tol = max(params.tol, 1e-4) if params.selection == "average" else params.tol
        transport = params.metric == "bures-wasserstein"
        means = MeanSettings(params.metric if transport else "riemann", tol)
        return RecenteredTraining(source, X, domains, weight, X_target, means)

    def _checked_params(self):
        """Check the parameters one by one, then against each other."""
        params = check_params(self)
        if params.sfreq is None and not isinstance(params.lags, str):
            whole = all(float(lag).is_integer() for lag in params.lags)
            if not whole:
                raise ValueError(
                    f"lags={params.lags!r} are samples, whole numbers, as long as "
                    "sfreq is not given. Give sfreq for lags in seconds."
                )
        averaged = params.selection == "average"
        if averaged and params.method in DISTANCES:
            raise ValueError(
                "selection='average' averages tangent spaces: it takes "
                f"method='tangent-svm' or 'tangent-lr'; got {params.method!r}. Pass "
                "selection=None for a single order and lag."
            )
        if params.metric == "block-toeplitz" and params.method == "fgmdm":
            raise ValueError(
                "metric='block-toeplitz' takes method='tangent-svm', 'tangent-lr' or "
                "'mdm'; got 'fgmdm'."
            )
        return params

    def _make_source(self, X, params):
        """Resolve the embeddings and check that they fit the trials."""
        n_filters = X.shape[3] if X.ndim == 4 else None
        indices = [0]
        if params.selection == "average":
            self.groups_, indices = resolve_groups(params, *X.shape[1:3], n_filters)
        else:
            order, lag = params.order, params.lag
            if n_filters is not None:
                raise ValueError(
                    f"X has {n_filters} filters, which selection='average' averages; "
                    f"got selection={params.selection!r}. Pass X[..., 0]."
                )
            if params.selection is not None:
                order, lag, _ = select_embedding(X, params.selection)
            self.groups_ = [GroupMember("time", None, order, lag, 1.0)]
        self.embeddings_ = [(member.order, member.lag) for member in self.groups_]
        settings = CovarianceSettings(
            params.edge,
            params.estimator,
            params.shrinkage,
            params.block_toeplitz or params.metric == "block-toeplitz",
        )
        check_settings(settings)
        for order, lag in self.embeddings_:
            embedding_window(X.shape[2], order, lag, settings)
        members = tuple(
            SourceMember(index, member.band, member.order, member.lag)
            for index, member in zip(indices, self.groups_, strict=True)
        )
        self._settings, self._filter_indices = settings, indices
        bank = max(indices) + 1
        self._n_filters = bank if bank > 1 else None
        self._can_filter = all(m.band is not None for m in members if m.index > 0)
        return CovarianceSource(
            members, settings, params.metric, params.sfreq, params.n_jobs
        )

    def _make_features(self, params):
        """Tangent vectors of all embeddings; None for the distance methods."""
        if params.method in DISTANCES:
            return None
        n = len(self.groups_)
        averaged = params.selection == "average"
        if params.metric == "block-toeplitz":
            # Errors of single references hardly show in an average.
            tol = max(params.tol, 1e-2) if averaged else params.tol
            spaces = [SiegelSpace(tol) for _ in range(n)]
        elif averaged:
            spaces = [OnePassSpace() for _ in range(n)]
        else:
            spaces = [RiemannSpace(params.tol)]
        if not averaged:
            return TangentFeatures(spaces)
        return TangentFeatures(
            spaces,
            np.array([member.share for member in self.groups_]),
            groups=[member.name for member in self.groups_],
            alignment=params.weights == "alignment",
        )

    def _encoded_class_weight(self):
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        labels = self.classes_.tolist()
        unknown = set(self.class_weight) - set(labels)
        if unknown:
            raise ValueError(
                f"class_weight names {sorted(map(str, unknown))}, which are not among "
                f"the classes {labels}."
            )
        for label, value in self.class_weight.items():
            if not Real(0.0, closed="neither").accepts(value):
                raise ValueError(
                    f"class_weight must hold finite numbers > 0; got {value!r} for "
                    f"{label!r}."
                )
        return {labels.index(label): w for label, w in self.class_weight.items()}

    def _outputs(self, X):
        """Outputs of the fitted head, a chunk of trials at a time."""
        X = self._check_signal(X)
        self._memory.warn_amplitudes(X)
        step = self._source.per_chunk(X.shape[1])
        with single_blas_thread():
            return np.concatenate(
                [
                    self._head.outputs(self._source.each(X[start : start + step]))
                    for start in range(0, len(X), step)
                ]
            )

    @property
    def patterns_(self) -> list[Pattern]:
        """Patterns of the embeddings, see the attributes of the class."""
        check_is_fitted(self)
        features = getattr(self._head, "features", None)
        dense = self.metric != "block-toeplitz"
        if not (getattr(self._head, "linear", False) and dense):
            raise AttributeError(
                "patterns_ needs a tangent method with a linear kernel and a metric "
                "other than 'block-toeplitz'."
            )
        return covariance_patterns(
            self.groups_, features.spaces, self._head.activations, self.n_channels_in_
        )

    @property
    def channel_importance_(self) -> np.ndarray:
        """Importance of the channels, see the attributes of the class."""
        sizes = sum(p.share * np.abs(p.power).max(0) for p in self.patterns_)
        return sizes / sizes.sum() if sizes.sum() > 0 else sizes
