"""Classifiers by the distance to the mean of each class."""

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._solvers.lda import shrunk_lda_directions
from skgeo.utils.warn import warn_user

__all__ = ["BlockToeplitzMeans", "FilteredMeans", "Means"]


class Means:
    """Minimum distance to the Riemannian mean of a class (MDM).

    Parameters
    ----------
    tol : float
        Tolerance of the means.
    """

    def __init__(self, tol):
        self.tol = tol

    def fit(self, source, codes, n_classes, weight, tick=None):
        """Fit on the training matrices of a source of one embedding."""
        (matrices,) = source.training()
        self._fit(matrices, codes, n_classes, weight)
        return self

    def _fit(self, matrices, codes, n_classes, weight):
        self.whiteners = []
        for k in range(n_classes):
            w = weight[codes == k]
            result = riemann.riemann_mean(
                matrices[codes == k], w / w.sum(), tol=self.tol
            )
            riemann.warn_if_not_converged(result, self.tol)
            self.whiteners.append(result.x)

    def squared_distances(self, matrices):
        """Squared distances of matrices to the class means."""
        d = [riemann.distances_to(matrices, W) for W in self.whiteners]
        return np.column_stack(d) ** 2

    def outputs(self, sets):
        """Squared distances of the matrices of trials to the class means."""
        (matrices,) = sets
        return self.squared_distances(matrices)

    @staticmethod
    def decision(outputs):
        """Negative squared distances, their difference for two classes."""
        return outputs[:, 0] - outputs[:, 1] if outputs.shape[1] == 2 else -outputs

    @staticmethod
    def predict(outputs):
        """Codes of the nearest means."""
        return outputs.argmin(1)

    @staticmethod
    def proba(outputs):
        """Softmax of the negative squared distances."""
        return softmax(-outputs, axis=1)


class FilteredMeans(Means):
    """MDM after geodesic filtering by discriminant analysis (FgMDM)."""

    def _fit(self, matrices, codes, n_classes, weight):
        result = riemann.riemann_mean(matrices, weight / weight.sum(), tol=self.tol)
        riemann.warn_if_not_converged(result, self.tol)
        # The discriminant analysis scales each feature by itself, so it depends on
        # the frame: take the symmetric one, as the method is defined.
        self.root, rotation, _ = riemann.symmetric_whitener(result.x)
        T = riemann.vectorize(result.logs.dense(rotation))
        self.basis = self._directions(T, codes, n_classes, weight)
        super()._fit(self._project(T), codes, n_classes, weight)

    @staticmethod
    def _directions(T, codes, n_classes, weight):
        """Orthonormal discriminants; of equal trials there is nothing to filter."""
        counts = np.bincount(codes, minlength=n_classes)
        spread = np.linalg.norm(T - T.mean(0)) > 1e-10 * max(1.0, np.linalg.norm(T))
        if spread and counts.max() > 1:
            try:
                coef = shrunk_lda_directions(T, codes, n_classes, weight)
                # At the Riemannian mean the class means sum to zero, so of n_classes
                # directions one is left with rounding errors: it is none.
                _, s, Vt = np.linalg.svd(coef, full_matrices=False)
                if np.isfinite(s).all() and s[0] > 0:
                    return Vt[s > 1e-6 * s[0]]
            except np.linalg.LinAlgError:
                pass  # no variation within the classes: filter by the means alone
        warn_user(
            "The trials do not vary within their classes (one trial each, or equal "
            "ones): the geodesic filter keeps the directions of the class means only.",
        )
        means = np.stack([T[codes == k].mean(0) for k in range(n_classes)])
        _, s, Vt = np.linalg.svd(means - means.mean(0), full_matrices=False)
        kept = s > max(1e-6 * s[0], 1e-12)
        return Vt[kept] if kept.any() else Vt[:1]

    def _project(self, T):
        filtered = T @ self.basis.T @ self.basis
        # Distances do not change if all matrices are seen from the whitened frame.
        return riemann.exp_symmetric(riemann.unvectorize(filtered, len(self.root)))

    def squared_distances(self, matrices):
        """Squared distances of filtered matrices to the class means."""
        T = riemann.vectorize(riemann.log_maps(matrices, self.root).dense())
        return super().squared_distances(self._project(T))


class BlockToeplitzMeans(Means):
    """MDM in the product geometry of block-Toeplitz covariances."""

    def _fit(self, blocks, codes, n_classes, weight):
        result = riemann.riemann_mean(blocks[:, 0], weight / weight.sum(), tol=self.tol)
        riemann.warn_if_not_converged(result, self.tol)
        self.whitener = result.x
        P, Omega = self._coordinates(blocks)
        self.centers = []
        for k in range(n_classes):
            member = codes == k
            w = weight[member] / weight[member].sum()
            W, center, converged = block_toeplitz.mean(
                P[member], Omega[member], w, tol=self.tol
            )
            if not converged:
                warn_user(
                    f"The block-Toeplitz mean of class {k} missed tol={self.tol:.1e}.",
                    ConvergenceWarning,
                )
            self.centers.append((W, center))

    def _coordinates(self, blocks):
        return block_toeplitz.coefficients(block_toeplitz.whiten(blocks, self.whitener))

    def squared_distances(self, blocks):
        """Squared distances of block-Toeplitz matrices to the class means."""
        P, Omega = self._coordinates(blocks)
        d2 = [block_toeplitz.squared_distances(P, Omega, *c) for c in self.centers]
        return np.column_stack(d2)
