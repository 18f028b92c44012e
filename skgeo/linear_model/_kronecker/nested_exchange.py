"""Search over nested sets: change one index of a block, or one block, at a time.

A block, an index of the first mode, has a product of sets over the other modes. What a
group of codes would add to the evidence is a determinant of the size of the group.
"""

import numpy as np

from skgeo.linear_model._kronecker.codes import NestedVariances
from skgeo.linear_model._kronecker.exchange import CodeEvidence

__all__ = ["exchange_blocks"]

# Rounds of changes, updates of the variances after each, and changes tried in a round.
_ROUNDS, _N_SWEEPS, _N_TRIALS = 60, 10, 6
# Smallest gain in evidence that makes sets better ones.
_MIN_GAIN = 1e-3
# Variances tried for an index that is added, relative to the mean of its set.
_LEVELS = (1.0, 0.1)


def exchange_blocks(columns, Y, parts, noise, costs):
    """Change nested sets while the evidence, less the costs, rises.

    Parameters
    ----------
    columns : ndarray of shape (n_measured, n_codes)
        Columns of all codes, in C order.
    Y : ndarray of shape (n_samples, n_measured)
        Measurements.
    parts : list of ndarray of shape (n_1, n_i)
        For each mode but the first, the variances of its indices in each block; zero
        where not in use.
    noise : float
        Noise variance, which is held.
    costs : list of float
        Evidence that a block, and an index of each other mode in one, has to bring.

    Returns
    -------
    parts : list of ndarray of shape (n_1, n_i)
        The variances of the sets found.
    """
    search = _NestedSearch(columns, Y, noise, costs)
    state = search.settled(parts)
    for _ in range(_ROUNDS):
        moved = search.better(*state)
        if moved is None:
            break
        state = moved
    return state[0]


class _NestedSearch:
    def __init__(self, columns, Y, noise, costs):
        self.evidence, self.costs = CodeEvidence(columns, Y, noise), costs
        self.n_samples = len(Y)

    def _net(self, parts):
        """Codes and variances of nested sets, what they solve, and the net evidence."""
        flat = NestedVariances(parts, self.costs)
        full = flat.flat()
        members = np.flatnonzero(full)
        seen, q, evidence = self.evidence.solve(members, full[members])
        return full, members, seen, q, evidence - flat.cost()

    def settled(self, parts):
        """Variances that the evidence asks for, and the evidence less the costs."""
        nested = NestedVariances(parts, self.costs)
        for _ in range(_N_SWEEPS):
            full = nested.flat()
            members = np.flatnonzero(full)
            if not len(members):
                break
            s, power, _ = self.evidence.statistics(members, full[members])
            n = len(parts[0])
            nested.update((full**2 * power).reshape(n, -1), s.reshape(n, -1))
        return nested.parts, self._net(nested.parts)[4]

    def better(self, parts, net):
        """Nested sets one step away of larger net evidence; None if there are none."""
        options = []
        for rest, origin in self._removals(parts):
            *_, seen, q, without = self._net(rest)
            if origin is not None:
                options.append((without, rest))
            options += self._additions(rest, origin, parts, seen, q, without)
        options.sort(key=lambda option: -option[0])
        for _, trial in options[:_N_TRIALS]:
            state = self.settled(trial)
            if state[1] > net + _MIN_GAIN:
                return state
        return None

    def _removals(self, parts):
        """The sets themselves, then without one block, or without one index of one.

        With each goes the block, and the mode of the index if it is one.
        """
        yield parts, None
        blocks = _blocks(parts)
        for j in blocks:
            if len(blocks) > 1:
                yield [_with(p, j, 0.0) for p in parts], (j, None)
            for i, part in enumerate(parts):
                kept = np.flatnonzero(part[j])
                for k in kept if len(kept) > 1 else ():
                    row = part[j].copy()
                    row[k] = 0.0
                    yield _with_row(parts, i, j, row), (j, i)

    def _additions(self, rest, origin, parts, seen, q, without):
        """Sets with one index, or one block, more, and estimates of their evidence.

        An index that was removed is replaced in the same set; a block by one at another
        place, or by any single code.
        """
        out, shape = [], [len(rest[0]), *(p.shape[1] for p in rest)]
        blocks = _blocks(rest)
        free = np.setdiff1d(np.arange(shape[0]), blocks)
        places = [(j, i) for j in blocks for i in range(len(rest))]
        if origin is not None and origin[1] is not None:
            places = [origin]
        for j, i in places:
            new = np.flatnonzero(rest[i][j] == 0)
            level = rest[i][j][rest[i][j] > 0].mean()
            sets = [np.flatnonzero(p[j]) for p in rest]
            weights = [p[j][s] for p, s in zip(rest, sets, strict=True)]
            weights[i] = np.ones(1)
            groups = [
                _group(j, [*sets[:i], np.array([t]), *sets[i + 1 :]], shape)
                for t in new
            ]
            price = self.costs[i + 1]
            for factor in _LEVELS:
                gammas = factor * level * _outer(weights)
                best = self._best(groups, gammas, seen, q)
                if best is not None and best[0] > price:
                    row = rest[i][j].copy()
                    row[new[best[1]]] = factor * level
                    trial = _with_row(rest, i, j, row)
                    out.append((without + best[0] - price, trial))
        if origin is None or origin[1] is not None or not len(free):
            if origin is None and len(free):
                out += self._new_block(rest, free, shape, seen, q, without)
            return out
        j = origin[0]
        sets = [np.flatnonzero(p[j]) for p in parts]
        gammas = _outer([p[j][s] for p, s in zip(parts, sets, strict=True)])
        others = free[free != j]
        groups = [_group(k, sets, shape) for k in others]
        best = self._best(groups, gammas, seen, q)
        if best is not None:
            trial = [p.copy() for p in rest]
            for p, old in zip(trial, parts, strict=True):
                p[others[best[1]]] = old[j]
            price = self.costs[0] + sum(
                c * len(s) for c, s in zip(self.costs[1:], sets, strict=True)
            )
            out.append((without + best[0] - price, trial))
        return out + self._new_block(rest, free, shape, seen, q, without)

    def _new_block(self, rest, free, shape, seen, q, without):
        """The best single code as a new block."""
        full = NestedVariances(rest, self.costs).flat()
        if not (full > 0).any():
            return []
        level = full[full > 0].mean()
        codes = np.arange(full.size).reshape(shape)[free].ravel()
        best = self._best(list(codes[:, None]), np.array([level]), seen, q)
        price = float(sum(self.costs))
        if best is None or best[0] <= price:
            return []
        j, *index = np.unravel_index(codes[best[1]], shape)
        trial = [p.copy() for p in rest]
        for p, k in zip(trial, index, strict=True):
            p[j, k] = 1.0
        trial[-1][j] *= level
        return [(without + best[0] - price, trial)]

    def _best(self, groups, gammas, seen, q):
        """Largest gain in evidence of groups of codes with given variances, and which.

        With S = H' C^-1 H and q = H' C^-1 y of the group, the gain is
        c [q' (G^-1 + S)^-1 q - n log det(I + G S)].
        """
        if not len(groups):
            return None
        groups, root = np.array(groups), np.sqrt(gammas)
        H = self.evidence.columns.T[groups]  # (n_groups, size, n_measured)
        B = seen.T[groups]
        S = (H.conj() @ H.swapaxes(1, 2) - B.conj() @ B.swapaxes(1, 2)) / (
            self.evidence.noise
        )
        inner = np.eye(len(root)) + root[:, None] * S * root
        data = root[:, None] * q[groups]
        solved = np.linalg.solve(inner, data)
        explained = np.sum((data.conj() * solved).real, axis=(1, 2))
        volume = self.n_samples * np.linalg.slogdet(inner)[1]
        gains = self.evidence.c * (explained - volume)
        top = int(gains.argmax())
        return float(gains[top]), top


def _blocks(parts):
    """Blocks in use."""
    return np.flatnonzero(np.all([p.any(axis=1) for p in parts], axis=0))


def _group(block, sets, shape):
    """Codes of a product of sets in a block."""
    return np.ravel_multi_index(np.ix_([block], *sets), shape).ravel()


def _outer(weights):
    out = np.ones(1)
    for w in weights:
        out = np.multiply.outer(out, w).ravel()
    return out


def _with(part, block, row):
    out = part.copy()
    out[block] = row
    return out


def _with_row(parts, i, block, row):
    """Parts with another row of part i."""
    return [*parts[:i], _with(parts[i], block, row), *parts[i + 1 :]]
