"""Classification across sessions or people by recentering each domain."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgeo.eeg._classification import AugmentedCovarianceClassifier
from skgeo.utils.callbacks import with_callbacks
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import OneOf, check_params
from skgeo.utils.validation import (
    check_group_labels,
    check_sample_weight,
    check_trials,
    read_trials,
)
from skgeo.utils.warn import warn_user

__all__ = ["RecenteredCovarianceClassifier"]


class RecenteredCovarianceClassifier(AugmentedCovarianceClassifier):
    """Augmented-covariance classifier that recenters each domain, without labels.

    The covariances of one session or one person, a *domain*, lie around their own
    mean. Moving the mean of every domain to the identity,
    ``C -> M^(-1/2) C M^(-1/2)``, removes that difference without any labels.
    ``subjects`` gives the domains of the training trials, and the mean of the domain
    to predict comes from ``X_target_unlabeled``. MOABB's transfer protocols offer both
    under these names, and this estimator requests both by default.

    Parameters
    ----------
    order : int, default=4
        Number of delayed copies, with ``selection=None``; see
        :class:`AugmentedCovarianceClassifier` for this and all other parameters.
    lag : int, default=4
        Delay between copies, in samples, with ``selection=None``.
    selection : {"average", "mdop", "cao", "fnn", "ami"} or None, default="average"
        Where the embedding comes from.
    orders : "auto" or sequence of int, default="auto"
        Orders of the average.
    lags : "auto" or sequence of float, default="auto"
        Lags of the average, in seconds with ``sfreq``, otherwise in samples.
    order_weights : {"auto", "equal", "inverse", "proportional"}, default="auto"
        Share of an order in its group.
    sfreq : float or None, default=None
        Sampling frequency in Hz.
    band : (float, float) or None, default=None
        Pass band in Hz.
    bands : "auto", int, sequence of (float, float) or None, default="auto"
        Bands of the second group of the average, in Hz.
    frequencies : sequence of float or None, default=None
        Known frequencies in Hz, of flickering stimuli.
    weights : {"equal", "alignment"}, default="equal"
        Shares within a group.
    metric : {"riemann", "bures-wasserstein", "block-toeplitz"}, default="riemann"
        Geometry of the domains' means: affine-invariant, ``C -> M^(-1/2) C M^(-1/2)``,
        or Bures-Wasserstein, whose transport :class:`CovarianceRecentering` describes
        (with its ``theta=0.5``). Recentered covariances are classified by the
        affine-invariant geometry in both cases. Block-Toeplitz covariances are
        recentered by the affine-invariant mean of their diagonal blocks.
    method : {"auto", "tangent-svm", "tangent-lr", "mdm", "fgmdm"}, default="auto"
        Classifier.
    C : float, default=1.0
        Inverse regularization of the tangent methods.
    kernel : {"linear", "rbf"}, default="linear"
        Kernel of the support vector machine.
    gamma : "scale", "auto" or float, default="scale"
        Width of the rbf kernel.
    class_weight : "balanced", dict or None, default=None
        Weights of the classes.
    probability : bool, default=True
        Whether ``"tangent-svm"`` and ``"auto"`` give probabilities.
    edge : {"valid", "moabb", "wrap"}, default="valid"
        What happens at the ends of a trial.
    estimator : str or callable, default="scm"
        Covariance estimator.
    shrinkage : {"diagonal", "auto"}, None or float in [0, 1], default="diagonal"
        Shrinkage of the covariances.
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
    domains_ : ndarray of shape (n_domains,)
        Labels of the training domains.
    embeddings_ : list of (int, int)
        The orders and lags in use, in samples.
    groups_ : list of GroupMember
        Group, band, embedding and share of each.
    method_ : str
        The method in use.
    n_channels_in_, n_times_in_ : int
        Shape of a training trial.

    See Also
    --------
    AugmentedCovarianceClassifier : The same for a single domain.

    Notes
    -----
    Without ``X_target_unlabeled`` the trials to predict are recentered by the mean of
    all training trials; with a single training domain this is then the plain
    classifier. :meth:`set_target` changes to another domain without fitting anew,
    :meth:`partial_fit` follows a stream, and :meth:`predict_target` does either.

    References
    ----------
    Zanini, Congedo, Jutten, Said and Berthoumieu, IEEE Trans. Biomedical Engineering
    65 (2018), 1107-1116.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import RecenteredCovarianceClassifier
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(60, 3)
    >>> subjects = np.repeat([1, 2], 30)
    >>> X[subjects == 2] = np.diag([1.0, 4.0, 0.2]) @ X[subjects == 2]
    >>> target = np.diag([3.0, 0.1, 1.0]) @ make_trials(60, 3)[0]
    >>> model = RecenteredCovarianceClassifier()
    >>> model.fit(X, y, subjects=subjects, X_target_unlabeled=target[:30])
    RecenteredCovarianceClassifier()
    >>> bool(model.score(target[30:], y[30:]) > 0.9)
    True
    """

    _param_rules = {
        **AugmentedCovarianceClassifier._param_rules,
        "metric": OneOf("riemann", "bures-wasserstein", "block-toeplitz"),
    }

    # Class-level default of scikit-learn's metadata routing: ask for all of MOABB's.
    __metadata_request__fit = {
        "subjects": True,
        "X_target_unlabeled": True,
        "X_target_labeled": True,
        "y_target_labeled": True,
    }

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        subjects: ArrayLike | None = None,
        X_target_unlabeled: ArrayLike | None = None,
        X_target_labeled: ArrayLike | None = None,
        y_target_labeled: ArrayLike | None = None,
    ) -> "RecenteredCovarianceClassifier":
        """Fit on recentered trials.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials of all training domains.
        y : array-like of shape (n_trials,)
            Labels.
        sample_weight : array-like of shape (n_trials,), optional
            Weights of the trials.
        subjects : array-like of shape (n_trials,), optional
            Domain (person, session) of each trial; by default all are one domain.
        X_target_unlabeled : array-like of (n_target, n_channels, n_times), optional
            Trials of the domain to predict, for its mean.
        X_target_labeled : array-like of (n_labeled, n_channels, n_times), optional
            Trials of the domain to predict whose labels are known: they train too.
            Together they weigh as much as a training domain does on average, if they
            are fewer than its trials.
        y_target_labeled : array-like of shape (n_labeled,), optional
            Their labels.

        Returns
        -------
        self : RecenteredCovarianceClassifier
            The fitted classifier.
        """
        X, _, _ = read_trials(X)
        X = check_trials(X, filters=True)
        domains = np.zeros(len(X), dtype=int)
        if subjects is not None:
            self.domains_, domains = check_group_labels(subjects, X, "subjects")
        elif hasattr(self, "domains_"):
            del self.domains_
        target = []
        if X_target_unlabeled is not None:
            target.append(self._target(X_target_unlabeled, X, "X_target_unlabeled"))
        if (X_target_labeled is None) != (y_target_labeled is None):
            raise ValueError("X_target_labeled and y_target_labeled go together.")
        if X_target_labeled is not None:
            labeled = self._target(X_target_labeled, X, "X_target_labeled")
            target.append(labeled)
            y_target = np.asarray(y_target_labeled)
            check_consistent_length(labeled, y_target)
            check_consistent_length(X, y)
            factor = max(1.0, len(X) / len(np.unique(domains)) / len(labeled))
            weight = check_sample_weight(sample_weight, len(X), normalize=False)
            sample_weight = np.concatenate([weight, np.full(len(labeled), factor)])
            X = np.concatenate([X, labeled])
            y = np.asarray(y)
            kinds = [np.asarray(a.tolist()).dtype.kind in "biuf" for a in (y, y_target)]
            if kinds[0] != kinds[1]:
                raise ValueError(
                    "y and y_target_labeled must hold labels of one type; got "
                    f"{y.dtype} and {y_target.dtype}."
                )
            y = np.concatenate([y, y_target])
            domains = np.concatenate([domains, np.full(len(labeled), -1)])
        self._warn_single_classes(y, domains)
        X_target = np.concatenate(target) if target else None
        return self._fit(X, y, sample_weight, domains=domains, X_target=X_target)

    def _warn_single_classes(self, y, domains):
        """Recentering a domain of one class moves that class to where all others go."""
        labels = np.asarray(y)
        if labels.ndim != 1 or len(labels) != len(domains) or domains.max() < 1:
            return  # refused later, or a single domain
        single = [
            domain
            for domain in range(domains.max() + 1)
            if len(set(labels[domains == domain].tolist())) == 1
        ]
        if single and len(set(labels.tolist())) > 1:
            shown = ", ".join(str(self.domains_[k]) for k in single[:5])
            shown += ", ..." if len(single) > 5 else ""
            warn_user(
                f"{len(single)} of {domains.max() + 1} domains hold trials of one "
                f"class only ({shown}). Recentering moves the mean of each domain to "
                "one point, and takes away what tells this class from the others. Pass "
                "subjects= such that domains hold all classes."
            )

    @staticmethod
    def _target(X_target, X, name):
        X_target = check_trials(X_target, name=name, filters=True)
        if X_target.shape[1] != X.shape[1] or X_target.shape[3:] != X.shape[3:]:
            raise ValueError(
                f"{name} has {X_target.shape[1]} channels and shape {X_target.shape}; "
                f"X has {X.shape[1]} channels and shape {X.shape}. Select the same "
                "channels in the same order, and filter alike."
            )
        return X_target

    def set_target(self, X: ArrayLike) -> "RecenteredCovarianceClassifier":
        """Change to another domain to predict, without fitting anew.

        Parameters
        ----------
        X : array-like of shape (n_target, n_channels, n_times)
            Trials of that domain, without labels.

        Returns
        -------
        self : RecenteredCovarianceClassifier
            The classifier.
        """
        X = self._check_signal(X)
        self._memory.restart(X)
        with single_blas_thread():
            self._source.restart(X)
        return self

    def partial_fit(
        self, X: ArrayLike, y: None = None
    ) -> "RecenteredCovarianceClassifier":
        """Move the mean of the domain to predict by the share of new trials.

        The running mean of :class:`CovarianceRecentering`: one eigendecomposition per
        trial and embedding, no trial is kept. Where fit saw no trial of the domain,
        the mean starts at that of all training trials, which counts for one.

        Parameters
        ----------
        X : array-like of shape (n_target, n_channels, n_times)
            New trials of the domain to predict.
        y : None
            Ignored: labels play no part.

        Returns
        -------
        self : RecenteredCovarianceClassifier
            The classifier.
        """
        X = self._check_signal(X)
        with single_blas_thread():
            share = self._source.update(X)
        self._memory.follow(X, share)
        return self

    def predict_target(self, X: ArrayLike, *, mode: str = "transductive") -> np.ndarray:
        """Recenter trials of a new domain by themselves and predict them.

        Parameters
        ----------
        X : array-like of shape (n_trials, n_channels, n_times)
            Trials, in the order they were recorded.
        mode : {"transductive", "trialwise"}, default="transductive"
            ``"transductive"`` recenters by the mean of all of X. ``"trialwise"`` is
            online: each trial moves the running mean first and is then predicted, so
            a prediction depends on the trials up to it only.

        Returns
        -------
        y : ndarray of shape (n_trials,)
            Labels. The mean of the domain stays as it is afterwards.
        """
        params = check_params(
            "predict_target",
            {"mode": OneOf("transductive", "trialwise")},
            {"mode": mode},
        )
        if params.mode == "transductive":
            return self.set_target(X).predict(X)
        check_is_fitted(self)
        X = self._check_trials(X, reset=False, filters=True)
        labels = []
        for trial in X:
            labels.append(self.partial_fit(trial[None]).predict(trial[None]))
        return np.concatenate(labels)
