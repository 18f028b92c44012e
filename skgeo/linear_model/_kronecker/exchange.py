"""Search over sets of single codes: add, remove or exchange one at a time.

The evidence of a set with one code more, at the best variance of that code, is a closed
form of two numbers per code, so that all additions and all exchanges cost a few
products with the dictionary.
"""

import numpy as np

__all__ = ["CodeEvidence", "exchange_codes"]

# Rounds of exchanges, and updates of the variances after each.
_ROUNDS, _N_SWEEPS = 60, 15
# Smallest gain in evidence that makes a set a better one.
_MIN_GAIN = 1e-3


def exchange_codes(columns, Y, members, gammas, noise, price):
    """Change a set of codes one by one while the evidence, less the costs, rises.

    Parameters
    ----------
    columns : ndarray of shape (n_measured, n_codes)
        Columns of all codes.
    Y : ndarray of shape (n_samples, n_measured)
        Measurements.
    members : ndarray of int of shape (k,)
        Codes of the set; may be empty.
    gammas : ndarray of shape (k,)
        Their variances.
    noise : float
        Noise variance, which is held.
    price : float
        Evidence that a code has to bring.

    Returns
    -------
    members, gammas : ndarray
        The set found, and its variances.
    """
    search = _Exchange(columns, Y, noise, price)
    state = search.settled(np.asarray(members, dtype=int), gammas)
    for _ in range(_ROUNDS):
        moved = search.better(*state)
        if moved is None:
            break
        state = moved
    return state[0], state[1]


class CodeEvidence:
    """Evidence of sets of codes, and what codes outside of a set would add to it.

    Parameters
    ----------
    columns : ndarray of shape (n_measured, n_codes)
        Columns of all codes.
    Y : ndarray of shape (n_samples, n_measured)
        Measurements.
    noise : float
        Noise variance.
    """

    def __init__(self, columns, Y, noise):
        self.columns, self.Y, self.noise = columns, Y, noise
        is_complex = np.iscomplexobj(columns) or np.iscomplexobj(Y)
        self.c = 1.0 if is_complex else 0.5

    def solve(self, members, gammas):
        """Products of all codes with C^-1 = (I - B B') / noise of a set.

        Returns
        -------
        seen : ndarray of shape (k, n_codes)
            B' H.
        q : ndarray of shape (n_codes, n_samples)
            H' C^-1 y.
        evidence : float
            Log evidence of the set, without constants.
        """
        H = self.columns[:, members]
        n = len(self.columns)
        # B has as many columns as there are members.
        inner = np.eye(len(members)) * self.noise / gammas + H.conj().T @ H
        lower = np.linalg.cholesky(inner)
        B = np.linalg.solve(lower, H.conj().T).conj().T
        seen = B.conj().T @ self.columns
        data = self.Y.T - B @ (B.conj().T @ self.Y.T)
        q = self.columns.conj().T @ data / self.noise
        log_det = n * np.log(self.noise) + 2 * np.sum(np.log(np.diag(lower).real))
        log_det += np.sum(np.log(gammas / self.noise))
        quadratic = np.vdot(self.Y.T, data).real / self.noise
        return seen, q, -self.c * (len(self.Y) * log_det + quadratic)

    def statistics(self, members, gammas):
        """h' C^-1 h and mean |h' C^-1 y|^2 of all codes, and the evidence."""
        seen, q, evidence = self.solve(members, gammas)
        s = np.sum(np.abs(self.columns) ** 2, axis=0) - np.sum(
            np.abs(seen) ** 2, axis=0
        )
        power = np.mean(np.abs(q) ** 2, axis=1)
        return np.maximum(s, 0.0) / self.noise, power, evidence


class _Exchange:
    def __init__(self, columns, Y, noise, price):
        self.evidence, self.price = CodeEvidence(columns, Y, noise), price
        self.c, self.n_samples = self.evidence.c, len(Y)

    def _statistics(self, members, gammas):
        """As of the evidence, from which the costs of the members are subtracted."""
        s, power, evidence = self.evidence.statistics(members, gammas)
        return s, power, evidence - self.price * len(members)

    def settled(self, members, gammas):
        """Variances that the evidence asks for, codes whose variance vanishes left out.

        Returns the members, their variances and the evidence less the costs.
        """
        for _ in range(_N_SWEEPS):
            if not len(members):
                break
            s, power, _ = self._statistics(members, gammas)
            # Minimum of the surrogate |mean|^2 / g + s g, the mean being g q.
            gammas = gammas * np.sqrt(power[members] / np.maximum(s[members], 1e-300))
            kept = gammas > 1e-12 * gammas.max(initial=1e-200)
            members, gammas = members[kept], gammas[kept]
        return members, gammas, self._statistics(members, gammas)[2]

    def _gains(self, s, power):
        """Evidence that each code brings at its best variance, and that variance."""
        n = self.n_samples
        # A column of zeros has no s: nothing can be learned of its code.
        useful = (power > s) & (s > 1e-100)
        safe = np.where(useful, s, 1.0)
        ratio = np.where(useful, power / safe, 1.0)
        gains = self.c * n * (ratio - 1.0 - np.log(ratio))
        return gains, np.where(useful, (power - s) / safe**2, 0.0)

    def better(self, members, gammas, net):
        """A set one step away of larger evidence less costs; None if there is none."""
        options = []
        s, power, _ = self._statistics(members, gammas)
        gains, levels = self._gains(s, power)
        gains[members] = -np.inf
        j = int(gains.argmax())
        if gains[j] > self.price:
            options.append((net + gains[j] - self.price, None, j, levels[j]))
        for t in range(len(members)):
            rest, few = np.delete(members, t), np.delete(gammas, t)
            s, power, without = self._statistics(rest, few)
            options.append((without, t, None, 0.0))
            gains, levels = self._gains(s, power)
            gains[members] = -np.inf
            j = int(gains.argmax())
            if gains[j] > self.price:
                options.append((without + gains[j] - self.price, t, j, levels[j]))
        # The best few, their variances settled: what is left is no estimate.
        for _, t, j, level in sorted(options, key=lambda o: -o[0])[:3]:
            new, few = (members, gammas) if t is None else (
                np.delete(members, t), np.delete(gammas, t),
            )  # fmt: skip
            if j is not None:
                new, few = np.append(new, j), np.append(few, level)
            trial = self.settled(new, few)
            if trial[2] > net + _MIN_GAIN:
                return trial
        return None
