"""Tangent vectors of one embedding, in either geometry, or of several side by side.

Each class learns its reference in ``fit``, which returns the vectors of the training
trials, one row a trial; inner products of rows are inner products of tangent vectors.
"""

import numpy as np

from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._tangent import warn_if_not_converged

__all__ = ["AveragedTangent", "RiemannTangent", "SiegelTangent", "make_tangent"]

# Squared norm that the averaged vectors have in the mean. With it a support vector
# machine of C = 1 is practically one of hard margin, for any number of embeddings.
_MEAN_SQUARE = 10.0

# Averaging many embeddings hides errors of single references: see the guide.
_AVERAGED_TOL = 1e-2


def make_tangent(metric, tol, shares=None):
    """Build the unfitted tangent vectors of a classifier.

    Parameters
    ----------
    metric : {"riemann", "block-toeplitz"}
        Geometry.
    tol : float
        Tolerance of the means.
    shares : ndarray of shape (n_embeddings,), optional
        Weights of several embeddings; None for a single one.

    Returns
    -------
    tangent : object
        With ``fit`` and ``transform``.
    """
    kind = SiegelTangent if metric == "block-toeplitz" else RiemannTangent
    if shares is None:
        return kind(tol)
    tol = max(tol, _AVERAGED_TOL)
    return AveragedTangent([kind(tol) for _ in shares], shares)


class RiemannTangent:
    """Logarithms at the Riemannian mean of dense covariances."""

    def __init__(self, tol):
        self.tol = tol

    def fit(self, C, weight):
        """Learn the mean; weight sums to one."""
        result = riemann.riemann_mean(C, weight, tol=self.tol)
        warn_if_not_converged(result, self.tol)
        self.whitener, self.n_iter = result.x, result.n_iter
        self.n_features = C.shape[1] * (C.shape[1] + 1) // 2
        return self._rows(result.extra["logs"])

    def transform(self, C):
        """Map covariances."""
        return self._rows(riemann.log_maps(C, self.whitener))

    @staticmethod
    def _rows(logs):
        S = logs.dense()
        return S.reshape(len(S), -1)


class SiegelTangent:
    """Block-Toeplitz coordinates at the mean of the diagonal blocks."""

    def __init__(self, tol):
        self.tol = tol

    def fit(self, R, weight):
        """Learn the mean of the diagonal blocks; weight sums to one."""
        result = riemann.riemann_mean(R[:, 0], weight, tol=self.tol)
        warn_if_not_converged(result, self.tol)
        self.whitener, self.n_iter = result.x, result.n_iter
        rows = self.transform(R)
        # Unlike logarithms at a mean, the coefficients are not centered by nature.
        self.n_features = rows.shape[1]
        self.offset = weight @ rows
        return rows - self.offset

    def transform(self, R):
        """Map lagged covariances."""
        rows = block_toeplitz.tangent(R, self.whitener)
        return rows - getattr(self, "offset", 0.0)


class AveragedTangent:
    """Vectors of several embeddings side by side, so that their Gram matrices average.

    Each embedding's vectors are centered and scaled to a common mean square first:
    otherwise the largest dimension would speak alone.
    """

    def __init__(self, members, shares):
        self.members, self.shares = members, shares

    def fit(self, sets, weight):
        """Learn all references; ``sets`` yields one array of matrices an embedding."""
        self.offsets, self.scales, blocks = [], [], []
        for member, share, C in zip(self.members, self.shares, sets, strict=True):
            rows = _packed(member, member.fit(C, weight))
            offset = weight @ rows
            rows = rows - offset
            spread = weight @ np.einsum("ij,ij->i", rows, rows)
            scale = np.sqrt(_MEAN_SQUARE * share / spread) if spread > 0 else 0.0
            self.offsets.append(offset)
            self.scales.append(scale)
            blocks.append(scale * rows)
        self.n_features = sum(block.shape[1] for block in blocks)
        return np.concatenate(blocks, axis=1)

    def transform(self, sets):
        """Map one array of matrices an embedding."""
        blocks = [
            scale * (_packed(member, member.transform(C)) - offset)
            for member, scale, offset, C in zip(
                self.members, self.scales, self.offsets, sets, strict=True
            )
        ]
        return np.concatenate(blocks, axis=1)


def _packed(member, rows):
    """Upper triangles of symmetric vectors: half the memory, same inner products."""
    if isinstance(member, SiegelTangent):
        return rows
    d = len(member.whitener)
    return riemann.vectorize(rows.reshape(len(rows), d, d))
