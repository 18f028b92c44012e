"""Tangent vectors of several embeddings, one weighted Gram matrix.

Every embedding has its own tangent space; the machine sees the sum of their Gram
matrices. One embedding after another is mapped, added to the sum and, where memory is
short, let go: a linear machine needs its vectors once more only, to fold the weights of
the trials into weights of the features. Predicting then takes no training trials.
"""

import numpy as np

from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.utils.parallel import chunk_slices

__all__ = ["OnePassSpace", "RiemannSpace", "SiegelSpace", "TangentFeatures"]

# Mean squared norm of averaged vectors. With it a support vector machine of C = 1 is
# practically one of hard margin, for any number of embeddings; C = 0.1 costs 2 to 6
# points on steady-state responses, larger ones change nothing.
_MEAN_SQUARE = 10.0

# Bytes of tangent vectors that are kept during a fit rather than computed twice.
_MAX_KEPT = 100e6

# Norm of the mean logarithm, over sqrt(n), up to which one correction of first order
# is enough. On EEG it is about 0.1 at the arithmetic mean.
_NEAR = 0.5

# Entries of matrices up to which weights of the Hessian are kept between two uses.
_MAX_WEIGHTS = 4e6

# Passes over matrices that are farther from it. Two are enough on EEG with artifacts.
_MAX_STEPS = 10


class _DenseSpace:
    """What spaces of dense covariances with a whitened reference share."""

    def covariance_change(self, vectors):
        """Change of the covariance along tangent vectors, one matrix for each."""
        d = len(self.whitener)
        root = np.linalg.inv(self.whitener)
        return root @ riemann.unvectorize(vectors, d) @ root.T

    def reference(self):
        """Return the reference matrix."""
        root = np.linalg.inv(self.whitener)
        return root @ root.T


class RiemannSpace(_DenseSpace):
    """Logarithms at the Riemannian mean of dense covariances.

    Parameters
    ----------
    tol : float
        Tolerance of the mean.
    """

    def __init__(self, tol):
        self.tol = tol

    def learn(self, matrices, weight):
        """Learn the mean (weight sums to one) and return the packed logarithms."""
        result = riemann.riemann_mean(matrices, weight, tol=self.tol)
        riemann.warn_if_not_converged(result, self.tol)
        self.whitener = result.x
        return riemann.vectorize(result.logs.dense())

    def map(self, matrices):
        """Return the packed logarithms."""
        return riemann.vectorize(riemann.log_maps(matrices, self.whitener).dense())


class OnePassSpace(_DenseSpace):
    """Logarithms near the Riemannian mean, from one eigendecomposition of a matrix.

    The logarithms are taken at the arithmetic mean ``A``; to first order those at
    ``A^(1/2) exp(m) A^(1/2)`` differ by ``V (Phi * (V^T m V)) V^T``, with the
    eigenvectors at hand already. The Gram matrix is within about 2e-3 of that at the
    Riemannian mean, at half the price.
    """

    def learn(self, matrices, weight):
        """Learn the reference (weight sums to one) and return the packed vectors.

        The matrices are overwritten: a chunk at a time they become eigenvectors.
        """
        n, d, _ = matrices.shape
        average = np.tensordot(weight, matrices, axes=1)
        W = riemann.whitener_of(average, "the arithmetic mean of the matrices")
        share = riemann.unexplained_share(average, W)
        chunks, nearer = None, None
        for step in range(_MAX_STEPS):
            J, stretch, seen, weights = 0.0, 0.0, [], []
            for k, part in enumerate(self._parts(n, d)):
                if step == 0:
                    logs = riemann.log_maps(
                        matrices[part], W, first=part.start, unexplained=share
                    )
                else:  # far from the mean: the same matrices, seen from nearer
                    half = np.exp(0.5 * chunks[k])[:, None, :]
                    logs = riemann.log_maps_of_factors(nearer @ (matrices[part] * half))
                J = J + logs.mean(weight[part])
                phi = riemann.hessian_weights(logs.values)
                stretch += weight[part] @ phi.mean((1, 2))
                seen.append(logs.values)
                weights.append(phi if n * d * d <= _MAX_WEIGHTS else None)
                matrices[part] = logs.vectors
            chunks, m = seen, J / stretch
            if np.linalg.norm(m) <= _NEAR * np.sqrt(d) or step == _MAX_STEPS - 1:
                break
            nearer = riemann.exp_symmetric(m, -0.5)
            W = nearer @ W
        self.whitener, self.shift = W, m
        rows = np.empty((n, d * (d + 1) // 2))
        for part, values, phi in zip(self._parts(n, d), chunks, weights, strict=True):
            self._shift(riemann.LogMaps(values, matrices[part]), rows[part], phi)
        return rows

    def map(self, matrices):
        """Return the packed vectors."""
        n, d, _ = matrices.shape
        rows = np.empty((n, d * (d + 1) // 2))
        for part in self._parts(n, d):
            logs = riemann.log_maps(matrices[part], self.whitener, first=part.start)
            self._shift(logs, rows[part])
        return rows

    @staticmethod
    def _parts(n, d):
        """Slices of trials whose matrices take 8 MB."""
        return chunk_slices(n, -(-n * d * d // 2**20))

    def _shift(self, logs, rows, phi=None):
        """Fill packed vectors, a few matrices at a time that stay in cache."""
        phi = riemann.hessian_weights(logs.values) if phi is None else phi
        n, d = logs.values.shape
        index = np.arange(d)
        for part in riemann.slices_in_cache(n, d):
            V = logs.vectors[part]
            Vt = V.swapaxes(1, 2)
            inner = Vt @ self.shift @ V
            inner *= phi[part]
            np.negative(inner, out=inner)
            inner[:, index, index] += logs.values[part]
            rows[part] = riemann.vectorize(V @ inner @ Vt)


class SiegelSpace:
    """Block-Toeplitz coordinates at the mean of the diagonal blocks.

    Parameters
    ----------
    tol : float
        Tolerance of the mean.
    """

    def __init__(self, tol):
        self.tol = tol

    def learn(self, blocks, weight):
        """Learn the mean of the diagonal blocks and return the coordinates."""
        result = riemann.riemann_mean(blocks[:, 0], weight, tol=self.tol)
        riemann.warn_if_not_converged(result, self.tol)
        self.whitener = result.x
        return self.map(blocks)

    def map(self, blocks):
        """Return the coordinates."""
        return block_toeplitz.tangent(blocks, self.whitener)


class TangentFeatures:
    """Tangent vectors of embeddings, weighted so that their Gram matrices average.

    Parameters
    ----------
    spaces : list
        One tangent space per embedding.
    shares : ndarray of shape (n_embeddings,) or None
        Weights of the normalized Gram matrices, sum one; None for a single embedding
        whose vectors stay as they are.
    groups : sequence of str, optional
        Group of each embedding; with ``alignment`` weights move inside groups only.
    alignment : bool, default=False
        Multiply the weights by the alignment of each Gram matrix with the labels.

    Attributes
    ----------
    factors : ndarray of shape (n_embeddings,)
        Weights of the Gram matrices as they are.
    final_shares : ndarray of shape (n_embeddings,)
        Shares, after alignment.
    n_features : int
        Number of entries of all vectors together.
    """

    def __init__(self, spaces, shares=None, *, groups=None, alignment=False):
        self.spaces, self.shares = spaces, shares
        self.groups, self.alignment = groups, alignment

    def learn(self, sets, codes, weight, tick=None):
        """Learn all references and return the Gram matrix of the training vectors.

        Parameters
        ----------
        sets : iterable of ndarray
            Matrices of the training trials, one array per embedding.
        codes : ndarray of shape (n,)
            Class of each trial.
        weight : ndarray of shape (n,)
            Weights, sum one.
        tick : callable, optional
            Called after each embedding; if it answers true those so far are all
            there are (``spaces`` is shorter then).

        Returns
        -------
        K : ndarray of shape (n, n)
            Weighted sum of the Gram matrices.
        """
        self.offsets, self.rows, spreads, aligned = [], [], [], []
        sums, kept = {}, 0
        names = self.groups or ["all"] * len(self.spaces)
        base = np.ones(len(self.spaces)) if self.shares is None else self.shares
        for q, (space, matrices) in enumerate(zip(self.spaces, sets, strict=True)):
            rows = space.learn(matrices, weight)
            single = self.shares is None and not isinstance(space, SiegelSpace)
            # Logarithms at a Riemannian mean are centered by nature.
            offset = np.zeros(rows.shape[1]) if single else weight @ rows
            rows -= offset
            gram = rows @ rows.T
            spread = 1.0 if self.shares is None else weight @ np.diagonal(gram)
            spreads.append(spread if spread > 0 else np.inf)
            aligned.append(_alignment(gram, codes, weight) if self.alignment else 1.0)
            gram *= base[q] * aligned[-1] / spreads[-1]
            sums[names[q]] = gram + sums.get(names[q], 0.0)
            self.offsets.append(offset)
            kept += rows.nbytes
            self.rows.append(rows if kept <= _MAX_KEPT else None)
            if tick is not None and tick({"embedding": q + 1}):
                break
        done = len(self.offsets)
        self.spaces, names = self.spaces[:done], names[:done]
        whole = np.asarray(base, dtype=float).sum()
        base = np.asarray(base, dtype=float)[:done]
        self.n_features = sum(len(offset) for offset in self.offsets)
        weights = base * aligned
        scale = 1.0 if self.shares is None else _MEAN_SQUARE
        K = 0.0
        for name, gram in sums.items():
            member = np.array([n == name for n in names])
            share = base[member].sum() / weights[member].sum()
            share *= whole / base.sum()
            weights[member] *= share
            K = K + scale * share * gram
        self.final_shares = weights
        self.factors = scale * weights / spreads
        return K

    def vectors(self, sets):
        """Yield the centered vectors of trials, embedding by embedding."""
        for space, offset, matrices in zip(
            self.spaces, self.offsets, sets, strict=True
        ):
            rows = space.map(matrices)
            rows -= offset
            yield rows

    def gram(self, sets, landmarks):
        """Gram matrix of trials and landmarks.

        Parameters
        ----------
        sets : iterable of ndarray
            Matrices of trials.
        landmarks : list of ndarray
            Vectors of other trials, one array per embedding.

        Returns
        -------
        K : ndarray of shape (n, n_landmarks)
            Weighted sum of inner products.
        norms : ndarray of shape (n,)
            Weighted squared norms of the trials' vectors.
        """
        K, norms = 0.0, 0.0
        for rows, other, factor in zip(
            self.vectors(sets), landmarks, self.factors, strict=True
        ):
            K = K + factor * (rows @ other.T)
            norms = norms + factor * np.einsum("ij,ij->i", rows, rows)
        return K, norms

    def training_vectors(self, again):
        """Yield the training vectors, computing anew those that were let go.

        Parameters
        ----------
        again : callable
            Returns an iterable of the training matrices.
        """
        if all(rows is not None for rows in self.rows):
            yield from self.rows
            return
        for q, matrices in enumerate(again()):
            if self.rows[q] is not None:
                yield self.rows[q]
            else:
                yield self.spaces[q].map(matrices) - self.offsets[q]

    def fold(self, coef, again):
        """Turn coefficients of the training trials into weights of the features.

        Parameters
        ----------
        coef : ndarray of shape (n, n_out)
            Coefficients of the training trials.
        again : callable
            Returns an iterable of the training matrices.
        """
        self.weights = [
            factor * (rows.T @ coef)
            for factor, rows in zip(
                self.factors, self.training_vectors(again), strict=True
            )
        ]
        self.rows = None

    def scores(self, sets):
        """Inner products of trials with the folded weights.

        Parameters
        ----------
        sets : iterable of ndarray
            Matrices of trials, one array per embedding.

        Returns
        -------
        scores : ndarray of shape (n, n_out)
            Sum over the embeddings.
        """
        return sum(
            rows @ weights
            for rows, weights in zip(self.vectors(sets), self.weights, strict=True)
        )


def _alignment(gram, codes, weight):
    """Centered alignment of a Gram matrix with that of the labels, at least 1e-6."""
    labels = codes[:, None] == codes
    ideal = labels - weight @ labels - (labels @ weight)[:, None]
    ideal = ideal + weight @ labels @ weight
    pair = weight[:, None] * weight
    top = (pair * gram * ideal).sum()
    bottom = np.sqrt((pair * gram**2).sum() * (pair * ideal**2).sum())
    return max(1e-6, float(top / bottom)) if bottom > 0 else 1e-6
