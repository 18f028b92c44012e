"""Priors whose support is not one product set: nested sets, or single codes.

A nested ("hierarchical") prior gives each index of the first mode, a block, a product
of variances of its own over the other modes; a free one gives each code its own
variance. Neither has a covariance of Kronecker structure, so that codes or
measurements, few of one kind, are solved densely.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.linear_model._kronecker.dense import from_columns, from_gram
from skgeo.linear_model._kronecker.posterior import kron_outer

__all__ = ["CodeFit", "NestedVariances", "code_columns", "code_posterior", "fit_codes"]

# Entries of explicit columns, and codes or measurements that are solved densely.
_MAX_COLUMNS, _MAX_DENSE = 4_000_000, 1500
# Variance, relative to the largest, of a code that has left.
_GONE = 1e-6
# Share of the codes that one pass of trimming may remove.
_SHARE_TRIMMED = 0.1


@dataclass(frozen=True, slots=True)
class CodeFit:
    """Variances of single codes that maximize the evidence.

    Parameters
    ----------
    kind : {"hierarchical", "free"}
        The structure of the variances.
    codes : ndarray of int of shape (n_modes, k)
        Indices of the codes kept.
    gammas : ndarray of shape (k,)
        Their variances.
    noise_variance : float
        Noise variance.
    objective : ndarray of shape (n_iter + 1,)
        Log evidence per sample before each update and at the end, without constants.
    net_evidence : float
        Log evidence of all samples less costs.
    n_iter : int
        Number of updates.
    converged : bool
        Whether the variances settled.
    """

    kind: str
    codes: np.ndarray
    gammas: np.ndarray
    noise_variance: float
    objective: np.ndarray
    net_evidence: float
    n_iter: int
    converged: bool


def code_columns(factors, codes, where=None):
    """Columns of a Kronecker product for single codes.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors.
    codes : ndarray of int of shape (n_modes, k)
        Indices of the codes.
    where : ndarray of bool of shape (prod m_i,), optional
        Rows to return; all by default.

    Returns
    -------
    columns : ndarray of shape (n_rows, k)
        The columns.
    """
    columns = factors[0][:, codes[0]]
    for H, index in zip(factors[1:], codes[1:], strict=True):
        columns = columns[:, None, :] * H[None, :, index]
        # Rows are named: without codes -1 could be any number.
        columns = columns.reshape(len(columns) * len(H), -1)
    return columns if where is None else columns[where]


def code_posterior(columns, Y, gammas, noise):
    """Posterior of codes by whichever side is the smaller one."""
    if columns.shape[1] > len(columns):
        return from_columns(columns, Y, gammas, noise)
    adjoint = columns.conj().T
    return from_gram(
        adjoint @ columns, adjoint @ Y.T, np.vdot(Y, Y).real, len(columns), gammas,
        noise,
    )  # fmt: skip


class _Problem:
    """Codes in a product set, with their columns at each pattern of gaps."""

    def __init__(self, factors, sets, groups):
        self.sets, self.shape = sets, tuple(len(s) for s in sets)
        grid = np.meshgrid(*sets, indexing="ij")
        self.codes = np.array([g.ravel() for g in grid])
        self.groups = [
            (code_columns(factors, self.codes, mask), Y) for Y, mask in groups
        ]
        self.n_samples = sum(len(Y) for _, Y in self.groups)
        self.c = 1.0 if np.iscomplexobj(self.groups[0][1]) else 0.5

    def moments(self, gammas, noise):
        """Power, variance and slopes of all codes; residual, trace and evidence."""
        kept = np.flatnonzero(gammas)
        power, slopes, gain = (np.zeros(len(gammas)) for _ in range(3))
        residual = trace = deviance = 0.0
        for columns, Y in self.groups:
            post = code_posterior(columns[:, kept], Y, gammas[kept], noise)
            square, n = np.sum(np.abs(post.mean) ** 2, axis=0), len(Y)
            variance = np.maximum(post.variance, 1e-300)
            power[kept] += square
            slopes[kept] += n * post.slopes
            shrink = np.log(np.minimum(variance / gammas[kept], 1.0))
            gain[kept] += self.c * (square / variance + n * shrink)
            residual += post.residual
            trace += n * post.inverse_trace
            deviance += n * post.log_det + post.quadratic
        return power, slopes, gain, residual, trace, -self.c * deviance


def fit_codes(factors, groups, kind, sets, gammas, noise, costs, *, learn_noise,
              noise_floor, max_iter, tol):  # fmt: skip
    """Maximize the evidence over variances of nested sets or of single codes.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors, columns of unit norm.
    groups : list of (ndarray of shape (n_rows, n_measured), ndarray of bool)
        Measured entries of rows that share their gaps, and where these are.
    kind : {"hierarchical", "free"}
        Structure of the variances.
    sets : list of ndarray of int
        Product set of codes to begin with.
    gammas : list of ndarray, or ndarray
        Variances over these sets: those of each mode; or, of a free structure, those of
        all codes, zero where one has left; or, of a nested one, those of the other
        modes for each block, of shapes (n_blocks, n_i), zero where an index has left.
    noise : float
        Noise variance at the start.
    costs : list of float
        Evidence that an index of each mode has to bring; a free code pays the sum.
    learn_noise : bool
        Whether to learn the noise variance.
    noise_floor, max_iter, tol
        As for the Kronecker prior.

    Returns
    -------
    fit : CodeFit or None
        The fit; None where too many codes would have to be solved at once.
    """
    n = int(np.prod([len(s) for s in sets]))
    n_measured = max(len(mask.nonzero()[0]) for _, mask in groups)
    if n * n_measured > _MAX_COLUMNS or min(n, n_measured) > _MAX_DENSE:
        return None
    problem = _Problem(factors, sets, groups)
    structure = (NestedVariances if kind == "hierarchical" else _Free)(gammas, costs)
    trace, change = [], np.inf
    for iteration in range(max_iter + 1):
        flat = structure.flat()
        power, slopes, gain, residual, inverse, evidence = problem.moments(flat, noise)
        trace.append(evidence / problem.n_samples)
        if iteration == max_iter:
            break
        if change <= tol:
            if not structure.trim(gain.reshape(problem.shape)):
                break
            change = np.inf
            continue
        structure.update(power.reshape(problem.shape), slopes.reshape(problem.shape))
        new = structure.flat()
        size = np.linalg.norm(new)
        if size == 0:  # rows so small beside the others that nothing is left of them
            change = 0.0
            break
        change = np.linalg.norm(new - flat) / size
        if learn_noise:
            level = max(np.sqrt(residual / inverse), noise_floor)
            change += abs(np.log(level / noise))
            noise = level
    flat = structure.flat()
    kept = np.flatnonzero(flat)
    return CodeFit(
        kind=kind,
        codes=problem.codes[:, kept],
        gammas=flat[kept],
        noise_variance=float(noise),
        objective=np.array(trace),
        net_evidence=trace[-1] * problem.n_samples - structure.cost(),
        n_iter=max(1, len(trace) - 1),
        converged=bool(change <= tol),
    )


def _drop_small(g):
    """Zeros in place of what is negligible."""
    return np.where(g > _GONE * g.max(initial=0.0), g, 0.0)


class _Free:
    """One variance for each code."""

    def __init__(self, gammas, costs):
        self.g = gammas if isinstance(gammas, np.ndarray) else kron_outer(gammas)
        self.g = self.g.copy()
        self.price = float(sum(costs))

    def flat(self):
        return self.g.ravel()

    def cost(self):
        return self.price * np.count_nonzero(self.g)

    def update(self, power, slopes):
        """Minimum of the surrogate power / g + slopes g."""
        self.g = _drop_small(np.sqrt(power / np.maximum(slopes, 1e-300)))

    def trim(self, gain):
        """Remove the codes that bring least, while less than they cost."""
        kept = np.flatnonzero(self.g)
        if len(kept) < 2:
            return False
        order = kept[np.argsort(gain.ravel()[kept])]
        order = order[: max(1, int(_SHARE_TRIMMED * len(kept)))]
        weak = order[gain.ravel()[order] < self.price]
        self.g.ravel()[weak] = 0.0
        return len(weak) > 0


class NestedVariances:
    """A product of variances over the other modes for each index of the first."""

    def __init__(self, gammas, costs):
        if gammas[0].ndim == 2:
            self.parts = [g.copy() for g in gammas]
        else:
            first = np.ones((len(gammas[0]), 1))
            self.parts = [first * g for g in gammas[1:]] or [first]
            self.parts[-1] = self.parts[-1] * gammas[0][:, None]
        self.costs = costs

    def _shaped(self, i):
        """Part i, broadcast over the tensor of codes."""
        shape = [len(self.parts[i])] + [1] * len(self.parts)
        shape[i + 1] = self.parts[i].shape[1]
        return self.parts[i].reshape(shape)

    def _others(self, skip):
        out = 1.0
        for i in range(len(self.parts)):
            if i != skip:
                out = out * self._shaped(i)
        return out

    def flat(self):
        full = self._others(None)
        alive = full > _GONE * full.max()
        return np.where(alive, full, 0.0).ravel()

    def cost(self):
        sizes = [np.count_nonzero(p, axis=1) for p in self.parts]
        used = np.all([s > 0 for s in sizes], axis=0)
        rest = self.costs[1:] or [0.0]
        inner = sum(c * s[used].sum() for c, s in zip(rest, sizes, strict=True))
        return self.costs[0] * used.sum() + inner

    def update(self, power, slopes):
        """One cyclic sweep over the surrogate, block by block."""
        power = power.reshape([len(power), *(p.shape[1] for p in self.parts)])
        slopes = slopes.reshape(power.shape)
        for i in range(len(self.parts)):
            others = np.broadcast_to(self._others(i), power.shape)
            axes = tuple(j + 1 for j in range(len(self.parts)) if j != i)
            inverse = np.where(others > 0, 1.0 / np.where(others > 0, others, 1.0), 0.0)
            p = np.sum(power * inverse, axis=axes)
            w = np.sum(slopes * others, axis=axes)
            new = np.sqrt(p / np.maximum(w, 1e-300))
            top = new.max(axis=1, keepdims=True)
            self.parts[i] = np.where(
                (new > _GONE * top) & (self.parts[i] > 0), new, 0.0
            )
        full = self._others(None)
        dead = full.reshape(len(full), -1).max(axis=1) <= _GONE * full.max()
        for part in self.parts:
            part[dead] = 0.0

    def trim(self, gain):
        """Remove the index of a block, or the block, that brings least."""
        gain = gain.reshape([len(gain), *(p.shape[1] for p in self.parts)])
        options = []
        blocks = gain.reshape(len(gain), -1).sum(axis=1)
        used = np.flatnonzero([np.all([p[j].any() for p in self.parts])
                               for j in range(len(gain))])  # fmt: skip
        rest = self.costs[1:] or [0.0]
        for j in used:
            sizes = [np.count_nonzero(p[j]) for p in self.parts]
            price = self.costs[0] + sum(c * s for c, s in zip(rest, sizes, strict=True))
            if len(used) > 1:
                options.append((blocks[j] - price, j, None, None))
            for i, part in enumerate(self.parts):
                axes = tuple(a for a in range(len(self.parts)) if a != i)
                sums = gain[j].sum(axis=axes)
                kept = np.flatnonzero(part[j])
                if len(kept) > 1:
                    options += [(sums[k] - rest[i], j, i, k) for k in kept]
        options = sorted((o for o in options if o[0] < 0), key=lambda o: o[0])
        for _, j, i, k in options[:1]:
            if i is None:
                for part in self.parts:
                    part[j] = 0.0
            else:
                self.parts[i][j, k] = 0.0
        return bool(options)
