"""Standardized features, and the way back to the units of the data."""

import numpy as np

__all__ = ["REPEATED", "SPIKE", "Columns"]

REPEATED = 0.3  # share of equal values from which a column is a doubtful Gaussian
_ENOUGH = 20  # rows from which on a share of equal values says something
SPIKE = 0.1  # share of the variance of such a column that components keep at least
# Standardization divides by a column's deviation, and undoing it squares it.
_SMALLEST = 1e-150


class Columns:
    """Location and scale of the features; constant ones are left out."""

    def __init__(self, X, standardize=True):
        top, bottom = X.max(axis=0), X.min(axis=0)
        self.center = 0.5 * top + 0.5 * bottom
        half = 0.5 * top - 0.5 * bottom
        safe = np.where(half > 0, half, 1.0)
        inner = (X - self.center) / safe
        self.center = self.center + safe * inner.mean(axis=0)
        self.varies = half > 1e-12 * np.abs(self.center)
        deviation = safe * inner.std(axis=0)
        if not standardize:
            self.varies = np.ones(X.shape[1], dtype=bool)
            largest = max(float(half.max()), np.finfo(float).tiny)
            deviation = np.full(X.shape[1], largest if half.max() > 0 else 1.0)
        tiny = self.varies & (deviation < _SMALLEST)
        if tiny.any():
            column = int(np.argmax(tiny))
            raise ValueError(
                f"Feature {column} of X varies by {deviation[column]:.3g} only: its "
                "variance is no floating-point number. Multiply it by a constant."
            )
        if not self.varies.any():
            self.varies[0] = True
            deviation[0] = max(abs(self.center[0]), 1.0)
        self.deviation = np.where(self.varies, deviation, 1.0)
        self.unit = self.deviation[self.varies]
        self.log_volume = float(np.log(self.unit).sum())

    def standardize(self, X):
        """Centered and scaled features that vary."""
        kept = self.varies
        return (X[:, kept] - self.center[kept]) / self.unit

    def restore_means(self, means):
        """Points in the units of the data."""
        out = np.repeat(self.center[None], len(means), axis=0)
        out[:, self.varies] += means * self.unit
        return out

    def restore_covariances(self, covariances):
        """Covariances in the units of the data; constant features hardly vary."""
        d = len(self.center)
        out = np.zeros((len(covariances), d, d))
        least = 1e-6 * np.maximum(np.abs(self.center), self.unit.min())
        out[:, range(d), range(d)] = least**2
        rows = np.ix_(range(len(covariances)), self.varies, self.varies)
        out[rows] = covariances * self.unit[:, None] * self.unit[None]
        return out

    def repeated(self, X):
        """Features of which many values are equal."""
        found = []
        for j in np.flatnonzero(self.varies):
            counts = np.unique(X[:, j], return_counts=True)[1]
            if len(X) >= _ENOUGH and counts.max() > REPEATED * len(X):
                found.append(int(j))
        return found

    def grain(self, X):
        """Least variances of components, in standardized units.

        Values on a grid of step h, such as integers, stand for an interval each, and
        have its variance ``h^2 / 12`` in addition; without it components collapse on
        single values, and every likelihood prefers that. Of a column in which one
        value is frequent a share of the variance is taken.
        """
        least = np.zeros(int(self.varies.sum()))
        for i, j in enumerate(np.flatnonzero(self.varies)):
            values, counts = np.unique(X[:, j], return_counts=True)
            if 2 * len(values) <= len(X):
                step = np.median(np.diff(values)) / self.deviation[j]
                least[i] = min(step**2 / 12, 1.0)
            if len(X) >= _ENOUGH and counts.max() > REPEATED * len(X):
                least[i] = max(least[i], SPIKE)
        return least
