"""Posterior of a Gaussian model with Kronecker-structured dictionary and prior.

The model is y = (H_1 kron ... kron H_I) x + e with white noise e and x ~ N(0, diag(g_1
kron ... kron g_I)). With a thin SVD per mode, H_i diag(g_i)**0.5 = U_i diag(s_i) V_i',
every quantity below is a few products of a tensor with small matrices: nothing of
the size of the dictionary or of a covariance is formed.
"""

from dataclasses import dataclass

import numpy as np

from skgeo.linear_model._kronecker.dense import CodePosterior

__all__ = [
    "CompleteData",
    "kron_outer",
    "mode_products",
    "posterior",
]


def mode_products(tensor, matrices):
    """Multiply the trailing modes of a tensor by matrices.

    Parameters
    ----------
    tensor : ndarray of shape (..., n_1, ..., n_I)
        Tensor.
    matrices : sequence of I ndarrays of shape (m_i, n_i)
        Matrices, one for each trailing mode.

    Returns
    -------
    product : ndarray of shape (..., m_1, ..., m_I)
        C-contiguous product.
    """
    n_modes = len(matrices)
    lead = tensor.shape[: tensor.ndim - n_modes]
    sizes = tensor.shape[tensor.ndim - n_modes :]
    # Each product takes the first mode away and appends the new one: after all of them
    # the order is the original one and not one copy was made to permute axes.
    n_lead = int(np.prod(lead))
    flat = tensor.reshape(n_lead, int(np.prod(sizes))).T
    rest = int(np.prod(sizes)) * n_lead
    for matrix, size in zip(matrices, sizes, strict=True):
        rest //= size
        flat = flat.reshape(size, rest).T @ matrix.T
        rest *= len(matrix)
    return flat.reshape(*lead, *(len(matrix) for matrix in matrices))


def kron_outer(vectors):
    """Outer product of vectors: a tensor of shape (n_1, ..., n_I)."""
    tensor = vectors[0]
    for vector in vectors[1:]:
        tensor = np.multiply.outer(tensor, vector)
    return tensor


class _Modes:
    """SVDs of the scaled factors and the tensors made of their singular values."""

    def __init__(self, factors, gammas, noise):
        self.roots = [np.sqrt(g) for g in gammas]
        parts = [
            np.linalg.svd(H * root, full_matrices=False)
            for H, root in zip(factors, self.roots, strict=True)
        ]
        self.left = [u.conj().T for u, _, _ in parts]
        self.right = [vh for _, _, vh in parts]
        self.singular = kron_outer([s for _, s, _ in parts])
        self.lam = self.singular**2
        # Both sums are of non-negative terms and can vanish together only if noise
        # is zero, where the direction carries neither signal nor noise.
        self.total = self.lam + noise
        self.shrink = self.lam / np.where(self.total > 0, self.total, 1.0)

    def beyond(self, Y, Z):
        """Squared norm of the part of Y that the dictionary does not reach.

        Not as a difference of squared norms, which is noise to an evidence that
        divides it by a small variance.
        """
        if self.lam.size == Y[0].size:
            return 0.0
        rest = Y - mode_products(Z, [u.conj().T for u in self.left])
        return float(_power(rest).sum() * len(Y))

    def back(self, coefficients):
        """Codes from coefficients along the singular vectors."""
        gain = self.singular / np.where(self.total > 0, self.total, 1.0)
        return mode_products(
            coefficients * gain,
            [
                root[:, None] * vh.conj().T
                for root, vh in zip(self.roots, self.right, strict=True)
            ],
        )

    def shares(self):
        """Share q of the prior variance of each code that the data take away."""
        return mode_products(self.shrink, [np.abs(vh.T) ** 2 for vh in self.right])

    def slopes(self):
        """h' C^-1 h for every column h of the dictionary: shares over variances."""
        return mode_products(
            self.shrink,
            [
                np.abs(vh.T / root[:, None]) ** 2
                for root, vh in zip(self.roots, self.right, strict=True)
            ],
        )


@dataclass(slots=True)
class Moments:
    """What an M-step reads: tensors over the codes and scalars over the rows."""

    power: np.ndarray  # mean over rows of |posterior mean|**2
    variance: np.ndarray | None
    slopes: np.ndarray | None
    shares: np.ndarray | None
    residual: float  # mean over rows of |y - H mean|**2
    dof: float
    inverse_trace: float  # trace of C^-1
    log_evidence: float  # mean over rows, without constants
    exact: bool = True  # False: second moments and evidence are sampled

    def keep(self, mode, stay):
        """Keep some indices of a mode."""
        for name in ("power", "variance", "slopes", "shares"):
            tensor = getattr(self, name)
            if tensor is not None:
                setattr(self, name, np.compress(stay, tensor, axis=mode))


def moments(factors, gammas, Y, noise, *, outside=0.0, n_outside=0, need="slopes"):
    """Posterior moments for one M-step.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary.
    gammas : list of ndarray of shape (n_i,)
        Positive factors of the prior variance.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.
    outside : float, default=0.0
        Mean squared norm, over samples, of measurements that no code reaches and that
        are not in Y.
    n_outside : int, default=0
        Number of such measurements per sample.
    need : {"slopes", "variance", "evidence"}, default="slopes"
        Which second-order tensor to compute, if any.

    Returns
    -------
    moments : Moments
        The moments.
    """
    modes = _Modes(factors, gammas, noise)
    Z = mode_products(Y, modes.left)
    n_samples = len(Y)
    mean = modes.back(Z)
    z2 = _power(Z)
    lost = outside + modes.beyond(Y, Z) / n_samples
    n_all = Y[0].size + n_outside
    kept = noise / np.where(modes.total > 0, modes.total, 1.0)
    log_det = np.log(modes.total).sum() + (n_all - modes.lam.size) * np.log(noise)
    quadratic = (z2 / modes.total).sum() + lost / noise
    c = 1.0 if np.iscomplexobj(mean) else 0.5
    variance = slopes = shares = None
    if need == "variance":
        shares = modes.shares()
        variance = kron_outer(gammas) * np.maximum(1.0 - shares, 0.0)
    elif need == "slopes":
        slopes = modes.slopes()
    return Moments(
        power=_power(mean),
        variance=variance,
        slopes=slopes,
        shares=shares,
        residual=lost + (z2 * kept**2).sum(),
        dof=modes.shrink.sum(),
        inverse_trace=(1.0 / modes.total).sum() + (n_all - modes.lam.size) / noise,
        log_evidence=-c * (log_det + quadratic),
    )


class CompleteData:
    """Measurements without gaps, as the fit of a prior sees them.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    outside : float, default=0.0
        Mean squared norm, over samples, of measurements that no code reaches and that
        are not in Y.
    n_outside : float, default=0
        Number of such measurements per sample.
    """

    # Second moments are exact and cost no more than the mean.
    small = True

    def __init__(self, Y, outside=0.0, n_outside=0):
        self.Y, self.outside, self.n_outside = Y, outside, n_outside
        self.n_samples = len(Y)
        self.n_all = Y[0].size + n_outside
        self.power = self.signal_power = np.vdot(Y, Y).real / len(Y) + outside
        self.is_complex = np.iscomplexobj(Y)

    def copy(self):
        """Return the same measurements, to be compressed apart."""
        return CompleteData(self.Y, self.outside, self.n_outside)

    def moments(self, factors, gammas, noise, need):
        """Posterior moments; see :func:`moments`."""
        return moments(
            factors, gammas, self.Y, noise,
            outside=self.outside, n_outside=self.n_outside, need=need,
        )  # fmt: skip

    def null_evidence(self, noise):
        """Log evidence per sample, without constants, of noise alone."""
        c = 1.0 if self.is_complex else 0.5
        return -c * (self.n_all * np.log(noise) + self.power / noise)

    def compress(self, i, factor):
        """Rotate away what the columns of mode i cannot reach; the rotated factor."""
        m, n = factor.shape
        if m <= n:
            return factor
        q, r = np.linalg.qr(factor)
        axis = i + 1
        Y = np.tensordot(self.Y, q.conj(), axes=(axis, 0))
        rest = np.moveaxis(self.Y, axis, -1) - Y @ q.T
        self.outside += np.vdot(rest, rest).real / len(Y)
        self.n_outside += rest[0].size - Y[0].size
        self.Y = np.ascontiguousarray(np.moveaxis(Y, -1, axis))
        return r


def posterior(factors, gammas, Y, noise):
    """Posterior of the codes from measurements without gaps.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, n_i)
        Factors of the dictionary.
    gammas : list of ndarray of shape (n_i,)
        Factors of the prior variance, zeros allowed.
    Y : ndarray of shape (n_samples, m_1, ..., m_I)
        Measurements.
    noise : float
        Noise variance.

    Returns
    -------
    posterior : CodePosterior
        The posterior; the slopes are left out.
    """
    modes = _Modes(factors, gammas, noise)
    Z = mode_products(Y, modes.left)
    mean = modes.back(Z)
    n_samples, n_lost = len(Y), Y[0].size - modes.lam.size
    z2 = _power(Z) * n_samples
    lost = modes.beyond(Y, Z)
    variance = kron_outer(gammas) * np.maximum(1.0 - modes.shares(), 0.0)
    return CodePosterior(
        mean=mean.reshape(n_samples, -1),
        variance=variance.ravel(),
        slopes=None,
        residual=lost + (z2 * (noise / modes.total) ** 2).sum(),
        dof=modes.shrink.sum(),
        inverse_trace=(1.0 / modes.total).sum() + n_lost / noise,
        log_det=np.log(modes.total).sum() + n_lost * np.log(noise),
        quadratic=(z2 / modes.total).sum() + lost / noise,
    )


def predictive_spread(factors, gammas, noise, rows):
    """Variance of signals r' x, r = r_1 kron ... kron r_I, over rows of matrices.

    Parameters
    ----------
    factors, gammas, noise
        As in :func:`posterior`.
    rows : list of ndarray of shape (k_i, n_i)
        Rows r_i, every combination of which is one signal.

    Returns
    -------
    variance : ndarray of shape (k_1, ..., k_I)
        Posterior variance of each signal.
    """
    modes = _Modes(factors, gammas, noise)
    scaled = [r * root for r, root in zip(rows, modes.roots, strict=True)]
    prior = kron_outer([np.sum(np.abs(r) ** 2, axis=1) for r in scaled])
    seen = mode_products(
        modes.shrink,
        [
            np.abs(r @ vh.conj().T) ** 2
            for r, vh in zip(scaled, modes.right, strict=True)
        ],
    )
    return np.maximum(prior - seen, 0.0)


def _power(tensor):
    """Mean over the first axis of the squared modulus."""
    if len(tensor) == 1:
        t = tensor[0]
        return t.real**2 + t.imag**2 if np.iscomplexobj(t) else t**2
    out = np.zeros(tensor.shape[1:])
    for row in tensor:
        out += row.real**2
        if np.iscomplexobj(row):
            out += row.imag**2
    return out / len(tensor)
