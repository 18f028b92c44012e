"""Choosing the sparsest model by its skill."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from skgeo.dynamics._model_error.weak import segments
from skgeo.utils.standard_error import simplest_within_one_error

__all__ = ["forecast_scorer", "one_standard_error", "skill_scorer"]


def skill_scorer(estimator: Any, X: ArrayLike, y: ArrayLike) -> Any:
    """Score a fitted MEDIDA by skill, and count its terms; for ``scoring=``.

    The coefficient of determination of next states is nearly one even for the
    imperfect model, and cross-validation on it picks the densest library.  This
    scorer measures what is left of the model's error instead.

    Parameters
    ----------
    estimator : MEDIDA or Pipeline
        Fitted estimator, or a fitted pipeline that ends in one.
    X : array-like of shape (n_samples, n_features)
        Observed states.
    y : array-like of shape (n_samples, n_features)
        Observed states one step later.

    Returns
    -------
    scores : dict
        ``"skill"``: see :meth:`MEDIDA.skill_score`, minus infinity where the corrected
        model blows up; ``"sparsity"``: minus the number of terms; ``"compactness"``:
        minus the number of candidates.

    See Also
    --------
    one_standard_error : The choice that goes with it, for ``refit=``.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skgeo.datasets import Lorenz63, make_observation_pairs
    >>> from skgeo.dynamics import MEDIDA, one_standard_error, skill_scorer
    >>> from skgeo.linear_model import SparseBayesianRegressor
    >>> pairs = make_observation_pairs(Lorenz63(), dt=0.01, random_state=0)
    >>> medida = MEDIDA(
    ...     Lorenz63(rho=26.0).flow(0.01),
    ...     dt=0.01,
    ...     regressor=SparseBayesianRegressor(fit_intercept=False),
    ... )
    >>> search = GridSearchCV(
    ...     medida,
    ...     {"regressor__threshold_lambda": [1e2, 1e4, 1e6]},
    ...     scoring=skill_scorer,
    ...     refit=one_standard_error,
    ...     cv=3,
    ... ).fit(pairs.X, pairs.y)
    >>> search.best_estimator_.equations(2)[1]
    'x1_t = model + 2.00 x0'
    """
    if isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    try:
        skill = estimator.skill_score(X, y)
    except ValueError as error:
        if "blew up" not in str(error):
            raise
        skill = -np.inf
    return {
        "skill": skill,
        "sparsity": -float(estimator.n_terms_),
        "compactness": -float(len(estimator.feature_names_)),
    }


def forecast_scorer(
    estimator: Any, X: ArrayLike, y: ArrayLike, n_steps: int = 10
) -> Any:
    """Score a fitted MEDIDA by forecasts of several steps; for ``scoring=``.

    The skill of single steps does not tell which memory forecasts best: equations
    that remember may gain in each step and blow up when iterated. This scorer
    iterates the corrected model along trajectories.

    Parameters
    ----------
    estimator : MEDIDA
        Fitted estimator.
    X : array-like of shape (n_samples, n_features)
        Consecutive observed states of one or several trajectories.
    y : array-like of shape (n_samples, n_features)
        Observed states one step later.
    n_steps : int, default=10
        Length of the forecasts. Set another one by :func:`functools.partial`.

    Returns
    -------
    score : float
        Minus the root mean square error after ``n_steps``; minus infinity where a
        forecast blows up.

    Raises
    ------
    ValueError
        If no trajectory is long enough.

    See Also
    --------
    MemoryLibrary : What it is for.
    skill_scorer : Single steps.
    """
    X, y = (np.asarray(v, dtype=np.float64) for v in (X, y))
    model = estimator.corrected_model()
    n_history = getattr(model, "n_history", 1)
    starts, ends = [], []
    for part in segments(X, y, np.ones((len(X), 1))):
        states = part.states
        if estimator.assimilation is not None:
            states = estimator.filter_.transform(states)
        # From the same states for all short memories, for a fair comparison.
        for i in range(max(n_history, 8), len(states) - n_steps + 1, n_steps):
            starts.append(states[i - n_history : i])
            ends.append(states[i - 1 + n_steps])
    if not starts:
        raise ValueError(
            f"No trajectory has {max(n_history, 8) + n_steps} consecutive states: "
            "split the data by trajectories (GroupKFold), or lower n_steps."
        )
    starts = np.array(starts).transpose(1, 0, 2)
    start = starts if n_history > 1 or hasattr(model, "n_history") else starts[-1]
    path = model.simulate(start, n_steps, on_blowup="truncate")
    if len(path) <= n_steps:
        return -np.inf
    return -float(np.sqrt(np.mean((path[-1] - np.array(ends)) ** 2)))


def one_standard_error(cv_results: Any, tolerance: float = 1e-3) -> Any:
    """Pick the sparsest candidate within one standard error; for ``refit=``.

    Parameters
    ----------
    cv_results : dict of ndarray
        Results of a search scored by :func:`skill_scorer`.
    tolerance : float, default=1e-3
        Differences of skill that never justify another term, however certain they
        are: without noise, further terms explain the small but regular error of a
        finite step. Set another one by :func:`functools.partial`.

    Returns
    -------
    index : int
        Index of the candidate; among equally sparse ones the one with the smallest
        library, among these the most skillful.

    Raises
    ------
    ValueError
        If no candidate has a finite skill, or the search used another scorer.

    See Also
    --------
    skill_scorer : The scorer.
    """
    if "mean_test_skill" not in cv_results:
        raise ValueError("one_standard_error needs scoring=skill_scorer.")
    mean = np.asarray(cv_results["mean_test_skill"], dtype=np.float64)
    if not np.isfinite(mean).any():
        raise ValueError(
            "No candidate has a finite skill: the corrected models blow up. Shorten dt "
            "or raise n_substeps."
        )
    folds = [cv_results[key] for key in cv_results if _is_split(key)]
    compact = cv_results.get("mean_test_compactness", np.zeros(len(mean)))
    return simplest_within_one_error(
        np.transpose(folds),
        -np.array([cv_results["mean_test_sparsity"], compact], dtype=np.float64),
        tolerance=tolerance,
        paired=True,  # folds are the same for all candidates
    )


def _is_split(key):
    return key.startswith("split") and key.endswith("_test_skill")
