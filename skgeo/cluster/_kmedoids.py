"""K-medoids with a proven bound."""

from collections.abc import Callable as CallableType
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.cluster._inputs import check_exact
from skgeo.cluster._medoids.certify import bound_medoids, nodes_for, relative_gap
from skgeo.cluster._medoids.dissimilarity import (
    dissimilarities,
    subspace_distances,
    subspaces_of,
)
from skgeo.cluster._medoids.search import assign, sample_start, search_medoids
from skgeo.cluster._outweighed import warn_outweighed
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Callable,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    SequenceOf,
    Unused,
    check_params,
)
from skgeo.utils.validation import check_sample_weight, check_trials
from skgeo.utils.warn import warn_user

__all__ = ["KMedoids", "KMedoidsCertificate", "certify_kmedoids"]

METRICS = ("euclidean", "manhattan", "cosine", "sine", "precomputed")
_BOUND_RULES = {
    "bound_iter": Integer(1),
    "max_nodes": OneOf("auto") | Integer(0),
    "tol": Real(0.0, closed="neither"),
}
# Sums of squares and products of dissimilarities within these cannot overflow.
_ORDINARY = (1e-100, 1e100)


@dataclass(frozen=True)
class KMedoidsCertificate:
    """What is proven about medoids; made by :func:`certify_kmedoids`.

    Attributes
    ----------
    inertia_ : float
        Weighted sum of dissimilarities of the samples to their nearest medoids.
    lower_bound_ : float
        No ``n_clusters_`` medoids have a smaller inertia. Holds for the numbers in the
        matrix: rounding in the computation of the bound is subtracted.
    gap_ : float
        ``1 - lower_bound_ / inertia_``: no medoids can have an inertia more than this
        share below ``inertia_``. Zero when the inertia is zero.
    certified_ : bool
        Whether the gap is at most the tolerance: the medoids are optimal up to it.
    better_medoid_indices_ : ndarray of int of shape (n_clusters_,) or None
        Medoids with a smaller inertia, if the computation met some.
    n_clusters_ : int
        Number of medoids.
    bound_path_ : ndarray of shape (n_blocks,)
        Lower bound after every 50 steps.
    n_nodes_ : int
        Nodes of the branching.
    """

    inertia_: float
    lower_bound_: float
    gap_: float
    certified_: bool
    better_medoid_indices_: np.ndarray | None
    n_clusters_: int
    bound_path_: np.ndarray
    n_nodes_: int


def _unit_of(D):
    """Power of two that brings ordinary magnitudes, one where they are."""
    largest = float(D.max(initial=0.0))
    if largest == 0.0 or _ORDINARY[0] < largest < _ORDINARY[1]:
        return 1.0
    return float(2.0 ** np.floor(np.log2(largest)))


def _check_square(D, owner):
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"{owner} needs a square matrix of dissimilarities of samples (rows) to "
            f"candidates (columns); got shape {D.shape}."
        )
    if D.min(initial=0.0) < 0:
        raise ValueError(
            f"Negative values in data passed to {owner}: dissimilarities are "
            "nonnegative. Shift similarities, or turn them into distances."
        )
    own, most = np.diag(D), D.max(axis=1, initial=0.0)
    if len(D) > 2 and np.mean((own > 0) & (own >= most)) > 0.5:
        warn_user(
            f"Most samples are farthest from themselves ({np.median(own):.3g} on the "
            f"diagonal): are the numbers passed to {owner} similarities? Turn them "
            "into distances."
        )


def certify_kmedoids(
    D: ArrayLike,
    medoids: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    bound_iter: int = 1500,
    max_nodes: int | str = "auto",
    tol: float = 1e-6,
) -> KMedoidsCertificate:
    """Bound how far given medoids are from the best ones.

    Parameters
    ----------
    D : array-like of shape (n_samples, n_samples)
        Nonnegative dissimilarities of samples (rows) to candidates (columns). They
        need be neither symmetric nor metric.
    medoids : array-like of int of shape (n_clusters,)
        Indices of the medoids, from any method.
    sample_weight : array-like of shape (n_samples,), optional
        Nonnegative weights of the samples.
    bound_iter : int, default=1500
        Maximum number of ascent steps of the bound.
    max_nodes : "auto" or int, default="auto"
        Maximum number of nodes of the branching that closes what gap the relaxation
        leaves; "auto" is 200 up to 1000 samples and 0 above.
    tol : float, default=1e-6
        Relative gap that counts as optimal.

    Returns
    -------
    certificate : KMedoidsCertificate
        The bound, the gap, and better medoids if some were met.

    Raises
    ------
    ValueError
        If D is not a square matrix of finite nonnegative numbers, or medoids are not
        distinct indices of its columns.

    See Also
    --------
    KMedoids : Find medoids and bound them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.cluster import certify_kmedoids
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> D = np.abs(x[:, None] - x)
    >>> certify_kmedoids(D, [1, 4]).certified_
    True
    >>> certify_kmedoids(D, [0, 4]).better_medoid_indices_
    array([1, 4])
    """
    values = {"bound_iter": bound_iter, "max_nodes": max_nodes, "tol": tol}
    p = check_params("certify_kmedoids", _BOUND_RULES, values)
    unrounded = D
    D = check_array(D, dtype=np.float64, input_name="D", order="C")
    check_exact(unrounded, D, "D")
    _check_square(D, "certify_kmedoids")
    given = np.asarray(medoids)
    inside = given.dtype.kind in "iu" and given.ndim == 1 and len(given) > 0
    if not inside or not (
        given.min() >= 0
        and given.max() < len(D)
        and len(np.unique(given)) == len(given)
    ):
        raise ValueError(
            "medoids must be distinct integers, indices of columns of D (0 to "
            f"{len(D) - 1}); got {medoids!r}."
        )
    given = given.astype(np.int64)
    weight = check_sample_weight(sample_weight, len(D), normalize=False)
    unit, mass = _unit_of(D), _unit_of(weight)
    with single_blas_thread():
        # Rows without weight say nothing, but their columns remain candidates: rows
        # of zeros keep the matrix square.
        result = bound_medoids(
            D / unit if unit != 1.0 else D, weight / mass, given,
            bound_iter=p.bound_iter, max_nodes=nodes_for(p.max_nodes, len(D)),
            tol=p.tol, callback=lambda state: False,
        )  # fmt: skip
    unit *= mass
    with np.errstate(over="ignore"):
        nearest, away, *_ = assign(D, given)
        inertia = float(weight @ away)
    if not np.isfinite(inertia):
        raise ValueError(
            "The inertia exceeds the range of floating-point numbers. Give D or "
            "sample_weight in other units."
        )
    better = np.sort(result.medoids) if unit * result.cost < inertia else None
    if better is not None and set(better) == set(given.tolist()):
        better = None
    gap = relative_gap(inertia, unit * result.lower_bound)
    used = np.flatnonzero(weight > 0)
    warn_outweighed(D[np.ix_(used, used)], nearest[used], rows_of="dissimilarities")
    return KMedoidsCertificate(
        inertia_=inertia,
        lower_bound_=unit * result.lower_bound,
        gap_=gap,
        certified_=bool(gap <= p.tol),
        better_medoid_indices_=better,
        n_clusters_=len(given),
        bound_path_=unit * result.path,
        n_nodes_=result.n_nodes,
    )


class KMedoids(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    CallbackMixin,
    BaseEstimator,
):
    r"""K-medoids clustering, with a bound on how much better any medoids could be.

    Minimizes :math:`\sum_i w_i \min_{j \in S} d_{ij}` over sets S of ``n_clusters``
    samples. Medoids are found by eager swaps (FasterPAM) from several sampled starts.
    A Lagrangian relaxation of the integer program then bounds the inertia of *any*
    medoids from below, finds better medoids on the way, and, for up to 1000
    samples, branches where it leaves a gap: often the medoids are proven optimal.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of medoids.
    metric : str or callable, default="euclidean"
        Dissimilarity: "euclidean", "manhattan", "cosine", "sine" or "precomputed".
        "sine" is the sine of the angle between two samples as lines:
        free of scale and sign, and the relative error of projecting one on the other.
        "precomputed": X is a matrix of dissimilarities of samples (rows) to
        candidates (columns), symmetric or not. A callable takes two samples.
    n_subspace : int or None, default=None
        With ``metric="sine"`` and samples of several snapshots, X of shape
        (n_samples, n_features, n_snapshots): compare the leading subspaces of this
        dimension by the root mean squared sine of their principal angles.
    init : "d-sampling" or sequence of int, default="d-sampling"
        First medoids: drawn one by one with probability proportional to the
        distance from those drawn before, or given indices (then ``n_init`` is one).
    n_init : int, default=5
        Number of starts.
    max_iter : int, default=100
        Maximum number of passes over all candidates, of each start.
    certify : bool, default=True
        Compute the bound. Without it ``lower_bound_`` is zero.
    bound_iter : int, default=1500
        Maximum number of ascent steps of the bound.
    max_nodes : "auto" or int, default="auto"
        Maximum number of nodes of the branching; "auto" is 200 up to 1000 samples and
        0 above. A node costs about 10 ms at 1000 samples.
    tol : float, default=1e-6
        Relative gap that counts as optimal.
    max_samples : int, default=10_000
        Refuse more samples: the matrix of dissimilarities takes 8 n_samples^2 bytes,
        and the bound up to 12 n_samples^2 more with few clusters.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts.

    Attributes
    ----------
    medoid_indices_ : ndarray of int of shape (n_clusters,)
        Indices of the medoids, in lexicographic order of the medoids (in the order of
        samples for "precomputed" and subspaces).
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The medoids; their bases (n_clusters, n_features, n_subspace) for subspaces,
        and None for "precomputed".
    labels_ : ndarray of int of shape (n_samples,)
        Nearest medoid of each sample.
    inertia_ : float
        Weighted sum of dissimilarities to the nearest medoids.
    lower_bound_ : float
        No ``n_clusters`` medoids have a smaller inertia (for the dissimilarities as
        computed; rounding of the bound is subtracted).
    gap_ : float
        ``1 - lower_bound_ / inertia_``: no medoids can have an inertia more than this
        share below ``inertia_``. Zero when the inertia is zero.
    certified_ : bool
        Whether ``gap_ <= tol``.
    bound_path_ : ndarray of shape (n_blocks,)
        Lower bound after every 50 steps.
    n_nodes_ : int
        Nodes of the branching.
    n_iter_ : int
        Number of starts done.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, where X has them.

    See Also
    --------
    certify_kmedoids : The bound for medoids from elsewhere.
    SDPKMeans : K-means with a proof.

    Notes
    -----
    The bound cannot exceed the optimum of the linear relaxation; in data without
    clusters that leaves gaps of .1 to .5 %, and branching closes many of them for up to
    1000 samples. An open gap does not say that the medoids are bad.

    References
    ----------
    .. [1] E. Schubert, P. Rousseeuw, "Fast and eager k-medoids clustering: O(k)
       runtime improvement of the PAM, CLARA, and CLARANS algorithms", Information
       Systems 101, 2021.
    .. [2] G. Cornuejols, M. Fisher, G. Nemhauser, "Location of bank accounts to
       optimize float", Management Science 23, 789-810, 1977 (the relaxation).
    .. [3] T. Daniel, F. Casenave, N. Akkari, D. Ryckelynck, "Physics-informed cluster
       analysis and a priori efficiency criterion for the construction of local
       reduced-order bases", arXiv:2103.13683 (the sine dissimilarity).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.cluster import KMedoids
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], 20, axis=0)
    >>> X += rng.standard_normal(X.shape)
    >>> model = KMedoids(3, random_state=0).fit(X)
    >>> model.certified_
    True
    >>> bool(model.lower_bound_ <= model.inertia_)
    True
    """

    _param_rules = {
        "n_clusters": Integer(1),
        "metric": OneOf(*METRICS) | Callable(),
        "n_subspace": Null() | Integer(1),
        "init": OneOf("d-sampling") | SequenceOf(Integer(0)),
        "n_init": Integer(1),
        "max_iter": Integer(1),
        "certify": Boolean(),
        **_BOUND_RULES,
        "max_samples": Integer(1),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused(
            ("bound_iter", "max_nodes", "tol"), lambda p: not p.certify,
            "certify is False",
        ),
        Unused("n_init", lambda p: not isinstance(p.init, str), "init is given"),
    )  # fmt: skip

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        metric: str | CallableType = "euclidean",
        n_subspace: int | None = None,
        init: str | Sequence[int] = "d-sampling",
        n_init: int = 5,
        max_iter: int = 100,
        certify: bool = True,
        bound_iter: int = 1500,
        max_nodes: int | str = "auto",
        tol: float = 1e-6,
        max_samples: int = 10_000,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_clusters = n_clusters
        self.metric = metric
        self.n_subspace = n_subspace
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.certify = certify
        self.bound_iter = bound_iter
        self.max_nodes = max_nodes
        self.tol = tol
        self.max_samples = max_samples
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = isinstance(self.metric, str) and self.metric == "precomputed"
        tags.input_tags.pairwise = precomputed
        tags.input_tags.positive_only = precomputed
        tags.input_tags.two_d_array = self.n_subspace is None
        tags.input_tags.three_d_array = self.n_subspace is not None
        return tags

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find medoids, and bound their inertia.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, n_samples) or \
                (n_samples, n_features, n_snapshots)
            Samples; dissimilarities with ``metric="precomputed"``; several snapshots
            per sample with ``n_subspace``.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Nonnegative weights; a sample of weight zero can be no medoid.

        Returns
        -------
        self : KMedoids
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are fewer samples (of positive weight) than clusters, or more than
            ``max_samples``.

        Warns
        -----
        ConvergenceWarning
            If there are fewer distinct samples than clusters, or swaps were still
            improving the medoids after ``max_iter`` passes.
        """
        p = check_params(self)
        X = self._check_input(X, reset=True)
        n = len(X)
        weight = check_sample_weight(sample_weight, n, normalize=False)
        used = np.flatnonzero(weight > 0)
        if len(used) < p.n_clusters:
            raise ValueError(
                f"n_samples={len(used)} (of positive weight) should be >= "
                f"n_clusters={p.n_clusters}."
            )
        if len(used) > p.max_samples:
            raise ValueError(
                f"{len(used)} samples need {8 * len(used) ** 2 / 1e9:.1f} GB for their "
                f"dissimilarities, and max_samples={p.max_samples}. Cluster a part of "
                "them, or raise max_samples."
            )
        if p.metric == "precomputed":
            _check_square(X, "KMedoids with metric='precomputed'")
        all_used = len(used) == n
        rows = X if all_used else X[used]
        with single_blas_thread():
            points = self._points(rows)
            if p.metric == "precomputed":
                D = rows if all_used else np.ascontiguousarray(rows[:, used])
            else:
                D = self._dissimilarities(points, points)
                np.fill_diagonal(D, 0.0)
            medoids = self._search(D, weight[used], p)
        self.medoid_indices_ = used[medoids]
        self._sort_medoids(X)
        if p.metric == "precomputed":
            self.cluster_centers_ = None
        elif p.n_subspace is None:
            self.cluster_centers_ = X[self.medoid_indices_]
        else:
            order = np.searchsorted(used, self.medoid_indices_)
            self.cluster_centers_ = points[order]
        self.labels_ = self._to_medoids(X).argmin(axis=1)
        if p.n_subspace is None and p.metric != "sine" and p.metric != "cosine":
            warn_outweighed(
                rows if p.metric != "precomputed" else D,
                self.labels_[used],
                getattr(self, "feature_names_in_", None),
                rows_of="dissimilarities" if p.metric == "precomputed" else "samples",
            )
        return self

    def _search(self, D, weight, p):
        """Search and bound; return positions of the medoids."""
        unit, mass = _unit_of(D), _unit_of(weight)
        if not np.isfinite(D).all():
            raise ValueError(
                "Dissimilarities are not finite: the metric returned NaN or infinity."
            )
        D = D / unit if unit != 1.0 else D
        weight = weight / mass if mass != 1.0 else weight
        unit *= mass
        if p.certify:
            self._announce(len(D), p)
        rng = check_random_state(p.random_state)
        blocks = -(-p.bound_iter // 50) + nodes_for(p.max_nodes, len(D)) // 2
        tasks = p.n_init + (blocks if p.certify else 0)
        with self._iterations(tasks) as tick:
            starts = list(self._starts(D, weight, p, rng))
            cost, medoids, optimal = search_medoids(
                D, weight, p.n_clusters, starts=starts, max_iter=p.max_iter,
                callback=tick,
            )  # fmt: skip
            bound, path, n_nodes = 0.0, np.empty(0), 0
            if p.certify:
                result = bound_medoids(
                    D, weight, medoids, bound_iter=p.bound_iter,
                    max_nodes=nodes_for(p.max_nodes, len(D)), tol=p.tol, callback=tick,
                )  # fmt: skip
                bound, path, n_nodes = result.lower_bound, result.path, result.n_nodes
                cost, medoids = result.cost, result.medoids
        if not np.isfinite(unit * cost):
            raise ValueError(
                "The inertia exceeds the range of floating-point numbers. Give X or "
                "sample_weight in other units."
            )
        self.inertia_, self.lower_bound_ = unit * cost, unit * bound
        self.gap_ = relative_gap(cost, bound)
        self.certified_ = bool(p.certify and self.gap_ <= p.tol)
        self.bound_path_, self.n_nodes_ = unit * path, n_nodes
        self.n_iter_ = len(starts)
        if not optimal and not self.certified_:
            warn_user(
                f"Swaps were still improving the medoids after max_iter={p.max_iter} "
                "passes. Increase max_iter.",
                ConvergenceWarning,
            )
        if cost == 0.0 and p.n_clusters > 1:
            distinct = D[np.ix_(medoids, medoids)]
            n_distinct = len(np.unique(distinct == 0.0, axis=0))
            if n_distinct < p.n_clusters:
                warn_user(
                    f"Number of distinct clusters ({n_distinct}) found smaller than "
                    f"n_clusters ({p.n_clusters}). Possibly due to duplicate points "
                    "in X.",
                    ConvergenceWarning,
                )
        return medoids

    def _announce(self, n, p):
        """Say beforehand that a fit will be long."""
        # An ascent step reads about n^2 / K entries; swaps from its two starts each
        # fifty steps some ten passes of n^2.
        seconds = p.bound_iter * n**2 * 1e-9 * (5.0 / p.n_clusters + 0.4)
        announce(
            seconds,
            f"The bound for {n} samples",
            "It ends when it closes the gap; certify=False leaves it out, a smaller "
            "bound_iter shortens it.",
        )

    def _starts(self, D, weight, p, rng):
        if isinstance(p.init, str):
            n_starts = 1 if p.n_clusters == 1 else p.n_init
            for _ in range(n_starts):
                yield sample_start(D, weight, p.n_clusters, rng)
            return
        first = np.unique(np.asarray(p.init, dtype=np.int64))
        if len(first) != p.n_clusters or first[-1] >= len(D):
            raise InvalidParameterError(
                f"init must hold n_clusters={p.n_clusters} distinct indices below "
                f"{len(D)}; got {p.init!r}."
            )
        yield first

    def _check_input(self, X, *, reset):
        if self.n_subspace is None:
            given = X
            X = validate_data(
                self, X, reset=reset, dtype=[np.float64, np.float32], order="C"
            )
            check_exact(given, X)
            if isinstance(self.metric, str) and self.metric == "precomputed":
                X = X.astype(np.float64, copy=False)
            return X
        if not (isinstance(self.metric, str) and self.metric == "sine"):
            raise InvalidParameterError(
                "KMedoids: parameter 'n_subspace' compares lines and subspaces, and "
                f"needs metric='sine'; got metric={self.metric!r}."
            )
        X = check_trials(X)
        if reset:
            self.n_features_in_ = X.shape[1]
        elif X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {X.shape[1]} features, but KMedoids is expecting "
                f"{self.n_features_in_} features as input."
            )
        if self.n_subspace > min(X.shape[1:]):
            raise InvalidParameterError(
                f"KMedoids: parameter 'n_subspace'={self.n_subspace} exceeds the "
                f"{X.shape[1]} features or {X.shape[2]} snapshots of a sample."
            )
        return X

    def _points(self, X):
        """What dissimilarities are computed of."""
        if self.n_subspace is not None:
            return subspaces_of(X, self.n_subspace)
        return X.astype(np.float64, copy=False)

    def _dissimilarities(self, points, centers):
        if self.n_subspace is not None:
            return subspace_distances(points, centers)
        return dissimilarities(points, centers, self.metric)

    def _sort_medoids(self, X):
        """Order medoids by their values, so that the order of samples is no matter."""
        chosen = np.sort(self.medoid_indices_)
        if X.ndim == 2 and not (
            isinstance(self.metric, str) and self.metric == "precomputed"
        ):
            chosen = chosen[np.lexsort(X[chosen].T[::-1])]
        self.medoid_indices_ = chosen

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute the dissimilarities to the medoids.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), \
                (n_samples, n_samples_fit) or (n_samples, n_features, n_snapshots)
            Samples; with ``metric="precomputed"`` their dissimilarities to all samples
            of the fit.

        Returns
        -------
        D : ndarray of shape (n_samples, n_clusters)
            Dissimilarities.
        """
        check_is_fitted(self)
        return self._to_medoids(self._check_input(X, reset=False))

    def _to_medoids(self, X):
        if self.cluster_centers_ is None:
            if X.min(initial=0.0) < 0:
                raise ValueError(
                    "Negative values in data passed to KMedoids.transform: "
                    "dissimilarities are nonnegative."
                )
            return X[:, self.medoid_indices_]
        centers = self.cluster_centers_
        if self.n_subspace is None:
            centers = centers.astype(np.float64, copy=False)
        with single_blas_thread():
            return self._dissimilarities(self._points(X), centers)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Find the nearest medoid of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), \
                (n_samples, n_samples_fit) or (n_samples, n_features, n_snapshots)
            Samples; with ``metric="precomputed"`` their dissimilarities to all samples
            of the fit.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            Positions in ``medoid_indices_``.
        """
        return self.transform(X).argmin(axis=1)

    @property
    def _n_features_out(self):
        return len(self.medoid_indices_)
