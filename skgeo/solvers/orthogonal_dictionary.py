"""Stochastic Frank-Wolfe over the spectral-norm ball, on a stream of samples.

    maximise  E sum_k |w_k . x|^p   over  { W : ||W||_2 <= 1 },    p = 3 or 4

The maximand is convex, so its maximum is at an extreme point of the ball, and these are
the orthogonal matrices: nothing is lost by relaxing.  A step costs two products of the
batch with an n x n matrix and one polar factor.

Most of the curvature is the same for all orthogonal W and only holds the iterate back.
On them sum_k E (w_k . x)^2 is constant, hence beta/2 times it can be taken off the
maximand without moving a maximiser; with beta the smallest of p (p-1) E |w_k . x|^(p-2)
over k, what Gaussian codes contribute to gradient (and to most of its noise) vanishes.

Everything a stream has to remember is in a :class:`Stream`.  Rows wait in it until they
fill a batch, hence the path depends on the sequence of rows alone and not on how it was
cut into chunks.
"""

import copy
import math
from dataclasses import dataclass

import numpy as np

from skgeo.kernels import orthogonal_dictionary as kernels
from skgeo.solvers._result import SolverResult
from skgeo.solvers.running_moments import Moments, whitening_pair

__all__ = ["Settings", "Snapshot", "Stream", "fit_epochs", "polar_factor", "snapshot"]

# Longest steps: weight of a new gradient and step length for every 2 n rows.
_LARGEST_RHO, _LARGEST_GAMMA = 0.3, 0.4
# The rates decay with a clock that runs at this slow pace until the gap is small: steps
# that shorten before the basin of a dictionary is found arrive late.  Small is below a
# level, and below a multiple of what sampling noise alone would make of the gap.
_SLOW, _LEVEL, _MARGIN = 1.0 / 32.0, 0.05, 2.5
# Binary orders of magnitude that data may grow before the averages change their unit:
# fourth powers of 2**16 times a few thousand still fit single precision.
_ROOM = 16
_VANISHING = 60


@dataclass(frozen=True)
class Settings:
    """How the steps are done.

    Attributes
    ----------
    p : int
        Exponent of the objective, 3 or 4.
    rho0, gamma0 : float
        Constants of the weight of a new gradient and of the step.
    decay : bool
        Whether they are divided by (t + 1)^(1/2) and (t + 2)^(3/4).
    shift : float
        Share of the common curvature that is taken off, in [0, 1].
    center, whiten : bool
        Whether to take off the running mean, to divide by the root of the running
        covariance.
    clip_norm : float or None
        Rows longer than this many median lengths are scaled back.
    """

    p: int = 3
    rho0: float = 4.0
    gamma0: float = 1.0
    decay: bool = True
    shift: float = 0.9
    center: bool = False
    whiten: bool = False
    clip_norm: float | None = None

    def rates(self, clock, share):
        """Weight of the gradient of a batch, and length of its step.

        Parameters
        ----------
        clock : float
            Time since the start, in units of 2 n rows.
        share : float
            Length of the batch in this unit: rates are per unit of time, so that the
            path depends little on the batch size.
        """
        rho, gamma = self.rho0, self.gamma0
        if self.decay:
            rho = min(_LARGEST_RHO, rho / (clock + 1.0) ** 0.5)
            gamma = min(_LARGEST_GAMMA, gamma / (clock + 2.0) ** 0.75)
        rho, gamma = min(rho, 1.0), min(gamma, 1.0)
        return 1.0 - (1.0 - rho) ** share, 1.0 - (1.0 - gamma) ** share


@dataclass
class Stream:
    """All that is remembered of a stream: three n x n matrices and one batch.

    Attributes
    ----------
    W : ndarray of shape (n, n)
        Iterate in the ball.
    pending : ndarray of shape (batch_size, n)
        Rows that do not fill a batch yet: the first ``n_pending``.
    G : ndarray of shape (n, n)
        Averaged ascent direction, of the data times 2**-exponent.
    exponent : int or None
        Binary exponent the data are divided by; None before the first non-zero row.
    magnitudes : ndarray of shape (n,)
        Running mean of |code|^(p-2) of each atom.
    noise : float
        Running ratio of variance to squared signal in the gradient of one row.
    clock : float
        What the rates decay with, in units of 2 n rows.
    gap : float
        Relative Frank-Wolfe gap of the last step.
    sums : Sums or None
        Totals of a pass over data, where somebody asks for them.
    """

    W: np.ndarray
    pending: np.ndarray
    settings: Settings
    G: np.ndarray = None
    n_pending: int = 0
    n_steps: int = 0
    n_samples: int = 0
    exponent: int | None = None
    gap: float = 0.0
    moments: Moments | None = None
    magnitudes: np.ndarray = None
    noise: float = 0.0
    clock: float = 0.0
    sums: "Sums | None" = None

    def __post_init__(self):
        n = len(self.W)
        self.G, self.magnitudes = np.zeros((n, n)), np.zeros(n)
        if self.settings.center or self.settings.whiten:
            self.moments = Moments(n, self.settings.center, self.settings.whiten)

    def feed(self, X):
        """Take rows in; do a step for every batch that fills."""
        size, start = len(self.pending), 0
        work = _Workspace(self.pending)
        while start < len(X):
            taken = min(size - self.n_pending, len(X) - start)
            stop = start + taken
            if taken == size:  # a whole batch needs no waiting
                self._step(X[start:stop], work)
            else:
                self.pending[self.n_pending : self.n_pending + taken] = X[start:stop]
                self.n_pending += taken
                if self.n_pending == size:
                    self._step(self.pending, work)
                    self.n_pending = 0
            self.n_samples += taken
            start = stop

    def preview(self):
        """Copy of the stream with a short step done for the rows that wait.

        Rates being per row, every row seen counts, and counts the same.
        """
        if self.n_pending == 0:
            return self
        ahead = copy.deepcopy(self)
        ahead._step(self.pending[: self.n_pending], _Workspace(self.pending))
        return ahead

    def _step(self, batch, work):
        self.n_steps += 1
        X = work.rows[: len(batch)]
        unit = self._change_unit(batch, X)
        if unit is None:
            return  # nothing but zeros so far
        settings, p = self.settings, self.settings.p
        share = len(batch) / (2.0 * len(self.W))
        rho, gamma = settings.rates(self.clock, share)
        if self.moments is not None or settings.clip_norm is not None:
            X = self._prepare(X, rho)
        started = self.G.any()
        if not started:
            rho = 1.0  # the first gradient there is
        codes = np.matmul(
            X, self.W.T.astype(X.dtype, copy=False), out=work.codes[: len(batch)]
        )
        kernels.mean_magnitudes(codes, p, work.magnitudes)
        self.magnitudes += rho * (
            np.ldexp(work.magnitudes, (p - 2) * unit) - self.magnitudes
        )
        beta = settings.shift * p * (p - 1) * float(self.magnitudes.min())
        beta = math.ldexp(beta, (2 - p) * unit)
        power, square, energy = kernels.contrast(codes, p, beta)
        self._note_noise(power, square, energy, beta, rho)
        ascent = np.matmul(codes.T, X, out=work.ascent)
        weight = math.ldexp(1.0 / len(batch), p * unit)
        if self.sums is not None:
            self.sums.add(power, X, ascent, unit, p)
        self.G *= 1.0 - rho
        self.G += (rho * weight) * ascent
        if not self.G.any():
            return
        vertex = polar_factor(self.G, towards=self.W)
        at_vertex, at_iterate = kernels.towards_vertex(self.W, vertex, self.G, gamma)
        self.gap = max(0.0, 1.0 - at_iterate / at_vertex)
        self.clock += share * (1.0 if self._settled(rho / len(batch)) else _SLOW)

    def _note_noise(self, power, square, energy, beta, rho):
        """Renew the variance of a gradient's entry over the square of its signal.

        With h the function applied to the codes, and codes that are independent, an
        off-diagonal entry of the skew part of h(C)^T C has half the variance
        E h^2 E c^2 - (E h c)^2, and a diagonal entry the mean E h c.
        """
        signal = self.settings.p * power - beta * square  # sum of h(c) c
        if signal > 0.0:
            self.noise += rho * (energy * square / signal**2 - 1.0 - self.noise)

    def _settled(self, weight):
        """Whether the gap is what noise makes of it, a row having this weight.

        To second order noise turns the polar factor by its skew part over twice the
        signal, which costs (n - 1) noise / (4 N) of the nuclear norm, N being the
        number of rows that an average with this weight amounts to.
        """
        expected = 0.25 * (len(self.W) - 1) * self.noise * weight / 2.0
        return self.gap < min(_LEVEL, _MARGIN * expected)

    def _change_unit(self, batch, out):
        """Write a batch, divided by a power of two, to ``out``.

        Each batch is brought near one, lest its powers over- or underflow, and its
        gradient is multiplied back, which is exact: batches are not reweighted.  The
        averages are kept in a unit fixed by the first non-zero batch, changed only
        when the data have grown out of it.

        Returns
        -------
        unit : int or None
            Exponent of the batch's unit, relative to that of the averages; None as
            long as the stream has been zero.
        """
        if self.settings.clip_norm is None:
            largest = float(max(batch.max(), -batch.min()))
        else:  # the unit must not follow a row that is about to be clipped
            peaks = np.abs(batch).max(axis=1)
            largest = float(np.median(peaks[peaks > 0])) if peaks.any() else 0.0
        if largest > 0.0:
            exponent = math.frexp(largest)[1]
            if self.exponent is None:
                self.exponent = exponent
            elif exponent > self.exponent + _ROOM:
                self._rescale(exponent)
        if self.exponent is None:
            return None
        unit = self.exponent
        if largest > 0.0 and self.moments is None:
            # Not the unit of the batch where it vanishes beside what came before.
            unit = max(exponent, self.exponent - _VANISHING)
        np.ldexp(batch, -unit, out=out)
        return unit - self.exponent

    def _rescale(self, exponent):
        shift, p = self.exponent - exponent, self.settings.p
        self.G = np.ldexp(self.G, p * shift)
        self.magnitudes = np.ldexp(self.magnitudes, (p - 2) * shift)
        if self.sums is not None:
            self.sums.rescale(shift, p)
        if self.moments is not None:
            self.moments.rescale(shift)
        self.exponent = exponent

    def _prepare(self, X, rho):
        """Centre, clip and whiten a batch; learn the mean and covariance from it."""
        moments, clip_norm = self.moments, self.settings.clip_norm
        if self.settings.center:
            X -= moments.reference(X)
        if clip_norm is not None:
            norms = np.sqrt(np.einsum("ij,ij->i", X, X))
            if norms.any():
                limit = clip_norm * np.median(norms[norms > 0])
                kernels.clip_rows(X, norms, limit)
        if moments is None:
            return X
        return moments.update(X, 0.0 if self.settings.decay else rho)


class _Workspace:
    """Arrays that every step writes anew: none of them is part of the state."""

    def __init__(self, pending):
        n, dtype = pending.shape[1], pending.dtype
        self.rows, self.codes = np.empty_like(pending), np.empty_like(pending)
        self.ascent = np.empty((n, n), dtype=dtype)
        self.magnitudes = np.empty(n)


class Sums:
    """Totals of a pass over data, in the unit of the stream's averages.

    Attributes
    ----------
    power, square : float
        Sums of |code|^p and of squared lengths of rows.
    n_rows : int
        Number of rows.
    ascent : ndarray of shape (n, n)
        Sum of gradients.
    """

    def __init__(self, n):
        self.power, self.square, self.n_rows = 0.0, 0.0, 0
        self.ascent = np.zeros((n, n))

    def add(self, power, X, ascent, unit, p):
        """Take in what a batch contributes, computed 2**unit times too small."""
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


def polar_factor(G, towards=None):
    """Orthogonal polar factor, the maximiser of <G, S> over the spectral-norm ball.

    Parameters
    ----------
    G : ndarray of shape (n, n)
        Square matrix.
    towards : ndarray of shape (n, n), optional
        Where G is singular to working precision its polar factor is not unique: the
        one that agrees best with this matrix is taken.

    Returns
    -------
    S : ndarray of shape (n, n)
        Orthogonal matrix.
    """
    G = np.ldexp(G, -math.frexp(np.abs(G).max())[1])
    values, V = np.linalg.eigh(G.T @ G)
    # The Gram matrix squares the condition number: beyond 100, pay for the SVD.
    if values[0] > 1e-4 * values[-1]:
        return G @ ((V / np.sqrt(values)) @ V.T)
    U, values, Vt = np.linalg.svd(G)
    if values[-1] < 1e-10 * values[0] and towards is not None:
        U, _, Vt = np.linalg.svd(G + (1e-8 * values[0]) * towards)
    return U @ Vt


def _orthonormalise(S):
    """One Newton-Schulz step: squares the departure from orthogonality."""
    return 1.5 * S - 0.5 * (S @ (S.T @ S))


@dataclass(frozen=True)
class Snapshot:
    """What a stream has learnt so far, in the units of the data.

    Attributes
    ----------
    components : ndarray of shape (n, n)
        Atoms in rows.
    unmixing : ndarray of shape (n, n)
        Codes are ``(X - mean) @ unmixing.T``.
    mean : ndarray of shape (n,)
        Running mean, zero when it is not taken off.
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
    gap: float
    n_steps: int
    rank: int


def snapshot(stream):
    """Round the iterate to an orthogonal matrix and undo whitening and scaling.

    Parameters
    ----------
    stream : Stream
        A stream that has seen at least one row; it is left as it is.

    Returns
    -------
    result : Snapshot
        What has been learnt, waiting rows included.
    """
    ahead = stream.preview()
    n = len(ahead.W)
    W = _orthonormalise(polar_factor(ahead.W))
    unit = math.ldexp(1.0, ahead.exponent or 0)
    components, unmixing, mean, rank = W, W, np.zeros(n), n
    moments = ahead.moments
    if moments is not None and moments.weight:
        mean = moments.mean * unit
        if ahead.settings.whiten:
            whitening, root, rank = whitening_pair(moments.covariance)
            components, unmixing = (W @ root) * unit, (W @ whitening) / unit
    return Snapshot(components, unmixing, mean, ahead.gap, ahead.n_steps, rank)


def fit_epochs(stream, X, *, max_iter, tol, shuffle, random_state, callback=None):
    """Feed a stream the same rows several times over.

    Parameters
    ----------
    stream : Stream
        A new stream; it is changed.
    X : ndarray of shape (n_samples, n)
        Rows.
    max_iter : int
        Largest number of epochs.
    tol : float
        An epoch is the last when the relative Frank-Wolfe gap at its end, of the
        gradient averaged along it, is not above this.
    shuffle : bool
        Whether to put the rows in a new order for each epoch.
    random_state : numpy.random.RandomState
        Source of these orders.
    callback : callable, optional
        Called after each epoch with a dictionary that holds the stream; true stops.

    Returns
    -------
    result : SolverResult
        ``x`` is the :class:`Snapshot`; the objective, one value an epoch, is the mean
        of |code|^p along the epoch over its value for Gaussian codes of equal power.
    """
    objective, converged, stop = [], False, math.inf
    size, n = stream.pending.shape
    for _ in range(max_iter):
        stream.sums = Sums(n)
        if shuffle:
            order = random_state.permutation(len(X))
            # Gathered some batches at a time: no second copy of X is made.
            for start in range(0, len(X), 8 * size):
                stream.feed(X[order[start : start + 8 * size]])
        else:
            stream.feed(X)
        ahead = stream.preview()
        sums, stream.sums = ahead.sums, None
        stop = sums.gap(ahead.W)
        objective.append(
            sparsity(sums.power, sums.square, sums.n_rows, n, stream.settings.p)
        )
        converged = stop <= tol
        state = {"stream": stream, "objective": objective[-1], "gap": stop}
        if (callback is not None and callback(state)) or converged:
            break
    return SolverResult(
        snapshot(stream), np.array(objective), stop, len(objective), converged
    )


def sparsity(power_sum, square_sum, n_rows, n, p):
    """Mean |c|^p over (mean c^2)^(p/2), divided by its value for Gaussian codes."""
    if not square_sum > 0.0:
        return 0.0
    gaussian = 2.0 * math.sqrt(2.0 / math.pi) if p == 3 else 3.0
    count = n_rows * n
    return (power_sum / count) / (square_sum / count) ** (p / 2) / gaussian
