"""Learn the Kronecker-structured prior variance of sparse codes from measurements."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from skgeo.linear_model._kronecker.posterior import kron_outer

__all__ = ["KronFit", "fit_kron_prior"]

# Smallest variance relative to the largest of its mode; keeps reciprocals finite.
_TINY = 1e-60
# Prior power at the start, in that of the data. A vague start does "mm" and "svd" no
# harm; expectation maximization takes hundreds of iterations to come back from one.
_POWER, _AM_POWER = 10.0, 1.0
# Degrees of freedom of an index below which the evidence is linear in its variance.
_UNSEEN = 0.05


@dataclass(frozen=True, slots=True)
class KronFit:
    """Variances that maximize the evidence.

    Parameters
    ----------
    gammas : list of ndarray of shape (n_i,)
        Variances of each mode, zero where pruned.
    noise_variance : float
        Noise variance.
    objective : ndarray of shape (n_iter + 1,)
        Log evidence per sample before each update and at the end, without the terms
        that no parameter changes.
    net_evidence : float
        Log evidence of all samples less the costs of the indices kept.
    n_iter : int
        Number of updates.
    converged : bool
        Whether the variances settled.
    """

    gammas: list
    noise_variance: float
    objective: np.ndarray
    net_evidence: float
    n_iter: int
    converged: bool


def fit_kron_prior(
    factors,
    data,
    *,
    solver="mm",
    noise=None,
    coupling=None,
    prune_tol=1e-4,
    min_gain=0.0,
    max_iter=200,
    tol=1e-4,
    max_inner=5,
    noise_floor=1e-10,
    start=None,
    callback=None,
):
    """Maximize the evidence over per-mode variances and the noise variance.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary, columns of norm one (or zero).
    data : CompleteData or MaskedData
        Measurements, of mean power one (or zero).
    solver : {"mm", "am", "svd"}, default="mm"
        How the variances are updated.
    noise : float, optional
        Noise variance; None learns it.
    coupling : sequence of float, optional
        One weight per mode by which neighboring variances share.
    prune_tol : float, default=1e-4
        A variance this small relative to the largest of its mode leaves.
    min_gain : "auto" or float, default=0.0
        Log evidence an index has to bring; "auto" is log(n_i) in mode i. Indices that
        bring less are taken out once the variances have settled.
    max_iter : int, default=200
        Maximum number of updates.
    tol : float, default=1e-4
        Relative change of the variances at which to stop.
    max_inner : int, default=5
        Sweeps over the modes per update of "am".
    noise_floor : float, default=1e-10
        Smallest noise variance.
    start : (list of ndarray of shape (n_i,), float), optional
        Variances and noise variance to start from. Indices of variance zero are left
        out, and taken back at the end if they bring what they cost.
    callback : callable, optional
        Called after each iteration with a dict; a true answer stops.

    Returns
    -------
    result : KronFit
        Variances, and how they were found.
    """
    gammas, first_noise = (None, None) if start is None else start
    power = _AM_POWER if solver == "am" else _POWER
    fit = _Fit(factors, data, coupling, gammas, power)
    fit.by_source = solver == "mm"
    if first_noise is None:
        first_noise = 0.1 * data.power / data.n_all
    # A noise given as zero, too, needs the floor: the evidence divides by it.
    fit.noise = max(first_noise if noise is None else noise, noise_floor)
    options = {
        "solver": solver, "learn_noise": noise is None, "prune_tol": prune_tol,
        "tol": tol, "max_inner": max_inner, "noise_floor": noise_floor,
        "callback": callback,
    }  # fmt: skip
    trace = []
    stop = _iterate(fit, trace, max_iter=max_iter, **options)
    costs = [np.log(n) if min_gain == "auto" else min_gain for n in fit.n_codes]
    while stop <= tol and fit.has_signal and any(costs):
        changed = _trim(fit, costs) or _readmit(fit, costs)
        left = max_iter - len(trace)
        if not changed or left <= 0:
            break
        stop = _iterate(fit, trace, max_iter=left, **options)
    full = []
    for g, kept, n in zip(fit.gammas, fit.support, fit.n_codes, strict=True):
        full.append(np.zeros(n))
        full[-1][kept] = g if fit.has_signal else 0.0
    n_kept = [fit.n_free(i) if fit.has_signal else 0 for i in range(len(full))]
    return KronFit(
        gammas=full,
        noise_variance=fit.noise,
        objective=np.array(trace),
        net_evidence=trace[-1] * data.n_samples - np.dot(costs, n_kept),
        n_iter=max(1, len(trace) - 1),
        converged=bool(stop <= tol or not fit.has_signal),
    )


def _iterate(
    fit, trace, *, solver, learn_noise, prune_tol, max_iter, tol, max_inner,
    noise_floor, callback,
):  # fmt: skip
    """Update until the variances settle; returns their last relative change."""
    update = {"mm": update_mm, "am": update_am, "svd": update_svd}[solver]
    need = "slopes" if solver == "mm" else "variance"
    stop = np.inf
    for iteration in range(max_iter + 1):
        if fit.has_signal:
            m = fit.moments(need)
            trace.append(m.log_evidence)
        else:
            trace.append(fit.data.null_evidence(fit.noise))
        info = {
            "n_iter": len(trace) - 1,
            "objective": trace[-1],
            "noise_variance": fit.noise,
        }
        asked = callback is not None and callback(info)
        if iteration == max_iter or stop <= tol or asked or not fit.has_signal:
            break
        old = [g.copy() for g in fit.gammas]
        update(fit, m, max_inner)
        fit.check_signal()
        if fit.has_signal:
            fit.normalize()
        if not fit.has_signal:
            continue  # one more evidence, that of noise alone
        stop = sum(
            np.linalg.norm(g - o) / np.linalg.norm(g)
            for g, o in zip(fit.gammas, old, strict=True)
        )
        if learn_noise:
            noise = max(_new_noise(m, fit, solver), noise_floor)
            stop += abs(np.log(noise / fit.noise))
            fit.noise = noise
        if solver == "am":
            fit.threshold(prune_tol)
        else:
            # What is monotone stays so.
            floor = m.log_evidence if solver == "mm" else -np.inf
            fit.prune(prune_tol, old, m, floor)
        if not m.exact:
            fit.focus()
    return stop


# Candidates that one pass of _trim looks at.
_N_TRIED = 40


def _trim(fit, costs):
    """Take out indices that bring less evidence than they cost, weakest first.

    A coefficient's own evidence is cheap, that of an index exact only by a posterior
    without it: the first tells which indices are worth the second.
    """
    m = fit.moments("variance")
    if not m.exact:
        return 0  # differences of estimates say nothing
    c = 1.0 if fit.data.is_complex else 0.5
    n_samples = fit.data.n_samples
    prior = kron_outer(fit.gammas)
    variance = np.maximum(m.variance, 1e-300)
    gains = (
        c * n_samples * (m.power / variance + np.log(np.minimum(variance / prior, 1.0)))
    )
    tried = []
    for i, cost in enumerate(costs):
        if fit.is_by_source(i):
            # Neighbors share a source: what it brings is not that of its index.
            used = np.flatnonzero(fit.sources[i])
            share = fit.sources[i][used] / fit.sources[i].max()
            tried += [
                (np.log(s), i, fit.support[i][t])
                for t, s in zip(used, share, strict=True)
            ]
            continue
        sums = np.moveaxis(gains, i, 0).reshape(gains.shape[i], -1).sum(axis=1)
        tried += [
            (sums[t] - 3.0 * cost, i, fit.support[i][t])
            for t in np.flatnonzero(sums < 3.0 * cost + 3.0)
        ]
    best, removed = m.log_evidence * n_samples, 0
    for _, i, index in sorted(tried)[:_N_TRIED]:
        left = fit.without(i, fit.support[i] != index)
        if left is None:
            continue
        value = fit.evidence_of(i, *left) * n_samples
        if best - value < costs[i]:
            fit.replace(i, *left)
            best, removed = value, removed + 1
    return removed


# Indices that one pass of _readmit tries in each mode, and their variances relative to
# the mean of their mode.
_N_READMITTED, _LEVELS = 5, (1.0, 0.1, 0.01)


def _readmit(fit, costs):
    """Take back indices left out by :meth:`_Fit.focus` that bring what they cost."""
    if not fit.left_out or any(C is not None for C in fit.couplings):
        return 0
    n_samples, added = fit.data.n_samples, 0
    for i, cost in enumerate(costs):
        out = np.setdiff1d(fit.left_out[i], fit.support[i])
        if not len(out):
            continue
        wider = list(fit.factors)
        wider[i] = fit.left_factors[i][:, out]
        seen = fit.data.residual_power(fit.factors, fit.gammas, fit.noise, wider)
        others = [g for j, g in enumerate(fit.gammas) if j != i]
        score = np.moveaxis(seen, i, 0).reshape(len(out), -1)
        score = score @ (kron_outer(others).ravel() if others else np.ones(1))
        for index in out[np.argsort(-score)[:_N_READMITTED]]:
            best = fit.moments("evidence").log_evidence * n_samples
            for level in _LEVELS:
                with_it = fit.extended(i, index, level)
                moments = fit.data.moments(*with_it, fit.noise, "evidence")
                if moments.exact and moments.log_evidence * n_samples > best + cost:
                    fit.admit(i, index, level)
                    added += 1
                    break
    return added


class _Fit:
    """Variances, the factors of the codes still in, and the measurements."""

    def __init__(self, factors, data, coupling, start=None, power=_POWER):
        self.data = data
        self.n_codes = [H.shape[1] for H in factors]
        self.support = [np.flatnonzero(np.any(H != 0, axis=0)) for H in factors]
        self.has_signal = data.power > 0 and all(len(kept) for kept in self.support)
        if not self.has_signal:
            self.support = [
                kept if len(kept) else np.arange(1) for kept in self.support
            ]
        self.factors = [
            H[:, kept] for H, kept in zip(factors, self.support, strict=True)
        ]
        self.gammas = [np.ones(len(kept)) for kept in self.support]
        n_codes = np.prod([float(len(g)) for g in self.gammas])
        self.gammas[-1] *= power * max(data.signal_power, 1e-200) / n_codes
        if start is not None and self.has_signal:
            self.gammas = [g[kept] for g, kept in zip(start, self.support, strict=True)]
        self.couplings = [None] * len(factors)
        if coupling is not None:
            self.couplings = [
                _neighbors(H.shape[1], beta)[np.ix_(kept, kept)] if beta else None
                for H, kept, beta in zip(factors, self.support, coupling, strict=True)
            ]
        self.left_out, self.left_factors, self.by_source = None, factors, False
        # Where a mode is coupled, its variances are coupling @ source.
        self.sources = [g.copy() for g in self.gammas]
        for i, C in enumerate(self.couplings):
            if C is not None:
                self.gammas[i] = C @ self.sources[i]
        if start is not None and self.has_signal and not all(map(np.all, self.gammas)):
            self.left_out = [s.copy() for s in self.support]
            for i, g in enumerate(start):
                self.restrict(i, g[self.support[i]] > 0)
        self.normalize()
        for i in range(len(factors)):
            self._compress(i)

    def moments(self, need):
        """Posterior moments at the present variances."""
        return self.data.moments(self.factors, self.gammas, self.noise, need)

    def is_by_source(self, i):
        """Whether what mode i pays for are its sources, and not its indices.

        Not under "svd" and "am", which make new sources from all indices each time.
        """
        return self.by_source and self.couplings[i] is not None

    def n_free(self, i):
        """Number of variances of mode i that are free: its sources if coupled."""
        if not self.is_by_source(i):
            return len(self.gammas[i])
        return int(np.count_nonzero(self.sources[i]))

    def without(self, i, stay):
        """Indices, variances and sources left with only some sources of mode i.

        Under coupling an index stays as long as a neighbor lends it variance. None
        where nothing is left or nothing changes.
        """
        C = self.couplings[i]
        if not stay.any():
            return None
        if C is None:
            return stay, self.gammas[i][stay], None
        if not self.by_source:
            return stay, self._gammas_of(i, stay), self.sources[i][stay]
        sources = np.where(stay, self.sources[i], 0.0)
        gammas = C @ sources
        stay = gammas > 0
        return (stay, gammas[stay], sources[stay]) if stay.any() else None

    def evidence_of(self, i, stay, gammas, sources=None):
        """Log evidence per sample with only some indices of mode i."""
        factors, others = list(self.factors), list(self.gammas)
        factors[i], others[i] = factors[i][:, stay], gammas
        return self.data.moments(factors, others, self.noise, "evidence").log_evidence

    def evidence_without(self, i, stay):
        """The same, with the variances that are left of the present ones."""
        return self.evidence_of(i, stay, self._gammas_of(i, stay))

    def replace(self, i, stay, gammas, sources):
        """Keep only some indices of mode i, at new variances."""
        self.restrict(i, stay)
        self.set(i, gammas, sources)

    def set(self, i, gamma, source=None):
        """Give mode i new variances."""
        floor = _TINY * max(gamma.max(), 1e-200)
        self.gammas[i] = np.maximum(gamma, floor)
        self.sources[i] = self.gammas[i] if source is None else source

    def check_signal(self):
        """Give up when the data ask for no code at all.

        The variances then fall by a factor each iteration and would reach zero only by
        underflow; a prior this weak has no effect already.
        """
        prior = 1.0
        for H, g in zip(self.factors, self.gammas, strict=True):
            prior *= float((np.abs(H) ** 2 @ g).sum())
        self.has_signal = prior > 1e-30 * self.data.signal_power

    def normalize(self):
        """Put the scale, which only the product of the modes has, into the last."""
        total = 1.0
        for i in range(len(self.gammas) - 1):
            norm = np.linalg.norm(self.gammas[i])
            if norm == 0:  # nothing is left of the signal
                self.has_signal = False
                return
            self.gammas[i] = self.gammas[i] / norm
            self.sources[i] = self.sources[i] / norm
            total *= norm
        self.gammas[-1] = self.gammas[-1] * total
        self.sources[-1] = self.sources[-1] * total

    def prune(self, tol, old, m, floor):
        """Take out variances that are small and that the evidence is better without.

        A small variance alone is no reason: a true amplitude of a hundredth has one
        of 1e-4. It leaves if the evidence falls with it, at variances ``old`` where
        the moments ``m`` were taken, and so little of the codes of that index is
        determined by the data that this slope tells all. And the evidence has to
        stay at ``floor`` or above.
        """
        for i, g in enumerate(self.gammas):
            small = g < tol * g.max()
            if not small.any():
                continue
            slope, dof = _slopes(m, old, i)
            stay = ~(small & (slope < 0) & (dof < _UNSEEN))
            if stay.all() or not stay.any():
                continue
            # An estimate of the evidence is no floor.
            if m.exact and self.evidence_without(i, stay) < floor:
                continue
            old[i] = old[i][stay]
            m.keep(i, stay)
            self.restrict(i, stay)

    def focus(self):
        """Leave all but few codes, if these hold nearly all prior variance."""
        kept = self.data.focus(self.gammas)
        if kept is None:
            return
        self.left_out = [s.copy() for s in self.support]
        for i, indices in enumerate(kept):
            stay = np.zeros(len(self.gammas[i]), dtype=bool)
            stay[indices] = True
            if not stay.all():
                self.restrict(i, stay)

    def extended(self, i, index, level):
        """Factors and variances with one more index in mode i."""
        factors, gammas = list(self.factors), list(self.gammas)
        factors[i] = np.column_stack([factors[i], self.left_factors[i][:, index]])
        gammas[i] = np.append(gammas[i], level * gammas[i].mean())
        return factors, gammas

    def admit(self, i, index, level):
        """Add one index of mode i."""
        factors, gammas = self.extended(i, index, level)
        self.factors[i] = factors[i]
        self.gammas[i] = self.sources[i] = gammas[i]
        self.support[i] = np.append(self.support[i], index)

    def threshold(self, tol):
        """Take out small variances: expectation maximization crawls towards zero."""
        for i, g in enumerate(self.gammas):
            stay = g >= tol * g.max()
            if not stay.all():
                self.restrict(i, stay)

    def restrict(self, i, stay):
        """Keep only some indices of mode i."""
        self.gammas[i] = self._gammas_of(i, stay)
        self.sources[i] = self.sources[i][stay]
        self.support[i] = self.support[i][stay]
        self.factors[i] = self.factors[i][:, stay]
        if self.couplings[i] is not None:
            self.couplings[i] = self.couplings[i][np.ix_(stay, stay)]
        self._compress(i)

    def _gammas_of(self, i, stay):
        """Variances of some indices of mode i, without what others lend them."""
        C = self.couplings[i]
        if C is None:
            return self.gammas[i][stay]
        left = C[np.ix_(stay, stay)] @ self.sources[i][stay]
        return np.maximum(left, _TINY * self.gammas[i].max())

    def _compress(self, i):
        """Rotate away the measurements that the columns left of mode i cannot reach."""
        self.factors[i] = self.data.compress(i, self.factors[i])


def _slopes(m, gammas, i):
    """Slope of the evidence in each variance of mode i, and degrees of freedom."""
    inverse = [1.0 / g for g in gammas]
    if m.slopes is not None:
        dof = gammas[i] * _contract(m.slopes, gammas, i)
    else:
        dof = np.moveaxis(m.shares, i, 0).reshape(len(gammas[i]), -1).sum(axis=1)
    return _contract(m.power, inverse, i) / gammas[i] - dof, dof


def _neighbors(n, beta):
    """Tridiagonal coupling: one on the diagonal, beta beside it."""
    return np.eye(n) + beta * (np.eye(n, k=1) + np.eye(n, k=-1))


def _contract(tensor, vectors, skip):
    """Contract every mode but one with vectors."""
    for i in reversed(range(skip + 1, len(vectors))):
        tensor = tensor @ vectors[i]  # the last mode
    for i in range(skip):
        tensor = np.tensordot(vectors[i], tensor, axes=(0, 0))
    return tensor


def update_mm(fit, m, max_inner):
    """One cyclic sweep over a surrogate that touches the evidence and lies below it.

    log det C is concave in the variances, so its tangent bounds it; the quadratic
    term is bounded by the mean at hand. What is left, sum |mean|**2 / g + w g, has
    a closed-form minimum in each mode; under coupling, where g = C u, convexity of the
    reciprocal gives one in u.
    """
    for i, C in enumerate(fit.couplings):
        inverse = [1.0 / g for g in fit.gammas]
        p = _contract(m.power, inverse, i)
        w = np.maximum(_contract(m.slopes, fit.gammas, i), 1e-300)
        if C is None:
            fit.set(i, np.sqrt(p / w))
        else:
            ratio = (C.T @ (p / fit.gammas[i] ** 2)) / (C.T @ w)
            source = fit.sources[i] * np.sqrt(ratio)
            fit.set(i, C @ source, source)


def update_am(fit, m, max_inner):
    """Expectation maximization, its M-step by exact cyclic minimization.

    Under coupling each minimizer is replaced by its non-negative least-squares fit.
    """
    second = m.variance + m.power
    for _ in range(max_inner):
        before = [g.copy() for g in fit.gammas]
        for i, C in enumerate(fit.couplings):
            inverse = [1.0 / g for g in fit.gammas]
            n_others = second.size // second.shape[i]
            target = _contract(second, inverse, i) / n_others
            _project(fit, i, target, C)
        fit.normalize()
        change = sum(
            np.linalg.norm(g - b) / np.linalg.norm(b)
            for g, b in zip(fit.gammas, before, strict=True)
        )
        if change < 1e-6:
            break


def update_svd(fit, m, max_inner):
    """Nearest outer product of the second moments, one mode split off at a time."""
    rest = m.variance + m.power
    for i, C in enumerate(fit.couplings[:-1]):
        matrix = rest.reshape(rest.shape[0], -1)
        leading = np.abs(np.linalg.eigh(matrix @ matrix.T)[1][:, -1])
        rest = (leading @ matrix).reshape(rest.shape[1:])
        _project(fit, i, leading, C)
    _project(fit, len(fit.gammas) - 1, rest, fit.couplings[-1])


def _project(fit, i, gamma, C):
    """Give mode i variances, the nearest ones that the coupling can make."""
    if C is None:
        fit.set(i, gamma)
        return
    unit = np.linalg.norm(gamma)
    if not 0 < unit < np.inf:
        return  # nothing to project: the variances stay
    source = nnls(C, gamma / unit)[0] * unit
    fit.set(i, np.maximum(C @ source, 1e-5 * gamma.max()), source)


def _new_noise(m, fit, solver):
    """Noise variance: same surrogate as the variances for mm, EM for the others."""
    if solver == "mm":
        return np.sqrt(m.residual / m.inverse_trace)
    return (m.residual + fit.noise * m.dof) / fit.data.n_all
