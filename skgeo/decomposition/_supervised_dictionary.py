"""Supervised dictionary learning with covariates, as a scikit-learn estimator."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skgeo.decomposition._supervised.checks import (
    DTYPES,
    Units,
    check_covariates,
    class_multipliers,
    covariate_indices,
    split_columns,
)
from skgeo.decomposition._supervised.fit import Problem, solve
from skgeo.decomposition._supervised_inference import SupervisedInference
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
    SequenceOf,
    check_params,
)
from skgeo.utils.validation import check_sample_weight

__all__ = ["SupervisedDictionaryLearning"]


class SupervisedDictionaryLearning(
    SupervisedInference,
    ClassifierMixin,
    CallbackMixin,
    BaseEstimator,
):
    r"""Dictionary that reconstructs the data and separates the classes at once.

    Learns ``n_components`` atoms (rows of D), together with a softmax classifier on
    what the atoms see, by minimizing

    .. math:: \frac1W \sum_i w_i\,\ell(y_i, s_i)
              + \xi\,\frac{\sum_i w_i \|x_i - \mu - D^\top c_i\|^2}
                          {\sum_i w_i \|x_i - \bar x\|^2}
              + \alpha\,\Omega,

    with logits :math:`s_i = \beta u_i + \Gamma z_i + b`. The classifier looks at
    filtered data :math:`u_i = D (x_i - \mu)` (``kind="filter"``) or at the codes
    :math:`u_i = c_i` (``kind="feature"``). Covariates z help to classify and are
    never reconstructed. Lengths are measured in units of the root mean squared
    distance of a sample from the mean, so no parameter depends on the units of X.

    Parameters
    ----------
    n_components : int, default=2
        Number of atoms r.
    kind : {"filter", "feature"}, default="filter"
        What the classifier looks at. The filter model needs no coding of new samples
        and is the more accurate of the two on all data measured in the guide.
    solver : {"auto", "lpgd", "bcd"}, default="auto"
        Low-rank projected gradient on the convex lift, which needs free signs, or
        block coordinate descent. "auto" takes "bcd" if a sign is constrained.
    reconstruction_weight : float, default=0.1
        :math:`\xi \ge 0`: price of the relative squared reconstruction error against
        the mean negative log-likelihood. Small discriminates, large reconstructs.
    alpha : float, default=1e-4
        Ridge :math:`\alpha \ge 0` on the effective coefficients
        :math:`\|\beta D\|^2` (filter), on the training logits :math:`C\beta^\top`
        (feature, "lpgd") or on :math:`\|\beta\|^2` with atoms of length at most one
        (feature, "bcd"), and on the coefficients of the standardized covariates. The
        intercept is free.
    positive_dict, positive_code : bool, default=False
        Non-negative atoms, non-negative codes (solver "bcd"). With either, the data
        are reconstructed as they are, without subtracting a mean.
    fit_intercept : bool, default=True
        Fit an intercept, and center free reconstructions. False takes the data as
        centered.
    init : {"auto", "svd", "random"} or ndarray, default="auto"
        Start: principal axes ("auto", "svd"; their stronger non-negative halves under
        sign constraints), random, or a dictionary of shape
        (n_components, n_features).
    max_iter : int, default=500
        Largest number of outer iterations.
    tol : float, default=1e-5
        "lpgd" stops when the relative step is at most this, "bcd" when an iteration
        lowers the objective by at most this share.
    refit_coef : bool, default=True
        Feature model only: after training, fit the coefficients again on codes that
        have not seen the labels, which is what new samples have.
    class_weight : None, "balanced" or dict, default=None
        Multiplies the label loss of each class; the reconstruction is not touched.
    warm_start : bool, default=False
        Start from the previous fit, if it had the same shapes and classes. A feature
        model starts from its dictionary only, because training codes are not kept.
    covariate_columns : sequence of int or str, default=None
        Columns of X that are covariates. Needs no metadata routing. The other way is
        to pass ``covariates`` to the methods.
    random_state : int, RandomState or None, default=None
        Used by ``init="random"`` and for atoms beyond the number of features.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Atoms of unit length. With "lpgd" they are ordered by the energy that they
        hold of data and classifier together; those of the filter are orthonormal.
    coef_ : ndarray of shape (1, n_components) or (n_classes, n_components)
        Coefficients of ``transform(X)``; one row for two classes.
    covariate_coef_ : ndarray of shape (1 or n_classes, n_covariates)
        Coefficients of the covariates, in their own units.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    effective_coef_ : ndarray of shape (1 or n_classes, n_features)
        Coefficients of X itself. Absent for non-negative codes of the feature model,
        which are not linear in X.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    mean_ : ndarray of shape (n_features,)
        What reconstructions are centered at; zero under sign constraints.
    scale_ : float
        Root mean squared distance of a training sample from the mean.
    objective_ : ndarray of shape (n_iter_ + 1,)
        Objective at the start and after each iteration; it never rises.
    condition_ : float
        Condition number of the lifted problem ("lpgd" only). Below 3 the theory
        promises geometric convergence to the global minimum when the rank constraint
        fits the data.
    n_iter_ : int
        Outer iterations done.
    converged_ : bool
        Whether ``tol`` was reached.
    n_covariates_ : int
        Number of covariates.
    n_features_in_ : int
        Number of columns of X, covariate columns included.
    feature_names_in_ : ndarray of str
        Column names, where X has them.

    See Also
    --------
    sklearn.decomposition.NMF : Non-negative factors, blind to labels.
    sklearn.cross_decomposition.PLSRegression : Supervised axes under squared loss.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Axes that only separate.

    References
    ----------
    .. [1] J. Lee, H. Lyu and W. Yao, "Exponentially convergent algorithms for
       supervised matrix factorization", NeurIPS 2023.
    .. [2] J. Lee, H. Lyu and W. Yao, "Supervised matrix factorization: local landscape
       analysis and applications", ICML 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skgeo.decomposition import SupervisedDictionaryLearning
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_new, y, y_new = train_test_split(X, y, random_state=0, stratify=y)
    >>> model = SupervisedDictionaryLearning(n_components=5).fit(X, y)
    >>> model.transform(X_new).shape
    (450, 5)
    >>> model.score(X_new, y_new) > 0.9
    True
    """

    _param_rules = {
        "n_components": Integer(1),
        "kind": OneOf("filter", "feature"),
        "solver": OneOf("auto", "lpgd", "bcd"),
        "reconstruction_weight": Real(0.0),
        "alpha": Real(0.0),
        "positive_dict": Boolean(),
        "positive_code": Boolean(),
        "fit_intercept": Boolean(),
        "init": OneOf("auto", "svd", "random")
        | Instance(np.ndarray, "an array of shape (n_components, n_features)"),
        "max_iter": Integer(1),
        "tol": Real(0.0),
        "refit_coef": Boolean(),
        "class_weight": Null() | OneOf("balanced") | Instance(dict, "a dict"),
        "warm_start": Boolean(),
        "covariate_columns": Null()
        | SequenceOf(Integer() | Instance(str, "a column name")),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        n_components=2,
        *,
        kind="filter",
        solver="auto",
        reconstruction_weight=0.1,
        alpha=1e-4,
        positive_dict=False,
        positive_code=False,
        fit_intercept=True,
        init="auto",
        max_iter=500,
        tol=1e-5,
        refit_coef=True,
        class_weight=None,
        warm_start=False,
        covariate_columns=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.kind = kind
        self.solver = solver
        self.reconstruction_weight = reconstruction_weight
        self.alpha = alpha
        self.positive_dict = positive_dict
        self.positive_code = positive_code
        self.fit_intercept = fit_intercept
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.refit_coef = refit_coef
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.covariate_columns = covariate_columns
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return len(self.components_)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, covariates=None):
        """Learn the dictionary and the classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data; CSR is never made dense.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of two is a repeated row, of zero a dropped one.
        covariates : array-like of shape (n_samples, n_covariates), default=None
            Covariates.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_params(self)
        solver = self._resolve_solver()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=DTYPES, order="C")
        check_classification_targets(y)
        X, Z = self._split(X, covariates, reset=True)
        weight = check_sample_weight(sample_weight, X.shape[0])
        if (weight == 0).any():
            keep = weight > 0
            X, Z, y, weight = X[keep], Z[keep], y[keep], weight[keep]
        if issparse(X):
            X = X.astype(np.float64, copy=False)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y holds {len(classes)} class ({classes.tolist()}): a classifier "
                "needs at least 2."
            )
        self._check_rank(X.shape, solver)
        units = Units.of(X, Z, weight, self.fit_intercept)
        free = not (self.positive_dict or self.positive_code)
        multiplier = class_multipliers(self.class_weight, classes, codes, weight)
        problem = Problem(
            data=units.data(X, weight, centered=free and self.fit_intercept),
            label_data=units.data(X, weight, centered=self.fit_intercept),
            Z=units.covariates(Z),
            y=codes,
            n_classes=len(classes),
            label_weight=weight * multiplier[codes],
        )
        warm = self._warm(units, classes, problem) if self.warm_start else None
        with (
            single_blas_thread(),
            self._iterations(self.max_iter, X=X, y=y) as tick,
        ):
            solution = solve(
                self, problem, solver, warm, check_random_state(self.random_state), tick
            )
        self._set(solution, units, classes, free)
        if not self.converged_ and self.n_iter_ >= self.max_iter:
            warnings.warn(
                f"{solver} stopped at max_iter={self.max_iter} with its criterion at "
                f"{solution.result.stop:.2e}, above tol={self.tol:g}. Raise max_iter, "
                "tol or alpha.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _resolve_solver(self):
        constrained = self.positive_dict or self.positive_code
        if self.solver == "lpgd" and constrained:
            raise ValueError(
                "solver='lpgd' works on the product of the factors and cannot keep "
                "positive_dict or positive_code; use solver='bcd' or 'auto'."
            )
        if self.kind == "feature" and self.reconstruction_weight == 0:
            raise ValueError(
                "reconstruction_weight=0 leaves the dictionary of kind='feature' "
                "undetermined; use a positive weight, or kind='filter'."
            )
        if self.solver == "auto":
            return "bcd" if constrained else "lpgd"
        return self.solver

    def _check_rank(self, shape, solver):
        n_features = shape[1]
        r = self.n_components
        free = not (self.positive_dict or self.positive_code)
        if (solver == "lpgd" or free) and r > n_features:
            raise ValueError(
                f"n_components={r} exceeds n_features={n_features}: without sign "
                "constraints no more atoms than features can matter."
            )
        if not isinstance(self.init, str):
            if self.init.shape != (r, n_features):
                raise ValueError(
                    f"init must have shape (n_components, n_features) = "
                    f"({r}, {n_features}); got {self.init.shape}."
                )
            if not np.isfinite(self.init).all():
                raise ValueError("init contains NaN or infinity.")
            if self.positive_dict and (self.init < 0).any():
                raise ValueError(
                    "init has negative entries, but positive_dict=True: clip them."
                )

    def _split(self, X, covariates, *, reset):
        """Return features and covariates of validated input."""
        if self.covariate_columns is not None:
            if covariates is not None:
                raise ValueError(
                    "covariates were passed although covariate_columns is set: use one "
                    "of the two ways."
                )
            if reset:
                names = getattr(self, "feature_names_in_", None)
                self._covariate_indices = covariate_indices(
                    self.covariate_columns, X.shape[1], names
                )
                self.n_covariates_ = len(self._covariate_indices)
            return split_columns(X, self._covariate_indices)
        if covariates is None:
            if reset:
                self.n_covariates_ = 0
            elif self.n_covariates_:
                raise ValueError(
                    f"covariates is None, but the estimator was fitted with "
                    f"{self.n_covariates_}: pass them to this method too."
                )
            return X, np.empty((X.shape[0], 0))
        Z = check_covariates(covariates, X)
        if reset:
            self.n_covariates_ = Z.shape[1]
        elif Z.shape[1] != self.n_covariates_:
            raise ValueError(
                f"covariates has {Z.shape[1]} columns, but the estimator was fitted "
                f"with {self.n_covariates_}."
            )
        return X, Z

    def _set(self, solution, units, classes, free):
        """Turn a solution in internal units into attributes in those of X."""
        n_covariates = len(units.z_mean)
        zero = np.zeros_like(units.mean)
        self.classes_ = classes
        self.components_ = solution.D
        self.coef_ = solution.coef / units.scale
        self.mean_ = units.mean.copy() if free and self.fit_intercept else zero
        self.scale_ = units.scale
        self.covariate_coef_ = solution.nu[:, :n_covariates] / units.z_scale
        intercept = np.zeros(len(self.coef_))
        if self.fit_intercept:
            intercept = solution.nu[:, -1] - self.covariate_coef_ @ units.z_mean
            if self.kind == "filter":
                intercept -= self.coef_ @ (self.components_ @ (units.mean - self.mean_))
        self.intercept_ = intercept
        self._center = units.mean
        if hasattr(self, "effective_coef_"):
            del self.effective_coef_
        if self.kind == "filter":
            self.effective_coef_ = self.coef_ @ self.components_
        elif not self.positive_code:
            self.effective_coef_ = self.coef_ @ np.linalg.pinv(self.components_).T
        if hasattr(self, "condition_"):
            del self.condition_
        if solution.condition is not None:
            self.condition_ = solution.condition
        self.objective_ = solution.result.objective
        self.n_iter_ = solution.result.n_iter
        self.converged_ = solution.result.converged

    def _warm(self, units, classes, problem):
        """The previous solution in the units of a new problem, or None."""
        if not hasattr(self, "components_"):
            return None
        shape = (self.n_components, problem.data.shape[1])
        if (
            self.components_.shape != shape
            or not np.array_equal(self.classes_, classes)
            or self.covariate_coef_.shape[1] != problem.Z.shape[1]
        ):
            return None
        D = self.components_
        if self.positive_dict and (D < 0).any():
            return None
        nu = self.covariate_coef_ * units.z_scale
        if self.fit_intercept:
            b = self.intercept_ + self.covariate_coef_ @ units.z_mean
            if self.kind == "filter":
                b = b + self.coef_ @ (D @ (units.mean - self.mean_))
            nu = np.column_stack([nu, b])
        return D.copy(), self.coef_ * units.scale, nu
