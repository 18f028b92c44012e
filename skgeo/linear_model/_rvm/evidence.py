"""Maximize the evidence of a sparse linear model (relevance vector machine).

Every solver works on one target of a problem that
:func:`skgeo.linear_model._rvm.compress.compress` has made free of rows and units, and
ends at a model that no single addition, removal or change of a precision improves.
"""

import numpy as np
from scipy.special import chdtri
from sklearn.exceptions import ConvergenceWarning

from skgeo.linear_model._rvm.posterior import (
    Posterior,
    Problem,
    SparseFit,
    economic_qr,
)
from skgeo.linear_model._rvm.starts import (
    backward_start,
    fixed_point_start,
    forward_start,
    nonnegative_start,
    ridge_start,
)
from skgeo.utils.durations import announce
from skgeo.utils.warn import warn_user

__all__ = ["SOLVERS", "fit_evidence"]

SOLVERS = ("search", "thorough", "sequential", "fixed_point")

# With fewer columns than this many per row, all of them together have a residual that
# says something.
_FEW = 0.9
_LACK_LEVEL = 0.1  # of the lack-of-fit test; lower levels skip the search more often
# Level of the same test from which on a single climb is said to have ended badly.
_POOR_LEVEL = 1e-6
_MIN_PIVOT = 0.03  # norm of what a column adds to those before it, of its own norm
_UNION_RANGE = 20.0  # runners-up this close in log evidence are joined with the best
_MAX_SWAPS = 50
_EXTRA_STEPS = 8  # of the forward path, beyond twice the terms of the first model
_MAX_KICKS = 16  # terms that "search" removes in turn; "thorough" removes every one
_SECONDS_PER_PRODUCT = 2e-8  # measured with 250 to 1000 kernel columns, one thread
_MIN_KICK = 1e-3  # gain of log evidence worth a change of the model by kicks


def fit_evidence(
    problem: Problem,
    solver: str = "search",
    *,
    max_precision: float = np.inf,
    min_coef: np.ndarray | None = None,
    start: tuple | None = None,
) -> SparseFit:
    """Maximize the evidence, less the cost per term, of one target.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    solver : {"search", "thorough", "sequential", "fixed_point"}, default="search"
        "sequential" climbs from the empty model, "fixed_point" from where a fixed
        point on all precisions at once ends. "search" climbs from several models,
        unless a test says that the first one explains all that there is to explain,
        exchanges terms, and removes the weakest in turn to climb again, unless no model
        can do without; "thorough" does so with every term, and whatever the test says.
    max_precision : float, default=inf
        Terms of a larger precision are removed at the end, weakest first.
    min_coef : ndarray of shape (n_features,), optional
        Terms with a smaller absolute coefficient are removed likewise.
    start : (ndarray, ndarray), optional
        Columns and relative precisions that "sequential" starts from.

    Returns
    -------
    fit : SparseFit
        The model.
    """
    if solver in ("search", "thorough"):
        best, n_starts = _search(problem, solver == "thorough")
    else:
        judged = start is None and not problem.announced  # not a step of another fit
        name = "given" if start is not None else "empty"
        if solver == "fixed_point":
            start, name = fixed_point_start(problem), "fixed point"
        best, n_starts = Posterior(problem, *(start or ()), name=name).climb(), 1
        if judged and best.converged:
            _warn_unexplained(problem, best, solver)
    _prune(best, max_precision, min_coef)
    return best.fit(n_starts)


def _prune(model, max_precision, min_coef):
    """Remove, weakest first, the terms that a threshold refuses, and climb again."""
    while model.converged and len(model.act):
        # How far below the thresholds: above one means out.
        weak = model.a / model.noise_variance / max_precision
        if min_coef is not None:
            size = np.maximum(np.abs(model.mu), 1e-300)
            weak = np.maximum(weak, min_coef[model.act] / size)
        worst = int(np.argmax(weak))
        if weak[worst] <= 1.0:
            break
        model.banned[model.act[worst]] = True
        model.remove(worst)
        model.climb()


def _rank(model):
    """Order of preference among models."""
    return (model.admissible, model.score)


def _search(problem, thorough):
    """Climb from several models and improve the best of them by exchanges."""
    first = Posterior(problem).climb()
    few = _are_few(problem)
    explained = few and not _nearly_dependent(problem) and _explains_all(problem, first)
    if not explained:
        _announce(problem, len(first.act))
    models, seen = [first], {first.support}
    for name, start in () if explained else _starts(problem, few, len(first.act)):
        if start is None or frozenset(start[0].tolist()) in seen:
            continue
        seen.add(frozenset(start[0].tolist()))
        models.append(Posterior(problem, *start, name=name).climb())
    n_starts = len(models)
    distinct = {}
    for model in sorted(models, key=_rank, reverse=True):
        distinct.setdefault(model.support, model)
    ranked = list(distinct.values())
    best = ranked[0]
    if len(ranked) > 1 and best.score - ranked[1].score < _UNION_RANGE:
        joined = Posterior(problem, *_union(best, ranked[1]), name="union").climb()
        n_starts += 1
        best = max(best, joined, key=_rank)
    _exchange(best)
    n_kicks = len(problem.design) if thorough else 0 if explained else _MAX_KICKS
    while n_kicks and best.converged:
        better = _kick(best, n_kicks, thorough)
        if better is None:
            break
        best = better
    return best, n_starts


def _announce(problem, k):
    """Say so if the search will be long."""
    p, r = problem.design.shape
    seconds = _SECONDS_PER_PRODUCT * p * r * (k + 10)
    if not problem.announced:
        announce(
            seconds,
            f"The search among {p} columns of {r} rows",
            "solver='sequential' is several times faster and often ends at a lower "
            "evidence.",
        )


def _starts(problem, few, k):
    """Name and model of each start besides the empty one, made when its turn comes."""
    if not len(problem.alive):
        return
    if problem.positive:
        yield "non-negative least squares", nonnegative_start(problem)
    if few:
        yield "backward path", backward_start(problem)
        yield "ridge", ridge_start(problem)
    else:
        yield "fixed point", fixed_point_start(problem)
    yield "forward path", forward_start(problem, 2 * k + _EXTRA_STEPS)


def _are_few(problem):
    """Whether there are few enough columns to test against all of them."""
    n_columns = len(problem.alive)
    return n_columns <= problem.design.shape[1] and n_columns < _FEW * problem.n


def _warn_unexplained(problem, model, solver):
    """Say so if one climb ended where the other columns explain much more.

    Beyond chance and beyond what they cost, so that terms that are too weak one by one
    raise no alarm.
    """
    n_left = len(problem.alive) - len(model.act)
    price = 2.0 * problem.cost * n_left
    if _are_few(problem) and not _explains_all(problem, model, _POOR_LEVEL, price):
        warn_user(
            f"solver={solver!r} ended with {len(model.act)} terms, and the {n_left} "
            "columns left out explain far more than chance and than they cost: it is "
            "a poor optimum. solver='search' tries others.",
            ConvergenceWarning,
        )


def _explains_all(problem, model, level=_LACK_LEVEL, price=0.0):
    """Whether all columns together explain no more than chance beyond a model.

    A likelihood-ratio test of least squares on the terms of the model against least
    squares on everything, whose residual the compression already knows.
    """
    target = problem.target
    freedom = len(problem.alive) - len(model.act)
    if freedom <= 0 or not target.any():
        return True
    residual = target
    if len(model.act):
        q = economic_qr(problem.design[model.act].T)[0]
        residual = target - q @ (q.T @ target)
    rss = residual @ residual
    if problem.noise > 0:
        statistic = rss / problem.noise
    else:
        least = max(problem.unexplained, problem.n * problem.floor)
        statistic = problem.n * np.log1p(rss / least)
    return statistic <= chdtri(freedom, level) + price


def _nearly_dependent(problem):
    """Whether some column is almost a combination of those before it.

    Then several sets of columns explain the same, and the first found need not be the
    smallest. The design is triangular, its columns of unit norm, unless there are more
    of them than rows, some without variation.
    """
    if len(problem.design) > problem.design.shape[1]:
        triangle = np.linalg.qr(problem.design[problem.alive].T, mode="r")
        pivots = np.abs(np.diag(triangle))
    else:
        pivots = np.abs(np.diag(problem.design)[problem.alive])
    return pivots.min(initial=1.0) < _MIN_PIVOT


def _union(one, other):
    """Terms of both models; the smaller precision where they share one."""
    precision = {}
    for model in (one, other):
        for j, a in zip(model.act.tolist(), model.a.tolist(), strict=True):
            precision[j] = min(a, precision.get(j, np.inf))
    act = sorted(precision)
    return np.array(act, dtype=np.intp), np.array([precision[j] for j in act])


def _exchange(model):
    """Exchange terms for columns outside for as long as that gains."""
    for _ in range(_MAX_SWAPS):
        if not model.swap():
            break


def _kick(best, n_kicks, thorough):
    """Find a better model by barring each term for a while, the weakest first.

    Unless every term is asked for, those stay that no model can do without: of 21
    removals that gained, one gained by such a term, an eighth of a nat.
    """
    limits = best.problem.best_without
    for place in np.argsort(np.abs(best.mu))[:n_kicks]:
        if limits[best.act[place]] < best.score and not thorough:
            continue
        model = best.kick(place, _MIN_KICK)
        if model is not None:
            _exchange(model)
            return model
    return None
