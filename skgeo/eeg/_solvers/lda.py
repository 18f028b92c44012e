"""Discriminant directions with far more features than samples."""

import numpy as np

__all__ = ["shrunk_lda_directions"]


def shrunk_lda_directions(X, codes, n_classes, weight=None):
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
    weight : ndarray of shape (n_samples,), optional
        Weights; 2 means what a repeated sample means.

    Returns
    -------
    coef : ndarray of shape (n_classes, n_features) or (1, n_features)
        Coefficients, the difference of the two for two classes.
    """
    n, m = X.shape
    weight = np.ones(n) if weight is None else weight
    diagonal = np.zeros(m)
    rows = np.empty((n, m))
    means = np.empty((n_classes, m))
    for k in range(n_classes):
        member = codes == k
        w = weight[member]
        prior = w.sum() / weight.sum()
        means[k] = w @ X[member] / w.sum()
        centered = X[member] - means[k]
        scale = np.sqrt(w @ centered**2 / w.sum())
        scale[scale <= 10 * np.finfo(float).eps * np.abs(X[member]).max(0)] = 1.0
        rho, mu = _ledoit_wolf(centered / scale, w)
        diagonal += prior * rho * mu * scale**2
        share = prior * (1.0 - rho) * w / w.sum()
        rows[member] = centered * np.sqrt(share)[:, None]
    # Directions without any variation carry no information and must not divide.
    diagonal = np.maximum(diagonal, 1e-12 * diagonal.max())
    weighted = rows / diagonal
    small = np.eye(n) + rows @ weighted.T
    right = means / diagonal
    coef = right - np.linalg.solve(small, rows @ right.T).T @ weighted
    return coef[1:] - coef[:1] if n_classes == 2 else coef


def _ledoit_wolf(Z, w):
    """Shrinkage intensity and scale of centered samples, in O(n^2 m)."""
    m = Z.shape[1]
    n = w.sum()
    squares = np.einsum("ij,ij->i", Z, Z)
    mu = w @ squares / (n * m)
    delta_sum = w @ (Z @ Z.T) ** 2 @ w / n**2
    beta = (w @ squares**2 / n - delta_sum) / (m * n)
    delta = (delta_sum - m * mu**2) / m
    beta = min(beta, delta)
    return (max(beta / delta, 0.0) if delta > 0 else 0.0), mu
