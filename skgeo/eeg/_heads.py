"""The classifiers that sit on augmented covariances.

A head is fitted on matrices and encoded labels, and answers with a decision function
(binary: one column, positive for class 1), class codes and probabilities. Tangent
heads work on the Gram matrix of the tangent vectors: n x n instead of n x d(d+1)/2.
"""

import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._solvers.lda import shrunk_lda_directions
from skgeo.eeg._tangent import symmetric_whitener, warn_if_not_converged
from skgeo.eeg._tangents import make_tangent

__all__ = [
    "BlockToeplitzMeans",
    "FilteredMeans",
    "GramLogistic",
    "GramSVM",
    "Means",
    "libsvm",
    "make_head",
]


def libsvm(K, y, weight, C, tol, K_test):
    """Decision values of a binary machine by libsvm, positive for ``y = 1``.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Training kernel.
    y : ndarray of shape (n,)
        Labels, -1.0 or 1.0.
    weight : ndarray of shape (n,)
        Factors of C.
    C, tol : float
        Inverse regularization and tolerance.
    K_test : ndarray of shape (n_test, n)
        Kernel of test and training samples.

    Returns
    -------
    decision : ndarray of shape (n_test,)
        Decision values.
    """
    machine = SVC(C=C, kernel="precomputed", tol=tol).fit(K, y, sample_weight=weight)
    return machine.decision_function(K_test)


def make_head(method, params, shares=None):
    """Build the head of a method.

    Parameters
    ----------
    method : str
        Name of the method.
    params : dict
        Parameters of the classifier.
    shares : ndarray of shape (n_embeddings,), optional
        Weights of averaged embeddings; None for a single one.

    Returns
    -------
    head : object
        An unfitted head.
    """
    if method in ("mdm", "fgmdm"):
        if params["metric"] == "block-toeplitz":
            return BlockToeplitzMeans(params["tol"])
        return (Means if method == "mdm" else FilteredMeans)(params["tol"])
    tangent = make_tangent(params["metric"], params["tol"], shares)
    if method == "tangent-svm":
        names = ("C", "kernel", "gamma", "class_weight", "probability")
        return GramSVM(tangent, **{name: params[name] for name in names})
    return GramLogistic(tangent, C=params["C"], class_weight=params["class_weight"])


def _columns(decision):
    """Decision values as one column per class."""
    if decision.ndim == 1:
        return np.column_stack([np.zeros_like(decision), decision])
    return decision


class GramSVM:
    """Support vector machine on the Gram matrix of tangent vectors."""

    def __init__(self, tangent, *, C, kernel, gamma, class_weight, probability):
        self.tangent = tangent
        self.C, self.kernel, self.gamma = C, kernel, gamma
        self.class_weight, self.probability = class_weight, probability

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        S = self.tangent.fit(C, weight / weight.sum())
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
            return 1.0 / self.tangent.n_features
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
        S = self.tangent.transform(C)
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


class GramLogistic:
    """Logistic regression on tangent vectors, fitted in the span of the trials.

    With an L2 penalty the coefficients lie in the span of the training vectors, so
    the problem in the n coordinates of an orthonormal basis of that span has the
    same solution as the one in d(d+1)/2 features.
    """

    def __init__(self, tangent, *, C, class_weight):
        self.tangent = tangent
        self.C, self.class_weight = C, class_weight

    def fit(self, C, codes, n_classes, weight):
        """Fit on covariances C and class codes."""
        S = self.tangent.fit(C, weight / weight.sum())
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
        values = self.tangent.transform(C) @ self.coef.T + self.model.intercept_
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
        T = riemann.vectorize(result.extra["logs"].dense(rotation))
        coef = shrunk_lda_directions(T, codes, n_classes, weight)
        # At the Riemannian mean the class means sum to zero, so of n_classes
        # directions one is left with rounding errors: it is not a discriminant.
        _, s, Vt = np.linalg.svd(coef, full_matrices=False)
        self.basis = Vt[s > 1e-6 * s[0]]
        return super().fit(self._project(T), codes, n_classes, weight)

    def _project(self, T):
        filtered = T @ self.basis.T @ self.basis
        # Distances do not change if all matrices are seen from the whitened frame.
        return riemann.exp_symmetric(riemann.unvectorize(filtered, len(self.root)))

    def _squared(self, C):
        T = riemann.vectorize(riemann.log_maps(C, self.root).dense())
        return super()._squared(self._project(T))


class BlockToeplitzMeans(Means):
    """MDM in the product geometry of block-Toeplitz covariances."""

    def fit(self, R, codes, n_classes, weight):
        """Fit on blocks (0, k) of covariances and class codes."""
        result = riemann.riemann_mean(R[:, 0], weight / weight.sum(), tol=self.tol)
        warn_if_not_converged(result, self.tol)
        self.whitener = result.x
        P, Omega = self._coordinates(R)
        self.centers = []
        for k in range(n_classes):
            member = codes == k
            w = weight[member] / weight[member].sum()
            W, center, converged = block_toeplitz.mean(
                P[member], Omega[member], w, tol=self.tol
            )
            if not converged:
                warnings.warn(
                    f"The block-Toeplitz mean of class {k} missed tol={self.tol:.1e}.",
                    ConvergenceWarning,
                    stacklevel=3,
                )
            self.centers.append((W, center))
        return self

    def _coordinates(self, R):
        return block_toeplitz.coefficients(block_toeplitz.whiten(R, self.whitener))

    def _squared(self, R):
        P, Omega = self._coordinates(R)
        d2 = [block_toeplitz.squared_distances(P, Omega, *c) for c in self.centers]
        return np.column_stack(d2)
