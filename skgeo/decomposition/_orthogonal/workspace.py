"""Arrays that every step writes anew."""

import numpy as np

from skgeo.decomposition._orthogonal.codes import code_powers

__all__ = ["Workspace"]


class Workspace:
    """Arrays that a step of n atoms works in: none of them is part of the state."""

    def __init__(self, pending, n, p):
        dtype = pending.dtype
        self.rows = np.empty_like(pending)
        self.codes = np.empty((len(pending), n), dtype=dtype)
        self.ascent = np.empty((n, n), dtype=dtype)
        self.moments = np.empty((4, n))
        self.powers = np.array(code_powers(p))[:, None]
