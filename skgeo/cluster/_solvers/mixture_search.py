"""A mixture model that is safe on real data: screen, starts, models, held-out choice.

No constant of a covariance model suits all data, so that several are tried and compared
by their log-likelihood on points left out; no start does either, and starts of one
model are compared by their penalized log-likelihood.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp
from sklearn.neighbors import NearestNeighbors

from skgeo.cluster._solvers.columns import REPEATED, SPIKE
from skgeo.cluster._solvers.mixture_em import (
    CovarianceModel,
    fit_mixture,
    hard_shares,
)
from skgeo.cluster._solvers.mixture_starts import share_of_equal_labels

__all__ = [
    "Candidate",
    "SearchResult",
    "doubts",
    "find_isolated",
    "model_space",
    "search_mixture",
    "search_seconds",
]

_FAR = 20.0  # times the 90 % quantile of neighbor distances: an isolated point
_MOST_ISOLATED = 0.1  # share of the points beyond which nobody is isolated
_ALIKE = 0.01  # share of labels in which two starts must differ
_SHORT, _LONG, _FULL = 8, 12, 150  # EM steps of a look, of a candidate, of the end
_FOLD_STEPS = 6  # EM steps of a fold from the memberships of all points
_DEAR = 2e6  # n d^2 K from which fewer starts and folds are used
_AGREE = 0.9  # share of equal labels below which starts or models disagree
_NAMED = 5  # rows that a warning names
_T_DOF = 4.0  # degrees of freedom of the heavy tails


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model, its best fit and its held-out log-likelihood per point (with error)."""

    model: CovarianceModel
    fit: object
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The winner's fit, all candidates, and how far the winner's starts agree."""

    fit: object
    candidates: list
    agreement: float
    n_starts: int


def find_isolated(X, n_clusters):
    """Points far from everything: no component should be spent on them."""
    n = len(X)
    if n < 10:
        return np.zeros(n, dtype=bool)
    m = min(n - 1, max(3, int(np.ceil(0.02 * n / n_clusters)) + 1))
    median = np.median(X, axis=0)
    quartiles = np.percentile(X, [25, 75], axis=0)
    spread = (quartiles[1] - quartiles[0]) / 1.349
    deviation = X.std(axis=0)
    spread = np.where(spread > 0, spread, np.where(deviation > 0, deviation, 1.0))
    # Farther than a million spreads is far; distances need their digits.
    Z = np.clip((X - median) / spread, -1e6, 1e6)
    neighbors = NearestNeighbors(n_neighbors=m + 1).fit(Z)
    reach = neighbors.kneighbors()[0][:, m - 1]
    usual = np.quantile(reach, 0.9)
    isolated = reach > _FAR * usual if usual > 0 else np.zeros(n, dtype=bool)
    if isolated.sum() > _MOST_ISOLATED * n or n - isolated.sum() <= n_clusters:
        return np.zeros(n, dtype=bool)
    return isolated


def model_space(d, *, covariance_type, prior_strength, reg_covar, tails):
    """What the search may vary, and its first models.

    Returns
    -------
    references, models : list of CovarianceModel
        Models under which starts are compared, and the first candidates.
    free : dict
        Which of "strength", "diagonal", "ridge", "dof" the search may change.
    """
    fixed_ridge = reg_covar != "auto"
    ridge = float(reg_covar) if fixed_ridge else 0.0

    def model(kind, strength, diagonal=0.0, ridge_=0.0, dof=np.inf):
        if prior_strength != "auto" and np.isfinite(strength):
            strength = float(prior_strength)
        if tails != "auto":
            dof = np.inf if tails == "gaussian" else _T_DOF
        # A given ridge replaces those of the search, as the shrinkage does not.
        return CovarianceModel(
            kind, strength, diagonal, ridge if fixed_ridge else ridge_, dof
        )

    half, twice = max(d / 2, 1.0), 2.0 * d
    full = [
        model("full", twice),
        model("full", half, 1.0),
        model("full", half, 0.0, 0.1),
    ]
    tied = [model("full", np.inf)]
    diag, spherical = [model("diag", 8.0)], [model("spherical", 1.0)]
    models = {
        "auto": full + tied + diag + spherical,
        "full": full,
        "tied": [*tied, model("full", np.inf, 1.0)],
        "diag": [*diag, model("diag", np.inf)],
        "spherical": [*spherical, model("spherical", np.inf)],
    }[covariance_type]
    references = {
        "auto": [
            model("full", half),
            model("full", twice, dof=_T_DOF),
            model("full", half, 0.0, 0.1),
        ],
        "full": [
            model("full", half),
            model("full", twice, dof=_T_DOF),
            model("full", half, 0.0, 0.1),
        ],
        "tied": tied + [replace(t, dof=_T_DOF) for t in tied if tails == "auto"],
        "diag": diag,
        "spherical": spherical,
    }[covariance_type]
    free = {
        "strength": prior_strength == "auto" and covariance_type != "tied",
        "tied": covariance_type == "auto",
        "diagonal": True,
        "ridge": not fixed_ridge,
        "dof": tails == "auto",
    }
    return list(dict.fromkeys(references)), list(dict.fromkeys(models)), free


def _neighbors(model, d, free):
    """Models one step away."""
    found = []
    if model.kind == "full":
        if free["strength"]:
            if np.isinf(model.strength):
                found.append(replace(model, strength=8.0 * d))
            else:
                found.append(replace(model, strength=4 * model.strength))
                if model.strength / 4 >= 1:
                    found.append(replace(model, strength=model.strength / 4))
        if model.ridge == 0 and free["diagonal"]:
            steps = [0.0, 0.5, 1.0]
            found += _steps(model, "diagonal", model.diagonal, steps)
        if model.diagonal == 0 and free["ridge"]:
            steps = [0.0, 0.03, 0.1, 0.3]
            found += _steps(model, "ridge", model.ridge, steps)
    elif free["strength"]:
        found += [replace(model, strength=s) for s in (1.0, 8.0, np.inf)]
    return [m for m in found if m != model]


def _steps(model, name, value, steps):
    i = steps.index(value) if value in steps else None
    if i is None:
        return []
    near = [steps[j] for j in (i - 1, i + 1) if 0 <= j < len(steps)]
    return [replace(model, **{name: s}) for s in near]


def _held_out(X, fit, n_folds, floor, rng):
    """Log-likelihood per point on folds left out, and its standard error."""
    n = len(X)
    order = np.lexsort((rng.uniform(size=n), fit.labels))
    fold = np.empty(n, dtype=int)
    fold[order] = np.arange(n) % n_folds
    values = np.empty(n)
    for v in range(n_folds):
        out = fold == v
        part = fit_mixture(
            X[~out],
            fit.shares[~out],
            fit.model,
            floor=floor,
            max_iter=_FOLD_STEPS,
            tol=0.0,
        )
        if part is None:
            return -np.inf, 0.0
        values[out] = logsumexp(part.mixture.joint(X[out]), axis=1)
    return float(values.mean()), float(values.std() / np.sqrt(n))


def _distinct(fits, count):
    """The best fits that differ in labels, at most ``count``."""
    kept = []
    for fit in sorted(fits, key=lambda f: -f.penalized):
        if len(kept) == count:
            break
        if all(
            share_of_equal_labels(fit.labels, other.labels) < 1 - _ALIKE
            for other in kept
        ):
            kept.append(fit)
    return kept


def search_seconds(n, d, n_clusters):
    """About how long a search takes, as timed: some thousand steps of EM."""
    return 1000 * (1e-4 + n * n_clusters * (8e-9 + 1e-10 * d * (d + 2)))


def search_mixture(X, n_clusters, starts, space, *, floor=0.0, n_folds, rng, tick):
    """Find model and fit.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Standardized points.
    n_clusters : int
        K.
    starts : list of (str, ndarray)
        Named first labels.
    space : tuple
        What :func:`model_space` returns.
    floor : float or ndarray of shape (d,)
        Least variances, see :func:`fit_mixture`.
    n_folds : int
        Folds of the held-out likelihood.
    rng : RandomState
        Draws folds.
    tick : callable
        Called after every model with a dictionary; true stops the search.

    Returns
    -------
    result : SearchResult or None
        None if no start leads to a fit in which every component holds points.
    """
    n, d = X.shape
    references, models, free = space
    dear = n * d * d * n_clusters > _DEAR
    few = n < 5 * n_clusters * d
    n_folds = min(n_folds, 3) if dear else n_folds
    if few:
        models = [*models, *_more_ridge(models, free, d)]
    shares = [(name, hard_shares(labels, n_clusters)) for name, labels in starts]

    def run(start, model, steps, tol=1e-5):
        name, share = start
        return fit_mixture(
            X, share, model, floor=floor, max_iter=steps, tol=tol, start=name
        )

    def usable(fits):
        return [f for f in fits if f is not None and f.whole]

    # 1. The best starts, under each reference in turn.
    pools = []
    for reference in references:
        fits = usable([run(s, reference, _SHORT) for s in shares])
        pools.append(_distinct(fits, len(fits)))
    kept = []
    wanted = max(map(len, pools)) if few and not dear else (2 if dear else 3)
    for rank in range(max(map(len, pools), default=0)):
        for pool in pools:
            if rank < len(pool) and len(kept) < wanted:
                new = pool[rank]
                if len(_distinct([*kept, new], len(kept) + 1)) > len(kept):
                    kept.append(new)
    if not kept:
        return None
    # 2.-4. Candidates.
    candidates = {}

    def consider(model):
        if model in candidates:
            return False
        steps = 30 if few else _LONG
        fits = usable([run((f.start, f.shares), model, steps) for f in kept])
        if not fits:
            candidates[model] = Candidate(model, None, -np.inf, 0.0)
            return False
        fit = max(fits, key=lambda f: f.penalized)
        value, error = _held_out(X, fit, n_folds, floor, rng)
        candidates[model] = Candidate(model, fit, value, error)
        return tick({"n_iter": len(candidates), "objective": value})

    def ranking():
        found = [c for c in candidates.values() if np.isfinite(c.value)]
        return sorted(found, key=lambda c: -c.value)

    stop = False
    for model in models:
        stop = consider(model) or stop
    if not ranking():
        return None
    if free["dof"] and not stop:
        for candidate in ranking()[:2]:
            stop = consider(replace(candidate.model, dof=_T_DOF)) or stop
    for _ in range(2):
        best = ranking()[0]
        if stop:
            break
        for model in _neighbors(best.model, d, free):
            stop = consider(model) or stop
        if ranking()[0] is best:
            break
    # 5. The winner from every start, to the end.
    winner = ranking()[0]
    fits = usable([run(s, winner.model, _SHORT) for s in shares])
    fits = _distinct([winner.fit, *fits], 3)
    ended = usable([run((f.start, f.shares), winner.model, _FULL, 1e-6) for f in fits])
    fit = max(ended or [winner.fit], key=lambda f: f.penalized)
    others = [f for f in ended if f is not fit]
    agreement = [share_of_equal_labels(fit.labels, f.labels) for f in others]
    return SearchResult(
        fit=fit,
        candidates=ranking(),
        agreement=float(np.mean(agreement)) if agreement else 1.0,
        n_starts=len(starts),
    )


def _more_ridge(models, free, d):
    """A stronger ridge where there are few points per cluster and feature."""
    if not free["ridge"] or not any(m.kind == "full" for m in models):
        return []
    return [replace(models[0], kind="full", strength=max(d / 2, 1.0), ridge=0.3)]


def doubts(isolated, agreement, candidates, repeated):
    """Sentences about what makes a result doubtful.

    Parameters
    ----------
    isolated : ndarray of int
        Rows that were screened.
    agreement : float
        Share of labels on which the starts of the kept model agree.
    candidates : dict
        The table of candidates, best first.
    repeated : list of int
        Features with many equal values.

    Returns
    -------
    sentences : list of str
        Empty if nothing is doubtful.
    """
    found = []
    if len(isolated):
        rows = ", ".join(map(str, isolated[:_NAMED]))
        more = ", ..." if len(isolated) > _NAMED else ""
        found.append(
            f"{len(isolated)} isolated points were left out of the fit and labeled "
            f"afterwards (rows {rows}{more}). They may be errors or codes for missing "
            "values; screen_outliers=False keeps them."
        )
    if agreement < _AGREE:
        found.append(
            f"Starts of the kept model disagree: they share {100 * agreement:.0f} % of "
            "the labels on average. Other seeds may give other clusters; increase "
            "n_init and compare."
        )
    rival = _rival(candidates)
    if rival:
        found.append(rival)
    if repeated:
        found.append(
            f"More than {100 * REPEATED:.0f} % of the values of feature {repeated[0]} "
            "are equal: no Gaussian fits such a feature. Its variances are kept above "
            f"{SPIKE:g} of the whole; principal components may be safer."
        )
    return found


def _rival(candidates):
    """Words about a model as likely as the kept one with other labels."""
    if not candidates:
        return ""
    values = candidates["mean_test_score"]
    models, labels = candidates["model"], candidates["labels"]
    for i in range(1, len(models)):
        if values[i] < values[0] - candidates["std_error"][0]:
            break
        share = share_of_equal_labels(labels[0], labels[i])
        if share < _AGREE:
            return (
                f"Models as likely as the kept one ({models[0]}) disagree: "
                f"({models[i]}) shares {100 * share:.0f} % of the labels. See "
                "cv_results_."
            )
    return ""
