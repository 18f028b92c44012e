"""Settings and error measure of the mis-clustering benchmarks."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import confusion_matrix

from skgeo.datasets import make_gaussian_clusters

__all__ = ["GRIDS", "SETTINGS", "draw", "draw_grid", "error"]

# name: n, K, d, distance of centers, spread of the covariances' eigenvalues
SETTINGS = {
    "mixed, d=6": (90, 3, 6, 4.5, 1.0),
    "mixed, d=20": (80, 2, 20, 4.0, 1.2),
    "equal spheres, d=6": (90, 3, 6, 4.5, 0.0),
    "mixed, K=4, d=4": (120, 4, 4, 4.0, 1.0),
    "strongly mixed, d=10": (120, 3, 10, 3.5, 1.5),
}


def draw(name, seed):
    """Points, labels, means and covariances of one data set."""
    n, K, d, separation, spread = SETTINGS[name]
    return make_gaussian_clusters(
        n,
        K,
        d,
        separation=separation,
        heterogeneity=spread,
        random_state=seed,
        return_params=True,
    )


GRIDS = ("rounded", "indicators", "ratings", "counts", "half zero")


def draw_grid(kind, seed, n=200):
    """Points in three clusters whose values are rounded, counted, or often equal."""
    rng = np.random.default_rng(seed)
    X, y = make_gaussian_clusters(
        n, 3, 4, separation=5.0, heterogeneity=1.0, random_state=seed
    )
    if kind == "rounded":
        return 2 * np.round(X / 2), y
    if kind == "indicators":
        chance = np.array([0.1, 0.5, 0.8])[y][:, None]
        return np.c_[X, rng.random((n, 2)) < chance], y
    if kind == "half zero":
        X = X - X.min(axis=0)
        X[:, :2] *= rng.random((n, 2)) > 0.35 * (1 + 0.5 * (y[:, None] == [0, 1]))
        return X, y
    if kind == "ratings":
        places = rng.uniform(1, 5, size=(3, 8))
        return np.clip(np.round(places[y] + rng.normal(0, 0.8, (n, 8))), 1, 5), y
    return rng.poisson(rng.uniform(0.3, 8, size=(3, 5))[y]).astype(float), y


def error(y, labels):
    """Share of wrong labels under the best renaming of the clusters."""
    table = confusion_matrix(y, labels)
    rows, columns = linear_sum_assignment(-table)
    return 1 - table[rows, columns].sum() / np.sum(table)
