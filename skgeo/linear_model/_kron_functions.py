"""Public functions for Kronecker-structured linear models."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    check_factors,
    check_measurements,
)
from skgeo.linear_model._kronecker.fitting import MatrixList
from skgeo.linear_model._kronecker.masked import group_rows, masked_posterior
from skgeo.linear_model._kronecker.posterior import (
    KronPosterior,
    mode_products,
    posterior,
)
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import Integer, Null, Real, check_params

__all__ = ["KronPosterior", "kron_posterior", "mode_product"]

_POSTERIOR_RULES = {
    "factors": MatrixList(),
    "noise_variance": Real(0.0, closed="neither", magnitudes=(1e-300, 1e300)),
}


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
        If a matrix does not fit its mode.

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
    tensor = np.asarray(tensor)
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
    matrices = check_factors(matrices, "matrices")
    sizes = tuple(H.shape[1] for H in matrices)
    if tensor.ndim < len(sizes) or tensor.shape[tensor.ndim - len(sizes) :] != sizes:
        raise ValueError(
            f"matrices have {sizes} columns, which must be the sizes of the last "
            f"{len(sizes)} modes of tensor; its shape is {tensor.shape}."
        )
    return mode_products(tensor, matrices)


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
    Y : array-like of shape (n_samples, prod m_i)
        Measurement vectors, C-ordered (the last mode runs fastest); NaN where an
        entry is missing.
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
    gammas = [np.asarray(g, dtype=np.float64) for g in gammas]
    sizes = [(H.shape[1],) for H in factors]
    if [g.shape for g in gammas] != sizes:
        raise ValueError(
            f"gammas must have shapes {sizes}, one per column of each factor; got "
            f"{[g.shape for g in gammas]}."
        )
    if any(not np.isfinite(g).all() or (g < 0).any() for g in gammas):
        raise ValueError("gammas must be finite and non-negative.")
    if np.iscomplexobj(Y):
        factors = [H.astype(np.complex128) for H in factors]
    Y = check_measurements(Y, factors, "Y", allow_nan=True)
    shape = Dictionary(factors).shape
    if Y.shape[1] != np.prod(shape):
        raise ValueError(
            f"Y has {Y.shape[1]} columns, but the factors have {shape} rows, whose "
            f"product is {np.prod(shape)}."
        )
    missing = np.isnan(Y)
    with single_blas_thread():
        if not missing.any():
            return posterior(factors, gammas, Y.reshape(-1, *shape), noise)
        Y = np.where(missing, 0.0, Y).reshape(-1, *shape)
        return _posterior_with_gaps(factors, gammas, Y, ~missing, noise)


def _posterior_with_gaps(factors, gammas, Y, mask, noise):
    """Posterior of rows with gaps; codes of variance zero stay zero."""
    kept = [np.flatnonzero(g) if g.any() else np.arange(1) for g in gammas]
    sizes = tuple(len(g) for g in gammas)
    small = [H[:, k] for H, k in zip(factors, kept, strict=True)]
    few = [g[k] for g, k in zip(gammas, kept, strict=True)]
    mean = np.zeros((len(Y), *sizes), dtype=Y.dtype)
    variance = np.zeros(mean.shape)
    residual = dof = evidence = error = 0.0
    c, log_2pi = (1.0, np.log(np.pi)) if np.iscomplexobj(Y) else (
        0.5, np.log(2 * np.pi),
    )  # fmt: skip
    for rows in group_rows(mask):
        holes = mask[rows[0]].reshape(Y.shape[1:])
        post, error_here = masked_posterior(small, few, Y[rows], holes, noise)
        inside = [len(k) for k in kept]
        mean[np.ix_(rows, *kept)] = post.mean.reshape(-1, *inside)
        variance[np.ix_(rows, *kept)] = post.variance.reshape(inside)
        residual += post.residual
        dof += post.dof * len(rows) / len(Y)
        constant = post.log_det + holes.sum() * log_2pi
        evidence -= c * (len(rows) * constant + post.quadratic)
        error = max(error, error_here)
    return KronPosterior(
        mean=mean.reshape(len(Y), -1),
        variance=variance.reshape(len(Y), -1),
        residual=residual,
        dof=dof,
        log_evidence=evidence,
        variance_error=error,
    )
