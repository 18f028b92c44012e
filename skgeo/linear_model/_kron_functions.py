"""Public functions for Kronecker-structured linear models."""

import numbers

import numpy as np

from skgeo.linear_model._kronecker.dictionary import (
    Dictionary,
    check_factors,
    check_measurements,
)
from skgeo.linear_model._kronecker.posterior import (
    KronPosterior,
    mode_products,
    posterior,
)
from skgeo.utils.parallel import single_blas_thread

__all__ = ["KronPosterior", "kron_posterior", "mode_product"]


def mode_product(tensor, matrices, mode=None):
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
    if mode is not None:
        if not isinstance(mode, numbers.Integral) or not (
            -tensor.ndim <= mode < tensor.ndim
        ):
            raise ValueError(
                f"mode must be an integer from {-tensor.ndim} to {tensor.ndim - 1} "
                f"for a tensor of {tensor.ndim} modes; got {mode!r}."
            )
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


def kron_posterior(factors, gammas, Y, noise_variance):
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
        Measurement vectors, C-ordered (the last mode runs fastest).
    noise_variance : float
        Positive noise variance.

    Returns
    -------
    result : KronPosterior
        ``mean`` (n_samples, prod n_i), ``variance`` (prod n_i,), ``residual``,
        ``dof`` and ``log_evidence``.

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
    if not (
        isinstance(noise_variance, numbers.Real)
        and np.isfinite(noise_variance)
        and noise_variance > 0
    ):
        raise ValueError(
            f"noise_variance must be a positive number; got {noise_variance!r}."
        )
    if np.iscomplexobj(Y):
        factors = [H.astype(np.complex128) for H in factors]
    Y = check_measurements(Y, factors, "Y")
    shape = Dictionary(factors).shape
    if Y.shape[1] != np.prod(shape):
        raise ValueError(
            f"Y has {Y.shape[1]} columns, but the factors have {shape} rows, whose "
            f"product is {np.prod(shape)}."
        )
    with single_blas_thread():
        return posterior(factors, gammas, Y.reshape(-1, *shape), float(noise_variance))
