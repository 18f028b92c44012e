"""The clustering SDPs through cvxpy: slow, independent, the oracle of the tests."""

import numpy as np

__all__ = ["cvxpy_seconds", "solve_with_cvxpy"]


def cvxpy_seconds(n, tol, max_iter):
    """About how long SCS takes for one block, as timed on 20 to 300 points.

    It took 50 to 275 iterations to a tolerance of 1e-4, 3,500 to 1e-6.
    """
    steps = min(300.0 * np.sqrt(1e-4 / max(tol, 1e-15)), max_iter)
    return steps * (5e-10 * n**3 + 5e-8 * n**2)


def solve_with_cvxpy(A, traces, *, solver="SCS", tol=1e-6, max_iter=100_000):
    """Solve the problem of :mod:`skgeo.cluster._solvers.admm`: q constant, m = n.

    Parameters
    ----------
    A : ndarray of shape (n_blocks, n, n)
        Symmetric objective matrices.
    traces : sequence of float
        Traces of the blocks.
    solver : {"SCS", "CLARABEL"}
        Conic solver.
    tol, max_iter : float, int
        Passed to SCS.

    Returns
    -------
    Z : ndarray of shape (n_blocks, n, n)
        Solution.
    N : ndarray of shape (n_blocks, n, n)
        Multipliers of the sign constraints, symmetric and nonnegative.
    value : float
        Objective.
    n_iter : int
        Iterations of the conic solver.

    Raises
    ------
    ImportError
        If cvxpy is not installed.
    """
    try:
        import cvxpy as cp
    except ImportError as error:
        raise ImportError(
            "solver='cvxpy' needs cvxpy; install it with `pip install skgeo[cvx]`."
        ) from error
    n = A.shape[1]
    scale = np.linalg.norm(A) or 1.0
    blocks = [cp.Variable((n, n), PSD=True) for _ in A]
    signs = [Z >= 0 for Z in blocks]
    constraints = [*signs, cp.sum(sum(blocks), axis=1) == 1]
    constraints += [cp.trace(Z) == c for Z, c in zip(blocks, traces, strict=True)]
    value = sum(cp.trace((a / scale) @ Z) for a, Z in zip(A, blocks, strict=True))
    problem = cp.Problem(cp.Maximize(value), constraints)
    options = {}
    if solver == "SCS":
        options = {"eps_abs": tol, "eps_rel": tol, "max_iters": max_iter}
    problem.solve(solver=solver, **options)
    N = np.array([s.dual_value for s in signs]) * scale
    N = np.maximum(0.5 * (N + N.transpose(0, 2, 1)), 0.0)
    Z = np.array([Z.value for Z in blocks])
    return Z, N, float(problem.value) * scale, problem.solver_stats.num_iters or 0
