"""Sparse data over a known dictionary."""

import numpy as np
import pytest


class Sparse:
    """Draws of Bernoulli-Gaussian codes over dictionaries."""

    @staticmethod
    def orthogonal(seed, n):
        return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]

    @staticmethod
    def codes(seed, n_samples, n, theta):
        rng = np.random.default_rng(seed)
        kept = rng.random((n_samples, n)) < theta
        return rng.standard_normal((n_samples, n)) * kept

    @staticmethod
    def err4(W, D):
        """Zero when W is D up to order and signs."""
        return 1.0 - np.sum((W @ D.T) ** 4) / len(D)

    def draw(self, seed, n_samples, n, theta):
        D = self.orthogonal(seed, n)
        return self.codes(seed + 1, n_samples, n, theta) @ D, D


@pytest.fixture
def sparse():
    return Sparse()
