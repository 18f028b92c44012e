"""Proofs and bounds for given K-means labels."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from skgeo.cluster._inputs import unit_scale
from skgeo.cluster._kmeans import group_rows, split_cells
from skgeo.cluster._solvers.bounds import cell_bound, clipped_bound, subsample_bound
from skgeo.cluster._solvers.certificate import closed_form_certificate, pca_bound
from skgeo.cluster._solvers.groups import group_points
from skgeo.cluster._solvers.relaxation import double_centered, solve_kmeans_sdp
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, OneOf, RandomState, Real

__all__ = ["KMeansCertificate", "certify_kmeans"]

_CLOSE = 1e-4  # a gap below this is not worth a semidefinite program

_RULES = {
    "n_clusters": Null() | Integer(1),
    "bound": OneOf("auto", "closed", "none", "subsample"),
    "n_cells": Integer(2),
    "n_subsamples": Integer(1),
    "subsample_size": Integer(2),
    "confidence": Real(0.0, 1.0, closed="neither"),
    "random_state": RandomState(),
}


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
        ``1 - lower_bound_ / inertia_``, zero when the inertia is zero.
    bound_method_ : {"certificate", "pca", "clipped", "cells"}
        What gave ``lower_bound_``.
    probable_lower_bound_ : float or None
        Bound that holds with probability ``confidence_``; None unless asked for.
    confidence_ : float or None
        Its confidence.
    t_max_, floor_ : float
        Ends of the bracket of the dual variable t: from the smallest margin and from
        the largest within-group scatter. ``floor_ > t_max_`` is the proof of
        "not_tight". Squared units of the data.
    rounding_margin_ : float
        Rounding error that ``lower_bound_`` allows for, in squared units of the data.
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
    bound_method_: str
    probable_lower_bound_: float | None
    confidence_: float | None
    t_max_: float
    floor_: float
    rounding_margin_: float
    n_clusters_: int

    @classmethod
    def from_estimator(cls, estimator, X, *, bound="auto", random_state=None):
        """Judge the labels of a fitted clusterer with ``labels_``.

        Parameters
        ----------
        estimator : object
            Fitted, with ``labels_`` (and ``n_clusters``, where it has one).
        X : array-like of shape (n_samples, n_features)
            The data it was fitted to.
        bound, random_state
            As in :func:`certify_kmeans`.

        Returns
        -------
        certificate : KMeansCertificate
            The outcome.
        """
        check_is_fitted(estimator, "labels_")
        return certify_kmeans(
            X,
            estimator.labels_,
            n_clusters=getattr(estimator, "n_clusters", None),
            bound=bound,
            random_state=random_state,
        )


def _check_arguments(arguments):
    for name, value in arguments.items():
        if not _RULES[name].accepts(value):
            raise ValueError(
                f"certify_kmeans: {name} must be {_RULES[name]}; got {value!r}."
            )


def judge(X, labels, n_clusters, *, bound, n_cells, random_state):
    """Certificate and bounds for scaled points; a dict in scaled units."""
    groups = group_points(X, labels, labels.max() + 1)
    outcome = closed_form_certificate(groups, n_clusters)
    margin = outcome["rounding_margin"]
    # At least one group per point: nothing is left to bound.
    lower, method = groups.total - pca_bound(groups, n_clusters), "pca"
    if outcome["verdict"] == "certified":
        lower, method = groups.inertia - margin, "certificate"
    elif bound != "none" and n_clusters < groups.n_points:
        value, t, kappa = clipped_bound(groups, n_clusters)
        if groups.total - value > lower:
            lower, method = groups.total - value, "clipped"
        if bound != "closed" and lower < (1 - _CLOSE) * groups.inertia:
            value = cell_bound(
                groups,
                n_clusters,
                t,
                kappa,
                split_cells=split_cells,
                n_cells=n_cells,
                random_state=random_state,
            )
            if groups.total - value > lower:
                lower, method = groups.total - value, "cells"
    return outcome | {
        "inertia": groups.inertia,
        "lower_bound": min(max(0.0, lower), groups.inertia),
        "method": method,
    }


def _sample_lower_bound(n_clusters, random_state):
    def lower_bound(sample):
        centered = sample - sample.mean(axis=0)
        result = solve_kmeans_sdp(
            double_centered(centered @ centered.T),
            n_clusters,
            group_rows=group_rows,
            tol=1e-3,
            max_iter=300,
            random_state=random_state,
        )
        return result.extra["lower_bound"]

    return lower_bound


def certify_kmeans(
    X,
    labels,
    *,
    n_clusters=None,
    bound="auto",
    n_cells=300,
    n_subsamples=80,
    subsample_size=120,
    confidence=0.99,
    random_state=None,
):
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
    bound : {"auto", "closed", "none", "subsample"}, default="auto"
        What to do about the inertia when the labels are not certified: "closed" uses
        the clipped closed form, "auto" also a small semidefinite program over cells
        of points, "none" only principal components; "subsample" adds to "auto" a bound
        that holds with probability ``confidence``.
    n_cells : int, default=300
        About how many cells.
    n_subsamples, subsample_size : int, default=80, 120
        Number and size of the subsamples of ``bound="subsample"``.
    confidence : float, default=0.99
        Probability with which the subsample bound holds.
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
    is checked with a margin: ``4 eps (10 p + n) sum ||F||^2`` on the eigenvalues of the
    reduced matrix (p its size, F the feature factors), ``10 p eps ||M||`` for the
    eigenvalue solver and a relative 1e-9 on nonnegativity. These are a-priori error
    estimates, not interval arithmetic.

    The cost is O(n K d + n d^2) and a pair search that visits few pairs in low
    dimension; in high dimension (d above 50, say) it may fall back to a bound on the
    pairs, which weakens the certificate but not its validity.

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
    _check_arguments(
        {
            "n_clusters": n_clusters,
            "bound": bound,
            "n_cells": n_cells,
            "n_subsamples": n_subsamples,
            "subsample_size": subsample_size,
            "confidence": confidence,
            "random_state": random_state,
        }
    )
    X = check_array(X, dtype=np.float64, input_name="X")
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must be 1-D, got an array of shape {labels.shape}.")
    check_consistent_length(X, labels)
    names, codes = np.unique(labels, return_inverse=True)
    K = len(names) if n_clusters is None else int(n_clusters)
    if len(names) > K:
        raise ValueError(
            f"labels hold {len(names)} different values, more than "
            f"n_clusters={n_clusters}: leave n_clusters out or merge groups."
        )
    if len(X) < K:
        raise ValueError(f"n_clusters={K} is more than the {len(X)} samples.")
    rng = check_random_state(random_state)
    scaled, scale, _ = unit_scale(X)
    with single_blas_thread():
        outcome = judge(
            scaled, codes, K, bound=bound, n_cells=n_cells, random_state=rng
        )
        probable = None
        if bound == "subsample":
            size = min(subsample_size, len(X))
            if not 1 < K < size:
                raise ValueError(
                    f"bound='subsample' needs 1 < n_clusters < subsample_size <= "
                    f"n_samples; got n_clusters={K} and subsamples of {size} points."
                )
            probable = subsample_bound(
                scaled,
                K,
                _sample_lower_bound(K, rng),
                size=size,
                n_subsamples=n_subsamples,
                confidence=confidence,
                random_state=rng,
            )
            probable *= scale**2
    inertia, lower = outcome["inertia"], outcome["lower_bound"]
    return KMeansCertificate(
        verdict_=outcome["verdict"],
        certified_=outcome["verdict"] == "certified",
        inertia_=float(inertia * scale**2),
        lower_bound_=float(lower * scale**2),
        gap_=float(1 - lower / inertia) if inertia > 0 else 0.0,
        bound_method_=outcome["method"],
        probable_lower_bound_=probable,
        confidence_=None if probable is None else float(confidence),
        t_max_=float(outcome["t_max"] * scale**2),
        floor_=float(outcome["floor"] * scale**2),
        rounding_margin_=float(outcome["rounding_margin"] * scale**2),
        n_clusters_=K,
    )
