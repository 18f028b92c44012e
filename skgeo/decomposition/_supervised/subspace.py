"""The leading eigenspace of a slowly changing operator, warm-started.

Low-rank projected gradient needs the top right singular vectors of a lifted matrix
at every step. Only the label part of that matrix changes, so one or two block power
steps from the last answer are enough, and each captures at least as much energy as
the one before.
"""

import numpy as np
from scipy.linalg import eigh

__all__ = ["DataGram", "Subspace"]

EXACT_LIMIT = 96  # up to this size a full eigendecomposition is cheaper
GRAM_LIMIT = 1000  # up to this many features the Gram matrix is kept


class DataGram:
    """``X'.T W X'``, formed when it is small, applied through X when it is not."""

    def __init__(self, data):
        n, p = data.shape
        self.matrix = data.gram() if p <= GRAM_LIMIT and p <= max(n, 64) else None
        self._data = data
        self.energy = (
            data.energy() if self.matrix is None else float(np.trace(self.matrix))
        )

    def __call__(self, V):
        """Return the Gram matrix times V."""
        if self.matrix is None:
            return self._data.gram_times(V)
        return self.matrix @ V


class Subspace:
    """Orthonormal basis of the top eigenspace of ``weight * G + extra``.

    ``G`` acts on the last ``p`` coordinates; ``extra`` is the part that changes.

    Parameters
    ----------
    gram : DataGram
        The fixed part.
    weight : float
        Its weight.
    rank : int
        Wanted dimension.
    basis : ndarray of shape (size, at least rank)
        Start; the size exceeds the number of features by the number of coordinates
        that ``extra`` alone acts on.
    n_features : int
        Number of features.
    n_power : int
        Block power steps per update.
    """

    def __init__(self, gram, weight, rank, basis, n_features, n_power=2):
        self.gram, self.weight, self.rank, self.n_power = gram, weight, rank, n_power
        self.head = len(basis) - n_features
        self.exact = len(basis) <= EXACT_LIMIT and gram.matrix is not None
        self.basis = np.linalg.qr(basis)[0]
        self.applied = self._gram(self.basis)

    def _gram(self, V):
        out = np.zeros_like(V)
        out[self.head :] = self.gram(V[self.head :])
        return out

    def state(self):
        """Return what :meth:`restore` takes to undo an update."""
        return self.basis, self.applied

    def restore(self, state):
        """Go back to an earlier state."""
        self.basis, self.applied = state

    @property
    def V(self):
        """Basis of the wanted dimension, in the order of falling energy."""
        return self.basis[:, : self.rank]

    def captured(self):
        """Return the energy of the data within the basis, ``tr(V.T G V)``."""
        return float(np.sum(self.V * self.applied[:, : self.rank]))

    def update(self, extra, matrix=None):
        """Move to the top eigenspace for a new changing part.

        Parameters
        ----------
        extra : callable
            Applies the changing part to a block of vectors.
        matrix : callable, optional
            Returns the changing part as a matrix; used when the size is small.
        """
        if self.exact and matrix is not None:
            H = matrix()
            H[self.head :, self.head :] += self.weight * self.gram.matrix
            size = len(H)
            width = self.basis.shape[1]
            H /= np.abs(H).max(initial=0.0) or 1.0  # eigh fails far from one
            _, V = eigh(H, subset_by_index=[size - width, size - 1])
            self.basis = np.ascontiguousarray(V[:, ::-1])
            self.applied = self._gram(self.basis)
            return
        for _ in range(self.n_power):
            Q = np.linalg.qr(self.weight * self.applied + extra(self.basis))[0]
            GQ = self._gram(Q)
            T = Q.T @ (self.weight * GQ + extra(Q))
            _, R = np.linalg.eigh((T + T.T) / 2)
            R = R[:, ::-1]
            self.basis, self.applied = Q @ R, GQ @ R

    def change(self, old):
        """Sine of the angles to an older basis, weighted by the energy it holds."""
        V = self.V
        gap = V - old[:, : self.rank] @ (old[:, : self.rank].T @ V)
        share = np.abs(np.sum(V * self.applied[:, : self.rank], axis=0))
        total = share.sum()
        if total <= 0:
            share, total = np.ones(self.rank), self.rank
        return float(np.sqrt(share @ (gap**2).sum(axis=0) / total))
