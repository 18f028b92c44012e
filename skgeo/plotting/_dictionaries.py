"""Pictures of dictionaries; public through ``skgeo.plotting``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_atoms", "plot_codes"]


def plot_atoms(
    dictionary: Any,
    shape: tuple[int, int] | None = None,
    *,
    titles: Sequence[str] | None = None,
    n_columns: int | None = None,
    each: bool = False,
    feature_label: str = "feature",
) -> Figure:
    """Draw the atoms of a dictionary, as pictures or as curves.

    Parameters
    ----------
    dictionary : estimator or array-like of shape (n_components, n_features)
        A fitted estimator with ``components_``, or the atoms.
    shape : tuple (height, width) or None, default=None
        Shape of the pictures; None draws each atom as a curve over the features.
    titles : sequence of str or None, default=None
        One title per atom; None numbers them.
    n_columns : int or None, default=None
        Atoms per row; None makes the sheet about square.
    each : bool, default=False
        Give every picture a color scale of its own; otherwise one scale serves all,
        and a color bar shows it.
    feature_label : str, default="feature"
        Label of the horizontal axis of curves.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure; save it with ``figure.savefig``.

    Raises
    ------
    ValueError
        If the atoms do not fit the shape, or titles their number.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.plotting import plot_atoms
    >>> figure = plot_atoms(np.eye(4), (2, 2))
    >>> len(figure.axes)  # four atoms and the color bar
    5
    """
    from matplotlib.figure import Figure

    atoms = np.asarray(getattr(dictionary, "components_", dictionary), dtype=float)
    if atoms.ndim != 2:
        raise ValueError(
            f"dictionary must have atoms in rows, (n_components, n_features); got "
            f"shape {atoms.shape}."
        )
    n, p = atoms.shape
    if shape is not None and (len(shape) != 2 or math.prod(shape) != p):
        raise ValueError(f"shape {shape} does not hold the {p} features of an atom.")
    if titles is None:
        titles = [str(k) for k in range(n)]
    if len(titles) != n:
        raise ValueError(f"titles has {len(titles)} entries for {n} atoms.")
    columns = n_columns or math.ceil(math.sqrt(n * (1.0 if shape else 0.5)))
    rows = math.ceil(n / columns)
    wide, high = (1.15, 1.3) if shape else (3.0, 1.5)
    figure = Figure(
        figsize=(wide * columns + 0.9, high * rows + 0.3), layout="constrained"
    )
    grid = figure.subplots(
        rows, columns, squeeze=False, sharex=shape is None, sharey=shape is None
    )
    limit = np.abs(atoms).max(initial=0.0) or 1.0
    one_sided = bool((atoms >= 0).all())
    for ax, atom, title in zip(grid.flat, atoms, titles, strict=False):
        ax.set_title(title, fontsize=9, pad=3)
        if shape is None:
            ax.axhline(0.0, color="#c0c0c0", linewidth=0.8)
            ax.plot(atom, color="#3b5f85", linewidth=1.2)
            ax.spines[["top", "right"]].set_visible(False)
            continue
        top = (np.abs(atom).max() or 1.0) if each else limit
        image = ax.imshow(
            atom.reshape(shape),
            cmap="gray_r" if one_sided else "RdBu_r",
            vmin=0.0 if one_sided else -top,
            vmax=top,
        )
        ax.set(xticks=[], yticks=[])
    for ax in grid.flat[n:]:
        ax.set_visible(False)
    if shape is None:
        figure.supxlabel(feature_label, fontsize=10)
        figure.supylabel("weight", fontsize=10)
    elif not each:
        figure.colorbar(image, ax=grid, label="weight", shrink=0.8, aspect=30)
    return figure


def plot_codes(
    codes: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    max_samples: int = 400,
) -> Figure:
    """Draw codes as a picture, samples grouped by label.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        Codes, as from ``transform`` or ``encode``.
    labels : array-like of shape (n_samples,) or None, default=None
        Labels to group samples by.
    max_samples : int, default=400
        Evenly spaced samples of more than so many are drawn.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure; save it with ``figure.savefig``.

    Raises
    ------
    ValueError
        If codes are not 2-D, or labels do not fit them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.plotting import plot_codes
    >>> figure = plot_codes(np.eye(6), [0, 0, 0, 1, 1, 1])
    >>> figure.axes[0].get_ylabel()
    'atom'
    """
    from matplotlib.figure import Figure

    C = np.asarray(codes, dtype=float)
    if C.ndim != 2 or len(C) == 0:
        raise ValueError(
            f"codes must have shape (n_samples, n_components); got {C.shape}."
        )
    order = np.arange(len(C))
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (len(C),):
            raise ValueError(
                f"labels must have shape ({len(C)},), one per sample; got "
                f"{labels.shape}."
            )
        order = np.argsort(labels, kind="stable")
    if len(order) > max_samples:
        order = order[np.linspace(0, len(order) - 1, max_samples).astype(int)]
    C = C[order]
    height = float(np.clip(0.22 * C.shape[1] + 1.2, 2.2, 8.0))
    figure = Figure(figsize=(8.0, height), layout="constrained")
    ax = figure.subplots()
    limit = float(np.quantile(np.abs(C), 0.99)) or float(np.abs(C).max()) or 1.0
    one_sided = bool((C >= 0).all())
    image = ax.imshow(
        C.T,
        aspect="auto",
        interpolation="nearest",
        cmap="gray_r" if one_sided else "RdBu_r",
        vmin=0.0 if one_sided else -limit,
        vmax=limit,
    )
    ax.set(xlabel="sample", ylabel="atom")
    figure.colorbar(image, ax=ax, label="code", extend="max" if one_sided else "both")
    if labels is not None:
        found, start = np.unique(labels[order], return_index=True)
        ends = [*start[1:], len(order)]
        for edge in start[1:]:
            ax.axvline(edge - 0.5, color="black", linewidth=0.8)
        middles = [(a + b - 1) / 2 for a, b in zip(start, ends, strict=True)]
        ax.set_xticks(middles, [str(value) for value in found])
        ax.tick_params(axis="x", length=0)
        ax.set_xlabel("samples, by label")
    return figure
