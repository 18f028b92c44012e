"""Pictures of what a classifier responds to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skgeo.utils.optional import import_optional
from skgeo.utils.params import Integer, Null, check_params

__all__ = ["plot_patterns"]


def plot_patterns(
    classifier: Any,
    positions: ArrayLike | None = None,
    *,
    channel_names: Sequence[str] | None = None,
    max_bands: int = 6,
    ax: Any = None,
) -> Any:
    """Draw how the power of channels changes with the score of each class.

    One column for each band, the time group first, averaged over its embeddings by
    their shares; one row for each class (one for two classes, of the second class).

    Parameters
    ----------
    classifier : AugmentedCovarianceClassifier
        Fitted, with ``patterns_``.
    positions : array-like of shape (n_channels, 2), ``mne.Info`` or None, default=None
        Positions of the electrodes, or an ``Info`` that knows them, for topographies.
        None draws a bar for each channel.
    channel_names : sequence of str or None, default=None
        Names beside the bars; those of the classifier's Epochs by default.
    max_bands : int, default=6
        Maximum number of columns; the bands of largest patterns are drawn.
    ax : array of matplotlib axes or None, default=None
        Where to draw: at least as many as there are panels.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The picture.

    Raises
    ------
    ValueError
        If positions or names are not those of the channels.

    Examples
    --------
    >>> from skgeo.eeg import AugmentedCovarianceClassifier, plot_patterns
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(30, 3, 200)
    >>> model = AugmentedCovarianceClassifier(sfreq=100.0, band=(4.0, 40.0)).fit(X, y)
    >>> figure = plot_patterns(model, max_bands=3)
    >>> len(figure.axes)
    3
    """
    plt = import_optional("matplotlib.pyplot", extra="plot")
    params = check_params(
        "plot_patterns",
        {"max_bands": Integer(1), "ax": Null() | _Anything()},
        {"max_bands": max_bands, "ax": ax},
    )
    columns = _columns(classifier.patterns_, params.max_bands)
    classes = classifier.classes_
    rows = range(len(classes)) if len(classes) > 2 else [1]
    n_channels = classifier.n_channels_in_
    info = positions if hasattr(positions, "ch_names") else None
    if info is None and positions is not None:
        positions = np.asarray(positions, dtype=float)
        if positions.shape != (n_channels, 2):
            raise ValueError(
                f"positions must have shape ({n_channels}, 2), one row per channel; "
                f"got {positions.shape}."
            )
    if channel_names is None:
        channel_names = getattr(classifier, "channel_names_in_", range(n_channels))
    if len(channel_names) != n_channels:
        raise ValueError(
            f"channel_names has {len(channel_names)} names for {n_channels} channels."
        )
    if ax is None:
        figure, ax = plt.subplots(
            len(rows),
            len(columns),
            figsize=(2.2 * len(columns) + 0.8, 2.3 * len(rows) + 0.4),
            squeeze=False,
            layout="constrained",
        )
    panels = np.asarray(ax).ravel()
    figure = panels[0].figure
    limit = max(np.abs(power).max() for power in columns.values()) or 1.0
    image = None
    for r, k in enumerate(rows):
        for column, (title, power) in enumerate(columns.items()):
            panel = panels[r * len(columns) + column]
            if positions is None:
                _bars(panel, power[k], limit, channel_names if column == 0 else None)
            else:
                where = positions if info is None else info
                image = _topography(panel, power[k], limit, where)
            panel.set_title(title if r == 0 else "", fontsize=9)
            if column == 0:
                panel.set_ylabel(str(classes[k]))
    if image is not None:
        bar = figure.colorbar(image, ax=panels.tolist(), shrink=0.7)
        bar.set_label("relative change of power")
    return figure


class _Anything(Null):
    """Axes of any kind: matplotlib says what is wrong with them."""

    def accepts(self, value):
        return True


def _columns(patterns, max_bands):
    """Relative powers by title, averaged within a band."""
    sums, shares = {}, {}
    for p in patterns:
        key = (p.name, p.band)
        sums[key] = sums.get(key, 0.0) + p.share * p.power
        shares[key] = shares.get(key, 0.0) + p.share
    found = {key: total / max(shares[key], 1e-300) for key, total in sums.items()}
    largest = sorted(found, key=lambda key: -np.abs(found[key]).max())[:max_bands]
    titles = {}
    for key in found:
        if key in largest:
            name, band = key
            title = "whole signal" if band is None else "{:.1f}-{:.1f} Hz".format(*band)
            titles[f"{title}\n({name})" if name != "bands" else title] = found[key]
    return titles


def _bars(panel, power, limit, names):
    at = np.arange(len(power))
    panel.barh(at, power, color=np.where(power > 0, "tab:red", "tab:blue"))
    panel.set_xlim(-1.05 * limit, 1.05 * limit)
    panel.set_yticks(at, [] if names is None else list(map(str, names)))
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.6)
    panel.set_xlabel("relative change of power", fontsize=8)


def _topography(panel, power, limit, where):
    topomap = import_optional("mne", extra="eeg").viz.plot_topomap
    image, _ = topomap(
        power, where, axes=panel, show=False, vlim=(-limit, limit), cmap="RdBu_r"
    )
    return image
