"""Affine-invariant geometry of batches of symmetric positive-definite matrices.

Everything happens in a moving frame: a matrix ``W`` (the *whitener* of the reference
``M``) with ``W M W^T = I``.  Then ``log_M(C)`` is the ordinary logarithm of
``W C W^T``, so one eigendecomposition per matrix serves the gradient, the Hessian and
the tangent vectors alike, and no square root of ``M`` is ever taken.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning

from skgeo.exceptions import NotPositiveDefiniteError
from skgeo.utils.solver_result import SolverResult
from skgeo.utils.warn import warn_user

__all__ = [
    "LogMaps",
    "MeanResult",
    "NotPositiveDefiniteError",
    "check_definite",
    "distances_to",
    "exp_symmetric",
    "hessian_weights",
    "log_maps",
    "log_maps_of_factors",
    "newton_direction",
    "riemann_mean",
    "slices_in_cache",
    "symmetric_whitener",
    "unexplained_share",
    "unvectorize",
    "vectorize",
    "warn_if_not_converged",
    "whitener_of",
]

# Share of a row's variance that the rows before it must leave unexplained. Below, a
# Cholesky pivot is a rounding error.
_SINGULAR = 10 * np.finfo(float).eps

# Bound on the same share above which it is far from a rounding error.
_REGULAR = 1e-9

# Ratio of the smallest eigenvalue to the largest up to which an eigendecomposition
# gives the logarithm of the smallest to about 1e-6.
_GRADED = 1e-10


# Entries of matrices that stay in cache from one operation to the next.
_CACHED = 2**15


def slices_in_cache(n_matrices, d):
    """Divide matrices into slices that stay in cache.

    Parameters
    ----------
    n_matrices, d : int
        Number and size of the matrices.

    Returns
    -------
    slices : list of slice
        One matrix at least in each.
    """
    step = max(1, _CACHED // d**2)
    return [slice(start, start + step) for start in range(0, n_matrices, step)]


@dataclass(frozen=True, slots=True)
class LogMaps:
    """Logarithms ``V diag(values) V^T`` of whitened matrices, kept factorized.

    Attributes
    ----------
    values : ndarray of shape (n_matrices, n)
        Eigenvalues of the logarithms.
    vectors : ndarray of shape (n_matrices, n, n)
        Eigenvectors, in columns.
    """

    values: np.ndarray
    vectors: np.ndarray

    def __getitem__(self, index):
        """Select some of the matrices."""
        return LogMaps(self.values[index], self.vectors[index])

    def dense(self, rotation=None):
        """Return the logarithms as matrices, rotated by ``rotation`` on both sides."""
        V = self.vectors if rotation is None else rotation @ self.vectors
        return (V * self.values[:, None, :]) @ V.swapaxes(1, 2)

    def mean(self, weight):
        """Return the weighted sum of the logarithms, one matrix product a chunk."""
        d = self.vectors.shape[-1]
        J, scale = np.zeros((d, d)), weight[:, None] * self.values
        for part in slices_in_cache(*self.values.shape):
            V = self.vectors[part].transpose(1, 0, 2).reshape(d, -1)
            J += (V * scale[part].ravel()) @ V.T
        return (J + J.T) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanResult(SolverResult):
    """Outcome of :func:`riemann_mean`.

    Attributes
    ----------
    logs : LogMaps
        Logarithms of the matrices at the mean.
    """

    logs: LogMaps


def exp_symmetric(S, factor=1.0):
    """Exponential of ``factor`` times a symmetric matrix (or a batch of them).

    Parameters
    ----------
    S : ndarray of shape (..., n, n)
        Symmetric matrices.
    factor : float, default=1.0
        Factor in the exponent.

    Returns
    -------
    E : ndarray of shape (..., n, n)
        ``expm(factor * S)``.
    """
    values, V = np.linalg.eigh(S)
    return (V * np.exp(factor * values)[..., None, :]) @ V.swapaxes(-1, -2)


def whitener_of(M, what="the reference matrix"):
    """Inverse Cholesky factor: lower-triangular ``W`` with ``W M W^T = I``.

    Parameters
    ----------
    M : ndarray of shape (n, n)
        Symmetric positive-definite matrix.
    what : str
        Name of the matrix in the error message.

    Returns
    -------
    W : ndarray of shape (n, n)
        The whitener.

    Raises
    ------
    NotPositiveDefiniteError
        If M is not positive definite to working precision.
    """
    try:
        L, scale = _unit_cholesky(M)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefiniteError(_not_pd(what)) from error
    W = solve_triangular(L, np.eye(len(M)), lower=True, check_finite=False)
    return W / scale[None, :]


def _unit_cholesky(C):
    """Cholesky factors of matrices scaled to a unit diagonal, and the scales.

    The scaled factorization does not depend on units. It fails where a matrix is not
    positive definite to working precision: that is a property of the matrix alone.
    """
    diagonal = np.diagonal(C, axis1=-2, axis2=-1)
    if not (diagonal > 0).all():
        raise np.linalg.LinAlgError("a variance that is not positive")
    scale = np.sqrt(diagonal)
    L = np.linalg.cholesky(C / scale[..., :, None] / scale[..., None, :])
    if not (np.diagonal(L, axis1=-2, axis2=-1) ** 2 > _SINGULAR).all():
        raise np.linalg.LinAlgError("singular to working precision")
    return L, scale


def check_definite(C, first=0):
    """Refuse matrices that are not positive definite to working precision.

    The verdict is on each matrix alone, not on how it looks from a reference: what
    ``fit`` accepts ``predict`` does too.

    Parameters
    ----------
    C : ndarray of shape (n_matrices, n, n)
        Symmetric matrices.
    first : int, default=0
        Index of the first matrix, for the error message.

    Raises
    ------
    NotPositiveDefiniteError
        Names the first matrix that is not.
    """
    try:
        # The pivots without scaling first: they are the same up to rounding.
        diagonal = np.diagonal(C, axis1=1, axis2=2)
        L = np.linalg.cholesky(C)
        pivots = np.diagonal(L, axis1=1, axis2=2) ** 2
        if (pivots > 2 * _SINGULAR * diagonal).all() and pivots.min() > 1e-280:
            return
    except np.linalg.LinAlgError:
        pass  # a second look, in units that fit
    try:
        _unit_cholesky(C)
    except np.linalg.LinAlgError as error:
        bad = [i for i in range(len(C)) if not _is_definite(C[i])]
        raise NotPositiveDefiniteError(
            _not_pd(f"matrix {first + bad[0]} ({len(bad)} of {len(C)} in all)")
        ) from error


def _is_definite(M):
    try:
        _unit_cholesky(M)
    except np.linalg.LinAlgError:
        return False
    return True


def _not_pd(what):
    return (
        f"{what[0].upper()}{what[1:]} is not positive definite. Covariances of short, "
        "average-referenced or duplicated channels are singular: regularize them "
        "(shrinkage='diagonal' in AugmentedCovariances, estimator='oas' in pyriemann) "
        "or drop the dependent channels."
    )


def log_maps(C, W, first=0, *, checked=False, unexplained=0.0):
    """Logarithms of ``W C_i W^T``, one batched eigendecomposition.

    Parameters
    ----------
    C : ndarray of shape (n_matrices, n, n)
        Symmetric positive-definite matrices.
    W : ndarray of shape (n, n)
        Whitener.
    first : int, default=0
        Index of the first matrix, for the error message.
    checked : bool, default=False
        Whether :func:`check_definite` has seen the matrices.
    unexplained : float, default=0.0
        Share of the variance that every row of the reference has on its own, see
        :func:`unexplained_share`. With it most matrices need no check: no share of
        ``C`` is below that of the reference times the ratio of the extreme
        eigenvalues of ``W C W^T``.

    Returns
    -------
    logs : LogMaps
        The factorized logarithms.

    Raises
    ------
    NotPositiveDefiniteError
        If a matrix is not positive definite to working precision.
    """
    if not (checked or unexplained > 0):
        check_definite(C, first)
    values, vectors = np.linalg.eigh(W @ C @ W.T)
    if unexplained > 0:
        regular = unexplained * values[:, 0] > _REGULAR * values[:, -1]
        if not (checked or regular.all()):
            check_definite(C, first)
    doubtful = ~(values[:, 0] > _GRADED * values[:, -1])
    values = np.log(values, out=np.empty_like(values), where=~doubtful[:, None])
    if doubtful.any():
        L, scale = _unit_cholesky(C[doubtful])
        logs = log_maps_of_factors(W @ (scale[:, :, None] * L))
        values[doubtful], vectors[doubtful] = logs.values, logs.vectors
    return LogMaps(values, vectors)


def log_maps_of_factors(F):
    """Logarithms of ``F_i F_i^T`` for matrices far from the reference.

    The squares of singular values keep their digits where the eigenvalues of the
    product have lost them. Ratios beyond 1e31 are taken for 1e31.

    Parameters
    ----------
    F : ndarray of shape (n_matrices, n, n)
        Regular matrices.

    Returns
    -------
    logs : LogMaps
        The factorized logarithms.
    """
    U, s, _ = np.linalg.svd(F)
    s = np.maximum(s, np.finfo(float).eps * s[:, :1])
    return LogMaps(2.0 * np.log(s[:, ::-1]), U[:, :, ::-1])


def unexplained_share(M, W):
    """Smallest share of a row's variance that the rows before it do not explain.

    Parameters
    ----------
    M : ndarray of shape (n, n)
        Symmetric positive-definite matrix.
    W : ndarray of shape (n, n)
        Its whitener, as :func:`whitener_of` gives it.

    Returns
    -------
    share : float
        In (0, 1].
    """
    return float((1.0 / (np.diagonal(W) ** 2 * np.diagonal(M))).min())


def hessian_weights(values):
    """Weights of the Hessian: (x/2) coth(x/2) of the differences of eigenvalues.

    Parameters
    ----------
    values : ndarray of shape (n_matrices, n)
        Eigenvalues of the logarithms.

    Returns
    -------
    phi : ndarray of shape (n_matrices, n, n)
        Weights, at least one.
    """
    n, d = values.shape
    out = np.empty((n, d, d))
    for part in slices_in_cache(n, d):
        half = np.abs(values[part, :, None] - values[part, None, :])
        half *= 0.5
        np.maximum(half, 1e-8, out=half)  # the quotient is one there
        np.divide(half, np.tanh(half), out=out[part])
    return out


def newton_direction(J, logs, weight, *, max_steps=4, tol=1e-3, phi=None):
    """Solve the Newton equation of the Riemannian mean by conjugate gradients.

    The Hessian of half the mean squared distance, seen from the whitened frame, maps
    ``xi`` to the weighted mean of ``V (Phi * (V^T xi V)) V^T`` with
    ``Phi_ab = (x/2) coth(x/2)``, ``x = l_a - l_b``.  It is at least the identity, so
    a few steps are enough and the direction is never longer than ``J``.

    Parameters
    ----------
    J : ndarray of shape (n, n)
        Weighted mean of the logarithms (the negative gradient).
    logs : LogMaps
        Logarithms at the current reference.
    weight : ndarray of shape (n_matrices,)
        Weights, sum one.
    max_steps : int, default=4
        Most conjugate-gradient steps.
    tol : float, default=1e-3
        Relative residual to stop at.
    phi : ndarray of shape (n_matrices, n, n), optional
        The weights ``Phi``, if they are known already.

    Returns
    -------
    m : ndarray of shape (n, n)
        Symmetric direction.
    """
    V = logs.vectors
    n, d, _ = V.shape
    Vt = V.swapaxes(1, 2)
    flat = V.transpose(1, 0, 2).reshape(d, n * d)
    phi = hessian_weights(logs.values) if phi is None else phi
    weighted = weight[:, None, None] * phi
    middle = np.empty_like(V)

    def hessian(xi):
        np.matmul(Vt, xi @ V, out=middle)
        np.multiply(middle, weighted, out=middle)
        left = np.matmul(V, middle).transpose(1, 0, 2).reshape(d, n * d)
        return left @ flat.T

    m = J / (weighted.sum() / d**2)
    residual = J - hessian(m)
    direction = residual
    rr = np.vdot(residual, residual)
    target = tol**2 * np.vdot(J, J)
    for step in range(max_steps):
        if rr <= target:
            break
        image = hessian(direction)
        length = rr / np.vdot(direction, image)
        m = m + length * direction
        if step == max_steps - 1:
            break
        residual = residual - length * image
        rr, previous = np.vdot(residual, residual), rr
        direction = residual + rr / previous * direction
    return (m + m.T) / 2


def riemann_mean(C, weight=None, *, tol=1e-8, max_iter=50, whitener=None):
    """Affine-invariant mean by Newton's method in a moving frame.

    Each pass costs one batched eigendecomposition and a few products; convergence is
    quadratic, so three to five passes reach 1e-8 where the fixed-point iteration
    needs eight to fifteen.

    Parameters
    ----------
    C : ndarray of shape (n_matrices, n, n)
        Symmetric positive-definite matrices.
    weight : ndarray of shape (n_matrices,), optional
        Non-negative weights, sum one. Equal ones by default.
    tol : float, default=1e-8
        Stop when the Frobenius norm of the mean logarithm is at most
        ``tol * sqrt(n)``.
    max_iter : int, default=50
        Maximum number of passes.
    whitener : ndarray of shape (n, n), optional
        Where to start; by default the whitener of the arithmetic mean.

    Returns
    -------
    result : MeanResult
        ``x`` is the whitener ``W`` of the mean, ``M = W^-1 W^-T``; ``objective`` the
        norms of the mean logarithm; ``logs`` the :class:`LogMaps` at ``W``.

    Raises
    ------
    NotPositiveDefiniteError
        If a matrix, or the arithmetic mean, is not positive definite to working
        precision.
    """
    n, d, _ = C.shape
    weight = np.full(n, 1.0 / n) if weight is None else weight
    if whitener is None:
        arithmetic = np.tensordot(weight, C, axes=1)
        whitener = whitener_of(arithmetic, "the arithmetic mean of the matrices")
    check_definite(C)
    W = start = whitener
    norms, best, step, direction = [], np.inf, 1.0, np.zeros((d, d))
    while True:
        logs = log_maps(C, W, checked=True)
        J = logs.mean(weight)
        norm = np.linalg.norm(J) / np.sqrt(d)
        norms.append(norm)
        if norm <= tol or len(norms) >= max_iter:
            break
        if norm >= best and step > 1e-3:
            # The last step overshot (matrices very far apart): take half of it.
            # Steps below the rounding of J stop here too.
            if norm <= 1e-13 * np.abs(logs.values).max():
                break
            step /= 2
            W = exp_symmetric(direction, -step / 2) @ start
            continue
        best, start, step = norm, W, 1.0
        # Solving more precisely than the next gradient can use is wasted.
        direction = newton_direction(J, logs, weight, tol=min(1e-2, max(norm, 1e-6)))
        W = exp_symmetric(direction, -0.5) @ start
    return MeanResult(
        x=W,
        objective=np.array(norms),
        stop=norms[-1],
        n_iter=len(norms),
        converged=norms[-1] <= tol,
        logs=logs,
    )


def distances_to(C, W):
    """Affine-invariant distances to the matrix with whitener ``W``.

    Parameters
    ----------
    C : ndarray of shape (n_matrices, n, n)
        Symmetric positive-definite matrices.
    W : ndarray of shape (n, n)
        Whitener of the other matrix.

    Returns
    -------
    distances : ndarray of shape (n_matrices,)
        Affine-invariant distances.

    Raises
    ------
    NotPositiveDefiniteError
        If a matrix is not positive definite to working precision.
    """
    check_definite(C)
    values = np.linalg.eigvalsh(W @ C @ W.T)
    doubtful = ~(values[:, 0] > _GRADED * values[:, -1])
    values = np.log(values, out=np.empty_like(values), where=~doubtful[:, None])
    if doubtful.any():
        values[doubtful] = log_maps(C[doubtful], W, checked=True).values
    return np.sqrt((values**2).sum(-1))


def vectorize(S):
    """Upper triangles, off-diagonal entries times sqrt(2): an isometry.

    Parameters
    ----------
    S : ndarray of shape (n_matrices, n, n)
        Symmetric matrices.

    Returns
    -------
    T : ndarray of shape (n_matrices, n (n + 1) / 2)
        Vectors in the order of ``numpy.triu_indices``.
    """
    d = S.shape[-1]
    positions, scale = _triangle(d)
    T = S.reshape(len(S), d * d).take(positions, axis=1)
    T *= scale
    return T


@lru_cache(maxsize=16)
def _triangle(d):
    """Positions of the upper triangle in a flat matrix, and the factors there."""
    rows, columns = np.triu_indices(d)
    return rows * d + columns, np.where(rows == columns, 1.0, np.sqrt(2.0))


def unvectorize(T, d):
    """Undo :func:`vectorize`.

    Parameters
    ----------
    T : ndarray of shape (n_matrices, d (d + 1) / 2)
        Vectors.
    d : int
        Size of the matrices.

    Returns
    -------
    S : ndarray of shape (n_matrices, d, d)
        Symmetric matrices.
    """
    rows, columns = np.triu_indices(d)
    values = T / np.where(rows == columns, 1.0, np.sqrt(2.0))
    S = np.empty((len(T), d, d))
    S[:, rows, columns] = values
    S[:, columns, rows] = values
    return S


def symmetric_whitener(W):
    """Turn any whitener of a matrix into the symmetric one.

    Parameters
    ----------
    W : ndarray of shape (n, n)
        Whitener of ``M``: ``W M W^T = I``.

    Returns
    -------
    root : ndarray of shape (n, n)
        ``M^(-1/2)``.
    rotation : ndarray of shape (n, n)
        Orthogonal matrix with ``rotation @ W = root``.
    M : ndarray of shape (n, n)
        The matrix itself.
    """
    U, s, Vt = np.linalg.svd(W)
    root = (Vt.T * s) @ Vt
    # M in two factors: s ** -2 would overflow before M does.
    half = Vt.T / s
    return (root + root.T) / 2, Vt.T @ U.T, half @ half.T


def warn_if_not_converged(result, tol):
    """Warn when a Riemannian mean stopped before its tolerance.

    Parameters
    ----------
    result : SolverResult
        Result of :func:`riemann_mean`.
    tol : float
        The tolerance asked for.
    """
    if not result.converged:
        warn_user(
            f"The Riemannian mean stopped at {result.stop:.1e} > tol={tol:.1e} after "
            f"{result.n_iter} passes. The matrices are badly conditioned: regularize "
            "them more, or accept it by a larger tol.",
            ConvergenceWarning,
        )
