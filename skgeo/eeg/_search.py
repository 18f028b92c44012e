"""Search of order, lag, C and kernel by inner cross-validation, work shared."""

import time
import warnings
from collections.abc import Callable as CallableType
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted

from skgeo.eeg._classification import AugmentedCovarianceClassifier
from skgeo.eeg._covariance import AugmentedCovariances
from skgeo.eeg._decisions import TrialClassifier
from skgeo.eeg._durations import seconds_of_logs
from skgeo.eeg._grid import CovarianceGrid, distinct_points
from skgeo.eeg._search_results import FAST_SCORES, ScorerAdapter, results_table
from skgeo.eeg._solvers.covariances import CovarianceSettings
from skgeo.eeg._solvers.cross_validation import Folds, score_settings
from skgeo.eeg._solvers.fold_grams import PRECISIONS
from skgeo.exceptions import UnusedParameterWarning
from skgeo.utils.amplitudes import warn_unlike_channels
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.doubts import warn_doubtful_trials
from skgeo.utils.durations import announce
from skgeo.utils.parallel import map_threads
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    Unused,
    check_params,
)
from skgeo.utils.standard_error import simplest_within_one_error
from skgeo.utils.validation import (
    check_sample_weight,
    check_trials_y,
)

__all__ = ["AugmentedCovarianceClassifierCV"]

_COVARIANCE_SETTINGS = ("edge", "estimator", "shrinkage", "block_toeplitz")


def _score_point(grid, folds, point):
    """Score all settings of one embedding; a module function, so that it pickles."""
    return score_settings(grid.covariances(*point), folds)


class AugmentedCovarianceClassifierCV(CallbackMixin, TrialClassifier):
    """Choose order, lag, C and kernel by inner cross-validation on the training trials.

    The result is that of scikit-learn's ``GridSearchCV`` over the pipeline of
    augmented covariances, tangent space at the Riemannian mean and support vector
    machine. The work is shared: lagged products are computed once for all
    embeddings, order 1 is evaluated once, the mean of every inner fold is one Newton
    step from a shared reference, and all values of C and both kernels read one Gram
    matrix.

    Parameters
    ----------
    orders : sequence of int, default=range(1, 11)
        Orders to try.
    lags : sequence of int, default=range(1, 11)
        Lags to try, in samples.
    Cs : sequence of float, default=(0.5, 1.0, 1.5)
        Inverse regularizations to try.
    kernels : sequence of {"linear", "rbf"}, default=("linear", "rbf")
        Kernels to try; the rbf width is scikit-learn's ``gamma="scale"``.
    cv : int, splitter or iterable, default=3
        Inner folds, as in ``GridSearchCV``.
    scoring : str, callable or None, default=None
        Score of a fold. None is the area under the ROC curve for two classes and the
        accuracy for more, as MOABB scores. Other strings and callables are
        scikit-learn's scorers, from predictions or decision values.
    refit_rule : {"best", "one-se"}, default="best"
        ``"best"`` takes the best mean score; the first of equals, in the order lag,
        order, C, kernel. ``"one-se"`` takes the smallest order with a score within
        one standard error of the best one, and its best setting.
    precision : {"exact", "first-order", "shared"}, default="exact"
        Where the tangent space of an inner fold lies. ``"exact"``: at the mean of
        its training trials, as ``GridSearchCV`` has it. ``"first-order"``: at a
        reference shared by the folds, corrected to first order. ``"shared"``: at that
        reference. The shared reference sees the inner validation trials, without
        their labels. The final fit is exact always.
    metric : {"riemann", "block-toeplitz"}, default="riemann"
        Geometry, see :class:`AugmentedCovarianceClassifier`.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        What happens at the ends of a trial, see :class:`DelayEmbedding`.
    estimator : str or callable, default="scm"
        Covariance estimator, see :class:`AugmentedCovariances`.
    shrinkage : {"diagonal", "auto"}, None or float in [0, 1], default="diagonal"
        Shrinkage of the covariances, see :class:`AugmentedCovariances`.
    block_toeplitz : bool, default=False
        Estimate every lag once, biased.
    probability : bool, default=True
        Whether the final classifier calibrates probabilities.
    tol : float, default=1e-8
        Tolerance of the mean of the final fit.
    max_memory : float, default=2048
        Maximum memory, in MB, for the matrices of the embeddings being worked on. It
        limits the number of threads; a single embedding that needs more is refused.
    n_jobs : int or None, default=None
        Threads over embeddings, as in joblib.

    Attributes
    ----------
    cv_results_ : dict of str to array
        As ``GridSearchCV``'s, without times: ``param_order``, ``param_lag``,
        ``param_C``, ``param_kernel``, ``params``, ``split0_test_score``, ...,
        ``mean_test_score``, ``std_test_score``, ``rank_test_score``. Order 1
        appears with the first lag only.
    best_params_ : dict
        The chosen ``order``, ``lag``, ``C`` and ``kernel``.
    best_score_ : float
        Its mean score.
    best_index_ : int
        Its position in ``cv_results_``.
    best_estimator_ : AugmentedCovarianceClassifier
        Fitted with the chosen parameters on all training trials.
    n_splits_ : int
        Number of inner folds.
    refit_time_ : float
        Seconds of the final fit.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_channels_in_, n_times_in_ : int
        Shape of a training trial.

    Raises
    ------
    ValueError
        If the input is not what is described, an embedding leaves no samples or
        needs more than ``max_memory``, or a class is missing in an inner fold.

    See Also
    --------
    AugmentedCovarianceClassifier : One embedding, or the average of several, which
        is safer with many channels or few trials.

    Notes
    -----
    With ``precision="exact"`` and ``refit_rule="best"`` the scores of the folds are
    those of ``GridSearchCV``, except where two validation trials have decision values
    that differ by less than the tolerance of ``SVC`` (1e-3): which of them is the
    larger then depends on rounding. In 36 searches on trials whose gains spread by
    factors of ``exp(0.5 z)`` to ``exp(3 z)``, z normal, that was one pair of trials in
    4 of 1,728 areas under the ROC curve (0.028 each); the chosen order was the same
    in all.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovarianceClassifierCV
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["left", "right"], 20)
    >>> noise = rng.standard_normal((40, 2, 201))
    >>> X = noise[:, :, 1:] + (y == "right")[:, None, None] * noise[:, :, :-1]
    >>> search = AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(1, 3)).fit(X, y)
    >>> search.best_params_["lag"], search.best_score_
    (1, 1.0)
    """

    _param_rules = {
        "orders": SequenceOf(Integer(1)),
        "lags": SequenceOf(Integer(1)),
        "Cs": SequenceOf(Real(0.0, closed="neither", magnitudes=(1e-20, 1e20))),
        "kernels": SequenceOf(OneOf("linear", "rbf")),
        "cv": Integer(2)
        | Instance(object, "a number of folds >= 2, a splitter or an iterable"),
        "scoring": Null() | Instance(str, "the name of a scorer") | Callable(),
        "refit_rule": OneOf("best", "one-se"),
        "precision": OneOf(*PRECISIONS),
        "metric": OneOf("riemann", "block-toeplitz"),
        **{
            name: AugmentedCovariances._param_rules[name]
            for name in _COVARIANCE_SETTINGS
        },
        "probability": Boolean(),
        "tol": Real(0.0, closed="neither"),
        "max_memory": Real(0.0, closed="neither"),
        "n_jobs": Null() | Integer(),
    }

    _unused_params = (
        Unused(
            ("edge", "block_toeplitz"),
            lambda p: p.metric == "block-toeplitz",
            "metric is 'block-toeplitz'",
        ),
        Unused(
            "edge",
            lambda p: p.block_toeplitz and p.metric == "riemann",
            "block_toeplitz is True",
        ),
    )

    def __init__(
        self,
        orders: Sequence[int] = range(1, 11),
        lags: Sequence[int] = range(1, 11),
        *,
        Cs: Sequence[float] = (0.5, 1.0, 1.5),
        kernels: Sequence[str] = ("linear", "rbf"),
        cv: Any = 3,
        scoring: str | CallableType[..., float] | None = None,
        refit_rule: str = "best",
        precision: str = "exact",
        metric: str = "riemann",
        edge: str = "valid",
        estimator: str | CallableType[..., Any] = "scm",
        shrinkage: str | float | None = "diagonal",
        block_toeplitz: bool = False,
        probability: bool = True,
        tol: float = 1e-8,
        max_memory: float = 2048,
        n_jobs: int | None = None,
    ) -> None:
        self.orders = orders
        self.lags = lags
        self.Cs = Cs
        self.kernels = kernels
        self.cv = cv
        self.scoring = scoring
        self.refit_rule = refit_rule
        self.precision = precision
        self.metric = metric
        self.edge = edge
        self.estimator = estimator
        self.shrinkage = shrinkage
        self.block_toeplitz = block_toeplitz
        self.probability = probability
        self.tol = tol
        self.max_memory = max_memory
        self.n_jobs = n_jobs

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> "AugmentedCovarianceClassifierCV":
        """Search, and fit the chosen classifier on all trials.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, band-passed, in any unit, or ``mne.Epochs``.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials in means and machines; scores are not weighted, and
            trials of weight zero are left out.
        groups : array-like of shape (n_trials,), optional
            Groups (runs, blocks) for a ``cv`` that keeps them together.

        Returns
        -------
        self : AugmentedCovarianceClassifierCV
            The fitted search.
        """
        params = check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        warn_unlike_channels(X, self)
        warn_doubtful_trials(X)
        self.classes_, codes = check_trials_y(y, X)
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        kept = weight > 0
        if not kept.all():
            X, codes, weight = X[kept], codes[kept], weight[kept]
            groups = None if groups is None else np.asarray(groups)[kept]
        folds = self._folds(X, codes, groups, weight)
        points = distinct_points(self.orders, self.lags)
        settings = CovarianceSettings(
            params.edge,
            params.estimator,
            params.shrinkage,
            params.block_toeplitz or params.metric == "block-toeplitz",
        )
        grid = CovarianceGrid.build(X, points, settings, params.metric)
        n_threads = self._threads(len(X), points)
        self._announce(X, points, folds, n_threads)
        with self._iterations(len(points), X=X, y=y) as tick:
            scores = self._evaluate(grid, folds, points, n_threads, tick)
        self._store(scores, folds)
        start = time.perf_counter()
        self.best_estimator_ = AugmentedCovarianceClassifier(
            **self.best_params_,
            selection=None,
            **{name: getattr(params, name) for name in _COVARIANCE_SETTINGS},
            metric=params.metric,
            probability=params.probability,
            tol=params.tol,
            n_jobs=params.n_jobs,
        )
        with warnings.catch_warnings():  # said above already
            warnings.simplefilter("ignore", UnusedParameterWarning)
            warnings.filterwarnings("ignore", "X has channels of unlike units")
            self.best_estimator_.fit(X, self.classes_[codes], weight)
        self.refit_time_ = time.perf_counter() - start
        return self

    def _folds(self, X, codes, groups, weight):
        try:
            splitter = check_cv(self.cv, self.classes_[codes], classifier=True)
        except (TypeError, ValueError) as error:
            raise ValueError(f"cv cannot be used: {error}") from error
        smallest = np.bincount(codes).min()
        if isinstance(self.cv, (int, np.integer)) and smallest < self.cv:
            raise ValueError(
                f"cv={self.cv} needs as many trials of each class; the smallest class "
                f"has {smallest}. Lower cv or pass more trials."
            )
        splits = [
            (np.asarray(train), np.asarray(test))
            for train, test in splitter.split(X, self.classes_[codes], groups)
        ]
        for f, (train, test) in enumerate(splits):
            if len(np.unique(codes[train])) < len(self.classes_) or not len(test):
                raise ValueError(
                    f"Fold {f} of cv has a training part without one of the classes "
                    f"{self.classes_.tolist()}, or no test trials. Use stratified "
                    "folds or fewer of them."
                )
        return Folds(
            codes=codes,
            n_classes=len(self.classes_),
            splits=splits,
            Cs=tuple(map(float, self.Cs)),
            kernels=tuple(self.kernels),
            scoring=self._scoring(codes),
            precision=self.precision,
            weight=weight,
        )

    def _scoring(self, codes):
        binary = len(self.classes_) == 2
        if self.scoring is None:
            return "roc_auc" if binary else "accuracy"
        if self.scoring in FAST_SCORES and (binary or self.scoring != "roc_auc"):
            return self.scoring
        try:
            scorer = check_scoring(self, scoring=self.scoring)
        except ValueError as error:
            raise ValueError(f"scoring cannot be used: {error}") from error
        return ScorerAdapter(scorer, self.classes_, self.classes_[codes])

    def _announce(self, X, points, folds, n_threads):
        """Say beforehand that a search will be long."""
        passes = 1 + (len(folds.splits) if self.precision == "exact" else 1)
        rows = [order * X.shape[1] for order, _ in points]
        seconds = passes * sum(seconds_of_logs(len(X), d) for d in rows) / n_threads
        announce(
            seconds,
            f"{len(points)} embeddings of {len(X)} trials with up to {max(rows)} rows",
            "Fewer or smaller orders, precision='shared' and n_jobs shorten it; "
            "callbacks (set_callbacks) show its progress.",
        )

    def _threads(self, n_trials, points):
        """Return how many embeddings fit into memory at a time."""
        order = max(point[0] for point in points)
        d = order * self.n_channels_in_
        # Covariances, eigenvectors here and at the fold's mean, Hessian, logarithms,
        # and the parts of a fold.
        need = 8 * n_trials * d * d * 8 / 1e6
        if need > self.max_memory:
            raise ValueError(
                f"order={order} with {self.n_channels_in_} channels and {n_trials} "
                f"trials needs about {need:.0f} MB, more than "
                f"max_memory={self.max_memory:g}. Drop that order from orders, or "
                "raise max_memory."
            )
        return max(1, min(effective_n_jobs(self.n_jobs), int(self.max_memory // need)))

    def _evaluate(self, grid, folds, points, n_threads, tick):
        """Score every embedding; dict of point -> scores."""
        task = partial(_score_point, grid, folds)
        # The largest first: threads then end together.
        order = sorted(points, key=lambda point: -point[0])
        watched = bool(getattr(self, "_skl_callbacks", None))
        wave = n_threads if watched else len(order)
        done = {}
        for start in range(0, len(order), wave):
            part = order[start : start + wave]
            results = map_threads(task, part, n_threads)
            done.update(zip(part, results, strict=True))
            asked = [tick({"point": point}) for point in part]
            if any(asked):
                break
        return {point: done[point] for point in points if point in done}

    def _store(self, scores, folds):
        results, table = results_table(scores, folds)
        params, mean = results["params"], results["mean_test_score"]
        self.cv_results_ = results
        self.n_splits_ = len(folds.splits)
        self.best_index_ = int(results["rank_test_score"].argmin())
        if self.refit_rule == "one-se":
            orders = [p["order"] for p in params]
            self.best_index_ = simplest_within_one_error(table, orders)
        self.best_params_ = params[self.best_index_]
        self.best_score_ = float(mean[self.best_index_])

    @property
    def _head(self):
        return self.best_estimator_._head

    def _outputs(self, X):
        check_is_fitted(self)
        return self.best_estimator_._outputs(X)

    def _check_window(self, n_times):
        """Refuse windows that could never be classified, before a stream begins."""
        check_is_fitted(self)
        self.best_estimator_._check_window(n_times)
