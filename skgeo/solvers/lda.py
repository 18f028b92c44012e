"""Discriminant directions with far more features than samples."""

import numpy as np

__all__ = ["shrunk_lda_directions"]


def shrunk_lda_directions(X, codes, n_classes):
    """Discriminant coefficients of LDA with Ledoit-Wolf shrinkage, in dual form.

    The shrunk within-class covariance of scikit-learn's
    ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`` is a diagonal
    plus a matrix of rank at most the number of samples; Woodbury's identity then
    solves for the coefficients without a matrix of features by features.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    codes : ndarray of shape (n_samples,)
        Class of each sample, ``0 .. n_classes - 1``.
    n_classes : int
        Number of classes.

    Returns
    -------
    coef : ndarray of shape (n_classes, n_features) or (1, n_features)
        Coefficients, the difference of the two for two classes.
    """
    n, m = X.shape
    diagonal = np.zeros(m)
    rows = np.empty((n, m))
    means = np.empty((n_classes, m))
    for k in range(n_classes):
        member = codes == k
        n_k = int(member.sum())
        prior = n_k / n
        means[k] = X[member].mean(0)
        centred = X[member] - means[k]
        scale = centred.std(0)
        scale[scale <= 10 * np.finfo(float).eps * np.abs(X[member]).max(0)] = 1.0
        rho, mu = _ledoit_wolf(centred / scale)
        diagonal += prior * rho * mu * scale**2
        rows[member] = centred * np.sqrt(prior * (1.0 - rho) / n_k)
    # Directions without any variation carry no information and must not divide.
    diagonal = np.maximum(diagonal, 1e-12 * diagonal.max())
    weighted = rows / diagonal
    small = np.eye(n) + rows @ weighted.T
    right = means / diagonal
    coef = right - np.linalg.solve(small, rows @ right.T).T @ weighted
    return coef[1:] - coef[:1] if n_classes == 2 else coef


def _ledoit_wolf(Z):
    """Shrinkage intensity and scale of centred samples, in O(n^2 m)."""
    n, m = Z.shape
    squares = np.einsum("ij,ij->i", Z, Z)
    mu = squares.sum() / (n * m)
    delta_sum = ((Z @ Z.T) ** 2).sum() / n**2
    beta = ((squares**2).sum() / n - delta_sum) / (m * n)
    delta = (delta_sum - m * mu**2) / m
    beta = min(beta, delta)
    return (max(beta / delta, 0.0) if delta > 0 else 0.0), mu
