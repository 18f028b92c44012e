"""Codes of many samples over one dictionary: coordinate descent on a shared Gram.

All samples have the same quadratic term, the Gram matrix of the atoms, so it is
formed once and every sample costs a few passes over an r x r matrix that sits in the
first-level cache.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["cd_codes", "warmup"]


@jit
def cd_codes(C, gram, rhs, l1, nonneg, max_sweeps, tol):
    """Minimize ``c @ gram @ c / 2 - rhs[i] @ c + l1 * |c|_1`` for every row of C.

    Coordinate descent, in place, warm-started at the values C holds. Each coordinate
    is set to its exact minimizer, so no step raises the objective. An atom whose
    diagonal entry is not positive is left alone.

    Parameters
    ----------
    C : ndarray of shape (n_samples, n_atoms), float64
        Start on entry, codes on exit. With ``nonneg`` the start must be non-negative.
    gram : ndarray of shape (n_atoms, n_atoms)
        Shared symmetric positive semidefinite matrix.
    rhs : ndarray of shape (n_samples, n_atoms)
        Linear terms.
    l1 : float
        Weight of the absolute values, at least 0.
    nonneg : bool
        Keep the codes non-negative.
    max_sweeps : int
        Maximum number of passes over the coordinates of a row.
    tol : float
        A row is done when its largest change in a pass is at most ``tol`` times its
        largest entry; 0 runs until nothing moves.

    Returns
    -------
    n_sweeps : int
        Maximum number of passes that any row took.
    """
    n, r = C.shape
    slope = np.empty(r)  # gram @ c - rhs[i], kept up to date
    longest = 0
    for i in range(n):
        for k in range(r):
            slope[k] = -rhs[i, k]
        for j in range(r):
            c = C[i, j]
            if c != 0.0:
                for k in range(r):
                    slope[k] += c * gram[j, k]
        sweeps = 0
        while sweeps < max_sweeps:
            sweeps += 1
            moved = 0.0
            largest = 0.0
            for k in range(r):
                curvature = gram[k, k]
                old = C[i, k]
                if curvature > 0.0:
                    target = old * curvature - slope[k]
                    if target > l1:
                        new = (target - l1) / curvature
                    elif target < -l1 and not nonneg:
                        new = (target + l1) / curvature
                    else:
                        new = 0.0
                    step = new - old
                    if step != 0.0:
                        C[i, k] = new
                        for j in range(r):
                            slope[j] += step * gram[k, j]
                        moved = max(moved, abs(step))
                largest = max(largest, abs(C[i, k]))
            if moved <= tol * largest:
                break
        longest = max(longest, sweeps)
    return longest


def warmup():
    """Compile the kernels of this module on tiny data."""
    cd_codes(np.zeros((2, 2)), np.eye(2), np.ones((2, 2)), 0.0, True, 2, 0.0)
