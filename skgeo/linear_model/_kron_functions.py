"""Public functions for Kronecker-structured linear models."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    check_factors,
    check_measurements,
    flat_rows,
)
from skgeo.linear_model._kronecker.fitting import MatrixList
from skgeo.linear_model._kronecker.learned import data_unit
from skgeo.linear_model._kronecker.masked import group_rows, masked_posterior
from skgeo.linear_model._kronecker.posterior import kron_outer, posterior
from skgeo.linear_model._kronecker.products import user_products
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, Real, check_params

__all__ = ["KronPosterior", "kron_posterior", "mode_product"]

# Natural logarithms of the largest ratio of prior to noise standard deviation whose
# square is an ordinary float, and of one at which data change nothing in the prior.
_MAX_LOG_RATIO, _NEGLIGIBLE = 148.0 * math.log(10.0), -70.0 * math.log(10.0)

_POSTERIOR_RULES = {
    "factors": MatrixList(),
    "noise_variance": Real(0.0, closed="neither", magnitudes=(1e-300, 1e300)),
}


@dataclass(frozen=True, slots=True)
class KronPosterior:
    """Posterior of the codes given measurements, and what learning needs of it.

    Parameters
    ----------
    mean : ndarray of shape (n_samples, n_codes)
        Posterior mean of the codes of each measurement vector.
    variance : ndarray of shape (n_codes,) or (n_samples, n_codes)
        Posterior variance of each code; the same for every measurement vector unless
        entries are missing.
    residual : float
        Sum over measurement vectors of the squared norm of what the mean leaves.
    dof : float
        Effective number of codes determined by one measurement vector: sum of
        1 - variance / prior variance.
    log_evidence : float
        Log marginal likelihood of all measurement vectors.
    variance_error : float, default=0.0
        Relative standard error of the variances; zero where they are exact.
    """

    mean: np.ndarray
    variance: np.ndarray
    residual: float
    dof: float
    log_evidence: float
    variance_error: float = 0.0


def mode_product(
    tensor: ArrayLike,
    matrices: "Sequence[ArrayLike] | ArrayLike",
    mode: "int | None" = None,
) -> np.ndarray:
    r"""Multiply modes of a tensor by matrices.

    With C-ordered vectorization, multiplying every mode of X by a matrix is one
    product with their Kronecker product:
    :math:`\mathrm{vec}(X \times_1 H_1 \cdots \times_I H_I) = (H_1 \otimes \cdots
    \otimes H_I)\,\mathrm{vec}(X)`, at the cost of the factors alone.

    Parameters
    ----------
    tensor : array-like of shape (..., n_1, ..., n_I)
        Tensor; modes before the last I are left alone.
    matrices : sequence of array-like of shape (m_i, n_i), or one array-like
        One matrix per trailing mode; with ``mode``, the one matrix to multiply by.
    mode : int, optional
        Multiply this mode only.

    Returns
    -------
    product : ndarray of shape (..., m_1, ..., m_I)
        The product.

    Raises
    ------
    ValueError
        If a matrix does not fit its mode, if numbers are not finite, or if the product
        exceeds the range of floating-point numbers (products on the way may).

    See Also
    --------
    kron_posterior : Posterior of codes under a Kronecker dictionary.

    References
    ----------
    .. [1] T. G. Kolda, B. W. Bader, "Tensor decompositions and applications",
       SIAM Review 51(3), 455-500, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import mode_product
    >>> X = np.arange(6.0).reshape(2, 3)
    >>> A, B = np.ones((4, 2)), np.eye(3)[:2]
    >>> mode_product(X, [A, B]).shape
    (4, 2)
    >>> same = np.kron(A, B) @ X.ravel()
    >>> bool(np.allclose(mode_product(X, [A, B]).ravel(), same))
    True
    """
    tensor = _check_tensor(tensor)
    n_modes = tensor.ndim
    given = {"matrices": matrices, "mode": mode}
    rules = {
        "matrices": MatrixList(),
        "mode": Null() | Integer(-n_modes, n_modes - 1),
    }
    mode = check_params("mode_product", rules, given).mode
    if mode is not None:
        moved = np.moveaxis(tensor, mode, -1)
        return np.moveaxis(mode_product(moved, [matrices]), -1, mode)
    matrices = check_factors(matrices, "matrices", any_magnitude=True)
    sizes = tuple(H.shape[1] for H in matrices)
    if tensor.ndim < len(sizes) or tensor.shape[tensor.ndim - len(sizes) :] != sizes:
        raise ValueError(
            f"matrices have {sizes} columns, which must be the sizes of the last "
            f"{len(sizes)} modes of tensor; its shape is {tensor.shape}."
        )
    return user_products(tensor, matrices)


def _check_tensor(tensor):
    if np.ma.is_masked(tensor):
        raise ValueError("tensor has masked entries, of which there is no product.")
    try:
        tensor = np.asarray(tensor)
    except ValueError as error:
        raise ValueError(f"tensor is no regular array: {error}") from error
    if tensor.ndim == 0 or tensor.dtype.kind not in "fiubc":
        raise ValueError(
            "tensor must be an array of numbers of one mode or more; got shape "
            f"{tensor.shape} and dtype {tensor.dtype}."
        )
    dtype = np.complex128 if tensor.dtype.kind == "c" else np.float64
    tensor = tensor.astype(dtype, copy=False)
    if not np.isfinite(tensor).all():
        raise ValueError("tensor contains NaN or infinity, or is beyond float64.")
    return tensor


def kron_posterior(
    factors: "Sequence[ArrayLike]",
    gammas: "Sequence[ArrayLike]",
    Y: ArrayLike,
    noise_variance: float,
) -> KronPosterior:
    r"""Posterior of codes under a Kronecker dictionary and a Kronecker prior.

    The model is :math:`y = (H_1 \otimes \cdots \otimes H_I) x + e`,
    :math:`x \sim N(0, \mathrm{diag}(g_1 \otimes \cdots \otimes g_I))`,
    :math:`e \sim N(0, \sigma^2 I)` (circular where complex). One thin SVD per factor
    and products of tensors with small matrices give everything exactly; memory is
    that of a few vectors of the size of x.

    Parameters
    ----------
    factors : sequence of array-like of shape (m_i, n_i)
        Factors of the dictionary, real or complex.
    gammas : sequence of array-like of shape (n_i,)
        Non-negative factors of the prior variance.
    Y : array-like of shape (n_samples, prod m_i) or (n_samples, m_1, ..., m_I)
        Measurement vectors, C-ordered (the last mode runs fastest), or tensors; NaN
        (or masked, in a masked array of NumPy) where an entry is missing.
    noise_variance : float
        Positive noise variance.

    Returns
    -------
    result : KronPosterior
        ``mean`` (n_samples, prod n_i), ``variance`` (prod n_i,), or (n_samples,
        prod n_i) if entries are missing, ``residual``, ``dof``, ``log_evidence`` and
        ``variance_error``.

    Raises
    ------
    ValueError
        If shapes do not agree or a variance is negative.

    See Also
    --------
    KroneckerSBL : Learns ``gammas`` and ``noise_variance``.

    Notes
    -----
    Exact only for white noise and a prior variance that is one Kronecker product.

    With missing entries, at most 600 codes or measurements are solved densely. Beyond
    that the mean comes from preconditioned conjugate gradients (relative residual
    1e-11), variances are means over 32 draws from the posterior, whose relative
    standard error is ``variance_error``, and ``log_evidence`` is estimated by
    stochastic Lanczos quadrature.

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.linear_model import kron_posterior
    >>> rng = np.random.default_rng(0)
    >>> H = [rng.standard_normal((3, 5)), rng.standard_normal((4, 6))]
    >>> y = rng.standard_normal((1, 12))
    >>> result = kron_posterior(H, [np.ones(5), np.ones(6)], y, 0.1)
    >>> A = np.kron(*H)
    >>> dense = A.T @ np.linalg.solve(A @ A.T + 0.1 * np.eye(12), y[0])
    >>> bool(np.allclose(result.mean[0], dense))
    True
    """
    given = {"factors": factors, "noise_variance": noise_variance}
    noise = check_params("kron_posterior", _POSTERIOR_RULES, given).noise_variance
    factors = check_factors(factors)
    gammas = _check_gammas(gammas, factors)
    Y = flat_rows(Y, tuple(len(H) for H in factors), "Y")
    if np.iscomplexobj(Y):
        factors = [H.astype(np.complex128) for H in factors]
    Y = check_measurements(Y, factors, "Y", allow_nan=True)
    dictionary = Dictionary(factors)
    shape = dictionary.shape
    if Y.shape[1] != np.prod(shape):
        raise ValueError(
            f"Y has {Y.shape[1]} columns, but the factors have {shape} rows, whose "
            f"product is {np.prod(shape)}."
        )
    mask = ~np.isnan(Y)
    Y, unit = data_unit(np.where(mask, Y, 0.0), max(int(mask.sum()), 1))
    scaled = _ScaledPrior(dictionary, gammas, noise, unit)
    with single_blas_thread(), np.errstate(all="ignore"):
        groups = [np.arange(len(Y))] if mask.all() else group_rows(mask)
        parts = [
            scaled.posterior(Y[rows], None if mask.all() else mask[rows[0]])
            for rows in groups
        ]
        return scaled.collect(groups, parts, len(Y), everywhere=mask.all())


def _check_gammas(gammas, factors):
    try:
        gammas = [np.asarray(g) for g in gammas]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"gammas must be a list of 1-D arrays, one per factor; got {gammas!r}."
        ) from error
    sizes = [(H.shape[1],) for H in factors]
    if [g.shape for g in gammas] != sizes:
        raise ValueError(
            f"gammas must have shapes {sizes}, one per column of each factor; got "
            f"{[g.shape for g in gammas]}."
        )
    if any(g.dtype.kind not in "fiub" for g in gammas):
        raise ValueError("gammas must be real numbers.")
    gammas = [g.astype(np.float64) for g in gammas]
    if any(not np.isfinite(g).all() or (g < 0).any() for g in gammas):
        raise ValueError("gammas must be finite and non-negative.")
    return gammas


class _ScaledPrior:
    """A prior in units in which nothing over- or underflows, and the way back.

    Columns have norm one and the largest prior variance of each mode is one: codes and
    the noise are in units of what the largest code contributes, measurements in their
    own.
    """

    def __init__(self, dictionary, gammas, noise, unit):
        self.dictionary, self.unit, self.prior = dictionary, unit, gammas
        roots = [np.sqrt(g) * n for g, n in zip(gammas, dictionary.norms, strict=True)]
        tops = [float(r.max()) for r in roots]
        self.has_prior = min(tops) > 0
        if not self.has_prior:
            tops = [1.0] * len(tops)
        log_top = sum(map(math.log, tops)) if self.has_prior else 0.5 * math.log(noise)
        self.gammas = [
            (r / top) ** 2 if self.has_prior else np.zeros(len(r))
            for r, top in zip(roots, tops, strict=True)
        ]
        # Logarithms: the top of the prior may itself be no float.
        log_noise = 0.5 * math.log(noise)
        if log_top - log_noise > _MAX_LOG_RATIO:
            raise ValueError(
                f"The prior standard deviation of a measurement is about 1e"
                f"{log_top / math.log(10):.0f} and that of the noise 1e"
                f"{log_noise / math.log(10):.0f}: such a ratio exceeds the range of "
                "floating-point numbers. Change gammas, factors or noise_variance."
            )
        # A prior far below the noise leaves the data as they are, and means that
        # are proportional to it.
        excess = max(log_noise - log_top + _NEGLIGIBLE, 0.0)
        self.log_top, self.shrink = log_top + excess, math.exp(-2.0 * excess)
        self.noise = math.exp(2.0 * (log_noise - self.log_top))

    def posterior(self, Y, mask):
        """Posterior of rows of unit power that share their gaps; its error, entries."""
        factors, kept, _ = self.dictionary.kept(self.gammas)
        Y = Y.reshape(-1, *self.dictionary.shape)
        if mask is None:
            return posterior(factors, kept, Y, self.noise), 0.0, Y[0].size
        holes = mask.reshape(self.dictionary.shape)
        post, error = masked_posterior(factors, kept, Y, holes, self.noise)
        return post, error, int(mask.sum())

    def collect(self, groups, parts, n_samples, *, everywhere):
        """One posterior of all rows, in the units of the user."""
        _, _, support = self.dictionary.kept(self.gammas)
        is_complex = self.dictionary.is_complex
        c, log_2pi = (1.0, np.log(np.pi)) if is_complex else (0.5, np.log(2 * np.pi))
        ratio = np.exp(2.0 * (np.log(self.unit) - self.log_top))
        dtype = np.complex128 if is_complex else np.float64
        mean = np.empty((n_samples, self.dictionary.n_codes), dtype=dtype)
        variance = np.empty(mean.shape)
        residual = dof = evidence = error = 0.0
        for rows, (post, error_here, n_measured) in zip(groups, parts, strict=True):
            mean[rows] = self.dictionary.scatter(
                post.mean, support, self.unit * self.shrink
            )
            variance[rows] = self._variance(post.variance, support)
            residual += post.residual
            dof += post.dof * self.shrink * len(rows) / n_samples
            log_det = post.log_det + n_measured * (2.0 * self.log_top + log_2pi)
            evidence -= c * (len(rows) * log_det + post.quadratic * ratio)
            error = max(error, error_here)
        found = {
            "mean": mean,
            "variance": variance[0] if everywhere else variance,
            "residual": residual * np.float64(self.unit) ** 2,
            "log_evidence": evidence,
        }
        for name, value in found.items():
            if not np.isfinite(value).all():
                raise ValueError(
                    f"The {name} exceeds the range of floating-point numbers. Give Y, "
                    "factors, gammas or noise_variance in other units."
                )
        found = {k: v if np.ndim(v) else float(v) for k, v in found.items()}
        return KronPosterior(**found, dof=float(dof), variance_error=error)

    def _variance(self, variance, support):
        """Prior variances in the units of the user, less what the data take away."""
        full = kron_outer(self.prior)
        where = np.ix_(*support)
        prior = kron_outer([g[s] for g, s in zip(self.gammas, support, strict=True)])
        share = variance.reshape(prior.shape) / np.where(prior > 0, prior, 1.0)
        full[where] = full[where] * share
        return full.ravel()
