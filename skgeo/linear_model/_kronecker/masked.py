"""Posterior of a Kronecker model where some measurements are missing.

With gaps the covariance C of the measurements is a sub-matrix of one with Kronecker
structure, and no product of small decompositions inverts it. Few codes, or few
measurements, are solved densely among themselves. Otherwise C, never formed, is
inverted by preconditioned conjugate gradients on mode products, and second moments are
means over draws from the posterior: |draw - mean|**2 has the posterior variance as its
mean and a chi-square distribution, so that the relative standard error of the mean of S
draws is sqrt(2 / S), or sqrt(1 / S) of complex numbers.
"""

import math

import numpy as np
from scipy.linalg import (
    cho_factor,
    cho_solve,
    cholesky,
    eigh_tridiagonal,
    solve_triangular,
)

from skgeo.linear_model._kronecker.dense import (
    CodePosterior,
    from_columns,
    from_gram,
)
from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    Moments,
    kron_outer,
    mode_products,
)

__all__ = [
    "MaskedData",
    "group_rows",
    "largest_product",
    "masked_gram",
    "masked_posterior",
    "masked_spread",
]

# Codes or measurements that are solved densely, and entries of columns formed.
_MAX_DENSE = 600
_MAX_COLUMNS = 4_000_000
# Draws from the posterior in an iteration of a fit.
_N_DRAWS = 4
# Relative residual of conjugate gradients in a fit, and of answers to the user.
_FIT_TOL, _TOL = 1e-3, 1e-11
_MAX_CG = 5000
# Steps of Lanczos quadrature for log determinants.
_MAX_LANCZOS = 40
# Codes whose covariance a preconditioner holds, and the share of the prior variance
# from which on that is better than one for the complete tensor.
_MAX_HELD = 400
_SHARE_HELD = 0.9
# The same for the start of a fit, which can take others back.
_SHARE_START = 0.5
# Share of the prior variance in few codes from which on a fit looks at them alone.
_SHARE_FOCUS = 0.999


def group_rows(mask):
    """Group rows by their pattern of gaps.

    Parameters
    ----------
    mask : ndarray of bool of shape (n_samples, n_features)
        True where measured.

    Returns
    -------
    groups : list of ndarray of int
        Rows of one pattern each.
    """
    packed = np.packbits(mask, axis=1)
    _, label = np.unique(packed, axis=0, return_inverse=True)
    label = label.ravel()
    return [np.flatnonzero(label == k) for k in range(label.max() + 1)]


def largest_product(gammas, limit):
    """Product set of the largest variances, grown an index at a time.

    Parameters
    ----------
    gammas : list of ndarray of shape (n_i,)
        Variances of each mode.
    limit : int
        Maximum number of codes of the set.

    Returns
    -------
    kept : list of ndarray of int
        Indices of each mode.
    share : float
        Share of the prior variance in the set.
    """
    orders = [np.argsort(-g) for g in gammas]
    sizes = [1] * len(gammas)
    while True:
        options = [
            (g[order[size]] / g[order[0]], i)
            for i, (g, order, size) in enumerate(
                zip(gammas, orders, sizes, strict=True)
            )
            if size < len(g) and math.prod(sizes) // size * (size + 1) <= limit
        ]
        if not options:
            break
        sizes[max(options)[1]] += 1
    kept = [np.sort(o[:size]) for o, size in zip(orders, sizes, strict=True)]
    shares = [g[k].sum() / g.sum() for g, k in zip(gammas, kept, strict=True)]
    return kept, math.prod(shares)


class MaskedData:
    """Measurements with gaps, as the fit of a prior sees them.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements, zero where missing.
    mask : ndarray of bool of the same shape
        True where measured.
    n_codes : int
        Number of codes of the whole dictionary.
    """

    def __init__(self, Y, mask, n_codes):
        rows = group_rows(mask.reshape(len(Y), -1))
        self.groups = [(Y[r], mask[r[0]]) for r in rows]
        self.n_samples = len(Y)
        self.n_all = mask.sum() / len(Y)
        self.power = np.vdot(Y, Y).real / len(Y)
        self.signal_power = self.power * Y[0].size / self.n_all
        self.is_complex = np.iscomplexobj(Y)
        self.small = all(_is_dense(int(m.sum()), n_codes) for _, m in self.groups)

    def largest(self, gammas):
        """Variances with all but few codes at zero, if these hold most of their sum."""
        kept, share = largest_product(gammas, _MAX_DENSE)
        if share < _SHARE_START:
            return None
        return [
            np.where(np.isin(np.arange(len(g)), k), g, 0.0)
            for g, k in zip(gammas, kept, strict=True)
        ]

    def filled(self, prediction=None):
        """Complete data: the gaps hold a prediction, in the order of the groups.

        Without one they hold zeros, and the rest is scaled to see codes without bias.
        """
        if prediction is None:
            share = self.n_all / self.groups[0][1].size
            return CompleteData(np.concatenate([Y / share for Y, _ in self.groups]))
        done, parts = 0, []
        for Y, mask in self.groups:
            parts.append(np.where(mask, Y, prediction[done : done + len(Y)]))
            done += len(Y)
        return CompleteData(np.concatenate(parts))

    def copy(self):
        """Return the measurements themselves: nothing here ever changes."""
        return self

    def compress(self, i, factor):
        """Return the factor as it is: gaps do not survive a rotation."""
        return factor

    def focus(self, gammas):
        """Indices to go on with once few codes hold nearly all prior variance.

        Returns
        -------
        kept : list of ndarray of int or None
            Indices of each mode; None where no few codes do.
        """
        kept, share = largest_product(gammas, _MAX_DENSE)
        return kept if share >= _SHARE_FOCUS else None

    def residual_power(self, factors, gammas, noise, others):
        """Mean over samples of |H' C^-1 y|**2 for the columns of other factors."""
        total = 0.0
        for Y, mask in self.groups:
            post, _ = masked_posterior(factors, gammas, Y, mask, noise, tol=_FIT_TOL)
            codes = post.mean.reshape(len(Y), *(len(g) for g in gammas))
            rest = (Y - mode_products(codes, factors) * mask) / noise
            seen = mode_products(rest, [H.conj().T for H in others])
            total = total + np.sum(np.abs(seen) ** 2, axis=0)
        return total / self.n_samples

    def null_evidence(self, noise):
        """Log evidence per sample, without constants, of noise alone."""
        c = 1.0 if self.is_complex else 0.5
        return -c * (self.n_all * np.log(noise) + self.power / noise)

    def moments(self, factors, gammas, noise, need):
        """Posterior moments, averaged over samples, for one M-step."""
        shape = tuple(len(g) for g in gammas)
        variances = kron_outer(gammas).ravel()
        total = {"power": 0.0, "variance": 0.0, "slopes": 0.0}
        sums = np.zeros(4)
        exact = True
        for Y, mask in self.groups:
            post, error = masked_posterior(
                factors, gammas, Y, mask, noise, tol=_FIT_TOL, n_draws=_N_DRAWS
            )
            n, exact = len(Y), exact and error == 0
            total["power"] += np.sum(np.abs(post.mean) ** 2, axis=0)
            total["variance"] += n * post.variance
            total["slopes"] += n * post.slopes
            sums += (
                post.residual,
                n * post.dof,
                n * post.inverse_trace,
                (n * post.log_det + post.quadratic),
            )
        tensors = {k: (v / self.n_samples).reshape(shape) for k, v in total.items()}
        residual, dof, trace, deviance = sums / self.n_samples
        c = 1.0 if self.is_complex else 0.5
        shares = None
        if need == "variance":
            tensors["slopes"] = None
            shares = 1.0 - tensors["variance"] / variances.reshape(shape)
        else:
            tensors["variance"] = None
        return Moments(
            **tensors, shares=shares, residual=residual, dof=dof,
            inverse_trace=trace, log_evidence=-c * deviance, exact=exact,
        )  # fmt: skip


def _is_dense(n_measured, n_codes):
    return n_codes <= _MAX_DENSE or (
        n_measured <= _MAX_DENSE and n_measured * n_codes <= _MAX_COLUMNS
    )


def masked_posterior(factors, gammas, Y, mask, noise, *, tol=_TOL, n_draws=32):
    """Posterior of codes from measurements with one pattern of gaps.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary.
    gammas : list of ndarray of shape (n_i,)
        Non-negative factors of the prior variance.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements, zero where missing.
    mask : ndarray of bool of shape (m_1, ..., m_I)
        True where measured.
    noise : float
        Noise variance.
    tol : float, default=1e-11
        Relative residual of conjugate gradients.
    n_draws : int, default=32
        Draws from the posterior where its variances are sampled.

    Returns
    -------
    posterior : CodePosterior
        The posterior.
    error : float
        Relative standard error of variances and slopes, zero where they are exact.
        The log determinant then is an estimate.
    """
    flat = np.maximum(kron_outer(gammas).ravel(), np.finfo(float).tiny)
    n_codes, n_measured = len(flat), int(mask.sum())
    if n_measured == 0:
        nothing = np.zeros((len(Y), n_codes), dtype=Y.dtype)
        return CodePosterior(
            mean=nothing, variance=flat, slopes=np.zeros(n_codes), residual=0.0,
            dof=0.0, inverse_trace=0.0, log_det=0.0, quadratic=0.0,
            root=np.diag(np.sqrt(flat)) if n_codes <= _MAX_DENSE else None,
        ), 0.0  # fmt: skip
    if n_codes <= _MAX_DENSE and (n_codes <= n_measured or n_measured > _MAX_DENSE):
        gram = masked_gram(factors, mask)
        seen = mode_products(Y, [H.conj().T for H in factors])
        seen = seen.reshape(len(Y), -1).T
        power = np.vdot(Y, Y).real
        return from_gram(gram, seen, power, n_measured, flat, noise), 0.0
    if _is_dense(n_measured, n_codes):
        where = np.nonzero(mask)
        return from_columns(_columns(factors, where), Y[:, mask], flat, noise), 0.0
    return _sampled(factors, gammas, Y, mask, noise, tol, n_draws)


def masked_spread(factors, gammas, mask, noise, rows, *, n_draws=32):
    """Posterior variance of signals r' x, r = r_1 kron ... kron r_I.

    Parameters
    ----------
    factors, gammas, mask, noise, n_draws
        As in :func:`masked_posterior`.
    rows : list of ndarray of shape (k_i, n_i)
        Rows r_i, every combination of which is one signal.

    Returns
    -------
    variance : ndarray of shape (k_1, ..., k_I)
        Posterior variance of each signal.
    """
    shape = tuple(len(g) for g in gammas)
    n_measured = int(mask.sum())
    dtype = np.result_type(*factors)
    if math.prod(shape) <= _MAX_DENSE:
        nothing = np.zeros((1, *mask.shape), dtype=dtype)
        flat = np.maximum(kron_outer(gammas).ravel(), np.finfo(float).tiny)
        gram = masked_gram(factors, mask)
        seen = np.zeros((len(flat), 1), dtype=dtype)
        root = from_gram(gram, seen, 0.0, nothing.size, flat, noise).root
        return _sum_of_squares(root.T.reshape(-1, *shape), rows)
    if n_measured <= _MAX_DENSE:
        # Prior variance less what each whitened measurement explains.
        parts = [(r * g) @ H.conj().T for r, g, H in
                 zip(rows, gammas, factors, strict=True)]  # fmt: skip
        inner = [(H * g) @ H.conj().T for H, g in zip(factors, gammas, strict=True)]
        where = np.nonzero(mask)
        C = noise * np.eye(n_measured, dtype=dtype)
        C += math.prod(K[np.ix_(w, w)] for K, w in zip(inner, where, strict=True))
        lower = cholesky(C, lower=True)
        prior = kron_outer(
            [np.abs(r) ** 2 @ g for r, g in zip(rows, gammas, strict=True)]
        )
        inverse = solve_triangular(lower, np.eye(n_measured), lower=True)
        explained = np.zeros_like(prior)
        for row in inverse.conj():  # one whitened measurement at a time
            full = np.zeros(mask.shape, dtype=dtype)
            full[where] = row
            signal = mode_products(full[None], parts)[0]
            explained += np.abs(signal) ** 2
        return np.maximum(prior - explained, 0.0)
    system = _MaskedSystem(factors, gammas, mask, noise)
    rng, variance = np.random.default_rng(0), 0.0
    for _ in range(n_draws):
        codes, measured = system.draw(rng)
        error = codes - system.codes_of(system.solve(measured[None], 1e-6))[0]
        variance = variance + np.abs(mode_products(error[None], rows)[0]) ** 2
    return variance / n_draws


def _sum_of_squares(tensors, rows):
    """Sum over tensors of the squared modulus of their products with rows."""
    return sum(np.abs(mode_products(t[None], rows)[0]) ** 2 for t in tensors)


def _columns(factors, where):
    """Rows ``where`` of the Kronecker product of factors."""
    columns = factors[0][where[0]]
    for H, index in zip(factors[1:], where[1:], strict=True):
        columns = (columns[:, :, None] * H[index][:, None, :]).reshape(len(index), -1)
    return columns


def masked_gram(factors, mask):
    """H'H of a Kronecker product over the measured entries.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors.
    mask : ndarray of bool of shape (m_1, ..., m_I)
        True where measured.

    Returns
    -------
    gram : ndarray of shape (n, n)
        The Gram matrix of the n = prod n_i columns.
    """
    # Modes that shrink first: nothing is then larger than the mask or the result.
    order = np.argsort([H.shape[1] ** 2 / len(H) for H in factors])
    pairs = [
        (factors[i].conj()[:, :, None] * factors[i][:, None, :])
        .reshape(len(factors[i]), -1)
        .T
        for i in order
    ]
    dtype = np.result_type(*factors)
    tensor = mode_products(mask.transpose(order).astype(dtype), pairs)
    sizes = [factors[i].shape[1] for i in order]
    tensor = tensor.reshape([n for size in sizes for n in (size, size)])
    back = np.argsort(order)
    tensor = tensor.transpose([2 * i for i in back] + [2 * i + 1 for i in back])
    n = math.prod(sizes)
    return tensor.reshape(n, n)


def _sampled(factors, gammas, Y, mask, noise, tol, n_draws):
    """Mean by conjugate gradients, second moments from draws."""
    system = _MaskedSystem(factors, gammas, mask, noise)
    mean, slopes, variance = system.codes_of(system.solve(Y, tol)), 0.0, 0.0
    fitted = mode_products(mean, factors) * mask
    residual = np.vdot(Y - fitted, Y - fitted).real
    quadratic = np.vdot(Y, (Y - fitted) / noise).real
    # A fixed sequence: iterations of a fit see the same errors, and so can converge.
    rng, trace = np.random.default_rng(0), 0.0
    for _ in range(n_draws):
        codes, measured = system.draw(rng)
        solved = system.solve(measured[None], tol)
        back = mode_products(solved, [H.conj().T for H in factors])[0]
        slopes = slopes + np.abs(back) ** 2 / n_draws
        variance = variance + np.abs(codes - system.prior * back) ** 2 / n_draws
        trace += np.vdot(solved, solved).real / n_draws
    dof = float(np.sum(system.prior * slopes))
    is_complex = np.iscomplexobj(Y)
    return CodePosterior(
        mean=mean.reshape(len(Y), -1),
        variance=variance.ravel(),
        slopes=slopes.ravel(),
        residual=residual,
        dof=min(dof, float(mask.sum())),
        inverse_trace=trace,
        log_det=system.log_det(max(1, n_draws // 4)),
        quadratic=max(quadratic, 0.0),
    ), math.sqrt((1.0 if is_complex else 2.0) / n_draws)


class _MaskedSystem:
    """C = noise I + P (kron H_i G_i H_i') P', applied and inverted by mode products."""

    def __init__(self, factors, gammas, mask, noise):
        self.factors, self.mask, self.noise = factors, mask, noise
        self.prior = kron_outer(gammas)
        self.parts = [
            (H * g) @ H.conj().T for H, g in zip(factors, gammas, strict=True)
        ]
        self.precondition = self._held(gammas) or self._complete()

    def _complete(self):
        """The inverse for the complete tensor, restricted to what was measured."""
        spectra = [np.linalg.eigh(K) for K in self.parts]
        spectrum = kron_outer([np.maximum(values, 0.0) for values, _ in spectra])
        vectors = [v for _, v in spectra]
        adjoint = [v.conj().T for v in vectors]

        def apply(r):
            inner = mode_products(r, adjoint) / (self.noise + spectrum)
            return mode_products(inner, vectors) * self.mask

        return apply

    def _held(self, gammas):
        """The inverse for a product set of large codes alone, or None."""
        kept, share = largest_product(gammas, _MAX_HELD)
        if share < _SHARE_HELD:
            return None
        held = [H[:, k] for H, k in zip(self.factors, kept, strict=True)]
        prior = kron_outer([g[k] for g, k in zip(gammas, kept, strict=True)]).ravel()
        gram = masked_gram(held, self.mask)
        # What the other codes add on average counts as noise.
        power = math.prod(
            float(np.mean(np.abs(H) ** 2, axis=0) @ g)
            for H, g in zip(self.factors, gammas, strict=True)
        )
        level = self.noise + power * (1.0 - share)
        prior = np.maximum(prior, 1e-30 * prior.max())
        gram[np.diag_indices(len(gram))] += level / prior
        factor = cho_factor(gram, lower=True)
        adjoint, shape = [H.conj().T for H in held], tuple(len(k) for k in kept)

        def apply(r):
            seen = mode_products(r, adjoint).reshape(len(r), -1)
            codes = cho_solve(factor, seen.T).T.reshape(len(r), *shape)
            return (r - mode_products(codes, held) * self.mask) / level

        return apply

    def apply(self, v):
        """C v."""
        return mode_products(v, self.parts) * self.mask + self.noise * v

    def codes_of(self, solved):
        """Posterior means G H' C^-1 y from C^-1 y."""
        back = mode_products(solved, [H.conj().T for H in self.factors])
        return self.prior * back

    def draw(self, rng):
        """Codes from the prior and their measurements with noise."""
        is_complex = np.iscomplexobj(self.parts[0])

        def normal(shape):
            if not is_complex:
                return rng.standard_normal(shape)
            return (
                rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
            ) / math.sqrt(2.0)

        codes = np.sqrt(self.prior) * normal(self.prior.shape)
        noise = math.sqrt(self.noise) * normal(self.mask.shape)
        return codes, (mode_products(codes, self.factors) + noise) * self.mask

    def solve(self, B, tol):
        """C^-1 B by preconditioned conjugate gradients, one sample at a time."""
        return np.stack([self._solve(b[None], tol)[0] for b in B])

    def _solve(self, b, tol):
        x, r = np.zeros_like(b), b.copy()
        size = np.linalg.norm(b)
        z = self.precondition(r)
        p, rz = z, np.vdot(r, z).real
        for _ in range(_MAX_CG):
            if np.linalg.norm(r) <= tol * size or rz <= 0:
                break
            q = self.apply(p)
            step = rz / np.vdot(p, q).real
            x = x + step * p
            r = r - step * q
            z = self.precondition(r)
            new = np.vdot(r, z).real
            p, rz = z + new / rz * p, new
        return x

    def log_det(self, n_probes):
        """Log determinant of C by stochastic Lanczos quadrature, an estimate."""
        rng, n = np.random.default_rng(0), int(self.mask.sum())
        total = 0.0
        for _ in range(n_probes):
            probe = np.zeros((1, *self.mask.shape), dtype=self.parts[0].dtype)
            probe[0][self.mask] = rng.choice([-1.0, 1.0], n) / math.sqrt(n)
            total += _log_form(self.apply, probe, self.noise, min(_MAX_LANCZOS, n))
        return n * (math.log(self.noise) + total / n_probes)


def _log_form(apply, v, noise, n_steps):
    """v' log(C / noise) v of a unit vector v by Lanczos steps from it."""
    alphas, betas, before = [], [], np.zeros_like(v)
    beta = 0.0
    for _ in range(n_steps):
        w = apply(v) / noise - beta * before
        alpha = np.vdot(v, w).real
        w = w - alpha * v
        alphas.append(alpha)
        beta = np.linalg.norm(w)
        # Nothing of C is left, or nothing that rounding has not made.
        if beta <= 1e-10 * max(alphas):
            break
        betas.append(beta)
        before, v = v, w / beta
    off = betas[: len(alphas) - 1]
    nodes, vectors = eigh_tridiagonal(alphas, off)
    return float(vectors[0] ** 2 @ np.log(np.maximum(nodes, 1.0)))
