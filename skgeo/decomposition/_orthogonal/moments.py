"""Running mean and covariance of a stream, and what follows them.

That is whitening, and the principal subspace that a smaller dictionary lives in.
"""

import numpy as np

__all__ = ["Moments", "principal_basis", "whitening_pair"]

# The whitening matrix is renewed when the number of rows behind it has grown by this
# factor: the eigendecompositions of a stream of N rows number log N.
_GROWTH = 1.1
# With constant steps the moments forget too, over a window this many times as long as
# that of the gradient.
_SLOWER = 4.0


class Moments:
    """Mean and covariance (second moment when not centered), renewed batch by batch.

    Attributes
    ----------
    mean : ndarray of shape (n,)
        Weighted mean of the rows, zero unless centered.
    covariance : ndarray of shape (n, n) or None
        Weighted covariance about the mean, None unless whitened or reduced.
    weight : float
        Number of rows the moments stand for.
    """

    def __init__(self, n, center, whiten, basis=None):
        self.center, self.whiten, self.basis = center, whiten, basis
        self.mean = np.zeros(n)
        needed = whiten or basis is not None
        self.covariance = np.zeros((n, n)) if needed else None
        self.weight = 0.0
        self._renewed_at = 0.0
        self._pair = None

    def reference(self, X):
        """Mean before a batch, to take off it before its rows are clipped.

        For the first batch, whose own rows are all there is, the median: rows that
        are about to be clipped must not move it.
        """
        if not self.center:
            return None
        if self.weight == 0.0:
            self.mean = np.median(X, axis=0).astype(np.float64)
        return self.mean.astype(X.dtype)

    def update(self, X, forgetting):
        """Include a batch; center it on the new mean (in place), whiten or reduce it.

        Parameters
        ----------
        X : ndarray of shape (batch, n)
            Rows less their :meth:`reference`.
        forgetting : float
            Weight of the batch in an average that forgets; 0 for a plain average.

        Returns
        -------
        Y : ndarray of shape (batch, r)
            The rows, centered, and whitened or reduced.
        """
        batch = len(X)
        share = max(batch / (self.weight + batch), forgetting / _SLOWER)
        self.weight = batch / share
        if self.covariance is not None:
            self.covariance *= 1.0 - share
            self.covariance += (share / batch) * (X.T @ X)
        if self.center:
            shift = share * X.mean(axis=0, dtype=np.float64)
            self.mean = self.mean + shift
            X -= shift.astype(X.dtype)
            if self.covariance is not None:
                self.covariance -= np.outer(shift, shift)
        if self.covariance is None:
            return X
        grown = self.weight >= _GROWTH * self._renewed_at
        if grown or forgetting > 0.0:
            self.basis, (*self._pair, _) = self._followed()
            self._renewed_at = self.weight
        return self.reduce(X)

    def _followed(self):
        """Basis and matrices to and from inner codes, for the covariance as it is."""
        if self.basis is None:
            return None, whitening_pair(self.covariance)
        basis = principal_basis(self.covariance, self.basis)
        if not self.whiten:
            return basis, (basis, basis.T, basis.shape[1])
        whitening, root, rank = whitening_pair(basis.T @ self.covariance @ basis)
        return basis, (basis @ whitening, root @ basis.T, rank)

    def pair(self):
        """Matrices that take rows to inner codes and back; nothing is changed.

        Returns
        -------
        forward : ndarray of shape (n, r)
            Inner codes are ``(x - mean) @ forward``.
        back : ndarray of shape (r, n)
            Rows are ``mean + inner @ back``.
        rank : int
            Number of directions with variance among the r (r unless whitened).
        """
        if self.covariance is None:
            n = len(self.mean)
            return np.eye(n), np.eye(n), n
        return self._followed()[1]

    def reduce(self, X):
        """Whiten rows that are centered already, or take them to the subspace."""
        if self.covariance is None:
            return X
        return X @ self._pair[0].astype(X.dtype)

    def rescale(self, shift):
        """Express everything in units 2**-shift times as large."""
        self.mean = np.ldexp(self.mean, shift)
        if self.covariance is not None:
            self.covariance = np.ldexp(self.covariance, 2 * shift)
            if self.whiten:
                whitening, root = self._pair
                self._pair = np.ldexp(whitening, -shift), np.ldexp(root, shift)
                self._renewed_at = 0.0  # rows far larger than all before follow


def principal_basis(covariance, basis):
    """Orthonormal basis of the leading eigenspace, turned towards an older basis.

    Parameters
    ----------
    covariance : ndarray of shape (n, n)
        Symmetric positive semi-definite.
    basis : ndarray of shape (n, r)
        An orthonormal basis: coordinates in the new one mean what they meant in it.

    Returns
    -------
    basis : ndarray of shape (n, r)
        Orthonormal columns.
    """
    V = np.linalg.eigh(covariance)[1][:, -basis.shape[1] :]
    U, _, Wt = np.linalg.svd(V.T @ basis)
    return V @ (U @ Wt)


def whitening_pair(covariance):
    """Symmetric inverse square root and square root of a covariance.

    Parameters
    ----------
    covariance : ndarray of shape (n, n)
        Symmetric positive semi-definite.

    Returns
    -------
    whitening, root : ndarray of shape (n, n)
        Inverse square root (zero along directions without variance) and square root.
    rank : int
        Number of directions with variance.
    """
    values, V = np.linalg.eigh(covariance)
    largest = max(values[-1], 0.0)
    kept = values > largest * (len(values) * np.finfo(np.float64).eps)
    roots = np.sqrt(np.where(kept, values, 0.0))
    inverse = np.divide(1.0, roots, out=np.zeros_like(roots), where=kept)
    return (V * inverse) @ V.T, (V * roots) @ V.T, int(kept.sum())
