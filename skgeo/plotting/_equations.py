"""Pictures of discovered equations and of forecasts."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skgeo.plotting._axes import BLUE, FAINT, ORANGE, make_axes

__all__ = ["plot_equations", "plot_forecast", "plot_sparsity_path"]


def plot_equations(model: Any, *, n_std: float = 2.0, ax: Any = None) -> Any:
    """Draw the coefficients of discovered terms with their uncertainty.

    Parameters
    ----------
    model : fitted MEDIDA or sparse Bayesian regressor
        Anything with ``coef_``, ``coef_std_`` and, for names, ``feature_names_`` or
        ``feature_names_in_``.
    n_std : float, default=2.0
        Length of the bars in standard deviations.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import SparseBayesianRegressor
    >>> from skgeo.plotting import plot_equations
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 5))
    >>> y = 2 * X[:, 1] - X[:, 3] + 0.1 * rng.standard_normal(60)
    >>> ax = plot_equations(SparseBayesianRegressor().fit(X, y))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['x3', 'x1']
    """
    coef = np.atleast_2d(np.asarray(model.coef_, dtype=float))
    std = np.atleast_2d(np.asarray(model.coef_std_, dtype=float))
    names = getattr(model, "feature_names_", getattr(model, "feature_names_in_", None))
    if names is None:
        names = [f"x{i}" for i in range(coef.shape[1])]
    rows = [
        (f"{names[j]} (equation {i})" if len(coef) > 1 else str(names[j]), i, j)
        for i, j in zip(*np.nonzero(coef), strict=True)
    ]
    ax = make_axes(ax, (6.4, 1.2 + 0.35 * max(len(rows), 1)))
    ax.axvline(0, color=FAINT, lw=1)
    place = np.arange(len(rows))[::-1]
    values = np.array([coef[i, j] for _, i, j in rows])
    errors = n_std * np.array([std[i, j] for _, i, j in rows])
    ax.errorbar(values, place, xerr=errors, fmt="o", color=BLUE, capsize=3)
    ax.set_yticks(place[::-1], [name for name, _, _ in rows][::-1])
    ax.set(xlabel=f"coefficient (bars: {n_std:g} standard deviations)")
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    if not rows:
        ax.text(0, 0, " no term", va="center")
    return ax


def plot_sparsity_path(search: Any, *, ax: Any = None) -> Any:
    """Draw the unexplained part over the number of terms, and the candidate chosen.

    Parameters
    ----------
    search : fitted GridSearchCV
        A search with ``scoring=skgeo.dynamics.skill_scorer``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> from skgeo.datasets import Lorenz63, make_observation_pairs
    >>> from skgeo.dynamics import MEDIDA, one_standard_error, skill_scorer
    >>> from skgeo.linear_model import SparseBayesianRegressor
    >>> from skgeo.plotting import plot_sparsity_path
    >>> pairs = make_observation_pairs(Lorenz63(), 90, dt=0.01, random_state=0)
    >>> medida = MEDIDA(
    ...     Lorenz63(xz=0.0).flow(0.01, 5),
    ...     dt=0.01,
    ...     regressor=SparseBayesianRegressor(fit_intercept=False),
    ... )
    >>> search = GridSearchCV(
    ...     medida,
    ...     {"regressor__threshold_lambda": [1e0, 1e4]},
    ...     scoring=skill_scorer,
    ...     refit=one_standard_error,
    ...     cv=3,
    ... ).fit(pairs.X, pairs.y)
    >>> ax = plot_sparsity_path(search)
    >>> ax.get_xlabel()
    'terms kept (mean over folds)'
    """
    results = search.cv_results_
    if "mean_test_sparsity" not in results or "mean_test_skill" not in results:
        raise ValueError(
            "search must have been scored by skgeo.dynamics.skill_scorer: its "
            "cv_results_ have no mean_test_sparsity and mean_test_skill."
        )
    terms = -np.asarray(results["mean_test_sparsity"], dtype=float)
    left = np.maximum(1 - np.asarray(results["mean_test_skill"], dtype=float), 1e-16)
    ax = make_axes(ax)
    order = np.lexsort((left, terms))
    ax.semilogy(terms[order], left[order], "o", color=BLUE, label="settings tried")
    best = search.best_index_
    ax.semilogy(
        terms[best],
        left[best],
        "*",
        ms=16,
        mfc="none",
        mec=ORANGE,
        mew=2,
        label="chosen",
    )
    ax.set(xlabel="terms kept (mean over folds)", ylabel="1 - skill on left-out folds")
    ax.legend(frameon=False)
    return ax


def plot_forecast(
    truth: ArrayLike,
    forecasts: dict[str, ArrayLike],
    *,
    dt: float = 1.0,
    relative: bool = True,
    ax: Any = None,
) -> Any:
    """Draw how the errors of forecasts grow.

    Parameters
    ----------
    truth : array-like of shape (n_times, n_features) or (n_runs, n_times, n_features)
        True trajectories.
    forecasts : dict of str to array-like of the shape of truth
        Name of a model -> its free runs from the same start.
    dt : float, default=1.0
        Time between states.
    relative : bool, default=True
        Whether to divide by the standard deviation of the truth: 1 is no skill.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ValueError
        If a forecast has another shape than the truth.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.plotting import plot_forecast
    >>> t = np.linspace(0, 6, 61)[:, np.newaxis]
    >>> truth = np.exp(-0.1 * t) * np.cos(t)
    >>> runs = {"without friction": np.cos(t), "with": 0.99 * truth}
    >>> ax = plot_forecast(truth, runs, dt=0.1)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['without friction', 'with']
    """
    truth = np.asarray(truth, dtype=float)
    truth = truth[np.newaxis] if truth.ndim == 2 else truth
    if truth.ndim != 3:
        raise ValueError(
            f"truth must have shape (times, features) or (runs, times, features); "
            f"got {truth.ndim} dimensions."
        )
    scale = truth.std() if relative else 1.0
    ax = make_axes(ax)
    times = dt * np.arange(truth.shape[1])
    for name, values in forecasts.items():
        run = np.asarray(values, dtype=float).reshape(-1, *np.shape(values)[-2:])
        if run.shape != truth.shape:
            raise ValueError(
                f"forecasts[{name!r}] must have the shape of truth, {truth.shape}; "
                f"got {run.shape}."
            )
        error = np.sqrt(np.mean((run - truth) ** 2, axis=(0, 2))) / (scale or 1.0)
        ax.plot(times, error, label=name)
    if relative:
        ax.axhline(1, color=FAINT, lw=1, ls="--")
    ax.set(xlabel="time", ylabel="error / spread of the truth" if relative else "error")
    ax.legend(frameon=False)
    return ax
