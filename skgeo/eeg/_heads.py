"""The classifiers that sit on tangent vectors, through their Gram matrix.

A head is fitted on a source of training matrices and encoded labels. Up to a few
thousand trials it solves its machine on the n x n Gram matrix; above, on the
coordinates of the trials in the span of some of them, so that memory and time grow
with n and not with its square. A linear machine is folded into weights of the features.
"""

import warnings
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from skgeo.eeg._means import BlockToeplitzMeans, FilteredMeans, Means
from skgeo.eeg._solvers.gram_svm import fit_machines, ovr_decision, vote
from skgeo.eeg._solvers.squared_hinge import squared_hinge_machine

__all__ = ["TangentLogistic", "TangentSVM", "make_head"]

# Trials up to which the machine sees all inner products: their matrix has 72 MB.
MANY_TRIALS = 3000

# Trials whose span the coordinates are taken in, above that.
N_LANDMARKS = 500


def make_head(params, features):
    """Build the head of a classifier.

    Parameters
    ----------
    params : SimpleNamespace
        Parameters of the classifier.
    features : TangentFeatures or None
        Tangent vectors; None for the distance methods.

    Returns
    -------
    head : object
        An unfitted head.
    """
    if features is None:
        if params.metric == "block-toeplitz":
            return BlockToeplitzMeans(params.tol)
        return (Means if params.method == "mdm" else FilteredMeans)(params.tol)
    if params.method == "tangent-lr":
        return TangentLogistic(features, params)
    return TangentSVM(features, params)


def sample_factors(class_weight, codes, n_classes, weight):
    """Weights of trials times those of their classes.

    Parameters
    ----------
    class_weight : "balanced", dict of int to float or None
        Weights of the classes, by code.
    codes : ndarray of shape (n,)
        Classes.
    n_classes : int
        Number of classes.
    weight : ndarray of shape (n,)
        Weights of the trials.

    Returns
    -------
    factors : ndarray of shape (n,)
        Products.
    """
    if class_weight is None:
        return weight
    if isinstance(class_weight, str):
        totals = np.bincount(codes, weights=weight, minlength=n_classes)
        return weight * (totals.sum() / (n_classes * totals))[codes]
    factors = np.array([class_weight.get(k, 1.0) for k in range(n_classes)])
    return weight * factors[codes]


def columns(decision):
    """Decision values as one column per class.

    Parameters
    ----------
    decision : ndarray of shape (n,) or (n, n_classes)
        Decision values.

    Returns
    -------
    columns : ndarray of shape (n, n_classes)
        Decision values; those of two classes beside zeros.
    """
    if decision.ndim == 1:
        return np.column_stack([np.zeros_like(decision), decision])
    return decision


class _TangentHead:
    """What the machines on tangent vectors share: the way from trials to machine."""

    linear = True

    def __init__(self, features, params):
        self.features = features
        self.C, self.class_weight = params.C, params.class_weight

    def fit(self, source, codes, n_classes, weight, tick=None):
        """Fit on the training matrices of a source."""
        self.n_classes = n_classes
        factors = sample_factors(self.class_weight, codes, n_classes, weight)
        part = None
        if len(codes) > MANY_TRIALS:
            part = landmarks(source.strata(codes), N_LANDMARKS)
        w = weight if part is None else weight[part]
        K = self.features.learn(
            source.training(part),
            codes if part is None else codes[part],
            w / w.sum(),
            tick,
        )
        source.keep_first(len(self.features.spaces))
        again = partial(source.training_again, part)
        if part is None:
            norms = np.diagonal(K)
            self._set_kernel(norms, weight)
            coef = self._solve_gram(self._kernel(K, norms, norms), codes, factors)
        else:
            coef = self._solve_many(source, K, part, codes, weight, factors, again)
        if self.linear:
            self._set_patterns(coef, codes, w, K, again)
            self.features.fold(coef, again)
        else:
            self.landmarks = list(self.features.training_vectors(again))
            self.coef, self.landmark_norms = coef, np.diagonal(K).copy()
            self.features.rows = None
        return self

    def _solve_many(self, source, K, part, codes, weight, factors, again):
        """Solve in the span of the landmarks; coefficients of the landmarks."""
        rows = list(self.features.training_vectors(again))
        norms = np.diagonal(K)
        gram, squares = np.empty((len(codes), len(part))), np.empty(len(codes))
        for chunk, sets in source.chunks():
            gram[chunk], squares[chunk] = self.features.gram(sets, rows)
        self._set_kernel(squares, weight)
        gram = self._kernel(gram, squares, norms)
        values, vectors = np.linalg.eigh(self._kernel(K, norms, norms))
        kept = values > values[-1] * len(values) * np.finfo(float).eps
        root = vectors[:, kept] / np.sqrt(values[kept])
        for start in range(0, len(gram), 10_000):  # in place: no second array
            block = gram[start : start + 10_000]
            block[:, : root.shape[1]] = block @ root
        return root @ self._solve_coordinates(gram[:, : root.shape[1]], codes, factors)

    def _set_kernel(self, norms, weight):
        """Learn what the kernel needs; nothing in the linear case."""

    def _kernel(self, gram, left, right):
        return gram

    def _set_patterns(self, coef, codes, weight, K, again):
        """Covariances of vectors and class scores over the variances of the scores."""
        scores = self._class_scores(K @ coef + self.intercept)
        w = weight / weight.sum()
        scores = scores - w @ scores
        variance = w @ scores**2
        variance[variance == 0] = np.inf
        self.activations = [
            rows.T @ (w[:, None] * scores / variance)
            for rows in self.features.training_vectors(again)
        ]

    def outputs(self, sets):
        """Outputs of the machines for the matrices of trials."""
        if self.linear:
            return self.features.scores(sets) + self.intercept
        gram, norms = self.features.gram(sets, self.landmarks)
        kernel = self._kernel(gram, norms, self.landmark_norms)
        return kernel @ self.coef + self.intercept


def landmarks(strata, n_landmarks):
    """Choose trials from every stratum alike, by a fixed seed.

    Parameters
    ----------
    strata : ndarray of shape (n,)
        Stratum of each trial.
    n_landmarks : int
        About how many are wanted; at least two of every stratum.

    Returns
    -------
    index : ndarray of int
        Ascending positions.
    """
    rng = np.random.default_rng(0)
    chosen = []
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        count = max(2, round(n_landmarks * len(members) / len(strata)))
        chosen.append(rng.choice(members, min(count, len(members)), replace=False))
    return np.sort(np.concatenate(chosen))


class TangentSVM(_TangentHead):
    """Support vector machine on tangent vectors."""

    def __init__(self, features, params):
        super().__init__(features, params)
        self.kernel, self.gamma = params.kernel, params.gamma
        self.probability = params.probability
        self.linear = params.kernel == "linear"

    def _set_kernel(self, norms, weight):
        self.gamma_value = self.gamma
        if self.gamma == "auto":
            self.gamma_value = 1.0 / self.features.n_features
        elif self.gamma == "scale":
            # scikit-learn: 1 / (n_features X.var()). The vectors have mean zero, so
            # that is the inverse of their mean squared norm.
            spread = np.average(norms, weights=weight)
            self.gamma_value = 1.0 / spread if spread > 0 else 1.0

    def _kernel(self, gram, left, right):
        if self.linear:
            return gram
        squared = left[:, None] + right[None, :] - 2.0 * gram
        return np.exp(-self.gamma_value * np.maximum(squared, 0.0))

    def _solve_gram(self, K, codes, factors):
        coef, self.intercept = fit_machines(
            K, codes, self.n_classes, self.C, weight=factors
        )
        self.temperature = 1.0
        n_splits = min(5, np.bincount(codes).min())
        if self.probability and n_splits > 1:
            held_out = np.empty((len(codes), len(self.intercept)))
            folds = StratifiedKFold(n_splits, shuffle=True, random_state=0)
            for train, test in folds.split(K, codes):
                fold_coef, fold_intercept = fit_machines(
                    K[np.ix_(train, train)],
                    codes[train],
                    self.n_classes,
                    self.C,
                    weight=factors[train],
                )
                held_out[test] = K[np.ix_(test, train)] @ fold_coef + fold_intercept
            self.temperature = self._fitted_temperature(held_out, codes)
        return coef

    def _solve_coordinates(self, Z, codes, factors):
        coef, self.intercept = self._linear_machines(Z, codes, factors)
        self.temperature = 1.0
        if self.probability:
            folds = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
            _, test = next(folds.split(codes, codes))
            training = factors.copy()
            training[test] = 0.0
            fold_coef, intercept = self._linear_machines(Z, codes, training)
            self.temperature = self._fitted_temperature(
                Z[test] @ fold_coef + intercept, codes[test]
            )
        return coef

    def _linear_machines(self, Z, codes, factors):
        """One-against-one machines with squared hinge loss on coordinates."""
        pairs = [
            (a, b) for a in range(self.n_classes) for b in range(a + 1, self.n_classes)
        ]
        coef, intercept = np.zeros((Z.shape[1], len(pairs))), np.zeros(len(pairs))
        for p, (a, b) in enumerate(pairs):
            member = np.flatnonzero((codes == a) | (codes == b))
            whole = len(member) == len(codes)  # then without a copy
            coef[:, p], intercept[p] = squared_hinge_machine(
                Z if whole else Z[member],
                codes[member] == a,
                factors[member],
                self.C,
            )
        return coef, intercept

    def _fitted_temperature(self, outputs, codes):
        decision = ovr_decision(outputs, self.n_classes)
        return temperature(columns(decision), codes)

    def _class_scores(self, outputs):
        if self.n_classes == 2:
            return np.column_stack([outputs[:, 0], -outputs[:, 0]])
        scores = np.zeros((len(outputs), self.n_classes))
        pair = 0
        for a in range(self.n_classes):
            for b in range(a + 1, self.n_classes):
                scores[:, a] += outputs[:, pair]
                scores[:, b] -= outputs[:, pair]
                pair += 1
        return scores

    def decision(self, outputs):
        """Decision values, one per trial for two classes."""
        return ovr_decision(outputs, self.n_classes)

    def predict(self, outputs):
        """Class codes by libsvm's one-against-one vote."""
        return vote(outputs, self.n_classes)

    def proba(self, outputs):
        """Probabilities: the tempered softmax of the decision values."""
        return softmax(self.temperature * columns(self.decision(outputs)), axis=1)


def temperature(decision, codes):
    """Find the t > 0 whose softmax(t * decision) has the least log-loss.

    Targets are softened as Platt does, so that separable data do not push t to
    infinity.

    Parameters
    ----------
    decision : ndarray of shape (n, n_classes)
        Held-out decision values.
    codes : ndarray of shape (n,)
        Classes.

    Returns
    -------
    t : float
        The temperature's inverse; 1 if all decisions are zero.
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


class TangentLogistic(_TangentHead):
    """Logistic regression on tangent vectors, fitted in the span of the trials.

    With an L2 penalty the coefficients lie in the span of the training vectors, so
    the problem in the coordinates of an orthonormal basis of that span has the
    same solution as the one in all features.
    """

    def _solve_gram(self, K, codes, factors):
        values, vectors = np.linalg.eigh(K)
        kept = values > values[-1] * len(K) * np.finfo(float).eps
        root = np.sqrt(values[kept])
        coef = self._solve_coordinates(vectors[:, kept] * root, codes, factors)
        return vectors[:, kept] @ (coef / root[:, None])

    def _solve_coordinates(self, Z, codes, factors):
        model = LogisticRegression(C=self.C, max_iter=10_000, tol=1e-8)
        with warnings.catch_warnings():
            if Z.shape[1] == 0:
                warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(Z if Z.shape[1] else np.zeros((len(Z), 1)), codes, factors)
        self.intercept = model.intercept_
        return model.coef_.T if Z.shape[1] else np.zeros((0, len(model.intercept_)))

    @staticmethod
    def _class_scores(outputs):
        return (
            np.column_stack([-outputs, outputs]) if outputs.shape[1] == 1 else outputs
        )

    def decision(self, outputs):
        """Decision values, one per trial for two classes."""
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, outputs):
        """Class codes."""
        return columns(self.decision(outputs)).argmax(1)

    def proba(self, outputs):
        """Probabilities."""
        return softmax(columns(self.decision(outputs)), axis=1)
