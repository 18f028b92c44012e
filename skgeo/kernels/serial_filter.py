"""Serial ensemble square-root filter: one observation after the other."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["serial_update", "taper_weight", "warmup"]


@jit
def taper_weight(r):
    """Gaspari-Cohn correlation at distance r in units of half its support."""
    if r >= 2.0:
        return 0.0
    if r <= 1.0:
        return (((-0.25 * r + 0.5) * r + 0.625) * r - 5.0 / 3.0) * r * r + 1.0
    value = ((((r / 12.0 - 0.5) * r + 0.625) * r + 5.0 / 3.0) * r - 5.0) * r + 4.0
    return max(value - 2.0 / (3.0 * r), 0.0)


@jit
def serial_update(
    A, mean, rows, scales, values, spots, radius, shape, periodic, starts, members
):
    """Assimilate observations in turn, each changing what is within reach.

    Parameters
    ----------
    A : ndarray of shape (n_rows, n_members)
        Anomalies of state components and of further observed quantities; overwritten.
    mean : ndarray of shape (n_rows,)
        Their means; overwritten.
    rows : ndarray of int of shape (n_obs,)
        Row that each observation sees.
    scales, values : ndarray of shape (n_obs,)
        Standard deviation of its error, and its value.
    spots : ndarray of shape (n_obs, 2)
        Its position on the grid, (y, x).
    radius : float
        Distance in grid points at which its reach ends; infinite for all rows.
    shape : ndarray of int of shape (2,)
        Shape of the grid.
    periodic : bool
        Whether the grid is periodic.
    starts, members : ndarray of int
        Rows of each grid point: ``members[starts[p]:starts[p + 1]]``.
    """
    n_rows, n_members = A.shape
    n = n_members - 1.0
    ny, nx = shape[0], shape[1]
    local = radius < np.inf
    seen = np.empty(n_members)
    for j in range(rows.shape[0]):
        total = 0.0
        for m in range(n_members):
            seen[m] = A[rows[j], m] / scales[j]
            total += seen[m] * seen[m]
        spread = total / n + 1.0
        shrink = 1.0 / (1.0 + np.sqrt(1.0 / spread))
        innovation = (values[j] - mean[rows[j]]) / scales[j]
        factor = 1.0 / (n * spread)
        if not local:
            for i in range(n_rows):
                gain = 0.0
                for m in range(n_members):
                    gain += A[i, m] * seen[m]
                gain *= factor
                mean[i] += gain * innovation
                for m in range(n_members):
                    A[i, m] -= shrink * gain * seen[m]
            continue
        y0, x0 = int(np.rint(spots[j, 0])), int(np.rint(spots[j, 1]))
        reach = int(np.ceil(radius)) + 1
        # Each point of a periodic axis once, however far the reach.
        low_y, high_y = -min(reach, (ny - 1) // 2), min(reach, ny // 2)
        low_x, high_x = -min(reach, (nx - 1) // 2), min(reach, nx // 2)
        if not periodic:
            low_y, high_y = max(-reach, -y0), min(reach, ny - 1 - y0)
            low_x, high_x = max(-reach, -x0), min(reach, nx - 1 - x0)
        for dy in range(low_y, high_y + 1):
            for dx in range(low_x, high_x + 1):
                gap_y = abs(y0 + dy - spots[j, 0])
                gap_x = abs(x0 + dx - spots[j, 1])
                if periodic:
                    gap_y, gap_x = min(gap_y, ny - gap_y), min(gap_x, nx - gap_x)
                r = 2.0 * np.sqrt(gap_y * gap_y + gap_x * gap_x) / radius
                w = taper_weight(r)
                if w == 0.0:
                    continue
                point = ((y0 + dy) % ny) * nx + (x0 + dx) % nx
                for k in range(starts[point], starts[point + 1]):
                    i = members[k]
                    gain = 0.0
                    for m in range(n_members):
                        gain += A[i, m] * seen[m]
                    gain *= factor * w
                    mean[i] += gain * innovation
                    for m in range(n_members):
                        A[i, m] -= shrink * gain * seen[m]


def warmup():
    """Compile the kernels of this module on tiny data."""
    A = np.array([[1.0, -1.0], [0.5, -0.5]])
    serial_update(
        A,
        np.zeros(2),
        np.array([0]),
        np.ones(1),
        np.ones(1),
        np.zeros((1, 2)),
        2.0,
        np.array([1, 2]),
        True,
        np.array([0, 1, 2]),
        np.array([0, 1]),
    )
    taper_weight(0.5)
