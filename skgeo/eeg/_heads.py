"""The classifiers that sit on augmented covariances.

A head is fitted on matrices and encoded labels, and answers with a decision function
(binary: one column, positive for class 1), class codes and probabilities. Tangent
heads work on the Gram matrix of the tangent vectors: n x n instead of n x d(d+1)/2.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from skgeo.eeg.tangent import symmetric_whitener, warn_if_not_converged
from skgeo.solvers import riemann
from skgeo.solvers.lda import shrunk_lda_directions

__all__ = ["FilteredMeans", "GramLogistic", "GramSVM", "Means", "make_head"]


def make_head(method, params):
    """Build the head of a method.

    Parameters
    ----------
    method : str
        Name of the method.
    params : dict
        Parameters of the classifier.

    Returns
    -------
    head : object
        An unfitted head.
    """
    common = {"tol": params["tol"]}
    if method == "tangent-svm":
        names = ("C", "kernel", "gamma", "class_weight", "probability")
        return GramSVM(**common, **{name: params[name] for name in names})
    if method == "tangent-lr":
        return GramLogistic(
            **common, C=params["C"], class_weight=params["class_weight"]
        )
    return Means(**common) if method == "mdm" else FilteredMeans(**common)


def _columns(decision):
    """Decision values as one column per class."""
    if decision.ndim == 1:
        return np.column_stack([np.zeros_like(decision), decision])
    return decision


class _TangentHead:
    """Common part of heads on tangent vectors at the mean of the training set."""

    def __init__(self, tol):
        self.tol = tol

    def _fit_tangent(self, C, weight):
        total = weight / weight.sum()
        result = riemann.riemann_mean(C, total, tol=self.tol)
        warn_if_not_converged(result, self.tol)
        self.whitener = result.x
        self.n_iter = result.n_iter
        S = result.extra["logs"].dense()
        return S.reshape(len(S), -1)

    def _tangent(self, C):
        S = riemann.log_maps(C, self.whitener).dense()
        return S.reshape(len(S), -1)


class GramSVM(_TangentHead):
    """Support vector machine on the Gram matrix of tangent vectors."""

    def __init__(self, *, tol, C, kernel, gamma, class_weight, probability):
        super().__init__(tol)
        self.C, self.kernel, self.gamma = C, kernel, gamma
        self.class_weight, self.probability = class_weight, probability

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        S = self._fit_tangent(C, weight)
        gram = S @ S.T
        self.n_classes = n_classes
        self.gamma_value = self._gamma(np.diagonal(gram), weight)
        K = self._kernel(gram, np.diagonal(gram), np.diagonal(gram))
        self.svc = self._svc().fit(K, codes, sample_weight=weight)
        self.vectors = S[self.svc.support_]
        self.norms = np.einsum("ij,ij->i", self.vectors, self.vectors)
        self.temperature = 1.0
        if self.probability:
            self.temperature = self._calibrate(K, codes, weight)
        return self

    def _svc(self):
        return SVC(kernel="precomputed", C=self.C, class_weight=self.class_weight)

    def _gamma(self, norms, weight):
        if self.kernel == "linear" or not isinstance(self.gamma, str):
            return self.gamma
        if self.gamma == "auto":
            d = len(self.whitener)
            return 2.0 / (d * (d + 1))
        # scikit-learn: 1 / (n_features X.var()). The vectors have mean zero at the
        # Riemannian mean, so that is the inverse of their mean squared norm.
        spread = np.average(norms, weights=weight)
        return 1.0 / spread if spread > 0 else 1.0

    def _kernel(self, gram, left, right):
        if self.kernel == "linear":
            return gram
        squared = left[:, None] + right[None, :] - 2.0 * gram
        return np.exp(-self.gamma_value * np.maximum(squared, 0.0))

    def _test_kernel(self, C):
        S = self._tangent(C)
        # libsvm reads the columns of its support vectors only.
        K = np.zeros((len(S), self.svc.shape_fit_[0]))
        norms = np.einsum("ij,ij->i", S, S)
        K[:, self.svc.support_] = self._kernel(S @ self.vectors.T, norms, self.norms)
        return K

    def _calibrate(self, K, codes, weight):
        """Choose the temperature of the probabilities on held-out decisions."""
        n_splits = min(5, np.bincount(codes).min())
        if n_splits < 2:
            return 1.0
        shape = len(codes) if self.n_classes == 2 else (len(codes), self.n_classes)
        held_out = np.empty(shape)
        folds = StratifiedKFold(n_splits, shuffle=True, random_state=0)
        for train, test in folds.split(K, codes):
            svc = self._svc().fit(
                K[np.ix_(train, train)], codes[train], sample_weight=weight[train]
            )
            held_out[test] = svc.decision_function(K[np.ix_(test, train)])
        return _temperature(_columns(held_out), codes)

    def decision(self, C):
        """Return decision values."""
        return self.svc.decision_function(self._test_kernel(C))

    def predict(self, C):
        """Return class codes by libsvm's one-against-one vote."""
        return self.svc.predict(self._test_kernel(C))

    def proba(self, C):
        """Return probabilities: the tempered softmax of the decision values."""
        return softmax(self.temperature * _columns(self.decision(C)), axis=1)


def _temperature(decision, codes):
    """Find the t > 0 whose softmax(t * decision) has the least log-loss.

    Targets are softened as Platt does, so that separable data do not push t to
    infinity.
    """
    counts = np.bincount(codes, minlength=decision.shape[1])
    n_classes = decision.shape[1]
    target = np.repeat(1.0 / (counts[codes] + n_classes)[:, None], n_classes, axis=1)
    target[np.arange(len(codes)), codes] *= counts[codes] + 1
    scale = np.abs(decision).max()
    if not scale > 0:
        return 1.0

    def loss(log_t):
        return -(target * log_softmax(np.exp(log_t) / scale * decision, axis=1)).sum()

    best = minimize_scalar(loss, bounds=(-7.0, 7.0), method="bounded")
    return float(np.exp(best.x) / scale)


class GramLogistic(_TangentHead):
    """Logistic regression on tangent vectors, fitted in the span of the trials.

    With an L2 penalty the coefficients lie in the span of the training vectors, so
    the problem in the n coordinates of an orthonormal basis of that span has the
    same solution as the one in d(d+1)/2 features.
    """

    def __init__(self, *, tol, C, class_weight):
        super().__init__(tol)
        self.C, self.class_weight = C, class_weight

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        S = self._fit_tangent(C, weight)
        values, vectors = np.linalg.eigh(S @ S.T)
        kept = values > values[-1] * len(S) * np.finfo(float).eps
        root = np.sqrt(values[kept])
        Z = vectors[:, kept] * root
        self.model = LogisticRegression(
            C=self.C, class_weight=self.class_weight, max_iter=10_000, tol=1e-8
        ).fit(Z, codes, sample_weight=weight)
        self.coef = (self.model.coef_ / root) @ vectors[:, kept].T @ S
        return self

    def decision(self, C):
        """Return decision values."""
        values = self._tangent(C) @ self.coef.T + self.model.intercept_
        return values[:, 0] if values.shape[1] == 1 else values

    def predict(self, C):
        """Return class codes."""
        return _columns(self.decision(C)).argmax(1)

    def proba(self, C):
        """Return probabilities."""
        return softmax(_columns(self.decision(C)), axis=1)


class Means:
    """Minimum distance to the Riemannian mean of a class (MDM)."""

    def __init__(self, tol):
        self.tol = tol

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        self.whiteners = []
        for k in range(n_classes):
            w = weight[codes == k]
            result = riemann.riemann_mean(C[codes == k], w / w.sum(), tol=self.tol)
            warn_if_not_converged(result, self.tol)
            self.whiteners.append(result.x)
        return self

    def _squared(self, C):
        d = [riemann.distances_to(C, W) for W in self.whiteners]
        return np.column_stack(d) ** 2

    def decision(self, C):
        """Return negative squared distances, their difference for two classes."""
        d2 = self._squared(C)
        return d2[:, 0] - d2[:, 1] if d2.shape[1] == 2 else -d2

    def predict(self, C):
        """Return the codes of the nearest means."""
        return self._squared(C).argmin(1)

    def proba(self, C):
        """Return the softmax of the negative squared distances."""
        return softmax(-self._squared(C), axis=1)


class FilteredMeans(Means):
    """MDM after geodesic filtering by discriminant analysis (FgMDM)."""

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        result = riemann.riemann_mean(C, weight / weight.sum(), tol=self.tol)
        warn_if_not_converged(result, self.tol)
        # The discriminant analysis scales each feature by itself, so it depends on
        # the frame: take the symmetric one, as the method is defined.
        self.root, rotation, _ = symmetric_whitener(result.x)
        T = riemann.vectorise(result.extra["logs"].dense(rotation))
        coef = shrunk_lda_directions(T, codes, n_classes, weight)
        # At the Riemannian mean the class means sum to zero, so of n_classes
        # directions one is left with rounding errors: it is not a discriminant.
        _, s, Vt = np.linalg.svd(coef, full_matrices=False)
        self.basis = Vt[s > 1e-6 * s[0]]
        return super().fit(self._project(T), codes, n_classes, weight)

    def _project(self, T):
        filtered = T @ self.basis.T @ self.basis
        # Distances do not change if all matrices are seen from the whitened frame.
        return riemann.exp_symmetric(riemann.unvectorise(filtered, len(self.root)))

    def _squared(self, C):
        T = riemann.vectorise(riemann.log_maps(C, self.root).dense())
        return super()._squared(self._project(T))
