"""Products of tensors with matrices whose magnitudes may leave the range of floats.

What is fitted is scaled to ordinary magnitudes, but matrices, tensors and codes in the
units of a user are what they are: 1e150 times 1e200 times 1e-300 is 1e50, whichever
way round it is computed.
"""

import math

import numpy as np

from skgeo.linear_model._kronecker.posterior import mode_products

__all__ = ["shift", "user_products"]

# Products within these, and all that led to them, are as accurate as floats are.
_SAFE = (1e-290, 1e300)
# Times by which what has underflowed may grow again before it is missed.
_REGROWTH = 1e16


def user_products(tensor, matrices, name="The product"):
    """Multiply the trailing modes of a tensor by matrices, without overflow on the way.

    Parameters
    ----------
    tensor : ndarray of shape (..., n_1, ..., n_I)
        Finite numbers.
    matrices : sequence of I ndarrays of shape (m_i, n_i)
        Finite matrices, one for each trailing mode.
    name : str, default="The product"
        What the product is, for messages.

    Returns
    -------
    product : ndarray of shape (..., m_1, ..., m_I)
        The product.

    Raises
    ------
    ValueError
        If an entry of the product itself exceeds the range of floating-point numbers.
    """
    if _is_safe(tensor, matrices):
        return mode_products(tensor, matrices)
    parts, exponents = _split(tensor)
    for i, matrix in enumerate(matrices):
        axis = tensor.ndim - len(matrices) + i
        parts, exponents = _one_mode(parts, exponents, matrix, axis)
    with np.errstate(over="ignore", under="ignore"):
        product = shift(parts, exponents)
    if not np.isfinite(product).all():
        raise ValueError(
            f"{name} exceeds the range of floating-point numbers: factors of magnitude "
            f"{', '.join(f'{np.abs(H).max():.3g}' for H in matrices)} times "
            f"{np.abs(tensor).max():.3g}. Give them in other units."
        )
    return product


def _is_safe(tensor, matrices):
    """Whether no product on the way can leave the range of ordinary numbers."""
    low, high = _magnitudes(tensor)
    spans = [(*_magnitudes(H), H.shape[1]) for H in matrices]
    # Logarithms, as the bounds themselves may overflow.
    small, large = math.log10(low), math.log10(high)
    growth = [math.log10(top) + math.log10(n) for _, top, n in spans]
    for i, (bottom, _, _) in enumerate(spans):
        small, large = small + math.log10(bottom), large + growth[i]
        later = sum(max(g, 0.0) for g in growth[i + 1 :])
        if large > math.log10(_SAFE[1]):
            return False
        if small < math.log10(_SAFE[0]) and later > math.log10(_REGROWTH):
            return False
    return True


def _magnitudes(array):
    """Smallest magnitude that is not zero, and the largest; one if there is none."""
    size = np.abs(array)
    size = size[size > 0]
    return (float(size.min()), float(size.max())) if len(size) else (1.0, 1.0)


def _split(array):
    """Numbers of magnitude about one, and powers of two beside them."""
    if np.iscomplexobj(array):
        _, exponents = np.frexp(np.maximum(np.abs(array.real), np.abs(array.imag)))
    else:
        _, exponents = np.frexp(np.asarray(array, dtype=np.float64))
    exponents = exponents.astype(np.int64)
    return shift(np.asarray(array) * 1.0, -exponents), exponents


def shift(array, exponents):
    """Multiply numbers by powers of two, which need not be floats themselves."""
    # Half of the exponent at a time: 2**1100 is no float where 2**-1070 * 2**1100 is.
    half = exponents // 2
    for power in (half, exponents - half):
        power = np.clip(power, -1000, 1000)
        array = array * np.ldexp(1.0, power)
    return array


def _one_mode(parts, exponents, matrix, axis):
    """Product in one mode of a tensor whose entries have exponents of their own."""
    parts, exponents = (np.moveaxis(a, axis, 0) for a in (parts, exponents))
    shape = parts.shape
    parts, exponents = (a.reshape(shape[0], -1) for a in (parts, exponents))
    rows, powers = _split(matrix)
    out, tops = [], []
    for row, power in zip(rows, powers, strict=True):
        product = row[:, None] * parts
        total = np.where(product == 0, -(2**40), power[:, None] + exponents)
        top = total.max(axis=0)
        out.append(np.sum(shift(product, np.maximum(total - top, -2000)), axis=0))
        tops.append(np.where(top == -(2**40), 0, top))
    out, more = _split(np.array(out))
    tops = np.array(tops) + more
    shape = (len(rows), *shape[1:])
    return (np.moveaxis(a.reshape(shape), 0, axis) for a in (out, tops))
