"""Pictures of EEG classifiers: embeddings, patterns, streams."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skgeo.plotting._axes import BLUE, FAINT, ORANGE, make_axes
from skgeo.utils.optional import import_optional

__all__ = ["plot_embedding_grid", "plot_patterns", "plot_stream"]


def plot_embedding_grid(search: Any, *, ax: Any = None) -> Any:
    """Draw cross-validated scores over order and lag.

    Parameters
    ----------
    search : fitted AugmentedCovarianceClassifierCV or GridSearchCV
        A search over ``order`` and ``lag``; over other parameters the best score is
        shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with a color bar beside them.

    Examples
    --------
    >>> from skgeo.eeg import AugmentedCovarianceClassifierCV
    >>> from skgeo.plotting import plot_embedding_grid
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(20, 3, 100)
    >>> search = AugmentedCovarianceClassifierCV(orders=(1, 2), lags=(1, 2), cv=2)
    >>> ax = plot_embedding_grid(search.fit(X, y))
    >>> ax.get_xlabel()
    'lag (samples)'
    """
    results = search.cv_results_
    try:
        orders = np.array(results["param_order"].tolist(), dtype=int)
        lags = np.array(results["param_lag"].tolist(), dtype=int)
    except KeyError:
        raise ValueError(
            "search must have gone over the parameters 'order' and 'lag'; its "
            f"cv_results_ have {sorted(k for k in results if k.startswith('param_'))}."
        ) from None
    scores = np.asarray(results["mean_test_score"], dtype=float)
    rows, columns = np.unique(orders), np.unique(lags)
    table = np.full((len(rows), len(columns)), -np.inf)
    for order, lag, score in zip(orders, lags, scores, strict=True):
        # One copy has no lag: its score holds for the whole row.
        places = slice(None) if order == 1 else np.searchsorted(columns, lag)
        row = np.searchsorted(rows, order)
        table[row, places] = np.maximum(table[row, places], score)
    table[~np.isfinite(table)] = np.nan
    ax = make_axes(ax, (5.4, 3.8))
    image = ax.imshow(table, origin="lower", aspect="auto", cmap="viridis")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel="lag (samples)", ylabel="order (copies of each channel)")
    ax.figure.colorbar(image, ax=ax, label="mean score")
    return ax


def plot_patterns(
    values: ArrayLike,
    ch_names: list[str],
    *,
    montage: str = "standard_1005",
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw one value per electrode as a topography.

    Parameters
    ----------
    values : array-like of shape (n_channels,)
        One value per electrode: a row of a pattern's ``power``, an importance, ...
    ch_names : list of str
        Names of the electrodes, known to the montage.
    montage : str, default="standard_1005"
        Where the electrodes are, a name that MNE knows.
    title : str, default=""
        Title.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with a color bar beside them.

    Raises
    ------
    ValueError
        If there is not one value per electrode.

    Examples
    --------
    >>> from skgeo.datasets import load_embedded_eeg
    >>> from skgeo.plotting import plot_patterns
    >>> data = load_embedded_eeg("left_right", channels="motor")
    >>> power = data.X.var(axis=2)
    >>> change = power[data.y == data.y[0]].mean(axis=0) / power.mean(axis=0) - 1
    >>> ax = plot_patterns(change, list(data.ch_names), title="change of power")
    """
    mne = import_optional("mne", extra="eeg")
    values = np.asarray(values, dtype=float)
    if values.shape != (len(ch_names),):
        raise ValueError(
            f"values must hold one number per electrode, {len(ch_names)}; got shape "
            f"{values.shape}."
        )
    info = mne.create_info(list(ch_names), 100.0, "eeg", verbose="error")
    info.set_montage(montage, verbose="error")
    ax = make_axes(ax, (3.6, 3.2))
    limit = np.abs(values).max() or 1.0
    image, _ = mne.viz.plot_topomap(
        values, info, axes=ax, show=False, vlim=(-limit, limit), cmap="RdBu_r"
    )
    ax.figure.colorbar(image, ax=ax, shrink=0.7)
    ax.set_title(title)
    return ax


def plot_stream(
    decisions: list, *, truth: ArrayLike | None = None, ax: Any = None
) -> Any:
    """Draw the decisions of a running stream over time.

    Parameters
    ----------
    decisions : list of Decision
        What ``StreamDecoder.push`` has returned.
    truth : array-like of shape (n_decisions,), optional
        True labels of the windows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes; windows without a decision are marked at the bottom.

    Raises
    ------
    ValueError
        If there is not one true label per decision.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.eeg import AugmentedCovarianceClassifier, StreamDecoder
    >>> from skgeo.plotting import plot_stream
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(30, 3, 200)
    >>> model = AugmentedCovarianceClassifier(2, 1, selection=None).fit(X, y)
    >>> decoder = StreamDecoder(model, sfreq=100.0, window=2.0, step=0.5, band=None)
    >>> ax = plot_stream(decoder.push(np.concatenate(list(X[:4]), axis=1)))
    >>> ax.get_xlabel()
    'time (s)'
    """
    times = np.array([d.time for d in decisions], dtype=float)
    labels = [d.label for d in decisions]
    if truth is not None and len(np.asarray(truth)) != len(decisions):
        raise ValueError(
            f"truth must hold one label per decision, {len(decisions)}; got "
            f"{len(np.asarray(truth))}."
        )
    true = [] if truth is None else np.asarray(truth).tolist()
    plain = [label.item() if hasattr(label, "item") else label for label in labels]
    known = sorted({v for v in [*plain, *true] if v is not None}, key=str)
    row = {label: i for i, label in enumerate(known)}
    ax = make_axes(ax, (8.0, 2.4))
    if truth is not None:
        ax.plot(
            times, [row[v] for v in true], color=FAINT, lw=7, alpha=0.35, label="truth"
        )
    decided = [i for i, v in enumerate(plain) if v is not None]
    ax.plot(
        times[decided],
        [row[plain[i]] for i in decided],
        ".",
        color=BLUE,
        label="decisions",
    )
    open_ = [i for i, v in enumerate(plain) if v is None]
    if open_:
        ax.plot(times[open_], [-0.5] * len(open_), "|", color=ORANGE, label="none")
    ax.set_yticks(range(len(known)), list(map(str, known)))
    ax.set(xlabel="time (s)", ylim=(-0.7, max(len(known), 1) - 0.5))
    ax.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax
