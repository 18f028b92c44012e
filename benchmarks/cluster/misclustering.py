"""Settings and error measure of the mis-clustering benchmarks."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import confusion_matrix

from skgeo.datasets import make_gaussian_clusters

__all__ = ["SETTINGS", "draw", "error"]

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


def error(y, labels):
    """Share of wrong labels under the best renaming of the clusters."""
    table = confusion_matrix(y, labels)
    rows, columns = linear_sum_assignment(-table)
    return 1 - table[rows, columns].sum() / np.sum(table)
