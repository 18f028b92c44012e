"""Plain K-means where the solvers ask for it."""

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from skgeo.utils.parallel import single_openmp_thread

__all__ = ["group_means", "group_rows", "lift_centers", "split_cells"]

_MANY = 5000  # points from which cells are found in mini-batches
_FEW = 2000  # rows up to which one thread is the fastest


def group_means(X, labels, n_groups):
    """Mean of each group of rows, (n_groups, n_features); no group may be empty."""
    return np.array([X[labels == k].mean(axis=0) for k in range(n_groups)])


def group_rows(rows, n_groups, random_state, n_init=5):
    """Group the rows of the leading eigenvectors of a membership matrix."""
    seed = random_state.randint(np.iinfo(np.int32).max)
    model = KMeans(n_groups, n_init=n_init, random_state=seed)
    with single_openmp_thread(len(rows) <= _FEW):
        return model.fit_predict(rows).astype(np.intp)


def split_cells(points, n_cells, random_state):
    """Split points into small cells."""
    seed = random_state.randint(np.iinfo(np.int32).max)
    if len(points) > _MANY:
        model = MiniBatchKMeans(
            n_cells, n_init=1, batch_size=4096, max_iter=20, random_state=seed
        )
    else:
        model = KMeans(n_cells, n_init=1, max_iter=30, random_state=seed)
    with single_openmp_thread(len(points) <= _FEW):
        return model.fit_predict(points)


def lift_centers(X, centers, weight=None):
    """Run Lloyd's algorithm on all points until the labels stand still."""
    model = KMeans(len(centers), init=centers, n_init=1, tol=0.0, max_iter=300)
    with single_openmp_thread(len(X) <= _FEW):
        model.fit(X, sample_weight=weight)
    return model.labels_.astype(np.intp)
