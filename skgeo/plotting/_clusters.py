"""Pictures of bounds and certificates."""

from typing import Any

import numpy as np

from skgeo.plotting._axes import BLUE, FAINT, ORANGE, make_axes

__all__ = ["plot_certificate"]


def plot_certificate(model: Any, *, ax: Any = None) -> Any:
    """Draw how far labels are from the optimum at most.

    With a ``history_`` (:class:`skgeo.cluster.ExactKMeans`) the bound and the best
    labels close in on each other over time; otherwise one bar shows the interval that
    holds the smallest inertia of all.

    Parameters
    ----------
    model : KMeansCertificate, KMedoidsCertificate or fitted estimator
        Anything with ``lower_bound_`` and ``inertia_``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If the model has no lower bound.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgeo.cluster import certify_kmeans
    >>> from skgeo.plotting import plot_certificate
    >>> from sklearn.cluster import KMeans
    >>> X = load_iris().data
    >>> labels = KMeans(3, n_init=10, random_state=0).fit_predict(X)
    >>> ax = plot_certificate(certify_kmeans(X, labels))
    >>> ax.get_xlabel()
    'inertia'
    """
    lower, upper = (
        getattr(model, "lower_bound_", None),
        getattr(model, "inertia_", None),
    )
    if lower is None or upper is None or not np.isfinite(lower):
        raise ValueError(
            f"model must have a lower_bound_ and an inertia_; {type(model).__name__} "
            "has none (a KMeans is judged by certify_kmeans first)."
        )
    ax = make_axes(ax)
    history = getattr(model, "history_", None)
    if history is not None and len(history) > 1:
        time, bound, incumbent = (np.array(c, dtype=float) for c in _columns(history))
        ax.step(time, incumbent, where="post", color=ORANGE, label="best labels so far")
        ax.step(time, bound, where="post", color=BLUE, label="lower bound")
        ax.fill_between(time, bound, incumbent, step="post", color=FAINT, alpha=0.2)
        ax.set(xlabel="time (s)", ylabel="inertia")
        ax.legend(frameon=False)
    else:
        ax.barh([0], [upper - lower], left=lower, height=0.3, color=FAINT, alpha=0.4)
        ax.plot([lower, lower], [-0.3, 0.3], color=BLUE, lw=3, label="lower bound")
        ax.plot([upper, upper], [-0.3, 0.3], color=ORANGE, lw=3, label="these labels")
        ax.set(xlabel="inertia", yticks=[], ylim=(-0.7, 0.9))
        spread = max(upper - lower, 1e-3 * abs(upper))
        # No inertia is negative.
        ax.set_xlim(max(lower - spread, min(lower, 0.0)), upper + spread)
        ax.legend(frameon=False, ncols=2, loc="upper center")
    gap = (upper - lower) / upper if upper > 0 else 0.0
    certified = bool(getattr(model, "certified_", False))
    ax.set_title(
        "proven optimal"
        if certified
        else f"the optimum is at most {100 * gap:.2g} % lower"
    )
    return ax


def _columns(history):
    """Time, bound and incumbent of a history, as rows or as named fields."""
    first = history[0]
    if hasattr(first, "time"):
        incumbent = "incumbent" if hasattr(first, "incumbent") else "upper_bound"
        bound = "bound" if hasattr(first, "bound") else "lower_bound"
        return zip(
            *((h.time, getattr(h, bound), getattr(h, incumbent)) for h in history),
            strict=True,
        )
    return zip(*(tuple(h)[:3] for h in history), strict=True)
