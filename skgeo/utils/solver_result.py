"""What every iterative solver returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SolverResult"]


@dataclass(frozen=True, slots=True)
class SolverResult:
    """Outcome of an iterative solver; those that have more to say have a subclass.

    Attributes
    ----------
    x : ndarray or tuple of ndarray
        The solution.
    objective : ndarray of shape (n_iter + 1,) or (n_iter,)
        Objective after each outer iteration; empty when none is computed.
    stop : float
        Last value of the stopping criterion.
    n_iter : int
        Number of outer iterations done.
    converged : bool
        Whether the stopping criterion fell below its tolerance.
    """

    x: Any
    objective: np.ndarray
    stop: float
    n_iter: int
    converged: bool
