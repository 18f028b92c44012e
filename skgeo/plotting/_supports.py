"""Pictures of the supports of sparse models."""

from typing import Any

import numpy as np

from skgeo.plotting._axes import BLUE, ORANGE, make_axes

__all__ = ["plot_support"]


def plot_support(
    model: Any, *, mode: int = 0, truth: Any = None, ax: Any = None
) -> Any:
    """Draw the variances of one mode of a Kronecker prior, or of a sparse regression.

    Parameters
    ----------
    model : fitted KroneckerSBL, KroneckerSBLRegressor or SparseBayesianRegressor
        Anything with ``gammas_`` (a list, one array per mode) or ``coef_``.
    mode : int, default=0
        The mode.
    truth : array-like of int, optional
        Indices that are truly in use; they are marked below the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If there is no such mode.

    Examples
    --------
    >>> from skgeo.datasets import make_irs_mimo
    >>> from skgeo.linear_model import KroneckerSBL
    >>> from skgeo.plotting import plot_support
    >>> data = make_irs_mimo(random_state=0)
    >>> model = KroneckerSBL(data.factors).fit(data.X)
    >>> ax = plot_support(model, mode=0, truth=data.support[0])
    >>> ax.get_ylabel()
    'variance'
    """
    if hasattr(model, "gammas_"):
        gammas = model.gammas_
        if not -len(gammas) <= mode < len(gammas):
            raise ValueError(f"mode must be below {len(gammas)}; got {mode}.")
        values, ylabel = (
            np.atleast_2d(np.asarray(gammas[mode], dtype=float)),
            "variance",
        )
    else:
        coef = np.asarray(model.coef_, dtype=float)
        values, ylabel = np.atleast_2d(np.abs(coef)), "|coefficient|"
    values = values.mean(axis=0)
    ax = make_axes(ax, (6.4, 2.8))
    kept = np.flatnonzero(values)
    ax.vlines(kept, 0, values[kept], color=BLUE, lw=2)
    ax.plot(kept, values[kept], "o", color=BLUE, ms=5, label="found")
    if truth is not None:
        truth = np.asarray(truth, dtype=int)
        below = -0.06 * values.max() if values.size and values.max() > 0 else -0.06
        ax.plot(truth, np.full(truth.shape, below), "^", color=ORANGE, label="true")
        ax.legend(frameon=False)
    ax.set(xlabel=f"index in mode {mode}", ylabel=ylabel)
    ax.set_xlim(-1, len(values))
    return ax
