"""Solvers: arrays in, a :class:`SolverResult` out, no estimator imported."""

from skgeo.solvers._result import SolverResult

__all__ = ["SolverResult"]
