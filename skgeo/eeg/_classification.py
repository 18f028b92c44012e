"""Classifiers of trials by their augmented covariances."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgeo.base import TrialsMixin
from skgeo.eeg._covariance import AugmentedCovariances
from skgeo.eeg._heads import make_head
from skgeo.eeg._selection import METHODS, select_embedding
from skgeo.eeg._sources import (
    CovarianceSource,
    RecenteredSource,
    averaged_points,
    order_shares,
)
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    check_params,
)
from skgeo.utils.validation import check_sample_weight, check_trials_y

__all__ = ["AugmentedCovarianceClassifier"]


def _gives_probabilities(self):
    return self.method != "tangent-svm" or self.probability


class AugmentedCovarianceClassifier(ClassifierMixin, TrialsMixin, BaseEstimator):
    """Classify trials by the Riemannian geometry of their augmented covariances.

    Each trial is embedded by delays, its covariance taken, and the covariances are
    classified where they live: in the tangent space at their mean, or by their
    distance to the mean of each class. The embedding is given, found from the
    dynamics of the trials, or several are averaged and none is chosen.

    Parameters
    ----------
    order : int, default=4
        Number of delayed copies of each channel. 1 is the classifier on plain
        covariances. Used with ``selection=None``.
    lag : int, default=4
        Delay between copies, in samples: it is tied to the sampling rate. Very small
        lags at high orders make nearly singular covariances of band-passed signals.
    selection : {None, "average", "mdop", "cao", "fnn", "ami"}, default=None
        None takes ``order`` and ``lag``. ``"average"`` averages the normalized Gram
        matrices of all ``orders`` and ``lags`` and chooses nothing: as good as a
        search where a search helps, and safer with many channels or few trials.
        The other names find one order and lag by :func:`select_embedding`, without
        the labels.
    orders : "auto" or sequence of int, default="auto"
        Orders of ``selection="average"``. ``"auto"``: from 1 to the largest one whose
        covariances have at most 100 rows, but at least 2 and at most 6.
    lags : "auto" or sequence of int, default="auto"
        Lags of ``selection="average"``, in samples. ``"auto"``: 1, 2, 4, 6 and 8.
        Where orders or lags are ``"auto"``, embeddings that span more than half a
        trial are left out.
    order_weights : {"auto", "equal", "inverse"}, default="auto"
        Share of an order in the average, split evenly over its lags: the same for
        all, or ``1 / order``. ``"auto"`` is ``"equal"`` for up to 12 channels and
        ``"inverse"`` for more, where high orders cost more than they bring.
    metric : {"riemann", "block-toeplitz"}, default="riemann"
        Geometry. ``"block-toeplitz"`` estimates every lag once and works with the
        reflection coefficients of the block-Toeplitz matrix, matrices of the size of
        the channels, which is faster at high orders.
    method : {"tangent-svm", "tangent-lr", "mdm", "fgmdm"}, default="tangent-svm"
        ``"tangent-svm"`` and ``"tangent-lr"``: support vector machine or
        L2-regularized logistic regression on tangent vectors. ``"mdm"``: minimum
        distance to the class means. ``"fgmdm"``: the same after geodesic filtering.
    C : float, default=1.0
        Inverse regularization of the tangent methods.
    kernel : {"linear", "rbf"}, default="linear"
        Kernel of ``"tangent-svm"``.
    gamma : "scale", "auto" or float, default="scale"
        Width of the rbf kernel, with scikit-learn's meaning.
    class_weight : "balanced", dict or None, default=None
        Weights of the classes in the tangent methods; a dict is keyed by label.
    probability : bool, default=True
        Whether ``"tangent-svm"`` calibrates probabilities: the softmax of its
        decision values, tempered on held-out decisions of five folds.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        Ends of the trials, see :class:`AugmentedCovariances`, as for the next three.
    estimator : str or callable, default="scm"
        Covariance estimator.
    shrinkage : "auto", None or float in [0, 1], default="auto"
        Shrinkage towards the scaled identity.
    block_toeplitz : bool, default=False
        Estimate every lag once, biased.
    tol : float, default=1e-8
        Tolerance of the Riemannian means; an average never asks for less than 1e-2.
    n_jobs : int or None, default=None
        Threads over trials in the covariances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    embeddings_ : list of (int, int)
        The orders and lags in use.
    n_channels_in_ : int
        Number of channels seen in fit.
    n_times_in_ : int
        Number of times a trial had in fit. Trials of another length may be
        predicted.

    See Also
    --------
    AugmentedCovarianceClassifierCV : Chooses order, lag, C and kernel by inner
        cross-validation.
    AugmentedCovariances : The covariances.
    TangentMap : The tangent vectors, for pipelines of one's own.

    Notes
    -----
    Predictions do not change when the channels are mixed by an invertible matrix,
    if ``shrinkage=None``, nor when all amplitudes are multiplied by a constant.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023). Block-Toeplitz covariances: Carrara
    and Papadopoulo, arXiv:2406.16909 (2024); Jeuris and Vandebril, SIAM J. Matrix
    Analysis and Applications 37 (2016), 1151-1175. Tangent space: Barachant, Bonnet,
    Congedo and Jutten, IEEE Trans. Biomedical Engineering 59 (2012), 920-928.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovarianceClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["left", "right"], 20)
    >>> X = rng.standard_normal((40, 3, 200))
    >>> X[20:, 0] *= 2.0
    >>> AugmentedCovarianceClassifier(order=2, lag=2).fit(X, y).score(X, y)
    1.0
    >>> average = AugmentedCovarianceClassifier(selection="average").fit(X, y)
    >>> len(average.embeddings_), average.score(X, y)
    (26, 1.0)
    """

    _param_rules = {
        **{
            name: AugmentedCovariances._param_rules[name]
            for name in ("order", "lag", "edge", "estimator", "shrinkage", "n_jobs")
        },
        "selection": Null() | OneOf("average", *METHODS),
        "orders": OneOf("auto") | SequenceOf(Integer(1)),
        "lags": OneOf("auto") | SequenceOf(Integer(1)),
        "order_weights": OneOf("auto", "equal", "inverse"),
        "metric": OneOf("riemann", "block-toeplitz"),
        "block_toeplitz": Boolean(),
        "method": OneOf("tangent-svm", "tangent-lr", "mdm", "fgmdm"),
        "C": Real(0.0, closed="neither"),
        "kernel": OneOf("linear", "rbf"),
        "gamma": OneOf("scale", "auto") | Real(0.0, closed="neither"),
        "class_weight": OneOf("balanced")
        | Instance(dict, "a dict of label: weight")
        | Null(),
        "probability": Boolean(),
        "tol": Real(0.0, closed="neither"),
    }

    def __init__(
        self,
        order=4,
        lag=4,
        *,
        selection=None,
        orders="auto",
        lags="auto",
        order_weights="auto",
        metric="riemann",
        method="tangent-svm",
        C=1.0,
        kernel="linear",
        gamma="scale",
        class_weight=None,
        probability=True,
        edge="valid",
        estimator="scm",
        shrinkage="auto",
        block_toeplitz=False,
        tol=1e-8,
        n_jobs=None,
    ):
        self.order = order
        self.lag = lag
        self.selection = selection
        self.orders = orders
        self.lags = lags
        self.order_weights = order_weights
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

    def fit(self, X, y, sample_weight=None):
        """Fit the classifier.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, band-passed, in any unit.
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
        """
        return self._fit(X, y, sample_weight)

    def _fit(self, X, y, sample_weight, domains=None, X_target=None):
        """Fit; with domains or target trials, on recentered covariances."""
        check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        self.classes_, codes = check_trials_y(y, X)
        weight = check_sample_weight(sample_weight, len(X), normalize=False)
        kept = weight > 0
        if not kept.all():  # a weight of zero is a trial left out
            X, codes, weight = X[kept], codes[kept], weight[kept]
            domains = domains if domains is None else domains[kept]
            if len(np.unique(codes)) < len(self.classes_):
                raise ValueError("sample_weight is zero for every trial of a class.")
        self._source = self._make_source(X)
        shares = None
        if self.selection == "average":
            shares = order_shares(self.embeddings_, self.order_weights, X.shape[1])
        params = self.get_params(deep=False)
        params["class_weight"] = self._encoded_class_weight()
        if X_target is not None and X_target.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_target_unlabeled has {X_target.shape[1]} channels and X has "
                f"{X.shape[1]}. Select the same channels in the same order."
            )
        if domains is not None or X_target is not None:
            self._source = RecenteredSource(self._source, X_target, self.tol)
            matrices = self._source.training(X, domains, weight)
        else:
            matrices = self._source(X)
        head = make_head(self.method, params, shares)
        with single_blas_thread():
            self._head = head.fit(matrices, codes, len(self.classes_), weight)
        return self

    def _make_source(self, X):
        """Resolve the embeddings and check that they fit the trials."""
        toeplitz = self.metric == "block-toeplitz"
        averaged = self.selection == "average"
        if averaged and self.method in ("mdm", "fgmdm"):
            raise ValueError(
                "selection='average' averages tangent spaces: it takes "
                f"method='tangent-svm' or 'tangent-lr'; got {self.method!r}."
            )
        if toeplitz and self.method == "fgmdm":
            raise ValueError(
                "metric='block-toeplitz' takes method='tangent-svm', 'tangent-lr' or "
                "'mdm'; got 'fgmdm'."
            )
        if averaged:
            self.embeddings_ = averaged_points(self.orders, self.lags, *X.shape[1:])
        elif self.selection is not None:
            found = select_embedding(X, self.selection)
            self.embeddings_ = [(found.order, found.lag)]
        else:
            self.embeddings_ = [(self.order, self.lag)]
        transformers = [
            AugmentedCovariances(
                order=order,
                lag=lag,
                edge=self.edge,
                estimator=self.estimator,
                shrinkage=self.shrinkage,
                block_toeplitz=self.block_toeplitz or toeplitz,
                n_jobs=self.n_jobs,
            ).fit(X[:1])
            for order, lag in self.embeddings_
        ]
        return CovarianceSource(transformers, self.metric, single=not averaged)

    def _encoded_class_weight(self):
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        unknown = set(self.class_weight) - set(self.classes_.tolist())
        if unknown:
            raise ValueError(
                f"class_weight names {sorted(map(str, unknown))}, which are not among "
                f"the classes {self.classes_.tolist()}."
            )
        labels = self.classes_.tolist()
        return {labels.index(label): w for label, w in self.class_weight.items()}

    def _ask(self, question, X):
        check_is_fitted(self)
        X = self._check_trials(X, reset=False)
        with single_blas_thread():
            return getattr(self._head, question)(self._source(X))

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        y : ndarray of shape (n_trials,)
            Labels. With several classes ``"tangent-svm"`` decides by libsvm's
            one-against-one vote.
        """
        codes = self._ask("predict", X)
        return self.classes_[codes]

    def decision_function(self, X):
        """Compute decision values.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        decision : ndarray of shape (n_trials,) or (n_trials, n_classes)
            For two classes one value, positive for ``classes_[1]``.
        """
        return self._ask("decision", X)

    @available_if(_gives_probabilities)
    def predict_proba(self, X):
        """Compute probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials.

        Returns
        -------
        proba : ndarray of shape (n_trials, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        return self._ask("proba", X)
