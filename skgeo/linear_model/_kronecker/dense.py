"""Posterior of codes that have one variance each, from columns or from their Gram."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

__all__ = ["CodePosterior", "from_columns", "from_gram"]


@dataclass(slots=True)
class CodePosterior:
    """Posterior of a list of codes given measurements of one pattern of gaps.

    Parameters
    ----------
    mean : ndarray of shape (n_samples, n)
        Posterior mean.
    variance : ndarray of shape (n,)
        Posterior variance.
    slopes : ndarray of shape (n,) or None
        h' C^-1 h for the column h of each code.
    residual, dof, inverse_trace : float
        Sum over samples of |y - H mean|**2; sum of 1 - variance / prior; trace of C^-1.
    log_det, quadratic : float
        Log determinant of C; sum over samples of y' C^-1 y.
    root : ndarray of shape (n, k)
        The posterior covariance is root @ root'; None where only samples of it exist.
    """

    mean: np.ndarray
    variance: np.ndarray
    slopes: np.ndarray | None
    residual: float
    dof: float
    inverse_trace: float
    log_det: float
    quadratic: float
    root: np.ndarray | None = None


def from_gram(gram, seen, power, n_measured, gammas, noise):
    """Posterior from H'H, in the space of the codes.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        H'H over the measured entries.
    seen : ndarray of shape (n, n_samples)
        H'y.
    power : float
        Sum over samples of |y|**2.
    n_measured : int
        Number of measured entries of a sample.
    gammas : ndarray of shape (n,)
        Positive variances.
    noise : float
        Noise variance.

    Returns
    -------
    posterior : CodePosterior
        The posterior.
    """
    root, n = np.sqrt(gammas), len(gammas)
    scaled = gram * root[:, None] * root
    system = scaled / noise
    system[np.diag_indices(n)] += 1.0
    lower = cholesky(system, lower=True)
    # L^-1; older SciPy refuses systems of no codes.
    inverse_root = solve_triangular(lower, np.eye(n), lower=True) if n else lower
    target = root[:, None] * seen / noise
    half = inverse_root @ target
    mean = root[:, None] * (inverse_root.conj().T @ half)
    square = np.sum(np.abs(inverse_root) ** 2, axis=0)  # diagonal of the inverse
    inverse = inverse_root.conj().T @ inverse_root
    slopes = np.sum((scaled * inverse.T).real, axis=1) / noise / gammas
    residual = power - 2.0 * np.vdot(seen, mean).real
    residual += np.vdot(mean, gram @ mean).real
    return CodePosterior(
        mean=mean.T,
        variance=gammas * square,
        slopes=np.maximum(slopes, 0.0),
        residual=max(residual, 0.0),
        dof=n - square.sum(),
        inverse_trace=(n_measured - n + square.sum()) / noise,
        log_det=n_measured * np.log(noise) + 2.0 * np.log(np.diag(lower).real).sum(),
        quadratic=max(power - noise * np.vdot(half, half).real, 0.0) / noise,
        root=root[:, None] * inverse_root.conj().T,
    )


def from_columns(columns, Y, gammas, noise):
    """Posterior from explicit columns, in the space of the measurements.

    Parameters
    ----------
    columns : ndarray of shape (n_measured, n)
        Columns over the measured entries.
    Y : ndarray of shape (n_samples, n_measured)
        Measurements.
    gammas : ndarray of shape (n,)
        Positive variances.
    noise : float
        Noise variance.

    Returns
    -------
    posterior : CodePosterior
        The posterior.
    """
    scaled = columns * np.sqrt(gammas)
    C = scaled @ scaled.conj().T
    C[np.diag_indices(len(C))] += noise
    lower = cholesky(C, lower=True)
    half = solve_triangular(lower, columns, lower=True)
    data = solve_triangular(lower, Y.T, lower=True)
    slopes = np.sum(half.real**2 + half.imag**2, axis=0)
    mean = (gammas[:, None] * (half.conj().T @ data)).T
    solved = solve_triangular(lower, data, lower=True, trans="C")
    trace = np.sum(np.abs(solve_triangular(lower, np.eye(len(C)), lower=True)) ** 2)
    return CodePosterior(
        mean=mean,
        variance=gammas * np.maximum(1.0 - gammas * slopes, 0.0),
        slopes=slopes,
        residual=noise**2 * np.vdot(solved, solved).real,
        dof=float(gammas @ slopes),
        inverse_trace=trace,
        log_det=2.0 * np.log(np.diag(lower).real).sum(),
        quadratic=np.vdot(data, data).real,
    )
