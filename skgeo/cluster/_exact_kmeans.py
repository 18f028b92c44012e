"""K-means solved to proven optimality."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState as NumpyRandomState
from numpy.typing import ArrayLike
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skgeo.base import BaseEstimator
from skgeo.cluster._inputs import check_points, unit_of
from skgeo.cluster._links import (
    check_pairs,
    label_weightless,
    linked_groups,
    root_rows,
)
from skgeo.cluster._nearest_centers import NearestCenters
from skgeo.cluster._outweighed import warn_outweighed
from skgeo.cluster._solvers.branch_and_bound import (
    Event,
    SearchTree,
    explore,
)
from skgeo.cluster._solvers.column_generation import (
    ColumnRelaxation,
    covering_seconds,
    flat_points,
)
from skgeo.cluster._solvers.groups import group_points, power_of_two_scale
from skgeo.cluster._solvers.judgment import certify_labels, root_seconds
from skgeo.cluster._solvers.local_search import conflict_lists, swap_search
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Instance,
    Integer,
    Null,
    RandomState,
    Real,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["ExactKMeans"]

_PAIRS = Null() | Instance((list, tuple, np.ndarray), "pairs of sample numbers")
# Distinct points up to which fits are allowed: with few features, and otherwise.
_MAX_FLAT, _MAX_SPACE = 3000, 700
_FLAT = 1e-9  # share of the total scatter outside a flat that rounding may leave
_REMEDY = {
    "time": "Increase max_time",
    "nodes": "Increase max_nodes",
    "interrupted": "A callback stopped it",
    "precision": "Cluster points far from all others apart",
}


class ExactKMeans(CallbackMixin, NearestCenters, ClusterMixin, BaseEstimator):
    """K-means to proven optimality: relaxations, branch and bound.

    A strong local search finds labels, a relaxation bounds the inertia of all labels
    from below, and branch and bound closes what is left. For up to four features (or
    more, if the points span no more dimensions) the relaxation is set covering, solved
    by column generation; for others it is the semidefinite one with pair, triangle and
    clique inequalities. The search stops at a limit with labels and a bound that are
    valid, and can be continued.

    In a plane 300 to 400 points take seconds, 1,000 a minute or a few. With more than
    four features up to about 400 points in few clusters take seconds to minutes.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters K, none of them empty.
    tol : float, default=1e-4
        Relative gap between inertia and bound at which labels count as optimal.
    max_time : float, default=300.0
        Seconds after which to stop, tested every few sweeps of the solver.
    max_nodes : int, default=1000
        Maximum number of nodes of the tree.
    n_init : int, default=30
        Starts of the local search.
    n_swaps : int, default=200
        Swaps of a center that the local search tries.
    max_points : int or None, default=None
        Maximum number of distinct points, more are refused: matrices of this size
        squared are held. None is 3,000 for up to four features and 700 otherwise.
    must_link, cannot_link : sequence of (int, int) or None, default=None
        Pairs of samples that share a cluster, and that do not.
    warm_start : bool, default=False
        Continue the search of the previous fit, if the data, the weights and what
        defines the problem are the same.
    n_jobs : int or None, default=None
        Threads; more than one solve two nodes at a time, with the same optimum.
    random_state : int, RandomState instance or None, default=None
        Draws the starts of the local search.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point.
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters, in increasing order of their first feature.
    inertia_ : float
        Sum of squared distances to the cluster means.
    lower_bound_ : float
        No labels that respect the constraints have a smaller inertia. Rigorous however
        early the search stopped.
    gap_ : float
        ``1 - lower_bound_ / inertia_``: no labels that respect the constraints can have
        an inertia more than this share below ``inertia_``.
    certified_ : bool
        Whether the gap is at most ``tol``.
    root_gap_ : float
        The gap before branching.
    status_ : {"optimal", "time", "nodes", "interrupted", "precision"}
        Why the search ended. "precision": rounding leaves a gap that no search
        closes.
    n_nodes_ : int
        Nodes solved; 0 if the labels were certified in closed form.
    n_iter_ : int
        Sweeps of the solver, or rounds of column generation, over all nodes.
    history_ : ndarray of shape (n_events, 3)
        Seconds, lower bound and inertia as they closed in on each other.
    n_features_in_ : int
        Number of features.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters or more distinct ones than
        ``max_points``, or the constraints contradict each other.

    Warns
    -----
    ConvergenceWarning
        If a limit was met before the gap was closed.

    See Also
    --------
    SDPKMeans : The relaxation without cuts, and quick certificates.
    certify_kmeans : A bound for given labels, of any number of points.

    Notes
    -----
    Callbacks see every event of ``history_`` and may stop the search.

    References
    ----------
    .. [1] V. Piccialli, A. M. Sudoso, A. Wiegele, "SOS-SDP: an exact solver for minimum
       sum-of-squares clustering", INFORMS J. Computing 34 (2022): cuts and branching.
    .. [2] D. Aloise, P. Hansen, L. Liberti, "An improved column generation algorithm
       for minimum sum-of-squares clustering", Math. Programming 131 (2012): set
       covering, and prices by geometry in the plane.
    .. [3] J. Gondzio, P. Gonzalez-Brevis, P. Munari, "New developments in the
       primal-dual column generation technique", EJOR 224 (2013): central prices.
    .. [4] J. A. Hartigan, M. A. Wong, "A K-means clustering algorithm", Applied
       Statistics 28 (1979): single moves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgeo.cluster import ExactKMeans
    >>> X = load_iris().data
    >>> model = ExactKMeans(2, random_state=0).fit(X)
    >>> model.status_, bool(model.gap_ <= 1e-4)
    ('optimal', True)
    """

    _param_rules = {
        "n_clusters": Integer(1),
        "tol": Real(0.0, 1.0, closed="left"),
        "max_time": Real(0.0),
        "max_nodes": Integer(1),
        "n_init": Integer(1),
        "n_swaps": Integer(0),
        "max_points": Null() | Integer(2),
        "must_link": _PAIRS,
        "cannot_link": _PAIRS,
        "warm_start": Boolean(),
        "n_jobs": Null() | Integer(),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        tol: float = 1e-4,
        max_time: float = 300.0,
        max_nodes: int = 1000,
        n_init: int = 30,
        n_swaps: int = 200,
        max_points: int | None = None,
        must_link: Sequence[tuple[int, int]] | None = None,
        cannot_link: Sequence[tuple[int, int]] | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: int | NumpyRandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.tol = tol
        self.max_time = max_time
        self.max_nodes = max_nodes
        self.n_init = n_init
        self.n_swaps = n_swaps
        self.max_points = max_points
        self.must_link = must_link
        self.cannot_link = cannot_link
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state

    @with_callbacks
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> "ExactKMeans":
        """Find optimal labels, or labels and a bound.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights; samples of weight zero are labeled, nothing else.

        Returns
        -------
        self : ExactKMeans
            The fitted estimator.
        """
        params = check_params(self)
        points = check_points(self, X, sample_weight, params.n_clusters)
        X, weight = points.X, points.weight
        weight = np.ones(len(X)) if weight is None else weight
        kept = np.flatnonzero(weight > 0)
        together = check_pairs(params.must_link, len(X), "must_link")
        apart = check_pairs(params.cannot_link, len(X), "cannot_link")
        group, pairs = linked_groups(len(X), together, apart)
        rng = check_random_state(params.random_state)
        unit = power_of_two_scale(X)
        scaled = X / unit
        same = None if not params.warm_start else getattr(self, "_problem", None)
        problem = (X.copy(), weight, params.n_clusters, together, apart)
        resumed = same is not None and _equal(same, problem)
        with (
            single_blas_thread(),
            self._iterations(None, X=X, y=y) as tick,
        ):
            if not resumed:
                self._kept = kept
                self._begin(scaled[kept], weight[kept], group[kept], pairs, params, rng)
            self._problem = problem
            self._search(params, tick, unit)
        labels = np.empty(len(X), dtype=np.intp)
        names = np.unique(self._tree.labels[self._row_of], return_inverse=True)[1]
        labels[self._kept] = names.ravel()
        K = params.n_clusters
        found = int(labels[self._kept].max()) + 1
        centers = np.array(
            [
                np.average(
                    X[self._kept][labels[self._kept] == k],
                    axis=0,
                    weights=weight[self._kept][labels[self._kept] == k],
                )
                for k in range(found)
            ]
        )
        order = np.lexsort(centers.T[::-1])
        labels[self._kept] = np.argsort(order)[labels[self._kept]]
        # Fewer distinct points than clusters: the last centers repeat the first.
        self._centers = centers[order][np.resize(np.arange(found), K)]
        label_weightless(X, labels, weight == 0, group, pairs, self._centers[:found])
        self.labels_ = labels.astype(np.int32)
        self.cluster_centers_ = self._centers.astype(points.dtype)
        warn_outweighed(X[kept], labels[kept], getattr(self, "feature_names_in_", None))
        if self.status_ in _REMEDY:
            warn_user(
                f"The search stopped ({self.status_}) at a gap of "
                f"{100 * self.gap_:.3g} %; labels and lower_bound_ are valid. "
                f"{_REMEDY[self.status_]}, and continue with warm_start=True.",
                ConvergenceWarning,
            )
        return self

    def _begin(self, points, w, group, pairs, params, rng):
        """Rows of the root, first labels, and what is proven in closed form."""
        K = params.n_clusters
        rows, places, row_of = root_rows(points, w, group, pairs, K)
        self._row_of = row_of
        m = len(rows.weight)
        linked = len(np.unique(group)) < len(group)
        if m < K and (linked or pairs):
            raise InvalidParameterError(
                f"must_link leaves {m} groups of samples, fewer than n_clusters={K}."
            )
        everything = group_points(points, np.zeros(len(points), dtype=np.intp), 1, w)
        doubt = 2 * everything.total_error
        if m <= K:
            if m < K:
                warn_user(
                    f"Number of distinct clusters ({m}) found smaller than n_clusters "
                    f"({K}). Possibly due to duplicate points in X.",
                    ConvergenceWarning,
                )
            tree = SearchTree(
                rows, K, everything.total, doubt, np.arange(m), 0.0, points, w, row_of
            )
            tree.inertia, error = tree.evaluate(tree.labels)
            tree.closed = tree.floor = tree.root_bound = max(tree.inertia - error, 0.0)
        else:
            flat = flat_points(points, w)
            is_flat = flat.left_out <= _FLAT * everything.total
            most = params.max_points
            most = (_MAX_FLAT if is_flat else _MAX_SPACE) if most is None else most
            if m > most:
                raise ValueError(
                    f"X has {m} distinct points, more than max_points={most}: "
                    f"matrices of {8 * m * m:,} bytes, and hours. certify_kmeans "
                    "bounds labels of any number of points."
                )
            labels, _ = swap_search(
                places,
                K,
                weight=rows.weight,
                n_init=params.n_init,
                n_swaps=params.n_swaps,
                conflicts=conflict_lists(rows),
                random_state=rng,
            )
            if labels is None:
                raise InvalidParameterError(
                    f"No labels into n_clusters={K} clusters respect cannot_link (a "
                    "greedy search found none): increase n_clusters or n_init."
                )
            tree = SearchTree(
                rows, K, everything.total, doubt, labels, 0.0, points, w, row_of
            )
            tree.inertia, error = tree.evaluate(labels)
            if K == 1:
                tree.floor = max(tree.inertia - error, 0.0)
                tree.closed = tree.root_bound = tree.floor
            else:
                # Bounds for all labels hold for those that respect constraints.
                codes = np.unique(labels[row_of], return_inverse=True)[1].ravel()
                judged = certify_labels(
                    points, codes, K, weight=w, bound="none", random_state=rng
                )
                tree.inertia = judged.inertia
                tree.floor = tree.root_bound = judged.lower_bound
                # What the flat leaves out stays open; it has to be within tol.
                lost = flat.left_out + 2 * flat.shift * np.sqrt(tree.inertia)
                fits = lost <= 0.1 * params.tol * tree.inertia or flat.stretch == 1.0
                if fits and is_flat:
                    tree.relaxation = ColumnRelaxation(flat, w, row_of, K, labels)
        self._tree = tree
        self._seed = int(rng.randint(np.iinfo(np.int32).max))

    def __getstate__(self):
        # The search itself, with a copy of X, stays in this process: a model that was
        # read from a file starts anew where warm_start would have continued.
        state = super().__getstate__().copy()
        for key in ("_tree", "_problem"):
            state.pop(key, None)
        return state

    def _search(self, params, tick, unit):
        tree = self._tree

        def watch(event: Event):
            return tick(
                {
                    "n_iter": event.n_nodes,
                    "objective": event.inertia,
                    "lower_bound": event.lower_bound,
                }
            )

        if tree.bound >= tree.inertia * (1 - params.tol):
            tree.history.append(Event(0.0, tree.bound, tree.inertia, tree.n_nodes))
            self.status_ = "optimal"
        else:
            if tree.n_nodes == 0:
                covering = isinstance(tree.relaxation, ColumnRelaxation)
                estimate = covering_seconds if covering else root_seconds
                announce(
                    estimate(len(tree.root.weight)),
                    f"Before any branching the bound for {len(tree.root.weight)} "
                    "distinct points",
                    f"The search ends after max_time={params.max_time:g} seconds, with "
                    "labels and a bound.",
                )
            self.status_ = explore(
                tree,
                tol=params.tol,
                max_seconds=params.max_time,
                max_nodes=params.max_nodes,
                n_jobs=params.n_jobs,
                random_state=self._seed,
                watch=watch,
            )
        # Less the rounding of the inertia, where nothing else lies between them.
        inertia, error = tree.evaluate(tree.labels)
        lower = min(tree.bound, max(inertia - error, 0.0))
        self.inertia_ = unit_of(tree.inertia, unit)
        self.lower_bound_ = unit_of(lower, unit)
        self.gap_ = _gap(lower, tree.inertia)
        self.certified_ = bool(self.gap_ <= params.tol)
        self.root_gap_ = _gap(max(tree.root_bound, tree.floor), tree.inertia)
        self.n_nodes_ = tree.n_nodes
        self.n_iter_ = tree.n_sweeps
        history = [(e.seconds, e.lower_bound, e.inertia) for e in tree.history]
        self.history_ = np.array(history) * [1.0, unit * unit, unit * unit]


def _gap(lower, inertia):
    return float(max(1.0 - lower / inertia, 0.0)) if inertia > 0 else 0.0


def _equal(a, b):
    """Whether two problems are the same."""
    return all(
        np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y
        for x, y in zip(a, b, strict=True)
    )
