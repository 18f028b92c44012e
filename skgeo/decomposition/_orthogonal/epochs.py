"""What a stream has learned, and passes over data that are at hand."""

import math
from dataclasses import dataclass

import numpy as np

from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.utils.solver_result import SolverResult

__all__ = ["EpochTotals", "Snapshot", "fit_epochs", "snapshot", "sparsity"]

# Rounds of turns that a fit does at most.
_MOST_TURNS = 10


class EpochTotals:
    """Totals of a pass over data, in the unit of the stream's averages.

    Attributes
    ----------
    power, square : float
        EpochTotals of |code|^p and of squared lengths of rows.
    n_rows : int
        Number of rows.
    ascent : ndarray of shape (n, n)
        Sum of gradients.
    """

    def __init__(self, n):
        self.power, self.square, self.n_rows = 0.0, 0.0, 0
        self.ascent = np.zeros((n, n))

    def add(self, power, X, ascent, unit, p):
        """Add what a batch contributes, computed 2**unit times too small."""
        self.power += math.ldexp(power, p * unit)
        self.square += math.ldexp(float(np.vdot(X, X)), 2 * unit)
        self.n_rows += len(X)
        self.ascent += math.ldexp(1.0, p * unit) * ascent

    def rescale(self, shift, p):
        """Express the totals in units 2**-shift times as large."""
        self.power = math.ldexp(self.power, p * shift)
        self.square = math.ldexp(self.square, 2 * shift)
        self.ascent = np.ldexp(self.ascent, p * shift)

    def gap(self, W):
        """Relative Frank-Wolfe gap at W of the gradient averaged over the pass."""
        if not self.ascent.any():
            return 0.0
        vertex = polar_factor(self.ascent, towards=W)
        return max(0.0, 1.0 - np.vdot(self.ascent, W) / np.vdot(self.ascent, vertex))


def _orthonormalize(S):
    """One Newton-Schulz step: squares the departure from orthogonality."""
    return 1.5 * S - 0.5 * (S @ (S.T @ S))


@dataclass(frozen=True)
class Snapshot:
    """What a stream has learned so far, in the units of the data.

    Attributes
    ----------
    components : ndarray of shape (n, n_features)
        Atoms in rows.
    unmixing : ndarray of shape (n, n_features)
        Codes are ``(X - mean) @ unmixing.T``.
    mean : ndarray of shape (n_features,)
        Running mean, zero when it is not removed.
    signs : ndarray of shape (n,)
        1 for peaked, -1 for flat codes.
    gap : float
        Frank-Wolfe gap of the last step over the nuclear norm of the gradient.
    n_steps : int
        Steps behind it, counting one for rows that do not fill a batch.
    rank : int
        Number of directions in which the data vary (n unless they are whitened).
    """

    components: np.ndarray
    unmixing: np.ndarray
    mean: np.ndarray
    signs: np.ndarray
    gap: float
    n_steps: int
    rank: int


def snapshot(stream, flush=True):
    """Round the iterate to an orthogonal matrix and undo whitening and scaling.

    Parameters
    ----------
    stream : Stream
        A stream that has seen at least one row; it is left as it is.
    flush : bool, default=True
        Whether to do a short step for the rows that wait.

    Returns
    -------
    result : Snapshot
        What has been learned.
    """
    ahead = stream.flushed_copy() if flush else stream
    n = len(ahead.W)
    W = _orthonormalize(polar_factor(ahead.W))
    unit = math.ldexp(1.0, ahead.exponent or 0)
    n_features = stream.pending.shape[1]
    components, unmixing, mean, rank = W, W, np.zeros(n_features), n
    moments = ahead.moments
    if moments is not None and moments.weight:
        mean = moments.mean * unit
        forward, back, rank = moments.pair()
        size = unit if ahead.settings.whiten else 1.0
        components, unmixing = (W @ back) * size, (W @ forward.T) / size
    elif stream.basis is not None:
        components = unmixing = W @ stream.basis.T
    return Snapshot(
        components, unmixing, mean, ahead.signs, ahead.gap, ahead.n_steps, rank
    )


def fit_epochs(stream, X, *, max_iter, tol, shuffle, random_state, callback=None):
    """Feed a stream the same rows several times over.

    The gradient over all rows that confirms a small gap has a polar factor without the
    noise of a stream. That is the last step of a fit that converges in few passes.

    Parameters
    ----------
    stream : Stream
        A new stream; it is changed.
    X : ndarray of shape (n_samples, n)
        Rows.
    max_iter : int
        Maximum number of epochs.
    tol : float
        An epoch is the last when the relative Frank-Wolfe gap at its end, of the
        gradient averaged along it and of that over all rows, is not above this.
    shuffle : bool
        Whether to put the rows in a new order for each epoch.
    random_state : numpy.random.RandomState
        Source of these orders.
    callback : callable, optional
        Called after each epoch with a dictionary that holds the stream; true stops.

    Returns
    -------
    result : SolverResult
        ``x`` is the :class:`Snapshot`; the objective, one value per epoch, is the mean
        of |code|^p along the epoch over its value for Gaussian codes of equal power.
    """
    objective, converged, exact, stop, n_turns = [], False, False, math.inf, 0
    size, n = len(stream.pending), len(stream.W)
    for _ in range(max_iter):
        stream.totals = EpochTotals(n)
        if shuffle:
            order = random_state.permutation(len(X))
            # Gathered some batches at a time: no second copy of X is made.
            for start in range(0, len(X), 8 * size):
                stream.partial_update(X[order[start : start + 8 * size]])
        else:
            stream.partial_update(X)
        ahead = stream.flushed_copy()
        totals, stream.totals = ahead.totals, None
        stop, vertex = totals.gap(ahead.W), None
        if stop <= tol:
            gap, vertex = ahead.gap_over(X)
            stop = max(stop, gap)
        objective.append(
            sparsity(totals.power, totals.square, totals.n_rows, n, stream.settings.p)
        )
        converged = bool(stop <= tol)
        if converged and n_turns < _MOST_TURNS and stream.turn_pairs(X):
            converged, n_turns = False, n_turns + 1
        exact = converged and vertex is not None and _few_rows_behind(ahead, X)
        if exact:
            stream.W[:] = ahead.W[:] = vertex
        state = {"stream": stream, "objective": objective[-1], "gap": stop}
        if (callback is not None and callback(state)) or converged:
            break
    learned = snapshot(ahead, flush=False) if exact else snapshot(stream)
    return SolverResult(learned, np.array(objective), stop, len(objective), converged)


def _few_rows_behind(stream, X):
    """Whether the average that the iterate is amounts to fewer rows than there are."""
    step = stream.settings.rates(stream.clock, 1.0)[1]
    return stream.settings.decay and 2 * len(stream.W) < step * len(X)


def sparsity(power_sum, square_sum, n_rows, n, p):
    """Mean |c|^p over (mean c^2)^(p/2), divided by its value for Gaussian codes."""
    if not square_sum > 0.0:
        return 0.0
    gaussian = 2.0 * math.sqrt(2.0 / math.pi) if p == 3 else 3.0
    count = n_rows * n
    return (power_sum / count) / (square_sum / count) ** (p / 2) / gaussian
