"""Sub-gradient descent on the mean absolute residual, over factors of a matrix.

Several runs share every pass over the measurements: two products of a tall matrix with
a few columns cost hardly more than with one, because both wait for memory.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Factors", "descend", "spectral_start", "truncate"]

_OFFSET_EVERY = 10  # steps between two medians of the residuals
_TICK_EVERY = 100


@dataclass
class Factors:
    """A matrix ``left @ right.T``, and the offset beside it.

    Attributes
    ----------
    left : ndarray of shape (p, k)
        Left factor.
    right : ndarray of shape (q, k) or None
        Right factor; None for a symmetric matrix, ``right = left * signs``.
    signs : ndarray of shape (k,) or None
        Signs of the eigenvalues of a symmetric matrix, which the descent keeps.
    offset : float
        Offset.
    """

    left: np.ndarray
    right: np.ndarray | None
    signs: np.ndarray | None
    offset: float

    def pair(self):
        """Left and right factor."""
        return self.left, self.left * self.signs if self.right is None else self.right

    def matrix(self):
        """The matrix."""
        left, right = self.pair()
        return left @ right.T

    def step(self, gradient, length):
        """Move down the gradient with respect to the matrix; in place."""
        if self.right is None:
            self.left -= 2.0 * length * (gradient @ self.left) * self.signs
            return
        left = self.left - length * (gradient @ self.right)
        self.right -= length * (gradient.T @ self.left)
        self.left = left

    def astype(self, dtype):
        """Copy in another precision."""

        def convert(a):
            return None if a is None else a.astype(dtype)

        return Factors(
            convert(self.left), convert(self.right), convert(self.signs), self.offset
        )


def spectral_start(problem, k, scale):
    """Small factors along the leading directions of the first gradient."""
    signs = np.sign(problem.t - problem.offset)
    D = problem.layout.unpack(problem.A.T @ signs / len(signs))
    if problem.layout.symmetric:
        values, V = np.linalg.eigh(D)
        lead = np.argsort(-np.abs(values), kind="stable")[:k]
        left = V[:, lead] * np.sqrt(scale * np.abs(values[lead]))
        side = np.where(values[lead] < 0, -1.0, 1.0)
        return Factors(left, None, side, problem.offset)
    U, s, Vt = np.linalg.svd(D, full_matrices=False)
    root = np.sqrt(scale * s[:k])
    return Factors(U[:, :k] * root, Vt[:k].T * root, None, problem.offset)


def descend(problem, runs, A, *, step, decay, n_steps, callback):
    """Geometrically shrinking steps for several runs at once; in place.

    Parameters
    ----------
    problem : Problem
        The measurements.
    runs : list of Factors
        The runs, in the precision of A.
    A : ndarray of shape (n, width)
        The measurements in the precision to work in.
    step : float
        First length.
    decay : float
        Factor of the length from step to step.
    n_steps : int
        Number of steps.
    callback : callable
        Called every hundred steps; true stops.

    Returns
    -------
    done : bool
        False if the callback asked to stop.
    """
    layout, n = problem.layout, len(A)
    t = problem.t.astype(A.dtype)[:, None]
    offsets = np.array([run.offset for run in runs], dtype=A.dtype)
    models = np.empty((A.shape[1], len(runs)), dtype=A.dtype)
    done = True
    for i in range(n_steps):
        for c, run in enumerate(runs):
            models[:, c] = layout.pack(run.matrix())
        residual = A @ models + (offsets - t)
        if problem.fit_intercept and i % _OFFSET_EVERY == 0:
            middle = np.median(residual, axis=0)
            offsets -= middle
            residual -= middle
        gradients = A.T @ np.sign(residual)
        length = step * decay**i / n
        for c, run in enumerate(runs):
            run.step(layout.unpack(gradients[:, c]), length)
        if i % _TICK_EVERY == _TICK_EVERY - 1 and callback({"step": i}):
            done = False
            break
    for c, run in enumerate(runs):
        run.offset = float(offsets[c])
    return done


def truncate(problem, run, gap, rank=None):
    """Cut a run at the largest gap of its singular values, or to a given rank.

    Parameters
    ----------
    problem : Problem
        The measurements.
    run : Factors
        The run, of k columns.
    gap : float
        Smallest ratio of neighboring singular values that counts as a gap; without
        one all k are kept.
    rank : int, optional
        Number of columns to keep, whatever the gaps.

    Returns
    -------
    cut : Factors
        Factors of as many columns as the rank found.
    """
    k = run.left.shape[1]
    M = run.matrix().astype(np.float64)
    if not np.isfinite(M).all():
        raise ValueError(
            "The descent of RobustTraceRegressor left the range of floating-point "
            "numbers: lower step_size or init_scale."
        )
    if problem.layout.symmetric:
        values, V = np.linalg.eigh((M + M.T) / 2)
        lead = np.argsort(-np.abs(values), kind="stable")
        sizes = np.abs(values[lead])
    else:
        U, sizes, Vt = np.linalg.svd(M, full_matrices=False)
    if rank is None:
        rank = _gap_rank(sizes, k, gap)
    if problem.layout.symmetric:
        lead = lead[:rank]
        side = np.where(values[lead] < 0, -1.0, 1.0)
        return Factors(V[:, lead] * np.sqrt(sizes[:rank]), None, side, run.offset)
    root = np.sqrt(sizes[:rank])
    return Factors(U[:, :rank] * root, Vt[:rank].T * root, None, run.offset)


def _gap_rank(sizes, k, gap):
    if k == 1:
        return 1
    floored = np.maximum(sizes[:k], max(sizes[0], 1e-300) * 1e-14)
    ratios = floored[:-1] / floored[1:]
    return int(np.argmax(ratios)) + 1 if ratios.max() > gap else k
