"""Search over the index sets of single modes of a Kronecker-structured sparse prior.

With the variances of every other mode held, the evidence of one mode is that of a small
sparse model with many snapshots, and about a hundred index sets of it can be compared
in the time of one iteration on all modes. That finds sets which smooth updates, ending
in the nearest local maximum, do not.
"""

import numpy as np

__all__ = ["search_modes"]

# Operations, but for a constant, of comparing all exchanges of one index in a set; a
# mode that takes more is left as it is.
_MAX_WORK = 1_000_000
# Starts of each kind in a mode.
_N_STARTS = 16
# Sweeps of updates for the variances of a changed set.
_N_SWEEPS = 5
# Smallest rise of the evidence that makes a set a better one.
_MIN_GAIN = 1e-6
# What updates of the variances may add, at most, to the evidence of a candidate.
_SLACK = 10.0
# Variance, relative to the mean of its mode, of an index left out: it may come back.
_PRUNED_START = 1e-3


def search_modes(factors, Y, gammas, noise, costs):
    """Look for better index sets, one mode at a time.

    Only modes that keep more than half as many indices as they have measurements are
    searched: two sets of half as many indices cannot explain the same noiseless data
    unless some columns of the factor are linearly dependent.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    gammas : list of ndarray of shape (n_i,)
        Variances, zero where taken out.
    noise : float
        Noise variance.
    costs : list of float
        Evidence that an index of each mode has to bring.

    Returns
    -------
    start : list of ndarray or None
        Positive variances to start a fit from; None where no set was better.
    """
    found, gammas = False, [g.copy() for g in gammas]
    for i, (H, cost) in enumerate(zip(factors, costs, strict=True)):
        kept = np.flatnonzero(gammas[i])
        if 2 * len(kept) < len(H):
            continue
        problem = _ModeProblem(factors, gammas, Y, noise, i, cost)
        if problem.work(max(len(kept), problem.most // 2)) > _MAX_WORK:
            continue
        present = problem.objective(kept, gammas[i][kept])
        value, members, variances = _search(problem, gammas[i][kept].mean())
        if value > present + 1.0:
            found = True
            gammas[i] = np.zeros(len(gammas[i]))
            gammas[i][members] = variances
    if not found:
        return None
    return [
        np.where(g > 0, g, _PRUNED_START * g.sum() / np.count_nonzero(g))
        for g in gammas
    ]


class _ModeProblem:
    """One mode, in the eigenbasis of all others, where its snapshots are independent.

    Snapshot r is Z_r = H x_r + e with x_r ~ N(0, scale_r diag(g)): everything is a
    function of H'H and H'Z.
    """

    def __init__(self, factors, gammas, Y, noise, mode, cost):
        scale = np.ones(1)
        for j, (H, g) in enumerate(zip(factors, gammas, strict=True)):
            if j == mode:
                continue
            u, s, _ = np.linalg.svd(H[:, g > 0] * np.sqrt(g[g > 0]), False)
            Y = np.moveaxis(np.tensordot(Y, u.conj(), axes=(j + 1, 0)), -1, j + 1)
            scale = np.multiply.outer(scale, s**2).ravel()
        H = factors[mode]
        Z = np.moveaxis(Y, mode + 1, 0).reshape(len(H), len(Y), -1)
        self.gram = H.conj().T @ H
        self.seen = np.tensordot(H.conj().T, Z, axes=1)  # (n, n_samples, n_snapshots)
        self.scale, self.noise, self.cost = scale, noise, cost
        self.n, self.most = H.shape[1], min(H.shape)
        self.c = 1.0 if np.iscomplexobj(Y) else 0.5
        self.visited = set()

    def work(self, size):
        """Cost of comparing all exchanges of one index in a set of a size."""
        n_sets = size * (self.n - size + 1)
        return n_sets * size**2 * (size + self.seen[0].size)

    def _spectra(self, sets, variances):
        """Eigenvalues and vectors of the sets' scaled Gram matrices; projections."""
        root = np.sqrt(variances)
        gram = self.gram[sets[:, :, None], sets[:, None, :]]
        values, vectors = np.linalg.eigh(gram * root[:, :, None] * root[:, None, :])
        seen = self.seen[sets] * root[:, :, None, None]
        shape = seen.shape
        along = vectors.conj().swapaxes(1, 2) @ seen.reshape(*shape[:2], -1)
        return np.maximum(values, 0.0), vectors, along.reshape(shape)

    def objectives(self, sets, variances):
        """Evidence above that of the empty set, less the costs, of each set (a row)."""
        values, _, along = self._spectra(sets, variances)
        total = self.noise + values[:, :, None] * self.scale
        power = np.sum(along.real**2 + along.imag**2, axis=2)
        explained = np.sum(power * (self.scale / total), axis=(1, 2)) / self.noise
        volume = along.shape[2] * np.sum(np.log(total / self.noise), axis=(1, 2))
        return self.c * (explained - volume) - self.cost * sets.shape[1]

    def objective(self, members, variances):
        """The same of one set."""
        return self.objectives(np.array([members]), variances[None])[0]

    def refine_variances(self, members, variances, n_sweeps=_N_SWEEPS):
        """Raise the evidence of one set by minorize-maximize updates."""
        members = np.array([members])
        for _ in range(n_sweeps):
            values, vectors, along = self._spectra(members, variances[None])
            total = self.noise + values[0][:, None] * self.scale
            v = vectors[0]
            solved = np.tensordot(v, along[0] / total[:, None], axes=1)
            power = solved.real**2 + solved.imag**2
            p = variances * np.sum(power * self.scale, axis=(1, 2)) / power.shape[1]
            shares = np.sum(values[0][:, None] * self.scale / total, axis=1)
            w = np.abs(v) ** 2 @ shares / variances
            variances = np.sqrt(p / np.maximum(w, 1e-300))
            variances = np.maximum(variances, 1e-12 * max(variances.max(), 1e-200))
        return variances

    def local_search(self, members, variances):
        """Add, remove or exchange one index at a time while it raises the evidence."""
        variances = self.refine_variances(members, variances)
        best = self.objective(members, variances)
        moved = True
        while moved:
            moved = False
            for sets, start in self._neighbors(members, variances):
                others = self.objectives(sets, start)
                top = int(others.argmax())
                if others[top] < best - _SLACK:
                    continue
                settled = self.refine_variances(sets[top], start[top])
                value = self.objective(sets[top], settled)
                if value > best + _MIN_GAIN:
                    best, members, variances = value, sets[top], settled
                    key = frozenset(members.tolist())
                    # An earlier local_search came by and went on from here.
                    moved = key not in self.visited
                    self.visited.add(key)
                    break
        return best, members, variances

    def _neighbors(self, members, variances):
        """Batches of sets one addition, one exchange or one removal away."""
        k, out = len(members), np.setdiff1d(np.arange(self.n), members)
        if k < self.most and len(out):
            for factor in (1.0, 0.1):
                new = np.full((len(out), 1), factor * variances.mean())
                yield (
                    np.column_stack([np.tile(members, (len(out), 1)), out]),
                    np.column_stack([np.tile(variances, (len(out), 1)), new]),
                )
        if k and len(out):
            sets = np.tile(members, (k * len(out), 1))
            sets[np.arange(len(sets)), np.repeat(np.arange(k), len(out))] = np.tile(
                out, k
            )
            yield sets, np.tile(variances, (len(sets), 1))
        if k > 1:
            left = np.array([np.delete(np.arange(k), t) for t in range(k)])
            yield members[left], variances[left]


def _search(problem, level):
    """Climb from single indices and from random sets; the best set and its value."""
    # A fixed sequence: the same data give the same fit.
    rng = np.random.RandomState(0)
    n = problem.n
    starts = [np.array([j]) for j in rng.permutation(n)[:_N_STARTS]]
    if problem.most > 1:
        for _ in range(min(n, _N_STARTS)):
            size = rng.randint(2, problem.most + 1)
            starts.append(rng.permutation(n)[:size])
    searches = [
        problem.local_search(start, np.full(len(start), level)) for start in starts
    ]
    return max(searches, key=lambda found: found[0])
