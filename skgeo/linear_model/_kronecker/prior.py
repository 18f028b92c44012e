"""Learn the Kronecker-structured prior variance of sparse codes from measurements."""

import numpy as np
from scipy.optimize import nnls

from skgeo.linear_model._kronecker.posterior import kron_outer, moments
from skgeo.utils.solver_result import SolverResult

__all__ = ["fit_kron_prior"]

# Smallest variance relative to the largest of its mode; keeps reciprocals finite.
_TINY = 1e-60
# Prior power at the start, in that of the data. A vague start does "mm" and "svd" no
# harm; expectation maximization takes hundreds of iterations to come back from one.
_POWER, _AM_POWER = 10.0, 1.0
# Degrees of freedom of an index below which the evidence is linear in its variance.
_UNSEEN = 0.05


def fit_kron_prior(
    factors,
    Y,
    *,
    method="mm",
    noise=None,
    coupling=None,
    prune_tol=1e-4,
    min_gain=0.0,
    max_iter=200,
    tol=1e-4,
    max_inner=5,
    noise_floor=1e-10,
    outside=0.0,
    n_outside=0,
    start=None,
    callback=None,
):
    """Maximize the evidence over per-mode variances and the noise variance.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary, columns of norm one (or zero).
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements, of mean power one (or zero).
    method : {"mm", "am", "svd"}, default="mm"
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
        Largest number of updates.
    tol : float, default=1e-4
        Relative change of the variances at which to stop.
    max_inner : int, default=5
        Sweeps over the modes per update of "am".
    noise_floor : float, default=1e-10
        Smallest noise variance.
    outside, n_outside : float and int
        Mean squared norm and number of measurements per sample that no code reaches.
    start : (list of ndarray of shape (n_i,), float), optional
        Positive variances and noise variance to start from.
    callback : callable, optional
        Called after each iteration with a dict; a true answer stops.

    Returns
    -------
    result : SolverResult
        ``x``: list of variances, zero where pruned; ``objective``: log evidence
        per sample before each update and at the end, without the terms that no
        parameter changes; ``extra``: ``noise_variance``, ``support``,
        ``net_evidence`` (of all samples, less the costs of the indices kept).
    """
    gammas, first_noise = (None, None) if start is None else start
    power = _AM_POWER if method == "am" else _POWER
    fit = _Fit(factors, Y, outside, n_outside, coupling, gammas, power)
    if first_noise is None:
        first_noise = 0.1 * fit.power / fit.n_all
    # A noise given as zero, too, needs the floor: the evidence divides by it.
    fit.noise = max(first_noise if noise is None else noise, noise_floor)
    options = {
        "method": method, "learn_noise": noise is None, "prune_tol": prune_tol,
        "tol": tol, "max_inner": max_inner, "noise_floor": noise_floor,
        "callback": callback,
    }  # fmt: skip
    scores = []
    stop = _iterate(fit, scores, max_iter=max_iter, **options)
    costs = [np.log(n) if min_gain == "auto" else min_gain for n in fit.n_codes]
    while stop <= tol and fit.alive and any(costs):
        removed = _trim(fit, costs)
        left = max_iter - len(scores)
        if not removed or left <= 0:
            break
        stop = _iterate(fit, scores, max_iter=left, **options)
    full = []
    for g, kept, n in zip(fit.gammas, fit.support, fit.n_codes, strict=True):
        full.append(np.zeros(n))
        full[-1][kept] = g if fit.alive else 0.0
    return SolverResult(
        x=full,
        objective=np.array(scores),
        stop=float(stop),
        n_iter=max(1, len(scores) - 1),
        converged=bool(stop <= tol or not fit.alive),
        extra={
            "noise_variance": fit.noise,
            "support": fit.support,
            # What trimming maximizes, over all samples.
            "net_evidence": scores[-1] * len(Y)
            - sum(c * len(s) for c, s in zip(costs, fit.support, strict=True)),
        },
    )


def _iterate(
    fit, scores, *, method, learn_noise, prune_tol, max_iter, tol, max_inner,
    noise_floor, callback,
):  # fmt: skip
    """Update until the variances settle; returns their last relative change."""
    update = {"mm": _minorize, "am": _alternate, "svd": _rank_one}[method]
    need = "slopes" if method == "mm" else "variance"
    stop = np.inf
    for iteration in range(max_iter + 1):
        m = fit.moments(need)
        scores.append(m.log_evidence)
        info = {
            "n_iter": len(scores) - 1,
            "score": scores[-1],
            "noise_variance": fit.noise,
        }
        asked = callback is not None and callback(info)
        if iteration == max_iter or stop <= tol or asked or not fit.alive:
            break
        old = [g.copy() for g in fit.gammas]
        update(fit, m, max_inner)
        fit.let_go()
        if not fit.alive:
            break
        fit.normalize()
        stop = sum(
            np.linalg.norm(g - o) / np.linalg.norm(g)
            for g, o in zip(fit.gammas, old, strict=True)
        )
        if learn_noise:
            noise = max(_new_noise(m, fit, method), noise_floor)
            stop += abs(np.log(noise / fit.noise))
            fit.noise = noise
        if method == "am":
            fit.threshold(prune_tol)
        else:
            # What is monotone stays so.
            floor = m.log_evidence if method == "mm" else -np.inf
            fit.prune(prune_tol, old, m, floor)
    return stop


# Candidates that one pass of _trim looks at.
_N_TRIED = 40


def _trim(fit, costs):
    """Take out indices that bring less evidence than they cost, weakest first.

    A coefficient's own evidence is cheap, that of an index exact only by a posterior
    without it: the first tells which indices are worth the second.
    """
    m = fit.moments("variance")
    c = 1.0 if np.iscomplexobj(fit.Y) else 0.5
    n_samples = len(fit.Y)
    prior = kron_outer(fit.gammas)
    variance = np.maximum(m.variance, 1e-300)
    gains = (
        c * n_samples * (m.power / variance + np.log(np.minimum(variance / prior, 1.0)))
    )
    tried = []
    for i, cost in enumerate(costs):
        sums = np.moveaxis(gains, i, 0).reshape(gains.shape[i], -1).sum(axis=1)
        tried += [
            (sums[t] - 3.0 * cost, i, fit.support[i][t])
            for t in np.flatnonzero(sums < 3.0 * cost + 3.0)
        ]
    best, removed = m.log_evidence * n_samples, 0
    for _, i, index in sorted(tried)[:_N_TRIED]:
        stay = fit.support[i] != index
        if not stay.any():
            continue
        without = fit.evidence_without(i, stay) * n_samples
        if best - without < costs[i]:
            fit.restrict(i, stay)
            best, removed = without, removed + 1
    return removed


class _Fit:
    """Variances, the factors of the codes still in, and the measurements."""

    def __init__(
        self, factors, Y, outside, n_outside, coupling, start=None, power=_POWER
    ):
        self.Y, self.outside, self.n_outside = Y, outside, n_outside
        self.n_all = Y[0].size + n_outside
        self.n_codes = [H.shape[1] for H in factors]
        self.power = np.vdot(Y, Y).real / len(Y) + outside
        self.support = [np.flatnonzero(np.any(H != 0, axis=0)) for H in factors]
        self.alive = self.power > 0 and all(len(kept) for kept in self.support)
        if not self.alive:
            self.support = [
                kept if len(kept) else np.arange(1) for kept in self.support
            ]
        self.factors = [
            H[:, kept] for H, kept in zip(factors, self.support, strict=True)
        ]
        self.gammas = [np.ones(len(kept)) for kept in self.support]
        n_codes = np.prod([float(len(g)) for g in self.gammas])
        self.gammas[-1] *= power * max(self.power, 1e-200) / n_codes
        if start is not None and self.alive:
            self.gammas = [g[kept] for g, kept in zip(start, self.support, strict=True)]
        self.couplings = [None] * len(factors)
        if coupling is not None:
            self.couplings = [
                _neighbors(H.shape[1], beta)[np.ix_(kept, kept)] if beta else None
                for H, kept, beta in zip(factors, self.support, coupling, strict=True)
            ]
        # Where a mode is coupled, its variances are coupling @ source.
        self.sources = [g.copy() for g in self.gammas]
        for i, C in enumerate(self.couplings):
            if C is not None:
                self.gammas[i] = C @ self.sources[i]
        self.normalize()
        for i in range(len(factors)):
            self._compress(i)

    def moments(self, need):
        """Posterior moments at the present variances."""
        return moments(
            self.factors, self.gammas, self.Y, self.noise,
            outside=self.outside, n_outside=self.n_outside, need=need,
        )  # fmt: skip

    def evidence_without(self, i, stay):
        """Log evidence per sample with only some indices of mode i."""
        factors, gammas = list(self.factors), list(self.gammas)
        factors[i], gammas[i] = factors[i][:, stay], self._gammas_of(i, stay)
        return moments(
            factors, gammas, self.Y, self.noise,
            outside=self.outside, n_outside=self.n_outside, need="evidence",
        ).log_evidence  # fmt: skip

    def set(self, i, gamma, source=None):
        """Give mode i new variances."""
        floor = _TINY * max(gamma.max(), 1e-200)
        self.gammas[i] = np.maximum(gamma, floor)
        self.sources[i] = self.gammas[i] if source is None else source

    def let_go(self):
        """Give up when the data ask for no code at all.

        The variances then fall by a factor each iteration and would reach zero only by
        underflow; a prior this weak has no effect already.
        """
        prior = 1.0
        for H, g in zip(self.factors, self.gammas, strict=True):
            prior *= float((np.abs(H) ** 2 @ g).sum())
        self.alive = prior > 1e-30 * self.power

    def normalize(self):
        """Put the scale, which only the product of the modes has, into the last."""
        total = 1.0
        for i in range(len(self.gammas) - 1):
            norm = np.linalg.norm(self.gammas[i])
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
            if stay.all() or not stay.any() or self.evidence_without(i, stay) < floor:
                continue
            old[i] = old[i][stay]
            m.keep(i, stay)
            self.restrict(i, stay)

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
        m, n = self.factors[i].shape
        if m <= n:
            return
        q, r = np.linalg.qr(self.factors[i])
        axis = i + 1
        Y = np.tensordot(self.Y, q.conj(), axes=(axis, 0))
        rest = np.moveaxis(self.Y, axis, -1) - Y @ q.T
        self.outside += np.vdot(rest, rest).real / len(Y)
        self.n_outside += rest[0].size - Y[0].size
        self.Y = np.ascontiguousarray(np.moveaxis(Y, -1, axis))
        self.factors[i] = r


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


def _minorize(fit, m, max_inner):
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


def _alternate(fit, m, max_inner):
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


def _rank_one(fit, m, max_inner):
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
    source = nnls(C, gamma / unit)[0] * unit
    fit.set(i, np.maximum(C @ source, 1e-5 * gamma.max()), source)


def _new_noise(m, fit, method):
    """Noise variance: same surrogate as the variances for mm, EM for the others."""
    if method == "mm":
        return np.sqrt(m.residual / m.inverse_trace)
    return (m.residual + fit.noise * m.dof) / fit.n_all
