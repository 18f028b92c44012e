"""Stochastic Frank-Wolfe over the spectral-norm ball, on a stream of samples.

    maximize  E sum_k s_k |w_k . x|^p   over  { W : ||W||_2 <= 1 },    p = 3 or 4

With all signs s_k = 1, for codes more peaked than Gaussian ones, the maximand is
convex, so its maximum is at an extreme point of the ball, and these are the orthogonal
matrices: nothing is lost by relaxing.  A step costs two products of the batch with an
n x n matrix and one polar factor.

The sign of an atom is that of E|c|^p - (p-1) E|c|^(p-2) E c^2, zero for Gaussian codes,
negative for flat ones (uniform, +-1), as extended Infomax has it.  With independent
codes the true dictionary is a fixed point of the steps for any signs and shifts, and
it attracts them where every E h(c) c is positive and every E h'(c) small, which these
signs and the shifts below see to.

Most of the curvature is the same for all orthogonal W and only holds the iterate back.
On them sum_k E (w_k . x)^2 is constant, hence beta/2 times it can be taken off the
maximand without moving a maximizer; with beta the smallest of p (p-1) E |w_k . x|^(p-2)
over k, what Gaussian codes contribute to gradient (and to most of its noise) vanishes.
Of an atom with negative sign, a little more than its own curvature is removed.

Everything a stream has to remember is in a :class:`Stream`.  Rows wait in it until they
fill a batch, hence the path depends on the sequence of rows alone and not on how it was
cut into chunks.

Far from a dictionary the gradient tells little beside its noise, and a row has more to
say about a better W than it said about the one it met.  Until the gap has become small
the last rows, 64 n of them, are therefore kept, and gone over again between new ones.
"""

import copy
import math
from dataclasses import dataclass, field

import numpy as np

from skgeo.decomposition._orthogonal.codes import (
    code_powers,
    contrast_gain,
    correlated_atoms,
    undetermined_atoms,
)
from skgeo.decomposition._orthogonal.moments import Moments
from skgeo.decomposition._orthogonal.negentropy import mixed_atoms, second_opinion
from skgeo.decomposition._orthogonal.pairs import better_turns, turn_rows
from skgeo.decomposition._orthogonal.polar import polar_factor
from skgeo.decomposition._orthogonal.settings import Settings
from skgeo.decomposition._orthogonal.signs import SignMoments
from skgeo.decomposition._orthogonal.workspace import Workspace
from skgeo.kernels import orthogonal_dictionary as kernels

__all__ = ["Stream"]

# The rates decay with a clock that runs at this slow pace until the gap is small: steps
# that shorten before the basin of a dictionary is found arrive late.  Small is below a
# level, and below a multiple of what sampling noise alone would make of the gap.
_SLOW, _LEVEL, _MARGIN = 1.0 / 32.0, 0.05, 2.5
# Above this level, and that multiple of what noise makes of the gap, a dictionary once
# found is lost. Found ones stay below .02 and 2; exchanged ones rise to .08 and 5.
_RESTART_GAP, _RESTART_MARGIN = 0.05, 5.0
# Share of the typical curvature below which a pair is at a maximum, and of minus that
# above which it is at a saddle.
_SHARE = 0.3
# Rows kept while the dictionary is being looked for, how many of them there must be
# before they are gone over again, and how many repetitions there may be in all: some
# data have no dictionary to find. In units of n.
_WINDOW, _FEWEST, _BUDGET = 64, 16, 4000
# The moments of the codes that decide about signs are averaged over this many times as
# many rows as the gradient: a sign that flickers undoes steps.
_STEADY = 4.0
# Binary orders of magnitude that data may grow before the averages change their unit:
# fourth powers of 2**16 times a few thousand still fit single precision.
_ROOM = 16
_VANISHING = 60
# Squared sine from which on atoms are turned to those of largest negentropy.
_TURNED = 0.01
# The codes of a stream are judged when this many times n rows have been seen, and
# whenever the rows have doubled since, by those of the later half.
_FIRST_VERDICT = 200
# The codes of the last rows before that are kept, this many times n but at least the
# second number, for a second opinion.
_SAMPLE, _SAMPLE_MIN = 32, 1024


@dataclass
class Stream:
    """All that is remembered of a stream: n x n matrices, a batch, at most 64 n rows.

    Attributes
    ----------
    W : ndarray of shape (n, n)
        Iterate in the ball, over the features or over their principal subspace.
    pending : ndarray of shape (batch_size, n_features)
        Rows that do not fill a batch yet: the first ``n_pending``.
    G : ndarray of shape (n, n)
        Averaged ascent direction, of the data times 2**-exponent.
    exponent : int or None
        Binary exponent the data are divided by; None before the first non-zero row.
    signs : ndarray of shape (n,)
        1 for atoms whose codes are to be peaked, -1 for flat ones.
    magnitudes : ndarray of shape (n,)
        Running means of |code|^(p-2) of each atom.
    sign_moments : SignMoments
        Slower running moments, of rows as met.
    offset : ndarray of shape (n_features,)
        Mean of the rows, of the data times 2**-exponent; used when it is not removed.
    energy : float
        Their mean square length.
    n_measured : int
        Number of rows behind these two.
    warned_mean, warned_unseen, warned_mixed, warned_correlated : bool
        Whether the user has been told that they are large, that codes look Gaussian,
        that another contrast takes atoms apart, that codes are nearly the same.
    basis : ndarray of shape (n_features, n) or None
        Where the principal subspace starts, if atoms are looked for in one.
    noise : float
        Running ratio of variance to squared signal in the gradient of one row.
    clock : float
        What the rates decay with, in units of 2 n rows.
    gap : float
        Relative Frank-Wolfe gap of the last step.
    at_noise_floor : bool
        Whether the gap of the last step was no larger than noise makes it.
    time_at_noise_floor : float
        Time that this has been so without a large gap between, in units of 2 n rows.
    converged : bool
        Whether that time has been long, and no dictionary has been lost since.
    kept : list of ndarray
        The last batches, oldest first, until one is found.
    totals : object or None
        Collects the totals of a pass over data, where they are asked for.
    tally : ndarray of shape (4, n)
        Sums of powers of the moduli of codes, see ``code_powers``, over the last
        ``n_tallied`` of the ``n_met`` rows in full batches, as met: before they were
        learned from.
    next_verdict : float
        Number of rows seen at which the codes are judged next.
    undetermined, mixed, correlated : ndarray of int
        Atoms that, by the last verdict, the rows do not determine, that another
        contrast takes apart, and whose codes are nearly the same.
    sample : list of ndarray
        Codes of the last batches before a verdict, as met, in the unit of the averages
        and single precision.
    """

    W: np.ndarray
    pending: np.ndarray
    settings: Settings
    G: np.ndarray | None = None
    n_pending: int = 0
    n_steps: int = 0
    n_samples: int = 0
    exponent: int | None = None
    gap: float = 0.0
    at_noise_floor: bool = False
    time_at_noise_floor: float = 0.0
    converged: bool = False
    kept: list = field(default_factory=list)
    n_replayed: int = 0
    moments: Moments | None = None
    signs: np.ndarray | None = None
    magnitudes: np.ndarray | None = None
    sign_moments: SignMoments | None = None
    offset: np.ndarray | None = None
    energy: float = 0.0
    n_measured: int = 0
    warned_mean: bool = False
    warned_unseen: bool = False
    warned_mixed: bool = False
    warned_correlated: bool = False
    basis: np.ndarray | None = None
    noise: float = 0.0
    clock: float = 0.0
    totals: object = None
    tally: np.ndarray | None = None
    n_tallied: int = 0
    n_met: int = 0
    next_verdict: float = 0.0
    undetermined: np.ndarray | None = None
    mixed: np.ndarray | None = None
    correlated: np.ndarray | None = None
    sample: list = field(default_factory=list)

    def __post_init__(self):
        n, settings = len(self.W), self.settings
        self.G, self.signs, self.magnitudes = np.zeros((n, n)), np.ones(n), np.zeros(n)
        self.sign_moments = SignMoments(n, settings.p)
        self.offset = np.zeros(self.pending.shape[1])
        self.tally, self.next_verdict = np.zeros((4, n)), _FIRST_VERDICT * n / 2
        self.undetermined = self.mixed = self.correlated = np.empty(0, dtype=int)
        if settings.center or settings.whiten or settings.n_components is not None:
            self.moments = Moments(
                self.pending.shape[1], settings.center, settings.whiten, self.basis
            )

    def partial_update(self, X):
        """Include rows; do a step for every batch that fills."""
        size, start = len(self.pending), 0
        work = Workspace(self.pending, len(self.W), self.settings.p)
        while start < len(X):
            taken = min(size - self.n_pending, len(X) - start)
            stop = start + taken
            if taken == size:  # a whole batch needs no waiting
                self._process_batch(X[start:stop], work)
            else:
                self.pending[self.n_pending : self.n_pending + taken] = X[start:stop]
                self.n_pending += taken
                if self.n_pending == size:
                    self._process_batch(self.pending, work)
                    self.n_pending = 0
            self.n_samples += taken
            start = stop

    def flushed_copy(self):
        """Copy of the stream with a short step done for the rows that wait.

        Rates being per row, every row seen counts, and counts the same.
        """
        if self.n_pending == 0:
            return self
        ahead = copy.deepcopy(self, {id(self.kept): [], id(self.sample): []})
        ahead.n_steps += 1
        ahead._step(
            self.pending[: self.n_pending],
            Workspace(self.pending, len(self.W), self.settings.p),
        )
        return ahead

    def _process_batch(self, batch, work):
        """Do the step of a new batch, and go over some older ones."""
        self.n_steps += 1
        self._step(batch, work)
        settings = self.settings
        n, size = len(self.W), len(batch)
        self._judge(size, work)
        allowed = settings.replays and self.n_replayed * size < _BUDGET * n
        if self.converged or not (allowed and settings.decay):
            self.kept.clear()
            return
        if self.exponent is None:
            return  # nothing but zeros so far
        self.kept.append(batch.copy())
        if len(self.kept) > max(2, _WINDOW * n // size):
            del self.kept[0]
        if self.time_at_noise_floor >= _WINDOW / 2.0:
            self.converged = self._is_maximum(work)
            if not self.converged:
                self.clock -= (
                    1.0 - _SLOW
                ) * self.time_at_noise_floor  # it was a false time_at_noise_floor
            self.time_at_noise_floor = 0.0
        elif not self.at_noise_floor and len(self.kept) >= max(2, _FEWEST * n // size):
            for _ in range(settings.replays):
                which = self.n_replayed % len(self.kept)
                self._step(self.kept[which], work, again=True)
                self.n_replayed += 1

    def _judge(self, size, work):
        """Say which atoms the rows leave undetermined, whenever they have doubled."""
        met = self.n_met + size
        self.n_met = met
        if met < self.next_verdict:
            return
        if met >= _FIRST_VERDICT * len(self.W) and self.n_tallied:
            tally, n_rows = self.tally, self.n_tallied
            self.undetermined = undetermined_atoms(tally, n_rows, self.settings.p)
            if len(self.undetermined) and self.kept:  # it may have been found just now
                tally, n_rows = np.zeros_like(tally), 0
                for batch in self.kept:
                    unit, _, codes = self._codes_of(batch, work)
                    if unit is not None:
                        kernels.code_moments(codes, self.settings.p, *work.moments)
                        n_rows += self._count(tally, work.moments, len(batch), unit)
                self.undetermined = undetermined_atoms(tally, n_rows, self.settings.p)
            self.mixed = np.empty(0, dtype=int)
            # While the gap is large, atoms are mixtures that will be left; passes over
            # the same data are judged at their end.
            settled = self.converged or self.time_at_noise_floor > 0
            if self.totals is None:
                sample = np.vstack(self.sample)
                self.correlated = correlated_atoms(sample)
                if settled:
                    self.mixed = mixed_atoms(sample)
            if len(self.mixed) and self.kept:
                now = mixed_atoms(self._codes_of_all(self.kept, work))
                self.mixed = np.intersect1d(self.mixed, now)
        self.sample.clear()
        self.tally[:], self.n_tallied, self.next_verdict = 0.0, 0, 2.0 * met

    def _count(self, tally, moments, n_rows, unit):
        """Add the moments of the codes of a batch to a tally; return its rows."""
        powers = code_powers(self.settings.p)
        for total, row, power in zip(tally, moments, powers, strict=True):
            total += n_rows * np.ldexp(row, power * unit)
        return n_rows

    def _is_maximum(self, work):
        """Whether every pair of atoms is at a maximum; turn those at a saddle.

        The even mixtures of two atoms are a stationary point that noise leaves but
        slowly, and whose gap is zero.  The curvature of the objective when the pair is
        turned tells: about the same negative number for all pairs of true atoms, as
        large a positive one at a saddle, from where the maxima are 45 degrees away.
        """
        p, n = self.settings.p, len(self.W)
        cross, power = np.zeros((n, n)), np.zeros(n)
        for batch in self.kept:
            unit, _, codes = self._codes_of(batch, work)
            if unit is None:
                continue
            square = codes * codes
            magnitude = np.abs(codes) if p == 3 else square
            weight = math.ldexp(1.0, p * unit)
            cross += weight * (magnitude.T @ square)
            power += weight * np.einsum("ij,ij->j", magnitude, square)
        pull = power[:, None] + power
        turned = self.signs[:, None] * ((p - 1) * cross - power[:, None])
        curvature = (turned + turned.T) / np.where(pull > 0, pull, 1)
        typical = min(np.median(curvature), 0.0)
        np.fill_diagonal(curvature, -np.inf)
        if curvature.max() < _SHARE * typical:
            return not self._turn_pairs(self.kept, work)
        while True:
            k, m = np.unravel_index(np.argmax(curvature), curvature.shape)
            if not curvature[k, m] > -_SHARE * typical:
                return False
            for matrix in (self.W, self.G):
                plus, minus = matrix[k] + matrix[m], matrix[k] - matrix[m]
                matrix[k], matrix[m] = math.sqrt(0.5) * plus, math.sqrt(0.5) * minus
            for atom in (k, m):
                curvature[atom], curvature[:, atom] = -np.inf, -np.inf

    def _step(self, batch, work, again=False):
        X = work.rows[: len(batch)]
        unit = self._change_unit(batch, X)
        if unit is None:
            return  # nothing but zeros so far
        settings, p = self.settings, self.settings.p
        share = len(batch) / (2.0 * len(self.W))
        rho, gamma = settings.rates(self.clock, share)
        if self.moments is not None or settings.clip_norm is not None:
            X = self._prepare(X, rho, again, unit)
        elif not again:
            self._measure(X, unit)
        started = self.magnitudes.any()
        if not started:
            rho = 1.0  # the first gradient there is
        codes = np.matmul(
            X, self.W.T.astype(X.dtype, copy=False), out=work.codes[: len(batch)]
        )
        kernels.code_moments(codes, p, *work.moments)
        if not again:
            sizes = np.sqrt(np.einsum("ij,ij->i", self.W, self.W))
            means = work.moments / np.where(sizes > 1e-40, sizes, 1.0) ** work.powers
            self.n_tallied += self._count(self.tally, means, len(batch), unit)
            most = max(_SAMPLE * len(self.W), _SAMPLE_MIN)
            if self.next_verdict - self.n_met - len(batch) <= most:
                last = np.ldexp(codes[-most:], unit)
                self.sample.append(last.astype(np.float32))
            self._renew_signs(means, len(batch), unit, rho)
        magnitudes = np.ldexp(work.moments[0], (p - 2) * unit)
        self.magnitudes += rho * (magnitudes - self.magnitudes)
        shifts = np.ldexp(self._removed_curvature(), (2 - p) * unit)
        power, square, energy, signal = kernels.contrast(codes, p, self.signs, shifts)
        if signal > 0.0:
            self._update_noise(square, energy, signal, rho)
        ascent = np.matmul(codes.T, X, out=work.ascent)
        weight = math.ldexp(1.0 / len(batch), p * unit)
        if self.totals is not None and not again:
            self.totals.add(power, X, ascent, unit, p)
        self.G *= 1.0 - rho
        self.G += (rho * weight) * ascent
        if not self.G.any():
            return
        vertex = polar_factor(self.G, towards=self.W)
        at_vertex, at_iterate = kernels.towards_vertex(self.W, vertex, self.G, gamma)
        if at_vertex > 0.0:  # it vanishes beside rows far larger than all before
            self.gap = max(0.0, 1.0 - at_iterate / at_vertex)
        self._advance_clock(
            share, settings.rates(self.clock, 1.0)[0] / (2.0 * len(self.W))
        )

    def _measure(self, X, unit):
        """Take new rows into their mean and mean square length."""
        seen = self.n_measured + len(X)
        share = len(X) / seen
        mean = np.ldexp(X.mean(axis=0, dtype=np.float64), unit)
        self.offset += share * (mean - self.offset)
        energy = math.ldexp(float(np.vdot(X, X)) / len(X), 2 * unit)
        self.energy += share * (energy - self.energy)
        self.n_measured = seen

    def _renew_signs(self, means, n_rows, unit, rho):
        """Renew the signs by codes of new rows, of atoms of length one.

        Atoms fitted to rows find the codes of these peaked, or flat: rows that are gone
        over again have no say.  And the rows of an iterate that has not settled shrink
        and grow, and codes whose size changes look peaked.
        """
        slow = rho if rho == 1.0 else rho / _STEADY
        self.sign_moments.update(means, unit, slow, n_rows)
        signs = self.sign_moments.signs()
        for k in np.flatnonzero(signs != self.signs):
            # The average of the other contrast is of no use: start again from W.
            size = np.linalg.norm(self.W[k])
            if size > 0.0:
                self.G[k] = np.linalg.norm(self.G[k]) / size * self.W[k]
        self.signs = signs

    def _removed_curvature(self):
        """Curvature to remove from the contrast of each atom."""
        p, shift, peaked = (
            self.settings.p,
            self.settings.curvature_shift,
            self.signs > 0,
        )
        common = self.magnitudes[peaked].min() if peaked.any() else 0.0
        own = np.where(peaked, shift * common, (2.0 - shift) * self.magnitudes)
        return p * (p - 1) * own

    def _update_noise(self, square, energy, signal, rho):
        """Renew the variance of a gradient's entry over the square of its signal.

        With h the function applied to the codes, and codes that are independent, an
        off-diagonal entry of the skew part of h(C)^T C has half the variance
        E h^2 E c^2 - (E h c)^2, and a diagonal entry the mean E h c.
        """
        self.noise += rho * (energy * square / signal**2 - 1.0 - self.noise)

    def _advance_clock(self, share, weight):
        """Advance the clock, fast when the gap is what noise makes of it.

        To second order noise turns the polar factor by its skew part over twice the
        signal, which costs (n - 1) noise / (4 N) of the nuclear norm, N being the
        number of rows that an average in which a row has this weight amounts to.
        """
        expected = 0.25 * (len(self.W) - 1) * self.noise * weight / 2.0
        self.at_noise_floor = self.gap < min(_LEVEL, _MARGIN * expected)
        self.clock += share * (1.0 if self.at_noise_floor else _SLOW)
        if self.at_noise_floor:
            self.time_at_noise_floor += share
        elif self.gap > 2.0 * min(_LEVEL, _MARGIN * expected):
            self.time_at_noise_floor = 0.0
        if self.gap > max(_RESTART_GAP, _RESTART_MARGIN * expected):
            self.converged = False

    def gap_over(self, X):
        """Relative Frank-Wolfe gap of the iterate as it is, over all rows of X.

        The averages along a pass lag behind the iterate, and the iterate follows the
        polar factor of an average: they can agree while both are still on their way.

        Returns
        -------
        gap : float
            Relative gap.
        vertex : ndarray of shape (n, n) or None
            Polar factor of the gradient; None if that vanishes.
        """
        work, p = (
            Workspace(self.pending, len(self.W), self.settings.p),
            self.settings.p,
        )
        removed, total = self._removed_curvature(), np.zeros_like(self.G)
        for start in range(0, len(X), len(self.pending)):
            batch = X[start : start + len(self.pending)]
            unit, rows, codes = self._codes_of(batch, work)
            if unit is not None:
                shifts = np.ldexp(removed, (2 - p) * unit)
                kernels.contrast(codes, p, self.signs, shifts)
                total += math.ldexp(1.0, p * unit) * (codes.T @ rows)
        if not total.any():
            return 0.0, None
        vertex = polar_factor(total, towards=self.W)
        gap = 1.0 - np.vdot(total, self.W) / np.vdot(total, vertex)
        return max(0.0, gap), vertex

    def turn_pairs(self, X):
        """Turn pairs of atoms that the rows of X want in another basin; say whether."""
        if not self.magnitudes.any():
            return False  # no batch has filled yet
        size, work = (
            len(self.pending),
            Workspace(self.pending, len(self.W), self.settings.p),
        )
        batches = [X[start : start + size] for start in range(0, len(X), size)]
        return self._turn_pairs(batches, work) or self._turn_all(batches, work)

    def _codes_of_all(self, batches, work):
        """Codes of batches met before, in the unit of the averages."""
        parts = [np.empty((0, len(self.W)))]
        for batch in batches:
            unit, _, codes = self._codes_of(batch, work)
            if unit is not None:
                parts.append(np.ldexp(codes.astype(np.float64), unit))
        return np.vstack(parts)

    def _turn_pairs(self, batches, work):
        codes = self._codes_of_all(batches, work)
        turns = better_turns(codes, self.signs, self.settings.p) if len(codes) else []
        for matrix in (self.W, self.G):
            turn_rows(matrix, turns)
        return bool(turns)

    def _turn_all(self, batches, work):
        """Go to the dictionary of largest negentropy, where the contrast is larger."""
        p, codes = self.settings.p, self._codes_of_all(batches, work)
        opinion = second_opinion(codes)
        if opinion is None or not opinion.displaced.max() > _TURNED:
            return False
        turned = codes @ opinion.turn.T
        gain, error = contrast_gain(codes, turned, p)
        if not gain > error:
            return False
        for matrix in (self.W, self.G):
            matrix[:] = opinion.turn @ matrix
        self.sign_moments.reset(turned)
        self.magnitudes = self.sign_moments.low.copy()
        return True

    def _codes_of(self, batch, work):
        """Unit, prepared rows and codes of a batch met before, or None as unit."""
        X = work.rows[: len(batch)]
        unit = self._change_unit(batch, X)
        if unit is None:
            return None, X, None
        if self.moments is not None or self.settings.clip_norm is not None:
            X = self._prepare(X, 0.0, again=True)
        return unit, X, X @ self.W.T.astype(X.dtype)

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
        if abs(unit) < 100:  # faster than ldexp, and as exact
            np.multiply(batch, math.ldexp(1.0, -unit), out=out)
        else:
            np.ldexp(batch, -unit, out=out)
        return unit - self.exponent

    def _rescale(self, exponent):
        shift, p = self.exponent - exponent, self.settings.p
        self.G = np.ldexp(self.G, p * shift)
        self.magnitudes = np.ldexp(self.magnitudes, (p - 2) * shift)
        self.sign_moments.rescale(shift)
        for row, power in zip(self.tally, code_powers(p), strict=True):
            row[:] = np.ldexp(row, power * shift)
        self.sample = [np.ldexp(codes, shift) for codes in self.sample]
        self.offset = np.ldexp(self.offset, shift)
        self.energy = math.ldexp(self.energy, 2 * shift)
        if self.totals is not None:
            self.totals.rescale(shift, p)
        if self.moments is not None:
            self.moments.rescale(shift)
        self.exponent = exponent

    def _prepare(self, X, rho, again, unit=0):
        """Center, clip, reduce, whiten; learn the moments from a batch that is new."""
        moments, clip_norm = self.moments, self.settings.clip_norm
        if self.settings.center:
            X -= moments.reference(X)
        if clip_norm is not None:
            norms = np.sqrt(np.einsum("ij,ij->i", X, X))
            if norms.any():
                limit = clip_norm * float(np.median(norms[norms > 0]))
                limit = X.dtype.type(min(limit, float(np.finfo(X.dtype).max)))
                kernels.clip_rows(X, norms, limit)
        if not again and not self.settings.center:
            self._measure(X, unit)
        if moments is None:
            return X
        if again:
            return moments.reduce(X)
        return moments.update(X, 0.0 if self.settings.decay else rho)
