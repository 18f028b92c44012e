"""Proofs and bounds for given K-means labels."""

from collections.abc import Callable as CallableType
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.random import RandomState as NumpyRandomState
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skgeo.cluster._inputs import (
    check_exact,
    check_magnitude,
    check_positive_weights,
    unit_of,
)
from skgeo.cluster._outweighed import warn_outweighed
from skgeo.cluster._solvers.anticluster import anticluster_bound
from skgeo.cluster._solvers.bounds import subsample_bound
from skgeo.cluster._solvers.groups import power_of_two_scale
from skgeo.cluster._solvers.judgment import (
    advice,
    certify_labels,
    fast_budget,
)
from skgeo.cluster._solvers.relaxation import WeightedGram, solve_kmeans_sdp
from skgeo.exceptions import InvalidParameterError
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Callable,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    check_params,
)
from skgeo.utils.validation import check_one_type
from skgeo.utils.warn import warn_user

__all__ = ["KMeansCertificate", "certify_kmeans"]

_RULES = {
    "n_clusters": Null() | Integer(1),
    "bound": OneOf("auto", "closed", "none", "subsample", "anticluster"),
    "effort": OneOf("fast", "thorough"),
    "max_time": Real(0.0),
    "block_size": Integer(20),
    "n_jobs": Null() | Integer(),
    "n_cells": Integer(2),
    "n_subsamples": Integer(1),
    "subsample_size": Integer(2),
    "confidence": Real(0.0, 1.0, closed="neither"),
    "callback": Null() | Callable(),
    "random_state": RandomState(),
}
# What comes before the bounds that are asked for.
_STAGES = {"subsample": "auto", "anticluster": "closed"}
# Means of the labels farther than this (relative to the spread) from the centers of a
# fitted clusterer: it was fitted with weights, or to other data.
_SAME_CENTERS = 1e-3


@dataclass(frozen=True, slots=True)
class KMeansCertificate:
    """What is proven about the labels of a K-means clustering.

    Made by :func:`certify_kmeans`, or by :meth:`from_estimator` for a fitted
    :class:`sklearn.cluster.KMeans`.

    Parameters
    ----------
    verdict_ : {"certified", "not_tight", "open"}
        "certified": the labels are a global optimum of K-means. "not_tight": it is
        proven that the semidefinite relaxation cannot certify them; they may still
        be optimal. "open": neither was shown.
    certified_ : bool
        Whether the verdict is "certified".
    inertia_ : float
        Sum of squared distances to the group means.
    lower_bound_ : float
        No clustering into ``n_clusters_`` groups has a smaller inertia, up to the
        floating-point error analysis stated in the notes of :func:`certify_kmeans`.
    gap_ : float
        ``1 - lower_bound_ / inertia_``: no labels can have an inertia more than this
        share below ``inertia_``. At most 1e-9 if the labels are certified.
    reason_ : str
        Why the labels are not certified; empty if they are.
    bound_method_ : {"certificate", "enumeration", "components", "pca", "clipped", \
"cells", "anticluster"}
        What gave ``lower_bound_``.
    advice_ : str
        What more effort may bring and about how long it takes; empty if nothing was
        left out.
    probable_lower_bound_ : float or None
        Bound that holds with probability ``confidence_``; None unless asked for.
    confidence_ : float or None
        Its confidence.
    t_max_, floor_ : float
        Ends of the bracket of the dual variable t: from the smallest margin and from
        the largest within-group scatter. ``floor_ > t_max_`` is the proof of
        "not_tight". Squared units of the data.
    rounding_margin_ : float
        Bound on the rounding error of ``inertia_``, in squared units of the data.
    n_clusters_ : int
        Number of clusters the statements are about.

    See Also
    --------
    certify_kmeans : Make one from points and labels.
    SDPKMeans : Find labels and prove them.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skgeo.cluster import KMeansCertificate
    >>> from skgeo.datasets import make_gaussian_clusters
    >>> X, _ = make_gaussian_clusters(200, 3, 5, separation=9, random_state=0)
    >>> kmeans = KMeans(3, n_init=5, random_state=0).fit(X)
    >>> KMeansCertificate.from_estimator(kmeans, X).verdict_
    'certified'
    """

    verdict_: str
    certified_: bool
    inertia_: float
    lower_bound_: float
    gap_: float
    reason_: str
    bound_method_: str
    advice_: str
    probable_lower_bound_: float | None
    confidence_: float | None
    t_max_: float
    floor_: float
    rounding_margin_: float
    n_clusters_: int

    def __repr__(self) -> str:
        if self.certified_:
            words = "certified: no better clustering exists"
        else:
            words = "not certified: no labels have an inertia more than "
            words += f"{_percent(self.gap_)} below theirs"
        return f"<KMeansCertificate {words}>"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        bound: Literal["auto", "closed", "none", "subsample"] = "auto",
        effort: Literal["fast", "thorough"] = "fast",
        random_state: int | NumpyRandomState | None = None,
    ) -> "KMeansCertificate":
        """Judge the labels of a fitted clusterer with ``labels_``.

        Parameters
        ----------
        estimator : object
            Fitted, with ``labels_`` (and ``n_clusters``, ``cluster_centers_``, where it
            has them).
        X : array-like of shape (n_samples, n_features)
            The data it was fitted to.
        sample_weight : array-like of shape (n_samples,), optional
            The weights it was fitted with.
        bound, effort, random_state
            As in :func:`certify_kmeans`.

        Returns
        -------
        certificate : KMeansCertificate
            The outcome.

        Raises
        ------
        ValueError
            If the centers of the estimator are not the means of its labels: it was
            fitted with other weights or to other data, so that a statement about X
            would not be one about its result.
        """
        check_is_fitted(estimator, "labels_")
        _check_centers(estimator, X, sample_weight)
        return certify_kmeans(
            X,
            estimator.labels_,
            n_clusters=getattr(estimator, "n_clusters", None),
            sample_weight=sample_weight,
            bound=bound,
            effort=effort,
            random_state=random_state,
        )


def _percent(share):
    """A share in per cent, with the digits that matter, rounded up."""
    percent = 100 * share
    if percent >= 0.1:
        return f"{np.ceil(percent * 10) / 10:.1f} %"
    return f"{percent:.1g} %" if percent > 0 else "rounding"


def _check_centers(estimator, X, sample_weight):
    """Refuse labels whose means are not the estimator's centers."""
    centers = getattr(estimator, "cluster_centers_", None)
    X = check_array(X, dtype=np.float64, input_name="X")
    labels = np.asarray(estimator.labels_)
    if centers is None or labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        return
    centers = np.asarray(centers, dtype=np.float64)
    if centers.ndim != 2 or centers.shape[1] != X.shape[1]:
        return
    unit = power_of_two_scale(X)
    weight = check_positive_weights(sample_weight, len(X), keep_zero=True)
    weight = np.ones(len(X)) if weight is None else weight
    present = np.flatnonzero(np.bincount(labels, weights=weight) > 0)
    if present[-1] >= len(centers):
        return
    rows = X / unit
    # Stray and spread per column: one column of large numbers hides no other.
    spread = np.ptp(rows, axis=0)
    stray = np.zeros(X.shape[1])
    for k in present:
        mine = labels == k
        mean = np.average(rows[mine], axis=0, weights=weight[mine])
        stray = np.maximum(stray, np.abs(mean - centers[k] / unit))
    # A tolerance of K-means leaves the centers a little behind the labels.
    if np.any(stray > _SAME_CENTERS * spread + 1e-6 * np.abs(rows).max(axis=0)):
        raise ValueError(
            f"The centers of this {type(estimator).__name__} are not the means of its "
            "labels on X: it was fitted with sample_weight, to other data, or stopped "
            "before it converged. Pass the same X and sample_weight; for labels alone "
            "use certify_kmeans(X, estimator.labels_)."
        )


def _sample_lower_bound(n_clusters, random_state):
    def lower_bound(sample):
        result = solve_kmeans_sdp(
            WeightedGram.of_points(sample),
            n_clusters,
            tol=1e-3,
            max_iter=300,
            random_state=random_state,
        )
        return result.lower_bound

    return lower_bound


def certify_kmeans(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    n_clusters: int | None = None,
    sample_weight: ArrayLike | None = None,
    bound: Literal["auto", "closed", "none", "subsample", "anticluster"] = "auto",
    effort: Literal["fast", "thorough"] = "fast",
    max_time: float = 60.0,
    block_size: int = 250,
    n_jobs: int | None = None,
    n_cells: int = 300,
    n_subsamples: int = 80,
    subsample_size: int = 120,
    confidence: float = 0.99,
    callback: CallableType[[dict], Any] | None = None,
    random_state: int | NumpyRandomState | None = None,
) -> KMeansCertificate:
    """Prove that K-means labels are globally optimal, or bound how far they are.

    The semidefinite relaxation is not solved: for given labels its dual solution is
    known up to a few numbers, and checking a closed-form candidate needs the margins of
    the points and one small eigenproblem. No n x n array is formed, whatever n is.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Points.
    labels : array-like of shape (n_samples,)
        Their labels, of any kind.
    n_clusters : int, optional
        Number of clusters the optimum may use; the number of different labels when
        left out.
    sample_weight : array-like of shape (n_samples,), optional
        Weights: the statements are then about the weighted inertia. Samples of weight
        zero are left out.
    bound : {"auto", "closed", "none", "subsample", "anticluster"}, default="auto"
        What to do about the inertia when the labels are not certified: "closed" uses
        the clipped closed form, "auto" also a small semidefinite program over cells
        of points, "none" only principal components; "subsample" adds to "auto" a bound
        that holds with probability ``confidence``.
        "anticluster" adds to "closed" the bound for many points: blocks that look like
        the whole, each bounded by a semidefinite program with cuts.
    effort : {"fast", "thorough"}, default="fast"
        "fast" leaves out what costs more than about ten fits of K-means with ten
        starts (a second or two on small data) and says in ``advice_`` what that was and
        how long it would take. "thorough" leaves nothing out.
    max_time : float, default=60.0
        Seconds for ``bound="anticluster"``, kept roughly: about 5 seconds per block
        give most of what there is.
    block_size : int, default=250
        About how many points per block.
    n_jobs : int or None, default=None
        Threads over blocks.
    n_cells : int, default=300
        About how many cells.
    n_subsamples, subsample_size : int, default=80, 120
        Number and size of the subsamples of ``bound="subsample"``.
    confidence : float, default=0.99
        Probability with which the subsample bound holds.
    callback : callable, optional
        Called with a dictionary: at each check of the program over cells with
        ``n_iter`` and ``objective`` (a true answer stops it), and after each block of
        "anticluster" with ``n_iter`` blocks done, ``n_blocks`` and ``objective`` (bound
        of the block), in scaled units.
    random_state : int, RandomState instance or None, default=None
        Draws cells and subsamples; the deterministic bounds are valid for every draw.

    Returns
    -------
    certificate : KMeansCertificate
        Verdict, inertia and lower bound.

    Raises
    ------
    ValueError
        If an argument is out of range, or there are more different labels than
        ``n_clusters``.

    See Also
    --------
    SDPKMeans : Solve the relaxation where the closed form does not decide.

    Notes
    -----
    The statements are theorems in exact arithmetic. In floating point each inequality
    is checked with a bound on its rounding error, first order in the unit roundoff.
    Everything is computed from differences between points of a group and between
    groups, so that these bounds are relative to the inertia and do not see offsets,
    far outliers or far groups; where double precision does not decide, the verdict is
    "open" and ``reason_`` says so. These are a-priori error estimates, not interval
    arithmetic.

    Groups far apart are judged one by one: no optimal cluster joins points whose
    distance alone costs more than the inertia of the labels. Up to twelve points (of
    all data, or of such a component) every partition is looked at. Two clusterings
    equally good up to rounding are never certified.

    The labels are proven in O(n K d + n d^2) and a pair search that visits few pairs in
    low dimension; in high dimension (d above 50, say) it may fall back to a bound on
    the pairs, which weakens the certificate but not its validity. Where they are not
    proven the bound costs one eigenproblem of size about ``K (2 d + K)`` per trial, up
    to thirty, and the program over cells a hundred times that: see ``effort``.

    References
    ----------
    .. [1] J. Peng, Y. Wei, "Approximating K-means-type clustering via semidefinite
       programming", SIAM J. Optim. 18 (2007).
    .. [2] C. Clum, D. G. Mixon, S. Villar, K. Xie, "Sketch-and-solve approaches to
       k-means clustering by semidefinite programming", arXiv:2211.15744 (the idea of
       the subsample bound).

    Examples
    --------
    >>> from skgeo.cluster import certify_kmeans
    >>> from skgeo.datasets import make_gaussian_clusters
    >>> X, y = make_gaussian_clusters(300, 3, 5, separation=5, random_state=0)
    >>> certificate = certify_kmeans(X, y, random_state=0)
    >>> certificate.verdict_
    'not_tight'
    >>> certificate.gap_ < 0.05
    True
    """
    checked = check_params(
        "certify_kmeans",
        _RULES,
        {
            "n_clusters": n_clusters,
            "bound": bound,
            "effort": effort,
            "max_time": max_time,
            "block_size": block_size,
            "n_jobs": n_jobs,
            "n_cells": n_cells,
            "n_subsamples": n_subsamples,
            "subsample_size": subsample_size,
            "confidence": confidence,
            "callback": callback,
            "random_state": random_state,
        },
    )
    given = X
    X = check_array(X, dtype=np.float64, input_name="X")
    check_exact(given, X)
    codes, found = _check_labels(labels, X)
    weight = check_positive_weights(sample_weight, len(X), keep_zero=True)
    if weight is not None and (weight == 0).any():
        X, codes = X[weight > 0], codes[weight > 0]
        weight = weight[weight > 0]
        codes = np.unique(codes, return_inverse=True)[1]
    K = found if n_clusters is None else checked.n_clusters
    if found > K:
        raise InvalidParameterError(
            f"labels hold {found} different values, more than "
            f"n_clusters={n_clusters}: leave n_clusters out or merge groups."
        )
    if len(X) < K:
        raise InvalidParameterError(
            f"n_clusters={K} is more than the {len(X)} samples"
            f"{'' if sample_weight is None else ' of positive weight'}."
        )
    check_magnitude(X)
    rng = check_random_state(checked.random_state)
    unit = power_of_two_scale(X)
    scaled = X / unit
    fast = checked.effort == "fast"
    with single_blas_thread():
        judgment = certify_labels(
            scaled,
            codes,
            K,
            weight=weight,
            bound=_STAGES.get(checked.bound, checked.bound),
            budget=fast_budget(X.shape[0], K, X.shape[1]) if fast else np.inf,
            n_cells=checked.n_cells,
            random_state=rng,
            notice=_announce_cells,
            tick=checked.callback,
        )
        if checked.bound == "anticluster":
            judgment = _add_blocks(judgment, scaled, codes, K, weight, checked, rng)
        probable = None
        if checked.bound == "subsample":
            if weight is not None:
                raise InvalidParameterError(
                    "bound='subsample' does not take sample_weight; use bound='auto'."
                )
            size = min(checked.subsample_size, len(X))
            if not 1 < K < size:
                raise InvalidParameterError(
                    f"bound='subsample' needs 1 < n_clusters < subsample_size <= "
                    f"n_samples; got n_clusters={K} and subsamples of {size} points."
                )
            probable = subsample_bound(
                scaled,
                K,
                _sample_lower_bound(K, rng),
                size=size,
                n_subsamples=checked.n_subsamples,
                confidence=checked.confidence,
                random_state=rng,
            )
            probable = unit_of(probable, unit)
    warn_outweighed(X, codes, getattr(given, "columns", None))
    inertia = unit_of(judgment.inertia, unit)
    lower = unit_of(judgment.lower_bound, unit)
    return KMeansCertificate(
        verdict_=judgment.verdict,
        certified_=judgment.verdict == "certified",
        inertia_=inertia,
        lower_bound_=lower,
        gap_=judgment.gap,
        reason_=judgment.reason,
        bound_method_=judgment.method,
        advice_=advice(judgment.left_out),
        probable_lower_bound_=probable,
        confidence_=None if probable is None else float(checked.confidence),
        t_max_=unit_of(judgment.t_max, unit),
        floor_=unit_of(judgment.floor, unit),
        rounding_margin_=unit_of(judgment.error, unit),
        n_clusters_=K,
    )


def _announce_cells(seconds):
    announce(seconds, "The program over cells", "effort='fast' leaves it out.")


def _add_blocks(judgment, X, codes, K, weight, params, rng):
    """Add the bound by anticlusters where the labels are not proven yet."""
    if weight is not None:
        raise InvalidParameterError(
            "bound='anticluster' does not take sample_weight; use bound='auto'."
        )
    if judgment.verdict == "certified" or not 1 < K < len(X):
        return judgment
    found = anticluster_bound(
        X,
        codes,
        K,
        block_size=max(params.block_size, 4 * K),
        max_seconds=params.max_time,
        n_jobs=params.n_jobs,
        random_state=rng,
        tick=params.callback,
    )
    if found.lower_bound <= judgment.lower_bound:
        return judgment
    lower = min(found.lower_bound, judgment.inertia)
    return replace(judgment, lower_bound=lower, method="anticluster", left_out=())


def _check_labels(labels, X):
    """Codes 0..K-1 of labels of any kind, and K; refuse missing ones."""
    masked = np.ma.getmaskarray(labels) if np.ma.isMaskedArray(labels) else None
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise InvalidParameterError(
            f"labels must be 1-D, got an array of shape {labels.shape}."
        )
    check_consistent_length(X, labels)
    if masked is not None and masked.any():
        missing = masked
    elif labels.dtype.kind == "O":
        missing = np.array([v is None or v != v for v in labels], dtype=bool)
    elif labels.dtype.kind in "mM":
        missing = np.isnat(labels)
    else:
        missing = np.isnan(labels) if labels.dtype.kind in "fc" else np.zeros(1, bool)
    if missing.any():
        raise InvalidParameterError(
            f"labels hold {int(missing.sum())} missing values (the first for sample "
            f"{int(np.argmax(missing))}): a certificate is about labels of all samples."
        )
    check_one_type(labels, "labels")
    names, codes = np.unique(labels, return_inverse=True)
    if names.dtype.kind == "i" and len(names) > 2 and names[0] == -1 and names[1] == 0:
        warn_user(
            f"labels hold -1 for {int((labels == -1).sum())} samples, as density-based "
            "methods name noise: they count as one group here. Leave them out of X and "
            "labels if they are none."
        )
    return codes.ravel(), len(names)
