"""Classifiers of trials by their augmented covariances."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgeo.base import TrialsMixin
from skgeo.eeg._heads import make_head
from skgeo.eeg.covariance import AugmentedCovariances
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Boolean, Instance, Null, OneOf, Real, check_params
from skgeo.utils.validation import check_sample_weight, check_trials_y

__all__ = ["AugmentedCovarianceClassifier"]


def _gives_probabilities(self):
    return self.method != "tangent-svm" or self.probability


class AugmentedCovarianceClassifier(ClassifierMixin, TrialsMixin, BaseEstimator):
    """Classify trials by the Riemannian geometry of their augmented covariances.

    Each trial is embedded by delays, its covariance taken, and the covariances are
    classified where they live: in the tangent space at their mean, or by their
    distance to the mean of each class.

    Parameters
    ----------
    order : int, default=4
        Number of delayed copies of each channel. 1 is the classifier on plain
        covariances.
    lag : int, default=4
        Delay between copies, in samples: it is tied to the sampling rate. Very small
        lags at high orders make nearly singular covariances of band-passed signals.
    method : {"tangent-svm", "tangent-lr", "mdm", "fgmdm"}, default="tangent-svm"
        ``"tangent-svm"`` and ``"tangent-lr"``: support vector machine or
        L2-regularised logistic regression on tangent vectors. ``"mdm"``: minimum
        distance to the class means. ``"fgmdm"``: the same after geodesic filtering.
    C : float, default=1.0
        Inverse regularisation of the tangent methods.
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
        Tolerance of the Riemannian means.
    n_jobs : int or None, default=None
        Threads over trials in the covariances.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_channels_in_ : int
        Number of channels seen in fit.
    n_times_in_ : int
        Number of times a trial had in fit. Trials of another length may be
        predicted.

    See Also
    --------
    AugmentedCovariances : The covariances.
    TangentMap : The tangent vectors, for pipelines of one's own.

    Notes
    -----
    Predictions do not change when the channels are mixed by an invertible matrix,
    if ``shrinkage=None``, nor when all amplitudes are multiplied by a constant.

    References
    ----------
    Carrara and Papadopoulo, "Classification of BCI-EEG based on the augmented
    covariance matrix", arXiv:2302.04508 (2023). Barachant, Bonnet, Congedo and
    Jutten, IEEE Trans. Biomedical Engineering 59 (2012), 920-928.

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
    """

    _param_rules = {
        **{
            name: AugmentedCovariances._param_rules[name]
            for name in ("order", "lag", "edge", "estimator", "shrinkage", "n_jobs")
        },
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
        check_params(self)
        X = self._check_trials(X, reset=True, min_trials=2)
        self.classes_, codes = check_trials_y(y, X)
        weight = check_sample_weight(sample_weight, len(X), normalise=False)
        kept = weight > 0
        if not kept.all():  # a weight of zero is a trial left out
            X, codes, weight = X[kept], codes[kept], weight[kept]
            if len(np.unique(codes)) < len(self.classes_):
                raise ValueError("sample_weight is zero for every trial of a class.")
        self._covariances = AugmentedCovariances(
            order=self.order,
            lag=self.lag,
            edge=self.edge,
            estimator=self.estimator,
            shrinkage=self.shrinkage,
            block_toeplitz=self.block_toeplitz,
            n_jobs=self.n_jobs,
        )
        C = self._covariances.fit_transform(X)
        params = self.get_params(deep=False)
        params["class_weight"] = self._encoded_class_weight()
        head = make_head(self.method, params)
        with single_blas_thread():
            self._head = head.fit(C, codes, len(self.classes_), weight)
        return self

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
        C = self._covariances.transform(self._check_trials(X, reset=False))
        with single_blas_thread():
            return getattr(self._head, question)(C)

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
