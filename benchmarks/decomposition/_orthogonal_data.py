"""Sparse data over a known dictionary, and distances to it."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def orthogonal(rng, n):
    """Orthogonal matrix drawn uniformly."""
    Q, R = np.linalg.qr(rng.standard_normal((n, n)))
    return Q * np.sign(np.diag(R))


def codes(rng, n_samples, n, theta):
    """Standard normal codes, each kept with probability theta."""
    return rng.standard_normal((n_samples, n)) * (rng.random((n_samples, n)) < theta)


def err4(W, D):
    """Zero when W is D up to order and signs; about 1 - 3/n for a random one."""
    return float(1.0 - np.sum((W @ D.T) ** 4) / len(D))


def matched(W, D):
    """Mean of 1 - cos^2 over matched atoms, and the share with |cos| > 0.99."""
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    D = D / np.linalg.norm(D, axis=1, keepdims=True)
    cosine = np.abs(W @ D.T)
    rows, columns = linear_sum_assignment(-cosine)
    cosine = cosine[rows, columns]
    return float(np.mean(1.0 - cosine**2)), float(np.mean(cosine > 0.99))
