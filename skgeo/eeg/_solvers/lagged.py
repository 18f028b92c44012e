"""Covariances of delay-embedded trials without embedding them.

With ``z(t) = [x(t); x(t + lag); ...; x(t + (order - 1) lag)]`` the scatter matrix of
``z`` has blocks that are lagged cross-products of ``x`` over windows that differ by a
few samples.  ``order`` matrix products per trial and a cheap update of their edges
therefore replace the product of the embedded signal with itself, which costs
``order`` times more and needs ``order`` times the memory.
"""

import numpy as np

from skgeo.kernels import lagged as kernels
from skgeo.kernels.lagged import center_rows

__all__ = [
    "augmented_scatter",
    "block_toeplitz_scatter",
    "center_and_scale",
    "center_rows",
    "check_window",
    "embed",
    "filled_variances",
    "lag_blocks",
    "ledoit_wolf_shrinkage",
    "oas_shrinkage",
    "shrink",
    "shrink_blocks",
    "shrink_to_diagonal",
    "window_length",
    "wrapped_scatter",
]


def window_length(n_times, order, lag, edge):
    """Return the number of embedded samples of a trial.

    Parameters
    ----------
    n_times : int
        Samples in a trial.
    order, lag : int
        Embedding.
    edge : {"valid", "moabb", "wrap"}
        ``"valid"`` keeps every complete delay vector, ``n_times - (order - 1) lag``;
        ``"moabb"`` keeps ``n_times - order lag`` (all at order 1); ``"wrap"`` wraps
        around and keeps all.

    Returns
    -------
    n_window : int
        Number of embedded samples; not positive when the trial is too short.
    """
    if edge == "wrap" or order == 1:
        return n_times
    return n_times - (order if edge == "moabb" else order - 1) * lag


def check_window(n_times, order, lag, edge):
    """Return the number of embedded samples, or say why there are too few.

    Parameters
    ----------
    n_times : int
        Samples in a trial.
    order, lag : int
        Embedding.
    edge : {"valid", "moabb", "wrap"}
        Edge rule.

    Returns
    -------
    n_window : int
        Number of embedded samples, at least 2.

    Raises
    ------
    ValueError
        If fewer than two samples are left, or a circular shift is a full turn.
    """
    n_window = window_length(n_times, order, lag, edge)
    if n_window < 2:
        raise ValueError(
            f"order={order} and lag={lag} need more than the {n_times} times a trial "
            f"has: edge={edge!r} leaves {max(n_window, 0)} embedded samples and at "
            "least 2 are required. Lower order or lag, or pass longer trials."
        )
    if edge == "wrap" and (order - 1) * lag >= n_times:
        raise ValueError(
            f"order={order} and lag={lag} span {(order - 1) * lag} samples, which "
            f"wraps around a trial of {n_times} times more than once. Lower order "
            "or lag."
        )
    return n_window


def embed(X, delays, n_window, wrap=False):
    """Stack delayed copies of the channels.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    delays : sequence of int
        Delays in samples; block row ``i`` of the result is ``x(t + delays[i])``, or
        ``x(t - delays[i])`` when wrapping.
    n_window : int
        Number of embedded samples.
    wrap : bool, default=False
        Wrap around the ends of the trial, as ``numpy.roll`` does.

    Returns
    -------
    Z : ndarray of shape (n_trials, n_delays * n_channels, n_window)
        Embedded trials.
    """
    if wrap:
        blocks = [np.roll(X, d, axis=-1) for d in delays]
    else:
        blocks = [X[:, :, d : d + n_window] for d in delays]
    return np.concatenate(blocks, axis=1)


def center_and_scale(X):
    """Remove each channel's mean and scale each trial to a largest value near one.

    The scale is a power of two, so that undoing it is exact; it keeps products of
    very small or very large signals inside the range of floating point.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.

    Returns
    -------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Centered, scaled copy.
    exponent : ndarray of shape (n_trials,)
        The original, centered, is ``X * 2.0 ** exponent``.
    """
    out = np.empty_like(X)
    exponent = np.empty(len(X), dtype=np.int64)
    kernels.center_and_scale(X, out, exponent)
    return out, exponent


def augmented_scatter(X, order, lag, n_window, base=None, out=None):
    """Centered scatter matrices of delay-embedded trials.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials; for accuracy with their channel means removed.
    order, lag : int
        Embedding.
    n_window : int
        Number of embedded samples, see :func:`window_length`.
    base : ndarray of shape (n_trials, order, n_channels, n_channels), optional
        First block column, if it is known already.
    out : ndarray of shape (n_trials, order * n_channels, order * n_channels), optional
        Where to put the result.

    Returns
    -------
    scatter : ndarray of shape (n_trials, order * n_channels, order * n_channels)
        ``sum_t (z(t) - mean)(z(t) - mean)^T``.
    """
    n, c, _ = X.shape
    if base is None:
        base = np.empty((n, order, c, c))
        right = X[:, :, :n_window].swapaxes(1, 2)
        for k in range(order):
            left = X[:, :, k * lag : k * lag + n_window]
            np.matmul(left, right, out=base[:, k])
    out = np.empty((n, order * c, order * c)) if out is None else out
    kernels.unroll_blocks(X, base, lag, n_window, out)
    return out


def _toeplitz(blocks):
    """Block-Toeplitz matrices from blocks (i, 0), i = 0..order-1."""
    n, order, c, _ = blocks.shape
    out = np.empty((n, order, c, order, c))
    for k in range(order):
        for j in range(order - k):
            out[:, j + k, :, j, :] = blocks[:, k]
            out[:, j, :, j + k, :] = blocks[:, k].swapaxes(1, 2)
    return out.reshape(n, order * c, order * c)


def lag_blocks(X, order, lag):
    """Biased lagged cross-products.

    Every lag is summed over the samples it has and divided later by the number of
    all samples: the only such estimate that is positive semi-definite whatever the
    signal.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials with their channel means removed.
    order, lag : int
        Embedding.

    Returns
    -------
    blocks : ndarray of shape (n_trials, order, n_channels, n_channels)
        ``sum_t x(t + k lag) x(t)^T``.
    """
    n, c, n_times = X.shape
    blocks = np.zeros((n, order, c, c))
    for k in range(min(order, -(-n_times // lag))):
        left, right = X[:, :, k * lag :], X[:, :, : n_times - k * lag]
        np.matmul(left, right.swapaxes(1, 2), out=blocks[:, k])
    return blocks


def block_toeplitz_scatter(X, order, lag):
    """Biased lagged cross-products, arranged as block-Toeplitz matrices.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials with their channel means removed.
    order, lag : int
        Embedding.

    Returns
    -------
    scatter : ndarray of shape (n_trials, order * n_channels, order * n_channels)
        Block (i, j) is ``sum_t x(t + (i - j) lag) x(t)^T``.
    """
    return _toeplitz(lag_blocks(X, order, lag))


def shrink_blocks(blocks, n_samples=None, rho=None, diagonal=False):
    """Shrink block-Toeplitz matrices, given by blocks (k, 0).

    Parameters
    ----------
    blocks : ndarray of shape (n_trials, order, n_channels, n_channels)
        Blocks (k, 0), divided by the number of samples.
    n_samples : int, optional
        Number of samples, for the OAS intensity.
    rho : float, optional
        Intensity; by default OAS.
    diagonal : bool, default=False
        Shrink to the diagonal of the matrix, not to a scaled identity.

    Returns
    -------
    shrunk : ndarray of shape (n_trials, order, n_channels, n_channels)
        Blocks of ``(1 - rho) A + rho T`` with the target ``T``.
    """
    n, order, c, _ = blocks.shape
    d = order * c
    variances = filled_variances(np.einsum("nii->ni", blocks[:, 0]))
    if not diagonal:
        variances = np.repeat(
            np.trace(blocks[:, 0], axis1=1, axis2=2)[:, None] / c, c, axis=1
        )
    if rho is None:
        scale = np.sqrt(np.where(variances > 0, variances, 1.0))
        squares = (blocks / scale[:, None, :, None] / scale[:, None, None, :]) ** 2
        count = 2.0 * (order - np.arange(order))
        count[0] = order
        alpha = squares.sum((2, 3)) @ count / d**2
        rho = _oas(alpha, np.ones(n), d, n_samples)
    rho = np.broadcast_to(np.asarray(rho, dtype=float), (n,))
    out = blocks * (1.0 - rho)[:, None, None, None]
    index = np.arange(c)
    if diagonal:
        out[:, 0, index, index] = variances
    else:
        out[:, 0, index, index] += rho[:, None] * variances
    return out


def wrapped_scatter(X, order, lag):
    """Scatter matrices of trials embedded by circular shifts.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials with their channel means removed.
    order, lag : int
        Embedding.

    Returns
    -------
    scatter : ndarray of shape (n_trials, order * n_channels, order * n_channels)
        Block (i, j) is ``sum_t x(t - i lag) x(t - j lag)^T``, indices modulo the
        number of times.
    """
    n, c, n_times = X.shape
    blocks = np.empty((n, order, c, c))
    for k in range(order):
        shift = k * lag % n_times
        cut = n_times - shift
        # sum_t x(t - shift) x(t)^T, the part that does not wrap and the part that does
        np.matmul(X[:, :, :cut], X[:, :, shift:].swapaxes(1, 2), out=blocks[:, k])
        if shift:
            blocks[:, k] += X[:, :, cut:] @ X[:, :, :shift].swapaxes(1, 2)
    return _toeplitz(blocks)


def oas_shrinkage(S, n_samples):
    """Shrinkage intensity of the oracle approximating shrinkage (OAS) estimator.

    Parameters
    ----------
    S : ndarray of shape (n_trials, n, n)
        Covariances with divisor ``n_samples``.
    n_samples : int
        Number of samples.

    Returns
    -------
    rho : ndarray of shape (n_trials,)
        Intensities in [0, 1].

    References
    ----------
    Chen, Wiesel, Eldar and Hero, IEEE Trans. Signal Processing 58 (2010), eq. (23),
    in the form scikit-learn uses.
    """
    d = S.shape[-1]
    alpha = np.einsum("nij,nij->n", S, S) / d**2
    mu2 = (np.trace(S, axis1=1, axis2=2) / d) ** 2
    return _oas(alpha, mu2, d, n_samples)


def _oas(alpha, mu2, d, n_samples):
    numerator = alpha + mu2
    denominator = (n_samples + 1.0) * (alpha - mu2 / d)
    rho = np.ones(len(alpha))
    usable = denominator > 0
    np.divide(numerator, denominator, out=rho, where=usable)
    return np.minimum(rho, 1.0)


def ledoit_wolf_shrinkage(X, S, order, lag, n_window):
    """Shrinkage intensity of Ledoit and Wolf for delay-embedded trials.

    The fourth moment it needs is the sum of the squared norms of the delay vectors,
    which follow from the norms of the samples: the embedded signal is not formed.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Trials.
    S : ndarray of shape (n_trials, n, n)
        Covariances of the embedded trials, divisor ``n_window``.
    order, lag : int
        Embedding.
    n_window : int
        Number of embedded samples.

    Returns
    -------
    rho : ndarray of shape (n_trials,)
        Intensities in [0, 1].

    References
    ----------
    Ledoit and Wolf, J. Multivariate Analysis 88 (2004), in the form scikit-learn
    uses.
    """
    d = S.shape[-1]
    norm2 = np.zeros((len(X), n_window))
    for i in range(order):
        Z = X[:, :, i * lag : i * lag + n_window]
        Z = Z - Z.mean(-1, keepdims=True)
        norm2 += np.einsum("nct,nct->nt", Z, Z)
    beta_sum = (norm2**2).sum(-1)
    delta_sum = np.einsum("nij,nij->n", S, S)  # already divided by n_window^2
    mu = np.trace(S, axis1=1, axis2=2) / d
    beta = (beta_sum / n_window - delta_sum) / (d * n_window)
    delta = (delta_sum - d * mu**2) / d
    beta = np.minimum(beta, delta)
    rho = np.zeros(len(S))
    np.divide(beta, delta, out=rho, where=delta > 0)
    return np.maximum(rho, 0.0)


def shrink(S, rho, factor=1.0, out=None):
    """Return ``factor ((1 - rho) S + rho tr(S)/n I)``.

    Parameters
    ----------
    S : ndarray of shape (n_trials, n, n)
        Symmetric matrices.
    rho : float or ndarray of shape (n_trials,)
        Intensities in [0, 1].
    factor : float or ndarray of shape (n_trials,), default=1.0
        Factors of the results.
    out : ndarray of shape (n_trials, n, n), optional
        Where to put the result; may be S.

    Returns
    -------
    shrunk : ndarray of shape (n_trials, n, n)
        Shrunk matrices.
    """
    n, d, _ = S.shape
    rho = np.broadcast_to(np.asarray(rho, dtype=float), (n,))
    ridge = rho * factor * np.trace(S, axis1=1, axis2=2) / d
    out = np.multiply(S, ((1.0 - rho) * factor)[:, None, None], out=out)
    diagonal = np.arange(d)
    out[:, diagonal, diagonal] += ridge[:, None]
    return out


def filled_variances(variances):
    """Replace variances of zero by the geometric mean of the others.

    A channel that does not vary has no scale of its own. This one moves with the
    others' only, so that tangent vectors stay free of the unit of every channel.

    Parameters
    ----------
    variances : ndarray of shape (n_trials, n)
        Non-negative variances.

    Returns
    -------
    filled : ndarray of shape (n_trials, n)
        Positive variances; zeros for a trial without any.
    """
    zero = variances <= 0
    if not zero.any():
        return variances
    n_positive = (~zero).sum(1)
    logs = np.log(np.where(zero, 1.0, variances)).sum(1) / np.maximum(n_positive, 1)
    typical = np.where(n_positive > 0, np.exp(logs), 0.0)
    return np.where(zero, typical[:, None], variances)


def shrink_to_diagonal(S, n_samples=None, rho=None, factor=1.0, out=None):
    """Return ``factor ((1 - rho) S + rho D)``, with ``D`` the diagonal of ``S``.

    Shrinking to the diagonal is shrinking the correlations to zero: it commutes with
    a change of the unit of any channel.

    Parameters
    ----------
    S : ndarray of shape (n_trials, n, n)
        Symmetric matrices.
    n_samples : int, optional
        Number of samples, for the intensity.
    rho : float, optional
        Intensity; by default that of OAS for the correlation matrix.
    factor : float or ndarray of shape (n_trials,), default=1.0
        Factors of the results.
    out : ndarray of shape (n_trials, n, n), optional
        Where to put the result; may be S.

    Returns
    -------
    shrunk : ndarray of shape (n_trials, n, n)
        Shrunk matrices.

    References
    ----------
    The intensity: Chen, Wiesel, Eldar and Hero, IEEE Trans. Signal Processing 58
    (2010), eq. (23), of a matrix whose target is the identity.
    """
    n, d, _ = S.shape
    # A copy: S may be overwritten below.
    variances = filled_variances(np.einsum("nii->ni", S).copy())
    if rho is None:
        scale = np.sqrt(np.where(variances > 0, variances, 1.0))
        R = S / scale[:, :, None]
        R /= scale[:, None, :]
        alpha = np.einsum("nij,nij->n", R, R) / d**2
        rho = _oas(alpha, np.ones(n), d, n_samples)
    rho = np.broadcast_to(np.asarray(rho, dtype=float), (n,))
    out = np.multiply(S, ((1.0 - rho) * factor)[:, None, None], out=out)
    index = np.arange(d)
    out[:, index, index] = variances * np.broadcast_to(factor, (n,))[:, None]
    return out
