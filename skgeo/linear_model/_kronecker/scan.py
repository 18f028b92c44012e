"""Search of a fine scan of one mode for other sets of points.

With all other modes held, the evidence of one mode is that of a small sparse model with
many snapshots. Sets of its points are built up one at a time from every point of
the scan, many side by side, so that a set of which no subset stands out is found, too:
quasi-Newton steps and exchanges of single points end in the maximum next to
their start.
"""

import numpy as np

__all__ = ["scan_sets"]

# Sets that go on to the next size, and the best additions tried for each.
_BEAM, _BRANCHES = 512, 12
# Sets of each size whose points leave the scan, and sets that are returned in all.
_N_POLISHED, _N_BEST = 192, 12
# Operations, but for a constant, of one search; below so many sets it is left out.
_MAX_WORK, _MIN_BEAM = 400_000_000, 16
# Numbers in one block of work.
_BLOCK = 100_000
# Variance at which an addition is tried, relative to the mean of its set.
_LEVELS = (2.0, 0.4, 0.05)
# Products of so many numbers, none larger, are floats.
_FACTORS, _LARGEST = 20, 1e15
# Sweeps of updates for the variances of a set.
_N_SWEEPS = 4
# Points of the scan that count as one when sets are compared.
_NEIGHBORS = 2
# Moves off the scan that are compared, in steps that are halved each time.
_MOVES, _N_HALVINGS = np.array([0.0, -2.0, -1.0, 1.0, 2.0]), 4
# Evidence that updates of everything else may add, at most, to that of a set.
_SLACK = 15.0


def scan_sets(problem_mode, columns, gammas, Y, noise, mode, cost, sizes):
    """Sets of points of one mode with a large evidence.

    Parameters
    ----------
    problem_mode : ParametricMode
        The mode to search, with ``scan``, ``scan_columns`` and ``columns``.
    columns : list of ndarray of shape (m_i, k_i)
        Unit columns kept in each mode.
    gammas : list of ndarray of shape (k_i,)
        Their variances.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.
    mode : int
        Number of the mode to search.
    cost : float
        Evidence that a point has to bring.
    sizes : range
        Numbers of points of the sets to return.

    Returns
    -------
    found : list of (ndarray of float, ndarray)
        Points, near those of the scan, and their variances, the best set first; empty
        where no set comes near the evidence of the one kept, or a search is too long.
    """
    problem = _ScanProblem(problem_mode, columns, gammas, Y, noise, mode, cost)
    if not problem.power.any():
        return []  # nothing but noise is left by the other modes
    beam, n_firsts = problem.beam(sizes.stop - 1)
    if beam < _MIN_BEAM:
        return []
    sets = np.arange(len(problem.scan))[:, None]
    variances = problem.refine(sets, np.full(sets.shape, problem.level))
    values = problem.objectives(problem.H.T[sets], variances)
    found, keep = [], n_firsts
    for size in range(1, sizes.stop):
        if size > 1:
            sets, variances, values = problem.grow(sets, variances, values, beam)
            keep = beam
        best = np.argsort(-values, kind="stable")[:keep]
        sets, variances, values = sets[best], variances[best], values[best]
        if not len(sets):
            break
        if size in sizes:
            few = slice(_N_POLISHED)
            found += zip(*problem.polish(sets[few], variances[few]), strict=True)
    least = problem.present - _SLACK
    found = sorted((f for f in found if f[2] > least), key=lambda f: -f[2])
    return [(points, g) for points, g, _ in found[:_N_BEST]]


class _ScanProblem:
    """One mode in the eigenbasis of the others: independent snapshots Z_r.

    Z_r = H x_r + e with x_r ~ N(0, scale_r diag(g)). A point stands for the places
    next to it, where columns differ somewhat from its own: what they miss, on average,
    counts as noise.
    """

    def __init__(self, problem_mode, columns, gammas, Y, noise, mode, cost):
        scale = np.ones(1)
        for j, (H, g) in enumerate(zip(columns, gammas, strict=True)):
            if j == mode:
                continue
            u, s, _ = np.linalg.svd(H * np.sqrt(g), full_matrices=False)
            seen = s > 1e-9 * s.max(initial=0.0)
            Y = np.tensordot(Y, u[:, seen].conj(), axes=(j + 1, 0))
            Y = np.moveaxis(Y, -1, j + 1)
            scale = np.multiply.outer(scale, s[seen] ** 2).ravel()
        self.n_samples, self.c = len(Y), 1.0 if np.iscomplexobj(Y) else 0.5
        Z = np.moveaxis(Y, mode + 1, 0).reshape(Y.shape[mode + 1], len(Y), -1)
        self.Z = _fewer_samples(Z)
        self.columns, self.scan = problem_mode.columns, problem_mode.scan
        self.H, self.scale, self.cost = problem_mode.scan_columns, scale, cost
        power = np.sum(Z.real**2 + Z.imag**2, axis=(0, 1))
        self.power = np.maximum(power / (self.n_samples * len(Z)) - noise, 0.0)
        near = np.sum(self.H[:, 1:].conj() * self.H[:, :-1], axis=0)
        # A place anywhere in its cell is a twelfth of the squared cell from the point.
        missed = max(1.0 - np.mean(np.abs(near) ** 2), 0.0) / 12 if len(near) else 0.0
        self.true_noise, self.missed = noise, missed
        self.noise = noise + missed * self.power
        self.seen = np.tensordot(self.H.conj().T, self.Z, axes=1)
        self.level = max(np.mean(self.power / scale) * len(Z), 1e-12)
        own, noise = columns[mode].T[None], np.full(len(scale), noise)
        self.present = self.objectives(own, gammas[mode][None], noise)[0]

    def beam(self, size):
        """Number of sets that can be followed, and of points to start from."""
        n_scan, n, n_snapshots = self.seen.shape
        step = len(self.H) * size + size**2 + size * n * n_snapshots
        step = n_scan * (step + len(_LEVELS) * (n + 1) * n_snapshots)
        n_sets = int(_MAX_WORK / step)
        beam = min(_BEAM, n_sets // (2 * size))
        return beam, max(min(n_scan, n_sets // 2), 1)

    def _spectra(self, own, variances):
        """Eigenvalues of the sets' Gram matrices, and the data in their eigenbasis.

        ``own`` has shape (n_sets, size, m), a column of the set in each row.
        """
        own = own.conj() * np.sqrt(variances)[:, :, None]
        values, vectors = np.linalg.eigh(own @ own.conj().swapaxes(1, 2))
        basis = vectors.conj().swapaxes(1, 2) @ own
        along = basis @ self.Z.reshape(len(self.Z), -1)
        along = along.reshape(*variances.shape, *self.Z.shape[1:])
        return np.maximum(values, 0.0), vectors, basis, along

    def objectives(self, own, variances, noise=None):
        """Evidence of each set less its costs, but for a constant."""
        noise = self.noise if noise is None else noise
        values, _, _, along = self._spectra(own, variances)
        total = noise + values[:, :, None] * self.scale
        power = np.sum(along.real**2 + along.imag**2, axis=2)
        explained = np.sum(power * self.scale / total / noise, axis=(1, 2))
        volume = self.n_samples * np.sum(np.log(total / noise), axis=(1, 2))
        return self.c * (explained - volume) - self.cost * variances.shape[1]

    def refine(self, sets, variances):
        """Raise the evidence of sets of the scan by updates of their variances."""
        return self._updated(self.H.T[sets], variances, self.noise)

    def _updated(self, own, variances, noise, n_sweeps=_N_SWEEPS):
        """Minorize-maximize updates."""
        for _ in range(n_sweeps):
            values, vectors, _, along = self._spectra(own, variances)
            total = noise + values[:, :, None] * self.scale
            solved = vectors @ (along / total[:, :, None]).reshape(*variances.shape, -1)
            power = _squares(solved.reshape(along.shape))
            p = variances * np.sum(power * self.scale, axis=(2, 3))
            shares = np.sum(values[:, :, None] * self.scale / total, axis=2)
            w = (_squares(vectors) @ shares[:, :, None])[:, :, 0] / variances
            new = np.sqrt(p / np.maximum(self.n_samples * w, 1e-300))
            top = new.max(axis=1, keepdims=True)
            variances = np.maximum(new, np.maximum(1e-9 * top, 1e-200))
        return variances

    def polish(self, sets, variances):
        """Let the points of sets leave the scan; points, variances, evidence."""
        points = self.scan[sets]
        step = np.diff(self.scan).mean() if len(self.scan) > 1 else 0.0
        n_sets, size = points.shape
        own = self.columns(points.ravel()).T.reshape(n_sets, size, -1)
        for halving in range(1, _N_HALVINGS + 1):
            width = 0.5**halving
            noise = self.true_noise + self.missed * width**2 * self.power
            for t in range(size):
                moved = points[:, t, None] + _MOVES * (width * step)
                # Factors of users need not be defined beyond their scan.
                moved = np.clip(moved, self.scan.min(), self.scan.max())
                new = self.columns(moved.ravel()).T.reshape(n_sets, len(_MOVES), -1)
                trials = np.repeat(own, len(_MOVES), axis=0)
                trials[:, t] = new.reshape(len(trials), -1)
                values = self.objectives(
                    trials, np.repeat(variances, len(_MOVES), axis=0), noise
                ).reshape(n_sets, -1)
                best = values.argmax(axis=1)
                points[:, t] = moved[np.arange(n_sets), best]
                own[:, t] = new[np.arange(n_sets), best]
            variances = self._updated(own, variances, noise, 2)
            # Those that are ahead after larger moves are so at the end, too.
            ahead = np.argsort(-values.max(axis=1))
            ahead = ahead[: max(n_sets // 2, min(n_sets, _N_BEST))]
            points, variances, own = points[ahead], variances[ahead], own[ahead]
            n_sets = len(points)
        noise = np.full(len(self.scale), self.true_noise)
        return points, variances, self.objectives(own, variances, noise)

    def _additions(self, sets, variances):
        """Evidence that each point of the scan adds to each set, and at what variance.

        By rank-one updates of C_r = noise_r I + scale_r H diag(g) H', of whose inverse
        only products with the scan are formed.
        """
        values, _, basis, along = self._spectra(self.H.T[sets], variances)
        shrink = self.scale / (self.noise + values[:, :, None] * self.scale)
        adjoint = (basis @ self.H).conj().swapaxes(1, 2)  # (n_sets, n_scan, size)
        size = np.sum(np.abs(self.H) ** 2, axis=0)[:, None]
        s = (size - _squares(adjoint) @ shrink) / self.noise
        known = adjoint @ (shrink[:, :, None] * along).reshape(*sets.shape, -1)
        known = known.reshape(len(sets), *self.seen.shape)
        np.subtract(self.seen, known, out=known)
        q = _squares(known).sum(axis=2) / self.noise**2
        best, at = np.full(s.shape[:2], -np.inf), np.zeros(s.shape[:2])
        s = np.maximum(s, 0.0)
        for level in _LEVELS:
            g = level * variances.mean(axis=1)[:, None]
            raised = g[:, :, None] * self.scale
            total = raised * s
            total += 1.0
            raised = q * raised
            raised /= total
            gain = raised.sum(axis=2)
            # The logarithm of a product, which a few factors do not overflow.
            gain -= self.n_samples * _sum_logs(total)
            gain *= self.c
            at = np.where(gain > best, g, at)
            best = np.maximum(best, gain)
        return best, at

    def grow(self, sets, variances, values, beam):
        """Sets of one point more: those with the largest evidence, all different."""
        block = max(1, _BLOCK // self.seen.size)
        more = [
            self._branches(sets[k : k + block], variances[k : k + block],
                           values[k : k + block])
            for k in range(0, len(sets), block)
        ]  # fmt: skip
        sets, variances, values = (np.concatenate(part) for part in
                                   zip(*more, strict=True))  # fmt: skip
        order = np.argsort(-values, kind="stable")
        sets, variances = sets[order], variances[order]
        _, first = np.unique(
            np.sort(sets // _NEIGHBORS, axis=1), axis=0, return_index=True
        )
        first = np.sort(first)[:beam]
        sets = sets[first]
        variances = self.refine(sets, variances[first])
        return sets, variances, self.objectives(self.H.T[sets], variances)

    def _branches(self, sets, variances, values):
        """Each set with each of its best additions, and an estimate of the evidence."""
        gains, at = self._additions(sets, variances)
        np.put_along_axis(gains, sets, -np.inf, axis=1)
        walls = np.pad(gains, ((0, 0), (1, 1)), constant_values=-np.inf)
        is_peak = (gains >= walls[:, :-2]) & (gains >= walls[:, 2:])
        gains = np.where(is_peak, gains, -np.inf)
        top = np.argsort(-gains, axis=1)[:, :_BRANCHES]
        row, column = np.nonzero(np.take_along_axis(gains, top, axis=1) > -np.inf)
        new = top[row, column]
        return (
            np.column_stack([sets[row], new]),
            np.column_stack([variances[row], at[row, new]]),
            values[row] + gains[row, new] - self.cost,
        )


def _squares(values):
    """Squared moduli."""
    return values.real**2 + values.imag**2


def _sum_logs(total):
    """Sums over the last axis of logarithms of numbers of at least one."""
    if total.shape[2] > _FACTORS or total.max() > _LARGEST:
        return np.log(total).sum(axis=2)
    return np.log(total.prod(axis=2))


def _fewer_samples(Z):
    """Snapshots (m, n, R) of as many samples as measurements, with equal moments."""
    if Z.shape[1] <= len(Z):
        return Z
    moments = np.einsum("inr,jnr->rij", Z, Z.conj())
    values, vectors = np.linalg.eigh(moments)
    return np.moveaxis(vectors * np.sqrt(np.maximum(values, 0.0))[:, None], 0, -1)
