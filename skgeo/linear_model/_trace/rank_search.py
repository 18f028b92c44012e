"""The loop over allowed ranks, and the agreement that makes its result trusted."""

from dataclasses import dataclass

import numpy as np

from skgeo.linear_model._trace.descent import (
    Factors,
    descend,
    spectral_start,
    truncate,
)
from skgeo.linear_model._trace.measurements import MAD_OF_NORMAL, degrees_of_freedom

__all__ = ["RankSearch", "Trial", "allowed_ranks", "search_rank"]

_POLISH_STEP, _POLISH_DECAY = 0.1, 0.985
_TIE = 1.02  # residuals within 2 % are alike: the smallest rank wins
_PER_PARAMETER = 5.0  # targets for each parameter that make a confirmation worth it
_N_CUT, _CUT_STEP = 3, 0.25  # directions to leave out, and the length of first steps
_EXACT = 1e-6  # residuals below this, in units of the target's spread, are zero


@dataclass(frozen=True, slots=True)
class Trial:
    """One allowed rank.

    Attributes
    ----------
    allowed : int
        Columns of the descent.
    rank : int
        Rank found.
    quantile : float
        Order statistic (n + dof + 1) / 2 of the absolute residuals, in units of the
        target's spread. The median would be zero for a model with n / 2 parameters.
    factors : Factors
        The fit.
    fitted : ndarray of shape (n,)
        Fitted targets, standardized.
    """

    allowed: int
    rank: int
    quantile: float
    factors: Factors
    fitted: np.ndarray


@dataclass(frozen=True, slots=True)
class RankSearch:
    """Outcome of :func:`search_rank`.

    Attributes
    ----------
    best : Trial
        The trial chosen.
    trials : list of Trial
        All of them, the constant (rank 0) first.
    agreed : bool
        Whether another trial found the same.
    n_steps : int
        Steps of all stages.
    """

    best: Trial
    trials: list
    agreed: bool
    n_steps: int

    @property
    def score(self):
        """One minus the quantile over that of a constant."""
        return 1.0 - self.best.quantile / MAD_OF_NORMAL


def allowed_ranks(problem, max_rank):
    """Ranks to try: 1, 2, 3, 4, 6, 8, 12, 16, 24, ...

    Powers of two alone jump over the good ones: a few columns more than the rank
    protect from a wrong start, many more drown 40 % of outliers. Ranks with more than
    n / 2 parameters can fit half of the targets whatever they are.
    """
    layout, n = problem.layout, len(problem.t)
    most = min(layout.p, layout.q) if max_rank is None else max_rank
    most = min(most, layout.p, layout.q)
    ranks, k = [1, 2, 3], 4
    while k <= most:
        ranks += [k, 3 * k // 2]
        k *= 2
    ranks = [k for k in ranks if k < most] + [most]
    fitting = [k for k in ranks if 2 * degrees_of_freedom(k, layout) <= n]
    return fitting or ranks[:1]


def _judge(problem, allowed, factors):
    n = len(problem.t)
    rank = 0 if factors is None else factors.left.shape[1]
    if rank:
        packed = problem.layout.pack(factors.matrix())
        fitted = problem.A @ packed + factors.offset
    else:
        fitted = np.full(n, problem.offset)
    size = np.sort(np.abs(fitted - problem.t))
    freedom = degrees_of_freedom(rank, problem.layout)
    quantile = float(size[min(n - 1, (n + freedom + 1) // 2)])
    return Trial(allowed, rank, quantile, factors, fitted)


def _alike(a, b):
    """Whether two trials found the same model."""
    apart = np.median(np.abs(a.fitted - b.fitted))
    return a.rank == b.rank and apart <= 0.1 * max(a.quantile, b.quantile) + _EXACT


def _choose(trials):
    """Smallest residuals; within 2 % the smallest rank, then the fewest columns."""
    least = min(trial.quantile for trial in trials)
    good = [t for t in trials if t.quantile <= max(_TIE * least, _EXACT)]
    return min(good, key=lambda t: (t.rank, t.allowed))


def _batches(ranks, init_scale):
    """Runs that share the passes: (rank, scale) pairs, the first four ranks at once."""
    if len(ranks) == 1:  # nothing to agree with but another start
        return [[(ranks[0], init_scale), (ranks[0], 10.0 * init_scale)]]
    rest = ranks[4:]
    groups = [ranks[:4], *(rest[i : i + 2] for i in range(0, len(rest), 2))]
    return [[(k, init_scale) for k in group] for group in groups]


def _confirming(problem, best, ranks, init_scale):
    """Runs that can confirm the best; none where they would confirm anything.

    With few targets for each parameter the neighbors fall into the same wrong model:
    at two to four targets 3 of 20 wrong fits were confirmed, at six or more none.
    """
    freedom = degrees_of_freedom(best.rank, problem.layout)
    if best.rank == 0 or len(problem.t) < _PER_PARAMETER * freedom:
        return []
    near = [k for k in (best.rank + 1, best.rank + 2) if k <= ranks[-1]]
    return [[(k, 3.0 * init_scale) for k in near]] if near else []


def search_rank(
    problem, *, max_rank, init_scale, step_size, decay, max_iter, gap, callback
):
    """Fit several allowed ranks until two agree.

    Parameters
    ----------
    problem : Problem
        The measurements.
    max_rank : int or None
        Maximum rank.
    init_scale : float
        Size of the start, squared units of the factors.
    step_size, decay : float
        First length of the steps, and its factor from step to step.
    max_iter : int
        Steps of the descent, and of the polish.
    gap : float
        Ratio of singular values at which they are cut.
    callback : callable
        Called every hundred steps; true stops.

    Returns
    -------
    search : RankSearch
        The trial chosen, and whether another found the same.
    """
    search = _Search(problem, step_size, decay, max_iter, gap, callback)
    ranks = allowed_ranks(problem, max_rank)
    for batch in _batches(ranks, init_scale):
        search.run(batch)
        if search.agreed or search.stopped:
            return search.outcome()
    # One rank alone found it, or none: cut what surplus columns have taken up, and ask
    # the neighbors, from other starts.
    search.cut_and_go_on()
    for batch in _confirming(problem, search.best, ranks, init_scale):
        if not (search.agreed or search.stopped):
            search.run(batch)
    return search.outcome()


class _Search:
    """Trials so far, and whether two of them agree."""

    def __init__(self, problem, step_size, decay, max_iter, gap, callback):
        self.problem, self.callback, self.gap = problem, callback, gap
        self.step_size, self.decay, self.max_iter = step_size, decay, max_iter
        # Far from the optimum single precision is enough, and half the memory to read.
        self.rough = problem.A.astype(np.float32)
        self.trials, self.n_steps = [_judge(problem, 0, None)], 0
        self.best, self.agreed, self.stopped = self.trials[0], False, False

    def outcome(self):
        return RankSearch(self.best, self.trials, self.agreed, self.n_steps)

    def run(self, batch):
        """Descend from small starts, cut at the gaps, polish."""
        runs = [spectral_start(self.problem, k, scale) for k, scale in batch]
        self._descend(runs, self.step_size)
        cut = [truncate(self.problem, run, self.gap) for run in runs]
        self._polish([k for k, _ in batch], cut)

    def cut_and_go_on(self):
        """Go on from the two best trials without their smallest directions.

        With many outliers surplus columns neither vanish nor do harm enough to be seen:
        their singular values are small, but above any gap, and without them the rest
        settles at once. Both trials at the same model agree as any two do, but not with
        so few targets that they would agree on anything.
        """
        best = self.best
        others = [t for t in self.trials if t is not best and t.rank > 1]
        parents = [best, *sorted(others, key=lambda t: t.quantile)[:1]]
        pairs = [
            (trial, rank)
            for trial in parents
            for rank in range(max(1, best.rank - _N_CUT), best.rank)
            if rank < trial.rank
        ]
        if not pairs:
            return
        runs = [truncate(self.problem, t.factors, self.gap, r) for t, r in pairs]
        self._descend(runs, _CUT_STEP * self.step_size)
        if not self.stopped:
            self._polish([t.allowed for t, _ in pairs], runs)
        freedom = degrees_of_freedom(self.best.rank, self.problem.layout)
        self.agreed &= len(self.problem.t) >= _PER_PARAMETER * freedom

    def _descend(self, runs, step):
        """Descend in single precision, in place."""
        rough = [run.astype(np.float32) for run in runs]
        self.stopped = not descend(
            self.problem, rough, self.rough, step=step, decay=self.decay,
            n_steps=self.max_iter, callback=self.callback,
        )  # fmt: skip
        runs[:] = [run.astype(np.float64) for run in rough]
        self.n_steps += self.max_iter

    def _polish(self, allowed, runs):
        if not self.stopped:
            self.stopped = not descend(
                self.problem, runs, self.problem.A, step=_POLISH_STEP * self.step_size,
                decay=_POLISH_DECAY, n_steps=self.max_iter, callback=self.callback,
            )  # fmt: skip
            self.n_steps += self.max_iter
        self.trials += [
            _judge(self.problem, k, run) for k, run in zip(allowed, runs, strict=True)
        ]
        self.best = _choose(self.trials)
        self.agreed = self.best.rank > 0 and any(
            trial is not self.best and _alike(trial, self.best) for trial in self.trials
        )
