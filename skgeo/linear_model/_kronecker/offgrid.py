"""Move the columns of parametric factors: angles that need not lie on a grid.

With the covariance C = noise I + kron_i K_i, K_i = H_i diag(g_i) H_i', the evidence has
closed-form slopes in the points at which columns are evaluated, the variances and the
noise, each from products of small matrices. Quasi-Newton steps follow them; points are
removed, merged, added and moved to another place, and whole sets of points are
replaced, while the evidence, less the cost of a point, rises.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment, minimize

from skgeo.linear_model._kronecker.posterior import kron_outer, mode_products
from skgeo.linear_model._kronecker.scan import scan_sets

__all__ = ["ParametricMode", "grid_slots", "kron_evidence", "refine_points"]

# Quasi-Newton steps of a trial move and of the settled set.
_TRIAL_STEPS, _STEPS = 25, 200
# Steps from whose gain that of the others of a trial is foreseen.
_LOOK_BACK = 3
# Relative change of the evidence at which a trial and the settled set stop.
_TOL, _FINE_TOL = 1e-9, 1e-12
# Rounds of removing, merging, adding and moving.
_ROUNDS = 12
# Variance of a point that is added, relative to the mean of its mode.
_LEVELS = (1.0, 0.1)
# Best places at which a point is tried.
_N_PLACES = 2
# Gain in log evidence below which a move is not worth it.
_MIN_GAIN = 1e-3
# Numbers of points, from that of a mode, of the sets by which it is replaced.
_FEWER, _MORE = 2, 1


class ParametricMode:
    """Unit columns of a parametric factor, and their derivatives.

    Parameters
    ----------
    factor : object
        Has ``points``, is called with points and returns columns, and has
        ``derivative``.
    """

    def __init__(self, factor):
        self.factor = factor
        self.grid = np.asarray(factor.points, dtype=np.float64)
        self.step = _spacing(self.grid)
        scan = getattr(factor, "scan_points", None)
        if scan is None:
            low, high = self.grid.min(), self.grid.max()
            scan = np.linspace(low, high, 8 * len(self.grid))
        self.scan = np.asarray(scan, dtype=np.float64)
        # Unit of the steps: the grid may be far coarser than what the columns resolve,
        # and steps of its size jump from one maximum of the evidence into another.
        self.unit = min(self.step, _spacing(self.scan))
        self.scan_columns = self.columns(self.scan)

    def columns(self, points):
        """Columns of norm one."""
        H, _ = _unit_columns(self._evaluate(self.factor, "columns", points))
        return H

    def slopes(self, points):
        """Columns of norm one, and their derivatives."""
        H, sizes = _unit_columns(self._evaluate(self.factor, "columns", points))
        D = self._evaluate(self.factor.derivative, "derivatives", points)
        D = D / sizes[0] / sizes[1]
        return H, D - H * np.sum((H.conj() * D).real, axis=0)

    def _evaluate(self, function, what, points):
        """Columns or derivatives; those of a user may fail off their grid."""
        values = np.asarray(function(points))
        if values.shape[1:] != points.shape or not np.isfinite(values).all():
            raise ValueError(
                f"A parametric factor returned {what} of shape {values.shape}"
                f"{'' if np.isfinite(values).all() else ' with NaN or infinity'} for "
                f"{len(points)} points between {points.min():.6g} and "
                f"{points.max():.6g}. Points move off their grid, and somewhat beyond "
                "its ends: the factor has to be defined there."
            )
        return values


def _spacing(points):
    """Median distance of neighboring points; one if there are no two."""
    points = np.unique(points)
    return float(np.median(np.diff(points))) if len(points) > 1 else 1.0


def _unit_columns(H):
    """Columns of norm one, and two factors of the norms: these may leave floats."""
    top = np.abs(H).max(axis=0, initial=0.0)
    top = np.where(top > 0, top, 1.0)
    H = H / top
    norms = np.linalg.norm(H, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    return H / norms, (top, norms)


@dataclass
class _State:
    """Points (None where a factor is fixed), columns, variances and noise."""

    points: list
    columns: list
    gammas: list
    noise: float

    def copy(self):
        return _State(
            list(self.points), list(self.columns), list(self.gammas), self.noise
        )

    def without(self, i, j):
        """The state without index j of mode i."""
        out = self.copy()
        out.gammas[i] = np.delete(self.gammas[i], j)
        out.columns[i] = np.delete(self.columns[i], j, axis=1)
        if self.points[i] is not None:
            out.points[i] = np.delete(self.points[i], j)
        return out

    def with_point(self, i, point, column, gamma):
        """The state with one more point in mode i."""
        out = self.copy()
        out.points[i] = np.append(self.points[i], point)
        out.columns[i] = np.column_stack([self.columns[i], column])
        out.gammas[i] = np.append(self.gammas[i], gamma)
        return out


def kron_evidence(columns, gammas, Y, noise):
    """Log evidence without constants, and what its slopes are made of.

    Parameters
    ----------
    columns : list of ndarray of shape (m_i, k_i)
        Columns in use.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.

    Returns
    -------
    value : float
        Log evidence of all samples.
    forms : list of ndarray of shape (m_i, m_i)
        S_i, with h' S_i h the slope in the variance of column h, over c.
    noise_slope : float
        Slope in the noise variance, over c.
    """
    parts = [(H * g) @ H.conj().T for H, g in zip(columns, gammas, strict=True)]
    spectra = [np.linalg.eigh(K) for K in parts]
    values = [np.maximum(w, 0.0) for w, _ in spectra]
    vectors = [v for _, v in spectra]
    total = kron_outer(values) + noise
    n = len(Y)
    Z = mode_products(Y, [v.conj().T for v in vectors])
    power = np.abs(Z) ** 2
    log_det = np.log(total).sum()
    c = 1.0 if np.iscomplexobj(Y) else 0.5
    value = -c * (n * log_det + (power / total).sum())
    V = Z / total  # C^-1 y in the eigenbasis
    forms = []
    for i in range(len(parts)):
        others = kron_outer(
            [w if j != i else np.ones_like(w) for j, w in enumerate(values)]
        )
        flat = np.moveaxis(V, i + 1, 0).reshape(len(parts[i]), -1)
        weighted = np.moveaxis(V * others, i + 1, 0).reshape(len(parts[i]), -1)
        axes = tuple(j for j in range(total.ndim) if j != i)
        trace = np.sum(others / total, axis=axes)
        inner = weighted @ flat.conj().T - n * np.diag(trace)
        forms.append(vectors[i] @ inner @ vectors[i].conj().T)
    noise_slope = np.sum(np.abs(V) ** 2) - n * np.sum(1.0 / total)
    return value, forms, noise_slope


class OffGridProblem:
    """Evidence of measurements as a function of points, variances and noise.

    Parameters
    ----------
    modes : list of ParametricMode or None
        Parametric modes; None where the factor is fixed.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements of unit power.
    learn_noise : bool
        Whether the noise variance is free.
    noise_floor : float
        Smallest noise variance.
    """

    def __init__(self, modes, Y, learn_noise, noise_floor):
        self.modes, self.Y = modes, Y
        self.learn_noise, self.noise_floor = learn_noise, noise_floor
        self.c = 1.0 if np.iscomplexobj(Y) else 0.5

    def evidence(self, columns, gammas, noise):
        """See :func:`kron_evidence`."""
        return kron_evidence(columns, gammas, self.Y, noise)

    def objective(self, state):
        """Log evidence of a state."""
        return self.evidence(state.columns, state.gammas, state.noise)[0]

    def optimize(self, state, n_steps=_STEPS, target=-np.inf):
        """Raise the evidence over points, variances and noise; (state, evidence).

        A trial stops early where even steps like the last few would not lead to the
        target: gains shrink from step to step.
        """
        sizes = [len(g) for g in state.gammas]
        floor = 1e-12
        start = [np.log(np.maximum(g, floor * g.max())) for g in state.gammas]
        moving = [i for i, p in enumerate(state.points) if p is not None]
        start += [state.points[i] / self.modes[i].unit for i in moving]
        if self.learn_noise:
            start.append([np.log(state.noise)])
        low, found = np.log(self.noise_floor), {}

        def unpack(x):
            parts = np.split(x, np.cumsum(sizes + [sizes[i] for i in moving]))
            gammas = [np.exp(np.clip(p, -200, 200)) for p in parts[: len(sizes)]]
            points = list(state.points)
            for i, p in zip(moving, parts[len(sizes) :], strict=False):
                points[i] = p * self.modes[i].unit
            noise = state.noise
            if self.learn_noise:
                noise = float(np.exp(np.clip(x[-1], low, 200)))
            return gammas, points, noise

        def loss(x):
            gammas, points, noise = unpack(x)
            columns, slopes = list(state.columns), {}
            for i in moving:
                columns[i], slopes[i] = self.modes[i].slopes(points[i])
            value, forms, noise_slope = self.evidence(columns, gammas, noise)
            gradient = []
            for H, g, S in zip(columns, gammas, forms, strict=True):
                gradient.append(g * np.sum(H.conj() * (S @ H), axis=0).real)
            for i in moving:
                form = np.sum(slopes[i].conj() * (forms[i] @ columns[i]), axis=0).real
                gradient.append(2.0 * gammas[i] * form * self.modes[i].unit)
            if self.learn_noise:
                gradient.append([noise * noise_slope])
            if value > found.get("value", -np.inf):
                found.update(value=value, state=_State(points, columns, gammas, noise))
            return -value, -self.c * np.concatenate(gradient)

        trace = []

        def watch(intermediate_result):
            trace.append(found["value"])
            if len(trace) > _LOOK_BACK:
                pace = (trace[-1] - trace[-1 - _LOOK_BACK]) / _LOOK_BACK
                if trace[-1] + pace * (n_steps - len(trace)) < target:
                    raise StopIteration

        minimize(
            loss, np.concatenate(start), jac=True, method="L-BFGS-B",
            callback=watch,
            options={
                "maxiter": n_steps,
                "ftol": _TOL if n_steps < _STEPS else _FINE_TOL,
            },
        )  # fmt: skip
        return found["state"], found["value"]


def refine_points(modes, Y, columns, points, gammas, noise, costs, *,
                  learn_noise, noise_floor, callback=None,
                  search_sets=True):  # fmt: skip
    """Move points off their grid, and change their number, by the evidence.

    Parameters
    ----------
    modes : list of ParametricMode or None
        Parametric modes; None where the factor is fixed.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements of unit power.
    columns : list of ndarray of shape (m_i, k_i)
        Unit columns kept on the grid.
    points : list of ndarray of shape (k_i,) or None
        Their points.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    noise : float
        Noise variance.
    costs : list of float
        Log evidence that an index of each mode has to bring.
    learn_noise : bool
        Whether to learn the noise variance.
    noise_floor : float
        Smallest noise variance.
    callback : callable, optional
        Called after each round with a dict; a true answer stops.
    search_sets : bool, default=True
        Whether to look for whole sets of points, which takes most of the time.

    Returns
    -------
    state : object
        With ``points``, ``columns``, ``gammas`` and ``noise``.
    trace : list of float
        Log evidence per sample after each round.
    settled : bool
        Whether the last round changed nothing.
    """
    problem = OffGridProblem(modes, Y, learn_noise, noise_floor)
    state = _State(list(points), list(columns), list(gammas), noise)
    state, value = problem.optimize(state)
    net = value - _cost(state, costs)
    trace, settled = [value / len(Y)], False
    for _ in range(_ROUNDS):
        before = net
        state, net = _shrink(problem, state, net, costs)
        for i, mode in enumerate(modes):
            if mode is not None and len(state.gammas[i]) < len(mode.grid):
                state, net = _grow(problem, state, net, costs, i)
            if mode is not None:
                state, net = _relocate(problem, state, net, costs, i)
        state, value = problem.optimize(state)
        net = value - _cost(state, costs)
        trace.append(value / len(Y))
        info = {"objective": trace[-1], "n_iter": len(trace)}
        if callback is not None and callback(info):
            break
        if search_sets and net <= before + _MIN_GAIN:
            state, net = _replace(problem, state, net, costs)
        if net <= before + _MIN_GAIN:
            settled = True
            break
    return state, trace, settled


def grid_slots(grid, points):
    """Give every point a place of the grid, the nearest one where it can be.

    Parameters
    ----------
    grid : ndarray of shape (n,)
        Grid.
    points : ndarray of shape (k,)
        Points, k <= n.

    Returns
    -------
    slots : ndarray of int of shape (k,)
        Index in the grid of each point.
    """
    return linear_sum_assignment(np.abs(points[:, None] - grid))[1]


def _is_same(points, others, mode):
    """Whether two sets of points are one, but for what a few steps change."""
    if len(points) != len(others):
        return False
    return np.abs(np.sort(points) - np.sort(others)).max() < 0.5 * mode.unit


def _tried(problem, trial, costs, net):
    """A trial after some steps, and its net evidence, to be compared with ``net``."""
    cost = _cost(trial, costs)
    trial, value = problem.optimize(trial, _TRIAL_STEPS, net + cost)
    return trial, value - cost


def _cost(state, costs):
    return sum(c * len(g) for c, g in zip(costs, state.gammas, strict=True))


def _shrink(problem, state, net, costs):
    """Remove or merge points while that raises the net evidence."""
    changed = True
    while changed:
        changed = False
        trials = []
        for i, g in enumerate(state.gammas):
            if len(g) < 2:
                continue
            for j in range(len(g)):
                trials.append(state.without(i, j))
            if state.points[i] is None:
                continue
            order = np.argsort(state.points[i])
            for a, b in pairwise(order):
                trials.append(_merged(problem, state, i, a, b))
        values = [problem.objective(t) - _cost(t, costs) for t in trials]
        for k in np.argsort(values)[::-1][:4]:
            trial, trial_net = _tried(problem, trials[k], costs, net)
            if trial_net > net:
                state, net, changed = trial, trial_net, True
                break
    return state, net


def _merged(problem, state, i, a, b):
    """The state with points a and b of mode i in one place between them."""
    g, points = state.gammas[i], state.points[i]
    total = g[a] + g[b]
    place = (g[a] * points[a] + g[b] * points[b]) / total
    out = state.without(i, b)
    a -= a > b
    out.points[i][a] = place
    out.gammas[i][a] = total
    column = problem.modes[i].columns(np.array([place]))
    out.columns[i] = out.columns[i].copy()
    out.columns[i][:, a] = column[:, 0]
    return out


def _places(problem, state, i):
    """Points of the scan at which one more column raises the evidence fastest."""
    _, forms, _ = problem.evidence(state.columns, state.gammas, state.noise)
    H = problem.modes[i].scan_columns
    score = np.sum(H.conj() * (forms[i] @ H), axis=0).real
    inner = np.r_[-np.inf, score, -np.inf]
    peaks = np.flatnonzero((score >= inner[:-2]) & (score >= inner[2:]) & (score > 0))
    best = peaks[np.argsort(-score[peaks])[:_N_PLACES]]
    return problem.modes[i].scan[best], H[:, best]


def _grow(problem, state, net, costs, i):
    """Add a point to mode i where that raises the net evidence."""
    places, columns = _places(problem, state, i)
    best, best_net = state, net
    for place, column in zip(places, columns.T, strict=True):
        for level in _LEVELS:
            gamma = level * state.gammas[i].mean()
            trial = state.with_point(i, place, column, gamma)
            trial, trial_net = _tried(problem, trial, costs, best_net)
            if trial_net > best_net:
                best, best_net = trial, trial_net
    return best, best_net


def _relocate(problem, state, net, costs, i):
    """Move single points of mode i to where the evidence wants one most."""
    for j in range(len(state.gammas[i])):
        if len(state.gammas[i]) < 2:
            break
        rest = state.without(i, j)
        places, columns = _places(problem, rest, i)
        for place, column in zip(places, columns.T, strict=True):
            if abs(place - state.points[i][j]) < 0.1 * problem.modes[i].step:
                continue
            trial = rest.with_point(i, place, column, state.gammas[i][j])
            trial, trial_net = _tried(problem, trial, costs, net)
            if trial_net > net + _MIN_GAIN:
                return trial, trial_net
    return state, net


def _replace(problem, state, net, costs):
    """Replace all points of a mode by another set where that raises the evidence."""
    for i, mode in enumerate(problem.modes):
        if mode is None:
            continue
        present = len(state.gammas[i])
        most = min(len(mode.grid), len(state.columns[i]), present + _MORE)
        found = scan_sets(
            mode, state.columns, state.gammas, problem.Y, state.noise, i, costs[i],
            range(max(1, present - _FEWER), most + 1),
        )  # fmt: skip
        best, best_net = state, net
        for points, gammas in found:
            if _is_same(points, state.points[i], mode):
                continue
            trial = state.copy()
            trial.points[i], trial.gammas[i] = points, gammas
            trial.columns[i] = mode.columns(points)
            trial, trial_net = _tried(problem, trial, costs, best_net)
            if trial_net > best_net:
                best, best_net = trial, trial_net
        state, net = best, best_net
    return state, net
