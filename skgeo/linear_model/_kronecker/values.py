"""Codes whose values, too, are outer products: one vector per mode for each row.

Where a signal has gone through one stage after another, its code on a product of index
sets is a product of gains: sums instead of products of numbers are unknown. Under
independent Gaussian priors of the vectors' entries, whose products have the prior
variance of the codes, the posterior mode is found by alternating least squares, each of
them small.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skgeo.linear_model._kronecker.posterior import kron_outer

__all__ = [
    "ProductRows",
    "contract",
    "contradictions",
    "fit_product_values",
    "outer_rows",
    "product_spread",
    "squared_norms",
]

# Alternating sweeps, and the relative change of the objective at which they stop.
_SWEEPS, _TOL = 500, 1e-13
# Noise, of data of unit power, below which differences are those of rounding.
_ROUNDING = 1e-20


@dataclass(frozen=True, slots=True)
class ProductRows:
    """Rows with product values.

    Parameters
    ----------
    vectors : list of ndarray of shape (n_rows, k_i)
        Vectors whose outer product is the code of each row.
    residual : ndarray of shape (n_rows,)
        Squared norm of what the codes leave of the measurements.
    objective : ndarray of shape (n_rows,)
        Residual plus noise variance times the prior's quadratic form.
    """

    vectors: list
    residual: np.ndarray
    objective: np.ndarray

    def take(self, rows):
        """Some of the rows."""
        vectors = [v[rows] for v in self.vectors]
        return ProductRows(vectors, self.residual[rows], self.objective[rows])

    @property
    def codes(self):
        """Codes, of shape (n_rows, k_1, ..., k_I)."""
        return outer_rows(self.vectors)


def outer_rows(vectors):
    """Outer products of the rows of matrices (n, k_i): (n, k_1, ..., k_I)."""
    out = vectors[0]
    for v in vectors[1:]:
        out = out[..., None] * v.reshape(len(v), *(1,) * (out.ndim - 1), -1)
    return out


def contract(tensor, vectors, keep):
    """Contract all modes of (n, m_1, ..., m_I) with vectors (n, m_i), but some."""
    n_modes, letters = tensor.ndim - 1, "abcdefghijklmopqrstuvw"
    terms, operands = ["n" + letters[:n_modes]], [tensor]
    for i in range(n_modes):
        if i not in keep:
            terms.append("n" + letters[i])
            operands.append(vectors[i])
    out = "n" + "".join(letters[i] for i in keep)
    return np.einsum(",".join(terms) + "->" + out, *operands, optimize=True)


class _Rows:
    """Measurements of rows, with or without gaps."""

    def __init__(self, factors, gammas, Y, noise, mask=None):
        self.factors, self.gammas, self.noise = list(factors), gammas, noise
        self.Y, self.mask = Y, None if mask is None else mask.astype(np.float64)
        self.lost = np.zeros(len(Y))
        if mask is None:
            self._compress()

    def _compress(self):
        """Rotate away the measurements that no column reaches."""
        for i, H in enumerate(self.factors):
            if len(H) > H.shape[1]:
                q, self.factors[i] = np.linalg.qr(H)
                Y = np.tensordot(self.Y, q.conj(), axes=(i + 1, 0))
                # Not as a difference of squared norms, which is noise to a small one.
                rest = np.moveaxis(self.Y, i + 1, -1) - Y @ q.T
                self.lost = self.lost + squared_norms(rest)
                self.Y = np.moveaxis(Y, -1, i + 1)

    def waves(self, vectors):
        """Signals of each mode, of shape (n, m_i)."""
        return [v @ H.T for H, v in zip(self.factors, vectors, strict=True)]

    def weights(self, waves, keep):
        """Squared signals of the other modes where measured, (n, m_i for i in keep)."""
        squares = [np.abs(w) ** 2 for w in waves]
        if self.mask is not None:
            return contract(self.mask, squares, keep)
        scale = np.ones(len(waves[0]))
        for i, square in enumerate(squares):
            if i not in keep:
                scale = scale * square.sum(axis=1)
        shape = [len(self.factors[i]) for i in keep]
        return np.broadcast_to(
            scale.reshape(-1, *(1,) * len(keep)), (len(scale), *shape)
        )

    def update(self, i, vectors, waves):
        """Best vectors of mode i, all others held."""
        H, g = self.factors[i], self.gammas[i]
        root = np.sqrt(g)
        H = H * root
        d = self.weights(waves, [i])
        seen = contract(self.Y, [w.conj() for w in waves], [i])
        normal = (H.conj().T * d[:, None, :]) @ H
        ridge = self.noise + 1e-15 * np.trace(normal, axis1=1, axis2=2).real
        ridge = np.where(ridge > 0, ridge, 1.0)
        normal = normal + ridge[:, None, None] * np.eye(len(g))
        vectors[i] = np.linalg.solve(normal, (seen @ H.conj())[..., None])[..., 0]
        vectors[i] = vectors[i] * root
        waves[i] = vectors[i] @ self.factors[i].T

    def residual(self, waves):
        """Squared norm of what signals leave of the measurements."""
        rest = self.Y - outer_rows(waves)
        if self.mask is not None:
            rest = rest * self.mask
        return self.lost + squared_norms(rest)

    def balance(self, vectors):
        """Give the vectors of all modes the same share of the prior's form."""
        forms = np.array([
            np.sum(np.abs(v) ** 2 / g, axis=1)
            for v, g in zip(vectors, self.gammas, strict=True)
        ])  # fmt: skip
        alive = (forms > 0).all(axis=0)
        forms = np.where(alive, forms, 1.0)
        scale = np.exp(0.5 * (np.log(forms).mean(axis=0) - np.log(forms)))
        vectors[:] = [
            v * (s * alive)[:, None] for v, s in zip(vectors, scale, strict=True)
        ]

    def objective(self, vectors, waves):
        """Residual plus noise times the prior's quadratic form; and the residual."""
        form = sum(
            np.sum(np.abs(v) ** 2 / g, axis=1)
            for v, g in zip(vectors, self.gammas, strict=True)
        )
        residual = self.residual(waves)
        return residual + self.noise * form, residual


def squared_norms(tensor):
    flat = tensor.reshape(len(tensor), -1)
    return np.sum(flat.real**2 + flat.imag**2, axis=1)


def fit_product_values(factors, gammas, Y, noise, codes, mask=None):
    """Posterior mode of codes with product values.

    Parameters
    ----------
    factors : list of ndarray of shape (m_i, k_i)
        Columns kept in each mode.
    gammas : list of ndarray of shape (k_i,)
        Their positive variances.
    Y : ndarray of shape (n_rows, m_1, ..., m_I)
        Measurements, zero where missing.
    noise : float
        Noise variance.
    codes : ndarray of shape (n_rows, k_1, ..., k_I) or list of ndarray (n_rows, k_i)
        Where to start: codes, of which the leading vectors are taken, or vectors.
    mask : ndarray of bool of the shape of Y, optional
        True where measured.

    Returns
    -------
    rows : ProductRows
        The posterior modes.
    """
    rows = _Rows(factors, gammas, Y, noise, mask)
    vectors = list(codes) if isinstance(codes, list) else _leading(codes, gammas)
    waves = rows.waves(vectors)
    before = np.full(len(Y), np.inf)
    for _ in range(_SWEEPS):
        for i in range(len(factors)):
            rows.update(i, vectors, waves)
        rows.balance(vectors)
        waves = rows.waves(vectors)
        value, residual = rows.objective(vectors, waves)
        if np.all(before - value <= _TOL * value):
            break
        before = value
    return ProductRows(vectors, residual, value)


def _leading(codes, gammas):
    """Leading vectors of each mode of codes in units of their standard deviations."""
    roots = [np.sqrt(g) for g in gammas]
    scaled = codes / kron_outer(roots)
    vectors = []
    for i, root in enumerate(roots):
        flat = np.moveaxis(scaled, i + 1, 1).reshape(len(codes), len(root), -1)
        _, basis = np.linalg.eigh(flat @ flat.conj().swapaxes(1, 2))
        vectors.append(basis[:, :, -1] * root)
    return vectors


def contradictions(product, free, noise, sizes, n_measured, is_complex):
    """Rows whose values are no products, as far as the noise lets one see.

    Free values leave less of any row. They are believed where the likelihood rises by
    more than half the logarithm of the number of measurements for each number that they
    have more (the Bayesian information criterion).

    Parameters
    ----------
    product, free : ndarray of shape (n_rows,)
        Squared norms of what product values and free values leave.
    noise : float
        Noise variance.
    sizes : list of int
        Indices kept in each mode.
    n_measured : ndarray of shape (n_rows,)
        Number of measurements of each row.
    is_complex : bool
        Whether the numbers are complex.

    Returns
    -------
    gain : ndarray of shape (n_rows,)
        Log likelihood by which free values lead, after their cost: positive where
        the row contradicts product values.
    """
    parts = 2 if is_complex else 1
    more = parts * (np.prod(sizes, dtype=float) - sum(sizes) + len(sizes) - 1)
    lead = 0.5 * parts * (product - free) / max(noise, _ROUNDING)
    return lead - 0.5 * more * np.log(np.maximum(parts * n_measured, 2))


def product_spread(factors, gammas, Y, noise, product, mask=None, outputs=None):
    """Posterior variances of codes with product values, or of linear maps of them.

    To first order about the mode. Directions in which vectors change but their
    product does not are left out.

    Parameters
    ----------
    factors, gammas, Y, noise, mask
        As in :func:`fit_product_values`.
    product : ProductRows
        The posterior modes.
    outputs : list of ndarray of shape (p_i, k_i), optional
        Matrices whose Kronecker product maps codes to what is asked for; the codes
        themselves by default.

    Returns
    -------
    variance : ndarray of shape (n_rows, p_1, ..., p_I)
        Variances.
    """
    rows, vectors = _Rows(factors, gammas, Y, noise, mask), product.vectors
    waves, n_modes = rows.waves(vectors), len(factors)
    ends = np.cumsum([0, *(len(g) for g in gammas)])
    at = [slice(a, b) for a, b in pairwise(ends)]
    A = np.zeros((len(Y), ends[-1], ends[-1]), dtype=waves[0].dtype)
    for i in range(n_modes):
        H = rows.factors[i]
        A[:, at[i], at[i]] = (H.conj().T * rows.weights(waves, [i])[:, None, :]) @ H
        A[:, at[i], at[i]] += noise * np.diag(1.0 / gammas[i])
        for j in range(i + 1, n_modes):
            left = H.conj()[None] * waves[i][:, :, None]
            right = rows.factors[j][None] * waves[j].conj()[:, :, None]
            block = left.swapaxes(1, 2) @ rows.weights(waves, [i, j]) @ right
            A[:, at[i], at[j]] = block
            A[:, at[j], at[i]] = block.conj().swapaxes(1, 2)
    # What multiplies one vector and divides another changes nothing.
    idle = np.zeros((len(Y), ends[-1], n_modes - 1), dtype=A.dtype)
    for j in range(1, n_modes):
        idle[:, at[0], j - 1] = vectors[0]
        idle[:, at[j], j - 1] = -vectors[j]
    basis = np.linalg.qr(idle, mode="complete")[0][:, :, n_modes - 1 :]
    inner = basis.conj().swapaxes(1, 2) @ A @ basis
    C = noise * basis @ np.linalg.pinv(inner, hermitian=True) @ (
        basis.conj().swapaxes(1, 2)
    )  # fmt: skip
    outputs = [np.eye(len(g)) for g in gammas] if outputs is None else outputs
    signals = [v @ out.T for v, out in zip(vectors, outputs, strict=True)]
    total = 0.0
    for i in range(n_modes):
        for j in range(i, n_modes):
            part = outputs[i] @ C[:, at[i], at[j]] @ outputs[j].conj().T
            part = _pair(part, signals, i, j)
            total = total + (part.real if i == j else 2.0 * part.real)
    return np.maximum(total, 0.0)


def _pair(part, signals, i, j):
    """Terms of the variance in which modes i and j vary."""
    n, n_modes = len(part), len(signals)
    if i == j:
        part = np.einsum("nkk->nk", part)
    shape = [n] + [1] * n_modes
    shape[i + 1] = part.shape[1]
    shape[j + 1] = part.shape[-1]
    out = part.reshape(shape)
    for k, signal in enumerate(signals):
        if k in (i, j) and i != j:
            # Mode j varies on the right, so that its own signal stands on the left.
            value = signal.conj() if k == i else signal
        elif k == i:
            continue
        else:
            value = np.abs(signal) ** 2
        shape = [n] + [1] * n_modes
        shape[k + 1] = signal.shape[1]
        out = out * value.reshape(shape)
    return out
