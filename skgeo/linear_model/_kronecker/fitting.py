"""Choice of solver, restarts and coupling for Kronecker-structured priors."""

import numpy as np

from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    mode_products,
    posterior,
)
from skgeo.linear_model._kronecker.prior import fit_kron_prior
from skgeo.linear_model._kronecker.search import search_modes
from skgeo.utils.params import Integer, Null, OneOf, Real, Rule, SequenceOf, Unused

__all__ = ["KRON_RULES", "KRON_UNUSED", "MatrixList", "check_coupling", "learn"]

# "am" only crawls towards zero and needs the high threshold of its authors.
_PRUNE_TOL = {"mm": 1e-4, "svd": 1e-6, "am": 1e-2}
# Searches of the index sets after which "best" stops.
_ROUNDS = 3
# Variance, relative to the mean of its mode, of an index that a start leaves out.
_LEFT_OUT = 1e-5
# Fits with gaps filled by the one before.
_N_FILLS = 3
# Weights that coupling="auto" tries in each mode.
_COUPLINGS = (0.25, 0.5, 1.0)


class MatrixList(Rule):
    """A list of arrays, checked in ``fit``, where its errors can name the array."""

    def accepts(self, value):
        return isinstance(value, (list, tuple, np.ndarray))

    def __str__(self):
        return "a list of 2-D arrays"


# Rules of the parameters that decide how Kronecker-structured variances are learned.
KRON_RULES = {
    "solver": OneOf("best", "mm", "svd", "am"),
    "noise_variance": Null() | Real(0.0, magnitudes=(1e-300, 1e300)),
    # Beyond one a neighbor would count for more than the index itself.
    "coupling": Null() | OneOf("auto") | SequenceOf(Real(0.0, 1.0)),
    "prune_tol": OneOf("auto") | Real(0.0, 1.0, closed="left"),
    "min_gain": OneOf("auto") | Real(0.0),
    "max_iter": Integer(1),
    "tol": Real(0.0),
    "max_inner": Integer(1),
    "noise_floor": Real(0.0, 1.0, closed="neither"),
}

KRON_UNUSED = (Unused("max_inner", lambda p: p.solver != "am", "solver is not 'am'"),)


def n_steps(params, n_modes):
    """Maximum number of iterations of one call of :func:`learn`."""
    runs = 2 + _ROUNDS if params.solver == "best" else 1
    if _is_auto(params):
        n_sets = n_modes + 1 if n_modes > 1 else 1
        runs += len(_COUPLINGS) * n_sets * (3 if params.solver == "best" else 2)
    return runs * (params.max_iter + 1)


def _is_auto(params):
    return isinstance(params.coupling, str)


def learn(factors, data, params, noise, tick):
    """Fit the prior of scaled measurements by the solver(s) of an estimator.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors, columns of unit norm.
    data : CompleteData or MaskedData
        Measurements of unit power.
    params : namespace
        Parameters of the estimator, those of ``KRON_RULES`` among them.
    noise : float or None
        Noise variance; None learns it.
    tick : callable or None
        Called after each iteration.

    Returns
    -------
    fit : KronFit
        The fit of the largest evidence less costs.
    coupling : tuple of float or None
        Weights between neighbors under which it was found.
    """

    def run(solver, start=None, coupling=None, data=data, noise=noise):
        prune_tol = params.prune_tol
        return fit_kron_prior(
            factors,
            data.copy(),
            solver=solver,
            noise=noise,
            coupling=coupling,
            prune_tol=_PRUNE_TOL[solver] if prune_tol == "auto" else prune_tol,
            min_gain=params.min_gain,
            max_iter=params.max_iter,
            tol=params.tol,
            max_inner=params.max_inner,
            noise_floor=params.noise_floor,
            start=start,
            callback=tick,
        )

    first = None if data.small else _start_filled(factors, data, run)
    solvers = (params.solver,) if params.solver != "best" else ("svd", "mm")
    if not data.small and params.solver == "best":
        solvers = ("mm",)

    def best_of(coupling):
        return max((run(name, first, coupling) for name in solvers), key=_net_evidence)

    fixed = None if _is_auto(params) else params.coupling
    best = best_of(fixed)
    if params.solver == "best" and not (fixed and any(fixed)):
        best = _search(factors, data, best, params, run)
    if not _is_auto(params):
        return best, fixed
    return _learn_coupling(factors, best, solvers, run, best_of)


def _start_filled(factors, data, run):
    """Start of a large fit with gaps: one of complete data, with the gaps filled.

    Zeros fill them first, then what the fit before predicts. Each fit is cheap. Where
    it leaves few indices, the fit with gaps goes on with these alone and looks
    afterwards whether others are missed; otherwise all others start small enough to
    leave soon, and large enough to come back.
    """
    complete = data.filled()
    fit = run("mm", data=complete, noise=None)
    for _ in range(_N_FILLS):
        if not all(g.any() for g in fit.gammas):
            return None
        kept = [np.flatnonzero(g) for g in fit.gammas]
        small = [H[:, k] for H, k in zip(factors, kept, strict=True)]
        few = [g[k] for g, k in zip(fit.gammas, kept, strict=True)]
        mean = posterior(small, few, complete.Y, fit.noise_variance).mean
        codes = mean.reshape(-1, *(len(k) for k in kept))
        complete = data.filled(mode_products(codes, small))
        start = [np.where(g > 0, g, _LEFT_OUT * g[g > 0].mean()) for g in fit.gammas]
        fit = run("mm", (start, fit.noise_variance), data=complete, noise=None)
    if not all(g.any() for g in fit.gammas):
        return None
    gammas = data.largest(fit.gammas)
    if gammas is None:
        gammas = [np.where(g > 0, g, _LEFT_OUT * g[g > 0].mean()) for g in fit.gammas]
    return gammas, 0.1 * data.power / data.n_all


def _search(factors, data, best, params, run):
    """Look for better index sets of single modes, and fit again from these."""
    if not isinstance(data, CompleteData):
        return best  # the search needs a product structure of the measurements
    gain = params.min_gain
    costs = [np.log(H.shape[1]) if gain == "auto" else gain for H in factors]
    for _ in range(_ROUNDS):
        start = search_modes(factors, data.Y, best.gammas, best.noise_variance, costs)
        if start is None:
            break
        again = run("mm", (start, best.noise_variance))
        if _net_evidence(again) <= _net_evidence(best):
            break
        best = again
    return best


def _learn_coupling(factors, best, solvers, run, best_of):
    """Couplings of the largest evidence less costs, from the same starts as fixed ones.

    Coupled variances are a subset of free ones, so that the evidence alone could prefer
    them in local maxima only. What speaks for them is that a block takes one source
    where it would take a variance per index, and each is paid for. So is the choice
    among many couplings.
    """
    can = [H.shape[1] >= 3 for H in factors]
    weights = [0.0] * len(factors)
    plain, trials = best, list(_couplings(can))
    price = np.log(max(len(trials), 1))
    top = _net_evidence(best)
    for trial in trials:
        fits = [best_of(trial)]
        if all(g.any() for g in plain.gammas):
            start = [np.where(g > 0, g, _LEFT_OUT * g[g > 0].mean())
                     for g in plain.gammas]  # fmt: skip
            fits.append(run(solvers[-1], (start, plain.noise_variance), trial))
        fit = max(fits, key=_net_evidence)
        if _net_evidence(fit) - price > top:
            best, weights, top = fit, trial, _net_evidence(fit) - price
    return best, tuple(weights)


def _couplings(can):
    """Each strength in all modes that can be coupled, and in all but one of them."""
    modes = np.flatnonzero(can)
    if not len(modes):
        return
    sets = [modes]
    if len(modes) > 1:
        sets += [modes[modes != i] for i in modes]
    for chosen in sets:
        for beta in _COUPLINGS:
            yield [beta if i in chosen else 0.0 for i in range(len(can))]


def _net_evidence(fit):
    return fit.net_evidence


def check_coupling(coupling, n_modes):
    """Check that there is one coupling weight per mode."""
    if coupling is None or isinstance(coupling, str):
        return
    if len(coupling) != n_modes:
        raise ValueError(
            f"coupling must hold one weight per mode: expected {n_modes}, got "
            f"{len(coupling)}."
        )
